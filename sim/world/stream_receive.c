/* The receiving half of a stream, and the handshake. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <string.h>

static struct sim_stream *find_of(const struct sim_listener *listener,
                                  const struct sim_parcel *syn) {
    const struct weft_link *end = &listener->unaccepted;
    for (struct weft_link *at = end->next; at != end; at = at->next) {
        struct sim_stream *stream = WEFT_CONTAINER(at, struct sim_stream, accept);
        bool same_peer = weft_addr_equal(&stream->remote, &sim_parcel_ends(syn)->source);
        if (same_peer && stream->peer_socket == sim_parcel_ends(syn)->from_socket) return stream;
    }
    return NULL;
}

/* A SYN sent again finds the stream that its first made, also when listeners came meanwhile. */
static struct sim_stream *find_unaccepted(const struct sim_machine *machine,
                                          const struct sim_parcel *syn) {
    struct sim_stream *found = NULL;
    struct sim_socket *at = machine->bound;
    for (; found == NULL && at != NULL; at = at->bound_next) {
        if (at->kind != SIM_SOCKET_LISTENER) continue;
        const struct sim_listener *listener = WEFT_CONTAINER(at, struct sim_listener, socket);
        if (listener->unaccepted_count > 0) found = find_of(listener, syn);
    }
    return found;
}

static struct sim_stream *admit(struct sim_machine *machine, struct sim_listener *listener,
                                const struct sim_parcel *syn) {
    struct sim_stream *stream;
    if (listener->unaccepted_count >= listener->backlog) return NULL;
    if (sim_stream_new(machine, SIM_STREAM_SYN_RECEIVED, &stream) != WEFT_OK) return NULL;
    stream->socket.local = sim_parcel_ends(syn)->target;
    stream->socket.owner = listener->socket.owner;
    stream->remote = sim_parcel_ends(syn)->source;
    stream->peer_socket = sim_parcel_ends(syn)->from_socket;
    stream->edge = sim_parcel_ends(syn)->window;
    stream->listener = listener->socket.id;
    weft_list_push_back(&listener->unaccepted, &stream->accept);
    listener->unaccepted_count++;
    return stream;
}

/* A full backlog drops the SYN, which comes again (as Linux does). */
static void receive_syn(struct sim_machine *machine, const struct sim_parcel *syn) {
    struct sim_socket *bound = sim_socket_spread(machine, SIM_SOCKET_LISTENER, syn);
    if (bound == NULL) {
        sim_stream_answer_stray(machine, syn);
        return;
    }
    struct sim_listener *listener = WEFT_CONTAINER(bound, struct sim_listener, socket);
    struct sim_stream *stream = find_unaccepted(machine, syn);
    if (stream == NULL) stream = admit(machine, listener, syn);
    if (stream == NULL || stream->state != SIM_STREAM_SYN_RECEIVED) return;
    sim_stream_send_handshake(machine, stream);
}

static void open_stream(struct sim_stream *stream) {
    stream->state = SIM_STREAM_OPEN;
    stream->is_idle = true;
    stream->rto = SIM_STREAM_RTO;
    stream->timer_at = WEFT_TIME_NEVER;
}

static void receive_synack(struct sim_machine *machine, struct sim_stream *stream,
                           const struct sim_parcel *synack) {
    if (stream->state == SIM_STREAM_SYN_SENT) {
        open_stream(stream);
        stream->peer_socket = sim_parcel_ends(synack)->from_socket;
        stream->edge = sim_parcel_ends(synack)->window;
        stream->due |= SIM_DUE_CONNECTED;
    }
    if (stream->state == SIM_STREAM_OPEN) sim_stream_send_ack(machine, stream);
}

static void complete_accept(struct sim_machine *machine, struct sim_stream *stream) {
    struct sim_socket *listener = sim_socket_find(machine, stream->listener);
    WEFT_ASSERT(listener != NULL);
    open_stream(stream);
    struct weft_event event = {.kind = WEFT_EVENT_ACCEPTED,
                               .owner = listener->owner,
                               .socket = listener->id,
                               .accepted = stream->socket.id,
                               .from = stream->remote};
    sim_fabric__tell(machine, &event, NULL);
}

/* Forget what the peer has, learn what it takes. */
static void move_window(struct sim_stream *stream, const struct sim_parcel *segment) {
    if (sim_parcel_ends(segment)->ack > stream->acked) {
        uint64_t upto = sim_parcel_ends(segment)->ack < stream->written
                            ? sim_parcel_ends(segment)->ack
                            : stream->written;
        if (upto > stream->acked) sim_queue_drop(&stream->out, (uint32_t)(upto - stream->acked));
        stream->acked = sim_parcel_ends(segment)->ack;
    }
    if (stream->next < stream->acked) stream->next = stream->acked;
    uint64_t edge = sim_parcel_ends(segment)->ack + sim_parcel_ends(segment)->window;
    if (edge > stream->edge) stream->edge = edge;
}

/* While nothing is in flight any answer shows that the peer is there: it has no window to give.
 * With keep_alive that is not enough: it has to take something. */
static bool is_progress(const struct sim_stream *stream, const struct sim_parcel *segment) {
    bool gives_more =
        sim_parcel_ends(segment)->ack + sim_parcel_ends(segment)->window > stream->edge;
    if (sim_parcel_ends(segment)->ack > stream->acked) return true;
    return stream->next == stream->acked && (gives_more || stream->keep_alive == 0);
}

static void acknowledge(struct sim_machine *machine, struct sim_stream *stream,
                        const struct sim_parcel *segment) {
    uint64_t end = stream->written + (stream->finished ? 1 : 0);
    if (sim_parcel_ends(segment)->ack < stream->acked || sim_parcel_ends(segment)->ack > end)
        return;
    if (is_progress(stream, segment)) stream->timer_at = WEFT_TIME_NEVER;
    move_window(stream, segment);
    if (stream->writable_wanted && stream->out.size < SIM_STREAM_BUFFER) {
        stream->writable_wanted = false;
        stream->due |= SIM_DUE_WRITABLE;
    }
    sim_stream_output(machine, stream);
}

static void note_readable(struct sim_stream *stream) {
    if (stream->readable_told) return;
    stream->readable_told = true;
    stream->due |= SIM_DUE_READABLE;
}

/* In order by construction, but for what was lost in a cut: then what follows is dropped, and
 * comes again. */
static void take_bytes(struct sim_machine *machine, struct sim_stream *stream,
                       const struct sim_parcel *segment) {
    uint64_t end = sim_parcel_ends(segment)->seq + segment->size;
    if (sim_parcel_ends(segment)->seq > stream->expected || stream->peer_finished) return;
    if (end > stream->expected) {
        uint32_t skip = (uint32_t)(stream->expected - sim_parcel_ends(segment)->seq);
        uint32_t size = segment->size - skip;
        if (size > SIM_STREAM_BUFFER - stream->in.size) return;
        if (sim_queue_push(&stream->in, segment->bytes + skip, size) != WEFT_OK) return;
        stream->expected = end;
        machine->fabric->stats.stream_bytes += size;
        note_readable(stream);
    }
    if (sim_parcel_ends(segment)->fin && end == stream->expected) {
        stream->peer_finished = true;
        note_readable(stream);
    }
}

static bool wants_answer(const struct sim_parcel *segment) {
    return segment->size > 0 || sim_parcel_ends(segment)->fin || sim_parcel_ends(segment)->probe;
}

/* The owner has closed: bytes that it will never read are refused, and once our end is
 * acknowledged nothing keeps the stream. False: it is gone. */
static bool serve_orphan(struct sim_machine *machine, struct sim_stream *stream,
                         const struct sim_parcel *segment) {
    if (sim_parcel_ends(segment)->seq + segment->size > stream->expected) {
        sim_stream_send_reset(machine, stream);
    } else if (stream->acked <= stream->written) {
        return true;
    } else if (wants_answer(segment)) {
        take_bytes(machine, stream, segment);
        sim_stream_send_ack(machine, stream);
    }
    sim_stream_free(machine, stream);
    return false;
}

static void receive_segment(struct sim_machine *machine, struct sim_stream *stream,
                            const struct sim_parcel *segment) {
    weft_socket id = stream->socket.id;
    if (stream->state == SIM_STREAM_SYN_RECEIVED) {
        complete_accept(machine, stream);
        stream = sim_socket_stream(machine, id);
        if (stream == NULL || stream->state != SIM_STREAM_OPEN) return;
    }
    if (stream->state != SIM_STREAM_OPEN) return;
    acknowledge(machine, stream, segment);
    if (stream->orphan && !serve_orphan(machine, stream, segment)) return;
    if (!wants_answer(segment)) return;
    take_bytes(machine, stream, segment);
    sim_stream_send_ack(machine, stream);
}

static void receive_reset(struct sim_machine *machine, struct sim_stream *stream) {
    bool refused = stream->state == SIM_STREAM_SYN_SENT;
    sim_stream_fail(machine, stream, refused ? WEFT_ERR_REFUSED : WEFT_ERR_RESET);
}

/* A stream is known by its ends: that a port outside a NAT was the same machine's is past. */
static bool belongs(const struct sim_stream *stream, const struct sim_parcel *parcel) {
    return stream->state != SIM_STREAM_BROKEN &&
           weft_addr_equal(&stream->remote, &sim_parcel_ends(parcel)->source);
}

void sim_stream_receive(struct sim_machine *machine, const struct sim_parcel *parcel) {
    sim_parcel_received(machine->fabric, parcel);
    if (parcel->kind == SIM_PARCEL_SYN) {
        if (machine->up) receive_syn(machine, parcel);
        return;
    }
    struct sim_stream *stream = sim_socket_stream(machine, sim_parcel_ends(parcel)->to_socket);
    if (stream == NULL || !belongs(stream, parcel)) {
        if (machine->up) sim_stream_answer_stray(machine, parcel);
        return;
    }
    weft_socket id = stream->socket.id;
    stream->heard_at = sim_fabric__now(machine);
    if (parcel->kind == SIM_PARCEL_RESET)
        receive_reset(machine, stream);
    else if (parcel->kind == SIM_PARCEL_SYNACK)
        receive_synack(machine, stream, parcel);
    else
        receive_segment(machine, stream, parcel);
    sim_fabric__tell_stream(machine, id);
}
