/* How long until it was as before: of each trouble, each ratio. */
#include "analysis/series_parts.h"

#include "core/base/error.h"

#include <math.h>

/* Good ones of all that ended, by interval; NULL columns: there is no such ratio. */
struct ratio {
    const char *name;
    const double *good, *less, *bad; /* good - less of (good - less) + bad */
};

#define RATIOS 7
#define BEFORE_INTERVALS 10

struct window {
    double good, all, worst; /* worst: of its intervals */
};

static struct window window_of(const struct ratio *ratio, uint32_t from, uint32_t to) {
    struct window window = {0, 0, (double)NAN};
    for (uint32_t i = from; i < to; i++) {
        double good = ratio->good[i] - (ratio->less != NULL ? ratio->less[i] : 0);
        double all = good + ratio->bad[i];
        if (!(all > 0)) continue;
        window.good += good;
        window.all += all;
        if (!(window.worst <= good / all)) window.worst = good / all;
    }
    return window;
}

static uint32_t ratios_of(const struct ana_series *series, struct ratio out[RATIOS]) {
    static const struct {
        const char *name;
        enum ana_column good, bad;
    } operations[] = {{"lookup", ANA_COLUMN_LOOKUP_OK, ANA_COLUMN_LOOKUP_FAILED},
                      {"work_lookup", ANA_COLUMN_WORK_LOOKUP_OK, ANA_COLUMN_WORK_LOOKUP_FAILED},
                      {"put", ANA_COLUMN_PUT_OK, ANA_COLUMN_PUT_FAILED},
                      {"get", ANA_COLUMN_GET_OK, ANA_COLUMN_GET_FAILED},
                      {"announce", ANA_COLUMN_ANNOUNCE_OK, ANA_COLUMN_ANNOUNCE_FAILED},
                      {"peers", ANA_COLUMN_PEERS_OK, ANA_COLUMN_PEERS_FAILED}};
    double *const *columns = series->columns;
    uint32_t count = 0;
    if (columns[ANA_COLUMN_DELIVERY] != NULL)
        out[count++] =
            (struct ratio){"delivery", columns[ANA_COLUMN_PACKETS_RECEIVED],
                           columns[ANA_COLUMN_PACKETS_DUPLICATE], columns[ANA_COLUMN_PACKETS_LOST]};
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (columns[operations[i].good] == NULL) continue;
        out[count++] = (struct ratio){operations[i].name, columns[operations[i].good], NULL,
                                      columns[operations[i].bad]};
    }
    return count;
}

/* The first interval that begins at `at` or later. */
static uint32_t interval_from(const struct ana_series *series, weft_time at) {
    weft_time begin = ana_series_start(series, 0);
    if (series->shown == 0 || at <= begin) return 0;
    int64_t index = (at - begin - 1) / series->slots.interval + 1;
    return index < (int64_t)series->shown ? (uint32_t)index : series->shown;
}

/* The interval that has `at`: those before it ended by then. */
static uint32_t interval_of(const struct ana_series *series, weft_time at) {
    weft_time begin = ana_series_start(series, 0);
    if (series->shown == 0 || at <= begin) return 0;
    int64_t index = (at - begin) / series->slots.interval;
    return index < (int64_t)series->shown ? (uint32_t)index : series->shown;
}

static double share(struct window window) {
    return window.all > 0 ? window.good / window.all : (double)NAN;
}

/* Bands that touch: `bands` of them from `first` on. */
struct trouble {
    uint32_t first, bands;
    weft_time from, until;
    uint32_t earliest; /* the first interval after the trouble before */
    uint32_t begin;    /* the one in which it begins */
    uint32_t healed;   /* the first after it ended */
    uint32_t next;     /* the one in which the next one begins */
};

/* A window slides along: its end goes on until it has enough, its beginning by one each time. */
static weft_duration back(const struct ana_series *series, const struct ratio *ratio,
                          const struct trouble *trouble, const struct ana_recovery *recovery) {
    struct window window = {0, 0, 0};
    if (recovery->until == WEFT_TIME_NEVER || isnan(recovery->before)) return WEFT_TIME_NEVER;
    uint32_t healed = interval_from(series, recovery->until), to = healed;
    for (uint32_t from = healed; from < trouble->next; from++) {
        for (; to < trouble->next && window.all < ANA_RECOVERY_COUNT; to++) {
            struct window more = window_of(ratio, to, to + 1);
            window.good += more.good;
            window.all += more.all;
        }
        if (window.all < ANA_RECOVERY_COUNT) break;
        if (share(window) >= recovery->before - ANA_RECOVERY_POINTS)
            return ana_series_start(series, from) - recovery->until;
        struct window less = window_of(ratio, from, from + 1);
        window.good -= less.good;
        window.all -= less.all;
    }
    return WEFT_TIME_NEVER;
}

static void judge(const struct ana_series *series, const struct ratio *ratio,
                  const struct trouble *trouble, struct ana_recovery *recovery) {
    uint32_t lasted = trouble->healed - trouble->begin;
    uint32_t wanted = lasted > BEFORE_INTERVALS ? lasted : BEFORE_INTERVALS;
    uint32_t from = trouble->begin > wanted ? trouble->begin - wanted : 0;
    if (from < trouble->earliest) from = trouble->earliest;
    recovery->ratio = ratio->name;
    recovery->before = share(window_of(ratio, from, trouble->begin));
    recovery->worst = window_of(ratio, interval_of(series, recovery->from), trouble->next).worst;
    recovery->took = back(series, ratio, trouble, recovery);
}

static struct trouble trouble_of(const struct ana_series *series, uint32_t first,
                                 uint32_t earliest) {
    const struct ana_band *bands = series->bands;
    struct trouble trouble = {first,    1, bands[first].on, bands[first].off,
                              earliest, 0, series->shown,   series->shown};
    uint32_t at = first + 1;
    for (; at < series->bands_count; at++) {
        if (bands[at].on > weft_time_add(trouble.until, series->slots.interval)) break;
        if (bands[at].off > trouble.until) trouble.until = bands[at].off;
        trouble.bands++;
    }
    trouble.begin = interval_of(series, trouble.from);
    if (trouble.until != WEFT_TIME_NEVER) trouble.healed = interval_from(series, trouble.until);
    if (at < series->bands_count) trouble.next = interval_of(series, bands[at].on);
    return trouble;
}

/* The fault of band `at`, in all of the trouble. False: it is known from a band before. */
static bool recovery_of(const struct ana_series *series, const struct trouble *trouble, uint32_t at,
                        struct ana_recovery *recovery) {
    const struct ana_band *bands = series->bands;
    for (uint32_t i = trouble->first; i < at; i++) {
        if (bands[i].fault == bands[at].fault) return false;
    }
    *recovery = (struct ana_recovery){.fault = bands[at].fault,
                                      .name = bands[at].name,
                                      .from = bands[at].on,
                                      .until = bands[at].off,
                                      .band_first = at};
    for (uint32_t i = at; i < trouble->first + trouble->bands; i++) {
        if (bands[i].fault != recovery->fault) continue;
        if (bands[i].off > recovery->until) recovery->until = bands[i].off;
        recovery->bands++;
    }
    return true;
}

static int add(struct ana_series *series, const struct ana_recovery *recovery, uint32_t *room) {
    void *grown =
        ana__grown(series->recoveries, series->recoveries_count, room, sizeof *series->recoveries);
    if (grown == NULL) return WEFT_ERR_NOMEM;
    series->recoveries = grown;
    series->recoveries[series->recoveries_count++] = *recovery;
    return WEFT_OK;
}

int ana__recover(struct ana_series *series) {
    struct ratio ratios[RATIOS];
    struct ana_recovery recovery;
    uint32_t ratios_count = ratios_of(series, ratios), room = 0, earliest = 0;
    for (uint32_t first = 0; first < series->bands_count && ratios_count > 0;) {
        struct trouble trouble = trouble_of(series, first, earliest);
        first += trouble.bands;
        earliest = trouble.healed;
        for (uint32_t at = trouble.first; at < first; at++) {
            if (!recovery_of(series, &trouble, at, &recovery)) continue;
            for (uint32_t i = 0; i < ratios_count; i++) {
                judge(series, &ratios[i], &trouble, &recovery);
                int rv = add(series, &recovery, &room);
                if (rv != WEFT_OK) return rv;
            }
        }
    }
    return WEFT_OK;
}
