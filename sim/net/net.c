/* The fate of a packet: the cuts, the chain of its link, then the chains that faults put on. */
#include "sim/net/net.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/rand.h"
#include "sim/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#define CERTAIN_PPM 1000000

/* A stream's lost bytes are sent again after 200 ms, then after twice as long each time; what is
 * lost this many times arrives with the last. */
#define RETRY_FIRST WEFT_MS(200)
#define RETRIES_MAX 8

/* Counter of a draw: the packet's number below, in the upper 16 bits which element of the chain and
 * which copy or attempt. */
#define COUNTER_BITS 48
#define COPY_BITS 8

struct layer {
    enum sim_layer_kind kind;
    bool on;
    uint8_t *side;
    struct sim_chain chain;
    uint64_t seed; /* of the chain's draws */
    uint64_t bites;
};

/* Numbers of the layers that are on, ascending. */
struct layer_list {
    sim_layer layers[SIM_LAYERS_MAX];
    uint32_t count;
};

struct sim_net {
    const struct sim_net_spec *spec;
    const uint32_t *group_of;
    uint32_t nodes;
    uint64_t seed;
    uint8_t *region;      /* of each node; NULL: all 0 */
    struct layer *layers; /* SIM_LAYERS_MAX of them from the first layer on, NULL before */
    struct layer_list cuts, chains;
};

/* One packet on its way through one chain. */
struct walk {
    const struct sim_packet *packet;
    struct sim_fate *fate;
    uint64_t seed, entity;
    uint32_t from_region, to_region;
    uint32_t element;
    bool changed;
};

static uint64_t draw(const struct walk *walk, enum sim_purpose purpose, uint32_t copy) {
    uint64_t place = (uint64_t)walk->element << COPY_BITS | copy;
    uint64_t counter = walk->packet->number ^ place << COUNTER_BITS;
    return weft_draw(walk->seed, (uint64_t)purpose, walk->entity, counter);
}

static void delay_copy(struct walk *walk, const struct sim_delay *delay, uint32_t copy) {
    uint64_t raw = delay->kind == SIM_DELAY_CONSTANT ? 0 : draw(walk, SIM_DRAW_DELAY, copy);
    weft_duration more = sim_delay_sample(delay, raw, walk->from_region, walk->to_region);
    if (more == 0) return;
    walk->fate->delay[copy] = weft_time_add(walk->fate->delay[copy], more);
    walk->changed = true;
}

static void run_delay(struct walk *walk, const struct sim_element *element) {
    for (uint32_t i = 0; i < walk->fate->copies; i++) delay_copy(walk, &element->delay, i);
}

/* Sent again until it arrives. The only copy of a stream's packet is the first. */
static void run_stream_loss(struct walk *walk, const struct sim_element *element) {
    for (uint32_t i = 0; i < RETRIES_MAX; i++) {
        if (!weft_chance_ppm(draw(walk, SIM_DRAW_LOSS, i), element->ppm)) return;
        walk->fate->delay[0] = weft_time_add(walk->fate->delay[0], RETRY_FIRST << i);
        walk->changed = true;
    }
}

static void run_loss(struct walk *walk, const struct sim_element *element) {
    struct sim_fate *fate = walk->fate;
    if (walk->packet->stream && element->ppm < CERTAIN_PPM) {
        run_stream_loss(walk, element);
        return;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fate->copies; i++) {
        if (weft_chance_ppm(draw(walk, SIM_DRAW_LOSS, i), element->ppm)) continue;
        fate->delay[kept++] = fate->delay[i];
    }
    if (kept < fate->copies) walk->changed = true;
    fate->copies = kept;
}

static void run_duplicate(struct walk *walk, const struct sim_element *element) {
    struct sim_fate *fate = walk->fate;
    if (walk->packet->stream || fate->copies == SIM_COPIES_MAX) return;
    if (!weft_chance_ppm(draw(walk, SIM_DRAW_DUPLICATE, 0), element->ppm)) return;
    uint32_t copy = fate->copies++;
    fate->delay[copy] = fate->delay[0];
    delay_copy(walk, &element->delay, copy);
    walk->changed = true;
}

static void run_reorder(struct walk *walk, const struct sim_element *element) {
    for (uint32_t i = 0; i < walk->fate->copies; i++) {
        if (!weft_chance_ppm(draw(walk, SIM_DRAW_REORDER, i), element->ppm)) continue;
        delay_copy(walk, &element->delay, i);
    }
}

/* Take the packet through a chain until its end or until no copy is left. */
static void run_chain(struct walk *walk, const struct sim_chain *chain) {
    WEFT_ASSERT(chain->count <= SIM_ELEMENTS_MAX);
    for (uint32_t i = 0; i < chain->count && walk->fate->copies > 0; i++) {
        const struct sim_element *element = &chain->elements[i];
        walk->element = i;
        switch (element->kind) {
        case SIM_ELEMENT_DELAY:
            run_delay(walk, element);
            break;
        case SIM_ELEMENT_LOSS:
            run_loss(walk, element);
            break;
        case SIM_ELEMENT_DUPLICATE:
            run_duplicate(walk, element);
            break;
        case SIM_ELEMENT_REORDER:
            run_reorder(walk, element);
            break;
        }
    }
}

static uint32_t group(const struct sim_net *net, uint32_t node) {
    return net->group_of == NULL ? 0 : net->group_of[node];
}

static const struct sim_chain *chain_of(const struct sim_net *net, uint32_t from, uint32_t to) {
    uint32_t i = net->spec->rules_count - 1;
    if (i == 0) return &net->spec->rules[0].chain;
    uint32_t from_group = group(net, from), to_group = group(net, to);
    for (; i > 0; i--) {
        const struct sim_rule *rule = &net->spec->rules[i];
        bool matches = (rule->from_group == SIM_GROUP_ANY || rule->from_group == from_group) &&
                       (rule->to_group == SIM_GROUP_ANY || rule->to_group == to_group);
        if (matches) break;
    }
    return &net->spec->rules[i].chain;
}

static bool chain_loses_all(const struct sim_chain *chain) {
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sim_element *element = &chain->elements[i];
        if (element->kind == SIM_ELEMENT_LOSS && element->ppm == CERTAIN_PPM) return true;
    }
    return false;
}

/* --- layers --- */

static bool layer_touches(const struct layer *layer, uint32_t from, uint32_t to) {
    uint8_t a = layer->side[from], b = layer->side[to];
    switch (layer->kind) {
    case SIM_LAYER_SPLIT:
        return a != b && a != SIM_SIDE_NONE && b != SIM_SIDE_NONE;
    case SIM_LAYER_ONE_WAY:
        return a == 0 && b == 1;
    case SIM_LAYER_ISOLATE:
    case SIM_LAYER_CHAIN:
        return a == 1 || b == 1;
    }
    return false;
}

/* Every cut that stands in the packet's way bites, not only the first: which was put on first says
 * nothing about which matters. */
static void run_cuts(struct sim_net *net, const struct sim_packet *packet, struct sim_fate *fate) {
    for (uint32_t i = 0; i < net->cuts.count; i++) {
        struct layer *layer = &net->layers[net->cuts.layers[i]];
        if (!layer_touches(layer, packet->from, packet->to)) continue;
        layer->bites++;
        if (fate->copies == 0) continue;
        fate->copies = 0;
        fate->cause = SIM_LOSS_CUT;
        fate->cut_by = net->cuts.layers[i];
    }
}

static void run_layer_chains(struct sim_net *net, struct walk *walk) {
    struct sim_fate *fate = walk->fate;
    for (uint32_t i = 0; i < net->chains.count && fate->copies > 0; i++) {
        struct layer *layer = &net->layers[net->chains.layers[i]];
        if (!layer_touches(layer, walk->packet->from, walk->packet->to)) continue;
        walk->seed = layer->seed;
        walk->changed = false;
        run_chain(walk, &layer->chain);
        if (walk->changed) layer->bites++;
        if (fate->copies > 0) continue;
        fate->cause = SIM_LOSS_FAULT;
        fate->cut_by = net->chains.layers[i];
    }
}

static struct layer_list *list_of(struct sim_net *net, enum sim_layer_kind kind) {
    return kind == SIM_LAYER_CHAIN ? &net->chains : &net->cuts;
}

static void list_add(struct layer_list *list, sim_layer layer) {
    uint32_t at = list->count++;
    for (; at > 0 && list->layers[at - 1] > layer; at--) list->layers[at] = list->layers[at - 1];
    list->layers[at] = layer;
}

static void list_remove(struct layer_list *list, sim_layer layer) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->layers[i] != layer) list->layers[kept++] = list->layers[i];
    }
    WEFT_ASSERT(kept + 1 == list->count);
    list->count = kept;
}

static sim_layer layer_free(const struct sim_net *net) {
    sim_layer number = 0;
    while (number < SIM_LAYERS_MAX && net->layers[number].on) number++;
    return number;
}

/* --- the interface --- */

struct sim_net *sim_net_new(const struct sim_net_spec *spec, uint32_t nodes,
                            const uint32_t *group_of, uint64_t seed) {
    WEFT_ASSERT(spec->rules_count >= 1);
    WEFT_ASSERT(spec->rules_count <= SIM_RULES_MAX);
    struct sim_net *net = calloc(1, sizeof *net);
    if (net == NULL) return NULL;
    net->spec = spec;
    net->group_of = group_of;
    net->nodes = nodes;
    net->seed = seed;
    uint32_t regions = spec->regions == NULL ? 1 : spec->regions->count;
    WEFT_ASSERT(regions <= SIM_REGIONS_MAX);
    if (regions <= 1 || nodes == 0) return net;
    net->region = malloc(nodes);
    if (net->region == NULL) {
        free(net);
        return NULL;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        net->region[i] = (uint8_t)weft_scale(weft_draw(seed, SIM_DRAW_REGION, i, 0), regions);
    }
    return net;
}

void sim_net_free(struct sim_net *net) {
    if (net == NULL) return;
    for (uint32_t i = 0; net->layers != NULL && i < SIM_LAYERS_MAX; i++) free(net->layers[i].side);
    free(net->layers);
    free(net->region);
    free(net);
}

uint32_t sim_net_region(const struct sim_net *net, uint32_t node) {
    WEFT_ASSERT(node < net->nodes);
    return net->region == NULL ? 0 : net->region[node];
}

void sim_net_fate(struct sim_net *net, const struct sim_packet *packet, struct sim_fate *fate) {
    WEFT_ASSERT(packet->from < net->nodes);
    WEFT_ASSERT(packet->to < net->nodes);
    *fate = (struct sim_fate){.copies = 1, .cut_by = SIM_LAYER_NONE};
    if (net->cuts.count > 0) {
        run_cuts(net, packet, fate);
        if (fate->copies == 0) return;
    }
    struct walk walk = {.packet = packet,
                        .fate = fate,
                        .seed = net->seed,
                        .entity = (uint64_t)packet->from << 32 | packet->to,
                        .from_region = sim_net_region(net, packet->from),
                        .to_region = sim_net_region(net, packet->to)};
    run_chain(&walk, chain_of(net, packet->from, packet->to));
    if (fate->copies == 0) {
        fate->cause = SIM_LOSS_LINK;
        return;
    }
    if (net->chains.count > 0) run_layer_chains(net, &walk);
}

int sim_net_layer_on(struct sim_net *net, const struct sim_layer_spec *spec, sim_layer *out) {
    WEFT_ASSERT(spec->side != NULL);
    WEFT_ASSERT((spec->kind == SIM_LAYER_CHAIN) == (spec->chain != NULL));
    if (net->layers == NULL) net->layers = calloc(SIM_LAYERS_MAX, sizeof *net->layers);
    if (net->layers == NULL) return WEFT_ERR_NOMEM;
    sim_layer number = layer_free(net);
    if (number == SIM_LAYERS_MAX) return WEFT_ERR_FULL;
    uint8_t *side = malloc(net->nodes == 0 ? 1 : net->nodes);
    if (side == NULL) return WEFT_ERR_NOMEM;
    memcpy(side, spec->side, net->nodes);
    struct layer *layer = &net->layers[number];
    *layer = (struct layer){.kind = spec->kind, .on = true, .side = side};
    if (spec->chain != NULL) layer->chain = *spec->chain;
    layer->seed = weft_fold(net->seed, spec->key != 0 ? spec->key : number + 1);
    list_add(list_of(net, spec->kind), number);
    *out = number;
    return WEFT_OK;
}

void sim_net_layer_off(struct sim_net *net, sim_layer layer) {
    WEFT_ASSERT(layer < SIM_LAYERS_MAX && net->layers != NULL);
    WEFT_ASSERT(net->layers[layer].on);
    list_remove(list_of(net, net->layers[layer].kind), layer);
    net->layers[layer].on = false;
    free(net->layers[layer].side);
    net->layers[layer].side = NULL;
}

uint64_t sim_net_layer_bites(const struct sim_net *net, sim_layer layer) {
    WEFT_ASSERT(layer < SIM_LAYERS_MAX && net->layers != NULL);
    return net->layers[layer].bites;
}

bool sim_net_cut(const struct sim_net *net, uint32_t from, uint32_t to) {
    WEFT_ASSERT(from < net->nodes && to < net->nodes);
    for (uint32_t i = 0; i < net->cuts.count; i++) {
        if (layer_touches(&net->layers[net->cuts.layers[i]], from, to)) return true;
    }
    for (uint32_t i = 0; i < net->chains.count; i++) {
        const struct layer *layer = &net->layers[net->chains.layers[i]];
        if (layer_touches(layer, from, to) && chain_loses_all(&layer->chain)) return true;
    }
    return chain_loses_all(chain_of(net, from, to));
}
