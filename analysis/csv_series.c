/* A series as CSV. docs/analysis.md has the columns. */
#include "analysis/csv_files.h"

#include "core/base/error.h"

#include <math.h>
#include <string.h>

#define MEAN_DIGITS 6
#define RATIO_DIGITS 9

static void put_time(struct ana_csv_out *out, weft_time time) { ana_csv_seconds(out, time); }

/* --- run.csv --- */

static void pair(struct ana_csv_out *out, const char *key, const char *value) {
    ana_csv_word(out, key);
    ana_csv_word(out, value);
    ana_csv_end_row(out);
}

static void pair_count(struct ana_csv_out *out, const char *key, uint64_t number) {
    ana_csv_word(out, key);
    ana_csv_count(out, number);
    ana_csv_end_row(out);
}

static void pair_seconds(struct ana_csv_out *out, const char *key, weft_time time) {
    ana_csv_word(out, key);
    put_time(out, time);
    ana_csv_end_row(out);
}

/* As they stand in the file; times in it are nanoseconds. */
static void put_head(struct ana_csv_out *out, const char *head) {
    while (*head != '\0') {
        size_t size = strcspn(head, "\n"), key = strcspn(head, "=\n");
        if (key < size) {
            ana_csv_text(out, weft_bytes(head, key));
            ana_csv_text(out, weft_bytes(head + key + 1, size - key - 1));
            ana_csv_end_row(out);
        }
        head += size + (head[size] == '\n');
    }
}

void ana__csv_put_run(struct ana_csv_out *out, const struct ana_series *series) {
    const struct ana_page *page = ana_series_page(series);
    char hash[40], repeats[32];
    ana_csv_word(out, "key");
    ana_csv_word(out, "value");
    ana_csv_end_row(out);
    pair(out, "format", ANA_CSV_FORMAT);
    put_head(out, page->head);
    pair_seconds(out, "first_s", page->first);
    pair_seconds(out, "last_s", page->last);
    pair_count(out, "trace_events", page->events);
    pair_count(out, "damaged_blocks", page->damaged);
    pair_count(out, "dropped", page->dropped);
    pair_seconds(out, "interval_s", ana_series_interval(series));
    pair(out, "verdict", !page->ended ? "" : page->held ? "holds" : "fails");
    if (!page->ended) return;
    snprintf(hash, sizeof hash, "%016llx%016llx", (unsigned long long)page->hash_high,
             (unsigned long long)page->hash_low);
    pair(out, "hash", hash);
    pair_count(out, "run_events", page->run_events);
    pair_count(out, "run_nodes", page->run_nodes);
    pair(out, "run_repeat", page->repeat);
    for (uint32_t i = 0; i < page->reasons_count; i++) {
        snprintf(repeats, sizeof repeats, "reason_%u", i + 1);
        pair(out, repeats, page->reasons[i]);
    }
}

/* --- series.csv --- */

static void put_cell(struct ana_csv_out *out, enum ana_unit unit, double value) {
    static const unsigned digits[] = {[ANA_UNIT_COUNT] = 0,
                                      [ANA_UNIT_SECONDS] = 9,
                                      [ANA_UNIT_BYTES] = 0,
                                      [ANA_UNIT_RATIO] = RATIO_DIGITS,
                                      [ANA_UNIT_MEAN] = MEAN_DIGITS};
    ana_csv_number(out, value, digits[unit]);
}

static void put_series(struct ana_csv_out *out, const struct ana_series *series) {
    ana_csv_word(out, "start_s");
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        if (ana_series_column(series, (enum ana_column)i) != NULL)
            ana_csv_word(out, ana_column_about((enum ana_column)i)->name);
    }
    ana_csv_end_row(out);
    for (uint32_t row = 0; row < ana_series_count(series); row++) {
        put_time(out, ana_series_start(series, row));
        for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
            const double *column = ana_series_column(series, (enum ana_column)i);
            if (column != NULL)
                put_cell(out, ana_column_about((enum ana_column)i)->unit, column[row]);
        }
        ana_csv_end_row(out);
    }
}

/* --- nodes.csv --- */

/* What is absent for all is absent here. */
struct node_column {
    const char *name;
    enum ana_column like;
};

static const struct node_column node_columns[] = {
    {"up", ANA_COLUMN_NODES_UP},
    {"ups", ANA_COLUMN_NODE_UPS},
    {"downs", ANA_COLUMN_NODE_DOWNS},
    {"crashes", ANA_COLUMN_NODE_DOWNS},
    {"restarts", ANA_COLUMN_RESTARTS},
    {"process_faults", ANA_COLUMN_PROCESS_FAULTS},
    {"give_ups", ANA_COLUMN_GIVE_UPS},
    {"packets_sent", ANA_COLUMN_PACKETS_SENT},
    {"packets_received", ANA_COLUMN_PACKETS_RECEIVED},
    {"packets_lost", ANA_COLUMN_PACKETS_LOST},
    {"lookups_asked", ANA_COLUMN_LOOKUP_ASKED},
    {"lookups_ok", ANA_COLUMN_LOOKUP_OK},
    {"lookups_failed", ANA_COLUMN_LOOKUP_FAILED},
    {"contacts", ANA_COLUMN_DEGREE_MEAN},
};

#define NODE_COLUMNS (sizeof node_columns / sizeof node_columns[0])

static void put_node(struct ana_csv_out *out, const struct ana_series *series,
                     const struct ana_node *node) {
    const uint64_t values[NODE_COLUMNS] = {node->up,
                                           node->ups,
                                           node->downs,
                                           node->crashes,
                                           node->restarts,
                                           node->faults,
                                           node->give_ups,
                                           node->packets_out,
                                           node->packets_in,
                                           node->lost,
                                           node->lookups_asked,
                                           node->lookups_ok,
                                           node->lookups_failed,
                                           node->contacts};
    ana_csv_count(out, node->node);
    for (size_t i = 0; i < NODE_COLUMNS; i++) {
        if (ana_series_column(series, node_columns[i].like) != NULL) ana_csv_count(out, values[i]);
    }
    if (node->bytes_peak > 0)
        ana_csv_count(out, node->bytes_peak);
    else
        ana_csv_empty(out);
    bool joined = node->joined_at != WEFT_TIME_NEVER;
    put_time(out, node->joined_at);
    put_time(out, joined ? node->join_took : WEFT_TIME_NEVER);
    ana_csv_end_row(out);
}

static void put_nodes(struct ana_csv_out *out, const struct ana_series *series) {
    uint64_t cursor = 0;
    ana_csv_word(out, "node");
    for (size_t i = 0; i < NODE_COLUMNS; i++) {
        if (ana_series_column(series, node_columns[i].like) != NULL)
            ana_csv_word(out, node_columns[i].name);
    }
    ana_csv_word(out, "bytes_peak");
    ana_csv_word(out, "joined_s");
    ana_csv_word(out, "join_took_s");
    ana_csv_end_row(out);
    for (const struct ana_node *node = ana_series_next_node(series, &cursor); node != NULL;
         node = ana_series_next_node(series, &cursor))
        put_node(out, series, node);
}

/* --- latency.csv --- */

static void put_hist(struct ana_csv_out *out, const struct ana_hist *hist,
                     const struct ana_measure_about *about) {
    struct ana_hist_bucket bucket;
    uint64_t cursor = 0, seen = 0;
    bool seconds = about->unit == ANA_UNIT_SECONDS;
    while (ana_hist_next(hist, 0, &cursor, &bucket)) {
        uint64_t min = ana_hist_min(hist), max = ana_hist_max(hist);
        uint64_t from = bucket.from > min ? bucket.from : min;
        uint64_t to = bucket.to < max ? bucket.to : max;
        seen += bucket.count;
        ana_csv_word(out, about->name);
        ana_csv_word(out, seconds ? "ms" : "count");

        ana_csv_number(out, seconds ? (double)from / 1e6 : (double)from, 6);
        ana_csv_number(out, seconds ? (double)to / 1e6 : (double)to, 6);
        ana_csv_count(out, bucket.count);
        ana_csv_number(out, 100.0 * (double)seen / (double)ana_hist_count(hist), 9);
        ana_csv_end_row(out);
    }
}

static void put_latency(struct ana_csv_out *out, const struct ana_series *series) {
    static const char *const names[] = {"measure", "unit", "from", "to", "count", "percentile"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) ana_csv_word(out, names[i]);
    ana_csv_end_row(out);
    for (unsigned i = 0; i < ANA_MEASURE_COUNT; i++) {
        const struct ana_hist *hist = ana_series_hist(series, (enum ana_measure)i);
        if (hist != NULL) put_hist(out, hist, ana_measure_about((enum ana_measure)i));
    }
}

/* --- faults.csv and those of the page --- */

static void put_names(struct ana_csv_out *out, const char *const *names) {
    for (; *names != NULL; names++) ana_csv_word(out, *names);
    ana_csv_end_row(out);
}

static void put_faults(struct ana_csv_out *out, const struct ana_series *series) {
    static const char *const names[] = {"fault", "name", "kind", "occurrence", "on_s",
                                        "off_s", "bit",  "text", NULL};
    uint32_t count;
    const struct ana_band *bands = ana_series_bands(series, &count);
    put_names(out, names);
    for (uint32_t i = 0; i < count; i++) {
        ana_csv_count(out, bands[i].fault);
        ana_csv_word(out, bands[i].name);
        ana_csv_count(out, bands[i].kind);
        ana_csv_count(out, bands[i].occurrence);
        put_time(out, bands[i].on);
        put_time(out, bands[i].off);
        ana_csv_count(out, bands[i].bit);
        ana_csv_word(out, bands[i].text);
        ana_csv_end_row(out);
    }
}

static void put_rows(struct ana_csv_out *out, const struct ana_run_row *rows, uint32_t count,
                     const char *const *names) {
    put_names(out, names);
    for (uint32_t i = 0; i < count; i++) {
        ana_csv_count(out, rows[i].index);
        ana_csv_word(out, rows[i].name);
        ana_csv_count(out, rows[i].line);
        ana_csv_count(out, rows[i].first);
        ana_csv_count(out, rows[i].second);
        ana_csv_end_row(out);
    }
}

static void put_injections(struct ana_csv_out *out, const struct ana_series *series) {
    static const char *const names[] = {"fault", "name", "line", "injected", "bit", NULL};
    const struct ana_page *page = ana_series_page(series);
    put_rows(out, page->faults, page->faults_count, names);
}

static void put_checks(struct ana_csv_out *out, const struct ana_series *series) {
    static const char *const names[] = {"check", "name", "line", "evaluated", "failed", NULL};
    const struct ana_page *page = ana_series_page(series);
    put_rows(out, page->checks, page->checks_count, names);
}

static void put_works(struct ana_csv_out *out, const struct ana_series *series) {
    static const char *const names[] = {"work", "name", "line", "asked", "done", NULL};
    const struct ana_page *page = ana_series_page(series);
    put_rows(out, page->works, page->works_count, names);
}

static void put_failures(struct ana_csv_out *out, const struct ana_series *series) {
    static const char *const names[] = {"time_s", "node", "check", "text", NULL};
    const struct ana_page *page = ana_series_page(series);
    put_names(out, names);
    for (uint32_t i = 0; i < page->failures_count; i++) {
        const struct ana_failure *failure = &page->failures[i];
        put_time(out, failure->at);
        if (failure->node == WEFT_TRACE_NODE_NONE)
            ana_csv_empty(out);
        else
            ana_csv_count(out, failure->node);
        ana_csv_count(out, failure->check);
        ana_csv_word(out, failure->text);
        ana_csv_end_row(out);
    }
}

static void put_convergence(struct ana_csv_out *out, const struct ana_series *series) {
    static const char *const names[] = {"fault", "name",   "from_s", "until_s", "bands",
                                        "ratio", "before", "worst",  "took_s",  NULL};
    uint32_t count;
    const struct ana_recovery *recoveries = ana_series_recoveries(series, &count);
    put_names(out, names);
    for (uint32_t i = 0; i < count; i++) {
        ana_csv_count(out, recoveries[i].fault);
        ana_csv_word(out, recoveries[i].name);
        put_time(out, recoveries[i].from);
        put_time(out, recoveries[i].until);
        ana_csv_count(out, recoveries[i].bands);
        ana_csv_word(out, recoveries[i].ratio);
        ana_csv_number(out, recoveries[i].before, RATIO_DIGITS);
        ana_csv_number(out, recoveries[i].worst, RATIO_DIGITS);
        put_time(out, recoveries[i].took);
        ana_csv_end_row(out);
    }
}

/* --- all of them --- */

struct file {
    const char *name;
    void (*put)(struct ana_csv_out *out, const struct ana_series *series);
};

static int put_file(const struct ana__folder *folder, const struct ana_series *series,
                    const struct file *file, char why[ANA_WHY_SIZE]) {
    struct ana_csv_out out = {ana__folder_file(folder, file->name, why), false, false};
    if (out.file == NULL) return WEFT_ERR_IO;
    file->put(&out, series);
    if (fclose(out.file) == 0 && !out.failed) return WEFT_OK;
    snprintf(why, ANA_WHY_SIZE, "%.300s/%s: cannot be written whole", folder->wanted, file->name);
    return WEFT_ERR_IO;
}

int ana__csv_series(const struct ana__folder *folder, const struct ana_series *series,
                    char why[ANA_WHY_SIZE]) {
    static const struct file files[] = {
        {"run.csv", ana__csv_put_run}, {"series.csv", put_series},
        {"nodes.csv", put_nodes},      {"latency.csv", put_latency},
        {"faults.csv", put_faults},    {"injections.csv", put_injections},
        {"checks.csv", put_checks},    {"failures.csv", put_failures},
        {"works.csv", put_works},      {"convergence.csv", put_convergence}};
    int rv = WEFT_OK;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && rv == WEFT_OK; i++)
        rv = put_file(folder, series, &files[i], why);
    return rv;
}

int ana__csv_trends(const struct ana__folder *folder, const struct ana_series *series,
                    char why[ANA_WHY_SIZE]) {
    static const struct file file = {"trends.csv", put_series};
    return put_file(folder, series, &file, why);
}
