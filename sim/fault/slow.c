/* slow: a CPU that is slow, or one process of it.
 *
 * It bit when a message took longer by it. */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

#include "sim/world/slow.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence,
                      sim_fault__names_process(sim_fault__spec(occurrence))
                          ? SIM_STATE_BIT(SIM_NODE_UP)
                          : sim_fault__layer_states(&sim_fault__spec(occurrence)->nodes));
}

static void act(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    bool of_process = sim_fault__names_process(sim_fault__spec(occurrence));
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (of_process) target->pid = sim_fault__process(occurrence, target->node);
        if (of_process && weft_pid_is_none(target->pid)) continue;
        target->slow =
            sim_world_slow_on(occurrence->faults->world, target->node, target->pid, spec->cost);
        WEFT_ASSERT(target->slow != NULL);
    }
}

static bool end(struct sim_occurrence *occurrence) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (target->slow == NULL) continue;
        uint64_t slowed = sim_world_slow_off(occurrence->faults->world, target->slow);
        target->slow = NULL;
        if (slowed > 0) sim_fault__bite(occurrence, target->node);
    }
    return true;
}

static void heal(struct sim_occurrence *occurrence) { (void)end(occurrence); }

const struct sim_fault_ops sim_fault__slow = {
    .choose = choose, .act = act, .end = end, .heal = heal, .ends = SIM_ENDS_WHEN_TOLD};
