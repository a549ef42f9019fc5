/* docs/scenarios.md tells every key of every section, and no key that is not there. */
#include "sim/scenario/internal.h"
#include "tests/harness/harness.h"

#include <stdio.h>
#include <stdlib.h>

#define DOCS_SIZE 131072

static char *docs;

static bool load(void) {
    char path[512];
    if (docs != NULL) return true;
    snprintf(path, sizeof path, "%s/docs/scenarios.md", test_source_folder());
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    docs = calloc(1, DOCS_SIZE);
    if (docs != NULL) docs[fread(docs, 1, DOCS_SIZE - 1, file)] = '\0';
    fclose(file);
    return docs != NULL;
}

/* The part from "## title" to the next "## ". NULL: none. */
static char *part_of(const char *title) {
    char heading[128];
    snprintf(heading, sizeof heading, "\n## %s\n", title);
    const char *start = strstr(docs, heading);
    if (start == NULL) return NULL;
    start += strlen(heading);
    const char *end = strstr(start, "\n## ");
    size_t size = end != NULL ? (size_t)(end - start) : strlen(start);
    char *part = calloc(1, size + 1);
    if (part != NULL) memcpy(part, start, size);
    return part;
}

/* In the first cell of a row: "| `at`, `for` |". */
static bool has_row(const char *part, const char *key) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "`%s`", key);
    for (const char *row = strstr(part, "| `"); row != NULL; row = strstr(row + 1, "\n| `")) {
        const char *cell = strchr(row, '|');
        const char *end = strchr(cell + 1, '|');
        const char *at = strstr(cell, quoted);
        if (at != NULL && end != NULL && at < end) return true;
    }
    return false;
}

static void every_key_stands_under_its_section(void) {
    REQUIRE(load());
    for (size_t i = 0; sim_plan__section(i) != NULL; i++) {
        const struct sim_plan__section *section = sim_plan__section(i);
        if (section->count == 0) continue; /* a word alone */
        char *part = part_of(section->title);
        if (part == NULL) fprintf(stderr, "no heading '## %s'\n", section->title);
        CHECK(part != NULL);
        for (size_t k = 0; part != NULL && k < section->count; k++) {
            bool told = has_row(part, section->keys[k].name);
            if (!told)
                fprintf(stderr, "no row `%s` in %s\n", section->keys[k].name, section->title);
            CHECK(told);
        }
        free(part);
    }
}

static bool is_key(const struct sim_plan__section *section, const char *name, size_t size) {
    for (size_t k = 0; k < section->count; k++) {
        if (strlen(section->keys[k].name) == size &&
            strncmp(section->keys[k].name, name, size) == 0) {
            return true;
        }
    }
    return false;
}

/* Each word in back quotes of each first cell below the table's head. */
static void check_rows(const struct sim_plan__section *section, const char *part) {
    const char *table = strstr(part, "| key |");
    for (const char *row = table; row != NULL; row = strchr(row + 1, '\n')) {
        if (strncmp(row, "\n| `", 4) != 0) continue;
        const char *end = strchr(row + 3, '|');
        for (const char *at = strchr(row, '`'); at != NULL && at < end;) {
            const char *close = strchr(at + 1, '`');
            if (close == NULL) return;
            bool known = is_key(section, at + 1, (size_t)(close - at - 1));
            if (!known) {
                fprintf(stderr, "%s has no key %.*s\n", section->title, (int)(close - at), at + 1);
            }
            CHECK(known);
            at = strchr(close + 1, '`');
        }
    }
}

static void no_row_tells_of_a_key_that_is_not_there(void) {
    REQUIRE(load());
    for (size_t i = 0; sim_plan__section(i) != NULL; i++) {
        char *part = part_of(sim_plan__section(i)->title);
        if (part != NULL) check_rows(sim_plan__section(i), part);
        free(part);
    }
    free(docs);
    docs = NULL;
}

TEST_MAIN("scenario/docs", TEST(every_key_stands_under_its_section),
          TEST(no_row_tells_of_a_key_that_is_not_there))
