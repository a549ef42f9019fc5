/* Inside the engine: what engine.c and lanes.c share. Private to sim/engine. */
#ifndef SIM_ENGINE_INTERNAL_H
#define SIM_ENGINE_INTERNAL_H

#include "core/base/assert.h"
#include "sim/engine/lanes.h"
#include "sim/engine/queue.h"

#include <stdatomic.h>

/* An event with its name. */
struct sim_mail {
    struct sim_event event;
    struct sim_cause cause;
};

/* What one lane has for another, until the window is over. */
struct sim_outbox {
    struct sim_mail *mail;
    size_t count, max;
};

/* Shared by the lanes of an engine; written between windows only, but for handed_done.
 * I1  the scenario's events in the lanes' queues are handed[handed_done ..], in the order in which
 *     they are to be done; handed_left of a lane is how many of these it has.
 * I2  the scenario's trail is written by the lane handed[handed_done] alone. */
struct sim_lanes {
    uint32_t count, block_bits;                   /* lanes of nodes; nodes of a block */
    bool window;                                  /* one is under way */
    weft_time last;                               /* of it */
    uint32_t *handed;                             /* lanes */
    size_t handed_count, handed_max;              /* handed out; room for */
    _Atomic size_t handed_done;                   /* of handed_count */
    struct sim_engine *engine[SIM_LANES_MAX + 1]; /* the scenario's is the last */
};

struct sim_engine {
    struct sim_engine__face face; /* the first */
    uint64_t seed;
    uint64_t tie_base; /* of the draws of SIM_DRAW_TIE */
    uint64_t popped;
    size_t live, dead; /* events in the queue */
    uint32_t nodes;
    uint32_t actor;           /* who acts */
    struct sim_trail *trails; /* of the nodes, then of the scenario */
    struct sim_cause cause;   /* of the event popped last */
    sim_engine_near_fn *on_near;
    unsigned near_count; /* places it wants */
    void *on_near_ctx;
    struct sim_slab slab;
    struct sim_queue queue;
    struct sim_lanes *lanes;     /* NULL: one thread */
    uint32_t lane;               /* its own number; lanes->count: the scenario's */
    struct sim_outbox *outboxes; /* of a lane, by target */
    struct sim_mark mark;        /* of a lane */
    uint32_t handed_left;        /* of a lane: I1 of sim_lanes */
    bool for_scenario;           /* a lane acts on one of these */
};

static inline struct sim_trail *sim_engine__trail(const struct sim_engine *engine,
                                                  uint32_t entity) {
    WEFT_ASSERT(entity < engine->nodes || entity == SIM_SCENARIO);
    return &engine->trails[entity == SIM_SCENARIO ? engine->nodes : entity];
}

static inline void sim_engine__act_as(struct sim_engine *engine, uint32_t entity) {
    engine->actor = entity;
    engine->face.acting = sim_engine__trail(engine, entity);
}

/* --- engine.c --- */

/* Queue it here. 0: out of memory. */
sim_handle sim_engine__insert(struct sim_engine *engine, const struct sim_event *event,
                              struct sim_cause cause);
/* Take out the event of a key that was peeked, without acting on it. */
struct sim_mail sim_engine__take(struct sim_engine *engine, struct sim_key key);
/* The key of the next event not after `until`; false: there is none. */
bool sim_engine__peek(struct sim_engine *engine, weft_time until, struct sim_key *key);
/* Everything that is queued. */
void sim_engine__drop(struct sim_engine *engine, void (*drop)(const struct sim_event *event));

/* --- lanes.c --- */

/* To the lane whose it is. A handle that cancels nothing when that is another one. */
sim_handle sim_engine__post(struct sim_engine *engine, const struct sim_event *event,
                            struct sim_cause cause);
void sim_engine__note_mark(struct sim_engine *engine, struct sim_key key);
void sim_engine__lanes_free(struct sim_engine *engine, void (*drop)(const struct sim_event *event));

#endif
