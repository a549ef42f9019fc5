/* Stopping children, one after the other, without waiting.
 *
 * An operation is what OTP's supervisor blocks in. Ours goes on from message to message: the EXIT
 * or DOWN of the child being stopped, the timer that says it took too long, or its own SUP_GO_ON
 * after it has stopped many that end at once. */
#include "core/base/fetch.h"
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

/* One that does not trap exits has ended when the signal is sent: no monitor, no timer, and
 * unlinked before, no message. */
bool weft_otp__stop_at_once(weft_self *self, struct child *child, struct weft_reason *why) {
    WEFT_ASSERT(child->state == CHILD_UP);
    const struct weft_process *proc = weft_otp__find(self->sched, child->pid);
    bool brutal = child->spec->the.shutdown == WEFT_BRUTAL_KILL;
    if (proc == NULL || (proc->flags & (PROC_RUNNING | PROC_STOPPING))) return false;
    if ((proc->flags & PROC_TRAP) && !brutal) return false;
    *why = weft_reason(brutal ? WEFT_REASON_KILL : WEFT_REASON_SHUTDOWN, 0);
    weft_unlink(self, child->pid);
    weft_exit(self, child->pid, why);
    if (brutal) why->kind = WEFT_REASON_KILLED;
    return weft_otp__find(self->sched, child->pid) == NULL;
}

/* By a monitor beside the link, so that a child that unlinked cannot hang us. */
static void stop_child(weft_self *self, struct sup *sup, struct child *child) {
    weft_duration shutdown = child->spec->the.shutdown;
    WEFT_ASSERT(sup->stopping == NULL);
    WEFT_ASSERT(weft_otp__child_is_up(child));
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    sup->stopping = child;
    if (weft_monitor(self, child->pid, &sup->stop_monitor) != WEFT_OK) sup->stop_monitor = 0;
    bool brutal = shutdown == WEFT_BRUTAL_KILL;
    if (!brutal && shutdown != WEFT_INFINITY)
        brutal =
            weft_timer_start(self, shutdown, 0, weft_bytes(NULL, 0), &sup->stop_timer) != WEFT_OK;
    if (brutal) {
        kill_child(self, child);
    } else {
        weft_exit(self, child->pid, &why);
    }
}

void weft_otp__sup_stop_late(weft_self *self) {
    struct sup *sup = weft_state(self);
    sup->stop_timer = 0;
    if (sup->stopping == NULL) {
        weft_otp__parallel_late(self);
        return;
    }
    weft_log(weft_self_env(self), WEFT_LOG_WARN, "supervisor %llx: child %s did not stop in time",
             (unsigned long long)self->pid.raw, sup->stopping->spec->the.id);
    kill_child(self, sup->stopping);
}

void weft_otp__sup_why_set(weft_self *self, struct sup_why *kept, const struct weft_reason *why) {
    size_t size = strlen(why->text) + 1;
    weft_free(self, kept->text);
    *kept = (struct sup_why){why->kind, why->code, NULL};
    if (size > 1) kept->text = weft_alloc(self, size);
    if (kept->text != NULL) memcpy(kept->text, why->text, size);
}

struct weft_reason weft_otp__sup_why(const struct sup_why *kept) {
    return weft_reason_text(kept->kind, kept->code, "%s", kept->text != NULL ? kept->text : "");
}

static void end_or_start(weft_self *self, struct sup *sup) {
    enum sup_op op = sup->op;
    WEFT_ASSERT(sup->stopping == NULL);
    if (op == OP_END) {
        struct weft_reason why = weft_otp__sup_why(&sup->end_why);
        weft_stop(self, &why);
        return;
    }
    WEFT_ASSERT(op == OP_GROUP);
    weft_otp__sup_begin_starts(self);
}

/* Down for good in this operation; a temporary one is forgotten. */
static void went_down(weft_self *self, struct sup *sup, struct child *child,
                      const struct weft_reason *why) {
    bool again = sup->op == OP_GROUP && child->spec->the.restart != WEFT_TEMPORARY;
    weft_otp__child_down(self, child, why, again);
    if (sup->op != OP_END && !again) weft_otp__child_leave(self, child);
}

bool weft_otp__sup_pause(weft_self *self) {
    struct sup *sup = weft_state(self);
    struct post post = {.kind = WEFT_MSG_CAST, .from = self->pid, .tag = SUP_GO_ON, .force = true};
    WEFT_ASSERT(!sup->paused);
    sup->paused = weft_otp__post(self, &post) == WEFT_OK;
    return sup->paused;
}

void weft_otp__sup_note_death(weft_self *self, struct child *child, const struct weft_reason *why) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(child->state == CHILD_UP);
    child->died_kind = (uint8_t)why->kind;
    child->died_code = why->code;
    weft_otp__sup_why_set(self, &sup->last_why, why);
    sup->last_of = child->index;
    weft_otp__child_set_state(self, child, CHILD_DIED);
}

struct weft_reason weft_otp__sup_died_of(const struct sup *sup, const struct child *child) {
    WEFT_ASSERT(child->state == CHILD_DIED);
    if (sup->last_of == child->index) return weft_otp__sup_why(&sup->last_why);
    return weft_reason((enum weft_reason_kind)child->died_kind, child->died_code);
}

/* Whether it is down now; else it is being stopped. */
static bool stop_one(weft_self *self, struct sup *sup, struct child *child) {
    struct weft_reason why;
    WEFT_ASSERT(child->state != CHILD_FREE);
    if (!weft_otp__child_is_up(child)) {
        weft_otp__child_set_state(self, child, CHILD_DOWN);
        return true;
    }
    if (child->state == CHILD_DIED) {
        why = weft_otp__sup_died_of(sup, child);
    } else if (!weft_otp__stop_at_once(self, child, &why)) {
        stop_child(self, sup, child);
        return false;
    }
    went_down(self, sup, child, &why);
    return true;
}

/* Processes lie all over the memory by the time they are stopped: ask for them some steps before
 * they are needed. Returns where to go on. */
#define LOOK_AHEAD 6

static uint32_t look_ahead(const weft_self *self, const struct sup *sup, uint32_t index) {
    const struct child *child = weft_otp__child_at(sup, index);
    if (child == NULL) return CHILD_NONE;
    const struct weft_process *proc = weft_otp__find(self->sched, child->pid);
    if (proc != NULL) weft_fetch(proc, sizeof *proc);
    return child->order.prev;
}

static void stop_next(weft_self *self, struct sup *sup) {
    uint32_t end = CHILD_NONE, count = 0, ahead = sup->cursor;
    if (sup->op == OP_GROUP && sup->strategy == WEFT_REST_FOR_ONE) end = sup->origin->index;
    for (int i = 0; i < LOOK_AHEAD; i++) ahead = look_ahead(self, sup, ahead);
    while (sup->cursor != end) {
        ahead = look_ahead(self, sup, ahead);
        if (++count > WEFT_SUP_STEP_MAX && weft_otp__sup_pause(self)) return;
        struct child *child = weft_otp__child_at(sup, sup->cursor);
        sup->cursor = child->order.prev;
        if (child != sup->origin && !stop_one(self, sup, child)) return;
    }
    end_or_start(self, sup);
}

void weft_otp__sup_begin_group(weft_self *self, struct child *origin, bool waits) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op == OP_NONE);
    WEFT_ASSERT(origin->state == CHILD_DOWN);
    sup->op = OP_GROUP;
    sup->origin = origin;
    sup->waits = waits;
    sup->starting = false;
    sup->cursor = sup->children.last;
    stop_next(self, sup);
}

void weft_otp__sup_tell_stopping(weft_self *self, enum weft_sup_stopping_cause cause) {
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_STOPPING, weft_bytes(NULL, 0), self->pid.raw,
               cause);
}

void weft_otp__sup_begin_end(weft_self *self, const struct weft_reason *why,
                             enum weft_sup_stopping_cause cause) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(why != NULL);
    if (sup->op == OP_END) return;
    weft_otp__sup_tell_stopping(self, cause);
    sup->op = OP_END;
    weft_otp__sup_why_set(self, &sup->end_why, why);
    sup->origin = NULL;
    sup->paused = false;
    if (sup->template != NULL) {
        stop_clear(self, sup);
        weft_otp__parallel_begin(self);
        return;
    }
    sup->cursor = sup->children.last;
    if (sup->stopping == NULL) stop_next(self, sup);
}

void weft_otp__sup_begin_terminate(weft_self *self, struct child *child, struct weft_call asker) {
    struct sup *sup = weft_state(self);
    struct weft_reason why;
    WEFT_ASSERT(sup->op == OP_NONE);
    sup->op = OP_TERMINATE;
    sup->asker = asker;
    if (weft_otp__stop_at_once(self, child, &why)) {
        sup->stopping = child;
        weft_otp__sup_stopped(self, &why);
    } else {
        stop_child(self, sup, child);
    }
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

void weft_otp__sup_go_on(weft_self *self) {
    struct sup *sup = weft_state(self);
    if (!sup->paused) return;
    sup->paused = false;
    WEFT_ASSERT(sup->op != OP_NONE);
    if (sup->template != NULL) {
        weft_otp__parallel_go_on(self);
    } else if (sup->op == OP_GROUP && sup->starting) {
        weft_otp__sup_start_more(self);
    } else {
        stop_next(self, sup);
    }
}

static void next_death(weft_self *self, struct sup *sup) {
    struct child *child = weft_otp__child_at(sup, sup->deaths.first);
    struct weft_reason why = weft_otp__sup_died_of(sup, child);
    weft_otp__sup_death(self, child, &why);
}

static void next_request(weft_self *self, struct sup *sup) {
    struct late_request *late =
        WEFT_CONTAINER(weft_list_pop_front(&sup->requests), struct late_request, link);
    WEFT_ASSERT(sup->requests_count > 0);
    sup->requests_count--;
    weft_otp__sup_request(self, &late->request);
    weft_free(self, late);
}

void weft_otp__sup_catch_up(weft_self *self) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(sup->op != OP_NONE || sup->stopping == NULL);
    while (sup->op == OP_NONE) {
        if (sup->deaths.first != CHILD_NONE) {
            next_death(self, sup);
        } else if (sup->waited.first != CHILD_NONE) {
            weft_otp__sup_waited(self, weft_otp__child_at(sup, sup->waited.first));
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
