/* Which event goes where. Numbers stand in the order of the table in core/env/trace.h. */
#include "analysis/series_parts.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FLIGHT_MAX (1u << 20) /* packets under way */
#define FLIGHT_AGE WEFT_MIN(1)

static void count(struct ana_series *series, enum ana_column column, double more) {
    ana__slots_last(&series->slots)->cell[column] += more;
}

/* --- measures --- */

static int measure(struct ana_series *series, enum ana_measure measure, uint64_t value) {
    struct ana_hist **hist = &series->hists[measure];
    if (*hist == NULL) *hist = ana_hist_new(ANA_HIST_BITS);
    if (*hist == NULL) return WEFT_ERR_NOMEM;
    int rv = ana_hist_add(*hist, value, 1);
    if (rv != WEFT_OK || measure >= ANA__TIMED) return rv;
    return ana_hist_add(series->slots.now[measure], value, 1);
}

/* --- packets --- */

static bool is_old(void *ctx, const struct ana__map_entry *entry) {
    return *(const weft_time *)ctx - (weft_time)entry->value > FLIGHT_AGE;
}

/* Not told of its end, a packet is forgotten after a while. */
static int depart(struct ana_series *series, uint64_t key, weft_time at) {
    if (series->flight.count >= FLIGHT_MAX) ana__map_sweep(&series->flight, is_old, &at);
    if (series->flight.count >= FLIGHT_MAX) return WEFT_OK;
    return ana__map_put(&series->flight, key, (uint64_t)at) ? WEFT_OK : WEFT_ERR_NOMEM;
}

static uint64_t flight_key(uint32_t sender, uint64_t packet) {
    return ((uint64_t)sender << 32 | (uint32_t)packet) & (UINT64_MAX >> 1);
}

static int packet_sent(struct ana_series *series, const struct weft_trace_event *event,
                       struct ana__node *node) {
    count(series, ANA_COLUMN_PACKETS_SENT, 1);
    count(series, ANA_COLUMN_BYTES_SENT, (double)event->number[1]);
    node->sum.packets_out++;
    return depart(series, flight_key(event->node, event->number[2]), event->at);
}

static int packet_lost(struct ana_series *series, const struct weft_trace_event *event,
                       struct ana__node *node) {
    count(series, ANA_COLUMN_PACKETS_LOST, 1);
    node->sum.lost++;
    ana__map_take(&series->flight, flight_key(event->node, event->number[2]), NULL);
    return WEFT_OK;
}

static int packet_received(struct ana_series *series, const struct weft_trace_event *event,
                           struct ana__node *node) {
    uint64_t sent, key = flight_key((uint32_t)event->number[0], event->number[2]);
    count(series, ANA_COLUMN_PACKETS_RECEIVED, 1);
    node->sum.packets_in++;
    if (ana__map_take(&series->flight, key, &sent))
        return measure(series, ANA_MEASURE_PACKET, (uint64_t)event->at - sent);
    bool from_outside = event->number[2] & WEFT_TRACE_PACKET_IN; /* nobody tells of its sending */
    series->outside = series->outside || from_outside;
    if (!from_outside && series->seen & WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT))
        count(series, ANA_COLUMN_PACKETS_DUPLICATE, 1);
    return WEFT_OK;
}

/* --- operations --- */

struct ending {
    enum ana_column asked; /* its first column */
    enum ana_measure measure;
    int status;
    uint64_t took;
};

static int ended(struct ana_series *series, struct ending ending) {
    bool ok = ending.status == WEFT_OK;
    count(series, (enum ana_column)(ending.asked + (ok ? 1 : 2)), 1);
    return ok ? measure(series, ending.measure, ending.took) : WEFT_OK;
}

/* op kind status values queries replies depth took */
static int lookup_done(struct ana_series *series, const struct weft_trace_event *event,
                       struct ana__node *node) {
    const uint64_t *number = event->number;
    struct ending ending = {ANA_COLUMN_LOOKUP_ASKED, ANA_MEASURE_LOOKUP, (int)(int64_t)number[2],
                            number[7]};
    if (ending.status != WEFT_OK) {
        node->sum.lookups_failed++;
        return ended(series, ending);
    }
    node->sum.lookups_ok++;
    struct ana__slot *slot = ana__slots_last(&series->slots);
    slot->hops += (double)number[6];
    slot->queries += (double)number[4];
    int rv = measure(series, ANA_MEASURE_HOPS, number[6]);
    if (rv == WEFT_OK) rv = measure(series, ANA_MEASURE_QUERIES, number[4]);
    return rv == WEFT_OK ? ended(series, ending) : rv;
}

#define WORK_KINDS (ANA_MEASURE_PEERS - ANA_MEASURE_WORK_LOOKUP + 1)
#define WORK_COLUMNS (ANA_COLUMN_PUT_ASKED - ANA_COLUMN_WORK_LOOKUP_ASKED)

/* The first column of a kind of workload, numbered from 1 as in the columns' order. */
static enum ana_column work_column(uint64_t kind) {
    return (enum ana_column)(ANA_COLUMN_WORK_LOOKUP_ASKED + (kind - 1) * WORK_COLUMNS);
}

static bool is_work(struct ana_series *series, const struct weft_trace_event *event) {
    if (event->number[1] < 1 || event->number[1] > WORK_KINDS) return false;
    series->works_seen |= UINT64_C(1) << (event->number[1] - 1);
    return true;
}

/* work kind op */
static int work_asked(struct ana_series *series, const struct weft_trace_event *event) {
    if (is_work(series, event)) count(series, work_column(event->number[1]), 1);
    return WEFT_OK;
}

/* work kind op status took */
static int work_done(struct ana_series *series, const struct weft_trace_event *event) {
    const uint64_t *number = event->number;
    if (!is_work(series, event)) return WEFT_OK;
    return ended(series,
                 (struct ending){work_column(number[1]),
                                 (enum ana_measure)(ANA_MEASURE_WORK_LOOKUP + number[1] - 1),
                                 (int)(int64_t)number[3], number[4]});
}

/* --- lives --- */

static int node_up(struct ana_series *series, struct ana__node *node) {
    count(series, ANA_COLUMN_NODE_UPS, 1);
    node->sum.ups++;
    if (!node->sum.up) series->nodes.up++;
    node->sum.up = true;
    return WEFT_OK;
}

/* life clean cause */
static int node_down(struct ana_series *series, const struct weft_trace_event *event,
                     struct ana__node *node) {
    count(series, ANA_COLUMN_NODE_DOWNS, 1);
    node->sum.downs++;
    node->sum.crashes += event->number[1] == 0;
    if (node->sum.up) series->nodes.up--;
    node->sum.up = false;
    ana__overlay_down(&series->overlay, node);
    return WEFT_OK;
}

/* took contacts */
static int joined(struct ana_series *series, const struct weft_trace_event *event,
                  struct ana__node *node) {
    count(series, ANA_COLUMN_JOINS, 1);
    node->sum.joined_at = event->at;
    node->sum.join_took = (weft_duration)event->number[0];
    return measure(series, ANA_MEASURE_JOIN, event->number[0]);
}

static bool id_of(struct weft_bytes bytes, weft_id *id) {
    if (bytes.size != WEFT_ID_SIZE) return false;
    memcpy(id->bytes, bytes.data, WEFT_ID_SIZE);
    return true;
}

static int dht(struct ana_series *series, const struct weft_trace_event *event,
               struct ana__node *node) {
    weft_id id;
    bool done = true;
    if (event->kind == WEFT_TRACE_DHT_DOWN)
        ana__overlay_down(&series->overlay, node);
    else if (!id_of(event->bytes, &id))
        return WEFT_OK;
    else if (event->kind == WEFT_TRACE_DHT_UP)
        done = ana__overlay_up(&series->overlay, node, &id);
    else
        done = ana__overlay_contact(&series->overlay, node, &id, event->number[0] != 0);
    return done ? WEFT_OK : WEFT_ERR_NOMEM;
}

/* --- processes --- */

static int process(struct ana_series *series, const struct weft_trace_event *event,
                   struct ana__node *node) {
    if (event->kind == WEFT_TRACE_SUP_RESTART) {
        count(series, ANA_COLUMN_RESTARTS, 1);
        node->sum.restarts++;
    } else if (event->kind == WEFT_TRACE_SUP_GIVE_UP) {
        count(series, ANA_COLUMN_GIVE_UPS, 1);
        node->sum.give_ups++;
    } else if (event->number[3] != 0) { /* proc.exit: pid reason code fault */
        count(series, ANA_COLUMN_PROCESS_FAULTS, 1);
        node->sum.faults++;
    }
    return WEFT_OK;
}

/* nodes procs mailbox pending bytes events */
static int run_sample(struct ana_series *series, const struct weft_trace_event *event) {
    double *cell = ana__slots_last(&series->slots)->cell;
    for (unsigned i = 0; i < 4; i++) cell[ANA_COLUMN_PROCESSES + i] = (double)event->number[1 + i];
    return WEFT_OK;
}

/* procs mailbox timers bytes */
static int node_sample(const struct weft_trace_event *event, struct ana__node *node) {
    if (event->number[3] > node->sum.bytes_peak) node->sum.bytes_peak = event->number[3];
    return WEFT_OK;
}

/* --- the table --- */

#define OF_RUN                                                                                     \
    (WEFT_TRACE_BIT(WEFT_TRACE_RUN_FAULT) | WEFT_TRACE_BIT(WEFT_TRACE_RUN_CHECK) |                 \
     WEFT_TRACE_BIT(WEFT_TRACE_RUN_WORK) | WEFT_TRACE_BIT(WEFT_TRACE_RUN_REASON) |                 \
     WEFT_TRACE_BIT(WEFT_TRACE_RUN_END))
#define OF_NODE                                                                                    \
    (WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT) | WEFT_TRACE_BIT(WEFT_TRACE_PACKET_LOST) |             \
     WEFT_TRACE_BIT(WEFT_TRACE_PACKET_RECEIVED) | WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_START) |        \
     WEFT_TRACE_BIT(WEFT_TRACE_LOOKUP_DONE) | WEFT_TRACE_BIT(WEFT_TRACE_NODE_UP) |                 \
     WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_JOINED) |                \
     WEFT_TRACE_BIT(WEFT_TRACE_DHT_UP) | WEFT_TRACE_BIT(WEFT_TRACE_DHT_DOWN) |                     \
     WEFT_TRACE_BIT(WEFT_TRACE_DHT_CONTACT) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_RESTART) |             \
     WEFT_TRACE_BIT(WEFT_TRACE_SUP_GIVE_UP) | WEFT_TRACE_BIT(WEFT_TRACE_PROC_EXIT) |               \
     WEFT_TRACE_BIT(WEFT_TRACE_NODE_SAMPLE))

static int node_event(struct ana_series *series, const struct weft_trace_event *event) {
    if (event->node == WEFT_TRACE_NODE_NONE) return WEFT_OK;
    struct ana__node *node = ana__nodes_get(&series->nodes, event->node);
    if (node == NULL) return WEFT_ERR_NOMEM;
    if (event->kind == WEFT_TRACE_PACKET_SENT) return packet_sent(series, event, node);
    if (event->kind == WEFT_TRACE_PACKET_RECEIVED) return packet_received(series, event, node);
    if (event->kind == WEFT_TRACE_PACKET_LOST) return packet_lost(series, event, node);
    if (event->kind == WEFT_TRACE_LOOKUP_DONE) return lookup_done(series, event, node);
    if (event->kind == WEFT_TRACE_NODE_UP) return node_up(series, node);
    if (event->kind == WEFT_TRACE_NODE_DOWN) return node_down(series, event, node);
    if (event->kind == WEFT_TRACE_DHT_JOINED) return joined(series, event, node);
    if (event->kind == WEFT_TRACE_NODE_SAMPLE) return node_sample(event, node);
    if (event->kind == WEFT_TRACE_LOOKUP_START) {
        count(series, ANA_COLUMN_LOOKUP_ASKED, 1);
        node->sum.lookups_asked++;
        return WEFT_OK;
    }
    bool of_dht = event->kind == WEFT_TRACE_DHT_UP || event->kind == WEFT_TRACE_DHT_DOWN ||
                  event->kind == WEFT_TRACE_DHT_CONTACT;
    return of_dht ? dht(series, event, node) : process(series, event, node);
}

int ana__event(struct ana_series *series, const struct weft_trace_event *event) {
    uint64_t bit = WEFT_TRACE_BIT(event->kind);
    if (bit & OF_NODE) return node_event(series, event);
    if (bit & OF_RUN) return ana__page_event(series, event);
    if (event->kind == WEFT_TRACE_WORK_ASKED) return work_asked(series, event);
    if (event->kind == WEFT_TRACE_WORK_DONE) return work_done(series, event);
    if (event->kind == WEFT_TRACE_RUN_SAMPLE) return run_sample(series, event);
    if (event->kind == WEFT_TRACE_FAULT_ON || event->kind == WEFT_TRACE_FAULT_OFF ||
        event->kind == WEFT_TRACE_FAULT_BIT)
        return ana__bands_event(series, event);
    if (event->kind == WEFT_TRACE_CHECK_FAILED) {
        count(series, ANA_COLUMN_CHECKS_FAILED, 1);
        return ana__page_event(series, event);
    }
    return WEFT_OK;
}

void ana__gauges(struct ana_series *series, double cells[ANA_COLUMN_COUNT]) {
    struct ana__overlay *overlay = &series->overlay;
    cells[ANA_COLUMN_NODES_UP] = series->nodes.up;
    if (overlay->up == 0) return;
    cells[ANA_COLUMN_DEGREE_MIN] = ana__overlay_degree(overlay, false);
    cells[ANA_COLUMN_DEGREE_MAX] = ana__overlay_degree(overlay, true);
    cells[ANA_COLUMN_DEGREE_MEAN] = (double)overlay->contacts / overlay->up;
    if (!ana__overlay_count(overlay, &series->nodes, false)) return;
    cells[ANA_COLUMN_COMPONENTS] = overlay->components;
    cells[ANA_COLUMN_COMPONENT_LARGEST] = overlay->largest;
}
