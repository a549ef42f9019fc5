/* Releases: an upgrade over several modules, in order, all or nothing
 * (https://www.erlang.org/doc/man/relup.html, https://www.erlang.org/doc/man/appup.html).
 *
 * All modules are loaded and everything is checked before anything happens; a step begins when
 * every process of the step before has moved; one failure, or one fault that is watched for, takes
 * all of them back, the last first. A step may be the point of no return: once it has begun nothing
 * goes back, and a process that cannot change ends, so that its supervisor starts it with the new
 * code (OTP restarts the emulator).
 *
 * When all have moved the release stays open: weft_code_commit of any of its modules makes it
 * permanent, weft_code_rollback takes all of them back. */
#ifndef WEFT_OTP_RELEASE_H
#define WEFT_OTP_RELEASE_H

#include "core/otp/code.h"

/* At the time of its step this module is loaded, and this version of it, or a newer one, current:
 * by an earlier step, or already. */
struct weft_release_need {
    const char *module;
    uint32_t version;
};

struct weft_release_step {
    const char *module;
    uint32_t version; /* that the object at `path` must be */
    const char *path; /* NULL: it is loaded already */
    const struct weft_release_need *needs;
    size_t needs_count;
    struct weft_bytes extra;
    bool point_of_no_return;
};

struct weft_release {
    const struct weft_release_step *steps;
    size_t steps_count; /* 1 to WEFT_RELEASE_STEPS_MAX */
    uint32_t watch;     /* as in struct weft_code_upgrade, for each module */
    bool eager;
    uint64_t number; /* as in struct weft_code_upgrade. Each scheduler goes through the steps at its
                        own pace: `needs` are kept on each, not between two */
    bool dry_run;    /* load and check, then unload: nothing else happens */
    /* Told for each step what it does, in one line; may be NULL. */
    void (*report)(void *ctx, const char *line);
    void *ctx;
};

/* Begin it, or try it. On an error nothing has happened, *failed (may be NULL) is the step it is
 * about, and `why` says what.
 *   WEFT_ERR_INVAL      no steps, a module in two steps, another module or version in the object
 *                       than the step says, what is needed is not there, no current version to
 *                       upgrade from
 *   WEFT_ERR_FULL       over WEFT_RELEASE_STEPS_MAX steps
 *   and the errors of weft_code_load and weft_code_upgrade */
int weft_code_release(struct weft_sched *sched, const struct weft_release *release, size_t *failed,
                      struct weft_code_text *why);

#endif
