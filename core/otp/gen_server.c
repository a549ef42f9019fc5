/* gen_server: which callback a message goes to. */
#include "core/otp/gen_server.h"

#include "core/otp/internal.h"

static void drop(weft_self *self, const struct weft_msg *msg, const char *what) {
    if (msg->kind == WEFT_MSG_EXIT) return;
    weft_log(weft_self_env(self), WEFT_LOG_WARN,
             "process %llx (%s) has no %s: message kind %d tag %u from %llx dropped",
             (unsigned long long)self->pid.raw,
             self->behaviour->name != NULL ? self->behaviour->name : "-", what, (int)msg->kind,
             msg->tag, (unsigned long long)msg->from.raw);
}

struct target {
    void (*call)(weft_self *self, const struct weft_msg *msg);
    const char *name;
};

static struct target target_of(const struct weft_behaviour *behaviour, enum weft_msg_kind kind) {
    switch (kind) {
    case WEFT_MSG_CALL:
        return (struct target){behaviour->handle_call, "handle_call"};
    case WEFT_MSG_CAST:
        return (struct target){behaviour->handle_cast, "handle_cast"};
    case WEFT_MSG_REPLY:
    case WEFT_MSG_EXIT:
    case WEFT_MSG_DOWN:
    case WEFT_MSG_TIMER:
    case WEFT_MSG_EVENT:
        return (struct target){behaviour->handle_info, "handle_info"};
    }
    WEFT_UNREACHABLE("every kind of message has a callback");
}

void weft_gen_server_handle(weft_self *self, const struct weft_msg *msg) {
    WEFT_ASSERT(self != NULL);
    WEFT_ASSERT(msg != NULL);
    struct target target = target_of(self->behaviour, msg->kind);
    if (target.call != NULL) {
        target.call(self, msg);
    } else {
        drop(self, msg, target.name);
    }
}

void weft_gen_server_timeout(weft_self *self, weft_duration idle) {
    WEFT_ASSERT(idle >= 0);
    WEFT_ASSERT(self->behaviour->handle_timeout != NULL);
    if (self->extra != NULL && self->extra->idle != 0)
        (void)weft_timer_cancel(self, self->extra->idle);
    struct weft_sched *sched = weft_otp__enter(self);
    struct extra *extra = weft_otp__extra(self);
    weft_otp__leave(sched);
    weft_ref ref;
    int rv = WEFT_ERR_NOMEM;
    if (extra != NULL) rv = weft_timer_start(self, idle, 0, weft_bytes(NULL, 0), &ref);
    /* A timeout that cannot be set would never come: the process has run into a bound. */
    if (rv != WEFT_OK) {
        struct weft_reason why = weft_reason_text(WEFT_REASON_LIMIT, rv, "gen_server timeout");
        weft_stop(self, &why);
        return;
    }
    extra->idle = ref;
}

void weft_gen_server_continue(weft_self *self) {
    WEFT_ASSERT(self != NULL);
    WEFT_ASSERT(self->behaviour->handle_continue != NULL);
    self->flags |= PROC_CONTINUE;
}
