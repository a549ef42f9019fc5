#include "tests/unit/sim/check/events.h"

static struct run start(void) {
    struct run run = run_of((struct sim_check_spec){.kind = SIM_CHECK_DEAD_FORGOTTEN}, 8);
    for (uint32_t i = 1; i <= 3; i++) up(&run, i);
    return run;
}

static void returns(struct run *run, unsigned char first) {
    end_look_up(run, 2,
                (struct found){.op = 1,
                               .kind = WEFT_LOOKUP_REFRESH,
                               .took = WEFT_S(1),
                               .ids = {id_of(0), id_of(first)},
                               .count = 2});
}

static void a_lookup_without_the_dead_holds(void) {
    struct run run = start();
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(61);
    returns(&run, 3);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void a_lookup_that_returns_the_dead_fails(void) {
    struct run run = start();
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(63);
    returns(&run, 1);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 2: a lookup returned 01000000..., dead for 62 s when it began");
}

static void a_minute_is_allowed_counted_to_the_start_of_the_lookup(void) {
    struct run run = start();
    down(&run, 1, WEFT_NODE_STOPPED);
    run.now = WEFT_S(61) - 1;
    returns(&run, 1);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void who_came_back_may_be_returned(void) {
    struct run run = start();
    down(&run, 1, WEFT_NODE_CRASHED);
    down(&run, 3, WEFT_NODE_CRASHED);
    run.now = WEFT_S(50);
    up(&run, 1);
    run.now = WEFT_S(70);
    returns(&run, 1);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void a_second_death_counts_from_the_second(void) {
    struct run run = start();
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(10);
    up(&run, 1);
    run.now = WEFT_S(50);
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(100);
    returns(&run, 1);
    run.now = WEFT_S(111);
    returns(&run, 1);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void the_target_of_a_lookup_may_be_the_dead(void) {
    struct run run = start();
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(61);
    end_look_up(
        &run, 2,
        (struct found){.op = 1, .took = WEFT_S(1), .ids = {id_of(1), id_of(3)}, .count = 2});
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void of_a_core_only_its_lookups_are_judged_once_it_had_to_converge(void) {
    struct run run = run_of_core((struct sim_check_spec){.kind = SIM_CHECK_DEAD_FORGOTTEN}, 8);
    for (uint32_t i = 1; i <= 6; i++) up(&run, i);
    run.now = WEFT_S(50);
    down(&run, 6, WEFT_NODE_CRASHED);
    run.now = WEFT_S(131) - 1;
    returns(&run, 6); /* it began just before 130 s */
    run.now = WEFT_S(131);
    end_look_up(&run, 5, /* not of the core */
                (struct found){.op = 2,
                               .kind = WEFT_LOOKUP_REFRESH,
                               .took = WEFT_S(1),
                               .ids = {id_of(0), id_of(6)},
                               .count = 2});
    returns(&run, 3);
    returns(&run, 6);
    CHECK_RESULT(result_of(&run), 2, 1, false);
}

TEST_MAIN("sim/check/dead_forgotten", TEST(a_lookup_without_the_dead_holds),
          TEST(a_lookup_that_returns_the_dead_fails),
          TEST(a_minute_is_allowed_counted_to_the_start_of_the_lookup),
          TEST(who_came_back_may_be_returned), TEST(a_second_death_counts_from_the_second),
          TEST(the_target_of_a_lookup_may_be_the_dead),
          TEST(of_a_core_only_its_lookups_are_judged_once_it_had_to_converge))
