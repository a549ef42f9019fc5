/* The second reading: the messages around what happened, for sequence charts. */
#include "analysis/report_internal.h"

#include "core/base/error.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 300000u
#define MESSAGES_OF_BINS 240000u /* the others are for nodes in focus */
#define BEFORE_FAILURE WEFT_S(30)
#define AFTER_FAILURE WEFT_S(2)
#define BEFORE_FAULT WEFT_S(2)
#define AFTER_FAULT WEFT_S(10)
#define ADDRS_SIZE 40 /* before the payload of packet.data */

struct ana__flight {
    uint64_t packet; /* a number of its sender's */
    uint32_t sender;
    uint32_t row; /* + 1; 0: free */
};

/* --- what to keep --- */

static void focus_on(struct ana__messages *messages, struct ana__focus focus) {
    for (uint32_t i = 0; i < messages->focus_count; i++) {
        struct ana__focus *had = &messages->focus[i];
        if (had->node != focus.node || focus.from > had->to || focus.to < had->from) continue;
        had->from = weft_time_min(had->from, focus.from);
        had->to = weft_time_max(had->to, focus.to);
        return;
    }
    if (messages->focus_count == ANA__FOCUS_MAX) return;
    messages->focus[messages->focus_count++] = focus;
}

/* The nodes that a text names: "node 17". */
static void focus_on_named(struct ana__messages *messages, const char *text,
                           struct ana__focus focus) {
    for (const char *at = strstr(text, "node "); at != NULL; at = strstr(at + 5, "node ")) {
        if (!isdigit((unsigned char)at[5])) continue;
        unsigned long node = strtoul(at + 5, NULL, 10);
        if (node >= messages->survey->nodes_count) continue;
        focus.node = (uint32_t)node;
        focus_on(messages, focus);
    }
}

static void find_focus(struct ana__messages *messages) {
    const struct ana__survey *survey = messages->survey;
    for (uint32_t i = 0; i < survey->failures_count; i++) {
        const struct ana__failure *failure = &survey->failures[i];
        struct ana__focus focus = {failure->node, failure->at - BEFORE_FAILURE,
                                   failure->at + AFTER_FAILURE};
        if (failure->node != WEFT_TRACE_NODE_NONE) focus_on(messages, focus);
        focus_on_named(messages, survey->strings.all.data + survey->strings.starts[failure->text],
                       focus);
    }
    for (size_t i = 0; i < survey->moments.count; i++) {
        const struct ana__row *row = &survey->moments.list[i];
        if (row->kind != ANA__MOMENT_FAULT_BIT || row->node == WEFT_TRACE_NODE_NONE) continue;
        focus_on(messages,
                 (struct ana__focus){row->node, row->at - BEFORE_FAULT, row->at + AFTER_FAULT});
    }
}

/* Of each bin how far it is from what matters, in bins; near a failure counts most, and what is
 * before it more than what is after. */
static void rate(const struct ana__survey *survey, weft_time at, int64_t before, int64_t after,
                 int64_t base, int64_t *far) {
    int64_t bin = (at - survey->first) / survey->bin_width;
    for (int64_t i = 0; i < ANA__BINS; i++) {
        int64_t distance = base + (i <= bin ? (bin - i) * before : (i - bin) * after);
        if (distance < far[i]) far[i] = distance;
    }
}

struct rated {
    int64_t far;
    uint32_t bin;
};

static int nearer(const void *a, const void *b) {
    const struct rated *x = a, *y = b;
    if (x->far != y->far) return x->far < y->far ? -1 : 1;
    return x->bin < y->bin ? -1 : x->bin > y->bin;
}

static void choose_bins(struct ana__messages *messages) {
    const struct ana__survey *survey = messages->survey;
    int64_t far[ANA__BINS];
    struct rated rated[ANA__BINS];
    uint64_t kept = 0;
    for (int64_t i = 0; i < ANA__BINS; i++) far[i] = 1000000 + i;
    for (uint32_t i = 0; i < survey->failures_count; i++) {
        rate(survey, survey->failures[i].at, 1, 4, 0, far);
    }
    for (uint32_t i = 0; i < survey->occurrences_count; i++) {
        const struct ana__occurrence *occurrence = &survey->occurrences[i];
        rate(survey, occurrence->on, 8, 2, 20, far);
        if (occurrence->off != WEFT_TIME_NEVER) rate(survey, occurrence->off, 8, 2, 20, far);
    }
    for (uint32_t i = 0; i < ANA__BINS; i++) rated[i] = (struct rated){far[i], i};
    qsort(rated, ANA__BINS, sizeof rated[0], nearer);
    for (uint32_t i = 0; i < ANA__BINS; i++) {
        uint64_t count = survey->bins[rated[i].bin];
        messages->keep[rated[i].bin] = kept + count <= MESSAGES_OF_BINS;
        if (messages->keep[rated[i].bin]) kept += count;
    }
}

int ana__messages_init(struct ana__messages *messages, struct ana__survey *survey) {
    *messages = (struct ana__messages){.survey = survey};
    ana__rows_init(&messages->rows, ANA__BY_KIND, MESSAGES_MAX);
    messages->flights_capacity = 1u << 20; /* more than twice MESSAGES_MAX: never full */
    messages->flights = calloc(messages->flights_capacity, sizeof *messages->flights);
    if (messages->flights == NULL) return WEFT_ERR_NOMEM;
    find_focus(messages);
    choose_bins(messages);
    return WEFT_OK;
}

void ana__messages_free(struct ana__messages *messages) {
    ana__rows_free(&messages->rows);
    free(messages->flights);
    messages->flights = NULL;
}

static bool is_in_focus(const struct ana__messages *messages, weft_time at, uint32_t node) {
    for (uint32_t i = 0; i < messages->focus_count; i++) {
        const struct ana__focus *focus = &messages->focus[i];
        if (focus->node == node && focus->from <= at && at <= focus->to) return true;
    }
    return false;
}

static bool is_wanted(const struct ana__messages *messages, const struct weft_trace_event *event) {
    const struct ana__survey *survey = messages->survey;
    weft_duration since = event->at - survey->first;
    if (since / survey->bin_width < ANA__BINS && messages->keep[since / survey->bin_width]) {
        return true;
    }
    return is_in_focus(messages, event->at, event->node) ||
           (event->number[0] <= UINT32_MAX &&
            is_in_focus(messages, event->at, (uint32_t)event->number[0]));
}

/* --- packets in flight --- */

static struct ana__flight *flight_of(struct ana__messages *messages, uint64_t sender,
                                     uint64_t packet) {
    size_t mask = messages->flights_capacity - 1;
    uint64_t key = (packet ^ sender << 40) * UINT64_C(0x9e3779b97f4a7c15);
    size_t at = (size_t)(key >> 32) & mask;
    for (; messages->flights[at].row != 0; at = (at + 1) & mask) {
        const struct ana__flight *flight = &messages->flights[at];
        if (flight->packet == packet && flight->sender == sender) break;
    }
    return &messages->flights[at];
}

static void on_sent(struct ana__messages *messages, const struct weft_trace_event *event) {
    if (!is_wanted(messages, event) || messages->rows.count == MESSAGES_MAX - 1) {
        messages->rows.left_out++;
        return;
    }
    struct ana__flight *flight = flight_of(messages, event->node, event->number[2]);
    ana__rows_add(&messages->rows, &(struct ana__row){.at = event->at,
                                                      .node = event->node,
                                                      .kind = ANA__MESSAGE_PENDING,
                                                      .a = event->number[0] + 1,
                                                      .c = event->number[1]});
    *flight = (struct ana__flight){event->number[2], event->node, (uint32_t)messages->rows.count};
}

/* The first that comes of it: a copy that arrives later changes nothing. */
static void on_end(struct ana__messages *messages, const struct weft_trace_event *event,
                   uint32_t kind) {
    uint64_t sender = kind == ANA__MESSAGE_RECEIVED ? event->number[0] : event->node;
    const struct ana__flight *flight = flight_of(messages, sender, event->number[2]);
    if (flight->row == 0) return;
    struct ana__row *row = &messages->rows.list[flight->row - 1];
    if (row->kind == ANA__MESSAGE_RECEIVED || (row->kind != ANA__MESSAGE_PENDING && kind > 1)) {
        return;
    }
    row->kind = kind;
    row->b = (uint64_t)((event->at - row->at) / WEFT_US(1));
}

/* What a KRPC message is (BEP 5), by a glance at its bytes: "1:y1:q" with "1:q9:find_node". The
 * label is for people; whoever wants to be sure looks at the packets themselves. */
static const char *find(struct weft_bytes bytes, const char *wanted) {
    size_t size = strlen(wanted);
    for (size_t i = 0; i + size <= bytes.size; i++) {
        if (memcmp(bytes.data + i, wanted, size) == 0) return (const char *)bytes.data + i + size;
    }
    return NULL;
}

static uint32_t label_of(struct ana__messages *messages, struct weft_bytes data) {
    const char *end = (const char *)data.data + data.size;
    const char *kind = find(data, "1:y1:"), *method = find(data, "1:q");
    struct ana__strings *strings = &messages->survey->strings;
    if (data.size == 0 || data.data[0] != 'd' || kind == NULL || kind >= end) return 0;
    if (*kind == 'r') return ana__strings_add(strings, "reply", 5);
    if (*kind == 'e') return ana__strings_add(strings, "error", 5);
    size_t size = 0;
    while (method != NULL && method < end && isdigit((unsigned char)*method) && size < 100) {
        size = size * 10 + (size_t)(*method++ - '0');
    }
    if (method == NULL || method >= end || *method != ':' || size >= (size_t)(end - method) ||
        size > 24) {
        return 0;
    }
    return ana__strings_add(strings, method + 1, size);
}

static void on_data(struct ana__messages *messages, const struct weft_trace_event *event) {
    const struct ana__flight *flight = flight_of(messages, event->node, event->number[0]);
    if (flight->row == 0 || event->bytes.size < ADDRS_SIZE) return;
    messages->rows.list[flight->row - 1].text = label_of(
        messages, weft_bytes(event->bytes.data + ADDRS_SIZE, event->bytes.size - ADDRS_SIZE));
}

void ana__messages_add(struct ana__messages *messages, const struct weft_trace_event *event) {
    if (event->kind == WEFT_TRACE_PACKET_SENT) on_sent(messages, event);
    if (event->kind == WEFT_TRACE_PACKET_RECEIVED) on_end(messages, event, ANA__MESSAGE_RECEIVED);
    if (event->kind == WEFT_TRACE_PACKET_LOST) {
        on_end(messages, event, ANA__MESSAGE_LOST + (uint32_t)(event->number[3] & 0xff));
    }
    if (event->kind == WEFT_TRACE_PACKET_DATA) on_data(messages, event);
}
