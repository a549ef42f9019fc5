/* closest: a lookup in calm returns the true k closest live nodes, in order. */
#include "sim/check/internal.h"

#include "core/base/assert.h"
#include "core/base/limits.h"

struct closest {
    struct sim_check__ctx ctx;
};

struct truth {
    const struct sim_check__member *list[WEFT_DHT_K_MAX + 1];
    size_t count;
};

/* The k closest but for the asker, who does not look for itself. */
static void truth_of(struct closest *check, const struct sim_check__op *op, struct truth *truth) {
    uint32_t asked = check->ctx.view->nodes[op->node].k;
    uint32_t k = asked < WEFT_DHT_K_MAX ? asked : WEFT_DHT_K_MAX;
    size_t found = sim_check__members_closest(sim_check__view_members(check->ctx.view), &op->target,
                                              truth->list, k + 1);
    truth->count = 0;
    for (size_t i = 0; i < found && truth->count < k; i++) {
        if (truth->list[i]->node == op->node) continue;
        truth->list[truth->count++] = truth->list[i];
    }
}

static void judge(struct closest *check, const struct sim_check__op *op,
                  const struct weft_trace_event *event) {
    struct truth truth;
    char target[SIM_CHECK_SHORT_SIZE], missing[SIM_CHECK_SHORT_SIZE];
    size_t given = event->bytes.size / WEFT_ID_SIZE;
    given = given > 0 ? given - 1 : 0; /* the first is the target */
    truth_of(check, op, &truth);
    if (truth.count == 0) return;
    sim_check__short(&op->target, target);
    for (size_t i = 0; i < truth.count; i++) {
        weft_id id;
        bool told = sim_check__id_at(event->bytes, i + 1, &id);
        if (told && weft_id_equal(&id, &truth.list[i]->id)) continue;
        sim_check__failed(&check->ctx, event->at, op->node,
                          "lookup of %s: closest %zu of %zu is node %u (%s), not in its place among"
                          " the %zu found",
                          target, i + 1, truth.count, truth.list[i]->node,
                          sim_check__short(&truth.list[i]->id, missing), given);
        return;
    }
    sim_check__held(&check->ctx);
}

static void lookup(void *state, const struct sim_check__op *op,
                   const struct weft_trace_event *event) {
    struct closest *check = state;
    if (op->kind != WEFT_LOOKUP_NODES || op->lost) return;
    if (sim_check__view_calm(check->ctx.view, op->start, check->ctx.within)) {
        judge(check, op, event);
    }
}

const struct sim_check__ops sim_check__closest = {
    .mask = SIM_CHECK_MASK_NODES | SIM_CHECK_MASK_CUTS | SIM_CHECK_MASK_LOOKUPS,
    .within = WEFT_S(30),
    .state_size = sizeof(struct closest),
    .lookup = lookup,
};
