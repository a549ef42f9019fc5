/* Trace: what the parts of `weft trace` share. */
#ifndef SIM_CLI_TRACE_H
#define SIM_CLI_TRACE_H

#include "analysis/export.h"
#include "analysis/follow.h"

#include <stdbool.h>
#include <stdio.h>

/* --- exports (trace_export.c) --- */

/* X(NAME, "--option", "OUT", "about", run, run_at): one of both functions, the other NULL. A row is
 * added with its function. */
#define TRACE_EXPORTS_LIST(X)                                                                      \
    X(CSV, "--csv", "DIR", "write tables of numbers, for anything: docs/analysis.md",              \
      ana_export_csv, NULL)                                                                        \
    X(PCAPNG, "--pcapng", "OUT", "write packets, for Wireshark", ana_export_pcapng, NULL)          \
    X(PERFETTO, "--perfetto", "OUT", "write tracks, for ui.perfetto.dev", ana_export_perfetto,     \
      NULL)                                                                                        \
    X(SHIVIZ, "--shiviz", "OUT", "write a log with vector clocks, for ShiViz", ana_export_shiviz,  \
      NULL)                                                                                        \
    X(DOT, "--dot", "OUT", "write who knows whom, for Graphviz", NULL, ana_export_dot)             \
    X(OPENMETRICS, "--openmetrics", "OUT", "write counters and gauges, for Prometheus", NULL,      \
      ana_export_openmetrics)                                                                      \
    X(JSONL, "--jsonl", "OUT", "write an event a line, as JSON; OUT - is standard output",         \
      ana_export_jsonl, NULL)

enum trace_export_kind {
#define TRACE_EXPORT_ENUM(NAME, option, value, about, run, run_at) TRACE_##NAME,
    TRACE_EXPORTS_LIST(TRACE_EXPORT_ENUM)
#undef TRACE_EXPORT_ENUM
        TRACE_EXPORTS
};

struct trace_export {
    const char *option; /* "--csv" */
    int (*run)(struct ana_export *export);
    int (*run_at)(struct ana_export *export, weft_time at);
};

extern const struct trace_export trace_exports[TRACE_EXPORTS + 1];

struct trace_wishes {
    const char *file;
    struct ana_filter filter;
    bool filters; /* an option of it was given */
    bool head, summary, follows;
    struct ana_follow follow;
    const char *out[TRACE_EXPORTS + 1]; /* NULL: not asked for */
    weft_time at;                       /* WEFT_TIME_NEVER: the end */
};

/* Write all that is asked for. Returns the exit status. */
int trace_export(const struct trace_wishes *wishes);
/* Whether any is asked for; `at`: any that is as of a time. */
bool trace_exports_any(const struct trace_wishes *wishes, bool at);

/* --- others --- */

/* The page of --summary (trace_summary.c). Returns the exit status. */
int trace_summary(const struct trace_wishes *wishes, struct ana_trace_reader *reader, FILE *out);

/* Say on stderr what is damaged, if anything is (trace_cmd.c). Returns the exit status. */
int trace_tell_damage(const char *file, const struct ana_trace_damage *damage);

#endif
