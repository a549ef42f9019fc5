/* Streams: nonblocking TCP, edge-triggered, told once per wait. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STREAM_EVENTS ((uint32_t)EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

static int stream_error(int number) {
    switch (number) {
    case ECONNREFUSED:
        return WEFT_ERR_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
        return WEFT_ERR_RESET;
    case ETIMEDOUT:
        return WEFT_ERR_TIMEOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EACCES:
    case EPERM:
    case EINVAL: /* a link-local address: weft_addr has no scope */
        return WEFT_ERR_UNREACHABLE;
    default:
        return WEFT_ERR_IO;
    }
}

/* How long what is sent may wait for an acknowledgement (RFC 5482); 0: the system's default. */
static void set_patience(int fd, weft_duration patience) {
    unsigned ms = (unsigned)(patience / WEFT_MS(1));
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

int weft_posix__stream_adopt(struct weft_posix *posix, int fd, struct weft_posix__socket *like,
                             struct weft_posix__socket **out) {
    int on = 1;
    WEFT_ASSERT(like->kind == POSIX_STREAM);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    like->read_armed = true;
    int rv = weft_posix__socket_add(posix, fd, like, out);
    if (rv != WEFT_OK) return rv;
    rv = weft_posix__poll(posix, *out, EPOLL_CTL_ADD, STREAM_EVENTS);
    if (rv == WEFT_OK) return WEFT_OK;
    (*out)->fd = -1; /* it stays the caller's */
    weft_posix__socket_remove(posix, *out);
    return rv;
}

/* `error` is known, and the owner is told in the next delivery. The first error counts. */
static void fail_later(struct weft_posix *posix, struct weft_posix__socket *stream, int error) {
    WEFT_ASSERT(error < 0);
    if (stream->error == WEFT_OK) stream->error = error;
    stream->connecting = false;
    if (stream->failed_told || !weft_list_empty(&stream->link)) return;
    weft_list_push_back(&posix->pending, &stream->link); /* I2 */
}

int weft_posix__stream_connect(struct weft_env *env, const struct weft_addr *to, uint64_t owner,
                               weft_socket *out) {
    struct weft_posix *posix = weft_posix__of(env);
    union weft_posix__sockaddr name;
    struct weft_posix__socket *stream;
    if (weft_addr_ip_size(to) == 0 || to->port == 0) return WEFT_ERR_INVAL;
    int domain = to->family == WEFT_FAMILY_V4 ? AF_INET : AF_INET6;
    int fd = socket(domain, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return weft_posix__error(errno);
    socklen_t size = weft_posix__to_sockaddr(to, &name);
    set_patience(fd, posix->connect_max);
    /* Before epoll: an unconnected socket would be reported as hung up. */
    int error = connect(fd, &name.any, size) == 0 || errno == EINPROGRESS ? 0 : errno;
    struct weft_posix__socket like = {
        .kind = POSIX_STREAM, .owner = owner, .family = to->family, .connecting = true};
    int rv = weft_posix__stream_adopt(posix, fd, &like, &stream);
    if (rv != WEFT_OK) {
        close(fd);
        return rv;
    }
    if (error != 0) fail_later(posix, stream, stream_error(error));
    *out = stream->id;
    return WEFT_OK;
}

/* A stream that may carry bytes, or NULL. */
static struct weft_posix__socket *connected(struct weft_posix *posix, weft_socket id) {
    struct weft_posix__socket *stream = weft_posix__socket_get(posix, id);
    if (stream == NULL || stream->kind != POSIX_STREAM || stream->connecting) return NULL;
    return stream;
}

/* What the last system call on `stream` said no to. */
static int trouble(struct weft_posix *posix, struct weft_posix__socket *stream) {
    if (errno == EAGAIN && stream->error == WEFT_OK) return WEFT_ERR_AGAIN;
    if (errno != EAGAIN) fail_later(posix, stream, stream_error(errno));
    return stream->error;
}

int64_t weft_posix__stream_read(struct weft_env *env, weft_socket id, void *data, size_t size) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *stream = connected(posix, id);
    WEFT_ASSERT(data != NULL);
    WEFT_ASSERT(size > 0);
    if (stream == NULL) return WEFT_ERR_CLOSED;
    ssize_t got;
    do {
        got = recv(stream->fd, data, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0) return got;
    /* The kernel tells an error once and then pretends an end. */
    if (got == 0) return stream->error;
    int rv = trouble(posix, stream);
    if (rv != WEFT_ERR_AGAIN) return rv;
    stream->read_armed = true;
    stream->again_turn = posix->turn;
    return rv;
}

int64_t weft_posix__stream_write(struct weft_env *env, weft_socket id, const void *data,
                                 size_t size) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *stream = connected(posix, id);
    WEFT_ASSERT(data != NULL);
    WEFT_ASSERT(size > 0);
    if (stream == NULL || stream->finished) return WEFT_ERR_CLOSED;
    if (stream->error != WEFT_OK) return stream->error;
    ssize_t put;
    do {
        put = send(stream->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (put < 0 && errno == EINTR);
    if (put > 0) return put;
    int rv = trouble(posix, stream);
    if (rv == WEFT_ERR_AGAIN) stream->write_armed = true;
    return rv;
}

int weft_posix__stream_finish(struct weft_env *env, weft_socket id) {
    struct weft_posix__socket *stream = connected(weft_posix__of(env), id);
    if (stream == NULL || stream->error != WEFT_OK) return WEFT_ERR_CLOSED;
    if (stream->finished) return WEFT_OK;
    if (shutdown(stream->fd, SHUT_WR) != 0) return WEFT_ERR_CLOSED;
    stream->finished = true;
    stream->write_armed = false;
    return WEFT_OK;
}

/* TCP_USER_TIMEOUT rules over TCP_KEEPCNT, and is looked at when a probe is due: half an idle less,
 * so that the last one finds it passed. */
int weft_posix__stream_keep_alive(struct weft_env *env, weft_socket id, weft_duration idle) {
    struct weft_posix__socket *stream = connected(weft_posix__of(env), id);
    if (stream == NULL || stream->error != WEFT_OK) return WEFT_ERR_CLOSED;
    if (idle < 0 || idle > WEFT_KEEP_ALIVE_MAX) return WEFT_ERR_INVAL;
    int on = idle > 0, seconds = (int)((idle + WEFT_S(1) - 1) / WEFT_S(1));
    int count = WEFT_KEEP_ALIVE_TIMES - 1;
    if (on) {
        setsockopt(stream->fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
        setsockopt(stream->fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
        setsockopt(stream->fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    }
    set_patience(stream->fd, WEFT_KEEP_ALIVE_TIMES * WEFT_S(seconds) - WEFT_MS(500) * seconds);
    setsockopt(stream->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return WEFT_OK;
}

/* Setting its events anew makes epoll look again. */
void weft_posix__stream_own(struct weft_posix *posix, struct weft_posix__socket *stream) {
    WEFT_ASSERT(stream->kind == POSIX_STREAM);
    if (stream->connecting) return;
    if (stream->failed_told) {
        stream->failed_told = false;
        fail_later(posix, stream, stream->error);
    } else if (!stream->read_armed) {
        stream->read_armed = true;
        weft_posix__poll(posix, stream, EPOLL_CTL_MOD, STREAM_EVENTS);
    }
}

static void tell(struct weft_posix *posix, const struct weft_posix__socket *stream,
                 enum weft_event_kind kind) {
    struct weft_event event = {.kind = kind,
                               .error = kind == WEFT_EVENT_FAILED ? stream->error : WEFT_OK,
                               .owner = stream->owner,
                               .socket = stream->id};
    weft_posix__deliver(posix, &event);
}

static void tell_failed(struct weft_posix *posix, struct weft_posix__socket *stream) {
    WEFT_ASSERT(stream->error != WEFT_OK);
    WEFT_ASSERT(!stream->failed_told);
    weft_list_remove(&stream->link);
    stream->failed_told = true;
    stream->connecting = false;
    stream->read_armed = stream->write_armed = false;
    tell(posix, stream, WEFT_EVENT_FAILED);
}

void weft_posix__streams_pending(struct weft_posix *posix) {
    while (!weft_list_empty(&posix->pending)) {
        struct weft_link *link = posix->pending.next;
        tell_failed(posix, WEFT_CONTAINER(link, struct weft_posix__socket, link));
    }
}

static int pending_error(const struct weft_posix__socket *stream) {
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0) return WEFT_ERR_IO;
    return number == 0 ? WEFT_OK : stream_error(number);
}

/* An edge of this batch may be older than a read of this batch that emptied the socket. */
static bool is_stale(const struct weft_posix *posix, const struct weft_posix__socket *stream) {
    if (stream->again_turn != posix->turn) return false;
    struct pollfd now = {.fd = stream->fd, .events = POLLIN};
    return poll(&now, 1, 0) == 0;
}

/* Each delivery may close the stream: `stream` is looked up again after it. */
static struct weft_posix__socket *ready_to_connect(struct weft_posix *posix,
                                                   struct weft_posix__socket *stream) {
    weft_socket id = stream->id;
    set_patience(stream->fd, 0);
    stream->connecting = false;
    tell(posix, stream, WEFT_EVENT_CONNECTED);
    return weft_posix__socket_get(posix, id);
}

static struct weft_posix__socket *ready_to_write(struct weft_posix *posix,
                                                 struct weft_posix__socket *stream) {
    weft_socket id = stream->id;
    stream->write_armed = false;
    tell(posix, stream, WEFT_EVENT_WRITABLE);
    return weft_posix__socket_get(posix, id);
}

void weft_posix__stream_ready(struct weft_posix *posix, struct weft_posix__socket *stream,
                              uint32_t events) {
    WEFT_ASSERT(stream->kind == POSIX_STREAM);
    if (stream->failed_told) return;
    if (events & EPOLLERR) {
        int error = pending_error(stream);
        if (stream->error == WEFT_OK) stream->error = error;
    }
    if (stream->error != WEFT_OK) {
        tell_failed(posix, stream);
        return;
    }
    if (stream->connecting) {
        if (!(events & EPOLLOUT)) return;
        stream = ready_to_connect(posix, stream);
        if (stream == NULL) return;
    }
    if ((events & EPOLLOUT) && stream->write_armed) {
        stream = ready_to_write(posix, stream);
        if (stream == NULL) return;
    }
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) && stream->read_armed &&
        !is_stale(posix, stream)) {
        stream->read_armed = false;
        tell(posix, stream, WEFT_EVENT_READABLE);
    }
}
