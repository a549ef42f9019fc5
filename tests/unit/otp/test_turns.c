#include "tests/unit/otp/fake_env.h"

#include "core/base/assert.h"
#include "core/base/limits.h"

/* A worker always has a message of its own; each takes `cost` on the clock of the world. It writes
 * its letter for each message. */
struct worker {
    char letter;
};

#define HANDLED 16384

static weft_duration cost;
static char handled[HANDLED + 1];
static size_t handled_count;

static void write_letter(char letter) {
    if (handled_count < HANDLED) handled[handled_count++] = letter;
    handled[handled_count] = '\0';
}

static int worker_init(weft_self *self, struct weft_bytes arg) {
    struct worker *worker = weft_state(self);
    worker->letter = *(const char *)arg.data;
    return weft_send(self, weft_self_pid(self), 0, weft_bytes(NULL, 0));
}

static void worker_handle(weft_self *self, const struct weft_msg *msg) {
    struct worker *worker = weft_state(self);
    write_letter(worker->letter);
    world.now += cost;
    WEFT_ASSERT(msg->tag == 0);
    (void)weft_send(self, weft_self_pid(self), 0, weft_bytes(NULL, 0));
}

static WEFT_PROCESS(worker_v1, .name = "worker", .state_size = sizeof(struct worker),
                    .init = worker_init, .handle = worker_handle);

static const char *letters;
static weft_pid workers[128];

static void spawn_workers(weft_self *self) {
    for (size_t i = 0; letters[i] != '\0'; i++) {
        struct weft_spawn spawn = {.behaviour = &worker_v1, .arg = weft_bytes(&letters[i], 1)};
        CHECK_EQ_INT(weft_spawn(self, &spawn, &workers[i]), WEFT_OK);
    }
}

static void open_workers(const char *which, weft_duration message_cost) {
    world_open();
    letters = which;
    cost = message_cost;
    in_later(world.root, spawn_workers);
    CHECK(weft_sched_run(world.sched, 1));
    handled_count = 0;
}

/* One run, with nothing written before. */
static void run(uint32_t messages_max) {
    handled_count = 0;
    CHECK(weft_sched_run(world.sched, messages_max));
}

static void on_a_clock_that_stands_still_turns_are_whole(void) {
    open_workers("ab", 0);
    for (int i = 0; i < 10; i++) {
        run(4 * WEFT_TURN_MAX);
        CHECK_EQ_UINT(handled_count, 4 * WEFT_TURN_MAX);
        for (size_t at = 0; at < handled_count; at++)
            CHECK_EQ_INT(handled[at], at / WEFT_TURN_MAX % 2 == 0 ? 'a' : 'b');
    }
    world_close();
}

static void slow_handlers_take_turns_of_one_message(void) {
    open_workers("abc", WEFT_TURN_TIME);
    run(1000); /* learns */
    CHECK(handled_count >= WEFT_CLOCK_MESSAGES);
    run(1000);
    /* A run lasts WEFT_RUN_TIME. */
    CHECK_EQ_UINT(handled_count, WEFT_RUN_TIME / WEFT_TURN_TIME);
    for (size_t at = 1; at < handled_count; at++) CHECK(handled[at] != handled[at - 1]);
    world_close();
}

static void handlers_slower_than_a_run_take_a_run_each(void) {
    open_workers("ab", WEFT_MS(1));
    run(1000);
    for (int i = 0; i < 4; i++) {
        run(1000);
        CHECK_EQ_UINT(handled_count, 1);
    }
    world_close();
}

static void turns_are_whole_again_when_handlers_are_quick(void) {
    open_workers("ab", WEFT_US(50));
    run(1000);
    cost = 0;
    for (int i = 0; i < 10; i++) run(1000);
    run(2 * WEFT_TURN_MAX);
    for (size_t at = 0; at < handled_count; at++)
        CHECK_EQ_INT(handled[at], handled[at / WEFT_TURN_MAX * WEFT_TURN_MAX]);
    CHECK_EQ_UINT(handled_count, 2 * WEFT_TURN_MAX);
    world_close();
}

/* --- timers among slow handlers --- */

struct ticker {
    weft_time due;
};

static weft_duration late_max[3], tick_cost;

static void arm(weft_self *self) {
    struct ticker *ticker = weft_state(self);
    ticker->due = weft_now(self) + WEFT_MS(1);
    CHECK_EQ_INT(weft_timer_start(self, WEFT_MS(1), 0, weft_bytes(NULL, 0), NULL), WEFT_OK);
}

static int ticker_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    arm(self);
    return WEFT_OK;
}

static void note_late(weft_self *self, enum weft_priority priority) {
    const struct ticker *ticker = weft_state(self);
    weft_duration late = world.now - ticker->due;
    world.now += tick_cost;
    CHECK(late >= 0);
    if (late > late_max[priority]) late_max[priority] = late;
    arm(self);
}

static void normal_tick(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    note_late(self, WEFT_PRIORITY_NORMAL);
}
static void high_tick(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    note_late(self, WEFT_PRIORITY_HIGH);
}

static WEFT_PROCESS(normal_v1, .name = "normal", .state_size = sizeof(struct ticker),
                    .init = ticker_init, .handle = normal_tick);
static WEFT_PROCESS(high_v1, .name = "high", .state_size = sizeof(struct ticker),
                    .init = ticker_init, .handle = high_tick);

static void spawn_tickers(weft_self *self) {
    weft_pid pid;
    struct weft_spawn spawn = {.behaviour = &normal_v1};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &pid), WEFT_OK);
    spawn = (struct weft_spawn){.behaviour = &high_v1, .priority = WEFT_PRIORITY_HIGH};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &pid), WEFT_OK);
}

/* As many workers as there may be, up to 100. */
static void timers_of_1_ms_are_in_time_among_100_slow_handlers(void) {
    static char many[101];
    memset(many, 'w', 100);
    if (WEFT_PROCS_MAX < 104) many[WEFT_PROCS_MAX - 8] = '\0';
    open_workers(many, WEFT_US(21));
    run(1000);
    in_later(world.root, spawn_tickers);
    for (int i = 0; i < 200; i++) run(1024);
    memset(late_max, 0, sizeof late_max);
    for (int i = 0; i < 5000; i++) run(1024);
    CHECK(late_max[WEFT_PRIORITY_HIGH] > 0);
    CHECK(late_max[WEFT_PRIORITY_HIGH] <= WEFT_RUN_TIME + 2 * WEFT_TURN_TIME);
    CHECK(late_max[WEFT_PRIORITY_NORMAL] > 0);
    CHECK(late_max[WEFT_PRIORITY_NORMAL] <= WEFT_MS(5));
    world_close();
}

/* Three of NORMAL and three of HIGH, each as slow as a turn may be. */
static void timers_that_go_first_leave_most_of_a_run_to_the_others(void) {
    open_workers("ab", WEFT_TURN_TIME);
    run(1000);
    tick_cost = WEFT_TURN_TIME;
    in_later(world.root, spawn_tickers);
    in_later(world.root, spawn_tickers);
    in_later(world.root, spawn_tickers);
    for (int i = 0; i < 100; i++) (void)weft_sched_run(world.sched, 1000);
    handled_count = 0;
    for (int i = 0; i < 100; i++) (void)weft_sched_run(world.sched, 1000);
    tick_cost = 0;
    CHECK(handled_count >= 100 * (WEFT_RUN_TIME / WEFT_TURN_TIME - WEFT_TIMERS_FIRST_MAX) / 2);
    world_close();
}

/* --- what a turn may do, and what is counted --- */

static void talk(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    write_letter('t');
    for (int i = 0; i < WEFT_TURN_REDUCTIONS; i++) (void)weft_alive(self, workers[0]);
    for (int i = 0; i < WEFT_TURN_REDUCTIONS; i++) (void)weft_whereis(self, "nobody");
    (void)weft_send(self, weft_self_pid(self), 0, weft_bytes(NULL, 0));
}
static WEFT_PROCESS(talker_v1, .name = "talker", .handle = talk);

static weft_pid talker;
static void spawn_talker(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &talker_v1};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &talker), WEFT_OK);
    (void)weft_send(self, talker, 0, weft_bytes(NULL, 0));
}

static void many_calls_of_the_runtime_end_a_turn(void) {
    open_workers("a", 0);
    in_later(world.root, spawn_talker);
    run(1000);
    run(10 * (WEFT_TURN_MAX + 1));
    for (size_t at = 1; at < handled_count; at++)
        CHECK(handled[at] != 't' || handled[at - 1] != 't');
    world_close();
}

static struct weft_proc_info seen;
static weft_pid sought;

static void see(void *ctx, const struct weft_proc_info *info) {
    (void)ctx;
    if (weft_pid_equal(info->pid, sought)) seen = *info;
}

static void count_others(weft_self *self) {
    (void)weft_alive(self, sought);
    (void)weft_alive(self, sought);
}
static void two_calls_of_the_api(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    weft_trap_exit(self, true);
    weft_trap_exit(self, false);
}
static WEFT_PROCESS(counted_v1, .name = "counted", .handle = two_calls_of_the_api);
static void spawn_counted(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &counted_v1};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &sought), WEFT_OK);
}

static void messages_reductions_and_bytes_are_counted(void) {
    world_open();
    in(world.root, spawn_counted);
    in(world.root, count_others);
    for (int i = 0; i < 3; i++)
        CHECK_EQ_INT(weft_sched_send(world.sched, sought, 1, weft_bytes("12345", 5)), WEFT_OK);
    settle();
    weft_sched_each(world.sched, see, NULL);
    CHECK_EQ_UINT(seen.messages, 3);
    CHECK_EQ_UINT(seen.reductions, 9);
    CHECK_EQ_UINT(seen.bytes, 15);
    CHECK_EQ_INT(seen.priority, WEFT_PRIORITY_NORMAL);
    world_close();
}

static weft_pid quiet[3];
static void say_and_fault(weft_self *self) {
    note("faults");
    fault_assert(self);
}
static void say(weft_self *self) {
    (void)self;
    note("runs");
}

static void a_fault_among_the_turns_of_a_run_ends_its_process_only(void) {
    world_open();
    for (int i = 0; i < 3; i++) quiet[i] = probe("q", 0);
    in_later(quiet[0], say);
    in_later(quiet[1], say_and_fault);
    in_later(quiet[1], say);
    in_later(quiet[2], say);
    CHECK(!weft_sched_run(world.sched, 1000));
    CHECK_LOG("runs, faults, runs");
    CHECK(alive(quiet[0]));
    CHECK(!alive(quiet[1]));
    CHECK(alive(quiet[2]));
    CHECK_EQ_UINT(stats().faulted, 1);
    world_close();
}

TEST_MAIN("otp/turns", TEST(on_a_clock_that_stands_still_turns_are_whole),
          TEST(slow_handlers_take_turns_of_one_message),
          TEST(handlers_slower_than_a_run_take_a_run_each),
          TEST(turns_are_whole_again_when_handlers_are_quick),
          TEST(timers_of_1_ms_are_in_time_among_100_slow_handlers),
          TEST(timers_that_go_first_leave_most_of_a_run_to_the_others),
          TEST(many_calls_of_the_runtime_end_a_turn),
          TEST(messages_reductions_and_bytes_are_counted),
          TEST(a_fault_among_the_turns_of_a_run_ends_its_process_only))
