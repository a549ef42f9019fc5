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
