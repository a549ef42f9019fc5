/* partition, isolate: who cannot reach whom. */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define PPM 1000000u

struct ranked {
    uint64_t rank;
    uint32_t node;
};

static int by_rank(const void *a, const void *b) {
    const struct ranked *left = a, *right = b;
    if (left->rank != right->rank) return left->rank < right->rank ? -1 : 1;
    return left->node < right->node ? -1 : left->node > right->node;
}

static struct ranked *rank_all(const struct sim_occurrence *occurrence, uint32_t nodes) {
    struct sim_engine *engine = sim_world_engine(occurrence->faults->world);
    uint64_t entity = (uint64_t)occurrence->number << 32 | occurrence->fault;
    struct ranked *all = malloc(nodes * sizeof *all);
    WEFT_ASSERT(all != NULL);
    for (uint32_t i = 0; i < nodes; i++) {
        all[i] = (struct ranked){sim_engine_draw(engine, SIM_DRAW_GROUPS, entity, i), i};
    }
    qsort(all, nodes, sizeof *all, by_rank);
    return all;
}

/* Sides of exact size: nodes in drawn order, cut where the shares say. */
static void draw_sides(const struct sim_occurrence *occurrence, uint8_t *side) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint32_t nodes = sim_world_nodes(occurrence->faults->world), at = 0;
    struct ranked *all = rank_all(occurrence, nodes);
    uint64_t share = 0;
    for (uint32_t i = 0; i < spec->sides_count; i++) {
        share += spec->sides[i].ppm;
        uint32_t end = (uint32_t)(nodes * share / PPM);
        for (; at < end; at++) side[all[at].node] = (uint8_t)i;
    }
    free(all);
}

/* Who is in none of the groups reaches everybody. */
static void name_sides(const struct sim_occurrence *occurrence, uint8_t *side) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    for (uint32_t i = 0; i < spec->sides_count; i++) {
        if (!spec->sides[i].is_group) continue;
        const struct sim_group *group = &occurrence->faults->groups[spec->sides[i].group];
        memset(side + group->first, (int)i, group->count);
    }
}

/* Into scratch. Returns how many. */
static uint32_t draw_set(const struct sim_occurrence *occurrence, const struct sim_set *set,
                         uint64_t entity) {
    const struct sim_faults *faults = occurrence->faults;
    struct sim_set_key key = {.state_mask = sim_fault__layer_states(set),
                              .entity = entity,
                              .counter = occurrence->number};
    return sim_set_draw(set, faults->world, faults->groups, key, faults->scratch);
}

/* They are on no side: they reach everybody. */
static void take_bridge(const struct sim_occurrence *occurrence, uint8_t *side) {
    const struct sim_set *through = &sim_fault__spec(occurrence)->through;
    uint32_t count = draw_set(occurrence, through, UINT64_C(2) << 32 | occurrence->fault);
    for (uint32_t i = 0; i < count; i++) {
        side[occurrence->faults->scratch[i]] = SIM_SIDE_NONE;
    }
}

static uint8_t *find_sides(const struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint32_t nodes = sim_world_nodes(occurrence->faults->world);
    WEFT_ASSERT(spec->sides_count >= 2 && spec->sides_count <= SIM_PARTITION_SIDES_MAX);
    uint8_t *side = malloc(nodes);
    WEFT_ASSERT(side != NULL);
    memset(side, SIM_SIDE_NONE, nodes);
    if (spec->sides[0].is_group)
        name_sides(occurrence, side);
    else
        draw_sides(occurrence, side);
    if (spec->shape == SIM_SHAPE_BRIDGE) take_bridge(occurrence, side);
    return side;
}

/* --- a ring --- */

/* Place of each node on the ring, in drawn order. Returns how many there are. */
static uint32_t find_ranks(const struct sim_occurrence *occurrence, uint32_t *rank) {
    const struct sim_faults *faults = occurrence->faults;
    uint32_t nodes = sim_world_nodes(faults->world), count = 0;
    const struct sim_set *set = &sim_fault__spec(occurrence)->nodes;
    uint32_t members = draw_set(occurrence, set, occurrence->fault);
    struct ranked *all = rank_all(occurrence, nodes);
    for (uint32_t i = 0; i < nodes; i++) rank[i] = SIM_RANK_NONE;
    for (uint32_t i = 0; i < members; i++) rank[faults->scratch[i]] = 0;
    for (uint32_t i = 0; i < nodes; i++) {
        if (rank[all[i].node] != SIM_RANK_NONE) rank[all[i].node] = count++;
    }
    free(all);
    return count;
}

static void tell_side(const struct sim_occurrence *occurrence, uint32_t node, uint32_t side) {
    uint64_t numbers[] = {occurrence->fault, occurrence->number, side};
    sim_world_trace(occurrence->faults->world, node, WEFT_TRACE_FAULT_SIDE, numbers, 3,
                    weft_bytes(NULL, 0));
}

static void tell_ranks(const struct sim_occurrence *occurrence, const uint32_t *rank) {
    if (occurrence->layer == SIM_LAYER_NONE) return;
    for (uint32_t i = 0; i < sim_world_nodes(occurrence->faults->world); i++)
        if (rank[i] != SIM_RANK_NONE) tell_side(occurrence, i, rank[i]);
}

static void tell_sides(const struct sim_occurrence *occurrence, const uint8_t *side) {
    if (occurrence->layer == SIM_LAYER_NONE) return;
    for (uint32_t i = 0; i < sim_world_nodes(occurrence->faults->world); i++)
        if (side[i] != SIM_SIDE_NONE) tell_side(occurrence, i, side[i]);
}

static void act_ring(struct sim_occurrence *occurrence) {
    uint32_t *rank = malloc(sim_world_nodes(occurrence->faults->world) * sizeof *rank);
    WEFT_ASSERT(rank != NULL);
    struct sim_layer_spec layer = {.kind = SIM_LAYER_RING,
                                   .rank = rank,
                                   .ring_count = find_ranks(occurrence, rank),
                                   .reach = sim_fault__spec(occurrence)->reach};
    sim_fault__layer_on(occurrence, &layer);
    tell_ranks(occurrence, rank);
    free(rank);
}

static void choose_ring(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    snprintf(occurrence->text, SIM_FAULT_TEXT_MAX, "partition ring of %u, reach %u",
             draw_set(occurrence, &spec->nodes, occurrence->fault), spec->reach);
}

static void choose_partition(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint32_t nodes = sim_world_nodes(occurrence->faults->world);
    uint32_t count[SIM_SIDE_NONE + 1] = {0};
    if (spec->shape == SIM_SHAPE_RING) {
        choose_ring(occurrence);
        return;
    }
    uint8_t *side = find_sides(occurrence);
    for (uint32_t i = 0; i < nodes; i++) count[side[i]]++;
    free(side);
    int at = snprintf(occurrence->text, SIM_FAULT_TEXT_MAX, "partition");
    for (uint32_t i = 0; i < spec->sides_count; i++) {
        const char *between = i == 0 ? " " : spec->one_way ? "->" : "|";
        at += snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, "%s%u", between,
                       count[i]);
    }
    if (spec->shape == SIM_SHAPE_SIDES || spec->shape == SIM_SHAPE_HALVES) return;
    snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, ", %u reach both",
             count[SIM_SIDE_NONE]);
}

static void act_partition(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    if (spec->shape == SIM_SHAPE_RING) {
        act_ring(occurrence);
        return;
    }
    uint8_t *side = find_sides(occurrence);
    struct sim_layer_spec layer = {.kind = spec->one_way ? SIM_LAYER_ONE_WAY : SIM_LAYER_SPLIT,
                                   .side = side};
    sim_fault__layer_on(occurrence, &layer);
    tell_sides(occurrence, side);
    free(side);
}

const struct sim_fault_ops sim_fault__partition = {.choose = choose_partition,
                                                   .act = act_partition,
                                                   .end = sim_fault__layer_end,
                                                   .heal = sim_fault__layer_heal,
                                                   .ends = SIM_ENDS_WHEN_TOLD};

static void act_isolate(struct sim_occurrence *occurrence) {
    uint8_t *side = calloc(sim_world_nodes(occurrence->faults->world), sizeof *side);
    WEFT_ASSERT(side != NULL);
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        side[occurrence->targets[i].node] = 1;
    }
    struct sim_layer_spec layer = {.kind = SIM_LAYER_ISOLATE, .side = side};
    sim_fault__layer_on(occurrence, &layer);
    tell_sides(occurrence, side);
    free(side);
}

const struct sim_fault_ops sim_fault__isolate = {.choose = sim_fault__links_choose,
                                                 .act = act_isolate,
                                                 .end = sim_fault__layer_end,
                                                 .heal = sim_fault__layer_heal,
                                                 .ends = SIM_ENDS_WHEN_TOLD};
