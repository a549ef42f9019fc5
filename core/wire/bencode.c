/* Bencode: numbers, strings and nesting, each with its bound. */
#include "core/wire/bencode.h"

#include "core/base/assert.h"

static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

/* Digits without leading zeros, at most `max`. Stops at the first other byte. */
static bool take_digits(struct weft_bencode *in, uint64_t max, uint64_t *out) {
    const unsigned char *at = in->at;
    uint64_t sum = 0;
    if (at == in->end || !is_digit(*at)) return false;
    if (*at == '0' && at + 1 < in->end && is_digit(at[1])) return false;
    for (; at < in->end && is_digit(*at); at++) {
        unsigned digit = *at - (unsigned)'0';
        if (digit > max || sum > (max - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    in->at = at;
    *out = sum;
    return true;
}

bool weft_bencode__string(struct weft_bencode *in, struct weft_bytes *out) {
    WEFT_ASSERT(in->at <= in->end); /* I1 */
    WEFT_ASSERT(out != NULL);
    size_t left = weft_bencode_left(in), size = 0, used = 0;
    for (; used < left && is_digit(in->at[used]); used++) {
        if (used > 0 && size == 0) return false; /* a leading zero */
        size = size * 10 + (in->at[used] - (size_t)'0');
        if (size > left) return false; /* also what keeps the product from overflowing */
    }
    if (used == 0 || used == left || in->at[used] != ':') return false;
    if (size > left - used - 1) return false;
    *out = weft_bytes(in->at + used + 1, size);
    in->at += used + 1 + size;
    return true;
}

bool weft_bencode_int(struct weft_bencode *in, int64_t *out) {
    WEFT_ASSERT(in->at <= in->end); /* I1 */
    WEFT_ASSERT(out != NULL);
    uint64_t magnitude;
    if (in->at == in->end || *in->at != 'i') return false;
    in->at++;
    bool negative = in->at < in->end && *in->at == '-';
    if (negative) in->at++;
    if (!take_digits(in, (uint64_t)INT64_MAX + negative, &magnitude)) return false;
    if (negative && magnitude == 0) return false;
    if (in->at == in->end || *in->at != 'e') return false;
    in->at++;
    *out = negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    return true;
}

bool weft_bencode_enter(struct weft_bencode *in, char kind) {
    WEFT_ASSERT(in->at <= in->end); /* I1 */
    WEFT_ASSERT(kind == 'l' || kind == 'd');
    if (in->at == in->end || *in->at != (unsigned char)kind) return false;
    if (in->depth_left == 0) return false;
    in->depth_left--;
    in->at++;
    return true;
}

/* Calls itself at most depth_left deep. */
bool weft_bencode__skip(struct weft_bencode *in) {
    WEFT_ASSERT(in->at <= in->end); /* I1 */
    struct weft_bytes text;
    int64_t number;
    if (in->at == in->end) return false;
    unsigned char kind = *in->at;
    if (is_digit(kind)) return weft_bencode_string(in, &text);
    if (kind == 'i') return weft_bencode_int(in, &number);
    if (kind != 'l' && kind != 'd') return false;
    if (!weft_bencode_enter(in, (char)kind)) return false;
    while (!weft_bencode_leave(in)) {
        if (kind == 'd' && !weft_bencode_string(in, &text)) return false;
        if (!weft_bencode__skip(in)) return false;
    }
    return true;
}

static void write_decimal(struct weft_bencode_out *out, uint64_t value) {
    unsigned char digits[20];
    size_t start = sizeof digits;
    do {
        WEFT_ASSERT(start > 0);
        digits[--start] = (unsigned char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    weft_bencode_write(out, digits + start, sizeof digits - start);
}

void weft_bencode_write_string(struct weft_bencode_out *out, struct weft_bytes text) {
    WEFT_ASSERT(out->at <= out->end); /* I1 */
    WEFT_ASSERT(text.data != NULL || text.size == 0);
    if (text.size < 10) {
        unsigned char head[2] = {(unsigned char)('0' + text.size), ':'};
        weft_bencode_write(out, head, sizeof head);
    } else {
        write_decimal(out, text.size);
        WEFT_BENCODE_WRITE(out, ":");
    }
    if (text.size > 0) weft_bencode_write(out, text.data, text.size);
}

void weft_bencode_write_int(struct weft_bencode_out *out, int64_t value) {
    WEFT_ASSERT(out->at <= out->end); /* I1 */
    WEFT_BENCODE_WRITE(out, "i");
    if (value < 0) WEFT_BENCODE_WRITE(out, "-");
    write_decimal(out, value < 0 ? (uint64_t) - (value + 1) + 1 : (uint64_t)value);
    WEFT_BENCODE_WRITE(out, "e");
}
