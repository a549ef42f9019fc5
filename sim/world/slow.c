/* Nodes whose handlers take time. */
#include "sim/world/slow.h"

#include "core/base/assert.h"
#include "sim/world/nodes.h"

#include <stdlib.h>

static struct weft_sched *sched_of(struct sim_world *world, uint32_t node, uint32_t part) {
    return weft_node_sched(sim_world__part(world, node, part)->node);
}

/* Messages of the process so far; 0: it is gone. */
static uint64_t handled_by(struct sim_world *world, const struct sim_slow *slow) {
    struct weft_proc_info info;
    uint32_t part = weft_pid_sched(slow->pid);
    if (sim_world_life(world, slow->node) != slow->life) return 0;
    return weft_sched_info(sched_of(world, slow->node, part), slow->pid, &info) ? info.messages : 0;
}

struct sim_slow *sim_world_slow_on(struct sim_world *world, uint32_t node, weft_pid pid,
                                   weft_duration cost) {
    world = sim_world__of(world, node);
    WEFT_ASSERT(cost > 0);
    if (world->slow == NULL) world->slow = calloc(world->config.nodes, sizeof(struct sim_slow *));
    struct sim_slow *slow = world->slow != NULL ? calloc(1, sizeof *slow) : NULL;
    if (slow == NULL) return NULL;
    *slow = (struct sim_slow){.next = world->slow[node],
                              .pid = pid,
                              .cost = cost,
                              .node = node,
                              .life = sim_world_life(world, node)};
    if (!weft_pid_is_none(pid)) slow->seen = handled_by(world, slow);
    world->slow[node] = slow;
    sim_world__fold(world, SIM_HAPPENED_SLOW, node, (uint64_t)cost);
    return slow;
}

uint64_t sim_world_slow_off(struct sim_world *world, struct sim_slow *slow) {
    world = sim_world__of(world, slow->node);
    struct sim_slow **at = &world->slow[slow->node];
    while (*at != slow) at = &(*at)->next;
    *at = slow->next;
    sim_world__fold(world, SIM_HAPPENED_SLOW, slow->node, (uint64_t)-slow->cost);
    uint64_t slowed = slow->slowed;
    free(slow);
    return slowed;
}

void sim_world__slow_free(struct sim_world *world) {
    for (uint32_t i = 0; world->slow != NULL && i < world->config.nodes; i++) {
        while (world->slow[i] != NULL) (void)sim_world_slow_off(world, world->slow[i]);
    }
    free(world->slow);
}

static weft_duration cost_of_all(const struct sim_world *world, uint32_t node) {
    weft_duration cost = 0;
    for (const struct sim_slow *at = world->slow[node]; at != NULL; at = at->next)
        if (weft_pid_is_none(at->pid)) cost = weft_time_add(cost, at->cost);
    return cost;
}

/* Whoever has handled the one message, it took so much longer. */
static weft_duration count(struct sim_world *world, uint32_t node) {
    weft_duration cost = 0;
    for (struct sim_slow *at = world->slow[node]; at != NULL; at = at->next) {
        if (!weft_pid_is_none(at->pid)) {
            uint64_t handled = handled_by(world, at);
            if (handled <= at->seen) continue;
            at->seen = handled;
            cost = weft_time_add(cost, at->cost);
        }
        at->slowed++;
    }
    return cost;
}

static uint64_t messages_of(const struct weft_sched *sched) {
    struct weft_sched_stats stats;
    weft_sched_stats(sched, &stats);
    return stats.messages;
}

bool sim_world__run_slowly(struct sim_world *world, uint32_t node, uint32_t part) {
    struct weft_sched *sched = sched_of(world, node, part);
    weft_time busy = sim_fabric_busy(world->fabric, node);
    weft_duration cost = cost_of_all(world, node);
    uint64_t before = messages_of(sched);
    sim_fabric_take_time(world->fabric, node, cost);
    bool more = weft_sched_run(sched, 1);
    if (messages_of(sched) == before)
        sim_fabric_give_back_time(world->fabric, node, busy);
    else
        sim_fabric_take_time(world->fabric, node, count(world, node));
    return more;
}
