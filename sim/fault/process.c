/* Which process of a node a fault hits. */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

#include <stdlib.h>

#define MASTER "app_master"

struct candidate {
    weft_pid pid, parent;
    bool fits, is_master;
};

struct candidates {
    const struct sim_fault_spec *spec;
    struct candidate *list;
    uint32_t count, room;
};

static void collect(void *ctx, const struct weft_proc_info *info) {
    struct candidates *all = ctx;
    const struct sim_fault_spec *spec = all->spec;
    bool wanted =
        spec->process_by == SIM_PROCESS_ANY || strcmp(info->behaviour, spec->process) == 0;
    if (all->count == all->room) return;
    all->list[all->count++] = (struct candidate){.pid = info->pid,
                                                 .parent = info->parent,
                                                 .fits = wanted && info->application != NULL,
                                                 .is_master = strcmp(info->behaviour, MASTER) == 0};
}

static bool is_of_master(const struct candidates *all, const struct candidate *candidate) {
    if (candidate->is_master) return true;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct candidate *other = &all->list[i];
        if (other->is_master && weft_pid_equal(other->pid, candidate->parent)) return true;
    }
    return false;
}

/* Those that fit, moved to the front, in the order of their slots. */
static uint32_t keep_fitting(struct candidates *all) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        struct candidate *candidate = &all->list[i];
        if (is_of_master(all, candidate)) candidate->fits = false;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->list[i].fits) all->list[kept++] = all->list[i];
    }
    return kept;
}

static weft_pid draw(const struct sim_occurrence *occurrence, uint32_t node,
                     const struct weft_sched *sched) {
    struct weft_sched_stats stats;
    weft_sched_stats(sched, &stats);
    struct candidates all = {.spec = sim_fault__spec(occurrence), .room = stats.procs};
    all.list = calloc((size_t)stats.procs + 1, sizeof *all.list);
    WEFT_ASSERT(all.list != NULL);
    weft_sched_each(sched, collect, &all);
    uint32_t kept = keep_fitting(&all);
    weft_pid pid = WEFT_PID_NONE;
    if (kept > 0) {
        uint64_t entity = (uint64_t)occurrence->fault << 32 | node;
        uint64_t raw = sim_engine_draw(sim_world_engine(occurrence->faults->world),
                                       SIM_DRAW_PROCESS, entity, occurrence->number);
        pid = all.list[weft_scale(raw, kept)].pid;
    }
    free(all.list);
    return pid;
}

bool sim_fault__names_process(const struct sim_fault_spec *spec) {
    return spec->process_by != SIM_PROCESS_NAMED || spec->process[0] != '\0';
}

weft_pid sim_fault__process(const struct sim_occurrence *occurrence, uint32_t node) {
    struct sim_world *world = occurrence->faults->world;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    if (sim_world_state(world, node) != SIM_NODE_UP) return WEFT_PID_NONE;
    const struct weft_sched *sched = weft_node_sched(sim_world_node(world, node));
    if (spec->process_by != SIM_PROCESS_NAMED) return draw(occurrence, node, sched);
    return weft_sched_whereis(sched, spec->process);
}
