/* A histogram with buckets of a fixed share of their value. */
#include "analysis/hist.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* I1  a value below 2^bits is in the bucket of its number; each further octave has half as many
 *     buckets, 2^(bits-1), behind those before it.
 * I2  low and high are the buckets of min and max; outside of them all is 0. */
struct ana_hist {
    unsigned bits;
    uint64_t *counts;
    size_t room; /* of counts, all cleared but for [low, high] */
    size_t low, high;
    uint64_t count, min, max;
    double sum;
};

static size_t bucket_of(unsigned bits, uint64_t value) {
    if (value >> bits == 0) return (size_t)value; /* I1 */
    unsigned octave = 64u - (unsigned)__builtin_clzll(value) - bits;
    return ((size_t)octave << (bits - 1)) + (size_t)(value >> octave);
}

static uint64_t first_of(unsigned bits, size_t bucket) {
    if (bucket >> bits == 0) return bucket;
    unsigned octave = (unsigned)(bucket >> (bits - 1)) - 1;
    return (uint64_t)(bucket - ((size_t)octave << (bits - 1))) << octave;
}

static uint64_t last_of(unsigned bits, size_t bucket) {
    unsigned octave = bucket >> bits == 0 ? 0 : (unsigned)(bucket >> (bits - 1)) - 1;
    return first_of(bits, bucket) + ((UINT64_C(1) << octave) - 1);
}

struct ana_hist *ana_hist_new(unsigned bits) {
    WEFT_ASSERT(bits >= ANA_HIST_BITS_MIN && bits <= ANA_HIST_BITS_MAX);
    struct ana_hist *hist = calloc(1, sizeof *hist);
    if (hist != NULL) hist->bits = bits;
    return hist;
}

void ana_hist_free(struct ana_hist *hist) {
    if (hist == NULL) return;
    free(hist->counts);
    free(hist);
}

void ana_hist_clear(struct ana_hist *hist) {
    if (hist->count > 0)
        memset(hist->counts + hist->low, 0, (hist->high - hist->low + 1) * sizeof *hist->counts);
    hist->count = hist->min = hist->max = 0;
    hist->sum = 0;
    hist->low = hist->high = 0;
}

/* Whole octaves, so that it seldom has to grow. */
static bool grow(struct ana_hist *hist, size_t bucket) {
    size_t octave = (size_t)1 << (hist->bits - 1), room = (bucket / octave + 2) * octave;
    uint64_t *counts = realloc(hist->counts, room * sizeof *counts);
    if (counts == NULL) return false;
    memset(counts + hist->room, 0, (room - hist->room) * sizeof *counts);
    hist->counts = counts;
    hist->room = room;
    return true;
}

int ana_hist_add(struct ana_hist *hist, uint64_t value, uint64_t times) {
    size_t bucket = bucket_of(hist->bits, value);
    if (times == 0) return WEFT_OK;
    if (bucket >= hist->room && !grow(hist, bucket)) return WEFT_ERR_NOMEM;
    hist->counts[bucket] += times;
    if (hist->count == 0 || value < hist->min) {
        hist->min = value;
        hist->low = bucket;
    }
    if (hist->count == 0 || value > hist->max) {
        hist->max = value;
        hist->high = bucket;
    }
    hist->count += times;
    hist->sum += (double)value * (double)times;
    return WEFT_OK;
}

int ana_hist_merge(struct ana_hist *hist, const struct ana_hist *from) {
    uint64_t cursor = 0;
    struct ana_hist_bucket bucket;
    while (ana_hist_next(from, 0, &cursor, &bucket)) {
        uint64_t value = bucket.to < from->max ? bucket.to : from->max;
        int rv = ana_hist_add(hist, value, bucket.count);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

uint64_t ana_hist_count(const struct ana_hist *hist) { return hist->count; }
uint64_t ana_hist_min(const struct ana_hist *hist) { return hist->min; }
uint64_t ana_hist_max(const struct ana_hist *hist) { return hist->max; }

double ana_hist_mean(const struct ana_hist *hist) {
    return hist->count > 0 ? hist->sum / (double)hist->count : (double)NAN;
}

/* A rounding error of the product must not make a rank of its own: 0.007 of 5000 is 35. */
uint64_t ana_rank(double share, uint64_t count) {
    double wanted = share * (double)count, rank = ceil(wanted - wanted * 1e-12);
    if (rank < 1) return 1;
    return rank < (double)count ? (uint64_t)rank : count;
}

uint64_t ana_hist_quantile(const struct ana_hist *hist, double share) {
    if (hist->count == 0) return 0;
    uint64_t wanted = ana_rank(share, hist->count), seen = 0;
    for (size_t bucket = hist->low; bucket < hist->high; bucket++) { /* I2 */
        seen += hist->counts[bucket];
        if (seen >= wanted) return last_of(hist->bits, bucket);
    }
    return hist->max;
}

uint64_t ana_hist_at_most(const struct ana_hist *hist, uint64_t value) {
    uint64_t seen = 0;
    if (hist->count == 0) return 0;
    size_t last = bucket_of(hist->bits, value);
    for (size_t bucket = hist->low; bucket <= last && bucket <= hist->high; bucket++)
        seen += hist->counts[bucket];
    return seen;
}

bool ana_hist_next(const struct ana_hist *hist, unsigned bits, uint64_t *cursor,
                   struct ana_hist_bucket *out) {
    unsigned coarse = bits == 0 || bits > hist->bits ? hist->bits : bits;
    if (hist->count == 0) return false;
    size_t bucket = *cursor > hist->low ? (size_t)*cursor : hist->low;
    while (bucket <= hist->high && hist->counts[bucket] == 0) bucket++;
    if (bucket > hist->high) return false;
    size_t wide = bucket_of(coarse, first_of(hist->bits, bucket));
    *out = (struct ana_hist_bucket){first_of(coarse, wide), last_of(coarse, wide), 0};
    for (; bucket <= hist->high && first_of(hist->bits, bucket) <= out->to; bucket++)
        out->count += hist->counts[bucket];
    *cursor = bucket;
    return true;
}
