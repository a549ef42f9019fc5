/* The end of a node, asked for from inside it. */
#include "core/otp/internal.h"

static void halt(struct weft_sched *sched, const struct weft_reason *why) {
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    if (sched->halting || sched->ended) return;
    sched->halting = true;
    sched->ended_why = weft_otp__cause_make(sched, why);
    weft_otp__exit(sched, WEFT_PID_NONE, sched->root, &shutdown);
}

void weft_halt(weft_self *self, const struct weft_reason *reason) {
    WEFT_ASSERT(reason != NULL);
    struct weft_reason why = *reason;
    WEFT_ASSERT(weft_reason_name(why.kind)[0] != '?');
    struct weft_sched *sched = weft_otp__enter(self);
    halt(sched, &why);
    weft_otp__leave(sched);
}

void weft_sched_halt(struct weft_sched *sched, const struct weft_reason *reason) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(reason != NULL);
    halt(sched, reason);
}

bool weft_sched_halting(const struct weft_sched *sched) {
    WEFT_ASSERT(sched != NULL);
    return sched->halting;
}
