/* weft trace: what a trace file holds, for people and for other programs. */
#include "core/base/error.h"
#include "core/config/suggest.h"
#include "sim/cli/cli.h"
#include "sim/cli/trace.h"

#include <string.h>

#define LINE_MAX_SIZE 4096

/* --- options --- */

static bool take_kind(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    struct ana_filter *filter = &wishes->filter;
    if (filter->kinds_count == ANA_FILTER_KINDS_MAX) {
        fprintf(stderr, "weft: more than %d times --kind\n", ANA_FILTER_KINDS_MAX);
        return false;
    }
    filter->kinds[filter->kinds_count++] = value;
    wishes->filters = true;
    return true;
}

static bool parse_node(const char *text, uint32_t *out) {
    uint64_t node;
    if (!cli_parse_u64(text, &node) || node >= WEFT_TRACE_NODE_NONE) return false;
    *out = (uint32_t)node;
    return true;
}

static bool take_node(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    struct ana_filter *filter = &wishes->filter;
    if (filter->nodes_count == ANA_FILTER_NODES_MAX) {
        fprintf(stderr, "weft: more than %d times --node\n", ANA_FILTER_NODES_MAX);
        return false;
    }
    wishes->filters = true;
    if (parse_node(value, &filter->nodes[filter->nodes_count++])) return true;
    fprintf(stderr, "weft: \"%s\" is no node: --node takes a number\n", value);
    return false;
}

static bool take_time(weft_time *into, const char *option, const char *value) {
    if (cli_parse_duration(value, into)) return true;
    fprintf(stderr, "weft: \"%s\" is no time: %s takes one such as 90s, 1.5m or 250ms\n", value,
            option);
    return false;
}

static bool take_from(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    wishes->filters = true;
    return take_time(&wishes->filter.from, "--from", value);
}

/* To a filter 0 is no bound; one nanosecond is as good. */
static bool take_to(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    wishes->filters = true;
    if (!take_time(&wishes->filter.to, "--to", value)) return false;
    if (wishes->filter.to == 0) wishes->filter.to = 1;
    return true;
}

static bool take_at(void *into, const char *value) {
    return take_time(&((struct trace_wishes *)into)->at, "--at", value);
}

/* As it is printed: hexadecimal with 0x, or decimal. */
static bool take_pid(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    int used = 0;
    unsigned long long pid;
    wishes->filters = wishes->filter.by_pid = true;
    if (strncmp(value, "0x", 2) == 0 && strlen(value) <= 18 &&
        sscanf(value + 2, "%16llx%n", &pid, &used) == 1 && value[2 + used] == '\0') {
        wishes->filter.pid = pid;
        return true;
    }
    if (cli_parse_u64(value, &wishes->filter.pid)) return true;
    fprintf(stderr,
            "weft: \"%s\" is no process: --pid takes one as it is printed, such as 0x10002\n",
            value);
    return false;
}

/* "17/1234" or, unless `both` have to be there, "1234". */
static bool parse_pair(const char *text, bool *has_node, uint32_t *node, uint64_t *number) {
    char left[16];
    const char *slash = strchr(text, '/');
    *has_node = slash != NULL;
    if (slash == NULL) return cli_parse_u64(text, number);
    if ((size_t)(slash - text) >= sizeof left) return false;
    snprintf(left, sizeof left, "%.*s", (int)(slash - text), text);
    return parse_node(left, node) && cli_parse_u64(slash + 1, number);
}

static bool take_packet(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    struct ana_filter *filter = &wishes->filter;
    wishes->filters = filter->by_packet = true;
    if (parse_pair(value, &filter->by_sender, &filter->sender, &filter->packet)) return true;
    fprintf(stderr,
            "weft: \"%s\" is no packet: --packet takes SENDER/NUMBER, such as 17/1234, or a "
            "number alone\n",
            value);
    return false;
}

static bool take_op(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    struct ana_filter *filter = &wishes->filter;
    bool has_node;
    uint32_t node = 0;
    wishes->filters = filter->by_op = true;
    if (parse_pair(value, &has_node, &node, &filter->op) &&
        (!has_node || filter->nodes_count < ANA_FILTER_NODES_MAX)) {
        if (has_node) filter->nodes[filter->nodes_count++] = node;
        return true;
    }
    fprintf(stderr,
            "weft: \"%s\" is no operation: --op takes NODE/OP, such as 17/3, or a number alone\n",
            value);
    return false;
}

static bool take_follow(void *into, const char *value) {
    struct trace_wishes *wishes = into;
    bool packet = strncmp(value, "packet:", 7) == 0, op = strncmp(value, "op:", 3) == 0;
    bool has_node = false;
    wishes->follows = true;
    wishes->follow.is_op = op;
    const char *what = value + (packet ? 7 : 3);
    if ((packet || op) &&
        parse_pair(what, &has_node, &wishes->follow.node, &wishes->follow.number) && has_node)
        return true;
    fprintf(stderr,
            "weft: \"%s\" cannot be followed: --follow takes packet:SENDER/NUMBER, such as "
            "packet:17/1234, or op:NODE/OP\n",
            value);
    return false;
}

static bool take_head(void *into, const char *value) {
    (void)value;
    ((struct trace_wishes *)into)->head = true;
    return true;
}

static bool take_summary(void *into, const char *value) {
    (void)value;
    ((struct trace_wishes *)into)->summary = true;
    return true;
}

#define TRACE_TAKE_EXPORT(NAME, option, value_, about, run, run_at)                                \
    static bool take_##NAME(void *into, const char *value) {                                       \
        ((struct trace_wishes *)into)->out[TRACE_##NAME] = value;                                  \
        return true;                                                                               \
    }
TRACE_EXPORTS_LIST(TRACE_TAKE_EXPORT)
#undef TRACE_TAKE_EXPORT

static bool take_file(void *into, const char *path) {
    return cli_take_trace(&((struct trace_wishes *)into)->file, path);
}

static const struct cli_option options[] = {
    {"--kind", "NAME",
     "only events of this kind, such as lookup.done; or of all of \"lookup\"; may be repeated",
     take_kind},
    {"--node", "N", "only events of node N; may be repeated", take_node},
    {"--from", "T", "only events at T or later", take_from},
    {"--to", "T", "only events at T or earlier", take_to},
    {"--pid", "P", "only events about process P, such as 0x10002", take_pid},
    {"--packet", "NODE/N", "only events about packet N that NODE sent; or about any packet N",
     take_packet},
    {"--op", "NODE/OP", "only events about operation OP of NODE; or of any node", take_op},
    {"--follow", "WHAT", "tell where packet:NODE/N or op:NODE/OP came from and what came of it",
     take_follow},
    {"--head", NULL, "print what the file says of its run, and no events", take_head},
    {"--summary", NULL, "print what is in the file: kinds, times, nodes, damage", take_summary},
#define TRACE_EXPORT_OPTION(NAME, option, value, about, run, run_at)                               \
    {option, value, about, take_##NAME},
    TRACE_EXPORTS_LIST(TRACE_EXPORT_OPTION)
#undef TRACE_EXPORT_OPTION
        {"--at", "T", "what is as of a time (--dot, --openmetrics), as of T, not of the end",
         take_at},
    {NULL, NULL, NULL, NULL},
};

void cli_trace_usage(FILE *out) {
    fputs("usage: weft trace FILE [options]\n\nPrint the events of a trace file, one a line; or "
          "write them for other programs.\n\n",
          out);
    cli_print_options(out, options);
}

/* --- events as text --- */

static bool is_kind(const char *name, const char *wanted) {
    const struct ana_filter filter = {.kinds = {wanted}, .kinds_count = 1};
    return ana_filter_has_kind(&filter, name);
}

/* The kinds of the file, and what stands before the dot in each: "lookup" names all of its kinds.
 */
struct names {
    const char *list[2 * ANA_KINDS_MAX];
    char groups[ANA_KINDS_MAX][32];
    size_t count;
};

static void add_name(struct names *names, unsigned number, const char *name) {
    char *group = names->groups[number];
    snprintf(group, sizeof names->groups[number], "%.*s", (int)strcspn(name, "."), name);
    names->list[names->count++] = name;
    names->list[names->count++] = group;
}

static void tell_unknown(const char *kind, const struct names *names) {
    const char *nearest = weft_suggest(kind, names->list, names->count);
    fprintf(stderr, "weft: unknown kind \"%s\"", kind);
    if (nearest != NULL) fprintf(stderr, ", did you mean \"%s\"?", nearest);
    fputc('\n', stderr);
}

/* False after telling which --kind no event can be of. */
static bool kinds_exist(const struct trace_wishes *wishes, const struct ana_trace_reader *reader) {
    struct names names = {.count = 0};
    for (unsigned i = 0; i < ANA_KINDS_MAX; i++) {
        const char *name = ana_trace_name(reader, i);
        if (name != NULL) add_name(&names, i, name);
    }
    for (uint32_t i = 0; i < wishes->filter.kinds_count; i++) {
        bool found = false;
        for (size_t k = 0; k < names.count; k++)
            found = found || is_kind(names.list[k], wishes->filter.kinds[i]);
        if (found) continue;
        tell_unknown(wishes->filter.kinds[i], &names);
        return false;
    }
    return true;
}

int trace_tell_damage(const char *file, const struct ana_trace_damage *damage) {
    char blocks[32], bytes[32];
    if (damage->bytes == 0 && damage->blocks == 0 && !damage->cut) return CLI_HOLDS;
    fflush(stdout);
    fprintf(stderr, "weft: %s: ", file);
    if (damage->bytes > 0 || damage->blocks > 0) {
        fprintf(stderr, "damaged from byte %llu on, %s bytes and %s %s lost; the rest was read%s",
                (unsigned long long)damage->first, cli_thousands(damage->bytes, bytes),
                cli_thousands(damage->blocks, blocks), damage->blocks == 1 ? "block" : "blocks",
                damage->cut ? "; " : "");
    }
    fprintf(stderr, "%s\n", damage->cut ? "cut short: it has no end mark" : "");
    return CLI_BAD_INPUT;
}

static int print_events(const struct trace_wishes *wishes, struct ana_trace_reader *reader) {
    char line[LINE_MAX_SIZE];
    struct ana_trace_record record;
    int rv;
    ana_filter_apply(&wishes->filter, reader);
    while ((rv = ana_trace_next(reader, &record)) == WEFT_OK) {
        if (!ana_filter_lets(&wishes->filter, &record)) continue;
        ana_trace_format(&record, line, sizeof line);
        if (puts(line) < 0) break;
    }
    if (rv == WEFT_OK || fflush(stdout) != 0) {
        fputs("weft: standard output cannot be written\n", stderr);
        return CLI_BAD_INPUT;
    }
    if (rv != WEFT_ERR_CLOSED) {
        fprintf(stderr, "weft: %s: %s\n", wishes->file, weft_error_text(rv));
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    struct ana_trace_damage damage = ana_trace_damage(reader);
    return trace_tell_damage(wishes->file, &damage);
}

/* --- the command --- */

static int follow(struct trace_wishes *wishes) {
    struct ana_follow *story = &wishes->follow;
    story->trace = wishes->file;
    int rv = ana_follow(story, stdout);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s\n", story->why);
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    if (story->more)
        printf("... and more: these are the first %llu lines\n", (unsigned long long)story->lines);
    return trace_tell_damage(wishes->file, &story->damage);
}

/* What is asked of the open file itself. */
static int show(const struct trace_wishes *wishes, struct ana_trace_reader *reader) {
    if (!kinds_exist(wishes, reader)) return CLI_BAD_INPUT;
    if (wishes->head) {
        fputs(ana_trace_head(reader), stdout);
        return CLI_HOLDS;
    }
    return wishes->summary ? trace_summary(wishes, reader, stdout) : print_events(wishes, reader);
}

/* What each option alone does not show. */
static bool fit_together(const struct trace_wishes *wishes) {
    const char *wrong = NULL;
    bool exports = trace_exports_any(wishes, false);
    int ways = wishes->head + wishes->summary + wishes->follows + exports;
    if (ways > 1) wrong = "one of --head, --summary, --follow and the exports at a time";
    if (wishes->filters && (wishes->head || wishes->summary || wishes->follows))
        wrong = "--head, --summary and --follow are of the whole trace, not of some events";
    if (wishes->at != WEFT_TIME_NEVER && !trace_exports_any(wishes, true))
        wrong = "--at goes with --dot or --openmetrics";
    if (wrong != NULL) fprintf(stderr, "weft: %s\n", wrong);
    return wrong == NULL;
}

int cli_trace(struct cli_args args) {
    struct trace_wishes wishes = {.at = WEFT_TIME_NEVER};
    struct ana_trace_reader *reader;
    const char *why;
    if (!cli_parse(options, args, take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.file == NULL) {
        cli_trace_usage(stderr);
        return CLI_BAD_INPUT;
    }
    if (!fit_together(&wishes)) return CLI_BAD_INPUT;
    int rv = ana_trace_open(wishes.file, &reader, &why);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s: %s\n", wishes.file, why);
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    int status = CLI_BAD_INPUT;
    bool exports = trace_exports_any(&wishes, false);
    if (!exports && !wishes.follows) {
        status = show(&wishes, reader);
    } else if (kinds_exist(&wishes, reader)) {
        status = exports ? trace_export(&wishes) : follow(&wishes);
    }
    ana_trace_free(reader);
    return status;
}
