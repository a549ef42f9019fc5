/* Messages between nodes that do nothing: whoever gets one sends one to a random other. The whole
 * engine below weft_node: machines with a socket, links whose delay is drawn, a fault on the
 * network that has to be asked, the run's hash. The
 * same once more with a trace of all packets that nobody keeps: what a mask costs.
 * Beside it bare loops in which 256 bytes of state are read and written: over a binary heap of
 * events by value, and over a key wheel that fetches what comes.
 *
 *     bench_message [--csv] [nodes ...]    default 10000 100000 1000000; --csv: rows for
 *                                          `weft plot`'s growth picture instead; one size a
 *                                          call, as `bytes` is the most this process ever had
 *     bench_message --alone messages nodes the engine alone, so many messages: for valgrind, where
 *                                          the difference of two lengths is what a message takes */
#define _POSIX_C_SOURCE 200809L
#include "core/base/rand.h"
#include "core/env/env.h"
#include "sim/cli/memory.h"
#include "sim/world/fabric.h"
#include "tests/bench/queue/key_wheel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static uint64_t traced;

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    (void)ctx;
    (void)event;
    traced++;
}

static void open_mesh(struct mesh *mesh, uint32_t nodes, uint64_t mask) {
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
                                       .trace = on_trace,
                                       .trace_mask = mask,
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

struct cost {
    double ns, bytes; /* a message, a node */
    char hash[SIM_HASH_TEXT_SIZE];
};

static struct cost engine_cost(uint32_t nodes, uint64_t messages, uint64_t mask) {
    struct cost cost;
    struct mesh mesh;
    double before = resident();
    open_mesh(&mesh, nodes, mask);
    cut_nobody(&mesh);
    for (uint32_t i = 0; i < nodes; i++) send(&mesh, i, mesh.first, i);
    run_for(&mesh, nodes * 2u);
    uint64_t start = cpu_ns();
    run_for(&mesh, messages);
    cost.ns = (double)(cpu_ns() - start) / (double)messages;
    cost.bytes = (resident() - before) / nodes;
    sim_hash_text(sim_engine_hash(mesh.engine), cost.hash);
    close_mesh(&mesh);
    return cost;
}

/* --- a bare loop --- */

#define STATE_WORDS 32 /* 256 bytes */

struct item {
    weft_time at;
    uint64_t number, more[5];
    uint32_t to, from;
};

struct heap {
    struct item *items;
    size_t count;
    uint64_t number;
};

static bool before(const struct item *a, const struct item *b) {
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void heap_push(struct heap *heap, struct item item) {
    item.number = heap->number++;
    size_t i = heap->count++;
    for (; i > 0 && before(&item, &heap->items[(i - 1) / 2]); i = (i - 1) / 2)
        heap->items[i] = heap->items[(i - 1) / 2];
    heap->items[i] = item;
}

static struct item heap_pop(struct heap *heap) {
    struct item first = heap->items[0], last = heap->items[--heap->count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < heap->count; at = child) {
        struct item *both = &heap->items[child];
        if (child + 1 < heap->count && before(&both[1], &both[0])) child++;
        if (!before(&heap->items[child], &last)) break;
        heap->items[at] = heap->items[child];
    }
    heap->items[at] = last;
    return first;
}

static weft_duration bare_delay(uint64_t raw) {
    return WEFT_MS(5) + (weft_duration)weft_scale(raw, (uint64_t)WEFT_MS(90));
}

/* What a loop does with a message: the same over both queues. */
static void bare_handle(struct item *item, uint64_t *state, uint64_t count, uint32_t nodes) {
    uint64_t raw = weft_draw__mix(count ^ state[0]);
    for (size_t j = 0; j < STATE_WORDS; j++) state[j] += raw + j;
    item->from = item->to;
    item->to = (uint32_t)weft_scale(raw, nodes);
    item->at += bare_delay(weft_draw__mix(raw));
}

static double bare_ns(uint32_t nodes, uint64_t messages, uint64_t *check) {
    struct heap heap = {.items = malloc((nodes + 1) * sizeof(struct item))};
    uint64_t(*states)[STATE_WORDS] = calloc(nodes, sizeof *states);
    if (heap.items == NULL || states == NULL) abort();
    for (uint32_t i = 0; i < nodes; i++)
        heap_push(&heap, (struct item){.at = bare_delay(weft_draw__mix(i)), .to = i});
    uint64_t start = 0, warm = nodes * UINT64_C(2);
    for (uint64_t i = 0; i < messages + warm; i++) {
        if (i == warm) start = cpu_ns();
        struct item item = heap_pop(&heap);
        bare_handle(&item, states[item.to], i, nodes);
        *check += (uint64_t)item.at * (i + 1);
        heap_push(&heap, item);
    }
    double ns = (double)(cpu_ns() - start) / (double)messages;
    free(heap.items);
    free(states);
    return ns;
}

/* The key that comes six pops later tells whose state to fetch. */
static void fetch_ahead(const struct run *run, const struct item *items,
                        uint64_t (*states)[STATE_WORDS]) {
    __builtin_prefetch(&items[key_slot(run_ahead(run, FETCH_AHEAD))], 1);
    const char *state = (const char *)states[items[key_slot(run_ahead(run, FETCH_AHEAD / 2))].to];
    for (size_t i = 0; i < sizeof *states; i += 64) __builtin_prefetch(state + i, 1);
}

static double bare_wheel_ns(uint32_t nodes, uint64_t messages, uint64_t *check) {
    static struct key_wheel wheel;
    struct item *items = calloc(nodes, sizeof *items);
    uint64_t(*states)[STATE_WORDS] = calloc(nodes, sizeof *states);
    uint64_t start = 0, warm = nodes * UINT64_C(2), number = 0;
    if (items == NULL || states == NULL) abort();
    memset(&wheel, 0, sizeof wheel);
    for (uint32_t i = 0; i < nodes; i++) {
        items[i] = (struct item){.at = bare_delay(weft_draw__mix(i)), .to = i};
        key_wheel_push(&wheel, key_of(items[i].at, number++, i));
    }
    for (uint64_t i = 0; i < messages + warm; i++) {
        if (i == warm) start = cpu_ns();
        size_t at = key_slot(key_wheel_pop(&wheel));
        fetch_ahead(&wheel.run, items, states);
        bare_handle(&items[at], states[items[at].to], i, nodes);
        *check += (uint64_t)items[at].at * (i + 1);
        key_wheel_push(&wheel, key_of(items[at].at, number++, at));
    }
    double ns = (double)(cpu_ns() - start) / (double)messages;
    key_wheel_deinit(&wheel);
    free(items);
    free(states);
    return ns;
}

static void print_row(uint32_t nodes, bool csv) {
    uint64_t packets =
        WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT) | WEFT_TRACE_BIT(WEFT_TRACE_PACKET_RECEIVED);
    struct cost cost = engine_cost(nodes, MESSAGES, 0);
    if (csv) {
        printf("message,%u,%u,%.6f,%llu\n", nodes, MESSAGES, cost.ns * MESSAGES / 1e9,
               (unsigned long long)cli_memory_peak());
    } else {
        struct cost asked = engine_cost(nodes, MESSAGES, packets);
        uint64_t check[2] = {0};
        double heap = bare_ns(nodes, MESSAGES, &check[0]);
        double wheel = bare_wheel_ns(nodes, MESSAGES, &check[1]);
        if (traced == 0 || strcmp(cost.hash, asked.hash) != 0 || check[0] != check[1]) abort();
        printf("message nodes=%u ns/message=%.1f traced_ns=%.1f bare_heap_ns=%.1f "
               "bare_wheel_ns=%.1f bare_heap/engine=%.2f bare_wheel/engine=%.2f bytes/node=%.0f "
               "hash=%s\n",
               nodes, cost.ns, asked.ns, heap, wheel, heap / cost.ns, wheel / cost.ns, cost.bytes,
               cost.hash);
    }
    fflush(stdout);
}

static void print_alone(uint64_t messages, uint32_t nodes) {
    struct cost cost = engine_cost(nodes, messages, 0);
    printf("message nodes=%u messages=%llu hash=%s\n", nodes, (unsigned long long)messages,
           cost.hash);
}

int main(int count, char **words) {
    static const uint32_t sizes[] = {10000, 100000, 1000000};
    if (count == 4 && strcmp(words[1], "--alone") == 0) {
        print_alone(strtoull(words[2], NULL, 10), (uint32_t)strtoul(words[3], NULL, 10));
        return 0;
    }
    bool csv = count > 1 && strcmp(words[1], "--csv") == 0;
    int first = csv ? 2 : 1;
    cli_memory_prepare(); /* as `weft run` does */
    if (csv) printf("scenario,nodes,events,wall_s,bytes\n");
    for (size_t i = 0; count <= first && i < sizeof sizes / sizeof sizes[0]; i++)
        print_row(sizes[i], csv);
    for (int i = first; i < count; i++) print_row((uint32_t)strtoul(words[i], NULL, 10), csv);
    return 0;
}
