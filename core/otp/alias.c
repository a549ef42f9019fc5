/* Aliases: further pids of a process, each a slot of the table that leads to it. A process's
 * aliases are chained through their slots. */
#include "core/otp/internal.h"

static int make(struct weft_sched *sched, weft_self *self, weft_pid *alias) {
    int rv = weft_otp__slot_take(sched, self, alias);
    if (rv != WEFT_OK) return rv;
    struct slot *slot = &sched->slots[weft_pid_slot(*alias)];
    slot->next = self->aliases;
    self->aliases = weft_pid_slot(*alias) + 1;
    sched->aliases_count++;
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

static bool drop(struct weft_sched *sched, weft_self *self, weft_pid alias) {
    if (weft_otp__find(sched, alias) != self || weft_pid_equal(alias, self->pid)) return false;
    uint32_t index = weft_pid_slot(alias);
    uint32_t *at = &self->aliases;
    while (*at != index + 1) {
        WEFT_ASSERT(*at != 0);
        at = &sched->slots[*at - 1].next;
    }
    *at = sched->slots[index].next;
    weft_otp__slot_give(sched, index);
    sched->aliases_count--;
    return true;
}

bool weft_unalias(weft_self *self, weft_pid alias) {
    WEFT_ASSERT(self != NULL);
    struct weft_sched *sched = weft_otp__enter(self);
    bool dropped = drop(sched, self, alias);
    weft_otp__leave(sched);
    return dropped;
}

void weft_otp__aliases_free(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    while (proc->aliases != 0) {
        uint32_t index = proc->aliases - 1;
        WEFT_ASSERT(sched->slots[index].proc == proc);
        proc->aliases = sched->slots[index].next;
        weft_otp__slot_give(sched, index);
        sched->aliases_count--;
    }
}
