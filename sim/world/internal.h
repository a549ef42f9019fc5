/* Inside the fabric: machines, sockets, parcels. Private to sim/world. */
#ifndef SIM_WORLD_INTERNAL_H
#define SIM_WORLD_INTERNAL_H

#include "core/base/assert.h"
#include "core/base/fetch.h"
#include "core/base/list.h"
#include "core/base/rand.h"
#include "sim/world/clock.h"
#include "sim/world/fabric.h"
#include "sim/world/places.h"

/* Kinds of engine events. `entity` is the machine it happens to. */
enum sim_fabric_kind {
    SIM_EVENT_PARCEL = 1,     /* arg: sender << 32 ^ number; data: the parcel */
    SIM_EVENT_STREAM_TIMER,   /* arg: socket; none by that number: the event is stale */
    SIM_EVENT_JOB,            /* arg: number of the job */
    SIM_EVENT_BUSY_NO_MORE,   /* something waits for the machine to have time */
    SIM_EVENT_PARCEL_THROUGH, /* as PARCEL: it has left its receiver's downlink */
    SIM_EVENT_TELL            /* arg: socket of a stream that has something to tell its new owner */
};

/* --- parcels: what travels --- */

enum sim_parcel_kind {
    SIM_PARCEL_DATAGRAM = 1,
    SIM_PARCEL_SYN,
    SIM_PARCEL_SYNACK,
    SIM_PARCEL_SEGMENT, /* bytes, or none; always an acknowledgement */
    SIM_PARCEL_RESET
};

/* Shared by its copies on the way: never changed once sent, but for `target` of its ends while it
 * arrives.
 *
 * A datagram from and to where machines are that never moved needs no addresses: its nodes, ports
 * and family say them. Any other parcel has its ends in the memory before it. */
struct sim_parcel {
    union {
        struct sim_parcel *next_free; /* in the pool */
        uint64_t number;
    };
    uint32_t from, to;
    uint32_t refs;
    uint32_t size; /* of bytes */
    uint16_t source_port, target_port;
    uint8_t family;
    uint8_t kind;  /* enum sim_parcel_kind */
    uint8_t class; /* of its memory */
    bool has_ends;
    unsigned char bytes[];
};

/* With what is in a stream's parcel alone. */
struct sim_ends {
    struct weft_addr source, target;
    uint64_t from_socket, to_socket; /* streams */
    uint64_t seq, ack;               /* SEGMENT: of the first byte; next byte expected */
    uint32_t window;                 /* bytes the sender of this has room for, from `ack` */
    bool fin;                        /* SEGMENT: the sender has finished, after these bytes */
    bool probe;                      /* SEGMENT: answer, whatever it says */
};

_Static_assert(sizeof(struct sim_parcel) == 32, "with a few bytes half a cache line");

static inline struct sim_ends *sim_parcel_ends(const struct sim_parcel *parcel) {
    WEFT_ASSERT(parcel->has_ends);
    return (struct sim_ends *)(uintptr_t)parcel - 1;
}

/* --- byte queue: what a stream holds --- */

struct sim_queue {
    unsigned char *data;
    uint32_t start, size, capacity;
};

/* WEFT_ERR_NOMEM: nothing was added. */
int sim_queue_push(struct sim_queue *queue, const void *data, uint32_t size);
/* Copy `size` bytes from `offset`; they are there. */
void sim_queue_peek(const struct sim_queue *queue, uint32_t offset, void *out, uint32_t size);
/* Forget the first `size`; memory is given back when none is left. */
void sim_queue_drop(struct sim_queue *queue, uint32_t size);
void sim_queue_deinit(struct sim_queue *queue);

/* --- sockets --- */

enum sim_socket_kind { SIM_SOCKET_DATAGRAM = 1, SIM_SOCKET_LISTENER, SIM_SOCKET_STREAM };

struct sim_socket {
    struct sim_socket *bound_next; /* after it in machine->bound: DATAGRAM, LISTENER */
    weft_socket id;                /* serial << 16 | slot */
    uint64_t owner;
    struct weft_addr local;
    enum sim_socket_kind kind;
    uint32_t waiting; /* DATAGRAM: bytes queued while paused */
};

struct sim_listener {
    struct sim_socket socket;
    uint32_t backlog;
    uint32_t unaccepted_count;
    struct weft_link unaccepted; /* its streams, until ACCEPTED was delivered */
};

enum sim_stream_state {
    SIM_STREAM_SYN_SENT = 1,
    SIM_STREAM_SYN_RECEIVED,
    SIM_STREAM_OPEN,
    SIM_STREAM_BROKEN /* FAILED was told: `error` */
};

/* Events of a stream that are to be told, in this order. */
enum sim_due {
    SIM_DUE_CONNECTED = 1,
    SIM_DUE_READABLE = 2,
    SIM_DUE_WRITABLE = 4,
    SIM_DUE_FAILED = 8
};

/* Bytes are numbered from 0 in each direction; the end (fin) takes one number after the last.
 *
 * I1  acked <= next <= written + 1 (the 1: the end)
 * I2  out holds the bytes [min(acked, written), written)
 * I3  in.size <= SIM_STREAM_BUFFER, out.size likewise
 * I4  timer_at != NEVER  implies  an engine event is queued not after it (timer_queued)
 * I5  orphan implies OPEN and finished: others are freed at close */
struct sim_stream {
    struct sim_socket socket;
    struct weft_link accept; /* in the listener's `unaccepted` */
    weft_socket listener;    /* whose it is, until accepted */
    enum sim_stream_state state;
    int error;
    bool orphan;        /* closed by its owner */
    bool finished;      /* our end is written */
    bool peer_finished; /* its end has arrived */
    bool readable_told; /* READABLE was told and read has not said AGAIN since */
    bool writable_wanted;
    uint8_t due;             /* enum sim_due */
    weft_socket peer_socket; /* 0: not known yet */
    struct weft_addr remote;
    struct sim_queue out, in;
    uint64_t written, acked, next;
    uint64_t edge;          /* the peer takes bytes below this number */
    uint64_t expected;      /* next byte from the peer */
    uint64_t promised;      /* the edge we last told the peer */
    weft_time arrival_last; /* of the last parcel to the peer, so that none overtakes */
    weft_time quiet_since;  /* nothing was acknowledged since */
    weft_duration rto;
    weft_duration keep_alive;         /* 0: not */
    weft_time heard_at;               /* anything of the peer */
    bool is_idle;                     /* nothing waits for the peer: the timer is keep_alive's */
    weft_time timer_at, timer_queued; /* NEVER: none */
};

/* --- machines --- */

/* An event that waits for a paused node. */
struct sim_waiting {
    struct weft_link link;
    struct weft_event event;
    struct sim_parcel *parcel; /* holds event.data; or NULL */
};

union sim_slot {
    struct sim_socket *socket;
    uint64_t free; /* odd: the next free slot << 1 | 1 */
};

/* What few machines need; made when one does. */
struct sim_machine_rest {
    struct sim_machine *machine;
    struct weft_mem counted; /* its heap, when the fabric has points */
    struct weft_rand rand;
    bool has_rand; /* in this life */
    uint32_t jobs_count;
    struct weft_link waiting, jobs;
    weft_time busy_until; /* a call of its node has not returned; not later than now: none */
    weft_time job_free_at[SIM_JOB_WORKERS]; /* when each worker has done what it was given */
    struct sim_order *order;                /* NULL: first in, first out */
};

/* First what each datagram needs that comes or goes, with the socket that most machines have and
 * no other, then the tables at the start of env. A million machines are 256 MB.
 *
 * I1  slots_count <= 1 implies the slot is in the machine, else there is a table of them
 * I2  own_socket is in use when a slot holds it; it is a datagram socket */
struct sim_machine {
    struct sim_fabric *fabric;
    struct sim_socket *bound; /* the first, in the order they were bound; NULL: none */
    union {
        union sim_slot slot;
        union sim_slot *slots;
    };
    weft_time departure_last; /* of a datagram */
    uint32_t node;
    uint32_t slots_count;
    uint32_t slots_free; /* index, UINT32_MAX: none */
    uint32_t sockets_count;
    uint32_t life;
    uint16_t port_next;
    bool up : 1; /* false: only orphans are left to finish */
    bool paused : 1;
    bool busy_told : 1; /* BUSY_NO_MORE is queued */
    bool own_socket_used : 1;
    bool busy : 1;                /* rest->busy_until counts */
    struct sim_socket own_socket; /* I2 */
    struct weft_env env;
    struct weft_mem_heap heap;
    struct sim_machine_rest *rest; /* NULL: not needed so far */
    uint32_t orphans_count;        /* sockets closed by their owner */
    uint32_t serials;              /* of the berth's, those of this life */
};

#define SIM_MACHINE_SIZE sizeof(struct sim_machine)

_Static_assert(SIM_MACHINE_SIZE == 256, "not a byte more without need");

/* Room for machines, many at a time: a free one begins with the next. */
struct sim_machine_room {
    void *free;
    void **blocks;
    size_t blocks_count, blocks_max;
};

/* What outlives a machine. 0 at first. */
struct sim_berth {
    struct sim_machine *machine; /* NULL: down, and nothing is left */
    struct sim_disk *disk;       /* NULL: never used */
    uint64_t packets;            /* sent so far */
    uint64_t serials;            /* sockets and jobs so far */
};

#define SIM_POOL_CLASSES 4
#define SIM_POOLS (2 * SIM_POOL_CLASSES) /* without ends; with them */

struct sim_flows;

struct sim_fabric {
    struct sim_fabric_config config;
    struct sim_berth *berths;
    struct sim_places *places; /* NULL until a machine is behind a NAT or moves */
    struct sim_clock **clocks; /* by machine, NULL: true; NULL: all of them */
    struct sim_machine_room room;
    bool is_beside;                     /* berths and clocks are of another */
    struct sim_parcel *pool[SIM_POOLS]; /* free parcels by class */
    uint32_t pool_count[SIM_POOLS];
    struct sim_flows *flows; /* NULL: no model of bandwidth */
    struct sim_fabric_stats stats;
};

static inline struct sim_machine *sim_fabric__machine(struct weft_env *env) {
    return WEFT_CONTAINER(env, struct sim_machine, env);
}

static inline weft_time sim_fabric__now(const struct sim_machine *machine) {
    return sim_engine_now(machine->fabric->config.engine);
}

/* points.c */
bool sim_fabric__refused_at(struct sim_machine *machine, enum sim_point_kind kind, const char *call,
                            size_t size);
struct weft_mem *sim_fabric__memory(struct sim_machine *machine);
bool sim_fabric__fault_point(struct weft_env *env, const char *name);

/* A call of the node that may be refused: whether this one is. */
static inline bool sim_fabric__refused(struct sim_machine *machine, enum sim_point_kind kind,
                                       const char *call, size_t size) {
    if (__builtin_expect(machine->fabric->config.points == NULL, true)) return false;
    return sim_fabric__refused_at(machine, kind, call, size);
}

/* When the call returns that its node makes; not later than now: it makes none. */
static inline weft_time sim_fabric__busy_until(const struct sim_machine *machine) {
    return machine->busy ? machine->rest->busy_until : 0;
}

/* Whether what arrives has to wait. */
static inline bool sim_fabric__deaf(const struct sim_machine *machine) {
    return machine->paused || sim_fabric__busy_until(machine) > sim_fabric__now(machine);
}

/* fabric.c: a call that the node makes now takes that long: it runs no more before that, what it
 * sends leaves after it, and what arrives meanwhile waits. */
void sim_fabric__busy(struct sim_machine *machine, weft_duration took);
/* Something waits: see to it that the machine hears of it. */
void sim_fabric__hold(struct sim_machine *machine);

/* fabric.c: its rest. */
struct sim_machine_rest *sim_fabric__make_rest(struct sim_machine *machine);
static inline struct sim_machine_rest *sim_fabric__rest(struct sim_machine *machine) {
    return machine->rest != NULL ? machine->rest : sim_fabric__make_rest(machine);
}

/* The number of its next socket or job. */
uint64_t sim_fabric__serial(struct sim_machine *machine);

/* NULL: it tells the true time. */
static inline struct sim_clock *sim_fabric__clock_of(const struct sim_fabric *fabric,
                                                     uint32_t node) {
    return fabric->clocks == NULL ? NULL : fabric->clocks[node];
}

/* env.c, env_disk.c, env_loader.c: the tables of a machine's env. */
extern const struct weft_clock_ops sim_fabric__clock;
extern const struct weft_entropy_ops sim_fabric__entropy;
extern const struct weft_trace_ops sim_fabric__trace;
extern const struct weft_net_ops sim_fabric__net;
extern const struct weft_disk_ops sim_fabric__disk;
extern const struct weft_loader_ops sim_fabric__loader;
extern const struct weft_job_ops sim_fabric__job;
extern const struct weft_order_ops sim_fabric__order;

/* env_job.c */
void sim_fabric__job_due(struct sim_machine *machine, uint64_t number);
void sim_fabric__jobs_resume(struct sim_machine *machine);
/* Whether one is, of which it has not been told. */
bool sim_fabric__jobs_due(const struct sim_machine *machine);
void sim_fabric__jobs_forget(struct sim_machine *machine);

/* The machine's own address, with the family and port of `like`. */
static inline struct weft_addr sim_fabric__addr(const struct sim_machine *machine,
                                                struct weft_addr like) {
    return sim_places_addr(machine->fabric->places, machine->node, like);
}

/* PACKET_* events: numbers are (peer, size, packet, cause). */
void sim_fabric__trace_wanted(struct sim_fabric *fabric, uint32_t node, enum weft_trace_kind kind,
                              const uint64_t number[4]);

static inline void sim_fabric__trace_packet(struct sim_fabric *fabric, uint32_t node,
                                            enum weft_trace_kind kind, const uint64_t number[4]) {
    const struct sim_fabric_config *config = &fabric->config;
    if (__builtin_expect((config->trace_mask & WEFT_TRACE_BIT(kind)) != 0, false))
        sim_fabric__trace_wanted(fabric, node, kind, number);
}

/* parcel.c. A parcel with one reference; it and its ends, when it has them, are cleared but for
 * refs, size. NULL: no memory. */
struct sim_parcel *sim_parcel_new_rest(struct sim_fabric *fabric, uint32_t size, bool has_ends);
void sim_parcel_free(struct sim_fabric *fabric, struct sim_parcel *parcel);
void sim_parcel_pool_free(struct sim_fabric *fabric);

/* Of the smallest class, that of most messages. */
#define SIM_PARCEL_SMALL 24u

static inline struct sim_parcel *sim_parcel_new(struct sim_fabric *fabric, uint32_t size,
                                                bool has_ends) {
    struct sim_parcel *parcel = fabric->pool[0];
    if (size > SIM_PARCEL_SMALL || has_ends || parcel == NULL)
        return sim_parcel_new_rest(fabric, size, has_ends);
    fabric->pool[0] = parcel->next_free;
    fabric->pool_count[0]--;
    *parcel = (struct sim_parcel){.refs = 1, .size = size};
    return parcel;
}

static inline void sim_parcel_unref(struct sim_fabric *fabric, struct sim_parcel *parcel) {
    WEFT_ASSERT(parcel->refs > 0);
    if (--parcel->refs == 0) sim_parcel_free(fabric, parcel);
}

/* Through the network; takes the reference. `from` is set, and `to` of one without ends; of one
 * with them `source`, `target` and what the kind needs: `to` is found, and `source` becomes what
 * others see. A stream's parcel arrives once, after *arrival_last, which moves on; NULL: a
 * datagram. */
void sim_parcel_send_take(struct sim_fabric *fabric, struct sim_parcel *parcel,
                          weft_time *arrival_last);
/* A parcel has come to its receiver's downlink. True: it is through. False: it was lost, or it is
 * queued and comes again; the reference is taken. */
bool sim_parcel_arrives(struct sim_fabric *fabric, struct sim_parcel *parcel);
/* It arrives: `target` becomes what the machine sees, or why it does not get in. */
enum sim_loss sim_parcel_let_in(struct sim_fabric *fabric, struct sim_parcel *parcel);
/* Queue what is left of it by its fate, from `at` on; its reference stays the caller's. */
void sim_parcel_queue(struct sim_fabric *fabric, struct sim_parcel *parcel,
                      const struct sim_fate *fate, weft_time at, weft_time *arrival_last);
void sim_parcel_lost(struct sim_fabric *fabric, const struct sim_parcel *parcel,
                     enum sim_loss cause);
/* Who sent it, as others see it. */
struct weft_addr sim_parcel_source_rest(const struct sim_parcel *parcel);
static inline void sim_parcel_source(const struct sim_parcel *parcel, struct weft_addr *source) {
    if (!parcel->has_ends && parcel->family == WEFT_FAMILY_V4)
        sim_addr_put_v4(source, SIM_V4_NET << 24 | (parcel->from + 1), parcel->source_port);
    else
        *source = sim_parcel_source_rest(parcel);
}

static inline void sim_parcel_received(struct sim_fabric *fabric, const struct sim_parcel *parcel) {
    fabric->stats.packets_received++;
    sim_engine_fold_bytes(fabric->config.engine, parcel->bytes, parcel->size);
    sim_fabric__trace_packet(fabric, parcel->to, WEFT_TRACE_PACKET_RECEIVED,
                             (uint64_t[4]){parcel->from, parcel->size, parcel->number});
}

/* socket.c */
static inline uint64_t sim_socket_serial(weft_socket id) { return id >> 16; }

/* In slot `slot` < slots_count; NULL: it is free. */
static inline struct sim_socket *sim_socket_at(const struct sim_machine *machine, uint32_t slot) {
    union sim_slot at = machine->slots_count > 1 ? machine->slots[slot] : machine->slot; /* I1 */
    return (at.free & 1) != 0 ? NULL : at.socket;
}

static inline struct sim_socket *sim_socket_find(const struct sim_machine *machine,
                                                 weft_socket id) {
    uint32_t slot = (uint32_t)(id & (SIM_SOCKETS_MAX - 1));
    if (slot >= machine->slots_count) return NULL;
    struct sim_socket *socket = sim_socket_at(machine, slot);
    return socket != NULL && socket->id == id ? socket : NULL;
}
struct sim_stream *sim_socket_stream(const struct sim_machine *machine, weft_socket id);
struct sim_listener *sim_socket_listener(const struct sim_machine *machine, weft_socket id);
/* A socket bound to target, or NULL. */
struct sim_socket *sim_socket_bound(struct sim_machine *machine, enum sim_socket_kind kind,
                                    const struct weft_addr *target);
/* The one of them that `parcel`, whose target it is, comes to: chosen by the peer. One without ends
 * is for the machine's only address. */
struct sim_socket *sim_socket_spread(struct sim_machine *machine, enum sim_socket_kind kind,
                                     const struct sim_parcel *parcel);
/* Make one. `size` >= sizeof(struct sim_socket), more for all but DATAGRAM; cleared. FULL, NOMEM */
int sim_socket_new(struct sim_machine *machine, enum sim_socket_kind kind, size_t size,
                   struct sim_socket **out);
/* Checks *local, chooses a port when it has none, puts the socket, whose owner is set, into
 * `bound`. INVAL, IN_USE */
int sim_socket_bind(struct sim_machine *machine, struct sim_socket *socket,
                    struct weft_addr *local);
uint16_t sim_socket_port(struct sim_machine *machine, enum sim_socket_kind kind,
                         enum weft_family family); /* 0: none is free */
void sim_socket_free(struct sim_machine *machine, struct sim_socket *socket);
bool sim_socket_is_wildcard(const struct sim_socket *socket); /* bound to a port alone */

/* To the node now: it is not deaf. */
static inline void sim_fabric__deliver(struct sim_machine *machine,
                                       const struct weft_event *event) {
    struct sim_fabric *fabric = machine->fabric;
    sim_engine_fold(fabric->config.engine, (uint64_t)event->kind << 56 ^ event->socket);
    fabric->config.deliver(fabric->config.ctx, machine->node, event);
}

/* tell.c: events for the node, at once or when it is resumed. `parcel`: holds event->data. */
void sim_fabric__tell(struct sim_machine *machine, const struct weft_event *event,
                      struct sim_parcel *parcel);
void sim_fabric__tell_stream(struct sim_machine *machine, weft_socket id); /* what is due */
void sim_fabric__tell_waiting(struct sim_machine *machine);
void sim_fabric__forget_waiting(struct sim_machine *machine);

/* datagram.c */
int sim_datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                      weft_socket *out);
int sim_datagram_send(struct weft_env *env, weft_socket id, const struct weft_addr *to,
                      const void *data, size_t size);
void sim_datagram_receive(struct sim_machine *machine, struct sim_parcel *parcel);

/* stream.c */
int sim_stream_listen(struct weft_env *env, struct weft_addr *local, int backlog, uint64_t owner,
                      weft_socket *out);
int sim_stream_connect(struct weft_env *env, const struct weft_addr *to, uint64_t owner,
                       weft_socket *out);
int64_t sim_stream_read(struct weft_env *env, weft_socket id, void *data, size_t size);
int64_t sim_stream_write(struct weft_env *env, weft_socket id, const void *data, size_t size);
int sim_stream_finish(struct weft_env *env, weft_socket id);
int sim_stream_keep_alive(struct weft_env *env, weft_socket id, weft_duration idle);

/* FULL, NOMEM */
int sim_stream_new(struct sim_machine *machine, enum sim_stream_state state,
                   struct sim_stream **out);
/* It has a new owner, who is told what the last one was. */
void sim_stream_own(struct sim_machine *machine, struct sim_stream *stream);
/* ACCEPTED of stream `id` is being delivered: it is now the listener's owner's. */
void sim_stream_accepted(struct sim_machine *machine, weft_socket id);

/* stream_close.c */
void sim_stream_close(struct sim_machine *machine, struct sim_stream *stream);
void sim_stream_abort(struct sim_machine *machine, struct sim_stream *stream);
void sim_stream_listener_close(struct sim_machine *machine, struct sim_listener *listener);
/* The peer broke it, or time did: tells the owner, or frees what nobody owns. */
void sim_stream_fail(struct sim_machine *machine, struct sim_stream *stream, int error);
void sim_stream_free(struct sim_machine *machine, struct sim_stream *stream);

/* stream_send.c */
void sim_stream_send_handshake(struct sim_machine *machine, struct sim_stream *stream);
void sim_stream_send_ack(struct sim_machine *machine, struct sim_stream *stream);
void sim_stream_send_reset(struct sim_machine *machine, struct sim_stream *stream);
/* Send what may be sent, and see to the timer. */
void sim_stream_output(struct sim_machine *machine, struct sim_stream *stream);
/* Nothing came back in time: the oldest segment once more, or a probe of a window that is shut. */
void sim_stream_send_again(struct sim_machine *machine, struct sim_stream *stream);
/* Whatever it says, it is answered. */
void sim_stream_send_probe(struct sim_machine *machine, struct sim_stream *stream);
/* Answer a parcel that belongs to no stream of this machine, or to one that is broken or has
 * another peer. */
void sim_stream_answer_stray(struct sim_machine *machine, const struct sim_parcel *parcel);

/* stream_timer.c */
void sim_stream_timer_set(struct sim_machine *machine, struct sim_stream *stream, weft_time at);
void sim_stream_timer(struct sim_machine *machine, weft_socket id);
/* Nothing waits for the peer any more. */
void sim_stream_idle(struct sim_machine *machine, struct sim_stream *stream);

/* stream_receive.c */
void sim_stream_receive(struct sim_machine *machine, const struct sim_parcel *parcel);

/* fabric.c: give back a machine that is not up and has no socket left. */
void sim_fabric__reap(struct sim_machine *machine);

#endif
