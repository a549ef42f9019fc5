/* Clocks that are off: exact, never back, and turned into true time and back without loss. */
#include "sim/world/clock.h"

#include "core/base/rand.h"
#include "tests/harness/harness.h"

static struct sim_clock drifting(int64_t ppm) {
    struct sim_clock clock;
    sim_clock_init(&clock);
    sim_clock_change(&clock, 0, &(struct sim_clock_change){0, ppm});
    return clock;
}

static void a_clock_that_was_never_changed_is_true(void) {
    struct sim_clock clock;
    sim_clock_init(&clock);
    CHECK_EQ_INT(sim_clock_monotonic(&clock, WEFT_S(7)), WEFT_S(7));
    CHECK_EQ_INT(sim_clock_wall(&clock, WEFT_S(7)), WEFT_S(7));
    CHECK_EQ_INT(sim_clock_true(&clock, WEFT_S(7)), WEFT_S(7));
    CHECK_EQ_INT(sim_clock_true(&clock, WEFT_TIME_NEVER), WEFT_TIME_NEVER);
}

static void a_drift_is_so_many_nanoseconds_in_a_million(void) {
    struct sim_clock clock = drifting(100);
    CHECK_EQ_INT(sim_clock_monotonic(&clock, WEFT_S(10)), WEFT_S(10) + WEFT_MS(1));
    CHECK_EQ_INT(sim_clock_wall(&clock, WEFT_S(10)), WEFT_S(10) + WEFT_MS(1));
    clock = drifting(-500000);
    CHECK_EQ_INT(sim_clock_monotonic(&clock, WEFT_S(10)), WEFT_S(5));
    CHECK_EQ_INT(sim_clock_true(&clock, WEFT_S(5)), WEFT_S(10));
}

static void a_jump_moves_the_wall_clock_alone(void) {
    struct sim_clock clock = drifting(0);
    sim_clock_change(&clock, WEFT_S(3), &(struct sim_clock_change){-WEFT_HOUR(1), 0});
    CHECK_EQ_INT(sim_clock_monotonic(&clock, WEFT_S(4)), WEFT_S(4));
    CHECK_EQ_INT(sim_clock_wall(&clock, WEFT_S(4)), WEFT_S(4) - WEFT_HOUR(1));
    sim_clock_change(&clock, WEFT_S(5), &(struct sim_clock_change){WEFT_HOUR(1), 0});
    CHECK_EQ_INT(sim_clock_wall(&clock, WEFT_S(6)), WEFT_S(6));
}

static void changes_add_up_and_what_was_gained_stays(void) {
    struct sim_clock clock = drifting(300);
    sim_clock_change(&clock, WEFT_S(10), &(struct sim_clock_change){0, -100});
    sim_clock_change(&clock, WEFT_S(20), &(struct sim_clock_change){0, -300});
    sim_clock_change(&clock, WEFT_S(30), &(struct sim_clock_change){0, 100});
    CHECK_EQ_INT(clock.drift_ppm, 0);
    CHECK_EQ_INT(sim_clock_monotonic(&clock, WEFT_S(40)), WEFT_S(40) + WEFT_MS(3 + 2 - 1));
}

/* Beyond what a clock can do the sum is kept, so that it can be undone. */
static void a_sum_of_drifts_never_stops_the_clock(void) {
    struct sim_clock clock = drifting(-500000);
    for (int i = 0; i < 3; i++) sim_clock_change(&clock, 0, &(struct sim_clock_change){0, -500000});
    CHECK_EQ_INT(sim_clock_monotonic(&clock, WEFT_S(10)), WEFT_S(1));
    for (int i = 0; i < 4; i++) sim_clock_change(&clock, 0, &(struct sim_clock_change){0, 500000});
    CHECK_EQ_INT(sim_clock_monotonic(&clock, WEFT_S(10)), WEFT_S(10));
}

static void check_there_and_back(const struct sim_clock *clock, weft_time now) {
    weft_time shown = sim_clock_monotonic(clock, now);
    weft_time at = sim_clock_true(clock, shown);
    CHECK(at <= now);
    CHECK_EQ_INT(sim_clock_monotonic(clock, at), shown);
    if (at > clock->at) CHECK(sim_clock_monotonic(clock, at - 1) < shown);
}

static void the_true_time_is_the_first_that_shows_it(void) {
    for (uint64_t i = 0; i < 2000; i++) {
        int64_t ppm = (int64_t)weft_scale(weft_draw(1, 2, 3, i), 1000001) - 500000;
        struct sim_clock clock = drifting(ppm);
        weft_time now = (weft_time)(weft_draw(1, 2, 4, i) >> (4 + i % 56));
        check_there_and_back(&clock, now);
        sim_clock_change(&clock, now, &(struct sim_clock_change){0, -ppm / 2});
        check_there_and_back(&clock, now + (weft_time)(i * i * 977));
    }
}

static void it_never_goes_back(void) {
    struct sim_clock clock = drifting(0);
    weft_time now = 0, last = 0;
    for (uint64_t i = 0; i < 2000; i++) {
        now += (weft_time)(weft_draw(5, 6, 7, i) >> (34 + i % 28));
        weft_time shown = sim_clock_monotonic(&clock, now);
        CHECK(shown >= last);
        last = shown;
        int64_t ppm = (int64_t)weft_scale(weft_draw(5, 6, 8, i), 1000001) - 500000;
        sim_clock_change(&clock, now, &(struct sim_clock_change){-WEFT_HOUR(1), ppm});
        CHECK_EQ_INT(sim_clock_monotonic(&clock, now), shown);
    }
}

TEST_MAIN("sim/clock", TEST(a_clock_that_was_never_changed_is_true),
          TEST(a_drift_is_so_many_nanoseconds_in_a_million),
          TEST(a_jump_moves_the_wall_clock_alone), TEST(changes_add_up_and_what_was_gained_stays),
          TEST(a_sum_of_drifts_never_stops_the_clock),
          TEST(the_true_time_is_the_first_that_shows_it), TEST(it_never_goes_back))
