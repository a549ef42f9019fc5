/* The fate of a packet: the cuts, the chain of its link, then the chains that faults put on. */
#include "sim/net/net.h"

#include "core/base/assert.h"
#include "core/base/rand.h"
#include "sim/net/internal.h"

#include <stdlib.h>

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

static struct sim_net__walk walk_of(struct sim_net *net, const struct sim_packet *packet,
                                    struct sim_fate *fate) {
    return (struct sim_net__walk){.net = net,
                                  .packet = packet,
                                  .fate = fate,
                                  .seed = net->seed,
                                  .entity = (uint64_t)packet->from << 32 | packet->to,
                                  .from_region = sim_net_region(net, packet->from),
                                  .to_region = sim_net_region(net, packet->to)};
}

static void run_layer_chains(struct sim_net *net, struct sim_net__walk *walk) {
    struct sim_fate *fate = walk->fate;
    for (uint32_t i = 0; i < net->chains.count && fate->copies > 0; i++) {
        struct sim_net__layer *layer = &net->layers[net->chains.layers[i]];
        if (!sim_net__layer_touches(layer, walk->packet->from, walk->packet->to)) continue;
        walk->seed = layer->seed;
        walk->owner = layer->serial;
        if (sim_net__run_chain(walk, &layer->chain)) sim_net__bite(layer);
        if (fate->copies > 0) continue;
        fate->cause = SIM_LOSS_FAULT;
        fate->cut_by = net->chains.layers[i];
    }
}

static void note_needs(struct sim_net *net) {
    for (uint32_t i = 0; i < net->spec->rules_count; i++) {
        const struct sim_chain *chain = &net->spec->rules[i].chain;
        if (sim_net__chain_asks_kind(chain)) net->rules_ask_kind = true;
        if (sim_net__chain_has_downlinks(chain)) net->face.downlinks++;
    }
}

/* --- regions --- */

static uint8_t draw_region(const struct sim_net *net, uint32_t node) {
    const struct sim_regions *regions = net->spec->regions;
    uint64_t raw = weft_draw(net->seed, SIM_DRAW_REGION, node, 0), all = 0;
    for (uint32_t i = 0; i < regions->count; i++) all += regions->share_ppm[i];
    if (all == 0) return (uint8_t)weft_scale(raw, regions->count);
    uint64_t at = weft_scale(raw, all);
    uint8_t region = 0;
    for (; at >= regions->share_ppm[region]; region++) at -= regions->share_ppm[region];
    return region;
}

static uint8_t choose_region(const struct sim_net *net, uint32_t node) {
    const uint8_t *of_group = net->spec->region_of_group;
    uint8_t region = of_group == NULL ? SIM_REGION_DRAWN : of_group[group(net, node)];
    return region == SIM_REGION_DRAWN ? draw_region(net, node) : region;
}

/* Both: false, out of memory. */
static bool make_claims(struct sim_net *net) {
    uint32_t count = net->spec->claims_count;
    if (count > 0) net->claims = calloc(count, sizeof *net->claims);
    return count == 0 || net->claims != NULL;
}

static bool place_regions(struct sim_net *net) {
    uint32_t regions = sim_net_regions(net);
    WEFT_ASSERT(regions <= SIM_REGIONS_MAX);
    if (regions <= 1 || net->nodes == 0) return true;
    net->region = malloc(net->nodes);
    if (net->region == NULL) return false;
    for (uint32_t i = 0; i < net->nodes; i++) net->region[i] = choose_region(net, i);
    return true;
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
    net->delay_base = weft_draw_base(seed, SIM_DRAW_DELAY);
    note_needs(net);
    if (make_claims(net) && place_regions(net)) return net;
    sim_net_free(net);
    return NULL;
}

void sim_net_free(struct sim_net *net) {
    if (net == NULL) return;
    for (uint32_t i = 0; net->layers != NULL && i < SIM_LAYERS_MAX; i++) {
        free(net->layers[i].side);
        free(net->layers[i].rank);
    }
    sim_net__flows_free(&net->out);
    sim_net__flows_free(&net->in);
    free(net->layers);
    free(net->claims);
    free(net->region);
    free(net);
}

uint32_t sim_net_regions(const struct sim_net *net) {
    return net->spec->regions == NULL ? 1 : net->spec->regions->count;
}

uint32_t sim_net_region(const struct sim_net *net, uint32_t node) {
    WEFT_ASSERT(node < net->nodes);
    return net->region == NULL ? 0 : net->region[node];
}

const char *sim_net_region_name(const struct sim_net *net, uint32_t region) {
    WEFT_ASSERT(region < sim_net_regions(net));
    return net->spec->regions == NULL ? "" : net->spec->regions->name[region];
}

size_t sim_net_links_memory(const struct sim_net *net) {
    return ((size_t)net->out.size + net->in.size) * sizeof *net->out.slots;
}

weft_duration sim_net_least(const struct sim_net_spec *spec) {
    weft_duration least = WEFT_TIME_NEVER;
    for (uint32_t i = 0; i < spec->rules_count; i++) {
        least = weft_time_min(least, sim_chain_least(&spec->rules[i].chain));
    }
    return least;
}

/* Of a link that only delays, the same for all, with no chain on top of it: by how much, for each
 * packet anew. NULL: there is more to it. */
static inline const struct sim_delay *just_delay(const struct sim_net *net) {
    const struct sim_chain *chain = &net->spec->rules[0].chain;
    const struct sim_element *element = &chain->elements[0];
    bool just = net->spec->rules_count == 1 && chain->count == 1 && net->chains.count == 0 &&
                element->kind == SIM_ELEMENT_DELAY && element->delay.kind != SIM_DELAY_REGIONS &&
                element->delay.pair == 0;
    return just ? &element->delay : NULL;
}

static inline weft_duration sample(const struct sim_net *net, const struct sim_delay *delay,
                                   uint64_t entity, uint64_t number) {
    uint64_t raw = 0;
    if (delay->kind != SIM_DELAY_CONSTANT) raw = weft_draw_from(net->delay_base, entity, number);
    if (delay->kind == SIM_DELAY_UNIFORM) return sim_net__uniform(delay, raw);
    return sim_delay_sample(delay, raw, 0, 0);
}

bool sim_net_just_delays(struct sim_net *net, uint32_t from, uint32_t to, uint64_t number,
                         weft_duration *delay) {
    const struct sim_delay *just = just_delay(net);
    if (just == NULL) return false;
    WEFT_ASSERT(from < net->nodes && to < net->nodes);
    for (uint32_t i = 0; i < net->cuts.count; i++) {
        if (sim_net__layer_touches(&net->layers[net->cuts.layers[i]], from, to)) return false;
    }
    *delay = sample(net, just, (uint64_t)from << 32 | to, number);
    return true;
}

void sim_net_fate(struct sim_net *net, const struct sim_packet *packet, struct sim_fate *fate) {
    WEFT_ASSERT(packet->from < net->nodes);
    WEFT_ASSERT(packet->to < net->nodes);
    WEFT_ASSERT(packet->kind < SIM_PACKET_KINDS_MAX);
    sim_fate_init(fate);
    if (net->cuts.count > 0) {
        sim_net__run_cuts(net, packet, fate);
        if (fate->copies == 0) return;
    }
    const struct sim_delay *just = just_delay(net);
    if (just != NULL) {
        uint64_t entity = (uint64_t)packet->from << 32 | packet->to;
        fate->delay[0] = sample(net, just, entity, packet->number);
        return;
    }
    struct sim_net__walk walk = walk_of(net, packet, fate);
    (void)sim_net__run_chain(&walk, chain_of(net, packet->from, packet->to));
    if (fate->copies == 0) {
        fate->cause = SIM_LOSS_LINK;
        return;
    }
    if (net->chains.count > 0) run_layer_chains(net, &walk);
}

bool sim_net_asks_kind(const struct sim_net *net) {
    return net->rules_ask_kind || net->layers_ask_kind > 0;
}

enum sim_loss sim_net_arrive(struct sim_net *net, const struct sim_packet *packet,
                             weft_duration *wait) {
    WEFT_ASSERT(packet->from < net->nodes);
    WEFT_ASSERT(packet->to < net->nodes);
    *wait = 0;
    struct sim_net__walk walk = walk_of(net, packet, NULL);
    if (!sim_net__run_downlinks(&walk, chain_of(net, packet->from, packet->to), wait)) {
        return SIM_LOSS_LINK;
    }
    for (uint32_t i = 0; i < net->chains.count; i++) {
        struct sim_net__layer *layer = &net->layers[net->chains.layers[i]];
        if (!sim_net__layer_touches(layer, packet->from, packet->to)) continue;
        weft_duration before = *wait;
        walk.owner = layer->serial;
        bool passes = sim_net__run_downlinks(&walk, &layer->chain, wait);
        if (!passes || *wait > before) sim_net__bite(layer);
        if (!passes) return SIM_LOSS_FAULT;
    }
    return SIM_LOSS_NONE;
}

uint64_t sim_net_claim_bites(const struct sim_net *net, uint32_t claim) {
    WEFT_ASSERT(claim > 0 && claim <= net->spec->claims_count);
    return net->claims[claim - 1];
}

enum sim_loss sim_net_through(struct sim_net *net, uint32_t from, uint32_t to) {
    WEFT_ASSERT(from < net->nodes && to < net->nodes);
    struct sim_packet packet = {.from = from, .to = to};
    struct sim_fate fate;
    sim_fate_init(&fate);
    sim_net__run_cuts(net, &packet, &fate);
    for (uint32_t i = 0; i < net->chains.count && fate.copies > 0; i++) {
        struct sim_net__layer *layer = &net->layers[net->chains.layers[i]];
        if (!sim_net__layer_touches(layer, from, to)) continue;
        const struct sim_element *all = sim_net__chain_all_lost(&layer->chain);
        if (all == NULL) continue;
        sim_net__bite(layer);
        sim_net__claim(net, all);
        return SIM_LOSS_FAULT;
    }
    return fate.cause;
}

bool sim_net_cut(const struct sim_net *net, uint32_t from, uint32_t to) {
    WEFT_ASSERT(from < net->nodes && to < net->nodes);
    for (uint32_t i = 0; i < net->cuts.count; i++) {
        if (sim_net__layer_touches(&net->layers[net->cuts.layers[i]], from, to)) return true;
    }
    for (uint32_t i = 0; i < net->chains.count; i++) {
        const struct sim_net__layer *layer = &net->layers[net->chains.layers[i]];
        bool touches = sim_net__layer_touches(layer, from, to);
        if (touches && sim_net__chain_all_lost(&layer->chain) != NULL) return true;
    }
    return sim_net__chain_all_lost(chain_of(net, from, to)) != NULL;
}
