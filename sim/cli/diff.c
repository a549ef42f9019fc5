/* Two trails, line by line. */
#include "sim/cli/diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADS_SHOWN 4u
#define WITHIN_SHOWN 8u
#define REST_SHOWN 8u
#define LINE_SHOWN 200

static bool starts(const struct diff_side *side, const char *word) {
    return side->line != NULL && strncmp(side->line, word, strlen(word)) == 0;
}

static bool alike(const struct diff *diff) {
    return strcmp(diff->sides[0].line, diff->sides[1].line) == 0;
}

static bool start_both(struct diff *diff, const struct diff_words *extra) {
    return diff_start(&diff->sides[0], 0, extra) && diff_start(&diff->sides[1], 1, extra);
}

/* Both, so that neither waits for us while the other is read. */
static bool read_both(struct diff *diff, bool (*read)(struct diff_side *side)) {
    bool a = read(&diff->sides[0]), b = read(&diff->sides[1]);
    return a && b;
}

/* A side that said no more has failed: what it had to say it has said on stderr. */
static enum diff_found broken(const struct diff *diff) {
    for (int i = 0; i < 2; i++) {
        const struct diff_side *side = &diff->sides[i];
        if (!side->ended || side->status == CLI_HOLDS) continue;
        fprintf(stderr, "weft: run %s came to no end, after %" PRId64 ".%03" PRId64 " s at least\n",
                side->name, diff->from / WEFT_S(1), diff->from % WEFT_S(1) / WEFT_MS(1));
    }
    return DIFF_BROKEN;
}

/* --- marks --- */

static weft_time time_of(const struct diff_side *side, weft_time other) {
    return starts(side, "mark ") ? (weft_time)strtoll(side->line + 5, NULL, 10) : other;
}

static uint32_t entity_of(const struct diff_side *side) {
    bool is_entity = !side->ended && side->line[0] >= '0' && side->line[0] <= '9';
    return is_entity ? (uint32_t)strtoul(side->line, NULL, 10) : UINT32_MAX;
}

static bool at_entity(const struct diff_side *side) {
    return !side->ended && side->line[0] >= '0' && side->line[0] <= '9';
}

/* From the first line of a mark that is not alike to its end: entities ascend on both sides. */
static void count_entities(struct diff *diff) {
    struct diff_side *a = &diff->sides[0], *b = &diff->sides[1];
    diff->entities = 0;
    diff->first = UINT32_MAX;
    while (at_entity(a) || at_entity(b)) {
        uint32_t x = entity_of(a), y = entity_of(b), least = x < y ? x : y;
        bool both = at_entity(a) && at_entity(b) && x == y;
        if (!both || !alike(diff)) {
            if (diff->entities++ == 0) diff->first = least;
        }
        bool a_next = at_entity(a) && x == least, b_next = at_entity(b) && y == least;
        if (a_next) (void)diff_read(a);
        if (b_next) (void)diff_read(b);
    }
}

static enum diff_found part_at_mark(struct diff *diff, weft_time mark) {
    weft_time a = time_of(&diff->sides[0], WEFT_TIME_NEVER);
    weft_time b = time_of(&diff->sides[1], WEFT_TIME_NEVER);
    bool at_mark = starts(&diff->sides[0], "mark ") || starts(&diff->sides[1], "mark ");
    if (at_mark) { /* they did not even come to the same mark, or with other numbers of events */
        diff->from = mark;
        diff->to = weft_time_max(a == WEFT_TIME_NEVER ? 0 : a, b == WEFT_TIME_NEVER ? 0 : b);
        for (int i = 0; i < 2; i++) {
            if (starts(&diff->sides[i], "mark ")) (void)diff_read(&diff->sides[i]);
        }
    } else {
        diff->to = mark;
    }
    count_entities(diff);
    return DIFF_PARTS;
}

static enum diff_found at_end(struct diff *diff) {
    for (int i = 0; i < 2; i++) {
        const char *hash = strrchr(diff->sides[i].line, ' ');
        snprintf(diff->hash[i], sizeof diff->hash[i], "%s", hash + 1);
    }
    diff->events = strtoull(diff->sides[0].line + 4, NULL, 10);
    return DIFF_ALIKE;
}

enum diff_found diff_marks(struct diff *diff) {
    char every[32];
    snprintf(every, sizeof every, "%" PRId64 "ns", diff->every);
    struct diff_words extra = {{"--marks", every}, 2};
    weft_time mark = 0;
    diff->from = 0;
    if (!start_both(diff, &extra)) return DIFF_BROKEN;
    while (read_both(diff, diff_read)) {
        if (starts(&diff->sides[0], "end ") && starts(&diff->sides[1], "end ")) return at_end(diff);
        if (!alike(diff)) return part_at_mark(diff, mark);
        if (!starts(&diff->sides[0], "mark ")) continue;
        diff->from = mark;
        mark = time_of(&diff->sides[0], mark);
    }
    return broken(diff);
}

/* --- events --- */

enum diff_found diff_events(struct diff *diff) {
    char from[32], to[32];
    weft_time before = weft_time_max(diff->from - diff->every, 0); /* alike: to be shown */
    snprintf(from, sizeof from, "%" PRId64 "ns", before);
    snprintf(to, sizeof to, "%" PRId64 "ns", diff->to);
    struct diff_words extra = {{"--from", from, "--to", to}, 4};
    if (!start_both(diff, &extra)) return DIFF_BROKEN;
    while (read_both(diff, diff_read_event)) {
        bool is_alike = alike(diff);
        if (!is_alike && starts(&diff->sides[0], "from ")) return DIFF_ELSEWHERE;
        if (!is_alike) return DIFF_PARTS;
        if (starts(&diff->sides[0], "past") || starts(&diff->sides[0], "end "))
            return DIFF_ELSEWHERE;
    }
    return broken(diff);
}

/* --- the page --- */

static void put(FILE *out, const char *label, const char *line) {
    fprintf(out, "  %-7s %.*s%s\n", label, LINE_SHOWN, line,
            strlen(line) > LINE_SHOWN ? " ..." : "");
}

static void put_last(FILE *out, const struct diff_ring *ring, uint64_t most) {
    uint64_t first = ring->count > most ? ring->count - most : 0;
    for (uint64_t i = first; i < ring->count; i++) put(out, "", ring->lines[i % DIFF_RING]);
}

static void put_rest(FILE *out, struct diff_side *side) {
    put(out, side->name, side->line[0] != '\0' ? side->line : "(nothing more)");
    for (uint32_t i = 0; i < REST_SHOWN && diff_read(side) && side->line[0] == ' '; i++)
        put(out, side->name, side->line);
}

static void put_where(FILE *out, const struct diff *diff) {
    fprintf(out,
            "the runs part between %" PRId64 ".%03" PRId64 " s and %" PRId64 ".%03" PRId64 " s",
            diff->from / WEFT_S(1), diff->from % WEFT_S(1) / WEFT_MS(1), diff->to / WEFT_S(1),
            diff->to % WEFT_S(1) / WEFT_MS(1));
    if (diff->entities > 0) {
        fprintf(out, "; by then not alike: ");
        if (diff->first == SIM_SCENARIO)
            fputs("the scenario", out);
        else
            fprintf(out, "node %" PRIu32, diff->first);
        if (diff->entities > 1) fprintf(out, " and %" PRIu64 " more", diff->entities - 1);
    }
    fputs("\n", out);
}

void diff_page(FILE *out, struct diff *diff) {
    struct diff_side *a = &diff->sides[0];
    put_where(out, diff);
    if (starts(a, "event ") && a->head != NULL && a->heads.count > 0) {
        fputs("\nalike up to\n", out);
    } else if (a->heads.count > 0) {
        fputs("\nalike before it\n", out);
    }
    put_last(out, &a->heads, HEADS_SHOWN);
    bool both_at_heads = starts(a, "event ") && starts(&diff->sides[1], "event ");
    if (!both_at_heads) fputs("\nthe first event that is not alike\n", out);
    if (a->head != NULL) put(out, "", a->head);
    put_last(out, &a->within, WITHIN_SHOWN);
    if (both_at_heads) fputs("\nthe first event that is not alike\n", out);
    for (int i = 0; i < 2; i++) put_rest(out, &diff->sides[i]);
}
