/* application: a part of a node that is started, stopped and configured as one
 * (https://www.erlang.org/doc/man/application.html).
 *
 *     WEFT_APPLICATION(kv, .version = "1.2", .dependencies = {"store"},
 *                      .env = {{"port", "7000"}},
 *                      .children = {{.id = "table", .behaviour = &table_v1},
 *                                   {.id = "front", .behaviour = &front_v1}});
 *
 * The application controller (a process named "application", one a scheduler) starts, stops and
 * watches applications. Each started one has a master: a process that runs the callbacks below,
 * and the parent of the application's top supervisor. A fault in a callback ends that master and
 * with it the application, and nothing else.
 *
 * What the end of an application means is its type, enum weft_restart as given at its start:
 *   WEFT_PERMANENT  whatever the reason, the node ends (weft_halt), in order, with a reason that
 *                   names the application; the others are stopped first
 *   WEFT_TRANSIENT  the same unless the reason is NORMAL (SHUTDOWN is not, as in OTP)
 *   WEFT_TEMPORARY  it is logged, no more
 * Being stopped by weft_app_stop is no such end, whatever the type.
 *
 * A node with several schedulers (core/otp/hub.h) runs an application on scheduler 0, unless it
 * says `each`. Then it has a part on every scheduler: a master and a tree there, whose callbacks
 * and phases run once a scheduler, watched by the controller of that one ("application.1", ...). A
 * listener that each part opens on one port gets its share of the streams (core/env/net.h).
 *   - With the node, scheduler 0 starts all its applications first, then each other one its parts,
 *     in the same order. What an `each` application depends on and is not `each` runs on scheduler
 *     0 only, and runs already.
 *   - The requests below are to scheduler 0. A start starts the part there, with all its phases,
 *     then all others at once; when one fails, all are stopped, and the text says which scheduler.
 *     A stop stops the others at once, then the one on scheduler 0: so does the node's end, one
 *     application after the other.
 *   - A part that ends by itself ends the node if the type says so. If not, the others go on.
 *   - The values of an environment are those of each scheduler: a change is seen where it is made.
 *
 * Differences from OTP: specifications are objects of the program or of a module, not .app files;
 * values of the environment are texts; no included and no distributed applications; start and stop
 * are requests, answered by a REPLY; dependencies that form a circle are refused when loaded, where
 * OTP never finishes. */
#ifndef WEFT_OTP_APPLICATION_H
#define WEFT_OTP_APPLICATION_H

#include "core/base/limits.h"
#include "core/otp/supervisor.h"

struct weft_sched;

#define WEFT_APP_NAME "application" /* of the controller on scheduler 0; elsewhere see below */

#define WEFT_APP_NAME_MAX 32                /* bytes of an application's name, with the NUL */
#define WEFT_APP_VALUE_MAX 4096             /* bytes of a value of its environment, with the NUL */
#define WEFT_APPS_MAX WEFT_LIMIT(64, 6)     /* applications loaded on a node */
#define WEFT_APP_KEYS_MAX WEFT_LIMIT(64, 4) /* keys in an application's environment */

#define WEFT_APP_DEPENDENCIES_MAX 16
#define WEFT_APP_DEFAULTS_MAX 16
#define WEFT_APP_PHASES_MAX 8
#define WEFT_APP_CHILDREN_MAX 16

struct weft_app_env {
    const char *key, *value;
};

/* A specification. Static and constant; it must outlive the node, or its unloading. Lists end with
 * the first empty entry. */
struct weft_application {
    const char *ident;       /* set by WEFT_APPLICATION: the name unless `name` is given */
    const char *name;        /* at most WEFT_APP_NAME_MAX */
    const char *version;     /* NULL: "" */
    const char *description; /* NULL: "" */
    const char *dependencies[WEFT_APP_DEPENDENCIES_MAX]; /* names: running before it starts */
    struct weft_app_env env[WEFT_APP_DEFAULTS_MAX];      /* what a node does not set itself */
    const char *phases[WEFT_APP_PHASES_MAX];             /* start phases, in order */
    bool each; /* a part on every scheduler of the node, not one on scheduler 0 */

    /* Its top supervisor: `children` under `strategy` ..., or all of `tree` when given. With
     * neither, and no `start`, it has no process (OTP's library application). `tree` and what the
     * children's args point at live as long as the specification. */
    enum weft_strategy strategy;
    uint32_t intensity; /* as in struct weft_sup_config */
    weft_duration period;
    struct weft_child_spec children[WEFT_APP_CHILDREN_MAX];
    const struct weft_sup_config *tree;

    /* Instead: start the top process, give it in *top, return WEFT_OK. It is linked to the master
     * when it returns. `type` is how the application is started. */
    int (*start)(weft_self *master, enum weft_restart type, weft_pid *top);

    /* Called for each of `phases` when the top process runs. An error fails the start. */
    int (*start_phase)(weft_self *master, const char *phase);

    /* Before the processes are told to end, and when they have ended; also when the top process
     * ended by itself (as OTP does). */
    void (*prep_stop)(weft_self *master);
    void (*stop)(weft_self *master);
};

/* Define `ident_`, a constant struct weft_application. */
#define WEFT_APPLICATION(ident_, ...)                                                              \
    const struct weft_application ident_ = {.ident = #ident_, __VA_ARGS__}

const char *weft_app_name(const struct weft_application *application);

/* What a node is told to run. */
struct weft_app_spec {
    const struct weft_application *application;
    enum weft_restart type;
    bool load_only;                 /* it is known, and started by whoever asks */
    const struct weft_app_env *env; /* wins over the specification's own */
    size_t env_count;
};

/* The controller. `arg` is a struct weft_app_config whose arrays outlive it. Its init loads all
 * `apps`, then starts them in order, each after what it depends on; if one fails so does the init,
 * and weft_last_reason names it. Its parent's exit signal stops the applications one after the
 * other, the last started first. When a supervisor starts it again after a fault, it kills what its
 * predecessor ran and starts the configured ones anew (in OTP its end is the node's). */
extern const struct weft_behaviour weft_app_controller;

struct weft_app_config {
    const struct weft_app_spec *apps;
    size_t apps_count;
};

/* The controller's name on a scheduler: "application", "application.1", ... */
#define WEFT_APP_CONTROLLER_MAX 20
void weft_app_controller_name(uint32_t scheduler, char name[WEFT_APP_CONTROLLER_MAX]);

/* --- known applications; at once, from any process --- */

/* Make `application` known, with its default environment.
 *   WEFT_ERR_EXISTS  one of that name is loaded
 *   WEFT_ERR_INVAL   a bad name, a child without behaviour, or dependencies that form a circle
 *                    with those loaded: *why names them (it may be NULL)
 *   WEFT_ERR_FULL    WEFT_APPS_MAX, WEFT_APP_KEYS_MAX
 *   WEFT_ERR_NOMEM */
int weft_app_load(weft_self *self, const struct weft_application *application,
                  struct weft_reason *why);

/* Forget it and its environment. WEFT_ERR_NOT_FOUND, WEFT_ERR_IN_USE (it runs, or it or what it
 * depends on is being started) */
int weft_app_unload(weft_self *self, const char *name);

/* The value of `key`, borrowed until it is set again or the application unloaded; NULL when there
 * is none. `app` NULL: that of the caller (weft_self_application). */
const char *weft_app_get_env(weft_self *self, const char *app, const char *key);

/* Set it; `value` NULL: unset. Changes made here outlast a stop and a start.
 *   WEFT_ERR_NOT_FOUND (no such application), WEFT_ERR_INVAL (empty key), WEFT_ERR_TOO_BIG,
 *   WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_app_set_env(weft_self *self, const char *app, const char *key, const char *value);

/* The application whose process started this one, and so on up; NULL: none (OTP: get_application,
 * by group leader). */
const char *weft_self_application(const weft_self *self);

/* --- requests to the controller; exactly one REPLY with *ref comes. The functions themselves fail
 * as weft_call does, with WEFT_ERR_NO_PROC when the node has no controller --- */

/* The REPLY's status; its data is a text that says why, for errors.
 *   WEFT_ERR_NOT_FOUND    not loaded
 *   WEFT_ERR_EXISTS       it runs (OTP: already_started)
 *   WEFT_ERR_IN_USE       it is being stopped
 *   WEFT_ERR_NOT_STARTED  a dependency does not run: the text is its name
 *   WEFT_ERR_CLOSED       the node is ending
 *   other                 what its start returned (WEFT_ERR_FAULT: a callback or an init faulted).
 * A start that fails leaves the node alone whatever the type, as in OTP. */
int weft_app_start(weft_self *self, const char *name, enum weft_restart type, weft_ref *ref);

/* The same, its dependencies first, in order. On WEFT_OK the data is a text: the names started,
 * separated by spaces, none when all ran. On an error those it had started are stopped again. */
int weft_app_ensure_all_started(weft_self *self, const char *name, enum weft_restart type,
                                weft_ref *ref);

/* Answered when it has ended. Those that depend on it go on. WEFT_ERR_NOT_FOUND (not loaded),
 * WEFT_ERR_NOT_STARTED, WEFT_ERR_IN_USE (it is being stopped), WEFT_ERR_CLOSED */
int weft_app_stop(weft_self *self, const char *name, weft_ref *ref);

/* --- for tools: outside of any process --- */

int weft_sched_app_load(struct weft_sched *sched, const struct weft_application *application,
                        struct weft_reason *why);
int weft_sched_app_unload(struct weft_sched *sched, const char *name);
int weft_sched_app_set_env(struct weft_sched *sched, const char *app, const char *key,
                           const char *value);

enum weft_app_state { WEFT_APP_LOADED, WEFT_APP_RUNNING, WEFT_APP_STOPPING };

struct weft_app_info {
    const struct weft_application *application;
    enum weft_app_state state;
    enum weft_restart type; /* unless only loaded */
    weft_pid master, top;   /* WEFT_PID_NONE: none */
};

/* Call `fn` for each application, in the order they were loaded (OTP: which_applications and
 * loaded_applications). `fn` must not change anything. */
void weft_sched_apps(const struct weft_sched *sched,
                     void (*fn)(void *ctx, const struct weft_app_info *info), void *ctx);
void weft_self_apps(weft_self *self, void (*fn)(void *ctx, const struct weft_app_info *info),
                    void *ctx);

/* The application of `pid`, or NULL. */
const char *weft_sched_application(const struct weft_sched *sched, weft_pid pid);

#endif
