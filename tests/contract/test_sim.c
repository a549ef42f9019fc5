/* The contract on simulated machines: two of them, without nodes, over a link of 5 ms. */
#include "core/posix/guard.h"
#include "core/posix/posix.h"
#include "sim/world/fabric.h"
#include "tests/contract/contract.h"

#include <stdlib.h>

struct sim {
    struct sim_engine *engine;
    struct sim_net *net;
    struct sim_fabric *fabric;
    struct weft_posix *posix; /* for its loader */
    struct sim_net_spec spec;
    uint32_t life[CONTRACT_NODES];
};

static void on_deliver(void *ctx, uint32_t node, const struct weft_event *event) {
    (void)ctx;
    contract_event((int)node, event);
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    (void)ctx;
    contract_trace((int)event->node, event);
}

static struct sim_net_spec link_of(weft_duration delay) {
    struct sim_net_spec spec = {.rules_count = 1};
    spec.rules[0].from_group = spec.rules[0].to_group = SIM_GROUP_ANY;
    spec.rules[0].chain.count = 1;
    spec.rules[0].chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_CONSTANT, .a = delay}};
    return spec;
}

static void sim_close(void *arg) {
    struct sim *sim = arg;
    sim_engine_free(sim->engine, sim_fabric_drop);
    sim_fabric_free(sim->fabric);
    sim_net_free(sim->net);
    weft_posix_free(sim->posix);
    free(sim);
}

static uint32_t part_of(uint64_t owner) { return owner < CONTRACT_SIBLING ? 0 : 1; }

static void *sim_open(void) {
    struct sim *sim = calloc(1, sizeof *sim);
    weft_posix_guard_install();
    sim->spec = link_of(WEFT_MS(5));
    sim->engine = sim_engine_new(7, CONTRACT_NODES);
    sim->net = sim_net_new(&sim->spec, CONTRACT_NODES, NULL, 7);
    if (weft_posix_new(&(struct weft_posix_config){.folder = NULL}, &sim->posix) != WEFT_OK) {
        abort();
    }
    struct weft_env *env = weft_posix_env(sim->posix);
    struct sim_fabric_config config = {.engine = sim->engine,
                                       .net = sim->net,
                                       .nodes = CONTRACT_NODES,
                                       .host = {&weft_posix_guard, env->loader, env},
                                       .deliver = on_deliver,
                                       .trace = on_trace,
                                       .trace_mask = WEFT_TRACE_BIT(WEFT_TRACE_LOG),
                                       .part_of = part_of};
    sim->fabric = sim_fabric_new(&config);
    for (uint32_t i = 0; i < CONTRACT_NODES; i++) {
        if (sim_fabric_up(sim->fabric, i, ++sim->life[i]) == NULL) abort();
    }
    return sim;
}

static struct weft_env *sim_env(void *arg, int node) {
    return sim_fabric_env(((struct sim *)arg)->fabric, (uint32_t)node);
}

static struct weft_env *sim_sibling(void *arg) { return sim_env(arg, CONTRACT_B); }

static struct weft_addr sim_addr(void *arg, int node, enum weft_family family) {
    (void)arg;
    return sim_world_addr((uint32_t)node, family, 0);
}

static bool sim_pump(void *arg, bool (*until)(void *arg), void *until_arg, weft_duration limit) {
    struct sim *sim = arg;
    struct sim_event event;
    weft_time end = sim_engine_now(sim->engine) + limit;
    for (;;) {
        if (until != NULL && until(until_arg)) return true;
        if (!sim_engine_next(sim->engine, end, &event)) break;
        sim_fabric_handle(sim->fabric, &event);
    }
    return until != NULL && until(until_arg);
}

static void sim_crash(void *arg, int node) {
    struct sim *sim = arg;
    uint32_t number = (uint32_t)node;
    sim_fabric_halt(sim->fabric, number, SIM_END_CRASHED);
    sim_fabric_down(sim->fabric, number);
    if (sim_fabric_up(sim->fabric, number, ++sim->life[node]) == NULL) abort();
}

/* Whoever is deaf is so with all its sockets: a claim uses one. */
static void sim_deafen(void *arg, int node, weft_socket socket) {
    struct sim *sim = arg;
    uint8_t side[CONTRACT_NODES] = {0};
    sim_layer layer;
    (void)socket;
    side[node] = 1;
    struct sim_layer_spec spec = {.kind = SIM_LAYER_SPLIT, .side = side};
    if (sim_net_layer_on(sim->net, &spec, &layer) != WEFT_OK) abort();
}

static bool sim_vanish(void *arg, int node, weft_socket socket) {
    struct sim *sim = arg;
    struct weft_env *env = sim_env(arg, node);
    sim_fabric_forget_streams(sim->fabric, (uint32_t)node);
    env->net->close(env, socket);
    return true;
}

static const struct contract_world sim_world = {.name = "contract/sim",
                                                .has_v6 = true,
                                                .is_simulated = true,
                                                .open = sim_open,
                                                .close = sim_close,
                                                .env = sim_env,
                                                .sibling = sim_sibling,
                                                .addr = sim_addr,
                                                .pump = sim_pump,
                                                .crash = sim_crash,
                                                .deafen = sim_deafen,
                                                .vanish = sim_vanish};

int main(int argc, char **argv) {
    contract_world = &sim_world;
    return contract_main(argc, argv);
}
