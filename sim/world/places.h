/* Places: at which address each machine is, and what NATs do to packets on their way. Private to
 * sim/world.
 *
 * A machine in the open is at 10.a.b.c and fd00::a:b.c, where a.b.c is its number + 1. Each move
 * adds one to the 10 (90 of them, then again from 10) or to the 00: an address says whose it is or
 * was without a table.
 *
 * Behind a NAT the IPv4 address is 192.168.m.h: h its place there, from 2 on, and m its moves. The
 * NAT is outside at the 10.a.b.c of its first machine; those of the others are nobody's. A packet
 * from inside is translated when it is sent. One from outside goes the way to the machine that has
 * the port when it is sent, and is let in, or not, when it arrives. IPv6 is not translated. */
#ifndef SIM_WORLD_PLACES_H
#define SIM_WORLD_PLACES_H

#include "core/base/addr.h"
#include "sim/net/nat.h"
#include "sim/world/world.h"

struct sim_places;

/* Whose an address in the open is or was, and after how many moves (below the 90, or 256).
 * UINT32_MAX: nobody's of `nodes` machines. */
uint32_t sim_addr_owner(const struct weft_addr *addr, uint32_t nodes, uint32_t *moves);

/* The four bytes at the start of an IPv4 address, as a number and back. */
static inline uint32_t sim_addr_v4_word(const struct weft_addr *addr) {
    const unsigned char *ip = addr->ip;
    return (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | ip[3];
}

/* Written in whole words: who reads it next finds it in the store buffer. */
static inline void sim_addr_put_v4(struct weft_addr *addr, uint32_t word, uint16_t port) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t words[2] = {__builtin_bswap32(word), 0};
#else
    uint64_t words[2] = {(uint64_t)word << 32, 0};
#endif
    memcpy(addr->ip, words, sizeof words);
    addr->port = port;
    addr->family = WEFT_FAMILY_V4;
    addr->zero = 0;
}

#define SIM_V4_NET 10u

/* sim_addr_owner where nobody has ever moved. */
static inline uint32_t sim_addr_owner_unmoved(const struct weft_addr *addr, uint32_t nodes) {
    uint32_t word = sim_addr_v4_word(addr), number = word & 0xffffff, moves;
    if (addr->family == WEFT_FAMILY_V4 && word >> 24 == SIM_V4_NET && number - 1 < nodes)
        return number - 1;
    uint32_t node = sim_addr_owner(addr, nodes, &moves);
    return moves == 0 ? node : UINT32_MAX;
}

/* NULL when out of memory. `ranges` is borrowed. Free with NULL: ignored. */
struct sim_places *sim_places_new(uint32_t nodes, uint64_t seed, const struct sim_nat_range *ranges,
                                  uint32_t ranges_count);
void sim_places_free(struct sim_places *places);

/* Wherever `places` is NULL: nobody has moved, and there are no NATs. */

/* Where the machine is, as it sees it. */
struct weft_addr sim_places_addr(const struct sim_places *places, uint32_t node,
                                 struct weft_addr like);

/* Whether it is there: the port does not matter. */
bool sim_places_is_at(const struct sim_places *places, uint32_t node, const struct weft_addr *addr);

/* A packet's ends, and how they change on its way. */
struct sim_route {
    weft_time now;
    bool stream;
    uint32_t from, to; /* `to`: set by depart */
    uint32_t missed;   /* who was at the target, and is no more; UINT32_MAX: not lost for that */
    struct weft_addr source, target;
};

/* A packet leaves: its source as others see it, and whom it goes to. Else why it is lost; `to` is
 * then UINT32_MAX. */
enum sim_loss sim_places_depart(struct sim_places *places, struct sim_route *route);

/* It arrives: its target as the machine sees it. Else why it is lost. */
enum sim_loss sim_places_arrive(struct sim_places *places, struct sim_route *route);

/* It has another address from now on. False when out of memory. */
bool sim_places_move(struct sim_places *places, uint32_t node);
/* Packets so far that a machine sent since it moved, and those noted as missed: to an old address,
 * while it was up. */
void sim_places_missed(struct sim_places *places, uint32_t node);
uint64_t sim_places_move_bites(const struct sim_places *places, uint32_t node);

/* The NAT in front of the machine; UINT32_MAX: none. */
uint32_t sim_places_nat(const struct sim_places *places, uint32_t node);
void sim_places_rebind(struct sim_places *places, uint32_t nat, weft_time now);
uint64_t sim_places_nat_bites(const struct sim_places *places, uint32_t nat);
/* Packets that it was given so far. */
uint64_t sim_places_nat_packets(const struct sim_places *places, uint32_t nat);

#endif
