/* A small world for tests. */
#include "tests/unit/sim/small.h"

#include "core/otp/gen_server.h"
#include "core/posix/guard.h"
#include "sim/world/fabric.h"

#include <stdlib.h>

#define ECHO_DATAGRAM 7000
#define ECHO_STREAM 7001

/* --- echo --- */

static int open_datagram(weft_self *self, uint16_t port, weft_socket *out) {
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = port};
    return weft_datagram_open(self, &local, out);
}

static int echo_init(weft_self *self, struct weft_bytes arg) {
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = ECHO_STREAM};
    weft_socket socket;
    (void)arg;
    int rv = open_datagram(self, ECHO_DATAGRAM, &socket);
    return rv != WEFT_OK ? rv : weft_stream_listen(self, &local, 16, &socket);
}

static void echo_stream(weft_self *self, weft_socket socket) {
    struct weft_env *env = weft_self_env(self);
    char data[64];
    int64_t rv;
    while ((rv = env->net->stream_read(env, socket, data, sizeof data)) > 0) {
        env->net->stream_write(env, socket, data, (size_t)rv);
    }
    if (rv == 0) weft_socket_close(self, socket);
}

static void echo_handle(weft_self *self, const struct weft_msg *msg) {
    struct weft_env *env = weft_self_env(self);
    const struct weft_event *event = msg->event;
    if (msg->kind != WEFT_MSG_EVENT) return;
    if (event->kind == WEFT_EVENT_DATAGRAM) {
        env->net->datagram_send(env, event->socket, &event->from, event->data, event->size);
    }
    if (event->kind == WEFT_EVENT_READABLE) echo_stream(self, event->socket);
    if (event->kind == WEFT_EVENT_FAILED) weft_socket_close(self, event->socket);
}

static WEFT_PROCESS(echo, .name = "echo", .version = 1, .init = echo_init, .handle = echo_handle);

/* --- caller --- */

struct caller {
    struct small_arg arg;
    weft_socket socket;
};

static int write_file(weft_self *self, bool sync) {
    struct weft_env *env = weft_self_env(self);
    weft_file file;
    int rv = env->disk->open(env, "file", WEFT_DISK_WRITE, &file);
    weft_log(env, WEFT_LOG_INFO, rv == WEFT_OK ? "file is there" : "no file");
    if (rv == WEFT_OK) return rv;
    rv = env->disk->open(env, "file", WEFT_DISK_WRITE | WEFT_DISK_CREATE, &file);
    if (rv == WEFT_OK) rv = env->disk->write(env, file, 0, "data", 4);
    if (rv == WEFT_OK && sync) rv = env->disk->sync(env, file);
    if (rv == WEFT_OK && sync) rv = env->disk->sync_folder(env, "");
    return rv;
}

static int caller_init(weft_self *self, struct weft_bytes arg) {
    struct caller *caller = weft_state(self);
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = ECHO_STREAM};
    memcpy(&caller->arg, arg.data, sizeof caller->arg);
    if (caller->arg.act == SMALL_WRITE) return write_file(self, caller->arg.sync);
    if (caller->arg.act == SMALL_LISTEN_TWICE) {
        return weft_stream_listen(self, &local, 1, &caller->socket);
    }
    if (caller->arg.act == SMALL_PING) {
        int rv = open_datagram(self, 0, &caller->socket);
        if (rv != WEFT_OK) return rv;
    }
    if (caller->arg.act == SMALL_NOTHING) return WEFT_OK;
    return weft_timer_start(self, caller->arg.after, 1, weft_bytes(NULL, 0), NULL);
}

static void caller_act(weft_self *self) {
    struct caller *caller = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    struct weft_addr to = sim_world_addr(caller->arg.to, WEFT_FAMILY_V4, ECHO_DATAGRAM);
    if (caller->arg.act == SMALL_PING) {
        env->net->datagram_send(env, caller->socket, &to, "ping", 4);
        weft_timer_start(self, caller->arg.after, 1, weft_bytes(NULL, 0), NULL);
    }
    if (caller->arg.act == SMALL_STREAM) {
        to.port = ECHO_STREAM;
        weft_stream_connect(self, &to, &caller->socket);
    }
    if (caller->arg.act == SMALL_TIMER) weft_log(env, WEFT_LOG_INFO, "timer");
    if (caller->arg.act == SMALL_WALL) {
        int64_t ahead = env->clock->wall(env) - SIM_WALL_EPOCH - env->clock->monotonic(env);
        weft_log(env, WEFT_LOG_INFO, "wall %lld", (long long)(ahead / WEFT_S(1)));
        weft_timer_start(self, caller->arg.after, 1, weft_bytes(NULL, 0), NULL);
    }
    if (caller->arg.act == SMALL_BUSY) {
        weft_send(self, weft_self_pid(self), 7, weft_bytes(NULL, 0));
    }
}

static void caller_read(weft_self *self, weft_socket socket) {
    struct weft_env *env = weft_self_env(self);
    char data[64];
    int64_t rv = env->net->stream_read(env, socket, data, sizeof data - 1);
    if (rv <= 0) return;
    data[rv] = '\0';
    weft_log(env, WEFT_LOG_INFO, "stream %s", data);
    weft_socket_close(self, socket);
}

static void caller_event(weft_self *self, const struct weft_event *event) {
    struct weft_env *env = weft_self_env(self);
    if (event->kind == WEFT_EVENT_DATAGRAM) weft_log(env, WEFT_LOG_INFO, "pong");
    if (event->kind == WEFT_EVENT_CONNECTED) {
        env->net->stream_write(env, event->socket, "hello", 5);
    }
    if (event->kind == WEFT_EVENT_READABLE) caller_read(self, event->socket);
    if (event->kind == WEFT_EVENT_FAILED) {
        weft_log(env, WEFT_LOG_INFO, "failed %s", weft_error_name(event->error));
        weft_socket_close(self, event->socket);
    }
}

static void caller_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_TIMER) caller_act(self);
    if (msg->kind == WEFT_MSG_CAST && msg->tag == 7) caller_act(self);
    if (msg->kind == WEFT_MSG_EVENT) caller_event(self, msg->event);
}

static WEFT_PROCESS(caller, .name = "caller", .version = 1, .state_size = sizeof(struct caller),
                    .init = caller_init, .handle = caller_handle);

/* --- the world --- */

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct small *small = ctx;
    if (small->count == SMALL_EVENTS_MAX) abort();
    struct small_event *copy = &small->events[small->count++];
    *copy = (struct small_event){.at = event->at, .node = event->node, .kind = event->kind};
    memcpy(copy->number, event->number, sizeof copy->number);
    size_t size = event->bytes.size < sizeof copy->text ? event->bytes.size : sizeof copy->text - 1;
    if (size > 0) memcpy(copy->text, event->bytes.data, size);
}

static size_t memory_of(void *ctx, uint32_t node) {
    return ((const struct small *)ctx)->memory[node];
}

static const struct weft_node_config *config_of(void *ctx, uint32_t node, uint32_t life) {
    struct small *small = ctx;
    (void)life;
    small->app[node].children[0] =
        (struct weft_child_spec){.id = "echo", .name = "echo", .behaviour = &echo};
    small->app[node].children[1] =
        (struct weft_child_spec){.id = "caller",
                                 .name = "caller",
                                 .behaviour = &caller,
                                 .arg = weft_bytes(&small->arg[node], sizeof small->arg[node])};
    small->app[node].name = "small";
    small->apps[node] = (struct weft_app_spec){.application = &small->app[node]};
    small->config[node] = (struct weft_node_config){.apps = &small->apps[node], .apps_count = 1};
    return &small->config[node];
}

static struct small *open_with(uint64_t seed, uint64_t trace_mask) {
    struct small *small = calloc(1, sizeof *small);
    weft_posix_guard_install();
    small->spec.rules_count = 1;
    struct sim_rule *rule = &small->spec.rules[0];
    rule->from_group = rule->to_group = SIM_GROUP_ANY;
    rule->chain.count = 1;
    rule->chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_CONSTANT, .a = SMALL_DELAY}};
    struct sim_world_config config = {.seed = seed,
                                      .nodes = SMALL_NODES,
                                      .net = &small->spec,
                                      .host = {.guard = &weft_posix_guard},
                                      .config_of = config_of,
                                      .memory_of = memory_of,
                                      .trace = on_trace,
                                      .ctx = small,
                                      .trace_mask = trace_mask};
    small->world = sim_world_new(&config);
    if (small->world == NULL) abort();
    return small;
}

struct small *small_open(uint64_t seed) {
    return open_with(seed, WEFT_TRACE_ALL);
}

struct small *small_open_quiet(uint64_t seed) {
    return open_with(seed, 0);
}

void small_close(struct small *small) {
    sim_world_free(small->world);
    free(small);
}

void small_boot_all(struct small *small) {
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        CHECK_EQ_INT(sim_world_boot(small->world, i), WEFT_OK);
    }
}

void small_run(struct small *small, weft_time until) {
    CHECK(sim_world_run(small->world, until, 0));
}

weft_time small_now(const struct small *small) {
    return sim_engine_now(sim_world_engine(small->world));
}

const struct small_event *small_find(const struct small *small, uint32_t node,
                                     enum weft_trace_kind kind, size_t index) {
    for (size_t i = 0; i < small->count; i++) {
        const struct small_event *event = &small->events[i];
        if (event->node != node || event->kind != kind) continue;
        if (index-- == 0) return event;
    }
    return NULL;
}

const struct small_event *small_log(const struct small *small, uint32_t node, const char *text,
                                    size_t index) {
    for (size_t i = 0; i < small->count; i++) {
        const struct small_event *event = &small->events[i];
        if (event->node != node || event->kind != WEFT_TRACE_LOG) continue;
        if (strcmp(event->text, text) == 0 && index-- == 0) return event;
    }
    return NULL;
}

size_t small_count(const struct small *small, uint32_t node, enum weft_trace_kind kind) {
    size_t count = 0;
    while (small_find(small, node, kind, count) != NULL) count++;
    return count;
}

size_t small_log_count(const struct small *small, uint32_t node, const char *text) {
    size_t count = 0;
    while (small_log(small, node, text, count) != NULL) count++;
    return count;
}
