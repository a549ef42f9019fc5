/* Growth curves: what an event and a node cost, the more nodes there are. */
#include "analysis/plot_internal.h"

#include "core/base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* With few nodes the process itself is what is seen, and bare messages cost a fiftieth of a DHT's
 * events: then the axis is logarithmic. */
#define WIDE 8

static double cost_of(const struct ana_growth_row *row, bool bytes, double scale) {
    return (bytes ? (double)row->bytes / (double)row->nodes : row->wall_s / (double)row->events) /
           scale;
}

static int by_number(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static bool alike(const struct ana_growth_row *a, const struct ana_growth_row *b) {
    return a->nodes == b->nodes && strcmp(a->scenario, b->scenario) == 0;
}

struct cost {
    bool bytes; /* of a node; else seconds of an event */
    double scale;
    double numbers[ANA_GROWTH_ROWS_MAX];
};

/* The median of rows that are alike, the least and the most. Returns how many rows. */
static size_t put_cost(struct ana__canvas *canvas, struct cost *cost, size_t first) {
    const struct ana_growth *growth = canvas->task->growth;
    size_t count = 0;
    while (first + count < growth->count &&
           alike(&growth->rows[first], &growth->rows[first + count])) {
        cost->numbers[count] = cost_of(&growth->rows[first + count], cost->bytes, cost->scale);
        count++;
    }
    qsort(cost->numbers, count, sizeof cost->numbers[0], by_number);
    double middle = (cost->numbers[(count - 1) / 2] + cost->numbers[count / 2]) / 2;
    ana__range(canvas, (double)growth->rows[first].nodes,
               (double[3]){middle, cost->numbers[0], cost->numbers[count - 1]});
    return count;
}

static void put_curves(struct ana__canvas *canvas, struct cost *cost) {
    const struct ana_growth *growth = canvas->task->growth;
    size_t row = 0;
    while (row < growth->count && canvas->curves_count < ANA__CURVES_MAX) {
        const char *scenario = growth->rows[row].scenario;
        ana__curve_begin(canvas, scenario, ANA__RANGES);
        while (row < growth->count && strcmp(scenario, growth->rows[row].scenario) == 0) {
            row += put_cost(canvas, cost, row);
        }
        ana__curve_end(canvas);
    }
}

static double most_cost(const struct ana_growth *growth, bool bytes, double *least) {
    double most = 0;
    *least = INFINITY;
    for (size_t i = 0; i < growth->count; i++) {
        most = fmax(most, cost_of(&growth->rows[i], bytes, 1));
        *least = fmin(*least, cost_of(&growth->rows[i], bytes, 1));
    }
    return most;
}

static void put_panel(struct ana__canvas *canvas, struct cost *cost, const char *tics) {
    double least, most = most_cost(canvas->task->growth, cost->bytes, &least);
    bool wide = most > WIDE * least;
    char label[64];
    if (cost->bytes) {
        struct ana__scale scale = ana__scale_bytes(most);
        cost->scale = scale.by;
        snprintf(label, sizeof label, "process memory a node, %s", scale.unit);
    } else {
        static const struct ana__scale scales[] = {{1e-9, "ns"}, {1e-6, "µs"}, {1e-3, "ms"}};
        unsigned at = most < 2e-6 ? 0 : most < 2e-3 ? 1 : 2;
        cost->scale = scales[at].by;
        snprintf(label, sizeof label, "wall time an event, %s", scales[at].unit);
    }
    put_curves(canvas, cost);
    ana__panel(canvas, &(struct ana__panel){.y_label = label,
                                            .y_min = wide ? NAN : 0,
                                            .y_max = wide ? NAN : 1.08 * most / cost->scale,
                                            .y_most = most / cost->scale,
                                            .y_log = wide,
                                            .more = tics});
}

/* The builds of the rows: the first, and whether there are others. */
static void put_caption(struct ana__canvas *canvas) {
    const struct ana_growth *growth = canvas->task->growth;
    const char *build = growth->rows[0].build;
    uint64_t least = UINT64_MAX, most = 0;
    bool others = false;
    for (size_t i = 0; i < growth->count; i++) {
        const struct ana_growth_row *row = &growth->rows[i];
        others = others || strcmp(row->build, build) != 0;
        least = row->nodes < least ? row->nodes : least;
        most = row->nodes > most ? row->nodes : most;
    }
    char plain[ANA__TEXT_SIZE];
    ana__plain(build[0] != '\0' ? build : "unknown build", 60, plain);
    snprintf(canvas->caption, sizeof canvas->caption,
             "%zu runs of %llu to %llu nodes, %s%s, median of runs alike, bars from least to most",
             growth->count, (unsigned long long)least, (unsigned long long)most, plain,
             others ? " and other builds" : "");
    canvas->x_min = (double)least / 1.6;
    canvas->x_max = (double)most * 1.6;
}

int ana__plot_growth(struct ana__canvas *canvas) {
    static const char tics[] =
        "set xtics ('1' 1, '10' 10, '100' 100, '1,000' 1e3, '10,000' 1e4, '100,000' 1e5, "
        "'1,000,000' 1e6, '10,000,000' 1e7)\n";
    static const char bare[] = "set xtics ('' 1, '' 10, '' 100, '' 1e3, '' 1e4, '' 1e5, '' 1e6, "
                               "'' 1e7)\n";
    const struct ana_growth *growth = canvas->task->growth;
    if (growth == NULL || growth->count == 0)
        return ana__nothing(canvas->task, "there are no rows of a benchmark");
    struct cost *cost = calloc(1, sizeof *cost);
    if (cost == NULL) return WEFT_ERR_NOMEM;
    canvas->title = "Growth: what an event and a node cost";
    canvas->panels = 2;
    canvas->x_log = true;
    canvas->x_label = "nodes";
    put_caption(canvas);
    ana__canvas_begin(canvas);
    put_panel(canvas, cost, bare);
    cost->bytes = true;
    put_panel(canvas, cost, tics);
    free(cost);
    return WEFT_OK;
}
