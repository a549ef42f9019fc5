/* Blocks and their records, to bytes and back. */
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

int ana__block_init(struct ana__block *block, size_t capacity) {
    memset(block, 0, sizeof *block);
    block->data = malloc(capacity);
    if (block->data == NULL) return WEFT_ERR_NOMEM;
    block->capacity = capacity;
    ana__block_clear(block);
    return WEFT_OK;
}

void ana__block_deinit(struct ana__block *block) {
    free(block->data);
    block->data = NULL;
}

void ana__block_clear(struct ana__block *block) {
    block->used = 0;
    block->events = 0;
    block->kinds = 0;
    block->first = block->last = INT64_MIN;
    block->node_min = UINT32_MAX;
    block->node_max = 0;
    block->node = 0;
    memset(block->tally, 0, sizeof block->tally);
}

/* The low bytes of a word, so many. */
static const uint64_t size_mask[9] = {0,
                                      UINT64_C(0xff),
                                      UINT64_C(0xffff),
                                      UINT64_C(0xffffff),
                                      UINT64_C(0xffffffff),
                                      UINT64_C(0xffffffffff),
                                      UINT64_C(0xffffffffffff),
                                      UINT64_C(0xffffffffffffff),
                                      UINT64_MAX};

/* --- to bytes --- */

/* Where one writes: values go to `at`, their sizes gather in `sizes`. */
struct values {
    unsigned char *at;
    uint64_t sizes;
};

/* The value with number `index`. Without a branch on it: eight bytes are stored, and those that
 * count are kept. */
static inline void put_value(struct values *values, unsigned index, uint64_t value) {
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    uint64_t size = ((bits + 7) >> 3) - (value == 0);
    ana__store64(values->at, value);
    values->at += size;
    values->sizes |= size << (4 * index);
}

/* Three unsigned ones are most of all events: where their sizes go is known beforehand. */
static inline void put_numbers(struct values *values, const struct ana_trace_shape *shape,
                               const struct weft_trace_event *event) {
    const uint64_t *number = event->number;
    if (shape->numbers == 3 && shape->signed_mask == 0) {
        put_value(values, 2, number[0]);
        put_value(values, 3, number[1]);
        put_value(values, 4, number[2]);
        return;
    }
    for (unsigned i = 0; i < shape->numbers; i++) {
        bool is_signed = shape->signed_mask >> i & 1;
        put_value(values, 2 + i, is_signed ? ana__zigzag((int64_t)number[i]) : number[i]);
    }
}

static inline void count_event(struct ana__block *block, const struct weft_trace_event *event) {
    struct ana__tally *tally = &block->tally[event->kind];
    if (tally->events++ == 0) {
        if (block->kinds == 0) block->first = block->last = event->at;
        block->kinds |= WEFT_TRACE_BIT(event->kind);
        tally->first = event->at;
    }
    tally->last = event->at;
    block->events++;
    if (event->node == WEFT_TRACE_NODE_NONE) return;
    if (event->node < block->node_min) block->node_min = event->node;
    if (event->node > block->node_max) block->node_max = event->node;
}

void ana__block_add(struct ana__block *block, const struct ana_trace_shape *shape,
                    const struct weft_trace_event *event) {
    WEFT_ASSERT(ana__block_takes(block, event->bytes.size));
    WEFT_ASSERT(event->at >= block->last);
    count_event(block, event);
    unsigned count = 2 + shape->numbers + shape->has_bytes, sizes_size = (count + 1) / 2;
    unsigned char *record = block->data + block->used;
    struct values values = {.at = record + 1 + sizes_size};
    record[0] = (unsigned char)event->kind;
    put_value(&values, 0, (uint64_t)event->at - (uint64_t)block->last);
    put_value(&values, 1, (uint32_t)(event->node + 1) ^ block->node);
    block->last = event->at;
    block->node = event->node + 1;
    put_numbers(&values, shape, event);
    if (shape->has_bytes) put_value(&values, count - 1, event->bytes.size);
    uint64_t behind = ana__load64(record + 1) & ~size_mask[sizes_size];
    ana__store64(record + 1, behind | values.sizes);
    if (shape->has_bytes && event->bytes.size > 0) {
        memcpy(values.at, event->bytes.data, event->bytes.size);
        values.at += event->bytes.size;
    }
    block->used = (size_t)(values.at - block->data);
}

size_t ana__block_index(const struct ana__block *block,
                        unsigned char out[ANA_KINDS_MAX * ANA__INDEX_ENTRY_SIZE]) {
    unsigned char *at = out;
    for (uint64_t kinds = block->kinds; kinds != 0; kinds &= kinds - 1) {
        const struct ana__tally *tally = &block->tally[__builtin_ctzll(kinds)];
        ana__store32(at, tally->events);
        ana__store64(at + 4, (uint64_t)tally->first);
        ana__store64(at + 12, (uint64_t)tally->last);
        at += ANA__INDEX_ENTRY_SIZE;
    }
    return (size_t)(at - out);
}

/* --- and back --- */

/* Where one reads; `sizes` holds those of the values to come. False: beyond the content. */
static inline bool get_value(struct ana__cursor *cursor, uint64_t *sizes, uint64_t *value) {
    unsigned size = *sizes & 15;
    *sizes >>= 4;
    if (size > 8 || cursor->at > cursor->end) return false;
    *value = ana__load64(cursor->at) & size_mask[size];
    cursor->at += size;
    return true;
}

/* When and who. */
static inline bool get_place(struct ana__cursor *cursor, uint64_t *sizes,
                             struct weft_trace_event *event) {
    uint64_t later, node;
    if (!get_value(cursor, sizes, &later) || !get_value(cursor, sizes, &node)) return false;
    if (later > (uint64_t)WEFT_TIME_NEVER - (uint64_t)cursor->time || node > UINT32_MAX)
        return false;
    cursor->time = (weft_time)((uint64_t)cursor->time + later);
    cursor->node ^= (uint32_t)node;
    event->at = cursor->time;
    event->node = cursor->node - 1;
    return true;
}

static inline bool get_numbers(struct ana__cursor *cursor, uint64_t *sizes,
                               const struct ana_trace_shape *shape, uint64_t *number) {
    unsigned i;
    for (i = 0; i < shape->numbers; i++) {
        if (!get_value(cursor, sizes, &number[i])) return false;
        if (shape->signed_mask >> i & 1) number[i] = (uint64_t)ana__unzigzag(number[i]);
    }
    for (; i < WEFT_TRACE_NUMBERS; i++) number[i] = 0;
    return true;
}

static inline bool get_bytes(struct ana__cursor *cursor, uint64_t *sizes, struct weft_bytes *out) {
    uint64_t size;
    if (!get_value(cursor, sizes, &size) || cursor->at > cursor->end) return false;
    if (size > (uint64_t)(cursor->end - cursor->at)) return false;
    *out = weft_bytes(size > 0 ? cursor->at : NULL, (size_t)size);
    cursor->at += size;
    return true;
}

bool ana__record_decode(struct ana__cursor *cursor, const struct ana__kind *kinds,
                        struct weft_trace_event *event, unsigned *number) {
    if (cursor->at >= cursor->end || *cursor->at >= ANA_KINDS_MAX) return false;
    *number = *cursor->at;
    const struct ana__kind *kind = &kinds[*number];
    if (kind->name == NULL) return false;
    unsigned count = 2 + kind->shape.numbers + kind->shape.has_bytes, sizes_size = (count + 1) / 2;
    uint64_t sizes = ana__load64(cursor->at + 1) & size_mask[sizes_size];
    cursor->at += 1 + sizes_size;
    event->kind = kind->kind;
    event->bytes = weft_bytes(NULL, 0);
    return get_place(cursor, &sizes, event) &&
           get_numbers(cursor, &sizes, &kind->shape, event->number) &&
           (!kind->shape.has_bytes || get_bytes(cursor, &sizes, &event->bytes)) &&
           cursor->at <= cursor->end;
}
