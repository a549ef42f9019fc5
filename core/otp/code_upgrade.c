/* Upgrades: begun, rolled back, committed. */
#include "core/otp/code_internal.h"
#include "core/otp/remote_internal.h"

#include <stdio.h>

/* --- one upgrade --- */

static void sort_pids(weft_pid *pids, size_t count) {
    for (size_t gap = count / 2; gap > 0; gap /= 2) { /* Shell's: no recursion, no memory */
        for (size_t i = gap; i < count; i++) {
            weft_pid pid = pids[i];
            size_t at = i;
            for (; at >= gap && pids[at - gap].raw > pid.raw; at -= gap) pids[at] = pids[at - gap];
            pids[at] = pid;
        }
    }
}

static size_t upgrade_size(size_t steps_count) {
    return sizeof(struct code_upgrade) + steps_count * sizeof(struct code_step);
}

void weft_otp__code_upgrade_free(struct weft_sched *sched, struct code_upgrade *upgrade) {
    struct weft_mem *mem = sched->env->mem;
    WEFT_ASSERT(upgrade != NULL);
    weft_mem_free(mem, upgrade->pids, upgrade->pids_count * sizeof *upgrade->pids);
    weft_mem_free(mem, upgrade, upgrade_size(upgrade->steps_count));
}

struct code_upgrade *weft_otp__code_upgrade_new(struct weft_sched *sched, size_t steps_count,
                                                const struct weft_code_upgrade *spec) {
    struct weft_mem *mem = sched->env->mem;
    WEFT_ASSERT(steps_count > 0);
    struct code_upgrade *upgrade = weft_mem_zalloc(mem, upgrade_size(steps_count));
    if (upgrade == NULL) return NULL;
    upgrade->steps_count = steps_count;
    upgrade->ppm = spec->ppm;
    upgrade->watch = spec->watch;
    upgrade->mode = spec->mode;
    upgrade->number = spec->number;
    upgrade->canary = spec->pids_count > 0 || (spec->ppm > 0 && spec->ppm < 1000000);
    if (spec->pids_count == 0) return upgrade;
    upgrade->pids = weft_mem_alloc(mem, spec->pids_count * sizeof *spec->pids);
    if (upgrade->pids == NULL) {
        weft_otp__code_upgrade_free(sched, upgrade);
        return NULL;
    }
    upgrade->pids_count = spec->pids_count;
    memcpy(upgrade->pids, spec->pids, spec->pids_count * sizeof *spec->pids);
    sort_pids(upgrade->pids, upgrade->pids_count);
    return upgrade;
}

int weft_otp__code_extra(struct weft_sched *sched, struct code_version *version,
                         struct weft_bytes extra) {
    struct weft_mem *mem = sched->env->mem;
    WEFT_ASSERT(extra.size <= WEFT_CODE_EXTRA_MAX);
    unsigned char *copy = extra.size > 0 ? weft_mem_alloc(mem, extra.size) : NULL;
    if (extra.size > 0 && copy == NULL) return WEFT_ERR_NOMEM;
    if (extra.size > 0) memcpy(copy, extra.data, extra.size);
    weft_mem_free(mem, version->extra, version->extra_size);
    version->extra = copy;
    version->extra_size = extra.size;
    return WEFT_OK;
}

/* --- may it? --- */

static int check_entry(const struct code_entry *entry, struct code_version *to,
                       struct weft_code_text *why) {
    const char *name = entry->behaviour->name;
    const struct code_entry *other = weft_otp__code_named(to, name);
    const char *module = to->module->name;
    if (other == NULL)
        return weft_otp__code_why(
            why, WEFT_ERR_UNSUPPORTED,
            "%s %u to %u: %u processes run '%s', which version %u does not have", module,
            entry->version->version, to->version, entry->procs, name, to->version);
    bool up = to->version > entry->version->version;
    const struct weft_behaviour *newest = up ? other->behaviour : entry->behaviour;
    uint32_t old_size = entry->behaviour->state_size, new_size = other->behaviour->state_size;
    if (old_size == new_size || newest->code_change != NULL) return WEFT_OK;
    return weft_otp__code_why(
        why, WEFT_ERR_UNSUPPORTED,
        "%s %u to %u: the state of '%s' goes from %u to %u bytes, and version "
        "%u has no code_change for it",
        module, entry->version->version, to->version, name, old_size, new_size,
        newest == other->behaviour ? to->version : entry->version->version);
}

int weft_otp__code_check(const struct code_version *from, struct code_version *to,
                         struct weft_code_text *why) {
    WEFT_ASSERT(from->module == to->module);
    for (size_t i = 0; i < from->count; i++) {
        if (from->entries[i].procs == 0) continue;
        int rv = check_entry(&from->entries[i], to, why);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

/* Those that lag behind an earlier upgrade come along. */
int weft_otp__code_check_all(const struct code_module *module, struct code_version *to,
                             struct weft_code_text *why) {
    int rv = WEFT_OK;
    const struct weft_link *list = &module->versions;
    for (struct weft_link *at = list->next; at != list && rv == WEFT_OK; at = at->next) {
        const struct code_version *from = WEFT_CONTAINER(at, struct code_version, link);
        if (from != to) rv = weft_otp__code_check(from, to, why);
    }
    return rv;
}

/* --- begin --- */

static void begin_step(struct code_upgrade *upgrade) {
    WEFT_ASSERT(upgrade->begun < upgrade->steps_count);
    struct code_step *step = &upgrade->steps[upgrade->begun++];
    struct code_module *module = step->module;
    WEFT_ASSERT(module->upgrade == upgrade); /* I3 */
    if (upgrade->canary) {
        module->candidate = step->to;
    } else {
        weft_otp__code_lead(step->to);
    }
}

void weft_otp__code_begin(struct weft_sched *sched, struct code_upgrade *upgrade) {
    upgrade->serial = ++sched->code->serials;
    for (size_t i = 0; i < upgrade->steps_count; i++) {
        struct code_step *step = &upgrade->steps[i];
        struct code_module *module = step->module;
        if (module->upgrade != NULL) weft_otp__code_commit(sched, module->upgrade);
        module->upgrade = upgrade;
        module->last = (struct weft_code_status){
            .state = WEFT_CODE_OPEN, .from = step->from->version, .to = step->to->version};
    }
    begin_step(upgrade);
    weft_otp__code_raise(sched, upgrade->mode);
}

/* The first module with a step that is done. */
static struct code_upgrade *ready(const struct weft_sched *sched) {
    const struct weft_link *list = &sched->code->modules;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct code_upgrade *upgrade = WEFT_CONTAINER(at, struct code_module, link)->upgrade;
        if (upgrade != NULL && upgrade->begun < upgrade->steps_count) return upgrade;
    }
    return NULL;
}

void weft_otp__code_advance(struct weft_sched *sched) {
    struct code_upgrade *upgrade = ready(sched);
    if (upgrade == NULL) return;
    begin_step(upgrade);
    weft_otp__code_raise(sched, upgrade->mode);
}

/* A canary becomes larger, or the whole: its own record goes on, so that it is rolled back to
 * where it came from. */
static int widen(struct weft_sched *sched, struct code_module *module,
                 const struct weft_code_upgrade *spec, struct code_upgrade *wider) {
    struct code_upgrade *upgrade = module->upgrade;
    WEFT_ASSERT(upgrade->canary);
    WEFT_ASSERT(upgrade->steps_count == 1);
    wider->serial = upgrade->serial;
    wider->begun = 1;
    wider->steps[0] = upgrade->steps[0];
    module->upgrade = wider;
    weft_otp__code_upgrade_free(sched, upgrade);
    if (!wider->canary) {
        weft_otp__code_lead(module->candidate);
        module->candidate = NULL;
    }
    weft_otp__code_raise(sched, spec->mode);
    return WEFT_OK;
}

static struct code_version *target_of(const struct code_module *module,
                                      const struct weft_code_upgrade *spec, int *error,
                                      struct weft_code_text *why) {
    struct code_version *to = weft_otp__code_version(module, spec->version);
    *error = WEFT_OK;
    if (to == NULL) {
        *error = weft_otp__code_why(why, WEFT_ERR_NOT_FOUND, "version %u of '%s' is not loaded",
                                    spec->version, module->name);
    } else if (to == module->current) {
        *error = weft_otp__code_why(why, WEFT_ERR_EXISTS, "version %u of '%s' is current",
                                    spec->version, module->name);
    } else if (module->candidate != NULL && module->candidate != to) {
        *error = weft_otp__code_why(why, WEFT_ERR_IN_USE,
                                    "a canary of version %u of '%s' is open: roll it back, or "
                                    "upgrade to it",
                                    module->candidate->version, module->name);
    } else if (module->upgrade != NULL && module->upgrade->begun < module->upgrade->steps_count) {
        *error = weft_otp__code_why(why, WEFT_ERR_IN_USE, "a release with '%s' is under way",
                                    module->name);
    } else if (spec->extra.size > WEFT_CODE_EXTRA_MAX) {
        *error = weft_otp__code_why(why, WEFT_ERR_TOO_BIG, "extra is over %d bytes",
                                    WEFT_CODE_EXTRA_MAX);
    } else {
        *error = weft_otp__code_check_all(module, to, why);
    }
    return to;
}

static int no_memory(struct weft_code_text *why) {
    return weft_otp__code_why(why, WEFT_ERR_NOMEM, "%s", weft_error_text(WEFT_ERR_NOMEM));
}

/* EAGER: all are where they were, for a reason that the module knows. */
int weft_otp__code_outcome(const struct code_module *module, struct weft_code_text *why) {
    if (module->last.state != WEFT_CODE_ROLLED_BACK) return WEFT_OK;
    return weft_otp__code_why(why, WEFT_ERR_FAULT, "%s", module->last.why.text);
}

int weft_code_upgrade(struct weft_sched *sched, const struct weft_code_upgrade *spec,
                      struct weft_code_text *why) {
    int rv;
    WEFT_ASSERT(spec != NULL);
    WEFT_ASSERT(sched->runtime_depth == 0);
    struct code_module *module = weft_otp__code_find(sched, spec->module, why);
    if (module == NULL) return WEFT_ERR_NOT_FOUND;
    struct code_version *to = target_of(module, spec, &rv, why);
    if (rv == WEFT_OK) rv = weft_otp__code_may_begin(sched, spec->number, why);
    if (rv != WEFT_OK) return rv;
    struct code_version *from = module->current;
    struct code_upgrade *upgrade = weft_otp__code_upgrade_new(sched, 1, spec);
    if (upgrade == NULL) return no_memory(why);
    struct code_version *newest = to->version > from->version ? to : from;
    if (weft_otp__code_extra(sched, newest, spec->extra) != WEFT_OK) {
        weft_otp__code_upgrade_free(sched, upgrade);
        return no_memory(why);
    }
    if (module->candidate == to) {
        rv = widen(sched, module, spec, upgrade);
    } else {
        upgrade->steps[0] = (struct code_step){.module = module, .from = from, .to = to};
        weft_otp__code_begin(sched, upgrade);
        weft_otp__code_raise(sched, spec->mode);
    }
    return rv == WEFT_OK ? weft_otp__code_outcome(module, why) : rv;
}

/* --- end --- */

static void close_steps(struct code_upgrade *upgrade, enum weft_code_state state) {
    for (size_t i = 0; i < upgrade->steps_count; i++) {
        struct code_module *module = upgrade->steps[i].module;
        WEFT_ASSERT(module->upgrade == upgrade); /* I3 */
        module->upgrade = NULL;
        module->candidate = NULL;
        module->last.state = state;
    }
}

void weft_otp__code_commit(struct weft_sched *sched, struct code_upgrade *upgrade) {
    close_steps(upgrade, WEFT_CODE_COMMITTED);
    weft_otp__code_upgrade_free(sched, upgrade);
}

static void undo_step(struct weft_sched *sched, const struct code_step *step, bool asked,
                      const char *reason) {
    struct code_module *module = step->module;
    module->current = step->from;
    snprintf(module->last.why.text, sizeof module->last.why.text, "%s", reason);
    weft_trace(sched->env, WEFT_TRACE_CODE_ROLLED_BACK, weft_bytes_text(module->name),
               step->to->version, step->from->version, asked ? 1 : 0);
    weft_log(sched->env, WEFT_LOG_WARN, "code: %s goes back from version %u to %u: %s",
             module->name, step->to->version, step->from->version, reason);
}

bool weft_otp__code_is_final(const struct code_upgrade *upgrade) {
    for (size_t i = 0; i < upgrade->begun; i++) {
        if (upgrade->steps[i].final) return true;
    }
    return false;
}

static void undo(struct weft_sched *sched, struct code_upgrade *upgrade, bool asked,
                 const char *reason) {
    WEFT_ASSERT(upgrade->begun > 0); /* I5 */
    close_steps(upgrade, WEFT_CODE_ROLLED_BACK);
    for (size_t i = upgrade->begun; i > 0; i--)
        undo_step(sched, &upgrade->steps[i - 1], asked, reason);
    weft_otp__code_upgrade_free(sched, upgrade);
    weft_otp__code_raise(sched, WEFT_CODE_SWEEP);
}

/* --- one upgrade of a node with several schedulers --- */

static void tell_others(struct weft_sched *sched, uint64_t number, const char *reason) {
    struct remote *remote = sched->remote;
    struct weft_bytes text = weft_bytes_text(reason);
    if (remote == NULL || number == 0) return;
    if (text.size > WEFT_SIGNAL_TEXT_MAX) text.size = WEFT_SIGNAL_TEXT_MAX;
    for (uint32_t i = 0; i < remote->hub->schedulers; i++) {
        struct weft_signal signal = {.kind = WEFT_SIGNAL_CODE_UNDO,
                                     .from = pid_place(0, remote->index),
                                     .to = pid_place(0, i),
                                     .ref = number,
                                     .text = text};
        if (i != remote->index) (void)weft_otp__remote_put(remote, &signal, true);
    }
}

void weft_otp__code_undo(struct weft_sched *sched, struct code_upgrade *upgrade, bool asked,
                         const char *reason) {
    WEFT_ASSERT(reason != NULL);
    if (weft_otp__code_is_final(upgrade)) return;
    tell_others(sched, upgrade->number, reason);
    undo(sched, upgrade, asked, reason);
}

static struct code_upgrade *numbered(const struct weft_sched *sched, uint64_t number) {
    const struct weft_link *list = &sched->code->modules;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct code_upgrade *upgrade = WEFT_CONTAINER(at, struct code_module, link)->upgrade;
        if (upgrade != NULL && upgrade->number == number) return upgrade;
    }
    return NULL;
}

void weft_otp__code_told(struct weft_sched *sched, uint64_t number, uint32_t scheduler,
                         struct weft_bytes reason) {
    WEFT_ASSERT(number != 0);
    if (sched->code == NULL) return;
    if (number > sched->code->undone) sched->code->undone = number;
    struct code_upgrade *upgrade = numbered(sched, number);
    if (upgrade == NULL || weft_otp__code_is_final(upgrade)) return;
    char text[WEFT_CODE_TEXT_SIZE];
    snprintf(text, sizeof text, "scheduler %u: %.*s", scheduler, (int)reason.size,
             reason.size > 0 ? (const char *)reason.data : "");
    undo(sched, upgrade, false, text);
}

int weft_otp__code_may_begin(const struct weft_sched *sched, uint64_t number,
                             struct weft_code_text *why) {
    if (number == 0 || number > sched->code->undone) return WEFT_OK;
    return weft_otp__code_why(why, WEFT_ERR_FAULT, "another scheduler rolled it back");
}

static struct code_upgrade *open_upgrade(const struct code_module *module,
                                         struct weft_code_text *why) {
    if (module->upgrade == NULL)
        weft_otp__code_why(why, WEFT_ERR_NOT_FOUND, "no upgrade of '%s' is open", module->name);
    return module->upgrade;
}

int weft_code_rollback(struct weft_sched *sched, const char *name, struct weft_code_text *why) {
    struct code_module *module = weft_otp__code_find(sched, name, why);
    WEFT_ASSERT(sched->runtime_depth == 0);
    struct code_upgrade *upgrade = module != NULL ? open_upgrade(module, why) : NULL;
    if (upgrade == NULL) return WEFT_ERR_NOT_FOUND;
    if (weft_otp__code_is_final(upgrade))
        return weft_otp__code_why(why, WEFT_ERR_UNSUPPORTED,
                                  "the release is past its point of no return");
    weft_otp__code_undo(sched, upgrade, true, "asked for");
    return WEFT_OK;
}

int weft_code_commit(struct weft_sched *sched, const char *name, struct weft_code_text *why) {
    struct code_module *module = weft_otp__code_find(sched, name, why);
    WEFT_ASSERT(sched->runtime_depth == 0);
    struct code_upgrade *upgrade = module != NULL ? open_upgrade(module, why) : NULL;
    if (upgrade == NULL) return WEFT_ERR_NOT_FOUND;
    if (upgrade->canary)
        return weft_otp__code_why(why, WEFT_ERR_IN_USE, "a canary of '%s' is open", name);
    if (upgrade->begun < upgrade->steps_count)
        return weft_otp__code_why(why, WEFT_ERR_IN_USE, "a release with '%s' is under way", name);
    weft_otp__code_commit(sched, upgrade);
    return WEFT_OK;
}

/* --- the watch --- */

void weft_otp__code_faulted(struct weft_process *proc, const struct weft_reason *why) {
    struct weft_sched *sched = proc->sched;
    const struct code_entry *entry = weft_otp__code_entry(sched, proc->behaviour);
    if (entry == NULL) return;
    const struct code_module *module = entry->version->module;
    struct code_upgrade *upgrade = module->upgrade;
    if (upgrade == NULL || upgrade->watch == 0) return;
    if (entry->version != (upgrade->canary ? module->candidate : module->current)) return;
    if ((uint32_t)proc->messages - proc->code_messages > upgrade->watch) return;
    char reason[WEFT_CODE_TEXT_SIZE];
    snprintf(reason, sizeof reason, "process %llx (%s) faulted after %u messages: %s",
             (unsigned long long)proc->pid.raw, entry->behaviour->name,
             (uint32_t)proc->messages - proc->code_messages, why->text);
    weft_otp__code_undo(sched, upgrade, false, reason);
}
