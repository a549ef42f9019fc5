/* weft diff: two runs, and the first event that is not alike. */
#include "sim/cli/diff.h"

#include <inttypes.h>
#include <string.h>

#define MARKS 200
#define EVERY_LEAST WEFT_MS(1)
#define TRIES 4

struct parsed {
    struct diff_wishes wishes; /* first: into of the options */
    const char *other;         /* the second scenario of "A B" */
    bool is_second, json;
};

static bool take_with(void *into, const char *value) {
    ((struct parsed *)into)->wishes.with = value;
    return true;
}

static bool take_json(void *into, const char *value) {
    (void)value;
    ((struct parsed *)into)->json = true;
    return true;
}

static bool take_file(void *into, const char *path) {
    struct parsed *parsed = into;
    if (parsed->wishes.base.file == NULL || parsed->is_second) {
        return cli_take_file(&parsed->wishes.base, path);
    }
    if (parsed->other == NULL) {
        parsed->other = path;
        return true;
    }
    fprintf(stderr, "weft: two runs are compared: \"%s\" is one too many\n", path);
    return false;
}

static const struct cli_option options[] = {
    CLI_OPTION_SEED,
    {"--with", "PROGRAM", "run by another build of weft", take_with},
    CLI_OPTION_UNTIL,
    {"--fail", "POINT", "one call of a node fails, as for weft run", cli_take_fail},
    CLI_OPTION_MODULES,
    {"--json", NULL, "print one JSON object", take_json},
    CLI_OPTION_SET,
    {NULL, NULL, NULL, NULL},
};

void cli_diff_usage(FILE *out) {
    fputs(
        "usage: weft diff FILE [OTHER] [options] [-- [FILE] [options]]\n\n"
        "Run twice, and name the first event that is not alike. The second run is that of OTHER,\n"
        "and what stands after -- is its own: for the rest it is as the first.\n\n",
        out);
    cli_print_options(out, options);
    fputs("\n"
          "  weft diff mesh.yaml                              does it repeat?\n"
          "  weft diff mesh.yaml -- --seed 2                  where do two seeds part?\n"
          "  weft diff mesh.yaml -- --with clang/bin/weft     do two builds agree?\n"
          "\nexit status: 0 alike, 1 not, 2 bad input, 3 internal error\n",
          out);
}

/* --- what is asked for --- */

static int position_of_second(struct cli_args args) {
    for (int i = 0; i < args.count; i++) {
        if (strcmp(args.list[i], "--") == 0) return i;
    }
    return args.count;
}

/* The second has all that the first has. */
static bool parse_second(struct parsed *first, struct cli_args args, struct diff *out) {
    struct parsed second = {.wishes = first->wishes, .is_second = true};
    second.wishes.base.file = NULL;
    if (!cli_parse(options, args, take_file, &second)) return false;
    if (second.wishes.base.file != NULL && first->other != NULL) {
        fprintf(stderr, "weft: two runs are compared: \"%s\" is one too many\n",
                second.wishes.base.file);
        return false;
    }
    if (second.wishes.base.file == NULL)
        second.wishes.base.file = first->other != NULL ? first->other : first->wishes.base.file;
    out->wishes[1] = second.wishes;
    out->json = first->json || second.json;
    return true;
}

static bool parse(struct diff *diff, struct cli_args args) {
    int middle = position_of_second(args);
    struct parsed first = {.wishes = {.base = {.until = WEFT_TIME_NEVER}}};
    struct cli_args own = {.count = middle, .list = args.list};
    struct cli_args rest = {.count = 0, .list = args.list};
    if (middle < args.count)
        rest = (struct cli_args){.count = args.count - middle - 1, .list = args.list + middle + 1};
    if (!cli_parse(options, own, take_file, &first)) return false;
    if (first.wishes.base.file == NULL) {
        cli_diff_usage(stderr);
        return false;
    }
    diff->wishes[0] = first.wishes;
    return parse_second(&first, rest, diff);
}

/* Both scenarios are read here, so that a mistake is told once. */
static bool read_plans(struct diff *diff, int *status) {
    weft_time stop = 0;
    for (int i = 0; i < 2; i++) {
        struct cli_wishes wishes = diff->wishes[i].base;
        struct sim_plan *plan = cli_read_plan(&wishes, status);
        if (plan == NULL) return false;
        weft_time until = wishes.until == WEFT_TIME_NEVER ? plan->stop : wishes.until;
        stop = weft_time_max(stop, until);
        diff->wishes[i].base.folders_given = wishes.folders_given;
        sim_plan_free(plan);
    }
    diff->every = weft_time_max(stop / MARKS, EVERY_LEAST);
    return true;
}

/* --- what is found --- */

static void stop_both(struct diff *diff) {
    for (int i = 0; i < 2; i++) diff_stop(&diff->sides[i]);
}

static int tell_alike(const struct diff *diff) {
    char events[32];
    bool same = strcmp(diff->hash[0], diff->hash[1]) == 0;
    if (diff->json) {
        diff_json_alike(stdout, diff);
        return same ? CLI_HOLDS : CLI_FAILS;
    }
    printf("alike: %s events", cli_thousands(diff->events, events));
    if (same)
        printf(", run hash %s\n", diff->hash[0]);
    else
        printf("; the run hashes are not: A %s, B %s\n", diff->hash[0], diff->hash[1]);
    return same ? CLI_HOLDS : CLI_FAILS;
}

static int broken_status(const struct diff *diff) {
    bool bad_input =
        diff->sides[0].status == CLI_BAD_INPUT || diff->sides[1].status == CLI_BAD_INPUT;
    return bad_input ? CLI_BAD_INPUT : CLI_INTERNAL;
}

void diff_command_of(struct cli_words *text, const struct diff_side *side) {
    struct diff_words words = {.count = 0};
    text->used = 0;
    cli_put_word(text, side->wishes->with != NULL ? side->wishes->with : cli_program);
    cli_put_word(text, "run");
    diff_words_of(&words, side->wishes);
    for (uint32_t i = 0; i < words.count; i++) cli_put_word(text, words.list[i]);
}

static void tell_run(const struct diff_side *side) {
    struct cli_words text;
    diff_command_of(&text, side);
    printf("%s: %s\n", side->name, text.text);
}

static void tell_parts(struct diff *diff) {
    if (diff->json)
        diff_json_parts(stdout, diff);
    else
        diff_page(stdout, diff);
}

static void tell_elsewhere(const struct diff *diff) {
    if (diff->json)
        diff_json_elsewhere(stdout, diff);
    else
        printf("the runs part, each time elsewhere: last between %" PRId64 " s and %" PRId64 " s\n",
               diff->from / WEFT_S(1), diff->to / WEFT_S(1));
}

/* One try: *again is set when the runs parted, but not where they had before. */
static int compare(struct diff *diff, bool *again) {
    *again = false;
    enum diff_found found = diff_marks(diff);
    int status = found == DIFF_ALIKE ? tell_alike(diff) : CLI_FAILS;
    stop_both(diff);
    if (found == DIFF_BROKEN) return broken_status(diff);
    if (found == DIFF_ALIKE) return status;
    found = diff_events(diff);
    if (found == DIFF_PARTS) tell_parts(diff);
    *again = found == DIFF_ELSEWHERE;
    stop_both(diff);
    return found == DIFF_BROKEN ? broken_status(diff) : CLI_FAILS;
}

int cli_diff(struct cli_args args) {
    struct diff diff = {.sides = {{.name = "A"}, {.name = "B"}}};
    int status = CLI_BAD_INPUT;
    if (!parse(&diff, args) || !read_plans(&diff, &status)) return status;
    for (int i = 0; i < 2; i++) {
        diff.sides[i].wishes = &diff.wishes[i];
        if (!diff.json) tell_run(&diff.sides[i]);
    }
    bool again = true;
    for (int i = 0; i < TRIES && again; i++) status = compare(&diff, &again);
    if (again) tell_elsewhere(&diff);
    return status;
}
