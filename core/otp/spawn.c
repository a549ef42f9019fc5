/* Starting a process, init included. */
#include "core/otp/internal.h"

struct birth {
    struct weft_process *parent; /* NULL: the root */
    struct weft_process *child;
    const struct weft_spawn *spec;
    struct monitor *monitor;
    int rv; /* what init returned */
};

/* Nodes start what they need once, and nothing fails: there is a record for it when it does. */
static void note_failure(struct weft_sched *sched, const struct weft_reason *why) {
    struct weft_mem *mem = sched->env->mem;
    sched->last_failed = true;
    if (sched->last_reason == NULL) sched->last_reason = weft_mem_alloc(mem, sizeof *why);
    if (sched->last_reason != NULL) *sched->last_reason = *why;
}

const struct weft_reason *weft_otp__last_reason(const struct weft_sched *sched) {
    static const struct weft_reason none = {.kind = WEFT_REASON_NORMAL};
    static const struct weft_reason lost = {
        .kind = WEFT_REASON_LIMIT, .code = WEFT_ERR_NOMEM, .text = "no memory to say why"};
    if (!sched->last_failed) return &none;
    return sched->last_reason != NULL ? sched->last_reason : &lost;
}

static int refuse(struct weft_sched *sched, int error) {
    enum weft_reason_kind kind =
        error == WEFT_ERR_FULL || error == WEFT_ERR_NOMEM ? WEFT_REASON_LIMIT : WEFT_REASON_ERROR;
    struct weft_reason why = weft_reason_text(kind, error, "%s", weft_error_text(error));
    note_failure(sched, &why);
    return error;
}

/* The state of one that may hibernate is a record of its own, so that it can go. */
static bool state_apart(const struct weft_behaviour *behaviour) {
    return behaviour->pack != NULL && behaviour->state_size > 0;
}

static struct weft_process *process_alloc(struct weft_sched *sched,
                                          const struct weft_behaviour *behaviour) {
    uint32_t body_size = state_apart(behaviour) ? 0 : behaviour->state_size;
    struct weft_process *proc = weft_otp__alloc(sched, sizeof *proc + body_size);
    if (proc == NULL) return NULL;
    memset(proc, 0, sizeof *proc + body_size);
    proc->state = proc->body;
    proc->body_size = body_size & WEFT_STATE_MAX;
    if (!state_apart(behaviour)) return proc;
    proc->state = weft_otp__alloc(sched, behaviour->state_size);
    if (proc->state == NULL) {
        weft_otp__free(sched, proc, sizeof *proc);
        return NULL;
    }
    memset(proc->state, 0, behaviour->state_size);
    return proc;
}

static struct weft_process *process_new(struct weft_sched *sched, const struct weft_spawn *spec) {
    struct weft_process *proc = process_alloc(sched, spec->behaviour);
    if (proc == NULL) return NULL;
    proc->sched = sched;
    proc->behaviour = spec->behaviour;
    proc->tag = spec->tag;
    proc->code_epoch = sched->code_epoch;
    proc->priority = (unsigned)spec->priority & 3;
    weft_list_init(&proc->run);
    return proc;
}

static int check(const struct weft_sched *sched, const struct weft_spawn *spec, weft_pid *out) {
    if (sched->spawn_depth >= WEFT_SPAWN_DEPTH_MAX) return WEFT_ERR_FULL;
    if (spec->name == NULL) return WEFT_OK;
    if (!weft_otp__name_valid(spec->name)) return WEFT_ERR_INVAL;
    const struct weft_process *holder = weft_otp__name_find(sched, spec->name);
    *out = holder != NULL ? holder->pid : weft_otp__name_far(sched, spec->name);
    if (weft_pid_is_none(*out)) return WEFT_OK;
    return WEFT_ERR_EXISTS;
}

static int bind(struct birth *birth) {
    struct weft_process *parent = birth->parent;
    struct weft_process *child = birth->child;
    const struct weft_spawn *spec = birth->spec;
    if (weft_otp__bounds_set(child, spec) != WEFT_OK) return WEFT_ERR_NOMEM;
    int rv = spec->name != NULL ? weft_otp__name_set(child, spec->name) : WEFT_OK;
    if (rv != WEFT_OK) return rv;
    child->parent = parent != NULL ? parent->pid : child->sched->far_parent;
    if (parent == NULL) return WEFT_OK;
    child->app = parent->app;
    if (spec->link) {
        if (weft_otp__link_new(parent, child, spec->tag) == NULL) return WEFT_ERR_NOMEM;
    }
    if (spec->monitor) {
        birth->monitor = weft_otp__monitor_new(parent, child->pid, weft_bytes(NULL, 0));
        if (birth->monitor == NULL) return WEFT_ERR_NOMEM;
    }
    return WEFT_OK;
}

/* The parent is told by the error, and by nothing else. Its link is looked for, since init may
 * have unlinked, or linked, it. */
static void unbind(struct birth *birth) {
    struct weft_process *parent = birth->parent;
    struct peer_link *link = parent == NULL ? NULL : weft_otp__link_find(parent, birth->child);
    if (link != NULL) weft_otp__link_drop(link);
    if (birth->monitor != NULL) weft_otp__monitor_drop(birth->monitor);
}

static int create(struct weft_sched *sched, struct birth *birth) {
    birth->child = process_new(sched, birth->spec);
    if (birth->child == NULL) return WEFT_ERR_NOMEM;
    int rv = weft_otp__table_add(sched, birth->child);
    if (rv != WEFT_OK) {
        weft_otp__state_free(birth->child);
        weft_otp__free(sched, birth->child, sizeof *birth->child + birth->child->body_size);
        return rv;
    }
    weft_otp__code_born(birth->child);
    rv = bind(birth);
    if (rv == WEFT_OK) return WEFT_OK;
    unbind(birth);
    weft_otp__discard(birth->child);
    return rv;
}

static void call_init(void *arg) {
    struct birth *birth = arg;
    birth->rv = birth->spec->behaviour->init(birth->child, birth->spec->arg);
}

static bool run_init(struct weft_sched *sched, struct birth *birth, struct weft_fault *fault) {
    struct weft_env *env = sched->env;
    struct weft_process *child = birth->child;
    int depth = sched->runtime_depth;
    if (child->behaviour->init == NULL) return true;
    child->flags |= PROC_RUNNING | PROC_STARTING;
    sched->spawn_depth++;
    weft_duration limit = sched->watch.limit;
    weft_otp__watch(sched, child->behaviour);
    bool returned = env->guard->run(env, call_init, birth, &sched->runtime_depth, fault);
    sched->spawn_depth--;
    weft_otp__watch_back(sched, limit); /* of the parent */
    sched->runtime_depth = depth;
    child->flags &= ~(uint32_t)(PROC_RUNNING | PROC_STARTING);
    return returned;
}

static void announce(const struct weft_process *child) {
    struct weft_env *env = child->sched->env;
    const char *name = weft_otp__name_text(child);
    if (name == NULL) name = child->behaviour->name;
    weft_trace(env, WEFT_TRACE_PROC_START, weft_bytes_text(name != NULL ? name : ""),
               child->pid.raw, child->parent.raw, weft_otp__name_text(child) != NULL);
}

/* Take what has been marked to end it, or make a cause of what init returned. */
static struct cause failure(struct birth *birth) {
    struct weft_process *child = birth->child;
    struct cause cause =
        weft_otp__cause_plain(birth->rv == WEFT_ERR_IGNORE ? WEFT_REASON_NORMAL : WEFT_REASON_ERROR,
                              birth->rv == WEFT_ERR_IGNORE ? 0 : birth->rv);
    if (child->flags & (PROC_DOOMED | PROC_STOPPING)) cause = weft_otp__end_take(child);
    return cause;
}

static int fail(struct weft_sched *sched, struct birth *birth, const struct weft_fault *fault) {
    struct cause cause;
    int rv = birth->rv;
    if (fault != NULL) {
        struct weft_reason why = weft_otp__fault_reason(sched, fault);
        weft_otp__code_faulted(birth->child, &why);
        sched->fault = fault;
        cause = weft_otp__cause_make(sched, &why);
        rv = WEFT_ERR_FAULT;
    } else {
        cause = failure(birth);
        if (rv == WEFT_OK) rv = WEFT_ERR_NO_PROC;
    }
    struct weft_reason why = weft_otp__cause_reason(&cause);
    note_failure(sched, &why);
    birth->child->flags &= ~(uint32_t)(PROC_DOOMED | PROC_STOPPING);
    unbind(birth);
    weft_otp__finish(birth->child, cause, fault != NULL);
    weft_otp__reap(sched);
    return rv;
}

static void start(struct weft_sched *sched, struct birth *birth, weft_pid *out) {
    struct weft_process *child = birth->child;
    *out = child->pid;
    if (birth->monitor != NULL) *birth->spec->ref = birth->monitor->awaited.ref;
    sched->last_failed = false;
    bool work = child->flags & (PROC_CONTINUE | PROC_STOPPING);
    if (work || !ring_empty(&child->mailbox)) weft_otp__runnable(child);
}

int weft_otp__spawn(struct weft_sched *sched, struct weft_process *parent,
                    const struct weft_spawn *spec, weft_pid *out) {
    struct weft_spawn chosen;
    if (sched->code != NULL) {
        chosen = *spec;
        chosen.behaviour = weft_otp__code_start_as(sched, spec->behaviour);
        spec = &chosen;
    }
    struct birth birth = {.parent = parent, .spec = spec, .rv = WEFT_OK};
    struct weft_fault fault = {.kind = WEFT_FAULT_NONE};
    *out = WEFT_PID_NONE;
    int rv = check(sched, spec, out);
    if (rv == WEFT_OK) rv = create(sched, &birth);
    if (rv != WEFT_OK) return refuse(sched, rv);
    sched->spawned++;
    announce(birth.child);
    if (!run_init(sched, &birth, &fault)) return fail(sched, &birth, &fault);
    if (birth.rv != WEFT_OK || (birth.child->flags & PROC_DOOMED)) return fail(sched, &birth, NULL);
    start(sched, &birth, out);
    return WEFT_OK;
}

static void check_spec(const struct weft_spawn *spec) {
    WEFT_ASSERT(spec->behaviour != NULL);
    WEFT_ASSERT(spec->behaviour->handle != NULL);
    WEFT_ASSERT(spec->behaviour->state_size <= WEFT_STATE_MAX);
    WEFT_ASSERT(!spec->monitor || spec->ref != NULL);
    WEFT_ASSERT((unsigned)spec->priority < RUN_QUEUES);
    if (spec->name != NULL) (void)weft_otp__name_valid(spec->name);
    weft_otp__touch(spec->arg);
}

int weft_spawn(weft_self *self, const struct weft_spawn *spawn, weft_pid *out) {
    WEFT_ASSERT(out != NULL);
    struct weft_spawn spec = *spawn;
    weft_ref ref = 0;
    check_spec(&spec);
    if (spec.monitor) spec.ref = &ref;
    struct weft_sched *sched = weft_otp__enter(self);
    weft_pid pid;
    int rv = weft_otp__spawn(sched, self, &spec, &pid);
    weft_otp__leave(sched);
    if (spec.monitor) *spawn->ref = ref;
    *out = pid;
    return rv;
}

int weft_sched_start(struct weft_sched *sched, const struct weft_spawn *spawn, weft_pid *out,
                     struct weft_reason *why) {
    WEFT_ASSERT(weft_pid_is_none(sched->root));
    WEFT_ASSERT(out != NULL);
    struct weft_spawn spec = *spawn;
    check_spec(&spec);
    spec.link = spec.monitor = false;
    sched->now = weft_env_now(sched->env);
    sched->stack_probed = UINTPTR_MAX;
    int rv = weft_otp__spawn(sched, NULL, &spec, out);
    if (rv == WEFT_OK) sched->root = *out;
    if (why != NULL) *why = *weft_otp__last_reason(sched);
    return rv;
}
