/* Operations under way, and how they end. */
#include "sim/workload/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

#define COMPACT_MIN 1024

void *sim_work__grow(void *array, size_t count, size_t *capacity, size_t size) {
    WEFT_ASSERT(count <= *capacity);
    if (count < *capacity) return array;
    *capacity = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(array, *capacity * size);
    WEFT_ASSERT(grown != NULL);
    return grown;
}

void sim_work__keys_add(struct sim_work__keys *keys, const weft_id *key) {
    keys->list = sim_work__grow(keys->list, keys->count, &keys->capacity, sizeof *keys->list);
    keys->list[keys->count++] = *key;
}

/* Drop what has ended from the front, when that is half of all. */
static void compact(struct sim_works *works) {
    if (works->head < COMPACT_MIN || works->head * 2 < works->pending_count) return;
    works->pending_count -= works->head;
    works->dropped += works->head;
    memmove(works->pending, works->pending + works->head,
            works->pending_count * sizeof *works->pending);
    works->head = 0;
}

void sim_work__pending_add(struct sim_works *works, const struct sim_work__pending *pending,
                           uint64_t *op) {
    compact(works);
    works->pending = sim_work__grow(works->pending, works->pending_count, &works->pending_capacity,
                                    sizeof *works->pending);
    works->pending[works->pending_count++] = *pending;
    *op = works->dropped + works->pending_count; /* I1 */
}

static void trace_done(struct sim_works *works, const struct sim_work__pending *done, uint64_t op,
                       int status) {
    weft_time now = sim_engine_now(sim_world_engine(works->world));
    const uint64_t numbers[] = {done->spec, works->specs[done->spec].kind, op,
                                (uint64_t)(int64_t)status, (uint64_t)(now - done->asked_at)};
    sim_world_trace(works->world, done->node, WEFT_TRACE_WORK_DONE, numbers, 5,
                    weft_bytes(done->key.bytes, WEFT_ID_SIZE));
}

static void learn(struct sim_works *works, const struct sim_work__pending *done) {
    enum sim_work_kind kind = works->specs[done->spec].kind;
    if (kind == SIM_WORK_PUT) sim_work__keys_add(&works->items, &done->key);
    if (kind == SIM_WORK_ANNOUNCE) sim_work__keys_add(&works->hashes, &done->key);
}

static void advance_head(struct sim_works *works) {
    while (works->head < works->pending_count && !works->pending[works->head].open) works->head++;
}

void sim_work__end(struct sim_works *works, const struct sim_work__ending *ending, unsigned kinds) {
    uint64_t op = ending->op;
    if (op <= works->dropped || op > works->dropped + works->pending_count) return;
    struct sim_work__pending *pending = &works->pending[op - 1 - works->dropped];
    if (!pending->open || pending->node != ending->node) return;
    if (!(kinds & 1u << works->specs[pending->spec].kind)) return;
    struct sim_work__pending done = *pending;
    pending->open = false;
    advance_head(works);
    struct sim_work_count *count = &works->counts[done.spec];
    if (ending->status == WEFT_OK) {
        count->done++;
        learn(works, &done);
    } else {
        count->failed++;
    }
    trace_done(works, &done, op, ending->status);
}

void sim_work__lose(struct sim_works *works, uint32_t node) {
    for (size_t i = works->head; i < works->pending_count; i++) {
        struct sim_work__pending *pending = &works->pending[i];
        if (!pending->open || pending->node != node) continue;
        struct sim_work__pending lost = *pending;
        pending->open = false;
        works->counts[lost.spec].lost++;
        trace_done(works, &lost, works->dropped + i + 1, WEFT_ERR_NO_PROC);
    }
    advance_head(works);
}
