/* The contacts and the replacement cache of one bucket: room in the block of its table. */
#include "core/dht/internal.h"

#include <string.h>

#define ROOM_STEP 2   /* contacts the room of a bucket grows by */
#define BLOCK_SPARE 4 /* and what a block is larger then */

uint32_t weft_dht__cache_max(const struct weft_dht *dht) {
    WEFT_ASSERT(dht->config->k > 0);
    return dht->config->k >= 8 ? dht->config->k / 4 : 1;
}

int weft_dht__bucket_find(const struct weft_dht *dht, const struct weft_dht__table *table,
                          const struct weft_dht__bucket *bucket, const weft_id *id) {
    WEFT_ASSERT(bucket->count + bucket->cached <= bucket->capacity); /* I4 */
    for (uint32_t i = 0; i < (uint32_t)(bucket->count + bucket->cached); i++) {
        if (weft_dht__contact_is(dht, weft_dht__bucket_at(table, bucket, i), id)) return (int)i;
    }
    return -1;
}

static bool reserve(struct weft_dht *dht, struct weft_dht__table *table, uint32_t used) {
    if (used <= table->block_capacity) return true;
    uint32_t capacity = used + BLOCK_SPARE;
    void *block =
        weft_mem_resize(dht->mem, table->block, table->block_capacity * sizeof *table->block,
                        capacity * sizeof *table->block);
    if (block == NULL) return false;
    table->block = block;
    table->block_capacity = (uint16_t)capacity;
    return true;
}

/* What is behind the room of `bucket` moves by `step` (I7). */
static void move_rest(struct weft_dht__table *table, const struct weft_dht__bucket *bucket,
                      int step) {
    struct weft_dht__contact *rest = table->block + bucket->first + bucket->capacity;
    memmove(rest + step, rest,
            (size_t)(table->block + table->block_used - rest) * sizeof *table->block);
    for (uint32_t i = (uint32_t)(bucket - table->buckets) + 1; i < table->bucket_count; i++) {
        table->buckets[i].first = (uint16_t)(table->buckets[i].first + step);
    }
    table->block_used = (uint16_t)(table->block_used + step);
}

static bool make_room(struct weft_dht *dht, struct weft_dht__table *table,
                      struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(bucket->capacity + ROOM_STEP <= UINT8_MAX);
    if (!reserve(dht, table, table->block_used + ROOM_STEP)) return false;
    move_rest(table, bucket, ROOM_STEP);
    bucket->capacity += ROOM_STEP;
    return true;
}

static void give_room(struct weft_dht__table *table, struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(bucket->count + bucket->cached == 0);
    move_rest(table, bucket, -bucket->capacity);
    bucket->capacity = 0;
}

/* A gap at `index`. NULL: no memory. */
static struct weft_dht__contact *open_gap(struct weft_dht *dht, struct weft_dht__table *table,
                                          struct weft_dht__bucket *bucket, uint32_t index) {
    uint32_t used = (uint32_t)(bucket->count + bucket->cached);
    WEFT_ASSERT(index <= used);
    if (used == bucket->capacity && !make_room(dht, table, bucket)) return NULL;
    struct weft_dht__contact *at = weft_dht__bucket_at(table, bucket, index);
    memmove(at + 1, at, (used - index) * sizeof *at);
    return at;
}

bool weft_dht__bucket_add(struct weft_dht *dht, struct weft_dht__table *table,
                          struct weft_dht__bucket *bucket,
                          const struct weft_dht__contact *contact) {
    WEFT_ASSERT(bucket->count < dht->config->k); /* I4 */
    struct weft_dht__contact *slot = open_gap(dht, table, bucket, bucket->count);
    if (slot == NULL) return false;
    *slot = *contact;
    bucket->count++;
    table->contacts++;
    return true;
}

void weft_dht__bucket_give(struct weft_dht__table *table, struct weft_dht__bucket *bucket,
                           uint32_t index) {
    uint32_t used = (uint32_t)(bucket->count + bucket->cached);
    WEFT_ASSERT(index < used);
    WEFT_ASSERT(table->contacts >= bucket->count && table->cached >= bucket->cached); /* I6 */
    struct weft_dht__contact *at = weft_dht__bucket_at(table, bucket, index);
    memmove(at, at + 1, (used - index - 1) * sizeof *at);
    if (index < bucket->count) {
        bucket->count--;
        table->contacts--;
    } else {
        bucket->cached--;
        table->cached--;
    }
    if (used == 1) give_room(table, bucket);
}

void weft_dht__bucket_remove(struct weft_dht *dht, struct weft_dht__table *table,
                             struct weft_dht__bucket *bucket, uint32_t index) {
    dht->book->drop(dht->book, weft_dht__bucket_at(table, bucket, index)->entry);
    weft_dht__bucket_give(table, bucket, index);
}

/* The cache entry that gives way to `seen`, -1: none does. */
static int cache_victim(const struct weft_dht__table *table, const struct weft_dht__bucket *bucket,
                        bool verified) {
    WEFT_ASSERT(bucket->cached > 0);
    for (uint32_t i = bucket->count; i < (uint32_t)(bucket->count + bucket->cached); i++) {
        if (!(weft_dht__bucket_at(table, bucket, i)->flags & DHT_CONTACT_VERIFIED)) return (int)i;
    }
    return verified ? bucket->count : -1;
}

void weft_dht__bucket_cache(struct weft_dht *dht, struct weft_dht__table *table,
                            struct weft_dht__bucket *bucket, const struct weft_dht__seen *seen) {
    WEFT_ASSERT(bucket->count == dht->config->k);
    int known = weft_dht__bucket_find(dht, table, bucket, seen->id);
    WEFT_ASSERT(known < 0 || known >= bucket->count);
    if (known >= 0) {
        bool proven = weft_dht__bucket_at(table, bucket, (uint32_t)known)->flags != 0;
        if (proven && !seen->verified) return;
        weft_dht__bucket_remove(dht, table, bucket, (uint32_t)known);
    } else if (bucket->cached >= weft_dht__cache_max(dht)) {
        int victim = cache_victim(table, bucket, seen->verified);
        if (victim < 0) return;
        weft_dht__bucket_remove(dht, table, bucket, (uint32_t)victim);
    }
    struct weft_dht__contact contact;
    if (!weft_dht__contact_init(dht, &contact, seen, 0)) return;
    uint32_t last = (uint32_t)(bucket->count + bucket->cached);
    struct weft_dht__contact *slot = open_gap(dht, table, bucket, last);
    if (slot == NULL) {
        dht->book->drop(dht->book, contact.entry);
        return;
    }
    *slot = contact;
    bucket->cached++;
    table->cached++;
}
