/* The timeline of faults: when each occurs, when it ends, and whether it bit. */
#include "sim/fault/fault.h"

#include "core/base/assert.h"
#include "sim/fault/internal.h"

#include <stdlib.h>

/* Workloads draw their jitter for the same purpose. */
#define WHEN_ENTITY(fault) (UINT64_C(1) << 32 | (fault))

const char *sim_fault_name(enum sim_fault_kind kind) {
    static const char *const names[] = {"none",
#define FAULT_NAME(NAME, key) key,
                                        SIM_FAULTS(FAULT_NAME)
#undef FAULT_NAME
    };
    WEFT_ASSERT((unsigned)kind < SIM_FAULT_KIND_COUNT);
    return names[kind];
}

static const struct sim_fault_ops *const all_ops[SIM_FAULT_KIND_COUNT] = {
    [SIM_FAULT_PARTITION] = &sim_fault__partition, [SIM_FAULT_ISOLATE] = &sim_fault__isolate,
    [SIM_FAULT_CRASH] = &sim_fault__crash,         [SIM_FAULT_KILL] = &sim_fault__kill,
    [SIM_FAULT_STOP] = &sim_fault__stop,           [SIM_FAULT_RESTART] = &sim_fault__restart,
    [SIM_FAULT_PAUSE] = &sim_fault__pause,         [SIM_FAULT_CHURN] = &sim_fault__churn,
    [SIM_FAULT_DEGRADE] = &sim_fault__degrade,     [SIM_FAULT_POISON] = &sim_fault__poison,
    [SIM_FAULT_UPGRADE] = &sim_fault__upgrade,     [SIM_FAULT_HANG] = &sim_fault__hang,
    [SIM_FAULT_CLOCK] = &sim_fault__clock,         [SIM_FAULT_REBIND] = &sim_fault__rebind,
    [SIM_FAULT_MOVE] = &sim_fault__move,           [SIM_FAULT_RESET] = &sim_fault__reset,
    [SIM_FAULT_HALF_OPEN] = &sim_fault__half_open, [SIM_FAULT_SLOW] = &sim_fault__slow,
    [SIM_FAULT_OUTAGE] = &sim_fault__outage,       [SIM_FAULT_CLOG] = &sim_fault__clog,
    [SIM_FAULT_FILTER] = &sim_fault__filter,       [SIM_FAULT_OVERFLOW] = &sim_fault__overflow,
    [SIM_FAULT_MEMORY] = &sim_fault__memory,       [SIM_FAULT_WIPE] = &sim_fault__wipe,
    [SIM_FAULT_LOST_FSYNC] = &sim_fault__disk,     [SIM_FAULT_MISDIRECT] = &sim_fault__disk,
    [SIM_FAULT_BIT_ROT] = &sim_fault__damage,      [SIM_FAULT_LATENT_ERROR] = &sim_fault__damage,
    [SIM_FAULT_IO_ERROR] = &sim_fault__disk,       [SIM_FAULT_DISK_FULL] = &sim_fault__disk,
    [SIM_FAULT_DISK_SLOW] = &sim_fault__disk,      [SIM_FAULT_DISK_STUCK] = &sim_fault__disk};

static const struct sim_fault_ops *ops_of(const struct sim_occurrence *occurrence) {
    return all_ops[sim_fault__spec(occurrence)->kind];
}

static weft_time now_of(const struct sim_faults *faults) {
    return sim_engine_now(sim_world_engine(faults->world));
}

weft_time sim_fault__now(const struct sim_occurrence *occurrence) {
    return now_of(occurrence->faults);
}

void sim_fault__log(struct sim_faults *faults, uint32_t node, const char *text) {
    uint64_t level = WEFT_LOG_WARN;
    sim_world_trace(faults->world, node, WEFT_TRACE_LOG, &level, 1, weft_bytes_text(text));
}

static void trace(const struct sim_occurrence *occurrence, enum weft_trace_kind kind,
                  const char *text) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint64_t numbers[] = {occurrence->fault, spec->kind, occurrence->number};
    sim_world_trace(occurrence->faults->world, WEFT_TRACE_NODE_NONE, kind, numbers, 3,
                    weft_bytes_text(text));
}

void sim_fault__bite_late(struct sim_faults *faults, uint32_t fault, uint32_t number,
                          uint32_t node) {
    WEFT_ASSERT(fault < faults->count);
    uint64_t numbers[] = {fault, faults->specs[fault].kind, number};
    faults->states[fault].bit++;
    sim_world_trace(faults->world, node, WEFT_TRACE_FAULT_BIT, numbers, 3, weft_bytes(NULL, 0));
}

void sim_fault__bite(struct sim_occurrence *occurrence, uint32_t node) {
    if (occurrence->has_bitten) return;
    occurrence->has_bitten = true;
    sim_fault__bite_late(occurrence->faults, occurrence->fault, occurrence->number, node);
}

void sim_fault__at(struct sim_occurrence *occurrence, weft_time at,
                   void (*fn)(void *ctx, uint64_t arg), uint32_t low) {
    if (at == WEFT_TIME_NEVER) return;
    uint64_t arg = (uint64_t)occurrence->serial << 32 | low;
    int rv = sim_world_at(occurrence->faults->world, at, fn, occurrence->faults, arg);
    WEFT_ASSERT(rv == WEFT_OK); /* a fault that is not undone would be another run */
}

struct sim_occurrence *sim_fault__find(struct sim_faults *faults, uint64_t arg) {
    if (faults->frozen) return NULL;
    for (struct weft_link *at = faults->on.next; at != &faults->on; at = at->next) {
        struct sim_occurrence *occurrence = WEFT_CONTAINER(at, struct sim_occurrence, link);
        if (occurrence->serial == arg >> 32) return occurrence;
    }
    return NULL;
}

static void finish(struct sim_occurrence *occurrence) {
    trace(occurrence, WEFT_TRACE_FAULT_OFF, "");
    sim_engine_fold(sim_world_engine(occurrence->faults->world), ~(uint64_t)occurrence->serial);
    weft_list_remove(&occurrence->link);
    free(occurrence->targets);
    free(occurrence);
}

static void on_end(void *ctx, uint64_t arg) {
    struct sim_occurrence *occurrence = sim_fault__find(ctx, arg);
    if (occurrence != NULL) sim_fault__end(occurrence);
}

void sim_fault__end(struct sim_occurrence *occurrence) {
    if (ops_of(occurrence)->end(occurrence))
        finish(occurrence);
    else
        sim_fault__at(occurrence, sim_fault__now(occurrence) + SIM_FAULT_RETRY, on_end, 0);
}

/* NEVER: when the scenario is over. */
static weft_time end_of(const struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    weft_time now = sim_fault__now(occurrence), at = WEFT_TIME_NEVER;
    if (spec->lasts > 0)
        at = weft_time_add(now, spec->lasts);
    else if (ops_of(occurrence)->ends == SIM_ENDS_AT_ONCE)
        at = now;
    return spec->kind == SIM_FAULT_CHURN ? weft_time_min(at, spec->until) : at;
}

static void begin(struct sim_occurrence *occurrence) {
    const struct sim_fault_ops *ops = ops_of(occurrence);
    ops->choose(occurrence);
    trace(occurrence, WEFT_TRACE_FAULT_ON, occurrence->text);
    sim_engine_fold_bytes(sim_world_engine(occurrence->faults->world), occurrence->text,
                          strlen(occurrence->text));
    ops->act(occurrence);
    weft_time end = end_of(occurrence);
    if (end == sim_fault__now(occurrence))
        sim_fault__end(occurrence);
    else
        sim_fault__at(occurrence, end, on_end, 0);
}

static struct sim_occurrence *new_occurrence(struct sim_faults *faults, uint32_t fault,
                                             uint32_t number) {
    struct sim_occurrence *occurrence = calloc(1, sizeof *occurrence);
    WEFT_ASSERT(occurrence != NULL);
    occurrence->faults = faults;
    occurrence->fault = fault;
    occurrence->number = number;
    occurrence->serial = ++faults->serials;
    occurrence->layer = SIM_LAYER_NONE;
    weft_list_push_back(&faults->on, &occurrence->link);
    return occurrence;
}

/* The occurrence's place on the timeline, before jitter. */
static weft_time place_of(const struct sim_fault_spec *spec, uint32_t number) {
    if (number == 0) return spec->at;
    if (spec->every == 0 || spec->kind == SIM_FAULT_CHURN) return WEFT_TIME_NEVER;
    if (spec->every > (WEFT_TIME_NEVER - spec->at) / (weft_duration)number) return WEFT_TIME_NEVER;
    return spec->at + spec->every * (weft_duration)number;
}

static weft_duration jitter_of(const struct sim_faults *faults, uint32_t fault, uint32_t number) {
    const struct sim_fault_spec *spec = &faults->specs[fault];
    if (spec->jitter == 0) return 0;
    uint64_t raw =
        sim_engine_draw(sim_world_engine(faults->world), SIM_DRAW_WHEN, WHEN_ENTITY(fault), number);
    return (weft_duration)weft_scale(raw, (uint64_t)spec->jitter + 1);
}

static void schedule(struct sim_faults *faults, uint32_t fault, uint32_t number,
                     void (*fn)(void *ctx, uint64_t arg)) {
    const struct sim_fault_spec *spec = &faults->specs[fault];
    weft_time at = place_of(spec, number);
    if (at == WEFT_TIME_NEVER || at > spec->until) return;
    at = weft_time_add(at, jitter_of(faults, fault, number));
    at = weft_time_max(at, now_of(faults));
    int rv = sim_world_at(faults->world, at, fn, faults, (uint64_t)fault << 32 | number);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void on_occurrence(void *ctx, uint64_t arg) {
    struct sim_faults *faults = ctx;
    uint32_t fault = (uint32_t)(arg >> 32), number = (uint32_t)arg;
    if (faults->healed || faults->frozen) return;
    schedule(faults, fault, number + 1, on_occurrence);
    if (faults->specs[fault].kind != SIM_FAULT_CHURN) faults->states[fault].injected++;
    begin(new_occurrence(faults, fault, number));
}

struct sim_faults *sim_faults_new(struct sim_world *world, const struct sim_fault_spec *specs,
                                  uint32_t count, const struct sim_group *groups) {
    struct sim_faults *faults = calloc(1, sizeof *faults);
    if (faults == NULL) return NULL;
    *faults = (struct sim_faults){.world = world, .specs = specs, .groups = groups, .count = count};
    weft_list_init(&faults->on);
    weft_list_init(&faults->cases);
    faults->states = calloc(count + 1, sizeof *faults->states);
    faults->scratch = malloc(sim_world_nodes(world) * sizeof *faults->scratch);
    if (faults->states == NULL || faults->scratch == NULL) {
        sim_faults_free(faults);
        return NULL;
    }
    sim_world_on_exit(world, sim_fault__poison_exit, faults);
    for (uint32_t i = 0; i < count; i++) schedule(faults, i, 0, on_occurrence);
    return faults;
}

void sim_faults_free(struct sim_faults *faults) {
    if (faults == NULL) return;
    for (struct weft_link *link; (link = weft_list_pop_front(&faults->on)) != NULL;) {
        struct sim_occurrence *occurrence = WEFT_CONTAINER(link, struct sim_occurrence, link);
        free(occurrence->targets);
        free(occurrence);
    }
    sim_fault__cases_free(faults);
    sim_world_on_exit(faults->world, NULL, NULL);
    free(faults->scratch);
    free(faults->states);
    free(faults);
}

void sim_faults_heal(struct sim_faults *faults) {
    faults->healed = true;
    while (!weft_list_empty(&faults->on)) {
        struct sim_occurrence *occurrence =
            WEFT_CONTAINER(faults->on.next, struct sim_occurrence, link);
        const struct sim_fault_ops *ops = ops_of(occurrence);
        if (ops->heal != NULL) ops->heal(occurrence);
        finish(occurrence);
    }
}

/* --- a core that is healed --- */

/* A node that is not up yet tries again. */
static void bring_up(void *ctx, uint64_t arg) {
    struct sim_faults *faults = ctx;
    uint32_t node = (uint32_t)arg;
    enum sim_node_state state = sim_world_state(faults->world, node);
    if (faults->healed || state == SIM_NODE_UP) return;
    if (state == SIM_NODE_DOWN && sim_world_boot(faults->world, node) == WEFT_OK) return;
    int rv = sim_world_at(faults->world, now_of(faults) + SIM_FAULT_RETRY, bring_up, faults, arg);
    WEFT_ASSERT(rv == WEFT_OK);
}

/* Targets of the core first, the order among them and among the others kept. How many they are. */
static uint32_t core_first(struct sim_occurrence *occurrence, const bool *core) {
    uint32_t count = occurrence->targets_count, mine = 0;
    struct sim_target *sorted = calloc((size_t)count + 1, sizeof *sorted);
    WEFT_ASSERT(sorted != NULL);
    for (uint32_t i = 0; i < count; i++) {
        if (core[occurrence->targets[i].node]) sorted[mine++] = occurrence->targets[i];
    }
    for (uint32_t i = 0, at = mine; i < count; i++) {
        if (!core[occurrence->targets[i].node]) sorted[at++] = occurrence->targets[i];
    }
    free(occurrence->targets);
    occurrence->targets = sorted;
    return mine;
}

/* The core's are its targets no more. */
static void heal_in_core(struct sim_occurrence *occurrence) {
    const struct sim_fault_ops *ops = ops_of(occurrence);
    const bool *core = occurrence->faults->core;
    if (occurrence->layer != SIM_LAYER_NONE) {
        sim_net_layer_spare(sim_world_net(occurrence->faults->world), occurrence->layer, core);
        return;
    }
    if (ops->heal == NULL || occurrence->targets_count == 0) return;
    uint32_t count = occurrence->targets_count, mine = core_first(occurrence, core);
    occurrence->targets_count = mine;
    ops->heal(occurrence);
    occurrence->targets_count = count - mine;
    memmove(occurrence->targets, occurrence->targets + mine,
            (count - mine) * sizeof *occurrence->targets);
    if (occurrence->targets_count == 0) finish(occurrence);
}

void sim_faults_heal_core(struct sim_faults *faults, const bool *core) {
    struct sim_engine *engine = sim_world_engine(faults->world);
    uint32_t nodes = sim_world_nodes(faults->world);
    WEFT_ASSERT(!faults->healed && !faults->frozen);
    faults->frozen = true;
    faults->core = core;
    sim_engine_fold_bytes(engine, core, nodes * sizeof *core);
    sim_fault__log(faults, WEFT_TRACE_NODE_NONE, "faults stop, and the core is healed");
    for (struct weft_link *at = faults->on.next, *next; at != &faults->on; at = next) {
        next = at->next;
        heal_in_core(WEFT_CONTAINER(at, struct sim_occurrence, link));
    }
    for (uint32_t i = 0; i < nodes; i++) {
        if (core[i]) bring_up(faults, i);
    }
}

struct sim_fault_count sim_faults_count(const struct sim_faults *faults, uint32_t spec) {
    WEFT_ASSERT(spec < faults->count);
    const struct sim_fault_state *state = &faults->states[spec];
    struct sim_fault_count count = {
        .injected = state->injected, .bit = state->bit, .unsynced = state->unsynced};
    for (struct weft_link *at = faults->on.next; at != &faults->on; at = at->next) {
        const struct sim_occurrence *occurrence = WEFT_CONTAINER(at, struct sim_occurrence, link);
        if (occurrence->fault != spec || occurrence->layer == SIM_LAYER_NONE) continue;
        if (sim_net_layer_bites(sim_world_net(faults->world), occurrence->layer) > 0) count.bit++;
    }
    return count;
}
