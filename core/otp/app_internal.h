/* What the files of applications share. */
#ifndef WEFT_OTP_APP_INTERNAL_H
#define WEFT_OTP_APP_INTERNAL_H

#include "core/otp/application.h"
#include "core/otp/internal.h"

/* Key and value, each with its NUL, follow. */
struct app_var {
    struct weft_link link;
    uint32_t key_size, value_size;
    char text[];
};

/* What the controllers of the other schedulers were asked, by scheduler. 0: nothing. */
struct app_parts {
    weft_ref ref[WEFT_SCHEDULERS_MAX];
    uint32_t waiting; /* answers */
};

/* I1  master is set while RUNNING or STOPPING, unless the application has no process
 * I2  `started` orders those that run: greater is later */
struct app {
    struct weft_link link; /* in the order of loading */
    const struct weft_application *spec;
    struct weft_link vars;
    uint32_t vars_count;
    uint16_t id; /* never used again within a node's life; 0 is none */
    enum weft_app_state state;
    enum weft_restart type;
    bool changed; /* another version of it than it was loaded with */
    bool undo;    /* a failed ensure_all_started started it */
    bool held;    /* a start of it is on the stack: it is not unloaded */
    weft_pid master, top;
    uint64_t started;
    struct weft_call asker; /* of the stop; ref 0: none */
    struct app_parts parts; /* of the stop */
    bool absent;            /* STOPPING: it did not run on this scheduler */
    bool part_ran;          /* STOPPING: it did on another */
};

/* Of a scheduler. It outlives the controller, so that what was set stays set. */
struct app_table {
    struct weft_link apps;
    uint32_t count;
    uint16_t last_id;
    uint64_t starts;
};

/* app_table.c */
struct app *weft_otp__app_find(const struct weft_sched *sched, const char *name);
struct app *weft_otp__app_by_id(const struct weft_sched *sched, uint16_t id);
int weft_otp__app_load(struct weft_sched *sched, const struct weft_application *spec,
                       struct weft_reason *why);
int weft_otp__app_set(struct weft_sched *sched, struct app *app, const struct weft_app_env *var);
bool weft_otp__app_name_valid(const char *name);
/* May it be loaded, or take the place of the one of its name? False: *why says why not. */
bool weft_otp__app_valid(const struct weft_sched *sched, const struct weft_application *spec,
                         struct weft_reason *why);

/* app_parts.c */
/* How many other schedulers the controller `self` answers for: none but on scheduler 0. */
uint32_t weft_otp__app_parts_count(const weft_self *self);
/* Does `self`'s scheduler run it? */
bool weft_otp__app_is_mine(const weft_self *self, const struct weft_application *spec);
/* Ask the controllers of the others. One that does not run is not asked: false if any. */
bool weft_otp__app_parts_ask(weft_self *self, struct app_parts *parts, uint32_t tag,
                             struct weft_bytes request);
/* The scheduler whose answer has `ref`, which does not wait any more; 0: none. */
uint32_t weft_otp__app_parts_take(struct app_parts *parts, weft_ref ref);

/* app_master.c: `arg` is a struct app_birth. */
extern const struct weft_behaviour weft_otp__app_master;

/* First in the state of a master. */
struct app_birth {
    const struct weft_application *spec;
    enum weft_restart type;
    uint16_t id;
};

#endif
