/* Every byte of a small trace changed, every length cut, every part taken out: never a crash, and
 * always the events of all blocks that are whole. */
#define _GNU_SOURCE
#include "analysis/internal.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCKS 4u
#define EVENTS_A_BLOCK 5u
#define CHUNKS (BLOCKS + 3) /* HEAD, blocks, HEAD, END */

/* A trace as bytes, and where its chunks are. */
struct sample {
    char path[64]; /* in memory */
    int fd;
    unsigned char *data;
    size_t size;
    struct {
        size_t at, size;
        bool is_block;
    } chunks[CHUNKS];
};

static void write_blocks(const char *path) {
    struct ana_trace_writer *writer;
    REQUIRE(ana_trace_create(path, "scenario=small", &writer) == WEFT_OK);
    for (unsigned i = 0; i < BLOCKS * EVENTS_A_BLOCK; i++) {
        struct weft_trace_event event = {.at = i,
                                         .node = i % 3,
                                         .kind = WEFT_TRACE_LOG,
                                         .number = {i},
                                         .bytes = weft_bytes_text(ANA__MAGIC " of no chunk")};
        ana_trace_write(writer, &event);
        if (i % EVENTS_A_BLOCK == EVENTS_A_BLOCK - 1) ana_trace_flush(writer);
    }
    REQUIRE(ana_trace_close(writer) == WEFT_OK);
}

static void find_chunks(struct sample *sample) {
    struct ana__chunk chunk;
    uint64_t seed = 0;
    size_t at = 0, count = 0;
    for (; at < sample->size; count++) {
        REQUIRE(count < CHUNKS && ana__chunk_decode(&chunk, seed, sample->data + at));
        size_t size = ANA__CHUNK_SIZE + (size_t)chunk.index_size + chunk.stored_size;
        sample->chunks[count].at = at;
        sample->chunks[count].size = size;
        sample->chunks[count].is_block = chunk.type == ANA__EVENTS;
        if (at == 0) seed = ana__checksum(sample->data + ANA__CHUNK_SIZE, chunk.raw_size, 0);
        at += size;
    }
    REQUIRE(count == CHUNKS && at == sample->size);
}

static void sample_open(struct sample *sample) {
    sample->fd = memfd_create("trace", 0); /* thousands of files would wait for the disk */
    REQUIRE(sample->fd >= 0);
    snprintf(sample->path, sizeof sample->path, "/proc/self/fd/%d", sample->fd);
    write_blocks(sample->path);
    FILE *file = fopen(sample->path, "rb");
    sample->data = malloc(1 << 16);
    REQUIRE(file != NULL && sample->data != NULL);
    sample->size = fread(sample->data, 1, 1 << 16, file);
    fclose(file);
    find_chunks(sample);
}

static void sample_close(struct sample *sample) {
    free(sample->data);
    close(sample->fd);
}

/* What a reader found. */
struct found {
    int opened;
    uint64_t blocks; /* a bit each; its events were all there, in order */
    struct ana_trace_damage damage;
};

static struct found read_file(const char *path) {
    struct found found = {.blocks = 0};
    struct ana_trace_reader *reader = NULL;
    struct ana_trace_record record;
    const char *why = NULL;
    uint64_t next = 0;
    int rv;
    found.opened = ana_trace_open(path, &reader, &why);
    if (found.opened != WEFT_OK) {
        CHECK_EQ_INT(found.opened, WEFT_ERR_MALFORMED);
        CHECK(why != NULL && why[0] != '\0');
        return found;
    }
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        uint64_t number = record.event.number[0];
        if (number % EVENTS_A_BLOCK == 0 && number >= next) next = number;
        CHECK_EQ_UINT(number, next);
        CHECK_EQ_INT(record.event.at, number);
        CHECK_EQ_UINT(record.event.node, number % 3);
        next = number + 1;
        if (next % EVENTS_A_BLOCK == 0) found.blocks |= UINT64_C(1) << number / EVENTS_A_BLOCK;
    }
    CHECK_EQ_INT(rv, WEFT_ERR_CLOSED);
    CHECK_EQ_UINT(next % EVENTS_A_BLOCK, 0); /* no part of a block */
    found.damage = ana_trace_damage(reader);
    ana_trace_free(reader);
    return found;
}

static struct found read_bytes(const struct sample *sample, const unsigned char *data,
                               size_t size) {
    FILE *file = fopen(sample->path, "wb");
    CHECK(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    return read_file(sample->path);
}

/* The blocks of all chunks but those that `from` to `to` touches. */
static uint64_t blocks_outside(const struct sample *sample, size_t from, size_t to) {
    uint64_t blocks = 0, number = 0;
    for (size_t i = 0; i < CHUNKS; i++) {
        size_t at = sample->chunks[i].at, end = at + sample->chunks[i].size;
        if (!sample->chunks[i].is_block) continue;
        if (end <= from || at >= to) blocks |= UINT64_C(1) << number;
        number++;
    }
    return blocks;
}

static void a_whole_trace_has_no_damage(void) {
    struct sample sample;
    sample_open(&sample);
    struct found found = read_file(sample.path);
    CHECK_EQ_UINT(found.blocks, (1u << BLOCKS) - 1);
    CHECK_EQ_UINT(found.damage.bytes, 0);
    CHECK_EQ_UINT(found.damage.blocks, 0);
    CHECK(!found.damage.cut);
    sample_close(&sample);
}

static void check_flip(struct sample *sample, size_t chunk, size_t at, unsigned char mask) {
    sample->data[at] ^= mask;
    struct found found = read_bytes(sample, sample->data, sample->size);
    sample->data[at] ^= mask;
    CHECK_EQ_INT(found.opened, WEFT_OK);
    CHECK_EQ_UINT(found.blocks, blocks_outside(sample, at, at + 1));
    CHECK_EQ_UINT(found.damage.bytes, sample->chunks[chunk].size);
    CHECK_EQ_UINT(found.damage.first, sample->chunks[chunk].at);
    CHECK_EQ_UINT(found.damage.blocks, sample->chunks[chunk].is_block);
    CHECK_EQ_INT(found.damage.cut, chunk == CHUNKS - 1);
}

static void every_byte_changed_costs_its_chunk_alone(void) {
    struct sample sample;
    sample_open(&sample);
    size_t chunk = 0;
    for (size_t at = 0; at < sample.size; at++) {
        if (chunk + 1 < CHUNKS && at == sample.chunks[chunk + 1].at) chunk++;
        check_flip(&sample, chunk, at, 0xff);
        check_flip(&sample, chunk, at, (unsigned char)(1u << at % 8));
    }
    sample_close(&sample);
}

static void every_cut_leaves_the_blocks_before_it(void) {
    struct sample sample;
    sample_open(&sample);
    for (size_t size = sample.size; size-- > 0;) {
        CHECK_EQ_INT(truncate(sample.path, (off_t)size), 0);
        struct found found = read_file(sample.path);
        if (size < sample.chunks[0].size) {
            CHECK_EQ_INT(found.opened, WEFT_ERR_MALFORMED);
            continue;
        }
        CHECK_EQ_INT(found.opened, WEFT_OK);
        CHECK_EQ_UINT(found.blocks, blocks_outside(&sample, size, sample.size));
        CHECK(found.damage.cut);
        CHECK(found.damage.blocks <= 1);
    }
    sample_close(&sample);
}

/* What follows moves down, and is found all the same. */
static void every_part_taken_out_costs_what_it_touches(void) {
    struct sample sample;
    sample_open(&sample);
    unsigned char *less = malloc(sample.size);
    REQUIRE(less != NULL);
    for (size_t at = 0; at < sample.size; at += 3) {
        size_t gone = at % 7 == 0 ? 500 : 1 + at % 90, end = at + gone;
        if (end > sample.size) end = sample.size;
        memcpy(less, sample.data, at);
        memcpy(less + at, sample.data + end, sample.size - end);
        struct found found = read_bytes(&sample, less, sample.size - (end - at));
        CHECK_EQ_INT(found.opened, WEFT_OK);
        CHECK_EQ_UINT(found.blocks, blocks_outside(&sample, at, end));
    }
    free(less);
    sample_close(&sample);
}

static void every_part_put_in_costs_its_chunk_alone(void) {
    struct sample sample;
    sample_open(&sample);
    unsigned char *more = malloc(sample.size + 100);
    REQUIRE(more != NULL);
    for (size_t at = 0; at < sample.size; at += 3) {
        size_t size = 1 + at % 99;
        memcpy(more, sample.data, at);
        memset(more + at, (int)(at % 251), size);
        memcpy(more + at + size, sample.data + at, sample.size - at);
        struct found found = read_bytes(&sample, more, sample.size + size);
        bool between = false;
        for (size_t i = 0; i < CHUNKS; i++) between = between || sample.chunks[i].at == at;
        CHECK_EQ_INT(found.opened, WEFT_OK);
        CHECK_EQ_UINT(found.blocks,
                      between ? (1u << BLOCKS) - 1 : blocks_outside(&sample, at, at + 1));
    }
    free(more);
    sample_close(&sample);
}

static void without_any_head_nothing_can_be_read(void) {
    struct sample sample;
    struct ana_trace_reader *reader = NULL;
    const char *why = NULL;
    sample_open(&sample);
    sample.data[ANA__CHUNK_SIZE] ^= 1;
    sample.data[sample.chunks[CHUNKS - 2].at + ANA__CHUNK_SIZE] ^= 1;
    CHECK_EQ_INT(read_bytes(&sample, sample.data, sample.size).opened, WEFT_ERR_MALFORMED);
    CHECK_EQ_INT(ana_trace_open(sample.path, &reader, &why), WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(why, "none of its heads is whole, so nothing says what its blocks mean");
    sample_close(&sample);
}

/* A long trace has heads in its midst: the first and all that is behind a cut may be lost. */
static void a_long_trace_without_its_ends_is_read(void) {
    struct sample sample;
    struct ana_trace_writer *writer;
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    const char *why;
    sample_open(&sample);
    REQUIRE(ana_trace_create(sample.path, "scenario=long", &writer) == WEFT_OK);
    for (unsigned i = 0; i < ANA_HEAD_EVERY + 40; i++) {
        struct weft_trace_event event = {.at = i, .kind = WEFT_TRACE_NODE_UP};
        ana_trace_write(writer, &event);
        ana_trace_flush(writer);
    }
    REQUIRE(ana_trace_close(writer) == WEFT_OK);
    FILE *file = fopen(sample.path, "r+b");
    REQUIRE(file != NULL);
    fwrite("############", 1, 12, file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    CHECK_EQ_INT(truncate(sample.path, size - 5000), 0);
    REQUIRE(ana_trace_open(sample.path, &reader, &why) == WEFT_OK);
    CHECK_EQ_TEXT(ana_trace_head(reader), "scenario=long\n");
    unsigned count = 0;
    while (ana_trace_next(reader, &record) == WEFT_OK) {
        CHECK_EQ_INT(record.event.at, count);
        count++;
    }
    CHECK(count > ANA_HEAD_EVERY);
    CHECK(ana_trace_damage(reader).cut);
    CHECK_EQ_UINT(ana_trace_damage(reader).first, 0);
    ana_trace_free(reader);
    sample_close(&sample);
}

TEST_MAIN("analysis/trace_damage", TEST(a_whole_trace_has_no_damage),
          TEST(every_byte_changed_costs_its_chunk_alone),
          TEST(every_cut_leaves_the_blocks_before_it),
          TEST(every_part_taken_out_costs_what_it_touches),
          TEST(every_part_put_in_costs_its_chunk_alone), TEST(without_any_head_nothing_can_be_read),
          TEST(a_long_trace_without_its_ends_is_read))
