/* JSON lines: one object an event.
 *
 *     {"at":1500000,"node":17,"event":"lookup.done","op":3,...}
 *
 * `at` is ns, `node` null for an event of no node. No field of a kind is named as these three;
 * tests/unit/analysis/test_export_jsonl.c holds it. */
#include "analysis/export_internal.h"

#include "core/base/error.h"

#include <string.h>

static int write_event(void *ctx, const struct ana_trace_record *record, bool wanted) {
    struct ana__file *out = ctx;
    FILE *file = out->file;
    const struct weft_trace_event *event = &record->event;
    if (!wanted) return WEFT_OK;
    fprintf(file, "{\"at\":%lld,\"node\":", (long long)event->at);
    if (event->node == WEFT_TRACE_NODE_NONE) {
        fputs("null", file);
    } else {
        fprintf(file, "%u", event->node);
    }
    fputs(",\"event\":", file);
    ana__json_text(file, weft_bytes_text(record->name));
    ana__json_fields(file, record, true);
    fputs("}\n", file);
    return ana__file_failed(out) ? ANA__ENOUGH : WEFT_OK; /* closing tells */
}

int ana_export_jsonl(struct ana_export *export) {
    struct ana__file out;
    int rv = ana__file_open(&out, export);
    if (rv != WEFT_OK) return rv;
    const struct ana__visitor visitor = {.ctx = &out, .event = write_event, .only_wanted = true};
    return ana__file_close(&out, export, ana__pass(export, &visitor));
}
