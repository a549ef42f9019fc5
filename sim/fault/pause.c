/* pause: nodes that stand still and do not know it.
 *
 * It bit, when it is over, if something had to wait for one of them. */
#include "sim/fault/internal.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATE_BIT(SIM_NODE_UP));
}

static void act(struct sim_occurrence *occurrence) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        target->mark = sim_world_pauses_felt(occurrence->faults->world, target->node);
        target->open = sim_world_pause(occurrence->faults->world, target->node);
    }
}

static void heal(struct sim_occurrence *occurrence) {
    struct sim_world *world = occurrence->faults->world;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        bool felt = target->open && sim_world_pauses_felt(world, target->node) > target->mark;
        if (felt) sim_fault__bite(occurrence, target->node);
        bool same_life = sim_world_life(world, target->node) == target->life;
        if (target->open && same_life) sim_world_resume(world, target->node);
        target->open = false;
    }
}

static bool end(struct sim_occurrence *occurrence) {
    heal(occurrence);
    return true;
}

const struct sim_fault_ops sim_fault__pause = {
    .choose = choose, .act = act, .end = end, .heal = heal, .ends = SIM_ENDS_WHEN_TOLD};
