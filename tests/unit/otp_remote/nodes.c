#include "tests/unit/otp_remote/nodes.h"

#include "core/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct node nodes[NODES_MAX];
uint32_t nodes_schedulers = 1;
weft_duration nodes_tick = NODES_TICK;

#define TAG_DO 0xd0d0

static struct node *node_of(weft_self *self) {
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (nodes[i].up && nodes[i].env == weft_self_env(self)) return &nodes[i];
    abort();
}

static void write_down(struct node *node, const char *format, ...) {
    size_t size = strlen(node->log);
    va_list args;
    va_start(args, format);
    vsnprintf(node->log + size, sizeof node->log - size, format, args);
    va_end(args);
}

static void on_cast(struct node *node, const struct weft_msg *msg) {
    int size = (int)msg->data.size;
    const char *data = (const char *)msg->data.data;
    if (msg->tag == WEFT_TAG_NODE_UP) write_down(node, "up %.2s,", data);
    if (msg->tag == WEFT_TAG_NODE_DOWN) write_down(node, "down %.2s,", data);
    if (msg->tag < 1000) write_down(node, "cast %u %.*s,", msg->tag, size > 16 ? 16 : size, data);
}

static void handle(weft_self *self, const struct weft_msg *msg) {
    struct node *node = node_of(self);
    void (*fn)(weft_self * self);
    if (msg->kind == WEFT_MSG_CAST && msg->tag == TAG_DO) {
        memcpy(&fn, msg->data.data, sizeof fn);
        fn(self);
        return;
    }
    if (msg->kind == WEFT_MSG_CAST) on_cast(node, msg);
    if (msg->kind == WEFT_MSG_CALL) {
        struct weft_call call = weft_call_of(msg);
        write_down(node, "call %u,", msg->tag);
        if (msg->tag < 100) weft_reply(self, &call, WEFT_OK, msg->data);
    }
    if (msg->kind == WEFT_MSG_REPLY)
        write_down(node, "reply %s %zu,", weft_error_name(msg->status), msg->data.size);
    if (msg->kind == WEFT_MSG_EXIT)
        write_down(node, "exit %s %d,", weft_reason_name(msg->reason->kind), msg->reason->code);
    if (msg->kind == WEFT_MSG_DOWN)
        write_down(node, "DOWN %s %d,", weft_reason_name(msg->reason->kind), msg->reason->code);
}

static int init(weft_self *self, struct weft_bytes arg) {
    weft_trap_exit(self, arg.size == 0);
    return WEFT_OK;
}

const struct weft_behaviour scribe = {.name = "scribe", .init = init, .handle = handle};

static const struct weft_behaviour *const offers[] = {&scribe};

static void start_dist(weft_self *self) {
    struct node *node = node_of(self);
    struct weft_dist_config config = {.cookie = node->cookie, .tick = nodes_tick};
    struct weft_spawn spawn = {.behaviour = &weft_dist, .arg = weft_bytes(&config, sizeof config)};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &node->dist), WEFT_OK);
}

/* A port that is free now. */
static uint16_t free_port(struct weft_env *env) {
    struct weft_addr addr = weft_addr_v4(127, 0, 0, 1, 0);
    weft_socket socket;
    WEFT_ASSERT(env->net->stream_listen(env, &addr, 1, 0, &socket) == WEFT_OK);
    env->net->close(env, socket);
    return addr.port;
}

void node_start(unsigned i, uint32_t creation, const char *cookie) {
    struct node *node = &nodes[i];
    struct weft_posix_config config = {.node = i};
    weft_posix_guard_install();
    CHECK_EQ_INT(weft_posix_new(&config, &node->posix), WEFT_OK);
    node->env = weft_posix_env(node->posix);
    node->cookie = cookie;
    node->up = true;
    node->log[0] = '\0';
    if (node->name[0] == '\0')
        snprintf(node->name, sizeof node->name, "n%u@127.0.0.1:%u", i, free_port(node->env));
    weft_mem_heap_init(&node->heap, 0);
    struct weft_hub_config hub = {.mem = &node->heap.base,
                                  .schedulers = nodes_schedulers,
                                  .node = node->name,
                                  .creation = creation};
    CHECK_EQ_INT(weft_hub_new(&hub, &node->hub), WEFT_OK);
    struct weft_sched_config sched = {
        .hub = node->hub, .offers = offers, .offers_count = 1, .plain_memory = true};
    CHECK_EQ_INT(weft_sched_new(node->env, &sched, &node->sched), WEFT_OK);
    struct weft_spawn root = {.behaviour = &scribe, .name = "root"};
    CHECK_EQ_INT(weft_sched_start(node->sched, &root, &node->root, NULL), WEFT_OK);
    at(i, start_dist);
}

void node_end(unsigned i) {
    struct node *node = &nodes[i];
    if (!node->up) return;
    weft_sched_free(node->sched);
    weft_hub_free(node->hub);
    CHECK_EQ_UINT(node->heap.bytes, 0);
    weft_posix_free(node->posix);
    node->up = false;
}

static void deliver(void *ctx, const struct weft_event *event) {
    weft_sched_deliver(((struct node *)ctx)->sched, event);
}
static bool run(void *ctx) { return weft_sched_run(((struct node *)ctx)->sched, 1000); }
static weft_time next_at(void *ctx) { return weft_sched_next_at(((struct node *)ctx)->sched); }
static bool done(void *ctx) {
    (void)ctx;
    return false;
}

static void turn(void) {
    for (unsigned i = 0; i < NODES_MAX; i++) {
        struct weft_posix_driver driver = {&nodes[i], deliver, run, next_at, done};
        if (nodes[i].up) weft_posix_turn(nodes[i].posix, &driver, WEFT_MS(1));
    }
}

void at(unsigned i, void (*fn)(weft_self *self)) {
    weft_sched_send(nodes[i].sched, nodes[i].root, TAG_DO, weft_bytes(&fn, sizeof fn));
    turn();
}

bool heard(unsigned i, const char *what) {
    weft_time end = weft_env_now(nodes[i].env) + WEFT_S(60);
    while (strstr(nodes[i].log, what) == NULL) {
        if (weft_env_now(nodes[i].env) > end) {
            fprintf(stderr, "node %u heard: %s\n", i, nodes[i].log);
            return false;
        }
        turn();
    }
    return true;
}

void wait_for(weft_duration duration) {
    weft_time end = weft_env_now(nodes[0].env) + duration;
    while (weft_env_now(nodes[0].env) < end) turn();
}

void forget(void) {
    for (unsigned i = 0; i < NODES_MAX; i++) nodes[i].log[0] = '\0';
}
