/* Queue: keys of events in the order of (time, tie, source, number). A key wheel.
 *
 * Keys are 16 bytes. Time is cut into ticks of 2^17 ns. What is near, in the next 2,048 ticks, has
 * a slot for each of them; what is far lies in five levels of 256 slots, the first of which are
 * 2^28 ns wide, as wide as all that is near. A slot is a list of chunks of 15 keys in any order.
 * When its turn comes, a far slot is spread over those below it; a near one, with those after it
 * when they are few together, is sorted and drained as the run. The sort is by distribution: about
 * as many pots as keys over the time they span, so that it takes hardly a comparison that could go
 * either way. What is pushed into the tick that is open, or before it, goes to a small heap beside
 * the run. Built with WEFT_QUEUE=heap everything goes to that heap: the oracle of the wheel.
 *
 * I1  a near slot holds keys of one tick in (tick, tick + SIM_NEAR_SLOTS]; keys in the run and in
 *     the heap have none after `tick`; keys in a far slot are of blocks after `block`.
 * I2  in a slot only the first chunk of the list is not full, so
 *     chunks in use <= SIM_WHEEL_SLOTS + keys / SIM_CHUNK_KEYS, and one more while spreading.
 * I3  chunks and the run's room are reserved at push: to pop never needs memory.
 * I4  fence is the first tick of the first far slot that is not empty. */
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

#define SIM_TICK_BITS 17
#define SIM_NEAR_BITS 11
#define SIM_NEAR_SLOTS (1u << SIM_NEAR_BITS)
#define SIM_FAR_LEVELS 5 /* a byte each: with what is near, all of weft_time */
#define SIM_FAR_SLOTS (SIM_FAR_LEVELS * 256u)
#define SIM_WHEEL_SLOTS (SIM_NEAR_SLOTS + SIM_FAR_SLOTS)
#define SIM_CHUNK_KEYS 15
#define SIM_POTS_MAX 4096u

struct sim_chunk {
    struct sim_chunk *next;
    uint64_t count; /* set when its slot is taken */
    struct sim_key keys[SIM_CHUNK_KEYS];
};

#define SIM_CHUNK_SIZE 256u
_Static_assert(sizeof(struct sim_chunk) == SIM_CHUNK_SIZE, "whole cache lines");

/* Where its next key goes: behind the last of its first chunk. NULL: empty. Chunks are aligned to
 * their size, so that a pointer to the end of one tells that it is full. */
typedef struct sim_key *sim_slot_end;

struct sim_queue {
    const struct sim_slab *slab; /* borrowed */
    uint64_t tick, block, fence; /* I1, I4 */
    size_t count;                /* keys in all */
    size_t reserved;             /* as many have memory, I3; 0: all go to the heap */
    struct sim_key *run;         /* the open ticks', sorted, from run_index on */
    size_t run_index, run_count;
    struct sim_key *raw; /* the same, before they are sorted; room for a whole chunk behind them */
    struct sim_key_heap heap;
    const struct sim_chunk *coming; /* of a slot that is opened soon: is being fetched; or NULL */
    struct sim_chunk *free;         /* chunks in no slot that were in one */
    size_t chunks_used;             /* chunks that ever were */
    void **blocks;                  /* what chunks were allocated as */
    size_t blocks_count, blocks_max;
    uint32_t near_words; /* a bit a word of near_used: it is not 0 */
    uint64_t near_used[SIM_NEAR_SLOTS / 64], far_used[SIM_FAR_SLOTS / 64]; /* a bit a slot */
    sim_slot_end near[SIM_NEAR_SLOTS], far[SIM_FAR_SLOTS];
    uint32_t pots[SIM_POTS_MAX]; /* of the sort, while it lasts */
};

_Static_assert(SIM_NEAR_SLOTS / 64 == 32, "near_words has a bit for each");

void sim_engine__queue_init(struct sim_queue *queue, const struct sim_slab *slab);
void sim_engine__queue_deinit(struct sim_queue *queue);

/* No key is before this; it may be too early. WEFT_TIME_NEVER: there is none. Opens nothing. */
weft_time sim_engine__queue_least(const struct sim_queue *queue);

/* Take out the keys whose slot is dead, giving each to `drop`. */
void sim_engine__queue_sweep(struct sim_queue *queue, void (*drop)(void *ctx, uint32_t slot),
                             void *ctx);

/* The event that comes so many pops after the next one, as far as is known: NULL when it is not, or
 * is after `until`. */
static inline const struct sim_slot *sim_engine__queue_ahead(const struct sim_queue *queue,
                                                             size_t distance, weft_time until) {
    size_t index = queue->run_index + distance;
    if (index >= queue->run_count || queue->run[index].at > until) return NULL;
    return sim_engine__slot(queue->slab, sim_engine__key_slot(queue->run[index]));
}

/* --- the ways most keys go, inlined; the rest is in wheel.c --- */

/* How far ahead of its pop an event's slot is fetched. */
#define SIM_FETCH_AHEAD 16

bool sim_engine__queue_push_rest(struct sim_queue *queue, struct sim_key key);
bool sim_engine__queue_pop_rest(struct sim_queue *queue, weft_time until, struct sim_key *key);
bool sim_engine__queue_peek_rest(struct sim_queue *queue, weft_time until, struct sim_key *key);
/* One chunk more of what comes next. */
void sim_engine__queue_fetch_coming(struct sim_queue *queue);
/* The end of a slot that is full, or empty, with room for a key. */
sim_slot_end sim_engine__queue_extend(struct sim_queue *queue, sim_slot_end *slot);

static inline uint64_t sim_engine__tick_of(weft_time at) { return (uint64_t)at >> SIM_TICK_BITS; }

static inline void sim_engine__queue_put(struct sim_queue *queue, sim_slot_end *slot,
                                         struct sim_key key) {
    sim_slot_end end = *slot;
    if ((uintptr_t)end % SIM_CHUNK_SIZE == 0) end = sim_engine__queue_extend(queue, slot);
    *end = key;
    *slot = end + 1;
}

/* key.at >= 0. False when out of memory: nothing has changed. */
static inline bool sim_engine__queue_push(struct sim_queue *queue, struct sim_key key) {
    WEFT_ASSERT(key.at >= 0);
    uint64_t tick = sim_engine__tick_of(key.at);
    if (queue->count >= queue->reserved || tick - queue->tick - 1 >= SIM_NEAR_SLOTS) {
        return sim_engine__queue_push_rest(queue, key);
    }
    sim_engine__queue_put(queue, &queue->near[tick % SIM_NEAR_SLOTS], key);
    queue->count++;
    return true;
}

/* What is popped comes from the run alone. */
static inline bool sim_engine__queue_runs(const struct sim_queue *queue) {
    return queue->run_index < queue->run_count && queue->heap.count == 0;
}

/* Take the first key out unless it is after `until`; nothing after `until` is opened. */
static inline bool sim_engine__queue_pop(struct sim_queue *queue, weft_time until,
                                         struct sim_key *key) {
    if (!sim_engine__queue_runs(queue)) return sim_engine__queue_pop_rest(queue, until, key);
    size_t index = queue->run_index;
    *key = queue->run[index];
    if (key->at > until) return false;
    queue->run_index = index + 1;
    queue->count--;
    if (index + 1 + SIM_FETCH_AHEAD < queue->run_count) {
        uint32_t slot = sim_engine__key_slot(queue->run[index + 1 + SIM_FETCH_AHEAD]);
        __builtin_prefetch(sim_engine__slot(queue->slab, slot), 1);
    }
    if (queue->coming != NULL && index % 8 == 0) sim_engine__queue_fetch_coming(queue);
    return true;
}

/* The same without taking it out. */
static inline bool sim_engine__queue_peek(struct sim_queue *queue, weft_time until,
                                          struct sim_key *key) {
    if (!sim_engine__queue_runs(queue)) return sim_engine__queue_peek_rest(queue, until, key);
    *key = queue->run[queue->run_index];
    return key->at <= until;
}

#endif
