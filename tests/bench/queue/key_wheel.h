/* A key wheel: ticks of 2^13 ns, six levels of 256 slots, each a list of chunks of keys; the slot
 * that is opened is sorted. Varghese and Lauck 1987, with keys in place of timers. */
#ifndef BENCH_QUEUE_KEY_WHEEL_H
#define BENCH_QUEUE_KEY_WHEEL_H

#include "tests/bench/queue/keys.h"

#define WHEEL_TICK_BITS 13
#define WHEEL_LEVELS 6u

struct key_wheel {
    struct pool pool;
    struct run run; /* what is not after `tick` */
    uint64_t tick;
    uint64_t used[WHEEL_LEVELS][4]; /* a bit a slot */
    struct chunk *slots[WHEEL_LEVELS][256];
};

static inline void key_wheel_deinit(struct key_wheel *wheel) {
    run_deinit(&wheel->run);
    pool_deinit(&wheel->pool);
}

/* tick > wheel->tick: the level is that of the highest byte in which they differ. */
static inline void key_wheel_put(struct key_wheel *wheel, uint64_t tick, struct key key) {
    unsigned level = (63 - (unsigned)__builtin_clzll(tick ^ wheel->tick)) / 8;
    unsigned slot = (unsigned)(tick >> 8 * level) & 255;
    if (level >= WHEEL_LEVELS) abort();
    wheel->used[level][slot / 64] |= UINT64_C(1) << slot % 64;
    chunk_put(&wheel->pool, &wheel->slots[level][slot], key);
}

static inline void key_wheel_push(struct key_wheel *wheel, struct key key) {
    uint64_t tick = (uint64_t)key.at >> WHEEL_TICK_BITS;
    if (tick <= wheel->tick) {
        run_late(&wheel->run, key);
    } else {
        key_wheel_put(wheel, tick, key);
    }
}

/* The first slot of a level after the one that is open, or 256. */
static inline unsigned key_wheel_next(const struct key_wheel *wheel, unsigned level) {
    unsigned from = ((unsigned)(wheel->tick >> 8 * level) & 255) + 1;
    for (unsigned word = from / 64; word < 4; word++, from = word * 64) {
        uint64_t bits = wheel->used[level][word] >> from % 64;
        if (bits != 0) return from + (unsigned)__builtin_ctzll(bits);
    }
    return 256;
}

static inline void key_wheel_open(struct key_wheel *wheel, unsigned level, unsigned slot) {
    unsigned above = 8 * (level + 1);
    struct chunk *chunk = wheel->slots[level][slot];
    wheel->slots[level][slot] = NULL;
    wheel->used[level][slot / 64] &= ~(UINT64_C(1) << slot % 64);
    wheel->tick = (wheel->tick >> above << above) | (uint64_t)slot << 8 * level;
    for (; chunk != NULL; chunk = chunk_done(&wheel->pool, chunk)) {
        for (size_t i = 0; i < chunk->count; i++) {
            uint64_t tick = (uint64_t)chunk->keys[i].at >> WHEEL_TICK_BITS;
            if (tick <= wheel->tick) {
                run_add(&wheel->run, chunk->keys[i]);
            } else {
                key_wheel_put(wheel, tick, chunk->keys[i]);
            }
        }
    }
}

/* There is a key. */
static inline struct key key_wheel_pop(struct key_wheel *wheel) {
    if (run_empty(&wheel->run)) {
        while (run_empty(&wheel->run)) {
            unsigned level = 0, slot = 256;
            while (level < WHEEL_LEVELS && (slot = key_wheel_next(wheel, level)) == 256) level++;
            if (level == WHEEL_LEVELS) abort();
            key_wheel_open(wheel, level, slot);
        }
        keys_sort(wheel->run.keys, wheel->run.count);
    }
    return run_pop(&wheel->run);
}

#endif
