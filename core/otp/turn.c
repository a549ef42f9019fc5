/* A turn: a process handles some of its messages. Turns share a guard until one ends by a fault:
 * sched->running tells whose it was. */
#include "core/otp/internal.h"

/* Call into the process: outside the runtime. */
static void outside(struct weft_sched *sched) {
    sched->watch.beat = sched->watch.beat + 1;
    sched->runtime_depth = sched->runtime_depth - 1;
}

static void inside(struct weft_sched *sched) { sched->runtime_depth = sched->runtime_depth + 1; }

static void fill(struct mail *mail, struct weft_msg *msg, struct weft_reason *reason) {
    *msg = (struct weft_msg){.kind = mail->kind, .tag = mail->tag, .from = mail->from};
    switch (msg->kind) {
    case WEFT_MSG_CAST:
    case WEFT_MSG_CALL: {
        struct letter *letter = (struct letter *)mail;
        msg->ref = letter->ref;
        msg->data = weft_bytes(letter->data, letter->data_size);
        break;
    }
    case WEFT_MSG_REPLY: {
        struct call *call = (struct call *)mail;
        msg->ref = call->awaited.ref;
        msg->status = call->status;
        msg->data = weft_bytes(call->data, call->data_size);
        break;
    }
    case WEFT_MSG_EXIT:
        *reason = weft_otp__cause_reason(&((struct notice *)mail)->cause);
        msg->reason = reason;
        break;
    case WEFT_MSG_DOWN: {
        struct monitor *monitor = (struct monitor *)mail;
        *reason = weft_otp__cause_reason(&monitor->cause);
        msg->ref = monitor->awaited.ref;
        msg->reason = reason;
        msg->data = weft_bytes(monitor->name, monitor->name_size);
        break;
    }
    case WEFT_MSG_TIMER: {
        struct timer *timer = (struct timer *)mail;
        msg->ref = timer->awaited.ref;
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
    if (mail->bits & MAIL_OF_STOP) return true;
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
    struct extra *extra = proc->extra;
    if (extra == NULL || extra->idle == 0) return false;
    struct awaited *idle = weft_otp__ref_get(proc->sched, extra->idle);
    extra->idle = 0;
    WEFT_ASSERT(idle != NULL);
    if (&idle->mail == mail) return true;
    weft_otp__timer_drop(proc->sched, (struct timer *)idle);
    return false;
}

/* Most messages hold nothing beside themselves. */
static void handled(struct weft_sched *sched, struct mail *mail) {
    if (mail->kind == WEFT_MSG_CAST || mail->kind == WEFT_MSG_CALL) {
        size_t size = sizeof(struct letter) + ((struct letter *)mail)->data_size;
        weft_otp__free(sched, mail, size);
    } else {
        weft_otp__mail_free(sched, mail);
    }
}

static void handle_one(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    struct mail *mail = weft_otp__mail_first(proc);
    __builtin_prefetch(proc->mailbox.first);
    sched->handling = mail;
    proc->messages++;
    proc->reductions++;
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
    handled(sched, mail);
}

static void continue_one(struct weft_process *proc) {
    proc->flags &= ~(uint32_t)PROC_CONTINUE;
    outside(proc->sched);
    proc->behaviour->handle_continue(proc);
    inside(proc->sched);
}

static bool has_work(const struct weft_process *proc) {
    return (proc->flags & PROC_CONTINUE) || !ring_empty(&proc->mailbox);
}

static void terminate(struct weft_process *proc) {
    if (proc->behaviour->terminate == NULL) return;
    struct cause end = {.kind = (enum weft_reason_kind)proc->end_kind,
                        .code = proc->end_code,
                        .text = proc->end_text};
    struct weft_reason why = weft_otp__cause_reason(&end);
    outside(proc->sched);
    proc->behaviour->terminate(proc, &why);
    inside(proc->sched);
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
        weft_otp__finish(proc, weft_otp__end_take(proc), false);
    } else if (has_work(proc)) {
        weft_otp__runnable(proc);
    } else {
        proc->flags &= ~(uint32_t)PROC_LATE;
    }
}

static uint32_t turn_messages(const struct weft_sched *sched) {
    uint32_t limit = sched->queues.order == NULL ? WEFT_TURN_MAX : 1;
    if (weft_otp__is_slow(sched)) {
        limit = (uint32_t)WEFT_TURN_TIME / sched->message_cost;
        if (limit == 0) limit = 1;
    }
    return limit < sched->run.left ? limit : sched->run.left;
}

static void take_turn(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    uint64_t reductions = proc->reductions + WEFT_TURN_REDUCTIONS;
    sched->running = proc;
    proc->flags |= PROC_RUNNING;
    weft_otp__watch(sched, proc->behaviour);
    for (uint32_t left = turn_messages(sched);
         left > 0 && has_work(proc) && proc->reductions < reductions &&
         !(proc->flags & (PROC_DOOMED | PROC_STOPPING | PROC_SUSPENDED));
         left--) {
        sched->run.left--;
        sched->run.unclocked++;
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
    proc->flags &= ~(uint32_t)PROC_RUNNING;
    settle(proc);
}

/* Up at once, so that slow handlers do not keep the others waiting; down by an eighth of the way,
 * so that one slow message among many is not forgotten. */
static void learn_cost(struct weft_sched *sched, weft_duration took) {
    uint64_t cost = (uint64_t)took / sched->run.unclocked, old = sched->message_cost;
    if (cost < old) cost = old - (old - cost + 7) / 8;
    sched->message_cost = cost < UINT32_MAX ? (uint32_t)cost : UINT32_MAX;
}

static void look_at_clock(struct weft_sched *sched) {
    struct run *run = &sched->run;
    WEFT_ASSERT(run->unclocked > 0);
    weft_time now = weft_env_now(sched->env);
    learn_cost(sched, now - run->clocked);
    run->clocked = now;
    run->unclocked = 0;
    if (now - run->began >= WEFT_RUN_TIME) run->left = 0;
}

/* A turn's worth when turns are cut short, else more. */
static bool clock_is_due(const struct weft_sched *sched) {
    uint32_t unclocked = sched->run.unclocked;
    if (unclocked >= WEFT_CLOCK_MESSAGES) return true;
    return (uint64_t)unclocked * sched->message_cost >= (uint64_t)WEFT_TURN_TIME;
}

/* It has its state, and the code of today, and nothing was planted in it. Else what is to happen
 * instead of its turn has happened, and it may be gone. */
static bool is_ready(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    bool plain = !(proc->flags & PROC_UNREADY) && proc->code_epoch == sched->code_epoch;
    if (__builtin_expect(plain, true)) return true;
    if (!weft_otp__wake(proc)) {
        sched->run.left--;
        return false;
    }
    if (proc->code_epoch != sched->code_epoch) weft_otp__code_catch_up(proc);
    if (!(proc->flags & PROC_POISONED) || (proc->flags & PROC_STOPPING) || !has_work(proc))
        return true;
    sched->run.left--;
    weft_otp__poison_strikes(proc);
    return false;
}

static void run_turns(void *arg) {
    struct weft_sched *sched = arg;
    struct weft_process *proc;
    inside(sched);
    while (sched->run.left > 0 && (proc = weft_otp__queue_pop(sched)) != NULL) {
        WEFT_ASSERT(sched->handling == NULL);
        WEFT_ASSERT(!(proc->flags & PROC_RUNNING));
        if (is_ready(proc)) take_turn(proc);
        sched->running = NULL;
        if (!weft_list_empty(&sched->dying)) weft_otp__reap(sched);
        if (clock_is_due(sched)) look_at_clock(sched);
    }
    outside(sched);
}

/* The handler that faulted is gone; its process goes too. */
static void recover(struct weft_sched *sched, const struct weft_fault *fault) {
    struct weft_process *proc = sched->running;
    WEFT_ASSERT(proc != NULL);
    sched->running = NULL;
    proc->flags &= ~(uint32_t)PROC_RUNNING;
    if (sched->handling != NULL) weft_otp__mail_free(sched, sched->handling);
    sched->handling = NULL;
    weft_otp__end_by_fault(proc, fault);
    weft_otp__reap(sched);
}

void weft_otp__turns(struct weft_sched *sched) {
    struct weft_env *env = sched->env;
    int depth = sched->runtime_depth;
    WEFT_ASSERT(sched->running == NULL);
    while (sched->run.left > 0 && sched->queues.count > 0) {
        struct weft_fault fault; /* filled in when there is one */
        if (env->guard->run(env, run_turns, sched, &sched->runtime_depth, &fault)) continue;
        sched->runtime_depth = depth;
        recover(sched, &fault);
    }
    if (sched->run.unclocked >= WEFT_CLOCK_MESSAGES / 8) look_at_clock(sched);
}
