/* Inside of plots: the script of one picture, the program that draws it, what it drew.
 *
 * A picture has panels, one above the other, with one axis from left to right. Its file writes, for
 * each panel, its curves' points, then what its axis up is, and ends it. */
#ifndef ANALYSIS_PLOT_INTERNAL_H
#define ANALYSIS_PLOT_INTERNAL_H

#include "analysis/plot.h"

#include <stdbool.h>
#include <stdio.h>

/* --- the program (plot_gnuplot.c) --- */

/* Run gnuplot on `script`, from its beginning. What it wrote, to be freed; a 0 follows it.
 * As ana_plot_draw. */
int ana__gnuplot(FILE *script, struct ana_plot_task *task);

/* --- texts (plot_text.c) --- */

#define ANA__TEXT_SIZE 256

/* `text` as it can stand in a picture: one line of at most `cells` characters' width, with "..." at
 * its end when it was longer, and no byte that is not UTF-8 or that XML does not allow. */
void ana__plain(const char *text, unsigned cells, char out[ANA__TEXT_SIZE]);

/* The width of plain text in characters; those of East Asian scripts are two. */
unsigned ana__cells(const char *text);

/* As a string of gnuplot's that it takes as it is. */
void ana__quote(FILE *script, const char *text);

/* SVG as gnuplot writes it to what ana_plot_draw promises. WEFT_ERR_NOMEM */
int ana__svg_tidy(struct ana_plot_task *task, const char *title);

/* Characters without the spaces that gnuplot fills lines with. */
void ana__dumb_tidy(struct ana_plot_task *task);

/* --- scales: a number that keeps tics short, and its unit's name --- */

struct ana__scale {
    double by; /* a value is divided by it */
    const char *unit;
};

struct ana__scale ana__scale_time(double seconds);
struct ana__scale ana__scale_bytes(double bytes);
struct ana__scale ana__scale_count(double count); /* unit: "", ", thousands", ... */

/* --- the canvas (plot_canvas.c) --- */

#define ANA__CURVES_MAX 32
#define ANA__BANDS_MAX 64
#define ANA__LANES_MAX 3
#define ANA__CAPTION_SIZE 4096

enum ana__style {
    ANA__LINE = 0,
    ANA__STEPS,  /* a value holds until the next */
    ANA__BARS,   /* from 0 up */
    ANA__RANGES, /* a line through points, each with a bar from least to most */
    ANA__SPANS,  /* from x to another x, thick: dark */
    ANA__HOLLOW  /* the same, an outline alone */
};

struct ana__curve {
    char name[ANA__TEXT_SIZE]; /* plain; "": not in the key */
    enum ana__style style;
    unsigned look; /* colour, dashes and points, from 0 */
};

/* A stretch of the axis in grey, with a name above. */
struct ana__band {
    double from, to;
    char name[ANA__TEXT_SIZE]; /* plain */
    unsigned lane;             /* of its name; ANA__LANES_MAX: there is no room for it */
    bool at_right;             /* its name ends at the axis' end */
};

struct ana__canvas {
    struct ana_plot_task *task;
    FILE *script;
    /* set before begin */
    const char *title;
    unsigned panels; /* how many */
    unsigned tall;   /* a panel's height in pixels, and in characters by 20; 0: as usual */
    unsigned left;   /* cells for what stands at the left; 0: as usual */
    const char *x_label;
    double x_min, x_max; /* NAN: as the data want */
    bool x_log;
    char caption[ANA__CAPTION_SIZE]; /* lines, which are broken where they are too long */
    struct ana__band bands[ANA__BANDS_MAX];
    unsigned bands_count;
    /* the canvas's own */
    unsigned width, lanes, panel;
    unsigned top;                              /* of what comes next, from above */
    struct ana__curve curves[ANA__CURVES_MAX]; /* of the panel */
    unsigned curves_count;
    bool key_told; /* several runs: a panel above had all of them in its key */
};

/* A band or a name more; beyond the limit it is left out. `name` is made plain. */
void ana__add_band(struct ana__canvas *canvas, const char *name, double from, double to);

void ana__canvas_begin(struct ana__canvas *canvas);
/* The script is whole then. WEFT_ERR_IO */
int ana__canvas_end(struct ana__canvas *canvas);

/* The points of a curve stand between begin and end. `name` is made plain. */
void ana__curve_begin(struct ana__canvas *canvas, const char *name, enum ana__style style);
void ana__point(struct ana__canvas *canvas, double x, double y); /* y NAN: a gap */
void ana__range(struct ana__canvas *canvas, double x, const double middle_least_most[3]);
void ana__span(struct ana__canvas *canvas, double from, double to, double y);
void ana__curve_end(struct ana__canvas *canvas);

struct ana__panel {
    const char *y_label;
    double y_min, y_max; /* NAN: as the data want */
    double y_most;       /* what they reach, from 0 on: few tics; 0: not known */
    bool whole;          /* they are whole numbers, and so are the tics */
    double bar;          /* how wide bars are, or spans high, on their axis */
    bool y_log, y_names; /* names: no tics, what stands there is labels */
    bool values;         /* above each bar */
    const char *more;    /* commands of its own; NULL: none */
};

/* The panel that the curves since the last belong to. */
void ana__panel(struct ana__canvas *canvas, const struct ana__panel *panel);

/* --- runs (plot_runs.c) --- */

/* The caption, the time axis of all runs, and their faults as bands where they are alike. */
void ana__of_runs(struct ana__canvas *canvas);
/* Its scale. */
struct ana__scale ana__time_scale(const struct ana_plot_task *task);
/* From when to when, in seconds. */
void ana__time_range(const struct ana_plot_task *task, double *from, double *to);

/* Whether some run has a number in this column. */
bool ana__has(const struct ana_plot_task *task, enum ana_column column);
/* The greatest number in it, of all runs; 0: none. */
double ana__most(const struct ana_plot_task *task, enum ana_column column);

/* A curve of each run. With several runs its name is the run's. */
struct ana__of_column {
    enum ana_column column;
    enum ana_column other; /* of a ratio and a quotient */
    const char *name;
    double scale; /* what a value is divided by */
    enum {
        ANA__AS_IT_IS = 0,
        ANA__RATE,    /* how much a second */
        ANA__SHARE,   /* column / (column + other) in per cent, of longer intervals */
        ANA__QUOTIENT /* column / other */
    } how;
};
void ana__column_curves(struct ana__canvas *canvas, const struct ana__of_column *of);

/* What tells a run from the others, such as "seed 7"; plain. */
void ana__run_name(const struct ana_plot_task *task, unsigned run, char out[ANA__TEXT_SIZE]);

/* Why there is nothing to draw. */
int ana__nothing(struct ana_plot_task *task, const char *why);

/* --- pictures (plot_NAME.c): WEFT_OK, or ana__nothing before canvas_begin --- */

int ana__plot_latency_cdf(struct ana__canvas *canvas);
int ana__plot_latency(struct ana__canvas *canvas);
int ana__plot_lookups(struct ana__canvas *canvas);
int ana__plot_hops(struct ana__canvas *canvas);
int ana__plot_delivery(struct ana__canvas *canvas);
int ana__plot_restarts(struct ana__canvas *canvas);
int ana__plot_overlay(struct ana__canvas *canvas);
int ana__plot_queues(struct ana__canvas *canvas);
int ana__plot_memory(struct ana__canvas *canvas);
int ana__plot_faults(struct ana__canvas *canvas);
int ana__plot_growth(struct ana__canvas *canvas);

#endif
