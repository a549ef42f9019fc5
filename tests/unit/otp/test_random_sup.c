/* Random deaths and requests under each strategy: what must run runs, and in the end all is gone.
 */
#include "tests/unit/otp/sup_kit.h"

#include "core/base/rand.h"

static struct weft_rand dice;

static uint32_t draw(uint32_t bound) { return (uint32_t)weft_rand_below(&dice, bound); }

static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "x"};
#define IDS (sizeof ids / sizeof ids[0])

static enum weft_auto_shutdown auto_shutdown;

static struct weft_child_spec any_kid(const char *id) {
    static const unsigned options[] = {0, PROBE_TRAP, PROBE_SLOW};
    struct weft_child_spec spec = kid(id, (enum weft_restart)draw(3), options[draw(3)]);
    spec.shutdown = draw(4) == 0 ? WEFT_BRUTAL_KILL : (weft_duration)draw(20) + 1;
    bool may = spec.restart != WEFT_PERMANENT && auto_shutdown != WEFT_AUTO_NEVER;
    spec.significant = may && draw(4) == 0;
    return spec;
}

static void kill_quietly(weft_pid pid, enum weft_reason_kind kind) {
    struct weft_reason why = weft_reason(kind, 0);
    weft_sched_exit(world.sched, pid, &why);
}

static void ask_something(weft_self *self) {
    weft_ref ref;
    const char *id = ids[draw(IDS)];
    struct weft_child_spec spec = any_kid(id);
    switch (draw(6)) {
    case 0:
        (void)weft_sup_start_child(self, sup, &spec, &ref);
        break;
    case 1:
        (void)weft_sup_terminate_child(self, sup, id, &ref);
        break;
    case 2:
        (void)weft_sup_restart_child(self, sup, id, &ref);
        break;
    case 3:
        (void)weft_sup_delete_child(self, sup, id, &ref);
        break;
    case 4:
        (void)weft_sup_terminate_pid(self, sup, pid_of(id), &ref);
        break;
    default:
        (void)weft_sup_which_children(self, sup, &ref);
    }
}

static void shake(void) {
    weft_pid victim = pid_of(ids[draw(IDS)]);
    start_failures = draw(3) == 0 ? draw(3) : 0;
    if (draw(2) == 0) kill_quietly(victim, WEFT_REASON_KILL);
    if (draw(3) == 0 && !weft_pid_is_none(victim) && alive(victim)) in_later(victim, fault_assert);
    in_later(parent, ask_something);
    (void)weft_sched_run(world.sched, draw(12));
    world.now += draw(8);
}

/* By the counts and the table: every pid it names lives, is its child, and is counted. */
static void check_children(void) {
    CHECK_EQ_INT(ask_which(), WEFT_OK);
    struct answer which = answer;
    size_t count = which.size / sizeof(struct weft_child_info), running = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weft_child_info *info = &which.as.infos[i];
        CHECK(!info->restarting);
        if (weft_pid_is_none(info->pid)) continue;
        running++;
        CHECK(alive(info->pid));
        CHECK(weft_pid_equal(pid_of(info->id), info->pid));
    }
    CHECK_EQ_INT(ask_count(), WEFT_OK);
    CHECK_EQ_UINT(answer.as.counts.specs, count);
    CHECK_EQ_UINT(answer.as.counts.active, running);
    CHECK_EQ_UINT(stats().procs, 2 + running);
}

static void end_sup(weft_self *self) {
    struct weft_reason why = weft_reason(WEFT_REASON_SHUTDOWN, 0);
    weft_exit(self, sup, &why);
}

/* SLOW children never end by themselves, and are killed in time. */
static void live(uint64_t seed, enum weft_strategy strategy, uint32_t intensity) {
    weft_rand_init(&dice, seed);
    auto_shutdown = draw(2) == 0 ? WEFT_AUTO_NEVER : (enum weft_auto_shutdown)draw(3);
    struct weft_child_spec children[] = {any_kid("a"), any_kid("b"), any_kid("c")};
    struct weft_sup_config config = {.strategy = strategy,
                                     .intensity = intensity,
                                     .period = WEFT_S(1),
                                     .auto_shutdown = auto_shutdown,
                                     .backoff_first = draw(2) == 0 ? 0 : (weft_duration)draw(9),
                                     .backoff_jitter = draw(100),
                                     .children = children,
                                     .children_count = 3};
    sup_open(&config);
    for (int i = 0; i < 60; i++) {
        shake();
        if (world.log_size > WORLD_LOG_SIZE / 2) world_log_clear();
    }
    start_failures = 0;
    pass(WEFT_S(1));
    if (alive(sup)) check_children();
    in(parent, end_sup);
    pass(WEFT_S(1));
    CHECK(!alive(sup));
    CHECK_EQ_UINT(stats().procs, 1);
    CHECK_EQ_UINT(stats().timers, 0);
    world_log_clear();
    world_close();
}

/* --- simple_one_for_one --- */

#define SIMPLE_KIDS 24

static weft_pid known[SIMPLE_KIDS];

static int know(weft_self *self) {
    known[draw(SIMPLE_KIDS)] = weft_self_pid(self);
    return draw(8) == 0 ? WEFT_ERR_IO : draw(16) == 0 ? WEFT_ERR_IGNORE : WEFT_OK;
}

static void ask_simple_things(weft_self *self) {
    weft_ref ref;
    uint32_t what = draw(6);
    if (what < 4) {
        (void)weft_sup_start_simple(self, sup, weft_bytes(NULL, 0), &ref);
    } else if (what == 4) {
        (void)weft_sup_terminate_pid(self, sup, known[draw(SIMPLE_KIDS)], &ref);
    } else {
        (void)weft_sup_children_page(self, sup, draw(4), &ref);
    }
}

static void shake_simple(void) {
    weft_pid victim = known[draw(SIMPLE_KIDS)];
    if (draw(2) == 0) kill_quietly(victim, WEFT_REASON_KILL);
    if (draw(3) == 0 && !weft_pid_is_none(victim) && alive(victim))
        in_later(victim, draw(2) == 0 ? stop_normal : fault_assert);
    in_later(parent, ask_simple_things);
    (void)weft_sched_run(world.sched, draw(12));
    world.now += draw(8);
}

static void live_simple(uint64_t seed) {
    weft_rand_init(&dice, seed);
    memset(known, 0, sizeof known);
    auto_shutdown = WEFT_AUTO_NEVER;
    struct weft_child_spec template = any_kid("a");
    struct probe_arg arg;
    memcpy(&arg, template.arg.data, sizeof arg);
    arg.init = know;
    template.arg = weft_bytes(&arg, sizeof arg);
    template.name = NULL;
    struct weft_sup_config config = {.strategy = WEFT_SIMPLE_ONE_FOR_ONE,
                                     .intensity = draw(2) == 0 ? 3 : 1000000,
                                     .period = WEFT_MS(1),
                                     .backoff_first = draw(2) == 0 ? 0 : (weft_duration)draw(9),
                                     .children = &template,
                                     .children_count = 1};
    sup_open(&config);
    for (int i = 0; i < 60; i++) shake_simple();
    pass(WEFT_S(1));
    if (alive(sup)) {
        CHECK_EQ_INT(ask_count(), WEFT_OK);
        CHECK_EQ_UINT(answer.as.counts.specs, 1);
        CHECK_EQ_UINT(answer.as.counts.active, answer.as.counts.workers);
        CHECK_EQ_UINT(stats().procs, 2 + answer.as.counts.active);
    }
    in(parent, end_sup);
    pass(WEFT_S(1));
    CHECK(!alive(sup));
    CHECK_EQ_UINT(stats().procs, 1);
    CHECK_EQ_UINT(stats().timers, 0);
    world_log_clear();
    world_close();
}

static void a_supervisor_of_a_template_says_what_is_so(void) {
    for (uint64_t seed = 1; seed <= 500; seed++) live_simple(seed);
}

static void what_a_supervisor_says_is_so_under_each_strategy(void) {
    for (uint64_t seed = 1; seed <= 500; seed++)
        for (int strategy = 0; strategy < 3; strategy++)
            live(seed, (enum weft_strategy)strategy, 1000000);
}

static void a_supervisor_that_may_give_up_leaves_nothing(void) {
    for (uint64_t seed = 1; seed <= 500; seed++)
        for (int strategy = 0; strategy < 3; strategy++)
            live(seed, (enum weft_strategy)strategy, 5);
}

TEST_MAIN("otp/random_sup", TEST(what_a_supervisor_says_is_so_under_each_strategy),
          TEST(a_supervisor_that_may_give_up_leaves_nothing),
          TEST(a_supervisor_of_a_template_says_what_is_so))
