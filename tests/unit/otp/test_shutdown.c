/* Stopping, in virtual time: order, patience, and what comes in meanwhile. */
#include "tests/unit/otp/sup_kit.h"

static void exit_sup(enum weft_reason_kind kind) {
    struct weft_reason why = weft_reason(kind, 0);
    weft_sched_exit(world.sched, sup, &why);
}

static void exit_sup_as_parent(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, sup, &why);
}

static void a_supervisor_stops_its_children_in_reverse_order(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 0, PROBE_TRAP);
    in(parent, exit_sup_as_parent);
    CHECK_LOG("c terminate shutdown/0, b terminate shutdown/0, a terminate shutdown/0, "
              "parent exit sup shutdown/0");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_DOWN), 3);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_SUP_CHILD_DOWN)->number[4], 0);
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_GIVE_UP), 0);
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void an_exit_from_others_than_the_parent_does_not_stop_it(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 0, 0);
    exit_sup(WEFT_REASON_SHUTDOWN);
    settle();
    CHECK(alive(sup));
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:run ");
    world_close();
}

static void a_supervisor_that_is_the_root_stops_when_told_from_outside(void) {
    world_open_bare();
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, PROBE_TRAP),
                                         kid("b", WEFT_PERMANENT, PROBE_TRAP)};
    struct weft_sup_config config = {.children = children, .children_count = 2};
    struct weft_spawn spawn = {.behaviour = &weft_supervisor,
                               .arg = weft_bytes(&config, sizeof config)};
    CHECK_EQ_INT(weft_sched_start(world.sched, &spawn, &sup, NULL), WEFT_OK);
    world_log_clear();
    exit_sup(WEFT_REASON_SHUTDOWN);
    settle();
    struct weft_reason why;
    CHECK(weft_sched_ended(world.sched, &why));
    CHECK_EQ_TEXT(why_text(&why), "shutdown/0");
    CHECK_LOG("b terminate shutdown/0, a terminate shutdown/0");
    CHECK_EQ_UINT(stats().procs, 0);
    world_close();
}

/* One child "a" with this patience; how long stopping it takes, and what it is seen to end with. */
static weft_duration terminate_takes(unsigned options, weft_duration shutdown, const char *log) {
    struct weft_child_spec spec = kid("a", WEFT_PERMANENT, options);
    spec.shutdown = shutdown;
    struct weft_sup_config config = {.children = &spec, .children_count = 1};
    sup_open(&config);
    weft_time start = world.now, end = start;
    CHECK(ask_terminate("a") == WEFT_OK || answers == 0);
    while (answers == 0 && weft_sched_next_at(world.sched) != WEFT_TIME_NEVER) {
        world.now = end = weft_sched_next_at(world.sched);
        settle();
    }
    CHECK_LOG(log);
    bool ended = answers == 1;
    if (ended) CHECK_EQ_INT(answer.status, WEFT_OK);
    world_close();
    return ended ? end - start : WEFT_TIME_NEVER;
}

static uint64_t last_down(void) {
    for (size_t i = world.traces_count; i > 0; i--)
        if (world.traces[i - 1].kind == WEFT_TRACE_SUP_CHILD_DOWN)
            return world.traces[i - 1].number[3];
    return 99;
}

static void a_child_that_ends_when_told_is_seen_with_shutdown(void) {
    CHECK_EQ_INT(terminate_takes(PROBE_TRAP, WEFT_S(1), "a terminate shutdown/0"), 0);
    CHECK_EQ_UINT(last_down(), WEFT_REASON_SHUTDOWN);
}
static void a_child_that_does_not_end_in_time_is_killed(void) {
    CHECK_EQ_INT(terminate_takes(PROBE_SLOW, WEFT_MS(100), "a exit sup shutdown/0"), WEFT_MS(100));
    CHECK_EQ_UINT(last_down(), WEFT_REASON_KILLED);
}
static void a_worker_is_given_five_seconds_by_default(void) {
    CHECK_EQ_INT(terminate_takes(PROBE_SLOW, 0, "a exit sup shutdown/0"), WEFT_S(5));
}
static void brutal_kill_does_not_ask(void) {
    CHECK_EQ_INT(terminate_takes(PROBE_SLOW, WEFT_BRUTAL_KILL, ""), 0);
    CHECK_EQ_UINT(last_down(), WEFT_REASON_KILLED);
}
static void infinity_waits_for_ever(void) {
    CHECK_EQ_INT(terminate_takes(PROBE_SLOW, WEFT_INFINITY, "a exit sup shutdown/0"),
                 WEFT_TIME_NEVER);
}

static void each_child_has_its_own_time(void) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, PROBE_SLOW),
                                         kid("b", WEFT_PERMANENT, PROBE_SLOW),
                                         kid("c", WEFT_PERMANENT, PROBE_TRAP)};
    children[0].shutdown = WEFT_MS(300);
    children[1].shutdown = WEFT_MS(200);
    struct weft_sup_config config = {.children = children, .children_count = 3};
    sup_open(&config);
    in(parent, exit_sup_as_parent);
    CHECK_LOG("c terminate shutdown/0, b exit sup shutdown/0");
    pass(WEFT_MS(199));
    CHECK_LOG("");
    pass(WEFT_MS(1));
    CHECK_LOG("a exit sup shutdown/0");
    pass(WEFT_MS(299));
    CHECK(alive(sup));
    pass(WEFT_MS(1));
    CHECK_LOG("parent exit sup shutdown/0");
    world_close();
}

static void open_slow(enum weft_strategy strategy) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, 0), kid("b", WEFT_PERMANENT, 0),
                                         kid("c", WEFT_PERMANENT, PROBE_SLOW)};
    children[2].shutdown = WEFT_MS(50);
    struct weft_sup_config config = {
        .strategy = strategy, .intensity = 5, .children = children, .children_count = 3};
    sup_open(&config);
}

static void a_group_restart_waits_for_a_slow_child_and_requests_wait_for_it(void) {
    open_slow(WEFT_ONE_FOR_ALL);
    kill_kid("a");
    CHECK_LOG("c exit sup shutdown/0");
    CHECK_EQ_INT(ask_count(), 12345); /* no answer yet */
    CHECK_EQ_UINT(answers, 0);
    pass(WEFT_MS(49));
    CHECK_LOG("");
    pass(WEFT_MS(1));
    CHECK_LOG("start a, start b, start c");
    CHECK_EQ_UINT(answers, 1);
    CHECK_EQ_UINT(answer.as.counts.active, 3);
    world_close();
}

static void requests_that_waited_are_answered_in_order(void) {
    open_slow(WEFT_ONE_FOR_ALL);
    kill_kid("a");
    world_log_clear();
    struct weft_child_spec spec = kid("d", WEFT_PERMANENT, 0);
    ask_start(&spec);
    ask_terminate("d");
    ask_which();
    CHECK_EQ_UINT(answers, 0);
    pass(WEFT_MS(50));
    CHECK_EQ_UINT(answers, 3);
    CHECK_LOG("start a, start b, start c, start d");
    CHECK_EQ_UINT(answer.size, 4 * sizeof(struct weft_child_info));
    CHECK(weft_pid_is_none(answer.as.infos[3].pid));
    world_close();
}

static void a_death_during_a_group_restart_is_part_of_it(void) {
    open_slow(WEFT_ONE_FOR_ALL);
    kill_kid("a");
    kill_kid("b");
    CHECK_LOG("c exit sup shutdown/0");
    pass(WEFT_MS(50));
    CHECK_LOG("start a, start b, start c");
    CHECK_EQ_UINT(traced(WEFT_TRACE_SUP_CHILD_DOWN), 3);
    world_close();
}

static void a_death_during_a_terminate_is_handled_after_it(void) {
    open_slow(WEFT_ONE_FOR_ONE);
    ask_terminate("c");
    kill_kid("a");
    CHECK_LOG("c exit sup shutdown/0");
    pass(WEFT_MS(50));
    CHECK_LOG("start a");
    CHECK_EQ_UINT(answers, 1);
    CHECK_EQ_TEXT(which_text(), "a:run b:run c:- ");
    world_close();
}

static void a_death_before_a_rest_for_one_restart_is_handled_after_it(void) {
    open_slow(WEFT_REST_FOR_ONE);
    kill_kid("b");
    kill_kid("a");
    CHECK_LOG("c exit sup shutdown/0");
    pass(WEFT_MS(50));
    CHECK_LOG("start b, start c, c exit sup shutdown/0");
    pass(WEFT_MS(50));
    CHECK_LOG("start a, start b, start c");
    world_close();
}

static void the_parents_exit_during_a_group_restart_ends_it(void) {
    open_slow(WEFT_ONE_FOR_ALL);
    kill_kid("a");
    in(parent, exit_sup_as_parent);
    ask_count();
    CHECK_LOG("c exit sup shutdown/0");
    pass(WEFT_MS(50));
    CHECK_LOG("parent exit sup shutdown/0");
    CHECK_EQ_INT(answer.status, WEFT_ERR_NO_PROC);
    world_close();
}

static void the_parents_exit_during_a_terminate_leaves_the_asker_with_no_proc(void) {
    open_slow(WEFT_ONE_FOR_ONE);
    ask_terminate("c");
    in(parent, exit_sup_as_parent);
    pass(WEFT_MS(50));
    CHECK_LOG("c exit sup shutdown/0, parent exit sup shutdown/0");
    CHECK_EQ_UINT(answers, 1);
    CHECK_EQ_INT(answer.status, WEFT_ERR_NO_PROC);
    world_close();
}

static void a_supervisor_waits_for_a_child_supervisor_without_limit(void) {
    struct weft_child_spec inner_kid = kid("a", WEFT_PERMANENT, PROBE_SLOW);
    inner_kid.shutdown = WEFT_MIN(10);
    struct weft_sup_config inner = {.children = &inner_kid, .children_count = 1};
    struct weft_child_spec branch = {
        .id = "s", .behaviour = &weft_supervisor, .arg = weft_bytes(&inner, sizeof inner)};
    struct weft_sup_config config = {.children = &branch, .children_count = 1};
    sup_open(&config);
    in(parent, exit_sup_as_parent);
    CHECK_LOG("a exit ? shutdown/0");
    pass(WEFT_MIN(10) - 1);
    CHECK(alive(sup));
    pass(1);
    CHECK_LOG("parent exit sup shutdown/0");
    world_close();
}

static void unlink_parent(weft_self *self) { weft_unlink(self, weft_self_parent(self)); }

static void a_child_that_unlinked_cannot_hang_the_supervisor(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 0, 0);
    in(pid_of("b"), unlink_parent);
    weft_pid c = pid_of("c");
    in(c, unlink_parent);
    in(c, stop_normal);
    CHECK_LOG("c terminate normal/0");
    in(parent, exit_sup_as_parent);
    CHECK_LOG("parent exit sup shutdown/0");
    CHECK_EQ_UINT(stats().procs, 1);
    world_close();
}

static void a_slow_child_that_ends_by_itself_stops_the_clock(void) {
    open_slow(WEFT_ONE_FOR_ONE);
    ask_terminate("c");
    pass(WEFT_MS(20));
    CHECK_EQ_UINT(answers, 0);
    in(pid_of("c"), stop_normal);
    CHECK_EQ_UINT(answers, 1);
    CHECK_EQ_UINT(stats().timers, 0);
    CHECK_LOG("c exit sup shutdown/0, c terminate normal/0");
    world_close();
}

static void freeing_a_scheduler_calls_no_terminate(void) {
    sup_open_abc(WEFT_ONE_FOR_ONE, 0, PROBE_TRAP);
    world_close();
}

TEST_MAIN("otp/shutdown", TEST(a_supervisor_stops_its_children_in_reverse_order),
          TEST(an_exit_from_others_than_the_parent_does_not_stop_it),
          TEST(a_supervisor_that_is_the_root_stops_when_told_from_outside),
          TEST(a_child_that_ends_when_told_is_seen_with_shutdown),
          TEST(a_child_that_does_not_end_in_time_is_killed),
          TEST(a_worker_is_given_five_seconds_by_default), TEST(brutal_kill_does_not_ask),
          TEST(infinity_waits_for_ever), TEST(each_child_has_its_own_time),
          TEST(a_group_restart_waits_for_a_slow_child_and_requests_wait_for_it),
          TEST(requests_that_waited_are_answered_in_order),
          TEST(a_death_during_a_group_restart_is_part_of_it),
          TEST(a_death_during_a_terminate_is_handled_after_it),
          TEST(a_death_before_a_rest_for_one_restart_is_handled_after_it),
          TEST(the_parents_exit_during_a_group_restart_ends_it),
          TEST(the_parents_exit_during_a_terminate_leaves_the_asker_with_no_proc),
          TEST(a_supervisor_waits_for_a_child_supervisor_without_limit),
          TEST(a_child_that_unlinked_cannot_hang_the_supervisor),
          TEST(a_slow_child_that_ends_by_itself_stops_the_clock),
          TEST(freeing_a_scheduler_calls_no_terminate))
