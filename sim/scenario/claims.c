/* Claims: how often each bit. */
#include "core/base/assert.h"
#include "sim/scenario/run_parts.h"

static uint64_t clock_bites(const struct sim_world *world, enum sim_claim_kind kind) {
    uint64_t bites = 0;
    for (uint32_t i = 0; i < sim_world_nodes(world); i++) {
        struct sim_clock_use use = sim_world_clock_use(world, i);
        bites += kind == SIM_CLAIM_OFFSET ? use.wall_reads : use.timers_moved;
    }
    return bites;
}

static uint64_t nat_bites(const struct sim_world *world, const struct sim_nat_range *range) {
    uint64_t bites = 0;
    for (uint32_t i = 0; i < range->count; i += range->nodes)
        bites += sim_world_nat_packets(world, sim_world_nat(world, range->first + i));
    return bites;
}

uint64_t sim_run__claim_bites(const struct sim_plan *plan, uint32_t index, struct sim_world *world,
                              const struct sim_faults *faults) {
    const struct sim_claim *claim = &plan->claims[index];
    WEFT_ASSERT(index < plan->claims_count);
    switch (claim->kind) {
    case SIM_CLAIM_LINK:
        return sim_net_claim_bites(sim_world_net(world), index + 1);
    case SIM_CLAIM_UNSYNCED:
        return sim_faults_count(faults, claim->fault - 1).unsynced;
    case SIM_CLAIM_OFFSET:
    case SIM_CLAIM_DRIFT:
        return clock_bites(world, claim->kind);
    case SIM_CLAIM_NAT:
        return nat_bites(world, &plan->nats[claim->nats]);
    }
    WEFT_UNREACHABLE("a claim that is none");
}
