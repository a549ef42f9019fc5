/* degrade, filter: links that are worse than usual, or that some packets do not pass. */
#include "sim/fault/internal.h"

static void act(struct sim_occurrence *occurrence) {
    sim_fault__links_on(occurrence, &sim_fault__spec(occurrence)->chain);
}

const struct sim_fault_ops sim_fault__degrade = {.choose = sim_fault__links_choose,
                                                 .act = act,
                                                 .end = sim_fault__layer_end,
                                                 .heal = sim_fault__layer_heal,
                                                 .ends = SIM_ENDS_WHEN_TOLD};

const struct sim_fault_ops sim_fault__filter = {.choose = sim_fault__links_choose,
                                                .act = act,
                                                .end = sim_fault__layer_end,
                                                .heal = sim_fault__layer_heal,
                                                .ends = SIM_ENDS_WHEN_TOLD};
