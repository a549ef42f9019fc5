/* dead_forgotten: no lookup returns a node that has been dead for long. */
#include "sim/check/internal.h"

#include <stdlib.h>

struct death {
    weft_id id;
    weft_time at;
};

/* Deaths in order of time. One counts while `dead` still gives its id the same time. */
struct dead_forgotten {
    struct sim_check__ctx ctx;
    struct sim_check__map dead; /* id to when it died */
    struct death *deaths;
    size_t head, count, capacity;
};

static void on_node_down(struct dead_forgotten *check, const struct weft_trace_event *event) {
    const struct sim_check__node *node = &check->ctx.view->nodes[event->node];
    if (!node->id_known) return;
    sim_check__map_put(&check->dead, sim_check__key_of_id(&node->id), (uint64_t)event->at);
    check->deaths =
        sim_check__grow(check->deaths, check->count, &check->capacity, sizeof *check->deaths);
    check->deaths[check->count++] = (struct death){.id = node->id, .at = event->at};
}

static void on_dht_up(struct dead_forgotten *check, const struct weft_trace_event *event) {
    weft_id id;
    if (!sim_check__id_at(event->bytes, 0, &id)) return;
    sim_check__map_remove(&check->dead, sim_check__key_of_id(&id));
}

/* Whether some node has been dead since `before`: else a lookup had nothing to get wrong. */
static bool somebody_died(struct dead_forgotten *check, weft_time before) {
    for (; check->head < check->count; check->head++) {
        const struct death *death = &check->deaths[check->head];
        const uint64_t *at = sim_check__map_get(&check->dead, sim_check__key_of_id(&death->id));
        if (at != NULL && (weft_time)*at == death->at) return death->at <= before;
    }
    return false;
}

static void on_lookup(struct dead_forgotten *check, const struct weft_trace_event *event) {
    weft_time start = event->at - (weft_time)event->number[7];
    weft_time before = start - check->ctx.within;
    char text[SIM_CHECK_SHORT_SIZE];
    weft_id id;
    if (!sim_check__view_in_core(check->ctx.view, event->node)) return;
    if (before < check->ctx.setup.core_at) return;
    if (!somebody_died(check, before) || !sim_check__id_at(event->bytes, 1, &id)) return;
    for (size_t i = 1; sim_check__id_at(event->bytes, i, &id); i++) {
        const uint64_t *at = sim_check__map_get(&check->dead, sim_check__key_of_id(&id));
        if (at == NULL || (weft_time)*at > before) continue;
        sim_check__failed(&check->ctx, event->at, event->node,
                          "a lookup returned %s, dead for %lld s when it began",
                          sim_check__short(&id, text),
                          (long long)((start - (weft_time)*at) / WEFT_S(1)));
        return;
    }
    sim_check__held(&check->ctx);
}

static void trace(void *state, const struct weft_trace_event *event) {
    struct dead_forgotten *check = state;
    if (event->kind == WEFT_TRACE_NODE_DOWN) on_node_down(check, event);
    if (event->kind == WEFT_TRACE_DHT_UP) on_dht_up(check, event);
    if (event->kind == WEFT_TRACE_LOOKUP_DONE) on_lookup(check, event);
}

static void deinit(void *state) {
    struct dead_forgotten *check = state;
    free(check->deaths);
    sim_check__map_free(&check->dead);
}

const struct sim_check__ops sim_check__dead_forgotten = {
    .mask = SIM_CHECK_MASK_NODES | WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE),
    .within = WEFT_S(60),
    .is_of_core = true,
    .state_size = sizeof(struct dead_forgotten),
    .trace = trace,
    .deinit = deinit,
};
