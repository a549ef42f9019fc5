/* Bounds that end a process instead of refusing: reason LIMIT, naming the bound, its value, and who
 * ran into it. */
#include "core/otp/internal.h"

#define DROP_LOOKS 64 /* mails looked at for one that may be dropped */

static const char *name_of(const struct weft_process *proc) {
    const char *name = weft_otp__name_text(proc);
    if (name != NULL) return name;
    return proc->behaviour->name != NULL ? proc->behaviour->name : "-";
}

static void end_by_limit(struct weft_process *proc, const struct weft_reason *why) {
    struct cause cause = weft_otp__cause_make(proc->sched, why);
    weft_otp__doom(proc, cause);
    weft_otp__cause_drop(proc->sched, &cause);
}

int weft_otp__bounds_set(struct weft_process *proc, const struct weft_spawn *spec) {
    if (spec->quota == WEFT_QUOTA_KILL) proc->flags |= PROC_QUOTA_KILL;
    if (spec->overflow == WEFT_OVERFLOW_KILL) proc->flags |= PROC_OVERFLOW_KILL;
    if (spec->overflow == WEFT_OVERFLOW_DROP_OLDEST) proc->flags |= PROC_OVERFLOW_DROP;
    if (spec->mailbox_max == 0 && spec->mailbox_bytes == 0 && spec->memory_max == 0) return WEFT_OK;
    struct extra *extra = weft_otp__extra(proc);
    if (extra == NULL) return WEFT_ERR_NOMEM;
    if (spec->mailbox_max != 0) extra->mailbox_max = spec->mailbox_max;
    if (spec->mailbox_bytes != 0) extra->large_max = spec->mailbox_bytes;
    extra->memory_max = spec->memory_max;
    return WEFT_OK;
}

int weft_sched_limit_memory(struct weft_sched *sched, weft_pid pid, size_t memory_max) {
    WEFT_ASSERT(sched != NULL);
    struct weft_process *proc = weft_otp__find(sched, pid);
    struct extra *extra = proc != NULL ? weft_otp__extra(proc) : NULL;
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    if (extra == NULL) return WEFT_ERR_NOMEM;
    extra->memory_max = memory_max;
    return WEFT_OK;
}

void weft_otp__quota_reached(struct weft_process *proc, size_t size) {
    proc->sched->refused++;
    if (!(proc->flags & PROC_QUOTA_KILL)) return;
    struct weft_reason why = weft_reason_text(
        WEFT_REASON_LIMIT, WEFT_ERR_NOMEM, "memory_max %zu of %.24s: %zu held, %zu more asked",
        proc->extra->memory_max, name_of(proc), proc->extra->memory, size);
    end_by_limit(proc, &why);
}

/* Messages of processes may go; what tells of ends, answers, timers and sockets always comes. */
static struct mail *oldest(struct weft_process *to) {
    struct weft_link *at = to->mailbox.first;
    for (int i = 0; i < DROP_LOOKS && at != NULL; i++, at = ring_next(&to->mailbox, at)) {
        struct mail *mail = WEFT_CONTAINER(at, struct mail, link);
        if (mail->kind == WEFT_MSG_CAST || mail->kind == WEFT_MSG_CALL) return mail;
    }
    return NULL;
}

/* Who asked is told, and does not wait for an answer that cannot come. */
static void answer_full(struct weft_sched *sched, const struct mail *mail) {
    struct weft_call to = {.from = mail->from, .ref = ((const struct letter *)mail)->ref};
    struct call *call = weft_otp__call_waiting(sched, &to);
    if (call != NULL) weft_otp__call_done(call, WEFT_ERR_FULL, weft_bytes(NULL, 0));
}

static bool drop_oldest(struct weft_process *to) {
    struct mail *mail = oldest(to);
    if (mail == NULL) return false;
    weft_otp__mail_take(to, mail);
    if (mail->kind == WEFT_MSG_CALL) answer_full(to->sched, mail);
    weft_otp__mail_free(to->sched, mail);
    to->sched->dropped++;
    return true;
}

int weft_otp__mailbox_full(struct weft_process *to, const struct post *post) {
    struct weft_sched *sched = to->sched;
    if (to->flags & PROC_OVERFLOW_DROP) return drop_oldest(to) ? WEFT_OK : WEFT_ERR_FULL;
    if (!(to->flags & PROC_OVERFLOW_KILL)) return WEFT_ERR_FULL;
    struct weft_reason why = weft_reason_text(
        WEFT_REASON_LIMIT, WEFT_ERR_FULL, "mailbox_max %u of %.24s: message tag %u from %llx",
        weft_otp__mailbox_max(to), name_of(to), post->tag, (unsigned long long)post->from.raw);
    end_by_limit(to, &why);
    weft_otp__reap(sched);
    return WEFT_ERR_FULL;
}

/* One alone always fits. */
static bool has_large_room(const struct extra *extra, size_t size) {
    return extra->large_bytes == 0 || extra->large_bytes + size <= extra->large_max;
}

int weft_otp__large_room(struct weft_process *to, const struct post *post) {
    struct extra *extra = weft_otp__extra(to);
    if (extra == NULL) return WEFT_ERR_NOMEM;
    if (post->force) return WEFT_OK;
    if (to->flags & PROC_OVERFLOW_DROP) {
        while (!has_large_room(extra, post->data.size) && drop_oldest(to)) {
        }
    }
    if (has_large_room(extra, post->data.size)) return WEFT_OK;
    if (!(to->flags & PROC_OVERFLOW_KILL)) return WEFT_ERR_FULL;
    struct weft_reason why = weft_reason_text(
        WEFT_REASON_LIMIT, WEFT_ERR_FULL, "mailbox_bytes %zu of %.24s: message tag %u from %llx",
        extra->large_max, name_of(to), post->tag, (unsigned long long)post->from.raw);
    end_by_limit(to, &why);
    weft_otp__reap(to->sched);
    return WEFT_ERR_FULL;
}
