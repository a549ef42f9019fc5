/* Jobs: a call whose callee is the env. */
#include "core/otp/job.h"

#include "core/otp/internal.h"

static int submit(struct weft_sched *sched, struct call *call, const struct weft_job *job) {
    struct weft_job_request request = {.owner = call->awaited.owner->pid.raw,
                                       .id = call->awaited.ref,
                                       .fn = job->fn,
                                       .arg = job->arg,
                                       .result_max = job->result_max,
                                       .duration = job->duration};
    int rv = WEFT_OK;
    if (job->timeout > 0)
        rv = weft_otp__alarm_set(sched, &call->alarm, weft_time_add(sched->now, job->timeout));
    if (rv != WEFT_OK) return rv;
    rv = sched->env->job->submit(sched->env, &request);
    if (rv != WEFT_OK) weft_otp__alarm_cancel(sched, &call->alarm);
    return rv;
}

static int start(struct weft_sched *sched, weft_self *self, const struct weft_job *job,
                 weft_ref *ref) {
    if (sched->env->job == NULL) return WEFT_ERR_UNSUPPORTED;
    struct call *call = weft_otp__call_new(self, self->pid);
    if (call == NULL) return WEFT_ERR_NOMEM;
    call->awaited.mail.bits = MAIL_JOB;
    call->awaited.mail.tag = job->tag;
    int rv = submit(sched, call, job);
    if (rv != WEFT_OK) {
        weft_otp__mail_free(sched, &call->awaited.mail);
        return rv;
    }
    *ref = call->awaited.ref;
    weft_otp__awaited_pending(&call->awaited);
    return WEFT_OK;
}

int weft_job(weft_self *self, const struct weft_job *job, weft_ref *ref) {
    WEFT_ASSERT(job->fn != NULL);
    WEFT_ASSERT(job->arg.size <= WEFT_MESSAGE_MAX && job->result_max <= WEFT_MESSAGE_MAX);
    WEFT_ASSERT(job->timeout >= 0 && job->duration >= 0);
    WEFT_ASSERT(ref != NULL);
    struct weft_job copy = *job;
    weft_ref made = 0;
    weft_otp__touch(copy.arg);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = start(sched, self, &copy, &made);
    weft_otp__leave(sched);
    *ref = made;
    return rv;
}

static bool is_waiting(const struct awaited *awaited) {
    return awaited->mail.kind == WEFT_MSG_REPLY && awaited->mail.place == MAIL_PENDING &&
           (awaited->mail.bits & MAIL_JOB);
}

void weft_otp__job_stop(struct call *call) {
    struct weft_process *owner = call->awaited.owner;
    struct weft_env *env = owner->sched->env;
    if (is_waiting(&call->awaited)) env->job->cancel(env, owner->pid.raw, call->awaited.ref);
}

void weft_otp__job_done(struct weft_sched *sched, const struct weft_event *event) {
    WEFT_ASSERT(event->kind == WEFT_EVENT_JOB);
    struct awaited *awaited = weft_otp__ref_get(sched, event->socket);
    if (awaited == NULL || !is_waiting(awaited) || awaited->owner->pid.raw != event->owner) return;
    weft_otp__call_done((struct call *)awaited, event->error, weft_bytes(event->data, event->size));
}

int weft_job_cancel(weft_self *self, weft_ref ref) {
    struct weft_sched *sched = weft_otp__enter(self);
    struct awaited *awaited = weft_otp__ref_get(sched, ref);
    bool known = awaited != NULL && awaited->mail.kind == WEFT_MSG_REPLY &&
                 awaited->owner == self && &awaited->mail != sched->handling &&
                 (awaited->mail.bits & MAIL_JOB);
    if (known && is_waiting(awaited)) {
        weft_otp__call_drop(sched, (struct call *)awaited);
    } else if (known) {
        weft_otp__mail_take(self, &awaited->mail);
        weft_otp__mail_free(sched, &awaited->mail);
    }
    weft_otp__leave(sched);
    return known ? WEFT_OK : WEFT_ERR_NOT_FOUND;
}
