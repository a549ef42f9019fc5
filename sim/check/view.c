/* The view: who is up, who has joined, what is cut, which lookups are under way. */
#include "sim/check/internal.h"

#include "core/base/assert.h"

#include <stdlib.h>
#include <string.h>

void sim_check__view_init(struct sim_check__view *view, const struct sim_check_setup *setup) {
    uint32_t nodes = setup->nodes;
    weft_time healed_at = setup->core != NULL ? setup->core_at : SIM_CHECK_LONG_AGO;
    *view = (struct sim_check__view){.nodes_count = nodes,
                                     .core = setup->core,
                                     .clocks_vary = setup->clocks_vary,
                                     .healed_at = healed_at,
                                     .pause_changed_at = SIM_CHECK_LONG_AGO,
                                     .shortage_changed_at = SIM_CHECK_LONG_AGO,
                                     .changed_at = SIM_CHECK_LONG_AGO};
    view->nodes = calloc(nodes > 0 ? nodes : 1, sizeof *view->nodes);
    WEFT_ASSERT(view->nodes != NULL);
}

void sim_check__view_free(struct sim_check__view *view) {
    free(view->nodes);
    free(view->open);
    free(view->ended);
    sim_check__map_free(&view->open_index);
    sim_check__members_free(&view->members);
}

bool sim_check__view_in_core(const struct sim_check__view *view, uint32_t node) {
    WEFT_ASSERT(node < view->nodes_count);
    return view->core == NULL || view->core[node];
}

/* --- lookups under way --- */

static struct sim_check__key op_key(uint32_t node, uint64_t op) {
    return (struct sim_check__key){.a = node, .b = op};
}

/* A node that stores again looks up as well: it asks for no value, so it could not fail. */
static bool is_followed(uint64_t op, uint64_t kind) {
    if (op & WEFT_TRACE_OP_OWN) return false;
    return kind == WEFT_LOOKUP_NODES || kind == WEFT_LOOKUP_PEERS || kind == WEFT_LOOKUP_VALUE;
}

static void op_open(struct sim_check__view *view, const struct weft_trace_event *event) {
    struct sim_check__op op = {.node = event->node,
                               .kind = (enum weft_lookup_kind)event->number[1],
                               .op = event->number[0],
                               .start = event->at,
                               .joined = view->nodes[event->node].joined};
    if (!sim_check__view_in_core(view, event->node)) return;
    if (!is_followed(event->number[0], event->number[1]) ||
        !sim_check__id_at(event->bytes, 0, &op.target))
        return;
    if (sim_check__map_get(&view->open_index, op_key(op.node, op.op)) != NULL) return;
    view->open =
        sim_check__grow(view->open, view->open_count, &view->open_capacity, sizeof *view->open);
    sim_check__map_put(&view->open_index, op_key(op.node, op.op), view->open_count);
    view->open[view->open_count++] = op;
}

static void op_end(struct sim_check__view *view, size_t index, bool lost) {
    struct sim_check__op *op = &view->open[index];
    view->ended =
        sim_check__grow(view->ended, view->ended_count, &view->ended_capacity, sizeof *view->ended);
    op->lost = lost;
    view->ended[view->ended_count++] = *op;
    sim_check__map_remove(&view->open_index, op_key(op->node, op->op));
    view->open_count--;
    if (index == view->open_count) return;
    *op = view->open[view->open_count];
    sim_check__map_put(&view->open_index, op_key(op->node, op->op), index);
}

static void op_done(struct sim_check__view *view, const struct weft_trace_event *event) {
    uint64_t *index = sim_check__map_get(&view->open_index, op_key(event->node, event->number[0]));
    if (index != NULL) op_end(view, (size_t)*index, false);
}

static void ops_lose(struct sim_check__view *view, uint32_t node) {
    for (size_t i = view->open_count; i-- > 0;) {
        if (view->open[i].node == node) op_end(view, i, true);
    }
}

/* --- nodes --- */

static void members_changed(struct sim_check__view *view, weft_time at) {
    view->changed_at = at;
    view->members_stale = true;
}

static void dht_gone(struct sim_check__view *view, const struct weft_trace_event *event) {
    struct sim_check__node *node = &view->nodes[event->node];
    ops_lose(view, event->node);
    if (!node->has_dht) return;
    node->has_dht = node->joined = false;
    node->contacts = 0;
    members_changed(view, event->at);
}

static void dht_up(struct sim_check__view *view, const struct weft_trace_event *event) {
    dht_gone(view, event);
    struct sim_check__node *node = &view->nodes[event->node];
    node->has_dht = true;
    node->read_only = event->number[0] != 0;
    node->k = (uint32_t)event->number[2];
    node->dht_up_at = event->at;
    node->id_known = sim_check__id_at(event->bytes, 0, &node->id);
    members_changed(view, event->at);
}

static void dht_joined(struct sim_check__view *view, const struct weft_trace_event *event) {
    struct sim_check__node *node = &view->nodes[event->node];
    if (!node->has_dht || node->joined) return;
    node->joined = true;
    members_changed(view, event->at);
}

static void dht_table(struct sim_check__view *view, const struct weft_trace_event *event) {
    struct sim_check__node *node = &view->nodes[event->node];
    if (!node->has_dht) return;
    node->contacts = (uint32_t)(event->number[0] + event->number[1]);
    if (node->contacts > 0) dht_joined(view, event);
}

static void node_up(struct sim_check__view *view, const struct weft_trace_event *event) {
    struct sim_check__node *node = &view->nodes[event->node];
    *node = (struct sim_check__node){.up = true, .up_at = event->at};
    members_changed(view, event->at);
}

static void node_down(struct sim_check__view *view, const struct weft_trace_event *event) {
    dht_gone(view, event);
    view->nodes[event->node].up = false;
    members_changed(view, event->at);
}

static void child_down(struct sim_check__view *view, const struct weft_trace_event *event) {
    if (weft_bytes_equal(event->bytes, weft_bytes_text("dht"))) dht_gone(view, event);
}

/* --- cuts --- */

static bool is_cut(uint64_t kind) {
    return kind == SIM_CHECK_CUT_PARTITION || kind == SIM_CHECK_CUT_ISOLATE ||
           kind == SIM_CHECK_CUT_PAUSE || kind == SIM_CHECK_CUT_DEGRADE ||
           kind == SIM_CHECK_CUT_REBIND || kind == SIM_CHECK_CUT_MOVE ||
           kind == SIM_CHECK_CUT_SLOW || kind == SIM_CHECK_CUT_OUTAGE ||
           kind == SIM_CHECK_CUT_OVERFLOW || kind == SIM_CHECK_CUT_MEMORY;
}

/* A node may stand still, and its timers be late. */
static bool is_pause(uint64_t kind) {
    return kind == SIM_CHECK_CUT_PAUSE || kind == SIM_CHECK_CUT_SLOW ||
           kind == SIM_CHECK_CUT_OUTAGE || kind == SIM_CHECK_CUT_OVERFLOW;
}

static void fault_on(struct sim_check__view *view, const struct weft_trace_event *event) {
    if (!is_cut(event->number[1])) return;
    view->cuts++;
    view->changed_at = event->at;
    if (event->number[1] == SIM_CHECK_CUT_MEMORY) view->shortages++;
    if (!is_pause(event->number[1])) return;
    view->pauses++;
    view->pause_changed_at = event->at;
}

static void fault_off(struct sim_check__view *view, const struct weft_trace_event *event) {
    if (!is_cut(event->number[1]) || view->cuts == 0) return;
    view->cuts--;
    view->changed_at = event->at;
    if (view->cuts == 0) view->healed_at = event->at;
    if (event->number[1] == SIM_CHECK_CUT_MEMORY && view->shortages > 0) {
        view->shortages--;
        view->shortage_changed_at = event->at;
    }
    if (!is_pause(event->number[1]) || view->pauses == 0) return;
    view->pauses--;
    view->pause_changed_at = event->at;
}

static void trace_fault(struct sim_check__view *view, const struct weft_trace_event *event) {
    if (view->core != NULL) return;
    if (event->kind == WEFT_TRACE_FAULT_ON) fault_on(view, event);
    if (event->kind == WEFT_TRACE_FAULT_OFF) fault_off(view, event);
}

static void (*const handlers[WEFT_TRACE_KIND_COUNT])(struct sim_check__view *view,
                                                     const struct weft_trace_event *event) = {
    [WEFT_TRACE_NODE_UP] = node_up,
    [WEFT_TRACE_NODE_DOWN] = node_down,
    [WEFT_TRACE_DHT_UP] = dht_up,
    [WEFT_TRACE_DHT_DOWN] = dht_gone,
    [WEFT_TRACE_DHT_JOINED] = dht_joined,
    [WEFT_TRACE_DHT_TABLE] = dht_table,
    [WEFT_TRACE_LOOKUP_START] = op_open,
    [WEFT_TRACE_LOOKUP_DONE] = op_done,
    [WEFT_TRACE_SUP_CHILD_DOWN] = child_down,
};

void sim_check__view_trace(struct sim_check__view *view, const struct weft_trace_event *event) {
    view->ended_count = 0;
    if (event->kind == WEFT_TRACE_FAULT_ON || event->kind == WEFT_TRACE_FAULT_OFF) {
        trace_fault(view, event);
        return;
    }
    if (event->node == WEFT_TRACE_NODE_NONE) return;
    WEFT_ASSERT(event->node < view->nodes_count);
    WEFT_ASSERT(event->kind < WEFT_TRACE_KIND_COUNT);
    if (handlers[event->kind] != NULL) handlers[event->kind](view, event);
}

void sim_check__view_stop(struct sim_check__view *view) {
    view->ended_count = 0;
    while (view->open_count > 0) op_end(view, view->open_count - 1, true);
}

bool sim_check__view_healed(const struct sim_check__view *view, weft_time start,
                            weft_duration within) {
    return view->cuts == 0 && view->healed_at + within <= start;
}

bool sim_check__view_calm(const struct sim_check__view *view, weft_time start,
                          weft_duration within) {
    if (view->core != NULL) return sim_check__view_healed(view, start, within);
    return view->cuts == 0 && view->changed_at + within <= start;
}

struct sim_check__members *sim_check__view_members(struct sim_check__view *view) {
    if (!view->members_stale) return &view->members;
    view->members_stale = false;
    sim_check__members_clear(&view->members);
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct sim_check__node *node = &view->nodes[i];
        if (!sim_check__view_in_core(view, i)) continue;
        if (!node->has_dht || !node->joined || node->read_only || !node->id_known) continue;
        sim_check__members_add(&view->members, &node->id, i);
    }
    return &view->members;
}
