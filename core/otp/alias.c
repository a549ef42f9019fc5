/* Aliases: further pids of a process, each a slot of the table that leads to it. */
#include "core/otp/internal.h"

static int make(struct weft_sched *sched, weft_self *self, weft_pid *pid) {
    struct extra *extra = weft_otp__extra(self);
    struct alias *alias = extra == NULL ? NULL : weft_otp__alloc(sched, sizeof *alias);
    if (alias == NULL) return WEFT_ERR_NOMEM;
    *alias = (struct alias){.proc = self, .next = extra->aliases};
    int rv = weft_otp__table_add_alias(sched, alias);
    if (rv != WEFT_OK) {
        weft_otp__free(sched, alias, sizeof *alias);
        return rv;
    }
    extra->aliases = alias;
    *pid = alias->pid;
    return WEFT_OK;
}

int weft_alias(weft_self *self, weft_pid *alias) {
    WEFT_ASSERT(self != NULL);
    WEFT_ASSERT(alias != NULL);
    weft_pid made = WEFT_PID_NONE;
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = make(sched, self, &made);
    weft_otp__leave(sched);
    *alias = made;
    return rv;
}

static void drop_at(struct weft_sched *sched, struct alias **at) {
    struct alias *alias = *at;
    *at = alias->next;
    weft_otp__table_remove_alias(sched, alias);
    weft_otp__free(sched, alias, sizeof *alias);
}

static bool drop(struct weft_sched *sched, weft_self *self, weft_pid pid) {
    if (weft_otp__find(sched, pid) != self || weft_pid_equal(pid, self->pid)) return false;
    WEFT_ASSERT(self->extra != NULL);
    struct alias **at = &self->extra->aliases;
    while (!weft_pid_equal((*at)->pid, pid)) {
        at = &(*at)->next;
        WEFT_ASSERT(*at != NULL);
    }
    drop_at(sched, at);
    return true;
}

bool weft_unalias(weft_self *self, weft_pid alias) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    bool dropped = drop(sched, self, alias);
    weft_otp__leave(sched);
    return dropped;
}

void weft_otp__aliases_free(struct extra *extra) {
    WEFT_ASSERT(extra->proc->extra == extra);
    while (extra->aliases != NULL) drop_at(extra->proc->sched, &extra->aliases);
}
