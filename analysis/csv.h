/* CSV as RFC 4180 has it: a header, commas, CRLF, quotes where they are needed. Numbers are written
 * and read the same in every locale: a point, no grouping.
 *
 * Writing: cells one after the other, then the row's end. Errors are kept in `failed`.
 * Reading: a whole file becomes a table whose columns are typed by what the reader asks for. What
 * is wrong is told with its place, "FILE:LINE:COLUMN: ...". */
#ifndef ANALYSIS_CSV_H
#define ANALYSIS_CSV_H

#include "core/base/bytes.h"
#include "core/base/time.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* --- writing --- */

struct ana_csv_out {
    FILE *file;
    bool failed;
    bool begun; /* the row has a cell */
};

void ana_csv_text(struct ana_csv_out *out, struct weft_bytes text);
void ana_csv_word(struct ana_csv_out *out, const char *text);
void ana_csv_count(struct ana_csv_out *out, uint64_t number);
/* Nanoseconds as seconds: "1.5", "0.000000001". WEFT_TIME_NEVER: an empty cell. */
void ana_csv_seconds(struct ana_csv_out *out, int64_t ns);
/* With at most `digits` (0 to 9) behind the point, rounded; NAN: an empty cell. */
void ana_csv_number(struct ana_csv_out *out, double number, unsigned digits);
void ana_csv_hex(struct ana_csv_out *out, struct weft_bytes bytes);
void ana_csv_empty(struct ana_csv_out *out);
void ana_csv_end_row(struct ana_csv_out *out);

/* --- reading --- */

#define ANA_CSV_COLUMNS_MAX 256
#define ANA_CSV_SIZE_MAX (256u * 1024 * 1024) /* of a file */

enum ana_csv_type {
    ANA_CSV_TEXT,
    ANA_CSV_NUMBER /* a decimal, "12", "-0.25" or "1e-3"; an empty cell is NAN */
};

/* What a reader wants to know of a column. */
struct ana_csv_column {
    const char *name;
    enum ana_csv_type type;
    bool required;
};

struct ana_csv_wish {
    const struct ana_csv_column *columns;
    uint32_t count;
    enum ana_csv_type others; /* how columns that are not named are read */
};

struct ana_csv_table;

/* Read `path`. On an error `why` gets one line.
 *   WEFT_ERR_NOT_FOUND, WEFT_ERR_IO, WEFT_ERR_NOMEM
 *   WEFT_ERR_TOO_BIG    the file, or the number of its columns
 *   WEFT_ERR_MALFORMED  it is no CSV, a row is longer or shorter than the header, a name is there
 *                       twice, a required column is missing, a cell is no number */
int ana_csv_read(const char *path, const struct ana_csv_wish *wish, struct ana_csv_table **out,
                 char *why, size_t why_size);
/* The same of bytes; `name` is what errors call them. */
int ana_csv_parse(const char *name, struct weft_bytes bytes, const struct ana_csv_wish *wish,
                  struct ana_csv_table **out, char *why, size_t why_size);
void ana_csv_free(struct ana_csv_table *table);

uint32_t ana_csv_rows(const struct ana_csv_table *table); /* without the header */
uint32_t ana_csv_columns(const struct ana_csv_table *table);
const char *ana_csv_name(const struct ana_csv_table *table, uint32_t column);
enum ana_csv_type ana_csv_type_of(const struct ana_csv_table *table, uint32_t column);
/* UINT32_MAX: there is none of that name. */
uint32_t ana_csv_find(const struct ana_csv_table *table, const char *name);
/* A row's cell of a column of that type; texts may hold what RFC 4180 lets in, but no NUL. */
double ana_csv_number_at(const struct ana_csv_table *table, uint32_t row, uint32_t column);
const char *ana_csv_text_at(const struct ana_csv_table *table, uint32_t row, uint32_t column);
/* The line of the file that the row ends on. */
uint32_t ana_csv_line(const struct ana_csv_table *table, uint32_t row);
/* All numbers of a column, ana_csv_rows of them. */
const double *ana_csv_numbers(const struct ana_csv_table *table, uint32_t column);

/* A decimal as above, all of it. False: it is none. */
bool ana_csv_decimal(const char *text, size_t size, double *out);

#endif
