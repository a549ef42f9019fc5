/* A text that grows. */
#include "core/weftd/text.h"

#include "core/base/assert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_reserve(struct text *text, size_t more) {
    if (text->failed) return false;
    if (text->capacity - text->size > more) return true;
    size_t capacity = text->capacity == 0 ? 512 : text->capacity;
    while (capacity - text->size <= more) capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (data == NULL) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = capacity;
    return true;
}

void text_add_bytes(struct text *text, const void *data, size_t size) {
    WEFT_ASSERT(text != NULL);
    if (!text_reserve(text, size)) return;
    if (size > 0) memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void text_add(struct text *text, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length >= 0 && text_reserve(text, (size_t)length)) {
        vsnprintf(text->data + text->size, (size_t)length + 1, format, again);
        text->size += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void text_clear(struct text *text) {
    free(text->data);
    *text = (struct text){0};
}
