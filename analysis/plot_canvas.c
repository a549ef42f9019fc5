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
#include "core/base/error.h"

#include <math.h>
#include <string.h>

/* Of images in pixels; of characters in characters. */
struct metrics {
    unsigned title, lane, key, gap, tics, label, line, end;
    unsigned left, right, small; /* left of an axis, right of it; left of a title */
    unsigned cell, sample;       /* a character of the small font; a sample of a curve */
    unsigned panel[4];           /* height, by the number of panels */
};

static const struct metrics image = {.title = 36,
                                     .lane = 15,
                                     .key = 28,
                                     .gap = 14,
                                     .tics = 30,
                                     .label = 26,
                                     .line = 15,
                                     .end = 6,
                                     .left = 78,
                                     .right = 36,
                                     .small = 12,
                                     .cell = 8,
                                     .sample = 40,
                                     .panel = {0, 270, 160, 125}};
static const struct metrics text = {.title = 2,
                                    .lane = 1,
                                    .key = 1,
                                    .gap = 2,
                                    .tics = 3,
                                    .label = 1,
                                    .line = 1,
                                    .end = 0,
                                    .left = 9,
                                    .right = 4,
                                    .small = 0,
                                    .cell = 1,
                                    .sample = 4,
                                    .panel = {0, 14, 9, 7}};

static bool is_text(const struct ana__canvas *canvas) {
    return canvas->task->format == ANA_PLOT_DUMB;
}

static const struct metrics *metrics_of(const struct ana__canvas *canvas) {
    return is_text(canvas) ? &text : &image;
}

static unsigned left_of(const struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    return canvas->left > 0 ? canvas->left * metrics->cell + metrics->right : metrics->left;
}

static unsigned panel_height(const struct ana__canvas *canvas) {
    if (canvas->tall == 0) return metrics_of(canvas)->panel[canvas->panels];
    return is_text(canvas) ? canvas->tall / 22 + 2 : canvas->tall;
}

/* A place so far from the left and from above. How high a picture is, is known at its end: H. Rows
 * of text are met in their middle. */
static void put_at(const struct ana__canvas *canvas, double left, double above) {
    double within = is_text(canvas) ? 0.5 : 0;
    fprintf(canvas->script, "screen %.6f, screen 1-%.1f/H", (left + within) / canvas->width,
            above + within);
}

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
        fprintf(canvas->script, " at first %.9g, screen 1-%.1f/H %s front%s\n",
                band->at_right ? canvas->x_max : band->from, y + 0.5 * is_text(canvas),
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
                    "behind fillcolor rgb '#808080' fillstyle transparent solid 0.18 noborder\n",
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
        size_t part = strcspn(from + used, " \n");
        char tried[ANA__TEXT_SIZE];
        snprintf(tried, sizeof tried, "%.*s", (int)(used + part), from);
        if (used > 0 && ana__cells(tried) > cells) break;
        kept = used + part;
        if (from[kept] == '\n') {
            used = kept + 1;
            break;
        }
        used = kept + strspn(from + kept, " ");
    }
    char whole[ANA__TEXT_SIZE];
    snprintf(whole, sizeof whole, "%.*s", (int)kept, from);
    ana__plain(whole, cells, line);
    return from + used;
}

static void put_caption(struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    unsigned cells =
        is_text(canvas) ? canvas->width : (canvas->width - 2 * metrics->small) * 10 / 66;
    char line[ANA__TEXT_SIZE];
    const char *at = canvas->caption;
    for (unsigned i = 0; (at = caption_line(at, cells, line)) != NULL; i++) {
        fprintf(canvas->script, "set label %u ", 10 + i);
        ana__quote(canvas->script, line);
        fputs(" at ", canvas->script);
        put_at(canvas, metrics->small, canvas->top + 0.5 * !is_text(canvas) * metrics->line);
        fprintf(canvas->script, " left front%s\n",
                is_text(canvas) ? "" : " font ',10' textcolor rgb '#444444'");
        canvas->top += metrics->line;
    }
    canvas->top += metrics->end;
}

/* --- begin and end --- */

static void put_terminal(const struct ana__canvas *canvas, FILE *script) {
    static const char *const names[] = {
        [ANA_PLOT_SVG] = "svg", [ANA_PLOT_PNG] = "pngcairo", [ANA_PLOT_DUMB] = "dumb"};
    fprintf(script, "H = %u.0\nset encoding utf8\nset terminal %s ", canvas->top,
            names[canvas->task->format]);
    if (is_text(canvas)) {
        fprintf(script, "%u %u mono noenhanced\n", canvas->width, canvas->top);
    } else {
        fprintf(script, "size %u,%u noenhanced font 'sans-serif,11' background 'white'%s\n",
                canvas->width, canvas->top,
                canvas->task->format == ANA_PLOT_SVG ? " fixed fontscale 1.25" : "");
    }
}

static void put_axis(const struct ana__canvas *canvas) {
    FILE *script = canvas->script;
    fputs("set tics nomirror out\nset border 3 front\n", script);
    if (!is_text(canvas)) {
        fputs("set grid xtics ytics back linetype 1 linecolor rgb '#dddddd' linewidth 0.6\n"
              "set border 3 front linecolor rgb '#333333'\n",
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
    place_names(canvas);
    canvas->top = metrics->title + canvas->lanes * metrics->lane;
    fputs("set multiplot\nunset key\n", canvas->script);
    put_axis(canvas);
    put_bands(canvas);
    put_names(canvas);
    ana__plain(canvas->title, is_text(canvas) ? canvas->width : 200, title);
    fputs("set label 1 ", canvas->script);
    ana__quote(canvas->script, title);
    fputs(" at ", canvas->script);
    put_at(canvas, metrics->small, is_text(canvas) ? 0 : metrics->title / 2);
    fprintf(canvas->script, " left front%s\n", is_text(canvas) ? "" : " font 'sans-serif:Bold,14'");
}

/* What was written so far stands after the size, which is known only now. */
int ana__canvas_end(struct ana__canvas *canvas) {
    FILE *body = canvas->script, *whole = tmpfile();
    char block[4096];
    size_t size;
    WEFT_ASSERT(canvas->panel == canvas->panels);
    fputs("unset multiplot\n", body);
    rewind(body);
    if (whole != NULL) put_terminal(canvas, whole);
    while (whole != NULL && (size = fread(block, 1, sizeof block, body)) > 0) {
        fwrite(block, 1, size, whole);
    }
    bool good = whole != NULL && !ferror(body) && !ferror(whole);
    fclose(body);
    canvas->script = whole;
    if (!good) snprintf(canvas->task->why, sizeof canvas->task->why, "a temporary file: no room");
    return good ? WEFT_OK : WEFT_ERR_IO;
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

void ana__range(struct ana__canvas *canvas, double x, const double middle_least_most[3]) {
    put_number(canvas->script, x);
    for (int i = 0; i < 3; i++) put_number(canvas->script, middle_least_most[i]);
    fputc('\n', canvas->script);
}

/* Of characters: a line. */
void ana__span(struct ana__canvas *canvas, double from, double to, double y) {
    if (is_text(canvas)) {
        ana__point(canvas, from, y);
        ana__point(canvas, to, y);
        ana__point(canvas, to, NAN);
    } else {
        put_number(canvas->script, from);
        put_number(canvas->script, to);
        put_number(canvas->script, y);
        fputc('\n', canvas->script);
    }
}

void ana__curve_end(struct ana__canvas *canvas) {
    fputs("END\n", canvas->script);
    canvas->curves_count++;
}

/* --- how they are told apart --- */

/* By dashes and points first; the colours are those that the colour-blind tell apart. */
static const struct {
    const char *dashes, *colour;
    unsigned point;
    const char *fill; /* of bars */
} looks[] = {
    {"1", "#000000", 7, "solid 0.75"},
    {"(12,5)", "#0072b2", 4, "pattern 4"},
    {"(3,3)", "#d55e00", 8, "pattern 1"},
    {"(14,4,3,4)", "#009e73", 2, "pattern 5"},
    {"(7,3)", "#cc79a7", 13, "solid 0.3"},
    {"(2,5)", "#56b4e9", 10, "pattern 2"},
    {"(14,3,2,3,2,3)", "#e69f00", 1, "pattern 6"},
    {"(20,8)", "#777777", 6, "pattern 7"},
};
#define LOOKS_COUNT (sizeof looks / sizeof looks[0])

static bool is_line(const struct ana__curve *curve) {
    return curve->style == ANA__LINE || curve->style == ANA__RANGES;
}

static void put_line_look(FILE *script, const struct ana__curve *curve) {
    unsigned look = curve->look % LOOKS_COUNT;
    fprintf(script, " dashtype %s linecolor rgb '%s' linewidth %s", looks[look].dashes,
            looks[look].colour, look == 0 ? "1.8" : "2.2");
}

static void put_fill_look(FILE *script, const struct ana__curve *curve) {
    unsigned look = curve->look % LOOKS_COUNT;
    bool bars = curve->style == ANA__BARS;
    fprintf(script, " fillstyle %s border linecolor rgb '#000000'",
            bars ? looks[look].fill : "solid 1");
    fprintf(script, " fillcolor rgb '%s'",
            bars                         ? "#446688"
            : curve->style == ANA__SPANS ? "#404040"
                                         : "#ffffff");
}

/* --- the key: what the axis up is, then a sample and the name of each curve --- */

/* Of text, gnuplot draws each curve by a character of its own. */
static char text_mark(const struct ana__curve *curve) { return "*#$%@&="[curve->look % 7]; }

static void put_text_sample(struct ana__canvas *canvas, unsigned index, double left) {
    char mark = text_mark(&canvas->curves[index]);
    fprintf(canvas->script, "set label %u '%c%c%c' at ", 500 + index, mark, mark, mark);
    put_at(canvas, left, canvas->top);
    fputs(" left front\n", canvas->script);
}

static void put_sample(struct ana__canvas *canvas, unsigned index, double left) {
    const struct ana__curve *curve = &canvas->curves[index];
    double middle = canvas->top + (image.key / 2.0 - 2), high = is_line(curve) ? 0 : 6;
    if (is_text(canvas)) {
        put_text_sample(canvas, index, left);
        return;
    }
    fprintf(canvas->script, is_line(curve) ? "set arrow %u from " : "set object %u rectangle from ",
            500 + index);
    put_at(canvas, left, middle + high);
    fputs(" to ", canvas->script);
    put_at(canvas, left + image.sample - 6, middle - high);
    fputs(is_line(curve) ? " nohead front" : " front", canvas->script);
    if (is_line(curve))
        put_line_look(canvas->script, curve);
    else
        put_fill_look(canvas->script, curve);
    fputc('\n', canvas->script);
    if (curve->style != ANA__RANGES) return;
    unsigned look = curve->look % LOOKS_COUNT;
    fprintf(canvas->script, "set label %u '' at ", 580 + index);
    put_at(canvas, left + image.sample / 2.0 - 3, middle);
    fprintf(canvas->script, " point pointtype %u pointsize 1 linecolor rgb '%s' front\n",
            looks[look].point, looks[look].colour);
}

static void put_name(struct ana__canvas *canvas, unsigned index, double left) {
    fprintf(canvas->script, "set label %u ", 540 + index);
    ana__quote(canvas->script, canvas->curves[index].name);
    fputs(" at ", canvas->script);
    put_at(canvas, left, canvas->top + (is_text(canvas) ? 0 : (image.key / 2.0 - 2)));
    fprintf(canvas->script, " left front%s\n", is_text(canvas) ? "" : " font ',10'");
}

static void put_y_label(struct ana__canvas *canvas, const char *label) {
    char plain[ANA__TEXT_SIZE];
    ana__plain(label, is_text(canvas) ? canvas->width : 100, plain);
    fputs("set label 2 ", canvas->script);
    ana__quote(canvas->script, plain);
    fputs(" at ", canvas->script);
    put_at(canvas, metrics_of(canvas)->small,
           canvas->top + (is_text(canvas) ? 0 : (image.key / 2.0 - 2)));
    fputs(" left front\n", canvas->script);
}

static bool has_key(const struct ana__canvas *canvas) {
    return (canvas->curves_count > 1 || canvas->task->runs_count > 1) && !canvas->key_told;
}

/* As many rows as it takes; `top` is below them then. */
static void put_key(struct ana__canvas *canvas, const char *label) {
    const struct metrics *metrics = metrics_of(canvas);
    double first = metrics->small + (ana__cells(label) + 3.0) * metrics->cell, left = first;
    put_y_label(canvas, label);
    if (label[0] == '\0') left = first = left_of(canvas);
    for (unsigned i = 0; i < canvas->curves_count && has_key(canvas); i++) {
        double wide = metrics->sample + (ana__cells(canvas->curves[i].name) + 2.0) * metrics->cell;
        if (left > first && left + wide > canvas->width) {
            left = first;
            canvas->top += metrics->key;
        }
        put_sample(canvas, i, left);
        put_name(canvas, i, left + metrics->sample);
        left += wide;
    }
    canvas->top += metrics->key;
}

static void unset_key(struct ana__canvas *canvas) {
    for (unsigned i = 0; i < canvas->curves_count && has_key(canvas); i++) {
        if (is_text(canvas)) continue;
        fprintf(canvas->script, "unset %s %u\n", is_line(&canvas->curves[i]) ? "arrow" : "object",
                500 + i);
    }
    fputs("unset label\n", canvas->script);
}

/* --- panels --- */

static void put_boxes(const struct ana__canvas *canvas, const struct ana__curve *curve,
                      double bar) {
    FILE *script = canvas->script;
    if (curve->style == ANA__BARS) {
        fputs("1:2 with boxes", script);
    } else {
        fprintf(script, "1:3:1:2:($3-%.9g):($3+%.9g) with boxxyerror", bar / 2, bar / 2);
    }
    put_fill_look(script, curve);
}

static void put_curve(const struct ana__canvas *canvas, unsigned index,
                      const struct ana__panel *panel) {
    const struct ana__curve *curve = &canvas->curves[index];
    FILE *script = canvas->script;
    fprintf(script, "%s$c%u using ", index == 0 ? "plot " : ", ", index);
    if (is_text(canvas) && curve->style == ANA__RANGES) {
        fprintf(script, "1:2 with linespoints linetype %u pointtype '%c'", curve->look + 1,
                text_mark(curve));
    } else if (is_text(canvas)) {
        fprintf(script, "1:2 with %s linetype %u", curve->style == ANA__BARS ? "boxes" : "lines",
                curve->look + 1);
    } else if (curve->style == ANA__LINE) {
        fputs("1:2 with lines", script);
        put_line_look(script, curve);
    } else if (curve->style == ANA__RANGES) {
        fputs("1:2:3:4 with yerrorlines", script);
        put_line_look(script, curve);
        fprintf(script, " pointtype %u pointsize 1", looks[curve->look % LOOKS_COUNT].point);
    } else {
        put_boxes(canvas, curve, panel->bar);
    }
    if (panel->values)
        fprintf(script,
                ", $c%u using 1:2:($2 > 0 ? sprintf('%%.1f', $2) : '') with labels offset "
                "0,0.7%s",
                index, is_text(canvas) ? "" : " font ',10'");
}

/* At most six tics above 0: every 1, 2 or 5 times a power of ten. */
static void put_tics(FILE *script, const struct ana__panel *panel) {
    double decade = pow(10, floor(log10(panel->y_most / 6))), step = decade;
    if (panel->y_most > 6 * step) step = 2 * decade;
    if (panel->y_most > 6 * step) step = 5 * decade;
    if (panel->y_most > 6 * step) step = 10 * decade;
    if (panel->whole && step < 1) step = 1;
    fprintf(script, "set ytics %.9g\n", step);
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
    if (panel->y_most > 0 && !panel->y_log) put_tics(script, panel);
    if (panel->y_names) fputs("unset ytics\n", script);
}

/* From `top` on, which is below it then. */
static void put_place(struct ana__canvas *canvas) {
    double wide = canvas->width, row = is_text(canvas) ? 0.5 : 0;
    unsigned bottom = canvas->top + panel_height(canvas);
    fprintf(canvas->script,
            "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
            "set tmargin at screen 1-%.1f/H\nset bmargin at screen 1-%.1f/H\n",
            left_of(canvas) / wide, (wide - metrics_of(canvas)->right) / wide, canvas->top + row,
            bottom + row);
    canvas->top = bottom;
}

static void put_x_label(struct ana__canvas *canvas) {
    const struct metrics *metrics = metrics_of(canvas);
    fputs("set label 3 ", canvas->script);
    ana__quote(canvas->script, canvas->x_label);
    fputs(" at ", canvas->script);
    put_at(canvas, (left_of(canvas) + canvas->width - metrics->right) / 2.0,
           canvas->top + metrics->tics + (is_text(canvas) ? 0 : metrics->label / 2.0 - 4));
    fputs(" center front\n", canvas->script);
    canvas->top += metrics->tics + metrics->label;
}

void ana__panel(struct ana__canvas *canvas, const struct ana__panel *panel) {
    FILE *script = canvas->script;
    bool last = canvas->panel + 1 == canvas->panels;
    WEFT_ASSERT(canvas->panel < canvas->panels && canvas->curves_count > 0);
    put_key(canvas, panel->y_label);
    put_place(canvas);
    put_range(script, panel);
    fprintf(script, "set format x '%s'\nset boxwidth %.9g\n%s", last ? "%g" : "",
            panel->bar > 0 ? panel->bar : 1, panel->more != NULL ? panel->more : "");
    if (last) {
        put_x_label(canvas);
        put_caption(canvas);
    } else {
        canvas->top += metrics_of(canvas)->gap;
    }
    for (unsigned i = 0; i < canvas->curves_count; i++) put_curve(canvas, i, panel);
    fputc('\n', script);
    unset_key(canvas);
    fputs("unset logscale y\nset ytics auto\n", script);
    unsigned runs = canvas->task->runs_count;
    canvas->key_told = runs > 1 && canvas->curves_count == runs;
    canvas->curves_count = 0;
    canvas->panel++;
}
