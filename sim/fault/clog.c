/* clog: packets do not get on, until all of them do. */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

static void act(struct sim_occurrence *occurrence) {
    weft_duration lasts = sim_fault__spec(occurrence)->lasts;
    WEFT_ASSERT(lasts > 0); /* what is held knows when it is released */
    struct sim_chain chain = {.count = 1};
    chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_HOLD, .until = weft_time_add(sim_fault__now(occurrence), lasts)};
    sim_fault__links_on(occurrence, &chain);
}

const struct sim_fault_ops sim_fault__clog = {.choose = sim_fault__links_choose,
                                              .act = act,
                                              .end = sim_fault__layer_end,
                                              .heal = sim_fault__layer_heal,
                                              .ends = SIM_ENDS_WHEN_TOLD};
