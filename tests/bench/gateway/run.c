/* The gateway's node, and a clock from each crash to the next handler, or to the end of the run:
 * what a crash delays others by. Of the wall, and of the processor time of this thread, which does
 * not count whoever else the machine ran meanwhile. */
#define _GNU_SOURCE
#include "tests/bench/gateway/gateway.h"

#include "core/node/node.h"
#include "core/otp/code.h"
#include "core/posix/guard.h"
#include "core/posix/loop.h"
#include "core/weftd/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MODULE "gateway"

struct cost {
    uint64_t count;
    int64_t first, sum, max;
};

static struct {
    struct weft_node *node;
    char **module;
    int64_t wall_at, cpu_at; /* of a crash whose end has not come */
    bool crashing;
    struct cost wall, cpu, swap[GATEWAY_VERSIONS];
} gateway;

static int64_t read_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void count(struct cost *cost, int64_t took) {
    if (cost->count++ == 0) cost->first = took;
    cost->sum += took;
    if (took > cost->max) cost->max = took;
}

void gateway_crashes(void) {
    gateway.crashing = true;
    gateway.wall_at = read_ns(CLOCK_MONOTONIC);
    gateway.cpu_at = read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void gateway_handles(void) {
    if (!gateway.crashing) return;
    gateway.crashing = false;
    count(&gateway.cpu, read_ns(CLOCK_THREAD_CPUTIME_ID) - gateway.cpu_at);
    count(&gateway.wall, read_ns(CLOCK_MONOTONIC) - gateway.wall_at);
}

const struct weft_behaviour *gateway_connection(void) {
    return weft_code_current(weft_node_sched(gateway.node), MODULE)->behaviours[0];
}

static void deliver(void *ctx, const struct weft_event *event) {
    (void)ctx;
    weft_node_deliver(gateway.node, event);
}

static bool run(void *ctx) {
    (void)ctx;
    bool more = weft_node_run(gateway.node);
    gateway_handles();
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

static void check(int rv, const char *what, const struct weft_code_text *why) {
    if (rv != WEFT_OK) fprintf(stderr, "gateway: %s: %s\n", what, why->text);
}

/* What an upgrade does at once: load the second version, and say that it is the current one. */
static void on_upgrade(void *ctx, int signo) {
    (void)ctx, (void)signo;
    struct weft_sched *sched = weft_node_sched(gateway.node);
    struct weft_code_text why;
    int64_t start = read_ns(CLOCK_MONOTONIC);
    int rv = weft_code_load(sched, gateway.module[1], NULL, &why);
    if (rv == WEFT_OK || rv == WEFT_ERR_EXISTS) {
        struct weft_code_upgrade up = {.module = MODULE, .version = 2, .watch = 10};
        rv = weft_code_upgrade(sched, &up, &why);
        weft_posix_places_read();
    }
    check(rv, "upgrade", &why);
    count(&gateway.swap[0], read_ns(CLOCK_MONOTONIC) - start);
}

static void on_rollback(void *ctx, int signo) {
    (void)ctx, (void)signo;
    struct weft_code_text why;
    int64_t start = read_ns(CLOCK_MONOTONIC);
    check(weft_code_rollback(weft_node_sched(gateway.node), MODULE, &why), "rollback", &why);
    count(&gateway.swap[1], read_ns(CLOCK_MONOTONIC) - start);
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    (void)ctx;
    log_event(event);
}

static void report(const char *name, const struct cost *cost) {
    double mean = cost->count > 0 ? (double)cost->sum / (double)cost->count / 1e3 : 0;
    printf(" %s_first_us=%.1f %s_mean_us=%.1f %s_max_us=%.1f", name, (double)cost->first / 1e3,
           name, mean, name, (double)cost->max / 1e3);
}

static void tell(void) {
    struct weft_code_status status = {.switched = 0};
    (void)weft_code_status(weft_node_sched(gateway.node), MODULE, &status);
    printf("gateway crashes=%llu switched=%u failed=%u behind=%u",
           (unsigned long long)gateway.wall.count, status.switched, status.failed, status.behind);
    report("crash", &gateway.wall);
    report("crash_cpu", &gateway.cpu);
    report("upgrade", &gateway.swap[0]);
    report("rollback", &gateway.swap[1]);
    printf("\n");
}

static const struct weft_sup_config connections = {.strategy = WEFT_ONE_FOR_ONE};

static int open_node(struct weft_posix *posix, uint16_t *port) {
    static struct weft_application app = {.name = "gateway", .strategy = WEFT_REST_FOR_ONE};
    static struct weft_app_spec spec = {.application = &app};
    static struct weft_node_module module;
    static struct weft_node_config config = {
        .apps = &spec, .apps_count = 1, .modules = &module, .modules_count = 1};
    struct weft_reason why;
    module.path = gateway.module[0];
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

static int open_posix(struct weft_posix **posix) {
    struct weft_posix_config config = {.folder = NULL,
                                       .trace_mask = log_mask(WEFT_LOG_ERROR),
                                       .log_level = WEFT_LOG_ERROR,
                                       .trace = on_trace};
    weft_posix_guard_install();
    int rv = weft_posix_new(&config, posix);
    if (rv == WEFT_OK) rv = weft_posix_on_signal(*posix, SIGTERM, on_signal, NULL);
    if (rv == WEFT_OK) rv = weft_posix_on_signal(*posix, SIGUSR1, on_upgrade, NULL);
    if (rv == WEFT_OK) rv = weft_posix_on_signal(*posix, SIGUSR2, on_rollback, NULL);
    return rv;
}

int gateway_run(uint16_t port, char *module[GATEWAY_VERSIONS]) {
    struct weft_posix_driver driver = {NULL, deliver, run, next_at, done};
    struct weft_posix *posix;
    gateway.module = module;
    if (open_posix(&posix) != WEFT_OK) return 1;
    if (open_node(posix, &port) != WEFT_OK) return 1;
    weft_posix_places_read();
    log_start();
    printf("listening\n");
    fflush(stdout);
    int rv = weft_posix_loop(posix, &driver);
    log_stop();
    tell();
    weft_node_free(gateway.node);
    weft_posix_free(posix);
    return rv == WEFT_OK ? 0 : 1;
}
