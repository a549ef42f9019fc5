/* The key wheel. */
#include "core/base/assert.h"
#include "sim/engine/queue.h"

#include <stdlib.h>
#include <string.h>

/* How far ahead of its pop an event's slot is fetched. */
#define PREFETCH_AHEAD 16
#define BLOCK_CHUNKS_MIN ((size_t)64)
#define BLOCK_CHUNKS_MAX ((size_t)4096)
#define RUN_MIN ((size_t)64)
#define RUN_WORTH 24

#ifdef WEFT_QUEUE_HEAP
#define HEAP_ONLY true
#else
#define HEAP_ONLY false
#endif

static uint64_t tick_of(weft_time at) { return (uint64_t)at >> SIM_TICK_BITS; }

/* --- memory, I3 --- */

static bool block_add(struct sim_queue *queue) {
    if (queue->blocks_count == queue->blocks_max) {
        size_t max = queue->blocks_max == 0 ? 8 : queue->blocks_max * 2;
        void **blocks = realloc(queue->blocks, max * sizeof(void *));
        if (blocks == NULL) return false;
        queue->blocks = blocks;
        queue->blocks_max = max;
    }
    size_t count = queue->chunks_count;
    if (count < BLOCK_CHUNKS_MIN) count = BLOCK_CHUNKS_MIN;
    if (count > BLOCK_CHUNKS_MAX) count = BLOCK_CHUNKS_MAX;
    struct sim_chunk *chunks = aligned_alloc(64, count * sizeof *chunks);
    if (chunks == NULL) return false;
    queue->blocks[queue->blocks_count++] = chunks;
    for (size_t i = count; i-- > 0;) {
        chunks[i].next = queue->free;
        queue->free = &chunks[i];
    }
    queue->chunks_count += count;
    return true;
}

static bool run_grow(struct sim_queue *queue) {
    size_t max = queue->run_max == 0 ? RUN_MIN : queue->run_max * 2;
    struct sim_key *run = realloc(queue->run, max * sizeof *run);
    if (run == NULL) return false;
    queue->run = run;
    queue->run_max = max;
    return true;
}

/* Room for one key more. A slot that is opened may hold every key. */
static bool reserve(struct sim_queue *queue) {
    size_t keys = queue->count + 1;
    size_t slots = keys < SIM_WHEEL_SLOTS ? keys : SIM_WHEEL_SLOTS; /* slots that may be in use */
    while (queue->chunks_count < slots + keys / SIM_CHUNK_KEYS + 1) {
        if (!block_add(queue)) return false;
    }
    while (queue->run_max < keys) {
        if (!run_grow(queue)) return false;
    }
    return true;
}

/* --- slots --- */

static void put(struct sim_queue *queue, unsigned level, struct sim_key key) {
    unsigned index = (unsigned)(tick_of(key.at) >> (8 * level)) & 255;
    struct sim_chunk *chunk = queue->slots[level][index];
    if (chunk == NULL || chunk->count == SIM_CHUNK_KEYS) {
        struct sim_chunk *fresh = queue->free;
        WEFT_ASSERT(fresh != NULL); /* I2, I3 */
        queue->free = fresh->next;
        fresh->next = chunk;
        fresh->count = 0;
        queue->slots[level][index] = chunk = fresh;
        queue->occupied[level][index / 64] |= UINT64_C(1) << (index % 64);
    }
    chunk->keys[chunk->count++] = key;
}

/* The level of a tick after the open one: that of the highest byte in which they differ. */
static unsigned level_of(const struct sim_queue *queue, uint64_t tick) {
    WEFT_ASSERT(tick > queue->tick);
    return (unsigned)(63 - __builtin_clzll(tick ^ queue->tick)) / 8;
}

static struct sim_chunk *take_slot(struct sim_queue *queue, unsigned level, unsigned index) {
    struct sim_chunk *chunks = queue->slots[level][index];
    queue->slots[level][index] = NULL;
    queue->occupied[level][index / 64] &= ~(UINT64_C(1) << (index % 64));
    return chunks;
}

static struct sim_chunk *give_chunk(struct sim_queue *queue, struct sim_chunk *chunk) {
    struct sim_chunk *next = chunk->next;
    chunk->next = queue->free;
    queue->free = chunk;
    return next;
}

/* The first occupied slot of a level after the open one; 256: none. */
static unsigned next_slot(const struct sim_queue *queue, unsigned level) {
    unsigned from = ((unsigned)(queue->tick >> (8 * level)) & 255) + 1;
    for (unsigned word = from / 64; word < 4; word++) {
        uint64_t bits = queue->occupied[level][word];
        if (word == from / 64) bits &= ~UINT64_C(0) << (from % 64);
        if (bits != 0) return word * 64 + (unsigned)__builtin_ctzll(bits);
    }
    return 256;
}

/* --- opening --- */

/* Spread a slot whose first tick is the open one: what is of that tick goes to the run. */
static void spread(struct sim_queue *queue, struct sim_chunk *chunk) {
    while (chunk != NULL) {
        for (size_t line = 0; chunk->next != NULL && line < sizeof *chunk; line += 64) {
            __builtin_prefetch((const char *)chunk->next + line);
        }
        for (uint64_t i = 0; i < chunk->count; i++) {
            struct sim_key key = chunk->keys[i];
            uint64_t tick = tick_of(key.at);
            if (tick == queue->tick) {
                queue->run[queue->run_count++] = key;
            } else {
                put(queue, level_of(queue, tick), key);
            }
        }
        chunk = give_chunk(queue, chunk);
    }
}

/* The event of a key is needed soon; its slot may lie across two cache lines. Inlined by force: gcc
 * takes a function that only prefetches for one without effect, and drops the call. */
__attribute__((always_inline)) static inline void fetch(const struct sim_queue *queue,
                                                        struct sim_key key) {
    const struct sim_slot *slot = sim_engine__slot(queue->slab, sim_engine__key_slot(key));
    __builtin_prefetch(slot);
    __builtin_prefetch(&slot->source);
}

static void sort_run(struct sim_queue *queue) {
    WEFT_ASSERT(queue->run_count <= queue->run_max);
    sim_engine__keys_sort(queue->slab, queue->run, queue->run_count);
    size_t ahead = queue->run_count < PREFETCH_AHEAD ? queue->run_count : PREFETCH_AHEAD;
    for (size_t i = 0; i < ahead; i++) fetch(queue, queue->run[i]);
}

struct place {
    unsigned level, index;
};

/* The first tick of the next occupied slot. */
static bool next_tick(const struct sim_queue *queue, uint64_t *tick, struct place *place) {
    unsigned level = 0, index = next_slot(queue, 0);
    while (index == 256 && ++level < SIM_WHEEL_LEVELS) index = next_slot(queue, level);
    if (index == 256) return false;
    unsigned shift = 8 * level;
    *tick = (queue->tick >> shift >> 8 << 8 | index) << shift;
    if (place != NULL) *place = (struct place){level, index};
    return true;
}

/* Move the open tick to the next occupied slot that does not begin after `until`, and spread it. */
static bool open_slot(struct sim_queue *queue, weft_time until) {
    uint64_t tick;
    struct place place;
    if (!next_tick(queue, &tick, &place) || tick > tick_of(until)) return false;
    queue->tick = tick;
    spread(queue, take_slot(queue, place.level, place.index));
    return true;
}

/* Open the next occupied ticks, none after `until`, up to a run that is worth it: long enough to
 * look ahead in. The run and the heap are empty. */
static bool open_next(struct sim_queue *queue, weft_time until) {
    queue->run_index = queue->run_count = 0;
    while (queue->run_count < RUN_WORTH && open_slot(queue, until)) continue;
    if (queue->run_count == 0) return false;
    sort_run(queue);
    return true;
}

/* Whether the next of the run goes before the heap's first. One of them is not empty. */
static bool run_first(const struct sim_queue *queue) {
    if (queue->heap.count == 0) return true;
    if (queue->run_index == queue->run_count) return false;
    return sim_engine__key_before(queue->slab, queue->run[queue->run_index], queue->heap.keys[0]);
}

static size_t filter(const struct sim_queue *queue, struct sim_key *keys, size_t count,
                     void (*drop)(void *ctx, uint32_t slot), void *ctx) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = sim_engine__key_slot(keys[i]);
        if (sim_engine__slot_live(sim_engine__slot(queue->slab, slot))) {
            keys[kept++] = keys[i];
        } else {
            drop(ctx, slot);
        }
    }
    return kept;
}

/* --- the interface --- */

void sim_engine__queue_init(struct sim_queue *queue, const struct sim_slab *slab) {
    memset(queue, 0, sizeof *queue);
    queue->slab = slab;
    if (HEAP_ONLY) queue->tick = UINT64_MAX; /* I1 */
}

void sim_engine__queue_deinit(struct sim_queue *queue) {
    for (size_t i = 0; i < queue->blocks_count; i++) free(queue->blocks[i]);
    free(queue->blocks);
    free(queue->run);
    sim_engine__heap_deinit(&queue->heap);
    memset(queue, 0, sizeof *queue);
}

bool sim_engine__queue_push(struct sim_queue *queue, struct sim_key key) {
    WEFT_ASSERT(key.at >= 0);
    if (!reserve(queue)) return false;
    uint64_t tick = tick_of(key.at);
    if (tick > queue->tick) {
        put(queue, level_of(queue, tick), key);
    } else if (!sim_engine__heap_push(&queue->heap, queue->slab, key)) {
        return false;
    }
    queue->count++;
    return true;
}

bool sim_engine__queue_peek(struct sim_queue *queue, weft_time until, struct sim_key *key) {
    if (queue->run_index == queue->run_count && queue->heap.count == 0 &&
        !open_next(queue, until)) {
        return false;
    }
    *key = run_first(queue) ? queue->run[queue->run_index] : queue->heap.keys[0];
    return key->at <= until;
}

bool sim_engine__queue_pop(struct sim_queue *queue, weft_time until, struct sim_key *key) {
    if (!sim_engine__queue_peek(queue, until, key)) return false;
    if (queue->run_index < queue->run_count && key->word == queue->run[queue->run_index].word) {
        queue->run_index++;
        if (queue->run_index + PREFETCH_AHEAD < queue->run_count) {
            fetch(queue, queue->run[queue->run_index + PREFETCH_AHEAD]);
        }
    } else {
        *key = sim_engine__heap_pop(&queue->heap, queue->slab);
    }
    queue->count--;
    return true;
}

weft_time sim_engine__queue_least(const struct sim_queue *queue) {
    weft_time least = WEFT_TIME_NEVER;
    if (queue->run_index < queue->run_count) least = queue->run[queue->run_index].at;
    if (queue->heap.count > 0) least = weft_time_min(least, queue->heap.keys[0].at);
    if (least != WEFT_TIME_NEVER || queue->count == 0) return least;
    uint64_t tick = 0;
    bool found = next_tick(queue, &tick, NULL);
    WEFT_ASSERT(found);
    return (weft_time)(tick << SIM_TICK_BITS);
}

void sim_engine__queue_sweep(struct sim_queue *queue, void (*drop)(void *ctx, uint32_t slot),
                             void *ctx) {
    size_t run = filter(queue, queue->run + queue->run_index, queue->run_count - queue->run_index,
                        drop, ctx);
    size_t heap = filter(queue, queue->heap.keys, queue->heap.count, drop, ctx);
    queue->run_count = queue->run_index + run;
    queue->heap.count = heap;
    sim_engine__heap_build(&queue->heap, queue->slab);
    queue->count = run + heap;
    for (unsigned i = 0; i < SIM_WHEEL_SLOTS; i++) {
        struct sim_chunk *chunk = take_slot(queue, i / 256, i % 256);
        while (chunk != NULL) {
            size_t kept = filter(queue, chunk->keys, chunk->count, drop, ctx);
            for (size_t j = 0; j < kept; j++) put(queue, i / 256, chunk->keys[j]);
            queue->count += kept;
            chunk = give_chunk(queue, chunk);
        }
    }
}
