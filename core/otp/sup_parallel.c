/* The end of a simple_one_for_one supervisor: its children are told at once, and waited for
 * together under one timer (supervisor.erl: terminate_dynamic_children). */
#include "core/otp/sup_internal.h"

static void end_if_done(weft_self *self, struct sup *sup) {
    WEFT_ASSERT(sup->op == OP_END);
    if (sup->cursor != CHILD_NONE || sup->active > 0) return;
    if (sup->stop_timer != 0) (void)weft_timer_cancel(self, sup->stop_timer);
    sup->stop_timer = 0;
    struct weft_reason why = weft_otp__sup_why(&sup->end_why);
    weft_stop(self, &why);
}

/* The DOWN carries the child's tag, as its EXIT does. */
static int watch(weft_self *self, const struct child *child) {
    struct weft_sched *sched = weft_otp__enter(self);
    struct monitor *monitor = weft_otp__monitor_new(self, child->pid, weft_bytes(NULL, 0));
    if (monitor != NULL) monitor->awaited.mail.tag = child->index;
    weft_otp__leave(sched);
    return monitor == NULL ? WEFT_ERR_NOMEM : WEFT_OK;
}

static void kill_now(weft_self *self, struct child *child) {
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    WEFT_ASSERT(weft_otp__child_is_up(child));
    weft_unlink(self, child->pid);
    weft_exit(self, child->pid, &why);
    why.kind = WEFT_REASON_KILLED;
    weft_otp__child_down(self, child, &why, false);
}

static void tell(weft_self *self, struct child *child) {
    struct weft_reason why;
    WEFT_ASSERT(child->state == CHILD_UP);
    if (weft_otp__stop_at_once(self, child, &why)) {
        weft_otp__child_down(self, child, &why, false);
    } else if (watch(self, child) != WEFT_OK) {
        kill_now(self, child);
    } else {
        why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
        weft_exit(self, child->pid, &why);
    }
}

static void tell_one(weft_self *self, struct child *child) {
    if (child->state == CHILD_UP) {
        tell(self, child);
    } else if (child->state == CHILD_DIED) {
        struct weft_reason why = weft_otp__sup_died_of(weft_state(self), child);
        weft_otp__child_down(self, child, &why, false);
    } else {
        weft_otp__child_set_state(self, child, CHILD_DOWN);
    }
}

void weft_otp__parallel_go_on(weft_self *self) {
    struct sup *sup = weft_state(self);
    uint32_t count = 0;
    WEFT_ASSERT(sup->op == OP_END);
    while (sup->cursor != CHILD_NONE) {
        if (++count > WEFT_SUP_STEP_MAX && weft_otp__sup_pause(self)) return;
        struct child *child = weft_otp__child_at(sup, sup->cursor);
        sup->cursor = child->order.prev;
        tell_one(self, child);
    }
    end_if_done(self, sup);
}

void weft_otp__parallel_late(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->template != NULL);
    weft_log(weft_self_env(self), WEFT_LOG_WARN,
             "supervisor %llx: %u children did not stop in time", (unsigned long long)self->pid.raw,
             sup->active);
    sup->cursor = CHILD_NONE;
    struct child *child = weft_otp__child_at(sup, sup->children.first);
    for (; child != NULL; child = weft_otp__child_next(sup, child))
        if (weft_otp__child_is_up(child)) kill_now(self, child);
    end_if_done(self, sup);
}

void weft_otp__parallel_begin(weft_self *self) {
    struct sup *sup = weft_state(self);
    weft_duration shutdown = sup->template->the.shutdown;
    WEFT_ASSERT(sup->stop_timer == 0);
    sup->cursor = sup->children.last;
    if (shutdown > 0 && sup->active > 0 &&
        weft_timer_start(self, shutdown, 0, weft_bytes(NULL, 0), &sup->stop_timer) != WEFT_OK) {
        sup->stop_timer = 0;
        weft_otp__parallel_late(self);
        return;
    }
    weft_otp__parallel_go_on(self);
}

void weft_otp__parallel_ended(weft_self *self, struct child *child, const struct weft_reason *why) {
    struct sup *sup = weft_state(self);
    weft_otp__child_down(self, child, why, false);
    end_if_done(self, sup);
}
