/* What is told of a fault: the reason of the process, and where it stood, for the log.
 *
 * A reason may decide what others do, and travels. It names file and line where these are the
 * same in every build (asserts); the place of other faults only where the env says that runs need
 * not be the same everywhere. The log names all places in both worlds. */
#include "core/otp/internal.h"

#include <stdio.h>

static const char *const fault_names[] = {"no fault",
#define FAULT_TEXT(name, text) text,
                                          WEFT_FAULTS(FAULT_TEXT)
#undef FAULT_TEXT
};

static const char *what_of(const struct weft_fault *fault) {
    WEFT_ASSERT(fault->kind > WEFT_FAULT_NONE);
    WEFT_ASSERT((size_t)fault->kind < sizeof fault_names / sizeof fault_names[0]);
    return fault->what != NULL ? fault->what : fault_names[fault->kind];
}

static bool describe(struct weft_env *env, uintptr_t code, struct weft_place *place) {
    *place = (struct weft_place){.line = 0};
    if (env->guard->describe == NULL) return false;
    env->guard->describe(env, code, place);
    return true;
}

/* The innermost place that has a line: libc, where a bad pointer often ends, has none. */
static bool find_place(struct weft_env *env, const struct weft_fault *fault,
                       struct weft_place *place) {
    for (uint32_t i = 0; i < fault->frames_count; i++)
        if (describe(env, fault->frames[i], place) && place->line > 0) return true;
    return false;
}

static struct weft_reason hang_reason(const struct weft_fault *fault) {
    int tenths = (int)(fault->ran / WEFT_MS(100) % 10);
    return weft_reason_text(WEFT_REASON_FAULT, (int32_t)fault->kind, "%shandler ran for %lld.%d s",
                            fault->what != NULL ? fault->what : "",
                            (long long)(fault->ran / WEFT_S(1)), tenths);
}

/* "bad memory access at 0x10 in on_cast (app.c:12)" */
static struct weft_reason place_reason(struct weft_env *env, const struct weft_fault *fault,
                                       struct weft_reason plain) {
    struct weft_place place;
    bool has_address = fault->kind == WEFT_FAULT_SEGV || fault->kind == WEFT_FAULT_BUS;
    char at[32] = "";
    if (!find_place(env, fault, &place)) return plain;
    if (has_address)
        (void)snprintf(at, sizeof at, " at 0x%llx", (unsigned long long)fault->address);
    return weft_reason_text(plain.kind, plain.code, "%.48s%s in %s (%s:%d)", plain.text, at,
                            place.function, place.file, place.line);
}

struct weft_reason weft_otp__fault_reason(struct weft_sched *sched,
                                          const struct weft_fault *fault) {
    int32_t code = (int32_t)fault->kind;
    const char *what = what_of(fault);
    if (fault->file != NULL)
        return weft_reason_text(WEFT_REASON_FAULT, code, "%s:%d: %s", fault->file, fault->line,
                                what);
    struct weft_reason plain = fault->kind == WEFT_FAULT_HANG
                                   ? hang_reason(fault)
                                   : weft_reason_text(WEFT_REASON_FAULT, code, "%s", what);
    return sched->env->reasons_name_places ? place_reason(sched->env, fault, plain) : plain;
}

static bool is_same(const struct weft_place *a, const struct weft_place *b) {
    return a->line == b->line && strcmp(a->function, b->function) == 0 &&
           strcmp(a->file, b->file) == 0;
}

static void log_place(struct weft_env *env, const struct weft_place *place) {
    weft_log(env, WEFT_LOG_ERROR, "    at %s (%s:%d)",
             place->function[0] != '\0' ? place->function : "?",
             place->file[0] != '\0' ? place->file : "?", place->line);
}

/* One line each, a recursion's place once: names and lines, no address. */
void weft_otp__log_frames(const struct weft_sched *sched, const struct weft_fault *fault) {
    struct weft_env *env = sched->env;
    struct weft_place place, last = {.line = -1};
    if (!(env->trace_mask & WEFT_TRACE_BIT(WEFT_TRACE_LOG))) return;
    for (uint32_t i = 0; i < fault->frames_count; i++) {
        if (!describe(env, fault->frames[i], &place)) return;
        if (!is_same(&place, &last)) log_place(env, &place);
        last = place;
    }
}
