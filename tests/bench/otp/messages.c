/* Messages: call, ping-pong, many to one, one to many. Every message carries 8 bytes, as the
 * peers' do. */
#include "tests/bench/otp/kit.h"

#include <stdio.h>

#define WARM 10000

static struct {
    uint64_t wanted, done, parties, finished;
    int64_t start;
    weft_pid peer;
    weft_pid *peers;
} run;

static struct weft_bytes number(const uint64_t *n) { return weft_bytes(n, sizeof *n); }

static void begin(uint64_t wanted) {
    run.wanted = wanted;
    run.done = 0;
    run.start = bench_ns();
}

static weft_pid start(weft_self *self, const struct weft_behaviour *behaviour) {
    struct weft_spawn spawn = {.behaviour = behaviour};
    weft_pid pid;
    BENCH_CHECK(weft_spawn(self, &spawn, &pid) == WEFT_OK);
    return pid;
}

static void send_self(weft_self *self, uint32_t tag) {
    BENCH_CHECK(weft_send(self, weft_self_pid(self), tag, weft_bytes(NULL, 0)) == WEFT_OK);
}

static void each(const char *name, uint64_t count) {
    int64_t took = bench_ns() - run.start;
    printf("case=%s n=%llu ns=%.1f rate=%.0f\n", name, (unsigned long long)count,
           (double)took / (double)count, (double)count * 1e9 / (double)took);
    bench_done();
}

/* --- call: one caller, the next call when the answer is there --- */

static void server_call(weft_self *self, const struct weft_msg *call) {
    uint64_t *state = weft_state(self);
    *state += 1;
    weft_reply_now(self, call, state, sizeof *state);
}

static WEFT_GEN_SERVER(server, .name = "server", .state_size = 8, .handle_call = server_call);

static void ask(weft_self *self) {
    weft_ref ref;
    BENCH_CHECK(weft_call(self, run.peer, 1, number(&run.done), WEFT_S(5), &ref) == WEFT_OK);
}

static uint64_t calls;

static void caller_cast(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    run.peer = start(self, &server);
    begin(WARM);
    ask(self);
}

static void caller_info(weft_self *self, const struct weft_msg *msg) {
    BENCH_CHECK(msg->status == WEFT_OK);
    BENCH_CHECK(msg->data.size == sizeof(uint64_t));
    run.done++;
    if (run.done < run.wanted) {
        ask(self);
    } else if (run.wanted == WARM) {
        begin(calls);
        ask(self);
    } else {
        each("call", run.wanted);
    }
}

static WEFT_GEN_SERVER(caller, .name = "caller", .handle_cast = caller_cast,
                       .handle_info = caller_info);

void bench_call(const struct bench_args *args) {
    calls = bench_arg(args, 0, 3000000);
    bench_run(&caller);
}

/* --- ping-pong --- */

static void pong_handle(weft_self *self, const struct weft_msg *msg) {
    BENCH_CHECK(weft_send(self, msg->from, 1, msg->data) == WEFT_OK);
}

static WEFT_PROCESS(pong, .name = "pong", .handle = pong_handle);

static uint64_t rounds;

static void ping_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->tag == 0) {
        run.peer = start(self, &pong);
        begin(WARM);
    } else {
        run.done++;
    }
    if (run.done == run.wanted && run.wanted == WARM) begin(rounds);
    if (run.done == run.wanted) {
        each("pingpong", run.wanted);
        return;
    }
    BENCH_CHECK(weft_send(self, run.peer, 1, number(&run.done)) == WEFT_OK);
}

static WEFT_PROCESS(ping, .name = "ping", .handle = ping_handle);

void bench_pingpong(const struct bench_args *args) {
    rounds = bench_arg(args, 0, 5000000);
    bench_run(&ping);
}

/* --- many to one: a sender that finds the mailbox full waits for the next run --- */

#define BURST 32
#define BOX 1024 /* as the buffered channel of Go's */

struct sender {
    uint64_t left;
};

static int sender_init(weft_self *self, struct weft_bytes arg) {
    struct sender *sender = weft_state(self);
    (void)arg;
    sender->left = run.wanted / run.parties;
    weft_gen_server_continue(self);
    return WEFT_OK;
}

/* A message to itself would come within the same turn, and find the mailbox as full as before. */
static void wait_for_room(weft_self *self) {
    weft_ref ref;
    BENCH_CHECK(weft_timer_start(self, 0, 1, weft_bytes(NULL, 0), &ref) == WEFT_OK);
}

static void sender_continue(weft_self *self) {
    struct sender *sender = weft_state(self);
    for (int i = 0; i < BURST && sender->left > 0; i++, sender->left--) {
        int rv = weft_send(self, run.peer, 1, number(&sender->left));
        if (rv == WEFT_ERR_FULL) {
            wait_for_room(self);
            return;
        }
        BENCH_CHECK(rv == WEFT_OK);
    }
    if (sender->left > 0) send_self(self, 1);
}

static void sender_cast(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    sender_continue(self);
}

static WEFT_GEN_SERVER(sender, .name = "sender", .state_size = sizeof(struct sender),
                       .init = sender_init, .handle_cast = sender_cast, .handle_info = sender_cast,
                       .handle_continue = sender_continue);

static void receiver_handle(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    BENCH_CHECK(msg->data.size == sizeof(uint64_t));
    run.done++;
    if (run.done == run.wanted) each("fan_in", run.wanted);
}

static WEFT_PROCESS(receiver, .name = "receiver", .handle = receiver_handle);

static uint32_t mailbox;

static void fan_in_handle(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    struct weft_spawn spawn = {.behaviour = &receiver, .mailbox_max = mailbox};
    BENCH_CHECK(weft_spawn(self, &spawn, &run.peer) == WEFT_OK);
    run.start = bench_ns();
    for (uint64_t i = 0; i < run.parties; i++) (void)start(self, &sender);
}

static WEFT_PROCESS(fan_in, .name = "fan_in", .handle = fan_in_handle);

void bench_fan_in(const struct bench_args *args) {
    run.parties = bench_arg(args, 0, 10);
    run.wanted = bench_arg(args, 1, 10000000) / run.parties * run.parties;
    mailbox = (uint32_t)bench_arg(args, 2, BOX);
    bench_run(&fan_in);
}

/* --- one to many: a message to each, and again --- */

static void counter_handle(weft_self *self, const struct weft_msg *msg) {
    uint64_t *got = weft_state(self);
    BENCH_CHECK(msg->data.size == sizeof(uint64_t));
    *got += 1;
    if (*got < run.wanted) return;
    run.finished++;
    if (run.finished == run.parties) each("fan_out", run.wanted * run.parties);
}

static WEFT_PROCESS(counter, .name = "counter", .state_size = 8, .handle = counter_handle);

static void fan_out_handle(weft_self *self, const struct weft_msg *msg) {
    if (msg->tag == 0) {
        run.peers = bench_calloc(run.parties, sizeof *run.peers);
        for (uint64_t i = 0; i < run.parties; i++) run.peers[i] = start(self, &counter);
        begin(run.wanted);
    }
    for (uint64_t i = 0; i < run.parties; i++)
        BENCH_CHECK(weft_send(self, run.peers[i], 1, number(&run.done)) == WEFT_OK);
    run.done++;
    if (run.done < run.wanted) send_self(self, 1);
}

static WEFT_PROCESS(fan_out, .name = "fan_out", .handle = fan_out_handle);

void bench_fan_out(const struct bench_args *args) {
    run.parties = bench_arg(args, 0, 1000);
    run.wanted = bench_arg(args, 1, 10000);
    bench_run(&fan_out);
}
