/* Bucket refresh (BEP 5): a lookup of a random id in each bucket that had none for a while. */
#include "core/dht/internal.h"

static weft_dht__tick later(struct weft_dht *dht) {
    weft_duration after = dht->config.refresh_after;
    WEFT_ASSERT(after > 0);
    return weft_dht__tick_now(dht) + 1 + weft_dht__ticks(after - weft_dht__jitter(dht, after / 8));
}

void weft_dht__refresh_touch(struct weft_dht *dht, const weft_id *target) {
    WEFT_ASSERT(target != NULL);
    for (size_t i = 0; i < 2; i++) {
        struct weft_dht__table *table = &dht->tables[i];
        if (table->family == WEFT_FAMILY_NONE) continue;
        struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, target);
        bucket->refresh = later(dht);
        bucket->soon = false;
    }
}

void weft_dht__refresh_soon(struct weft_dht *dht, struct weft_dht__table *table,
                            struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(bucket != NULL);
    weft_duration after = DHT_REFRESH_SOON + weft_dht__jitter(dht, DHT_REFRESH_SPREAD);
    if (after > dht->config.refresh_after) after = dht->config.refresh_after;
    bucket->refresh = weft_dht__tick_now(dht) + 1 + weft_dht__ticks(after);
    bucket->soon = true;
    table->refresh_due =
        weft_time_min(table->refresh_due, weft_dht__tick_time(dht, bucket->refresh));
}

/* A random id in the range of bucket `index`: the own bits up to there, the next one flipped unless
 * it is the last bucket, the rest drawn. */
static weft_id draw(struct weft_dht *dht, const struct weft_dht__table *table, uint32_t index) {
    weft_id target;
    WEFT_ASSERT(index < table->bucket_count);
    WEFT_ASSERT(index < WEFT_ID_BITS);
    weft_rand_bytes(&dht->rand, target.bytes, sizeof target.bytes);
    bool flip = index < table->bucket_count - 1;
    for (uint32_t i = 0; i < index + flip; i++) {
        unsigned mask = 0x80u >> (i % 8), own = dht->id.bytes[i / 8] & mask;
        if (i == index) own ^= mask;
        target.bytes[i / 8] = (unsigned char)((target.bytes[i / 8] & ~mask) | own);
    }
    return target;
}

static bool start(struct weft_dht *dht, const struct weft_dht__table *table, uint32_t index) {
    weft_id target = draw(dht, table, index);
    WEFT_ASSERT(index < table->bucket_count);
    const struct weft_dht__task task = {.op = weft_dht__operation_internal(dht),
                                        .target = &target,
                                        .kind = WEFT_LOOKUP_REFRESH,
                                        .internal = true};
    return weft_dht__lookup_start(dht, &task) == WEFT_OK;
}

/* Refresh the first bucket that is due; the others wait. */
static void refresh_one(struct weft_dht *dht, struct weft_dht__table *table) {
    weft_dht__tick now = weft_dht__tick_now(dht);
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        struct weft_dht__bucket *bucket = &table->buckets[i];
        if (!weft_dht__tick_reached(bucket->refresh, now)) continue;
        bool needless = table->contacts == 0 || (bucket->soon && bucket->count == dht->config.k);
        bucket->refresh = later(dht);
        bucket->soon = false;
        WEFT_ASSERT(!weft_dht__tick_reached(bucket->refresh, now));
        if (needless) continue;
        if (!start(dht, table, i)) bucket->refresh = now; /* LOOKUPS_MAX: next time */
        return;
    }
}

void weft_dht__refresh_run(struct weft_dht *dht, struct weft_dht__table *table) {
    WEFT_ASSERT(table->family != WEFT_FAMILY_NONE);
    refresh_one(dht, table);
    table->refresh_due = WEFT_TIME_NEVER;
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        weft_time due = weft_dht__tick_time(dht, table->buckets[i].refresh);
        table->refresh_due = weft_time_min(table->refresh_due, due);
    }
    table->refresh_due =
        weft_time_max(table->refresh_due, weft_time_add(dht->now, DHT_REFRESH_SPACING));
}
