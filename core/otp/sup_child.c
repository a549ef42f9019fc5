/* The children of a supervisor: found by id, by pid and in order. */
#include "core/otp/sup_internal.h"

void weft_otp__sup_children_init(weft_self *self, struct sup *sup) {
    struct weft_env *env = weft_self_env(self);
    WEFT_ASSERT(sup->counts.specs == 0);
    weft_list_init(&sup->children);
    weft_list_init(&sup->deaths);
    weft_list_init(&sup->retries);
    weft_list_init(&sup->requests);
    sup->index_free = CHILD_INDEX_NONE;
    env->entropy->fill(env, &sup->key, sizeof sup->key);
    weft_otp__map_init(&sup->ids, weft_self_mem(self));
}

bool weft_otp__child_is_supervisor(const struct child *child) {
    WEFT_ASSERT(child != NULL);
    return child->behaviour->handle == weft_supervisor.handle;
}

static uint64_t hash_of(const struct sup *sup, const char *id) {
    return weft_siphash(&sup->key, id, strlen(id));
}

struct child *weft_otp__child_by_id(const struct sup *sup, const char *id) {
    WEFT_ASSERT(id != NULL);
    if (id[0] == '\0') return NULL;
    struct map_node *node = weft_otp__map_first(&sup->ids, hash_of(sup, id));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct child *child = WEFT_CONTAINER(node, struct child, node);
        if (strcmp(child->id, id) == 0) return child;
    }
    return NULL;
}

struct child *weft_otp__child_by_tag(const struct sup *sup, uint32_t tag, weft_pid pid) {
    if (tag >= sup->index_count || weft_pid_is_none(pid)) return NULL;
    struct child *child = sup->index[tag].child;
    return child != NULL && weft_pid_equal(child->pid, pid) ? child : NULL;
}

struct child *weft_otp__child_by_pid(weft_self *self, weft_pid pid) {
    const struct weft_process *proc = weft_otp__find(self->sched, pid);
    if (proc == NULL || !weft_pid_equal(proc->parent, self->pid)) return NULL;
    return weft_otp__child_by_tag(weft_state(self), proc->tag, pid);
}

static int index_get(weft_self *self, struct sup *sup, struct child *child) {
    uint32_t index = sup->index_free;
    if (index != CHILD_INDEX_NONE) {
        WEFT_ASSERT(index < sup->index_count);
        WEFT_ASSERT(sup->index[index].child == NULL);
        sup->index_free = sup->index[index].next;
    } else {
        if (sup->index_count == sup->index_room) {
            void *table = sup->index;
            int rv = weft_otp__grow(weft_self_mem(self), &table, &sup->index_room,
                                    sizeof(struct child_slot));
            if (rv != WEFT_OK) return rv;
            sup->index = table;
        }
        index = sup->index_count++;
    }
    sup->index[index].child = child;
    child->index = index;
    return WEFT_OK;
}

static void index_put(struct sup *sup, const struct child *child) {
    WEFT_ASSERT(child->index < sup->index_count);
    WEFT_ASSERT(sup->index[child->index].child == child);
    sup->index[child->index] = (struct child_slot){.child = NULL, .next = sup->index_free};
    sup->index_free = child->index;
}

static char *copy_text(char *at, const char *text, size_t size) {
    memcpy(at, text, size);
    return at + size;
}

static weft_duration shutdown_of(const struct weft_child_spec *spec) {
    if (spec->shutdown != 0) return spec->shutdown;
    return spec->behaviour->handle == weft_supervisor.handle ? WEFT_INFINITY : WEFT_S(5);
}

/* One block: the struct, then arg (aligned), id and name. */
static struct child *child_alloc(weft_self *self, const struct weft_child_spec *spec) {
    const char *id = spec->id != NULL ? spec->id : "";
    size_t id_size = strlen(id) + 1, name_size = spec->name != NULL ? strlen(spec->name) + 1 : 0;
    size_t head = (sizeof(struct child) + 15) / 16 * 16;
    struct child *child = weft_alloc(self, head + spec->arg.size + id_size + name_size);
    if (child == NULL) return NULL;
    char *at = (char *)child + head;
    if (spec->arg.size > 0) {
        memcpy(at, spec->arg.data, spec->arg.size);
        child->arg = weft_bytes(at, spec->arg.size);
        at += spec->arg.size;
    }
    child->id = at;
    at = copy_text(at, id, id_size);
    if (name_size > 0) {
        child->name = at;
        copy_text(at, spec->name, name_size);
    }
    child->behaviour = spec->behaviour;
    child->restart = (uint8_t)spec->restart;
    child->shutdown = shutdown_of(spec);
    child->mailbox_max = spec->mailbox_max;
    child->memory_max = spec->memory_max;
    return child;
}

int weft_otp__child_new(weft_self *self, const struct weft_child_spec *spec, struct child **out) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(spec->behaviour != NULL);
    struct child *child = child_alloc(self, spec);
    if (child == NULL) return WEFT_ERR_NOMEM;
    int rv = WEFT_OK;
    if (child->id[0] != '\0')
        rv = weft_otp__map_insert(&sup->ids, &child->node, hash_of(sup, child->id));
    if (rv != WEFT_OK) goto err_after_alloc;
    rv = index_get(self, sup, child);
    if (rv != WEFT_OK) goto err_after_insert;
    weft_list_init(&child->due);
    weft_list_push_back(&sup->children, &child->order);
    sup->counts.specs++;
    if (weft_otp__child_is_supervisor(child)) {
        sup->counts.supervisors++;
    } else {
        sup->counts.workers++;
    }
    *out = child;
    return WEFT_OK;

err_after_insert:
    if (child->id[0] != '\0') weft_otp__map_remove(&sup->ids, &child->node);
err_after_alloc:
    weft_free(self, child);
    return rv;
}

void weft_otp__child_free(weft_self *self, struct child *child) {
    struct sup *sup = weft_state(self);
    WEFT_ASSERT(weft_pid_is_none(child->pid));
    WEFT_ASSERT(sup->counts.specs > 0);
    if (child->id[0] != '\0') weft_otp__map_remove(&sup->ids, &child->node);
    index_put(sup, child);
    weft_list_remove(&child->order);
    weft_list_remove(&child->due);
    sup->counts.specs--;
    if (weft_otp__child_is_supervisor(child)) {
        sup->counts.supervisors--;
    } else {
        sup->counts.workers--;
    }
    weft_free(self, child);
}

static void came_up(weft_self *self, struct child *child, bool again) {
    struct sup *sup = weft_state(self);
    sup->counts.active++;
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_CHILD_UP, weft_bytes_text(child->id),
               self->pid.raw, child->pid.raw, child->restart, again ? 1 : 0);
}

static void report_start(weft_self *self, const struct child *child, int error) {
    const struct weft_reason *why = weft_last_reason(self);
    weft_log(weft_self_env(self), WEFT_LOG_ERROR,
             "supervisor %llx: child %s (%s) did not start: %s; %s %d: %s",
             (unsigned long long)self->pid.raw, child->id, child->behaviour->name,
             weft_error_text(error), weft_reason_name(why->kind), why->code, why->text);
}

int weft_otp__child_start(weft_self *self, struct child *child, bool again, weft_pid *holder) {
    WEFT_ASSERT(weft_pid_is_none(child->pid));
    struct weft_spawn spawn = {.behaviour = child->behaviour,
                               .arg = child->arg,
                               .name = child->name,
                               .link = true,
                               .mailbox_max = child->mailbox_max,
                               .memory_max = child->memory_max,
                               .tag = child->index};
    weft_list_remove(&child->due);
    child->restarting = child->died = false;
    weft_pid pid;
    int rv = weft_spawn(self, &spawn, &pid);
    if (rv == WEFT_OK) {
        child->pid = pid;
        came_up(self, child, again);
        return WEFT_OK;
    }
    if (rv == WEFT_ERR_IGNORE) return WEFT_OK;
    if (holder != NULL) *holder = pid;
    report_start(self, child, rv);
    return rv;
}

void weft_otp__child_down(weft_self *self, struct child *child, const struct weft_reason *why,
                          bool will_restart) {
    struct sup *sup = weft_state(self);
    struct weft_env *env = weft_self_env(self);
    WEFT_ASSERT(sup->counts.active > 0);
    WEFT_ASSERT(!weft_pid_is_none(child->pid));
    weft_trace(env, WEFT_TRACE_SUP_CHILD_DOWN, weft_bytes_text(child->id), self->pid.raw,
               child->pid.raw, child->restart, (uint64_t)why->kind, will_restart ? 1 : 0);
    if (!weft_reason_is_clean(why))
        weft_log(env, WEFT_LOG_ERROR, "supervisor %llx: child %s (%s) %llx ended: %s %d: %s%s",
                 (unsigned long long)self->pid.raw, child->id, child->behaviour->name,
                 (unsigned long long)child->pid.raw, weft_reason_name(why->kind), why->code,
                 why->text, will_restart ? "; restarting" : "");
    sup->counts.active--;
    child->pid = WEFT_PID_NONE;
    child->died = false;
    weft_list_remove(&child->due);
}

void weft_otp__child_remove(weft_self *self, struct child *child) {
    WEFT_ASSERT(weft_pid_is_none(child->pid));
    weft_trace(weft_self_env(self), WEFT_TRACE_SUP_CHILD_REMOVED, weft_bytes_text(child->id),
               self->pid.raw, child->restart);
    weft_otp__child_free(self, child);
}
