/* weft trace --summary: the page. */
#include "analysis/trace_summary.h"

#include "core/base/error.h"
#include "sim/cli/cli.h"
#include "sim/cli/trace.h"

#include <string.h>

/* "120.000 s" */
static void put_time(FILE *out, weft_time at) {
    fprintf(out, "%lld.%06d s", (long long)(at / WEFT_S(1)), (int)(at % WEFT_S(1) / WEFT_US(1)));
}

static void put_nodes(FILE *out, const struct ana_trace_summary *summary) {
    if (summary->node_min > summary->node_max) {
        fputs("  nodes              none\n", out);
    } else {
        fprintf(out, "  nodes              %u to %u\n", summary->node_min, summary->node_max);
    }
}

static void put_sizes(FILE *out, const struct ana_trace_summary *summary) {
    char blocks[32], file[32], raw[32];
    fprintf(out, "  blocks             %s, %s bytes of records\n",
            cli_thousands(summary->blocks, blocks), cli_thousands(summary->raw_size, raw));
    fprintf(out, "  file               %s bytes\n", cli_thousands(summary->file_size, file));
}

static void put_damage(FILE *out, const struct ana_trace_damage *damage) {
    char bytes[32], blocks[32];
    if (damage->bytes == 0 && damage->blocks == 0) {
        fprintf(out, "  damage             %s\n", damage->cut ? "cut short: no end mark" : "none");
        return;
    }
    fprintf(out, "  damage             %s bytes, %s %s, from byte %llu on%s\n",
            cli_thousands(damage->bytes, bytes), cli_thousands(damage->blocks, blocks),
            damage->blocks == 1 ? "block" : "blocks", (unsigned long long)damage->first,
            damage->cut ? "; cut short: no end mark" : "");
}

static void put_kinds(FILE *out, const struct ana_trace_summary *summary) {
    char events[32];
    fprintf(out, "\n  %-18s %15s %16s %16s\n", "kind", "events", "first", "last");
    for (uint32_t i = 0; i < summary->kinds_count; i++) {
        const struct ana_trace_kind_summary *kind = &summary->kinds[i];
        if (kind->events == 0) continue;
        fprintf(out, "  %-18s %15s %7lld.%06d s %7lld.%06d s\n", kind->name,
                cli_thousands(kind->events, events), (long long)(kind->first / WEFT_S(1)),
                (int)(kind->first % WEFT_S(1) / WEFT_US(1)), (long long)(kind->last / WEFT_S(1)),
                (int)(kind->last % WEFT_S(1) / WEFT_US(1)));
    }
}

/* "key=value" lines as rows. */
static void put_head(FILE *out, const char *head) {
    while (*head != '\0') {
        int key = (int)strcspn(head, "="), line = (int)strcspn(head, "\n");
        fprintf(out, "  %-18.*s %.*s\n", key, head, line - key - 1, head + key + 1);
        head += line + (head[line] == '\n');
    }
}

int trace_summary(const struct trace_wishes *wishes, struct ana_trace_reader *reader, FILE *out) {
    struct ana_trace_summary summary;
    char events[32];
    int rv = ana_trace_summarise(reader, &summary);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s: %s\n", wishes->file, weft_error_text(rv));
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    put_head(out, ana_trace_head(reader));
    fprintf(out, "  events             %s", cli_thousands(summary.events, events));
    if (summary.events > 0) {
        fputs(", ", out);
        put_time(out, summary.first);
        fputs(" to ", out);
        put_time(out, summary.last);
    }
    fputc('\n', out);
    put_nodes(out, &summary);
    put_sizes(out, &summary);
    put_damage(out, &summary.damage);
    put_kinds(out, &summary);
    return trace_tell_damage(wishes->file, &summary.damage);
}
