/* weft trace --csv and its like: a trace for other programs. */
#include "core/base/error.h"
#include "sim/cli/cli.h"
#include "sim/cli/trace.h"

const struct trace_export trace_exports[TRACE_EXPORTS + 1] = {
#define TRACE_EXPORT_ROW(NAME, option, value, about, run, run_at) {option, run, run_at},
    TRACE_EXPORTS_LIST(TRACE_EXPORT_ROW)
#undef TRACE_EXPORT_ROW
        {NULL, NULL, NULL},
};

/* One of them. Returns the exit status. */
static int write_one(const struct trace_wishes *wishes, const struct trace_export *how,
                     const char *out) {
    struct ana_export export = {
        .trace = wishes->file, .out = out, .filter = wishes->filters ? &wishes->filter : NULL};
    int rv = how->run != NULL ? how->run(&export) : how->run_at(&export, wishes->at);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s: %s\n", how->option, export.why);
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    if (export.damaged == 0) return CLI_HOLDS;
    char text[32];
    fprintf(stderr, "weft: %s: %s %s could not be read; %s has what the others hold\n",
            wishes->file, cli_thousands(export.damaged, text),
            export.damaged == 1 ? "block" : "blocks", out);
    return CLI_BAD_INPUT;
}

int trace_export(const struct trace_wishes *wishes) {
    int status = CLI_HOLDS;
    for (size_t i = 0; trace_exports[i].option != NULL; i++) {
        if (wishes->out[i] == NULL) continue;
        int one = write_one(wishes, &trace_exports[i], wishes->out[i]);
        if (one > status) status = one;
    }
    return status;
}

bool trace_exports_any(const struct trace_wishes *wishes, bool at) {
    for (size_t i = 0; trace_exports[i].option != NULL; i++) {
        if (wishes->out[i] != NULL && (!at || trace_exports[i].run_at != NULL)) return true;
    }
    return false;
}
