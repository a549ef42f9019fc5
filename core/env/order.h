/* Order: who of those that can run has the next turn, where orders are explored.
 *
 * Without it processes take turns first in, first out, and handle several messages in one. That is
 * one order of many that OTP allows: with it the simulator tries others, and a turn is one message.
 * Only who runs next is chosen: priorities hold, and what one process sends another arrives in the
 * order of sending. */
#ifndef WEFT_ENV_ORDER_H
#define WEFT_ENV_ORDER_H

#include "core/base/limits.h"

#include <stdint.h>

struct weft_env;

#define WEFT_ORDER_MAX WEFT_LIMIT(64u, 8u) /* of those that wait, so many are looked at */

struct weft_order_ops {
    /* `whom` are the first `count` (2 .. WEFT_ORDER_MAX) in line of one priority, by pid. Returns
     * how many of them, less than `count`, go to the end of the line; who is then first has the
     * turn. */
    uint32_t (*pass)(struct weft_env *env, const uint64_t *whom, uint32_t count);
};

#endif
