/* Values of scalars. */
#include "core/config/value.h"

#include "core/base/assert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    weft_duration size;
    unsigned digits; /* after the point that still are whole nanoseconds */
} units[] = {{"ns", WEFT_NS(1), 0}, {"us", WEFT_US(1), 3},   {"ms", WEFT_MS(1), 6},
             {"s", WEFT_S(1), 9},   {"min", WEFT_MIN(1), 9}, {"h", WEFT_HOUR(1), 9}};

#define UNITS_COUNT (sizeof units / sizeof units[0])

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Digits at *at; moves past them. False: none, or too many for 64 bits. */
static bool take_digits(const char **at, uint64_t *out) {
    uint64_t value = 0;
    const char *c = *at;
    if (!is_digit(*c)) return false;
    for (; is_digit(*c); c++) {
        uint64_t digit = (uint64_t)(*c - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *at = c;
    *out = value;
    return true;
}

/* "12.5" at *at in units of 10^-digits; moves past it. */
static bool take_decimal(const char **at, unsigned digits, uint64_t *out) {
    uint64_t whole = 0;
    const char *c = *at;
    if (!take_digits(&c, &whole)) return false;
    unsigned seen = 0;
    bool point = *c == '.';
    if (point) c++;
    if (point && !is_digit(*c)) return false;
    for (; seen < digits; seen++) {
        uint64_t digit = point && is_digit(*c) ? (uint64_t)(*c - '0') : 0;
        if (point && is_digit(*c)) c++;
        if (whole > (UINT64_MAX - digit) / 10) return false;
        whole = whole * 10 + digit;
    }
    if (point && is_digit(*c)) return false;
    *at = c;
    *out = whole;
    return true;
}

bool weft_value_count(const char *text, uint64_t *out) {
    WEFT_ASSERT(text != NULL);
    WEFT_ASSERT(out != NULL);
    uint64_t value;
    if (!take_digits(&text, &value) || *text != '\0') return false;
    *out = value;
    return true;
}

bool weft_value_decimal(const char *text, unsigned digits, uint64_t *out) {
    WEFT_ASSERT(text != NULL);
    WEFT_ASSERT(out != NULL);
    uint64_t value;
    if (!take_decimal(&text, digits, &value) || *text != '\0') return false;
    *out = value;
    return true;
}

static uint64_t power_of_ten(unsigned digits) {
    uint64_t power = 1;
    for (unsigned i = 0; i < digits; i++) power *= 10;
    return power;
}

bool weft_value_duration(const char *text, weft_duration *out) {
    WEFT_ASSERT(text != NULL);
    WEFT_ASSERT(out != NULL);
    size_t number = strspn(text, "0123456789.");
    for (size_t i = 0; i < UNITS_COUNT; i++) {
        if (strcmp(text + number, units[i].name) != 0) continue;
        const char *at = text;
        uint64_t value = 0, scale = power_of_ten(units[i].digits);
        if (!take_decimal(&at, units[i].digits, &value) || at != text + number) return false;
        uint64_t size = (uint64_t)units[i].size;
        if (value / scale >= (uint64_t)INT64_MAX / size) return false;
        uint64_t part = value % scale * (size / scale);
        *out = (weft_duration)(value / scale * size + part);
        return true;
    }
    return false;
}

bool weft_value_percent(const char *text, uint32_t *ppm) {
    WEFT_ASSERT(text != NULL);
    WEFT_ASSERT(ppm != NULL);
    uint64_t value;
    if (!take_decimal(&text, 4, &value) || strcmp(text, "%") != 0) return false;
    if (value > WEFT_PPM_ALL) return false;
    *ppm = (uint32_t)value;
    return true;
}

bool weft_value_bool(const char *text, bool *out) {
    WEFT_ASSERT(text != NULL);
    WEFT_ASSERT(out != NULL);
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) return false;
    *out = is_true;
    return true;
}

bool weft_value_range(const char *text, uint32_t *first, uint32_t *last) {
    WEFT_ASSERT(text != NULL);
    WEFT_ASSERT(first != NULL && last != NULL);
    uint64_t from, to;
    if (!take_digits(&text, &from)) return false;
    to = from;
    if (*text == '-') {
        text++;
        if (!take_digits(&text, &to)) return false;
    }
    if (*text != '\0' || to < from || to > UINT32_MAX) return false;
    *first = (uint32_t)from;
    *last = (uint32_t)to;
    return true;
}

const char *weft_value_show_duration(weft_duration duration, char out[WEFT_VALUE_TEXT_MAX]) {
    WEFT_ASSERT(duration >= 0);
    size_t unit = UNITS_COUNT - 1;
    while (unit > 0 && (duration == 0 || duration % units[unit].size != 0)) unit--;
    if (duration == 0) return memcpy(out, "0s", sizeof "0s");
    if (duration < WEFT_MIN(10) && unit > 3) unit = 3; /* "120s" reads better than "2min" here */
    snprintf(out, WEFT_VALUE_TEXT_MAX, "%" PRId64 "%s", duration / units[unit].size,
             units[unit].name);
    return out;
}

const char *weft_value_show_percent(uint64_t ppm, char out[WEFT_VALUE_TEXT_MAX]) {
    uint64_t part = ppm % 10000;
    int digits = 4;
    while (digits > 0 && part % 10 == 0) {
        part /= 10;
        digits--;
    }
    if (digits == 0)
        snprintf(out, WEFT_VALUE_TEXT_MAX, "%" PRIu64 "%%", ppm / 10000);
    else
        snprintf(out, WEFT_VALUE_TEXT_MAX, "%" PRIu64 ".%0*" PRIu64 "%%", ppm / 10000, digits,
                 part);
    return out;
}
