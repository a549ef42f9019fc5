/* The key wheel. */
#include "core/base/assert.h"
#include "sim/engine/queue.h"

#include <stdlib.h>
#include <string.h>

#define RESERVE_MIN ((size_t)64)
#define BLOCK_CHUNKS 256u

/* A run of fewer keys takes in what comes in the next ticks: long enough to look ahead in. */
#define RUN_WORTH 64
#define RUN_TICKS 8

#define SORT_FEW 12 /* up to here by insertion alone */
#define MOVES_MAX 8 /* of a key, in the mean: more, and insertion is not the way */
#define POTS_BITS_MAX 12

_Static_assert(SIM_POTS_MAX == 1u << POTS_BITS_MAX, "pots");

#ifdef WEFT_QUEUE_HEAP
#define HEAP_ONLY true
#else
#define HEAP_ONLY false
#endif

#define TICK_NONE UINT64_MAX

/* --- memory, I3 --- */

static bool block_add(struct sim_queue *queue) {
    if (queue->blocks_count == queue->blocks_max) {
        size_t max = queue->blocks_max == 0 ? 8 : queue->blocks_max * 2;
        void **blocks = realloc(queue->blocks, max * sizeof(void *));
        if (blocks == NULL) return false;
        queue->blocks = blocks;
        queue->blocks_max = max;
    }
    void *block = aligned_alloc(SIM_CHUNK_SIZE, BLOCK_CHUNKS * sizeof(struct sim_chunk));
    if (block == NULL) return false;
    queue->blocks[queue->blocks_count++] = block;
    return true;
}

static bool keys_grow(struct sim_key **keys, size_t max) {
    struct sim_key *grown = realloc(*keys, max * sizeof *grown);
    if (grown != NULL) *keys = grown;
    return grown != NULL;
}

/* Room for twice as many keys. A slot that is opened may hold every key. */
static bool reserve(struct sim_queue *queue) {
    size_t keys = queue->reserved == 0 ? RESERVE_MIN : queue->reserved * 2;
    size_t slots = keys < SIM_WHEEL_SLOTS ? keys : SIM_WHEEL_SLOTS; /* that may be in use */
    size_t chunks = slots + keys / SIM_CHUNK_KEYS + 1;
    while (queue->blocks_count * BLOCK_CHUNKS < chunks) {
        if (!block_add(queue)) return false;
    }
    if (!keys_grow(&queue->run, keys + SIM_CHUNK_KEYS)) return false;
    if (!keys_grow(&queue->raw, keys + SIM_CHUNK_KEYS)) return false;
    queue->reserved = keys;
    return true;
}

/* A page is touched only when what was given back is all in use. */
static struct sim_chunk *take_chunk(struct sim_queue *queue) {
    struct sim_chunk *chunk = queue->free;
    if (chunk != NULL) {
        queue->free = chunk->next;
        return chunk;
    }
    size_t index = queue->chunks_used++;
    WEFT_ASSERT(index / BLOCK_CHUNKS < queue->blocks_count); /* I2, I3 */
    chunk = queue->blocks[index / BLOCK_CHUNKS];
    return chunk + index % BLOCK_CHUNKS;
}

static struct sim_chunk *give_chunk(struct sim_queue *queue, struct sim_chunk *chunk) {
    struct sim_chunk *next = chunk->next;
    chunk->next = queue->free;
    queue->free = chunk;
    return next;
}

/* --- slots --- */

/* The chunk in which a slot that is not empty ends. */
static struct sim_chunk *chunk_of(sim_slot_end end) {
    return (struct sim_chunk *)(((uintptr_t)end - 1) & ~(uintptr_t)(SIM_CHUNK_SIZE - 1));
}

/* First block of far slot `index` (of level index / 256), which is after the one of now. */
static uint64_t first_block(const struct sim_queue *queue, unsigned index) {
    unsigned shift = 8 * (index / 256);
    return (queue->block >> shift >> 8 << 8 | index % 256) << shift;
}

static void note_used(struct sim_queue *queue, const sim_slot_end *slot) {
    if (slot >= queue->near && slot < queue->near + SIM_NEAR_SLOTS) {
        size_t index = (size_t)(slot - queue->near);
        queue->near_used[index / 64] |= UINT64_C(1) << index % 64;
        queue->near_words |= UINT32_C(1) << index / 64;
        return;
    }
    unsigned index = (unsigned)(slot - queue->far);
    WEFT_ASSERT(index < SIM_FAR_SLOTS);
    queue->far_used[index / 64] |= UINT64_C(1) << index % 64;
    uint64_t first = first_block(queue, index) << SIM_NEAR_BITS;
    if (first < queue->fence) queue->fence = first;
}

sim_slot_end sim_engine__queue_extend(struct sim_queue *queue, sim_slot_end *slot) {
    struct sim_chunk *chunk = take_chunk(queue), *full = NULL;
    if (*slot != NULL) {
        full = chunk_of(*slot);
        full->count = SIM_CHUNK_KEYS;
    } else {
        note_used(queue, slot);
    }
    chunk->next = full;
    return chunk->keys;
}

/* Everything in a slot that is not empty. */
static struct sim_chunk *take_slot(sim_slot_end *slot) {
    struct sim_chunk *chunk = chunk_of(*slot);
    chunk->count = (uint64_t)(*slot - chunk->keys);
    *slot = NULL;
    return chunk;
}

static struct sim_chunk *take_near(struct sim_queue *queue, unsigned index) {
    queue->near_used[index / 64] &= ~(UINT64_C(1) << index % 64);
    if (queue->near_used[index / 64] == 0) queue->near_words &= ~(UINT32_C(1) << index / 64);
    return take_slot(&queue->near[index]);
}

static struct sim_chunk *take_far(struct sim_queue *queue, unsigned index) {
    queue->far_used[index / 64] &= ~(UINT64_C(1) << index % 64);
    return take_slot(&queue->far[index]);
}

/* The tick of the next near slot that is not empty. */
static uint64_t next_near(const struct sim_queue *queue) {
    unsigned open = (unsigned)queue->tick % SIM_NEAR_SLOTS, word = open / 64;
    uint64_t bits = queue->near_used[word] & ~UINT64_C(0) << open % 64 << 1;
    if (bits == 0) {
        unsigned turn = (word + 1) % 32;
        uint32_t words = queue->near_words;
        words = words >> turn | words << (32 - turn) % 32;
        if (words == 0) return TICK_NONE;
        word = (turn + (unsigned)__builtin_ctz(words)) % 32;
        bits = queue->near_used[word];
    }
    unsigned index = word * 64 + (unsigned)__builtin_ctzll(bits);
    return queue->tick + 1 + (index - open - 1) % SIM_NEAR_SLOTS;
}

/* The first far slot after `block` that is not empty; SIM_FAR_SLOTS: none. */
static unsigned next_far(const struct sim_queue *queue) {
    for (unsigned level = 0; level < SIM_FAR_LEVELS; level++) {
        unsigned from = ((unsigned)(queue->block >> 8 * level) & 255) + 1;
        for (unsigned word = from / 64; word < 4; word++) {
            uint64_t bits = queue->far_used[level * 4 + word];
            if (word == from / 64) bits &= ~UINT64_C(0) << from % 64;
            if (bits != 0) return level * 256 + word * 64 + (unsigned)__builtin_ctzll(bits);
        }
    }
    return SIM_FAR_SLOTS;
}

static void set_fence(struct sim_queue *queue) {
    unsigned index = next_far(queue);
    queue->fence = index == SIM_FAR_SLOTS ? TICK_NONE : first_block(queue, index) << SIM_NEAR_BITS;
}

/* A key after the open tick. */
static void put(struct sim_queue *queue, struct sim_key key) {
    uint64_t tick = sim_engine__tick_of(key.at);
    WEFT_ASSERT(tick > queue->tick);
    if (tick - queue->tick <= SIM_NEAR_SLOTS) {
        sim_engine__queue_put(queue, &queue->near[tick % SIM_NEAR_SLOTS], key);
        return;
    }
    uint64_t block = tick >> SIM_NEAR_BITS;
    WEFT_ASSERT(block > queue->block);
    unsigned level = (unsigned)(63 - __builtin_clzll(block ^ queue->block)) / 8;
    unsigned index = level * 256 + ((unsigned)(block >> 8 * level) & 255);
    sim_engine__queue_put(queue, &queue->far[index], key);
}

/* --- the sort --- */

/* Keys to be sorted: those of a few near slots. */
struct batch {
    struct sim_chunk *chunks;
    size_t count;
    uint64_t first; /* tick */
};

static void fetch_chunk(const struct sim_chunk *chunk) {
    for (unsigned line = 0; line < SIM_CHUNK_SIZE; line += 64)
        __builtin_prefetch((const char *)chunk + line);
}

/* Put the keys of a run that is nearly in order in order. False: it was not, and now the run has
 * its keys in another order. */
static bool insertion(struct sim_queue *queue) {
    struct sim_key *run = queue->run;
    size_t count = queue->run_count, moves = MOVES_MAX * (count + MOVES_MAX);
    for (size_t i = 1; i < count; i++) {
        struct sim_key key = run[i];
        if (!sim_engine__key_before(queue->slab, key, run[i - 1])) continue;
        size_t at = i;
        do {
            run[at] = run[at - 1];
        } while (--at > 0 && sim_engine__key_before(queue->slab, key, run[at - 1]));
        run[at] = key;
        if (i - at > moves) return false;
        moves -= i - at;
    }
    return true;
}

/* Everything of the batch to `out`. A chunk is copied as a whole, with what is not a key behind its
 * last one: no branch on how many there are. */
static void copy_out(struct sim_queue *queue, const struct batch *batch, struct sim_key *out) {
    struct sim_chunk *chunk = batch->chunks;
    while (chunk != NULL) {
        memcpy(out, chunk->keys, sizeof chunk->keys);
        out += chunk->count;
        chunk = give_chunk(queue, chunk);
    }
}

/* Into about as many pots as keys, by time, pot after pot. */
static void distribute(struct sim_queue *queue, const struct batch *batch) {
    uint64_t from = batch->first << SIM_TICK_BITS, span = (queue->tick + 1 - batch->first)
                                                          << SIM_TICK_BITS;
    unsigned bits = 64 - (unsigned)__builtin_clzll(batch->count - 1);
    if (bits > POTS_BITS_MAX) bits = POTS_BITS_MAX;
    unsigned shift = 64 - (unsigned)__builtin_clzll(span - 1) - bits;
    const struct sim_key *raw = queue->raw, *end = raw + batch->count;
    struct sim_key *run = queue->run;
    uint32_t *pots = queue->pots, begin = 0;
    memset(pots, 0, sizeof *pots << bits);
    for (const struct sim_key *key = raw; key < end; key++)
        pots[((uint64_t)key->at - from) >> shift]++;
    for (size_t i = 0; i < (size_t)1 << bits; i++) {
        uint32_t count = pots[i];
        pots[i] = begin;
        begin += count;
    }
    for (const struct sim_key *key = raw; key < end; key++)
        run[pots[((uint64_t)key->at - from) >> shift]++] = *key;
}

static void sort(struct sim_queue *queue, const struct batch *batch) {
    WEFT_ASSERT(batch->count <= queue->reserved && batch->count <= UINT32_MAX); /* I3 */
    queue->run_count = batch->count;
    if (batch->count <= SORT_FEW) {
        copy_out(queue, batch, queue->run);
    } else {
        copy_out(queue, batch, queue->raw);
        distribute(queue, batch);
    }
    if (!insertion(queue)) sim_engine__keys_sort(queue->slab, queue->run, queue->run_count);
}

/* --- opening --- */

/* Spread a far slot: its first block is the one of now. */
static void spread(struct sim_queue *queue, unsigned index) {
    queue->block = first_block(queue, index);
    queue->tick = (queue->block << SIM_NEAR_BITS) - 1;
    struct sim_chunk *chunk = take_far(queue, index);
    set_fence(queue);
    while (chunk != NULL) {
        if (chunk->next != NULL) fetch_chunk(chunk->next);
        for (uint64_t i = 0; i < chunk->count; i++) put(queue, chunk->keys[i]);
        chunk = give_chunk(queue, chunk);
    }
}

/* Open the next near slot that is not after tick `last`, into the batch. */
static bool open_slot(struct sim_queue *queue, uint64_t last, struct batch *batch) {
    uint64_t tick = next_near(queue);
    while (tick >= queue->fence) {
        if (queue->fence == TICK_NONE || queue->fence > last) return false;
        spread(queue, next_far(queue));
        tick = next_near(queue);
    }
    if (tick > last) return false;
    queue->tick = tick;
    queue->block = tick >> SIM_NEAR_BITS;
    if (batch->count == 0) batch->first = tick;
    struct sim_chunk *first = take_near(queue, (unsigned)tick % SIM_NEAR_SLOTS), *end = first;
    batch->count += end->count;
    for (; end->next != NULL; end = end->next) batch->count += SIM_CHUNK_KEYS;
    end->next = batch->chunks;
    batch->chunks = first;
    return true;
}

void sim_engine__queue_fetch_coming(struct sim_queue *queue) {
    queue->coming = queue->coming->next;
    if (queue->coming != NULL) fetch_chunk(queue->coming);
}

/* What is popped first, and what is opened after it. */
static void fetch_next(struct sim_queue *queue) {
    size_t ahead = queue->run_count < SIM_FETCH_AHEAD ? queue->run_count : SIM_FETCH_AHEAD;
    for (size_t i = 0; i <= ahead && i < queue->run_count; i++)
        __builtin_prefetch(sim_engine__slot(queue->slab, sim_engine__key_slot(queue->run[i])), 1);
    uint64_t tick = next_near(queue);
    queue->coming = NULL;
    if (tick == TICK_NONE) return;
    queue->coming = chunk_of(queue->near[tick % SIM_NEAR_SLOTS]);
    fetch_chunk(queue->coming);
}

/* Open the next ticks, none after `until`, up to a run that is worth it. The run and the heap are
 * empty. */
static bool open_next(struct sim_queue *queue, weft_time until) {
    struct batch batch = {0};
    uint64_t last = sim_engine__tick_of(until);
    queue->run_index = queue->run_count = 0;
    if (until < 0 || !open_slot(queue, last, &batch)) return false;
    if (last - batch.first > RUN_TICKS) last = batch.first + RUN_TICKS;
    while (batch.count < RUN_WORTH && open_slot(queue, last, &batch)) continue;
    sort(queue, &batch);
    fetch_next(queue);
    return true;
}

/* --- the interface --- */

void sim_engine__queue_init(struct sim_queue *queue, const struct sim_slab *slab) {
    memset(queue, 0, sizeof *queue);
    queue->slab = slab;
    queue->fence = TICK_NONE;
}

void sim_engine__queue_deinit(struct sim_queue *queue) {
    for (size_t i = 0; i < queue->blocks_count; i++) free(queue->blocks[i]);
    free(queue->blocks);
    free(queue->run);
    free(queue->raw);
    sim_engine__heap_deinit(&queue->heap);
    memset(queue, 0, sizeof *queue);
}

bool sim_engine__queue_push_rest(struct sim_queue *queue, struct sim_key key) {
    if (!HEAP_ONLY && queue->count >= queue->reserved && !reserve(queue)) return false;
    if (!HEAP_ONLY && sim_engine__tick_of(key.at) > queue->tick)
        put(queue, key);
    else if (!sim_engine__heap_push(&queue->heap, queue->slab, key))
        return false;
    queue->count++;
    return true;
}

/* Whether the next of the run goes before the heap's first. One of them is not empty. */
static bool run_first(const struct sim_queue *queue) {
    if (queue->heap.count == 0) return true;
    if (queue->run_index == queue->run_count) return false;
    return sim_engine__key_before(queue->slab, queue->run[queue->run_index], queue->heap.keys[0]);
}

bool sim_engine__queue_peek_rest(struct sim_queue *queue, weft_time until, struct sim_key *key) {
    if (queue->run_index == queue->run_count && queue->heap.count == 0 &&
        !open_next(queue, until)) {
        return false;
    }
    *key = run_first(queue) ? queue->run[queue->run_index] : queue->heap.keys[0];
    return key->at <= until;
}

bool sim_engine__queue_pop_rest(struct sim_queue *queue, weft_time until, struct sim_key *key) {
    if (!sim_engine__queue_peek_rest(queue, until, key)) return false;
    if (run_first(queue))
        queue->run_index++;
    else
        *key = sim_engine__heap_pop(&queue->heap, queue->slab);
    queue->count--;
    return true;
}

weft_time sim_engine__queue_least(const struct sim_queue *queue) {
    weft_time least = WEFT_TIME_NEVER;
    if (queue->run_index < queue->run_count) least = queue->run[queue->run_index].at;
    if (queue->heap.count > 0) least = weft_time_min(least, queue->heap.keys[0].at);
    if (least != WEFT_TIME_NEVER || queue->count == 0) return least;
    uint64_t tick = next_near(queue);
    if (queue->fence < tick) tick = queue->fence;
    WEFT_ASSERT(tick != TICK_NONE);
    return (weft_time)(tick << SIM_TICK_BITS);
}

static size_t filter(const struct sim_queue *queue, struct sim_key *keys, size_t count,
                     void (*drop)(void *ctx, uint32_t slot), void *ctx) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = sim_engine__key_slot(keys[i]);
        if (sim_engine__slab_is_dead(queue->slab, slot))
            drop(ctx, slot);
        else
            keys[kept++] = keys[i];
    }
    return kept;
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
        bool near = i < SIM_NEAR_SLOTS;
        sim_slot_end *slot = near ? &queue->near[i] : &queue->far[i - SIM_NEAR_SLOTS];
        if (*slot == NULL) continue;
        struct sim_chunk *chunk = near ? take_near(queue, i) : take_far(queue, i - SIM_NEAR_SLOTS);
        while (chunk != NULL) {
            if (chunk->next != NULL) fetch_chunk(chunk->next);
            size_t kept = filter(queue, chunk->keys, chunk->count, drop, ctx);
            for (size_t j = 0; j < kept; j++) sim_engine__queue_put(queue, slot, chunk->keys[j]);
            queue->count += kept;
            chunk = give_chunk(queue, chunk);
        }
    }
    queue->coming = NULL;
    set_fence(queue);
}
