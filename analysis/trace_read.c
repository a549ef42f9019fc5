/* Reading a trace file, by the table it brings along. */
#include "analysis/internal.h"

#include "core/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct file_kind {
    const char *name; /* NULL: the file has no such kind */
    const char *fields;
    enum weft_trace_kind kind; /* this build's; WEFT_TRACE_KIND_COUNT: it has none of that name */
    struct ana__shape shape;
};

struct ana_trace_reader {
    FILE *file;
    char *text; /* head, NUL, table */
    const char *head;
    struct file_kind kinds[ANA_KINDS_MAX];
    weft_time last;
    uint64_t offset;
    unsigned char *bytes;
    size_t bytes_capacity;
};

static enum weft_trace_kind kind_named(const char *name) {
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT; kind++) {
        if (strcmp(weft_trace_kind_name(kind), name) == 0) return (enum weft_trace_kind)kind;
    }
    return WEFT_TRACE_KIND_COUNT;
}

/* Read lines up to an empty one into `out`, which then ends in NUL. Returns the bytes used with the
 * NUL; 0 when the file ends first or the text is too long. */
static size_t read_section(struct ana_trace_reader *reader, char *out, size_t capacity) {
    size_t size = 0;
    bool line_is_empty = true;
    for (int c = getc(reader->file); c != EOF; c = getc(reader->file)) {
        reader->offset++;
        if (c == '\0' || size + 1 >= capacity) return 0;
        if (c == '\n' && line_is_empty) {
            out[size] = '\0';
            return size + 1;
        }
        line_is_empty = c == '\n';
        out[size++] = (char)c;
    }
    return 0;
}

/* "kind name fields", cut into its parts where it stands. */
static bool read_kind(struct ana_trace_reader *reader, char *line) {
    char *end;
    unsigned long number = strtoul(line, &end, 10);
    if (end == line || *end != ' ' || number >= ANA_KINDS_MAX) return false;
    char *name = end + 1, *space = strchr(name, ' ');
    if (space == NULL || space == name || reader->kinds[number].name != NULL) return false;
    *space = '\0';
    struct file_kind *kind = &reader->kinds[number];
    kind->name = name;
    kind->fields = space + 1;
    kind->kind = kind_named(name);
    kind->shape = ana__shape_of(kind->fields);
    return kind->shape.numbers <= WEFT_TRACE_NUMBERS;
}

static bool read_table(struct ana_trace_reader *reader, char *table) {
    while (*table != '\0') {
        char *end = strchr(table, '\n');
        if (end == NULL) return false;
        *end = '\0';
        if (!read_kind(reader, table)) return false;
        table = end + 1;
    }
    return true;
}

static int read_start(struct ana_trace_reader *reader, const char **why) {
    char magic[ANA_TRACE_MAGIC_SIZE];
    bool magic_read = fread(magic, 1, sizeof magic, reader->file) == sizeof magic;
    reader->offset = sizeof magic;
    if (!magic_read || memcmp(magic, ANA_TRACE_MAGIC, sizeof magic) != 0) {
        *why = "not a trace file: it does not begin with " ANA_TRACE_MAGIC;
        return WEFT_ERR_MALFORMED;
    }
    size_t head = read_section(reader, reader->text, ANA_TEXT_MAX);
    reader->head = reader->text;
    size_t table = head == 0 ? 0 : read_section(reader, reader->text + head, ANA_TEXT_MAX - head);
    if (table == 0) {
        *why = "cut short in the head or the table of kinds";
        return WEFT_ERR_MALFORMED;
    }
    if (!read_table(reader, reader->text + head)) {
        *why = "its table of kinds is damaged";
        return WEFT_ERR_MALFORMED;
    }
    return WEFT_OK;
}

int ana_trace_open(const char *path, struct ana_trace_reader **out, const char **why) {
    struct ana_trace_reader *reader = calloc(1, sizeof *reader);
    *why = "out of memory";
    if (reader == NULL) return WEFT_ERR_NOMEM;
    reader->text = malloc(ANA_TEXT_MAX);
    reader->file = fopen(path, "rb");
    int rv = WEFT_OK;
    if (reader->file == NULL) {
        rv = errno == ENOENT ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IO;
        *why = errno == ENOENT ? "no such file" : "cannot be read";
    } else {
        rv = reader->text != NULL ? read_start(reader, why) : WEFT_ERR_NOMEM;
    }
    if (rv != WEFT_OK) {
        ana_trace_free(reader);
        return rv;
    }
    *why = "";
    *out = reader;
    return WEFT_OK;
}

const char *ana_trace_head(const struct ana_trace_reader *reader) { return reader->head; }

/* WEFT_ERR_CLOSED when the file ends before the first byte. */
static int read_varint(struct ana_trace_reader *reader, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        int c = getc(reader->file);
        if (c == EOF) return shift == 0 ? WEFT_ERR_CLOSED : WEFT_ERR_MALFORMED;
        reader->offset++;
        if (shift == 63 && c > 1) return WEFT_ERR_MALFORMED;
        *value |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) return WEFT_OK;
    }
    return WEFT_ERR_MALFORMED;
}

static bool read_bytes(struct ana_trace_reader *reader, struct weft_bytes *out) {
    uint64_t size;
    if (read_varint(reader, &size) != WEFT_OK || size > ANA_BYTES_MAX) return false;
    if (size > reader->bytes_capacity) {
        unsigned char *larger = realloc(reader->bytes, (size_t)size);
        if (larger == NULL) return false;
        reader->bytes = larger;
        reader->bytes_capacity = (size_t)size;
    }
    if (size > 0 && fread(reader->bytes, 1, (size_t)size, reader->file) != size) return false;
    reader->offset += size;
    *out = weft_bytes(size > 0 ? reader->bytes : NULL, (size_t)size);
    return true;
}

static bool read_numbers(struct ana_trace_reader *reader, const struct file_kind *kind,
                         struct weft_trace_event *event) {
    for (unsigned i = 0; i < kind->shape.numbers; i++) {
        uint64_t value;
        if (read_varint(reader, &value) != WEFT_OK) return false;
        bool is_signed = kind->shape.signed_mask & 1u << i;
        event->number[i] = is_signed ? (uint64_t)ana__unzigzag(value) : value;
    }
    return true;
}

static bool read_when_and_who(struct ana_trace_reader *reader, struct weft_trace_event *event) {
    uint64_t later, node;
    if (read_varint(reader, &later) != WEFT_OK || read_varint(reader, &node) != WEFT_OK) {
        return false;
    }
    if (later > (uint64_t)(WEFT_TIME_NEVER - reader->last) || node > UINT32_MAX) return false;
    reader->last += (weft_duration)later;
    event->at = reader->last;
    event->node = (uint32_t)node - 1;
    return true;
}

int ana_trace_next(struct ana_trace_reader *reader, struct ana_trace_record *record) {
    uint64_t number;
    *record = (struct ana_trace_record){.offset = reader->offset};
    int rv = read_varint(reader, &number);
    if (rv != WEFT_OK) return ferror(reader->file) ? WEFT_ERR_MALFORMED : rv;
    if (number >= ANA_KINDS_MAX || reader->kinds[number].name == NULL) return WEFT_ERR_MALFORMED;
    const struct file_kind *kind = &reader->kinds[number];
    record->name = kind->name;
    record->fields = kind->fields;
    record->event.kind = kind->kind;
    bool read = read_when_and_who(reader, &record->event) &&
                read_numbers(reader, kind, &record->event) &&
                read_bytes(reader, &record->event.bytes);
    return read ? WEFT_OK : WEFT_ERR_MALFORMED;
}

void ana_trace_free(struct ana_trace_reader *reader) {
    if (reader == NULL) return;
    if (reader->file != NULL) fclose(reader->file);
    free(reader->text);
    free(reader->bytes);
    free(reader);
}
