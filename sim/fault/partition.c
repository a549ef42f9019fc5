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
    return side;
}

static void choose_partition(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint32_t nodes = sim_world_nodes(occurrence->faults->world);
    uint32_t count[SIM_SIDE_NONE + 1] = {0};
    uint8_t *side = find_sides(occurrence);
    for (uint32_t i = 0; i < nodes; i++) count[side[i]]++;
    free(side);
    int at = snprintf(occurrence->text, SIM_FAULT_TEXT_MAX, "partition");
    for (uint32_t i = 0; i < spec->sides_count; i++) {
        const char *between = i == 0 ? " " : spec->one_way ? "->" : "|";
        at += snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, "%s%u", between,
                       count[i]);
    }
}

static void act_partition(struct sim_occurrence *occurrence) {
    bool one_way = sim_fault__spec(occurrence)->one_way;
    uint8_t *side = find_sides(occurrence);
    sim_fault__layer_on(occurrence, one_way ? SIM_LAYER_ONE_WAY : SIM_LAYER_SPLIT, side);
    free(side);
}

const struct sim_fault_ops sim_fault__partition = {.choose = choose_partition,
                                                   .act = act_partition,
                                                   .end = sim_fault__layer_end,
                                                   .heal = sim_fault__layer_heal,
                                                   .ends = SIM_ENDS_WHEN_TOLD};

static void choose_isolate(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, sim_fault__layer_states(sim_fault__spec(occurrence)));
}

static void act_isolate(struct sim_occurrence *occurrence) {
    sim_fault__layer_on_targets(occurrence, SIM_LAYER_ISOLATE);
}

const struct sim_fault_ops sim_fault__isolate = {.choose = choose_isolate,
                                                 .act = act_isolate,
                                                 .end = sim_fault__layer_end,
                                                 .heal = sim_fault__layer_heal,
                                                 .ends = SIM_ENDS_WHEN_TOLD};
