/* The table of functions says what the debug information says, when that is asked itself. */
#define _GNU_SOURCE
#include "core/posix/spans.h"

#include "tests/harness/harness.h"

#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASKED_MAX 2000 /* addresses of a unit */

static Dwarf *dwarf;
static int fd;

static void open_self(void) {
    fd = open("/proc/self/exe", O_RDONLY);
    REQUIRE(fd >= 0);
    dwarf = dwarf_begin(fd, DWARF_C_READ);
}

static void close_self(void) {
    if (dwarf != NULL) dwarf_end(dwarf);
    close(fd);
}

/* Unit number `index`. False: there are fewer. */
static bool unit_at(size_t index, Dwarf_Die *unit) {
    Dwarf_Off at = 0, next;
    size_t header;
    for (size_t i = 0; dwarf_nextcu(dwarf, at, &next, &header, NULL, NULL, NULL) == 0; i++) {
        if (i == index) return dwarf_offdie(dwarf, at + header, unit) != NULL;
        at = next;
    }
    return false;
}

static size_t add_all(struct weft_posix__spans *spans) {
    Dwarf_Die unit;
    size_t units = 0;
    for (; unit_at(units, &unit); units++) weft_posix__spans_add(spans, &unit, units);
    return units;
}

static const char *by_the_tree(Dwarf_Die *unit, Dwarf_Addr code) {
    Dwarf_Die *scopes = NULL;
    const char *name = NULL;
    int count = dwarf_getscopes(unit, code, &scopes);
    for (int i = 0; i < count && name == NULL; i++) name = weft_posix__scope_name(&scopes[i]);
    free(scopes);
    return name;
}

static bool is_same(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* How many lines of the unit begin in code whose function is known. */
static size_t compare_unit(const struct weft_posix__spans *spans, Dwarf_Die *unit) {
    Dwarf_Lines *lines;
    size_t count, named = 0;
    if (dwarf_getsrclines(unit, &lines, &count) != 0) return 0;
    for (size_t i = 0; i < count && i < ASKED_MAX; i++) {
        Dwarf_Addr code;
        bool end = false;
        Dwarf_Line *line = dwarf_onesrcline(lines, i);
        if (dwarf_lineaddr(line, &code) != 0 || dwarf_lineendsequence(line, &end) != 0) continue;
        if (end) continue;
        const char *wanted = by_the_tree(unit, code);
        CHECK(is_same(weft_posix__spans_find(spans, code), wanted));
        if (wanted != NULL) named++;
    }
    return named;
}

static void each_line_is_of_the_function_that_the_tree_says(void) {
    struct weft_posix__spans spans = {.span = NULL};
    size_t named = 0;
    Dwarf_Die unit;
    open_self();
    if (dwarf != NULL) { /* a build with debug information */
        size_t units = add_all(&spans);
        weft_posix__spans_sort(&spans, units);
        REQUIRE(spans.sorted);
        for (size_t i = 0; i < units; i++)
            if (unit_at(i, &unit)) named += compare_unit(&spans, &unit);
        CHECK(named > 100);
        CHECK(weft_posix__spans_find(&spans, 0) == NULL);
        CHECK(weft_posix__spans_find(&spans, UINT64_MAX) == NULL);
    }
    weft_posix__spans_free(&spans);
    close_self();
}

static void a_table_with_a_gap_is_not_asked(void) {
    struct weft_posix__spans spans = {.span = NULL};
    Dwarf_Die unit;
    open_self();
    if (dwarf != NULL && unit_at(0, &unit)) {
        weft_posix__spans_add(&spans, &unit, 1);
        CHECK_EQ_UINT(spans.count, 0);
        weft_posix__spans_add(&spans, &unit, 0);
        uint32_t count = spans.count;
        weft_posix__spans_add(&spans, &unit, 0);
        CHECK_EQ_UINT(spans.count, count);
        weft_posix__spans_sort(&spans, 2);
        CHECK(!spans.sorted);
        weft_posix__spans_sort(&spans, 1);
        CHECK(spans.sorted);
    }
    weft_posix__spans_free(&spans);
    close_self();
}

TEST_MAIN("posix/spans", TEST(each_line_is_of_the_function_that_the_tree_says),
          TEST(a_table_with_a_gap_is_not_asked))
