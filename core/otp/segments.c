#include "core/otp/segments.h"

#include "core/base/assert.h"

#define MORE_SIZE ((SEGMENTS_MAX - 1) * sizeof(uint64_t *))

static size_t segment_size(uint32_t segment) {
    uint32_t bits = segment == 0 ? SEGMENT_FIRST_BITS : segment + SEGMENT_FIRST_BITS - 1;
    return ((size_t)1 << bits) * sizeof(uint64_t);
}

/* Where the pointer to `segment` belongs; NULL: no memory. */
static uint64_t **place_of(struct segments *table, struct weft_mem *mem, uint32_t segment) {
    if (segment == 0) return &table->first;
    if (table->more == NULL) table->more = weft_mem_zalloc(mem, MORE_SIZE);
    return table->more == NULL ? NULL : &table->more[segment - 1];
}

bool weft_otp__segments_add(struct segments *table, struct weft_mem *mem) {
    WEFT_ASSERT(table->count <= table->room);
    if (table->count == table->room) {
        uint32_t segment = segment_of(table->count);
        if (segment >= SEGMENTS_MAX) return false;
        uint64_t **place = place_of(table, mem, segment);
        if (place == NULL) return false;
        WEFT_ASSERT(*place == NULL);
        *place = weft_mem_alloc(mem, segment_size(segment));
        if (*place == NULL) return false;
        table->room += (uint32_t)(segment_size(segment) / sizeof(uint64_t));
    }
    table->count++;
    return true;
}

void weft_otp__segments_free(struct segments *table, struct weft_mem *mem) {
    weft_mem_free(mem, table->first, segment_size(0));
    for (uint32_t i = 1; table->more != NULL && i < SEGMENTS_MAX; i++) {
        weft_mem_free(mem, table->more[i - 1], segment_size(i));
    }
    weft_mem_free(mem, table->more, MORE_SIZE);
    *table = (struct segments){NULL, NULL, 0, 0};
}
