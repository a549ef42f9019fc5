/* What the page knows, as one JSON object. */
#include "analysis/report_internal.h"

#include <math.h>
#include <string.h>

#define RECOVERIES_MAX 200

/* Ids in the page are whole up to so many nodes; beyond, their first bytes. */
#define WHOLE_IDS_MAX 20000
#define SHORT_ID 4

static void put_number(struct ana__text *out, const char *name, uint64_t value) {
    ana__text_format(out, "\"%s\":%llu,", name, (unsigned long long)value);
}

static void put_time(struct ana__text *out, const char *name, weft_time at) {
    ana__text_format(out, "\"%s\":%lld.%03lld,", name, (long long)(at / WEFT_US(1)),
                     (long long)(at % WEFT_US(1)));
}

static const char *words_of(const struct ana__survey *survey, uint32_t text) {
    return survey->strings.all.data + survey->strings.starts[text];
}

static void put_words(struct ana__text *out, const struct ana__survey *survey, const char *name,
                      uint32_t text) {
    const char *words = words_of(survey, text);
    ana__text_format(out, "\"%s\":", name);
    ana__text_json(out, words, strlen(words));
}

/* "key=value" lines. */
static void put_head(struct ana__text *out, const char *head) {
    ana__text_put(out, "\"head\":{");
    bool first = true;
    for (const char *line = head; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        const char *equals = memchr(line, '=', size);
        if (equals != NULL) {
            ana__text_put(out, first ? "" : ",");
            ana__text_json(out, line, (size_t)(equals - line));
            ana__text_put(out, ":");
            ana__text_json(out, equals + 1, size - (size_t)(equals + 1 - line));
            first = false;
        }
        line += size + (line[size] == '\n');
    }
    ana__text_put(out, "},");
}

static void put_kinds(struct ana__text *out, const struct ana__survey *survey) {
    ana__text_put(out, "\"kinds\":{");
    bool first = true;
    for (unsigned i = 0; i < WEFT_TRACE_KIND_COUNT; i++) {
        if (survey->count[i] == 0) continue;
        ana__text_format(out, "%s\"%s\":%llu", first ? "" : ",", weft_trace_kind_name(i),
                         (unsigned long long)survey->count[i]);
        first = false;
    }
    ana__text_put(out, "},");
}

static void put_run(struct ana__text *out, const struct ana__survey *survey) {
    if (!survey->ended) {
        ana__text_put(out, "\"run\":null,");
        return;
    }
    ana__text_format(out, "\"run\":{\"held\":%s,\"hash\":\"%016llx%016llx\",",
                     survey->held ? "true" : "false", (unsigned long long)survey->hash_high,
                     (unsigned long long)survey->hash_low);
    put_number(out, "events", survey->run_events);
    put_number(out, "nodes", survey->run_nodes);
    put_words(out, survey, "repeat", survey->repeat);
    ana__text_put(out, "},");
}

/* The lines of one kind, each an object with the names of the trace's own numbers. */
static void put_lines(struct ana__text *out, const struct ana__survey *survey,
                      enum weft_trace_kind kind, const char *name) {
    static const char *const names[WEFT_TRACE_KIND_COUNT][6] = {
        [WEFT_TRACE_RUN_FAULT] = {"fault", "kind", "injected", "bit", "line"},
        [WEFT_TRACE_RUN_CHECK] = {"check", "evaluated", "failed", "line"},
        [WEFT_TRACE_RUN_WORK] = {"work", "kind", "asked", "done", "line"},
        [WEFT_TRACE_RUN_PART] = {"part", "fault", "bit", "line"},
        [WEFT_TRACE_RUN_REASON] = {NULL},
    };
    bool first = true;
    ana__text_format(out, "\"%s\":[", name);
    for (uint32_t i = 0; i < survey->lines_count; i++) {
        const struct ana__line *line = &survey->lines[i];
        if (line->kind != kind) continue;
        ana__text_put(out, first ? "{" : ",{");
        for (unsigned k = 0; names[kind][k] != NULL; k++) {
            put_number(out, names[kind][k], line->number[k]);
        }
        put_words(out, survey, "name", line->text);
        ana__text_put(out, "}");
        first = false;
    }
    ana__text_put(out, "],");
}

static void put_failures(struct ana__text *out, const struct ana__survey *survey) {
    ana__text_put(out, "\"failures\":[");
    for (uint32_t i = 0; i < survey->failures_count; i++) {
        const struct ana__failure *failure = &survey->failures[i];
        ana__text_put(out, i > 0 ? ",{" : "{");
        put_time(out, "at", failure->at);
        put_number(out, "check", failure->check);
        ana__text_format(out, "\"node\":%lld,",
                         failure->node == WEFT_TRACE_NODE_NONE ? -1 : (long long)failure->node);
        put_words(out, survey, "text", failure->text);
        ana__text_put(out, "}");
    }
    ana__text_put(out, "],");
}

static void put_occurrences(struct ana__text *out, const struct ana__survey *survey) {
    ana__text_put(out, "\"occurrences\":[");
    for (uint32_t i = 0; i < survey->occurrences_count; i++) {
        const struct ana__occurrence *occurrence = &survey->occurrences[i];
        ana__text_put(out, i > 0 ? ",{" : "{");
        put_number(out, "fault", occurrence->fault);
        put_number(out, "kind", occurrence->kind);
        put_number(out, "occurrence", occurrence->occurrence);
        put_number(out, "bits", occurrence->bits);
        put_time(out, "on", occurrence->on);
        if (occurrence->off != WEFT_TIME_NEVER) put_time(out, "off", occurrence->off);
        put_words(out, survey, "text", occurrence->text);
        ana__text_put(out, "}");
    }
    ana__text_put(out, "],");
    put_number(out, "occurrences_left_out", survey->occurrences_left_out);
}

static void put_ids(struct ana__text *out, const struct ana__survey *survey) {
    size_t size = survey->nodes_count <= WHOLE_IDS_MAX ? sizeof survey->nodes->id : SHORT_ID;
    struct ana__text bytes = {.data = NULL};
    for (uint32_t i = 0; i < survey->nodes_count; i++) {
        ana__text_add(&bytes, (const char *)survey->nodes[i].id, size);
    }
    ana__text_format(out, "\"id_size\":%zu,\"ids\":\"", size);
    ana__text_base64(out, (const unsigned char *)bytes.data, bytes.size);
    ana__text_put(out, "\",");
    out->failed = out->failed || bytes.failed;
    ana__text_free(&bytes);
}

static void put_strings(struct ana__text *out, const struct ana__survey *survey) {
    ana__text_put(out, "\"strings\":[");
    for (uint32_t i = 0; i < survey->strings.count; i++) {
        const char *words = words_of(survey, i);
        if (i > 0) ana__text_put(out, ",");
        ana__text_json(out, words, strlen(words));
    }
    ana__text_put(out, "],");
}

static void put_moment_kinds(struct ana__text *out) {
    static const char *const names[] = {
#define MOMENT_NAME(NAME, name) name,
        ANA__MOMENTS(MOMENT_NAME)
#undef MOMENT_NAME
    };
    ana__text_put(out, "\"moment_kinds\":[");
    for (size_t i = 0; i < ANA__MOMENT_KINDS; i++) {
        ana__text_format(out, "%s\"%s\"", i > 0 ? "," : "", names[i]);
    }
    ana__text_put(out, "],");
}

static void put_rows(struct ana__text *out, const char *name, const struct ana__rows *rows) {
    ana__text_format(out, "\"%s\":", name);
    ana__rows_json(rows, out);
}

/* The times of which every packet is in the page. */
static void put_windows(struct ana__text *out, const struct ana__messages *messages) {
    const struct ana__survey *survey = messages->survey;
    bool first = true;
    ana__text_put(out, "\"windows\":[");
    for (uint32_t i = 0; i < ANA__BINS; i++) {
        uint32_t from = i;
        if (!messages->keep[i]) continue;
        while (i + 1 < ANA__BINS && messages->keep[i + 1]) i++;
        ana__text_format(out, "%s[%lld,%lld]", first ? "" : ",",
                         (long long)((survey->first + from * survey->bin_width) / WEFT_US(1)),
                         (long long)((survey->first + (i + 1) * survey->bin_width) / WEFT_US(1)));
        first = false;
    }
    ana__text_put(out, "],\"focus\":[");
    for (uint32_t i = 0; i < messages->focus_count; i++) {
        const struct ana__focus *focus = &messages->focus[i];
        ana__text_format(out, "%s[%u,%lld,%lld]", i > 0 ? "," : "", focus->node,
                         (long long)(focus->from / WEFT_US(1)),
                         (long long)(focus->to / WEFT_US(1)));
    }
    ana__text_put(out, "],");
    put_rows(out, "messages", &messages->rows);
    ana__text_put(out, ",");
}

/* --- what the series says --- */

static void put_share(struct ana__text *out, const char *name, double value) {
    if (isnan(value)) {
        ana__text_format(out, "\"%s\":null,", name);
    } else {
        ana__text_format(out, "\"%s\":%.6f,", name, value);
    }
}

static void put_measures(struct ana__text *out, const struct ana_series *series) {
    bool first = true;
    ana__text_put(out, "\"measures\":[");
    for (unsigned i = 0; i < ANA_MEASURE_COUNT; i++) {
        const struct ana_measure_about *about = ana_measure_about((enum ana_measure)i);
        const struct ana_hist *hist = ana_series_hist(series, (enum ana_measure)i);
        if (hist == NULL || ana_hist_count(hist) == 0) continue;
        ana__text_put(out, first ? "{" : ",{");
        put_number(out, "count", ana_hist_count(hist));
        put_number(out, "p50", ana_hist_quantile(hist, 0.5));
        put_number(out, "p90", ana_hist_quantile(hist, 0.9));
        put_number(out, "p99", ana_hist_quantile(hist, 0.99));
        put_number(out, "max", ana_hist_max(hist));
        ana__text_format(out, "\"seconds\":%s,\"name\":\"%s\",\"title\":\"%s\"}",
                         about->unit == ANA_UNIT_SECONDS ? "true" : "false", about->name,
                         about->title);
        first = false;
    }
    ana__text_put(out, "],");
}

static void put_recoveries(struct ana__text *out, const struct ana_series *series) {
    uint32_t count;
    const struct ana_recovery *list = ana_series_recoveries(series, &count);
    put_time(out, "interval", ana_series_recovery_interval(series));
    ana__text_put(out, "\"recoveries\":[");
    for (uint32_t i = 0; i < count && i < RECOVERIES_MAX; i++) {
        ana__text_put(out, i > 0 ? ",{" : "{");
        put_time(out, "from", list[i].from);
        if (list[i].until != WEFT_TIME_NEVER) put_time(out, "until", list[i].until);
        if (list[i].took != WEFT_TIME_NEVER) put_time(out, "took", list[i].took);
        put_share(out, "before", list[i].before);
        put_share(out, "worst", list[i].worst);
        ana__text_put(out, "\"fault\":");
        ana__text_json(out, list[i].name, strlen(list[i].name));
        ana__text_format(out, ",\"ratio\":\"%s\"}", list[i].ratio);
    }
    ana__text_put(out, "],");
}

void ana__report_json(const struct ana__findings *findings, struct ana__text *out) {
    const struct ana__survey *survey = findings->survey;
    ana__text_put(out, "{\"format\":1,");
    put_head(out, survey->head);
    put_time(out, "first", survey->first);
    put_time(out, "last", survey->last);
    put_number(out, "events", survey->events);
    ana__text_format(out, "\"damage\":{\"blocks\":%llu,\"bytes\":%llu,\"cut\":%s},",
                     (unsigned long long)survey->damage.blocks,
                     (unsigned long long)survey->damage.bytes,
                     survey->damage.cut ? "true" : "false");
    put_number(out, "nodes_count", survey->nodes_count);
    put_kinds(out, survey);
    put_run(out, survey);
    put_lines(out, survey, WEFT_TRACE_RUN_FAULT, "faults");
    put_lines(out, survey, WEFT_TRACE_RUN_CHECK, "checks");
    put_lines(out, survey, WEFT_TRACE_RUN_WORK, "works");
    put_lines(out, survey, WEFT_TRACE_RUN_PART, "parts");
    put_lines(out, survey, WEFT_TRACE_RUN_REASON, "reasons");
    put_failures(out, survey);
    put_occurrences(out, survey);
    put_ids(out, survey);
    put_moment_kinds(out);
    if (findings->messages != NULL) put_windows(out, findings->messages);
    if (findings->series != NULL) {
        put_measures(out, findings->series);
        put_recoveries(out, findings->series);
    }
    put_strings(out, survey); /* after all that adds to them */
    put_rows(out, "changes", &survey->changes);
    ana__text_put(out, ",");
    put_rows(out, "samples", &survey->samples);
    ana__text_put(out, ",");
    put_rows(out, "tree", &survey->tree);
    ana__text_put(out, ",");
    put_rows(out, "overlay", &survey->overlay);
    ana__text_put(out, ",");
    put_rows(out, "moments", &survey->moments);
    ana__text_put(out, "}");
}
