/* Rows of a benchmark: whatever the bytes, they are rows that can be drawn, or one line why not. */
#include "analysis/growth.h"
#include "core/base/assert.h"
#include "core/base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rows(const struct ana_growth *growth) {
    WEFT_ASSERT(growth->count >= 1 && growth->count <= ANA_GROWTH_ROWS_MAX);
    for (size_t i = 0; i < growth->count; i++) {
        const struct ana_growth_row *row = &growth->rows[i];
        WEFT_ASSERT(row->nodes > 0 && row->events > 0 && row->bytes > 0);
        WEFT_ASSERT(row->wall_s > 0);
        if (i == 0) continue;
        int order = strcmp(row[-1].scenario, row->scenario);
        WEFT_ASSERT(order < 0 || (order == 0 && row[-1].nodes <= row->nodes));
    }
}

static void check_why(const struct ana_growth *growth) {
    WEFT_ASSERT(growth->rows == NULL && growth->count == 0);
    WEFT_ASSERT(growth->why[0] != '\0');
    for (const char *at = growth->why; *at != '\0'; at++) {
        WEFT_ASSERT((unsigned char)*at >= 0x20); /* one line */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct ana_growth growth;
    if (ana_growth_parse("rows.csv", weft_bytes(data, size), &growth) == WEFT_OK) {
        check_rows(&growth);
    } else {
        check_why(&growth);
    }
    ana_growth_deinit(&growth);
    return 0;
}
