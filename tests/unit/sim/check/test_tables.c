#include "tests/unit/sim/check/events.h"

static struct run start(uint32_t k) {
    return run_of((struct sim_check_spec){.kind = SIM_CHECK_TABLES, .within = WEFT_S(10)}, k);
}

static void table(struct run *run, uint32_t node, uint64_t v4, uint64_t v6) {
    tell(run, node, (struct weft_trace_event){.kind = WEFT_TRACE_DHT_TABLE, .number = {v4, v6, 1}});
}

static void up_with(struct run *run, uint32_t node, uint64_t contacts) {
    up_as(run, node, id_of((unsigned char)node), contacts);
}

static void full_tables_hold(void) {
    struct run run = start(8);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 2); /* N - 1 = 2 < k */
    run.now = WEFT_S(10);
    CHECK_RESULT(result_of(&run), 3, 0, true);
}

static void a_table_below_n_minus_1_fails(void) {
    struct run run = start(8);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, i == 1 ? 1 : 2);
    run.now = WEFT_S(10);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 3, 1, false);
    CHECK_EQ_INT(result.first_failed_at, WEFT_S(10));
    CHECK_EQ_TEXT(result.why, "node 1: its table holds 1 contacts, 2 expected");
}

static void more_than_k_are_not_asked_for(void) {
    struct run run = start(2);
    for (uint32_t i = 0; i < 9; i++) up_with(&run, i, 2);
    run.now = WEFT_S(10);
    CHECK_RESULT(result_of(&run), 9, 0, true);
}

static void both_families_count(void) {
    struct run run = start(2);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 2);
    table(&run, 0, 1, 1);
    run.now = WEFT_S(10);
    CHECK_RESULT(result_of(&run), 3, 0, true);
}

static void what_counts_is_the_table_at_the_deadline(void) {
    struct run run = start(2);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 0);
    run.now = WEFT_S(10);
    for (uint32_t i = 0; i < 3; i++) table(&run, i, 2, 0);
    run.now = WEFT_S(11);
    table(&run, 0, 0, 0);
    CHECK_RESULT(result_of(&run), 3, 0, true);
}

static void before_the_deadline_nothing_is_judged(void) {
    struct run run = start(2);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 0);
    run.now = WEFT_S(10) - 1;
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_node_alone_is_not_judged(void) {
    struct run run = start(8);
    up_with(&run, 0, 0);
    run.now = WEFT_S(20);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void who_came_a_moment_ago_is_not_owed(void) {
    struct run run = start(8);
    up_with(&run, 0, 1);
    up_with(&run, 1, 1);
    run.now = WEFT_S(9);
    up_with(&run, 2, 2);
    run.now = WEFT_S(10);
    CHECK_RESULT(result_of(&run), 2, 0, true);
}

static void a_node_that_died_is_not_judged(void) {
    struct run run = start(8);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, i == 1 ? 0 : 1);
    run.now = WEFT_S(5);
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(10);
    CHECK_RESULT(result_of(&run), 2, 0, true);
}

static void a_restarted_dht_has_its_own_deadline(void) {
    struct run run = start(8);
    up_with(&run, 0, 1);
    up_with(&run, 1, 1);
    run.now = WEFT_S(5);
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_SUP_CHILD_DOWN,
                                   .bytes = weft_bytes_text("dht")});
    weft_id id = id_of(1);
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_DHT_UP,
                                   .number = {0, 0, 8},
                                   .bytes = weft_bytes(id.bytes, WEFT_ID_SIZE)});
    run.now = WEFT_S(15);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false); /* node 0 had nobody settled to know */
    CHECK_EQ_UINT(result.first_failed_node, 1);
    CHECK_EQ_INT(result.first_failed_at, WEFT_S(15));
}

static void after_a_heal_every_table_is_judged_again(void) {
    struct run run = start(8);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 2);
    run.now = WEFT_S(20);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    run.now = WEFT_S(40);
    table(&run, 2, 0, 0);
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_PARTITION);
    run.now = WEFT_S(50);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 6, 1, false);
    CHECK_EQ_INT(result.first_failed_at, WEFT_S(50));
}

static void a_new_cut_before_the_deadline_puts_the_judgement_off(void) {
    struct run run = start(8);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 0);
    run.now = WEFT_S(5);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    run.now = WEFT_S(20);
    fault(&run, WEFT_TRACE_FAULT_OFF, SIM_FAULT_PARTITION);
    run.now = WEFT_S(29);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    run.now = WEFT_S(60);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

/* --- a core: nodes 0 to 3, healed at 100 s, judged at 130 s --- */

static struct run start_core(void) {
    return run_of_core((struct sim_check_spec){.kind = SIM_CHECK_TABLES, .within = WEFT_S(10)}, 8);
}

static void a_core_is_judged_once_whatever_faults_are_on(void) {
    struct run run = start_core();
    for (uint32_t i = 0; i < 20; i++) up_with(&run, i, i < 4 ? 3 : 0);
    run.now = WEFT_S(20);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    run.now = WEFT_S(200);
    CHECK_RESULT(result_of(&run), 4, 0, true);
}

static void before_a_core_had_to_converge_nothing_is_judged(void) {
    struct run run = start_core();
    for (uint32_t i = 0; i < 4; i++) up_with(&run, i, 0);
    run.now = WEFT_S(130) - 1;
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_core_whose_node_knows_too_few_or_is_down_fails(void) {
    struct run run = start_core();
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 3);
    table(&run, 1, 1, 0);
    run.now = WEFT_S(130);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 4, 2, false); /* node 3 never came */
    CHECK_EQ_INT(result.first_failed_at, WEFT_S(130));
    CHECK_EQ_TEXT(result.why, "node 1: its table holds 1 contacts, 2 expected");
}

static void a_core_that_is_down_says_so(void) {
    struct run run = start_core();
    run.now = WEFT_S(140);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 4, 4, false);
    CHECK_EQ_TEXT(result.why, "node 0: its DHT is not up");
}

static void after_it_yields_a_check_of_all_judges_no_more(void) {
    struct run run = start(8);
    for (uint32_t i = 0; i < 3; i++) up_with(&run, i, 2);
    run.now = WEFT_S(20);
    up_with(&run, 3, 0);
    sim_checks_yield(run.checks, WEFT_S(20));
    run.now = WEFT_S(60);
    CHECK_RESULT(result_of(&run), 3, 0, true);
}

TEST_MAIN("sim/check/tables", TEST(full_tables_hold), TEST(a_table_below_n_minus_1_fails),
          TEST(more_than_k_are_not_asked_for), TEST(both_families_count),
          TEST(what_counts_is_the_table_at_the_deadline),
          TEST(before_the_deadline_nothing_is_judged), TEST(a_node_alone_is_not_judged),
          TEST(who_came_a_moment_ago_is_not_owed), TEST(a_node_that_died_is_not_judged),
          TEST(a_restarted_dht_has_its_own_deadline),
          TEST(after_a_heal_every_table_is_judged_again),
          TEST(a_new_cut_before_the_deadline_puts_the_judgement_off),
          TEST(a_core_is_judged_once_whatever_faults_are_on),
          TEST(before_a_core_had_to_converge_nothing_is_judged),
          TEST(a_core_whose_node_knows_too_few_or_is_down_fails), TEST(a_core_that_is_down_says_so),
          TEST(after_it_yields_a_check_of_all_judges_no_more))
