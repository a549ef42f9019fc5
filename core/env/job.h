/* Jobs: work that takes long or blocks, done beside the node so that its handlers stay short.
 *
 * A job is a function of its argument. On real machines it runs in a thread of a pool; in the
 * simulator it runs at once, and its answer comes after a modelled time. A node cannot tell which,
 * if the function keeps to its argument: no globals, and nothing that differs between runs. */
#ifndef WEFT_ENV_JOB_H
#define WEFT_ENV_JOB_H

#include "core/base/bytes.h"
#include "core/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft_env;

/* Where a job puts its result. */
struct weft_job_out {
    unsigned char *data; /* room for size_max bytes, aligned for any type */
    size_t size_max;
    size_t size; /* how much of it is the result; 0 at first */
};

/* Runs outside the node, perhaps in another thread: it must call nothing of a process or an env.
 * Returns the status of the answer: WEFT_OK, or any error. */
typedef int (*weft_job_fn)(struct weft_bytes arg, struct weft_job_out *out);

struct weft_job_request {
    uint64_t owner; /* comes back in the event */
    uint64_t id;    /* unique among the owner's */
    weft_job_fn fn;
    struct weft_bytes arg;  /* copied */
    size_t result_max;      /* bytes */
    weft_duration duration; /* that the simulator takes it to last; 0: SIM_JOB_DURATION */
};

struct weft_job_ops {
    /* Queue it. Exactly one WEFT_EVENT_JOB follows, unless it is cancelled: `socket` is the id,
     * `error` what the function returned, `data` the result. A function that faults, or says it
     * wrote more than there is room for, gives WEFT_ERR_FAULT and what is known as text.
     *   WEFT_ERR_FULL    the queue is at WEFT_JOBS_MAX
     *   WEFT_ERR_NOMEM, WEFT_ERR_UNSUPPORTED (no thread can be made) */
    int (*submit)(struct weft_env *env, const struct weft_job_request *request);

    /* No event of it comes after this. One that waits is not run any more; one that runs is left,
     * its thread being replaced if it does not let go. Unknown: ignored. True: it runs, and its
     * code is needed for nobody knows how long. */
    bool (*cancel)(struct weft_env *env, uint64_t owner, uint64_t id);
};

#endif
