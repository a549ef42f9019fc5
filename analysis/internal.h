/* Inside of the trace file: varints and field lists. */
#ifndef ANALYSIS_INTERNAL_H
#define ANALYSIS_INTERNAL_H

#include "analysis/trace_file.h"

#include <stdbool.h>

#define ANA_TRACE_MAGIC "WEFTTRC1"
#define ANA_TRACE_MAGIC_SIZE 8
#define ANA_VARINT_MAX 10 /* bytes of a 64-bit varint */
#define ANA_KINDS_MAX 256
#define ANA_TEXT_MAX 65536      /* of head and table together */
#define ANA_BYTES_MAX (1 << 24) /* of one record */

/* One field of a list "name:type name:type"; the names point into the list. */
struct ana__field {
    const char *name;
    size_t name_size;
    const char *type;
    size_t type_size;
};

/* The next field; start with *cursor at the list. False at its end. */
bool ana__next_field(const char **cursor, struct ana__field *field);

/* Whether its value is a number and not in the bytes. */
bool ana__is_number(const struct ana__field *field);
/* Whether it is a number with a sign: enum weft_error. */
bool ana__is_signed(const struct ana__field *field);

/* How the numbers of a kind stand in a record. */
struct ana__shape {
    unsigned numbers;
    uint32_t signed_mask;
};

struct ana__shape ana__shape_of(const char *fields);

/* LEB128. Returns the bytes written, at most ANA_VARINT_MAX. */
size_t ana__varint_write(unsigned char *out, uint64_t value);

static inline uint64_t ana__zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (uint64_t)(value < 0 ? -1 : 0);
}

static inline int64_t ana__unzigzag(uint64_t value) {
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
