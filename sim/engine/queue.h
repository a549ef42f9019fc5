/* Queue: keys of events in the order of (time, tie, source, number). A key wheel.
 *
 * Keys are 16 bytes. Six levels of 256 slots cover all of time from a tick of 2^15 ns up; a slot
 * is a list of chunks of 15 keys. Keys of later slots are not sorted: when its turn comes a slot
 * of level 0 is sorted and drained as the run, with those after it as long as they are few
 * together, and a slot of a higher level is spread over those below it. What is pushed into the
 * tick that is open, or before it, goes to a small heap beside the run. Built with WEFT_QUEUE=heap
 * everything goes to that heap: the oracle of the wheel.
 *
 * I1  keys in the wheel have a tick after `tick`; keys in the run and in the heap do not.
 * I2  in a slot only the first chunk of the list is not full, so
 *     chunks in use <= SIM_WHEEL_SLOTS + keys / SIM_CHUNK_KEYS, and one more while spreading.
 * I3  chunks and the run's room are reserved at push: to pop never needs memory. */
#ifndef SIM_ENGINE_QUEUE_H
#define SIM_ENGINE_QUEUE_H

#include "sim/engine/slab.h"

struct sim_key {
    weft_time at;
    uint64_t word; /* tie << 32 | index of the slot */
};

static inline uint32_t sim_engine__key_slot(struct sim_key key) { return (uint32_t)key.word; }

/* By source, then number. */
static inline bool sim_engine__slot_before(const struct sim_slot *a, const struct sim_slot *b) {
    return a->source != b->source ? a->source < b->source : a->number < b->number;
}

/* Whether `a` is popped before `b`. Source and number are in the slab: looked up when all else is
 * equal, which is rare. */
static inline bool sim_engine__key_before(const struct sim_slab *slab, struct sim_key a,
                                          struct sim_key b) {
    sim_wide x = (sim_wide)(uint64_t)a.at << 64 | a.word;
    sim_wide y = (sim_wide)(uint64_t)b.at << 64 | b.word;
    if (__builtin_expect((x ^ y) >> 32 != 0, 1)) return x < y; /* without a branch on either */
    if (a.word == b.word) return false;                        /* the same key */
    return sim_engine__slot_before(sim_engine__slot(slab, sim_engine__key_slot(a)),
                                   sim_engine__slot(slab, sim_engine__key_slot(b)));
}

/* Sort in place, without recursion deeper than 2 log2(count). */
void sim_engine__keys_sort(const struct sim_slab *slab, struct sim_key *keys, size_t count);

/* --- a 4-ary heap of keys --- */

struct sim_key_heap {
    struct sim_key *keys;
    size_t count, max;
};

void sim_engine__heap_deinit(struct sim_key_heap *heap);
bool sim_engine__heap_push(struct sim_key_heap *heap, const struct sim_slab *slab,
                           struct sim_key key);
struct sim_key sim_engine__heap_pop(struct sim_key_heap *heap, const struct sim_slab *slab);

/* Make a heap of keys in any order. */
void sim_engine__heap_build(struct sim_key_heap *heap, const struct sim_slab *slab);

/* --- the wheel --- */

#define SIM_TICK_BITS 15 /* 2^15 ns; with six bytes above it all of weft_time */
#define SIM_WHEEL_LEVELS 6
#define SIM_WHEEL_SLOTS (SIM_WHEEL_LEVELS * 256)
#define SIM_CHUNK_KEYS 15

struct sim_chunk {
    struct sim_chunk *next;
    uint64_t count;
    struct sim_key keys[SIM_CHUNK_KEYS];
};

_Static_assert(sizeof(struct sim_chunk) == 256, "whole cache lines");

struct sim_queue {
    const struct sim_slab *slab; /* borrowed */
    uint64_t tick;               /* the tick that is open, I1 */
    size_t count;                /* keys in all */
    struct sim_key *run;         /* the open tick's, sorted, from run_index on */
    size_t run_index, run_count, run_max;
    struct sim_key_heap heap;
    struct sim_chunk *free; /* chunks in no slot */
    size_t chunks_count;    /* in use and free */
    void **blocks;          /* what chunks were allocated as */
    size_t blocks_count, blocks_max;
    uint64_t occupied[SIM_WHEEL_LEVELS][4]; /* a bit a slot */
    struct sim_chunk *slots[SIM_WHEEL_LEVELS][256];
};

void sim_engine__queue_init(struct sim_queue *queue, const struct sim_slab *slab);
void sim_engine__queue_deinit(struct sim_queue *queue);

/* key.at >= 0. False when out of memory: nothing has changed. */
bool sim_engine__queue_push(struct sim_queue *queue, struct sim_key key);

/* Take the first key out unless it is after `until`; nothing after `until` is opened. */
bool sim_engine__queue_pop(struct sim_queue *queue, weft_time until, struct sim_key *key);

/* The same without taking it out. */
bool sim_engine__queue_peek(struct sim_queue *queue, weft_time until, struct sim_key *key);

/* No key is before this; it may be too early. WEFT_TIME_NEVER: there is none. Opens nothing. */
weft_time sim_engine__queue_least(const struct sim_queue *queue);

/* The event that comes so many pops after the next one, as far as is known: NULL when it is not. */
static inline const struct sim_slot *sim_engine__queue_ahead(const struct sim_queue *queue,
                                                             size_t distance) {
    size_t index = queue->run_index + distance;
    if (index >= queue->run_count) return NULL;
    return sim_engine__slot(queue->slab, sim_engine__key_slot(queue->run[index]));
}

/* Take out the keys whose slot is dead, giving each to `drop`. */
void sim_engine__queue_sweep(struct sim_queue *queue, void (*drop)(void *ctx, uint32_t slot),
                             void *ctx);

#endif
