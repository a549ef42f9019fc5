/* Streams of a machine that are ended from outside, all at once. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

static void reset(struct sim_machine *machine, struct sim_stream *stream) {
    sim_stream_send_reset(machine, stream);
    sim_stream_fail(machine, stream, WEFT_ERR_RESET);
}

static void forget(struct sim_machine *machine, struct sim_stream *stream) {
    sim_stream_fail(machine, stream, WEFT_ERR_TIMEOUT);
}

/* By index: whoever is told may close its socket, or open another. */
static uint32_t end_all(struct sim_fabric *fabric, uint32_t node,
                        void (*end)(struct sim_machine *, struct sim_stream *)) {
    WEFT_ASSERT(node < fabric->config.nodes);
    struct sim_machine *machine = fabric->berths[node].machine;
    uint32_t count = 0;
    if (machine == NULL) return 0;
    for (uint32_t i = 0; i < machine->slots_count; i++) {
        struct sim_socket *socket = sim_socket_at(machine, i);
        if (socket == NULL || socket->kind != SIM_SOCKET_STREAM) continue;
        struct sim_stream *stream = WEFT_CONTAINER(socket, struct sim_stream, socket);
        weft_socket id = socket->id;
        if (stream->state != SIM_STREAM_OPEN) continue;
        end(machine, stream);
        sim_fabric__tell_stream(machine, id);
        count++;
    }
    sim_fabric__reap(machine);
    return count;
}

uint32_t sim_fabric_reset_streams(struct sim_fabric *fabric, uint32_t node) {
    return end_all(fabric, node, reset);
}

uint32_t sim_fabric_forget_streams(struct sim_fabric *fabric, uint32_t node) {
    return end_all(fabric, node, forget);
}
