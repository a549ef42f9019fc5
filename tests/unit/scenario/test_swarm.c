#include "core/base/error.h"
#include "core/base/rand.h"
#include "sim/scenario/swarm.h"
#include "sim/world/packet_kind.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                                       \
    "name: x\npopulation: 5\nstop: 60s\njoin: {over: 1s}\n"                                        \
    "checks: [no_leak]\n"
#define CRASH "{crash: {at: 2s..20s, every: 1s..5s, nodes: 1..3, for: 1s..3s}}"

static char told[8192];

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s\n", line);
}

static struct sim_plan *read_with(const char *text, const struct sim_plan_sets *sets) {
    struct sim_plan *plan = NULL;
    const struct sim_plan_report report = {.mistake = on_mistake};
    told[0] = '\0';
    (void)sim_plan_parse("x.yaml", weft_bytes_text(text), sets, &report, &plan);
    return plan;
}

static struct sim_plan *read_seed(const char *text, uint64_t seed) {
    struct sim_plan_sets sets = {.seed = &seed, .plain = true};
    struct sim_plan *plan = read_with(text, &sets);
    CHECK_EQ_TEXT(told, "");
    return plan;
}

/* --- ranges --- */

static uint64_t spread(const struct sim_swarm__range *range, uint64_t counter) {
    const uint64_t raw[2] = {weft_draw(1, 2, 3, counter), weft_draw(1, 2, 4, counter)};
    uint64_t value = sim_swarm__spread(range, raw);
    CHECK(value >= range->low && value <= range->high);
    return value;
}

static void every_doubling_is_as_likely(void) {
    struct sim_swarm__range range;
    CHECK(sim_swarm__read_range("1ms..1024ms", &range) == NULL);
    uint32_t low = 0, high = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        uint64_t value = spread(&range, i);
        low += value < 32 * (uint64_t)WEFT_MS(1);
        high += value >= 32 * (uint64_t)WEFT_MS(1);
    }
    CHECK(low > 1800 && high > 1800);
}

static void ends_are_met_often(void) {
    struct sim_swarm__range range;
    CHECK(sim_swarm__read_range("0%..100%", &range) == NULL);
    uint32_t none = 0, all = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        uint64_t value = spread(&range, i);
        none += value == 0;
        all += value == 1000000;
    }
    CHECK(none > 180 && none < 320);
    CHECK(all > 180 && all < 320);
}

static void extremes_stay_inside(void) {
    static const char *const texts[] = {"0..0",        "1..1",        "0..1",       "7..4294967295",
                                        "1ns..87600h", "0ns..87600h", "1ppm..2ppm", "0..3"};
    for (size_t t = 0; t < sizeof texts / sizeof texts[0]; t++) {
        struct sim_swarm__range range;
        CHECK(sim_swarm__read_range(texts[t], &range) == NULL);
        for (uint64_t i = 0; i < 500; i++) (void)spread(&range, i);
        const uint64_t raw[2] = {UINT64_MAX, UINT64_MAX};
        CHECK(sim_swarm__spread(&range, raw) <= range.high);
    }
}

static void a_value_is_written_with_three_digits_inside_the_range(void) {
    struct sim_swarm__range range;
    char text[WEFT_VALUE_TEXT_MAX];
    CHECK(sim_swarm__read_range("1s..30s", &range) == NULL);
    CHECK_EQ_TEXT(sim_swarm__show(&range, 3214567890, text), "3210ms");
    CHECK_EQ_TEXT(sim_swarm__show(&range, 30000000000, text), "30s");
    CHECK(sim_swarm__read_range("1.2345%..2%", &range) == NULL);
    CHECK_EQ_TEXT(sim_swarm__show(&range, 12346, text), "1.2346%"); /* less would be outside */
    CHECK(sim_swarm__read_range("10ppm..500ppm", &range) == NULL);
    CHECK_EQ_TEXT(sim_swarm__show(&range, 123, text), "123ppm");
    CHECK(sim_swarm__read_range("0.1..1.5", &range) == NULL);
    CHECK_EQ_TEXT(sim_swarm__show(&range, 1250, text), "1.250");
}

static void what_is_no_range_is_told(void) {
    struct sim_swarm__range range;
    CHECK(!sim_swarm__is_range("../kv.so"));
    CHECK(!sim_swarm__is_range("5-10"));
    CHECK(sim_swarm__is_range("5..x"));
    CHECK(sim_swarm__read_range("5..x", &range) != NULL);
    CHECK(sim_swarm__read_range("5..2s", &range) != NULL);
    CHECK(sim_swarm__read_range("5..2", &range) != NULL);
    CHECK(sim_swarm__read_range("5ppm..9%", &range) != NULL);
}

/* --- draws --- */

static void the_seed_decides_and_the_same_is_the_same(void) {
    const char *text = HEAD "swarm:\n  population: 3..500\n  dht.k: 1..20\n  faults: [" CRASH "]\n";
    struct sim_plan *one = read_seed(text, 1), *again = read_seed(text, 1);
    struct sim_plan *other = read_seed(text, 2);
    CHECK_EQ_TEXT(one->plain, again->plain);
    CHECK(strcmp(one->plain, other->plain) != 0);
    CHECK(one->has_swarm);
    CHECK_EQ_UINT(one->draws_count, 3);
    sim_plan_free(one);
    sim_plan_free(again);
    sim_plan_free(other);
}

static void another_range_changes_no_draw(void) {
    const char *less = HEAD "swarm:\n  population: 3..500\n  faults: [" CRASH "]\n";
    const char *more = HEAD "swarm:\n  dht.k: 1..20\n  population: 3..500\n"
                            "  faults: [{pause: {at: 3s, nodes: 1, for: 1s}}, " CRASH "]\n";
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_plan *a = read_seed(less, seed), *b = read_seed(more, seed);
        CHECK_EQ_UINT(a->population, b->population);
        const struct sim_draw *crash_a = &a->draws[a->draws_count - 1];
        const struct sim_draw *crash_b = &b->draws[b->draws_count - 1];
        CHECK_EQ_TEXT(crash_a->name, "crash");
        CHECK_EQ_TEXT(crash_b->value, crash_a->value);
        sim_plan_free(a);
        sim_plan_free(b);
    }
}

static void the_printed_scenario_is_the_same_plan(void) {
    const char *text = HEAD "swarm:\n  population: 3..50\n  network.delay: {one_of: [1ms..30ms, "
                            "{lognormal: {median: 5ms..9ms, sigma: 0.1..1}, per: pair}]}\n"
                            "  faults: all\n";
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_plan *drawn = read_seed(text, seed);
        struct sim_plan *plain = read_with(drawn->plain, NULL);
        CHECK_EQ_TEXT(told, "");
        CHECK(plain != NULL && !plain->has_swarm);
        CHECK_EQ_UINT(plain->seed, seed);
        CHECK_EQ_UINT(plain->population, drawn->population);
        CHECK_EQ_UINT(plain->faults_count, drawn->faults_count);
        for (uint32_t i = 0; i < plain->faults_count; i++) {
            struct sim_fault_spec fault = drawn->faults[i];
            CHECK(fault.swarm > 0);
            fault.swarm = 0;
            fault.line = plain->faults[i].line;
            CHECK(memcmp(&fault, &plain->faults[i], sizeof fault) == 0);
        }
        sim_plan_free(drawn);
        sim_plan_free(plain);
    }
}

static void a_coin_of_its_own_turns_each_fault_on(void) {
    const char *text =
        HEAD "swarm: {chance: 50%, faults: [" CRASH ", {kill: {at: 3s, nodes: 1}}]}\n"
             "faults: [{stop: {at: 4s, nodes: 1}}]\n";
    uint32_t crash = 0, kill = 0, both = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct sim_plan *plan = read_seed(text, seed);
        CHECK_EQ_INT(plan->faults[0].kind, SIM_FAULT_STOP);
        CHECK_EQ_UINT(plan->faults[0].swarm, 0);
        CHECK_EQ_UINT(plan->swarm_count, 2);
        bool has[3] = {false};
        for (uint32_t i = 1; i < plan->faults_count; i++) has[plan->faults[i].swarm] = true;
        crash += has[1];
        kill += has[2];
        both += has[1] && has[2];
        sim_plan_free(plan);
    }
    CHECK(crash > 70 && crash < 130);
    CHECK(kill > 70 && kill < 130);
    CHECK(both > 25 && both < 75);
}

static void a_chance_of_all_turns_every_fault_on(void) {
    const char *text = HEAD "swarm: {chance: 100%, faults: all}\n";
    struct sim_plan *plan = read_seed(text, 5);
    CHECK_EQ_UINT(plan->faults_count, plan->swarm_count);
    CHECK(plan->faults_count >= 10);
    sim_plan_free(plan);
}

static uint32_t faults_of_disks(const struct sim_plan *plan) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->faults_count; i++) {
        enum sim_fault_kind kind = plan->faults[i].kind;
        count += kind >= SIM_FAULT_WIPE && kind <= SIM_FAULT_DISK_STUCK;
    }
    return count;
}

static void disks_fail_only_where_something_is_saved(void) {
    const char *const texts[] = {
        HEAD "swarm: {chance: 100%, faults: all}\n",
        HEAD "dht: {save_table: false}\nswarm: {chance: 100%, faults: all}\n",
        HEAD "dht: {save_table: true}\nswarm: {chance: 100%, faults: all}\n"};
    const uint32_t expected[] = {0, 0, 9};
    for (size_t i = 0; i < 3; i++) {
        struct sim_plan *plan = read_seed(texts[i], 5);
        CHECK_EQ_TEXT(told, "");
        CHECK_EQ_UINT(faults_of_disks(plan), expected[i]);
        sim_plan_free(plan);
    }
}

static uint32_t outages(const char *text, bool *of_regions) {
    struct sim_plan *plan = read_seed(text, 5);
    uint32_t count = 0;
    for (uint32_t i = 0; plan != NULL && i < plan->faults_count; i++) {
        if (plan->faults[i].kind != SIM_FAULT_OUTAGE) continue;
        *of_regions = plan->faults[i].level == SIM_DOMAIN_REGION;
        count++;
    }
    sim_plan_free(plan);
    return count;
}

static void regions_of_the_network_fail_as_domains_do(void) {
    static const char all[] = "swarm: {chance: 100%, faults: all}\n";
    char text[1024], matrix[512];
    bool of_regions = true;
    snprintf(matrix, sizeof matrix, "%s/scenarios/regions/ibm-cloud-2024.csv",
             test_source_folder());
    snprintf(text, sizeof text, HEAD "%s", all);
    CHECK_EQ_UINT(outages(text, &of_regions), 0);
    snprintf(text, sizeof text, HEAD "domains: {racks: 3}\n%s", all);
    CHECK_EQ_UINT(outages(text, &of_regions), 1);
    CHECK(!of_regions);
    snprintf(text, sizeof text, HEAD "network: {delay: {regions: %s}}\n%s", matrix, all);
    CHECK_EQ_UINT(outages(text, &of_regions), 1);
    CHECK(of_regions);
    snprintf(text, sizeof text,
             HEAD "network: {links: [{from: any, to: any, delay: {regions: %s}}]}\n%s", matrix,
             all);
    CHECK_EQ_UINT(outages(text, &of_regions), 1);
    CHECK(of_regions);
}

/* What is not in `all`: an upgrade needs a module. */
static bool needs_more(enum sim_fault_kind kind) { return kind == SIM_FAULT_UPGRADE; }

static void every_kind_of_fault_is_among_all(void) {
    for (int kind = 1; kind < SIM_FAULT_KIND_COUNT; kind++) {
        bool has = sim_swarm__values((enum sim_fault_kind)kind) != NULL;
        if (has == needs_more((enum sim_fault_kind)kind))
            fprintf(stderr, "%s: sim/scenario/swarm_all.c says what a swarm gives it\n",
                    sim_fault_name((enum sim_fault_kind)kind));
        CHECK(has != needs_more((enum sim_fault_kind)kind));
    }
}

static uint32_t count_of(const struct sim_plan *plan, enum sim_fault_kind kind,
                         bool (*is)(const struct sim_fault_spec *spec)) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < plan->faults_count; i++)
        count += plan->faults[i].kind == kind && (is == NULL || is(&plan->faults[i]));
    return count;
}

static bool has_element(const struct sim_fault_spec *spec, enum sim_element_kind kind) {
    for (uint32_t i = 0; i < spec->chain.count; i++)
        if (spec->chain.elements[i].kind == kind) return true;
    return false;
}

static bool is_one_way(const struct sim_fault_spec *spec) { return spec->one_way; }
static bool is_flapping(const struct sim_fault_spec *spec) { return spec->flap_on.a > 0; }
static bool is_directed(const struct sim_fault_spec *spec) { return spec->directed; }
static bool is_burst(const struct sim_fault_spec *spec) {
    return has_element(spec, SIM_ELEMENT_BURST);
}
static bool is_mtu(const struct sim_fault_spec *spec) { return has_element(spec, SIM_ELEMENT_MTU); }
static bool is_doubling(const struct sim_fault_spec *spec) {
    return has_element(spec, SIM_ELEMENT_DUPLICATE);
}
static bool is_of_streams(const struct sim_fault_spec *spec) {
    return spec->chain.elements[0].kinds == 1u << SIM_PACKET_STREAM;
}
static bool is_scheduled(const struct sim_fault_spec *spec) { return spec->steps_count == 2; }

static void every_form_of_partition_and_degrade_is_among_all(void) {
    struct sim_plan *plan = read_seed(HEAD "swarm: {chance: 100%, faults: all}\n", 5);
    CHECK(count_of(plan, SIM_FAULT_PARTITION, is_one_way) > 0);
    CHECK(count_of(plan, SIM_FAULT_PARTITION, is_flapping) > 0);
    CHECK(count_of(plan, SIM_FAULT_DEGRADE, is_directed) > 0);
    CHECK(count_of(plan, SIM_FAULT_DEGRADE, is_burst) > 0);
    CHECK(count_of(plan, SIM_FAULT_DEGRADE, is_mtu) > 0);
    CHECK(count_of(plan, SIM_FAULT_DEGRADE, is_scheduled) > 0);
    sim_plan_free(plan);
}

static void streams_alone_know_no_doubling_nor_size_of_datagrams(void) {
    const char *text = HEAD "dht: off\ndist: on\nswarm: {chance: 100%, faults: all}\n";
    struct sim_plan *plan = read_seed(text, 5);
    CHECK(count_of(plan, SIM_FAULT_DEGRADE, is_burst) > 0);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_DEGRADE, is_mtu), 0);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_DEGRADE, is_doubling), 0);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_FILTER, is_of_streams), 1);
    sim_plan_free(plan);
}

static void what_a_group_has_counts_as_what_all_have(void) {
    char text[1024]; /* any file will do: nothing is loaded */
    snprintf(text, sizeof text,
             HEAD "dht: off\ngroups: {some: {count: 2, apps: [%s/LICENSE], dist: on}}\n"
                  "swarm: {chance: 100%%, faults: all}\n",
             test_source_folder());
    struct sim_plan *plan = read_seed(text, 5), *without = NULL;
    REQUIRE(plan != NULL);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_POISON, NULL), 1);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_HANG, NULL), 1);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_RESET, NULL), 1);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_HALF_OPEN, NULL), 1);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_SLOW, NULL), 2);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_OVERFLOW, NULL), 1);
    CHECK_EQ_UINT(count_of(plan, SIM_FAULT_MEMORY, NULL), 2);
    sim_plan_free(plan);
    without = read_seed(HEAD "dht: off\nswarm: {chance: 100%, faults: all}\n", 5);
    CHECK_EQ_UINT(count_of(without, SIM_FAULT_POISON, NULL), 0);
    CHECK_EQ_UINT(count_of(without, SIM_FAULT_RESET, NULL), 0);
    CHECK_EQ_UINT(count_of(without, SIM_FAULT_MEMORY, NULL), 1);
    sim_plan_free(without);
}

/* What is drawn for parts of a very short time has to be valid, too. */
static void faults_of_a_short_run_are_valid(void) {
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct sim_plan *plan =
            read_seed("name: x\npopulation: 5\nstop: 2s\njoin: {over: 100ms}\nchecks: [no_leak]\n"
                      "swarm: {chance: 100%, faults: all}\n",
                      seed);
        sim_plan_free(plan);
        plan = read_seed("name: x\npopulation: 5\nstop: 3s\njoin: {over: 100ms}\nchecks: "
                         "[no_leak]\nswarm: {chance: 100%, faults: all}\n",
                         seed);
        CHECK(count_of(plan, SIM_FAULT_DEGRADE, is_scheduled) > 0);
        sim_plan_free(plan);
    }
}

static void an_option_goes_before_a_range(void) {
    const char *text = HEAD "swarm: {population: 3..500, dht.k: 2..9}\n";
    const char *const options[] = {"population=77", "swarm.dht.k=4..4"};
    struct sim_plan_sets sets = {.sets = options, .count = 2};
    struct sim_plan *plan = read_with(text, &sets);
    CHECK_EQ_TEXT(told, "");
    CHECK_EQ_UINT(plan->population, 77);
    CHECK_EQ_UINT(plan->dht_of[0].k, 4);
    CHECK_EQ_UINT(plan->draws_count, 1);
    sim_plan_free(plan);
}

static void without_a_seed_that_of_the_file_draws(void) {
    const char *text = HEAD "seed: 9\nswarm: {population: 3..5000}\n";
    struct sim_plan *file = read_with(text, NULL), *given = read_seed(text, 9);
    CHECK_EQ_UINT(file->population, given->population);
    sim_plan_free(file);
    sim_plan_free(given);
}

static void what_only_some_seeds_draw_is_told_with_the_seed(void) {
    const char *text = HEAD "swarm: {join.over: 1s..50s, stop: 2s..60s, faults: []}\n";
    CHECK(read_with(text, NULL) == NULL);
    CHECK(strstr(told, "'faults' is an empty list") != NULL);
    text = HEAD "swarm: {join.over: 1s..50s, stop: 2s..60s}\n";
    CHECK(read_with(text, NULL) == NULL);
    CHECK_EQ_TEXT(told,
                  "x.yaml:4:7: nodes join until 5390ms, expected before the run stops at 3160ms "
                  "(as seed 4 draws it)\n");
}

TEST_MAIN("scenario/swarm", TEST(every_doubling_is_as_likely), TEST(ends_are_met_often),
          TEST(extremes_stay_inside), TEST(a_value_is_written_with_three_digits_inside_the_range),
          TEST(what_is_no_range_is_told), TEST(the_seed_decides_and_the_same_is_the_same),
          TEST(another_range_changes_no_draw), TEST(the_printed_scenario_is_the_same_plan),
          TEST(a_coin_of_its_own_turns_each_fault_on), TEST(a_chance_of_all_turns_every_fault_on),
          TEST(every_kind_of_fault_is_among_all), TEST(disks_fail_only_where_something_is_saved),
          TEST(every_form_of_partition_and_degrade_is_among_all),
          TEST(streams_alone_know_no_doubling_nor_size_of_datagrams),
          TEST(what_a_group_has_counts_as_what_all_have), TEST(faults_of_a_short_run_are_valid),
          TEST(regions_of_the_network_fail_as_domains_do), TEST(an_option_goes_before_a_range),
          TEST(without_a_seed_that_of_the_file_draws),
          TEST(what_only_some_seeds_draw_is_told_with_the_seed))
