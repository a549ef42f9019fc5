#include "analysis/hist.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <math.h>
#include <stdlib.h>

static struct ana_hist *hist_of(unsigned bits, const uint64_t *values, size_t count) {
    struct ana_hist *hist = ana_hist_new(bits);
    CHECK(hist != NULL);
    for (size_t i = 0; i < count; i++) CHECK_EQ_INT(ana_hist_add(hist, values[i], 1), WEFT_OK);
    return hist;
}

static void an_empty_one_says_nothing(void) {
    struct ana_hist *hist = ana_hist_new(ANA_HIST_BITS);
    uint64_t cursor = 0;
    struct ana_hist_bucket bucket;
    CHECK_EQ_UINT(ana_hist_count(hist), 0);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0.5), 0);
    CHECK_EQ_UINT(ana_hist_at_most(hist, UINT64_MAX), 0);
    CHECK(isnan(ana_hist_mean(hist)));
    CHECK(!ana_hist_next(hist, 0, &cursor, &bucket));
    ana_hist_free(hist);
}

/* Nearest rank: the smallest value that a share of all does not exceed. */
static void small_values_are_exact(void) {
    static const uint64_t values[] = {9, 1, 4, 4, 2, 1000, 7, 3, 5, 6};
    struct ana_hist *hist = hist_of(ANA_HIST_BITS, values, 10);
    CHECK_EQ_UINT(ana_hist_count(hist), 10);
    CHECK_EQ_UINT(ana_hist_min(hist), 1);
    CHECK_EQ_UINT(ana_hist_max(hist), 1000);
    CHECK(ana_hist_mean(hist) == 104.1);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0), 1);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0.1), 1);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0.11), 2);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0.5), 4);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0.9), 9);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0.91), 1000);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 1), 1000);
    CHECK_EQ_UINT(ana_hist_at_most(hist, 4), 5);
    CHECK_EQ_UINT(ana_hist_at_most(hist, 0), 0);
    ana_hist_free(hist);
}

/* Against the values themselves, sorted, at every order of magnitude. */
static int by_value(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void a_quantile_is_high_by_at_most_a_thousandth(void) {
    enum { COUNT = 5000 };
    static uint64_t values[COUNT];
    uint64_t state = 1;
    for (unsigned i = 0; i < COUNT; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        values[i] = state >> (i % 64);
    }
    struct ana_hist *hist = hist_of(ANA_HIST_BITS, values, COUNT);
    qsort(values, COUNT, sizeof values[0], by_value);
    for (unsigned permille = 1; permille <= 1000; permille++) {
        uint64_t exact = values[permille * COUNT / 1000 - 1];
        uint64_t told = ana_hist_quantile(hist, permille / 1000.0);
        CHECK(told >= exact);
        CHECK(told - exact <= exact / 1000);
    }
    CHECK_EQ_UINT(ana_hist_max(hist), values[COUNT - 1]);
    ana_hist_free(hist);
}

static void buckets_have_all_values_once_and_in_order(void) {
    static const uint64_t values[] = {0,    1,       2047,    2048,       2049,          4095,
                                      4096, 1000000, 1000100, UINT64_MAX, UINT64_MAX - 1};
    struct ana_hist *hist = hist_of(ANA_HIST_BITS, values, 11);
    for (unsigned bits = 0; bits <= ANA_HIST_BITS; bits += bits == 0 ? 2 : 1) {
        uint64_t cursor = 0, seen = 0, last = 0;
        struct ana_hist_bucket bucket;
        while (ana_hist_next(hist, bits, &cursor, &bucket)) {
            uint64_t inside = 0;
            for (unsigned i = 0; i < 11; i++)
                inside += values[i] >= bucket.from && values[i] <= bucket.to;
            CHECK(bucket.count > 0);
            CHECK_EQ_UINT(bucket.count, inside);
            CHECK(seen == 0 || bucket.from > last);
            seen += bucket.count;
            last = bucket.to;
        }
        CHECK_EQ_UINT(seen, 11);
        CHECK_EQ_UINT(last, UINT64_MAX);
    }
    ana_hist_free(hist);
}

static void merged_is_as_added(void) {
    static const uint64_t left[] = {1, 5000, 70}, right[] = {2, 900000};
    struct ana_hist *hist = hist_of(ANA_HIST_BITS, left, 3), *other = hist_of(8, right, 2);
    CHECK_EQ_INT(ana_hist_merge(hist, other), WEFT_OK);
    CHECK_EQ_UINT(ana_hist_count(hist), 5);
    CHECK_EQ_UINT(ana_hist_max(hist), 900000);
    CHECK_EQ_UINT(ana_hist_quantile(hist, 0.4), 2);
    ana_hist_free(other);
    ana_hist_free(hist);
}

static void cleared_it_begins_anew(void) {
    static const uint64_t values[] = {3, 1u << 20};
    struct ana_hist *hist = hist_of(8, values, 2);
    ana_hist_clear(hist);
    CHECK_EQ_UINT(ana_hist_count(hist), 0);
    CHECK_EQ_INT(ana_hist_add(hist, 10, 4), WEFT_OK);
    CHECK_EQ_UINT(ana_hist_count(hist), 4);
    CHECK_EQ_UINT(ana_hist_min(hist), 10);
    CHECK_EQ_UINT(ana_hist_at_most(hist, UINT64_MAX), 4);
    ana_hist_free(hist);
}

TEST_MAIN("analysis/hist", TEST(an_empty_one_says_nothing), TEST(small_values_are_exact),
          TEST(a_quantile_is_high_by_at_most_a_thousandth),
          TEST(buckets_have_all_values_once_and_in_order), TEST(merged_is_as_added),
          TEST(cleared_it_begins_anew))
