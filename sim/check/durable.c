/* durable: what an application acknowledged is found again. */
#include "sim/check/internal.h"

#include "core/base/hash.h"

/* Values of a key are numbered in the order in which they were tried. */
struct durable {
    struct sim_check__ctx ctx;
    uint64_t tries;
    bool lied;                   /* a fault that damages disks has been on */
    struct sim_check__map tried; /* (node and key, value) to its number */
    struct sim_check__map acked; /* (node, key) to the number of the last acknowledged */
};

static bool is_lie(uint64_t fault_kind) {
    return fault_kind >= SIM_CHECK_LIE_FIRST && fault_kind <= SIM_CHECK_LIE_LAST;
}

static struct sim_check__key place_of(const struct weft_trace_event *event) {
    uint64_t name = weft_fold_bytes(0, event->bytes.data, event->bytes.size);
    return (struct sim_check__key){.a = event->node, .b = name};
}

static struct sim_check__key value_key(const struct weft_trace_event *event) {
    struct sim_check__key place = place_of(event);
    return (struct sim_check__key){.a = weft_fold(place.b, place.a), .b = event->number[1]};
}

/* The number of a value; 0: nobody tried it, or it is none. */
static uint64_t number_of(const struct durable *check, const struct weft_trace_event *event) {
    const uint64_t *number = sim_check__map_get(&check->tried, value_key(event));
    return number != NULL ? *number : 0;
}

static void on_found(struct durable *check, const struct weft_trace_event *event) {
    const uint64_t *acked = sim_check__map_get(&check->acked, place_of(event));
    uint64_t number = number_of(check, event);
    int size = (int)event->bytes.size;
    const char *key = (const char *)event->bytes.data;
    bool none = event->number[1] == 0;
    if (none && acked == NULL) return; /* could not have failed */
    if (!none && number == 0) {
        sim_check__failed(&check->ctx, event->at, event->node,
                          "\"%.*s\" holds what nobody wrote there", size, key);
    } else if (!check->lied && acked != NULL && number < *acked) {
        sim_check__failed(&check->ctx, event->at, event->node,
                          "\"%.*s\" was acknowledged and is %s", size, key,
                          none ? "gone" : "what it was before");
    } else {
        sim_check__held(&check->ctx);
    }
}

static void on_damaged(struct durable *check, const struct weft_trace_event *event) {
    if (check->lied)
        sim_check__held(&check->ctx);
    else
        sim_check__failed(&check->ctx, event->at, event->node,
                          "calls its disk damaged, and no fault did that");
}

static void on_claim(struct durable *check, const struct weft_trace_event *event) {
    switch (event->number[0]) {
    case WEFT_CLAIM_TRIED:
        sim_check__map_put(&check->tried, value_key(event), ++check->tries);
        break;
    case WEFT_CLAIM_ACKED:
        sim_check__map_put(&check->acked, place_of(event), number_of(check, event));
        break;
    case WEFT_CLAIM_FOUND:
        on_found(check, event);
        break;
    case WEFT_CLAIM_DAMAGED:
        on_damaged(check, event);
        break;
    default:
        break;
    }
}

static void trace(void *state, const struct weft_trace_event *event) {
    struct durable *check = state;
    if (event->kind == WEFT_TRACE_FAULT_ON && is_lie(event->number[1])) check->lied = true;
    if (event->kind == WEFT_TRACE_APP_CLAIM) on_claim(check, event);
}

static void deinit(void *state) {
    struct durable *check = state;
    sim_check__map_free(&check->tried);
    sim_check__map_free(&check->acked);
}

const struct sim_check__ops sim_check__durable = {
    .mask = WEFT_TRACE_BIT(WEFT_TRACE_APP_CLAIM) | WEFT_TRACE_BIT(WEFT_TRACE_FAULT_ON),
    .state_size = sizeof(struct durable),
    .trace = trace,
    .deinit = deinit,
};
