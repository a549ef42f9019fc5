/* Addresses of contacts that were forgotten. A few are tried again, ever more seldom, so that two
 * halves of a network parted for longer than forget_after find each other again. */
#include "core/dht/internal.h"

static struct weft_dht__lost *at(const struct weft_dht *dht, uint32_t index) {
    WEFT_ASSERT(index < dht->lost.count);
    return (struct weft_dht__lost *)dht->lost.items + index;
}

static void set_due(struct weft_dht *dht, struct weft_dht__lost *lost) {
    WEFT_ASSERT(lost->tries < DHT_LOST_TRIES);
    weft_duration wait = (lost->added ? DHT_ADDED_RETRY : DHT_LOST_RETRY) << lost->tries;
    wait = wait / 2 + weft_dht__jitter(dht, wait);
    lost->due = weft_dht__tick_now(dht) + 1 + weft_dht__ticks(wait);
    dht->due.lost = weft_time_min(dht->due.lost, weft_dht__tick_time(dht, lost->due));
}

static void drop(struct weft_dht *dht, uint32_t index) {
    *at(dht, index) = *at(dht, dht->lost.count - 1);
    if (--dht->lost.count > 0) return;
    weft_dht__array_free(dht, &dht->lost, sizeof(struct weft_dht__lost));
    dht->due.lost = WEFT_TIME_NEVER;
}

/* A full list takes a newcomer in a random place: it stays a sample of all that were lost. */
void weft_dht__lost_add(struct weft_dht *dht, const struct weft_addr *addr, bool added) {
    WEFT_ASSERT(addr->port != 0);
    WEFT_ASSERT(dht->lost.count <= DHT_LOST_MAX);
    for (uint32_t i = 0; i < dht->lost.count; i++) {
        if (weft_addr_equal(&at(dht, i)->addr, addr)) return;
    }
    uint32_t place = dht->lost.count;
    if (place == DHT_LOST_MAX) {
        place = (uint32_t)weft_rand_below(&dht->rand, DHT_LOST_MAX);
    } else {
        if (!weft_dht__reserve(dht, &dht->lost, place + 1, sizeof(struct weft_dht__lost))) return;
        dht->lost.count++;
    }
    *at(dht, place) = (struct weft_dht__lost){.addr = *addr, .added = added};
    set_due(dht, at(dht, place));
}

bool weft_dht__lost_found(struct weft_dht *dht, const struct weft_addr *addr) {
    WEFT_ASSERT(addr != NULL);
    for (uint32_t i = 0; i < dht->lost.count; i++) {
        if (!weft_addr_equal(&at(dht, i)->addr, addr)) continue;
        drop(dht, i);
        return true;
    }
    return false;
}

static bool ask(struct weft_dht *dht, struct weft_dht__lost *lost) {
    WEFT_ASSERT(lost->tries < DHT_LOST_TRIES);
    if (++lost->tries == DHT_LOST_TRIES) return false;
    const struct weft_dht__query query = {
        .to = lost->addr, .purpose = DHT_ASK_ADD, .lookup = DHT_NONE};
    (void)weft_dht__find_node_ask(dht, &query, &dht->id); /* no room: the next try */
    set_due(dht, lost);
    return true;
}

void weft_dht__lost_run(struct weft_dht *dht) {
    weft_dht__tick now = weft_dht__tick_now(dht);
    for (uint32_t i = 0; i < dht->lost.count;) {
        if (weft_dht__tick_reached(at(dht, i)->due, now) && !ask(dht, at(dht, i))) {
            drop(dht, i);
        } else {
            i++;
        }
    }
    dht->due.lost = WEFT_TIME_NEVER;
    for (uint32_t i = 0; i < dht->lost.count; i++) {
        weft_time due = weft_dht__tick_time(dht, at(dht, i)->due);
        dht->due.lost = weft_time_min(dht->due.lost, due);
    }
}
