/* A hub linked to many processes that do not trap exits ends with an error, and all of them with
 * it; the root monitors each and waits for the last DOWN. */
#include "tests/bench/otp/kit.h"

#include <stdio.h>

static struct {
    uint64_t wanted, downs;
    int64_t start;
    weft_pid hub, *pid;
} run;

static void leaf_handle(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
}

static WEFT_PROCESS(leaf, .name = "leaf", .handle = leaf_handle);

static int hub_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    struct weft_spawn spawn = {.behaviour = &leaf, .link = true};
    for (uint64_t i = 0; i < run.wanted; i++)
        BENCH_CHECK(weft_spawn(self, &spawn, &run.pid[i]) == WEFT_OK);
    return WEFT_OK;
}

static void hub_handle(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    struct weft_reason boom = weft_reason(WEFT_REASON_ERROR, 7);
    weft_stop(self, &boom);
}

static WEFT_PROCESS(hub, .name = "hub", .init = hub_init, .handle = hub_handle);

static void begin(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &hub};
    weft_ref ref;
    BENCH_CHECK(weft_spawn(self, &spawn, &run.hub) == WEFT_OK);
    for (uint64_t i = 0; i < run.wanted; i++)
        BENCH_CHECK(weft_monitor(self, run.pid[i], &ref) == WEFT_OK);
    run.start = bench_ns();
    BENCH_CHECK(weft_send(self, run.hub, 1, weft_bytes(NULL, 0)) == WEFT_OK);
}

static void handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_CAST) {
        begin(self);
        return;
    }
    BENCH_CHECK(msg->kind == WEFT_MSG_DOWN);
    BENCH_CHECK(msg->reason->kind == WEFT_REASON_ERROR);
    run.downs++;
    if (run.downs < run.wanted) return;
    printf("case=cascade n=%llu us=%.4f\n", (unsigned long long)run.wanted,
           (double)(bench_ns() - run.start) / 1e3 / (double)run.wanted);
    bench_done();
}

static WEFT_PROCESS(root, .name = "root", .handle = handle);

void bench_cascade(const struct bench_args *args) {
    run.wanted = bench_arg(args, 0, 10000);
    run.pid = bench_calloc(run.wanted, sizeof *run.pid);
    bench_run(&root);
}
