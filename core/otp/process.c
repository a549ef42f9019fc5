/* What a process may ask about itself and others. */
#include "core/otp/process.h"

#include "core/otp/internal.h"

weft_pid weft_self_pid(const weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return self->pid;
}

void *weft_state(weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return self->state;
}

weft_time weft_now(const weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return self->sched->now;
}

struct weft_env *weft_self_env(weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return self->sched->env;
}

bool weft_fault_point(weft_self *self, const char *name) {
    WEFT_ASSERT(name != NULL);
    struct weft_env *env = weft_self_env(self);
    const struct weft_entropy_ops *entropy = env->entropy;
    return entropy->fault_point != NULL && entropy->fault_point(env, name);
}

const struct weft_behaviour *weft_self_behaviour(const weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return self->behaviour;
}

weft_pid weft_self_parent(const weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return self->parent;
}

const struct weft_reason *weft_last_reason(weft_self *self) {
    WEFT_ASSERT(self != NULL);
    return weft_otp__last_reason(self->sched);
}

bool weft_alive(weft_self *self, weft_pid pid) {
    WEFT_ASSERT(self != NULL);
    if (weft_otp__is_far(self->sched, pid)) return weft_otp__alive_far(self->sched, pid);
    return weft_otp__find(self->sched, pid) != NULL;
}
