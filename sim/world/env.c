/* The env of a simulated machine: virtual time, keyed entropy, trace, and the table of the net. */
#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/world/internal.h"

static weft_time monotonic(struct weft_env *env) {
    const struct sim_machine *machine = sim_fabric__machine(env);
    const struct sim_clock *clock = sim_fabric__clock_of(machine->fabric, machine->node);
    weft_time now = sim_fabric__now(machine);
    return clock == NULL ? now : sim_clock_monotonic(clock, now);
}

static int64_t wall(struct weft_env *env) {
    const struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_clock *clock = sim_fabric__clock_of(machine->fabric, machine->node);
    weft_time now = sim_fabric__now(machine);
    if (clock == NULL) return SIM_WALL_EPOCH + now;
    weft_duration shown = sim_clock_wall(clock, now);
    if (shown != now) clock->wall_reads++;
    return SIM_WALL_EPOCH + shown;
}

const struct weft_clock_ops sim_fabric__clock = {.monotonic = monotonic, .wall = wall};

static void fill(struct weft_env *env, void *out, size_t size) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_machine_rest *rest = sim_fabric__rest(machine);
    if (!rest->has_rand) {
        weft_rand_init(&rest->rand,
                       sim_engine_draw(machine->fabric->config.engine, SIM_DRAW_ENTROPY,
                                       machine->node, machine->life));
        rest->has_rand = true;
    }
    weft_rand_bytes(&rest->rand, out, size);
}

const struct weft_entropy_ops sim_fabric__entropy = {.fill = fill,
                                                     .fault_point = sim_fabric__fault_point};

static uint32_t pass(struct weft_env *env, const uint64_t *whom, uint32_t count) {
    return sim_order_pass(sim_fabric__machine(env)->rest->order, whom, count);
}

const struct weft_order_ops sim_fabric__order = {.pass = pass};

static void emit(struct weft_env *env, const struct weft_trace_event *event) {
    const struct sim_machine *machine = sim_fabric__machine(env);
    const struct sim_fabric_config *config = &machine->fabric->config;
    if (config->trace == NULL) return;
    if (sim_fabric__clock_of(machine->fabric, machine->node) == NULL) {
        config->trace(config->ctx, event);
        return;
    }
    struct weft_trace_event told = *event; /* in true time, whatever the node believes */
    told.at = sim_fabric__now(machine);
    config->trace(config->ctx, &told);
}

const struct weft_trace_ops sim_fabric__trace = {.emit = emit};

void sim_fabric__trace_wanted(struct sim_fabric *fabric, uint32_t node, enum weft_trace_kind kind,
                              const uint64_t number[4]) {
    const struct sim_fabric_config *config = &fabric->config;
    if (config->trace == NULL) return;
    struct weft_trace_event event = {.at = sim_engine_now(config->engine),
                                     .node = node,
                                     .kind = kind,
                                     .number = {number[0], number[1], number[2], number[3]}};
    config->trace(config->ctx, &event);
}

static struct sim_socket *open_socket(struct weft_env *env, weft_socket id) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_stream *stream = sim_socket_stream(machine, id);
    return stream != NULL && stream->orphan ? NULL : sim_socket_find(machine, id);
}

static void own(struct weft_env *env, weft_socket id, uint64_t owner) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_socket *socket = open_socket(env, id);
    if (socket == NULL) return;
    socket->owner = owner;
    if (socket->kind == SIM_SOCKET_STREAM) sim_stream_own(machine, sim_socket_stream(machine, id));
}

static void names(struct weft_env *env, weft_socket id, struct weft_addr *local,
                  struct weft_addr *remote) {
    struct sim_socket *socket = open_socket(env, id);
    struct sim_stream *stream = sim_socket_stream(sim_fabric__machine(env), id);
    *local = socket != NULL ? socket->local : (struct weft_addr){0};
    *remote = socket != NULL && stream != NULL ? stream->remote : (struct weft_addr){0};
}

static void end_socket(struct weft_env *env, weft_socket id,
                       void (*end_stream)(struct sim_machine *, struct sim_stream *)) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_socket *socket = open_socket(env, id);
    if (socket == NULL) return;
    switch (socket->kind) {
    case SIM_SOCKET_DATAGRAM:
        sim_socket_free(machine, socket);
        break;
    case SIM_SOCKET_LISTENER:
        sim_stream_listener_close(machine, sim_socket_listener(machine, id));
        break;
    case SIM_SOCKET_STREAM:
        end_stream(machine, sim_socket_stream(machine, id));
        break;
    }
}

static void close(struct weft_env *env, weft_socket id) { end_socket(env, id, sim_stream_close); }

static void abort_(struct weft_env *env, weft_socket id) { end_socket(env, id, sim_stream_abort); }

static bool is_refused(struct weft_env *env, const char *call) {
    return sim_fabric__refused(sim_fabric__machine(env), SIM_POINT_NET, call, 0);
}

static int datagram_open(struct weft_env *env, struct weft_addr *local, uint64_t owner,
                         weft_socket *out) {
    if (is_refused(env, "datagram_open")) return WEFT_ERR_NOMEM;
    return sim_datagram_open(env, local, owner, out);
}

static int stream_listen(struct weft_env *env, struct weft_addr *local, int backlog, uint64_t owner,
                         weft_socket *out) {
    if (is_refused(env, "stream_listen")) return WEFT_ERR_NOMEM;
    return sim_stream_listen(env, local, backlog, owner, out);
}

static int stream_connect(struct weft_env *env, const struct weft_addr *to, uint64_t owner,
                          weft_socket *out) {
    if (is_refused(env, "stream_connect")) return WEFT_ERR_NOMEM;
    return sim_stream_connect(env, to, owner, out);
}

static int64_t stream_read(struct weft_env *env, weft_socket id, void *data, size_t size) {
    if (is_refused(env, "stream_read")) return WEFT_ERR_RESET;
    return sim_stream_read(env, id, data, size);
}

static int64_t stream_write(struct weft_env *env, weft_socket id, const void *data, size_t size) {
    if (is_refused(env, "stream_write")) return WEFT_ERR_RESET;
    return sim_stream_write(env, id, data, size);
}

static int stream_finish(struct weft_env *env, weft_socket id) {
    if (is_refused(env, "stream_finish")) return WEFT_ERR_CLOSED;
    return sim_stream_finish(env, id);
}

static int stream_keep_alive(struct weft_env *env, weft_socket id, weft_duration idle) {
    if (is_refused(env, "stream_keep_alive")) return WEFT_ERR_CLOSED;
    return sim_stream_keep_alive(env, id, idle);
}

const struct weft_net_ops sim_fabric__net = {.datagram_open = datagram_open,
                                             .datagram_send = sim_datagram_send,
                                             .stream_listen = stream_listen,
                                             .stream_connect = stream_connect,
                                             .stream_read = stream_read,
                                             .stream_write = stream_write,
                                             .stream_finish = stream_finish,
                                             .stream_keep_alive = stream_keep_alive,
                                             .own = own,
                                             .names = names,
                                             .close = close,
                                             .abort = abort_};
