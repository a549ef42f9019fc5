/* Datagrams: many in one system call, both ways. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

int weft_posix__datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                              weft_socket *out) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *socket;
    struct weft_addr bound = *local;
    int fd;
    int rv = weft_posix__bind(SOCK_DGRAM, &bound, &fd);
    if (rv != WEFT_OK) return rv;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &posix->receive_buffer, sizeof posix->receive_buffer);
    struct weft_posix__socket like = {
        .kind = POSIX_DATAGRAM, .owner = owner, .family = bound.family};
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
    close(fd);
    return rv;
}

/* Messages first..last-1 are of one socket. The kernel stops at the first it refuses: that one is
 * lost, and the rest go on, unless its queue is full. */
static void flush_run(struct weft_posix *posix, struct weft_posix__socket *socket, unsigned first,
                      unsigned last) {
    struct weft_posix__outbox *outbox = posix->outbox;
    WEFT_ASSERT(first < last);
    WEFT_ASSERT(last <= outbox->count);
    while (first < last) {
        int sent = sendmmsg(socket->fd, outbox->message + first, last - first, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            socket->congested = true;
            posix->stats.datagrams_dropped += last - first;
            return;
        }
        if (sent < 0) posix->stats.datagrams_dropped++;
        posix->stats.datagrams_sent += sent < 0 ? 0 : (unsigned)sent;
        first += sent <= 0 ? 1 : (unsigned)sent;
    }
}

void weft_posix_flush(struct weft_posix *posix) {
    struct weft_posix__outbox *outbox = posix->outbox;
    WEFT_ASSERT(outbox->count <= POSIX_BATCH_MAX);
    WEFT_ASSERT(outbox->used <= POSIX_OUTBOX_SIZE);
    for (unsigned first = 0, last; first < outbox->count; first = last) {
        for (last = first + 1; last < outbox->count; last++) {
            if (outbox->socket[last] != outbox->socket[first]) break;
        }
        struct weft_posix__socket *socket = weft_posix__socket_get(posix, outbox->socket[first]);
        WEFT_ASSERT(socket != NULL); /* close flushes first */
        flush_run(posix, socket, first, last);
    }
    outbox->count = 0;
    outbox->used = 0;
}

static void outbox_push(struct weft_posix *posix, const struct weft_posix__socket *socket,
                        const struct weft_addr *to, struct weft_bytes data) {
    struct weft_posix__outbox *outbox = posix->outbox;
    if (outbox->count == POSIX_BATCH_MAX || data.size > POSIX_OUTBOX_SIZE - outbox->used) {
        weft_posix_flush(posix);
    }
    unsigned at = outbox->count++;
    WEFT_ASSERT(at < POSIX_BATCH_MAX);
    WEFT_ASSERT(data.size <= POSIX_OUTBOX_SIZE - outbox->used);
    if (data.size > 0) memcpy(outbox->arena + outbox->used, data.data, data.size);
    outbox->socket[at] = socket->id;
    outbox->iov[at] = (struct iovec){outbox->arena + outbox->used, data.size};
    outbox->used += data.size;
    struct msghdr *header = &outbox->message[at].msg_hdr;
    *header = (struct msghdr){
        .msg_name = &outbox->name[at], .msg_iov = &outbox->iov[at], .msg_iovlen = 1};
    header->msg_namelen = weft_posix__to_sockaddr(to, &outbox->name[at]);
}

/* After a full queue: the truth of this one datagram. */
static int send_now(struct weft_posix *posix, struct weft_posix__socket *socket,
                    const struct weft_addr *to, struct weft_bytes data) {
    union weft_posix__sockaddr name;
    socklen_t size = weft_posix__to_sockaddr(to, &name);
    ssize_t sent = sendto(socket->fd, data.data, data.size, MSG_DONTWAIT, &name.any, size);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) return WEFT_ERR_AGAIN;
    socket->congested = false;
    if (sent < 0) return WEFT_ERR_UNREACHABLE;
    posix->stats.datagrams_sent++;
    return WEFT_OK;
}

int weft_posix__datagram_send(struct weft_env *env, weft_socket id, const struct weft_addr *to,
                              const void *data, size_t size) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *socket = weft_posix__socket_get(posix, id);
    WEFT_ASSERT(data != NULL || size == 0);
    if (socket == NULL || socket->kind != POSIX_DATAGRAM) return WEFT_ERR_INVAL;
    if (to->family != socket->family || to->port == 0) return WEFT_ERR_INVAL;
    if (size > WEFT_DATAGRAM_MAX) return WEFT_ERR_TOO_BIG;
    if (socket->congested) return send_now(posix, socket, to, weft_bytes(data, size));
    outbox_push(posix, socket, to, weft_bytes(data, size));
    return WEFT_OK;
}

static void inbox_prepare(struct weft_posix__inbox *inbox) {
    for (unsigned i = 0; i < POSIX_BATCH_MAX; i++) {
        inbox->iov[i] = (struct iovec){inbox->data[i], POSIX_RECEIVE_SIZE};
        inbox->message[i].msg_hdr = (struct msghdr){.msg_name = &inbox->name[i],
                                                    .msg_namelen = sizeof inbox->name[i],
                                                    .msg_iov = &inbox->iov[i],
                                                    .msg_iovlen = 1};
    }
}

void weft_posix__datagram_ready(struct weft_posix *posix, struct weft_posix__socket *socket) {
    struct weft_posix__inbox *inbox = posix->inbox;
    weft_socket id = socket->id;
    WEFT_ASSERT(socket->kind == POSIX_DATAGRAM);
    inbox_prepare(inbox);
    int count = recvmmsg(socket->fd, inbox->message, POSIX_BATCH_MAX, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        if (inbox->message[i].msg_len > WEFT_DATAGRAM_MAX) continue;
        struct weft_event event = {.kind = WEFT_EVENT_DATAGRAM,
                                   .owner = socket->owner,
                                   .socket = id,
                                   .from = weft_posix__from_sockaddr(&inbox->name[i]),
                                   .data = inbox->data[i],
                                   .size = inbox->message[i].msg_len};
        posix->stats.datagrams_received++;
        weft_posix__deliver(posix, &event);
        /* The delivery may have closed it, or given it away. */
        socket = weft_posix__socket_get(posix, id);
        if (socket == NULL) return;
    }
}
