/* Lives of supervisors in which one allocation fails: what is asked for may be refused; nobody is
 * lost, and all end. */
#include "tests/unit/otp/sup_kit.h"

static struct weft_child_spec specs[3];
static struct weft_sup_config config;

static void end_sup(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, sup, &why);
}

/* Whether the allocation was reached. */
static bool live_with_failure(uint64_t fail, void (*live)(void)) {
    sup_open(&config);
    uint64_t first = world.allocs + fail;
    world.alloc_fail = first;
    live();
    bool failed = world.allocs >= first;
    world.alloc_fail = 0;
    if (alive(sup)) in(parent, end_sup);
    pass(WEFT_S(10));
    CHECK(!alive(sup));
    CHECK_EQ_UINT(stats().faulted, 0);
    CHECK_EQ_UINT(stats().procs, 1);
    CHECK_EQ_UINT(stats().timers, 0);
    world_log_clear();
    world_close();
    return failed;
}

static void each_failure(void (*live)(void), uint64_t least) {
    uint64_t fail = 1;
    while (fail < 2000 && live_with_failure(fail, live)) fail++;
    CHECK(fail > least);
    CHECK(fail < 2000);
}

static struct weft_child_spec unnamed(const char *id, unsigned options) {
    struct weft_child_spec spec = kid(id, WEFT_PERMANENT, options);
    spec.id = spec.name = NULL;
    spec.shutdown = WEFT_MS(100);
    return spec;
}

/* --- simple_one_for_one --- */

static weft_pid last;

static void ask_many(weft_self *self) {
    weft_ref ref;
    (void)weft_sup_start_simple(self, sup, weft_bytes(NULL, 0), &ref);
    (void)weft_sup_start_simple(self, sup, weft_bytes_text("more"), &ref);
    (void)weft_sup_children_page(self, sup, 0, &ref);
    (void)weft_sup_get_childspec_pid(self, sup, last, &ref);
    (void)weft_sup_terminate_pid(self, sup, last, &ref);
}

static int remember(weft_self *self) {
    last = weft_self_pid(self);
    return WEFT_OK;
}

static void live_simple(void) {
    struct weft_reason kill = weft_reason(WEFT_REASON_KILL, 0);
    last = WEFT_PID_NONE;
    for (int i = 0; i < 4; i++) {
        in(parent, ask_many);
        weft_sched_exit(world.sched, last, &kill);
        settle();
        pass(WEFT_MS(60));
    }
}

/* The exit signal itself may be what there is no memory for: the supervisor then ends without
 * waiting, and children that do not end by themselves would stay. */
static void live_simple_to_the_end(void) {
    live_simple();
    in(parent, ask_many);
    in(parent, end_sup);
    pass(WEFT_MS(100));
}

static void a_supervisor_of_a_template_survives_each_failure(void) {
    struct probe_arg arg = {.name = "s", .options = PROBE_SLOW, .init = remember};
    specs[0] = unnamed("a", 0);
    specs[0].arg = weft_bytes(&arg, sizeof arg);
    config = (struct weft_sup_config){.strategy = WEFT_SIMPLE_ONE_FOR_ONE,
                                      .intensity = 100,
                                      .backoff_first = WEFT_MS(50),
                                      .backoff_max = WEFT_MS(50),
                                      .children = specs,
                                      .children_count = 1};
    each_failure(live_simple, 60);
    arg.options = PROBE_TRAP;
    each_failure(live_simple_to_the_end, 60);
}

/* --- groups that wait --- */

static void live_group(void) {
    for (int i = 0; i < 3; i++) {
        start_failures = 1;
        if (!weft_pid_is_none(pid_of("b"))) kill_kid("b");
        pass(WEFT_MS(500));
    }
}

static void a_group_that_waits_survives_each_failure(void) {
    specs[0] = kid("x", WEFT_PERMANENT, PROBE_TRAP);
    specs[1] = kid("b", WEFT_PERMANENT, 0);
    specs[2] = kid("c", WEFT_PERMANENT, PROBE_SLOW);
    specs[2].shutdown = WEFT_MS(10);
    config = (struct weft_sup_config){.strategy = WEFT_ONE_FOR_ALL,
                                      .intensity = 100,
                                      .backoff_first = WEFT_MS(50),
                                      .backoff_jitter = 10,
                                      .children = specs,
                                      .children_count = 3};
    each_failure(live_group, 40);
}

/* --- a start that fails --- */

static weft_pid started;
static int started_rv;
static struct weft_spawn spawning;

static void start_branch(weft_self *self) { started_rv = weft_spawn(self, &spawning, &started); }

static void a_start_that_fails_leaves_nobody_whatever_allocation_fails(void) {
    struct weft_sup_config none = {.intensity = 1};
    uint64_t fail = 1;
    for (bool failed = true; failed && fail < 1000; fail++) {
        sup_open(&none);
        specs[0] = kid("a", WEFT_PERMANENT, PROBE_SLOW);
        specs[1] = kid("b", WEFT_PERMANENT, PROBE_TRAP);
        specs[2] = kid("x", WEFT_PERMANENT, 0);
        specs[0].shutdown = WEFT_MS(100);
        config = (struct weft_sup_config){.children = specs, .children_count = 3};
        spawning = (struct weft_spawn){.behaviour = &weft_supervisor,
                                       .arg = weft_bytes(&config, sizeof config)};
        start_failures = 1;
        uint64_t first = world.allocs + fail;
        world.alloc_fail = first;
        in(parent, start_branch);
        pass(WEFT_MS(100));
        failed = world.allocs >= first;
        CHECK(started_rv == WEFT_ERR_IO || started_rv == WEFT_ERR_NOMEM);
        CHECK_EQ_UINT(stats().procs, 2);
        CHECK_EQ_UINT(stats().timers, 0);
        world_log_clear();
        world_close();
    }
    CHECK(fail > 15);
    CHECK(fail < 1000);
}

TEST_MAIN("otp/sup_memory", TEST(a_supervisor_of_a_template_survives_each_failure),
          TEST(a_group_that_waits_survives_each_failure),
          TEST(a_start_that_fails_leaves_nobody_whatever_allocation_fails))
