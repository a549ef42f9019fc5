/* Joining: look up the own id, again and again, ever more seldom. */
#include "core/dht/internal.h"

static uint32_t contacts(const struct weft_dht *dht) {
    WEFT_ASSERT(dht != NULL);
    return dht->tables[0].contacts + dht->tables[1].contacts;
}

static void start_over(struct weft_dht *dht, weft_duration after) {
    WEFT_ASSERT(after >= 0);
    dht->join.delay = DHT_JOIN_RETRY;
    dht->join.seen = 0;
    if (dht->join.running) return; /* its end sees that `seen` differs, and goes on */
    dht->due.join = weft_time_min(dht->due.join, weft_time_add(dht->now, after));
}

void weft_dht__join_wake(struct weft_dht *dht) {
    WEFT_ASSERT(contacts(dht) > 0);
    if (!dht->join.joined || contacts(dht) == 1) start_over(dht, 0);
}

void weft_dht__join_again(struct weft_dht *dht) {
    WEFT_ASSERT(dht->sink != NULL);
    start_over(dht, weft_dht__jitter(dht, WEFT_S(1)));
}

/* A self lookup asks the nearest only. Where two networks have met, an island of nearest may know
 * but itself, and all around it but the island; so a few contacts from anywhere are asked too. */
static void ask_far(struct weft_dht *dht, const struct weft_dht__table *table) {
    WEFT_ASSERT(table->bucket_count > 0);
    for (uint32_t i = 0; i < DHT_JOIN_FAR; i++) {
        uint32_t place = (uint32_t)weft_rand_below(&dht->rand, table->bucket_count);
        const struct weft_dht__bucket *bucket = &table->buckets[place];
        if (bucket->count == 0) continue;
        uint32_t index = (uint32_t)weft_rand_below(&dht->rand, bucket->count);
        const struct weft_dht__contact *contact = weft_dht__bucket_at(table, bucket, index);
        const struct weft_contact *who = weft_dht__who(dht, contact);
        const struct weft_dht__query query = {
            .id = who->id, .to = who->addr, .purpose = DHT_ASK_FILL, .lookup = DHT_NONE};
        (void)weft_dht__find_node_ask(dht, &query, &dht->id); /* no room: the next self lookup */
    }
}

void weft_dht__join_run(struct weft_dht *dht) {
    struct weft_dht__join *join = &dht->join;
    WEFT_ASSERT(!join->running);
    dht->due.join = WEFT_TIME_NEVER;
    if (contacts(dht) == 0) return; /* the first contact wakes it */
    const struct weft_dht__task task = {.op = weft_dht__operation_internal(dht),
                                        .target = &dht->id,
                                        .kind = WEFT_LOOKUP_JOIN,
                                        .internal = true};
    for (size_t i = 0; i < 2; i++) {
        if (dht->tables[i].contacts > dht->config->k) ask_far(dht, &dht->tables[i]);
    }
    join->running = true; /* before the start: it may end at once */
    if (weft_dht__lookup_start(dht, &task) == WEFT_OK) return;
    join->running = false;
    dht->due.join = weft_time_add(dht->now, WEFT_S(1));
}

static void joined(struct weft_dht *dht) {
    const uint64_t numbers[] = {(uint64_t)(dht->now - dht->start), contacts(dht)};
    WEFT_ASSERT(!dht->join.joined);
    dht->join.joined = true;
    weft_dht__fact(dht, WEFT_TRACE_DHT_JOINED, numbers, 2, weft_bytes(NULL, 0));
}

static uint64_t hash_of(const struct weft_dht_result *result) {
    uint64_t hash = 1;
    for (size_t i = 0; i < result->closest_count; i++) {
        hash = weft_fold_bytes(hash, &result->closest[i].id, sizeof result->closest[i].id);
    }
    return hash;
}

void weft_dht__join_ended(struct weft_dht *dht, const struct weft_dht_result *result) {
    struct weft_dht__join *join = &dht->join;
    WEFT_ASSERT(join->running);
    WEFT_ASSERT(join->delay > 0);
    join->running = false;
    uint64_t seen = hash_of(result);
    bool settled = seen == join->seen && contacts(dht) >= dht->config->k;
    if (result->replies > 0 && !join->joined) joined(dht);
    join->seen = seen;
    /* It never ends, only becomes seldom: an island that is found by one of its members is joined
     * by all only when each asks for its neighbourhood again
     * (scenarios/regressions/bootstrap-island.yaml). */
    weft_duration pause_max =
        settled ? dht->config->refresh_after / DHT_JOIN_REFRESHES : DHT_JOIN_RETRY_MAX;
    dht->due.join = weft_time_add(dht->now, join->delay - weft_dht__jitter(dht, join->delay / 4));
    join->delay = weft_time_min(2 * join->delay, weft_time_max(pause_max, DHT_JOIN_RETRY));
}
