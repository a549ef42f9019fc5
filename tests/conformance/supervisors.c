/* Supervisors: restarts, order, intensity, starts that fail, ends, requests. */
#include "tests/conformance/stage.h"

#include "core/base/assert.h"

#include <string.h>

static weft_pid sup;
static int sup_rv;

/* --- children: "a", "b", "c", registered under their ids; all trap exits --- */

#define STUBBORN 1 /* does not end when told to */
#define FAILS 2    /* does not start */
#define FAILS_LATER 4
#define IGNORES 8

struct kid_arg {
    char id;
    unsigned char options;
};

static uint32_t starts;

static int kid_starts(unsigned options) {
    starts++;
    if (options & IGNORES) return WEFT_ERR_IGNORE;
    if (options & FAILS) return WEFT_ERR_IO;
    if ((options & FAILS_LATER) && starts > 1) return WEFT_ERR_AGAIN;
    return WEFT_OK;
}

static int kid_init(weft_self *self, struct weft_bytes arg) {
    struct kid_arg *kid = weft_state(self);
    memcpy(kid, arg.data, sizeof *kid);
    weft_trap_exit(self, true);
    weft_trap_parent_exit(self, (kid->options & STUBBORN) != 0);
    int rv = kid_starts(kid->options);
    if (rv == WEFT_OK) say("started %c", kid->id);
    return rv;
}

static void kid_handle(weft_self *self, const struct weft_msg *msg) { (void)obey(self, msg); }

static void kid_terminate(weft_self *self, const struct weft_reason *why) {
    const struct kid_arg *kid = weft_state(self);
    if (why->kind == WEFT_REASON_SHUTDOWN) say("terminating %c %s", kid->id, why_text(why));
}

static WEFT_PROCESS(kid_v1, .name = "kid", .state_size = sizeof(struct kid_arg), .init = kid_init,
                    .handle = kid_handle, .terminate = kid_terminate);

static struct kid_arg args[3];

static struct weft_child_spec kid(const char *id, unsigned options) {
    struct kid_arg *arg = &args[id[0] - 'a'];
    *arg = (struct kid_arg){id[0], (unsigned char)options};
    return (struct weft_child_spec){
        .id = id, .name = id, .behaviour = &kid_v1, .arg = weft_bytes(arg, sizeof *arg)};
}

static weft_pid pid_of(const char *id) { return weft_sched_whereis(stage_sched(), id); }

/* --- the supervisor, started by the judge --- */

static struct weft_child_spec specs[3];
static struct weft_sup_config config;

static void start_sup(weft_self *self) {
    struct weft_spawn spawn = {
        .behaviour = &weft_supervisor, .arg = weft_bytes(&config, sizeof config), .link = true};
    sup_rv = weft_spawn(self, &spawn, &sup);
}

static void open_sup(size_t children) {
    config.children = specs;
    config.children_count = children;
    starts = 0;
    in(judge, start_sup);
}

static void configure(void) {
    config = (struct weft_sup_config){.strategy = WEFT_ONE_FOR_ONE};
    specs[0] = kid("a", 0);
    specs[1] = kid("b", 0);
    specs[2] = kid("c", 0);
}

/* --- requests --- */

static struct {
    const char *id;
    int (*by_id)(weft_self *self, weft_pid sup, const char *id, weft_ref *ref);
    int (*plain)(weft_self *self, weft_pid sup, weft_ref *ref);
} request;

static void ask_by_id(weft_self *self) {
    weft_ref ref;
    int rv = request.by_id(self, sup, request.id, &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void ask_plain(weft_self *self) {
    weft_ref ref;
    int rv = request.plain(self, sup, &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static const char *answer_text(void) {
    switch (answer.status) {
    case WEFT_OK:
        return "ok";
    case WEFT_ERR_IN_USE:
        return "running";
    case WEFT_ERR_NOT_FOUND:
        return "not found";
    case WEFT_ERR_EXISTS:
        return "already started";
    case WEFT_ERR_UNSUPPORTED:
        return "refused";
    default:
        return weft_error_name(answer.status);
    }
}

static void asked(int (*by_id)(weft_self *, weft_pid, const char *, weft_ref *), const char *id) {
    request.by_id = by_id;
    request.id = id;
    in(judge, ask_by_id);
}

static void say_asked(int (*by_id)(weft_self *, weft_pid, const char *, weft_ref *),
                      const char *id) {
    asked(by_id, id);
    say("%s", answer_text());
}

static void which(void) {
    request.plain = weft_sup_which_children;
    in(judge, ask_plain);
    WEFT_ASSERT(answer.status == WEFT_OK);
}

static void say_which(void) {
    which();
    size_t count = answer.size / sizeof(struct weft_child_info);
    if (count == 0) say("none");
    for (size_t i = 0; i < count; i++) {
        const struct weft_child_info *info = &answer.as.infos[i];
        say("%s %s", info->id, weft_pid_is_none(info->pid) ? "not running" : "running");
    }
}

static void say_counts(void) {
    request.plain = weft_sup_count_children;
    in(judge, ask_plain);
    const struct weft_child_counts *counts = &answer.as.counts;
    say("specs %u active %u supervisors %u workers %u", counts->specs, counts->active,
        counts->supervisors, counts->workers);
}

/* --- restart types x reasons: a: restart, b: how it ends --- */

enum { BY_NORMAL, BY_SHUTDOWN, BY_SHUTDOWN_X, BY_BOOM, BY_KILL };

static void stop_shutdown(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_stop(self, &why);
}

static void stop_shutdown_x(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 5);
    weft_stop(self, &why);
}

static void end_kid(weft_pid pid, int how) {
    static void (*const orders[])(weft_self *) = {stop_normal, stop_shutdown, stop_shutdown_x,
                                                  stop_boom};
    if (how == BY_KILL) {
        send_exit(pid, weft_reason(WEFT_REASON_KILL, 0));
    } else {
        in(pid, orders[how]);
    }
}

static void play_restart(const struct scene *scene) {
    configure();
    config.intensity = 10;
    config.period = WEFT_S(10);
    specs[0].restart = (enum weft_restart)scene->a;
    open_sup(1);
    weft_pid before = pid_of("a");
    end_kid(before, scene->b);
    hush();
    which();
    size_t count = answer.size / sizeof(struct weft_child_info);
    if (count == 0) {
        say("spec removed");
    } else if (weft_pid_is_none(answer.as.infos[0].pid)) {
        say("spec kept, not running");
    } else {
        say(weft_pid_equal(answer.as.infos[0].pid, before) ? "not ended" : "restarted");
    }
}

/* --- strategies: a: strategy, b: whom it hits --- */

static void play_order(const struct scene *scene) {
    const char id[] = {(char)scene->b, '\0'};
    configure();
    config.strategy = (enum weft_strategy)scene->a;
    config.intensity = 10;
    config.period = WEFT_S(10);
    open_sup(3);
    hush();
    end_kid(pid_of(id), BY_KILL);
}

static void play_shutdown(const struct scene *scene) {
    (void)scene;
    configure();
    open_sup(3);
    hush();
    parent_exit(sup, weft_reason(WEFT_REASON_SHUTDOWN, 0));
}

/* --- intensity: a: intensity, b: ms between kills --- */

static void play_intensity(const struct scene *scene) {
    configure();
    config.intensity = (uint32_t)scene->a;
    config.intensity_zero = scene->a == 0;
    config.period = scene->b > 0 ? WEFT_S(1) : WEFT_S(5);
    open_sup(1);
    int kills = 0;
    while (kills < 6 && alive(sup)) {
        hush();
        end_kid(pid_of("a"), BY_BOOM);
        kills++;
        pass(WEFT_MS(scene->b));
    }
    if (alive(sup)) {
        hush();
        say("six restarts survived");
    } else {
        say("at kill %d", kills);
    }
}

/* --- starts --- */

static void say_start_result(void) {
    if (sup_rv == WEFT_OK) {
        say("started");
    } else if (sup_rv == WEFT_ERR_INVAL) {
        say("refused");
    } else {
        say("failed to start");
    }
}

static void play_start_fails(const struct scene *scene) {
    (void)scene;
    configure();
    specs[2] = kid("c", FAILS);
    open_sup(3);
    say_start_result();
}

static void play_ignore(const struct scene *scene) {
    (void)scene;
    configure();
    specs[0] = kid("a", IGNORES);
    open_sup(1);
    say_which();
}

static void play_same_id(const struct scene *scene) {
    (void)scene;
    configure();
    specs[1] = kid("a", 0);
    open_sup(2);
    say_start_result();
}

static void play_retries(const struct scene *scene) {
    (void)scene;
    configure();
    config.intensity = 3;
    config.period = WEFT_S(10);
    specs[0] = kid("a", FAILS_LATER);
    open_sup(1);
    hush();
    end_kid(pid_of("a"), BY_KILL);
    say("%u starts", starts);
}

/* --- stopping one child: a: options of it, b: shutdown --- */

enum { KILL_IT, TIME_100, TIME_1000 };

static void play_stop_child(const struct scene *scene) {
    static const weft_duration times[] = {WEFT_BRUTAL_KILL, WEFT_MS(100), WEFT_S(1)};
    configure();
    specs[0] = kid("a", (unsigned)scene->a);
    specs[0].shutdown = times[scene->b];
    open_sup(1);
    watch(pid_of("a"));
    hush();
    answer.status = WEFT_ERR_AGAIN;
    asked(weft_sup_terminate_child, "a");
    const char *when = answer.status == WEFT_ERR_AGAIN ? "after 100 ms" : "at once";
    pass(WEFT_MS(99));
    if (answer.status != WEFT_ERR_AGAIN && strcmp(when, "at once") != 0) when = "too early";
    pass(WEFT_MS(1));
    say("%s %s", answer_text(), when);
}

/* --- requests --- */

static void play_requests(const struct scene *scene) {
    (void)scene;
    configure();
    open_sup(1);
    hush();
    say_asked(weft_sup_delete_child, "a");
    say_asked(weft_sup_terminate_child, "a");
    say_which();
    say_asked(weft_sup_restart_child, "a");
    say_asked(weft_sup_restart_child, "a");
    say_asked(weft_sup_terminate_child, "a");
    say_asked(weft_sup_delete_child, "a");
    say_asked(weft_sup_terminate_child, "a");
}

static void play_temporary(const struct scene *scene) {
    (void)scene;
    configure();
    specs[0].restart = WEFT_TEMPORARY;
    open_sup(1);
    hush();
    say_asked(weft_sup_terminate_child, "a");
    say_which();
    say_asked(weft_sup_restart_child, "a");
}

static int start_again(weft_self *self, weft_pid to, const char *id, weft_ref *ref) {
    struct weft_child_spec spec = kid(id, 0);
    return weft_sup_start_child(self, to, &spec, ref);
}

static void play_start_same_id(const struct scene *scene) {
    (void)scene;
    configure();
    open_sup(1);
    hush();
    say_asked(start_again, "a");
}

/* --- auto_shutdown: a: which, b: how many of the significant children end --- */

static void play_auto(const struct scene *scene) {
    configure();
    config.auto_shutdown = (enum weft_auto_shutdown)scene->a;
    specs[0].significant = specs[1].significant = true;
    specs[0].restart = WEFT_TRANSIENT;
    specs[1].restart = WEFT_TEMPORARY;
    open_sup(3);
    hush();
    end_kid(pid_of("a"), BY_NORMAL);
    if (scene->b > 1) end_kid(pid_of("b"), BY_NORMAL);
    if (alive(sup)) say_which();
}

/* a: auto_shutdown, b: restart of a significant child */
static void play_significant(const struct scene *scene) {
    configure();
    config.auto_shutdown = (enum weft_auto_shutdown)scene->a;
    specs[0].significant = true;
    specs[0].restart = (enum weft_restart)scene->b;
    open_sup(1);
    say_start_result();
}

/* --- simple_one_for_one --- */

static void start_simple(weft_self *self) {
    weft_ref ref;
    int rv = weft_sup_start_simple(self, sup, weft_bytes(NULL, 0), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_simple(const struct scene *scene) {
    (void)scene;
    configure();
    config.strategy = WEFT_SIMPLE_ONE_FOR_ONE;
    specs[0].name = NULL;
    open_sup(1);
    in(judge, start_simple);
    hush();
    say_asked(weft_sup_terminate_child, "a");
    say_asked(weft_sup_restart_child, "a");
    say_asked(weft_sup_delete_child, "a");
    which();
    say("- %s", weft_pid_is_none(answer.as.infos[0].pid) ? "not running" : "running");
    say_counts();
}

/* --- junk: a message, or a cast, that no supervisor knows --- */

static void send_junk(weft_self *self) {
    int rv = weft_send(self, sup, 0x7a7a, weft_bytes_text("junk"));
    WEFT_ASSERT(rv == WEFT_OK);
}

static void play_junk(const struct scene *scene) {
    (void)scene;
    configure();
    open_sup(0);
    in(judge, send_junk);
    say_counts();
}

static void play_junk_cast(const struct scene *scene) {
    (void)scene;
    configure();
    open_sup(0);
    in(judge, send_junk);
    if (alive(sup)) say("alive");
}

static const struct scene scenes[] = {
    {"sup.restart.permanent.normal", play_restart, WEFT_PERMANENT, BY_NORMAL},
    {"sup.restart.permanent.shutdown", play_restart, WEFT_PERMANENT, BY_SHUTDOWN},
    {"sup.restart.permanent.{shutdown,x}", play_restart, WEFT_PERMANENT, BY_SHUTDOWN_X},
    {"sup.restart.permanent.boom", play_restart, WEFT_PERMANENT, BY_BOOM},
    {"sup.restart.permanent.kill", play_restart, WEFT_PERMANENT, BY_KILL},
    {"sup.restart.transient.normal", play_restart, WEFT_TRANSIENT, BY_NORMAL},
    {"sup.restart.transient.shutdown", play_restart, WEFT_TRANSIENT, BY_SHUTDOWN},
    {"sup.restart.transient.{shutdown,x}", play_restart, WEFT_TRANSIENT, BY_SHUTDOWN_X},
    {"sup.restart.transient.boom", play_restart, WEFT_TRANSIENT, BY_BOOM},
    {"sup.restart.transient.kill", play_restart, WEFT_TRANSIENT, BY_KILL},
    {"sup.restart.temporary.normal", play_restart, WEFT_TEMPORARY, BY_NORMAL},
    {"sup.restart.temporary.shutdown", play_restart, WEFT_TEMPORARY, BY_SHUTDOWN},
    {"sup.restart.temporary.{shutdown,x}", play_restart, WEFT_TEMPORARY, BY_SHUTDOWN_X},
    {"sup.restart.temporary.boom", play_restart, WEFT_TEMPORARY, BY_BOOM},
    {"sup.restart.temporary.kill", play_restart, WEFT_TEMPORARY, BY_KILL},
    {"sup.order.one_for_one.kill_a", play_order, WEFT_ONE_FOR_ONE, 'a'},
    {"sup.order.one_for_one.kill_b", play_order, WEFT_ONE_FOR_ONE, 'b'},
    {"sup.order.one_for_one.kill_c", play_order, WEFT_ONE_FOR_ONE, 'c'},
    {"sup.order.one_for_all.kill_a", play_order, WEFT_ONE_FOR_ALL, 'a'},
    {"sup.order.one_for_all.kill_b", play_order, WEFT_ONE_FOR_ALL, 'b'},
    {"sup.order.one_for_all.kill_c", play_order, WEFT_ONE_FOR_ALL, 'c'},
    {"sup.order.rest_for_one.kill_a", play_order, WEFT_REST_FOR_ONE, 'a'},
    {"sup.order.rest_for_one.kill_b", play_order, WEFT_REST_FOR_ONE, 'b'},
    {"sup.order.rest_for_one.kill_c", play_order, WEFT_REST_FOR_ONE, 'c'},
    {"sup.shutdown_order", play_shutdown, 0, 0},
    {"sup.intensity.default_1_in_5", play_intensity, 1, 0},
    {"sup.intensity.0", play_intensity, 0, 0},
    {"sup.intensity.1_in_1_kills_2100ms_apart", play_intensity, 1, 2100},
    {"sup.start_fail_terminates_started", play_start_fails, 0, 0},
    {"sup.child_ignore", play_ignore, 0, 0},
    {"sup.dup_id", play_same_id, 0, 0},
    {"sup.brutal_kill", play_stop_child, 0, KILL_IT},
    {"sup.shutdown_timeout_kills", play_stop_child, STUBBORN, TIME_100},
    {"sup.shutdown_graceful", play_stop_child, 0, TIME_1000},
    {"sup.auto_shutdown.any", play_auto, WEFT_AUTO_ANY_SIGNIFICANT, 1},
    {"sup.auto_shutdown.all_one_left", play_auto, WEFT_AUTO_ALL_SIGNIFICANT, 1},
    {"sup.auto_shutdown.all", play_auto, WEFT_AUTO_ALL_SIGNIFICANT, 2},
    {"sup.auto_shutdown.never_significant_rejected", play_significant, WEFT_AUTO_NEVER,
     WEFT_TRANSIENT},
    {"sup.significant_permanent_rejected", play_significant, WEFT_AUTO_ANY_SIGNIFICANT,
     WEFT_PERMANENT},
    {"sup.terminate_restart_delete", play_requests, 0, 0},
    {"sup.terminate_temporary_deletes", play_temporary, 0, 0},
    {"sup.start_child_dup", play_start_same_id, 0, 0},
    {"sup.simple.terminate_by_id", play_simple, 0, 0},
    {"sup.restart_failure_retries_until_intensity", play_retries, 0, 0},
    {"sup.exit_reason_on_max_intensity", play_intensity, 0, 0},
    {"sup.junk_info_ignored", play_junk, 0, 0},
    {"sup.junk_cast_kills_it", play_junk_cast, 0, 0},
};

const struct scenes supervisor_scenes = {scenes, sizeof scenes / sizeof scenes[0]};
