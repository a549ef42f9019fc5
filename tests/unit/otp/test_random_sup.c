/* Random deaths and requests under each strategy: what must run runs, and in the end all is gone.
 */
#include "tests/unit/otp/sup_kit.h"

#include "core/base/rand.h"

static struct weft_rand dice;

static uint32_t draw(uint32_t bound) { return (uint32_t)weft_rand_below(&dice, bound); }

static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "x"};
#define IDS (sizeof ids / sizeof ids[0])

static struct weft_child_spec any_kid(const char *id) {
    static const unsigned options[] = {0, PROBE_TRAP, PROBE_SLOW};
    struct weft_child_spec spec = kid(id, (enum weft_restart)draw(3), options[draw(3)]);
    spec.shutdown = draw(4) == 0 ? WEFT_BRUTAL_KILL : (weft_duration)draw(20) + 1;
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
    struct weft_child_spec children[] = {any_kid("a"), any_kid("b"), any_kid("c")};
    struct weft_sup_config config = {.strategy = strategy,
                                     .intensity = intensity,
                                     .period = WEFT_S(1),
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

static void what_a_supervisor_says_is_so_under_each_strategy(void) {
    for (uint64_t seed = 1; seed <= 100; seed++)
        for (int strategy = 0; strategy < 3; strategy++)
            live(seed, (enum weft_strategy)strategy, 1000000);
}

static void a_supervisor_that_may_give_up_leaves_nothing(void) {
    for (uint64_t seed = 1; seed <= 100; seed++)
        for (int strategy = 0; strategy < 3; strategy++)
            live(seed, (enum weft_strategy)strategy, 5);
}

TEST_MAIN("otp/random_sup", TEST(what_a_supervisor_says_is_so_under_each_strategy),
          TEST(a_supervisor_that_may_give_up_leaves_nothing))
