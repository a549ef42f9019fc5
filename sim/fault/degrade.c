/* degrade: links that are worse than usual. */
#include "sim/fault/internal.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, sim_fault__layer_states(sim_fault__spec(occurrence)));
}

static void act(struct sim_occurrence *occurrence) {
    sim_fault__layer_on_targets(occurrence, SIM_LAYER_CHAIN);
}

const struct sim_fault_ops sim_fault__degrade = {.choose = choose,
                                                 .act = act,
                                                 .end = sim_fault__layer_end,
                                                 .heal = sim_fault__layer_heal,
                                                 .ends = SIM_ENDS_WHEN_TOLD};
