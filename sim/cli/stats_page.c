/* Runs in numbers, as a page for people. */
#include "sim/cli/stats.h"

#include "core/base/error.h"
#include "sim/cli/cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH 26

static char *show_seconds(double value, char out[40]) {
    double size = fabs(value);
    if (size == 0)
        snprintf(out, 40, "0 s");
    else if (size >= 1)
        snprintf(out, 40, "%.3f s", value);
    else if (size >= 1e-3)
        snprintf(out, 40, "%.2f ms", value * 1e3);
    else
        snprintf(out, 40, "%.2f us", value * 1e6);
    return out;
}

static char *show_bytes(double value, char out[40]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; fabs(value) >= 1024 && unit < 4; unit++) value /= 1024;
    snprintf(out, 40, "%.*f %s", unit == 0 ? 0 : 1, value, units[unit]);
    return out;
}

static char *show_count(double value, char out[40]) {
    char count[32];
    double whole = floor(fabs(value));
    if (whole != fabs(value) && whole < 1000)
        snprintf(out, 40, "%.1f", value);
    else
        snprintf(out, 40, "%s%s", value < 0 ? "-" : "", cli_thousands((uint64_t)whole, count));
    return out;
}

char *cli_stats_show(double value, enum ana_unit unit, char out[40]) {
    if (isnan(value)) {
        strcpy(out, "-");
        return out;
    }
    if (unit == ANA_UNIT_SECONDS) return show_seconds(value, out);
    if (unit == ANA_UNIT_BYTES) return show_bytes(value, out);
    if (unit == ANA_UNIT_COUNT) return show_count(value, out);
    snprintf(out, 40, unit == ANA_UNIT_RATIO ? "%.2f %%" : "%.2f",
             unit == ANA_UNIT_RATIO ? value * 100 : value);
    return out;
}

/* --- one run --- */

static void what(FILE *out, const struct cli_stats_run *run, const struct ana_run *opened) {
    char interval[40], length[40];
    const char *repeat = ana_run_value(opened, "run_repeat");
    uint32_t count = ana_run_count(opened);
    double span = count > 0 ? ana_run_starts(opened)[count - 1] - ana_run_starts(opened)[0] +
                                  ana_run_interval(opened)
                            : 0;
    fprintf(out, "\n  %-12s%s\n", "run", run->path);
    fprintf(out, "  %-12s%s\n", "scenario", run->scenario[0] != '\0' ? run->scenario : "-");
    fprintf(out, "  %-12s%s\n", "seed", run->seed[0] != '\0' ? run->seed : "-");
    fprintf(out, "  %-12s%s\n", "run hash", run->hash[0] != '\0' ? run->hash : "-");
    fprintf(out, "  %-12s%s\n", "verdict",
            run->verdict[0] != '\0' ? run->verdict : "not in the trace: it was cut short");
    if (repeat != NULL) fprintf(out, "  %-12s%s\n", "repeat", repeat);
    fprintf(out, "  %-12s%s in %u intervals of %s\n", "time",
            cli_stats_show(span, ANA_UNIT_SECONDS, length), count,
            cli_stats_show(ana_run_interval(opened), ANA_UNIT_SECONDS, interval));
}

#define MEASURE_CELLS 6 /* of a measure, in the order of ana_run_metrics */

static void measures(FILE *out, const struct cli_stats *stats) {
    bool any = false;
    for (unsigned i = 0; i < ANA_MEASURE_COUNT; i++) {
        const struct ana_metric *metrics = &stats->runs[0].metrics[i * MEASURE_CELLS];
        char cell[40];
        if (isnan(metrics[0].value) || !cli_stats_shows(stats, i * MEASURE_CELLS)) continue;
        if (!any)
            fprintf(out, "\n  %-*s %11s %11s %11s %11s %11s %11s\n", NAME_WIDTH, "", "count",
                    "median", "90 %", "99 %", "99.9 %", "max");
        any = true;
        fprintf(out, "  %-*s", NAME_WIDTH, ana_measure_about((enum ana_measure)i)->title);
        for (unsigned k = 0; k < MEASURE_CELLS; k++)
            fprintf(out, " %11s", cli_stats_show(metrics[k].value, metrics[k].unit, cell));
        fputc('\n', out);
    }
}

static void others(FILE *out, const struct cli_stats *stats) {
    char cell[40];
    bool any = false;
    for (uint32_t i = ANA_MEASURE_COUNT * MEASURE_CELLS; i < stats->metrics_count; i++) {
        const struct ana_metric *metric = &stats->runs[0].metrics[i];
        if (isnan(metric->value) || !cli_stats_shows(stats, i)) continue;
        if (!any) fputc('\n', out);
        any = true;
        fprintf(out, "  %-*s %11s\n", NAME_WIDTH, metric->name,
                cli_stats_show(metric->value, metric->unit, cell));
    }
}

static void recoveries(FILE *out, const struct ana_run *run) {
    uint32_t count;
    const struct ana_run_recovery *list = ana_run_recoveries(run, &count);
    if (count == 0) return;
    fprintf(out, "\n  %-*s %-12s %10s %10s %10s %10s %11s\n", NAME_WIDTH, "after", "share of", "on",
            "off", "before", "worst", "back after");
    for (uint32_t i = 0; i < count; i++) {
        const struct ana_run_recovery *at = &list[i];
        char from[40], until[40], before[40], worst[40], took[40];
        bool known = !isnan(at->before) && !isnan(at->until_s);
        fprintf(out, "  %-*s %-12s %10s %10s %10s %10s %11s\n", NAME_WIDTH, at->fault, at->ratio,
                cli_stats_show(at->from_s, ANA_UNIT_SECONDS, from),
                cli_stats_show(at->until_s, ANA_UNIT_SECONDS, until),
                cli_stats_show(at->before, ANA_UNIT_RATIO, before),
                cli_stats_show(at->worst, ANA_UNIT_RATIO, worst),
                known && isnan(at->took_s) ? "not seen"
                                           : cli_stats_show(at->took_s, ANA_UNIT_SECONDS, took));
    }
}

void cli_stats_page_of_run(FILE *out, const struct cli_stats *stats, const struct ana_run *run) {
    what(out, &stats->runs[0], run);
    measures(out, stats);
    others(out, stats);
    if (stats->only_count == 0) recoveries(out, run);
    fputc('\n', out);
}

/* --- several --- */

static void list_groups(FILE *out, const struct cli_stats *stats) {
    fputc('\n', out);
    for (uint32_t i = 0; i < stats->groups_count; i++) {
        const struct cli_stats_group *group = &stats->groups[i];
        fprintf(out, "  %-*s %u run%s\n", NAME_WIDTH, group->name, group->runs,
                group->runs == 1 ? "" : "s");
    }
}

/* "1.20 s [1.10 s, 1.30 s]" */
static void show_between(char out[128], double value, struct ana_interval between,
                         enum ana_unit unit) {
    char middle[40], low[40], high[40];
    snprintf(out, 128, "%s [%s, %s]", cli_stats_show(value, unit, middle),
             cli_stats_show(between.low, unit, low), cli_stats_show(between.high, unit, high));
}

bool cli_stats_page_of_group(FILE *out, const struct cli_stats *stats) {
    list_groups(out, stats);
    fprintf(out, "\n  %-*s %5s %13s   %-30s %13s %13s\n", NAME_WIDTH, "", "runs", "median",
            "95 % interval of it", "least", "most");
    for (uint32_t i = 0; i < stats->metrics_count; i++) {
        struct cli_stats_cell cell;
        const struct ana_metric *metric = &stats->runs[0].metrics[i];
        char median[40], low[40], high[40], min[40], max[40], between[96];
        if (!cli_stats_shows(stats, i)) continue;
        if (!cli_stats_cell(stats, i, 0, &cell)) return false;
        free(cell.sorted);
        if (cell.count == 0) continue;
        if (cell.between.confidence >= ANA_STAT_CONFIDENCE)
            snprintf(between, sizeof between, "[%s, %s]",
                     cli_stats_show(cell.between.low, metric->unit, low),
                     cli_stats_show(cell.between.high, metric->unit, high));
        else
            snprintf(between, sizeof between, "too few runs");
        fprintf(out, "  %-*s %5u %13s   %-30s %13s %13s\n", NAME_WIDTH, metric->name, cell.count,
                cli_stats_show(cell.median, metric->unit, median), between,
                cli_stats_show(cell.min, metric->unit, min),
                cli_stats_show(cell.max, metric->unit, max));
    }
    fputc('\n', out);
    return true;
}

static const char *judged(const struct ana_comparison *found, enum ana_better better) {
    if (found->verdict != ANA_LOWER && found->verdict != ANA_HIGHER) return "";
    if (better == ANA_NEITHER_BETTER) return "";
    return (found->verdict == ANA_LOWER) == (better == ANA_LESS_BETTER) ? ", better" : ", worse";
}

static void compared(FILE *out, const struct ana_metric *metric, const struct cli_stats_cell *a,
                     const struct cli_stats_cell *b, const struct ana_comparison *found) {
    char left[40], right[40], shift[128];
    show_between(shift, found->shift, found->between, metric->unit);
    fprintf(out, "  %-*s %12s %12s   %-38s %+6.2f  %s%s\n", NAME_WIDTH, metric->name,
            cli_stats_show(a->median, metric->unit, left),
            cli_stats_show(b->median, metric->unit, right), shift, found->delta,
            ana_verdict_word(found->verdict), judged(found, metric->better));
}

/* False without memory. */
static bool row(FILE *out, const struct cli_stats *stats, uint32_t metric, uint32_t group) {
    struct cli_stats_cell a, b = {0};
    struct ana_comparison found;
    if (!cli_stats_cell(stats, metric, 0, &a)) return false;
    bool done = cli_stats_cell(stats, metric, group, &b);
    if (done && a.count > 0 && b.count > 0) {
        struct ana_group left = {a.sorted, a.count}, right = {b.sorted, b.count};
        done = ana_stat_compare(left, right, &found) == WEFT_OK;
        if (done) compared(out, &stats->runs[0].metrics[metric], &a, &b, &found);
    }
    free(a.sorted);
    free(b.sorted);
    return done;
}

bool cli_stats_page_of_groups(FILE *out, const struct cli_stats *stats) {
    list_groups(out, stats);
    for (uint32_t group = 1; group < stats->groups_count; group++) {
        char left[16], right[16];
        snprintf(left, sizeof left, "%.12s", stats->groups[0].name);
        snprintf(right, sizeof right, "%.12s", stats->groups[group].name);
        fprintf(out, "\n  %-*s %12s %12s   %-38s %6s  %s\n", NAME_WIDTH, "medians", left, right,
                "shift [95 % interval]", "delta", "it is");
        for (uint32_t i = 0; i < stats->metrics_count; i++) {
            if (cli_stats_shows(stats, i) && !row(out, stats, i, group)) return false;
        }
    }
    fputc('\n', out);
    return true;
}
