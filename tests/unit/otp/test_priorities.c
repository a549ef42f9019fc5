#include "tests/unit/otp/fake_env.h"

#include "core/base/limits.h"

#define TURNS 4096

/* A spinner always has a message of its own: each of its turns is WEFT_TURN_MAX messages. It
 * writes its letter once a turn. */
struct spinner {
    char letter;
    uint32_t handled;
};

static char turns[TURNS + 1];
static size_t turns_count;

static int spinner_init(weft_self *self, struct weft_bytes arg) {
    struct spinner *spinner = weft_state(self);
    spinner->letter = *(const char *)arg.data;
    return weft_send(self, weft_self_pid(self), 0, weft_bytes(NULL, 0));
}

static void spinner_handle(weft_self *self, const struct weft_msg *msg) {
    struct spinner *spinner = weft_state(self);
    if (msg->tag == 1) {
        weft_set_priority(self, WEFT_PRIORITY_HIGH);
        return;
    }
    if (spinner->handled++ % WEFT_TURN_MAX == 0 && turns_count < TURNS)
        turns[turns_count++] = spinner->letter;
    turns[turns_count] = '\0';
    (void)weft_send(self, weft_self_pid(self), 0, weft_bytes(NULL, 0));
}

static WEFT_PROCESS(spinner_v1, .name = "spinner", .state_size = sizeof(struct spinner),
                    .init = spinner_init, .handle = spinner_handle);

static const char *letters; /* h n l: the priorities, in order of start; upper case: another */
static weft_pid last;

static enum weft_priority priority_of(char letter) {
    if (letter == 'h' || letter == 'H') return WEFT_PRIORITY_HIGH;
    return letter == 'l' || letter == 'L' ? WEFT_PRIORITY_LOW : WEFT_PRIORITY_NORMAL;
}

static void spawn_spinners(weft_self *self) {
    for (const char *letter = letters; *letter != '\0'; letter++) {
        struct weft_spawn spawn = {.behaviour = &spinner_v1,
                                   .arg = weft_bytes(letter, 1),
                                   .priority = priority_of(*letter)};
        CHECK_EQ_INT(weft_spawn(self, &spawn, &last), WEFT_OK);
    }
}

static void open_spinners(const char *which) {
    world_open();
    letters = which;
    in_later(world.root, spawn_spinners);
    CHECK(weft_sched_run(world.sched, 1));
    turns_count = 0;
}

static void run_turns(uint32_t count) {
    turns_count = 0;
    CHECK(weft_sched_run(world.sched, count * WEFT_TURN_MAX));
    CHECK_EQ_UINT(turns_count, count);
}

static size_t count_of(char letter) {
    size_t count = 0;
    for (size_t i = 0; i < turns_count; i++) count += turns[i] == letter;
    return count;
}

static void those_of_one_priority_take_turns(void) {
    open_spinners("nNm");
    run_turns(7);
    CHECK_EQ_TEXT(turns, "nNmnNmn");
    world_close();
    open_spinners("hH");
    run_turns(5);
    CHECK_EQ_TEXT(turns, "hHhHh");
    world_close();
}

static void a_low_one_alone_runs_all_the_time(void) {
    open_spinners("l");
    run_turns(3 * WEFT_NORMAL_TURNS_MAX);
    CHECK_EQ_UINT(count_of('l'), 3 * WEFT_NORMAL_TURNS_MAX);
    world_close();
}

static void normal_has_one_turn_after_so_many_of_high(void) {
    open_spinners("nh");
    run_turns(3 * (WEFT_HIGH_TURNS_MAX + 1));
    for (size_t i = 0; i < turns_count; i++) {
        bool last_of = i % (WEFT_HIGH_TURNS_MAX + 1) == WEFT_HIGH_TURNS_MAX;
        CHECK_EQ_INT(turns[i], last_of ? 'n' : 'h');
    }
    world_close();
}

static void low_has_one_turn_after_so_many_of_normal(void) {
    open_spinners("ln");
    run_turns(3 * (WEFT_NORMAL_TURNS_MAX + 1));
    for (size_t i = 0; i < turns_count; i++) {
        bool last_of = i % (WEFT_NORMAL_TURNS_MAX + 1) == WEFT_NORMAL_TURNS_MAX;
        CHECK_EQ_INT(turns[i], last_of ? 'l' : 'n');
    }
    world_close();
}

static void low_is_not_starved_by_the_two_others(void) {
    uint32_t round = (WEFT_HIGH_TURNS_MAX + 1) * (WEFT_NORMAL_TURNS_MAX + 1);
    open_spinners("lnh");
    run_turns(2 * round);
    CHECK_EQ_UINT(count_of('l'), 2);
    CHECK_EQ_UINT(count_of('n'), 2 * WEFT_NORMAL_TURNS_MAX);
    world_close();
}

static void high_that_becomes_runnable_is_next(void) {
    open_spinners("nnnn");
    run_turns(2);
    letters = "h";
    in_later(world.root, spawn_spinners);
    /* The root is behind the four; its child is before all of them. */
    run_turns(4);
    CHECK(weft_sched_run(world.sched, 1));
    turns_count = 0;
    run_turns(1);
    CHECK_EQ_TEXT(turns, "h");
    world_close();
}

static void a_new_priority_counts_from_the_next_turn(void) {
    open_spinners("nm");
    CHECK_EQ_INT(weft_sched_send(world.sched, last, 1, weft_bytes(NULL, 0)), WEFT_OK);
    for (int i = 0; i < 2; i++) CHECK(weft_sched_run(world.sched, 2 * WEFT_TURN_MAX));
    turns_count = 0;
    CHECK(weft_sched_run(world.sched, (WEFT_HIGH_TURNS_MAX + 1) * WEFT_TURN_MAX));
    CHECK(count_of('m') >= WEFT_HIGH_TURNS_MAX);
    CHECK(count_of('n') <= 2);
    world_close();
}

static void spawn_of_no_priority(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = &spinner_v1, .priority = (enum weft_priority)3};
    (void)weft_spawn(self, &spawn, &last);
}
static void set_no_priority(weft_self *self) { weft_set_priority(self, (enum weft_priority)3); }

static void a_priority_that_is_none_is_a_fault_of_the_caller(void) {
    world_open();
    weft_pid a = probe("a", 0), b = probe("b", 0);
    in(a, spawn_of_no_priority);
    in(b, set_no_priority);
    CHECK(!alive(a));
    CHECK(!alive(b));
    world_close();
}

TEST_MAIN("otp/priorities", TEST(those_of_one_priority_take_turns),
          TEST(a_low_one_alone_runs_all_the_time), TEST(normal_has_one_turn_after_so_many_of_high),
          TEST(low_has_one_turn_after_so_many_of_normal),
          TEST(low_is_not_starved_by_the_two_others), TEST(high_that_becomes_runnable_is_next),
          TEST(a_new_priority_counts_from_the_next_turn),
          TEST(a_priority_that_is_none_is_a_fault_of_the_caller))
