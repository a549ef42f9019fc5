/* overflow: the mailbox of a process is filled to its bound with messages that nobody understands,
 * each of which takes `cost` to be handled.
 *
 * It bit when the bound was reached: a message was refused or dropped, or the process was ended, as
 * it had chosen. It is over when the process has handled them, or is gone. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/fault/internal.h"

#include "sim/world/slow.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATE_BIT(SIM_NODE_UP));
}

static void act(struct sim_occurrence *occurrence) {
    struct sim_world *world = occurrence->faults->world;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        target->pid = sim_fault__process(occurrence, target->node);
        if (weft_pid_is_none(target->pid)) continue;
        target->slow = sim_world_slow_on(world, target->node, target->pid, spec->cost);
        WEFT_ASSERT(target->slow != NULL);
        int rv = sim_world_flood(world, target->node, target->pid);
        if (rv == WEFT_ERR_FULL) sim_fault__bite(occurrence, target->node);
    }
}

static bool has_mail(const struct sim_occurrence *occurrence, const struct sim_target *target) {
    struct sim_world *world = occurrence->faults->world;
    struct weft_proc_info info;
    if (sim_world_life(world, target->node) != target->life) return false;
    if (sim_world_state(world, target->node) == SIM_NODE_DOWN) return false;
    const struct weft_sched *sched = weft_node_sched(sim_world_node(world, target->node));
    return weft_sched_info(sched, target->pid, &info) && info.mailbox > 0;
}

static void let_go(struct sim_occurrence *occurrence, struct sim_target *target) {
    if (target->slow != NULL) (void)sim_world_slow_off(occurrence->faults->world, target->slow);
    target->slow = NULL;
}

static bool end(struct sim_occurrence *occurrence) {
    bool done = true;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (target->slow == NULL) continue;
        if (has_mail(occurrence, target))
            done = false;
        else
            let_go(occurrence, target);
    }
    return done;
}

static void heal(struct sim_occurrence *occurrence) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++)
        let_go(occurrence, &occurrence->targets[i]);
}

const struct sim_fault_ops sim_fault__overflow = {
    .choose = choose, .act = act, .end = end, .heal = heal, .ends = SIM_ENDS_AT_ONCE};
