/* A borrowed run of bytes. Whoever hands it out says how long it stays valid. */
#ifndef WEFT_BASE_BYTES_H
#define WEFT_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct weft_bytes {
    const unsigned char *data; /* NULL only when size is 0 */
    size_t size;
};

static inline struct weft_bytes weft_bytes(const void *data, size_t size) {
    return (struct weft_bytes){data, size};
}

static inline struct weft_bytes weft_bytes_text(const char *text) {
    return (struct weft_bytes){(const unsigned char *)text, strlen(text)};
}

static inline bool weft_bytes_equal(struct weft_bytes a, struct weft_bytes b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif
