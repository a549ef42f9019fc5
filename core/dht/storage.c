/* What others announced and put here. A full table refuses the new rather than lose the stored:
 * whoever is turned away has other nodes, whoever is evicted does not know. */
#include "core/dht/internal.h"

#include <string.h>

static struct weft_dht__stored **entries(const struct weft_dht *dht) { return dht->stored.items; }

static int order(const struct weft_dht__stored *entry, const weft_id *key,
                 enum weft_store_kind kind) {
    int by_key = weft_id_compare(&entry->key, key);
    return by_key != 0 ? by_key : (int)entry->kind - (int)kind;
}

/* The first entry not before (key, kind). */
static uint32_t position(const struct weft_dht *dht, const weft_id *key,
                         enum weft_store_kind kind) {
    uint32_t low = 0, high = dht->stored.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        WEFT_ASSERT(entries(dht)[middle] != NULL);
        if (order(entries(dht)[middle], key, kind) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct weft_dht__stored *weft_dht__storage_find(const struct weft_dht *dht, const weft_id *key,
                                                enum weft_store_kind kind) {
    WEFT_ASSERT(key != NULL);
    uint32_t index = position(dht, key, kind);
    if (index == dht->stored.count) return NULL;
    struct weft_dht__stored *entry = entries(dht)[index];
    return order(entry, key, kind) == 0 ? entry : NULL;
}

static struct weft_dht__peer *peer_at(const struct weft_dht__stored *entry, uint32_t index) {
    WEFT_ASSERT(index < entry->peers.count);
    return (struct weft_dht__peer *)entry->peers.items + index;
}

static void free_entry(struct weft_dht *dht, struct weft_dht__stored *entry) {
    uint32_t values = entry->kind == WEFT_STORE_VALUE ? entry->value != NULL : entry->peers.count;
    WEFT_ASSERT(dht->values >= values);
    dht->values -= values;
    weft_dht__array_free(dht, &entry->peers, sizeof(struct weft_dht__peer));
    weft_mem_free(dht->mem, entry->value, entry->value_size);
    weft_mem_free(dht->mem, entry, sizeof *entry);
}

static void drop_entry(struct weft_dht *dht, uint32_t index) {
    WEFT_ASSERT(index < dht->stored.count);
    free_entry(dht, entries(dht)[index]);
    struct weft_dht__stored **slot = entries(dht) + index;
    memmove(slot, slot + 1, (dht->stored.count - index - 1) * sizeof *slot);
    if (--dht->stored.count > 0) return;
    weft_dht__array_free(dht, &dht->stored, sizeof *slot);
}

static int create(struct weft_dht *dht, const weft_id *key, enum weft_store_kind kind,
                  struct weft_dht__stored **out) {
    if (dht->stored.count >= dht->config->keys_max) return WEFT_ERR_FULL;
    if (!weft_dht__reserve(dht, &dht->stored, dht->stored.count + 1, sizeof *out)) {
        return WEFT_ERR_NOMEM;
    }
    struct weft_dht__stored *entry = weft_mem_zalloc(dht->mem, sizeof *entry);
    if (entry == NULL) return WEFT_ERR_NOMEM;
    entry->key = *key;
    entry->kind = (uint8_t)kind;
    uint32_t index = position(dht, key, kind);
    struct weft_dht__stored **slot = entries(dht) + index;
    memmove(slot + 1, slot, (dht->stored.count - index) * sizeof *slot);
    *slot = entry;
    dht->stored.count++;
    *out = entry;
    return WEFT_OK;
}

static void set_due(struct weft_dht *dht, weft_dht__tick tick) {
    WEFT_ASSERT(!weft_dht__tick_reached(tick, weft_dht__tick_now(dht)));
    dht->due.stored = weft_time_min(dht->due.stored, weft_dht__tick_time(dht, tick));
}

static void remove_peer(struct weft_dht *dht, struct weft_dht__stored *entry, uint32_t index) {
    struct weft_dht__peer *slot = peer_at(entry, index);
    memmove(slot, slot + 1, (entry->peers.count - index - 1) * sizeof *slot);
    entry->peers.count--;
    WEFT_ASSERT(dht->values > 0);
    dht->values--;
}

static int add_peer(struct weft_dht *dht, struct weft_dht__stored *entry,
                    const struct weft_addr *peer) {
    for (uint32_t i = 0; i < entry->peers.count; i++) { /* announced again: as if new */
        if (!weft_addr_equal(&peer_at(entry, i)->addr, peer)) continue;
        remove_peer(dht, entry, i);
        break;
    }
    if (entry->peers.count >= dht->config->peers_max) return WEFT_ERR_FULL;
    uint32_t count = entry->peers.count;
    if (!weft_dht__reserve(dht, &entry->peers, count + 1, sizeof(struct weft_dht__peer))) {
        return WEFT_ERR_NOMEM;
    }
    entry->peers.count++;
    *peer_at(entry, count) = (struct weft_dht__peer){
        *peer, weft_dht__tick_now(dht) + weft_dht__ticks(dht->config->peer_lifetime)};
    set_due(dht, peer_at(entry, count)->expires);
    dht->values++;
    return WEFT_OK;
}

int weft_dht__storage_peer(struct weft_dht *dht, const weft_id *key, const struct weft_addr *peer) {
    WEFT_ASSERT(peer->port != 0);
    struct weft_dht__stored *entry = weft_dht__storage_find(dht, key, WEFT_STORE_PEER);
    if (entry != NULL) return add_peer(dht, entry, peer);
    int error = create(dht, key, WEFT_STORE_PEER, &entry);
    if (error != WEFT_OK) return error;
    error = add_peer(dht, entry, peer);
    if (error != WEFT_OK) drop_entry(dht, position(dht, key, WEFT_STORE_PEER));
    return error;
}

static int new_item(struct weft_dht *dht, const weft_id *key, struct weft_bytes value,
                    struct weft_dht__stored **out) {
    unsigned char *copy = weft_mem_alloc(dht->mem, value.size);
    if (copy == NULL) return WEFT_ERR_NOMEM;
    int error = create(dht, key, WEFT_STORE_VALUE, out);
    if (error != WEFT_OK) {
        weft_mem_free(dht->mem, copy, value.size);
        return error;
    }
    memcpy(copy, value.data, value.size);
    (*out)->value = copy;
    (*out)->value_size = (uint32_t)value.size;
    dht->values++;
    return WEFT_OK;
}

int weft_dht__storage_item(struct weft_dht *dht, const weft_id *key, struct weft_bytes value) {
    WEFT_ASSERT(value.size > 0);
    WEFT_ASSERT(value.size <= WEFT_ITEM_SIZE_MAX);
    struct weft_dht__stored *entry = weft_dht__storage_find(dht, key, WEFT_STORE_VALUE);
    if (entry == NULL) {
        int error = new_item(dht, key, value, &entry);
        if (error != WEFT_OK) return error;
    }
    entry->expires = weft_dht__tick_now(dht) + weft_dht__ticks(dht->config->item_lifetime);
    set_due(dht, entry->expires);
    return WEFT_OK;
}

size_t weft_dht__storage_peers(struct weft_dht *dht, const weft_id *key, unsigned family,
                               unsigned char *out, size_t max) {
    const struct weft_dht__stored *entry = weft_dht__storage_find(dht, key, WEFT_STORE_PEER);
    uint32_t left = 0;
    size_t count = 0;
    WEFT_ASSERT(out != NULL);
    for (uint32_t i = 0; entry != NULL && i < entry->peers.count; i++) {
        left += peer_at(entry, i)->addr.family == family;
    }
    for (uint32_t i = 0; left > 0 && count < max; i++) { /* Knuth's selection sampling */
        const struct weft_addr *peer = &peer_at(entry, i)->addr;
        if (peer->family != family) continue;
        size_t wanted = max - count;
        bool chosen = wanted >= left || weft_rand_below(&dht->rand, left) < wanted;
        left--;
        if (!chosen) continue;
        out += weft_compact_peer_write(peer, out);
        count++;
    }
    return count;
}

/* Drop what expired of `entry`. False: nothing is left. Else *next is when more will. */
static bool expire(struct weft_dht *dht, struct weft_dht__stored *entry, weft_dht__tick *next) {
    weft_dht__tick now = weft_dht__tick_now(dht);
    *next = entry->expires;
    if (entry->kind == WEFT_STORE_VALUE) return !weft_dht__tick_reached(entry->expires, now);
    while (entry->peers.count > 0 && weft_dht__tick_reached(peer_at(entry, 0)->expires, now)) {
        remove_peer(dht, entry, 0);
    }
    if (entry->peers.count == 0) return false;
    *next = peer_at(entry, 0)->expires;
    return true;
}

void weft_dht__storage_run(struct weft_dht *dht) {
    weft_dht__tick next = 0;
    dht->due.stored = WEFT_TIME_NEVER;
    for (uint32_t i = 0; i < dht->stored.count;) {
        if (expire(dht, entries(dht)[i], &next)) {
            set_due(dht, next);
            i++;
        } else {
            drop_entry(dht, i);
        }
    }
    WEFT_ASSERT(dht->stored.count > 0 || dht->values == 0);
}

void weft_dht__storage_free(struct weft_dht *dht) {
    for (uint32_t i = 0; i < dht->stored.count; i++) free_entry(dht, entries(dht)[i]);
    WEFT_ASSERT(dht->values == 0);
    weft_dht__array_free(dht, &dht->stored, sizeof(struct weft_dht__stored *));
}
