/* weft trace: print the events of a trace file. */
#include "analysis/trace_file.h"
#include "core/base/error.h"
#include "core/config/suggest.h"
#include "sim/cli/cli.h"

#include <string.h>

#define LINE_MAX_SIZE 4096
#define KINDS_MAX 64

struct wishes {
    const char *file;
    const char *kinds[KINDS_MAX];
    uint32_t kinds_count;
    bool has_node, heads_only;
    uint64_t node;
    weft_time from, to;
};

static bool take_kind(void *into, const char *value) {
    struct wishes *wishes = into;
    if (wishes->kinds_count == KINDS_MAX) {
        fprintf(stderr, "weft: more than %d times --kind\n", KINDS_MAX);
        return false;
    }
    wishes->kinds[wishes->kinds_count++] = value;
    return true;
}

static bool take_node(void *into, const char *value) {
    struct wishes *wishes = into;
    wishes->has_node = cli_parse_u64(value, &wishes->node);
    if (!wishes->has_node)
        fprintf(stderr, "weft: \"%s\" is no node: --node takes a number\n", value);
    return wishes->has_node;
}

static bool take_time(weft_time *into, const char *option, const char *value) {
    if (cli_parse_duration(value, into)) return true;
    fprintf(stderr, "weft: \"%s\" is no time: %s takes one such as 90s, 1.5m or 250ms\n", value,
            option);
    return false;
}

static bool take_from(void *into, const char *value) {
    return take_time(&((struct wishes *)into)->from, "--from", value);
}

static bool take_to(void *into, const char *value) {
    return take_time(&((struct wishes *)into)->to, "--to", value);
}

static bool take_head(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->heads_only = true;
    return true;
}

static bool take_file(void *into, const char *path) {
    struct wishes *wishes = into;
    if (wishes->file == NULL) {
        wishes->file = path;
        return true;
    }
    fprintf(stderr, "weft: one trace at a time: \"%s\" after \"%s\"\n", path, wishes->file);
    return false;
}

static const struct cli_option options[] = {
    {"--kind", "NAME",
     "only events of this kind, such as lookup.done; or of all of \"lookup\"; may be repeated",
     take_kind},
    {"--node", "N", "only events of node N", take_node},
    {"--from", "T", "only events at T or later", take_from},
    {"--to", "T", "only events at T or earlier", take_to},
    {"--head", NULL, "print what the file says of its run, and no events", take_head},
    {NULL, NULL, NULL, NULL},
};

void cli_trace_usage(FILE *out) {
    fputs("usage: weft trace FILE [options]\n\nPrint the events of a trace file, one a line.\n\n",
          out);
    cli_print_options(out, options);
}

/* "lookup" is the kinds "lookup.start" and "lookup.done". */
static bool is_kind(const char *name, const char *wanted) {
    size_t size = strlen(wanted);
    return strncmp(name, wanted, size) == 0 && (name[size] == '\0' || name[size] == '.');
}

static bool is_wanted(const struct wishes *wishes, const struct ana_trace_record *record) {
    const struct weft_trace_event *event = &record->event;
    if (event->at < wishes->from || event->at > wishes->to) return false;
    if (wishes->has_node && event->node != wishes->node) return false;
    for (uint32_t i = 0; i < wishes->kinds_count; i++) {
        if (is_kind(record->name, wishes->kinds[i])) return true;
    }
    return wishes->kinds_count == 0;
}

/* False after telling which --kind no event can be of. */
static bool kinds_exist(const struct wishes *wishes) {
    const char *names[WEFT_TRACE_KIND_COUNT];
    for (unsigned i = 0; i < WEFT_TRACE_KIND_COUNT; i++) names[i] = weft_trace_kind_name(i);
    for (uint32_t i = 0; i < wishes->kinds_count; i++) {
        bool found = false;
        for (unsigned k = 0; k < WEFT_TRACE_KIND_COUNT; k++) {
            found = found || is_kind(names[k], wishes->kinds[i]);
        }
        if (found) continue;
        const char *nearest = weft_suggest(wishes->kinds[i], names, WEFT_TRACE_KIND_COUNT);
        fprintf(stderr, "weft: unknown kind \"%s\"", wishes->kinds[i]);
        if (nearest != NULL) fprintf(stderr, ", did you mean \"%s\"?", nearest);
        fputc('\n', stderr);
        return false;
    }
    return true;
}

static int print_events(const struct wishes *wishes, struct ana_trace_reader *reader) {
    char line[LINE_MAX_SIZE];
    struct ana_trace_record record;
    int rv;
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        if (record.event.at > wishes->to) return CLI_HOLDS;
        if (!is_wanted(wishes, &record)) continue;
        ana_trace_format(&record, line, sizeof line);
        puts(line);
    }
    struct ana_trace_damage damage = ana_trace_damage(reader);
    if (rv == WEFT_ERR_CLOSED && damage.bytes == 0 && !damage.cut) return CLI_HOLDS;
    fflush(stdout);
    fprintf(stderr, "weft: %s: cut short or damaged at byte %llu\n", wishes->file,
            (unsigned long long)damage.first);
    return CLI_BAD_INPUT;
}

int cli_trace(struct cli_args args) {
    struct wishes wishes = {.to = WEFT_TIME_NEVER};
    struct ana_trace_reader *reader;
    const char *why;
    if (!cli_parse(options, args, take_file, &wishes) || !kinds_exist(&wishes)) {
        return CLI_BAD_INPUT;
    }
    if (wishes.file == NULL) {
        cli_trace_usage(stderr);
        return CLI_BAD_INPUT;
    }
    int rv = ana_trace_open(wishes.file, &reader, &why);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s: %s\n", wishes.file, why);
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    int status = CLI_HOLDS;
    if (wishes.heads_only) {
        fputs(ana_trace_head(reader), stdout);
    } else {
        status = print_events(&wishes, reader);
    }
    ana_trace_free(reader);
    return status;
}
