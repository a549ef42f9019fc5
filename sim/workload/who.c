/* Who asks. */
#include "sim/workload/internal.h"

#define TRIES_MAX 32

uint64_t sim_work__entity(uint32_t spec) { return UINT64_C(2) << 32 | spec; }

static bool is_up(const struct sim_works *works, uint32_t node) {
    return node < sim_world_nodes(works->world) &&
           sim_world_state(works->world, node) == SIM_NODE_UP;
}

/* Most nodes are up, so a few tries find one; else the first one up after a drawn place. */
static uint32_t draw_of_all(struct sim_works *works, const struct sim_set *set, uint64_t raw) {
    uint32_t size = sim_set_size(set, works->world, works->groups);
    struct weft_rand rand;
    if (size == 0) return UINT32_MAX;
    weft_rand_init(&rand, raw);
    uint32_t index = 0;
    for (int i = 0; i < TRIES_MAX; i++) {
        index = (uint32_t)weft_rand_below(&rand, size);
        uint32_t node = sim_set_member(set, works->groups, index);
        if (is_up(works, node)) return node;
    }
    for (uint32_t i = 0; i < size; i++, index = index + 1 < size ? index + 1 : 0) {
        uint32_t node = sim_set_member(set, works->groups, index);
        if (is_up(works, node)) return node;
    }
    return UINT32_MAX;
}

static uint32_t draw_of_some(struct sim_works *works, uint32_t spec, struct sim_set_key key,
                             uint64_t raw) {
    uint32_t count =
        sim_set_draw(&works->specs[spec].nodes, works->world, works->groups, key, works->drawn);
    return count > 0 ? works->drawn[weft_scale(raw, count)] : UINT32_MAX;
}

uint32_t sim_work__draw_node(struct sim_works *works, uint32_t spec, uint64_t counter) {
    const struct sim_set *set = &works->specs[spec].nodes;
    uint64_t entity = sim_work__entity(spec);
    uint64_t raw =
        sim_engine_draw(sim_world_engine(works->world), SIM_DRAW_WORK_NODE, entity, counter);
    if (set->count == 0 && set->ppm == 0) return draw_of_all(works, set, raw);
    struct sim_set_key key = {
        .state_mask = 1u << SIM_NODE_UP, .entity = entity, .counter = counter >> 32};
    return draw_of_some(works, spec, key, raw);
}
