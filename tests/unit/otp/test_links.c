#include "tests/unit/otp/fake_env.h"

static weft_pid a, b, c;
static int rv;

static void link_a(weft_self *self) { rv = weft_link(self, a); }
static void link_b(weft_self *self) { rv = weft_link(self, b); }
static void link_c(weft_self *self) { rv = weft_link(self, c); }
static void unlink_b(weft_self *self) { weft_unlink(self, b); }

static void exit_b(weft_self *self, enum weft_reason_kind kind, int32_t code) {
    struct weft_reason why = weft_reason(kind, code);
    weft_exit(self, b, &why);
}

static void exit_b_normal(weft_self *self) { exit_b(self, WEFT_REASON_NORMAL, 0); }
static void exit_b_shutdown(weft_self *self) { exit_b(self, WEFT_REASON_SHUTDOWN, 0); }
static void exit_b_kill(weft_self *self) { exit_b(self, WEFT_REASON_KILL, 0); }
static void exit_b_boom(weft_self *self) { exit_b(self, WEFT_REASON_ERROR, 7); }

/* --- exit/2: otp25-vectors exit.* --- */

static const char *last_exit(void) {
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    static struct weft_reason why;
    if (trace == NULL) return "none";
    why = weft_reason((enum weft_reason_kind)trace->number[1], (int32_t)trace->number[2]);
    return why_text(&why);
}

static void exit_of_b(unsigned options, void (*fn)(weft_self *), const char *log,
                      const char *ended) {
    world_open();
    a = probe("a", 0), b = probe("b", options);
    in(a, fn);
    CHECK_LOG(log);
    CHECK_EQ_TEXT(last_exit(), ended);
    CHECK_EQ_INT(alive(b), strcmp(ended, "none") == 0);
    world_close();
}

static void exit_normal_is_ignored_by_who_does_not_trap(void) {
    exit_of_b(0, exit_b_normal, "", "none");
}
static void exit_normal_is_a_message_to_who_traps(void) {
    exit_of_b(PROBE_TRAP, exit_b_normal, "b exit a normal/0", "none");
}
static void exit_shutdown_ends_who_does_not_trap_without_terminate(void) {
    exit_of_b(0, exit_b_shutdown, "", "shutdown/0");
}
static void exit_shutdown_is_a_message_to_who_traps(void) {
    exit_of_b(PROBE_TRAP, exit_b_shutdown, "b exit a shutdown/0", "none");
}
static void exit_kill_is_seen_as_killed(void) { exit_of_b(0, exit_b_kill, "", "killed/0"); }
static void exit_kill_cannot_be_trapped(void) {
    exit_of_b(PROBE_TRAP, exit_b_kill, "", "killed/0");
}
static void exit_error_ends_who_does_not_trap(void) { exit_of_b(0, exit_b_boom, "", "error/7"); }
static void exit_error_is_a_message_to_who_traps(void) {
    exit_of_b(PROBE_TRAP, exit_b_boom, "b exit a error/7", "none");
}

static void exit_self(weft_self *self, enum weft_reason_kind kind) {
    struct weft_reason why = weft_reason(kind, 0);
    weft_exit(self, weft_self_pid(self), &why);
    note("still here");
}
static void exit_self_normal(weft_self *self) { exit_self(self, WEFT_REASON_NORMAL); }
static void exit_self_kill(weft_self *self) { exit_self(self, WEFT_REASON_KILL); }

static void exit_self_of(unsigned options, void (*fn)(weft_self *), const char *log,
                         const char *ended) {
    world_open();
    b = probe("b", options);
    in(b, fn);
    CHECK_LOG(log);
    CHECK_EQ_TEXT(last_exit(), ended);
    world_close();
}

static void exit_normal_to_oneself_ends_when_the_handler_returns(void) {
    exit_self_of(0, exit_self_normal, "still here", "normal/0");
}
static void exit_normal_to_oneself_is_a_message_when_trapping(void) {
    exit_self_of(PROBE_TRAP, exit_self_normal, "still here, b exit b normal/0", "none");
}
static void exit_kill_to_oneself_cannot_be_trapped(void) {
    exit_self_of(PROBE_TRAP, exit_self_kill, "still here", "killed/0");
}

static void an_exit_to_the_dead_is_ignored(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(b, stop_normal);
    in(a, exit_b_boom);
    CHECK(alive(a));
    CHECK_LOG("b terminate normal/0");
    world_close();
}

static void kill_b_and_send(weft_self *self) {
    rv = weft_send(self, b, 1, weft_bytes(NULL, 0));
    exit_b_kill(self);
    CHECK_EQ_INT(weft_send(self, b, 2, weft_bytes(NULL, 0)), WEFT_ERR_NO_PROC);
    CHECK(!weft_alive(self, b));
}

static void an_untrapped_signal_acts_at_once_and_discards_the_mailbox(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(a, kill_b_and_send);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("");
    world_close();
}

/* --- links: otp25-vectors link.*, unlink.* --- */

static void peer_ends(unsigned options, void (*how)(weft_self *), const char *log, bool survives) {
    world_open();
    a = probe("a", options), b = probe("b", 0);
    in(a, link_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    in(b, how);
    CHECK_LOG(log);
    CHECK_EQ_INT(alive(a), survives);
    world_close();
}

static void a_normal_end_of_a_linked_peer_is_survived(void) {
    peer_ends(0, stop_normal, "b terminate normal/0", true);
}
static void a_normal_end_of_a_linked_peer_is_a_message_when_trapping(void) {
    peer_ends(PROBE_TRAP, stop_normal, "b terminate normal/0, a exit b normal/0", true);
}
static void an_error_of_a_linked_peer_spreads(void) {
    peer_ends(0, stop_boom, "b terminate error/7", false);
}
static void an_error_of_a_linked_peer_is_a_message_when_trapping(void) {
    peer_ends(PROBE_TRAP, stop_boom, "b terminate error/7, a exit b error/7", true);
}
static void kill_from_within_spreads_as_kill_and_can_be_trapped(void) {
    peer_ends(PROBE_TRAP, stop_kill, "b terminate kill/0, a exit b kill/0", true);
}

static void kill_from_within_ends_a_peer_with_kill(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(a, link_b);
    in(b, stop_kill);
    CHECK_EQ_TEXT(last_exit(), "kill/0");
    CHECK(!alive(a));
    CHECK_LOG("b terminate kill/0");
    world_close();
}

static void killed_spreads_as_killed(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0), c = probe("c", 0);
    in(a, link_b);
    in(c, link_b);
    in(world.root, exit_b_kill);
    CHECK_LOG("a exit b killed/0");
    CHECK(!alive(c));
    CHECK_EQ_TEXT(last_exit(), "killed/0");
    world_close();
}

static void a_link_to_the_dead_ends_who_does_not_trap_with_noproc(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(b, stop_normal);
    in(a, link_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_EQ_TEXT(last_exit(), "noproc/0");
    CHECK(!alive(a));
    CHECK_LOG("b terminate normal/0");
    world_close();
}

static void a_link_to_the_dead_is_an_exit_with_noproc_when_trapping(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(b, stop_normal);
    in(a, link_b);
    CHECK_LOG("b terminate normal/0, a exit b noproc/0");
    world_close();
}

static void a_link_to_oneself_does_nothing(void) {
    world_open();
    b = probe("b", 0);
    in(b, link_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7");
    world_close();
}

static void links_made_twice_from_both_sides_are_one(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
    in(a, link_b);
    in(b, link_a);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7, a exit b error/7");
    world_close();
}

static void after_unlink_no_exit_comes(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
    in(a, unlink_b);
    in(b, stop_boom);
    CHECK_LOG("b terminate error/7");
    world_close();
}

static void unlink_takes_an_exit_out_of_the_mailbox(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
    in_later(b, stop_boom);
    in_later(a, unlink_b);
    /* b ends first, so its EXIT lies behind a's order to unlink. */
    settle();
    CHECK_LOG("b terminate error/7");
    world_close();
}

static void unlink_leaves_an_exit_that_was_sent(void) {
    world_open();
    a = probe("a", 0), b = probe("b", PROBE_TRAP);
    in_later(a, exit_b_boom);
    in_later(b, stop_normal);
    weft_sched_run(world.sched, 1);
    in_later(a, stop_normal);
    settle();
    CHECK_LOG("b terminate normal/0, a terminate normal/0");
    world_close();
}

static void unlink_of_who_is_not_linked_does_nothing(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(a, unlink_b);
    in(b, unlink_b);
    CHECK(alive(a));
    CHECK(alive(b));
    world_close();
}

static void a_cascade_ends_a_whole_ring_in_the_order_of_links(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0), c = probe("c", 0);
    in(a, link_b);
    in(b, link_c);
    in(c, link_a);
    world.traces_count = 0;
    in(a, stop_boom);
    CHECK_EQ_UINT(stats().procs, 1);
    uint64_t order[3];
    size_t count = 0;
    for (size_t i = 0; i < world.traces_count && count < 3; i++)
        if (world.traces[i].kind == WEFT_TRACE_PROC_EXIT)
            order[count++] = world.traces[i].number[0];
    CHECK_EQ_UINT(count, 3);
    CHECK_EQ_UINT(order[0], a.raw);
    CHECK_EQ_UINT(order[1], b.raw);
    CHECK_EQ_UINT(order[2], c.raw);
    CHECK_LOG("a terminate error/7");
    world_close();
}

static void say_last_words_and_stop(weft_self *self) {
    weft_send(self, b, 42, weft_bytes(NULL, 0));
    stop_boom(self);
}

static void a_message_sent_before_the_end_arrives_before_the_exit(void) {
    world_open();
    a = probe("a", 0), b = probe("b", PROBE_TRAP);
    in(b, link_a);
    in(a, say_last_words_and_stop);
    CHECK_LOG("a terminate error/7, b cast a 42, b exit a error/7");
    world_close();
}

static void stop_trapping(weft_self *self) { weft_trap_exit(self, false); }

static void trapping_can_be_turned_off_again(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
    in(a, stop_trapping);
    in(b, stop_boom);
    CHECK(!alive(a));
    CHECK_LOG("b terminate error/7");
    world_close();
}

static void a_process_linked_at_spawn_goes_with_its_parent(void) {
    world_open();
    a = probe("a", 0);
    b = probe_of(a, "b", PROBE_LINK);
    in(a, stop_boom);
    CHECK(!alive(b));
    CHECK_LOG("a terminate error/7");
    world_close();
}

static void the_parents_exit_ends_a_trapping_process_with_terminate(void) {
    world_open();
    a = probe("a", 0);
    b = probe_of(a, "b", PROBE_LINK | PROBE_TRAP);
    in(a, exit_b_shutdown);
    CHECK_LOG("b terminate shutdown/0");
    CHECK(!alive(b));
    CHECK(!alive(a));
    world_close();
}

static void the_parents_exit_comes_in_order_with_its_messages(void) {
    world_open();
    a = probe("a", 0);
    b = probe_of(a, "b", PROBE_LINK | PROBE_TRAP);
    in(a, say_last_words_and_stop);
    CHECK_LOG("a terminate error/7, b cast a 42, b terminate error/7");
    world_close();
}

static void stop_and_be_signalled(weft_self *self) {
    stop_normal(self);
    exit_b_boom(self); /* b is linked and takes us along, if weft_stop did not count more */
}

static void a_stop_counts_more_than_a_signal_but_not_than_a_kill(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(a, link_b);
    in(a, stop_and_be_signalled);
    CHECK_LOG("a terminate normal/0");
    b = probe("b", 0);
    in(b, exit_self_kill);
    CHECK_LOG("still here");
    CHECK_EQ_TEXT(last_exit(), "killed/0");
    world_close();
}

static void stop_then_kill_self(weft_self *self) {
    stop_normal(self);
    exit_self_kill(self);
}

static void a_kill_comes_before_a_stop(void) {
    world_open();
    a = probe("a", 0);
    in(a, stop_then_kill_self);
    CHECK_LOG("still here");
    CHECK_EQ_TEXT(last_exit(), "killed/0");
    world_close();
}

static void a_text_travels_with_the_reason(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
    in(b, fault_assert);
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    CHECK(strstr(trace->text, "fake_env.c:") != NULL);
    CHECK(strstr(trace->text, ": one == 2") != NULL);
    CHECK_LOG("a exit b fault/1");
    world_close();
}

TEST_MAIN("otp/links", TEST(exit_normal_is_ignored_by_who_does_not_trap),
          TEST(exit_normal_is_a_message_to_who_traps),
          TEST(exit_shutdown_ends_who_does_not_trap_without_terminate),
          TEST(exit_shutdown_is_a_message_to_who_traps), TEST(exit_kill_is_seen_as_killed),
          TEST(exit_kill_cannot_be_trapped), TEST(exit_error_ends_who_does_not_trap),
          TEST(exit_error_is_a_message_to_who_traps),
          TEST(exit_normal_to_oneself_ends_when_the_handler_returns),
          TEST(exit_normal_to_oneself_is_a_message_when_trapping),
          TEST(exit_kill_to_oneself_cannot_be_trapped), TEST(an_exit_to_the_dead_is_ignored),
          TEST(an_untrapped_signal_acts_at_once_and_discards_the_mailbox),
          TEST(a_normal_end_of_a_linked_peer_is_survived),
          TEST(a_normal_end_of_a_linked_peer_is_a_message_when_trapping),
          TEST(an_error_of_a_linked_peer_spreads),
          TEST(an_error_of_a_linked_peer_is_a_message_when_trapping),
          TEST(kill_from_within_spreads_as_kill_and_can_be_trapped),
          TEST(kill_from_within_ends_a_peer_with_kill), TEST(killed_spreads_as_killed),
          TEST(a_link_to_the_dead_ends_who_does_not_trap_with_noproc),
          TEST(a_link_to_the_dead_is_an_exit_with_noproc_when_trapping),
          TEST(a_link_to_oneself_does_nothing), TEST(links_made_twice_from_both_sides_are_one),
          TEST(after_unlink_no_exit_comes), TEST(unlink_takes_an_exit_out_of_the_mailbox),
          TEST(unlink_leaves_an_exit_that_was_sent), TEST(unlink_of_who_is_not_linked_does_nothing),
          TEST(a_cascade_ends_a_whole_ring_in_the_order_of_links),
          TEST(a_message_sent_before_the_end_arrives_before_the_exit),
          TEST(trapping_can_be_turned_off_again),
          TEST(a_process_linked_at_spawn_goes_with_its_parent),
          TEST(the_parents_exit_ends_a_trapping_process_with_terminate),
          TEST(the_parents_exit_comes_in_order_with_its_messages),
          TEST(a_stop_counts_more_than_a_signal_but_not_than_a_kill),
          TEST(a_kill_comes_before_a_stop), TEST(a_text_travels_with_the_reason))
