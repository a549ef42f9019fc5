/* closest: a lookup in calm returns the true k closest live nodes, in order.
 *
 * Of a core: its closest nodes, in order, but for the places that nodes out of it take. */
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

/* Up, and out of the core. */
static bool is_stranger(const struct sim_check__view *view, const weft_id *id) {
    for (uint32_t i = 0; view->core != NULL && i < view->nodes_count; i++) {
        const struct sim_check__node *node = &view->nodes[i];
        if (node->has_dht && node->id_known && weft_id_equal(&node->id, id)) return !view->core[i];
    }
    return false;
}

static void judge(struct closest *check, const struct sim_check__op *op,
                  const struct weft_trace_event *event) {
    struct truth truth;
    char target[SIM_CHECK_SHORT_SIZE], missing[SIM_CHECK_SHORT_SIZE];
    size_t given = event->bytes.size / WEFT_ID_SIZE;
    given = given > 0 ? given - 1 : 0; /* the first is the target */
    truth_of(check, op, &truth);
    size_t strangers = 0;
    if (truth.count == 0) return;
    sim_check__short(&op->target, target);
    for (size_t i = 0; i + strangers < truth.count; i++) {
        weft_id id;
        bool told = sim_check__id_at(event->bytes, i + strangers + 1, &id);
        while (told && is_stranger(check->ctx.view, &id)) {
            strangers++;
            told = sim_check__id_at(event->bytes, i + strangers + 1, &id);
        }
        if (i + strangers >= truth.count) break;
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
    .is_of_core = true,
    .state_size = sizeof(struct closest),
    .lookup = lookup,
};
