/* What holds of every export. */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "core/base/error.h"
#include "tests/harness/harness.h"
#include "tests/unit/analysis/export/sample.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int dot(struct ana_export *export) { return ana_export_dot(export, WEFT_MS(2500)); }

static int openmetrics(struct ana_export *export) {
    return ana_export_openmetrics(export, WEFT_MS(3200));
}

static const struct {
    const char *golden;
    int (*run)(struct ana_export *export);
} exports[] = {{"sample.pcapng", ana_export_pcapng}, {"sample.perfetto.json", ana_export_perfetto},
               {"sample.shiviz", ana_export_shiviz}, {"sample.dot", dot},
               {"sample.openmetrics", openmetrics},  {"sample.jsonl", ana_export_jsonl}};

#define EXPORTS_COUNT (sizeof exports / sizeof exports[0])

static bool exists(const char *path) { return access(path, F_OK) == 0; }

static bool has_partial(const char *path) {
    char partial[96];
    snprintf(partial, sizeof partial, "%s.partial-00", path);
    return exists(partial);
}

static void the_sample_gives_the_golden_files(void) {
    struct place trace = sample_place();
    sample_write(trace.path);
    for (size_t i = 0; i < EXPORTS_COUNT; i++) {
        struct place out = sample_place();
        struct ana_export export = {.trace = trace.path, .out = out.path};
        CHECK_EQ_INT(exports[i].run(&export), WEFT_OK);
        CHECK_EQ_TEXT(export.why, "");
        CHECK_EQ_UINT(export.damaged, 0);
        CHECK(export.events > 0);
        CHECK(sample_is_golden(out.path, exports[i].golden));
        CHECK(!has_partial(out.path));
        unlink(out.path);
    }
    unlink(trace.path);
}

static void a_file_that_was_there_is_replaced_only_by_a_whole_one(void) {
    struct place trace = sample_place(), out = sample_place();
    size_t size = 0;
    FILE *file = fopen(out.path, "w");
    REQUIRE(file != NULL);
    fputs("before", file);
    fclose(file);
    for (size_t i = 0; i < EXPORTS_COUNT; i++) { /* an empty file is no trace */
        struct ana_export export = {.trace = trace.path, .out = out.path};
        CHECK_EQ_INT(exports[i].run(&export), WEFT_ERR_MALFORMED);
        CHECK(strncmp(export.why, trace.path, strlen(trace.path)) == 0);
        char *data = sample_read(out.path, &size);
        CHECK_EQ_TEXT(data, "before");
        CHECK(!has_partial(out.path));
        free(data);
    }
    unlink(trace.path);
    unlink(out.path);
}

static void a_trace_that_is_not_there_is_told(void) {
    for (size_t i = 0; i < EXPORTS_COUNT; i++) {
        struct ana_export export = {.trace = "/tmp/weft-no-such-trace", .out = "/tmp/weft-no-out"};
        CHECK_EQ_INT(exports[i].run(&export), WEFT_ERR_NOT_FOUND);
        CHECK_EQ_TEXT(export.why, "/tmp/weft-no-such-trace: no such file");
        CHECK(!exists(export.out));
        CHECK(!has_partial(export.out));
    }
}

static void a_place_that_cannot_be_written_is_told(void) {
    struct place trace = sample_place();
    sample_write(trace.path);
    for (size_t i = 0; i < EXPORTS_COUNT; i++) {
        struct ana_export export = {.trace = trace.path, .out = "/tmp/weft-no-such-folder/x"};
        CHECK_EQ_INT(exports[i].run(&export), WEFT_ERR_IO);
        CHECK_EQ_TEXT(export.why,
                      "/tmp/weft-no-such-folder/x: cannot be written: No such file or directory");
    }
    unlink(trace.path);
}

static void a_full_disk_is_told(void) {
    struct place trace = sample_place();
    sample_write(trace.path);
    for (size_t i = 0; i < EXPORTS_COUNT; i++) {
        struct ana_export export = {.trace = trace.path, .out = "/dev/full"};
        CHECK_EQ_INT(exports[i].run(&export), WEFT_ERR_IO);
        CHECK_EQ_TEXT(export.why, "/dev/full: cannot be written: No space left on device");
        CHECK(exists("/dev/full"));
    }
    unlink(trace.path);
}

static void a_minus_is_standard_output(void) {
    struct place trace = sample_place();
    sample_write(trace.path);
    for (size_t i = 0; i < EXPORTS_COUNT; i++) {
        struct place out = sample_place();
        struct ana_export export = {.trace = trace.path, .out = "-"};
        fflush(stdout);
        int kept = dup(STDOUT_FILENO), fd = open(out.path, O_WRONLY | O_TRUNC);
        CHECK(kept >= 0 && fd >= 0);
        dup2(fd, STDOUT_FILENO);
        int rv = exports[i].run(&export);
        dup2(kept, STDOUT_FILENO);
        close(kept);
        close(fd);
        CHECK_EQ_INT(rv, WEFT_OK);
        CHECK(sample_is_golden(out.path, exports[i].golden));
        unlink(out.path);
    }
    unlink(trace.path);
}

/* The file is cut: what is whole before it is exported, and the rest is told of. */
static void a_damaged_trace_gives_what_is_whole(void) {
    struct place trace = sample_place();
    sample_write(trace.path);
    size_t size = 0;
    free(sample_read(trace.path, &size));
    CHECK_EQ_INT(truncate(trace.path, (off_t)size - 3), 0);
    for (size_t i = 0; i < EXPORTS_COUNT; i++) {
        struct place out = sample_place();
        struct ana_export export = {.trace = trace.path, .out = out.path};
        int rv = exports[i].run(&export);
        CHECK(rv == WEFT_OK || rv == WEFT_ERR_MALFORMED); /* when nothing is left to show */
        if (rv == WEFT_OK && exports[i].run != dot && exports[i].run != openmetrics) {
            CHECK(export.damaged > 0);
        }
        unlink(out.path);
    }
    unlink(trace.path);
}

TEST_MAIN("analysis/export_file", TEST(the_sample_gives_the_golden_files),
          TEST(a_file_that_was_there_is_replaced_only_by_a_whole_one),
          TEST(a_trace_that_is_not_there_is_told), TEST(a_place_that_cannot_be_written_is_told),
          TEST(a_full_disk_is_told), TEST(a_minus_is_standard_output),
          TEST(a_damaged_trace_gives_what_is_whole))
