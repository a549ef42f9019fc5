/* What a diff has found, as one JSON object. */
#include "sim/cli/diff.h"

#include <inttypes.h>
#include <string.h>

static void key_text(FILE *out, const char *key, const char *value) {
    fprintf(out, ",\"%s\":", key);
    if (value != NULL)
        cli_json_text(out, value);
    else
        fputs("null", out);
}

static void key_time(FILE *out, const char *key, weft_time at) {
    fprintf(out, ",\"%s\":%" PRId64 ".%09" PRId64, key, at / WEFT_S(1), at % WEFT_S(1));
}

static void begin(FILE *out, const struct diff *diff, bool alike) {
    fprintf(out, "{\"alike\":%s,\"runs\":[", alike ? "true" : "false");
    for (int i = 0; i < 2; i++) {
        struct cli_words command;
        diff_command_of(&command, &diff->sides[i]);
        if (i > 0) fputc(',', out);
        cli_json_text(out, command.text);
    }
    fputc(']', out);
}

void diff_json_alike(FILE *out, const struct diff *diff) {
    begin(out, diff, strcmp(diff->hash[0], diff->hash[1]) == 0);
    fprintf(out, ",\"events\":%" PRIu64 ",\"hashes\":[\"%s\",\"%s\"]}\n", diff->events,
            diff->hash[0], diff->hash[1]);
}

static void where(FILE *out, const struct diff *diff) {
    key_time(out, "from", diff->from);
    key_time(out, "to", diff->to);
    fprintf(out, ",\"not_alike\":%" PRIu64 ",\"first_node\":", diff->entities);
    if (diff->entities == 0 || diff->first == SIM_SCENARIO)
        fputs("null", out);
    else
        fprintf(out, "%" PRIu32, diff->first);
}

void diff_json_elsewhere(FILE *out, const struct diff *diff) {
    begin(out, diff, false);
    fputs(",\"repeats\":false", out);
    where(out, diff);
    fputs("}\n", out);
}

static const char *without_margin(const char *line) { return line + strspn(line, " "); }

static void ring(FILE *out, const char *key, const struct diff_ring *lines) {
    uint64_t first = lines->count > DIFF_RING ? lines->count - DIFF_RING : 0;
    fprintf(out, ",\"%s\":[", key);
    for (uint64_t i = first; i < lines->count; i++) {
        if (i > first) fputc(',', out);
        cli_json_text(out, without_margin(lines->lines[i % DIFF_RING]));
    }
    fputc(']', out);
}

/* To the end of the event, or as much as is kept of one. */
static void rest(FILE *out, struct diff_side *side) {
    fprintf(out, ",\"%s\":[", side->name);
    if (side->line[0] != '\0') cli_json_text(out, without_margin(side->line));
    for (uint32_t i = 1; i < DIFF_RING && diff_read(side) && side->line[0] == ' '; i++) {
        fputc(',', out);
        cli_json_text(out, without_margin(side->line));
    }
    fputc(']', out);
}

void diff_json_parts(FILE *out, struct diff *diff) {
    struct diff_side *a = &diff->sides[0];
    begin(out, diff, false);
    fputs(",\"repeats\":true", out);
    where(out, diff);
    ring(out, "before", &a->heads);
    key_text(out, "event", a->head);
    ring(out, "alike_in_it", &a->within);
    for (int i = 0; i < 2; i++) rest(out, &diff->sides[i]);
    fputs("}\n", out);
}
