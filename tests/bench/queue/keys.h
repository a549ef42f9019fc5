/* What a key wheel and a ladder by hand share: keys without their events, lists of chunks of them,
 * and the run: the keys that come next, sorted. They are peers of sim/engine/queue.h and as short
 * as they go: nothing is taken back, and no memory ends the program. */
#ifndef BENCH_QUEUE_KEYS_H
#define BENCH_QUEUE_KEYS_H

#include "core/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SLOT_BITS 28 /* of the word: which event; above them its number */

struct key {
    weft_time at;
    uint64_t word;
};

__extension__ typedef unsigned __int128 key_wide;

static inline struct key key_of(weft_time at, uint64_t number, size_t slot) {
    return (struct key){at, number << KEY_SLOT_BITS | slot};
}

static inline size_t key_slot(struct key key) {
    return key.word & ((UINT64_C(1) << KEY_SLOT_BITS) - 1);
}

/* As one number, so that no branch is taken on half of it. */
static inline bool key_before(struct key a, struct key b) {
    return ((key_wide)(uint64_t)a.at << 64 | a.word) < ((key_wide)(uint64_t)b.at << 64 | b.word);
}

/* --- lists of chunks --- */

#define CHUNK_KEYS 15
#define CHUNKS_AT_ONCE 4096

struct chunk {
    struct chunk *next;
    uint64_t count; /* only the first of a list is not full */
    struct key keys[CHUNK_KEYS];
};

struct pool {
    struct chunk *free, *blocks; /* the first chunk of a block only links it */
};

static inline void pool_grow(struct pool *pool) {
    struct chunk *block = aligned_alloc(sizeof *block, CHUNKS_AT_ONCE * sizeof *block);
    if (block == NULL) abort();
    block->next = pool->blocks;
    pool->blocks = block;
    for (size_t i = 1; i < CHUNKS_AT_ONCE; i++) {
        block[i].next = pool->free;
        pool->free = &block[i];
    }
}

static inline void pool_deinit(struct pool *pool) {
    while (pool->blocks != NULL) {
        struct chunk *block = pool->blocks;
        pool->blocks = block->next;
        free(block);
    }
}

static inline void chunk_put(struct pool *pool, struct chunk **list, struct key key) {
    struct chunk *chunk = *list;
    if (chunk == NULL || chunk->count == CHUNK_KEYS) {
        if (pool->free == NULL) pool_grow(pool);
        chunk = pool->free;
        pool->free = chunk->next;
        chunk->next = *list;
        chunk->count = 0;
        *list = chunk;
    }
    chunk->keys[chunk->count++] = key;
}

/* Give a chunk that has been read back, and go on to the next, the one after which is fetched. */
static inline struct chunk *chunk_done(struct pool *pool, struct chunk *chunk) {
    struct chunk *next = chunk->next;
    if (next != NULL) __builtin_prefetch(next->next);
    chunk->next = pool->free;
    pool->free = chunk;
    return next;
}

/* --- the run --- */

#define INSERTION_MAX 24
/* How far ahead of its pop an event is fetched. */
#define FETCH_AHEAD 12

struct run {
    struct key *keys, *late; /* sorted from index on; a heap of those that were pushed too late */
    size_t index, count, room, late_count, late_room;
};

static inline struct key *keys_room(struct key *keys, size_t count, size_t *room) {
    if (count < *room) return keys;
    *room = *room > 0 ? *room * 2 : 64;
    keys = realloc(keys, *room * sizeof *keys);
    if (keys == NULL) abort();
    return keys;
}

static inline void run_deinit(struct run *run) {
    free(run->keys);
    free(run->late);
}

static inline bool run_empty(const struct run *run) {
    return run->index == run->count && run->late_count == 0;
}

/* To be sorted before the next pop. The run is empty before the first. */
static inline void run_add(struct run *run, struct key key) {
    if (run->index == run->count) run->index = run->count = 0;
    run->keys = keys_room(run->keys, run->count, &run->room);
    run->keys[run->count++] = key;
}

static inline void keys_insertion(struct key *keys, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct key key = keys[i];
        size_t at = i;
        for (; at > 0 && key_before(key, keys[at - 1]); at--) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

/* Hoare's partition around the middle of three: returns how many are on the left, all not after
 * those on the right. */
static inline size_t keys_part(struct key *keys, size_t count) {
    struct key low = keys[0], mid = keys[count / 2], high = keys[count - 1];
    if (key_before(mid, low)) low = mid, mid = keys[0];
    if (key_before(high, mid)) mid = key_before(high, low) ? low : high;
    size_t left = 0, right = count - 1;
    while (true) {
        while (key_before(keys[left], mid)) left++;
        while (key_before(mid, keys[right])) right--;
        if (left >= right) return right + 1 < count ? right + 1 : count - 1;
        struct key swapped = keys[left];
        keys[left++] = keys[right];
        keys[right--] = swapped;
    }
}

static inline void keys_sort(struct key *keys, size_t count) {
    while (count > INSERTION_MAX) {
        size_t left = keys_part(keys, count);
        keys_sort(keys, left);
        keys += left;
        count -= left;
    }
    keys_insertion(keys, count);
}

/* Beside the run, for what is pushed into the time that is open. */
static inline void run_late(struct run *run, struct key key) {
    run->late = keys_room(run->late, run->late_count, &run->late_room);
    size_t at = run->late_count++;
    for (; at > 0 && key_before(key, run->late[(at - 1) / 2]); at = (at - 1) / 2)
        run->late[at] = run->late[(at - 1) / 2];
    run->late[at] = key;
}

static inline struct key run_pop_late(struct run *run) {
    struct key first = run->late[0], last = run->late[--run->late_count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < run->late_count; at = child) {
        if (child + 1 < run->late_count && key_before(run->late[child + 1], run->late[child]))
            child++;
        if (!key_before(run->late[child], last)) break;
        run->late[at] = run->late[child];
    }
    run->late[at] = last;
    return first;
}

/* The first key of a run that is not empty. */
static inline struct key run_pop(struct run *run) {
    bool none = run->index == run->count;
    if (run->late_count > 0 && (none || key_before(run->late[0], run->keys[run->index])))
        return run_pop_late(run);
    return run->keys[run->index++];
}

/* The key that is popped so many pops later, as far as that is known; or any. */
static inline struct key run_ahead(const struct run *run, size_t distance) {
    size_t index = run->index + distance;
    return index < run->count ? run->keys[index] : (struct key){0};
}

#endif
