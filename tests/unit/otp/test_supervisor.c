/* https://www.erlang.org/doc/man/supervisor.html, claim by claim. */
#include "tests/unit/otp/sup_kit.h"

#include "core/base/limits.h"

#include <stdio.h>

/* --- restart types x reasons: otp25-vectors sup.restart.* --- */

static void restart_case(enum weft_restart restart, enum weft_reason_kind kind, int32_t code,
                         const char *children) {
    struct weft_child_spec spec = kid("a", restart, 0);
    struct weft_sup_config config = {.children = &spec, .children_count = 1};
    sup_open(&config);
    weft_pid before = pid_of("a");
    if (kind == WEFT_REASON_KILL) {
        kill_kid("a");
    } else {
        end_kid("a", kind, code);
    }
    CHECK_EQ_TEXT(which_text(), children);
    CHECK(!alive(before));
    bool restarted = strcmp(children, "a:run ") == 0;
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_DOWN), 1);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_SUP_CHILD_DOWN)->number[4], restarted);
    CHECK_EQ_TEXT(traced_last(WEFT_TRACE_SUP_CHILD_DOWN)->text, "a");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_UP), restarted);
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_REMOVED), restart == WEFT_TEMPORARY);
    world_log_clear();
    world_close();
}

static void each_reason(enum weft_restart restart, const char *clean, const char *unclean) {
    restart_case(restart, WEFT_REASON_NORMAL, 0, clean);
    restart_case(restart, WEFT_REASON_SHUTDOWN, 0, clean);
    restart_case(restart, WEFT_REASON_SHUTDOWN, 5, clean);
    restart_case(restart, WEFT_REASON_ERROR, 7, unclean);
    restart_case(restart, WEFT_REASON_KILL, 0, unclean);
}

static void a_permanent_child_is_restarted_whatever_it_ended_with(void) {
    each_reason(WEFT_PERMANENT, "a:run ", "a:run ");
}
static void a_transient_child_is_restarted_unless_it_ended_clean_and_its_spec_stays(void) {
    each_reason(WEFT_TRANSIENT, "a:- ", "a:run ");
}
static void a_temporary_child_is_never_restarted_and_its_spec_goes(void) {
    each_reason(WEFT_TEMPORARY, "", "");
}

static void link_again(weft_self *self) {
    weft_unlink(self, sup);
    CHECK_EQ_INT(weft_link(self, sup), WEFT_OK);
}

static void a_child_that_unlinked_and_linked_again_is_restarted(void) {
    struct weft_child_spec specs[] = {kid("a", WEFT_PERMANENT, 0), kid("b", WEFT_PERMANENT, 0)};
    struct weft_sup_config config = {.children = specs, .children_count = 2};
    sup_open(&config);
    weft_pid before = pid_of("b");
    in(before, link_again);
    kill_kid("b");
    CHECK(!alive(before));
    CHECK_EQ_TEXT(which_text(), "a:run b:run ");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_UP), 1);
    world_log_clear();
    world_close();
}

/* --- strategies: otp25-vectors sup.order.* --- */

static void order_case(enum weft_strategy strategy, const char *victim, const char *log) {
    sup_open_abc(strategy, 0, PROBE_TRAP);
    kill_kid(victim);
    CHECK_LOG(log);
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:run ");
    world_close();
}

static void one_for_one_restarts_the_one_that_died(void) {
    order_case(WEFT_ONE_FOR_ONE, "a", "start a");
    order_case(WEFT_ONE_FOR_ONE, "b", "start b");
    order_case(WEFT_ONE_FOR_ONE, "c", "start c");
}

static void one_for_all_stops_the_rest_in_reverse_and_starts_all_in_order(void) {
    order_case(WEFT_ONE_FOR_ALL, "a",
               "c terminate shutdown/0, b terminate shutdown/0, start a, start b, start c");
    order_case(WEFT_ONE_FOR_ALL, "b",
               "c terminate shutdown/0, a terminate shutdown/0, start a, start b, start c");
    order_case(WEFT_ONE_FOR_ALL, "c",
               "b terminate shutdown/0, a terminate shutdown/0, start a, start b, start c");
}

static void rest_for_one_stops_and_starts_those_after(void) {
    order_case(WEFT_REST_FOR_ONE, "a",
               "c terminate shutdown/0, b terminate shutdown/0, start a, start b, start c");
    order_case(WEFT_REST_FOR_ONE, "b", "c terminate shutdown/0, start b, start c");
    order_case(WEFT_REST_FOR_ONE, "c", "start c");
}

static void a_group_restart_forgets_temporary_children_and_starts_transient_ones_again(void) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, 0), kid("b", WEFT_TEMPORARY, 0),
                                         kid("c", WEFT_TRANSIENT, 0)};
    struct weft_sup_config config = {
        .strategy = WEFT_ONE_FOR_ALL, .children = children, .children_count = 3};
    sup_open(&config);
    end_kid("c", WEFT_REASON_NORMAL, 0);
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:- ");
    world_log_clear();
    kill_kid("a");
    CHECK_LOG("start a, start c");
    CHECK_EQ_TEXT(which_text(), "a:run c:run ");
    world_close();
}

/* --- intensity: otp25-vectors sup.intensity.*, sup.exit_reason_on_max_intensity --- */

static uint32_t kills_survived(weft_duration apart) {
    for (uint32_t i = 1; i <= 20; i++) {
        kill_kid("a");
        if (!alive(sup)) return i - 1;
        pass(apart);
    }
    return 20;
}

static uint32_t survived(const struct weft_sup_config *base, weft_duration apart) {
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    struct weft_sup_config config = *base;
    config.children = &spec;
    config.children_count = 1;
    sup_open(&config);
    uint32_t count = kills_survived(apart);
    world_log_clear();
    world_close();
    return count;
}

static void the_default_is_one_restart_in_five_seconds(void) {
    struct weft_sup_config config = {.strategy = WEFT_ONE_FOR_ONE};
    CHECK_EQ_UINT(survived(&config, WEFT_MS(10)), 1);
    CHECK_EQ_UINT(survived(&config, WEFT_S(5)), 1);
    CHECK_EQ_UINT(survived(&config, WEFT_S(5) + 1), 20);
}

static void with_intensity_zero_the_first_restart_is_one_too_many(void) {
    struct weft_sup_config config = {.intensity_zero = true};
    CHECK_EQ_UINT(survived(&config, WEFT_S(100)), 0);
}

static void restarts_farther_apart_than_the_period_go_on_for_ever(void) {
    struct weft_sup_config config = {.intensity = 1, .period = WEFT_S(1)};
    CHECK_EQ_UINT(survived(&config, WEFT_MS(2100)), 20);
}

static void the_window_slides(void) {
    struct weft_sup_config config = {.intensity = 7, .period = WEFT_S(10)};
    /* At 1,400 ms there are at most 7 older ones within 10 s, the eighth restart is too many. */
    CHECK_EQ_UINT(survived(&config, WEFT_MS(1400)), 7);
    /* At 1,500 ms: 6 intervals are 9 s, 7 are 10.5 s. */
    CHECK_EQ_UINT(survived(&config, WEFT_MS(1500)), 20);
}

static void too_many_restarts_end_the_supervisor_with_shutdown_after_its_children(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 1, PROBE_TRAP);
    kill_kid("a");
    world_log_clear();
    kill_kid("a");
    CHECK_LOG("c terminate shutdown/0, b terminate shutdown/0, parent exit sup shutdown/0");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_GIVE_UP), 1);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_SUP_GIVE_UP)->number[1], 2);
    CHECK_EQ_UINT(stats().procs, 1);
    world_close();
}

/* --- start: otp25-vectors sup.start_fail_*, sup.child_ignore, sup.dup_id --- */

static void children_start_in_order(void) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, 0), kid("b", WEFT_PERMANENT, 0)};
    struct weft_sup_config config = {.children = children, .children_count = 2};
    sup_prepare(&config);
    CHECK_EQ_INT(sup_start(), WEFT_OK);
    CHECK_LOG("start a, start b");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_UP), 2);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_SUP_CHILD_UP)->number[3], 0);
    world_close();
}

static const char *why_start_failed(void) {
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    return trace->number[1] == WEFT_REASON_START ? trace->text : "not START";
}

static void a_start_that_fails_stops_those_started_in_reverse(void) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, PROBE_TRAP),
                                         kid("b", WEFT_PERMANENT, PROBE_TRAP),
                                         kid("x", WEFT_PERMANENT, 0), kid("d", WEFT_PERMANENT, 0)};
    struct weft_sup_config config = {.children = children, .children_count = 4};
    sup_prepare(&config);
    start_failures = 1;
    CHECK_EQ_INT(sup_start(), WEFT_ERR_IO);
    CHECK_LOG("start a, start b, fail x, b terminate shutdown/0, a terminate shutdown/0");
    CHECK_EQ_UINT(stats().procs, 1);
    world_close();
}

/* What the failed start left to end by itself has nobody who waits for it; random-trees found it
 * alive in a node whose tree had ended. */
static void what_a_failed_start_left_ends_with_who_started_it(void) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, PROBE_SLOW),
                                         kid("x", WEFT_PERMANENT, 0)};
    struct weft_sup_config config = {.children = children, .children_count = 2};
    sup_prepare(&config);
    start_failures = 1;
    CHECK_EQ_INT(sup_start(), WEFT_ERR_IO);
    CHECK_LOG("start a, fail x, a exit ? shutdown/0, a exit ? failed_to_start/-14");
    CHECK_EQ_UINT(stats().procs, 3); /* the parent, a, and the one that gives it its time */
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, parent, &kill);
    settle();
    CHECK_EQ_UINT(stats().procs, 0);
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void a_failed_start_says_which_child_and_why(void) {
    struct weft_child_spec children[] = {kid("x", WEFT_PERMANENT, 0)};
    struct weft_sup_config config = {.children = children, .children_count = 1};
    sup_prepare(&config);
    start_failures = 1;
    CHECK_EQ_INT(sup_start(), WEFT_ERR_IO);
    CHECK_EQ_TEXT(why_start_failed(), "child x: error -14: ");
    CHECK_LOG("fail x");
    world_close();
}

static void a_child_that_chooses_ignore_stays_as_a_spec_unless_temporary(void) {
    struct weft_child_spec children[] = {kid("x", WEFT_PERMANENT, 0), kid("b", WEFT_PERMANENT, 0),
                                         kid("xt", WEFT_TEMPORARY, 0)};
    children[0].name = children[2].name = NULL;
    struct weft_sup_config config = {.children = children, .children_count = 3};
    sup_prepare(&config);
    start_failures = 2;
    start_error = WEFT_ERR_IGNORE;
    CHECK_EQ_INT(sup_start(), WEFT_OK);
    CHECK_LOG("fail xt, start b, fail xt");
    CHECK_EQ_TEXT(which_text(), "x:- b:run ");
    world_close();
}

static int start_with(const struct weft_sup_config *config) {
    sup_prepare(config);
    int rv = sup_start();
    CHECK_EQ_UINT(stats().procs, rv == WEFT_OK ? 1 + 1 + config->children_count : 1);
    world_log_clear();
    world_close();
    return rv;
}

static void two_children_may_not_share_an_id_unless_it_is_empty(void) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, 0), kid("a", WEFT_PERMANENT, 0)};
    struct weft_sup_config config = {.children = children, .children_count = 2};
    CHECK_EQ_INT(start_with(&config), WEFT_ERR_INVAL);
    children[0].id = children[1].id = "";
    children[0].name = children[1].name = NULL;
    CHECK_EQ_INT(start_with(&config), WEFT_OK);
    children[0].id = children[1].id = NULL;
    CHECK_EQ_INT(start_with(&config), WEFT_OK);
}

static void a_bad_configuration_is_refused(void) {
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    struct weft_sup_config config = {.children = &spec, .children_count = 1};
    CHECK_EQ_INT(start_with(&config), WEFT_OK);
    spec.behaviour = NULL;
    CHECK_EQ_INT(start_with(&config), WEFT_ERR_INVAL);
    spec = kid("a", (enum weft_restart)9, 0);
    CHECK_EQ_INT(start_with(&config), WEFT_ERR_INVAL);
    spec = kid("a", WEFT_PERMANENT, 0);
    spec.shutdown = -3;
    CHECK_EQ_INT(start_with(&config), WEFT_ERR_INVAL);
    spec.shutdown = 0;
    config.period = -1;
    CHECK_EQ_INT(start_with(&config), WEFT_ERR_INVAL);
    config.period = 0;
    config.strategy = (enum weft_strategy)7;
    CHECK_EQ_INT(start_with(&config), WEFT_ERR_INVAL);
}

/* --- failing restarts: otp25-vectors sup.restart_failure_retries_until_intensity --- */

static void open_x(uint32_t intensity) {
    struct weft_child_spec spec = kid("x", WEFT_PERMANENT, 0);
    struct weft_sup_config config = {
        .intensity = intensity, .children = &spec, .children_count = 1};
    sup_open(&config);
}

static void a_restart_that_fails_counts_and_is_tried_again_until_the_intensity(void) {
    open_x(3);
    start_failures = 100;
    kill_kid("x");
    CHECK_LOG("fail x, fail x, fail x, parent exit sup shutdown/0");
    world_close();
}

static void a_restart_that_fails_once_succeeds_the_next_time(void) {
    open_x(3);
    start_failures = 1;
    kill_kid("x");
    CHECK_LOG("fail x, start x");
    CHECK_EQ_TEXT(which_text(), "x:run ");
    world_close();
}

static void others_are_served_between_two_tries(void) {
    open_x(3);
    start_failures = 2;
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, pid_of("x"), &why);
    CHECK(weft_sched_run(world.sched, 1)); /* the EXIT, and the first try */
    CHECK_LOG("fail x");
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.specs, 1);
    CHECK_LOG("fail x, start x");
    world_close();
}

static void a_child_waiting_for_a_try_is_restarting_and_can_be_terminated(void) {
    open_x(9);
    start_failures = 1;
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, pid_of("x"), &why);
    weft_sched_run(world.sched, 1);
    /* The request lies behind the try in the mailbox: stop the try by asking before it runs. */
    CHECK_LOG("fail x");
    settle();
    CHECK_LOG("start x");
    CHECK_EQ_INT(ask_terminate("x"), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "x:- ");
    CHECK_LOG("");
    world_close();
}

static void a_group_whose_start_fails_is_tried_again_from_the_one_that_failed(void) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, PROBE_TRAP),
                                         kid("x", WEFT_PERMANENT, 0),
                                         kid("c", WEFT_PERMANENT, PROBE_TRAP)};
    struct weft_sup_config config = {
        .strategy = WEFT_ONE_FOR_ALL, .intensity = 5, .children = children, .children_count = 3};
    sup_open(&config);
    start_failures = 1;
    kill_kid("c");
    CHECK_LOG("a terminate shutdown/0, start a, fail x, a terminate shutdown/0, start a, start x, "
              "start c");
    CHECK_EQ_TEXT(which_text(), "a:run x:run c:run ");
    world_close();
}

/* --- requests: otp25-vectors sup.terminate_restart_delete and others --- */

static void open_none(void) {
    struct weft_sup_config config = {.intensity = 3};
    sup_open(&config);
}

static void terminate_restart_and_delete_answer_as_otp_does(void) {
    open_none();
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK(weft_pid_equal(answer.as.pid, pid_of("a")));
    CHECK_EQ_INT(ask_delete("a"), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(ask_terminate("a"), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "a:- ");
    CHECK_EQ_INT(ask_terminate("a"), WEFT_OK);
    CHECK_EQ_INT(ask_restart("a"), WEFT_OK);
    CHECK(weft_pid_equal(answer.as.pid, pid_of("a")));
    CHECK_EQ_INT(ask_restart("a"), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(ask_terminate("a"), WEFT_OK);
    CHECK_EQ_INT(ask_delete("a"), WEFT_OK);
    CHECK_EQ_INT(ask_delete("a"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_restart("a"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_terminate("a"), WEFT_ERR_NOT_FOUND);
    CHECK_LOG("start a, start a");
    world_close();
}

static void terminating_a_temporary_child_forgets_it(void) {
    open_none();
    struct weft_child_spec spec = kid("a", WEFT_TEMPORARY, 0);
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK_EQ_INT(ask_terminate("a"), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "");
    CHECK_EQ_INT(ask_delete("a"), WEFT_ERR_NOT_FOUND);
    CHECK_LOG("start a");
    world_close();
}

static void starting_an_id_twice_says_who_runs(void) {
    open_none();
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK_EQ_INT(ask_start(&spec), WEFT_ERR_EXISTS);
    CHECK(weft_pid_equal(answer.as.pid, pid_of("a")));
    CHECK_LOG("start a");
    world_close();
}

static void a_child_whose_start_fails_is_forgotten(void) {
    open_none();
    struct weft_child_spec spec = kid("x", WEFT_PERMANENT, 0);
    start_failures = 1;
    CHECK_EQ_INT(ask_start(&spec), WEFT_ERR_IO);
    CHECK_EQ_TEXT(which_text(), "");
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK_LOG("fail x, start x");
    world_close();
}

static void a_started_child_that_chooses_ignore_has_no_pid(void) {
    open_none();
    struct weft_child_spec spec = kid("x", WEFT_PERMANENT, 0);
    start_failures = 2;
    start_error = WEFT_ERR_IGNORE;
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK(weft_pid_is_none(answer.as.pid));
    CHECK_EQ_TEXT(which_text(), "x:- ");
    CHECK_EQ_INT(ask_delete("x"), WEFT_OK);
    spec.restart = WEFT_TEMPORARY;
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "");
    CHECK_LOG("fail x, fail x");
    world_close();
}

static void a_spec_without_behaviour_is_refused_on_the_way(void) {
    open_none();
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    spec.behaviour = NULL;
    CHECK_EQ_INT(ask_start(&spec), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(which_text(), "");
    world_close();
}

static void dynamic_children_without_id_are_found_by_pid(void) {
    open_none();
    weft_pid pids[3];
    for (int i = 0; i < 3; i++) {
        struct weft_child_spec spec = kid("a", WEFT_TEMPORARY, 0);
        spec.id = spec.name = NULL;
        CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
        pids[i] = answer.as.pid;
    }
    CHECK_EQ_INT(ask_terminate_pid(pids[1]), WEFT_OK);
    CHECK(!alive(pids[1]));
    CHECK_EQ_INT(ask_terminate_pid(pids[1]), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_terminate_pid(parent), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(ask_terminate(""), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(which_text(), ":run :run ");
    CHECK_LOG("start a, start a, start a");
    world_close();
}

static void children_are_counted_by_what_they_are(void) {
    struct weft_sup_config inner = {.strategy = WEFT_ONE_FOR_ONE};
    struct weft_child_spec children[] = {
        kid("a", WEFT_PERMANENT, 0),
        kid("b", WEFT_TRANSIENT, 0),
        {.id = "s", .behaviour = &weft_supervisor, .arg = weft_bytes(&inner, sizeof inner)}};
    struct weft_sup_config config = {.children = children, .children_count = 3};
    sup_open(&config);
    end_kid("b", WEFT_REASON_NORMAL, 0);
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.specs, 3);
    CHECK_EQ_UINT(answer.as.counts.active, 2);
    CHECK_EQ_UINT(answer.as.counts.supervisors, 1);
    CHECK_EQ_UINT(answer.as.counts.workers, 2);
    CHECK_EQ_INT(ask_which(), WEFT_OK);
    CHECK(answer.as.infos[2].is_supervisor);
    CHECK_EQ_INT(answer.as.infos[1].restart, WEFT_TRANSIENT);
    CHECK_LOG("b terminate normal/0");
    world_close();
}

static void long_ids_are_cut_in_answers_only(void) {
    open_none();
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    spec.id = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    CHECK_EQ_INT(ask_which(), WEFT_OK);
    CHECK_EQ_TEXT(answer.as.infos[0].id, "abcdefghijklmnopqrstuvwxyzabcde");
    CHECK_EQ_INT(ask_terminate(spec.id), WEFT_OK);
    CHECK_LOG("start a");
    world_close();
}

static weft_pid liar;
static void send_exit_to_sup(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 1);
    weft_exit(self, sup, &why);
}
static void send_junk(weft_self *self) {
    weft_ref ref;
    weft_send(self, sup, 0x73757000, weft_bytes_text("junk"));
    weft_send(self, sup, 1, weft_bytes_text("junk"));
    weft_call(self, sup, 99, weft_bytes_text("junk"), WEFT_S(1), &ref);
    for (uint32_t tag = 0x73757001; tag <= 0x73757005; tag++)
        weft_call(self, sup, tag, weft_bytes_text("junk"), WEFT_S(1), &ref);
}

static void junk_is_ignored_and_junk_calls_are_answered(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 1, 0);
    liar = probe("liar", 0);
    in(liar, send_junk);
    CHECK_LOG("liar reply sup UNSUPPORTED, liar reply sup MALFORMED, liar reply sup NOT_FOUND, "
              "liar reply sup NOT_FOUND, liar reply sup NOT_FOUND, liar reply sup NOT_FOUND");
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:run ");
    world_close();
}

static void an_exit_sent_by_a_living_child_is_not_its_end(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 1, 0);
    weft_pid before = pid_of("a");
    in(before, send_exit_to_sup);
    CHECK(weft_pid_equal(before, pid_of("a")));
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:run ");
    CHECK_LOG("");
    world_close();
}

static void a_supervisor_that_is_killed_takes_its_children_along(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 1, PROBE_TRAP);
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, sup, &why);
    settle();
    CHECK_LOG("parent exit sup killed/0, a terminate killed/0, b terminate killed/0, "
              "c terminate killed/0");
    CHECK_EQ_UINT(stats().procs, 1);
    world_close();
}

static void escalation_restarts_a_whole_branch(void) {
    struct weft_child_spec kids[] = {kid("a", WEFT_PERMANENT, 0), kid("b", WEFT_PERMANENT, 0)};
    struct weft_sup_config inner = {.intensity_zero = true, .children = kids, .children_count = 2};
    struct weft_child_spec branch = {
        .id = "s", .behaviour = &weft_supervisor, .arg = weft_bytes(&inner, sizeof inner)};
    struct weft_sup_config config = {.intensity = 1, .children = &branch, .children_count = 1};
    sup_open(&config);
    kill_kid("a");
    CHECK_LOG("start a, start b");
    CHECK(alive(sup));
    kill_kid("b");
    CHECK_LOG("parent exit sup shutdown/0");
    world_close();
}

static void a_faulting_child_is_restarted_with_a_clean_state(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 3, 0);
    weft_pid before = pid_of("b");
    in(before, fault_assert);
    CHECK_LOG("start b");
    CHECK(!weft_pid_equal(before, pid_of("b")));
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_SUP_CHILD_DOWN)->number[3], WEFT_REASON_FAULT);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_SUP_CHILD_UP)->number[3], 1);
    world_close();
}

static void many_restarts_leave_no_memory_behind(void) {
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    struct weft_sup_config config = {
        .intensity = 4, .period = WEFT_MS(35), .children = &spec, .children_count = 1};
    sup_open(&config);
    for (int i = 0; i < 8; i++) kill_kid("a"), pass(WEFT_MS(10));
    size_t bytes = world.heap.bytes;
    for (int i = 0; i < 200; i++) kill_kid("a"), pass(WEFT_MS(10));
    CHECK_EQ_UINT(world.heap.bytes, bytes);
    CHECK(alive(sup));
    world_log_clear();
    world_close();
}

TEST_MAIN("otp/supervisor", TEST(a_child_that_unlinked_and_linked_again_is_restarted),
          TEST(a_permanent_child_is_restarted_whatever_it_ended_with),
          TEST(a_transient_child_is_restarted_unless_it_ended_clean_and_its_spec_stays),
          TEST(a_temporary_child_is_never_restarted_and_its_spec_goes),
          TEST(one_for_one_restarts_the_one_that_died),
          TEST(one_for_all_stops_the_rest_in_reverse_and_starts_all_in_order),
          TEST(rest_for_one_stops_and_starts_those_after),
          TEST(a_group_restart_forgets_temporary_children_and_starts_transient_ones_again),
          TEST(the_default_is_one_restart_in_five_seconds),
          TEST(with_intensity_zero_the_first_restart_is_one_too_many),
          TEST(restarts_farther_apart_than_the_period_go_on_for_ever), TEST(the_window_slides),
          TEST(too_many_restarts_end_the_supervisor_with_shutdown_after_its_children),
          TEST(children_start_in_order), TEST(what_a_failed_start_left_ends_with_who_started_it),
          TEST(a_start_that_fails_stops_those_started_in_reverse),
          TEST(a_failed_start_says_which_child_and_why),
          TEST(a_child_that_chooses_ignore_stays_as_a_spec_unless_temporary),
          TEST(two_children_may_not_share_an_id_unless_it_is_empty),
          TEST(a_bad_configuration_is_refused),
          TEST(a_restart_that_fails_counts_and_is_tried_again_until_the_intensity),
          TEST(a_restart_that_fails_once_succeeds_the_next_time),
          TEST(others_are_served_between_two_tries),
          TEST(a_child_waiting_for_a_try_is_restarting_and_can_be_terminated),
          TEST(a_group_whose_start_fails_is_tried_again_from_the_one_that_failed),
          TEST(terminate_restart_and_delete_answer_as_otp_does),
          TEST(terminating_a_temporary_child_forgets_it), TEST(starting_an_id_twice_says_who_runs),
          TEST(a_child_whose_start_fails_is_forgotten),
          TEST(a_started_child_that_chooses_ignore_has_no_pid),
          TEST(a_spec_without_behaviour_is_refused_on_the_way),
          TEST(dynamic_children_without_id_are_found_by_pid),
          TEST(children_are_counted_by_what_they_are), TEST(long_ids_are_cut_in_answers_only),
          TEST(junk_is_ignored_and_junk_calls_are_answered),
          TEST(an_exit_sent_by_a_living_child_is_not_its_end),
          TEST(a_supervisor_that_is_killed_takes_its_children_along),
          TEST(escalation_restarts_a_whole_branch),
          TEST(a_faulting_child_is_restarted_with_a_clean_state),
          TEST(many_restarts_leave_no_memory_behind))
