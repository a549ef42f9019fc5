/* Exit signals, and the end of a process. */
#include "core/otp/remote_internal.h"

static bool is_kill(const struct signal *signal) {
    return signal->cause.kind == WEFT_REASON_KILL && signal->link == NULL;
}

static bool is_far(const struct peer_link *link) {
    return link->end[0] != NULL && link->end[1] == NULL;
}

static void link_free(struct weft_sched *sched, struct peer_link *link) {
    if (link == NULL) return;
    weft_otp__free(sched, link, is_far(link) ? sizeof(struct far_link) : sizeof *link);
}

void weft_otp__end_set(struct weft_process *proc, struct cause cause) {
    struct cause old = weft_otp__end_take(proc);
    weft_otp__cause_drop(proc->sched, &old);
    WEFT_ASSERT((unsigned)cause.kind < 64);
    proc->end_text = cause.text;
    proc->end_code = cause.code;
    proc->end_kind = (unsigned)cause.kind & 63;
}

struct cause weft_otp__end_take(struct weft_process *proc) {
    struct cause cause = {.kind = (enum weft_reason_kind)proc->end_kind,
                          .code = proc->end_code,
                          .text = proc->end_text};
    proc->end_text = NULL;
    return cause;
}

void weft_otp__doom(struct weft_process *proc, struct cause cause) {
    struct weft_sched *sched = proc->sched;
    bool killed = cause.kind == WEFT_REASON_KILLED;
    if (proc->flags & PROC_DOOMED) return;
    if ((proc->flags & PROC_STOPPING) && !killed) return;
    weft_otp__end_set(proc, weft_otp__cause_share(cause));
    proc->flags = (proc->flags & ~(uint32_t)PROC_STOPPING) | PROC_DOOMED;
    if (proc->flags & PROC_RUNNING) return;
    weft_otp__queue_remove(proc);
    weft_list_push_back(&sched->dying, &proc->run);
}

/* A parent tells its child to end, or the outside the root: that shall reach it without memory. */
static struct notice *spare_for(struct weft_process *to, const struct signal *signal) {
    struct weft_sched *sched = to->sched;
    if (!weft_pid_equal(signal->from, to->parent)) return NULL;
    for (size_t i = 0; i < sizeof sched->spares / sizeof sched->spares[0]; i++) {
        struct notice *spare = &sched->spares[i];
        if (spare->mail.bits & MAIL_SPARE) continue;
        spare->mail = (struct mail){.kind = WEFT_MSG_EXIT, .bits = MAIL_SPARE};
        return spare;
    }
    return NULL;
}

/* A link brings its own record, no longer a tie of anybody; for weft_exit one has to be made. */
static struct notice *notice_for(struct weft_process *to, const struct signal *signal) {
    struct record record = {WEFT_MSG_EXIT, sizeof(struct notice), sizeof(struct notice)};
    if (signal->link == NULL) {
        struct notice *notice = weft_otp__mail_new(to->sched, &record);
        return notice != NULL ? notice : spare_for(to, signal);
    }
    uint32_t tag = signal->link->end[0] == to ? signal->link->tie[0].tag : 0;
    unsigned bits = MAIL_OF_LINK | (is_far(signal->link) ? MAIL_FAR : 0);
    struct notice *notice = &signal->link->notice;
    notice->mail = (struct mail){.kind = WEFT_MSG_EXIT, .bits = (uint8_t)bits, .tag = tag};
    return notice;
}

/* As an EXIT message. A process for which there is no memory ends as if it did not trap. */
static void trap(struct weft_process *to, const struct signal *signal) {
    struct notice *notice = notice_for(to, signal);
    if (notice == NULL) {
        weft_otp__doom(to, signal->cause);
        return;
    }
    notice->mail.from = signal->from;
    notice->cause = weft_otp__cause_share(signal->cause);
    weft_otp__mail_push(to, &notice->mail);
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
    bool killed = (proc->flags & PROC_DOOMED) && proc->end_kind == WEFT_REASON_KILLED;
    if ((proc->flags & PROC_STOPPING) || killed) {
        weft_otp__cause_drop(proc->sched, &cause);
        return;
    }
    weft_otp__end_set(proc, cause);
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
    case WEFT_MSG_REPLY:
        weft_otp__call_drop(sched, (struct call *)mail);
        break;
    case WEFT_MSG_CAST:
    case WEFT_MSG_CALL:
    case WEFT_MSG_EXIT:
    case WEFT_MSG_EVENT:
        WEFT_UNREACHABLE("only what has a ref is pending");
    }
}

static void release(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    while (!ring_empty(&proc->pending))
        drop_pending(sched, WEFT_CONTAINER(proc->pending.first, struct mail, link));
    while (!ring_empty(&proc->mailbox)) {
        struct mail *mail = WEFT_CONTAINER(proc->mailbox.first, struct mail, link);
        weft_otp__mail_take(proc, mail);
        weft_otp__mail_free(sched, mail);
    }
    weft_otp__extra_free(proc);
}

static void tell_peer(struct weft_process *proc, struct peer_link *link, int side,
                      struct cause cause) {
    struct weft_process *peer = link->end[1 - side];
    WEFT_ASSERT(link->end[side] == proc);
    WEFT_ASSERT(link->tie[1 - side].kind != TIE_NONE);
    weft_otp__tie_remove(peer, &link->tie[1 - side]);
    struct signal signal = {.from = proc->pid, .cause = cause, .link = link};
    weft_otp__signal(peer, &signal);
}

/* Those who asked to be told, in the order they asked. */
static void tell(struct weft_process *proc, struct cause cause) {
    enum tie_kind kind = TIE_NONE;
    struct tie *tie;
    while ((tie = weft_otp__tie_pop(proc, &kind)) != NULL) {
        switch (kind) {
        case TIE_NONE:
        case TIE_ROUTE_MONITOR:
        case TIE_ROUTE_CALL:
        case TIE_ROUTE_LINK:
            WEFT_UNREACHABLE("a process has no such tie");
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
            weft_otp__tie_far(proc, tie, kind, &cause);
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
    const char *name = weft_otp__name_text(proc);
    weft_log(env, WEFT_LOG_ERROR,
             "crash: process %llx name %s behaviour %s version %u parent %llx: %s %d: %s",
             (unsigned long long)proc->pid.raw, name != NULL ? name : "-",
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
    struct cause end = weft_otp__end_take(proc);
    weft_otp__cause_drop(sched, &end);
    weft_otp__table_remove(sched, proc);
    weft_otp__code_died(proc);
    weft_otp__state_free(proc);
    weft_otp__free(sched, proc, sizeof *proc + proc->body_size);
}

/* Whether anybody wants its reason in words: most end for a clean one, and nobody looks. */
static bool is_told(const struct weft_process *proc, const struct cause *cause, bool fault) {
    const struct weft_sched *sched = proc->sched;
    bool clean = cause->kind == WEFT_REASON_NORMAL || cause->kind == WEFT_REASON_SHUTDOWN;
    bool traced = sched->env->trace_mask & WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT);
    return fault || traced || !clean || weft_pid_equal(sched->root, proc->pid);
}

static void note_root(struct weft_sched *sched, weft_pid pid, const struct weft_reason *why) {
    if (!weft_pid_equal(sched->root, pid)) return;
    WEFT_ASSERT(!sched->ended);
    sched->ended = true;
    if (!sched->halting) sched->ended_why = weft_otp__cause_make(sched, why);
}

void weft_otp__finish(struct weft_process *proc, struct cause cause, bool fault) {
    struct weft_sched *sched = proc->sched;
    WEFT_ASSERT(!(proc->flags & PROC_RUNNING));
    if (is_told(proc, &cause, fault)) {
        struct weft_reason why = weft_otp__cause_reason(&cause);
        bool lost = fault && cause.text == NULL && sched->fault != NULL; /* no memory for it */
        if (lost) why = weft_otp__fault_reason(sched, sched->fault);
        report(proc, &why, fault);
        note_root(sched, proc->pid, &why);
    }
    sched->exited++;
    if (fault) sched->faulted++;
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
        weft_otp__finish(proc, weft_otp__end_take(proc), false);
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
