/* otp25-vectors gs.call_*, gs.late_reply_*, alias.* */
#include "tests/unit/otp/fake_env.h"

static weft_pid a, b, c;
static weft_ref ref;
static struct weft_call kept;
static int rv;

static void call_b(weft_self *self) {
    rv = weft_call(self, b, 4, weft_bytes_text("ask"), WEFT_MS(50), &ref);
}
static void call_b_for_ever(weft_self *self) {
    rv = weft_call(self, b, 4, weft_bytes(NULL, 0), WEFT_TIME_NEVER, &ref);
}
static void reply_kept(weft_self *self) {
    weft_reply(self, &kept, WEFT_OK, weft_bytes_text("answer"));
}

static void open_abc(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0), c = probe("c", 0);
}

/* b is a probe: it writes the call down and does not answer. */
static void ask(void) {
    in(a, call_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    kept = (struct weft_call){.from = a, .ref = ref};
}

static void an_answer_comes_as_a_reply(void) {
    open_abc();
    ask();
    in(b, reply_kept);
    CHECK_LOG("b call a 4 ask, a reply b OK answer");
    CHECK_EQ_UINT(stats().timers, 0);
    pass(WEFT_S(1));
    CHECK_LOG("");
    world_close();
}

static void any_process_may_answer(void) {
    open_abc();
    ask();
    in(c, reply_kept);
    CHECK_LOG("b call a 4 ask, a reply b OK answer");
    world_close();
}

static void a_second_answer_is_dropped(void) {
    open_abc();
    ask();
    in(b, reply_kept);
    in(b, reply_kept);
    CHECK_LOG("b call a 4 ask, a reply b OK answer");
    world_close();
}

static void reply_twice(weft_self *self) {
    reply_kept(self);
    reply_kept(self);
}

static void a_second_answer_is_dropped_while_the_first_lies_in_the_mailbox(void) {
    open_abc();
    ask();
    in(b, reply_twice);
    CHECK_LOG("b call a 4 ask, a reply b OK answer");
    world_close();
}

static void a_call_times_out_exactly_then_and_a_late_answer_is_dropped(void) {
    open_abc();
    ask();
    pass(WEFT_MS(50) - 1);
    CHECK_LOG("b call a 4 ask");
    pass(1);
    CHECK_LOG("a reply b TIMEOUT");
    in(b, reply_kept);
    CHECK_LOG("");
    world_close();
}

static void a_call_without_limit_waits(void) {
    open_abc();
    in(a, call_b_for_ever);
    kept = (struct weft_call){.from = a, .ref = ref};
    CHECK_EQ_UINT(stats().timers, 0);
    pass(WEFT_HOUR(1000));
    in(b, reply_kept);
    CHECK_LOG("b call a 4, a reply b OK answer");
    world_close();
}

static void a_call_of_the_dead_is_answered_no_proc(void) {
    open_abc();
    in(b, stop_normal);
    in(a, call_b);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("b terminate normal/0, a reply b NO_PROC");
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void a_callee_that_crashes_answers_no_proc(void) {
    open_abc();
    ask();
    in(b, fault_assert);
    CHECK_LOG("b call a 4 ask, a reply b NO_PROC");
    in(c, reply_kept);
    CHECK_LOG("");
    world_close();
}

static void a_callee_that_dies_with_the_call_in_its_mailbox_answers_no_proc(void) {
    open_abc();
    in_later(a, call_b);
    weft_sched_run(world.sched, 1);
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, b, &why);
    settle();
    CHECK_LOG("a reply b NO_PROC");
    world_close();
}

static void reply_and_stop(weft_self *self) {
    reply_kept(self);
    stop_normal(self);
}

static void a_callee_may_answer_and_stop(void) {
    open_abc();
    ask();
    in(b, reply_and_stop);
    CHECK_LOG("b call a 4 ask, b terminate normal/0, a reply b OK answer");
    world_close();
}

static void call_self(weft_self *self) {
    ref = 5;
    rv = weft_call(self, weft_self_pid(self), 1, weft_bytes(NULL, 0), 0, &ref);
}

static void a_call_of_oneself_is_refused(void) {
    open_abc();
    in(a, call_self);
    CHECK_EQ_INT(rv, WEFT_ERR_INVAL);
    CHECK_EQ_UINT(ref, 0);
    world_close();
}

static void a_caller_that_dies_is_not_answered(void) {
    open_abc();
    ask();
    in(a, stop_normal);
    CHECK_EQ_UINT(stats().timers, 0);
    in(b, reply_kept);
    CHECK_LOG("b call a 4 ask, a terminate normal/0");
    world_close();
}

static void reply_wrong(weft_self *self) {
    struct weft_call wrong = {.from = c, .ref = kept.ref};
    weft_reply(self, &wrong, WEFT_OK, weft_bytes(NULL, 0));
    wrong = (struct weft_call){.from = a, .ref = kept.ref + 1};
    weft_reply(self, &wrong, WEFT_OK, weft_bytes(NULL, 0));
    wrong = (struct weft_call){.from = a, .ref = UINT64_MAX};
    weft_reply(self, &wrong, WEFT_OK, weft_bytes(NULL, 0));
}

static void an_answer_to_the_wrong_process_or_ref_is_dropped(void) {
    open_abc();
    ask();
    in(b, reply_wrong);
    CHECK_LOG("b call a 4 ask");
    in(b, reply_kept);
    CHECK_LOG("a reply b OK answer");
    world_close();
}

static weft_ref refs[2];
static void call_b_and_c(weft_self *self) {
    weft_call(self, b, 1, weft_bytes(NULL, 0), WEFT_MS(10), &refs[0]);
    weft_call(self, c, 2, weft_bytes(NULL, 0), WEFT_MS(20), &refs[1]);
}

static void calls_in_flight_do_not_mix(void) {
    open_abc();
    in(a, call_b_and_c);
    kept = (struct weft_call){.from = a, .ref = refs[1]};
    in(c, reply_kept);
    CHECK_LOG("b call a 1, c call a 2, a reply c OK answer");
    pass(WEFT_MS(20));
    CHECK_LOG("a reply b TIMEOUT");
    world_close();
}

static void reply_error(weft_self *self) {
    weft_reply(self, &kept, WEFT_ERR_DENIED, weft_bytes(NULL, 0));
}

static void an_error_is_an_answer(void) {
    open_abc();
    ask();
    in(b, reply_error);
    CHECK_LOG("b call a 4 ask, a reply b DENIED");
    world_close();
}

TEST_MAIN("otp/calls", TEST(an_answer_comes_as_a_reply), TEST(any_process_may_answer),
          TEST(a_second_answer_is_dropped),
          TEST(a_second_answer_is_dropped_while_the_first_lies_in_the_mailbox),
          TEST(a_call_times_out_exactly_then_and_a_late_answer_is_dropped),
          TEST(a_call_without_limit_waits), TEST(a_call_of_the_dead_is_answered_no_proc),
          TEST(a_callee_that_crashes_answers_no_proc),
          TEST(a_callee_that_dies_with_the_call_in_its_mailbox_answers_no_proc),
          TEST(a_callee_may_answer_and_stop), TEST(a_call_of_oneself_is_refused),
          TEST(a_caller_that_dies_is_not_answered),
          TEST(an_answer_to_the_wrong_process_or_ref_is_dropped), TEST(calls_in_flight_do_not_mix),
          TEST(an_error_is_an_answer))
