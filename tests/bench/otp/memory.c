/* Idle gen_servers with 64 bytes of state under one supervisor: resident memory each, and how fast
 * they start, one supervisor:start_child after the other. */
#include "tests/bench/otp/kit.h"

#include <stdio.h>

#define STATE_SIZE 64
/* Less than this a process needs anyway: with less memory than that free, do not begin. */
#define BYTES_LIKELY 400

static struct {
    uint64_t wanted, started, before_kib;
    int64_t start;
    weft_pid sup;
} run;

static int idle_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    unsigned char *state = weft_state(self);
    for (int i = 0; i < STATE_SIZE; i++) state[i] = (unsigned char)i;
    return WEFT_OK;
}

static void idle_call(weft_self *self, const struct weft_msg *call) {
    weft_reply_now(self, call, weft_state(self), STATE_SIZE);
}

static WEFT_GEN_SERVER(idle, .name = "idle", .state_size = STATE_SIZE, .init = idle_init,
                       .handle_call = idle_call);

static void start_one(weft_self *self) {
    struct weft_child_spec spec = {.id = "", .behaviour = &idle};
    weft_ref ref;
    BENCH_CHECK(weft_sup_start_child(self, run.sup, &spec, &ref) == WEFT_OK);
}

static void finish(void) {
    int64_t took = bench_ns() - run.start;
    uint64_t after_kib = bench_resident_kib();
    printf("case=memory n=%llu bytes_each=%.0f start_ns=%.0f resident_mib=%llu\n",
           (unsigned long long)run.wanted,
           (double)(after_kib - run.before_kib) * 1024 / (double)run.wanted,
           (double)took / (double)run.wanted, (unsigned long long)(after_kib / 1024));
    bench_done();
}

static void on_cast(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    struct weft_sup_config config = {.intensity = 1, .period = WEFT_S(5)};
    struct weft_spawn spawn = {
        .behaviour = &weft_supervisor, .arg = weft_bytes(&config, sizeof config), .link = true};
    BENCH_CHECK(weft_spawn(self, &spawn, &run.sup) == WEFT_OK);
    run.before_kib = bench_resident_kib();
    run.start = bench_ns();
    start_one(self);
}

static void on_info(weft_self *self, const struct weft_msg *msg) {
    BENCH_CHECK(msg->kind == WEFT_MSG_REPLY);
    BENCH_CHECK(msg->status == WEFT_OK);
    run.started++;
    if (run.started < run.wanted) {
        start_one(self);
    } else {
        finish();
    }
}

static WEFT_GEN_SERVER(root, .name = "root", .handle_cast = on_cast, .handle_info = on_info);

void bench_memory(const struct bench_args *args) {
    run.wanted = bench_arg(args, 0, 1000000);
    BENCH_CHECK(bench_available_kib() > run.wanted * BYTES_LIKELY / 1024);
    bench_run(&root);
}
