/* Chunks: their fixed part, to bytes and back. */
#include "analysis/internal.h"

#include "core/base/assert.h"

#include <string.h>
#include <xxhash.h>

#define SUMMED (ANA__CHUNK_SIZE - 8) /* bytes that the last field is the checksum of */

uint64_t ana__checksum(const void *data, size_t size, uint64_t seed) {
    return XXH3_64bits_withSeed(data, size, seed);
}

void ana__chunk_encode(const struct ana__chunk *chunk, uint64_t seed,
                       unsigned char out[ANA__CHUNK_SIZE]) {
    WEFT_ASSERT(chunk->stored_size <= chunk->raw_size);
    WEFT_ASSERT(chunk->raw_size <= ANA__RAW_MAX);
    memcpy(out, ANA__MAGIC, ANA__MAGIC_SIZE);
    ana__store32(out + 8, chunk->type);
    ana__store32(out + 12, chunk->number);
    ana__store32(out + 16, chunk->index_size);
    ana__store32(out + 20, chunk->stored_size);
    ana__store32(out + 24, chunk->raw_size);
    ana__store32(out + 28, chunk->events);
    ana__store64(out + 32, (uint64_t)chunk->first);
    ana__store64(out + 40, (uint64_t)chunk->last);
    ana__store64(out + 48, chunk->kinds);
    ana__store32(out + 56, chunk->node_min);
    ana__store32(out + 60, chunk->node_max);
    ana__store64(out + 64, chunk->checksum);
    ana__store64(out + SUMMED, ana__checksum(out, SUMMED, seed));
}

static bool sizes_are_well(const struct ana__chunk *chunk) {
    uint32_t kinds = (uint32_t)__builtin_popcountll(chunk->kinds);
    if (chunk->raw_size > ANA__RAW_MAX || chunk->stored_size > chunk->raw_size) return false;
    if (chunk->type == ANA__HEAD)
        return chunk->index_size == 0 && chunk->stored_size == chunk->raw_size &&
               chunk->raw_size <= ANA_TEXT_MAX;
    if (chunk->type == ANA__EVENTS)
        return chunk->index_size == kinds * ANA__INDEX_ENTRY_SIZE && chunk->events > 0 &&
               chunk->first <= chunk->last;
    return chunk->index_size <= ANA__RAW_MAX;
}

bool ana__chunk_decode(struct ana__chunk *chunk, uint64_t seed,
                       const unsigned char in[ANA__CHUNK_SIZE]) {
    if (memcmp(in, ANA__MAGIC, ANA__MAGIC_SIZE) != 0) return false;
    chunk->type = ana__load32(in + 8);
    if (chunk->type == ANA__HEAD) seed = 0;
    if (ana__load64(in + SUMMED) != ana__checksum(in, SUMMED, seed)) return false;
    chunk->number = ana__load32(in + 12);
    chunk->index_size = ana__load32(in + 16);
    chunk->stored_size = ana__load32(in + 20);
    chunk->raw_size = ana__load32(in + 24);
    chunk->events = ana__load32(in + 28);
    chunk->first = (weft_time)ana__load64(in + 32);
    chunk->last = (weft_time)ana__load64(in + 40);
    chunk->kinds = ana__load64(in + 48);
    chunk->node_min = ana__load32(in + 56);
    chunk->node_max = ana__load32(in + 60);
    chunk->checksum = ana__load64(in + 64);
    return sizes_are_well(chunk);
}
