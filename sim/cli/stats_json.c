/* Runs in numbers, as one JSON object. */
#include "sim/cli/stats.h"

#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>

static void text(FILE *out, const char *value) {
    fputc('"', out);
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 32)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void pair(FILE *out, const char *key, const char *value) {
    fprintf(out, "\"%s\":", key);
    text(out, value);
}

static void number(FILE *out, const char *key, double value) {
    fprintf(out, ",\"%s\":", key);
    if (isfinite(value))
        fprintf(out, "%.12g", value);
    else
        fputs("null", out);
}

static const char *unit_of(enum ana_unit unit) {
    static const char *const names[] = {[ANA_UNIT_COUNT] = "count",
                                        [ANA_UNIT_SECONDS] = "s",
                                        [ANA_UNIT_BYTES] = "B",
                                        [ANA_UNIT_RATIO] = "ratio",
                                        [ANA_UNIT_MEAN] = "mean"};
    return names[unit];
}

static void run(FILE *out, const struct cli_stats *stats, const struct cli_stats_run *at) {
    bool first = true;
    fputc('{', out);
    pair(out, "path", at->path);
    fputc(',', out);
    pair(out, "scenario", at->scenario);
    fputc(',', out);
    pair(out, "seed", at->seed);
    fputc(',', out);
    pair(out, "hash", at->hash);
    fputc(',', out);
    pair(out, "verdict", at->verdict);
    number(out, "damaged_blocks", (double)at->damaged);
    fputs(",\"metrics\":{", out);
    for (uint32_t i = 0; i < stats->metrics_count; i++) {
        if (!cli_stats_shows(stats, i) || !isfinite(at->metrics[i].value)) continue;
        fprintf(out, "%s\"%s\":%.12g", first ? "" : ",", at->metrics[i].name, at->metrics[i].value);
        first = false;
    }
    fputs("}}", out);
}

static bool group_metrics(FILE *out, const struct cli_stats *stats, uint32_t group) {
    bool first = true;
    for (uint32_t i = 0; i < stats->metrics_count; i++) {
        struct cli_stats_cell cell;
        if (!cli_stats_shows(stats, i)) continue;
        if (!cli_stats_cell(stats, i, group, &cell)) return false;
        free(cell.sorted);
        if (cell.count == 0) continue;
        fprintf(out, "%s\"%s\":{\"unit\":\"%s\",\"runs\":%u", first ? "" : ",",
                stats->runs[0].metrics[i].name, unit_of(stats->runs[0].metrics[i].unit),
                cell.count);
        number(out, "median", cell.median);
        number(out, "low", cell.between.low);
        number(out, "high", cell.between.high);
        number(out, "confidence", cell.between.confidence);
        number(out, "min", cell.min);
        number(out, "max", cell.max);
        fputc('}', out);
        first = false;
    }
    return true;
}

static void found(FILE *out, const char *name, const struct ana_comparison *comparison) {
    fprintf(out, "\"%s\":{\"verdict\":\"%s\",\"effect\":\"%s\"", name,
            ana_verdict_word(comparison->verdict), ana_effect_word(comparison->delta));
    number(out, "shift", comparison->shift);
    number(out, "low", comparison->between.low);
    number(out, "high", comparison->between.high);
    number(out, "confidence", comparison->between.confidence);
    number(out, "delta", comparison->delta);
    number(out, "p", comparison->p);
    fputc('}', out);
}

static bool comparisons(FILE *out, const struct cli_stats *stats, uint32_t group) {
    bool first = true;
    for (uint32_t i = 0; i < stats->metrics_count; i++) {
        struct cli_stats_cell a, b = {0};
        struct ana_comparison comparison;
        if (!cli_stats_shows(stats, i)) continue;
        if (!cli_stats_cell(stats, i, 0, &a)) return false;
        bool done = cli_stats_cell(stats, i, group, &b);
        if (done && a.count > 0 && b.count > 0) {
            struct ana_group left = {a.sorted, a.count}, right = {b.sorted, b.count};
            done = ana_stat_compare(left, right, &comparison) == WEFT_OK;
            if (!first) fputc(',', out);
            if (done) found(out, stats->runs[0].metrics[i].name, &comparison);
            first = false;
        }
        free(a.sorted);
        free(b.sorted);
        if (!done) return false;
    }
    return true;
}

bool cli_stats_json(FILE *out, const struct cli_stats *stats) {
    bool done = true;
    fputs("{\"groups\":[", out);
    for (uint32_t group = 0; group < stats->groups_count && done; group++) {
        bool first = true;
        fputs(group > 0 ? ",{" : "{", out);
        pair(out, "name", stats->groups[group].name);
        fputs(",\"runs\":[", out);
        for (uint32_t i = 0; i < stats->runs_count; i++) {
            if (stats->runs[i].group != group) continue;
            if (!first) fputc(',', out);
            run(out, stats, &stats->runs[i]);
            first = false;
        }
        fputs("],\"metrics\":{", out);
        done = group_metrics(out, stats, group);
        fputs("}}", out);
    }
    fputs("],\"comparisons\":[", out);
    for (uint32_t group = 1; group < stats->groups_count && done; group++) {
        fputs(group > 1 ? ",{" : "{", out);
        pair(out, "a", stats->groups[0].name);
        fputc(',', out);
        pair(out, "b", stats->groups[group].name);
        fputs(",\"metrics\":{", out);
        done = comparisons(out, stats, group);
        fputs("}}", out);
    }
    fputs("]}\n", out);
    return done;
}
