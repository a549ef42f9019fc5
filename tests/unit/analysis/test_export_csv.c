/* A small trace that is written here, byte for byte as golden_csv/ has it. To make those files anew
 * after a change that is meant: WEFT_GOLDEN=write tests/unit.analysis.test_export_csv */
#define _XOPEN_SOURCE 700
#include "analysis/csv.h"
#include "analysis/export.h"
#include "analysis/run.h"
#include "core/base/addr.h"
#include "core/base/error.h"
#include "core/base/id.h"
#include "tests/harness/harness.h"

#include <dirent.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char folder[64], trace[80], out[80];
};

static struct place place(void) {
    struct place place = {.folder = "/tmp/weft-csv-XXXXXX"};
    CHECK(mkdtemp(place.folder) != NULL);
    snprintf(place.trace, sizeof place.trace, "%s/t.trace", place.folder);
    snprintf(place.out, sizeof place.out, "%s/out", place.folder);
    return place;
}

static void remove_all(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL) {
        unlink(path);
        return;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char inside[512];
        if (entry->d_name[0] == '.' && strlen(entry->d_name) < 3) continue;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        remove_all(inside);
    }
    closedir(dir);
    rmdir(path);
}

static unsigned entries_of(const char *path) {
    unsigned count = 0;
    DIR *dir = opendir(path);
    if (!CHECK(dir != NULL)) return 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

/* --- the trace --- */

static struct weft_bytes text(const char *value) { return weft_bytes_text(value); }

static void put(struct ana_trace_writer *writer, struct weft_trace_event event) {
    ana_trace_write(writer, &event);
}

/* Short, so that the intervals are few. */
#define TICKS(n) WEFT_US(10 * (n))
#define PUT(ticks, node_, KIND, bytes_, ...)                                                       \
    put(writer, (struct weft_trace_event){.at = TICKS((weft_time)(ticks)),                         \
                                          .node = (node_),                                         \
                                          .kind = WEFT_TRACE_##KIND,                               \
                                          .number = {__VA_ARGS__},                                 \
                                          .bytes = (bytes_)})
#define NONE WEFT_TRACE_NODE_NONE
#define NOTHING weft_bytes(NULL, 0)

static void write_lives(struct ana_trace_writer *writer) {
    struct weft_addr addr = weft_addr_v4(10, 0, 0, 1, 6881);
    weft_id id;
    for (uint32_t node = 0; node < 3; node++) {
        addr.ip[3] = (unsigned char)(node + 1);
        memset(&id, (int)(0xa0 + node), sizeof id);
        PUT(0, node, NODE_UP, weft_bytes(&addr, sizeof addr), 1);
        PUT(0, node, SUP_UP, NOTHING, 0x1000000, 0, 10, (uint64_t)WEFT_S(10), 0);
        PUT(0, node, DHT_UP, weft_bytes(&id, sizeof id), 0, 0, 8);
    }
    memset(&id, 0xa1, sizeof id);
    PUT(1, 0, DHT_CONTACT, weft_bytes(&id, sizeof id), 1);
    PUT(60, 1, DHT_JOINED, NOTHING, (uint64_t)TICKS(60), 1);
    PUT(70, 0, LOG, text("quoted \"text\", with a comma\nand two lines"), 2);
}

static void write_traffic(struct ana_trace_writer *writer, uint64_t second) {
    const uint64_t not_found = (uint64_t)(int64_t)WEFT_ERR_NOT_FOUND;
    weft_id id;
    memset(&id, 0xc3, sizeof id);
    unsigned char ids[40];
    memset(ids, 0xa0, 20);
    memset(ids + 20, 0xa1, 20);
    PUT(second * 1000 + 100, 0, WORK_ASKED, weft_bytes(&id, sizeof id), 0, 3, second);
    PUT(second * 1000 + 100, 0, LOOKUP_START, weft_bytes(&id, sizeof id), second, 3);
    PUT(second * 1000 + 100, 0, PACKET_SENT, NOTHING, 1, 100, second);
    if (second == 2) {
        PUT(second * 1000 + 100, 0, PACKET_LOST, NOTHING, 1, 100, second, 3);
        PUT(second * 1000 + 600, 0, LOOKUP_DONE, weft_bytes(ids, 20), second, 3, not_found, 0, 1, 0,
            0, (uint64_t)TICKS(500));
        PUT(second * 1000 + 600, 0, WORK_DONE, weft_bytes(&id, sizeof id), 0, 3, second, not_found,
            (uint64_t)TICKS(500));
        return;
    }
    PUT(second * 1000 + 110 + second, 1, PACKET_RECEIVED, NOTHING, 0, 100, second);
    PUT(second * 1000 + 140, 0, LOOKUP_DONE, weft_bytes(ids, 40), second, 3, 0, 1, 2, 2, 1,
        (uint64_t)TICKS(40));
    PUT(second * 1000 + 140, 0, WORK_DONE, weft_bytes(&id, sizeof id), 0, 3, second, 0,
        (uint64_t)TICKS(40));
}

static void write_troubles(struct ana_trace_writer *writer) {
    PUT(2000, NONE, FAULT_ON, text("partition 1|2"), 0, 1, 0);
    PUT(2000, 2, FAULT_BIT, NOTHING, 0, 1, 0);
    write_traffic(writer, 2);
    PUT(2700, 2, SUP_RESTART, NOTHING, 0x1000000, 1, 1);
    PUT(2700, 2, PROC_EXIT, text("a fault"), 0x1000002, 7, 0, 1);
    PUT(2800, 2, NODE_DOWN, NOTHING, 1, 0, 2);
    PUT(2900, 1, CHECK_FAILED, text("node 1: get found nothing"), 0);
    PUT(3000, NONE, FAULT_OFF, NOTHING, 0, 1, 0);
}

static void write_trace(const char *path) {
    struct ana_trace_writer *writer = NULL;
    struct weft_addr addr[2] = {weft_addr_v4(10, 0, 0, 1, 1), weft_addr_v4(10, 0, 0, 2, 2)};
    unsigned char packet[2 * sizeof addr[0] + 3];
    memcpy(packet, addr, sizeof addr);
    memcpy(packet + sizeof addr, "\x01\xfe\x00", 3);
    REQUIRE(ana_trace_create(path, "scenario=three nodes, \"a test\"\nseed=7\nwithout=proc.start\n",
                             &writer) == WEFT_OK);
    write_lives(writer);
    write_traffic(writer, 0);
    PUT(150, 0, PACKET_DATA, weft_bytes(packet, sizeof packet), 0, 1);
    write_traffic(writer, 1);
    write_troubles(writer);
    write_traffic(writer, 3);
    PUT(4000, NONE, RUN_SAMPLE, NOTHING, 2, 6, 1, 9, 4096, 100);
    PUT(4000, 0, NODE_SAMPLE, NOTHING, 3, 1, 2, 2048);
    PUT(4000, NONE, RUN_FAULT, text("partition"), 0, 1, 1, 1, 9);
    PUT(4000, NONE, RUN_CHECK, text("stored_found"), 0, 4, 1, 12);
    PUT(4000, NONE, RUN_WORK, text("get"), 0, 3, 4, 3, 6);
    PUT(4000, NONE, RUN_REASON, text("stored_found: 1 of 4 failed"), 0);
    PUT(4000, NONE, RUN_END, text("weft run three.yaml --seed 7"), 0, 100,
        UINT64_C(0x0123456789abcdef), 0xfedc, 3);
    CHECK_EQ_INT(ana_trace_close(writer), WEFT_OK);
}

/* --- golden files --- */

static char *file_text(const char *path) {
    FILE *file = fopen(path, "rb");
    char *all = calloc(1, 1 << 16);
    if (file == NULL || all == NULL) return all;
    size_t size = fread(all, 1, (1 << 16) - 1, file);
    CHECK(size < (1 << 16) - 1);
    fclose(file);
    return all;
}

static void copy(const char *from, const char *to) {
    char *all = file_text(from);
    FILE *file = fopen(to, "wb");
    CHECK(file != NULL);
    fputs(all, file);
    fclose(file);
    free(all);
}

/* Every file of `folder`, and no other. */
static void check_files(const char *folder, const char *golden) {
    const char *mode = getenv("WEFT_GOLDEN");
    bool writes = mode != NULL && strcmp(mode, "write") == 0;
    DIR *dir = opendir(folder);
    REQUIRE(dir != NULL);
    if (writes) mkdir(golden, 0777);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char made[512], expected[512];
        if (entry->d_name[0] == '.') continue;
        snprintf(made, sizeof made, "%s/%s", folder, entry->d_name);
        snprintf(expected, sizeof expected, "%s/%s", golden, entry->d_name);
        if (strcmp(entry->d_name, "events") == 0) {
            check_files(made, expected);
            continue;
        }
        if (writes) copy(made, expected);
        char *left = file_text(made), *right = file_text(expected);
        CHECK_EQ_TEXT(left, right);
        free(left);
        free(right);
    }
    closedir(dir);
    CHECK_EQ_UINT(entries_of(folder), entries_of(golden));
}

static void check_export(struct place *at) {
    char golden[512];
    struct ana_export export = {.trace = at->trace, .out = at->out};
    CHECK_EQ_INT(ana_export_csv(&export), WEFT_OK);
    CHECK_EQ_TEXT(export.why, "");
    CHECK_EQ_UINT(export.damaged, 0);
    CHECK_EQ_UINT(export.events, 51);
    snprintf(golden, sizeof golden, "%s/tests/unit/analysis/golden_csv", test_source_folder());
    check_files(at->out, golden);
}

static void a_small_trace_is_as_the_golden_files(void) {
    struct place at = place();
    write_trace(at.trace);
    check_export(&at);
    remove_all(at.folder);
}

/* With a decimal comma, if the machine has such a locale: numbers are the same. */
static void no_locale_changes_a_number(void) {
    struct place at = place();
    write_trace(at.trace);
    if (setlocale(LC_ALL, "de_DE.UTF-8") == NULL) setlocale(LC_ALL, "de_DE");
    check_export(&at);
    setlocale(LC_ALL, "C");
    remove_all(at.folder);
}

/* --- read back --- */

static void check_same(const struct ana_run *a, const struct ana_run *b) {
    struct ana_metric left[ANA_METRICS_MAX], right[ANA_METRICS_MAX];
    uint32_t count = ana_run_metrics(a, left);
    CHECK_EQ_UINT(ana_run_metrics(b, right), count);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ_TEXT(left[i].name, right[i].name);
        bool both_absent = isnan(left[i].value) && isnan(right[i].value);
        CHECK(both_absent || fabs(left[i].value - right[i].value) < 1e-9);
    }
}

static void a_folder_says_what_its_trace_says(void) {
    struct place at = place();
    char why[ANA_WHY_SIZE];
    struct ana_run *of_trace = NULL, *of_csv = NULL;
    struct ana_export export = {.trace = at.trace, .out = at.out};
    write_trace(at.trace);
    CHECK_EQ_INT(ana_export_csv(&export), WEFT_OK);
    REQUIRE(ana_run_open(at.trace, &of_trace, why) == WEFT_OK);
    REQUIRE(ana_run_open(at.out, &of_csv, why) == WEFT_OK);
    check_same(of_trace, of_csv);
    CHECK_EQ_TEXT(ana_run_value(of_csv, "scenario"), "three nodes, \"a test\"");
    CHECK_EQ_TEXT(ana_run_value(of_csv, "hash"), "0123456789abcdef000000000000fedc");
    CHECK_EQ_TEXT(ana_run_value(of_trace, "hash"), "0123456789abcdef000000000000fedc");
    CHECK(ana_run_value(of_csv, "nothing") == NULL);
    CHECK(ana_run_interval(of_csv) == ana_run_interval(of_trace));
    CHECK(ana_run_starts(of_csv)[1] == ana_run_starts(of_trace)[1]);
    ana_run_free(of_trace);
    ana_run_free(of_csv);
    remove_all(at.folder);
}

static void write_text(const char *folder, const char *name, const char *value) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    REQUIRE(file != NULL);
    fputs(value, file);
    fclose(file);
}

static void check_refused(const struct place *at, const char *name, const char *value,
                          const char *expected) {
    char why[ANA_WHY_SIZE], whole[600];
    struct ana_run *run = NULL;
    struct ana_export export = {.trace = at->trace, .out = at->out};
    remove_all(at->out);
    CHECK_EQ_INT(ana_export_csv(&export), WEFT_OK);
    write_text(at->out, name, value);
    CHECK_EQ_INT(ana_run_open(at->out, &run, why), WEFT_ERR_MALFORMED);
    snprintf(whole, sizeof whole, "%s/%s", at->out, expected);
    CHECK_EQ_TEXT(why, whole);
}

static void what_is_wrong_in_a_folder_is_told(void) {
    struct place at = place();
    write_trace(at.trace);
    check_refused(&at, "run.csv", "key,value\r\nseed,7\r\n",
                  "run.csv: its format is \"\", not weft-csv-1");
    check_refused(&at, "series.csv", "start_s,get_ok\r\n0,1\r\n1,one\r\n",
                  "series.csv:3:3: \"one\" in column \"get_ok\" is no number");
    check_refused(&at, "latency.csv", "measure,to,count\r\n",
                  "latency.csv:1:1: no column \"unit\"");
    check_refused(&at, "latency.csv", "measure,unit,to,count\r\nget,ms,1,2\r\nget,ms,-1,2\r\n",
                  "latency.csv:3:1: expected unit ms or count, and numbers not below 0");
    remove_all(at.folder);
}

/* Of a later build, or a person's own. */
static void columns_nobody_knows_do_no_harm(void) {
    struct place at = place();
    char why[ANA_WHY_SIZE];
    struct ana_run *run = NULL;
    struct ana_export export = {.trace = at.trace, .out = at.out};
    write_trace(at.trace);
    CHECK_EQ_INT(ana_export_csv(&export), WEFT_OK);
    write_text(at.out, "series.csv", "later,start_s,get_ok\r\n9,0,5\r\n");
    write_text(at.out, "latency.csv",
               "measure,colour,unit,to,count\r\nget,red,ms,2,3\r\nsleep,,ms,1,1\r\n");
    REQUIRE(ana_run_open(at.out, &run, why) == WEFT_OK);
    CHECK(ana_run_column(run, ANA_COLUMN_GET_OK)[0] == 5);
    CHECK(ana_run_column(run, ANA_COLUMN_GET_FAILED) == NULL);
    CHECK_EQ_UINT(ana_hist_count(ana_run_hist(run, ANA_MEASURE_GET)), 3);
    ana_run_free(run);
    remove_all(at.folder);
}

/* --- what goes wrong --- */

static void check_why(struct ana_export *export, int rv, const char *path, const char *what) {
    char whole[600];
    CHECK_EQ_INT(ana_export_csv(export), rv);
    snprintf(whole, sizeof whole, "%s: %s", path, what);
    CHECK_EQ_TEXT(export->why, whole);
}

static void a_trace_that_is_not_there_leaves_nothing(void) {
    struct place at = place();
    struct ana_export export = {.trace = at.trace, .out = at.out};
    check_why(&export, WEFT_ERR_NOT_FOUND, at.trace, "no such file");
    CHECK_EQ_UINT(entries_of(at.folder), 0);
    remove_all(at.folder);
}

static void a_folder_with_something_in_it_stays_as_it_is(void) {
    struct place at = place();
    struct ana_export export = {.trace = at.trace, .out = at.out};
    write_trace(at.trace);
    CHECK_EQ_INT(mkdir(at.out, 0777), 0);
    write_text(at.out, "mine", "mine");
    check_why(&export, WEFT_ERR_IO, at.out, "is there and not empty");
    CHECK_EQ_UINT(entries_of(at.out), 1);
    CHECK_EQ_UINT(entries_of(at.folder), 2);
    export.out = at.trace;
    check_why(&export, WEFT_ERR_IO, at.trace, "is there, and no folder");
    remove_all(at.folder);
}

static void an_empty_folder_is_filled(void) {
    struct place at = place();
    struct ana_export export = {.trace = at.trace, .out = at.out};
    write_trace(at.trace);
    CHECK_EQ_INT(mkdir(at.out, 0777), 0);
    CHECK_EQ_INT(ana_export_csv(&export), WEFT_OK);
    CHECK_EQ_UINT(entries_of(at.folder), 2);
    remove_all(at.folder);
}

static void a_folder_that_cannot_be_made_is_told(void) {
    struct place at = place();
    struct ana_export export = {.trace = at.trace, .out = "/nowhere/at/all"};
    write_trace(at.trace);
    check_why(&export, WEFT_ERR_IO, "/nowhere/at/all", "there is no such folder to write it in");
    export.out = "/proc/weft";
    CHECK_EQ_INT(ana_export_csv(&export), WEFT_ERR_IO);
    remove_all(at.folder);
}

/* Cut at every length: what can be read is there, and nothing crashes. */
static void a_cut_trace_gives_what_is_whole(void) {
    struct place at = place();
    struct stat whole;
    write_trace(at.trace);
    CHECK_EQ_INT(stat(at.trace, &whole), 0);
    unsigned readable = 0;
    for (off_t size = whole.st_size; size >= 0; size -= 97) {
        struct ana_export export = {.trace = at.trace, .out = at.out};
        CHECK_EQ_INT(truncate(at.trace, size), 0);
        int rv = ana_export_csv(&export);
        CHECK(rv == WEFT_OK || rv == WEFT_ERR_MALFORMED);
        CHECK_EQ_UINT(entries_of(at.folder), rv == WEFT_OK ? 2 : 1);
        readable += rv == WEFT_OK;
        remove_all(at.out);
    }
    CHECK(readable > 1);
    remove_all(at.folder);
}

static void a_filter_leaves_the_rest_absent(void) {
    struct place at = place();
    char why[ANA_WHY_SIZE];
    struct ana_run *run = NULL;
    const struct ana_filter filter = {.kinds = {"work"}, .kinds_count = 1, .from = TICKS(1000)};
    struct ana_export export = {.trace = at.trace, .out = at.out, .filter = &filter};
    write_trace(at.trace);
    CHECK_EQ_INT(ana_export_csv(&export), WEFT_OK);
    CHECK_EQ_UINT(export.events, 6);
    REQUIRE(ana_run_open(at.out, &run, why) == WEFT_OK);
    CHECK(ana_run_column(run, ANA_COLUMN_GET_OK) != NULL);
    CHECK(ana_run_column(run, ANA_COLUMN_LOOKUP_OK) == NULL);
    CHECK(ana_run_column(run, ANA_COLUMN_RESTARTS) == NULL);
    ana_run_free(run);
    remove_all(at.folder);
}

TEST_MAIN("analysis/export_csv", TEST(a_small_trace_is_as_the_golden_files),
          TEST(no_locale_changes_a_number), TEST(a_folder_says_what_its_trace_says),
          TEST(what_is_wrong_in_a_folder_is_told), TEST(columns_nobody_knows_do_no_harm),
          TEST(a_trace_that_is_not_there_leaves_nothing),
          TEST(a_folder_with_something_in_it_stays_as_it_is), TEST(an_empty_folder_is_filled),
          TEST(a_folder_that_cannot_be_made_is_told), TEST(a_cut_trace_gives_what_is_whole),
          TEST(a_filter_leaves_the_rest_absent))
