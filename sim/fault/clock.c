/* clock: clocks that are set, or that drift.
 *
 * It bit when a node read a wall clock that was off, or when one that drifts had timers due at
 * another time. Set back after `for`; what was gained or lost by drifting stays. */
#include "sim/fault/internal.h"

#include "sim/world/clock.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, sim_fault__layer_states(&sim_fault__spec(occurrence)->nodes));
}

static uint64_t uses(const struct sim_occurrence *occurrence, uint32_t node) {
    struct sim_clock_use use = sim_world_clock_use(occurrence->faults->world, node);
    uint64_t drifts = sim_fault__spec(occurrence)->drift_ppm != 0 ? use.timers_moved : 0;
    return use.wall_reads + drifts;
}

static void change(struct sim_occurrence *occurrence, struct sim_clock_change by) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        sim_world_clock_change(occurrence->faults->world, target->node, &by);
        target->mark = uses(occurrence, target->node);
    }
}

static void act(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    change(occurrence, (struct sim_clock_change){spec->jump, spec->drift_ppm});
}

static bool end(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        const struct sim_target *target = &occurrence->targets[i];
        if (uses(occurrence, target->node) > target->mark)
            sim_fault__bite(occurrence, target->node);
    }
    change(occurrence, (struct sim_clock_change){-spec->jump, -spec->drift_ppm});
    return true;
}

static void heal(struct sim_occurrence *occurrence) { (void)end(occurrence); }

const struct sim_fault_ops sim_fault__clock = {
    .choose = choose, .act = act, .end = end, .heal = heal, .ends = SIM_ENDS_WHEN_TOLD};
