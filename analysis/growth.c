/* Growth: rows of a benchmark, from CSV. */
#include "analysis/growth.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <csv.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX (16u * 1024 * 1024)
#define FIELDS_MAX 64

enum column { SCENARIO = 0, NODES, EVENTS, WALL, BYTES, BUILD, COLUMNS, OTHER };

static const struct {
    const char *name;
    bool needed;
} columns[COLUMNS] = {
    [SCENARIO] = {"scenario", false}, [NODES] = {"nodes", true}, [EVENTS] = {"events", true},
    [WALL] = {"wall_s", true},        [BYTES] = {"bytes", true}, [BUILD] = {"build", false},
};

struct table {
    const char *name;
    struct ana_growth *growth;
    struct ana_growth_row row; /* being read */
    enum column column_of[FIELDS_MAX];
    unsigned fields, field; /* of the header; of the row being read */
    size_t line, room;
    bool header; /* it has been read */
    int error;
};

/* The first mistake is the one that is told. */
static void fail(struct table *table, int error, const char *what, const char *text) {
    if (table->error != WEFT_OK) return;
    table->error = error;
    snprintf(table->growth->why, sizeof table->growth->why, "%s:%zu: %s%s%s", table->name,
             table->line, what, text != NULL ? ", not " : "", text != NULL ? text : "");
}

static void on_name(struct table *table, const char *name) {
    enum column column = 0;
    if (table->field == FIELDS_MAX) {
        fail(table, WEFT_ERR_TOO_BIG, "more than 64 columns", NULL);
        return;
    }
    while (column < COLUMNS && strcmp(name, columns[column].name) != 0) column++;
    table->column_of[table->field] = column == COLUMNS ? OTHER : column;
}

static bool is_count(const char *text, uint64_t *out) {
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out > 0;
}

static bool is_seconds(const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return strspn(text, "0123456789.") > 0 && *end == '\0' && *out > 0 && *out < 1e12;
}

/* What is too long is cut: it is shown, and nothing else. */
static void copy_text(char out[ANA_GROWTH_TEXT_SIZE], const char *text) {
    size_t size = strlen(text);
    if (size >= ANA_GROWTH_TEXT_SIZE) size = ANA_GROWTH_TEXT_SIZE - 1;
    memcpy(out, text, size);
    out[size] = '\0';
}

static void on_value(struct table *table, const char *text) {
    struct ana_growth_row *row = &table->row;
    bool good = true;
    switch (table->field < table->fields ? table->column_of[table->field] : OTHER) {
    case SCENARIO:
        copy_text(row->scenario, text);
        break;
    case BUILD:
        copy_text(row->build, text);
        break;
    case NODES:
        good = is_count(text, &row->nodes);
        break;
    case EVENTS:
        good = is_count(text, &row->events);
        break;
    case BYTES:
        good = is_count(text, &row->bytes);
        break;
    case WALL:
        good = is_seconds(text, &row->wall_s);
        break;
    case COLUMNS:
    case OTHER:
        break;
    }
    if (!good) {
        char what[64];
        snprintf(what, sizeof what, "%s is a number above 0",
                 columns[table->column_of[table->field]].name);
        fail(table, WEFT_ERR_MALFORMED, what, text);
    }
}

/* Cells come with their size; a 0 within one would cut it. */
static void on_cell(void *data, size_t size, void *ctx) {
    struct table *table = ctx;
    char text[128] = "";
    size_t kept = size < sizeof text - 1 ? size : sizeof text - 1;
    if (kept > 0) memcpy(text, data, kept);
    for (size_t i = 0; i < kept; i++) {
        if ((unsigned char)text[i] < 0x20) text[i] = ' ';
    }
    if (table->header) {
        on_value(table, text);
    } else {
        on_name(table, text);
    }
    table->field++;
}

static void end_header(struct table *table) {
    table->fields = table->field;
    table->header = true;
    for (enum column column = 0; column < COLUMNS; column++) {
        bool found = false;
        for (unsigned i = 0; i < table->fields && i < FIELDS_MAX; i++) {
            found = found || table->column_of[i] == column;
        }
        if (found || !columns[column].needed) continue;
        char what[64];
        snprintf(what, sizeof what, "no column \"%s\" in its header", columns[column].name);
        fail(table, WEFT_ERR_MALFORMED, what, NULL);
    }
}

static void end_row(struct table *table) {
    struct ana_growth *growth = table->growth;
    if (table->field != table->fields) {
        fail(table, WEFT_ERR_MALFORMED, "not as many cells as its header", NULL);
    } else if (growth->count == ANA_GROWTH_ROWS_MAX) {
        fail(table, WEFT_ERR_TOO_BIG, "more than 4096 rows", NULL);
    }
    if (table->error != WEFT_OK) return;
    if (growth->count == table->room) {
        size_t room = table->room == 0 ? 32 : 2 * table->room;
        struct ana_growth_row *rows = realloc(growth->rows, room * sizeof *rows);
        if (rows == NULL) {
            fail(table, WEFT_ERR_NOMEM, "out of memory", NULL);
            return;
        }
        growth->rows = rows;
        table->room = room;
    }
    growth->rows[growth->count++] = table->row;
}

static void on_row(int end, void *ctx) {
    struct table *table = ctx;
    (void)end;
    if (!table->header) {
        end_header(table);
    } else {
        end_row(table);
    }
    table->field = 0;
    memset(&table->row, 0, sizeof table->row);
}

/* Byte by byte, so that a mistake has its line. */
static bool feed(struct table *table, struct csv_parser *parser, struct weft_bytes text) {
    for (size_t i = 0; i < text.size && table->error == WEFT_OK; i++) {
        if (csv_parse(parser, &text.data[i], 1, on_cell, on_row, table) != 1) return false;
        if (text.data[i] == '\n') table->line++;
    }
    return table->error != WEFT_OK || csv_fini(parser, on_cell, on_row, table) == 0;
}

static int by_curve(const void *a, const void *b) {
    const struct ana_growth_row *left = a, *right = b;
    int order = strcmp(left->scenario, right->scenario);
    if (order != 0) return order;
    return left->nodes < right->nodes ? -1 : left->nodes > right->nodes;
}

int ana_growth_parse(const char *name, struct weft_bytes text, struct ana_growth *out) {
    struct table table = {.name = name, .growth = out, .line = 1};
    struct csv_parser parser;
    memset(out, 0, sizeof *out);
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) return WEFT_ERR_NOMEM;
    if (!feed(&table, &parser, text)) {
        bool full = csv_error(&parser) == CSV_ENOMEM;
        fail(&table, full ? WEFT_ERR_NOMEM : WEFT_ERR_MALFORMED,
             full ? "out of memory" : "a quote that does not belong there", NULL);
    }
    csv_free(&parser);
    if (out->count == 0) fail(&table, WEFT_ERR_MALFORMED, "no rows of a benchmark", NULL);
    if (table.error != WEFT_OK) {
        ana_growth_deinit(out);
        return table.error;
    }
    qsort(out->rows, out->count, sizeof *out->rows, by_curve);
    return WEFT_OK;
}

/* All of the file, to be freed. */
static int read_all(FILE *file, struct weft_bytes *out) {
    unsigned char *data = malloc(FILE_SIZE_MAX + 1);
    if (data == NULL) return WEFT_ERR_NOMEM;
    size_t size = fread(data, 1, FILE_SIZE_MAX + 1, file);
    int rv = ferror(file) ? WEFT_ERR_IO : size > FILE_SIZE_MAX ? WEFT_ERR_TOO_BIG : WEFT_OK;
    if (rv != WEFT_OK) {
        free(data);
        return rv;
    }
    *out = (struct weft_bytes){data, size};
    return WEFT_OK;
}

int ana_growth_read(const char *path, struct ana_growth *out) {
    struct weft_bytes text;
    memset(out, 0, sizeof *out);
    FILE *file = fopen(path, "rb");
    int rv = file != NULL      ? read_all(file, &text)
             : errno == ENOENT ? WEFT_ERR_NOT_FOUND
                               : WEFT_ERR_IO;
    if (rv != WEFT_OK) {
        snprintf(out->why, sizeof out->why, "%s: %s", path,
                 file == NULL ? strerror(errno) : weft_error_text(rv));
    } else {
        rv = ana_growth_parse(path, text, out);
        free((void *)(uintptr_t)text.data);
    }
    if (file != NULL) fclose(file);
    return rv;
}

void ana_growth_deinit(struct ana_growth *growth) {
    free(growth->rows);
    growth->rows = NULL;
    growth->count = 0;
}
