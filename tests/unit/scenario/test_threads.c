/* A plan on threads: the run of one thread, with DHT nodes that share a book and faults that are
 * injected meanwhile. ./dev tsan runs it under ThreadSanitizer. */
#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/posix/guard.h"
#include "core/posix/team.h"
#include "sim/scenario/run.h"
#include "tests/harness/harness.h"

#include <stdio.h>

static const char scenario[] = "name: threads\n"
                               "about: A bit of everything that threads have to agree on.\n"
                               "population: 60\n"
                               "join: {from: random, contacts: 3, over: 6s}\n"
                               "dht: {k: 4, alpha: 3}\n"
                               "network:\n"
                               "  delay: {uniform: [150ms, 300ms], per: pair}\n"
                               "  delay_jitter: 20ms\n"
                               "  loss: 1%\n"
                               "  duplicate: 1%\n"
                               "workload:\n"
                               "  - put: {from: 8s, until: 11s, every: 400ms}\n"
                               "  - get: {from: 9s, until: 18s, every: 300ms}\n"
                               "faults:\n"
                               "  - partition: {at: 10s, for: 4s, sides: [50%, 50%]}\n"
                               "  - crash: {at: 7s, every: 900ms, until: 14s, nodes: 1, for: 2s}\n"
                               "  - pause: {at: 12s, for: 1s, nodes: 5}\n"
                               "  - degrade: {at: 8s, for: 3s, nodes: 10, loss: 10%,\n"
                               "              delay: {exponential: {mean: 30ms}, per: pair},\n"
                               "              schedule: [{after: 1s, reorder: 20%}]}\n"
                               "checks:\n"
                               "  - no_leak\n"
                               "  - no_surprise\n"
                               "stop: 20s\n";

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    CHECK(line == NULL);
}

/* What was traced, in its order: a number for all of it. */
struct told {
    uint64_t events, digest;
};

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct told *told = ctx;
    uint64_t words[] = {(uint64_t)event->at, event->node, event->kind, event->bytes.size};
    told->events++;
    told->digest = weft_fold_bytes(told->digest, words, sizeof words);
    told->digest = weft_fold_bytes(told->digest, event->number, sizeof event->number);
    if (event->bytes.size > 0)
        told->digest = weft_fold_bytes(told->digest, event->bytes.data, event->bytes.size);
}

struct crew {
    struct weft_posix_team *members;
    unsigned runs;
};

static void run_team(void *ctx, void (*fn)(void *arg, uint32_t index), void *arg) {
    struct crew *crew = ctx;
    crew->runs++;
    weft_posix_team_run(crew->members, fn, arg);
}

static void rest(void *ctx) {
    (void)ctx;
    weft_posix_team_rest();
}

static void run_on(const struct sim_plan *plan, uint32_t threads, struct sim_run_report *report,
                   struct told *told) {
    struct crew crew = {.runs = 0};
    const struct sim_team team = {.count = threads, .run = run_team, .rest = rest, .ctx = &crew};
    struct sim_run_options options = {.seed = 3,
                                      .until = WEFT_TIME_NEVER,
                                      .host = {.guard = &weft_posix_guard},
                                      .trace = on_trace,
                                      .trace_mask = WEFT_TRACE_ALL,
                                      .ctx = told};
    *told = (struct told){0};
    if (threads > 1) {
        REQUIRE(weft_posix_team_new(threads, &crew.members) == WEFT_OK);
        options.host.team = &team;
    }
    CHECK_EQ_INT(sim_run(plan, &options, report), WEFT_OK);
    if (threads == 1) return;
    CHECK(crew.runs > 100); /* windows that were worth it, twice each */
    weft_posix_team_free(crew.members);
}

static void any_number_of_threads_gives_one_run(void) {
    static struct sim_run_report one, many;
    struct sim_plan_report mistakes = {.mistake = on_mistake};
    struct sim_plan_sets sets = {.count = 0};
    struct sim_plan *plan = NULL;
    struct told alone, told;
    REQUIRE(sim_plan_parse("threads.yaml", weft_bytes_text(scenario), &sets, &mistakes, &plan) ==
            WEFT_OK);
    CHECK(sim_plan_alone(plan) == NULL);
    weft_posix_guard_install();
    run_on(plan, 1, &one, &alone);
    CHECK(one.events > 3000 && alone.events > 3000);
    for (uint32_t threads = 2; threads <= 4; threads++) {
        run_on(plan, threads, &many, &told);
        CHECK(sim_hash_equal(one.hash, many.hash));
        CHECK_EQ_UINT(many.events, one.events);
        CHECK_EQ_UINT(many.node_bytes_peak, one.node_bytes_peak);
        CHECK_EQ_UINT(told.events, alone.events);
        CHECK_EQ_UINT(told.digest, alone.digest);
        for (uint32_t i = 0; i < one.faults_count; i++)
            CHECK_EQ_UINT(many.faults[i].count.bit, one.faults[i].count.bit);
        REQUIRE(one.claims_count == 5 && many.claims_count == 5);
        for (uint32_t i = 0; i < 5; i++) {
            CHECK(one.claims[i] > 0);
            CHECK_EQ_UINT(many.claims[i], one.claims[i]);
        }
    }
    weft_posix_guard_remove();
    sim_plan_free(plan);
}

/* A fault or a network that gives links a memory: what goes through them is in one order. */
static bool is_alone(const char *section, const char *line) {
    char text[512];
    struct sim_plan_report mistakes = {.mistake = on_mistake};
    struct sim_plan_sets sets = {.count = 0};
    struct sim_plan *plan = NULL;
    snprintf(
        text, sizeof text,
        "name: alone\nabout: Whether it may have threads.\npopulation: 4\nchecks: [no_surprise]\n"
        "stop: 20s\n%s:\n  %s\n",
        section, line);
    CHECK_EQ_INT(sim_plan_parse("alone.yaml", weft_bytes_text(text), &sets, &mistakes, &plan),
                 WEFT_OK);
    bool alone = plan != NULL && sim_plan_alone(plan) != NULL;
    sim_plan_free(plan);
    return alone;
}

static void links_that_keep_something_are_of_one_thread(void) {
    CHECK(!is_alone("network", "delay: 10ms"));
    CHECK(is_alone("network", "{delay: 10ms, rate: 1MB}"));
    CHECK(is_alone("network", "delay: {exponential: {mean: 10ms}}"));
    CHECK(!is_alone("faults", "- degrade: {at: 5s, for: 5s, nodes: 2, loss: 10%}"));
    CHECK(is_alone("faults", "- degrade: {at: 5s, for: 5s, nodes: 2, rate: 1MB}"));
    CHECK(is_alone("faults", "- degrade: {at: 5s, for: 5s, nodes: 2, schedule: "
                             "[{after: 1s, loss: 10%}, {after: 2s, rate: 1MB}]}"));
    CHECK(is_alone("faults", "- clog: {at: 5s, for: 5s, nodes: 2}"));
}

TEST_MAIN("scenario/threads", TEST(any_number_of_threads_gives_one_run),
          TEST(links_that_keep_something_are_of_one_thread))
