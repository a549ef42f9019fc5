/* CSV: what is read, written again, is read the same; a mistake is told with its place. */
#define _POSIX_C_SOURCE 200809L
#include "analysis/csv.h"
#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ana_csv_column columns[] = {{"n", ANA_CSV_NUMBER, false},
                                                {"text", ANA_CSV_TEXT, false}};

static void check_place(const char *why) {
    WEFT_ASSERT(strncmp(why, "f.csv:", 6) == 0);
    char *end;
    WEFT_ASSERT(strtoul(why + 6, &end, 10) > 0);
    WEFT_ASSERT(*end == ':');
    WEFT_ASSERT(strtoul(end + 1, &end, 10) > 0);
    WEFT_ASSERT(*end == ':');
}

static void write_cell(struct ana_csv_out *out, const struct ana_csv_table *table, uint32_t row,
                       uint32_t column) {
    if (ana_csv_type_of(table, column) == ANA_CSV_TEXT)
        ana_csv_word(out, ana_csv_text_at(table, row, column));
    else
        ana_csv_number(out, ana_csv_number_at(table, row, column), 9);
}

/* A row of one empty cell is no row: an empty line. */
static bool is_blank(const struct ana_csv_table *table, uint32_t row) {
    if (ana_csv_columns(table) > 1) return false;
    if (ana_csv_type_of(table, 0) == ANA_CSV_TEXT) return *ana_csv_text_at(table, row, 0) == '\0';
    return !isfinite(ana_csv_number_at(table, row, 0));
}

static char *written(const struct ana_csv_table *table, size_t *size, uint32_t *blank) {
    char *text = NULL;
    struct ana_csv_out out = {open_memstream(&text, size), false, false};
    WEFT_ASSERT(out.file != NULL);
    for (uint32_t i = 0; i < ana_csv_columns(table); i++)
        ana_csv_word(&out, ana_csv_name(table, i));
    ana_csv_end_row(&out);
    for (uint32_t row = 0; row < ana_csv_rows(table); row++) {
        *blank += is_blank(table, row);
        for (uint32_t i = 0; i < ana_csv_columns(table); i++) write_cell(&out, table, row, i);
        ana_csv_end_row(&out);
    }
    fclose(out.file);
    WEFT_ASSERT(!out.failed);
    return text;
}

static void check_same(const struct ana_csv_table *a, const struct ana_csv_table *b) {
    for (uint32_t i = 0; i < ana_csv_columns(a); i++) {
        WEFT_ASSERT(strcmp(ana_csv_name(a, i), ana_csv_name(b, i)) == 0);
        for (uint32_t row = 0; row < ana_csv_rows(a); row++) {
            if (ana_csv_type_of(a, i) == ANA_CSV_TEXT) {
                WEFT_ASSERT(strcmp(ana_csv_text_at(a, row, i), ana_csv_text_at(b, row, i)) == 0);
                continue;
            }
            double left = ana_csv_number_at(a, row, i), right = ana_csv_number_at(b, row, i);
            bool small = fabs(left) < 1e15;
            WEFT_ASSERT(!small || fabs(left - right) <= 1e-9 + 1e-12 * fabs(left));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct ana_csv_wish wish = {columns, 2, ANA_CSV_TEXT};
    struct ana_csv_table *table, *again;
    char why[256];
    uint32_t blank = 0;
    size_t text_size;
    if (ana_csv_parse("f.csv", weft_bytes(data, size), &wish, &table, why, sizeof why) != WEFT_OK) {
        check_place(why);
        return 0;
    }
    char *text = written(table, &text_size, &blank);
    int rv = ana_csv_parse("f.csv", weft_bytes(text, text_size), &wish, &again, why, sizeof why);
    WEFT_ASSERT(rv == WEFT_OK);
    WEFT_ASSERT(ana_csv_columns(again) == ana_csv_columns(table));
    WEFT_ASSERT(ana_csv_rows(again) + blank == ana_csv_rows(table));
    if (blank == 0) check_same(table, again);
    ana_csv_free(again);
    ana_csv_free(table);
    free(text);
    return 0;
}
