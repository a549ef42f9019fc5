/* Clock: what time it is. Nothing in core learns the time in another way. */
#ifndef WEFT_ENV_CLOCK_H
#define WEFT_ENV_CLOCK_H

#include "core/base/time.h"

#include <stdint.h>

struct weft_env;

struct weft_clock_ops {
    /* Nanoseconds on a clock that never goes back and is never set. Its zero is arbitrary and
     * differs between nodes and between lives of one node: never store it, never send it. */
    weft_time (*monotonic)(struct weft_env *env);

    /* Nanoseconds since 1970-01-01 UTC as this machine believes. It may jump either way: for
     * logs and for what must survive a restart, never for measuring. */
    int64_t (*wall)(struct weft_env *env);
};

/* Timers. There is no "set timer" here, on purpose: a node keeps its own timers and is asked
 * when it next wants to run (weft_node_next_at). The driver then calls weft_node_run at or
 * after that time. It may be late, as a busy machine is; it is never early. */

#endif
