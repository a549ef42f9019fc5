/* How many queries are answered: a bucket of allowance for each source and one for all (R4).
 *
 * A source whose bucket is full again needs no entry, so the table holds those active in the last
 * source_burst / source_rate seconds: a table of sets of WAYS entries, grown as used. */
#include "core/dht/internal.h"

#include <string.h>

#define WAYS 8u
#define FIRST 2u    /* entries; most of the time nobody asks often */
#define WHOLE 1000u /* one query */

static uint32_t burst_of(const struct weft_dht *dht) { return dht->config->source_burst * WHOLE; }

void weft_dht__rate_init(struct weft_dht *dht) {
    WEFT_ASSERT(dht->config->source_rate > 0);
    WEFT_ASSERT(dht->config->source_burst > 0);
    dht->rate = (struct weft_dht__rate){.global = (uint64_t)dht->config->global_burst * WHOLE};
}

void weft_dht__rate_free(struct weft_dht *dht) {
    WEFT_ASSERT(dht->rate.count <= dht->rate.capacity);
    weft_mem_free(dht->mem, dht->rate.sources, dht->rate.capacity * sizeof *dht->rate.sources);
    dht->rate.sources = NULL;
    dht->rate.capacity = dht->rate.count = 0;
}

static bool global_allow(struct weft_dht *dht) {
    struct weft_dht__rate *rate = &dht->rate;
    if (dht->config->global_rate == 0) return true;
    weft_dht__tick now = weft_dht__tick_now(dht);
    uint64_t max = (uint64_t)dht->config->global_burst * WHOLE;
    rate->global += (uint64_t)(now - rate->global_at) * dht->config->global_rate;
    if (rate->global > max) rate->global = max;
    rate->global_at = now;
    WEFT_ASSERT(rate->global <= max);
    return rate->global >= WHOLE;
}

/* What `source` may use now. Per millisecond a thousandth of its rate a second comes back. */
static uint32_t allowance(const struct weft_dht *dht, const struct weft_dht__source *source) {
    WEFT_ASSERT(source->hash != 0);
    uint64_t sum = (uint64_t)(weft_dht__tick_now(dht) - source->at) * dht->config->source_rate;
    sum += source->allowance;
    return sum > burst_of(dht) ? burst_of(dht) : (uint32_t)sum;
}

static uint32_t set_of(uint32_t capacity, uint64_t hash) {
    uint32_t sets = capacity > WAYS ? capacity / WAYS : 1;
    WEFT_ASSERT((sets & (sets - 1)) == 0);
    return (uint32_t)(hash & (sets - 1)) * WAYS;
}

static uint32_t ways_of(uint32_t capacity) { return capacity < WAYS ? capacity : WAYS; }

static struct weft_dht__source *free_in(struct weft_dht__source *set, uint32_t ways) {
    for (uint32_t i = 0; i < ways; i++) {
        if (set[i].hash == 0) return &set[i];
    }
    return NULL;
}

/* Entries that are whole again go. */
static void purge_set(struct weft_dht *dht, struct weft_dht__source *set, uint32_t ways) {
    for (uint32_t i = 0; i < ways; i++) {
        if (set[i].hash == 0 || allowance(dht, &set[i]) < burst_of(dht)) continue;
        set[i].hash = 0;
        WEFT_ASSERT(dht->rate.count > 0);
        dht->rate.count--;
    }
}

static uint32_t capacity_next(const struct weft_dht *dht) {
    uint32_t old = dht->rate.capacity, next = old == 0 ? FIRST : 2 * old;
    while (next > dht->config->sources_max && next > 1) next /= 2;
    return next > old ? next : old;
}

/* Twice the sets: each old one goes into two, so all find a place. */
static bool grow(struct weft_dht *dht) {
    struct weft_dht__rate *rate = &dht->rate;
    uint32_t capacity = capacity_next(dht);
    if (capacity == rate->capacity) return false;
    struct weft_dht__source *sources = weft_mem_zalloc(dht->mem, capacity * sizeof *sources);
    if (sources == NULL) return false;
    for (uint32_t i = 0; i < rate->capacity; i++) {
        if (rate->sources[i].hash == 0) continue;
        struct weft_dht__source *set = sources + set_of(capacity, rate->sources[i].hash);
        struct weft_dht__source *place = free_in(set, ways_of(capacity));
        WEFT_ASSERT(place != NULL);
        *place = rate->sources[i];
    }
    weft_mem_free(dht->mem, rate->sources, rate->capacity * sizeof *sources);
    rate->sources = sources;
    rate->capacity = capacity;
    return true;
}

/* The entry to reuse in a full set: the idlest, that is the one with most allowance. */
static struct weft_dht__source *idlest(const struct weft_dht *dht, struct weft_dht__source *set,
                                       uint32_t ways) {
    struct weft_dht__source *best = &set[0];
    WEFT_ASSERT(ways > 0);
    for (uint32_t i = 1; i < ways; i++) {
        if (allowance(dht, &set[i]) > allowance(dht, best)) best = &set[i];
    }
    return best;
}

static struct weft_dht__source *place_for(struct weft_dht *dht, uint64_t hash) {
    struct weft_dht__rate *rate = &dht->rate;
    if (rate->capacity == 0 && !grow(dht)) return NULL;
    for (;;) {
        struct weft_dht__source *set = rate->sources + set_of(rate->capacity, hash);
        uint32_t ways = ways_of(rate->capacity);
        struct weft_dht__source *place = free_in(set, ways);
        if (place == NULL) {
            purge_set(dht, set, ways);
            place = free_in(set, ways);
        }
        if (place != NULL) {
            rate->count++;
            return place;
        }
        if (!grow(dht)) return idlest(dht, set, ways);
    }
}

static struct weft_dht__source *find(const struct weft_dht *dht, uint64_t hash) {
    WEFT_ASSERT(hash != 0);
    if (dht->rate.capacity == 0) return NULL;
    struct weft_dht__source *set = dht->rate.sources + set_of(dht->rate.capacity, hash);
    for (uint32_t i = 0; i < ways_of(dht->rate.capacity); i++) {
        if (set[i].hash == hash) return &set[i];
    }
    return NULL;
}

static bool source_allow(struct weft_dht *dht, const struct weft_addr *from) {
    uint64_t hash = weft_siphash(&dht->secret, from->ip, weft_addr_ip_size(from));
    if (hash == 0) hash = 1;
    struct weft_dht__source *source = find(dht, hash);
    uint32_t left = burst_of(dht);
    if (source != NULL) {
        left = allowance(dht, source);
    } else {
        source = place_for(dht, hash);
        if (source == NULL) return true; /* no memory to watch it with */
    }
    bool allowed = left >= WHOLE;
    *source =
        (struct weft_dht__source){hash, left - (allowed ? WHOLE : 0), weft_dht__tick_now(dht)};
    return allowed;
}

bool weft_dht__rate_allow(struct weft_dht *dht, const struct weft_addr *from) {
    WEFT_ASSERT(from != NULL);
    if (!global_allow(dht)) return false;
    if (!source_allow(dht, from)) return false;
    if (dht->config->global_rate != 0) dht->rate.global -= WHOLE;
    return true;
}
