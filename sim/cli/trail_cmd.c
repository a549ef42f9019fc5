/* weft trail: what a run did, event by event; what weft diff reads. */
#define _DEFAULT_SOURCE
#include "sim/cli/trail.h"

#include "core/base/error.h"
#include "core/posix/confine.h"
#include "sim/cli/wishes.h"

#include <stdlib.h>
#include <unistd.h>

#define OUT_SIZE (1 << 16)

struct wishes {
    struct cli_wishes base;
    struct trail trail;
};

static bool take_time(weft_time *into, const char *option, const char *value) {
    if (cli_parse_duration(value, into)) return true;
    fprintf(stderr, "weft: \"%s\" is no time: %s takes one such as 90s, 1.5m or 250ms\n", value,
            option);
    return false;
}

static bool take_from(void *into, const char *value) {
    return take_time(&((struct wishes *)into)->trail.from, "--from", value);
}

static bool take_to(void *into, const char *value) {
    return take_time(&((struct wishes *)into)->trail.to, "--to", value);
}

static bool take_marks(void *into, const char *value) {
    struct trail *trail = &((struct wishes *)into)->trail;
    if (!take_time(&trail->every, "--marks", value)) return false;
    if (trail->every == 0) fputs("weft: --marks takes a time above 0\n", stderr);
    trail->events = false;
    return trail->every > 0;
}

static const struct cli_option options[] = {
    CLI_OPTION_SEED,
    {"--from", "T", "only events at T or later", take_from},
    {"--to", "T", "only events at T or earlier", take_to},
    {"--marks", "T", "no events, but every T what each node's doings come to", take_marks},
    CLI_OPTION_UNTIL,
    {"--fail", "POINT", "one call of a node fails, as for weft run", cli_take_fail},
    CLI_OPTION_MODULES,
    CLI_OPTION_SET,
    {NULL, NULL, NULL, NULL},
};

void cli_trail_usage(FILE *out) {
    fputs("usage: weft trail FILE [options]\n\nRun the scenario of FILE and print every event, and "
          "what was scheduled, folded into the hash,\nsent and traced in it.\n\n",
          out);
    cli_print_options(out, options);
}

/* Nothing of what is still to come is wanted: the run need not go on. */
static void on_progress(void *ctx, weft_time now, weft_time stop, uint64_t events) {
    const struct trail *trail = ctx;
    (void)stop;
    (void)events;
    if (!trail->events || now <= trail->to) return;
    fputs("past\n", trail->out);
    fflush(trail->out);
    _exit(CLI_HOLDS);
}

static int run(struct wishes *wishes, const struct sim_plan *plan, struct cli_host *host,
               struct sim_run_report *report) {
    struct trail *trail = &wishes->trail;
    struct sim_points points = wishes->base.point;
    const struct sim_witness witness = {trail_tell, trail};
    struct sim_run_options options_of_run = {.seed = wishes->base.seed,
                                             .until = wishes->base.until,
                                             .host = host->host,
                                             .trace = trail->events ? trail_trace : NULL,
                                             .trace_mask = WEFT_TRACE_ALL,
                                             .progress = on_progress,
                                             .ctx = trail,
                                             .points = wishes->base.fail != NULL ? &points : NULL,
                                             .witness = &witness,
                                             .where = &host->where};
    (void)weft_posix_confine();
    int rv = sim_run(plan, &options_of_run, report);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: the run could not go on: %s\n", weft_error_text(rv));
        return CLI_INTERNAL;
    }
    trail_end(trail, report);
    return fflush(trail->out) == 0 ? CLI_HOLDS : CLI_INTERNAL;
}

static int run_plan(struct wishes *wishes, const struct sim_plan *plan) {
    struct cli_words repeat = {.used = 0};
    struct cli_host host;
    cli_make_repeat(&repeat, &wishes->base);
    if (!cli_host_open(&host, &wishes->base, repeat.text)) return CLI_INTERNAL;
    struct sim_run_report *report = calloc(1, sizeof *report);
    int status = CLI_INTERNAL;
    if (report != NULL && trail_open(&wishes->trail, plan->population))
        status = run(wishes, plan, &host, report);
    trail_close(&wishes->trail);
    free(report);
    cli_host_close(&host);
    return status;
}

int cli_trail(struct cli_args args) {
    struct wishes wishes = {
        .base = {.until = WEFT_TIME_NEVER},
        .trail = {.out = stdout, .events = true, .to = WEFT_TIME_NEVER},
    };
    int status = CLI_BAD_INPUT;
    if (!cli_parse(options, args, cli_take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.base.file == NULL) {
        cli_trail_usage(stderr);
        return CLI_BAD_INPUT;
    }
    struct sim_plan *plan = cli_read_plan(&wishes.base, &status);
    if (plan == NULL) return status;
    setvbuf(stdout, NULL, _IOFBF, OUT_SIZE);
    status = run_plan(&wishes, plan);
    sim_plan_free(plan);
    return status;
}
