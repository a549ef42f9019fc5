/* Virtual time: schedule, cancel, pop, draw, hash. */
#include "sim/engine/engine.h"

#include "core/base/assert.h"
#include "sim/engine/internal.h"

#include <stdlib.h>

/* Dead events that may wait in the queue, beside as many as are live. */
#define DEAD_MIN 1024

/* How many pops ahead those that are near come. */
static const size_t near_at[SIM_NEAR] = {10, 6, 5, 4, 3, 2, 1};

static void tell(const struct sim_engine *engine, struct sim_deed deed) {
    deed.actor = engine->actor;
    deed.now = engine->face.now;
    engine->face.witness->tell(engine->face.witness->ctx, &deed);
}

static inline bool is_watched(const struct sim_engine *engine) {
    return __builtin_expect(engine->face.witness != NULL, false);
}

static sim_handle handle_of(uint32_t index, uint32_t generation) {
    return (uint64_t)generation << 32 | index; /* a live generation is odd: never 0 */
}

static void drop_dead(void *ctx, uint32_t index) {
    struct sim_engine *engine = ctx;
    WEFT_ASSERT(engine->dead > 0);
    engine->dead--;
    sim_engine__slab_give_dead(&engine->slab, index);
}

/* Move the clock, whoever acts and its chain to an event that was popped. */
static void enter(struct sim_engine *engine, const struct sim_event *event) {
    WEFT_ASSERT(event->at >= engine->face.now);
    engine->face.now = event->at;
    engine->popped++;
    sim_engine__act_as(engine, event->entity);
    engine->face.acting->popped++;
    struct sim_hash chain = engine->face.acting->chain;
    chain = sim_hash_fold(chain, (uint64_t)event->at,
                          (uint64_t)event->kind << 32 | engine->cause.source);
    engine->face.acting->chain = sim_hash_fold(chain, event->arg, engine->cause.number);
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
    sim_engine__act_as(engine, SIM_SCENARIO);
    sim_engine__slab_init(&engine->slab);
    sim_engine__queue_init(&engine->queue, &engine->slab);
    return engine;
}

void sim_engine__drop(struct sim_engine *engine, void (*drop)(const struct sim_event *event)) {
    for (uint32_t i = 0; drop != NULL && i < engine->slab.used; i++) {
        const struct sim_slot *slot = sim_engine__slot(&engine->slab, i);
        if (sim_engine__slot_live(slot)) drop(&slot->event);
    }
    sim_engine__queue_deinit(&engine->queue);
    sim_engine__slab_deinit(&engine->slab);
}

void sim_engine_free(struct sim_engine *engine, void (*drop)(const struct sim_event *event)) {
    if (engine == NULL) return;
    sim_engine__lanes_free(engine, drop);
    sim_engine__drop(engine, drop);
    free(engine->trails);
    free(engine);
}

uint64_t sim_engine_seed(const struct sim_engine *engine) { return engine->seed; }

uint64_t sim_engine_count(const struct sim_engine *engine) {
    uint64_t count = engine->popped;
    for (uint32_t i = 0; i < sim_engine_lanes(engine); i++)
        count += sim_engine_lane(engine, i)->popped;
    return count;
}

size_t sim_engine_pending(const struct sim_engine *engine) {
    size_t pending = engine->live;
    for (uint32_t i = 0; i < sim_engine_lanes(engine); i++)
        pending += sim_engine_lane(engine, i)->live;
    return pending;
}

/* Inlined by force: every event comes this way. */
__attribute__((always_inline)) static inline sim_handle
insert(struct sim_engine *engine, const struct sim_event *event, struct sim_cause cause) {
    uint32_t index = sim_engine__slab_take(&engine->slab);
    if (index == SIM_SLOT_NONE) return 0;
    struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
    slot->event = *event;
    slot->source = cause.source;
    slot->number = cause.number;
    uint64_t tie = weft_draw_from(engine->tie_base, cause.source, cause.number);
    struct sim_key key = {event->at, (tie & ~(uint64_t)UINT32_MAX) | index};
    if (!sim_engine__queue_push(&engine->queue, key)) {
        sim_engine__slab_give(&engine->slab, index);
        return 0;
    }
    engine->live++;
    if (is_watched(engine))
        tell(engine, (struct sim_deed){.kind = SIM_DEED_SCHEDULES, .event = event, .cause = cause});
    return handle_of(index, slot->generation);
}

sim_handle sim_engine__insert(struct sim_engine *engine, const struct sim_event *event,
                              struct sim_cause cause) {
    return insert(engine, event, cause);
}

sim_handle sim_engine_schedule(struct sim_engine *engine, const struct sim_event *event) {
    WEFT_ASSERT(event->at >= engine->face.now);
    WEFT_ASSERT(event->entity < engine->nodes || event->entity == SIM_SCENARIO);
    struct sim_cause cause = {engine->actor, engine->face.acting->scheduled + 1};
    sim_handle handle = engine->lanes == NULL ? insert(engine, event, cause)
                                              : sim_engine__post(engine, event, cause);
    if (handle == 0) return 0;
    struct sim_trail *acting = engine->face.acting;
    acting->scheduled++;
    acting->chain = sim_hash_fold(acting->chain, (uint64_t)event->at,
                                  (uint64_t)event->kind << 32 | event->entity);
    return handle;
}

bool sim_engine_cancel(struct sim_engine *engine, sim_handle handle, struct sim_event *event) {
    uint32_t index = (uint32_t)handle, generation = (uint32_t)(handle >> 32);
    if (handle == 0 || index >= engine->slab.used) return false;
    struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
    if (slot->generation != generation || !sim_engine__slot_live(slot)) return false;
    *event = slot->event;
    struct sim_trail *acting = engine->face.acting;
    acting->chain = sim_hash_fold(acting->chain, slot->source, slot->number);
    sim_engine__slab_kill(&engine->slab, index);
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

static inline const struct sim_event *ahead(const struct sim_engine *engine, unsigned place,
                                            weft_time until) {
    const struct sim_slot *slot = sim_engine__queue_ahead(&engine->queue, near_at[place], until);
    return slot != NULL ? &slot->event : NULL;
}

/* What is ahead is fetched now: the trail by us, the rest by whoever knows it. */
static inline void look_ahead(const struct sim_engine *engine, weft_time until) {
    const struct sim_event *near[SIM_NEAR];
    near[0] = ahead(engine, 0, until);
    if (near[0] != NULL && near[0]->entity < engine->nodes)
        __builtin_prefetch(&engine->trails[near[0]->entity], 1);
    if (engine->near_count == 0) return;
    for (unsigned i = 1; i < engine->near_count; i++) near[i] = ahead(engine, i, until);
    engine->on_near(engine->on_near_ctx, near);
}

void sim_engine_on_near(struct sim_engine *engine, sim_engine_near_fn *fn, unsigned count,
                        void *ctx) {
    WEFT_ASSERT(fn != NULL && count <= SIM_NEAR);
    engine->on_near = fn;
    engine->near_count = count;
    engine->on_near_ctx = ctx;
}

bool sim_engine__peek(struct sim_engine *engine, weft_time until, struct sim_key *key) {
    while (sim_engine__queue_peek(&engine->queue, until, key)) {
        uint32_t index = sim_engine__key_slot(*key);
        if (sim_engine__slot_live(sim_engine__slot(&engine->slab, index))) return true;
        sim_engine__queue_pop(&engine->queue, until, key);
        drop_dead(engine, index);
    }
    return false;
}

struct sim_mail sim_engine__take(struct sim_engine *engine, struct sim_key key) {
    uint32_t index = sim_engine__key_slot(key);
    const struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
    struct sim_mail mail = {slot->event, {slot->source, slot->number}};
    struct sim_key popped;
    bool there = sim_engine__queue_pop(&engine->queue, key.at, &popped);
    WEFT_ASSERT(there && popped.word == key.word);
    sim_engine__slab_give(&engine->slab, index);
    engine->live--;
    return mail;
}

bool sim_engine_next(struct sim_engine *engine, weft_time until, struct sim_event *event) {
    WEFT_ASSERT(until >= engine->face.now);
    struct sim_key key;
    while (sim_engine__queue_pop(&engine->queue, until, &key)) {
        look_ahead(engine, until);
        uint32_t index = sim_engine__key_slot(key);
        struct sim_slot *slot = sim_engine__slot(&engine->slab, index);
        if (!sim_engine__slot_live(slot)) {
            drop_dead(engine, index);
            continue;
        }
        *event = slot->event;
        engine->cause = (struct sim_cause){slot->source, slot->number};
        sim_engine__slab_give_slot(&engine->slab, index, slot);
        engine->live--;
        enter(engine, event);
        if (engine->lanes != NULL) sim_engine__note_mark(engine, key);
        return true;
    }
    engine->face.now = until;
    sim_engine__act_as(engine, SIM_SCENARIO);
    return false;
}

bool sim_engine_first(struct sim_engine *engine, weft_time until, weft_time *at) {
    WEFT_ASSERT(until >= engine->face.now);
    struct sim_key key;
    if (!sim_engine__peek(engine, until, &key)) return false;
    *at = key.at;
    return true;
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
    struct sim_hash sum =
        finished(sim_engine__trail(engine, SIM_SCENARIO), engine->seed, SIM_SCENARIO);
    for (uint32_t i = 0; i < engine->nodes; i++) {
        sum = sim_hash_add(sum, finished(&engine->trails[i], engine->seed, i));
    }
    return sum;
}

void sim_engine__tell_fold(const struct sim_engine *engine, uint64_t word) {
    tell(engine, (struct sim_deed){.kind = SIM_DEED_FOLDS, .word = word});
}

void sim_engine__tell_bytes(const struct sim_engine *engine, const void *data, size_t size) {
    if (size > 0)
        tell(engine, (struct sim_deed){.kind = SIM_DEED_FOLDS, .bytes = data, .size = size});
}

const struct sim_trail *sim_engine_trail(const struct sim_engine *engine, uint32_t entity) {
    return sim_engine__trail(engine, entity);
}

void sim_engine_watch(struct sim_engine *engine, const struct sim_witness *witness) {
    WEFT_ASSERT(witness == NULL || witness->tell != NULL);
    engine->face.witness = witness;
}

void sim_engine__tell_sends(const struct sim_engine *engine, const void *data, size_t size) {
    tell(engine, (struct sim_deed){.kind = SIM_DEED_SENDS, .bytes = data, .size = size});
}
