/* Values in buckets whose width is 1/32 of them. */
#include "tests/bench/loadgen/loadgen.h"

#define STEPS 32
#define STEP_BITS 5

static uint32_t bucket_of(uint64_t ns) {
    if (ns < STEPS) return (uint32_t)ns;
    uint32_t top = 63 - (uint32_t)__builtin_clzll(ns);
    return (top - STEP_BITS + 1) * STEPS + (uint32_t)((ns >> (top - STEP_BITS)) & (STEPS - 1));
}

/* The largest value of a bucket. */
static uint64_t end_of(uint32_t bucket) {
    if (bucket < STEPS) return bucket;
    uint32_t shift = bucket / STEPS - 1;
    return ((uint64_t)(STEPS + bucket % STEPS + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns) {
    histogram->bucket[bucket_of(ns)]++;
    histogram->count++;
    if (ns > histogram->max) histogram->max = ns;
}

double histogram_us(const struct histogram *histogram, unsigned permille) {
    uint64_t rank = (histogram->count * permille + 999) / 1000, seen = 0;
    if (histogram->count == 0) return 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->bucket[i];
        if (seen < rank) continue;
        uint64_t value = end_of(i);
        return (double)(value < histogram->max ? value : histogram->max) / 1e3;
    }
    return (double)histogram->max / 1e3;
}
