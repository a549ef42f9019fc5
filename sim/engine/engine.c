/* Virtual time: schedule, cancel, pop, draw, hash. */
#include "sim/engine/engine.h"

#include "core/base/assert.h"
#include "core/base/hash.h"
#include "sim/engine/queue.h"

#include <stdlib.h>

/* Dead events that may wait in the queue, beside as many as are live. */
#define DEAD_MIN 1024

struct sim_engine {
    uint64_t seed;
    weft_time now;
    uint64_t popped;
    uint64_t scheduled; /* the next event's number */
    uint64_t hash;
    size_t live, dead; /* events in the queue */
    struct sim_slab slab;
    struct sim_queue queue;
};

static sim_handle handle_of(uint32_t index, uint32_t generation) {
    return (uint64_t)generation << 32 | index; /* a live generation is odd: never 0 */
}

static void drop_dead(void *ctx, uint32_t index) {
    struct sim_engine *engine = ctx;
    WEFT_ASSERT(engine->dead > 0);
    engine->dead--;
    sim_engine__slab_give(&engine->slab, index);
}

/* Move the clock and the hash to an event that was popped. */
static void enter(struct sim_engine *engine, const struct sim_event *event) {
    WEFT_ASSERT(event->at >= engine->now);
    engine->now = event->at;
    engine->popped++;
    uint64_t hash = weft_fold(engine->hash, (uint64_t)event->at);
    hash = weft_fold(hash, (uint64_t)event->kind << 32 | event->entity);
    engine->hash = weft_fold(hash, event->arg);
}

struct sim_engine *sim_engine_new(uint64_t seed) {
    struct sim_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) return NULL;
    engine->seed = seed;
    engine->hash = seed;
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
    free(engine);
}

uint64_t sim_engine_seed(const struct sim_engine *engine) { return engine->seed; }

weft_time sim_engine_now(const struct sim_engine *engine) { return engine->now; }

uint64_t sim_engine_count(const struct sim_engine *engine) { return engine->popped; }

size_t sim_engine_pending(const struct sim_engine *engine) { return engine->live; }

sim_handle sim_engine_schedule(struct sim_engine *engine, const struct sim_event *event) {
    WEFT_ASSERT(event->at >= engine->now);
    uint32_t index = sim_engine__slab_take(&engine->slab);
    if (index == SIM_SLOT_NONE) return 0;
    struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
    slot->event = *event;
    slot->number = engine->scheduled;
    uint64_t tie = sim_engine_draw(engine, SIM_DRAW_TIE, event->entity, slot->number);
    struct sim_key key = {event->at, (tie & ~(uint64_t)UINT32_MAX) | index};
    if (!sim_engine__queue_push(&engine->queue, key)) {
        sim_engine__slab_give(&engine->slab, index);
        return 0;
    }
    engine->scheduled++;
    engine->live++;
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
        sim_engine__slab_give(&engine->slab, index);
        engine->live--;
        enter(engine, event);
        return true;
    }
    engine->now = until;
    return false;
}

uint64_t sim_engine_draw(const struct sim_engine *engine, enum sim_purpose purpose, uint64_t entity,
                         uint64_t counter) {
    return weft_draw(engine->seed, (uint64_t)purpose, entity, counter);
}

uint64_t sim_engine_hash(const struct sim_engine *engine) { return engine->hash; }

void sim_engine_fold(struct sim_engine *engine, uint64_t word) {
    engine->hash = weft_fold(engine->hash, word);
}

void sim_engine_fold_bytes(struct sim_engine *engine, const void *data, size_t size) {
    engine->hash = weft_fold_bytes(engine->hash, data, size);
}
