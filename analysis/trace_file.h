/* Trace file: events on disk, self-describing.
 *
 *     "WEFTTRC1"                                        magic, 8 bytes
 *     text: scenario, seed, build, one "key=value" a line, then an empty line
 *     text: "kind name fields" of each kind, one a line, then an empty line
 *     records: varint kind, varint time difference (ns), varint node + 1, numbers as varints
 *              (signed ones zigzag), varint byte count, bytes
 *
 * A reader uses the table in the file, so a file of an older build stays readable. */
#ifndef ANALYSIS_TRACE_FILE_H
#define ANALYSIS_TRACE_FILE_H

#include "core/env/trace.h"

#include <stdio.h>

struct ana_trace_writer;

/* Create `path`. `head` is the "key=value" lines. WEFT_ERR_IO, WEFT_ERR_NOMEM */
int ana_trace_create(const char *path, const char *head, struct ana_trace_writer **out);
/* Errors are kept and told by close. */
void ana_trace_write(struct ana_trace_writer *writer, const struct weft_trace_event *event);
/* WEFT_ERR_IO when any write failed. */
int ana_trace_close(struct ana_trace_writer *writer);

struct ana_trace_reader;

/* WEFT_ERR_NOT_FOUND, WEFT_ERR_IO, WEFT_ERR_MALFORMED (*why tells, static text), WEFT_ERR_NOMEM */
int ana_trace_open(const char *path, struct ana_trace_reader **out, const char **why);
const char *ana_trace_head(const struct ana_trace_reader *reader);

/* One event, borrowed until the next call. `name` and `fields` are those of the file. */
struct ana_trace_record {
    struct weft_trace_event event;
    const char *name;
    const char *fields;
    uint64_t offset;
};

/* WEFT_OK; WEFT_ERR_CLOSED at the end; WEFT_ERR_MALFORMED (cut short or damaged: offset tells) */
int ana_trace_next(struct ana_trace_reader *reader, struct ana_trace_record *record);
void ana_trace_free(struct ana_trace_reader *reader);

/* "   12.345678 s  node 17  lookup.done  op=3 kind=1 ..." without newline, into `out`. */
void ana_trace_format(const struct ana_trace_record *record, char *out, size_t size);

#endif
