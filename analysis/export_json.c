/* Values of events in JSON. */
#include "analysis/export_internal.h"

#include "core/base/addr.h"
#include "core/base/error.h"
#include "core/base/id.h"

#include <string.h>

/* Table 3-7 of Unicode: what may follow the first byte. */
struct lead {
    unsigned char from, to, second_from, second_to;
    size_t size;
};

static const struct lead leads[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

static bool continues(struct weft_bytes text, size_t at, const struct lead *lead) {
    if (at + lead->size > text.size) return false;
    unsigned char second = text.data[at + 1];
    if (second < lead->second_from || second > lead->second_to) return false;
    for (size_t i = 2; i < lead->size; i++) {
        if ((text.data[at + i] & 0xc0) != 0x80) return false;
    }
    return true;
}

size_t ana__utf8_size(struct weft_bytes text, size_t at) {
    if (at >= text.size) return 0;
    unsigned char first = text.data[at];
    if (first < 0x80) return 1;
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (first < leads[i].from || first > leads[i].to) continue;
        return continues(text, at, &leads[i]) ? leads[i].size : 0;
    }
    return 0;
}

void ana__put_utf8(FILE *file, struct weft_bytes text) {
    for (size_t at = 0; at < text.size;) {
        size_t size = ana__utf8_size(text, at);
        if (size == 0)
            fputs("\xef\xbf\xbd", file);
        else
            fwrite(text.data + at, 1, size, file);
        at += size > 0 ? size : 1;
    }
}

void ana__plain_text(char *out, size_t size, struct weft_bytes text) {
    size_t used = 0;
    for (size_t at = 0; at < text.size;) {
        size_t width = ana__utf8_size(text, at);
        bool plain = width > 1 || (width == 1 && text.data[at] >= 32 && text.data[at] != 127);
        if (used + (plain ? width : 1) >= size) break;
        if (plain)
            memcpy(out + used, text.data + at, width);
        else
            out[used] = '?';
        used += plain ? width : 1;
        at += width > 0 ? width : 1;
    }
    out[used] = '\0';
}

static void put_character(FILE *file, unsigned char c) {
    if (c == '"' || c == '\\') {
        fprintf(file, "\\%c", c);
    } else if (c == '\n') {
        fputs("\\n", file);
    } else if (c < 32 || c == 127) {
        fprintf(file, "\\u%04x", c);
    } else {
        putc(c, file);
    }
}

void ana__json_text(FILE *file, struct weft_bytes text) {
    putc('"', file);
    for (size_t at = 0; at < text.size;) {
        size_t size = ana__utf8_size(text, at);
        if (size == 0) fputs("\\ufffd", file);
        if (size == 1) put_character(file, text.data[at]);
        if (size > 1) fwrite(text.data + at, 1, size, file);
        at += size > 0 ? size : 1;
    }
    putc('"', file);
}

static void put_number(FILE *file, char type, uint64_t number) {
    switch (type) {
    case 'b':
        fputs(number != 0 ? "true" : "false", file);
        break;
    case 'e':
        fprintf(file, "\"%s\"", weft_error_name((int)(int64_t)number));
        break;
    case 'p':
    case 'x':
        fprintf(file, "\"0x%llx\"", (unsigned long long)number);
        break;
    default:
        fprintf(file, "%llu", (unsigned long long)number);
    }
}

static void put_hex(FILE *file, const unsigned char *data, size_t size) {
    static const char digits[] = "0123456789abcdef";
    putc('"', file);
    for (size_t i = 0; i < size; i++) {
        putc(digits[data[i] >> 4], file);
        putc(digits[data[i] & 15], file);
    }
    putc('"', file);
}

static void put_ids(FILE *file, struct weft_bytes bytes) {
    putc('[', file);
    for (size_t at = 0; at + WEFT_ID_SIZE <= bytes.size; at += WEFT_ID_SIZE) {
        if (at > 0) putc(',', file);
        put_hex(file, bytes.data + at, WEFT_ID_SIZE);
    }
    putc(']', file);
}

static void put_addr(FILE *file, struct weft_bytes bytes) {
    struct weft_addr addr;
    char text[WEFT_ADDR_TEXT_SIZE];
    if (bytes.size != sizeof addr) {
        fputs("null", file);
        return;
    }
    memcpy(&addr, bytes.data, sizeof addr);
    fprintf(file, "\"%s\"", weft_addr_format(&addr, text));
}

/* RFC 4648, section 4. */
static void put_base64(FILE *file, struct weft_bytes bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    putc('"', file);
    for (size_t at = 0; at < bytes.size; at += 3) {
        size_t left = bytes.size - at;
        uint32_t three = (uint32_t)bytes.data[at] << 16;
        if (left > 1) three |= (uint32_t)bytes.data[at + 1] << 8;
        if (left > 2) three |= bytes.data[at + 2];
        putc(digits[three >> 18], file);
        putc(digits[three >> 12 & 63], file);
        putc(left > 1 ? digits[three >> 6 & 63] : '=', file);
        putc(left > 2 ? digits[three & 63] : '=', file);
    }
    putc('"', file);
}

static void put_packet(FILE *file, struct weft_bytes bytes) {
    struct ana__packet packet;
    if (!ana__packet_of(bytes, &packet)) {
        fputs("null", file);
        return;
    }
    fputs("{\"from\":", file);
    put_addr(file, packet.from);
    fputs(",\"to\":", file);
    put_addr(file, packet.to);
    fputs(",\"payload\":", file);
    put_base64(file, packet.payload);
    putc('}', file);
}

static bool is_type(const struct ana__field *field, const char *type) {
    return field->type_size == strlen(type) && memcmp(field->type, type, field->type_size) == 0;
}

static void put_bytes(FILE *file, const struct ana__field *field, struct weft_bytes bytes) {
    if (is_type(field, "text")) {
        ana__json_text(file, bytes);
    } else if (is_type(field, "addr")) {
        put_addr(file, bytes);
    } else if (is_type(field, "ids")) {
        put_ids(file, bytes);
    } else if (is_type(field, "packet")) {
        put_packet(file, bytes);
    } else {
        put_hex(file, bytes.data, bytes.size);
    }
}

void ana__json_fields(FILE *file, const struct ana_trace_record *record, bool comma) {
    const char *cursor = record->fields;
    struct ana__field field;
    unsigned numbers = 0;
    while (ana__next_field(&cursor, &field)) {
        bool is_number = ana__is_number(&field);
        if (is_number && numbers == WEFT_TRACE_NUMBERS) continue;
        if (comma) putc(',', file);
        comma = true;
        ana__json_text(file, weft_bytes(field.name, field.name_size));
        putc(':', file);
        if (is_number) {
            put_number(file, field.type[0], record->event.number[numbers++]);
        } else {
            put_bytes(file, &field, record->event.bytes);
        }
    }
}
