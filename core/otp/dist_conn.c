/* Connections, until they are up: who calls whom, and whose call counts. */
#include "core/otp/dist_internal.h"

struct conn *weft_otp__conn_of(struct dist *dist, weft_socket socket) {
    for (struct weft_link *at = dist->conns.next; at != &dist->conns; at = at->next) {
        struct conn *conn = WEFT_CONTAINER(at, struct conn, link);
        if (conn->socket == socket) return conn;
    }
    return NULL;
}

struct conn *weft_otp__conn_to(struct dist *dist, const struct peer *peer, bool up) {
    for (struct weft_link *at = dist->conns.next; at != &dist->conns; at = at->next) {
        struct conn *conn = WEFT_CONTAINER(at, struct conn, link);
        if (conn->peer == peer && conn->up == up) return conn;
    }
    return NULL;
}

static void end_oldest_stranger(weft_self *self) {
    struct dist *dist = weft_state(self);
    for (struct weft_link *at = dist->conns.next; at != &dist->conns; at = at->next) {
        struct conn *conn = WEFT_CONTAINER(at, struct conn, link);
        if (conn->caller || conn->up) continue;
        weft_otp__conn_end(self, conn, true);
        return;
    }
}

struct conn *weft_otp__conn_new(weft_self *self, weft_socket socket, struct peer *peer) {
    struct dist *dist = weft_state(self);
    /* Those who say nothing must not keep out those who know the cookie. */
    if (peer == NULL && dist->strangers >= DIST_STRANGERS_MAX) end_oldest_stranger(self);
    struct conn *conn = weft_alloc(self, sizeof *conn);
    if (conn == NULL) return NULL;
    conn->socket = socket;
    conn->peer = peer;
    conn->caller = peer != NULL;
    if (peer == NULL) dist->strangers++;
    weft_list_init(&conn->link);
    weft_list_push_back(&dist->conns, &conn->link);
    return conn;
}

void weft_otp__conn_end(weft_self *self, struct conn *conn, bool lost) {
    struct dist *dist = weft_state(self);
    struct peer *peer = conn->peer;
    bool up = conn->up;
    if (conn->socket != WEFT_SOCKET_NONE) weft_socket_close(self, conn->socket);
    if (!up && !conn->caller) {
        WEFT_ASSERT(dist->strangers > 0);
        dist->strangers--;
    }
    weft_list_remove(&conn->link);
    weft_free(self, conn);
    if (peer == NULL) return;
    bool other =
        weft_otp__conn_to(dist, peer, true) != NULL || weft_otp__conn_to(dist, peer, false) != NULL;
    if (up || (lost && !other)) weft_otp__dist_down(self, peer);
}

/* A fresh socket has room for a few hundred bytes; one that has not is of no use. */
static bool say(weft_self *self, const struct conn *conn, const struct weft_signal *signal) {
    struct weft_env *env = weft_self_env(self);
    unsigned char frame[HANDSHAKE_FRAME_MAX];
    size_t size = weft_signal_size(signal);
    WEFT_ASSERT(size <= sizeof frame);
    weft_signal_encode(signal, frame);
    return env->net->stream_write(env, conn->socket, frame, size) == (int64_t)size;
}

void weft_otp__conn_begin(weft_self *self, struct conn *conn) {
    struct weft_env *env = weft_self_env(self);
    struct dist *dist = weft_state(self);
    const struct weft_hub *hub = self->sched->remote->hub;
    struct handshake *handshake = &conn->handshake;
    memcpy(handshake->own.name, hub->node, sizeof hub->node);
    handshake->own.creation = hub->creation;
    memcpy(handshake->cookie, dist->cookie, sizeof dist->cookie);
    env->entropy->fill(env, handshake->own.nonce, sizeof handshake->own.nonce);
    if (!conn->caller) {
        weft_otp__handshake_listen(handshake);
        return;
    }
    struct weft_signal hello;
    memcpy(handshake->peer.name, conn->peer->name, conn->peer->name_size);
    weft_otp__handshake_call(handshake, &hello);
    if (!say(self, conn, &hello)) weft_otp__conn_end(self, conn, true);
}

/* Both called at once: the call of the node with the greater name counts
 * (erl_dist_protocol: "simultaneous connect"). True: the one that came may go on. Ours ends only
 * when theirs is done, for until then it may be a stranger's who took that name. */
static bool yields(weft_self *self, const struct conn *conn) {
    struct dist *dist = weft_state(self);
    const char *name = conn->handshake.peer.name;
    const struct weft_hub *hub = self->sched->remote->hub;
    for (struct weft_link *at = dist->conns.next; at != &dist->conns; at = at->next) {
        struct conn *own = WEFT_CONTAINER(at, struct conn, link);
        if (!own->caller || own->up || strcmp(own->peer->name, name) != 0) continue;
        return own->socket == WEFT_SOCKET_NONE || strcmp(name, hub->node) > 0;
    }
    return true;
}

static void drop_others(weft_self *self, const struct conn *conn) {
    struct dist *dist = weft_state(self);
    struct weft_link *next;
    for (struct weft_link *at = dist->conns.next; at != &dist->conns; at = next) {
        struct conn *other = WEFT_CONTAINER(at, struct conn, link);
        next = at->next;
        if (other != conn && other->peer == conn->peer) weft_otp__conn_end(self, other, false);
    }
}

/* An earlier connection with the same node is one it has lost. */
static void finish(weft_self *self, struct conn *conn) {
    struct dist *dist = weft_state(self);
    const struct handshake *handshake = &conn->handshake;
    struct weft_hub *hub = self->sched->remote->hub;
    int rv = WEFT_OK;
    if (conn->peer == NULL) {
        rv = weft_otp__hub_peer(hub, handshake->peer.name, true, &conn->peer);
        if (rv != WEFT_OK) conn->peer = NULL;
    }
    if (rv == WEFT_OK) {
        drop_others(self, conn);
        rv = weft_otp__dist_up(self, conn->peer, handshake->peer.creation, conn->socket);
    }
    if (rv != WEFT_OK) {
        weft_otp__conn_end(self, conn, true);
        return;
    }
    if (!conn->caller) dist->strangers--;
    conn->up = true;
    conn->quarters = 0;
}

static void fail(weft_self *self, struct conn *conn, int error) {
    const char *name = conn->peer != NULL ? conn->peer->name : conn->handshake.peer.name;
    if (conn->caller && error == WEFT_ERR_IN_USE) { /* I3 */
        weft_socket_close(self, conn->socket);
        conn->socket = WEFT_SOCKET_NONE;
        conn->quarters = 0;
        return;
    }
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "node %s: %s", name, weft_error_text(error));
    weft_otp__conn_end(self, conn, true);
}

/* A whole frame came. False: the connection is not in its handshake any more. */
static bool shake(weft_self *self, struct conn *conn, const struct weft_signal *in) {
    struct weft_signal out;
    int rv = weft_otp__handshake_step(&conn->handshake, in, &out);
    /* Asked before each answer: we may have called since the first. */
    if (rv == WEFT_OK && out.kind != 0 && !conn->caller && !yields(self, conn)) {
        rv = WEFT_ERR_IN_USE;
        out = (struct weft_signal){.kind = WEFT_SIGNAL_REFUSED, .value = rv};
    }
    if (out.kind != 0 && !say(self, conn, &out) && rv == WEFT_OK) rv = WEFT_ERR_CLOSED;
    if (rv != WEFT_OK) {
        fail(self, conn, rv);
        return false;
    }
    if (conn->handshake.state != HANDSHAKE_DONE) return true;
    finish(self, conn);
    return false;
}

/* How many bytes the frame lacks; 0: it is too large. */
static size_t wanted(const struct conn *conn) {
    if (conn->size < 4) return 4 - conn->size;
    size_t size = (size_t)weft_number_get32(conn->frame) + 4;
    return size > sizeof conn->frame || size < WEFT_SIGNAL_HEAD ? 0 : size - conn->size;
}

/* Not a byte more than the handshake's is read: what follows are signals. */
void weft_otp__conn_shake(weft_self *self, struct conn *conn) {
    struct weft_env *env = weft_self_env(self);
    for (;;) {
        size_t want = wanted(conn), size;
        if (want == 0) {
            fail(self, conn, WEFT_ERR_MALFORMED);
            return;
        }
        int64_t came = env->net->stream_read(env, conn->socket, conn->frame + conn->size, want);
        if (came == WEFT_ERR_AGAIN) return;
        if (came <= 0) {
            fail(self, conn, came == 0 ? WEFT_ERR_CLOSED : (int)came);
            return;
        }
        conn->size += (size_t)came;
        struct weft_signal in;
        int rv = weft_signal_decode(weft_bytes(conn->frame, conn->size), &in, &size);
        if (rv == WEFT_ERR_AGAIN) continue;
        if (rv != WEFT_OK) {
            fail(self, conn, rv);
            return;
        }
        conn->size = 0;
        if (!shake(self, conn, &in)) return;
    }
}
