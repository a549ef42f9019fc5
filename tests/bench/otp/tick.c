/* A process that wants to run each millisecond beside many that always have work.
 *
 * Tick i is due at start + i ms, whenever the one before came; how late its handler begins is
 * what is measured. The others spin for 20 us with each message and send themselves the next.
 * tick_bare is the machine itself: the same series by clock_nanosleep in a process with nothing
 * else to do. */
#define _GNU_SOURCE
#include "tests/bench/otp/kit.h"

#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#define PERIOD WEFT_MS(1)
#define SPIN WEFT_US(20)
#define LEAD WEFT_MS(20)
#define GIVE_UP 2 /* times the planned time */

static struct {
    const char *name;
    uint64_t busy, wanted, done;
    int64_t start, *late;
    enum weft_priority priority; /* of the one who ticks */
} run;

static void busy_cast(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    int64_t end = bench_ns() + SPIN;
    while (bench_ns() < end) {
    }
    BENCH_CHECK(weft_send(self, weft_self_pid(self), 1, weft_bytes(NULL, 0)) == WEFT_OK);
}

static int busy_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    return weft_send(self, weft_self_pid(self), 1, weft_bytes(NULL, 0));
}

static WEFT_GEN_SERVER(busy, .name = "busy", .init = busy_init, .handle_cast = busy_cast);

static void report(void) {
    double p50 = (double)bench_quantile(run.late, run.wanted, 500) / 1e3;
    double p99 = (double)bench_quantile(run.late, run.wanted, 990) / 1e3;
    double p999 = (double)bench_quantile(run.late, run.wanted, 999) / 1e3;
    double max = (double)bench_quantile(run.late, run.wanted, 1000) / 1e3;
    printf("case=%s ticks=%llu busy=%llu p50_us=%.1f p99_us=%.1f p999_us=%.1f max_us=%.1f\n",
           run.name, (unsigned long long)run.wanted, (unsigned long long)run.busy, p50, p99, p999,
           max);
}

static void arm(weft_self *self) {
    weft_ref ref;
    int64_t due = run.start + (int64_t)run.done * PERIOD;
    weft_duration delay = due - weft_now(self);
    int rv = weft_timer_start(self, delay > 0 ? delay : 0, 1, weft_bytes(NULL, 0), &ref);
    BENCH_CHECK(rv == WEFT_OK);
}

static void tick(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_TIMER) {
        run.late[run.done] = bench_ns() - (run.start + (int64_t)run.done * PERIOD);
        run.done++;
    }
    int64_t planned = (int64_t)run.wanted * PERIOD;
    if (run.done == run.wanted || bench_ns() > run.start + GIVE_UP * planned) {
        run.wanted = run.done;
        report();
        bench_done();
        return;
    }
    arm(self);
}

static WEFT_PROCESS(ticker, .name = "ticker", .handle = tick);

static void begin(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    struct weft_spawn spawn = {.behaviour = &busy};
    weft_pid pid;
    for (uint64_t i = 0; i < run.busy; i++) BENCH_CHECK(weft_spawn(self, &spawn, &pid) == WEFT_OK);
    spawn = (struct weft_spawn){.behaviour = &ticker, .priority = run.priority};
    BENCH_CHECK(weft_spawn(self, &spawn, &pid) == WEFT_OK);
    run.start = bench_ns() + LEAD;
    BENCH_CHECK(weft_send(self, pid, 1, weft_bytes(NULL, 0)) == WEFT_OK);
}

static WEFT_PROCESS(root, .name = "root", .handle = begin);

static void prepare(const struct bench_args *args, const char *name) {
    run.name = name;
    run.busy = bench_arg(args, 0, 100);
    run.wanted = bench_arg(args, 1, 5000);
    run.late = bench_calloc(run.wanted, sizeof *run.late);
    prctl(PR_SET_TIMERSLACK, 1);
}

void bench_tick(const struct bench_args *args) {
    prepare(args, "tick");
    bench_run(&root);
}

void bench_tick_high(const struct bench_args *args) {
    prepare(args, "tick_high");
    run.priority = WEFT_PRIORITY_HIGH;
    bench_run(&root);
}

void bench_tick_bare(const struct bench_args *args) {
    prepare(args, "tick_bare");
    run.busy = 0;
    run.start = bench_ns() + LEAD;
    for (; run.done < run.wanted; run.done++) {
        int64_t due = run.start + (int64_t)run.done * PERIOD;
        struct timespec at = {.tv_sec = due / WEFT_S(1), .tv_nsec = due % WEFT_S(1)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        run.late[run.done] = bench_ns() - due;
    }
    report();
}
