/* https://www.erlang.org/doc/reference_manual/processes.html#process-aliases */
#include "tests/unit/otp/fake_env.h"

static weft_pid owner, peer, alias, second;
static weft_ref ref;

static void make(weft_self *self) { CHECK_EQ_INT(weft_alias(self, &alias), WEFT_OK); }
static void make_second(weft_self *self) { CHECK_EQ_INT(weft_alias(self, &second), WEFT_OK); }
static void drop(weft_self *self) { CHECK(weft_unalias(self, alias)); }
static void drop_second(weft_self *self) { CHECK(weft_unalias(self, second)); }
static void drop_wrong(weft_self *self) {
    CHECK(!weft_unalias(self, alias));
    CHECK(!weft_unalias(self, weft_self_pid(self)));
    CHECK(!weft_unalias(self, WEFT_PID_NONE));
}
static void send(weft_self *self) { weft_send(self, alias, 4, weft_bytes("x", 1)); }
static void send_refused(weft_self *self) {
    CHECK_EQ_INT(weft_send(self, alias, 4, weft_bytes(NULL, 0)), WEFT_ERR_NO_PROC);
}
static void send_second(weft_self *self) { weft_send(self, second, 5, weft_bytes(NULL, 0)); }
static void watch(weft_self *self) { CHECK_EQ_INT(weft_monitor(self, alias, &ref), WEFT_OK); }
static void call_own(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, alias, 1, weft_bytes(NULL, 0), WEFT_S(1), &ref), WEFT_ERR_INVAL);
}
static void call_alias(weft_self *self) {
    CHECK_EQ_INT(weft_call(self, alias, 1, weft_bytes(NULL, 0), WEFT_S(1), &ref), WEFT_OK);
}

static void open_pair(void) {
    world_open();
    owner = probe("owner", 0);
    peer = probe("peer", PROBE_TRAP);
    in(owner, make);
    name_pid(alias, "alias");
}

static void what_is_sent_to_an_alias_comes_until_it_is_dropped(void) {
    open_pair();
    CHECK(!weft_pid_equal(alias, owner));
    in(peer, send);
    CHECK_LOG("owner cast peer 4 x");
    in(owner, drop);
    in(peer, send_refused);
    in(owner, drop_wrong);
    CHECK_LOG("");
    world_close();
}

static void what_lies_in_the_mailbox_already_is_still_handled(void) {
    open_pair();
    in_later(peer, send);
    in_later(owner, drop);
    settle();
    CHECK_LOG("owner cast peer 4 x");
    world_close();
}

static void only_its_owner_drops_an_alias(void) {
    open_pair();
    in(peer, drop_wrong);
    in(peer, send);
    CHECK_LOG("owner cast peer 4 x");
    world_close();
}

static void aliases_are_dropped_in_any_order(void) {
    open_pair();
    in(owner, make_second);
    in(owner, drop);
    in(peer, send_second);
    CHECK_LOG("owner cast peer 5");
    in(owner, make);
    in(owner, drop_second);
    in(peer, send);
    CHECK_LOG("owner cast peer 4 x");
    world_close();
}

static void an_alias_goes_with_its_process(void) {
    open_pair();
    in(owner, make_second);
    in(peer, watch);
    in(owner, stop_boom);
    CHECK_LOG("owner terminate error/7, peer down alias error/7");
    in(peer, send_refused);
    CHECK_EQ_UINT(stats().procs, 2);
    world_close();
}

static void an_alias_is_never_another_s(void) {
    open_pair();
    weft_pid old = alias;
    in(owner, drop);
    for (int i = 0; i < 10; i++) {
        in(owner, make);
        CHECK(!weft_pid_equal(alias, old));
        in(owner, drop);
    }
    world_close();
}

static void a_call_goes_by_an_alias_but_not_to_oneself(void) {
    open_pair();
    in(owner, call_own);
    in(peer, call_alias);
    pass(WEFT_S(1));
    CHECK_LOG("owner call peer 1, peer reply alias TIMEOUT");
    world_close();
}

static void each_process_is_seen_once(void) {
    open_pair();
    in(owner, make_second);
    CHECK_EQ_UINT(stats().procs, 3);
    CHECK(alive(owner));
    CHECK(!alive(alias)); /* what is walked is processes */
    world_close();
}

static void fill(weft_self *self) {
    int rv = WEFT_OK;
    for (uint32_t i = 0; rv == WEFT_OK && i <= WEFT_PROCS_MAX; i++) rv = weft_alias(self, &second);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK(weft_pid_is_none(second));
}

static void aliases_are_bounded_with_processes(void) {
    if (WEFT_PROCS_MAX > 1000) return; /* too many to make: the hostile build shows it */
    open_pair();
    in(owner, fill);
    world_close();
}

TEST_MAIN("otp/alias", TEST(what_is_sent_to_an_alias_comes_until_it_is_dropped),
          TEST(what_lies_in_the_mailbox_already_is_still_handled),
          TEST(only_its_owner_drops_an_alias), TEST(aliases_are_dropped_in_any_order),
          TEST(an_alias_goes_with_its_process), TEST(an_alias_is_never_another_s),
          TEST(a_call_goes_by_an_alias_but_not_to_oneself), TEST(each_process_is_seen_once),
          TEST(aliases_are_bounded_with_processes))
