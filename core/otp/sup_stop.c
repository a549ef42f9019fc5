/* Stopping children, one after the other, without waiting.
 *
 * An operation is what OTP's supervisor blocks in. Ours goes on from message to message: the EXIT
 * or DOWN of the child being stopped, or the timer that says it took too long. */
#include "core/otp/sup_internal.h"

static void stop_clear(weft_self *self, struct sup *sup) {
    if (sup->stop_monitor != 0) weft_demonitor(self, sup->stop_monitor);
    if (sup->stop_timer != 0) (void)weft_timer_cancel(self, sup->stop_timer);
    sup->stop_monitor = sup->stop_timer = 0;
    sup->stopping = NULL;
}

static void kill_child(weft_self *self, const struct child *child) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, child->pid, &kill);
}

/* By a monitor beside the link, so that a child that unlinked cannot hang us. */
static void stop_child(weft_self *self, struct sup *sup, struct child *child) {
    WEFT_ASSERT(sup->stopping == NULL);
    WEFT_ASSERT(!weft_pid_is_none(child->pid));
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    sup->stopping = child;
    if (weft_monitor(self, child->pid, &sup->stop_monitor) != WEFT_OK) sup->stop_monitor = 0;
    bool brutal = child->shutdown == WEFT_BRUTAL_KILL;
    if (!brutal && child->shutdown != WEFT_INFINITY)
        brutal = weft_timer_start(self, child->shutdown, 0, weft_bytes(NULL, 0),
                                  &sup->stop_timer) != WEFT_OK;
    if (brutal) {
        kill_child(self, child);
    } else {
        weft_exit(self, child->pid, &shutdown);
    }
}

void weft_otp__sup_stop_late(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->stopping != NULL);
    sup->stop_timer = 0;
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "supervisor %llx: child %s did not stop in time",
             (unsigned long long)self->pid.raw, sup->stopping->id);
    kill_child(self, sup->stopping);
}

static void end_or_start(weft_self *self, struct sup *sup) {
    enum sup_op op = sup->op;
    WEFT_ASSERT(sup->stopping == NULL);
    if (op == OP_END) {
        weft_stop(self, &sup->end_why);
        return;
    }
    WEFT_ASSERT(op == OP_GROUP);
    sup->op = OP_NONE;
    weft_otp__sup_start_group(self);
}

/* Down for good in this operation; a temporary one is forgotten. */
static void went_down(weft_self *self, struct sup *sup, struct child *child,
                      const struct weft_reason *why) {
    bool temporary = child->restart == WEFT_TEMPORARY;
    weft_otp__child_down(self, child, why, sup->op == OP_GROUP && !temporary);
    if (temporary && sup->op != OP_END) weft_otp__child_remove(self, child);
}

static void stop_next(weft_self *self, struct sup *sup) {
    const struct weft_link *end = &sup->children;
    if (sup->op == OP_GROUP && sup->strategy == WEFT_REST_FOR_ONE) end = &sup->origin->order;
    while (sup->cursor != end) {
        struct child *child = WEFT_CONTAINER(sup->cursor, struct child, order);
        sup->cursor = sup->cursor->prev;
        if (weft_pid_is_none(child->pid)) continue;
        if (!child->died) {
            stop_child(self, sup, child);
            return;
        }
        struct weft_reason why =
            weft_reason((enum weft_reason_kind)child->died_kind, child->died_code);
        went_down(self, sup, child, &why);
    }
    end_or_start(self, sup);
}

void weft_otp__sup_begin_group(weft_self *self, struct child *origin) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    sup->op = OP_GROUP;
    sup->origin = origin;
    sup->cursor = sup->children.prev;
    stop_next(self, sup);
}

void weft_otp__sup_begin_end(weft_self *self, const struct weft_reason *why) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(why != NULL);
    if (sup->op == OP_END) return;
    sup->op = OP_END;
    sup->end_why = *why;
    sup->cursor = sup->children.prev;
    if (sup->stopping == NULL) stop_next(self, sup);
}

void weft_otp__sup_begin_terminate(weft_self *self, struct child *child, struct weft_call asker) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    sup->op = OP_TERMINATE;
    sup->asker = asker;
    stop_child(self, sup, child);
}

void weft_otp__sup_stopped(weft_self *self, const struct weft_reason *why) {
    struct sup *sup = weft_state(self);
    struct child *child = sup->stopping;
    WEFT_ASSERT(child != NULL);
    WEFT_ASSERT(sup->op != OP_NONE);
    stop_clear(self, sup);
    /* After an END that interrupted it, the walk starts again at the last child. */
    went_down(self, sup, child, why);
    if (sup->op == OP_TERMINATE) {
        weft_reply(self, &sup->asker, WEFT_OK, weft_bytes(NULL, 0));
        sup->op = OP_NONE;
    } else {
        stop_next(self, sup);
    }
}

static void next_death(weft_self *self, struct sup *sup) {
    struct child *child = WEFT_CONTAINER(sup->deaths.next, struct child, due);
    struct weft_reason why = weft_reason((enum weft_reason_kind)child->died_kind, child->died_code);
    WEFT_ASSERT(child->died);
    weft_otp__sup_death(self, child, &why);
}

static void next_request(weft_self *self, struct sup *sup) {
    struct request *request =
        WEFT_CONTAINER(weft_list_pop_front(&sup->requests), struct request, link);
    weft_otp__sup_request(self, request);
    weft_free(self, request);
}

void weft_otp__sup_catch_up(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op != OP_NONE || sup->stopping == NULL);
    while (sup->op == OP_NONE) {
        if (!weft_list_empty(&sup->deaths)) {
            next_death(self, sup);
        } else if (sup->retries_due > 0) {
            sup->retries_due--;
            weft_otp__sup_retry(self);
        } else if (!weft_list_empty(&sup->requests)) {
            next_request(self, sup);
        } else {
            return;
        }
    }
}
