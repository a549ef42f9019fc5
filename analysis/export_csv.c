/* A trace as a folder of CSV files. */
#include "analysis/csv_files.h"
#include "analysis/series_parts.h"

#include "core/base/error.h"

#include <stdio.h>

struct job {
    struct ana_export *export;
    struct ana_trace_reader *reader;
    struct ana_series *series;
    struct ana__csv_events *events;
    struct ana__folder folder;
};

static int add_all(struct job *job) {
    const struct ana_filter *filter = job->export->filter;
    struct ana_trace_record record;
    int rv;
    ana_filter_apply(filter, job->reader);
    while ((rv = ana_trace_next(job->reader, &record)) == WEFT_OK) {
        if (!ana_filter_lets(filter, &record)) continue;
        job->export->events++;
        rv = ana_series_add(job->series, &record);
        if (rv != WEFT_OK) return rv;
        rv = ana__csv_events_add(job->events, &record, job->export->why);
        if (rv != WEFT_OK) return rv;
    }
    job->export->damaged = job->series->page.damaged = ana_trace_damage(job->reader).blocks;
    return rv == WEFT_ERR_CLOSED ? WEFT_OK : rv;
}

static int read_all(struct job *job) {
    job->series = ana_series_new(NULL);
    job->events = ana__csv_events_new(&job->folder);
    if (job->series == NULL || job->events == NULL) return WEFT_ERR_NOMEM;
    int rv = ana_series_head(job->series, ana_trace_head(job->reader), 0);
    if (rv != WEFT_OK) return rv;
    ana__series_filter(job->series, job->export->filter);
    rv = add_all(job);
    return rv == WEFT_OK ? ana_series_settle(job->series) : rv;
}

static int write_all(struct job *job) {
    struct ana_export *export = job->export;
    int rv = ana__folder_create(&job->folder, export->out, export->why);
    if (rv != WEFT_OK) return rv;
    rv = read_all(job);
    if (job->events != NULL) {
        int ended = ana__csv_events_end(job->events, export->why);
        if (rv == WEFT_OK) rv = ended;
    }
    if (rv == WEFT_OK) rv = ana__csv_series(&job->folder, job->series, export->why);
    if (rv == WEFT_OK) rv = ana_series_coarsen(job->series, ANA_SERIES_TRENDS_MAX);
    if (rv == WEFT_OK) rv = ana__csv_trends(&job->folder, job->series, export->why);
    if (rv == WEFT_OK) rv = ana__folder_commit(&job->folder, export->why);
    if (rv != WEFT_OK) ana__folder_remove(&job->folder);
    ana_series_free(job->series);
    return rv;
}

int ana_export_csv(struct ana_export *export) {
    struct job job = {.export = export};
    const char *text;
    export->events = export->damaged = 0;
    export->why[0] = '\0';
    int rv = ana_trace_open(export->trace, &job.reader, &text);
    if (rv != WEFT_OK) {
        snprintf(export->why, sizeof export->why, "%.400s: %s", export->trace, text);
        return rv;
    }
    rv = write_all(&job);
    ana_trace_free(job.reader);
    if (rv != WEFT_OK && export->why[0] == '\0')
        snprintf(export->why, sizeof export->why, "%.400s: %s", export->trace, weft_error_text(rv));
    return rv;
}
