/* Fabric: the simulated machines below the nodes. Each machine that is up has an env: virtual time,
 * sockets on the modelled network, a disk that outlives it. Knows no weft_node: what a socket has
 * to tell goes to a function, and sim/world (or a test of the env's contract) decides who hears it.
 *
 * Datagrams: each goes through sim_net_fate on its own, is copied once, and is lost without a word
 * where it finds no machine or no socket. They leave a machine one nanosecond apart, so that those
 * of one run keep their order where delays are equal. A machine's packets to itself take
 * SIM_LOOPBACK_DELAY and see no link.
 *
 * Streams behave as TCP does (RFC 9293), without its congestion control:
 *   - the handshake takes a round trip; a SYN that is lost is sent again after 1, 2, 4, ... s and
 *     given up after WEFT_STREAM_CONNECT_MAX (TIMEOUT). No listener: REFUSED.
 *   - bytes in order, at most SIM_STREAM_BUFFER unacknowledged and as many unread: then write says
 *     AGAIN. Segments carry up to SIM_STREAM_SEGMENT bytes; segments of one direction never
 *     overtake one another.
 *   - what is not acknowledged is sent again after SIM_STREAM_RTO, then twice that, and so on up to
 *     SIM_STREAM_RTO_MAX; after SIM_STREAM_ACK_MAX without any acknowledgement: TIMEOUT. So a
 *     stream stalls in a partition and resumes after it.
 *   - an idle stream that is kept alive (net->stream_keep_alive) asks its peer, whose machine
 * answers by itself; without that it lasts for ever, even half-open.
 *   - a machine that is up answers with a reset what belongs to a stream it does not know: its own
 *     of an earlier life, say, or one whose peer is behind a NAT that gave it another port. A
 *     machine that is down is silent, and so is an address that nobody has.
 *   - after close, what was written is still delivered, by the machine, even when the node has
 *     ended in order; unread bytes turn a close into a reset. */
#ifndef SIM_WORLD_FABRIC_H
#define SIM_WORLD_FABRIC_H

#include "sim/world/clock.h"
#include "sim/world/points.h"
#include "sim/world/world.h"

#define SIM_LOOPBACK_DELAY WEFT_US(1)
#define SIM_STREAM_BUFFER 65536u
#define SIM_STREAM_SEGMENT 16384u
#define SIM_STREAM_RTO WEFT_S(1)
#define SIM_STREAM_RTO_MAX WEFT_S(60)
#define SIM_STREAM_ACK_MAX WEFT_S(120)
#define SIM_RECEIVE_BUFFER                                                                         \
    212992u                         /* bytes of datagrams a socket holds while its node is paused  \
                                     */
#define SIM_DATAGRAM_OVERHEAD 64u   /* what each counts there beside its bytes */
#define SIM_SOCKETS_MAX 65536u      /* of one machine */
#define SIM_JOB_WORKERS 2u          /* threads of a machine's job pool */
#define SIM_JOB_DURATION WEFT_MS(1) /* of a job that says nothing */
#define SIM_BACKLOG_MAX 4096        /* greater ones are cut to it, as somaxconn does */
#define SIM_PORT_EPHEMERAL 49152u   /* "any free port" starts here */
#define SIM_WALL_EPOCH INT64_C(1767225600000000000) /* virtual time 0: 2026-01-01 00:00 UTC */

struct sim_fabric;

struct sim_fabric_config {
    struct sim_engine *engine; /* borrowed */
    struct sim_net *net;       /* borrowed */
    uint32_t nodes;
    const struct sim_nat_range *nats; /* borrowed; as in struct sim_world_config */
    uint32_t nats_count;
    const struct sim_flow_plan *flow; /* borrowed; as in struct sim_world_config */
    struct sim_host host;
    const struct sim_order_spec *order; /* borrowed; NULL: FIFO */
    /* A socket of `node` has something to tell. May call functions of its env. */
    void (*deliver)(void *ctx, uint32_t node, const struct weft_event *event);
    /* Soon something happens to `node`: bring into the cache what that will read, step by step from
     * 0 to SIM_NEAR - 1. NULL: nobody knows. */
    void (*fetch)(void *ctx, uint32_t node, unsigned step);
    /* Every event of an env's trace, and the fabric's PACKET_* events, when in the mask. */
    void (*trace)(void *ctx, const struct weft_trace_event *event);
    /* Which process of the node runs, for the points. NULL: nobody knows. */
    void (*who)(void *ctx, uint32_t node, char text[SIM_POINT_WHO_MAX]);
    void *ctx;
    uint64_t trace_mask;
    /* The scheduler of who owns a socket: each may be bound to one port. NULL: all are of one. */
    uint32_t (*part_of)(uint64_t owner);
    /* What a packet is, for elements that ask: below SIM_PACKET_KINDS_MAX. NULL: all are 0. */
    uint32_t (*kind_of)(const unsigned char *bytes, size_t size, bool stream);
    struct sim_points *points; /* borrowed; NULL: none are counted */
};

/* All machines are down. NULL when out of memory. */
struct sim_fabric *sim_fabric_new(const struct sim_fabric_config *config);

/* The same machines for another lane of the engine: those of its nodes are to be put up, and their
 * events handled, by the fabric of that lane. Nobody moves, and nobody is behind a NAT. To be freed
 * after the first. NULL when out of memory. */
struct sim_fabric *sim_fabric_beside(struct sim_fabric *first, struct sim_engine *lane, void *ctx);

/* Go on with what flows, to the next event of the engine and at most to `until`. To be called
 * before each look at the engine. */
void sim_fabric_flow(struct sim_fabric *fabric, weft_time until);
struct sim_flows_stats sim_fabric_flows(const struct sim_fabric *fabric);

/* Events still in the engine are the engine's: free it with sim_fabric_drop. */
void sim_fabric_free(struct sim_fabric *fabric);
void sim_fabric_drop(const struct sim_event *event);

/* Put machine `node`, which is down, into a new life. NULL when out of memory. */
struct weft_env *sim_fabric_up(struct sim_fabric *fabric, uint32_t node, uint32_t life);
struct weft_env *sim_fabric_env(struct sim_fabric *fabric, uint32_t node); /* NULL: down */

enum sim_fabric_end {
    SIM_END_ORDERLY, /* the node ended: open sockets are closed, closed streams are finished */
    SIM_END_KILLED,  /* streams are reset; the disk keeps what was written */
    SIM_END_CRASHED  /* silence; the disk keeps what was synced */
};

/* Take the machine's sockets, what waits for it, and its open files. Its env still stands, so that
 * what uses it can be freed: no packet leaves by that any more. Returns how many files lost bytes.
 */
uint32_t sim_fabric_halt(struct sim_fabric *fabric, uint32_t node, enum sim_fabric_end how);

/* SIM_END_CRASHED, after which the disk has what `unsynced` says, by draws from `seed`. */
uint32_t sim_fabric_crash(struct sim_fabric *fabric, uint32_t node, enum sim_unsynced unsynced,
                          uint64_t seed);

/* The disk of a machine, up or down, made when there is none. NULL: out of memory. */
struct sim_disk *sim_fabric_disk(struct sim_fabric *fabric, uint32_t node);

/* The machine, halted before, is down: its env is gone. */
void sim_fabric_down(struct sim_fabric *fabric, uint32_t node);

/* Change the clocks of a machine, up or down: they outlive it. Handlers, packets and jobs take true
 * time all the same. */
void sim_fabric_clock_change(struct sim_fabric *fabric, uint32_t node,
                             const struct sim_clock_change *change);
const struct sim_clock *sim_fabric_clock(const struct sim_fabric *fabric,
                                         uint32_t node); /* NULL: it was never off */
/* The true time at which the machine's monotonic clock shows `shown`; counted when it is another.
 */
weft_time sim_fabric_true_time(struct sim_fabric *fabric, uint32_t node, weft_time shown);

/* While paused nothing is delivered; datagrams wait, up to SIM_RECEIVE_BUFFER a socket, and
 * streams as far as their buffers go. Resume delivers what waited, in order. */
void sim_fabric_pause(struct sim_fabric *fabric, uint32_t node);
/* Whether something waits for it that would have been told by now. */
bool sim_fabric_waited_for(const struct sim_fabric *fabric, uint32_t node);
void sim_fabric_resume(struct sim_fabric *fabric, uint32_t node);

/* As sim_world_move and so on. */
bool sim_fabric_move(struct sim_fabric *fabric, uint32_t node);
uint32_t sim_fabric_reset_streams(struct sim_fabric *fabric, uint32_t node);
uint32_t sim_fabric_forget_streams(struct sim_fabric *fabric, uint32_t node);
struct sim_places;
struct sim_places *sim_fabric_places(const struct sim_fabric *fabric); /* NULL: none yet */

/* The machine at an address in the open, or UINT32_MAX. */
uint32_t sim_fabric_node_at(const struct sim_fabric *fabric, const struct weft_addr *addr);

/* Until when a call that the node made has not returned; not later than now: there is none. And set
 * it, on a machine that is up: what waits is told then, which is now when `until` is. */
weft_time sim_fabric_busy(const struct sim_fabric *fabric, uint32_t node);
/* What the node does now takes so much longer; and back, when it did nothing: busy until `until`.
 */
void sim_fabric_take_time(struct sim_fabric *fabric, uint32_t node, weft_duration cost);
void sim_fabric_give_back_time(struct sim_fabric *fabric, uint32_t node, weft_time until);
void sim_fabric_set_busy(struct sim_fabric *fabric, uint32_t node, weft_time until);

/* Act on an event popped from the engine. False: it is not the fabric's. */
bool sim_fabric_handle(struct sim_fabric *fabric, const struct sim_event *event);

/* Kinds of engine events from this one on are not the fabric's. */
#define SIM_FABRIC_KINDS 16u

/* Of one machine. */
uint32_t sim_fabric_sockets(const struct sim_fabric *fabric, uint32_t node);    /* open */
size_t sim_fabric_memory(const struct sim_fabric *fabric, uint32_t node);       /* of env->mem */
size_t sim_fabric_refused(const struct sim_fabric *fabric, uint32_t node);      /* for its limit */
size_t sim_fabric_memory_limit(const struct sim_fabric *fabric, uint32_t node); /* 0: none */
void sim_fabric_limit_memory(struct sim_fabric *fabric, uint32_t node, size_t bytes_max);
size_t sim_fabric_overhead(const struct sim_fabric *fabric, uint32_t node); /* beside it */

struct sim_fabric_stats {
    uint64_t packets_sent, packets_received, packets_lost;
    uint64_t stream_bytes; /* put into receive buffers of streams, each byte once */
};

void sim_fabric_stats(const struct sim_fabric *fabric, struct sim_fabric_stats *stats);

#endif
