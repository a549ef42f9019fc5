/* A table of words that grows without moving: segment 0 has room for 8, and each further one for
 * as many as all before it. Most tables of a small node never have more than the first. */
#ifndef WEFT_OTP_SEGMENTS_H
#define WEFT_OTP_SEGMENTS_H

#include "core/base/mem.h"

#include <stdbool.h>
#include <stdint.h>

#define SEGMENT_FIRST_BITS 3
#define SEGMENTS_MAX 25 /* 2^27 words */

/* I1  the words below `count` are in use, or in the caller's free list. */
struct segments {
    uint64_t *first; /* segment 0 */
    uint64_t **more; /* the others, room for SEGMENTS_MAX - 1; NULL: there is none */
    uint32_t count, room;
};

/* Number of the segment that `index` is in. */
static inline uint32_t segment_of(uint32_t index) {
    uint32_t low = (UINT32_C(1) << SEGMENT_FIRST_BITS) - 1;
    return 32 - SEGMENT_FIRST_BITS - (uint32_t)__builtin_clz(index | low);
}

/* index < count */
static inline uint64_t *segments_at(const struct segments *table, uint32_t index) {
    if (index < UINT32_C(1) << SEGMENT_FIRST_BITS) return &table->first[index];
    uint32_t segment = segment_of(index);
    return &table->more[segment - 1][index - (UINT32_C(1) << (segment + SEGMENT_FIRST_BITS - 1))];
}

/* One more word, at index `count`, not set. False when there is no memory or no number. */
bool weft_otp__segments_add(struct segments *table, struct weft_mem *mem);
void weft_otp__segments_free(struct segments *table, struct weft_mem *mem);

#endif
