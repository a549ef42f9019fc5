/* Order: how a node's runnable processes take turns, where a scenario explores that.
 *
 *   RANDOM  each turn is a draw among those that wait
 *   PCT     probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte 2010):
 *           processes have drawn ranks, the highest runs; at depth - 1 drawn turns of every `steps`
 *           the one whose turn it is falls below all others. Finds a bug of that depth in one of
 *           `steps` with a likelihood of at least 1 / (processes * steps^(depth - 1)).
 *   DELAY   delay-bounded (Emmi, Qadeer, Rakamaric 2011): first in, first out, but at `bound` drawn
 *           turns of every `steps` the first waits until the others in line have had theirs
 *
 * A turn counts as a step when two or more wait for it: else there is nothing to choose. Ranks and
 * drawn turns are new every `steps`. Draws are keyed by the node, its life and the step. */
#ifndef SIM_WORLD_ORDER_H
#define SIM_WORLD_ORDER_H

#include "core/env/order.h"
#include "sim/engine/engine.h"

#define SIM_ORDER_DEPTH_MAX 16u
#define SIM_ORDER_BOUND_MAX 16u
#define SIM_ORDER_STEPS_MAX 1000000u
#define SIM_ORDER_STEPS 1000u /* unless a scenario says otherwise */

enum sim_order_kind { SIM_ORDER_FIFO = 0, SIM_ORDER_RANDOM, SIM_ORDER_PCT, SIM_ORDER_DELAY };

struct sim_order_spec {
    enum sim_order_kind kind;
    uint32_t depth; /* PCT: 1 .. SIM_ORDER_DEPTH_MAX */
    uint32_t bound; /* DELAY: 1 .. SIM_ORDER_BOUND_MAX */
    uint32_t steps; /* PCT, DELAY: 1 .. SIM_ORDER_STEPS_MAX */
};

/* One who fell, of PCT. */
struct sim_order_fallen {
    uint64_t whom;
    uint32_t at; /* which of the drawn turns: later ones are below */
};

/* The order of one life of a node: begins with these four, and zeros. */
struct sim_order {
    const struct sim_order_spec *spec; /* borrowed; not FIFO */
    struct sim_engine *engine;         /* borrowed */
    uint32_t node, life;

    uint64_t steps;
    uint32_t points[SIM_ORDER_DEPTH_MAX]; /* drawn turns of these `steps` */
    uint32_t points_count;
    struct sim_order_fallen fallen[SIM_ORDER_DEPTH_MAX];
    uint32_t fallen_count;
};

/* As weft_order_ops.pass; folded into the run's hash. */
uint32_t sim_order_pass(struct sim_order *order, const uint64_t *whom, uint32_t count);

#endif
