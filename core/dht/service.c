/* The DHT's service process: its life, its timers, its sockets. */
#include "core/dht/service_internal.h"

#include <string.h>

/* --- what the machine asks for --- */

static void on_send(void *ctx, const struct weft_addr *to, struct weft_bytes data) {
    weft_self *self = ctx;
    const struct weft_dht__service *service = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    weft_socket socket = to->family == WEFT_FAMILY_V4 ? service->socket4 : service->socket6;
    WEFT_ASSERT(data.size <= WEFT_KRPC_SIZE_MAX);
    if (socket == WEFT_SOCKET_NONE) return;
    (void)env->net->datagram_send(env, socket, to, data.data, data.size); /* lost, as any may be */
}

static void on_done(void *ctx, const struct weft_dht_result *result) {
    WEFT_ASSERT(result != NULL);
    weft_dht__service_done(ctx, result);
}

static void on_fact(void *ctx, enum weft_trace_kind kind, const uint64_t *numbers, size_t count,
                    struct weft_bytes bytes) {
    weft_self *self = ctx;
    struct weft_dht__service *service = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    WEFT_ASSERT(count <= WEFT_TRACE_NUMBERS);
    if (kind == WEFT_TRACE_DHT_JOINED) service->joined = true;
    if (!(env->trace_mask & WEFT_TRACE_BIT(kind))) return;
    struct weft_trace_event event = {
        .at = weft_env_now(env), .node = env->node, .kind = kind, .bytes = bytes};
    memcpy(event.number, numbers, count * sizeof *numbers);
    env->trace->emit(env, &event);
}

/* --- alarms --- */

/* Ring at `at`, or earlier if it is set to. */
static void alarm_by(weft_self *self, struct weft_dht__alarm *alarm, weft_time at,
                     enum weft_dht__timer tag) {
    weft_time now = weft_now(self);
    WEFT_ASSERT(alarm != NULL);
    if (at >= alarm->at) return;
    if (alarm->at != WEFT_TIME_NEVER) (void)weft_timer_cancel(self, alarm->ref);
    alarm->at = at;
    weft_duration delay = at > now ? at - now : 0;
    int error = weft_timer_start(self, delay, tag, weft_bytes(NULL, 0), &alarm->ref);
    if (error == WEFT_OK) return;
    alarm->at = WEFT_TIME_NEVER;
    struct weft_reason why = weft_reason_text(WEFT_REASON_ERROR, error, "no timer to go on with");
    weft_stop(self, &why);
}

static weft_duration or_default(weft_duration wanted, weft_duration normal) {
    return wanted > 0 ? wanted : normal;
}

static weft_duration bootstrap_retry(const struct weft_dht__service *service) {
    return or_default(service->config->bootstrap_retry, WEFT_S(10));
}

static weft_duration save_after(const struct weft_dht__service *service) {
    return or_default(service->config->save_after, WEFT_MIN(5));
}

static weft_duration jittered(struct weft_dht__service *service, weft_duration normal) {
    WEFT_ASSERT(normal > 0);
    return normal - normal / 8 +
           (weft_duration)weft_rand_below(&service->rand, (uint64_t)normal / 4 + 1);
}

static void tell_table(weft_self *self, const struct weft_dht_size *size) {
    struct weft_dht__service *service = weft_state(self);
    WEFT_ASSERT(size != NULL);
    if (service->contacts4 == size->contacts4 && service->contacts6 == size->contacts6) return;
    service->contacts4 = size->contacts4;
    service->contacts6 = size->contacts6;
    weft_trace(weft_self_env(self), WEFT_TRACE_DHT_TABLE, weft_bytes(NULL, 0), size->contacts4,
               size->contacts6, size->buckets);
}

static void after_step(weft_self *self) {
    struct weft_dht__service *service = weft_state(self);
    weft_time now = weft_now(self);
    const struct weft_dht_size size = weft_dht_size(service->dht);
    tell_table(self, &size);
    weft_time next = weft_dht_next_at(service->dht);
    WEFT_ASSERT(next > now);
    if (next != WEFT_TIME_NEVER) alarm_by(self, &service->step, next, DHT_TIMER_STEP);
    bool empty = size.contacts4 + size.contacts6 == 0;
    if (empty && service->config->bootstrap_count > 0 && service->bootstrap.at == WEFT_TIME_NEVER) {
        weft_duration wait = jittered(service, bootstrap_retry(service));
        alarm_by(self, &service->bootstrap, weft_time_add(now, wait), DHT_TIMER_BOOTSTRAP);
    }
    if (service->joined && service->config->path != NULL) {
        alarm_by(self, &service->save, weft_time_add(now, DHT_SAVE_JOINED), DHT_TIMER_SAVE);
    }
    service->joined = false;
}

int weft_dht__service_step(weft_self *self, const struct weft_dht_event *event) {
    struct weft_dht__service *service = weft_state(self);
    const struct weft_dht_sink sink = {self, on_send, on_done, on_fact};
    struct weft_dht_event timed = *event;
    WEFT_ASSERT(service->dht != NULL);
    timed.now = weft_now(self);
    int result = weft_dht_step(service->dht, &timed, &sink);
    after_step(self);
    return result;
}

/* --- init --- */

static bool config_valid(const struct weft_dht_service_config *config) {
    const struct weft_dht_config *dht = &config->dht;
    bool v4 = config->bind4.family == WEFT_FAMILY_V4, v6 = config->bind6.family == WEFT_FAMILY_V6;
    if (config->bootstrap_count > WEFT_DHT_BOOTSTRAP_MAX) return false;
    if (!v4 && !v6) return false;
    return !dht->shared || (dht->v4 == v4 && dht->v6 == v6);
}

static int config_read(struct weft_dht__service *service, struct weft_bytes arg) {
    const struct weft_dht_service_config *config;
    if (arg.size != sizeof config) return WEFT_ERR_INVAL;
    memcpy(&config, arg.data, sizeof config);
    if (!config_valid(config)) return WEFT_ERR_INVAL;
    service->config = config;
    service->step.at = service->bootstrap.at = service->save.at = WEFT_TIME_NEVER;
    WEFT_ASSERT(config->bootstrap_count == 0 || config->bootstrap != NULL);
    return WEFT_OK;
}

static int open_sockets(weft_self *self, struct weft_dht__service *service) {
    int error = WEFT_OK;
    struct weft_addr bind4 = service->config->bind4, bind6 = service->config->bind6;
    if (bind4.family == WEFT_FAMILY_V4) {
        error = weft_datagram_open(self, &bind4, &service->socket4);
    }
    if (error == WEFT_OK && bind6.family == WEFT_FAMILY_V6) {
        error = weft_datagram_open(self, &bind6, &service->socket6);
    }
    WEFT_ASSERT(error <= 0);
    return error;
}

/* The saved table, or the one before it, if it is whole. */
static int read_whole(weft_self *self, const char *path, bool last, struct weft_bytes *out,
                      weft_id *id) {
    unsigned char *data = NULL;
    size_t size = 0;
    int error = last ? weft_dht__disk_read_last(self, path, &data, &size)
                     : weft_dht__disk_read(self, path, &data, &size);
    if (error == WEFT_OK) error = weft_dht_saved_id(weft_bytes(data, size), id);
    if (error == WEFT_OK)
        *out = weft_bytes(data, size);
    else
        weft_mem_free(weft_self_mem(self), data, size);
    return error;
}

/* What is saved. What is not whole is logged, and the one before it stands in: the id is what
 * others know the node by. A node without any still joins. */
static struct weft_bytes read_saved(weft_self *self, const struct weft_dht__service *service,
                                    weft_id *id) {
    struct weft_env *env = weft_self_env(self);
    struct weft_bytes saved = weft_bytes(NULL, 0);
    const char *path = service->config->path;
    if (path == NULL) return saved;
    int error = read_whole(self, path, false, &saved, id);
    if (error == WEFT_OK) return saved;
    if (error != WEFT_ERR_NOT_FOUND)
        weft_log(env, WEFT_LOG_WARN, "dht: saved table %s ignored: %s", path,
                 weft_error_text(error));
    /* The next save must not put it in the place of the one that is whole. */
    if (error == WEFT_ERR_CORRUPT) (void)env->disk->remove(env, path);
    (void)read_whole(self, path, true, &saved, id);
    return saved;
}

/* The machine, with the id it is given, has saved or draws. */
static int start_machine(weft_self *self, struct weft_dht__service *service,
                         struct weft_bytes saved, const weft_id *saved_id) {
    struct weft_env *env = weft_self_env(self);
    weft_id id = service->config->id;
    uint64_t seeds[2];
    env->entropy->fill(env, seeds, sizeof seeds);
    weft_rand_init(&service->rand, seeds[1]);
    if (!service->config->has_id) {
        env->entropy->fill(env, &id, sizeof id);
        if (saved.size > 0) id = *saved_id;
    }
    const struct weft_dht_service_config *config = service->config;
    struct weft_dht_config own = config->dht;
    own.v4 = config->bind4.family == WEFT_FAMILY_V4;
    own.v6 = config->bind6.family == WEFT_FAMILY_V6;
    int error = weft_dht_new(config->dht.shared ? &config->dht : &own, &id, seeds[0],
                             weft_now(self), weft_self_mem(self), &service->dht);
    if (error != WEFT_OK || saved.size == 0) return error;
    error = weft_dht_load(service->dht, saved, weft_now(self));
    WEFT_ASSERT(error == WEFT_OK); /* weft_dht_saved_id has checked it */
    service->restored = true;
    return WEFT_OK;
}

static void ask_bootstrap(weft_self *self) {
    const struct weft_dht__service *service = weft_state(self);
    WEFT_ASSERT(service->config->bootstrap_count <= WEFT_DHT_BOOTSTRAP_MAX);
    for (size_t i = 0; i < service->config->bootstrap_count; i++) {
        const struct weft_dht_event event = {.kind = WEFT_DHT_ADD,
                                             .addr = service->config->bootstrap[i]};
        (void)weft_dht__service_step(self, &event); /* not usable, no room: the others may be */
    }
}

static void begin(weft_self *self, struct weft_dht__service *service) {
    const weft_id *id = weft_dht_id(service->dht);
    uint32_t k = service->config->dht.k != 0 ? service->config->dht.k : 8;
    WEFT_ASSERT(id != NULL);
    weft_trace(weft_self_env(self), WEFT_TRACE_DHT_UP, weft_bytes(id, sizeof *id),
               service->config->dht.read_only, service->restored, k);
    ask_bootstrap(self);
    after_step(self);
    if (service->config->path == NULL) return;
    if (!service->restored) weft_dht__disk_save(self); /* the id is kept from now on */
    weft_time at = weft_time_add(weft_now(self), jittered(service, save_after(service)));
    alarm_by(self, &service->save, at, DHT_TIMER_SAVE);
}

static int init(weft_self *self, struct weft_bytes arg) {
    struct weft_dht__service *service = weft_state(self);
    weft_id saved_id;
    WEFT_ASSERT(service->dht == NULL);
    int error = config_read(service, arg);
    if (error == WEFT_OK) error = open_sockets(self, service);
    if (error != WEFT_OK) return error;
    weft_trap_exit(self, true); /* so that terminate is called at a shutdown */
    struct weft_bytes saved = read_saved(self, service, &saved_id);
    error = start_machine(self, service, saved, &saved_id);
    weft_mem_free(weft_self_mem(self), (void *)(uintptr_t)saved.data, saved.size);
    if (error != WEFT_OK) return error;
    begin(self, service);
    return WEFT_OK;
}

/* --- messages --- */

static void on_timer(weft_self *self, const struct weft_msg *timer) {
    struct weft_dht__service *service = weft_state(self);
    weft_time now = weft_now(self);
    WEFT_ASSERT(timer->kind == WEFT_MSG_TIMER);
    switch ((enum weft_dht__timer)timer->tag) {
    case DHT_TIMER_STEP:
        service->step.at = WEFT_TIME_NEVER;
        const struct weft_dht_event event = {.kind = WEFT_DHT_TIMER};
        if (weft_dht_next_at(service->dht) <= now) {
            (void)weft_dht__service_step(self, &event);
        } else {
            after_step(self); /* what it was set for has been done or gone */
        }
        return;
    case DHT_TIMER_BOOTSTRAP:
        service->bootstrap.at = WEFT_TIME_NEVER;
        if (service->contacts4 + service->contacts6 == 0) ask_bootstrap(self);
        return;
    case DHT_TIMER_SAVE:
        service->save.at = WEFT_TIME_NEVER;
        weft_dht__disk_save(self);
        alarm_by(self, &service->save, weft_time_add(now, jittered(service, save_after(service))),
                 DHT_TIMER_SAVE);
        return;
    }
    WEFT_UNREACHABLE("a timer nobody set");
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    if (info->kind == WEFT_MSG_TIMER) {
        on_timer(self, info);
        return;
    }
    if (info->kind != WEFT_MSG_EVENT || info->event->kind != WEFT_EVENT_DATAGRAM) return;
    WEFT_ASSERT(info->event->data != NULL || info->event->size == 0);
    const struct weft_dht_event event = {.kind = WEFT_DHT_RECEIVE,
                                         .addr = info->event->from,
                                         .data = weft_bytes(info->event->data, info->event->size)};
    (void)weft_dht__service_step(self, &event); /* what is refused is counted and traced */
}

void weft_dht_service_fetch(const void *state, unsigned step) {
    const struct weft_dht__service *service = state;
    if (service->dht != NULL) weft_dht_fetch(service->dht, step);
}

static void on_terminate(weft_self *self, const struct weft_reason *reason) {
    struct weft_dht__service *service = weft_state(self);
    WEFT_ASSERT(reason != NULL);
    WEFT_ASSERT(service->dht != NULL);
    weft_dht__disk_save(self);
    weft_id id = *weft_dht_id(service->dht);
    weft_trace(weft_self_env(self), WEFT_TRACE_DHT_DOWN, weft_bytes(&id, sizeof id), 0);
    weft_dht_free(service->dht);
    service->dht = NULL;
}

WEFT_GEN_SERVER(weft_dht_service, .name = "dht", .version = 1,
                .state_size = sizeof(struct weft_dht__service), .init = init,
                .terminate = on_terminate, .handle_call = weft_dht__service_call,
                .handle_info = on_info);
