#include "core/otp/segments.h"

#include "core/base/assert.h"

static size_t segment_size(uint32_t segment) {
    uint32_t bits = segment == 0 ? SEGMENT_FIRST_BITS : segment + SEGMENT_FIRST_BITS - 1;
    return ((size_t)1 << bits) * sizeof(uint64_t);
}

bool weft_otp__segments_add(struct segments *table, struct weft_mem *mem) {
    WEFT_ASSERT(table->count <= table->room);
    if (table->count == table->room) {
        uint32_t segment = segment_of(table->count);
        if (segment >= SEGMENTS_MAX) return false;
        WEFT_ASSERT(table->at[segment] == NULL);
        table->at[segment] = weft_mem_alloc(mem, segment_size(segment));
        if (table->at[segment] == NULL) return false;
        table->room += (uint32_t)(segment_size(segment) / sizeof(uint64_t));
    }
    table->count++;
    return true;
}

void weft_otp__segments_free(struct segments *table, struct weft_mem *mem) {
    for (uint32_t i = 0; i < SEGMENTS_MAX; i++) {
        weft_mem_free(mem, table->at[i], segment_size(i));
        table->at[i] = NULL;
    }
    table->count = table->room = 0;
}
