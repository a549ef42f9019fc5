/* A series of a file. */
#include "analysis/series_parts.h"

#include "core/base/error.h"

#include <stdio.h>

static int add_all(struct ana_series *series, struct ana_trace_reader *reader,
                   const struct ana_series_source *source) {
    struct ana_trace_record record;
    int rv;
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        if (source->filter != NULL && !ana_filter_lets(source->filter, &record)) continue;
        rv = ana_series_add(series, &record);
        if (rv != WEFT_OK) return rv;
    }
    if (rv == WEFT_ERR_MALFORMED) series->page.damaged++;
    return rv == WEFT_ERR_CLOSED || rv == WEFT_ERR_MALFORMED ? WEFT_OK : rv;
}

static void tell(const struct ana_series_source *source, int rv, char why[ANA_WHY_SIZE]) {
    if (rv == WEFT_ERR_TOO_BIG)
        snprintf(why, ANA_WHY_SIZE,
                 "%s: more than %d intervals of this length, a longer one is needed", source->trace,
                 ANA_SERIES_GIVEN_MAX);
    else
        snprintf(why, ANA_WHY_SIZE, "%s: %s", source->trace, weft_error_text(rv));
}

int ana_series_read(const struct ana_series_source *source, struct ana_series **out,
                    char why[ANA_WHY_SIZE]) {
    struct ana_trace_reader *reader;
    const char *text;
    why[0] = '\0';
    int rv = ana_trace_open(source->trace, &reader, &text);
    if (rv != WEFT_OK) {
        snprintf(why, ANA_WHY_SIZE, "%s: %s", source->trace, text);
        return rv;
    }
    struct ana_series *series = ana_series_new(&source->options);
    rv = series != NULL ? ana_series_head(series, ana_trace_head(reader), 0) : WEFT_ERR_NOMEM;
    if (rv == WEFT_OK) rv = add_all(series, reader, source);
    if (rv == WEFT_OK) rv = ana_series_settle(series);
    ana_trace_free(reader);
    if (rv == WEFT_OK) {
        *out = series;
        return WEFT_OK;
    }
    tell(source, rv, why);
    ana_series_free(series);
    return rv;
}
