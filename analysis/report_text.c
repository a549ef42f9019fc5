/* Text that grows, and how words stand in JSON and HTML. */
#include "analysis/report_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static bool has_room(struct ana__text *text, size_t size) {
    if (text->failed) return false;
    if (text->capacity - text->size > size) return true;
    size_t larger = (text->capacity + size + 256) * 2;
    char *data = larger > text->capacity ? realloc(text->data, larger) : NULL;
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = larger;
    return true;
}

void ana__text_add(struct ana__text *text, const char *data, size_t size) {
    if (!has_room(text, size)) return;
    if (size > 0) memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void ana__text_put(struct ana__text *text, const char *words) {
    ana__text_add(text, words, strlen(words));
}

void ana__text_format(struct ana__text *text, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t used = size < 0 ? 0 : (size_t)size;
    ana__text_add(text, line, used < sizeof line ? used : sizeof line - 1);
}

void ana__text_free(struct ana__text *text) {
    free(text->data);
    *text = (struct ana__text){.data = NULL};
}

/* The bytes of the UTF-8 character at `at`; 0: it is none. Overlong forms, surrogates and what is
 * beyond U+10FFFF are none (RFC 3629). */
static size_t utf8_size(const unsigned char *at, size_t left) {
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, size;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (at[0] < forms[i].first_min || at[0] > forms[i].first_max) continue;
        if (forms[i].size > left) return 0;
        if (forms[i].size == 1) return 1;
        if (at[1] < forms[i].second_min || at[1] > forms[i].second_max) return 0;
        for (size_t k = 2; k < forms[i].size; k++) {
            if ((at[k] & 0xc0) != 0x80) return 0;
        }
        return forms[i].size;
    }
    return 0;
}

void ana__text_json(struct ana__text *text, const char *words, size_t size) {
    ana__text_put(text, "\"");
    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)words[i];
        size_t step = utf8_size((const unsigned char *)words + i, size - i);
        bool escaped =
            c < 0x20 || c == 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&';
        if (step == 0) {
            ana__text_put(text, "\xef\xbf\xbd");
        } else if (escaped) {
            ana__text_format(text, "\\u%04x", c);
        } else {
            ana__text_add(text, words + i, step);
        }
        i += step > 0 ? step : 1;
    }
    ana__text_put(text, "\"");
}

static const char *entity_of(char c) {
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void ana__text_html(struct ana__text *text, const char *words, size_t size) {
    for (size_t i = 0; i < size;) {
        size_t step = utf8_size((const unsigned char *)words + i, size - i);
        const char *entity = entity_of(words[i]);
        if (entity != NULL) {
            ana__text_put(text, entity);
        } else if (step == 0 || (unsigned char)words[i] < 0x20) {
            ana__text_put(text, "\xef\xbf\xbd");
        } else {
            ana__text_add(text, words + i, step);
        }
        i += step > 0 ? step : 1;
    }
}

void ana__text_base64(struct ana__text *text, const unsigned char *data, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (!has_room(text, size / 3 * 4 + 8)) return;
    char *out = text->data + text->size;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (left > 2 ? data[i + 2] : 0);
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
    text->size = (size_t)(out - text->data);
    *out = '\0';
}

/* --- each text once --- */

static uint32_t hash_of(const char *words, size_t size) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)words[i]) * 16777619u;
    return hash;
}

static bool is_text(const struct ana__strings *strings, uint32_t number, const char *words,
                    size_t size) {
    const char *have = strings->all.data + strings->starts[number];
    return (size == 0 || strncmp(have, words, size) == 0) && have[size] == '\0';
}

static bool grow_table(struct ana__strings *strings) {
    uint32_t size = strings->table_size > 0 ? strings->table_size * 2 : 1024;
    uint32_t *table = calloc(size, sizeof *table); /* number + 1; 0: free */
    if (table == NULL) return false;
    for (uint32_t i = 0; i < strings->count; i++) {
        const char *words = strings->all.data + strings->starts[i];
        uint32_t at = hash_of(words, strlen(words)) & (size - 1);
        while (table[at] != 0) at = (at + 1) & (size - 1);
        table[at] = i + 1;
    }
    free(strings->table);
    strings->table = table;
    strings->table_size = size;
    return true;
}

static bool make_room(struct ana__strings *strings) {
    if (strings->count * 2 >= strings->table_size && !grow_table(strings)) return false;
    if (strings->count < strings->capacity) return true;
    uint32_t larger = strings->capacity * 2 + 256;
    uint32_t *starts = realloc(strings->starts, larger * sizeof *starts);
    if (starts == NULL) return false;
    strings->starts = starts;
    strings->capacity = larger;
    return true;
}

static uint32_t add_string(struct ana__strings *strings, const char *words, size_t size) {
    if (strings->failed || !make_room(strings)) {
        strings->failed = true;
        return 0;
    }
    uint32_t at = hash_of(words, size) & (strings->table_size - 1);
    for (; strings->table[at] != 0; at = (at + 1) & (strings->table_size - 1)) {
        uint32_t number = strings->table[at] - 1;
        if (is_text(strings, number, words, size)) return number;
    }
    strings->starts[strings->count] = (uint32_t)strings->all.size;
    ana__text_add(&strings->all, words, size);
    ana__text_add(&strings->all, "", 1);
    strings->failed = strings->failed || strings->all.failed;
    if (strings->failed) return 0;
    strings->table[at] = ++strings->count;
    return strings->count - 1;
}

uint32_t ana__strings_add(struct ana__strings *strings, const char *words, size_t size) {
    const char *end = size > 0 ? memchr(words, '\0', size) : NULL;
    if (strings->count == 0) (void)add_string(strings, "", 0);
    return add_string(strings, words, end != NULL ? (size_t)(end - words) : size);
}

void ana__strings_free(struct ana__strings *strings) {
    ana__text_free(&strings->all);
    free(strings->starts);
    free(strings->table);
    *strings = (struct ana__strings){.count = 0};
}
