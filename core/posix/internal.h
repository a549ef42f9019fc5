/* The inside of core/posix: state shared by its files. */
#ifndef WEFT_POSIX_INTERNAL_H
#define WEFT_POSIX_INTERNAL_H

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/base/list.h"
#include "core/posix/loop.h"
#include "core/posix/posix.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Limits. */
#define POSIX_SOCKETS_MAX WEFT_LIMIT((uint32_t)1 << 20, 256)
#define POSIX_FILES_MAX WEFT_LIMIT(1024, 16)
#define POSIX_SIGNALS_MAX 8
#define POSIX_WATCHES_MAX 64
#define POSIX_EVENTS_MAX WEFT_LIMIT(64, 2)  /* of epoll, a turn */
#define POSIX_ACCEPTS_MAX WEFT_LIMIT(64, 1) /* of a listener, a turn */
#define POSIX_BATCH_MAX WEFT_LIMIT(64, 8)   /* datagrams in one system call */
#define POSIX_OUTBOX_SIZE ((size_t)128 * 1024)
#define POSIX_ENTROPY_SIZE 256

/* Datagrams up to this size may travel as one: any path carries them whole (RFC 8200: 1280). */
#define POSIX_JOIN_SIZE 1232

/* Ancillary data of UDP_SEGMENT or UDP_GRO. */
#define POSIX_CONTROL_SIZE CMSG_SPACE(sizeof(int))

/* How long a listener without descriptors waits when nobody closes one here. */
#define POSIX_STARVED_WAIT WEFT_MS(100)

/* A slot of the receive buffer. Not a power of two: neighbours must not share cache sets. */
#define POSIX_RECEIVE_SIZE ((size_t)65536 + 192)

/* Of the bytes of PACKET_DATA. */
#define POSIX_TRACED_SIZE (2 * sizeof(struct weft_addr) + WEFT_DATAGRAM_MAX)

/* What an epoll event belongs to: the upper two bits of its data. */
#define POSIX_TAG_SOCKET UINT64_C(0)
#define POSIX_TAG_WATCH (UINT64_C(1) << 62)
#define POSIX_TAG_SIGNAL (UINT64_C(2) << 62)
#define POSIX_TAG_MASK (UINT64_C(3) << 62)

#define POSIX_SLOT_BITS 24

enum weft_posix__kind { POSIX_DATAGRAM = 1, POSIX_LISTENER, POSIX_STREAM };

/* I1  id = serial << POSIX_SLOT_BITS | slot; serials only grow, so an id comes once.
 * I2  link is in posix->pending, in posix->starved (listeners), or in no list.
 * I3  an armed direction is one whose event the owner waits for: nothing is told while it is not.
 */
struct weft_posix__socket {
    weft_socket id;
    uint64_t owner;
    uint64_t again_turn; /* STREAM: the turn in which read last said AGAIN */
    struct weft_link link;
    enum weft_posix__kind kind;
    int fd;
    int error; /* STREAM: why it failed */
    uint8_t family;
    bool connecting;        /* STREAM: the handshake is not done */
    bool read_armed;        /* STREAM: tell READABLE */
    bool write_armed;       /* STREAM: tell WRITABLE */
    bool finished;          /* STREAM: our direction is over */
    bool failed_told;       /* STREAM: FAILED was delivered */
    bool congested;         /* DATAGRAM: the kernel's queue was full at the last flush */
    bool joins;             /* DATAGRAM: neighbours may travel as one */
    struct weft_addr local; /* DATAGRAM: what it is bound to */
};

union weft_posix__sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct weft_posix__outgoing {
    weft_socket socket;
    size_t size;
    socklen_t name_size;
    union weft_posix__sockaddr name;
};

/* Datagrams held back until the end of the run. Neighbours to one endpoint travel through the
 * kernel as one (UDP_SEGMENT): the way down is most of a datagram's cost.
 * I4  datagrams 0..count-1 are complete; their bytes stand in arena one after another. */
struct weft_posix__outbox {
    unsigned count;
    size_t used;
    struct weft_posix__outgoing datagram[POSIX_BATCH_MAX];
    /* of one flush */
    struct mmsghdr message[POSIX_BATCH_MAX];
    struct iovec iov[POSIX_BATCH_MAX];
    unsigned segments[POSIX_BATCH_MAX]; /* datagrams in a message */
    _Alignas(struct cmsghdr) unsigned char control[POSIX_BATCH_MAX][POSIX_CONTROL_SIZE];
    unsigned char arena[POSIX_OUTBOX_SIZE];
};

/* What one system call received. A message may hold several datagrams of one sender (UDP_GRO). */
struct weft_posix__inbox {
    struct mmsghdr message[POSIX_BATCH_MAX];
    struct iovec iov[POSIX_BATCH_MAX];
    union weft_posix__sockaddr name[POSIX_BATCH_MAX];
    _Alignas(struct cmsghdr) unsigned char control[POSIX_BATCH_MAX][POSIX_CONTROL_SIZE];
    unsigned char data[POSIX_BATCH_MAX][POSIX_RECEIVE_SIZE];
};

struct weft_posix__file {
    int fd;          /* -1: free */
    uint32_t serial; /* of the holder */
    bool writable;
    enum weft_disk_lock lock;
    dev_t device; /* with inode: which file it is */
    ino_t inode;
};

struct weft_posix__watched {
    void (*fn)(void *ctx, int fd, int events); /* NULL: free */
    void *ctx;
    int fd;
    uint64_t serial;
};

struct weft_posix__signal {
    void (*fn)(void *ctx, int signo);
    void *ctx;
    int signo;
};

/* A module keeps the descriptor of its copy: the name it was loaded by stays its own. */
struct weft_module {
    struct weft_link link;
    void *handle;
    int fd;
    uint32_t refs; /* loads of the same bytes */
};

struct weft_posix {
    struct weft_env env;
    struct weft_mem_heap mem; /* the node's */
    struct weft_mem_heap own; /* ours, so that the node's account shows the node only */
    struct weft_posix_stats stats;
    enum weft_log_level log_level;
    void (*trace)(void *ctx, const struct weft_trace_event *event);
    void *trace_ctx;
    uint64_t packets;             /* the last one's number in trace events */
    unsigned char *packet_traced; /* room for PACKET_DATA; NULL: it is not wanted */
    int receive_buffer;
    bool share_ports;
    weft_duration connect_max;
    struct weft_posix_ports *ports; /* NULL: shared with no other env */

    /* the loop */
    int epoll_fd, signal_fd;
    int wake_fd;                            /* -1: nobody wakes */
    const struct weft_posix_driver *driver; /* in a turn; else NULL */
    uint64_t turn;
    uint64_t serial; /* of sockets and watches */
    struct weft_posix__watched watches[POSIX_WATCHES_MAX];
    struct weft_posix__signal signals[POSIX_SIGNALS_MAX];
    unsigned signals_count;

    /* sockets */
    struct weft_posix__socket **sockets;
    uint32_t *free_slots; /* a stack of free_count */
    uint32_t sockets_size, sockets_max, free_count;
    struct weft_link pending; /* streams that failed where no event could be told */
    struct weft_link starved; /* listeners waiting for a descriptor */
    weft_time starved_until;
    struct weft_posix__outbox *outbox;
    struct weft_posix__inbox *inbox; /* mapped: only what was received takes memory */

    struct weft_posix__jobs *jobs; /* NULL: none yet */
    uint32_t job_threads;

    /* disk, loader, entropy */
    int folder_fd; /* -1: no disk */
    uint32_t file_serial;
    struct weft_posix__file files[POSIX_FILES_MAX];
    struct weft_link modules;
    size_t entropy_left;
    unsigned char entropy[POSIX_ENTROPY_SIZE];
};

static inline struct weft_posix *weft_posix__of(struct weft_env *env) {
    return WEFT_CONTAINER(env, struct weft_posix, env);
}

extern const struct weft_clock_ops weft_posix__clock;
extern const struct weft_entropy_ops weft_posix__entropy;
extern const struct weft_disk_ops weft_posix__disk;
extern const struct weft_loader_ops weft_posix__loader;
extern const struct weft_net_ops weft_posix__net;
extern const struct weft_job_ops weft_posix__job;

/* net.c: the table of sockets and what all kinds share. */

/* WEFT_ERR_FULL, WEFT_ERR_NOMEM: `fd` is still the caller's. On success the socket owns it. */
int weft_posix__socket_add(struct weft_posix *posix, int fd, struct weft_posix__socket *like,
                           struct weft_posix__socket **out);

/* The live socket `id`, or NULL. */
struct weft_posix__socket *weft_posix__socket_get(struct weft_posix *posix, weft_socket id);

/* Close the descriptor, free the slot. */
void weft_posix__socket_remove(struct weft_posix *posix, struct weft_posix__socket *socket);

/* A descriptor of `kind` bound to *local, which is written back.  Errors of datagram_open. */
int weft_posix__bind(const struct weft_posix *posix, int type, struct weft_addr *local, int *fd);
int weft_posix__bind_to(int fd, int type, struct weft_addr *local);
/* Close what it gave. */
void weft_posix__unbind(const struct weft_posix *posix, int type, int fd);

/* Add to or change in epoll. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_posix__poll(struct weft_posix *posix, const struct weft_posix__socket *socket, int op,
                     uint32_t events);

void weft_posix__deliver(struct weft_posix *posix, const struct weft_event *event);

/* What the kernel said, in our words. */
int weft_posix__error(int number);

socklen_t weft_posix__to_sockaddr(const struct weft_addr *addr, union weft_posix__sockaddr *out);
struct weft_addr weft_posix__from_sockaddr(const union weft_posix__sockaddr *name);

/* Deliver what epoll found for `socket`. */
void weft_posix__dispatch(struct weft_posix *posix, struct weft_posix__socket *socket,
                          uint32_t events);

int weft_posix__net_init(struct weft_posix *posix);
void weft_posix__net_deinit(struct weft_posix *posix);

/* ports.c, for an env that has some */
int weft_posix__ports_bind(const struct weft_posix *posix, int fd, int type,
                           struct weft_addr *local);
void weft_posix__ports_close(const struct weft_posix *posix, int fd, int type,
                             const struct weft_addr *local);

/* datagram.c */
int weft_posix__datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                              weft_socket *out);
int weft_posix__datagram_send(struct weft_env *env, weft_socket socket, const struct weft_addr *to,
                              const void *data, size_t size);
void weft_posix__datagram_ready(struct weft_posix *posix, struct weft_posix__socket *socket);

/* listen.c */
int weft_posix__stream_listen(struct weft_env *env, struct weft_addr *local, int backlog,
                              uint64_t owner, weft_socket *out);
void weft_posix__listener_ready(struct weft_posix *posix, struct weft_posix__socket *socket);

/* Let starved listeners try again: a descriptor may be free. */
void weft_posix__listeners_wake(struct weft_posix *posix);

/* stream.c */
int weft_posix__stream_connect(struct weft_env *env, const struct weft_addr *to, uint64_t owner,
                               weft_socket *out);
int64_t weft_posix__stream_read(struct weft_env *env, weft_socket socket, void *data, size_t size);
int64_t weft_posix__stream_write(struct weft_env *env, weft_socket socket, const void *data,
                                 size_t size);
int weft_posix__stream_finish(struct weft_env *env, weft_socket socket);
int weft_posix__stream_keep_alive(struct weft_env *env, weft_socket socket, weft_duration idle);

/* It has a new owner, who is told what the last one was. */
void weft_posix__stream_own(struct weft_posix *posix, struct weft_posix__socket *stream);

/* A connected descriptor becomes a stream and is waited for. Errors of weft_posix__socket_add. */
int weft_posix__stream_adopt(struct weft_posix *posix, int fd, struct weft_posix__socket *like,
                             struct weft_posix__socket **out);
void weft_posix__stream_ready(struct weft_posix *posix, struct weft_posix__socket *socket,
                              uint32_t events);

/* Tell FAILED of every stream in posix->pending. */
void weft_posix__streams_pending(struct weft_posix *posix);

/* disk.c, loader.c, loop.c */
int weft_posix__disk_init(struct weft_posix *posix, const char *folder);
void weft_posix__disk_deinit(struct weft_posix *posix);
void weft_posix__loader_deinit(struct weft_posix *posix);
void weft_posix__jobs_deinit(struct weft_posix *posix);
int weft_posix__loop_init(struct weft_posix *posix);
void weft_posix__loop_deinit(struct weft_posix *posix);

#endif
