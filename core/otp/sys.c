/* sys: holding a process and looking into it. */
#include "core/otp/sys.h"

#include "core/otp/statem_internal.h"

/* --- holding --- */

/* As OTP's suspend loop, which waits for system messages and for the parent's exit. */
void weft_otp__suspended_exit(struct weft_process *proc, struct mail *mail) {
    WEFT_ASSERT(proc->flags & PROC_SUSPENDED);
    if (mail->kind != WEFT_MSG_EXIT) return;
    if (!(mail->bits & MAIL_OF_STOP) && !weft_pid_equal(mail->from, proc->parent)) return;
    if (!(mail->bits & MAIL_OF_STOP) && (proc->flags & PROC_TRAP_PARENT)) {
        weft_otp__resume(proc);
        return;
    }
    weft_otp__mail_take(proc, mail);
    weft_otp__stop(proc, weft_otp__cause_share(((struct notice *)mail)->cause));
    weft_otp__mail_free(proc->sched, mail);
    weft_otp__runnable(proc);
}

/* The parent's exit that lay in the mailbox already. */
static void find_exit(struct weft_process *proc) {
    struct weft_link *next;
    for (struct weft_link *at = proc->mailbox.first; at != NULL; at = next) {
        next = ring_next(&proc->mailbox, at);
        weft_otp__suspended_exit(proc, WEFT_CONTAINER(at, struct mail, link));
        if (!(proc->flags & PROC_SUSPENDED) || (proc->flags & PROC_STOPPING)) return;
    }
}

static int suspend(struct weft_sched *sched, weft_pid pid) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    if (proc->flags & (PROC_SUSPENDED | PROC_DOOMED | PROC_STOPPING)) return WEFT_OK;
    proc->flags |= PROC_SUSPENDED;
    weft_otp__queue_remove(proc);
    find_exit(proc);
    return WEFT_OK;
}

void weft_otp__resume(struct weft_process *proc) {
    WEFT_ASSERT(proc != NULL);
    proc->flags &= ~(uint32_t)PROC_SUSPENDED;
    bool work = proc->flags & (PROC_CONTINUE | PROC_STOPPING);
    if (work || !ring_empty(&proc->mailbox)) weft_otp__runnable(proc);
}

static int resume(struct weft_sched *sched, weft_pid pid) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    if (proc->flags & PROC_SUSPENDED) weft_otp__resume(proc);
    return WEFT_OK;
}

int weft_sched_sys_suspend(struct weft_sched *sched, weft_pid pid) {
    WEFT_ASSERT(sched != NULL);
    return suspend(sched, pid);
}

int weft_sched_sys_resume(struct weft_sched *sched, weft_pid pid) {
    WEFT_ASSERT(sched != NULL);
    return resume(sched, pid);
}

int weft_sys_suspend(weft_self *self, weft_pid pid) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = suspend(sched, pid);
    weft_otp__leave(sched);
    return rv;
}

int weft_sys_resume(weft_self *self, weft_pid pid) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = resume(sched, pid);
    weft_otp__leave(sched);
    return rv;
}

/* --- looking --- */

struct describing {
    struct weft_process *proc;
    char *text;
    size_t room, size;
};

static void describe(void *arg) {
    struct describing *describing = arg;
    describing->size = describing->proc->behaviour->format_status(
        describing->proc, describing->text, describing->room);
}

size_t weft_otp__describe(struct weft_process *proc, char *text, size_t room) {
    struct weft_sched *sched = proc->sched;
    struct describing describing = {.proc = proc, .text = text, .room = room - 1};
    struct weft_fault fault = {.kind = WEFT_FAULT_NONE};
    WEFT_ASSERT(room > 1);
    text[0] = '\0';
    if (proc->behaviour->format_status == NULL || (proc->flags & PROC_ASLEEP)) return 0;
    int depth = sched->runtime_depth;
    weft_duration limit = sched->watch.limit;
    uint32_t flags = proc->flags & (PROC_RUNNING | PROC_DOOMED | PROC_STOPPING);
    proc->flags |= PROC_RUNNING; /* marked only, if it is to end: it must change nothing */
    weft_otp__watch(sched, proc->behaviour);
    bool returned =
        sched->env->guard->run(sched->env, describe, &describing, &sched->runtime_depth, &fault);
    proc->flags = (proc->flags & ~(uint32_t)(PROC_RUNNING | PROC_DOOMED | PROC_STOPPING)) | flags;
    if (!ring_empty(&proc->mailbox)) weft_otp__runnable(proc);
    weft_otp__watch_back(sched, limit);
    sched->runtime_depth = depth;
    if (!returned) {
        struct weft_reason why = weft_otp__fault_reason(sched, &fault);
        describing.size = strlen(why.text) < room - 1 ? strlen(why.text) : room - 1;
        memcpy(text, why.text, describing.size);
    }
    if (describing.size > room - 1) describing.size = room - 1;
    text[describing.size] = '\0';
    return describing.size;
}

static uint32_t ancestors(const struct weft_process *proc, weft_pid *out, uint32_t max) {
    uint32_t count = 0;
    while (count < max && (proc = weft_otp__find(proc->sched, proc->parent)) != NULL)
        out[count++] = proc->pid;
    return count;
}

uint32_t weft_self_ancestors(const weft_self *self, weft_pid *out, uint32_t max) {
    WEFT_ASSERT(self != NULL);
    WEFT_ASSERT(out != NULL || max == 0);
    return ancestors(self, out, max);
}

/* The process with its state standing, even if it hibernates. */
static struct weft_process *find_awake(struct weft_sched *sched, weft_pid pid) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL || !(proc->flags & PROC_ASLEEP)) return proc;
    if (weft_otp__wake(proc)) weft_otp__was_called(proc);
    weft_otp__reap(sched);
    return weft_otp__find(sched, pid);
}

static int get_status(struct weft_sched *sched, weft_pid pid, struct weft_sys_status *status) {
    struct weft_process *proc = find_awake(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    status->info = weft_otp__info(proc);
    status->ancestors_count = ancestors(proc, status->ancestors, WEFT_ANCESTORS_MAX);
    status->state_size = weft_statem_is(proc) ? (uint32_t)weft_otp__statem_seen_size(proc)
                                              : proc->behaviour->state_size;
    weft_otp__describe(proc, status->text, sizeof status->text);
    return WEFT_OK;
}

int weft_sched_sys_get_status(struct weft_sched *sched, weft_pid pid,
                              struct weft_sys_status *status) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(status != NULL);
    return get_status(sched, pid, status);
}

int weft_sys_get_status(weft_self *self, weft_pid pid, struct weft_sys_status *status) {
    WEFT_ASSERT(status != NULL);
    memset(status, 0, sizeof *status);
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = get_status(sched, pid, status);
    weft_otp__leave(sched);
    return rv;
}

int weft_sched_sys_get_state(struct weft_sched *sched, weft_pid pid, void *room, size_t *size) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(size != NULL);
    struct weft_process *proc = find_awake(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    bool is_statem = weft_statem_is(proc);
    size_t needed = is_statem ? weft_otp__statem_seen_size(proc) : proc->behaviour->state_size;
    size_t given = *size;
    *size = needed;
    if (given < needed) return WEFT_ERR_TOO_BIG;
    if (is_statem) {
        weft_otp__statem_see(proc, room);
        return WEFT_OK;
    }
    if (needed > 0) memcpy(room, weft_state(proc), needed);
    return WEFT_OK;
}

int weft_sys_get_state(weft_self *self, weft_pid pid, void *room, size_t *size) {
    struct weft_sched *sched = weft_otp__enter(self);
    (void)find_awake(sched, pid);
    weft_otp__leave(sched);
    return weft_sched_sys_get_state(sched, pid, room, size);
}

int weft_sched_sys_replace_state(struct weft_sched *sched, weft_pid pid,
                                 int (*change)(void *ctx, void *state, size_t size), void *ctx) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(change != NULL);
    struct weft_process *proc = find_awake(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    if (weft_statem_is(proc)) return weft_otp__statem_replace(proc, change, ctx);
    return change(ctx, weft_state(proc), proc->behaviour->state_size);
}

int weft_sys_replace_state(weft_self *self, weft_pid pid,
                           int (*change)(void *ctx, void *state, size_t size), void *ctx) {
    struct weft_sched *sched = weft_otp__enter(self);
    (void)find_awake(sched, pid);
    weft_otp__leave(sched);
    return weft_sched_sys_replace_state(sched, pid, change, ctx);
}

const char *weft_msg_kind_name(enum weft_msg_kind kind) {
    static const char *const names[] = {
        [WEFT_MSG_CAST] = "cast",  [WEFT_MSG_CALL] = "call", [WEFT_MSG_REPLY] = "reply",
        [WEFT_MSG_EXIT] = "exit",  [WEFT_MSG_DOWN] = "down", [WEFT_MSG_TIMER] = "timer",
        [WEFT_MSG_EVENT] = "event"};
    WEFT_ASSERT(kind >= WEFT_MSG_CAST);
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}
