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

struct ana_run {
    char *path;
    struct ana_series *series; /* of a trace; NULL: of CSV */
    struct ana_csv_table *run, *table, *convergence;
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
    ana_csv_free(run->convergence);
    for (unsigned i = 0; i < ANA_MEASURE_COUNT; i++) ana_hist_free(run->hists[i]);
    free(run->recoveries);
    free(run->starts);
    free(run->path);
    free(run);
}

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
        rv = ana_csv_parse(run->path, weft_bytes(text, size), &ana__csv_run_wish, &run->run, why,
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

static int read_run(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    int rv = ana__csv_run(run->path, &run->run, why);
    if (rv != WEFT_OK) return rv;
    const char *interval = ana__csv_value(run->run, "interval_s");
    run->interval = (double)NAN;
    if (interval != NULL) ana_csv_decimal(interval, strlen(interval), &run->interval);
    return WEFT_OK;
}

/* Columns of other builds are numbers, too, and nobody asks for them. */
static int read_series(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    static const struct ana_csv_column start[] = {{"start_s", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {start, 1, ANA_CSV_NUMBER};
    int rv = ana__csv_table(run->path, "series.csv", &wish, &run->table, why);
    if (rv != WEFT_OK) return rv;
    run->count = ana_csv_rows(run->table);
    uint32_t columns[ANA_COLUMN_COUNT];
    ana__csv_find_columns(run->table, columns);
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        if (columns[i] != UINT32_MAX && run->count > 0)
            run->columns[i] = ana_csv_numbers(run->table, columns[i]);
    }
    return WEFT_OK;
}

static int read_convergence(struct ana_run *run, char why[ANA_WHY_SIZE]) {
    static const struct ana_csv_column columns[] = {
        {"name", ANA_CSV_TEXT, true},     {"ratio", ANA_CSV_TEXT, true},
        {"from_s", ANA_CSV_NUMBER, true}, {"until_s", ANA_CSV_NUMBER, true},
        {"before", ANA_CSV_NUMBER, true}, {"worst", ANA_CSV_NUMBER, true},
        {"took_s", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {columns, 7, ANA_CSV_TEXT};
    int rv = ana__csv_table(run->path, "convergence.csv", &wish, &run->convergence, why);
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
    if (rv == WEFT_OK) rv = ana__csv_hists(run->path, run->hists, why);
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

const char *ana_run_value(const struct ana_run *run, const char *key) {
    return ana__csv_value(run->run, key);
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
