/* A message or a call on its way: first its causes, back to the root, then the story from there. */
#include "analysis/follow.h"

#include "analysis/internal.h"
#include "core/base/error.h"

#include <stdlib.h>

#define STEPS 4096u /* slots for nodes that act at one time */
#define LINE_SIZE 1024
#define CHAIN_MAX 10000u
/* A story is over when nothing was added to it for so long: */
#define QUIET WEFT_S(30) /* with no packet of it on its way */
#define QUIET_UNDERWAY WEFT_MIN(10)
#define NONE UINT32_MAX

/* Each node counts its own. */
struct packet {
    uint32_t sender;
    uint64_t number;
};

static bool same(struct packet a, struct packet b) {
    return a.sender == b.sender && a.number == b.number;
}

static uint64_t mix(struct packet packet) {
    uint64_t key = packet.number * UINT64_C(0x9e3779b97f4a7c15) + packet.sender;
    key ^= key >> 29;
    key *= UINT64_C(0xbf58476d1ce4e5b9);
    return key ^ key >> 32;
}

/* What a node does at one time, after a packet came. */
struct step {
    bool used;
    uint32_t node;
    weft_time at;
    struct packet cause; /* while causes are looked for */
    uint32_t parent;     /* in the story: the line that its lines stand below; NONE: at the top */
    bool all;            /* in the story: what it sends is followed; else only what leads on */
};

/* The step that the node is in; NULL: none that we know of. */
static struct step *step_of(struct step *steps, const struct weft_trace_event *event) {
    struct step *step = &steps[event->node % STEPS];
    return step->used && step->node == event->node && step->at == event->at ? step : NULL;
}

static struct step *begin_step(struct step *steps, const struct weft_trace_event *event) {
    struct step *step = &steps[event->node % STEPS];
    *step = (struct step){.used = true, .node = event->node, .at = event->at, .parent = NONE};
    return step;
}

/* A packet that was sent, and what made its sender send it. */
struct sent {
    bool used, caused;
    struct packet packet, cause;
    weft_time at;
};

struct line {
    char *text;
    uint32_t child, last_child, next; /* NONE: there is none */
};

struct story {
    struct ana_follow *follow;
    struct ana_trace_reader *reader;
    struct step *steps;
    struct sent *sent;    /* slots by mix() */
    struct packet *chain; /* from the root to the packet that is followed */
    uint32_t chain_count;
    weft_time began;
    struct line *lines;
    uint32_t lines_max, top, last_top;
    struct {
        struct packet packet;
        uint32_t line; /* NONE: the slot is free */
    } * live;          /* packets of the story */
    uint32_t live_mask, chain_next;
    uint64_t underway;
    weft_time latest;
};

static int fail(struct story *story, int error, const char *why) {
    snprintf(story->follow->why, sizeof story->follow->why, "%s: %s", story->follow->trace, why);
    return error;
}

static int open_trace(struct story *story) {
    const char *why;
    ana_trace_free(story->reader);
    story->reader = NULL;
    memset(story->steps, 0, STEPS * sizeof *story->steps);
    int rv = ana_trace_open(story->follow->trace, &story->reader, &why);
    return rv == WEFT_OK ? rv : fail(story, rv, why);
}

static int end_of(struct story *story, int rv) {
    return rv == WEFT_ERR_CLOSED ? WEFT_OK : fail(story, rv, weft_error_text(rv));
}

/* --- causes --- */

static struct packet target_of(const struct story *story) {
    return (struct packet){story->follow->node, story->follow->number};
}

static void note_sent(struct story *story, const struct weft_trace_event *event,
                      struct packet packet) {
    const struct step *step = step_of(story->steps, event);
    struct sent *sent = &story->sent[mix(packet) % ANA_FOLLOW_PACKETS];
    *sent = (struct sent){.used = true, .packet = packet, .at = event->at};
    if (step == NULL) return;
    sent->caused = true;
    sent->cause = step->cause;
}

static const struct sent *find_sent(const struct story *story, struct packet packet) {
    const struct sent *sent = &story->sent[mix(packet) % ANA_FOLLOW_PACKETS];
    return sent->used && same(sent->packet, packet) ? sent : NULL;
}

/* Read up to where the packet is sent; or, of a trace that begins later, received. */
static int find_target(struct story *story) {
    struct ana_trace_record record;
    struct packet target = target_of(story);
    int rv;
    ana_trace_want(story->reader,
                   WEFT_TRACE_BIT(WEFT_TRACE_PACKET_SENT) |
                       WEFT_TRACE_BIT(WEFT_TRACE_PACKET_RECEIVED),
                   INT64_MIN, WEFT_TIME_NEVER);
    while ((rv = ana_trace_next(story->reader, &record)) == WEFT_OK) {
        const struct weft_trace_event *event = &record.event;
        bool sends = event->kind == WEFT_TRACE_PACKET_SENT;
        struct packet packet = {sends ? event->node : (uint32_t)event->number[0], event->number[2]};
        story->began = event->at;
        if (sends) {
            note_sent(story, event, packet);
        } else {
            begin_step(story->steps, event)->cause = packet;
        }
        if (same(packet, target)) return WEFT_OK;
    }
    if (rv != WEFT_ERR_CLOSED) return end_of(story, rv);
    return fail(story, WEFT_ERR_NOT_FOUND, "no packet of that node has this number");
}

/* The way from the root to the packet. */
static int find_chain(struct story *story) {
    struct packet packet = target_of(story);
    int rv = find_target(story);
    if (rv != WEFT_OK) return rv;
    story->chain[story->chain_count++] = packet;
    for (const struct sent *sent = find_sent(story, packet); sent != NULL && sent->caused;) {
        if (story->chain_count == CHAIN_MAX) break;
        story->chain[story->chain_count++] = sent->cause;
        story->began = sent->at;
        sent = find_sent(story, sent->cause);
        if (sent != NULL) story->began = sent->at;
    }
    for (uint32_t i = 0; i < story->chain_count / 2; i++) {
        struct packet other = story->chain[i];
        story->chain[i] = story->chain[story->chain_count - 1 - i];
        story->chain[story->chain_count - 1 - i] = other;
    }
    return WEFT_OK;
}

/* --- the story --- */

static uint32_t *live_slot(const struct story *story, struct packet packet) {
    uint64_t at = mix(packet);
    for (;; at++) {
        uint64_t slot = at & story->live_mask;
        if (story->live[slot].line == NONE || same(story->live[slot].packet, packet)) {
            story->live[slot].packet = packet;
            return &story->live[slot].line;
        }
    }
}

static void hang(struct story *story, uint32_t parent, uint32_t index) {
    uint32_t *last = parent == NONE ? &story->last_top : &story->lines[parent].last_child;
    uint32_t *first = parent == NONE ? &story->top : &story->lines[parent].child;
    if (*last == NONE) {
        *first = index;
    } else {
        story->lines[*last].next = index;
    }
    *last = index;
}

/* Returns the line; NONE: there is no room or no memory. */
static uint32_t add_line(struct story *story, const struct ana_trace_record *record,
                         uint32_t parent) {
    char text[LINE_SIZE];
    uint32_t index = (uint32_t)story->follow->lines;
    if (index == story->lines_max) {
        story->follow->more = true;
        return NONE;
    }
    ana_trace_format(record, text, sizeof text);
    char *copy = malloc(strlen(text) + 1);
    if (copy == NULL) return NONE;
    memcpy(copy, text, strlen(text) + 1);
    story->lines[index] =
        (struct line){.text = copy, .child = NONE, .last_child = NONE, .next = NONE};
    hang(story, parent, index);
    story->follow->lines++;
    story->latest = record->event.at;
    return index;
}

static struct packet packet_of(const struct weft_trace_event *event) {
    uint32_t sender =
        event->kind == WEFT_TRACE_PACKET_RECEIVED ? (uint32_t)event->number[0] : event->node;
    return (struct packet){sender, event->number[2]};
}

/* Whether a packet sent in the step belongs to the story: before the one that is followed only
 * those that led to it do. */
static bool leads_on(struct story *story, const struct step *step, struct packet packet) {
    if (step != NULL && step->all) return true;
    if (story->chain_next == story->chain_count) return false;
    return same(packet, story->chain[story->chain_next]);
}

static bool is_target(const struct story *story, struct packet packet) {
    return !story->follow->is_op && same(packet, target_of(story));
}

static void tell_sent(struct story *story, const struct ana_trace_record *record,
                      const struct step *step) {
    struct packet packet = packet_of(&record->event);
    bool leads = leads_on(story, step, packet);
    if (step == NULL && !leads) return;
    uint32_t line = add_line(story, record, step != NULL ? step->parent : NONE);
    if (line == NONE || !leads) return;
    *live_slot(story, packet) = line;
    story->underway++;
    if (story->chain_next < story->chain_count) story->chain_next++;
    if (is_target(story, packet)) story->lines[line].text[0] = '>';
}

/* It came, or it never will. */
static void tell_end(struct story *story, const struct ana_trace_record *record, bool came) {
    struct packet packet = packet_of(&record->event);
    uint32_t *line = live_slot(story, packet), parent = *line;
    bool early = parent == NONE && is_target(story, packet); /* sent before the trace begins */
    if (parent == NONE && !early) return;
    if (story->underway > 0) story->underway--;
    uint32_t added = add_line(story, record, parent);
    if (early && added != NONE) story->lines[added].text[0] = '>';
    if (!came) return;
    struct step *step = begin_step(story->steps, &record->event);
    step->parent = parent;
    step->all = story->follow->is_op || early || story->chain_next == story->chain_count;
}

static bool is_noise(const struct ana_trace_record *record) {
    enum weft_trace_kind kind = record->event.kind;
    return kind == WEFT_TRACE_PACKET_DATA || kind == WEFT_TRACE_NODE_SAMPLE ||
           kind == WEFT_TRACE_RUN_SAMPLE;
}

static bool is_op(const struct story *story, const struct ana_trace_record *record) {
    int8_t op = record->shape->op;
    return story->follow->is_op && op >= 0 && record->event.node == story->follow->node &&
           record->event.number[op] == story->follow->number;
}

/* The root of a packet's story: all that its node tells at the time it was sent. */
static bool is_root(const struct story *story, const struct weft_trace_event *event) {
    return !story->follow->is_op && story->chain_next == 0 && event->at == story->began &&
           event->node == story->chain[0].sender;
}

static void tell(struct story *story, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    struct step *step = step_of(story->steps, event);
    if (step == NULL && (is_op(story, record) || is_root(story, event))) {
        step = begin_step(story->steps, event);
        step->all = story->follow->is_op;
    }
    if (event->kind == WEFT_TRACE_PACKET_SENT) {
        tell_sent(story, record, step);
    } else if (event->kind == WEFT_TRACE_PACKET_RECEIVED || event->kind == WEFT_TRACE_PACKET_LOST) {
        tell_end(story, record, event->kind == WEFT_TRACE_PACKET_RECEIVED);
    } else if (step != NULL && !is_noise(record)) {
        (void)add_line(story, record, step->parent);
    }
}

static bool is_over(const struct story *story, weft_time now) {
    if (story->follow->more) return true;
    if (story->follow->lines == 0) return false;
    return now - story->latest > (story->underway > 0 ? QUIET_UNDERWAY : QUIET);
}

static int read_story(struct story *story) {
    struct ana_trace_record record;
    int rv = open_trace(story);
    if (rv != WEFT_OK) return rv;
    weft_time from = story->follow->is_op ? INT64_MIN : story->began;
    ana_trace_want(story->reader, WEFT_TRACE_ALL, from, WEFT_TIME_NEVER);
    while ((rv = ana_trace_next(story->reader, &record)) == WEFT_OK) {
        if (is_over(story, record.event.at)) break;
        tell(story, &record);
    }
    story->follow->damage = ana_trace_damage(story->reader);
    if (rv != WEFT_OK && rv != WEFT_ERR_CLOSED) return end_of(story, rv);
    if (story->follow->lines > 0) return WEFT_OK;
    return fail(story, WEFT_ERR_NOT_FOUND, "no operation of that node has this number");
}

/* --- to print --- */

#define PLACE 29 /* columns of time and node, before the kind */

static bool print_line(const struct line *line, unsigned depth, FILE *out) {
    int place = strlen(line->text) > PLACE ? PLACE : 0;
    return fprintf(out, "%.*s%*s%s\n", place, line->text, (int)(2 * depth), "",
                   line->text + place) > 0;
}

/* Depth first, with a stack of our own: a story may be as deep as it is long. */
static bool print_story(const struct story *story, uint32_t *stack, FILE *out) {
    unsigned depth = 0;
    for (uint32_t at = story->top; at != NONE;) {
        const struct line *line = &story->lines[at];
        if (!print_line(line, depth, out)) return false;
        if (line->child != NONE) {
            stack[depth++] = line->next;
            at = line->child;
            continue;
        }
        at = line->next;
        while (at == NONE && depth > 0) at = stack[--depth];
    }
    return fflush(out) == 0;
}

/* --- all of it --- */

static bool allocate(struct story *story) {
    uint32_t slots = 16;
    while (slots < 4 * story->lines_max) slots *= 2;
    story->live_mask = slots - 1;
    story->steps = calloc(STEPS, sizeof *story->steps);
    story->lines = calloc(story->lines_max, sizeof *story->lines);
    story->live = malloc(slots * sizeof *story->live);
    if (!story->follow->is_op) {
        story->sent = calloc(ANA_FOLLOW_PACKETS, sizeof *story->sent);
        story->chain = malloc(CHAIN_MAX * sizeof *story->chain);
        if (story->sent == NULL || story->chain == NULL) return false;
    }
    if (story->steps == NULL || story->lines == NULL || story->live == NULL) return false;
    for (uint32_t i = 0; i < slots; i++) story->live[i].line = NONE;
    return true;
}

static void release(struct story *story) {
    for (uint64_t i = 0; story->lines != NULL && i < story->follow->lines; i++)
        free(story->lines[i].text);
    ana_trace_free(story->reader);
    free(story->steps);
    free(story->lines);
    free(story->live);
    free(story->sent);
    free(story->chain);
}

static int tell_all(struct story *story, FILE *out) {
    int rv = WEFT_OK;
    if (!story->follow->is_op) {
        rv = open_trace(story);
        if (rv == WEFT_OK) rv = find_chain(story);
    }
    if (rv == WEFT_OK) rv = read_story(story);
    if (rv != WEFT_OK) return rv;
    uint32_t *stack = malloc(story->lines_max * sizeof *stack);
    if (stack == NULL) return fail(story, WEFT_ERR_NOMEM, "out of memory");
    bool printed = print_story(story, stack, out);
    free(stack);
    return printed ? WEFT_OK : fail(story, WEFT_ERR_IO, "what was found cannot be written");
}

int ana_follow(struct ana_follow *follow, FILE *out) {
    struct story story = {.follow = follow,
                          .lines_max = follow->lines_max > 0 ? follow->lines_max : ANA_FOLLOW_LINES,
                          .top = NONE,
                          .last_top = NONE};
    follow->lines = 0;
    follow->more = false;
    int rv =
        allocate(&story) ? tell_all(&story, out) : fail(&story, WEFT_ERR_NOMEM, "out of memory");
    release(&story);
    return rv;
}
