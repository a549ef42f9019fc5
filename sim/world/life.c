/* The life of a node: boot, stop, crash, kill, pause, resume; and acting on it. */
#include "core/base/assert.h"
#include "core/otp/code.h"
#include "sim/world/nodes.h"

#include <stdlib.h>

#define FLOOD_MAX (16u * 65536u)

static uint64_t now_of(struct sim_world *world) { return (uint64_t)sim_engine_now(world->engine); }

/* The endpoint the node knows itself by: its DHT's, or its host with no port. */
static struct weft_addr known_as(const struct sim_world *world, uint32_t node,
                                 const struct weft_node_config *config) {
    const struct weft_dht_service_config *dht = config->dht;
    struct weft_addr like = {.family = WEFT_FAMILY_V4};
    if (dht != NULL) like = dht->bind4.family != WEFT_FAMILY_NONE ? dht->bind4 : dht->bind6;
    return sim_places_addr(sim_fabric_places(world->fabric), node, like);
}

static void trace_up(struct sim_world *world, uint32_t node,
                     const struct weft_node_config *config) {
    struct weft_addr addr = known_as(world, node, config);
    uint64_t life = sim_world__node(world, node)->life;
    sim_world_trace(world, node, WEFT_TRACE_NODE_UP, &life, 1, weft_bytes(&addr, sizeof addr));
}

/* The env is still there, and the node is freed. */
static void go_down(struct sim_world *world, uint32_t node, bool clean,
                    enum weft_node_down_cause cause) {
    struct sim_world_node *entry = sim_world__node(world, node);
    sim_fabric_down(world->fabric, node);
    sim_world__set_state(world, node, SIM_NODE_DOWN);
    sim_world__fold(world, SIM_HAPPENED_DOWN, node, cause);
    sim_world_trace(world, node, WEFT_TRACE_NODE_DOWN,
                    (uint64_t[]){entry->life, clean ? 1 : 0, cause}, 3, weft_bytes(NULL, 0));
}

/* --- what a pause puts off --- */

/* Of a paused node. A part that has something to do is due now. */
static bool is_late(struct sim_world *world, uint32_t node) {
    const struct sim_clock *clock = sim_fabric_clock(world->fabric, node);
    weft_time now = sim_engine_now(world->engine), shown = now;
    if (sim_fabric_waited_for(world->fabric, node)) return true;
    if (sim_fabric_busy(world->fabric, node) > now) return false;
    if (clock != NULL) shown = sim_clock_monotonic(clock, now);
    for (uint32_t i = 0; i < sim_world__parts(world, node); i++) {
        if (weft_node_next_at(sim_world__part(world, node, i)->node) <= shown) return true;
    }
    return false;
}

/* The node goes on, or down. */
static void note_felt(struct sim_world *world, uint32_t node) {
    if (sim_world_state(world, node) != SIM_NODE_PAUSED || !is_late(world, node)) return;
    if (world->felt == NULL) world->felt = calloc(world->config.nodes, sizeof *world->felt);
    WEFT_ASSERT(world->felt != NULL); /* without it a run would say something else */
    world->felt[node]++;
}

uint32_t sim_world_pauses_felt(struct sim_world *world, uint32_t node) {
    world = sim_world__of(world, node);
    bool paused = sim_world_state(world, node) == SIM_NODE_PAUSED;
    uint32_t before = world->felt != NULL ? world->felt[node] : 0;
    return before + (paused && is_late(world, node) ? 1 : 0);
}

enum sim_node_state sim_world_state(const struct sim_world *world, uint32_t node) {
    WEFT_ASSERT(node < world->config.nodes);
    return (enum sim_node_state)world->nodes[node].state;
}

uint32_t sim_world_life(const struct sim_world *world, uint32_t node) {
    WEFT_ASSERT(node < world->config.nodes);
    return world->nodes[node].life;
}

struct weft_node *sim_world_node(struct sim_world *world, uint32_t node) {
    return sim_world__node(world, node)->first.node;
}

static size_t quota_of(const struct sim_world *world, uint32_t node) {
    const struct sim_world_config *config = &world->config;
    return config->memory_of != NULL ? config->memory_of(config->ctx, node) : 0;
}

int sim_world_boot(struct sim_world *world, uint32_t node) {
    world = sim_world__of(world, node);
    struct sim_world_node *entry = sim_world__node(world, node);
    WEFT_ASSERT(entry->state == SIM_NODE_DOWN);
    struct weft_env *env = sim_fabric_up(world->fabric, node, entry->life + 1);
    if (env == NULL) return WEFT_ERR_NOMEM;
    entry->life++;
    world->boots++;
    sim_world__fold(world, SIM_HAPPENED_BOOT, node, entry->life);
    sim_world__set_state(world, node, SIM_NODE_UP);
    size_t most = quota_of(world, node);
    if (most > 0) sim_world_limit_memory(world, node, most);
    const struct weft_node_config *config =
        world->config.config_of(world->config.ctx, node, entry->life);
    WEFT_ASSERT(config != NULL);
    trace_up(world, node, config);
    struct weft_reason why = {.text = ""};
    int rv = sim_world__start(world, node, env, config, &why);
    if (rv != WEFT_OK) {
        weft_log(env, WEFT_LOG_ERROR, "boot failed: %s %s", weft_error_name(rv), why.text);
        sim_fabric_halt(world->fabric, node, SIM_END_KILLED);
        go_down(world, node, false, WEFT_NODE_UNSTARTED);
        return rv;
    }
    sim_world__run_parts(world, node, SIM_WORLD__ALL_PARTS);
    return WEFT_OK;
}

static void trace_left(struct sim_world *world, uint32_t node, const struct weft_sched_stats *stats,
                       uint32_t sockets) {
    uint64_t left[] = {stats->procs, stats->timers, sockets,
                       sim_fabric_memory(world->fabric, node)};
    sim_world_trace(world, node, WEFT_TRACE_NODE_LEFT, left, 4, weft_bytes(NULL, 0));
}

void sim_world__ended(struct sim_world *world, uint32_t node, const struct weft_reason *why) {
    struct sim_world_node *entry = sim_world__node(world, node);
    bool stopped = entry->state == SIM_NODE_STOPPING;
    struct weft_sched_stats stats;
    uint32_t sockets = sim_fabric_sockets(world->fabric, node);
    sim_world__free_node(world, node, &stats);
    if (stopped) trace_left(world, node, &stats, sockets);
    sim_fabric_halt(world->fabric, node, SIM_END_ORDERLY);
    go_down(world, node, stopped && weft_reason_is_clean(why),
            stopped ? WEFT_NODE_STOPPED : WEFT_NODE_ENDED);
}

void sim_world_stop(struct sim_world *world, uint32_t node) {
    world = sim_world__of(world, node);
    struct sim_world_node *entry = sim_world__node(world, node);
    if (entry->state == SIM_NODE_PAUSED) sim_world_resume(world, node);
    if (entry->state != SIM_NODE_UP) return;
    sim_world__fold(world, SIM_HAPPENED_STOP, node, now_of(world));
    sim_world__set_state(world, node, SIM_NODE_STOPPING);
    sim_world__stop_node(world, node);
    sim_world__run_parts(world, node, SIM_WORLD__ALL_PARTS);
}

/* The machine was halted, and `files` changed by it. */
static void cut_short(struct sim_world *world, uint32_t node, enum weft_node_down_cause cause,
                      uint32_t files) {
    sim_engine_fold(world->engine, files);
    sim_world__free_node(world, node, NULL);
    go_down(world, node, false, cause);
}

bool sim_world_cut_power(struct sim_world *world, uint32_t node, enum sim_unsynced unsynced) {
    world = sim_world__of(world, node);
    const struct sim_world_node *entry = sim_world__node(world, node);
    if (entry->state == SIM_NODE_DOWN) return false;
    note_felt(world, node);
    uint64_t seed = sim_engine_draw(world->engine, SIM_DRAW_DISK, node, entry->life);
    uint32_t files = sim_fabric_crash(world->fabric, node, unsynced, seed);
    cut_short(world, node, WEFT_NODE_CRASHED, files);
    return true;
}

bool sim_world_crash(struct sim_world *world, uint32_t node) {
    return sim_world_cut_power(world, node, SIM_UNSYNCED_LOST);
}

bool sim_world_wipe(struct sim_world *world, uint32_t node) {
    world = sim_world__of(world, node);
    if (sim_world_cut_power(world, node, SIM_UNSYNCED_WIPED)) return true;
    struct sim_disk *disk = sim_world_disk(world, node);
    uint32_t files = disk != NULL ? sim_disk_crash(disk, SIM_UNSYNCED_WIPED, 0) : 0;
    sim_world__fold(world, SIM_HAPPENED_WIPE, node, files);
    return files > 0;
}

bool sim_world_kill(struct sim_world *world, uint32_t node) {
    world = sim_world__of(world, node);
    if (sim_world_state(world, node) == SIM_NODE_DOWN) return false;
    note_felt(world, node);
    uint32_t files = sim_fabric_halt(world->fabric, node, SIM_END_KILLED);
    cut_short(world, node, WEFT_NODE_KILLED, files);
    return true;
}

struct sim_disk *sim_world_disk(struct sim_world *world, uint32_t node) {
    WEFT_ASSERT(node < world->config.nodes);
    return sim_fabric_disk(world->fabric, node);
}

bool sim_world_pause(struct sim_world *world, uint32_t node) {
    world = sim_world__of(world, node);
    if (sim_world_state(world, node) != SIM_NODE_UP) return false;
    sim_world__fold(world, SIM_HAPPENED_PAUSE, node, now_of(world));
    sim_world__wake_cancel(world, node);
    sim_world__set_state(world, node, SIM_NODE_PAUSED);
    sim_fabric_pause(world->fabric, node);
    return true;
}

bool sim_world_resume(struct sim_world *world, uint32_t node) {
    world = sim_world__of(world, node);
    if (sim_world_state(world, node) != SIM_NODE_PAUSED) return false;
    note_felt(world, node);
    sim_world__fold(world, SIM_HAPPENED_RESUME, node, now_of(world));
    sim_world__set_state(world, node, SIM_NODE_UP);
    sim_fabric_resume(world->fabric, node);
    world->told = UINT32_MAX;
    world->told_parts = 0;
    sim_world__run_parts(world, node, SIM_WORLD__ALL_PARTS);
    return true;
}

/* A faster clock makes timers due earlier; a wake that comes too early is set anew. */
void sim_world_clock_change(struct sim_world *world, uint32_t node,
                            const struct sim_clock_change *change) {
    world = sim_world__of(world, node);
    enum sim_node_state state = sim_world_state(world, node);
    sim_world__fold(world, SIM_HAPPENED_CLOCK, node, (uint64_t)change->wall);
    sim_engine_fold(world->engine, (uint64_t)change->drift_ppm);
    sim_fabric_clock_change(world->fabric, node, change);
    if (state != SIM_NODE_UP && state != SIM_NODE_STOPPING) return;
    for (uint32_t i = 0; i < sim_world__parts(world, node); i++)
        sim_world__wake(
            world, node, i,
            weft_time_max(sim_world__next_at(world, node, i), (weft_time)now_of(world)));
}

struct sim_memory sim_world_memory(const struct sim_world *world, uint32_t node) {
    return (struct sim_memory){sim_fabric_memory(world->fabric, node),
                               sim_fabric_refused(world->fabric, node),
                               sim_fabric_memory_limit(world->fabric, node)};
}

void sim_world_limit_memory(struct sim_world *world, uint32_t node, size_t bytes_max) {
    WEFT_ASSERT(sim_world_state(world, node) != SIM_NODE_DOWN);
    world = sim_world__of(world, node);
    sim_world__fold(world, SIM_HAPPENED_LIMIT, node, bytes_max);
    sim_fabric_limit_memory(world->fabric, node, bytes_max);
}

struct sim_clock_use sim_world_clock_use(const struct sim_world *world, uint32_t node) {
    const struct sim_clock *clock = sim_fabric_clock(world->fabric, node);
    if (clock == NULL) return (struct sim_clock_use){0};
    return (struct sim_clock_use){clock->wall_reads, clock->timers_moved};
}

int sim_world_ask(struct sim_world *world, uint32_t node, const struct weft_node_ask *ask) {
    world = sim_world__of(world, node);
    struct sim_world_node *entry = sim_world__node(world, node);
    if (entry->state != SIM_NODE_UP) return WEFT_ERR_NO_PROC;
    int rv = weft_node_ask(entry->first.node, ask);
    sim_world__fold(world, SIM_HAPPENED_ASK, node, ask->op);
    if (rv == WEFT_OK) sim_world__wake(world, node, 0, sim_engine_now(world->engine));
    return rv;
}

/* The poison works at the next message: it is given one, so that an idle process ends as well. */
int sim_world_plant(struct sim_world *world, uint32_t node, weft_pid pid,
                    const struct weft_planted *planted) {
    world = sim_world__of(world, node);
    struct sim_world_node *entry = sim_world__node(world, node);
    if (entry->state != SIM_NODE_UP) return WEFT_ERR_NO_PROC;
    uint32_t part = weft_pid_sched(pid);
    struct weft_sched *sched = weft_node_sched(sim_world__part(world, node, part)->node);
    int rv = weft_sched_plant(sched, pid, planted);
    sim_world__fold(world, SIM_HAPPENED_POISON, node, pid.raw);
    if (rv != WEFT_OK) return rv;
    weft_sched_send(sched, pid, 0, weft_bytes(NULL, 0));
    sim_world__wake(world, node, part, sim_engine_now(world->engine));
    return WEFT_OK;
}

static uint64_t dropped_by(const struct weft_sched *sched) {
    struct weft_sched_stats stats;
    weft_sched_stats(sched, &stats);
    return stats.dropped;
}

/* A process that drops its oldest message for a new one has no end. */
int sim_world_flood(struct sim_world *world, uint32_t node, weft_pid pid) {
    if (sim_world_state(world, node) != SIM_NODE_UP) return WEFT_ERR_NO_PROC;
    world = sim_world__of(world, node);
    uint32_t part = weft_pid_sched(pid);
    struct weft_sched *sched = weft_node_sched(sim_world__part(world, node, part)->node);
    uint64_t dropped = dropped_by(sched), sent = 0;
    int rv = WEFT_OK;
    for (; rv == WEFT_OK && sent < FLOOD_MAX; sent++) {
        rv = weft_sched_send(sched, pid, SIM_FLOOD_TAG, weft_bytes(NULL, 0));
        if (dropped_by(sched) > dropped) rv = WEFT_ERR_FULL;
    }
    sim_world__fold(world, SIM_HAPPENED_FLOOD, node, sent);
    sim_world__wake(world, node, part, sim_engine_now(world->engine));
    return rv;
}

/* What one scheduler has done of an upgrade that another one may refuse. */
struct upgraded {
    const struct weft_module_info *info;
    bool loaded, begun;
};

static int upgrade_part(struct weft_sched *sched, const char *path, struct weft_code_upgrade *spec,
                        struct upgraded *part, struct weft_code_text *why) {
    int rv = weft_code_load(sched, path, &part->info, why);
    part->loaded = rv == WEFT_OK;
    if (rv != WEFT_OK && rv != WEFT_ERR_EXISTS) return rv; /* there: files do not change in a run */
    spec->module = part->info->name;
    spec->version = part->info->version;
    rv = weft_code_upgrade(sched, spec, why);
    part->begun = rv == WEFT_OK;
    return rv;
}

/* As weftd does: what one refuses none does. */
static void undo_part(struct weft_sched *sched, const struct upgraded *part) {
    if (part->begun) (void)weft_code_rollback(sched, part->info->name, NULL);
    if (part->loaded) (void)weft_code_unload(sched, part->info, NULL);
}

static int upgrade_parts(struct sim_world *world, uint32_t node, const char *path,
                         struct weft_code_upgrade *spec, struct weft_code_text *why) {
    struct upgraded parts[WEFT_SCHEDULERS_MAX] = {{NULL, false, false}};
    uint32_t count = sim_world__parts(world, node);
    struct sim_world_hub *hub = sim_world__node(world, node)->hub;
    int rv = WEFT_OK;
    if (hub != NULL) spec->number = ++hub->upgrades;
    for (uint32_t i = 0; rv == WEFT_OK && i < count; i++) {
        struct weft_sched *sched = weft_node_sched(sim_world__part(world, node, i)->node);
        rv = upgrade_part(sched, path, spec, &parts[i], why);
    }
    for (uint32_t i = 0; rv != WEFT_OK && i < count; i++)
        undo_part(weft_node_sched(sim_world__part(world, node, i)->node), &parts[i]);
    return rv;
}

int sim_world_upgrade(struct sim_world *world, uint32_t node, const char *path,
                      const struct weft_code_upgrade *upgrade, const char **module) {
    world = sim_world__of(world, node);
    const struct sim_world_node *entry = sim_world__node(world, node);
    struct weft_code_upgrade spec = *upgrade;
    struct weft_code_text why;
    if (entry->state != SIM_NODE_UP) return WEFT_ERR_NO_PROC;
    int rv = upgrade_parts(world, node, path, &spec, &why);
    if (rv == WEFT_OK) *module = spec.module;
    sim_world__fold(world, SIM_HAPPENED_UPGRADE, node, (uint64_t)(int64_t)rv);
    for (uint32_t i = 0; i < sim_world__parts(world, node); i++)
        sim_world__wake(world, node, i, sim_engine_now(world->engine));
    uint64_t level = WEFT_LOG_WARN;
    if (rv != WEFT_OK)
        sim_world_trace(world, node, WEFT_TRACE_LOG, &level, 1, weft_bytes_text(why.text));
    return rv;
}

static void add_status(struct weft_code_status *sum, const struct weft_code_status *more) {
    sum->switched += more->switched;
    sum->failed += more->failed;
    sum->behind += more->behind;
    if (more->state != WEFT_CODE_ROLLED_BACK || sum->state == WEFT_CODE_ROLLED_BACK) return;
    sum->state = more->state;
    sum->why = more->why;
}

int sim_world_code_status(struct sim_world *world, uint32_t node, const char *module,
                          struct weft_code_status *out) {
    int rv = weft_code_status(weft_node_sched(sim_world_node(world, node)), module, out);
    for (uint32_t i = 1; rv == WEFT_OK && i < sim_world__parts(world, node); i++) {
        struct weft_code_status one;
        struct weft_sched *sched = weft_node_sched(sim_world__part(world, node, i)->node);
        rv = weft_code_status(sched, module, &one);
        if (rv == WEFT_OK) add_status(out, &one);
    }
    return rv;
}

int sim_world_poison(struct sim_world *world, uint32_t node, const char *name) {
    struct weft_planted planted = {.kind = WEFT_FAULT_ASSERT, .text = "planted fault"};
    struct sim_world_node *entry = sim_world__node(world, node);
    if (entry->state != SIM_NODE_UP) return WEFT_ERR_NO_PROC;
    weft_pid pid = weft_sched_whereis(weft_node_sched(entry->first.node), name);
    return weft_pid_is_none(pid) ? WEFT_ERR_NOT_FOUND : sim_world_plant(world, node, pid, &planted);
}

int sim_world_kill_process(struct sim_world *world, uint32_t node, weft_pid pid) {
    world = sim_world__of(world, node);
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    struct sim_world_node *entry = sim_world__node(world, node);
    if (entry->state != SIM_NODE_UP) return WEFT_ERR_NO_PROC;
    sim_world__fold(world, SIM_HAPPENED_POISON, node, pid.raw);
    uint32_t part = weft_pid_sched(pid);
    weft_sched_exit(weft_node_sched(sim_world__part(world, node, part)->node), pid, &why);
    sim_world__wake(world, node, part, sim_engine_now(world->engine));
    return WEFT_OK;
}
