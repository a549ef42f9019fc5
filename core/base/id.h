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

/* Negative when `a` is closer to `target` than `b`, positive when farther, 0 when a equals b. */
int weft_id_closer(const weft_id *target, const weft_id *a, const weft_id *b);

/* Leading bits that `a` and `b` share, 0 to 160. */
int weft_id_prefix(const weft_id *a, const weft_id *b);

/* Bit `index` of the id, 0 the most significant. 0 <= index < 160. */
bool weft_id_bit(const weft_id *id, int index);

/* Writes 40 lower-case hexadecimal digits and a NUL. */
void weft_id_format(const weft_id *id, char text[WEFT_ID_TEXT_SIZE]);

/* Reads exactly 40 hexadecimal digits, either case.
 *   WEFT_ERR_MALFORMED  anything else; *id is untouched. */
int weft_id_parse(weft_id *id, const char *text);

#endif
