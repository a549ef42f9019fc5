/* One process goes from one version to another, between two messages. */
#include "core/otp/code_internal.h"

#include <stdio.h>

/* What is needed to leave everything as it was. */
struct snapshot {
    unsigned char *bytes; /* the state, then the blocks, in order; NULL: none */
    size_t size, state_size;
    bool blocks; /* are in it */
};

struct change {
    struct weft_process *proc;
    struct code_entry *from, *to;
    void *state; /* of the new version */
    struct snapshot snapshot;
    struct weft_code_change told;
    int rv;
    const char *what; /* went wrong */
    char fault[WEFT_REASON_TEXT_SIZE];
};

/* --- snapshot --- */

/* Block by block. */
static void copy_blocks(struct weft_process *proc, unsigned char *bytes, bool back) {
    if (proc->extra == NULL) return;
    const struct weft_link *end = &proc->extra->blocks;
    for (struct weft_link *at = end->next; at != end; at = at->next) {
        struct block *block = WEFT_CONTAINER(at, struct block, link);
        if (back) {
            memcpy(block + 1, bytes, block->size);
        } else {
            memcpy(bytes, block + 1, block->size);
        }
        bytes += block->size;
    }
}

static int snapshot_take(struct change *change) {
    struct weft_process *proc = change->proc;
    struct snapshot *snapshot = &change->snapshot;
    snapshot->state_size = change->from->behaviour->state_size;
    size_t memory = proc->extra == NULL ? 0 : proc->extra->memory;
    snapshot->blocks = memory <= WEFT_CODE_SNAPSHOT_MAX;
    snapshot->size = snapshot->state_size + (snapshot->blocks ? memory : 0);
    if (snapshot->size == 0) return WEFT_OK;
    snapshot->bytes = weft_mem_alloc(proc->sched->env->mem, snapshot->size);
    if (snapshot->bytes == NULL) return WEFT_ERR_NOMEM;
    memcpy(snapshot->bytes, proc->state, snapshot->state_size);
    if (snapshot->blocks) copy_blocks(proc, snapshot->bytes + snapshot->state_size, false);
    return WEFT_OK;
}

static void snapshot_back(const struct change *change) {
    const struct snapshot *snapshot = &change->snapshot;
    struct weft_process *proc = change->proc;
    if (snapshot->size == 0) return;
    memcpy(proc->state, snapshot->bytes, snapshot->state_size);
    if (snapshot->blocks) copy_blocks(proc, snapshot->bytes + snapshot->state_size, true);
}

/* --- the new state --- */

/* Behind the struct, if that is free and large enough; else a record of its own. */
static void *state_new(struct weft_process *proc, uint32_t size) {
    if (size == 0) return proc->body;
    if (size <= proc->body_size && proc->state != proc->body) {
        memset(proc->body, 0, size);
        return proc->body;
    }
    void *state = weft_otp__alloc(proc->sched, size);
    if (state != NULL) memset(state, 0, size);
    return state;
}

static void state_free(struct weft_process *proc, void *state, uint32_t size) {
    if (state != proc->body) weft_otp__free(proc->sched, state, size);
}

static const struct weft_behaviour *newer(const struct change *change) {
    bool up = change->to->version->version > change->from->version->version;
    return up ? change->to->behaviour : change->from->behaviour;
}

static void call_change(void *arg) {
    struct change *change = arg;
    change->rv = newer(change)->code_change(change->proc, &change->told);
}

static bool run_guarded(struct change *change) {
    struct weft_process *proc = change->proc;
    struct weft_sched *sched = proc->sched;
    struct weft_fault fault = {.kind = WEFT_FAULT_NONE};
    int depth = sched->runtime_depth;
    proc->flags |= PROC_RUNNING;
    bool returned =
        sched->env->guard->run(sched->env, call_change, change, &sched->runtime_depth, &fault);
    sched->runtime_depth = depth;
    proc->flags &= ~(uint32_t)PROC_RUNNING;
    if (returned) return true;
    struct weft_reason why = weft_otp__fault_reason(sched, &fault);
    snprintf(change->fault, sizeof change->fault, "%s", why.text);
    change->what = change->fault;
    change->rv = WEFT_ERR_FAULT;
    return false;
}

static void fill_told(struct change *change) {
    const struct code_version *from = change->from->version, *to = change->to->version;
    bool up = to->version > from->version;
    const struct code_version *newest = up ? to : from;
    change->told =
        (struct weft_code_change){.from_version = from->version,
                                  .to_version = to->version,
                                  .direction = up ? WEFT_CODE_UP : WEFT_CODE_DOWN,
                                  .old_state = change->proc->state,
                                  .old_size = change->from->behaviour->state_size,
                                  .new_state = change->state,
                                  .new_size = change->to->behaviour->state_size,
                                  .extra = weft_bytes(newest->extra, newest->extra_size)};
}

static void run_change(struct change *change) {
    struct weft_process *proc = change->proc;
    struct weft_link mark;
    weft_list_init(&mark);
    fill_told(change);
    weft_otp__memory_begin(proc, &mark);
    bool returned = run_guarded(change);
    if (returned && change->rv == WEFT_OK) {
        weft_otp__memory_commit(proc, &mark);
        return;
    }
    if (change->what == NULL) change->what = weft_error_text(change->rv);
    weft_otp__memory_undo(proc, &mark);
    snapshot_back(change);
}

/* The state by code_change. On an error all is as it was. */
static int change_state(struct change *change) {
    struct weft_process *proc = change->proc;
    uint32_t size = change->to->behaviour->state_size;
    uint32_t old_size = change->from->behaviour->state_size;
    change->state = state_new(proc, size);
    if (change->state == NULL) return WEFT_ERR_NOMEM;
    change->rv = snapshot_take(change);
    if (change->rv == WEFT_OK) run_change(change);
    if (change->snapshot.bytes != NULL)
        weft_mem_free(proc->sched->env->mem, change->snapshot.bytes, change->snapshot.size);
    if (change->rv != WEFT_OK) {
        state_free(proc, change->state, size);
        return change->rv;
    }
    state_free(proc, proc->state, old_size);
    proc->state = change->state;
    return WEFT_OK;
}

static int migrate(struct change *change) {
    if (change->to == NULL) {
        change->what = "the other version has no such behaviour";
        return WEFT_ERR_UNSUPPORTED;
    }
    if (newer(change)->code_change != NULL) return change_state(change);
    if (change->to->behaviour->state_size == change->from->behaviour->state_size) return WEFT_OK;
    change->what = "its state has another size and it has no code_change";
    return WEFT_ERR_UNSUPPORTED;
}

static void count_move(struct change *change) {
    struct code_entry *from = change->from, *to = change->to;
    WEFT_ASSERT(from->procs > 0);
    from->procs--;
    from->version->procs--;
    to->procs++;
    to->version->procs++;
    from->version->module->last.switched++;
}

static void moved(struct change *change) {
    struct weft_process *proc = change->proc;
    const char *module = change->to->version->module->name;
    proc->behaviour = change->to->behaviour;
    proc->code_messages = (uint32_t)proc->messages;
    count_move(change);
    weft_trace(proc->sched->env, WEFT_TRACE_CODE_SWITCHED, weft_bytes_text(module), proc->pid.raw,
               change->from->version->version, change->to->version->version);
}

/* Past the point of no return it ends, and its supervisor starts it anew with the new code. */
static void end_instead(struct weft_process *proc, const char *text) {
    struct weft_reason why = weft_reason_text(WEFT_REASON_ERROR, WEFT_ERR_UNSUPPORTED, "%s", text);
    struct cause cause = weft_otp__cause_make(proc->sched, &why);
    proc->flags |= PROC_RUNNING; /* marked only: whoever called goes on to end it */
    weft_otp__doom(proc, cause);
    proc->flags &= ~(uint32_t)PROC_RUNNING;
    weft_otp__cause_drop(proc->sched, &cause);
}

/* It keeps what it has; what was to change it is undone for all, unless that is what this is. */
static void stayed(struct change *change, const struct code_version *wanted, int error) {
    struct weft_process *proc = change->proc;
    struct weft_sched *sched = proc->sched;
    struct code_module *module = change->from->version->module;
    struct code_upgrade *upgrade = module->upgrade;
    char reason[WEFT_CODE_TEXT_SIZE];
    module->last.failed++;
    snprintf(reason, sizeof reason, "%s %u to %u: process %llx (%s) did not change: %s",
             module->name, change->from->version->version, wanted->version,
             (unsigned long long)proc->pid.raw, change->from->behaviour->name,
             change->what != NULL ? change->what : weft_error_text(error));
    weft_log(sched->env, WEFT_LOG_ERROR, "%s", reason);
    if (upgrade == NULL) return;
    if (weft_otp__code_is_final(upgrade)) {
        end_instead(proc, reason);
    } else {
        weft_otp__code_undo(sched, upgrade, false, reason);
    }
}

void weft_otp__code_catch_up(struct weft_process *proc) {
    struct weft_sched *sched = proc->sched;
    WEFT_ASSERT(!(proc->flags & PROC_RUNNING));
    proc->code_epoch = sched->code_epoch;
    if (proc->flags & (PROC_DOOMED | PROC_STOPPING)) return;
    struct code_entry *have = weft_otp__code_entry(sched, proc->behaviour);
    if (have == NULL) return;
    struct code_version *wanted = weft_otp__code_wanted(proc, have);
    if (wanted == have->version) return;
    struct change change = {.proc = proc, .from = have};
    change.to = weft_otp__code_named(wanted, have->behaviour->name);
    int rv = migrate(&change);
    if (rv == WEFT_OK) {
        moved(&change);
    } else {
        stayed(&change, wanted, rv);
    }
}

/* --- those that have no message --- */

/* What its code_change did to it outside a turn: asked to end, sent itself something. */
static void settle(struct weft_process *proc) {
    if (proc->flags & PROC_DOOMED) {
        struct cause cause = weft_otp__end_take(proc);
        proc->flags &= ~(uint32_t)PROC_DOOMED;
        weft_otp__doom(proc, cause);
        weft_otp__cause_drop(proc->sched, &cause);
    } else if ((proc->flags & (PROC_STOPPING | PROC_CONTINUE)) || !ring_empty(&proc->mailbox)) {
        weft_otp__runnable(proc);
    }
}

/* The doomed are in their own list already; a starting one has its handler on the stack. */
static void look_after(struct weft_process *proc) {
    if (proc == NULL || proc->code_epoch == proc->sched->code_epoch) return;
    if (proc->flags & (PROC_RUNNING | PROC_DOOMED)) return;
    if (!weft_otp__wake(proc)) return;
    weft_otp__code_catch_up(proc);
    settle(proc);
}

void weft_otp__code_sweep(struct weft_sched *sched) {
    struct weft_code *code = sched->code;
    WEFT_ASSERT(code != NULL);
    WEFT_ASSERT(sched->code_sweeping);
    if (code->sweep_epoch != sched->code_epoch) {
        code->sweep_epoch = sched->code_epoch;
        code->sweep_at = 0;
    }
    for (uint32_t i = 0; i < WEFT_CODE_SWEEP_MAX && code->sweep_at < sched->slots.count; i++)
        look_after(weft_otp__table_at(sched, code->sweep_at++));
    weft_otp__reap(sched);
    if (code->sweep_at == sched->slots.count && code->sweep_epoch == sched->code_epoch) {
        sched->code_sweeping = false;
        weft_otp__code_advance(sched);
    }
}

static void switch_all(struct weft_sched *sched) {
    uint32_t epoch;
    do { /* a failure raises it, and all go back: failures there raise it no more */
        epoch = sched->code_epoch;
        for (uint32_t i = 0; i < sched->slots.count && epoch == sched->code_epoch; i++)
            look_after(weft_otp__table_at(sched, i));
    } while (epoch != sched->code_epoch);
    weft_otp__reap(sched);
}

void weft_otp__code_raise(struct weft_sched *sched, enum weft_code_mode mode) {
    sched->code_epoch++;
    if (mode == WEFT_CODE_EAGER) {
        switch_all(sched);
        weft_otp__code_advance(sched);
    } else if (mode == WEFT_CODE_SWEEP) {
        sched->code_sweeping = true;
    }
}
