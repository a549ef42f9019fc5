/* otp25-vectors timer.* */
#include "tests/unit/otp/fake_env.h"

#include "core/base/limits.h"

#include "core/base/limits.h"
#include "core/base/rand.h"

static weft_pid a, b;
static weft_ref ref;
static int rv;
static weft_duration left;

static void start_10ms(weft_self *self) {
    rv = weft_timer_start(self, WEFT_MS(10), 1, weft_bytes_text("pay"), &ref);
}
static void start_0(weft_self *self) {
    rv = weft_timer_start(self, 0, 2, weft_bytes(NULL, 0), &ref);
}
static void cancel(weft_self *self) { left = weft_timer_cancel(self, ref); }

static void open_a(void) {
    world_open();
    a = probe("a", 0);
}

static void a_timer_goes_off_at_its_time_and_not_before(void) {
    open_a();
    weft_time start = world.now;
    in(a, start_10ms);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_EQ_INT(weft_sched_next_at(world.sched), start + WEFT_MS(10));
    pass(WEFT_MS(10) - 1);
    CHECK_LOG("");
    pass(1);
    CHECK_LOG("a timer 1 pay");
    CHECK_EQ_INT(weft_sched_next_at(world.sched), WEFT_TIME_NEVER);
    CHECK_EQ_UINT(stats().timers, 0);
    world_close();
}

static void a_driver_that_is_late_gets_what_was_due(void) {
    open_a();
    in(a, start_10ms);
    world.now += WEFT_S(1);
    settle();
    CHECK_LOG("a timer 1 pay");
    world_close();
}

static void cancel_of_a_pending_timer_tells_what_was_left(void) {
    open_a();
    in(a, start_10ms);
    pass(WEFT_MS(4));
    in(a, cancel);
    CHECK_EQ_INT(left, WEFT_MS(6));
    pass(WEFT_S(1));
    in(a, cancel);
    CHECK_EQ_INT(left, WEFT_ERR_NOT_FOUND);
    CHECK_LOG("");
    world_close();
}

static void cancel_takes_a_timer_out_of_the_mailbox(void) {
    open_a();
    in(a, start_10ms);
    world.now += WEFT_MS(10);
    in_later(a, cancel); /* lies before the TIMER that the run will put there */
    settle();
    CHECK_EQ_INT(left, WEFT_ERR_NOT_FOUND);
    CHECK_LOG("");
    world_close();
}

static void cancel_by_another_process_does_nothing(void) {
    open_a();
    b = probe("b", 0);
    in(a, start_10ms);
    in(b, cancel);
    CHECK_EQ_INT(left, WEFT_ERR_NOT_FOUND);
    pass(WEFT_MS(10));
    CHECK_LOG("a timer 1 pay");
    world_close();
}

static void timers_of_a_dead_process_are_gone(void) {
    open_a();
    in(a, start_10ms);
    in(a, stop_normal);
    CHECK_EQ_UINT(stats().timers, 0);
    CHECK_EQ_INT(weft_sched_next_at(world.sched), WEFT_TIME_NEVER);
    CHECK_LOG("a terminate normal/0");
    world_close();
}

static void start_three_at_once(weft_self *self) {
    for (uint32_t tag = 1; tag <= 3; tag++)
        weft_timer_start(self, WEFT_MS(1), tag, weft_bytes(NULL, 0), NULL);
    weft_timer_start(self, 0, 4, weft_bytes(NULL, 0), NULL);
}

static void timers_due_together_go_off_in_the_order_they_were_started(void) {
    open_a();
    in(a, start_three_at_once);
    pass(WEFT_MS(1));
    CHECK_LOG("a timer 4, a timer 1, a timer 2, a timer 3");
    world_close();
}

static void a_timer_of_no_delay_goes_off_in_the_next_run(void) {
    open_a();
    in_later(a, start_0);
    weft_sched_run(world.sched, 100);
    CHECK_LOG("");
    CHECK_EQ_INT(weft_sched_next_at(world.sched), world.now);
    pass(0);
    CHECK_LOG("a timer 2");
    world_close();
}

static void start_far(weft_self *self) {
    rv = weft_timer_start(self, INT64_MAX, 1, weft_bytes(NULL, 0), &ref);
}

static void a_timer_beyond_all_time_never_goes_off(void) {
    open_a();
    in(a, start_far);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_EQ_INT(weft_sched_next_at(world.sched), WEFT_TIME_NEVER);
    in(a, cancel);
    CHECK(left > WEFT_HOUR(1000000));
    world_close();
}

/* Against a model: random starts and cancels, then all that is left in order. */
#define MODEL 48

static struct {
    weft_time at;
    weft_ref ref;
    bool live;
} model[MODEL];
static struct weft_rand rand_state;
static weft_time last_at;
static uint32_t fired;

static void handle_model(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_TIMER) {
        CHECK(model[msg->tag].live);
        CHECK_EQ_UINT(model[msg->tag].ref, msg->ref);
        CHECK_EQ_INT(model[msg->tag].at, weft_now(self));
        CHECK(last_at <= weft_now(self));
        last_at = weft_now(self);
        model[msg->tag].live = false;
        fired++;
        return;
    }
    for (int step = 0; step < 400; step++) {
        uint32_t i = (uint32_t)weft_rand_below(&rand_state, MODEL);
        if (model[i].live) {
            CHECK_EQ_INT(weft_timer_cancel(self, model[i].ref), model[i].at - weft_now(self));
            model[i].live = false;
        } else {
            weft_duration delay = (weft_duration)weft_rand_below(&rand_state, 50) + 1;
            CHECK_EQ_INT(weft_timer_start(self, delay, i, weft_bytes(NULL, 0), &model[i].ref),
                         WEFT_OK);
            model[i].at = weft_now(self) + delay;
            model[i].live = true;
        }
    }
}

static WEFT_PROCESS(model_v1, .name = "model", .handle = handle_model);

static void spawn_model(weft_self *self) {
    weft_spawn(self, &(struct weft_spawn){.behaviour = &model_v1}, &b);
}

static void random_starts_and_cancels_match_a_model(void) {
    world_open();
    in(world.root, spawn_model);
    for (uint64_t seed = 0; seed < 50; seed++) {
        weft_rand_init(&rand_state, seed);
        fired = 0;
        weft_sched_send(world.sched, b, 0, weft_bytes(NULL, 0));
        settle();
        uint32_t live = stats().timers;
        pass(100);
        CHECK_EQ_UINT(fired, live);
        for (int i = 0; i < MODEL; i++) CHECK(!model[i].live);
    }
    world_close();
}

/* The same with thousands, whose delays are of every kind: one and the same, rising, falling, any.
 * After each step the next one due is exactly the model's. */
#define MANY WEFT_LIMIT(3000, 40)
#define MANY_STEPS (MANY * 4)

static struct {
    weft_time at;
    weft_ref ref;
    uint64_t order; /* of its start */
    bool live;
} many[MANY];
static uint64_t starts, last_order;
static uint32_t kind;

static weft_duration delay_of(uint32_t step) {
    switch (kind) {
    case 0:
        return WEFT_MS(5);
    case 1:
        return WEFT_US(1) + (weft_duration)step % 500;
    case 2:
        return WEFT_MS(1) - (weft_duration)step;
    case 3:
        return (weft_duration)weft_rand_below(&rand_state, 2000000);
    default:
        return weft_rand_below(&rand_state, 2) == 0 ? 700 : (weft_duration)(step % 7 * 100);
    }
}

static void start_or_cancel(weft_self *self, uint32_t i, uint32_t step) {
    if (many[i].live) {
        weft_duration due = weft_time_max(many[i].at - weft_now(self), 0);
        CHECK_EQ_INT(weft_timer_cancel(self, many[i].ref), due);
        many[i].live = false;
        return;
    }
    weft_duration delay = delay_of(step);
    CHECK_EQ_INT(weft_timer_start(self, delay, i, weft_bytes(NULL, 0), &many[i].ref), WEFT_OK);
    many[i].at = weft_now(self) + delay;
    many[i].order = ++starts;
    many[i].live = true;
}

static weft_time model_next(void) {
    weft_time next = WEFT_TIME_NEVER;
    for (int i = 0; i < MANY; i++)
        if (many[i].live) next = weft_time_min(next, many[i].at);
    return next;
}

static void go_off(weft_self *self, const struct weft_msg *timer) {
    CHECK(many[timer->tag].live);
    CHECK_EQ_UINT(many[timer->tag].ref, timer->ref);
    CHECK(many[timer->tag].at <= weft_now(self));
    bool in_order = last_at < many[timer->tag].at ||
                    (last_at == many[timer->tag].at && last_order < many[timer->tag].order);
    CHECK(in_order);
    last_at = many[timer->tag].at;
    last_order = many[timer->tag].order;
    many[timer->tag].live = false;
    fired++;
}

static void handle_many(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind == WEFT_MSG_TIMER) {
        go_off(self, msg);
        return;
    }
    for (uint32_t step = 0; step < MANY_STEPS; step++) {
        start_or_cancel(self, (uint32_t)weft_rand_below(&rand_state, MANY), step);
        if (step % 16 == 0) CHECK_EQ_INT(weft_sched_next_at(world.sched), model_next());
    }
    /* Those due first go first: what is found when the first is taken away, again and again. */
    for (int i = 0; i < 20; i++) {
        weft_time next = model_next();
        for (uint32_t at = 0; at < MANY; at++)
            if (many[at].live && many[at].at == next) start_or_cancel(self, at, 0);
        CHECK_EQ_INT(weft_sched_next_at(world.sched), model_next());
    }
}

static WEFT_PROCESS(many_v1, .name = "many", .handle = handle_many);

static void spawn_many(weft_self *self) {
    weft_spawn(self, &(struct weft_spawn){.behaviour = &many_v1}, &b);
}

/* Late drivers too: time goes on by more than the next one. */
static void fire_all(uint64_t seed) {
    for (weft_time at; (at = weft_sched_next_at(world.sched)) != WEFT_TIME_NEVER;) {
        CHECK_EQ_INT(at, model_next());
        world.now = weft_time_max(world.now, at) + (seed % 2 == 0 ? 0 : 350);
        settle();
    }
}

static void thousands_of_timers_of_every_kind_match_a_model(void) {
    world_open();
    memset(many, 0, sizeof many);
    in(world.root, spawn_many);
    for (uint64_t seed = 0; seed < 10; seed++) {
        kind = (uint32_t)(seed % 5);
        weft_rand_init(&rand_state, seed);
        fired = 0;
        weft_sched_send(world.sched, b, 0, weft_bytes(NULL, 0));
        CHECK(!weft_sched_run(world.sched, 1));
        uint32_t live = stats().timers;
        last_at = 0;
        last_order = 0;
        fire_all(seed);
        CHECK_EQ_UINT(fired, live);
    }
    world_close();
}

TEST_MAIN("otp/timers", TEST(a_timer_goes_off_at_its_time_and_not_before),
          TEST(a_driver_that_is_late_gets_what_was_due),
          TEST(cancel_of_a_pending_timer_tells_what_was_left),
          TEST(cancel_takes_a_timer_out_of_the_mailbox),
          TEST(cancel_by_another_process_does_nothing), TEST(timers_of_a_dead_process_are_gone),
          TEST(timers_due_together_go_off_in_the_order_they_were_started),
          TEST(a_timer_of_no_delay_goes_off_in_the_next_run),
          TEST(a_timer_beyond_all_time_never_goes_off),
          TEST(random_starts_and_cancels_match_a_model),
          TEST(thousands_of_timers_of_every_kind_match_a_model))
