/* 160-bit identifiers and the XOR metric. */
#include "core/base/id.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <string.h>

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int weft_id_compare(const weft_id *a, const weft_id *b) {
    return memcmp(a->bytes, b->bytes, WEFT_ID_SIZE);
}

bool weft_id_bit(const weft_id *id, int index) {
    WEFT_ASSERT(index >= 0);
    WEFT_ASSERT(index < WEFT_ID_BITS);
    return (id->bytes[index / 8] >> (7 - index % 8)) & 1;
}

void weft_id_format(const weft_id *id, char text[WEFT_ID_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < WEFT_ID_SIZE; i++) {
        text[2 * i] = digits[id->bytes[i] >> 4];
        text[2 * i + 1] = digits[id->bytes[i] & 15];
    }
    text[2 * WEFT_ID_SIZE] = '\0';
}

int weft_id_parse(weft_id *id, const char *text) {
    WEFT_ASSERT(id != NULL);
    WEFT_ASSERT(text != NULL);
    weft_id parsed;
    if (strlen(text) != 2 * WEFT_ID_SIZE) return WEFT_ERR_MALFORMED;
    for (size_t i = 0; i < WEFT_ID_SIZE; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) return WEFT_ERR_MALFORMED;
        parsed.bytes[i] = (unsigned char)(high << 4 | low);
    }
    *id = parsed;
    return WEFT_OK;
}
