/* A log for ShiViz: its parser's regular expression, an empty line (one execution, no delimiter),
 * then two lines an event: host and vector clock, text.
 *
 * A clock counts the events of the log, so it is of the nodes that have any. What a packet carries
 * is its sender's clock; that holds also when the filter leaves packet.* out. */
#include "analysis/export_internal.h"
#include "analysis/table.h"
#include "core/base/assert.h"
#include "core/base/error.h"

#include <string.h>

#define HOSTS_MAX 64
#define EVENTS_MAX 100000 /* ShiViz draws each in a browser */
#define CARRIED_MAX 100000
#define LINE_MAX_SIZE 2048

struct clock {
    uint32_t of[HOSTS_MAX];
};

/* A node that has events in the log. Its key is (node, 0). */
struct host {
    uint32_t index;
    struct clock clock;
};

struct shiviz {
    struct ana_export *export;
    struct ana__file out;
    struct ana__table *hosts;   /* struct host */
    struct ana__table *carried; /* struct clock, by (sender, number) */
    uint32_t nodes[HOSTS_MAX];  /* by index */
    uint64_t events;
};

static struct host *host_of(const struct shiviz *shiviz, uint64_t node) {
    return ana__table_find(shiviz->hosts, (struct ana__key){node, 0});
}

static int add_host(struct shiviz *shiviz, uint32_t node, struct host **out) {
    size_t count = ana__table_count(shiviz->hosts);
    if (count == HOSTS_MAX) {
        return ana__fail(shiviz->export, WEFT_ERR_MALFORMED,
                         "%s: it has events of more than %d nodes, too many for ShiViz; choose "
                         "some with --node",
                         shiviz->export->trace, HOSTS_MAX);
    }
    struct host *host = ana__table_add(shiviz->hosts, (struct ana__key){node, 0});
    if (host == NULL) return WEFT_ERR_NOMEM;
    host->index = (uint32_t)count;
    shiviz->nodes[count] = node;
    *out = host;
    return WEFT_OK;
}

static int carry(struct shiviz *shiviz, const struct weft_trace_event *event) {
    const struct host *host = host_of(shiviz, event->node);
    struct ana__key key = {event->node, event->number[2]};
    if (host == NULL) return WEFT_OK;
    struct clock *carried = ana__table_get(shiviz->carried, key);
    if (carried == NULL) return WEFT_ERR_NOMEM;
    *carried = host->clock;
    if (ana__table_count(shiviz->carried) > CARRIED_MAX) { /* the oldest was most likely lost */
        ana__table_remove(shiviz->carried, ana__table_next(shiviz->carried, NULL));
    }
    return WEFT_OK;
}

/* Before the event counts: what the sender knew. A second copy would say nothing new. */
static void merge(struct shiviz *shiviz, const struct weft_trace_event *event, struct host *host) {
    struct ana__key key = {event->number[0], event->number[2]};
    struct clock *carried = ana__table_find(shiviz->carried, key);
    if (carried == NULL) return;
    for (size_t i = 0; i < HOSTS_MAX; i++) {
        if (host->clock.of[i] < carried->of[i]) host->clock.of[i] = carried->of[i];
    }
    ana__table_remove(shiviz->carried, carried);
}

static void write_clock(const struct shiviz *shiviz, const struct host *host) {
    FILE *file = shiviz->out.file;
    fprintf(file, "node%u {", shiviz->nodes[host->index]);
    bool comma = false;
    for (size_t i = 0; i < HOSTS_MAX; i++) {
        if (host->clock.of[i] == 0) continue;
        fprintf(file, "%s\"node%u\":%u", comma ? "," : "", shiviz->nodes[i], host->clock.of[i]);
        comma = true;
    }
    fputs("}\n", file);
}

static void write_event(struct shiviz *shiviz, struct host *host,
                        const struct ana_trace_record *record) {
    char line[LINE_MAX_SIZE];
    host->clock.of[host->index]++;
    write_clock(shiviz, host);
    ana_trace_format(record, line, sizeof line);
    const char *fields = strstr(line, record->name); /* after time and node */
    WEFT_ASSERT(fields != NULL);
    fields += strlen(record->name);
    fprintf(shiviz->out.file, "%s ", record->name);
    ana__put_utf8(shiviz->out.file, weft_bytes_text(fields + strspn(fields, " ")));
    fprintf(shiviz->out.file, " at %lld.%09lld s\n", (long long)(record->event.at / WEFT_S(1)),
            (long long)(record->event.at % WEFT_S(1)));
}

static int log_event(struct shiviz *shiviz, const struct ana_trace_record *record) {
    struct host *host = host_of(shiviz, record->event.node);
    int rv = host != NULL ? WEFT_OK : add_host(shiviz, record->event.node, &host);
    if (rv != WEFT_OK) return rv;
    if (shiviz->events++ == EVENTS_MAX) {
        return ana__fail(shiviz->export, WEFT_ERR_MALFORMED,
                         "%s: it has more than %d events, too many for ShiViz; choose some with "
                         "--node, --kind, --from and --to",
                         shiviz->export->trace, EVENTS_MAX);
    }
    if (record->event.kind == WEFT_TRACE_PACKET_RECEIVED) merge(shiviz, &record->event, host);
    write_event(shiviz, host, record);
    return WEFT_OK;
}

static int on_event(void *ctx, const struct ana_trace_record *record, bool wanted) {
    struct shiviz *shiviz = ctx;
    const struct weft_trace_event *event = &record->event;
    int rv = WEFT_OK;
    if (event->node == WEFT_TRACE_NODE_NONE || event->kind == WEFT_TRACE_PACKET_DATA) return rv;
    if (wanted) {
        rv = log_event(shiviz, record);
    } else if (event->kind == WEFT_TRACE_PACKET_RECEIVED) {
        struct host *host = host_of(shiviz, event->node);
        if (host != NULL) merge(shiviz, event, host);
    }
    if (rv == WEFT_OK && event->kind == WEFT_TRACE_PACKET_SENT) rv = carry(shiviz, event);
    return rv == WEFT_OK && ana__file_failed(&shiviz->out) ? ANA__ENOUGH : rv;
}

static int write_file(struct shiviz *shiviz) {
    struct ana_export *export = shiviz->export;
    const struct ana__visitor visitor = {.ctx = shiviz, .event = on_event};
    int rv = ana__file_open(&shiviz->out, export);
    if (rv != WEFT_OK) return rv;
    fputs("(?<host>\\S*) (?<clock>{.*})\\n(?<event>.*)\n\n", shiviz->out.file);
    rv = ana__pass(export, &visitor);
    if (rv == WEFT_OK && shiviz->events == 0) {
        rv = ana__fail(export, WEFT_ERR_MALFORMED, "%s: %s", export->trace,
                       export->filter != NULL ? "the filter lets no event of a node through"
                                              : "it holds no event of a node");
    }
    return ana__file_close(&shiviz->out, export, rv);
}

int ana_export_shiviz(struct ana_export *export) {
    struct shiviz shiviz = {.export = export,
                            .hosts = ana__table_new(sizeof(struct host)),
                            .carried = ana__table_new(sizeof(struct clock))};
    int rv = WEFT_ERR_NOMEM;
    if (shiviz.hosts != NULL && shiviz.carried != NULL) {
        rv = write_file(&shiviz);
    } else {
        ana__fail(export, rv, "out of memory");
    }
    ana__table_free(shiviz.hosts);
    ana__table_free(shiviz.carried);
    return rv;
}
