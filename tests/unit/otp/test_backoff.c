/* The wait between restarts. */
#include "tests/unit/otp/sup_kit.h"

static struct weft_child_spec specs[3];
static struct weft_sup_config config;

static void configure(enum weft_strategy strategy, uint32_t count) {
    static const char *const ids[] = {"x", "b", "c"};
    for (int i = 0; i < 3; i++) specs[i] = kid(ids[i], WEFT_PERMANENT, PROBE_TRAP);
    config = (struct weft_sup_config){.strategy = strategy,
                                      .intensity = 100,
                                      .period = WEFT_MIN(10),
                                      .backoff_first = WEFT_MS(100),
                                      .backoff_max = WEFT_MS(700),
                                      .backoff_reset = WEFT_S(5),
                                      .children = specs,
                                      .children_count = count};
}

static void open_group(enum weft_strategy strategy, uint32_t count) {
    configure(strategy, count);
    sup_open(&config);
}

/* Kills "x"; how long it is gone. */
static weft_duration gone_for(void) {
    kill_kid("x");
    weft_time start = world.now;
    CHECK_EQ_TEXT(which_text(), "x:try ");
    while (weft_pid_is_none(pid_of("x")) && world.now - start < WEFT_MIN(1)) {
        world.now = weft_sched_next_at(world.sched);
        settle();
    }
    return world.now - start;
}

static void each_failure_in_a_row_waits_twice_as_long_up_to_the_most(void) {
    open_group(WEFT_ONE_FOR_ONE, 1);
    CHECK_EQ_INT(gone_for(), WEFT_MS(100));
    CHECK_EQ_INT(gone_for(), WEFT_MS(200));
    CHECK_EQ_INT(gone_for(), WEFT_MS(400));
    CHECK_EQ_INT(gone_for(), WEFT_MS(700));
    CHECK_EQ_INT(gone_for(), WEFT_MS(700));
    world_log_clear();
    world_close();
}

static void a_child_that_ran_long_enough_starts_over(void) {
    open_group(WEFT_ONE_FOR_ONE, 1);
    CHECK_EQ_INT(gone_for(), WEFT_MS(100));
    pass(WEFT_S(5) - WEFT_MS(1));
    CHECK_EQ_INT(gone_for(), WEFT_MS(200));
    pass(WEFT_S(5));
    CHECK_EQ_INT(gone_for(), WEFT_MS(100));
    world_log_clear();
    world_close();
}

static void the_most_is_64_times_the_first_by_default(void) {
    configure(WEFT_ONE_FOR_ONE, 1);
    config.backoff_max = config.backoff_reset = 0;
    sup_open(&config);
    for (int i = 0; i < 6; i++) CHECK_EQ_INT(gone_for(), WEFT_MS(100) << i);
    CHECK_EQ_INT(gone_for(), WEFT_MS(6400));
    CHECK_EQ_INT(gone_for(), WEFT_MS(6400));
    world_log_clear();
    world_close();
}

static void jitter_adds_a_random_part_within_its_bound(void) {
    configure(WEFT_ONE_FOR_ONE, 1);
    config.backoff_max = WEFT_MS(100);
    config.backoff_jitter = 50;
    sup_open(&config);
    weft_duration least = WEFT_S(1), most = 0;
    for (int i = 0; i < 50; i++) {
        weft_duration gone = gone_for();
        CHECK(gone >= WEFT_MS(100));
        CHECK(gone <= WEFT_MS(150));
        least = gone < least ? gone : least;
        most = gone > most ? gone : most;
    }
    CHECK(most - least > WEFT_MS(30));
    world_log_clear();
    world_close();
}

static void two_runs_with_the_same_entropy_wait_the_same(void) {
    weft_duration first[8];
    for (int run = 0; run < 2; run++) {
        configure(WEFT_ONE_FOR_ONE, 1);
        config.backoff_jitter = 100;
        sup_open(&config);
        for (int i = 0; i < 8; i++) {
            weft_duration gone = gone_for();
            if (run == 0) first[i] = gone;
            CHECK_EQ_INT(gone, first[i]);
        }
        world_log_clear();
        world_close();
    }
}

static void a_start_that_fails_waits_too_and_counts(void) {
    configure(WEFT_ONE_FOR_ONE, 1);
    config.intensity = 3;
    sup_open(&config);
    start_failures = 100;
    kill_kid("x");
    pass(WEFT_MS(100));
    CHECK_LOG("fail x");
    pass(WEFT_MS(199));
    CHECK_LOG("");
    pass(1 + WEFT_MS(1));
    CHECK_LOG("fail x");
    CHECK_EQ_TEXT(which_text(), "x:try ");
    pass(WEFT_MS(400));
    CHECK_LOG("fail x, parent exit sup shutdown/0");
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_SUP_GIVE_UP)->number[1], 4);
    world_close();
}

static void the_intensity_counts_when_the_wait_begins(void) {
    configure(WEFT_ONE_FOR_ONE, 1);
    config.intensity = 2;
    sup_open(&config);
    gone_for();
    gone_for();
    kill_kid("x");
    CHECK(!alive(sup));
    world_log_clear();
    world_close();
}

static void terminate_during_the_wait_ends_it(void) {
    open_group(WEFT_ONE_FOR_ONE, 1);
    kill_kid("x");
    CHECK_EQ_INT(ask_terminate("x"), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "x:- ");
    CHECK_EQ_UINT(stats().timers, 0);
    pass(WEFT_S(2));
    CHECK_LOG("");
    CHECK_EQ_INT(ask_restart("x"), WEFT_OK);
    CHECK_LOG("start x");
    world_close();
}

static void terminate_by_the_last_pid_during_the_wait_ends_it(void) {
    open_group(WEFT_ONE_FOR_ONE, 1);
    weft_pid pid = pid_of("x");
    kill_kid("x");
    CHECK_EQ_INT(ask_terminate_pid(pid), WEFT_OK);
    CHECK_EQ_TEXT(which_text(), "x:- ");
    CHECK_EQ_INT(ask_terminate_pid(pid), WEFT_ERR_NOT_FOUND);
    world_close();
}

static void delete_and_restart_during_the_wait_are_refused(void) {
    open_group(WEFT_ONE_FOR_ONE, 1);
    kill_kid("x");
    CHECK_EQ_INT(ask_delete("x"), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(ask_restart("x"), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.active, 0);
    CHECK_EQ_UINT(answer.as.counts.specs, 1);
    pass(WEFT_MS(100));
    CHECK_LOG("start x");
    world_close();
}

static void others_are_served_and_run_during_the_wait_of_one(void) {
    open_group(WEFT_ONE_FOR_ONE, 3);
    kill_kid("x");
    kill_kid("c");
    CHECK_EQ_TEXT(which_text(), "x:try b:run c:try ");
    pass(WEFT_MS(100));
    CHECK_LOG("start x, start c");
    world_close();
}

static void a_group_is_stopped_before_the_wait_and_started_after_it(void) {
    open_group(WEFT_ONE_FOR_ALL, 3);
    kill_kid("b");
    CHECK_LOG("c terminate shutdown/0, x terminate shutdown/0");
    CHECK_EQ_TEXT(which_text(), "x:- b:try c:- ");
    pass(WEFT_MS(100));
    CHECK_LOG("start x, start b, start c");
    world_close();
}

static void the_rest_is_stopped_before_the_wait_and_started_after_it(void) {
    open_group(WEFT_REST_FOR_ONE, 3);
    kill_kid("b");
    CHECK_LOG("c terminate shutdown/0");
    CHECK_EQ_TEXT(which_text(), "x:run b:try c:- ");
    pass(WEFT_MS(100));
    CHECK_LOG("start b, start c");
    world_close();
}

static void a_group_whose_start_fails_waits_and_is_stopped_and_started_again(void) {
    open_group(WEFT_ONE_FOR_ALL, 3);
    kill_kid("b");
    start_failures = 1;
    world_log_clear();
    pass(WEFT_MS(100));
    CHECK_LOG("fail x");
    CHECK_EQ_TEXT(which_text(), "x:try b:- c:- ");
    CHECK_EQ_INT(ask_restart("c"), WEFT_OK);
    pass(WEFT_MS(100));
    CHECK_LOG("start c, c terminate shutdown/0, start x, start b, start c");
    world_close();
}

static void end_sup(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, sup, &why);
}

static void a_supervisor_that_is_told_to_end_does_not_wait_for_a_restart(void) {
    open_group(WEFT_ONE_FOR_ONE, 2);
    kill_kid("x");
    in(parent, end_sup);
    CHECK_LOG("b terminate shutdown/0, parent exit sup shutdown/0");
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void a_wait_that_ends_while_another_child_is_stopped_is_acted_on_after_it(void) {
    configure(WEFT_ONE_FOR_ONE, 2);
    specs[1] = kid("b", WEFT_PERMANENT, PROBE_SLOW);
    specs[1].shutdown = WEFT_MS(500);
    sup_open(&config);
    kill_kid("x");
    ask_terminate("b");
    CHECK_LOG("b exit sup shutdown/0");
    pass(WEFT_MS(499));
    CHECK_LOG("");
    pass(WEFT_MS(1));
    CHECK_LOG("start x");
    CHECK_EQ_TEXT(which_text(), "x:run b:- ");
    world_close();
}

static void a_wait_out_of_range_is_refused(void) {
    configure(WEFT_ONE_FOR_ONE, 1);
    config.backoff_first = -1;
    CHECK_EQ_INT(weft_sup_check(&config, NULL), WEFT_ERR_INVAL);
    configure(WEFT_ONE_FOR_ONE, 1);
    config.backoff_max = WEFT_MS(99);
    CHECK_EQ_INT(weft_sup_check(&config, NULL), WEFT_ERR_INVAL);
    configure(WEFT_ONE_FOR_ONE, 1);
    config.backoff_jitter = 101;
    CHECK_EQ_INT(weft_sup_check(&config, NULL), WEFT_ERR_INVAL);
    configure(WEFT_ONE_FOR_ONE, 1);
    CHECK_EQ_INT(weft_sup_check(&config, NULL), WEFT_OK);
}

TEST_MAIN("otp/backoff", TEST(each_failure_in_a_row_waits_twice_as_long_up_to_the_most),
          TEST(a_child_that_ran_long_enough_starts_over),
          TEST(the_most_is_64_times_the_first_by_default),
          TEST(jitter_adds_a_random_part_within_its_bound),
          TEST(two_runs_with_the_same_entropy_wait_the_same),
          TEST(a_start_that_fails_waits_too_and_counts),
          TEST(the_intensity_counts_when_the_wait_begins), TEST(terminate_during_the_wait_ends_it),
          TEST(terminate_by_the_last_pid_during_the_wait_ends_it),
          TEST(delete_and_restart_during_the_wait_are_refused),
          TEST(others_are_served_and_run_during_the_wait_of_one),
          TEST(a_group_is_stopped_before_the_wait_and_started_after_it),
          TEST(the_rest_is_stopped_before_the_wait_and_started_after_it),
          TEST(a_group_whose_start_fails_waits_and_is_stopped_and_started_again),
          TEST(a_supervisor_that_is_told_to_end_does_not_wait_for_a_restart),
          TEST(a_wait_that_ends_while_another_child_is_stopped_is_acted_on_after_it),
          TEST(a_wait_out_of_range_is_refused))
