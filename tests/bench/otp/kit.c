/* The scheduler on the posix env, and small tools. */
#define _GNU_SOURCE
#include "tests/bench/otp/kit.h"

#include "core/node/node.h"
#include "core/posix/guard.h"
#include "core/posix/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    struct weft_posix *posix;
    struct weft_node *node;
    weft_pid root;
    bool done;
    uint64_t random;
} bench = {.random = 88172645463325252u};

uint64_t bench_arg(const struct bench_args *args, int index, uint64_t otherwise) {
    return args->n[index] != 0 ? args->n[index] : otherwise;
}

void bench_check(bool held, const char *text, const char *file, int line) {
    if (held) return;
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    exit(1);
}

void *bench_calloc(size_t count, size_t size) {
    void *memory = calloc(count, size);
    BENCH_CHECK(memory != NULL);
    memset(memory, 0, count * size); /* the pages are there before anything is measured */
    return memory;
}

int64_t bench_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static uint64_t kib_of(const char *path, const char *key) {
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen(path, "r");
    BENCH_CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0) kib = strtoull(line + strlen(key), NULL, 10);
    fclose(file);
    return kib;
}

uint64_t bench_resident_kib(void) { return kib_of("/proc/self/status", "VmRSS:"); }
uint64_t bench_available_kib(void) { return kib_of("/proc/meminfo", "MemAvailable:"); }

uint64_t bench_random(uint64_t bound) {
    bench.random ^= bench.random << 13;
    bench.random ^= bench.random >> 7;
    bench.random ^= bench.random << 17;
    return bench.random % bound;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t bench_quantile(int64_t *values, size_t count, unsigned permille) {
    BENCH_CHECK(count > 0);
    qsort(values, count, sizeof *values, ascending);
    size_t rank = (count * permille + 999) / 1000;
    return values[rank > 0 ? rank - 1 : 0];
}

/* --- the loop --- */

static void deliver(void *ctx, const struct weft_event *event) {
    (void)ctx;
    weft_node_deliver(bench.node, event);
}

static bool run(void *ctx) {
    (void)ctx;
    return weft_node_run(bench.node);
}

static weft_time next_at(void *ctx) {
    (void)ctx;
    return weft_node_next_at(bench.node);
}

static bool done(void *ctx) {
    (void)ctx;
    return bench.done || weft_node_ended(bench.node, NULL);
}

void bench_done(void) { bench.done = true; }
weft_pid bench_root(void) { return bench.root; }

void bench_run(const struct weft_behaviour *root) {
    struct weft_posix_config config = {.folder = NULL};
    struct weft_posix_driver driver = {NULL, deliver, run, next_at, done};
    weft_posix_guard_install();
    BENCH_CHECK(weft_posix_new(&config, &bench.posix) == WEFT_OK);
    struct weft_application app = {
        .name = "bench", .children = {{.id = "bench", .name = "bench", .behaviour = root}}};
    struct weft_app_spec spec = {.application = &app};
    struct weft_node_config node = {.apps = &spec, .apps_count = 1};
    struct weft_reason why;
    BENCH_CHECK(weft_node_new(weft_posix_env(bench.posix), &node, &bench.node, &why) == WEFT_OK);
    struct weft_sched *sched = weft_node_sched(bench.node);
    bench.root = weft_sched_whereis(sched, "bench");
    /* The case begins with a message, when its pid can be told to others. */
    BENCH_CHECK(weft_sched_send(sched, bench.root, 0, weft_bytes(NULL, 0)) == WEFT_OK);
    BENCH_CHECK(weft_posix_loop(bench.posix, &driver) == WEFT_OK);
    BENCH_CHECK(bench.done);
    weft_node_free(bench.node);
    weft_posix_free(bench.posix);
}
