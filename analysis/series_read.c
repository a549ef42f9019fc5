/* A series of a file. */
#include "analysis/series_parts.h"

#include "core/base/error.h"

#include <stdio.h>

static int add_all(struct ana_series *series, struct ana_trace_reader *reader,
                   const struct ana_filter *filter) {
    struct ana_trace_record record;
    int rv;
    ana_filter_apply(filter, reader);
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        if (!ana_filter_lets(filter, &record)) continue;
        rv = ana_series_add(series, &record);
        if (rv != WEFT_OK) return rv;
    }
    series->page.damaged = ana_trace_damage(reader).blocks;
    return rv == WEFT_ERR_CLOSED ? WEFT_OK : rv;
}

/* What a filter keeps out is not there, either. */
void ana__series_filter(struct ana_series *series, const struct ana_filter *filter) {
    if (filter == NULL || filter->kinds_count == 0) return;
    uint64_t kinds = series->told != 0 ? series->told : WEFT_TRACE_ALL;
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT; kind++) {
        if (!ana_filter_has_kind(filter, weft_trace_kind_name(kind)))
            kinds &= ~WEFT_TRACE_BIT(kind);
    }
    series->told = kinds;
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
    if (rv == WEFT_OK) ana__series_filter(series, source->filter);
    if (rv == WEFT_OK) rv = add_all(series, reader, source->filter);
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
