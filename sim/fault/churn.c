/* churn: nodes come and go, each by its own sessions and downtimes. */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

#include <stdlib.h>

/* A session or downtime takes some time, whatever was drawn: the world has to move on. */
#define STAY_MIN WEFT_MS(1)

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATES_ALL);
}

static int by_node(const void *key, const void *element) {
    uint32_t node = *(const uint32_t *)key;
    const struct sim_target *target = element;
    return node < target->node ? -1 : node > target->node;
}

static struct sim_target *target_of(struct sim_occurrence *occurrence, uint32_t node) {
    struct sim_target *target =
        bsearch(&node, occurrence->targets, occurrence->targets_count, sizeof *target, by_node);
    WEFT_ASSERT(target != NULL);
    return target;
}

/* Draws of one life: 0 its session, 1 the downtime after it. */
static weft_time after(const struct sim_occurrence *occurrence, const struct sim_delay *delay,
                       uint32_t node, uint32_t which) {
    struct sim_world *world = occurrence->faults->world;
    uint64_t counter = (uint64_t)sim_world_life(world, node) * 2 + which;
    uint64_t raw = sim_engine_draw(sim_world_engine(world), SIM_DRAW_SESSION, node, counter);
    weft_duration stay = weft_time_max(sim_delay_sample(delay, raw, 0, 0), STAY_MIN);
    return weft_time_add(sim_fault__now(occurrence), stay);
}

static bool take_down(struct sim_occurrence *occurrence, uint32_t node) {
    struct sim_world *world = occurrence->faults->world;
    if (!(SIM_STATES_RUNNING & SIM_STATE_BIT(sim_world_state(world, node)))) return false;
    switch (sim_fault__spec(occurrence)->exit) {
    case SIM_CHURN_CRASH:
        return sim_fault__power_off(occurrence, node);
    case SIM_CHURN_KILL:
        return sim_world_kill(world, node);
    case SIM_CHURN_STOP:
        sim_world_stop(world, node);
        return true;
    }
    WEFT_UNREACHABLE("an exit that is none");
}

static void count_leave(struct sim_occurrence *occurrence, uint32_t node) {
    struct sim_fault_state *state = &occurrence->faults->states[occurrence->fault];
    state->injected++;
    occurrence->has_bitten = false; /* each leave counts */
    sim_fault__bite(occurrence, node);
}

/* Both give the time of the node's next turn. */
static weft_time leave(struct sim_occurrence *occurrence, struct sim_target *target) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    if (occurrence->ending) return WEFT_TIME_NEVER;
    uint32_t life = sim_world_life(occurrence->faults->world, target->node);
    if (!take_down(occurrence, target->node)) {
        return after(occurrence, &spec->session, target->node, 0);
    }
    target->life = life;
    target->open = true;
    occurrence->open_count++;
    count_leave(occurrence, target->node);
    return after(occurrence, &spec->downtime, target->node, 1);
}

static weft_time come(struct sim_occurrence *occurrence, struct sim_target *target) {
    struct sim_faults *faults = occurrence->faults;
    if (sim_world_state(faults->world, target->node) == SIM_NODE_STOPPING) {
        return sim_fault__now(occurrence) + SIM_FAULT_RETRY;
    }
    sim_fault__boot(faults, target->node, target->life);
    target->open = false;
    occurrence->open_count--;
    return after(occurrence, &sim_fault__spec(occurrence)->session, target->node, 0);
}

static void on_turn(void *ctx, uint64_t arg) {
    struct sim_occurrence *occurrence = sim_fault__find(ctx, arg);
    if (occurrence == NULL) return;
    struct sim_target *target = target_of(occurrence, (uint32_t)arg);
    weft_time at = target->open ? come(occurrence, target) : leave(occurrence, target);
    sim_fault__at(occurrence, at, on_turn, target->node);
}

static void act(struct sim_occurrence *occurrence) {
    const struct sim_delay *session = &sim_fault__spec(occurrence)->session;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        uint32_t node = occurrence->targets[i].node;
        sim_fault__at(occurrence, after(occurrence, session, node, 0), on_turn, node);
    }
}

/* Nobody leaves any more; those who are away come back in their time. */
static bool end(struct sim_occurrence *occurrence) {
    occurrence->ending = true;
    return occurrence->open_count == 0;
}

const struct sim_fault_ops sim_fault__churn = {
    .choose = choose, .act = act, .end = end, .ends = SIM_ENDS_WHEN_TOLD};
