/* Releases: all is loaded and checked, then the steps begin. */
#include "core/otp/code_internal.h"
#include "core/otp/release.h"

#include <stdio.h>

struct plan {
    struct weft_sched *sched;
    const struct weft_release *release;
    struct weft_code_text *why;
    size_t at;                                           /* the step it is at */
    struct code_version *loaded[WEFT_RELEASE_STEPS_MAX]; /* by this plan; NULL: was there */
    struct code_version *to[WEFT_RELEASE_STEPS_MAX];
};

static const struct weft_release_step *step_of(const struct plan *plan) {
    WEFT_ASSERT(plan->at < plan->release->steps_count);
    return &plan->release->steps[plan->at];
}

static int wrong(const struct plan *plan, const char *what) {
    const struct weft_release_step *step = step_of(plan);
    return weft_otp__code_why(plan->why, WEFT_ERR_INVAL, "%s %u: %s", step->module, step->version,
                              what);
}

/* --- load --- */

static int check_loaded(const struct plan *plan, const struct code_version *version) {
    const struct weft_release_step *step = step_of(plan);
    bool same = strcmp(version->module->name, step->module) == 0;
    if (same && version->version == step->version) return WEFT_OK;
    return weft_otp__code_why(plan->why, WEFT_ERR_INVAL, "%s: is %s %u, the plan says %s %u",
                              step->path, version->module->name, version->version, step->module,
                              step->version);
}

static int load_step(struct plan *plan) {
    const struct weft_release_step *step = step_of(plan);
    const struct code_module *module = weft_otp__code_module(plan->sched, step->module);
    if (module == NULL) return wrong(plan, "no version of it is loaded to upgrade from");
    plan->to[plan->at] = weft_otp__code_version(module, step->version);
    if (plan->to[plan->at] != NULL) return WEFT_OK;
    if (step->path == NULL) return wrong(plan, "it is not loaded, and the plan has no path");
    struct code_version *version;
    int rv = weft_otp__code_open(plan->sched, step->path, &version, plan->why);
    if (rv != WEFT_OK) return rv;
    plan->loaded[plan->at] = plan->to[plan->at] = version;
    return check_loaded(plan, version);
}

static void unload_all(struct plan *plan) {
    for (size_t i = plan->release->steps_count; i > 0; i--) {
        if (plan->loaded[i - 1] != NULL) weft_otp__code_close(plan->sched, plan->loaded[i - 1]);
    }
}

/* --- check --- */

/* The version that is current when the step comes, 0: none. */
static uint32_t version_then(const struct plan *plan, const char *module) {
    for (size_t i = 0; i < plan->at; i++) {
        const struct weft_release_step *step = &plan->release->steps[i];
        if (strcmp(step->module, module) == 0) return step->version;
    }
    const struct code_module *found = weft_otp__code_module(plan->sched, module);
    return found != NULL ? found->current->version : 0;
}

static int check_needs(const struct plan *plan) {
    const struct weft_release_step *step = step_of(plan);
    for (size_t i = 0; i < step->needs_count; i++) {
        const struct weft_release_need *need = &step->needs[i];
        uint32_t version = version_then(plan, need->module);
        if (version >= need->version) continue;
        return weft_otp__code_why(
            plan->why, WEFT_ERR_INVAL, "%s %u: needs %s %u, which is at %u when its step comes",
            step->module, step->version, need->module, need->version, version);
    }
    return WEFT_OK;
}

static int check_step(const struct plan *plan) {
    const struct weft_release_step *step = step_of(plan);
    const struct code_module *module = plan->to[plan->at]->module;
    if (module->upgrade != NULL &&
        (module->upgrade->canary || module->upgrade->begun < module->upgrade->steps_count))
        return weft_otp__code_why(plan->why, WEFT_ERR_IN_USE, "an upgrade of '%s' is under way",
                                  step->module);
    for (size_t i = 0; i < plan->at; i++) {
        if (plan->to[i]->module == module) return wrong(plan, "the module is in two steps");
    }
    if (module->current == plan->to[plan->at])
        return weft_otp__code_why(plan->why, WEFT_ERR_EXISTS, "%s %u: it is current", step->module,
                                  step->version);
    if (step->extra.size > WEFT_CODE_EXTRA_MAX)
        return weft_otp__code_why(plan->why, WEFT_ERR_TOO_BIG, "%s %u: extra is over %d bytes",
                                  step->module, step->version, WEFT_CODE_EXTRA_MAX);
    int rv = check_needs(plan);
    return rv == WEFT_OK ? weft_otp__code_check_all(module, plan->to[plan->at], plan->why) : rv;
}

static void tell_step(const struct plan *plan) {
    const struct weft_release *release = plan->release;
    const struct weft_release_step *step = step_of(plan);
    const struct code_version *from = plan->to[plan->at]->module->current;
    char line[WEFT_CODE_TEXT_SIZE];
    if (release->report == NULL) return;
    snprintf(line, sizeof line, "%s %u to %u: %u processes, %zu behaviours%s", step->module,
             from->version, step->version, from->procs, plan->to[plan->at]->count,
             step->point_of_no_return ? ", point of no return" : "");
    release->report(release->ctx, line);
}

/* --- run --- */

/* Each step by `fn`, to the first error. */
static int each_step(struct plan *plan, int (*fn)(struct plan *plan)) {
    int rv = WEFT_OK;
    for (plan->at = 0; plan->at < plan->release->steps_count; plan->at++) {
        rv = fn(plan);
        if (rv != WEFT_OK) return rv;
    }
    return rv;
}

static int check_and_tell(struct plan *plan) {
    int rv = check_step(plan);
    if (rv == WEFT_OK) tell_step(plan);
    return rv;
}

static int begin(struct plan *plan) {
    struct weft_sched *sched = plan->sched;
    const struct weft_release *release = plan->release;
    size_t count = release->steps_count;
    struct weft_code_upgrade spec = {.watch = release->watch,
                                     .number = release->number,
                                     .mode = release->eager ? WEFT_CODE_EAGER : WEFT_CODE_SWEEP};
    struct code_upgrade *upgrade = weft_otp__code_upgrade_new(sched, count, &spec);
    int rv = upgrade == NULL ? WEFT_ERR_NOMEM : WEFT_OK;
    for (size_t i = 0; rv == WEFT_OK && i < count; i++) {
        struct code_version *to = plan->to[i], *from = to->module->current;
        upgrade->steps[i] = (struct code_step){.module = to->module,
                                               .from = from,
                                               .to = to,
                                               .final = release->steps[i].point_of_no_return};
        struct code_version *newest = to->version > from->version ? to : from;
        rv = weft_otp__code_extra(sched, newest, release->steps[i].extra);
    }
    if (rv != WEFT_OK) {
        if (upgrade != NULL) weft_otp__code_upgrade_free(sched, upgrade);
        return weft_otp__code_why(plan->why, rv, "%s", weft_error_text(rv));
    }
    struct code_module *first = plan->to[0]->module;
    weft_otp__code_begin(sched, upgrade);
    return weft_otp__code_outcome(first, plan->why);
}

static void trace_loaded(const struct plan *plan) {
    for (size_t i = 0; i < plan->release->steps_count; i++) {
        const struct code_version *version = plan->loaded[i];
        if (version == NULL) continue;
        weft_trace(plan->sched->env, WEFT_TRACE_CODE_LOADED, weft_bytes_text(version->module->name),
                   version->version, version->count);
    }
}

int weft_code_release(struct weft_sched *sched, const struct weft_release *release, size_t *failed,
                      struct weft_code_text *why) {
    struct plan plan = {.sched = sched, .release = release, .why = why};
    WEFT_ASSERT(release != NULL);
    WEFT_ASSERT(sched->runtime_depth == 0);
    if (release->steps_count == 0)
        return weft_otp__code_why(why, WEFT_ERR_INVAL, "the plan has no steps");
    if (release->steps_count > WEFT_RELEASE_STEPS_MAX)
        return weft_otp__code_why(why, WEFT_ERR_FULL, "the plan has more than %d steps",
                                  WEFT_RELEASE_STEPS_MAX);
    int rv = each_step(&plan, load_step);
    if (rv == WEFT_OK) rv = each_step(&plan, check_and_tell);
    if (rv == WEFT_OK) rv = weft_otp__code_may_begin(sched, release->number, why);
    if (failed != NULL) *failed = plan.at;
    if (rv != WEFT_OK || release->dry_run) {
        unload_all(&plan);
        return rv;
    }
    trace_loaded(&plan);
    return begin(&plan);
}
