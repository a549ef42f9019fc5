/* The application controller. */
#include "core/otp/application.h"

#include "core/otp/app_internal.h"
#include "core/otp/gen_server.h"

#define STOP_TIMEOUT WEFT_TIME_NEVER /* each child of an application has its own time */

enum app_tag { APP_START = 0x61707000, APP_ENSURE, APP_STOP };

/* I1  ending: nothing is started any more; applications stop one after the other, then this */
struct controller {
    struct weft_app_config config;
    bool ending;
    struct weft_reason why;
};

/* A start on its way, with what to say when it fails. */
struct starting {
    enum weft_restart type;
    struct weft_reason why;
    size_t list_size; /* names started, for ensure_all_started */
    char list[WEFT_APPS_MAX * WEFT_APP_NAME_MAX];
};

static struct weft_bytes no_bytes(void) { return weft_bytes(NULL, 0); }

static const char *name_of(const struct app *app) { return weft_app_name(app->spec); }

static bool has_process(const struct weft_application *spec) {
    return spec->start != NULL || spec->tree != NULL || spec->children[0].behaviour != NULL;
}

static void trace_up(weft_self *self, const struct app *app) {
    weft_trace(weft_self_env(self), WEFT_TRACE_APP_UP, weft_bytes_text(name_of(app)),
               app->master.raw, app->type);
}

static void trace_down(weft_self *self, const struct app *app, const struct weft_reason *why) {
    weft_trace(weft_self_env(self), WEFT_TRACE_APP_DOWN, weft_bytes_text(name_of(app)),
               app->master.raw, app->type, (uint64_t)why->kind, (uint64_t)(int64_t)why->code,
               app->state == WEFT_APP_STOPPING ? 1 : 0);
}

/* --- starting --- */

static int refuse(struct starting *starting, int rv, const char *text) {
    starting->why = weft_reason_text(WEFT_REASON_START, rv, "%s", text);
    return rv;
}

/* The first dependency that does not run, or NULL. */
static const char *missing(const struct weft_sched *sched, const struct weft_application *spec) {
    for (size_t i = 0; i < WEFT_APP_DEPENDENCIES_MAX && spec->dependencies[i] != NULL; i++) {
        const struct app *needed = weft_otp__app_find(sched, spec->dependencies[i]);
        if (needed == NULL || needed->state != WEFT_APP_RUNNING) return spec->dependencies[i];
    }
    return NULL;
}

static int start_master(weft_self *self, struct app *app, struct starting *starting) {
    struct app_birth birth = {.spec = app->spec, .type = starting->type, .id = app->id};
    struct weft_spawn spawn = {.behaviour = &weft_otp__app_master,
                               .arg = weft_bytes(&birth, sizeof birth),
                               .link = true,
                               .tag = app->id};
    int rv = weft_spawn(self, &spawn, &app->master);
    if (rv == WEFT_OK) return WEFT_OK;
    const struct weft_reason *why = weft_last_reason(self);
    app->master = WEFT_PID_NONE;
    starting->why = weft_reason_text(WEFT_REASON_START, rv, "%.31s: %.55s", name_of(app),
                                     why->text[0] != '\0' ? why->text : weft_error_text(rv));
    return rv;
}

static int start_one(weft_self *self, struct app *app, struct starting *starting) {
    if (app->state == WEFT_APP_RUNNING) return refuse(starting, WEFT_ERR_EXISTS, "it runs");
    if (app->state == WEFT_APP_STOPPING)
        return refuse(starting, WEFT_ERR_IN_USE, "it is being stopped");
    const char *needed = missing(self->sched, app->spec);
    if (needed != NULL) return refuse(starting, WEFT_ERR_NOT_STARTED, needed);
    if (has_process(app->spec)) {
        int rv = start_master(self, app, starting);
        if (rv != WEFT_OK) return rv;
    }
    app->state = WEFT_APP_RUNNING;
    app->type = starting->type;
    app->started = ++self->sched->apps->starts;
    app->undo = false;
    trace_up(self, app);
    return WEFT_OK;
}

static void list_add(struct starting *starting, const char *name) {
    size_t length = strlen(name), at = starting->list_size;
    WEFT_ASSERT(at + length + 1 <= sizeof starting->list);
    if (at > 0) starting->list[at++] = ' ';
    memcpy(starting->list + at, name, length);
    starting->list_size = at + length;
}

/* What it needs first, depth first; circles were refused when loading. */
static int ensure(weft_self *self, const char *name, struct starting *starting) {
    struct app *app = weft_otp__app_find(self->sched, name);
    if (app == NULL) {
        starting->why = weft_reason_text(WEFT_REASON_START, WEFT_ERR_NOT_FOUND,
                                         "application %.31s is not loaded", name);
        return WEFT_ERR_NOT_FOUND;
    }
    if (app->state == WEFT_APP_RUNNING) return WEFT_OK;
    for (size_t i = 0; i < WEFT_APP_DEPENDENCIES_MAX; i++) {
        if (app->spec->dependencies[i] == NULL) break;
        int rv = ensure(self, app->spec->dependencies[i], starting);
        if (rv != WEFT_OK) return rv;
    }
    int rv = start_one(self, app, starting);
    if (rv != WEFT_OK) return rv;
    list_add(starting, name_of(app));
    app->undo = true;
    return WEFT_OK;
}

/* --- stopping --- */

static void answer_stop(weft_self *self, struct app *app, int status) {
    if (app->asker.ref == 0) return;
    weft_reply(self, &app->asker, status, no_bytes());
    app->asker = (struct weft_call){.ref = 0};
}

/* It has ended, or never had a process. */
static void settle_down(weft_self *self, struct app *app, const struct weft_reason *why) {
    trace_down(self, app, why);
    app->state = WEFT_APP_LOADED;
    app->master = app->top = WEFT_PID_NONE;
    app->undo = false;
    answer_stop(self, app, WEFT_OK);
}

static void stop_one(weft_self *self, struct app *app) {
    WEFT_ASSERT(app->state == WEFT_APP_RUNNING);
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    app->state = WEFT_APP_STOPPING;
    if (weft_pid_is_none(app->master)) {
        settle_down(self, app, &shutdown);
    } else {
        weft_exit(self, app->master, &shutdown);
    }
}

static bool is_stopping(const struct weft_sched *sched) {
    if (sched->apps == NULL) return false;
    struct weft_link *list = &sched->apps->apps;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        if (WEFT_CONTAINER(at, struct app, link)->state == WEFT_APP_STOPPING) return true;
    }
    return false;
}

/* The last started of those that run: of all, or of those to undo. */
static struct app *newest(const struct weft_sched *sched, bool undo) {
    struct app *found = NULL;
    if (sched->apps == NULL) return NULL;
    struct weft_link *list = &sched->apps->apps;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct app *app = WEFT_CONTAINER(at, struct app, link);
        if (app->state != WEFT_APP_RUNNING || (undo && !app->undo)) continue;
        if (found == NULL || app->started > found->started) found = app;
    }
    return found;
}

/* One after the other: the next is told to stop when the one before has ended. */
static void stop_next(weft_self *self) {
    const struct controller *controller = weft_state(self);
    struct app *app;
    while (!is_stopping(self->sched) && (app = newest(self->sched, !controller->ending)) != NULL)
        stop_one(self, app);
    if (!controller->ending || is_stopping(self->sched)) return;
    struct weft_reason why = controller->why;
    weft_stop(self, &why);
}

static void end_all(weft_self *self, const struct weft_reason *why) {
    struct controller *controller = weft_state(self);
    if (controller->ending) return;
    controller->ending = true;
    controller->why = *why;
    stop_next(self);
}

/* --- an application that ended by itself --- */

static bool ends_node(enum weft_restart type, const struct weft_reason *why) {
    if (type == WEFT_TRANSIENT) return why->kind != WEFT_REASON_NORMAL;
    return type == WEFT_PERMANENT;
}

static void on_end(weft_self *self, struct app *app, const struct weft_reason *why) {
    bool asked = app->state == WEFT_APP_STOPPING;
    bool fatal = !asked && ends_node(app->type, why);
    static const char *const types[] = {"permanent", "transient", "temporary"};
    const char *type = types[app->type];
    settle_down(self, app, why);
    if (!asked)
        weft_log(weft_self_env(self), fatal ? WEFT_LOG_ERROR : WEFT_LOG_WARN,
                 "application %s (%s) ended: %s %d%s%s", name_of(app), type,
                 weft_reason_name(why->kind), why->code, why->text[0] != '\0' ? ": " : "",
                 why->text);
    if (!fatal) return;
    struct weft_reason reason =
        weft_reason_text(WEFT_REASON_ERROR, why->code, "application %.31s ended: %.10s %.28s",
                         name_of(app), weft_reason_name(why->kind), why->text);
    weft_halt(self, &reason);
}

static void on_exit_signal(weft_self *self, const struct weft_msg *msg) {
    if (weft_pid_equal(msg->from, weft_self_parent(self))) {
        end_all(self, msg->reason);
        return;
    }
    struct app *app = weft_otp__app_by_id(self->sched, (uint16_t)msg->tag);
    if (app == NULL || !weft_pid_equal(app->master, msg->from)) return;
    on_end(self, app, msg->reason);
    stop_next(self);
}

/* --- requests --- */

struct request {
    uint32_t type;
    char name[WEFT_APP_NAME_MAX];
};

static void answer(weft_self *self, const struct weft_msg *call, int rv,
                   const struct starting *starting) {
    struct weft_call to = weft_call_of(call);
    struct weft_bytes data = weft_bytes_text(starting->why.text);
    if (rv == WEFT_OK) data = weft_bytes(starting->list, starting->list_size);
    weft_reply(self, &to, rv, data);
}

static void on_start(weft_self *self, const struct weft_msg *call, const struct request *request) {
    struct starting starting = {.type = (enum weft_restart)request->type};
    struct app *app = weft_otp__app_find(self->sched, request->name);
    int rv = app == NULL ? refuse(&starting, WEFT_ERR_NOT_FOUND, "it is not loaded")
                         : start_one(self, app, &starting);
    answer(self, call, rv, &starting);
}

static void forget_undo(const struct weft_sched *sched) {
    struct app *app;
    while ((app = newest(sched, true)) != NULL) app->undo = false;
}

static void on_ensure(weft_self *self, const struct weft_msg *call, const struct request *request) {
    struct starting starting = {.type = (enum weft_restart)request->type};
    int rv = ensure(self, request->name, &starting);
    if (rv == WEFT_OK) forget_undo(self->sched);
    answer(self, call, rv, &starting);
    stop_next(self);
}

static void on_stop(weft_self *self, const struct weft_msg *call, const struct request *request) {
    struct app *app = weft_otp__app_find(self->sched, request->name);
    if (app == NULL || app->state != WEFT_APP_RUNNING) {
        int rv = app == NULL ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IN_USE;
        if (app != NULL && app->state == WEFT_APP_LOADED) rv = WEFT_ERR_NOT_STARTED;
        weft_reply_error(self, call, rv);
        return;
    }
    app->asker = weft_call_of(call);
    stop_one(self, app);
}

static void on_call(weft_self *self, const struct weft_msg *call) {
    const struct controller *controller = weft_state(self);
    struct request request;
    if (call->data.size != sizeof request) {
        weft_reply_error(self, call, WEFT_ERR_MALFORMED);
        return;
    }
    memcpy(&request, call->data.data, sizeof request);
    if (!weft_otp__app_name_valid(request.name) || request.type > WEFT_TEMPORARY) {
        weft_reply_error(self, call, WEFT_ERR_INVAL);
    } else if (controller->ending) {
        weft_reply_error(self, call, WEFT_ERR_CLOSED);
    } else if (call->tag == APP_START) {
        on_start(self, call, &request);
    } else if (call->tag == APP_ENSURE) {
        on_ensure(self, call, &request);
    } else if (call->tag == APP_STOP) {
        on_stop(self, call, &request);
    } else {
        weft_reply_error(self, call, WEFT_ERR_UNSUPPORTED);
    }
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    if (info->kind == WEFT_MSG_EXIT) on_exit_signal(self, info);
}

/* --- its own start --- */

/* What is left of applications that a controller before this one ran: they are ending, but may
 * hold names that they are about to be started with again. */
static void kill_left(weft_self *self) {
    struct weft_sched *sched = self->sched;
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    for (uint32_t i = 0; i < sched->slots.count; i++) {
        const struct weft_process *proc = weft_otp__table_at(sched, i);
        if (proc != NULL && proc->app != 0) weft_exit(self, proc->pid, &kill);
    }
}

static void forget_running(weft_self *self) {
    const struct weft_sched *sched = self->sched;
    if (sched->apps == NULL) return;
    kill_left(self);
    struct weft_link *list = &sched->apps->apps;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct app *app = WEFT_CONTAINER(at, struct app, link);
        app->state = WEFT_APP_LOADED;
        app->master = app->top = WEFT_PID_NONE;
        app->asker = (struct weft_call){.ref = 0};
    }
}

static int load_one(weft_self *self, const struct weft_app_spec *spec, struct weft_reason *why) {
    struct weft_sched *sched = self->sched;
    int rv = weft_app_load(self, spec->application, why);
    struct app *app = weft_otp__app_find(sched, weft_app_name(spec->application));
    bool same = app != NULL && (app->changed || app->spec == spec->application);
    bool again = rv == WEFT_ERR_EXISTS && same;
    if (again) return WEFT_OK;
    for (size_t i = 0; rv == WEFT_OK && i < spec->env_count; i++) {
        rv = weft_app_set_env(self, name_of(app), spec->env[i].key, spec->env[i].value);
        if (rv != WEFT_OK)
            *why = weft_reason_text(WEFT_REASON_ERROR, rv, "application %.31s, key %.20s: %s",
                                    name_of(app), spec->env[i].key, weft_error_text(rv));
    }
    return rv;
}

static int start_all(weft_self *self, struct weft_reason *why) {
    const struct controller *controller = weft_state(self);
    int rv = WEFT_OK;
    for (size_t i = 0; rv == WEFT_OK && i < controller->config.apps_count; i++) {
        const struct weft_app_spec *spec = &controller->config.apps[i];
        struct starting starting = {.type = spec->type};
        if (spec->load_only) continue;
        rv = ensure(self, weft_app_name(spec->application), &starting);
        *why = starting.why;
    }
    forget_undo(self->sched);
    return rv;
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct controller *controller = weft_state(self);
    WEFT_ASSERT(arg.size == sizeof controller->config);
    memcpy(&controller->config, arg.data, sizeof controller->config);
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    int rv = WEFT_OK;
    weft_trap_exit(self, true);
    weft_trap_parent_exit(self, true);
    forget_running(self);
    for (size_t i = 0; rv == WEFT_OK && i < controller->config.apps_count; i++)
        rv = load_one(self, &controller->config.apps[i], &why);
    if (rv == WEFT_OK) rv = start_all(self, &why);
    if (rv != WEFT_OK) weft_stop(self, &why);
    return rv;
}

WEFT_GEN_SERVER(weft_app_controller, .name = "application_controller", .version = 1,
                .state_size = sizeof(struct controller), .init = on_init, .handle_call = on_call,
                .handle_info = on_info);

/* --- asking --- */

static int ask(weft_self *self, enum app_tag tag, const char *name, enum weft_restart type,
               weft_ref *ref) {
    WEFT_ASSERT(name != NULL);
    WEFT_ASSERT(ref != NULL);
    struct request request;
    weft_pid controller = weft_whereis(self, WEFT_APP_NAME);
    memset(&request, 0, sizeof request);
    *ref = 0;
    if (!weft_otp__app_name_valid(name)) return WEFT_ERR_INVAL;
    if (weft_pid_is_none(controller)) return WEFT_ERR_NO_PROC;
    request.type = (uint32_t)type;
    memcpy(request.name, name, strlen(name) + 1);
    return weft_call(self, controller, (uint32_t)tag, weft_bytes(&request, sizeof request),
                     STOP_TIMEOUT, ref);
}

int weft_app_start(weft_self *self, const char *name, enum weft_restart type, weft_ref *ref) {
    return ask(self, APP_START, name, type, ref);
}

int weft_app_ensure_all_started(weft_self *self, const char *name, enum weft_restart type,
                                weft_ref *ref) {
    return ask(self, APP_ENSURE, name, type, ref);
}

int weft_app_stop(weft_self *self, const char *name, weft_ref *ref) {
    return ask(self, APP_STOP, name, WEFT_PERMANENT, ref);
}
