/* Unloading versions that nobody uses. */
#include "core/otp/app_internal.h"
#include "core/otp/code_internal.h"
#include "core/otp/gen_event.h"
#include "core/otp/sup_internal.h"

#include <stdio.h>

/* Child specs that name behaviours of `from` name those of `to` from now on. False when one has no
 * counterpart there: the version is used. */
static bool rebind(struct weft_process *sup, const struct code_version *from,
                   struct code_version *to) {
    bool all = true;
    for (size_t i = 0; i < from->count; i++) {
        const struct weft_behaviour *behaviour = from->entries[i].behaviour;
        const struct code_entry *other = weft_otp__code_named(to, behaviour->name);
        if (other != NULL) {
            (void)weft_otp__sup_rebind(sup, behaviour, other->behaviour);
        } else if (weft_otp__sup_uses(sup, behaviour) > 0) {
            all = false;
        }
    }
    return all;
}

static bool rebind_all(struct weft_sched *sched, const struct code_version *from) {
    bool all = true;
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc == NULL || proc->behaviour->handle != weft_supervisor.handle) continue;
        if (!rebind(proc, from, from->module->current)) all = false;
    }
    return all;
}

static bool has_requests(const struct weft_process *proc) {
    const struct weft_link *at = proc->mailbox.first;
    for (; at != NULL; at = ring_next(&proc->mailbox, at)) {
        const struct mail *mail = (const struct mail *)(const void *)at;
        if (mail->kind == WEFT_MSG_CALL || mail->kind == WEFT_MSG_CAST) return true;
    }
    return false;
}

_Static_assert(offsetof(struct mail, link) == 0, "a link leads to its mail");

/* Requests that wait may name any behaviour: to start a child, to add or to swap a handler. */
static bool is_asked(struct weft_process *proc) {
    if (proc->behaviour->handle == weft_supervisor.handle)
        return weft_otp__sup_is_asked(proc) || has_requests(proc);
    if (proc->behaviour != &weft_gen_event.behaviour) return false;
    return weft_statem_state(proc) != 0 || has_requests(proc); /* 0: idle */
}

static bool is_any_asked(const struct weft_sched *sched) {
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc != NULL && is_asked(proc)) return true;
    }
    return false;
}

static uint32_t kill_users(struct weft_sched *sched, const struct code_version *version) {
    struct cause killed = weft_otp__cause_plain(WEFT_REASON_KILLED, 0);
    uint32_t count = 0;
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc == NULL) continue;
        const struct code_entry *entry = weft_otp__code_entry(sched, proc->behaviour);
        if (entry == NULL || entry->version != version) continue;
        weft_otp__doom(proc, killed);
        count++;
    }
    weft_otp__reap(sched);
    return count;
}

static int refuse_asked(const struct code_version *version, struct weft_code_text *why) {
    return weft_otp__code_why(why, WEFT_ERR_IN_USE,
                              "version %u of '%s': a supervisor or an event manager has requests "
                              "that wait, and may name it",
                              version->version, version->module->name);
}

static int refuse(const struct code_version *version, bool specs, struct weft_code_text *why) {
    return weft_otp__code_why(
        why, WEFT_ERR_IN_USE, "version %u of '%s': %u processes%s%s", version->version,
        version->module->name, version->procs, version->holds > 0 ? ", jobs" : "",
        specs ? ", a child spec or application that the current version has not" : "");
}

static int purge_one(struct weft_sched *sched, struct code_version *version, bool brutal,
                     struct weft_code_text *why) {
    uint32_t killed = 0;
    const char *name = version->module->name;
    if (is_any_asked(sched)) return refuse_asked(version, why);
    bool rebound = rebind_all(sched, version);
    const struct weft_application *now = version->module->current->info->application;
    if (!weft_otp__app_rebind(sched, version->info->application, now)) rebound = false;
    if (brutal && version->procs > 0 && version->holds == 0 && rebound)
        killed = kill_users(sched, version);
    if (version->procs > 0 || version->holds > 0 || !rebound) return refuse(version, !rebound, why);
    weft_trace(sched->env, WEFT_TRACE_CODE_PURGED, weft_bytes_text(name), version->version, killed);
    weft_otp__code_close(sched, version);
    return WEFT_OK;
}

/* The way back of the open upgrade goes with this version. */
static bool is_way_back(const struct code_upgrade *upgrade, const struct code_version *version) {
    for (size_t i = 0; upgrade != NULL && i < upgrade->steps_count; i++) {
        if (upgrade->steps[i].from == version) return true;
    }
    return false;
}

static int purge_unless_needed(struct weft_sched *sched, struct code_version *version, bool brutal,
                               struct weft_code_text *why) {
    struct code_module *module = version->module;
    if (version == module->current || version == module->candidate) return WEFT_OK;
    if (is_way_back(module->upgrade, version)) {
        bool under_way = module->upgrade->begun < module->upgrade->steps_count;
        if (under_way || (version->procs > 0 && !brutal)) return refuse(version, false, why);
        weft_otp__code_commit(sched, module->upgrade);
    }
    return purge_one(sched, version, brutal, why);
}

int weft_code_purge(struct weft_sched *sched, const char *name, bool brutal,
                    struct weft_code_text *why) {
    struct code_module *module = weft_otp__code_find(sched, name, why);
    if (module == NULL) return WEFT_ERR_NOT_FOUND;
    WEFT_ASSERT(sched->runtime_depth == 0);
    int rv = WEFT_OK;
    struct weft_link *next;
    for (struct weft_link *at = module->versions.next; at != &module->versions; at = next) {
        next = at->next;
        int one =
            purge_unless_needed(sched, WEFT_CONTAINER(at, struct code_version, link), brutal, why);
        if (one != WEFT_OK) rv = one;
    }
    if (rv != WEFT_OK) weft_otp__code_raise(sched, WEFT_CODE_SWEEP);
    return rv;
}

/* --- one that is of no use --- */

static bool is_in_upgrade(const struct code_upgrade *upgrade, const struct code_version *version) {
    for (size_t i = 0; upgrade != NULL && i < upgrade->steps_count; i++) {
        if (upgrade->steps[i].from == version || upgrade->steps[i].to == version) return true;
    }
    return false;
}

static bool is_known_application(const struct weft_sched *sched,
                                 const struct weft_application *application) {
    if (application == NULL) return false;
    const struct app *app = weft_otp__app_find(sched, weft_app_name(application));
    return app != NULL && app->spec == application;
}

static bool is_of_use(const struct weft_sched *sched, const struct code_version *version) {
    const struct code_module *module = version->module;
    if (version->procs > 0 || version->holds > 0) return true;
    if (version == module->candidate || is_in_upgrade(module->upgrade, version)) return true;
    if (version != module->current) return false;
    return module->versions_count > 1 || is_known_application(sched, version->info->application);
}

int weft_code_unload(struct weft_sched *sched, const struct weft_module_info *info,
                     struct weft_code_text *why) {
    WEFT_ASSERT(info != NULL);
    WEFT_ASSERT(sched->runtime_depth == 0);
    struct code_module *module = weft_otp__code_find(sched, info->name, why);
    if (module == NULL) return WEFT_ERR_NOT_FOUND;
    struct code_version *version = weft_otp__code_version(module, info->version);
    if (version == NULL || version->info != info)
        return weft_otp__code_why(why, WEFT_ERR_NOT_FOUND, "version %u of '%s' is not loaded",
                                  info->version, info->name);
    if (is_of_use(sched, version)) return refuse(version, false, why);
    weft_trace(sched->env, WEFT_TRACE_CODE_PURGED, weft_bytes_text(module->name), version->version,
               0);
    weft_otp__code_close(sched, version);
    return WEFT_OK;
}
