#include "sim/scenario/run_parts.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define NODES 40

static struct sim_plan *plan_of(enum sim_join_from from) {
    struct sim_plan *plan = calloc(1, sizeof *plan);
    plan->population = NODES;
    plan->groups_count = 1;
    plan->groups[0] = (struct sim_group){.name = "rest", .first = 0, .count = NODES};
    plan->join_of[0] =
        (struct sim_join){.over = WEFT_S(10), .from = from, .seeds = 3, .contacts = 3};
    plan->dht_on = true;
    return plan;
}

static uint32_t node_of(const struct weft_addr *addr) {
    return ((uint32_t)addr->ip[1] << 16 | (uint32_t)addr->ip[2] << 8 | addr->ip[3]) - 1;
}

/* The node's known contact at `index`. */
static uint32_t known(const struct weft_node_config *config, size_t index) {
    return node_of(&config->dht->bootstrap[index]);
}

static void seeds_come_up_at_once_and_the_rest_within_over(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run__boot boot;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    weft_time latest = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        weft_time at = sim_run__boot_at(&boot, i);
        if (i < 3) CHECK_EQ_INT(at, 0);
        CHECK(at >= 0 && at <= WEFT_S(10));
        latest = weft_time_max(latest, at);
    }
    CHECK(latest > WEFT_S(5));
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void who_joins_by_seeds_shares_one_configuration(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run__boot boot;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    const struct weft_node_config *config = sim_run__boot_config(&boot, 10);
    CHECK(config == sim_run__boot_config(&boot, 11));
    REQUIRE(config->dht->bootstrap_count == 3);
    for (uint32_t i = 0; i < 3; i++) CHECK_EQ_UINT(known(config, i), i);
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void a_seed_knows_the_other_seeds(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run__boot boot;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    const struct weft_node_config *config = sim_run__boot_config(&boot, 1);
    REQUIRE(config->dht->bootstrap_count == 2);
    CHECK_EQ_UINT(known(config, 0), 0);
    CHECK_EQ_UINT(known(config, 1), 2);
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void fewer_contacts_than_seeds_are_drawn_and_distinct(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run__boot boot;
    plan->join_of[0].seeds = 10;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    for (uint32_t i = 10; i < NODES; i++) {
        const struct weft_node_config *config = sim_run__boot_config(&boot, i);
        REQUIRE(config->dht->bootstrap_count == 3);
        uint32_t a = known(config, 0), b = known(config, 1), c = known(config, 2);
        CHECK(a < 10 && b < 10 && c < 10);
        CHECK(a != b && b != c && a != c);
    }
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void a_random_contact_has_a_smaller_number_and_is_up_before(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_RANDOM);
    struct sim_run__boot boot;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    for (uint32_t i = 1; i < NODES; i++) {
        const struct weft_node_config *config = sim_run__boot_config(&boot, i);
        CHECK_EQ_UINT(config->dht->bootstrap_count, i < 3 ? i : 3);
        for (size_t k = 0; k < config->dht->bootstrap_count; k++) {
            CHECK(known(config, k) < i);
            CHECK(sim_run__boot_at(&boot, known(config, k)) <= sim_run__boot_at(&boot, i));
        }
    }
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void in_a_chain_each_knows_the_one_before_it(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_CHAIN);
    struct sim_run__boot boot;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    for (uint32_t i = 1; i < NODES; i++) {
        const struct weft_node_config *config = sim_run__boot_config(&boot, i);
        REQUIRE(config->dht->bootstrap_count == 1);
        CHECK_EQ_UINT(known(config, 0), i - 1);
    }
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void the_first_of_all_knows_nobody_until_it_comes_back(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_RANDOM);
    struct sim_run__boot boot;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    CHECK_EQ_UINT(sim_run__boot_config(&boot, 0)->dht->bootstrap_count, 0);
    const struct weft_node_config *again = sim_run__boot_config(&boot, 0);
    REQUIRE(again->dht->bootstrap_count == 1);
    CHECK_EQ_UINT(known(again, 0), 1);
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void a_node_knows_the_same_ones_in_every_life(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_RANDOM);
    struct sim_run__boot boot;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    uint32_t first[3];
    for (size_t k = 0; k < 3; k++) first[k] = known(sim_run__boot_config(&boot, 20), k);
    const struct weft_node_config *config = sim_run__boot_config(&boot, 20);
    for (size_t k = 0; k < 3; k++) CHECK_EQ_UINT(known(config, k), first[k]);
    sim_run__boot_deinit(&boot);
    free(plan);
}

static void without_a_dht_nodes_have_none(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_CHAIN);
    struct sim_run__boot boot;
    plan->dht_on = false;
    REQUIRE(sim_run__boot_init(&boot, plan, 7) == WEFT_OK);
    CHECK(sim_run__boot_config(&boot, 5)->dht == NULL);
    sim_run__boot_deinit(&boot);
    free(plan);
}

/* --- the verdict --- */

static struct sim_run_report report_of(uint64_t evaluated, uint64_t bit, uint64_t done) {
    struct sim_run_report report = {.checks_count = 1, .faults_count = 1, .works_count = 1};
    report.checks[0] =
        (struct sim_check_report){.kind = SIM_CHECK_NO_LEAK,
                                  .line = 9,
                                  .result = {.evaluated = evaluated, .holds = evaluated > 0}};
    report.faults[0] =
        (struct sim_fault_report){.kind = SIM_FAULT_CRASH, .line = 5, .count = {2, bit}};
    report.works[0] =
        (struct sim_work_report){.kind = SIM_WORK_GET, .line = 3, .count = {4, done, 0, 0}};
    return report;
}

static void a_run_in_which_everything_was_tested_and_held_holds(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run_report report = report_of(1, 1, 1);
    sim_run__judge(plan, WEFT_S(60), &report);
    CHECK_EQ_INT(report.verdict, SIM_HOLDS);
    CHECK_EQ_UINT(report.reasons_count, 0);
    free(plan);
}

static void dead_checks_dead_faults_and_hollow_work_each_fail_a_run(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run_report report = report_of(0, 0, 0);
    char file[] = "x.yaml";
    plan->file = file;
    sim_run__judge(plan, WEFT_S(60), &report);
    CHECK_EQ_INT(report.verdict, SIM_FAILS);
    REQUIRE(report.reasons_count == 3);
    CHECK_EQ_TEXT(report.reasons[0], "x.yaml:9: dead check: no_leak was never evaluated");
    CHECK_EQ_TEXT(report.reasons[1],
                  "x.yaml:5: dead fault: crash was injected 2 times and never bit");
    CHECK_EQ_TEXT(report.reasons[2],
                  "x.yaml:3: hollow workload: get asked 4 times and completed none");
    free(plan);
}

static void what_was_not_due_before_the_run_was_cut_is_not_missed(void) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run_report report = report_of(1, 0, 0);
    plan->faults[0].at = plan->works[0].at = WEFT_S(60);
    sim_run__judge(plan, WEFT_S(60) - 1, &report);
    CHECK_EQ_INT(report.verdict, SIM_HOLDS);
    free(plan);
}

static struct sim_claim claims[] = {
    {.kind = SIM_CLAIM_LINK, .line = 5, .fault = 1, .name = "schedule.1.loss"},
    {.kind = SIM_CLAIM_UNSYNCED, .line = 6, .fault = 1, .name = "unsynced"},
    {.kind = SIM_CLAIM_LINK, .line = 11, .name = "network.mtu"},
    {.kind = SIM_CLAIM_OFFSET, .line = 12, .name = "clocks.offset"},
    {.kind = SIM_CLAIM_DRIFT, .line = 13, .name = "clocks.drift"},
    {.kind = SIM_CLAIM_NAT, .line = 14, .name = "groups.home.nat"}};
#define CLAIMS (sizeof claims / sizeof claims[0])

static struct sim_run_report judge_claims(bool drawn, weft_time end, uint64_t bit,
                                          uint64_t fault_bit) {
    struct sim_plan *plan = plan_of(SIM_JOIN_SEEDS);
    struct sim_run_report report = report_of(1, fault_bit, 1);
    char file[] = "x.yaml";
    plan->file = file;
    plan->stop = WEFT_S(60);
    plan->has_swarm = drawn;
    plan->claims = claims;
    plan->claims_count = report.claims_count = CLAIMS;
    for (uint32_t i = 0; i < CLAIMS; i++) report.claims[i] = bit;
    sim_run__judge(plan, end, &report);
    free(plan);
    return report;
}

static void dead_parts_of_faults_and_dead_conditions_fail_a_run(void) {
    static const char *const expected[] = {
        "x.yaml:5: dead fault: schedule.1.loss of crash never changed a packet",
        "x.yaml:6: dead fault: unsynced of crash never found anything that was not synced",
        "x.yaml:11: dead condition: network.mtu never changed a packet",
        "x.yaml:12: dead condition: clocks.offset was never read from a wall clock",
        "x.yaml:13: dead condition: clocks.drift never moved a timer",
        "x.yaml:14: dead condition: groups.home.nat was never given a packet"};
    struct sim_run_report report = judge_claims(false, WEFT_S(60), 0, 1);
    CHECK_EQ_INT(report.verdict, SIM_FAILS);
    REQUIRE(report.reasons_count == CLAIMS);
    for (uint32_t i = 0; i < CLAIMS; i++) CHECK_EQ_TEXT(report.reasons[i], expected[i]);
    CHECK_EQ_INT(judge_claims(false, WEFT_S(60), 1, 1).verdict, SIM_HOLDS);
}

static void claims_are_not_missed_when_the_run_is_cut_or_drawn(void) {
    CHECK_EQ_INT(judge_claims(false, WEFT_S(60) - 1, 0, 1).verdict, SIM_HOLDS);
    CHECK_EQ_INT(judge_claims(true, WEFT_S(60), 0, 1).verdict, SIM_HOLDS);
}

static void of_a_dead_fault_no_parts_are_told(void) {
    struct sim_run_report report = judge_claims(false, WEFT_S(60), 0, 0);
    CHECK_EQ_UINT(report.reasons_count, 1 + 4);
    CHECK_EQ_TEXT(report.reasons[0],
                  "x.yaml:5: dead fault: crash was injected 2 times and never bit");
    CHECK_EQ_TEXT(report.reasons[1],
                  "x.yaml:11: dead condition: network.mtu never changed a packet");
}

static void reasons_beyond_the_room_still_fail_the_run(void) {
    static struct sim_run_report report;
    for (int i = 0; i < SIM_REASONS_MAX + 3; i++) sim_run__reason(&report, "reason %d", i);
    CHECK_EQ_UINT(report.reasons_count, SIM_REASONS_MAX);
    CHECK_EQ_INT(report.verdict, SIM_FAILS);
}

TEST_MAIN("scenario/boot", TEST(seeds_come_up_at_once_and_the_rest_within_over),
          TEST(who_joins_by_seeds_shares_one_configuration), TEST(a_seed_knows_the_other_seeds),
          TEST(fewer_contacts_than_seeds_are_drawn_and_distinct),
          TEST(a_random_contact_has_a_smaller_number_and_is_up_before),
          TEST(in_a_chain_each_knows_the_one_before_it),
          TEST(the_first_of_all_knows_nobody_until_it_comes_back),
          TEST(a_node_knows_the_same_ones_in_every_life), TEST(without_a_dht_nodes_have_none),
          TEST(a_run_in_which_everything_was_tested_and_held_holds),
          TEST(dead_checks_dead_faults_and_hollow_work_each_fail_a_run),
          TEST(what_was_not_due_before_the_run_was_cut_is_not_missed),
          TEST(dead_parts_of_faults_and_dead_conditions_fail_a_run),
          TEST(claims_are_not_missed_when_the_run_is_cut_or_drawn),
          TEST(of_a_dead_fault_no_parts_are_told), TEST(reasons_beyond_the_room_still_fail_the_run))
