/* The trace that a run writes. */
#define _POSIX_C_SOURCE 200809L
#include "sim/cli/record.h"

#include "analysis/trace_file.h"
#include "core/base/error.h"
#include "core/config/suggest.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KIND_MAX_SIZE 48

#define PAGE_MASK                                                                                  \
    (WEFT_TRACE_BIT(WEFT_TRACE_RUN_FAULT) | WEFT_TRACE_BIT(WEFT_TRACE_RUN_CHECK) |                 \
     WEFT_TRACE_BIT(WEFT_TRACE_RUN_WORK) | WEFT_TRACE_BIT(WEFT_TRACE_RUN_PART) |                   \
     WEFT_TRACE_BIT(WEFT_TRACE_RUN_REASON) | WEFT_TRACE_BIT(WEFT_TRACE_RUN_END))

/* What explains the rest, however long ago it was. */
#define KEPT_MASK                                                                                  \
    (PAGE_MASK | WEFT_TRACE_BIT(WEFT_TRACE_NODE_UP) | WEFT_TRACE_BIT(WEFT_TRACE_NODE_DOWN) |       \
     WEFT_TRACE_BIT(WEFT_TRACE_DHT_UP) | WEFT_TRACE_BIT(WEFT_TRACE_FAULT_ON) |                     \
     WEFT_TRACE_BIT(WEFT_TRACE_FAULT_OFF) | WEFT_TRACE_BIT(WEFT_TRACE_FAULT_SIDE) |                \
     WEFT_TRACE_BIT(WEFT_TRACE_CHECK_FAILED))

#define SEEN_EVERY 1000 /* events; a block for each sample would be too small in a small run */

/* --- kinds --- */

/* "lookup" is the kinds "lookup.start" and "lookup.done". */
static uint64_t mask_of(const char *wanted) {
    uint64_t mask = 0;
    size_t size = strlen(wanted);
    for (unsigned i = 0; i < WEFT_TRACE_KIND_COUNT; i++) {
        const char *name = weft_trace_kind_name(i);
        bool fits = strncmp(name, wanted, size) == 0 && (name[size] == '\0' || name[size] == '.');
        if (fits) mask |= WEFT_TRACE_BIT(i);
    }
    return mask;
}

static void tell_unknown(const char *kind) {
    const char *names[WEFT_TRACE_KIND_COUNT];
    for (unsigned i = 0; i < WEFT_TRACE_KIND_COUNT; i++) names[i] = weft_trace_kind_name(i);
    const char *nearest = weft_suggest(kind, names, WEFT_TRACE_KIND_COUNT);
    fprintf(stderr, "weft: unknown kind \"%s\"", kind);
    if (nearest != NULL) fprintf(stderr, ", did you mean \"%s\"?", nearest);
    fputc('\n', stderr);
}

bool cli_record_take_only(struct cli_record *record, const char *list) {
    for (;; list++) {
        char kind[KIND_MAX_SIZE];
        size_t size = strcspn(list, ",");
        snprintf(kind, sizeof kind, "%.*s", (int)(size < sizeof kind ? size : sizeof kind), list);
        uint64_t mask = size > 0 && size < sizeof kind ? mask_of(kind) : 0;
        if (mask == 0) {
            tell_unknown(kind);
            return false;
        }
        record->only |= mask;
        list += size;
        if (*list == '\0') return true;
    }
}

uint64_t cli_record_mask(const struct cli_record *record) {
    const uint64_t packets = WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA);
    if (record->file == NULL) return 0;
    uint64_t mask = record->only != 0 ? record->only : WEFT_TRACE_ALL & ~packets;
    return mask | PAGE_MASK | (record->packets ? packets : 0);
}

/* --- head --- */

struct text {
    char *at;
    size_t left;
};

/* A value is one line, and valid UTF-8 stays it: what does not fit is left out. */
static void put(struct text *text, const char *key, const char *value) {
    size_t need = strlen(key) + 1 + strlen(value) + 1;
    if (need >= text->left) return;
    snprintf(text->at, text->left, "%s=%s\n", key, value);
    for (char *c = text->at; c < text->at + need - 1; c++) {
        if (*c == '\n' || *c == '\r') *c = ' ';
    }
    text->at += need;
    text->left -= need;
}

static void put_number(struct text *text, const char *key, uint64_t number) {
    char value[32];
    snprintf(value, sizeof value, "%llu", (unsigned long long)number);
    put(text, key, value);
}

/* A comma between them. */
static void put_kinds(struct text *text, const char *key, uint64_t kinds) {
    char names[WEFT_TRACE_KIND_COUNT * KIND_MAX_SIZE] = "";
    size_t size = 0;
    for (unsigned i = 0; i < WEFT_TRACE_KIND_COUNT; i++) {
        if (!(kinds & WEFT_TRACE_BIT(i))) continue;
        size += (size_t)snprintf(names + size, sizeof names - size, "%s%s", size > 0 ? "," : "",
                                 weft_trace_kind_name(i));
    }
    put(text, key, names);
}

static const char *or_empty(const char *text) { return text != NULL ? text : ""; }

void cli_record_write_head(const struct cli_record_head *head, char out[CLI_HEAD_MAX]) {
    const struct sim_plan *plan = head->plan;
    weft_time until = head->wishes->until, stop = until != WEFT_TIME_NEVER ? until : plan->stop;
    const struct sim_run_samples samples = sim_run_samples(plan, until);
    struct text text = {out, CLI_HEAD_MAX};
    out[0] = '\0';
    put(&text, "scenario", or_empty(plan->name));
    put_number(&text, "seed", head->wishes->seed);
    put(&text, "file", or_empty(plan->file));
    put(&text, "build", cli_build_id());
    put_number(&text, "nodes", plan->population);
    put_number(&text, "stop", (uint64_t)stop);
    put_number(&text, "sample_every", (uint64_t)samples.of_run);
    put_number(&text, "node_sample_every", (uint64_t)samples.of_nodes);
    put_kinds(&text, "without", head->without);
    put(&text, "about", or_empty(plan->about));
    put(&text, "repeat", head->repeat);
}

/* --- file --- */

/* Whether it will be possible to write there when the run has failed; and a file of an earlier run
 * is not to be taken for one of this. */
static int prove(const char *path) {
    struct stat about;
    FILE *file = fopen(path, "ab");
    if (file == NULL) return WEFT_ERR_IO;
    bool is_file = fstat(fileno(file), &about) == 0 && S_ISREG(about.st_mode);
    fclose(file);
    return !is_file || remove(path) == 0 ? WEFT_OK : WEFT_ERR_IO;
}

bool cli_record_open(struct cli_record *record, const char *head) {
    const struct ana_trace_options options = {.head = head,
                                              .kinds = cli_record_mask(record),
                                              .last = record->last,
                                              .keep = record->last > 0 ? KEPT_MASK : 0};
    if (record->file == NULL) return true;
    const char *path = record->last > 0 ? NULL : record->file;
    int rv = record->last > 0 ? prove(record->file) : WEFT_OK;
    if (rv == WEFT_OK) rv = ana_trace_create_with(path, &options, &record->writer);
    if (rv == WEFT_OK) return true;
    fprintf(stderr, "weft: %s cannot be written: %s\n", record->file, weft_error_text(rv));
    return false;
}

/* Whoever follows the file sees it grow, at times of the run alone: it is the same file whatever
 * the machine does. */
void cli_record_event(struct cli_record *record, const struct weft_trace_event *event) {
    bool shown = event->kind == WEFT_TRACE_RUN_SAMPLE && record->unseen >= SEEN_EVERY - 1;
    record->unseen = shown ? 0 : record->unseen + 1;
    ana_trace_write(record->writer, event);
    if (shown) ana_trace_show(record->writer);
}

static int dump(const struct cli_record *record) {
    int rv = ana_trace_dump(record->writer, record->file);
    if (rv == WEFT_OK)
        fprintf(stderr, "weft: the last %.9g s are in %s\n", (double)record->last / 1e9,
                record->file);
    return rv;
}

bool cli_record_close(struct cli_record *record, bool failed) {
    if (record->writer == NULL) return true;
    int rv = record->last > 0 && failed ? dump(record) : WEFT_OK;
    int closed = ana_trace_close(record->writer);
    record->writer = NULL;
    if (rv == WEFT_OK) rv = closed;
    if (rv == WEFT_OK) return true;
    fprintf(stderr, "weft: %s is not complete: %s\n", record->file, weft_error_text(rv));
    return false;
}

static void say(const char *text) {
    ssize_t written = write(STDERR_FILENO, text, strlen(text));
    (void)written; /* nobody is left to be told */
}

void cli_record_panic(struct cli_record *record) {
    struct ana_trace_writer *writer = record->writer;
    record->writer = NULL;
    if (writer == NULL) return;
    if (record->last == 0) {
        ana_trace_flush(writer);
        return;
    }
    bool good = ana_trace_dump(writer, record->file) == WEFT_OK;
    say(good ? "weft: what came before the panic is in "
             : "weft: there is no trace, no writing to ");
    say(record->file);
    say("\n");
}
