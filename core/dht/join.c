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

/* Whoever was out of reach, or not there yet, may be of another network by now: one that nobody in
 * our buckets knows. They may be full, and all nearer than whom it names, so it is joined as if it
 * were the first: from what it names alone. */
void weft_dht__join_through(struct weft_dht *dht, const struct weft_krpc *msg) {
    WEFT_ASSERT(msg != NULL);
    struct weft_dht__join *join = &dht->join;
    if (!join->joined || dht->now < join->through)
        return; /* a self lookup does, of what is known */
    if (msg->nodes.size + msg->nodes6.size == 0) return;
    const struct weft_dht__task task = {.op = weft_dht__operation_internal(dht),
                                        .target = &dht->id,
                                        .kind = WEFT_LOOKUP_REFRESH,
                                        .named = msg,
                                        .internal = true};
    if (weft_dht__lookup_start(dht, &task) != WEFT_OK) return; /* no room: a self lookup as well */
    join->through = weft_time_add(dht->now, DHT_JOIN_RETRY);
}

/* A self lookup asks the nearest only. Where two networks have met, an island of nearest may know
 * but itself, and all around it but the island; and whom each knows from far away is of its own
 * side too, for buckets keep whom they have. But those far away have met one another by now. So a
 * few contacts from anywhere are asked for their neighbours, and one of those for ours. */
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
            .id = who->id, .to = who->addr, .purpose = DHT_ASK_BESIDE, .lookup = DHT_NONE};
        (void)weft_dht__find_node_ask(dht, &query, &who->id); /* no room: the next self lookup */
    }
}

void weft_dht__join_beside(struct weft_dht *dht, const struct weft_dht__query *query,
                           const struct weft_krpc *msg) {
    struct weft_contact named;
    WEFT_ASSERT(query->purpose == DHT_ASK_BESIDE);
    if (!weft_dht__refresh_draw(dht, query, msg, &named)) return;
    const struct weft_dht__query around = {
        .id = named.id, .to = named.addr, .purpose = DHT_ASK_AROUND, .lookup = DHT_NONE};
    (void)weft_dht__find_node_ask(dht, &around, &dht->id);
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
