/* A world on several threads: a world for each lane, windows, and what was traced in them. */
#include "sim/engine/lanes.h"

#include "core/base/assert.h"
#include "sim/world/nodes.h"

#include <stdlib.h>
#include <string.h>

/* Events of a window from which on it is worth several threads. */
#define WINDOW_WORTH 32

/* --- lanes --- */

static uint32_t nodes_of(const struct sim_world *world, uint32_t lane) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->config.nodes; i++) {
        if (sim_engine_lane_of(world->engine, i) == lane) count++;
    }
    return count;
}

static struct sim_world *lane_new(struct sim_world *home, uint32_t index) {
    struct sim_world *lane = calloc(1, sizeof *lane);
    if (lane == NULL) return NULL;
    lane->config = home->config;
    lane->engine = sim_engine_lane(home->engine, index);
    lane->net = home->net;
    lane->nodes = home->nodes;
    lane->home = home;
    lane->told = UINT32_MAX;
    lane->count[SIM_NODE_DOWN] = nodes_of(home, index);
    lane->fabric = sim_fabric_beside(home->fabric, lane->engine, lane);
    if (lane->fabric != NULL) return lane;
    free(lane);
    return NULL;
}

bool sim_world__make_lanes(struct sim_world *world) {
    uint32_t count = world->config.host.team->count;
    world->lookahead = sim_net_least(world->config.net);
    WEFT_ASSERT(world->lookahead > 0 && world->config.nats_count == 0);
    WEFT_ASSERT(world->config.points == NULL);
    if (!sim_engine_split(world->engine, count)) return false;
    world->lanes = calloc(count, sizeof(struct sim_world *));
    if (world->lanes == NULL) return false;
    for (uint32_t i = 0; i < count; i++) {
        world->lanes[i] = lane_new(world, i);
        if (world->lanes[i] == NULL) return false;
    }
    world->count[SIM_NODE_DOWN] = 0;
    return true;
}

void sim_world__free_lanes(struct sim_world *world) {
    for (uint32_t i = 0; world->lanes != NULL && i < world->config.host.team->count; i++) {
        struct sim_world *lane = world->lanes[i];
        if (lane == NULL) continue;
        sim_world__slow_free(lane);
        free(lane->felt);
        sim_fabric_free(lane->fabric);
        free(lane->log.records);
        free(lane->log.bytes);
        free(lane);
    }
    free(world->lanes);
}

/* --- memory --- */

struct weighing {
    const struct sim_world *world;
    size_t bytes[SIM_LANES_MAX];
};

static void weigh_share(void *ctx, uint32_t index) {
    struct weighing *weighing = ctx;
    const struct sim_world *world = weighing->world;
    uint64_t nodes = world->config.nodes, count = world->config.host.team->count;
    weighing->bytes[index] = sim_world__bytes_between(world, (uint32_t)(nodes * index / count),
                                                      (uint32_t)(nodes * (index + 1) / count));
}

size_t sim_world__bytes_on_lanes(const struct sim_world *world) {
    const struct sim_team *team = world->config.host.team;
    struct weighing weighing = {.world = world};
    size_t sum = 0;
    WEFT_ASSERT(!world->window);
    team->run(team->ctx, weigh_share, &weighing);
    for (uint32_t i = 0; i < team->count; i++) sum += weighing.bytes[i];
    return sum;
}

/* --- what is traced --- */

/* A trace with holes would be another run: there is no going on without memory. */
static void *grow(void *array, size_t *max, size_t need, size_t size) {
    if (need <= *max) return array;
    size_t count = *max == 0 ? 64 : *max;
    while (count < need) count *= 2;
    void *grown = realloc(array, count * size);
    WEFT_ASSERT(grown != NULL);
    *max = count;
    return grown;
}

void sim_world__log(struct sim_world *lane, const struct weft_trace_event *event) {
    if (!lane->home->window) {
        sim_world__trace(lane->home, event);
        return;
    }
    struct sim_world_log *log = &lane->log;
    log->records = grow(log->records, &log->max, log->count + 1, sizeof *log->records);
    log->bytes = grow(log->bytes, &log->bytes_max, log->size + event->bytes.size, 1);
    struct sim_world_record *record = &log->records[log->count++];
    *record = (struct sim_world_record){sim_engine_mark(lane->engine), *event, log->size};
    if (event->bytes.size > 0) memcpy(log->bytes + log->size, event->bytes.data, event->bytes.size);
    log->size += event->bytes.size;
    record->event.bytes.data = NULL;
}

/* The lane whose next record is the first of all. NULL: there is none. */
static struct sim_world *first_log(const struct sim_world *world) {
    struct sim_world *best = NULL;
    for (uint32_t i = 0; i < world->config.host.team->count; i++) {
        struct sim_world *lane = world->lanes[i];
        const struct sim_world_log *log = &lane->log;
        if (log->next == log->count) continue;
        if (best == NULL || sim_mark_before(&log->records[log->next].mark,
                                            &best->log.records[best->log.next].mark)) {
            best = lane;
        }
    }
    return best;
}

static void tell_logs(struct sim_world *world) {
    for (struct sim_world *lane; (lane = first_log(world)) != NULL;) {
        struct sim_world_record *record = &lane->log.records[lane->log.next++];
        record->event.bytes.data = lane->log.bytes + record->offset;
        sim_engine_scenario_at(world->engine, record->mark.at);
        sim_world__trace(world, &record->event);
    }
    for (uint32_t i = 0; i < world->config.host.team->count; i++) {
        struct sim_world_log *log = &world->lanes[i]->log;
        log->count = log->next = log->size = 0;
    }
}

/* --- running --- */

/* Until it is done with the window, or has to wait. */
static enum sim_lane_step go_on(struct sim_world *lane) {
    struct sim_event event;
    enum sim_lane_step step;
    while ((step = sim_engine_lane_next(lane->engine, &event)) == SIM_LANE_EVENT)
        sim_world__act(lane, &event);
    return step;
}

static void run_lane(void *ctx, uint32_t index) {
    const struct sim_world *world = ctx;
    const struct sim_team *team = world->config.host.team;
    while (go_on(world->lanes[index]) == SIM_LANE_WAITS) team->rest(team->ctx);
}

static void run_all_lanes(struct sim_world *world) {
    uint32_t waiting = 1;
    while (waiting > 0) {
        waiting = 0;
        for (uint32_t i = 0; i < world->config.host.team->count; i++)
            waiting += go_on(world->lanes[i]) == SIM_LANE_WAITS;
    }
}

static void collect(void *ctx, uint32_t index) {
    const struct sim_world *world = ctx;
    sim_engine_collect(world->lanes[index]->engine);
}

/* To wake the others for a few events would take longer than the events do: then one thread runs
 * lane after lane, and whether it does changes nothing else. The last window tells what to expect.
 */
static void run_lanes(struct sim_world *world) {
    const struct sim_team *team = world->config.host.team;
    if (world->window_events >= WINDOW_WORTH) {
        team->run(team->ctx, run_lane, world);
        team->run(team->ctx, collect, world);
        return;
    }
    run_all_lanes(world);
    for (uint32_t i = 0; i < team->count; i++) collect(world, i);
}

static void run_window(struct sim_world *world) {
    uint64_t before = sim_engine_count(world->engine);
    world->window = true;
    run_lanes(world);
    world->window = false;
    world->window_events = sim_engine_count(world->engine) - before;
    sim_engine_window_end(world->engine);
    tell_logs(world);
}

static void run_event(struct sim_world *world, const struct sim_turn *turn) {
    struct sim_event event;
    bool got = sim_engine_next(turn->lane, turn->last, &event);
    WEFT_ASSERT(got);
    bool scenario = event.entity == SIM_SCENARIO;
    sim_world__act(scenario ? world : sim_world__of(world, event.entity), &event);
}

bool sim_world__run_lanes(struct sim_world *world, weft_time until, uint64_t events_max) {
    uint64_t before = sim_engine_count(world->engine);
    for (;;) {
        struct sim_turn turn = sim_engine_turn(world->engine, until, world->lookahead);
        if (turn.kind == SIM_TURN_OVER) return true;
        if (turn.kind == SIM_TURN_ONE) run_event(world, &turn);
        if (turn.kind == SIM_TURN_WINDOW) run_window(world);
        if (events_max > 0 && sim_engine_count(world->engine) - before >= events_max) return false;
    }
}
