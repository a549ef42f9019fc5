/* reset, half_open: streams of nodes that break while both ends live. They bite when a node had
 * one.
 */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATES_RUNNING);
}

static void each(struct sim_occurrence *occurrence,
                 uint32_t (*end_streams)(struct sim_world *world, uint32_t node)) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        uint32_t node = occurrence->targets[i].node;
        if (end_streams(occurrence->faults->world, node) > 0) sim_fault__bite(occurrence, node);
    }
}

static void act_reset(struct sim_occurrence *occurrence) {
    each(occurrence, sim_world_reset_streams);
}

static void act_half_open(struct sim_occurrence *occurrence) {
    each(occurrence, sim_world_forget_streams);
}

static bool end(struct sim_occurrence *occurrence) {
    WEFT_ASSERT(occurrence->layer == SIM_LAYER_NONE);
    return true;
}

const struct sim_fault_ops sim_fault__reset = {
    .choose = choose, .act = act_reset, .end = end, .ends = SIM_ENDS_AT_ONCE};

const struct sim_fault_ops sim_fault__half_open = {
    .choose = choose, .act = act_half_open, .end = end, .ends = SIM_ENDS_AT_ONCE};
