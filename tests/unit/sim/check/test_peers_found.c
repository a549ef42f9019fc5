#include "tests/unit/sim/check/events.h"

static struct run start(void) {
    struct run run =
        run_of((struct sim_check_spec){.kind = SIM_CHECK_PEERS_FOUND, .within = WEFT_S(10)}, 8);
    for (uint32_t i = 1; i <= 3; i++) up(&run, i);
    return run;
}

static void get_peers(struct run *run, uint32_t node, uint64_t op, uint64_t values) {
    look_up(run, node, op, WEFT_LOOKUP_PEERS, id_of(7));
    run->now += WEFT_S(1);
    end_look_up(run, node, (struct found){.op = op, .kind = WEFT_LOOKUP_PEERS, .values = values});
}

static void finding_a_live_announcer_holds(void) {
    struct run run = start();
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    get_peers(&run, 2, 1, 1);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void finding_nobody_while_one_lives_fails(void) {
    struct run run = start();
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    get_peers(&run, 2, 1, 0);
    struct sim_check_result result = result_of(&run);
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why,
                  "node 2: get_peers of 07000000... found nobody, 1 live nodes announced it");
}

static void nothing_is_promised_after_the_lifetime_of_an_announce(void) {
    struct run run = start();
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    run.now = WEFT_HOUR(1) - WEFT_S(1) - 1; /* get_peers takes 1 s */
    get_peers(&run, 2, 1, 0);
    get_peers(&run, 2, 2, 0);
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    get_peers(&run, 2, 3, 0);
    CHECK_RESULT(result_of(&run), 2, 2, false);
}

static void nothing_is_promised_when_every_announcer_is_dead(void) {
    struct run run = start();
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    down(&run, 1, WEFT_NODE_CRASHED);
    get_peers(&run, 2, 1, 0);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void one_found_of_one_dead_and_one_live_says_nothing(void) {
    struct run run = start();
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    stored(&run, 3, WEFT_STORE_PEER, id_of(7));
    down(&run, 1, WEFT_NODE_CRASHED);
    get_peers(&run, 2, 1, 1);
    get_peers(&run, 2, 2, 2);
    CHECK_RESULT(result_of(&run), 1, 0, true);
}

static void an_announcer_that_came_back_must_announce_again_to_count(void) {
    struct run run = start();
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    down(&run, 1, WEFT_NODE_CRASHED);
    run.now = WEFT_S(1);
    up(&run, 1);
    get_peers(&run, 2, 1, 0);
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    run.now += WEFT_S(1);
    get_peers(&run, 2, 2, 0);
    CHECK_RESULT(result_of(&run), 1, 1, false);
}

static void a_cut_excuses(void) {
    struct run run = start();
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PAUSE);
    get_peers(&run, 2, 1, 0);
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void of_a_core_who_announced_once_it_had_to_converge_is_found(void) {
    struct run run = run_of_core((struct sim_check_spec){.kind = SIM_CHECK_PEERS_FOUND}, 8);
    for (uint32_t i = 1; i <= 6; i++) up(&run, i);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    stored(&run, 1, WEFT_STORE_PEER, id_of(7)); /* before */
    run.now = WEFT_S(130);
    stored(&run, 5, WEFT_STORE_PEER, id_of(7)); /* out of the core */
    get_peers(&run, 2, 1, 0);
    stored(&run, 1, WEFT_STORE_PEER, id_of(7));
    get_peers(&run, 5, 2, 0);
    get_peers(&run, 2, 3, 2);
    get_peers(&run, 3, 4, 0);
    CHECK_RESULT(result_of(&run), 2, 1, false);
}

TEST_MAIN("sim/check/peers_found", TEST(finding_a_live_announcer_holds),
          TEST(finding_nobody_while_one_lives_fails),
          TEST(nothing_is_promised_after_the_lifetime_of_an_announce),
          TEST(nothing_is_promised_when_every_announcer_is_dead),
          TEST(one_found_of_one_dead_and_one_live_says_nothing),
          TEST(an_announcer_that_came_back_must_announce_again_to_count), TEST(a_cut_excuses),
          TEST(of_a_core_who_announced_once_it_had_to_converge_is_found))
