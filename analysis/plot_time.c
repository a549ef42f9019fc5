/* Pictures over time: each a table of what stands in which panel. */
#include "analysis/plot_internal.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <math.h>

/* Whether there is anything to draw: a share of nothing is none. */
static bool has(const struct ana_plot_task *task, const struct ana__of_column *of) {
    if (of->how == ANA__SHARE)
        return ana__most(task, of->column) > 0 || ana__most(task, of->other) > 0;
    return ana__has(task, of->column);
}

static void curves(struct ana__canvas *canvas, const struct ana__of_column *list, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        if (has(canvas->task, &list[i])) ana__column_curves(canvas, &list[i]);
    }
}

#define CURVES(canvas, ...)                                                                        \
    do {                                                                                           \
        const struct ana__of_column list_[] = {__VA_ARGS__};                                       \
        curves((canvas), list_, sizeof list_ / sizeof list_[0]);                                   \
    } while (0)

/* The top of an axis that begins at 0 and may have nothing but zeroes. */
static double top_of(double most) { return most > 0 ? NAN : 1; }

static double most_of(const struct ana__canvas *canvas, enum ana_column column, double scale) {
    return ana__most(canvas->task, column) / scale;
}

/* "heap, MiB"; the label lives as long as the caller's buffer. */
static const char *label_of(char out[64], const char *what, const char *unit) {
    snprintf(out, 64, "%s%s", what, unit);
    return out;
}

static bool alone(const struct ana__canvas *canvas) { return canvas->task->runs_count == 1; }

/* --- packets --- */

/* Latencies differ by orders of magnitude: their axis is logarithmic. */
static void latency_panel(struct ana__canvas *canvas, const char *label) {
    ana__panel(canvas,
               &(struct ana__panel){.y_label = label, .y_min = NAN, .y_max = NAN, .y_log = true});
}

int ana__plot_latency(struct ana__canvas *canvas) {
    if (!ana__has(canvas->task, ANA_COLUMN_PACKET_P50))
        return ana__nothing(canvas->task, "the trace has no packets that were received");
    canvas->title =
        alone(canvas) ? "Message latency over time" : "Message latency over time, 99th percentile";
    canvas->panels = 1;
    ana__of_runs(canvas);
    ana__canvas_begin(canvas);
    if (alone(canvas)) {
        CURVES(canvas, {.column = ANA_COLUMN_PACKET_P99, .name = "99 % within", .scale = 1e-3},
               {.column = ANA_COLUMN_PACKET_P90, .name = "90 % within", .scale = 1e-3},
               {.column = ANA_COLUMN_PACKET_P50, .name = "50 % within (median)", .scale = 1e-3});
    } else {
        CURVES(canvas, {.column = ANA_COLUMN_PACKET_P99, .scale = 1e-3});
    }
    latency_panel(canvas, "packet latency, ms");
    return WEFT_OK;
}

int ana__plot_delivery(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    if (!ana__has(task, ANA_COLUMN_DELIVERY))
        return ana__nothing(canvas->task, "the trace has no packets");
    double most = fmax(ana__most(task, ANA_COLUMN_PACKETS_SENT), 1) /
                  ((double)ana_series_interval(task->runs[0]) / 1e9);
    struct ana__scale scale = ana__scale_count(most);
    char label[64];
    canvas->title = "Delivery of messages over time";
    canvas->panels = 2;
    ana__of_runs(canvas);
    ana__canvas_begin(canvas);
    CURVES(canvas, {.column = ANA_COLUMN_DELIVERY, .name = "delivered", .scale = 0.01});
    ana__panel(canvas,
               &(struct ana__panel){.y_label = "packets delivered, %", .y_min = 0, .y_max = 100});
    if (alone(canvas)) {
        CURVES(canvas,
               {.column = ANA_COLUMN_PACKETS_SENT,
                .name = "sent",
                .scale = scale.by,
                .how = ANA__RATE},
               {.column = ANA_COLUMN_PACKETS_LOST,
                .name = "lost",
                .scale = scale.by,
                .how = ANA__RATE});
    } else {
        CURVES(canvas, {.column = ANA_COLUMN_PACKETS_LOST, .scale = scale.by, .how = ANA__RATE});
    }
    ana__panel(canvas,
               &(struct ana__panel){
                   .y_label = label_of(label, alone(canvas) ? "packets a second" : "lost a second",
                                       scale.unit),
                   .y_max = top_of(most)});
    return WEFT_OK;
}

/* --- lookups --- */

static void share_panel(struct ana__canvas *canvas) {
#define SHARE(NAME, name_)                                                                         \
    {                                                                                              \
        .column = ANA_COLUMN_##NAME##_OK, .other = ANA_COLUMN_##NAME##_FAILED, .name = (name_),    \
        .scale = 1, .how = ANA__SHARE                                                              \
    }
    if (alone(canvas)) {
        CURVES(canvas, SHARE(LOOKUP, "lookups of nodes"), SHARE(WORK_LOOKUP, "users' lookups"),
               SHARE(GET, "gets"), SHARE(PUT, "puts"), SHARE(ANNOUNCE, "announces"),
               SHARE(PEERS, "gets of peers"));
    } else {
        CURVES(canvas, SHARE(LOOKUP, "lookups"));
    }
#undef SHARE
    ana__panel(canvas, &(struct ana__panel){.y_label = "ended well, %", .y_min = 0, .y_max = 100});
}

int ana__plot_lookups(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    bool lengths = ana__has(task, ANA_COLUMN_LOOKUP_P50);
    if (ana__most(task, ANA_COLUMN_LOOKUP_OK) <= 0 &&
        ana__most(task, ANA_COLUMN_LOOKUP_FAILED) <= 0)
        return ana__nothing(canvas->task, "the trace has no lookups that ended");
    canvas->title = "Lookups over time";
    canvas->panels = lengths ? 2 : 1;
    ana__of_runs(canvas);
    ana__canvas_begin(canvas);
    share_panel(canvas);
    if (!lengths) return WEFT_OK;
    if (alone(canvas)) {
        CURVES(canvas, {.column = ANA_COLUMN_LOOKUP_P99, .name = "99 % within", .scale = 1e-3},
               {.column = ANA_COLUMN_LOOKUP_P90, .name = "90 % within", .scale = 1e-3},
               {.column = ANA_COLUMN_LOOKUP_P50, .name = "50 % within (median)", .scale = 1e-3});
    } else {
        CURVES(canvas, {.column = ANA_COLUMN_LOOKUP_P50, .scale = 1e-3});
    }
    latency_panel(canvas, alone(canvas) ? "a lookup takes, ms" : "median lookup, ms");
    return WEFT_OK;
}

/* --- lives --- */

static void restarts_panel(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    double most = ana__most(task, ANA_COLUMN_RESTARTS);
    if (alone(canvas)) {
        most = fmax(most, fmax(ana__most(task, ANA_COLUMN_PROCESS_FAULTS),
                               ana__most(task, ANA_COLUMN_NODE_DOWNS)));
        CURVES(
            canvas,
            {.column = ANA_COLUMN_RESTARTS, .name = "restarts", .scale = 1, .how = ANA__RATE},
            {.column = ANA_COLUMN_PROCESS_FAULTS, .name = "faults", .scale = 1, .how = ANA__RATE},
            {.column = ANA_COLUMN_NODE_DOWNS, .name = "nodes down", .scale = 1, .how = ANA__RATE});
    } else {
        CURVES(canvas, {.column = ANA_COLUMN_RESTARTS, .scale = 1, .how = ANA__RATE});
    }
    ana__panel(canvas,
               &(struct ana__panel){.y_label = alone(canvas) ? "a second" : "restarts a second",
                                    .y_max = top_of(most)});
}

static void nodes_panel(struct ana__canvas *canvas) {
    double most = most_of(canvas, ANA_COLUMN_NODES_UP, 1);
    struct ana__scale scale = ana__scale_count(most);
    char label[64];
    CURVES(canvas, {.column = ANA_COLUMN_NODES_UP, .name = "up", .scale = scale.by});
    ana__panel(canvas, &(struct ana__panel){.y_label = label_of(label, "nodes up", scale.unit),
                                            .y_max = top_of(most),
                                            .y_most = fmax(most / scale.by, 1),
                                            .whole = true});
}

int ana__plot_restarts(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    bool restarts = ana__has(task, ANA_COLUMN_RESTARTS),
         nodes = ana__has(task, ANA_COLUMN_NODES_UP);
    if (!restarts) return ana__nothing(canvas->task, "the trace has no restarts by supervisors");
    canvas->title = "Restarts by supervisors, and nodes that are up";
    canvas->panels = nodes ? 2 : 1;
    ana__of_runs(canvas);
    ana__canvas_begin(canvas);
    restarts_panel(canvas);
    if (nodes) nodes_panel(canvas);
    return WEFT_OK;
}

/* --- the overlay --- */

static void degree_panel(struct ana__canvas *canvas) {
    double most = most_of(canvas, ANA_COLUMN_DEGREE_MAX, 1);
    if (alone(canvas)) {
        CURVES(canvas, {.column = ANA_COLUMN_DEGREE_MEAN, .name = "mean", .scale = 1},
               {.column = ANA_COLUMN_DEGREE_MAX, .name = "most", .scale = 1},
               {.column = ANA_COLUMN_DEGREE_MIN, .name = "fewest", .scale = 1});
    } else {
        CURVES(canvas, {.column = ANA_COLUMN_DEGREE_MEAN, .scale = 1});
    }
    ana__panel(canvas, &(struct ana__panel){.y_label = alone(canvas) ? "contacts of a node"
                                                                     : "contacts, mean",
                                            .y_max = top_of(most),
                                            .y_most = most,
                                            .whole = true});
}

static void parts_panel(struct ana__canvas *canvas) {
    double most = most_of(canvas, ANA_COLUMN_COMPONENTS, 1);
    bool wide = most > 12;
    CURVES(canvas, {.column = ANA_COLUMN_COMPONENTS, .name = "parts", .scale = 1});
    ana__panel(canvas, &(struct ana__panel){.y_label = "parts of the overlay",
                                            .y_min = wide ? 0.8 : 0,
                                            .y_max = wide ? most * 1.5 : fmax(most, 1) * 1.1,
                                            .y_most = wide ? 0 : most,
                                            .whole = true,
                                            .y_log = wide});
}

static void largest_panel(struct ana__canvas *canvas) {
    double most = most_of(canvas, ANA_COLUMN_COMPONENT_LARGEST, 1);
    if (alone(canvas)) {
        CURVES(canvas, {.column = ANA_COLUMN_COMPONENT_LARGEST, .name = "in it", .scale = 1},
               {.column = ANA_COLUMN_NODES_UP, .name = "up", .scale = 1});
    } else {
        CURVES(canvas, {.column = ANA_COLUMN_COMPONENT_LARGEST, .scale = 1});
    }
    ana__panel(canvas, &(struct ana__panel){.y_label = "nodes, largest part",
                                            .y_max = top_of(most),
                                            .y_most = most,
                                            .whole = true});
}

int ana__plot_overlay(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    bool parts = ana__has(task, ANA_COLUMN_COMPONENTS);
    if (!ana__has(task, ANA_COLUMN_DEGREE_MEAN))
        return ana__nothing(canvas->task, "the trace has no contacts of the overlay");
    canvas->title = "Overlay: contacts of a node, and connected parts";
    canvas->panels = parts ? 3 : 1;
    ana__of_runs(canvas);
    ana__canvas_begin(canvas);
    degree_panel(canvas);
    if (!parts) return WEFT_OK;
    parts_panel(canvas);
    largest_panel(canvas);
    return WEFT_OK;
}

/* --- samples --- */

static void count_panel(struct ana__canvas *canvas, enum ana_column column, const char *what) {
    double most = ana__most(canvas->task, column);
    struct ana__scale scale = ana__scale_count(most);
    char label[64];
    CURVES(canvas, {.column = column, .name = what, .scale = scale.by});
    ana__panel(canvas, &(struct ana__panel){.y_label = label_of(label, what, scale.unit),
                                            .y_max = top_of(most),
                                            .y_most = fmax(most / scale.by, 1),
                                            .whole = true});
}

int ana__plot_queues(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    bool pending = ana__has(task, ANA_COLUMN_PENDING), mailbox = ana__has(task, ANA_COLUMN_MAILBOX);
    if (!pending && !mailbox)
        return ana__nothing(canvas->task, "the trace has no samples of the run");
    canvas->title = "Queues: events and messages that wait";
    canvas->panels = pending && mailbox ? 2 : 1;
    ana__of_runs(canvas);
    ana__canvas_begin(canvas);
    if (pending) count_panel(canvas, ANA_COLUMN_PENDING, "events in the queue");
    if (mailbox) count_panel(canvas, ANA_COLUMN_MAILBOX, "messages in mailboxes");
    return WEFT_OK;
}

static void memory_panel(struct ana__canvas *canvas) {
    double most = ana__most(canvas->task, ANA_COLUMN_BYTES);
    struct ana__scale scale = ana__scale_bytes(most);
    char label[64];
    CURVES(canvas, {.column = ANA_COLUMN_BYTES, .name = "all nodes", .scale = scale.by});
    ana__panel(canvas,
               &(struct ana__panel){.y_label = label_of(label, "heap of all nodes, ", scale.unit),
                                    .y_most = most / scale.by,
                                    .y_max = top_of(most)});
}

int ana__plot_memory(struct ana__canvas *canvas) {
    const struct ana_plot_task *task = canvas->task;
    bool nodes = ana__has(task, ANA_COLUMN_NODES_UP);
    if (!ana__has(task, ANA_COLUMN_BYTES))
        return ana__nothing(canvas->task, "the trace has no samples of the run");
    canvas->title = "Memory of the nodes";
    canvas->panels = nodes ? 2 : 1;
    ana__of_runs(canvas);
    ana__canvas_begin(canvas);
    memory_panel(canvas);
    if (!nodes) return WEFT_OK;
    CURVES(canvas, {.column = ANA_COLUMN_BYTES,
                    .other = ANA_COLUMN_NODES_UP,
                    .name = "of one",
                    .scale = 1024,
                    .how = ANA__QUOTIENT});
    ana__panel(canvas, &(struct ana__panel){.y_label = "heap of one node, KiB", .y_max = NAN});
    return WEFT_OK;
}
