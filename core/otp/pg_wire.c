/* The bytes between scopes. */
#include "core/otp/pg_internal.h"

static void put(unsigned char *to, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; i++) to[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

static uint64_t get(const unsigned char *from, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | from[i];
    return value;
}

void weft_otp__pg_write_head(struct pg_writer *writer, enum pg_kind kind, unsigned flags) {
    WEFT_ASSERT(writer->max >= PG_HEAD_SIZE);
    writer->data[0] = PG_WIRE_VERSION;
    writer->data[1] = (unsigned char)kind;
    writer->data[2] = (unsigned char)flags;
    writer->data[3] = 0;
    writer->size = PG_HEAD_SIZE;
    writer->record = 0;
}

bool weft_otp__pg_write_record(struct pg_writer *writer, const char *group) {
    size_t size = strlen(group);
    WEFT_ASSERT(size > 0);
    WEFT_ASSERT(size < WEFT_PG_GROUP_MAX);
    /* With no room for a pid it would be of no use. */
    if (writer->max - writer->size < 2 + size + 4 + 8) return false;
    unsigned char *at = writer->data + writer->size;
    put(at, size, 2);
    memcpy(at + 2, group, size);
    put(at + 2 + size, 0, 4);
    writer->record = writer->size + 2 + size;
    writer->pids_count = 0;
    writer->size = writer->record + 4;
    return true;
}

bool weft_otp__pg_write_pid(struct pg_writer *writer, uint64_t pid) {
    WEFT_ASSERT(writer->record > 0);
    if (writer->max - writer->size < 8) return false;
    put(writer->data + writer->size, pid, 8);
    writer->size += 8;
    put(writer->data + writer->record, ++writer->pids_count, 4);
    return true;
}

bool weft_otp__pg_read_head(struct weft_bytes data, struct pg_reader *reader) {
    if (data.size < PG_HEAD_SIZE || data.data[0] != PG_WIRE_VERSION) return false;
    if (data.data[3] != 0) return false;
    reader->kind = data.data[1];
    reader->flags = data.data[2];
    reader->rest = weft_bytes(data.data + PG_HEAD_SIZE, data.size - PG_HEAD_SIZE);
    return reader->kind >= PG_KIND_DISCOVER && reader->kind <= PG_KIND_LEAVE;
}

bool weft_otp__pg_read_record(struct pg_reader *reader, struct pg_record *record) {
    const unsigned char *at = reader->rest.data;
    size_t left = reader->rest.size;
    if (left < 2) return false;
    size_t size = (size_t)get(at, 2);
    if (size == 0 || size >= WEFT_PG_GROUP_MAX || left < 2 + size + 4) return false;
    if (memchr(at + 2, '\0', size) != NULL) return false;
    uint64_t count = get(at + 2 + size, 4);
    left -= 2 + size + 4;
    if (count > left / 8) return false;
    memcpy(record->group, at + 2, size);
    record->group[size] = '\0';
    record->pids_count = (uint32_t)count;
    record->pids = at + 2 + size + 4;
    reader->rest = weft_bytes(record->pids + count * 8, left - count * 8);
    return true;
}

uint64_t weft_otp__pg_read_pid(const struct pg_record *record, uint32_t index) {
    WEFT_ASSERT(index < record->pids_count);
    return get(record->pids + (size_t)index * 8, 8);
}

bool weft_otp__pg_valid(struct weft_bytes data) {
    struct pg_reader reader;
    struct pg_record record;
    if (!weft_otp__pg_read_head(data, &reader)) return false;
    while (weft_otp__pg_read_record(&reader, &record)) continue;
    return reader.rest.size == 0;
}
