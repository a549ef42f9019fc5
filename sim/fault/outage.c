/* outage: domains that fail, with all that is in them.
 *
 * What happens to their nodes is what another kind of fault does; it bit when that did. */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOWN_MAX 8

static const struct sim_fault_ops *ops_of(const struct sim_occurrence *occurrence) {
    static const struct sim_fault_ops *const ops[] = {[SIM_OUTAGE_CRASH] = &sim_fault__crash,
                                                      [SIM_OUTAGE_KILL] = &sim_fault__kill,
                                                      [SIM_OUTAGE_STOP] = &sim_fault__stop,
                                                      [SIM_OUTAGE_ISOLATE] = &sim_fault__isolate,
                                                      [SIM_OUTAGE_PAUSE] = &sim_fault__pause};
    return ops[sim_fault__spec(occurrence)->how];
}

static uint64_t rank(const struct sim_occurrence *occurrence, uint32_t domain) {
    uint64_t raw = sim_engine_draw(sim_world_engine(occurrence->faults->world), SIM_DRAW_TARGETS,
                                   occurrence->fault, occurrence->number);
    return weft_draw(raw, SIM_DRAW_TARGETS, domain, 0);
}

/* Mark those that fail: the one that is named, or the lowest ranks of those with nodes. */
static void draw(const struct sim_occurrence *occurrence, uint8_t *domains, uint32_t count) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    for (uint32_t chosen = 0; chosen < (spec->domains_count > 0 ? spec->domains_count : 1);
         chosen++) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < count; i++) {
            if (domains[i] != 1) continue;
            if (best == UINT32_MAX || rank(occurrence, i) < rank(occurrence, best)) best = i;
        }
        if (best != UINT32_MAX) domains[best] = 2;
    }
}

static bool runs(const struct sim_occurrence *occurrence, uint32_t node) {
    enum sim_node_state state = sim_world_state(occurrence->faults->world, node);
    return (SIM_STATES_RUNNING & SIM_STATE_BIT(state)) != 0;
}

/* 1: has a node that runs; 2: fails. */
static uint8_t *choose_domains(const struct sim_occurrence *occurrence, uint32_t count,
                               const uint32_t *of) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint8_t *domains = calloc(count, sizeof *domains);
    WEFT_ASSERT(domains != NULL);
    for (uint32_t i = 0; i < sim_world_nodes(occurrence->faults->world); i++)
        if (runs(occurrence, i)) domains[of[i]] = 1;
    if (spec->is_number) {
        if (spec->domain < count) domains[spec->domain] = 2;
    } else {
        draw(occurrence, domains, count);
    }
    return domains;
}

static void write_text(struct sim_occurrence *occurrence, const uint8_t *domains, uint32_t count) {
    static const char *const levels[] = {"region", "site", "rack"};
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    int at = snprintf(occurrence->text, SIM_FAULT_TEXT_MAX, "outage of %s", levels[spec->level]);
    uint32_t shown = 0;
    if (spec->is_named) {
        const struct sim_net *net = sim_world_net(occurrence->faults->world);
        at += snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, " %s",
                       sim_net_region_name(net, spec->domain));
        shown = SHOWN_MAX;
    }
    for (uint32_t i = 0; i < count && shown < SHOWN_MAX; i++) {
        if (domains[i] != 2) continue;
        at += snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, "%s %u",
                       shown++ == 0 ? "" : ",", i);
    }
    snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, ": %u nodes",
             occurrence->targets_count);
}

static void choose(struct sim_occurrence *occurrence) {
    struct sim_world *world = occurrence->faults->world;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint32_t count = sim_domains_count(&spec->domains, spec->level, world);
    uint32_t *of = calloc(sim_world_nodes(world), sizeof *of);
    WEFT_ASSERT(of != NULL);
    sim_domains_place(&spec->domains, spec->level, world, of);
    uint8_t *domains = choose_domains(occurrence, count, of);
    occurrence->targets = calloc(sim_world_nodes(world) + 1u, sizeof *occurrence->targets);
    WEFT_ASSERT(occurrence->targets != NULL);
    for (uint32_t i = 0; i < sim_world_nodes(world); i++) {
        if (!runs(occurrence, i) || domains[of[i]] != 2) continue;
        occurrence->targets[occurrence->targets_count++] =
            (struct sim_target){.node = i, .life = sim_world_life(world, i)};
    }
    write_text(occurrence, domains, count);
    free(domains);
    free(of);
}

static void act(struct sim_occurrence *occurrence) { ops_of(occurrence)->act(occurrence); }

static bool end(struct sim_occurrence *occurrence) { return ops_of(occurrence)->end(occurrence); }

static void heal(struct sim_occurrence *occurrence) {
    if (ops_of(occurrence)->heal != NULL) ops_of(occurrence)->heal(occurrence);
}

const struct sim_fault_ops sim_fault__outage = {
    .choose = choose, .act = act, .end = end, .heal = heal, .ends = SIM_ENDS_WHEN_TOLD};
