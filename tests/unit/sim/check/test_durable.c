#include "tests/unit/sim/check/events.h"

#define NODE 3

static struct run start(void) {
    return run_of((struct sim_check_spec){.kind = SIM_CHECK_DURABLE}, 8);
}

static void claim(struct run *run, enum weft_claim what, const char *key, uint64_t value) {
    tell(run, NODE,
         (struct weft_trace_event){
             .kind = WEFT_TRACE_APP_CLAIM, .number = {what, value}, .bytes = weft_bytes_text(key)});
}

static void lie(struct run *run, uint64_t kind) {
    tell(run, WEFT_TRACE_NODE_NONE,
         (struct weft_trace_event){.kind = WEFT_TRACE_FAULT_ON, .number = {0, kind, 0}});
}

static void what_was_acknowledged_and_found_holds(void) {
    struct run run = start();
    claim(&run, WEFT_CLAIM_TRIED, "k", 7);
    claim(&run, WEFT_CLAIM_ACKED, "k", 7);
    claim(&run, WEFT_CLAIM_FOUND, "k", 7);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void what_is_gone_fails(void) {
    struct run run = start();
    claim(&run, WEFT_CLAIM_TRIED, "k", 7);
    claim(&run, WEFT_CLAIM_ACKED, "k", 7);
    claim(&run, WEFT_CLAIM_FOUND, "k", 0);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 3: \"k\" was acknowledged and is gone");
}

static void an_older_value_fails(void) {
    struct run run = start();
    for (uint64_t value = 7; value <= 8; value++) {
        claim(&run, WEFT_CLAIM_TRIED, "k", value);
        claim(&run, WEFT_CLAIM_ACKED, "k", value);
    }
    claim(&run, WEFT_CLAIM_FOUND, "k", 7);
    CHECK_EQ_TEXT(result_of(&run).why, "node 3: \"k\" was acknowledged and is what it was before");
}

static void a_value_tried_later_may_be_found(void) {
    struct run run = start();
    claim(&run, WEFT_CLAIM_TRIED, "k", 7);
    claim(&run, WEFT_CLAIM_ACKED, "k", 7);
    claim(&run, WEFT_CLAIM_TRIED, "k", 8);
    claim(&run, WEFT_CLAIM_FOUND, "k", 8);
    claim(&run, WEFT_CLAIM_FOUND, "k", 7);
    CHECK_RESULT(result_of(&run), 2, 0, true);
}

static void a_value_nobody_tried_fails_even_after_a_lie(void) {
    struct run run = start();
    claim(&run, WEFT_CLAIM_TRIED, "other", 9);
    lie(&run, SIM_CHECK_LIE_FIRST);
    claim(&run, WEFT_CLAIM_FOUND, "k", 9);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 3: \"k\" holds what nobody wrote there");
}

static void after_a_lie_an_older_value_and_none_are_excused(void) {
    struct run run = start();
    for (uint64_t value = 7; value <= 8; value++) {
        claim(&run, WEFT_CLAIM_TRIED, "k", value);
        claim(&run, WEFT_CLAIM_ACKED, "k", value);
    }
    lie(&run, SIM_CHECK_LIE_LAST);
    claim(&run, WEFT_CLAIM_FOUND, "k", 7);
    claim(&run, WEFT_CLAIM_FOUND, "k", 0);
    claim(&run, WEFT_CLAIM_DAMAGED, "", 0);
    CHECK_RESULT(result_of(&run), 3, 0, true);
}

static void damage_without_a_lie_fails(void) {
    struct run run = start();
    lie(&run, SIM_CHECK_LIE_LAST + 1);
    claim(&run, WEFT_CLAIM_DAMAGED, "", 0);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 3: calls its disk damaged, and no fault did that");
}

static void keys_of_nodes_are_each_their_own(void) {
    struct run run = start();
    tell(&run, 1,
         (struct weft_trace_event){.kind = WEFT_TRACE_APP_CLAIM,
                                   .number = {WEFT_CLAIM_TRIED, 7},
                                   .bytes = weft_bytes_text("k")});
    claim(&run, WEFT_CLAIM_FOUND, "k", 7);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void a_run_in_which_nothing_is_found_is_a_dead_check(void) {
    struct run run = start();
    claim(&run, WEFT_CLAIM_TRIED, "k", 7);
    claim(&run, WEFT_CLAIM_ACKED, "k", 7);
    claim(&run, WEFT_CLAIM_FOUND, "never written", 0);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

TEST_MAIN("sim/check/durable", TEST(what_was_acknowledged_and_found_holds),
          TEST(what_is_gone_fails), TEST(an_older_value_fails),
          TEST(a_value_tried_later_may_be_found), TEST(a_value_nobody_tried_fails_even_after_a_lie),
          TEST(after_a_lie_an_older_value_and_none_are_excused), TEST(damage_without_a_lie_fails),
          TEST(keys_of_nodes_are_each_their_own),
          TEST(a_run_in_which_nothing_is_found_is_a_dead_check))
