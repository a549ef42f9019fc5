/* weft stats: options, and which runs belong together. */
#define _GNU_SOURCE
#include "sim/cli/stats.h"

#include "core/base/error.h"
#include "sim/cli/cli.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct wishes {
    struct cli_stats stats;
    glob_t found[CLI_STATS_GROUPS_MAX]; /* paths that belong to runs */
    uint32_t found_count;
    bool grouped, against, json;
};

/* --- which runs --- */

/* The group of that name, made when there is none; CLI_STATS_GROUPS_MAX after telling why not. */
static uint32_t group_named(struct cli_stats *stats, const char *name, size_t size) {
    char text[sizeof stats->groups[0].name];
    snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : sizeof text - 1), name);
    for (uint32_t i = 0; i < stats->groups_count; i++) {
        if (strcmp(stats->groups[i].name, text) == 0) return i;
    }
    if (stats->groups_count == CLI_STATS_GROUPS_MAX) {
        fprintf(stderr, "weft: more than %d groups\n", CLI_STATS_GROUPS_MAX);
        return CLI_STATS_GROUPS_MAX;
    }
    strcpy(stats->groups[stats->groups_count].name, text);
    return stats->groups_count++;
}

static bool add_run(struct cli_stats *stats, const char *path, uint32_t group) {
    if (group == CLI_STATS_GROUPS_MAX) return false;
    if (stats->runs_count == CLI_STATS_RUNS_MAX) {
        fprintf(stderr, "weft: more than %d runs\n", CLI_STATS_RUNS_MAX);
        return false;
    }
    if (stats->runs_count == stats->runs_room) {
        stats->runs_room = stats->runs_room == 0 ? 64 : 2 * stats->runs_room;
        stats->runs = realloc(stats->runs, stats->runs_room * sizeof *stats->runs);
        if (stats->runs == NULL) {
            fputs("weft: out of memory\n", stderr);
            exit(CLI_INTERNAL);
        }
    }
    stats->runs[stats->runs_count++] = (struct cli_stats_run){.path = path, .group = group};
    stats->groups[group].runs++;
    return true;
}

static bool mixed(void) {
    fputs("weft: runs are told either by --group, or by themselves and --against\n", stderr);
    return false;
}

/* Runs of one folder belong together. */
static bool take_file(void *into, const char *path) {
    struct wishes *wishes = into;
    size_t size = strlen(path);
    if (wishes->grouped) return mixed();
    if (wishes->against) return add_run(&wishes->stats, path, group_named(&wishes->stats, "B", 1));
    while (size > 1 && path[size - 1] == '/') size--;
    const char *slash = memrchr(path, '/', size);
    const char *folder = slash != NULL ? path : ".";
    size_t folder_size = slash == NULL || slash == path ? 1 : (size_t)(slash - path);
    return add_run(&wishes->stats, path, group_named(&wishes->stats, folder, folder_size));
}

/* What was told so far is A, whatever folders it is of. */
static bool take_against(void *into, const char *value) {
    struct wishes *wishes = into;
    struct cli_stats *stats = &wishes->stats;
    (void)value;
    if (wishes->grouped) return mixed();
    if (wishes->against || stats->runs_count == 0) {
        fputs("weft: --against stands once, between the runs of A and those of B\n", stderr);
        return false;
    }
    for (uint32_t i = 0; i < stats->runs_count; i++) stats->runs[i].group = 0;
    stats->groups[0] = (struct cli_stats_group){"A", stats->runs_count};
    stats->groups_count = 1;
    wishes->against = true;
    return true;
}

static bool take_group(void *into, const char *value) {
    struct wishes *wishes = into;
    const char *equals = strchr(value, '=');
    if (equals == NULL || equals == value || equals[1] == '\0') {
        fprintf(stderr, "weft: \"%s\" is no group: NAME=GLOB, such as new='runs/new/*.trace'\n",
                value);
        return false;
    }
    if (wishes->stats.runs_count > 0 && !wishes->grouped) return mixed();
    if (wishes->found_count == CLI_STATS_GROUPS_MAX) {
        fprintf(stderr, "weft: more than %d times --group\n", CLI_STATS_GROUPS_MAX);
        return false;
    }
    glob_t *found = &wishes->found[wishes->found_count];
    if (glob(equals + 1, 0, NULL, found) != 0) {
        fprintf(stderr, "weft: no run is like \"%s\"\n", equals + 1);
        return false;
    }
    wishes->found_count++;
    wishes->grouped = true;
    uint32_t group = group_named(&wishes->stats, value, (size_t)(equals - value));
    for (size_t i = 0; i < found->gl_pathc; i++) {
        if (!add_run(&wishes->stats, found->gl_pathv[i], group)) return false;
    }
    return true;
}

static bool take_metric(void *into, const char *value) {
    struct cli_stats *stats = &((struct wishes *)into)->stats;
    if (stats->only_count == CLI_STATS_ONLY_MAX) {
        fprintf(stderr, "weft: more than %d times --metric\n", CLI_STATS_ONLY_MAX);
        return false;
    }
    stats->only[stats->only_count++] = value;
    return true;
}

static bool take_json(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->json = true;
    return true;
}

static const struct cli_option options[] = {
    {"--against", NULL, "the runs before it are compared with those behind it", take_against},
    {"--group", "NAME=GLOB", "runs that belong together; may be repeated", take_group},
    {"--metric", "NAME", "only this one, such as get.p99, or all of \"get\"; may be repeated",
     take_metric},
    {"--json", NULL, "print one JSON object", take_json},
    {NULL, NULL, NULL, NULL},
};

void cli_stats_usage(FILE *out) {
    fputs("usage: weft stats RUN... [options]\n"
          "       weft stats RUN... --against RUN... [options]\n\n"
          "Say what a run was like in numbers, or how groups of runs differ. A RUN is a trace, or\n"
          "a folder that weft trace --csv has made. Runs of one folder belong together, unless\n"
          "told otherwise; each further group is compared with the first.\n\n",
          out);
    cli_print_options(out, options);
}

/* --- reading --- */

static void keep(char *out, size_t size, const char *value) {
    snprintf(out, size, "%s", value != NULL ? value : "");
}

static bool take_metrics(struct cli_stats *stats, struct cli_stats_run *run,
                         const struct ana_run *opened) {
    struct ana_metric metrics[ANA_METRICS_MAX];
    const char *damaged = ana_run_value(opened, "damaged_blocks");
    stats->metrics_count = ana_run_metrics(opened, metrics);
    run->metrics = malloc(stats->metrics_count * sizeof *run->metrics);
    if (run->metrics == NULL) return false;
    memcpy(run->metrics, metrics, stats->metrics_count * sizeof *run->metrics);
    keep(run->scenario, sizeof run->scenario, ana_run_value(opened, "scenario"));
    keep(run->seed, sizeof run->seed, ana_run_value(opened, "seed"));
    keep(run->hash, sizeof run->hash, ana_run_value(opened, "hash"));
    keep(run->verdict, sizeof run->verdict, ana_run_value(opened, "verdict"));
    if (damaged == NULL || !cli_parse_u64(damaged, &run->damaged)) run->damaged = 0;
    return true;
}

static void warn(const struct cli_stats_run *run) {
    if (run->damaged == 0) return;
    fprintf(stderr, "weft: %s: %llu damaged block%s passed over\n", run->path,
            (unsigned long long)run->damaged, run->damaged == 1 ? " was" : "s were");
}

/* Every run; the only one stays open, for its page. */
static int read_all(struct cli_stats *stats, struct ana_run **only) {
    char why[ANA_WHY_SIZE];
    for (uint32_t i = 0; i < stats->runs_count; i++) {
        struct cli_stats_run *run = &stats->runs[i];
        struct ana_run *opened;
        int rv = ana_run_open(run->path, &opened, why);
        if (rv != WEFT_OK) {
            fprintf(stderr, "weft: %s\n", why);
            return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
        }
        bool taken = take_metrics(stats, run, opened);
        if (stats->runs_count == 1 && taken)
            *only = opened;
        else
            ana_run_free(opened);
        if (!taken) {
            fprintf(stderr, "weft: %s: out of memory\n", run->path);
            return CLI_INTERNAL;
        }
        warn(run);
    }
    return CLI_HOLDS;
}

/* --- what is shown --- */

bool cli_stats_shows(const struct cli_stats *stats, uint32_t metric) {
    const char *name = stats->runs[0].metrics[metric].name;
    for (uint32_t i = 0; i < stats->only_count; i++) {
        size_t size = strlen(stats->only[i]);
        if (strncmp(name, stats->only[i], size) == 0 && (name[size] == '\0' || name[size] == '.'))
            return true;
    }
    return stats->only_count == 0;
}

bool cli_stats_cell(const struct cli_stats *stats, uint32_t metric, uint32_t group,
                    struct cli_stats_cell *out) {
    *out = (struct cli_stats_cell){0};
    out->sorted = malloc((stats->groups[group].runs + 1) * sizeof *out->sorted);
    if (out->sorted == NULL) return false;
    for (uint32_t i = 0; i < stats->runs_count; i++) {
        double value = stats->runs[i].metrics[metric].value;
        if (stats->runs[i].group == group && !isnan(value)) out->sorted[out->count++] = value;
    }
    if (out->count == 0) return true;
    ana_stat_sort(out->sorted, out->count);
    out->median = ana_stat_median(out->sorted, out->count);
    out->between = ana_stat_median_interval(out->sorted, out->count);
    out->min = out->sorted[0];
    out->max = out->sorted[out->count - 1];
    return true;
}

/* False after telling of a --metric that there is none of. */
static bool metrics_exist(const struct cli_stats *stats) {
    for (uint32_t i = 0; i < stats->only_count; i++) {
        struct cli_stats one = *stats;
        bool found = false;
        one.only[0] = stats->only[i];
        one.only_count = 1;
        for (uint32_t m = 0; m < stats->metrics_count; m++)
            found = found || cli_stats_shows(&one, m);
        if (found) continue;
        fprintf(stderr, "weft: unknown metric \"%s\"; --json names them all\n", stats->only[i]);
        return false;
    }
    return true;
}

static int show(const struct wishes *wishes, const struct ana_run *only) {
    const struct cli_stats *stats = &wishes->stats;
    bool shown = true;
    if (!metrics_exist(stats)) return CLI_BAD_INPUT;
    if (wishes->json)
        shown = cli_stats_json(stdout, stats);
    else if (only != NULL)
        cli_stats_page_of_run(stdout, stats, only);
    else if (stats->groups_count == 1)
        shown = cli_stats_page_of_group(stdout, stats);
    else
        shown = cli_stats_page_of_groups(stdout, stats);
    if (shown) return CLI_HOLDS;
    fputs("weft: out of memory\n", stderr);
    return CLI_INTERNAL;
}

static int run(struct wishes *wishes) {
    struct ana_run *only = NULL;
    struct cli_stats *stats = &wishes->stats;
    if (stats->runs_count == 0) {
        cli_stats_usage(stderr);
        return CLI_BAD_INPUT;
    }
    if (wishes->against && stats->groups_count < 2) {
        fputs("weft: --against stands once, between the runs of A and those of B\n", stderr);
        return CLI_BAD_INPUT;
    }
    int status = read_all(stats, &only);
    if (status == CLI_HOLDS) status = show(wishes, only);
    ana_run_free(only);
    return status;
}

int cli_stats(struct cli_args args) {
    struct wishes *wishes = calloc(1, sizeof *wishes);
    if (wishes == NULL) return CLI_INTERNAL;
    int status = CLI_BAD_INPUT;
    if (cli_parse(options, args, take_file, wishes)) status = run(wishes);
    for (uint32_t i = 0; i < wishes->stats.runs_count; i++) free(wishes->stats.runs[i].metrics);
    for (uint32_t i = 0; i < wishes->found_count; i++) globfree(&wishes->found[i]);
    free(wishes->stats.runs);
    free(wishes);
    return status;
}
