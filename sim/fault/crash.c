/* crash, wipe, kill, stop, restart: nodes that go down and come up. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/fault/internal.h"

/* Who starts nodes tries again. */
#define AGAIN WEFT_S(1)

static void boot_again(void *ctx, uint64_t arg) {
    struct sim_faults *faults = ctx;
    if (!faults->healed && !faults->frozen)
        sim_fault__boot(faults, (uint32_t)arg, (uint32_t)(arg >> 32));
}

bool sim_fault__boot(struct sim_faults *faults, uint32_t node, uint32_t life) {
    if (sim_world_state(faults->world, node) != SIM_NODE_DOWN) return false;
    if (sim_world_life(faults->world, node) != life) return false;
    int rv = sim_world_boot(faults->world, node);
    if (rv == WEFT_OK) return true;
    sim_fault__log(faults, node, "a node did not boot");
    weft_time at = sim_engine_now(sim_world_engine(faults->world)) + AGAIN;
    uint64_t arg = (uint64_t)sim_world_life(faults->world, node) << 32 | node;
    rv = sim_world_at(faults->world, at, boot_again, faults, arg);
    WEFT_ASSERT(rv == WEFT_OK);
    return false;
}

static void choose_running(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATES_RUNNING);
}

static void choose_any(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, sim_fault__layer_states(&sim_fault__spec(occurrence)->nodes));
}

/* A target is open from here on until it is up again. */
static void hit(struct sim_occurrence *occurrence,
                bool (*take_down)(struct sim_occurrence *occurrence, uint32_t node)) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (!take_down(occurrence, target->node)) continue;
        target->open = true;
        sim_fault__bite(occurrence, target->node);
    }
}

static bool stop(struct sim_occurrence *occurrence, uint32_t node) {
    struct sim_world *world = occurrence->faults->world;
    enum sim_node_state state = sim_world_state(world, node);
    if (state != SIM_NODE_UP && state != SIM_NODE_PAUSED) return false;
    sim_world_stop(world, node);
    return true;
}

/* A real loss of power does any of the three. */
static enum sim_unsynced draw_unsynced(const struct sim_occurrence *occurrence, uint32_t node) {
    static const enum sim_unsynced all[] = {SIM_UNSYNCED_LOST, SIM_UNSYNCED_KEPT,
                                            SIM_UNSYNCED_TORN};
    struct sim_world *world = occurrence->faults->world;
    uint64_t life = sim_world_life(world, node);
    uint64_t raw = sim_engine_draw(sim_world_engine(world), SIM_DRAW_UNSYNCED, node, life);
    return all[weft_scale(raw, 3)];
}

bool sim_fault__power_off(const struct sim_occurrence *occurrence, uint32_t node) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    enum sim_unsynced unsynced =
        spec->unsynced_given ? spec->unsynced : draw_unsynced(occurrence, node);
    struct sim_world *world = occurrence->faults->world;
    bool found = spec->unsynced_given && sim_disk_is_unsynced(sim_world_disk(world, node));
    if (!sim_world_cut_power(world, node, unsynced)) return false;
    occurrence->faults->states[occurrence->fault].unsynced += found;
    return true;
}

static bool crash(struct sim_occurrence *occurrence, uint32_t node) {
    return sim_fault__power_off(occurrence, node);
}

static bool kill(struct sim_occurrence *occurrence, uint32_t node) {
    return sim_world_kill(occurrence->faults->world, node);
}

static bool wipe(struct sim_occurrence *occurrence, uint32_t node) {
    return sim_world_wipe(occurrence->faults->world, node);
}

static void act_crash(struct sim_occurrence *occurrence) { hit(occurrence, crash); }

static void act_kill(struct sim_occurrence *occurrence) { hit(occurrence, kill); }

static void act_stop(struct sim_occurrence *occurrence) { hit(occurrence, stop); }

static void act_wipe(struct sim_occurrence *occurrence) { hit(occurrence, wipe); }

/* At once, or later by its own draw. */
static void boot_spread(const struct sim_occurrence *occurrence, const struct sim_target *target) {
    struct sim_faults *faults = occurrence->faults;
    weft_duration spread = sim_fault__spec(occurrence)->spread;
    if (spread == 0) {
        sim_fault__boot(faults, target->node, target->life);
        return;
    }
    uint64_t entity = (uint64_t)occurrence->fault << 32 | target->node;
    uint64_t raw =
        sim_engine_draw(sim_world_engine(faults->world), SIM_DRAW_BOOT, entity, occurrence->number);
    weft_duration later = (weft_duration)weft_scale(raw, (uint64_t)spread + 1);
    uint64_t arg = (uint64_t)target->life << 32 | target->node;
    int rv = sim_world_at(faults->world, weft_time_add(sim_fault__now(occurrence), later),
                          boot_again, faults, arg);
    WEFT_ASSERT(rv == WEFT_OK);
}

/* Up again, unless somebody else did it or took it down anew; one that still stops is waited for.
 */
static bool end_by_boot(struct sim_occurrence *occurrence) {
    struct sim_faults *faults = occurrence->faults;
    bool done = true;
    if (sim_fault__spec(occurrence)->lasts == 0) return true;
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        struct sim_target *target = &occurrence->targets[i];
        if (!target->open) continue;
        bool stops = sim_world_state(faults->world, target->node) == SIM_NODE_STOPPING &&
                     sim_world_life(faults->world, target->node) == target->life;
        target->open = stops;
        if (stops)
            done = false;
        else
            boot_spread(occurrence, target);
    }
    return done;
}

const struct sim_fault_ops sim_fault__crash = {
    .choose = choose_running, .act = act_crash, .end = end_by_boot, .ends = SIM_ENDS_AT_ONCE};

const struct sim_fault_ops sim_fault__wipe = {
    .choose = choose_any, .act = act_wipe, .end = end_by_boot, .ends = SIM_ENDS_AT_ONCE};

const struct sim_fault_ops sim_fault__kill = {
    .choose = choose_running, .act = act_kill, .end = end_by_boot, .ends = SIM_ENDS_AT_ONCE};

const struct sim_fault_ops sim_fault__stop = {
    .choose = choose_running, .act = act_stop, .end = end_by_boot, .ends = SIM_ENDS_AT_ONCE};

static void choose_down(struct sim_occurrence *occurrence) {
    sim_fault__choose(occurrence, SIM_STATE_BIT(SIM_NODE_DOWN));
}

static void act_restart(struct sim_occurrence *occurrence) {
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        const struct sim_target *target = &occurrence->targets[i];
        if (!sim_fault__boot(occurrence->faults, target->node, target->life)) continue;
        sim_fault__bite(occurrence, target->node);
    }
}

static bool end_at_once(struct sim_occurrence *occurrence) {
    WEFT_ASSERT(sim_fault__spec(occurrence)->kind == SIM_FAULT_RESTART);
    return true;
}

const struct sim_fault_ops sim_fault__restart = {
    .choose = choose_down, .act = act_restart, .end = end_at_once, .ends = SIM_ENDS_AT_ONCE};
