/* The page: two readings of a trace, and what they found put into the page's template. */
#include "analysis/plot.h"
#include "analysis/report_internal.h"

#include "core/base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PACKET_KINDS                                                                               \
    (WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT) | WEFT_TRACE_BIT(WEFT_TRACE_PACKET_RECEIVED) |         \
     WEFT_TRACE_BIT(WEFT_TRACE_PACKET_LOST) | WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA))
#define LIVE_SCALE 8 /* a run that goes on sends so many times less, each second */

/* --- the template --- */

struct fill {
    const char *title, *title_end;
    const struct ana__text *data, *plots;
};

static void put_part(struct ana__text *page, const char *name, const struct fill *fill) {
    if (strcmp(name, "title") == 0) {
        ana__text_html(page, fill->title, (size_t)(fill->title_end - fill->title));
    } else if (strcmp(name, "style") == 0) {
        ana__text_add(page, (const char *)ana__page_css.data, ana__page_css.size);
    } else if (strcmp(name, "script") == 0) {
        ana__text_add(page, (const char *)ana__page_js.data, ana__page_js.size);
    } else if (strcmp(name, "data") == 0) {
        ana__text_add(page, fill->data->data, fill->data->size);
    } else if (strcmp(name, "plots") == 0) {
        ana__text_add(page, fill->plots->data, fill->plots->size);
    }
}

/* The template has "{{name}}" where a part goes. */
static void put_page(struct ana__text *page, const struct fill *fill) {
    const char *at = (const char *)ana__page_html.data, *end = at + ana__page_html.size;
    while (at < end) {
        const char *open = memchr(at, '{', (size_t)(end - at));
        if (open == NULL || open + 1 >= end || open[1] != '{') {
            const char *next = open != NULL ? open + 1 : end;
            ana__text_add(page, at, (size_t)(next - at));
            at = next;
            continue;
        }
        char name[16] = "";
        size_t size = 0;
        const char *from = open + 2;
        while (from + size < end && from[size] != '}' && size < sizeof name - 1) {
            name[size] = from[size];
            size++;
        }
        ana__text_add(page, at, (size_t)(open - at));
        put_part(page, name, fill);
        at = from + size + 2;
    }
}

/* "scenario" of the head. */
static void find_title(const char *head, struct fill *fill) {
    static const char key[] = "scenario=";
    fill->title = fill->title_end = head + strlen(head);
    for (const char *line = head; *line != '\0'; line += *line == '\n') {
        size_t size = strcspn(line, "\n");
        if (strncmp(line, key, sizeof key - 1) == 0) {
            fill->title = line + sizeof key - 1;
            fill->title_end = line + size;
        }
        line += size;
    }
}

/* --- reading --- */

static int open_trace(struct ana_report *report, struct ana_trace_reader **reader) {
    const char *why;
    int rv = ana_trace_open(report->trace, reader, &why);
    if (rv != WEFT_OK) snprintf(report->why, sizeof report->why, "%s: %s", report->trace, why);
    return rv;
}

static int no_memory(struct ana_report *report) {
    snprintf(report->why, sizeof report->why, "%s: no memory for its report", report->trace);
    return WEFT_ERR_NOMEM;
}

static int add_all(struct ana__findings *findings, struct ana_trace_reader *reader) {
    struct ana_trace_record record;
    int rv;
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        ana__survey_add(findings->survey, &record.event);
        rv = ana_series_add(findings->series, &record);
        if (rv != WEFT_OK) return rv;
    }
    return rv == WEFT_ERR_CLOSED ? WEFT_OK : rv;
}

/* What rv says, as a line about the trace. */
static int tell(struct ana_report *report, int rv) {
    if (rv == WEFT_ERR_NOMEM) return no_memory(report);
    if (rv != WEFT_OK && report->why[0] == '\0') {
        snprintf(report->why, sizeof report->why, "%s: %s", report->trace, weft_error_text(rv));
    }
    return rv;
}

static int read_survey(struct ana_report *report, struct ana__findings *findings) {
    struct ana_trace_reader *reader;
    int rv = open_trace(report, &reader);
    if (rv != WEFT_OK) return rv;
    findings->survey = ana__survey_new(ana_trace_head(reader), 1);
    findings->series = ana_series_new(NULL);
    rv = findings->survey != NULL && findings->series != NULL ? WEFT_OK : WEFT_ERR_NOMEM;
    if (rv == WEFT_OK) rv = ana_series_head(findings->series, ana_trace_head(reader), 0);
    if (rv == WEFT_OK) rv = add_all(findings, reader);
    if (rv == WEFT_OK) rv = ana_series_settle(findings->series);
    if (rv == WEFT_OK) rv = ana_series_coarsen(findings->series, ANA_SERIES_TRENDS_MAX);
    if (rv == WEFT_OK) {
        findings->survey->damage = ana_trace_damage(reader);
        report->damaged = findings->survey->damage.blocks;
        report->events = findings->survey->events;
        if (ana__survey_failed(findings->survey)) rv = WEFT_ERR_NOMEM;
    }
    ana_trace_free(reader);
    return tell(report, rv);
}

static int read_messages(struct ana_report *report, struct ana__survey *survey,
                         struct ana__messages *messages) {
    struct ana_trace_reader *reader;
    struct ana_trace_record record;
    if (ana__messages_init(messages, survey) != WEFT_OK) return no_memory(report);
    if (survey->count[WEFT_TRACE_PACKET_SENT] == 0) return WEFT_OK;
    int rv = open_trace(report, &reader);
    if (rv != WEFT_OK) return rv;
    ana_trace_want(reader, PACKET_KINDS, 0, WEFT_TIME_NEVER);
    while (ana_trace_next(reader, &record) == WEFT_OK) ana__messages_add(messages, &record.event);
    ana_trace_free(reader);
    return messages->rows.failed || survey->strings.failed ? no_memory(report) : WEFT_OK;
}

/* --- writing --- */

static int write_page(struct ana_report *report, const struct ana__text *page) {
    bool to_stdout = strcmp(report->out, "-") == 0;
    FILE *file = to_stdout ? stdout : fopen(report->out, "wb");
    bool written = file != NULL && fwrite(page->data, 1, page->size, file) == page->size;
    int error = errno;
    if (to_stdout) {
        written = fflush(file) == 0 && written;
    } else if (file != NULL) {
        written = fclose(file) == 0 && written;
    }
    report->size = page->size;
    if (written) return WEFT_OK;
    if (file != NULL && !to_stdout) (void)unlink(report->out);
    snprintf(report->why, sizeof report->why, "%s cannot be written: %s", report->out,
             strerror(error));
    return WEFT_ERR_IO;
}

static int make_page(struct ana_report *report, const struct ana__findings *findings) {
    struct ana__text data = {.data = NULL}, plots = {.data = NULL}, page = {.data = NULL};
    struct fill fill = {.data = &data, .plots = &plots};
    find_title(findings->survey->head, &fill);
    ana__report_json(findings, &data);
    if (!report->no_plots) ana__report_plots(findings, &plots);
    put_page(&page, &fill);
    bool failed = data.failed || plots.failed || page.failed;
    int rv = failed ? no_memory(report) : write_page(report, &page);
    ana__text_free(&data);
    ana__text_free(&plots);
    ana__text_free(&page);
    return rv;
}

int ana_report_write(struct ana_report *report) {
    struct ana__messages messages = {.flights = NULL};
    struct ana__findings findings = {.messages = &messages};
    report->why[0] = '\0';
    int rv = read_survey(report, &findings);
    if (rv == WEFT_OK) rv = read_messages(report, findings.survey, &messages);
    if (rv == WEFT_OK) rv = make_page(report, &findings);
    ana__messages_free(&messages);
    ana__survey_free(findings.survey);
    ana_series_free(findings.series);
    return rv;
}

/* --- a run that goes on --- */

struct ana_live {
    struct ana__survey *survey;
};

struct ana_live *ana_live_new(const char *head) {
    struct ana_live *live = calloc(1, sizeof *live);
    if (live == NULL) return NULL;
    live->survey = ana__survey_new(head, LIVE_SCALE);
    if (live->survey != NULL) return live;
    free(live);
    return NULL;
}

void ana_live_add(struct ana_live *live, const struct weft_trace_event *event) {
    ana__survey_add(live->survey, event);
}

static int hand_out(struct ana__text *text, char **out, size_t *size) {
    if (text->failed) {
        ana__text_free(text);
        return WEFT_ERR_NOMEM;
    }
    *out = text->data;
    *size = text->size;
    return WEFT_OK;
}

int ana_live_page(char **out, size_t *size) {
    struct ana__text page = {.data = NULL}, data = {.data = NULL}, plots = {.data = NULL};
    static const char title[] = "a run that goes on";
    struct fill fill = {title, title + sizeof title - 1, &data, &plots};
    ana__text_put(&data, "null");
    ana__text_put(&plots, "");
    put_page(&page, &fill);
    page.failed = page.failed || data.failed || plots.failed;
    ana__text_free(&data);
    ana__text_free(&plots);
    return hand_out(&page, out, size);
}

int ana_live_state(const struct ana_live *live, char **out, size_t *size) {
    struct ana__text data = {.data = NULL};
    struct ana__findings findings = {.survey = live->survey};
    ana__report_json(&findings, &data);
    data.failed = data.failed || ana__survey_failed(live->survey);
    return hand_out(&data, out, size);
}

void ana_live_free(struct ana_live *live) {
    if (live == NULL) return;
    ana__survey_free(live->survey);
    free(live);
}
