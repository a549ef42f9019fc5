/* Every wrong file of bad/ is refused with exactly the lines beside it.
 *
 * bad/NAME.yaml is read with the options of bad/NAME.sets (one --set a line) when there is one;
 * bad/NAME.txt holds what is told, with names of files as seen from bad/. */
#include "core/base/error.h"
#include "core/base/limits.h"
#include "sim/scenario/plan.h"
#include "tests/harness/harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MIN 60
#define FILES_MAX 1000
#define SETS_MAX 8

struct told {
    char text[65536];
    size_t size;
    const char *folder; /* cut off where a line starts with it */
};

static void on_mistake(void *ctx, const char *line) {
    struct told *told = ctx;
    size_t folder = strlen(told->folder);
    if (strncmp(line, told->folder, folder) == 0) line += folder;
    int used = snprintf(told->text + told->size, sizeof told->text - told->size, "%s\n", line);
    if (used > 0) told->size += (size_t)used;
}

static char *read_all(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    char *text = calloc(1, 65536);
    size_t size = text != NULL ? fread(text, 1, 65535, file) : 0;
    fclose(file);
    if (text != NULL) text[size] = '\0';
    return text;
}

static uint32_t split_lines(char *text, const char **lines) {
    uint32_t count = 0;
    for (char *line = text; line != NULL && *line != '\0' && count < SETS_MAX;) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = '\0';
        lines[count++] = line;
        line = end != NULL ? end + 1 : NULL;
    }
    return count;
}

static void check_file(const char *folder, const char *name) {
    char path[1024];
    const char *lines[SETS_MAX];
    int stem = (int)(strlen(name) - strlen(".yaml"));
    static struct told told;
    told = (struct told){.folder = folder};
    snprintf(path, sizeof path, "%s%.*s.txt", folder, stem, name);
    char *expected = read_all(path);
    snprintf(path, sizeof path, "%s%.*s.sets", folder, stem, name);
    char *options = read_all(path);
    struct sim_plan_sets sets = {.sets = lines,
                                 .count = options != NULL ? split_lines(options, lines) : 0};
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = &told};
    struct sim_plan *plan = NULL;
    snprintf(path, sizeof path, "%s%s", folder, name);
    int rv = sim_plan_read(path, &sets, &report, &plan);
    if (rv != WEFT_ERR_MALFORMED || plan != NULL) fprintf(stderr, "%s is not refused\n", name);
    CHECK_EQ_INT(rv, WEFT_ERR_MALFORMED);
    CHECK(plan == NULL);
    CHECK(expected != NULL);
    CHECK_EQ_TEXT(told.text, expected);
    sim_plan_free(plan);
    free(options);
    free(expected);
}

static void every_wrong_file_is_told_what_is_wrong_and_where(void) {
    char folder[512];
    char names[FILES_MAX][64];
    int count = 0;
    snprintf(folder, sizeof folder, "%s/tests/unit/scenario/bad/", test_source_folder());
    DIR *dir = opendir(folder);
    REQUIRE(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL && count < FILES_MAX;) {
        size_t size = strlen(entry->d_name);
        if (size < 6 || size > 63 || strcmp(entry->d_name + size - 5, ".yaml") != 0) continue;
        memcpy(names[count++], entry->d_name, size + 1);
    }
    closedir(dir);
    CHECK(count >= FILES_MIN);
    for (int i = 0; i < count; i++) check_file(folder, names[i]);
}

static void a_file_that_is_not_there_is_told(void) {
    static struct told told;
    told = (struct told){.folder = ""};
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = &told};
    struct sim_plan *plan = NULL;
    CHECK_EQ_INT(sim_plan_read("/nowhere/at/all.yaml", NULL, &report, &plan), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_TEXT(told.text, "/nowhere/at/all.yaml: there is no such file, expected a scenario\n");
    told = (struct told){.folder = ""};
    CHECK_EQ_INT(sim_plan_read("/", NULL, &report, &plan), WEFT_ERR_IO);
    CHECK_EQ_TEXT(told.text, "/: cannot be read, expected a file\n");
    CHECK(plan == NULL);
}

static void a_text_above_one_mebibyte_is_refused(void) {
    static struct told told;
    told = (struct told){.folder = ""};
    struct sim_plan_report report = {.mistake = on_mistake, .ctx = &told};
    struct sim_plan *plan = NULL;
    size_t size = (1u << 20) + 1;
    unsigned char *text = malloc(size);
    REQUIRE(text != NULL);
    memset(text, '#', size);
    int rv = sim_plan_parse("big.yaml", weft_bytes(text, size), NULL, &report, &plan);
    CHECK_EQ_INT(rv, WEFT_ERR_MALFORMED);
    CHECK_EQ_TEXT(told.text, "big.yaml:1:1: 1048577 bytes, expected at most 1048576\n");
    free(text);
}

static void a_report_nobody_listens_to_is_fine(void) {
    struct sim_plan *plan = NULL;
    struct weft_bytes text = weft_bytes_text("name: x\n");
    CHECK_EQ_INT(sim_plan_parse("x.yaml", text, NULL, NULL, &plan), WEFT_ERR_MALFORMED);
    CHECK(plan == NULL);
}

TEST_MAIN("scenario/mistakes", TEST(every_wrong_file_is_told_what_is_wrong_and_where),
          TEST(a_file_that_is_not_there_is_told), TEST(a_text_above_one_mebibyte_is_refused),
          TEST(a_report_nobody_listens_to_is_fine))
