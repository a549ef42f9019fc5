/* Faults that are layers of the network: what partition, isolate and degrade share. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/fault/internal.h"

#include <stdlib.h>

void sim_fault__layer_on(struct sim_occurrence *occurrence, enum sim_layer_kind kind,
                         const uint8_t *side) {
    struct sim_faults *faults = occurrence->faults;
    WEFT_ASSERT(occurrence->layer == SIM_LAYER_NONE);
    struct sim_layer_spec layer = {.kind = kind, .side = side};
    if (kind == SIM_LAYER_CHAIN) {
        layer.chain = &sim_fault__spec(occurrence)->chain;
        layer.key = ((uint64_t)occurrence->fault + 1) << 32 | occurrence->number;
    }
    int rv = sim_net_layer_on(sim_world_net(faults->world), &layer, &occurrence->layer);
    if (rv == WEFT_OK) return;
    occurrence->layer = SIM_LAYER_NONE;
    sim_fault__log(faults, WEFT_TRACE_NODE_NONE, "too many layers at once: a fault does nothing");
}

void sim_fault__layer_on_targets(struct sim_occurrence *occurrence, enum sim_layer_kind kind) {
    uint8_t *side = calloc(sim_world_nodes(occurrence->faults->world), sizeof *side);
    WEFT_ASSERT(side != NULL);
    for (uint32_t i = 0; i < occurrence->targets_count; i++) {
        side[occurrence->targets[i].node] = 1;
    }
    sim_fault__layer_on(occurrence, kind, side);
    free(side);
}

void sim_fault__layer_heal(struct sim_occurrence *occurrence) {
    struct sim_net *net = sim_world_net(occurrence->faults->world);
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
