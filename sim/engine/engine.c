/* Virtual time: schedule, cancel, pop, draw, hash. */
#include "sim/engine/engine.h"

#include "core/base/assert.h"
#include "sim/engine/queue.h"

#include <stdlib.h>

/* Dead events that may wait in the queue, beside as many as are live. */
#define DEAD_MIN 1024

struct sim_engine {
    uint64_t seed;
    weft_time now;
    uint64_t tie_base; /* of the draws of SIM_DRAW_TIE */
    uint64_t popped;
    size_t live, dead; /* events in the queue */
    uint32_t nodes;
    uint32_t actor;                    /* who acts */
    struct sim_trail *acting;          /* its trail */
    struct sim_trail *trails;          /* of the nodes, then of the scenario */
    struct sim_cause cause;            /* of the event popped last */
    const struct sim_witness *witness; /* NULL: none */
    struct sim_slab slab;
    struct sim_queue queue;
};

static struct sim_trail *trail_of(const struct sim_engine *engine, uint32_t entity) {
    WEFT_ASSERT(entity < engine->nodes || entity == SIM_SCENARIO);
    return &engine->trails[entity == SIM_SCENARIO ? engine->nodes : entity];
}

static void act_as(struct sim_engine *engine, uint32_t entity) {
    engine->actor = entity;
    engine->acting = trail_of(engine, entity);
}

static void tell(const struct sim_engine *engine, struct sim_deed deed) {
    deed.actor = engine->actor;
    deed.now = engine->now;
    engine->witness->tell(engine->witness->ctx, &deed);
}

static inline bool is_watched(const struct sim_engine *engine) {
    return __builtin_expect(engine->witness != NULL, false);
}

static sim_handle handle_of(uint32_t index, uint32_t generation) {
    return (uint64_t)generation << 32 | index; /* a live generation is odd: never 0 */
}

static void drop_dead(void *ctx, uint32_t index) {
    struct sim_engine *engine = ctx;
    WEFT_ASSERT(engine->dead > 0);
    engine->dead--;
    sim_engine__slab_give(&engine->slab, index);
}

/* Move the clock, whoever acts and its chain to an event that was popped. */
static void enter(struct sim_engine *engine, const struct sim_event *event) {
    WEFT_ASSERT(event->at >= engine->now);
    engine->now = event->at;
    engine->popped++;
    act_as(engine, event->entity);
    engine->acting->popped++;
    struct sim_hash chain = engine->acting->chain;
    chain = sim_hash_fold(chain, (uint64_t)event->at,
                          (uint64_t)event->kind << 32 | engine->cause.source);
    engine->acting->chain = sim_hash_fold(chain, event->arg, engine->cause.number);
    if (is_watched(engine))
        tell(engine,
             (struct sim_deed){.kind = SIM_DEED_EVENT, .event = event, .cause = engine->cause});
}

struct sim_engine *sim_engine_new(uint64_t seed, uint32_t nodes) {
    WEFT_ASSERT(nodes < SIM_SCENARIO);
    struct sim_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) return NULL;
    engine->trails = calloc((size_t)nodes + 1, sizeof *engine->trails);
    if (engine->trails == NULL) {
        free(engine);
        return NULL;
    }
    engine->seed = seed;
    engine->tie_base = weft_draw_base(seed, SIM_DRAW_TIE);
    engine->nodes = nodes;
    act_as(engine, SIM_SCENARIO);
    sim_engine__slab_init(&engine->slab);
    sim_engine__queue_init(&engine->queue, &engine->slab);
    return engine;
}

void sim_engine_free(struct sim_engine *engine, void (*drop)(const struct sim_event *event)) {
    if (engine == NULL) return;
    for (uint32_t i = 0; drop != NULL && i < engine->slab.used; i++) {
        const struct sim_slot *slot = sim_engine__slot(&engine->slab, i);
        if (sim_engine__slot_live(slot)) drop(&slot->event);
    }
    sim_engine__queue_deinit(&engine->queue);
    sim_engine__slab_deinit(&engine->slab);
    free(engine->trails);
    free(engine);
}

uint64_t sim_engine_seed(const struct sim_engine *engine) { return engine->seed; }

weft_time sim_engine_now(const struct sim_engine *engine) { return engine->now; }

uint64_t sim_engine_count(const struct sim_engine *engine) { return engine->popped; }

size_t sim_engine_pending(const struct sim_engine *engine) { return engine->live; }

sim_handle sim_engine_schedule(struct sim_engine *engine, const struct sim_event *event) {
    WEFT_ASSERT(event->at >= engine->now);
    WEFT_ASSERT(event->entity < engine->nodes || event->entity == SIM_SCENARIO);
    uint32_t index = sim_engine__slab_take(&engine->slab);
    if (index == SIM_SLOT_NONE) return 0;
    struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
    slot->event = *event;
    slot->source = engine->actor;
    slot->number = engine->acting->scheduled + 1;
    uint64_t tie = weft_draw_from(engine->tie_base, slot->source, slot->number);
    struct sim_key key = {event->at, (tie & ~(uint64_t)UINT32_MAX) | index};
    if (!sim_engine__queue_push(&engine->queue, key)) {
        sim_engine__slab_give(&engine->slab, index);
        return 0;
    }
    engine->acting->scheduled++;
    engine->live++;
    if (is_watched(engine))
        tell(engine, (struct sim_deed){.kind = SIM_DEED_SCHEDULES,
                                       .event = event,
                                       .cause = {slot->source, slot->number}});
    return handle_of(index, slot->generation);
}

bool sim_engine_cancel(struct sim_engine *engine, sim_handle handle, struct sim_event *event) {
    uint32_t index = (uint32_t)handle, generation = (uint32_t)(handle >> 32);
    if (handle == 0 || index >= engine->slab.used) return false;
    struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
    if (slot->generation != generation || !sim_engine__slot_live(slot)) return false;
    *event = slot->event;
    slot->generation++; /* dead until its key leaves the queue: I1 of slab.h */
    engine->live--;
    engine->dead++;
    if (is_watched(engine))
        tell(engine, (struct sim_deed){.kind = SIM_DEED_CANCELS, .event = event});
    if (engine->dead > engine->live + DEAD_MIN) {
        sim_engine__queue_sweep(&engine->queue, drop_dead, engine);
        WEFT_ASSERT(engine->dead == 0);
    }
    return true;
}

bool sim_engine_next(struct sim_engine *engine, weft_time until, struct sim_event *event) {
    WEFT_ASSERT(until >= engine->now);
    struct sim_key key;
    while (sim_engine__queue_pop(&engine->queue, until, &key)) {
        uint32_t index = sim_engine__key_slot(key);
        const struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
        if (!sim_engine__slot_live(slot)) {
            drop_dead(engine, index);
            continue;
        }
        *event = slot->event;
        engine->cause = (struct sim_cause){slot->source, slot->number};
        sim_engine__slab_give(&engine->slab, index);
        engine->live--;
        enter(engine, event);
        return true;
    }
    engine->now = until;
    act_as(engine, SIM_SCENARIO);
    return false;
}

bool sim_engine_first(struct sim_engine *engine, weft_time until, weft_time *at) {
    WEFT_ASSERT(until >= engine->now);
    struct sim_key key;
    while (sim_engine__queue_first(&engine->queue, until, &key)) {
        uint32_t index = sim_engine__key_slot(key);
        *at = key.at;
        if (sim_engine__slot_live(sim_engine__slot(&engine->slab, index))) return true;
        (void)sim_engine__queue_pop(&engine->queue, until, &key);
        drop_dead(engine, index);
    }
    return false;
}

struct sim_cause sim_engine_cause(const struct sim_engine *engine) {
    return engine->cause;
}

uint64_t sim_engine_draw(const struct sim_engine *engine, enum sim_purpose purpose, uint64_t entity,
                         uint64_t counter) {
    return weft_draw(engine->seed, (uint64_t)purpose, entity, counter);
}

/* A chain as it goes into the sum: equal ones of different entities must not be. */
static struct sim_hash finished(const struct sim_trail *trail, uint64_t seed, uint32_t entity) {
    struct sim_hash hash = sim_hash_fold(trail->chain, seed, entity);
    return sim_hash_fold(hash, trail->scheduled, trail->popped);
}

struct sim_hash sim_engine_hash(const struct sim_engine *engine) {
    struct sim_hash sum = finished(trail_of(engine, SIM_SCENARIO), engine->seed, SIM_SCENARIO);
    for (uint32_t i = 0; i < engine->nodes; i++) {
        sum = sim_hash_add(sum, finished(&engine->trails[i], engine->seed, i));
    }
    return sum;
}

void sim_engine_fold(struct sim_engine *engine, uint64_t word) {
    engine->acting->chain = sim_hash_fold(engine->acting->chain, word, 0);
    if (is_watched(engine)) tell(engine, (struct sim_deed){.kind = SIM_DEED_FOLDS, .word = word});
}

void sim_engine_fold_bytes(struct sim_engine *engine, const void *data, size_t size) {
    engine->acting->chain = sim_hash_fold_bytes(engine->acting->chain, data, size);
    if (is_watched(engine) && size > 0)
        tell(engine, (struct sim_deed){.kind = SIM_DEED_FOLDS, .bytes = data, .size = size});
}

const struct sim_trail *sim_engine_trail(const struct sim_engine *engine, uint32_t entity) {
    return trail_of(engine, entity);
}

void sim_engine_watch(struct sim_engine *engine, const struct sim_witness *witness) {
    WEFT_ASSERT(witness == NULL || witness->tell != NULL);
    engine->witness = witness;
}

void sim_engine_sends(struct sim_engine *engine, const void *data, size_t size) {
    if (is_watched(engine))
        tell(engine, (struct sim_deed){.kind = SIM_DEED_SENDS, .bytes = data, .size = size});
}
