/* Who has the next turn, where orders are explored. */
#include "sim/world/order.h"

#include "core/base/assert.h"

_Static_assert(SIM_ORDER_BOUND_MAX <= SIM_ORDER_DEPTH_MAX, "drawn turns of both fit");

static uint64_t draw(const struct sim_order *order, enum sim_purpose purpose, uint64_t counter) {
    uint64_t entity = (uint64_t)order->life << 32 | order->node;
    return sim_engine_draw(order->engine, purpose, entity, counter);
}

/* The turns at which something happens in the `steps` that begin now. */
static void draw_points(struct sim_order *order, uint64_t round) {
    const struct sim_order_spec *spec = order->spec;
    order->points_count = spec->kind == SIM_ORDER_PCT ? spec->depth - 1 : spec->bound;
    order->fallen_count = 0;
    for (uint32_t i = 0; i < order->points_count; i++) {
        uint64_t raw = draw(order, SIM_DRAW_ORDER_POINT, round * SIM_ORDER_DEPTH_MAX + i);
        order->points[i] = (uint32_t)weft_scale(raw, spec->steps);
    }
}

/* The next step's place among its `steps`. */
static uint32_t step_of(struct sim_order *order) {
    uint64_t round = order->steps / order->spec->steps;
    uint32_t step = (uint32_t)(order->steps++ % order->spec->steps);
    if (step == 0) draw_points(order, round);
    return step;
}

/* --- PCT --- */

/* Above all who fell: the first bit. Of those who fell, the last is the lowest. */
static uint64_t rank_of(const struct sim_order *order, uint64_t round, uint64_t whom) {
    for (uint32_t i = order->fallen_count; i-- > 0;) {
        if (order->fallen[i].whom == whom) return SIM_ORDER_DEPTH_MAX - order->fallen[i].at;
    }
    uint64_t key = weft_draw(round, SIM_DRAW_ORDER_RANK, whom, order->life);
    return draw(order, SIM_DRAW_ORDER_RANK, key) | UINT64_C(1) << 63;
}

static uint32_t highest(const struct sim_order *order, uint64_t round, const uint64_t *whom,
                        uint32_t count) {
    uint64_t best_rank = 0;
    uint32_t best = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t rank = rank_of(order, round, whom[i]);
        if (rank <= best_rank) continue;
        best_rank = rank;
        best = i;
    }
    return best;
}

static uint32_t pass_pct(struct sim_order *order, const uint64_t *whom, uint32_t count) {
    uint64_t round = order->steps / order->spec->steps;
    uint32_t step = step_of(order);
    uint32_t first = highest(order, round, whom, count);
    for (uint32_t i = 0; i < order->points_count; i++) {
        if (order->points[i] != step) continue;
        order->fallen[order->fallen_count++] =
            (struct sim_order_fallen){.whom = whom[first], .at = order->fallen_count + 1};
        first = highest(order, round, whom, count);
    }
    return first;
}

/* --- the others --- */

static uint32_t pass_delayed(struct sim_order *order, uint32_t count) {
    uint32_t step = step_of(order), passed = 0;
    for (uint32_t i = 0; i < order->points_count; i++) passed += order->points[i] == step;
    return passed < count ? passed : count - 1;
}

static uint32_t pass_random(struct sim_order *order, uint32_t count) {
    return (uint32_t)weft_scale(draw(order, SIM_DRAW_ORDER, order->steps++), count);
}

uint32_t sim_order_pass(struct sim_order *order, const uint64_t *whom, uint32_t count) {
    uint32_t passed = 0;
    WEFT_ASSERT(count >= 2);
    switch (order->spec->kind) {
    case SIM_ORDER_FIFO:
        WEFT_UNREACHABLE("an order that asks nobody");
    case SIM_ORDER_RANDOM:
        passed = pass_random(order, count);
        break;
    case SIM_ORDER_PCT:
        passed = pass_pct(order, whom, count);
        break;
    case SIM_ORDER_DELAY:
        passed = pass_delayed(order, count);
        break;
    }
    WEFT_ASSERT(passed < count);
    sim_engine_fold(order->engine, passed);
    return passed;
}
