/* Sockets of processes, and the events that come for them. */
#include "core/otp/internal.h"

static struct sock *sock_find(struct weft_process *proc, weft_socket socket) {
    struct extra *extra = proc->extra;
    if (extra == NULL) return NULL;
    for (struct weft_link *at = extra->sockets.first; at != NULL;
         at = ring_next(&extra->sockets, at)) {
        struct sock *sock = WEFT_CONTAINER(at, struct sock, link);
        if (sock->socket == socket) return sock;
    }
    return NULL;
}

/* `proc` has an extra. */
static void sock_add(struct weft_process *proc, struct sock *sock) {
    WEFT_ASSERT(proc->extra != NULL);
    ring_push(&proc->extra->sockets, &sock->link);
    proc->extra->sockets_count++;
    proc->sched->sockets_count++;
}

static void sock_remove(struct weft_process *proc, struct sock *sock) {
    struct extra *extra = proc->extra;
    WEFT_ASSERT(extra->sockets_count > 0);
    WEFT_ASSERT(proc->sched->sockets_count > 0);
    ring_remove(&extra->sockets, &sock->link);
    extra->sockets_count--;
    proc->sched->sockets_count--;
}

static void sock_free(struct weft_process *proc, struct sock *sock) {
    sock_remove(proc, sock);
    weft_otp__free(proc->sched, sock, sizeof *sock);
}

/* The record is made before the socket is, so that no socket is without an owner. */
static struct sock *sock_new(struct weft_process *owner) {
    struct weft_sched *sched = owner->sched;
    if (weft_otp__extra(owner) == NULL) return NULL;
    struct sock *sock = weft_otp__alloc(sched, sizeof *sock);
    if (sock != NULL) *sock = (struct sock){.socket = WEFT_SOCKET_NONE};
    return sock;
}

void weft_otp__sockets_close(struct extra *extra) {
    struct weft_process *proc = extra->proc;
    struct weft_env *env = proc->sched->env;
    while (!ring_empty(&extra->sockets)) {
        struct sock *oldest = WEFT_CONTAINER(extra->sockets.first, struct sock, link);
        env->net->close(env, oldest->socket);
        sock_free(proc, oldest);
    }
    WEFT_ASSERT(extra->sockets_count == 0);
}

enum opening { OPEN_DATAGRAM, OPEN_LISTEN, OPEN_CONNECT };

struct request {
    enum opening kind;
    struct weft_addr addr;
    int backlog;
};

static int open_as(weft_self *self, struct request *request, weft_socket *out) {
    struct weft_env *env = self->sched->env;
    uint64_t owner = self->pid.raw;
    switch (request->kind) {
    case OPEN_DATAGRAM:
        return env->net->datagram_open(env, &request->addr, owner, out);
    case OPEN_LISTEN:
        return env->net->stream_listen(env, &request->addr, request->backlog, owner, out);
    case OPEN_CONNECT:
        return env->net->stream_connect(env, &request->addr, owner, out);
    }
    return WEFT_ERR_INVAL;
}

static int open_socket(weft_self *self, struct request *request, weft_socket *out) {
    struct weft_sched *sched = weft_otp__enter(self);
    struct sock *sock = sock_new(self);
    int rv = sock == NULL ? WEFT_ERR_NOMEM : open_as(self, request, &sock->socket);
    weft_socket opened = WEFT_SOCKET_NONE;
    if (rv == WEFT_OK) {
        WEFT_ASSERT(sock->socket != WEFT_SOCKET_NONE);
        opened = sock->socket;
        sock_add(self, sock);
    } else {
        weft_otp__free(sched, sock, sizeof *sock);
    }
    weft_otp__leave(sched);
    *out = opened;
    return rv;
}

int weft_datagram_open(weft_self *self, struct weft_addr *local, weft_socket *out) {
    WEFT_ASSERT(local != NULL);
    struct request request = {.kind = OPEN_DATAGRAM, .addr = *local};
    int rv = open_socket(self, &request, out);
    if (rv == WEFT_OK) *local = request.addr;
    return rv;
}

int weft_stream_listen(weft_self *self, struct weft_addr *local, int backlog, weft_socket *out) {
    WEFT_ASSERT(local != NULL);
    WEFT_ASSERT(backlog > 0);
    struct request request = {.kind = OPEN_LISTEN, .addr = *local, .backlog = backlog};
    int rv = open_socket(self, &request, out);
    if (rv == WEFT_OK) *local = request.addr;
    return rv;
}

int weft_stream_connect(weft_self *self, const struct weft_addr *to, weft_socket *out) {
    WEFT_ASSERT(to != NULL);
    struct request request = {.kind = OPEN_CONNECT, .addr = *to};
    return open_socket(self, &request, out);
}

/* I1  every EVENT in a mailbox is of a socket of that process, or was when the walk began: what
 * belongs to nobody here any more goes the way of `socket`. An ACCEPTED comes before the events of
 * the stream it brought, so one walk in order is enough. */
struct walk {
    struct weft_process *from;
    struct weft_process *to; /* NULL: drop */
    weft_socket socket;
    bool more; /* accepted streams went too */
};

static bool concerns(const struct walk *walk, const struct mail *mail) {
    if (mail->kind != WEFT_MSG_EVENT) return false;
    weft_socket socket = ((const struct event_mail *)mail)->event.socket;
    if (socket == walk->socket) return true;
    return walk->more && sock_find(walk->from, socket) == NULL;
}

static void pass_sock(struct walk *walk, struct sock *sock) {
    struct weft_env *env = walk->from->sched->env;
    if (walk->to == NULL) {
        env->net->abort(env, sock->socket);
        sock_free(walk->from, sock);
        return;
    }
    sock_remove(walk->from, sock);
    sock_add(walk->to, sock);
    env->net->own(env, sock->socket, walk->to->pid.raw);
}

static void pass_event(struct walk *walk, struct event_mail *event) {
    if (event->event.kind == WEFT_EVENT_ACCEPTED) {
        struct sock *accepted = sock_find(walk->from, event->event.accepted);
        if (accepted != NULL) pass_sock(walk, accepted);
        walk->more = true;
    }
    weft_otp__mail_take(walk->from, &event->mail);
    if (walk->to == NULL) {
        weft_otp__mail_free(walk->from->sched, &event->mail);
        return;
    }
    event->event.owner = walk->to->pid.raw;
    weft_otp__mail_push(walk->to, &event->mail);
}

static void walk_events(struct walk *walk) {
    struct weft_process *from = walk->from;
    struct weft_link *next;
    for (struct weft_link *at = from->mailbox.first; at != NULL; at = next) {
        struct mail *mail = WEFT_CONTAINER(at, struct mail, link);
        next = ring_next(&from->mailbox, at);
        if (from->extra->events_count == 0) return;
        if (concerns(walk, mail)) pass_event(walk, (struct event_mail *)mail);
    }
}

static int give(struct weft_sched *sched, weft_self *self, weft_socket socket, weft_pid to) {
    struct walk walk = {.from = self, .to = weft_otp__find(sched, to), .socket = socket};
    if (walk.to == NULL) return WEFT_ERR_NO_PROC;
    struct sock *sock = sock_find(self, socket);
    if (sock == NULL) return WEFT_ERR_NOT_FOUND;
    if (walk.to == self) return WEFT_OK;
    if (weft_otp__extra(walk.to) == NULL) return WEFT_ERR_NOMEM;
    pass_sock(&walk, sock);
    walk_events(&walk);
    return WEFT_OK;
}

int weft_socket_give(weft_self *self, weft_socket socket, weft_pid to) {
    WEFT_ASSERT(socket != WEFT_SOCKET_NONE);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = give(sched, self, socket, to);
    weft_otp__leave(sched);
    return rv;
}

static void end_socket(weft_self *self, weft_socket socket, bool abort) {
    struct weft_env *env = self->sched->env;
    struct sock *sock = sock_find(self, socket);
    if (sock == NULL) return;
    if (abort) {
        env->net->abort(env, socket);
    } else {
        env->net->close(env, socket);
    }
    sock_free(self, sock);
    struct walk walk = {.from = self, .socket = socket};
    walk_events(&walk);
}

void weft_socket_close(weft_self *self, weft_socket socket) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    end_socket(self, socket, false);
    weft_otp__leave(sched);
}

void weft_socket_abort(weft_self *self, weft_socket socket) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    end_socket(self, socket, true);
    weft_otp__leave(sched);
}

static struct event_mail *event_new(struct weft_process *owner, const struct weft_event *event) {
    size_t size = event->kind == WEFT_EVENT_DATAGRAM ? event->size : 0;
    struct event_mail *mail;
    if (weft_otp__extra(owner) == NULL) return NULL;
    struct record record = {WEFT_MSG_EVENT, sizeof *mail + size, sizeof mail->mail};
    mail = weft_otp__mail_new(owner->sched, &record);
    if (mail == NULL) return NULL;
    mail->event = *event;
    mail->event.size = size;
    mail->event.data = size > 0 ? mail->data : NULL;
    if (size > 0) memcpy(mail->data, event->data, size);
    return mail;
}

/* An accepted stream is the owner's from now on, whether or not it reads the event. */
static bool adopt(struct weft_process *owner, weft_socket accepted) {
    struct sock *sock = sock_new(owner);
    if (sock == NULL) return false;
    sock->socket = accepted;
    sock_add(owner, sock);
    return true;
}

static void refuse(struct weft_sched *sched, const struct weft_event *event) {
    struct weft_env *env = sched->env;
    if (event->kind == WEFT_EVENT_ACCEPTED) env->net->abort(env, event->accepted);
}

/* A process that cannot be told of its stream would wait for ever: it ends instead. */
static void fail_owner(struct weft_process *owner) {
    weft_otp__doom(owner, weft_otp__cause_plain(WEFT_REASON_LIMIT, WEFT_ERR_NOMEM));
    weft_otp__reap(owner->sched);
}

static void deliver_stream(struct weft_process *owner, const struct weft_event *event) {
    struct weft_sched *sched = owner->sched;
    if (event->kind == WEFT_EVENT_ACCEPTED && !adopt(owner, event->accepted)) {
        refuse(sched, event);
        sched->dropped++;
        return;
    }
    struct event_mail *mail = event_new(owner, event);
    if (mail == NULL) {
        sched->dropped++;
        fail_owner(owner);
        return;
    }
    weft_otp__mail_push(owner, &mail->mail);
}

void weft_sched_deliver(struct weft_sched *sched, const struct weft_event *event) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(event != NULL);
    if (event->kind == WEFT_EVENT_JOB) {
        weft_otp__job_done(sched, event);
        return;
    }
    struct weft_process *owner = weft_otp__find(sched, (weft_pid){event->owner});
    sched->recent.raw = event->owner;
    if (owner == NULL) {
        refuse(sched, event);
        return;
    }
    if (event->kind != WEFT_EVENT_DATAGRAM) {
        deliver_stream(owner, event);
        return;
    }
    bool full = owner->mailbox_count >= weft_otp__mailbox_max(owner);
    struct event_mail *mail = full ? NULL : event_new(owner, event);
    if (mail == NULL) {
        sched->dropped++;
        return;
    }
    weft_otp__mail_push(owner, &mail->mail);
}
