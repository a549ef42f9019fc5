/* Trace files: any bytes are read to their end; what is read is in order and of a known kind. The
 * first byte says what is done with the others: 0 and even, they are the file as it is; odd, their
 * checksums are made to hold first, so that what is behind them is reached. */
#define _GNU_SOURCE
#include "analysis/internal.h"
#include "analysis/trace_summary.h"
#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every chunk that fits gets the checksums it would have. */
static void mend(unsigned char *file, size_t size) {
    uint64_t head = 0;
    for (size_t at = 0; at + ANA__CHUNK_SIZE <= size;) {
        unsigned char *chunk = file + at;
        uint64_t behind = (uint64_t)ana__load32(chunk + 16) + ana__load32(chunk + 20);
        if (memcmp(chunk, ANA__MAGIC, ANA__MAGIC_SIZE) != 0) {
            at++;
            continue;
        }
        if (behind > size - at - ANA__CHUNK_SIZE) behind = size - at - ANA__CHUNK_SIZE;
        uint64_t seed = ana__load32(chunk + 8) == ANA__HEAD ? 0 : head;
        ana__store64(chunk + 64, ana__checksum(chunk + ANA__CHUNK_SIZE, (size_t)behind, seed));
        ana__store64(chunk + 72, ana__checksum(chunk, ANA__CHUNK_SIZE - 8, seed));
        if (seed == 0 && head == 0)
            head = ana__checksum(chunk + ANA__CHUNK_SIZE, (size_t)behind, 0);
        at += ANA__CHUNK_SIZE + (size_t)behind;
    }
}

static void read_all(const char *path) {
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    char line[512];
    weft_time last = INT64_MIN;
    int rv = ana_trace_open(path, &reader, &why);
    WEFT_ASSERT(rv == WEFT_OK || rv == WEFT_ERR_MALFORMED);
    if (rv != WEFT_OK) return;
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        WEFT_ASSERT(record.event.at >= last);
        WEFT_ASSERT(record.name != NULL);
        last = record.event.at;
        ana_trace_format(&record, line, sizeof line);
    }
    WEFT_ASSERT(rv == WEFT_ERR_CLOSED);
    (void)ana_trace_damage(reader);
    ana_trace_free(reader);
}

static void summarise(const char *path) {
    static struct ana_trace_summary summary;
    struct ana_trace_reader *reader;
    const char *why;
    if (ana_trace_open(path, &reader, &why) != WEFT_OK) return;
    int rv = ana_trace_summarise(reader, &summary);
    WEFT_ASSERT(rv == WEFT_OK);
    ana_trace_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[64];
    if (size == 0) return 0;
    unsigned char *file = malloc(size);
    int fd = memfd_create("fuzz", 0);
    WEFT_ASSERT(file != NULL && fd >= 0);
    memcpy(file, data + 1, size - 1);
    if (data[0] & 1) mend(file, size - 1);
    ssize_t written = write(fd, file, size - 1);
    WEFT_ASSERT(written == (ssize_t)(size - 1));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_all(path);
    summarise(path);
    close(fd);
    free(file);
    return 0;
}
