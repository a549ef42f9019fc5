/* Flow: payloads whose time on the way depends on who else sends: a model of shared bandwidth
 * behind a door. Small messages, latency, loss and cuts stay with the links of net.h.
 *
 * The only model so far is SimGrid's (simgrid.c), a part of its own that `weft` loads when a
 * scenario asks for it, since a machine may not have it.
 *
 * A model has a clock that stands still while nothing flows. It never runs past what it was asked
 * for, and stops at each completion: so its flows and the engine's events happen in one order. */
#ifndef SIM_NET_FLOW_H
#define SIM_NET_FLOW_H

#include "core/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_flow_setup {
    const char *platform; /* path of its description */
    const char *model;    /* "LV08", "CM02", ... */
};

struct sim_flow_ops {
    /* Read the platform and be ready, at time 0. One at a time in a program, and one in its life:
     * the model is a singleton, and a second time would not give the same numbers to the last
     * digit. A description that is wrong may end the program with a text on stderr: try it in a
     * child process first.
     *   WEFT_ERR_IN_USE (a second one), WEFT_ERR_INVAL (no such model), WEFT_ERR_NOMEM */
    int (*open)(const struct sim_flow_setup *setup);

    /* Places that flows go between, numbered from 0 in the platform's order. */
    uint32_t (*hosts)(void);

    /* One way, without other traffic. */
    weft_duration (*latency)(uint32_t from, uint32_t to);

    /* Begin to send `bytes` at `now`, which is not before any time told or asked so far. `id` comes
     * back at its completion. from != to. WEFT_ERR_NOMEM */
    int (*start)(weft_time now, uint64_t id, uint32_t from, uint32_t to, uint64_t bytes);

    /* Go on until the next completion, at most until `until`. True: *id was completed at *at. In
     * the order of completion; of one instant in the order of start. */
    bool (*next)(weft_time until, uint64_t *id, weft_time *at);
};

/* The name of the symbol that a part offers its struct sim_flow_ops by. */
#define SIM_FLOW_SYMBOL "sim_flow_part"

#endif
