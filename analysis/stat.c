/* Order statistics of small groups. */
#include "analysis/stat.h"

#include "analysis/hist.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>

#define EXACT_MAX 50u /* numbers in each group */

static int by_number(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

void ana_stat_sort(double *numbers, uint32_t count) {
    if (count > 1) qsort(numbers, count, sizeof *numbers, by_number);
}

double ana_stat_median(const double *sorted, uint32_t count) {
    WEFT_ASSERT(count > 0);
    uint32_t middle = count / 2;
    return count % 2 == 1 ? sorted[middle] : sorted[middle - 1] / 2 + sorted[middle] / 2;
}

double ana_stat_quantile(const double *sorted, uint32_t count, double share) {
    WEFT_ASSERT(count > 0);
    return sorted[ana_rank(share, count) - 1];
}

/* With so many the binomial distribution is a normal one, and 2^-count is no number any more. */
#define BINOMIAL_MAX 1000u
#define NORMAL_975 1.959963984540054

static struct ana_interval wide_interval(const double *sorted, uint32_t count) {
    uint32_t k = (uint32_t)((count - NORMAL_975 * sqrt(count)) / 2);
    return (struct ana_interval){sorted[k - 1], sorted[count - k], ANA_STAT_CONFIDENCE};
}

/* Between the k-th smallest and the k-th largest the median is, but for two tails of P(X < k), X of
 * `count` throws of a coin. */
struct ana_interval ana_stat_median_interval(const double *sorted, uint32_t count) {
    WEFT_ASSERT(count > 0);
    if (count > BINOMIAL_MAX) return wide_interval(sorted, count);
    uint32_t k = 1;
    double tail = ldexp(1, -(int)count), term = tail;
    while (k < count / 2) {
        term = term * (count - k + 1) / k;
        if (tail + term > (1 - ANA_STAT_CONFIDENCE) / 2) break;
        tail += term;
        k++;
    }
    return (struct ana_interval){sorted[k - 1], sorted[count - k], 1 - 2 * tail};
}

const char *ana_verdict_word(enum ana_verdict verdict) {
    static const char *const words[] = {"too few", "no difference seen", "negligible", "lower",
                                        "higher"};
    return words[verdict];
}

const char *ana_effect_word(double delta) {
    double size = fabs(delta);
    if (size < 0.147) return "negligible";
    if (size < 0.33) return "small";
    return size < 0.474 ? "medium" : "large";
}

/* --- Mann and Whitney --- */

/* All that two groups say of each other. */
struct ranks {
    double above; /* pairs with b above a, ties counted half */
    double pairs;
    double ties; /* sum of t^3 - t over groups of equal numbers */
};

static uint32_t run_of(struct ana_group group, uint32_t at, double number) {
    uint32_t end = at;
    while (end < group.count && group.sorted[end] <= number) end++;
    return end - at;
}

static struct ranks rank(struct ana_group a, struct ana_group b) {
    struct ranks ranks = {0, (double)a.count * b.count, 0};
    uint32_t i = 0, j = 0;
    while (i < a.count || j < b.count) {
        bool left = j == b.count || (i < a.count && a.sorted[i] <= b.sorted[j]);
        double number = left ? a.sorted[i] : b.sorted[j];
        double in_a = run_of(a, i, number), in_b = run_of(b, j, number), both = in_a + in_b;
        ranks.above += in_b * (i + in_a / 2);
        ranks.ties += both * both * both - both;
        i += (uint32_t)in_a;
        j += (uint32_t)in_b;
    }
    return ranks;
}

/* P(U <= u) for each u when nothing differs and nothing ties, up to `limit`: how many ways there
 * are to have U of m * n, one number after the other (Mann and Whitney, 1947). */
static double *exact_below(uint32_t m, uint32_t n) {
    size_t size = (size_t)m * n + 1;
    double *ways = calloc(size, sizeof *ways);
    if (ways == NULL) return NULL;
    ways[0] = 1;
    /* The generating function: (1 - q^(n+i)) / (1 - q^i) for i of 1 to m. */
    for (uint32_t i = 1; i <= m; i++) {
        for (size_t u = size; u-- > n + i;) ways[u] -= ways[u - n - i];
        for (size_t u = i; u < size; u++) ways[u] += ways[u - i];
    }
    double all = 0, sum = 0;
    for (size_t u = 0; u < size; u++) all += ways[u];
    for (size_t u = 0; u < size; u++) {
        sum += ways[u];
        ways[u] = sum / all;
    }
    return ways;
}

static double normal_below(double z) { return 0.5 * erfc(-z / sqrt(2)); }

static double deviation(struct ana_group a, struct ana_group b, double ties) {
    double n = (double)a.count + b.count;
    return sqrt((double)a.count * b.count / 12 * (n + 1 - ties / (n * (n - 1))));
}

/* Two-sided, for the smaller of both tails. */
static double p_of(struct ana_group a, struct ana_group b, struct ranks ranks,
                   const double *below) {
    double lower =
        ranks.above < ranks.pairs - ranks.above ? ranks.above : ranks.pairs - ranks.above;
    if (ranks.ties == 0 && below != NULL) {
        double p = 2 * below[(size_t)lower];
        return p < 1 ? p : 1;
    }
    double spread = deviation(a, b, ranks.ties);
    if (!(spread > 0)) return 1;
    double p = 2 * normal_below((lower + 0.5 - ranks.pairs / 2) / spread);
    return p < 1 ? p : 1;
}

/* How many differences are cut off on each side; *confidence of what is left. */
static uint32_t cut_of(struct ana_group a, struct ana_group b, const double *below,
                       double *confidence) {
    const double tail = (1 - ANA_STAT_CONFIDENCE) / 2;
    double pairs = (double)a.count * b.count, spread = deviation(a, b, 0);
    uint32_t cut = 0;
    if (below != NULL) {
        while (cut < pairs / 2 - 1 && below[cut] <= tail) cut++;
        *confidence = cut > 0 ? 1 - 2 * below[cut - 1] : 1 - 2 * below[0];
        return cut;
    }
    while (cut < pairs / 2 - 1 && normal_below((cut + 0.5 - pairs / 2) / spread) <= tail) cut++;
    *confidence = 1 - 2 * normal_below((cut - 0.5 - pairs / 2) / spread);
    return cut;
}

/* --- differences --- */

/* How many of all differences b - a are below `limit`, or at most it. Both sorted: one walk. */
static double count_below(struct ana_group a, struct ana_group b, double limit, bool or_equal) {
    double count = 0;
    uint32_t j = 0;
    for (uint32_t i = 0; i < a.count; i++) {
        while (j < b.count) {
            double difference = b.sorted[j] - a.sorted[i];
            if (!(difference < limit || (or_equal && difference <= limit))) break;
            j++;
        }
        count += j;
    }
    return count;
}

/* The smallest difference that is above `limit`; it is there. */
static double next_above(struct ana_group a, struct ana_group b, double limit) {
    double best = INFINITY;
    uint32_t j = 0;
    for (uint32_t i = 0; i < a.count; i++) {
        while (j < b.count && b.sorted[j] - a.sorted[i] <= limit) j++;
        if (j < b.count && b.sorted[j] - a.sorted[i] < best) best = b.sorted[j] - a.sorted[i];
    }
    return best;
}

/* The k-th smallest of all differences, k from 1, without making them all: halving where it is,
 * then the difference next to it. */
static double difference_at(struct ana_group a, struct ana_group b, double k) {
    double low = b.sorted[0] - a.sorted[a.count - 1], high = b.sorted[b.count - 1] - a.sorted[0];
    if (count_below(a, b, low, true) >= k) return low;
    /* more than k are at most high, fewer than k at most low */
    for (unsigned i = 0; i < 200; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (count_below(a, b, middle, true) >= k)
            high = middle;
        else
            low = middle;
    }
    return next_above(a, b, low);
}

static double shift_of(struct ana_group a, struct ana_group b) {
    double pairs = (double)a.count * b.count, middle = floor(pairs / 2);
    if (fmod(pairs, 2) > 0) return difference_at(a, b, middle + 1);
    return difference_at(a, b, middle) / 2 + difference_at(a, b, middle + 1) / 2;
}

static enum ana_verdict judge(const struct ana_comparison *found, uint32_t cut, bool same) {
    if (same) return ANA_NO_DIFFERENCE;
    if (cut == 0) return ANA_TOO_FEW;
    if (found->between.low <= 0 && found->between.high >= 0) return ANA_NO_DIFFERENCE;
    if (fabs(found->delta) < 0.147) return ANA_NEGLIGIBLE;
    return found->shift < 0 ? ANA_LOWER : ANA_HIGHER;
}

int ana_stat_compare(struct ana_group a, struct ana_group b, struct ana_comparison *out) {
    WEFT_ASSERT(a.count > 0 && b.count > 0);
    if (a.count > ANA_STAT_MAX || b.count > ANA_STAT_MAX) return WEFT_ERR_TOO_BIG;
    double *below = NULL;
    if (a.count <= EXACT_MAX && b.count <= EXACT_MAX) {
        below = exact_below(a.count, b.count);
        if (below == NULL) return WEFT_ERR_NOMEM;
    }
    struct ranks ranks = rank(a, b);
    double confidence;
    uint32_t cut = cut_of(a, b, below, &confidence);
    out->shift = shift_of(a, b);
    out->delta = (2 * ranks.above - ranks.pairs) / ranks.pairs;
    out->p = p_of(a, b, ranks, below);
    double first = cut > 0 ? cut : 1;
    out->between = (struct ana_interval){difference_at(a, b, first),
                                         difference_at(a, b, ranks.pairs + 1 - first), confidence};
    bool same = a.sorted[0] == b.sorted[b.count - 1] && b.sorted[0] == a.sorted[a.count - 1];
    out->verdict = judge(out, cut, same);
    free(below);
    return WEFT_OK;
}
