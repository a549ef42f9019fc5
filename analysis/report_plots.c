/* The plots of a page: figures with pictures in themselves. */
#include "analysis/report_internal.h"

void ana__report_plots(const struct ana_report *report, struct ana__text *out) {
    (void)report;
    ana__text_put(out, "");
}
