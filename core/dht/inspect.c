/* The table as tools see it. */
#include "core/dht/internal.h"

struct visit {
    const struct weft_dht *dht;
    weft_time now;
    void (*fn)(void *ctx, const struct weft_contact_info *info);
    void *ctx;
};

static void visit_contact(const struct visit *visit, const struct weft_dht__table *table,
                          uint32_t index, uint32_t place) {
    const struct weft_dht__bucket *bucket = &table->buckets[index];
    const struct weft_dht__contact *contact = weft_dht__bucket_at(table, bucket, place);
    WEFT_ASSERT(visit->fn != NULL);
    struct weft_contact_info info = {
        .contact = *weft_dht__who(visit->dht, contact),
        .verified = (contact->flags & DHT_CONTACT_VERIFIED) != 0,
        .in_cache = place >= bucket->count,
        .failures = contact->failures,
        .bucket = index,
    };
    if (info.verified) {
        weft_duration silent = visit->now - weft_dht__tick_time(visit->dht, contact->answered);
        info.silent = silent > 0 ? silent : 0;
    }
    visit->fn(visit->ctx, &info);
}

static void visit_newcomers(const struct visit *visit, const struct weft_dht__table *table) {
    const struct weft_dht__newcomer *newcomers = visit->dht->newcomers.items;
    for (uint32_t i = 0; i < visit->dht->newcomers.count; i++) {
        if (newcomers[i].addr.family != table->family) continue;
        if (newcomers[i].state == DHT_NEWCOMER_COOLS) continue; /* left alone, nobody's contact */
        const struct weft_dht__bucket *bucket =
            weft_dht__table_bucket(visit->dht, table, &newcomers[i].id);
        WEFT_ASSERT(bucket >= table->buckets);
        const struct weft_contact_info info = {.contact = {newcomers[i].id, newcomers[i].addr},
                                               .failures = newcomers[i].tries,
                                               .bucket = (uint32_t)(bucket - table->buckets)};
        visit->fn(visit->ctx, &info);
    }
}

void weft_dht_each(const struct weft_dht *dht, weft_time now,
                   void (*fn)(void *ctx, const struct weft_contact_info *info), void *ctx) {
    const struct visit visit = {dht, now, fn, ctx};
    WEFT_ASSERT(fn != NULL);
    for (size_t t = 0; t < 2; t++) {
        const struct weft_dht__table *table = &dht->tables[t];
        if (table->family == WEFT_FAMILY_NONE) continue;
        for (uint32_t b = 0; b < table->bucket_count; b++) {
            uint32_t used = (uint32_t)(table->buckets[b].count + table->buckets[b].cached);
            for (uint32_t i = 0; i < used; i++) visit_contact(&visit, table, b, i);
        }
        visit_newcomers(&visit, table);
    }
}
