/* Exit signals, and the end of a process. */
#include "core/otp/remote_internal.h"

static bool is_kill(const struct signal *signal) {
    return signal->cause.kind == WEFT_REASON_KILL && signal->link == NULL;
}

static void link_free(struct weft_sched *sched, struct peer_link *link) {
    if (link != NULL) weft_otp__mail_free(sched, &link->notice.mail);
}

void weft_otp__doom(struct weft_process *proc, struct cause cause) {
    struct weft_sched *sched = proc->sched;
    bool killed = cause.kind == WEFT_REASON_KILLED;
    if (proc->flags & PROC_DOOMED) return;
    if ((proc->flags & PROC_STOPPING) && !killed) return;
    weft_otp__cause_drop(sched, &proc->end);
    proc->end = weft_otp__cause_share(cause);
    proc->flags = (proc->flags & ~(uint32_t)PROC_STOPPING) | PROC_DOOMED;
    if (proc->flags & PROC_RUNNING) return;
    weft_otp__queue_remove(proc);
    weft_list_push_back(&sched->dying, &proc->run);
}

/* As an EXIT message. A link brings its own record; for weft_exit one has to be made, and a
 * process for which there is no memory ends as if it did not trap. */
static void trap(struct weft_process *to, const struct signal *signal) {
    struct notice *notice = signal->link != NULL ? &signal->link->notice : NULL;
    if (notice == NULL)
        notice = weft_otp__mail_new(to, WEFT_MSG_EXIT, sizeof *notice, sizeof *notice);
    if (notice == NULL) {
        weft_otp__doom(to, signal->cause);
        return;
    }
    if (signal->link != NULL) notice->mail.tag = signal->link->end[0] == to ? signal->link->tag : 0;
    notice->mail.owner = to;
    notice->mail.from = signal->from;
    notice->cause = weft_otp__cause_share(signal->cause);
    weft_otp__mail_push(&notice->mail);
    if (to->flags & PROC_SUSPENDED) weft_otp__suspended_exit(to, &notice->mail);
}

void weft_otp__signal(struct weft_process *to, const struct signal *signal) {
    WEFT_ASSERT(to != NULL);
    struct weft_sched *sched = to->sched;
    bool own = weft_pid_equal(signal->from, to->pid);
    if (is_kill(signal)) {
        weft_otp__doom(to, weft_otp__cause_plain(WEFT_REASON_KILLED, signal->cause.code));
    } else if (to->flags & PROC_TRAP) {
        trap(to, signal);
        return;
    } else if (signal->cause.kind != WEFT_REASON_NORMAL || own) {
        weft_otp__doom(to, signal->cause);
    }
    link_free(sched, signal->link);
}

void weft_otp__stop(struct weft_process *proc, struct cause cause) {
    WEFT_ASSERT(proc != NULL);
    bool killed = (proc->flags & PROC_DOOMED) && proc->end.kind == WEFT_REASON_KILLED;
    if ((proc->flags & PROC_STOPPING) || killed) {
        weft_otp__cause_drop(proc->sched, &cause);
        return;
    }
    weft_otp__cause_drop(proc->sched, &proc->end);
    proc->end = cause;
    proc->flags = (proc->flags & ~(uint32_t)PROC_DOOMED) | PROC_STOPPING;
}

static void drop_pending(struct weft_sched *sched, struct mail *mail) {
    switch ((enum weft_msg_kind)mail->kind) {
    case WEFT_MSG_TIMER:
        weft_otp__timer_drop(sched, (struct timer *)mail);
        break;
    case WEFT_MSG_DOWN:
        weft_otp__monitor_drop((struct monitor *)mail);
        break;
    case WEFT_MSG_REPLY: {
        struct call *call = (struct call *)mail;
        if (call->far) weft_otp__call_over_far(call);
        weft_otp__job_stop(call);
        weft_otp__alarm_cancel(sched, &call->alarm);
        weft_list_remove(&call->tie.link);
        weft_list_remove(&mail->link);
        weft_otp__mail_free(sched, mail);
        break;
    }
    case WEFT_MSG_CAST:
    case WEFT_MSG_CALL:
    case WEFT_MSG_EXIT:
    case WEFT_MSG_EVENT:
        WEFT_UNREACHABLE("only what has a ref is pending");
    }
}

static void release(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    while (!weft_list_empty(&proc->pending))
        drop_pending(sched, WEFT_CONTAINER(proc->pending.next, struct mail, link));
    while (!weft_list_empty(&proc->mailbox)) {
        struct mail *mail = WEFT_CONTAINER(proc->mailbox.next, struct mail, link);
        weft_otp__mail_take(mail);
        weft_otp__mail_free(sched, mail);
    }
    WEFT_ASSERT(proc->timers == 0);
    WEFT_ASSERT(proc->monitors == 0);
    weft_otp__sockets_close(proc);
    weft_otp__memory_free(proc);
}

static void tell_peer(struct weft_process *proc, struct peer_link *link, int side,
                      struct cause cause) {
    struct weft_process *peer = link->end[1 - side];
    WEFT_ASSERT(link->end[side] == proc);
    WEFT_ASSERT(peer->links > 0);
    weft_list_remove(&link->tie[1 - side].link);
    peer->links--;
    struct signal signal = {.from = proc->pid, .cause = cause, .link = link};
    weft_otp__signal(peer, &signal);
}

/* Those who asked to be told, in the order they asked. */
static void tell(struct weft_process *proc, struct cause cause) {
    struct weft_link *at;
    while ((at = weft_list_pop_front(&proc->ties)) != NULL) {
        struct tie *tie = WEFT_CONTAINER(at, struct tie, link);
        switch ((enum tie_kind)tie->kind) {
        case TIE_LINK_0:
            tell_peer(proc, WEFT_CONTAINER(tie, struct peer_link, tie[0]), 0, cause);
            break;
        case TIE_LINK_1:
            tell_peer(proc, WEFT_CONTAINER(tie, struct peer_link, tie[1]), 1, cause);
            break;
        case TIE_MONITOR:
            weft_otp__monitor_fire(WEFT_CONTAINER(tie, struct monitor, tie), cause);
            break;
        case TIE_CALL:
            weft_otp__call_done(WEFT_CONTAINER(tie, struct call, tie), WEFT_ERR_NO_PROC,
                                weft_bytes(NULL, 0));
            break;
        case TIE_FAR:
        case TIE_FAR_LINK:
        case TIE_WATCH:
            weft_otp__tie_far(proc, tie, &cause);
            break;
        }
    }
}

static void forget_poison(struct weft_process *proc) {
    if (!(proc->flags & PROC_POISONED)) return;
    struct weft_sched *sched = proc->sched;
    struct weft_link *next;
    for (struct weft_link *at = sched->poisons.next; at != &sched->poisons; at = next) {
        struct poison *poison = WEFT_CONTAINER(at, struct poison, link);
        next = at->next;
        if (!weft_pid_equal(poison->pid, proc->pid)) continue;
        weft_list_remove(at);
        weft_otp__free(sched, poison, sizeof *poison);
    }
}

static void report_state(struct weft_process *proc) {
    char text[WEFT_LOG_TEXT_MAX];
    if (weft_otp__describe(proc, text, sizeof text) == 0) return;
    weft_log(proc->sched->env, WEFT_LOG_ERROR, "crash: state of process %llx: %s",
             (unsigned long long)proc->pid.raw, text);
}

/* The crash report: of a fault, and of one who stopped itself for a reason that is not clean. */
static void report(struct weft_process *proc, const struct weft_reason *why, bool fault) {
    struct weft_env *env = proc->sched->env;
    struct weft_bytes text = weft_bytes(why->text, strlen(why->text));
    weft_trace(env, WEFT_TRACE_PROC_EXIT, text, proc->pid.raw, (uint64_t)why->kind,
               (uint64_t)(int64_t)why->code, fault ? 1 : 0);
    if (!fault && (!(proc->flags & PROC_STOPPING) || weft_reason_is_clean(why))) return;
    weft_log(env, WEFT_LOG_ERROR,
             "crash: process %llx name %s behaviour %s version %u parent %llx: %s %d: %s",
             (unsigned long long)proc->pid.raw, proc->name != NULL ? proc->name->text : "-",
             proc->behaviour->name != NULL ? proc->behaviour->name : "-", proc->behaviour->version,
             (unsigned long long)proc->parent.raw, weft_reason_name(why->kind), why->code,
             why->text);
    const struct weft_fault *at = proc->sched->fault;
    proc->sched->fault = NULL;
    if (at != NULL) weft_otp__log_frames(proc->sched, at); /* before another fault can come */
    report_state(proc);
}

static void leave_queues(struct weft_process *proc) {
    weft_otp__queue_remove(proc);
    /* Nothing that comes while it ends makes it run again. */
    proc->flags |= PROC_DOOMED;
}

void weft_otp__discard(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    forget_poison(proc);
    weft_otp__debug_free(proc);
    leave_queues(proc);
    weft_otp__name_clear(proc);
    release(proc);
    weft_otp__cause_drop(sched, &proc->end);
    weft_otp__aliases_free(proc);
    weft_otp__table_remove(sched, proc);
    weft_otp__code_died(proc);
    weft_otp__state_free(proc);
    weft_otp__free(sched, proc, sizeof *proc + proc->body_size);
}

static void note_root(struct weft_sched *sched, weft_pid pid, const struct weft_reason *why) {
    if (!weft_pid_equal(sched->root, pid)) return;
    WEFT_ASSERT(!sched->ended);
    sched->ended = true;
    if (!sched->halting) sched->ended_why = *why;
}

void weft_otp__finish(struct weft_process *proc, struct cause cause, bool fault) {
    struct weft_sched *sched = proc->sched;
    WEFT_ASSERT(!(proc->flags & PROC_RUNNING));
    struct weft_reason why = weft_otp__cause_reason(&cause);
    report(proc, &why, fault);
    sched->exited++;
    if (fault) sched->faulted++;
    note_root(sched, proc->pid, &why);
    leave_queues(proc);
    tell(proc, cause);
    bool dist = proc->flags & PROC_DIST;
    weft_otp__discard(proc);
    if (dist) weft_otp__dist_ended(sched->remote);
    weft_otp__cause_drop(sched, &cause);
}

void weft_otp__reap(struct weft_sched *sched) {
    if (sched->reaping) return;
    sched->reaping = true;
    while (!weft_list_empty(&sched->dying)) {
        struct weft_process *proc = WEFT_CONTAINER(sched->dying.next, struct weft_process, run);
        struct cause cause = proc->end;
        proc->end.text = NULL;
        weft_otp__finish(proc, cause, false);
    }
    sched->reaping = false;
}

void weft_stop(weft_self *self, const struct weft_reason *reason) {
    WEFT_ASSERT(reason != NULL);
    struct weft_reason why = *reason;
    WEFT_ASSERT(weft_reason_name(why.kind)[0] != '?');
    struct weft_sched *sched = weft_otp__enter(self);
    weft_otp__stop(self, weft_otp__cause_make(sched, &why));
    weft_otp__leave(sched);
}

void weft_otp__exit(struct weft_sched *sched, weft_pid from, weft_pid to,
                    const struct weft_reason *why) {
    struct weft_process *target = weft_otp__find(sched, to);
    if (target == NULL) {
        weft_otp__exit_far(sched, from, to, why);
        return;
    }
    struct signal signal = {.from = from, .cause = weft_otp__cause_make(sched, why)};
    weft_otp__signal(target, &signal);
    weft_otp__cause_drop(sched, &signal.cause);
    weft_otp__reap(sched);
}

void weft_exit(weft_self *self, weft_pid to, const struct weft_reason *reason) {
    WEFT_ASSERT(reason != NULL);
    struct weft_reason why = *reason;
    WEFT_ASSERT(weft_reason_name(why.kind)[0] != '?');
    struct weft_sched *sched = weft_otp__enter(self);
    weft_otp__exit(sched, self->pid, to, &why);
    weft_otp__leave(sched);
}

void weft_sched_exit(struct weft_sched *sched, weft_pid to, const struct weft_reason *reason) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(reason != NULL);
    weft_otp__exit(sched, WEFT_PID_NONE, to, reason);
}
