/* Spawn and exit: the whole life of a process that does one small thing.
 *
 * spawn_init: the thing is done in init. spawn_turn: the process gets a turn of its own after
 * init, as on the BEAM, where it runs when the scheduler comes to it. In both the parent starts
 * BATCH at a time and then lets others run. */
#include "tests/bench/otp/kit.h"

#include <stdio.h>

#define BATCH 1000

static struct {
    uint64_t wanted, started, lived;
    int64_t start;
    const char *name;
    const struct weft_behaviour *child;
} run;

static void end(weft_self *self) {
    struct weft_reason normal = weft_reason(WEFT_REASON_NORMAL, 0);
    run.lived++;
    weft_stop(self, &normal);
}

static int init_ends(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    end(self);
    return WEFT_OK;
}

static int init_continues(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    weft_gen_server_continue(self);
    return WEFT_OK;
}

static WEFT_GEN_SERVER(in_init, .name = "in_init", .init = init_ends);
static WEFT_GEN_SERVER(in_turn, .name = "in_turn", .init = init_continues, .handle_continue = end);

static void batch(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = run.child};
    weft_pid pid;
    for (int i = 0; i < BATCH && run.started < run.wanted; i++, run.started++)
        BENCH_CHECK(weft_spawn(self, &spawn, &pid) == WEFT_OK);
    BENCH_CHECK(weft_send(self, weft_self_pid(self), 1, weft_bytes(NULL, 0)) == WEFT_OK);
}

static void on_cast(weft_self *self, const struct weft_msg *msg) {
    if (msg->tag == 0) run.start = bench_ns();
    if (run.lived < run.wanted) {
        batch(self);
        return;
    }
    int64_t took = bench_ns() - run.start;
    printf("case=%s n=%llu ns=%.1f\n", run.name, (unsigned long long)run.wanted,
           (double)took / (double)run.wanted);
    bench_done();
}

static WEFT_GEN_SERVER(root, .name = "root", .handle_cast = on_cast);

void bench_spawn_init(const struct bench_args *args) {
    run.wanted = bench_arg(args, 0, 5000000);
    run.name = "spawn_init";
    run.child = &in_init;
    bench_run(&root);
}

void bench_spawn_turn(const struct bench_args *args) {
    run.wanted = bench_arg(args, 0, 5000000);
    run.name = "spawn_turn";
    run.child = &in_turn;
    bench_run(&root);
}
