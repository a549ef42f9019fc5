/* Contacts to verify: asked once each, soon, a bounded number at a time (R1, R3). */
#include "core/dht/internal.h"

static struct weft_dht__newcomer *at(const struct weft_dht *dht, uint32_t index) {
    WEFT_ASSERT(index < dht->newcomers.count);
    return (struct weft_dht__newcomer *)dht->newcomers.items + index;
}

static struct weft_dht__newcomer *find(const struct weft_dht *dht, const struct weft_addr *addr) {
    for (uint32_t i = 0; i < dht->newcomers.count; i++) {
        if (weft_addr_equal(&at(dht, i)->addr, addr)) return at(dht, i);
    }
    return NULL;
}

static void drop(struct weft_dht *dht, uint32_t index) {
    *at(dht, index) = *at(dht, dht->newcomers.count - 1);
    if (--dht->newcomers.count > 0) return;
    weft_dht__array_free(dht, &dht->newcomers, sizeof(struct weft_dht__newcomer));
    dht->due.newcomers = WEFT_TIME_NEVER;
}

static void set_due(struct weft_dht *dht, struct weft_dht__newcomer *newcomer,
                    weft_duration after) {
    WEFT_ASSERT(after >= 0);
    newcomer->due = weft_dht__tick_now(dht) + 1 + weft_dht__ticks(after - after % WEFT_MS(1));
    dht->due.newcomers = weft_time_min(dht->due.newcomers, weft_dht__tick_time(dht, newcomer->due));
}

/* Make room among `max`: of those that did not answer, the one that would leave first goes. */
static bool make_room(struct weft_dht *dht, uint32_t max) {
    if (dht->newcomers.count < max) return true;
    uint32_t victim = dht->newcomers.count;
    for (uint32_t i = 0; i < dht->newcomers.count; i++) {
        if (at(dht, i)->state != DHT_NEWCOMER_COOLS) continue;
        if (victim == dht->newcomers.count ||
            weft_dht__tick_reached(at(dht, i)->due, at(dht, victim)->due)) {
            victim = i;
        }
    }
    if (victim == dht->newcomers.count) return false;
    drop(dht, victim);
    return true;
}

static bool queue(struct weft_dht *dht, const weft_id *id, const struct weft_addr *addr,
                  uint32_t max) {
    if (find(dht, addr) != NULL) return true;
    if (!make_room(dht, max)) return false;
    uint32_t count = dht->newcomers.count;
    if (!weft_dht__reserve(dht, &dht->newcomers, count + 1, sizeof(struct weft_dht__newcomer))) {
        return false;
    }
    dht->newcomers.count++;
    struct weft_dht__newcomer *newcomer = at(dht, count);
    *newcomer = (struct weft_dht__newcomer){.id = *id, .addr = *addr, .state = DHT_NEWCOMER_WAITS};
    set_due(dht, newcomer, weft_dht__jitter(dht, dht->config->verify_after));
    return true;
}

static bool wanted(const struct weft_dht *dht, const weft_id *id, const struct weft_addr *addr) {
    return !weft_id_equal(id, &dht->id) && weft_dht__addr_usable(dht, addr);
}

/* One that is no contact: asked, or remembered. */
static void admit(struct weft_dht *dht, struct weft_dht__table *table, const weft_id *id,
                  const struct weft_addr *addr) {
    if (weft_dht__table_has_room(dht, table, id)) {
        (void)queue(dht, id, addr, DHT_NEWCOMERS_MAX); /* full: it will be seen again */
        return;
    }
    const struct weft_dht__seen seen = {id, addr, false, 0};
    weft_dht__table_overflow(dht, table, &seen);
}

void weft_dht__newcomer_offer(struct weft_dht *dht, const weft_id *id,
                              const struct weft_addr *addr) {
    WEFT_ASSERT(id != NULL);
    if (!wanted(dht, id, addr)) return;
    struct weft_dht__table *table = weft_dht__table_of(dht, addr->family);
    WEFT_ASSERT(table != NULL);
    struct weft_dht__contact *known = weft_dht__table_find(dht, table, id);
    if (known != NULL) {
        /* At another address: whoever holds the place keeps it as long as it answers. */
        if (!weft_dht__contact_at(dht, known, addr)) weft_dht__check_contact(dht, known);
        return;
    }
    admit(dht, table, id, addr);
}

void weft_dht__newcomer_unknown(struct weft_dht *dht, const weft_id *id,
                                const struct weft_addr *addr) {
    WEFT_ASSERT(id != NULL);
    if (!wanted(dht, id, addr)) return;
    struct weft_dht__table *table = weft_dht__table_of(dht, addr->family);
    WEFT_ASSERT(table != NULL);
    admit(dht, table, id, addr);
}

bool weft_dht__newcomer_load(struct weft_dht *dht, const weft_id *id,
                             const struct weft_addr *addr) {
    WEFT_ASSERT(id != NULL);
    if (!wanted(dht, id, addr)) return true;
    return queue(dht, id, addr, DHT_LOADED_MAX);
}

void weft_dht__newcomer_answered(struct weft_dht *dht, const struct weft_addr *addr) {
    WEFT_ASSERT(addr != NULL);
    for (uint32_t i = 0; i < dht->newcomers.count; i++) {
        if (!weft_addr_equal(&at(dht, i)->addr, addr)) continue;
        drop(dht, i);
        return;
    }
}

void weft_dht__newcomer_failed(struct weft_dht *dht, const struct weft_addr *addr) {
    struct weft_dht__newcomer *newcomer = find(dht, addr);
    if (newcomer == NULL || newcomer->state != DHT_NEWCOMER_ASKED) return;
    if (newcomer->tries < DHT_NEWCOMER_TRIES) {
        newcomer->state = DHT_NEWCOMER_WAITS;
        set_due(dht, newcomer, DHT_NEWCOMER_RETRY);
        return;
    }
    newcomer->state = DHT_NEWCOMER_COOLS;
    set_due(dht, newcomer, DHT_COOLING);
    struct weft_dht__table *table = weft_dht__table_of(dht, addr->family);
    WEFT_ASSERT(table != NULL);
    weft_id id = newcomer->id;
    weft_dht__table_fill(dht, table, &id);
}

/* A neighbour is asked for our neighbourhood rather than pinged: what it names, and they in turn,
 * makes one of two networks that met in it, at the cost of a longer answer. */
static bool verify(struct weft_dht *dht, const struct weft_dht__table *table,
                   const struct weft_dht__query *query) {
    const struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, &query->id);
    WEFT_ASSERT(query->purpose == DHT_ASK_VERIFY);
    if (weft_dht__table_is_far(table, bucket)) return weft_dht__ping_ask(dht, query);
    return weft_dht__find_node_ask(dht, query, &dht->id);
}

/* Ask one that is due. False: it left the queue. */
static bool ask(struct weft_dht *dht, struct weft_dht__newcomer *newcomer) {
    WEFT_ASSERT(newcomer->state != DHT_NEWCOMER_ASKED || newcomer->tries > 0);
    const struct weft_dht__table *table = weft_dht__table_of(dht, newcomer->addr.family);
    WEFT_ASSERT(table != NULL);
    if (newcomer->state != DHT_NEWCOMER_WAITS) return false;
    if (weft_dht__table_find(dht, table, &newcomer->id) != NULL) return false;
    const struct weft_dht__query query = {
        .id = newcomer->id, .to = newcomer->addr, .purpose = DHT_ASK_VERIFY, .lookup = DHT_NONE};
    if (!verify(dht, table, &query)) {
        set_due(dht, newcomer, WEFT_MS(100));
        return true;
    }
    newcomer->state = DHT_NEWCOMER_ASKED;
    newcomer->tries++;
    set_due(dht, newcomer, weft_time_add(dht->config->query_timeout, WEFT_S(1)));
    return true;
}

void weft_dht__newcomer_run(struct weft_dht *dht) {
    weft_dht__tick now = weft_dht__tick_now(dht);
    for (uint32_t i = 0; i < dht->newcomers.count;) {
        struct weft_dht__newcomer *newcomer = at(dht, i);
        if (weft_dht__tick_reached(newcomer->due, now) && !ask(dht, newcomer)) {
            drop(dht, i);
        } else {
            i++;
        }
    }
    dht->due.newcomers = WEFT_TIME_NEVER;
    for (uint32_t i = 0; i < dht->newcomers.count; i++) {
        weft_time due = weft_dht__tick_time(dht, at(dht, i)->due);
        dht->due.newcomers = weft_time_min(dht->due.newcomers, due);
    }
}
