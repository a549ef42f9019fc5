/* A supervisor's children are killed, one after the other, and started again.
 *
 * A latency is the time from before weft_exit to when the init of the new child runs, which tells
 * the root (a message), which kills the next one: at once, or after a pause. */
#include "tests/bench/otp/kit.h"

#include <stdio.h>

#define TAG_BEGIN 0
#define TAG_STARTED 1
#define TAG_KILL 2
#define ENDS 1000 /* intensity: the first and the last so many */

static struct {
    uint64_t kids, kills, done, started;
    uint64_t pause_ms;
    weft_duration period;
    weft_pid sup, *pid;
    uint64_t victim;
    int64_t killed_at, began, filled_at, shutdown_at, *latency;
    void (*report)(void);
    bool shutdown;
} run;

static int kid_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    int64_t now = bench_ns();
    weft_pid me = weft_self_pid(self);
    if (!weft_pid_is_none(run.pid[run.victim])) run.latency[run.done] = now - run.killed_at;
    int rv = weft_send(self, bench_root(), TAG_STARTED, weft_bytes(&me, sizeof me));
    BENCH_CHECK(rv == WEFT_OK);
    return WEFT_OK;
}

static void kid_call(weft_self *self, const struct weft_msg *call) {
    weft_reply_now(self, call, NULL, 0);
}

static WEFT_GEN_SERVER(kid, .name = "kid", .state_size = 8, .init = kid_init,
                       .handle_call = kid_call);

static void start_kid(weft_self *self) {
    char id[24];
    weft_ref ref;
    snprintf(id, sizeof id, "%llu", (unsigned long long)run.started);
    struct weft_child_spec spec = {.id = id, .behaviour = &kid};
    run.victim = run.started;
    BENCH_CHECK(weft_sup_start_child(self, run.sup, &spec, &ref) == WEFT_OK);
}

static void kill_one(weft_self *self) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    if (run.kids > 10) run.victim = bench_random(run.kids);
    run.killed_at = bench_ns();
    weft_exit(self, run.pid[run.victim], &kill);
}

static void shut_down(weft_self *self) {
    struct weft_reason shutdown = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_ref ref;
    BENCH_CHECK(weft_monitor(self, run.sup, &ref) == WEFT_OK);
    run.shutdown_at = bench_ns();
    weft_exit(self, run.sup, &shutdown);
}

static void next(weft_self *self) {
    weft_ref ref;
    if (run.started < run.kids) {
        start_kid(self);
    } else if (run.shutdown) {
        shut_down(self);
    } else if (run.done == run.kills) {
        run.report();
        bench_done();
    } else if (run.pause_ms == 0) {
        kill_one(self);
    } else {
        BENCH_CHECK(weft_timer_start(self, WEFT_MS(run.pause_ms), TAG_KILL, weft_bytes(NULL, 0),
                                     &ref) == WEFT_OK);
    }
}

static void on_started(weft_self *self, const struct weft_msg *msg) {
    bool again = run.started == run.kids;
    memcpy(&run.pid[run.victim], msg->data.data, sizeof(weft_pid));
    if (again) {
        run.done++;
        next(self);
    }
}

static void begin(weft_self *self) {
    struct weft_sup_config config = {.intensity = 1000000000, .period = run.period};
    struct weft_spawn spawn = {
        .behaviour = &weft_supervisor, .arg = weft_bytes(&config, sizeof config), .link = true};
    weft_trap_exit(self, true);
    BENCH_CHECK(weft_spawn(self, &spawn, &run.sup) == WEFT_OK);
    run.began = bench_ns();
    start_kid(self);
}

static void on_cast(weft_self *self, const struct weft_msg *msg) {
    if (msg->tag == TAG_BEGIN) {
        begin(self);
    } else {
        on_started(self, msg);
    }
}

static void on_info(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_REPLY) { /* of start_child: the first message of init came before */
        BENCH_CHECK(msg->status == WEFT_OK);
        run.started++;
        if (run.started == run.kids) run.filled_at = bench_ns();
        next(self);
    } else if (msg->kind == WEFT_MSG_TIMER) {
        kill_one(self);
    } else if (msg->kind == WEFT_MSG_DOWN) {
        run.report();
        bench_done();
    }
}

static WEFT_GEN_SERVER(root, .name = "root", .handle_cast = on_cast, .handle_info = on_info);

static void go(void) {
    run.pid = bench_calloc(run.kids, sizeof *run.pid);
    run.latency = bench_calloc(run.kills + 1, sizeof *run.latency);
    bench_run(&root);
}

static double us(int64_t ns) { return (double)ns / 1e3; }

static void report_restarts(void) {
    printf("case=restarts kids=%llu kills=%llu pause_ms=%llu start_us=%.3f", //
           (unsigned long long)run.kids, (unsigned long long)run.kills,
           (unsigned long long)run.pause_ms, us(run.filled_at - run.began) / (double)run.kids);
    printf(" p50_us=%.3f", us(bench_quantile(run.latency, run.kills, 500)));
    printf(" p99_us=%.3f", us(bench_quantile(run.latency, run.kills, 990)));
    printf(" max_us=%.3f\n", us(bench_quantile(run.latency, run.kills, 1000)));
}

void bench_restarts(const struct bench_args *args) {
    run.kids = bench_arg(args, 0, 10000);
    run.kills = bench_arg(args, 1, 5000);
    run.pause_ms = args->n[2];
    run.period = WEFT_S(1);
    run.report = report_restarts;
    go();
}

static void report_intensity(void) {
    size_t ends = run.kills < ENDS ? run.kills : ENDS;
    int64_t first = bench_quantile(run.latency, ends, 500);
    int64_t last = bench_quantile(run.latency + run.kills - ends, ends, 500);
    printf("case=intensity restarts=%llu first_p50_us=%.3f last_p50_us=%.3f\n",
           (unsigned long long)run.kills, us(first), us(last));
}

/* One of ten children is killed again and again within one period. */
void bench_intensity(const struct bench_args *args) {
    run.kids = 10;
    run.kills = bench_arg(args, 0, 50000);
    run.period = WEFT_S(3600);
    run.report = report_intensity;
    go();
}

static void report_shutdown(void) {
    printf("case=shutdown kids=%llu ms=%.3f\n", (unsigned long long)run.kids,
           (double)(bench_ns() - run.shutdown_at) / 1e6);
}

/* The supervisor is told to end: children in reverse order, each gone before the next is told. */
void bench_shutdown(const struct bench_args *args) {
    run.kids = bench_arg(args, 0, 100000);
    run.period = WEFT_S(1);
    run.report = report_shutdown;
    run.shutdown = true;
    go();
}
