/* Growth: rows of a benchmark that ran the same scenario with ever more nodes.
 *
 * They are CSV (RFC 4180) with a header; columns are found by their names, in any order, and others
 * are let pass:
 *
 *     scenario   optional: rows with the same make one curve
 *     nodes      from 1
 *     events     handled in the run, from 1
 *     wall_s     seconds on the wall, with a point: 12.25
 *     bytes      of the whole process at its peak
 *     build      optional: the version, as `weft --version` prints it
 *
 * Several rows of one scenario and one number of nodes are runs of the same: their median is drawn,
 * with a bar from the least to the greatest. */
#ifndef ANALYSIS_GROWTH_H
#define ANALYSIS_GROWTH_H

#include "core/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

#define ANA_GROWTH_ROWS_MAX 4096
#define ANA_GROWTH_TEXT_SIZE 64
#define ANA_GROWTH_WHY_SIZE 512

struct ana_growth_row {
    char scenario[ANA_GROWTH_TEXT_SIZE]; /* "" without that column; cut when too long */
    char build[ANA_GROWTH_TEXT_SIZE];    /* the same */
    uint64_t nodes, events, bytes;
    double wall_s;
};

struct ana_growth {
    struct ana_growth_row *rows;   /* by scenario in their alphabet, then by nodes */
    size_t count;                  /* at least 1 */
    char why[ANA_GROWTH_WHY_SIZE]; /* on an error: one line, with the file and the line in it */
};

/* Rows from the bytes of a file; `name` is what `why` calls it. On an error nothing is held.
 *   WEFT_ERR_MALFORMED  not such rows, or none
 *   WEFT_ERR_TOO_BIG    more than ANA_GROWTH_ROWS_MAX
 *   WEFT_ERR_NOMEM */
int ana_growth_parse(const char *name, struct weft_bytes text, struct ana_growth *out);

/* The same of a file, up to 16 MiB. Also WEFT_ERR_NOT_FOUND, WEFT_ERR_IO. */
int ana_growth_read(const char *path, struct ana_growth *out);

void ana_growth_deinit(struct ana_growth *growth);

#endif
