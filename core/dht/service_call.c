/* The service's requests and their answers. */
#include "core/dht/service_internal.h"

#include <string.h>

int weft_dht_answer_read(struct weft_bytes data, struct weft_dht_answer_view *view) {
    WEFT_ASSERT(view != NULL);
    if (data.size < sizeof view->head) return WEFT_ERR_MALFORMED;
    memcpy(&view->head, data.data, sizeof view->head);
    uint64_t need = sizeof view->head;
    need += (uint64_t)view->head.closest_count * sizeof(struct weft_contact);
    need += (uint64_t)view->head.peers_count * sizeof(struct weft_addr);
    need += view->head.value_size;
    if (need != data.size) return WEFT_ERR_MALFORMED;
    view->closest = data.data + sizeof view->head;
    view->peers = view->closest + view->head.closest_count * sizeof(struct weft_contact);
    view->value = view->peers + view->head.peers_count * sizeof(struct weft_addr);
    WEFT_ASSERT(view->value + view->head.value_size == data.data + data.size);
    return WEFT_OK;
}

/* --- calls that wait --- */

static bool wait_for(weft_self *self, uint64_t op, const struct weft_msg *call) {
    struct weft_dht__service *service = weft_state(self);
    WEFT_ASSERT(service->waiting_count <= service->waiting_capacity);
    if (service->waiting_count == service->waiting_capacity) {
        uint32_t capacity = service->waiting_capacity + service->waiting_capacity / 2 + 2;
        void *waiting = weft_mem_resize(weft_self_mem(self), service->waiting,
                                        service->waiting_capacity * sizeof *service->waiting,
                                        capacity * sizeof *service->waiting);
        if (waiting == NULL) return false;
        service->waiting = waiting;
        service->waiting_capacity = capacity;
    }
    service->waiting[service->waiting_count++] = (struct weft_dht__waiting){op, weft_call_of(call)};
    return true;
}

/* Take out who waits for `op`. */
static bool take_waiting(weft_self *self, uint64_t op, struct weft_call *call) {
    struct weft_dht__service *service = weft_state(self);
    WEFT_ASSERT(call != NULL);
    for (uint32_t i = 0; i < service->waiting_count; i++) {
        if (service->waiting[i].op != op) continue;
        *call = service->waiting[i].call;
        service->waiting[i] = service->waiting[--service->waiting_count];
        if (service->waiting_count > 0) return true;
        weft_mem_free(weft_self_mem(self), service->waiting,
                      service->waiting_capacity * sizeof *service->waiting);
        service->waiting = NULL;
        service->waiting_capacity = 0;
        return true;
    }
    return false;
}

static size_t answer_size(const struct weft_dht_result *result) {
    return sizeof(struct weft_dht_answer) + result->closest_count * sizeof *result->closest +
           result->peers_count * sizeof *result->peers + result->value.size;
}

static unsigned char *append(unsigned char *at, const void *data, size_t size) {
    if (size > 0) memcpy(at, data, size);
    return at + size;
}

static void answer_write(const struct weft_dht_result *result, unsigned char *out) {
    struct weft_dht_answer head;
    memset(&head, 0, sizeof head); /* padding as well: the bytes are sent */
    head.target = result->target;
    head.closest_count = (uint32_t)result->closest_count;
    head.peers_count = (uint32_t)result->peers_count;
    head.value_size = (uint32_t)result->value.size;
    head.stored = result->stored;
    head.queries = result->queries;
    head.replies = result->replies;
    head.depth = result->depth;
    head.took = result->took;
    unsigned char *at = append(out, &head, sizeof head);
    at = append(at, result->closest, result->closest_count * sizeof *result->closest);
    at = append(at, result->peers, result->peers_count * sizeof *result->peers);
    at = append(at, result->value.data, result->value.size);
    WEFT_ASSERT((size_t)(at - out) == answer_size(result));
}

void weft_dht__service_done(weft_self *self, const struct weft_dht_result *result) {
    struct weft_call call;
    struct weft_bytes nothing = {NULL, 0};
    WEFT_ASSERT(result != NULL);
    if (!take_waiting(self, result->op, &call)) return;
    size_t size = answer_size(result);
    unsigned char *data = weft_alloc(self, size);
    if (data == NULL) {
        weft_reply(self, &call, WEFT_ERR_NOMEM, nothing);
        return;
    }
    answer_write(result, data);
    weft_reply(self, &call, result->status, weft_bytes(data, size));
    weft_free(self, data);
}

/* --- requests --- */

static void operate(weft_self *self, const struct weft_msg *call, enum weft_dht_event_kind kind) {
    struct weft_dht__service *service = weft_state(self);
    struct weft_dht_ask ask;
    if (call->data.size < sizeof ask || (kind != WEFT_DHT_PUT && call->data.size != sizeof ask)) {
        weft_reply_error(self, call, WEFT_ERR_INVAL);
        return;
    }
    memcpy(&ask, call->data.data, sizeof ask);
    struct weft_dht_event event = {.kind = kind,
                                   .op = ask.op != 0 ? ask.op : DHT_OP_SERVICE | ++service->op_last,
                                   .target = ask.target,
                                   .port = ask.port,
                                   .repeat = ask.repeat};
    if (kind == WEFT_DHT_PUT) {
        event.data = weft_bytes(call->data.data + sizeof ask, call->data.size - sizeof ask);
    }
    if (!wait_for(self, event.op, call)) {
        weft_reply_error(self, call, WEFT_ERR_NOMEM);
        return;
    }
    (void)weft_dht__service_step(self, &event); /* its end is told by `done`, whatever happens */
}

static void withdraw(weft_self *self, const struct weft_msg *call) {
    struct weft_dht_ask ask;
    WEFT_ASSERT(call->kind == WEFT_MSG_CALL);
    if (call->data.size != sizeof ask) {
        weft_reply_error(self, call, WEFT_ERR_INVAL);
        return;
    }
    memcpy(&ask, call->data.data, sizeof ask);
    const struct weft_dht_event event = {.kind = WEFT_DHT_WITHDRAW, .target = ask.target};
    (void)weft_dht__service_step(self, &event);
    weft_reply_now(self, call, NULL, 0);
}

static void add(weft_self *self, const struct weft_msg *call) {
    struct weft_dht_event event = {.kind = WEFT_DHT_ADD};
    WEFT_ASSERT(call->kind == WEFT_MSG_CALL);
    if (call->data.size != sizeof event.addr) {
        weft_reply_error(self, call, WEFT_ERR_INVAL);
        return;
    }
    memcpy(&event.addr, call->data.data, sizeof event.addr);
    struct weft_call to = weft_call_of(call);
    weft_reply(self, &to, weft_dht__service_step(self, &event), weft_bytes(NULL, 0));
}

static void tell_stats(weft_self *self, const struct weft_msg *call) {
    const struct weft_dht__service *service = weft_state(self);
    struct weft_dht_stats stats;
    WEFT_ASSERT(service->dht != NULL);
    weft_dht_stats(service->dht, &stats);
    weft_reply_now(self, call, &stats, sizeof stats);
}

struct listing {
    struct weft_contact_info *infos;
    size_t count, room;
};

static void list_one(void *ctx, const struct weft_contact_info *info) {
    struct listing *listing = ctx;
    WEFT_ASSERT(info != NULL);
    if (listing->count < listing->room) listing->infos[listing->count] = *info;
    listing->count++;
}

static void tell_table(weft_self *self, const struct weft_msg *call) {
    const struct weft_dht__service *service = weft_state(self);
    struct listing listing = {NULL, 0, 0};
    weft_dht_each(service->dht, weft_now(self), list_one, &listing);
    listing.room = listing.count;
    if (listing.room == 0) {
        weft_reply_now(self, call, NULL, 0);
        return;
    }
    listing.infos = weft_alloc(self, listing.room * sizeof *listing.infos);
    if (listing.infos == NULL) {
        weft_reply_error(self, call, WEFT_ERR_NOMEM);
        return;
    }
    listing.count = 0;
    weft_dht_each(service->dht, weft_now(self), list_one, &listing);
    WEFT_ASSERT(listing.count == listing.room);
    weft_reply_now(self, call, listing.infos, listing.count * sizeof *listing.infos);
    weft_free(self, listing.infos);
}

void weft_dht__service_call(weft_self *self, const struct weft_msg *call) {
    switch (call->tag) {
    case WEFT_DHT_REQ_FIND_NODES:
        operate(self, call, WEFT_DHT_FIND_NODES);
        return;
    case WEFT_DHT_REQ_GET_PEERS:
        operate(self, call, WEFT_DHT_GET_PEERS);
        return;
    case WEFT_DHT_REQ_ANNOUNCE:
        operate(self, call, WEFT_DHT_ANNOUNCE);
        return;
    case WEFT_DHT_REQ_GET:
        operate(self, call, WEFT_DHT_GET);
        return;
    case WEFT_DHT_REQ_PUT:
        operate(self, call, WEFT_DHT_PUT);
        return;
    case WEFT_DHT_REQ_WITHDRAW:
        withdraw(self, call);
        return;
    case WEFT_DHT_REQ_ADD:
        add(self, call);
        return;
    case WEFT_DHT_REQ_STATS:
        tell_stats(self, call);
        return;
    case WEFT_DHT_REQ_TABLE:
        tell_table(self, call);
        return;
    default:
        weft_reply_error(self, call, WEFT_ERR_UNSUPPORTED);
    }
}
