#include "core/otp/types.h"
#include "tests/unit/sim/check/events.h"

static struct run start(void) {
    struct run run = run_of((struct sim_check_spec){.kind = SIM_CHECK_NO_SURPRISE}, 8);
    run.now = WEFT_S(1);
    return run;
}

static void exits(struct run *run, enum weft_reason_kind reason, const char *text) {
    tell(run, 4,
         (struct weft_trace_event){.kind = WEFT_TRACE_PROC_EXIT,
                                   .number = {9, reason, 0, reason == WEFT_REASON_FAULT},
                                   .bytes = weft_bytes_text(text)});
}

static void gives_up(struct run *run) {
    tell(run, 4, (struct weft_trace_event){.kind = WEFT_TRACE_SUP_GIVE_UP, .number = {7, 11}});
}

static void an_ordinary_exit_holds(void) {
    struct run run = start();
    exits(&run, WEFT_REASON_SHUTDOWN, "");
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void a_fault_nobody_planted_fails_with_its_text(void) {
    struct run run = start();
    exits(&run, WEFT_REASON_FAULT, "core/dht/table.c:120: count <= k");
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 4: a process faulted: core/dht/table.c:120: count <= k");
}

static void a_planted_fault_is_not_counted(void) {
    struct run run = start();
    exits(&run, WEFT_REASON_FAULT, "planted by the scenario");
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_supervisor_that_gives_up_by_itself_fails(void) {
    struct run run = start();
    gives_up(&run);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 4: a supervisor gave up");
}

static void what_follows_a_planted_fault_is_its_doing_for_a_while(void) {
    struct run run = start();
    exits(&run, WEFT_REASON_FAULT, "planted");
    run.now = WEFT_S(11);
    gives_up(&run);
    down(&run, 4, WEFT_NODE_ENDED);
    run.now = WEFT_S(11) + 1;
    gives_up(&run);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void who_gives_up_for_want_of_memory_is_excused_and_who_faults_is_not(void) {
    struct run run = start();
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_MEMORY);
    gives_up(&run);
    down(&run, 4, WEFT_NODE_ENDED);
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_MEMORY);
    run.now = WEFT_S(11);
    gives_up(&run);
    exits(&run, WEFT_REASON_FAULT, "x.c:1: got != NULL");
    run.now++;
    gives_up(&run);
    CHECK_RESULT(result_of(&run), 2, 2, false);
}

static void a_node_that_cannot_start_is_one_unless_a_call_of_it_was_refused(void) {
    struct run run = start();
    tell(&run, 4, (struct weft_trace_event){.kind = WEFT_TRACE_FAULT_BIT, .number = {7, 0, 12}});
    down(&run, 4, WEFT_NODE_UNSTARTED);
    CHECK_RESULT(result_of(&run), 0, 0, false);
    run = start();
    tell(&run, 4, (struct weft_trace_event){.kind = WEFT_TRACE_FAULT_BIT, .number = {7, 3, 12}});
    down(&run, 4, WEFT_NODE_UNSTARTED); /* a fault of the scenario explains nothing */
    CHECK_RESULT(result_of(&run), 1, 1, false);
    run = start();
    tell(&run, 4, (struct weft_trace_event){.kind = WEFT_TRACE_FAULT_BIT, .number = {7, 0, 12}});
    down(&run, 4, WEFT_NODE_ENDED); /* it has to survive that */
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void a_fault_planted_in_one_node_explains_nothing_in_another(void) {
    struct run run = start();
    exits(&run, WEFT_REASON_FAULT, "planted");
    down(&run, 5, WEFT_NODE_ENDED);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void a_node_that_ends_by_itself_fails(void) {
    struct run run = start();
    down(&run, 4, WEFT_NODE_ENDED);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 4: the node ended by itself");
}

static void nodes_the_scenario_ended_are_not_counted(void) {
    struct run run = start();
    down(&run, 1, WEFT_NODE_STOPPED);
    down(&run, 2, WEFT_NODE_CRASHED);
    down(&run, 3, WEFT_NODE_KILLED);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_fault_while_the_run_is_stopped_is_judged(void) {
    struct run run = start();
    sim_checks_stopping(run.checks, run.now);
    exits(&run, WEFT_REASON_FAULT, "bad memory access");
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

TEST_MAIN("sim/check/no_surprise", TEST(an_ordinary_exit_holds),
          TEST(a_fault_nobody_planted_fails_with_its_text), TEST(a_planted_fault_is_not_counted),
          TEST(a_supervisor_that_gives_up_by_itself_fails),
          TEST(a_node_that_cannot_start_is_one_unless_a_call_of_it_was_refused),
          TEST(what_follows_a_planted_fault_is_its_doing_for_a_while),
          TEST(who_gives_up_for_want_of_memory_is_excused_and_who_faults_is_not),
          TEST(a_fault_planted_in_one_node_explains_nothing_in_another),
          TEST(a_node_that_ends_by_itself_fails), TEST(nodes_the_scenario_ended_are_not_counted),
          TEST(a_fault_while_the_run_is_stopped_is_judged))
