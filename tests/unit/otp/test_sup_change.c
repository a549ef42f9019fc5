/* get_childspec, and what an upgrade changes in a running supervisor. */
#include "core/otp/sup_internal.h"

/* After it, since its parameters are called `sup` too. */
#include "tests/unit/otp/sup_kit.h"

static struct weft_child_spec specs[5];
static struct weft_sup_config config;
static int changed;

static void change(weft_self *self) { changed = weft_sup_change_config(self, sup, &config); }

static int change_config(void) {
    changed = 12345;
    in(parent, change);
    return changed;
}

static void open_ab(void) {
    specs[0] = kid("a", WEFT_PERMANENT, 0);
    specs[1] = kid("b", WEFT_TRANSIENT, 0);
    config = (struct weft_sup_config){.intensity = 5, .children = specs, .children_count = 2};
    sup_open(&config);
}

/* --- get_childspec --- */

static void get_childspec_gives_the_spec_with_its_defaults(void) {
    open_ab();
    CHECK_EQ_INT(ask_spec("b"), WEFT_OK);
    CHECK_EQ_TEXT(ANSWER_SPEC->id, "b");
    CHECK_EQ_TEXT(ANSWER_SPEC->name, "b");
    CHECK(ANSWER_SPEC->spec.behaviour == &probe_v1);
    CHECK_EQ_INT(ANSWER_SPEC->spec.restart, WEFT_TRANSIENT);
    CHECK_EQ_INT(ANSWER_SPEC->spec.shutdown, WEFT_S(5));
    CHECK_EQ_INT(ANSWER_SPEC->spec.type, WEFT_TYPE_WORKER);
    CHECK(!ANSWER_SPEC->spec.significant);
    CHECK_EQ_UINT(ANSWER_SPEC->spec.arg.size, sizeof(struct probe_arg));
    CHECK_EQ_BYTES(ANSWER_SPEC->arg, specs[1].arg.data, sizeof(struct probe_arg));
    CHECK_EQ_INT(ask_spec("z"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_spec_pid(pid_of("a")), WEFT_OK);
    CHECK_EQ_TEXT(ANSWER_SPEC->id, "a");
    world_close();
}

static void the_type_can_be_set_and_decides_the_default_shutdown(void) {
    struct weft_sup_config inner = {.intensity = 1};
    specs[0] = kid("a", WEFT_PERMANENT, 0);
    specs[0].type = WEFT_TYPE_SUPERVISOR;
    specs[1] = (struct weft_child_spec){
        .id = "s", .behaviour = &weft_supervisor, .arg = weft_bytes(&inner, sizeof inner)};
    specs[2] = specs[1];
    specs[2].id = "w";
    specs[2].type = WEFT_TYPE_WORKER;
    config = (struct weft_sup_config){.children = specs, .children_count = 3};
    sup_open(&config);
    static const weft_duration shutdowns[] = {WEFT_INFINITY, WEFT_INFINITY, WEFT_S(5)};
    static const char *const ids[] = {"a", "s", "w"};
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(ask_spec(ids[i]), WEFT_OK);
        CHECK_EQ_INT(ANSWER_SPEC->spec.shutdown, shutdowns[i]);
    }
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.supervisors, 2);
    CHECK_EQ_UINT(answer.as.counts.workers, 1);
    specs[0].type = (enum weft_child_type)9;
    CHECK_EQ_INT(weft_sup_check(&config, NULL), WEFT_ERR_INVAL);
    world_close();
}

static void the_arg_of_a_temporary_child_started_at_run_time_is_not_kept(void) {
    open_ab();
    struct weft_child_spec spec = kid("c", WEFT_TEMPORARY, 0);
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK_LOG("start c");
    CHECK_EQ_INT(ask_spec("c"), WEFT_OK);
    CHECK_EQ_UINT(ANSWER_SPEC->spec.arg.size, 0);
    world_close();
}

static void check_says_what_is_wrong(void) {
    struct weft_reason why;
    open_ab();
    CHECK_EQ_INT(weft_sup_check(&config, &why), WEFT_OK);
    specs[1].id = "a";
    CHECK_EQ_INT(weft_sup_check(&config, &why), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "child a: duplicate_child_name");
    specs[1].behaviour = NULL;
    CHECK_EQ_INT(weft_sup_check(&config, &why), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "child a: no behaviour");
    config.period = -1;
    CHECK_EQ_INT(weft_sup_check(&config, &why), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(why.text, "invalid period");
    world_close();
}

static void a_child_has_the_priority_of_its_spec(void) {
    open_ab();
    struct weft_child_spec spec = kid("c", WEFT_PERMANENT, 0);
    spec.priority = WEFT_PRIORITY_HIGH;
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK_EQ_INT(ask_spec("c"), WEFT_OK);
    CHECK_EQ_INT(ANSWER_SPEC->spec.priority, WEFT_PRIORITY_HIGH);
    for (int again = 0; again < 2; again++) {
        weft_sched_send(world.sched, pid_of("a"), 1, weft_bytes(NULL, 0));
        weft_sched_send(world.sched, pid_of("c"), 2, weft_bytes(NULL, 0));
        world_log_clear();
        settle();
        CHECK_LOG("c cast - 2, a cast - 1");
        kill_kid("c");
    }
    spec.priority = (enum weft_priority)9;
    CHECK_EQ_INT(ask_start(&spec), WEFT_ERR_INVAL);
    world_log_clear();
    world_close();
}

/* --- change_config --- */

static void a_new_config_starts_and_stops_nobody(void) {
    open_ab();
    weft_pid a = pid_of("a"), b = pid_of("b");
    specs[2] = kid("c", WEFT_PERMANENT, 0);
    config.children_count = 3;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:- ");
    CHECK(weft_pid_equal(a, pid_of("a")));
    CHECK(weft_pid_equal(b, pid_of("b")));
    CHECK_LOG("");
    CHECK_EQ_INT(ask_restart("c"), WEFT_OK);
    CHECK_LOG("start c");
    world_close();
}

static void a_running_child_follows_its_new_spec(void) {
    open_ab();
    specs[0].restart = WEFT_TEMPORARY;
    specs[1].restart = WEFT_PERMANENT;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    end_kid("a", WEFT_REASON_ERROR, 7);
    end_kid("b", WEFT_REASON_NORMAL, 0);
    CHECK_EQ_TEXT(which_text(), "b:run ");
    world_log_clear();
    world_close();
}

static void those_not_named_stay_after_those_that_are(void) {
    open_ab();
    specs[0] = kid("c", WEFT_PERMANENT, 0);
    config.children_count = 1;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "c:- a:run b:run ");
    specs[0] = kid("b", WEFT_PERMANENT, 0);
    specs[1] = kid("d", WEFT_PERMANENT, 0);
    config.children_count = 2;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "b:run d:- c:- a:run ");
    config.children_count = 0;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "b:run d:- c:- a:run ");
    world_close();
}

static void flags_are_replaced(void) {
    open_ab();
    config.intensity = 0;
    config.intensity_zero = true;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    kill_kid("a");
    CHECK(!alive(sup));
    world_log_clear();
    world_close();
}

static void significance_changes_with_the_spec(void) {
    open_ab();
    specs[1].significant = true;
    config.auto_shutdown = WEFT_AUTO_ALL_SIGNIFICANT;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    end_kid("b", WEFT_REASON_NORMAL, 0);
    CHECK(!alive(sup));
    world_log_clear();
    world_close();
}

static void a_bad_config_changes_nothing(void) {
    open_ab();
    specs[1].restart = WEFT_TEMPORARY;
    specs[1].significant = true;
    CHECK_EQ_INT(change_config(), WEFT_ERR_INVAL);
    specs[1].significant = false;
    specs[1].id = "";
    CHECK_EQ_INT(change_config(), WEFT_ERR_INVAL);
    specs[1].id = "b";
    config.strategy = WEFT_SIMPLE_ONE_FOR_ONE;
    config.children_count = 1;
    specs[0].name = NULL;
    CHECK_EQ_INT(change_config(), WEFT_ERR_INVAL);
    CHECK_EQ_INT(ask_spec("b"), WEFT_OK);
    CHECK_EQ_INT(ANSWER_SPEC->spec.restart, WEFT_TRANSIENT);
    world_close();
}

static void only_a_living_supervisor_can_be_changed(void) {
    open_ab();
    weft_pid right = sup;
    sup = pid_of("a");
    CHECK_EQ_INT(change_config(), WEFT_ERR_NO_PROC);
    sup = WEFT_PID_NONE;
    CHECK_EQ_INT(change_config(), WEFT_ERR_NO_PROC);
    sup = right;
    world_close();
}

static void a_supervisor_that_is_stopping_a_child_is_not_changed(void) {
    open_ab();
    struct weft_child_spec spec = kid("c", WEFT_PERMANENT, PROBE_SLOW);
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    ask_terminate("c");
    CHECK_EQ_INT(change_config(), WEFT_ERR_IN_USE);
    pass(WEFT_S(5));
    CHECK_EQ_INT(change_config(), WEFT_OK);
    world_log_clear();
    world_close();
}

static void change_without_memory_changes_nothing(void) {
    uint64_t fail = 1;
    for (changed = WEFT_ERR_NOMEM; changed != WEFT_OK && fail < 100; fail++) {
        open_ab();
        specs[0].restart = WEFT_TEMPORARY;
        specs[2] = kid("c", WEFT_PERMANENT, 0);
        config.children_count = 3;
        in_later(parent, change);
        world.alloc_fail = world.allocs + fail;
        settle();
        CHECK(changed == WEFT_OK || changed == WEFT_ERR_NOMEM);
        world.alloc_fail = 0;
        CHECK_EQ_TEXT(which_text(), changed == WEFT_OK ? "a:run b:run c:- " : "a:run b:run ");
        CHECK_EQ_INT(ask_spec("a"), WEFT_OK);
        CHECK_EQ_INT(ANSWER_SPEC->spec.restart,
                     changed == WEFT_OK ? WEFT_TEMPORARY : WEFT_PERMANENT);
        world_close();
    }
    CHECK(fail > 3);
    CHECK(fail < 100);
}

static void a_new_template_is_for_children_to_come(void) {
    specs[0] = kid("a", WEFT_PERMANENT, 0);
    specs[0].name = NULL;
    config = (struct weft_sup_config){.strategy = WEFT_SIMPLE_ONE_FOR_ONE,
                                      .intensity = 5,
                                      .children = specs,
                                      .children_count = 1};
    sup_open(&config);
    CHECK_EQ_INT(ask_simple(weft_bytes(NULL, 0)), WEFT_OK);
    weft_pid old = answer.as.pid;
    specs[0] = kid("b", WEFT_PERMANENT, 0);
    specs[0].name = NULL;
    CHECK_EQ_INT(change_config(), WEFT_OK);
    CHECK_EQ_INT(ask_simple(weft_bytes(NULL, 0)), WEFT_OK);
    in(old, fault_assert);
    CHECK_LOG("start a, start b, start a");
    CHECK_EQ_INT(ask_spec("a"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_spec("b"), WEFT_OK);
    world_close();
}

/* --- rebind --- */

static void other_handle(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
    note("new code");
}
static WEFT_PROCESS(other_v2, .name = "probe", .version = 2, .handle = other_handle);

static uint32_t rebound;
static void rebind(weft_self *self) {
    rebound = weft_otp__sup_rebind(weft_otp__find(self->sched, sup), &probe_v1, &other_v2);
}

static void poke(weft_self *self) { weft_send(self, pid_of("a"), 1, weft_bytes(NULL, 0)); }

static void rebound_specs_start_children_of_the_new_behaviour(void) {
    open_ab();
    for (int i = 0; i < 3; i++) {
        struct weft_child_spec spec = kid("c", WEFT_PERMANENT, 0);
        spec.id = spec.name = NULL;
        CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    }
    in(parent, rebind);
    /* Three alike share one. */
    CHECK_EQ_UINT(rebound, 3);
    in(parent, rebind);
    CHECK_EQ_UINT(rebound, 0);
    in(parent, poke);
    CHECK_LOG("start c, start c, start c, a cast parent 1");
    kill_kid("a");
    in(parent, poke);
    CHECK_LOG("new code");
    world_close();
}

static void rebinding_what_is_no_supervisor_changes_nothing(void) {
    open_ab();
    weft_pid right = sup;
    sup = pid_of("a");
    rebound = 9;
    in(parent, rebind);
    CHECK_EQ_UINT(rebound, 0);
    sup = right;
    world_close();
}

TEST_MAIN("otp/sup_change", TEST(get_childspec_gives_the_spec_with_its_defaults),
          TEST(the_type_can_be_set_and_decides_the_default_shutdown),
          TEST(the_arg_of_a_temporary_child_started_at_run_time_is_not_kept),
          TEST(a_child_has_the_priority_of_its_spec), TEST(check_says_what_is_wrong),
          TEST(a_new_config_starts_and_stops_nobody), TEST(a_running_child_follows_its_new_spec),
          TEST(those_not_named_stay_after_those_that_are), TEST(flags_are_replaced),
          TEST(significance_changes_with_the_spec), TEST(a_bad_config_changes_nothing),
          TEST(only_a_living_supervisor_can_be_changed),
          TEST(a_supervisor_that_is_stopping_a_child_is_not_changed),
          TEST(change_without_memory_changes_nothing), TEST(a_new_template_is_for_children_to_come),
          TEST(rebound_specs_start_children_of_the_new_behaviour),
          TEST(rebinding_what_is_no_supervisor_changes_nothing))
