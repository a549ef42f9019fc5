/* weft run --seeds: one scenario, many seeds, one line. */
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
    if (first) printf("repeat: %s\n", repeat);
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
    printf("%s: %s of %s seeds hold, %" PRIu64 " to %" PRIu64 "; %s events, %" PRIu64 ".%" PRIu64
           " ms a seed, hash %s\n",
           seeds->plan->name, cli_thousands(sum->held, held), cli_thousands(sum->run, run), first,
           first + sum->run - 1, cli_thousands(sum->events, events), us / 1000, us % 1000 / 100,
           hash);
}

/* Run one; false when it cannot go on. */
static bool run_one(const struct cli_seeds *seeds, struct cli_seeds_sum *sum,
                    struct sim_run_report *report) {
    struct sim_run_options options = seeds->options;
    options.seed += sum->run;
    const char *repeat = seeds->repeat(seeds->ctx, options.seed);
    int rv = sim_run(seeds->plan, &options, report);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: the run could not go on: %s\nrepeat: %s\n", weft_error_text(rv),
                repeat);
        return false;
    }
    bool first = sum->run == sum->held;
    sum->run++;
    sum->events += report->events;
    sum->hash = sim_hash_fold(sum->hash, report->hash.low, report->hash.high);
    if (report->verdict == SIM_HOLDS) {
        sum->held++;
    } else {
        print_failure(seeds, report, repeat, first);
    }
    return true;
}

int cli_seeds(const struct cli_seeds *seeds) {
    struct cli_seeds_sum sum = {.run = 0};
    struct sim_run_report *report = malloc(sizeof *report);
    if (report == NULL) return CLI_INTERNAL;
    uint64_t started = weft_posix_wall_ns();
    bool goes_on = true;
    if (seeds->json) cli_json_seeds_begin(stdout, seeds);
    while (goes_on && sum.run < seeds->count && (seeds->keep_going || sum.run == sum.held))
        goes_on = run_one(seeds, &sum, report);
    free(report);
    sum.wall_ns = weft_posix_wall_ns() - started;
    if (sum.run > 0) print_sum(seeds, &sum);
    if (!goes_on) return CLI_INTERNAL;
    return sum.held == sum.run ? CLI_HOLDS : CLI_FAILS;
}
