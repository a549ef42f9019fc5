/* Lookups while nodes come and go, or after many have gone, beside what was published:
 * docs/validation.md.
 *
 *     bench_churn [ROW ...]             default: all rows
 *
 * A line per row: how many lookups returned, how often the first node they returned was the closest
 * of those that were up and had joined, how long they took, bytes a node sent a second (payload and
 * 28 bytes of IP and UDP). */
#define _GNU_SOURCE
#include "core/posix/guard.h"
#include "sim/scenario/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 2048
#define LOOKUPS_MAX 200000
#define HEADERS 28
#define FROM_S 240 /* lookups, and what is counted, begin */

/* The first name tells which paper; see docs/validation.md. */
static const struct row {
    const char *name, *scenario;
} rows[] = {
#define BAMBOO(median, mean)                                                                       \
    {                                                                                              \
        "bamboo-" median,                                                                          \
            "population: 1000\nstop: 10min\n"                                                      \
            "join: {over: 60s, from: random, contacts: 3}\n"                                       \
            "network: {delay: {lognormal: {median: 40ms, sigma: 0.5}}}\n"                          \
            "workload: [{lookup: {from: 240s, until: 570s, every: 100ms}}]\n"                      \
            "faults: [{churn: {at: 90s, for: 490s, session: {exponential: {mean: " mean            \
            "}}, downtime: {exponential: {mean: 1s}}}}]\n"                                         \
    }
    BAMBOO("84s", "121s"),
    BAMBOO("6min", "519s"),
    BAMBOO("47min", "4068s"),
#define LI(name, dht)                                                                              \
    {                                                                                              \
        "li-" name, "population: 1024\nstop: 16min\n"                                              \
                    "join: {over: 60s, from: random, contacts: 3}\n"                               \
                    "network: {delay: {lognormal: {median: 76ms, sigma: 0.5}}}\n"                  \
                    "dht: {" dht "}\n"                                                             \
                    "workload: [{lookup: {from: 240s, until: 930s, every: 586ms}}]\n"              \
                    "faults: [{churn: {at: 90s, for: 850s, session: {exponential: {mean: 1h}}, "   \
                    "downtime: {exponential: {mean: 1h}}}}]\n"                                     \
    }
    LI("a1-25s", "alpha: 1"),
    LI("a3-25s", "alpha: 3"),
    LI("a5-25s", "alpha: 5"),
    LI("a1-5min", "alpha: 1, stale_after: 5min, forget_after: 6min"),
    LI("a3-5min", "alpha: 3, stale_after: 5min, forget_after: 6min"),
    LI("a5-5min", "alpha: 5, stale_after: 5min, forget_after: 6min"),
    {"jimenez", "population: 1000\nstop: 10min\n"
                "join: {over: 60s, from: random, contacts: 3}\n"
                "network: {delay: {lognormal: {median: 40ms, sigma: 0.5}}}\n"
                "dht: {alpha: 4, query_slow: 500ms}\n"
                "workload: [{lookup: {from: 240s, until: 570s, every: 100ms}}]\n"
                "faults: [{churn: {at: 90s, for: 490s, session: {lognormal: {median: 10min, "
                "sigma: 1}}, downtime: {exponential: {mean: 60s}}}}]\n"},
#define DEAD(name, k)                                                                              \
    {                                                                                              \
        "ipfs-" name, "population: 1000\nstop: 6min\n"                                             \
                      "join: {over: 60s, from: random, contacts: 3}\n"                             \
                      "network: {delay: {lognormal: {median: 40ms, sigma: 0.5}}}\n"                \
                      "dht: {" k "alpha: 3, query_timeout: 5s, query_slow: 4999ms, "               \
                      "stale_after: 2h, forget_after: 3h}\n"                                       \
                      "workload: [{lookup: {from: 240s, until: 330s, every: 50ms}}]\n"             \
                      "faults: [{crash: {at: 239s, nodes: 40%}}]\n"                                \
    }
    DEAD("k20", "k: 20, "),
    DEAD("k8", ""),
};

struct member {
    weft_id id;
    bool up, joined;
};

struct start {
    uint64_t op;
    uint32_t closest; /* who was, when it began */
};

struct tally {
    struct member members[NODES_MAX];
    struct start last[NODES_MAX]; /* a node has few lookups at once: the newest */
    uint64_t took[LOOKUPS_MAX];
    uint64_t right, live, empty, bytes;
    size_t lookups;
};

static uint32_t closest(const struct tally *tally, const weft_id *target, uint32_t asker) {
    uint32_t best = NODES_MAX;
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        const struct member *member = &tally->members[i];
        if (!member->up || !member->joined || i == asker) continue;
        if (best == NODES_MAX || weft_id_closer(target, &member->id, &tally->members[best].id) < 0)
            best = i;
    }
    return best;
}

static void on_done(struct tally *tally, const struct weft_trace_event *event) {
    weft_id target, first;
    struct start *start = &tally->last[event->node];
    if (event->number[1] != WEFT_LOOKUP_NODES || tally->lookups == LOOKUPS_MAX) return;
    tally->took[tally->lookups++] = event->number[7];
    if (event->bytes.size < 2 * sizeof target) {
        tally->empty++;
        return;
    }
    memcpy(&target, event->bytes.data, sizeof target);
    memcpy(&first, event->bytes.data + sizeof target, sizeof first);
    uint32_t now = closest(tally, &target, event->node);
    uint32_t then = start->op == event->number[0] ? start->closest : NODES_MAX;
    bool is_now = now < NODES_MAX && weft_id_equal(&tally->members[now].id, &first);
    bool was = then < NODES_MAX && weft_id_equal(&tally->members[then].id, &first);
    if (is_now || was) tally->right++;
    for (uint32_t i = 0; i < NODES_MAX; i++)
        if (tally->members[i].up && weft_id_equal(&tally->members[i].id, &first)) {
            tally->live++;
            break;
        }
}

static void on_start(struct tally *tally, const struct weft_trace_event *event) {
    weft_id target;
    if (event->number[1] != WEFT_LOOKUP_NODES) return;
    memcpy(&target, event->bytes.data, sizeof target);
    tally->last[event->node] =
        (struct start){event->number[0], closest(tally, &target, event->node)};
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    struct tally *tally = ctx;
    if (event->node >= NODES_MAX) return;
    struct member *member = &tally->members[event->node];
    if (event->kind == WEFT_TRACE_DHT_UP) {
        *member = (struct member){.up = true};
        memcpy(&member->id, event->bytes.data, sizeof member->id);
    }
    if (event->kind == WEFT_TRACE_DHT_JOINED) member->joined = true;
    if (event->kind == WEFT_TRACE_NODE_DOWN) member->up = false;
    if (event->kind == WEFT_TRACE_LOOKUP_START) on_start(tally, event);
    if (event->kind == WEFT_TRACE_LOOKUP_DONE) on_done(tally, event);
    if (event->kind == WEFT_TRACE_PACKET_SENT && event->at >= WEFT_S(FROM_S))
        tally->bytes += event->number[1] + HEADERS;
}

static void on_mistake(void *ctx, const char *line) {
    (void)ctx;
    fprintf(stderr, "%s\n", line);
}

static struct sim_plan *plan_of(const struct row *row) {
    char text[2048];
    struct sim_plan_sets overrides = {.sets = NULL};
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = NULL};
    struct sim_plan *plan = NULL;
    snprintf(text, sizeof text,
             "name: %s\nabout: Lookups among those that leave.\n%schecks: [no_surprise]\n",
             row->name, row->scenario);
    int rv = sim_plan_parse(row->name, weft_bytes_text(text), &overrides, &report, &plan);
    return rv == WEFT_OK ? plan : NULL;
}

static int by_size(const void *a, const void *b) {
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static double quantile_ms(const struct tally *tally, size_t percent) {
    return (double)tally->took[(tally->lookups - 1) * percent / 100] / 1e6;
}

static bool measure(const struct row *row) {
    static struct sim_run_report report;
    static struct tally tally;
    memset(&tally, 0, sizeof tally);
    struct sim_plan *plan = plan_of(row);
    if (plan == NULL) return false;
    struct sim_run_options options = {
        .seed = 1,
        .until = WEFT_TIME_NEVER,
        .host = {.guard = &weft_posix_guard},
        .trace = on_trace,
        .trace_mask =
            WEFT_TRACE_BIT(WEFT_TRACE_DHT_UP) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_JOINED) |
            WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN) | WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_START) |
            WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE) | WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT),
        .ctx = &tally};
    int rv = sim_run(plan, &options, &report);
    double seconds = (double)report.ended_at / 1e9 - FROM_S;
    sim_plan_free(plan);
    if (rv != WEFT_OK || tally.lookups == 0) return false;
    qsort(tally.took, tally.lookups, sizeof tally.took[0], by_size);
    double all = (double)tally.lookups;
    printf("churn %s nodes=%u lookups=%zu right=%.4f live=%.4f empty=%.4f p50_ms=%.0f p90_ms=%.0f "
           "p95_ms=%.0f p99_ms=%.0f bytes/node/s=%.0f events=%llu\n",
           row->name, report.nodes, tally.lookups, (double)tally.right / all,
           (double)tally.live / all, (double)tally.empty / all, quantile_ms(&tally, 50),
           quantile_ms(&tally, 90), quantile_ms(&tally, 95), quantile_ms(&tally, 99),
           (double)tally.bytes / report.nodes / seconds, (unsigned long long)report.events);
    fflush(stdout);
    return true;
}

static bool wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc < 2;
}

int main(int argc, char **argv) {
    bool good = true;
    unsigned done = 0;
    weft_posix_guard_install();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!wanted(rows[i].name, argc, argv)) continue;
        done++;
        good = measure(&rows[i]) && good;
    }
    if (done == 0) fputs("bench_churn: no row of that name\n", stderr);
    return good && done > 0 ? 0 : 1;
}
