/* Calls: a record in the caller that becomes the one REPLY, whatever happens. */
#include "core/otp/remote_internal.h"

static void attach_data(struct weft_sched *sched, struct call *call, struct weft_bytes data) {
    if (data.size == 0) return;
    call->data = weft_otp__alloc(sched, data.size);
    if (call->data == NULL) {
        call->status = WEFT_ERR_NOMEM;
        return;
    }
    call->data_size = (uint32_t)data.size;
    memcpy(call->data, data.data, data.size);
}

/* Its CALL may still lie in the mailbox of whom it was for: that one looks before it handles. */
static void note_late(struct weft_sched *sched, const struct call *call) {
    struct weft_process *callee = weft_otp__find(sched, call->mail.from);
    if (callee != NULL) callee->flags |= PROC_LATE;
}

void weft_otp__call_done(struct call *call, int status, struct weft_bytes data) {
    struct weft_sched *sched = call->mail.owner->sched;
    WEFT_ASSERT(!call->done);
    WEFT_ASSERT(!call->mail.queued);
    if (status == WEFT_ERR_TIMEOUT) weft_otp__job_stop(call);
    call->done = true;
    if (status == WEFT_ERR_TIMEOUT) note_late(sched, call);
    call->status = status;
    if (call->far) weft_otp__call_over_far(call);
    weft_otp__alarm_cancel(sched, &call->alarm);
    weft_list_remove(&call->tie.link);
    attach_data(sched, call, data);
    weft_otp__mail_push(&call->mail);
}

struct call *weft_otp__call_new(weft_self *self, weft_pid to) {
    struct call *call = weft_otp__mail_new(self, WEFT_MSG_REPLY, sizeof *call, sizeof *call);
    if (call == NULL) return NULL;
    weft_list_init(&call->tie.link);
    call->tie.kind = TIE_CALL;
    call->alarm.kind = ALARM_CALL;
    call->alarm.index = ALARM_UNSET;
    call->mail.from = to;
    if (weft_otp__ref_new(self->sched, &call->mail) == WEFT_OK) return call;
    weft_otp__mail_free(self->sched, &call->mail);
    return NULL;
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
        weft_otp__mail_pending(&call->mail);
        weft_otp__call_done(call, rv, weft_bytes(NULL, 0));
        return WEFT_OK;
    }
    struct route *route = weft_otp__route(remote, signal->to);
    if (route == NULL) return WEFT_ERR_NOMEM;
    rv = arm(sched, call, timeout);
    if (rv != WEFT_OK) return rv;
    weft_list_push_back(&route->ties, &call->tie.link);
    weft_otp__mail_pending(&call->mail);
    call->far = true;
    rv = weft_otp__remote_put(remote, signal, false);
    if (rv == WEFT_OK) return rv;
    call->far = false;
    weft_list_remove(&call->mail.link);
    weft_list_remove(&call->tie.link);
    weft_otp__alarm_cancel(sched, &call->alarm);
    return rv;
}

int weft_otp__far_ask(weft_self *self, struct weft_signal *signal, weft_duration timeout,
                      weft_ref *ref) {
    struct call *call = weft_otp__call_new(self, (weft_pid){signal->to});
    if (call == NULL) return WEFT_ERR_NOMEM;
    call->mail.tag = signal->tag;
    signal->from = self->pid.raw;
    signal->ref = call->mail.ref;
    int rv = ask_far(self->sched, call, signal, timeout);
    if (rv == WEFT_OK) {
        *ref = signal->ref;
    } else {
        weft_otp__mail_free(self->sched, &call->mail);
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
        weft_otp__mail_pending(&call->mail);
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
    weft_list_push_back(&callee->ties, &call->tie.link);
    weft_otp__mail_pending(&call->mail);
    return WEFT_OK;
}

static int call_start(struct weft_sched *sched, weft_self *self, struct asking *asking) {
    if (weft_otp__find(sched, asking->to) == self) return WEFT_ERR_INVAL;
    struct call *call = weft_otp__call_new(self, asking->to);
    if (call == NULL) return WEFT_ERR_NOMEM;
    asking->post.ref = call->mail.ref;
    if (self->flags & PROC_WATCHED) weft_otp__watched_post(self, asking->to, &asking->post);
    call->mail.tag = asking->post.tag;
    int rv = ask(sched, call, asking);
    if (rv != WEFT_OK) weft_otp__mail_free(sched, &call->mail);
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
    const struct mail *mail = weft_otp__ref_get(sched, of.ref);
    if (mail == NULL || mail->kind != WEFT_MSG_REPLY || mail->owner != caller) return NULL;
    const struct call *call = (const struct call *)mail;
    return call->done ? NULL : call;
}

bool weft_otp__call_expired(const struct weft_sched *sched, const struct mail *mail) {
    bool here;
    const struct call *call =
        record_of(sched, (struct weft_call){.from = mail->from, .ref = mail->ref}, &here);
    return here && call == NULL;
}

static weft_time deadline_of(const struct weft_sched *sched, struct weft_call of) {
    bool here;
    const struct call *call = record_of(sched, of, &here);
    if (!here) return WEFT_TIME_NEVER;
    if (call == NULL) return sched->now;
    return call->alarm.at != 0 ? call->alarm.at : WEFT_TIME_NEVER;
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
    if (mail == NULL || mail->kind != WEFT_MSG_CALL || mail->owner != self)
        return WEFT_CALL_TIMEOUT;
    return weft_call_remaining(self, &(struct weft_call){.from = mail->from, .ref = mail->ref});
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

void weft_reply(weft_self *self, const struct weft_call *call, int status, struct weft_bytes data) {
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    weft_otp__touch(data);
    struct weft_call to = *call;
    struct weft_sched *sched = weft_otp__enter(self);
    if (self->flags & PROC_WATCHED)
        weft_otp__watched_post(self, to.from, &(struct post){.kind = WEFT_MSG_REPLY, .data = data});
    bool far = weft_otp__is_far(sched, to.from);
    if (far) weft_otp__reply_far(self, &to, status, data);
    struct mail *mail = far ? NULL : weft_otp__ref_get(sched, to.ref);
    if (mail != NULL && mail->kind == WEFT_MSG_REPLY && weft_pid_equal(mail->owner->pid, to.from)) {
        struct call *asked = (struct call *)mail;
        if (!asked->done && !asked->is_job) weft_otp__call_done(asked, status, data);
    }
    weft_otp__leave(sched);
}
