/* The same plan and seed twice in one process, in turn with another, give the same report. */
#include "core/posix/guard.h"
#include "sim/scenario/run.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static struct sim_plan *plan_of(const char *scenario) {
    static const char *const sets[] = {"population=200"};
    const struct sim_plan_sets overrides = {.sets = sets, .count = 1};
    const struct sim_plan_report report = {.mistake = on_mistake, .ctx = NULL};
    struct sim_plan *plan = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/scenarios/%s.yaml", test_source_folder(), scenario);
    CHECK_EQ_INT(sim_plan_read(path, &overrides, &report, &plan), WEFT_OK);
    return plan;
}

static void run(const struct sim_plan *plan, uint64_t seed, struct sim_run_report *report) {
    const struct sim_run_options options = {
        .seed = seed, .until = WEFT_TIME_NEVER, .host = {.guard = &weft_posix_guard}};
    memset(report, 0, sizeof *report);
    CHECK_EQ_INT(sim_run(plan, &options, report), WEFT_OK);
}

static void check_equal(const struct sim_run_report *a, const struct sim_run_report *b) {
    CHECK(sim_hash_equal(a->hash, b->hash));
    CHECK_EQ_UINT(a->events, b->events);
    CHECK_EQ_UINT(a->world.packets_sent, b->world.packets_sent);
    CHECK_EQ_UINT(a->world.packets_lost, b->world.packets_lost);
    CHECK_EQ_UINT(a->node_bytes_peak, b->node_bytes_peak);
    for (uint32_t i = 0; i < a->checks_count; i++) {
        CHECK_EQ_UINT(a->checks[i].result.evaluated, b->checks[i].result.evaluated);
        CHECK_EQ_UINT(a->checks[i].result.failed, b->checks[i].result.failed);
    }
}

static void runs_are_equal(const char *scenario) {
    static struct sim_run_report first, other, second;
    struct sim_plan *plan = plan_of(scenario);
    REQUIRE(plan != NULL);
    weft_posix_guard_install();
    run(plan, 7, &first);
    run(plan, 8, &other); /* whatever a run leaves behind would show in the next */
    run(plan, 7, &second);
    CHECK(first.events > 1000);
    CHECK(!sim_hash_equal(first.hash, other.hash));
    check_equal(&first, &second);
    sim_plan_free(plan);
}

static void a_partition_twice_in_one_process(void) { runs_are_equal("first-partition"); }

static void churn_twice_in_one_process(void) { runs_are_equal("heavy-churn"); }

static void a_lossy_mesh_twice_in_one_process(void) { runs_are_equal("lossy-radio"); }
static void bad_lines_twice_in_one_process(void) { runs_are_equal("bad-lines"); }

static void faults_inside_nodes_twice_in_one_process(void) { runs_are_equal("dht-owner-crash"); }

TEST_MAIN("determinism/twice", TEST(a_partition_twice_in_one_process),
          TEST(churn_twice_in_one_process), TEST(a_lossy_mesh_twice_in_one_process),
          TEST(bad_lines_twice_in_one_process), TEST(faults_inside_nodes_twice_in_one_process))
