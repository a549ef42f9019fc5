/* The log: one line an event on standard error, "2026-01-31T12:00:00.123Z info  text". */
#ifndef WEFT_WEFTD_LOG_H
#define WEFT_WEFTD_LOG_H

#include "core/env/trace.h"

/* Lines of one second. Those after are left out, and so are lines for which there is no room where
 * standard error goes: a slow or absent reader does not stop the node. How many were is logged. */
#define LOG_BURST_MAX 500

/* Lines above `level` are not written from now on. */
void log_open(enum weft_log_level level);

/* From now on a thread writes the lines, in the order they came: whoever logs waits for no file and
 * no reader. Up to LOG_LINES_MAX wait for it, those beyond are left out. Without a thread
 * everybody goes on writing. A panic may lose what waits. */
void log_start(void);
/* What waits is written; then whoever logs writes again. Nobody else may log meanwhile. */
void log_stop(void);
#define LOG_LINES_MAX 512

/* The kinds of trace events that are worth a line at `level`. */
uint64_t log_mask(enum weft_log_level level);

void log_event(const struct weft_trace_event *event);

void log_line(enum weft_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
