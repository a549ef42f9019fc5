/* The master of an application: its callbacks run here, and its top process is a child of this
 * one. So what a callback does wrong ends this application alone. */
#include "core/otp/app_internal.h"

/* I1  ending: prep_stop was called, and `stop` is when the top process has ended */
struct master {
    struct app_birth birth; /* first: app_change.c */
    weft_pid top;
    bool ending;
    struct weft_reason why; /* what it ends with, when ending */
};

static int start_tree(weft_self *self, const struct weft_application *spec, weft_pid *top) {
    struct weft_sup_config config = {.strategy = spec->strategy,
                                     .intensity = spec->intensity,
                                     .period = spec->period,
                                     .children = spec->children};
    while (config.children_count < WEFT_APP_CHILDREN_MAX &&
           spec->children[config.children_count].behaviour != NULL)
        config.children_count++;
    if (spec->tree != NULL) config = *spec->tree;
    return weft_spawn(self,
                      &(struct weft_spawn){.behaviour = &weft_supervisor,
                                           .arg = weft_bytes(&config, sizeof config),
                                           .link = true},
                      top);
}

/* The init fails with `rv`, and its caller reads why in weft_last_reason. */
static int fail(weft_self *self, int rv, const char *step, const char *what) {
    struct weft_reason why =
        weft_reason_text(WEFT_REASON_START, rv, "%s%s%s", step, step[0] != '\0' ? ": " : "", what);
    weft_stop(self, &why);
    return rv;
}

static int start_top(weft_self *self) {
    struct master *master = weft_state(self);
    const struct weft_application *spec = master->birth.spec;
    int rv = spec->start != NULL ? spec->start(self, master->birth.type, &master->top)
                                 : start_tree(self, spec, &master->top);
    if (rv != WEFT_OK) {
        const char *text = weft_last_reason(self)->text;
        return fail(self, rv, "", text[0] != '\0' ? text : weft_error_text(rv));
    }
    if (!weft_alive(self, master->top) || weft_pid_equal(master->top, weft_self_pid(self)))
        return fail(self, WEFT_ERR_INVAL, "start", "gave no process that runs");
    rv = weft_link(self, master->top);
    return rv == WEFT_OK ? WEFT_OK : fail(self, rv, "start", weft_error_text(rv));
}

static int run_phases(weft_self *self) {
    const struct master *master = weft_state(self);
    const struct weft_application *spec = master->birth.spec;
    for (size_t i = 0; i < WEFT_APP_PHASES_MAX && spec->phases[i] != NULL; i++) {
        if (spec->start_phase == NULL)
            return fail(self, WEFT_ERR_INVAL, spec->phases[i], "no start_phase to call");
        int rv = spec->start_phase(self, spec->phases[i]);
        if (rv != WEFT_OK) return fail(self, rv, spec->phases[i], weft_error_text(rv));
    }
    return WEFT_OK;
}

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct master *master = weft_state(self);
    WEFT_ASSERT(arg.size == sizeof master->birth);
    memcpy(&master->birth, arg.data, sizeof master->birth);
    self->app = master->birth.id; /* and so of all that it starts */
    weft_trap_exit(self, true);
    weft_trap_parent_exit(self, true);
    int rv = start_top(self);
    if (rv == WEFT_OK) rv = run_phases(self);
    if (rv == WEFT_OK) weft_otp__app_by_id(self->sched, self->app)->top = master->top;
    return rv;
}

static void prepare(weft_self *self, const struct weft_reason *why) {
    struct master *master = weft_state(self);
    WEFT_ASSERT(!master->ending);
    master->ending = true;
    master->why = *why;
    if (master->birth.spec->prep_stop != NULL) master->birth.spec->prep_stop(self);
}

static void finish(weft_self *self) {
    const struct master *master = weft_state(self);
    WEFT_ASSERT(master->ending);
    if (master->birth.spec->stop != NULL) master->birth.spec->stop(self);
    struct weft_reason why = master->why;
    weft_stop(self, &why);
}

/* Told to stop by the controller. However long the top process takes: its children have each
 * their own time. */
static void on_parent_exit(weft_self *self, const struct weft_reason *why) {
    struct master *master = weft_state(self);
    if (master->ending) return;
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    prepare(self, why);
    weft_exit(self, master->top, &shutdown);
}

static void on_top_exit(weft_self *self, const struct weft_reason *why) {
    const struct master *master = weft_state(self);
    if (!master->ending) prepare(self, why);
    finish(self);
}

static void on_message(weft_self *self, const struct weft_msg *msg) {
    const struct master *master = weft_state(self);
    if (msg->kind != WEFT_MSG_EXIT) return;
    bool of_parent = weft_pid_equal(msg->from, weft_self_parent(self));
    if (weft_pid_equal(msg->from, master->top) && !weft_alive(self, master->top)) {
        on_top_exit(self, msg->reason);
    } else if (of_parent) {
        on_parent_exit(self, msg->reason);
    }
}

WEFT_PROCESS(weft_otp__app_master, .name = "app_master", .version = 1,
             .state_size = sizeof(struct master), .init = on_init, .handle = on_message);
