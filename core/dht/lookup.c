/* Lookups: ask the closest known, alpha at a time, until the k closest have answered. */
#include "core/dht/internal.h"

#include <string.h>

static struct weft_dht__lookup **slots(const struct weft_dht *dht) { return dht->lookups.items; }

/* A free slot, DHT_NONE: no memory. */
static uint16_t free_slot(struct weft_dht *dht) {
    uint32_t count = dht->lookups.count;
    for (uint32_t i = 0; i < count; i++) {
        if (slots(dht)[i] == NULL) return (uint16_t)i;
    }
    WEFT_ASSERT(count < WEFT_DHT_LOOKUPS_MAX);
    if (!weft_dht__reserve(dht, &dht->lookups, count + 1, sizeof(struct weft_dht__lookup *))) {
        return DHT_NONE;
    }
    slots(dht)[count] = NULL;
    dht->lookups.count++;
    return (uint16_t)count;
}

static void free_tokens(struct weft_dht *dht, const struct weft_dht__array *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        struct weft_dht__candidate *candidate = weft_dht__candidate_at(list, i);
        weft_mem_free(dht->mem, candidate->token, candidate->token_size);
    }
}

void weft_dht__lookup_free(struct weft_dht *dht, struct weft_dht__lookup *lookup) {
    WEFT_ASSERT(slots(dht)[lookup->slot] == lookup);
    WEFT_ASSERT(dht->lookups_count > 0);
    slots(dht)[lookup->slot] = NULL;
    dht->lookups_count--;
    for (size_t i = 0; i < 2; i++) {
        free_tokens(dht, &lookup->lists[i]);
        weft_dht__array_free(dht, &lookup->lists[i], sizeof(struct weft_dht__candidate));
    }
    weft_dht__array_free(dht, &lookup->peers, sizeof(struct weft_addr));
    weft_mem_free(dht->mem, lookup->value, lookup->value_size);
    weft_mem_free(dht->mem, lookup, sizeof *lookup);
    if (dht->lookups_count > 0) return;
    weft_dht__array_free(dht, &dht->lookups, sizeof(struct weft_dht__lookup *));
}

struct weft_dht__lookup *weft_dht__lookup_of(struct weft_dht *dht,
                                             const struct weft_dht__query *query) {
    WEFT_ASSERT(query->purpose == DHT_ASK_LOOKUP || query->purpose == DHT_ASK_STORE);
    if (query->lookup >= dht->lookups.count) return NULL;
    struct weft_dht__lookup *lookup = slots(dht)[query->lookup];
    return lookup != NULL && lookup->serial == query->serial ? lookup : NULL;
}

static void seed_from_table(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                            const struct weft_dht__table *table) {
    const struct weft_contact *found[WEFT_DHT_K_MAX];
    WEFT_ASSERT(dht->config->k <= WEFT_DHT_K_MAX);
    size_t count =
        weft_dht__table_closest(dht, table, &lookup->target, NULL, found, dht->config->k);
    for (size_t i = 0; i < count; i++) weft_dht__candidate_add(dht, lookup, found[i], 1);
}

/* A young table knows little: those waiting to be verified are asked as well. */
static void seed_from_newcomers(struct weft_dht *dht, struct weft_dht__lookup *lookup) {
    const struct weft_dht__newcomer *newcomers = dht->newcomers.items;
    WEFT_ASSERT(dht->newcomers.count == 0 || newcomers != NULL);
    for (uint32_t i = 0; i < dht->newcomers.count; i++) {
        if (newcomers[i].state == DHT_NEWCOMER_COOLS) continue;
        const struct weft_contact contact = {newcomers[i].id, newcomers[i].addr};
        weft_dht__candidate_add(dht, lookup, &contact, 1);
    }
}

/* Compact nodes of one family, `each` bytes a node, at `depth`. */
struct nodes {
    struct weft_bytes packed;
    size_t each;
    unsigned depth;
};

static void add_nodes(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                      const struct nodes *nodes) {
    size_t count = nodes->packed.size / nodes->each;
    struct weft_contact contact;
    WEFT_ASSERT(nodes->packed.size % nodes->each == 0);
    WEFT_ASSERT(nodes->depth > 1);
    for (size_t i = 0; i < count && i < WEFT_DHT_K_MAX; i++) {
        const unsigned char *at = nodes->packed.data + i * nodes->each;
        if (!weft_compact_node_read(&contact.id, &contact.addr, at, nodes->each)) continue;
        weft_dht__candidate_add(dht, lookup, &contact, nodes->depth);
    }
}

static void add_named(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                      const struct weft_krpc *msg, unsigned depth) {
    const struct nodes v4 = {msg->nodes, WEFT_COMPACT_NODE4_SIZE, depth};
    const struct nodes v6 = {msg->nodes6, WEFT_COMPACT_NODE6_SIZE, depth};
    add_nodes(dht, lookup, &v4);
    add_nodes(dht, lookup, &v6);
}

static void seed(struct weft_dht *dht, struct weft_dht__lookup *lookup) {
    bool few = true;
    for (size_t i = 0; i < 2; i++) {
        const struct weft_dht__table *table = &dht->tables[i];
        if (table->family == WEFT_FAMILY_NONE) continue;
        seed_from_table(dht, lookup, table);
        few = few && table->contacts < dht->config->k;
    }
    if (few) seed_from_newcomers(dht, lookup);
    WEFT_ASSERT(lookup->outstanding == 0);
}

/* What we store ourselves is found as well. */
static void seed_values(struct weft_dht *dht, struct weft_dht__lookup *lookup) {
    if (lookup->store != 0) return;
    if (lookup->kind == WEFT_LOOKUP_VALUE) {
        const struct weft_dht__stored *item =
            weft_dht__storage_find(dht, &lookup->target, WEFT_STORE_VALUE);
        if (item == NULL) return;
        weft_dht__lookup_value(dht, lookup, weft_bytes(item->value, item->value_size));
    } else if (lookup->kind == WEFT_LOOKUP_PEERS) {
        const struct weft_dht__stored *entry =
            weft_dht__storage_find(dht, &lookup->target, WEFT_STORE_PEER);
        const struct weft_dht__peer *peers = entry != NULL ? entry->peers.items : NULL;
        for (uint32_t i = 0; entry != NULL && i < entry->peers.count; i++) {
            weft_dht__lookup_peer(dht, lookup, &peers[i].addr);
        }
    }
}

static int create(struct weft_dht *dht, const struct weft_dht__task *task,
                  struct weft_dht__lookup **out) {
    if (dht->lookups_count >= WEFT_DHT_LOOKUPS_MAX) return WEFT_ERR_FULL;
    struct weft_dht__lookup *lookup = weft_mem_zalloc(dht->mem, sizeof *lookup);
    if (lookup == NULL) return WEFT_ERR_NOMEM;
    if (task->value.size > 0) {
        lookup->value = weft_mem_alloc(dht->mem, task->value.size);
        if (lookup->value == NULL) goto err_after_lookup;
        memcpy(lookup->value, task->value.data, task->value.size);
        lookup->value_size = (uint32_t)task->value.size;
    }
    lookup->slot = free_slot(dht);
    if (lookup->slot == DHT_NONE) goto err_after_value;
    lookup->op = task->op;
    lookup->target = *task->target;
    lookup->started = dht->now;
    lookup->kind = (uint8_t)task->kind;
    lookup->store = (uint8_t)task->store;
    lookup->port = task->port;
    lookup->internal = task->internal;
    lookup->serial = ++dht->lookup_serial;
    slots(dht)[lookup->slot] = lookup;
    dht->lookups_count++;
    *out = lookup;
    return WEFT_OK;
err_after_value:
    weft_mem_free(dht->mem, lookup->value, lookup->value_size);
err_after_lookup:
    weft_mem_free(dht->mem, lookup, sizeof *lookup);
    return WEFT_ERR_NOMEM;
}

int weft_dht__lookup_start(struct weft_dht *dht, const struct weft_dht__task *task) {
    struct weft_dht__lookup *lookup = NULL;
    WEFT_ASSERT(task->target != NULL);
    int error = create(dht, task, &lookup);
    if (error != WEFT_OK) return error;
    const uint64_t numbers[] = {lookup->op, lookup->kind};
    weft_dht__fact(dht, WEFT_TRACE_LOOKUP_START, numbers, 2,
                   weft_bytes(&lookup->target, sizeof lookup->target));
    weft_dht__refresh_touch(dht, &lookup->target);
    if (task->named != NULL)
        add_named(dht, lookup, task->named, 2);
    else
        seed(dht, lookup);
    seed_values(dht, lookup);
    weft_dht__lookup_advance(dht, lookup);
    return WEFT_OK;
}

bool weft_dht__lookup_clusters(const struct weft_dht *dht, const struct weft_dht__table *table,
                               const weft_id *target, const weft_id *id) {
    const struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, id);
    WEFT_ASSERT(target != NULL);
    if (bucket != weft_dht__table_bucket(dht, table, target)) return false;
    return weft_dht__table_is_far(table, bucket);
}

static bool ask(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                const struct weft_dht__candidate *candidate) {
    const struct weft_dht__query query = {.id = candidate->id,
                                          .to = candidate->addr,
                                          .serial = lookup->serial,
                                          .lookup = lookup->slot,
                                          .purpose = DHT_ASK_LOOKUP};
    switch ((enum weft_lookup_kind)lookup->kind) {
    case WEFT_LOOKUP_PEERS:
        return weft_dht__get_peers_ask(dht, &query, &lookup->target);
    case WEFT_LOOKUP_VALUE:
        return weft_dht__item_get_ask(dht, &query, &lookup->target);
    case WEFT_LOOKUP_NODES:
    case WEFT_LOOKUP_JOIN:
    case WEFT_LOOKUP_REFRESH:
        return weft_dht__find_node_ask(dht, &query, &lookup->target);
    }
    WEFT_UNREACHABLE("a lookup kind that does not exist");
}

static bool found_enough(const struct weft_dht__lookup *lookup) {
    return lookup->kind == WEFT_LOOKUP_VALUE && lookup->store == 0 && lookup->value != NULL;
}

/* Ask `candidate`. False: there is no room among the pending; wait for some. */
static bool ask_next(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                     struct weft_dht__candidate *candidate) {
    WEFT_ASSERT(candidate->state == DHT_FRESH);
    if (ask(dht, lookup, candidate)) {
        candidate->state = DHT_ASKED;
        lookup->queries++;
        lookup->active++;
        lookup->outstanding++;
        return true;
    }
    if (dht->pending.count > 0) {
        dht->stalled = true;
        return false;
    }
    candidate->state = DHT_FAILED; /* not even the first: no memory */
    return true;
}

static bool asked_enough(const struct weft_dht *dht, const struct weft_dht__lookup *lookup) {
    WEFT_ASSERT(dht->config->k > 0);
    return lookup->queries >= DHT_QUERIES_PER_K * dht->config->k;
}

void weft_dht__lookup_advance(struct weft_dht *dht, struct weft_dht__lookup *lookup) {
    bool open = false;
    WEFT_ASSERT(lookup->active <= lookup->outstanding); /* I9 */
    if (lookup->storing) {
        weft_dht__lookup_store(dht, lookup);
        return;
    }
    while (!found_enough(lookup)) {
        struct weft_dht__candidate *next = weft_dht__candidate_next(dht, lookup, &open);
        if (next == NULL) break;
        if (asked_enough(dht, lookup)) {
            open = lookup->outstanding > 0;
            break;
        }
        if (lookup->active >= dht->config->alpha || !ask_next(dht, lookup, next)) return;
    }
    if (!open || found_enough(lookup)) weft_dht__lookup_searched(dht, lookup);
}

void weft_dht__lookup_resume(struct weft_dht *dht) {
    if (dht->pending.count >= dht->config->pending_max) return;
    dht->stalled = false;
    for (uint32_t i = 0; i < dht->lookups.count; i++) {
        struct weft_dht__lookup *lookup = slots(dht)[i];
        if (lookup == NULL) continue;
        WEFT_ASSERT(lookup->slot == i);
        weft_dht__lookup_advance(dht, lookup);
    }
}

/* The candidate `query` asked, no longer under way; NULL: its lookup has ended. */
static struct weft_dht__candidate *arrived(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                                           const struct weft_dht__query *query) {
    if (lookup == NULL || lookup->storing) return NULL;
    struct weft_dht__candidate *candidate =
        weft_dht__candidate_find(lookup, &query->id, &query->to);
    WEFT_ASSERT(candidate != NULL);
    WEFT_ASSERT(candidate->state == DHT_ASKED || candidate->state == DHT_SLOW);
    WEFT_ASSERT(lookup->outstanding > 0);
    (void)dht;
    lookup->outstanding--;
    if (candidate->state == DHT_ASKED) lookup->active--;
    return candidate;
}

void weft_dht__lookup_slow(struct weft_dht *dht, const struct weft_dht__query *query) {
    struct weft_dht__lookup *lookup = weft_dht__lookup_of(dht, query);
    if (lookup == NULL || lookup->storing) return;
    struct weft_dht__candidate *candidate =
        weft_dht__candidate_find(lookup, &query->id, &query->to);
    WEFT_ASSERT(candidate != NULL);
    WEFT_ASSERT(candidate->state == DHT_ASKED);
    candidate->state = DHT_SLOW;
    lookup->active--;
    weft_dht__lookup_advance(dht, lookup);
}

void weft_dht__lookup_failed(struct weft_dht *dht, const struct weft_dht__query *query) {
    struct weft_dht__lookup *lookup = weft_dht__lookup_of(dht, query);
    struct weft_dht__candidate *candidate = arrived(dht, lookup, query);
    if (candidate == NULL) return;
    candidate->state = DHT_FAILED;
    weft_dht__lookup_advance(dht, lookup);
}

static void keep_token(struct weft_dht *dht, const struct weft_dht__lookup *lookup,
                       struct weft_dht__candidate *candidate, struct weft_bytes token) {
    WEFT_ASSERT(candidate->token == NULL);
    if (lookup->store == 0 || token.size == 0 || token.size > WEFT_KRPC_TOKEN_MAX) return;
    candidate->token = weft_mem_alloc(dht->mem, token.size);
    if (candidate->token == NULL) return;
    memcpy(candidate->token, token.data, token.size);
    candidate->token_size = (uint8_t)token.size;
}

void weft_dht__lookup_reply(struct weft_dht *dht, const struct weft_dht__query *query,
                            const struct weft_krpc *msg) {
    struct weft_dht__lookup *lookup = weft_dht__lookup_of(dht, query);
    struct weft_dht__candidate *candidate = arrived(dht, lookup, query);
    if (candidate == NULL) return;
    if (weft_id_equal(msg->id, &query->id)) {
        candidate->state = DHT_ANSWERED;
        lookup->replies++;
        keep_token(dht, lookup, candidate, msg->token);
        add_named(dht, lookup, msg, candidate->depth + 1u);
        if (lookup->kind == WEFT_LOOKUP_PEERS) weft_dht__get_peers_reply(dht, lookup, msg);
        if (lookup->kind == WEFT_LOOKUP_VALUE) weft_dht__item_get_reply(dht, lookup, msg);
    } else {
        candidate->state = DHT_FAILED; /* not who it was said to be */
    }
    weft_dht__lookup_advance(dht, lookup);
}

void weft_dht__lookup_peer(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                           const struct weft_addr *peer) {
    struct weft_addr *peers = lookup->peers.items;
    uint32_t low = 0, high = lookup->peers.count;
    WEFT_ASSERT(high <= WEFT_DHT_RESULT_VALUES_MAX);
    if (high == WEFT_DHT_RESULT_VALUES_MAX) return;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(&peers[middle], peer, sizeof *peer);
        if (order == 0) return;
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (!weft_dht__reserve(dht, &lookup->peers, lookup->peers.count + 1, sizeof *peer)) return;
    peers = lookup->peers.items;
    memmove(peers + low + 1, peers + low, (lookup->peers.count - low) * sizeof *peer);
    peers[low] = *peer;
    lookup->peers.count++;
}

void weft_dht__lookup_value(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                            struct weft_bytes value) {
    WEFT_ASSERT(value.size > 0);
    WEFT_ASSERT(value.size <= WEFT_ITEM_SIZE_MAX);
    if (lookup->value != NULL) return; /* immutable: the same bytes */
    lookup->value = weft_mem_alloc(dht->mem, value.size);
    if (lookup->value == NULL) return;
    memcpy(lookup->value, value.data, value.size);
    lookup->value_size = (uint32_t)value.size;
}
