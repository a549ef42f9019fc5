/* gen_server:stop: a mail that ends whom it is for when its turn comes, and a process that waits
 * for the end and answers. */
#include "core/otp/gen_server.h"
#include "core/otp/internal.h"

struct stopping {
    weft_pid target;
    struct weft_reason reason;
    weft_duration timeout;
    struct weft_call caller; /* ref 0: it has not asked yet */
    int status;
    bool known;
};

static int post_stop(struct weft_sched *sched, weft_pid pid, const struct weft_reason *why) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_OK; /* the monitor tells */
    struct record record = {WEFT_MSG_EXIT, sizeof(struct notice), sizeof(struct notice)};
    struct notice *notice = weft_otp__mail_new(sched, &record);
    if (notice == NULL) return WEFT_ERR_NOMEM;
    notice->mail.bits = MAIL_OF_STOP;
    notice->cause = weft_otp__cause_make(sched, why);
    weft_otp__mail_push(proc, &notice->mail);
    if (proc->flags & PROC_SUSPENDED) weft_otp__suspended_exit(proc, &notice->mail);
    return WEFT_OK;
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct stopping *stopping = weft_state(self);
    weft_ref ref;
    WEFT_ASSERT(arg.size == sizeof *stopping);
    memcpy(stopping, arg.data, sizeof *stopping);
    int rv = weft_monitor(self, stopping->target, &ref);
    if (rv == WEFT_OK && stopping->timeout != WEFT_TIME_NEVER)
        rv = weft_timer_start(self, stopping->timeout, 0, weft_bytes(NULL, 0), NULL);
    if (rv != WEFT_OK) return rv;
    struct weft_sched *sched = weft_otp__enter(self);
    rv = post_stop(sched, stopping->target, &stopping->reason);
    weft_otp__leave(sched);
    return rv;
}

static void on_down(struct stopping *stopping, const struct weft_reason *why) {
    const struct weft_reason *wanted = &stopping->reason;
    bool as_told = why->kind == wanted->kind && why->code == wanted->code;
    stopping->status = as_told ? WEFT_OK : WEFT_ERR_CLOSED;
    if (why->kind == WEFT_REASON_NOPROC && !as_told) stopping->status = WEFT_ERR_NO_PROC;
    stopping->known = true;
}

static void on_message(weft_self *self, const struct weft_msg *msg) {
    struct stopping *stopping = weft_state(self);
    if (msg->kind == WEFT_MSG_DOWN && !stopping->known) on_down(stopping, msg->reason);
    if (msg->kind == WEFT_MSG_CALL) stopping->caller = weft_call_of(msg);
    if (msg->kind == WEFT_MSG_TIMER && !stopping->known) {
        stopping->status = WEFT_ERR_TIMEOUT;
        stopping->known = true;
    }
    if (!stopping->known || stopping->caller.ref == 0) return;
    struct weft_reason done = weft_reason(WEFT_REASON_NORMAL, 0);
    weft_reply(self, &stopping->caller, stopping->status, weft_bytes(NULL, 0));
    weft_stop(self, &done);
}

static WEFT_PROCESS(stop_server, .name = "stop_server", .version = 1,
                    .state_size = sizeof(struct stopping), .init = on_init, .handle = on_message);

int weft_stop_server(weft_self *self, weft_pid pid, const struct weft_stop *stop, weft_ref *ref) {
    WEFT_ASSERT(stop != NULL);
    WEFT_ASSERT(ref != NULL);
    weft_pid helper;
    struct stopping stopping = {
        .target = pid, .reason = stop->reason, .timeout = weft_otp__timeout(self, stop->timeout)};
    *ref = 0;
    if (weft_pid_equal(pid, weft_self_pid(self))) return WEFT_ERR_INVAL;
    int rv = weft_spawn(self,
                        &(struct weft_spawn){.behaviour = &stop_server,
                                             .arg = weft_bytes(&stopping, sizeof stopping)},
                        &helper);
    if (rv != WEFT_OK) return rv;
    rv = weft_call(self, helper, 0, weft_bytes(NULL, 0), WEFT_TIME_NEVER, ref);
    if (rv == WEFT_OK) return WEFT_OK;
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, helper, &kill);
    return rv;
}
