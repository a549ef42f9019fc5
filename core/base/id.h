/* 160-bit identifiers: node ids and keys of the DHT, ordered by the XOR metric
 * (Maymounkov and Mazieres, "Kademlia", 2002, section 2.1). */
#ifndef WEFT_BASE_ID_H
#define WEFT_BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEFT_ID_SIZE 20
#define WEFT_ID_BITS 160
/* Hexadecimal digits and the terminating NUL. */
#define WEFT_ID_TEXT_SIZE (2 * WEFT_ID_SIZE + 1)

typedef struct {
    unsigned char bytes[WEFT_ID_SIZE];
} weft_id;

_Static_assert(sizeof(weft_id) == WEFT_ID_SIZE, "ids are copied to and from the wire");

static inline bool weft_id_equal(const weft_id *a, const weft_id *b) {
    return memcmp(a->bytes, b->bytes, WEFT_ID_SIZE) == 0;
}

/* As memcmp, most significant byte first. */
int weft_id_compare(const weft_id *a, const weft_id *b);

/* Bytes [8 * index, ...) as a number, most significant first: distances compare as words. The last
 * word, index 2, holds four bytes. Inline, as the two below: a packet of a DHT asks for hundreds.
 */
static inline uint64_t weft_id_word(const weft_id *id, size_t index) {
    const unsigned char *at = id->bytes + 8 * index;
    uint64_t high = (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
    if (index == 2) return high;
    return high << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 | (uint64_t)at[6] << 8 |
           at[7];
}

/* Negative when `a` is closer to `target` than `b`, positive when farther, 0 when a equals b. */
static inline int weft_id_closer(const weft_id *target, const weft_id *a, const weft_id *b) {
    for (size_t i = 0; i < 3; i++) {
        uint64_t goal = weft_id_word(target, i);
        uint64_t distance_a = weft_id_word(a, i) ^ goal, distance_b = weft_id_word(b, i) ^ goal;
        if (distance_a != distance_b) return distance_a < distance_b ? -1 : 1;
    }
    return 0;
}

/* Leading bits that `a` and `b` share, 0 to 160. */
static inline int weft_id_prefix(const weft_id *a, const weft_id *b) {
    for (int i = 0; i < 2; i++) {
        uint64_t differing = weft_id_word(a, (size_t)i) ^ weft_id_word(b, (size_t)i);
        if (differing != 0) return 64 * i + __builtin_clzll(differing);
    }
    uint64_t differing = weft_id_word(a, 2) ^ weft_id_word(b, 2);
    return differing != 0 ? 128 + __builtin_clzll(differing) - 32 : WEFT_ID_BITS;
}

/* Bit `index` of the id, 0 the most significant. 0 <= index < 160. */
bool weft_id_bit(const weft_id *id, int index);

/* Writes 40 lower-case hexadecimal digits and a NUL. */
void weft_id_format(const weft_id *id, char text[WEFT_ID_TEXT_SIZE]);

/* Reads exactly 40 hexadecimal digits, either case.
 *   WEFT_ERR_MALFORMED  anything else; *id is untouched. */
int weft_id_parse(weft_id *id, const char *text);

#endif
