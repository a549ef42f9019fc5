/* A ladder queue (Tang, Goh and Thng 2005): what is far lies unsorted on top; when its turn comes
 * it is spread over the buckets of a rung, and a bucket that holds too many over a rung of its own.
 * Widths follow from what there is. In place of one event a bucket has some sixteen keys, the
 * paper's bottom is the run. */
#ifndef BENCH_QUEUE_LADDER_H
#define BENCH_QUEUE_LADDER_H

#include "tests/bench/queue/keys.h"

#define LADDER_RUNGS 8
#define LADDER_BUCKET_KEYS 16
#define LADDER_SPLIT 50 /* a bucket with more becomes a rung */

struct rung {
    weft_time start;
    unsigned width_bits;
    size_t next, count, room; /* the buckets before next were opened */
    struct chunk **buckets;
};

struct ladder {
    struct pool pool;
    struct run run;
    struct chunk *top;
    weft_time top_start, top_least, top_most; /* nothing before top_start is on top */
    size_t top_count, rungs_count;
    struct rung rungs[LADDER_RUNGS];
};

static inline void ladder_deinit(struct ladder *ladder) {
    for (size_t i = 0; i < LADDER_RUNGS; i++) free(ladder->rungs[i].buckets);
    run_deinit(&ladder->run);
    pool_deinit(&ladder->pool);
}

static inline void rung_put(struct pool *pool, struct rung *rung, struct key key) {
    chunk_put(pool, &rung->buckets[(key.at - rung->start) >> rung->width_bits], key);
}

static inline void ladder_push_top(struct ladder *ladder, struct key key) {
    if (ladder->top_count == 0 || key.at < ladder->top_least) ladder->top_least = key.at;
    if (ladder->top_count == 0 || key.at > ladder->top_most) ladder->top_most = key.at;
    ladder->top_count++;
    chunk_put(&ladder->pool, &ladder->top, key);
}

static inline weft_time rung_begin(const struct rung *rung, size_t bucket) {
    return rung->start + ((weft_time)bucket << rung->width_bits);
}

static inline void ladder_push(struct ladder *ladder, struct key key) {
    if (key.at >= ladder->top_start) {
        ladder_push_top(ladder, key);
        return;
    }
    for (size_t i = 0; i < ladder->rungs_count; i++) {
        struct rung *rung = &ladder->rungs[i];
        if (key.at < rung_begin(rung, rung->next)) continue;
        rung_put(&ladder->pool, rung, key);
        return;
    }
    run_late(&ladder->run, key);
}

/* `count` keys from `start` on, within `span`, spread over a new rung. */
static inline void ladder_spread(struct ladder *ladder, struct chunk *chunk, size_t count,
                                 weft_time start, weft_duration span) {
    struct rung *rung = &ladder->rungs[ladder->rungs_count++];
    weft_duration width = span / (weft_duration)(count / LADDER_BUCKET_KEYS + 1);
    rung->start = start;
    rung->width_bits = width > 1 ? 64 - (unsigned)__builtin_clzll((uint64_t)width - 1) : 0;
    rung->next = 0;
    rung->count = (size_t)(span >> rung->width_bits) + 1;
    if (rung->count > rung->room) {
        free(rung->buckets);
        rung->room = rung->count;
        rung->buckets = calloc(rung->room, sizeof *rung->buckets); /* later all are empty */
        if (rung->buckets == NULL) abort();
    }
    for (; chunk != NULL; chunk = chunk_done(&ladder->pool, chunk))
        for (size_t i = 0; i < chunk->count; i++) rung_put(&ladder->pool, rung, chunk->keys[i]);
}

static inline void ladder_spread_top(struct ladder *ladder) {
    struct chunk *top = ladder->top;
    if (top == NULL) abort(); /* there is no key */
    ladder->top = NULL;
    ladder->top_start = ladder->top_most + 1;
    ladder_spread(ladder, top, ladder->top_count, ladder->top_least,
                  ladder->top_most - ladder->top_least);
    ladder->top_count = 0;
}

static inline size_t chunk_keys(const struct chunk *chunk) {
    size_t count = 0;
    for (; chunk != NULL; chunk = chunk->next) count += chunk->count;
    return count;
}

/* The next bucket of the last rung, which ends when there is none. */
static inline void ladder_open(struct ladder *ladder) {
    struct rung *rung = &ladder->rungs[ladder->rungs_count - 1];
    while (rung->next < rung->count && rung->buckets[rung->next] == NULL) rung->next++;
    if (rung->next == rung->count) {
        ladder->rungs_count--;
        return;
    }
    weft_time start = rung_begin(rung, rung->next);
    struct chunk *chunk = rung->buckets[rung->next];
    rung->buckets[rung->next++] = NULL;
    size_t count = chunk_keys(chunk);
    if (count > LADDER_SPLIT && ladder->rungs_count < LADDER_RUNGS && rung->width_bits > 0) {
        ladder_spread(ladder, chunk, count, start, (INT64_C(1) << rung->width_bits) - 1);
        return;
    }
    for (; chunk != NULL; chunk = chunk_done(&ladder->pool, chunk))
        for (size_t i = 0; i < chunk->count; i++) run_add(&ladder->run, chunk->keys[i]);
    keys_sort(ladder->run.keys, ladder->run.count);
}

/* There is a key. */
static inline struct key ladder_pop(struct ladder *ladder) {
    while (run_empty(&ladder->run)) {
        if (ladder->rungs_count == 0) ladder_spread_top(ladder);
        ladder_open(ladder);
    }
    return run_pop(&ladder->run);
}

#endif
