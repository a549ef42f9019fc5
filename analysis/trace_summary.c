/* What a trace holds, by its indexes. */
#include "analysis/trace_summary.h"

#include "analysis/internal.h"
#include "core/base/error.h"

/* Kinds are found by their number until the end. */
struct tally {
    uint64_t events;
    weft_time first, last;
};

static void add_index(struct tally *tallies, const struct ana__view *view) {
    const unsigned char *at = view->index;
    for (uint64_t kinds = view->chunk.kinds; kinds != 0; kinds &= kinds - 1) {
        struct tally *tally = &tallies[__builtin_ctzll(kinds)];
        if (tally->events == 0) tally->first = (weft_time)ana__load64(at + 4);
        tally->events += ana__load32(at);
        tally->last = (weft_time)ana__load64(at + 12);
        at += ANA__INDEX_ENTRY_SIZE;
    }
}

static void add_block(struct ana_trace_summary *out, const struct ana__chunk *chunk) {
    if (out->events == 0) out->first = chunk->first;
    out->last = chunk->last;
    out->events += chunk->events;
    out->blocks++;
    out->stored_size += chunk->stored_size;
    out->raw_size += chunk->raw_size;
    if (chunk->node_min < out->node_min) out->node_min = chunk->node_min;
    if (chunk->node_max > out->node_max) out->node_max = chunk->node_max; /* without: 0 */
}

static void add_kinds(struct ana_trace_summary *out, const struct ana__schema *schema,
                      const struct tally *tallies) {
    for (unsigned i = 0; i < ANA_KINDS_MAX; i++) {
        const struct ana__kind *kind = &schema->kinds[i];
        if (kind->name == NULL) continue;
        out->kinds[out->kinds_count++] =
            (struct ana_trace_kind_summary){.name = kind->name,
                                            .fields = kind->fields,
                                            .events = tallies[i].events,
                                            .first = tallies[i].first,
                                            .last = tallies[i].last};
    }
}

int ana_trace_summarise(struct ana_trace_reader *reader, struct ana_trace_summary *out) {
    struct tally tallies[ANA_KINDS_MAX] = {{0, 0, 0}};
    struct ana__view view;
    int rv;
    *out = (struct ana_trace_summary){.node_min = UINT32_MAX};
    while ((rv = ana__reader_block(reader, &view)) == WEFT_OK) {
        add_index(tallies, &view);
        add_block(out, &view.chunk);
    }
    if (rv != WEFT_ERR_CLOSED) return rv;
    add_kinds(out, ana__reader_schema(reader), tallies);
    out->damage = ana_trace_damage(reader);
    out->file_size = ana__reader_file_size(reader);
    return WEFT_OK;
}
