/* A run in few numbers: of each what can be compared from run to run. */
#include "analysis/run.h"

#include "core/base/assert.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NS_OF_S 1e9

struct metrics {
    struct ana_metric *list;
    uint32_t count;
};

static void add(struct metrics *metrics, const char *name, enum ana_unit unit,
                enum ana_better better, double value) {
    WEFT_ASSERT(metrics->count < ANA_METRICS_MAX);
    struct ana_metric *metric = &metrics->list[metrics->count++];
    *metric = (struct ana_metric){.unit = unit, .better = better, .value = value};
    snprintf(metric->name, sizeof metric->name, "%s", name);
}

static double quantile(const struct ana_hist *hist, const struct ana_measure_about *about,
                       double share) {
    if (hist == NULL || ana_hist_count(hist) == 0) return (double)NAN;
    double value = (double)ana_hist_quantile(hist, share);
    return about->unit == ANA_UNIT_SECONDS ? value / NS_OF_S : value;
}

static void add_measure(struct metrics *metrics, const struct ana_run *run,
                        enum ana_measure measure) {
    static const struct {
        const char *name;
        double share;
    } shares[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};
    const struct ana_measure_about *about = ana_measure_about(measure);
    const struct ana_hist *hist = ana_run_hist(run, measure);
    char name[40];
    snprintf(name, sizeof name, "%s.count", about->name);
    add(metrics, name, ANA_UNIT_COUNT, ANA_NEITHER_BETTER,
        hist != NULL ? (double)ana_hist_count(hist) : (double)NAN);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        snprintf(name, sizeof name, "%s.%s", about->name, shares[i].name);
        add(metrics, name, about->unit, ANA_LESS_BETTER, quantile(hist, about, shares[i].share));
    }
}

static double sum_of(const struct ana_run *run, enum ana_column column) {
    const double *numbers = ana_run_column(run, column);
    double sum = 0;
    if (numbers == NULL) return (double)NAN;
    for (uint32_t i = 0; i < ana_run_count(run); i++) sum += isnan(numbers[i]) ? 0 : numbers[i];
    return sum;
}

/* Of a gauge; NAN when it never said anything. */
static double extreme_of(const struct ana_run *run, enum ana_column column, bool most) {
    const double *numbers = ana_run_column(run, column);
    double extreme = (double)NAN;
    for (uint32_t i = 0; numbers != NULL && i < ana_run_count(run); i++) {
        if (isnan(numbers[i])) continue;
        bool further = most ? numbers[i] > extreme : numbers[i] < extreme;
        if (isnan(extreme) || further) extreme = numbers[i];
    }
    return extreme;
}

static double ratio(double part, double rest) {
    return part + rest > 0 ? part / (part + rest) : (double)NAN;
}

static void add_ratios(struct metrics *metrics, const struct ana_run *run) {
    static const struct {
        const char *name;
        enum ana_column ok, failed;
    } operations[] = {
        {"lookup.success", ANA_COLUMN_LOOKUP_OK, ANA_COLUMN_LOOKUP_FAILED},
        {"work_lookup.success", ANA_COLUMN_WORK_LOOKUP_OK, ANA_COLUMN_WORK_LOOKUP_FAILED},
        {"put.success", ANA_COLUMN_PUT_OK, ANA_COLUMN_PUT_FAILED},
        {"get.success", ANA_COLUMN_GET_OK, ANA_COLUMN_GET_FAILED},
        {"announce.success", ANA_COLUMN_ANNOUNCE_OK, ANA_COLUMN_ANNOUNCE_FAILED},
        {"peers.success", ANA_COLUMN_PEERS_OK, ANA_COLUMN_PEERS_FAILED}};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        add(metrics, operations[i].name, ANA_UNIT_RATIO, ANA_MORE_BETTER,
            ratio(sum_of(run, operations[i].ok), sum_of(run, operations[i].failed)));
    double delivery = (double)NAN;
    if (ana_run_column(run, ANA_COLUMN_DELIVERY) != NULL)
        delivery = ratio(sum_of(run, ANA_COLUMN_PACKETS_RECEIVED) -
                             sum_of(run, ANA_COLUMN_PACKETS_DUPLICATE),
                         sum_of(run, ANA_COLUMN_PACKETS_LOST));
    add(metrics, "delivery", ANA_UNIT_RATIO, ANA_MORE_BETTER, delivery);
}

static void add_sums(struct metrics *metrics, const struct ana_run *run) {
    static const struct {
        enum ana_column column;
        enum ana_better better;
    } sums[] = {
        {ANA_COLUMN_PACKETS_SENT, ANA_LESS_BETTER}, {ANA_COLUMN_PACKETS_LOST, ANA_NEITHER_BETTER},
        {ANA_COLUMN_BYTES_SENT, ANA_LESS_BETTER},   {ANA_COLUMN_NODE_DOWNS, ANA_NEITHER_BETTER},
        {ANA_COLUMN_RESTARTS, ANA_LESS_BETTER},     {ANA_COLUMN_PROCESS_FAULTS, ANA_LESS_BETTER},
        {ANA_COLUMN_GIVE_UPS, ANA_LESS_BETTER},     {ANA_COLUMN_CHECKS_FAILED, ANA_LESS_BETTER}};
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        const struct ana_column_about *about = ana_column_about(sums[i].column);
        add(metrics, about->name, about->unit, sums[i].better, sum_of(run, sums[i].column));
    }
}

static void add_extremes(struct metrics *metrics, const struct ana_run *run) {
    static const struct {
        const char *name;
        enum ana_column column;
        bool most;
        enum ana_better better;
    } gauges[] = {{"nodes_up.max", ANA_COLUMN_NODES_UP, true, ANA_NEITHER_BETTER},
                  {"processes.max", ANA_COLUMN_PROCESSES, true, ANA_NEITHER_BETTER},
                  {"mailbox.max", ANA_COLUMN_MAILBOX, true, ANA_LESS_BETTER},
                  {"pending.max", ANA_COLUMN_PENDING, true, ANA_NEITHER_BETTER},
                  {"bytes.max", ANA_COLUMN_BYTES, true, ANA_LESS_BETTER},
                  {"degree_mean.max", ANA_COLUMN_DEGREE_MEAN, true, ANA_NEITHER_BETTER},
                  {"components.max", ANA_COLUMN_COMPONENTS, true, ANA_LESS_BETTER}};
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++)
        add(metrics, gauges[i].name, ana_column_about(gauges[i].column)->unit, gauges[i].better,
            extreme_of(run, gauges[i].column, gauges[i].most));
}

/* The longest; NAN when there was no trouble, or no end of it was seen. */
static double longest(const struct ana_run *run, const char *ratio_name) {
    uint32_t count;
    const struct ana_run_recovery *list = ana_run_recoveries(run, &count);
    double most = (double)NAN;
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i].ratio, ratio_name) != 0 || isnan(list[i].took_s)) continue;
        if (isnan(most) || list[i].took_s > most) most = list[i].took_s;
    }
    return most;
}

static void add_recoveries(struct metrics *metrics, const struct ana_run *run) {
    static const char *const ratios[] = {"delivery", "lookup",   "work_lookup", "put",
                                         "get",      "announce", "peers"};
    uint32_t count, missing = 0;
    const struct ana_run_recovery *list = ana_run_recoveries(run, &count);
    for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++) {
        char name[40];
        snprintf(name, sizeof name, "recovery.%s", ratios[i]);
        add(metrics, name, ANA_UNIT_SECONDS, ANA_LESS_BETTER, longest(run, ratios[i]));
    }
    for (uint32_t i = 0; i < count; i++)
        missing += !isnan(list[i].before) && !isnan(list[i].until_s) && isnan(list[i].took_s);
    add(metrics, "not_recovered", ANA_UNIT_COUNT, ANA_LESS_BETTER,
        count > 0 ? (double)missing : (double)NAN);
}

uint32_t ana_run_metrics(const struct ana_run *run, struct ana_metric out[ANA_METRICS_MAX]) {
    struct metrics metrics = {out, 0};
    for (unsigned i = 0; i < ANA_MEASURE_COUNT; i++)
        add_measure(&metrics, run, (enum ana_measure)i);
    add_ratios(&metrics, run);
    add_sums(&metrics, run);
    add_extremes(&metrics, run);
    add_recoveries(&metrics, run);
    return metrics.count;
}
