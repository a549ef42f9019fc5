/* Env on Linux: epoll, UDP and TCP over IPv4 and IPv6, files below one folder, dlopen, the
 * machine's clocks.
 *
 * A struct weft_posix serves one node and belongs to the thread that drives it. Several may exist
 * in a program: nothing is shared but the guard's thread-local state. */
#ifndef WEFT_POSIX_POSIX_H
#define WEFT_POSIX_POSIX_H

#include "core/env/env.h"

struct weft_posix;

/* Which ports the envs of one node's schedulers share; see below. Any thread may use it. */
struct weft_posix_ports;

/* NULL when out of memory. Free it after the last env that has it; NULL is ignored. */
struct weft_posix_ports *weft_posix_ports_new(void);
void weft_posix_ports_free(struct weft_posix_ports *ports);

struct weft_posix_config {
    /* The node's own folder, made if absent (with the folders above it). NULL: the node has no
     * disk, and every call of env->disk says WEFT_ERR_DENIED. Copied nowhere after new. */
    const char *folder;
    uint32_t node;                 /* number in trace events */
    uint64_t trace_mask;           /* kinds wanted; LOG is wanted as log_level says */
    uint64_t packets_from;         /* datagrams have numbers above it in trace events */
    enum weft_log_level log_level; /* logs above it are not built or not passed on; 0: none */
    /* Where events go; NULL: nowhere. The event is borrowed for the call. */
    void (*trace)(void *ctx, const struct weft_trace_event *event);
    void *trace_ctx;
    size_t memory_max;    /* bytes of env->mem; 0: no limit */
    int receive_buffer;   /* SO_RCVBUF of datagram sockets, bytes; 0: 4 MiB. The kernel's
                             net.core.rmem_max cuts it silently. */
    uint32_t sockets_max; /* 0: 2^20 */
    /* Ports may be shared: several envs, or programs, that all say so may be bound to one endpoint,
     * and the kernel spreads streams and datagrams over them (SO_REUSEPORT). */
    bool share_ports;
    weft_duration connect_max; /* as WEFT_STREAM_CONNECT_MAX, which 0 stands for */
    /* Those that are given the same one, as the schedulers of one node are, may each be bound to
     * an endpoint that another of them has, and the kernel spreads streams and datagrams over them;
     * other programs may not, but for those of the same user that share_ports. Ignored with
     * share_ports. NULL: alone. */
    struct weft_posix_ports *ports;
    uint32_t job_threads; /* made when they are needed; 0: one per processor, at most 8 */
};

/* What the env did, since new. */
struct weft_posix_stats {
    uint64_t datagrams_received, datagrams_sent;
    uint64_t datagrams_dropped; /* taken by datagram_send and refused by the kernel afterwards */
    uint64_t accepts_paused;    /* times a listener waited for a free descriptor */
    uint32_t sockets, files, modules; /* open now */
};

/* On error nothing is left behind.
 *   WEFT_ERR_NOMEM, WEFT_ERR_FULL (descriptors), WEFT_ERR_DENIED, WEFT_ERR_NO_SPACE or WEFT_ERR_IO
 *   (the folder), WEFT_ERR_INVAL (the folder is no folder) */
int weft_posix_new(const struct weft_posix_config *config, struct weft_posix **out);

/* Close every socket, file and module, give signals back to their defaults. NULL is ignored. */
void weft_posix_free(struct weft_posix *posix);

/* The env of the node. Lives as long as `posix`. */
struct weft_env *weft_posix_env(struct weft_posix *posix);

void weft_posix_stats(const struct weft_posix *posix, struct weft_posix_stats *stats);

#endif
