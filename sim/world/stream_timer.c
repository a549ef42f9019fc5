/* What a stream does when nothing comes back. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

/* One engine event a stream at a time, lazily: a deadline that moves later costs nothing until the
 * event fires, and one that is taken back costs an event that does nothing. */
static void queue_timer(struct sim_machine *machine, struct sim_stream *stream, weft_time at) {
    struct sim_event event = {.at = at,
                              .kind = SIM_EVENT_STREAM_TIMER,
                              .entity = machine->node,
                              .arg = stream->socket.id};
    bool queued = sim_engine_schedule(machine->fabric->config.engine, &event) != 0;
    WEFT_ASSERT(queued); /* a stream without its timer would hang for ever */
    stream->timer_queued = at;
}

void sim_stream_timer_set(struct sim_machine *machine, struct sim_stream *stream, weft_time at) {
    stream->timer_at = at;
    if (at != WEFT_TIME_NEVER && at < stream->timer_queued) queue_timer(machine, stream, at);
}

static weft_duration patience(const struct sim_stream *stream) {
    if (stream->state != SIM_STREAM_OPEN) return WEFT_STREAM_CONNECT_MAX;
    return stream->keep_alive > 0 ? stream->keep_alive * WEFT_KEEP_ALIVE_TIMES : SIM_STREAM_ACK_MAX;
}

void sim_stream_idle(struct sim_machine *machine, struct sim_stream *stream) {
    bool asks = stream->keep_alive > 0 && !stream->orphan;
    stream->is_idle = true;
    weft_time at = asks ? stream->heard_at + stream->keep_alive : WEFT_TIME_NEVER;
    sim_stream_timer_set(machine, stream, weft_time_max(at, sim_fabric__now(machine)));
}

/* False: the peer has been silent for too long. */
static bool ask_for_life(struct sim_machine *machine, struct sim_stream *stream) {
    weft_time now = sim_fabric__now(machine), silent = now - stream->heard_at;
    if (silent >= patience(stream)) return false;
    if (silent < stream->keep_alive) {
        sim_stream_idle(machine, stream);
        return true;
    }
    sim_stream_send_probe(machine, stream);
    sim_stream_timer_set(machine, stream, now + stream->keep_alive);
    return true;
}

static void try_again(struct sim_machine *machine, struct sim_stream *stream) {
    stream->rto = stream->rto < SIM_STREAM_RTO_MAX / 2 ? stream->rto * 2 : SIM_STREAM_RTO_MAX;
    weft_time at = weft_time_min(sim_fabric__now(machine) + stream->rto,
                                 stream->quiet_since + patience(stream));
    sim_stream_timer_set(machine, stream, at);
    if (stream->state == SIM_STREAM_OPEN)
        sim_stream_send_again(machine, stream);
    else
        sim_stream_send_handshake(machine, stream);
}

void sim_stream_timer(struct sim_machine *machine, weft_socket id) {
    struct sim_stream *stream = sim_socket_stream(machine, id);
    if (stream == NULL) return;
    weft_time now = sim_fabric__now(machine);
    if (now < stream->timer_queued) return;
    stream->timer_queued = WEFT_TIME_NEVER;
    if (stream->timer_at == WEFT_TIME_NEVER) return;
    if (now < stream->timer_at) {
        queue_timer(machine, stream, stream->timer_at);
        return;
    }
    if (stream->is_idle && ask_for_life(machine, stream)) return;
    if (stream->is_idle || now - stream->quiet_since >= patience(stream)) {
        sim_stream_fail(machine, stream, WEFT_ERR_TIMEOUT);
        sim_fabric__tell_stream(machine, id);
        return;
    }
    try_again(machine, stream);
}
