/* Listeners: a bounded number of new streams a turn, and patience when descriptors run out. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

int weft_posix__stream_listen(struct weft_env *env, struct weft_addr *local, int backlog,
                              uint64_t owner, weft_socket *out) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *socket;
    struct weft_addr bound = *local;
    int fd;
    if (backlog <= 0) return WEFT_ERR_INVAL;
    int rv = weft_posix__bind(posix, SOCK_STREAM, &bound, &fd);
    if (rv != WEFT_OK) return rv;
    rv = listen(fd, backlog) == 0 ? WEFT_OK : weft_posix__error(errno);
    if (rv != WEFT_OK) goto err_after_bind;
    struct weft_posix__socket like = {
        .kind = POSIX_LISTENER, .owner = owner, .family = bound.family};
    rv = weft_posix__socket_add(posix, fd, &like, &socket);
    if (rv != WEFT_OK) goto err_after_bind;
    rv = weft_posix__poll(posix, socket, EPOLL_CTL_ADD, EPOLLIN);
    if (rv != WEFT_OK) goto err_after_add;
    *local = bound;
    *out = socket->id;
    return WEFT_OK;

err_after_add:
    weft_posix__socket_remove(posix, socket);
    return rv;
err_after_bind:
    weft_posix__unbind(posix, SOCK_STREAM, fd);
    return rv;
}

/* Without a descriptor an accept would fail at once, again and again: wait for one. */
static void starve(struct weft_posix *posix, struct weft_posix__socket *listener) {
    WEFT_ASSERT(listener->kind == POSIX_LISTENER);
    WEFT_ASSERT(weft_list_empty(&listener->link));
    weft_posix__poll(posix, listener, EPOLL_CTL_MOD, 0);
    weft_list_push_back(&posix->starved, &listener->link);
    posix->starved_until = weft_time_add(weft_env_now(&posix->env), POSIX_STARVED_WAIT);
    posix->stats.accepts_paused++;
}

void weft_posix__listeners_wake(struct weft_posix *posix) {
    for (struct weft_link *link; (link = weft_list_pop_front(&posix->starved)) != NULL;) {
        struct weft_posix__socket *listener = WEFT_CONTAINER(link, struct weft_posix__socket, link);
        WEFT_ASSERT(listener->kind == POSIX_LISTENER);
        weft_posix__poll(posix, listener, EPOLL_CTL_MOD, EPOLLIN);
    }
}

static bool is_short(int number) {
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

/* Make a stream of `fd` and tell its listener. When there is no room it is closed, and the peer
 * sees an end: the table's bound is ours, not the kernel's, so waiting would not help. */
static void accepted(struct weft_posix *posix, const struct weft_posix__socket *listener, int fd,
                     const union weft_posix__sockaddr *name) {
    struct weft_posix__socket *stream;
    struct weft_posix__socket like = {
        .kind = POSIX_STREAM, .owner = listener->owner, .family = listener->family};
    if (weft_posix__stream_adopt(posix, fd, &like, &stream) != WEFT_OK) {
        close(fd);
        return;
    }
    struct weft_event event = {.kind = WEFT_EVENT_ACCEPTED,
                               .owner = listener->owner,
                               .socket = listener->id,
                               .accepted = stream->id,
                               .from = weft_posix__from_sockaddr(name)};
    weft_posix__deliver(posix, &event);
}

void weft_posix__listener_ready(struct weft_posix *posix, struct weft_posix__socket *listener) {
    weft_socket id = listener->id;
    for (int i = 0; i < POSIX_ACCEPTS_MAX && listener != NULL; i++) {
        union weft_posix__sockaddr name;
        socklen_t size = sizeof name;
        int fd = accept4(listener->fd, &name.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (is_short(errno)) starve(posix, listener);
            return; /* EAGAIN, or one that went away: epoll tells of the next */
        }
        accepted(posix, listener, fd, &name);
        listener = weft_posix__socket_get(posix, id);
    }
}
