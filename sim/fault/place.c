/* rebind, move: nodes that others know by an address which is theirs no more.
 *
 * What was done stays. It bit when a packet was lost for it, or came from the new address or port.
 * Over as soon as it bit, or after SIM_FAULT_WATCH. */
#include "sim/fault/internal.h"

#define NO_NAT UINT32_MAX

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, sim_fault__layer_states(&sim_fault__spec(occurrence)->nodes));
}

static void act_move(struct sim_occurrence *occurrence) {
    struct sim_world *world = occurrence->faults->world;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        target->mark = sim_world_move_bites(world, target->node);
        target->open = sim_world_move(world, target->node);
        if (!target->open) sim_fault__log(occurrence->faults, target->node, "no memory to move");
    }
    occurrence->begun = sim_fault__now(occurrence);
}

/* Targets are in the order of their numbers, so those behind one NAT follow one another. */
static void act_rebind(struct sim_occurrence *occurrence) {
    struct sim_world *world = occurrence->faults->world;
    uint32_t last = NO_NAT;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        uint32_t nat = sim_world_nat(world, target->node);
        if (nat == NO_NAT || nat == last) continue;
        last = nat;
        target->mark = sim_world_nat_bites(world, nat);
        target->open = true;
        sim_world_rebind(world, nat);
    }
    occurrence->begun = sim_fault__now(occurrence);
}

static uint64_t move_bites(const struct sim_world *world, uint32_t node) {
    return sim_world_move_bites(world, node);
}

static uint64_t rebind_bites(const struct sim_world *world, uint32_t node) {
    return sim_world_nat_bites(world, sim_world_nat(world, node));
}

static void look(struct sim_occurrence *occurrence,
                 uint64_t (*bites)(const struct sim_world *world, uint32_t node)) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        const struct sim_target *target = &occurrence->targets[i];
        if (!target->open || bites(occurrence->faults->world, target->node) == target->mark)
            continue;
        sim_fault__bite(occurrence, target->node);
        return;
    }
}

static bool is_over(const struct sim_occurrence *occurrence) {
    return occurrence->has_bitten ||
           sim_fault__now(occurrence) >= occurrence->begun + SIM_FAULT_WATCH;
}

static bool end_move(struct sim_occurrence *occurrence) {
    look(occurrence, move_bites);
    return is_over(occurrence);
}

static bool end_rebind(struct sim_occurrence *occurrence) {
    look(occurrence, rebind_bites);
    return is_over(occurrence);
}

static void heal_move(struct sim_occurrence *occurrence) { look(occurrence, move_bites); }

static void heal_rebind(struct sim_occurrence *occurrence) { look(occurrence, rebind_bites); }

const struct sim_fault_ops sim_fault__move = {.choose = choose,
                                              .act = act_move,
                                              .end = end_move,
                                              .heal = heal_move,
                                              .ends = SIM_ENDS_AT_ONCE};

const struct sim_fault_ops sim_fault__rebind = {.choose = choose,
                                                .act = act_rebind,
                                                .end = end_rebind,
                                                .heal = heal_rebind,
                                                .ends = SIM_ENDS_AT_ONCE};
