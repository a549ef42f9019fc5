/* Fail the first allocation of an export, the second ... until none fails: each time it is out of
 * memory and leaves no file, or does without it and leaves the golden one. The linker puts these
 * functions in the place of the library's (tests/CMakeLists.txt). */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "core/base/error.h"
#include "tests/harness/harness.h"
#include "tests/unit/analysis/export/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RUNS_MAX 20000

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);

static long left = -1; /* allocations until one fails; -1: none does */
static bool failed;

static bool allowed(void) {
    if (left < 0 || left-- > 0) return true;
    failed = true;
    return false;
}

void *__wrap_malloc(size_t size) { return allowed() ? __real_malloc(size) : NULL; }
void *__wrap_calloc(size_t count, size_t size) {
    return allowed() ? __real_calloc(count, size) : NULL;
}
void *__wrap_realloc(void *ptr, size_t size) {
    return allowed() ? __real_realloc(ptr, size) : NULL;
}

static void fail_each(int (*run)(struct ana_export *export), const char *golden) {
    struct place trace = sample_place(), out = sample_place();
    long refused = 0;
    sample_write(trace.path);
    for (long i = 0; i < RUNS_MAX; i++) {
        struct ana_export export = {.trace = trace.path, .out = out.path};
        unlink(out.path);
        failed = false;
        left = i;
        int rv = run(&export);
        left = -1;
        if (rv == WEFT_ERR_NOMEM) {
            CHECK(failed);
            CHECK(strstr(export.why, "out of memory") != NULL);
            CHECK(access(out.path, F_OK) != 0);
            refused++;
            continue;
        }
        CHECK_EQ_INT(rv, WEFT_OK);
        CHECK(sample_is_golden(out.path, golden));
        if (!failed) break;
    }
    CHECK(!failed); /* some run had all it wanted */
    CHECK(refused > 1);
    unlink(trace.path);
    unlink(out.path);
}

static int dot(struct ana_export *export) { return ana_export_dot(export, WEFT_MS(2500)); }

static int openmetrics(struct ana_export *export) {
    return ana_export_openmetrics(export, WEFT_MS(3200));
}

static void pcapng_without_memory(void) { fail_each(ana_export_pcapng, "sample.pcapng"); }
static void perfetto_without_memory(void) {
    fail_each(ana_export_perfetto, "sample.perfetto.json");
}
static void shiviz_without_memory(void) { fail_each(ana_export_shiviz, "sample.shiviz"); }
static void dot_without_memory(void) { fail_each(dot, "sample.dot"); }
static void openmetrics_without_memory(void) { fail_each(openmetrics, "sample.openmetrics"); }
static void jsonl_without_memory(void) { fail_each(ana_export_jsonl, "sample.jsonl"); }

TEST_MAIN("analysis/export_memory", TEST(pcapng_without_memory), TEST(perfetto_without_memory),
          TEST(shiviz_without_memory), TEST(dot_without_memory), TEST(openmetrics_without_memory),
          TEST(jsonl_without_memory))
