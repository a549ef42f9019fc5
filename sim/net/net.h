/* Net: what happens to a packet between two nodes. A link is a chain of small elements; each looks
 * at the packet's fate so far and changes it. The same library serves the simulator, a testbed's
 * switch and a daemon's fault layer: it knows virtual time and node numbers, nothing else.
 *
 * Cost is per packet. Of pairs of nodes nothing is kept but of those that have packets in a queue
 * or held back at this moment; all else is a function of the seed, the pair, the packet and the
 * time.
 *
 * Faults are layers on top: any number may act at once, each is taken away by its own number, and
 * none clobbers another. Integers only. */
#ifndef SIM_NET_NET_H
#define SIM_NET_NET_H

#include "core/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- delays --- */

#define SIM_SHAPE_MIN 100
#define SIM_SHAPE_MAX 100000

/* 0 is no delay at all. */
enum sim_delay_kind {
    SIM_DELAY_CONSTANT = 1,
    SIM_DELAY_UNIFORM,
    SIM_DELAY_LOGNORMAL,
    SIM_DELAY_REGIONS,
    SIM_DELAY_EXPONENTIAL,
    SIM_DELAY_PARETO,
    SIM_DELAY_WEIBULL,
    SIM_DELAY_SAMPLES
};

#define SIM_REGIONS_MAX 64
#define SIM_REGION_NAME_MAX 32
#define SIM_REGION_DRAWN 255

/* One-way delays between regions. */
struct sim_regions {
    uint32_t count;
    uint32_t share_ppm[SIM_REGIONS_MAX]; /* of the nodes that are drawn; all 0: each as likely */
    char name[SIM_REGIONS_MAX][SIM_REGION_NAME_MAX];
    weft_duration delay[SIM_REGIONS_MAX][SIM_REGIONS_MAX];
};

/* What was measured: each is as likely. */
struct sim_samples {
    uint32_t count; /* at least 1 */
    weft_duration sorted[];
};

/* A duration with a distribution. */
struct sim_delay {
    enum sim_delay_kind kind;
    uint32_t pair;   /* of an element DELAY. 0: drawn for each packet; else once for each pair of
                        nodes, both ways alike: by seed, pair and this number; nothing is kept */
    weft_duration a; /* CONSTANT: it; UNIFORM, PARETO: least; LOGNORMAL: median; REGIONS: within
                        one; EXPONENTIAL: mean beyond b; WEIBULL: scale */
    weft_duration b; /* UNIFORM: greatest; EXPONENTIAL: least */
    uint32_t sigma_milli; /* LOGNORMAL: sigma of ln, thousandths, <= 3000; REGIONS: of a
                             log-normal factor around the matrix, 0: none */
    uint32_t shape_milli; /* PARETO, WEIBULL: shape, thousandths, SIM_SHAPE_MIN .. SIM_SHAPE_MAX */
    const struct sim_regions *regions; /* REGIONS */
    const struct sim_samples *samples; /* SAMPLES; a: the least */
};

/* The delay a raw draw stands for. `from` and `to` are regions (REGIONS only). Integer tables:
 * every machine computes the same, within 0.5 % of the exact quantile. Never negative. The normal
 * distribution is cut at 6.34 sigma (a chance of 2^-33 a side); exponential, Pareto and Weibull
 * (whose draws are of -ln) at a chance of 2^-64. What does not fit sticks at WEFT_TIME_NEVER. */
weft_duration sim_delay_sample(const struct sim_delay *delay, uint64_t raw, uint32_t from,
                               uint32_t to);

/* The least delay it can give. */
weft_duration sim_delay_least(const struct sim_delay *delay);

/* --- links --- */

/* Elements act in the order of the chain, each on every copy there is so far. A stream's packet is
 * never doubled; lost by chance, or damaged (its checksum tells), it comes later by 200 ms, and by
 * twice as much with each further loss, eight at most. A loss of 1,000,000 ppm is no chance: it
 * loses a stream's packet too. */
enum sim_element_kind {
    SIM_ELEMENT_DELAY = 1, /* delay */
    SIM_ELEMENT_LOSS,      /* ppm; of `kinds` only, unless 0 */
    SIM_ELEMENT_DUPLICATE, /* ppm: one more copy, later than the first by a `delay` of its own */
    SIM_ELEMENT_REORDER,   /* ppm: held back by `delay` more */
    SIM_ELEMENT_BURST,     /* ppm, in bad spells only: the model of Gilbert and Elliott, in time */
    SIM_ELEMENT_CORRUPT,   /* ppm: 1 to `bits` bits are flipped */
    SIM_ELEMENT_RATE,      /* a queue before a line of so many bytes a second */
    SIM_ELEMENT_MTU,       /* datagrams larger than `mtu` are lost */
    SIM_ELEMENT_HOLD       /* until a time, then all at once, in order */
};

/* Whose queue it is. A downlink's is met on arrival (sim_net_arrive), the others' on departure. */
enum sim_rate_of { SIM_RATE_LINK = 0, SIM_RATE_UPLINK, SIM_RATE_DOWNLINK };

/* What a datagram and each 1,460 bytes of a stream take on the wire beside their bytes. */
#define SIM_DATAGRAM_HEADERS 28u
#define SIM_STREAM_HEADERS 40u

#define SIM_CORRUPT_BITS_MAX 64

struct sim_element {
    enum sim_element_kind kind;
    uint32_t ppm;
    struct sim_delay delay;
    union {
        uint32_t kinds; /* LOSS: a bit for each kind of packet; 0: all */
        struct {
            weft_duration good, bad; /* means, > 0: spells of both are exponential */
        } burst;
        uint32_t bits; /* CORRUPT: 1 .. SIM_CORRUPT_BITS_MAX */
        struct {
            uint64_t bytes; /* a second, > 0 */
            uint32_t queue; /* bytes that wait at most: a datagram that finds no room is lost; a
                               stream's packet waits, as its sender would */
            uint32_t id;    /* rules with the same id share their queues */
            enum sim_rate_of of;
        } rate;
        uint32_t mtu;    /* with headers */
        weft_time until; /* HOLD */
    };
    uint32_t claim; /* what is counted together: sim_net_claim_bites; 0: not counted */
};

#define SIM_ELEMENTS_MAX 12
#define SIM_COPIES_MAX 4

struct sim_chain {
    struct sim_element elements[SIM_ELEMENTS_MAX];
    uint32_t count;
};

/* The least delay a chain can give; whatever else is on can only add to it. */
weft_duration sim_chain_least(const struct sim_chain *chain);

/* A rule says which pairs of nodes a chain is for: both ends by group (SIM_GROUP_ANY: all). The
 * last rule that matches counts; rule 0 is the default and matches all. */
#define SIM_GROUP_ANY UINT32_MAX
#define SIM_RULES_MAX 32

struct sim_rule {
    uint32_t from_group, to_group;
    struct sim_chain chain;
};

struct sim_net_spec {
    struct sim_rule rules[SIM_RULES_MAX]; /* rules[0] is the default */
    uint32_t rules_count;                 /* >= 1 */
    struct sim_regions *regions;          /* NULL: one region; owned by whoever made the spec */
    uint32_t claims_count;                /* the greatest claim of an element, of layers as well */
    const uint8_t *region_of_group;       /* SIM_REGION_DRAWN, or where its nodes are; borrowed.
                                             NULL: all are drawn */
};

/* The least delay between any two nodes. */
weft_duration sim_net_least(const struct sim_net_spec *spec);

struct sim_net;

/* A network of `nodes` nodes. `group_of[i]` is node i's group (NULL: all 0). Both are borrowed.
 * NULL when out of memory. */
struct sim_net *sim_net_new(const struct sim_net_spec *spec, uint32_t nodes,
                            const uint32_t *group_of, uint64_t seed);
void sim_net_free(struct sim_net *net);

/* How many regions there are, at least one; that of a node: its group's, or drawn, and stable; and
 * the name of one, "" where there is no matrix. */
uint32_t sim_net_regions(const struct sim_net *net);
uint32_t sim_net_region(const struct sim_net *net, uint32_t node);
const char *sim_net_region_name(const struct sim_net *net, uint32_t region);

/* Memory of queues and of what is held back: of links that are active. */
size_t sim_net_links_memory(const struct sim_net *net);

/* --- one packet --- */

/* Why a packet was lost: `cause` of PACKET_LOST. */
enum sim_loss {
    SIM_LOSS_NONE = 0,
    SIM_LOSS_LINK,
    SIM_LOSS_CUT,
    SIM_LOSS_NO_NODE,
    SIM_LOSS_NO_SOCKET,
    SIM_LOSS_FAULT,      /* by the chain of a layer */
    SIM_LOSS_MOVED,      /* from or to an address that the node has no more */
    SIM_LOSS_NAT,        /* to a port of a NAT that nobody has */
    SIM_LOSS_NAT_FILTER, /* from somebody a NAT does not let in */
    SIM_LOSS_NAT_FULL,   /* a NAT has no room for one more binding */
    SIM_LOSS_HAIRPIN     /* from behind a NAT to its own outside */
};

#define SIM_PACKET_KINDS_MAX 32

struct sim_packet {
    uint32_t from, to;
    uint32_t size;   /* of its bytes, without headers */
    uint32_t kind;   /* what it is, when sim_net_asks_kind; < SIM_PACKET_KINDS_MAX */
    uint64_t number; /* of the sender, unique, below 2^48: keys every draw */
    weft_time now;   /* when it is sent; or arrives, for sim_net_arrive */
    bool stream;     /* carries a stream's bytes: a loss becomes a retransmission's delay */
};

/* What becomes of it. copies == 0: lost, and `cause` says why. */
struct sim_fate {
    uint32_t copies;
    weft_duration delay[SIM_COPIES_MAX]; /* this and the next: of as many as there are copies */
    uint64_t damage[SIM_COPIES_MAX];     /* for sim_net_damage; 0: none */
    enum sim_loss cause;
    uint32_t cut_by; /* the layer that dropped it, SIM_LAYER_NONE if none did */
};

/* One copy, which nothing has happened to. */
static inline void sim_fate_init(struct sim_fate *fate) {
    fate->copies = 1;
    fate->delay[0] = 0;
    fate->damage[0] = 0;
    fate->cause = SIM_LOSS_NONE;
    fate->cut_by = UINT32_MAX; /* SIM_LAYER_NONE */
}

/* Whether the packet `number` from `from` arrives at `to` once, as it was sent, and neither rule
 * nor layer is to be asked more than for its delay; then how long it takes. False: sim_net_fate
 * knows.
 */
bool sim_net_just_delays(struct sim_net *net, uint32_t from, uint32_t to, uint64_t number,
                         weft_duration *delay);

void sim_net_fate(struct sim_net *net, const struct sim_packet *packet, struct sim_fate *fate);

/* Flip the bits that a fate's damage says. */
void sim_net_damage(uint64_t damage, unsigned char *bytes, size_t size);

/* Whether a rule or a layer that is on looks at what a packet is. */
bool sim_net_asks_kind(const struct sim_net *net);

/* What every network begins with, for the call below that is made for each packet: its alone. */
struct sim_net__face {
    uint32_t downlinks; /* rules or layers with some */
};

/* Whether there are downlinks, so that each packet that arrives is to go through sim_net_arrive. */
static inline bool sim_net_has_downlinks(const struct sim_net *net) {
    return ((const struct sim_net__face *)net)->downlinks > 0;
}

/* A packet has come to its receiver's downlink. LINK or FAULT: its queue has no room. NONE: it is
 * through after *wait. */
enum sim_loss sim_net_arrive(struct sim_net *net, const struct sim_packet *packet,
                             weft_duration *wait);

/* --- faults as layers --- */

typedef uint32_t sim_layer;
#define SIM_LAYER_NONE UINT32_MAX
#define SIM_LAYERS_MAX 256

/* Of a node that a SPLIT or ONE_WAY layer does not touch. */
#define SIM_SIDE_NONE 255

/* Of a CHAIN layer, as bits: packets from or to it; packets from a FROM to a TO. */
#define SIM_SIDE_EITHER 1
#define SIM_SIDE_FROM 2
#define SIM_SIDE_TO 4

/* Of a node that a RING layer does not touch. */
#define SIM_RANK_NONE UINT32_MAX

enum sim_layer_kind {
    SIM_LAYER_SPLIT = 1, /* packets between different sides are lost */
    SIM_LAYER_ONE_WAY,   /* packets from side 0 to side 1 are lost; the other way they pass */
    SIM_LAYER_ISOLATE,   /* packets from or to side 1 are lost, within it too */
    SIM_LAYER_RING,      /* packets between nodes further apart on a ring than `reach` are lost */
    SIM_LAYER_CHAIN      /* packets that its sides say go through `chain` as well */
};

struct sim_layer_spec {
    enum sim_layer_kind kind;
    const uint8_t *side;           /* side of each node; copied. RING: NULL */
    const struct sim_chain *chain; /* CHAIN; copied */
    uint64_t key; /* CHAIN: what its draws are keyed by, so that they do not depend on which other
                     layers are on; 0: its number */
    const uint32_t *rank; /* RING: place of each node, 0 .. ring_count - 1; copied */
    uint32_t ring_count, reach;
};

/* Put a layer on. WEFT_ERR_FULL (SIM_LAYERS_MAX at once), WEFT_ERR_NOMEM */
int sim_net_layer_on(struct sim_net *net, const struct sim_layer_spec *spec, sim_layer *out);
void sim_net_layer_off(struct sim_net *net, sim_layer layer);

/* Let it do nothing for a while, and again what it does. It keeps its number and its bites. */
void sim_net_layer_rest(struct sim_net *net, sim_layer layer, bool rest);

/* Another chain from now on, for a CHAIN layer. */
void sim_net_layer_change(struct sim_net *net, sim_layer layer, const struct sim_chain *chain);

/* It touches no packet with both ends in `nodes` any more: borrowed while the layer is on. */
void sim_net_layer_spare(struct sim_net *net, sim_layer layer, const bool *nodes);

/* How many packets the layer changed (dropped, delayed, doubled, damaged) since it was put on.
 * Several cuts in the way of one packet all count it. Kept after the layer is off until its number
 * is reused. */
uint64_t sim_net_layer_bites(const struct sim_net *net, sim_layer layer);

/* How many packets the elements of a claim have changed so far, in rules and in layers. */
uint64_t sim_net_claim_bites(const struct sim_net *net, uint32_t claim);

/* Whether a packet from `from` to `to` would be dropped by a cut right now (not by chance): what
 * a stream needs to know to stall. A loss of 1,000,000 ppm, of all kinds, is a cut. */
bool sim_net_cut(const struct sim_net *net, uint32_t from, uint32_t to);

/* What was long under way from `from` to `to` is there now, if no layer is a cut by now: NONE. Else
 * it is lost, CUT or FAULT, and what cut it bites. */
enum sim_loss sim_net_through(struct sim_net *net, uint32_t from, uint32_t to);

#endif
