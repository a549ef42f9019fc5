/* A trace file that is written: chunks to a descriptor. */
#define _GNU_SOURCE
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* How zstd packs, by what costs a run least for what it saves: docs/traces.md. Records that are
 * numbers repeat little, but their bytes are not alike in frequency: few matches, Huffman's code.
 * Bytes of packets repeat as they are. */
#define NUMBERS_LEVEL (-20)
#define BYTES_LEVEL (-1)
#define BYTES_FROM 24                      /* bytes a record, on average */
#define LITERALS ZSTD_c_experimentalParam5 /* literalCompressionMode: 0 by level, 1 Huffman */
#define FRONT (ANA__CHUNK_SIZE + ANA_KINDS_MAX * ANA__INDEX_ENTRY_SIZE)

static void note(struct ana__out *out, int error) {
    if (out->error == WEFT_OK) out->error = error;
}

/* All of it, however often the system takes a part. */
static void put(struct ana__out *out, const unsigned char *data, size_t size) {
    while (size > 0 && out->error == WEFT_OK) {
        ssize_t taken = write(out->fd, data, size);
        if (taken < 0 && errno == EINTR) continue;
        if (taken <= 0) {
            note(out, taken < 0 && errno == ENOSPC ? WEFT_ERR_NO_SPACE : WEFT_ERR_IO);
            return;
        }
        data += taken;
        size -= (size_t)taken;
    }
}

/* The chunk whose index and stored content stand in the buffer behind its fixed part. */
static void put_chunk(struct ana__out *out, struct ana__chunk *chunk) {
    uint64_t seed = chunk->type == ANA__HEAD ? 0 : out->seed;
    size_t behind = chunk->index_size + chunk->stored_size;
    chunk->checksum = ana__checksum(out->buffer + ANA__CHUNK_SIZE, behind, seed);
    ana__chunk_encode(chunk, seed, out->buffer);
    put(out, out->buffer, ANA__CHUNK_SIZE + behind);
}

static void put_head(struct ana__out *out) {
    memcpy(out->buffer + ANA__CHUNK_SIZE, out->text, out->text_size);
    struct ana__chunk chunk = {.type = ANA__HEAD,
                               .number = out->blocks,
                               .stored_size = (uint32_t)out->text_size,
                               .raw_size = (uint32_t)out->text_size,
                               .first = out->last,
                               .last = out->last,
                               .node_min = UINT32_MAX};
    put_chunk(out, &chunk);
}

static bool grow(struct ana__out *out, size_t capacity) {
    if (capacity <= out->capacity) return true;
    unsigned char *grown = realloc(out->buffer, capacity);
    if (grown == NULL) return false;
    out->buffer = grown;
    out->capacity = capacity;
    return true;
}

static int make_memory(struct ana__out *out) {
    out->zstd = ZSTD_createCCtx();
    if (out->zstd == NULL || !grow(out, FRONT + ZSTD_compressBound(ANA_BLOCK_SIZE)))
        note(out, WEFT_ERR_NOMEM);
    return out->error;
}

/* zstd takes its memory when it first compresses as much. */
int ana__out_prepare(struct ana__out *out) {
    *out = (struct ana__out){.fd = -1};
    unsigned char *zeroes = calloc(1, ANA_BLOCK_SIZE);
    if (zeroes == NULL) note(out, WEFT_ERR_NOMEM);
    if (out->error == WEFT_OK && make_memory(out) == WEFT_OK) {
        size_t size = ZSTD_compress2(out->zstd, out->buffer, out->capacity, zeroes, ANA_BLOCK_SIZE);
        if (ZSTD_isError(size)) note(out, WEFT_ERR_NOMEM);
    }
    free(zeroes);
    return out->error == WEFT_OK ? WEFT_OK : ana__out_close(out);
}

int ana__out_open(struct ana__out *out, const char *path, const char *text, size_t size) {
    *out = (struct ana__out){.fd = -1,
                             .text = text,
                             .text_size = size,
                             .zstd = out->zstd,
                             .buffer = out->buffer,
                             .capacity = out->capacity};
    WEFT_ASSERT(size <= ANA_TEXT_MAX);
    if (out->zstd == NULL) (void)make_memory(out);
    if (out->error == WEFT_OK) out->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out->error == WEFT_OK && out->fd < 0)
        note(out, errno == ENOSPC ? WEFT_ERR_NO_SPACE : WEFT_ERR_IO);
    if (out->error != WEFT_OK) return ana__out_close(out);
    out->seed = ana__checksum(text, size, 0);
    put_head(out);
    return WEFT_OK;
}

/* A zstd that does not know a parameter goes without. */
static void choose_level(struct ana__out *out, const struct ana__block *block) {
    bool bytes = block->used / block->events >= BYTES_FROM;
    (void)ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_compressionLevel,
                                 bytes ? BYTES_LEVEL : NUMBERS_LEVEL);
    (void)ZSTD_CCtx_setParameter(out->zstd, LITERALS, bytes ? 0 : 1);
}

/* The content, as it is stored, at `front`; returns its size. */
static size_t pack(struct ana__out *out, const struct ana__block *block, size_t front) {
    choose_level(out, block);
    size_t size = ZSTD_compress2(out->zstd, out->buffer + front, out->capacity - front, block->data,
                                 block->used);
    if (!ZSTD_isError(size) && size < block->used) return size;
    memcpy(out->buffer + front, block->data, block->used);
    return block->used;
}

void ana__out_block(struct ana__out *out, const struct ana__block *block) {
    if (block->events == 0 || out->error != WEFT_OK) return;
    if (!grow(out, FRONT + ZSTD_compressBound(block->used))) {
        note(out, WEFT_ERR_NOMEM);
        return;
    }
    size_t index_size = ana__block_index(block, out->buffer + ANA__CHUNK_SIZE);
    size_t stored_size = pack(out, block, ANA__CHUNK_SIZE + index_size);
    struct ana__chunk chunk = {.type = ANA__EVENTS,
                               .number = out->blocks,
                               .index_size = (uint32_t)index_size,
                               .stored_size = (uint32_t)stored_size,
                               .raw_size = (uint32_t)block->used,
                               .events = block->events,
                               .first = block->first,
                               .last = block->last,
                               .kinds = block->kinds,
                               .node_min = block->node_min,
                               .node_max = block->node_max};
    put_chunk(out, &chunk);
    out->last = block->last;
    out->blocks++;
    if (out->blocks % ANA_HEAD_EVERY == 0) put_head(out);
}

int ana__out_close(struct ana__out *out) {
    if (out->fd >= 0) {
        put_head(out);
        struct ana__chunk end = {.type = ANA__END,
                                 .number = out->blocks,
                                 .first = out->last,
                                 .last = out->last,
                                 .node_min = UINT32_MAX};
        put_chunk(out, &end);
        if (close(out->fd) != 0) note(out, errno == ENOSPC ? WEFT_ERR_NO_SPACE : WEFT_ERR_IO);
    }
    ZSTD_freeCCtx(out->zstd);
    free(out->buffer);
    out->zstd = NULL;
    out->buffer = NULL;
    out->capacity = 0;
    out->fd = -1;
    return out->error;
}
