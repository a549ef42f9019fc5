/* A run's numbers, wherever they come from: a trace, or a folder of CSV that was made of one. Both
 * say the same, so statistics and plots need not know which it was. */
#ifndef ANALYSIS_RUN_H
#define ANALYSIS_RUN_H

#include "analysis/series.h"

struct ana_run;

/* `path` is a trace, or a folder with run.csv, series.csv, latency.csv and convergence.csv.
 *   WEFT_ERR_NOT_FOUND, WEFT_ERR_IO, WEFT_ERR_NOMEM
 *   WEFT_ERR_MALFORMED  it is neither, or something in it is not as it should be
 * `why` gets one line on an error, with the file, and of a CSV file with line and column. */
int ana_run_open(const char *path, struct ana_run **out, char why[ANA_WHY_SIZE]);
void ana_run_free(struct ana_run *run);

/* Borrowed until the run is freed, as those of a series. */
const char *ana_run_path(const struct ana_run *run);
uint32_t ana_run_count(const struct ana_run *run);       /* of intervals */
const double *ana_run_starts(const struct ana_run *run); /* in seconds */
double ana_run_interval(const struct ana_run *run);      /* in seconds; NAN: not known */
const double *ana_run_column(const struct ana_run *run, enum ana_column column);
const struct ana_hist *ana_run_hist(const struct ana_run *run, enum ana_measure measure);

/* The value of a key of run.csv ("scenario", "seed", "hash", "verdict"); NULL: it has none. */
const char *ana_run_value(const struct ana_run *run, const char *key);

struct ana_run_recovery {
    const char *fault, *ratio;
    double from_s, until_s;       /* until_s NAN: it did not end */
    double before, worst, took_s; /* NAN: not known, not seen to be back */
};
const struct ana_run_recovery *ana_run_recoveries(const struct ana_run *run, uint32_t *count);

/* --- a run in few numbers --- */

enum ana_better { ANA_NEITHER_BETTER, ANA_LESS_BETTER, ANA_MORE_BETTER };

struct ana_metric {
    char name[40]; /* "lookup.p99" */
    enum ana_unit unit;
    enum ana_better better;
    double value; /* NAN: the run does not say */
};

#define ANA_METRICS_MAX 128

/* The same metrics in the same order for every run. Returns how many, at most ANA_METRICS_MAX.
 *
 *   MEASURE.count, .p50, .p90, .p99, .p99.9, .max     of each histogram
 *   OPERATION.success                                  ok of ok and failed
 *   delivery                                           of all packets
 *   packets_sent, restarts, node_downs, ...            sums over the run
 *   bytes.max, components.max, ...                     the most of gauges
 *   recovery.RATIO                                     the longest that was seen
 *   not_recovered                                      ratios not seen to be back after trouble */
uint32_t ana_run_metrics(const struct ana_run *run, struct ana_metric out[ANA_METRICS_MAX]);

#endif
