/* Which pictures there are, and how one is drawn. */
#include "analysis/plot.h"

#include "analysis/plot_internal.h"
#include "core/base/assert.h"
#include "core/base/error.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *about;
} plots[ANA_PLOT_COUNT] = {
#define PLOT_ROW(NAME, name_, about_) [ANA_PLOT_##NAME] = {.name = (name_), .about = (about_)},
    ANA_PLOTS(PLOT_ROW)
#undef PLOT_ROW
};

static int (*const drawers[ANA_PLOT_COUNT])(struct ana__canvas *canvas) = {
    [ANA_PLOT_LATENCY_CDF] = ana__plot_latency_cdf, [ANA_PLOT_LATENCY] = ana__plot_latency,
    [ANA_PLOT_LOOKUPS] = ana__plot_lookups,         [ANA_PLOT_HOPS] = ana__plot_hops,
    [ANA_PLOT_DELIVERY] = ana__plot_delivery,       [ANA_PLOT_RESTARTS] = ana__plot_restarts,
    [ANA_PLOT_OVERLAY] = ana__plot_overlay,         [ANA_PLOT_QUEUES] = ana__plot_queues,
    [ANA_PLOT_MEMORY] = ana__plot_memory,           [ANA_PLOT_FAULTS] = ana__plot_faults,
    [ANA_PLOT_GROWTH] = ana__plot_growth,
};

const char *ana_plot_name(enum ana_plot which) {
    WEFT_ASSERT(which < ANA_PLOT_COUNT);
    return plots[which].name;
}

const char *ana_plot_about(enum ana_plot which) {
    WEFT_ASSERT(which < ANA_PLOT_COUNT);
    return plots[which].about;
}

static void choose_width(struct ana_plot_task *task) {
    bool text = task->format == ANA_PLOT_DUMB;
    unsigned least = text ? ANA_PLOT_COLUMNS_MIN : ANA_PLOT_WIDTH_MIN;
    unsigned most = text ? ANA_PLOT_COLUMNS_MAX : ANA_PLOT_WIDTH_MAX;
    if (task->width == 0) task->width = text ? 80 : 900;
    if (task->width < least) task->width = least;
    if (task->width > most) task->width = most;
}

static int finish(struct ana_plot_task *task, const char *title) {
    int rv = WEFT_OK;
    if (task->format == ANA_PLOT_SVG) rv = ana__svg_tidy(task, title);
    if (task->format == ANA_PLOT_DUMB) ana__dumb_tidy(task);
    if (rv != WEFT_OK) {
        free(task->data);
        task->data = NULL;
        task->size = 0;
    }
    return rv;
}

static int draw(struct ana__canvas *canvas) {
    struct ana_plot_task *task = canvas->task;
    int rv = drawers[task->which](canvas);
    if (rv != WEFT_OK) return rv;
    rv = ana__canvas_end(canvas);
    if (rv == WEFT_OK) rv = ana__gnuplot(canvas->script, task);
    return rv == WEFT_OK ? finish(task, canvas->title) : rv;
}

int ana_plot_draw(struct ana_plot_task *task) {
    WEFT_ASSERT(task->which < ANA_PLOT_COUNT);
    WEFT_ASSERT(task->runs_count <= ANA_PLOT_RUNS_MAX);
    task->data = NULL;
    task->size = 0;
    task->why[0] = '\0';
    if (task->which != ANA_PLOT_GROWTH && task->runs_count == 0)
        return ana__nothing(task, "there is no run");
    choose_width(task);
    struct ana__canvas *canvas = calloc(1, sizeof *canvas);
    if (canvas == NULL) return WEFT_ERR_NOMEM;
    canvas->task = task;
    canvas->x_min = canvas->x_max = NAN;
    canvas->script = tmpfile();
    int rv = WEFT_ERR_IO;
    if (canvas->script == NULL) {
        snprintf(task->why, sizeof task->why, "a temporary file: %s", strerror(errno));
    } else {
        rv = draw(canvas);
        if (canvas->script != NULL) fclose(canvas->script);
    }
    free(canvas);
    if (rv == WEFT_ERR_NOMEM && task->why[0] == '\0')
        snprintf(task->why, sizeof task->why, "%s", weft_error_text(rv));
    return rv;
}
