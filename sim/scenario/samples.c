/* Samples: durations that were measured, from a CSV file beside the scenario.
 *
 *     # sessions of a day, in seconds
 *     length,client
 *     12.5,a
 *     3min,b
 *
 * The first cell of each row counts: seconds, or a duration. A first row that is neither is a
 * heading. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#define CSV_SIZE_MAX (16u * 1024 * 1024)
#define SAMPLES_MAX 1000000u
#define MISTAKES_MAX 5

struct table {
    struct sim_plan__reader *reader;
    const char *file;
    struct sim_samples *samples; /* grows; NULL: none yet */
    uint32_t room, row, field, mistakes;
    uint32_t line; /* of the next byte */
};

static void tell(struct table *table, const char *what) {
    struct weft_yaml_place place = {table->line, 1, NULL};
    if (table->mistakes++ < MISTAKES_MAX)
        sim_plan__mistake_in(table->reader, table->file, &place, "%s", what);
}

static bool is_length(const char *text, weft_duration *out) {
    uint64_t seconds;
    if (weft_value_duration(text, out)) return *out <= WEFT_DURATION_MAX;
    if (!weft_value_decimal(text, 9, &seconds) || seconds > (uint64_t)WEFT_DURATION_MAX)
        return false;
    *out = (weft_duration)seconds;
    return true;
}

static bool grow(struct table *table) {
    uint32_t count = table->samples == NULL ? 0 : table->samples->count;
    if (count < table->room) return true;
    uint32_t room = table->room == 0 ? 64 : 2 * table->room;
    struct sim_samples *more =
        realloc(table->samples, sizeof *more + room * sizeof more->sorted[0]);
    if (more == NULL) {
        table->reader->no_memory = true;
        return false;
    }
    more->count = count;
    table->samples = more;
    table->room = room;
    return true;
}

static void on_cell(void *data, size_t size, void *ctx) {
    struct table *table = ctx;
    char text[64] = "";
    weft_duration length;
    if (table->field++ > 0) return;
    if (size < sizeof text && size > 0) memcpy(text, data, size);
    if (!is_length(text, &length)) {
        if (table->row > 0)
            tell(table, "not a length, expected seconds such as 12.5 or a duration such as 3min");
    } else if (table->samples != NULL && table->samples->count == SAMPLES_MAX) {
        tell(table, "more than 1000000 lengths, expected fewer");
    } else if (grow(table)) {
        table->samples->sorted[table->samples->count++] = length;
    }
}

static void on_row(int end, void *ctx) {
    struct table *table = ctx;
    (void)end;
    table->row++;
    table->field = 0;
}

/* Without the lines that are comments. */
static bool feed(struct table *table, struct csv_parser *parser, struct weft_bytes text) {
    bool comment = false, line_start = true;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = text.data[i];
        if (line_start) comment = byte == '#';
        line_start = byte == '\n';
        if (!comment && csv_parse(parser, &byte, 1, on_cell, on_row, table) != 1) return false;
        if (byte == '\n') table->line++;
    }
    return csv_fini(parser, on_cell, on_row, table) == 0;
}

static int by_length(const void *a, const void *b) {
    weft_duration left = *(const weft_duration *)a, right = *(const weft_duration *)b;
    return left < right ? -1 : left > right;
}

static void parse(struct table *table, struct weft_bytes text) {
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        table->reader->no_memory = true;
        return;
    }
    bool is_csv = feed(table, &parser, text);
    if (!is_csv && csv_error(&parser) == CSV_ENOMEM)
        table->reader->no_memory = true;
    else if (!is_csv)
        tell(table, "not CSV, expected cells between commas");
    else if (table->samples == NULL && table->mistakes == 0)
        tell(table, "no length, expected one a line");
    csv_free(&parser);
    if (table->samples == NULL) return;
    qsort(table->samples->sorted, table->samples->count, sizeof(weft_duration), by_length);
}

const struct sim_samples *sim_plan__read_samples(struct sim_plan__reader *reader,
                                                 const struct sim_plan__value *value) {
    char path[SIM_PLAN__FILE_SIZE];
    struct weft_bytes text = {NULL, 0};
    struct sim_plan *plan = reader->plan;
    WEFT_ASSERT(value->node->kind == WEFT_YAML_SCALAR);
    if (plan->samples_count == SIM_SAMPLES_MAX) {
        sim_plan__mistake(reader, value->node, "more than %d files of samples, expected fewer",
                          SIM_SAMPLES_MAX);
        return NULL;
    }
    if (!sim_plan__read_beside(reader, value->node, CSV_SIZE_MAX, path, &text)) return NULL;
    struct table table = {.reader = reader, .file = path, .line = 1};
    parse(&table, text);
    plan->digest = weft_fold_bytes(plan->digest, text.data, text.size);
    free((void *)(uintptr_t)text.data);
    if (table.samples != NULL) plan->samples[plan->samples_count++] = table.samples;
    return table.samples;
}
