/* The application controller. */
#include "core/otp/application.h"

#include "core/otp/app_internal.h"
#include "core/otp/gen_server.h"

#define STOP_TIMEOUT WEFT_TIME_NEVER /* each child of an application has its own time */

enum app_tag { APP_START = 0x61707000, APP_ENSURE, APP_STOP };

/* A start on its way, with what to say when it fails. */
struct starting {
    enum weft_restart type;
    struct weft_reason why;
    size_t list_size; /* names started, for ensure_all_started */
    char list[WEFT_APPS_MAX * WEFT_APP_NAME_MAX];
};

struct request {
    uint32_t type;
    char name[WEFT_APP_NAME_MAX];
};

/* A start that has succeeded here, and waits for the other schedulers. */
struct start {
    struct weft_call asker;
    struct app_parts parts;
    int rv; /* the first error */
    struct starting starting;
};

/* A request that waits until that start is over. */
struct waiting {
    struct weft_link link;
    struct weft_call asker;
    uint32_t tag;
    struct request request;
};

/* I1  ending: nothing is started any more; applications stop one after the other, then this
 * I2  only while `start` is set requests wait, and what it started is marked `undo` */
struct controller {
    struct weft_app_config config;
    bool ending;
    struct weft_reason why;
    struct start *start; /* NULL: none */
    struct weft_link waiting;
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
static const char *missing(const weft_self *self, const struct weft_application *spec) {
    for (size_t i = 0; i < WEFT_APP_DEPENDENCIES_MAX && spec->dependencies[i] != NULL; i++) {
        const struct app *needed = weft_otp__app_find(self->sched, spec->dependencies[i]);
        if (needed == NULL) return spec->dependencies[i];
        if (!weft_otp__app_is_mine(self, needed->spec)) continue;
        if (needed->state != WEFT_APP_RUNNING) return spec->dependencies[i];
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
    const char *needed = missing(self, app->spec);
    if (needed != NULL) return refuse(starting, WEFT_ERR_NOT_STARTED, needed);
    if (has_process(app->spec)) {
        app->held = true; /* its callbacks may ask for anything */
        int rv = start_master(self, app, starting);
        app->held = false;
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

static int ensure(weft_self *self, const char *name, struct starting *starting);

/* What it needs first, depth first; circles were refused when loading. */
static int ensure_needed(weft_self *self, struct app *app, struct starting *starting) {
    int rv = WEFT_OK;
    app->held = true;
    for (size_t i = 0; rv == WEFT_OK && i < WEFT_APP_DEPENDENCIES_MAX; i++) {
        if (app->spec->dependencies[i] == NULL) break;
        rv = ensure(self, app->spec->dependencies[i], starting);
    }
    app->held = false;
    return rv;
}

static int ensure(weft_self *self, const char *name, struct starting *starting) {
    struct app *app = weft_otp__app_find(self->sched, name);
    if (app == NULL) {
        starting->why = weft_reason_text(WEFT_REASON_START, WEFT_ERR_NOT_FOUND,
                                         "application %.31s is not loaded", name);
        return WEFT_ERR_NOT_FOUND;
    }
    if (app->state == WEFT_APP_RUNNING) return WEFT_OK;
    int rv = ensure_needed(self, app, starting);
    if (rv == WEFT_OK && !weft_otp__app_is_mine(self, app->spec)) return WEFT_OK;
    if (rv == WEFT_OK) rv = start_one(self, app, starting);
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
    bool ran = !app->absent || app->part_ran;
    if (!app->absent) trace_down(self, app, why);
    app->state = WEFT_APP_LOADED;
    app->master = app->top = WEFT_PID_NONE;
    app->undo = app->absent = app->part_ran = false;
    answer_stop(self, app, ran ? WEFT_OK : WEFT_ERR_NOT_STARTED);
}

/* The part here, when the others have ended. */
static void stop_own(weft_self *self, struct app *app) {
    WEFT_ASSERT(app->state == WEFT_APP_STOPPING);
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    if (weft_pid_is_none(app->master)) {
        settle_down(self, app, &shutdown);
    } else {
        weft_exit(self, app->master, &shutdown);
    }
}

static void stop_one(weft_self *self, struct app *app) {
    WEFT_ASSERT(app->state != WEFT_APP_STOPPING);
    struct request request = {.type = WEFT_TEMPORARY};
    memcpy(request.name, name_of(app), strlen(name_of(app)));
    app->absent = app->state == WEFT_APP_LOADED;
    app->state = WEFT_APP_STOPPING;
    if (app->spec->each) /* one whose controller is away runs nothing */
        (void)weft_otp__app_parts_ask(self, &app->parts, APP_STOP,
                                      weft_bytes(&request, sizeof request));
    if (app->parts.waiting == 0) stop_own(self, app);
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
    if (controller->start != NULL && !controller->ending) return; /* I2 */
    while (!is_stopping(self->sched) && (app = newest(self->sched, !controller->ending)) != NULL)
        stop_one(self, app);
    if (!controller->ending || is_stopping(self->sched)) return;
    struct weft_reason why = controller->why;
    weft_stop(self, &why);
}

static void refuse_waiting(weft_self *self) {
    struct controller *controller = weft_state(self);
    for (struct weft_link *at; (at = weft_list_pop_front(&controller->waiting)) != NULL;) {
        struct waiting *waiting = WEFT_CONTAINER(at, struct waiting, link);
        weft_reply(self, &waiting->asker, WEFT_ERR_CLOSED, no_bytes());
        weft_free(self, waiting);
    }
}

static void end_all(weft_self *self, const struct weft_reason *why) {
    struct controller *controller = weft_state(self);
    if (controller->ending) return;
    controller->ending = true;
    controller->why = *why;
    refuse_waiting(self);
    stop_next(self);
}

/* --- an application that ended by itself --- */

static bool ends_node(enum weft_restart type, const struct weft_reason *why) {
    if (type == WEFT_TRANSIENT) return why->kind != WEFT_REASON_NORMAL;
    return type == WEFT_PERMANENT;
}

static void on_end(weft_self *self, struct app *app, const struct weft_reason *why) {
    const struct controller *controller = weft_state(self);
    bool asked = app->state == WEFT_APP_STOPPING;
    /* A node that ends already does so for its own reason. */
    bool fatal = !asked && !controller->ending && ends_node(app->type, why);
    static const char *const types[] = {"permanent", "transient", "temporary"};
    const char *type = types[app->type];
    if (app->parts.waiting > 0) {
        app->master = WEFT_PID_NONE; /* stop_own settles it */
        return;
    }
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

static void forget_undo(const struct weft_sched *sched) {
    struct app *app;
    while ((app = newest(sched, true)) != NULL) app->undo = false;
}

/* It succeeded, here and elsewhere, or what it started is stopped. */
static void end_start(weft_self *self, const struct weft_call *to, int rv,
                      const struct starting *starting) {
    struct weft_bytes data = weft_bytes_text(starting->why.text);
    if (rv == WEFT_OK) data = weft_bytes(starting->list, starting->list_size);
    weft_reply(self, to, rv, data);
    if (rv == WEFT_OK) forget_undo(self->sched);
    stop_next(self);
}

static void note_part(struct start *start, uint32_t scheduler, const struct weft_msg *reply) {
    bool runs = reply->status == WEFT_OK || reply->status == WEFT_ERR_EXISTS;
    if (runs || start->rv != WEFT_OK) return;
    start->rv = reply->status;
    start->starting.why = weft_reason_text(
        WEFT_REASON_START, reply->status, "scheduler %u: %.*s", scheduler,
        reply->data.size < 60 ? (int)reply->data.size : 60, (const char *)reply->data.data);
}

/* False: it waits for nobody. */
static bool start_parts(weft_self *self, const struct waiting *asked,
                        const struct starting *starting) {
    struct controller *controller = weft_state(self);
    WEFT_ASSERT(controller->start == NULL);
    struct start *start = weft_alloc(self, sizeof *start);
    if (start == NULL) return false;
    *start = (struct start){.asker = asked->asker, .starting = *starting};
    struct weft_bytes request = weft_bytes(&asked->request, sizeof asked->request);
    if (!weft_otp__app_parts_ask(self, &start->parts, asked->tag, request)) {
        start->rv = refuse(&start->starting, WEFT_ERR_NO_PROC, "a scheduler has no controller");
    }
    if (start->parts.waiting > 0) {
        controller->start = start;
        return true;
    }
    end_start(self, &start->asker, start->rv, &start->starting);
    weft_free(self, start);
    return true;
}

static int start_named(weft_self *self, const struct request *request, struct starting *starting) {
    struct app *app = weft_otp__app_find(self->sched, request->name);
    if (app == NULL) return refuse(starting, WEFT_ERR_NOT_FOUND, "it is not loaded");
    if (!weft_otp__app_is_mine(self, app->spec)) return WEFT_OK;
    int rv = start_one(self, app, starting);
    if (rv == WEFT_OK) app->undo = true;
    return rv;
}

static void on_start(weft_self *self, const struct waiting *asked) {
    struct starting starting = {.type = (enum weft_restart)asked->request.type};
    int rv = asked->tag == APP_ENSURE ? ensure(self, asked->request.name, &starting)
                                      : start_named(self, &asked->request, &starting);
    bool elsewhere = rv == WEFT_OK && weft_otp__app_parts_count(self) > 0;
    if (elsewhere && start_parts(self, asked, &starting)) return;
    if (elsewhere) rv = refuse(&starting, WEFT_ERR_NOMEM, "no memory");
    end_start(self, &asked->asker, rv, &starting);
}

static void on_stop(weft_self *self, const struct waiting *asked) {
    struct app *app = weft_otp__app_find(self->sched, asked->request.name);
    bool elsewhere = app != NULL && app->spec->each && weft_otp__app_parts_count(self) > 0;
    bool stops = app != NULL &&
                 (app->state == WEFT_APP_RUNNING || (app->state == WEFT_APP_LOADED && elsewhere));
    if (!stops) {
        int rv = app == NULL ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IN_USE;
        if (app != NULL && app->state == WEFT_APP_LOADED) rv = WEFT_ERR_NOT_STARTED;
        weft_reply(self, &asked->asker, rv, no_bytes());
        return;
    }
    app->asker = asked->asker;
    stop_one(self, app);
}

static void serve(weft_self *self, const struct waiting *asked) {
    if (asked->tag == APP_STOP)
        on_stop(self, asked);
    else
        on_start(self, asked);
}

/* I2 */
static void wait_for_start(weft_self *self, const struct waiting *asked) {
    struct controller *controller = weft_state(self);
    struct waiting *waiting = weft_alloc(self, sizeof *waiting);
    if (waiting == NULL) {
        weft_reply(self, &asked->asker, WEFT_ERR_NOMEM, no_bytes());
        return;
    }
    *waiting = *asked;
    weft_list_init(&waiting->link);
    weft_list_push_back(&controller->waiting, &waiting->link);
}

static int read_request(weft_self *self, const struct weft_msg *call, struct waiting *asked) {
    const struct controller *controller = weft_state(self);
    if (call->data.size != sizeof asked->request) return WEFT_ERR_MALFORMED;
    *asked = (struct waiting){.asker = weft_call_of(call), .tag = call->tag};
    memcpy(&asked->request, call->data.data, sizeof asked->request);
    if (!weft_otp__app_name_valid(asked->request.name)) return WEFT_ERR_INVAL;
    if (asked->request.type > WEFT_TEMPORARY) return WEFT_ERR_INVAL;
    if (controller->ending) return WEFT_ERR_CLOSED;
    bool known = call->tag == APP_START || call->tag == APP_ENSURE || call->tag == APP_STOP;
    return known ? WEFT_OK : WEFT_ERR_UNSUPPORTED;
}

static void on_call(weft_self *self, const struct weft_msg *call) {
    const struct controller *controller = weft_state(self);
    struct waiting asked;
    int rv = read_request(self, call, &asked);
    if (rv != WEFT_OK) {
        weft_reply_error(self, call, rv);
    } else if (controller->start != NULL) {
        wait_for_start(self, &asked);
    } else {
        serve(self, &asked);
    }
}

/* --- what other schedulers answer --- */

static void on_parts_started(weft_self *self) {
    struct controller *controller = weft_state(self);
    struct start *start = controller->start;
    controller->start = NULL;
    end_start(self, &start->asker, controller->ending ? WEFT_ERR_CLOSED : start->rv,
              &start->starting);
    weft_free(self, start);
    while (controller->start == NULL && !weft_list_empty(&controller->waiting)) {
        struct weft_link *at = weft_list_pop_front(&controller->waiting);
        struct waiting *waiting = WEFT_CONTAINER(at, struct waiting, link);
        serve(self, waiting);
        weft_free(self, waiting);
    }
}

static void on_part_stopped(weft_self *self, const struct weft_msg *reply) {
    struct weft_link *list = &self->sched->apps->apps;
    for (struct weft_link *at = list->next; at != list; at = at->next) {
        struct app *app = WEFT_CONTAINER(at, struct app, link);
        if (weft_otp__app_parts_take(&app->parts, reply->ref) == 0) continue;
        app->part_ran = app->part_ran || reply->status == WEFT_OK;
        if (app->parts.waiting > 0) return;
        stop_own(self, app);
        stop_next(self);
        return;
    }
}

static void on_reply(weft_self *self, const struct weft_msg *reply) {
    const struct controller *controller = weft_state(self);
    struct start *start = controller->start;
    uint32_t part = start != NULL ? weft_otp__app_parts_take(&start->parts, reply->ref) : 0;
    if (part == 0) {
        on_part_stopped(self, reply);
        return;
    }
    note_part(start, part, reply);
    if (start->parts.waiting == 0) on_parts_started(self);
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    if (info->kind == WEFT_MSG_EXIT) on_exit_signal(self, info);
    if (info->kind == WEFT_MSG_REPLY) on_reply(self, info);
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
        app->held = app->absent = app->part_ran = app->undo = false;
        app->master = app->top = WEFT_PID_NONE;
        app->asker = (struct weft_call){.ref = 0};
        app->parts = (struct app_parts){.waiting = 0};
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
    weft_list_init(&controller->waiting);
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
