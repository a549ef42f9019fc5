/* Inside of the trace file: field lists, chunks, blocks, records. */
#ifndef ANALYSIS_INTERNAL_H
#define ANALYSIS_INTERNAL_H

#include "analysis/trace_file.h"

#include <string.h>

/* --- field lists (fields.c) --- */

/* One field of a list "name:type name:type"; the names point into the list. */
struct ana__field {
    const char *name;
    size_t name_size;
    const char *type;
    size_t type_size;
};

/* The next field; start with *cursor at the list. False at its end. */
bool ana__next_field(const char **cursor, struct ana__field *field);

/* Whether its value is a number and not in the bytes. */
bool ana__is_number(const struct ana__field *field);

struct ana_trace_shape ana__shape_of(const char *fields);

static inline uint64_t ana__zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (uint64_t)(value < 0 ? -1 : 0);
}

static inline int64_t ana__unzigzag(uint64_t value) {
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* --- the table of kinds (trace_schema.c) --- */

struct ana__kind {
    const char *name; /* NULL: there is no such kind */
    const char *fields;
    enum weft_trace_kind kind; /* this build's; WEFT_TRACE_KIND_COUNT: it has none like it */
    struct ana_trace_shape shape;
};

struct ana__schema {
    char *head; /* "key=value" lines; owned, with the table behind it */
    struct ana__kind kinds[ANA_KINDS_MAX];
};

/* What a HEAD has, with the table of this build. WEFT_ERR_INVAL, WEFT_ERR_TOO_BIG, WEFT_ERR_NOMEM;
 * *text is the caller's to free. */
int ana__schema_text(const char *head, char **text, size_t *size);
/* WEFT_ERR_MALFORMED, WEFT_ERR_NOMEM */
int ana__schema_parse(struct ana__schema *schema, const char *text, size_t size);
void ana__schema_free(struct ana__schema *schema);
/* The file's mask for one of this build. */
uint64_t ana__schema_mask(const struct ana__schema *schema, uint64_t kinds);

/* --- chunks (trace_chunk.c) --- */

#define ANA__MAGIC "WEFTTRC2"
#define ANA__MAGIC_SIZE 8
#define ANA__CHUNK_SIZE 80       /* its fixed part */
#define ANA__INDEX_ENTRY_SIZE 20 /* count, first, last */

enum ana__chunk_type { ANA__HEAD = 1, ANA__EVENTS, ANA__END };

struct ana__chunk {
    uint32_t type, number, index_size, stored_size, raw_size, events;
    weft_time first, last;
    uint64_t kinds;
    uint32_t node_min, node_max;
    uint64_t checksum; /* of index and stored content */
};

/* The most a content may take, before and after compression. */
#define ANA__RAW_MAX ((uint32_t)(ANA_BYTES_MAX + 4096))
#define ANA__STORED_MAX ANA__RAW_MAX

void ana__chunk_encode(const struct ana__chunk *chunk, uint64_t seed,
                       unsigned char out[ANA__CHUNK_SIZE]);
/* False: it is none, or its checksum or its sizes are wrong. A HEAD is read with seed 0. */
bool ana__chunk_decode(struct ana__chunk *chunk, uint64_t seed,
                       const unsigned char in[ANA__CHUNK_SIZE]);
uint64_t ana__checksum(const void *data, size_t size, uint64_t seed);

static inline void ana__store64(unsigned char *out, uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    memcpy(out, &value, sizeof value);
}

static inline uint64_t ana__load64(const unsigned char *in) {
    uint64_t value;
    memcpy(&value, in, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

static inline void ana__store32(unsigned char *out, uint32_t value) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    memcpy(out, &value, sizeof value);
}

static inline uint32_t ana__load32(const unsigned char *in) {
    uint32_t value;
    memcpy(&value, in, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap32(value);
#endif
    return value;
}

/* --- blocks and records (trace_block.c) --- */

/* Values of a record: time, node, numbers, size of the bytes. */
#define ANA__VALUES_MAX (WEFT_TRACE_NUMBERS + 3)
/* The most a record takes but for its bytes; what is written past its end is within. */
#define ANA__RECORD_MAX (1 + 8 + ANA__VALUES_MAX * 8 + 8)
#define ANA__SLACK 8 /* bytes behind a content that a reader may load */

struct ana__tally {
    uint32_t events;
    weft_time first, last;
};

/* `last` of an empty block: what no event may be before.
 * Invariants:
 *   I1  used <= capacity, and used == 0 when events == 0
 *   I2  tally[k].events > 0 exactly when bit k of kinds is set; their sum is events */
struct ana__block {
    unsigned char *data;
    size_t used, capacity;
    uint32_t events;
    weft_time first, last;
    uint64_t kinds;
    uint32_t node_min, node_max;
    uint32_t node; /* + 1, of the last record */
    struct ana__tally tally[ANA_KINDS_MAX];
};

/* WEFT_ERR_NOMEM */
int ana__block_init(struct ana__block *block, size_t capacity);
void ana__block_deinit(struct ana__block *block);
void ana__block_clear(struct ana__block *block);

/* Whether one more event has room. */
static inline bool ana__block_takes(const struct ana__block *block, size_t bytes) {
    return block->capacity - block->used >= ANA__RECORD_MAX + bytes;
}

/* Append; there is room, and the time is not before the last one's. */
void ana__block_add(struct ana__block *block, const struct ana_trace_shape *shape,
                    const struct weft_trace_event *event);

/* The index, into `out` (room for all kinds). Returns its size. */
size_t ana__block_index(const struct ana__block *block,
                        unsigned char out[ANA_KINDS_MAX * ANA__INDEX_ENTRY_SIZE]);

/* Where one reads in a content; ANA__SLACK bytes stand behind `end`. */
struct ana__cursor {
    const unsigned char *at, *end;
    weft_time time;
    uint32_t node; /* + 1 */
};

/* The next record: event and the file's number of its kind. Its bytes point into the content.
 * False: it is damaged. */
bool ana__record_decode(struct ana__cursor *cursor, const struct ana__kind *kinds,
                        struct weft_trace_event *event, unsigned *number);

/* --- files that are written (trace_out.c) --- */

struct ana__out {
    int fd;    /* -1: closed */
    int error; /* the first */
    void *zstd;
    unsigned char *buffer; /* a chunk as it is written */
    size_t capacity;
    uint64_t seed;
    uint32_t blocks;
    weft_time last;
    const char *text; /* HEAD's, borrowed */
    size_t text_size;
};

/* All the memory that ana__out_open and blocks of at most ANA_BLOCK_SIZE need, so that these ask
 * for none. WEFT_ERR_NOMEM */
int ana__out_prepare(struct ana__out *out);
/* Create the file and begin it. `out` is prepared, or all zeroes. */
int ana__out_open(struct ana__out *out, const char *path, const char *text, size_t size);
void ana__out_block(struct ana__out *out, const struct ana__block *block);
/* End the file. Returns the first error. */
int ana__out_close(struct ana__out *out);

/* --- blocks on their way to a file (trace_pipe.c) --- */

struct ana__pipe;

/* Start the thread that writes to `out`, which is the thread's until the pipe is closed.
 * WEFT_ERR_NOMEM: also when there can be no thread */
int ana__pipe_open(struct ana__out *out, struct ana__pipe **pipe);
/* Take the content of `block`, which is empty then, with other memory. Waits while too many blocks
 * wait. Returns the first error of those that were written. */
int ana__pipe_take(struct ana__pipe *pipe, struct ana__block *block);
/* Wait until all is written. Returns the first error. */
int ana__pipe_drain(struct ana__pipe *pipe);
/* Write what waits, and end the thread. NULL: nothing. */
void ana__pipe_close(struct ana__pipe *pipe);

/* --- the ring (trace_ring.c) --- */

struct ana__ring;

int ana__ring_new(const struct ana_trace_options *options, struct ana__ring **out);
void ana__ring_free(struct ana__ring *ring);
/* Of the blocks it takes, unless an event is larger. */
size_t ana__ring_block_size(const struct ana__ring *ring);
/* Take the content of `block` as the latest; `block` is empty then, with other memory. */
int ana__ring_take(struct ana__ring *ring, struct ana__block *block);
/* All blocks, the oldest first. */
void ana__ring_write(const struct ana__ring *ring, struct ana__out *out);

/* --- reading by block (trace_read.c) --- */

/* The next whole block that may hold what is wanted: its chunk, and its index, `stored` behind it.
 * What ana_trace_next returns. */
struct ana__view {
    struct ana__chunk chunk;
    uint64_t offset;
    const unsigned char *index;
};

int ana__reader_block(struct ana_trace_reader *reader, struct ana__view *view);
const struct ana__schema *ana__reader_schema(const struct ana_trace_reader *reader);
/* As it is now; 0: it cannot be told. */
uint64_t ana__reader_file_size(const struct ana_trace_reader *reader);
/* As ana_trace_want, by the file's numbers. */
void ana__reader_want(struct ana_trace_reader *reader, uint64_t kinds, weft_time from,
                      weft_time to);
void ana__reader_want_nodes(struct ana_trace_reader *reader, uint32_t min, uint32_t max);

#endif
