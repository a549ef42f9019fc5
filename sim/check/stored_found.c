/* stored_found: a get of a stored key succeeds.
 *
 * Of a core: when one of it stored the key, once the core had to have converged. */
#include "sim/check/internal.h"

struct stored_found {
    struct sim_check__ctx ctx;
    struct sim_check__map stored; /* key to when it was stored first */
    struct sim_check__map kept;   /* key to when nodes begin to forget it */
};

static bool is_of_core(const struct stored_found *check, const struct weft_trace_event *event) {
    const struct sim_check__view *view = check->ctx.view;
    weft_time began = event->at - (weft_time)event->number[4];
    if (view->core == NULL) return true;
    return view->core[event->node] && sim_check__view_healed(view, began, check->ctx.within);
}

static void on_stored(struct stored_found *check, const struct weft_trace_event *event) {
    weft_id key;
    bool accepted = event->number[2] == WEFT_OK && event->number[3] > 0;
    if (event->number[1] != WEFT_STORE_VALUE || !accepted || !is_of_core(check, event)) return;
    if (!sim_check__id_at(event->bytes, 0, &key)) return;
    struct sim_check__key short_key = sim_check__key_of_id(&key);
    weft_duration lifetime = check->ctx.setup.item_lifetime;
    weft_time began = event->at - (weft_time)event->number[4];
    weft_time until = lifetime > 0 ? weft_time_add(began, lifetime) : WEFT_TIME_NEVER;
    const uint64_t *known = sim_check__map_get(&check->kept, short_key);
    bool was_forgotten = known == NULL || (weft_time)*known <= began;
    if (was_forgotten) sim_check__map_put(&check->stored, short_key, (uint64_t)event->at);
    sim_check__map_put(&check->kept, short_key, (uint64_t)until);
}

/* The key was stored before and not so long ago that it may be forgotten, the asker had joined, and
 * no cut was in the way. */
static bool is_promised(const struct stored_found *check, const struct sim_check__op *op,
                        weft_time now) {
    if (op->kind != WEFT_LOOKUP_VALUE || !op->joined) return false;
    struct sim_check__key key = sim_check__key_of_id(&op->target);
    const uint64_t *since = sim_check__map_get(&check->stored, key);
    if (since == NULL || (weft_time)*since > op->start) return false;
    if ((weft_time)*sim_check__map_get(&check->kept, key) <= now) return false;
    return sim_check__view_healed(check->ctx.view, op->start, check->ctx.within);
}

static void judge(struct stored_found *check, const struct sim_check__op *op,
                  const struct weft_trace_event *event) {
    char text[SIM_CHECK_SHORT_SIZE];
    sim_check__short(&op->target, text);
    if (!is_promised(check, op, event->at)) return;
    if (op->lost && op->start + check->ctx.within > event->at) return;
    if (op->lost) {
        sim_check__failed(&check->ctx, event->at, op->node, "get of %s never ended", text);
    } else if ((int64_t)event->number[2] != WEFT_OK) {
        sim_check__failed(&check->ctx, event->at, op->node, "get of %s ended with %s", text,
                          weft_error_name((int)event->number[2]));
    } else {
        sim_check__held(&check->ctx);
    }
}

static void lookup(void *state, const struct sim_check__op *op,
                   const struct weft_trace_event *event) {
    judge(state, op, event);
}

static void trace(void *state, const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_STORE_DONE) on_stored(state, event);
}

static void deinit(void *state) {
    struct stored_found *check = state;
    sim_check__map_free(&check->stored);
    sim_check__map_free(&check->kept);
}

const struct sim_check__ops sim_check__stored_found = {
    .mask = SIM_CHECK_MASK_NODES | SIM_CHECK_MASK_CUTS | SIM_CHECK_MASK_LOOKUPS |
            WEFT_TRACE_BIT(WEFT_TRACE_STORE_DONE),
    .within = WEFT_S(30),
    .is_of_core = true,
    .state_size = sizeof(struct stored_found),
    .trace = trace,
    .lookup = lookup,
    .deinit = deinit,
};
