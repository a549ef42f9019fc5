/* Calls: a record in the caller that becomes the one REPLY, whatever happens. */
#include "core/otp/internal.h"

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

/* Nobody will answer, and no time will run out. */
static void let_go(struct weft_sched *sched, struct call *call) {
    weft_otp__alarm_cancel(sched, &call->alarm);
    if (call->tie.kind == TIE_NONE) return;
    weft_otp__tie_remove(weft_otp__find(sched, call->awaited.mail.from), &call->tie);
}

void weft_otp__call_done(struct call *call, int status, struct weft_bytes data) {
    struct weft_process *owner = call->awaited.owner;
    WEFT_ASSERT(call->awaited.mail.place == MAIL_PENDING);
    let_go(owner->sched, call);
    call->status = status;
    attach_data(owner->sched, call, data);
    owner->bytes += call->data_size;
    weft_otp__mail_push(owner, &call->awaited.mail);
}

void weft_otp__call_drop(struct weft_sched *sched, struct call *call) {
    WEFT_ASSERT(call->awaited.mail.place == MAIL_PENDING);
    let_go(sched, call);
    weft_otp__mail_take(call->awaited.owner, &call->awaited.mail);
    weft_otp__mail_free(sched, &call->awaited.mail);
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
    if (weft_pid_equal(self->pid, asking->to)) return WEFT_ERR_INVAL;
    struct record record = {WEFT_MSG_REPLY, sizeof(struct call), sizeof(struct call)};
    struct call *call = weft_otp__awaited_new(self, &record);
    if (call == NULL) return WEFT_ERR_NOMEM;
    asking->post.ref = call->awaited.ref;
    if (self->flags & PROC_WATCHED) weft_otp__watched_post(self, asking->to, &asking->post);
    call->awaited.mail.from = asking->to;
    call->awaited.mail.tag = asking->post.tag;
    int rv = ask(sched, call, asking);
    if (rv != WEFT_OK) weft_otp__mail_free(sched, &call->awaited.mail);
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

/* The call `to`, while it waits for its answer; or NULL. */
static struct call *waiting(const struct weft_sched *sched, const struct weft_call *to) {
    struct awaited *awaited = weft_otp__ref_get(sched, to->ref);
    if (awaited == NULL || awaited->mail.kind != WEFT_MSG_REPLY) return NULL;
    if (awaited->mail.place != MAIL_PENDING) return NULL;
    return weft_pid_equal(awaited->owner->pid, to->from) ? (struct call *)awaited : NULL;
}

void weft_reply(weft_self *self, const struct weft_call *call, int status, struct weft_bytes data) {
    WEFT_ASSERT(data.size <= WEFT_MESSAGE_MAX);
    weft_otp__touch(data);
    struct weft_call to = *call;
    struct weft_sched *sched = weft_otp__enter(self);
    if (self->flags & PROC_WATCHED)
        weft_otp__watched_post(self, to.from, &(struct post){.kind = WEFT_MSG_REPLY, .data = data});
    struct call *asked = waiting(sched, &to);
    if (asked != NULL) weft_otp__call_done(asked, status, data);
    weft_otp__leave(sched);
}
