/* Env: everything the core may ask of the outside, and nothing else.
 *
 * One struct of tables of functions. An implementation embeds struct weft_env in its own struct,
 * fills the tables with its functions and finds its state from the pointer it is given
 * (WEFT_CONTAINER). There are two: core/posix (sockets, files, the machine's clock) and sim/world
 * (virtual time, modelled network and disk). The core cannot tell which one it has.
 *
 * All calls are made from the thread that drives the node. */
#ifndef WEFT_ENV_ENV_H
#define WEFT_ENV_ENV_H

#include "core/base/mem.h"
#include "core/env/clock.h"
#include "core/env/disk.h"
#include "core/env/entropy.h"
#include "core/env/guard.h"
#include "core/env/job.h"
#include "core/env/loader.h"
#include "core/env/net.h"
#include "core/env/order.h"
#include "core/env/trace.h"

struct weft_env {
    const struct weft_clock_ops *clock;
    const struct weft_entropy_ops *entropy;
    const struct weft_net_ops *net;
    const struct weft_disk_ops *disk;
    const struct weft_loader_ops *loader;
    const struct weft_guard_ops *guard;
    const struct weft_job_ops *job;     /* NULL: runs none */
    const struct weft_order_ops *order; /* NULL: first in, first out */
    const struct weft_trace_ops *trace;
    uint64_t trace_mask;  /* bit k set: kind k is wanted; the rest need not be built */
    struct weft_mem *mem; /* the node's memory; its account shows what the node holds */
    uint32_t node;        /* number of this node in its run, written into trace events */

    /* The reason of a fault names the place of the machine code, which another compiler may put
     * elsewhere. False where runs must be the same everywhere: there the log alone names it. */
    bool reasons_name_places;
};

static inline weft_time weft_env_now(struct weft_env *env) { return env->clock->monotonic(env); }

#endif
