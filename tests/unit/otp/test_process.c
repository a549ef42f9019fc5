#include "tests/unit/otp/fake_env.h"

#include "core/base/limits.h"

#include <stdio.h>

static weft_pid a, b;
static int rv;

static void send_b_1_2_3(weft_self *self) {
    for (uint32_t tag = 1; tag <= 3; tag++) rv |= weft_send(self, b, tag, weft_bytes_text("x"));
}

static void messages_of_a_pair_stay_in_order(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    rv = 0;
    in(a, send_b_1_2_3);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("b cast a 1 x, b cast a 2 x, b cast a 3 x");
    world_close();
}

static void send_a(weft_self *self) { rv = weft_send(self, a, 9, weft_bytes(NULL, 0)); }

static void a_send_to_a_dead_process_says_no_proc(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(a, stop_normal);
    CHECK_LOG("a terminate normal/0");
    in(b, send_a);
    CHECK_EQ_INT(rv, WEFT_ERR_NO_PROC);
    world_close();
}

static void a_process_may_send_to_itself(void) {
    world_open();
    a = probe("a", 0);
    in(a, send_a);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("a cast a 9");
    world_close();
}

static void a_dead_pid_is_not_somebody_else(void) {
    world_open();
    a = probe("a", 0);
    in(a, stop_normal);
    b = probe("b", 0);
    CHECK_EQ_UINT(a.raw & 0xffffff, b.raw & 0xffffff);
    CHECK(!weft_pid_equal(a, b));
    CHECK(!alive(a));
    CHECK(alive(b));
    CHECK_EQ_INT(weft_sched_send(world.sched, a, 1, weft_bytes(NULL, 0)), WEFT_ERR_NO_PROC);
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static void free_slots_are_used_again_first_in_first_out(void) {
    world_open();
    weft_pid pids[3];
    for (int i = 0; i < 3; i++) pids[i] = probe("x", 0);
    in(pids[2], stop_normal);
    in(pids[0], stop_normal);
    CHECK_EQ_UINT(probe("y", 0).raw & 0xffffff, pids[2].raw & 0xffffff);
    CHECK_EQ_UINT(probe("z", 0).raw & 0xffffff, pids[0].raw & 0xffffff);
    CHECK_LOG("x terminate normal/0, x terminate normal/0");
    world_close();
}

static int init_nothing(weft_self *self, struct weft_bytes arg) {
    (void)self;
    (void)arg;
    return WEFT_ERR_IGNORE;
}

static void handle_nothing(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    (void)msg;
}

static WEFT_PROCESS(ignorer_v1, .name = "ignorer", .init = init_nothing, .handle = handle_nothing);

static uint64_t serial_seen;

static void burn_slot(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &ignorer_v1};
    for (uint32_t i = 0; i < (1u << 20) - 1; i++) {
        weft_pid pid;
        if (weft_spawn(self, &spawn, &pid) != WEFT_ERR_IGNORE) return;
    }
    serial_seen = 1;
}

static void a_slot_whose_serials_are_used_up_is_retired(void) {
    world_open();
    world.env.trace_mask = 0;
    serial_seen = 0;
    in(world.root, burn_slot);
    CHECK_EQ_UINT(serial_seen, 1);
    a = probe("a", 0);
    /* The root holds slot 0; slot 1 is used up. */
    CHECK_EQ_UINT(a.raw & 0xffffff, 2);
    CHECK_EQ_UINT(a.raw >> 24, 1);
    world_close();
}

static weft_time seen_now[2];

static void look_at_now(weft_self *self) {
    seen_now[0] = weft_now(self);
    world.now += WEFT_MS(5);
    seen_now[1] = weft_now(self);
}

static void all_handlers_of_a_run_see_the_same_time(void) {
    world_open();
    a = probe("a", 0);
    weft_time before = world.now;
    in(a, look_at_now);
    CHECK_EQ_INT(seen_now[0], before);
    CHECK_EQ_INT(seen_now[1], before);
    world_close();
}

static void look_at_self(weft_self *self) {
    CHECK(weft_pid_equal(weft_self_pid(self), a));
    CHECK(weft_pid_equal(weft_self_parent(self), world.root));
    CHECK(weft_self_behaviour(self) == &probe_v1);
    CHECK(weft_self_env(self) == &world.env);
    CHECK(weft_alive(self, a));
    CHECK(!weft_alive(self, WEFT_PID_NONE));
    CHECK(!weft_alive(self, (weft_pid){a.raw | UINT64_C(1) << 50}));
    CHECK(!weft_alive(self, (weft_pid){a.raw + 1000}));
}

static void a_process_knows_itself_its_parent_and_its_env(void) {
    world_open();
    a = probe("a", 0);
    in(a, look_at_self);
    CHECK_EQ_UINT(stats().faulted, 0);
    world_close();
}

static int init_rv;
static int init_fails(weft_self *self) {
    note("init");
    weft_send(self, weft_self_pid(self), 1, weft_bytes(NULL, 0));
    return init_rv;
}

static void spawn_failing(weft_self *self) {
    struct probe_arg arg = {.name = "f", .init = init_fails};
    struct weft_spawn spawn = {.behaviour = &probe_v1,
                               .arg = weft_bytes(&arg, sizeof arg),
                               .name = "f",
                               .link = true,
                               .monitor = true};
    weft_ref ref = 77;
    spawn.ref = &ref;
    rv = weft_spawn(self, &spawn, &b);
    CHECK_EQ_UINT(ref, 0);
    CHECK(weft_pid_is_none(b));
    CHECK_EQ_TEXT(why_text(weft_last_reason(self)),
                  init_rv == WEFT_ERR_IGNORE ? "normal/0" : "error/-13");
    CHECK(weft_pid_is_none(weft_whereis(self, "f")));
}

static void a_start_that_fails_returns_what_init_returned_and_sends_no_exit(void) {
    world_open();
    init_rv = WEFT_ERR_MALFORMED;
    a = probe("a", PROBE_TRAP);
    in(a, spawn_failing);
    CHECK_EQ_INT(rv, WEFT_ERR_MALFORMED);
    CHECK_LOG("init");
    CHECK_EQ_UINT(stats().procs, 2);
    world_close();
}

static void an_init_that_chooses_ignore_leaves_no_process_and_no_name(void) {
    world_open();
    init_rv = WEFT_ERR_IGNORE;
    a = probe("a", PROBE_TRAP);
    in(a, spawn_failing);
    CHECK_EQ_INT(rv, WEFT_ERR_IGNORE);
    CHECK_LOG("init");
    CHECK_EQ_UINT(stats().procs, 2);
    CHECK_EQ_UINT(stats().spawned, 3);
    CHECK_EQ_UINT(stats().exited, 1);
    world_close();
}

static void spawn_named_twice(weft_self *self) {
    struct probe_arg arg = {.name = "n"};
    struct weft_spawn spawn = {
        .behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg), .name = "n"};
    weft_pid first, second;
    CHECK_EQ_INT(weft_spawn(self, &spawn, &first), WEFT_OK);
    CHECK_EQ_INT(weft_spawn(self, &spawn, &second), WEFT_ERR_EXISTS);
    CHECK(weft_pid_equal(first, second));
}

static void a_taken_name_says_who_started_already(void) {
    world_open();
    in(world.root, spawn_named_twice);
    CHECK_EQ_UINT(stats().procs, 2);
    world_close();
}

static int init_whoami(weft_self *self) {
    note("%s %d", weft_pid_is_none(weft_self_pid(self)) ? "nobody" : "somebody",
         weft_pid_equal(weft_whereis(self, "me"), weft_self_pid(self)));
    return WEFT_OK;
}

static void spawn_me(weft_self *self) {
    struct probe_arg arg = {.name = "me", .init = init_whoami};
    struct weft_spawn spawn = {
        .behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg), .name = "me"};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &a), WEFT_OK);
    note("spawned");
}

static void init_returns_before_spawn_does_and_knows_its_pid_and_name(void) {
    world_open();
    in(world.root, spawn_me);
    CHECK_LOG("somebody 1, spawned");
    world_close();
}

static int init_stops(weft_self *self) {
    stop_boom(self);
    return WEFT_OK;
}

static void spawn_stopping(weft_self *self) {
    struct probe_arg arg = {.name = "s", .init = init_stops};
    struct weft_spawn spawn = {
        .behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg), .link = true};
    rv = weft_spawn(self, &spawn, &b);
    name_pid(b, "s");
}

static void a_stop_in_init_ends_a_process_that_did_start(void) {
    world_open();
    a = probe("a", PROBE_TRAP);
    in(a, spawn_stopping);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("s terminate error/7, a exit s error/7");
    world_close();
}

static int init_unlinks_parent(weft_self *self) {
    weft_unlink(self, weft_self_parent(self));
    return WEFT_ERR_IO;
}
static int init_links_parent(weft_self *self) {
    weft_link(self, weft_self_parent(self));
    return WEFT_ERR_IO;
}
static bool link_it;
static int (*linking_init)(weft_self *self);
static void spawn_linking(weft_self *self) {
    struct probe_arg arg = {.name = "u", .init = linking_init};
    struct weft_spawn spawn = {
        .behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg), .link = link_it};
    weft_pid pid;
    rv = weft_spawn(self, &spawn, &pid);
}

static void a_failed_start_sends_no_exit_whatever_its_init_linked_or_unlinked(void) {
    for (int i = 0; i < 2; i++) {
        world_open();
        a = probe("a", PROBE_TRAP);
        link_it = i == 0;
        linking_init = i == 0 ? init_unlinks_parent : init_links_parent;
        in(a, spawn_linking);
        CHECK_EQ_INT(rv, WEFT_ERR_IO);
        CHECK_EQ_UINT(stats().procs, 2);
        CHECK_LOG("");
        world_close();
    }
}

static int init_links_dead(weft_self *self) {
    weft_link(self, b);
    return WEFT_OK;
}

static void spawn_linking_dead(weft_self *self) {
    struct probe_arg arg = {.name = "l", .init = init_links_dead};
    struct weft_spawn spawn = {.behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg)};
    weft_pid pid;
    rv = weft_spawn(self, &spawn, &pid);
    CHECK_EQ_TEXT(why_text(weft_last_reason(self)), "noproc/0");
}

static void an_exit_signal_in_init_fails_the_start(void) {
    world_open();
    b = probe("b", 0);
    in(b, stop_normal);
    in(world.root, spawn_linking_dead);
    CHECK_EQ_INT(rv, WEFT_ERR_NO_PROC);
    CHECK_LOG("b terminate normal/0");
    world_close();
}

static int spawn_deeper(weft_self *self) {
    struct probe_arg arg = {.name = "deep", .init = spawn_deeper};
    struct weft_spawn spawn = {.behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg)};
    weft_pid pid;
    int depth = weft_spawn(self, &spawn, &pid);
    if (depth != WEFT_OK) rv = depth;
    return WEFT_OK;
}

static void start_deep(weft_self *self) { (void)spawn_deeper(self); }

static void inits_that_start_inits_end_at_a_bound(void) {
    world_open();
    in(world.root, start_deep);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_EQ_UINT(stats().procs, 1 + WEFT_SPAWN_DEPTH_MAX);
    world_close();
}

static void stop_twice(weft_self *self) {
    stop_boom(self);
    stop_normal(self);
}

static void the_first_reason_to_stop_counts(void) {
    world_open();
    a = probe("a", 0);
    in(a, stop_twice);
    CHECK_LOG("a terminate error/7");
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_PROC_EXIT)->number[1], WEFT_REASON_ERROR);
    CHECK_EQ_INT((int64_t)traced_last(WEFT_TRACE_PROC_EXIT)->number[2], 7);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_PROC_EXIT)->number[3], 0);
    world_close();
}

static void messages_behind_a_stop_are_not_handled(void) {
    world_open();
    a = probe("a", 0);
    in_later(a, stop_normal);
    weft_sched_send(world.sched, a, 5, weft_bytes(NULL, 0));
    settle();
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static void a_process_handles_a_bounded_number_of_messages_a_turn(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    for (uint32_t i = 0; i < WEFT_TURN_MAX + 1; i++)
        weft_sched_send(world.sched, a, i, weft_bytes(NULL, 0));
    weft_sched_send(world.sched, b, 1000, weft_bytes(NULL, 0));
    CHECK(weft_sched_run(world.sched, WEFT_TURN_MAX + 1));
    world.log[0] == 'a' ? (void)0 : (void)CHECK(false);
    CHECK(strstr(world.log, "b cast - 1000") != NULL);
    CHECK_EQ_UINT(stats().runnable, 1);
    world_log_clear();
    settle();
    char last[32] = "a cast - ";
    CHECK_EQ_BYTES(world.log, last, strlen(last));
    CHECK_EQ_UINT(stats().runnable, 0);
    world_log_clear();
    world_close();
}

static void a_run_handles_at_most_as_many_messages_as_it_may(void) {
    world_open();
    a = probe("a", 0);
    for (uint32_t i = 1; i <= 3; i++) weft_sched_send(world.sched, a, i, weft_bytes(NULL, 0));
    CHECK(weft_sched_run(world.sched, 2));
    CHECK_LOG("a cast - 1, a cast - 2");
    CHECK_EQ_INT(weft_sched_next_at(world.sched), world.now);
    CHECK(!weft_sched_run(world.sched, 2));
    CHECK_LOG("a cast - 3");
    CHECK_EQ_INT(weft_sched_next_at(world.sched), WEFT_TIME_NEVER);
    world_close();
}

static void the_end_of_the_root_is_the_end_of_the_node(void) {
    world_open();
    struct weft_reason why;
    CHECK(!weft_sched_ended(world.sched, &why));
    in(world.root, stop_boom);
    CHECK(weft_sched_ended(world.sched, &why));
    CHECK_EQ_TEXT(why_text(&why), "error/7");
    CHECK_LOG("root terminate error/7");
    world_close();
}

static void an_exit_from_outside_is_the_parent_exit_of_the_root(void) {
    world_open();
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_sched_exit(world.sched, world.root, &why);
    settle();
    CHECK_LOG("root terminate shutdown/0");
    CHECK(weft_sched_ended(world.sched, NULL));
    world_close();
}

static void starts_and_ends_are_traced(void) {
    world_open();
    a = probe("a", PROBE_NAME);
    const struct fake_trace *start = traced_last(WEFT_TRACE_PROC_START);
    CHECK_EQ_UINT(start->number[0], a.raw);
    CHECK_EQ_UINT(start->number[1], world.root.raw);
    CHECK_EQ_TEXT(start->text, "a");
    in(a, stop_normal);
    CHECK_EQ_UINT(traced(WEFT_TRACE_PROC_EXIT), 1);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_PROC_EXIT)->number[0], a.raw);
    CHECK_EQ_UINT(traced(WEFT_TRACE_LOG), 0);
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static char seen[512];

static void see(void *ctx, const struct weft_proc_info *info) {
    (void)ctx;
    size_t at = strlen(seen);
    snprintf(seen + at, sizeof seen - at, "%s:%s:%u:%s ", info->name != NULL ? info->name : "-",
             info->behaviour, info->mailbox, info->trap_exit ? "trap" : "");
}

static void each_process_is_shown_by_ascending_slot(void) {
    world_open();
    a = probe("a", PROBE_NAME);
    b = probe("b", PROBE_TRAP);
    weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0));
    seen[0] = '\0';
    weft_sched_each(world.sched, see, NULL);
    CHECK_EQ_TEXT(seen, "-:probe:0:trap a:probe:0: -:probe:1:trap ");
    world_close();
}

static void a_node_of_five_processes_is_a_few_kilobytes(void) {
    world_open();
    for (int i = 0; i < 4; i++) probe("x", PROBE_LINK);
    CHECK(world.heap.bytes < 4096);
    world_close();
}

#define MILLION (WEFT_PROCS_MAX < 1000000 ? WEFT_PROCS_MAX - 8 : 1000000)

static WEFT_PROCESS(nothing_v1, .name = "nothing", .state_size = 64, .handle = handle_nothing);

static void spawn_million(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &nothing_v1, .link = true};
    for (int i = 0; i < MILLION; i++) {
        weft_pid pid;
        if (weft_spawn(self, &spawn, &pid) != WEFT_OK) return;
    }
}

static void a_million_processes_live_and_end(void) {
    world_pooled = true;
    world_open();
    world_pooled = false;
    world.env.trace_mask = 0;
    a = probe("a", 0);
    size_t before = world.heap.bytes;
    in(a, spawn_million);
    CHECK_EQ_UINT(stats().procs, MILLION + 2);
    size_t each = (world.heap.bytes - before) / MILLION;
    if (MILLION == 1000000) CHECK(each < 320); /* process, state, link, slot */
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 1);
    weft_sched_exit(world.sched, a, &why);
    CHECK_EQ_UINT(stats().procs, 1);
    world_close();
}

static void the_reason_of_an_end_is_readable(void) {
    struct weft_reason why = weft_reason_text(WEFT_REASON_SHUTDOWN, 3, "%s %d", "why", 5);
    CHECK_EQ_TEXT(why.text, "why 5");
    CHECK(weft_reason_is_clean(&why));
    why = weft_reason(WEFT_REASON_KILLED, 0);
    CHECK(!weft_reason_is_clean(&why));
    CHECK_EQ_TEXT(weft_reason_name(WEFT_REASON_START), "failed_to_start");
    CHECK_EQ_TEXT(weft_reason_name((enum weft_reason_kind)99), "?");
    char big[200];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    why = weft_reason_text(WEFT_REASON_ERROR, 1, "%s", big);
    CHECK_EQ_UINT(strlen(why.text), WEFT_REASON_TEXT_SIZE - 1);
}

TEST_MAIN("otp/process", TEST(messages_of_a_pair_stay_in_order),
          TEST(a_send_to_a_dead_process_says_no_proc), TEST(a_process_may_send_to_itself),
          TEST(a_dead_pid_is_not_somebody_else), TEST(free_slots_are_used_again_first_in_first_out),
          TEST(a_slot_whose_serials_are_used_up_is_retired),
          TEST(all_handlers_of_a_run_see_the_same_time),
          TEST(a_process_knows_itself_its_parent_and_its_env),
          TEST(a_start_that_fails_returns_what_init_returned_and_sends_no_exit),
          TEST(an_init_that_chooses_ignore_leaves_no_process_and_no_name),
          TEST(a_taken_name_says_who_started_already),
          TEST(init_returns_before_spawn_does_and_knows_its_pid_and_name),
          TEST(a_stop_in_init_ends_a_process_that_did_start),
          TEST(a_failed_start_sends_no_exit_whatever_its_init_linked_or_unlinked),
          TEST(an_exit_signal_in_init_fails_the_start), TEST(inits_that_start_inits_end_at_a_bound),
          TEST(the_first_reason_to_stop_counts), TEST(messages_behind_a_stop_are_not_handled),
          TEST(a_process_handles_a_bounded_number_of_messages_a_turn),
          TEST(a_run_handles_at_most_as_many_messages_as_it_may),
          TEST(the_end_of_the_root_is_the_end_of_the_node),
          TEST(an_exit_from_outside_is_the_parent_exit_of_the_root),
          TEST(starts_and_ends_are_traced), TEST(each_process_is_shown_by_ascending_slot),
          TEST(a_node_of_five_processes_is_a_few_kilobytes), TEST(a_million_processes_live_and_end),
          TEST(the_reason_of_an_end_is_readable))
