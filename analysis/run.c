/* A run from a trace or from CSV. */
#define _XOPEN_SOURCE 700
#include "analysis/run.h"

#include "analysis/csv.h"
#include "analysis/csv_files.h"

#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NS_OF_S 1e9
#define NS_OF_MS 1e6

struct ana_run {
    char *path;
    struct ana_series *series; /* of a trace; NULL: of CSV */
    struct ana_csv_table *run, *table, *latency, *convergence;
    uint32_t count;
    double interval;
    double *starts; /* of a trace */
    const double *columns[ANA_COLUMN_COUNT];
    struct ana_hist *hists[ANA_MEASURE_COUNT]; /* of CSV */
    struct ana_run_recovery *recoveries;
    uint32_t recoveries_count;
};

void ana_run_free(struct ana_run *run) {
    if (run == NULL) return;
    ana_series_free(run->series);
    ana_csv_free(run->run);
    ana_csv_free(run->table);
    ana_csv_free(run->latency);
    ana_csv_free(run->convergence);
    for (unsigned i = 0; i < ANA_MEASURE_COUNT; i++) ana_hist_free(run->hists[i]);
    free(run->recoveries);
    free(run->starts);
    free(run->path);
    free(run);
}

const char *ana_run_value(const struct ana_run *run, const char *key) {
    uint32_t keys = ana_csv_find(run->run, "key"), values = ana_csv_find(run->run, "value");
    for (uint32_t row = 0; row < ana_csv_rows(run->run); row++) {
        if (strcmp(ana_csv_text_at(run->run, row, keys), key) == 0)
            return ana_csv_text_at(run->run, row, values);
    }
    return NULL;
}

static const struct ana_csv_column run_columns[] = {{"key", ANA_CSV_TEXT, true},
                                                    {"value", ANA_CSV_TEXT, true}};
static const struct ana_csv_wish run_wish = {run_columns, 2, ANA_CSV_TEXT};

/* --- of a trace --- */

/* The same keys as in run.csv, by way of it. */
static int take_values(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    char *text = NULL;
    size_t size = 0;
    struct ana_csv_out out = {open_memstream(&text, &size), false, false};
    if (out.file == NULL) return WEFT_ERR_NOMEM;
    ana__csv_put_run(&out, run->series);
    int rv = fclose(out.file) == 0 && !out.failed ? WEFT_OK : WEFT_ERR_NOMEM;
    if (rv == WEFT_OK)
        rv = ana_csv_parse(run->path, weft_bytes(text, size), &run_wish, &run->run, why,
                           ANA_WHY_SIZE);
    free(text);
    return rv;
}

static double seconds(int64_t ns) {
    return ns == WEFT_TIME_NEVER ? (double)NAN : (double)ns / NS_OF_S;
}

static int take_recoveries(struct ana_run *run) {
    const struct ana_recovery *list = ana_series_recoveries(run->series, &run->recoveries_count);
    run->recoveries = calloc(run->recoveries_count + 1, sizeof *run->recoveries);
    if (run->recoveries == NULL) return WEFT_ERR_NOMEM;
    for (uint32_t i = 0; i < run->recoveries_count; i++)
        run->recoveries[i] = (struct ana_run_recovery){
            list[i].name,   list[i].ratio, seconds(list[i].from), seconds(list[i].until),
            list[i].before, list[i].worst, seconds(list[i].took)};
    return WEFT_OK;
}

static int from_trace(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    struct ana_series_source source = {.trace = run->path};
    int rv = ana_series_read(&source, &run->series, why);
    if (rv != WEFT_OK) return rv;
    run->count = ana_series_count(run->series);
    run->interval = seconds(ana_series_interval(run->series));
    run->starts = malloc((run->count + 1) * sizeof *run->starts);
    if (run->starts == NULL) return WEFT_ERR_NOMEM;
    for (uint32_t i = 0; i < run->count; i++)
        run->starts[i] = seconds(ana_series_start(run->series, i));
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++)
        run->columns[i] = ana_series_column(run->series, (enum ana_column)i);
    rv = take_values(run, why);
    return rv == WEFT_OK ? take_recoveries(run) : rv;
}

/* --- of CSV --- */

static int read_table(const struct ana_run *run, const char *file, const struct ana_csv_wish *wish,
                      struct ana_csv_table **out, char why[ANA_WHY_SIZE]) {
    char path[ANA__PATH_SIZE];
    int size = snprintf(path, sizeof path, "%s/%s", run->path, file);
    if (size < 0 || (size_t)size >= sizeof path) {
        snprintf(why, ANA_WHY_SIZE, "%.400s: the name is too long", run->path);
        return WEFT_ERR_IO;
    }
    return ana_csv_read(path, wish, out, why, ANA_WHY_SIZE);
}

static int read_run(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    int rv = read_table(run, "run.csv", &run_wish, &run->run, why);
    if (rv != WEFT_OK) return rv;
    const char *format = ana_run_value(run, "format"), *interval = ana_run_value(run, "interval_s");
    if (format == NULL || strcmp(format, ANA_CSV_FORMAT) != 0) {
        snprintf(why, ANA_WHY_SIZE, "%.300s/run.csv: its format is \"%.40s\", not " ANA_CSV_FORMAT,
                 run->path, format != NULL ? format : "");
        return WEFT_ERR_MALFORMED;
    }
    run->interval = (double)NAN;
    if (interval != NULL) ana_csv_decimal(interval, strlen(interval), &run->interval);
    return WEFT_OK;
}

/* Columns of other builds are numbers, too, and nobody asks for them. */
static int read_series(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    static const struct ana_csv_column columns[] = {{"start_s", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {columns, 1, ANA_CSV_NUMBER};
    int rv = read_table(run, "series.csv", &wish, &run->table, why);
    if (rv != WEFT_OK) return rv;
    run->count = ana_csv_rows(run->table);
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        uint32_t column = ana_csv_find(run->table, ana_column_about((enum ana_column)i)->name);
        if (column != UINT32_MAX && run->count > 0)
            run->columns[i] = ana_csv_numbers(run->table, column);
    }
    return WEFT_OK;
}

/* ANA_MEASURE_COUNT: there is none of that name. */
static enum ana_measure measure_named(const char *name) {
    unsigned i = 0;
    while (i < ANA_MEASURE_COUNT && strcmp(ana_measure_about((enum ana_measure)i)->name, name) != 0)
        i++;
    return (enum ana_measure)i;
}

/* Numbers that a histogram can hold. */
static bool whole(double number, uint64_t *out) {
    if (!(number >= 0 && number < 9.2e18)) return false;
    *out = (uint64_t)(number + 0.5);
    return true;
}

struct latency_columns {
    uint32_t measure, unit, to, count;
};

static int add_latency(struct ana_run *run, const struct latency_columns *at, uint32_t row,
                       char why[ANA_WHY_SIZE]) {
    const struct ana_csv_table *table = run->latency;
    const char *unit = ana_csv_text_at(table, row, at->unit);
    enum ana_measure measure = measure_named(ana_csv_text_at(table, row, at->measure));
    uint64_t value, times;
    if (measure == ANA_MEASURE_COUNT) return WEFT_OK; /* of another build */
    bool ms = strcmp(unit, "ms") == 0;
    if ((!ms && strcmp(unit, "count") != 0) ||
        !whole(ana_csv_number_at(table, row, at->to) * (ms ? NS_OF_MS : 1), &value) ||
        !whole(ana_csv_number_at(table, row, at->count), &times)) {
        snprintf(why, ANA_WHY_SIZE,
                 "%.300s/latency.csv:%u:1: expected unit ms or count, and numbers not below 0",
                 run->path, ana_csv_line(table, row));
        return WEFT_ERR_MALFORMED;
    }
    if (run->hists[measure] == NULL) run->hists[measure] = ana_hist_new(ANA_HIST_BITS);
    if (run->hists[measure] == NULL) return WEFT_ERR_NOMEM;
    return ana_hist_add(run->hists[measure], value, times);
}

static int read_latency(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    static const struct ana_csv_column columns[] = {{"measure", ANA_CSV_TEXT, true},
                                                    {"unit", ANA_CSV_TEXT, true},
                                                    {"to", ANA_CSV_NUMBER, true},
                                                    {"count", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {columns, 4, ANA_CSV_TEXT};
    int rv = read_table(run, "latency.csv", &wish, &run->latency, why);
    if (rv != WEFT_OK) return rv;
    const struct latency_columns at = {
        ana_csv_find(run->latency, "measure"), ana_csv_find(run->latency, "unit"),
        ana_csv_find(run->latency, "to"), ana_csv_find(run->latency, "count")};
    for (uint32_t row = 0; row < ana_csv_rows(run->latency) && rv == WEFT_OK; row++)
        rv = add_latency(run, &at, row, why);
    return rv;
}

static int read_convergence(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    static const struct ana_csv_column columns[] = {
        {"name", ANA_CSV_TEXT, true},     {"ratio", ANA_CSV_TEXT, true},
        {"from_s", ANA_CSV_NUMBER, true}, {"until_s", ANA_CSV_NUMBER, true},
        {"before", ANA_CSV_NUMBER, true}, {"worst", ANA_CSV_NUMBER, true},
        {"took_s", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {columns, 7, ANA_CSV_TEXT};
    int rv = read_table(run, "convergence.csv", &wish, &run->convergence, why);
    if (rv != WEFT_OK) return rv;
    const struct ana_csv_table *table = run->convergence;
    uint32_t at[7];
    for (unsigned i = 0; i < 7; i++) at[i] = ana_csv_find(table, columns[i].name);
    run->recoveries_count = ana_csv_rows(table);
    run->recoveries = calloc(run->recoveries_count + 1, sizeof *run->recoveries);
    if (run->recoveries == NULL) return WEFT_ERR_NOMEM;
    for (uint32_t row = 0; row < run->recoveries_count; row++)
        run->recoveries[row] = (struct ana_run_recovery){
            ana_csv_text_at(table, row, at[0]),   ana_csv_text_at(table, row, at[1]),
            ana_csv_number_at(table, row, at[2]), ana_csv_number_at(table, row, at[3]),
            ana_csv_number_at(table, row, at[4]), ana_csv_number_at(table, row, at[5]),
            ana_csv_number_at(table, row, at[6])};
    return WEFT_OK;
}

static int from_csv(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    int rv = read_run(run, why);
    if (rv == WEFT_OK) rv = read_series(run, why);
    if (rv == WEFT_OK) rv = read_latency(run, why);
    return rv == WEFT_OK ? read_convergence(run, why) : rv;
}

/* --- either --- */

int ana_run_open(const char *path, struct ana_run **out, char why[ANA_WHY_SIZE]) {
    struct stat stat_of;
    struct ana_run *run = calloc(1, sizeof *run);
    why[0] = '\0';
    if (run != NULL) run->path = malloc(strlen(path) + 1);
    int rv = run != NULL && run->path != NULL ? WEFT_OK : WEFT_ERR_NOMEM;
    if (rv == WEFT_OK) {
        strcpy(run->path, path);
        bool folder = stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
        rv = folder ? from_csv(run, why) : from_trace(run, why);
    }
    if (rv == WEFT_OK) {
        *out = run;
        return WEFT_OK;
    }
    if (why[0] == '\0') snprintf(why, ANA_WHY_SIZE, "%.400s: %s", path, weft_error_text(rv));
    ana_run_free(run);
    return rv;
}

const char *ana_run_path(const struct ana_run *run) { return run->path; }
uint32_t ana_run_count(const struct ana_run *run) { return run->count; }
double ana_run_interval(const struct ana_run *run) { return run->interval; }

const double *ana_run_starts(const struct ana_run *run) {
    if (run->series != NULL) return run->starts;
    return ana_csv_numbers(run->table, ana_csv_find(run->table, "start_s"));
}

const double *ana_run_column(const struct ana_run *run, enum ana_column column) {
    return run->columns[column];
}

const struct ana_hist *ana_run_hist(const struct ana_run *run, enum ana_measure measure) {
    return run->series != NULL ? ana_series_hist(run->series, measure) : run->hists[measure];
}

const struct ana_run_recovery *ana_run_recoveries(const struct ana_run *run, uint32_t *count) {
    *count = run->recoveries_count;
    return run->recoveries;
}
