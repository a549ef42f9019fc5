/* Faults that are layers of the network: what partition, isolate, degrade, clog and filter share.
 */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/fault/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPELL_MIN WEFT_MS(1)

static struct sim_net *net_of(const struct sim_faults *faults) {
    return sim_world_net(faults->world);
}

/* --- what changes while it is on --- */

static void on_step(void *ctx, uint64_t arg) {
    struct sim_faults *faults = ctx;
    struct sim_occurrence *occurrence = sim_fault__find(faults, arg);
    if (occurrence == NULL) return;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint32_t step = (uint32_t)arg;
    WEFT_ASSERT(step < spec->steps_count);
    sim_net_layer_change(net_of(faults), occurrence->layer, &spec->steps[step].chain);
}

static weft_duration spell(const struct sim_occurrence *occurrence, const struct sim_delay *delay,
                           uint32_t number) {
    struct sim_engine *engine = sim_world_engine(occurrence->faults->world);
    uint64_t entity = (uint64_t)occurrence->fault << 32 | occurrence->number;
    uint64_t raw = sim_engine_draw(engine, SIM_DRAW_FLAP, entity, number);
    return weft_time_max(sim_delay_sample(delay, raw, 0, 0), SPELL_MIN);
}

/* Spells are numbered from 0, which holds; odd ones rest. */
static void on_flap(void *ctx, uint64_t arg) {
    struct sim_faults *faults = ctx;
    struct sim_occurrence *occurrence = sim_fault__find(faults, arg);
    if (occurrence == NULL) return;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    uint32_t number = (uint32_t)arg;
    bool rests = number % 2 == 1;
    sim_net_layer_rest(net_of(faults), occurrence->layer, rests);
    weft_duration lasts = spell(occurrence, rests ? &spec->flap_off : &spec->flap_on, number);
    sim_fault__at(occurrence, weft_time_add(sim_fault__now(occurrence), lasts), on_flap,
                  number + 1);
}

static void plan_changes(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    weft_time now = sim_fault__now(occurrence);
    for (uint32_t i = 0; i < spec->steps_count; i++) {
        sim_fault__at(occurrence, weft_time_add(now, spec->steps[i].after), on_step, i);
    }
    if (spec->flap_on.kind == 0) return;
    weft_duration lasts = spell(occurrence, &spec->flap_on, 0);
    sim_fault__at(occurrence, weft_time_add(now, lasts), on_flap, 1);
}

void sim_fault__layer_on(struct sim_occurrence *occurrence, const struct sim_layer_spec *layer) {
    struct sim_faults *faults = occurrence->faults;
    WEFT_ASSERT(occurrence->layer == SIM_LAYER_NONE);
    struct sim_layer_spec keyed = *layer;
    keyed.key = ((uint64_t)occurrence->fault + 1) << 32 | occurrence->number;
    int rv = sim_net_layer_on(net_of(faults), &keyed, &occurrence->layer);
    if (rv == WEFT_OK) {
        plan_changes(occurrence);
        return;
    }
    occurrence->layer = SIM_LAYER_NONE;
    sim_fault__log(faults, WEFT_TRACE_NODE_NONE, "too many layers at once: a fault does nothing");
}

/* --- chains on the links of some nodes --- */

/* Into scratch. Returns how many. */
static uint32_t draw_to(const struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    struct sim_faults *faults = occurrence->faults;
    struct sim_set_key key = {.state_mask = sim_fault__layer_states(&spec->to),
                              .entity = UINT64_C(1) << 32 | occurrence->fault,
                              .counter = occurrence->number};
    return sim_set_draw(&spec->to, faults->world, faults->groups, key, faults->scratch);
}

void sim_fault__links_choose(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    sim_fault__choose(occurrence, sim_fault__layer_states(&spec->nodes));
    if (!spec->directed) return;
    size_t at = strlen(occurrence->text);
    snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - at, " to %u nodes", draw_to(occurrence));
}

void sim_fault__links_on(struct sim_occurrence *occurrence, const struct sim_chain *chain) {
    struct sim_faults *faults = occurrence->faults;
    bool directed = sim_fault__spec(occurrence)->directed;
    uint8_t *side = calloc(sim_world_nodes(faults->world), sizeof *side);
    WEFT_ASSERT(side != NULL);
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        side[occurrence->targets[i].node] = directed ? SIM_SIDE_FROM : SIM_SIDE_EITHER;
    }
    uint32_t count = directed ? draw_to(occurrence) : 0;
    for (uint32_t i = 0; i < count; i++) side[faults->scratch[i]] |= SIM_SIDE_TO;
    struct sim_layer_spec layer = {.kind = SIM_LAYER_CHAIN, .side = side, .chain = chain};
    sim_fault__layer_on(occurrence, &layer);
    free(side);
}

void sim_fault__layer_heal(struct sim_occurrence *occurrence) {
    struct sim_net *net = net_of(occurrence->faults);
    if (occurrence->layer == SIM_LAYER_NONE) return;
    uint64_t bites = sim_net_layer_bites(net, occurrence->layer);
    sim_net_layer_off(net, occurrence->layer);
    occurrence->layer = SIM_LAYER_NONE;
    if (bites > 0) sim_fault__bite(occurrence, WEFT_TRACE_NODE_NONE);
}

bool sim_fault__layer_end(struct sim_occurrence *occurrence) {
    sim_fault__layer_heal(occurrence);
    return true;
}
