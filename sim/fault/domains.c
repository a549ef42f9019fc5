/* Which rack, site and region a node is in. */
#include "sim/fault/domains.h"

#include "core/base/assert.h"

/* All racks are in one place, or so many in each of the network's regions. */
struct cut {
    uint32_t sites, racks; /* of a region, of a site */
    uint32_t places, each; /* and the racks of each of these */
    bool by_network;
};

static struct cut cut_of(const struct sim_domains *domains, struct sim_world *world) {
    struct cut cut = {.sites = domains->sites > 0 ? domains->sites : 1,
                      .racks = domains->racks > 0 ? domains->racks : 1,
                      .places = 1,
                      .by_network = domains->regions == 0};
    cut.each = cut.sites * cut.racks;
    if (cut.by_network)
        cut.places = sim_net_regions(sim_world_net(world));
    else
        cut.each *= domains->regions;
    WEFT_ASSERT(cut.places > 0 && cut.each > 0);
    WEFT_ASSERT((uint64_t)cut.places * cut.each <= SIM_DOMAINS_MAX); /* I1 */
    return cut;
}

/* The domain of a level that the rack is in, or how many they are. */
static uint32_t up_to(const struct cut *cut, enum sim_domain_level level, uint32_t racks) {
    if (level <= SIM_DOMAIN_SITE) racks /= cut->racks;
    if (level <= SIM_DOMAIN_REGION) racks /= cut->sites;
    return racks;
}

uint32_t sim_domains_count(const struct sim_domains *domains, enum sim_domain_level level,
                           struct sim_world *world) {
    struct cut cut = cut_of(domains, world);
    return up_to(&cut, level, cut.places * cut.each);
}

/* The `index`th of `count` nodes of a place, into one of its racks. */
static uint32_t assign(const struct sim_domains *domains, uint32_t racks, uint32_t index,
                       uint32_t count) {
    WEFT_ASSERT(domains->assign != SIM_ASSIGN_DRAWN && index < count);
    if (domains->assign == SIM_ASSIGN_ROUND) return index % racks;
    return (uint32_t)((uint64_t)index * racks / count);
}

static uint32_t draw_rack(struct sim_world *world, uint32_t node, uint32_t racks) {
    uint64_t raw = sim_engine_draw(sim_world_engine(world), SIM_DRAW_DOMAIN, node, 0);
    return (uint32_t)weft_scale(raw, racks);
}

void sim_domains_place(const struct sim_domains *domains, enum sim_domain_level level,
                       struct sim_world *world, uint32_t *of) {
    const struct sim_net *net = sim_world_net(world);
    struct cut cut = cut_of(domains, world);
    uint32_t nodes = sim_world_nodes(world), count[SIM_REGIONS_MAX] = {0},
             index[SIM_REGIONS_MAX] = {0};
    for (uint32_t i = 0; i < nodes; i++) count[cut.by_network ? sim_net_region(net, i) : 0]++;
    for (uint32_t i = 0; i < nodes; i++) {
        uint32_t place = cut.by_network ? sim_net_region(net, i) : 0;
        uint32_t rack = domains->assign == SIM_ASSIGN_DRAWN
                            ? draw_rack(world, i, cut.each)
                            : assign(domains, cut.each, index[place]++, count[place]);
        of[i] = up_to(&cut, level, place * cut.each + rack);
    }
}
