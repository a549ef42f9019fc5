#include "tests/unit/sim/check/events.h"

static struct run start(void) {
    return run_of((struct sim_check_spec){.kind = SIM_CHECK_NO_LEAK}, 8);
}

static void left(struct run *run, uint64_t procs, uint64_t timers, uint64_t sockets,
                 uint64_t bytes) {
    tell(run, 5,
         (struct weft_trace_event){.kind = WEFT_TRACE_NODE_LEFT,
                                   .number = {procs, timers, sockets, bytes}});
}

static void nothing_left_holds(void) {
    struct run run = start();
    left(&run, 0, 0, 0, 0);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void each_kind_of_leak_fails(void) {
    struct run run = start();
    left(&run, 1, 0, 0, 0);
    left(&run, 0, 1, 0, 0);
    left(&run, 0, 0, 1, 0);
    left(&run, 0, 0, 0, 1);
    CHECK_RESULT(result_of(&run), 4, 4, false);
}

static void a_leak_is_told_in_full(void) {
    struct run run = start();
    left(&run, 1, 2, 3, 456);
    struct sim_check_result result = result_of(&run);
    CHECK_EQ_TEXT(result.why, "node 5: left 1 processes, 2 timers, 3 sockets, 456 bytes");
}

static void a_leak_while_the_run_is_stopped_is_judged(void) {
    struct run run = start();
    sim_checks_stopping(run.checks, 0);
    left(&run, 1, 0, 0, 0);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void no_node_that_ended_is_a_dead_check(void) {
    struct run run = start();
    up(&run, 1);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

TEST_MAIN("sim/check/no_leak", TEST(nothing_left_holds), TEST(each_kind_of_leak_fails),
          TEST(a_leak_is_told_in_full), TEST(a_leak_while_the_run_is_stopped_is_judged),
          TEST(no_node_that_ended_is_a_dead_check))
