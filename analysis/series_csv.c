/* A series of a folder of CSV: what pictures are drawn from. */
#define _GNU_SOURCE
#include "analysis/csv_files.h"
#include "analysis/series_parts.h"

#include "core/base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_OF_S 1e9
#define LONGEST_S 9e9 /* of what an int64_t holds in nanoseconds */

struct source {
    const char *folder;
    struct ana_series *series;
    char *why;
};

static int wrong(const struct source *source, const char *place, const char *what) {
    snprintf(source->why, ANA_WHY_SIZE, "%.300s/%s: %s", source->folder, place, what);
    return WEFT_ERR_MALFORMED;
}

/* NAN: an empty cell, which is never. */
static bool time_of(double seconds, weft_time *out) {
    *out = WEFT_TIME_NEVER;
    if (isnan(seconds)) return true;
    if (!(seconds >= 0 && seconds < LONGEST_S)) return false;
    *out = (weft_time)(seconds * NS_OF_S + 0.5);
    return true;
}

/* --- run.csv --- */

static double number_of(const struct ana_csv_table *run, const char *key) {
    const char *text = ana__csv_value(run, key);
    double number;
    return text != NULL && ana_csv_decimal(text, strlen(text), &number) ? number : (double)NAN;
}

/* The trace's own lines stand between the format and the first time. */
static char *head_of(const struct ana_csv_table *run) {
    char *head = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&head, &size);
    uint32_t keys = ana_csv_find(run, "key"), values = ana_csv_find(run, "value");
    if (out == NULL) return NULL;
    for (uint32_t row = 0; row < ana_csv_rows(run); row++) {
        const char *key = ana_csv_text_at(run, row, keys);
        if (strcmp(key, "first_s") == 0) break;
        if (strcmp(key, "format") != 0)
            fprintf(out, "%s=%s\n", key, ana_csv_text_at(run, row, values));
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) == 0 && !failed) return head;
    free(head);
    return NULL;
}

static bool hash_of(const char *text, struct ana_page *page) {
    char high[17], *end;
    if (text == NULL || strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32) return false;
    memcpy(high, text, 16);
    high[16] = '\0';
    page->hash_high = strtoull(high, &end, 16);
    page->hash_low = strtoull(text + 16, &end, 16);
    return true;
}

static int take_run(const struct source *source, const struct ana_csv_table *run) {
    struct ana_series *series = source->series;
    struct ana_page *page = &series->page;
    const char *verdict = ana__csv_value(run, "verdict");
    double damaged = number_of(run, "damaged_blocks");
    weft_time interval;
    if (!time_of(number_of(run, "first_s"), &page->first) ||
        !time_of(number_of(run, "last_s"), &page->last) || page->last == WEFT_TIME_NEVER)
        return wrong(source, "run.csv", "first_s and last_s are no times");
    if (!time_of(number_of(run, "interval_s"), &interval) || interval == WEFT_TIME_NEVER ||
        interval == 0)
        return wrong(source, "run.csv", "interval_s is no length of time");
    series->slots.interval = interval;
    page->damaged = damaged > 0 && damaged < 9e15 ? (uint64_t)damaged : 0;
    page->ended = verdict != NULL && verdict[0] != '\0';
    page->held = page->ended && strcmp(verdict, "holds") == 0;
    if (page->ended && !hash_of(ana__csv_value(run, "hash"), page))
        return wrong(source, "run.csv", "hash is no run's hash");
    page->repeat = "";
    series->head = head_of(run);
    page->head = series->head;
    return series->head != NULL ? WEFT_OK : WEFT_ERR_NOMEM;
}

static int read_run(const struct source *source) {
    struct ana_csv_table *run;
    int rv = ana__csv_run(source->folder, &run, source->why);
    if (rv != WEFT_OK) return rv;
    rv = take_run(source, run);
    ana_csv_free(run);
    return rv;
}

/* --- trends.csv --- */

/* Intervals follow one another; a single one is as long as those of series.csv. */
static int take_starts(const struct source *source, const double *starts, uint32_t count) {
    struct ana__slots *slots = &source->series->slots;
    weft_time first, at;
    if (count == 0) return WEFT_OK;
    if (!time_of(starts[0], &first) || first == WEFT_TIME_NEVER)
        return wrong(source, "trends.csv", "start_s has no times");
    if (count > 1 && time_of(starts[1], &at) && at != WEFT_TIME_NEVER && at > first)
        slots->interval = at - first;
    for (uint32_t i = 0; i < count; i++) {
        if (!time_of(starts[i], &at) || at != first + (weft_time)i * slots->interval)
            return wrong(source, "trends.csv", "start_s does not go on evenly");
    }
    slots->first = first / slots->interval;
    return WEFT_OK;
}

static int take_columns(const struct source *source, const struct ana_csv_table *table) {
    struct ana_series *series = source->series;
    uint32_t columns[ANA_COLUMN_COUNT], rows = ana_csv_rows(table);
    int rv = take_starts(source, ana_csv_numbers(table, ana_csv_find(table, "start_s")), rows);
    if (rv != WEFT_OK || rows == 0) return rv;
    ana__csv_find_columns(table, columns);
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        if (columns[i] == UINT32_MAX) continue;
        series->columns[i] = malloc(rows * sizeof(double));
        if (series->columns[i] == NULL) return WEFT_ERR_NOMEM;
        memcpy(series->columns[i], ana_csv_numbers(table, columns[i]), rows * sizeof(double));
    }
    series->shown = rows;
    return WEFT_OK;
}

static int read_trends(const struct source *source) {
    static const struct ana_csv_column columns[] = {{"start_s", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {columns, 1, ANA_CSV_NUMBER};
    struct ana_csv_table *table;
    int rv = ana__csv_table(source->folder, "trends.csv", &wish, &table, source->why);
    if (rv != WEFT_OK) return rv;
    rv = take_columns(source, table);
    ana_csv_free(table);
    return rv;
}

/* --- faults.csv, nodes.csv --- */

enum { FAULT, KIND, OCCURRENCE, ON, OFF, BIT, TEXT, BAND_COLUMNS };

static const struct ana_csv_column band_columns[BAND_COLUMNS] = {
    [FAULT] = {"fault", ANA_CSV_NUMBER, true},
    [KIND] = {"kind", ANA_CSV_NUMBER, true},
    [OCCURRENCE] = {"occurrence", ANA_CSV_NUMBER, true},
    [ON] = {"on_s", ANA_CSV_NUMBER, true},
    [OFF] = {"off_s", ANA_CSV_NUMBER, true},
    [BIT] = {"bit", ANA_CSV_NUMBER, true},
    [TEXT] = {"text", ANA_CSV_TEXT, true}};

static int take_band(const struct source *source, const struct ana_csv_table *table, uint32_t row,
                     const uint32_t at[BAND_COLUMNS]) {
    struct ana_series *series = source->series;
    struct ana_band band;
    uint64_t *const numbers[BAND_COLUMNS] = {[FAULT] = &band.fault,
                                             [KIND] = &band.kind,
                                             [OCCURRENCE] = &band.occurrence,
                                             [BIT] = &band.bit};
    bool good = time_of(ana_csv_number_at(table, row, at[ON]), &band.on) &&
                time_of(ana_csv_number_at(table, row, at[OFF]), &band.off) &&
                band.on != WEFT_TIME_NEVER;
    for (unsigned i = 0; i < BAND_COLUMNS; i++) {
        double number = numbers[i] != NULL ? ana_csv_number_at(table, row, at[i]) : 0;
        good = good && number >= 0 && number < 9e15;
        if (good && numbers[i] != NULL) *numbers[i] = (uint64_t)number;
    }
    if (!good) {
        char place[64];
        snprintf(place, sizeof place, "faults.csv:%u:1", ana_csv_line(table, row));
        return wrong(source, place, "expected numbers not below 0, and when it was on");
    }
    if (!ana__band_name(&band, weft_bytes_text(ana_csv_text_at(table, row, at[TEXT]))))
        return WEFT_ERR_NOMEM;
    series->bands[series->bands_count++] = band;
    return WEFT_OK;
}

static int read_bands(const struct source *source) {
    const struct ana_csv_wish wish = {band_columns, BAND_COLUMNS, ANA_CSV_TEXT};
    struct ana_csv_table *table;
    uint32_t at[BAND_COLUMNS];
    int rv = ana__csv_table(source->folder, "faults.csv", &wish, &table, source->why);
    if (rv != WEFT_OK) return rv;
    for (unsigned i = 0; i < BAND_COLUMNS; i++) at[i] = ana_csv_find(table, band_columns[i].name);
    source->series->bands = calloc(ana_csv_rows(table) + 1, sizeof *source->series->bands);
    if (source->series->bands == NULL) rv = WEFT_ERR_NOMEM;
    for (uint32_t row = 0; row < ana_csv_rows(table) && rv == WEFT_OK; row++)
        rv = take_band(source, table, row, at);
    ana_csv_free(table);
    return rv;
}

static int read_nodes(const struct source *source) {
    static const struct ana_csv_column columns[] = {{"node", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {columns, 1, ANA_CSV_NUMBER};
    struct ana_csv_table *table;
    int rv = ana__csv_table(source->folder, "nodes.csv", &wish, &table, source->why);
    if (rv != WEFT_OK) return rv;
    source->series->nodes.count = ana_csv_rows(table);
    ana_csv_free(table);
    return WEFT_OK;
}

int ana_series_read_csv(const char *folder, struct ana_series **out, char why[ANA_WHY_SIZE]) {
    struct source source = {folder, ana_series_new(NULL), why};
    why[0] = '\0';
    int rv = source.series != NULL ? read_run(&source) : WEFT_ERR_NOMEM;
    if (rv == WEFT_OK) rv = read_trends(&source);
    if (rv == WEFT_OK) rv = ana__csv_hists(folder, source.series->hists, why);
    if (rv == WEFT_OK) rv = read_bands(&source);
    if (rv == WEFT_OK) rv = read_nodes(&source);
    if (rv == WEFT_OK) {
        *out = source.series;
        return WEFT_OK;
    }
    if (why[0] == '\0') snprintf(why, ANA_WHY_SIZE, "%.400s: %s", folder, weft_error_text(rv));
    ana_series_free(source.series);
    return rv;
}
