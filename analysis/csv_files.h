/* Inside of the CSV export: a folder that is there whole or not at all, and the files in it. */
#ifndef ANALYSIS_CSV_FILES_H
#define ANALYSIS_CSV_FILES_H

#include "analysis/csv.h"
#include "analysis/series.h"

#define ANA__PATH_SIZE 4096
#define ANA_CSV_FORMAT                                                                             \
    "weft-csv-1" /* in run.csv: another one when columns change their meaning                      \
                  */

struct ana__folder {
    char wanted[ANA__PATH_SIZE];
    char path[ANA__PATH_SIZE]; /* where it is being written; "" when not */
};

/* A folder beside `wanted`, under a name of its own. `why` on an error: WEFT_ERR_IO, also when
 * `wanted` is there and not an empty folder. */
int ana__folder_create(struct ana__folder *folder, const char *wanted, char why[ANA_WHY_SIZE]);
/* It gets its name. WEFT_ERR_IO: it is not there. */
int ana__folder_commit(struct ana__folder *folder, char why[ANA_WHY_SIZE]);
/* Away with it, and all that is in it. */
void ana__folder_remove(struct ana__folder *folder);
/* A file in it, NULL after telling why. `name` may have one folder before it, made if need be. */
FILE *ana__folder_file(const struct ana__folder *folder, const char *name, char why[ANA_WHY_SIZE]);

/* The files of a series, but for events. WEFT_ERR_IO after telling which could not be written. */
int ana__csv_series(const struct ana__folder *folder, const struct ana_series *series,
                    char why[ANA_WHY_SIZE]);

/* trends.csv, of a series that has been coarsened. */
int ana__csv_trends(const struct ana__folder *folder, const struct ana_series *series,
                    char why[ANA_WHY_SIZE]);

/* --- reading them --- */

int ana__csv_table(const char *folder, const char *file, const struct ana_csv_wish *wish,
                   struct ana_csv_table **out, char why[ANA_WHY_SIZE]);
/* run.csv, if it is of this format. */
int ana__csv_run(const char *folder, struct ana_csv_table **out, char why[ANA_WHY_SIZE]);
extern const struct ana_csv_wish ana__csv_run_wish;
/* The value of a key of run.csv; NULL: it has none. */
const char *ana__csv_value(const struct ana_csv_table *run, const char *key);
/* What latency.csv says; the histograms are the caller's, also on an error. */
int ana__csv_hists(const char *folder, struct ana_hist *hists[ANA_MEASURE_COUNT],
                   char why[ANA_WHY_SIZE]);
/* Where the columns of a table's file stand in it; UINT32_MAX: it has none of that name. */
void ana__csv_find_columns(const struct ana_csv_table *table, uint32_t columns[ANA_COLUMN_COUNT]);

/* What is in run.csv. */
void ana__csv_put_run(struct ana_csv_out *out, const struct ana_series *series);

/* events/KIND.csv, as they come. */
struct ana__csv_events;

struct ana__csv_events *ana__csv_events_new(const struct ana__folder *folder);
int ana__csv_events_add(struct ana__csv_events *events, const struct ana_trace_record *record,
                        char why[ANA_WHY_SIZE]);
/* Closes and frees. WEFT_ERR_IO when any was not written whole. */
int ana__csv_events_end(struct ana__csv_events *events, char why[ANA_WHY_SIZE]);

#endif
