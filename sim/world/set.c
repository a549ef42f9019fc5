/* Sets of nodes: who is in one, and who is drawn from it.
 *
 * A draw gives each node a rank of its own; the lowest ranks are chosen. They are kept in a heap
 * with the greatest on top, so that choosing few among many needs no memory for the many. */
#include "sim/world/set.h"

#include "core/base/assert.h"

#include <stdlib.h>

#define PPM 1000000u

struct chooser {
    uint64_t raw; /* of this occurrence */
    uint32_t *heap;
    uint32_t count, max;
};

uint32_t sim_set_size(const struct sim_set *set, const struct sim_world *world,
                      const struct sim_group *groups) {
    if (set->kind == SIM_SET_ALL) return sim_world_nodes(world);
    if (set->kind == SIM_SET_GROUP) return groups[set->group].count;
    uint32_t size = 0;
    for (uint32_t i = 0; i < set->ranges_count; i++) {
        WEFT_ASSERT(set->ranges[i].first <= set->ranges[i].last);
        size += set->ranges[i].last - set->ranges[i].first + 1;
    }
    return size;
}

uint32_t sim_set_member(const struct sim_set *set, const struct sim_group *groups, uint32_t index) {
    if (set->kind == SIM_SET_ALL) return index;
    if (set->kind == SIM_SET_GROUP) return groups[set->group].first + index;
    for (uint32_t i = 0; i < set->ranges_count; i++) {
        uint32_t size = set->ranges[i].last - set->ranges[i].first + 1;
        if (index < size) return set->ranges[i].first + index;
        index -= size;
    }
    WEFT_UNREACHABLE("index is below sim_set_size");
}

static bool is_candidate(const struct sim_world *world, uint32_t node, uint32_t state_mask) {
    return (state_mask & 1u << sim_world_state(world, node)) != 0;
}

static uint64_t rank(const struct chooser *chooser, uint32_t node) {
    return weft_draw(chooser->raw, SIM_DRAW_TARGETS, node, 0);
}

static bool goes_after(const struct chooser *chooser, uint32_t a, uint32_t b) {
    uint64_t rank_a = rank(chooser, a), rank_b = rank(chooser, b);
    return rank_a != rank_b ? rank_a > rank_b : a > b;
}

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct chooser *chooser, uint32_t at) {
    uint32_t *heap = chooser->heap;
    while (at > 0 && goes_after(chooser, heap[at], heap[(at - 1) / 2])) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct chooser *chooser, uint32_t at) {
    uint32_t *heap = chooser->heap;
    for (;;) {
        uint32_t top = at, left = 2 * at + 1, right = left + 1;
        if (left < chooser->count && goes_after(chooser, heap[left], heap[top])) top = left;
        if (right < chooser->count && goes_after(chooser, heap[right], heap[top])) top = right;
        if (top == at) return;
        swap(&heap[at], &heap[top]);
        at = top;
    }
}

static void offer(struct chooser *chooser, uint32_t node) {
    if (chooser->count < chooser->max) {
        chooser->heap[chooser->count++] = node;
        sift_up(chooser, chooser->count - 1);
    } else if (goes_after(chooser, chooser->heap[0], node)) {
        chooser->heap[0] = node;
        sift_down(chooser, 0);
    }
}

static uint32_t how_many(const struct sim_set *set, uint32_t candidates) {
    uint32_t count = candidates;
    if (set->count > 0)
        count = set->count;
    else if (set->ppm > 0)
        count = (uint32_t)((uint64_t)candidates * set->ppm / PPM);
    if (count == 0) count = 1;
    return count < candidates ? count : candidates;
}

static int by_number(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

static uint32_t count_candidates(const struct sim_set *set, const struct sim_world *world,
                                 const struct sim_group *groups, uint32_t state_mask) {
    uint32_t size = sim_set_size(set, world, groups), count = 0;
    for (uint32_t i = 0; i < size; i++) {
        if (is_candidate(world, sim_set_member(set, groups, i), state_mask)) count++;
    }
    return count;
}

uint32_t sim_set_draw(const struct sim_set *set, struct sim_world *world,
                      const struct sim_group *groups, struct sim_set_key key, uint32_t *out) {
    uint32_t candidates = count_candidates(set, world, groups, key.state_mask);
    if (candidates == 0) return 0;
    struct chooser chooser = {
        .raw = sim_engine_draw(sim_world_engine(world), SIM_DRAW_TARGETS, key.entity, key.counter),
        .heap = out,
        .max = how_many(set, candidates)};
    bool all = chooser.max == candidates;
    uint32_t size = sim_set_size(set, world, groups);
    for (uint32_t i = 0; i < size; i++) {
        uint32_t node = sim_set_member(set, groups, i);
        if (!is_candidate(world, node, key.state_mask)) continue;
        if (all)
            out[chooser.count++] = node;
        else
            offer(&chooser, node);
    }
    WEFT_ASSERT(chooser.count == chooser.max);
    if (!all) qsort(out, chooser.count, sizeof *out, by_number);
    return chooser.count;
}
