/* One event as a line for people. */
#include "analysis/internal.h"

#include "core/base/addr.h"
#include "core/base/error.h"
#include "core/base/id.h"

#include <stdarg.h>
#include <string.h>

/* Text that grows to the right and is cut where the room ends. */
struct line {
    char *out;
    size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...) {
    if (line->used + 1 >= line->size) return;
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line->out + line->used, line->size - line->used, format, args);
    va_end(args);
    size_t room = line->size - line->used - 1;
    line->used += (size_t)size < room ? (size_t)size : room;
}

static void add_duration(struct line *line, uint64_t ns) {
    if (ns >= 1000000000u) {
        add(line, "%llu.%03llus", (unsigned long long)(ns / 1000000000u),
            (unsigned long long)(ns / 1000000u % 1000u));
    } else {
        add(line, "%llu.%03llums", (unsigned long long)(ns / 1000000u),
            (unsigned long long)(ns / 1000u % 1000u));
    }
}

static void add_number(struct line *line, char type, uint64_t number) {
    switch (type) {
    case 't':
        add_duration(line, number);
        break;
    case 'b':
        add(line, "%s", number != 0 ? "yes" : "no");
        break;
    case 'e':
        add(line, "%s", weft_error_name((int)(int64_t)number));
        break;
    case 'p':
    case 'x':
        add(line, "0x%llx", (unsigned long long)number);
        break;
    default:
        add(line, "%llu", (unsigned long long)number);
    }
}

static void add_id(struct line *line, const unsigned char *data, size_t shown) {
    for (size_t i = 0; i < shown; i++) add(line, "%02x", data[i]);
}

static void add_ids(struct line *line, struct weft_bytes bytes) {
    for (size_t at = 0; at + WEFT_ID_SIZE <= bytes.size; at += WEFT_ID_SIZE) {
        if (at > 0) add(line, ",");
        add_id(line, bytes.data + at, 4);
    }
}

static void add_addr(struct line *line, struct weft_bytes bytes) {
    struct weft_addr addr;
    char text[WEFT_ADDR_TEXT_SIZE];
    if (bytes.size != sizeof addr) return;
    memcpy(&addr, bytes.data, sizeof addr);
    add(line, "%s", weft_addr_format(&addr, text));
}

static void add_text(struct line *line, struct weft_bytes bytes) {
    add(line, "\"");
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char c = bytes.data[i];
        bool plain = c >= 32 && c != 127 && c != '"' && c != '\\';
        if (plain) {
            add(line, "%c", c);
        } else {
            add(line, "\\x%02x", c);
        }
    }
    add(line, "\"");
}

static bool is_type(const struct ana__field *field, const char *type) {
    return field->type_size == strlen(type) && memcmp(field->type, type, field->type_size) == 0;
}

static void add_bytes(struct line *line, const struct ana__field *field, struct weft_bytes bytes) {
    if (is_type(field, "addr")) {
        add_addr(line, bytes);
    } else if (is_type(field, "ids")) {
        add_ids(line, bytes);
    } else if (is_type(field, "text")) {
        add_text(line, bytes);
    } else {
        add_id(line, bytes.data, bytes.size);
    }
}

void ana_trace_format(const struct ana_trace_record *record, char *out, size_t size) {
    const struct weft_trace_event *event = &record->event;
    struct line line = {out, size, 0};
    if (size > 0) out[0] = '\0';
    add(&line, "%5lld.%06d s  ", (long long)(event->at / WEFT_S(1)),
        (int)(event->at % WEFT_S(1) / WEFT_US(1)));
    if (event->node == WEFT_TRACE_NODE_NONE) {
        add(&line, "%-12s", "-");
    } else {
        add(&line, "node %-7u", event->node);
    }
    add(&line, " %-17s", record->name);
    const char *cursor = record->fields;
    struct ana__field field;
    unsigned numbers = 0;
    while (ana__next_field(&cursor, &field)) {
        add(&line, " %.*s=", (int)field.name_size, field.name);
        if (ana__is_number(&field)) {
            if (numbers < WEFT_TRACE_NUMBERS) {
                add_number(&line, field.type[0], event->number[numbers++]);
            }
        } else {
            add_bytes(&line, &field, event->bytes);
        }
    }
}
