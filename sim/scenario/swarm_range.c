/* Ranges: LOW..HIGH, and a value between. */
#include "sim/scenario/swarm.h"

#include "core/base/assert.h"
#include "core/base/rand.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DOTS ".."
#define TEXT_MAX 64
#define END_IN 16    /* one draw in so many is the low end, one the high end */
#define OF_ZERO 1000 /* a range from 0 has values from so small a part of its high end */
#define FRACTION_BITS 20

bool sim_swarm__is_range(const char *text) {
    return text[0] >= '0' && text[0] <= '9' && strstr(text, DOTS) != NULL;
}

/* "200ppm": digits, and the same letters at both ends. */
static bool read_count(struct sim_swarm__range *range, const char *text, uint64_t *out) {
    char digits[TEXT_MAX];
    size_t count = strspn(text, "0123456789");
    const char *unit = text + count;
    if (count >= sizeof digits || strlen(unit) >= sizeof range->unit) return false;
    if (unit[strspn(unit, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/")] != '\0')
        return false;
    if (out == &range->high && strcmp(unit, range->unit) != 0) return false;
    memcpy(digits, text, count);
    digits[count] = '\0';
    memcpy(range->unit, unit, strlen(unit) + 1);
    return weft_value_count(digits, out);
}

static bool read_as(struct sim_swarm__range *range, const char *text, uint64_t *out) {
    weft_duration duration;
    uint32_t ppm;
    switch (range->kind) {
    case SIM_SWARM_COUNT:
        return read_count(range, text, out);
    case SIM_SWARM_DURATION:
        if (!weft_value_duration(text, &duration)) return false;
        *out = (uint64_t)duration;
        return true;
    case SIM_SWARM_PERCENT:
        if (!weft_value_percent(text, &ppm)) return false;
        *out = ppm;
        return true;
    case SIM_SWARM_DECIMAL:
        return weft_value_decimal(text, 3, out);
    }
    return false;
}

const char *sim_swarm__read_range(const char *text, struct sim_swarm__range *range) {
    char low[TEXT_MAX];
    const char *dots = strstr(text, DOTS);
    WEFT_ASSERT(dots != NULL);
    const char *high = dots + strlen(DOTS);
    size_t size = (size_t)(dots - text);
    if (size >= sizeof low) return "a range such as 3..50, 1s..30s or 1%..10%";
    memcpy(low, text, size);
    low[size] = '\0';
    for (int kind = SIM_SWARM_DURATION; kind <= SIM_SWARM_DECIMAL; kind++) {
        *range = (struct sim_swarm__range){.kind = (enum sim_swarm_kind)kind};
        if (!read_as(range, low, &range->low) || !read_as(range, high, &range->high)) continue;
        return range->low <= range->high ? NULL : "the low end of the range before the high one";
    }
    return "a range such as 3..50, 1s..30s or 1%..10%";
}

/* Each doubling of `low` is as likely; within one, each value. 0 < low <= high. */
static uint64_t by_doublings(uint64_t low, uint64_t high, uint64_t raw) {
    const uint64_t one = UINT64_C(1) << FRACTION_BITS;
    uint32_t octaves = 0;
    while (high >> (octaves + 1) >= low) octaves++;
    uint64_t last = low << octaves, rest = high - last;
    uint64_t part = last < one ? rest * one / last : rest / (last >> FRACTION_BITS);
    part = part < one ? part : one;
    uint64_t at = weft_scale(raw, octaves * one + part + 1);
    uint64_t octave = low << (at >> FRACTION_BITS), fraction = at & (one - 1);
    uint64_t value = octave + weft_scale(fraction << (64 - FRACTION_BITS), octave);
    return value < high ? value : high;
}

uint64_t sim_swarm__spread(const struct sim_swarm__range *range, const uint64_t raw[2]) {
    WEFT_ASSERT(range->low <= range->high);
    uint64_t low = range->low, end = weft_scale(raw[0], END_IN);
    if (low == range->high || end == 0) return low;
    if (end == 1) return range->high;
    if (low == 0) low = range->high / OF_ZERO;
    return by_doublings(low > 0 ? low : 1, range->high, raw[1]);
}

static uint64_t rounded(const struct sim_swarm__range *range, uint64_t value) {
    uint64_t unit = 1;
    while (value / unit >= 1000) unit *= 10;
    uint64_t round = value - value % unit;
    bool end = value == range->low || value == range->high;
    return end || round < range->low ? value : round;
}

const char *sim_swarm__show(const struct sim_swarm__range *range, uint64_t value,
                            char out[WEFT_VALUE_TEXT_MAX]) {
    WEFT_ASSERT(value >= range->low && value <= range->high);
    uint64_t round = rounded(range, value);
    switch (range->kind) {
    case SIM_SWARM_COUNT:
        snprintf(out, WEFT_VALUE_TEXT_MAX, "%" PRIu64 "%s", value, range->unit);
        break;
    case SIM_SWARM_DURATION:
        return weft_value_show_duration((weft_duration)round, out);
    case SIM_SWARM_PERCENT:
        return weft_value_show_percent(round, out);
    case SIM_SWARM_DECIMAL:
        snprintf(out, WEFT_VALUE_TEXT_MAX, "%" PRIu64 ".%03" PRIu64, value / 1000, value % 1000);
        break;
    }
    return out;
}
