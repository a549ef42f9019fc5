#include "tests/unit/sim/check/events.h"

static void every_kind_has_a_name_and_a_promise(void) {
    for (int kind = SIM_CHECK_NONE + 1; kind < SIM_CHECK_KIND_COUNT; kind++) {
        CHECK(strcmp(sim_check_name((enum sim_check_kind)kind), "none") != 0);
        CHECK(strlen(sim_check_promise((enum sim_check_kind)kind)) > 20);
    }
    CHECK_EQ_TEXT(sim_check_name(SIM_CHECK_DEAD_FORGOTTEN), "dead_forgotten");
    CHECK_EQ_TEXT(sim_check_name(SIM_CHECK_KIND_COUNT), "none");
}

static void the_mask_is_what_the_checks_want_and_no_more(void) {
    struct run run = run_of((struct sim_check_spec){.kind = SIM_CHECK_NO_LEAK}, 8);
    CHECK_EQ_UINT(sim_checks_mask(run.checks), WEFT_TRACE_BIT(WEFT_TRACE_NODE_LEFT));
    sim_checks_free(run.checks);
}

static void every_check_is_dead_in_an_empty_run(void) {
    for (int kind = SIM_CHECK_NONE + 1; kind < SIM_CHECK_KIND_COUNT; kind++) {
        struct run run = run_of((struct sim_check_spec){.kind = (enum sim_check_kind)kind}, 8);
        run.now = WEFT_S(1000);
        CHECK_RESULT(result_of(&run), 0, 0, false);
    }
}

static void several_checks_of_a_kind_are_judged_apart(void) {
    struct sim_check_spec specs[] = {{.kind = SIM_CHECK_RESTARTED, .within = WEFT_S(1)},
                                     {.kind = SIM_CHECK_RESTARTED, .within = WEFT_S(9)}};
    struct sim_check_setup setup = {.nodes = RUN_NODES};
    struct run run = {.checks = sim_checks_new(specs, 2, &setup)};
    struct weft_trace_event event = {.kind = WEFT_TRACE_SUP_CHILD_DOWN,
                                     .number = {7, 8, 0, 0, 1},
                                     .bytes = weft_bytes_text("x")};
    tell(&run, 1, event);
    run.now = WEFT_S(5);
    event.kind = WEFT_TRACE_SUP_CHILD_UP;
    tell(&run, 1, event);
    struct sim_check_result results[2];
    for (uint32_t i = 0; i < 2; i++) sim_checks_result(run.checks, i, &results[i]);
    CHECK_RESULT(results[0], 1, 1, false);
    CHECK_RESULT(results[1], 1, 0, true);
    sim_checks_free(run.checks);
}

TEST_MAIN("sim/check/check", TEST(every_kind_has_a_name_and_a_promise),
          TEST(the_mask_is_what_the_checks_want_and_no_more),
          TEST(every_check_is_dead_in_an_empty_run),
          TEST(several_checks_of_a_kind_are_judged_apart))
