/* Durations from raw draws, in integers. */
#include "core/base/assert.h"
#include "core/base/rand.h"
#include "sim/net/internal.h"
#include "sim/net/tables.h"

__extension__ typedef unsigned __int128 wide;

#define SIGMA_MILLI_MAX 3000

/* log2(e) and ln(2) in units of 2^-30 */
#define LOG2_E INT64_C(1549082005)
#define LN_2 744261118u

/* Units of -ln: 2^-57, so that its greatest, 44.4, fits. */
#define LN_BITS 57

/* Draws this close to 1, in units of 2^-64, have their logarithm by a series. */
#define SMALL (UINT64_C(1) << 58)

/* Powers of two beyond which everything sticks. */
#define POWER_MAX ((int64_t)62 << 24)

/* A normal deviate in units of 2^-24: one bit is the sign, 63 are the probability of the tail. Its
 * leading zeros are the octave of the table, the five bits after them the step, the next 26
 * where between two steps. */
static int64_t normal(uint64_t raw) {
    uint64_t tail = raw << 1;
    unsigned octave = tail == 0 ? 64 : (unsigned)__builtin_clzll(tail);
    int64_t z = sim_net__normal[SIM_NORMAL_COUNT - 1];
    if (octave < SIM_NORMAL_OCTAVES) {
        uint64_t down = ~(tail << octave); /* [0, 2^63): from the octave's start to its end */
        const int32_t *step = &sim_net__normal[octave * SIM_NORMAL_STEPS + (unsigned)(down >> 58)];
        int64_t fraction = (int64_t)(down >> 32 & ((1 << 26) - 1));
        z = step[0] + ((int64_t)(step[1] - step[0]) * fraction >> 26);
    }
    return (raw >> 63) != 0 ? -z : z;
}

/* base * 2^(power / 2^24), rounded down; WEFT_TIME_NEVER when it does not fit. */
static weft_duration scale_exp2(weft_duration base, int64_t power) {
    if (power > POWER_MAX) return base == 0 ? 0 : WEFT_TIME_NEVER;
    if (power < -POWER_MAX) return 0;
    int64_t whole = power >> 24;                  /* floored */
    uint64_t index = (uint64_t)power >> 16 & 255; /* the next 8 bits */
    int64_t fraction = power & 0xffff;            /* the last 16 */
    int64_t low = sim_net__exp2[index], high = sim_net__exp2[index + 1];
    uint64_t factor = (uint64_t)(low + ((high - low) * fraction >> 16));
    wide product = (wide)(uint64_t)base * factor;
    product = whole <= 30 ? product >> (30 - whole) : product << (whole - 30);
    return product > (wide)WEFT_TIME_NEVER ? WEFT_TIME_NEVER : (weft_duration)product;
}

#define X_END (INT64_C(1) << 32)

/* base * e^(x / 2^24). |x| < X_END */
static weft_duration scale_exp(weft_duration base, int64_t x) {
    WEFT_ASSERT(x < X_END && -x < X_END);
    return scale_exp2(base, x * LOG2_E >> 30);
}

/* log2(number), in units of 2^-30. number > 0 */
static int64_t log_2(uint64_t number) {
    WEFT_ASSERT(number > 0);
    int64_t zeros = __builtin_clzll(number);
    uint64_t mantissa = number << zeros << 1; /* without the leading one */
    uint64_t index = mantissa >> 56, fraction = mantissa >> 24 & 0xffffffff;
    uint64_t low = sim_net__log2[index];
    uint64_t high = sim_net__log2[index + 1];
    return ((63 - zeros) << 30) + (int64_t)(low + ((high - low) * fraction >> 32));
}

/* -ln(1 - x / 2^64), in units of 2^-64, by its series. x < SMALL */
static uint64_t neg_ln_small(uint64_t x) {
    WEFT_ASSERT(x < SMALL);
    uint64_t x2 = (uint64_t)((wide)x * x >> 64), x3 = (uint64_t)((wide)x2 * x >> 64);
    return x + x2 / 2 + x3 / 3;
}

/* -ln(raw / 2^64), in units of 2^-LN_BITS: an exponential deviate of mean 1. Close to 1 by the
 * series, since the table's error would be large beside so small a logarithm. */
static uint64_t neg_ln(uint64_t raw) {
    if (raw == 0) raw = 1;
    if (-raw < SMALL) return neg_ln_small(-raw) >> (64 - LN_BITS);
    uint64_t bits = (UINT64_C(64) << 30) - (uint64_t)log_2(raw);
    return (uint64_t)((wide)bits * LN_2 >> (60 - LN_BITS));
}

static weft_duration exponential(const struct sim_delay *delay, uint64_t raw) {
    wide beyond = (wide)(uint64_t)delay->a * neg_ln(raw) >> LN_BITS;
    if (beyond > (wide)WEFT_TIME_NEVER) return WEFT_TIME_NEVER;
    return weft_time_add(delay->b, (weft_duration)beyond);
}

static int64_t by_shape(int64_t number, const struct sim_delay *delay) {
    WEFT_ASSERT(delay->shape_milli >= SIM_SHAPE_MIN && delay->shape_milli <= SIM_SHAPE_MAX);
    return number * 1000 / (int64_t)delay->shape_milli;
}

static weft_duration pareto(const struct sim_delay *delay, uint64_t raw) {
    int64_t x = by_shape((int64_t)(neg_ln(raw) >> (LN_BITS - 24)), delay);
    return scale_exp(delay->a, x < X_END ? x : X_END - 1);
}

static weft_duration weibull(const struct sim_delay *delay, uint64_t raw) {
    bool is_small = raw != 0 && -raw < SMALL;
    int64_t units = is_small ? 64 : LN_BITS;
    int64_t power = log_2(is_small ? neg_ln_small(-raw) : neg_ln(raw)) - (units << 30);
    return scale_exp2(delay->a, by_shape(power, delay) >> 6);
}

static weft_duration lognormal(weft_duration median, uint32_t sigma_milli, int64_t z) {
    WEFT_ASSERT(median >= 0);
    WEFT_ASSERT(sigma_milli <= SIGMA_MILLI_MAX);
    if (sigma_milli == 0) return median;
    return scale_exp(median, z * (int64_t)sigma_milli / 1000);
}

/* The entry of the matrix, before any factor. */
static weft_duration between(const struct sim_delay *delay, uint32_t from, uint32_t to) {
    if (from == to || delay->regions == NULL) return delay->a;
    WEFT_ASSERT(from < delay->regions->count);
    WEFT_ASSERT(to < delay->regions->count);
    return delay->regions->delay[from][to];
}

static weft_duration between_least(const struct sim_delay *delay) {
    weft_duration least = delay->a;
    uint32_t count = delay->regions == NULL ? 0 : delay->regions->count;
    for (uint32_t from = 0; from < count; from++) {
        for (uint32_t to = 0; to < count; to++) {
            weft_duration entry = between(delay, from, to);
            if (entry < least) least = entry;
        }
    }
    return least;
}

weft_duration sim_delay_sample(const struct sim_delay *delay, uint64_t raw, uint32_t from,
                               uint32_t to) {
    WEFT_ASSERT(delay->a >= 0);
    switch (delay->kind) {
    case SIM_DELAY_CONSTANT:
        return delay->a;
    case SIM_DELAY_UNIFORM:
        return sim_net__uniform(delay, raw);
    case SIM_DELAY_LOGNORMAL:
        return lognormal(delay->a, delay->sigma_milli, normal(raw));
    case SIM_DELAY_REGIONS:
        return lognormal(between(delay, from, to), delay->sigma_milli, normal(raw));
    case SIM_DELAY_EXPONENTIAL:
        return exponential(delay, raw);
    case SIM_DELAY_PARETO:
        return pareto(delay, raw);
    case SIM_DELAY_SAMPLES:
        return delay->samples->sorted[weft_scale(raw, delay->samples->count)];
    case SIM_DELAY_WEIBULL:
        return weibull(delay, raw);
    }
    return 0;
}

weft_duration sim_delay_least(const struct sim_delay *delay) {
    int64_t z = -(int64_t)sim_net__normal[SIM_NORMAL_COUNT - 1];
    switch (delay->kind) {
    case SIM_DELAY_CONSTANT:
    case SIM_DELAY_UNIFORM:
        return delay->a;
    case SIM_DELAY_LOGNORMAL:
        return lognormal(delay->a, delay->sigma_milli, z);
    case SIM_DELAY_REGIONS:
        return lognormal(between_least(delay), delay->sigma_milli, z);
    case SIM_DELAY_EXPONENTIAL:
        return delay->b;
    case SIM_DELAY_PARETO:
        return pareto(delay, UINT64_MAX);
    case SIM_DELAY_SAMPLES:
        return delay->samples->sorted[0];
    case SIM_DELAY_WEIBULL:
        return weibull(delay, UINT64_MAX);
    }
    return 0;
}
