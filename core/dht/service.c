/* The DHT's service process. */
#include "core/dht/service.h"

#include "core/base/assert.h"
#include "core/base/list.h"
#include "core/base/rand.h"
#include "core/dht/service_internal.h"
#include "core/otp/gen_server.h"

#include <string.h>

enum service_timer { TIMER_MACHINE = 1, TIMER_BOOTSTRAP, TIMER_SAVE };

/* Ops the service chooses; see struct weft_dht_ask. */
#define OP_OWN (UINT64_C(1) << 63)

#define BOOTSTRAP_RETRY_DEFAULT WEFT_S(10)
#define SAVE_AFTER_DEFAULT WEFT_MIN(5)
/* The first save comes soon: a node that crashes in its first minutes should not start anew. */
#define SAVE_FIRST WEFT_S(15)

/* A call whose operation is under way. */
struct asked {
    struct weft_link link;
    struct weft_call call;
    uint64_t op;
};

static struct service *service_of(weft_self *self) { return weft_state(self); }

/* --- what the machine asks to be done --- */

static void on_send(void *ctx, const struct weft_addr *to, struct weft_bytes data) {
    weft_self *self = ctx;
    struct service *service = service_of(self);
    struct weft_env *env = weft_self_env(self);
    weft_socket socket = to->family == WEFT_FAMILY_V4 ? service->socket4 : service->socket6;
    if (socket == WEFT_SOCKET_NONE) return;
    /* A datagram that cannot be sent is a datagram lost: the machine's timeouts see to it. */
    (void)env->net->datagram_send(env, socket, to, data.data, data.size);
}

static void on_fact(void *ctx, enum weft_trace_kind kind, const uint64_t *numbers, size_t count,
                    struct weft_bytes bytes) {
    struct weft_env *env = weft_self_env(ctx);
    WEFT_ASSERT(count <= WEFT_TRACE_NUMBERS);
    if (!(env->trace_mask & WEFT_TRACE_BIT(kind))) return;
    struct weft_trace_event event = {
        .at = weft_env_now(env), .node = env->node, .kind = kind, .bytes = bytes};
    if (count > 0) memcpy(event.number, numbers, count * sizeof numbers[0]);
    env->trace->emit(env, &event);
}

static struct asked *find_asked(struct service *service, uint64_t op) {
    for (struct weft_link *at = service->asked.next; at != &service->asked; at = at->next) {
        struct asked *asked = WEFT_CONTAINER(at, struct asked, link);
        if (asked->op == op) return asked;
    }
    return NULL;
}

static size_t answer_size(const struct weft_dht_result *result) {
    return sizeof(struct weft_dht_answer) + result->closest_count * sizeof *result->closest +
           result->peers_count * sizeof *result->peers + result->value.size;
}

static void answer_write(const struct weft_dht_result *result, unsigned char *out) {
    struct weft_dht_answer head;
    memset(&head, 0, sizeof head); /* padding too: the bytes travel */
    head.target = result->target;
    head.closest_count = (uint32_t)result->closest_count;
    head.peers_count = (uint32_t)result->peers_count;
    head.value_size = (uint32_t)result->value.size;
    head.stored = result->stored;
    head.queries = result->queries;
    head.replies = result->replies;
    head.depth = result->depth;
    head.took = result->took;
    memcpy(out, &head, sizeof head);
    out += sizeof head;
    size_t closest_size = result->closest_count * sizeof *result->closest;
    size_t peers_size = result->peers_count * sizeof *result->peers;
    if (closest_size > 0) memcpy(out, result->closest, closest_size);
    if (peers_size > 0) memcpy(out + closest_size, result->peers, peers_size);
    if (result->value.size > 0) {
        memcpy(out + closest_size + peers_size, result->value.data, result->value.size);
    }
}

static void on_done(void *ctx, const struct weft_dht_result *result) {
    weft_self *self = ctx;
    struct asked *asked = find_asked(service_of(self), result->op);
    if (asked == NULL) return; /* the machine's own, or nobody waits any more */
    size_t size = answer_size(result);
    unsigned char *bytes = weft_alloc(self, size);
    if (bytes != NULL) {
        answer_write(result, bytes);
        weft_reply(self, &asked->call, result->status, weft_bytes(bytes, size));
        weft_free(self, bytes);
    } else {
        weft_reply(self, &asked->call, WEFT_ERR_NOMEM, weft_bytes(NULL, 0));
    }
    weft_list_remove(&asked->link);
    weft_free(self, asked);
}

static struct weft_dht_sink sink_of(weft_self *self) {
    return (struct weft_dht_sink){.ctx = self, .send = on_send, .done = on_done, .fact = on_fact};
}

/* One timer for the machine, moved only when it wants to wake earlier. */
static void arm(weft_self *self) {
    struct service *service = service_of(self);
    weft_time at = weft_dht_next_at(service->dht);
    if (at == WEFT_TIME_NEVER || (service->wake != 0 && service->wake_at <= at)) return;
    if (service->wake != 0) weft_timer_cancel(self, service->wake);
    weft_time now = weft_now(self);
    weft_duration delay = at > now ? at - now : 0;
    service->wake = 0;
    service->wake_at = at;
    int rv = weft_timer_start(self, delay, TIMER_MACHINE, weft_bytes(NULL, 0), &service->wake);
    WEFT_ASSERT(rv == WEFT_OK); /* without its timer the process is of no use: let it crash */
}

/* DHT_TABLE when the number of verified contacts is another than was told last. */
static void tell_table_size(weft_self *self) {
    struct service *service = service_of(self);
    struct weft_dht_stats stats;
    if (!(weft_self_env(self)->trace_mask & WEFT_TRACE_BIT(WEFT_TRACE_DHT_TABLE))) return;
    weft_dht_stats(service->dht, &stats);
    if (stats.contacts4 == service->told4 && stats.contacts6 == service->told6) return;
    service->told4 = stats.contacts4;
    service->told6 = stats.contacts6;
    uint64_t numbers[] = {stats.contacts4, stats.contacts6, stats.buckets};
    on_fact(self, WEFT_TRACE_DHT_TABLE, numbers, 3, weft_bytes(NULL, 0));
}

static int step(weft_self *self, struct weft_dht_event *event) {
    struct service *service = service_of(self);
    struct weft_dht_sink sink = sink_of(self);
    event->now = weft_now(self);
    int rv = weft_dht_step(service->dht, event, &sink);
    tell_table_size(self);
    arm(self);
    return rv;
}

/* --- bootstrap and saving --- */

static weft_duration jittered(struct service *service, weft_duration duration) {
    return duration - duration / 8 +
           (weft_duration)weft_rand_below(&service->rand, (uint64_t)duration / 4 + 1);
}

static void start_timer(weft_self *self, weft_duration delay, enum service_timer tag) {
    weft_ref ref;
    int rv = weft_timer_start(self, delay, tag, weft_bytes(NULL, 0), &ref);
    WEFT_ASSERT(rv == WEFT_OK); /* as above */
}

static void bootstrap(weft_self *self) {
    struct service *service = service_of(self);
    struct weft_dht_stats stats;
    weft_dht_stats(service->dht, &stats);
    if (service->config.bootstrap_count == 0 || stats.contacts4 + stats.contacts6 > 0) {
        service->bootstrapping = false;
        return;
    }
    for (size_t i = 0; i < service->config.bootstrap_count; i++) {
        struct weft_dht_event event = {.kind = WEFT_DHT_ADD, .addr = service->config.bootstrap[i]};
        step(self, &event);
    }
    weft_duration retry = service->config.bootstrap_retry;
    service->bootstrapping = true;
    start_timer(self, jittered(service, retry != 0 ? retry : BOOTSTRAP_RETRY_DEFAULT),
                TIMER_BOOTSTRAP);
}

static void save_later(weft_self *self, weft_duration after) {
    struct service *service = service_of(self);
    if (service->config.path == NULL) return;
    start_timer(self, jittered(service, after), TIMER_SAVE);
}

static void on_timer(weft_self *self, uint32_t tag) {
    struct service *service = service_of(self);
    weft_duration after = service->config.save_after;
    switch ((enum service_timer)tag) {
    case TIMER_MACHINE:
        service->wake = 0;
        step(self, &(struct weft_dht_event){.kind = WEFT_DHT_TIMER});
        return;
    case TIMER_BOOTSTRAP:
        bootstrap(self);
        return;
    case TIMER_SAVE:
        weft_dht__service_save(self);
        save_later(self, after != 0 ? after : SAVE_AFTER_DEFAULT);
        return;
    }
}

/* --- requests --- */

static const enum weft_dht_event_kind event_of[] = {
    [WEFT_DHT_REQ_FIND_NODES] = WEFT_DHT_FIND_NODES,
    [WEFT_DHT_REQ_GET_PEERS] = WEFT_DHT_GET_PEERS,
    [WEFT_DHT_REQ_ANNOUNCE] = WEFT_DHT_ANNOUNCE,
    [WEFT_DHT_REQ_GET] = WEFT_DHT_GET,
    [WEFT_DHT_REQ_PUT] = WEFT_DHT_PUT,
    [WEFT_DHT_REQ_WITHDRAW] = WEFT_DHT_WITHDRAW,
};

static void operate(weft_self *self, const struct weft_msg *call) {
    struct service *service = service_of(self);
    struct weft_dht_ask ask;
    struct asked *asked = call->data.size >= sizeof ask ? weft_alloc(self, sizeof *asked) : NULL;
    if (asked == NULL) {
        weft_reply_error(self, call,
                         call->data.size < sizeof ask ? WEFT_ERR_INVAL : WEFT_ERR_NOMEM);
        return;
    }
    memcpy(&ask, call->data.data, sizeof ask);
    asked->call = weft_call_of(call);
    asked->op = ask.op != 0 ? ask.op : (OP_OWN | ++service->last_op);
    weft_list_push_back(&service->asked, &asked->link);
    struct weft_dht_event event = {
        .kind = event_of[call->tag],
        .op = asked->op,
        .target = ask.target,
        .port = ask.port,
        .repeat = ask.repeat,
        .data = weft_bytes(call->data.data + sizeof ask, call->data.size - sizeof ask)};
    step(self, &event);
}

static void withdraw(weft_self *self, const struct weft_msg *call) {
    struct weft_dht_ask ask;
    if (call->data.size < sizeof ask) {
        weft_reply_error(self, call, WEFT_ERR_INVAL);
        return;
    }
    memcpy(&ask, call->data.data, sizeof ask);
    weft_reply_error(
        self, call,
        step(self, &(struct weft_dht_event){.kind = WEFT_DHT_WITHDRAW, .target = ask.target}));
}

static void add_contact(weft_self *self, const struct weft_msg *call) {
    struct weft_dht_event event = {.kind = WEFT_DHT_ADD};
    if (call->data.size != sizeof event.addr) {
        weft_reply_error(self, call, WEFT_ERR_INVAL);
        return;
    }
    memcpy(&event.addr, call->data.data, sizeof event.addr);
    weft_reply_error(self, call, step(self, &event));
}

static void tell_stats(weft_self *self, const struct weft_msg *call) {
    struct weft_dht_stats stats;
    weft_dht_stats(service_of(self)->dht, &stats);
    weft_reply_now(self, call, &stats, sizeof stats);
}

struct table_copy {
    struct weft_contact_info *infos; /* NULL while counting */
    size_t count;
};

static void copy_contact(void *ctx, const struct weft_contact_info *info) {
    struct table_copy *copy = ctx;
    if (copy->infos != NULL) memcpy(&copy->infos[copy->count], info, sizeof *info);
    copy->count++;
}

static void tell_table(weft_self *self, const struct weft_msg *call) {
    struct service *service = service_of(self);
    struct table_copy copy = {0};
    weft_dht_each(service->dht, weft_now(self), copy_contact, &copy);
    size_t size = copy.count * sizeof *copy.infos;
    if (size == 0) {
        weft_reply_now(self, call, NULL, 0);
        return;
    }
    copy = (struct table_copy){.infos = weft_alloc(self, size)};
    if (copy.infos == NULL) {
        weft_reply_error(self, call, WEFT_ERR_NOMEM);
        return;
    }
    weft_dht_each(service->dht, weft_now(self), copy_contact, &copy);
    weft_reply_now(self, call, copy.infos, size);
    weft_free(self, copy.infos);
}

static void on_call(weft_self *self, const struct weft_msg *call) {
    switch ((enum weft_dht_request)call->tag) {
    case WEFT_DHT_REQ_FIND_NODES:
    case WEFT_DHT_REQ_GET_PEERS:
    case WEFT_DHT_REQ_ANNOUNCE:
    case WEFT_DHT_REQ_GET:
    case WEFT_DHT_REQ_PUT:
        operate(self, call);
        return;
    case WEFT_DHT_REQ_WITHDRAW:
        withdraw(self, call);
        return;
    case WEFT_DHT_REQ_ADD:
        add_contact(self, call);
        return;
    case WEFT_DHT_REQ_STATS:
        tell_stats(self, call);
        return;
    case WEFT_DHT_REQ_TABLE:
        tell_table(self, call);
        return;
    }
    weft_reply_error(self, call, WEFT_ERR_UNSUPPORTED);
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    if (info->kind == WEFT_MSG_TIMER) {
        on_timer(self, info->tag);
    } else if (info->kind == WEFT_MSG_EVENT && info->event->kind == WEFT_EVENT_DATAGRAM) {
        struct weft_dht_event event = {.kind = WEFT_DHT_RECEIVE,
                                       .addr = info->event->from,
                                       .data = weft_bytes(info->event->data, info->event->size)};
        step(self, &event); /* what is wrong with a packet is counted and traced by the machine */
    }
}

/* --- start and end --- */

static int open_sockets(weft_self *self) {
    struct service *service = service_of(self);
    struct weft_addr local4 = service->config.bind4, local6 = service->config.bind6;
    int rv = WEFT_OK;
    if (local4.family != WEFT_FAMILY_NONE) {
        rv = weft_datagram_open(self, &local4, &service->socket4);
    }
    if (rv == WEFT_OK && local6.family != WEFT_FAMILY_NONE) {
        rv = weft_datagram_open(self, &local6, &service->socket6);
    }
    return rv;
}

static int start_machine(weft_self *self, struct weft_bytes saved) {
    struct service *service = service_of(self);
    struct weft_env *env = weft_self_env(self);
    weft_id id = service->config.id;
    uint64_t seeds[2];
    if (!service->config.has_id && (saved.size == 0 || weft_dht_saved_id(saved, &id) != WEFT_OK)) {
        env->entropy->fill(env, id.bytes, sizeof id.bytes);
    }
    env->entropy->fill(env, seeds, sizeof seeds);
    weft_rand_init(&service->rand, seeds[0]);
    struct weft_dht_config config = service->config.dht;
    config.v4 = service->socket4 != WEFT_SOCKET_NONE;
    config.v6 = service->socket6 != WEFT_SOCKET_NONE;
    return weft_dht_new(&config, &id, seeds[1], weft_now(self), weft_self_mem(self), &service->dht);
}

static void tell_up(weft_self *self, bool restored) {
    struct service *service = service_of(self);
    uint64_t k = service->config.dht.k != 0 ? service->config.dht.k : 8;
    uint64_t numbers[] = {service->config.dht.read_only, restored, k};
    const weft_id *id = weft_dht_id(service->dht);
    on_fact(self, WEFT_TRACE_DHT_UP, numbers, 3, weft_bytes(id->bytes, sizeof id->bytes));
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct service *service = service_of(self);
    WEFT_ASSERT(arg.size == sizeof service->config);
    memcpy(&service->config, arg.data, sizeof service->config);
    weft_list_init(&service->asked);
    weft_trap_exit(self, true); /* so that terminate saves the table */
    int rv = open_sockets(self);
    if (rv != WEFT_OK) return rv;
    struct weft_bytes saved = weft_dht__service_read(self);
    rv = start_machine(self, saved);
    if (rv != WEFT_OK) return rv;
    bool restored = saved.size > 0 && weft_dht_load(service->dht, saved, weft_now(self)) == WEFT_OK;
    weft_dht__service_read_done(self, saved);
    tell_up(self, restored);
    bootstrap(self);
    save_later(self, SAVE_FIRST);
    arm(self);
    return WEFT_OK;
}

static void on_terminate(weft_self *self, const struct weft_reason *reason) {
    struct service *service = service_of(self);
    (void)reason;
    if (service->config.path != NULL) weft_dht__service_save(self);
    const weft_id *id = weft_dht_id(service->dht);
    on_fact(self, WEFT_TRACE_DHT_DOWN, NULL, 0, weft_bytes(id->bytes, sizeof id->bytes));
}

WEFT_GEN_SERVER(weft_dht_service, .name = "dht", .version = 1, .state_size = sizeof(struct service),
                .init = on_init, .handle_call = on_call, .handle_info = on_info,
                .terminate = on_terminate);

int weft_dht_answer_read(struct weft_bytes data, struct weft_dht_answer_view *view) {
    WEFT_ASSERT(view != NULL);
    if (data.size < sizeof view->head) return WEFT_ERR_MALFORMED;
    memcpy(&view->head, data.data, sizeof view->head);
    uint64_t closest = (uint64_t)view->head.closest_count * sizeof(struct weft_contact);
    uint64_t peers = (uint64_t)view->head.peers_count * sizeof(struct weft_addr);
    if (sizeof view->head + closest + peers + view->head.value_size != data.size) {
        return WEFT_ERR_MALFORMED;
    }
    view->closest = data.data + sizeof view->head;
    view->peers = view->closest + closest;
    view->value = view->peers + peers;
    return WEFT_OK;
}
