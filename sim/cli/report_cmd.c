/* weft report: a trace as one page for a browser. */
#include "analysis/report.h"
#include "core/base/error.h"
#include "sim/cli/cli.h"

#include <string.h>

struct wishes {
    const char *file, *out;
    bool no_plots;
};

static bool take_out(void *into, const char *value) {
    ((struct wishes *)into)->out = value;
    return true;
}

static bool take_no_plots(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->no_plots = true;
    return true;
}

static bool take_file(void *into, const char *path) {
    return cli_take_trace(&((struct wishes *)into)->file, path);
}

static const struct cli_option options[] = {
    {"-o", "FILE", "write the page to FILE; \"-\" is standard output (report.html)", take_out},
    {"--no-plots", NULL, "leave the plots out, which gnuplot draws", take_no_plots},
    {NULL, NULL, NULL, NULL},
};

void cli_report_usage(FILE *out) {
    fputs("usage: weft report TRACE [options]\n\nWrite a trace as one page that a browser opens, "
          "with all it needs in it.\n\n",
          out);
    cli_print_options(out, options);
}

int cli_report_file(const char *trace, const char *out, bool no_plots) {
    struct ana_report report = {.trace = trace, .out = out, .no_plots = no_plots};
    int rv = ana_report_write(&report);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s\n", report.why);
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    if (report.damaged > 0) {
        fprintf(stderr, "weft: %s: cut short or damaged; the page has what could be read\n", trace);
    }
    return CLI_HOLDS;
}

int cli_report(struct cli_args args) {
    struct wishes wishes = {.out = "report.html"};
    if (!cli_parse(options, args, take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.file == NULL) {
        cli_report_usage(stderr);
        return CLI_BAD_INPUT;
    }
    int status = cli_report_file(wishes.file, wishes.out, wishes.no_plots);
    if (status == CLI_HOLDS && strcmp(wishes.out, "-") != 0) printf("%s\n", wishes.out);
    return status;
}
