/* Bare machines for tests. */
#include "tests/unit/sim/bare.h"

#include "core/posix/guard.h"

#include <stdlib.h>

static uint32_t bits_of(const struct weft_event *event) {
    uint32_t bits = 0;
    const unsigned char *bytes = event->data;
    for (size_t i = 0; bytes != NULL && i < event->size * 8; i++) bits += bytes[i / 8] >> i % 8 & 1;
    return bits;
}

static void on_deliver(void *ctx, uint32_t node, const struct weft_event *event) {
    struct bare *bare = ctx;
    if (bare->count == BARE_EVENTS_MAX) abort();
    bare->events[bare->count++] = (struct bare_event){.at = sim_engine_now(bare->engine),
                                                      .node = node,
                                                      .kind = event->kind,
                                                      .error = event->error,
                                                      .socket = event->socket,
                                                      .accepted = event->accepted,
                                                      .size = event->size,
                                                      .bits = bits_of(event),
                                                      .from = event->from,
                                                      .owner = event->owner};
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct bare *bare = ctx;
    const size_t head = 2 * sizeof(struct weft_addr);
    if (event->kind == WEFT_TRACE_PACKET_LOST) {
        bare->lost[bare->lost_count++ % BARE_PACKETS_MAX] = *event;
        return;
    }
    if (event->kind != WEFT_TRACE_PACKET_DATA || event->bytes.size < head) abort();
    struct bare_packet *packet = &bare->packets[bare->packets_count++ % BARE_PACKETS_MAX];
    *packet = (struct bare_packet){.number = event->number[0],
                                   .to = event->number[1],
                                   .node = event->node,
                                   .size = event->bytes.size - head};
    memcpy(&packet->source, event->bytes.data, sizeof packet->source);
    memcpy(&packet->target, event->bytes.data + sizeof packet->source, sizeof packet->target);
    if (packet->size <= sizeof packet->data)
        memcpy(packet->data, event->bytes.data + head, packet->size);
}

void bare_up(struct bare *bare, uint32_t node) {
    if (sim_fabric_up(bare->fabric, node, ++bare->life[node]) == NULL) abort();
}

static void open_fabric(struct bare *bare, const struct sim_flow_ops *ops,
                        const struct sim_flow_plan *plan) {
    bare->spec.rules_count = 1;
    struct sim_rule *rule = &bare->spec.rules[0];
    rule->from_group = rule->to_group = SIM_GROUP_ANY;
    rule->chain.count = 1;
    rule->chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_CONSTANT, .a = BARE_DELAY}};
    bare->engine = sim_engine_new(1, BARE_NODES);
    bare->net = sim_net_new(&bare->spec, BARE_NODES, NULL, 1);
    struct sim_fabric_config config = {.engine = bare->engine,
                                       .net = bare->net,
                                       .nodes = BARE_NODES,
                                       .nats = &bare->nat,
                                       .nats_count = bare->nat.count > 0 ? 1 : 0,
                                       .flow = plan,
                                       .host = {.guard = &weft_posix_guard, .flow = ops},
                                       .deliver = on_deliver,
                                       .trace = on_trace,
                                       .trace_mask = WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA) |
                                                     WEFT_TRACE_BIT(WEFT_TRACE_PACKET_LOST),
                                       .ctx = bare};
    bare->fabric = sim_fabric_new(&config);
    if (bare->engine == NULL || bare->net == NULL || bare->fabric == NULL) abort();
    for (uint32_t i = 0; i < BARE_NODES; i++) bare_up(bare, i);
}

void bare_open(struct bare *bare) { bare_open_flows(bare, NULL, NULL); }

void bare_open_flows(struct bare *bare, const struct sim_flow_ops *ops,
                     const struct sim_flow_plan *plan) {
    *bare = (struct bare){.count = 0};
    open_fabric(bare, ops, plan);
}

void bare_open_behind(struct bare *bare, enum sim_nat_type type, bool hairpin) {
    *bare = (struct bare){.nat = {.first = 1, .count = 2, .nodes = 2}};
    bare->nat.spec = (struct sim_nat_spec){.type = type,
                                           .lifetime = SIM_NAT_LIFETIME,
                                           .stream_lifetime = SIM_NAT_STREAM_LIFETIME,
                                           .bindings_max = SIM_NAT_BINDINGS,
                                           .hairpin = hairpin};
    open_fabric(bare, NULL, NULL);
}

void bare_close(struct bare *bare) {
    sim_engine_free(bare->engine, sim_fabric_drop);
    sim_fabric_free(bare->fabric);
    sim_net_free(bare->net);
}

struct weft_env *bare_env(struct bare *bare, uint32_t node) {
    return sim_fabric_env(bare->fabric, node);
}

weft_time bare_now(const struct bare *bare) { return sim_engine_now(bare->engine); }

void bare_run(struct bare *bare, weft_time until) {
    struct sim_event event;
    for (sim_fabric_flow(bare->fabric, until); sim_engine_next(bare->engine, until, &event);
         sim_fabric_flow(bare->fabric, until))
        sim_fabric_handle(bare->fabric, &event);
}

void bare_down(struct bare *bare, uint32_t node, enum sim_fabric_end how) {
    sim_fabric_halt(bare->fabric, node, how);
    sim_fabric_down(bare->fabric, node);
}

sim_layer bare_cut(struct bare *bare, uint32_t node) {
    uint8_t side[BARE_NODES] = {0};
    sim_layer layer;
    side[node] = 1;
    struct sim_layer_spec spec = {.kind = SIM_LAYER_SPLIT, .side = side};
    if (sim_net_layer_on(bare->net, &spec, &layer) != WEFT_OK) abort();
    return layer;
}

const struct bare_event *bare_find(const struct bare *bare, uint32_t node,
                                   enum weft_event_kind kind, size_t index) {
    for (size_t i = 0; i < bare->count; i++) {
        const struct bare_event *event = &bare->events[i];
        if (event->node != node || event->kind != kind) continue;
        if (index-- == 0) return event;
    }
    return NULL;
}

size_t bare_count(const struct bare *bare, uint32_t node, enum weft_event_kind kind) {
    size_t count = 0;
    while (bare_find(bare, node, kind, count) != NULL) count++;
    return count;
}

weft_socket bare_listen(struct bare *bare, uint32_t node, int backlog) {
    struct weft_env *env = bare_env(bare, node);
    struct weft_addr local = sim_world_addr(node, WEFT_FAMILY_V4, 80);
    weft_socket socket = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(env->net->stream_listen(env, &local, backlog, 20, &socket), WEFT_OK);
    return socket;
}

weft_socket bare_dial(struct bare *bare, uint32_t node, uint32_t to) {
    struct weft_env *env = bare_env(bare, node);
    struct weft_addr remote = sim_world_addr(to, WEFT_FAMILY_V4, 80);
    weft_socket socket = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(env->net->stream_connect(env, &remote, 10, &socket), WEFT_OK);
    return socket;
}

struct bare_pair bare_connect(struct bare *bare) {
    struct bare_pair pair = {.listener = bare_listen(bare, 1, 4)};
    pair.client = bare_dial(bare, 0, 1);
    bare_run(bare, bare_now(bare) + WEFT_MS(35));
    const struct bare_event *accepted = bare_find(bare, 1, WEFT_EVENT_ACCEPTED, 0);
    if (CHECK(accepted != NULL)) pair.server = accepted->accepted;
    return pair;
}

int64_t bare_write(struct bare *bare, uint32_t node, weft_socket socket, const void *data,
                   size_t size) {
    struct weft_env *env = bare_env(bare, node);
    return env->net->stream_write(env, socket, data, size);
}

int64_t bare_read(struct bare *bare, uint32_t node, weft_socket socket, void *data, size_t size) {
    struct weft_env *env = bare_env(bare, node);
    return env->net->stream_read(env, socket, data, size);
}
