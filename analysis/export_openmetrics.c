/* OpenMetrics 1.0 text: counters and gauges as of a time.
 *
 * Everything is counted in families, each a table of cells by two labels; what is of a node is
 * written node by node while there are at most NODES_TOLD_MAX or the filter names some. */
#include "analysis/export_faults.h"
#include "analysis/export_internal.h"
#include "analysis/names.h"
#include "core/base/error.h"

#include <limits.h>
#include <string.h>

#define NODES_TOLD_MAX 10000
#define LABEL_SIZE 96

/* X(NAME, "name", "unit", "label", "other label", "help"): counters that grow with events. */
#define COUNTERS(X)                                                                                \
    X(EVENTS, "events", "", "kind", NULL, "Events in the trace, by kind.")                         \
    X(BOOTS, "node_boots", "", NULL, NULL, "Times that a node came up.")                           \
    X(ENDS, "node_ends", "", "cause", NULL, "Times that a node went down, by cause.")              \
    X(STARTS, "process_starts", "", NULL, NULL, "Processes started.")                              \
    X(EXITS, "process_exits", "", "fault", NULL, "Processes ended, by whether by a fault.")        \
    X(RESTARTS, "supervisor_restarts", "", NULL, NULL, "Restarts that supervisors began.")         \
    X(GIVE_UPS, "supervisor_give_ups", "", NULL, NULL, "Supervisors that gave up.")                \
    X(SENT, "packets_sent", "", NULL, NULL, "Packets sent.")                                       \
    X(SENT_BYTES, "packets_sent_bytes", "bytes", NULL, NULL, "Bytes in packets sent.")             \
    X(RECEIVED, "packets_received", "", NULL, NULL, "Packets received, copies counted.")           \
    X(LOST, "packets_lost", "", "cause", NULL, "Packets and copies lost, by cause.")               \
    X(LOOKUPS, "lookups_started", "", "kind", NULL, "Lookups begun, by kind.")                     \
    X(LOOKUPS_DONE, "lookups_done", "", "kind", "status", "Lookups ended, by kind and status.")    \
    X(STORES_DONE, "stores_done", "", "kind", "status", "Stores ended, by kind and status.")       \
    X(ASKED, "work_asked", "", "kind", NULL, "Operations that users asked for, by kind.")          \
    X(DONE, "work_done", "", "kind", "status", "Operations of users that ended.")                  \
    X(FAULTS, "faults_injected", "", "fault", "name", "Occurrences of faults.")                    \
    X(BITS, "faults_bit", "", "fault", NULL, "Occurrences of faults that changed something.")      \
    X(FAILURES, "checks_failed", "", "check", NULL, "Failures of checks, the first of each.")

enum counter {
#define COUNTER_ENUM(NAME, name, unit, label, other, help) COUNTER_##NAME,
    COUNTERS(COUNTER_ENUM)
#undef COUNTER_ENUM
        COUNTER_COUNT
};

struct family {
    const char *name, *unit, *label, *other, *help;
};

static const struct family families[] = {
#define COUNTER_ROW(NAME, name, unit, label, other, help) {name, unit, label, other, help},
    COUNTERS(COUNTER_ROW)
#undef COUNTER_ROW
};

/* Bounds of the histogram of lookups, and its cells: the last has no bound. */
static const struct {
    weft_duration most;
    const char *text; /* as OpenMetrics writes it */
} bounds[] = {{WEFT_MS(10), "0.01"}, {WEFT_MS(25), "0.025"}, {WEFT_MS(50), "0.05"},
              {WEFT_MS(100), "0.1"}, {WEFT_MS(250), "0.25"}, {WEFT_MS(500), "0.5"},
              {WEFT_S(1), "1.0"},    {WEFT_S(2), "2.0"},     {WEFT_S(5), "5.0"},
              {WEFT_S(10), "10.0"},  {WEFT_S(30), "30.0"},   {WEFT_S(60), "60.0"}};

#define BOUNDS_COUNT (sizeof bounds / sizeof bounds[0])

/* A sample of a counter. Its key is (first label's number, second's). */
struct cell {
    uint64_t value;
    char label[LABEL_SIZE], other[LABEL_SIZE];
};

/* Its key is (node, 0). */
struct node {
    bool is_up, has_sample;
    uint64_t processes, contacts, sample[4]; /* as node.sample has them */
};

struct snapshot {
    struct ana_export *export;
    struct ana__file out;
    FILE *file;
    weft_time at, last; /* last: of the events that were read */
    struct ana__table *cells[COUNTER_COUNT];
    struct ana__table *nodes, *faults;
    uint64_t took[BOUNDS_COUNT + 1], took_count;
    weft_duration took_sum;
    bool has_sample;
    uint64_t sample[6]; /* as run.sample has them */
    char scenario[256], seed[64], build[128];
};

/* --- as of then --- */

struct labels {
    uint64_t number, other_number; /* what tells samples apart */
    const char *label, *other;
};

static int count_by(struct snapshot *snapshot, enum counter counter, uint64_t by,
                    const struct labels *labels) {
    struct ana__key key = {labels->number, labels->other_number};
    struct cell *cell = ana__table_find(snapshot->cells[counter], key);
    if (cell == NULL) {
        cell = ana__table_add(snapshot->cells[counter], key);
        if (cell == NULL) return WEFT_ERR_NOMEM;
        snprintf(cell->label, sizeof cell->label, "%s", labels->label);
        snprintf(cell->other, sizeof cell->other, "%s", labels->other);
    }
    cell->value += by;
    return WEFT_OK;
}

static int add(struct snapshot *snapshot, enum counter counter, uint64_t by) {
    return count_by(snapshot, counter, by, &(struct labels){0, 0, "", ""});
}

static int add_named(struct snapshot *snapshot, enum counter counter, uint64_t number,
                     const char *name) {
    char text[ANA_NAME_SIZE];
    const struct labels labels = {number, 0, ana_name_or_number(name, number, text), ""};
    return count_by(snapshot, counter, 1, &labels);
}

/* By what it was, and how it ended. */
static int add_done(struct snapshot *snapshot, enum counter counter, const char *name,
                    const uint64_t kind_and_status[2]) {
    char text[ANA_NAME_SIZE], number[ANA_NAME_SIZE];
    int64_t status = (int64_t)kind_and_status[1];
    const char *ended = status >= INT_MIN && status <= 0 ? weft_error_name((int)status) : "?";
    if (ended[0] == '?') { /* an error of another build */
        snprintf(number, sizeof number, "%lld", (long long)status);
        ended = number;
    }
    const struct labels labels = {kind_and_status[0], kind_and_status[1],
                                  ana_name_or_number(name, kind_and_status[0], text), ended};
    return count_by(snapshot, counter, 1, &labels);
}

static int lookup_done(struct snapshot *snapshot, const uint64_t *number) {
    size_t cell = 0;
    weft_duration took = (weft_duration)number[7];
    while (cell < BOUNDS_COUNT && took > bounds[cell].most) cell++;
    snapshot->took[cell]++;
    snapshot->took_count++;
    snapshot->took_sum = weft_time_add(snapshot->took_sum, took >= 0 ? took : 0);
    return add_done(snapshot, COUNTER_LOOKUPS_DONE, ana_lookup_name(number[1]),
                    (uint64_t[2]){number[1], number[2]});
}

static int fault_on(struct snapshot *snapshot, const struct weft_trace_event *event) {
    char number[ANA_NAME_SIZE];
    int rv = ana__faults_see(snapshot->faults, event);
    if (rv != WEFT_OK) return rv;
    const struct ana__fault *fault =
        ana__table_find(snapshot->faults, (struct ana__key){event->number[0], event->number[2]});
    const struct labels labels = {event->number[0], 0,
                                  ana_name_or_number(NULL, event->number[0], number), fault->name};
    return count_by(snapshot, COUNTER_FAULTS, 1, &labels);
}

/* Counters of nodes and processes. */
static int count_lives(struct snapshot *snapshot, const struct weft_trace_event *event) {
    const uint64_t *number = event->number;
    switch ((unsigned)event->kind) {
    case WEFT_TRACE_NODE_UP:
        return add(snapshot, COUNTER_BOOTS, 1);
    case WEFT_TRACE_NODE_DOWN:
        return add_named(snapshot, COUNTER_ENDS, number[2], ana_down_name(number[2]));
    case WEFT_TRACE_PROC_START:
        return add(snapshot, COUNTER_STARTS, 1);
    case WEFT_TRACE_PROC_EXIT:
        return add_named(snapshot, COUNTER_EXITS, number[3] != 0,
                         number[3] != 0 ? "true" : "false");
    case WEFT_TRACE_SUP_RESTART:
        return add(snapshot, COUNTER_RESTARTS, 1);
    case WEFT_TRACE_SUP_GIVE_UP:
        return add(snapshot, COUNTER_GIVE_UPS, 1);
    default:
        return WEFT_OK;
    }
}

static int count_traffic(struct snapshot *snapshot, const struct weft_trace_event *event) {
    const uint64_t *number = event->number;
    int rv;
    switch ((unsigned)event->kind) {
    case WEFT_TRACE_PACKET_SENT:
        rv = add(snapshot, COUNTER_SENT, 1);
        return rv == WEFT_OK ? add(snapshot, COUNTER_SENT_BYTES, number[1]) : rv;
    case WEFT_TRACE_PACKET_RECEIVED:
        return add(snapshot, COUNTER_RECEIVED, 1);
    case WEFT_TRACE_PACKET_LOST:
        return add_named(snapshot, COUNTER_LOST, number[3], ana_loss_name(number[3]));
    case WEFT_TRACE_LOOKUP_START:
        return add_named(snapshot, COUNTER_LOOKUPS, number[1], ana_lookup_name(number[1]));
    case WEFT_TRACE_LOOKUP_DONE:
        return lookup_done(snapshot, number);
    case WEFT_TRACE_STORE_DONE:
        return add_done(snapshot, COUNTER_STORES_DONE, ana_store_name(number[1]), number + 1);
    default:
        return WEFT_OK;
    }
}

static int count_run(struct snapshot *snapshot, const struct weft_trace_event *event) {
    const uint64_t *number = event->number;
    switch ((unsigned)event->kind) {
    case WEFT_TRACE_WORK_ASKED:
        return add_named(snapshot, COUNTER_ASKED, number[1], ana_work_name(number[1]));
    case WEFT_TRACE_WORK_DONE:
        return add_done(snapshot, COUNTER_DONE, ana_work_name(number[1]),
                        (uint64_t[2]){number[1], number[3]});
    case WEFT_TRACE_FAULT_ON:
        return fault_on(snapshot, event);
    case WEFT_TRACE_FAULT_BIT:
        return add_named(snapshot, COUNTER_BITS, number[0], NULL);
    case WEFT_TRACE_CHECK_FAILED:
        return add_named(snapshot, COUNTER_FAILURES, number[0], NULL);
    case WEFT_TRACE_RUN_SAMPLE:
        memcpy(snapshot->sample, number, sizeof snapshot->sample);
        snapshot->has_sample = true;
        return WEFT_OK;
    default:
        return WEFT_OK;
    }
}

static int see_node(struct snapshot *snapshot, const struct weft_trace_event *event) {
    if (event->node == WEFT_TRACE_NODE_NONE) return WEFT_OK;
    struct node *node = ana__table_get(snapshot->nodes, (struct ana__key){event->node, 0});
    if (node == NULL) return WEFT_ERR_NOMEM;
    switch ((unsigned)event->kind) {
    case WEFT_TRACE_NODE_UP:
        node->is_up = true;
        break;
    case WEFT_TRACE_NODE_DOWN:
        *node = (struct node){.is_up = false};
        break;
    case WEFT_TRACE_PROC_START:
        node->processes++;
        break;
    case WEFT_TRACE_PROC_EXIT:
        node->processes -= node->processes > 0;
        break;
    case WEFT_TRACE_DHT_DOWN:
        node->contacts = 0;
        break;
    case WEFT_TRACE_DHT_CONTACT:
        if (event->number[0] != 0)
            node->contacts++;
        else
            node->contacts -= node->contacts > 0;
        break;
    case WEFT_TRACE_NODE_SAMPLE:
        memcpy(node->sample, event->number, sizeof node->sample);
        node->has_sample = true;
        break;
    default:
        break;
    }
    return WEFT_OK;
}

static int on_event(void *ctx, const struct ana_trace_record *record, bool wanted) {
    struct snapshot *snapshot = ctx;
    const struct weft_trace_event *event = &record->event;
    if (event->at > snapshot->at) return ANA__ENOUGH;
    snapshot->last = event->at;
    int rv =
        event->kind == WEFT_TRACE_FAULT_OFF ? ana__faults_see(snapshot->faults, event) : WEFT_OK;
    if (!wanted || rv != WEFT_OK) return rv;
    const struct labels labels = {(uint64_t)(uintptr_t)record->name, 0, record->name, ""};
    rv = count_by(snapshot, COUNTER_EVENTS, 1, &labels);
    if (rv == WEFT_OK) rv = count_lives(snapshot, event);
    if (rv == WEFT_OK) rv = count_traffic(snapshot, event);
    if (rv == WEFT_OK) rv = count_run(snapshot, event);
    return rv == WEFT_OK ? see_node(snapshot, event) : rv;
}

static void on_head(void *ctx, const struct ana_trace_reader *reader) {
    struct snapshot *snapshot = ctx;
    ana__head_value(reader, "scenario", snapshot->scenario, sizeof snapshot->scenario);
    ana__head_value(reader, "seed", snapshot->seed, sizeof snapshot->seed);
    ana__head_value(reader, "build", snapshot->build, sizeof snapshot->build);
}

/* --- the text --- */

/* A label's value: what is no UTF-8 as U+FFFD, and \, " and newlines escaped. */
static void put_value(FILE *file, const char *value) {
    struct weft_bytes text = weft_bytes_text(value);
    putc('"', file);
    for (size_t at = 0; at < text.size;) {
        size_t size = ana__utf8_size(text, at);
        unsigned char c = text.data[at];
        if (size == 0)
            fputs("\xef\xbf\xbd", file);
        else if (c == '\n')
            fputs("\\n", file);
        else {
            if (c == '"' || c == '\\') putc('\\', file);
            fwrite(text.data + at, 1, size, file);
        }
        at += size > 0 ? size : 1;
    }
    putc('"', file);
}

static void put_label(FILE *file, const char *name, const char *value) {
    fprintf(file, "%s=", name);
    put_value(file, value);
}

static void put_head(FILE *file, const char *name, const char *type, const struct family *family) {
    fprintf(file, "# TYPE weft_%s %s\n", name, type);
    if (family->unit[0] != '\0') fprintf(file, "# UNIT weft_%s %s\n", name, family->unit);
    fprintf(file, "# HELP weft_%s %s\n", name, family->help);
}

static void put_counter(struct snapshot *snapshot, enum counter counter) {
    const struct family *family = &families[counter];
    const struct cell *cell = NULL;
    FILE *file = snapshot->file;
    if (ana__table_count(snapshot->cells[counter]) == 0) return;
    put_head(file, family->name, "counter", family);
    while ((cell = ana__table_next(snapshot->cells[counter], cell)) != NULL) {
        fprintf(file, "weft_%s_total", family->name);
        if (family->label != NULL) {
            putc('{', file);
            put_label(file, family->label, cell->label);
            if (family->other != NULL) {
                putc(',', file);
                put_label(file, family->other, cell->other);
            }
            putc('}', file);
        }
        fprintf(file, " %llu\n", (unsigned long long)cell->value);
    }
}

static void put_gauge(struct snapshot *snapshot, const struct family *family, uint64_t value) {
    put_head(snapshot->file, family->name, "gauge", family);
    fprintf(snapshot->file, "weft_%s %llu\n", family->name, (unsigned long long)value);
}

static void put_faults_on(struct snapshot *snapshot) {
    static const struct family family = {"faults_on", "", "", "", "Faults that are on."};
    const struct ana__fault *fault = NULL;
    FILE *file = snapshot->file;
    put_head(file, family.name, "gauge", &family);
    while ((fault = ana__table_next(snapshot->faults, fault)) != NULL) {
        struct ana__key key = ana__table_key(fault);
        fprintf(file, "weft_faults_on{fault=\"%llu\",occurrence=\"%llu\",",
                (unsigned long long)key.a, (unsigned long long)key.b);
        put_label(file, "text", fault->text);
        fputs("} 1\n", file);
    }
}

static void put_histogram(struct snapshot *snapshot) {
    static const struct family family = {"lookup_seconds", "seconds", "", "",
                                         "How long lookups took."};
    FILE *file = snapshot->file;
    uint64_t count = 0;
    if (snapshot->took_count == 0) return;
    put_head(file, family.name, "histogram", &family);
    for (size_t i = 0; i < BOUNDS_COUNT; i++) {
        count += snapshot->took[i];
        fprintf(file, "weft_lookup_seconds_bucket{le=\"%s\"} %llu\n", bounds[i].text,
                (unsigned long long)count);
    }
    fprintf(file, "weft_lookup_seconds_bucket{le=\"+Inf\"} %llu\n",
            (unsigned long long)snapshot->took_count);
    fprintf(file, "weft_lookup_seconds_count %llu\n", (unsigned long long)snapshot->took_count);
    fprintf(file, "weft_lookup_seconds_sum %lld.%09lld\n",
            (long long)(snapshot->took_sum / WEFT_S(1)),
            (long long)(snapshot->took_sum % WEFT_S(1)));
}

static uint64_t node_value(const struct node *node, size_t which) {
    const uint64_t values[] = {node->is_up,     node->processes, node->contacts,
                               node->sample[1], node->sample[2], node->sample[3]};
    return values[which];
}

static void put_nodes(struct snapshot *snapshot) {
    static const struct family gauges[] = {
        {"node_up", "", "", "", "Whether the node is up."},
        {"node_processes", "", "", "", "Processes of the node."},
        {"node_contacts", "", "", "", "Nodes in its routing table."},
        {"node_mailbox_messages", "", "", "", "Messages that wait, as last sampled."},
        {"node_timers", "", "", "", "Timers that are set, as last sampled."},
        {"node_heap_bytes", "bytes", "", "", "Heap of the node, as last sampled."}};
    const struct ana_filter *filter = snapshot->export->filter;
    bool few = ana__table_count(snapshot->nodes) <= NODES_TOLD_MAX;
    if (!few && (filter == NULL || filter->nodes_count == 0)) return;
    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        const struct node *node = NULL;
        put_head(snapshot->file, gauges[i].name, "gauge", &gauges[i]);
        while ((node = ana__table_next(snapshot->nodes, node)) != NULL) {
            if (i >= 3 && !node->has_sample) continue;
            fprintf(snapshot->file, "weft_%s{node=\"%llu\"} %llu\n", gauges[i].name,
                    (unsigned long long)ana__table_key(node).a,
                    (unsigned long long)node_value(node, i));
        }
    }
}

static void put_gauges(struct snapshot *snapshot) {
    static const struct family sums[] = {
        {"nodes_up", "", "", "", "Nodes that are up."},
        {"processes", "", "", "", "Processes that run."},
        {"overlay_contacts", "", "", "", "Entries of all routing tables."}};
    static const struct family sampled[] = {
        {"mailbox_messages", "", "", "", "Messages that wait in mailboxes, as last sampled."},
        {"pending_events", "", "", "", "Events that wait in the queue, as last sampled."},
        {"heap_bytes", "bytes", "", "", "Heap of the nodes, as last sampled."}};
    uint64_t values[3] = {0, 0, 0};
    const struct node *node = NULL;
    while ((node = ana__table_next(snapshot->nodes, node)) != NULL) {
        for (size_t i = 0; i < 3; i++) values[i] += node_value(node, i);
    }
    for (size_t i = 0; i < 3; i++) put_gauge(snapshot, &sums[i], values[i]);
    for (size_t i = 0; snapshot->has_sample && i < 3; i++) {
        put_gauge(snapshot, &sampled[i], snapshot->sample[2 + i]);
    }
}

static void put_run(struct snapshot *snapshot) {
    static const struct family info = {"run", "", "", "", "The run that was traced."};
    static const struct family time = {"virtual_time_seconds", "seconds", "", "",
                                       "The time of this snapshot."};
    FILE *file = snapshot->file;
    weft_time at = snapshot->at == WEFT_TIME_NEVER ? snapshot->last : snapshot->at;
    put_head(file, info.name, "info", &info);
    fputs("weft_run_info{", file);
    put_label(file, "scenario", snapshot->scenario);
    putc(',', file);
    put_label(file, "seed", snapshot->seed);
    putc(',', file);
    put_label(file, "build", snapshot->build);
    fputs("} 1\n", file);
    put_head(file, time.name, "gauge", &time);
    fprintf(file, "weft_%s %lld.%09lld\n", time.name, (long long)(at / WEFT_S(1)),
            (long long)(at % WEFT_S(1)));
}

static int write_file(struct snapshot *snapshot) {
    struct ana_export *export = snapshot->export;
    const struct ana__visitor visitor = {.ctx = snapshot, .head = on_head, .event = on_event};
    int rv = ana__pass(export, &visitor);
    if (rv != WEFT_OK) return rv;
    rv = ana__file_open(&snapshot->out, export);
    if (rv != WEFT_OK) return rv;
    snapshot->file = snapshot->out.file;
    put_run(snapshot);
    for (unsigned i = 0; i < COUNTER_COUNT; i++) put_counter(snapshot, (enum counter)i);
    put_histogram(snapshot);
    put_gauges(snapshot);
    put_faults_on(snapshot);
    put_nodes(snapshot);
    fputs("# EOF\n", snapshot->file);
    return ana__file_close(&snapshot->out, export, WEFT_OK);
}

int ana_export_openmetrics(struct ana_export *export, weft_time at) {
    struct snapshot snapshot = {.export = export, .at = at};
    bool made = true;
    for (unsigned i = 0; i < COUNTER_COUNT; i++) {
        snapshot.cells[i] = ana__table_new(sizeof(struct cell));
        made = made && snapshot.cells[i] != NULL;
    }
    snapshot.nodes = ana__table_new(sizeof(struct node));
    snapshot.faults = ana__faults_new();
    made = made && snapshot.nodes != NULL && snapshot.faults != NULL;
    int rv = made ? write_file(&snapshot) : ana__fail(export, WEFT_ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < COUNTER_COUNT; i++) ana__table_free(snapshot.cells[i]);
    ana__table_free(snapshot.nodes);
    ana__table_free(snapshot.faults);
    return rv;
}
