/* What a run said of itself. */
#include "analysis/series_parts.h"

#include "core/base/error.h"

#include <stdlib.h>
#include <string.h>

char *ana__text(struct weft_bytes bytes) {
    char *text = malloc(bytes.size + 1);
    if (text == NULL) return NULL;
    if (bytes.size > 0) memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return text;
}

struct rows {
    struct ana_run_row **list;
    uint32_t *count, *room;
};

static int add_row(struct ana_series *series, struct rows rows, struct ana_run_row row,
                   struct weft_bytes name) {
    if (*rows.count == ANA_SERIES_ROWS_MAX) {
        series->page.dropped++;
        return WEFT_OK;
    }
    void *grown = ana__grown(*rows.list, *rows.count, rows.room, sizeof row);
    if (grown == NULL) return WEFT_ERR_NOMEM;
    *rows.list = grown;
    row.name = ana__text(name);
    if (row.name == NULL) return WEFT_ERR_NOMEM;
    (*rows.list)[(*rows.count)++] = row;
    return WEFT_OK;
}

static int add_reason(struct ana_series *series, struct weft_bytes text) {
    struct ana_page *page = &series->page;
    if (page->reasons_count == ANA_SERIES_ROWS_MAX) {
        page->dropped++;
        return WEFT_OK;
    }
    void *grown = ana__grown(series->reasons, page->reasons_count, &series->reasons_room,
                             sizeof *series->reasons);
    if (grown == NULL) return WEFT_ERR_NOMEM;
    series->reasons = grown;
    char *reason = ana__text(text);
    if (reason == NULL) return WEFT_ERR_NOMEM;
    series->reasons[page->reasons_count++] = reason;
    return WEFT_OK;
}

static int add_failure(struct ana_series *series, const struct weft_trace_event *event) {
    struct ana_page *page = &series->page;
    if (page->failures_count == ANA_SERIES_ROWS_MAX) {
        page->dropped++;
        return WEFT_OK;
    }
    void *grown = ana__grown(series->failures, page->failures_count, &series->failures_room,
                             sizeof *series->failures);
    if (grown == NULL) return WEFT_ERR_NOMEM;
    series->failures = grown;
    const char *text = ana__text(event->bytes);
    if (text == NULL) return WEFT_ERR_NOMEM;
    series->failures[page->failures_count++] =
        (struct ana_failure){event->at, event->node, event->number[0], text};
    return WEFT_OK;
}

/* run.end: "held events hash_high hash_low nodes repeat" */
static int end(struct ana_series *series, const struct weft_trace_event *event) {
    struct ana_page *page = &series->page;
    char *repeat = ana__text(event->bytes);
    if (repeat == NULL) return WEFT_ERR_NOMEM;
    free(series->repeat);
    series->repeat = repeat;
    page->ended = true;
    page->held = event->number[0] != 0;
    page->run_events = event->number[1];
    page->hash_high = event->number[2];
    page->hash_low = event->number[3];
    page->run_nodes = event->number[4];
    return WEFT_OK;
}

static int fault_row(struct ana_series *series, const struct weft_trace_event *event) {
    const uint64_t *number = event->number; /* fault kind injected bit line */
    struct rows rows = {&series->faults, &series->page.faults_count, &series->faults_room};
    struct ana_run_row row = {number[0], number[1], number[2], number[3], number[4], NULL};
    return add_row(series, rows, row, event->bytes);
}

static int check_row(struct ana_series *series, const struct weft_trace_event *event) {
    const uint64_t *number = event->number; /* check evaluated failed line */
    struct rows rows = {&series->checks, &series->page.checks_count, &series->checks_room};
    struct ana_run_row row = {number[0], 0, number[1], number[2], number[3], NULL};
    return add_row(series, rows, row, event->bytes);
}

static int work_row(struct ana_series *series, const struct weft_trace_event *event) {
    const uint64_t *number = event->number; /* work kind asked done line */
    struct rows rows = {&series->works, &series->page.works_count, &series->works_room};
    struct ana_run_row row = {number[0], number[1], number[2], number[3], number[4], NULL};
    return add_row(series, rows, row, event->bytes);
}

int ana__page_event(struct ana_series *series, const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_RUN_FAULT) return fault_row(series, event);
    if (event->kind == WEFT_TRACE_RUN_CHECK) return check_row(series, event);
    if (event->kind == WEFT_TRACE_RUN_WORK) return work_row(series, event);
    if (event->kind == WEFT_TRACE_RUN_REASON) return add_reason(series, event->bytes);
    if (event->kind == WEFT_TRACE_CHECK_FAILED) return add_failure(series, event);
    return end(series, event);
}

static void free_rows(struct ana_run_row *rows, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) free((void *)(uintptr_t)rows[i].name);
    free(rows);
}

void ana__page_deinit(struct ana_series *series) {
    const struct ana_page *page = &series->page;
    free_rows(series->faults, page->faults_count);
    free_rows(series->checks, page->checks_count);
    free_rows(series->works, page->works_count);
    for (uint32_t i = 0; i < page->reasons_count; i++) free(series->reasons[i]);
    for (uint32_t i = 0; i < page->failures_count; i++)
        free((void *)(uintptr_t)series->failures[i].text);
    free(series->reasons);
    free(series->failures);
    free(series->head);
    free(series->repeat);
}

/* Where the value of `key` begins, and how long it is; NULL: there is no such line. */
static const char *value_of(const char *head, const char *key, size_t *size) {
    size_t key_size = strlen(key);
    for (const char *line = head; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (length > key_size && memcmp(line, key, key_size) == 0 && line[key_size] == '=') {
            *size = length - key_size - 1;
            return line + key_size + 1;
        }
        line += length + (line[length] == '\n');
    }
    return NULL;
}

uint64_t ana__kinds_told(const char *head) {
    size_t size;
    const char *value = value_of(head, "without", &size);
    if (value == NULL) return 0;
    uint64_t kinds = WEFT_TRACE_ALL;
    for (unsigned kind = 0; kind < WEFT_TRACE_KIND_COUNT; kind++) {
        const char *name = weft_trace_kind_name(kind);
        size_t name_size = strlen(name);
        for (size_t at = 0; at < size; at += strcspn(value + at, ",\n") + 1) {
            size_t word = strcspn(value + at, ",\n");
            if (word == name_size && memcmp(value + at, name, word) == 0)
                kinds &= ~WEFT_TRACE_BIT(kind);
        }
    }
    return kinds;
}

bool ana_page_head(const struct ana_page *page, const char *key, char *out, size_t size) {
    size_t length;
    const char *value = value_of(page->head, key, &length);
    if (value == NULL || size == 0) return false;
    if (length >= size) length = size - 1;
    memcpy(out, value, length);
    out[length] = '\0';
    return true;
}
