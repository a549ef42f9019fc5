#include "analysis/growth.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>

static struct ana_growth growth;

static int parse(const char *text) {
    ana_growth_deinit(&growth);
    return ana_growth_parse("rows.csv", weft_bytes_text(text), &growth);
}

static void columns_are_found_by_their_names(void) {
    REQUIRE(parse("bytes,hash,wall_s,events,nodes,scenario,build\n"
                  "4096,ab,0.5,1000,7,join,weft 0.1.0 (abc)\n") == WEFT_OK);
    CHECK_EQ_UINT(growth.count, 1);
    CHECK_EQ_UINT(growth.rows[0].nodes, 7);
    CHECK_EQ_UINT(growth.rows[0].events, 1000);
    CHECK_EQ_UINT(growth.rows[0].bytes, 4096);
    CHECK(growth.rows[0].wall_s == 0.5);
    CHECK_EQ_TEXT(growth.rows[0].scenario, "join");
    CHECK_EQ_TEXT(growth.rows[0].build, "weft 0.1.0 (abc)");
}

static void scenario_and_build_may_be_left_out(void) {
    REQUIRE(parse("nodes,events,wall_s,bytes\r\n1,2,3,4\r\n") == WEFT_OK);
    CHECK_EQ_TEXT(growth.rows[0].scenario, "");
    CHECK_EQ_TEXT(growth.rows[0].build, "");
}

static void rows_stand_by_scenario_then_by_nodes(void) {
    REQUIRE(parse("scenario,nodes,events,wall_s,bytes\n"
                  "b,10,1,1,1\na,1000,1,1,1\nb,1,1,1,1\na,2,1,1,1\n") == WEFT_OK);
    CHECK_EQ_UINT(growth.count, 4);
    CHECK_EQ_UINT(growth.rows[0].nodes, 2);
    CHECK_EQ_UINT(growth.rows[1].nodes, 1000);
    CHECK_EQ_UINT(growth.rows[2].nodes, 1);
    CHECK_EQ_UINT(growth.rows[3].nodes, 10);
}

static void cells_may_be_quoted(void) {
    REQUIRE(parse("scenario,nodes,events,wall_s,bytes\n\"a, \"\"b\"\"\",\"10\",1,1,1\n") ==
            WEFT_OK);
    CHECK_EQ_TEXT(growth.rows[0].scenario, "a, \"b\"");
}

static void a_text_that_is_too_long_is_cut(void) {
    char text[512];
    snprintf(text, sizeof text, "scenario,nodes,events,wall_s,bytes\n%0200d,10,1,1,1\n", 7);
    REQUIRE(parse(text) == WEFT_OK);
    CHECK_EQ_UINT(strlen(growth.rows[0].scenario), ANA_GROWTH_TEXT_SIZE - 1);
}

static void every_mistake_is_told_with_its_line(void) {
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "rows.csv:1: no rows of a benchmark"},
        {"nodes,events,wall_s,bytes\n", "rows.csv:2: no rows of a benchmark"},
        {"nodes,events,wall_s\n1,2,3\n", "rows.csv:1: no column \"bytes\" in its header"},
        {"nodes,events,wall_s,bytes\n1,2,3,4\n0,2,3,4\n",
         "rows.csv:3: nodes is a number above 0, not 0"},
        {"nodes,events,wall_s,bytes\n-1,2,3,4\n", "rows.csv:2: nodes is a number above 0, not -1"},
        {"nodes,events,wall_s,bytes\n1,2x,3,4\n", "rows.csv:2: events is a number above 0, not 2x"},
        {"nodes,events,wall_s,bytes\n1,2,nan,4\n",
         "rows.csv:2: wall_s is a number above 0, not nan"},
        {"nodes,events,wall_s,bytes\n1,2,inf,4\n",
         "rows.csv:2: wall_s is a number above 0, not inf"},
        {"nodes,events,wall_s,bytes\n1,2,3,18446744073709551616\n",
         "rows.csv:2: bytes is a number above 0, not 18446744073709551616"},
        {"nodes,events,wall_s,bytes\n1,2,3\n", "rows.csv:2: not as many cells as its header"},
        {"nodes,events,wall_s,bytes\n1,2,3,4,5\n", "rows.csv:2: not as many cells as its header"},
        {"nodes,events,wall_s,bytes\n\"1\"x,2,3,4\n",
         "rows.csv:2: a quote that does not belong there"},
        {"nodes,events,wall_s,bytes\n\"1,2,3,4\n",
         "rows.csv:3: a quote that does not belong there"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_EQ_INT(parse(cases[i].text), WEFT_ERR_MALFORMED);
        CHECK_EQ_TEXT(growth.why, cases[i].why);
        CHECK_EQ_UINT(growth.count, 0);
        CHECK(growth.rows == NULL);
    }
}

static void too_many_rows_are_refused(void) {
    char *text = NULL;
    size_t used = 0, size = 64 + 8 * (ANA_GROWTH_ROWS_MAX + 1);
    text = malloc(size);
    REQUIRE(text != NULL);
    used += (size_t)snprintf(text, size, "nodes,events,wall_s,bytes\n");
    for (unsigned i = 0; i <= ANA_GROWTH_ROWS_MAX; i++) {
        used += (size_t)snprintf(text + used, size - used, "1,2,3,4\n");
    }
    CHECK_EQ_INT(parse(text), WEFT_ERR_TOO_BIG);
    CHECK_EQ_TEXT(growth.why, "rows.csv:4098: more than 4096 rows");
    text[used - 8] = '\0';
    CHECK_EQ_INT(parse(text), WEFT_OK);
    CHECK_EQ_UINT(growth.count, ANA_GROWTH_ROWS_MAX);
    free(text);
}

static void more_columns_than_there_can_be_are_refused(void) {
    char text[256] = "nodes";
    for (unsigned i = 0; i < 64; i++) strcat(text, ",x");
    strcat(text, "\n");
    CHECK_EQ_INT(parse(text), WEFT_ERR_TOO_BIG);
    CHECK_EQ_TEXT(growth.why, "rows.csv:1: more than 64 columns");
}

static void a_file_that_cannot_be_read_is_named(void) {
    ana_growth_deinit(&growth);
    CHECK_EQ_INT(ana_growth_read("/nowhere/rows.csv", &growth), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(growth.why, "/nowhere/rows.csv: No such file or directory");
    CHECK_EQ_INT(ana_growth_read("/", &growth), WEFT_ERR_IO);
    CHECK_EQ_UINT(growth.count, 0);
    ana_growth_deinit(&growth);
}

TEST_MAIN("analysis/growth", TEST(columns_are_found_by_their_names),
          TEST(scenario_and_build_may_be_left_out), TEST(rows_stand_by_scenario_then_by_nodes),
          TEST(cells_may_be_quoted), TEST(a_text_that_is_too_long_is_cut),
          TEST(every_mistake_is_told_with_its_line), TEST(too_many_rows_are_refused),
          TEST(more_columns_than_there_can_be_are_refused),
          TEST(a_file_that_cannot_be_read_is_named))
