/* Engine: virtual time, the event queue, keyed randomness and the run's hash.
 *
 * Whoever acts is an entity: a node, or the scenario. What is scheduled has a source (who acted)
 * and a number (how many that one has scheduled so far); together they name the event, in every run
 * and on any number of threads, for both depend on nothing but what the source did.
 *
 * Events are popped by (time, tie, source, number). `tie` is a draw keyed by source and number, so
 * the order of simultaneous events is explored by seeds and not frozen by who scheduled first; the
 * rest makes the order total.
 *
 * Each entity has a chain: a rolling 128-bit hash over the events it was given, those it scheduled
 * and cancelled, and everything folded in while it acted. The run's hash is the sum over all
 * chains, each finished with its entity: it does not depend on how the events of different nodes
 * were interleaved, and two runs that differ can be told apart node by node. */
#ifndef SIM_ENGINE_ENGINE_H
#define SIM_ENGINE_ENGINE_H

#include "core/base/bytes.h"
#include "core/base/rand.h"
#include "core/base/time.h"
#include "sim/engine/hash.h"

/* What a draw is for. Each (purpose, entity, counter) is drawn at most for one decision, so no two
 * decisions share randomness. Append only: a number is part of what a seed means. */
enum sim_purpose {
    SIM_DRAW_TIE = 1, /* entity: event's source, counter: its number */
    SIM_DRAW_ENTROPY, /* entity: node, counter: life */
    SIM_DRAW_NODE_ID, /* entity: node */
    SIM_DRAW_DELAY,   /* entity: from << 32 | to, counter: packet number of the sender */
    SIM_DRAW_LOSS,
    SIM_DRAW_DUPLICATE,
    SIM_DRAW_REORDER,
    SIM_DRAW_REGION,    /* entity: node */
    SIM_DRAW_TARGETS,   /* entity: fault, counter: occurrence */
    SIM_DRAW_GROUPS,    /* partition sides; entity: fault, counter: node */
    SIM_DRAW_WHEN,      /* jitter of a fault or workload; entity: it, counter: occurrence */
    SIM_DRAW_JOIN,      /* start time; entity: node */
    SIM_DRAW_BOOTSTRAP, /* contacts of a node; entity: node, counter: index */
    SIM_DRAW_WORK_NODE, /* who does it; entity: workload, counter: occurrence */
    SIM_DRAW_WORK_KEY,  /* on what */
    SIM_DRAW_SESSION,   /* churn: session lengths; entity: node, counter: life */
    SIM_DRAW_DISK,      /* what a crash keeps; entity: node, counter: life */
    SIM_DRAW_PROCESS,   /* whom a fault hits in a node; entity: fault << 32 | node, counter:
                           occurrence */
    SIM_DRAW_TURN,      /* messages a scheduler handles in one go, of a node that has several;
                            entity: node, counter: life << 40 | turn */
    SIM_DRAW_CROSSING,  /* time from one scheduler to another; counter: life << 40 | crossing */
    SIM_DRAW_CLOCK,     /* how far off from the start; entity: node, counter: 0 offset, 1 drift */

    /* Who of a node has the next turn; entity: life << 32 | node, counter: step; a process's rank;
     * a step at which the order changes. */
    SIM_DRAW_ORDER,
    SIM_DRAW_ORDER_RANK,
    SIM_DRAW_ORDER_POINT,

    /* A value of the scenario; entity: its path, counter: which of its draws. */
    SIM_DRAW_SWARM,

    SIM_DRAW_TROUBLE, /* seed of what a fault does to a disk; entity: fault << 32 | node, counter:
                         occurrence */
    SIM_DRAW_ATLAS,   /* whose disk may be damaged; entity: node, counter: hash of the item */

    SIM_DRAW_NAT,     /* a port outside; entity: NAT, counter: how many it has drawn */
    SIM_DRAW_BURST,   /* spells of a link; entity: from << 32 | to, counter: epoch, spell */
    SIM_DRAW_CORRUPT, /* bits that are flipped; as DELAY */
    SIM_DRAW_FLAP,    /* how long a cut holds, or rests; entity: fault << 32 | occurrence,
                         counter: of the spells */
    SIM_DRAW_SPREAD,  /* which of several sockets on one port; entity: node, counter: peer's node
                         << 16 | its port */
    SIM_DRAW_DOMAIN,  /* a node's rack; entity: node */
    SIM_DRAW_BOOT, /* how much later a node boots; entity: fault << 32 | node, counter: occurrence
                    */
    SIM_DRAW_UNSYNCED, /* what a loss of power does; entity: node, counter: life */
    SIM_DRAW_PAIR /* a delay that stays; entity: lower node << 32 | higher, counter: which delay */
};

#define SIM_SCENARIO UINT32_MAX /* the entity that is no node */

struct sim_event {
    weft_time at;
    uint32_t kind;   /* chosen by the world */
    uint32_t entity; /* whom it happens to: a node or SIM_SCENARIO */
    uint64_t arg;
    void *data; /* owned by whoever the event goes to */
    /* The scenario's: node + 1, when what is done then touches nothing but that node and reads
     * nothing that another one writes; 0: it may be anything. sim/engine/lanes.h */
    uint32_t only;
};

/* The name of an event: event `number` that `source` scheduled, from 1. */
struct sim_cause {
    uint32_t source;
    uint64_t number;
};

/* A scheduled event, for cancelling. 0 is none. */
typedef uint64_t sim_handle;

struct sim_engine;

/* What every engine begins with, for the calls below that are made for each event: theirs alone. */
struct sim_engine__face {
    weft_time now;
    struct sim_trail *acting;          /* of who acts */
    const struct sim_witness *witness; /* NULL: none */
};

static inline const struct sim_engine__face *sim_engine__face(const struct sim_engine *engine) {
    return (const struct sim_engine__face *)engine;
}

/* An engine at time 0 with no event, for nodes 0 .. nodes - 1; the scenario acts. NULL when out of
 * memory. */
struct sim_engine *sim_engine_new(uint64_t seed, uint32_t nodes);

/* `drop` is called for the data of each event still queued; may be NULL. */
void sim_engine_free(struct sim_engine *engine, void (*drop)(const struct sim_event *event));

uint64_t sim_engine_seed(const struct sim_engine *engine);
static inline weft_time sim_engine_now(const struct sim_engine *engine) {
    return sim_engine__face(engine)->now;
}

/* Number of events popped so far. */
uint64_t sim_engine_count(const struct sim_engine *engine);
size_t sim_engine_pending(const struct sim_engine *engine);

/* Queue an event; event->at is not before now. Returns its handle; 0 when out of memory. */
sim_handle sim_engine_schedule(struct sim_engine *engine, const struct sim_event *event);

/* Take an event out: true and *event filled when it was still queued. O(1) amortised. */
bool sim_engine_cancel(struct sim_engine *engine, sim_handle handle, struct sim_event *event);

/* Pop the next event not after `until` and move the clock to it: its entity acts from then on.
 * False when there is none: the clock is then at `until`, and the scenario acts. */
bool sim_engine_next(struct sim_engine *engine, weft_time until, struct sim_event *event);

/* What is near: events that come some pops from now, the farthest first; NULL where that is not
 * known. `fn` brings into the cache what they will touch; it changes nothing. Every event passes
 * through all places, as a rule: what was fetched for it in one tells what to fetch in the next.
 * It may be cancelled meanwhile, and is not after the `until` of the pop, so its lane has what it
 * touches to itself. Only the first `count` places are filled. */
#define SIM_NEAR 7

typedef void sim_engine_near_fn(void *ctx, const struct sim_event *const near[SIM_NEAR]);
void sim_engine_on_near(struct sim_engine *engine, sim_engine_near_fn *fn, unsigned count,
                        void *ctx);

/* When the next event is, which is not after `until`. False: there is none, and *at is anything. */
bool sim_engine_first(struct sim_engine *engine, weft_time until, weft_time *at);

/* The event popped last. */
struct sim_cause sim_engine_cause(const struct sim_engine *engine);

/* Draw for `purpose`: weft_draw(seed, purpose, entity, counter). */
uint64_t sim_engine_draw(const struct sim_engine *engine, enum sim_purpose purpose, uint64_t entity,
                         uint64_t counter);

/* The run's hash: over everything popped (time, kind, arg, source, number), scheduled (time, kind,
 * whom it goes to) and cancelled (source, number), and everything folded in by the world: bytes
 * that arrived or were lost, what was asked of disks and what they answered, faults. Costs a look
 * at every entity. */
struct sim_hash sim_engine_hash(const struct sim_engine *engine);

/* What an entity did so far: for finding where two runs part. */
struct sim_trail {
    struct sim_hash chain;
    uint64_t scheduled, popped; /* events by it, and events of it */
};

void sim_engine__tell_fold(const struct sim_engine *engine, uint64_t word);
void sim_engine__tell_bytes(const struct sim_engine *engine, const void *data, size_t size);
void sim_engine__tell_sends(const struct sim_engine *engine, const void *data, size_t size);

/* Into the chain of whoever acts. */
static inline void sim_engine_fold(struct sim_engine *engine, uint64_t word) {
    const struct sim_engine__face *face = sim_engine__face(engine);
    face->acting->chain = sim_hash_fold(face->acting->chain, word, 0);
    if (__builtin_expect(face->witness != NULL, false)) sim_engine__tell_fold(engine, word);
}

static inline void sim_engine_fold_bytes(struct sim_engine *engine, const void *data, size_t size) {
    const struct sim_engine__face *face = sim_engine__face(engine);
    face->acting->chain = sim_hash_fold_bytes(face->acting->chain, data, size);
    if (__builtin_expect(face->witness != NULL, false)) sim_engine__tell_bytes(engine, data, size);
}

const struct sim_trail *sim_engine_trail(const struct sim_engine *engine, uint32_t entity);

/* --- a witness: told of everything as it is done, for `weft trail`; changes nothing --- */

enum sim_deed_kind {
    SIM_DEED_EVENT = 1, /* event, cause: it was popped, and its entity acts from now on */
    SIM_DEED_SCHEDULES, /* event, cause: its name */
    SIM_DEED_CANCELS,   /* event */
    SIM_DEED_FOLDS,     /* size bytes, or word */
    SIM_DEED_SENDS      /* size bytes */
};

/* Borrowed for the call. */
struct sim_deed {
    enum sim_deed_kind kind;
    uint32_t actor; /* who does it */
    weft_time now;
    const struct sim_event *event;
    struct sim_cause cause;
    const void *bytes; /* FOLDS: NULL: a word */
    size_t size;
    uint64_t word;
};

struct sim_witness {
    void (*tell)(void *ctx, const struct sim_deed *deed);
    void *ctx;
};

/* At most one; it stays the caller's. NULL: nobody. */
void sim_engine_watch(struct sim_engine *engine, const struct sim_witness *witness);

/* Bytes leave whoever acts: told to the witness; they are part of the hash where they arrive, or
 * are lost. */
static inline void sim_engine_sends(struct sim_engine *engine, const void *data, size_t size) {
    if (__builtin_expect(sim_engine__face(engine)->witness != NULL, false))
        sim_engine__tell_sends(engine, data, size);
}

#endif
