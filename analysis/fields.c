/* Field lists. */
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

static bool is_named(const struct ana__field *field, const char *name) {
    return field->name_size == strlen(name) && memcmp(field->name, name, field->name_size) == 0;
}

static void add_number(struct ana_trace_shape *shape, const struct ana__field *field) {
    if (shape->numbers < WEFT_TRACE_NUMBERS) {
        int8_t index = (int8_t)shape->numbers;
        if (field->type[0] == 'e') shape->signed_mask |= 1u << index;
        if (field->type[0] == 'p') shape->pid_mask |= 1u << index;
        if (is_named(field, "packet")) shape->packet = index;
        if (is_named(field, "op")) shape->op = index;
        if (is_named(field, "from")) shape->from = index;
    }
    shape->numbers++;
}

struct ana_trace_shape ana__shape_of(const char *fields) {
    struct ana_trace_shape shape = {.packet = -1, .op = -1, .from = -1};
    struct ana__field field;
    while (ana__next_field(&fields, &field)) {
        if (ana__is_number(&field)) {
            add_number(&shape, &field);
        } else {
            shape.has_bytes = true;
        }
    }
    return shape;
}
