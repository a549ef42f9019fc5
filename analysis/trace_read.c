/* Reading a trace file: block by block, past what is damaged. */
#define _GNU_SOURCE
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define WINDOW (256 * 1024) /* bytes read at once when looking for a chunk */
#define HEAD_WITHIN                                                                                \
    (64 * 1024 * 1024) /* a file that begins wrongly has a HEAD in this, or is none */

struct ana_trace_reader {
    int fd;
    struct ana__schema schema;
    uint64_t seed; /* 0 until the HEAD is known */
    void *zstd;

    uint64_t at;     /* of the next chunk */
    uint64_t again;  /* from where to look for it when there is none at `at` */
    uint64_t bad_at; /* UINT64_MAX: what is before `at` is well or counted */
    uint32_t number; /* of the next block */
    weft_time last;  /* no block goes back before it */
    bool ended;      /* END was read */
    bool cut;        /* the file ended before it */
    uint64_t tail;   /* bytes at the end of the file that are no chunk yet */
    bool tail_block; /* and they are a block's */
    struct ana_trace_damage damage;

    uint64_t kinds; /* wanted, the file's numbers */
    weft_time from, to;
    uint32_t node_min, node_max;

    unsigned char *stored, *raw;
    size_t stored_capacity, raw_capacity;
    struct ana__view view; /* of the block that is being read */
    struct ana__cursor cursor;
    uint32_t left; /* records of it */
};

/* --- bytes of the file --- */

/* Up to `size` bytes at `at`; fewer only where the file ends. WEFT_ERR_IO */
static int read_at(const struct ana_trace_reader *reader, uint64_t at, struct weft_bytes *out,
                   unsigned char *into) {
    size_t wanted = out->size, used = 0;
    while (used < wanted) {
        ssize_t size = pread(reader->fd, into + used, wanted - used, (off_t)(at + used));
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return WEFT_ERR_IO;
        if (size == 0) break;
        used += (size_t)size;
    }
    *out = weft_bytes(into, used);
    return WEFT_OK;
}

static bool reserve(unsigned char **data, size_t *capacity, size_t need) {
    if (need <= *capacity) return true;
    unsigned char *grown = realloc(*data, need);
    if (grown == NULL) return false;
    *data = grown;
    *capacity = need;
    return true;
}

/* The place of the next magic at `from` or later, before `limit`. WEFT_ERR_CLOSED: there is none.
 */
static int find_magic(struct ana_trace_reader *reader, uint64_t from, uint64_t limit,
                      uint64_t *place) {
    if (!reserve(&reader->raw, &reader->raw_capacity, WINDOW + ANA__SLACK)) return WEFT_ERR_NOMEM;
    while (from < limit) {
        struct weft_bytes window = {NULL, WINDOW};
        int rv = read_at(reader, from, &window, reader->raw);
        if (rv != WEFT_OK) return rv;
        if (window.size < ANA__MAGIC_SIZE) return WEFT_ERR_CLOSED;
        const unsigned char *hit = memmem(window.data, window.size, ANA__MAGIC, ANA__MAGIC_SIZE);
        if (hit != NULL) {
            *place = from + (uint64_t)(hit - window.data);
            return *place < limit ? WEFT_OK : WEFT_ERR_CLOSED;
        }
        from += window.size - ANA__MAGIC_SIZE + 1;
    }
    return WEFT_ERR_CLOSED;
}

/* --- chunks --- */

/* The fixed part at `at`. WEFT_ERR_CLOSED: the file ends in it; WEFT_ERR_MALFORMED; WEFT_ERR_IO */
static int read_fixed(const struct ana_trace_reader *reader, uint64_t at,
                      struct ana__chunk *chunk) {
    unsigned char fixed[ANA__CHUNK_SIZE];
    struct weft_bytes bytes = {NULL, sizeof fixed};
    int rv = read_at(reader, at, &bytes, fixed);
    if (rv != WEFT_OK) return rv;
    if (bytes.size < sizeof fixed) return WEFT_ERR_CLOSED;
    return ana__chunk_decode(chunk, reader->seed, fixed) ? WEFT_OK : WEFT_ERR_MALFORMED;
}

/* Index and content of the chunk at `at`, into reader->stored. As read_fixed, and WEFT_ERR_NOMEM */
static int read_behind(struct ana_trace_reader *reader, uint64_t at,
                       const struct ana__chunk *chunk) {
    struct weft_bytes bytes = {NULL, (size_t)chunk->index_size + chunk->stored_size};
    size_t size = bytes.size;
    if (!reserve(&reader->stored, &reader->stored_capacity, size + ANA__SLACK))
        return WEFT_ERR_NOMEM;
    int rv = read_at(reader, at + ANA__CHUNK_SIZE, &bytes, reader->stored);
    if (rv != WEFT_OK) return rv;
    if (bytes.size < size) return WEFT_ERR_CLOSED;
    uint64_t seed = chunk->type == ANA__HEAD ? 0 : reader->seed;
    bool same = ana__checksum(reader->stored, size, seed) == chunk->checksum;
    return same ? WEFT_OK : WEFT_ERR_MALFORMED;
}

/* --- opening --- */

/* A HEAD at `at`. WEFT_ERR_MALFORMED: there is none, or it is damaged. */
static int read_head(struct ana_trace_reader *reader, uint64_t at) {
    struct ana__chunk chunk;
    int rv = read_fixed(reader, at, &chunk);
    if (rv == WEFT_OK && chunk.type != ANA__HEAD) rv = WEFT_ERR_MALFORMED;
    if (rv == WEFT_OK) rv = read_behind(reader, at, &chunk);
    if (rv == WEFT_ERR_CLOSED) return WEFT_ERR_MALFORMED;
    if (rv != WEFT_OK) return rv;
    const char *text = (const char *)reader->stored;
    rv = ana__schema_parse(&reader->schema, text, chunk.raw_size);
    if (rv == WEFT_OK) reader->seed = ana__checksum(text, chunk.raw_size, 0);
    return rv;
}

static int find_head(struct ana_trace_reader *reader, uint64_t limit) {
    uint64_t at = 0;
    int rv = read_head(reader, 0);
    while (rv == WEFT_ERR_MALFORMED) {
        rv = find_magic(reader, at + 1, limit, &at);
        if (rv == WEFT_OK) rv = read_head(reader, at);
    }
    return rv;
}

static int read_start(struct ana_trace_reader *reader, const char **why) {
    unsigned char start[ANA__MAGIC_SIZE] = {0};
    struct weft_bytes bytes = {NULL, sizeof start};
    *why = "cannot be read";
    int rv = read_at(reader, 0, &bytes, start);
    if (rv != WEFT_OK) return rv;
    bool is_trace = memcmp(start, ANA__MAGIC, sizeof start) == 0;
    bool is_version = memcmp(start, ANA__MAGIC, sizeof start - 1) == 0;
    rv = find_head(reader, is_trace ? UINT64_MAX : HEAD_WITHIN);
    if (rv == WEFT_ERR_NOMEM) *why = "out of memory";
    if (rv != WEFT_ERR_CLOSED) return rv;
    if (is_trace) {
        *why = "none of its heads is whole, so nothing says what its blocks mean";
    } else if (is_version && start[ANA__MAGIC_SIZE - 1] == '1') {
        *why = "a trace of the older format WEFTTRC1, and this build reads " ANA__MAGIC
               "; run the scenario again with it";
    } else if (is_version) {
        *why = "a trace of another format, and this build reads " ANA__MAGIC;
    } else {
        *why = "not a trace file: it does not begin with " ANA__MAGIC;
    }
    return WEFT_ERR_MALFORMED;
}

static int open_file(struct ana_trace_reader *reader, const char *path, const char **why) {
    struct stat stat;
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    *why = errno == ENOENT ? "no such file" : "cannot be read";
    if (reader->fd < 0) return errno == ENOENT ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IO;
    *why = "is a folder, no trace file";
    if (fstat(reader->fd, &stat) == 0 && S_ISDIR(stat.st_mode)) return WEFT_ERR_MALFORMED;
    *why = "is a pipe or a device, no file that can be read here and there";
    if (lseek(reader->fd, 0, SEEK_SET) < 0) return WEFT_ERR_MALFORMED;
    *why = "out of memory";
    reader->zstd = ZSTD_createDCtx();
    return reader->zstd != NULL ? read_start(reader, why) : WEFT_ERR_NOMEM;
}

int ana_trace_open(const char *path, struct ana_trace_reader **out, const char **why) {
    struct ana_trace_reader *reader = calloc(1, sizeof *reader);
    *why = "out of memory";
    if (reader == NULL) return WEFT_ERR_NOMEM;
    reader->bad_at = UINT64_MAX;
    reader->last = INT64_MIN;
    ana__reader_want(reader, UINT64_MAX, INT64_MIN, WEFT_TIME_NEVER);
    ana__reader_want_nodes(reader, 0, UINT32_MAX);
    int rv = open_file(reader, path, why);
    if (rv != WEFT_OK) {
        ana_trace_free(reader);
        return rv;
    }
    *why = "";
    *out = reader;
    return WEFT_OK;
}

void ana_trace_free(struct ana_trace_reader *reader) {
    if (reader == NULL) return;
    if (reader->fd >= 0) close(reader->fd);
    ana__schema_free(&reader->schema);
    ZSTD_freeDCtx(reader->zstd);
    free(reader->stored);
    free(reader->raw);
    free(reader);
}

const struct ana__schema *ana__reader_schema(const struct ana_trace_reader *reader) {
    return &reader->schema;
}

uint64_t ana__reader_file_size(const struct ana_trace_reader *reader) {
    struct stat stat;
    return fstat(reader->fd, &stat) == 0 ? (uint64_t)stat.st_size : 0;
}

const char *ana_trace_head(const struct ana_trace_reader *reader) { return reader->schema.head; }

const char *ana_trace_name(const struct ana_trace_reader *reader, unsigned number) {
    return number < ANA_KINDS_MAX ? reader->schema.kinds[number].name : NULL;
}

bool ana_trace_head_value(const struct ana_trace_reader *reader, const char *key, char *out,
                          size_t size) {
    size_t key_size = strlen(key);
    for (const char *line = reader->schema.head; *line != '\0';) {
        size_t line_size = strcspn(line, "\n");
        if (line_size > key_size && strncmp(line, key, key_size) == 0 && line[key_size] == '=') {
            size_t value = line_size - key_size - 1;
            snprintf(out, size, "%.*s", (int)value, line + key_size + 1);
            return true;
        }
        line += line_size + (line[line_size] == '\n');
    }
    return false;
}

/* --- what is wanted --- */

void ana__reader_want(struct ana_trace_reader *reader, uint64_t kinds, weft_time from,
                      weft_time to) {
    reader->kinds = kinds;
    reader->from = from;
    reader->to = to;
}

void ana__reader_want_nodes(struct ana_trace_reader *reader, uint32_t min, uint32_t max) {
    reader->node_min = min;
    reader->node_max = max;
}

void ana_trace_want(struct ana_trace_reader *reader, uint64_t kinds, weft_time from, weft_time to) {
    ana__reader_want(reader, ana__schema_mask(&reader->schema, kinds), from, to);
}

static bool is_wanted(const struct ana_trace_reader *reader, const struct ana__chunk *chunk) {
    if (!(chunk->kinds & reader->kinds)) return false;
    if (chunk->last < reader->from || chunk->first > reader->to) return false;
    bool all_nodes = reader->node_min == 0 && reader->node_max == UINT32_MAX;
    return all_nodes ||
           (chunk->node_min <= reader->node_max && chunk->node_max >= reader->node_min);
}

/* --- the next block --- */

static void count_bad(struct ana_trace_reader *reader, uint64_t from, uint64_t to) {
    if (from >= to) return;
    if (reader->damage.bytes == 0) reader->damage.first = from;
    reader->damage.bytes += to - from;
}

/* A chunk that is well begins at `at`: what was not before it is counted. */
static void settle(struct ana_trace_reader *reader, uint64_t at, const struct ana__chunk *chunk) {
    if (reader->bad_at != UINT64_MAX) count_bad(reader, reader->bad_at, at);
    reader->bad_at = UINT64_MAX;
    if (chunk->number > reader->number) reader->damage.blocks += chunk->number - reader->number;
    reader->number = chunk->number + (chunk->type == ANA__EVENTS);
}

/* A block that its checksum holds for, and that cannot be of this place: a copy of another. */
static bool is_astray(const struct ana_trace_reader *reader, const struct ana__chunk *chunk) {
    return chunk->number < reader->number ||
           (chunk->type == ANA__EVENTS && chunk->first < reader->last);
}

/* No chunk at reader->at: on to the next magic. WEFT_ERR_CLOSED: the file has no more of them. */
static int look_on(struct ana_trace_reader *reader) {
    uint64_t place;
    if (reader->bad_at == UINT64_MAX) reader->bad_at = reader->at;
    int rv = find_magic(reader, reader->again, UINT64_MAX, &place);
    if (rv != WEFT_OK) return rv;
    reader->at = place;
    reader->again = place + 1;
    return WEFT_OK;
}

/* What is there at reader->at: with its content, when it is wanted; *skipped tells. */
static int read_chunk(struct ana_trace_reader *reader, struct ana__chunk *chunk, bool *skipped) {
    int rv = read_fixed(reader, reader->at, chunk);
    if (rv != WEFT_OK) return rv;
    if (is_astray(reader, chunk)) return WEFT_ERR_MALFORMED;
    *skipped = chunk->type == ANA__EVENTS && !is_wanted(reader, chunk);
    return *skipped ? WEFT_OK : read_behind(reader, reader->at, chunk);
}

/* The file ends before the chunk at reader->at does. */
static int at_tail(struct ana_trace_reader *reader) {
    struct ana__chunk chunk;
    struct stat stat;
    uint64_t from = reader->bad_at != UINT64_MAX ? reader->bad_at : reader->at;
    if (fstat(reader->fd, &stat) != 0) return WEFT_ERR_IO;
    reader->cut = true;
    reader->tail = (uint64_t)stat.st_size > from ? (uint64_t)stat.st_size - from : 0;
    reader->tail_block = read_fixed(reader, from, &chunk) == WEFT_OK && chunk.type == ANA__EVENTS;
    return WEFT_ERR_CLOSED;
}

/* The next whole chunk, of which reader->at is then the end; WEFT_ERR_AGAIN: it is a block that is
 * not wanted. At the end all that is no chunk stays where it is: it may become one. */
static int next_chunk(struct ana_trace_reader *reader, struct ana__chunk *chunk, uint64_t *place) {
    uint64_t at = reader->at, again = reader->again;
    bool skipped = false;
    int rv;
    while ((rv = read_chunk(reader, chunk, &skipped)) != WEFT_OK) {
        if (rv != WEFT_ERR_CLOSED && rv != WEFT_ERR_MALFORMED) return rv;
        rv = look_on(reader);
        if (rv == WEFT_OK) continue;
        reader->at = at;
        reader->again = again;
        return rv == WEFT_ERR_CLOSED ? at_tail(reader) : rv;
    }
    reader->cut = false;
    settle(reader, reader->at, chunk);
    *place = reader->at;
    reader->at += ANA__CHUNK_SIZE + (uint64_t)chunk->index_size + chunk->stored_size;
    reader->again = skipped ? *place + ANA__MAGIC_SIZE : reader->at + 1;
    return skipped ? WEFT_ERR_AGAIN : WEFT_OK;
}

int ana__reader_block(struct ana_trace_reader *reader, struct ana__view *view) {
    while (!reader->ended) {
        int rv = next_chunk(reader, &view->chunk, &view->offset);
        if (rv != WEFT_OK && rv != WEFT_ERR_AGAIN) return rv;
        if (view->chunk.type == ANA__END) reader->ended = true;
        if (view->chunk.type != ANA__EVENTS) continue;
        reader->last = view->chunk.last;
        if (rv == WEFT_ERR_AGAIN && view->chunk.first > reader->to) return WEFT_ERR_CLOSED;
        if (rv == WEFT_ERR_AGAIN) continue;
        view->index = reader->stored;
        return WEFT_OK;
    }
    return WEFT_ERR_CLOSED;
}

/* --- records --- */

/* What the checksum held for and is damaged all the same. */
static void count_block(struct ana_trace_reader *reader) {
    const struct ana__chunk *chunk = &reader->view.chunk;
    uint64_t size = ANA__CHUNK_SIZE + (uint64_t)chunk->index_size + chunk->stored_size;
    count_bad(reader, reader->view.offset, reader->view.offset + size);
    reader->damage.blocks++;
    reader->left = 0;
}

/* The content of the block that was read. WEFT_ERR_MALFORMED: it is not what zstd made. */
static int unpack(struct ana_trace_reader *reader) {
    const struct ana__chunk *chunk = &reader->view.chunk;
    const unsigned char *stored = reader->stored + chunk->index_size;
    if (!reserve(&reader->raw, &reader->raw_capacity, (size_t)chunk->raw_size + ANA__SLACK))
        return WEFT_ERR_NOMEM;
    size_t size = chunk->stored_size;
    if (chunk->stored_size == chunk->raw_size) {
        memcpy(reader->raw, stored, size);
    } else {
        size = ZSTD_decompressDCtx(reader->zstd, reader->raw, chunk->raw_size, stored, size);
    }
    if (size != chunk->raw_size) return WEFT_ERR_MALFORMED;
    memset(reader->raw + size, 0, ANA__SLACK);
    reader->cursor = (struct ana__cursor){reader->raw, reader->raw + size, chunk->first, 0};
    reader->left = chunk->events;
    return WEFT_OK;
}

static int next_block(struct ana_trace_reader *reader) {
    int rv = ana__reader_block(reader, &reader->view);
    if (rv == WEFT_OK) rv = unpack(reader);
    if (rv != WEFT_ERR_MALFORMED) return rv;
    count_block(reader);
    return WEFT_OK;
}

/* The next record of the block. False: it is damaged. */
static bool next_record(struct ana_trace_reader *reader, struct ana_trace_record *record,
                        unsigned *number) {
    const struct ana__chunk *chunk = &reader->view.chunk;
    reader->left--;
    bool read = ana__record_decode(&reader->cursor, reader->schema.kinds, &record->event, number);
    if (!read || record->event.at > chunk->last || !(chunk->kinds >> *number & 1)) return false;
    return reader->left > 0 || reader->cursor.at == reader->cursor.end;
}

int ana_trace_next(struct ana_trace_reader *reader, struct ana_trace_record *record) {
    unsigned number;
    for (;;) {
        if (reader->left == 0) {
            int rv = next_block(reader);
            if (rv != WEFT_OK) return rv;
            if (reader->left == 0) continue;
        }
        if (!next_record(reader, record, &number)) {
            count_block(reader);
        } else if ((reader->kinds >> number & 1) && record->event.at >= reader->from &&
                   record->event.at <= reader->to) {
            break;
        }
    }
    const struct ana__kind *kind = &reader->schema.kinds[number];
    record->name = kind->name;
    record->fields = kind->fields;
    record->shape = &kind->shape;
    record->offset = reader->view.offset;
    return WEFT_OK;
}

struct ana_trace_damage ana_trace_damage(const struct ana_trace_reader *reader) {
    struct ana_trace_damage damage = reader->damage;
    damage.cut = reader->cut;
    if (reader->tail == 0 || !reader->cut) return damage;
    if (damage.bytes == 0) damage.first = reader->bad_at;
    damage.bytes += reader->tail;
    damage.blocks += reader->tail_block;
    return damage;
}
