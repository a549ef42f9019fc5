/* Calls: a record in the caller that becomes the one REPLY, whatever happens. */
#include "core/otp/internal.h"

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

void weft_otp__call_done(struct call *call, int status, struct weft_bytes data) {
    struct weft_sched *sched = call->mail.owner->sched;
    WEFT_ASSERT(!call->done);
    WEFT_ASSERT(!call->mail.queued);
    if (status == WEFT_ERR_TIMEOUT) weft_otp__job_stop(call);
    call->done = true;
    call->status = status;
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

struct asking {
    weft_pid to;
    struct post post;
    weft_duration timeout;
};

static int ask(struct weft_sched *sched, struct call *call, const struct asking *asking) {
    struct weft_process *callee = weft_otp__find(sched, asking->to);
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
    if (weft_pid_equal(self->pid, asking->to)) return WEFT_ERR_INVAL;
    struct call *call = weft_otp__call_new(self, asking->to);
    if (call == NULL) return WEFT_ERR_NOMEM;
    asking->post.ref = call->mail.ref;
    if (self->flags & PROC_WATCHED) weft_otp__watched_post(self, asking->to, &asking->post);
    call->mail.tag = asking->post.tag;
    int rv = ask(sched, call, asking);
    if (rv != WEFT_OK) weft_otp__mail_free(sched, &call->mail);
    return rv;
}

int weft_call(weft_self *self, weft_pid to, uint32_t tag, struct weft_bytes data,
              weft_duration timeout, weft_ref *ref) {
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
    struct mail *mail = weft_otp__ref_get(sched, to.ref);
    if (mail != NULL && mail->kind == WEFT_MSG_REPLY && weft_pid_equal(mail->owner->pid, to.from)) {
        struct call *asked = (struct call *)mail;
        if (!asked->done && !asked->is_job) weft_otp__call_done(asked, status, data);
    }
    weft_otp__leave(sched);
}
