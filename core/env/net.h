/* Net: datagrams (UDP) and byte streams (TCP). Calls never wait; what happens later arrives as a
 * struct weft_event through weft_node_deliver.
 *
 * A socket carries its owner's number, chosen by the caller: it comes back in every event, so a
 * node finds the process without a table of sockets. A socket is closed once, by its owner; after
 * close no event of it is delivered, even one already on its way.
 *
 * The life of a stream:
 *
 *   connect --> CONNECTED --> read/write --> END (peer finished) --> close
 *          \--> FAILED        |         \--> FAILED (reset, timed out)
 *   listen  --> ACCEPTED -----+
 *
 * FAILED is the last event of a stream; the owner still closes it. */
#ifndef WEFT_ENV_NET_H
#define WEFT_ENV_NET_H

#include "core/base/addr.h"
#include "core/base/time.h"

#include <stddef.h>
#include <stdint.h>

struct weft_env;

/* A socket of one env; never reused while an event of an earlier holder could still be delivered.
 * 0 is none. */
typedef uint64_t weft_socket;

#define WEFT_SOCKET_NONE ((weft_socket)0)

/* A stream that nothing answers. An attempt to connect: FAILED with TIMEOUT after this. Bytes that
 * nobody acknowledges: likewise, after minutes (two in the simulator, what tcp_retries2 says on
 * Linux), unless keep_alive says sooner. One that is idle lasts, whatever became of the peer,
 * unless it is kept alive. */
#define WEFT_STREAM_CONNECT_MAX WEFT_S(63)
/* Of stream_keep_alive: `idle` at most, and after how many times `idle` a peer is taken for gone.
 */
#define WEFT_KEEP_ALIVE_MAX WEFT_S(32767)
#define WEFT_KEEP_ALIVE_TIMES 4

/* Largest datagram carried either way, header excluded (IPv4 and IPv6 both allow it). */
#define WEFT_DATAGRAM_MAX 65507

enum weft_event_kind {
    WEFT_EVENT_DATAGRAM = 1, /* data, size, from */
    WEFT_EVENT_CONNECTED,    /* the handshake of a stream we opened is done */
    WEFT_EVENT_ACCEPTED,     /* listener `socket` has a new stream `accepted` from `from`; it has
                                the listener's owner until net->own gives it another */
    WEFT_EVENT_READABLE,     /* bytes, or the end, wait; told once, again after read said AGAIN */
    WEFT_EVENT_WRITABLE,     /* room again after write said AGAIN */
    WEFT_EVENT_FAILED,       /* `error`: WEFT_ERR_REFUSED, RESET, TIMEOUT, UNREACHABLE, IO */
    WEFT_EVENT_JOB           /* of core/env/job.h: `socket` is the job, `error`, data, size */
};

/* What the outside tells a node. Borrowed for the call that delivers it. */
struct weft_event {
    enum weft_event_kind kind;
    int error;      /* FAILED, JOB */
    uint64_t owner; /* as given at open, or by net->own */
    weft_socket socket;
    weft_socket accepted;  /* ACCEPTED */
    struct weft_addr from; /* DATAGRAM, ACCEPTED */
    const void *data;      /* DATAGRAM, JOB */
    size_t size;           /* DATAGRAM, JOB */
};

struct weft_net_ops {
    /* Open a datagram socket bound to *local (port 0: any free one, written back to *local).
     *   WEFT_ERR_IN_USE, WEFT_ERR_INVAL (address not ours), WEFT_ERR_DENIED,
     *   WEFT_ERR_FULL (no descriptors), WEFT_ERR_NOMEM */
    int (*datagram_open)(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                         weft_socket *out);

    /* Send one datagram. It may be lost, doubled or late, and nobody says so. The bytes are
     * copied or sent before the call returns. An env may hold datagrams back until the node's run
     * ends, to send many at once; order per destination is kept up to the network.
     *   WEFT_ERR_TOO_BIG (over WEFT_DATAGRAM_MAX), WEFT_ERR_AGAIN (local queue full: the datagram
     *   is dropped), WEFT_ERR_UNREACHABLE, WEFT_ERR_INVAL (wrong family, port 0,
     *   or no such socket) */
    int (*datagram_send)(struct weft_env *env, weft_socket socket, const struct weft_addr *to,
                         const void *data, size_t size);

    /* Listen for streams on *local (port 0 as above). `backlog` > 0 bounds unaccepted streams.
     * Errors as datagram_open.
     *
     * Each scheduler of a node may have one listener, and one datagram socket, bound to the same
     * endpoint: a stream comes to one of them, chosen by its peer's endpoint, so that many peers
     * spread evenly; so do datagrams, all of one peer to one. When one is closed, streams that it
     * had not told of are reset, and those to come go to the others. */
    int (*stream_listen)(struct weft_env *env, struct weft_addr *local, int backlog, uint64_t owner,
                         weft_socket *out);

    /* Start to connect. CONNECTED or FAILED follows.
     *   WEFT_ERR_INVAL, WEFT_ERR_FULL, WEFT_ERR_NOMEM */
    int (*stream_connect)(struct weft_env *env, const struct weft_addr *to, uint64_t owner,
                          weft_socket *out);

    /* Read up to `size` (> 0) bytes.
     *   > 0  that many bytes were read, in order; there may be more
     *   0    the peer finished sending, and everything it sent has been read
     *   WEFT_ERR_AGAIN   nothing now; READABLE will follow
     *   WEFT_ERR_RESET, WEFT_ERR_TIMEOUT, WEFT_ERR_CLOSED (not connected) */
    int64_t (*stream_read)(struct weft_env *env, weft_socket socket, void *data, size_t size);

    /* Write up to `size` (> 0) bytes.
     *   > 0  that many bytes were taken, perhaps fewer than asked: send the rest later
     *   WEFT_ERR_AGAIN   no room now (back-pressure); WRITABLE will follow
     *   WEFT_ERR_RESET, WEFT_ERR_TIMEOUT, WEFT_ERR_CLOSED (not connected, or we finished) */
    int64_t (*stream_write)(struct weft_env *env, weft_socket socket, const void *data,
                            size_t size);

    /* Finish our direction (half-close): the peer reads what was written, then 0. We may still
     * read.  WEFT_ERR_CLOSED when not connected. */
    int (*stream_finish)(struct weft_env *env, weft_socket socket);

    /* Give `socket` (also a listener or a datagram socket) another owner; events delivered after
     * the call carry it. What the last owner of a stream was told is told again, since the new one
     * cannot know of it: READABLE if bytes or the end are unread, FAILED if it has failed. */
    void (*own)(struct weft_env *env, weft_socket socket, uint64_t owner);

    /* The local and the remote endpoint; family NONE where there is none. */
    void (*names)(struct weft_env *env, weft_socket socket, struct weft_addr *local,
                  struct weft_addr *remote);

    /* Close. A stream with everything written still delivers it (as TCP does in the background);
     * if bytes from the peer were never read, the peer sees a reset. */
    void (*close)(struct weft_env *env, weft_socket socket);

    /* Close at once: the peer sees a reset, unsent bytes are dropped. */
    void (*abort)(struct weft_env *env, weft_socket socket);

    /* Ask the peer of a connected stream for a sign of life after `idle` without one, again after
     * each `idle` more. FAILED with TIMEOUT, or RESET when the peer does not know the stream, after
     * WEFT_KEEP_ALIVE_TIMES of it without an answer; and also when bytes have waited for as long
     * since the peer last took some. In whole seconds, rounded up; 0: ask no more. The peer's owner
     * hears nothing of it.
     *   WEFT_ERR_CLOSED (not connected), WEFT_ERR_INVAL (negative, above WEFT_KEEP_ALIVE_MAX) */
    int (*stream_keep_alive)(struct weft_env *env, weft_socket socket, weft_duration idle);
};

#endif
