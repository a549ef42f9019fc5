/* poison, hang: a process faults or does not return, inside nodes that live on. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/otp/types.h"
#include "sim/fault/internal.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATE_BIT(SIM_NODE_UP));
}

static struct weft_planted planted_by(const struct sim_fault_spec *spec) {
    if (spec->kind == SIM_FAULT_HANG)
        return (struct weft_planted){.kind = WEFT_FAULT_HANG, .lasts = spec->lasts};
    if (spec->fault == WEFT_FAULT_NONE || spec->fault == WEFT_FAULT_ASSERT)
        return (struct weft_planted){.kind = WEFT_FAULT_ASSERT, .text = "planted fault"};
    return (struct weft_planted){.kind = spec->fault};
}

static void act(struct sim_occurrence *occurrence) {
    struct sim_world *world = occurrence->faults->world;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    struct weft_planted planted = planted_by(spec);
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        target->pid = sim_fault__process(occurrence, target->node);
        if (weft_pid_is_none(target->pid)) continue;
        target->open = true; /* a kill has worked when it returns */
        int rv = spec->by_signal ? sim_world_kill_process(world, target->node, target->pid)
                                 : sim_world_plant(world, target->node, target->pid, &planted);
        if (rv != WEFT_OK) target->open = false;
    }
}

static bool is_alive(const struct sim_occurrence *occurrence, const struct sim_target *target) {
    struct sim_world *world = occurrence->faults->world;
    if (sim_world_life(world, target->node) != target->life) return false;
    return sim_world_state(world, target->node) != SIM_NODE_DOWN;
}

/* Over when none of the processes can end by it any more. */
static bool end(struct sim_occurrence *occurrence) {
    bool done = true;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        target->open = target->open && is_alive(occurrence, target);
        done = done && !target->open;
    }
    return done;
}

const struct sim_fault_ops sim_fault__poison = {
    .choose = choose, .act = act, .end = end, .ends = SIM_ENDS_AT_ONCE};

/* `for` is how long it hangs; it is over when the process has ended. */
const struct sim_fault_ops sim_fault__hang = {
    .choose = choose, .act = act, .end = end, .ends = SIM_ENDS_AT_ONCE};

static void note_exit(struct sim_occurrence *occurrence, const struct weft_trace_event *event) {
    bool by_it = event->number[3] != 0 || sim_fault__spec(occurrence)->by_signal;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (!target->open || target->node != event->node) continue;
        if (target->pid.raw != event->number[0]) continue;
        target->open = false;
        if (by_it) sim_fault__bite(occurrence, event->node);
    }
}

void sim_fault__poison_exit(void *ctx, const struct weft_trace_event *event) {
    struct sim_faults *faults = ctx;
    WEFT_ASSERT(event->kind == WEFT_TRACE_PROC_EXIT);
    for (struct weft_link *at = faults->on.next; at != &faults->on; at = at->next) {
        struct sim_occurrence *occurrence = WEFT_CONTAINER(at, struct sim_occurrence, link);
        enum sim_fault_kind kind = sim_fault__spec(occurrence)->kind;
        if (kind == SIM_FAULT_POISON || kind == SIM_FAULT_HANG) note_exit(occurrence, event);
    }
}
