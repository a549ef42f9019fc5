/* A process goes over to the code of today, between two messages. */
#include "core/otp/internal.h"

void weft_otp__code_catch_up(struct weft_process *proc) {
    WEFT_ASSERT(!(proc->flags & PROC_RUNNING));
    WEFT_ASSERT(proc->code_epoch != proc->sched->code_epoch);
    proc->code_epoch = proc->sched->code_epoch;
}
