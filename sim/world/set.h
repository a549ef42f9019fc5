/* Sets of nodes as a scenario names them, and who is in them this time. */
#ifndef SIM_WORLD_SET_H
#define SIM_WORLD_SET_H

#include "sim/world/world.h"

#define SIM_GROUPS_MAX 32
#define SIM_GROUP_NAME_MAX 32
#define SIM_RANGES_MAX 16

/* Nodes [first, first + count) of the population. Groups follow one another; what no group takes is
 * the last group, "rest". */
struct sim_group {
    char name[SIM_GROUP_NAME_MAX];
    uint32_t first, count;
};

enum sim_set_kind { SIM_SET_ALL = 0, SIM_SET_GROUP, SIM_SET_RANGES };

struct sim_range {
    uint32_t first, last; /* inclusive */
};

/* From whom (all, a group, or ranges of node numbers), and how many of them, drawn anew at each
 * occurrence: `count` nodes, or `ppm` of them (rounded down, at least 1), or all when both are 0.
 */
struct sim_set {
    enum sim_set_kind kind;
    uint32_t group; /* GROUP: index */
    struct sim_range ranges[SIM_RANGES_MAX];
    uint32_t ranges_count;
    uint32_t count;
    uint32_t ppm;
};

struct sim_set_key {
    uint32_t state_mask; /* bit per enum sim_node_state: who is in another state is no candidate */
    uint64_t entity, counter; /* of the draw */
};

/* Nodes the set is drawn from, whatever their state; and the one at `index` (< size), ascending. */
uint32_t sim_set_size(const struct sim_set *set, const struct sim_world *world,
                      const struct sim_group *groups);
uint32_t sim_set_member(const struct sim_set *set, const struct sim_group *groups, uint32_t index);

/* Members for one occurrence. `ppm` is of the candidates. Who is drawn depends on nothing but the
 * key and who the candidates are: one node more or less changes at most one choice. Ascending, into
 * `out`, which has room for every node. Returns how many. */
uint32_t sim_set_draw(const struct sim_set *set, struct sim_world *world,
                      const struct sim_group *groups, struct sim_set_key key, uint32_t *out);

#endif
