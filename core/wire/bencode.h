/* Bencode (BEP 3): a bounded pull reader over borrowed bytes, and a writer into a caller's buffer.
 *
 * The reader is strict: numbers have no leading zeros, no "-0" and fit 64 bits; lengths fit what is
 * left. Dictionary keys may stand in any order, because deployed peers write them so; whoever reads
 * a dictionary decides what a repeated key means. Neither allocates. */
#ifndef WEFT_WIRE_BENCODE_H
#define WEFT_WIRE_BENCODE_H

#include "core/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* I1  at <= end.
 * After any function returned false the reader is good for nothing more. */
struct weft_bencode {
    const unsigned char *at, *end; /* what is left */
    unsigned depth_left;           /* lists and dictionaries that may still be entered */
};

/* Every struct weft_bytes read points into `bytes`. */
static inline struct weft_bencode weft_bencode(struct weft_bytes bytes, unsigned depth_max) {
    static const unsigned char nothing[1] = {0};
    const unsigned char *data = bytes.data != NULL ? bytes.data : nothing;
    return (struct weft_bencode){data, data + bytes.size, depth_max};
}

static inline size_t weft_bencode_left(const struct weft_bencode *in) {
    return (size_t)(in->end - in->at);
}

/* weft_bencode_string for lengths of any number of digits. */
bool weft_bencode__string(struct weft_bencode *in, struct weft_bytes *out);

/* False if the next value is not one, or its length exceeds what is left. Inline for the lengths
 * below 100 that nearly all strings of a packet have. */
static inline bool weft_bencode_string(struct weft_bencode *in, struct weft_bytes *out) {
    const unsigned char *at = in->at;
    size_t left = weft_bencode_left(in), size, head;
    if (left < 3) return weft_bencode__string(in, out);
    unsigned first = at[0] - (unsigned)'0', second = at[1] - (unsigned)'0';
    if (first > 9) return false;
    if (at[1] == ':') {
        size = first;
        head = 2;
    } else if (at[2] == ':' && first > 0 && second <= 9) {
        size = 10 * first + second;
        head = 3;
    } else {
        return weft_bencode__string(in, out);
    }
    if (size > left - head) return false;
    *out = (struct weft_bytes){at + head, size};
    in->at = at + head + size;
    return true;
}

bool weft_bencode_int(struct weft_bencode *in, int64_t *out);

/* Enter a list ('l') or a dictionary ('d'). False if the next value is not one, or too deep. Then
 * read until weft_bencode_leave returns true:
 *
 *     if (!weft_bencode_enter(&in, 'd')) return false;
 *     while (!weft_bencode_leave(&in)) {
 *         if (!weft_bencode_string(&in, &key) || !weft_bencode_value(&in, &raw)) return false;
 *     } */
bool weft_bencode_enter(struct weft_bencode *in, char kind);

/* Whether the list or dictionary ends here; moves behind its end. False at the end of the bytes
 * too: the read that follows fails. */
static inline bool weft_bencode_leave(struct weft_bencode *in) {
    if (in->at == in->end || *in->at != 'e') return false;
    in->depth_left++;
    in->at++;
    return true;
}

/* Move behind any one value, checked throughout. */
bool weft_bencode__skip(struct weft_bencode *in);

/* Any one value, checked throughout; `raw` is its bencoded form. */
static inline bool weft_bencode_value(struct weft_bencode *in, struct weft_bytes *raw) {
    const unsigned char *start = in->at;
    if (!weft_bencode_string(in, raw) && !weft_bencode__skip(in)) return false;
    *raw = weft_bytes(start, (size_t)(in->at - start));
    return true;
}

/* I1  at <= end; `full` once something did not fit, and from then on nothing is written. */
struct weft_bencode_out {
    unsigned char *at, *end;
    bool full;
};

/* Bytes as they are: "d", "e", already bencoded pieces. */
static inline void weft_bencode_write(struct weft_bencode_out *out, const void *data, size_t size) {
    if (out->full || size > (size_t)(out->end - out->at)) {
        out->full = true;
        return;
    }
    memcpy(out->at, data, size);
    out->at += size;
}

/* A string literal, as it is. */
#define WEFT_BENCODE_WRITE(out, literal) weft_bencode_write((out), "" literal, sizeof literal - 1)

void weft_bencode_write_string(struct weft_bencode_out *out, struct weft_bytes text);

void weft_bencode_write_int(struct weft_bencode_out *out, int64_t value);

#endif
