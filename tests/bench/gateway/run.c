/* The gateway's node, and a clock around each of its runs: a crash can delay others by no more
 * than the run of the node in which it happens. */
#define _GNU_SOURCE
#include "tests/bench/gateway/gateway.h"

#include "core/node/node.h"
#include "core/posix/guard.h"
#include "core/posix/loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct worst {
    uint64_t runs;
    int64_t sum, max;
};

static struct {
    struct weft_node *node;
    uint64_t crashes, crashes_before;
    struct worst with, without; /* a crash in the run */
} gateway;

void gateway_crashes(void) { gateway.crashes++; }

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void count(struct worst *worst, int64_t took) {
    worst->runs++;
    worst->sum += took;
    if (took > worst->max) worst->max = took;
}

static void deliver(void *ctx, const struct weft_event *event) {
    (void)ctx;
    weft_node_deliver(gateway.node, event);
}

static bool run(void *ctx) {
    (void)ctx;
    int64_t start = now_ns();
    gateway.crashes_before = gateway.crashes;
    bool more = weft_node_run(gateway.node);
    bool crashed = gateway.crashes != gateway.crashes_before;
    count(crashed ? &gateway.with : &gateway.without, now_ns() - start);
    return more;
}

static weft_time next_at(void *ctx) {
    (void)ctx;
    return weft_node_next_at(gateway.node);
}

static bool done(void *ctx) {
    (void)ctx;
    return weft_node_ended(gateway.node, NULL);
}

static void on_signal(void *ctx, int signo) {
    (void)ctx;
    (void)signo;
    weft_node_stop(gateway.node);
}

static void report(const char *name, const struct worst *worst) {
    double mean = worst->runs > 0 ? (double)worst->sum / (double)worst->runs / 1e3 : 0;
    printf(" %s_runs=%llu %s_mean_us=%.1f %s_max_us=%.1f", name, (unsigned long long)worst->runs,
           name, mean, name, (double)worst->max / 1e3);
}

static void tell(void) {
    printf("gateway crashes=%llu", (unsigned long long)gateway.crashes);
    report("crash", &gateway.with);
    report("other", &gateway.without);
    printf("\n");
}

static const struct weft_sup_config connections = {.strategy = WEFT_ONE_FOR_ONE};

static int open_node(struct weft_posix *posix, uint16_t *port) {
    static struct weft_application app = {.name = "gateway", .strategy = WEFT_REST_FOR_ONE};
    static struct weft_app_spec spec = {.application = &app};
    static struct weft_node_config config = {.apps = &spec, .apps_count = 1};
    struct weft_reason why;
    app.children[0] = (struct weft_child_spec){.id = "connections",
                                               .name = "connections",
                                               .behaviour = &weft_supervisor,
                                               .arg = weft_bytes(&connections, sizeof connections)};
    app.children[1] = (struct weft_child_spec){
        .id = "listener", .behaviour = &gateway_listener, .arg = weft_bytes(port, sizeof *port)};
    int rv = weft_node_new(weft_posix_env(posix), &config, &gateway.node, &why);
    if (rv != WEFT_OK) fprintf(stderr, "gateway: %s: %s\n", weft_error_text(rv), why.text);
    return rv;
}

int gateway_run(uint16_t port) {
    struct weft_posix_config config = {.folder = NULL};
    struct weft_posix_driver driver = {NULL, deliver, run, next_at, done};
    struct weft_posix *posix;
    weft_posix_guard_install();
    if (weft_posix_new(&config, &posix) != WEFT_OK) return 1;
    if (weft_posix_on_signal(posix, SIGTERM, on_signal, NULL) != WEFT_OK) return 1;
    if (open_node(posix, &port) != WEFT_OK) return 1;
    printf("listening\n");
    fflush(stdout);
    int rv = weft_posix_loop(posix, &driver);
    tell();
    weft_node_free(gateway.node);
    weft_posix_free(posix);
    return rv == WEFT_OK ? 0 : 1;
}
