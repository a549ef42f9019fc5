#include "core/base/rand.h"
#include "sim/check/internal.h"
#include "tests/unit/sim/check/events.h"

#include <stdlib.h>

static struct run start(uint32_t k) {
    struct run run =
        run_of((struct sim_check_spec){.kind = SIM_CHECK_CLOSEST, .within = WEFT_S(10)}, k);
    for (uint32_t i = 1; i <= 4; i++) up(&run, i);
    run.now = WEFT_S(10);
    return run;
}

/* Node 4 looks for id 0: closest are 1, 2, 3. */
static struct found found_of(size_t count, unsigned char a, unsigned char b) {
    return (struct found){
        .op = 1, .kind = WEFT_LOOKUP_NODES, .ids = {id_of(0), id_of(a), id_of(b)}, .count = count};
}

static struct sim_check_result judge(struct run *run, struct found found) {
    look_up(run, 4, 1, WEFT_LOOKUP_NODES, id_of(0));
    run->now += WEFT_S(1);
    end_look_up(run, 4, found);
    return result_of(run);
}

static void the_true_closest_in_order_hold(void) {
    struct run run = start(2);
    CHECK_RESULT(judge(&run, found_of(3, 1, 2)), 1, 0, true);
}

static void one_missing_fails_and_is_named(void) {
    struct run run = start(2);
    struct sim_check_result result = judge(&run, found_of(3, 1, 3));
    CHECK_RESULT(result, 1, 1, false);
    CHECK_EQ_TEXT(result.why, "node 4: lookup of 00000000...: closest 2 of 2 is node 2 "
                              "(02000000...), not in its place among the 2 found");
}

static void too_few_fail(void) {
    struct run run = start(2);
    CHECK_RESULT(judge(&run, found_of(2, 1, 0)), 1, 1, false);
}

static void the_wrong_order_fails(void) {
    struct run run = start(2);
    CHECK_RESULT(judge(&run, found_of(3, 2, 1)), 1, 1, false);
}

static void the_asker_is_not_among_its_own_closest(void) {
    struct run run = start(8);
    struct found found = {.op = 1,
                          .kind = WEFT_LOOKUP_NODES,
                          .ids = {id_of(0), id_of(1), id_of(2), id_of(3)},
                          .count = 4};
    CHECK_RESULT(judge(&run, found), 1, 0, true);
}

static void a_read_only_node_is_not_looked_for(void) {
    struct run run = start(2);
    weft_id id = id_of(1);
    tell(&run, 9, (struct weft_trace_event){.kind = WEFT_TRACE_NODE_UP, .number = {1}});
    tell(&run, 9,
         (struct weft_trace_event){.kind = WEFT_TRACE_DHT_UP,
                                   .number = {1, 0, 8},
                                   .bytes = weft_bytes(id.bytes, WEFT_ID_SIZE)});
    run.now = WEFT_S(30);
    CHECK_RESULT(judge(&run, found_of(3, 1, 2)), 1, 0, true);
}

static void a_lookup_is_judged_only_in_calm(void) {
    struct run run = start(2);
    run.now = WEFT_S(10) - 1; /* the nodes came up at 0 */
    CHECK_RESULT(judge(&run, found_of(1, 0, 0)), 0, 0, false);
    run = start(2);
    down(&run, 3, WEFT_NODE_CRASHED);
    CHECK_RESULT(judge(&run, found_of(1, 0, 0)), 0, 0, false);
    run = start(2);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_DEGRADE);
    run.now = WEFT_S(60);
    CHECK_RESULT(judge(&run, found_of(1, 0, 0)), 0, 0, false);
}

static void a_change_while_a_lookup_runs_excuses_it(void) {
    struct run run = start(2);
    look_up(&run, 4, 1, WEFT_LOOKUP_NODES, id_of(0));
    run.now += WEFT_MS(1);
    up(&run, 5);
    end_look_up(&run, 4, found_of(1, 0, 0));
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static void a_dead_node_is_no_longer_expected(void) {
    struct run run = start(2);
    down(&run, 1, WEFT_NODE_KILLED);
    run.now = WEFT_S(20);
    CHECK_RESULT(judge(&run, found_of(3, 2, 3)), 1, 0, true);
}

static void joins_are_not_judged(void) {
    struct run run = start(2);
    look_up(&run, 4, 1, WEFT_LOOKUP_JOIN, id_of(0));
    run.now += WEFT_S(1);
    end_look_up(&run, 4, (struct found){.op = 1, .kind = WEFT_LOOKUP_JOIN});
    CHECK_RESULT(result_of(&run), 0, 0, false);
}

static weft_id sort_target;

static int by_distance(const void *a, const void *b) {
    return weft_id_closer(&sort_target, &((const struct sim_check__member *)a)->id,
                          &((const struct sim_check__member *)b)->id);
}

static void closest_equals_a_full_sort(void) {
    enum { COUNT = 500, ASKED = 50, K = 8 };
    struct sim_check__members members = {0};
    struct sim_check__member all[COUNT];
    struct weft_rand rand;
    weft_rand_init(&rand, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        weft_rand_bytes(&rand, all[i].id.bytes, WEFT_ID_SIZE);
        if (i % 3 == 0) memset(all[i].id.bytes, 0xab, 18); /* a crowded corner */
        all[i].node = i;
        sim_check__members_add(&members, &all[i].id, i);
    }
    for (int asked = 0; asked < ASKED; asked++) {
        const struct sim_check__member *closest[K];
        weft_rand_bytes(&rand, sort_target.bytes, WEFT_ID_SIZE);
        if (asked % 2 == 0) memset(sort_target.bytes, 0xab, 17);
        CHECK_EQ_UINT(sim_check__members_closest(&members, &sort_target, closest, K), K);
        qsort(all, COUNT, sizeof all[0], by_distance);
        for (int i = 0; i < K; i++) CHECK(weft_id_equal(&closest[i]->id, &all[i].id));
    }
    sim_check__members_free(&members);
}

static void fewer_members_than_asked_are_all_given(void) {
    struct sim_check__members members = {0};
    const struct sim_check__member *closest[8];
    weft_id target = id_of(0), id = id_of(5);
    CHECK_EQ_UINT(sim_check__members_closest(&members, &target, closest, 8), 0);
    sim_check__members_add(&members, &id, 5);
    sim_check__members_add(&members, &id, 6); /* even the same id twice */
    CHECK_EQ_UINT(sim_check__members_closest(&members, &target, closest, 8), 2);
    sim_check__members_free(&members);
}

/* --- a core: nodes 0 to 3, healed at 100 s, 30 s to converge --- */

/* Node 3 looks for id 0: closest of the core are 0, 1, 2; nodes 4 to 9 are out of it. */
static struct run start_core(weft_time at) {
    struct run run = run_of_core((struct sim_check_spec){.kind = SIM_CHECK_CLOSEST}, 2);
    for (uint32_t i = 0; i < 10; i++) up(&run, i);
    fault(&run, WEFT_TRACE_FAULT_ON, SIM_FAULT_PARTITION);
    run.now = at;
    return run;
}

static struct sim_check_result judge_core(struct run *run, uint32_t node, unsigned char a,
                                          unsigned char b) {
    look_up(run, node, 1, WEFT_LOOKUP_NODES, id_of(0));
    run->now += WEFT_S(1);
    end_look_up(run, node, found_of(3, a, b));
    return result_of(run);
}

static void of_a_core_the_closest_of_it_are_expected(void) {
    struct run run = start_core(WEFT_S(130));
    CHECK_RESULT(judge_core(&run, 3, 0, 1), 1, 0, true);
    run = start_core(WEFT_S(130));
    CHECK_RESULT(judge_core(&run, 3, 0, 2), 1, 1, false);
}

static void who_is_out_of_the_core_may_take_a_place(void) {
    struct run run = start_core(WEFT_S(130));
    CHECK_RESULT(judge_core(&run, 3, 0, 4), 1, 0, true);
    run = start_core(WEFT_S(130));
    CHECK_RESULT(judge_core(&run, 3, 4, 1), 1, 1, false); /* 0 is the closest of the core */
    run = start_core(WEFT_S(130));
    CHECK_RESULT(judge_core(&run, 3, 0, 77), 1, 1, false); /* nobody has this id */
}

static void only_a_core_that_had_to_converge_is_asked(void) {
    struct run run = start_core(WEFT_S(130) - 1);
    CHECK_RESULT(judge_core(&run, 3, 0, 2), 0, 0, false);
    run = start_core(WEFT_S(130));
    CHECK_RESULT(judge_core(&run, 4, 0, 2), 0, 0, false); /* asked by a node out of it */
}

TEST_MAIN("sim/check/closest", TEST(the_true_closest_in_order_hold),
          TEST(one_missing_fails_and_is_named), TEST(too_few_fail), TEST(the_wrong_order_fails),
          TEST(the_asker_is_not_among_its_own_closest), TEST(a_read_only_node_is_not_looked_for),
          TEST(a_lookup_is_judged_only_in_calm), TEST(a_change_while_a_lookup_runs_excuses_it),
          TEST(a_dead_node_is_no_longer_expected), TEST(joins_are_not_judged),
          TEST(closest_equals_a_full_sort), TEST(fewer_members_than_asked_are_all_given),
          TEST(of_a_core_the_closest_of_it_are_expected),
          TEST(who_is_out_of_the_core_may_take_a_place),
          TEST(only_a_core_that_had_to_converge_is_asked))
