/* Intervals. They begin short, and become longer as a trace turns out to be long: so that one pass
 * is enough, and the memory is bounded. */
#include "analysis/series_parts.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TIMED_BITS 8 /* a quantile of an interval is off by less than a hundredth */

/* Each a multiple of the one before, so that short intervals make up longer ones; beyond the last,
 * twice as long. */
static const weft_duration lengths[] = {WEFT_MS(1),   WEFT_MS(2),    WEFT_MS(10),  WEFT_MS(20),
                                        WEFT_MS(100), WEFT_MS(200),  WEFT_S(1),    WEFT_S(2),
                                        WEFT_S(10),   WEFT_S(20),    WEFT_MIN(1),  WEFT_MIN(2),
                                        WEFT_MIN(10), WEFT_MIN(20),  WEFT_HOUR(1), WEFT_HOUR(2),
                                        WEFT_HOUR(6), WEFT_HOUR(12), WEFT_HOUR(24)};

int ana__slots_init(struct ana__slots *slots, const struct ana_series_options *options) {
    bool given = options->interval > 0;
    *slots = (struct ana__slots){.interval = given ? options->interval : lengths[0],
                                 .most = given ? ANA_SERIES_GIVEN_MAX : ANA_SERIES_CHOSEN_MAX,
                                 .chosen = !given};
    for (unsigned i = 0; i < ANA__TIMED; i++) {
        slots->now[i] = ana_hist_new(TIMED_BITS);
        if (slots->now[i] == NULL) return WEFT_ERR_NOMEM;
    }
    return WEFT_OK;
}

static void slot_deinit(struct ana__slot *slot) {
    for (unsigned i = 0; i < ANA__TIMED; i++) free(slot->timed[i].list);
}

void ana__slots_deinit(struct ana__slots *slots) {
    for (uint32_t i = 0; i < slots->count; i++) slot_deinit(&slots->list[i]);
    for (unsigned i = 0; i < ANA__TIMED; i++) ana_hist_free(slots->now[i]);
    free(slots->list);
}

/* Make `list` of `into` the sum of both. */
static int sparse_add(struct ana__sparse *into, const struct ana__sparse *from) {
    if (from->count == 0) return WEFT_OK;
    struct ana__pile *sum = malloc((into->count + from->count) * sizeof *sum);
    if (sum == NULL) return WEFT_ERR_NOMEM;
    uint32_t a = 0, b = 0, count = 0;
    while (a < into->count || b < from->count) {
        bool both = a < into->count && b < from->count;
        if (both && into->list[a].value == from->list[b].value) {
            sum[count] = into->list[a++];
            sum[count++].times += from->list[b++].times;
        } else if (b == from->count || (both && into->list[a].value < from->list[b].value)) {
            sum[count++] = into->list[a++];
        } else {
            sum[count++] = from->list[b++];
        }
    }
    free(into->list);
    into->list = sum;
    into->count = count;
    if (from->max > into->max) into->max = from->max;
    return WEFT_OK;
}

static int sparse_add_hist(struct ana__sparse *into, const struct ana_hist *hist) {
    struct ana__sparse from = {NULL, 0, ana_hist_max(hist)};
    struct ana_hist_bucket bucket;
    uint64_t cursor = 0;
    uint32_t room = 0;
    int rv = WEFT_OK;
    while (rv == WEFT_OK && ana_hist_next(hist, 0, &cursor, &bucket)) {
        void *grown = ana__grown(from.list, from.count, &room, sizeof *from.list);
        if (grown == NULL) {
            rv = WEFT_ERR_NOMEM;
            break;
        }
        from.list = grown;
        from.list[from.count++] = (struct ana__pile){bucket.to, bucket.count};
    }
    if (rv == WEFT_OK) rv = sparse_add(into, &from);
    free(from.list);
    return rv;
}

int ana__slots_close(struct ana__slots *slots) {
    struct ana__slot *slot = ana__slots_last(slots);
    for (unsigned i = 0; i < ANA__TIMED; i++) {
        if (ana_hist_count(slots->now[i]) == 0) continue;
        int rv = sparse_add_hist(&slot->timed[i], slots->now[i]);
        if (rv != WEFT_OK) return rv;
        ana_hist_clear(slots->now[i]);
    }
    return WEFT_OK;
}

int ana__slot_add(struct ana__slot *into, const struct ana__slot *later) {
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        double value = later->cell[i];
        if (isnan(value)) continue;
        enum ana_column_role role = ana_column_about((enum ana_column)i)->role;
        if (role == ANA_SUM)
            into->cell[i] += value;
        else if (role != ANA_MOST || isnan(into->cell[i]) || value > into->cell[i])
            into->cell[i] = value;
    }
    into->hops += later->hops;
    into->queries += later->queries;
    for (unsigned i = 0; i < ANA__TIMED; i++) {
        int rv = sparse_add(&into->timed[i], &later->timed[i]);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

static weft_duration longer(weft_duration interval) {
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if (lengths[i] > interval) return lengths[i];
    }
    return interval * 2;
}

/* The slots as ones of the next length. */
static int coarsen(struct ana__slots *slots) {
    weft_duration interval = longer(slots->interval);
    int64_t ratio = interval / slots->interval, first = slots->first / ratio;
    WEFT_ASSERT(interval % slots->interval == 0);
    uint32_t made = 0;
    int rv = WEFT_OK;
    for (uint32_t i = 0; i < slots->count; i++) {
        struct ana__slot *slot = &slots->list[i];
        uint32_t to = (uint32_t)((slots->first + i) / ratio - first);
        if (to < made) {
            if (rv == WEFT_OK) rv = ana__slot_add(&slots->list[to], slot);
            slot_deinit(slot);
        } else {
            slots->list[made++] = *slot;
        }
    }
    slots->count = made;
    slots->first = first;
    slots->interval = interval;
    return rv;
}

static int push(struct ana__slots *slots, const double gauges[ANA_COLUMN_COUNT]) {
    void *grown = ana__grown(slots->list, slots->count, &slots->room, sizeof *slots->list);
    if (grown == NULL) return WEFT_ERR_NOMEM;
    slots->list = grown;
    struct ana__slot *slot = &slots->list[slots->count++];
    memset(slot, 0, sizeof *slot);
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        enum ana_column_role role = ana_column_about((enum ana_column)i)->role;
        slot->cell[i] = role == ANA_SUM ? 0 : gauges[i];
    }
    return WEFT_OK;
}

/* One more than are shown, since the last may be one that begins with the last event. */
static int64_t most(const struct ana__slots *slots) { return (int64_t)slots->most + 1; }

int ana__slots_reach(struct ana__slots *slots, weft_time at,
                     const double gauges[ANA_COLUMN_COUNT]) {
    if (!slots->any) {
        slots->first = at / slots->interval;
        slots->any = true;
    }
    while (at / slots->interval - slots->first >= most(slots)) {
        if (!slots->chosen) return WEFT_ERR_TOO_BIG;
        int rv = coarsen(slots);
        if (rv != WEFT_OK) return rv;
    }
    while (slots->first + (int64_t)slots->count <= at / slots->interval) {
        int rv = push(slots, gauges);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

int ana__slots_trim(struct ana__slots *slots, bool *joins) {
    *joins = false;
    if (slots->count < 2) return WEFT_OK;
    weft_time last = (slots->first + (int64_t)slots->count - 1) * slots->interval;
    *joins = slots->last == last;
    if (*joins || (int64_t)slots->count < most(slots)) return WEFT_OK;
    return slots->chosen ? coarsen(slots) : WEFT_ERR_TOO_BIG;
}

int ana__slots_limit(struct ana__slots *slots, uint32_t limit) {
    int rv = WEFT_OK;
    slots->most = limit;
    while (rv == WEFT_OK && (int64_t)slots->count > most(slots)) rv = coarsen(slots);
    return rv;
}

bool ana__slot_quantile(const struct ana__slot *slot, enum ana_measure measure, double share,
                        uint64_t *out) {
    const struct ana__sparse *sparse = &slot->timed[measure];
    uint64_t count = 0, seen = 0;
    for (uint32_t i = 0; i < sparse->count; i++) count += sparse->list[i].times;
    if (count == 0) return false;
    uint64_t rank = ana_rank(share, count);
    uint32_t at = 0;
    while (at + 1 < sparse->count && (seen += sparse->list[at].times) < rank) at++;
    *out = sparse->list[at].value < sparse->max ? sparse->list[at].value : sparse->max;
    return true;
}
