/* The `weft` command: options, the page, JSON. Wall time and memory are measured here and nowhere
 * else in the workbench. */
#ifndef SIM_CLI_CLI_H
#define SIM_CLI_CLI_H

#include "sim/scenario/run.h"

#include <stdbool.h>
#include <stdio.h>

/* Exit statuses. */
enum cli_exit { CLI_HOLDS = 0, CLI_FAILS = 1, CLI_BAD_INPUT = 2, CLI_INTERNAL = 3 };

/* "weft 0.1.0 (abcdef123456)": version and commit. */
const char *cli_build_id(void);

/* --- options (options.c) --- */

/* One option of a command; an array of them ends with name NULL. */
struct cli_option {
    const char *name; /* "--seed" */
    /* What its value is called in the usage; NULL: it takes none; "[=PORT]": it may have one, and
     * has it as "--live=PORT" alone. */
    const char *value;
    const char *about;
    /* False after telling on stderr what is wrong. `value` stays valid; NULL: there is none. */
    bool (*take)(void *into, const char *value);
};

struct cli_args {
    int count;
    char **list; /* after the command's name */
};

/* Parse `args`: options by the table, everything else to `file` (which may refuse). False after
 * telling on stderr what is wrong, with the nearest option where one is unknown. */
bool cli_parse(const struct cli_option *options, struct cli_args args,
               bool (*file)(void *into, const char *path), void *into);

/* For a command that reads one trace: *file is it, NULL before. False after telling of a second. */
bool cli_take_trace(const char **file, const char *path);

void cli_print_options(FILE *out, const struct cli_option *options);

/* "30s", "1.5m", "250ms"; a bare number is seconds. False when it is no duration. */
bool cli_parse_duration(const char *text, weft_duration *out);
bool cli_parse_u64(const char *text, uint64_t *out);

/* --- where modules are (folders.c) --- */

#define CLI_FOLDERS_MAX 16

/* Those of --modules, in their order, then those that belong to the program: of its build, of its
 * installation. */
struct cli_folders {
    const char *list[CLI_FOLDERS_MAX + 2];
    uint32_t count;
    char own[2][1024];
};

/* For a table of options. False after telling what is wrong. */
bool cli_take_folder(struct cli_folders *folders, const char *path);

/* After the options: add the program's own, if they are there. */
void cli_own_folders(struct cli_folders *folders);

/* --- commands --- */

int cli_run(struct cli_args args);
int cli_check(struct cli_args args);
int cli_sweep(struct cli_args args);
int cli_trace(struct cli_args args);
int cli_stats(struct cli_args args);
int cli_plot(struct cli_args args);
int cli_report(struct cli_args args);
int cli_trail(struct cli_args args);
int cli_top(struct cli_args args);
int cli_diff(struct cli_args args);
int cli_check_app(struct cli_args args);

void cli_run_usage(FILE *out);
void cli_check_usage(FILE *out);
void cli_sweep_usage(FILE *out);
void cli_trace_usage(FILE *out);
void cli_stats_usage(FILE *out);
void cli_plot_usage(FILE *out);
void cli_report_usage(FILE *out);
void cli_trail_usage(FILE *out);
void cli_top_usage(FILE *out);
void cli_diff_usage(FILE *out);
void cli_check_app_usage(FILE *out);

/* Write the page of `trace` to `out`. Returns the exit status, after telling what is wrong. */
int cli_report_file(const char *trace, const char *out, bool no_plots);

/* Called when the program is in a panic, once it has said why: in a signal handler, for some
 * seconds at the most. NULL: nothing. */
void cli_on_panic(void (*fn)(void *ctx), void *ctx);

/* What the program was called as: for the line that repeats a run. */
extern const char *cli_program;

/* --- a run's report --- */

struct cli_report {
    const struct sim_plan *plan;
    const struct sim_run_report *run;
    uint64_t wall_ns;
    uint64_t peak_rss_bytes;
    bool confined;      /* stray calls were trapped, core/posix/confine.h */
    const char *repeat; /* the command that repeats it */
};

/* The page for people; `colour` marks the verdict. */
void cli_page(FILE *out, const struct cli_report *report, bool colour);

/* One JSON object and a newline. */
void cli_json(FILE *out, const struct cli_report *report);
/* A string, quoted. */
void cli_json_text(FILE *out, const char *value);

/* --- many seeds (seeds.c) --- */

struct cli_seeds {
    const struct sim_plan *plan; /* of the first seed, unless plan_of says otherwise */
    /* The plan as a seed draws it, to free. It answers NULL after telling why. NULL itself: `plan`
     * for all. */
    struct sim_plan *(*plan_of)(void *ctx, uint64_t seed, int *status);
    struct sim_run_options options; /* its seed is the first */
    uint64_t count;
    bool keep_going, json;
    bool in_children; /* each seed in a process of its own; this one must not be confined */
    /* The command that repeats a seed: called before it runs. Valid until called again. */
    const char *(*repeat)(void *ctx, uint64_t seed);
    void *ctx;
};

/* Run one seed after the other, up to the first that fails unless `keep_going`. Prints what fails,
 * each with the line that repeats it; what all of them did in sum; and one line of summary. A fault
 * that bit in none of the seeds fails, too, and so do a check never evaluated and a hollow
 * workload: of a swarm only the sum can tell. Returns the exit status. */
int cli_seeds(const struct cli_seeds *seeds);

/* sim_run in a process of its own, which is confined (child.c): for what runs once in a process.
 * `options` without points. As sim_run; WEFT_ERR_CLOSED: the process ended before the run did,
 * after telling why on stderr. */
int cli_run_in_child(const struct sim_plan *plan, const struct sim_run_options *options,
                     struct sim_run_report *report);

/* --- the sum of many seeds (sum.c) --- */

#define CLI_SUM_NAME_MAX (SIM_CLAIM_NAME_MAX + 32)

/* What one fault, part of a fault, condition, check or workload did in all seeds that had it. */
struct cli_sum_row {
    char name[CLI_SUM_NAME_MAX]; /* a part: with its fault's kind, "degrade.delay" */
    uint32_t line;
    uint64_t seeds, last; /* that had it on; the last of them, from 1 */
    uint64_t tried, did;  /* injected, bit; asked, done; evaluated, failed; 0, bit */
};

#define CLI_SUM_FAULTS (2 * SIM_FAULTS_MAX) /* those of the file, and those of its swarm */
#define CLI_SUM_CLAIMS (2 * SIM_CLAIMS_MAX)

struct cli_seeds_sum {
    uint64_t run, held, events, wall_ns;
    struct sim_hash hash; /* of the runs' hashes, in order */
    struct sim_hash last; /* that of the last run */
    uint64_t dead;        /* rows that never did anything, of a swarm that was run to the end */
    bool swarm, judged;   /* judged: `dead` is known */
    bool cut;             /* a run ended before the scenario's stop: no part or condition is dead */
    struct cli_sum_row faults[CLI_SUM_FAULTS], parts[CLI_SUM_CLAIMS], conditions[CLI_SUM_CLAIMS];
    struct cli_sum_row checks[SIM_CHECKS_MAX], works[SIM_WORKLOADS_MAX];
    uint32_t faults_count, parts_count, conditions_count, checks_count, works_count;
};

/* Add a run. */
void cli_sum_add(struct cli_seeds_sum *sum, const struct sim_plan *plan,
                 const struct sim_run_report *run);

/* All seeds have been run: which rows are dead. */
void cli_sum_judge(struct cli_seeds_sum *sum);

/* A list of rows, and how it is shown. */
struct cli_sum_table {
    const char *key, *title; /* in JSON; above the rows */
    const char *tried, *did; /* what the two numbers are; tried NULL: is not shown */
    const char *dead;        /* what a row is that never did anything */
    const struct cli_sum_row *rows;
    uint32_t count;
    const char *(*never)(const struct cli_sum_row *row); /* what it did in no seed; NULL: it did */
};

#define CLI_SUM_TABLES 5

void cli_sum_tables(const struct cli_seeds_sum *sum, struct cli_sum_table tables[CLI_SUM_TABLES]);

/* The rows, and a line for each that is dead. `file` is what such a line names. */
void cli_sum_print(FILE *out, const struct cli_seeds_sum *sum, const char *file);

/* What cli_seeds prints as JSON: one object, its failures as they come. */
void cli_json_seeds_begin(FILE *out, const struct cli_seeds *seeds);
void cli_json_seed(FILE *out, const struct sim_run_report *report, const char *repeat, bool first);
void cli_json_seeds_end(FILE *out, const struct cli_seeds_sum *sum);

/* --- progress (progress.c): one line on a terminal's stderr --- */

struct cli_progress {
    bool on;
    uint64_t started_ns, shown_ns;
};

void cli_progress_init(struct cli_progress *progress);
void cli_progress_show(struct cli_progress *progress, weft_time now, weft_time stop,
                       uint64_t events);
void cli_progress_clear(struct cli_progress *progress);

/* 1234567 as "1,234,567". `text` has room for 32 bytes. Returns text. */
char *cli_thousands(uint64_t number, char text[32]);

#endif
