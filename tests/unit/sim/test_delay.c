/* Delays: integer tables against libm, and samples that must never change. */
#include "core/base/rand.h"
#include "sim/net/net.h"
#include "sim/net/tables.h"
#include "tests/harness/harness.h"

#include <math.h>
#include <stdlib.h>

#define HALF (UINT64_C(1) << 63)

static struct sim_delay lognormal(weft_duration median, uint32_t sigma_milli) {
    return (struct sim_delay){.kind = SIM_DELAY_LOGNORMAL, .a = median, .sigma_milli = sigma_milli};
}

/* The upper quantile of probability p <= 0.5, by bisection of erfc. */
static double quantile(double p) {
    double low = 0, high = 8;
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(middle / sqrt(2)) > p) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return (low + high) / 2;
}

static void the_table_of_quantiles_is_that_of_libm(void) {
    for (int i = 0; i < SIM_NORMAL_COUNT; i++) {
        double p = ldexp(1 - (i % SIM_NORMAL_STEPS) / 64.0, -(1 + i / SIM_NORMAL_STEPS));
        CHECK(fabs(sim_net__normal[i] - ldexp(quantile(p), 24)) < 1.0);
    }
}

static void the_table_of_powers_is_that_of_libm(void) {
    for (int i = 0; i < SIM_EXP2_COUNT; i++) {
        CHECK(fabs(sim_net__exp2[i] - ldexp(exp2(i / 256.0), 30)) < 1.0);
    }
}

static void the_table_of_logarithms_is_that_of_libm(void) {
    for (int i = 0; i < SIM_LOG2_COUNT; i++) {
        CHECK(fabs(sim_net__log2[i] - ldexp(log2(1 + i / 256.0), 30)) < 1.0);
    }
}

/* -ln(raw / 2^64), exact on both sides. */
static double neg_ln(uint64_t raw) {
    if (raw > UINT64_C(1) << 63) return -log1p(-ldexp((double)-raw, -64));
    return -log(ldexp((double)raw, -64));
}

static double exact(const struct sim_delay *delay, uint64_t raw) {
    double ln = neg_ln(raw), shape = delay->shape_milli / 1000.0;
    if (delay->kind == SIM_DELAY_EXPONENTIAL) return (double)delay->b + (double)delay->a * ln;
    if (delay->kind == SIM_DELAY_PARETO) return (double)delay->a * exp(ln / shape);
    return (double)delay->a * pow(ln, 1 / shape);
}

/* The worst relative error over draws at every scale, from both ends, and shapes. */
static double worst_error(enum sim_delay_kind kind) {
    struct weft_rand rand;
    weft_rand_init(&rand, 2);
    double worst = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t raw = weft_rand_u64(&rand) >> weft_rand_below(&rand, 60);
        if (weft_rand_below(&rand, 2) == 1) raw = -raw;
        if (raw == 0) continue;
        struct sim_delay delay = {.kind = kind, .a = WEFT_HOUR(10)};
        delay.shape_milli = SIM_SHAPE_MIN + (uint32_t)weft_rand_below(&rand, 10000);
        double want = exact(&delay, raw);
        if (want > 9e18 || want < 1e6) continue; /* it is whole nanoseconds */
        double error = fabs((double)sim_delay_sample(&delay, raw, 0, 0) - want) / want;
        if (error > worst) worst = error;
    }
    return worst;
}

static void exponential_pareto_and_weibull_are_within_half_a_percent_of_libm(void) {
    static const enum sim_delay_kind kinds[] = {SIM_DELAY_EXPONENTIAL, SIM_DELAY_PARETO,
                                                SIM_DELAY_WEIBULL};
    for (int i = 0; i < 3; i++) {
        double worst = worst_error(kinds[i]);
        CHECK(worst < 0.005);
        CHECK(worst > 0); /* it was measured */
    }
}

static void none_of_these_is_shorter_than_its_least(void) {
    struct sim_delay exponential = {
        SIM_DELAY_EXPONENTIAL, 0, WEFT_MS(10), WEFT_MS(5), 0, 0, NULL, NULL};
    struct sim_delay pareto = {SIM_DELAY_PARETO, 0, WEFT_MS(10), 0, 0, 1500, NULL, NULL};
    struct sim_delay weibull = {SIM_DELAY_WEIBULL, 0, WEFT_MS(10), 0, 0, 500, NULL, NULL};
    CHECK_EQ_INT(sim_delay_least(&exponential), WEFT_MS(5));
    CHECK_EQ_INT(sim_delay_least(&pareto), WEFT_MS(10));
    CHECK_EQ_INT(sim_delay_least(&weibull), 0);
    for (uint64_t raw = UINT64_MAX; raw > UINT64_MAX - 1000; raw--) {
        CHECK(sim_delay_sample(&exponential, raw, 0, 0) >= WEFT_MS(5));
        CHECK(sim_delay_sample(&pareto, raw, 0, 0) >= WEFT_MS(10));
        CHECK(sim_delay_sample(&weibull, raw, 0, 0) >= 0);
    }
}

/* The mean of an exponential is what it was given; a smaller draw is a longer delay. */
static void an_exponential_has_its_mean_and_a_pareto_its_tail(void) {
    struct sim_delay exponential = {
        SIM_DELAY_EXPONENTIAL, 0, WEFT_MS(10), WEFT_MS(5), 0, 0, NULL, NULL};
    struct sim_delay pareto = {SIM_DELAY_PARETO, 0, WEFT_MS(10), 0, 0, 2000, NULL, NULL};
    int64_t sum = 0;
    unsigned beyond = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        sum += sim_delay_sample(&exponential, weft_draw(3, 1, 4, i), 0, 0);
        beyond += sim_delay_sample(&pareto, weft_draw(3, 1, 4, i), 0, 0) > WEFT_MS(100);
    }
    CHECK(sum / 100000 > WEFT_US(14850) && sum / 100000 < WEFT_US(15150));
    CHECK(beyond > 840 && beyond < 1160); /* a hundredth */
    weft_duration last = WEFT_TIME_NEVER;
    for (int bit = 0; bit < 64; bit++) {
        weft_duration now = sim_delay_sample(&exponential, UINT64_C(1) << bit, 0, 0);
        CHECK(now < last);
        last = now;
    }
}

/* Upper and lower half, from the middle to where the tail is cut, at every sigma. */
static void a_log_normal_is_within_half_a_percent_of_libm(void) {
    struct weft_rand rand;
    weft_rand_init(&rand, 1);
    double worst = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t tail = weft_rand_u64(&rand) >> 1 >> weft_rand_below(&rand, 32);
        if (tail < UINT64_C(1) << 31) continue; /* beyond the cut */
        uint32_t sigma = (uint32_t)weft_rand_below(&rand, 3001);
        bool negative = weft_rand_below(&rand, 2) == 1;
        struct sim_delay delay = lognormal(WEFT_S(10), sigma);
        weft_duration got = sim_delay_sample(&delay, negative ? tail | HALF : tail, 0, 0);
        double z = quantile(ldexp((double)tail, -64));
        double want = (double)WEFT_S(10) * exp((negative ? -z : z) * sigma / 1000.0);
        double error = (fabs((double)got - want) - 1) / want; /* it is whole nanoseconds */
        if (error > worst) worst = error;
    }
    CHECK(worst < 0.0005); /* ten times better than promised */
    CHECK(worst > 0);      /* it was measured */
}

static void the_tail_is_cut_and_stays_in_order(void) {
    struct sim_delay delay = lognormal(WEFT_MS(100), 1000);
    weft_duration last = WEFT_TIME_NEVER;
    for (int bit = 62; bit >= 0; bit--) { /* a smaller tail, a longer delay */
        weft_duration now = sim_delay_sample(&delay, UINT64_C(1) << bit, 0, 0);
        CHECK(bit < 62 ? now > 0 : true);
        if (last != WEFT_TIME_NEVER) CHECK(now >= last);
        last = now;
    }
    CHECK_EQ_INT(sim_delay_sample(&delay, 0, 0, 0), last);
    double cut = (double)WEFT_MS(100) * exp(quantile(ldexp(1, -33)));
    CHECK(fabs((double)last / cut - 1) < 0.005);
    CHECK_EQ_INT(sim_delay_sample(&delay, HALF, 0, 0), sim_delay_least(&delay));
    for (uint64_t raw = HALF; raw < HALF + 1000; raw++) {
        CHECK(sim_delay_sample(&delay, raw, 0, 0) >= sim_delay_least(&delay));
    }
}

static void neighbours_in_the_table_join_without_a_step_back(void) {
    struct sim_delay delay = lognormal(WEFT_S(1), 3000);
    weft_duration last = 0;
    for (uint64_t i = 0; i < 200000; i++) { /* across every step of the first octaves */
        uint64_t raw = (HALF - 1) - i * (HALF / 200000);
        weft_duration now = sim_delay_sample(&delay, raw, 0, 0);
        if (now < last) CHECK_EQ_INT(now, last);
        last = now;
    }
    CHECK(last > WEFT_S(1));
}

static int compare(const void *a, const void *b) {
    weft_duration x = *(const weft_duration *)a, y = *(const weft_duration *)b;
    return x < y ? -1 : x > y;
}

static void samples_have_the_median_and_the_spread_asked_for(void) {
    enum { COUNT = 100000 };
    static weft_duration samples[COUNT];
    struct sim_delay delay = lognormal(WEFT_MS(40), 500);
    for (uint64_t i = 0; i < COUNT; i++) {
        samples[i] = sim_delay_sample(&delay, weft_draw(1, 2, 3, i), 0, 0);
    }
    qsort(samples, COUNT, sizeof samples[0], compare);
    static const double at[] = {0.01, 0.159, 0.5, 0.841, 0.99};
    static const double z[] = {-2.3263, -0.99858, 0, 0.99858, 2.3263};
    for (int i = 0; i < 5; i++) {
        double want = (double)WEFT_MS(40) * exp(0.5 * z[i]);
        double got = (double)samples[(int)(at[i] * COUNT)];
        CHECK(fabs(got / want - 1) < 0.015);
    }
}

static void no_sigma_is_the_median_exactly(void) {
    struct sim_delay delay = lognormal(WEFT_MS(40), 0);
    for (uint64_t i = 0; i < 100; i++) {
        CHECK_EQ_INT(sim_delay_sample(&delay, weft_draw(1, 1, 1, i), 0, 0), WEFT_MS(40));
    }
    CHECK_EQ_INT(sim_delay_least(&delay), WEFT_MS(40));
}

static void what_does_not_fit_sticks_at_never(void) {
    struct sim_delay delay = lognormal(WEFT_HOUR(24) * 365 * 200, 3000);
    CHECK_EQ_INT(sim_delay_sample(&delay, 0, 0, 0), WEFT_TIME_NEVER);
    struct sim_delay pareto = {SIM_DELAY_PARETO, 0, WEFT_S(1), 0, 0, SIM_SHAPE_MIN, NULL, NULL};
    CHECK_EQ_INT(sim_delay_sample(&pareto, 0, 0, 0), WEFT_TIME_NEVER);
    delay = lognormal(0, 3000);
    CHECK_EQ_INT(sim_delay_sample(&delay, 0, 0, 0), 0);
}

static void uniform_reaches_both_ends_and_every_value_between(void) {
    struct sim_delay delay = {.kind = SIM_DELAY_UNIFORM, .a = 10, .b = 14};
    unsigned seen[5] = {0};
    for (uint64_t i = 0; i < 10000; i++) {
        weft_duration got = sim_delay_sample(&delay, weft_draw(1, 1, 1, i), 0, 0);
        REQUIRE(got >= 10 && got <= 14);
        seen[got - 10]++;
    }
    for (int i = 0; i < 5; i++) CHECK(seen[i] > 1850 && seen[i] < 2150);
    CHECK_EQ_INT(sim_delay_sample(&delay, 0, 0, 0), 10);
    CHECK_EQ_INT(sim_delay_sample(&delay, UINT64_MAX, 0, 0), 14);
    CHECK_EQ_INT(sim_delay_least(&delay), 10);
}

static void constant_is_constant_and_nothing_is_no_delay(void) {
    struct sim_delay delay = {.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(3)};
    CHECK_EQ_INT(sim_delay_sample(&delay, 12345, 0, 0), WEFT_MS(3));
    CHECK_EQ_INT(sim_delay_least(&delay), WEFT_MS(3));
    struct sim_delay none = {0};
    CHECK_EQ_INT(sim_delay_sample(&none, 12345, 0, 0), 0);
    CHECK_EQ_INT(sim_delay_least(&none), 0);
}

static void regions_take_their_delay_from_the_matrix(void) {
    static struct sim_regions regions = {.count = 3};
    for (uint32_t i = 0; i < 9; i++) regions.delay[i / 3][i % 3] = WEFT_MS(10 * i + 5);
    struct sim_delay delay = {.kind = SIM_DELAY_REGIONS, .a = WEFT_MS(7), .regions = &regions};
    CHECK_EQ_INT(sim_delay_sample(&delay, 1, 0, 1), WEFT_MS(15));
    CHECK_EQ_INT(sim_delay_sample(&delay, 1, 2, 1), WEFT_MS(75));
    CHECK_EQ_INT(sim_delay_sample(&delay, 1, 1, 1), WEFT_MS(7)); /* within: `a` */
    CHECK_EQ_INT(sim_delay_least(&delay), WEFT_MS(7));
    delay.a = WEFT_MS(20);
    CHECK_EQ_INT(sim_delay_least(&delay), WEFT_MS(15));
    delay.sigma_milli = 200;
    CHECK(sim_delay_sample(&delay, 1, 0, 1) > WEFT_MS(15));
    CHECK(sim_delay_sample(&delay, 1 | HALF, 0, 1) < WEFT_MS(15));
    CHECK_EQ_INT(sim_delay_least(&delay), sim_delay_sample(&delay, HALF, 0, 1));
}

/* Part of what a seed means: a change here changes every run. */
static void samples_are_the_same_on_every_machine(void) {
    static const weft_duration pinned[] = {50000000, 47858761,  88298304,  42405152,
                                           89955578, 164149733, 588229543, 111835980};
    for (uint64_t i = 0; i < sizeof pinned / sizeof pinned[0]; i++) {
        struct sim_delay delay = lognormal(WEFT_MS(50), (uint32_t)(i * 400));
        CHECK_EQ_INT(sim_delay_sample(&delay, weft_draw(9, 9, 9, i), 0, 0), pinned[i]);
    }
}

static void each_of_the_samples_is_as_likely(void) {
    static const weft_duration lengths[] = {10, 20, 30, 40};
    struct sim_samples *four = malloc(sizeof *four + sizeof lengths);
    REQUIRE(four != NULL);
    four->count = 4;
    memcpy(four->sorted, lengths, sizeof lengths);
    struct sim_delay delay = {.kind = SIM_DELAY_SAMPLES, .a = 10, .samples = four};
    uint32_t seen[5] = {0};
    for (uint64_t i = 0; i < 4000; i++)
        seen[sim_delay_sample(&delay, weft_draw(1, 2, 3, i), 0, 0) / 10]++;
    for (int i = 1; i <= 4; i++) CHECK(seen[i] > 900 && seen[i] < 1100);
    CHECK_EQ_INT(sim_delay_sample(&delay, 0, 0, 0), 10);
    CHECK_EQ_INT(sim_delay_sample(&delay, UINT64_MAX, 0, 0), 40);
    CHECK_EQ_INT(sim_delay_least(&delay), 10);
    free(four);
}

TEST_MAIN("sim/delay", TEST(the_table_of_quantiles_is_that_of_libm),
          TEST(the_table_of_powers_is_that_of_libm), TEST(the_table_of_logarithms_is_that_of_libm),
          TEST(exponential_pareto_and_weibull_are_within_half_a_percent_of_libm),
          TEST(none_of_these_is_shorter_than_its_least),
          TEST(an_exponential_has_its_mean_and_a_pareto_its_tail),
          TEST(a_log_normal_is_within_half_a_percent_of_libm),
          TEST(the_tail_is_cut_and_stays_in_order),
          TEST(neighbours_in_the_table_join_without_a_step_back),
          TEST(samples_have_the_median_and_the_spread_asked_for),
          TEST(no_sigma_is_the_median_exactly), TEST(what_does_not_fit_sticks_at_never),
          TEST(uniform_reaches_both_ends_and_every_value_between),
          TEST(constant_is_constant_and_nothing_is_no_delay),
          TEST(regions_take_their_delay_from_the_matrix),
          TEST(samples_are_the_same_on_every_machine), TEST(each_of_the_samples_is_as_likely))
