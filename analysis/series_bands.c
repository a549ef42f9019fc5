/* When which fault was on. */
#include "analysis/series_parts.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

/* fault.on, fault.off and fault.bit: "fault kind occurrence" */
static uint64_t key_of(const struct weft_trace_event *event) {
    return (event->number[0] << 32 | (uint32_t)event->number[2]) & (UINT64_MAX >> 1);
}

static struct ana_band *band_of(struct ana_series *series, const struct weft_trace_event *event) {
    const uint64_t *index = ana__map_get(&series->bands_by, key_of(event));
    return index != NULL ? &series->bands[*index] : NULL;
}

/* "partition 500|500" and its first word. */
bool ana__band_name(struct ana_band *band, struct weft_bytes text) {
    size_t word = 0;
    while (word < text.size && text.data[word] != ' ') word++;
    char *both = malloc(text.size + word + 2);
    if (both == NULL) return false;
    if (text.size > 0) memcpy(both, text.data, text.size);
    both[text.size] = '\0';
    memcpy(both + text.size + 1, both, word);
    both[text.size + 1 + word] = '\0';
    band->text = both;
    band->name = both + text.size + 1;
    return true;
}

static int begin(struct ana_series *series, const struct weft_trace_event *event) {
    if (series->bands_count == ANA_SERIES_BANDS_MAX) {
        series->page.dropped++;
        return WEFT_OK;
    }
    void *grown =
        ana__grown(series->bands, series->bands_count, &series->bands_room, sizeof *series->bands);
    if (grown == NULL) return WEFT_ERR_NOMEM;
    series->bands = grown;
    struct ana_band band = {.fault = event->number[0],
                            .kind = event->number[1],
                            .occurrence = event->number[2],
                            .on = event->at,
                            .off = WEFT_TIME_NEVER};
    if (!ana__band_name(&band, event->bytes)) return WEFT_ERR_NOMEM;
    if (!ana__map_put(&series->bands_by, key_of(event), series->bands_count)) {
        free((void *)(uintptr_t)band.text);
        return WEFT_ERR_NOMEM;
    }
    series->bands[series->bands_count++] = band;
    series->bands_on++;
    double *most = &ana__slots_last(&series->slots)->cell[ANA_COLUMN_FAULTS_ON];
    if (!(*most >= series->bands_on)) *most = series->bands_on;
    return WEFT_OK;
}

int ana__bands_event(struct ana_series *series, const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_FAULT_ON) return begin(series, event);
    struct ana_band *band = band_of(series, event);
    if (band == NULL) return WEFT_OK; /* its beginning is not in the trace, or no fault did it */
    if (event->kind == WEFT_TRACE_FAULT_BIT) {
        band->bit++;
    } else if (band->off == WEFT_TIME_NEVER) {
        band->off = event->at;
        series->bands_on--;
    }
    return WEFT_OK;
}
