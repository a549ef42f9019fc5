/* no_surprise: nothing breaks that the scenario did not break.
 *
 * A node that cannot start says so: no surprise when a call of it was refused just then, as it has
 * to survive that later. A planted fault ends a process with a text that begins "planted"; what
 * follows in the same node within `within` (a supervisor that gives up, a node that ends) is its
 * doing, and what a supervisor gives up for want of memory that of the fault `memory`. Neither that
 * nor what the scenario itself did to a node is counted: it could not have failed. */
#include "sim/check/internal.h"

#include "core/base/assert.h"

#include <stdlib.h>

struct no_surprise {
    struct sim_check__ctx ctx;
    weft_time *planted_at; /* by node; NULL until the first */
    bool refused;          /* one call of a node was */
    weft_time refused_at;
    uint32_t refused_node;
};

static bool contains(struct weft_bytes bytes, const char *text) {
    size_t size = strlen(text);
    for (size_t i = 0; i + size <= bytes.size; i++) {
        if (memcmp(bytes.data + i, text, size) == 0) return true;
    }
    return false;
}

static void note_planted(struct no_surprise *check, const struct weft_trace_event *event) {
    uint32_t nodes = check->ctx.view->nodes_count;
    if (check->planted_at == NULL) {
        check->planted_at = calloc(nodes, sizeof *check->planted_at);
        WEFT_ASSERT(check->planted_at != NULL);
        for (uint32_t i = 0; i < nodes; i++) check->planted_at[i] = SIM_CHECK_LONG_AGO;
    }
    WEFT_ASSERT(event->node < nodes);
    check->planted_at[event->node] = event->at;
}

static bool is_explained(const struct no_surprise *check, const struct weft_trace_event *event) {
    const struct sim_check__view *view = check->ctx.view;
    if (view->shortages > 0 || view->shortage_changed_at + check->ctx.within >= event->at)
        return true;
    if (check->planted_at == NULL) return false;
    return check->planted_at[event->node] + check->ctx.within >= event->at;
}

static void on_exit_of(struct no_surprise *check, const struct weft_trace_event *event) {
    if (event->number[3] == 0) {
        sim_check__held(&check->ctx);
        return;
    }
    if (contains(event->bytes, "planted")) {
        note_planted(check, event);
        return;
    }
    int shown = event->bytes.size < 120 ? (int)event->bytes.size : 120;
    sim_check__failed(&check->ctx, event->at, event->node, "a process faulted: %.*s", shown,
                      shown > 0 ? (const char *)event->bytes.data : "");
}

static void judge(struct no_surprise *check, const struct weft_trace_event *event,
                  const char *what) {
    if (is_explained(check, event)) return;
    sim_check__failed(&check->ctx, event->at, event->node, "%s", what);
}

static void on_unstarted(struct no_surprise *check, const struct weft_trace_event *event) {
    bool is_that = check->refused && check->refused_node == event->node;
    if (!is_that || check->refused_at != event->at) judge(check, event, "the node did not start");
}

static void trace(void *state, const struct weft_trace_event *event) {
    struct no_surprise *check = state;
    if (event->kind == WEFT_TRACE_PROC_EXIT) on_exit_of(check, event);
    if (event->kind == WEFT_TRACE_FAULT_BIT && event->number[1] == 0) {
        check->refused = true;
        check->refused_at = event->at;
        check->refused_node = event->node;
    }
    if (event->kind == WEFT_TRACE_NODE_DOWN && event->number[2] == WEFT_NODE_UNSTARTED)
        on_unstarted(check, event);
    if (event->kind == WEFT_TRACE_SUP_GIVE_UP) judge(check, event, "a supervisor gave up");
    bool by_itself = event->kind == WEFT_TRACE_NODE_DOWN && event->number[2] == WEFT_NODE_ENDED;
    if (by_itself) judge(check, event, "the node ended by itself");
}

static void deinit(void *state) {
    struct no_surprise *check = state;
    free(check->planted_at);
}

const struct sim_check__ops sim_check__no_surprise = {
    .mask = WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_GIVE_UP) |
            WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN) | WEFT_TRACE_BIT(WEFT_TRACE_FAULT_BIT),
    .within = WEFT_S(10),
    .judges_stopping = true,
    .state_size = sizeof(struct no_surprise),
    .trace = trace,
    .deinit = deinit,
};
