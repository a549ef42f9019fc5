/* Slow: handlers that take virtual time, of a node or of one of its processes.
 *
 * A node that is slow handles one message at a time. Each takes `cost`: the node runs no more
 * before that has passed, what it sends leaves after it, and what arrives meanwhile waits. Of one
 * process: the node stands still for `cost` after each message of that process, as the others of a
 * scheduler do while a handler runs; what the message made it send has left. Costs add up. */
#ifndef SIM_WORLD_SLOW_H
#define SIM_WORLD_SLOW_H

#include "core/otp/process.h"
#include "sim/world/world.h"

struct sim_slow {
    struct sim_slow *next;
    weft_pid pid; /* NONE: all of the node */
    weft_duration cost;
    uint32_t node, life; /* of a process: in that life only */
    uint64_t seen;       /* messages of the process, when looked at last */
    uint64_t slowed;     /* messages that took longer by it */
};

/* From now on; NULL when out of memory. The node may be down, unless `pid` says which process. */
struct sim_slow *sim_world_slow_on(struct sim_world *world, uint32_t node, weft_pid pid,
                                   weft_duration cost);
/* No more. Returns how many messages it slowed. */
uint64_t sim_world_slow_off(struct sim_world *world, struct sim_slow *slow);

#endif
