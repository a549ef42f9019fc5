/* Histogram of whole numbers over many orders of magnitude, after Gil Tene's HDR histogram: buckets
 * whose width is a fixed share of their value, so that a quantile is off by at most that share
 * whatever was added.
 *
 * With `bits` of precision a value below 2^bits has a bucket of its own; a larger one shares its
 * bucket with those that have the same leading `bits` bits: a quantile is too high by at most
 * 1/2^(bits-1) of itself. The smallest and the largest value, the count and the sum are exact.
 *
 * Memory grows with the largest value's order of magnitude: (66 - bits) * 2^(bits-1) counters of 8
 * bytes at most. */
#ifndef ANALYSIS_HIST_H
#define ANALYSIS_HIST_H

#include <stdbool.h>
#include <stdint.h>

#define ANA_HIST_BITS_MIN 2
#define ANA_HIST_BITS_MAX 16
#define ANA_HIST_BITS 11 /* three decimal digits: at most 0.1 % */

struct ana_hist;

/* NULL without memory. ANA_HIST_BITS_MIN <= bits <= ANA_HIST_BITS_MAX */
struct ana_hist *ana_hist_new(unsigned bits);
void ana_hist_free(struct ana_hist *hist);

/* Empty it; its memory stays. */
void ana_hist_clear(struct ana_hist *hist);

/* Add `value`, `times` times. WEFT_ERR_NOMEM: nothing was added. */
int ana_hist_add(struct ana_hist *hist, uint64_t value, uint64_t times);

/* Add all of `from`, whatever its precision: a bucket counts as its highest value. WEFT_ERR_NOMEM:
 * only a part was added. */
int ana_hist_merge(struct ana_hist *hist, const struct ana_hist *from);

uint64_t ana_hist_count(const struct ana_hist *hist);
uint64_t ana_hist_min(const struct ana_hist *hist); /* 0 when empty */
uint64_t ana_hist_max(const struct ana_hist *hist); /* 0 when empty */
double ana_hist_mean(const struct ana_hist *hist);  /* NAN when empty */

/* Of `count` values in order, the number (from 1) of the one that is the quantile: the smallest
 * that at least `share` of them do not exceed (nearest rank). count > 0 */
uint64_t ana_rank(double share, uint64_t count);

/* The smallest value that at least `share` (0 to 1) of all values do not exceed; by its bucket's
 * highest value, never above the largest value added. 0 when empty. */
uint64_t ana_hist_quantile(const struct ana_hist *hist, double share);

/* How many values are at most `value`; those in the bucket of `value` all count. */
uint64_t ana_hist_at_most(const struct ana_hist *hist, uint64_t value);

/* One bucket that is not empty: count values from `from` to `to`, both inclusive. */
struct ana_hist_bucket {
    uint64_t from, to, count;
};

/* The next bucket in order of value; start with *cursor at 0. False when there is no further. With
 * `bits` fewer than the histogram's, buckets are that coarse; 0: as they are. */
bool ana_hist_next(const struct ana_hist *hist, unsigned bits, uint64_t *cursor,
                   struct ana_hist_bucket *out);

#endif
