/* restarted: a permanent child that died runs again.
 *
 * Of a core: also one that died before, and waits since the core was healed. */
#include "sim/check/internal.h"

#include "core/base/hash.h"

#include <stdlib.h>

#define CHILD_ID_SHOWN 32

struct death {
    struct sim_check__key key;
    uint64_t sup;
    uint32_t node;
    weft_time at;
    char id[CHILD_ID_SHOWN];
    bool open;
};

/* Deaths wait in order of time, and so of deadline: [head, count) may be open. */
struct restarted {
    struct sim_check__ctx ctx;
    struct death *deaths;
    size_t head, count, capacity;
    struct sim_check__map index; /* (node, sup, id) to index in `deaths` */
};

static struct sim_check__key child_key(const struct weft_trace_event *event) {
    uint64_t id = weft_fold_bytes(event->node, event->bytes.data, event->bytes.size);
    return (struct sim_check__key){.a = event->number[0], .b = id};
}

static void death_close(struct restarted *check, struct death *death) {
    if (!death->open) return;
    death->open = false;
    sim_check__map_remove(&check->index, death->key);
}

static void on_child_down(struct restarted *check, const struct weft_trace_event *event) {
    bool permanent = event->number[2] == SIM_CHECK_PERMANENT, will_restart = event->number[4] != 0;
    struct sim_check__key key = child_key(event);
    if (!sim_check__view_in_core(check->ctx.view, event->node)) return;
    if (!permanent || !will_restart || sim_check__map_get(&check->index, key) != NULL) return;
    if (check->head == check->count) check->head = check->count = 0;
    check->deaths =
        sim_check__grow(check->deaths, check->count, &check->capacity, sizeof *check->deaths);
    struct death death = {.key = key, .sup = event->number[0], .node = event->node, .open = true};
    death.at =
        weft_time_max(event->at, check->ctx.setup.core != NULL ? check->ctx.setup.core_at : 0);
    size_t size = event->bytes.size < sizeof death.id ? event->bytes.size : sizeof death.id - 1;
    if (size > 0) memcpy(death.id, event->bytes.data, size);
    sim_check__map_put(&check->index, key, check->count);
    check->deaths[check->count++] = death;
}

static void on_child_up(struct restarted *check, const struct weft_trace_event *event) {
    const uint64_t *index = sim_check__map_get(&check->index, child_key(event));
    if (index == NULL) return;
    if (check->deaths[*index].at <= event->at) sim_check__held(&check->ctx);
    death_close(check, &check->deaths[*index]);
}

/* Nobody promises any more: the child was taken out on request. */
static void on_child_removed(struct restarted *check, const struct weft_trace_event *event) {
    const uint64_t *index = sim_check__map_get(&check->index, child_key(event));
    if (index != NULL) death_close(check, &check->deaths[*index]);
}

/* `sup` 0: every one of the node. A supervisor that gave up is a child its own supervisor owes. */
static void close_all(struct restarted *check, uint32_t node, uint64_t sup) {
    for (size_t i = check->head; i < check->count; i++) {
        struct death *death = &check->deaths[i];
        if (death->node == node && (sup == 0 || death->sup == sup)) death_close(check, death);
    }
}

static void tick(void *state, weft_time at) {
    struct restarted *check = state;
    for (; check->head < check->count; check->head++) {
        struct death *death = &check->deaths[check->head];
        if (death->at + check->ctx.within >= at) return;
        bool paused = check->ctx.view->pauses > 0 || check->ctx.view->pause_changed_at >= death->at;
        if (death->open && !paused) {
            sim_check__failed(&check->ctx, death->at + check->ctx.within, death->node,
                              "child \"%s\" was not restarted", death->id);
        }
        death_close(check, death);
    }
}

static void trace(void *state, const struct weft_trace_event *event) {
    struct restarted *check = state;
    if (event->kind == WEFT_TRACE_SUP_CHILD_DOWN) on_child_down(check, event);
    if (event->kind == WEFT_TRACE_SUP_CHILD_UP) on_child_up(check, event);
    if (event->kind == WEFT_TRACE_SUP_CHILD_REMOVED) on_child_removed(check, event);
    if (event->kind == WEFT_TRACE_SUP_GIVE_UP) close_all(check, event->node, event->number[0]);
    if (event->kind == WEFT_TRACE_NODE_DOWN) close_all(check, event->node, 0);
}

static void deinit(void *state) {
    struct restarted *check = state;
    free(check->deaths);
    sim_check__map_free(&check->index);
}

const struct sim_check__ops sim_check__restarted = {
    .mask = SIM_CHECK_MASK_CUTS | WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_DOWN) |
            WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_UP) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_REMOVED) |
            WEFT_TRACE_BIT(WEFT_TRACE_SUP_GIVE_UP) | WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN),
    .within = WEFT_S(5),
    .is_of_core = true,
    .state_size = sizeof(struct restarted),
    .tick = tick,
    .trace = trace,
    .deinit = deinit,
};
