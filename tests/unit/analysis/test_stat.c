/* Against exact fractions: every way to choose has been counted, tests say of how many. */
#include "analysis/stat.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <math.h>

static bool near(double a, double b) { return fabs(a - b) <= 1e-12 * (1 + fabs(b)); }

static struct ana_comparison compare(double *a, uint32_t a_count, double *b, uint32_t b_count) {
    struct ana_comparison found = {0};
    ana_stat_sort(a, a_count);
    ana_stat_sort(b, b_count);
    CHECK_EQ_INT(
        ana_stat_compare((struct ana_group){a, a_count}, (struct ana_group){b, b_count}, &found),
        WEFT_OK);
    return found;
}

static void a_median_is_in_the_middle(void) {
    const double odd[] = {1, 2, 9}, even[] = {1, 2, 4, 9}, one[] = {7};
    CHECK(ana_stat_median(odd, 3) == 2);
    CHECK(ana_stat_median(even, 4) == 3);
    CHECK(ana_stat_median(one, 1) == 7);
    CHECK(ana_stat_quantile(even, 4, 0.75) == 4);
    CHECK(ana_stat_quantile(even, 4, 0.751) == 9);
}

/* Ranks and confidences of the binomial distribution of 1/2, as fractions of 2^count. */
static void its_interval_has_it_in_95_of_100(void) {
    static const struct {
        uint32_t count, k;
        double confidence;
    } known[] = {{1, 1, 0},
                 {5, 1, 0.9375},
                 {6, 1, 0.96875},
                 {10, 2, 0.978515625},
                 {20, 6, 0.9586105346679688},
                 {25, 8, 0.9567147493362427},
                 {100, 40, 0.9647997997822951},
                 {1000, 469, 0.9537088026395019}};
    static double numbers[1000];
    for (uint32_t i = 0; i < 1000; i++) numbers[i] = i + 1;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct ana_interval found = ana_stat_median_interval(numbers, known[i].count);
        CHECK(found.low == known[i].k);
        CHECK(found.high == known[i].count + 1 - known[i].k);
        CHECK(near(found.confidence, known[i].confidence));
    }
}

/* 0.5 * (4000 - 1.95996 * sqrt(4000)) = 1938.02 */
static void many_numbers_have_an_interval_too(void) {
    static double numbers[4000];
    for (uint32_t i = 0; i < 4000; i++) numbers[i] = i + 1;
    struct ana_interval found = ana_stat_median_interval(numbers, 4000);
    CHECK(found.low == 1938);
    CHECK(found.high == 2063);
}

/* Hollander and Wolfe, table 4.1: permeability of a membrane. W of the book gives P = 0.1272 on one
 * side; Hodges-Lehmann -0.305, and [-0.76, 0.15] with 96.0 %. */
static void permeability_is_as_in_the_book(void) {
    double a[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
    double b[] = {1.15, 0.88, 0.90, 0.74, 1.21};
    struct ana_comparison found = compare(a, 10, b, 5);
    CHECK(near(found.p, 0.2544122544122544));
    CHECK(near(found.shift, -0.305));
    CHECK(near(found.delta, -0.4));
    CHECK(near(found.between.low, -0.76));
    CHECK(near(found.between.high, 0.15));
    CHECK(near(found.between.confidence, 0.9600399600399601));
    CHECK_EQ_INT(found.verdict, ANA_NO_DIFFERENCE);
}

static void four_against_four_can_tell(void) {
    double a[] = {1, 2, 3, 4}, b[] = {11, 12, 13, 14.5};
    struct ana_comparison found = compare(a, 4, b, 4);
    CHECK(near(found.p, 2.0 / 70));
    CHECK(found.shift == 10);
    CHECK(found.between.low == 7);
    CHECK(found.between.high == 13.5);
    CHECK(found.delta == 1);
    CHECK_EQ_INT(found.verdict, ANA_HIGHER);
    CHECK_EQ_INT(compare(b, 4, a, 4).verdict, ANA_LOWER);
    CHECK(compare(b, 4, a, 4).shift == -10);
}

static void three_against_three_cannot(void) {
    double a[] = {1, 2, 3}, b[] = {11, 12, 13};
    struct ana_comparison found = compare(a, 3, b, 3);
    CHECK(near(found.p, 0.1));
    CHECK(near(found.between.confidence, 0.9));
    CHECK_EQ_INT(found.verdict, ANA_TOO_FEW);
}

/* Both ends of the exact distribution: 2 * 3,383,694,418 / 137,846,528,820, and of 50 and 50. */
static void larger_groups_are_exact_up_to_fifty(void) {
    static double a[50], b[50];
    for (uint32_t i = 0; i < 20; i++) {
        a[i] = i;
        b[i] = i + 3.5 + 0.1 * (i < 11);
    }
    struct ana_comparison found = compare(a, 20, b, 20);
    double above = 0;
    for (uint32_t i = 0; i < 20; i++) {
        for (uint32_t j = 0; j < 20; j++) above += b[j] > a[i];
    }
    CHECK(near(found.delta, (2 * above - 400) / 400));
    for (uint32_t i = 0; i < 50; i++) {
        a[i] = 2 * i;
        b[i] = 2 * i + 1;
    }
    /* U = 1225 of 2500 */
    CHECK(fabs(compare(a, 50, b, 50).p - 0.8658) < 1e-3);
}

static void nothing_but_equal_numbers_is_no_difference(void) {
    double a[] = {3, 3, 3, 3, 3}, b[] = {3, 3, 3, 3, 3};
    struct ana_comparison found = compare(a, 5, b, 5);
    CHECK_EQ_INT(found.verdict, ANA_NO_DIFFERENCE);
    CHECK(found.p == 1);
    CHECK(found.shift == 0);
    CHECK(found.delta == 0);
}

static void infinite_precision_is_not_asked_of_ties(void) {
    double a[] = {1, 1, 1, 2, 2, 2, 2, 2}, b[] = {2, 2, 2, 2, 3, 3, 3, 3};
    struct ana_comparison found = compare(a, 8, b, 8);
    CHECK(near(found.delta, 44.0 / 64)); /* 44 above, 20 even */
    CHECK(found.p < 0.05);
    CHECK(found.shift == 1);
}

/* The k-th difference is found without making all of them: beside making them all. */
static void differences_are_those_of_all_pairs(void) {
    static double a[60], b[70], all[4200];
    uint64_t state = 5;
    for (uint32_t i = 0; i < 130; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double number = (double)(state >> 40) / 1000;
        if (i < 60)
            a[i] = number;
        else
            b[i - 60] = number + 4000;
    }
    struct ana_comparison found = compare(a, 60, b, 70);
    for (uint32_t i = 0; i < 4200; i++) all[i] = b[i % 70] - a[i / 70];
    ana_stat_sort(all, 4200);
    CHECK(near(found.shift, ana_stat_median(all, 4200)));
    uint32_t cut = 0;
    while (cut < 4200 && all[cut] < found.between.low) cut++;
    /* 4200/2 - 1.96 * sqrt(4200 * 131 / 12) = 1680.3 */
    CHECK(cut >= 1679 && cut <= 1681);
}

static void words_are_as_romano_has_them(void) {
    CHECK_EQ_TEXT(ana_effect_word(-0.1), "negligible");
    CHECK_EQ_TEXT(ana_effect_word(0.2), "small");
    CHECK_EQ_TEXT(ana_effect_word(-0.4), "medium");
    CHECK_EQ_TEXT(ana_effect_word(0.9), "large");
    CHECK_EQ_TEXT(ana_verdict_word(ANA_NO_DIFFERENCE), "no difference seen");
}

static void too_many_are_refused(void) {
    double one[] = {1};
    struct ana_comparison found;
    struct ana_group few = {one, 1}, many = {one, ANA_STAT_MAX + 1};
    CHECK_EQ_INT(ana_stat_compare(few, many, &found), WEFT_ERR_TOO_BIG);
}

TEST_MAIN("analysis/stat", TEST(a_median_is_in_the_middle), TEST(its_interval_has_it_in_95_of_100),
          TEST(many_numbers_have_an_interval_too), TEST(permeability_is_as_in_the_book),
          TEST(four_against_four_can_tell), TEST(three_against_three_cannot),
          TEST(larger_groups_are_exact_up_to_fifty),
          TEST(nothing_but_equal_numbers_is_no_difference),
          TEST(infinite_precision_is_not_asked_of_ties), TEST(differences_are_those_of_all_pairs),
          TEST(words_are_as_romano_has_them), TEST(too_many_are_refused))
