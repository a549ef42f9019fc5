/* Trace Event Format as JSON: nodes are processes, their processes are threads.
 *
 * Events are written as they are read; what is kept is what is open: nodes, processes that run,
 * operations and packets under way, faults. What began before the filter's `from` and is still
 * open then begins there. */
#include "analysis/export_faults.h"
#include "analysis/export_internal.h"
#include "analysis/names.h"
#include "core/base/addr.h"
#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

#define RUN_PID UINT32_MAX           /* the run's own track; a node's is its number + 1 */
#define TID_FIRST UINT64_C(10000000) /* threads but for a node's life, whose is its pid */
#define LANE_NAME_SIZE 64
#define NAME_SIZE 96

struct track {
    uint64_t pid, tid;
};

/* A thread of a node: one process after the other that has this name. */
struct lane {
    struct lane *next;
    uint64_t tid, pid; /* pid: of who runs */
    bool runs;
    char name[LANE_NAME_SIZE];
};

enum span_kind { SPAN_LOOKUP = 0, SPAN_WORK };
static const char *const span_categories[] = {"lookup", "work"};

/* An operation under way. */
struct span {
    struct span *next;
    enum span_kind kind;
    uint64_t op;
    char name[NAME_SIZE];
};

/* Its key is (node, 0). */
struct node {
    bool is_up, is_shown;
    uint64_t life;
    uint64_t packets_tid, events_tid; /* 0: not yet */
    struct lane *lanes;
    struct span *spans;
    char addr[WEFT_ADDR_TEXT_SIZE];
};

/* A packet under way, by (sender, number). */
struct flow {
    uint64_t id;
};

struct perfetto {
    struct ana_export *export;
    struct ana__file out;
    FILE *file;
    struct ana__table *nodes, *flows, *faults;
    uint64_t tids, flow_ids, stores, shown;
    weft_time from, last;
    bool quiet; /* before the filter's `from`: learn, and write nothing */
};

/* --- what is written --- */

static struct track life_of(const struct node *node) {
    uint64_t pid = ana__table_key(node).a + 1;
    return (struct track){pid, pid};
}

/* The beginning of an event, up to its name; an object that is still open. */
static void start(struct perfetto *perfetto, char phase, weft_time at, struct track track) {
    fprintf(perfetto->file, ",\n{\"ph\":\"%c\",\"ts\":%lld.%03lld,\"pid\":%llu,\"tid\":%llu", phase,
            (long long)(at / WEFT_US(1)), (long long)(at % WEFT_US(1)),
            (unsigned long long)track.pid, (unsigned long long)track.tid);
    perfetto->shown++;
}

static void named(struct perfetto *perfetto, const char *category, const char *name) {
    fprintf(perfetto->file, ",\"cat\":\"%s\",\"name\":", category);
    ana__json_text(perfetto->file, weft_bytes_text(name));
}

static void with_fields(struct perfetto *perfetto, const struct ana_trace_record *record) {
    if (record != NULL) {
        fputs(",\"args\":{", perfetto->file);
        ana__json_fields(perfetto->file, record, false);
        putc('}', perfetto->file);
    }
    putc('}', perfetto->file);
}

static void metadata(struct perfetto *perfetto, const char *what, struct track track,
                     const char *name) {
    fprintf(perfetto->file, ",\n{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%llu,\"tid\":%llu", what,
            (unsigned long long)track.pid, (unsigned long long)track.tid);
    fputs(",\"args\":{\"name\":", perfetto->file);
    ana__json_text(perfetto->file, weft_bytes_text(name));
    fputs("}}", perfetto->file);
}

static void sort_index(struct perfetto *perfetto, const char *what, struct track track,
                       uint64_t index) {
    fprintf(perfetto->file,
            ",\n{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%llu,\"tid\":%llu,\"args\":{\"sort_index\":"
            "%llu}}",
            what, (unsigned long long)track.pid, (unsigned long long)track.tid,
            (unsigned long long)index);
}

static void begin_slice(struct perfetto *perfetto, weft_time at, struct track track,
                        const char *name) {
    if (perfetto->quiet) return;
    start(perfetto, 'B', at, track);
    named(perfetto, "life", name);
}

static void instant(struct perfetto *perfetto, struct track track, char scope,
                    const struct ana_trace_record *record) {
    if (perfetto->quiet) return;
    start(perfetto, 'i', record->event.at, track);
    fprintf(perfetto->file, ",\"s\":\"%c\"", scope);
    named(perfetto, "event", record->name);
    with_fields(perfetto, record);
}

static void async_id(struct perfetto *perfetto, uint64_t high, uint64_t low) {
    fprintf(perfetto->file, ",\"id2\":{\"local\":\"0x%llx.%llx\"}", (unsigned long long)high,
            (unsigned long long)low);
}

/* --- nodes and threads --- */

static void show_node(struct perfetto *perfetto, struct node *node) {
    char name[NAME_SIZE];
    if (perfetto->quiet || node->is_shown) return;
    struct track life = life_of(node);
    snprintf(name, sizeof name, node->addr[0] != '\0' ? "node %llu (%s)" : "node %llu",
             (unsigned long long)ana__table_key(node).a, node->addr);
    metadata(perfetto, "process_name", life, name);
    sort_index(perfetto, "process_sort_index", life, life.pid);
    metadata(perfetto, "thread_name", life, "life");
    node->is_shown = true;
}

static void show_thread(struct perfetto *perfetto, const struct node *node, uint64_t tid,
                        const char *name) {
    struct track track = {life_of(node).pid, tid};
    if (perfetto->quiet) return;
    metadata(perfetto, "thread_name", track, name);
    sort_index(perfetto, "thread_sort_index", track, tid);
}

/* The thread of a node's packets, or of its events. */
static struct track own_thread(struct perfetto *perfetto, struct node *node, uint64_t *tid,
                               const char *name) {
    if (*tid == 0 && !perfetto->quiet) {
        *tid = TID_FIRST + perfetto->tids++;
        show_thread(perfetto, node, *tid, name);
    }
    return (struct track){life_of(node).pid, *tid};
}

static struct lane *lane_running(const struct node *node, uint64_t pid) {
    struct lane *lane = node->lanes;
    while (lane != NULL && !(lane->runs && lane->pid == pid)) lane = lane->next;
    return lane;
}

/* One of this name that is free, or a new one at the end. NULL: out of memory. */
static struct lane *lane_free(struct perfetto *perfetto, struct node *node, const char *name) {
    struct lane **at = &node->lanes;
    while (*at != NULL && ((*at)->runs || strcmp((*at)->name, name) != 0)) at = &(*at)->next;
    if (*at != NULL) return *at;
    *at = calloc(1, sizeof **at);
    if (*at == NULL) return NULL;
    (*at)->tid = TID_FIRST + perfetto->tids++;
    snprintf((*at)->name, sizeof(*at)->name, "%s", name);
    show_thread(perfetto, node, (*at)->tid, name);
    return *at;
}

static int proc_start(struct perfetto *perfetto, struct node *node,
                      const struct ana_trace_record *record) {
    char name[LANE_NAME_SIZE];
    const struct weft_trace_event *event = &record->event;
    snprintf(name, sizeof name, "%.*s", (int)event->bytes.size,
             event->bytes.size > 0 ? (const char *)event->bytes.data : "");
    struct lane *lane = lane_running(node, event->number[0]);
    if (lane != NULL) return WEFT_OK;
    lane = lane_free(perfetto, node, name);
    if (lane == NULL) return WEFT_ERR_NOMEM;
    lane->runs = true;
    lane->pid = event->number[0];
    if (perfetto->quiet) return WEFT_OK;
    begin_slice(perfetto, event->at, (struct track){life_of(node).pid, lane->tid}, name);
    with_fields(perfetto, record);
    return WEFT_OK;
}

static void end_slice(struct perfetto *perfetto, weft_time at, struct track track,
                      const struct ana_trace_record *record) {
    if (perfetto->quiet) return;
    start(perfetto, 'E', at, track);
    with_fields(perfetto, record);
}

static void proc_exit(struct perfetto *perfetto, struct node *node,
                      const struct ana_trace_record *record) {
    struct lane *lane = lane_running(node, record->event.number[0]);
    if (lane == NULL) return;
    struct track track = {life_of(node).pid, lane->tid};
    end_slice(perfetto, record->event.at, track, record);
    lane->runs = false;
}

/* --- operations --- */

static void span_event(struct perfetto *perfetto, char phase, const struct node *node,
                       const struct span *span) {
    start(perfetto, phase, perfetto->last, life_of(node));
    async_id(perfetto, (uint64_t)span->kind, span->op);
    named(perfetto, span_categories[span->kind], span->name);
}

/* Where it hangs; *it is NULL when there is none. */
static struct span **span_find(struct node *node, enum span_kind kind, uint64_t op) {
    struct span **at = &node->spans;
    while (*at != NULL && ((*at)->kind != kind || (*at)->op != op)) at = &(*at)->next;
    return at;
}

/* `record` NULL: it is cut off here. */
static void span_end(struct perfetto *perfetto, const struct node *node, struct span **at,
                     const struct ana_trace_record *record) {
    struct span *span = *at;
    if (!perfetto->quiet) {
        span_event(perfetto, 'e', node, span);
        with_fields(perfetto, record);
    }
    *at = span->next;
    free(span);
}

static int span_begin(struct perfetto *perfetto, struct node *node, enum span_kind kind,
                      const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    bool is_lookup = kind == SPAN_LOOKUP;
    uint64_t what = event->number[1];
    char number[ANA_NAME_SIZE];
    uint64_t op = event->number[is_lookup ? 0 : 2];
    struct span **before = span_find(node, kind, op);
    if (*before != NULL) span_end(perfetto, node, before, NULL); /* its end is missing */
    struct span *span = calloc(1, sizeof *span);
    if (span == NULL) return WEFT_ERR_NOMEM;
    span->kind = kind;
    span->op = op;
    snprintf(
        span->name, sizeof span->name, "%s %s", span_categories[kind],
        ana_name_or_number(is_lookup ? ana_lookup_name(what) : ana_work_name(what), what, number));
    span->next = node->spans;
    node->spans = span;
    if (perfetto->quiet) return WEFT_OK;
    span_event(perfetto, 'b', node, span);
    with_fields(perfetto, record);
    return WEFT_OK;
}

static void span_done(struct perfetto *perfetto, struct node *node, enum span_kind kind,
                      const struct ana_trace_record *record) {
    uint64_t op = record->event.number[kind == SPAN_LOOKUP ? 0 : 2];
    struct span **at = span_find(node, kind, op);
    if (*at != NULL) span_end(perfetto, node, at, record);
}

/* Told only when it is over: its beginning is written out of order, as the format allows. */
static void store_done(struct perfetto *perfetto, const struct node *node,
                       const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    char name[NAME_SIZE], number[ANA_NAME_SIZE];
    uint64_t took = event->number[4];
    weft_time began = took <= (uint64_t)event->at ? event->at - (weft_duration)took : 0;
    if (perfetto->quiet) return;
    snprintf(name, sizeof name, "store %s",
             ana_name_or_number(ana_store_name(event->number[1]), event->number[1], number));
    perfetto->stores++; /* of one operation there may be several */
    for (int i = 0; i < 2; i++) {
        start(perfetto, i == 0 ? 'b' : 'e', i == 0 ? began : event->at, life_of(node));
        async_id(perfetto, 2, perfetto->stores);
        named(perfetto, "store", name);
        with_fields(perfetto, i == 0 ? NULL : record);
    }
}

/* --- packets --- */

/* A slice without length, and in it the beginning or the end of the packet's arrow. */
static void packet_slice(struct perfetto *perfetto, struct track track, uint64_t flow_id,
                         const struct ana_trace_record *record) {
    weft_time at = record->event.at;
    bool begins = record->event.kind == WEFT_TRACE_PACKET_SENT;
    if (perfetto->quiet) return;
    start(perfetto, 'B', at, track);
    named(perfetto, "packet", record->name);
    with_fields(perfetto, record);
    if (flow_id != 0) {
        start(perfetto, begins ? 's' : 'f', at, track);
        named(perfetto, "packet", "packet");
        fprintf(perfetto->file, ",\"id\":%llu%s}", (unsigned long long)flow_id,
                begins ? "" : ",\"bp\":\"e\"");
    }
    start(perfetto, 'E', at, track);
    putc('}', perfetto->file);
}

static int packet(struct perfetto *perfetto, struct node *node,
                  const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    bool arrived = event->kind == WEFT_TRACE_PACKET_RECEIVED;
    struct track track = own_thread(perfetto, node, &node->packets_tid, "packets");
    struct ana__key key = {arrived ? event->number[0] : event->node, event->number[2]};
    struct flow *flow = ana__table_find(perfetto->flows, key);
    if (event->kind == WEFT_TRACE_PACKET_SENT) {
        if (perfetto->quiet) return WEFT_OK;
        if (flow == NULL) flow = ana__table_add(perfetto->flows, key);
        if (flow == NULL) return WEFT_ERR_NOMEM;
        flow->id = ++perfetto->flow_ids;
        packet_slice(perfetto, track, flow->id, record);
        return WEFT_OK;
    }
    packet_slice(perfetto, track, flow != NULL ? flow->id : 0, record);
    if (flow != NULL) ana__table_remove(perfetto->flows, flow); /* an arrow has one end */
    return WEFT_OK;
}

/* --- a node's life --- */

static void node_up(struct perfetto *perfetto, struct node *node,
                    const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    char name[NAME_SIZE];
    if (node->is_up) return;
    node->is_up = true;
    node->life = event->number[0];
    snprintf(name, sizeof name, "life %llu", (unsigned long long)node->life);
    if (perfetto->quiet) return;
    begin_slice(perfetto, event->at, life_of(node), name);
    with_fields(perfetto, record);
}

/* What runs on a node ends with it, but for what users still wait for. */
static void close_node(struct perfetto *perfetto, struct node *node,
                       const struct ana_trace_record *record) {
    uint64_t pid = life_of(node).pid;
    for (struct lane *lane = node->lanes; lane != NULL; lane = lane->next) {
        if (lane->runs) {
            end_slice(perfetto, perfetto->last, (struct track){pid, lane->tid}, NULL);
        }
        lane->runs = false;
    }
    for (struct span **at = &node->spans; *at != NULL;) {
        if ((*at)->kind == SPAN_LOOKUP || record == NULL)
            span_end(perfetto, node, at, NULL);
        else
            at = &(*at)->next;
    }
    if (node->is_up) end_slice(perfetto, perfetto->last, life_of(node), record);
    node->is_up = false;
}

/* --- the run --- */

static const struct track run_track = {RUN_PID, RUN_PID};

static void fault_event(struct perfetto *perfetto, char phase, struct ana__key key,
                        const char *name) {
    start(perfetto, phase, perfetto->last, run_track);
    async_id(perfetto, key.a, key.b);
    fprintf(perfetto->file, ",\"cat\":\"fault\",\"name\":");
    char text[NAME_SIZE];
    snprintf(text, sizeof text, "fault %llu %s", (unsigned long long)key.a, name);
    ana__json_text(perfetto->file, weft_bytes_text(text));
}

static int fault(struct perfetto *perfetto, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    struct ana__key key = {event->number[0], event->number[2]};
    const struct ana__fault *on = ana__table_find(perfetto->faults, key);
    char phase = event->kind == WEFT_TRACE_FAULT_OFF ? 'e' : 'n';
    if (on != NULL && event->kind != WEFT_TRACE_FAULT_ON && !perfetto->quiet) {
        fault_event(perfetto, phase, key, on->name);
        with_fields(perfetto, record);
    }
    int rv = ana__faults_see(perfetto->faults, event);
    if (rv != WEFT_OK || event->kind != WEFT_TRACE_FAULT_ON || on != NULL) return rv;
    on = ana__table_find(perfetto->faults, key);
    if (!perfetto->quiet) {
        fault_event(perfetto, 'b', key, on->name);
        with_fields(perfetto, record);
    }
    return WEFT_OK;
}

/* Each number of the event, as a counter of the field's name. */
static void counters(struct perfetto *perfetto, struct track track,
                     const struct ana_trace_record *record) {
    const char *cursor = record->fields;
    struct ana__field field;
    if (perfetto->quiet) return;
    for (unsigned i = 0; i < WEFT_TRACE_NUMBERS && ana__next_field(&cursor, &field); i++) {
        start(perfetto, 'C', record->event.at, track);
        fprintf(perfetto->file, ",\"name\":\"%.*s\",\"args\":{\"%.*s\":%llu}}",
                (int)field.name_size, field.name, (int)field.name_size, field.name,
                (unsigned long long)record->event.number[i]);
    }
}

/* An instant on the thread of the process it is of, or of the node's events. */
static void other(struct perfetto *perfetto, struct node *node,
                  const struct ana_trace_record *record) {
    static const uint64_t of_process =
        WEFT_TRACE_BIT(WEFT_TRACE_PROC_NAME) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_UP) |
        WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_ADDED) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_DOWN) |
        WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_UP) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_FAILED) |
        WEFT_TRACE_BIT(WEFT_TRACE_SUP_CHILD_REMOVED) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_RESTART) |
        WEFT_TRACE_BIT(WEFT_TRACE_SUP_GIVE_UP) | WEFT_TRACE_BIT(WEFT_TRACE_SUP_STOPPING) |
        WEFT_TRACE_BIT(WEFT_TRACE_CODE_SWITCHED) | WEFT_TRACE_BIT(WEFT_TRACE_APP_UP) |
        WEFT_TRACE_BIT(WEFT_TRACE_APP_DOWN) | WEFT_TRACE_BIT(WEFT_TRACE_SYS_MESSAGE);
    enum weft_trace_kind kind = record->event.kind;
    const struct lane *lane = NULL;
    if (kind < WEFT_TRACE_KIND_COUNT && of_process & WEFT_TRACE_BIT(kind)) {
        lane = lane_running(node, record->event.number[0]);
    }
    struct track track = lane != NULL ? (struct track){life_of(node).pid, lane->tid}
                                      : own_thread(perfetto, node, &node->events_tid, "events");
    instant(perfetto, track, 't', record);
}

/* --- events --- */

static int of_node(struct perfetto *perfetto, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    struct node *node = ana__table_get(perfetto->nodes, (struct ana__key){event->node, 0});
    if (node == NULL) return WEFT_ERR_NOMEM;
    if (event->kind == WEFT_TRACE_NODE_UP && event->bytes.size == sizeof(struct weft_addr)) {
        struct weft_addr addr;
        memcpy(&addr, event->bytes.data, sizeof addr);
        weft_addr_format(&addr, node->addr);
    }
    show_node(perfetto, node);
    switch ((unsigned)event->kind) {
    case WEFT_TRACE_NODE_UP:
        node_up(perfetto, node, record);
        return WEFT_OK;
    case WEFT_TRACE_NODE_DOWN:
        close_node(perfetto, node, record);
        return WEFT_OK;
    case WEFT_TRACE_PROC_START:
        return proc_start(perfetto, node, record);
    case WEFT_TRACE_PROC_EXIT:
        proc_exit(perfetto, node, record);
        return WEFT_OK;
    case WEFT_TRACE_LOOKUP_START:
        return span_begin(perfetto, node, SPAN_LOOKUP, record);
    case WEFT_TRACE_LOOKUP_DONE:
        span_done(perfetto, node, SPAN_LOOKUP, record);
        return WEFT_OK;
    case WEFT_TRACE_WORK_ASKED:
        return span_begin(perfetto, node, SPAN_WORK, record);
    case WEFT_TRACE_WORK_DONE:
        span_done(perfetto, node, SPAN_WORK, record);
        return WEFT_OK;
    case WEFT_TRACE_STORE_DONE:
        store_done(perfetto, node, record);
        return WEFT_OK;
    case WEFT_TRACE_PACKET_SENT:
    case WEFT_TRACE_PACKET_LOST:
    case WEFT_TRACE_PACKET_RECEIVED:
        return packet(perfetto, node, record);
    case WEFT_TRACE_NODE_SAMPLE:
        counters(perfetto, life_of(node), record);
        return WEFT_OK;
    case WEFT_TRACE_CHECK_FAILED:
        instant(perfetto, life_of(node), 'p', record);
        return WEFT_OK;
    default:
        other(perfetto, node, record);
        return WEFT_OK;
    }
}

static bool is_fault(enum weft_trace_kind kind) {
    return kind == WEFT_TRACE_FAULT_ON || kind == WEFT_TRACE_FAULT_OFF ||
           kind == WEFT_TRACE_FAULT_BIT;
}

static int of_run(struct perfetto *perfetto, const struct ana_trace_record *record) {
    if (record->event.kind == WEFT_TRACE_RUN_SAMPLE) {
        counters(perfetto, run_track, record);
    } else {
        bool is_global = record->event.kind == WEFT_TRACE_CHECK_FAILED;
        instant(perfetto, run_track, is_global ? 'g' : 't', record);
    }
    return WEFT_OK;
}

/* `from` is reached: what is open begins. */
static void unquiet(struct perfetto *perfetto) {
    struct node *node = NULL;
    const struct ana__fault *on = NULL;
    char name[NAME_SIZE];
    perfetto->quiet = false;
    perfetto->last = perfetto->from;
    while ((on = ana__table_next(perfetto->faults, on)) != NULL) {
        fault_event(perfetto, 'b', ana__table_key(on), on->name);
        with_fields(perfetto, NULL);
    }
    while ((node = ana__table_next(perfetto->nodes, node)) != NULL) {
        show_node(perfetto, node);
        for (const struct lane *lane = node->lanes; lane != NULL; lane = lane->next) {
            show_thread(perfetto, node, lane->tid, lane->name);
            if (!lane->runs) continue;
            begin_slice(perfetto, perfetto->from, (struct track){life_of(node).pid, lane->tid},
                        lane->name);
            with_fields(perfetto, NULL);
        }
        for (const struct span *span = node->spans; span != NULL; span = span->next) {
            span_event(perfetto, 'b', node, span);
            with_fields(perfetto, NULL);
        }
        snprintf(name, sizeof name, "life %llu", (unsigned long long)node->life);
        if (!node->is_up) continue;
        begin_slice(perfetto, perfetto->from, life_of(node), name);
        with_fields(perfetto, NULL);
    }
}

/* Whether the filter would let it through at another time. */
static bool is_early(const struct perfetto *perfetto, const struct ana_trace_record *record) {
    if (record->event.at >= perfetto->from) return false;
    struct ana_filter filter = *perfetto->export->filter;
    filter.from = 0;
    return ana_filter_lets(&filter, record);
}

static int on_event(void *ctx, const struct ana_trace_record *record, bool wanted) {
    struct perfetto *perfetto = ctx;
    enum weft_trace_kind kind = record->event.kind;
    if (kind == WEFT_TRACE_PACKET_DATA || (!wanted && !is_early(perfetto, record))) return WEFT_OK;
    if (perfetto->quiet && wanted) unquiet(perfetto);
    perfetto->last = record->event.at;
    int rv;
    if (is_fault(kind)) {
        rv = fault(perfetto, record);
    } else if (record->event.node == WEFT_TRACE_NODE_NONE) {
        rv = of_run(perfetto, record);
    } else {
        rv = of_node(perfetto, record);
    }
    return rv == WEFT_OK && ana__file_failed(&perfetto->out) ? ANA__ENOUGH : rv;
}

/* --- the file --- */

static void head_member(FILE *file, const struct ana_trace_reader *reader, const char *key) {
    char value[512];
    ana__head_value(reader, key, value, sizeof value);
    fprintf(file, "\"%s\":", key);
    ana__json_text(file, weft_bytes_text(value));
}

static void on_head(void *ctx, const struct ana_trace_reader *reader) {
    struct perfetto *perfetto = ctx;
    FILE *file = perfetto->file;
    char scenario[NAME_SIZE / 2], seed[32], name[NAME_SIZE];
    fputs("{\"displayTimeUnit\":\"ms\",\"otherData\":{", file);
    head_member(file, reader, "scenario");
    putc(',', file);
    head_member(file, reader, "seed");
    putc(',', file);
    head_member(file, reader, "build");
    ana__head_value(reader, "scenario", scenario, sizeof scenario);
    ana__head_value(reader, "seed", seed, sizeof seed);
    snprintf(name, sizeof name, "run: %s, seed %s", scenario, seed);
    fprintf(file,
            "},\"traceEvents\":[\n{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":%u,"
            "\"tid\":%u,\"args\":{\"sort_index\":0}}",
            RUN_PID, RUN_PID);
    metadata(perfetto, "process_name", run_track, name);
    metadata(perfetto, "thread_name", run_track, "run");
}

static void close_all(struct perfetto *perfetto) {
    struct node *node = NULL;
    const struct ana__fault *on = NULL;
    while ((node = ana__table_next(perfetto->nodes, node)) != NULL) {
        close_node(perfetto, node, NULL);
    }
    while (!perfetto->quiet && (on = ana__table_next(perfetto->faults, on)) != NULL) {
        fault_event(perfetto, 'e', ana__table_key(on), on->name);
        with_fields(perfetto, NULL);
    }
    fputs("\n]}\n", perfetto->file);
}

static int write_file(struct perfetto *perfetto) {
    struct ana_export *export = perfetto->export;
    const struct ana__visitor visitor = {.ctx = perfetto, .head = on_head, .event = on_event};
    int rv = ana__file_open(&perfetto->out, export);
    if (rv != WEFT_OK) return rv;
    perfetto->file = perfetto->out.file;
    rv = ana__pass(export, &visitor);
    if (rv == WEFT_OK) close_all(perfetto);
    if (rv == WEFT_OK && perfetto->shown == 0) {
        rv = ana__fail(export, WEFT_ERR_MALFORMED, "%s: %s", export->trace,
                       export->filter != NULL ? "the filter lets no event through"
                                              : "it holds no event");
    }
    return ana__file_close(&perfetto->out, export, rv);
}

static void free_nodes(struct ana__table *nodes) {
    struct node *node = NULL;
    while (nodes != NULL && (node = ana__table_next(nodes, node)) != NULL) {
        for (struct lane *next, *lane = node->lanes; lane != NULL; lane = next) {
            next = lane->next;
            free(lane);
        }
        for (struct span *next, *span = node->spans; span != NULL; span = next) {
            next = span->next;
            free(span);
        }
    }
    ana__table_free(nodes);
}

int ana_export_perfetto(struct ana_export *export) {
    struct perfetto perfetto = {.export = export,
                                .nodes = ana__table_new(sizeof(struct node)),
                                .flows = ana__table_new(sizeof(struct flow)),
                                .faults = ana__faults_new()};
    int rv = ana__fail(export, WEFT_ERR_NOMEM, "out of memory");
    if (export->filter != NULL) perfetto.from = export->filter->from;
    perfetto.quiet = perfetto.from > 0;
    if (perfetto.nodes != NULL && perfetto.flows != NULL && perfetto.faults != NULL) {
        export->why[0] = '\0';
        rv = write_file(&perfetto);
    }
    free_nodes(perfetto.nodes);
    ana__table_free(perfetto.flows);
    ana__table_free(perfetto.faults);
    return rv;
}
