/* weft sweep: which single failures a scenario survives. */
#define _DEFAULT_SOURCE
#include "sim/cli/sweep.h"

#include "core/config/suggest.h"
#include "core/posix/confine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS_LEAST 30 /* that a run may take */
#define SECONDS_TIMES 50 /* ... or so many times as long as the plain one */

static struct sweep *sweep_of(void *into) { return into; }

static bool take_kind(struct sweep *sweep, const char *name) {
    const char *names[SIM_POINT_KIND_COUNT];
    enum sim_point_kind kind = cli_point_kind(name);
    sweep->wanted[kind] = true;
    if (kind != SIM_POINT_NONE) return true;
    for (unsigned i = 1; i < SIM_POINT_KIND_COUNT; i++)
        names[i - 1] = sim_point_name((enum sim_point_kind)i);
    const char *nearest = weft_suggest(name, names, SIM_POINT_KIND_COUNT - 1);
    fprintf(stderr, "weft: unknown kind of point \"%s\", ", name);
    if (nearest != NULL)
        fprintf(stderr, "did you mean \"%s\"?\n", nearest);
    else
        fputs("expected some of memory, disk, net, job, load, app\n", stderr);
    return false;
}

static bool take_points(void *into, const char *value) {
    char name[32];
    for (const char *at = value; at != NULL;) {
        const char *comma = strchr(at, ',');
        size_t size = comma != NULL ? (size_t)(comma - at) : strlen(at);
        snprintf(name, sizeof name, "%.*s", (int)(size < 31 ? size : 31), at);
        if (!take_kind(sweep_of(into), name)) return false;
        at = comma != NULL ? comma + 1 : NULL;
    }
    return true;
}

static bool take_node(void *into, const char *value) {
    uint64_t node;
    bool fits = cli_parse_u64(value, &node) && node < SIM_POINT_ALL_NODES;
    if (fits)
        sweep_of(into)->node = (uint32_t)node;
    else
        fprintf(stderr, "weft: \"%s\" is no node: --node takes a number\n", value);
    return fits;
}

static bool take_number(const char *option, const char *value, uint64_t *out) {
    if (cli_parse_u64(value, out) && *out > 0) return true;
    fprintf(stderr, "weft: \"%s\" is no number: %s takes one from 1\n", value, option);
    return false;
}

static bool take_every(void *into, const char *value) {
    return take_number("--every", value, &sweep_of(into)->every);
}

static bool take_max(void *into, const char *value) {
    return take_number("--max", value, &sweep_of(into)->most);
}

static bool take_jobs(void *into, const char *value) {
    uint64_t jobs;
    if (!take_number("--jobs", value, &jobs)) return false;
    sweep_of(into)->jobs = jobs < UINT32_MAX ? (uint32_t)jobs : UINT32_MAX;
    return true;
}

static const struct cli_option options[] = {
    CLI_OPTION_SEED,
    {"--points", "KINDS", "which calls fail, of memory,disk,net,job,load,app; all, when not given",
     take_points},
    {"--node", "N", "only calls of node N", take_node},
    {"--every", "K", "each Kth of them", take_every},
    {"--max", "M", "at most so many of a kind, evenly spread", take_max},
    {"--jobs", "J", "so many runs at once; as many as there are cores, when not given", take_jobs},
    CLI_OPTION_UNTIL,
    {"--json", NULL, "print one JSON object instead of the page", cli_take_json},
    CLI_OPTION_MODULES,
    CLI_OPTION_SET,
    {NULL, NULL, NULL, NULL},
};

void cli_sweep_usage(FILE *out) {
    fputs("usage: weft sweep FILE [options]\n\nCount the calls of a run that may fail, run it once "
          "for each with that one failing, and say which\nof them it does not survive.\n\n",
          out);
    cli_print_options(out, options);
}

/* --- the page --- */

static void print_finding(FILE *out, const struct sweep *sweep,
                          const struct sweep_finding *finding) {
    char text[CLI_POINT_TEXT_MAX], fail[64];
    struct cli_words repeat = {.used = 0};
    struct cli_wishes wishes = sweep->wishes;
    wishes.fail = cli_name_point(&finding->first.points, fail);
    cli_make_repeat(&repeat, &wishes);
    fprintf(out, "\n  %s", cli_show_point(&finding->first.points, text));
    if (finding->count > 1) fprintf(out, ", and %" PRIu64 " like it", finding->count - 1);
    fprintf(out, "\n    %s\n    repeat: %s\n", finding->first.reason, repeat.text);
}

void sweep_page(FILE *out, const struct sweep *sweep) {
    char a[32], b[32], c[32];
    fprintf(out, "\n  %-12s %12s %12s %12s\n", "points", "there", "refused", "survived");
    for (unsigned kind = 1; kind < SIM_POINT_KIND_COUNT; kind++) {
        const struct sweep_sum *sum = &sweep->sums[kind];
        if (!sweep->wanted[kind]) continue;
        fprintf(out, "  %-12s %12s %12s %12s\n", sim_point_name((enum sim_point_kind)kind),
                cli_thousands(sum->count, a), cli_thousands(sum->tried, b),
                cli_thousands(sum->held, c));
    }
    for (uint32_t i = 0; i < sweep->findings_count; i++)
        print_finding(out, sweep, &sweep->findings[i]);
    uint64_t ms = sweep->wall_ns / 1000000;
    fprintf(out,
            "\n%s: seed %" PRIu64 ", %s failures found, %u unlike, in %" PRIu64 ".%" PRIu64 " s\n",
            sweep->plan->name, sweep->wishes.seed, cli_thousands(sweep->found, a),
            sweep->findings_count, ms / 1000, ms % 1000 / 100);
}

/* --- the command --- */

/* All kinds, unless some were named. */
static void want_some(struct sweep *sweep) {
    for (unsigned kind = 1; kind < SIM_POINT_KIND_COUNT; kind++)
        if (sweep->wanted[kind]) return;
    for (unsigned kind = 1; kind < SIM_POINT_KIND_COUNT; kind++) sweep->wanted[kind] = true;
}

/* Nothing fails, and the points are counted. */
static int count_points(struct sweep *sweep) {
    struct sim_points points = {.node = sweep->node};
    struct sweep_outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome == NULL) return CLI_INTERNAL;
    uint64_t started = weft_posix_wall_ns();
    sweep_run(sweep, &points, outcome);
    uint64_t seconds = (weft_posix_wall_ns() - started) / 1000000000u * SECONDS_TIMES;
    sweep->seconds_max = (unsigned)(seconds > SECONDS_LEAST ? seconds : SECONDS_LEAST);
    for (unsigned kind = 1; kind < SIM_POINT_KIND_COUNT; kind++)
        sweep->sums[kind].count = outcome->points.count[kind];
    bool holds = outcome->end == SWEEP_HOLDS;
    if (!holds)
        fprintf(stderr, "weft: the scenario does not hold without a failure: %s\n",
                outcome->reason);
    free(outcome);
    return holds ? CLI_HOLDS : CLI_FAILS;
}

static int sweep_plan(struct sweep *sweep) {
    uint64_t started = weft_posix_wall_ns();
    int status = count_points(sweep);
    if (status != CLI_HOLDS) return status;
    if (!sweep_all(sweep)) {
        fputs("weft: no process could be started\n", stderr);
        return CLI_INTERNAL;
    }
    sweep->wall_ns = weft_posix_wall_ns() - started;
    if (sweep->wishes.json)
        sweep_json(stdout, sweep);
    else
        sweep_page(stdout, sweep);
    return sweep->found == 0 ? CLI_HOLDS : CLI_FAILS;
}

static int sweep_file(struct sweep *sweep) {
    int status;
    struct sim_plan *plan = cli_read_plan(&sweep->wishes, &status);
    if (plan == NULL) return status;
    sweep->plan = plan;
    want_some(sweep);
    status = sweep_plan(sweep);
    sim_plan_free(plan);
    return status;
}

int cli_sweep(struct cli_args args) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct sweep *sweep = calloc(1, sizeof *sweep);
    if (sweep == NULL) return CLI_INTERNAL;
    sweep->wishes.until = WEFT_TIME_NEVER;
    sweep->node = SIM_POINT_ALL_NODES;
    sweep->every = 1;
    sweep->most = UINT64_MAX;
    sweep->jobs = cores > 0 ? (uint32_t)cores : 1;
    int status = CLI_BAD_INPUT;
    if (cli_parse(options, args, cli_take_file, sweep)) {
        if (sweep->wishes.file != NULL)
            status = sweep_file(sweep);
        else
            cli_sweep_usage(stderr);
    }
    free(sweep);
    return status;
}
