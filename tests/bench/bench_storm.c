/* A storm of lookups: real nodes that joined and settled, then each of them looks up so often that
 * there is little else to do. Told of the storm alone, from a second after it began to its end.
 *
 *     bench_storm [threads=N] [rate=N] [seconds=N] nodes ...
 *                    default threads=1 rate=1 seconds=5: lookups a node and virtual second
 *
 * events/s are of the wall's time, events/core_s of the processor's, of all threads; of the events,
 * queries/events are packets of lookups: each query is one that arrives, and its answer another.
 * 2 % of the lookups or more without an answer: exit 1. */
#define _GNU_SOURCE
#include "core/posix/guard.h"
#include "core/posix/team.h"
#include "sim/scenario/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Joining takes 20 s, filling tables till 43 s or so (docs/benchmarks.md). */
#define BEGIN_S 50
#define BURSTS                                                                                     \
    50 /* a second: lookups begin together, as an event of the scenario ends a window              \
        */

static const char scenario[] =
    "name: storm\n"
    "about: Everybody looks up.\n"
    "population: %u\n"
    "join: {over: 20s, from: random, contacts: 3}\n"
    "dht: {k: 8, alpha: 3, stale_after: 2h, forget_after: 3h}\n"
    "network: {delay: 20ms}\n"
    "checks: [no_surprise]\n"
    "workload: [{lookup: {from: %us, until: %us, every: %ums, burst: %u}}]\n"
    "stop: %us\n";

static struct { unsigned threads, rate, seconds; } wish = {.threads = 1, .rate = 1, .seconds = 5};

struct mark {
    weft_time at; /* 0: not yet */
    uint64_t events, lookups, queries, failed;
    double wall, core; /* seconds */
};

struct storm {
    struct mark now, from, to;
};

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct mark *now = &((struct storm *)ctx)->now;
    if (event->kind != WEFT_TRACE_LOOKUP_DONE) return;
    now->queries += event->number[4];
    if (event->number[1] != WEFT_LOOKUP_NODES) return;
    now->lookups++;
    now->failed += event->number[2] != WEFT_OK;
}

static double seconds_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The run is looked at often enough: at each 200th of it, and every 100,000 events. */
static void on_progress(void *ctx, weft_time now, weft_time stop, uint64_t events) {
    struct storm *storm = ctx;
    (void)stop;
    storm->now.at = now;
    storm->now.events = events;
    storm->now.wall = seconds_of(CLOCK_MONOTONIC);
    storm->now.core = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    if (storm->from.at == 0 && now >= WEFT_S(BEGIN_S + 1)) storm->from = storm->now;
    if (now <= WEFT_S(BEGIN_S + wish.seconds)) storm->to = storm->now;
}

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static struct sim_plan *plan_of(unsigned nodes) {
    char text[1024];
    unsigned end = BEGIN_S + wish.seconds, burst = nodes * wish.rate / BURSTS;
    struct sim_plan_sets overrides = {.sets = NULL};
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = NULL};
    struct sim_plan *plan = NULL;
    snprintf(text, sizeof text, scenario, nodes, BEGIN_S, end, 1000 / BURSTS, burst > 0 ? burst : 1,
             end + 2);
    int rv = sim_plan_parse("storm.yaml", weft_bytes_text(text), &overrides, &report, &plan);
    return rv == WEFT_OK ? plan : NULL;
}

static void run_team(void *ctx, void (*fn)(void *arg, uint32_t index), void *arg) {
    weft_posix_team_run(ctx, fn, arg);
}

static void rest(void *ctx) {
    (void)ctx;
    weft_posix_team_rest();
}

static bool run_storm(unsigned nodes, struct storm *storm, struct sim_run_report *report) {
    struct weft_posix_team *threads = NULL;
    struct sim_run_options options = {.seed = 1,
                                      .until = WEFT_TIME_NEVER,
                                      .host = {.guard = &weft_posix_guard},
                                      .trace = on_trace,
                                      .trace_mask = WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE),
                                      .progress = on_progress,
                                      .ctx = storm};
    struct sim_plan *plan = plan_of(nodes);
    if (plan == NULL) return false;
    if (wish.threads > 1 && weft_posix_team_new(wish.threads, &threads) != WEFT_OK) return false;
    const struct sim_team team = {
        .count = wish.threads, .run = run_team, .rest = rest, .ctx = threads};
    if (threads != NULL) options.host.team = &team;
    int rv = sim_run(plan, &options, report);
    sim_plan_free(plan);
    if (threads != NULL) weft_posix_team_free(threads);
    return rv == WEFT_OK && storm->from.at > 0 && storm->to.at > storm->from.at;
}

static bool measure(unsigned nodes) {
    static struct sim_run_report report;
    struct storm storm = {.now = {.at = 0}};
    char hash[SIM_HASH_TEXT_SIZE];
    if (!run_storm(nodes, &storm, &report)) return false;
    const struct mark *from = &storm.from, *to = &storm.to;
    double virtual = (double)(to->at - from->at) / 1e9, wall = to->wall - from->wall;
    double core = to->core - from->core, events = (double)(to->events - from->events);
    double lookups = (double)(to->lookups - from->lookups);
    double failed = (double)(to->failed - from->failed);
    sim_hash_text(report.hash, hash);
    printf("storm nodes=%u threads=%u virtual_s=%.2f lookups=%.0f failed=%.0f queries/lookup=%.1f "
           "events=%.0f lookup_packets/events=%.3f wall_s=%.2f core_s=%.2f events/s=%.0f "
           "events/core_s=%.0f hash=%s\n",
           nodes, wish.threads, virtual, lookups, failed,
           (double)(to->queries - from->queries) / lookups, events,
           2 * (double)(to->queries - from->queries) / events, wall, core, events / wall,
           events / core, hash);
    fflush(stdout);
    return lookups > 0 && failed < 0.02 * lookups;
}

static bool is_wish(const char *word) {
    static const struct {
        const char *name;
        unsigned *value;
    } wishes[] = {{"threads=", &wish.threads}, {"rate=", &wish.rate}, {"seconds=", &wish.seconds}};
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        size_t size = strlen(wishes[i].name);
        if (strncmp(word, wishes[i].name, size) != 0) continue;
        *wishes[i].value = (unsigned)strtoul(word + size, NULL, 10);
        return true;
    }
    return false;
}

/* As bench_kademlia: huge pages for the heap of all threads. */
static void with_huge_pages(char **words) {
    if (getenv("GLIBC_TUNABLES") != NULL) return;
    if (setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1", 1) == 0) execv("/proc/self/exe", words);
}

int main(int count, char **words) {
    bool good = true;
    unsigned rows = 0;
    with_huge_pages(words);
    weft_posix_guard_install();
    for (int i = 1; i < count; i++) {
        if (is_wish(words[i])) continue;
        good = measure((unsigned)strtoul(words[i], NULL, 10)) && good;
        rows++;
    }
    if (rows == 0) fputs("bench_storm: how many nodes? bench_storm 10000\n", stderr);
    return good && rows > 0 ? 0 : 1;
}
