/* Inside of the series: its parts, a file each.
 *
 *   series_slots.c    intervals, and how they become longer ones
 *   series_nodes.c    the nodes
 *   series_overlay.c  who knows whom
 *   series_flight.c   packets under way
 *   series_bands.c    faults
 *   series_page.c     what the run said of itself
 *   series_events.c   which event goes to which of them
 *   series_recover.c  how long until it was as before
 *   series_read.c     from a file
 *   series_csv.c      from a folder of CSV */
#ifndef ANALYSIS_SERIES_PARTS_H
#define ANALYSIS_SERIES_PARTS_H

#include "analysis/map.h"
#include "analysis/series.h"

#include "core/base/id.h"

/* --- intervals --- */

/* What of a histogram is not empty, in order of value. */
struct ana__sparse {
    struct ana__pile {
        uint64_t value, times;
    } * list;
    uint32_t count;
    uint64_t max;
};

/* Measures with quantiles for each interval. */
#define ANA__TIMED (ANA_MEASURE_PEERS + 1)

/* A number for each column, by its role; DERIVED ones are worked out when the series is settled. */
struct ana__slot {
    double cell[ANA_COLUMN_COUNT];
    struct ana__sparse timed[ANA__TIMED];
    double hops, queries; /* sums, of lookups that ended OK */
};

struct ana__slots {
    weft_duration interval;
    uint32_t most;
    bool chosen; /* the interval may become longer */
    bool any;
    int64_t first; /* the start of slot 0, in intervals */
    struct ana__slot *list;
    uint32_t count, room;
    struct ana_hist *now[ANA__TIMED]; /* of the last slot, beside what its `timed` has */
    weft_time last;                   /* the latest event */
};

/* --- nodes --- */

#define ANA__CHUNK 1024u
#define ANA__PEER_NONE UINT32_MAX

/* What is known of a node while the trace goes by. */
struct ana__node {
    struct ana_node sum;
    bool seen, dht_up;
    uint32_t life; /* of its routing table: contacts of another one are gone */
    uint32_t peer; /* its id's number, of overlay.peers */
};

struct ana__nodes {
    struct ana__node **chunks; /* by node / ANA__CHUNK, NULL where nobody is */
    uint32_t chunks_room;
    uint32_t count, up;
};

/* --- overlay --- */

#define ANA__DEGREE_MAX 4096u

/* I1  counts[d] of the nodes whose DHT is up have d contacts (ANA__DEGREE_MAX: so many or more).
 * I2  unless `dirty`, the forest's trees are the components: an entry of `edges` whose value has
 *     ANA__EDGE_TREE joined two of them. */
struct ana__overlay {
    struct ana__map ids; /* a hash of an id -> its number */
    uint32_t *holders;   /* by number: the node whose DHT is up with it, or ANA__PEER_NONE */
    uint32_t *parents;   /* by number: the forest */
    uint32_t *sizes;     /* by number, of roots */
    uint32_t peers_count, peers_room;
    struct ana__map edges; /* owner's node << 32 | number of the contact's id -> life | flags */
    uint32_t counts[ANA__DEGREE_MAX + 1];
    uint32_t degree_most; /* nobody ever had more */
    uint32_t up;          /* nodes whose DHT is up */
    uint64_t contacts;    /* of them all */
    uint32_t components, largest;
    bool dirty, lost; /* lost: more edges than ANA_SERIES_EDGES_MAX */
    int64_t credit;   /* how many edges may be looked at */
};

#define ANA__EDGE_TREE (UINT64_C(1) << 32)

/* --- all of it --- */

struct ana_series {
    uint64_t seen;       /* kinds, a bit each */
    uint64_t told;       /* kinds that the file's head says are in it; 0: it says nothing */
    uint64_t works_seen; /* kinds of work, a bit each */
    bool outside;        /* packets came from nodes that the trace does not tell of */
    struct ana__slots slots;
    struct ana__nodes nodes;
    struct ana__overlay overlay;
    struct ana__map flight; /* sender << 32 | packet -> when it was sent */
    struct ana_hist *hists[ANA_MEASURE_COUNT];

    struct ana_band *bands;
    uint32_t bands_count, bands_room, bands_on;
    struct ana__map bands_by; /* fault << 32 | occurrence -> index */

    struct ana_page page; /* its lists are those below */
    char *head, *repeat;
    struct ana_run_row *faults, *checks, *works;
    uint32_t faults_room, checks_room, works_room;
    char **reasons;
    uint32_t reasons_room;
    struct ana_failure *failures;
    uint32_t failures_room;

    /* worked out by settle */
    uint32_t shown;                    /* intervals */
    double *columns[ANA_COLUMN_COUNT]; /* of `shown` each; NULL: absent */
    struct ana_recovery *recoveries;
    uint32_t recoveries_count;
    weft_duration recovery_interval;
};

/* Room for one more of `size` bytes each in `list` of `count`; the list that has it, or NULL
 * without memory: then the old one still stands. */
void *ana__grown(void *list, uint32_t count, uint32_t *room, size_t size);

/* --- series_slots.c --- */

int ana__slots_init(struct ana__slots *slots, const struct ana_series_options *options);
void ana__slots_deinit(struct ana__slots *slots);
/* Whether `at` is in the last slot; if not, series must be closed and moved on. */
static inline bool ana__slots_has(const struct ana__slots *slots, weft_time at) {
    return slots->any &&
           at < (slots->first + (int64_t)slots->count) * slots->interval; /* not before: in order */
}
/* The last slot is over: what happened in it is put into its place, its gauges have been set. */
int ana__slots_close(struct ana__slots *slots);
/* Make slots up to the one that has `at`. Each between is empty, its SUM cells 0, and the others
 * those of `gauges`. WEFT_ERR_TOO_BIG, WEFT_ERR_NOMEM */
int ana__slots_reach(struct ana__slots *slots, weft_time at, const double gauges[ANA_COLUMN_COUNT]);
static inline struct ana__slot *ana__slots_last(struct ana__slots *slots) {
    return &slots->list[slots->count - 1];
}
/* The quantile of a slot's measure in nanoseconds; false when it has none. */
bool ana__slot_quantile(const struct ana__slot *slot, enum ana_measure measure, double share,
                        uint64_t *out);
/* Add what happened later. WEFT_ERR_NOMEM */
int ana__slot_add(struct ana__slot *into, const struct ana__slot *later);
/* Before they are shown: *joins tells whether the last one has only what happened as it began, and
 * is to be shown as a part of the one before. WEFT_ERR_TOO_BIG, WEFT_ERR_NOMEM */
int ana__slots_trim(struct ana__slots *slots, bool *joins);
/* Make them longer until no more than `limit` are to be shown, and then trim them. WEFT_ERR_NOMEM
 */
int ana__slots_limit(struct ana__slots *slots, uint32_t limit);

/* --- series_bands.c: one band --- */

/* Set its text, and its name, in one piece of memory that begins at `text`. False without memory.
 */
bool ana__band_name(struct ana_band *band, struct weft_bytes text);

/* --- series_nodes.c --- */

/* Node `number`, made when it is not there. NULL without memory. */
struct ana__node *ana__nodes_get(struct ana__nodes *nodes, uint32_t number);
void ana__nodes_deinit(struct ana__nodes *nodes);

/* --- series_overlay.c --- */

void ana__overlay_init(struct ana__overlay *overlay);
void ana__overlay_deinit(struct ana__overlay *overlay);
/* False without memory. */
bool ana__overlay_up(struct ana__overlay *overlay, struct ana__node *node, const weft_id *id);
void ana__overlay_down(struct ana__overlay *overlay, struct ana__node *node);
bool ana__overlay_contact(struct ana__overlay *overlay, struct ana__node *node, const weft_id *peer,
                          bool on);
/* Bring components up to date, if that is not too much for now. False: it is. */
bool ana__overlay_count(struct ana__overlay *overlay, struct ana__nodes *nodes, bool at_any_cost);
uint32_t ana__overlay_degree(const struct ana__overlay *overlay, bool most);

/* --- series_bands.c --- */

int ana__bands_event(struct ana_series *series, const struct weft_trace_event *event);

/* --- series_page.c --- */

int ana__page_event(struct ana_series *series, const struct weft_trace_event *event);
/* The kinds that a file with this head may hold; 0: it does not say. */
uint64_t ana__kinds_told(const char *head);
void ana__page_deinit(struct ana_series *series);
/* A copy of bytes as text, NUL added. NULL without memory. */
char *ana__text(struct weft_bytes bytes);

/* --- series_events.c --- */

int ana__event(struct ana_series *series, const struct weft_trace_event *event);
/* Set what is as of now into the cells of role LAST. */
void ana__gauges(struct ana_series *series, double cells[ANA_COLUMN_COUNT]);

/* --- series_read.c --- */

/* Before events: only those that the filter lets through will be added. */
void ana__series_filter(struct ana_series *series, const struct ana_filter *filter);

/* --- series_recover.c --- */

int ana__recover(struct ana_series *series);

#endif
