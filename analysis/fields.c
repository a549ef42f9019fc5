/* Field lists and varints. */
#include "analysis/internal.h"

#include <string.h>

bool ana__next_field(const char **cursor, struct ana__field *field) {
    const char *at = *cursor + strspn(*cursor, " ");
    size_t size = strcspn(at, " ");
    if (size == 0) return false;
    const char *colon = memchr(at, ':', size);
    field->name = at;
    field->name_size = colon != NULL ? (size_t)(colon - at) : size;
    field->type = colon != NULL ? colon + 1 : at + size;
    field->type_size = colon != NULL ? size - field->name_size - 1 : 0;
    *cursor = at + size;
    return true;
}

bool ana__is_number(const struct ana__field *field) { return field->type_size == 1; }

bool ana__is_signed(const struct ana__field *field) {
    return field->type_size == 1 && field->type[0] == 'e';
}

struct ana__shape ana__shape_of(const char *fields) {
    struct ana__shape shape = {0, 0};
    struct ana__field field;
    while (ana__next_field(&fields, &field)) {
        if (!ana__is_number(&field)) continue;
        if (ana__is_signed(&field) && shape.numbers < 32) shape.signed_mask |= 1u << shape.numbers;
        shape.numbers++;
    }
    return shape;
}

size_t ana__varint_write(unsigned char *out, uint64_t value) {
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) out[size++] = (unsigned char)(value | 0x80);
    out[size++] = (unsigned char)value;
    return size;
}
