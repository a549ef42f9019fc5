/* Statistics of few numbers, a run each: medians with intervals, and how far two groups are apart.
 * Order statistics throughout: nothing is assumed of how the numbers are spread, nothing is drawn
 * at random, so the same runs always give the same answer.
 *
 *   median of a group     with the interval of order statistics that has it in at least 95 % of
 *                         cases (David and Nagaraja, "Order Statistics", 7.1)
 *   shift between groups  Hodges-Lehmann: the median of all differences, with the interval that
 *                         belongs to the Mann-Whitney test (Hollander and Wolfe, 4.3)
 *   effect size           Cliff's delta: how much oftener one of B is above one of A than below
 *   verdict               of both together */
#ifndef ANALYSIS_STAT_H
#define ANALYSIS_STAT_H

#include <stdbool.h>
#include <stdint.h>

#define ANA_STAT_MAX 10000 /* numbers in a group */
#define ANA_STAT_CONFIDENCE 0.95

struct ana_interval {
    double low, high;
    double confidence; /* how sure it is: at least ANA_STAT_CONFIDENCE, or what the widest has */
};

/* Numbers in order, none of them NAN. */
void ana_stat_sort(double *numbers, uint32_t count);

/* Of sorted numbers: the middle one, or the mean of the two in the middle. count > 0 */
double ana_stat_median(const double *sorted, uint32_t count);

/* Of sorted numbers: the one that at least `share` do not exceed. count > 0 */
double ana_stat_quantile(const double *sorted, uint32_t count, double share);

/* The median's interval. With fewer than 6 numbers it is all of them, and less sure. count > 0 */
struct ana_interval ana_stat_median_interval(const double *sorted, uint32_t count);

/* What to think of two groups. */
enum ana_verdict {
    ANA_TOO_FEW,       /* whatever the numbers were, they could not tell */
    ANA_NO_DIFFERENCE, /* none is seen: the shift's interval has 0 in it */
    ANA_NEGLIGIBLE,    /* there is one, with |delta| below 0.147 */
    ANA_LOWER,         /* B is lower than A */
    ANA_HIGHER         /* B is higher than A */
};

/* "too few", "no difference seen", "negligible", "lower", "higher" */
const char *ana_verdict_word(enum ana_verdict verdict);
/* "negligible", "small", "medium", "large": Romano and others, 2006: 0.147, 0.33, 0.474 */
const char *ana_effect_word(double delta);

struct ana_comparison {
    double shift;                /* of B beyond A */
    struct ana_interval between; /* for it */
    double delta;                /* -1: all of B are below all of A; 1: above */
    double p;                    /* Mann-Whitney, two-sided; ties counted half, with their
                                    correction; without ties and up to 50 numbers each exact */
    enum ana_verdict verdict;
};

/* Of sorted groups, both with numbers. WEFT_ERR_NOMEM; WEFT_ERR_TOO_BIG: more than ANA_STAT_MAX */
struct ana_group {
    const double *sorted;
    uint32_t count;
};
int ana_stat_compare(struct ana_group a, struct ana_group b, struct ana_comparison *out);

#endif
