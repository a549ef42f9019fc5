/* Region matrices: CSV files of round-trip times in milliseconds.
 *
 *     # where the numbers are from
 *     from\to,Dallas,Toronto
 *     Dallas,,34
 *     Toronto,34,
 *
 * The delay one way is half of it. A region's cell with itself is empty: the scenario's `within`
 * says it. Through libcsv, byte by byte, so that every cell's place is known. */
#include "sim/scenario/internal.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSV_SIZE_MAX (64u * 1024)
#define RTT_MAX WEFT_S(60)

struct matrix {
    struct sim_plan__reader *reader;
    const char *file;
    struct sim_regions *regions;
    uint32_t row, field;             /* 0: the names */
    struct weft_yaml_place at, cell; /* of the next byte; of the cell being read */
    bool cell_ended;
};

static void tell(struct matrix *matrix, const char *what) {
    sim_plan__mistake_in(matrix->reader, matrix->file, &matrix->cell, "%s", what);
}

static bool is_known(const struct sim_regions *regions, const char *name) {
    for (uint32_t i = 0; i < regions->count; i++) {
        if (strcmp(regions->name[i], name) == 0) return true;
    }
    return false;
}

static void read_name(struct matrix *matrix, const char *text) {
    struct sim_regions *regions = matrix->regions;
    if (matrix->field == 0) return; /* the corner says nothing */
    if (regions->count >= SIM_REGIONS_MAX) {
        if (matrix->field == SIM_REGIONS_MAX + 1) tell(matrix, "region 65, expected at most 64");
    } else if (text[0] == '\0' || strlen(text) >= SIM_REGION_NAME_MAX) {
        tell(matrix, "not a name, expected a region's of up to 31 bytes");
    } else if (is_known(regions, text)) {
        tell(matrix, "a region twice, expected each once");
    } else {
        memcpy(regions->name[regions->count++], text, strlen(text) + 1);
    }
}

static void read_delay(struct matrix *matrix, const char *text) {
    struct sim_regions *regions = matrix->regions;
    uint32_t from = matrix->row - 1, to = matrix->field - 1;
    uint64_t rtt;
    if (from == to) {
        if (text[0] != '\0') tell(matrix, "a region's delay to itself, expected an empty cell");
        return;
    }
    if (!weft_value_decimal(text, 6, &rtt) || rtt > (uint64_t)RTT_MAX) {
        tell(matrix, "not a round-trip time, expected milliseconds from 0 to 60000");
        return;
    }
    regions->delay[from][to] = (weft_duration)(rtt / 2);
}

static void on_cell(void *data, size_t size, void *ctx) {
    struct matrix *matrix = ctx;
    const struct sim_regions *regions = matrix->regions;
    char text[64] = "";
    if (size >= sizeof text || (size > 0 && memchr(data, '\0', size) != NULL)) {
        tell(matrix, "not a cell, expected a name or a number");
    } else {
        if (size > 0) memcpy(text, data, size);
        bool inside = matrix->row <= regions->count && matrix->field <= regions->count;
        if (matrix->row == 0) {
            read_name(matrix, text);
        } else if (!inside) {
            tell(matrix, "outside the matrix, expected as many rows and columns as names");
        } else if (matrix->field > 0) {
            read_delay(matrix, text);
        } else if (strcmp(text, regions->name[matrix->row - 1]) != 0) {
            tell(matrix, "not the name of this row, expected those of the first line in order");
        }
    }
    matrix->field++;
    matrix->cell_ended = true;
}

static void on_row(int end, void *ctx) {
    (void)end;
    struct matrix *matrix = ctx;
    if (matrix->row > 0 && matrix->field < matrix->regions->count + 1) {
        tell(matrix, "the row ends here, expected a cell for each name");
    }
    matrix->row++;
    matrix->field = 0;
}

static void step(struct matrix *matrix, unsigned char byte) {
    if (byte == '\n') {
        matrix->at.line++;
        matrix->at.column = 1;
    } else if ((byte & 0xc0) != 0x80) {
        matrix->at.column++;
    }
    if (matrix->cell_ended || byte == '\n') matrix->cell = matrix->at;
    matrix->cell_ended = false;
}

static bool feed(struct matrix *matrix, struct csv_parser *parser, struct weft_bytes text) {
    bool comment = false, line_start = true;
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = text.data[i];
        if (line_start) comment = byte == '#';
        line_start = byte == '\n';
        if (!comment && csv_parse(parser, &byte, 1, on_cell, on_row, matrix) != 1) return false;
        step(matrix, byte);
    }
    return csv_fini(parser, on_cell, on_row, matrix) == 0;
}

void sim_plan__parse_regions(struct sim_plan__reader *reader, const char *file,
                             struct weft_bytes text, struct sim_regions *regions) {
    struct csv_parser parser;
    struct matrix matrix = {.reader = reader,
                            .file = file,
                            .regions = regions,
                            .at = {1, 1, NULL},
                            .cell = {1, 1, NULL}};
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        reader->no_memory = true;
        return;
    }
    bool is_csv = feed(&matrix, &parser, text);
    if (!is_csv && csv_error(&parser) == CSV_ENOMEM) {
        reader->no_memory = true;
    } else if (!is_csv) {
        tell(&matrix, "not CSV, expected cells between commas");
    } else if (regions->count == 0) {
        tell(&matrix, "no region, expected a line of names first");
    } else if (matrix.row != regions->count + 1) {
        tell(&matrix, "the matrix ends here, expected a row for each name");
    }
    csv_free(&parser);
}

bool sim_plan__read_beside(struct sim_plan__reader *reader, const struct weft_yaml_node *node,
                           size_t most, char path[SIM_PLAN__FILE_SIZE], struct weft_bytes *text) {
    int rv = WEFT_ERR_NOT_FOUND;
    if (sim_plan__beside(reader->plan->file, node->text, path))
        rv = sim_plan__read_file(path, most, text);
    if (rv == WEFT_ERR_NOMEM) {
        reader->no_memory = true;
    } else if (rv != WEFT_OK) {
        sim_plan__mistake(reader, node,
                          "'%s' cannot be read (%s), expected a CSV file beside the scenario",
                          sim_plan__show(node->text).text, weft_error_text(rv));
    }
    return rv == WEFT_OK;
}

static void load(struct sim_plan__reader *reader, const struct sim_plan__value *value,
                 struct sim_regions *regions) {
    char path[SIM_PLAN__FILE_SIZE];
    struct weft_bytes text = {NULL, 0};
    if (!sim_plan__read_beside(reader, value->node, CSV_SIZE_MAX, path, &text)) return;
    sim_plan__parse_regions(reader, path, text, regions);
    reader->plan->digest = weft_fold_bytes(reader->plan->digest, text.data, text.size);
    free((void *)(uintptr_t)text.data);
}

void sim_plan__read_regions(struct sim_plan__reader *reader, const struct sim_plan__value *value) {
    WEFT_ASSERT(value->node->kind == WEFT_YAML_SCALAR);
    WEFT_ASSERT(reader->plan->file != NULL);
    const char *name = value->node->text;
    if (reader->regions_path != NULL) {
        if (strcmp(reader->regions_path, name) == 0) return;
        sim_plan__mistake(reader, value->node, "a second matrix of regions, expected '%s' again",
                          sim_plan__show(reader->regions_path).text);
        return;
    }
    struct sim_regions *regions = calloc(1, sizeof *regions);
    if (regions == NULL) {
        reader->no_memory = true;
        return;
    }
    reader->plan->net.regions = regions;
    reader->regions_path = name;
    load(reader, value, regions);
}
