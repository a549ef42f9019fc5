/* Perfetto, ShiViz, Graphviz, OpenMetrics and JSON lines: filters, limits, strange events. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "analysis/export_internal.h"
#include "core/base/error.h"
#include "core/base/rand.h"
#include "tests/harness/harness.h"
#include "tests/unit/analysis/export/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int dot(struct ana_export *export) { return ana_export_dot(export, WEFT_TIME_NEVER); }

static int openmetrics(struct ana_export *export) {
    return ana_export_openmetrics(export, WEFT_TIME_NEVER);
}

typedef int (*run_export)(struct ana_export *export);

struct result {
    int rv;
    char why[ANA_WHY_SIZE]; /* after the trace's path */
    char *text;             /* to be freed */
};

static struct result run(const char *trace, run_export export_it, const struct ana_filter *filter) {
    struct place out = sample_place();
    struct ana_export export = {.trace = trace, .out = out.path, .filter = filter};
    struct result result = {.rv = export_it(&export)};
    size_t size = 0;
    if (export.why[0] != '\0') {
        snprintf(result.why, sizeof result.why, "%s", export.why + strlen(trace));
    }
    result.text = sample_read(out.path, &size);
    unlink(out.path);
    return result;
}

static struct result run_sample(run_export export_it, const struct ana_filter *filter) {
    struct place trace = sample_place();
    sample_write(trace.path);
    struct result result = run(trace.path, export_it, filter);
    unlink(trace.path);
    return result;
}

static struct result run_events(run_export export_it, const struct weft_trace_event *events,
                                size_t count) {
    struct place trace = sample_place();
    sample_write_events(trace.path, events, count);
    struct result result = run(trace.path, export_it, NULL);
    unlink(trace.path);
    return result;
}

static size_t count_of(const char *text, const char *what) {
    size_t count = 0;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) count++;
    return count;
}

/* --- Perfetto --- */

static void what_is_open_at_from_begins_there(void) {
    const struct ana_filter filter = {.from = WEFT_MS(2500), .nodes = {1}, .nodes_count = 1};
    struct result result = run_sample(ana_export_perfetto, &filter);
    CHECK_EQ_INT(result.rv, WEFT_OK);
    CHECK(strstr(result.text,
                 "{\"ph\":\"B\",\"ts\":2500000.000,\"pid\":2,\"tid\":2,\"cat\":\"life\","
                 "\"name\":\"life 1\"}") != NULL);
    CHECK_EQ_UINT(count_of(result.text, "\"ph\":\"B\",\"ts\":2500000.000"), 3); /* root, dht too */
    CHECK_EQ_UINT(count_of(result.text, "\"ph\":\"B\""), count_of(result.text, "\"ph\":\"E\""));
    CHECK_EQ_UINT(count_of(result.text, "process_name"), 2); /* the run and node 1 */
    free(result.text);
}

static void faults_that_are_on_at_from_begin_there(void) {
    const struct ana_filter filter = {.from = WEFT_MS(2500)};
    struct result result = run_sample(ana_export_perfetto, &filter);
    CHECK(strstr(result.text, "{\"ph\":\"b\",\"ts\":2500000.000,\"pid\":4294967295,\"tid\":"
                              "4294967295,\"id2\":{\"local\":\"0x3.0\"},\"cat\":\"fault\",\"name\":"
                              "\"fault 3 partition\"}") != NULL);
    free(result.text);
}

static void nothing_to_show_is_told(void) {
    const struct ana_filter filter = {.kinds = {"app"}, .kinds_count = 1};
    struct result result = run_sample(ana_export_perfetto, &filter);
    CHECK_EQ_INT(result.rv, WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(result.why, ": the filter lets no event through");
    free(result.text);
    result = run_events(ana_export_perfetto, NULL, 0);
    CHECK_EQ_TEXT(result.why, ": it holds no event");
    free(result.text);
    result = run_sample(ana_export_shiviz, &filter);
    CHECK_EQ_TEXT(result.why, ": the filter lets no event of a node through");
    free(result.text);
    result = run_events(ana_export_shiviz, NULL, 0);
    CHECK_EQ_TEXT(result.why, ": it holds no event of a node");
    free(result.text);
    result = run_events(dot, NULL, 0);
    CHECK_EQ_INT(result.rv, WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(result.why, ": it holds no dht.contact, so nobody knows who has whom");
    free(result.text);
}

/* --- ShiViz --- */

static void too_many_nodes_are_refused(void) {
    struct weft_trace_event events[65] = {{.kind = WEFT_TRACE_NODE_LEFT}};
    for (uint32_t i = 0; i < 65; i++) {
        events[i] = (struct weft_trace_event){.node = i * 3, .kind = WEFT_TRACE_NODE_LEFT};
    }
    struct result result = run_events(ana_export_shiviz, events, 64);
    CHECK_EQ_INT(result.rv, WEFT_OK);
    free(result.text);
    result = run_events(ana_export_shiviz, events, 65);
    CHECK_EQ_INT(result.rv, WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(result.why, ": it has events of more than 64 nodes, too many for ShiViz; choose "
                              "some with --node");
    CHECK_EQ_TEXT(result.text, ""); /* what was there stays */
    free(result.text);
}

static void too_many_events_are_refused(void) {
    struct place trace = sample_place();
    struct ana_trace_writer *writer = NULL;
    const struct weft_trace_event event = {.node = 1, .kind = WEFT_TRACE_NODE_LEFT};
    CHECK_EQ_INT(ana_trace_create(trace.path, "seed=1\n", &writer), WEFT_OK);
    for (int i = 0; i < 100001; i++) ana_trace_write(writer, &event);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    struct result result = run(trace.path, ana_export_shiviz, NULL);
    CHECK_EQ_INT(result.rv, WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(result.why, ": it has more than 100000 events, too many for ShiViz; choose some "
                              "with --node, --kind, --from and --to");
    free(result.text);
    unlink(trace.path);
}

static void clocks_are_of_the_nodes_in_the_log(void) {
    const struct ana_filter filter = {.nodes = {1}, .nodes_count = 1};
    struct result result = run_sample(ana_export_shiviz, &filter);
    CHECK_EQ_INT(result.rv, WEFT_OK);
    CHECK(strstr(result.text, "\nnode1 {\"node1\":6}\npacket.received from=0") != NULL);
    CHECK(strstr(result.text, "\"node0\"") == NULL);
    free(result.text);
}

static void a_packet_carries_the_clock_also_when_it_is_not_in_the_log(void) {
    const struct ana_filter filter = {.kinds = {"node", "dht"}, .kinds_count = 2};
    struct result result = run_sample(ana_export_shiviz, &filter);
    CHECK_EQ_INT(result.rv, WEFT_OK);
    CHECK(strstr(result.text, "packet") == NULL);
    CHECK(strstr(result.text, "\nnode1 {\"node0\":2,\"node1\":3}\ndht.contact on=yes") != NULL);
    free(result.text);
}

/* --- Graphviz --- */

static void contacts_of_nodes_that_were_chosen_are_drawn(void) {
    const struct ana_filter filter = {.nodes = {2}, .nodes_count = 1};
    struct result result = run_sample(dot, &filter);
    CHECK_EQ_INT(result.rv, WEFT_OK);
    CHECK_EQ_UINT(count_of(result.text, " -> "), 3);
    CHECK(strstr(result.text, "n2 -> n0") != NULL);
    CHECK(strstr(result.text, "n1 [") == NULL);
    free(result.text);
}

static void a_node_that_crashed_is_dotted_and_has_nobody(void) {
    struct place trace = sample_place(), out = sample_place();
    size_t size = 0;
    sample_write(trace.path);
    struct ana_export export = {.trace = trace.path, .out = out.path};
    CHECK_EQ_INT(ana_export_dot(&export, WEFT_MS(3200)), WEFT_OK);
    char *text = sample_read(out.path, &size);
    CHECK(strstr(text, "n1 [label=\"1\\ndown\", shape=ellipse, style=\"filled,dotted\"") != NULL);
    CHECK(strstr(text, "n0 -> n1 [style=dotted];") != NULL);
    CHECK(strstr(text, "n1 -> ") == NULL);
    CHECK(strstr(text, "cluster") == NULL); /* the partition is over */
    free(text);
    unlink(trace.path);
    unlink(out.path);
}

/* --- JSON lines --- */

static void no_field_is_named_as_what_every_line_has(void) {
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT; kind++) {
        const char *cursor = weft_trace_kind_fields(kind);
        struct ana__field field;
        while (ana__next_field(&cursor, &field)) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)field.name_size, field.name);
            CHECK(strcmp(name, "at") != 0 && strcmp(name, "node") != 0);
            CHECK(strcmp(name, "event") != 0);
        }
    }
}

static void a_filter_that_lets_nothing_through_gives_no_line(void) {
    const struct ana_filter filter = {.nodes = {99}, .nodes_count = 1};
    struct result result = run_sample(ana_export_jsonl, &filter);
    CHECK_EQ_INT(result.rv, WEFT_OK);
    CHECK_EQ_TEXT(result.text, "");
    free(result.text);
}

static void base64_has_all_three_endings(void) {
    unsigned char data[43] = {0};
    static const char *const expected[] = {"\"payload\":\"\"", "\"payload\":\"+w==\"",
                                           "\"payload\":\"+/8=\"", "\"payload\":\"+/8/\""};
    memcpy(data + 40, "\xfb\xff\x3f", 3);
    for (size_t size = 0; size <= 3; size++) {
        const struct weft_trace_event event = {
            .node = 1, .kind = WEFT_TRACE_PACKET_DATA, .bytes = {data, 40 + size}};
        struct result result = run_events(ana_export_jsonl, &event, 1);
        CHECK(strstr(result.text, expected[size]) != NULL);
        CHECK(strstr(result.text, "\"from\":\"-\"") != NULL);
        free(result.text);
    }
}

/* --- text --- */

static void only_utf8_is_let_through(void) {
    static const struct {
        const char *text;
        size_t size, width;
    } cases[] = {{"a", 1, 1},
                 {"\xc3\xa9", 2, 2},
                 {"\xc3", 1, 0},         /* cut */
                 {"\xc0\xaf", 2, 0},     /* overlong */
                 {"\xe0\x80\x80", 3, 0}, /* overlong */
                 {"\xed\xa0\x80", 3, 0}, /* a surrogate */
                 {"\xef\xbf\xbd", 3, 3},
                 {"\xf0\x9f\x8c\x90", 4, 4},
                 {"\xf4\x90\x80\x80", 4, 0}, /* beyond U+10FFFF */
                 {"\xf8\x88\x80\x80", 4, 0},
                 {"\x80", 1, 0},
                 {"\xe2\x82\x28", 3, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct weft_bytes text = weft_bytes(cases[i].text, cases[i].size);
        CHECK_EQ_UINT(ana__utf8_size(text, 0), cases[i].width);
    }
    CHECK_EQ_UINT(ana__utf8_size(weft_bytes(NULL, 0), 0), 0);
}

/* --- anything --- */

static void any_event_is_exported_or_refused(void) {
    static const run_export exports[] = {ana_export_pcapng, ana_export_perfetto,
                                         ana_export_shiviz, dot,
                                         openmetrics,       ana_export_jsonl};
    struct weft_rand rand;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct place trace = sample_place();
        struct ana_trace_writer *writer = NULL;
        unsigned char bytes[64];
        weft_rand_init(&rand, seed);
        CHECK_EQ_INT(ana_trace_create(trace.path, "scenario=\"\\\xff\nseed=1\n", &writer), WEFT_OK);
        for (int i = 0; i < 400; i++) {
            struct weft_trace_event event = {
                .at = i,
                .node = weft_rand_below(&rand, 8) == 0 ? WEFT_TRACE_NODE_NONE
                                                       : (uint32_t)weft_rand_below(&rand, 4),
                .kind = (enum weft_trace_kind)weft_rand_below(&rand, WEFT_TRACE_KIND_COUNT)};
            for (unsigned k = 0; k < WEFT_TRACE_NUMBERS; k++) {
                event.number[k] = weft_rand_below(&rand, 3) == 0
                                      ? weft_rand_below(&rand, UINT64_MAX)
                                      : weft_rand_below(&rand, 3);
            }
            for (size_t k = 0; k < sizeof bytes; k++) {
                bytes[k] = (unsigned char)weft_rand_below(&rand, seed % 2 == 0 ? 256 : 3);
            }
            const size_t sizes[] = {0, 1, 20, 40, sizeof bytes};
            event.bytes = weft_bytes(bytes, sizes[weft_rand_below(&rand, 5)]);
            ana_trace_write(writer, &event);
        }
        CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
        for (size_t i = 0; i < sizeof exports / sizeof exports[0]; i++) {
            struct result result = run(trace.path, exports[i], NULL);
            CHECK_EQ_INT(result.rv, WEFT_OK);
            CHECK(result.text != NULL && result.text[0] != '\0');
            free(result.text);
        }
        unlink(trace.path);
    }
}

TEST_MAIN("analysis/export_views", TEST(what_is_open_at_from_begins_there),
          TEST(faults_that_are_on_at_from_begin_there), TEST(nothing_to_show_is_told),
          TEST(too_many_nodes_are_refused), TEST(too_many_events_are_refused),
          TEST(clocks_are_of_the_nodes_in_the_log),
          TEST(a_packet_carries_the_clock_also_when_it_is_not_in_the_log),
          TEST(contacts_of_nodes_that_were_chosen_are_drawn),
          TEST(a_node_that_crashed_is_dotted_and_has_nobody),
          TEST(no_field_is_named_as_what_every_line_has),
          TEST(a_filter_that_lets_nothing_through_gives_no_line),
          TEST(base64_has_all_three_endings), TEST(only_utf8_is_let_through),
          TEST(any_event_is_exported_or_refused))
