/* Queries under way: matched by transaction id and address (R2), given up in the order sent. */
#include "core/dht/internal.h"

#include <string.h>

#define SLOTS_FIRST 4
#define SLOTS_KEPT 4 /* when nothing is under way */

static struct weft_dht__query *slot_at(const struct weft_dht *dht, uint16_t slot) {
    WEFT_ASSERT(slot < dht->pending.capacity);
    return &dht->pending.slots[slot];
}

static void add_free(struct weft_dht__pending *pending, uint32_t from) {
    WEFT_ASSERT(pending->capacity < DHT_NONE);
    for (uint32_t i = pending->capacity; i-- > from;) {
        pending->slots[i] =
            (struct weft_dht__query){.next = pending->free, .prev = DHT_NONE, .purpose = 0};
        pending->free = (uint16_t)i;
    }
}

static bool grow(struct weft_dht *dht) {
    struct weft_dht__pending *pending = &dht->pending;
    WEFT_ASSERT(pending->free == DHT_NONE);
    uint32_t old = pending->capacity, capacity = old == 0 ? SLOTS_FIRST : 2 * old;
    if (capacity > dht->config->pending_max) capacity = dht->config->pending_max;
    if (capacity <= old) return false;
    void *slots = weft_mem_resize(dht->mem, pending->slots, old * sizeof *pending->slots,
                                  capacity * sizeof *pending->slots);
    if (slots == NULL) return false;
    pending->slots = slots;
    pending->capacity = (uint16_t)capacity;
    add_free(pending, old);
    return true;
}

void weft_dht__query_free(struct weft_dht *dht) {
    struct weft_dht__pending *pending = &dht->pending;
    weft_mem_free(dht->mem, pending->slots, pending->capacity * sizeof *pending->slots);
    *pending = (struct weft_dht__pending){
        .head = DHT_NONE, .tail = DHT_NONE, .free = DHT_NONE, .slow = DHT_NONE};
}

/* The first from `slot` on that may become slow: of a lookup. */
static uint16_t next_slow(const struct weft_dht *dht, uint16_t slot) {
    while (slot != DHT_NONE && slot_at(dht, slot)->purpose != DHT_ASK_LOOKUP) {
        slot = slot_at(dht, slot)->next;
    }
    return slot;
}

static void link_last(struct weft_dht *dht, uint16_t slot) {
    struct weft_dht__pending *pending = &dht->pending;
    struct weft_dht__query *query = slot_at(dht, slot);
    query->prev = pending->tail;
    query->next = DHT_NONE;
    if (pending->tail == DHT_NONE) {
        WEFT_ASSERT(pending->head == DHT_NONE);
        pending->head = slot;
    } else {
        slot_at(dht, pending->tail)->next = slot;
    }
    pending->tail = slot;
    pending->count++;
    if (pending->slow == DHT_NONE) pending->slow = next_slow(dht, slot);
}

static void release(struct weft_dht *dht, uint16_t slot) {
    struct weft_dht__pending *pending = &dht->pending;
    struct weft_dht__query *query = slot_at(dht, slot);
    WEFT_ASSERT(pending->count > 0);
    WEFT_ASSERT(query->purpose != 0);
    if (pending->slow == slot) pending->slow = next_slow(dht, query->next);
    if (query->prev == DHT_NONE) {
        pending->head = query->next;
    } else {
        slot_at(dht, query->prev)->next = query->next;
    }
    if (query->next == DHT_NONE) {
        pending->tail = query->prev;
    } else {
        slot_at(dht, query->next)->prev = query->prev;
    }
    query->purpose = 0;
    query->next = pending->free;
    pending->free = slot;
    pending->count--;
    if (pending->count == 0 && pending->capacity > SLOTS_KEPT) weft_dht__query_free(dht);
}

static void put_tid(unsigned char tid[DHT_TID_SIZE], uint16_t slot, uint16_t nonce) {
    tid[0] = (unsigned char)(nonce >> 8);
    tid[1] = (unsigned char)nonce;
    tid[2] = (unsigned char)(slot >> 8);
    tid[3] = (unsigned char)slot;
}

static bool transmit(struct weft_dht *dht, const struct weft_dht__query *query, uint16_t slot,
                     struct weft_krpc *msg) {
    unsigned char tid[DHT_TID_SIZE], packet[WEFT_KRPC_SIZE_MAX];
    size_t size = 0;
    put_tid(tid, slot, query->nonce);
    msg->type = WEFT_KRPC_QUERY;
    msg->tid = weft_bytes(tid, sizeof tid);
    msg->version = weft_bytes(dht->config->version, sizeof dht->config->version);
    msg->read_only = dht->config->read_only;
    msg->id = &dht->id;
    if (weft_krpc_encode(msg, NULL, packet, sizeof packet, &size) != WEFT_OK) return false;
    WEFT_ASSERT(size <= WEFT_KRPC_SIZE_MAX);
    dht->sink->send(dht->sink->ctx, &query->to, weft_bytes(packet, size));
    dht->sent++;
    return true;
}

bool weft_dht__query_send(struct weft_dht *dht, const struct weft_dht__query *query,
                          struct weft_krpc *msg) {
    struct weft_dht__pending *pending = &dht->pending;
    WEFT_ASSERT(query->purpose != 0);
    WEFT_ASSERT(dht->sink != NULL);
    if (pending->count >= dht->config->pending_max) return false;
    if (pending->free == DHT_NONE && !grow(dht)) return false;
    uint16_t slot = pending->free;
    struct weft_dht__query *entry = slot_at(dht, slot);
    pending->free = entry->next;
    *entry = *query;
    entry->sent = dht->now;
    entry->nonce = (uint16_t)weft_rand_u64(&dht->rand);
    link_last(dht, slot);
    if (transmit(dht, entry, slot, msg)) return true;
    release(dht, slot);
    return false;
}

bool weft_dht__query_take(struct weft_dht *dht, struct weft_bytes tid, const struct weft_addr *from,
                          struct weft_dht__query *out) {
    WEFT_ASSERT(out != NULL);
    if (tid.size != DHT_TID_SIZE) return false;
    uint16_t nonce = (uint16_t)(tid.data[0] << 8 | tid.data[1]);
    uint16_t slot = (uint16_t)(tid.data[2] << 8 | tid.data[3]);
    if (slot >= dht->pending.capacity) return false;
    const struct weft_dht__query *query = slot_at(dht, slot);
    if (query->purpose == 0 || query->nonce != nonce) return false;
    if (!weft_addr_equal(&query->to, from)) return false;
    *out = *query;
    release(dht, slot);
    return true;
}

bool weft_dht__query_to(const struct weft_dht *dht, const struct weft_addr *addr) {
    WEFT_ASSERT(addr != NULL);
    for (uint16_t i = dht->pending.head; i != DHT_NONE; i = slot_at(dht, i)->next) {
        if (weft_addr_equal(&slot_at(dht, i)->to, addr)) return true;
    }
    return false;
}

static weft_time slow_at(const struct weft_dht *dht) {
    if (dht->pending.slow == DHT_NONE) return WEFT_TIME_NEVER;
    return weft_time_add(slot_at(dht, dht->pending.slow)->sent, dht->config->query_slow);
}

static weft_time timeout_at(const struct weft_dht *dht) {
    if (dht->pending.head == DHT_NONE) return WEFT_TIME_NEVER;
    return weft_time_add(slot_at(dht, dht->pending.head)->sent, dht->config->query_timeout);
}

weft_time weft_dht__query_next_at(const struct weft_dht *dht) {
    return weft_time_min(slow_at(dht), timeout_at(dht));
}

void weft_dht__query_failed(struct weft_dht *dht, const struct weft_dht__query *query) {
    WEFT_ASSERT(query->purpose != 0);
    if (query->purpose != DHT_ASK_ADD) {
        weft_dht__table_failed(dht, &query->id, &query->to, query->sent);
    } else {
        /* Given by the caller: it may only be late, and others may come through it meanwhile.
         * Without it the two would stay islands (scenarios/leaf-degree-one.yaml). */
        weft_dht__lost_add(dht, &query->to, true);
    }
    weft_dht__newcomer_failed(dht, &query->to);
    if (query->purpose == DHT_ASK_LOOKUP) weft_dht__lookup_failed(dht, query);
    if (query->purpose == DHT_ASK_STORE) weft_dht__lookup_stored(dht, query, false);
}

void weft_dht__query_run(struct weft_dht *dht) {
    while (timeout_at(dht) <= dht->now) {
        struct weft_dht__query query = *slot_at(dht, dht->pending.head);
        release(dht, dht->pending.head);
        dht->timeouts++;
        weft_dht__query_failed(dht, &query);
    }
    while (slow_at(dht) <= dht->now) {
        struct weft_dht__query query = *slot_at(dht, dht->pending.slow);
        dht->pending.slow = next_slow(dht, query.next);
        weft_dht__lookup_slow(dht, &query);
    }
}
