/* auto_shutdown and significant children: otp25-vectors sup.auto_shutdown.*, and
 * https://www.erlang.org/doc/man/supervisor.html#auto_shutdown. */
#include "tests/unit/otp/sup_kit.h"

static struct weft_child_spec specs[3];

/* a transient, b temporary, both significant; c permanent. */
static void open_with(enum weft_auto_shutdown auto_shutdown, enum weft_strategy strategy) {
    specs[0] = kid("a", WEFT_TRANSIENT, PROBE_TRAP);
    specs[1] = kid("b", WEFT_TEMPORARY, PROBE_TRAP);
    specs[2] = kid("c", WEFT_PERMANENT, PROBE_TRAP);
    specs[0].significant = specs[1].significant = auto_shutdown != WEFT_AUTO_NEVER;
    struct weft_sup_config config = {.strategy = strategy,
                                     .intensity = 5,
                                     .auto_shutdown = auto_shutdown,
                                     .children = specs,
                                     .children_count = 3};
    sup_open(&config);
}

static void any_significant_ends_the_supervisor_with_the_first(void) {
    open_with(WEFT_AUTO_ANY_SIGNIFICANT, WEFT_ONE_FOR_ONE);
    end_kid("a", WEFT_REASON_NORMAL, 0);
    CHECK_LOG("a terminate normal/0, c terminate shutdown/0, b terminate shutdown/0, "
              "parent exit sup shutdown/0");
    CHECK_EQ_UINT(stats().procs, 1);
    world_close();
}

static void the_reason_names_the_significant_child(void) {
    open_with(WEFT_AUTO_ANY_SIGNIFICANT, WEFT_ONE_FOR_ONE);
    end_kid("a", WEFT_REASON_SHUTDOWN, 3);
    CHECK_EQ_TEXT(traced_last(WEFT_TRACE_PROC_EXIT)->text,
                  "auto_shutdown: significant child 'a' ended");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_GIVE_UP), 0);
    world_log_clear();
    world_close();
}

static void all_significant_waits_for_the_last(void) {
    open_with(WEFT_AUTO_ALL_SIGNIFICANT, WEFT_ONE_FOR_ONE);
    end_kid("a", WEFT_REASON_NORMAL, 0);
    CHECK_EQ_TEXT(which_text(), "a:- b:run c:run ");
    end_kid("b", WEFT_REASON_ERROR, 7);
    CHECK_LOG("a terminate normal/0, b terminate error/7, c terminate shutdown/0, "
              "parent exit sup shutdown/0");
    world_close();
}

static void under_never_the_end_of_a_child_ends_nobody_else(void) {
    open_with(WEFT_AUTO_NEVER, WEFT_ONE_FOR_ONE);
    end_kid("a", WEFT_REASON_NORMAL, 0);
    end_kid("b", WEFT_REASON_NORMAL, 0);
    CHECK_EQ_TEXT(which_text(), "a:- c:run ");
    world_log_clear();
    world_close();
}

static void the_end_of_an_insignificant_child_ends_nobody_else(void) {
    specs[0] = kid("a", WEFT_TRANSIENT, 0);
    specs[1] = kid("b", WEFT_TRANSIENT, 0);
    specs[1].significant = true;
    struct weft_sup_config config = {
        .auto_shutdown = WEFT_AUTO_ANY_SIGNIFICANT, .children = specs, .children_count = 2};
    sup_open(&config);
    end_kid("a", WEFT_REASON_NORMAL, 0);
    CHECK_EQ_TEXT(which_text(), "a:- b:run ");
    world_log_clear();
    world_close();
}

static void a_significant_child_that_is_restarted_ends_nobody(void) {
    open_with(WEFT_AUTO_ANY_SIGNIFICANT, WEFT_ONE_FOR_ONE);
    end_kid("a", WEFT_REASON_ERROR, 7);
    CHECK_LOG("a terminate error/7, start a");
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:run ");
    world_close();
}

static void terminating_a_significant_child_by_request_ends_nobody_else(void) {
    open_with(WEFT_AUTO_ANY_SIGNIFICANT, WEFT_ONE_FOR_ONE);
    CHECK_EQ_INT(ask_terminate("a"), WEFT_OK);
    CHECK_EQ_INT(ask_terminate("b"), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "a:- c:run ");
    world_log_clear();
    world_close();
}

static void a_significant_child_stopped_with_its_group_ends_nobody_else(void) {
    open_with(WEFT_AUTO_ANY_SIGNIFICANT, WEFT_ONE_FOR_ALL);
    kill_kid("c");
    CHECK_EQ_TEXT(which_text(), "a:run c:run ");
    world_log_clear();
    world_close();
}

static void a_significant_child_stopped_by_request_does_not_count_as_running(void) {
    open_with(WEFT_AUTO_ALL_SIGNIFICANT, WEFT_ONE_FOR_ONE);
    CHECK_EQ_INT(ask_terminate("a"), WEFT_OK);
    world_log_clear();
    end_kid("b", WEFT_REASON_NORMAL, 0);
    CHECK_LOG("b terminate normal/0, c terminate shutdown/0, parent exit sup shutdown/0");
    world_close();
}

static void a_significant_child_that_waits_for_a_restart_counts_as_running(void) {
    specs[0] = kid("x", WEFT_TRANSIENT, 0);
    specs[1] = kid("b", WEFT_TEMPORARY, 0);
    specs[0].significant = specs[1].significant = true;
    struct weft_sup_config config = {.intensity = 5,
                                     .backoff_first = WEFT_S(1),
                                     .auto_shutdown = WEFT_AUTO_ALL_SIGNIFICANT,
                                     .children = specs,
                                     .children_count = 2};
    sup_open(&config);
    kill_kid("x");
    end_kid("b", WEFT_REASON_NORMAL, 0);
    CHECK_EQ_TEXT(which_text(), "x:try ");
    pass(WEFT_S(1));
    CHECK_EQ_TEXT(which_text(), "x:run ");
    world_log_clear();
    world_close();
}

static int start_with(struct weft_child_spec spec, enum weft_auto_shutdown auto_shutdown) {
    struct weft_sup_config config = {
        .auto_shutdown = auto_shutdown, .children = &spec, .children_count = 1};
    sup_prepare(&config);
    int rv = sup_start();
    world_log_clear();
    return rv;
}

static const char *last_exit(void) { return traced_last(WEFT_TRACE_PROC_EXIT)->text; }

static void significant_and_permanent_is_a_bad_combination(void) {
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, 0);
    spec.significant = true;
    CHECK_EQ_INT(start_with(spec, WEFT_AUTO_ANY_SIGNIFICANT), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(last_exit(), "child a: bad_combination: significant and permanent");
    world_close();
}

static void significant_under_auto_shutdown_never_is_a_bad_combination(void) {
    struct weft_child_spec spec = kid("a", WEFT_TRANSIENT, 0);
    spec.significant = true;
    CHECK_EQ_INT(start_with(spec, WEFT_AUTO_NEVER), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(last_exit(), "child a: bad_combination: significant and auto_shutdown never");
    world_close();
}

static void an_auto_shutdown_out_of_range_is_refused(void) {
    struct weft_child_spec spec = kid("a", WEFT_TRANSIENT, 0);
    CHECK_EQ_INT(start_with(spec, (enum weft_auto_shutdown)7), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(last_exit(), "invalid auto_shutdown");
    world_close();
}

static void start_child_refuses_bad_combinations_and_says_why(void) {
    open_with(WEFT_AUTO_NEVER, WEFT_ONE_FOR_ONE);
    struct weft_child_spec spec = kid("d", WEFT_TRANSIENT, 0);
    spec.significant = true;
    CHECK_EQ_INT(ask_start(&spec), WEFT_ERR_INVAL);
    CHECK_EQ_UINT(answer.size, strlen("bad_combination: significant and auto_shutdown never"));
    CHECK_EQ_BYTES(answer.as.bytes, "bad_combination: significant and auto_shutdown never",
                   answer.size);
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:run ");
    world_close();
}

static void a_child_started_at_run_time_can_be_significant(void) {
    open_with(WEFT_AUTO_ANY_SIGNIFICANT, WEFT_ONE_FOR_ONE);
    struct weft_child_spec spec = kid("d", WEFT_TEMPORARY, 0);
    spec.significant = true;
    CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    kill_kid("d");
    CHECK(!alive(sup));
    world_log_clear();
    world_close();
}

TEST_MAIN("otp/auto_shutdown", TEST(any_significant_ends_the_supervisor_with_the_first),
          TEST(the_reason_names_the_significant_child), TEST(all_significant_waits_for_the_last),
          TEST(under_never_the_end_of_a_child_ends_nobody_else),
          TEST(the_end_of_an_insignificant_child_ends_nobody_else),
          TEST(a_significant_child_that_is_restarted_ends_nobody),
          TEST(terminating_a_significant_child_by_request_ends_nobody_else),
          TEST(a_significant_child_stopped_with_its_group_ends_nobody_else),
          TEST(a_significant_child_stopped_by_request_does_not_count_as_running),
          TEST(a_significant_child_that_waits_for_a_restart_counts_as_running),
          TEST(significant_and_permanent_is_a_bad_combination),
          TEST(significant_under_auto_shutdown_never_is_a_bad_combination),
          TEST(an_auto_shutdown_out_of_range_is_refused),
          TEST(start_child_refuses_bad_combinations_and_says_why),
          TEST(a_child_started_at_run_time_can_be_significant))
