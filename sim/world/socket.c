/* The sockets of one machine: numbers, ports and binding. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_BITS 16
#define SLOTS_MIN 1u
#define PORT_MAX 65535u

static union sim_slot *slot_at(struct sim_machine *machine, uint32_t slot) {
    WEFT_ASSERT(slot < machine->slots_count);
    return machine->slots_count > 1 ? &machine->slots[slot] : &machine->slot; /* I1 */
}

static void free_slot(struct sim_machine *machine, uint32_t slot) {
    slot_at(machine, slot)->free = (uint64_t)machine->slots_free << 1 | 1;
    machine->slots_free = slot;
}

/* The first is in the machine. NULL: no memory. */
static union sim_slot *table_of(const struct sim_machine *machine, uint32_t count) {
    if (machine->slots_count > 1) return realloc(machine->slots, count * sizeof *machine->slots);
    union sim_slot *slots = malloc(count * sizeof *slots);
    if (slots != NULL) slots[0] = machine->slot;
    return slots;
}

static int grow_slots(struct sim_machine *machine) {
    uint32_t before = machine->slots_count, count = before == 0 ? SLOTS_MIN : before * 2;
    if (count > SIM_SOCKETS_MAX) return WEFT_ERR_FULL;
    if (count > 1) {
        union sim_slot *slots = table_of(machine, count);
        if (slots == NULL) return WEFT_ERR_NOMEM;
        machine->slots = slots;
    }
    machine->slots_count = count;
    for (uint32_t i = count; i > before; i--) free_slot(machine, i - 1);
    return WEFT_OK;
}

static struct sim_socket *allocate(struct sim_machine *machine, enum sim_socket_kind kind,
                                   size_t size) {
    bool in_machine = kind == SIM_SOCKET_DATAGRAM && !machine->own_socket_used;
    WEFT_ASSERT((size == sizeof(struct sim_socket)) == (kind == SIM_SOCKET_DATAGRAM));
    if (!in_machine) return calloc(1, size);
    machine->own_socket_used = true;
    return memset(&machine->own_socket, 0, sizeof machine->own_socket);
}

static void release(struct sim_machine *machine, struct sim_socket *socket) {
    if (socket == &machine->own_socket)
        machine->own_socket_used = false;
    else
        free(socket);
}

int sim_socket_new(struct sim_machine *machine, enum sim_socket_kind kind, size_t size,
                   struct sim_socket **out) {
    int rv = machine->slots_free == UINT32_MAX ? grow_slots(machine) : WEFT_OK;
    if (rv != WEFT_OK) return rv;
    struct sim_socket *socket = allocate(machine, kind, size);
    if (socket == NULL) return WEFT_ERR_NOMEM;
    uint32_t slot = machine->slots_free;
    union sim_slot *at = slot_at(machine, slot);
    machine->slots_free = (uint32_t)(at->free >> 1);
    at->socket = socket;
    machine->sockets_count++;
    socket->id = sim_fabric__serial(machine) << SLOT_BITS | slot;
    socket->kind = kind;
    *out = socket;
    return WEFT_OK;
}

/* Harmless when it is not bound. */
static void unbind(struct sim_machine *machine, const struct sim_socket *socket) {
    struct sim_socket **at = &machine->bound;
    while (*at != NULL && *at != socket) at = &(*at)->bound_next;
    if (*at != NULL) *at = socket->bound_next;
}

void sim_socket_free(struct sim_machine *machine, struct sim_socket *socket) {
    uint32_t slot = (uint32_t)(socket->id & (SIM_SOCKETS_MAX - 1));
    WEFT_ASSERT(sim_socket_at(machine, slot) == socket);
    if (socket->kind != SIM_SOCKET_STREAM) unbind(machine, socket);
    free_slot(machine, slot);
    machine->sockets_count--;
    release(machine, socket);
}

struct sim_stream *sim_socket_stream(const struct sim_machine *machine, weft_socket id) {
    struct sim_socket *socket = sim_socket_find(machine, id);
    if (socket == NULL || socket->kind != SIM_SOCKET_STREAM) return NULL;
    return WEFT_CONTAINER(socket, struct sim_stream, socket);
}

struct sim_listener *sim_socket_listener(const struct sim_machine *machine, weft_socket id) {
    struct sim_socket *socket = sim_socket_find(machine, id);
    if (socket == NULL || socket->kind != SIM_SOCKET_LISTENER) return NULL;
    return WEFT_CONTAINER(socket, struct sim_listener, socket);
}

bool sim_socket_is_wildcard(const struct sim_socket *socket) {
    return weft_addr_is_any(&socket->local);
}

static bool binds(const struct sim_socket *socket, const struct weft_addr *target) {
    if (socket->local.port != target->port || socket->local.family != target->family) return false;
    return weft_addr_same_host(&socket->local, target) || weft_addr_is_any(&socket->local) ||
           weft_addr_is_any(target);
}

struct sim_socket *sim_socket_bound(struct sim_machine *machine, enum sim_socket_kind kind,
                                    const struct weft_addr *target) {
    for (struct sim_socket *socket = machine->bound; socket; socket = socket->bound_next) {
        if (socket->kind == kind && binds(socket, target)) return socket;
    }
    return NULL;
}

/* Whether it is a parcel's target. Where nobody ever moved a socket has its machine's address, or
 * any. */
static inline bool is_target(const struct sim_socket *socket, const struct sim_parcel *parcel) {
    if (parcel->has_ends) return binds(socket, &sim_parcel_ends(parcel)->target);
    return socket->local.port == parcel->target_port && socket->local.family == parcel->family;
}

struct sim_socket *sim_socket_spread(struct sim_machine *machine, enum sim_socket_kind kind,
                                     const struct sim_parcel *parcel) {
    struct sim_socket *found[WEFT_SCHEDULERS_MAX];
    uint64_t count = 0;
    for (struct sim_socket *socket = machine->bound; socket; socket = socket->bound_next) {
        if (socket->kind != kind || !is_target(socket, parcel)) continue;
        WEFT_ASSERT(count < WEFT_SCHEDULERS_MAX);
        found[count++] = socket;
    }
    if (count < 2) return count == 1 ? found[0] : NULL;
    uint16_t port = parcel->has_ends ? sim_parcel_ends(parcel)->source.port : parcel->source_port;
    uint64_t peer = (uint64_t)parcel->from << 16 | port;
    uint64_t raw =
        sim_engine_draw(machine->fabric->config.engine, SIM_DRAW_SPREAD, machine->node, peer);
    return found[weft_scale(raw, count)];
}

uint16_t sim_socket_port(struct sim_machine *machine, enum sim_socket_kind kind,
                         enum weft_family family) {
    struct weft_addr local = {.family = (uint8_t)family};
    for (uint32_t tries = SIM_PORT_EPHEMERAL; tries <= PORT_MAX; tries++) {
        local.port = machine->port_next;
        machine->port_next = machine->port_next == PORT_MAX ? SIM_PORT_EPHEMERAL
                                                            : (uint16_t)(machine->port_next + 1);
        if (sim_socket_bound(machine, kind, &local) == NULL) return local.port;
    }
    return 0;
}

static bool is_ours(const struct sim_machine *machine, const struct weft_addr *addr) {
    if (addr->family != WEFT_FAMILY_V4 && addr->family != WEFT_FAMILY_V6) return false;
    if (weft_addr_is_any(addr)) return true;
    return sim_places_is_at(machine->fabric->places, machine->node, addr);
}

/* Each scheduler may have one there. */
static bool is_taken(const struct sim_machine *machine, const struct sim_socket *socket,
                     const struct weft_addr *local) {
    uint32_t (*part_of)(uint64_t owner) = machine->fabric->config.part_of;
    for (const struct sim_socket *other = machine->bound; other; other = other->bound_next) {
        if (other->kind != socket->kind || !binds(other, local)) continue;
        if (part_of == NULL || !weft_addr_equal(&other->local, local)) return true;
        if (part_of(other->owner) == part_of(socket->owner)) return true;
    }
    return false;
}

int sim_socket_bind(struct sim_machine *machine, struct sim_socket *socket,
                    struct weft_addr *local) {
    WEFT_ASSERT(socket->kind != SIM_SOCKET_STREAM);
    if (!is_ours(machine, local)) return WEFT_ERR_INVAL;
    if (local->port == 0) {
        uint16_t port = sim_socket_port(machine, socket->kind, (enum weft_family)local->family);
        if (port == 0) return WEFT_ERR_IN_USE;
        local->port = port;
    } else if (is_taken(machine, socket, local)) {
        return WEFT_ERR_IN_USE;
    }
    socket->local = *local;
    struct sim_socket **last = &machine->bound;
    while (*last != NULL) last = &(*last)->bound_next;
    *last = socket;
    return WEFT_OK;
}
