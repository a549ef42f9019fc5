/* Which events of a trace are wanted. */
#include "analysis/filter.h"

#include "analysis/internal.h"

#include <string.h>

static bool has_kind(const struct ana_filter *filter, const char *name) {
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

/* A number of this name, or with NULL of type pid, has the value. */
static bool has_number(const struct ana_trace_record *record, const char *name, uint64_t value) {
    const char *cursor = record->fields;
    struct ana__field field;
    for (unsigned i = 0; i < WEFT_TRACE_NUMBERS && ana__next_field(&cursor, &field); i++) {
        if (!ana__is_number(&field)) break;
        bool meant = name == NULL ? field.type[0] == 'p'
                                  : field.name_size == strlen(name) &&
                                        memcmp(field.name, name, field.name_size) == 0;
        if (meant && record->event.number[i] == value) return true;
    }
    return false;
}

bool ana_filter_lets(const struct ana_filter *filter, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    if (filter == NULL) return true;
    if (event->at < filter->from || (filter->to != 0 && event->at > filter->to)) return false;
    if (!has_node(filter, event->node) || !has_kind(filter, record->name)) return false;
    if (filter->by_pid && !has_number(record, NULL, filter->pid)) return false;
    if (filter->by_packet && !has_number(record, "packet", filter->packet)) return false;
    return !filter->by_op || has_number(record, "op", filter->op);
}
