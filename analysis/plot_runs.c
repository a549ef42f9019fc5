/* What pictures of runs have in common: whose they are, the axis of time, its bands, curves of
 * columns. */
#define _GNU_SOURCE
#include "analysis/plot_internal.h"

#include "core/base/error.h"

#include <math.h>
#include <string.h>

/* Rates and shares of fewer, longer intervals: one that holds two gets says little. */
#define RATE_POINTS_MAX 200
#define SHARE_POINTS_MAX 60
/* Points further apart than this share of the axis are not joined. */
#define GAP 0.04
/* Occurrences of one fault that are closer than this share of it are one band. */
#define BAND_GAP 0.03
#define STRETCHES_MAX 8

static double seconds(weft_time at) { return (double)at / 1e9; }

int ana__nothing(struct ana_plot_task *task, const char *why) {
    snprintf(task->why, sizeof task->why, "%s", why);
    return WEFT_ERR_NOT_FOUND;
}

/* --- whose it is --- */

static void head_of(const struct ana_series *run, const char *key, char out[ANA__TEXT_SIZE]) {
    char text[ANA__TEXT_SIZE];
    if (!ana_page_head(ana_series_page(run), key, text, sizeof text)) text[0] = '\0';
    ana__plain(text, 60, out);
}

/* What runs can differ in, and what tells them apart: the first of these that are enough. */
enum trait { SCENARIO = 0, SEED, NODES, BUILD, TRAITS };

static void trait_of(const struct ana_series *run, enum trait trait, char out[ANA__TEXT_SIZE]) {
    static const char *const keys[TRAITS] = {
        [SCENARIO] = "scenario", [SEED] = "seed", [BUILD] = "build"};
    char value[ANA__TEXT_SIZE];
    if (trait == NODES) {
        snprintf(out, ANA__TEXT_SIZE, "%u nodes", ana_series_nodes(run));
        return;
    }
    head_of(run, keys[trait], value);
    snprintf(out, ANA__TEXT_SIZE, "%s%.200s", trait == SEED ? "seed " : "", value);
}

static bool differ(const struct ana_plot_task *task, const unsigned runs[2], enum trait trait) {
    char one[ANA__TEXT_SIZE], other[ANA__TEXT_SIZE];
    trait_of(task->runs[runs[0]], trait, one);
    trait_of(task->runs[runs[1]], trait, other);
    return strcmp(one, other) != 0;
}

/* Whether any two runs differ in one of the traits before `end`. */
static bool are_distinct(const struct ana_plot_task *task, unsigned end) {
    for (unsigned i = 0; i < task->runs_count; i++) {
        for (unsigned k = i + 1; k < task->runs_count; k++) {
            unsigned trait = 0;
            while (trait < end && !differ(task, (unsigned[2]){i, k}, trait)) trait++;
            if (trait == end) return false;
        }
    }
    return true;
}

/* Traits that all share are not named. */
static bool is_shared(const struct ana_plot_task *task, enum trait trait) {
    for (unsigned i = 1; i < task->runs_count; i++) {
        if (differ(task, (unsigned[2]){0, i}, trait)) return false;
    }
    return true;
}

void ana__run_name(const struct ana_plot_task *task, unsigned run, char out[ANA__TEXT_SIZE]) {
    char text[TRAITS * ANA__TEXT_SIZE] = "", value[ANA__TEXT_SIZE];
    size_t used = 0;
    unsigned end = 0;
    while (end < TRAITS && !are_distinct(task, end)) end++;
    for (unsigned trait = 0; trait < end; trait++) {
        if (is_shared(task, trait)) continue;
        trait_of(task->runs[run], trait, value);
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? ", " : "", value);
    }
    if (!are_distinct(task, end)) snprintf(text, sizeof text, "run %u", run + 1);
    ana__plain(text, 40, out);
}

static void put_identity(const struct ana_plot_task *task, unsigned run, FILE *out) {
    const struct ana_page *page = ana_series_page(task->runs[run]);
    char scenario[ANA__TEXT_SIZE], seed[ANA__TEXT_SIZE], build[ANA__TEXT_SIZE];
    head_of(task->runs[run], "scenario", scenario);
    head_of(task->runs[run], "seed", seed);
    head_of(task->runs[run], "build", build);
    fprintf(out, "%s, ", scenario[0] != '\0' ? scenario : "no scenario");
    if (seed[0] != '\0') fprintf(out, "seed %s, ", seed);
    if (page->ended) {
        fprintf(out, "hash %016llx%016llx, ", (unsigned long long)page->hash_high,
                (unsigned long long)page->hash_low);
        fprintf(out, "%s, ", page->held ? "holds" : "fails");
    } else {
        fputs("no hash (the trace ends before the run), ", out);
    }
    fprintf(out, "%u nodes, %s", ana_series_nodes(task->runs[run]),
            build[0] != '\0' ? build : "unknown build");
}

static void put_caption(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    FILE *out = fmemopen(canvas->caption, sizeof canvas->caption, "w");
    if (out == NULL) return;
    for (unsigned i = 0; i < task->runs_count; i++) {
        if (i > 0) fputc('\n', out);
        if (!are_distinct(task, TRAITS)) fprintf(out, "run %u: ", i + 1);
        put_identity(task, i, out);
    }
    fclose(out);
    canvas->caption[sizeof canvas->caption - 1] = '\0';
}

/* --- time --- */

void ana__time_range(const struct ana_plot_task *task, double *from, double *to) {
    *from = INFINITY;
    *to = -INFINITY;
    for (unsigned i = 0; i < task->runs_count; i++) {
        const struct ana_series *run = task->runs[i];
        double first = seconds(ana_series_start(run, 0));
        double last = seconds(ana_series_page(run)->last);
        *from = fmin(*from, first);
        *to = fmax(*to, last > first ? last : first + seconds(ana_series_interval(run)));
    }
}

struct ana__scale ana__time_scale(const struct ana_plot_task *task) {
    double from, to;
    ana__time_range(task, &from, &to);
    return ana__scale_time(to - from);
}

/* --- bands --- */

struct stretch {
    uint64_t fault;
    const char *name;
    double from, to;
    unsigned count; /* occurrences */
    bool several;   /* of several faults */
};

struct stretches {
    struct stretch list[ANA__BANDS_MAX];
    unsigned count;
    bool mixed; /* whatever the fault */
};

static void add_stretch(struct ana__canvas *canvas, const struct stretch *stretch) {
    char name[ANA__TEXT_SIZE + 32];
    const char *fault = stretch->name[0] != '\0' ? stretch->name : "fault";
    if (stretch->several) fault = "faults";
    if (stretch->count > 1)
        snprintf(name, sizeof name, "%.200s ×%u", fault, stretch->count);
    else
        snprintf(name, sizeof name, "%.200s", fault);
    ana__add_band(canvas, name, stretch->from, stretch->to);
}

static struct stretch *stretch_for(struct stretches *all, uint64_t fault, double from) {
    for (unsigned i = 0; i < all->count; i++) {
        struct stretch *stretch = &all->list[i];
        if ((all->mixed || stretch->fault == fault) && stretch->to >= from) return stretch;
    }
    return NULL;
}

/* In order of their beginning, as the bands are. False: too many to be told apart. */
static bool gather(const struct ana__canvas *canvas, double scale, struct stretches *all) {
    uint32_t count;
    const struct ana_band *bands = ana_series_bands(canvas->task->runs[0], &count);
    double near = BAND_GAP * (canvas->x_max - canvas->x_min);
    unsigned most = all->mixed ? ANA__BANDS_MAX : STRETCHES_MAX;
    all->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        double on = seconds(bands[i].on) / scale;
        double off =
            bands[i].off == WEFT_TIME_NEVER ? canvas->x_max : seconds(bands[i].off) / scale;
        struct stretch *stretch = stretch_for(all, bands[i].fault, on - near);
        if (stretch == NULL && all->count == most) return false;
        if (stretch == NULL) {
            stretch = &all->list[all->count++];
            *stretch = (struct stretch){bands[i].fault, bands[i].name, on, on, 0, false};
        }
        stretch->several = stretch->several || stretch->fault != bands[i].fault;
        stretch->to = fmax(stretch->to, fmin(off, canvas->x_max));
        stretch->count++;
    }
    return true;
}

/* Of each fault for itself; where that is too much for the eye, of all together. */
static void add_stretches(struct ana__canvas *canvas, double scale) {
    struct stretches all = {.mixed = false};
    if (!gather(canvas, scale, &all)) {
        all.mixed = true;
        (void)gather(canvas, scale, &all);
    }
    for (unsigned i = 0; i < all.count; i++) add_stretch(canvas, &all.list[i]);
}

/* Whether what happened when is the same in all runs. */
static bool bands_alike(const struct ana_plot_task *task) {
    uint32_t count, others;
    const struct ana_band *bands = ana_series_bands(task->runs[0], &count), *other;
    for (unsigned i = 1; i < task->runs_count; i++) {
        other = ana_series_bands(task->runs[i], &others);
        if (others != count) return false;
        for (uint32_t k = 0; k < count; k++) {
            if (bands[k].fault != other[k].fault || bands[k].kind != other[k].kind ||
                bands[k].on != other[k].on || bands[k].off != other[k].off)
                return false;
        }
    }
    return true;
}

void ana__of_runs(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    struct ana__scale scale = ana__time_scale(task);
    put_caption(canvas);
    ana__time_range(task, &canvas->x_min, &canvas->x_max);
    canvas->x_min /= scale.by;
    canvas->x_max /= scale.by;
    canvas->x_label = strcmp(scale.unit, "ms") == 0    ? "time, ms"
                      : strcmp(scale.unit, "s") == 0   ? "time, s"
                      : strcmp(scale.unit, "min") == 0 ? "time, min"
                      : strcmp(scale.unit, "h") == 0   ? "time, h"
                                                       : "time, days";
    if (bands_alike(task)) add_stretches(canvas, scale.by);
}

/* --- columns --- */

bool ana__has(const struct ana_plot_task *task, enum ana_column column) {
    for (unsigned i = 0; i < task->runs_count; i++) {
        const double *values = ana_series_column(task->runs[i], column);
        uint32_t count = values != NULL ? ana_series_count(task->runs[i]) : 0;
        for (uint32_t k = 0; k < count; k++) {
            if (!isnan(values[k])) return true;
        }
    }
    return false;
}

double ana__most(const struct ana_plot_task *task, enum ana_column column) {
    double most = 0;
    for (unsigned i = 0; i < task->runs_count; i++) {
        const double *values = ana_series_column(task->runs[i], column);
        uint32_t count = values != NULL ? ana_series_count(task->runs[i]) : 0;
        for (uint32_t k = 0; k < count; k++) {
            if (values[k] > most) most = values[k];
        }
    }
    return most;
}

/* Where on the axis the intervals from `first` to before `end` are: in their middle; what holds as
 * of the end of one, at its end. */
static double place_of(const struct ana_series *run, uint32_t first, uint32_t end, bool at_end) {
    double from = seconds(ana_series_start(run, first));
    double to = fmin(seconds(ana_series_start(run, end - 1) + ana_series_interval(run)),
                     seconds(ana_series_page(run)->last));
    if (to < from) to = from;
    return at_end ? to : (from + to) / 2;
}

static double sum_of(const double *values, uint32_t first, uint32_t end) {
    double sum = NAN;
    for (uint32_t i = first; values != NULL && i < end; i++) {
        if (!isnan(values[i])) sum = (isnan(sum) ? 0 : sum) + values[i];
    }
    return sum;
}

struct source {
    const struct ana_series *run;
    const struct ana__of_column *of;
    const double *values, *others;
    uint32_t step; /* intervals that make a point */
};

static double value_at(const struct source *source, uint32_t first, uint32_t end) {
    const struct ana__of_column *of = source->of;
    double length = (double)(end - first) * seconds(ana_series_interval(source->run));
    double value = sum_of(source->values, first, end), other;
    switch (of->how) {
    case ANA__AS_IT_IS:
        break;
    case ANA__RATE:
        value /= length;
        break;
    case ANA__SHARE:
        other = sum_of(source->others, first, end);
        value = isnan(value) ? 0 : value;
        value = value + (isnan(other) ? 0 : other) > 0
                    ? 100 * value / (value + (isnan(other) ? 0 : other))
                    : NAN;
        break;
    case ANA__QUOTIENT:
        other = sum_of(source->others, first, end);
        value = other > 0 ? value / other : NAN;
        break;
    }
    return value / of->scale;
}

struct point {
    double x, y;
};

/* Points join those before them; one that neither follows nor is followed is a dash. */
struct line {
    struct ana__canvas *canvas;
    double gap, dash;
    struct point last; /* x NAN: none yet */
    bool joined;       /* the last is, with one before */
};

static void end_stroke(struct line *line) {
    if (isnan(line->last.x)) return;
    if (!line->joined) ana__point(line->canvas, line->last.x + line->dash, line->last.y);
    ana__point(line->canvas, line->last.x + line->dash, NAN);
}

static void add_point(struct line *line, struct point point) {
    bool joins = point.x - line->last.x <= line->gap;
    if (!joins) end_stroke(line);
    ana__point(line->canvas, point.x, point.y);
    line->joined = joins;
    line->last = point;
}

static void put_points(struct ana__canvas *canvas, const struct source *source) {
    double scale = ana__time_scale(canvas->task).by, range = canvas->x_max - canvas->x_min;
    double length = source->step * seconds(ana_series_interval(source->run)) / scale;
    struct line line = {canvas, fmax(GAP * range, 1.5 * length), 0.004 * range, {NAN, NAN}, false};
    uint32_t count = ana_series_count(source->run);
    bool at_end = ana_column_about(source->of->column)->role == ANA_LAST;
    for (uint32_t i = 0; i < count; i += source->step) {
        uint32_t end = count - i < source->step ? count : i + source->step;
        struct point point = {place_of(source->run, i, end, at_end) / scale,
                              value_at(source, i, end)};
        /* the last interval is not whole: it has no rate */
        bool whole = source->of->how != ANA__RATE || end < count || i == 0;
        if (!isnan(point.y) && whole) add_point(&line, point);
    }
    if (isnan(line.last.x)) ana__point(canvas, canvas->x_min, NAN);
    end_stroke(&line);
}

/* Intervals to a point, so that there are not more than `most`: 1, 2, 5, 10, ... of them. */
static uint32_t step_for(uint32_t count, uint32_t most) {
    static const uint32_t lengths[] = {1, 2, 5};
    for (uint32_t decade = 1;; decade *= 10) {
        for (unsigned i = 0; i < 3; i++) {
            if (count / (decade * lengths[i]) <= most) return decade * lengths[i];
        }
    }
}

void ana__column_curves(struct ana__canvas *canvas, const struct ana__of_column *of) {
    const struct ana_plot_task *task = canvas->task;
    for (unsigned i = 0; i < task->runs_count; i++) {
        struct source source = {.run = task->runs[i],
                                .of = of,
                                .values = ana_series_column(task->runs[i], of->column),
                                .others = ana_series_column(task->runs[i], of->other),
                                .step = 1};
        uint32_t most = of->how == ANA__RATE    ? RATE_POINTS_MAX
                        : of->how == ANA__SHARE ? SHARE_POINTS_MAX
                                                : UINT32_MAX;
        if (source.values == NULL) continue;
        source.step = step_for(ana_series_count(task->runs[i]), most);
        char name[ANA__TEXT_SIZE];
        ana__run_name(task, i, name);
        ana__curve_begin(canvas, task->runs_count > 1 ? name : of->name, ANA__LINE);
        if (task->runs_count > 1) canvas->curves[canvas->curves_count].look = i;
        put_points(canvas, &source);
        ana__curve_end(canvas);
    }
}
