/* Layers: what faults put on top of links, and whom each of them touches. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "sim/net/internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_far(const struct sim_net__layer *layer, uint32_t from, uint32_t to) {
    uint32_t a = layer->rank[from], b = layer->rank[to];
    if (a == SIM_RANK_NONE || b == SIM_RANK_NONE) return false;
    uint32_t apart = a < b ? b - a : a - b;
    uint32_t around = layer->ring_count - apart;
    return (apart < around ? apart : around) > layer->reach;
}

bool sim_net__layer_touches_rest(const struct sim_net__layer *layer, uint32_t from, uint32_t to) {
    if (layer->spared != NULL && layer->spared[from] && layer->spared[to]) return false;
    if (layer->kind == SIM_LAYER_RING) return is_far(layer, from, to);
    uint8_t a = layer->side[from], b = layer->side[to];
    switch (layer->kind) {
    case SIM_LAYER_SPLIT:
        return a != b && a != SIM_SIDE_NONE && b != SIM_SIDE_NONE;
    case SIM_LAYER_ONE_WAY:
        return a == 0 && b == 1;
    case SIM_LAYER_ISOLATE:
        return a == 1 || b == 1;
    case SIM_LAYER_CHAIN:
        return ((a | b) & SIM_SIDE_EITHER) != 0 || ((a & SIM_SIDE_FROM) && (b & SIM_SIDE_TO));
    case SIM_LAYER_RING:
        break;
    }
    return false;
}

/* Every cut that stands in the packet's way bites, not only the first: which was put on first says
 * nothing about which matters. */
void sim_net__run_cuts(struct sim_net *net, const struct sim_packet *packet,
                       struct sim_fate *fate) {
    for (uint32_t i = 0; i < net->cuts.count; i++) {
        struct sim_net__layer *layer = &net->layers[net->cuts.layers[i]];
        if (!sim_net__layer_touches(layer, packet->from, packet->to)) continue;
        sim_net__bite(layer);
        if (fate->copies == 0) continue;
        fate->copies = 0;
        fate->cause = SIM_LOSS_CUT;
        fate->cut_by = net->cuts.layers[i];
    }
}

/* --- lists of those that act --- */

static void list_add(struct sim_net__layer_list *list, sim_layer layer) {
    uint32_t at = list->count++;
    for (; at > 0 && list->layers[at - 1] > layer; at--) list->layers[at] = list->layers[at - 1];
    list->layers[at] = layer;
}

static void list_remove(struct sim_net__layer_list *list, sim_layer layer) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->layers[i] != layer) list->layers[kept++] = list->layers[i];
    }
    WEFT_ASSERT(kept + 1 == list->count);
    list->count = kept;
}

/* What is asked for while the layer acts. */
static void count_needs(struct sim_net *net, const struct sim_chain *chain, uint32_t more) {
    if (sim_net__chain_asks_kind(chain)) net->layers_ask_kind += more;
    if (sim_net__chain_has_downlinks(chain)) net->face.downlinks += more;
}

static void act(struct sim_net *net, sim_layer number) {
    const struct sim_net__layer *layer = &net->layers[number];
    list_add(layer->kind == SIM_LAYER_CHAIN ? &net->chains : &net->cuts, number);
    count_needs(net, &layer->chain, 1);
}

static void cease(struct sim_net *net, sim_layer number) {
    const struct sim_net__layer *layer = &net->layers[number];
    list_remove(layer->kind == SIM_LAYER_CHAIN ? &net->chains : &net->cuts, number);
    count_needs(net, &layer->chain, UINT32_MAX); /* less one */
}

/* --- the interface --- */

static sim_layer layer_free(const struct sim_net *net) {
    sim_layer number = 0;
    while (number < SIM_LAYERS_MAX && net->layers[number].on) number++;
    return number;
}

/* NULL: out of memory. */
static void *copy_of(const void *array, size_t size) {
    void *copy = malloc(size == 0 ? 1 : size);
    if (copy != NULL) memcpy(copy, array, size);
    return copy;
}

int sim_net_layer_on(struct sim_net *net, const struct sim_layer_spec *spec, sim_layer *out) {
    bool is_ring = spec->kind == SIM_LAYER_RING;
    WEFT_ASSERT(is_ring ? spec->rank != NULL : spec->side != NULL);
    WEFT_ASSERT((spec->kind == SIM_LAYER_CHAIN) == (spec->chain != NULL));
    if (net->layers == NULL) net->layers = calloc(SIM_LAYERS_MAX, sizeof *net->layers);
    if (net->layers == NULL) return WEFT_ERR_NOMEM;
    sim_layer number = layer_free(net);
    if (number == SIM_LAYERS_MAX) return WEFT_ERR_FULL;
    void *places = is_ring ? copy_of(spec->rank, net->nodes * sizeof *spec->rank)
                           : copy_of(spec->side, net->nodes);
    if (places == NULL) return WEFT_ERR_NOMEM;
    struct sim_net__layer *layer = &net->layers[number];
    *layer = (struct sim_net__layer){.kind = spec->kind,
                                     .on = true,
                                     .side = is_ring ? NULL : places,
                                     .rank = is_ring ? places : NULL,
                                     .ring_count = spec->ring_count,
                                     .reach = spec->reach,
                                     .serial = ++net->layers_serial};
    if (spec->chain != NULL) layer->chain = *spec->chain;
    layer->seed = weft_fold(net->seed, spec->key != 0 ? spec->key : number + 1);
    act(net, number);
    *out = number;
    return WEFT_OK;
}

static struct sim_net__layer *layer_at(const struct sim_net *net, sim_layer layer) {
    WEFT_ASSERT(layer < SIM_LAYERS_MAX && net->layers != NULL);
    return &net->layers[layer];
}

void sim_net_layer_off(struct sim_net *net, sim_layer number) {
    struct sim_net__layer *layer = layer_at(net, number);
    WEFT_ASSERT(layer->on);
    if (!layer->rests) cease(net, number);
    layer->on = false;
    free(layer->side);
    free(layer->rank);
    layer->side = NULL;
    layer->rank = NULL;
}

void sim_net_layer_rest(struct sim_net *net, sim_layer number, bool rest) {
    struct sim_net__layer *layer = layer_at(net, number);
    WEFT_ASSERT(layer->on);
    if (layer->rests == rest) return;
    layer->rests = rest;
    if (rest)
        cease(net, number);
    else
        act(net, number);
}

void sim_net_layer_change(struct sim_net *net, sim_layer number, const struct sim_chain *chain) {
    struct sim_net__layer *layer = layer_at(net, number);
    WEFT_ASSERT(layer->on && layer->kind == SIM_LAYER_CHAIN);
    if (!layer->rests) count_needs(net, &layer->chain, UINT32_MAX);
    layer->chain = *chain;
    if (!layer->rests) count_needs(net, &layer->chain, 1);
}

void sim_net_layer_spare(struct sim_net *net, sim_layer number, const bool *nodes) {
    struct sim_net__layer *layer = layer_at(net, number);
    WEFT_ASSERT(layer->on && nodes != NULL);
    layer->spared = nodes;
}

uint64_t sim_net_layer_bites(const struct sim_net *net, sim_layer layer) {
    return layer_at(net, layer)->bites;
}
