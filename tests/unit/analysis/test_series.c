#include "analysis/series.h"
#include "core/base/error.h"
#include "core/base/id.h"
#include "tests/harness/harness.h"

#include <math.h>
#include <stdlib.h>

/* --- telling --- */

struct told {
    weft_time at;
    uint32_t node;
    enum weft_trace_kind kind;
    uint64_t number[WEFT_TRACE_NUMBERS];
    const char *text;
};

static void tell(struct ana_series *series, struct told told) {
    struct ana_trace_record record = {
        .event = {.at = told.at, .node = told.node, .kind = told.kind},
        .name = weft_trace_kind_name(told.kind),
        .fields = weft_trace_kind_fields(told.kind)};
    memcpy(record.event.number, told.number, sizeof told.number);
    if (told.text != NULL) record.event.bytes = weft_bytes_text(told.text);
    CHECK_EQ_INT(ana_series_add(series, &record), WEFT_OK);
}

static void tell_id(struct ana_series *series, struct told told, unsigned char id) {
    weft_id whole;
    struct ana_trace_record record = {
        .event = {.at = told.at, .node = told.node, .kind = told.kind}};
    memset(&whole, id, sizeof whole);
    memcpy(record.event.number, told.number, sizeof told.number);
    record.event.bytes = weft_bytes(&whole, sizeof whole);
    CHECK_EQ_INT(ana_series_add(series, &record), WEFT_OK);
}

#define NOTHING .text = NULL
#define TELL(series_, ms, node_, KIND, ...)                                                        \
    tell(series_, (struct told){                                                                   \
                      .at = WEFT_MS(ms), .node = (node_), .kind = WEFT_TRACE_##KIND, __VA_ARGS__})
#define TELL_ID(series_, ms, node_, KIND, id, ...)                                                 \
    tell_id(                                                                                       \
        series_,                                                                                   \
        (struct told){.at = WEFT_MS(ms), .node = (node_), .kind = WEFT_TRACE_##KIND, __VA_ARGS__}, \
        id)
#define NONE WEFT_TRACE_NODE_NONE

static struct ana_series *of_seconds(void) {
    const struct ana_series_options options = {.interval = WEFT_S(1)};
    struct ana_series *series = ana_series_new(&options);
    CHECK(series != NULL);
    return series;
}

/* Absent: -1; an absent cell: -2. */
static double cell(const struct ana_series *series, enum ana_column column, uint32_t index) {
    const double *cells = ana_series_column(series, column);
    if (cells == NULL || index >= ana_series_count(series)) return -1;
    return isnan(cells[index]) ? -2 : cells[index];
}

#define CELL(column, index) cell(series, ANA_COLUMN_##column, index)

static void settle(struct ana_series *series) { CHECK_EQ_INT(ana_series_settle(series), WEFT_OK); }

/* --- intervals --- */

static void an_empty_one_has_nothing(void) {
    struct ana_series *series = of_seconds();
    uint64_t cursor = 0;
    uint32_t count;
    settle(series);
    CHECK_EQ_UINT(ana_series_count(series), 0);
    CHECK(ana_series_column(series, ANA_COLUMN_NODES_UP) == NULL);
    CHECK(ana_series_hist(series, ANA_MEASURE_PACKET) == NULL);
    CHECK(ana_series_next_node(series, &cursor) == NULL);
    CHECK(ana_series_bands(series, &count) == NULL && count == 0);
    CHECK(!ana_series_page(series)->ended);
    ana_series_free(series);
}

static void events_are_counted_where_they_happen(void) {
    struct ana_series *series = of_seconds();
    TELL(series, 0, 0, NODE_UP, NOTHING);
    TELL(series, 999, 1, NODE_UP, NOTHING);
    TELL(series, 1000, 2, NODE_UP, NOTHING);
    TELL(series, 3500, 1, NODE_DOWN, .number = {1, 0, 2});
    settle(series);
    CHECK_EQ_UINT(ana_series_count(series), 4);
    CHECK(CELL(NODE_UPS, 0) == 2);
    CHECK(CELL(NODE_UPS, 1) == 1);
    CHECK(CELL(NODE_UPS, 2) == 0);
    CHECK(CELL(NODES_UP, 0) == 2);
    CHECK(CELL(NODES_UP, 2) == 3);
    CHECK(CELL(NODES_UP, 3) == 2);
    CHECK(CELL(NODE_DOWNS, 3) == 1);
    ana_series_free(series);
}

/* The end of a run belongs to its last interval, whose gauges are as before it. */
static void the_last_interval_has_its_end(void) {
    struct ana_series *series = of_seconds();
    TELL(series, 0, 0, NODE_UP, NOTHING);
    TELL(series, 2000, 0, NODE_DOWN, .number = {1, 1, 1});
    settle(series);
    CHECK_EQ_UINT(ana_series_count(series), 2);
    CHECK(CELL(NODE_DOWNS, 1) == 1);
    CHECK(CELL(NODES_UP, 1) == 1);
    TELL(series, 2001, 0, NODE_UP, NOTHING);
    settle(series);
    CHECK_EQ_UINT(ana_series_count(series), 3);
    CHECK(CELL(NODE_DOWNS, 1) == 0);
    CHECK(CELL(NODE_DOWNS, 2) == 1);
    ana_series_free(series);
}

/* Whatever the length, sums stay what they are and quantiles are those of longer intervals. */
static void intervals_become_longer_and_sums_stay(void) {
    struct ana_series *series = ana_series_new(NULL);
    for (int i = 0; i < 3000; i++) {
        TELL(series, i * 100, 0, LOOKUP_START, NOTHING);
        TELL(series, i * 100, 0, LOOKUP_DONE,
             .number = {0, 1, 0, 0, 4, 4, 2, (uint64_t)WEFT_MS(i % 10 + 1)});
    }
    settle(series);
    CHECK_EQ_INT(ana_series_interval(series), WEFT_S(1));
    CHECK_EQ_UINT(ana_series_count(series), 300);
    for (uint32_t i = 0; i < 300; i++) {
        CHECK(CELL(LOOKUP_ASKED, i) == 10);
        CHECK(fabs(CELL(LOOKUP_P50, i) - 0.005) <= 0.005 / 100);
        CHECK(CELL(LOOKUP_MAX, i) == 0.010);
        CHECK(CELL(HOPS, i) == 2);
        CHECK(CELL(QUERIES, i) == 4);
    }
    ana_series_free(series);
}

static void chosen_intervals_are_at_most_600(void) {
    static const struct {
        weft_time end;
        uint32_t count;
        weft_duration interval;
    } cases[] = {{WEFT_MS(600), 600, WEFT_MS(1)},
                 {WEFT_MS(600) + 1, 301, WEFT_MS(2)},
                 {WEFT_S(120), 600, WEFT_MS(200)},
                 {WEFT_S(121), 121, WEFT_S(1)},
                 {WEFT_HOUR(24), 144, WEFT_MIN(10)},
                 {WEFT_HOUR(24 * 365), 365, WEFT_HOUR(24)},
                 {INT64_MAX - 1, 417, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ana_series *series = ana_series_new(NULL);
        tell(series, (struct told){.at = 0, .kind = WEFT_TRACE_NODE_UP});
        tell(series, (struct told){.at = cases[i].end, .node = 1, .kind = WEFT_TRACE_NODE_UP});
        settle(series);
        CHECK_EQ_UINT(ana_series_count(series), cases[i].count);
        if (cases[i].interval > 0) CHECK_EQ_INT(ana_series_interval(series), cases[i].interval);
        CHECK(CELL(NODE_UPS, 0) == 1);
        CHECK(CELL(NODE_UPS, ana_series_count(series) - 1) == 1);
        ana_series_free(series);
    }
}

/* A recovery of a second is one of a second, though its columns are ten times as long then. */
static void what_is_made_coarser_keeps_sums_and_recoveries(void) {
    struct ana_series *series = ana_series_new(NULL);
    for (int i = 0; i < 5000; i++) {
        const uint64_t broken = (uint64_t)(int64_t)WEFT_ERR_TIMEOUT;
        bool bad = i >= 2000 && i < 2110;
        if (i == 2000) TELL(series, i * 100, NONE, FAULT_ON, .text = "crash 1");
        if (i == 2100) TELL(series, i * 100, NONE, FAULT_OFF, NOTHING);
        TELL(series, i * 100, 0, LOOKUP_START, NOTHING);
        for (int k = 0; k < 10; k++)
            TELL(series, i * 100, 0, LOOKUP_DONE,
                 .number = {0, 1, bad ? broken : 0, 0, 4, 4, 2, (uint64_t)WEFT_MS(i % 100 + 1)});
    }
    settle(series);
    CHECK_EQ_INT(ana_series_interval(series), WEFT_S(1));
    uint32_t count, later_count;
    const struct ana_recovery *before = ana_series_recoveries(series, &count);
    REQUIRE(count == 1);
    const weft_duration took = before->took;
    const double worst = before->worst;
    CHECK_EQ_INT(took, WEFT_S(1));
    CHECK_EQ_INT(ana_series_coarsen(series, 500), WEFT_OK);
    CHECK_EQ_UINT(ana_series_count(series), 500);
    CHECK_EQ_INT(ana_series_coarsen(series, 200), WEFT_OK);
    CHECK_EQ_INT(ana_series_interval(series), WEFT_S(10));
    CHECK_EQ_UINT(ana_series_count(series), 50);
    for (uint32_t i = 0; i < 50; i++) {
        CHECK(CELL(LOOKUP_ASKED, i) == 100);
        CHECK(CELL(LOOKUP_OK, i) + CELL(LOOKUP_FAILED, i) == 1000);
        if (i < 20) CHECK(fabs(CELL(LOOKUP_P50, i) - 0.050) <= 0.050 / 100);
    }
    const struct ana_recovery *after = ana_series_recoveries(series, &later_count);
    REQUIRE(later_count == 1);
    CHECK_EQ_INT(after->took, took);
    CHECK(after->worst == worst);
    CHECK_EQ_INT(ana_series_recovery_interval(series), WEFT_S(1));
    ana_series_free(series);
}

static void a_given_interval_is_not_made_coarser(void) {
    struct ana_series *series = of_seconds();
    TELL(series, 0, 0, NODE_UP, NOTHING);
    TELL(series, 20500, 1, NODE_UP, NOTHING);
    settle(series);
    CHECK_EQ_INT(ana_series_coarsen(series, 10), WEFT_OK);
    CHECK_EQ_UINT(ana_series_count(series), 21);
    ana_series_free(series);
}

static void a_trace_need_not_begin_at_zero(void) {
    struct ana_series *series = of_seconds();
    TELL(series, 7300, 0, NODE_UP, NOTHING);
    TELL(series, 9100, 1, NODE_UP, NOTHING);
    settle(series);
    CHECK_EQ_UINT(ana_series_count(series), 3);
    CHECK_EQ_INT(ana_series_start(series, 0), WEFT_S(7));
    CHECK_EQ_INT(ana_series_page(series)->first, WEFT_MS(7300));
    ana_series_free(series);
}

static void too_many_intervals_of_a_given_length_are_refused(void) {
    const struct ana_series_options options = {.interval = WEFT_MS(1)};
    struct ana_series *series = ana_series_new(&options);
    struct ana_trace_record record = {.event = {.kind = WEFT_TRACE_NODE_UP}};
    CHECK_EQ_INT(ana_series_add(series, &record), WEFT_OK);
    record.event.at = WEFT_MS(ANA_SERIES_GIVEN_MAX) + WEFT_S(1);
    CHECK_EQ_INT(ana_series_add(series, &record), WEFT_ERR_TOO_BIG);
    ana_series_free(series);
}

/* --- packets --- */

static void packets_are_followed_from_their_sender(void) {
    struct ana_series *series = of_seconds();
    TELL(series, 0, 1, PACKET_SENT, .number = {2, 100, 1});
    TELL(series, 0, 2, PACKET_SENT, .number = {1, 50, 1}); /* the same number, another sender */
    TELL(series, 20, 2, PACKET_RECEIVED, .number = {1, 100, 1});
    TELL(series, 25, 2, PACKET_RECEIVED, .number = {1, 100, 1}); /* again */
    TELL(series, 30, 2, PACKET_LOST, .number = {1, 50, 1, 1});
    TELL(series, 1500, 1, PACKET_SENT, .number = {2, 100, 2}); /* under way to the end */
    settle(series);
    CHECK(CELL(PACKETS_SENT, 0) == 2);
    CHECK(CELL(PACKETS_RECEIVED, 0) == 2);
    CHECK(CELL(PACKETS_DUPLICATE, 0) == 1);
    CHECK(CELL(PACKETS_LOST, 0) == 1);
    CHECK(CELL(BYTES_SENT, 0) == 150);
    CHECK(CELL(DELIVERY, 0) == 0.5);
    CHECK(CELL(PACKET_P50, 0) == 0.020);
    CHECK(CELL(DELIVERY, 1) == -2);
    CHECK(CELL(PACKET_P50, 1) == -2);
    CHECK_EQ_UINT(ana_hist_count(ana_series_hist(series, ANA_MEASURE_PACKET)), 1);
    CHECK_EQ_UINT(ana_hist_max(ana_series_hist(series, ANA_MEASURE_PACKET)), WEFT_MS(20));
    uint64_t cursor = 0;
    const struct ana_node *node = ana_series_next_node(series, &cursor);
    REQUIRE(node != NULL);
    CHECK_EQ_UINT(node->node, 1);
    CHECK_EQ_UINT(node->packets_out, 2);
    CHECK_EQ_UINT(node->packets_in, 0);
    node = ana_series_next_node(series, &cursor);
    REQUIRE(node != NULL);
    CHECK_EQ_UINT(node->packets_in, 2);
    CHECK_EQ_UINT(node->lost, 1);
    ana_series_free(series);
}

/* --- operations --- */

static void operations_end_ok_or_fail(void) {
    const uint64_t failed = (uint64_t)(int64_t)WEFT_ERR_NOT_FOUND;
    struct ana_series *series = of_seconds();
    TELL(series, 0, 1, WORK_ASKED, .number = {0, 3, 1});
    TELL(series, 100, 1, WORK_ASKED, .number = {0, 3, 2});
    TELL(series, 300, 1, WORK_DONE, .number = {0, 3, 1, 0, (uint64_t)WEFT_MS(300)});
    TELL(series, 1100, 1, WORK_DONE, .number = {0, 3, 2, failed, (uint64_t)WEFT_S(1)});
    TELL(series, 1200, 1, WORK_ASKED, .number = {0, 9, 3}); /* of a kind nobody knows */
    settle(series);
    CHECK(CELL(GET_ASKED, 0) == 2);
    CHECK(CELL(GET_OK, 0) == 1);
    CHECK(CELL(GET_FAILED, 0) == 0);
    CHECK(CELL(GET_FAILED, 1) == 1);
    CHECK(CELL(GET_MAX, 0) == 0.3);
    CHECK(CELL(GET_MAX, 1) == -2);
    CHECK(CELL(PUT_ASKED, 0) == -1);
    CHECK(ana_series_hist(series, ANA_MEASURE_PUT) == NULL);
    ana_series_free(series);
}

/* --- absent or zero --- */

static void what_is_not_in_the_file_is_absent(void) {
    struct ana_series *series = of_seconds();
    TELL(series, 0, 1, SUP_UP, NOTHING);
    TELL(series, 0, 1, NODE_UP, NOTHING);
    settle(series);
    CHECK(CELL(RESTARTS, 0) == 0); /* supervisors are told of, and restarted nothing */
    CHECK(CELL(LOOKUP_OK, 0) == -1);
    CHECK(CELL(PROCESSES, 0) == -1);
    CHECK(CELL(COMPONENTS, 0) == -1);
    ana_series_free(series);
}

static void the_head_decides_what_can_be_there(void) {
    struct ana_series *series = of_seconds();
    CHECK_EQ_INT(ana_series_head(series, "seed=1\nwithout=sup.restart,packet.lost\n", 0), WEFT_OK);
    TELL(series, 0, 1, SUP_UP, NOTHING);
    TELL(series, 0, 1, PACKET_SENT, .number = {2, 100, 1});
    TELL(series, 20, 2, PACKET_RECEIVED, .number = {1, 100, 1});
    settle(series);
    CHECK(CELL(RESTARTS, 0) == -1);
    CHECK(CELL(PACKETS_LOST, 0) == -1);
    CHECK(CELL(DELIVERY, 0) == -1);
    CHECK(CELL(PACKETS_RECEIVED, 0) == 1);
    CHECK(CELL(LOOKUP_FAILED, 0) == 0); /* none failed, and it would have been told */
    char seed[8];
    CHECK(ana_page_head(ana_series_page(series), "seed", seed, sizeof seed));
    CHECK_EQ_TEXT(seed, "1");
    CHECK(!ana_page_head(ana_series_page(series), "see", seed, sizeof seed));
    ana_series_free(series);
}

/* --- the overlay --- */

/* Nodes 0 to 3 have ids 1 to 4. */
static struct ana_series *four_nodes(void) {
    struct ana_series *series = of_seconds();
    for (uint32_t node = 0; node < 4; node++)
        TELL_ID(series, 0, node, DHT_UP, (unsigned char)(node + 1), .number = {0, 0, 8});
    return series;
}

static void components_join_and_fall_apart(void) {
    struct ana_series *series = four_nodes();
    TELL_ID(series, 0, 0, DHT_CONTACT, 2, .number = {1});
    TELL_ID(series, 1000, 2, DHT_CONTACT, 4, .number = {1}); /* 0-1, 2-3 */
    TELL_ID(series, 2000, 3, DHT_CONTACT, 1, .number = {1}); /* all */
    TELL_ID(series, 2500, 1, DHT_CONTACT, 1, .number = {1}); /* again, the other way */
    TELL_ID(series, 3000, 3, DHT_CONTACT, 1, .number = {0}); /* 0-1, 2-3 */
    TELL_ID(series, 4000, 0, DHT_CONTACT, 2, .number = {0}); /* still known the other way */
    TELL(series, 5000, 1, NODE_DOWN, .number = {1, 0, 2});
    TELL_ID(series, 6000, 1, DHT_UP, 2, .number = {0, 0, 8}); /* with nobody in its table */
    TELL_ID(series, 7000, 0, DHT_CONTACT, 2, .number = {1});
    TELL_ID(series, 8500, 2, DHT_DOWN, 3, NOTHING);
    settle(series);
    static const double components[] = {3, 2, 1, 2, 2, 2, 3, 2, 2},
                        largest[] = {2, 2, 4, 2, 2, 2, 2, 2, 2};
    CHECK_EQ_UINT(ana_series_count(series), 9);
    for (uint32_t i = 0; i < 9; i++) {
        CHECK(CELL(COMPONENTS, i) == components[i]);
        CHECK(CELL(COMPONENT_LARGEST, i) == largest[i]);
    }
    ana_series_free(series);
}

static void degrees_are_contacts_of_who_is_up(void) {
    struct ana_series *series = four_nodes();
    TELL_ID(series, 0, 0, DHT_CONTACT, 2, .number = {1});
    TELL_ID(series, 0, 0, DHT_CONTACT, 2, .number = {1}); /* told twice */
    TELL_ID(series, 0, 0, DHT_CONTACT, 3, .number = {1});
    TELL_ID(series, 0, 0, DHT_CONTACT, 77, .number = {1}); /* of no node that ever was up */
    TELL_ID(series, 0, 1, DHT_CONTACT, 1, .number = {1});
    TELL(series, 1000, 0, NODE_DOWN, .number = {1, 0, 2});
    TELL(series, 2500, 3, NODE_UP, NOTHING);
    settle(series);
    CHECK(CELL(DEGREE_MIN, 0) == 0);
    CHECK(CELL(DEGREE_MAX, 0) == 3);
    CHECK(CELL(DEGREE_MEAN, 0) == 1);
    CHECK(CELL(DEGREE_MAX, 1) == 1);
    CHECK(fabs(CELL(DEGREE_MEAN, 1) - 1.0 / 3) < 1e-12);
    uint64_t cursor = 0;
    CHECK_EQ_UINT(ana_series_next_node(series, &cursor)->contacts, 0);
    CHECK_EQ_UINT(ana_series_next_node(series, &cursor)->contacts, 1);
    ana_series_free(series);
}

/* Beside the plain way: all edges, all nodes, every time. */
enum { NODES = 40, STEPS = 4000 };

struct model {
    bool up[NODES], edge[NODES][NODES];
};

static int reach_all(const struct model *model, bool seen[NODES], int from) {
    int stack[NODES], depth = 1, size = 1;
    stack[0] = from;
    seen[from] = true;
    while (depth > 0) {
        int at = stack[--depth];
        for (int to = 0; to < NODES; to++) {
            bool joined = model->edge[at][to] || model->edge[to][at];
            if (!joined || seen[to] || !model->up[to]) continue;
            seen[to] = true;
            stack[depth++] = to;
            size++;
        }
    }
    return size;
}

static void check_model(const struct ana_series *series, const struct model *model,
                        uint32_t index) {
    bool seen[NODES] = {false};
    int components = 0, largest = 0;
    for (int node = 0; node < NODES; node++) {
        if (!model->up[node] || seen[node]) continue;
        int size = reach_all(model, seen, node);
        if (size > largest) largest = size;
        components++;
    }
    if (components == 0) return;
    CHECK(CELL(COMPONENTS, index) == components);
    CHECK(CELL(COMPONENT_LARGEST, index) == largest);
}

static void step(struct ana_series *series, struct model *model, uint64_t drawn, int ms) {
    uint32_t a = (uint32_t)(drawn % NODES), b = (uint32_t)((drawn >> 8) % NODES);
    unsigned what = (unsigned)((drawn >> 16) % 40);
    if (what == 0 && model->up[a]) {
        TELL(series, ms, a, NODE_DOWN, .number = {1, 0, 2});
        model->up[a] = false;
        memset(model->edge[a], 0, sizeof model->edge[a]);
    } else if (what < 4 && !model->up[a]) {
        TELL_ID(series, ms, a, DHT_UP, (unsigned char)(a + 1), .number = {0, 0, 8});
        model->up[a] = true;
    } else if (model->up[a] && a != b) {
        bool on = what < 12;
        TELL_ID(series, ms, a, DHT_CONTACT, (unsigned char)(b + 1), .number = {on});
        model->edge[a][b] = on;
    }
}

static void components_are_those_of_a_plain_search(void) {
    struct ana_series *series = of_seconds();
    static struct model models[STEPS / 10], model;
    uint64_t state = 3;
    memset(&model, 0, sizeof model);
    for (int i = 0; i < STEPS; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        TELL(series, i * 100, NONE, LOG, .number = {3});
        step(series, &model, state >> 33, i * 100);
        if (i % 10 == 9) models[i / 10] = model;
    }
    settle(series);
    CHECK_EQ_UINT(ana_series_count(series), STEPS / 10);
    for (uint32_t i = 0; i < STEPS / 10; i++) check_model(series, &models[i], i);
    ana_series_free(series);
}

/* --- faults --- */

static void bands_have_their_times_and_names(void) {
    struct ana_series *series = of_seconds();
    uint32_t count;
    TELL(series, 0, 0, NODE_UP, NOTHING);
    TELL(series, 1500, NONE, FAULT_ON, .number = {4, 1, 0}, .text = "partition 2|2");
    TELL(series, 1700, NONE, FAULT_ON, .number = {5, 3, 2}, .text = "crash 7");
    TELL(series, 1700, 7, FAULT_BIT, .number = {5, 3, 2});
    TELL(series, 1800, 7, FAULT_BIT, .number = {5, 3, 3}); /* of no occurrence that is known */
    TELL(series, 3500, NONE, FAULT_OFF, .number = {4, 1, 0});
    TELL(series, 3600, 2, FAULT_BIT, .number = {4, 1, 0}); /* late */
    settle(series);
    const struct ana_band *bands = ana_series_bands(series, &count);
    REQUIRE(count == 2);
    CHECK_EQ_TEXT(bands[0].name, "partition");
    CHECK_EQ_TEXT(bands[0].text, "partition 2|2");
    CHECK_EQ_INT(bands[0].off, WEFT_MS(3500));
    CHECK_EQ_UINT(bands[0].bit, 1);
    CHECK_EQ_INT(bands[1].off, WEFT_TIME_NEVER);
    CHECK_EQ_UINT(bands[1].bit, 1);
    CHECK(CELL(FAULTS_ON, 0) == 0);
    CHECK(CELL(FAULTS_ON, 1) == 2);
    CHECK(CELL(FAULTS_ON, 2) == 2);
    CHECK(CELL(FAULTS_ON, 3) == 2);
    ana_series_free(series);
}

/* A second of 40 packets, `lost` of them. */
static void packets(struct ana_series *series, int second, int lost) {
    for (int i = 0; i < 40; i++) {
        uint64_t packet = (uint64_t)(second * 40 + i);
        TELL(series, second * 1000 + i, 1, PACKET_SENT, .number = {2, 10, packet});
        if (i < lost)
            TELL(series, second * 1000 + i, 1, PACKET_LOST, .number = {2, 10, packet});
        else
            TELL(series, second * 1000 + i, 2, PACKET_RECEIVED, .number = {1, 10, packet});
    }
}

static void recovery_is_from_the_end_of_the_fault(void) {
    struct ana_series *series = of_seconds();
    uint32_t count;
    for (int second = 0; second < 30; second++) {
        if (second == 15)
            TELL(series, 15000, NONE, FAULT_ON, .number = {0, 1, 0}, .text = "partition");
        if (second == 20) TELL(series, 20000, NONE, FAULT_OFF, .number = {0, 1, 0});
        packets(series, second, second < 15 ? 2 : second < 20 ? 30 : second < 23 ? 10 : 2);
    }
    settle(series);
    const struct ana_recovery *recoveries = ana_series_recoveries(series, &count);
    REQUIRE(count == 1);
    CHECK_EQ_TEXT(recoveries[0].name, "partition");
    CHECK_EQ_TEXT(recoveries[0].ratio, "delivery");
    CHECK(recoveries[0].before == 0.95);
    CHECK(recoveries[0].worst == 0.25);
    CHECK_EQ_INT(recoveries[0].from, WEFT_S(15));
    CHECK_EQ_INT(recoveries[0].until, WEFT_S(20));
    CHECK_EQ_INT(recoveries[0].took, WEFT_S(3));
    ana_series_free(series);
}

static void what_was_not_back_before_the_next_trouble_is_not_back(void) {
    struct ana_series *series = of_seconds();
    uint32_t count;
    for (int second = 0; second < 30; second++) {
        if (second == 10)
            TELL(series, 10000, NONE, FAULT_ON, .number = {0, 1, 0}, .text = "partition");
        if (second == 12) TELL(series, 12000, NONE, FAULT_OFF, .number = {0, 1, 0});
        if (second == 15)
            TELL(series, 15000, NONE, FAULT_ON, .number = {1, 3, 0}, .text = "crash 1");
        packets(series, second, second < 10 ? 0 : second < 16 ? 20 : 0);
    }
    settle(series);
    const struct ana_recovery *recoveries = ana_series_recoveries(series, &count);
    REQUIRE(count == 2);
    CHECK_EQ_INT(recoveries[0].took, WEFT_TIME_NEVER);
    CHECK_EQ_INT(recoveries[1].until, WEFT_TIME_NEVER); /* the crash is not over */
    CHECK_EQ_INT(recoveries[1].took, WEFT_TIME_NEVER);
    ana_series_free(series);
}

/* --- the page --- */

static void the_page_is_what_the_run_said(void) {
    struct ana_series *series = of_seconds();
    TELL(series, 500, 3, CHECK_FAILED, .number = {1}, .text = "node 3: lost");
    TELL(series, 1000, NONE, RUN_FAULT, .number = {0, 1, 2, 1, 9}, .text = "partition");
    TELL(series, 1000, NONE, RUN_CHECK, .number = {1, 50, 1, 12}, .text = "tables");
    TELL(series, 1000, NONE, RUN_WORK, .number = {0, 3, 70, 69, 5}, .text = "get");
    TELL(series, 1000, NONE, RUN_REASON, .text = "tables: node 3: lost");
    TELL(series, 1000, NONE, RUN_END, .number = {0, 1234, 0xab, 0xcd, 4}, .text = "weft run x");
    settle(series);
    const struct ana_page *page = ana_series_page(series);
    CHECK(page->ended && !page->held);
    CHECK_EQ_UINT(page->run_events, 1234);
    CHECK_EQ_UINT(page->hash_high, 0xab);
    CHECK_EQ_TEXT(page->repeat, "weft run x");
    REQUIRE(page->faults_count == 1 && page->checks_count == 1 && page->works_count == 1);
    CHECK_EQ_TEXT(page->faults[0].name, "partition");
    CHECK_EQ_UINT(page->faults[0].second, 1);
    CHECK_EQ_UINT(page->checks[0].first, 50);
    CHECK_EQ_UINT(page->checks[0].line, 12);
    CHECK_EQ_UINT(page->works[0].second, 69);
    REQUIRE(page->reasons_count == 1 && page->failures_count == 1);
    CHECK_EQ_TEXT(page->reasons[0], "tables: node 3: lost");
    CHECK_EQ_UINT(page->failures[0].node, 3);
    CHECK(CELL(CHECKS_FAILED, 0) == 1);
    ana_series_free(series);
}

/* --- bounds --- */

/* Node numbers are as in the file, odd ones too. */
static void odd_numbers_of_nodes_cost_little(void) {
    struct ana_series *series = of_seconds();
    uint64_t cursor = 0;
    TELL(series, 0, 4000000000u, NODE_UP, NOTHING);
    TELL(series, 0, 5, NODE_UP, NOTHING);
    settle(series);
    CHECK_EQ_UINT(ana_series_nodes(series), 2);
    CHECK_EQ_UINT(ana_series_next_node(series, &cursor)->node, 5);
    CHECK_EQ_UINT(ana_series_next_node(series, &cursor)->node, 4000000000u);
    CHECK(ana_series_next_node(series, &cursor) == NULL);
    ana_series_free(series);
}

static void packets_that_never_end_are_forgotten(void) {
    struct ana_series *series = of_seconds();
    for (uint64_t i = 0; i < 1100000; i++)
        tell(series, (struct told){.at = (weft_time)i * WEFT_MS(1),
                                   .node = 1,
                                   .kind = WEFT_TRACE_PACKET_SENT,
                                   .number = {2, 1, i}});
    TELL(series, 1100000, 2, PACKET_RECEIVED, .number = {1, 1, 1099999});
    settle(series);
    REQUIRE(ana_series_hist(series, ANA_MEASURE_PACKET) != NULL);
    CHECK_EQ_UINT(ana_hist_max(ana_series_hist(series, ANA_MEASURE_PACKET)), WEFT_MS(1));
    ana_series_free(series);
}

TEST_MAIN("analysis/series", TEST(an_empty_one_has_nothing),
          TEST(events_are_counted_where_they_happen), TEST(the_last_interval_has_its_end),
          TEST(intervals_become_longer_and_sums_stay), TEST(chosen_intervals_are_at_most_600),
          TEST(what_is_made_coarser_keeps_sums_and_recoveries),
          TEST(a_given_interval_is_not_made_coarser), TEST(a_trace_need_not_begin_at_zero),
          TEST(too_many_intervals_of_a_given_length_are_refused),
          TEST(packets_are_followed_from_their_sender), TEST(operations_end_ok_or_fail),
          TEST(what_is_not_in_the_file_is_absent), TEST(the_head_decides_what_can_be_there),
          TEST(components_join_and_fall_apart), TEST(degrees_are_contacts_of_who_is_up),
          TEST(components_are_those_of_a_plain_search), TEST(bands_have_their_times_and_names),
          TEST(recovery_is_from_the_end_of_the_fault),
          TEST(what_was_not_back_before_the_next_trouble_is_not_back),
          TEST(the_page_is_what_the_run_said), TEST(odd_numbers_of_nodes_cost_little),
          TEST(packets_that_never_end_are_forgotten))
