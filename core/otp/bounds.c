/* Bounds that end a process instead of refusing: reason LIMIT, naming the bound, its value, and who
 * ran into it. */
#include "core/otp/internal.h"

#define DROP_LOOKS 64 /* mails looked at for one that may be dropped */

static const char *name_of(const struct weft_process *proc) {
    if (proc->name != NULL) return proc->name->text;
    return proc->behaviour->name != NULL ? proc->behaviour->name : "-";
}

static void end_by_limit(struct weft_process *proc, const struct weft_reason *why) {
    struct cause cause = weft_otp__cause_make(proc->sched, why);
    weft_otp__doom(proc, cause);
    weft_otp__cause_drop(proc->sched, &cause);
}

void weft_otp__bounds_set(struct weft_process *proc, const struct weft_spawn *spec) {
    if (spec->quota == WEFT_QUOTA_KILL) proc->flags |= PROC_QUOTA_KILL;
    if (spec->overflow == WEFT_OVERFLOW_KILL) proc->flags |= PROC_OVERFLOW_KILL;
    if (spec->overflow == WEFT_OVERFLOW_DROP_OLDEST) proc->flags |= PROC_OVERFLOW_DROP;
}

void weft_otp__quota_reached(struct weft_process *proc, size_t size) {
    if (!(proc->flags & PROC_QUOTA_KILL)) return;
    struct weft_reason why = weft_reason_text(WEFT_REASON_LIMIT, WEFT_ERR_NOMEM,
                                              "memory_max %zu of %.24s: %zu held, %zu more asked",
                                              proc->memory_max, name_of(proc), proc->memory, size);
    end_by_limit(proc, &why);
}

/* Messages of processes may go; what tells of ends, answers, timers and sockets always comes. */
static struct mail *oldest(struct weft_process *to) {
    struct weft_link *at = to->mailbox.next;
    for (int i = 0; i < DROP_LOOKS && at != &to->mailbox; i++, at = at->next) {
        struct mail *mail = WEFT_CONTAINER(at, struct mail, link);
        if (mail->kind == WEFT_MSG_CAST || mail->kind == WEFT_MSG_CALL) return mail;
    }
    return NULL;
}

/* Who asked is told, and does not wait for an answer that cannot come. */
static void answer_full(struct weft_sched *sched, const struct mail *mail) {
    struct mail *asking = weft_otp__ref_get(sched, mail->ref);
    if (asking == NULL || asking->kind != WEFT_MSG_REPLY) return;
    struct call *call = (struct call *)asking;
    if (!call->done) weft_otp__call_done(call, WEFT_ERR_FULL, weft_bytes(NULL, 0));
}

static bool drop_oldest(struct weft_process *to) {
    struct mail *mail = oldest(to);
    if (mail == NULL) return false;
    weft_otp__mail_take(mail);
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
        to->mailbox_max, name_of(to), post->tag, (unsigned long long)post->from.raw);
    end_by_limit(to, &why);
    weft_otp__reap(sched);
    return WEFT_ERR_FULL;
}
