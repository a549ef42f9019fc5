/* Inside of the exports: the file that is written, a pass over a trace, values in JSON. */
#ifndef ANALYSIS_EXPORT_INTERNAL_H
#define ANALYSIS_EXPORT_INTERNAL_H

#include "analysis/export.h"
#include "analysis/internal.h"

#include <stdio.h>

/* Set export->why and return `rv`. */
int ana__fail(struct ana_export *export, int rv, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- the file --- */

/* A file is written beside its place and moved there when it is whole. What is there and is no
 * file (a pipe, a device) is written where it is. */
struct ana__file {
    FILE *file;
    char *temporary; /* NULL: written in place */
    char *buffer;
    int error; /* errno of the first write that failed */
};

/* WEFT_ERR_IO, WEFT_ERR_NOMEM: with why, and nothing to close. */
int ana__file_open(struct ana__file *out, struct ana_export *export);
/* Whether a write has failed: to be asked after each event, and reading on is no use. */
bool ana__file_failed(struct ana__file *out);
/* `rv` is what the export came to. When it is an error, or the file cannot be ended, nothing is
 * left; returns the first error. */
int ana__file_close(struct ana__file *out, struct ana_export *export, int rv);

/* --- a pass --- */

/* What a visitor returns to read no further; the pass is WEFT_OK. */
#define ANA__ENOUGH 1

/* Events go to `event` in the order of the file, those that the filter does not want too, unless
 * `only_wanted`: what is on or up at a time does not depend on the filter. An error that `event`
 * returns ends the pass; it has set why, unless it is WEFT_ERR_NOMEM. */
struct ana__visitor {
    void *ctx;
    void (*head)(void *ctx, const struct ana_trace_reader *reader); /* first; NULL: not wanted */
    int (*event)(void *ctx, const struct ana_trace_record *record, bool wanted);
    uint64_t kinds; /* other kinds are of no use; 0: all are */
    bool only_wanted;
};

/* Counts export->events and export->damaged from 0. */
int ana__pass(struct ana_export *export, const struct ana__visitor *visitor);

/* The value of `key` in the head as plain text, cut to `size`; "" when there is none. */
void ana__head_value(const struct ana_trace_reader *reader, const char *key, char *out,
                     size_t size);

/* --- bytes of an event --- */

struct ana__packet {
    struct weft_bytes from, to; /* struct weft_addr, unaligned */
    struct weft_bytes payload;
};

/* The parts of a field of type packet. False: too short. */
bool ana__packet_of(struct weft_bytes bytes, struct ana__packet *out);

/* --- text --- */

/* The length of the UTF-8 character at data[at], 0 when there is none. */
size_t ana__utf8_size(struct weft_bytes text, size_t at);

/* The text, with what is no UTF-8 as U+FFFD. */
void ana__put_utf8(FILE *file, struct weft_bytes text);
/* What fits of the text: whole characters; control characters and what is no UTF-8 as '?'. */
void ana__plain_text(char *out, size_t size, struct weft_bytes text);
/* "text" in JSON, with what is no UTF-8 as U+FFFD. */
void ana__json_text(FILE *file, struct weft_bytes text);
/* The fields of an event as `"name":value` with commas between them; `comma` also before the
 * first. Counts are numbers, durations are ns, pids and hexadecimals are "0x..", errors their
 * names, ids hexadecimal, addresses text, a packet {"from","to","payload"} in base64. */
void ana__json_fields(FILE *file, const struct ana_trace_record *record, bool comma);

#endif
