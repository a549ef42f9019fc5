/* tables: a routing table fills up in time.
 *
 * A DHT is settled once it has been up for `within`. N counts the settled ones: nobody is asked to
 * know who came a moment ago.
 *
 * Of a core each node is judged once, `within` after it was healed: its DHT has to be up, and to
 * know of the others of the core, or of as many. */
#include "sim/check/internal.h"

#include "core/base/assert.h"

#include <stdlib.h>

struct arrival {
    uint32_t node;
    weft_time at;
};

/* Arrivals wait in order of time, and so of deadline.
 * I1  settled[i] implies the node's DHT is up; settled_count counts those not read-only. */
struct tables {
    struct sim_check__ctx ctx;
    struct arrival *arrivals;
    size_t head, count, capacity;
    bool *settled;
    bool *counted;
    uint32_t settled_count;
    bool core_judged;
    weft_time heal_due; /* SIM_CHECK_LONG_AGO: no heal waits to be judged */
};

static void prepare(struct tables *check) {
    if (check->settled != NULL) return;
    size_t nodes = check->ctx.view->nodes_count > 0 ? check->ctx.view->nodes_count : 1;
    check->settled = calloc(nodes, sizeof *check->settled);
    check->counted = calloc(nodes, sizeof *check->counted);
    WEFT_ASSERT(check->settled != NULL);
    WEFT_ASSERT(check->counted != NULL);
    check->heal_due = SIM_CHECK_LONG_AGO;
}

static void unsettle(struct tables *check, uint32_t node) {
    if (check->counted[node]) check->settled_count--;
    check->settled[node] = check->counted[node] = false;
}

static bool still_there(const struct tables *check, const struct arrival *arrival) {
    const struct sim_check__node *node = &check->ctx.view->nodes[arrival->node];
    return node->has_dht && node->dht_up_at == arrival->at;
}

static void settle(struct tables *check, const struct arrival *arrival) {
    if (check->settled[arrival->node]) return;
    check->settled[arrival->node] = true;
    if (check->ctx.view->nodes[arrival->node].read_only) return;
    check->counted[arrival->node] = true;
    check->settled_count++;
}

static void judge(struct tables *check, uint32_t node, weft_time at) {
    const struct sim_check__node *seen = &check->ctx.view->nodes[node];
    uint32_t others = check->settled_count - (check->counted[node] ? 1 : 0);
    uint32_t wanted = seen->k < others ? seen->k : others;
    if (wanted == 0) return;
    if (seen->contacts >= wanted) {
        sim_check__held(&check->ctx);
        return;
    }
    sim_check__failed(&check->ctx, at, node, "its table holds %u contacts, %u expected",
                      seen->contacts, wanted);
}

/* Those who came at one time settle together, then each is judged: they owe one another. */
static void judge_together(struct tables *check, size_t first, size_t end) {
    const struct sim_check__view *view = check->ctx.view;
    for (size_t i = first; i < end; i++) {
        if (still_there(check, &check->arrivals[i])) settle(check, &check->arrivals[i]);
    }
    for (size_t i = first; i < end; i++) {
        const struct arrival *arrival = &check->arrivals[i];
        if (view->cuts > 0 || arrival->at < view->healed_at) continue;
        if (still_there(check, arrival)) {
            judge(check, arrival->node, arrival->at + check->ctx.within);
        }
    }
}

static void judge_arrivals(struct tables *check, weft_time at) {
    while (check->head < check->count) {
        size_t end = check->head;
        weft_time came = check->arrivals[end].at;
        if (came + check->ctx.within >= at) return;
        while (end < check->count && check->arrivals[end].at == came) end++;
        judge_together(check, check->head, end);
        check->head = end;
    }
}

static void judge_heal(struct tables *check) {
    for (uint32_t i = 0; i < check->ctx.view->nodes_count; i++) {
        bool before = check->ctx.view->nodes[i].dht_up_at < check->ctx.view->healed_at;
        if (check->settled[i] && before) judge(check, i, check->heal_due);
    }
    check->heal_due = SIM_CHECK_LONG_AGO;
}

static void settle_core(struct tables *check) {
    const struct sim_check__view *view = check->ctx.view;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct arrival arrival = {.node = i};
        if (view->core[i] && view->nodes[i].has_dht) settle(check, &arrival);
    }
}

static void judge_core(struct tables *check, weft_time at) {
    const struct sim_check__view *view = check->ctx.view;
    settle_core(check);
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        if (!view->core[i]) continue;
        if (view->nodes[i].has_dht)
            judge(check, i, at);
        else
            sim_check__failed(&check->ctx, at, i, "its DHT is not up");
    }
}

static void tick_core(struct tables *check, weft_time at) {
    weft_time due = check->ctx.setup.core_at + check->ctx.within;
    if (check->core_judged || due >= at) return;
    check->core_judged = true;
    judge_core(check, due);
}

static void tick(void *state, weft_time at) {
    struct tables *check = state;
    prepare(check);
    if (check->ctx.view->core != NULL) {
        tick_core(check, at);
        return;
    }
    judge_arrivals(check, at);
    if (check->heal_due != SIM_CHECK_LONG_AGO && check->heal_due < at) judge_heal(check);
}

static void on_dht_up(struct tables *check, const struct weft_trace_event *event) {
    if (check->head == check->count) check->head = check->count = 0;
    check->arrivals =
        sim_check__grow(check->arrivals, check->count, &check->capacity, sizeof *check->arrivals);
    check->arrivals[check->count++] = (struct arrival){.node = event->node, .at = event->at};
}

static void trace(void *state, const struct weft_trace_event *event) {
    struct tables *check = state;
    const struct sim_check__view *view = check->ctx.view;
    prepare(check);
    if (view->core != NULL) return;
    if (event->kind == WEFT_TRACE_FAULT_ON || event->kind == WEFT_TRACE_FAULT_OFF) {
        bool healed = view->cuts == 0 && view->healed_at == event->at;
        if (view->cuts > 0) check->heal_due = SIM_CHECK_LONG_AGO;
        if (healed) check->heal_due = event->at + check->ctx.within;
        return;
    }
    if (event->node == WEFT_TRACE_NODE_NONE) return;
    bool new_life = event->kind == WEFT_TRACE_DHT_UP;
    if (new_life || !view->nodes[event->node].has_dht) unsettle(check, event->node);
    if (new_life) on_dht_up(check, event);
}

static void deinit(void *state) {
    struct tables *check = state;
    free(check->arrivals);
    free(check->settled);
    free(check->counted);
}

const struct sim_check__ops sim_check__tables = {
    .mask = SIM_CHECK_MASK_NODES | SIM_CHECK_MASK_CUTS,
    .within = WEFT_S(30),
    .is_of_core = true,
    .state_size = sizeof(struct tables),
    .tick = tick,
    .trace = trace,
    .deinit = deinit,
};
