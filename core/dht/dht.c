/* The machine: its life, its step, and what it tells about itself. */
#include "core/base/fetch.h"
#include "core/dht/internal.h"

#include <string.h>

bool weft_dht__reserve(struct weft_dht *dht, struct weft_dht__array *array, uint32_t count,
                       size_t item_size) {
    WEFT_ASSERT(item_size > 0);
    WEFT_ASSERT(array->count <= array->capacity);
    if (count <= array->capacity) return true;
    uint32_t capacity = array->capacity + array->capacity / 2 + 2;
    if (capacity < count) capacity = count;
    void *items =
        weft_mem_resize(dht->mem, array->items, array->capacity * item_size, capacity * item_size);
    if (items == NULL) return false;
    array->items = items;
    array->capacity = capacity;
    return true;
}

void weft_dht__array_free(struct weft_dht *dht, struct weft_dht__array *array, size_t item_size) {
    WEFT_ASSERT(item_size > 0);
    weft_mem_free(dht->mem, array->items, array->capacity * item_size);
    *array = (struct weft_dht__array){NULL, 0, 0};
}

void weft_dht__now_set(struct weft_dht *dht, weft_time now) {
    WEFT_ASSERT(now >= dht->start);
    dht->now = now;
    dht->tick = (weft_dht__tick)((now - dht->start) / WEFT_MS(1));
}

weft_dht__tick weft_dht__ticks(weft_duration duration) {
    WEFT_ASSERT(duration >= 0);
    weft_duration ticks = duration / WEFT_MS(1) + (duration % WEFT_MS(1) != 0);
    return ticks > DHT_TICKS_MAX ? DHT_TICKS_MAX : (weft_dht__tick)ticks;
}

weft_time weft_dht__tick_time(const struct weft_dht *dht, weft_dht__tick tick) {
    weft_duration past = (dht->now - dht->start) / WEFT_MS(1);
    int32_t ahead = (int32_t)(tick - (weft_dht__tick)past);
    return weft_time_add(dht->start, WEFT_MS(past + ahead > 0 ? past + ahead : 0));
}

weft_duration weft_dht__jitter(struct weft_dht *dht, weft_duration bound) {
    WEFT_ASSERT(bound >= 0);
    if (bound == 0) return 0;
    return (weft_duration)weft_rand_below(&dht->rand, (uint64_t)bound);
}

void weft_dht__fact(struct weft_dht *dht, enum weft_trace_kind kind, const uint64_t *numbers,
                    size_t count, struct weft_bytes bytes) {
    WEFT_ASSERT(dht->sink != NULL);
    WEFT_ASSERT(count <= WEFT_TRACE_NUMBERS);
    dht->sink->fact(dht->sink->ctx, kind, numbers, count, bytes);
}

static bool all_zero(const unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

static bool is_multicast(const struct weft_addr *addr) {
    return addr->family == WEFT_FAMILY_V4 ? addr->ip[0] >= 224 : addr->ip[0] == 0xff;
}

static bool is_loopback(const struct weft_addr *addr) {
    if (addr->family == WEFT_FAMILY_V4) return addr->ip[0] == 127;
    return all_zero(addr->ip, 15) && addr->ip[15] == 1;
}

bool weft_dht__addr_martian(const struct weft_addr *addr) {
    WEFT_ASSERT(addr != NULL);
    if (addr->port == 0 || is_multicast(addr) || is_loopback(addr)) return true;
    return addr->family == WEFT_FAMILY_V4 ? addr->ip[0] == 0 : all_zero(addr->ip, 16);
}

bool weft_dht__addr_usable(const struct weft_dht *dht, const struct weft_addr *addr) {
    WEFT_ASSERT(dht != NULL);
    if (addr->family != WEFT_FAMILY_V4 && addr->family != WEFT_FAMILY_V6) return false;
    if (dht->tables[addr->family == WEFT_FAMILY_V6].family == WEFT_FAMILY_NONE) return false;
    if (addr->port == 0 || is_multicast(addr)) return false;
    if (addr->family == WEFT_FAMILY_V4 && addr->ip[0] == 0) return false;
    if (all_zero(addr->ip, sizeof addr->ip)) return false;
    return !dht->config->refuse_martians || !weft_dht__addr_martian(addr);
}

static void default_duration(weft_duration *value, weft_duration normal) {
    if (*value <= 0) *value = normal;
}

static void default_u32(uint32_t *value, uint32_t normal, uint32_t max) {
    if (*value == 0) *value = normal;
    if (*value > max) *value = max;
}

/* forget_after is a promise: what does not fit in it is shortened. */
static void fit_promise(struct weft_dht_config *config) {
    weft_duration limit = config->forget_after / 4;
    if (config->query_timeout > limit) config->query_timeout = limit;
    if (config->query_slow > config->query_timeout) config->query_slow = config->query_timeout;
    weft_duration rest = config->forget_after - 3 * config->query_timeout;
    if (config->stale_after > rest) config->stale_after = rest;
    WEFT_ASSERT(config->stale_after > 0);
    WEFT_ASSERT(config->stale_after + 2 * config->query_timeout < config->forget_after);
}

static void config_times(struct weft_dht_config *config) {
    default_duration(&config->query_timeout, WEFT_S(2));
    default_duration(&config->query_slow, WEFT_S(1));
    default_duration(&config->verify_after, WEFT_S(1));
    default_duration(&config->stale_after, WEFT_S(25));
    default_duration(&config->forget_after, WEFT_S(60));
    default_duration(&config->refresh_after, WEFT_MIN(15));
    default_duration(&config->peer_lifetime, WEFT_MIN(30));
    default_duration(&config->item_lifetime, WEFT_HOUR(2));
    default_duration(&config->republish_after, WEFT_MIN(25));
    default_duration(&config->token_rotation, WEFT_MIN(5));
    if (config->forget_after < WEFT_MS(100)) config->forget_after = WEFT_MS(100);
    fit_promise(config);
}

static void config_limits(struct weft_dht_config *config) {
    static const unsigned char none[4] = {0};
    default_u32(&config->k, 8, WEFT_DHT_K_MAX);
    default_u32(&config->alpha, 3, WEFT_DHT_ALPHA_MAX);
    default_u32(&config->keys_max, WEFT_DHT_KEYS_MAX, UINT32_MAX / 2);
    default_u32(&config->peers_max, WEFT_DHT_PEERS_MAX, UINT32_MAX / 2);
    default_u32(&config->pending_max, WEFT_DHT_PENDING_MAX, DHT_NONE - 1);
    default_u32(&config->source_rate, 50, 1000000);
    default_u32(&config->source_burst, 200, 1000000);
    default_u32(&config->sources_max, WEFT_DHT_SOURCES_MAX, UINT32_C(1) << 20);
    if (config->global_burst == 0) config->global_burst = 2 * config->global_rate;
    if (!config->v4 && !config->v6) config->v4 = true;
    if (memcmp(config->version, none, sizeof none) == 0) {
        memcpy(config->version, (const unsigned char[]){'W', 'F', 0, 1}, 4);
    }
}

void weft_dht_config_fill(struct weft_dht_config *config) {
    WEFT_ASSERT(config != NULL);
    config_limits(config);
    config_times(config);
}

static int config_init(struct weft_dht *dht, const struct weft_dht_config *config) {
    dht->config = config;
    if (config->shared) return WEFT_OK;
    dht->own_config = weft_mem_alloc(dht->mem, sizeof *config);
    if (dht->own_config == NULL) return WEFT_ERR_NOMEM;
    *dht->own_config = *config;
    weft_dht_config_fill(dht->own_config);
    dht->config = dht->own_config;
    return WEFT_OK;
}

static int machine_init(struct weft_dht *dht, const struct weft_dht_config *config, uint64_t seed) {
    dht->due = (struct weft_dht__due){WEFT_TIME_NEVER, WEFT_TIME_NEVER, WEFT_TIME_NEVER,
                                      WEFT_TIME_NEVER, WEFT_TIME_NEVER};
    for (size_t i = 0; i < 2; i++)
        dht->tables[i].due = dht->tables[i].refresh_due = WEFT_TIME_NEVER;
    dht->pending.head = dht->pending.tail = dht->pending.free = dht->pending.slow = DHT_NONE;
    weft_rand_init(&dht->rand, seed);
    dht->secret.k0 = weft_rand_u64(&dht->rand);
    dht->secret.k1 = weft_rand_u64(&dht->rand);
    int error = config_init(dht, config);
    if (error == WEFT_OK) weft_dht__rate_init(dht);
    return error;
}

static weft_time next_at(const struct weft_dht *dht) {
    const struct weft_dht__due *due = &dht->due;
    weft_time at = weft_dht__query_next_at(dht);
    at = weft_time_min(at, weft_time_min(dht->tables[0].due, dht->tables[0].refresh_due));
    if (dht->config->v6) {
        at = weft_time_min(at, weft_time_min(dht->tables[1].due, dht->tables[1].refresh_due));
    }
    at = weft_time_min(at, weft_time_min(due->newcomers, due->lost));
    at = weft_time_min(at, weft_time_min(due->stored, due->repeats));
    return weft_time_min(at, due->join);
}

static int tables_init(struct weft_dht *dht) {
    int error = WEFT_OK;
    dht->book = dht->config->book != NULL ? dht->config->book : weft_dht__book_new(dht->mem);
    if (dht->book == NULL) return WEFT_ERR_NOMEM;
    if (dht->config->v4) error = weft_dht__table_init(dht, &dht->tables[0], WEFT_FAMILY_V4);
    if (error == WEFT_OK && dht->config->v6) {
        error = weft_dht__table_init(dht, &dht->tables[1], WEFT_FAMILY_V6);
    }
    dht->next = next_at(dht);
    return error;
}

int weft_dht_new(const struct weft_dht_config *config, const weft_id *id, uint64_t seed,
                 weft_time now, struct weft_mem *mem, struct weft_dht **out) {
    WEFT_ASSERT(config != NULL);
    WEFT_ASSERT(out != NULL);
    if (config->k > WEFT_DHT_K_MAX || config->alpha > WEFT_DHT_ALPHA_MAX) return WEFT_ERR_INVAL;
    struct weft_dht *dht = weft_mem_zalloc(mem, sizeof *dht);
    if (dht == NULL) return WEFT_ERR_NOMEM;
    dht->mem = mem;
    dht->id = *id;
    dht->start = dht->now = now;
    int error = machine_init(dht, config, seed);
    if (error == WEFT_OK) error = tables_init(dht);
    if (error != WEFT_OK) {
        weft_dht_free(dht);
        return error;
    }
    *out = dht;
    return WEFT_OK;
}

#define SLOTS_NEAR 128 /* bytes: of the queries under way, the first */

void weft_dht_fetch(const struct weft_dht *dht, unsigned step) {
    WEFT_ASSERT(dht != NULL);
    if (step == 0) {
        weft_fetch(dht, sizeof *dht);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        const struct weft_dht__table *table = &dht->tables[i];
        weft_fetch(table->buckets, table->bucket_count * sizeof *table->buckets);
    }
    weft_fetch(dht->pending.slots, dht->pending.capacity > 0 ? SLOTS_NEAR : 0);
    weft_fetch(dht->newcomers.items, dht->newcomers.count * sizeof(struct weft_dht__newcomer));
}

static void free_lookups(struct weft_dht *dht) {
    struct weft_dht__lookup **slots = dht->lookups.items;
    for (uint32_t i = 0; i < dht->lookups.count; i++) {
        if (slots[i] != NULL) weft_dht__lookup_free(dht, slots[i]);
    }
    WEFT_ASSERT(dht->lookups_count == 0);
    weft_dht__array_free(dht, &dht->lookups, sizeof(struct weft_dht__lookup *));
}

void weft_dht_free(struct weft_dht *dht) {
    WEFT_ASSERT(dht != NULL);
    free_lookups(dht);
    weft_dht__query_free(dht);
    weft_dht__storage_free(dht);
    weft_dht__repeat_free(dht);
    weft_dht__rate_free(dht);
    weft_dht__array_free(dht, &dht->newcomers, sizeof(struct weft_dht__newcomer));
    weft_dht__array_free(dht, &dht->lost, sizeof(struct weft_dht__lost));
    weft_dht__table_free(dht, &dht->tables[0]);
    weft_dht__table_free(dht, &dht->tables[1]);
    if (dht->config->book == NULL) weft_dht__book_free(dht->book);
    weft_mem_free(dht->mem, dht->own_config, sizeof *dht->own_config);
    weft_mem_free(dht->mem, dht, sizeof *dht);
}

static int dispatch(struct weft_dht *dht, const struct weft_dht_event *event) {
    switch (event->kind) {
    case WEFT_DHT_RECEIVE:
        return weft_dht__receive(dht, &event->addr, event->data);
    case WEFT_DHT_TIMER:
        return WEFT_OK;
    case WEFT_DHT_ADD:
    case WEFT_DHT_FIND_NODES:
    case WEFT_DHT_GET_PEERS:
    case WEFT_DHT_ANNOUNCE:
    case WEFT_DHT_GET:
    case WEFT_DHT_PUT:
    case WEFT_DHT_WITHDRAW:
        return weft_dht__operation(dht, event);
    }
    WEFT_UNREACHABLE("an event kind that does not exist");
}

static void run_tables(struct weft_dht *dht) {
    for (size_t i = 0; i < 2; i++) {
        struct weft_dht__table *table = &dht->tables[i];
        if (table->family == WEFT_FAMILY_NONE) continue;
        if (table->due <= dht->now) weft_dht__check_run(dht, table);
        if (table->refresh_due <= dht->now) weft_dht__refresh_run(dht, table);
    }
}

/* After every event, so that next_at is in the future whenever a step returns. */
static void run_due(struct weft_dht *dht) {
    const struct weft_dht__due *due = &dht->due;
    if (weft_dht__query_next_at(dht) <= dht->now) weft_dht__query_run(dht);
    run_tables(dht);
    if (due->newcomers <= dht->now) weft_dht__newcomer_run(dht);
    if (due->lost <= dht->now) weft_dht__lost_run(dht);
    if (due->stored <= dht->now) weft_dht__storage_run(dht);
    if (due->repeats <= dht->now) weft_dht__repeat_run(dht);
    if (due->join <= dht->now) weft_dht__join_run(dht);
    if (dht->stalled) weft_dht__lookup_resume(dht);
}

int weft_dht_step(struct weft_dht *dht, const struct weft_dht_event *event,
                  const struct weft_dht_sink *sink) {
    WEFT_ASSERT(dht->sink == NULL); /* the sink must not call back */
    WEFT_ASSERT(event->now >= dht->now);
    dht->sink = sink;
    weft_dht__now_set(dht, event->now);
    int result = dispatch(dht, event);
    dht->next = next_at(dht);
    if (dht->next <= dht->now || dht->stalled) { /* most packets leave nothing to be done */
        run_due(dht);
        dht->next = next_at(dht);
    }
    dht->sink = NULL;
    WEFT_ASSERT(dht->next > dht->now);
    return result;
}

weft_time weft_dht_next_at(const struct weft_dht *dht) {
    WEFT_ASSERT(dht != NULL);
    return dht->next;
}

void weft_dht__next_set(struct weft_dht *dht) { dht->next = next_at(dht); }

const weft_id *weft_dht_id(const struct weft_dht *dht) {
    WEFT_ASSERT(dht != NULL);
    return &dht->id;
}

struct weft_dht_size weft_dht_size(const struct weft_dht *dht) {
    WEFT_ASSERT(dht != NULL);
    const struct weft_dht__table *v4 = &dht->tables[0], *v6 = &dht->tables[1];
    if (!dht->config->v6) return (struct weft_dht_size){v4->contacts, 0, v4->bucket_count};
    return (struct weft_dht_size){v4->contacts, v6->contacts, v4->bucket_count + v6->bucket_count};
}

void weft_dht_stats(const struct weft_dht *dht, struct weft_dht_stats *stats) {
    WEFT_ASSERT(dht != NULL);
    WEFT_ASSERT(stats != NULL);
    *stats = (struct weft_dht_stats){
        .contacts4 = dht->tables[0].contacts,
        .contacts6 = dht->tables[1].contacts,
        .candidates = dht->tables[0].cached + dht->tables[1].cached + dht->newcomers.count,
        .buckets = dht->tables[0].bucket_count + dht->tables[1].bucket_count,
        .lookups = dht->lookups_count,
        .pending = dht->pending.count,
        .keys = dht->stored.count,
        .values = dht->values,
        .sources = dht->rate.count,
        .received = dht->received,
        .sent = dht->sent,
        .answered = dht->answered,
        .malformed = dht->malformed,
        .unsolicited = dht->unsolicited,
        .rate_limited = dht->rate_limited,
        .timeouts = dht->timeouts,
    };
}

size_t weft_dht_closest(const struct weft_dht *dht, const weft_id *target, enum weft_family family,
                        struct weft_contact *out, size_t max) {
    WEFT_ASSERT(target != NULL);
    WEFT_ASSERT(out != NULL || max == 0);
    const struct weft_dht__table *table = &dht->tables[family == WEFT_FAMILY_V6];
    if (table->family != (uint8_t)family || family == WEFT_FAMILY_NONE) return 0;
    const struct weft_contact *found[WEFT_DHT_K_MAX];
    if (max > WEFT_DHT_K_MAX) max = WEFT_DHT_K_MAX;
    size_t count = weft_dht__table_closest(dht, table, target, NULL, found, max);
    for (size_t i = 0; i < count; i++) out[i] = *found[i];
    return count;
}
