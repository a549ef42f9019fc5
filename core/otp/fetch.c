/* What an event is about to read, brought into the cache ahead of it. */
#include "core/base/fetch.h"

#include "core/otp/internal.h"
#include "core/otp/sched.h"

/* Bytes of a state that are fetched; how large it is stands where it begins. */
#define STATE_NEAR 192

const void *weft_sched_fetch(const struct weft_sched *sched, unsigned step,
                             const struct weft_behaviour *behaviour) {
    WEFT_ASSERT(sched != NULL && behaviour != NULL);
    if (step == 0) {
        weft_fetch(sched, offsetof(struct weft_sched, pool));
        return NULL;
    }
    uint32_t index = weft_pid_slot(sched->recent);
    if (index >= sched->slots.count) return NULL;
    const uint64_t *slot = segments_at(&sched->slots, index);
    if (step == 1) weft_fetch(slot, sizeof *slot);
    if (step == 2) /* of a slot that is free it is no address, and that does not matter */
        weft_fetch((const void *)(uintptr_t)*slot, sizeof(struct weft_process) + STATE_NEAR);
    if (step < WEFT_SCHED_FETCH_STEPS) return NULL;
    const struct weft_process *proc = weft_otp__find(sched, sched->recent);
    if (proc == NULL || proc->behaviour != behaviour) return NULL;
    if (proc->extra != NULL) weft_fetch(proc->extra, 1);
    return proc->state;
}
