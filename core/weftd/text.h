/* A text that grows: what the control socket answers with. */
#ifndef WEFT_WEFTD_TEXT_H
#define WEFT_WEFTD_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* NUL-terminated once anything was added; else NULL */
    size_t size, capacity;
    bool failed; /* memory ran out: the text is cut there */
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const void *data, size_t size);

/* Frees the bytes; the text is empty again. */
void text_clear(struct text *text);

#endif
