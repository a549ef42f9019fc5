#define _POSIX_C_SOURCE 200809L
#include "analysis/plot_internal.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* --- texts --- */

static const char *plain(const char *text, unsigned cells) {
    static char out[ANA__TEXT_SIZE];
    ana__plain(text, cells, out);
    return out;
}

static void a_text_becomes_one_line(void) {
    CHECK_EQ_TEXT(plain("a\nb\tc\rd\033[1m\x7f", 80), "a b c d [1m ");
    CHECK_EQ_TEXT(plain("it's 100 % \"odd\"", 80), "it's 100 % \"odd\"");
}

static void what_is_not_utf8_or_not_allowed_in_xml_does_not_stay(void) {
    CHECK_EQ_TEXT(plain("a\xff\x80z", 80), "a??z");
    CHECK_EQ_TEXT(plain("\xc0\xaf", 80), "??");           /* a slash, too long */
    CHECK_EQ_TEXT(plain("\xed\xa0\x80", 80), "???");      /* a surrogate */
    CHECK_EQ_TEXT(plain("\xf4\x90\x80\x80", 80), "????"); /* beyond Unicode */
    CHECK_EQ_TEXT(plain("x\xef\xbf\xbfy", 80), "x y");    /* U+FFFF */
    CHECK_EQ_TEXT(plain("x\xe2\x80\xaey", 80), "x y");    /* from right to left */
    CHECK_EQ_TEXT(plain("cut\xe7\xb6", 80), "cut??");     /* in the midst of one */
    CHECK_EQ_TEXT(plain("\xc3\xa9\xe7\xb6\xb2", 80), "\xc3\xa9\xe7\xb6\xb2");
}

static void a_long_text_is_cut_where_it_is_told(void) {
    CHECK_EQ_TEXT(plain("0123456789", 10), "0123456789");
    CHECK_EQ_TEXT(plain("0123456789a", 10), "0123456...");
    CHECK_EQ_TEXT(plain("0123", 2), "..");
    CHECK_EQ_TEXT(plain("\xe7\xb6\xb2\xe7\xb6\xb2\xe7\xb6\xb2\xe7\xb6\xb2", 7),
                  "\xe7\xb6\xb2\xe7\xb6\xb2..."); /* two cells each */
    char text[1024];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    CHECK(strlen(plain(text, 1000)) < ANA__TEXT_SIZE);
}

static void cells_are_counted_not_bytes(void) {
    CHECK_EQ_UINT(ana__cells("abc"), 3);
    CHECK_EQ_UINT(ana__cells("\xc3\xa9"), 1);
    CHECK_EQ_UINT(ana__cells("\xe7\xb6\xb2"), 2);
}

static void units_keep_numbers_short(void) {
    CHECK_EQ_TEXT(ana__scale_time(1).unit, "ms");
    CHECK_EQ_TEXT(ana__scale_time(120).unit, "s");
    CHECK_EQ_TEXT(ana__scale_time(7200).unit, "min");
    CHECK_EQ_TEXT(ana__scale_time(86400).unit, "h");
    CHECK_EQ_TEXT(ana__scale_time(864000).unit, "days");
    CHECK_EQ_TEXT(ana__scale_bytes(2047).unit, "bytes");
    CHECK_EQ_TEXT(ana__scale_bytes(2048).unit, "KiB");
    CHECK(ana__scale_bytes(1e9).by == 1024.0 * 1024);
    CHECK_EQ_TEXT(ana__scale_bytes(1e20).unit, "TiB");
    CHECK_EQ_TEXT(ana__scale_count(9999).unit, "");
    CHECK_EQ_TEXT(ana__scale_count(10000).unit, ", thousands");
}

/* --- runs --- */

#define ODD "it's 100% \"odd\" `touch /tmp/weft-plot-odd` $(x) {y}_z^2 <b> & \\n @a caf\xc3\xa9"

static void add(struct ana_series *run, struct weft_trace_event event) {
    struct ana_trace_record record = {.event = event,
                                      .name = weft_trace_kind_name(event.kind),
                                      .fields = weft_trace_kind_fields(event.kind)};
    CHECK_EQ_INT(ana_series_add(run, &record), WEFT_OK);
}

static struct weft_bytes text(const char *from) { return weft_bytes_text(from); }

/* Two nodes and two packets, a fault that bit, and its end when it has one. */
static struct ana_series *run_of(const char *head, bool ended) {
    struct ana_series *run = ana_series_new(NULL);
    if (!CHECK(run != NULL)) return NULL;
    CHECK_EQ_INT(ana_series_head(run, head, 0), WEFT_OK);
    for (uint32_t node = 0; node < 2; node++) {
        add(run,
            (struct weft_trace_event){.node = node, .kind = WEFT_TRACE_NODE_UP, .number = {1}});
    }
    for (uint64_t packet = 1; packet <= 2; packet++) {
        weft_time at = (weft_time)packet * WEFT_S(1);
        add(run, (struct weft_trace_event){
                     .at = at, .kind = WEFT_TRACE_PACKET_SENT, .number = {1, 100, packet}});
        add(run, (struct weft_trace_event){.at = at + WEFT_MS(20) * (weft_time)packet,
                                           .node = 1,
                                           .kind = WEFT_TRACE_PACKET_RECEIVED,
                                           .number = {0, 100, packet}});
    }
    add(run, (struct weft_trace_event){.at = WEFT_S(3),
                                       .node = WEFT_TRACE_NODE_NONE,
                                       .kind = WEFT_TRACE_FAULT_ON,
                                       .number = {0, 3, 0},
                                       .bytes = text("<it's>&% of 2")});
    add(run, (struct weft_trace_event){
                 .at = WEFT_S(3), .kind = WEFT_TRACE_FAULT_BIT, .number = {0, 3, 0}});
    add(run, (struct weft_trace_event){.at = WEFT_S(4),
                                       .node = WEFT_TRACE_NODE_NONE,
                                       .kind = WEFT_TRACE_FAULT_OFF,
                                       .number = {0, 3, 0}});
    if (ended)
        add(run, (struct weft_trace_event){.at = WEFT_S(10),
                                           .node = WEFT_TRACE_NODE_NONE,
                                           .kind = WEFT_TRACE_RUN_END,
                                           .number = {1, 9, 0xabcdef, 0x123456, 2},
                                           .bytes = text("weft run")});
    CHECK_EQ_INT(ana_series_settle(run), WEFT_OK);
    return run;
}

/* Whether every tag ends, in order, and text has no bare "<" or "&". */
static bool is_well_formed(const char *at) {
    unsigned depth = 0;
    for (; *at != '\0'; at++) {
        if (*at == '&' && at[1 + strcspn(at + 1, "; <")] != ';') return false;
        if (*at != '<') continue;
        bool ends = at[1] == '/';
        for (char quote = 0; *at != '\0' && (quote != 0 || *at != '>'); at++) {
            if (quote == 0 && (*at == '"' || *at == '\''))
                quote = *at;
            else if (*at == quote)
                quote = 0;
        }
        if (*at == '\0' || (ends && depth == 0)) return false;
        if (ends)
            depth--;
        else if (at[-1] != '/')
            depth++;
    }
    return depth == 0;
}

static struct ana_plot_task task_of(const struct ana_series *run, enum ana_plot which) {
    return (struct ana_plot_task){.which = which, .runs = {run}, .runs_count = 1};
}

static void texts_of_a_run_have_no_meaning_to_gnuplot_or_xml(void) {
    struct ana_series *run = run_of("scenario=" ODD "\nseed=1\nbuild=weft\n", true);
    for (unsigned which = 0; which < ANA_PLOT_COUNT; which++) {
        struct ana_plot_task task = task_of(run, which);
        if (ana_plot_draw(&task) != WEFT_OK) continue;
        CHECK(is_well_formed(task.data));
        CHECK(strstr(task.data, "it's 100% \"odd\" `touch /tmp") != NULL ||
              strstr(task.data, "it&apos;s 100% &quot;odd&quot; `touch /tmp") != NULL);
        free(task.data);
    }
    CHECK(access("/tmp/weft-plot-odd", F_OK) != 0);
    struct ana_plot_task task = task_of(run, ANA_PLOT_FAULTS);
    CHECK_EQ_INT(ana_plot_draw(&task), WEFT_OK);
    CHECK(task.data != NULL && strstr(task.data, "&lt;it's>&amp;%, 1 of 1 bit") != NULL);
    free(task.data);
    ana_series_free(run);
}

static void an_svg_is_one_element_with_ids_of_its_own(void) {
    struct ana_series *run = run_of("scenario=a\nseed=1\n", true);
    struct ana_plot_task task = task_of(run, ANA_PLOT_LATENCY);
    task.prefix = "third-";
    REQUIRE(ana_plot_draw(&task) == WEFT_OK);
    CHECK(strncmp(task.data, "<svg", 4) == 0);
    CHECK_EQ_UINT(strlen(task.data), task.size);
    CHECK(strstr(task.data, "hash 0000000000abcdef0000000000123456, holds, 2 nodes") != NULL);
    CHECK(strstr(task.data, "<title>Message latency over time</title>") != NULL);
    for (const char *at = task.data; (at = strstr(at, " id=")) != NULL; at += 4) {
        CHECK(strncmp(at + 5, "third-", 6) == 0);
    }
    for (const char *at = task.data; (at = strstr(at, "href=")) != NULL; at += 5) {
        CHECK(strncmp(at + 6, "#third-", 7) == 0);
    }
    free(task.data);
    ana_series_free(run);
}

static void a_trace_without_its_end_says_so(void) {
    struct ana_series *run = run_of("seed=1\n", false);
    struct ana_plot_task task = task_of(run, ANA_PLOT_DELIVERY);
    REQUIRE(ana_plot_draw(&task) == WEFT_OK);
    CHECK(strstr(task.data, "no scenario, seed 1, no hash") != NULL);
    CHECK(strstr(task.data, "unknown build") != NULL);
    free(task.data);
    ana_series_free(run);
}

static void what_a_run_has_no_data_for_is_not_drawn(void) {
    static const enum ana_plot missing[] = {ANA_PLOT_LOOKUPS, ANA_PLOT_HOPS,   ANA_PLOT_RESTARTS,
                                            ANA_PLOT_OVERLAY, ANA_PLOT_QUEUES, ANA_PLOT_MEMORY,
                                            ANA_PLOT_GROWTH};
    struct ana_series *run = run_of("seed=1\n", true);
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        struct ana_plot_task task = task_of(run, missing[i]);
        CHECK_EQ_INT(ana_plot_draw(&task), WEFT_ERR_NOT_FOUND);
        CHECK(task.why[0] != '\0' && task.data == NULL);
    }
    struct ana_plot_task none = task_of(NULL, ANA_PLOT_LATENCY);
    none.runs_count = 0;
    CHECK_EQ_INT(ana_plot_draw(&none), WEFT_ERR_NOT_FOUND);
    ana_series_free(run);
}

static void an_empty_run_has_no_pictures(void) {
    struct ana_series *run = ana_series_new(NULL);
    CHECK_EQ_INT(ana_series_settle(run), WEFT_OK);
    for (unsigned which = 0; which < ANA_PLOT_COUNT; which++) {
        struct ana_plot_task task = task_of(run, which);
        CHECK_EQ_INT(ana_plot_draw(&task), WEFT_ERR_NOT_FOUND);
    }
    ana_series_free(run);
}

/* --- several runs --- */

static void check_name(const struct ana_plot_task *task, unsigned run, const char *wanted) {
    char name[ANA__TEXT_SIZE];
    ana__run_name(task, run, name);
    CHECK_EQ_TEXT(name, wanted);
}

static void runs_are_named_by_what_they_differ_in(void) {
    struct ana_series *a = run_of("scenario=a\nseed=1\nbuild=x\n", true),
                      *b = run_of("scenario=a\nseed=2\nbuild=y\n", true),
                      *c = run_of("scenario=c\nseed=2\nbuild=y\n", true);
    struct ana_plot_task task = {.runs = {a, b}, .runs_count = 2};
    check_name(&task, 0, "seed 1");
    check_name(&task, 1, "seed 2");
    task.runs[2] = c;
    task.runs_count = 3;
    check_name(&task, 1, "a, seed 2");
    task = (struct ana_plot_task){.runs = {a, a}, .runs_count = 2};
    check_name(&task, 1, "run 2");
    task.runs_count = 1;
    check_name(&task, 0, "");
    ana_series_free(a);
    ana_series_free(b);
    ana_series_free(c);
}

static void eight_runs_share_a_picture_each_with_its_hash(void) {
    struct ana_series *runs[ANA_PLOT_RUNS_MAX];
    struct ana_plot_task task = {.which = ANA_PLOT_LATENCY_CDF, .runs_count = ANA_PLOT_RUNS_MAX};
    for (unsigned i = 0; i < ANA_PLOT_RUNS_MAX; i++) {
        char head[64];
        snprintf(head, sizeof head, "scenario=a\nseed=%u\n", i + 1);
        task.runs[i] = runs[i] = run_of(head, true);
    }
    REQUIRE(ana_plot_draw(&task) == WEFT_OK);
    unsigned hashes = 0;
    for (const char *at = task.data; (at = strstr(at, "hash 00")) != NULL; at++) hashes++;
    CHECK_EQ_UINT(hashes, ANA_PLOT_RUNS_MAX);
    CHECK(strstr(task.data, "seed 8<") != NULL);
    free(task.data);
    for (unsigned i = 0; i < ANA_PLOT_RUNS_MAX; i++) ana_series_free(runs[i]);
}

/* --- characters --- */

static void characters_fit_the_width(void) {
    struct ana_series *run = run_of("scenario=" ODD "\nseed=1\nbuild=weft 0.1.0\n", true);
    for (unsigned width = ANA_PLOT_COLUMNS_MIN; width < 130; width += 31) {
        for (unsigned which = 0; which < ANA_PLOT_COUNT; which++) {
            struct ana_plot_task task = task_of(run, which);
            task.format = ANA_PLOT_DUMB;
            task.width = width;
            if (ana_plot_draw(&task) != WEFT_OK) continue;
            char *rest = NULL;
            for (char *line = strtok_r(task.data, "\n", &rest); line != NULL;
                 line = strtok_r(NULL, "\n", &rest)) {
                CHECK(ana__cells(line) <= width);
                CHECK(line[strlen(line) - 1] != ' ');
            }
            free(task.data);
        }
    }
    ana_series_free(run);
}

static void a_width_is_brought_into_its_limits(void) {
    struct ana_series *run = run_of("seed=1\n", true);
    struct ana_plot_task task = task_of(run, ANA_PLOT_DELIVERY);
    task.width = 7;
    REQUIRE(ana_plot_draw(&task) == WEFT_OK);
    CHECK(strstr(task.data, "width=\"400\"") != NULL);
    free(task.data);
    ana_series_free(run);
}

TEST_MAIN("analysis/plot", TEST(a_text_becomes_one_line),
          TEST(what_is_not_utf8_or_not_allowed_in_xml_does_not_stay),
          TEST(a_long_text_is_cut_where_it_is_told), TEST(cells_are_counted_not_bytes),
          TEST(units_keep_numbers_short), TEST(texts_of_a_run_have_no_meaning_to_gnuplot_or_xml),
          TEST(an_svg_is_one_element_with_ids_of_its_own), TEST(a_trace_without_its_end_says_so),
          TEST(what_a_run_has_no_data_for_is_not_drawn), TEST(an_empty_run_has_no_pictures),
          TEST(runs_are_named_by_what_they_differ_in),
          TEST(eight_runs_share_a_picture_each_with_its_hash), TEST(characters_fit_the_width),
          TEST(a_width_is_brought_into_its_limits))
