#include "core/otp/supervisor.h"
#include "tests/unit/sim/check/events.h"

static struct run start(void) {
    struct run run =
        run_of((struct sim_check_spec){.kind = SIM_CHECK_RESTARTED, .within = WEFT_S(5)}, 8);
    run.now = WEFT_S(1);
    return run;
}

static void child(struct run *run, enum weft_trace_kind kind, uint64_t restart, const char *id) {
    bool went = kind == WEFT_TRACE_SUP_CHILD_DOWN;
    tell(run, 3,
         (struct weft_trace_event){.kind = kind,
                                   .number = {77, 5, restart, went ? 0 : 1, went ? 1 : 0},
                                   .bytes = weft_bytes_text(id)});
}

/* Something else happens at `at`: time passes for the checks. */
static void pass(struct run *run, weft_time at) {
    run->now = at;
    fault(run, WEFT_TRACE_FAULT_ON, SIM_FAULT_CRASH);
}

static void a_child_that_comes_back_on_time_holds(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    run.now = WEFT_S(6);
    child(&run, WEFT_TRACE_SUP_CHILD_UP, WEFT_PERMANENT, "dht");
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void a_child_that_comes_back_too_late_fails(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    run.now = WEFT_S(6) + 1;
    child(&run, WEFT_TRACE_SUP_CHILD_UP, WEFT_PERMANENT, "dht");
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_INT(result.first_failed_at, WEFT_S(6));
    CHECK_EQ_TEXT(result.why, "node 3: child \"dht\" was not restarted");
}

static void a_child_that_never_comes_back_fails_at_the_end(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    run.now = WEFT_S(6);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void a_deadline_after_the_end_is_not_judged(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    run.now = WEFT_S(6) - 1;
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void another_child_does_not_stand_in(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    child(&run, WEFT_TRACE_SUP_CHILD_UP, WEFT_PERMANENT, "control");
    pass(&run, WEFT_S(7));
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void temporary_and_transient_children_are_not_promised(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_TRANSIENT, "a");
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_TEMPORARY, "b");
    pass(&run, WEFT_S(7));
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_node_that_went_down_owes_nothing(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    down(&run, 3, WEFT_NODE_CRASHED);
    pass(&run, WEFT_S(7));
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_supervisor_that_gave_up_owes_nothing(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    tell(&run, 3, (struct weft_trace_event){.kind = WEFT_TRACE_SUP_GIVE_UP, .number = {77, 4}});
    pass(&run, WEFT_S(7));
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_child_taken_out_on_request_is_not_owed(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    tell(&run, 3,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_REMOVED,
                                   .number = {77, 0},
                                   .bytes = weft_bytes_text("dht")});
    pass(&run, WEFT_S(7));
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_pause_excuses(void) {
    struct run run = start();
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PAUSE);
    pass(&run, WEFT_S(7));
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void each_of_many_deaths_is_judged(void) {
    struct run run = start();
    for (int i = 0; i < 40; i++) {
        child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "dht");
        run.now += WEFT_S(1);
        child(&run, WEFT_TRACE_SUP_CHILD_UP, WEFT_PERMANENT, "dht");
    }
    CHECK_RESULT(result_of(&run), 40, 0, true);
}

static void of_a_core_a_child_that_waits_has_until_it_had_to_converge(void) {
    struct run run = run_of_core((struct sim_check_spec){.kind = SIM_CHECK_RESTARTED}, 8);
    run.now = WEFT_S(50);
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "late");
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "never");
    child(&run, WEFT_TRACE_SUP_CHILD_DOWN, WEFT_PERMANENT, "soon");
    run.now = WEFT_S(60);
    child(&run, WEFT_TRACE_SUP_CHILD_UP, WEFT_PERMANENT, "soon"); /* before: not judged */
    run.now = WEFT_S(130);
    child(&run, WEFT_TRACE_SUP_CHILD_UP, WEFT_PERMANENT, "late");
    pass(&run, WEFT_S(140));
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 2, 1, false);
    CHECK_EQ_INT(result.first_failed_at, WEFT_S(130));
    CHECK_EQ_TEXT(result.why, "node 3: child \"never\" was not restarted");
}

TEST_MAIN("sim/check/restarted", TEST(a_child_that_comes_back_on_time_holds),
          TEST(a_child_that_comes_back_too_late_fails),
          TEST(a_child_that_never_comes_back_fails_at_the_end),
          TEST(a_deadline_after_the_end_is_not_judged), TEST(another_child_does_not_stand_in),
          TEST(temporary_and_transient_children_are_not_promised),
          TEST(a_node_that_went_down_owes_nothing), TEST(a_supervisor_that_gave_up_owes_nothing),
          TEST(a_child_taken_out_on_request_is_not_owed), TEST(a_pause_excuses),
          TEST(each_of_many_deaths_is_judged),
          TEST(of_a_core_a_child_that_waits_has_until_it_had_to_converge))
