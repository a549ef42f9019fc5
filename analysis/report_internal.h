/* Inside of the report: what the two readings of a trace leave behind, and its way into the page.
 */
#ifndef ANALYSIS_REPORT_INTERNAL_H
#define ANALYSIS_REPORT_INTERNAL_H

#include "analysis/report.h"
#include "analysis/series.h"

#include <stdbool.h>

/* --- text that grows (report_text.c) --- */

/* Memory that runs out is kept in `failed`, and told at the end. */
struct ana__text {
    char *data;
    size_t size, capacity;
    bool failed;
};

void ana__text_add(struct ana__text *text, const char *data, size_t size);
void ana__text_put(struct ana__text *text, const char *words);
__attribute__((format(printf, 2, 3))) void ana__text_format(struct ana__text *text,
                                                            const char *format, ...);
/* A JSON string with its quotes, that may also stand in a script of a page: no '<'. What is not
 * UTF-8 becomes U+FFFD. */
void ana__text_json(struct ana__text *text, const char *words, size_t size);
/* As text of HTML. */
void ana__text_html(struct ana__text *text, const char *words, size_t size);
void ana__text_base64(struct ana__text *text, const unsigned char *data, size_t size);
void ana__text_free(struct ana__text *text);

/* Each text once, by a number from 0; number 0 is "". */
struct ana__strings {
    struct ana__text all; /* each ends in NUL */
    uint32_t *starts, *table;
    uint32_t count, capacity, table_size;
    bool failed;
};

uint32_t ana__strings_add(struct ana__strings *strings, const char *words, size_t size);
void ana__strings_free(struct ana__strings *strings);

/* --- lists of the page (report_rows.c) --- */

/* One line of a list; what a, b, c and text are depends on the list and the kind. */
struct ana__row {
    weft_time at;
    uint32_t node, kind;
    uint64_t a, b, c;
    uint32_t text; /* of the strings */
};

enum ana__thinning {
    ANA__BY_NODE, /* only every so manieth node is kept, whole */
    ANA__BY_TIME, /* of a node and kind only the last of every so many ns is kept */
    ANA__BY_KIND  /* kinds beyond a greatest one are left out; later ones matter less */
};

struct ana__rows {
    struct ana__row *list;
    size_t count, capacity, max;
    enum ana__thinning thinning;
    uint32_t stride, kinds_kept;
    weft_duration quantum;
    uint64_t left_out;
    bool failed;
};

void ana__rows_init(struct ana__rows *rows, enum ana__thinning thinning, size_t max);
void ana__rows_add(struct ana__rows *rows, const struct ana__row *row);
/* {"count":..,"at":"base64",..}: a column each, of varints; `at` as differences in us. */
void ana__rows_json(const struct ana__rows *rows, struct ana__text *out);
void ana__rows_free(struct ana__rows *rows);

/* --- ids of nodes (report_ids.c) --- */

struct ana__ids {
    struct ana__id_slot *slots;
    uint32_t count, capacity;
    bool failed;
};

void ana__ids_set(struct ana__ids *ids, struct weft_bytes id, uint32_t node);
/* WEFT_TRACE_NODE_NONE: nobody has told that id. */
uint32_t ana__ids_get(const struct ana__ids *ids, struct weft_bytes id);
void ana__ids_free(struct ana__ids *ids);

/* --- the first reading (report_survey.c) --- */

/* Kinds of rows in `changes` and `samples`: what changes of a node. */
enum ana__node_field {
    ANA__LIFE = 0, /* a: enum ana__life; b: the life's number; text: the address */
    ANA__SIDE,     /* a: number of the occurrence; b: the side + 1 */
    ANA__RESTARTS, /* a: restarts that supervisors made in this node, in all its lives */
    ANA__DEGREE,   /* a: contacts in its routing table */
    ANA__PROCS,    /* a: processes */
    ANA__FAULTS,   /* a: faults that bit this node so far */
    ANA__MAILBOX,  /* a: messages that wait */
    ANA__BYTES,    /* a: bytes of heap */
    ANA__FIELDS
};

enum ana__life { ANA__UNBORN = 0, ANA__UP, ANA__JOINED, ANA__DOWN /* + the cause */ };

/* Kinds of rows in `tree`. */
enum ana__tree_kind {
    ANA__TREE_START = 0, /* a: pid; b: parent; text: name */
    ANA__TREE_EXIT,      /* a: pid; b: reason; text: the reason's */
    ANA__TREE_SUP,       /* a: pid; b: strategy; c: intensity */
    ANA__TREE_CHILD,     /* a: pid; b: restart; c: started again; text: the child's id */
    ANA__TREE_CLEAR      /* the node is down */
};

/* Kinds of rows in `overlay`. */
enum ana__overlay_kind {
    ANA__OVERLAY_OFF = 0, /* a: the contact's node + 1; 0: nobody's id, then text tells it */
    ANA__OVERLAY_ON,
    ANA__OVERLAY_CLEAR /* the table is gone */
};

/* Kinds of rows in `moments`, the ones that matter most first: X(NAME, "name in the page") */
#define ANA__MOMENTS(X)                                                                            \
    X(CHECK_FAILED, "check.failed") /* a: check; text */                                           \
    X(FAULT_ON, "fault.on")         /* a: fault; b: kind; c: occurrence; text */                   \
    X(FAULT_OFF, "fault.off")                                                                      \
    X(FAULT_BIT, "fault.bit")                                                                      \
    X(NODE_DOWN, "node.down")          /* not asked to; a: cause; b: life */                       \
    X(GIVE_UP, "sup.give_up")          /* a: sup; b: restarts */                                   \
    X(PROC_EXIT, "proc.exit")          /* not in order; a: pid; b: reason; c: code; text */        \
    X(ROLLED_BACK, "code.rolled_back") /* a: from; b: to; c: asked; text: module */                \
    X(LOG, "log")                      /* errors and warnings; a: level; text */                   \
    X(WORK_FAILED, "work.failed")      /* a: work's kind; b: -status; c: the key's first bytes */  \
    X(RESTART, "sup.restart")          /* a: sup; b: child */                                      \
    X(APP_DOWN, "app.down")            /* a: pid; b: reason; c: code; text: name */                \
    X(SWITCHED, "code.switched")       /* a: pid; b: from; c: to; text: module */                  \
    X(NODE_UP, "node.up")              /* a: life */                                               \
    X(JOINED, "dht.joined")            /* a: contacts; b: us it took */

enum ana__moment_kind {
#define ANA__MOMENT_ENUM(NAME, name) ANA__MOMENT_##NAME,
    ANA__MOMENTS(ANA__MOMENT_ENUM)
#undef ANA__MOMENT_ENUM
        ANA__MOMENT_KINDS
};

/* A line of the run's page: RUN_FAULT, RUN_CHECK, RUN_WORK, RUN_PART, RUN_REASON. */
struct ana__line {
    enum weft_trace_kind kind;
    uint64_t number[WEFT_TRACE_NUMBERS];
    uint32_t text;
};

struct ana__failure {
    weft_time at;
    uint32_t node;
    uint64_t check;
    uint32_t text;
};

/* A fault that is on; `off` WEFT_TIME_NEVER: to the end. */
struct ana__occurrence {
    uint64_t fault, kind, occurrence, bits;
    weft_time on, off;
    uint32_t text;
};

/* What is known of a node while reading. */
struct ana__node {
    uint32_t procs, restarts, faults;
    uint64_t life, mailbox, bytes;
    bool joined;
    unsigned char id[20];
};

#define ANA__BINS 1024
#define ANA__LINES_MAX 6144 /* more than a run can have */
#define ANA__FAILURES_MAX 400
#define ANA__OCCURRENCES_MAX 4000
#define ANA__FOCUS_MAX 48
#define ANA__NODES_MAX (1u << 21)
#define ANA__HEAD_MAX 8192

struct ana__survey {
    char head[ANA__HEAD_MAX];
    weft_time first, last;
    uint64_t events;
    struct ana_trace_damage damage;
    uint64_t count[WEFT_TRACE_KIND_COUNT];
    struct ana__node *nodes;
    uint32_t nodes_count, nodes_capacity;
    struct ana__strings strings;
    struct ana__ids ids;
    struct ana__rows changes, samples, tree, overlay, moments; /* samples: MAILBOX, BYTES */
    struct ana__line lines[ANA__LINES_MAX];
    uint32_t lines_count;
    struct ana__failure failures[ANA__FAILURES_MAX];
    uint32_t failures_count;
    struct ana__occurrence occurrences[ANA__OCCURRENCES_MAX];
    uint32_t occurrences_count;
    uint64_t occurrences_left_out;
    uint64_t bins[ANA__BINS]; /* packets sent in each time of bin_width */
    weft_duration bin_width;
    bool ended, held;
    uint64_t hash_high, hash_low, run_events, run_nodes;
    uint32_t repeat;
    bool failed; /* no memory */
};

/* NULL: no memory. */
struct ana__survey *ana__survey_new(const char *head, size_t scale);
void ana__survey_add(struct ana__survey *survey, const struct weft_trace_event *event);
bool ana__survey_failed(const struct ana__survey *survey);
void ana__survey_free(struct ana__survey *survey);

/* --- the second reading: messages (report_messages.c) --- */

#define ANA__MESSAGE_PENDING 0
#define ANA__MESSAGE_RECEIVED 1
#define ANA__MESSAGE_LOST 2 /* + the cause */

/* A node whose packets are kept for a time, whatever the others'. */
struct ana__focus {
    uint32_t node;
    weft_time from, to;
};

struct ana__messages {
    struct ana__rows rows; /* kind: above; a: receiver; b: us on the way; c: size; text: label */
    struct ana__focus focus[ANA__FOCUS_MAX];
    uint32_t focus_count;
    bool keep[ANA__BINS]; /* of the survey's bins: every packet is kept */
    struct ana__survey *survey;
    struct ana__flight *flights; /* by packet number */
    size_t flights_capacity, flights_count;
    bool failed;
};

/* Which times and nodes to keep, by what the survey found. WEFT_ERR_NOMEM */
int ana__messages_init(struct ana__messages *messages, struct ana__survey *survey);
void ana__messages_add(struct ana__messages *messages, const struct weft_trace_event *event);
void ana__messages_free(struct ana__messages *messages);

/* --- the page --- */

/* All that the page is made of. */
struct ana__findings {
    struct ana__survey *survey;
    struct ana_series *series;      /* settled; NULL: a run that goes on */
    struct ana__messages *messages; /* NULL: likewise */
};

/* The whole data as one JSON object. */
void ana__report_json(const struct ana__findings *findings, struct ana__text *out);

/* Each plot as a figure of the page, or why there are none. */
void ana__report_plots(const struct ana__findings *findings, struct ana__text *out);

/* The parts of the page, made by the build from analysis/report_*.{html,css,js}. */
struct ana__part {
    const unsigned char *data;
    size_t size;
};
extern const struct ana__part ana__page_html, ana__page_css, ana__page_js;

#endif
