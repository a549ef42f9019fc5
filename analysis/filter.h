/* Filter: which events of a trace are wanted. */
#ifndef ANALYSIS_FILTER_H
#define ANALYSIS_FILTER_H

#include "analysis/trace_file.h"

#include <stdbool.h>

#define ANA_FILTER_KINDS_MAX 64
#define ANA_FILTER_NODES_MAX 64

/* All that is set must hold; zeroes everywhere let every event through. */
struct ana_filter {
    weft_time from, to;                      /* inclusive; to 0: to the end */
    const char *kinds[ANA_FILTER_KINDS_MAX]; /* "lookup.done", or "lookup" for all of them */
    uint32_t kinds_count;
    uint32_t nodes[ANA_FILTER_NODES_MAX];
    uint32_t nodes_count;
    bool by_pid, by_packet, by_op;
    uint64_t pid, packet, op; /* events that have a field of this name (pid, sup, parent, peer are
                                 pids) with this value */
    /* With by_packet: only the packet that this node sent, for each node counts its own. */
    bool by_sender;
    uint32_t sender;
};

/* Whether `filter` (NULL: yes) lets the event through. */
bool ana_filter_lets(const struct ana_filter *filter, const struct ana_trace_record *record);

/* Have `reader` pass over blocks that have nothing `filter` (NULL: all) lets through, unread. What
 * it then gives may still hold events to refuse. */
void ana_filter_apply(const struct ana_filter *filter, struct ana_trace_reader *reader);

/* Whether a kind of this name is among `filter->kinds`; yes when there are none. */
bool ana_filter_has_kind(const struct ana_filter *filter, const char *name);

#endif
