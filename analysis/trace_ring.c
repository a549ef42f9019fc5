/* A ring: the latest blocks in memory, and of those that went what is to be kept. */
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS_MIN 16 /* that memory is cut into, where it is little */
#define BLOCK_MIN 8192
#define KEPT_SHARE 4 /* a fourth of the memory is for what is kept */

/* Blocks in order of time. */
struct line {
    struct ana__block *blocks;
    size_t begin, end, room; /* those in [begin, end) are there */
    size_t bytes;            /* their capacities */
};

struct ana__ring {
    weft_duration last;
    size_t memory_max, block_size;
    uint64_t keep;
    struct line recent, kept; /* of `kept` the last one is being filled */
    struct ana__kind kinds[ANA_KINDS_MAX];
};

static int push(struct line *line, const struct ana__block *block) {
    if (line->end == line->room && line->begin > line->room / 2) {
        memmove(line->blocks, line->blocks + line->begin,
                (line->end - line->begin) * sizeof *line->blocks);
        line->end -= line->begin;
        line->begin = 0;
    }
    if (line->end == line->room) {
        size_t room = line->room == 0 ? 16 : 2 * line->room;
        struct ana__block *grown = realloc(line->blocks, room * sizeof *grown);
        if (grown == NULL) return WEFT_ERR_NOMEM;
        line->blocks = grown;
        line->room = room;
    }
    line->blocks[line->end++] = *block;
    line->bytes += block->capacity;
    return WEFT_OK;
}

static struct ana__block shift(struct line *line) {
    WEFT_ASSERT(line->begin < line->end);
    line->bytes -= line->blocks[line->begin].capacity;
    return line->blocks[line->begin++];
}

static void free_line(struct line *line) {
    while (line->begin < line->end) {
        struct ana__block block = shift(line);
        ana__block_deinit(&block);
    }
    free(line->blocks);
}

int ana__ring_new(const struct ana_trace_options *options, struct ana__ring **out) {
    struct ana__ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) return WEFT_ERR_NOMEM;
    ring->last = options->last;
    ring->keep = options->keep;
    ring->memory_max = options->memory_max > 0 ? options->memory_max : ANA_RING_MEMORY;
    ring->block_size = ring->memory_max / BLOCKS_MIN;
    if (ring->block_size > ANA_BLOCK_SIZE) ring->block_size = ANA_BLOCK_SIZE;
    if (ring->block_size < BLOCK_MIN) ring->block_size = BLOCK_MIN;
    for (unsigned i = 0; i < WEFT_TRACE_KIND_COUNT; i++) {
        const char *fields = weft_trace_kind_fields(i);
        ring->kinds[i] = (struct ana__kind){.name = weft_trace_kind_name(i),
                                            .fields = fields,
                                            .kind = (enum weft_trace_kind)i,
                                            .shape = ana__shape_of(fields)};
    }
    *out = ring;
    return WEFT_OK;
}

void ana__ring_free(struct ana__ring *ring) {
    if (ring == NULL) return;
    free_line(&ring->recent);
    free_line(&ring->kept);
    free(ring);
}

size_t ana__ring_block_size(const struct ana__ring *ring) { return ring->block_size; }

/* --- what is kept of a block that goes --- */

static int keep_event(struct ana__ring *ring, const struct weft_trace_event *event) {
    struct line *kept = &ring->kept;
    struct ana__block *last = kept->end > kept->begin ? &kept->blocks[kept->end - 1] : NULL;
    if (last == NULL || !ana__block_takes(last, event->bytes.size)) {
        struct ana__block block;
        size_t need = ANA__RECORD_MAX + event->bytes.size;
        int rv = ana__block_init(&block, need > ring->block_size ? need : ring->block_size);
        if (rv == WEFT_OK && (rv = push(kept, &block)) != WEFT_OK) ana__block_deinit(&block);
        if (rv != WEFT_OK) return rv;
        last = &kept->blocks[kept->end - 1];
    }
    ana__block_add(last, &ring->kinds[event->kind].shape, event);
    while (kept->bytes > ring->memory_max / KEPT_SHARE && kept->end - kept->begin > 1) {
        struct ana__block oldest = shift(kept);
        ana__block_deinit(&oldest);
    }
    return WEFT_OK;
}

static int keep_of(struct ana__ring *ring, const struct ana__block *block) {
    struct ana__cursor cursor = {block->data, block->data + block->used, block->first, 0};
    if (!(block->kinds & ring->keep)) return WEFT_OK;
    for (uint32_t i = 0; i < block->events; i++) {
        struct weft_trace_event event;
        unsigned number;
        bool read = ana__record_decode(&cursor, ring->kinds, &event, &number);
        WEFT_ASSERT(read);
        if (!(ring->keep & WEFT_TRACE_BIT(number))) continue;
        int rv = keep_event(ring, &event);
        if (rv != WEFT_OK) return rv;
    }
    return WEFT_OK;
}

/* --- what goes --- */

static bool is_past(const struct ana__ring *ring, const struct ana__block *oldest, weft_time now) {
    if (ring->recent.bytes + ring->kept.bytes > ring->memory_max) return true;
    return oldest->last < now && now - oldest->last > ring->last;
}

int ana__ring_take(struct ana__ring *ring, struct ana__block *block) {
    struct line *recent = &ring->recent;
    struct ana__block spare = {.data = NULL};
    weft_time now = block->last;
    int rv = push(recent, block);
    if (rv != WEFT_OK) return rv;
    while (recent->end - recent->begin > 1 && is_past(ring, &recent->blocks[recent->begin], now)) {
        struct ana__block oldest = shift(recent);
        int kept = keep_of(ring, &oldest);
        if (rv == WEFT_OK) rv = kept;
        ana__block_deinit(&spare);
        spare = oldest;
    }
    if (spare.data != NULL && spare.capacity == ring->block_size) {
        *block = spare;
        ana__block_clear(block);
        return rv;
    }
    ana__block_deinit(&spare);
    int made = ana__block_init(block, ring->block_size);
    return rv == WEFT_OK ? made : rv;
}

void ana__ring_write(const struct ana__ring *ring, struct ana__out *out) {
    const struct line *lines[] = {&ring->kept, &ring->recent};
    for (unsigned i = 0; i < 2; i++) {
        for (size_t at = lines[i]->begin; at < lines[i]->end; at++) {
            ana__out_block(out, &lines[i]->blocks[at]);
        }
    }
}
