/* The other schedulers of the daemon's node, each in a thread, and what it shares with other nodes.
 */
#ifndef WEFT_WEFTD_SCHEDULERS_H
#define WEFT_WEFTD_SCHEDULERS_H

#include "core/weftd/daemon.h"

#include <stdatomic.h>

struct schedulers;

/* Something to do on every scheduler of the node. The caller's memory, until `over`. */
struct scheduler_task {
    /* Called for each, in its thread, between two of its runs: scheduler 0 first, then the others,
     * at once. */
    void (*run)(struct scheduler_task *task, uint32_t scheduler, struct weft_sched *sched);
    /* Called in the daemon's thread: all have run it; or some never will, since the node has ended.
     * It may run another, or the same again. */
    void (*over)(struct scheduler_task *task, bool all);
    struct scheduler_task *next;
    atomic_uint waiting; /* schedulers that have not run it */
};

/* From the daemon's thread. Tasks come one after the other, in the order they are given. */
void schedulers_run(struct daemon *daemon, struct scheduler_task *task);

/* How many there are. */
uint32_t schedulers_count(const struct schedulers *all);

/* Go on with tasks that others have run: once a run of the daemon's. */
void schedulers_tasks(struct schedulers *all);

/* Before the daemon's node is started: its hub, when it needs one, and the parts of `node_config`
 * that are about it. *out NULL: nothing is needed. False after a complaint in the log. */
bool schedulers_open(struct daemon *daemon, struct schedulers **out);

/* After it: start the others. False after a complaint. */
bool schedulers_start(struct schedulers *all);

/* Stop them in order: when scheduler 0 has ended. From the daemon's thread, any number of times. */
void schedulers_stop(struct schedulers *all);

/* They have all ended, whether told to or not; NULL has. */
bool schedulers_ended(const struct schedulers *all);

/* One of them ended without being told to: *why tells what with. */
bool schedulers_gave_up(const struct schedulers *all, struct weft_reason *why);

/* One of them cannot wait for events any more, and what is on it is stuck: nobody should wait for
 * it either. */
bool schedulers_failed(const struct schedulers *all);

/* After the daemon's node is freed. NULL is ignored. */
void schedulers_close(struct schedulers *all);

#endif
