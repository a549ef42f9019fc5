/* The first reading: what becomes of the nodes. One function a kind of event. */
#include "analysis/report_internal.h"

#include "core/base/addr.h"

#include <stdlib.h>
#include <string.h>

/* `kind` and `reason` and the like are numbers of rooms that analysis does not know. */
#define CAUSE_STOPPED WEFT_NODE_STOPPED
#define REASON_NORMAL 0
#define REASON_SHUTDOWN 1
#define SHORT_ID 4
#define NAMED_ADDRS_MAX 20000 /* nodes whose addresses the page knows */

static uint32_t text_of(struct ana__survey *survey, struct weft_bytes bytes) {
    return ana__strings_add(&survey->strings, (const char *)bytes.data, bytes.size);
}

static uint32_t hex_of(struct ana__survey *survey, struct weft_bytes bytes) {
    char hex[2 * SHORT_ID + 1] = "";
    for (size_t i = 0; i < SHORT_ID && i < bytes.size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", bytes.data[i]);
    }
    return ana__strings_add(&survey->strings, hex, strlen(hex));
}

/* NULL: no node, or one beyond what a page can show. */
static struct ana__node *node_of(struct ana__survey *survey, uint32_t node) {
    if (node >= ANA__NODES_MAX) return NULL;
    if (node >= survey->nodes_capacity) {
        uint32_t larger = node + node / 2 + 64;
        struct ana__node *nodes = realloc(survey->nodes, larger * sizeof *nodes);
        if (nodes == NULL) {
            survey->failed = true;
            return NULL;
        }
        memset(nodes + survey->nodes_capacity, 0,
               (larger - survey->nodes_capacity) * sizeof *nodes);
        survey->nodes = nodes;
        survey->nodes_capacity = larger;
    }
    if (node >= survey->nodes_count) survey->nodes_count = node + 1;
    return &survey->nodes[node];
}

static void change(struct ana__survey *survey, const struct weft_trace_event *event,
                   enum ana__node_field field, uint64_t value) {
    struct ana__row row = {.at = event->at, .node = event->node, .kind = field, .a = value};
    if (field == ANA__LIFE) {
        row.b = survey->nodes[event->node].life;
        survey->nodes[event->node].joined = value == ANA__JOINED;
    }
    ana__rows_add(&survey->changes, &row);
}

static void moment(struct ana__survey *survey, const struct weft_trace_event *event,
                   struct ana__row row) {
    row.at = event->at;
    row.node = event->node;
    ana__rows_add(&survey->moments, &row);
}

static void tree(struct ana__survey *survey, const struct weft_trace_event *event,
                 struct ana__row row) {
    row.at = event->at;
    row.node = event->node;
    ana__rows_add(&survey->tree, &row);
}

/* --- nodes --- */

static void on_node_up(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__row row = {.at = event->at,
                           .node = event->node,
                           .kind = ANA__LIFE,
                           .a = ANA__UP,
                           .b = event->number[0]};
    survey->nodes[event->node].life = event->number[0];
    struct weft_addr addr;
    char text[WEFT_ADDR_TEXT_SIZE];
    if (event->bytes.size == sizeof addr && event->node < NAMED_ADDRS_MAX) {
        memcpy(&addr, event->bytes.data, sizeof addr);
        weft_addr_format(&addr, text);
        row.text = ana__strings_add(&survey->strings, text, strlen(text));
    }
    ana__rows_add(&survey->changes, &row);
    moment(survey, event, (struct ana__row){.kind = ANA__MOMENT_NODE_UP, .a = event->number[0]});
}

static void on_node_down(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__node *node = &survey->nodes[event->node];
    struct ana__row row = {.at = event->at, .node = event->node, .kind = ANA__OVERLAY_CLEAR};
    change(survey, event, ANA__LIFE, ANA__DOWN + event->number[2]);
    if (node->procs > 0) change(survey, event, ANA__PROCS, 0);
    node->procs = 0;
    change(survey, event, ANA__DEGREE, 0);
    tree(survey, event, (struct ana__row){.kind = ANA__TREE_CLEAR});
    if (survey->count[WEFT_TRACE_DHT_CONTACT] > 0) ana__rows_add(&survey->overlay, &row);
    if (event->number[2] == CAUSE_STOPPED) return;
    moment(survey, event,
           (struct ana__row){
               .kind = ANA__MOMENT_NODE_DOWN, .a = event->number[2], .b = event->number[0]});
}

static void sample(struct ana__survey *survey, const struct weft_trace_event *event,
                   enum ana__node_field field, uint64_t value, uint64_t *last) {
    struct ana__row row = {.at = event->at, .node = event->node, .kind = field, .a = value};
    if (*last == value) return;
    *last = value;
    ana__rows_add(&survey->samples, &row);
}

static void on_node_sample(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__node *node = &survey->nodes[event->node];
    sample(survey, event, ANA__MAILBOX, event->number[1], &node->mailbox);
    sample(survey, event, ANA__BYTES, event->number[3], &node->bytes);
}

/* --- processes --- */

static void on_proc_start(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__node *node = &survey->nodes[event->node];
    change(survey, event, ANA__PROCS, ++node->procs);
    tree(survey, event,
         (struct ana__row){.kind = ANA__TREE_START,
                           .a = event->number[0],
                           .b = event->number[1],
                           .text = text_of(survey, event->bytes)});
}

static void on_proc_exit(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__node *node = &survey->nodes[event->node];
    uint64_t reason = event->number[1];
    struct ana__row row = {.kind = ANA__TREE_EXIT,
                           .a = event->number[0],
                           .b = reason,
                           .text = text_of(survey, event->bytes)};
    if (node->procs > 0) change(survey, event, ANA__PROCS, --node->procs);
    tree(survey, event, row);
    if (reason == REASON_NORMAL || reason == REASON_SHUTDOWN) return;
    row.kind = ANA__MOMENT_PROC_EXIT;
    row.c = event->number[2];
    moment(survey, event, row);
}

static void on_sup_up(struct ana__survey *survey, const struct weft_trace_event *event) {
    tree(survey, event,
         (struct ana__row){.kind = ANA__TREE_SUP,
                           .a = event->number[0],
                           .b = event->number[1],
                           .c = event->number[2]});
}

static void on_child_up(struct ana__survey *survey, const struct weft_trace_event *event) {
    tree(survey, event,
         (struct ana__row){.kind = ANA__TREE_CHILD,
                           .a = event->number[1],
                           .b = event->number[2],
                           .c = event->number[3],
                           .text = text_of(survey, event->bytes)});
}

static void on_restart(struct ana__survey *survey, const struct weft_trace_event *event) {
    change(survey, event, ANA__RESTARTS, ++survey->nodes[event->node].restarts);
    moment(survey, event,
           (struct ana__row){
               .kind = ANA__MOMENT_RESTART, .a = event->number[0], .b = event->number[1]});
}

static void on_give_up(struct ana__survey *survey, const struct weft_trace_event *event) {
    moment(survey, event,
           (struct ana__row){
               .kind = ANA__MOMENT_GIVE_UP, .a = event->number[0], .b = event->number[1]});
}

static void on_app_down(struct ana__survey *survey, const struct weft_trace_event *event) {
    if (event->number[4] != 0) return;
    moment(survey, event,
           (struct ana__row){.kind = ANA__MOMENT_APP_DOWN,
                             .a = event->number[0],
                             .b = event->number[2],
                             .c = event->number[3],
                             .text = text_of(survey, event->bytes)});
}

static void on_switched(struct ana__survey *survey, const struct weft_trace_event *event) {
    moment(survey, event,
           (struct ana__row){.kind = ANA__MOMENT_SWITCHED,
                             .a = event->number[0],
                             .b = event->number[1],
                             .c = event->number[2],
                             .text = text_of(survey, event->bytes)});
}

static void on_rolled_back(struct ana__survey *survey, const struct weft_trace_event *event) {
    moment(survey, event,
           (struct ana__row){.kind = ANA__MOMENT_ROLLED_BACK,
                             .a = event->number[0],
                             .b = event->number[1],
                             .c = event->number[2],
                             .text = text_of(survey, event->bytes)});
}

static void on_log(struct ana__survey *survey, const struct weft_trace_event *event) {
    if (event->number[0] > WEFT_LOG_WARN) return;
    moment(survey, event,
           (struct ana__row){.kind = ANA__MOMENT_LOG,
                             .a = event->number[0],
                             .text = text_of(survey, event->bytes)});
}

/* --- the DHT --- */

static void clear_overlay(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__row row = {.at = event->at, .node = event->node, .kind = ANA__OVERLAY_CLEAR};
    ana__rows_add(&survey->overlay, &row);
    change(survey, event, ANA__DEGREE, 0);
}

static void on_dht_up(struct ana__survey *survey, const struct weft_trace_event *event) {
    ana__ids_set(&survey->ids, event->bytes, event->node);
    if (event->bytes.size == sizeof survey->nodes->id) {
        memcpy(survey->nodes[event->node].id, event->bytes.data, event->bytes.size);
    }
    if (survey->nodes[event->node].joined) change(survey, event, ANA__LIFE, ANA__UP);
    clear_overlay(survey, event);
}

static void on_dht_table(struct ana__survey *survey, const struct weft_trace_event *event) {
    change(survey, event, ANA__DEGREE, event->number[0] + event->number[1]);
}

static void on_dht_joined(struct ana__survey *survey, const struct weft_trace_event *event) {
    change(survey, event, ANA__LIFE, ANA__JOINED);
    moment(survey, event,
           (struct ana__row){
               .kind = ANA__MOMENT_JOINED, .a = event->number[1], .b = event->number[0] / 1000});
}

static void on_dht_contact(struct ana__survey *survey, const struct weft_trace_event *event) {
    uint32_t peer = ana__ids_get(&survey->ids, event->bytes);
    struct ana__row row = {.at = event->at,
                           .node = event->node,
                           .kind = event->number[0] != 0 ? ANA__OVERLAY_ON : ANA__OVERLAY_OFF,
                           .a = peer != WEFT_TRACE_NODE_NONE ? (uint64_t)peer + 1 : 0};
    if (row.a == 0) row.text = hex_of(survey, event->bytes);
    ana__rows_add(&survey->overlay, &row);
}

/* --- faults, workload, packets --- */

static struct ana__occurrence *occurrence_of(struct ana__survey *survey, uint64_t fault,
                                             uint64_t occurrence) {
    for (uint32_t i = survey->occurrences_count; i-- > 0;) {
        struct ana__occurrence *found = &survey->occurrences[i];
        if (found->fault == fault && found->occurrence == occurrence) return found;
    }
    return NULL;
}

static void fault_moment(struct ana__survey *survey, const struct weft_trace_event *event,
                         enum ana__moment_kind kind) {
    moment(survey, event,
           (struct ana__row){.kind = kind,
                             .a = event->number[0],
                             .b = event->number[1],
                             .c = event->number[2],
                             .text = text_of(survey, event->bytes)});
}

static void on_fault_on(struct ana__survey *survey, const struct weft_trace_event *event) {
    fault_moment(survey, event, ANA__MOMENT_FAULT_ON);
    if (survey->occurrences_count == ANA__OCCURRENCES_MAX) {
        survey->occurrences_left_out++;
        return;
    }
    survey->occurrences[survey->occurrences_count++] =
        (struct ana__occurrence){.fault = event->number[0],
                                 .kind = event->number[1],
                                 .occurrence = event->number[2],
                                 .on = event->at,
                                 .off = WEFT_TIME_NEVER,
                                 .text = text_of(survey, event->bytes)};
}

static void on_fault_off(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__occurrence *found = occurrence_of(survey, event->number[0], event->number[2]);
    fault_moment(survey, event, ANA__MOMENT_FAULT_OFF);
    if (found != NULL && found->off == WEFT_TIME_NEVER) found->off = event->at;
}

static void on_fault_bit(struct ana__survey *survey, const struct weft_trace_event *event) {
    struct ana__occurrence *found = occurrence_of(survey, event->number[0], event->number[2]);
    fault_moment(survey, event, ANA__MOMENT_FAULT_BIT);
    if (found != NULL) found->bits++;
    if (event->node == WEFT_TRACE_NODE_NONE) return;
    change(survey, event, ANA__FAULTS, ++survey->nodes[event->node].faults);
}

static void on_fault_side(struct ana__survey *survey, const struct weft_trace_event *event) {
    const struct ana__occurrence *found = occurrence_of(survey, event->number[0], event->number[1]);
    if (found == NULL) return;
    struct ana__row row = {.at = event->at,
                           .node = event->node,
                           .kind = ANA__SIDE,
                           .a = (uint64_t)(found - survey->occurrences),
                           .b = event->number[2] + 1};
    ana__rows_add(&survey->changes, &row);
}

static void on_work_done(struct ana__survey *survey, const struct weft_trace_event *event) {
    int64_t status = (int64_t)event->number[3];
    uint64_t key = 0;
    if (status == 0) return;
    for (size_t i = 0; i < SHORT_ID && i < event->bytes.size; i++) {
        key = key << 8 | event->bytes.data[i];
    }
    moment(survey, event,
           (struct ana__row){.kind = ANA__MOMENT_WORK_FAILED,
                             .a = event->number[1],
                             .b = (uint64_t)-status,
                             .c = key});
}

static void on_packet_sent(struct ana__survey *survey, const struct weft_trace_event *event) {
    weft_duration since = event->at - survey->first;
    while (since / survey->bin_width >= ANA__BINS) {
        for (uint32_t i = 0; i < ANA__BINS / 2; i++) {
            survey->bins[i] = survey->bins[2 * i] + survey->bins[2 * i + 1];
        }
        memset(survey->bins + ANA__BINS / 2, 0, sizeof survey->bins / 2);
        survey->bin_width *= 2;
    }
    survey->bins[since / survey->bin_width]++;
}

/* --- the run's page --- */

static void on_check_failed(struct ana__survey *survey, const struct weft_trace_event *event) {
    uint32_t text = text_of(survey, event->bytes);
    moment(
        survey, event,
        (struct ana__row){.kind = ANA__MOMENT_CHECK_FAILED, .a = event->number[0], .text = text});
    if (survey->failures_count == ANA__FAILURES_MAX) return;
    survey->failures[survey->failures_count++] =
        (struct ana__failure){event->at, event->node, event->number[0], text};
}

static void on_line(struct ana__survey *survey, const struct weft_trace_event *event) {
    if (survey->lines_count == ANA__LINES_MAX) return;
    struct ana__line *line = &survey->lines[survey->lines_count++];
    line->kind = event->kind;
    memcpy(line->number, event->number, sizeof line->number);
    line->text = text_of(survey, event->bytes);
}

static void on_end(struct ana__survey *survey, const struct weft_trace_event *event) {
    survey->ended = true;
    survey->held = event->number[0] != 0;
    survey->run_events = event->number[1];
    survey->hash_high = event->number[2];
    survey->hash_low = event->number[3];
    survey->run_nodes = event->number[4];
    survey->repeat = text_of(survey, event->bytes);
}

struct handler {
    void (*on)(struct ana__survey *survey, const struct weft_trace_event *event);
    bool of_node; /* an event that names no node is left out */
};

static const struct handler handlers[WEFT_TRACE_KIND_COUNT] = {
    [WEFT_TRACE_NODE_UP] = {on_node_up, true},
    [WEFT_TRACE_NODE_DOWN] = {on_node_down, true},
    [WEFT_TRACE_NODE_SAMPLE] = {on_node_sample, true},
    [WEFT_TRACE_PROC_START] = {on_proc_start, true},
    [WEFT_TRACE_PROC_EXIT] = {on_proc_exit, true},
    [WEFT_TRACE_SUP_UP] = {on_sup_up, true},
    [WEFT_TRACE_SUP_CHILD_UP] = {on_child_up, true},
    [WEFT_TRACE_SUP_RESTART] = {on_restart, true},
    [WEFT_TRACE_SUP_GIVE_UP] = {on_give_up, true},
    [WEFT_TRACE_APP_DOWN] = {on_app_down, true},
    [WEFT_TRACE_CODE_SWITCHED] = {on_switched, true},
    [WEFT_TRACE_CODE_ROLLED_BACK] = {on_rolled_back, true},
    [WEFT_TRACE_LOG] = {on_log, true},
    [WEFT_TRACE_DHT_UP] = {on_dht_up, true},
    [WEFT_TRACE_DHT_DOWN] = {clear_overlay, true},
    [WEFT_TRACE_DHT_TABLE] = {on_dht_table, true},
    [WEFT_TRACE_DHT_JOINED] = {on_dht_joined, true},
    [WEFT_TRACE_DHT_CONTACT] = {on_dht_contact, true},
    [WEFT_TRACE_FAULT_ON] = {on_fault_on, false},
    [WEFT_TRACE_FAULT_OFF] = {on_fault_off, false},
    [WEFT_TRACE_FAULT_BIT] = {on_fault_bit, false},
    [WEFT_TRACE_FAULT_SIDE] = {on_fault_side, true},
    [WEFT_TRACE_WORK_DONE] = {on_work_done, false},
    [WEFT_TRACE_PACKET_SENT] = {on_packet_sent, false},
    [WEFT_TRACE_CHECK_FAILED] = {on_check_failed, false},
    [WEFT_TRACE_RUN_FAULT] = {on_line, false},
    [WEFT_TRACE_RUN_CHECK] = {on_line, false},
    [WEFT_TRACE_RUN_WORK] = {on_line, false},
    [WEFT_TRACE_RUN_PART] = {on_line, false},
    [WEFT_TRACE_RUN_REASON] = {on_line, false},
    [WEFT_TRACE_RUN_END] = {on_end, false},
};

struct ana__survey *ana__survey_new(const char *head, size_t scale) {
    struct ana__survey *survey = calloc(1, sizeof *survey);
    if (survey == NULL) return NULL;
    snprintf(survey->head, sizeof survey->head, "%s", head);
    survey->bin_width = WEFT_MS(1);
    ana__rows_init(&survey->changes, ANA__BY_TIME, 500000 / scale);
    ana__rows_init(&survey->samples, ANA__BY_TIME, 100000 / scale);
    ana__rows_init(&survey->tree, ANA__BY_NODE, 200000 / scale);
    ana__rows_init(&survey->overlay, ANA__BY_NODE, 400000 / scale);
    ana__rows_init(&survey->moments, ANA__BY_KIND, 60000 / scale);
    (void)ana__strings_add(&survey->strings, "", 0);
    return survey;
}

void ana__survey_add(struct ana__survey *survey, const struct weft_trace_event *event) {
    if (event->kind >= WEFT_TRACE_KIND_COUNT) return; /* a kind of another build */
    if (survey->events++ == 0) survey->first = event->at;
    survey->last = event->at;
    survey->count[event->kind]++;
    const struct handler *handler = &handlers[event->kind];
    if (handler->on == NULL) return;
    bool has_node = event->node != WEFT_TRACE_NODE_NONE;
    if (has_node && node_of(survey, event->node) == NULL) return;
    if (!has_node && handler->of_node) return;
    handler->on(survey, event);
}

bool ana__survey_failed(const struct ana__survey *survey) {
    return survey->failed || survey->strings.failed || survey->ids.failed ||
           survey->changes.failed || survey->samples.failed || survey->tree.failed ||
           survey->overlay.failed || survey->moments.failed;
}

void ana__survey_free(struct ana__survey *survey) {
    if (survey == NULL) return;
    ana__rows_free(&survey->changes);
    ana__rows_free(&survey->samples);
    ana__rows_free(&survey->tree);
    ana__rows_free(&survey->overlay);
    ana__rows_free(&survey->moments);
    ana__strings_free(&survey->strings);
    ana__ids_free(&survey->ids);
    free(survey->nodes);
    free(survey);
}
