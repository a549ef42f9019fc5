/* The sockets of one machine: numbers, ports and binding. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <stdlib.h>
#include <string.h>

#define SLOT_BITS 16
#define SLOTS_MIN 1u
#define PORT_MAX 65535u

static int grow_slots(struct sim_machine *machine) {
    uint32_t count = machine->slots_count == 0 ? SLOTS_MIN : machine->slots_count * 2;
    if (count > SIM_SOCKETS_MAX) return WEFT_ERR_FULL;
    struct sim_slot *slots = realloc(machine->slots, count * sizeof *slots);
    if (slots == NULL) return WEFT_ERR_NOMEM;
    for (uint32_t i = count; i > machine->slots_count; i--) {
        slots[i - 1] = (struct sim_slot){.next_free = machine->slots_free};
        machine->slots_free = i - 1;
    }
    machine->slots = slots;
    machine->slots_count = count;
    return WEFT_OK;
}

int sim_socket_new(struct sim_machine *machine, enum sim_socket_kind kind, size_t size,
                   struct sim_socket **out) {
    WEFT_ASSERT(size >= sizeof **out);
    int rv = machine->slots_free == UINT32_MAX ? grow_slots(machine) : WEFT_OK;
    if (rv != WEFT_OK) return rv;
    struct sim_socket *socket = calloc(1, size);
    if (socket == NULL) return WEFT_ERR_NOMEM;
    uint32_t slot = machine->slots_free;
    machine->slots_free = machine->slots[slot].next_free;
    machine->slots[slot].socket = socket;
    machine->sockets_count++;
    uint64_t serial = ++machine->fabric->berths[machine->node].serials;
    socket->id = serial << SLOT_BITS | slot;
    socket->kind = kind;
    weft_list_init(&socket->link);
    weft_list_init(&socket->unaccepted);
    *out = socket;
    return WEFT_OK;
}

void sim_socket_free(struct sim_machine *machine, struct sim_socket *socket) {
    uint32_t slot = (uint32_t)(socket->id & (SIM_SOCKETS_MAX - 1));
    WEFT_ASSERT(machine->slots[slot].socket == socket);
    WEFT_ASSERT(weft_list_empty(&socket->unaccepted));
    weft_list_remove(&socket->link);
    machine->slots[slot] = (struct sim_slot){.next_free = machine->slots_free};
    machine->slots_free = slot;
    machine->sockets_count--;
    free(socket);
}

struct sim_socket *sim_socket_find(const struct sim_machine *machine, weft_socket id) {
    uint32_t slot = (uint32_t)(id & (SIM_SOCKETS_MAX - 1));
    if (slot >= machine->slots_count) return NULL;
    struct sim_socket *socket = machine->slots[slot].socket;
    return socket != NULL && socket->id == id ? socket : NULL;
}

struct sim_stream *sim_socket_stream(const struct sim_machine *machine, weft_socket id) {
    struct sim_socket *socket = sim_socket_find(machine, id);
    if (socket == NULL || socket->kind != SIM_SOCKET_STREAM) return NULL;
    return WEFT_CONTAINER(socket, struct sim_stream, socket);
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
    for (struct weft_link *at = machine->bound.next; at != &machine->bound; at = at->next) {
        struct sim_socket *socket = WEFT_CONTAINER(at, struct sim_socket, link);
        if (socket->kind == kind && binds(socket, target)) return socket;
    }
    return NULL;
}

struct sim_socket *sim_socket_spread(struct sim_machine *machine, enum sim_socket_kind kind,
                                     const struct sim_parcel *parcel) {
    struct sim_socket *found[WEFT_SCHEDULERS_MAX];
    uint64_t count = 0;
    for (struct weft_link *at = machine->bound.next; at != &machine->bound; at = at->next) {
        struct sim_socket *socket = WEFT_CONTAINER(at, struct sim_socket, link);
        if (socket->kind != kind || !binds(socket, &parcel->target)) continue;
        WEFT_ASSERT(count < WEFT_SCHEDULERS_MAX);
        found[count++] = socket;
    }
    if (count < 2) return count == 1 ? found[0] : NULL;
    uint64_t peer = (uint64_t)parcel->from << 16 | parcel->source.port;
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
    for (struct weft_link *at = machine->bound.next; at != &machine->bound; at = at->next) {
        const struct sim_socket *other = WEFT_CONTAINER(at, struct sim_socket, link);
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
    weft_list_push_back(&machine->bound, &socket->link);
    return WEFT_OK;
}
