/* What a crash costs those who did not: from a bad access in a handler to the next handler of the
 * same scheduler, the crash report in the log included. bench_crash [CRASHES] [PAUSE_US] writes the
 * log to standard error. Processor time of the scheduler's thread, so that it says the same on a
 * machine that others use; the first crash apart, and what the calls below took of the others. */
#define _GNU_SOURCE
#include "core/otp/sched.h"
#include "core/posix/guard.h"
#include "core/posix/loop.h"
#include "core/weftd/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CRASHES_MAX 100000

static struct {
    struct weft_sched *sched;
    uint32_t wanted, count;
    int64_t began;
    weft_duration pause;
    int64_t took[CRASHES_MAX];
    bool done;
} bench;

static int64_t cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

__attribute__((noinline, no_sanitize("undefined"))) static void parse(const unsigned char *data) {
    unsigned char *volatile nowhere = NULL;
    bench.began = cpu_ns();
    *nowhere = data == NULL;
}

static void victim(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    parse(msg->data.data);
}

static const struct weft_behaviour victim_v1 = {.name = "victim", .handle = victim};

static void next(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &victim_v1, .monitor = true};
    weft_ref ref;
    weft_pid pid;
    spawn.ref = &ref;
    if (weft_spawn(self, &spawn, &pid) != WEFT_OK) abort();
    if (weft_send(self, pid, 0, weft_bytes(NULL, 0)) != WEFT_OK) abort();
}

static void root(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_DOWN) {
        bench.took[bench.count++] = cpu_ns() - bench.began;
        if (bench.count == bench.wanted) {
            bench.done = true;
        } else if (weft_timer_start(self, bench.pause, 0, weft_bytes(NULL, 0), NULL) != WEFT_OK) {
            abort();
        }
        return;
    }
    next(self);
}

static const struct weft_behaviour root_v1 = {.name = "root", .handle = root};

static void deliver(void *ctx, const struct weft_event *event) {
    (void)ctx;
    weft_sched_deliver(bench.sched, event);
}
static bool run(void *ctx) {
    (void)ctx;
    return weft_sched_run(bench.sched, 1024);
}
static weft_time next_at(void *ctx) {
    (void)ctx;
    return weft_sched_next_at(bench.sched);
}
static bool done(void *ctx) {
    (void)ctx;
    return bench.done;
}

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    (void)ctx;
    log_event(event);
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double us(int64_t ns) { return (double)ns / 1e3; }

static void tell(void) {
    int64_t first = bench.took[0], sum = 0;
    for (uint32_t i = 0; i < bench.count; i++) sum += bench.took[i];
    qsort(bench.took, bench.count, sizeof bench.took[0], ascending);
    printf("crashes=%u first_us=%.1f mean_us=%.1f p50_us=%.1f p99_us=%.1f worst_us=%.1f\n",
           bench.count, us(first), us(sum / bench.count), us(bench.took[bench.count / 2]),
           us(bench.took[bench.count - 1 - bench.count / 100]), us(bench.took[bench.count - 1]));
}

int main(int argc, char **argv) {
    struct weft_posix_driver driver = {NULL, deliver, run, next_at, done};
    struct weft_posix_config config = {
        .trace_mask = log_mask(WEFT_LOG_ERROR), .log_level = WEFT_LOG_ERROR, .trace = on_trace};
    struct weft_sched_config sched = {.index = 0};
    struct weft_spawn spawn = {.behaviour = &root_v1};
    struct weft_posix *posix;
    weft_pid pid;
    bench.wanted = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000;
    bench.pause = argc > 2 ? WEFT_US(atoi(argv[2])) : WEFT_MS(1);
    if (bench.wanted == 0 || bench.wanted > CRASHES_MAX) return 2;
    weft_posix_guard_install();
    if (weft_posix_new(&config, &posix) != WEFT_OK) return 1;
    if (weft_sched_new(weft_posix_env(posix), &sched, &bench.sched) != WEFT_OK) return 1;
    if (weft_sched_start(bench.sched, &spawn, &pid, NULL) != WEFT_OK) return 1;
    weft_posix_places_read();
    log_start();
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL); /* a node's start takes longer */
    if (weft_sched_send(bench.sched, pid, 0, weft_bytes(NULL, 0)) != WEFT_OK) return 1;
    if (weft_posix_loop(posix, &driver) != WEFT_OK) return 1;
    log_stop();
    tell();
    weft_sched_free(bench.sched);
    weft_posix_free(posix);
    return 0;
}
