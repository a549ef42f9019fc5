/* One operation: what it is about, and asking for it. */
#include "sim/workload/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/wire/krpc.h"

#include <stdio.h>

#define SIZE_DEFAULT 64
#define PORT_FIRST 1024
#define HEAD_MAX 8 /* "1000:" and a NUL */

struct request {
    struct weft_node_ask ask;
    weft_id key;
    unsigned char value[WEFT_ITEM_SIZE_MAX];
};

/* An item of `size` bytes in all, bencoded as a string of drawn bytes. */
static void fill_value(struct request *request, uint32_t size, struct weft_rand *rand) {
    char head[HEAD_MAX + 8];
    uint32_t wanted = size > 0 ? size : SIZE_DEFAULT;
    uint32_t body = wanted < WEFT_ITEM_SIZE_MAX - HEAD_MAX ? wanted : WEFT_ITEM_SIZE_MAX - HEAD_MAX;
    int used = snprintf(head, sizeof head, "%u:", body);
    WEFT_ASSERT(used > 0 && used <= HEAD_MAX);
    for (int i = 0; i < used; i++) request->value[i] = (unsigned char)head[i];
    weft_rand_bytes(rand, request->value + used, body);
    request->ask.data = weft_bytes(request->value, (size_t)used + body);
    weft_item_key(request->ask.data, &request->key);
}

/* Half the lookups look for a node there is, half for a random place. */
static void fill_lookup(const struct sim_works *works, struct request *request,
                        struct weft_rand *rand) {
    uint32_t node = (uint32_t)weft_rand_below(rand, sim_world_nodes(works->world));
    bool of_node = weft_rand_below(rand, 2) == 0;
    weft_rand_bytes(rand, request->key.bytes, WEFT_ID_SIZE);
    if (of_node && works->id_known[node]) request->key = works->ids[node];
    request->ask.kind = WEFT_NODE_FIND_NODES;
}

static bool fill_known(const struct sim_work__keys *keys, struct request *request,
                       struct weft_rand *rand) {
    if (keys->count == 0) return false;
    request->key = keys->list[weft_rand_below(rand, keys->count)];
    return true;
}

/* False: nothing is known to ask for. */
static bool fill(struct sim_works *works, const struct sim_work_spec *spec, struct request *request,
                 struct weft_rand *rand) {
    request->ask.repeat = spec->repeat;
    switch (spec->kind) {
    case SIM_WORK_LOOKUP:
        fill_lookup(works, request, rand);
        return true;
    case SIM_WORK_PUT:
        request->ask.kind = WEFT_NODE_PUT;
        fill_value(request, spec->size, rand);
        return true;
    case SIM_WORK_GET:
        request->ask.kind = WEFT_NODE_GET;
        return fill_known(&works->items, request, rand);
    case SIM_WORK_ANNOUNCE:
        request->ask.kind = WEFT_NODE_ANNOUNCE;
        request->ask.port = (uint16_t)(PORT_FIRST + weft_rand_below(rand, 65536 - PORT_FIRST));
        weft_rand_bytes(rand, request->key.bytes, WEFT_ID_SIZE);
        return true;
    case SIM_WORK_PEERS:
        request->ask.kind = WEFT_NODE_GET_PEERS;
        return fill_known(&works->hashes, request, rand);
    case SIM_WORK_NONE:
    case SIM_WORK_KIND_COUNT:
        break;
    }
    WEFT_UNREACHABLE("a workload has a kind");
}

static void send(struct sim_works *works, uint32_t spec, uint32_t node, struct request *request) {
    weft_time now = sim_engine_now(sim_world_engine(works->world));
    struct sim_work__pending pending = {
        .key = request->key, .asked_at = now, .node = node, .spec = spec, .open = true};
    sim_work__pending_add(works, &pending, &request->ask.op);
    request->ask.target = request->key;
    works->counts[spec].asked++;
    const uint64_t numbers[] = {spec, works->specs[spec].kind, request->ask.op};
    sim_world_trace(works->world, node, WEFT_TRACE_WORK_ASKED, numbers, 3,
                    weft_bytes(request->key.bytes, WEFT_ID_SIZE));
    int rv = sim_world_ask(works->world, node, &request->ask);
    if (rv == WEFT_OK) return;
    struct sim_work__ending ending = {.node = node, .op = request->ask.op, .status = rv};
    sim_work__end(works, &ending, SIM_WORK__STORES | SIM_WORK__LOOKUPS);
}

void sim_work__ask(struct sim_works *works, uint32_t spec, uint64_t counter) {
    struct request request = {.ask = {.op = 0}};
    struct weft_rand rand;
    weft_rand_init(&rand, sim_engine_draw(sim_world_engine(works->world), SIM_DRAW_WORK_KEY,
                                          sim_work__entity(spec), counter));
    uint32_t node = sim_work__draw_node(works, spec, counter);
    if (node == UINT32_MAX) return;
    if (fill(works, &works->specs[spec], &request, &rand)) send(works, spec, node, &request);
}
