/* The world: the event queue and who acts on what is popped. */
#include "sim/world/world.h"

#include "core/base/assert.h"
#include "sim/world/nodes.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct sim_world_node *sim_world__node(struct sim_world *world, uint32_t node) {
    WEFT_ASSERT(node < world->config.nodes);
    return &world->nodes[node];
}

void sim_world__set_state(struct sim_world *world, uint32_t node, enum sim_node_state state) {
    struct sim_world_node *entry = sim_world__node(world, node);
    WEFT_ASSERT(world->count[entry->state] > 0);
    world->count[entry->state]--;
    world->count[state]++;
    entry->state = (uint8_t)state;
}

void sim_world__fold(struct sim_world *world, enum sim_happening what, uint32_t node,
                     uint64_t detail) {
    sim_engine_fold(world->engine, (uint64_t)what << 32 | node);
    sim_engine_fold(world->engine, detail);
}

void sim_world__wake_cancel(struct sim_world *world, uint32_t node) {
    struct sim_world_node *entry = sim_world__node(world, node);
    struct sim_event event;
    if (entry->wake == 0) return;
    bool queued = sim_engine_cancel(world->engine, entry->wake, &event);
    WEFT_ASSERT(queued); /* I2 */
    entry->wake = 0;
}

/* A wake that comes too early finds nothing to do and is set anew: cheaper than moving it each time
 * a timer is taken back. */
void sim_world__wake(struct sim_world *world, uint32_t node, weft_time at) {
    struct sim_world_node *entry = sim_world__node(world, node);
    WEFT_ASSERT(entry->state == SIM_NODE_UP || entry->state == SIM_NODE_STOPPING); /* I3 */
    if (at == WEFT_TIME_NEVER || (entry->wake != 0 && entry->wake_at <= at)) return;
    sim_world__wake_cancel(world, node);
    struct sim_event event = {.at = at, .kind = SIM_EVENT_WAKE, .entity = node};
    entry->wake = sim_engine_schedule(world->engine, &event);
    entry->wake_at = at;
    WEFT_ASSERT(entry->wake != 0); /* without it the node would sleep for ever */
}

void sim_world__run_node(struct sim_world *world, uint32_t node) {
    struct sim_world_node *entry = sim_world__node(world, node);
    WEFT_ASSERT(entry->node != NULL);
    weft_time now = sim_engine_now(world->engine);
    weft_time next = now;
    for (int turns = 0; turns < SIM_WORLD_TURNS_MAX && next <= now; turns++) {
        next = weft_node_run(entry->node) ? now : weft_node_next_at(entry->node);
    }
    struct weft_reason why;
    if (weft_node_ended(entry->node, &why))
        sim_world__ended(world, node, &why);
    else
        sim_world__wake(world, node, next <= now ? now + SIM_WORLD_TICK : next);
}

static void on_deliver(void *ctx, uint32_t node, const struct weft_event *event) {
    struct sim_world *world = ctx;
    WEFT_ASSERT(world->told == NONE || world->told == node);
    weft_node_deliver(sim_world__node(world, node)->node, event);
    world->told = node;
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct sim_world *world = ctx;
    const struct sim_world_config *config = &world->config;
    if (config->trace != NULL && (config->trace_mask & WEFT_TRACE_BIT(event->kind))) {
        config->trace(config->ctx, event);
    }
    if (event->kind == WEFT_TRACE_PROC_EXIT && world->on_exit != NULL) {
        world->on_exit(world->on_exit_ctx, event);
    }
}

static bool make_parts(struct sim_world *world) {
    const struct sim_world_config *config = &world->config;
    world->nodes = calloc(config->nodes, sizeof *world->nodes);
    world->engine = sim_engine_new(config->seed);
    world->net = sim_net_new(config->net, config->nodes, config->group_of, config->seed);
    if (world->nodes == NULL || world->engine == NULL || world->net == NULL) return false;
    struct sim_fabric_config fabric = {.engine = world->engine,
                                       .net = world->net,
                                       .nodes = config->nodes,
                                       .host = config->host,
                                       .deliver = on_deliver,
                                       .trace = on_trace,
                                       .ctx = world,
                                       .trace_mask = config->trace_mask |
                                                     WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT)};
    world->fabric = sim_fabric_new(&fabric);
    return world->fabric != NULL;
}

struct sim_world *sim_world_new(const struct sim_world_config *config) {
    WEFT_ASSERT(config->nodes > 0 && config->nodes <= SIM_WORLD_NODES_MAX);
    WEFT_ASSERT(config->config_of != NULL);
    struct sim_world *world = calloc(1, sizeof *world);
    if (world == NULL) return NULL;
    world->config = *config;
    world->count[SIM_NODE_DOWN] = config->nodes;
    world->told = NONE;
    if (make_parts(world)) return world;
    sim_world_free(world);
    return NULL;
}

static void drop(const struct sim_event *event) {
    if (event->kind == SIM_EVENT_CALL)
        free(event->data);
    else
        sim_fabric_drop(event);
}

static void free_nodes(struct sim_world *world) {
    for (uint32_t i = 0; world->fabric != NULL && i < world->config.nodes; i++) {
        if (world->nodes[i].node == NULL) continue;
        sim_fabric_halt(world->fabric, i, SIM_END_CRASHED);
        weft_node_free(world->nodes[i].node);
        sim_fabric_down(world->fabric, i);
    }
}

void sim_world_free(struct sim_world *world) {
    if (world == NULL) return;
    world->on_exit = NULL;
    world->config.trace_mask = 0;
    free_nodes(world);
    if (world->engine != NULL) sim_engine_free(world->engine, drop);
    sim_fabric_free(world->fabric);
    if (world->net != NULL) sim_net_free(world->net);
    free(world->nodes);
    free(world);
}

struct sim_engine *sim_world_engine(struct sim_world *world) {
    return world->engine;
}

struct sim_net *sim_world_net(struct sim_world *world) {
    return world->net;
}

uint32_t sim_world_nodes(const struct sim_world *world) { return world->config.nodes; }

uint32_t sim_world_node_at(const struct sim_world *world, const struct weft_addr *addr) {
    return sim_fabric__node_at(world->fabric, addr);
}

void sim_world_on_exit(struct sim_world *world,
                       void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx) {
    world->on_exit = fn;
    world->on_exit_ctx = ctx;
}

int sim_world_at(struct sim_world *world, weft_time at, void (*fn)(void *ctx, uint64_t arg),
                 void *ctx, uint64_t arg) {
    WEFT_ASSERT(at >= sim_engine_now(world->engine));
    WEFT_ASSERT(fn != NULL);
    struct sim_call *call = malloc(sizeof *call);
    if (call == NULL) return WEFT_ERR_NOMEM;
    *call = (struct sim_call){fn, ctx};
    struct sim_event event = {
        .at = at, .kind = SIM_EVENT_CALL, .entity = NONE, .arg = arg, .data = call};
    if (sim_engine_schedule(world->engine, &event) != 0) return WEFT_OK;
    free(call);
    return WEFT_ERR_NOMEM;
}

void sim_world_trace(struct sim_world *world, uint32_t node, enum weft_trace_kind kind,
                     const uint64_t *numbers, size_t count, struct weft_bytes bytes) {
    WEFT_ASSERT(count <= WEFT_TRACE_NUMBERS);
    struct weft_trace_event event = {
        .at = sim_engine_now(world->engine), .node = node, .kind = kind, .bytes = bytes};
    for (size_t i = 0; i < count; i++) event.number[i] = numbers[i];
    on_trace(world, &event);
}

static void call_back(const struct sim_event *event) {
    struct sim_call call = *(struct sim_call *)event->data;
    free(event->data);
    call.fn(call.ctx, event->arg);
}

static void wake_up(struct sim_world *world, uint32_t node) {
    struct sim_world_node *entry = sim_world__node(world, node);
    WEFT_ASSERT(entry->node != NULL && entry->state != SIM_NODE_PAUSED); /* I3 */
    entry->wake = 0;
    weft_time next = weft_node_next_at(entry->node);
    if (next > sim_engine_now(world->engine))
        sim_world__wake(world, node, next);
    else
        sim_world__run_node(world, node);
}

static void handle(struct sim_world *world, const struct sim_event *event) {
    if (event->kind == SIM_EVENT_CALL) {
        call_back(event);
        return;
    }
    if (event->kind == SIM_EVENT_WAKE) {
        wake_up(world, event->entity);
        return;
    }
    bool known = sim_fabric_handle(world->fabric, event);
    WEFT_ASSERT(known);
    uint32_t told = world->told;
    world->told = NONE;
    if (told != NONE) sim_world__run_node(world, told);
}

bool sim_world_run(struct sim_world *world, weft_time until, uint64_t events_max) {
    struct sim_event event;
    for (uint64_t count = 0; events_max == 0 || count < events_max; count++) {
        if (!sim_engine_next(world->engine, until, &event)) return true;
        handle(world, &event);
    }
    return false;
}

void sim_world_stats(const struct sim_world *world, struct sim_world_stats *stats) {
    struct sim_fabric_stats fabric;
    sim_fabric_stats(world->fabric, &fabric);
    *stats =
        (struct sim_world_stats){.events = sim_engine_count(world->engine),
                                 .packets_sent = fabric.packets_sent,
                                 .packets_received = fabric.packets_received,
                                 .packets_lost = fabric.packets_lost,
                                 .stream_bytes = fabric.stream_bytes,
                                 .up = world->count[SIM_NODE_UP] + world->count[SIM_NODE_STOPPING],
                                 .down = world->count[SIM_NODE_DOWN],
                                 .paused = world->count[SIM_NODE_PAUSED],
                                 .boots = world->boots};
    for (uint32_t i = 0; i < world->config.nodes; i++) {
        if (world->nodes[i].node == NULL) continue;
        stats->node_bytes +=
            sim_fabric_memory(world->fabric, i) + sim_fabric_overhead(world->fabric, i);
    }
}
