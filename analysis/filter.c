/* Which events of a trace are wanted. */
#include "analysis/filter.h"

#include "analysis/internal.h"

#include <string.h>

bool ana_filter_has_kind(const struct ana_filter *filter, const char *name) {
    for (uint32_t i = 0; i < filter->kinds_count; i++) {
        size_t size = strlen(filter->kinds[i]);
        bool begins = strncmp(name, filter->kinds[i], size) == 0;
        if (begins && (name[size] == '\0' || name[size] == '.')) return true;
    }
    return filter->kinds_count == 0;
}

static bool has_node(const struct ana_filter *filter, uint32_t node) {
    for (uint32_t i = 0; i < filter->nodes_count; i++) {
        if (filter->nodes[i] == node) return true;
    }
    return filter->nodes_count == 0;
}

static bool has_pid(const struct ana_trace_shape *shape, const struct weft_trace_event *event,
                    uint64_t pid) {
    for (unsigned i = 0; i < shape->numbers && i < WEFT_TRACE_NUMBERS; i++) {
        if ((shape->pid_mask >> i & 1) && event->number[i] == pid) return true;
    }
    return false;
}

static bool is_number(const struct weft_trace_event *event, int8_t index, uint64_t value) {
    return index >= 0 && event->number[index] == value;
}

/* Its sender is who tells of it, but where it is received. */
static bool is_packet(const struct ana_filter *filter, const struct ana_trace_shape *shape,
                      const struct weft_trace_event *event) {
    if (!is_number(event, shape->packet, filter->packet)) return false;
    if (!filter->by_sender) return true;
    uint64_t sender = shape->from >= 0 ? event->number[shape->from] : event->node;
    return sender == filter->sender;
}

bool ana_filter_lets(const struct ana_filter *filter, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    if (filter == NULL) return true;
    if (event->at < filter->from || (filter->to != 0 && event->at > filter->to)) return false;
    if (!has_node(filter, event->node) || !ana_filter_has_kind(filter, record->name)) return false;
    if (!filter->by_pid && !filter->by_packet && !filter->by_op) return true;
    struct ana_trace_shape own;
    const struct ana_trace_shape *shape = record->shape;
    if (shape == NULL) {
        own = ana__shape_of(record->fields);
        shape = &own;
    }
    if (filter->by_pid && !has_pid(shape, event, filter->pid)) return false;
    if (filter->by_packet && !is_packet(filter, shape, event)) return false;
    return !filter->by_op || is_number(event, shape->op, filter->op);
}

/* Whether an event of the kind can be let through at all. */
static bool may_have(const struct ana_filter *filter, const struct ana__kind *kind) {
    if (kind->name == NULL || !ana_filter_has_kind(filter, kind->name)) return false;
    if (filter->by_pid && kind->shape.pid_mask == 0) return false;
    if (filter->by_packet && kind->shape.packet < 0) return false;
    return !filter->by_op || kind->shape.op >= 0;
}

static void apply_nodes(const struct ana_filter *filter, struct ana_trace_reader *reader) {
    uint32_t min = UINT32_MAX, max = 0;
    for (uint32_t i = 0; i < filter->nodes_count; i++) {
        if (filter->nodes[i] == WEFT_TRACE_NODE_NONE) return; /* no block says whether it has it */
        if (filter->nodes[i] < min) min = filter->nodes[i];
        if (filter->nodes[i] > max) max = filter->nodes[i];
    }
    if (filter->nodes_count > 0) ana__reader_want_nodes(reader, min, max);
}

void ana_filter_apply(const struct ana_filter *filter, struct ana_trace_reader *reader) {
    const struct ana__schema *schema = ana__reader_schema(reader);
    uint64_t kinds = 0;
    if (filter == NULL) return;
    for (unsigned i = 0; i < ANA_KINDS_MAX; i++) {
        if (may_have(filter, &schema->kinds[i])) kinds |= UINT64_C(1) << i;
    }
    ana__reader_want(reader, kinds, filter->from > 0 ? filter->from : INT64_MIN,
                     filter->to != 0 ? filter->to : WEFT_TIME_NEVER);
    apply_nodes(filter, reader);
}
