/* The canvas: where on a picture what stands, and how lines are told apart.
 *
 *     title
 *     names of the bands, up to three lanes
 *     a panel: its key, then what it shows        (again for each)
 *     numbers of the axis, its label
 *     caption
 */
#include "analysis/plot_internal.h"

#include "core/base/assert.h"

#include <math.h>
#include <string.h>

/* Of images in pixels; of characters in characters. */
struct metrics {
    unsigned title, lane, key, gap, tics, label, line, end;
    unsigned left, right, cell; /* cell: a character of the small font */
    unsigned panel[4];          /* height, by the number of panels */
};

static const struct metrics image = {.title = 34,
                                     .lane = 14,
                                     .key = 22,
                                     .gap = 10,
                                     .tics = 22,
                                     .label = 20,
                                     .line = 14,
                                     .end = 8,
                                     .left = 84,
                                     .right = 26,
                                     .cell = 7,
                                     .panel = {0, 270, 160, 125}};
static const struct metrics text = {.title = 2,
                                    .lane = 1,
                                    .key = 1,
                                    .gap = 1,
                                    .tics = 2,
                                    .label = 1,
                                    .line = 1,
                                    .end = 0,
                                    .left = 10,
                                    .right = 2,
                                    .cell = 1,
                                    .panel = {0, 14, 9, 7}};

static bool is_text(const struct ana__canvas *canvas) {
    return canvas->task->format == ANA_PLOT_DUMB;
}

static const struct metrics *metrics_of(const struct ana__canvas *canvas) {
    return is_text(canvas) ? &text : &image;
}

static unsigned left_of(const struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    return canvas->left > 0 ? canvas->left * metrics->cell + 2 * metrics->right : metrics->left;
}

static unsigned panel_height(const struct ana__canvas *canvas) {
    if (canvas->tall == 0) return metrics_of(canvas)->panel[canvas->panels];
    return is_text(canvas) ? canvas->tall / 14 + 2 : canvas->tall;
}

/* So far from above, as a share of the whole from below. Rows of text are met in their middle. */
static double from_top(const struct ana__canvas *canvas, double at) {
    return 1 - (at + (is_text(canvas) ? 0.5 : 0)) / canvas->height;
}

static double from_left(const struct ana__canvas *canvas, double at) { return at / canvas->width; }

/* --- bands --- */

void ana__add_band(struct ana__canvas *canvas, const char *name, double from, double to) {
    if (canvas->bands_count == ANA__BANDS_MAX) return;
    struct ana__band *band = &canvas->bands[canvas->bands_count++];
    *band = (struct ana__band){.from = from, .to = to};
    ana__plain(name, 32, band->name);
}

/* The first lane in which the name begins after the ones before it have ended. */
static void place_names(struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    double ends[ANA__LANES_MAX] = {-INFINITY, -INFINITY, -INFINITY};
    double room = canvas->width - left_of(canvas) - metrics->right;
    for (unsigned i = 0; i < canvas->bands_count; i++) {
        struct ana__band *band = &canvas->bands[i];
        double wide = ana__cells(band->name) * metrics->cell;
        double at = (band->from - canvas->x_min) / (canvas->x_max - canvas->x_min) * room;
        band->at_right = at + wide > room;
        if (band->at_right) at = room - wide;
        while (band->lane < ANA__LANES_MAX && at < ends[band->lane]) band->lane++;
        if (band->lane == ANA__LANES_MAX) continue;
        ends[band->lane] = at + wide + 2 * metrics->cell;
        if (band->lane >= canvas->lanes) canvas->lanes = band->lane + 1;
    }
}

static void put_names(const struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    for (unsigned i = 0; i < canvas->bands_count; i++) {
        const struct ana__band *band = &canvas->bands[i];
        if (band->lane == ANA__LANES_MAX) continue;
        double y = metrics->title +
                   (canvas->lanes - band->lane - 1 + 0.5 * !is_text(canvas)) * metrics->lane;
        fprintf(canvas->script, "set label %u ", 100 + i);
        ana__quote(canvas->script, band->name);
        fprintf(canvas->script, " at first %.9g, screen %.6f %s front%s\n",
                band->at_right ? canvas->x_max : band->from, from_top(canvas, y),
                band->at_right ? "right" : "left",
                is_text(canvas) ? "" : " font ',10' textcolor rgb '#333333'");
    }
}

static void put_bands(const struct ana__canvas *canvas) {
    for (unsigned i = 0; i < canvas->bands_count; i++) {
        const struct ana__band *band = &canvas->bands[i];
        double ends[2] = {band->from, band->to};
        if (!is_text(canvas)) {
            fprintf(canvas->script,
                    "set object %u rectangle from first %.9g, graph 0 to first %.9g, graph 1 "
                    "behind fillcolor rgb '#808080' fillstyle transparent solid 0.22 noborder\n",
                    i + 1, band->from, band->to);
        }
        for (unsigned end = 0; end < 2; end++) {
            if (ends[end] < canvas->x_min || ends[end] > canvas->x_max) continue;
            fprintf(canvas->script,
                    "set arrow %u from first %.9g, graph 0 to first %.9g, graph 1 nohead back%s\n",
                    2 * i + end + 1, ends[end], ends[end],
                    is_text(canvas) ? "" : " linecolor rgb '#888888' linewidth 0.7");
        }
    }
}

/* --- the caption --- */

/* The next line of it, at most `cells` wide where it can be broken; NULL after the last. */
static const char *caption_line(const char *from, unsigned cells, char line[ANA__TEXT_SIZE]) {
    size_t used = 0, kept = 0;
    if (*from == '\0') return NULL;
    while (from[used] != '\0' && used < ANA__TEXT_SIZE - 1) {
        size_t part = strcspn(from + used, " ");
        char tried[ANA__TEXT_SIZE];
        snprintf(tried, sizeof tried, "%.*s", (int)(used + part), from);
        if (used > 0 && ana__cells(tried) > cells) break;
        kept = used + part;
        used = kept + strspn(from + kept, " ");
    }
    char whole[ANA__TEXT_SIZE];
    snprintf(whole, sizeof whole, "%.*s", (int)kept, from);
    ana__plain(whole, cells, line);
    return from + used;
}

static unsigned caption_cells(const struct ana__canvas *canvas) {
    return is_text(canvas) ? canvas->width : (canvas->width - 2 * image.right) * 10 / 62;
}

static unsigned put_caption(const struct ana__canvas *canvas, bool only_count) {
    char line[ANA__TEXT_SIZE];
    const char *at = canvas->caption;
    const struct metrics *metrics = metrics_of(canvas);
    unsigned count = 0, lines = only_count ? 0 : put_caption(canvas, true);
    for (; (at = caption_line(at, caption_cells(canvas), line)) != NULL; count++) {
        if (only_count) continue;
        fprintf(canvas->script, "set label %u ", 10 + count);
        ana__quote(canvas->script, line);
        fprintf(canvas->script, " at screen %.6f, screen %.6f left front%s\n",
                from_left(canvas, is_text(canvas) ? 0 : metrics->right / 2),
                from_top(canvas, canvas->height - metrics->end -
                                     (lines - count - 0.5 * !is_text(canvas)) * metrics->line),
                is_text(canvas) ? "" : " font ',10' textcolor rgb '#444444'");
    }
    return count;
}

/* --- begin and end --- */

static void put_terminal(const struct ana__canvas *canvas) {
    static const char *const names[] = {
        [ANA_PLOT_SVG] = "svg", [ANA_PLOT_PNG] = "pngcairo", [ANA_PLOT_DUMB] = "dumb"};
    fprintf(canvas->script, "set encoding utf8\nset terminal %s ", names[canvas->task->format]);
    if (is_text(canvas)) {
        fprintf(canvas->script, "%u %u mono noenhanced\n", canvas->width, canvas->height);
    } else {
        fprintf(canvas->script, "size %u,%u noenhanced font 'sans-serif,12' background 'white'%s\n",
                canvas->width, canvas->height,
                canvas->task->format == ANA_PLOT_SVG ? " fixed" : "");
    }
}

static void put_axis(const struct ana__canvas *canvas) {
    FILE *script = canvas->script;
    fputs("set tics nomirror out\nset border 3 front\n", script);
    if (!is_text(canvas)) {
        fputs("set grid xtics ytics back linetype 1 linecolor rgb '#dddddd' linewidth 0.6\n"
              "set border 3 front linecolor rgb '#333333'\nset xlabel offset 0,0.4\n",
              script);
    }
    if (!isnan(canvas->x_min))
        fprintf(script, "set xrange [%.9g:", canvas->x_min);
    else
        fputs("set xrange [*:", script);
    if (!isnan(canvas->x_max))
        fprintf(script, "%.9g]\n", canvas->x_max);
    else
        fputs("*]\n", script);
    if (canvas->x_log) fputs("set logscale x 10\n", script);
}

void ana__canvas_begin(struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    char title[ANA__TEXT_SIZE];
    WEFT_ASSERT(canvas->panels >= 1 && canvas->panels <= 3);
    canvas->width = canvas->task->width;
    if (canvas->key_rows == 0) canvas->key_rows = 1;
    place_names(canvas);
    canvas->top = metrics->title + canvas->lanes * metrics->lane;
    canvas->height = canvas->top +
                     canvas->panels * (canvas->key_rows * metrics->key + panel_height(canvas)) +
                     (canvas->panels - 1) * metrics->gap + metrics->tics + metrics->label +
                     put_caption(canvas, true) * metrics->line + metrics->end;
    put_terminal(canvas);
    fputs("set multiplot\n", canvas->script);
    put_axis(canvas);
    put_bands(canvas);
    put_names(canvas);
    put_caption(canvas, false);
    ana__plain(canvas->title, is_text(canvas) ? canvas->width : 200, title);
    fputs("set label 1 ", canvas->script);
    ana__quote(canvas->script, title);
    fprintf(canvas->script, " at screen %.6f, screen %.6f left front%s\n",
            from_left(canvas, is_text(canvas) ? 0 : metrics->right / 2),
            from_top(canvas, is_text(canvas) ? 0 : metrics->title / 2),
            is_text(canvas) ? "" : " font 'sans-serif:Bold,15'");
}

void ana__canvas_end(struct ana__canvas *canvas) {
    WEFT_ASSERT(canvas->panel == canvas->panels);
    fputs("unset multiplot\n", canvas->script);
}

/* --- curves --- */

void ana__curve_begin(struct ana__canvas *canvas, const char *name, enum ana__style style) {
    WEFT_ASSERT(canvas->curves_count < ANA__CURVES_MAX);
    struct ana__curve *curve = &canvas->curves[canvas->curves_count];
    *curve = (struct ana__curve){.style = style, .look = canvas->curves_count};
    ana__plain(name, 40, curve->name);
    fprintf(canvas->script, "$c%u << END\n", canvas->curves_count);
}

static void put_number(FILE *script, double number) {
    if (isfinite(number))
        fprintf(script, " %.9g", number);
    else
        fputs(" NaN", script);
}

void ana__point(struct ana__canvas *canvas, double x, double y) {
    put_number(canvas->script, x);
    put_number(canvas->script, y);
    fputc('\n', canvas->script);
}

void ana__point3(struct ana__canvas *canvas, double x, const double rest[3]) {
    put_number(canvas->script, x);
    for (int i = 0; i < 3; i++) put_number(canvas->script, rest[i]);
    fputc('\n', canvas->script);
}

void ana__curve_end(struct ana__canvas *canvas) {
    fputs("END\n", canvas->script);
    canvas->curves_count++;
}

/* --- panels --- */

/* Told apart by dashes and points first; colours are those that the colour-blind tell apart. */
static void put_look(const struct ana__canvas *canvas, const struct ana__curve *curve) {
    static const struct {
        const char *dashes, *colour;
        unsigned point;
    } looks[] = {{"1", "#000000", 7},
                 {"(12,5)", "#0072b2", 4},
                 {"(3,3)", "#d55e00", 8},
                 {"(14,4,3,4)", "#009e73", 2},
                 {"(7,3)", "#cc79a7", 13},
                 {"(2,5)", "#56b4e9", 10},
                 {"(14,3,2,3,2,3)", "#e69f00", 1},
                 {"(20,8)", "#777777", 6}};
    unsigned look = curve->look % (sizeof looks / sizeof looks[0]);
    if (is_text(canvas)) {
        fprintf(canvas->script, " linetype %u", curve->look + 1);
        return;
    }
    fprintf(canvas->script, " dashtype %s linecolor rgb '%s' linewidth %s", looks[look].dashes,
            looks[look].colour, look == 0 ? "1.8" : "2.2");
    if (curve->style == ANA__RANGES)
        fprintf(canvas->script, " pointtype %u pointsize 1", looks[look].point);
}

static void put_bars(const struct ana__canvas *canvas, const struct ana__curve *curve) {
    static const char *const fills[] = {"solid 0.75", "pattern 4", "pattern 1", "pattern 5",
                                        "solid 0.3",  "pattern 2", "pattern 6", "pattern 7"};
    fputs(" with boxes", canvas->script);
    if (is_text(canvas))
        fprintf(canvas->script, " linetype %u", curve->look + 1);
    else
        fprintf(canvas->script,
                " fillstyle %s border linecolor rgb '#222222' fillcolor rgb '#446688'",
                fills[curve->look % 8]);
}

static void put_curve(const struct ana__canvas *canvas, unsigned index, double bar) {
    const struct ana__curve *curve = &canvas->curves[index];
    FILE *script = canvas->script;
    fprintf(script, "%s$c%u using ", index == 0 ? "plot " : ", ", index);
    switch (curve->style) {
    case ANA__LINE:
        fputs("1:2 with lines", script);
        break;
    case ANA__STEPS:
        fputs("1:2 with steps", script);
        break;
    case ANA__RANGES:
        fputs("1:2:3:4 with yerrorlines", script);
        break;
    case ANA__BARS:
        fputs("1:2", script);
        put_bars(canvas, curve);
        break;
    case ANA__SPANS:
    case ANA__HOLLOW:
        if (is_text(canvas))
            fprintf(script, "1:3:($2-$1):(0) with vectors nohead linetype %u",
                    curve->style == ANA__SPANS ? 2 : 3);
        else
            fprintf(script,
                    "1:3:1:2:($3-%.9g):($3+%.9g) with boxxyerror fillstyle solid %s border "
                    "linecolor rgb '#000000' fillcolor rgb '%s'",
                    bar / 2, bar / 2, "1", curve->style == ANA__SPANS ? "#404040" : "#ffffff");
        break;
    }
    if (curve->style <= ANA__STEPS || curve->style == ANA__RANGES) put_look(canvas, curve);
    if (curve->name[0] == '\0') {
        fputs(" notitle", script);
        return;
    }
    fputs(" title ", script);
    ana__quote(script, curve->name);
}

static void put_key(const struct ana__canvas *canvas, const struct ana__panel *panel) {
    const struct metrics *metrics = metrics_of(canvas);
    unsigned left = left_of(canvas);
    FILE *script = canvas->script;
    if (is_text(canvas)) {
        char label[ANA__TEXT_SIZE];
        ana__plain(panel->y_label, canvas->width, label);
        fputs("set label 2 ", script);
        ana__quote(script, label);
        fprintf(script, " at screen 0, screen %.6f left\n", from_top(canvas, canvas->top));
        left = ana__cells(label) + 3;
    } else {
        fputs("set ylabel ", script);
        ana__quote(script, panel->y_label);
        fprintf(script, " offset %s\n", panel->y_names ? "0" : "0.5");
    }
    bool several = canvas->curves_count > 1;
    if (!several)
        fputs("unset key\n", script);
    else
        fprintf(script,
                "set key at screen %.6f, screen %.6f left top horizontal Left reverse samplen %s "
                "%s\n",
                from_left(canvas, left),
                from_top(canvas, canvas->top + (is_text(canvas) ? 0 : metrics->key / 4)),
                is_text(canvas) ? "2" : "4", is_text(canvas) ? "" : "font ',11'");
}

static void put_range(FILE *script, const struct ana__panel *panel) {
    fputs("set yrange [", script);
    if (isnan(panel->y_min))
        fputc('*', script);
    else
        fprintf(script, "%.9g", panel->y_min);
    if (isnan(panel->y_max))
        fputs(":*]\n", script);
    else
        fprintf(script, ":%.9g]\n", panel->y_max);
    if (panel->y_log) fputs("set logscale y 10\n", script);
    if (panel->y_most > 0 && panel->y_most <= 6) fputs("set ytics 1\n", script);
    if (panel->y_names) fputs("unset ytics\n", script);
}

static void put_place(const struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    unsigned top = canvas->top + canvas->key_rows * metrics->key;
    fprintf(canvas->script,
            "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
            "set tmargin at screen %.6f\nset bmargin at screen %.6f\n",
            from_left(canvas, left_of(canvas)), from_left(canvas, canvas->width - metrics->right),
            from_top(canvas, top), from_top(canvas, top + panel_height(canvas)));
}

void ana__panel(struct ana__canvas *canvas, const struct ana__panel *panel) {
    const struct metrics *metrics = metrics_of(canvas);
    FILE *script = canvas->script;
    bool last = canvas->panel + 1 == canvas->panels;
    WEFT_ASSERT(canvas->panel < canvas->panels && canvas->curves_count > 0);
    put_place(canvas);
    put_range(script, panel);
    put_key(canvas, panel);
    fprintf(script, "set format x '%s'\nset xlabel ", last ? "%g" : "");
    ana__quote(script, last ? canvas->x_label : "");
    fprintf(script, "\nset boxwidth %.9g\n%s", panel->bar > 0 ? panel->bar : 1,
            panel->more != NULL ? panel->more : "");
    for (unsigned i = 0; i < canvas->curves_count; i++) put_curve(canvas, i, panel->bar);
    fputs("\nunset label\nunset logscale y\nset ytics auto\n", script);
    canvas->top += canvas->key_rows * metrics->key + panel_height(canvas) + metrics->gap;
    canvas->curves_count = 0;
    canvas->panel++;
}
