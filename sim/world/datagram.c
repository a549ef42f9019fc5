/* Datagrams: what UDP does. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <string.h>

int sim_datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                      weft_socket *out) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_socket *socket;
    int rv = sim_socket_new(machine, SIM_SOCKET_DATAGRAM, sizeof *socket, &socket);
    if (rv != WEFT_OK) return rv;
    socket->owner = owner;
    rv = sim_socket_bind(machine, socket, local);
    if (rv != WEFT_OK) {
        sim_socket_free(machine, socket);
        return rv;
    }
    *out = socket->id;
    return WEFT_OK;
}

/* From a wildcard address goes out what the route says: the machine's own of today. */
static struct weft_addr source_of(const struct sim_machine *machine,
                                  const struct sim_socket *socket) {
    if (!sim_socket_is_wildcard(socket)) return socket->local;
    return sim_fabric__addr(machine, socket->local);
}

int sim_datagram_send(struct weft_env *env, weft_socket id, const struct weft_addr *to,
                      const void *data, size_t size) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_fabric *fabric = machine->fabric;
    if (sim_fabric__refused(machine, SIM_POINT_NET, "datagram_send", 0))
        return WEFT_ERR_AGAIN; /* dropped, as at a full queue */
    const struct sim_socket *socket = sim_socket_find(machine, id);
    if (socket == NULL || socket->kind != SIM_SOCKET_DATAGRAM) return WEFT_ERR_INVAL;
    if (to->family != socket->local.family || to->port == 0) return WEFT_ERR_INVAL;
    if (size > WEFT_DATAGRAM_MAX) return WEFT_ERR_TOO_BIG;
    uint32_t node = UINT32_MAX; /* its ends have to say who it is */
    if (fabric->places == NULL) node = sim_addr_owner_unmoved(to, fabric->config.nodes);
    struct sim_parcel *parcel = sim_parcel_new(fabric, (uint32_t)size, node == UINT32_MAX);
    if (parcel == NULL) return WEFT_ERR_AGAIN;
    parcel->kind = SIM_PARCEL_DATAGRAM;
    parcel->from = machine->node;
    parcel->to = node;
    parcel->family = to->family;
    parcel->source_port = socket->local.port;
    parcel->target_port = to->port;
    if (node == UINT32_MAX) {
        sim_parcel_ends(parcel)->source = source_of(machine, socket);
        sim_parcel_ends(parcel)->target = *to;
    }
    if (size > 0) memcpy(parcel->bytes, data, size);
    sim_parcel_send_take(fabric, parcel, NULL);
    return WEFT_OK;
}

/* Most machines have one socket, and nobody has ever moved. */
static inline struct sim_socket *socket_for(struct sim_machine *machine,
                                            const struct sim_parcel *parcel) {
    struct sim_socket *first = machine->bound;
    bool alone = first != NULL && first->bound_next == NULL;
    if (alone && !parcel->has_ends && first->kind == SIM_SOCKET_DATAGRAM &&
        first->local.port == parcel->target_port && first->local.family == parcel->family)
        return first;
    return sim_socket_spread(machine, SIM_SOCKET_DATAGRAM, parcel);
}

void sim_datagram_receive(struct sim_machine *machine, struct sim_parcel *parcel) {
    WEFT_ASSERT(parcel->kind == SIM_PARCEL_DATAGRAM);
    bool deaf = sim_fabric__deaf(machine);
    struct sim_socket *socket = socket_for(machine, parcel);
    if (socket == NULL) {
        sim_parcel_lost(machine->fabric, parcel, SIM_LOSS_NO_SOCKET);
        return;
    }
    if (deaf) {
        uint32_t held = parcel->size + SIM_DATAGRAM_OVERHEAD;
        if (held > SIM_RECEIVE_BUFFER - socket->waiting) {
            sim_parcel_lost(machine->fabric, parcel, SIM_LOSS_FAULT);
            return;
        }
        socket->waiting += held;
    }
    sim_parcel_received(machine->fabric, parcel);
    struct weft_event event = {.kind = WEFT_EVENT_DATAGRAM,
                               .owner = socket->owner,
                               .socket = socket->id,
                               .data = parcel->bytes,
                               .size = parcel->size};
    sim_parcel_source(parcel, &event.from);
    if (deaf)
        sim_fabric__tell(machine, &event, parcel);
    else
        sim_fabric__deliver(machine, &event);
}
