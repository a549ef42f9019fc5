#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "analysis/report_internal.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <stdlib.h>
#include <unistd.h>

struct place {
    char path[64];
};

static struct place place(void) {
    struct place place = {"/tmp/weft-report-XXXXXX"};
    int fd = mkstemp(place.path);
    CHECK(fd >= 0);
    close(fd);
    return place;
}

/* --- words --- */

static void texts_cannot_leave_their_script(void) {
    struct ana__text text = {.data = NULL};
    static const char words[] = "</script>\"\\\n\xc3\xbc\xff\xed\xa0\x80";
    ana__text_json(&text, words, sizeof words - 1);
    CHECK_EQ_TEXT(text.data, "\"\\u003c/script\\u003e\\u0022\\u005c\\u000a\xc3\xbc"
                             "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    ana__text_free(&text);
}

static void texts_of_html_are_escaped(void) {
    struct ana__text text = {.data = NULL};
    ana__text_html(&text, "<a href='x'>&\"", 14);
    CHECK_EQ_TEXT(text.data, "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
    ana__text_free(&text);
}

static void base64_is_that_of_rfc_4648(void) {
    static const char *const all[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct ana__text text = {.data = NULL};
        ana__text_put(&text, "");
        ana__text_base64(&text, (const unsigned char *)all[i][0], strlen(all[i][0]));
        CHECK_EQ_TEXT(text.data, all[i][1]);
        ana__text_free(&text);
    }
}

static void a_text_has_one_number_however_often(void) {
    struct ana__strings strings = {.count = 0};
    char words[16];
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 1; i < 5000; i++) {
            int size = snprintf(words, sizeof words, "word %u", i);
            CHECK_EQ_UINT(ana__strings_add(&strings, words, (size_t)size), i);
        }
    }
    CHECK_EQ_UINT(ana__strings_add(&strings, "", 0), 0);
    CHECK_EQ_UINT(strings.count, 5000);
    ana__strings_free(&strings);
}

/* --- lists --- */

static void add(struct ana__rows *rows, weft_time at, uint32_t node, uint32_t kind, uint64_t a) {
    ana__rows_add(rows, &(struct ana__row){.at = at, .node = node, .kind = kind, .a = a});
}

static void a_list_by_nodes_keeps_some_nodes_whole(void) {
    struct ana__rows rows;
    ana__rows_init(&rows, ANA__BY_NODE, 1000);
    for (uint32_t i = 0; i < 8000; i++) add(&rows, i, i % 100, 0, i);
    CHECK(rows.stride > 1 && rows.count <= 1000);
    CHECK_EQ_UINT(rows.count + rows.left_out, 8000);
    uint32_t of_zero = 0;
    for (size_t i = 0; i < rows.count; i++) {
        CHECK_EQ_UINT(rows.list[i].node % rows.stride, 0);
        of_zero += rows.list[i].node == 0;
    }
    CHECK_EQ_UINT(of_zero, 80);
    ana__rows_free(&rows);
}

static void a_list_by_time_keeps_the_last_of_each_quantum(void) {
    struct ana__rows rows;
    ana__rows_init(&rows, ANA__BY_TIME, 100);
    for (uint32_t i = 0; i < 5000; i++) add(&rows, i * WEFT_US(100), 3, i % 2, i);
    CHECK(rows.quantum > 0 && rows.count <= 100);
    CHECK_EQ_UINT(rows.list[rows.count - 1].a, 4999);
    CHECK_EQ_UINT(rows.list[rows.count - 2].a, 4998);
    for (size_t i = 1; i < rows.count; i++) CHECK(rows.list[i - 1].at < rows.list[i].at);
    ana__rows_free(&rows);
}

static void a_list_by_kind_keeps_what_matters_most(void) {
    struct ana__rows rows;
    ana__rows_init(&rows, ANA__BY_KIND, 100);
    for (uint32_t i = 0; i < 2000; i++) add(&rows, i, 0, i % 100 == 7 ? 0 : 5, i);
    uint32_t first = 0;
    for (size_t i = 0; i < rows.count; i++) first += rows.list[i].kind == 0;
    CHECK_EQ_UINT(first, 20);
    CHECK_EQ_UINT(rows.count, 20);
    CHECK_EQ_UINT(rows.left_out, 1980);
    ana__rows_free(&rows);
}

/* --- pages --- */

static const unsigned char *id_of(uint32_t node, unsigned char id[20]) {
    memset(id, 0, 20);
    uint32_t mixed = (node + 1) * 2654435761u;
    memcpy(id, &mixed, sizeof mixed);
    memcpy(id + 4, &node, sizeof node);
    return id;
}

static void emit(struct ana_trace_writer *writer, weft_time at, uint32_t node,
                 struct weft_trace_event event) {
    event.at = at;
    event.node = node;
    ana_trace_write(writer, &event);
}

/* A node comes up, finds contacts and joins; every hundredth crashes at the end. */
static void write_node(struct ana_trace_writer *writer, uint32_t node, uint32_t nodes) {
    unsigned char id[20];
    weft_time at = WEFT_MS(1) * node;
    emit(writer, at, node, (struct weft_trace_event){.kind = WEFT_TRACE_NODE_UP, .number = {1}});
    for (uint64_t i = 0; i < 3; i++) {
        emit(writer, at, node,
             (struct weft_trace_event){.kind = WEFT_TRACE_PROC_START,
                                       .number = {16 + i, i == 0 ? 0 : 16, 1},
                                       .bytes = weft_bytes_text(i == 0 ? "root" : "worker")});
    }
    emit(writer, at, node,
         (struct weft_trace_event){.kind = WEFT_TRACE_DHT_UP,
                                   .number = {0, 0, 8},
                                   .bytes = weft_bytes(id_of(node, id), 20)});
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t peer = (node + i * 97) % nodes;
        emit(writer, at, node,
             (struct weft_trace_event){.kind = WEFT_TRACE_DHT_CONTACT,
                                       .number = {1},
                                       .bytes = weft_bytes(id_of(peer, id), 20)});
        emit(writer, at, node,
             (struct weft_trace_event){.kind = WEFT_TRACE_DHT_TABLE, .number = {i + 1, 0, 1}});
        emit(writer, at, node,
             (struct weft_trace_event){.kind = WEFT_TRACE_PACKET_SENT, .number = {peer, 100, i}});
    }
    emit(writer, at, node,
         (struct weft_trace_event){.kind = WEFT_TRACE_DHT_JOINED, .number = {0, 12}});
}

static void write_large(const char *path, uint32_t nodes) {
    struct ana_trace_writer *writer = NULL;
    weft_time end = WEFT_MS(1) * nodes;
    REQUIRE(ana_trace_create(path, "scenario=large\nseed=1", &writer) == WEFT_OK);
    for (uint32_t i = 0; i < nodes; i++) write_node(writer, i, nodes);
    emit(writer, end, WEFT_TRACE_NODE_NONE,
         (struct weft_trace_event){.kind = WEFT_TRACE_FAULT_ON,
                                   .number = {0, 3, 0},
                                   .bytes = weft_bytes_text("crash many")});
    for (uint32_t i = 0; i < nodes; i += 100) {
        emit(writer, end, i,
             (struct weft_trace_event){.kind = WEFT_TRACE_NODE_DOWN,
                                       .number = {1, 0, WEFT_NODE_CRASHED}});
    }
    emit(writer, end + WEFT_S(9), 50,
         (struct weft_trace_event){.kind = WEFT_TRACE_CHECK_FAILED,
                                   .bytes = weft_bytes_text("node 50: forgot node 100")});
    emit(writer, end + WEFT_S(10), WEFT_TRACE_NODE_NONE,
         (struct weft_trace_event){.kind = WEFT_TRACE_RUN_END,
                                   .number = {0, 1, 2, 3, nodes},
                                   .bytes = weft_bytes_text("weft run large.yaml")});
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

/* The page is left where WEFT_REPORT_LARGE says, for a browser, and has more nodes then. */
static void the_page_of_very_many_nodes_is_bounded(void) {
    const char *wanted = getenv("WEFT_REPORT_LARGE");
    struct place trace = place(), out = place();
    uint32_t nodes = wanted != NULL ? 100000 : 36000;
    write_large(trace.path, nodes);
    struct ana_report report = {
        .trace = trace.path, .out = wanted != NULL ? wanted : out.path, .no_plots = true};
    CHECK_EQ_INT(ana_report_write(&report), WEFT_OK);
    CHECK_EQ_TEXT(report.why, "");
    CHECK_EQ_UINT(report.events, (uint64_t)nodes * 42 + nodes / 100 + 3);
    CHECK(report.size > 1000000 && report.size < ANA_REPORT_SIZE_MAX);
    unlink(trace.path);
    unlink(out.path);
}

static void an_empty_trace_has_a_page(void) {
    struct place trace = place(), out = place();
    struct ana_trace_writer *writer = NULL;
    REQUIRE(ana_trace_create(trace.path, "scenario=nothing", &writer) == WEFT_OK);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    struct ana_report report = {.trace = trace.path, .out = out.path};
    CHECK_EQ_INT(ana_report_write(&report), WEFT_OK);
    CHECK_EQ_UINT(report.events, 0);
    unlink(trace.path);
    unlink(out.path);
}

static void what_cannot_be_read_or_written_is_named(void) {
    struct place trace = place();
    struct ana_report report = {.trace = "/nowhere/run.trace", .out = "/tmp/never.html"};
    CHECK_EQ_INT(ana_report_write(&report), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(report.why, "/nowhere/run.trace: no such file");
    report.trace = trace.path; /* of no bytes */
    CHECK_EQ_INT(ana_report_write(&report), WEFT_ERR_MALFORMED);
    CHECK(strstr(report.why, trace.path) == report.why);
    CHECK(access(report.out, F_OK) != 0);
    struct ana_trace_writer *writer = NULL;
    REQUIRE(ana_trace_create(trace.path, "scenario=nothing", &writer) == WEFT_OK);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
    report.out = "/nowhere/report.html";
    report.no_plots = true;
    CHECK_EQ_INT(ana_report_write(&report), WEFT_ERR_IO);
    CHECK_EQ_TEXT(report.why, "/nowhere/report.html cannot be written: No such file or directory");
    unlink(trace.path);
}

/* --- a run that goes on --- */

static void a_live_run_tells_its_state_and_then_its_verdict(void) {
    struct ana_live *live = ana_live_new("scenario=now\nseed=5");
    char *text = NULL;
    size_t size = 0;
    REQUIRE(live != NULL);
    ana_live_add(live, &(struct weft_trace_event){
                           .at = WEFT_S(1), .kind = WEFT_TRACE_NODE_UP, .number = {1}});
    REQUIRE(ana_live_state(live, &text, &size) == WEFT_OK);
    CHECK_EQ_UINT(strlen(text), size);
    CHECK(strstr(text, "\"head\":{\"scenario\":\"now\",\"seed\":\"5\"}") != NULL);
    CHECK(strstr(text, "\"run\":null") != NULL && strstr(text, "\"nodes_count\":1,") != NULL);
    free(text);
    ana_live_add(live, &(struct weft_trace_event){.at = WEFT_S(2),
                                                  .node = WEFT_TRACE_NODE_NONE,
                                                  .kind = WEFT_TRACE_RUN_END,
                                                  .number = {1, 9, 10, 11, 1}});
    REQUIRE(ana_live_state(live, &text, &size) == WEFT_OK);
    CHECK(strstr(text, "\"held\":true,\"hash\":\"000000000000000a000000000000000b\"") != NULL);
    free(text);
    REQUIRE(ana_live_page(&text, &size) == WEFT_OK);
    CHECK(strstr(text, "id=\"data\">null</script>") != NULL && strstr(text, "{{") == NULL);
    free(text);
    ana_live_free(live);
}

TEST_MAIN("analysis/report", TEST(texts_cannot_leave_their_script), TEST(texts_of_html_are_escaped),
          TEST(base64_is_that_of_rfc_4648), TEST(a_text_has_one_number_however_often),
          TEST(a_list_by_nodes_keeps_some_nodes_whole),
          TEST(a_list_by_time_keeps_the_last_of_each_quantum),
          TEST(a_list_by_kind_keeps_what_matters_most),
          TEST(the_page_of_very_many_nodes_is_bounded), TEST(an_empty_trace_has_a_page),
          TEST(what_cannot_be_read_or_written_is_named),
          TEST(a_live_run_tells_its_state_and_then_its_verdict))
