/* Announces and puts that are made again until withdrawn. */
#include "core/dht/internal.h"

#include <string.h>

static struct weft_dht__repeat *at(const struct weft_dht *dht, uint32_t index) {
    WEFT_ASSERT(index < dht->repeats.count);
    return (struct weft_dht__repeat *)dht->repeats.items + index;
}

static struct weft_dht__repeat *find(const struct weft_dht *dht, const weft_id *key,
                                     unsigned store) {
    for (uint32_t i = 0; i < dht->repeats.count; i++) {
        struct weft_dht__repeat *repeat = at(dht, i);
        if (repeat->store == store && weft_id_equal(&repeat->key, key)) return repeat;
    }
    return NULL;
}

static void set_due(struct weft_dht *dht, struct weft_dht__repeat *repeat, weft_duration after) {
    WEFT_ASSERT(after > 0);
    repeat->due = weft_time_add(dht->now, after - weft_dht__jitter(dht, after / 10));
    dht->due.repeats = weft_time_min(dht->due.repeats, repeat->due);
}

static int create(struct weft_dht *dht, const struct weft_dht__task *task,
                  struct weft_dht__repeat **out) {
    uint32_t count = dht->repeats.count;
    unsigned char *value = NULL;
    if (count >= dht->config->keys_max) return WEFT_ERR_FULL;
    if (!weft_dht__reserve(dht, &dht->repeats, count + 1, sizeof **out)) return WEFT_ERR_NOMEM;
    if (task->value.size > 0) {
        value = weft_mem_alloc(dht->mem, task->value.size);
        if (value == NULL) return WEFT_ERR_NOMEM;
        memcpy(value, task->value.data, task->value.size);
    }
    dht->repeats.count++;
    *out = at(dht, count);
    **out = (struct weft_dht__repeat){.key = *task->target,
                                      .value = value,
                                      .value_size = (uint32_t)task->value.size,
                                      .store = (uint8_t)task->store};
    return WEFT_OK;
}

int weft_dht__repeat_set(struct weft_dht *dht, const struct weft_dht__task *task) {
    WEFT_ASSERT(task->store != 0);
    struct weft_dht__repeat *repeat = find(dht, task->target, task->store);
    if (repeat == NULL) {
        int error = create(dht, task, &repeat);
        if (error != WEFT_OK) return error;
    }
    repeat->port = task->port;
    set_due(dht, repeat, dht->config->republish_after);
    return WEFT_OK;
}

bool weft_dht__repeat_is_set(const struct weft_dht *dht, const struct weft_dht__task *task) {
    WEFT_ASSERT(task->store != 0);
    return find(dht, task->target, task->store) != NULL;
}

void weft_dht__repeat_drop(struct weft_dht *dht, const weft_id *key) {
    WEFT_ASSERT(key != NULL);
    for (uint32_t i = 0; i < dht->repeats.count;) {
        struct weft_dht__repeat *repeat = at(dht, i);
        if (!weft_id_equal(&repeat->key, key)) {
            i++;
            continue;
        }
        weft_mem_free(dht->mem, repeat->value, repeat->value_size);
        *repeat = *at(dht, dht->repeats.count - 1);
        dht->repeats.count--;
    }
    if (dht->repeats.count == 0) weft_dht__repeat_free(dht);
}

void weft_dht__repeat_ended(struct weft_dht *dht, const struct weft_dht__lookup *lookup, bool ok) {
    WEFT_ASSERT(lookup->store != 0);
    struct weft_dht__repeat *repeat = find(dht, &lookup->target, lookup->store);
    if (ok || repeat == NULL || dht->config->republish_after <= DHT_REPEAT_RETRY) return;
    set_due(dht, repeat, DHT_REPEAT_RETRY);
}

static void again(struct weft_dht *dht, struct weft_dht__repeat *repeat) {
    weft_id key = repeat->key;
    const struct weft_dht__task task = {
        .op = weft_dht__operation_internal(dht),
        .target = &key,
        .kind = repeat->store == WEFT_STORE_PEER ? WEFT_LOOKUP_PEERS : WEFT_LOOKUP_VALUE,
        .store = repeat->store,
        .value = weft_bytes(repeat->value, repeat->value_size),
        .port = repeat->port,
        .internal = true,
    };
    set_due(dht, repeat, dht->config->republish_after);
    if (weft_dht__lookup_start(dht, &task) == WEFT_OK) return;
    set_due(dht, repeat, WEFT_S(1)); /* LOOKUPS_MAX, or no memory */
}

void weft_dht__repeat_run(struct weft_dht *dht) {
    WEFT_ASSERT(dht->sink != NULL);
    for (uint32_t i = 0; i < dht->repeats.count; i++) {
        if (at(dht, i)->due <= dht->now) again(dht, at(dht, i));
    }
    dht->due.repeats = WEFT_TIME_NEVER;
    for (uint32_t i = 0; i < dht->repeats.count; i++) {
        dht->due.repeats = weft_time_min(dht->due.repeats, at(dht, i)->due);
    }
}

void weft_dht__repeat_free(struct weft_dht *dht) {
    for (uint32_t i = 0; i < dht->repeats.count; i++) {
        weft_mem_free(dht->mem, at(dht, i)->value, at(dht, i)->value_size);
    }
    weft_dht__array_free(dht, &dht->repeats, sizeof(struct weft_dht__repeat));
    WEFT_ASSERT(dht->repeats.count == 0);
    dht->due.repeats = WEFT_TIME_NEVER;
}
