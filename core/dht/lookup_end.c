/* The end of a lookup: what it found, and storing at the closest. */
#include "core/dht/internal.h"

#include <string.h>

#define FOUND_MAX (2 * WEFT_DHT_K_MAX)

struct found {
    struct weft_contact closest[FOUND_MAX];
    uint32_t count, depth;
};

static bool has_answered(const struct weft_dht__candidate *candidate) {
    WEFT_ASSERT(candidate->state != 0);
    return candidate->state == DHT_ANSWERED || candidate->state == DHT_STORING ||
           candidate->state == DHT_STORED;
}

/* The next that answered of `list` from *index on, which moves behind it. */
static struct weft_dht__candidate *next_answered(const struct weft_dht__array *list,
                                                 uint32_t *index) {
    while (*index < list->count) {
        struct weft_dht__candidate *candidate = weft_dht__candidate_at(list, (*index)++);
        if (has_answered(candidate)) return candidate;
    }
    return NULL;
}

/* Up to k of each family, merged by distance; v4 first when a node is on both. */
static void collect(const struct weft_dht *dht, const struct weft_dht__lookup *lookup,
                    struct found *found) {
    uint32_t index[2] = {0, 0}, taken[2] = {0, 0};
    struct weft_dht__candidate *next[2];
    for (size_t i = 0; i < 2; i++) next[i] = next_answered(&lookup->lists[i], &index[i]);
    found->count = found->depth = 0;
    while (next[0] != NULL || next[1] != NULL) {
        size_t side = next[0] == NULL;
        if (next[0] != NULL && next[1] != NULL) {
            side = weft_id_closer(&lookup->target, &next[0]->id, &next[1]->id) > 0;
        }
        if (found->count == 0) found->depth = next[side]->depth;
        WEFT_ASSERT(found->count < FOUND_MAX);
        found->closest[found->count++] = (struct weft_contact){next[side]->id, next[side]->addr};
        next[side] = ++taken[side] < dht->config->k
                         ? next_answered(&lookup->lists[side], &index[side])
                         : NULL;
    }
}

static uint32_t values_found(const struct weft_dht__lookup *lookup) {
    if (lookup->kind == WEFT_LOOKUP_PEERS) return lookup->peers.count;
    return lookup->kind == WEFT_LOOKUP_VALUE && lookup->store == 0 && lookup->value != NULL;
}

static int search_status(const struct weft_dht__lookup *lookup) {
    bool for_value = lookup->kind == WEFT_LOOKUP_PEERS || lookup->kind == WEFT_LOOKUP_VALUE;
    bool found = for_value && lookup->store == 0 ? values_found(lookup) > 0 : lookup->replies > 0;
    return found ? WEFT_OK : WEFT_ERR_NOT_FOUND;
}

static void tell_search(struct weft_dht *dht, const struct weft_dht__lookup *lookup,
                        const struct found *found) {
    unsigned char ids[(1 + FOUND_MAX) * WEFT_ID_SIZE];
    const uint64_t numbers[] = {lookup->op,
                                lookup->kind,
                                (uint64_t)(int64_t)search_status(lookup),
                                values_found(lookup),
                                lookup->queries,
                                lookup->replies,
                                found->depth,
                                (uint64_t)(dht->now - lookup->started)};
    WEFT_ASSERT(found->count <= FOUND_MAX);
    memcpy(ids, &lookup->target, WEFT_ID_SIZE);
    for (uint32_t i = 0; i < found->count; i++) {
        memcpy(ids + (i + 1) * WEFT_ID_SIZE, &found->closest[i].id, WEFT_ID_SIZE);
    }
    weft_dht__fact(dht, WEFT_TRACE_LOOKUP_DONE, numbers, 8,
                   weft_bytes(ids, (1 + found->count) * WEFT_ID_SIZE));
}

static void tell_store(struct weft_dht *dht, const struct weft_dht__lookup *lookup, int status) {
    const uint64_t numbers[] = {lookup->op, lookup->store, (uint64_t)(int64_t)status,
                                lookup->stored, (uint64_t)(dht->now - lookup->started)};
    WEFT_ASSERT(lookup->store != 0);
    weft_dht__fact(dht, WEFT_TRACE_STORE_DONE, numbers, 5,
                   weft_bytes(&lookup->target, sizeof lookup->target));
}

static struct weft_dht_result result_of(const struct weft_dht *dht,
                                        const struct weft_dht__lookup *lookup,
                                        const struct found *found) {
    struct weft_dht_result result = {
        .op = lookup->op,
        .kind = (enum weft_lookup_kind)lookup->kind,
        .stores = lookup->store != 0,
        .status = search_status(lookup),
        .target = lookup->target,
        .closest = found->closest,
        .closest_count = found->count,
        .peers = lookup->peers.items,
        .peers_count = lookup->peers.count,
        .stored = lookup->stored,
        .queries = lookup->queries,
        .replies = lookup->replies,
        .depth = found->depth,
        .took = dht->now - lookup->started,
    };
    if (values_found(lookup) > 0 && lookup->kind == WEFT_LOOKUP_VALUE) {
        result.value = weft_bytes(lookup->value, lookup->value_size);
    }
    if (result.stores) result.status = lookup->stored > 0 ? WEFT_OK : WEFT_ERR_TIMEOUT;
    return result;
}

static void end(struct weft_dht *dht, struct weft_dht__lookup *lookup, const struct found *found) {
    struct weft_dht_result result = result_of(dht, lookup, found);
    WEFT_ASSERT(dht->sink != NULL);
    if (result.stores) {
        tell_store(dht, lookup, result.status);
        weft_dht__repeat_ended(dht, lookup, result.status == WEFT_OK);
    }
    if (lookup->kind == WEFT_LOOKUP_JOIN) weft_dht__join_ended(dht, &result);
    if (!lookup->internal) dht->sink->done(dht->sink->ctx, &result);
    weft_dht__lookup_free(dht, lookup);
}

void weft_dht__lookup_searched(struct weft_dht *dht, struct weft_dht__lookup *lookup) {
    struct found found;
    WEFT_ASSERT(!lookup->storing);
    collect(dht, lookup, &found);
    tell_search(dht, lookup, &found);
    if (lookup->store == 0) {
        end(dht, lookup, &found);
        return;
    }
    lookup->storing = true;
    lookup->active = lookup->outstanding = 0; /* late answers to the search find nobody */
    weft_dht__lookup_store(dht, lookup);
}

static bool ask(struct weft_dht *dht, const struct weft_dht__lookup *lookup,
                const struct weft_dht__candidate *candidate) {
    const struct weft_dht__query query = {.id = candidate->id,
                                          .to = candidate->addr,
                                          .serial = lookup->serial,
                                          .lookup = lookup->slot,
                                          .purpose = DHT_ASK_STORE};
    struct weft_bytes token = weft_bytes(candidate->token, candidate->token_size);
    WEFT_ASSERT(token.size > 0);
    if (lookup->store == WEFT_STORE_PEER) {
        return weft_dht__announce_peer_ask(dht, &query, lookup, token);
    }
    return weft_dht__item_put_ask(dht, &query, lookup, token);
}

/* False: no room among the pending, wait for some. */
static bool store_at(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                     struct weft_dht__candidate *candidate) {
    WEFT_ASSERT(candidate->state == DHT_ANSWERED);
    if (candidate->token_size == 0) {
        candidate->state = DHT_STORED; /* it gave no token: nothing to ask of it */
        return true;
    }
    if (ask(dht, lookup, candidate)) {
        candidate->state = DHT_STORING;
        lookup->outstanding++;
        return true;
    }
    if (dht->pending.count > 0) {
        dht->stalled = true;
        return false;
    }
    candidate->state = DHT_STORED; /* no memory for a single query */
    return true;
}

static bool store_in(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                     const struct weft_dht__array *list) {
    uint32_t index = 0;
    WEFT_ASSERT(lookup->storing);
    for (uint32_t i = 0; i < dht->config->k; i++) {
        struct weft_dht__candidate *candidate = next_answered(list, &index);
        if (candidate == NULL) return true;
        if (candidate->state == DHT_ANSWERED && !store_at(dht, lookup, candidate)) return false;
    }
    return true;
}

void weft_dht__lookup_store(struct weft_dht *dht, struct weft_dht__lookup *lookup) {
    struct found found;
    WEFT_ASSERT(lookup->storing);
    if (!store_in(dht, lookup, &lookup->lists[0])) return;
    if (!store_in(dht, lookup, &lookup->lists[1])) return;
    if (lookup->outstanding > 0) return;
    collect(dht, lookup, &found);
    end(dht, lookup, &found);
}

void weft_dht__lookup_stored(struct weft_dht *dht, const struct weft_dht__query *query,
                             bool accepted) {
    struct weft_dht__lookup *lookup = weft_dht__lookup_of(dht, query);
    if (lookup == NULL || !lookup->storing) return;
    struct weft_dht__candidate *candidate =
        weft_dht__candidate_find(lookup, &query->id, &query->to);
    WEFT_ASSERT(candidate != NULL);
    WEFT_ASSERT(candidate->state == DHT_STORING);
    WEFT_ASSERT(lookup->outstanding > 0);
    candidate->state = DHT_STORED;
    lookup->outstanding--;
    lookup->stored += accepted;
    weft_dht__lookup_store(dht, lookup);
}
