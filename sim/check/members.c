/* Members: a sorted array read as a binary trie. */
#include "sim/check/internal.h"

#include "core/base/assert.h"

#include <stdlib.h>

static int compare_members(const void *left, const void *right) {
    const struct sim_check__member *a = left, *b = right;
    int order = weft_id_compare(&a->id, &b->id);
    if (order != 0) return order;
    return (a->node > b->node) - (a->node < b->node);
}

void sim_check__members_free(struct sim_check__members *members) {
    free(members->list);
    *members = (struct sim_check__members){0};
}

void sim_check__members_clear(struct sim_check__members *members) {
    members->count = 0;
    members->sorted = false;
}

void sim_check__members_add(struct sim_check__members *members, const weft_id *id, uint32_t node) {
    members->list =
        sim_check__grow(members->list, members->count, &members->capacity, sizeof *members->list);
    members->list[members->count++] = (struct sim_check__member){.id = *id, .node = node};
    members->sorted = false;
}

struct descent {
    const struct sim_check__member *list;
    const weft_id *target;
    const struct sim_check__member **out;
    size_t count, max;
};

/* The first of [low, high) whose bit is set. All of them share the bits before it. */
static size_t split_at(const struct descent *descent, size_t low, size_t high, int bit) {
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (weft_id_bit(&descent->list[middle].id, bit)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Everything on the target's side of a bit is closer than everything on the other. */
static void descend(struct descent *descent, size_t low, size_t high, int bit) {
    while (low < high && descent->count < descent->max) {
        if (high - low == 1 || bit == WEFT_ID_BITS) {
            descent->out[descent->count++] = &descent->list[low++];
            continue;
        }
        size_t split = split_at(descent, low, high, bit);
        bool ones = weft_id_bit(descent->target, bit++);
        if (split > low && split < high) {
            descend(descent, ones ? split : low, ones ? high : split, bit);
            high = ones ? split : high;
            low = ones ? low : split;
        }
    }
}

size_t sim_check__members_closest(struct sim_check__members *members, const weft_id *target,
                                  const struct sim_check__member **out, size_t max) {
    if (members->count == 0) return 0;
    if (!members->sorted) {
        qsort(members->list, members->count, sizeof *members->list, compare_members);
        members->sorted = true;
    }
    struct descent descent = {.list = members->list, .target = target, .out = out, .max = max};
    descend(&descent, 0, members->count, 0);
    WEFT_ASSERT(descent.count <= max);
    return descent.count;
}
