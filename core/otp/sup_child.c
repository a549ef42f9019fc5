/* The children of a supervisor: found by id and by pid, started, and gone. */
#include "core/otp/sup_internal.h"

static struct child *owner_of(const struct sup *sup, const struct spec *spec) {
    return spec == NULL ? NULL : weft_otp__child_at(sup, spec->owner);
}

struct child *weft_otp__child_by_id(const struct sup *sup, const char *id) {
    return owner_of(sup, weft_otp__spec_by_id(sup, id));
}

bool weft_otp__child_is_up(const struct child *child) {
    return child->state == CHILD_UP || child->state == CHILD_DIED;
}

bool weft_otp__child_is_restarting(const struct child *child) {
    return child->state >= CHILD_TRYING;
}

struct child *weft_otp__child_by_tag(const struct sup *sup, uint32_t tag, weft_pid pid) {
    if (tag >= sup->slots_used || weft_pid_is_none(pid)) return NULL;
    struct child *child = weft_otp__child_at(sup, tag);
    return weft_otp__child_is_up(child) && weft_pid_equal(child->pid, pid) ? child : NULL;
}

/* Rare, and few wait for long: looked for one by one. */
static struct child *restarting_by_pid(const struct sup *sup, weft_pid pid) {
    if (sup->restarting == 0) return NULL;
    struct child *child = weft_otp__child_at(sup, sup->children.first);
    for (; child != NULL; child = weft_otp__child_next(sup, child))
        if (weft_otp__child_is_restarting(child) && weft_pid_equal(child->pid, pid)) return child;
    return NULL;
}

struct child *weft_otp__child_by_pid(weft_self *self, weft_pid pid) {
    const struct sup *sup = weft_state(self);
    if (weft_pid_is_none(pid)) return NULL;
    const struct weft_process *proc = weft_otp__find(self->sched, pid);
    if (proc == NULL) return restarting_by_pid(sup, pid);
    if (!weft_pid_equal(proc->parent, self->pid)) return NULL;
    return weft_otp__child_by_tag(sup, proc->tag, pid);
}

static void count_spec(struct sup *sup, const struct spec *spec, bool more) {
    if (spec->the.type != WEFT_TYPE_SUPERVISOR) return;
    WEFT_ASSERT(more || sup->supervisors > 0);
    sup->supervisors = more ? sup->supervisors + 1 : sup->supervisors - 1;
}

static void count_state(struct sup *sup, const struct child *child, uint32_t one) {
    if (child->state == CHILD_DOWN) return;
    if (child->spec->the.significant) sup->significant += one;
    if (weft_otp__child_is_up(child)) {
        sup->active += one;
    } else {
        sup->restarting += one;
    }
}

static struct index_list *list_of(struct sup *sup, const struct child *child) {
    if (child->state == CHILD_DIED) return &sup->deaths;
    if (child->state == CHILD_TRYING) return &sup->retries;
    return child->state == CHILD_WAITED ? &sup->waited : NULL;
}

void weft_otp__child_set_state(weft_self *self, struct child *child, enum child_state state) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(child->state != CHILD_FREE);
    WEFT_ASSERT(state != CHILD_FREE);
    struct index_list *from = list_of(sup, child);
    if (from != NULL) weft_otp__list_remove(sup, from, child);
    if (child->state == CHILD_WAITING) (void)weft_timer_cancel(self, child->timer);
    count_state(sup, child, UINT32_MAX);
    child->state = (uint8_t)state;
    count_state(sup, child, 1);
    struct index_list *to = list_of(sup, child);
    if (to != NULL) weft_otp__list_push(sup, to, child);
}

int weft_otp__child_new(weft_self *self, struct spec *spec, struct child **out) {
    struct sup *sup = weft_state(self);
    struct child *child;
    int rv = weft_otp__slot_get(self, &child);
    if (rv != WEFT_OK) {
        weft_otp__spec_put(self, spec);
        return rv;
    }
    child->spec = spec;
    if (!weft_otp__spec_is_shared(&spec->the)) {
        WEFT_ASSERT(spec->owner == CHILD_NONE);
        spec->owner = child->index;
    }
    count_spec(sup, spec, true);
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_CHILD_ADDED, weft_bytes_text(spec->the.id),
               self->pid.raw, child->index, spec->the.restart, spec->the.significant);
    *out = child;
    return WEFT_OK;
}

void weft_otp__child_free(weft_self *self, struct child *child) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(!weft_otp__child_is_up(child));
    weft_otp__child_set_state(self, child, CHILD_DOWN);
    count_spec(sup, child->spec, false);
    weft_otp__spec_put(self, child->spec);
    weft_otp__slot_put(self, child);
}

void weft_otp__child_respec(weft_self *self, struct child *child, struct spec *spec) {
    struct sup *sup = weft_state(self);
    struct spec *old = child->spec;
    WEFT_ASSERT(child->state != CHILD_FREE);
    count_state(sup, child, UINT32_MAX);
    count_spec(sup, old, false);
    child->spec = spec;
    count_spec(sup, spec, true);
    count_state(sup, child, 1);
    if (!weft_otp__spec_is_shared(&spec->the)) spec->owner = child->index;
    weft_otp__spec_put(self, old);
}

static void came_up(weft_self *self, struct child *child, bool again) {
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_CHILD_UP, weft_bytes_text(child->spec->the.id),
               self->pid.raw, child->pid.raw, child->spec->the.restart, again ? 1 : 0,
               child->index);
}

static void report_start(weft_self *self, const struct spec *spec, int error) {
    const struct weft_reason *why = weft_last_reason(self);
    weft_log(weft_self_env(self), WEFT_LOG_ERROR,
             "supervisor %llx: child %s (%s) did not start: %s; %s %d: %s",
             (unsigned long long)self->pid.raw, spec->the.id, spec->the.behaviour->name,
             weft_error_text(error), weft_reason_name(why->kind), why->code, why->text);
}

int weft_otp__child_start(weft_self *self, struct child *child, struct start *start) {
    const struct weft_child_spec *spec = &child->spec->the;
    WEFT_ASSERT(!weft_otp__child_is_up(child));
    struct weft_spawn spawn = {.behaviour = spec->behaviour,
                               .arg = start->arg,
                               .name = spec->name,
                               .link = true,
                               .priority = spec->priority,
                               .mailbox_max = spec->mailbox_max,
                               .memory_max = spec->memory_max,
                               .overflow = spec->overflow,
                               .quota = spec->quota,
                               .tag = child->index};
    weft_otp__child_set_state(self, child, CHILD_DOWN);
    weft_pid pid;
    int rv = weft_spawn(self, &spawn, &pid);
    if (rv == WEFT_OK) {
        child->pid = pid;
        child->started = (uint32_t)(weft_now(self) / WEFT_MS(1));
        weft_otp__child_set_state(self, child, CHILD_UP);
        came_up(self, child, start->again);
        return WEFT_OK;
    }
    if (rv == WEFT_ERR_IGNORE) return WEFT_OK;
    start->holder = pid;
    report_start(self, child->spec, rv);
    return rv;
}

void weft_otp__child_given_up(weft_self *self, const struct child *child) {
    WEFT_ASSERT(!weft_otp__child_is_up(child));
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_CHILD_DOWN, weft_bytes_text(child->spec->the.id),
               self->pid.raw, 0, child->spec->the.restart, WEFT_REASON_SHUTDOWN, 0, 1,
               child->index);
}

int weft_otp__child_restart(weft_self *self, struct child *child) {
    struct start start = {.arg = child->spec->the.arg, .again = true};
    WEFT_ASSERT(child->spec->refs > 0);
    int rv = weft_otp__child_start(self, child, &start);
    struct sup *sup = weft_state(self);
    if (rv != WEFT_OK || child->state != CHILD_DOWN) return rv;
    weft_otp__child_given_up(self, child); /* its init chose IGNORE */
    /* Its process was all that this child was. */
    if (sup->template != NULL) weft_otp__child_remove(self, child);
    return rv;
}

void weft_otp__child_down(weft_self *self, struct child *child, const struct weft_reason *why,
                          bool will_restart) {
    struct weft_env *env = weft_self_env(self);
    const struct weft_child_spec *spec = &child->spec->the;
    const struct sup *sup = weft_state(self);
    WEFT_ASSERT(weft_otp__child_is_up(child));
    weft_trace(env, WEFT_TRACE_SUP_CHILD_DOWN, weft_bytes_text(spec->id), self->pid.raw,
               child->pid.raw, spec->restart, (uint64_t)why->kind, will_restart ? 1 : 0,
               sup->op != OP_NONE, child->index);
    if (!weft_reason_is_clean(why))
        weft_log(env, WEFT_LOG_ERROR, "supervisor %llx: child %s (%s) %llx ended: %s %d: %s%s",
                 (unsigned long long)self->pid.raw, spec->id, spec->behaviour->name,
                 (unsigned long long)child->pid.raw, weft_reason_name(why->kind), why->code,
                 why->text, will_restart ? "; restarting" : "");
    weft_otp__backoff_note_end(self, child);
    weft_otp__child_set_state(self, child, CHILD_DOWN);
}

void weft_otp__child_remove(weft_self *self, struct child *child) {
    WEFT_ASSERT(!weft_otp__child_is_up(child));
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_CHILD_REMOVED,
               weft_bytes_text(child->spec->the.id), self->pid.raw, child->spec->the.restart,
               child->index);
    weft_otp__child_free(self, child);
}

void weft_otp__child_leave(weft_self *self, struct child *child) {
    const struct sup *sup = weft_state(self);
    WEFT_ASSERT(!weft_otp__child_is_up(child));
    const struct weft_child_spec *spec = &child->spec->the;
    /* Without an id nobody could ask for it again. */
    if (spec->restart == WEFT_TEMPORARY || sup->template != NULL || spec->id[0] == '\0') {
        weft_otp__child_remove(self, child);
    } else {
        weft_otp__child_set_state(self, child, CHILD_DOWN);
    }
}
