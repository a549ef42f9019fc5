/* The plots of a page: figures with pictures in themselves. */
#include "analysis/report_internal.h"

void ana__report_plots(const struct ana__findings *findings, struct ana__text *out) {
    (void)findings;
    ana__text_put(out, "");
}
