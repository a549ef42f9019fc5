/* Whom an occurrence hits, and how the trace says it. */
#include "core/base/assert.h"
#include "sim/fault/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define PPM 1000000u
#define SHOWN_MAX 16

uint32_t sim_fault__layer_states(const struct sim_set *set) {
    bool drawn = set->count > 0 || set->ppm > 0;
    return drawn ? SIM_STATES_RUNNING : SIM_STATES_ALL;
}

/* Rolling: the next ones in order, whatever their state, round and round. */
static uint32_t take_in_turn(struct sim_occurrence *occurrence, uint32_t *out) {
    const struct sim_faults *faults = occurrence->faults;
    const struct sim_set *set = &sim_fault__spec(occurrence)->nodes;
    uint32_t size = sim_set_size(set, faults->world, faults->groups);
    if (size == 0) return 0;
    uint32_t step = set->count > 0 ? set->count : (uint32_t)((uint64_t)size * set->ppm / PPM);
    if (step == 0) step = 1;
    if (step > size) step = size;
    uint64_t first = (uint64_t)occurrence->number * step;
    for (uint32_t i = 0; i < step; i++) {
        out[i] = sim_set_member(set, faults->groups, (uint32_t)((first + i) % size));
    }
    return step;
}

static uint32_t take(struct sim_occurrence *occurrence, uint32_t state_mask, uint32_t *out) {
    const struct sim_faults *faults = occurrence->faults;
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    if (spec->each_in_turn) return take_in_turn(occurrence, out);
    struct sim_set_key key = {
        .state_mask = state_mask, .entity = occurrence->fault, .counter = occurrence->number};
    return sim_set_draw(&spec->nodes, faults->world, faults->groups, key, out);
}

static void write_text(struct sim_occurrence *occurrence) {
    const struct sim_fault_spec *spec = sim_fault__spec(occurrence);
    int at = snprintf(occurrence->text, SIM_FAULT_TEXT_MAX, "%s", sim_fault_name(spec->kind));
    if (spec->kind == SIM_FAULT_POISON || spec->kind == SIM_FAULT_HANG) {
        at += snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, " %s in",
                       spec->process);
    }
    uint32_t shown = occurrence->targets_count < SHOWN_MAX ? occurrence->targets_count : SHOWN_MAX;
    for (uint32_t i = 0; i < shown && at < SIM_FAULT_TEXT_MAX; i++) {
        at += snprintf(occurrence->text + at, SIM_FAULT_TEXT_MAX - (size_t)at, "%s%u",
                       i == 0 ? " " : ", ", occurrence->targets[i].node);
    }
    if (at >= SIM_FAULT_TEXT_MAX) return;
    size_t room = SIM_FAULT_TEXT_MAX - (size_t)at;
    if (occurrence->targets_count == 0) snprintf(occurrence->text + at, room, " nobody");
    if (occurrence->targets_count <= shown) return;
    snprintf(occurrence->text + at, room, ", ... (%u nodes)", occurrence->targets_count);
}

void sim_fault__choose(struct sim_occurrence *occurrence, uint32_t state_mask) {
    struct sim_faults *faults = occurrence->faults;
    uint32_t count = take(occurrence, state_mask, faults->scratch);
    occurrence->targets = calloc(count + 1, sizeof *occurrence->targets);
    WEFT_ASSERT(occurrence->targets != NULL);
    occurrence->targets_count = count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = faults->scratch[i];
        occurrence->targets[i] =
            (struct sim_target){.node = node, .life = sim_world_life(faults->world, node)};
    }
    write_text(occurrence);
}
