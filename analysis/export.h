/* Exports: a trace in the format of somebody else's viewer.
 *
 * Each reads a trace from beginning to end, in memory that does not grow with its length but where
 * told, and writes one file; `csv` writes a folder of them. A trace that is damaged or cut short
 * gives what its whole blocks hold; ana_export.damaged tells. Nothing but the trace is read. */
#ifndef ANALYSIS_EXPORT_H
#define ANALYSIS_EXPORT_H

#include "analysis/filter.h"

#define ANA_WHY_SIZE 512

struct ana_export {
    const char *trace;               /* the file to read */
    const char *out;                 /* the file to write, "-" for standard output; csv: a folder,
                                        made when it is not there */
    const struct ana_filter *filter; /* NULL: every event */
    uint64_t damaged;                /* out: blocks that could not be read */
    uint64_t events;                 /* out: events read that the filter let through */
    char why[ANA_WHY_SIZE];          /* out, on an error: one line, with the file it is about */
};

/* All return WEFT_OK, WEFT_ERR_NOT_FOUND (no such trace), WEFT_ERR_MALFORMED (no trace, or it holds
 * nothing this export can show, such as pcapng without packet.data), WEFT_ERR_IO, WEFT_ERR_NOMEM;
 * on an error nothing is left at `out`. */
int ana_export_csv(struct ana_export *export);
/* pcapng (IETF draft-ietf-opsawg-pcapng): an interface a link (sender and receiver), virtual time
 * in ns, faults that are on and what became of the packet as comments. With more than 65,535 links
 * an interface a sender, with more senders than that one in all. */
int ana_export_pcapng(struct ana_export *export);
/* Trace Event Format as JSON, for ui.perfetto.dev: nodes are processes, processes are threads,
 * packets are flows. What was open before the filter's `from` begins there. In memory by nodes,
 * processes and packets under way. */
int ana_export_perfetto(struct ana_export *export);
/* The log and its parser's regular expression, for ShiViz: a vector clock an event. MALFORMED also
 * with events of more than 64 nodes, or more than 100,000 events. */
int ana_export_shiviz(struct ana_export *export);
/* Graphviz: who has whom in the routing table at time `at` (WEFT_TIME_NEVER: at the end). Of the
 * filter only nodes count: theirs are the contacts that are drawn. In memory by nodes and contacts.
 */
int ana_export_dot(struct ana_export *export, weft_time at);
/* OpenMetrics text: the counters and gauges as of time `at` (WEFT_TIME_NEVER: of the end). In
 * memory by nodes. */
int ana_export_openmetrics(struct ana_export *export, weft_time at);
/* One JSON object a line, an event each. */
int ana_export_jsonl(struct ana_export *export);

#endif
