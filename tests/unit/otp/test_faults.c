/* Real faults in real handlers, caught by the real guard. */
#include "tests/unit/otp/fake_env.h"

#include "core/base/assert.h"

static weft_pid a, b;
static int rv;
static int *volatile nowhere;
static volatile int zero, sink, dividend = 1000;

/* What a sanitizer would stop at, the process has to live, or rather die, with. */
#define REAL_FAULT __attribute__((no_sanitize("undefined")))

REAL_FAULT static void fault_null(weft_self *self) {
    (void)self;
    sink = *nowhere;
}

REAL_FAULT static void fault_divide(weft_self *self) {
    (void)self;
    sink = dividend / zero; /* 1 / zero would be compiled without a division */
}

/* Recursion without end, hidden from the compiler. */
static int deeper(volatile int *at);
static int (*volatile deeper_again)(volatile int *at) = deeper;

static int deeper(volatile int *at) {
    volatile int frame[256];
    frame[0] = *at + 1;
    return deeper_again(frame) + frame[0];
}

static void fault_stack(weft_self *self) {
    volatile int start = 0;
    (void)self;
    sink = deeper(&start);
}

static int deeper_alloc(weft_self *self, volatile int *at);
static int (*volatile deeper_alloc_again)(weft_self *self, volatile int *at) = deeper_alloc;

static int deeper_alloc(weft_self *self, volatile int *at) {
    volatile int frame[256];
    frame[0] = *at + 1;
    (void)weft_alive(self, a);
    void *ptr = weft_alloc(self, 16);
    weft_free(self, ptr);
    return deeper_alloc_again(self, frame) + frame[0];
}

/* The stack ends while the runtime may be at work. */
static void fault_stack_in_calls(weft_self *self) {
    volatile int start = 0;
    sink = deeper_alloc(self, &start);
}

static void link_b(weft_self *self) { weft_link(self, b); }

/* How many logs begin with `start` and hold `part`. */
static size_t logged(const char *start, const char *part) {
    size_t count = 0;
    for (size_t i = 0; i < world.traces_count; i++) {
        const struct fake_trace *trace = &world.traces[i];
        if (trace->kind != WEFT_TRACE_LOG) continue;
        if (strncmp(trace->text, start, strlen(start)) != 0) continue;
        count += strstr(trace->text, part) != NULL;
    }
    return count;
}

static const struct fake_trace *fault_of_b(void (*fault)(weft_self *)) {
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
    in(b, fault);
    CHECK(!alive(b));
    CHECK(alive(a));
    CHECK_EQ_UINT(stats().faulted, 1);
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    CHECK_EQ_UINT(trace->number[0], b.raw);
    CHECK_EQ_UINT(trace->number[1], WEFT_REASON_FAULT);
    CHECK_EQ_UINT(trace->number[3], 1);
    CHECK_EQ_UINT(logged("crash: process ", ""), 1);
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_LOG)->number[0], WEFT_LOG_ERROR);
    return trace;
}

static void a_failed_assert_ends_the_process_naming_file_line_and_condition(void) {
    world_open();
    const struct fake_trace *trace = fault_of_b(fault_assert);
    CHECK_EQ_UINT(trace->number[2], WEFT_FAULT_ASSERT);
    CHECK(strstr(trace->text, "fake_env.c:") != NULL);
    CHECK(strstr(trace->text, ": one == 2") != NULL);
    CHECK_EQ_UINT(logged("crash: process ", "behaviour probe version 1"), 1);
    CHECK_EQ_UINT(logged("    at fault_assert (", "fake_env.c:"), 1);
    CHECK_LOG("a exit b fault/1");
    world_close();
}

static void a_null_dereference_ends_the_process(void) {
    world_open();
    const struct fake_trace *trace = fault_of_b(fault_null);
    CHECK_EQ_UINT(trace->number[2], WEFT_FAULT_SEGV);
    CHECK_EQ_TEXT(trace->text, "bad memory access");
    CHECK_EQ_UINT(logged("    at fault_null (", "test_faults.c:"), 1);
    CHECK_LOG("a exit b fault/2");
    world_close();
}

static void a_reason_names_function_file_and_line_where_the_env_allows(void) {
    world_open();
    world.env.reasons_name_places = true;
    const char *text = fault_of_b(fault_null)->text;
    static const char start[] = "bad memory access at 0x0 in fault_null (";
    CHECK(strncmp(text, start, strlen(start)) == 0);
    CHECK(strstr(text, "test_faults.c:") != NULL);
    CHECK_LOG("a exit b fault/2");
    world_close();
}

static void a_division_by_zero_ends_the_process(void) {
    world_open();
    CHECK_EQ_UINT(fault_of_b(fault_divide)->number[2], WEFT_FAULT_FPE);
    CHECK_LOG("a exit b fault/4");
    world_close();
}

static void a_stack_overflow_ends_the_process(void) {
    world_open();
    CHECK_EQ_UINT(fault_of_b(fault_stack)->number[2], WEFT_FAULT_STACK);
    CHECK_LOG("a exit b fault/6");
    world_close();
}

static void a_stack_that_ends_at_a_call_of_the_runtime_ends_the_process_alone(void) {
    world_open();
    CHECK_EQ_UINT(fault_of_b(fault_stack_in_calls)->number[2], WEFT_FAULT_STACK);
    CHECK_LOG("a exit b fault/6");
    world_close();
}

static void (*init_fault)(weft_self *self);

static int init_faults(weft_self *self) {
    CHECK(weft_alloc(self, 100) != NULL);
    weft_link(self, a);
    init_fault(self);
    return WEFT_OK;
}

static void spawn_faulting(weft_self *self) {
    struct probe_arg arg = {.name = "f", .init = init_faults};
    struct weft_spawn spawn = {
        .behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg), .name = "f", .link = true};
    weft_pid pid;
    rv = weft_spawn(self, &spawn, &pid);
    note("%d %s %s", rv, why_text(weft_last_reason(self)), weft_last_reason(self)->text);
}

static void in_init(void (*fault)(weft_self *), const char *log) {
    world_open();
    init_fault = fault;
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(b, spawn_faulting);
    CHECK_LOG(log);
    CHECK(alive(b));
    CHECK_EQ_UINT(stats().procs, 3);
    CHECK_EQ_UINT(stats().process_bytes, 0);
    CHECK_EQ_UINT(stats().faulted, 1);
    world_close();
}

static void a_null_dereference_in_init_fails_the_start(void) {
    in_init(fault_null, "-21 fault/2 bad memory access, a exit f fault/2");
}
static void a_division_by_zero_in_init_fails_the_start(void) {
    in_init(fault_divide, "-21 fault/4 arithmetic fault (division by zero), a exit f fault/4");
}
static void a_stack_overflow_in_init_fails_the_start(void) {
    in_init(fault_stack, "-21 fault/6 stack overflow, a exit f fault/6");
}

static int init_spawns_faulting(weft_self *self) {
    spawn_faulting(self);
    return WEFT_OK;
}

static void spawn_nested(weft_self *self) {
    struct probe_arg arg = {.name = "outer", .init = init_spawns_faulting};
    struct weft_spawn spawn = {.behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg)};
    weft_pid pid;
    CHECK_EQ_INT(weft_spawn(self, &spawn, &pid), WEFT_OK);
}

static void a_fault_in_a_nested_init_ends_only_the_innermost(void) {
    world_open();
    init_fault = fault_null;
    a = probe("a", PROBE_TRAP);
    in(world.root, spawn_nested);
    CHECK_LOG("-21 fault/2 bad memory access, a exit f fault/2");
    CHECK_EQ_UINT(stats().procs, 3);
    world_close();
}

static void handle_stop(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    stop_normal(self);
}

static void terminate_faults(weft_self *self, const struct weft_reason *why) {
    (void)why;
    fault_null(self);
}

static WEFT_PROCESS(bad_end_v1, .name = "bad_end", .handle = handle_stop,
                    .terminate = terminate_faults);

static void spawn_bad_end(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &bad_end_v1, .link = true};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &b), WEFT_OK);
    name_pid(b, "b");
}

static void a_fault_in_terminate_becomes_the_reason(void) {
    world_open();
    a = probe("a", PROBE_TRAP);
    in(a, spawn_bad_end);
    weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0));
    settle();
    CHECK_LOG("a exit b fault/2");
    world_close();
}

static void stop_then_fault(weft_self *self) {
    stop_normal(self);
    fault_null(self);
}

static void a_fault_after_a_stop_is_a_fault_without_terminate(void) {
    world_open();
    (void)fault_of_b(stop_then_fault);
    CHECK_LOG("a exit b fault/2");
    world_close();
}

static void take_things_and_fault(weft_self *self) {
    weft_ref ref;
    CHECK(weft_alloc(self, 1000) != NULL);
    CHECK_EQ_INT(weft_timer_start(self, WEFT_S(1), 1, weft_bytes_text("data"), &ref), WEFT_OK);
    CHECK_EQ_INT(weft_call(self, a, 1, weft_bytes(NULL, 0), WEFT_S(1), &ref), WEFT_OK);
    CHECK_EQ_INT(weft_monitor(self, a, &ref), WEFT_OK);
    struct weft_addr local = {.family = WEFT_FAMILY_V4};
    weft_socket socket;
    CHECK_EQ_INT(weft_datagram_open(self, &local, &socket), WEFT_OK);
    weft_send(self, a, 3, weft_bytes(NULL, 0));
    weft_send(self, weft_self_pid(self), 3, weft_bytes(NULL, 0));
    fault_null(self);
}

static void a_faulted_process_leaves_nothing_behind(void) {
    world_open();
    world.log_net = true;
    (void)fault_of_b(take_things_and_fault);
    CHECK_LOG("close 1, a call b 1, a cast b 3, a exit b fault/2");
    CHECK_EQ_UINT(stats().timers, 0);
    CHECK_EQ_UINT(stats().sockets, 0);
    CHECK_EQ_UINT(stats().process_bytes, 0);
    world_close();
}

static void send_from_nowhere(weft_self *self) {
    weft_send(self, a, 1, weft_bytes((void *)(uintptr_t)64, 8));
}
static void start_timer_in_the_past(weft_self *self) {
    weft_ref ref;
    weft_timer_start(self, -5, 1, weft_bytes(NULL, 0), &ref);
}
static void free_what_is_not_ours(weft_self *self) {
    static struct {
        void *before[4];
        char block[16];
    } fake;
    weft_free(self, fake.block);
}
static void spawn_nothing(weft_self *self) {
    weft_pid pid;
    weft_spawn(self, &(struct weft_spawn){.behaviour = NULL}, &pid);
}
static void call_without_a_place_for_the_ref(weft_self *self) {
    weft_call(self, a, 1, weft_bytes(NULL, 0), 0, NULL);
}
static void spawn_to_nowhere(weft_self *self) {
    struct probe_arg arg = {.name = "x"};
    weft_spawn(self,
               &(struct weft_spawn){.behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg)},
               (weft_pid *)(uintptr_t)64);
}
static void register_nowhere(weft_self *self) {
    weft_register(self, (const char *)(uintptr_t)64, weft_self_pid(self));
}
static void exit_for_nothing(weft_self *self) {
    weft_exit(self, a, (const struct weft_reason *)(uintptr_t)64);
}
static void reply_to_nowhere(weft_self *self) {
    weft_reply(self, (const struct weft_call *)(uintptr_t)64, 0, weft_bytes(NULL, 0));
}

static void bad_arguments_are_the_callers_fault_and_not_the_nodes(void) {
    static void (*const bad[])(weft_self *) = {send_from_nowhere,
                                               start_timer_in_the_past,
                                               free_what_is_not_ours,
                                               spawn_nothing,
                                               call_without_a_place_for_the_ref,
                                               spawn_to_nowhere,
                                               register_nowhere,
                                               exit_for_nothing,
                                               reply_to_nowhere};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        world_open();
        a = probe("a", 0), b = probe("b", 0);
        in(b, bad[i]);
        CHECK(!alive(b));
        CHECK(alive(a));
        CHECK_EQ_UINT(stats().faulted, 1);
        world_close();
    }
}

static void a_poisoned_process_ends_at_its_next_message(void) {
    world_open();
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
    CHECK_EQ_INT(weft_sched_poison(world.sched, b, "planted"), WEFT_OK);
    CHECK_EQ_INT(weft_sched_poison(world.sched, b, "twice"), WEFT_OK);
    settle();
    CHECK(alive(b));
    weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0));
    weft_sched_send(world.sched, b, 2, weft_bytes(NULL, 0));
    settle();
    CHECK_LOG("a exit b fault/1");
    CHECK_EQ_TEXT(traced_last(WEFT_TRACE_PROC_EXIT)->text, "planted");
    CHECK_EQ_INT(weft_sched_poison(world.sched, b, "late"), WEFT_ERR_NO_PROC);
    world_close();
}

static void a_poison_goes_with_the_process(void) {
    world_open();
    b = probe("b", 0);
    CHECK_EQ_INT(weft_sched_poison(world.sched, b, "planted"), WEFT_OK);
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, b, &why);
    CHECK(!alive(b));
    CHECK_EQ_UINT(stats().faulted, 0);
    world_close();
}

static void a_hundred_faults_in_a_row_leave_the_node_working(void) {
    world_open();
    for (int i = 0; i < 100; i++) in(probe("x", 0), i % 2 == 0 ? fault_null : fault_divide);
    CHECK_EQ_UINT(stats().faulted, 100);
    CHECK_EQ_UINT(stats().procs, 1);
    world_close();
}

TEST_MAIN("otp/faults", TEST(a_failed_assert_ends_the_process_naming_file_line_and_condition),
          TEST(a_null_dereference_ends_the_process),
          TEST(a_reason_names_function_file_and_line_where_the_env_allows),
          TEST(a_division_by_zero_ends_the_process), TEST(a_stack_overflow_ends_the_process),
          TEST(a_stack_that_ends_at_a_call_of_the_runtime_ends_the_process_alone),
          TEST(a_null_dereference_in_init_fails_the_start),
          TEST(a_division_by_zero_in_init_fails_the_start),
          TEST(a_stack_overflow_in_init_fails_the_start),
          TEST(a_fault_in_a_nested_init_ends_only_the_innermost),
          TEST(a_fault_in_terminate_becomes_the_reason),
          TEST(a_fault_after_a_stop_is_a_fault_without_terminate),
          TEST(a_faulted_process_leaves_nothing_behind),
          TEST(bad_arguments_are_the_callers_fault_and_not_the_nodes),
          TEST(a_poisoned_process_ends_at_its_next_message), TEST(a_poison_goes_with_the_process),
          TEST(a_hundred_faults_in_a_row_leave_the_node_working))
