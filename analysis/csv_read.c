/* Reading CSV: libcsv finds the cells, here they get their types and their places. */
#include "analysis/csv.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <csv.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SHOWN 40

struct column {
    char *name;
    enum ana_csv_type type;
    double *numbers; /* NUMBER */
    size_t *texts;   /* TEXT: where in table.text */
};

struct ana_csv_table {
    struct column *columns;
    uint32_t columns_count, columns_room;
    uint32_t rows, rows_room;
    uint32_t *lines; /* by row */
    char *text;      /* all cells of TEXT columns, a NUL behind each */
    size_t text_size, text_room;
};

/* While it is read. */
struct reading {
    struct ana_csv_table *table;
    const struct ana_csv_wish *wish;
    const char *name;
    char *why;
    size_t why_size;
    uint32_t line, byte_column;           /* of the byte at hand, from 1 */
    uint32_t cell_line, cell_byte_column; /* of the cell's first byte */
    bool in_cell;
    uint32_t cell; /* of the row, from 0 */
    bool has_header;
    int rv;
};

__attribute__((format(printf, 3, 4))) static void fail(struct reading *reading, int rv,
                                                       const char *format, ...) {
    if (reading->rv != WEFT_OK) return;
    reading->rv = rv;
    int used = snprintf(reading->why, reading->why_size, "%s:%u:%u: ", reading->name,
                        reading->cell_line, reading->cell_byte_column);
    if (used < 0 || (size_t)used >= reading->why_size) return;
    va_list args;
    va_start(args, format);
    vsnprintf(reading->why + used, reading->why_size - (size_t)used, format, args);
    va_end(args);
}

/* --- decimals --- */

struct decimal {
    uint64_t digits; /* at most 19 of them */
    int exponent;
    bool any;
};

static size_t read_digits(const char *text, size_t size, struct decimal *decimal, bool fraction) {
    size_t at = 0;
    for (; at < size && text[at] >= '0' && text[at] <= '9'; at++) {
        decimal->any = true;
        bool fits = decimal->digits < UINT64_MAX / 10 - 1;
        if (fits) decimal->digits = decimal->digits * 10 + (uint64_t)(text[at] - '0');
        decimal->exponent += fits ? -(int)fraction : (int)!fraction;
    }
    return at;
}

/* "e-3"; false when it is no exponent. */
static bool read_exponent(const char *text, size_t size, int *exponent) {
    bool minus = size > 1 && text[1] == '-';
    size_t at = size > 1 && (text[1] == '-' || text[1] == '+') ? 2 : 1;
    int value = 0;
    if ((text[0] != 'e' && text[0] != 'E') || at >= size || size - at > 3) return false;
    for (; at < size; at++) {
        if (text[at] < '0' || text[at] > '9') return false;
        value = value * 10 + (text[at] - '0');
    }
    *exponent += minus ? -value : value;
    return true;
}

bool ana_csv_decimal(const char *text, size_t size, double *out) {
    struct decimal decimal = {0, 0, false};
    size_t at = size > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    at += read_digits(text + at, size - at, &decimal, false);
    if (at < size && text[at] == '.') /* digits behind it, if there were some before */
        at += 1 + read_digits(text + at + 1, size - at - 1, &decimal, true);
    if (!decimal.any) return false;
    if (at < size && !read_exponent(text + at, size - at, &decimal.exponent)) return false;
    double value = (double)decimal.digits;
    for (; decimal.exponent > 0 && value < 1e300; decimal.exponent--) value *= 10;
    double divisor = 1;
    for (; decimal.exponent < 0 && divisor < 1e300; decimal.exponent++) divisor *= 10;
    *out = (text[0] == '-' ? -value : value) / divisor;
    return true;
}

/* --- columns --- */

static const struct ana_csv_column *wish_for(const struct ana_csv_wish *wish, const char *name) {
    for (uint32_t i = 0; i < wish->count; i++) {
        if (strcmp(wish->columns[i].name, name) == 0) return &wish->columns[i];
    }
    return NULL;
}

static void no_memory(struct reading *reading) {
    if (reading->rv != WEFT_OK) return;
    reading->rv = WEFT_ERR_NOMEM;
    snprintf(reading->why, reading->why_size, "%s: out of memory", reading->name);
}

static void add_column(struct reading *reading, const char *text, size_t size) {
    struct ana_csv_table *table = reading->table;
    char *name = malloc(size + 1);
    if (name == NULL) {
        no_memory(reading);
        return;
    }
    if (size > 0) memcpy(name, text, size);
    name[size] = '\0';
    if (table->columns_count == ANA_CSV_COLUMNS_MAX)
        fail(reading, WEFT_ERR_TOO_BIG, "more than %d columns", ANA_CSV_COLUMNS_MAX);
    else if (size == 0)
        fail(reading, WEFT_ERR_MALFORMED, "a column without a name");
    else if (ana_csv_find(table, name) != UINT32_MAX)
        fail(reading, WEFT_ERR_MALFORMED, "column \"%.*s\" for the second time", NAME_SHOWN, name);
    if (reading->rv != WEFT_OK) {
        free(name);
        return;
    }
    const struct ana_csv_column *wish = wish_for(reading->wish, name);
    table->columns[table->columns_count++] =
        (struct column){.name = name, .type = wish != NULL ? wish->type : reading->wish->others};
}

/* --- cells --- */

static bool make_room(struct ana_csv_table *table) {
    if (table->rows < table->rows_room) return true;
    uint32_t room = table->rows_room == 0 ? 64 : table->rows_room * 2;
    uint32_t *lines = realloc(table->lines, room * sizeof *lines);
    if (lines == NULL) return false;
    table->lines = lines;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        struct column *column = &table->columns[i];
        bool number = column->type == ANA_CSV_NUMBER;
        void *old = number ? (void *)column->numbers : (void *)column->texts;
        void *grown = realloc(old, room * (number ? sizeof(double) : sizeof(size_t)));
        if (grown == NULL) return false;
        if (number)
            column->numbers = grown;
        else
            column->texts = grown;
    }
    table->rows_room = room;
    return true;
}

static bool keep(struct ana_csv_table *table, const char *text, size_t size) {
    if (table->text_size + size + 1 > table->text_room) {
        size_t room = (table->text_size + size + 1) * 2;
        char *grown = realloc(table->text, room);
        if (grown == NULL) return false;
        table->text = grown;
        table->text_room = room;
    }
    if (size > 0) memcpy(table->text + table->text_size, text, size);
    table->text[table->text_size + size] = '\0';
    table->text_size += size + 1;
    return true;
}

static void take_cell(struct reading *reading, const char *text, size_t size) {
    struct ana_csv_table *table = reading->table;
    if (reading->cell >= table->columns_count) {
        fail(reading, WEFT_ERR_MALFORMED, "more cells than the header has, which are %u",
             table->columns_count);
        return;
    }
    if (!make_room(table)) {
        no_memory(reading);
        return;
    }
    struct column *column = &table->columns[reading->cell];
    if (column->type == ANA_CSV_TEXT) {
        column->texts[table->rows] = table->text_size;
        if (!keep(table, text, size)) no_memory(reading);
        return;
    }
    column->numbers[table->rows] = (double)NAN;
    if (size > 0 && !ana_csv_decimal(text, size, &column->numbers[table->rows]))
        fail(reading, WEFT_ERR_MALFORMED, "\"%.*s\" in column \"%.*s\" is no number",
             (int)(size < NAME_SHOWN ? size : NAME_SHOWN), text, NAME_SHOWN, column->name);
}

static void on_cell(void *data, size_t size, void *ctx) {
    struct reading *reading = ctx;
    const char *text = data != NULL ? data : "";
    if (reading->rv == WEFT_OK && size > 0 && memchr(text, '\0', size) != NULL)
        fail(reading, WEFT_ERR_MALFORMED, "a NUL byte");
    if (reading->rv == WEFT_OK) {
        if (reading->has_header)
            take_cell(reading, text, size);
        else
            add_column(reading, text, size);
    }
    reading->cell++;
    reading->in_cell = false;
}

static void check_header(struct reading *reading) {
    for (uint32_t i = 0; i < reading->wish->count; i++) {
        const struct ana_csv_column *wish = &reading->wish->columns[i];
        if (wish->required && ana_csv_find(reading->table, wish->name) == UINT32_MAX)
            fail(reading, WEFT_ERR_MALFORMED, "no column \"%s\"", wish->name);
    }
}

static void on_row(int end, void *ctx) {
    struct reading *reading = ctx;
    struct ana_csv_table *table = reading->table;
    (void)end;
    if (reading->rv != WEFT_OK) return; /* the row may have no place in the table */
    if (!reading->has_header) {
        reading->cell_byte_column = 1;
        check_header(reading);
    } else if (reading->cell < table->columns_count) {
        fail(reading, WEFT_ERR_MALFORMED, "the row ends after %u cells, the header has %u",
             reading->cell, table->columns_count);
    } else {
        table->lines[table->rows++] = reading->line;
    }
    reading->has_header = true;
    reading->cell = 0;
}

/* Byte by byte, so that each cell has a place. */
static bool feed(struct reading *reading, struct csv_parser *parser, struct weft_bytes bytes) {
    for (size_t i = 0; i < bytes.size && reading->rv == WEFT_OK; i++) {
        if (!reading->in_cell) {
            reading->cell_line = reading->line;
            reading->cell_byte_column = reading->byte_column;
            reading->in_cell = true;
        }
        if (csv_parse(parser, bytes.data + i, 1, on_cell, on_row, reading) != 1) return false;
        reading->byte_column++;
        if (bytes.data[i] != '\n') continue;
        reading->line++;
        reading->byte_column = 1;
        if (reading->cell == 0) reading->in_cell = false;
    }
    return reading->rv != WEFT_OK || csv_fini(parser, on_cell, on_row, reading) == 0;
}

static int parse(struct reading *reading, struct weft_bytes bytes) {
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        no_memory(reading);
        return reading->rv;
    }
    if (!feed(reading, &parser, bytes)) {
        if (csv_error(&parser) == CSV_ENOMEM)
            no_memory(reading);
        else
            fail(reading, WEFT_ERR_MALFORMED, "no CSV: %s", csv_strerror(csv_error(&parser)));
    }
    csv_free(&parser);
    if (reading->rv == WEFT_OK && !reading->has_header)
        fail(reading, WEFT_ERR_MALFORMED, "empty, not even a header");
    return reading->rv;
}

int ana_csv_parse(const char *name, struct weft_bytes bytes, const struct ana_csv_wish *wish,
                  struct ana_csv_table **out, char *why, size_t why_size) {
    struct reading reading = {.wish = wish,
                              .name = name,
                              .why = why,
                              .why_size = why_size,
                              .line = 1,
                              .byte_column = 1,
                              .cell_line = 1,
                              .cell_byte_column = 1};
    if (why_size > 0) why[0] = '\0';
    reading.table = calloc(1, sizeof *reading.table);
    if (reading.table != NULL)
        reading.table->columns = calloc(ANA_CSV_COLUMNS_MAX, sizeof(struct column));
    if (reading.table == NULL || reading.table->columns == NULL)
        no_memory(&reading);
    else if (bytes.size > ANA_CSV_SIZE_MAX)
        fail(&reading, WEFT_ERR_TOO_BIG, "more than %u bytes", ANA_CSV_SIZE_MAX);
    else
        parse(&reading, bytes);
    if (reading.rv == WEFT_OK) {
        *out = reading.table;
        return WEFT_OK;
    }
    ana_csv_free(reading.table);
    return reading.rv;
}

/* --- files --- */

static int read_all(FILE *file, unsigned char **data, size_t *size) {
    size_t room = 0;
    for (*size = 0;;) {
        if (*size == room) {
            room = room == 0 ? 1 << 16 : room * 2;
            unsigned char *grown = realloc(*data, room);
            if (grown == NULL) return WEFT_ERR_NOMEM;
            *data = grown;
        }
        size_t got = fread(*data + *size, 1, room - *size, file);
        *size += got;
        if (got == 0) return ferror(file) ? WEFT_ERR_IO : WEFT_OK;
        if (*size > ANA_CSV_SIZE_MAX) return WEFT_OK; /* to be refused */
    }
}

int ana_csv_read(const char *path, const struct ana_csv_wish *wish, struct ana_csv_table **out,
                 char *why, size_t why_size) {
    FILE *file = fopen(path, "rb");
    unsigned char *data = NULL;
    size_t size = 0;
    if (file == NULL) {
        int rv = errno == ENOENT ? WEFT_ERR_NOT_FOUND : WEFT_ERR_IO;
        snprintf(why, why_size, "%s: %s", path,
                 rv == WEFT_ERR_IO ? "cannot be read" : "no such file");
        return rv;
    }
    int rv = read_all(file, &data, &size);
    fclose(file);
    if (rv == WEFT_OK)
        rv = ana_csv_parse(path, weft_bytes(data, size), wish, out, why, why_size);
    else
        snprintf(why, why_size, "%s: %s", path, weft_error_text(rv));
    free(data);
    return rv;
}

void ana_csv_free(struct ana_csv_table *table) {
    if (table == NULL) return;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        free(table->columns[i].name);
        free(table->columns[i].numbers);
        free(table->columns[i].texts);
    }
    free(table->columns);
    free(table->lines);
    free(table->text);
    free(table);
}

/* --- what is there --- */

uint32_t ana_csv_rows(const struct ana_csv_table *table) { return table->rows; }
uint32_t ana_csv_columns(const struct ana_csv_table *table) { return table->columns_count; }

const char *ana_csv_name(const struct ana_csv_table *table, uint32_t column) {
    WEFT_ASSERT(column < table->columns_count);
    return table->columns[column].name;
}

enum ana_csv_type ana_csv_type_of(const struct ana_csv_table *table, uint32_t column) {
    WEFT_ASSERT(column < table->columns_count);
    return table->columns[column].type;
}

uint32_t ana_csv_find(const struct ana_csv_table *table, const char *name) {
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) return i;
    }
    return UINT32_MAX;
}

uint32_t ana_csv_line(const struct ana_csv_table *table, uint32_t row) {
    WEFT_ASSERT(row < table->rows);
    return table->lines[row];
}

double ana_csv_number_at(const struct ana_csv_table *table, uint32_t row, uint32_t column) {
    WEFT_ASSERT(row < table->rows);
    return ana_csv_numbers(table, column)[row];
}

const char *ana_csv_text_at(const struct ana_csv_table *table, uint32_t row, uint32_t column) {
    WEFT_ASSERT(row < table->rows);
    WEFT_ASSERT(ana_csv_type_of(table, column) == ANA_CSV_TEXT);
    return table->text + table->columns[column].texts[row];
}

const double *ana_csv_numbers(const struct ana_csv_table *table, uint32_t column) {
    WEFT_ASSERT(ana_csv_type_of(table, column) == ANA_CSV_NUMBER);
    return table->columns[column].numbers;
}
