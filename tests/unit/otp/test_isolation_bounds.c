/* Bounds of memory and mailbox, and what passing them does; planted faults and hangs. */
#include "core/base/limits.h"
#include "tests/unit/otp/fake_env.h"

static weft_pid a, b;
static int rv;
static struct weft_spawn spec;

static void note_data(weft_self *self, const struct weft_msg *msg) {
    (void)self;
    note("%u", msg->tag);
}

static const struct weft_behaviour sink = {.name = "sink", .version = 1, .handle = note_data};

static void (*order)(weft_self *self);

static void obey(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    order(self);
}

static const struct weft_behaviour obedient = {.name = "obedient", .version = 1, .handle = obey};

static void spawn_b(weft_self *self) {
    spec.link = true;
    CHECK_EQ_INT(weft_spawn(self, &spec, &b), WEFT_OK);
    name_pid(b, "b");
}

static void open_with(const struct weft_spawn *wanted) {
    world_open();
    spec = *wanted;
    a = probe("a", PROBE_TRAP);
    in(a, spawn_b);
}

static void fill_and_one_more(weft_self *self) {
    for (uint32_t i = 1; i <= 3; i++)
        CHECK_EQ_INT(weft_send(self, b, i, weft_bytes(NULL, 0)), WEFT_OK);
    rv = weft_send(self, b, 4, weft_bytes(NULL, 0));
}

static void a_full_mailbox_refuses_by_default(void) {
    open_with(&(struct weft_spawn){.behaviour = &sink, .mailbox_max = 3});
    in(a, fill_and_one_more);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_LOG("1, 2, 3");
    world_close();
}

static void a_full_mailbox_drops_the_oldest(void) {
    open_with(&(struct weft_spawn){
        .behaviour = &sink, .mailbox_max = 3, .overflow = WEFT_OVERFLOW_DROP_OLDEST});
    in(a, fill_and_one_more);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("2, 3, 4");
    CHECK_EQ_UINT(stats().dropped, 1);
    world_close();
}

static void call_then_fill(weft_self *self) {
    weft_ref ref;
    CHECK_EQ_INT(weft_call(self, b, 9, weft_bytes(NULL, 0), WEFT_S(1), &ref), WEFT_OK);
    fill_and_one_more(self);
}

static void who_asked_is_told_when_the_call_is_dropped(void) {
    open_with(&(struct weft_spawn){
        .behaviour = &sink, .mailbox_max = 3, .overflow = WEFT_OVERFLOW_DROP_OLDEST});
    in(a, call_then_fill);
    CHECK(strstr(world.log, "a reply b FULL") != NULL);
    CHECK(strstr(world.log, "9") == NULL);
    world_log_clear();
    world_close();
}

static void a_full_mailbox_ends_its_owner(void) {
    open_with(
        &(struct weft_spawn){.behaviour = &sink, .mailbox_max = 3, .overflow = WEFT_OVERFLOW_KILL});
    in(a, fill_and_one_more);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK(!alive(b));
    CHECK_LOG("a exit b limit/-3");
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    CHECK(strncmp(trace->text, "mailbox_max 3 of sink: message tag 4 from ", 42) == 0);
    world_close();
}

/* Two of them fit to the byte; small ones do not count. */
#define LARGE (WEFT_MAIL_LARGE + 1)

static unsigned char large[2 * LARGE + 1];

static void fill_with_large(weft_self *self) {
    for (uint32_t i = 1; i <= 2; i++)
        CHECK_EQ_INT(weft_send(self, b, i, weft_bytes(large, LARGE)), WEFT_OK);
    CHECK_EQ_INT(weft_send(self, b, 3, weft_bytes(large, WEFT_MAIL_LARGE)), WEFT_OK);
    rv = weft_send(self, b, 4, weft_bytes(large, LARGE));
}

static void send_more_than_all(weft_self *self) {
    CHECK_EQ_INT(weft_send(self, b, 5, weft_bytes(large, sizeof large)), WEFT_OK);
    rv = weft_send(self, b, 6, weft_bytes(large, LARGE));
}

static void bytes_of_large_messages_are_bounded(void) {
    open_with(&(struct weft_spawn){.behaviour = &sink, .mailbox_bytes = sizeof large - 1});
    for (int i = 0; i < 2; i++) { /* what is handled does not count any more */
        in(a, fill_with_large);
        CHECK_EQ_INT(rv, WEFT_ERR_FULL);
        CHECK_LOG("1, 2, 3");
    }
    in(a, send_more_than_all); /* one alone always fits */
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_LOG("5");
    world_close();
}

static void the_oldest_go_until_a_large_one_fits(void) {
    open_with(&(struct weft_spawn){.behaviour = &sink,
                                   .mailbox_bytes = sizeof large - 1,
                                   .overflow = WEFT_OVERFLOW_DROP_OLDEST});
    in(a, fill_with_large);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("2, 3, 4");
    world_close();
}

static void too_many_large_ones_end_the_owner(void) {
    open_with(&(struct weft_spawn){
        .behaviour = &sink, .mailbox_bytes = sizeof large - 1, .overflow = WEFT_OVERFLOW_KILL});
    in(a, fill_with_large);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_LOG("a exit b limit/-3");
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    CHECK(strstr(trace->text, "mailbox_bytes 8194 of sink: message tag 4") != NULL);
    world_close();
}

static void overflow_oneself(weft_self *self) {
    for (uint32_t i = 1; i <= 3; i++)
        CHECK_EQ_INT(weft_send(self, weft_self_pid(self), i, weft_bytes(NULL, 0)), WEFT_OK);
    CHECK_EQ_INT(weft_send(self, weft_self_pid(self), 4, weft_bytes(NULL, 0)), WEFT_ERR_FULL);
    note("goes on");
}

static void one_who_overflows_itself_ends_when_its_handler_returns(void) {
    order = overflow_oneself;
    open_with(&(struct weft_spawn){
        .behaviour = &obedient, .mailbox_max = 3, .overflow = WEFT_OVERFLOW_KILL});
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 0, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK_LOG("goes on, a exit b limit/-3");
    world_close();
}

static void an_overflow_from_outside_ends_the_owner_at_once(void) {
    open_with(
        &(struct weft_spawn){.behaviour = &sink, .mailbox_max = 1, .overflow = WEFT_OVERFLOW_KILL});
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0)), WEFT_OK);
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 2, weft_bytes(NULL, 0)), WEFT_ERR_FULL);
    CHECK(!alive(b));
    settle();
    CHECK_LOG("a exit b limit/-3");
    world_close();
}

static void take_memory(weft_self *self) {
    void *at_the_bound = weft_alloc(self, 1000);
    CHECK(at_the_bound != NULL);
    CHECK(weft_alloc(self, 1) == NULL);
    weft_free(self, at_the_bound);
    note("goes on");
}

static void a_quota_refuses_by_default(void) {
    order = take_memory;
    open_with(&(struct weft_spawn){.behaviour = &obedient, .memory_max = 1000});
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 0, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK(alive(b));
    CHECK_LOG("goes on");
    world_close();
}

static void a_quota_ends_its_owner_when_the_handler_returns(void) {
    order = take_memory;
    open_with(
        &(struct weft_spawn){.behaviour = &obedient, .memory_max = 1000, .quota = WEFT_QUOTA_KILL});
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 0, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK(!alive(b));
    CHECK_LOG("goes on, a exit b limit/-1");
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    CHECK_EQ_TEXT(trace->text, "memory_max 1000 of obedient: 1000 held, 1 more asked");
    CHECK_EQ_UINT(stats().process_bytes, 0);
    world_close();
}

/* --- planted faults --- */

static void planted(enum weft_fault_kind kind, const char *text) {
    open_with(&(struct weft_spawn){.behaviour = &sink});
    struct weft_planted fault = {.kind = kind};
    CHECK_EQ_INT(weft_sched_plant(world.sched, b, &fault), WEFT_OK);
    settle();
    CHECK(alive(b));
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK(!alive(b));
    CHECK_EQ_TEXT(traced_last(WEFT_TRACE_PROC_EXIT)->text, text);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_PROC_EXIT)->number[2], kind);
    CHECK_EQ_UINT(stats().faulted, 1);
    world_log_clear();
    CHECK_EQ_INT(weft_sched_plant(world.sched, b, &fault), WEFT_ERR_NO_PROC);
    world_close();
}

static void a_planted_fault_is_a_real_one_of_its_kind(void) {
    planted(WEFT_FAULT_ASSERT, "planted: assertion failed");
    planted(WEFT_FAULT_SEGV, "planted: bad memory access");
    planted(WEFT_FAULT_FPE, "planted: arithmetic fault (division by zero)");
    planted(WEFT_FAULT_STACK, "planted: stack overflow");
}

static void a_planted_hang_holds_up_the_scheduler_and_then_ends_the_process(void) {
    world_handler_max = WEFT_S(3);
    open_with(&(struct weft_spawn){.behaviour = &sink});
    struct weft_planted hang = {.kind = WEFT_FAULT_HANG};
    CHECK_EQ_INT(weft_sched_plant(world.sched, b, &hang), WEFT_OK);
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    CHECK(alive(b));
    weft_time since = world.now;
    CHECK_EQ_INT(weft_sched_next_at(world.sched), since + WEFT_S(3));
    in_later(a, stop_boom);
    settle();
    CHECK(alive(a)); /* nobody runs meanwhile */
    pass(WEFT_S(3) - 1);
    CHECK(alive(a) && alive(b));
    pass(1);
    CHECK(!alive(a) && !alive(b));
    bool told = false;
    for (size_t i = 0; i < world.traces_count; i++)
        told = told || strcmp(world.traces[i].text, "planted: handler ran for 3.0 s") == 0;
    CHECK(told);
    world_log_clear();
    world_handler_max = 0;
    world_close();
}

static void one_who_is_killed_while_it_hangs_is_gone(void) {
    open_with(&(struct weft_spawn){.behaviour = &sink});
    struct weft_planted hang = {.kind = WEFT_FAULT_HANG, .lasts = WEFT_S(1)};
    CHECK_EQ_INT(weft_sched_plant(world.sched, b, &hang), WEFT_OK);
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0)), WEFT_OK);
    settle();
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, b, &kill);
    CHECK(!alive(b));
    pass(WEFT_S(1));
    CHECK_EQ_UINT(stats().faulted, 0);
    CHECK_LOG("a exit b killed/0");
    world_close();
}

static const struct test_case cases[] = {
    TEST(a_full_mailbox_refuses_by_default),
    TEST(a_full_mailbox_drops_the_oldest),
    TEST(who_asked_is_told_when_the_call_is_dropped),
    TEST(a_full_mailbox_ends_its_owner),
    TEST(bytes_of_large_messages_are_bounded),
    TEST(the_oldest_go_until_a_large_one_fits),
    TEST(too_many_large_ones_end_the_owner),
    TEST(one_who_overflows_itself_ends_when_its_handler_returns),
    TEST(an_overflow_from_outside_ends_the_owner_at_once),
    TEST(a_quota_refuses_by_default),
    TEST(a_quota_ends_its_owner_when_the_handler_returns),
    TEST(a_planted_fault_is_a_real_one_of_its_kind),
    TEST(a_planted_hang_holds_up_the_scheduler_and_then_ends_the_process),
    TEST(one_who_is_killed_while_it_hangs_is_gone),
};

int main(int argc, char **argv) {
    return test_main("otp/isolation_bounds", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
