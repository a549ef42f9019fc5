/* Trace file: events on disk, compact, typed, self-describing.
 *
 * A file is a row of chunks, and nothing else. Every number of more than a byte is little-endian.
 *
 *      0  8  "WEFTTRC2": begins every chunk, so it begins the file, too
 *      8  4  type: 1 HEAD, 2 EVENTS (a block), 3 END; what a reader does not know it skips
 *     12  4  number: of this block, from 0; of HEAD and END, that of the block that is next
 *     16  4  size of the index, which follows these 80 bytes
 *     20  4  size of the content as stored, which follows the index
 *     24  4  size of the content: zstd made the stored one of it, unless both are equal
 *     28  4  events
 *     32  8  time of the first, ns       40  8  time of the last
 *     48  8  kinds that are in it, a bit each
 *     56  4  lowest node                 60  4  highest node; without any, lowest > highest
 *     64  8  XXH3 of index and stored content
 *     72  8  XXH3 of the 72 bytes before
 *
 * XXH3 is the one of 64 bits. Its seed is 0 for a HEAD; for other chunks it is the XXH3 (seed 0) of
 * the HEAD's content, so that no block of another trace is ever taken for one of this.
 *
 * HEAD's content is text: "key=value" lines (scenario, seed, build, nodes), an empty line, then
 * "number name fields" of each kind, then an empty line. It stands at the beginning, again after
 * every ANA_HEAD_EVERY blocks, and before END. END has no content.
 *
 * A block's index has, for each of its kinds, the lowest first: how many events (4 bytes), the
 * times of the first and of the last (8 bytes each). Its content is records, and no record needs
 * another block:
 *
 *     1 byte   kind
 *     nibbles  how many bytes (0 to 8) each value below takes, the low nibble of a byte first
 *     values   ns since the record before (the first: since the block's first time);
 *              node + 1, xor that of the record before (the first: xor 0); NONE + 1 is 0;
 *              the kind's numbers (signed ones zigzag);
 *              if the kind has bytes, how many
 *     bytes
 *
 * A reader uses the table in the file, so a file of an older build stays readable. It gives every
 * whole block of a file that is cut or damaged anywhere: where a chunk is not what its checksums
 * say, it looks for the next that is. */
#ifndef ANALYSIS_TRACE_FILE_H
#define ANALYSIS_TRACE_FILE_H

#include "core/env/trace.h"

#include <stdbool.h>
#include <stdio.h>

#define ANA_KINDS_MAX 64                   /* of a file */
#define ANA_TEXT_MAX 65536                 /* a HEAD's content */
#define ANA_BYTES_MAX (1 << 24)            /* of one event */
#define ANA_BLOCK_SIZE (256 * 1024)        /* of a block's records, unless one event is larger */
#define ANA_HEAD_EVERY 64                  /* blocks */
#define ANA_RING_MEMORY (64 * 1024 * 1024) /* when options name no bound */

/* --- writing --- */

struct ana_trace_writer;

struct ana_trace_options {
    const char *head; /* "key=value" lines, none empty */
    uint64_t kinds;   /* those that are written, WEFT_TRACE_BIT each; 0: all */
    bool alone; /* start no thread; to compress and to write is then part of ana_trace_write */
    /* A ring, when more than 0: no file is written; the events of so long before the latest stay
     * in memory, to be dumped. */
    weft_duration last;
    size_t memory_max; /* of the ring: beyond it the oldest go, however young; 0: ANA_RING_MEMORY */
    /* Kinds of which a ring forgets nothing, so that who reads its dump knows what led there: nodes
     * that came up, faults that are on. They may take a quarter of memory_max, then the oldest go.
     */
    uint64_t keep;
};

/* Create `path`: every event, and no ring. `head` is the "key=value" lines. Starts a thread, which
 * compresses and writes; so a program is confined after this, not before.
 *   WEFT_ERR_IO, WEFT_ERR_NO_SPACE, WEFT_ERR_NOMEM
 *   WEFT_ERR_INVAL    `head` has an empty line, or a line without "="
 *   WEFT_ERR_TOO_BIG  head and table of kinds are more than ANA_TEXT_MAX */
int ana_trace_create(const char *path, const char *head, struct ana_trace_writer **out);
/* The same, by options; `path` is NULL for a ring. */
int ana_trace_create_with(const char *path, const struct ana_trace_options *options,
                          struct ana_trace_writer **out);

/* Events come in order of time (asserted). Reads no clock; what it waits for is the file. Errors
 * are kept and told by close: after one nothing more is written. */
void ana_trace_write(struct ana_trace_writer *writer, const struct weft_trace_event *event);

/* End the block and send it on its way: who follows the file sees all events so far in a moment.
 * Of a ring: nothing. */
void ana_trace_show(struct ana_trace_writer *writer);

/* The same, and wait until they are in the file. */
void ana_trace_flush(struct ana_trace_writer *writer);

/* Write what a ring holds to `path`, a trace like any other whose head also says
 * "ring_ns=DURATION". The ring stays as it is. May be called when memory is short and from a
 * confined program. WEFT_ERR_IO, WEFT_ERR_NO_SPACE, WEFT_ERR_NOMEM; WEFT_ERR_INVAL: it is no ring
 */
int ana_trace_dump(struct ana_trace_writer *writer, const char *path);

/* Free the writer. The first error of any write:
 *   WEFT_ERR_IO, WEFT_ERR_NO_SPACE
 *   WEFT_ERR_NOMEM    for an event larger than a block, or a ring's
 *   WEFT_ERR_TOO_BIG  an event had more than ANA_BYTES_MAX bytes */
int ana_trace_close(struct ana_trace_writer *writer);

/* --- reading --- */

struct ana_trace_reader;

/* WEFT_ERR_NOT_FOUND, WEFT_ERR_IO, WEFT_ERR_MALFORMED (*why tells, static text), WEFT_ERR_NOMEM */
int ana_trace_open(const char *path, struct ana_trace_reader **out, const char **why);
/* The "key=value" lines. */
const char *ana_trace_head(const struct ana_trace_reader *reader);
/* The value of `key` in them, into `out` (cut to `size`); false: there is no such key. */
bool ana_trace_head_value(const struct ana_trace_reader *reader, const char *key, char *out,
                          size_t size);

/* The name of kind `number` of the file's table; NULL: it has none. */
const char *ana_trace_name(const struct ana_trace_reader *reader, unsigned number);

/* What numbers of a kind stand for, by their names and types in the file's table. */
struct ana_trace_shape {
    unsigned numbers;     /* how many, at most WEFT_TRACE_NUMBERS */
    uint32_t signed_mask; /* which are signed, a bit each */
    uint32_t pid_mask;    /* which are pids */
    bool has_bytes;
    int8_t packet, op, from; /* which is the field of that name; -1: none */
};

/* One event, borrowed until the next call. `name` and `fields` are those of the file. */
struct ana_trace_record {
    /* Its kind is this build's only where name and fields are the same; else
     * WEFT_TRACE_KIND_COUNT. */
    struct weft_trace_event event;
    const char *name;
    const char *fields;
    uint64_t offset;                     /* of its block */
    const struct ana_trace_shape *shape; /* may be NULL where no reader made the record */
};

/* From now on give only events of `kinds` (of this build; WEFT_TRACE_ALL: also those it does not
 * know) that happened at `from` to `to`, inclusive. Blocks that have none are not even read. */
void ana_trace_want(struct ana_trace_reader *reader, uint64_t kinds, weft_time from, weft_time to);

/* WEFT_OK; WEFT_ERR_CLOSED: there is no more, by now: of a file that is still written, a later call
 * reads on. WEFT_ERR_IO, WEFT_ERR_NOMEM. What is damaged is passed over; ana_trace_damage tells. */
int ana_trace_next(struct ana_trace_reader *reader, struct ana_trace_record *record);

/* What is known to be lost of what was read so far. */
struct ana_trace_damage {
    uint64_t blocks; /* by their numbers, and the one that the file's end cuts */
    uint64_t bytes;
    uint64_t first; /* offset; meant only when bytes is not 0 */
    bool cut;       /* the file ends before END: more may be missing than is counted */
};

struct ana_trace_damage ana_trace_damage(const struct ana_trace_reader *reader);

void ana_trace_free(struct ana_trace_reader *reader);

/* --- text --- */

/* "   12.345678 s  node 17  lookup.done  op=3 kind=1 ..." without newline, into `out`. */
void ana_trace_format(const struct ana_trace_record *record, char *out, size_t size);

#endif
