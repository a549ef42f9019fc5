/* upgrade: nodes go over to another version of a module, and perhaps back by themselves.
 *
 * It bit when every node it was for has done what the scenario expects: all processes moved, or,
 * with `expect: rollback`, all went back without being asked to. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/otp/code.h"
#include "sim/fault/internal.h"

static void choose(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATE_BIT(SIM_NODE_UP));
}

static void act(struct sim_occurrence *occurrence) {
    struct sim_world *world = occurrence->faults->world;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    struct weft_code_upgrade upgrade = {.ppm = spec->canary_ppm, .watch = spec->watch};
    occurrence->as_expected = occurrence->targets_count > 0;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        int rv =
            sim_world_upgrade(world, target->node, spec->module, &upgrade, &occurrence->module);
        target->open = rv == WEFT_OK;
        if (rv != WEFT_OK) occurrence->as_expected = false;
    }
}

static bool is_alive(const struct sim_occurrence *occurrence, const struct sim_target *target) {
    struct sim_world *world = occurrence->faults->world;
    if (sim_world_life(world, target->node) != target->life) return false;
    return sim_world_state(world, target->node) != SIM_NODE_DOWN;
}

/* Whether it has settled there. A node that went down has not done what was expected. */
static bool is_done(struct sim_occurrence *occurrence, const struct sim_target *target) {
    struct weft_code_status status;
    if (!is_alive(occurrence, target)) {
        occurrence->as_expected = false;
        return true;
    }
    int rv =
        sim_world_code_status(occurrence->faults->world, target->node, occurrence->module, &status);
    WEFT_ASSERT(rv == WEFT_OK);
    if (status.behind > 0) return false;
    bool back = status.state == WEFT_CODE_ROLLED_BACK;
    if (back != sim_fault__spec(occurrence)->expect_rollback) {
        const char *what = back ? status.why.text : "an upgrade was not rolled back";
        sim_fault__log(occurrence->faults, target->node, what);
        occurrence->as_expected = false;
    }
    return true;
}

static bool end(struct sim_occurrence *occurrence) {
    bool done = true;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (target->open) target->open = !is_done(occurrence, target);
        done = done && !target->open;
    }
    if (done && occurrence->as_expected) sim_fault__bite(occurrence, occurrence->targets[0].node);
    return done;
}

const struct sim_fault_ops sim_fault__upgrade = {
    .choose = choose, .act = act, .end = end, .ends = SIM_ENDS_AT_ONCE};
