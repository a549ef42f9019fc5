/* Nat: one address translator, as a machine. A packet and the time go in; its endpoint on the other
 * side comes out, or why it is dropped. It knows endpoints, no nodes, and draws its ports by key.
 *
 * Types by RFC 3489, and what they do by RFC 4787:
 *
 *   type               one port outside for each          lets in what comes from
 *   FULL_CONE          endpoint inside                     anybody
 *   RESTRICTED         endpoint inside                     an address that was written to
 *   PORT_RESTRICTED    endpoint inside                     an endpoint that was written to
 *   SYMMETRIC          endpoint inside and one written to  that endpoint
 *
 * The first three keep the port from inside where it is free; else, and SYMMETRIC always, it is
 * drawn. No port is given twice. Datagrams and streams have ports of their own. A binding ends its
 * lifetime after the last packet that went out (RFC 4787, REQ-6); of a stream, that went either
 * way; the end of the stream does not end it.
 *
 * Cost is O(1) a packet, and memory that of the bindings there are. */
#ifndef SIM_NET_NAT_H
#define SIM_NET_NAT_H

#include "core/base/addr.h"
#include "core/base/time.h"
#include "sim/net/net.h"

enum sim_nat_type {
    SIM_NAT_FULL_CONE = 1,
    SIM_NAT_RESTRICTED,
    SIM_NAT_PORT_RESTRICTED,
    SIM_NAT_SYMMETRIC
};

#define SIM_NAT_LIFETIME WEFT_MIN(2)          /* RFC 4787, REQ-5: no shorter */
#define SIM_NAT_STREAM_LIFETIME WEFT_MIN(124) /* RFC 5382, REQ-5 */
#define SIM_NAT_BINDINGS 4096u
#define SIM_NAT_BINDINGS_MAX 64512u /* ports from SIM_NAT_PORT_FIRST on */
#define SIM_NAT_PORT_FIRST 1024u

struct sim_nat_spec {
    enum sim_nat_type type;
    weft_duration lifetime, stream_lifetime;
    uint32_t bindings_max; /* and as many permits: pairs of a binding and whom it lets in */
    bool hairpin;          /* from inside to an outer port of this NAT; else dropped */
};

struct sim_nat;

/* `number`, among the NATs of `seed`: keys its draws. NULL when out of memory. */
struct sim_nat *sim_nat_new(const struct sim_nat_spec *spec, uint64_t seed, uint64_t number);
void sim_nat_free(struct sim_nat *nat);

struct sim_nat_packet {
    weft_time now; /* never goes back */
    bool stream;
    struct weft_addr inner;  /* out: who sends it; in: told, whose it is */
    uint16_t port;           /* outside. Out: told; in: where it came */
    struct weft_addr remote; /* the other end */
};

/* A packet goes out: makes or renews a binding.
 *   SIM_LOSS_NONE      `port` is set
 *   SIM_LOSS_NAT_FULL  no room for a binding or a permit, or no port */
enum sim_loss sim_nat_out(struct sim_nat *nat, struct sim_nat_packet *packet);

/* A packet comes in.
 *   SIM_LOSS_NONE        `inner` is set
 *   SIM_LOSS_NAT         nobody has that port (any more)
 *   SIM_LOSS_NAT_FILTER  from somebody it does not let in */
enum sim_loss sim_nat_in(struct sim_nat *nat, struct sim_nat_packet *packet);

/* Whose the port is, for a packet on its way to it: *inner. False: nobody's, and it is lost. */
bool sim_nat_whose(struct sim_nat *nat, const struct sim_nat_packet *packet,
                   struct weft_addr *inner);

/* Every binding ends; those that come instead of them have other ports. */
void sim_nat_rebind(struct sim_nat *nat, weft_time now);

struct sim_nat_stats {
    uint32_t bindings, permits; /* now, as far as it has noticed what ran out */
    /* By rebind: packets for a port that was taken away, and bindings that came instead. */
    uint64_t bites;
    uint64_t packets; /* that it was given, either way */
};

void sim_nat_stats(const struct sim_nat *nat, struct sim_nat_stats *stats);

#endif
