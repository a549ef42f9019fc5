/* A small trace that has something of everything, for the exports' tests. */
#ifndef TESTS_UNIT_ANALYSIS_EXPORT_SAMPLE_H
#define TESTS_UNIT_ANALYSIS_EXPORT_SAMPLE_H

#include "analysis/export.h"

#include <stdbool.h>

struct place {
    char path[64];
};

/* A path in /tmp that is free. */
struct place sample_place(void);
/* Five seconds of four nodes: packets that arrive, are lost, arrive twice, stay away; a partition,
 * a crash, a restart, operations, texts with everything that has to be escaped. */
void sample_write(const char *path);
/* As many events as are given, in order of time. */
void sample_write_events(const char *path, const struct weft_trace_event *events, size_t count);
/* The whole file with a NUL after it, to be freed; NULL: none. */
char *sample_read(const char *path, size_t *size);
/* The golden file of this name and `path` have the same bytes. With WEFT_GOLDEN set in the
 * environment, the golden file is made anew. */
bool sample_is_golden(const char *path, const char *name);

#endif
