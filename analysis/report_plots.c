/* The plots of a page: figures with pictures in themselves. */
#include "analysis/plot.h"
#include "analysis/report_internal.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

/* A picture stands as data, so that nothing of it reaches into the page. */
static void put_figure(struct ana__text *out, const struct ana_plot_task *task) {
    const char *about = ana_plot_about(task->which);
    ana__text_put(out, "<figure><img alt=\"");
    ana__text_html(out, about, strlen(about));
    ana__text_put(out, "\" src=\"data:image/svg+xml;base64,");
    ana__text_base64(out, (const unsigned char *)task->data, task->size);
    ana__text_put(out, "\"></figure>\n");
}

static void put_notice(struct ana__text *out, const char *why) {
    ana__text_put(out, "<p class=\"notice\">");
    ana__text_html(out, why, strlen(why));
    ana__text_put(out, "</p>\n");
}

void ana__report_plots(const struct ana__findings *findings, struct ana__text *out) {
    for (unsigned i = 0; i < ANA_PLOT_COUNT; i++) {
        struct ana_plot_task task = {.which = (enum ana_plot)i,
                                     .runs = {findings->series},
                                     .runs_count = 1,
                                     .format = ANA_PLOT_SVG};
        if (i == ANA_PLOT_GROWTH) continue; /* of benchmarks, not of a run */
        int rv = ana_plot_draw(&task);
        if (rv == WEFT_OK) {
            put_figure(out, &task);
            free(task.data);
        } else if (rv == WEFT_ERR_UNSUPPORTED) {
            put_notice(out, "There are no plots: gnuplot is not installed where this page was made "
                            "(Debian: gnuplot-nox). All else is here.");
            return;
        } else if (rv != WEFT_ERR_NOT_FOUND) {
            put_notice(out, task.why);
        }
    }
}
