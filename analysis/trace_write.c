/* Writing a trace: events into a block, blocks to a file or a ring. */
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

#define RING_LINE "ring_ns=%lld\n"
#define RING_LINE_MAX 32

struct ana_trace_writer {
    uint64_t kinds;
    struct ana__block block; /* without memory after an error */
    int error;               /* the first */
    struct ana_trace_shape shapes[WEFT_TRACE_KIND_COUNT];
    struct ana__out out;    /* of a ring: prepared for a dump */
    struct ana__pipe *pipe; /* NULL: blocks are written at once */
    struct ana__ring *ring; /* NULL: a file */
    char *text;             /* HEAD's */
    size_t text_size;
};

static void fail(struct ana_trace_writer *writer, int error) {
    if (writer->error == WEFT_OK) writer->error = error;
    writer->kinds = 0; /* nothing is written any more */
}

static void free_writer(struct ana_trace_writer *writer) {
    ana__block_deinit(&writer->block);
    if (writer->ring != NULL) (void)ana__out_close(&writer->out);
    ana__ring_free(writer->ring);
    free(writer->text);
    free(writer);
}

/* What a ring's dump says at its top. */
static int ring_text(struct ana_trace_writer *writer, const struct ana_trace_options *options) {
    size_t size = strlen(options->head);
    char *head = malloc(size + RING_LINE_MAX + 2);
    if (head == NULL) return WEFT_ERR_NOMEM;
    bool open = size > 0 && options->head[size - 1] != '\n';
    snprintf(head, size + RING_LINE_MAX + 2, "%s%s" RING_LINE, options->head, open ? "\n" : "",
             (long long)options->last);
    int rv = ana__schema_text(head, &writer->text, &writer->text_size);
    free(head);
    return rv;
}

static int open_ring(struct ana_trace_writer *writer, const struct ana_trace_options *options) {
    int rv = ring_text(writer, options);
    if (rv == WEFT_OK) rv = ana__out_prepare(&writer->out);
    if (rv == WEFT_OK) rv = ana__ring_new(options, &writer->ring);
    if (rv == WEFT_OK) rv = ana__block_init(&writer->block, ana__ring_block_size(writer->ring));
    return rv;
}

static int open_file(struct ana_trace_writer *writer, const char *path,
                     const struct ana_trace_options *options) {
    int rv = ana__schema_text(options->head, &writer->text, &writer->text_size);
    if (rv == WEFT_OK) rv = ana__block_init(&writer->block, ANA_BLOCK_SIZE);
    if (rv == WEFT_OK) rv = ana__out_open(&writer->out, path, writer->text, writer->text_size);
    /* Without a thread it is as good, and slower. */
    if (rv == WEFT_OK && !options->alone) (void)ana__pipe_open(&writer->out, &writer->pipe);
    return rv;
}

int ana_trace_create_with(const char *path, const struct ana_trace_options *options,
                          struct ana_trace_writer **out) {
    WEFT_ASSERT((path == NULL) == (options->last > 0));
    struct ana_trace_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return WEFT_ERR_NOMEM;
    writer->kinds = options->kinds != 0 ? options->kinds : WEFT_TRACE_ALL;
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT; kind++) {
        writer->shapes[kind] = ana__shape_of(weft_trace_kind_fields(kind));
        WEFT_ASSERT(writer->shapes[kind].numbers <= WEFT_TRACE_NUMBERS);
    }
    int rv = path == NULL ? open_ring(writer, options) : open_file(writer, path, options);
    if (rv != WEFT_OK) {
        free_writer(writer);
        return rv;
    }
    *out = writer;
    return WEFT_OK;
}

int ana_trace_create(const char *path, const char *head, struct ana_trace_writer **out) {
    return ana_trace_create_with(path, &(struct ana_trace_options){.head = head}, out);
}

/* The block goes to where it belongs, and there is an empty one. */
static void end_block(struct ana_trace_writer *writer) {
    int rv = WEFT_OK;
    weft_time last = writer->block.last;
    if (writer->block.events == 0) return;
    if (writer->ring != NULL) {
        rv = ana__ring_take(writer->ring, &writer->block);
    } else if (writer->pipe != NULL) {
        rv = ana__pipe_take(writer->pipe, &writer->block);
    } else {
        ana__out_block(&writer->out, &writer->block);
        rv = writer->out.error;
        ana__block_clear(&writer->block);
    }
    writer->block.last = last;
    if (rv != WEFT_OK) fail(writer, rv);
}

/* Room for an event that the block does not take. */
static void make_room(struct ana_trace_writer *writer, size_t bytes) {
    size_t need = ANA__RECORD_MAX + bytes;
    if (bytes > ANA_BYTES_MAX) {
        fail(writer, WEFT_ERR_TOO_BIG);
        return;
    }
    end_block(writer);
    if (writer->error != WEFT_OK || writer->block.capacity >= need) return;
    struct ana__block larger;
    int rv = ana__block_init(&larger, need);
    if (rv != WEFT_OK) {
        fail(writer, rv);
        return;
    }
    larger.last = writer->block.last;
    ana__block_deinit(&writer->block);
    writer->block = larger;
}

void ana_trace_write(struct ana_trace_writer *writer, const struct weft_trace_event *event) {
    WEFT_ASSERT(event->kind < WEFT_TRACE_KIND_COUNT);
    if (!(writer->kinds & WEFT_TRACE_BIT(event->kind))) return;
    if (!ana__block_takes(&writer->block, event->bytes.size)) {
        make_room(writer, event->bytes.size);
        if (writer->error != WEFT_OK) return;
    }
    ana__block_add(&writer->block, &writer->shapes[event->kind], event);
}

void ana_trace_show(struct ana_trace_writer *writer) {
    if (writer->ring == NULL) end_block(writer);
}

void ana_trace_flush(struct ana_trace_writer *writer) {
    ana_trace_show(writer);
    int rv = writer->pipe != NULL ? ana__pipe_drain(writer->pipe) : WEFT_OK;
    if (rv != WEFT_OK) fail(writer, rv);
}

int ana_trace_dump(struct ana_trace_writer *writer, const char *path) {
    if (writer->ring == NULL) return WEFT_ERR_INVAL;
    int rv = ana__out_open(&writer->out, path, writer->text, writer->text_size);
    if (rv != WEFT_OK) return rv;
    ana__ring_write(writer->ring, &writer->out);
    ana__out_block(&writer->out, &writer->block);
    return ana__out_close(&writer->out);
}

int ana_trace_close(struct ana_trace_writer *writer) {
    end_block(writer);
    ana__pipe_close(writer->pipe);
    if (writer->ring == NULL) {
        int rv = ana__out_close(&writer->out);
        if (writer->error == WEFT_OK) writer->error = rv;
    }
    int error = writer->error;
    free_writer(writer);
    return error;
}
