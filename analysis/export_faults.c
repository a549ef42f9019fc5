/* Which faults are on. */
#include "analysis/export_faults.h"

#include "analysis/export_internal.h"
#include "core/base/error.h"

#include <string.h>

struct ana__table *ana__faults_new(void) {
    return ana__table_new(sizeof(struct ana__fault));
}

/* What fits of a text: whole characters, control characters and what is no UTF-8 as '?'. */
static void copy_plain(char *out, size_t size, struct weft_bytes text) {
    size_t used = 0;
    for (size_t at = 0; at < text.size;) {
        size_t width = ana__utf8_size(text, at);
        bool plain = width > 1 || (width == 1 && text.data[at] >= 32 && text.data[at] != 127);
        if (used + (plain ? width : 1) >= size) break;
        if (plain)
            memcpy(out + used, text.data + at, width);
        else
            out[used] = '?';
        used += plain ? width : 1;
        at += width > 0 ? width : 1;
    }
    out[used] = '\0';
}

static void name_it(struct ana__fault *fault) {
    size_t size = strcspn(fault->text, " ");
    if (size == 0) {
        snprintf(fault->name, sizeof fault->name, "kind %llu", (unsigned long long)fault->kind);
    } else {
        copy_plain(fault->name, sizeof fault->name, weft_bytes(fault->text, size));
    }
}

int ana__faults_see(struct ana__table *faults, const struct weft_trace_event *event) {
    struct ana__key key = {event->number[0], event->number[2]};
    if (event->kind == WEFT_TRACE_FAULT_ON) {
        struct ana__fault *fault = ana__table_get(faults, key);
        if (fault == NULL) return WEFT_ERR_NOMEM;
        fault->kind = event->number[1];
        copy_plain(fault->text, sizeof fault->text, event->bytes);
        name_it(fault);
    } else if (event->kind == WEFT_TRACE_FAULT_OFF) {
        struct ana__fault *fault = ana__table_find(faults, key);
        if (fault != NULL) ana__table_remove(faults, fault);
    }
    return WEFT_OK;
}
