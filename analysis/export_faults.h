/* Inside of the exports: which faults are on as a trace is read, and who is on which side. */
#ifndef ANALYSIS_EXPORT_FAULTS_H
#define ANALYSIS_EXPORT_FAULTS_H

#include "analysis/table.h"
#include "analysis/trace_file.h"

#define ANA__FAULT_TEXT_SIZE 160

/* An occurrence that is on. Its key is (fault, occurrence). */
struct ana__fault {
    uint64_t kind;
    char text[ANA__FAULT_TEXT_SIZE]; /* of fault.on, whole characters, without control characters */
    char name[32];                   /* the first word of it: "partition" */
};

/* A table of struct ana__fault, the oldest first. NULL: out of memory. */
struct ana__table *ana__faults_new(void);
/* Learn from fault.on and fault.off; others are passed over. WEFT_ERR_NOMEM */
int ana__faults_see(struct ana__table *faults, const struct weft_trace_event *event);

#endif
