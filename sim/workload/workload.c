/* Workloads on their schedules. */
#include "sim/workload/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"none",
#define WORK_NAME(NAME, key) key,
                                    SIM_WORKS(WORK_NAME)
#undef WORK_NAME
};

const char *sim_work_name(enum sim_work_kind kind) {
    return (unsigned)kind < SIM_WORK_KIND_COUNT ? names[kind] : names[0];
}

/* When an occurrence is due; WEFT_TIME_NEVER when the spec has no such one. */
static weft_time due_of(const struct sim_works *works, uint32_t index, uint64_t occurrence) {
    const struct sim_work_spec *spec = &works->specs[index];
    if (occurrence > 0 && spec->every == 0) return WEFT_TIME_NEVER;
    if (spec->times > 0 && occurrence >= spec->times) return WEFT_TIME_NEVER;
    weft_time at = weft_time_add(spec->at, spec->every * (weft_duration)occurrence);
    if (at == WEFT_TIME_NEVER || at > spec->until) return WEFT_TIME_NEVER;
    struct sim_engine *engine = sim_world_engine(works->world);
    uint64_t raw = sim_engine_draw(engine, SIM_DRAW_WHEN, sim_work__entity(index), occurrence);
    at = weft_time_add(at, (weft_duration)weft_scale(raw, (uint64_t)spec->jitter + 1));
    return weft_time_max(at, sim_engine_now(engine));
}

static uint64_t pack(uint32_t index, uint64_t occurrence) {
    WEFT_ASSERT(occurrence <= UINT32_MAX);
    return (uint64_t)index << 32 | occurrence;
}

static void occur(void *ctx, uint64_t arg) {
    struct sim_works *works = ctx;
    uint32_t index = (uint32_t)(arg >> 32);
    uint64_t occurrence = arg & UINT32_MAX;
    if (works->ended) return;
    uint32_t burst = works->specs[index].burst > 0 ? works->specs[index].burst : 1;
    for (uint32_t i = 0; i < burst; i++) sim_work__ask(works, index, occurrence << 32 | i);
    weft_time next = due_of(works, index, occurrence + 1);
    if (next == WEFT_TIME_NEVER) return;
    int rv = sim_world_at(works->world, next, occur, works, pack(index, occurrence + 1));
    WEFT_ASSERT(rv == WEFT_OK);
}

static bool allocate(struct sim_works *works) {
    size_t nodes = sim_world_nodes(works->world), count = works->count > 0 ? works->count : 1;
    works->counts = calloc(count, sizeof *works->counts);
    works->ids = calloc(nodes, sizeof *works->ids);
    works->id_known = calloc(nodes, sizeof *works->id_known);
    works->drawn = calloc(nodes, sizeof *works->drawn);
    return works->counts != NULL && works->ids != NULL && works->id_known != NULL &&
           works->drawn != NULL;
}

static bool start(struct sim_works *works) {
    for (uint32_t i = 0; i < works->count; i++) {
        weft_time at = due_of(works, i, 0);
        if (at == WEFT_TIME_NEVER) continue;
        if (sim_world_at(works->world, at, occur, works, pack(i, 0)) != WEFT_OK) return false;
    }
    return true;
}

struct sim_works *sim_works_new(struct sim_world *world, const struct sim_work_spec *specs,
                                uint32_t count, const struct sim_group *groups) {
    struct sim_works *works = calloc(1, sizeof *works);
    if (works == NULL) return NULL;
    works->world = world;
    works->specs = specs;
    works->groups = groups;
    works->count = count;
    if (allocate(works) && start(works)) return works;
    sim_works_free(works);
    return NULL;
}

void sim_works_free(struct sim_works *works) {
    if (works == NULL) return;
    free(works->counts);
    free(works->ids);
    free(works->id_known);
    free(works->drawn);
    free(works->pending);
    free(works->items.list);
    free(works->hashes.list);
    free(works);
}

static void on_dht_up(struct sim_works *works, const struct weft_trace_event *event) {
    sim_work__lose(works, event->node);
    if (event->bytes.size < WEFT_ID_SIZE) return;
    memcpy(works->ids[event->node].bytes, event->bytes.data, WEFT_ID_SIZE);
    works->id_known[event->node] = true;
}

void sim_works_trace(struct sim_works *works, const struct weft_trace_event *event) {
    if (event->node >= sim_world_nodes(works->world)) return;
    if (event->kind == WEFT_TRACE_DHT_UP) on_dht_up(works, event);
    if (event->kind == WEFT_TRACE_NODE_DOWN) sim_work__lose(works, event->node);
    bool stored = event->kind == WEFT_TRACE_STORE_DONE;
    if (stored || event->kind == WEFT_TRACE_LOOKUP_DONE) {
        struct sim_work__ending ending = {
            .node = event->node, .op = event->number[0], .status = (int)(int64_t)event->number[2]};
        sim_work__end(works, &ending, stored ? SIM_WORK__STORES : SIM_WORK__LOOKUPS);
    }
}

void sim_works_end(struct sim_works *works) { works->ended = true; }

struct sim_work_count sim_works_count(const struct sim_works *works, uint32_t spec) {
    WEFT_ASSERT(spec < works->count);
    return works->counts[spec];
}
