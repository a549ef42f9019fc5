#include "tests/unit/otp/fake_env.h"

#include "core/base/limits.h"

static weft_pid a, b, c;
static uint32_t passed, asked, seen;

static uint32_t pass_some(struct weft_env *env, const uint64_t *whom, uint32_t count) {
    CHECK(env == &world.env);
    CHECK(whom[0] != whom[1]);
    asked++;
    seen = count;
    return passed < count ? passed : count - 1;
}

static const struct weft_order_ops order = {.pass = pass_some};

static void open_three(uint32_t pass_over) {
    world_order = &order;
    passed = 0;
    world_open();
    a = probe("a", 0), b = probe("b", 0), c = probe("c", 0);
    world_log_clear();
    passed = pass_over;
    asked = 0;
}

static void close_three(void) {
    passed = 0;
    world_close();
    world_order = NULL;
}

static void say(weft_self *self) { note("%s", name_of(weft_self_pid(self))); }

static void all_say(int times) {
    for (int i = 0; i < times; i++) {
        in_later(a, say);
        in_later(b, say);
        in_later(c, say);
    }
    settle();
}

static void who_is_passed_over_goes_to_the_end(void) {
    open_three(1);
    all_say(1);
    CHECK_LOG("b, a, c"); /* b: c and a wait; then a before c */
    CHECK_EQ_UINT(asked, 2);
    close_three();
}

static void a_turn_is_one_message(void) {
    open_three(0);
    all_say(2);
    CHECK_LOG("a, b, c, a, b, c");
    close_three();
}

static void without_an_order_a_turn_is_many(void) {
    world_open();
    a = probe("a", 0), b = probe("b", 0), c = probe("c", 0);
    world_log_clear();
    all_say(2);
    CHECK_LOG(WEFT_TURN_MAX > 1 ? "a, a, b, b, c, c" : "a, b, c, a, b, c");
    world_close();
}

static void priority_low(weft_self *self) { weft_set_priority(self, WEFT_PRIORITY_LOW); }

static void priorities_hold(void) {
    open_three(2);
    in(a, priority_low);
    world_log_clear();
    all_say(1);
    CHECK_LOG("c, b, a"); /* of b and c the last; a by itself */
    close_three();
}

static void nobody_is_asked_who_goes_alone(void) {
    open_three(1);
    in(b, say);
    CHECK_LOG("b");
    CHECK_EQ_UINT(asked, 0);
    close_three();
}

static void only_the_first_in_line_are_looked_at(void) {
    weft_pid many[WEFT_ORDER_MAX + 5];
    open_three(0);
    for (size_t i = 0; i < WEFT_ORDER_MAX + 5; i++) many[i] = probe("x", 0);
    for (size_t i = 0; i < WEFT_ORDER_MAX + 5; i++) in_later(many[i], say);
    CHECK(weft_sched_run(world.sched, 1));
    CHECK_EQ_UINT(seen, WEFT_ORDER_MAX);
    settle();
    world_log_clear();
    close_three();
}

TEST_MAIN("otp/order", TEST(who_is_passed_over_goes_to_the_end), TEST(a_turn_is_one_message),
          TEST(without_an_order_a_turn_is_many), TEST(priorities_hold),
          TEST(nobody_is_asked_who_goes_alone), TEST(only_the_first_in_line_are_looked_at))
