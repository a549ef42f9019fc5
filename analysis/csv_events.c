/* Events as CSV: a file for each kind, with its fields as columns. */
#include "analysis/csv_files.h"

#include "analysis/internal.h"

#include "core/base/addr.h"
#include "core/base/error.h"
#include "core/base/id.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE (1 << 16)
#define NAME_MAX_SIZE 64

struct kind_file {
    char name[NAME_MAX_SIZE]; /* of the kind */
    struct ana_csv_out out;
};

struct ana__csv_events {
    const struct ana__folder *folder;
    struct kind_file kinds[ANA_KINDS_MAX];
    uint32_t count;
    uint32_t last; /* the one of the event before: most have a neighbour of their kind */
};

struct ana__csv_events *ana__csv_events_new(const struct ana__folder *folder) {
    struct ana__csv_events *events = calloc(1, sizeof *events);
    if (events != NULL) events->folder = folder;
    return events;
}

static bool is_type(const struct ana__field *field, const char *type) {
    return field->type_size == strlen(type) && memcmp(field->type, type, field->type_size) == 0;
}

/* --- header --- */

static void named(struct ana_csv_out *out, const struct ana__field *field, const char *more) {
    char name[NAME_MAX_SIZE];
    snprintf(name, sizeof name, "%.*s%s", (int)field->name_size, field->name, more);
    ana_csv_word(out, name);
}

static void put_header(struct ana_csv_out *out, const char *fields) {
    struct ana__field field;
    ana_csv_word(out, "time_s");
    ana_csv_word(out, "node");
    while (ana__next_field(&fields, &field)) {
        if (is_type(&field, "packet")) {
            named(out, &field, "_from");
            named(out, &field, "_to");
        }
        named(out, &field, is_type(&field, "t") ? "_s" : "");
    }
    ana_csv_end_row(out);
}

/* --- rows --- */

static void put_number(struct ana_csv_out *out, char type, uint64_t number) {
    char text[32];
    switch (type) {
    case 't':
        ana_csv_seconds(out, number < INT64_MAX ? (int64_t)number : WEFT_TIME_NEVER);
        break;
    case 'e':
        ana_csv_word(out, weft_error_name((int)(int64_t)number));
        break;
    case 'p':
    case 'x':
        snprintf(text, sizeof text, "0x%llx", (unsigned long long)number);
        ana_csv_word(out, text);
        break;
    default:
        ana_csv_count(out, number);
    }
}

static void put_ids(struct ana_csv_out *out, struct weft_bytes bytes) {
    char text[WEFT_ID_TEXT_SIZE];
    weft_id id;
    size_t count = bytes.size / WEFT_ID_SIZE, used = 0;
    char *all = malloc(count * WEFT_ID_TEXT_SIZE + 1);
    if (all == NULL) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy(id.bytes, bytes.data + i * WEFT_ID_SIZE, WEFT_ID_SIZE);
        weft_id_format(&id, text);
        if (i > 0) all[used++] = ' ';
        memcpy(all + used, text, 2 * WEFT_ID_SIZE);
        used += 2 * WEFT_ID_SIZE;
    }
    ana_csv_text(out, weft_bytes(all, used));
    free(all);
}

static void put_addr(struct ana_csv_out *out, struct weft_bytes bytes) {
    struct weft_addr addr;
    char text[WEFT_ADDR_TEXT_SIZE];
    if (bytes.size < sizeof addr) {
        ana_csv_empty(out);
        return;
    }
    memcpy(&addr, bytes.data, sizeof addr);
    ana_csv_word(out, weft_addr_format(&addr, text));
}

static struct weft_bytes behind(struct weft_bytes bytes, size_t size) {
    if (bytes.size <= size) return weft_bytes(NULL, 0);
    return weft_bytes(bytes.data + size, bytes.size - size);
}

static void put_bytes(struct ana_csv_out *out, const struct ana__field *field,
                      struct weft_bytes bytes) {
    if (is_type(field, "text")) {
        ana_csv_text(out, bytes);
    } else if (is_type(field, "ids")) {
        put_ids(out, bytes);
    } else if (is_type(field, "addr")) {
        put_addr(out, bytes);
    } else if (is_type(field, "packet")) {
        put_addr(out, bytes);
        put_addr(out, behind(bytes, sizeof(struct weft_addr)));
        ana_csv_hex(out, behind(bytes, 2 * sizeof(struct weft_addr)));
    } else {
        ana_csv_hex(out, bytes);
    }
}

static void put_row(struct ana_csv_out *out, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    const char *cursor = record->fields;
    struct ana__field field;
    unsigned numbers = 0;
    ana_csv_seconds(out, event->at);
    if (event->node == WEFT_TRACE_NODE_NONE)
        ana_csv_empty(out);
    else
        ana_csv_count(out, event->node);
    while (ana__next_field(&cursor, &field)) {
        if (!ana__is_number(&field))
            put_bytes(out, &field, event->bytes);
        else if (numbers < WEFT_TRACE_NUMBERS)
            put_number(out, field.type[0], event->number[numbers++]);
    }
    ana_csv_end_row(out);
}

/* --- files --- */

/* A name from a file must not lead out of the folder. */
static bool is_name(const char *name) {
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-");
    return size > 0 && name[size] == '\0' && size < NAME_MAX_SIZE && name[0] != '.';
}

static int open_kind(struct ana__csv_events *events, const struct ana_trace_record *record,
                     char why[ANA_WHY_SIZE]) {
    struct kind_file *kind = &events->kinds[events->count];
    char path[NAME_MAX_SIZE + 16];
    if (!is_name(record->name) || events->count == ANA_KINDS_MAX) {
        snprintf(why, ANA_WHY_SIZE, "its table of kinds has a name no file can have: \"%.64s\"",
                 record->name);
        return WEFT_ERR_MALFORMED;
    }
    snprintf(kind->name, sizeof kind->name, "%s", record->name);
    snprintf(path, sizeof path, "events/%s.csv", record->name);
    kind->out.file = ana__folder_file(events->folder, path, why);
    if (kind->out.file == NULL) return WEFT_ERR_IO;
    setvbuf(kind->out.file, NULL, _IOFBF, BUFFER_SIZE);
    put_header(&kind->out, record->fields);
    events->last = events->count++;
    return WEFT_OK;
}

static bool find(struct ana__csv_events *events, const char *name) {
    if (events->count > 0 && strcmp(events->kinds[events->last].name, name) == 0) return true;
    for (uint32_t i = 0; i < events->count; i++) {
        events->last = i;
        if (strcmp(events->kinds[i].name, name) == 0) return true;
    }
    return false;
}

int ana__csv_events_add(struct ana__csv_events *events, const struct ana_trace_record *record,
                        char why[ANA_WHY_SIZE]) {
    if (!find(events, record->name)) {
        int rv = open_kind(events, record, why);
        if (rv != WEFT_OK) return rv;
    }
    struct kind_file *kind = &events->kinds[events->last];
    put_row(&kind->out, record);
    if (!kind->out.failed) return WEFT_OK;
    snprintf(why, ANA_WHY_SIZE, "%.300s/events/%s.csv: cannot be written whole",
             events->folder->wanted, kind->name);
    return WEFT_ERR_IO;
}

int ana__csv_events_end(struct ana__csv_events *events, char why[ANA_WHY_SIZE]) {
    int rv = WEFT_OK;
    for (uint32_t i = 0; i < events->count; i++) {
        struct kind_file *kind = &events->kinds[i];
        if (fclose(kind->out.file) == 0 && !kind->out.failed) continue;
        snprintf(why, ANA_WHY_SIZE, "%.300s/events/%s.csv: cannot be written whole",
                 events->folder->wanted, kind->name);
        rv = WEFT_ERR_IO;
    }
    free(events);
    return rv;
}
