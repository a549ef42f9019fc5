#define _POSIX_C_SOURCE 200809L
#include "analysis/csv.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <math.h>
#include <stdlib.h>

static const struct ana_csv_wish any = {NULL, 0, ANA_CSV_TEXT};

/* What `put` writes, as text; to be freed. */
static char *written(void (*put)(struct ana_csv_out *out)) {
    char *text = NULL;
    size_t size = 0;
    struct ana_csv_out out = {open_memstream(&text, &size), false, false};
    put(&out);
    CHECK(!out.failed);
    CHECK_EQ_INT(fclose(out.file), 0);
    return text;
}

static void put_all(struct ana_csv_out *out) {
    ana_csv_word(out, "plain");
    ana_csv_word(out, "with, comma");
    ana_csv_word(out, "with \"quotes\"");
    ana_csv_word(out, "two\nlines");
    ana_csv_word(out, " spaces ");
    ana_csv_empty(out);
    ana_csv_count(out, UINT64_MAX);
    ana_csv_seconds(out, WEFT_MS(1500));
    ana_csv_seconds(out, 1);
    ana_csv_seconds(out, -WEFT_MS(1500));
    ana_csv_seconds(out, WEFT_TIME_NEVER);
    ana_csv_end_row(out);
    ana_csv_number(out, 0.125, 9);
    ana_csv_number(out, -2.0 / 3, 3);
    ana_csv_number(out, (double)NAN, 3);
    ana_csv_number(out, 1e15, 9);
    ana_csv_number(out, -0.0001, 2);
    ana_csv_hex(out, weft_bytes("\x00\xff\x1a", 3));
    ana_csv_end_row(out);
}

static void cells_are_as_rfc_4180_has_them(void) {
    char *text = written(put_all);
    CHECK_EQ_TEXT(text,
                  "plain,\"with, comma\",\"with \"\"quotes\"\"\",\"two\nlines\",\" spaces \",,"
                  "18446744073709551615,1.5,0.000000001,-1.5,\r\n"
                  "0.125,-0.667,,1000000000000000,0,00ff1a\r\n");
    free(text);
}

static struct ana_csv_table *parsed(const char *text, const struct ana_csv_wish *wish) {
    struct ana_csv_table *table = NULL;
    char why[200];
    int rv = ana_csv_parse("t.csv", weft_bytes_text(text), wish, &table, why, sizeof why);
    CHECK_EQ_INT(rv, WEFT_OK);
    CHECK_EQ_TEXT(why, "");
    return table;
}

static void what_is_read_is_what_was_written(void) {
    struct ana_csv_table *table = parsed("a,b\r\n\"x, \"\"y\"\"\n\",\" z \"\r\n,2\r\n", &any);
    REQUIRE(table != NULL);
    CHECK_EQ_UINT(ana_csv_rows(table), 2);
    CHECK_EQ_UINT(ana_csv_columns(table), 2);
    CHECK_EQ_TEXT(ana_csv_name(table, 1), "b");
    CHECK_EQ_TEXT(ana_csv_text_at(table, 0, 0), "x, \"y\"\n");
    CHECK_EQ_TEXT(ana_csv_text_at(table, 0, 1), " z ");
    CHECK_EQ_TEXT(ana_csv_text_at(table, 1, 0), "");
    CHECK_EQ_UINT(ana_csv_find(table, "b"), 1);
    CHECK_EQ_UINT(ana_csv_find(table, "c"), UINT32_MAX);
    ana_csv_free(table);
}

static void columns_have_the_types_that_were_asked_for(void) {
    static const struct ana_csv_column columns[] = {{"n", ANA_CSV_NUMBER, true},
                                                    {"missing", ANA_CSV_NUMBER, false}};
    static const struct ana_csv_wish wish = {columns, 2, ANA_CSV_TEXT};
    struct ana_csv_table *table = parsed("other,n\n7,-0.25\n8,\n9,1e-3", &wish);
    REQUIRE(table != NULL);
    CHECK_EQ_UINT(ana_csv_rows(table), 3);
    CHECK_EQ_INT(ana_csv_type_of(table, 0), ANA_CSV_TEXT);
    CHECK(ana_csv_numbers(table, 1)[0] == -0.25);
    CHECK(isnan(ana_csv_number_at(table, 1, 1)));
    CHECK(ana_csv_number_at(table, 2, 1) == 0.001);
    CHECK_EQ_TEXT(ana_csv_text_at(table, 2, 0), "9");
    CHECK_EQ_UINT(ana_csv_line(table, 1), 3);
    ana_csv_free(table);
}

static void decimals_are_read_without_a_locale(void) {
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},
                {"12", 12},
                {"-7", -7},
                {"+7.5", 7.5},
                {".5", 0.5},
                {"5.", 5},
                {"0.1", 0.1},
                {"1e3", 1000},
                {"2.5E-2", 0.025},
                {"123456.789", 123456.789},
                {"18446744073709551615", 18446744073709551615.0},
                {"100000000000000000000000", 1e23}};
    static const char *const bad[] = {"",   "-",   ".",      "1,5", "1.2.3", "0x10", "nan", "inf",
                                      "1e", "1e+", "1e9999", " 1",  "1 ",    "--1",  "12a"};
    double value;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK(ana_csv_decimal(good[i].text, strlen(good[i].text), &value));
        CHECK(fabs(value - good[i].value) <= 1e-15 * fabs(good[i].value));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(!ana_csv_decimal(bad[i], strlen(bad[i]), &value));
}

static void a_mistake_is_told_with_its_place(void) {
    static const struct ana_csv_column columns[] = {{"n", ANA_CSV_NUMBER, true}};
    static const struct ana_csv_wish wish = {columns, 1, ANA_CSV_TEXT};
    static const struct {
        const char *text, *why;
    } wrong[] = {
        {"", "t.csv:1:1: empty, not even a header"},
        {"a,n\nx,1\ny,2.5x\n", "t.csv:3:3: \"2.5x\" in column \"n\" is no number"},
        {"a,n\n\"two\nlines\",oops\n", "t.csv:3:8: \"oops\" in column \"n\" is no number"},
        {"a,b\n1,2\n", "t.csv:1:1: no column \"n\""},
        {"n,n\n1,2\n", "t.csv:1:3: column \"n\" for the second time"},
        {"n,\n1,2\n", "t.csv:1:3: a column without a name"},
        {"a,n\n1\n", "t.csv:2:1: the row ends after 1 cells, the header has 2"},
        {"n\n1,2\n", "t.csv:2:3: more cells than the header has, which are 1"},
        {"n\n\"1", "t.csv:2:1: no CSV: error parsing data while strict checking enabled"},
        {"n\n1\"2\n", "t.csv:2:1: no CSV: error parsing data while strict checking enabled"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ana_csv_table *table = NULL;
        char why[200];
        int rv =
            ana_csv_parse("t.csv", weft_bytes_text(wrong[i].text), &wish, &table, why, sizeof why);
        CHECK_EQ_INT(rv, WEFT_ERR_MALFORMED);
        CHECK_EQ_TEXT(why, wrong[i].why);
        CHECK(table == NULL);
    }
}

static void too_many_columns_are_refused(void) {
    char text[4 * (ANA_CSV_COLUMNS_MAX + 2)] = "", why[200];
    struct ana_csv_table *table = NULL;
    for (int i = 0; i <= ANA_CSV_COLUMNS_MAX; i++) {
        char name[8];
        snprintf(name, sizeof name, "%sc%x", i > 0 ? "," : "", i);
        strcat(text, name);
    }
    CHECK_EQ_INT(ana_csv_parse("t", weft_bytes_text(text), &any, &table, why, sizeof why),
                 WEFT_ERR_TOO_BIG);
    CHECK(strstr(why, "more than 256 columns") != NULL);
}

static void a_nul_is_no_text(void) {
    struct ana_csv_table *table = NULL;
    char why[200];
    CHECK_EQ_INT(ana_csv_parse("t", weft_bytes("a\nx\0y\n", 6), &any, &table, why, sizeof why),
                 WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(why, "t:2:1: a NUL byte");
}

static void a_file_that_is_not_there_is_told(void) {
    struct ana_csv_table *table = NULL;
    char why[200];
    CHECK_EQ_INT(ana_csv_read("/nowhere/x.csv", &any, &table, why, sizeof why), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(why, "/nowhere/x.csv: no such file");
    CHECK_EQ_INT(ana_csv_read("/tmp", &any, &table, why, sizeof why), WEFT_ERR_IO);
}

static void a_full_disk_is_noticed(void) {
    FILE *file = fopen("/dev/full", "wb");
    REQUIRE(file != NULL);
    struct ana_csv_out out = {file, false, false};
    for (int i = 0; i < 100000 && !out.failed; i++) ana_csv_word(&out, "text, quoted");
    CHECK(out.failed);
    fclose(file);
}

TEST_MAIN("analysis/csv", TEST(cells_are_as_rfc_4180_has_them),
          TEST(what_is_read_is_what_was_written), TEST(columns_have_the_types_that_were_asked_for),
          TEST(decimals_are_read_without_a_locale), TEST(a_mistake_is_told_with_its_place),
          TEST(too_many_columns_are_refused), TEST(a_nul_is_no_text),
          TEST(a_file_that_is_not_there_is_told), TEST(a_full_disk_is_noticed))
