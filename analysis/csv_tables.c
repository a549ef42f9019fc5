/* The files of a folder of CSV, as tables. */
#include "analysis/csv_files.h"

#include "core/base/error.h"

#include <string.h>

#define NS_OF_MS 1e6

int ana__csv_table(const char *folder, const char *file, const struct ana_csv_wish *wish,
                   struct ana_csv_table **out, char why[ANA_WHY_SIZE]) {
    char path[ANA__PATH_SIZE];
    int size = snprintf(path, sizeof path, "%s/%s", folder, file);
    if (size < 0 || (size_t)size >= sizeof path) {
        snprintf(why, ANA_WHY_SIZE, "%.400s: the name is too long", folder);
        return WEFT_ERR_IO;
    }
    return ana_csv_read(path, wish, out, why, ANA_WHY_SIZE);
}

/* --- run.csv --- */

static const struct ana_csv_column run_columns[] = {{"key", ANA_CSV_TEXT, true},
                                                    {"value", ANA_CSV_TEXT, true}};
const struct ana_csv_wish ana__csv_run_wish = {run_columns, 2, ANA_CSV_TEXT};

const char *ana__csv_value(const struct ana_csv_table *run, const char *key) {
    uint32_t keys = ana_csv_find(run, "key"), values = ana_csv_find(run, "value");
    for (uint32_t row = 0; row < ana_csv_rows(run); row++) {
        if (strcmp(ana_csv_text_at(run, row, keys), key) == 0)
            return ana_csv_text_at(run, row, values);
    }
    return NULL;
}

int ana__csv_run(const char *folder, struct ana_csv_table **out, char why[ANA_WHY_SIZE]) {
    struct ana_csv_table *table;
    int rv = ana__csv_table(folder, "run.csv", &ana__csv_run_wish, &table, why);
    if (rv != WEFT_OK) return rv;
    const char *format = ana__csv_value(table, "format");
    if (format != NULL && strcmp(format, ANA_CSV_FORMAT) == 0) {
        *out = table;
        return WEFT_OK;
    }
    snprintf(why, ANA_WHY_SIZE, "%.300s/run.csv: its format is \"%.40s\", not " ANA_CSV_FORMAT,
             folder, format != NULL ? format : "");
    ana_csv_free(table);
    return WEFT_ERR_MALFORMED;
}

/* --- series.csv, trends.csv --- */

void ana__csv_find_columns(const struct ana_csv_table *table, uint32_t columns[ANA_COLUMN_COUNT]) {
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++)
        columns[i] = ana_csv_find(table, ana_column_about((enum ana_column)i)->name);
}

/* --- latency.csv --- */

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

struct bucket_columns {
    uint32_t measure, unit, from, to, count;
};

static bool bucket_of(const struct ana_csv_table *table, const struct bucket_columns *at,
                      uint32_t row, struct ana_hist_bucket *bucket) {
    const char *unit = ana_csv_text_at(table, row, at->unit);
    double scale = strcmp(unit, "ms") == 0 ? NS_OF_MS : 1;
    uint32_t from = at->from != UINT32_MAX ? at->from : at->to;
    return (scale > 1 || strcmp(unit, "count") == 0) &&
           whole(ana_csv_number_at(table, row, from) * scale, &bucket->from) &&
           whole(ana_csv_number_at(table, row, at->to) * scale, &bucket->to) &&
           whole(ana_csv_number_at(table, row, at->count), &bucket->count);
}

/* The first bucket begins with the least of all values, and the last ends with the greatest: with
 * these two everything is as it was. */
static int add_bucket(struct ana_hist **hist, const struct ana_hist_bucket *bucket) {
    uint64_t least = *hist == NULL && bucket->count > 0 ? 1 : 0;
    if (*hist == NULL) *hist = ana_hist_new(ANA_HIST_BITS);
    if (*hist == NULL) return WEFT_ERR_NOMEM;
    int rv = least > 0 ? ana_hist_add(*hist, bucket->from, least) : WEFT_OK;
    if (rv != WEFT_OK || bucket->count == least) return rv;
    return ana_hist_add(*hist, bucket->to, bucket->count - least);
}

static int add_buckets(const char *folder, const struct ana_csv_table *table,
                       struct ana_hist *hists[ANA_MEASURE_COUNT], char why[ANA_WHY_SIZE]) {
    const struct bucket_columns at = {ana_csv_find(table, "measure"), ana_csv_find(table, "unit"),
                                      ana_csv_find(table, "from"), ana_csv_find(table, "to"),
                                      ana_csv_find(table, "count")};
    for (uint32_t row = 0; row < ana_csv_rows(table); row++) {
        struct ana_hist_bucket bucket;
        enum ana_measure measure = measure_named(ana_csv_text_at(table, row, at.measure));
        if (measure == ANA_MEASURE_COUNT) continue; /* of another build */
        if (!bucket_of(table, &at, row, &bucket)) {
            snprintf(why, ANA_WHY_SIZE,
                     "%.300s/latency.csv:%u:1: expected unit ms or count, and numbers not below 0",
                     folder, ana_csv_line(table, row));
            return WEFT_ERR_MALFORMED;
        }
        int rv = add_bucket(&hists[measure], &bucket);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

int ana__csv_hists(const char *folder, struct ana_hist *hists[ANA_MEASURE_COUNT],
                   char why[ANA_WHY_SIZE]) {
    static const struct ana_csv_column columns[] = {{"measure", ANA_CSV_TEXT, true},
                                                    {"unit", ANA_CSV_TEXT, true},
                                                    {"from", ANA_CSV_NUMBER, false},
                                                    {"to", ANA_CSV_NUMBER, true},
                                                    {"count", ANA_CSV_NUMBER, true}};
    const struct ana_csv_wish wish = {columns, 5, ANA_CSV_TEXT};
    struct ana_csv_table *table;
    int rv = ana__csv_table(folder, "latency.csv", &wish, &table, why);
    if (rv != WEFT_OK) return rv;
    rv = add_buckets(folder, table, hists, why);
    ana_csv_free(table);
    return rv;
}
