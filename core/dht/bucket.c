/* The contacts and the replacement cache of one bucket: one block, grown as used. */
#include "core/dht/internal.h"

#include <string.h>

#define BLOCK_STEP 2 /* contacts a block grows by */

uint32_t weft_dht__cache_max(const struct weft_dht *dht) {
    WEFT_ASSERT(dht->config->k > 0);
    return dht->config->k >= 8 ? dht->config->k / 4 : 1;
}

int weft_dht__bucket_find(const struct weft_dht *dht, const struct weft_dht__bucket *bucket,
                          const weft_id *id) {
    WEFT_ASSERT(bucket->count + bucket->cached <= bucket->capacity); /* I4 */
    for (uint32_t i = 0; i < (uint32_t)(bucket->count + bucket->cached); i++) {
        if (weft_dht__contact_is(dht, weft_dht__bucket_at(bucket, i), id)) return (int)i;
    }
    return -1;
}

static bool set_capacity(struct weft_dht *dht, struct weft_dht__bucket *bucket, uint32_t capacity) {
    WEFT_ASSERT(capacity <= UINT8_MAX);
    WEFT_ASSERT(capacity > 0);
    void *block = weft_mem_resize(dht->mem, bucket->block, bucket->capacity * sizeof *bucket->block,
                                  capacity * sizeof *bucket->block);
    if (block == NULL) return false;
    bucket->block = block;
    bucket->capacity = (uint8_t)capacity;
    return true;
}

/* `contact` comes to stand at `index`. False: no memory. */
static bool insert(struct weft_dht *dht, struct weft_dht__bucket *bucket, uint32_t index,
                   const struct weft_dht__contact *contact) {
    uint32_t used = (uint32_t)(bucket->count + bucket->cached);
    WEFT_ASSERT(index <= used);
    if (used == bucket->capacity && !set_capacity(dht, bucket, used + BLOCK_STEP)) return false;
    struct weft_dht__contact *at = bucket->block + index;
    memmove(at + 1, at, (used - index) * sizeof *at);
    *at = *contact;
    return true;
}

bool weft_dht__bucket_add(struct weft_dht *dht, struct weft_dht__table *table,
                          struct weft_dht__bucket *bucket,
                          const struct weft_dht__contact *contact) {
    WEFT_ASSERT(bucket->count < dht->config->k); /* I4 */
    if (!insert(dht, bucket, bucket->count, contact)) return false;
    bucket->count++;
    table->contacts++;
    return true;
}

void weft_dht__bucket_give(struct weft_dht *dht, struct weft_dht__table *table,
                           struct weft_dht__bucket *bucket, uint32_t index) {
    uint32_t used = (uint32_t)(bucket->count + bucket->cached);
    WEFT_ASSERT(index < used);
    WEFT_ASSERT(table->contacts >= bucket->count && table->cached >= bucket->cached); /* I6 */
    struct weft_dht__contact *at = bucket->block + index;
    memmove(at, at + 1, (used - index - 1) * sizeof *at);
    if (index < bucket->count) {
        bucket->count--;
        table->contacts--;
    } else {
        bucket->cached--;
        table->cached--;
    }
    if (used > 1) return;
    weft_mem_free(dht->mem, bucket->block, bucket->capacity * sizeof *bucket->block);
    bucket->block = NULL;
    bucket->capacity = 0;
}

void weft_dht__bucket_remove(struct weft_dht *dht, struct weft_dht__table *table,
                             struct weft_dht__bucket *bucket, uint32_t index) {
    dht->book->drop(dht->book, weft_dht__bucket_at(bucket, index)->entry);
    weft_dht__bucket_give(dht, table, bucket, index);
}

/* The cache entry that gives way to `seen`, -1: none does. */
static int cache_victim(const struct weft_dht__bucket *bucket, bool verified) {
    WEFT_ASSERT(bucket->cached > 0);
    for (uint32_t i = bucket->count; i < (uint32_t)(bucket->count + bucket->cached); i++) {
        if (!(weft_dht__bucket_at(bucket, i)->flags & DHT_CONTACT_VERIFIED)) return (int)i;
    }
    return verified ? bucket->count : -1;
}

void weft_dht__bucket_cache(struct weft_dht *dht, struct weft_dht__table *table,
                            struct weft_dht__bucket *bucket, const struct weft_dht__seen *seen) {
    WEFT_ASSERT(bucket->count == dht->config->k);
    int known = weft_dht__bucket_find(dht, bucket, seen->id);
    WEFT_ASSERT(known < 0 || known >= bucket->count);
    if (known >= 0) {
        bool proven = weft_dht__bucket_at(bucket, (uint32_t)known)->flags != 0;
        if (proven && !seen->verified) return;
        weft_dht__bucket_remove(dht, table, bucket, (uint32_t)known);
    } else if (bucket->cached >= weft_dht__cache_max(dht)) {
        int victim = cache_victim(bucket, seen->verified);
        if (victim < 0) return;
        weft_dht__bucket_remove(dht, table, bucket, (uint32_t)victim);
    }
    struct weft_dht__contact contact;
    if (!weft_dht__contact_init(dht, &contact, seen, 0)) return;
    if (!insert(dht, bucket, (uint32_t)(bucket->count + bucket->cached), &contact)) {
        dht->book->drop(dht->book, contact.entry);
        return;
    }
    bucket->cached++;
    table->cached++;
}
