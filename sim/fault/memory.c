/* memory: a node, or one process of it, may have no more than this.
 *
 * It bit when it was refused an allocation by it. Several at once: the least counts, the scenario's
 * own among them. Who comes up anew has no limit but that. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/fault/internal.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATE_BIT(SIM_NODE_UP));
}

static struct weft_sched *sched_of(const struct sim_occurrence *occurrence, uint32_t node) {
    return weft_node_sched(sim_world_node(occurrence->faults->world, node));
}

static bool is_of_process(const struct sim_target *target) {
    return !weft_pid_is_none(target->pid);
}

static bool is_there(const struct sim_occurrence *occurrence, const struct sim_target *target) {
    struct sim_world *world = occurrence->faults->world;
    if (sim_world_life(world, target->node) != target->life) return false;
    return sim_world_state(world, target->node) != SIM_NODE_DOWN;
}

struct held {
    size_t bytes, limit; /* limit 0: none */
    uint64_t refused;
};

/* Of the node, or of the process; false: it is gone. */
static bool look(const struct sim_occurrence *occurrence, const struct sim_target *target,
                 struct held *held) {
    struct weft_proc_info info;
    if (!is_there(occurrence, target)) return false;
    struct sim_memory memory = sim_world_memory(occurrence->faults->world, target->node);
    *held = (struct held){memory.bytes, memory.limit, memory.refused};
    if (!is_of_process(target)) return true;
    struct weft_sched *sched = sched_of(occurrence, target->node);
    struct weft_sched_stats stats;
    weft_sched_stats(sched, &stats);
    if (!weft_sched_info(sched, target->pid, &info)) return false;
    *held = (struct held){info.memory, info.memory_max, stats.refused};
    return true;
}

/* The least of all that are on, and of what it had before. */
static void apply(const struct sim_occurrence *occurrence, const struct sim_target *target) {
    const struct weft_link *on = &occurrence->faults->on;
    size_t least = target->was;
    for (const struct weft_link *at = on->next; at != on; at = at->next) {
        const struct sim_occurrence *other = (const struct sim_occurrence *)at;
        if (sim_fault__spec(other)->kind != SIM_FAULT_MEMORY) continue;
        for (uint32_t i = 0; i < other->targets_count; i++) {
            const struct sim_target *one = &other->targets[i];
            bool same = one->open && one->node == target->node && one->life == target->life &&
                        weft_pid_equal(one->pid, target->pid);
            if (same && (least == 0 || one->limit < least)) least = one->limit;
        }
    }
    if (is_of_process(target))
        (void)weft_sched_limit_memory(sched_of(occurrence, target->node), target->pid, least);
    else
        sim_world_limit_memory(occurrence->faults->world, target->node, least);
}

/* What it had before the first of those that are on. */
static size_t was_before(const struct sim_occurrence *occurrence, const struct sim_target *target,
                         size_t limit) {
    const struct weft_link *on = &occurrence->faults->on;
    for (const struct weft_link *at = on->next; at != on; at = at->next) {
        const struct sim_occurrence *other = (const struct sim_occurrence *)at;
        for (uint32_t i = 0; i < other->targets_count; i++) {
            const struct sim_target *one = &other->targets[i];
            if (sim_fault__spec(other)->kind == SIM_FAULT_MEMORY && one->open && one != target &&
                one->node == target->node && weft_pid_equal(one->pid, target->pid))
                return one->was;
        }
    }
    return limit;
}

static void act(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    bool of_process = sim_fault__names_process(spec);
    struct held held;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (of_process) target->pid = sim_fault__process(occurrence, target->node);
        if (of_process && !is_of_process(target)) continue;
        if (!look(occurrence, target, &held)) continue;
        target->limit = spec->is_room ? held.bytes + spec->bytes : spec->bytes;
        if (target->limit == 0) target->limit = 1; /* 0 would be none */
        target->was = was_before(occurrence, target, held.limit);
        target->mark = held.refused;
        target->open = true;
        apply(occurrence, target);
    }
}

static bool end(struct sim_occurrence *occurrence) {
    struct held held;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (!target->open) continue;
        target->open = false;
        if (!look(occurrence, target, &held)) continue;
        if (held.refused > target->mark) sim_fault__bite(occurrence, target->node);
        apply(occurrence, target);
    }
    return true;
}

static void heal(struct sim_occurrence *occurrence) { (void)end(occurrence); }

const struct sim_fault_ops sim_fault__memory = {
    .choose = choose, .act = act, .end = end, .heal = heal, .ends = SIM_ENDS_WHEN_TOLD};
