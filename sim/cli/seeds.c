/* weft run --seeds: one scenario, many seeds, what they did in sum. */
#include "core/base/error.h"
#include "core/posix/confine.h"
#include "sim/cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>

static void print_failure(const struct cli_seeds *seeds, const struct sim_run_report *report,
                          const char *repeat, bool first) {
    if (seeds->json) {
        cli_json_seed(stdout, report, repeat, first);
        return;
    }
    printf("seed %" PRIu64 " fails:\n", report->seed);
    for (uint32_t i = 0; i < report->reasons_count; i++) printf("    %s\n", report->reasons[i]);
    printf("repeat: %s\n", repeat);
    fflush(stdout);
}

static void print_sum(const struct cli_seeds *seeds, const struct cli_seeds_sum *sum) {
    char events[32], held[32], run[32], hash[SIM_HASH_TEXT_SIZE];
    if (seeds->json) {
        cli_json_seeds_end(stdout, sum);
        return;
    }
    sim_hash_text(sum->hash, hash);
    uint64_t first = seeds->options.seed, us = sum->wall_ns / 1000 / sum->run;
    cli_sum_print(stdout, sum, seeds->plan->file);
    printf("%s: %s of %s seeds hold, %" PRIu64 " to %" PRIu64 "; %s events, %" PRIu64 ".%" PRIu64
           " ms a seed, hash %s\n",
           seeds->plan->name, cli_thousands(sum->held, held), cli_thousands(sum->run, run), first,
           first + sum->run - 1, cli_thousands(sum->events, events), us / 1000, us % 1000 / 100,
           hash);
}

/* CLI_BAD_INPUT: the seed draws a mistake. CLI_INTERNAL: it cannot go on. */
static int run_plan(const struct cli_seeds *seeds, const struct sim_run_options *options,
                    const struct sim_plan *plan, struct sim_run_report *report) {
    const char *repeat = seeds->repeat(seeds->ctx, options->seed);
    int rv = seeds->in_children ? cli_run_in_child(plan, options, report)
                                : sim_run(plan, options, report);
    if (rv == WEFT_OK) return CLI_HOLDS;
    fprintf(stderr, "weft: the run could not go on: %s\nrepeat: %s\n", weft_error_text(rv), repeat);
    return CLI_INTERNAL;
}

static void count(const struct cli_seeds *seeds, const struct sim_plan *plan,
                  const struct sim_run_report *report, struct cli_seeds_sum *sum) {
    bool first = sum->run == sum->held;
    sum->run++;
    sum->events += report->events;
    sum->hash = sim_hash_fold(sum->hash, report->hash.low, report->hash.high);
    sum->last = report->hash;
    cli_sum_add(sum, plan, report);
    if (report->verdict == SIM_HOLDS) {
        sum->held++;
    } else {
        print_failure(seeds, report, seeds->repeat(seeds->ctx, report->seed), first);
    }
}

static int run_one(const struct cli_seeds *seeds, struct cli_seeds_sum *sum,
                   struct sim_run_report *report) {
    struct sim_run_options options = seeds->options;
    options.seed += sum->run;
    if (seeds->plan_of == NULL) {
        int status = run_plan(seeds, &options, seeds->plan, report);
        if (status == CLI_HOLDS) count(seeds, seeds->plan, report, sum);
        return status;
    }
    int status;
    struct sim_plan *plan = seeds->plan_of(seeds->ctx, options.seed, &status);
    if (plan == NULL) return status;
    status = run_plan(seeds, &options, plan, report);
    if (status == CLI_HOLDS) count(seeds, plan, report, sum);
    sim_plan_free(plan);
    return status;
}

static int run_all(const struct cli_seeds *seeds, struct cli_seeds_sum *sum,
                   struct sim_run_report *report) {
    int status = CLI_HOLDS;
    uint64_t started = weft_posix_wall_ns();
    if (seeds->json) cli_json_seeds_begin(stdout, seeds);
    while (status == CLI_HOLDS && sum->run < seeds->count &&
           (seeds->keep_going || sum->run == sum->held))
        status = run_one(seeds, sum, report);
    sum->wall_ns = weft_posix_wall_ns() - started;
    if (sum->swarm && sum->run == seeds->count) cli_sum_judge(sum);
    if (sum->run > 0) print_sum(seeds, sum);
    if (status != CLI_HOLDS) return status;
    return sum->held == sum->run && sum->dead == 0 ? CLI_HOLDS : CLI_FAILS;
}

int cli_seeds(const struct cli_seeds *seeds) {
    struct cli_seeds_sum *sum = calloc(1, sizeof *sum);
    struct sim_run_report *report = malloc(sizeof *report);
    int status = CLI_INTERNAL;
    if (sum != NULL && report != NULL) status = run_all(seeds, sum, report);
    free(report);
    free(sum);
    return status;
}
