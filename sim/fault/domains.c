/* Which rack, site and region a node is in. */
#include "sim/fault/domains.h"

#include "core/base/assert.h"

uint32_t sim_domains_count(const struct sim_domains *domains, enum sim_domain_level level,
                           struct sim_world *world) {
    if (domains->regions == 0) return sim_net_regions(sim_world_net(world));
    uint32_t count = domains->regions;
    if (level >= SIM_DOMAIN_SITE) count *= domains->sites;
    if (level >= SIM_DOMAIN_RACK) count *= domains->racks;
    WEFT_ASSERT(count > 0 && count <= SIM_DOMAINS_MAX); /* I1 */
    return count;
}

static uint32_t rack_of(const struct sim_domains *domains, struct sim_world *world, uint32_t node) {
    uint32_t racks = sim_domains_count(domains, SIM_DOMAIN_RACK, world);
    switch (domains->assign) {
    case SIM_ASSIGN_IN_ORDER:
        return (uint32_t)((uint64_t)node * racks / sim_world_nodes(world));
    case SIM_ASSIGN_ROUND:
        return node % racks;
    case SIM_ASSIGN_DRAWN:
        return (uint32_t)weft_scale(
            sim_engine_draw(sim_world_engine(world), SIM_DRAW_DOMAIN, node, 0), racks);
    }
    WEFT_UNREACHABLE("a way of assigning that is none");
}

uint32_t sim_domain_of(const struct sim_domains *domains, enum sim_domain_level level,
                       struct sim_world *world, uint32_t node) {
    if (domains->regions == 0) {
        WEFT_ASSERT(level == SIM_DOMAIN_REGION);
        return sim_net_region(sim_world_net(world), node);
    }
    uint32_t at = rack_of(domains, world, node);
    if (level <= SIM_DOMAIN_SITE) at /= domains->racks;
    if (level <= SIM_DOMAIN_REGION) at /= domains->sites;
    return at;
}
