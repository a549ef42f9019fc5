/* https://www.erlang.org/doc/man/application.html */
#include "core/otp/application.h"
#include "tests/unit/otp/fake_env.h"

#include <stdio.h>

static weft_pid client, controller;
static weft_ref ref;

/* --- a worker that says what it does and knows its application --- */

static int worker_init(weft_self *self, struct weft_bytes arg) {
    const char *app = weft_self_application(self);
    const char *port = weft_app_get_env(self, NULL, "port");
    note("%.*s up in %s%s%s", (int)arg.size, (const char *)arg.data, app != NULL ? app : "-",
         port != NULL ? " on " : "", port != NULL ? port : "");
    memcpy(weft_state(self), arg.data, arg.size);
    weft_trap_exit(self, true);
    return WEFT_OK;
}

enum { TAG_END = 1, TAG_FAULT };

static void worker_cast(weft_self *self, const struct weft_msg *msg) {
    if (msg->tag == TAG_END) stop_boom(self);
    if (msg->tag == TAG_FAULT) fault_assert(self);
}

static void worker_terminate(weft_self *self, const struct weft_reason *why) {
    note("%s down %s", (const char *)weft_state(self), why_text(why));
}

static WEFT_GEN_SERVER(worker, .name = "worker", .state_size = 16, .init = worker_init,
                       .handle_cast = worker_cast, .terminate = worker_terminate);

#define WORKER(id_)                                                                                \
    {                                                                                              \
        .id = id_, .name = id_, .behaviour = &worker, .arg = {(const unsigned char *)(id_), 1 }    \
    }

static int broken_init(weft_self *self, struct weft_bytes arg) {
    (void)self;
    (void)arg;
    return WEFT_ERR_UNSUPPORTED;
}
static WEFT_GEN_SERVER(broken, .name = "broken", .init = broken_init);

/* --- applications --- */

static void kv_prep(weft_self *self) { note("prep %s", weft_self_application(self)); }
static void kv_stop(weft_self *self) { note("stop %s", weft_self_application(self)); }
static int kv_phase(weft_self *self, const char *phase) {
    (void)self;
    note("phase %s", phase);
    return strcmp(phase, "bad") == 0 ? WEFT_ERR_REFUSED : WEFT_OK;
}

static WEFT_APPLICATION(store, .version = "1.0", .children = {WORKER("s")});
static WEFT_APPLICATION(kv, .version = "2.1", .description = "keys", .dependencies = {"store"},
                        .env = {{"port", "7000"}, {"size", "3"}}, .phases = {"warm", "go"},
                        .start_phase = kv_phase, .prep_stop = kv_prep, .stop = kv_stop,
                        .children = {WORKER("a"), WORKER("b")});
static WEFT_APPLICATION(web, .dependencies = {"kv"}, .children = {WORKER("w")});
static WEFT_APPLICATION(library, .name = "lib");
static WEFT_APPLICATION(failing, .dependencies = {"store"},
                        .children = {WORKER("f"), {.id = "g", .behaviour = &broken}});
static WEFT_APPLICATION(bad_phase, .phases = {"warm", "bad"}, .start_phase = kv_phase,
                        .children = {WORKER("p")});
static WEFT_APPLICATION(faulty_stop, .prep_stop = fault_assert, .children = {WORKER("q")});

static int one_worker(weft_self *master, enum weft_restart type, weft_pid *top) {
    note("start as %d", (int)type);
    return weft_spawn(
        master, &(struct weft_spawn){.behaviour = &worker, .arg = weft_bytes("o", 1), .name = "o"},
        top);
}
static WEFT_APPLICATION(own, .start = one_worker, .stop = kv_stop);
static int no_worker(weft_self *master, enum weft_restart type, weft_pid *top) {
    (void)master;
    (void)type;
    (void)top;
    return WEFT_OK;
}
static WEFT_APPLICATION(empty, .start = no_worker);
static int faulty_start(weft_self *master, enum weft_restart type, weft_pid *top) {
    (void)type;
    (void)top;
    fault_assert(master);
    return WEFT_OK;
}
static WEFT_APPLICATION(faulty, .start = faulty_start);

/* --- the node: a supervisor over the controller --- */

static struct weft_reason started_why;

static int open_apps(const struct weft_app_spec *apps, size_t count) {
    world_open_bare();
    struct weft_app_config config = {.apps = apps, .apps_count = count};
    struct weft_child_spec children[] = {{.id = "application",
                                          .name = WEFT_APP_NAME,
                                          .behaviour = &weft_app_controller,
                                          .arg = weft_bytes(&config, sizeof config),
                                          .shutdown = WEFT_INFINITY}};
    struct weft_sup_config root = {
        .children = children, .children_count = 1, .intensity = 9, .period = WEFT_S(10)};
    int rv = weft_sched_start(
        world.sched,
        &(struct weft_spawn){.behaviour = &weft_supervisor, .arg = weft_bytes(&root, sizeof root)},
        &world.root, &started_why);
    if (rv != WEFT_OK) return rv;
    settle();
    controller = weft_sched_whereis(world.sched, WEFT_APP_NAME);
    return rv;
}

/* Requests come from a process that an application of its own runs. */
static int client_top(weft_self *master, enum weft_restart type, weft_pid *top) {
    struct probe_arg arg = {.name = "client"};
    (void)type;
    int rv = weft_spawn(master,
                        &(struct weft_spawn){.behaviour = &probe_v1,
                                             .name = "client",
                                             .arg = weft_bytes(&arg, sizeof arg)},
                        top);
    return rv;
}
static WEFT_APPLICATION(tools, .start = client_top);

#define APP(app_, ...)                                                                             \
    { .application = &app_, .type = __VA_ARGS__ }

static const struct weft_app_spec all[] = {
    APP(tools, WEFT_TEMPORARY), APP(store, WEFT_PERMANENT, .load_only = true),
    APP(kv, WEFT_PERMANENT, .load_only = true), APP(web, WEFT_PERMANENT, .load_only = true)};

static void open_all(void) {
    CHECK_EQ_INT(open_apps(all, 4), WEFT_OK);
    client = weft_sched_whereis(world.sched, "client");
    name_pid(controller, "apps");
    world_log_clear();
}

static const char *app;
static enum weft_restart type;
static void ask_start(weft_self *self) {
    CHECK_EQ_INT(weft_app_start(self, app, type, &ref), WEFT_OK);
}
static void ask_ensure(weft_self *self) {
    CHECK_EQ_INT(weft_app_ensure_all_started(self, app, type, &ref), WEFT_OK);
}
static void ask_stop(weft_self *self) { CHECK_EQ_INT(weft_app_stop(self, app, &ref), WEFT_OK); }
static void start(const char *name, enum weft_restart as) {
    app = name;
    type = as;
    in(client, ask_start);
}
static void ensure(const char *name, enum weft_restart as) {
    app = name;
    type = as;
    in(client, ask_ensure);
}
static void stop(const char *name) {
    app = name;
    in(client, ask_stop);
}
static void cast(const char *name, uint32_t tag) {
    weft_pid pid = weft_sched_whereis(world.sched, name);
    CHECK_EQ_INT(weft_sched_send(world.sched, pid, tag, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
}
static void load(const struct weft_application *application, int expected) {
    struct weft_reason why = {.text = ""};
    CHECK_EQ_INT(weft_sched_app_load(world.sched, application, &why), expected);
    if (expected != WEFT_OK) note("%s", why.text);
}
static void end_node(void) {
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_sched_exit(world.sched, world.root, &shutdown);
    pass(WEFT_S(60));
    CHECK(weft_sched_ended(world.sched, NULL));
}

struct listing {
    char text[256];
};
static void list_one(void *ctx, const struct weft_app_info *info) {
    struct listing *listing = ctx;
    size_t used = strlen(listing->text);
    snprintf(listing->text + used, sizeof listing->text - used, "%s:%d ",
             weft_app_name(info->application), (int)info->state);
}
static const char *listed(void) {
    static struct listing listing;
    listing.text[0] = '\0';
    weft_sched_apps(world.sched, list_one, &listing);
    return listing.text;
}

/* --- starting --- */

static void an_application_starts_its_children_then_its_phases(void) {
    open_all();
    start("store", WEFT_TEMPORARY);
    CHECK_LOG("s up in store, client reply apps OK");
    start("kv", WEFT_TEMPORARY);
    CHECK_LOG("a up in kv on 7000, b up in kv on 7000, phase warm, phase go, client reply apps OK");
    CHECK_EQ_TEXT(listed(), "tools:1 store:1 kv:1 web:0 ");
    CHECK_EQ_UINT(traced(WEFT_TRACE_APP_UP), 3);
    end_node();
    world_log_clear();
    world_close();
}

static void a_dependency_that_does_not_run_is_named(void) {
    open_all();
    start("kv", WEFT_PERMANENT);
    CHECK_LOG("client reply apps NOT_STARTED store");
    CHECK(!weft_sched_halting(world.sched));
    world_close();
}

static void ensure_starts_what_is_needed_in_order(void) {
    open_all();
    ensure("web", WEFT_TEMPORARY);
    CHECK_LOG("s up in store, a up in kv on 7000, b up in kv on 7000, phase warm, phase go, "
              "w up in web, client reply apps OK store kv web");
    ensure("web", WEFT_TEMPORARY);
    CHECK_LOG("client reply apps OK");
    end_node();
    world_log_clear();
    world_close();
}

static void ensure_that_fails_stops_what_it_started(void) {
    open_all();
    load(&failing, WEFT_OK);
    ensure("failing", WEFT_PERMANENT);
    pass(WEFT_S(1));
    CHECK(strstr(world.log, "s up in store") == world.log);
    CHECK(strstr(world.log, "client reply apps UNSUPPORTED failing: child g: error -18") != NULL);
    CHECK(strstr(world.log, "s down shutdown/0") != NULL);
    CHECK_EQ_TEXT(listed(), "tools:1 store:0 kv:0 web:0 failing:0 ");
    CHECK(!weft_sched_halting(world.sched));
    world_log_clear();
    world_close();
}

static void starting_twice_and_starting_the_unknown_are_refused(void) {
    open_all();
    start("store", WEFT_TEMPORARY);
    world_log_clear();
    start("store", WEFT_TEMPORARY);
    start("nobody", WEFT_TEMPORARY);
    ensure("nobody", WEFT_TEMPORARY);
    CHECK_LOG("client reply apps EXISTS it runs, client reply apps NOT_FOUND it is not loaded, "
              "client reply apps NOT_FOUND application nobody is not loaded");
    stop("store");
    world_log_clear();
    world_close();
}

static void a_phase_that_fails_fails_the_start(void) {
    open_all();
    load(&bad_phase, WEFT_OK);
    start("bad_phase", WEFT_PERMANENT);
    CHECK_LOG("p up in bad_phase, phase warm, phase bad, "
              "client reply apps REFUSED bad_phase: bad: connection refused, "
              "p down shutdown/0");
    CHECK_EQ_TEXT(listed(), "tools:1 store:0 kv:0 web:0 bad_phase:0 ");
    CHECK(!weft_sched_halting(world.sched));
    world_close();
}

static void a_start_function_gives_the_top_process(void) {
    open_all();
    load(&own, WEFT_OK);
    start("own", WEFT_TRANSIENT);
    CHECK_LOG("start as 1, o up in own, client reply apps OK");
    stop("own");
    CHECK_LOG("o down shutdown/0, stop own, client reply apps OK");
    world_close();
}

static void a_start_function_that_gives_no_process_or_faults_fails(void) {
    open_all();
    load(&empty, WEFT_OK);
    load(&faulty, WEFT_OK);
    start("empty", WEFT_TEMPORARY);
    CHECK_LOG("client reply apps INVAL empty: start: gave no process that runs");
    start("faulty", WEFT_TEMPORARY);
    CHECK(strstr(world.log, "client reply apps FAULT faulty: tests/unit/otp/fake_env.c") != NULL);
    world_log_clear();
    CHECK(alive(controller));
    world_close();
}

static void a_library_application_runs_without_a_process(void) {
    open_all();
    load(&library, WEFT_OK);
    start("lib", WEFT_PERMANENT);
    CHECK_EQ_TEXT(listed(), "tools:1 store:0 kv:0 web:0 lib:1 ");
    stop("lib");
    CHECK_EQ_TEXT(listed(), "tools:1 store:0 kv:0 web:0 lib:0 ");
    CHECK_LOG("client reply apps OK, client reply apps OK");
    world_close();
}

/* --- stopping --- */

static void a_stop_prepares_ends_children_in_reverse_then_stops(void) {
    open_all();
    ensure("kv", WEFT_PERMANENT);
    world_log_clear();
    stop("kv");
    CHECK_LOG("prep kv, b down shutdown/0, a down shutdown/0, stop kv, client reply apps OK");
    stop("kv");
    CHECK_LOG("client reply apps NOT_STARTED");
    CHECK(!weft_sched_halting(world.sched));
    start("kv", WEFT_TEMPORARY);
    world_log_clear();
    stop("kv");
    world_log_clear();
    stop("store");
    CHECK_LOG("s down shutdown/0, client reply apps OK");
    stop("nobody");
    CHECK_LOG("client reply apps NOT_FOUND");
    world_close();
}

static void the_node_stops_applications_one_by_one_the_last_started_first(void) {
    open_all();
    ensure("web", WEFT_PERMANENT);
    world_log_clear();
    end_node();
    CHECK_LOG("w down shutdown/0, prep kv, b down shutdown/0, a down shutdown/0, stop kv, "
              "s down shutdown/0");
    world_close();
}

static void a_fault_in_prep_stop_ends_that_application_alone(void) {
    open_all();
    load(&faulty_stop, WEFT_OK);
    start("faulty_stop", WEFT_PERMANENT);
    world_log_clear();
    stop("faulty_stop");
    pass(WEFT_S(10));
    CHECK_EQ_TEXT(listed(), "tools:1 store:0 kv:0 web:0 faulty_stop:0 ");
    CHECK(weft_pid_is_none(weft_sched_whereis(world.sched, "q")));
    CHECK(!weft_sched_halting(world.sched));
    world_log_clear();
    world_close();
}

/* --- ends --- */

static bool fatal(enum weft_restart as, uint32_t tag) {
    struct weft_reason why = weft_reason(WEFT_REASON_NORMAL, 0);
    open_all();
    load(&own, WEFT_OK);
    start("own", as);
    world_log_clear();
    cast("o", tag);
    pass(WEFT_S(10));
    bool ended = weft_sched_ended(world.sched, &why);
    if (ended) note("node: %s", why.text);
    return ended;
}

static void the_end_of_a_permanent_application_ends_the_node_and_is_named(void) {
    CHECK(fatal(WEFT_PERMANENT, TAG_END));
    CHECK_LOG("o down error/7, stop own, node: application own ended: error ");
    world_close();
}

static void a_fault_in_a_transient_application_ends_the_node_with_its_place(void) {
    CHECK(fatal(WEFT_TRANSIENT, TAG_FAULT));
    CHECK(strstr(world.log, "node: application own ended: fault tests/unit/otp/fake") != NULL);
    world_log_clear();
    world_close();
}

static void the_end_of_a_temporary_application_is_logged_alone(void) {
    CHECK(!fatal(WEFT_TEMPORARY, TAG_END));
    CHECK_LOG("o down error/7, stop own");
    CHECK_EQ_TEXT(listed(), "tools:1 store:0 kv:0 web:0 own:0 ");
    const struct fake_trace *down = traced_last(WEFT_TRACE_APP_DOWN);
    REQUIRE(down != NULL);
    CHECK_EQ_TEXT(down->text, "own");
    CHECK_EQ_UINT(down->number[2], WEFT_REASON_ERROR);
    CHECK_EQ_UINT(down->number[4], 0);
    world_close();
}

static weft_pid top_of(const char *name) {
    weft_pid pid = weft_sched_whereis(world.sched, name);
    CHECK(!weft_pid_is_none(pid));
    return pid;
}
static void end_normally(weft_self *self) { stop_normal(self); }
static void end_shutdown(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_stop(self, &why);
}

static const struct weft_app_spec tools_and[] = {APP(store, WEFT_PERMANENT, .load_only = true)};

/* The application "tools" again, with a client that ends as told. */
static bool ends_node(enum weft_restart as, void (*how)(weft_self *self)) {
    const struct weft_app_spec apps[] = {tools_and[0], APP(tools, as)};
    CHECK_EQ_INT(open_apps(apps, 2), WEFT_OK);
    in(top_of("client"), how);
    pass(WEFT_S(10));
    world_log_clear();
    bool ended = weft_sched_ended(world.sched, NULL);
    world_close();
    return ended;
}

static void a_clean_end_counts_for_permanent_and_only_normal_is_clean_for_transient(void) {
    CHECK(ends_node(WEFT_PERMANENT, end_normally));
    CHECK(ends_node(WEFT_PERMANENT, end_shutdown));
    CHECK(!ends_node(WEFT_TRANSIENT, end_normally));
    CHECK(ends_node(WEFT_TRANSIENT, end_shutdown));
    CHECK(ends_node(WEFT_TRANSIENT, stop_boom));
    CHECK(!ends_node(WEFT_TEMPORARY, end_normally));
    CHECK(!ends_node(WEFT_TEMPORARY, stop_boom));
}

static void when_the_node_ends_for_one_the_others_stop_in_order(void) {
    open_all();
    ensure("web", WEFT_TEMPORARY);
    load(&own, WEFT_OK);
    start("own", WEFT_PERMANENT);
    world_log_clear();
    cast("o", TAG_END);
    pass(WEFT_S(60));
    CHECK(weft_sched_ended(world.sched, NULL));
    CHECK_LOG("o down error/7, stop own, w down shutdown/0, prep kv, b down shutdown/0, "
              "a down shutdown/0, stop kv, s down shutdown/0");
    world_close();
}

/* --- configuration --- */

static void a_node_s_own_values_win_over_the_defaults(void) {
    const struct weft_app_env env[] = {{"port", "9"}, {"extra", "x"}};
    const struct weft_app_spec apps[] = {APP(store, WEFT_TEMPORARY),
                                         APP(kv, WEFT_TEMPORARY, .env = env, .env_count = 2)};
    CHECK_EQ_INT(open_apps(apps, 2), WEFT_OK);
    CHECK(strstr(world.log, "a up in kv on 9") != NULL);
    world_log_clear();
    end_node();
    world_log_clear();
    world_close();
}

static void use_env(weft_self *self) {
    CHECK_EQ_TEXT(weft_app_get_env(self, "kv", "port"), "7000");
    CHECK(weft_app_get_env(self, "kv", "none") == NULL);
    CHECK(weft_app_get_env(self, "nobody", "port") == NULL);
    CHECK_EQ_INT(weft_app_set_env(self, "kv", "port", "1"), WEFT_OK);
    CHECK_EQ_TEXT(weft_app_get_env(self, "kv", "port"), "1");
    CHECK_EQ_INT(weft_app_set_env(self, "kv", "port", NULL), WEFT_OK);
    CHECK(weft_app_get_env(self, "kv", "port") == NULL);
    CHECK_EQ_INT(weft_app_set_env(self, "nobody", "port", "1"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(weft_app_set_env(self, "kv", "", "1"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(weft_app_set_env(self, NULL, "mine", "1"), WEFT_OK);
    CHECK_EQ_TEXT(weft_app_get_env(self, "tools", "mine"), "1");
    CHECK_EQ_TEXT(weft_self_application(self), "tools");
}

static void values_are_set_unset_and_read_by_anyone(void) {
    open_all();
    in(client, use_env);
    world_close();
}

static void values_and_keys_are_bounded(void) {
    static char value[WEFT_APP_VALUE_MAX + 1];
    char key[8] = "key";
    open_all();
    memset(value, 'x', sizeof value - 1);
    CHECK_EQ_INT(weft_sched_app_set_env(world.sched, "store", "k", value), WEFT_ERR_TOO_BIG);
    value[WEFT_APP_VALUE_MAX - 1] = '\0';
    CHECK_EQ_INT(weft_sched_app_set_env(world.sched, "store", "k", value), WEFT_OK);
    for (int i = 1; i < (int)WEFT_APP_KEYS_MAX; i++) {
        snprintf(key, sizeof key, "k%d", i);
        CHECK_EQ_INT(weft_sched_app_set_env(world.sched, "store", key, "v"), WEFT_OK);
    }
    CHECK_EQ_INT(weft_sched_app_set_env(world.sched, "store", "more", "v"), WEFT_ERR_FULL);
    CHECK_EQ_INT(weft_sched_app_set_env(world.sched, "store", "k1", "w"), WEFT_OK);
    world_close();
}

static WEFT_APPLICATION(ring_a, .dependencies = {"ring_b"});
static WEFT_APPLICATION(ring_b, .dependencies = {"store", "ring_c"});
static WEFT_APPLICATION(ring_c, .dependencies = {"ring_a"});
static WEFT_APPLICATION(itself, .dependencies = {"itself"});
static WEFT_APPLICATION(nameless, .name = "");
static WEFT_APPLICATION(long_name, .name = "0123456789012345678901234567890_");
static WEFT_APPLICATION(gap, .children = {{.id = "x"}, {.id = "y", .behaviour = &worker}});

static void what_cannot_be_loaded_is_told(void) {
    const struct weft_app_spec apps[] = {APP(store, WEFT_PERMANENT, .load_only = true)};
    CHECK_EQ_INT(open_apps(apps, 1), WEFT_OK);
    load(&store, WEFT_ERR_EXISTS);
    CHECK_LOG("application store: already exists");
    load(&ring_a, WEFT_OK);
    load(&ring_b, WEFT_OK);
    load(&ring_c, WEFT_ERR_INVAL);
    CHECK_LOG("circle: ring_c -> ring_a -> ring_b -> ring_c");
    load(&itself, WEFT_ERR_INVAL);
    CHECK_LOG("circle: itself -> itself");
    load(&nameless, WEFT_ERR_INVAL);
    load(&long_name, WEFT_ERR_INVAL);
    load(&gap, WEFT_ERR_INVAL);
    CHECK_LOG("application : its name is empty or too long, "
              "application 0123456789012345678901234567890: its name is empty or too long, "
              "application gap: a child has no behaviour");
    world_close();
}

static struct weft_application many[WEFT_APPS_MAX];

static void applications_are_bounded(void) {
    static char names[WEFT_APPS_MAX][8];
    CHECK_EQ_INT(open_apps(NULL, 0), WEFT_OK);
    for (size_t i = 0; i < WEFT_APPS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "a%zu", i);
        many[i].name = names[i];
        if (i > 0) many[i].dependencies[0] = names[i - 1]; /* the longest way there is */
        load(&many[i], WEFT_OK);
    }
    load(&store, WEFT_ERR_FULL);
    CHECK_LOG("application store: a bounded table or queue is full");
    CHECK_EQ_INT(weft_sched_app_unload(world.sched, "a0"), WEFT_OK);
    load(&store, WEFT_OK);
    world_close();
}

static void only_what_does_not_run_is_unloaded(void) {
    open_all();
    start("store", WEFT_TEMPORARY);
    CHECK_EQ_INT(weft_sched_app_unload(world.sched, "store"), WEFT_ERR_IN_USE);
    stop("store");
    CHECK_EQ_INT(weft_sched_app_unload(world.sched, "store"), WEFT_OK);
    CHECK_EQ_INT(weft_sched_app_unload(world.sched, "store"), WEFT_ERR_NOT_FOUND);
    world_log_clear();
    world_close();
}

/* --- the controller --- */

static void an_application_that_fails_at_boot_fails_the_node_and_is_named(void) {
    const struct weft_app_spec apps[] = {APP(store, WEFT_PERMANENT), APP(failing, WEFT_PERMANENT)};
    CHECK_EQ_INT(open_apps(apps, 2), WEFT_ERR_UNSUPPORTED);
    CHECK(strstr(started_why.text, "failing: child g") != NULL);
    world_log_clear();
    world_close();
}

static void a_dependency_that_is_not_loaded_fails_the_boot(void) {
    const struct weft_app_spec apps[] = {APP(kv, WEFT_PERMANENT)};
    CHECK_EQ_INT(open_apps(apps, 1), WEFT_ERR_NOT_FOUND);
    CHECK(strstr(started_why.text, "application store is not loaded") != NULL);
    world_close();
}

static void a_controller_that_dies_comes_back_with_the_configured_ones(void) {
    const struct weft_app_spec apps[] = {APP(store, WEFT_PERMANENT), APP(tools, WEFT_PERMANENT)};
    CHECK_EQ_INT(open_apps(apps, 2), WEFT_OK);
    world_log_clear();
    CHECK_EQ_INT(weft_sched_poison(world.sched, controller, "planted"), WEFT_OK);
    CHECK_EQ_INT(weft_sched_send(world.sched, controller, 1, weft_bytes(NULL, 0)), WEFT_OK);
    pass(WEFT_S(10));
    CHECK(!weft_sched_ended(world.sched, NULL));
    CHECK_EQ_TEXT(listed(), "store:1 tools:1 ");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_GIVE_UP), 0);
    CHECK(!weft_pid_is_none(weft_sched_whereis(world.sched, "s")));
    world_log_clear();
    end_node();
    world_log_clear();
    world_close();
}

static void ask_wrongly(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, controller, 1, weft_bytes("x", 1), WEFT_S(1), &ref), WEFT_OK);
    CHECK_EQ_INT(weft_app_start(self, "", WEFT_PERMANENT, &ref), WEFT_ERR_INVAL);
    CHECK_EQ_INT(weft_app_start(self, "0123456789012345678901234567890_", WEFT_PERMANENT, &ref),
                 WEFT_ERR_INVAL);
}
static void ask_nobody(weft_self *self) {
    CHECK_EQ_INT(weft_app_start(self, "store", WEFT_PERMANENT, &ref), WEFT_ERR_NO_PROC);
}

static void wrong_requests_are_refused(void) {
    open_all();
    in(client, ask_wrongly);
    CHECK_LOG("client reply apps MALFORMED");
    world_close();
    world_open();
    client = probe("client", 0);
    in(client, ask_nobody);
    world_close();
}

static void a_start_survives_each_allocation_that_fails(void) {
    int rv = WEFT_ERR_NOMEM;
    const struct weft_app_spec apps[] = {APP(store, WEFT_PERMANENT), APP(kv, WEFT_PERMANENT),
                                         APP(web, WEFT_PERMANENT)};
    for (uint64_t n = 1; rv != WEFT_OK && n < 400; n++) {
        world_open_bare();
        struct weft_app_config config = {.apps = apps, .apps_count = 3};
        world.alloc_fail = world.allocs + n;
        weft_pid pid;
        rv = weft_sched_start(world.sched,
                              &(struct weft_spawn){.behaviour = &weft_app_controller,
                                                   .arg = weft_bytes(&config, sizeof config)},
                              &pid, NULL);
        world.alloc_fail = 0;
        pass(WEFT_S(10));
        world_log_clear();
        world_close();
    }
    CHECK_EQ_INT(rv, WEFT_OK);
}

static void kill_store(void *ctx, const struct weft_app_info *info) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    if (strcmp(weft_app_name(info->application), "store") == 0) weft_exit(ctx, info->master, &kill);
}
static void kill_as_it_stops(weft_self *self) { weft_self_apps(self, kill_store, self); }
static WEFT_APPLICATION(killer, .dependencies = {"store"}, .prep_stop = kill_as_it_stops,
                        .children = {WORKER("k")});

static void a_permanent_one_that_dies_while_the_node_ends_is_not_why(void) {
    struct weft_reason reason;
    open_all();
    load(&killer, WEFT_OK);
    ensure("killer", WEFT_PERMANENT);
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_sched_exit(world.sched, world.root, &shutdown);
    pass(WEFT_S(60));
    CHECK(weft_sched_ended(world.sched, &reason));
    CHECK_EQ_TEXT(why_text(&reason), "shutdown/0");
    world_log_clear();
    world_close();
}

/* Its start asks to forget it, and `late`, which waits for it. */
static int unloading_start(weft_self *master, enum weft_restart as, weft_pid *top) {
    CHECK_EQ_INT(weft_app_unload(master, "early"), WEFT_ERR_IN_USE);
    note("unload late %s", weft_error_name(weft_app_unload(master, "late")));
    return one_worker(master, as, top);
}
static WEFT_APPLICATION(early, .start = unloading_start);
static WEFT_APPLICATION(late, .dependencies = {"early"});

static void an_application_is_not_unloaded_while_it_starts(void) {
    open_all();
    load(&early, WEFT_OK);
    load(&late, WEFT_OK);
    ensure("late", WEFT_TEMPORARY);
    CHECK_LOG("unload late IN_USE, start as 2, o up in early, client reply apps OK early late");
    world_close();
}

TEST_MAIN("otp/application", TEST(an_application_is_not_unloaded_while_it_starts),
          TEST(a_permanent_one_that_dies_while_the_node_ends_is_not_why),
          TEST(an_application_starts_its_children_then_its_phases),
          TEST(a_dependency_that_does_not_run_is_named),
          TEST(ensure_starts_what_is_needed_in_order),
          TEST(ensure_that_fails_stops_what_it_started),
          TEST(starting_twice_and_starting_the_unknown_are_refused),
          TEST(a_phase_that_fails_fails_the_start), TEST(a_start_function_gives_the_top_process),
          TEST(a_start_function_that_gives_no_process_or_faults_fails),
          TEST(a_library_application_runs_without_a_process),
          TEST(a_stop_prepares_ends_children_in_reverse_then_stops),
          TEST(the_node_stops_applications_one_by_one_the_last_started_first),
          TEST(a_fault_in_prep_stop_ends_that_application_alone),
          TEST(the_end_of_a_permanent_application_ends_the_node_and_is_named),
          TEST(a_fault_in_a_transient_application_ends_the_node_with_its_place),
          TEST(the_end_of_a_temporary_application_is_logged_alone),
          TEST(a_clean_end_counts_for_permanent_and_only_normal_is_clean_for_transient),
          TEST(when_the_node_ends_for_one_the_others_stop_in_order),
          TEST(a_node_s_own_values_win_over_the_defaults),
          TEST(values_are_set_unset_and_read_by_anyone), TEST(values_and_keys_are_bounded),
          TEST(what_cannot_be_loaded_is_told), TEST(applications_are_bounded),
          TEST(only_what_does_not_run_is_unloaded),
          TEST(an_application_that_fails_at_boot_fails_the_node_and_is_named),
          TEST(a_dependency_that_is_not_loaded_fails_the_boot),
          TEST(a_controller_that_dies_comes_back_with_the_configured_ones),
          TEST(wrong_requests_are_refused), TEST(a_start_survives_each_allocation_that_fails))
