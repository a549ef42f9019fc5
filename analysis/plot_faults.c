/* The faults of a run: a row for each, a bar for each time it was on, dark where it bit. */
#include "analysis/plot_internal.h"

#include "core/base/error.h"

#include <math.h>
#include <string.h>

#define ROWS_MAX 48
#define ROW_HEIGHT 22
#define LABEL_CELLS 34
/* Bars are at least so wide, and closer ones are one: shares of the axis. */
#define BAR_MIN 0.004
#define BAR_GAP 0.0015

struct row {
    uint64_t fault, occurrences, bit; /* bit: occurrences that bit */
    const char *name;
};

struct rows {
    struct row list[ROWS_MAX];
    unsigned count;
    uint64_t left_out; /* occurrences of faults beyond the limit */
};

static void count_rows(const struct ana_series *run, struct rows *rows) {
    uint32_t count;
    const struct ana_band *bands = ana_series_bands(run, &count);
    for (uint32_t i = 0; i < count; i++) {
        unsigned at = 0;
        while (at < rows->count && rows->list[at].fault != bands[i].fault) at++;
        if (at == ROWS_MAX) {
            rows->left_out++;
            continue;
        }
        if (at == rows->count)
            rows->list[rows->count++] =
                (struct row){.fault = bands[i].fault, .name = bands[i].name};
        rows->list[at].occurrences++;
        rows->list[at].bit += bands[i].bit > 0;
    }
}

static void label_of(const struct row *row, char out[ANA__TEXT_SIZE]) {
    char text[ANA__TEXT_SIZE], name[ANA__TEXT_SIZE];
    ana__plain(row->name[0] != '\0' ? row->name : "fault", 16, name);
    snprintf(text, sizeof text, "%.64s, %llu of %llu bit", name, (unsigned long long)row->bit,
             (unsigned long long)row->occurrences);
    ana__plain(text, LABEL_CELLS, out);
}

/* From above: the first row is the highest. */
static double height_of(unsigned row) { return -(double)row - 1; }

struct bars {
    struct ana__canvas *canvas;
    double scale, from, to; /* the bar being gathered; to NAN: none */
    unsigned row;
};

static void put_bar(struct bars *bars) {
    if (isnan(bars->to)) return;
    double least = BAR_MIN * (bars->canvas->x_max - bars->canvas->x_min);
    double to = fmin(fmax(bars->to, bars->from + least), bars->canvas->x_max);
    ana__span(bars->canvas, fmin(bars->from, to - least), to, height_of(bars->row));
    bars->to = NAN;
}

static void put_row(struct bars *bars, uint64_t fault, bool bit) {
    uint32_t count;
    const struct ana_band *bands = ana_series_bands(bars->canvas->task->runs[0], &count);
    double near = BAR_GAP * (bars->canvas->x_max - bars->canvas->x_min);
    bars->to = NAN;
    for (uint32_t i = 0; i < count; i++) {
        if (bands[i].fault != fault || (bands[i].bit > 0) != bit) continue;
        double on = (double)bands[i].on / 1e9 / bars->scale;
        double off = bands[i].off == WEFT_TIME_NEVER ? bars->canvas->x_max
                                                     : (double)bands[i].off / 1e9 / bars->scale;
        if (!isnan(bars->to) && on > bars->to + near) put_bar(bars);
        if (isnan(bars->to)) {
            bars->from = on;
            bars->to = off;
        }
        bars->to = fmax(bars->to, off);
    }
    put_bar(bars);
}

static void put_bars(struct ana__canvas *canvas, const struct rows *rows, bool bit) {
    struct bars bars = {.canvas = canvas, .scale = ana__time_scale(canvas->task).by};
    bool any = false;
    for (unsigned i = 0; i < rows->count; i++) {
        const struct row *row = &rows->list[i];
        any = any || (bit ? row->bit > 0 : row->bit < row->occurrences);
    }
    if (!any) return;
    ana__curve_begin(canvas, bit ? "on, and changed something" : "on, and changed nothing",
                     bit ? ANA__SPANS : ANA__HOLLOW);
    for (bars.row = 0; bars.row < rows->count; bars.row++) {
        put_row(&bars, rows->list[bars.row].fault, bit);
    }
    ana__curve_end(canvas);
}

static void put_labels(struct ana__canvas *canvas, const struct rows *rows) {
    char text[ANA__TEXT_SIZE];
    for (unsigned i = 0; i < rows->count; i++) {
        label_of(&rows->list[i], text);
        fprintf(canvas->script, "set label %u ", 200 + i);
        ana__quote(canvas->script, text);
        fprintf(canvas->script, " at graph -0.01, first %.9g right front\n", height_of(i));
    }
}

int ana__plot_faults(struct ana__canvas *canvas) {
    struct rows rows = {.count = 0};
    if (canvas->task->runs_count > 1)
        return ana__nothing(canvas->task, "faults are drawn of one run alone");
    count_rows(canvas->task->runs[0], &rows);
    if (rows.count == 0) return ana__nothing(canvas->task, "the trace has no faults");
    canvas->title = "Faults of the scenario";
    canvas->panels = 1;
    canvas->tall = ROW_HEIGHT * rows.count + 14;
    ana__of_runs(canvas);
    canvas->bands_count = 0;
    if (rows.left_out > 0) {
        size_t used = strlen(canvas->caption);
        snprintf(canvas->caption + used, sizeof canvas->caption - used,
                 ", %llu occurrences of further faults are not shown",
                 (unsigned long long)rows.left_out);
    }
    for (unsigned i = 0; i < rows.count; i++) {
        char text[ANA__TEXT_SIZE];
        label_of(&rows.list[i], text);
        if (ana__cells(text) > canvas->left) canvas->left = ana__cells(text);
    }
    ana__canvas_begin(canvas);
    put_bars(canvas, &rows, true);
    put_bars(canvas, &rows, false);
    put_labels(canvas, &rows);
    ana__panel(canvas, &(struct ana__panel){.y_label = "",
                                            .y_min = -(double)rows.count - 0.7,
                                            .y_max = -0.3,
                                            .bar = 0.56,
                                            .y_names = true});
    return WEFT_OK;
}
