/* Lists of the page: bounded by thinning, written as columns. */
#include "analysis/report_internal.h"

#include "core/base/assert.h"

#include <stdlib.h>
#include <string.h>

#define QUANTUM_FIRST WEFT_MS(1)
#define KINDS_MAX 16
#define VARINT_MAX 10 /* bytes of 64 bits, by seven */

void ana__rows_init(struct ana__rows *rows, enum ana__thinning thinning, size_t max) {
    WEFT_ASSERT(max >= 16);
    *rows =
        (struct ana__rows){.thinning = thinning, .max = max, .stride = 1, .kinds_kept = UINT32_MAX};
}

void ana__rows_free(struct ana__rows *rows) {
    free(rows->list);
    rows->list = NULL;
    rows->count = rows->capacity = 0;
}

/* --- thinning --- */

static bool is_kept(const struct ana__rows *rows, const struct ana__row *row) {
    if (rows->thinning == ANA__BY_NODE) {
        return row->node == WEFT_TRACE_NODE_NONE || row->node % rows->stride == 0;
    }
    return rows->thinning != ANA__BY_KIND || row->kind < rows->kinds_kept;
}

static void keep_kept(struct ana__rows *rows) {
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (is_kept(rows, &rows->list[i])) rows->list[count++] = rows->list[i];
    }
    rows->left_out += rows->count - count;
    rows->count = count;
}

static uint32_t greatest_kind(const struct ana__rows *rows) {
    uint32_t greatest = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->list[i].kind > greatest) greatest = rows->list[i].kind;
    }
    return greatest;
}

/* Mark, from the end, the last row of each node and kind in each quantum. */
static size_t keep_last(struct ana__rows *rows, int64_t *seen, uint32_t nodes) {
    size_t to = rows->count;
    for (size_t i = 0; i < (size_t)nodes * KINDS_MAX; i++) seen[i] = -1;
    for (size_t i = rows->count; i-- > 0;) {
        const struct ana__row *row = &rows->list[i];
        int64_t quantum = row->at / rows->quantum;
        int64_t *last = &seen[(size_t)row->node * KINDS_MAX + row->kind % KINDS_MAX];
        if (*last == quantum) continue;
        *last = quantum;
        rows->list[--to] = *row;
    }
    return to;
}

static void thin_by_time(struct ana__rows *rows) {
    uint32_t nodes = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->list[i].node >= nodes) nodes = rows->list[i].node + 1;
    }
    int64_t *seen = malloc((size_t)nodes * KINDS_MAX * sizeof *seen);
    if (seen == NULL) {
        rows->failed = true;
        return;
    }
    size_t before = rows->count;
    if (rows->quantum == 0) rows->quantum = QUANTUM_FIRST;
    for (bool again = true; again;) { /* first as before: of what came since */
        size_t from = keep_last(rows, seen, nodes);
        memmove(rows->list, rows->list + from, (rows->count - from) * sizeof *rows->list);
        rows->count -= from;
        again = rows->count > rows->max / 4 * 3 && rows->quantum < WEFT_HOUR(1000);
        if (again) rows->quantum *= 4;
    }
    rows->left_out += before - rows->count;
    free(seen);
}

static void thin(struct ana__rows *rows) {
    if (rows->thinning == ANA__BY_TIME) {
        thin_by_time(rows);
        return;
    }
    while (rows->count > rows->max / 4 * 3) {
        if (rows->thinning == ANA__BY_NODE && rows->stride < UINT32_MAX / 2) {
            rows->stride *= 2;
        } else if (rows->thinning == ANA__BY_KIND && greatest_kind(rows) > 0) {
            rows->kinds_kept = greatest_kind(rows);
        } else {
            return; /* one node, or one kind: the first ones stay */
        }
        keep_kept(rows);
    }
}

static bool make_room(struct ana__rows *rows) {
    if (rows->count == rows->max) thin(rows);
    if (rows->count == rows->max) return false;
    if (rows->count < rows->capacity) return true;
    size_t larger = rows->capacity * 2 + 1024;
    if (larger > rows->max) larger = rows->max;
    struct ana__row *list = realloc(rows->list, larger * sizeof *list);
    if (list == NULL) {
        rows->failed = true;
        return false;
    }
    rows->list = list;
    rows->capacity = larger;
    return true;
}

void ana__rows_add(struct ana__rows *rows, const struct ana__row *row) {
    if (is_kept(rows, row) && make_room(rows) && is_kept(rows, row)) {
        rows->list[rows->count++] = *row;
    } else {
        rows->left_out++;
    }
}

/* --- columns --- */

enum column { COLUMN_AT, COLUMN_NODE, COLUMN_KIND, COLUMN_A, COLUMN_B, COLUMN_C, COLUMN_TEXT };

static const char *const column_names[] = {"at", "node", "kind", "a", "b", "c", "text"};
#define COLUMNS_COUNT (sizeof column_names / sizeof column_names[0])

static uint64_t value_of(const struct ana__row *row, enum column column) {
    switch (column) {
    case COLUMN_AT:
        return (uint64_t)(row->at / WEFT_US(1));
    case COLUMN_NODE:
        return (uint32_t)(row->node + 1); /* 0: no node */
    case COLUMN_KIND:
        return row->kind;
    case COLUMN_A:
        return row->a;
    case COLUMN_B:
        return row->b;
    case COLUMN_C:
        return row->c;
    case COLUMN_TEXT:
        return row->text;
    }
    return 0;
}

static size_t put_varint(unsigned char *out, uint64_t value) {
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) out[size++] = (unsigned char)(value | 0x80);
    out[size++] = (unsigned char)value;
    return size;
}

/* Varints of the column; 0 bytes when all of it is 0. */
static size_t encode(const struct ana__rows *rows, enum column column, unsigned char *out) {
    uint64_t last = 0, any = 0;
    size_t size = 0;
    for (size_t i = 0; i < rows->count; i++) {
        uint64_t value = value_of(&rows->list[i], column), written = value;
        if (column == COLUMN_AT) {
            written = value > last ? value - last : 0;
            last = value > last ? value : last;
        }
        any |= written;
        size += put_varint(out + size, written);
    }
    return any != 0 ? size : 0;
}

void ana__rows_json(const struct ana__rows *rows, struct ana__text *out) {
    unsigned char *bytes = malloc(rows->count * VARINT_MAX + 1);
    if (bytes == NULL) {
        out->failed = true;
        return;
    }
    ana__text_format(out, "{\"count\":%zu,\"left_out\":%llu,\"stride\":%u,\"quantum_us\":%lld",
                     rows->count, (unsigned long long)rows->left_out, rows->stride,
                     (long long)(rows->quantum / WEFT_US(1)));
    for (unsigned i = 0; i < COLUMNS_COUNT; i++) {
        ana__text_format(out, ",\"%s\":\"", column_names[i]);
        ana__text_base64(out, bytes, encode(rows, (enum column)i, bytes));
        ana__text_put(out, "\"");
    }
    ana__text_put(out, "}");
    free(bytes);
}
