/* Points: who asks what of the outside, and is refused. */
#include "sim/world/points.h"

#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <stdio.h>

const char *sim_point_name(enum sim_point_kind kind) {
    static const char *const names[] = {"none",
#define POINT_NAME(NAME, name) name,
                                        SIM_POINTS(POINT_NAME)
#undef POINT_NAME
    };
    WEFT_ASSERT((unsigned)kind < SIM_POINT_KIND_COUNT);
    return names[kind];
}

static void note(struct sim_machine *machine, struct sim_points *points, const char *call,
                 size_t size) {
    const struct sim_fabric_config *config = &machine->fabric->config;
    struct sim_point_site *site = &points->site;
    points->reached = true;
    *site = (struct sim_point_site){
        .at = sim_fabric__now(machine), .node = machine->node, .size = size};
    snprintf(site->call, sizeof site->call, "%s", call);
    if (config->who != NULL) config->who(config->ctx, machine->node, site->who);
    sim_engine_fold(config->engine, points->number);
    if (config->trace == NULL || !(config->trace_mask & WEFT_TRACE_BIT(WEFT_TRACE_FAULT_BIT)))
        return;
    struct weft_trace_event event = {.at = site->at,
                                     .node = machine->node,
                                     .kind = WEFT_TRACE_FAULT_BIT,
                                     .number = {UINT32_MAX, 0, points->number}};
    config->trace(config->ctx, &event);
}

bool sim_fabric__refused_at(struct sim_machine *machine, enum sim_point_kind kind, const char *call,
                            size_t size) {
    struct sim_points *points = machine->fabric->config.points;
    if (points->node != SIM_POINT_ALL_NODES && points->node != machine->node) return false;
    uint64_t number = ++points->count[kind];
    if (points->kind != kind || points->number != number) return false;
    note(machine, points, call, size);
    return true;
}

bool sim_fabric__fault_point(struct weft_env *env, const char *name) {
    WEFT_ASSERT(name != NULL);
    return sim_fabric__refused(sim_fabric__machine(env), SIM_POINT_APP, name, 0);
}

/* --- memory --- */

static struct sim_machine *machine_of(struct weft_mem *mem) {
    return WEFT_CONTAINER(mem, struct sim_machine_rest, counted)->machine;
}

static void *counted_alloc(struct weft_mem *mem, size_t size) {
    struct sim_machine *machine = machine_of(mem);
    if (sim_fabric__refused(machine, SIM_POINT_MEMORY, "alloc", size)) return NULL;
    return weft_mem_alloc(&machine->heap.base, size);
}

/* One that makes a block smaller may be refused as well: it may have to move. */
static void *counted_resize(struct weft_mem *mem, void *ptr, size_t old_size, size_t size) {
    struct sim_machine *machine = machine_of(mem);
    if (sim_fabric__refused(machine, SIM_POINT_MEMORY, "resize", size)) return NULL;
    return weft_mem_resize(&machine->heap.base, ptr, old_size, size);
}

static void counted_free(struct weft_mem *mem, void *ptr, size_t size) {
    weft_mem_free(&machine_of(mem)->heap.base, ptr, size);
}

struct weft_mem *sim_fabric__memory(struct sim_machine *machine) {
    static const struct weft_mem_ops ops = {counted_alloc, counted_resize, counted_free};
    if (machine->fabric->config.points == NULL) return &machine->heap.base;
    struct sim_machine_rest *rest = sim_fabric__rest(machine);
    rest->counted = (struct weft_mem){&ops};
    return &rest->counted;
}
