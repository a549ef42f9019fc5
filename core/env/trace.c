/* The table of trace kinds, and logging. */
#include "core/env/env.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const kind_names[] = {
#define TRACE_NAME(NAME, name, fields) name,
    WEFT_TRACE_KINDS(TRACE_NAME)
#undef TRACE_NAME
};

static const char *const kind_fields[] = {
#define TRACE_FIELDS(NAME, name, fields) fields,
    WEFT_TRACE_KINDS(TRACE_FIELDS)
#undef TRACE_FIELDS
};

const char *weft_trace_kind_name(unsigned kind) {
    return kind < WEFT_TRACE_KIND_COUNT ? kind_names[kind] : NULL;
}

const char *weft_trace_kind_fields(unsigned kind) {
    return kind < WEFT_TRACE_KIND_COUNT ? kind_fields[kind] : NULL;
}

void weft_log(struct weft_env *env, enum weft_log_level level, const char *format, ...) {
    if (!(env->trace_mask & WEFT_TRACE_BIT(WEFT_TRACE_LOG))) return;
    char text[WEFT_LOG_TEXT_MAX + 1];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0) return;
    size_t size = (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    weft_trace(env, WEFT_TRACE_LOG, weft_bytes(text, size), level);
}
