/* https://www.erlang.org/doc/man/gen_server.html; otp25-vectors gs.* */
#include "tests/unit/otp/fake_env.h"

#include "core/base/assert.h"

struct counter {
    uint64_t n;
    bool has_later;
    struct weft_call later;
};

enum {
    TAG_BUMP = 1,
    TAG_LATER,
    TAG_NOW,
    TAG_STOP_REPLY,
    TAG_STOP,
    TAG_CRASH,
    TAG_IDLE,
    TAG_CONTINUE
};

static weft_pid server, client;
static weft_ref ref;

static int on_init(weft_self *self, struct weft_bytes arg) {
    struct counter *counter = weft_state(self);
    CHECK_EQ_UINT(counter->n, 0);
    if (arg.size == 1) weft_trap_exit(self, true);
    if (arg.size == 2) weft_gen_server_continue(self);
    if (arg.size == 3) weft_gen_server_timeout(self, WEFT_MS(5));
    note("init");
    return WEFT_OK;
}

static void on_call(weft_self *self, const struct weft_msg *call) {
    struct counter *counter = weft_state(self);
    switch (call->tag) {
    case TAG_BUMP:
        counter->n++;
        weft_reply_now(self, call, &counter->n, sizeof counter->n);
        break;
    case TAG_LATER:
        counter->later = weft_call_of(call);
        break;
    case TAG_STOP_REPLY:
        weft_reply_now(self, call, "bye", 3);
        stop_normal(self);
        break;
    case TAG_STOP:
        stop_boom(self);
        break;
    case TAG_CRASH:
        fault_assert(self);
        break;
    default:
        weft_reply_error(self, call, WEFT_ERR_UNSUPPORTED);
    }
}

static void on_cast(weft_self *self, const struct weft_msg *cast) {
    struct counter *counter = weft_state(self);
    note("cast %u", cast->tag);
    if (cast->tag == TAG_NOW) weft_reply(self, &counter->later, WEFT_OK, weft_bytes_text("later"));
    if (cast->tag == TAG_IDLE) weft_gen_server_timeout(self, WEFT_MS(10));
    if (cast->tag == TAG_CONTINUE) weft_gen_server_continue(self);
}

static void on_info(weft_self *self, const struct weft_msg *info) {
    probe_note(self, "server", info);
}
static void on_timeout(weft_self *self) {
    note("idle at %d ms", (int)(weft_now(self) / WEFT_MS(1)) - 1000000);
}
static void on_continue(weft_self *self) {
    (void)self;
    note("continue");
}
static void on_terminate(weft_self *self, const struct weft_reason *why) {
    (void)self;
    note("terminate %s", why_text(why));
}

static WEFT_GEN_SERVER(counter_v1, .name = "counter", .version = 1,
                       .state_size = sizeof(struct counter), .init = on_init,
                       .handle_call = on_call, .handle_cast = on_cast, .handle_info = on_info,
                       .handle_timeout = on_timeout, .handle_continue = on_continue,
                       .terminate = on_terminate);

static WEFT_GEN_SERVER(bare_v1, .name = "bare");

static const struct weft_behaviour *starting;
static size_t variant;
static void spawn_server(weft_self *self) {
    struct weft_spawn spawn = {
        .behaviour = starting, .arg = weft_bytes("xxx", variant), .link = true};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &server), WEFT_OK);
}

static void open_server(const struct weft_behaviour *behaviour, size_t how) {
    world_open();
    client = probe("client", 0);
    starting = behaviour;
    variant = how;
    in(client, spawn_server);
    name_pid(server, "server");
}

static uint32_t tag;
static void call_server(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, server, tag, weft_bytes(NULL, 0), WEFT_S(5), &ref), WEFT_OK);
}
static void call(uint32_t with) {
    tag = with;
    in(client, call_server);
}
static void cast(uint32_t with) {
    CHECK_EQ_INT(weft_sched_send(world.sched, server, with, weft_bytes(NULL, 0)), WEFT_OK);
}

static void a_call_is_answered_from_handle_call(void) {
    open_server(&counter_v1, 0);
    call(TAG_BUMP);
    CHECK_LOG("init, client reply server OK \x01");
    call(99);
    CHECK_LOG("client reply server UNSUPPORTED");
    world_close();
}

static void a_call_may_be_answered_later(void) {
    open_server(&counter_v1, 0);
    call(TAG_LATER);
    pass(WEFT_S(1));
    CHECK_LOG("init");
    cast(TAG_NOW);
    settle();
    CHECK_LOG("cast 3, client reply server OK later");
    world_close();
}

static void a_server_may_answer_and_stop(void) {
    open_server(&counter_v1, 0);
    call(TAG_STOP_REPLY);
    CHECK_LOG("init, terminate normal/0, client reply server OK bye");
    CHECK(!alive(server));
    CHECK(alive(client));
    world_close();
}

static void trap(weft_self *self) { weft_trap_exit(self, true); }

static void a_server_that_stops_without_an_answer_answers_no_proc(void) {
    open_server(&counter_v1, 0);
    in(client, trap);
    call(TAG_STOP);
    CHECK_LOG("init, terminate error/7, client exit server error/7, client reply server NO_PROC");
    world_close();
}

static void a_server_that_crashes_answers_no_proc_without_terminate(void) {
    open_server(&counter_v1, 0);
    in(client, trap);
    call(TAG_CRASH);
    CHECK_LOG("init, client exit server fault/1, client reply server NO_PROC");
    world_close();
}

static void continue_runs_before_any_message(void) {
    open_server(&counter_v1, 0);
    cast(TAG_CONTINUE);
    cast(TAG_BUMP);
    settle();
    CHECK_LOG("init, cast 8, continue, cast 1");
    world_close();
}

static void continue_asked_for_in_init_runs_first(void) {
    open_server(&counter_v1, 2);
    CHECK_LOG("init, continue");
    world_close();
}

static void the_timeout_fires_when_idle_and_only_then(void) {
    open_server(&counter_v1, 0);
    cast(TAG_IDLE);
    pass(WEFT_MS(9));
    CHECK_LOG("init, cast 7");
    pass(WEFT_MS(1));
    CHECK_LOG("idle at 10 ms");
    pass(WEFT_S(1));
    CHECK_LOG("");
    world_close();
}

static void any_message_disarms_the_timeout(void) {
    open_server(&counter_v1, 0);
    cast(TAG_IDLE);
    pass(WEFT_MS(9));
    cast(TAG_BUMP);
    pass(WEFT_S(1));
    CHECK_LOG("init, cast 7, cast 1");
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void a_message_that_lies_before_the_timeout_disarms_it(void) {
    open_server(&counter_v1, 0);
    cast(TAG_IDLE);
    settle();
    world.now += WEFT_MS(10);
    cast(TAG_BUMP);
    settle();
    CHECK_LOG("init, cast 7, cast 1");
    world_close();
}

static void a_timeout_armed_again_replaces_the_earlier_one(void) {
    open_server(&counter_v1, 3);
    CHECK_LOG("init");
    cast(TAG_IDLE);
    pass(WEFT_MS(5));
    CHECK_LOG("cast 7");
    CHECK_EQ_UINT(stats().timers, 1);
    pass(WEFT_MS(5));
    CHECK_LOG("idle at 10 ms");
    world_close();
}

static void a_timeout_armed_in_init_fires(void) {
    open_server(&counter_v1, 3);
    pass(WEFT_MS(5));
    CHECK_LOG("init, idle at 5 ms");
    world_close();
}

static void exit_server(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, server, &why);
}

static void the_parents_exit_runs_terminate_when_trapping(void) {
    open_server(&counter_v1, 1);
    in(client, trap);
    in(client, exit_server);
    CHECK_LOG("init, terminate shutdown/0, client exit server shutdown/0");
    world_close();
}

static void the_parents_exit_runs_no_terminate_when_not_trapping(void) {
    open_server(&counter_v1, 0);
    in(client, trap);
    in(client, exit_server);
    CHECK_LOG("init, client exit server shutdown/0");
    world_close();
}

static void the_exit_of_another_is_an_info(void) {
    open_server(&counter_v1, 1);
    weft_pid other = probe("other", 0);
    in(other, exit_server);
    CHECK_LOG("init, server exit other shutdown/0");
    world_close();
}

static void a_message_without_a_callback_is_dropped_and_logged(void) {
    open_server(&bare_v1, 0);
    cast(TAG_BUMP);
    settle();
    CHECK_EQ_UINT(traced(WEFT_TRACE_LOG), 1);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_LOG)->number[0], WEFT_LOG_WARN);
    CHECK(strstr(traced_last(WEFT_TRACE_LOG)->text, "(bare) has no handle_cast") != NULL);
    CHECK(alive(server));
    call(TAG_BUMP);
    CHECK_EQ_UINT(traced(WEFT_TRACE_LOG), 2);
    pass(WEFT_S(5));
    CHECK_LOG("client reply server TIMEOUT");
    world_close();
}

static WEFT_PROCESS(bare_trap_v1, .name = "bare", .init = on_init,
                    .state_size = sizeof(struct counter), .handle = weft_gen_server_handle);

static void an_exit_nobody_handles_is_dropped_silently(void) {
    open_server(&bare_trap_v1, 1);
    weft_pid other = probe("other", 0);
    in(other, exit_server);
    CHECK_EQ_UINT(traced(WEFT_TRACE_LOG), 0);
    CHECK(alive(server));
    CHECK_LOG("init");
    world_close();
}

static void arm(weft_self *self) { weft_gen_server_timeout(self, 0); }

static void arming_a_timeout_without_its_callback_is_a_fault(void) {
    world_open();
    weft_pid a = probe("a", 0);
    in(a, arm);
    CHECK(!alive(a));
    CHECK_EQ_UINT(stats().faulted, 1);
    world_close();
}

TEST_MAIN("otp/gen_server", TEST(a_call_is_answered_from_handle_call),
          TEST(a_call_may_be_answered_later), TEST(a_server_may_answer_and_stop),
          TEST(a_server_that_stops_without_an_answer_answers_no_proc),
          TEST(a_server_that_crashes_answers_no_proc_without_terminate),
          TEST(continue_runs_before_any_message), TEST(continue_asked_for_in_init_runs_first),
          TEST(the_timeout_fires_when_idle_and_only_then), TEST(any_message_disarms_the_timeout),
          TEST(a_message_that_lies_before_the_timeout_disarms_it),
          TEST(a_timeout_armed_again_replaces_the_earlier_one), TEST(a_timeout_armed_in_init_fires),
          TEST(the_parents_exit_runs_terminate_when_trapping),
          TEST(the_parents_exit_runs_no_terminate_when_not_trapping),
          TEST(the_exit_of_another_is_an_info),
          TEST(a_message_without_a_callback_is_dropped_and_logged),
          TEST(an_exit_nobody_handles_is_dropped_silently),
          TEST(arming_a_timeout_without_its_callback_is_a_fault))
