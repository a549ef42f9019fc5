/* Which faults are on. */
#include "analysis/export_faults.h"

#include "analysis/export_internal.h"
#include "core/base/error.h"

#include <string.h>

struct ana__table *ana__faults_new(void) {
    return ana__table_new(sizeof(struct ana__fault));
}

static void name_it(struct ana__fault *fault) {
    size_t size = strcspn(fault->text, " ");
    if (size == 0) {
        snprintf(fault->name, sizeof fault->name, "kind %llu", (unsigned long long)fault->kind);
    } else {
        ana__plain_text(fault->name, sizeof fault->name, weft_bytes(fault->text, size));
    }
}

int ana__faults_see(struct ana__table *faults, const struct weft_trace_event *event) {
    struct ana__key key = {event->number[0], event->number[2]};
    if (event->kind == WEFT_TRACE_FAULT_ON) {
        if (ana__table_find(faults, key) != NULL) return WEFT_OK; /* told twice */
        struct ana__fault *fault = ana__table_add(faults, key);
        if (fault == NULL) return WEFT_ERR_NOMEM;
        fault->kind = event->number[1];
        ana__plain_text(fault->text, sizeof fault->text, event->bytes);
        name_it(fault);
    } else if (event->kind == WEFT_TRACE_FAULT_OFF) {
        struct ana__fault *fault = ana__table_find(faults, key);
        if (fault != NULL) ana__table_remove(faults, fault);
    }
    return WEFT_OK;
}
