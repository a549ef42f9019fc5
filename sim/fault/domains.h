/* Domains: what fails together. Racks are in sites, sites in regions; each node is in one rack. */
#ifndef SIM_FAULT_DOMAINS_H
#define SIM_FAULT_DOMAINS_H

#include "sim/world/world.h"

enum sim_domain_level { SIM_DOMAIN_REGION = 0, SIM_DOMAIN_SITE, SIM_DOMAIN_RACK };

/* How nodes come into racks. */
enum sim_domain_assign {
    SIM_ASSIGN_IN_ORDER = 0, /* the first rack is filled, then the next; sizes differ by one */
    SIM_ASSIGN_ROUND,        /* node i is in rack i mod all */
    SIM_ASSIGN_DRAWN
};

#define SIM_DOMAINS_MAX 65536u /* racks in all */

/* I1  regions * sites * racks <= SIM_DOMAINS_MAX */
struct sim_domains {
    uint32_t regions; /* 0: those of the network, which the nodes are in already */
    uint32_t sites;   /* of a region; 0: as 1 */
    uint32_t racks;   /* of a site; 0: as 1 */
    enum sim_domain_assign assign;
};

/* How many there are of a level, in all. */
uint32_t sim_domains_count(const struct sim_domains *domains, enum sim_domain_level level,
                           struct sim_world *world);

/* The one that each node is in, below that: of[node]. The nodes of a region of the network come
 * into its racks as all nodes do where there is none. */
void sim_domains_place(const struct sim_domains *domains, enum sim_domain_level level,
                       struct sim_world *world, uint32_t *of);

#endif
