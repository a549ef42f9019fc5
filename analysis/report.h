/* Report: a run as one page that a browser opens, without a network.
 *
 * The page holds what it shows: the verdict, who the run was and how to repeat it, faults, checks
 * and workload, plots, and, as of any time, the state of each node, its supervision tree and its
 * neighbours in the overlay; around a failure the messages and the faults that led to it.
 *
 * A trace is read twice: once for what becomes of the nodes, and once for the messages around what
 * happened. Memory and the page are bounded, however long the trace is: where a list would grow
 * beyond its limit it is thinned, and the page says so. docs/report.md tells how to read it.
 *
 * A run that goes on is watched with the same page: `ana_live` is told each event, and gives the
 * page, which asks for the state once a second. */
#ifndef ANALYSIS_REPORT_H
#define ANALYSIS_REPORT_H

#include "analysis/export.h"

struct ana_report {
    const char *trace;      /* the file to read */
    const char *out;        /* the file to write, "-" for standard output */
    bool no_plots;          /* do not ask gnuplot */
    uint64_t damaged;       /* out: blocks that could not be read */
    uint64_t events;        /* out: events read */
    uint64_t size;          /* out: bytes of the page */
    char why[ANA_WHY_SIZE]; /* out, on an error: one line, with the file it is about */
};

/* The greatest page: what is listed in it is limited so that it stays below. */
#define ANA_REPORT_SIZE_MAX (20u << 20)

/* WEFT_OK also of a trace that is cut short or damaged, as long as its head is whole: the page
 * says how much was lost. WEFT_ERR_NOT_FOUND, WEFT_ERR_MALFORMED, WEFT_ERR_IO, WEFT_ERR_NOMEM; on
 * an error nothing is left at `out`. */
int ana_report_write(struct ana_report *report);

/* --- a run that goes on --- */

struct ana_live;

/* `head` is that of a trace: "key=value" lines. NULL: no memory. */
struct ana_live *ana_live_new(const char *head);

/* Every event of the run, in order of time. Memory that runs out is told by ana_live_state. */
void ana_live_add(struct ana_live *live, const struct weft_trace_event *event);

/* What GET / answers: the page, without data; it polls "state.json" beside it. To be freed.
 * WEFT_ERR_NOMEM */
int ana_live_page(char **out, size_t *size);

/* What GET /state.json answers: all that the page shows as of the last event; after RUN_END it has
 * the verdict, and the page asks no more. Up to a few MB. To be freed. WEFT_ERR_NOMEM */
int ana_live_state(const struct ana_live *live, char **out, size_t *size);

void ana_live_free(struct ana_live *live);

#endif
