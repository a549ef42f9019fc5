/* Silent contacts are asked, spread over time: R3. */
#include "core/dht/internal.h"

void weft_dht__check_due(struct weft_dht *dht, struct weft_dht__table *table,
                         struct weft_dht__bucket *bucket, weft_dht__tick due) {
    WEFT_ASSERT(bucket->count > 0);
    if (bucket->count == 1 || weft_dht__tick_reached(due, bucket->due)) bucket->due = due;
    table->due = weft_time_min(table->due, weft_dht__tick_time(dht, due));
}

static void ask(struct weft_dht *dht, struct weft_dht__contact *contact) {
    const struct weft_contact *who = weft_dht__who(dht, contact);
    const struct weft_dht__query query = {
        .id = who->id, .to = who->addr, .purpose = DHT_ASK_CHECK, .lookup = DHT_NONE};
    WEFT_ASSERT(contact->flags & DHT_CONTACT_VERIFIED);
    weft_duration again = WEFT_S(1);
    if (weft_dht__ping_ask(dht, &query)) {
        contact->flags |= DHT_CONTACT_ASKED;
        again = weft_time_add(dht->config->query_timeout, WEFT_S(1)); /* never reached: it ends */
    }
    contact->due = weft_dht__tick_now(dht) + weft_dht__ticks(again);
}

/* Who is due by then is asked now: waking for each contact alone would cost more than its ping. */
static weft_dht__tick horizon(const struct weft_dht *dht) {
    return weft_dht__tick_now(dht) + weft_dht__ticks(dht->config->stale_after / DHT_CHECK_EARLY);
}

static void check_bucket(struct weft_dht *dht, const struct weft_dht__table *table,
                         struct weft_dht__bucket *bucket) {
    weft_dht__tick now = weft_dht__tick_now(dht), by = horizon(dht);
    WEFT_ASSERT(bucket->count > 0);
    for (uint32_t i = 0; i < bucket->count; i++) {
        struct weft_dht__contact *contact = weft_dht__bucket_at(table, bucket, i);
        bool idle = !(contact->flags & DHT_CONTACT_ASKED) && contact->failures == 0;
        if (weft_dht__tick_reached(contact->due, idle ? by : now)) ask(dht, contact);
        if (i == 0 || weft_dht__tick_reached(contact->due, bucket->due)) bucket->due = contact->due;
    }
    WEFT_ASSERT(!weft_dht__tick_reached(bucket->due, now));
}

void weft_dht__check_run(struct weft_dht *dht, struct weft_dht__table *table) {
    WEFT_ASSERT(table->family != WEFT_FAMILY_NONE);
    weft_dht__tick by = horizon(dht), earliest = 0;
    bool any = false;
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        struct weft_dht__bucket *bucket = &table->buckets[i];
        if (bucket->count == 0) continue;
        if (weft_dht__tick_reached(bucket->due, by)) check_bucket(dht, table, bucket);
        if (!any || weft_dht__tick_reached(bucket->due, earliest)) earliest = bucket->due;
        any = true;
    }
    table->due = any ? weft_dht__tick_time(dht, earliest) : WEFT_TIME_NEVER;
}

void weft_dht__check_contact(struct weft_dht *dht, struct weft_dht__contact *contact) {
    weft_dht__tick silent = weft_dht__tick_now(dht) - contact->answered;
    weft_duration lately = dht->config->stale_after - dht->config->stale_after / 5;
    WEFT_ASSERT(lately > 0);
    if (silent < weft_dht__ticks(lately) || contact->failures > 0) return;
    if (contact->flags & DHT_CONTACT_ASKED) return;
    ask(dht, contact);
}

void weft_dht__check_oldest(struct weft_dht *dht, const struct weft_dht__table *table,
                            const struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(bucket->count > 0);
    struct weft_dht__contact *oldest = weft_dht__bucket_at(table, bucket, 0);
    for (uint32_t i = 1; i < bucket->count; i++) {
        struct weft_dht__contact *contact = weft_dht__bucket_at(table, bucket, i);
        if ((int32_t)(contact->answered - oldest->answered) < 0) oldest = contact;
    }
    weft_dht__check_contact(dht, oldest);
}
