/* Who is where. */
#include "sim/world/places.h"

#include "core/base/assert.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX
#define V4_NET SIM_V4_NET
#define V4_NETS 90u /* of moves: 10 to 99 */
#define V6_NET 0xfdu
#define HOST_FIRST 2u

struct moved {
    uint32_t times;
    uint32_t bites;
};

struct sim_places {
    uint32_t nodes;
    uint64_t seed;
    const struct sim_nat_range *ranges;
    uint32_t ranges_count, nats_count;
    struct sim_nat **nats; /* NULL until something goes out */
    struct moved *moved;   /* NULL: nobody has */
};

/* A NAT and what is behind it. */
struct behind {
    const struct sim_nat_spec *spec;
    uint32_t nat;          /* its number; NOBODY: none */
    uint32_t first, count; /* machines */
};

/* --- addresses --- */

static uint32_t get_number(const unsigned char *at) {
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static void put_v6(struct weft_addr *addr, uint32_t node, uint32_t moves, uint16_t port) {
    uint32_t number = node + 1;
    *addr = (struct weft_addr){
        .ip = {V6_NET, (unsigned char)moves}, .port = port, .family = WEFT_FAMILY_V6};
    addr->ip[13] = (unsigned char)(number >> 16);
    addr->ip[14] = (unsigned char)(number >> 8);
    addr->ip[15] = (unsigned char)number;
}

static inline struct weft_addr open_addr(uint32_t node, uint32_t moves, enum weft_family family,
                                         uint16_t port) {
    struct weft_addr addr;
    if (family == WEFT_FAMILY_V4)
        sim_addr_put_v4(&addr, (V4_NET + moves % V4_NETS) << 24 | (node + 1), port);
    else
        put_v6(&addr, node, moves, port);
    return addr;
}

struct weft_addr sim_world_addr(uint32_t node, enum weft_family family, uint16_t port) {
    WEFT_ASSERT(node < SIM_WORLD_NODES_MAX);
    WEFT_ASSERT(family == WEFT_FAMILY_V4 || family == WEFT_FAMILY_V6);
    return open_addr(node, 0, family, port);
}

static bool in_v6_net(const struct weft_addr *addr) {
    if (addr->ip[0] != V6_NET) return false;
    for (size_t i = 2; i < 13; i++) {
        if (addr->ip[i] != 0) return false;
    }
    return true;
}

uint32_t sim_addr_owner(const struct weft_addr *addr, uint32_t nodes, uint32_t *moves) {
    uint32_t number = 0;
    *moves = 0;
    if (addr->family == WEFT_FAMILY_V4 && addr->ip[0] - V4_NET < V4_NETS) {
        number = get_number(addr->ip + 1);
        *moves = addr->ip[0] - V4_NET;
    } else if (addr->family == WEFT_FAMILY_V6 && in_v6_net(addr)) {
        number = get_number(addr->ip + 13);
        *moves = addr->ip[1];
    }
    return number >= 1 && number <= nodes ? number - 1 : NOBODY;
}

/* --- NATs --- */

static bool find_behind(const struct sim_places *places, uint32_t node, struct behind *behind) {
    uint32_t nat = 0;
    behind->nat = NOBODY;
    for (uint32_t i = 0; i < places->ranges_count; i++) {
        const struct sim_nat_range *range = &places->ranges[i];
        uint32_t each = range->nodes, at = node - range->first; /* great when it is before */
        if (at < range->count) {
            uint32_t before = at / each * each, left = range->count - before;
            *behind = (struct behind){.spec = &range->spec,
                                      .nat = nat + at / each,
                                      .first = range->first + before,
                                      .count = left < each ? left : each};
            return true;
        }
        nat += (range->count + each - 1) / each;
    }
    return false;
}

static uint32_t count_nats(const struct sim_nat_range *ranges, uint32_t count, uint32_t nodes) {
    uint32_t nats = 0, end = 0;
    for (uint32_t i = 0; i < count; i++) {
        WEFT_ASSERT(ranges[i].count > 0 && ranges[i].first >= end);
        WEFT_ASSERT(ranges[i].nodes > 0 && ranges[i].nodes <= SIM_NAT_NODES_MAX);
        end = ranges[i].first + ranges[i].count;
        WEFT_ASSERT(end <= nodes);
        nats += (ranges[i].count + ranges[i].nodes - 1) / ranges[i].nodes;
    }
    return nats;
}

struct sim_places *sim_places_new(uint32_t nodes, uint64_t seed, const struct sim_nat_range *ranges,
                                  uint32_t ranges_count) {
    struct sim_places *places = calloc(1, sizeof *places);
    if (places == NULL) return NULL;
    *places = (struct sim_places){
        .nodes = nodes, .seed = seed, .ranges = ranges, .ranges_count = ranges_count};
    places->nats_count = count_nats(ranges, ranges_count, nodes);
    places->nats = calloc((size_t)places->nats_count + 1, sizeof(struct sim_nat *));
    if (places->nats != NULL) return places;
    free(places);
    return NULL;
}

void sim_places_free(struct sim_places *places) {
    if (places == NULL) return;
    for (uint32_t i = 0; i < places->nats_count; i++) sim_nat_free(places->nats[i]);
    free(places->nats);
    free(places->moved);
    free(places);
}

/* --- where one is --- */

static uint32_t moves_of(const struct sim_places *places, uint32_t node) {
    return places->moved != NULL ? places->moved[node].times : 0;
}

static struct weft_addr inner_addr(const struct sim_places *places, const struct behind *behind,
                                   uint32_t node, uint16_t port) {
    unsigned char host = (unsigned char)(node - behind->first + HOST_FIRST);
    return weft_addr_v4(192, 168, (unsigned char)moves_of(places, node), host, port);
}

struct weft_addr sim_places_addr(const struct sim_places *places, uint32_t node,
                                 struct weft_addr like) {
    enum weft_family family = (enum weft_family)like.family;
    struct behind behind;
    if (places == NULL) return sim_world_addr(node, family, like.port);
    if (family == WEFT_FAMILY_V4 && find_behind(places, node, &behind))
        return inner_addr(places, &behind, node, like.port);
    return open_addr(node, moves_of(places, node), family, like.port);
}

bool sim_places_is_at(const struct sim_places *places, uint32_t node,
                      const struct weft_addr *addr) {
    struct weft_addr own = sim_places_addr(places, node, *addr);
    return weft_addr_equal(&own, addr);
}

void sim_places_missed(struct sim_places *places, uint32_t node) {
    if (moves_of(places, node) > 0) places->moved[node].bites++;
}

/* --- on the way --- */

static enum sim_loss to_machine(const struct sim_places *places, uint32_t node,
                                const struct weft_addr *target, struct sim_route *route) {
    bool there = sim_places_is_at(places, node, target);
    if (there)
        route->to = node;
    else
        route->missed = node;
    return there ? SIM_LOSS_NONE : SIM_LOSS_MOVED;
}

/* To an address inside, from inside: no NAT sees it. */
static enum sim_loss to_neighbour(const struct sim_places *places, const struct behind *behind,
                                  const struct weft_addr *target, struct sim_route *route) {
    uint32_t place = target->ip[3] - HOST_FIRST; /* great when it is below */
    if (place >= behind->count) return SIM_LOSS_NO_NODE;
    return to_machine(places, behind->first + place, target, route);
}

static struct sim_nat_packet packet_of(const struct sim_route *route) {
    return (struct sim_nat_packet){.now = route->now, .stream = route->stream};
}

static enum sim_loss to_nat(struct sim_places *places, const struct behind *behind,
                            struct sim_route *route) {
    struct sim_nat *nat = places->nats[behind->nat];
    struct sim_nat_packet packet = packet_of(route);
    struct weft_addr inner;
    packet.port = route->target.port;
    if (nat == NULL || !sim_nat_whose(nat, &packet, &inner)) return SIM_LOSS_NAT;
    return to_neighbour(places, behind, &inner, route);
}

static enum sim_loss to_open(struct sim_places *places, struct sim_route *route) {
    uint32_t moves, node = sim_addr_owner(&route->target, places->nodes, &moves);
    struct behind behind;
    if (node == NOBODY) return SIM_LOSS_NO_NODE;
    if (route->target.family == WEFT_FAMILY_V4 && find_behind(places, node, &behind)) {
        bool is_outside = node == behind.first && moves == 0;
        return is_outside ? to_nat(places, &behind, route) : SIM_LOSS_NO_NODE;
    }
    if (moves > 0 && moves_of(places, node) == 0) return SIM_LOSS_NO_NODE;
    return to_machine(places, node, &route->target, route);
}

static struct sim_nat *nat_of(struct sim_places *places, const struct behind *behind) {
    struct sim_nat **nat = &places->nats[behind->nat];
    if (*nat == NULL) *nat = sim_nat_new(behind->spec, places->seed, behind->nat);
    return *nat;
}

static bool is_inside(const struct weft_addr *addr) {
    return addr->family == WEFT_FAMILY_V4 && addr->ip[0] == 192 && addr->ip[1] == 168;
}

static enum sim_loss translate_out(struct sim_places *places, const struct behind *behind,
                                   struct sim_route *route) {
    struct weft_addr outside = sim_world_addr(behind->first, WEFT_FAMILY_V4, 0);
    struct sim_nat *nat = nat_of(places, behind);
    struct sim_nat_packet packet = packet_of(route);
    packet.inner = route->source;
    packet.remote = route->target;
    if (!behind->spec->hairpin && weft_addr_same_host(&outside, &route->target))
        return SIM_LOSS_HAIRPIN;
    enum sim_loss loss = nat != NULL ? sim_nat_out(nat, &packet) : SIM_LOSS_NAT_FULL;
    if (loss != SIM_LOSS_NONE) return loss;
    outside.port = packet.port;
    route->source = outside;
    return SIM_LOSS_NONE;
}

enum sim_loss sim_places_depart(struct sim_places *places, struct sim_route *route) {
    struct behind behind;
    route->to = route->missed = NOBODY;
    sim_places_missed(places, route->from); /* whether it comes from the new address or the old */
    if (!sim_places_is_at(places, route->from, &route->source)) return SIM_LOSS_MOVED;
    if (route->source.family == WEFT_FAMILY_V4 && find_behind(places, route->from, &behind)) {
        if (is_inside(&route->target)) return to_neighbour(places, &behind, &route->target, route);
        enum sim_loss loss = translate_out(places, &behind, route);
        if (loss != SIM_LOSS_NONE) return loss;
    }
    return to_open(places, route);
}

enum sim_loss sim_places_arrive(struct sim_places *places, struct sim_route *route) {
    struct behind behind;
    struct sim_nat_packet packet = packet_of(route);
    WEFT_ASSERT(route->to < places->nodes);
    route->missed = NOBODY;
    if (sim_places_is_at(places, route->to, &route->target)) return SIM_LOSS_NONE;
    if (is_inside(&route->target) || route->target.family != WEFT_FAMILY_V4 ||
        !find_behind(places, route->to, &behind)) {
        route->missed = route->to;
        return SIM_LOSS_MOVED;
    }
    packet.port = route->target.port;
    packet.remote = route->source;
    enum sim_loss loss = sim_nat_in(places->nats[behind.nat], &packet);
    if (loss != SIM_LOSS_NONE) return loss;
    if (!sim_places_is_at(places, route->to, &packet.inner)) return SIM_LOSS_NAT; /* another's */
    route->target = packet.inner;
    return SIM_LOSS_NONE;
}

/* --- faults --- */

bool sim_places_move(struct sim_places *places, uint32_t node) {
    WEFT_ASSERT(node < places->nodes);
    if (places->moved == NULL) places->moved = calloc(places->nodes, sizeof *places->moved);
    if (places->moved == NULL) return false;
    places->moved[node].times++;
    return true;
}

uint64_t sim_places_move_bites(const struct sim_places *places, uint32_t node) {
    return places != NULL && places->moved != NULL ? places->moved[node].bites : 0;
}

uint32_t sim_places_nat(const struct sim_places *places, uint32_t node) {
    struct behind behind;
    if (places == NULL || !find_behind(places, node, &behind)) return NOBODY;
    return behind.nat;
}

void sim_places_rebind(struct sim_places *places, uint32_t nat, weft_time now) {
    WEFT_ASSERT(nat < places->nats_count);
    if (places->nats[nat] != NULL) sim_nat_rebind(places->nats[nat], now);
}

static struct sim_nat_stats stats_of(const struct sim_places *places, uint32_t nat) {
    struct sim_nat_stats stats = {0};
    WEFT_ASSERT(nat < places->nats_count);
    if (places->nats[nat] != NULL) sim_nat_stats(places->nats[nat], &stats);
    return stats;
}

uint64_t sim_places_nat_bites(const struct sim_places *places, uint32_t nat) {
    return stats_of(places, nat).bites;
}

uint64_t sim_places_nat_packets(const struct sim_places *places, uint32_t nat) {
    return stats_of(places, nat).packets;
}
