/* Datagrams: many in one system call, both ways. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

int weft_posix__datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                              weft_socket *out) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *socket;
    struct weft_addr bound = *local;
    int fd;
    int rv = weft_posix__bind(posix, SOCK_DGRAM, &bound, &fd);
    if (rv != WEFT_OK) return rv;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &posix->receive_buffer, sizeof posix->receive_buffer);
    setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on);
    struct weft_posix__socket like = {.kind = POSIX_DATAGRAM,
                                      .owner = owner,
                                      .family = bound.family,
                                      .joins = true,
                                      .local = bound};
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
    weft_posix__unbind(posix, SOCK_DGRAM, fd);
    return rv;
}

/* --- what is told of them --- */

static void trace_data(struct weft_posix *posix, uint64_t to, const struct weft_addr ends[2],
                       struct weft_bytes data) {
    unsigned char *at = posix->packet_traced;
    const size_t head = 2 * sizeof ends[0];
    if (at == NULL) return;
    WEFT_ASSERT(data.size <= WEFT_DATAGRAM_MAX);
    memcpy(at, ends, head);
    if (data.size > 0) memcpy(at + head, data.data, data.size);
    weft_trace(&posix->env, WEFT_TRACE_PACKET_DATA, weft_bytes(at, head + data.size),
               posix->packets, to);
}

/* The kernel may yet refuse it, and then nobody knows. */
static void trace_sent(struct weft_posix *posix, const struct weft_posix__socket *socket,
                       const struct weft_addr *to, struct weft_bytes data) {
    posix->packets++;
    weft_trace(&posix->env, WEFT_TRACE_PACKET_SENT, weft_bytes(NULL, 0), WEFT_TRACE_NODE_NONE,
               data.size, posix->packets);
    trace_data(posix, WEFT_TRACE_NODE_NONE, (struct weft_addr[2]){socket->local, *to}, data);
}

static void trace_received(struct weft_posix *posix, const struct weft_posix__socket *socket,
                           const struct weft_addr *from, struct weft_bytes data) {
    const uint64_t number = ++posix->packets;
    posix->packets |= WEFT_TRACE_PACKET_IN;
    weft_trace(&posix->env, WEFT_TRACE_PACKET_RECEIVED, weft_bytes(NULL, 0), WEFT_TRACE_NODE_NONE,
               data.size, posix->packets);
    trace_data(posix, posix->env.node, (struct weft_addr[2]){*from, socket->local}, data);
    posix->packets = number;
}

/* --- sending --- */

static bool is_full(int number) { return number == EAGAIN || number == ENOBUFS; }

/* One datagram by itself. False when the kernel's queue is full: it was not sent. */
static bool send_one(struct weft_posix *posix, struct weft_posix__socket *socket,
                     const struct weft_posix__outgoing *datagram, const unsigned char *data) {
    ssize_t sent = sendto(socket->fd, data, datagram->size, MSG_DONTWAIT, &datagram->name.any,
                          datagram->name_size);
    if (sent < 0 && is_full(errno)) return false;
    if (sent < 0) {
        posix->stats.datagrams_dropped++;
        return true;
    }
    socket->joins = false; /* what was refused together goes alone */
    posix->stats.datagrams_sent++;
    return true;
}

/* Past the last datagram that may travel with `first`: same endpoint, same size, but for the last
 * one, which may be shorter; and no more than one datagram may hold. */
static unsigned join_end(const struct weft_posix__outbox *outbox, unsigned first, unsigned last) {
    const struct weft_posix__outgoing *head = &outbox->datagram[first];
    unsigned end = first + 1;
    if (head->size == 0 || head->size > POSIX_JOIN_SIZE) return end;
    for (size_t total = head->size; end < last; end++) {
        const struct weft_posix__outgoing *next = &outbox->datagram[end];
        total += next->size;
        if (next->size > head->size || next->size == 0 || total > WEFT_DATAGRAM_MAX) return end;
        if (memcmp(&next->name, &head->name, sizeof head->name) != 0) return end;
        if (next->size < head->size) return end + 1;
    }
    return end;
}

static size_t size_of(const struct weft_posix__outbox *outbox, unsigned first, unsigned last) {
    size_t size = 0;
    for (unsigned i = first; i < last; i++) size += outbox->datagram[i].size;
    return size;
}

static void set_segment(struct msghdr *header, unsigned char *control, size_t size) {
    uint16_t segment = (uint16_t)size;
    header->msg_control = control;
    header->msg_controllen = CMSG_SPACE(sizeof segment);
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(header);
    cmsg->cmsg_level = SOL_UDP;
    cmsg->cmsg_type = UDP_SEGMENT;
    cmsg->cmsg_len = CMSG_LEN(sizeof segment);
    memcpy(CMSG_DATA(cmsg), &segment, sizeof segment);
}

/* Messages for datagrams first..last-1, whose bytes start at `at`. Their number. */
static unsigned build(struct weft_posix__outbox *outbox, unsigned first, unsigned last,
                      unsigned char *at, bool joins) {
    unsigned count = 0;
    for (unsigned end; first < last; first = end, count++) {
        end = joins ? join_end(outbox, first, last) : first + 1;
        struct weft_posix__outgoing *head = &outbox->datagram[first];
        struct msghdr *header = &outbox->message[count].msg_hdr;
        outbox->iov[count] = (struct iovec){at, size_of(outbox, first, end)};
        *header = (struct msghdr){.msg_name = &head->name,
                                  .msg_namelen = head->name_size,
                                  .msg_iov = &outbox->iov[count],
                                  .msg_iovlen = 1};
        if (end - first > 1) set_segment(header, outbox->control[count], head->size);
        outbox->segments[count] = end - first;
        at += outbox->iov[count].iov_len;
    }
    WEFT_ASSERT(count <= POSIX_BATCH_MAX);
    return count;
}

/* The kernel refused message `at`, whose first datagram is `first`. Joined ones may go singly (a
 * device that cannot check-sum them, a narrow path), and then this socket joins no more; when they
 * do not go singly either, it was the endpoint's fault. One by itself is lost. How many are done
 * with: fewer than the message holds when the queue is full. */
static unsigned send_singly(struct weft_posix *posix, struct weft_posix__socket *socket,
                            unsigned at, unsigned first) {
    struct weft_posix__outbox *outbox = posix->outbox;
    const unsigned char *data = outbox->iov[at].iov_base;
    unsigned count = outbox->segments[at];
    if (count == 1) {
        posix->stats.datagrams_dropped++;
        return 1;
    }
    for (unsigned i = 0; i < count; i++) {
        const struct weft_posix__outgoing *datagram = &outbox->datagram[first + i];
        if (!send_one(posix, socket, datagram, data)) return i;
        data += datagram->size;
    }
    return count;
}

/* Send `count` messages, the first datagram of which is `first`. The kernel stops at the first it
 * refuses; the rest go on, unless its queue is full. The number of datagrams done with. */
static unsigned send_messages(struct weft_posix *posix, struct weft_posix__socket *socket,
                              unsigned first, unsigned count) {
    struct weft_posix__outbox *outbox = posix->outbox;
    unsigned at = 0, done = 0;
    while (at < count) {
        int sent = sendmmsg(socket->fd, outbox->message + at, count - at, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && is_full(errno)) return done;
        for (int i = 0; i < sent; i++, at++) {
            posix->stats.datagrams_sent += outbox->segments[at];
            done += outbox->segments[at];
        }
        if (sent >= 0) continue;
        unsigned singly = send_singly(posix, socket, at, first + done);
        done += singly;
        if (singly < outbox->segments[at++]) return done;
    }
    return done;
}

/* Datagrams first..last-1 are of one socket, their bytes start at `data`. */
static void flush_run(struct weft_posix *posix, unsigned first, unsigned last,
                      unsigned char *data) {
    struct weft_posix__outbox *outbox = posix->outbox;
    struct weft_posix__socket *socket =
        weft_posix__socket_get(posix, outbox->datagram[first].socket);
    WEFT_ASSERT(socket != NULL); /* close flushes first */
    unsigned count = build(outbox, first, last, data, socket->joins);
    unsigned left = last - first - send_messages(posix, socket, first, count);
    WEFT_ASSERT(left <= last - first);
    socket->congested = left > 0;
    posix->stats.datagrams_dropped += left;
}

void weft_posix_flush(struct weft_posix *posix) {
    struct weft_posix__outbox *outbox = posix->outbox;
    unsigned char *data = outbox->arena;
    WEFT_ASSERT(outbox->count <= POSIX_BATCH_MAX);
    WEFT_ASSERT(outbox->used <= POSIX_OUTBOX_SIZE);
    for (unsigned first = 0, last; first < outbox->count; first = last) {
        for (last = first + 1; last < outbox->count; last++) {
            if (outbox->datagram[last].socket != outbox->datagram[first].socket) break;
        }
        flush_run(posix, first, last, data);
        data += size_of(outbox, first, last);
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
    struct weft_posix__outgoing *datagram = &outbox->datagram[outbox->count++];
    WEFT_ASSERT(outbox->count <= POSIX_BATCH_MAX);
    WEFT_ASSERT(data.size <= POSIX_OUTBOX_SIZE - outbox->used);
    if (data.size > 0) memcpy(outbox->arena + outbox->used, data.data, data.size);
    outbox->used += data.size;
    datagram->socket = socket->id;
    datagram->size = data.size;
    datagram->name_size = weft_posix__to_sockaddr(to, &datagram->name);
}

/* After a full queue: the truth of this one datagram. */
static int send_now(struct weft_posix *posix, struct weft_posix__socket *socket,
                    const struct weft_addr *to, struct weft_bytes data) {
    union weft_posix__sockaddr name;
    socklen_t size = weft_posix__to_sockaddr(to, &name);
    ssize_t sent = sendto(socket->fd, data.data, data.size, MSG_DONTWAIT, &name.any, size);
    if (sent < 0 && is_full(errno)) return WEFT_ERR_AGAIN;
    socket->congested = false;
    if (sent < 0) return WEFT_ERR_UNREACHABLE;
    posix->stats.datagrams_sent++;
    trace_sent(posix, socket, to, data);
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
    trace_sent(posix, socket, to, weft_bytes(data, size));
    return WEFT_OK;
}

static void inbox_prepare(struct weft_posix__inbox *inbox) {
    for (unsigned i = 0; i < POSIX_BATCH_MAX; i++) {
        inbox->iov[i] = (struct iovec){inbox->data[i], POSIX_RECEIVE_SIZE};
        inbox->message[i].msg_hdr = (struct msghdr){.msg_name = &inbox->name[i],
                                                    .msg_namelen = sizeof inbox->name[i],
                                                    .msg_iov = &inbox->iov[i],
                                                    .msg_iovlen = 1,
                                                    .msg_control = inbox->control[i],
                                                    .msg_controllen = POSIX_CONTROL_SIZE};
    }
}

/* The size of each datagram in a message but the last, which may be shorter. */
static size_t segment_size(struct mmsghdr *message) {
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message->msg_hdr);
    int segment = 0;
    if (cmsg == NULL || cmsg->cmsg_level != SOL_UDP || cmsg->cmsg_type != UDP_GRO) {
        return message->msg_len;
    }
    memcpy(&segment, CMSG_DATA(cmsg), sizeof segment);
    WEFT_ASSERT(segment > 0);
    return (size_t)segment;
}

/* False when the delivery closed the socket. */
static bool deliver_one(struct weft_posix *posix, weft_socket id, const struct weft_addr *from,
                        struct weft_bytes data) {
    struct weft_posix__socket *socket = weft_posix__socket_get(posix, id);
    if (socket == NULL) return false;
    if (data.size > WEFT_DATAGRAM_MAX) return true;
    struct weft_event event = {.kind = WEFT_EVENT_DATAGRAM,
                               .owner = socket->owner,
                               .socket = id,
                               .from = *from,
                               .data = data.data,
                               .size = data.size};
    posix->stats.datagrams_received++;
    trace_received(posix, socket, from, data);
    weft_posix__deliver(posix, &event);
    return true;
}

static bool deliver_message(struct weft_posix *posix, weft_socket id, unsigned at) {
    struct weft_posix__inbox *inbox = posix->inbox;
    struct weft_addr from = weft_posix__from_sockaddr(&inbox->name[at]);
    size_t left = inbox->message[at].msg_len, segment = segment_size(&inbox->message[at]);
    const unsigned char *data = inbox->data[at];
    WEFT_ASSERT(left <= POSIX_RECEIVE_SIZE);
    do {
        size_t size = left < segment ? left : segment;
        if (!deliver_one(posix, id, &from, weft_bytes(data, size))) return false;
        data += size;
        left -= size;
    } while (left > 0);
    return true;
}

void weft_posix__datagram_ready(struct weft_posix *posix, struct weft_posix__socket *socket) {
    weft_socket id = socket->id;
    WEFT_ASSERT(socket->kind == POSIX_DATAGRAM);
    inbox_prepare(posix->inbox);
    int count = recvmmsg(socket->fd, posix->inbox->message, POSIX_BATCH_MAX, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        if (!deliver_message(posix, id, (unsigned)i)) return;
    }
}
