/* The candidates of a lookup: of each family a list sorted by distance (I8). */
#include "core/dht/internal.h"

#include <string.h>

struct weft_dht__candidate *weft_dht__candidate_at(const struct weft_dht__array *list,
                                                   uint32_t index) {
    WEFT_ASSERT(index < list->count);
    return (struct weft_dht__candidate *)list->items + index;
}

struct weft_dht__array *weft_dht__candidate_list(struct weft_dht__lookup *lookup, unsigned family) {
    WEFT_ASSERT(family == WEFT_FAMILY_V4 || family == WEFT_FAMILY_V6);
    return &lookup->lists[family == WEFT_FAMILY_V6];
}

/* Whose first words are the same distance from the target. */
static __attribute__((noinline)) bool is_closer(const struct weft_dht__lookup *lookup,
                                                const weft_id *id, const weft_id *other) {
    return weft_id_closer(&lookup->target, id, other) < 0;
}

/* Where `id` stands in the order, or would. The first word of a distance is nearly always enough;
 * halves are chosen without a branch, which could not be foreseen. */
static uint32_t position(const struct weft_dht__lookup *lookup, const struct weft_dht__array *list,
                         const weft_id *id) {
    const struct weft_dht__candidate *candidates = list->items;
    uint64_t goal = weft_id_word(&lookup->target, 0), distance = weft_id_word(id, 0) ^ goal;
    uint32_t low = 0, count = list->count;
    while (count > 0) {
        uint32_t half = count / 2;
        const weft_id *middle = &candidates[low + half].id;
        uint64_t other = weft_id_word(middle, 0) ^ goal;
        bool closer = other < distance;
        if (__builtin_expect(other == distance, 0)) closer = is_closer(lookup, middle, id);
        low += closer ? half + 1 : 0;
        count = closer ? count - half - 1 : half;
    }
    WEFT_ASSERT(low <= list->count);
    return low;
}

struct weft_dht__candidate *weft_dht__candidate_find(struct weft_dht__lookup *lookup,
                                                     const weft_id *id,
                                                     const struct weft_addr *addr) {
    struct weft_dht__array *list = weft_dht__candidate_list(lookup, addr->family);
    uint32_t index = position(lookup, list, id);
    if (index == list->count) return NULL;
    struct weft_dht__candidate *found = weft_dht__candidate_at(list, index);
    return weft_id_equal(&found->id, id) && weft_addr_equal(&found->addr, addr) ? found : NULL;
}

/* One address under many ids would make us a cannon: it is asked as one candidate at a time. */
static bool addr_taken(const struct weft_dht__array *list, const struct weft_addr *addr) {
    const struct weft_dht__candidate *candidates = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (memcmp(candidates[i].addr.ip, addr->ip, 8) != 0) continue; /* nearly always */
        if (candidates[i].state == DHT_FAILED) continue;
        if (weft_addr_equal(&candidates[i].addr, addr)) return true;
    }
    return false;
}

static void drop_token(struct weft_dht *dht, struct weft_dht__candidate *candidate) {
    WEFT_ASSERT((candidate->token == NULL) == (candidate->token_size == 0));
    weft_mem_free(dht->mem, candidate->token, candidate->token_size);
    candidate->token = NULL;
    candidate->token_size = 0;
}

/* Room for one at `index`: a full list gives up its farthest, if that is not under way. */
static bool make_room(struct weft_dht *dht, struct weft_dht__array *list, uint32_t index) {
    uint32_t max = DHT_CANDIDATES_PER_K * dht->config->k;
    WEFT_ASSERT(list->count <= max);
    if (list->count < max) {
        return weft_dht__reserve(dht, list, list->count + 1, sizeof(struct weft_dht__candidate));
    }
    struct weft_dht__candidate *last = weft_dht__candidate_at(list, list->count - 1);
    if (index == list->count || last->state == DHT_ASKED || last->state == DHT_SLOW) return false;
    drop_token(dht, last);
    list->count--;
    return true;
}

void weft_dht__candidate_add(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                             const struct weft_contact *contact, unsigned depth) {
    if (weft_id_equal(&contact->id, &dht->id)) return;
    struct weft_dht__array *list = weft_dht__candidate_list(lookup, contact->addr.family);
    uint32_t index = position(lookup, list, &contact->id);
    if (index < list->count) {
        struct weft_dht__candidate *same = weft_dht__candidate_at(list, index);
        if (weft_id_equal(&same->id, &contact->id)) {
            if (same->state == DHT_FRESH && depth < same->depth) same->depth = (uint8_t)depth;
            return;
        }
    }
    if (!weft_dht__addr_usable(dht, &contact->addr) || addr_taken(list, &contact->addr)) return;
    if (!make_room(dht, list, index)) return;
    list->count++;
    struct weft_dht__candidate *slot = weft_dht__candidate_at(list, index);
    memmove(slot + 1, slot, (list->count - 1 - index) * sizeof *slot);
    *slot = (struct weft_dht__candidate){.id = contact->id,
                                         .addr = contact->addr,
                                         .state = DHT_FRESH,
                                         .depth = (uint8_t)(depth < UINT8_MAX ? depth : UINT8_MAX)};
}

/* The closest to ask among the k closest that have not failed. */
static struct weft_dht__candidate *next_of(const struct weft_dht *dht,
                                           const struct weft_dht__array *list, bool *open) {
    uint32_t good = 0;
    WEFT_ASSERT(dht->config->k > 0);
    for (uint32_t i = 0; i < list->count && good < dht->config->k; i++) {
        struct weft_dht__candidate *candidate = weft_dht__candidate_at(list, i);
        if (candidate->state == DHT_FAILED) continue;
        good++;
        if (candidate->state == DHT_ANSWERED) continue;
        *open = true;
        if (candidate->state == DHT_FRESH) return candidate;
    }
    return NULL;
}

struct weft_dht__candidate *weft_dht__candidate_next(const struct weft_dht *dht,
                                                     struct weft_dht__lookup *lookup, bool *open) {
    WEFT_ASSERT(!lookup->storing);
    *open = false;
    struct weft_dht__candidate *v4 = next_of(dht, &lookup->lists[0], open);
    struct weft_dht__candidate *v6 = next_of(dht, &lookup->lists[1], open);
    if (v4 == NULL || v6 == NULL) return v4 != NULL ? v4 : v6;
    return weft_id_closer(&lookup->target, &v4->id, &v6->id) <= 0 ? v4 : v6;
}
