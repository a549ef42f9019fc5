/* The sending half of a stream. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

static struct sim_parcel *parcel_for(struct sim_machine *machine, struct sim_stream *stream,
                                     enum sim_parcel_kind kind, uint32_t size) {
    struct sim_parcel *parcel = sim_parcel_new(machine->fabric, size, true);
    WEFT_ASSERT(parcel != NULL); /* it would be lost, and a loss has to be modelled */
    parcel->kind = (uint8_t)kind;
    parcel->from = machine->node;
    sim_parcel_ends(parcel)->source = stream->socket.local;
    sim_parcel_ends(parcel)->target = stream->remote;
    sim_parcel_ends(parcel)->from_socket = stream->socket.id;
    sim_parcel_ends(parcel)->to_socket = stream->peer_socket;
    sim_parcel_ends(parcel)->seq = stream->next;
    sim_parcel_ends(parcel)->ack = stream->expected + (stream->peer_finished ? 1 : 0);
    sim_parcel_ends(parcel)->window = SIM_STREAM_BUFFER - stream->in.size;
    return parcel;
}

static void send(struct sim_machine *machine, struct sim_stream *stream,
                 struct sim_parcel *parcel) {
    stream->promised = stream->expected + sim_parcel_ends(parcel)->window;
    sim_parcel_send_take(machine->fabric, parcel, &stream->arrival_last);
}

void sim_stream_send_handshake(struct sim_machine *machine, struct sim_stream *stream) {
    bool first = stream->state == SIM_STREAM_SYN_SENT;
    WEFT_ASSERT(first || stream->state == SIM_STREAM_SYN_RECEIVED);
    send(machine, stream,
         parcel_for(machine, stream, first ? SIM_PARCEL_SYN : SIM_PARCEL_SYNACK, 0));
    if (stream->timer_at == WEFT_TIME_NEVER) {
        sim_stream_timer_set(machine, stream, sim_fabric__now(machine) + stream->rto);
    }
}

void sim_stream_send_ack(struct sim_machine *machine, struct sim_stream *stream) {
    send(machine, stream, parcel_for(machine, stream, SIM_PARCEL_SEGMENT, 0));
}

void sim_stream_send_reset(struct sim_machine *machine, struct sim_stream *stream) {
    send(machine, stream, parcel_for(machine, stream, SIM_PARCEL_RESET, 0));
}

/* The next segment: `size` bytes from `next`, and the end if it follows them. */
static void send_segment(struct sim_machine *machine, struct sim_stream *stream, uint32_t size) {
    WEFT_ASSERT(stream->next >= stream->acked);
    WEFT_ASSERT(stream->next + size <= stream->written);
    struct sim_parcel *parcel = parcel_for(machine, stream, SIM_PARCEL_SEGMENT, size);
    sim_queue_peek(&stream->out, (uint32_t)(stream->next - stream->acked), parcel->bytes, size);
    stream->next += size;
    sim_parcel_ends(parcel)->fin = stream->finished && stream->next == stream->written;
    if (sim_parcel_ends(parcel)->fin) stream->next++;
    send(machine, stream, parcel);
}

/* Bytes that may go into the next segment now. */
static uint32_t sendable(const struct sim_stream *stream) {
    uint64_t end = stream->written < stream->edge ? stream->written : stream->edge;
    if (end <= stream->next) return 0;
    uint64_t size = end - stream->next;
    return size < SIM_STREAM_SEGMENT ? (uint32_t)size : SIM_STREAM_SEGMENT;
}

static bool end_is_unsent(const struct sim_stream *stream) {
    return stream->finished && stream->next == stream->written;
}

/* Unsent bytes wait for a window, or sent ones for an acknowledgement. */
static bool is_waiting(const struct sim_stream *stream) {
    return stream->acked < stream->written + (stream->finished ? 1 : 0);
}

static void see_to_timer(struct sim_machine *machine, struct sim_stream *stream) {
    if (!is_waiting(stream)) {
        sim_stream_idle(machine, stream);
    } else if (stream->timer_at == WEFT_TIME_NEVER || stream->is_idle) {
        stream->is_idle = false;
        stream->rto = SIM_STREAM_RTO;
        stream->quiet_since = sim_fabric__now(machine);
        sim_stream_timer_set(machine, stream, stream->quiet_since + stream->rto);
    }
}

void sim_stream_output(struct sim_machine *machine, struct sim_stream *stream) {
    WEFT_ASSERT(stream->state == SIM_STREAM_OPEN);
    for (uint32_t size; (size = sendable(stream)) > 0;) send_segment(machine, stream, size);
    if (end_is_unsent(stream)) send_segment(machine, stream, 0);
    see_to_timer(machine, stream);
}

void sim_stream_send_probe(struct sim_machine *machine, struct sim_stream *stream) {
    struct sim_parcel *parcel = parcel_for(machine, stream, SIM_PARCEL_SEGMENT, 0);
    sim_parcel_ends(parcel)->probe = true;
    send(machine, stream, parcel);
}

void sim_stream_send_again(struct sim_machine *machine, struct sim_stream *stream) {
    WEFT_ASSERT(is_waiting(stream));
    if (stream->next > stream->acked) {
        stream->next = stream->acked;
        send_segment(machine, stream, sendable(stream));
        return;
    }
    sim_stream_send_probe(machine, stream);
}

static void answer(struct sim_machine *machine, const struct sim_parcel *parcel,
                   enum sim_parcel_kind kind) {
    struct sim_parcel *back = sim_parcel_new(machine->fabric, 0, true);
    WEFT_ASSERT(back != NULL);
    back->kind = (uint8_t)kind;
    back->from = machine->node;
    sim_parcel_ends(back)->source = sim_parcel_ends(parcel)->target;
    sim_parcel_ends(back)->target = sim_parcel_ends(parcel)->source;
    sim_parcel_ends(back)->from_socket = sim_parcel_ends(parcel)->to_socket;
    sim_parcel_ends(back)->to_socket = sim_parcel_ends(parcel)->from_socket;
    sim_parcel_ends(back)->seq = sim_parcel_ends(parcel)->ack;
    sim_parcel_ends(back)->ack =
        sim_parcel_ends(parcel)->seq + parcel->size + (sim_parcel_ends(parcel)->fin ? 1 : 0);
    weft_time arrival_last = 0;
    sim_parcel_send_take(machine->fabric, back, &arrival_last);
}

/* A stream of this life that is gone was closed in order: its peer's end is acknowledged, as in
 * TIME-WAIT, and bytes that nobody will read are refused. */
void sim_stream_answer_stray(struct sim_machine *machine, const struct sim_parcel *parcel) {
    uint64_t earlier = machine->fabric->berths[machine->node].serials - machine->serials;
    bool was_closed = sim_socket_serial(sim_parcel_ends(parcel)->to_socket) > earlier &&
                      sim_socket_find(machine, sim_parcel_ends(parcel)->to_socket) == NULL;
    if (parcel->kind == SIM_PARCEL_RESET) return;
    if (parcel->kind != SIM_PARCEL_SEGMENT || !was_closed || parcel->size > 0 ||
        sim_parcel_ends(parcel)->probe) {
        answer(machine, parcel, SIM_PARCEL_RESET);
    } else if (sim_parcel_ends(parcel)->fin) {
        answer(machine, parcel, SIM_PARCEL_SEGMENT);
    }
}
