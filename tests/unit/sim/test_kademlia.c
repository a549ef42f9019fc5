/* Static networks against closed forms; docs/validation.md has more of them. */
#include "core/posix/guard.h"
#include "sim/scenario/run.h"
#include "tests/harness/harness.h"

#include <stdio.h>

static const char scenario[] = "name: static\n"
                               "about: A network in which nobody comes or goes.\n"
                               "population: 1000\n"
                               "join: {over: 60s, from: random, contacts: 3}\n"
                               "dht: {k: 8, stale_after: 2h, forget_after: 3h}\n"
                               "network: {delay: 20ms}\n"
                               "workload:\n"
                               "  - lookup: {from: 240s, until: 280s, every: 50ms}\n"
                               "checks:\n"
                               "  - closest: {within: 30s}\n"
                               "stop: 300s\n";

struct sum {
    uint64_t lookups, depth;
};

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct sum *sum = ctx;
    if (event->kind != WEFT_TRACE_LOOKUP_DONE || event->number[1] != WEFT_LOOKUP_NODES) return;
    sum->lookups++;
    sum->depth += event->number[6];
}

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static void run(const char *alpha, struct sum *sum, struct sim_run_report *report) {
    const struct sim_plan_sets overrides = {.sets = &alpha, .count = 1};
    const struct sim_plan_report mistakes = {.mistake = on_mistake, .ctx = NULL};
    struct sim_plan *plan = NULL;
    REQUIRE(sim_plan_parse("static.yaml", weft_bytes_text(scenario), &overrides, &mistakes,
                           &plan) == WEFT_OK);
    const struct sim_run_options options = {.seed = 1,
                                            .until = WEFT_TIME_NEVER,
                                            .host = {.guard = &weft_posix_guard},
                                            .trace = on_trace,
                                            .trace_mask = WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE),
                                            .ctx = sum};
    weft_posix_guard_install();
    CHECK_EQ_INT(sim_run(plan, &options, report), WEFT_OK);
    sim_plan_free(plan);
}

/* In hundredths of a hop; `expected` is what ideal tables need. */
static void check_depth(const char *alpha, uint64_t expected) {
    static struct sim_run_report report;
    struct sum sum = {.lookups = 0};
    run(alpha, &sum, &report);
    CHECK_EQ_UINT(sum.lookups, 801);
    uint64_t depth = 100 * sum.depth / (sum.lookups > 0 ? sum.lookups : 1);
    CHECK(depth >= expected - 10);
    CHECK(depth <= expected + 15);
    CHECK_EQ_UINT(report.checks[0].result.evaluated, sum.lookups);
    CHECK_EQ_UINT(report.checks[0].result.failed, 0); /* recall is 1, not about 1 */
}

static void one_at_a_time_a_thousand_nodes_are_2_36_hops_deep(void) {
    check_depth("dht.alpha=1", 236);
}

static void three_at_a_time_they_are_2_25_hops_deep(void) { check_depth("dht.alpha=3", 225); }

TEST_MAIN("sim/kademlia", TEST(one_at_a_time_a_thousand_nodes_are_2_36_hops_deep),
          TEST(three_at_a_time_they_are_2_25_hops_deep))
