/* A turn: a process handles some of its messages, guarded. */
#include "core/otp/internal.h"

struct turn {
    struct weft_process *proc;
    uint32_t limit, handled;
};

/* Call into the process: outside the runtime. */
static void outside(struct weft_sched *sched) {
    sched->watch.beat = sched->watch.beat + 1;
    sched->runtime_depth = sched->runtime_depth - 1;
}

static void inside(struct weft_sched *sched) { sched->runtime_depth = sched->runtime_depth + 1; }

static void fill_notice(struct mail *mail, struct weft_msg *msg, struct weft_reason *reason) {
    *reason = weft_otp__cause_reason(&((struct notice *)mail)->cause);
    msg->reason = reason;
}

static void fill(struct mail *mail, struct weft_msg *msg, struct weft_reason *reason) {
    *msg = (struct weft_msg){
        .kind = mail->kind, .tag = mail->tag, .from = mail->from, .ref = mail->ref};
    switch (msg->kind) {
    case WEFT_MSG_CAST:
    case WEFT_MSG_CALL: {
        struct letter *letter = (struct letter *)mail;
        msg->data = weft_bytes(letter->data, letter->data_size);
        break;
    }
    case WEFT_MSG_REPLY: {
        struct call *call = (struct call *)mail;
        msg->status = call->status;
        msg->data = weft_bytes(call->data, call->data_size);
        break;
    }
    case WEFT_MSG_EXIT:
        fill_notice(mail, msg, reason);
        break;
    case WEFT_MSG_DOWN: {
        struct monitor *monitor = (struct monitor *)mail;
        fill_notice(mail, msg, reason);
        msg->data = weft_bytes(monitor->name, monitor->name_size);
        break;
    }
    case WEFT_MSG_TIMER: {
        struct timer *timer = (struct timer *)mail;
        msg->data = weft_bytes(timer->data, timer->data_size);
        break;
    }
    case WEFT_MSG_EVENT:
        msg->event = &((struct event_mail *)mail)->event;
        break;
    }
}

/* The exit signal of the parent ends whom it is for, unless that wants to do so itself. */
static bool is_parent_exit(const struct weft_process *proc, const struct mail *mail) {
    if (mail->kind != WEFT_MSG_EXIT) return false;
    if (mail->of_stop) return true;
    if (proc->flags & PROC_TRAP_PARENT) return false;
    return weft_pid_equal(mail->from, proc->parent);
}

static void hand_over(struct weft_process *proc, struct mail *mail) {
    struct weft_sched *sched = proc->sched;
    struct weft_msg msg;
    struct weft_reason reason;
    fill(mail, &msg, &reason);
    if (proc->flags & PROC_WATCHED) weft_otp__watched(proc, &msg, false);
    outside(sched);
    proc->behaviour->handle(proc, &msg);
    inside(sched);
}

/* Any message disarms gen_server's idle timer; its own going off does too. */
static bool take_idle(struct weft_process *proc, struct mail *mail) {
    if (proc->idle == 0) return false;
    bool own = mail->ref == proc->idle && mail->kind == WEFT_MSG_TIMER;
    if (own) {
        proc->idle = 0;
    } else {
        (void)weft_timer_cancel(proc, proc->idle);
    }
    return own;
}

static void handle_one(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    struct mail *mail = WEFT_CONTAINER(proc->mailbox.next, struct mail, link);
    weft_otp__mail_take(mail);
    sched->handling = mail;
    proc->messages++;
    sched->messages++;
    if (take_idle(proc, mail)) {
        outside(sched);
        proc->behaviour->handle_timeout(proc);
        inside(sched);
    } else if (is_parent_exit(proc, mail)) {
        weft_otp__stop(proc, weft_otp__cause_share(((struct notice *)mail)->cause));
    } else if (mail->kind == WEFT_MSG_CALL && (proc->flags & PROC_LATE) &&
               weft_otp__call_expired(sched, mail)) {
        sched->expired++;
    } else {
        hand_over(proc, mail);
    }
    sched->handling = NULL;
    weft_otp__mail_free(sched, mail);
}

static void continue_one(struct weft_process *proc) {
    proc->flags &= ~(uint32_t)PROC_CONTINUE;
    outside(proc->sched);
    proc->behaviour->handle_continue(proc);
    inside(proc->sched);
}

static bool has_work(const struct weft_process *proc) {
    return (proc->flags & PROC_CONTINUE) || !weft_list_empty(&proc->mailbox);
}

static void terminate(struct weft_process *proc) {
    if (proc->behaviour->terminate == NULL) return;
    struct weft_reason why = weft_otp__cause_reason(&proc->end);
    outside(proc->sched);
    proc->behaviour->terminate(proc, &why);
    inside(proc->sched);
}

static void run_turn(void *arg) {
    struct turn *turn = arg;
    struct weft_process *proc = turn->proc;
    inside(proc->sched);
    while (turn->handled < turn->limit && has_work(proc) &&
           !(proc->flags & (PROC_DOOMED | PROC_STOPPING | PROC_SUSPENDED))) {
        turn->handled++;
        proc->flags &= ~(uint32_t)PROC_HIBERNATE;
        if (proc->flags & PROC_CONTINUE) {
            continue_one(proc);
        } else {
            handle_one(proc);
        }
    }
    if (proc->flags & PROC_STOPPING) {
        terminate(proc);
    } else if ((proc->flags & PROC_HIBERNATE) && !has_work(proc)) {
        weft_otp__hibernate(proc);
    }
    outside(proc->sched);
}

void weft_otp__end_by_fault(struct weft_process *proc, const struct weft_fault *fault) {
    struct weft_sched *sched = proc->sched;
    struct weft_reason why = weft_otp__fault_reason(sched, fault);
    weft_otp__code_faulted(proc, &why);
    sched->fault = fault;
    weft_otp__finish(proc, weft_otp__cause_make(sched, &why), true);
}

static void settle(struct weft_process *proc) {
    if (proc->flags & (PROC_DOOMED | PROC_STOPPING)) {
        struct cause cause = proc->end;
        proc->end.text = NULL;
        weft_otp__finish(proc, cause, false);
    } else if (has_work(proc)) {
        weft_otp__runnable(proc);
    } else {
        proc->flags &= ~(uint32_t)PROC_LATE;
    }
}

uint32_t weft_otp__turn(struct weft_process *proc, uint32_t limit) {
    struct weft_sched *sched = proc->sched;
    struct weft_env *env = sched->env;
    struct turn turn = {.proc = proc, .limit = limit};
    struct weft_fault fault; /* filled in when there is one */
    WEFT_ASSERT(sched->handling == NULL);
    WEFT_ASSERT(!(proc->flags & PROC_RUNNING));
    if ((proc->flags & PROC_ASLEEP) && !weft_otp__wake(proc)) return 1;
    if (proc->code_epoch != sched->code_epoch) weft_otp__code_catch_up(proc);
    if ((proc->flags & PROC_POISONED) && !(proc->flags & PROC_STOPPING) && has_work(proc))
        return weft_otp__poison_strikes(proc);
    int depth = sched->runtime_depth;
    proc->flags |= PROC_RUNNING;
    weft_otp__watch(sched, proc->behaviour);
    bool returned = env->guard->run(env, run_turn, &turn, &sched->runtime_depth, &fault);
    sched->runtime_depth = depth;
    proc->flags &= ~(uint32_t)PROC_RUNNING;
    if (returned) {
        settle(proc);
    } else {
        if (sched->handling != NULL) weft_otp__mail_free(sched, sched->handling);
        sched->handling = NULL;
        weft_otp__end_by_fault(proc, &fault);
    }
    weft_otp__reap(sched);
    return turn.handled;
}
