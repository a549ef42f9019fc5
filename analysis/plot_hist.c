/* Pictures of a whole run: how long packets and lookups take, how many hops. */
#include "analysis/plot_internal.h"

#include "core/base/error.h"

#include <math.h>
#include <string.h>

#define CDF_BITS 7        /* points of the curve are less than 2 % apart */
#define CDF_FROM 0.03     /* the axis begins where this share has ended, at once or in time */
#define CDF_AT_ONCE 10000 /* ns: what takes no longer was not on its way */
#define HOPS_LEAST 6      /* that the axis reaches */
#define HOPS_MAX 64

/* --- latencies --- */

struct cdf {
    enum ana_measure measure;
    const char *name;
};

/* The most packets a trace has, lookups, and what users ask. */
static const struct cdf cdfs[] = {
    {ANA_MEASURE_PACKET, "packets"}, {ANA_MEASURE_LOOKUP, "lookups"}, {ANA_MEASURE_GET, "gets"},
    {ANA_MEASURE_PUT, "puts"},       {ANA_MEASURE_JOIN, "joins"},
};
#define CDFS_COUNT (sizeof cdfs / sizeof cdfs[0])

/* At least a microsecond: the axis is logarithmic. */
static double ms(uint64_t ns) { return fmax((double)ns / 1e6, 1e-3); }

static void put_cdf(struct ana__canvas *canvas, const struct ana_hist *hist, const char *name) {
    struct ana_hist_bucket bucket;
    uint64_t cursor = 0, seen = 0, count = ana_hist_count(hist);
    double share = 0;
    ana__curve_begin(canvas, name, ANA__LINE);
    while (ana_hist_next(hist, CDF_BITS, &cursor, &bucket)) {
        uint64_t most = ana_hist_max(hist);
        double at = ms(bucket.to < most ? bucket.to : most);
        ana__point(canvas, at, share); /* it rises where values are, not before */
        seen += bucket.count;
        share = 100 * (double)seen / (double)count;
        ana__point(canvas, at, share);
    }
    ana__point(canvas, canvas->x_max, 100);
    ana__curve_end(canvas);
}

/* 1, 2 or 5 times a power of ten: not above a number, or not below it. */
static double round_to(double number, bool up) {
    double decade = pow(10, floor(log10(number))), steps[] = {1, 2, 5, 10};
    for (unsigned i = 0; i < 4; i++) {
        bool fits = up ? steps[i] * decade >= number * 0.9999 : steps[3 - i] * decade <= number;
        if (fits) return (up ? steps[i] : steps[3 - i]) * decade;
    }
    return number;
}

/* The share that was there at once, and a little more. */
static double first_ms(const struct ana_hist *hist) {
    double at_once = (double)ana_hist_at_most(hist, CDF_AT_ONCE) / (double)ana_hist_count(hist);
    return ms(ana_hist_quantile(hist, fmin(at_once + CDF_FROM, 1)));
}

/* Around all that is drawn; what took no time at all does not stretch it. False: nothing is. */
static bool cdf_range(struct ana__canvas *canvas, size_t measures) {
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < measures; i++) {
        for (unsigned run = 0; run < canvas->task->runs_count; run++) {
            const struct ana_hist *hist = ana_series_hist(canvas->task->runs[run], cdfs[i].measure);
            if (hist == NULL || ana_hist_count(hist) == 0) continue;
            least = fmin(least, first_ms(hist));
            most = fmax(most, ms(ana_hist_max(hist)));
        }
    }
    if (most <= 0) return false;
    canvas->x_min = round_to(least * 0.95, false);
    canvas->x_max = round_to(most, true);
    if (canvas->x_max <= canvas->x_min) canvas->x_max = canvas->x_min * 10;
    canvas->x_log = true;
    canvas->x_label = "took at most, ms";
    return true;
}

int ana__plot_latency_cdf(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    size_t measures = task->runs_count > 1 ? 1 : CDFS_COUNT;
    canvas->title = measures == 1 ? "Message latency" : "Latency of messages, and of what they do";
    canvas->panels = 1;
    ana__of_runs(canvas);
    canvas->bands_count = 0;
    if (!cdf_range(canvas, measures))
        return ana__nothing(canvas->task, "the trace has no packets that were received");
    ana__canvas_begin(canvas);
    for (size_t i = 0; i < measures; i++) {
        for (unsigned run = 0; run < task->runs_count; run++) {
            const struct ana_hist *hist = ana_series_hist(task->runs[run], cdfs[i].measure);
            char name[ANA__TEXT_SIZE];
            if (hist == NULL || ana_hist_count(hist) == 0) continue;
            ana__run_name(task, run, name);
            put_cdf(canvas, hist, task->runs_count > 1 ? name : cdfs[i].name);
            if (task->runs_count > 1) canvas->curves[canvas->curves_count - 1].look = run;
        }
    }
    ana__panel(canvas, &(struct ana__panel){.y_label = measures == 1 ? "packets, %" : "share, %",
                                            .y_max = 100});
    return WEFT_OK;
}

/* --- hops --- */

static unsigned hops_most(const struct ana_plot_task *task) {
    uint64_t most = 0;
    for (unsigned run = 0; run < task->runs_count; run++) {
        const struct ana_hist *hist = ana_series_hist(task->runs[run], ANA_MEASURE_HOPS);
        if (hist != NULL && ana_hist_max(hist) > most) most = ana_hist_max(hist);
    }
    return most < HOPS_MAX ? (unsigned)most : HOPS_MAX;
}

/* The share of each number of hops; those of several runs stand beside each other. */
static void put_hops(struct ana__canvas *canvas, unsigned run, unsigned most) {
    const struct ana_plot_task *task = canvas->task;
    const struct ana_hist *hist = ana_series_hist(task->runs[run], ANA_MEASURE_HOPS);
    double width = 0.8 / task->runs_count;
    char name[ANA__TEXT_SIZE];
    if (hist == NULL || ana_hist_count(hist) == 0) return;
    ana__run_name(task, run, name);
    ana__curve_begin(canvas, name, ANA__BARS);
    canvas->curves[canvas->curves_count].look = run;
    uint64_t below = 0;
    for (unsigned hops = 0; hops <= most; hops++) {
        uint64_t up_to = hops == HOPS_MAX ? ana_hist_count(hist) : ana_hist_at_most(hist, hops);
        ana__point(canvas, hops + width * (run + 0.5) - 0.4,
                   100 * (double)(up_to - below) / (double)ana_hist_count(hist));
        below = up_to;
    }
    ana__curve_end(canvas);
}

int ana__plot_hops(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    unsigned most = hops_most(task);
    bool any = false;
    for (unsigned run = 0; run < task->runs_count; run++) {
        const struct ana_hist *hist = ana_series_hist(task->runs[run], ANA_MEASURE_HOPS);
        any = any || (hist != NULL && ana_hist_count(hist) > 0);
    }
    if (!any) return ana__nothing(canvas->task, "the trace has no lookups that ended");
    canvas->title = "Hops of lookups";
    canvas->panels = 1;
    ana__of_runs(canvas);
    canvas->bands_count = 0;
    canvas->x_min = -0.6;
    canvas->x_max = (most < HOPS_LEAST ? HOPS_LEAST : most) + 0.6;
    canvas->x_label = most == HOPS_MAX ? "hops (the last: and more)" : "hops";
    ana__canvas_begin(canvas);
    for (unsigned run = 0; run < task->runs_count; run++) put_hops(canvas, run, most);
    ana__panel(canvas, &(struct ana__panel){.y_label = "lookups, %",
                                            .y_max = NAN,
                                            .bar = 0.8 / task->runs_count,
                                            .values = task->runs_count == 1,
                                            .more = most <= 16 ? "set xtics 1\n" : NULL});
    return WEFT_OK;
}
