/* Every bound, and what happens at it. The hostile build makes the outer ones reachable. */
#include "tests/unit/otp/sup_kit.h"

#include "core/base/limits.h"

static weft_pid a, b;
static int rv;
static weft_ref ref;

static void spawn_one(weft_self *self) {
    struct probe_arg arg = {.name = "x"};
    weft_pid pid;
    rv = weft_spawn(
        self, &(struct weft_spawn){.behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg)},
        &pid);
    if (rv != WEFT_OK) CHECK_EQ_TEXT(why_text(weft_last_reason(self)), "limit/-3");
}

static void open_bounded(uint32_t procs_max) {
    world_open_bare();
    weft_sched_free(world.sched);
    struct weft_sched_config config = {.procs_max = procs_max, .plain_memory = true};
    CHECK_EQ_INT(weft_sched_new(&world.env, &config, &world.sched), WEFT_OK);
    world.scheds[0] = world.sched;
    struct probe_arg arg = {.name = "root"};
    struct weft_spawn spawn = {.behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg)};
    CHECK_EQ_INT(weft_sched_start(world.sched, &spawn, &world.root, NULL), WEFT_OK);
}

static void a_node_has_at_most_so_many_processes(void) {
    open_bounded(3);
    a = probe("a", 0);
    b = probe("b", 0);
    in(world.root, spawn_one);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_EQ_UINT(stats().procs, 3);
    in(a, stop_normal);
    in(world.root, spawn_one);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static void spawn_small(weft_self *self) {
    struct probe_arg arg = {.name = "s", .options = PROBE_TRAP};
    struct weft_spawn spawn = {
        .behaviour = &probe_v1, .arg = weft_bytes(&arg, sizeof arg), .mailbox_max = 2};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &b), WEFT_OK);
}

static void fill_b(weft_self *self) {
    CHECK_EQ_INT(weft_send(self, b, 1, weft_bytes(NULL, 0)), WEFT_OK);
    CHECK_EQ_INT(weft_send(self, b, 2, weft_bytes(NULL, 0)), WEFT_OK);
    CHECK_EQ_INT(weft_send(self, b, 3, weft_bytes(NULL, 0)), WEFT_ERR_FULL);
    CHECK_EQ_INT(weft_call(self, b, 4, weft_bytes(NULL, 0), WEFT_S(1), &ref), WEFT_ERR_FULL);
    CHECK_EQ_UINT(ref, 0);
    CHECK_EQ_UINT(stats().timers, 0);
    struct weft_reason why = weft_reason(WEFT_REASON_ERROR, 5);
    weft_exit(self, b, &why);
}

static void a_full_mailbox_refuses_messages_but_no_signals(void) {
    world_open();
    a = probe("a", 0);
    in(a, spawn_small);
    in(a, fill_b);
    /* a is its parent. */
    CHECK_LOG("s cast a 1, s cast a 2, s terminate error/5");
    CHECK_EQ_INT(weft_sched_send(world.sched, b, 1, weft_bytes(NULL, 0)), WEFT_ERR_NO_PROC);
    world_close();
}

static void send_to_b_until_full(weft_self *self) {
    uint32_t sent = 0;
    while (weft_send(self, b, sent, weft_bytes(NULL, 0)) == WEFT_OK) sent++;
    CHECK_EQ_UINT(sent, WEFT_MAILBOX_MAX);
}

static void a_mailbox_holds_so_many_by_default(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in_later(a, send_to_b_until_full);
    CHECK(weft_sched_run(world.sched, 1));
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_sched_exit(world.sched, b, &why);
    settle();
    world_close();
}

static void too_big(weft_self *self) {
    static unsigned char byte;
    weft_send(self, a, 1, weft_bytes(&byte, (size_t)WEFT_MESSAGE_MAX + 1));
}

static unsigned char big[WEFT_MESSAGE_MAX];
static void biggest(weft_self *self) {
    rv = weft_send(self, a, 1, weft_bytes(big, sizeof big));
    struct weft_reason why = weft_reason(WEFT_REASON_KILL, 0);
    weft_exit(self, a, &why);
}

static void a_message_beyond_the_largest_is_a_fault_of_the_sender(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(b, biggest);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK(alive(b));
    in(b, too_big);
    CHECK(!alive(b));
    CHECK_EQ_UINT(stats().faulted, 1);
    world_close();
}

static void start_big_child(weft_self *self) {
    struct weft_child_spec spec = kid("a", WEFT_TEMPORARY, 0);
    spec.arg = weft_bytes(big, sizeof big);
    ref = 9;
    rv = weft_sup_start_child(self, sup, &spec, &ref);
}

static void a_child_spec_too_big_for_a_message_is_refused(void) {
    struct weft_sup_config config = {.intensity = 1};
    sup_open(&config);
    a = probe("a", 0);
    in(a, start_big_child);
    CHECK_EQ_INT(rv, WEFT_ERR_TOO_BIG);
    CHECK(alive(a));
    world_close();
}

#ifdef WEFT_HOSTILE

static void start_timers(weft_self *self) {
    uint32_t count = 0;
    while (weft_timer_start(self, WEFT_S(1), 1, weft_bytes(NULL, 0), &ref) == WEFT_OK) count++;
    CHECK_EQ_UINT(count, WEFT_TIMERS_MAX);
    CHECK_EQ_UINT(ref, 0);
    CHECK_EQ_INT(weft_timer_start(self, 0, 1, weft_bytes(NULL, 0), NULL), WEFT_ERR_FULL);
    CHECK_EQ_INT(weft_call(self, b, 1, weft_bytes(NULL, 0), WEFT_S(1), &ref), WEFT_ERR_FULL);
    CHECK_EQ_INT(weft_call(self, b, 1, weft_bytes(NULL, 0), WEFT_TIME_NEVER, &ref), WEFT_OK);
}

static void a_node_has_at_most_so_many_timers(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0);
    in(a, start_timers);
    CHECK_EQ_UINT(stats().timers, WEFT_TIMERS_MAX);
    CHECK_LOG("b call a 1");
    in(a, stop_normal);
    CHECK_EQ_UINT(stats().timers, 0);
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static void timeout_now(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    weft_gen_server_timeout(self, 1);
}
static void never(weft_self *self) { (void)self; }
static WEFT_PROCESS(idler_v1, .name = "idler", .handle = timeout_now, .handle_timeout = never);
static void spawn_idler(weft_self *self) {
    weft_spawn(self, &(struct weft_spawn){.behaviour = &idler_v1}, &a);
}

static void a_gen_server_whose_timeout_cannot_be_set_ends_with_limit(void) {
    world_open();
    b = probe("b", 0);
    in(b, spawn_idler);
    in(world.root, start_timers);
    world_log_clear();
    weft_sched_send(world.sched, a, 1, weft_bytes(NULL, 0));
    settle();
    CHECK(!alive(a));
    CHECK_EQ_UINT(traced_last(WEFT_TRACE_PROC_EXIT)->number[1], WEFT_REASON_LIMIT);
    world_close();
}

static void a_supervisor_has_at_most_so_many_children(void) {
    struct weft_sup_config config = {.intensity = 1};
    sup_open(&config);
    for (uint32_t i = 0; i < WEFT_CHILDREN_MAX; i++) {
        struct weft_child_spec spec = kid("a", WEFT_TEMPORARY, 0);
        spec.id = spec.name = NULL;
        CHECK_EQ_INT(ask_start(&spec), WEFT_OK);
    }
    struct weft_child_spec spec = kid("b", WEFT_TEMPORARY, 0);
    CHECK_EQ_INT(ask_start(&spec), WEFT_ERR_FULL);
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.specs, WEFT_CHILDREN_MAX);
    world_log_clear();
    world_close();
}

static void processes_end_at_the_outer_bound(void) {
    world_open();
    rv = WEFT_OK;
    for (uint32_t i = 0; i < WEFT_PROCS_MAX + 5 && rv == WEFT_OK; i++) in(world.root, spawn_one);
    CHECK_EQ_INT(rv, WEFT_ERR_FULL);
    CHECK_EQ_UINT(stats().procs, WEFT_PROCS_MAX);
    world_close();
}

#endif

/* A life with requests, a death, a group restart, a slow child and an end, in which one
 * allocation fails. What is asked for may be refused; nothing may be lost. */
static weft_duration step;

static void ask_for_things(weft_self *self) {
    struct weft_child_spec spec = kid("c", WEFT_TEMPORARY, 0);
    weft_ref refs[5];
    (void)weft_sup_start_child(self, sup, &spec, &refs[0]);
    (void)weft_sup_count_children(self, sup, &refs[1]);
    (void)weft_sup_which_children(self, sup, &refs[2]);
    (void)weft_sup_terminate_child(self, sup, "b", &refs[3]);
    (void)weft_sup_delete_child(self, sup, "b", &refs[4]);
}

static void end_sup(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, sup, &why);
}

static void live(void) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    in(parent, ask_for_things);
    weft_sched_exit(world.sched, pid_of("a"), &kill);
    settle();
    in(parent, ask_for_things);
    pass(step);
    pass(step);
    in(parent, end_sup);
    pass(step);
    pass(step);
}

static bool life_with_failure(uint64_t fail) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, PROBE_TRAP),
                                         kid("b", WEFT_TRANSIENT, PROBE_SLOW)};
    children[1].shutdown = step = WEFT_MS(10);
    struct weft_sup_config config = {
        .strategy = WEFT_ONE_FOR_ALL, .intensity = 3, .children = children, .children_count = 2};
    sup_prepare(&config);
    CHECK_EQ_INT(sup_start(), WEFT_OK);
    uint64_t first = world.allocs + fail;
    world.alloc_fail = first;
    live();
    bool failed = world.allocs >= first;
    world.alloc_fail = 0;
    in(parent, end_sup);
    pass(step);
    CHECK_EQ_UINT(stats().faulted, 0);
    CHECK_EQ_UINT(stats().procs, 1);
    CHECK_EQ_UINT(stats().timers, 0);
    world_log_clear();
    world_close();
    return failed;
}

static void a_supervisor_ends_in_order_whatever_allocation_fails(void) {
    uint64_t fail = 1;
    while (fail < 1000 && life_with_failure(fail)) fail++;
    CHECK(fail > 50);
    CHECK(fail < 1000);
}

static weft_pid started;
static void start_once(weft_self *self) {
    struct weft_child_spec children[] = {kid("a", WEFT_PERMANENT, PROBE_TRAP),
                                         kid("b", WEFT_TRANSIENT, 0)};
    struct weft_sup_config config = {.children = children, .children_count = 2};
    rv = weft_spawn(self,
                    &(struct weft_spawn){.behaviour = &weft_supervisor,
                                         .arg = weft_bytes(&config, sizeof config)},
                    &started);
}

static void a_supervisor_starts_whole_or_not_at_all(void) {
    uint64_t fail = 1;
    for (rv = WEFT_ERR_NOMEM; rv != WEFT_OK && fail < 1000; fail++) {
        world_open();
        a = probe("a", 0);
        in_later(a, start_once);
        world.alloc_fail = world.allocs + fail;
        settle();
        CHECK(rv == WEFT_OK || rv == WEFT_ERR_NOMEM);
        CHECK_EQ_UINT(stats().procs, rv == WEFT_OK ? 5 : 2);
        world_log_clear();
        world_close();
    }
    CHECK(fail > 10);
    CHECK(fail < 1000);
}

#ifdef WEFT_HOSTILE
#define HOSTILE_TESTS                                                                              \
    TEST(a_node_has_at_most_so_many_timers),                                                       \
        TEST(a_gen_server_whose_timeout_cannot_be_set_ends_with_limit),                            \
        TEST(a_supervisor_has_at_most_so_many_children), TEST(processes_end_at_the_outer_bound),
#else
#define HOSTILE_TESTS
#endif

TEST_MAIN("otp/limits", TEST(a_node_has_at_most_so_many_processes),
          TEST(a_full_mailbox_refuses_messages_but_no_signals),
          TEST(a_mailbox_holds_so_many_by_default),
          TEST(a_message_beyond_the_largest_is_a_fault_of_the_sender),
          TEST(a_child_spec_too_big_for_a_message_is_refused),
          HOSTILE_TESTS TEST(a_supervisor_ends_in_order_whatever_allocation_fails),
          TEST(a_supervisor_starts_whole_or_not_at_all))
