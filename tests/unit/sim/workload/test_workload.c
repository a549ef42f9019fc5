/* Nodes without a DHT: what they are asked is in the trace, and the test answers for them. */
#include "core/base/error.h"
#include "core/posix/guard.h"
#include "core/wire/krpc.h"
#include "sim/workload/workload.h"
#include "tests/harness/harness.h"

#define NODES 5
#define ASKED_MAX 256

struct asked {
    weft_time at;
    uint32_t node;
    uint64_t kind, op;
    weft_id key;
};

struct bench {
    struct sim_net_spec net;
    struct weft_node_config config;
    struct sim_world *world;
    struct sim_works *works;
    struct sim_work_spec specs[4];
    uint32_t count;
    struct asked asked[ASKED_MAX];
    size_t asked_count;
    int done_status; /* of the last WORK_DONE */
    weft_duration done_took;
    uint64_t done_count;
};

static const struct weft_node_config *config_of(void *ctx, uint32_t node, uint32_t life) {
    (void)node;
    (void)life;
    return &((struct bench *)ctx)->config;
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct bench *bench = ctx;
    if (event->kind == WEFT_TRACE_WORK_ASKED && bench->asked_count < ASKED_MAX) {
        struct asked *asked = &bench->asked[bench->asked_count++];
        *asked = (struct asked){
            .at = event->at, .node = event->node, .kind = event->number[1], .op = event->number[2]};
        memcpy(asked->key.bytes, event->bytes.data, WEFT_ID_SIZE);
    }
    if (event->kind == WEFT_TRACE_WORK_DONE) {
        bench->done_status = (int)(int64_t)event->number[3];
        bench->done_took = (weft_duration)event->number[4];
        bench->done_count++;
    }
    if (bench->works != NULL) sim_works_trace(bench->works, event);
}

static void open_bench(struct bench *bench, uint64_t seed) {
    bench->net.rules_count = 1;
    bench->net.rules[0] = (struct sim_rule){SIM_GROUP_ANY, SIM_GROUP_ANY, {.count = 0}};
    weft_posix_guard_install();
    struct sim_world_config config = {.seed = seed,
                                      .nodes = NODES,
                                      .net = &bench->net,
                                      .host = {.guard = &weft_posix_guard},
                                      .config_of = config_of,
                                      .trace = on_trace,
                                      .ctx = bench,
                                      .trace_mask = WEFT_TRACE_ALL};
    bench->world = sim_world_new(&config);
    for (uint32_t i = 0; i < NODES; i++) CHECK_EQ_INT(sim_world_boot(bench->world, i), WEFT_OK);
    bench->works = sim_works_new(bench->world, bench->specs, bench->count, NULL);
}

static void close_bench(struct bench *bench) {
    sim_works_free(bench->works);
    bench->works = NULL;
    sim_world_free(bench->world);
}

/* The node answers, as its DHT would in the trace. */
static void answer(struct bench *bench, size_t index, enum weft_trace_kind kind, int status) {
    const struct asked *asked = &bench->asked[index];
    uint64_t numbers[] = {asked->op, 1, (uint64_t)(int64_t)status, 8, 0};
    sim_world_trace(bench->world, asked->node, kind, numbers, 5,
                    weft_bytes(asked->key.bytes, WEFT_ID_SIZE));
}

static void dht_up(struct bench *bench, uint32_t node, unsigned char first) {
    weft_id id = {{first}};
    sim_world_trace(bench->world, node, WEFT_TRACE_DHT_UP, NULL, 0,
                    weft_bytes(id.bytes, WEFT_ID_SIZE));
}

static struct bench bench_of(struct sim_work_spec first, struct sim_work_spec second) {
    if (first.until == 0) first.until = WEFT_TIME_NEVER;
    if (second.until == 0) second.until = WEFT_TIME_NEVER;
    return (struct bench){.specs = {first, second}, .count = second.kind != 0 ? 2 : 1};
}

static const struct sim_work_spec nothing = {.kind = SIM_WORK_NONE};

static void operations_come_on_time_and_end_with_until(void) {
    struct bench bench = bench_of(
        (struct sim_work_spec){
            .kind = SIM_WORK_LOOKUP, .at = WEFT_S(1), .every = WEFT_S(2), .until = WEFT_S(5)},
        nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(20), 0);
    REQUIRE(bench.asked_count == 3);
    CHECK_EQ_INT(bench.asked[0].at, WEFT_S(1));
    CHECK_EQ_INT(bench.asked[1].at, WEFT_S(3));
    CHECK_EQ_INT(bench.asked[2].at, WEFT_S(5));
    CHECK_EQ_UINT(sim_works_count(bench.works, 0).asked, 3);
    close_bench(&bench);
}

static void times_bounds_the_occurrences_and_burst_multiplies_them(void) {
    struct bench bench = bench_of(
        (struct sim_work_spec){
            .kind = SIM_WORK_LOOKUP, .every = WEFT_MS(10), .times = 4, .burst = 3},
        nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(20), 0);
    REQUIRE(bench.asked_count == 12);
    CHECK_EQ_INT(bench.asked[11].at, WEFT_MS(30));
    close_bench(&bench);
}

static void without_every_it_happens_once(void) {
    struct bench bench =
        bench_of((struct sim_work_spec){.kind = SIM_WORK_PUT, .at = WEFT_S(3)}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(20), 0);
    CHECK_EQ_UINT(bench.asked_count, 1);
    close_bench(&bench);
}

static void jitter_delays_within_its_bound(void) {
    struct bench bench = bench_of(
        (struct sim_work_spec){
            .kind = SIM_WORK_LOOKUP, .every = WEFT_S(1), .times = 50, .jitter = WEFT_MS(500)},
        nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(60), 0);
    REQUIRE(bench.asked_count == 50);
    weft_duration most = 0;
    for (int i = 0; i < 50; i++) {
        weft_duration late = bench.asked[i].at - WEFT_S(i);
        CHECK(late >= 0 && late <= WEFT_MS(500));
        most = late > most ? late : most;
    }
    CHECK(most > WEFT_MS(250));
    close_bench(&bench);
}

static void operations_are_numbered_from_one(void) {
    struct bench bench = bench_of(
        (struct sim_work_spec){.kind = SIM_WORK_LOOKUP, .every = WEFT_MS(1), .times = 3}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    for (uint64_t i = 0; i < 3; i++) CHECK_EQ_UINT(bench.asked[i].op, i + 1);
    close_bench(&bench);
}

static void what_ends_well_is_done_and_what_does_not_has_failed(void) {
    struct bench bench = bench_of(
        (struct sim_work_spec){.kind = SIM_WORK_LOOKUP, .every = WEFT_S(1), .times = 2}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    answer(&bench, 0, WEFT_TRACE_LOOKUP_DONE, WEFT_OK);
    CHECK_EQ_INT(bench.done_status, WEFT_OK);
    CHECK_EQ_INT(bench.done_took, WEFT_S(1));
    answer(&bench, 1, WEFT_TRACE_LOOKUP_DONE, WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(bench.done_status, WEFT_ERR_NOT_FOUND);
    answer(&bench, 1, WEFT_TRACE_LOOKUP_DONE, WEFT_OK); /* once is enough */
    struct sim_work_count count = sim_works_count(bench.works, 0);
    CHECK_EQ_UINT(count.asked, 2);
    CHECK_EQ_UINT(count.done, 1);
    CHECK_EQ_UINT(count.failed, 1);
    CHECK_EQ_UINT(count.lost, 0);
    CHECK_EQ_UINT(bench.done_count, 2);
    close_bench(&bench);
}

static void a_put_ends_with_its_store_not_with_its_lookup(void) {
    struct bench bench = bench_of((struct sim_work_spec){.kind = SIM_WORK_PUT}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    answer(&bench, 0, WEFT_TRACE_LOOKUP_DONE, WEFT_OK);
    CHECK_EQ_UINT(sim_works_count(bench.works, 0).done, 0);
    answer(&bench, 0, WEFT_TRACE_STORE_DONE, WEFT_OK);
    CHECK_EQ_UINT(sim_works_count(bench.works, 0).done, 1);
    close_bench(&bench);
}

static void an_answer_of_another_node_is_not_an_answer(void) {
    struct bench bench = bench_of((struct sim_work_spec){.kind = SIM_WORK_LOOKUP}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    bench.asked[0].node = (bench.asked[0].node + 1) % NODES;
    answer(&bench, 0, WEFT_TRACE_LOOKUP_DONE, WEFT_OK);
    CHECK_EQ_UINT(sim_works_count(bench.works, 0).done, 0);
    close_bench(&bench);
}

static void operations_of_a_node_that_dies_are_lost(void) {
    struct bench bench =
        bench_of((struct sim_work_spec){.kind = SIM_WORK_LOOKUP, .burst = 20}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    uint64_t of_first = 0;
    for (size_t i = 0; i < bench.asked_count; i++) of_first += bench.asked[i].node == 0;
    CHECK(of_first > 0 && of_first < 20);
    CHECK(sim_world_crash(bench.world, 0));
    CHECK_EQ_UINT(sim_works_count(bench.works, 0).lost, of_first);
    CHECK_EQ_INT(bench.done_status, WEFT_ERR_NO_PROC);
    close_bench(&bench);
}

static void operations_of_a_dht_that_starts_again_are_lost(void) {
    struct bench bench = bench_of((struct sim_work_spec){.kind = SIM_WORK_LOOKUP}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    dht_up(&bench, bench.asked[0].node, 1);
    CHECK_EQ_UINT(sim_works_count(bench.works, 0).lost, 1);
    close_bench(&bench);
}

static void gets_ask_nothing_until_a_put_is_stored_then_for_its_key(void) {
    struct bench bench =
        bench_of((struct sim_work_spec){.kind = SIM_WORK_PUT, .size = 100},
                 (struct sim_work_spec){
                     .kind = SIM_WORK_GET, .at = WEFT_S(1), .every = WEFT_S(1), .times = 4});
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(2), 0);
    REQUIRE(bench.asked_count == 1);
    answer(&bench, 0, WEFT_TRACE_STORE_DONE, WEFT_OK);
    sim_world_run(bench.world, WEFT_S(9), 0);
    CHECK_EQ_UINT(sim_works_count(bench.works, 1).asked, 2);
    REQUIRE(bench.asked_count == 3);
    CHECK_EQ_UINT(bench.asked[1].kind, SIM_WORK_GET);
    CHECK(weft_id_equal(&bench.asked[1].key, &bench.asked[0].key));
    close_bench(&bench);
}

static void a_put_that_fails_makes_nothing_known(void) {
    struct bench bench = bench_of((struct sim_work_spec){.kind = SIM_WORK_ANNOUNCE},
                                  (struct sim_work_spec){.kind = SIM_WORK_PEERS, .at = WEFT_S(2)});
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    answer(&bench, 0, WEFT_TRACE_STORE_DONE, WEFT_ERR_TIMEOUT);
    sim_world_run(bench.world, WEFT_S(3), 0);
    CHECK_EQ_UINT(sim_works_count(bench.works, 1).asked, 0);
    close_bench(&bench);
}

static void lookups_look_for_nodes_there_are_about_half_the_time(void) {
    struct bench bench =
        bench_of((struct sim_work_spec){.kind = SIM_WORK_LOOKUP, .burst = 200}, nothing);
    open_bench(&bench, 1);
    for (uint32_t i = 0; i < NODES; i++) dht_up(&bench, i, (unsigned char)(i + 1));
    sim_world_run(bench.world, WEFT_S(1), 0);
    uint32_t of_node = 0;
    for (size_t i = 0; i < bench.asked_count; i++) {
        weft_id known = {{bench.asked[i].key.bytes[0]}};
        of_node += weft_id_equal(&known, &bench.asked[i].key);
    }
    CHECK(of_node > 70 && of_node < 130);
    close_bench(&bench);
}

static void only_nodes_of_the_set_that_are_up_ask(void) {
    struct bench bench = bench_of(
        (struct sim_work_spec){
            .kind = SIM_WORK_LOOKUP,
            .burst = 50,
            .nodes = {.kind = SIM_SET_RANGES, .ranges = {{1, 2}, {4, 4}}, .ranges_count = 2}},
        nothing);
    open_bench(&bench, 1);
    CHECK(sim_world_crash(bench.world, 2));
    sim_world_run(bench.world, WEFT_S(1), 0);
    CHECK_EQ_UINT(bench.asked_count, 50);
    uint32_t seen[NODES] = {0};
    for (size_t i = 0; i < bench.asked_count; i++) seen[bench.asked[i].node]++;
    CHECK_EQ_UINT(seen[0] + seen[2] + seen[3], 0);
    CHECK(seen[1] > 0 && seen[4] > 0);
    close_bench(&bench);
}

static void a_single_node_that_is_up_is_found(void) {
    struct bench bench =
        bench_of((struct sim_work_spec){.kind = SIM_WORK_LOOKUP, .burst = 10}, nothing);
    open_bench(&bench, 1);
    for (uint32_t i = 0; i < NODES - 1; i++) CHECK(sim_world_crash(bench.world, i));
    sim_world_run(bench.world, WEFT_S(1), 0);
    CHECK_EQ_UINT(bench.asked_count, 10);
    for (size_t i = 0; i < bench.asked_count; i++) CHECK_EQ_UINT(bench.asked[i].node, NODES - 1);
    close_bench(&bench);
}

static void nobody_up_asks_nothing(void) {
    struct bench bench = bench_of((struct sim_work_spec){.kind = SIM_WORK_LOOKUP}, nothing);
    open_bench(&bench, 1);
    for (uint32_t i = 0; i < NODES; i++) CHECK(sim_world_crash(bench.world, i));
    sim_world_run(bench.world, WEFT_S(1), 0);
    CHECK_EQ_UINT(sim_works_count(bench.works, 0).asked, 0);
    close_bench(&bench);
}

static void a_count_draws_so_many_nodes_for_an_occurrence(void) {
    struct bench bench = bench_of(
        (struct sim_work_spec){
            .kind = SIM_WORK_LOOKUP, .burst = 40, .nodes = {.kind = SIM_SET_ALL, .count = 2}},
        nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(1), 0);
    uint32_t seen[NODES] = {0}, distinct = 0;
    for (size_t i = 0; i < bench.asked_count; i++) seen[bench.asked[i].node]++;
    for (int i = 0; i < NODES; i++) distinct += seen[i] > 0;
    CHECK_EQ_UINT(distinct, 2);
    close_bench(&bench);
}

static void after_the_end_nothing_is_asked(void) {
    struct bench bench =
        bench_of((struct sim_work_spec){.kind = SIM_WORK_LOOKUP, .every = WEFT_S(1)}, nothing);
    open_bench(&bench, 1);
    sim_world_run(bench.world, WEFT_S(3), 0);
    sim_works_end(bench.works);
    sim_world_run(bench.world, WEFT_S(9), 0);
    CHECK_EQ_UINT(bench.asked_count, 4);
    close_bench(&bench);
}

/* What a workload asks depends on the seed and on itself, not on the other workloads. */
static void a_second_workload_changes_nothing_of_the_first(void) {
    struct sim_work_spec first = {.kind = SIM_WORK_LOOKUP, .every = WEFT_S(2), .times = 5};
    struct bench alone = bench_of(first, nothing), both = bench_of(first, nothing);
    both.specs[1] = (struct sim_work_spec){
        .kind = SIM_WORK_PUT, .at = WEFT_S(1), .every = WEFT_S(2), .until = WEFT_TIME_NEVER};
    both.count = 2;
    open_bench(&alone, 7);
    open_bench(&both, 7);
    sim_world_run(alone.world, WEFT_S(9), 0);
    sim_world_run(both.world, WEFT_S(9), 0);
    size_t same = 0;
    for (size_t i = 0; i < both.asked_count; i++) {
        if (both.asked[i].kind != SIM_WORK_LOOKUP) continue;
        CHECK_EQ_UINT(both.asked[i].node, alone.asked[same].node);
        CHECK(weft_id_equal(&both.asked[i].key, &alone.asked[same].key));
        same++;
    }
    CHECK_EQ_UINT(same, 5);
    close_bench(&alone);
    close_bench(&both);
}

TEST_MAIN("sim/workload", TEST(operations_come_on_time_and_end_with_until),
          TEST(times_bounds_the_occurrences_and_burst_multiplies_them),
          TEST(without_every_it_happens_once), TEST(jitter_delays_within_its_bound),
          TEST(operations_are_numbered_from_one),
          TEST(what_ends_well_is_done_and_what_does_not_has_failed),
          TEST(a_put_ends_with_its_store_not_with_its_lookup),
          TEST(an_answer_of_another_node_is_not_an_answer),
          TEST(operations_of_a_node_that_dies_are_lost),
          TEST(operations_of_a_dht_that_starts_again_are_lost),
          TEST(gets_ask_nothing_until_a_put_is_stored_then_for_its_key),
          TEST(a_put_that_fails_makes_nothing_known),
          TEST(lookups_look_for_nodes_there_are_about_half_the_time),
          TEST(only_nodes_of_the_set_that_are_up_ask), TEST(a_single_node_that_is_up_is_found),
          TEST(nobody_up_asks_nothing), TEST(a_count_draws_so_many_nodes_for_an_occurrence),
          TEST(after_the_end_nothing_is_asked),
          TEST(a_second_workload_changes_nothing_of_the_first))
