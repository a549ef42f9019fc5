/* Keys in order: a 4-ary heap, and the sort of a slot. */
#include "core/base/assert.h"
#include "sim/engine/queue.h"

#include <stdlib.h>

/* Below this many keys, insertion. */
#define SORT_SMALL 16

static bool heap_grow(struct sim_key_heap *heap) {
    size_t max = heap->max == 0 ? 64 : heap->max * 2;
    struct sim_key *keys = realloc(heap->keys, max * sizeof *keys);
    if (keys == NULL) return false;
    heap->keys = keys;
    heap->max = max;
    return true;
}

/* The least of up to four children from `child` on. */
static size_t least_child(const struct sim_key_heap *heap, const struct sim_slab *slab,
                          size_t child) {
    size_t end = child + 4 < heap->count ? child + 4 : heap->count;
    size_t best = child;
    for (size_t i = child + 1; i < end; i++) {
        if (sim_engine__key_before(slab, heap->keys[i], heap->keys[best])) best = i;
    }
    return best;
}

static void sift_down(struct sim_key_heap *heap, const struct sim_slab *slab, size_t at) {
    struct sim_key key = heap->keys[at];
    while (at * 4 + 1 < heap->count) {
        size_t child = least_child(heap, slab, at * 4 + 1);
        if (!sim_engine__key_before(slab, heap->keys[child], key)) break;
        heap->keys[at] = heap->keys[child];
        at = child;
    }
    heap->keys[at] = key;
}

void sim_engine__heap_deinit(struct sim_key_heap *heap) {
    free(heap->keys);
    *heap = (struct sim_key_heap){0};
}

bool sim_engine__heap_push(struct sim_key_heap *heap, const struct sim_slab *slab,
                           struct sim_key key) {
    if (heap->count == heap->max && !heap_grow(heap)) return false;
    size_t at = heap->count++;
    while (at > 0) {
        size_t parent = (at - 1) / 4;
        if (!sim_engine__key_before(slab, key, heap->keys[parent])) break;
        heap->keys[at] = heap->keys[parent];
        at = parent;
    }
    heap->keys[at] = key;
    return true;
}

struct sim_key sim_engine__heap_pop(struct sim_key_heap *heap, const struct sim_slab *slab) {
    WEFT_ASSERT(heap->count > 0);
    struct sim_key first = heap->keys[0];
    heap->count--;
    if (heap->count > 0) {
        heap->keys[0] = heap->keys[heap->count];
        sift_down(heap, slab, 0);
    }
    return first;
}

void sim_engine__heap_build(struct sim_key_heap *heap, const struct sim_slab *slab) {
    if (heap->count < 2) return;
    for (size_t i = (heap->count - 2) / 4 + 1; i-- > 0;) sift_down(heap, slab, i);
}

static void insertion_sort(const struct sim_slab *slab, struct sim_key *keys, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct sim_key key = keys[i];
        size_t at = i;
        for (; at > 0 && sim_engine__key_before(slab, key, keys[at - 1]); at--) {
            keys[at] = keys[at - 1];
        }
        keys[at] = key;
    }
}

/* The way out when quicksort is unlucky: a heap gives the keys in order, and its room is left from
 * the back, so they come out reversed. */
static void heap_sort(const struct sim_slab *slab, struct sim_key *keys, size_t count) {
    struct sim_key_heap heap = {keys, count, count};
    sim_engine__heap_build(&heap, slab);
    while (heap.count > 0) {
        size_t last = heap.count - 1;
        keys[last] = sim_engine__heap_pop(&heap, slab);
    }
    for (size_t i = 0, j = count; i + 1 < j; i++) {
        struct sim_key key = keys[i];
        keys[i] = keys[--j];
        keys[j] = key;
    }
}

static struct sim_key median(const struct sim_slab *slab, struct sim_key a, struct sim_key b,
                             struct sim_key c) {
    if (sim_engine__key_before(slab, b, a)) {
        struct sim_key swap = a;
        a = b;
        b = swap;
    }
    if (!sim_engine__key_before(slab, c, b)) return b;
    return sim_engine__key_before(slab, c, a) ? a : c;
}

/* Hoare's partition: keys before the result are not after the pivot, the others not before it. */
static size_t split(const struct sim_slab *slab, struct sim_key *keys, size_t count) {
    struct sim_key pivot = median(slab, keys[0], keys[count / 2], keys[count - 1]);
    size_t low = 0, high = count - 1;
    for (;;) {
        while (sim_engine__key_before(slab, keys[low], pivot)) low++;
        while (sim_engine__key_before(slab, pivot, keys[high])) high--;
        if (low >= high) return low;
        struct sim_key swap = keys[low];
        keys[low++] = keys[high];
        keys[high--] = swap;
    }
}

static void sort_depth(const struct sim_slab *slab, struct sim_key *keys, size_t count,
                       unsigned depth) {
    while (count > SORT_SMALL) {
        if (depth-- == 0) {
            heap_sort(slab, keys, count);
            return;
        }
        size_t middle = split(slab, keys, count);
        WEFT_ASSERT(middle > 0 && middle < count);
        sort_depth(slab, keys + middle, count - middle, depth);
        count = middle;
    }
    insertion_sort(slab, keys, count);
}

void sim_engine__keys_sort(const struct sim_slab *slab, struct sim_key *keys, size_t count) {
    unsigned depth = 2;
    for (size_t n = count; n > 1; n /= 2) depth += 2;
    sort_depth(slab, keys, count, depth);
}
