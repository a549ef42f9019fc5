/* How streams end: closed, aborted, broken. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

void sim_stream_free(struct sim_machine *machine, struct sim_stream *stream) {
    if (stream->orphan) {
        WEFT_ASSERT(machine->orphans_count > 0);
        machine->orphans_count--;
    }
    if (!weft_list_empty(&stream->accept)) {
        struct sim_listener *listener = sim_socket_listener(machine, stream->listener);
        WEFT_ASSERT(listener != NULL && listener->unaccepted_count > 0);
        weft_list_remove(&stream->accept);
        listener->unaccepted_count--;
    }
    sim_queue_deinit(&stream->out);
    sim_queue_deinit(&stream->in);
    sim_socket_free(machine, &stream->socket);
}

void sim_stream_abort(struct sim_machine *machine, struct sim_stream *stream) {
    if (stream->state == SIM_STREAM_OPEN || stream->state == SIM_STREAM_SYN_RECEIVED) {
        sim_stream_send_reset(machine, stream);
    }
    sim_stream_free(machine, stream);
}

/* Both ends are written and ours is acknowledged: nothing is left to do. */
static bool is_done(const struct sim_stream *stream) {
    return stream->finished && stream->acked == stream->written + 1;
}

void sim_stream_close(struct sim_machine *machine, struct sim_stream *stream) {
    WEFT_ASSERT(!stream->orphan);
    if (stream->state != SIM_STREAM_OPEN || stream->in.size > 0) {
        sim_stream_abort(machine, stream);
        return;
    }
    if (is_done(stream)) {
        sim_stream_free(machine, stream);
        return;
    }
    stream->orphan = true;
    machine->orphans_count++;
    stream->finished = true;
    sim_stream_output(machine, stream);
}

void sim_stream_listener_close(struct sim_machine *machine, struct sim_listener *listener) {
    WEFT_ASSERT(listener != NULL && listener->socket.kind == SIM_SOCKET_LISTENER);
    while (!weft_list_empty(&listener->unaccepted)) {
        sim_stream_abort(machine,
                         WEFT_CONTAINER(listener->unaccepted.next, struct sim_stream, accept));
    }
    WEFT_ASSERT(listener->unaccepted_count == 0);
    sim_socket_free(machine, &listener->socket);
}

void sim_stream_fail(struct sim_machine *machine, struct sim_stream *stream, int error) {
    WEFT_ASSERT(error < 0);
    if (stream->state == SIM_STREAM_BROKEN) return;
    if (stream->orphan || stream->state == SIM_STREAM_SYN_RECEIVED) {
        sim_stream_free(machine, stream);
        return;
    }
    stream->state = SIM_STREAM_BROKEN;
    stream->error = error;
    stream->timer_at = WEFT_TIME_NEVER;
    stream->due |= SIM_DUE_FAILED;
    sim_queue_deinit(&stream->out);
}
