/* Bucket refresh (BEP 5): a lookup of a random id in each bucket that had none for a while. And
 * filling: a contact of a bucket that is not full is asked for others there. */
#include "core/dht/internal.h"

static weft_dht__tick later(struct weft_dht *dht) {
    weft_duration after = dht->config->refresh_after;
    WEFT_ASSERT(after > 0);
    return weft_dht__tick_now(dht) + 1 + weft_dht__ticks(after - weft_dht__jitter(dht, after / 8));
}

void weft_dht__refresh_touch(struct weft_dht *dht, const weft_id *target) {
    WEFT_ASSERT(target != NULL);
    for (size_t i = 0; i < 2; i++) {
        struct weft_dht__table *table = &dht->tables[i];
        if (table->family == WEFT_FAMILY_NONE) continue;
        struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, target);
        if (bucket->tries > 0) continue; /* a lookup gives it one contact; it wants more */
        bucket->refresh = later(dht);
    }
}

void weft_dht__refresh_soon(struct weft_dht *dht, struct weft_dht__table *table,
                            struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(bucket != NULL);
    weft_duration after = DHT_REFRESH_SOON + weft_dht__jitter(dht, DHT_REFRESH_SPREAD);
    if (after > dht->config->refresh_after) after = dht->config->refresh_after;
    bucket->refresh = weft_dht__tick_now(dht) + 1 + weft_dht__ticks(after);
    bucket->tries = DHT_FILL_TRIES;
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
    unsigned char *at = &target.bytes[index / 8];
    unsigned own = dht->id.bytes[index / 8], above = 0xff00u >> (index % 8), bit = above >> 1;
    memcpy(target.bytes, dht->id.bytes, index / 8);
    above &= 0xff;
    bit &= ~above & 0xff;
    *at = (unsigned char)((own & above) | (*at & ~above));
    if (index < table->bucket_count - 1) *at = (unsigned char)((~own & bit) | (*at & ~bit));
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

/* Ask one contact of the bucket, drawn at random, for nodes around a random id in it: what it knows
 * there is as good as drawn at random, since the id is not near the contact. */
static void fill(struct weft_dht *dht, const struct weft_dht__table *table, uint32_t index) {
    const struct weft_dht__bucket *bucket = &table->buckets[index];
    WEFT_ASSERT(bucket->count > 0);
    uint32_t place = (uint32_t)weft_rand_below(&dht->rand, bucket->count);
    const struct weft_dht__contact *contact = weft_dht__bucket_at(table, bucket, place);
    const struct weft_contact *who = weft_dht__who(dht, contact);
    const struct weft_dht__query query = {
        .id = who->id, .to = who->addr, .purpose = DHT_ASK_FILL, .lookup = DHT_NONE};
    weft_id target = draw(dht, table, index);
    (void)weft_dht__find_node_ask(dht, &query, &target); /* no room: the next try */
}

/* `bucket`, new or not full, has its turn. False: it needs a lookup instead. */
static bool fill_turn(struct weft_dht *dht, struct weft_dht__table *table, uint32_t index) {
    struct weft_dht__bucket *bucket = &table->buckets[index];
    WEFT_ASSERT(bucket->tries > 0);
    if (bucket->count == dht->config->k) {
        bucket->tries = 0;
        bucket->refresh = later(dht);
        return true;
    }
    if (!weft_dht__table_is_far(table, bucket)) {
        bucket->tries = 0;
        return false;
    }
    bucket->tries--;
    if (bucket->count > 0) {
        fill(dht, table, index);
    } else if (table->contacts > 0) {
        (void)start(dht, table, index); /* LOOKUPS_MAX: the next try */
    }
    weft_duration wait = DHT_REFRESH_SPACING + weft_dht__jitter(dht, DHT_REFRESH_SPACING);
    bucket->refresh =
        bucket->tries > 0 ? weft_dht__tick_now(dht) + 1 + weft_dht__ticks(wait) : later(dht);
    return true;
}

/* Refresh the first bucket that is due; the others wait. */
static void refresh_one(struct weft_dht *dht, struct weft_dht__table *table) {
    weft_dht__tick now = weft_dht__tick_now(dht);
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        struct weft_dht__bucket *bucket = &table->buckets[i];
        if (!weft_dht__tick_reached(bucket->refresh, now)) continue;
        if (bucket->tries > 0 && fill_turn(dht, table, i)) continue;
        bucket->refresh = later(dht);
        WEFT_ASSERT(!weft_dht__tick_reached(bucket->refresh, now));
        if (table->contacts == 0) continue;
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

bool weft_dht__refresh_draw(struct weft_dht *dht, const struct weft_dht__query *query,
                            const struct weft_krpc *msg, struct weft_contact *out) {
    const struct weft_dht__table *table = weft_dht__table_of(dht, query->to.family);
    WEFT_ASSERT(table != NULL);
    bool v4 = query->to.family == WEFT_FAMILY_V4;
    size_t each = v4 ? WEFT_COMPACT_NODE4_SIZE : WEFT_COMPACT_NODE6_SIZE;
    struct weft_bytes nodes = v4 ? msg->nodes : msg->nodes6;
    size_t count = nodes.size / each;
    if (count == 0) return false;
    if (count > WEFT_DHT_K_MAX) count = WEFT_DHT_K_MAX;
    size_t first = (size_t)weft_rand_below(&dht->rand, count);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *at = nodes.data + (first + i) % count * each;
        if (!weft_compact_node_read(&out->id, &out->addr, at, each)) continue;
        if (weft_id_equal(&out->id, &dht->id)) continue;
        if (!weft_dht__addr_usable(dht, &out->addr)) continue;
        if (weft_dht__table_find(dht, table, &out->id) == NULL) return true;
    }
    return false;
}

/* One of each answer, so that the bucket is no copy of another's. */
void weft_dht__refresh_filled(struct weft_dht *dht, const struct weft_dht__query *query,
                              const struct weft_krpc *msg) {
    struct weft_contact named;
    WEFT_ASSERT(query->purpose == DHT_ASK_FILL);
    if (!weft_dht__refresh_draw(dht, query, msg, &named)) return;
    weft_dht__newcomer_offer(dht, &named.id, &named.addr);
}
