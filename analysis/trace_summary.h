/* Summary: what a trace holds, told by the indexes of its blocks. No record is unpacked; every
 * byte is read, and held against its checksum. */
#ifndef ANALYSIS_TRACE_SUMMARY_H
#define ANALYSIS_TRACE_SUMMARY_H

#include "analysis/trace_file.h"

struct ana_trace_kind_summary {
    const char *name;   /* borrowed from the reader */
    const char *fields; /* the same */
    uint64_t events;    /* 0: the file has the kind in its table alone */
    weft_time first, last;
};

struct ana_trace_summary {
    /* In the order of the table. */
    struct ana_trace_kind_summary kinds[ANA_KINDS_MAX];
    uint32_t kinds_count;
    uint64_t events, blocks;
    weft_time first, last;          /* meant only when there are events */
    uint32_t node_min, node_max;    /* no node: node_min > node_max */
    uint64_t file_size;             /* bytes */
    uint64_t stored_size, raw_size; /* of the blocks' records */
    struct ana_trace_damage damage;
};

/* Read what `reader` has not given yet. WEFT_ERR_IO, WEFT_ERR_NOMEM */
int ana_trace_summarise(struct ana_trace_reader *reader, struct ana_trace_summary *out);

#endif
