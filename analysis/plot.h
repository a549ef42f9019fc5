/* Plots: runs, and rows of a benchmark, as pictures.
 *
 * gnuplot draws them (a program of its own, 5.2 or later; Debian: gnuplot-nox). Each picture has a
 * title, axes with units, and a caption that says which run it shows: scenario, seed, hash, build.
 * They can be read without colour. What a run has no data for is not drawn. */
#ifndef ANALYSIS_PLOT_H
#define ANALYSIS_PLOT_H

#include "analysis/growth.h"
#include "analysis/series.h"

#include <stddef.h>

/* X(NAME, "name", "what it shows"): the name is what people choose it by, and its file's. */
#define ANA_PLOTS(X)                                                                               \
    X(LATENCY_CDF, "latency-cdf", "how long packets take, as shares of all")                       \
    X(LATENCY, "latency", "how long packets take, over time")                                      \
    X(LOOKUPS, "lookups", "lookups that end well, and how long they take, over time")              \
    X(HOPS, "hops", "how many hops lookups take")                                                  \
    X(DELIVERY, "delivery", "the share of packets that arrive, over time")                         \
    X(RESTARTS, "restarts", "processes restarted, and nodes that are up, over time")               \
    X(OVERLAY, "overlay", "contacts of a node, and parts of the overlay, over time")               \
    X(QUEUES, "queues", "events and messages that wait, over time")                                \
    X(MEMORY, "memory", "heap of the nodes, over time")                                            \
    X(FAULTS, "faults", "when each fault of the scenario was on, and whether it bit")              \
    X(GROWTH, "growth", "time per event and bytes per node, by the number of nodes")

enum ana_plot {
#define ANA_PLOT_ENUM(NAME, name, about) ANA_PLOT_##NAME,
    ANA_PLOTS(ANA_PLOT_ENUM)
#undef ANA_PLOT_ENUM
        ANA_PLOT_COUNT
};

/* Static. which < ANA_PLOT_COUNT */
const char *ana_plot_name(enum ana_plot which);
const char *ana_plot_about(enum ana_plot which);

enum ana_plot_format {
    ANA_PLOT_SVG = 0,
    ANA_PLOT_PNG,
    ANA_PLOT_DUMB /* characters, for a terminal */
};

#define ANA_PLOT_RUNS_MAX 8 /* that one picture shows together */
#define ANA_PLOT_WIDTH_MIN 400
#define ANA_PLOT_WIDTH_MAX 4000
#define ANA_PLOT_COLUMNS_MIN 40 /* the same in characters */
#define ANA_PLOT_COLUMNS_MAX 400

/* One picture to draw. */
struct ana_plot_task {
    enum ana_plot which;
    const struct ana_series *runs[ANA_PLOT_RUNS_MAX]; /* coarsened to
                                                         ANA_SERIES_TRENDS_MAX; not of GROWTH */
    unsigned runs_count;
    const struct ana_growth *growth; /* of GROWTH */
    enum ana_plot_format format;
    unsigned width;     /* pixels, or characters; 0: 900 or 80. Others are brought into the
                           limits above */
    const char *prefix; /* SVG: put before each id, so that pictures can stand in one page; NULL:
                           the picture's name and "-" */
    char *data;         /* out: the picture, to be freed; a 0 follows it */
    size_t size;        /* out: its bytes, without that 0 */
    char why[ANA_WHY_SIZE]; /* out, on an error: one line */
};

/* Draw. SVG is one element <svg>, without a declaration before it and with nothing referred to
 * outside of it: it can be put into a page of HTML as it is. Its ground is white.
 *   WEFT_ERR_NOT_FOUND    no data for this picture: `why` says what the trace lacks
 *   WEFT_ERR_UNSUPPORTED  there is no gnuplot
 *   WEFT_ERR_IO           gnuplot failed: `why` has what it said; or no room for temporary files
 *   WEFT_ERR_NOMEM */
int ana_plot_draw(struct ana_plot_task *task);

#endif
