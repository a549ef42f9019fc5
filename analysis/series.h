/* Series: what a trace says of its run, in numbers.
 *
 * One pass over the events, in order of time, gives
 *
 *   columns      a number for each interval of time: rates, latencies, gauges (enum ana_column)
 *   histograms   of the whole run: latencies, hops, queries (enum ana_measure)
 *   nodes        a summary of each node
 *   bands        when which fault was on
 *   page         what the run said of itself: checks, works, verdict, hash, how to repeat
 *   recoveries   how long after trouble the mesh was as good as before
 *
 * Memory grows with the nodes and their contacts, not with the trace: about 100 bytes a node, 16 a
 * contact up to ANA_SERIES_EDGES_MAX, and some megabytes.
 *
 * What a trace does not hold is absent, not zero: a column is absent when no event that it is made
 * of could be in the file (its kind was masked), a cell when its interval has nothing to say (no
 * lookup ended: no latency). An absent cell is NAN. */
#ifndef ANALYSIS_SERIES_H
#define ANALYSIS_SERIES_H

#include "analysis/export.h"
#include "analysis/hist.h"

#include <stdbool.h>
#include <stdint.h>

/* At most so many intervals when their length is chosen, and when it is given. */
#define ANA_SERIES_CHOSEN_MAX 600
#define ANA_SERIES_GIVEN_MAX 100000
/* And for the eye: quantiles of shorter intervals are noise to it. */
#define ANA_SERIES_TRENDS_MAX 200
/* More contacts than that at once: `components` and `component_largest` are absent from then on. */
#define ANA_SERIES_EDGES_MAX (4u << 20)
/* Further ones are counted in ana_page.dropped. */
#define ANA_SERIES_BANDS_MAX 65536
#define ANA_SERIES_ROWS_MAX 4096 /* of checks, works, faults and reasons, each; of failures */

enum ana_unit {
    ANA_UNIT_COUNT, /* whole */
    ANA_UNIT_SECONDS,
    ANA_UNIT_BYTES,
    ANA_UNIT_RATIO, /* 0 to 1 */
    ANA_UNIT_MEAN   /* a mean of counts */
};

/* --- columns --- */

/* How a column's intervals become a longer one. */
enum ana_column_role {
    ANA_SUM,    /* happened in the interval */
    ANA_LAST,   /* as of the interval's end; of the last one, before its very end: a run that stops
                   all nodes then had them up */
    ANA_MOST,   /* the most during the interval */
    ANA_DERIVED /* worked out anew: quantiles, means, ratios */
};

/* X(NAME, "name", UNIT, ROLE, "title")
 *
 * An operation `asked` counts where it began; `ok` and `failed`, and the quantiles of how long
 * those that ended OK took, where it ended. */
#define ANA_COLUMNS_OF_OPERATION(X, NAME, name, title)                                             \
    X(NAME##_ASKED, name "_asked", COUNT, SUM, title " asked")                                     \
    X(NAME##_OK, name "_ok", COUNT, SUM, title " ended OK")                                        \
    X(NAME##_FAILED, name "_failed", COUNT, SUM, title " failed")                                  \
    X(NAME##_P50, name "_p50_s", SECONDS, DERIVED, title ", median")                               \
    X(NAME##_P90, name "_p90_s", SECONDS, DERIVED, title ", 90th percentile")                      \
    X(NAME##_P99, name "_p99_s", SECONDS, DERIVED, title ", 99th percentile")                      \
    X(NAME##_MAX, name "_max_s", SECONDS, DERIVED, title ", longest")

#define ANA_COLUMNS(X)                                                                             \
    X(NODES_UP, "nodes_up", COUNT, LAST, "nodes up")                                               \
    X(NODE_UPS, "node_ups", COUNT, SUM, "nodes came up")                                           \
    X(NODE_DOWNS, "node_downs", COUNT, SUM, "nodes went down")                                     \
    X(JOINS, "joins", COUNT, SUM, "nodes joined the DHT")                                          \
    /* lookups of the DHT, those that nodes make by themselves included */                         \
    ANA_COLUMNS_OF_OPERATION(X, LOOKUP, "lookup", "lookups")                                       \
    X(HOPS, "hops_mean", MEAN, DERIVED, "hops of a lookup, mean")                                  \
    X(QUERIES, "queries_mean", MEAN, DERIVED, "queries of a lookup, mean")                         \
    /* what users asked: the workload */                                                           \
    ANA_COLUMNS_OF_OPERATION(X, WORK_LOOKUP, "work_lookup", "lookups of users")                    \
    ANA_COLUMNS_OF_OPERATION(X, PUT, "put", "puts")                                                \
    ANA_COLUMNS_OF_OPERATION(X, GET, "get", "gets")                                                \
    ANA_COLUMNS_OF_OPERATION(X, ANNOUNCE, "announce", "announces")                                 \
    ANA_COLUMNS_OF_OPERATION(X, PEERS, "peers", "gets of peers")                                   \
    /* received: arrivals; duplicates of them: the packet had arrived before, or been lost */      \
    X(PACKETS_SENT, "packets_sent", COUNT, SUM, "packets sent")                                    \
    X(PACKETS_RECEIVED, "packets_received", COUNT, SUM, "packets received")                        \
    X(PACKETS_DUPLICATE, "packets_duplicate", COUNT, SUM, "packets received again")                \
    X(PACKETS_LOST, "packets_lost", COUNT, SUM, "packets lost")                                    \
    X(BYTES_SENT, "bytes_sent", BYTES, SUM, "bytes sent in packets")                               \
    /* arrived first / (arrived first + lost) */                                                   \
    X(DELIVERY, "delivery", RATIO, DERIVED, "packets delivered")                                   \
    X(PACKET_P50, "packet_p50_s", SECONDS, DERIVED, "packets on their way, median")                \
    X(PACKET_P90, "packet_p90_s", SECONDS, DERIVED, "packets on their way, 90th percentile")       \
    X(PACKET_P99, "packet_p99_s", SECONDS, DERIVED, "packets on their way, 99th percentile")       \
    X(PACKET_MAX, "packet_max_s", SECONDS, DERIVED, "packets on their way, longest")               \
    X(RESTARTS, "restarts", COUNT, SUM, "restarts by supervisors")                                 \
    X(PROCESS_FAULTS, "process_faults", COUNT, SUM, "processes that faulted")                      \
    X(GIVE_UPS, "give_ups", COUNT, SUM, "supervisors that gave up")                                \
    X(FAULTS_ON, "faults_on", COUNT, MOST, "faults of the scenario on")                            \
    X(CHECKS_FAILED, "checks_failed", COUNT, SUM, "failures seen by checks")                       \
    /* of the last run.sample in the interval */                                                   \
    X(PROCESSES, "processes", COUNT, LAST, "processes")                                            \
    X(MAILBOX, "mailbox", COUNT, LAST, "messages waiting in mailboxes")                            \
    X(PENDING, "pending", COUNT, LAST, "events waiting in the queue")                              \
    X(BYTES, "bytes", BYTES, LAST, "memory of the nodes")                                          \
    /* the overlay: who has whom in the routing table, dead or alive; of nodes whose DHT is up */  \
    X(DEGREE_MIN, "degree_min", COUNT, LAST, "contacts of a node, fewest")                         \
    X(DEGREE_MEAN, "degree_mean", MEAN, LAST, "contacts of a node, mean")                          \
    X(DEGREE_MAX, "degree_max", COUNT, LAST, "contacts of a node, most")                           \
    /* an edge of either direction connects, when both its ends are up */                          \
    X(COMPONENTS, "components", COUNT, LAST, "connected components of the overlay")                \
    X(COMPONENT_LARGEST, "component_largest", COUNT, LAST, "nodes in the largest component")

enum ana_column {
#define ANA_COLUMN_ENUM(NAME, name, unit, role, title) ANA_COLUMN_##NAME,
    ANA_COLUMNS(ANA_COLUMN_ENUM)
#undef ANA_COLUMN_ENUM
        ANA_COLUMN_COUNT
};

struct ana_column_about {
    const char *name;  /* of the CSV, unit included: "lookup_p50_s" */
    const char *title; /* for people: "lookups, median" */
    enum ana_unit unit;
    enum ana_column_role role;
};

/* Static. column < ANA_COLUMN_COUNT */
const struct ana_column_about *ana_column_about(enum ana_column column);

/* --- measures --- */

/* X(NAME, "name", UNIT, "title"): a histogram each; seconds are held as nanoseconds. */
#define ANA_MEASURES(X)                                                                            \
    X(PACKET, "packet", SECONDS, "packet latency")                                                 \
    X(LOOKUP, "lookup", SECONDS, "lookup latency")                                                 \
    X(WORK_LOOKUP, "work_lookup", SECONDS, "latency of users' lookups")                            \
    X(PUT, "put", SECONDS, "put latency")                                                          \
    X(GET, "get", SECONDS, "get latency")                                                          \
    X(ANNOUNCE, "announce", SECONDS, "announce latency")                                           \
    X(PEERS, "peers", SECONDS, "latency of gets of peers")                                         \
    X(JOIN, "join", SECONDS, "time to join")                                                       \
    X(HOPS, "hops", COUNT, "hops of a lookup")                                                     \
    X(QUERIES, "queries", COUNT, "queries of a lookup")

enum ana_measure {
#define ANA_MEASURE_ENUM(NAME, name, unit, title) ANA_MEASURE_##NAME,
    ANA_MEASURES(ANA_MEASURE_ENUM)
#undef ANA_MEASURE_ENUM
        ANA_MEASURE_COUNT
};

struct ana_measure_about {
    const char *name, *title;
    enum ana_unit unit;
};

/* Static. measure < ANA_MEASURE_COUNT */
const struct ana_measure_about *ana_measure_about(enum ana_measure measure);

/* --- nodes, bands, the page --- */

struct ana_node {
    uint32_t node;
    bool up;                                /* at the end */
    uint32_t ups, downs, crashes;           /* crashes: downs that were not clean */
    uint32_t restarts, faults, give_ups;    /* by its supervisors; processes; supervisors */
    uint64_t packets_out, packets_in, lost; /* lost: of those it sent */
    uint32_t lookups_asked, lookups_ok, lookups_failed;
    uint32_t contacts;       /* in its routing table, at the end; 0 when its DHT is down */
    uint64_t bytes_peak;     /* the most a node.sample told; 0: none did */
    weft_time joined_at;     /* last; WEFT_TIME_NEVER: never */
    weft_duration join_took; /* then; 0 when never */
};

/* One occurrence of a fault. */
struct ana_band {
    uint64_t fault, kind, occurrence;
    const char *name;  /* "partition": the first word of `text`; "" when it has none */
    const char *text;  /* "partition 500|500" */
    weft_time on, off; /* off WEFT_TIME_NEVER: still on at the end */
    uint64_t bit;      /* how often it changed something */
};

struct ana_run_row {                           /* of RUN_FAULT, RUN_CHECK, RUN_WORK */
    uint64_t index, kind, first, second, line; /* first, second: injected, bit; evaluated, failed;
                                                  asked, done */
    const char *name;
};

struct ana_failure { /* of CHECK_FAILED */
    weft_time at;
    uint32_t node;
    uint64_t check;
    const char *text;
};

struct ana_page {
    const char *head; /* the file's "key=value" lines */
    bool ended;       /* RUN_END was there: what follows is known */
    bool held;
    uint64_t run_events, hash_high, hash_low, run_nodes;
    const char *repeat; /* the command; "" when not known */
    const struct ana_run_row *faults, *checks, *works;
    uint32_t faults_count, checks_count, works_count;
    const char *const *reasons;
    uint32_t reasons_count;
    const struct ana_failure *failures;
    uint32_t failures_count;
    weft_time first, last; /* of the events that were read */
    uint64_t events;       /* so many */
    uint64_t damaged;      /* blocks that could not be read */
    uint64_t dropped;      /* bands, rows and failures beyond their limits */
};

/* The value of `key` in the head's lines into `out`, cut to its size. False: no such line. */
bool ana_page_head(const struct ana_page *page, const char *key, char *out, size_t size);

/* --- recoveries --- */

/* Trouble is a longest time in which some fault was on, without a break longer than an interval; a
 * fault that is over at once is a moment of it. For each trouble, each fault in it and each ratio:
 * how good before the trouble (mean over as long before as it lasted, at least ten intervals, not
 * reaching into trouble before), the worst interval from the fault's beginning on, and when it was
 * back after the fault's last end in this trouble: the start of the first window of intervals from
 * then on that has at least ANA_RECOVERY_COUNT observations and is within ANA_RECOVERY_POINTS of
 * before. What comes after the beginning of the next trouble does not count. */
#define ANA_RECOVERY_COUNT 20
#define ANA_RECOVERY_POINTS 0.01

struct ana_recovery {
    uint64_t fault;
    const char *name;      /* as its first band's */
    weft_time from, until; /* the fault in this trouble; until WEFT_TIME_NEVER: it did not end */
    uint32_t band_first, bands; /* the first of ana_series_bands, and how many of this fault */
    const char *ratio;          /* "delivery", "lookup", "put", "get", ... */
    double before, worst;       /* 0 to 1; NAN: nothing was observed */
    weft_duration took;         /* from `until`; WEFT_TIME_NEVER: not seen to be back */
};

/* --- the series --- */

struct ana_series;

struct ana_series_options {
    weft_duration interval; /* 0: chosen, so that there are at most ANA_SERIES_CHOSEN_MAX: 1 ms, 2
                               ms, 10 ms, 20 ms, ... 1 s, 2 s, 10 s, 20 s, 1 min, 2 min, 10 min,
                               20 min, 1 h, ... */
};

/* NULL without memory. `options` NULL: all chosen. */
struct ana_series *ana_series_new(const struct ana_series_options *options);
void ana_series_free(struct ana_series *series);

/* What the file says before its events: the "key=value" lines, and the kinds that it may hold,
 * WEFT_TRACE_BIT each; 0: what the lines say, where "without=KIND,KIND" are those that it does not
 * hold. When neither tells, a column is absent when no event of its kinds was seen. WEFT_ERR_NOMEM
 */
int ana_series_head(struct ana_series *series, const char *head, uint64_t kinds);

/* Add one event, not earlier than the one before.
 *   WEFT_ERR_TOO_BIG  more than ANA_SERIES_GIVEN_MAX intervals of the length that was given
 *   WEFT_ERR_NOMEM */
int ana_series_add(struct ana_series *series, const struct ana_trace_record *record);

/* Work out everything below as of now. More events may be added, and this be called again: what it
 * handed out before is stale then. WEFT_ERR_NOMEM */
int ana_series_settle(struct ana_series *series);

/* All of a trace: new, add, settle. `why` gets one line on an error, with the file's name: as
 * ana_export's. Damaged blocks are counted in the page, and the rest is read. */
struct ana_series_source {
    const char *trace;
    const struct ana_filter *filter; /* NULL: every event */
    struct ana_series_options options;
};
int ana_series_read(const struct ana_series_source *source, struct ana_series **out,
                    char why[ANA_WHY_SIZE]);

/* Make the intervals of a settled series longer, until there are at most `most`: the columns are
 * those of the longer ones then. All else stays, the recoveries as well. An interval that was given
 * stays, too. No event may be added afterwards. WEFT_ERR_NOMEM */
int ana_series_coarsen(struct ana_series *series, uint32_t most);

/* What pictures are drawn from, of a folder that ana_export_csv wrote: as of the trace that was
 * coarsened to ANA_SERIES_TRENDS_MAX. Columns, histograms, bands, whose run it is and how it ended
 * are there; of the nodes only how many there are; checks, works and recoveries are not. `why` gets
 * one line on an error, with the file, and line and column where it is about one.
 *   WEFT_ERR_NOT_FOUND, WEFT_ERR_IO, WEFT_ERR_NOMEM, WEFT_ERR_TOO_BIG, WEFT_ERR_MALFORMED */
int ana_series_read_csv(const char *folder, struct ana_series **out, char why[ANA_WHY_SIZE]);

/* What follows is borrowed from the series and holds until it is added to or freed. */

uint32_t ana_series_count(const struct ana_series *series);         /* of intervals */
weft_duration ana_series_interval(const struct ana_series *series); /* their length */
/* When interval `index` begins: a multiple of the length. It ends where the next begins; the last
 * one includes its end. */
weft_time ana_series_start(const struct ana_series *series, uint32_t index);

/* ana_series_count numbers, NAN where absent; NULL when the column is absent altogether. */
const double *ana_series_column(const struct ana_series *series, enum ana_column column);

/* NULL when nothing was measured. */
const struct ana_hist *ana_series_hist(const struct ana_series *series, enum ana_measure measure);

/* The nodes in order of their numbers; start with *cursor at 0. NULL after the last. */
const struct ana_node *ana_series_next_node(const struct ana_series *series, uint64_t *cursor);
uint32_t ana_series_nodes(const struct ana_series *series);

const struct ana_band *ana_series_bands(const struct ana_series *series, uint32_t *count);
const struct ana_recovery *ana_series_recoveries(const struct ana_series *series, uint32_t *count);
/* The length of the intervals that they were worked out of: they are no finer. */
weft_duration ana_series_recovery_interval(const struct ana_series *series);
const struct ana_page *ana_series_page(const struct ana_series *series);

#endif
