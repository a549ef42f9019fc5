#include "tests/unit/sim/check/events.h"

static struct run start(uint32_t at_least_ppm) {
    struct run run = run_of((struct sim_check_spec){.kind = SIM_CHECK_STORED_FOUND,
                                                    .within = WEFT_S(10),
                                                    .at_least_ppm = at_least_ppm},
                            8);
    up(&run, 1);
    up(&run, 2);
    return run;
}

static void get(struct run *run, uint32_t node, uint64_t op, weft_id key, int status) {
    look_up(run, node, op, WEFT_LOOKUP_VALUE, key);
    run->now += WEFT_S(1);
    end_look_up(run, node, (struct found){.op = op, .kind = WEFT_LOOKUP_VALUE, .status = status});
}

static void a_get_that_finds_holds(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    run.now = WEFT_S(1);
    get(&run, 2, 1, id_of(7), WEFT_OK);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void a_get_that_finds_nothing_fails_and_says_which(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    run.now = WEFT_S(1);
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_INT(result.first_failed_at, WEFT_S(2));
    CHECK_EQ_UINT(result.first_failed_node, 2);
    CHECK_EQ_TEXT(result.why, "node 2: get of 07000000... ended with NOT_FOUND");
}

static void a_get_after_the_lifetime_of_an_item_is_not_promised(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    run.now = WEFT_HOUR(2) - WEFT_S(1) - 1; /* the get takes 1 s */
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    get(&run, 2, 2, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void an_item_stored_again_is_promised_anew(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    run.now = WEFT_HOUR(1);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    run.now = WEFT_HOUR(3) - WEFT_S(2);
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    get(&run, 2, 2, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void an_item_forgotten_and_stored_again_is_promised_only_then(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    run.now = WEFT_HOUR(4);
    look_up(&run, 2, 1, WEFT_LOOKUP_VALUE, id_of(7));
    run.now += WEFT_MS(1);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    end_look_up(&run, 2, (struct found){.op = 1, .kind = 3, .status = WEFT_ERR_NOT_FOUND});
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void storing_again_is_no_get(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    get(&run, 1, WEFT_TRACE_OP_OWN | 1, id_of(7), WEFT_OK);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_key_nobody_stored_is_not_promised(void) {
    struct run run = start(0);
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_get_that_began_before_the_store_ended_is_not_promised(void) {
    struct run run = start(0);
    look_up(&run, 2, 1, WEFT_LOOKUP_VALUE, id_of(7));
    run.now = WEFT_MS(1);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    end_look_up(&run, 2, (struct found){.op = 1, .kind = 3, .status = WEFT_ERR_NOT_FOUND});
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_get_during_a_partition_is_not_judged(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_partition_that_comes_while_a_get_runs_excuses_it(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    look_up(&run, 2, 1, WEFT_LOOKUP_VALUE, id_of(7));
    run.now = WEFT_MS(1);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_ISOLATE);
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_ISOLATE);
    end_look_up(&run, 2, (struct found){.op = 1, .kind = 3, .status = WEFT_ERR_NOT_FOUND});
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_get_is_judged_again_exactly_within_after_the_heal(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    run.now = WEFT_S(5);
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_PARTITION);
    run.now = WEFT_S(15) - 1;
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    run.now = WEFT_S(16);
    get(&run, 2, 2, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void the_heal_is_when_the_last_of_two_cuts_ends(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_DEGRADE);
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_PARTITION);
    run.now = WEFT_S(30);
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_DEGRADE);
    run.now = WEFT_S(60);
    get(&run, 2, 2, id_of(7), WEFT_OK);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void a_key_stored_during_a_cut_is_promised_after_the_heal(void) {
    struct run run = start(0);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_PARTITION);
    run.now = WEFT_S(60);
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void crashes_and_churn_do_not_excuse_a_get(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_CHURN);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_CRASH);
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(1);
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void an_asker_that_has_not_joined_is_not_judged(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    up_as(&run, 3, id_of(3), 0);
    get(&run, 3, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_get_whose_asker_dies_at_once_is_not_judged(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    look_up(&run, 2, 1, WEFT_LOOKUP_VALUE, id_of(7));
    run.now = WEFT_S(9);
    down(&run, 2, WEFT_NODE_CRASHED);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_get_that_never_ends_fails_when_its_asker_goes(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    look_up(&run, 2, 1, WEFT_LOOKUP_VALUE, id_of(7));
    run.now = WEFT_S(10);
    down(&run, 2, WEFT_NODE_CRASHED);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 2: get of 07000000... never ended");
}

static void a_get_that_never_ends_fails_when_the_scenario_is_over(void) {
    struct run run = start(0);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    look_up(&run, 2, 1, WEFT_LOOKUP_VALUE, id_of(7));
    run.now = WEFT_S(10);
    sim_checks_stopping(run.checks, run.now);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void at_least_allows_a_share_of_failures_and_no_more(void) {
    struct run run = start(750000);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    for (uint64_t op = 1; op <= 3; op++) get(&run, 2, op, id_of(7), WEFT_OK);
    get(&run, 2, 4, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 4, 1, true);
    run = start(750001);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7));
    for (uint64_t op = 1; op <= 3; op++) get(&run, 2, op, id_of(7), WEFT_OK);
    get(&run, 2, 4, id_of(7), WEFT_ERR_NOT_FOUND);
    CHECK_RESULT(result_of(&run), 4, 1, false);
}

static void of_a_core_what_it_stored_once_converged_is_found(void) {
    struct run run = run_of_core((struct sim_check_spec){.kind = SIM_CHECK_STORED_FOUND}, 8);
    for (uint32_t i = 0; i < 6; i++) up(&run, i);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_ISOLATE);
    stored(&run, 1, WEFT_STORE_VALUE, id_of(7)); /* before */
    run.now = WEFT_S(130);
    stored(&run, 5, WEFT_STORE_VALUE, id_of(8)); /* out of the core */
    stored(&run, 1, WEFT_STORE_VALUE, id_of(9));
    get(&run, 2, 1, id_of(7), WEFT_ERR_NOT_FOUND);
    get(&run, 2, 2, id_of(8), WEFT_ERR_NOT_FOUND);
    get(&run, 5, 3, id_of(9), WEFT_ERR_NOT_FOUND);
    get(&run, 2, 4, id_of(9), WEFT_OK);
    get(&run, 3, 5, id_of(9), WEFT_ERR_NOT_FOUND);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 2, 1, false);
    CHECK_EQ_UINT(result.first_failed_node, 3);
}

TEST_MAIN("sim/check/stored_found", TEST(a_get_that_finds_holds),
          TEST(a_get_that_finds_nothing_fails_and_says_which),
          TEST(a_get_after_the_lifetime_of_an_item_is_not_promised),
          TEST(an_item_stored_again_is_promised_anew),
          TEST(an_item_forgotten_and_stored_again_is_promised_only_then),
          TEST(storing_again_is_no_get), TEST(a_key_nobody_stored_is_not_promised),
          TEST(a_get_that_began_before_the_store_ended_is_not_promised),
          TEST(a_get_during_a_partition_is_not_judged),
          TEST(a_partition_that_comes_while_a_get_runs_excuses_it),
          TEST(a_get_is_judged_again_exactly_within_after_the_heal),
          TEST(the_heal_is_when_the_last_of_two_cuts_ends),
          TEST(a_key_stored_during_a_cut_is_promised_after_the_heal),
          TEST(crashes_and_churn_do_not_excuse_a_get),
          TEST(an_asker_that_has_not_joined_is_not_judged),
          TEST(a_get_whose_asker_dies_at_once_is_not_judged),
          TEST(a_get_that_never_ends_fails_when_its_asker_goes),
          TEST(a_get_that_never_ends_fails_when_the_scenario_is_over),
          TEST(at_least_allows_a_share_of_failures_and_no_more),
          TEST(of_a_core_what_it_stored_once_converged_is_found))
