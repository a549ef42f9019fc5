/* Streams as their owner sees them: what net->stream_* promises. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <string.h>

int sim_stream_listen(struct weft_env *env, struct weft_addr *local, int backlog, uint64_t owner,
                      weft_socket *out) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_socket *socket;
    if (backlog <= 0) return WEFT_ERR_INVAL;
    int rv = sim_socket_new(machine, SIM_SOCKET_LISTENER, sizeof(struct sim_listener), &socket);
    if (rv != WEFT_OK) return rv;
    struct sim_listener *listener = WEFT_CONTAINER(socket, struct sim_listener, socket);
    weft_list_init(&listener->unaccepted);
    socket->owner = owner;
    rv = sim_socket_bind(machine, socket, local);
    if (rv != WEFT_OK) {
        sim_socket_free(machine, socket);
        return rv;
    }
    listener->backlog = (uint32_t)(backlog < SIM_BACKLOG_MAX ? backlog : SIM_BACKLOG_MAX);
    *out = socket->id;
    return WEFT_OK;
}

int sim_stream_new(struct sim_machine *machine, enum sim_stream_state state,
                   struct sim_stream **out) {
    struct sim_socket *socket;
    int rv = sim_socket_new(machine, SIM_SOCKET_STREAM, sizeof **out, &socket);
    if (rv != WEFT_OK) return rv;
    struct sim_stream *stream = WEFT_CONTAINER(socket, struct sim_stream, socket);
    weft_list_init(&stream->accept);
    stream->state = state;
    stream->rto = SIM_STREAM_RTO;
    stream->promised = SIM_STREAM_BUFFER;
    stream->timer_at = stream->timer_queued = WEFT_TIME_NEVER;
    stream->quiet_since = stream->heard_at = sim_fabric__now(machine);
    *out = stream;
    return WEFT_OK;
}

int sim_stream_connect(struct weft_env *env, const struct weft_addr *to, uint64_t owner,
                       weft_socket *out) {
    struct sim_machine *machine = sim_fabric__machine(env);
    enum weft_family family = (enum weft_family)to->family;
    if (family != WEFT_FAMILY_V4 && family != WEFT_FAMILY_V6) return WEFT_ERR_INVAL;
    if (to->port == 0) return WEFT_ERR_INVAL;
    struct sim_stream *stream;
    int rv = sim_stream_new(machine, SIM_STREAM_SYN_SENT, &stream);
    if (rv != WEFT_OK) return rv;
    uint16_t port = sim_socket_port(machine, SIM_SOCKET_LISTENER, family);
    stream->socket.local =
        sim_fabric__addr(machine, (struct weft_addr){.family = (uint8_t)family, .port = port});
    stream->socket.owner = owner;
    stream->remote = *to;
    sim_stream_send_handshake(machine, stream);
    *out = stream->socket.id;
    return WEFT_OK;
}

void sim_stream_own(struct sim_machine *machine, struct sim_stream *stream) {
    if (stream->state == SIM_STREAM_BROKEN) stream->due |= SIM_DUE_FAILED;
    bool unread = stream->in.size > 0 || stream->peer_finished;
    stream->readable_told = unread;
    if (stream->state == SIM_STREAM_OPEN && unread) stream->due |= SIM_DUE_READABLE;
    if (stream->due == 0) return;
    struct sim_event event = {.at = sim_fabric__now(machine),
                              .kind = SIM_EVENT_TELL,
                              .entity = machine->node,
                              .arg = stream->socket.id};
    bool queued = sim_engine_schedule(machine->fabric->config.engine, &event) != 0;
    WEFT_ASSERT(queued); /* its owner would wait for ever */
}

void sim_stream_accepted(struct sim_machine *machine, weft_socket id) {
    struct sim_stream *stream = sim_socket_stream(machine, id);
    WEFT_ASSERT(stream != NULL);
    struct sim_listener *listener = sim_socket_listener(machine, stream->listener);
    WEFT_ASSERT(listener != NULL && listener->unaccepted_count > 0);
    weft_list_remove(&stream->accept);
    listener->unaccepted_count--;
    stream->listener = WEFT_SOCKET_NONE;
    stream->socket.owner = listener->socket.owner;
}

/* The stream of an owner who has not closed it, or NULL. */
static struct sim_stream *owned(struct weft_env *env, weft_socket id) {
    struct sim_stream *stream = sim_socket_stream(sim_fabric__machine(env), id);
    return stream != NULL && !stream->orphan ? stream : NULL;
}

static bool is_connected(const struct sim_stream *stream) {
    return stream != NULL &&
           (stream->state == SIM_STREAM_OPEN || stream->state == SIM_STREAM_BROKEN);
}

/* Room was made: tell the peer once it is worth a segment. */
static void promise_more(struct sim_machine *machine, struct sim_stream *stream) {
    uint64_t edge = stream->expected + SIM_STREAM_BUFFER - stream->in.size;
    if (stream->state != SIM_STREAM_OPEN || stream->peer_finished) return;
    if (edge - stream->promised >= SIM_STREAM_SEGMENT) sim_stream_send_ack(machine, stream);
}

static int64_t read_nothing(struct sim_stream *stream) {
    if (stream->state == SIM_STREAM_BROKEN) return stream->error;
    if (stream->peer_finished) return 0;
    stream->readable_told = false;
    return WEFT_ERR_AGAIN;
}

int64_t sim_stream_read(struct weft_env *env, weft_socket id, void *data, size_t size) {
    struct sim_stream *stream = owned(env, id);
    if (!is_connected(stream)) return WEFT_ERR_CLOSED;
    WEFT_ASSERT(size > 0);
    if (stream->in.size == 0) return read_nothing(stream);
    uint32_t count = size < stream->in.size ? (uint32_t)size : stream->in.size;
    sim_queue_peek(&stream->in, 0, data, count);
    sim_queue_drop(&stream->in, count);
    promise_more(sim_fabric__machine(env), stream);
    return count;
}

int64_t sim_stream_write(struct weft_env *env, weft_socket id, const void *data, size_t size) {
    struct sim_stream *stream = owned(env, id);
    if (!is_connected(stream) || stream->finished) return WEFT_ERR_CLOSED;
    WEFT_ASSERT(size > 0);
    if (stream->state == SIM_STREAM_BROKEN) return stream->error;
    uint32_t room = SIM_STREAM_BUFFER - stream->out.size;
    uint32_t count = size < room ? (uint32_t)size : room;
    if (count == 0 || sim_queue_push(&stream->out, data, count) != WEFT_OK) {
        stream->writable_wanted = true;
        return WEFT_ERR_AGAIN;
    }
    stream->written += count;
    sim_stream_output(sim_fabric__machine(env), stream);
    return count;
}

int sim_stream_finish(struct weft_env *env, weft_socket id) {
    struct sim_stream *stream = owned(env, id);
    if (stream == NULL || stream->state != SIM_STREAM_OPEN) return WEFT_ERR_CLOSED;
    if (stream->finished) return WEFT_OK;
    stream->finished = true;
    sim_stream_output(sim_fabric__machine(env), stream);
    return WEFT_OK;
}

int sim_stream_keep_alive(struct weft_env *env, weft_socket id, weft_duration idle) {
    struct sim_stream *stream = owned(env, id);
    if (stream == NULL || stream->state != SIM_STREAM_OPEN) return WEFT_ERR_CLOSED;
    if (idle < 0 || idle > WEFT_KEEP_ALIVE_MAX) return WEFT_ERR_INVAL;
    stream->heard_at = sim_fabric__now(sim_fabric__machine(env));
    stream->keep_alive = (idle + WEFT_S(1) - 1) / WEFT_S(1) * WEFT_S(1);
    if (stream->is_idle) sim_stream_idle(sim_fabric__machine(env), stream);
    return WEFT_OK;
}
