/* The process that connects this node with others. */
#include "core/otp/dist.h"

#include "core/otp/dist_internal.h"
#include "core/otp/sched.h"

#define BACKLOG 128
#define TICK_DEFAULT WEFT_S(60)

static int read_config(weft_self *self, struct weft_bytes arg, struct weft_dist_config *config) {
    struct dist *dist = weft_state(self);
    const struct remote *remote = self->sched->remote;
    WEFT_ASSERT(arg.size == sizeof *config);
    memcpy(config, arg.data, sizeof *config);
    if (remote == NULL || remote->index != CARRIER || remote->hub->node[0] == '\0')
        return WEFT_ERR_INVAL;
    size_t size = config->cookie == NULL ? 0 : strlen(config->cookie);
    if (size == 0 || size >= sizeof dist->cookie) return WEFT_ERR_INVAL;
    memcpy(dist->cookie, config->cookie, size + 1);
    dist->quarter = (config->tick > 0 ? config->tick : TICK_DEFAULT) / DIST_QUARTERS_MAX;
    dist->connect = config->connect;
    dist->connect_count = config->connect_count;
    for (size_t i = 0; i < config->connect_count; i++) {
        struct weft_addr addr;
        if (weft_node_name_addr(config->connect[i], &addr) != WEFT_OK) return WEFT_ERR_INVAL;
    }
    if (config->listen.family != WEFT_FAMILY_NONE) return WEFT_OK;
    return weft_node_name_addr(remote->hub->node, &config->listen);
}

static int init(weft_self *self, struct weft_bytes arg) {
    struct dist *dist = weft_state(self);
    struct weft_dist_config config;
    weft_list_init(&dist->conns);
    weft_trap_exit(self, true); /* anyone may link to this process, and end */
    int rv = read_config(self, arg, &config);
    if (rv != WEFT_OK) return rv;
    dist->buffer = weft_alloc(self, DIST_BUFFER);
    if (dist->buffer == NULL) return WEFT_ERR_NOMEM;
    rv = weft_stream_listen(self, &config.listen, BACKLOG, &dist->listener);
    if (rv == WEFT_OK)
        rv = weft_timer_start(self, dist->quarter, DIST_QUARTER, weft_bytes(NULL, 0), NULL);
    if (rv == WEFT_OK) rv = weft_otp__dist_begin(self);
    return rv == WEFT_OK ? weft_sched_send(self->sched, self->pid, DIST_START, weft_bytes(NULL, 0))
                         : rv;
}

/* --- what the runtime wants --- */

static void call(weft_self *self, struct peer *peer) {
    struct dist *dist = weft_state(self);
    struct weft_addr addr;
    weft_socket socket;
    if (weft_otp__conn_to(dist, peer, true) != NULL) return;
    if (weft_otp__conn_to(dist, peer, false) != NULL) return;
    int rv = weft_node_name_addr(peer->name, &addr);
    WEFT_ASSERT(rv == WEFT_OK);
    if (weft_stream_connect(self, &addr, &socket) != WEFT_OK) {
        weft_otp__dist_down(self, peer);
        return;
    }
    if (weft_otp__conn_new(self, socket, peer) != NULL) return;
    weft_socket_close(self, socket);
    weft_otp__dist_down(self, peer);
}

static void hang_up(weft_self *self, struct peer *peer) {
    struct dist *dist = weft_state(self);
    struct conn *conn = weft_otp__conn_to(dist, peer, true);
    if (conn == NULL) conn = weft_otp__conn_to(dist, peer, false);
    if (conn != NULL) {
        weft_otp__conn_end(self, conn, true);
    } else {
        weft_otp__dist_down(self, peer);
    }
}

/* --- what comes --- */

/* Without a message to itself the connection would hang for ever. */
static void read_on(weft_self *self, struct conn *conn) {
    struct weft_bytes socket = weft_bytes(&conn->socket, sizeof conn->socket);
    struct post post = {.kind = WEFT_MSG_CAST, .tag = DIST_READ_ON, .data = socket, .force = true};
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = weft_otp__post(self, &post);
    weft_otp__leave(sched);
    if (rv != WEFT_OK) weft_otp__conn_end(self, conn, true);
}

static void read_signals(weft_self *self, struct conn *conn) {
    struct weft_env *env = weft_self_env(self);
    struct dist *dist = weft_state(self);
    for (int i = 0; i < DIST_READS_MAX; i++) {
        int64_t came = env->net->stream_read(env, conn->socket, dist->buffer, DIST_BUFFER);
        if (came == WEFT_ERR_AGAIN) return;
        int rv = came <= 0 ? WEFT_ERR_CLOSED
                           : weft_otp__dist_feed(self, conn->peer,
                                                 weft_bytes(dist->buffer, (size_t)came));
        if (rv != WEFT_OK) {
            weft_otp__conn_end(self, conn, true);
            return;
        }
    }
    read_on(self, conn);
}

static void readable(weft_self *self, weft_socket socket) {
    struct conn *conn = weft_otp__conn_of(weft_state(self), socket);
    if (conn != NULL && !conn->up) weft_otp__conn_shake(self, conn);
    conn = weft_otp__conn_of(weft_state(self), socket);
    if (conn != NULL && conn->up) read_signals(self, conn);
}

static void accepted(weft_self *self, weft_socket socket) {
    struct conn *conn = weft_otp__conn_new(self, socket, NULL);
    if (conn == NULL) {
        weft_socket_close(self, socket);
    } else {
        weft_otp__conn_begin(self, conn);
    }
}

static void on_event(weft_self *self, const struct weft_event *event) {
    struct dist *dist = weft_state(self);
    struct conn *conn = weft_otp__conn_of(dist, event->socket);
    if (event->kind == WEFT_EVENT_ACCEPTED) {
        accepted(self, event->accepted);
    } else if (conn == NULL) {
        return;
    } else if (event->kind == WEFT_EVENT_CONNECTED) {
        weft_otp__conn_begin(self, conn);
    } else if (event->kind == WEFT_EVENT_READABLE) {
        readable(self, event->socket);
    } else if (event->kind == WEFT_EVENT_WRITABLE && conn->up) {
        weft_otp__dist_writable(self, conn->peer);
    } else if (event->kind == WEFT_EVENT_FAILED) {
        weft_otp__conn_end(self, conn, true);
    }
}

/* A tick to a node that is not connected connects it. */
static void connect_wanted(weft_self *self) {
    struct dist *dist = weft_state(self);
    struct weft_hub *hub = self->sched->remote->hub;
    for (size_t i = 0; i < dist->connect_count; i++) {
        struct peer *peer;
        if (strcmp(dist->connect[i], hub->node) == 0) continue;
        if (weft_otp__hub_peer(hub, dist->connect[i], true, &peer) != WEFT_OK) continue;
        if (atomic_load(&peer->state) == PEER_DOWN) weft_otp__dist_tick(self, peer);
    }
}

/* --- ticks --- */

/* True: it is lost. */
static bool quarter_of(weft_self *self, struct conn *conn) {
    const struct far_node *far = conn->up ? weft_otp__dist_node(self, conn->peer) : NULL;
    if (far == NULL) return ++conn->quarters > DIST_QUARTERS_MAX / 2;
    if (far->written == conn->written) weft_otp__dist_tick(self, conn->peer);
    conn->quarters = far->read == conn->read ? conn->quarters + 1 : 0;
    conn->written = far->written;
    conn->read = far->read;
    return conn->quarters >= DIST_QUARTERS_MAX;
}

static void on_quarter(weft_self *self) {
    struct dist *dist = weft_state(self);
    struct weft_link *next;
    for (struct weft_link *at = dist->conns.next; at != &dist->conns; at = next) {
        struct conn *conn = WEFT_CONTAINER(at, struct conn, link);
        next = at->next;
        if (quarter_of(self, conn)) weft_otp__conn_end(self, conn, true);
    }
    connect_wanted(self);
    int rv = weft_timer_start(self, dist->quarter, DIST_QUARTER, weft_bytes(NULL, 0), NULL);
    if (rv == WEFT_OK) return;
    struct weft_reason why = weft_reason_text(WEFT_REASON_ERROR, rv, "no ticks");
    weft_stop(self, &why); /* of no use: start again */
}

static void on_cast(weft_self *self, const struct weft_msg *msg) {
    struct peer *peer;
    weft_socket socket;
    if (!weft_pid_is_none(msg->from)) return; /* not of the runtime */
    if (msg->tag == DIST_READ_ON) {
        memcpy(&socket, msg->data.data, sizeof socket);
        readable(self, socket);
        return;
    }
    if (msg->tag == DIST_START) connect_wanted(self);
    if (msg->data.size != sizeof peer) return;
    memcpy(&peer, msg->data.data, sizeof peer);
    if (msg->tag == DIST_CONNECT) call(self, peer);
    if (msg->tag == DIST_DISCONNECT) hang_up(self, peer);
}

static void handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_EVENT) {
        on_event(self, msg->event);
    } else if (msg->kind == WEFT_MSG_TIMER) {
        on_quarter(self);
    } else if (msg->kind == WEFT_MSG_CAST) {
        on_cast(self, msg);
    }
}

const struct weft_behaviour weft_dist = {.name = "dist",
                                         .version = 1,
                                         .state_size = sizeof(struct dist),
                                         .init = init,
                                         .handle = handle};
