/* Nodes with several schedulers, and nodes that talk to others. */
#include "core/otp/hub.h"
#include "core/base/assert.h"
#include "sim/world/nodes.h"

#include <stdio.h>
#include <stdlib.h>

/* A life's events are counted below this in the counter of a draw. */
#define LIFE_SHIFT 40

void sim_world_node_name(uint32_t node, char name[WEFT_NODE_NAME_MAX]) {
    struct weft_addr addr = sim_world_addr(node, WEFT_FAMILY_V4, SIM_WORLD_DIST_PORT);
    char text[WEFT_ADDR_TEXT_SIZE];
    weft_addr_format(&addr, text);
    int size = snprintf(name, WEFT_NODE_NAME_MAX, "n%u@%s", node, text);
    WEFT_ASSERT(size > 0 && size < WEFT_NODE_NAME_MAX);
}

static uint64_t counter(const struct sim_world_hub *hub, uint64_t number) {
    uint64_t life = hub->world->nodes[hub->node].life;
    WEFT_ASSERT(number >> LIFE_SHIFT == 0);
    return life << LIFE_SHIFT | number;
}

/* --- from one scheduler to another --- */

static weft_duration crossing_time(struct sim_world_hub *hub) {
    uint64_t raw = sim_engine_draw(hub->world->engine, SIM_DRAW_CROSSING, hub->node,
                                   counter(hub, hub->crossings++));
    bool late = raw % SIM_CROSSING_RARE == 0;
    uint64_t below = (uint64_t)(late ? SIM_CROSSING_LATE : SIM_CROSSING_USUAL);
    return (weft_duration)(raw / SIM_CROSSING_RARE % below);
}

/* What is on its way already takes along what is sent meanwhile, so that nothing overtakes. */
static bool hold(void *ctx, uint32_t from, uint32_t to) {
    struct sim_world_hub *hub = ctx;
    uint64_t bit = UINT64_C(1) << to;
    if (hub->on_way[from] & bit) return true;
    struct sim_engine *engine = hub->world->engine;
    uint64_t life = hub->world->nodes[hub->node].life;
    struct sim_event event = {.at = weft_time_add(sim_engine_now(engine), crossing_time(hub)),
                              .kind = SIM_EVENT_CROSSING,
                              .entity = hub->node,
                              .arg = life << 16 | (uint64_t)from << 8 | to};
    if (sim_engine_schedule(engine, &event) == 0) return false; /* no memory: at once */
    hub->on_way[from] |= bit;
    return true;
}

void sim_world__crossing(struct sim_world *world, uint32_t node, uint64_t arg) {
    struct sim_world_node *entry = sim_world__node(world, node);
    uint32_t from = (uint32_t)(arg >> 8 & 0xff), to = (uint32_t)(arg & 0xff);
    if (entry->state == SIM_NODE_DOWN || entry->life != arg >> 16) return;
    WEFT_ASSERT(entry->hub->on_way[from] >> to & 1);
    entry->hub->on_way[from] &= ~(UINT64_C(1) << to);
    weft_hub_arrive(entry->hub->hub, from, to);
    if (entry->state != SIM_NODE_PAUSED) sim_world__run_parts(world, node, UINT64_C(1) << to);
}

/* --- start and end --- */

static int open_hub(struct sim_world_hub *hub, const struct weft_node_config *config) {
    char name[WEFT_NODE_NAME_MAX];
    sim_world_node_name(hub->node, name);
    struct weft_hub_config made = {.mem = hub->env->mem,
                                   .schedulers = hub->count,
                                   .node = config->dist != NULL ? name : NULL,
                                   .creation = hub->world->nodes[hub->node].life,
                                   .hold = hold,
                                   .ctx = hub};
    return weft_hub_new(&made, &hub->hub);
}

/* What is on the others: the code, what is on each, what may be started there. */
static void fill_configs(struct sim_world_hub *hub, const struct weft_node_config *config) {
    for (uint32_t i = 0; i < hub->count; i++) {
        hub->config[i] = *config;
        hub->config[i].hub = hub->hub;
        hub->config[i].scheduler = i;
    }
}

static int start_parts(struct sim_world *world, struct sim_world_hub *hub,
                       struct weft_reason *why) {
    int rv = WEFT_OK;
    for (uint32_t i = 0; rv == WEFT_OK && i < hub->count; i++) {
        struct sim_world_part *part = sim_world__part(world, hub->node, i);
        rv = weft_node_new(hub->env, &hub->config[i], &part->node, why);
    }
    return rv;
}

static uint32_t schedulers_of(struct sim_world *world, uint32_t node) {
    const struct sim_world_config *config = &world->config;
    uint32_t count = config->schedulers_of != NULL ? config->schedulers_of(config->ctx, node) : 1;
    WEFT_ASSERT(count >= 1 && count <= WEFT_SCHEDULERS_MAX);
    return count;
}

int sim_world__start(struct sim_world *world, uint32_t node, struct weft_env *env,
                     const struct weft_node_config *config, struct weft_reason *why) {
    struct sim_world_node *entry = sim_world__node(world, node);
    uint32_t count = schedulers_of(world, node);
    WEFT_ASSERT(config->hub == NULL && entry->hub == NULL);
    if (count == 1 && config->dist == NULL)
        return weft_node_new(env, config, &entry->first.node, why);
    struct sim_world_hub *hub = calloc(1, sizeof *hub);
    if (hub == NULL) return WEFT_ERR_NOMEM;
    hub->world = world;
    hub->env = env;
    hub->node = node;
    hub->count = count;
    entry->hub = hub;
    int rv = open_hub(hub, config);
    if (rv == WEFT_OK) {
        fill_configs(hub, config);
        rv = start_parts(world, hub, why);
    }
    if (rv != WEFT_OK) sim_world__free_node(world, node, NULL);
    return rv;
}

static void add_stats(struct weft_sched_stats *sum, const struct weft_sched_stats *more) {
    sum->procs += more->procs;
    sum->timers += more->timers;
}

void sim_world__free_node(struct sim_world *world, uint32_t node, struct weft_sched_stats *stats) {
    struct sim_world_node *entry = sim_world__node(world, node);
    struct sim_world_hub *hub = entry->hub;
    sim_world__wake_cancel(world, node);
    if (stats != NULL) *stats = (struct weft_sched_stats){0};
    for (uint32_t i = 0; i < sim_world__parts(world, node); i++) {
        struct sim_world_part *part = sim_world__part(world, node, i);
        struct weft_sched_stats one;
        if (part->node == NULL) continue; /* did not start */
        weft_sched_stats(weft_node_sched(part->node), &one);
        if (stats != NULL) add_stats(stats, &one);
        weft_node_free(part->node);
        part->node = NULL;
    }
    entry->hub = NULL;
    if (hub == NULL) return;
    if (hub->hub != NULL) weft_hub_free(hub->hub);
    free(hub);
}

/* Scheduler 0 first: its applications end in order what they have started on the others. */
void sim_world__stop_node(struct sim_world *world, uint32_t node) {
    weft_node_stop(sim_world__part(world, node, 0)->node);
}

/* --- running --- */

static void part_ended(struct sim_world *world, uint32_t node, uint32_t part,
                       const struct weft_reason *why) {
    struct sim_world_node *entry = sim_world__node(world, node);
    struct sim_world_hub *hub = entry->hub;
    bool told = entry->state == SIM_NODE_STOPPING || hub->gave_up;
    hub->ended |= UINT64_C(1) << part;
    /* The first that gave up, else the first that did not end cleanly, else the last. */
    if (weft_reason_is_clean(&hub->why) && !hub->gave_up) hub->why = *why;
    if (!told) hub->gave_up = true;
    if (!told) sim_world__stop_node(world, node);
    for (uint32_t i = 1; (hub->ended & 1) && i < hub->count; i++)
        weft_node_stop(hub->parts[i].node);
    for (uint32_t i = 0; i < hub->count; i++)
        if (!(hub->ended >> i & 1)) sim_world__wake(world, node, i, sim_engine_now(world->engine));
}

/* All roots have ended, nothing is on its way, and nobody has anything to do. What is left then
 * hangs on nothing. */
static bool is_over(struct sim_world *world, uint32_t node) {
    const struct sim_world_hub *hub = sim_world__node(world, node)->hub;
    weft_time now = sim_engine_now(world->engine);
    for (uint32_t i = 0; i < hub->count; i++) {
        if (!(hub->ended >> i & 1) || hub->on_way[i] != 0) return false;
        if (sim_world__next_at(world, node, i) <= now) return false;
    }
    return true;
}

/* What is left goes on a little later, so that others have their turn and what they send arrives
 * meanwhile. */
static weft_time goes_on(weft_time now, uint64_t raw) {
    return now + 1 + (weft_duration)(raw / SIM_WORLD_STEP_MAX % (uint64_t)SIM_WORLD_TICK);
}

void sim_world__run_one(struct sim_world *world, uint32_t node, uint32_t part) {
    struct sim_world_hub *hub = sim_world__node(world, node)->hub;
    struct weft_node *runs = sim_world__part(world, node, part)->node;
    struct weft_reason why;
    uint64_t raw = sim_engine_draw(world->engine, SIM_DRAW_TURN, node, counter(hub, hub->turns++));
    weft_time now = sim_engine_now(world->engine);
    uint32_t messages = 1 + (uint32_t)(raw % SIM_WORLD_STEP_MAX);
    bool more = sim_world__is_slow(world, node) ? sim_world__run_slowly(world, node, part)
                                                : weft_sched_run(weft_node_sched(runs), messages);
    if (!(hub->ended >> part & 1) && weft_node_ended(runs, &why))
        part_ended(world, node, part, &why);
    if (hub->ended != 0 && is_over(world, node)) {
        why = hub->why;
        sim_world__ended(world, node, &why);
        return;
    }
    weft_time next = more ? now : sim_world__next_at(world, node, part);
    sim_world__wake(world, node, part, next <= now ? goes_on(now, raw) : next);
}
