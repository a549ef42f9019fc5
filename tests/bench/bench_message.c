/* Messages between nodes that do nothing: whoever gets one sends one to a random other. The whole
 * engine below weft_node: machines with a socket, links whose delay is drawn, a fault on the
 * network that has to be asked, the run's hash. Beside it a bare loop: a binary heap and 256 bytes
 * of state.
 *
 *     bench_message [nodes ...]    default 10000 100000 1000000 */
#define _POSIX_C_SOURCE 200809L
#include "core/base/rand.h"
#include "core/env/env.h"
#include "sim/world/fabric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 4000000u
#define PORT 1000

static uint64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Bytes of memory this process has now. */
static double resident(void) {
    unsigned long all = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%lu %lu", &all, &pages) != 2) abort();
    fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* --- the engine --- */

struct mesh {
    struct sim_engine *engine;
    struct sim_net *net;
    struct sim_net_spec spec;
    struct sim_fabric *fabric;
    uint32_t nodes;
    uint64_t received;
    weft_socket first; /* everybody's only socket has this number */
};

static void send(struct mesh *mesh, uint32_t from, weft_socket socket, uint64_t number) {
    struct weft_env *env = sim_fabric_env(mesh->fabric, from);
    uint64_t raw = weft_draw__mix(number);
    uint32_t to = (uint32_t)weft_scale(raw, mesh->nodes);
    struct weft_addr addr = sim_world_addr(to, WEFT_FAMILY_V4, PORT);
    uint64_t message[2] = {raw, number};
    if (env->net->datagram_send(env, socket, &addr, message, sizeof message) != WEFT_OK) abort();
}

static void on_deliver(void *ctx, uint32_t node, const struct weft_event *event) {
    struct mesh *mesh = ctx;
    uint64_t message[2];
    memcpy(message, event->data, sizeof message);
    mesh->received++;
    send(mesh, node, event->socket, message[0]);
}

static void open_mesh(struct mesh *mesh, uint32_t nodes) {
    *mesh = (struct mesh){.spec = {.rules_count = 1}, .nodes = nodes};
    struct sim_rule *rule = &mesh->spec.rules[0];
    rule->from_group = rule->to_group = SIM_GROUP_ANY;
    rule->chain.count = 1;
    rule->chain.elements[0] = (struct sim_element){
        .kind = SIM_ELEMENT_DELAY,
        .delay = {.kind = SIM_DELAY_UNIFORM, .a = WEFT_MS(5), .b = WEFT_MS(95)}};
    mesh->engine = sim_engine_new(1, nodes);
    mesh->net = sim_net_new(&mesh->spec, nodes, NULL, 1);
    struct sim_fabric_config config = {.engine = mesh->engine,
                                       .net = mesh->net,
                                       .nodes = nodes,
                                       .deliver = on_deliver,
                                       .ctx = mesh};
    mesh->fabric = sim_fabric_new(&config);
    if (mesh->fabric == NULL) abort();
    for (uint32_t i = 0; i < nodes; i++) {
        struct weft_env *env = sim_fabric_up(mesh->fabric, i, 1);
        struct weft_addr addr = sim_world_addr(i, WEFT_FAMILY_V4, PORT);
        weft_socket socket;
        if (env->net->datagram_open(env, &addr, 1, &socket) != WEFT_OK) abort();
        if (i == 0) mesh->first = socket;
    }
}

static void cut_nobody(struct mesh *mesh) {
    sim_layer layer;
    uint8_t *side = malloc(mesh->nodes);
    if (side == NULL) abort();
    memset(side, SIM_SIDE_NONE, mesh->nodes);
    struct sim_layer_spec spec = {.kind = SIM_LAYER_SPLIT, .side = side};
    if (sim_net_layer_on(mesh->net, &spec, &layer) != WEFT_OK) abort();
    free(side);
}

static void close_mesh(struct mesh *mesh) {
    sim_engine_free(mesh->engine, sim_fabric_drop);
    sim_fabric_free(mesh->fabric);
    sim_net_free(mesh->net);
}

static void run_for(struct mesh *mesh, uint64_t messages) {
    struct sim_event event;
    for (uint64_t end = mesh->received + messages; mesh->received < end;) {
        if (!sim_engine_next(mesh->engine, WEFT_TIME_NEVER, &event)) abort();
        sim_fabric_handle(mesh->fabric, &event);
    }
}

static void engine_row(uint32_t nodes, uint64_t messages) {
    struct mesh mesh;
    double before = resident();
    open_mesh(&mesh, nodes);
    cut_nobody(&mesh);
    for (uint32_t i = 0; i < nodes; i++) send(&mesh, i, mesh.first, i);
    run_for(&mesh, nodes * 2u);
    uint64_t start = cpu_ns();
    run_for(&mesh, messages);
    double ns = (double)(cpu_ns() - start) / (double)messages;
    double bytes = (resident() - before) / nodes;
    char hash[SIM_HASH_TEXT_SIZE];
    sim_hash_text(sim_engine_hash(mesh.engine), hash);
    printf("message nodes=%u ns/message=%.1f bytes/node=%.0f hash=%s\n", nodes, ns, bytes, hash);
    fflush(stdout);
    close_mesh(&mesh);
}

int main(int count, char **words) {
    static const uint32_t sizes[] = {10000, 100000, 1000000};
    for (size_t i = 0; count < 2 && i < sizeof sizes / sizeof sizes[0]; i++) {
        engine_row(sizes[i], MESSAGES);
    }
    for (int i = 1; i < count; i++) engine_row((uint32_t)strtoul(words[i], NULL, 10), MESSAGES);
    return 0;
}
