/* Jobs of processes: computing for long, or blocking, without holding up the node.
 *
 *     static int checksum(struct weft_bytes arg, struct weft_job_out *out) { ... }
 *
 *     struct weft_job job = {.fn = checksum, .arg = bytes, .result_max = 4};
 *     rv = weft_job(self, &job, &ref);
 *     ...
 *     case WEFT_MSG_REPLY: if (msg->ref == ref) use(msg->status, msg->data);
 *
 * The function sees its argument and nothing else. Its crash is the owner's message, not the
 * owner's end. A job ends with its owner: what waits is not run, what runs is left. */
#ifndef WEFT_OTP_JOB_H
#define WEFT_OTP_JOB_H

#include "core/env/job.h"
#include "core/otp/process.h"

struct weft_job {
    weft_job_fn fn;
    struct weft_bytes arg;  /* copied; at most WEFT_MESSAGE_MAX */
    size_t result_max;      /* room for the result, bytes; at most WEFT_MESSAGE_MAX */
    weft_duration timeout;  /* until the answer; 0: none */
    weft_duration duration; /* that the simulator takes it to last; 0: SIM_JOB_DURATION */
    uint32_t tag;           /* of the REPLY */
};

/* Have it run elsewhere. Exactly one REPLY with *ref comes back, unless it is cancelled: `status`
 * is what the function returned, with its result; or WEFT_ERR_FAULT with the fault as text, or
 * WEFT_ERR_TIMEOUT, or WEFT_ERR_NOMEM when there is no memory for the result.
 *   WEFT_ERR_FULL         too many jobs wait, or WEFT_TIMERS_MAX
 *   WEFT_ERR_NOMEM, WEFT_ERR_UNSUPPORTED (this env runs none): nothing was queued
 * (OTP has none: a process there may compute for long.) */
int weft_job(weft_self *self, const struct weft_job *job, weft_ref *ref);

/* No REPLY of `ref` is delivered after this, not even one already in the mailbox.
 *   WEFT_ERR_NOT_FOUND  no job of this process by that ref, or its REPLY was handled */
int weft_job_cancel(weft_self *self, weft_ref ref);

#endif
