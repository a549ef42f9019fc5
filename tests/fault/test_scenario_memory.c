/* Fail the first allocation of reading a scenario, the second, the third ... until none fails: each
 * time it is out of memory and says nothing else, and nothing leaks. The linker puts these
 * functions in the place of the library's (tests/CMakeLists.txt). */
#include "core/base/error.h"
#include "sim/scenario/plan.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>

#define RUNS_MAX 10000

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static long left = -1; /* allocations until one fails; -1: none does */
static bool only_one, failed;

static bool allowed(void) {
    if (left < 0) return true;
    if (left-- > 0) return true;
    failed = true;
    left = only_one ? -1 : 0;
    return false;
}

void *__wrap_malloc(size_t size) { return allowed() ? __real_malloc(size) : NULL; }
void *__wrap_calloc(size_t count, size_t size) {
    return allowed() ? __real_calloc(count, size) : NULL;
}
void *__wrap_realloc(void *ptr, size_t size) {
    return allowed() ? __real_realloc(ptr, size) : NULL;
}

static const char text[] = "name: test\nabout: Everything that allocates.\npopulation: 100\n"
                           "stop: 60s\ngroups: {core: {count: 10}, leaf: {count: 5%}}\n"
                           "network: {delay: {regions: regions/ibm-cloud-2024.csv}, loss: 1%}\n"
                           "workload: [put: {every: 1s}, get: {every: 1s}]\n"
                           "faults: [crash: {at: 20s, nodes: [1, 5-9]}]\nchecks: [no_leak]\n";

static void on_mistake(void *ctx, const char *line) {
    ++*(int *)ctx;
    fprintf(stderr, "%s\n", line);
}

static int read_once(void) {
    const char *options[] = {"join.over=5s", "faults.0.crash.nodes={of: [1-4], pick: 2}"};
    struct sim_plan_sets sets = {.sets = options, .count = 2};
    char path[512];
    int mistakes = 0;
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = &mistakes};
    struct sim_plan *plan = NULL;
    snprintf(path, sizeof path, "%s/scenarios/x.yaml", test_source_folder());
    int rv = sim_plan_parse(path, weft_bytes_text(text), &sets, &report, &plan);
    CHECK_EQ_INT(mistakes, 0);
    CHECK_EQ_INT(rv == WEFT_OK, plan != NULL);
    sim_plan_free(plan);
    return rv;
}

static void fail_each_in_turn(bool one) {
    long runs = 0;
    only_one = one;
    for (; runs < RUNS_MAX; runs++) {
        left = runs;
        failed = false;
        int rv = read_once();
        left = -1;
        CHECK_EQ_INT(rv, failed ? WEFT_ERR_NOMEM : WEFT_OK);
        if (!failed) break;
    }
    CHECK(runs > 100); /* there were that many to fail */
    CHECK(runs < RUNS_MAX);
}

static void one_allocation_that_fails_is_out_of_memory_and_nothing_else(void) {
    fail_each_in_turn(true);
}

static void memory_that_ends_is_out_of_memory_and_nothing_else(void) { fail_each_in_turn(false); }

static void a_file_that_does_not_fit_into_memory_is_out_of_memory(void) {
    char path[512];
    struct sim_plan *plan = NULL;
    snprintf(path, sizeof path, "%s/scenarios/first-partition.yaml", test_source_folder());
    left = 0;
    only_one = true;
    failed = false;
    CHECK_EQ_INT(sim_plan_read(path, NULL, NULL, &plan), WEFT_ERR_NOMEM);
    CHECK(failed);
    CHECK(plan == NULL);
    left = -1;
}

TEST_MAIN("fault/scenario_memory",
          TEST(one_allocation_that_fails_is_out_of_memory_and_nothing_else),
          TEST(memory_that_ends_is_out_of_memory_and_nothing_else),
          TEST(a_file_that_does_not_fit_into_memory_is_out_of_memory))
