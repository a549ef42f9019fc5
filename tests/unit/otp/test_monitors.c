/* otp25-vectors monitor.*, demonitor.* */
#include "tests/unit/otp/fake_env.h"

static weft_pid a, b;
static weft_ref ref, other;
static int rv;

static void monitor_b(weft_self *self) { rv = weft_monitor(self, b, &ref); }
static void monitor_b_twice(weft_self *self) {
    weft_monitor(self, b, &ref);
    weft_monitor(self, b, &other);
}
static void demonitor(weft_self *self) { weft_demonitor(self, ref); }
static void send_a(weft_self *self) { weft_send(self, a, 5, weft_bytes(NULL, 0)); }

static void open_ab(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
}

static void a_monitor_tells_the_reason_once(void) {
    open_ab();
    in(a, monitor_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(ref != 0);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7, a down b error/7");
    world_close();
}

static void a_monitor_tells_a_normal_end_too(void) {
    open_ab();
    in(a, monitor_b);
    in(b, stop_normal);
    CHECK_LOG("b terminate normal/0, a down b normal/0");
    world_close();
}

static void a_monitor_of_the_dead_tells_noproc(void) {
    open_ab();
    in(b, stop_normal);
    in(a, monitor_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("b terminate normal/0, a down b noproc/0");
    world_close();
}

static void two_monitors_tell_twice(void) {
    open_ab();
    in(a, monitor_b_twice);
    CHECK(ref != other);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7, a down b error/7, a down b error/7");
    world_close();
}

static void after_demonitor_no_down_comes(void) {
    open_ab();
    in(a, monitor_b);
    in(a, demonitor);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7");
    world_close();
}

static void demonitor_takes_a_down_out_of_the_mailbox(void) {
    open_ab();
    in(a, monitor_b);
    in_later(b, stop_boom);
    in_later(a, demonitor);
    settle();
    CHECK_LOG("b terminate error/7");
    world_close();
}

static void demonitor_of_one_leaves_the_other(void) {
    open_ab();
    in(a, monitor_b_twice);
    in(a, demonitor);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7, a down b error/7");
    world_close();
}

static void demonitor_of_another_process_or_of_nothing_does_nothing(void) {
    open_ab();
    in(a, monitor_b);
    in(b, demonitor);
    ref += 1;
    in(a, demonitor);
    ref = 0;
    in(a, demonitor);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7, a down b error/7");
    world_close();
}

static weft_ref seen;
static void handle_down(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind != WEFT_MSG_DOWN) {
        weft_monitor(self, b, &ref);
        return;
    }
    seen = msg->ref;
    weft_demonitor(self, msg->ref); /* of the message being handled: too late, and harmless */
    note("down");
}
static WEFT_PROCESS(watcher_v1, .name = "watcher", .handle = handle_down);
static weft_pid watcher;
static void spawn_watcher(weft_self *self) {
    weft_spawn(self, &(struct weft_spawn){.behaviour = &watcher_v1}, &watcher);
}

static void the_down_carries_the_ref_of_its_monitor(void) {
    open_ab();
    in(a, spawn_watcher);
    weft_sched_send(world.sched, watcher, 1, weft_bytes(NULL, 0));
    settle();
    in(b, stop_normal);
    CHECK_EQ_UINT(seen, ref);
    CHECK_LOG("b terminate normal/0, down");
    world_close();
}

static void last_words(weft_self *self) {
    send_a(self);
    stop_boom(self);
}

static void a_message_sent_before_the_end_arrives_before_the_down(void) {
    open_ab();
    in(a, monitor_b);
    in(b, last_words);
    CHECK_LOG("b terminate error/7, a cast b 5, a down b error/7");
    world_close();
}

static void monitor_self(weft_self *self) { weft_monitor(self, weft_self_pid(self), &ref); }

static void monitors_go_with_their_process(void) {
    open_ab();
    in(a, monitor_b_twice);
    in(a, monitor_self);
    in(a, stop_normal);
    in(b, stop_boom);
    CHECK_LOG("a terminate normal/0, b terminate error/7");
    world_close();
}

static void spawn_monitored(weft_self *self) {
    struct probe_arg arg = {.name = "m"};
    struct weft_spawn spawn = {
        .behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg), .monitor = true, .ref = &ref};
    ref = 0;
    rv = weft_spawn(self, &spawn, &b);
}

static void a_process_is_monitored_from_its_start(void) {
    open_ab();
    in(a, spawn_monitored);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(ref != 0);
    in(b, stop_boom);
    CHECK_LOG("m terminate error/7, a down m error/7");
    world_close();
}

static void the_told_are_told_in_the_order_they_asked(void) {
    open_ab();
    weft_pid c = probe("c", 0);
    in(c, monitor_b);
    in(a, monitor_b);
    in(world.root, monitor_b);
    in(b, stop_normal);
    CHECK_LOG("b terminate normal/0, c down b normal/0, a down b normal/0, root down b normal/0");
    world_close();
}

static weft_ref refs[3];
static void collect_refs(weft_self *self) {
    for (int i = 0; i < 3; i++) {
        weft_monitor(self, b, &refs[i]);
        weft_demonitor(self, refs[i]);
    }
}

static void a_ref_never_comes_again(void) {
    open_ab();
    in(a, collect_refs);
    CHECK(refs[0] != refs[1]);
    CHECK(refs[1] != refs[2]);
    CHECK(refs[0] != refs[2]);
    world_close();
}

static void stop_in_need(weft_self *self) {
    world.heap.bytes_max = 1;
    stop_boom(self);
}

/* On another scheduler it is the first that this one has to tell that of a. */
static void a_down_needs_no_memory(void) {
    open_ab();
    in(a, monitor_b);
    in_later(b, stop_in_need);
    struct weft_sched *sched = world_far ? world.scheds[weft_pid_sched(b)] : world.sched;
    for (int i = 0; i < 100; i++) (void)weft_sched_run(sched, 10);
    world.heap.bytes_max = 0;
    settle();
    CHECK_LOG("b terminate error/7, a down b error/7");
    world_close();
}

TEST_MAIN("otp/monitors", TEST(a_down_needs_no_memory), TEST(a_monitor_tells_the_reason_once),
          TEST(a_monitor_tells_a_normal_end_too), TEST(a_monitor_of_the_dead_tells_noproc),
          TEST(two_monitors_tell_twice), TEST(after_demonitor_no_down_comes),
          TEST(demonitor_takes_a_down_out_of_the_mailbox), TEST(demonitor_of_one_leaves_the_other),
          TEST(demonitor_of_another_process_or_of_nothing_does_nothing),
          TEST(the_down_carries_the_ref_of_its_monitor),
          TEST(a_message_sent_before_the_end_arrives_before_the_down),
          TEST(monitors_go_with_their_process), TEST(a_process_is_monitored_from_its_start),
          TEST(the_told_are_told_in_the_order_they_asked), TEST(a_ref_never_comes_again))
