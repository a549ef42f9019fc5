/* What a handler swap did to the latencies around it. */
#include "tests/bench/loadgen/loadgen.h"

#include <stdlib.h>

uint64_t load_swap_at(const struct load *load, int swap) {
    uint64_t third = load->options->secs * UINT64_C(1000000000) / 3;
    return third * (uint64_t)(swap + 1) / LOAD_SLICE * LOAD_SLICE;
}

static uint64_t slice_of(uint64_t after) { return (after + LOAD_SLICE_LEAD) / LOAD_SLICE; }

void load_slice_add(struct load *load, uint64_t due, uint64_t late, unsigned version) {
    uint64_t index = slice_of(due - load->start);
    if (index >= LOAD_SLICES || version > 2) return;
    struct load_slice *slice = &load->stats.slice[index];
    slice->version[version]++;
    if (late > slice->max) slice->max = late;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

struct load_swap load_swap(const struct load *load) {
    const struct load_slice *slice = load->stats.slice;
    uint64_t up = slice_of(load_swap_at(load, 0)), down = slice_of(load_swap_at(load, 1));
    /* The last may be one that ends with the run; the first, one that begins with it. */
    uint64_t last = slice_of(load->options->secs * UINT64_C(1000000000));
    struct load_swap swap = {.upgrade_max = slice[up].max, .rollback_max = slice[down].max};
    uint64_t others[LOAD_SLICES], count = 0;
    for (uint64_t i = 1; i < last && i < LOAD_SLICES; i++) {
        if (i != up && i != down) others[count++] = slice[i].max;
        if (i > up && i < down) swap.late += slice[i].version[1];
        if (i > down) swap.late += slice[i].version[2];
    }
    if (count == 0) return swap;
    qsort(others, count, sizeof others[0], ascending);
    swap.other_max = others[count - 1];
    swap.other_median_max = others[count / 2];
    return swap;
}
