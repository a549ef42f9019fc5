/* Registered names. */
#include "core/otp/internal.h"

static uint64_t hash_of(const struct weft_sched *sched, const char *text) {
    return weft_siphash(&sched->key, text, strlen(text));
}

bool weft_otp__name_valid(const char *text) {
    WEFT_ASSERT(text != NULL);
    size_t length = 0;
    while (length < WEFT_NAME_MAX && text[length] != '\0') length++;
    return length > 0 && length < WEFT_NAME_MAX;
}

static struct name *find(const struct weft_sched *sched, const char *text) {
    struct map_node *node = weft_otp__map_first(&sched->names, hash_of(sched, text));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct name *name = WEFT_CONTAINER(node, struct name, node);
        if (strcmp(name->text, text) == 0) return name;
    }
    return NULL;
}

struct weft_process *weft_otp__name_find(const struct weft_sched *sched, const char *text) {
    const struct name *name = find(sched, text);
    return name == NULL ? NULL : name->proc;
}

const char *weft_otp__name_text(const struct weft_process *proc) {
    const struct extra *extra = proc->extra;
    return extra == NULL || extra->name == NULL ? NULL : extra->name->text;
}

int weft_otp__name_set(struct weft_process *proc, const char *text) {
    struct weft_sched *sched = proc->sched;
    WEFT_ASSERT(weft_otp__name_text(proc) == NULL);
    WEFT_ASSERT(find(sched, text) == NULL);
    struct extra *extra = weft_otp__extra(proc);
    if (extra == NULL) return WEFT_ERR_NOMEM;
    size_t size = strlen(text) + 1;
    int rv = weft_otp__name_claim(proc, text);
    if (rv != WEFT_OK) return rv;
    struct name *name = weft_otp__alloc(sched, sizeof *name + size);
    if (name == NULL) goto err_after_claim;
    name->proc = proc;
    name->size = (uint32_t)size;
    memcpy(name->text, text, size);
    rv = weft_otp__map_insert(&sched->names, &name->node, hash_of(sched, text));
    if (rv != WEFT_OK) goto err_after_alloc;
    extra->name = name;
    return WEFT_OK;

err_after_alloc:
    weft_otp__free(sched, name, sizeof *name + size);
err_after_claim:
    weft_otp__name_disclaim(proc, text);
    return WEFT_ERR_NOMEM;
}

void weft_otp__name_clear(struct weft_process *proc) {
    struct name *name = proc->extra == NULL ? NULL : proc->extra->name;
    if (name == NULL) return;
    WEFT_ASSERT(name->proc == proc);
    weft_otp__name_disclaim(proc, name->text);
    weft_otp__map_remove(&proc->sched->names, &name->node);
    weft_otp__free(proc->sched, name, sizeof *name + name->size);
    proc->extra->name = NULL;
}

static int set(struct weft_sched *sched, const char *text, weft_pid pid) {
    struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return weft_otp__is_far(sched, pid) ? WEFT_ERR_INVAL : WEFT_ERR_NO_PROC;
    if (weft_otp__name_text(proc) != NULL || find(sched, text) != NULL) return WEFT_ERR_EXISTS;
    return weft_otp__name_set(proc, text);
}

int weft_register(weft_self *self, const char *name, weft_pid pid) {
    WEFT_ASSERT(name != NULL);
    if (!weft_otp__name_valid(name)) return WEFT_ERR_INVAL;
    struct weft_sched *sched = weft_otp__enter(self);
    int rv = set(sched, name, pid);
    if (rv == WEFT_OK)
        weft_trace(sched->env, WEFT_TRACE_PROC_NAME, weft_bytes_text(name), pid.raw, 1);
    weft_otp__leave(sched);
    return rv;
}

int weft_unregister(weft_self *self, const char *name) {
    WEFT_ASSERT(name != NULL);
    if (!weft_otp__name_valid(name)) return WEFT_ERR_NOT_FOUND;
    struct weft_sched *sched = weft_otp__enter(self);
    struct weft_process *proc = weft_otp__name_find(sched, name);
    if (proc != NULL) {
        weft_trace(sched->env, WEFT_TRACE_PROC_NAME, weft_bytes_text(name), proc->pid.raw, 0);
        weft_otp__name_clear(proc);
    }
    weft_otp__leave(sched);
    return proc != NULL ? WEFT_OK : WEFT_ERR_NOT_FOUND;
}

weft_pid weft_sched_whereis(const struct weft_sched *sched, const char *name) {
    WEFT_ASSERT(name != NULL);
    if (!weft_otp__name_valid(name)) return WEFT_PID_NONE;
    const struct weft_process *proc = weft_otp__name_find(sched, name);
    return proc == NULL ? weft_otp__name_far(sched, name) : proc->pid;
}

weft_pid weft_whereis(weft_self *self, const char *name) {
    WEFT_ASSERT(name != NULL);
    (void)weft_otp__name_valid(name);
    struct weft_sched *sched = weft_otp__enter(self);
    weft_pid pid = weft_sched_whereis(sched, name);
    weft_otp__leave(sched);
    return pid;
}

struct listing {
    void (*fn)(void *ctx, const char *name, weft_pid pid);
    void *ctx;
};

static void list_one(void *ctx, const struct weft_proc_info *info) {
    const struct listing *listing = ctx;
    if (info->name != NULL) listing->fn(listing->ctx, info->name, info->pid);
}

void weft_registered(weft_self *self, void (*fn)(void *ctx, const char *name, weft_pid pid),
                     void *ctx) {
    WEFT_ASSERT(self != NULL);
    WEFT_ASSERT(fn != NULL);
    struct listing listing = {fn, ctx};
    weft_sched_each(self->sched, list_one, &listing);
}
