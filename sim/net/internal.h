/* Inside the net: chains, layers, flows. Private to sim/net.
 *
 * What a packet meets on departure changes flows of `out`, keyed by its sender; what it meets on
 * arrival changes flows of `in`, keyed by its receiver. Everything else a packet looks at is only
 * read, but for the bites of layers and of claims. */
#ifndef SIM_NET_INTERNAL_H
#define SIM_NET_INTERNAL_H

#include "core/base/assert.h"
#include "core/base/rand.h"
#include "sim/engine/engine.h"
#include "sim/net/net.h"

#define SIM_NET__CERTAIN_PPM 1000000

/* --- flows: what is known of links that are active --- */

struct sim_net__flow_key {
    uint32_t id; /* > 0: whose queue, or hold */
    uint32_t from, to;
};

/* A line that is busy until then; one that is idle is as one that was never used, so it may be
 * forgotten. */
struct sim_net__flow {
    struct sim_net__flow_key key; /* id 0: a free slot */
    weft_time busy_until;
};

/* Open addressing. All zero: empty. */
struct sim_net__flows {
    struct sim_net__flow *slots;
    uint32_t size, used; /* a power of two; slots that are not free */
};

/* The flow's busy_until, to be moved on; not after `now` when it is idle. Flows that are idle at
 * `now`, which never goes back, are forgotten when room is needed. The pointer holds until the next
 * call. */
weft_time *sim_net__flow_at(struct sim_net__flows *flows, struct sim_net__flow_key key,
                            weft_time now);
void sim_net__flows_free(struct sim_net__flows *flows);

/* --- layers --- */

struct sim_net__layer {
    enum sim_layer_kind kind;
    bool on, rests;
    uint8_t *side;
    uint32_t *rank;
    const bool *spared; /* by node; NULL: nobody */
    uint32_t ring_count, reach;
    uint64_t bites;
    uint64_t seed;   /* of the chain's draws */
    uint32_t serial; /* among all that were ever put on, from 1 */
    struct sim_chain chain;
};

/* Threads that share a network count together. */
static inline void sim_net__bite(struct sim_net__layer *layer) {
    __atomic_fetch_add(&layer->bites, 1, __ATOMIC_RELAXED);
}

/* Numbers of the layers that are on and do not rest, ascending. */
struct sim_net__layer_list {
    sim_layer layers[SIM_LAYERS_MAX];
    uint32_t count;
};

struct sim_net {
    struct sim_net__face face; /* the first */
    const struct sim_net_spec *spec;
    const uint32_t *group_of;
    uint32_t nodes;
    uint64_t seed;
    uint64_t delay_base;           /* of the draws of SIM_DRAW_DELAY by that seed */
    uint8_t *region;               /* of each node; NULL: all 0 */
    struct sim_net__layer *layers; /* SIM_LAYERS_MAX of them from the first on, NULL before */
    uint32_t layers_serial;
    struct sim_net__layer_list cuts, chains;
    bool rules_ask_kind;
    uint32_t layers_ask_kind; /* of `chains` */
    uint64_t *claims;         /* bites, by claim - 1; NULL: there are none */
    struct sim_net__flows out, in;
};

bool sim_net__layer_touches_rest(const struct sim_net__layer *layer, uint32_t from, uint32_t to);

static inline bool sim_net__layer_touches(const struct sim_net__layer *layer, uint32_t from,
                                          uint32_t to) {
    if (layer->kind != SIM_LAYER_SPLIT || layer->spared != NULL)
        return sim_net__layer_touches_rest(layer, from, to);
    uint8_t a = layer->side[from], b = layer->side[to];
    return a != b && a != SIM_SIDE_NONE && b != SIM_SIDE_NONE;
}

/* Every cut in the packet's way bites. */
void sim_net__run_cuts(struct sim_net *net, const struct sim_packet *packet, struct sim_fate *fate);

/* --- delays --- */

static inline weft_duration sim_net__uniform(const struct sim_delay *delay, uint64_t raw) {
    WEFT_ASSERT(delay->b >= delay->a);
    return delay->a + (weft_duration)weft_scale(raw, (uint64_t)(delay->b - delay->a) + 1);
}

/* --- chains --- */

/* One packet on its way through one chain. */
struct sim_net__walk {
    struct sim_net *net;
    const struct sim_packet *packet;
    struct sim_fate *fate;
    uint64_t seed, entity;
    uint32_t from_region, to_region;
    uint32_t owner; /* of the chain: 0: rules; else a layer's serial */
    uint32_t element;
    bool changed; /* by `element` */
};

/* Take the packet through a chain until its end or until no copy is left. Whether that changed
 * anything. */
bool sim_net__run_chain(struct sim_net__walk *walk, const struct sim_chain *chain);
/* The downlinks of a chain: whether there was room; then *wait is longer. */
bool sim_net__run_downlinks(struct sim_net__walk *walk, const struct sim_chain *chain,
                            weft_duration *wait);
bool sim_net__chain_asks_kind(const struct sim_chain *chain);
bool sim_net__chain_has_downlinks(const struct sim_chain *chain);
/* The element that lets nothing through, whatever it is; NULL: there is none. */
const struct sim_element *sim_net__chain_all_lost(const struct sim_chain *chain);
/* It has changed a packet. */
void sim_net__claim(struct sim_net *net, const struct sim_element *element);

uint64_t sim_net__draw(const struct sim_net__walk *walk, enum sim_purpose purpose, uint32_t copy);

/* burst.c: whether the walk's pair of nodes is in a bad spell at a time. */
bool sim_net__is_bad(const struct sim_net__walk *walk, const struct sim_element *burst,
                     weft_time at);

/* rate.c. False: the queue is full. Else *wait is how long until the packet is through. */
bool sim_net__queue_up(struct sim_net__walk *walk, const struct sim_element *rate,
                       weft_duration *wait);

#endif
