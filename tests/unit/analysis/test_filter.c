#define _DEFAULT_SOURCE
#include "analysis/filter.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct ana_trace_record event(enum weft_trace_kind kind, uint32_t node, weft_time at) {
    return (struct ana_trace_record){.event = {.at = at, .node = node, .kind = kind},
                                     .name = weft_trace_kind_name(kind),
                                     .fields = weft_trace_kind_fields(kind)};
}

static bool lets(const struct ana_filter *filter, struct ana_trace_record record) {
    return ana_filter_lets(filter, &record);
}

static void without_a_filter_all_is_let_through(void) {
    const struct ana_filter nothing_set = {.from = 0};
    CHECK(lets(NULL, event(WEFT_TRACE_LOG, 3, 5)));
    CHECK(lets(&nothing_set, event(WEFT_TRACE_LOG, WEFT_TRACE_NODE_NONE, 5)));
}

static void times_are_inclusive(void) {
    const struct ana_filter filter = {.from = 10, .to = 20}, open = {.from = 10};
    CHECK(!lets(&filter, event(WEFT_TRACE_LOG, 0, 9)));
    CHECK(lets(&filter, event(WEFT_TRACE_LOG, 0, 10)));
    CHECK(lets(&filter, event(WEFT_TRACE_LOG, 0, 20)));
    CHECK(!lets(&filter, event(WEFT_TRACE_LOG, 0, 21)));
    CHECK(lets(&open, event(WEFT_TRACE_LOG, 0, INT64_MAX)));
}

static void a_kind_is_itself_or_all_before_the_dot(void) {
    const struct ana_filter filter = {.kinds = {"lookup.done", "node"}, .kinds_count = 2};
    CHECK(lets(&filter, event(WEFT_TRACE_LOOKUP_DONE, 0, 0)));
    CHECK(!lets(&filter, event(WEFT_TRACE_LOOKUP_START, 0, 0)));
    CHECK(lets(&filter, event(WEFT_TRACE_NODE_UP, 0, 0)));
    CHECK(lets(&filter, event(WEFT_TRACE_NODE_SAMPLE, 0, 0)));
    CHECK(!ana_filter_has_kind(&filter, "nodes.up"));
    CHECK(!ana_filter_has_kind(&filter, "lookup"));
}

static void all_that_is_set_must_hold(void) {
    const struct ana_filter filter = {
        .from = 5, .kinds = {"log"}, .kinds_count = 1, .nodes = {2, 7}, .nodes_count = 2};
    CHECK(lets(&filter, event(WEFT_TRACE_LOG, 7, 5)));
    CHECK(!lets(&filter, event(WEFT_TRACE_LOG, 7, 4)));
    CHECK(!lets(&filter, event(WEFT_TRACE_LOG, 3, 5)));
    CHECK(!lets(&filter, event(WEFT_TRACE_NODE_UP, 7, 5)));
}

/* pid, sup, parent and peer are pids; a count that is equal is none. */
static void a_pid_is_looked_for_in_every_field_of_pids(void) {
    const struct ana_filter filter = {.by_pid = true, .pid = 42};
    struct ana_trace_record record = event(WEFT_TRACE_SUP_CHILD_DOWN, 0, 0);
    CHECK(!lets(&filter, record));
    for (unsigned i = 0; i < 7; i++) {
        memset(record.event.number, 0, sizeof record.event.number);
        record.event.number[i] = 42; /* sup pid restart reason ... */
        CHECK_EQ_INT(ana_filter_lets(&filter, &record), i < 2);
    }
    record = event(WEFT_TRACE_PACKET_SENT, 0, 0);
    for (unsigned i = 0; i < 3; i++) record.event.number[i] = 42;
    CHECK(!lets(&filter, record));
}

/* "to size packet", "from size packet", "packet to" */
static void a_packet_is_its_sender_s(void) {
    const struct ana_filter any = {.by_packet = true, .packet = 9};
    const struct ana_filter of_3 = {.by_packet = true, .packet = 9, .by_sender = true, .sender = 3};
    struct ana_trace_record sent = event(WEFT_TRACE_PACKET_SENT, 3, 0);
    struct ana_trace_record received = event(WEFT_TRACE_PACKET_RECEIVED, 4, 0);
    struct ana_trace_record data = event(WEFT_TRACE_PACKET_DATA, 3, 0);
    sent.event.number[0] = 4;
    received.event.number[0] = 3;
    sent.event.number[2] = received.event.number[2] = data.event.number[0] = 9;
    CHECK(lets(&any, sent) && lets(&any, received) && lets(&any, data));
    CHECK(lets(&of_3, sent) && lets(&of_3, received) && lets(&of_3, data));
    sent.event.node = data.event.node = 4;
    received.event.number[0] = 4;
    CHECK(lets(&any, sent) && lets(&any, received) && lets(&any, data));
    CHECK(!lets(&of_3, sent) && !lets(&of_3, received) && !lets(&of_3, data));
    CHECK(!lets(&any, event(WEFT_TRACE_LOG, 3, 0)));
}

static void an_operation_is_by_its_field(void) {
    const struct ana_filter filter = {.by_op = true, .op = 6};
    struct ana_trace_record asked = event(WEFT_TRACE_WORK_ASKED, 0, 0); /* work kind op */
    struct ana_trace_record start = event(WEFT_TRACE_LOOKUP_START, 0, 0);
    asked.event.number[2] = start.event.number[0] = 6;
    CHECK(lets(&filter, asked) && lets(&filter, start));
    asked.event.number[2] = 7;
    asked.event.number[0] = 6;
    CHECK(!lets(&filter, asked));
}

/* --- blocks that are passed over --- */

#define EVENTS 60000

static struct weft_trace_event numbered(uint32_t i) {
    static const enum weft_trace_kind kinds[] = {WEFT_TRACE_PACKET_SENT, WEFT_TRACE_PACKET_RECEIVED,
                                                 WEFT_TRACE_LOOKUP_START, WEFT_TRACE_DHT_TABLE};
    return (struct weft_trace_event){.at = (weft_time)i * 1000,
                                     .node = i / 1000,
                                     .kind = kinds[i < EVENTS / 2 ? i % 2 : i % 4],
                                     .number = {i % 50, i % 7, i % 300}};
}

static unsigned count(const char *path, const struct ana_filter *filter, bool passes_over) {
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *text;
    unsigned let = 0;
    if (!CHECK(ana_trace_open(path, &reader, &text) == WEFT_OK)) return 0;
    if (passes_over) ana_filter_apply(filter, reader);
    while (ana_trace_next(reader, &record) == WEFT_OK) let += ana_filter_lets(filter, &record);
    ana_trace_free(reader);
    return let;
}

static void what_is_passed_over_would_not_be_let_through(void) {
    char path[] = "/tmp/weft-filter-XXXXXX";
    struct ana_trace_writer *writer;
    close(mkstemp(path));
    REQUIRE(ana_trace_create(path, "seed=1\n", &writer) == WEFT_OK);
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct weft_trace_event told = numbered(i);
        ana_trace_write(writer, &told);
    }
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    const struct ana_filter filters[] = {
        {.from = 0},
        {.from = 1234000, .to = 4321000},
        {.kinds = {"lookup"}, .kinds_count = 1},
        {.kinds = {"packet.sent"}, .kinds_count = 1, .nodes = {3, 4}, .nodes_count = 2},
        {.nodes = {59, WEFT_TRACE_NODE_NONE}, .nodes_count = 2},
        {.by_packet = true, .packet = 77, .by_sender = true, .sender = 27},
        {.by_op = true, .op = 10},
        {.by_pid = true, .pid = 10}};
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        unsigned all = count(path, &filters[i], false);
        CHECK_EQ_UINT(count(path, &filters[i], true), all);
        CHECK_EQ_INT(all > 0, !filters[i].by_pid); /* no kind here has pids */
    }
    unlink(path);
}

TEST_MAIN("analysis/filter", TEST(without_a_filter_all_is_let_through), TEST(times_are_inclusive),
          TEST(a_kind_is_itself_or_all_before_the_dot), TEST(all_that_is_set_must_hold),
          TEST(a_pid_is_looked_for_in_every_field_of_pids), TEST(a_packet_is_its_sender_s),
          TEST(an_operation_is_by_its_field), TEST(what_is_passed_over_would_not_be_let_through))
