/* What happens to a node's place in the network: it moves, its NAT forgets, its streams break. */
#include "core/base/assert.h"
#include "sim/world/nodes.h"

bool sim_world_move(struct sim_world *world, uint32_t node) {
    sim_world__fold(world, SIM_HAPPENED_MOVE, node, 0);
    return sim_fabric_move(world->fabric, node);
}

uint64_t sim_world_move_bites(const struct sim_world *world, uint32_t node) {
    return sim_places_move_bites(sim_fabric_places(world->fabric), node);
}

uint32_t sim_world_nat(const struct sim_world *world, uint32_t node) {
    WEFT_ASSERT(node < world->config.nodes);
    return sim_places_nat(sim_fabric_places(world->fabric), node);
}

void sim_world_rebind(struct sim_world *world, uint32_t nat) {
    sim_world__fold(world, SIM_HAPPENED_REBIND, nat, 0);
    sim_places_rebind(sim_fabric_places(world->fabric), nat, sim_engine_now(world->engine));
}

uint64_t sim_world_nat_bites(const struct sim_world *world, uint32_t nat) {
    return sim_places_nat_bites(sim_fabric_places(world->fabric), nat);
}

uint64_t sim_world_nat_packets(const struct sim_world *world, uint32_t nat) {
    return sim_places_nat_packets(sim_fabric_places(world->fabric), nat);
}

/* A node that was told runs; one that is paused hears it when it goes on. */
static uint32_t end_streams(struct sim_world *world, uint32_t node, enum sim_happening what,
                            uint32_t (*end)(struct sim_fabric *fabric, uint32_t node)) {
    world = sim_world__of(world, node);
    uint32_t count = end(world->fabric, node);
    uint64_t parts = world->told_parts;
    sim_world__fold(world, what, node, count);
    if (world->told == UINT32_MAX) return count;
    WEFT_ASSERT(world->told == node);
    world->told = UINT32_MAX;
    world->told_parts = 0;
    sim_world__run_parts(world, node, parts);
    return count;
}

uint32_t sim_world_reset_streams(struct sim_world *world, uint32_t node) {
    return end_streams(world, node, SIM_HAPPENED_RESET, sim_fabric_reset_streams);
}

uint32_t sim_world_forget_streams(struct sim_world *world, uint32_t node) {
    return end_streams(world, node, SIM_HAPPENED_FORGET, sim_fabric_forget_streams);
}
