/* Durations from raw draws, in integers. */
#include "core/base/assert.h"
#include "core/base/rand.h"
#include "sim/net/net.h"
#include "sim/net/tables.h"

__extension__ typedef unsigned __int128 wide;

#define SIGMA_MILLI_MAX 3000

/* log2(e) in units of 2^-30 */
#define LOG2_E INT64_C(1549082005)

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

/* base * e^(x / 2^24), rounded down; WEFT_TIME_NEVER when it does not fit. |x| < 2^29. */
static weft_duration scale_exp(weft_duration base, int64_t x) {
    int64_t power = x * LOG2_E >> 30;                /* of two, in units of 2^-24, floored */
    unsigned shift = (unsigned)(30 - (power >> 24)); /* floor of the exponent */
    uint64_t index = (uint64_t)power >> 16 & 255;    /* the next 8 bits */
    int64_t fraction = power & 0xffff;               /* the last 16 */
    WEFT_ASSERT(shift <= 63);
    int64_t low = sim_net__exp2[index], high = sim_net__exp2[index + 1];
    uint64_t factor = (uint64_t)(low + ((high - low) * fraction >> 16));
    wide product = (wide)(uint64_t)base * factor >> shift;
    return product > (wide)WEFT_TIME_NEVER ? WEFT_TIME_NEVER : (weft_duration)product;
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
        WEFT_ASSERT(delay->b >= delay->a);
        return delay->a + (weft_duration)weft_scale(raw, (uint64_t)(delay->b - delay->a) + 1);
    case SIM_DELAY_LOGNORMAL:
        return lognormal(delay->a, delay->sigma_milli, normal(raw));
    case SIM_DELAY_REGIONS:
        return lognormal(between(delay, from, to), delay->sigma_milli, normal(raw));
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
    }
    return 0;
}
