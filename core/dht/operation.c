/* What callers ask for. Each ends through sink->done, exactly once. */
#include "core/dht/internal.h"

uint64_t weft_dht__operation_internal(struct weft_dht *dht) {
    WEFT_ASSERT(dht->op_internal < DHT_OP_INTERNAL);
    return DHT_OP_INTERNAL | ++dht->op_internal;
}

int weft_dht__operation_add(struct weft_dht *dht, const struct weft_addr *addr) {
    WEFT_ASSERT(addr != NULL);
    if (!weft_dht__addr_usable(dht, addr)) return WEFT_ERR_INVAL;
    if (weft_dht__query_to(dht, addr)) return WEFT_OK;
    const struct weft_dht__query query = {.to = *addr, .purpose = DHT_ASK_ADD, .lookup = DHT_NONE};
    return weft_dht__find_node_ask(dht, &query, &dht->id) ? WEFT_OK : WEFT_ERR_FULL;
}

static int refuse(struct weft_dht *dht, const struct weft_dht__task *task, int status) {
    const struct weft_dht_result result = {.op = task->op,
                                           .kind = task->kind,
                                           .stores = task->store != 0,
                                           .status = status,
                                           .target = *task->target};
    WEFT_ASSERT(status != WEFT_OK);
    WEFT_ASSERT(!task->internal);
    dht->sink->done(dht->sink->ctx, &result);
    return status == WEFT_ERR_NOMEM ? status : WEFT_OK;
}

static int start(struct weft_dht *dht, const struct weft_dht__task *task, bool repeat) {
    WEFT_ASSERT(!repeat || task->store != 0);
    bool known = repeat && weft_dht__repeat_is_set(dht, task);
    if (repeat) {
        int error = weft_dht__repeat_set(dht, task);
        if (error != WEFT_OK) return refuse(dht, task, error);
    }
    int error = weft_dht__lookup_start(dht, task);
    if (error == WEFT_OK) return WEFT_OK;
    if (repeat && !known) weft_dht__repeat_drop(dht, task->target);
    return refuse(dht, task, error);
}

static int put(struct weft_dht *dht, const struct weft_dht_event *event) {
    weft_id key = {{0}};
    const struct weft_dht__task task = {.op = event->op,
                                        .target = &key,
                                        .kind = WEFT_LOOKUP_VALUE,
                                        .store = WEFT_STORE_VALUE,
                                        .value = event->data};
    int error = weft_item_check(event->data);
    if (error != WEFT_OK) return refuse(dht, &task, error);
    WEFT_ASSERT(event->data.size > 0);
    weft_item_key(event->data, &key);
    return start(dht, &task, event->repeat);
}

static int announce(struct weft_dht *dht, const struct weft_dht_event *event) {
    const struct weft_dht__task task = {.op = event->op,
                                        .target = &event->target,
                                        .kind = WEFT_LOOKUP_PEERS,
                                        .store = WEFT_STORE_PEER,
                                        .port = event->port};
    return start(dht, &task, event->repeat);
}

static int look_up(struct weft_dht *dht, const struct weft_dht_event *event,
                   enum weft_lookup_kind kind) {
    const struct weft_dht__task task = {.op = event->op, .target = &event->target, .kind = kind};
    return start(dht, &task, false);
}

int weft_dht__operation(struct weft_dht *dht, const struct weft_dht_event *event) {
    switch (event->kind) {
    case WEFT_DHT_ADD:
        return weft_dht__operation_add(dht, &event->addr);
    case WEFT_DHT_FIND_NODES:
        return look_up(dht, event, WEFT_LOOKUP_NODES);
    case WEFT_DHT_GET_PEERS:
        return look_up(dht, event, WEFT_LOOKUP_PEERS);
    case WEFT_DHT_GET:
        return look_up(dht, event, WEFT_LOOKUP_VALUE);
    case WEFT_DHT_ANNOUNCE:
        return announce(dht, event);
    case WEFT_DHT_PUT:
        return put(dht, event);
    case WEFT_DHT_WITHDRAW:
        weft_dht__repeat_drop(dht, &event->target);
        return WEFT_OK;
    case WEFT_DHT_RECEIVE:
    case WEFT_DHT_TIMER:
        break;
    }
    WEFT_UNREACHABLE("an event that is no operation");
}
