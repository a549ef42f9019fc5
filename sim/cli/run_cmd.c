/* weft run: one scenario, one seed, one page; or many seeds, one line. */
#define _DEFAULT_SOURCE
#include "core/base/error.h"
#include "core/posix/confine.h"
#include "sim/cli/afterword.h"
#include "sim/cli/live.h"
#include "sim/cli/memory.h"
#include "sim/cli/record.h"
#include "sim/cli/top.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wishes {
    struct cli_wishes base;
    struct cli_record record;
    struct cli_afterword report;
    bool live, top;
    uint16_t live_port;
    uint64_t seeds; /* 0: one, with its page */
    bool keep_going;
};

static bool take_seeds(void *into, const char *value) {
    struct wishes *wishes = into;
    if (cli_parse_u64(value, &wishes->seeds) && wishes->seeds > 0) return true;
    fprintf(stderr, "weft: \"%s\" is no number of seeds: --seeds takes one from 1\n", value);
    return false;
}

static bool take_keep_going(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->keep_going = true;
    return true;
}

static bool take_trace(void *into, const char *value) {
    ((struct wishes *)into)->record.file = value;
    return true;
}

static bool take_trace_only(void *into, const char *value) {
    return cli_record_take_only(&((struct wishes *)into)->record, value);
}

static bool take_trace_packets(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->record.packets = true;
    return true;
}

static bool take_trace_last(void *into, const char *value) {
    weft_duration *last = &((struct wishes *)into)->record.last;
    if (cli_parse_duration(value, last) && *last > 0) return true;
    fprintf(stderr, "weft: \"%s\" is no time: --trace-last takes one such as 10s or 2m\n", value);
    return false;
}

static bool take_report(void *into, const char *value) {
    ((struct wishes *)into)->report.out = value;
    return true;
}

static bool take_live(void *into, const char *value) {
    struct wishes *wishes = into;
    uint64_t port = CLI_LIVE_PORT;
    wishes->live = value == NULL || (cli_parse_u64(value, &port) && port <= UINT16_MAX);
    if (!wishes->live)
        fprintf(stderr, "weft: \"%s\" is no port: --live=PORT takes 0 to 65535\n", value);
    wishes->live_port = (uint16_t)port;
    return wishes->live;
}

static bool take_top(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->top = true;
    return true;
}

static const struct cli_option options[] = {
    CLI_OPTION_SEED,
    {"--seeds", "N", "run so many seeds, from --seed on, up to one that fails", take_seeds},
    {"--keep-going", NULL, "with --seeds: run them all", take_keep_going},
    CLI_OPTION_UNTIL,
    {"--trace", "FILE", "write every event to FILE, for weft trace", take_trace},
    {"--trace-only", "KINDS", "of these kinds alone, such as lookup.done,packet; may be repeated",
     take_trace_only},
    {"--trace-packets", NULL, "also the bytes of every packet, which are left out otherwise",
     take_trace_packets},
    {"--trace-last", "T", "only if the run fails, and then its last T alone", take_trace_last},
    {"--report", "FILE", "when it is over, write it to FILE as a page for a browser", take_report},
    {"--live", "[=PORT]", "show the run to a browser while it goes on, at 127.0.0.1:PORT [8420]",
     take_live},
    {"--top", NULL, "show the run in the terminal while it goes on; q ends the view", take_top},
    {"--json", NULL, "print one JSON object instead of the page", cli_take_json},
    {"--fail", "POINT", "one call of a node fails, such as memory:12; weft sweep finds them",
     cli_take_fail},
    {"--threads", "N", "run on so many threads, with the same hash", cli_take_threads},
    CLI_OPTION_MODULES,
    CLI_OPTION_SET,
    {NULL, NULL, NULL, NULL},
};

void cli_run_usage(FILE *out) {
    fputs("usage: weft run FILE [options]\n\nRun the scenario of FILE and judge it, with one seed "
          "or many.\n\n",
          out);
    cli_print_options(out, options);
}

/* --- while it runs --- */

struct running {
    struct cli_progress progress;
    struct cli_record *record; /* NULL: no file */
    struct cli_feed *feed;     /* NULL: nobody looks on */
    struct sim_points points;
    bool confined;
};

#define FEED_MASK (WEFT_TRACE_ALL & ~WEFT_TRACE_BIT(WEFT_TRACE_PACKET_DATA))

static void on_trace(void *ctx, const struct weft_trace_event *event) {
    const struct running *running = ctx;
    if (running->feed != NULL && (FEED_MASK & WEFT_TRACE_BIT(event->kind))) {
        if (running->record != NULL) cli_record_event(running->record, event);
        cli_feed_event(running->feed, event);
    } else if (running->record != NULL) {
        cli_record_event(running->record, event);
    }
}

static void on_progress(void *ctx, weft_time now, weft_time stop, uint64_t events) {
    struct running *running = ctx;
    cli_progress_show(&running->progress, now, stop, events);
    if (running->feed != NULL) cli_feed_flush(running->feed);
}

static void print_report(const struct wishes *wishes, const struct cli_report *report) {
    const char *no_colour = getenv("NO_COLOR");
    bool colour = isatty(STDOUT_FILENO) == 1 && (no_colour == NULL || no_colour[0] == '\0');
    if (wishes->base.json) {
        cli_json(stdout, report);
    } else {
        cli_page(stdout, report, colour);
    }
}

/* The terminal is given back before the page is printed. */
static void end_view(const struct wishes *wishes, struct running *running, bool ended) {
    if (!wishes->top) return;
    if (ended)
        cli_feed_wait(running->feed, NULL);
    else
        cli_feed_close(running->feed);
    running->feed = NULL;
}

/* Run one seed and print its page. Returns the exit status. */
static int run_one(const struct wishes *wishes, const struct sim_plan *plan,
                   struct sim_run_options *run, const char *repeat) {
    struct running *running = run->ctx;
    struct sim_run_report *result = calloc(1, sizeof *result);
    if (result == NULL) return CLI_INTERNAL;
    cli_progress_init(&running->progress);
    if (wishes->top) running->progress.on = false;
    uint64_t started = weft_posix_wall_ns();
    int rv = sim_run(plan, run, result);
    cli_progress_clear(&running->progress);
    end_view(wishes, running, rv == WEFT_OK);
    int status = CLI_INTERNAL;
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: the run could not go on: %s\n", weft_error_text(rv));
    } else {
        struct cli_report report = {.plan = plan,
                                    .run = result,
                                    .wall_ns = weft_posix_wall_ns() - started,
                                    .peak_rss_bytes = cli_memory_peak(),
                                    .confined = running->confined,
                                    .repeat = repeat};
        print_report(wishes, &report);
        status = result->verdict == SIM_HOLDS ? CLI_HOLDS : CLI_FAILS;
    }
    free(result);
    return status;
}

/* The same text is what a panic in the midst of that seed says. */
struct repeater {
    const struct wishes *wishes;
    struct cli_words *words;
};

static const char *repeat_of(void *ctx, uint64_t seed) {
    struct repeater *repeater = ctx;
    struct cli_wishes wishes = repeater->wishes->base;
    wishes.seed = seed;
    cli_make_repeat(repeater->words, &wishes);
    return repeater->words->text;
}

static struct sim_plan *plan_of(void *ctx, uint64_t seed, int *status) {
    return cli_draw_plan(&((const struct repeater *)ctx)->wishes->base, seed, status);
}

static int run_seeds(const struct wishes *wishes, const struct sim_plan *plan,
                     struct sim_run_options *run, struct cli_words *repeat) {
    struct repeater repeater = {wishes, repeat};
    run->progress = NULL;
    struct cli_seeds seeds = {.plan = plan,
                              .plan_of = plan->has_swarm ? plan_of : NULL,
                              .options = *run,
                              .count = wishes->seeds,
                              .keep_going = wishes->keep_going,
                              .json = wishes->base.json,
                              .in_children = wishes->base.flow != NULL,
                              .repeat = repeat_of,
                              .ctx = &repeater};
    return cli_seeds(&seeds);
}

static int run_host(const struct wishes *wishes, const struct sim_plan *plan,
                    struct running *running, struct cli_words *repeat) {
    struct cli_host host;
    bool is_told = running->record != NULL || running->feed != NULL;
    if (!cli_host_open(&host, &wishes->base, repeat->text)) return CLI_INTERNAL;
    if (!cli_host_threads(&host, plan, &wishes->base)) {
        cli_host_close(&host);
        return CLI_INTERNAL;
    }
    struct sim_run_options run = {.seed = wishes->base.seed,
                                  .until = wishes->base.until,
                                  .host = host.host,
                                  .trace = is_told ? on_trace : NULL,
                                  .trace_mask = cli_record_mask(&wishes->record) |
                                                (running->feed != NULL ? FEED_MASK : 0),
                                  .repeat = repeat->text,
                                  .progress = on_progress,
                                  .ctx = running,
                                  .points = wishes->base.fail != NULL ? &running->points : NULL,
                                  .where = &host.where};
    running->points = wishes->base.point;
    bool in_children = wishes->seeds > 0 && wishes->base.flow != NULL; /* each confines itself */
    running->confined = !in_children && weft_posix_confine() == WEFT_OK;
    int status = wishes->seeds > 0 ? run_seeds(wishes, plan, &run, repeat)
                                   : run_one(wishes, plan, &run, repeat->text);
    cli_host_close(&host);
    return status;
}

/* A run in a panic has its files, too: there is most to see in them. The process that writes the
 * page needs no hurry. */
static void on_panic(void *ctx) {
    struct wishes *wishes = ctx;
    cli_record_panic(&wishes->record);
    alarm(0);
    if (wishes->report.out != NULL) (void)cli_afterword_write(&wishes->report);
}

/* The run, then its files. */
static int run_written(struct wishes *wishes, const struct sim_plan *plan, struct running *running,
                       struct cli_words *repeat) {
    cli_on_panic(on_panic, wishes);
    int status = run_host(wishes, plan, running, repeat);
    cli_on_panic(NULL, NULL);
    if (!cli_record_close(&wishes->record, status != CLI_HOLDS)) status = CLI_INTERNAL;
    if (wishes->report.out == NULL) return status;
    if (status == CLI_INTERNAL) {
        cli_afterword_cancel(&wishes->report);
        return status;
    }
    fflush(stdout);
    int written = cli_afterword_write(&wishes->report);
    return written == CLI_HOLDS ? status : written;
}

/* The run, and what is left to look at when it is over. */
static int run_shown(struct wishes *wishes, const struct sim_plan *plan, struct running *running,
                     struct cli_words *repeat) {
    int status = run_written(wishes, plan, running, repeat);
    if (running->feed == NULL) return status;
    if (status == CLI_INTERNAL) {
        cli_feed_close(running->feed);
        return status;
    }
    fflush(stdout);
    cli_feed_wait(running->feed, "weft: the report stays there until Ctrl-C");
    return status;
}

/* Whoever looks on is there before the file and the threads are. */
static bool start_beside(struct wishes *wishes, struct running *running, struct cli_feed *feed,
                         const char *head) {
    if (wishes->live || wishes->top) {
        bool started = wishes->live ? cli_live_start(feed, wishes->live_port, head)
                                    : cli_top_start(feed, head);
        if (!started) return false;
        running->feed = feed;
    }
    if (wishes->report.out == NULL) return true;
    if (!cli_afterword_start(&wishes->report, wishes->record.file)) {
        if (running->feed != NULL) cli_feed_close(running->feed);
        return false;
    }
    wishes->record.file = wishes->report.trace;
    return true;
}

static int run_plan(struct wishes *wishes, const struct sim_plan *plan) {
    struct cli_feed feed;
    struct running running = {.record = NULL};
    struct cli_words repeat = {.used = 0};
    char text[CLI_HEAD_MAX];
    cli_make_repeat(&repeat, &wishes->base);
    struct cli_record_head head = {plan, &wishes->base, repeat.text, WEFT_TRACE_ALL & ~FEED_MASK};
    cli_record_write_head(&head, text);
    if (!start_beside(wishes, &running, &feed, text)) return CLI_BAD_INPUT;
    head.without = WEFT_TRACE_ALL & ~cli_record_mask(&wishes->record);
    cli_record_write_head(&head, text);
    if (!cli_record_open(&wishes->record, text)) {
        if (wishes->report.out != NULL) cli_afterword_cancel(&wishes->report);
        if (running.feed != NULL) cli_feed_close(running.feed);
        return CLI_BAD_INPUT;
    }
    if (wishes->record.file != NULL) running.record = &wishes->record;
    return run_shown(wishes, plan, &running, &repeat);
}

/* What each option alone does not show. */
static bool fit_together(const struct wishes *wishes) {
    const char *wrong = NULL, *file = wishes->record.file, *report = wishes->report.out;
    bool traced = file != NULL || report != NULL;
    if (wishes->seeds > 0 && file != NULL) wrong = "--trace is of one seed, not with --seeds";
    if (wishes->record.only != 0 && !traced) wrong = "--trace-only goes with --trace FILE";
    if (wishes->record.packets && !traced) wrong = "--trace-packets goes with --trace FILE";
    if (wishes->record.last > 0 && file == NULL) wrong = "--trace-last goes with --trace FILE";
    if (report != NULL && wishes->record.last > 0)
        wrong = "--report is of a whole run, not with --trace-last";
    if (report != NULL && wishes->seeds > 0) wrong = "--report is of one seed, not with --seeds";
    if (report != NULL && strcmp(report, "-") == 0) wrong = "--report FILE needs a file, not \"-\"";
    if (report != NULL && file != NULL && strcmp(report, file) == 0)
        wrong = "--report and --trace name the same file";
    if (wishes->live && wishes->top) wrong = "--live and --top do not go together";
    if (wishes->seeds > 0 && wishes->top) wrong = "--top is of one seed, not with --seeds";
    if (wishes->seeds > 0 && wishes->live) wrong = "--live is of one seed, not with --seeds";
    if (wishes->seeds == 0 && wishes->keep_going) wrong = "--keep-going goes with --seeds";
    if (wishes->seeds > 0 && wishes->base.fail != NULL)
        wrong = "--fail is of one seed, not with --seeds";
    if (wishes->seeds > 0 && wishes->base.seed > UINT64_MAX - (wishes->seeds - 1))
        wrong = "--seed and --seeds reach beyond 2^64 - 1";
    if (wrong != NULL) fprintf(stderr, "weft: %s\n", wrong);
    return wrong == NULL;
}

int cli_run(struct cli_args args) {
    struct wishes wishes = {.base = {.until = WEFT_TIME_NEVER}};
    int status;
    if (!cli_parse(options, args, cli_take_file, &wishes)) return CLI_BAD_INPUT;
    if (wishes.base.file == NULL) {
        cli_run_usage(stderr);
        return CLI_BAD_INPUT;
    }
    if (!fit_together(&wishes)) return CLI_BAD_INPUT;
    struct sim_plan *plan = cli_read_plan(&wishes.base, &status);
    if (plan == NULL) return status;
    status = run_plan(&wishes, plan);
    sim_plan_free(plan);
    return status;
}
