/* Writing a trace file. */
#include "analysis/internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE (1 << 20)

struct ana_trace_writer {
    FILE *file;
    weft_time last;
    bool failed;
    struct ana__shape shapes[WEFT_TRACE_KIND_COUNT];
};

static void put(struct ana_trace_writer *writer, const void *data, size_t size) {
    if (size > 0 && fwrite(data, 1, size, writer->file) != size) writer->failed = true;
}

static void put_text(struct ana_trace_writer *writer, const char *text) {
    put(writer, text, strlen(text));
}

static void put_table(struct ana_trace_writer *writer) {
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT; kind++) {
        char line[256];
        const char *fields = weft_trace_kind_fields(kind);
        int size =
            snprintf(line, sizeof line, "%u %s %s\n", kind, weft_trace_kind_name(kind), fields);
        WEFT_ASSERT(size > 0 && (size_t)size < sizeof line);
        put(writer, line, (size_t)size);
        writer->shapes[kind] = ana__shape_of(fields);
    }
    put_text(writer, "\n");
}

int ana_trace_create(const char *path, const char *head, struct ana_trace_writer **out) {
    size_t head_size = strlen(head);
    struct ana_trace_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) return WEFT_ERR_NOMEM;
    writer->file = fopen(path, "wb");
    if (writer->file == NULL) {
        free(writer);
        return WEFT_ERR_IO;
    }
    setvbuf(writer->file, NULL, _IOFBF, BUFFER_SIZE);
    put(writer, ANA_TRACE_MAGIC, ANA_TRACE_MAGIC_SIZE);
    put(writer, head, head_size);
    if (head_size > 0 && head[head_size - 1] != '\n') put_text(writer, "\n");
    put_text(writer, "\n");
    put_table(writer);
    *out = writer;
    return WEFT_OK;
}

void ana_trace_write(struct ana_trace_writer *writer, const struct weft_trace_event *event) {
    unsigned char record[(WEFT_TRACE_NUMBERS + 4) * ANA_VARINT_MAX];
    WEFT_ASSERT(event->kind < WEFT_TRACE_KIND_COUNT);
    WEFT_ASSERT(event->at >= writer->last);
    struct ana__shape shape = writer->shapes[event->kind];
    size_t size = ana__varint_write(record, event->kind);
    size += ana__varint_write(record + size, (uint64_t)(event->at - writer->last));
    size += ana__varint_write(record + size, (uint32_t)(event->node + 1));
    for (unsigned i = 0; i < shape.numbers; i++) {
        uint64_t number = event->number[i];
        if (shape.signed_mask & 1u << i) number = ana__zigzag((int64_t)number);
        size += ana__varint_write(record + size, number);
    }
    size += ana__varint_write(record + size, event->bytes.size);
    put(writer, record, size);
    put(writer, event->bytes.data, event->bytes.size);
    writer->last = event->at;
}

int ana_trace_close(struct ana_trace_writer *writer) {
    bool failed = fclose(writer->file) != 0 || writer->failed;
    free(writer);
    return failed ? WEFT_ERR_IO : WEFT_OK;
}
