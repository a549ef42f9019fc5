/* The world: the event queue and who acts on what is popped. */
#include "sim/world/world.h"

#include "core/base/assert.h"
#include "core/base/fetch.h"
#include "sim/world/nodes.h"
#include "sim/world/packet_kind.h"

#include <stdio.h>
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

uint32_t sim_world__parts(const struct sim_world *world, uint32_t node) {
    const struct sim_world_hub *hub = world->nodes[node].hub;
    return hub != NULL ? hub->count : 1;
}

struct sim_world_part *sim_world__part(struct sim_world *world, uint32_t node, uint32_t part) {
    struct sim_world_node *entry = sim_world__node(world, node);
    WEFT_ASSERT(part < sim_world__parts(world, node));
    return part == 0 ? &entry->first : &entry->hub->parts[part];
}

static void cancel_wake(struct sim_world *world, struct sim_world_part *part) {
    struct sim_event event;
    if (part->wake == 0) return;
    bool queued = sim_engine_cancel(world->engine, part->wake, &event);
    WEFT_ASSERT(queued); /* I1 */
    part->wake = 0;
}

void sim_world__wake_cancel(struct sim_world *world, uint32_t node) {
    for (uint32_t i = 0; i < sim_world__parts(world, node); i++)
        cancel_wake(world, sim_world__part(world, node, i));
}

/* A wake that comes too early finds nothing to do and is set anew: cheaper than moving it each time
 * a timer is taken back. */
void sim_world__wake(struct sim_world *world, uint32_t node, uint32_t index, weft_time at) {
    const struct sim_world_node *entry = sim_world__node(world, node);
    struct sim_world_part *part = sim_world__part(world, node, index);
    WEFT_ASSERT(entry->state == SIM_NODE_UP || entry->state == SIM_NODE_STOPPING); /* I3 */
    at = weft_time_max(at, sim_fabric_busy(world->fabric, node));
    if (at == WEFT_TIME_NEVER || (part->wake != 0 && part->wake_at <= at)) return;
    cancel_wake(world, part);
    struct sim_event event = {.at = at, .kind = SIM_EVENT_WAKE, .entity = node, .arg = index};
    part->wake = sim_engine_schedule(world->engine, &event);
    part->wake_at = at;
    WEFT_ASSERT(part->wake != 0); /* without it the node would sleep for ever */
}

weft_time sim_world__next_at(struct sim_world *world, uint32_t node, uint32_t part) {
    weft_time shown = weft_node_next_at(sim_world__part(world, node, part)->node);
    return sim_fabric_true_time(world->fabric, node, shown);
}

static bool is_busy(const struct sim_world *world, uint32_t node) {
    return sim_fabric_busy(world->fabric, node) > sim_engine_now(world->engine);
}

static void run_whole(struct sim_world *world, uint32_t node) {
    struct sim_world_node *entry = sim_world__node(world, node);
    WEFT_ASSERT(entry->first.node != NULL);
    weft_time now = sim_engine_now(world->engine);
    weft_time next = now;
    bool slow = sim_world__is_slow(world, node);
    if (slow && !sim_world__run_slowly(world, node, 0)) next = sim_world__next_at(world, node, 0);
    for (int turns = 0; !slow && turns < SIM_WORLD_TURNS_MAX && next <= now; turns++) {
        if (turns > 0 && is_busy(world, node)) break;
        next = weft_node_run(entry->first.node) ? now : sim_world__next_at(world, node, 0);
    }
    struct weft_reason why;
    if (weft_node_ended(entry->first.node, &why))
        sim_world__ended(world, node, &why);
    else
        sim_world__wake(world, node, 0, next <= now ? now + SIM_WORLD_TICK : next);
}

void sim_world__run_parts(struct sim_world *world, uint32_t node, uint64_t parts) {
    uint32_t count = sim_world__parts(world, node);
    uint32_t life = sim_world__node(world, node)->life;
    WEFT_ASSERT(parts != 0);
    if (count == 1 && !is_busy(world, node)) {
        run_whole(world, node);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_world_node *entry = sim_world__node(world, node);
        if (entry->state == SIM_NODE_DOWN || entry->life != life) return;
        if (!(parts >> i & 1)) continue;
        if (is_busy(world, node))
            sim_world__wake(world, node, i, sim_engine_now(world->engine));
        else
            sim_world__run_one(world, node, i);
    }
}

void sim_world_busy(struct sim_world *world, uint32_t node, weft_time until) {
    world = sim_world__of(world, node);
    const struct sim_world_node *entry = sim_world__node(world, node);
    if (entry->state != SIM_NODE_UP && entry->state != SIM_NODE_STOPPING) return;
    sim_world__fold(world, SIM_HAPPENED_BUSY, node, (uint64_t)until);
    sim_fabric_set_busy(world->fabric, node, until);
    world->told = NONE;
    world->told_parts = 0;
    sim_world__run_parts(world, node, SIM_WORLD__ALL_PARTS);
}

/* A socket or a job is of the process that owns it, and so of its scheduler. */
void sim_world__deliver(void *ctx, uint32_t node, const struct weft_event *event) {
    struct sim_world *world = ctx;
    uint32_t part = weft_pid_sched((weft_pid){event->owner});
    WEFT_ASSERT(world->told == NONE || world->told == node);
    weft_node_deliver(sim_world__part(world, node, part)->node, event);
    world->told = node;
    world->told_parts |= UINT64_C(1) << part;
}

_Static_assert(SIM_NEAR == 1 + WEFT_NODE_FETCH_STEPS, "where the node is, then its own steps");

static void fetch(void *ctx, uint32_t node, unsigned step) {
    struct sim_world *world = ctx;
    const struct sim_world_node *entry = &world->nodes[node];
    if (step == 0)
        weft_fetch(entry, sizeof *entry);
    else if (entry->first.node != NULL)
        weft_node_fetch(entry->first.node, step - 1);
}

void sim_world__trace(struct sim_world *world, const struct weft_trace_event *event) {
    const struct sim_world_config *config = &world->config;
    bool told = config->trace != NULL && (config->trace_mask & WEFT_TRACE_BIT(event->kind));
    if (event->kind == WEFT_TRACE_PROC_EXIT && world->on_exit != NULL) {
        if (told) config->trace(config->ctx, event);
        world->on_exit(world->on_exit_ctx, event);
    } else if (told) { /* the last call: most events come this way */
        config->trace(config->ctx, event);
    }
}

static uint32_t part_of(uint64_t owner) { return weft_pid_sched((weft_pid){owner}); }

static void who(void *ctx, uint32_t node, char text[SIM_POINT_WHO_MAX]) {
    struct sim_world *world = ctx;
    const char *runs = "the runtime";
    struct weft_proc_info info;
    for (uint32_t i = 0; i < sim_world__parts(world, node); i++) {
        struct weft_node *part = sim_world__part(world, node, i)->node;
        if (part == NULL) runs = "the start of the node";
        if (part == NULL || !weft_sched_running(weft_node_sched(part), &info)) continue;
        runs = info.name != NULL ? info.name : info.behaviour;
    }
    snprintf(text, SIM_POINT_WHO_MAX, "%s", runs);
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct sim_world *world = ctx;
    if (world->home != NULL)
        sim_world__log(world, event);
    else
        sim_world__trace(world, event);
}

static bool make_parts(struct sim_world *world) {
    const struct sim_world_config *config = &world->config;
    world->nodes = calloc(config->nodes, sizeof *world->nodes);
    world->engine = sim_engine_new(config->seed, config->nodes);
    world->net = sim_net_new(config->net, config->nodes, config->group_of, config->seed);
    if (world->nodes == NULL || world->engine == NULL || world->net == NULL) return false;
    struct sim_fabric_config fabric = {.engine = world->engine,
                                       .net = world->net,
                                       .nodes = config->nodes,
                                       .nats = config->nats,
                                       .nats_count = config->nats_count,
                                       .flow = config->flow,
                                       .host = config->host,
                                       .order = config->order,
                                       .deliver = sim_world__deliver,
                                       .fetch = fetch,
                                       .kind_of = sim_packet_kind,
                                       .trace = on_trace,
                                       .who = who,
                                       .ctx = world,
                                       .part_of = part_of,

                                       .points = config->points,
                                       .trace_mask = config->trace_mask |
                                                     WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT)};
    world->fabric = sim_fabric_new(&fabric);
    if (world->fabric == NULL) return false;
    return config->host.team == NULL || sim_world__make_lanes(world);
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
        if (world->nodes[i].first.node == NULL) continue;
        sim_fabric_halt(world->fabric, i, SIM_END_CRASHED);
        sim_world__free_node(sim_world__of(world, i), i, NULL);
        sim_fabric_down(world->fabric, i);
    }
}

void sim_world_free(struct sim_world *world) {
    if (world == NULL) return;
    world->on_exit = NULL;
    world->config.trace_mask = 0;
    free_nodes(world);
    sim_world__slow_free(world);
    free(world->felt);
    if (world->engine != NULL) sim_engine_free(world->engine, drop);
    sim_fabric_free(world->fabric);
    sim_world__free_lanes(world);
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
    return sim_fabric_node_at(world->fabric, addr);
}

void sim_world_on_exit(struct sim_world *world,
                       void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx) {
    world->on_exit = fn;
    world->on_exit_ctx = ctx;
}

/* `event` says when, of what node only, and with which argument. */
static int call_at(struct sim_world *world, struct sim_event *event, struct sim_call what) {
    WEFT_ASSERT(event->at >= sim_engine_now(world->engine));
    WEFT_ASSERT(what.fn != NULL);
    struct sim_call *call = malloc(sizeof *call);
    if (call == NULL) return WEFT_ERR_NOMEM;
    *call = what;
    event->kind = SIM_EVENT_CALL;
    event->entity = SIM_SCENARIO;
    event->data = call;
    if (sim_engine_schedule(world->engine, event) != 0) return WEFT_OK;
    free(call);
    return WEFT_ERR_NOMEM;
}

int sim_world_at(struct sim_world *world, weft_time at, void (*fn)(void *ctx, uint64_t arg),
                 void *ctx, uint64_t arg) {
    struct sim_event event = {.at = at, .arg = arg};
    return call_at(world, &event, (struct sim_call){fn, ctx});
}

int sim_world_at_node(struct sim_world *world, weft_time at, void (*fn)(void *ctx, uint64_t node),
                      void *ctx, uint32_t node) {
    WEFT_ASSERT(node < world->config.nodes);
    struct sim_event event = {.at = at, .arg = node, .only = node + 1};
    return call_at(world, &event, (struct sim_call){fn, ctx});
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

static void wake_up(struct sim_world *world, uint32_t node, uint32_t index) {
    const struct sim_world_node *entry = sim_world__node(world, node);
    struct sim_world_part *part = sim_world__part(world, node, index);
    WEFT_ASSERT(part->node != NULL && entry->state != SIM_NODE_PAUSED); /* I3 */
    part->wake = 0;
    weft_time next = sim_world__next_at(world, node, index);
    if (next > sim_engine_now(world->engine))
        sim_world__wake(world, node, index, next);
    else
        sim_world__run_parts(world, node, UINT64_C(1) << index);
}

void sim_world__act(struct sim_world *world, const struct sim_event *event) {
    if (event->kind == SIM_EVENT_CALL) {
        call_back(event);
        return;
    }
    if (event->kind == SIM_EVENT_WAKE) {
        wake_up(world, event->entity, (uint32_t)event->arg);
        return;
    }
    if (event->kind == SIM_EVENT_CROSSING) {
        sim_world__crossing(world, event->entity, event->arg);
        return;
    }
    bool known = sim_fabric_handle(world->fabric, event);
    WEFT_ASSERT(known);
    uint32_t told = world->told;
    uint64_t parts = world->told_parts;
    world->told = NONE;
    world->told_parts = 0;
    if (told != NONE) sim_world__run_parts(world, told, parts);
}

bool sim_world_run(struct sim_world *world, weft_time until, uint64_t events_max) {
    struct sim_event event;
    if (world->lanes != NULL) return sim_world__run_lanes(world, until, events_max);
    for (uint64_t count = 0; events_max == 0 || count < events_max; count++) {
        sim_fabric_flow(world->fabric, until);
        if (!sim_engine_next(world->engine, until, &event)) return true;
        sim_world__act(world, &event);
    }
    return false;
}

const char *sim_world_event_name(uint32_t kind) {
    static const char *const names[] = {[SIM_EVENT_PARCEL] = "packet",
                                        [SIM_EVENT_STREAM_TIMER] = "stream timer",
                                        [SIM_EVENT_JOB] = "job",
                                        [SIM_EVENT_BUSY_NO_MORE] = "busy no more",
                                        [SIM_EVENT_PARCEL_THROUGH] = "packet through",
                                        [SIM_EVENT_TELL] = "stream told",
                                        [SIM_EVENT_WAKE] = "wake",
                                        [SIM_EVENT_CALL] = "call",
                                        [SIM_EVENT_CROSSING] = "crossing"};
    bool known = kind < sizeof names / sizeof names[0] && names[kind] != NULL;
    return known ? names[kind] : "event";
}

/* What one world counted, its own lanes not. */
static void add_stats(struct sim_world_stats *stats, const struct sim_world *world) {
    struct sim_fabric_stats fabric;
    sim_fabric_stats(world->fabric, &fabric);
    stats->packets_sent += fabric.packets_sent;
    stats->packets_received += fabric.packets_received;
    stats->packets_lost += fabric.packets_lost;
    stats->stream_bytes += fabric.stream_bytes;
    stats->up += world->count[SIM_NODE_UP] + world->count[SIM_NODE_STOPPING];
    stats->down += world->count[SIM_NODE_DOWN];
    stats->paused += world->count[SIM_NODE_PAUSED];
    stats->boots += world->boots;
}

static uint64_t bytes_of(const struct sim_world *world, uint32_t node) {
    return sim_fabric_memory(world->fabric, node) + sim_fabric_overhead(world->fabric, node);
}

bool sim_world_load(struct sim_world *world, uint32_t node, struct sim_load *load) {
    *load = (struct sim_load){0};
    if (sim_world__node(world, node)->first.node == NULL) return false;
    for (uint32_t i = 0; i < sim_world__parts(world, node); i++) {
        struct weft_node *part = sim_world__part(world, node, i)->node;
        if (part == NULL) continue; /* it has ended before the others */
        struct weft_sched_stats stats;
        weft_sched_stats(weft_node_sched(part), &stats);
        load->procs += stats.procs;
        load->timers += stats.timers;
        load->mailbox += weft_sched_waiting(weft_node_sched(part));
    }
    load->bytes = bytes_of(world, node);
    return true;
}

void sim_world_stats(const struct sim_world *world, struct sim_world_stats *stats) {
    *stats = (struct sim_world_stats){.events = sim_engine_count(world->engine),
                                      .flows = sim_fabric_flows(world->fabric)};
    add_stats(stats, world);
    for (uint32_t i = 0; world->lanes != NULL && i < sim_engine_lanes(world->engine); i++)
        add_stats(stats, world->lanes[i]);
}

size_t sim_world__bytes_between(const struct sim_world *world, uint32_t first, uint32_t end) {
    size_t bytes = 0;
    for (uint32_t i = first; i < end; i++) {
        if (world->nodes[i].first.node != NULL) bytes += bytes_of(world, i);
    }
    return bytes;
}

size_t sim_world_node_bytes(const struct sim_world *world) {
    if (world->lanes != NULL) return sim_world__bytes_on_lanes(world);
    return sim_world__bytes_between(world, 0, world->config.nodes);
}
