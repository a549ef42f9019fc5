/* What is loaded, and what tools and the rest of the runtime ask about it. */
#include "core/otp/code_internal.h"

#include "core/base/rand.h"

#include <stdarg.h>
#include <stdio.h>

int weft_otp__code_why(struct weft_code_text *why, int error, const char *format, ...) {
    if (why == NULL) return error;
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    return error;
}

/* --- finding --- */

static uint64_t hash_of(const struct weft_behaviour *behaviour) {
    return weft_fold(0, (uint64_t)(uintptr_t)behaviour);
}

struct code_entry *weft_otp__code_entry(const struct weft_sched *sched,
                                        const struct weft_behaviour *behaviour) {
    if (sched->code == NULL) return NULL;
    struct map_node *node = weft_otp__map_first(&sched->code->entries, hash_of(behaviour));
    for (; node != NULL; node = weft_otp__map_next(node)) {
        struct code_entry *entry = WEFT_CONTAINER(node, struct code_entry, node);
        if (entry->behaviour == behaviour) return entry;
    }
    return NULL;
}

struct code_entry *weft_otp__code_named(struct code_version *version, const char *name) {
    WEFT_ASSERT(version != NULL);
    for (size_t i = 0; i < version->count; i++) {
        struct code_entry *entry = &version->entries[i];
        if (strcmp(entry->behaviour->name, name) == 0) return entry;
    }
    return NULL;
}

struct code_module *weft_otp__code_module(const struct weft_sched *sched, const char *name) {
    if (sched->code == NULL) return NULL;
    const struct weft_link *list = &sched->code->modules;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct code_module *module = WEFT_CONTAINER(at, struct code_module, link);
        if (strcmp(module->name, name) == 0) return module;
    }
    return NULL;
}

struct code_module *weft_otp__code_find(const struct weft_sched *sched, const char *name,
                                        struct weft_code_text *why) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(name != NULL);
    struct code_module *module = weft_otp__code_module(sched, name);
    if (module == NULL)
        weft_otp__code_why(why, WEFT_ERR_NOT_FOUND, "no module '%s' is loaded", name);
    return module;
}

struct code_version *weft_otp__code_version(const struct code_module *module, uint32_t version) {
    const struct weft_link *list = &module->versions;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct code_version *found = WEFT_CONTAINER(at, struct code_version, link);
        if (found->version == version) return found;
    }
    return NULL;
}

/* --- which version is whose --- */

static bool has_pid(const struct code_upgrade *upgrade, weft_pid pid) {
    size_t low = 0, high = upgrade->pids_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (upgrade->pids[middle].raw < pid.raw) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < upgrade->pids_count && upgrade->pids[low].raw == pid.raw;
}

/* A draw of the pid alone, so that a canary that is widened keeps whom it has. */
static bool is_chosen(const struct code_upgrade *upgrade, weft_pid pid) {
    if (upgrade->pids_count > 0) return has_pid(upgrade, pid);
    return weft_chance_ppm(weft_fold(upgrade->serial, pid.raw), upgrade->ppm);
}

struct code_version *weft_otp__code_wanted(const struct weft_process *proc,
                                           const struct code_entry *have) {
    const struct code_module *module = have->version->module;
    if (module->candidate == NULL) return module->current;
    if (have->version == module->candidate) return module->candidate;
    return is_chosen(module->upgrade, proc->pid) ? module->candidate : module->current;
}

/* Its pid is not known yet: the draw is of how many there were. */
static struct code_version *version_to_start(const struct weft_sched *sched,
                                             const struct code_entry *entry) {
    const struct code_module *module = entry->version->module;
    const struct code_upgrade *upgrade = module->upgrade;
    if (module->candidate == NULL) return module->current;
    if (entry->version == module->candidate) return module->candidate;
    uint64_t raw = weft_fold(upgrade->serial, ~sched->spawned);
    bool chosen = upgrade->pids_count == 0 && weft_chance_ppm(raw, upgrade->ppm);
    return chosen ? module->candidate : module->current;
}

const struct weft_behaviour *weft_otp__code_start_as(const struct weft_sched *sched,
                                                     const struct weft_behaviour *behaviour) {
    const struct code_entry *entry = weft_otp__code_entry(sched, behaviour);
    if (entry == NULL) return behaviour;
    struct code_version *version = version_to_start(sched, entry);
    if (version == entry->version) return behaviour;
    const struct code_entry *other = weft_otp__code_named(version, behaviour->name);
    return other != NULL ? other->behaviour : behaviour;
}

void weft_otp__code_born(struct weft_process *proc) {
    struct code_entry *entry = weft_otp__code_entry(proc->sched, proc->behaviour);
    if (entry == NULL) return;
    entry->procs++;
    entry->version->procs++;
}

void weft_otp__code_died(struct weft_process *proc) {
    struct code_entry *entry = weft_otp__code_entry(proc->sched, proc->behaviour);
    if (entry == NULL) return;
    WEFT_ASSERT(entry->procs > 0);
    WEFT_ASSERT(entry->version->procs >= entry->procs);
    entry->procs--;
    entry->version->procs--;
}

struct code_version *weft_otp__code_hold(struct weft_sched *sched,
                                         const struct weft_behaviour *behaviour) {
    struct code_entry *entry = weft_otp__code_entry(sched, behaviour);
    if (entry == NULL) return NULL;
    entry->version->holds++;
    return entry->version;
}

void weft_otp__code_release(struct code_version *version) {
    if (version == NULL) return;
    WEFT_ASSERT(version->holds > 0);
    version->holds--;
}

void weft_otp__code_free(struct weft_sched *sched) {
    struct weft_code *code = sched->code;
    if (code == NULL) return;
    while (!weft_list_empty(&code->modules)) {
        struct code_module *module = WEFT_CONTAINER(code->modules.next, struct code_module, link);
        if (module->upgrade != NULL) weft_otp__code_commit(sched, module->upgrade);
        struct weft_link *last = module->versions.prev;
        weft_otp__code_close(sched, WEFT_CONTAINER(last, struct code_version, link));
    }
    weft_otp__code_unload_kept(sched);
    weft_otp__map_deinit(&code->entries);
    weft_mem_free(sched->env->mem, code, sizeof *code);
    sched->code = NULL;
}

/* --- asking --- */

const struct weft_module_info *weft_code_current(const struct weft_sched *sched,
                                                 const char *module) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(module != NULL);
    const struct code_module *found = weft_otp__code_module(sched, module);
    return found != NULL ? found->current->info : NULL;
}

int weft_code_which(const struct weft_sched *sched, weft_pid pid, struct weft_code_which *out) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(out != NULL);
    const struct weft_process *proc = weft_otp__find(sched, pid);
    if (proc == NULL) return WEFT_ERR_NO_PROC;
    const struct code_entry *entry = weft_otp__code_entry(sched, proc->behaviour);
    if (entry == NULL) return WEFT_ERR_NOT_FOUND;
    *out = (struct weft_code_which){.module = entry->version->module->name,
                                    .behaviour = entry->behaviour->name,
                                    .version = entry->version->version};
    return WEFT_OK;
}

static struct weft_code_info info_of(const struct code_version *version) {
    return (struct weft_code_info){.module = version->module->name,
                                   .path = version->path,
                                   .version = version->version,
                                   .current = version == version->module->current,
                                   .canary = version == version->module->candidate,
                                   .procs = version->procs,
                                   .holds = version->holds,
                                   .behaviours = version->count};
}

void weft_code_each(const struct weft_sched *sched,
                    void (*fn)(void *ctx, const struct weft_code_info *info), void *ctx) {
    WEFT_ASSERT(sched != NULL);
    WEFT_ASSERT(fn != NULL);
    if (sched->code == NULL) return;
    const struct weft_link *modules = &sched->code->modules;
    for (struct weft_link *at = modules->next; at != modules; at = at->next) {
        const struct code_module *module = WEFT_CONTAINER(at, struct code_module, link);
        for (struct weft_link *of = module->versions.next; of != &module->versions; of = of->next) {
            struct weft_code_info info = info_of(WEFT_CONTAINER(of, struct code_version, link));
            fn(ctx, &info);
        }
    }
}

/* Those that run neither what is current nor, of a canary, what they were chosen for. */
static uint32_t behind(const struct weft_sched *sched, const struct code_module *module) {
    uint32_t count = 0;
    if (module->candidate == NULL) {
        for (struct weft_link *at = module->versions.next; at != &module->versions; at = at->next)
            count += WEFT_CONTAINER(at, struct code_version, link)->procs;
        return count - module->current->procs;
    }
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        const struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc == NULL) continue;
        const struct code_entry *have = weft_otp__code_entry(sched, proc->behaviour);
        if (have == NULL || have->version->module != module) continue;
        count += weft_otp__code_wanted(proc, have) != have->version;
    }
    return count;
}

int weft_code_status(const struct weft_sched *sched, const char *module,
                     struct weft_code_status *out) {
    WEFT_ASSERT(out != NULL);
    const struct code_module *found = weft_otp__code_find(sched, module, NULL);
    if (found == NULL) return WEFT_ERR_NOT_FOUND;
    *out = found->last;
    out->behind = behind(sched, found);
    out->canary = found->candidate != NULL;
    return WEFT_OK;
}
