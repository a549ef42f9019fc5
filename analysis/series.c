/* A run in numbers: its columns, worked out of the intervals. */
#include "analysis/series_parts.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_OF_S 1e9

static const struct ana_column_about columns[ANA_COLUMN_COUNT] = {
#define ABOUT(NAME, name, unit, role, title)                                                       \
    [ANA_COLUMN_##NAME] = {name, title, ANA_UNIT_##unit, ANA_##role},
    ANA_COLUMNS(ABOUT)
#undef ABOUT
};

static const struct ana_measure_about measures[ANA_MEASURE_COUNT] = {
#define ABOUT(NAME, name, unit, title) [ANA_MEASURE_##NAME] = {name, title, ANA_UNIT_##unit},
    ANA_MEASURES(ABOUT)
#undef ABOUT
};

const struct ana_column_about *ana_column_about(enum ana_column column) {
    WEFT_ASSERT(column < ANA_COLUMN_COUNT);
    return &columns[column];
}

const struct ana_measure_about *ana_measure_about(enum ana_measure measure) {
    WEFT_ASSERT(measure < ANA_MEASURE_COUNT);
    return &measures[measure];
}

void *ana__grown(void *list, uint32_t count, uint32_t *room, size_t size) {
    if (count < *room) return list;
    uint32_t more = *room == 0 ? 16 : *room * 2;
    void *grown = realloc(list, more * size);
    if (grown != NULL) *room = more;
    return grown;
}

struct ana_series *ana_series_new(const struct ana_series_options *options) {
    struct ana_series *series = calloc(1, sizeof *series);
    if (series == NULL) return NULL;
    ana__overlay_init(&series->overlay);
    static const struct ana_series_options all_chosen;
    if (ana__slots_init(&series->slots, options != NULL ? options : &all_chosen) == WEFT_OK)
        return series;
    ana_series_free(series);
    return NULL;
}

static void free_columns(struct ana_series *series) {
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        free(series->columns[i]);
        series->columns[i] = NULL;
    }
}

static void free_recoveries(struct ana_series *series) {
    free(series->recoveries);
    series->recoveries = NULL;
    series->recoveries_count = 0;
}

void ana_series_free(struct ana_series *series) {
    if (series == NULL) return;
    free_columns(series);
    free_recoveries(series);
    ana__slots_deinit(&series->slots);
    ana__nodes_deinit(&series->nodes);
    ana__overlay_deinit(&series->overlay);
    ana__map_free(&series->flight);
    ana__map_free(&series->bands_by);
    for (unsigned i = 0; i < ANA_MEASURE_COUNT; i++) ana_hist_free(series->hists[i]);
    for (uint32_t i = 0; i < series->bands_count; i++)
        free((void *)(uintptr_t)series->bands[i].text);
    free(series->bands);
    ana__page_deinit(series);
    free(series);
}

int ana_series_head(struct ana_series *series, const char *head, uint64_t kinds) {
    char *copy = ana__text(weft_bytes_text(head));
    if (copy == NULL) return WEFT_ERR_NOMEM;
    free(series->head);
    series->head = copy;
    series->told = kinds != 0 ? kinds : ana__kinds_told(copy);
    return WEFT_OK;
}

/* --- events --- */

/* The interval is over: the next one, or the one that has `at`. */
static int move_on(struct ana_series *series, weft_time at) {
    double gauges[ANA_COLUMN_COUNT];
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) gauges[i] = (double)NAN;
    ana__gauges(series, gauges);
    gauges[ANA_COLUMN_FAULTS_ON] = series->bands_on;
    if (series->slots.any) {
        ana__gauges(series, ana__slots_last(&series->slots)->cell);
        int rv = ana__slots_close(&series->slots);
        if (rv != WEFT_OK) return rv;
    }
    return ana__slots_reach(&series->slots, at, gauges);
}

int ana_series_add(struct ana_series *series, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    WEFT_ASSERT(event->at >= 0 && event->at >= series->slots.last);
    if (series->page.events++ == 0) series->page.first = event->at;
    if (!ana__slots_has(&series->slots, event->at)) {
        int rv = move_on(series, event->at);
        if (rv != WEFT_OK) return rv;
    }
    series->slots.last = event->at;
    if (event->kind >= WEFT_TRACE_KIND_COUNT) return WEFT_OK; /* of another build */
    series->seen |= WEFT_TRACE_BIT(event->kind);
    return ana__event(series, event);
}

/* --- which columns there are --- */

#define B(NAME) WEFT_TRACE_BIT(WEFT_TRACE_##NAME)
#define OF_SUP                                                                                     \
    (B(SUP_UP) | B(SUP_CHILD_ADDED) | B(SUP_CHILD_UP) | B(SUP_CHILD_DOWN) | B(SUP_RESTART) |       \
     B(SUP_GIVE_UP))

/* What a column is made of. `all` must be there; of `any` one, which says that kinds like it are
 * written, though nothing may have happened. */
struct made_of {
    uint64_t all, any;
};

static struct made_of of_packets(enum ana_column column) {
    uint64_t any = B(PACKET_SENT) | B(PACKET_RECEIVED) | B(PACKET_LOST);
    if (column == ANA_COLUMN_PACKETS_LOST) return (struct made_of){B(PACKET_LOST), any};
    if (column == ANA_COLUMN_PACKETS_SENT || column == ANA_COLUMN_BYTES_SENT)
        return (struct made_of){B(PACKET_SENT), any};
    if (column == ANA_COLUMN_PACKETS_RECEIVED) return (struct made_of){B(PACKET_RECEIVED), any};
    if (column == ANA_COLUMN_DELIVERY)
        return (struct made_of){B(PACKET_RECEIVED) | B(PACKET_LOST), any};
    return (struct made_of){B(PACKET_SENT) | B(PACKET_RECEIVED), any};
}

static struct made_of of_lookups(enum ana_column column) {
    if (column == ANA_COLUMN_LOOKUP_ASKED) return (struct made_of){B(LOOKUP_START), 0};
    return (struct made_of){B(LOOKUP_DONE), 0};
}

static bool within(enum ana_column column, enum ana_column first, enum ana_column last) {
    return column >= first && column <= last;
}

static struct made_of made_of(enum ana_column column) {
    if (within(column, ANA_COLUMN_PACKETS_SENT, ANA_COLUMN_PACKET_MAX)) return of_packets(column);
    if (within(column, ANA_COLUMN_LOOKUP_ASKED, ANA_COLUMN_QUERIES)) return of_lookups(column);
    if (within(column, ANA_COLUMN_WORK_LOOKUP_ASKED, ANA_COLUMN_PEERS_MAX))
        return (struct made_of){0, B(WORK_ASKED) | B(WORK_DONE)};
    if (within(column, ANA_COLUMN_NODES_UP, ANA_COLUMN_NODE_DOWNS))
        return (struct made_of){0, B(NODE_UP) | B(NODE_DOWN)};
    if (within(column, ANA_COLUMN_PROCESSES, ANA_COLUMN_BYTES))
        return (struct made_of){B(RUN_SAMPLE), 0};
    if (within(column, ANA_COLUMN_DEGREE_MIN, ANA_COLUMN_COMPONENT_LARGEST))
        return (struct made_of){B(DHT_CONTACT) | B(DHT_UP), 0};
    if (column == ANA_COLUMN_JOINS) return (struct made_of){0, B(DHT_JOINED) | B(DHT_UP)};
    if (column == ANA_COLUMN_RESTARTS) return (struct made_of){B(SUP_RESTART), OF_SUP};
    if (column == ANA_COLUMN_GIVE_UPS) return (struct made_of){B(SUP_GIVE_UP), OF_SUP};
    if (column == ANA_COLUMN_PROCESS_FAULTS)
        return (struct made_of){B(PROC_EXIT), B(PROC_START) | B(PROC_EXIT)};
    if (column == ANA_COLUMN_FAULTS_ON)
        return (struct made_of){B(FAULT_ON), B(FAULT_ON) | B(NODE_UP)};
    return (struct made_of){B(CHECK_FAILED), B(CHECK_FAILED) | B(RUN_CHECK)};
}

/* When the file says what it may hold, that decides; else what was seen. */
static bool is_there(const struct ana_series *series, enum ana_column column) {
    struct made_of of = made_of(column);
    if (series->outside && (column == ANA_COLUMN_DELIVERY || column == ANA_COLUMN_PACKETS_LOST ||
                            column == ANA_COLUMN_PACKETS_DUPLICATE))
        return false; /* what was sent to them, and by them, may have been lost */
    if (within(column, ANA_COLUMN_WORK_LOOKUP_ASKED, ANA_COLUMN_PEERS_MAX)) {
        unsigned kind = (column - ANA_COLUMN_WORK_LOOKUP_ASKED) /
                        (ANA_COLUMN_PUT_ASKED - ANA_COLUMN_WORK_LOOKUP_ASKED);
        return series->works_seen >> kind & 1;
    }
    bool seen = (of.any != 0 ? series->seen & of.any : 0) ||
                (of.all != 0 && (series->seen & of.all) == of.all);
    if (series->told == 0) return seen;
    return of.all != 0 ? (series->told & of.all) == of.all : (series->told & of.any) != 0;
}

/* --- cells --- */

static double ratio(double part, double of) { return of > 0 ? part / of : (double)NAN; }

static double quantile(const struct ana__slot *slot, enum ana_measure measure, double share) {
    uint64_t ns;
    return ana__slot_quantile(slot, measure, share, &ns) ? (double)ns / NS_OF_S : (double)NAN;
}

static void quantiles(const struct ana__slot *slot, enum ana_measure measure, double out[4]) {
    out[0] = quantile(slot, measure, 0.5);
    out[1] = quantile(slot, measure, 0.9);
    out[2] = quantile(slot, measure, 0.99);
    out[3] = quantile(slot, measure, 1);
}

/* The DERIVED ones; the cells of an operation's quantiles follow one another. */
static void derive(const struct ana__slot *slot, double cell[ANA_COLUMN_COUNT]) {
    const double *sum = slot->cell;
    memcpy(cell, sum, sizeof slot->cell);
    quantiles(slot, ANA_MEASURE_PACKET, cell + ANA_COLUMN_PACKET_P50);
    quantiles(slot, ANA_MEASURE_LOOKUP, cell + ANA_COLUMN_LOOKUP_P50);
    quantiles(slot, ANA_MEASURE_WORK_LOOKUP, cell + ANA_COLUMN_WORK_LOOKUP_P50);
    quantiles(slot, ANA_MEASURE_PUT, cell + ANA_COLUMN_PUT_P50);
    quantiles(slot, ANA_MEASURE_GET, cell + ANA_COLUMN_GET_P50);
    quantiles(slot, ANA_MEASURE_ANNOUNCE, cell + ANA_COLUMN_ANNOUNCE_P50);
    quantiles(slot, ANA_MEASURE_PEERS, cell + ANA_COLUMN_PEERS_P50);
    cell[ANA_COLUMN_HOPS] = ratio(slot->hops, sum[ANA_COLUMN_LOOKUP_OK]);
    cell[ANA_COLUMN_QUERIES] = ratio(slot->queries, sum[ANA_COLUMN_LOOKUP_OK]);
    double first = sum[ANA_COLUMN_PACKETS_RECEIVED] - sum[ANA_COLUMN_PACKETS_DUPLICATE];
    cell[ANA_COLUMN_DELIVERY] = ratio(first, first + sum[ANA_COLUMN_PACKETS_LOST]);
}

/* The last two slots as one, whose gauges are as before the last instant. */
static int derive_joined(const struct ana__slots *slots, double cell[ANA_COLUMN_COUNT]) {
    struct ana__slot both = slots->list[slots->count - 2];
    int rv = WEFT_OK;
    memset(both.timed, 0, sizeof both.timed);
    for (uint32_t i = slots->count - 2; i < slots->count && rv == WEFT_OK; i++) {
        struct ana__slot part = slots->list[i];
        for (unsigned column = 0; column < ANA_COLUMN_COUNT && i < slots->count - 1; column++)
            part.cell[column] = (double)NAN; /* those of `both` itself */
        if (i < slots->count - 1) part.hops = part.queries = 0;
        rv = ana__slot_add(&both, &part);
    }
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        double before = slots->list[slots->count - 2].cell[i];
        if (columns[i].role == ANA_LAST && !isnan(before)) both.cell[i] = before;
    }
    derive(&both, cell);
    for (unsigned i = 0; i < ANA__TIMED; i++) free(both.timed[i].list);
    return rv;
}

static void put_cells(struct ana_series *series, uint32_t index,
                      const double cell[ANA_COLUMN_COUNT]) {
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        if (series->columns[i] != NULL) series->columns[i][index] = cell[i];
    }
}

/* A column that has nothing to say is not there. */
static void drop_empty(struct ana_series *series) {
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        uint32_t at = 0;
        if (series->columns[i] == NULL) continue;
        while (at < series->shown && isnan(series->columns[i][at])) at++;
        if (at < series->shown) continue;
        free(series->columns[i]);
        series->columns[i] = NULL;
    }
}

static int fill_columns(struct ana_series *series, bool joins) {
    const struct ana__slots *slots = &series->slots;
    series->shown = slots->count - joins;
    if (series->shown == 0) return WEFT_OK;
    for (unsigned i = 0; i < ANA_COLUMN_COUNT; i++) {
        if (!is_there(series, (enum ana_column)i)) continue;
        series->columns[i] = malloc(series->shown * sizeof(double));
        if (series->columns[i] == NULL) return WEFT_ERR_NOMEM;
    }
    double cell[ANA_COLUMN_COUNT];
    for (uint32_t i = 0; i + 1 < series->shown; i++) {
        derive(&slots->list[i], cell);
        put_cells(series, i, cell);
    }
    int rv = WEFT_OK;
    if (joins)
        rv = derive_joined(slots, cell);
    else
        derive(&slots->list[series->shown - 1], cell);
    put_cells(series, series->shown - 1, cell);
    drop_empty(series);
    return rv;
}

/* The nodes' sums, and what they were up to at the end. */
static void fill_page(struct ana_series *series) {
    struct ana_page *page = &series->page;
    page->head = series->head != NULL ? series->head : "";
    page->repeat = series->repeat != NULL ? series->repeat : "";
    page->faults = series->faults;
    page->checks = series->checks;
    page->works = series->works;
    page->reasons = (const char *const *)series->reasons;
    page->failures = series->failures;
    page->last = series->slots.last;
}

int ana_series_settle(struct ana_series *series) {
    bool joins = false;
    int rv = WEFT_OK;
    free_columns(series);
    free_recoveries(series);
    if (series->slots.any) {
        ana__overlay_count(&series->overlay, &series->nodes, true);
        ana__gauges(series, ana__slots_last(&series->slots)->cell);
        rv = ana__slots_close(&series->slots);
        if (rv == WEFT_OK) rv = ana__slots_trim(&series->slots, &joins);
    }
    if (rv == WEFT_OK) rv = fill_columns(series, joins);
    fill_page(series);
    series->recovery_interval = series->slots.interval;
    return rv == WEFT_OK ? ana__recover(series) : rv;
}

int ana_series_coarsen(struct ana_series *series, uint32_t most) {
    bool joins = false;
    if (!series->slots.chosen || series->shown <= most) return WEFT_OK;
    int rv = ana__slots_limit(&series->slots, most);
    if (rv == WEFT_OK) rv = ana__slots_trim(&series->slots, &joins);
    free_columns(series);
    return rv == WEFT_OK ? fill_columns(series, joins) : rv;
}

/* --- what is there --- */

uint32_t ana_series_count(const struct ana_series *series) { return series->shown; }

weft_duration ana_series_interval(const struct ana_series *series) {
    return series->slots.interval;
}

weft_time ana_series_start(const struct ana_series *series, uint32_t index) {
    return (series->slots.first + (int64_t)index) * series->slots.interval;
}

const double *ana_series_column(const struct ana_series *series, enum ana_column column) {
    return series->columns[column];
}

const struct ana_hist *ana_series_hist(const struct ana_series *series, enum ana_measure measure) {
    return series->hists[measure];
}

const struct ana_node *ana_series_next_node(const struct ana_series *series, uint64_t *cursor) {
    const struct ana__nodes *nodes = &series->nodes;
    for (uint64_t at = *cursor; at < (uint64_t)nodes->chunks_room * ANA__CHUNK; at++) {
        const struct ana__node *chunk = nodes->chunks[at / ANA__CHUNK];
        if (chunk == NULL) {
            at |= ANA__CHUNK - 1;
        } else if (chunk[at % ANA__CHUNK].seen) {
            *cursor = at + 1;
            return &chunk[at % ANA__CHUNK].sum;
        }
    }
    return NULL;
}

uint32_t ana_series_nodes(const struct ana_series *series) { return series->nodes.count; }

const struct ana_band *ana_series_bands(const struct ana_series *series, uint32_t *count) {
    *count = series->bands_count;
    return series->bands;
}

const struct ana_recovery *ana_series_recoveries(const struct ana_series *series, uint32_t *count) {
    *count = series->recoveries_count;
    return series->recoveries;
}

weft_duration ana_series_recovery_interval(const struct ana_series *series) {
    return series->recovery_interval;
}

const struct ana_page *ana_series_page(const struct ana_series *series) { return &series->page; }
