/* The table of sockets, and what datagrams and streams share. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT_MASK ((UINT64_C(1) << POSIX_SLOT_BITS) - 1)

int weft_posix__error(int number) {
    switch (number) {
    case EADDRINUSE:
        return WEFT_ERR_IN_USE;
    case EACCES:
    case EPERM:
        return WEFT_ERR_DENIED;
    case EMFILE:
    case ENFILE:
    case ENOSPC: /* of epoll: fs.epoll.max_user_watches */
        return WEFT_ERR_FULL;
    case ENOMEM:
    case ENOBUFS:
        return WEFT_ERR_NOMEM;
    default:
        return WEFT_ERR_INVAL;
    }
}

socklen_t weft_posix__to_sockaddr(const struct weft_addr *addr, union weft_posix__sockaddr *out) {
    memset(out, 0, sizeof *out);
    WEFT_ASSERT(addr->family == WEFT_FAMILY_V4 || addr->family == WEFT_FAMILY_V6);
    if (addr->family == WEFT_FAMILY_V4) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(addr->port);
        memcpy(&out->v4.sin_addr, addr->ip, 4);
        return sizeof out->v4;
    }
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(addr->port);
    memcpy(&out->v6.sin6_addr, addr->ip, 16);
    return sizeof out->v6;
}

struct weft_addr weft_posix__from_sockaddr(const union weft_posix__sockaddr *name) {
    struct weft_addr addr = {.family = WEFT_FAMILY_NONE};
    if (name->any.sa_family == AF_INET) {
        addr.family = WEFT_FAMILY_V4;
        addr.port = ntohs(name->v4.sin_port);
        memcpy(addr.ip, &name->v4.sin_addr, 4);
    } else if (name->any.sa_family == AF_INET6) {
        addr.family = WEFT_FAMILY_V6;
        addr.port = ntohs(name->v6.sin6_port);
        memcpy(addr.ip, &name->v6.sin6_addr, 16);
    }
    return addr;
}

void weft_posix__deliver(struct weft_posix *posix, const struct weft_event *event) {
    WEFT_ASSERT(posix->driver != NULL);
    WEFT_ASSERT(event->socket != WEFT_SOCKET_NONE);
    posix->driver->deliver(posix->driver->ctx, event);
}

/* Undo: the stack is as large as the table says. */
static void shrink_free_slots(struct weft_posix *posix, uint32_t size, uint32_t old) {
    struct weft_mem *mem = &posix->own.base;
    if (old == 0) {
        weft_mem_free(mem, posix->free_slots, size * sizeof *posix->free_slots);
        posix->free_slots = NULL;
        return;
    }
    void *slots = weft_mem_resize(mem, posix->free_slots, size * sizeof *posix->free_slots,
                                  old * sizeof *posix->free_slots);
    WEFT_ASSERT(slots != NULL); /* less is always there */
    posix->free_slots = slots;
}

static int table_grow(struct weft_posix *posix) {
    uint32_t old = posix->sockets_size, size = old == 0 ? 16 : old * 2;
    if (size > posix->sockets_max) size = posix->sockets_max;
    if (size == old) return WEFT_ERR_FULL;
    struct weft_mem *mem = &posix->own.base;
    void *slots = weft_mem_resize(mem, posix->free_slots, old * sizeof *posix->free_slots,
                                  size * sizeof *posix->free_slots);
    if (slots == NULL) return WEFT_ERR_NOMEM;
    posix->free_slots = slots;
    void *sockets =
        weft_mem_resize(mem, posix->sockets, old * sizeof(void *), size * sizeof(void *));
    if (sockets == NULL) {
        shrink_free_slots(posix, size, old);
        return WEFT_ERR_NOMEM;
    }
    posix->sockets = sockets;
    for (uint32_t slot = size; slot-- > old;) {
        posix->sockets[slot] = NULL;
        posix->free_slots[posix->free_count++] = slot;
    }
    posix->sockets_size = size;
    return WEFT_OK;
}

int weft_posix__socket_add(struct weft_posix *posix, int fd, struct weft_posix__socket *like,
                           struct weft_posix__socket **out) {
    WEFT_ASSERT(fd >= 0);
    int rv = posix->free_count > 0 ? WEFT_OK : table_grow(posix);
    if (rv != WEFT_OK) return rv;
    struct weft_posix__socket *socket = weft_mem_alloc(&posix->own.base, sizeof *socket);
    if (socket == NULL) return WEFT_ERR_NOMEM;
    uint32_t slot = posix->free_slots[--posix->free_count];
    *socket = *like;
    socket->fd = fd;
    socket->id = (++posix->serial << POSIX_SLOT_BITS) | slot; /* I1 */
    weft_list_init(&socket->link);
    WEFT_ASSERT(posix->sockets[slot] == NULL);
    WEFT_ASSERT((socket->id & POSIX_TAG_MASK) == POSIX_TAG_SOCKET);
    posix->sockets[slot] = socket;
    posix->stats.sockets++;
    *out = socket;
    return WEFT_OK;
}

struct weft_posix__socket *weft_posix__socket_get(struct weft_posix *posix, weft_socket id) {
    uint64_t slot = id & SLOT_MASK;
    if (slot >= posix->sockets_size) return NULL;
    struct weft_posix__socket *socket = posix->sockets[slot];
    return socket != NULL && socket->id == id ? socket : NULL;
}

static struct weft_addr name_of(int fd, int (*ask)(int, struct sockaddr *, socklen_t *)) {
    union weft_posix__sockaddr name = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof name;
    if (ask(fd, &name.any, &size) != 0) return (struct weft_addr){.family = WEFT_FAMILY_NONE};
    return weft_posix__from_sockaddr(&name);
}

static int ask_local(int fd, struct sockaddr *name, socklen_t *size) {
    return getsockname(fd, name, size);
}

static int ask_remote(int fd, struct sockaddr *name, socklen_t *size) {
    return getpeername(fd, name, size);
}

void weft_posix__unbind(const struct weft_posix *posix, int type, int fd) {
    WEFT_ASSERT(type == SOCK_DGRAM || type == SOCK_STREAM);
    struct weft_addr local = name_of(fd, ask_local);
    if (posix->ports != NULL)
        weft_posix__ports_close(posix, fd, type, &local);
    else
        close(fd);
}

void weft_posix__socket_remove(struct weft_posix *posix, struct weft_posix__socket *socket) {
    uint32_t slot = (uint32_t)(socket->id & SLOT_MASK);
    WEFT_ASSERT(posix->sockets[slot] == socket);
    WEFT_ASSERT(posix->stats.sockets > 0);
    /* A forked child may hold the descriptor: closing it alone would leave it in epoll. */
    epoll_ctl(posix->epoll_fd, EPOLL_CTL_DEL, socket->fd, NULL);
    if (socket->kind == POSIX_STREAM)
        close(socket->fd);
    else
        weft_posix__unbind(posix, socket->kind == POSIX_LISTENER ? SOCK_STREAM : SOCK_DGRAM,
                           socket->fd);
    weft_list_remove(&socket->link);
    posix->sockets[slot] = NULL;
    posix->free_slots[posix->free_count++] = slot;
    posix->stats.sockets--;
    weft_mem_free(&posix->own.base, socket, sizeof *socket);
    weft_posix__listeners_wake(posix);
}

int weft_posix__poll(struct weft_posix *posix, const struct weft_posix__socket *socket, int op,
                     uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = socket->id};
    int rv = epoll_ctl(posix->epoll_fd, op, socket->fd, &event);
    return rv == 0 ? WEFT_OK : weft_posix__error(errno);
}

int weft_posix__bind_to(int fd, int type, struct weft_addr *local) {
    int on = 1;
    union weft_posix__sockaddr name;
    socklen_t size = weft_posix__to_sockaddr(local, &name);
    if (local->family == WEFT_FAMILY_V6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
        return weft_posix__error(errno);
    }
    /* A restart must not wait for connections of the last life to be forgotten. */
    if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &name.any, size) != 0) return weft_posix__error(errno);
    size = sizeof name;
    if (getsockname(fd, &name.any, &size) != 0) return weft_posix__error(errno);
    *local = weft_posix__from_sockaddr(&name);
    return WEFT_OK;
}

int weft_posix__bind(const struct weft_posix *posix, int type, struct weft_addr *local, int *fd) {
    WEFT_ASSERT(type == SOCK_DGRAM || type == SOCK_STREAM);
    if (local->family != WEFT_FAMILY_V4 && local->family != WEFT_FAMILY_V6) return WEFT_ERR_INVAL;
    int domain = local->family == WEFT_FAMILY_V4 ? AF_INET : AF_INET6;
    *fd = socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) return weft_posix__error(errno);
    int one = 1;
    if (posix->share_ports) setsockopt(*fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    int rv = posix->ports != NULL ? weft_posix__ports_bind(posix, *fd, type, local)
                                  : weft_posix__bind_to(*fd, type, local);
    if (rv != WEFT_OK) close(*fd);
    return rv;
}

void weft_posix__dispatch(struct weft_posix *posix, struct weft_posix__socket *socket,
                          uint32_t events) {
    switch (socket->kind) {
    case POSIX_DATAGRAM:
        weft_posix__datagram_ready(posix, socket);
        break;
    case POSIX_LISTENER:
        weft_posix__listener_ready(posix, socket);
        break;
    case POSIX_STREAM:
        weft_posix__stream_ready(posix, socket, events);
        break;
    default:
        WEFT_UNREACHABLE("a socket has a kind");
    }
}

static void net_own(struct weft_env *env, weft_socket id, uint64_t owner) {
    struct weft_posix__socket *socket = weft_posix__socket_get(weft_posix__of(env), id);
    if (socket == NULL) return;
    socket->owner = owner;
    if (socket->kind == POSIX_STREAM) weft_posix__stream_own(weft_posix__of(env), socket);
}

static void net_names(struct weft_env *env, weft_socket id, struct weft_addr *local,
                      struct weft_addr *remote) {
    struct weft_posix__socket *socket = weft_posix__socket_get(weft_posix__of(env), id);
    *local = *remote = (struct weft_addr){.family = WEFT_FAMILY_NONE};
    if (socket == NULL) return;
    *local = name_of(socket->fd, ask_local);
    *remote = name_of(socket->fd, ask_remote);
}

static void net_close(struct weft_env *env, weft_socket id) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *socket = weft_posix__socket_get(posix, id);
    if (socket == NULL) return;
    if (socket->kind == POSIX_DATAGRAM) weft_posix_flush(posix);
    weft_posix__socket_remove(posix, socket);
}

static void net_abort(struct weft_env *env, weft_socket id) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__socket *socket = weft_posix__socket_get(posix, id);
    if (socket == NULL) return;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (socket->kind == POSIX_STREAM) {
        setsockopt(socket->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    net_close(env, id);
}

const struct weft_net_ops weft_posix__net = {
    .datagram_open = weft_posix__datagram_open,
    .datagram_send = weft_posix__datagram_send,
    .stream_listen = weft_posix__stream_listen,
    .stream_connect = weft_posix__stream_connect,
    .stream_read = weft_posix__stream_read,
    .stream_write = weft_posix__stream_write,
    .stream_finish = weft_posix__stream_finish,
    .stream_keep_alive = weft_posix__stream_keep_alive,
    .own = net_own,
    .names = net_names,
    .close = net_close,
    .abort = net_abort,
};

int weft_posix__net_init(struct weft_posix *posix) {
    weft_list_init(&posix->pending);
    weft_list_init(&posix->starved);
    posix->outbox = weft_mem_alloc(&posix->own.base, sizeof *posix->outbox);
    if (posix->outbox == NULL) return WEFT_ERR_NOMEM;
    posix->outbox->count = 0;
    posix->outbox->used = 0;
    if (posix->env.trace_mask & WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA)) {
        posix->packet_traced = weft_mem_alloc(&posix->own.base, POSIX_TRACED_SIZE);
        if (posix->packet_traced == NULL) goto err_after_outbox;
    }
    posix->inbox = mmap(NULL, sizeof *posix->inbox, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (posix->inbox != MAP_FAILED) return WEFT_OK;
    posix->inbox = NULL;
    if (posix->packet_traced != NULL)
        weft_mem_free(&posix->own.base, posix->packet_traced, POSIX_TRACED_SIZE);
err_after_outbox:
    weft_mem_free(&posix->own.base, posix->outbox, sizeof *posix->outbox);
    return WEFT_ERR_NOMEM;
}

void weft_posix__net_deinit(struct weft_posix *posix) {
    weft_posix_flush(posix);
    for (uint32_t slot = 0; slot < posix->sockets_size; slot++) {
        if (posix->sockets[slot] != NULL) weft_posix__socket_remove(posix, posix->sockets[slot]);
    }
    WEFT_ASSERT(posix->stats.sockets == 0);
    uint32_t size = posix->sockets_size;
    weft_mem_free(&posix->own.base, posix->sockets, size * sizeof(void *));
    weft_mem_free(&posix->own.base, posix->free_slots, size * sizeof *posix->free_slots);
    weft_mem_free(&posix->own.base, posix->outbox, sizeof *posix->outbox);
    if (posix->packet_traced != NULL)
        weft_mem_free(&posix->own.base, posix->packet_traced, POSIX_TRACED_SIZE);
    munmap(posix->inbox, sizeof *posix->inbox);
}
