/* Calls: a record in the caller that becomes the one REPLY, whatever happens. */
#include "core/otp/remote_internal.h"

static void attach_data(struct weft_sched *sched, struct call *call, struct weft_bytes data) {
    call->data = NULL;
    call->data_size = 0;
    if (data.size == 0) return;
    call->data = data.size <= sizeof call->room ? call->room : weft_otp__alloc(sched, data.size);
    if (call->data == NULL) {
        call->status = WEFT_ERR_NOMEM;
        return;
    }
    call->data_size = (uint32_t)data.size;
    memcpy(call->data, data.data, data.size);
}

/* Its CALL may still lie in the mailbox of whom it was for: that one looks before it handles. */
static void note_late(struct weft_sched *sched, const struct call *call) {
    struct weft_process *callee = weft_otp__find(sched, call->awaited.mail.from);
    if (callee != NULL) callee->flags |= PROC_LATE;
}

/* Nobody will answer, and no time will run out. */
static void let_go(struct weft_sched *sched, struct call *call) {
    if (call->awaited.mail.bits & MAIL_FAR) weft_otp__call_over_far(call);
    weft_otp__alarm_cancel(sched, &call->alarm);
    weft_otp__tie_drop(sched, &call->tie);
}

void weft_otp__call_done(struct call *call, int status, struct weft_bytes data) {
    struct weft_process *owner = call->awaited.owner;
    WEFT_ASSERT(call->awaited.mail.place == MAIL_PENDING);
    if (status == WEFT_ERR_TIMEOUT) {
        weft_otp__job_stop(call);
        note_late(owner->sched, call);
    }
    let_go(owner->sched, call);
    call->status = status;
    attach_data(owner->sched, call, data);
    owner->bytes += call->data_size;
    weft_otp__mail_push(owner, &call->awaited.mail);
}

void weft_otp__call_drop(struct weft_sched *sched, struct call *call) {
    WEFT_ASSERT(call->awaited.mail.place == MAIL_PENDING);
    weft_otp__job_stop(call);
    let_go(sched, call);
    weft_otp__mail_take(call->awaited.owner, &call->awaited.mail);
    weft_otp__mail_free(sched, &call->awaited.mail);
}

struct call *weft_otp__call_new(weft_self *self, weft_pid to) {
    struct record record = {WEFT_MSG_REPLY, sizeof(struct call), sizeof(struct call)};
    struct call *call = weft_otp__awaited_new(self, &record);
    if (call != NULL) call->awaited.mail.from = to;
    return call;
}

static int arm(struct weft_sched *sched, struct call *call, weft_duration timeout) {
    if (timeout == WEFT_TIME_NEVER) return WEFT_OK;
    return weft_otp__alarm_set(sched, &call->alarm, weft_time_add(sched->now, timeout));
}

/* An answer may come before this returns. */
static int ask_far(struct weft_sched *sched, struct call *call, const struct weft_signal *signal,
                   weft_duration timeout) {
    struct remote *remote = sched->remote;
    int rv = weft_otp__remote_check(remote, signal->to);
    if (rv != WEFT_OK) {
        weft_otp__awaited_pending(&call->awaited);
        weft_otp__call_done(call, rv, weft_bytes(NULL, 0));
        return WEFT_OK;
    }
    struct route *route = weft_otp__route(remote, signal->to);
    if (route == NULL) return WEFT_ERR_NOMEM;
    rv = arm(sched, call, timeout);
    if (rv != WEFT_OK) return rv;
    weft_otp__route_tie(route, &call->tie, TIE_ROUTE_CALL);
    weft_otp__awaited_pending(&call->awaited);
    call->awaited.mail.bits = MAIL_FAR;
    rv = weft_otp__remote_put(remote, signal, false);
    if (rv == WEFT_OK) return rv;
    call->awaited.mail.bits = 0;
    weft_otp__mail_take(call->awaited.owner, &call->awaited.mail);
    let_go(sched, call);
    return rv;
}

int weft_otp__far_ask(weft_self *self, struct weft_signal *signal, weft_duration timeout,
                      weft_ref *ref) {
    struct call *call = weft_otp__call_new(self, (weft_pid){signal->to});
    if (call == NULL) return WEFT_ERR_NOMEM;
    call->awaited.mail.tag = signal->tag;
    signal->from = self->pid.raw;
    signal->ref = call->awaited.ref;
    int rv = ask_far(self->sched, call, signal, timeout);
    if (rv == WEFT_OK) {
        *ref = signal->ref;
    } else {
        weft_otp__mail_free(self->sched, &call->awaited.mail);
    }
    return rv;
}

struct asking {
    weft_pid to;
    struct post post;
    weft_duration timeout;
};

static int ask(struct weft_sched *sched, struct call *call, const struct asking *asking) {
    struct weft_process *callee = weft_otp__find(sched, asking->to);
    if (callee == NULL && weft_otp__is_far(sched, asking->to)) {
        struct weft_signal signal = {.kind = WEFT_SIGNAL_CALL,
                                     .tag = asking->post.tag,
                                     .from = asking->post.from.raw,
                                     .to = asking->to.raw,
                                     .ref = asking->post.ref,
                                     .data = asking->post.data};
        return ask_far(sched, call, &signal, asking->timeout);
    }
    if (callee == NULL) {
        weft_otp__awaited_pending(&call->awaited);
        weft_otp__call_done(call, WEFT_ERR_NO_PROC, weft_bytes(NULL, 0));
        return WEFT_OK;
    }
    int rv = arm(sched, call, asking->timeout);
    if (rv != WEFT_OK) return rv;
    rv = weft_otp__post(callee, &asking->post);
    if (rv != WEFT_OK) {
        weft_otp__alarm_cancel(sched, &call->alarm);
        return rv;
    }
    weft_otp__tie_add(callee, &call->tie, TIE_CALL);
    weft_otp__awaited_pending(&call->awaited);
    return WEFT_OK;
}

static int call_start(struct weft_sched *sched, weft_self *self, struct asking *asking) {
    if (weft_otp__find(sched, asking->to) == self) return WEFT_ERR_INVAL;
    struct call *call = weft_otp__call_new(self, asking->to);
    if (call == NULL) return WEFT_ERR_NOMEM;
    asking->post.ref = call->awaited.ref;
    if (self->flags & PROC_WATCHED) weft_otp__watched_post(self, asking->to, &asking->post);
    call->awaited.mail.tag = asking->post.tag;
    int rv = ask(sched, call, asking);
    if (rv != WEFT_OK) weft_otp__mail_free(sched, &call->awaited.mail);
    return rv;
}

/* --- deadlines: those of the record that the caller keeps --- */

/* The record of a call of a process here; NULL when it is over. *here is false for a caller that
 * is not, or no longer, a process of this scheduler. */
static const struct call *record_of(const struct weft_sched *sched, struct weft_call of,
                                    bool *here) {
    const struct weft_process *caller = weft_otp__find(sched, of.from);
    *here = caller != NULL;
    if (caller == NULL) return NULL;
    const struct awaited *awaited = weft_otp__ref_get(sched, of.ref);
    if (awaited == NULL || awaited->mail.kind != WEFT_MSG_REPLY) return NULL;
    if (awaited->owner != caller || awaited->mail.place != MAIL_PENDING) return NULL;
    return (const struct call *)awaited;
}

static struct weft_call call_of(const struct mail *mail) {
    WEFT_ASSERT(mail->kind == WEFT_MSG_CALL);
    return (struct weft_call){.from = mail->from, .ref = ((const struct letter *)mail)->ref};
}

bool weft_otp__call_expired(const struct weft_sched *sched, const struct mail *mail) {
    bool here;
    const struct call *call = record_of(sched, call_of(mail), &here);
    return here && call == NULL;
}

static weft_time deadline_of(const struct weft_sched *sched, struct weft_call of) {
    bool here;
    const struct call *call = record_of(sched, of, &here);
    if (!here) return WEFT_TIME_NEVER;
    if (call == NULL) return sched->now;
    return call->alarm.seq != 0 ? call->alarm.at : WEFT_TIME_NEVER;
}

weft_time weft_call_deadline(const weft_self *self, const struct weft_call *call) {
    WEFT_ASSERT(self != NULL);
    WEFT_ASSERT(call != NULL);
    return deadline_of(self->sched, *call);
}

weft_duration weft_call_remaining(const weft_self *self, const struct weft_call *call) {
    weft_time at = weft_call_deadline(self, call), now = weft_now(self);
    if (at == WEFT_TIME_NEVER) return WEFT_TIME_NEVER;
    return at > now ? at - now : 0;
}

weft_duration weft_otp__timeout(weft_self *self, weft_duration timeout) {
    if (timeout != WEFT_INHERIT) return timeout;
    const struct mail *mail = self->sched->handling;
    if (mail == NULL || mail->kind != WEFT_MSG_CALL || self->sched->running != self)
        return WEFT_CALL_TIMEOUT;
    struct weft_call call = call_of(mail);
    return weft_call_remaining(self, &call);
}

int weft_call(weft_self *self, weft_pid to, uint32_t tag, struct weft_bytes data,
              weft_duration timeout, weft_ref *ref) {
    timeout = weft_otp__timeout(self, timeout);
    WEFT_ASSERT(timeout >= 0);
    WEFT_ASSERT(ref != NULL);
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    weft_otp__touch(data);
    struct weft_sched *sched = weft_otp__enter(self);
    struct asking asking = {
        .to = to,
        .post = {.kind = WEFT_MSG_CALL, .from = self->pid, .tag = tag, .data = data},
        .timeout = timeout};
    int rv = call_start(sched, self, &asking);
    weft_otp__leave(sched);
    *ref = rv == WEFT_OK ? asking.post.ref : 0;
    return rv;
}

struct call *weft_otp__call_waiting(const struct weft_sched *sched, const struct weft_call *to) {
    struct awaited *awaited = weft_otp__ref_get(sched, to->ref);
    if (awaited == NULL || awaited->mail.kind != WEFT_MSG_REPLY) return NULL;
    if (awaited->mail.place != MAIL_PENDING || (awaited->mail.bits & MAIL_JOB)) return NULL;
    return weft_pid_equal(awaited->owner->pid, to->from) ? (struct call *)awaited : NULL;
}

void weft_reply(weft_self *self, const struct weft_call *call, int status, struct weft_bytes data) {
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    weft_otp__touch(data);
    struct weft_call to = *call;
    struct weft_sched *sched = weft_otp__enter(self);
    if (self->flags & PROC_WATCHED)
        weft_otp__watched_post(self, to.from, &(struct post){.kind = WEFT_MSG_REPLY, .data = data});
    bool far = weft_otp__is_far(sched, to.from);
    if (far) weft_otp__reply_far(self, &to, status, data);
    struct call *asked = far ? NULL : weft_otp__call_waiting(sched, &to);
    if (asked != NULL) weft_otp__call_done(asked, status, data);
    weft_otp__leave(sched);
}
