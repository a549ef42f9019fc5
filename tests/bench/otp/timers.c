/* Timers: start many that are far away, over 5 s, then cancel each. */
#include "tests/bench/otp/kit.h"

#include <stdio.h>
#include <stdlib.h>

#define FAR WEFT_S(1000)
#define SPREAD_MS 5000

static uint64_t count;

static void handle(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    weft_ref *refs = bench_calloc(count, sizeof *refs);
    int64_t start = bench_ns();
    for (uint64_t i = 0; i < count; i++) {
        weft_duration delay = FAR + WEFT_MS(i % SPREAD_MS);
        int rv = weft_timer_start(self, delay, 1, weft_bytes(NULL, 0), &refs[i]);
        BENCH_CHECK(rv == WEFT_OK);
    }
    int64_t started = bench_ns();
    for (uint64_t i = 0; i < count; i++) BENCH_CHECK(weft_timer_cancel(self, refs[i]) > 0);
    int64_t cancelled = bench_ns();
    printf("case=timers n=%llu start_rate=%.0f cancel_rate=%.0f\n", (unsigned long long)count,
           (double)count * 1e9 / (double)(started - start),
           (double)count * 1e9 / (double)(cancelled - started));
    free(refs);
    bench_done();
}

static WEFT_PROCESS(root, .name = "root", .handle = handle);

void bench_timers(const struct bench_args *args) {
    count = bench_arg(args, 0, 1000000);
    bench_run(&root);
}
