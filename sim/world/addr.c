/* Addresses of simulated nodes. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#define V4_NET 10u
#define V6_NET 0xfdu

static void put_number(unsigned char *at, uint32_t number) {
    at[0] = (unsigned char)(number >> 16);
    at[1] = (unsigned char)(number >> 8);
    at[2] = (unsigned char)number;
}

static uint32_t get_number(const unsigned char *at) {
    return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static bool in_v6_net(const struct weft_addr *addr) {
    if (addr->ip[0] != V6_NET) return false;
    for (size_t i = 1; i < 13; i++) {
        if (addr->ip[i] != 0) return false;
    }
    return true;
}

struct weft_addr sim_world_addr(uint32_t node, enum weft_family family, uint16_t port) {
    WEFT_ASSERT(node < SIM_WORLD_NODES_MAX);
    WEFT_ASSERT(family == WEFT_FAMILY_V4 || family == WEFT_FAMILY_V6);
    struct weft_addr addr = {.port = port, .family = (uint8_t)family};
    if (family == WEFT_FAMILY_V4) {
        addr.ip[0] = V4_NET;
        put_number(addr.ip + 1, node + 1);
    } else {
        addr.ip[0] = V6_NET;
        put_number(addr.ip + 13, node + 1);
    }
    return addr;
}

static uint32_t number_of(const struct weft_addr *addr) {
    if (addr->family == WEFT_FAMILY_V4 && addr->ip[0] == V4_NET) return get_number(addr->ip + 1);
    if (addr->family == WEFT_FAMILY_V6 && in_v6_net(addr)) return get_number(addr->ip + 13);
    return 0;
}

uint32_t sim_fabric__node_at(const struct sim_fabric *fabric, const struct weft_addr *addr) {
    uint32_t number = number_of(addr);
    return number >= 1 && number <= fabric->config.nodes ? number - 1 : UINT32_MAX;
}
