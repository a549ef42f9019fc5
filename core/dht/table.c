/* The routing table of one family: buckets, who enters, who is closest. */
#include "core/dht/internal.h"

#include <string.h>

int weft_dht__table_init(struct weft_dht *dht, struct weft_dht__table *table, uint8_t family) {
    WEFT_ASSERT(table->buckets == NULL);
    WEFT_ASSERT(family == WEFT_FAMILY_V4 || family == WEFT_FAMILY_V6);
    table->buckets = weft_mem_zalloc(dht->mem, sizeof *table->buckets);
    if (table->buckets == NULL) return WEFT_ERR_NOMEM;
    table->bucket_count = table->bucket_capacity = 1;
    table->family = family;
    table->due = WEFT_TIME_NEVER;
    table->buckets[0].refresh = weft_dht__ticks(dht->config->refresh_after);
    table->refresh_due = weft_time_add(dht->now, dht->config->refresh_after);
    return WEFT_OK;
}

void weft_dht__table_free(struct weft_dht *dht, struct weft_dht__table *table) {
    WEFT_ASSERT(table->bucket_count <= table->bucket_capacity);
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        const struct weft_dht__bucket *bucket = &table->buckets[i];
        for (uint32_t n = 0; n < (uint32_t)(bucket->count + bucket->cached); n++) {
            dht->book->drop(dht->book, weft_dht__bucket_at(table, bucket, n)->entry);
        }
    }
    weft_mem_free(dht->mem, table->block, table->block_capacity * sizeof *table->block);
    weft_mem_free(dht->mem, table->buckets, table->bucket_capacity * sizeof *table->buckets);
    table->buckets = NULL;
    table->block = NULL;
    table->family = WEFT_FAMILY_NONE;
}

struct weft_dht__contact *weft_dht__table_find(const struct weft_dht *dht,
                                               const struct weft_dht__table *table,
                                               const weft_id *id) {
    return weft_dht__bucket_contact(dht, table, weft_dht__table_bucket(dht, table, id), id);
}

struct weft_dht__contact *weft_dht__bucket_contact(const struct weft_dht *dht,
                                                   const struct weft_dht__table *table,
                                                   const struct weft_dht__bucket *bucket,
                                                   const weft_id *id) {
    struct weft_dht__contact *contact = weft_dht__bucket_begin(table, bucket);
    uint8_t hint = weft_dht__id_hint(id);
    for (uint32_t left = bucket->count; left > 0; left--, contact++) {
        if (contact->id_hint == hint && weft_dht__contact_is(dht, contact, id)) return contact;
    }
    return NULL;
}

bool weft_dht__table_is_far(const struct weft_dht__table *table,
                            const struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(table->bucket_count > 0);
    return bucket != &table->buckets[table->bucket_count - 1];
}

static uint32_t addr_hash(const struct weft_dht *dht, const struct weft_addr *addr) {
    WEFT_ASSERT(addr != NULL);
    return (uint32_t)weft_siphash(&dht->secret, addr, sizeof *addr);
}

void weft_dht__pass_over(struct weft_dht *dht, const struct weft_addr *addr) {
    WEFT_ASSERT(dht->passed_next < DHT_PASSED_MAX);
    dht->passed[dht->passed_next] = addr_hash(dht, addr);
    dht->passed_next = (dht->passed_next + 1) % DHT_PASSED_MAX;
}

bool weft_dht__passed_over(const struct weft_dht *dht, const struct weft_addr *addr) {
    uint32_t hash = addr_hash(dht, addr);
    for (uint32_t i = 0; i < DHT_PASSED_MAX; i++) {
        if (dht->passed[i] == hash) return true;
    }
    return false;
}

bool weft_dht__table_has_room(const struct weft_dht *dht, const struct weft_dht__table *table,
                              const weft_id *id) {
    WEFT_ASSERT(!weft_id_equal(&dht->id, id));
    const struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, id);
    if (bucket->count < dht->config->k) return true;
    return !weft_dht__table_is_far(table, bucket) && table->bucket_count < WEFT_ID_BITS;
}

/* --- closest --- */

struct walk {
    const struct weft_dht *dht;
    const struct weft_dht__table *table;
    const weft_id *target, *except;
    uint64_t head; /* of the target */
    const struct weft_contact **out;
    size_t count, max;
};

/* How near each of `found` is, by the first 64 bits of its distance, which nearly always differ:
 * rank[i] of them are nearer than found[i]. Few, so counted, without a branch to guess. */
static void rank_all(const struct walk *walk, const struct weft_contact *const *found,
                     uint32_t count, uint8_t *rank) {
    uint64_t keys[WEFT_DHT_K_MAX];
    WEFT_ASSERT(count <= WEFT_DHT_K_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = weft_id_word(&found[i]->id, 0) ^ walk->head;
        uint32_t nearer = 0;
        for (uint32_t other = 0; other < i; other++) {
            bool is_nearer = keys[other] < key;
            if (__builtin_expect(keys[other] == key, 0)) {
                is_nearer = weft_id_closer(walk->target, &found[other]->id, &found[i]->id) < 0;
            }
            nearer += is_nearer;
            rank[other] = (uint8_t)(rank[other] + !is_nearer);
        }
        keys[i] = key;
        rank[i] = (uint8_t)nearer;
    }
}

/* Add a bucket's contacts, closest first. All are looked up in the book before any is compared, so
 * that one that is far in memory does not keep the others waiting. */
static void take_bucket(struct walk *walk, const struct weft_dht__bucket *bucket) {
    const struct weft_contact *found[WEFT_DHT_K_MAX];
    uint8_t rank[WEFT_DHT_K_MAX];
    uint32_t count = 0;
    WEFT_ASSERT(bucket->count <= WEFT_DHT_K_MAX);
    const struct weft_dht__contact *contact = weft_dht__bucket_begin(walk->table, bucket);
    for (uint32_t left = bucket->count; left > 0; left--, contact++) {
        const struct weft_contact *who = weft_dht__who(walk->dht, contact);
        bool is_except = walk->except != NULL && weft_id_equal(&who->id, walk->except);
        found[count] = who;
        count += !is_except;
    }
    rank_all(walk, found, count, rank);
    size_t room = walk->max - walk->count, first = walk->count;
    for (uint32_t i = 0; i < count; i++) {
        if (rank[i] < room) walk->out[first + rank[i]] = found[i];
    }
    walk->count += count < room ? count : room;
}

/* In XOR order of the buckets' ranges: where the target differs from the own id in bit i, bucket i
 * is closer than all deeper ones; where it does not, it is farther than all of them. So: those of
 * differing bits going down, the deepest, the rest coming up. */
size_t weft_dht__table_closest(const struct weft_dht *dht, const struct weft_dht__table *table,
                               const weft_id *target, const weft_id *except,
                               const struct weft_contact **out, size_t max) {
    WEFT_ASSERT(max <= WEFT_DHT_K_MAX);
    struct walk walk = {dht, table, target, except, weft_id_word(target, 0), out, 0, max};
    uint64_t differing = weft_id_word(&dht->id, 0) ^ walk.head;
    uint32_t last = table->bucket_count - 1, deeper = last;
    for (uint32_t i = 0; i < last && i < 64 && walk.count < max; i++) {
        if (differing >> (63 - i) & 1) take_bucket(&walk, &table->buckets[i]);
    }
    for (uint32_t i = 64; i < last && walk.count < max; i++) {
        bool differs = weft_id_bit(&dht->id, (int)i) != weft_id_bit(target, (int)i);
        if (differs) take_bucket(&walk, &table->buckets[i]);
    }
    if (walk.count < max) take_bucket(&walk, &table->buckets[last]);
    for (; deeper > 64 && walk.count < max; deeper--) {
        int bit = (int)deeper - 1;
        bool differs = weft_id_bit(&dht->id, bit) != weft_id_bit(target, bit);
        if (!differs) take_bucket(&walk, &table->buckets[bit]);
    }
    for (; deeper > 0 && walk.count < max; deeper--) {
        if (!(differing >> (64 - deeper) & 1)) take_bucket(&walk, &table->buckets[deeper - 1]);
    }
    return walk.count;
}

/* --- entering and leaving --- */

static bool grow_buckets(struct weft_dht *dht, struct weft_dht__table *table) {
    if (table->bucket_count < table->bucket_capacity) return true;
    uint32_t capacity = table->bucket_capacity + 3u;
    if (capacity > WEFT_ID_BITS) capacity = WEFT_ID_BITS;
    WEFT_ASSERT(capacity > table->bucket_capacity);
    void *buckets =
        weft_mem_resize(dht->mem, table->buckets, table->bucket_capacity * sizeof *table->buckets,
                        capacity * sizeof *table->buckets);
    if (buckets == NULL) return false;
    table->buckets = buckets;
    table->bucket_capacity = (uint8_t)capacity;
    return true;
}

static bool belongs_deeper(const struct weft_dht *dht, const weft_id *id, uint32_t depth) {
    WEFT_ASSERT(depth < WEFT_ID_BITS);
    return (uint32_t)weft_id_prefix(&dht->id, id) > depth;
}

/* Move what shares more bits than `depth` from the bucket of that depth to the next. The cache does
 * not move: it is what was full, and fills again. */
static bool move_deeper(struct weft_dht *dht, struct weft_dht__table *table, uint32_t depth) {
    struct weft_dht__bucket *from = &table->buckets[depth], *to = from + 1;
    for (uint32_t i = 0; i < from->count;) {
        const struct weft_dht__contact contact = *weft_dht__bucket_at(table, from, i);
        if (!belongs_deeper(dht, &weft_dht__who(dht, &contact)->id, depth)) {
            i++;
            continue;
        }
        if (!weft_dht__bucket_add(dht, table, to, &contact)) return false;
        weft_dht__bucket_give(table, from, i);
    }
    return true;
}

static void drop_cache(struct weft_dht *dht, struct weft_dht__table *table,
                       struct weft_dht__bucket *bucket) {
    while (bucket->cached > 0) weft_dht__bucket_remove(dht, table, bucket, bucket->count);
    WEFT_ASSERT(bucket->cached == 0);
}

/* Split the last bucket. False: no memory; what had moved is where it belongs. */
static bool split(struct weft_dht *dht, struct weft_dht__table *table) {
    WEFT_ASSERT(table->bucket_count < WEFT_ID_BITS);
    if (!grow_buckets(dht, table)) return false;
    uint32_t depth = table->bucket_count - 1;
    struct weft_dht__bucket *from = &table->buckets[depth];
    drop_cache(dht, table, from);
    from[1] = (struct weft_dht__bucket){
        .due = from->due, .refresh = from->refresh, .first = table->block_used};
    table->bucket_count++;
    if (!move_deeper(dht, table, depth)) {
        while (from[1].count > 0) { /* back again: there was room */
            const struct weft_dht__contact contact = *weft_dht__bucket_at(table, &from[1], 0);
            bool added = weft_dht__bucket_add(dht, table, from, &contact);
            WEFT_ASSERT(added);
            weft_dht__bucket_give(table, &from[1], 0);
        }
        table->bucket_count--;
        return false;
    }
    weft_dht__refresh_soon(dht, table, from);
    weft_dht__refresh_soon(dht, table, &from[1]);
    return true;
}

/* An edge of the overlay is one, whether by IPv4, IPv6 or both. */
static void tell_contact(struct weft_dht *dht, const struct weft_dht__table *table,
                         const weft_id *id, bool on) {
    const struct weft_dht__table *other = &dht->tables[table == &dht->tables[0]];
    WEFT_ASSERT(table == &dht->tables[0] || table == &dht->tables[1]);
    if (other->family != WEFT_FAMILY_NONE && weft_dht__table_find(dht, other, id) != NULL) return;
    uint64_t number = on;
    weft_dht__fact(dht, WEFT_TRACE_DHT_CONTACT, &number, 1, weft_bytes(id, sizeof *id));
}

/* The contact at `index` of its bucket is one no more, and the cache fills its place. */
static void drop_contact(struct weft_dht *dht, struct weft_dht__table *table,
                         struct weft_dht__bucket *bucket, uint32_t index) {
    WEFT_ASSERT(index < bucket->count);
    weft_id gone = weft_dht__who(dht, weft_dht__bucket_at(table, bucket, index))->id;
    weft_dht__bucket_remove(dht, table, bucket, index);
    tell_contact(dht, table, &gone, false);
    weft_dht__table_fill(dht, table, &gone);
}

/* One address is one contact: an older id that was there is gone, for it was this address that
 * answered. False: there is none. */
static bool remove_at_addr(struct weft_dht *dht, struct weft_dht__table *table,
                           const struct weft_addr *addr) {
    uint16_t hint = weft_dht__addr_hint(addr);
    for (uint32_t b = 0; b < table->bucket_count; b++) {
        struct weft_dht__bucket *bucket = &table->buckets[b];
        const struct weft_dht__contact *contact = weft_dht__bucket_begin(table, bucket);
        for (uint32_t i = 0; i < bucket->count; i++, contact++) {
            if (contact->addr_hint != hint || !weft_dht__contact_at(dht, contact, addr)) continue;
            drop_contact(dht, table, bucket, i);
            return true;
        }
    }
    return false;
}

static weft_dht__tick next_check(struct weft_dht *dht) {
    weft_duration stale = dht->config->stale_after;
    WEFT_ASSERT(stale > 0);
    return weft_dht__tick_now(dht) + weft_dht__ticks(stale - weft_dht__jitter(dht, stale / 5));
}

void weft_dht__table_overflow(struct weft_dht *dht, struct weft_dht__table *table,
                              const struct weft_dht__seen *seen) {
    struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, seen->id);
    WEFT_ASSERT(bucket->count == dht->config->k);
    weft_dht__bucket_cache(dht, table, bucket, seen);
    weft_dht__check_oldest(dht, table, bucket);
}

static void enter(struct weft_dht *dht, struct weft_dht__table *table,
                  const struct weft_dht__seen *seen) {
    WEFT_ASSERT(seen->verified); /* R1 */
    struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, seen->id);
    while (bucket->count == dht->config->k) {
        if (!weft_dht__table_has_room(dht, table, seen->id)) {
            weft_dht__table_overflow(dht, table, seen);
            return;
        }
        if (!split(dht, table)) return;
        bucket = weft_dht__table_bucket(dht, table, seen->id);
    }
    int cached = weft_dht__bucket_find(dht, table, bucket, seen->id);
    if (cached >= 0) weft_dht__bucket_remove(dht, table, bucket, (uint32_t)cached);
    struct weft_dht__contact contact;
    if (!weft_dht__contact_init(dht, &contact, seen, next_check(dht))) return;
    if (!weft_dht__bucket_add(dht, table, bucket, &contact)) {
        dht->book->drop(dht->book, contact.entry);
        return;
    }
    tell_contact(dht, table, seen->id, true);
    weft_dht__check_due(dht, table, bucket, contact.due);
    weft_dht__join_wake(dht);
}

static weft_duration retry_gap(const struct weft_dht *dht) {
    const struct weft_dht_config *config = dht->config;
    weft_duration spare = config->forget_after - config->stale_after - 2 * config->query_timeout;
    WEFT_ASSERT(spare > 0);
    return spare / 2 < DHT_RETRY_GAP_MAX ? spare / 2 : DHT_RETRY_GAP_MAX;
}

static void renew(struct weft_dht *dht, struct weft_dht__contact *contact) {
    WEFT_ASSERT(contact->flags & DHT_CONTACT_VERIFIED);
    contact->answered = weft_dht__tick_now(dht);
    contact->due = next_check(dht);
    contact->failures = 0;
    contact->flags = DHT_CONTACT_VERIFIED;
}

void weft_dht__table_heard(struct weft_dht *dht, struct weft_dht__contact *contact) {
    WEFT_ASSERT(contact != NULL);
    if (contact->failures > 0 || contact->flags != DHT_CONTACT_VERIFIED) return;
    const struct weft_dht_config *config = dht->config;
    weft_duration stale = config->stale_after - config->stale_after / 8;
    weft_duration unasked = config->forget_after - 2 * config->query_timeout - retry_gap(dht);
    weft_dht__tick due = weft_dht__tick_now(dht) + weft_dht__ticks(stale);
    weft_dht__tick latest = contact->answered + weft_dht__ticks(unasked);
    if (weft_dht__tick_reached(latest, due)) due = latest;
    if (weft_dht__tick_reached(contact->due, due)) contact->due = due;
}

/* Someone else answered at the address of contact `expected`. */
static void forget_expected(struct weft_dht *dht, struct weft_dht__table *table,
                            const weft_id *expected, const struct weft_addr *addr) {
    const struct weft_dht__contact *old = weft_dht__table_find(dht, table, expected);
    if (old == NULL || !weft_dht__contact_at(dht, old, addr)) return;
    struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, expected);
    int index = weft_dht__bucket_find(dht, table, bucket, expected);
    WEFT_ASSERT(index >= 0);
    drop_contact(dht, table, bucket, (uint32_t)index);
}

/* False: the answerer's id is no contact. The same id elsewhere: the one that is here stays as long
 * as it answers. */
static bool is_known(struct weft_dht *dht, struct weft_dht__table *table,
                     const struct weft_dht__answerer *answerer) {
    struct weft_dht__contact *contact = weft_dht__table_find(dht, table, answerer->id);
    if (contact == NULL) return false;
    if (weft_dht__contact_at(dht, contact, answerer->addr))
        renew(dht, contact);
    else
        weft_dht__check_contact(dht, contact);
    return true;
}

static void admit(struct weft_dht *dht, struct weft_dht__table *table,
                  const struct weft_dht__answerer *answerer) {
    if (is_known(dht, table, answerer) || !answerer->may_enter) return;
    const struct weft_dht__seen seen = {answerer->id, answerer->addr, true,
                                        weft_dht__tick_now(dht)};
    /* The cache filled the gap, perhaps with this very id. */
    if (remove_at_addr(dht, table, answerer->addr) && is_known(dht, table, answerer)) return;
    enter(dht, table, &seen);
}

void weft_dht__table_answered(struct weft_dht *dht, const struct weft_dht__answerer *answerer) {
    struct weft_dht__table *table = weft_dht__table_of(dht, answerer->addr->family);
    WEFT_ASSERT(table != NULL);
    WEFT_ASSERT(!weft_id_equal(answerer->id, &dht->id));
    bool lost = weft_dht__lost_found(dht, answerer->addr);
    weft_dht__newcomer_answered(dht, answerer->addr);
    if (answerer->expected != NULL && !weft_id_equal(answerer->id, answerer->expected)) {
        forget_expected(dht, table, answerer->expected, answerer->addr);
    }
    admit(dht, table, answerer);
    if (lost) weft_dht__join_again(dht);
}

void weft_dht__table_failed(struct weft_dht *dht, const weft_id *id, const struct weft_addr *addr,
                            weft_time sent) {
    struct weft_dht__table *table = weft_dht__table_of(dht, addr->family);
    if (table == NULL) return;
    struct weft_dht__contact *contact = weft_dht__table_find(dht, table, id);
    if (contact == NULL || !weft_dht__contact_at(dht, contact, addr)) return;
    weft_dht__tick gap = weft_dht__ticks(retry_gap(dht));
    if (contact->failures > 0) { /* one outage is one failure: count what was sent after it */
        weft_time failed = weft_dht__tick_time(dht, contact->due - gap);
        if (!(contact->flags & DHT_CONTACT_ASKED) && sent < failed) return;
    }
    contact->flags = DHT_CONTACT_VERIFIED;
    contact->failures++;
    struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, id);
    if (contact->failures < DHT_FAILURES_MAX) {
        contact->due = weft_dht__tick_now(dht) + gap;
        weft_dht__check_due(dht, table, bucket, contact->due);
        return;
    }
    weft_dht__lost_add(dht, addr, false);
    drop_contact(dht, table, bucket, (uint32_t)weft_dht__bucket_find(dht, table, bucket, id));
}

/* Index of the cache entry to promote: the newest that answered lately, else the newest. */
static uint32_t cache_best(const struct weft_dht *dht, const struct weft_dht__table *table,
                           const struct weft_dht__bucket *bucket) {
    WEFT_ASSERT(bucket->cached > 0);
    weft_dht__tick now = weft_dht__tick_now(dht), fresh = weft_dht__ticks(dht->config->stale_after);
    uint32_t last = (uint32_t)(bucket->count + bucket->cached) - 1;
    for (uint32_t i = last + 1; i-- > bucket->count;) {
        const struct weft_dht__contact *entry = weft_dht__bucket_at(table, bucket, i);
        if ((entry->flags & DHT_CONTACT_VERIFIED) && now - entry->answered < fresh) return i;
    }
    return last;
}

void weft_dht__table_fill(struct weft_dht *dht, struct weft_dht__table *table, const weft_id *id) {
    struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, id);
    if (bucket->cached == 0 || bucket->count == dht->config->k) return;
    uint32_t index = cache_best(dht, table, bucket);
    const struct weft_dht__contact *entry = weft_dht__bucket_at(table, bucket, index);
    const struct weft_contact who = *weft_dht__who(dht, entry);
    weft_dht__tick age = weft_dht__tick_now(dht) - entry->answered;
    bool fresh =
        (entry->flags & DHT_CONTACT_VERIFIED) && age < weft_dht__ticks(dht->config->stale_after);
    const struct weft_dht__seen seen = {&who.id, &who.addr, true, entry->answered};
    weft_dht__bucket_remove(dht, table, bucket, index);
    if (fresh) {
        enter(dht, table, &seen);
    } else {
        weft_dht__newcomer_offer(dht, &who.id, &who.addr);
    }
}
