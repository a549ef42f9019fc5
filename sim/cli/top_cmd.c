/* weft top: a live view of a run by its trace, or of daemons by their control sockets. */
#include "analysis/trace_file.h"
#include "core/base/error.h"
#include "sim/cli/cli.h"
#include "sim/cli/top.h"

#include <string.h>

#define FRAME_MS 500
#define EVENTS_A_FRAME 500000

struct wishes {
    const char *file;
    const char *sockets[CLI_TOP_DAEMONS_MAX];
    uint32_t sockets_count;
    enum cli_top_order order;
    bool once;
    weft_time at;
};

static bool take_control(void *into, const char *value) {
    struct wishes *wishes = into;
    if (wishes->sockets_count == CLI_TOP_DAEMONS_MAX) {
        fprintf(stderr, "weft: more than %d times --control\n", CLI_TOP_DAEMONS_MAX);
        return false;
    }
    wishes->sockets[wishes->sockets_count++] = value;
    return true;
}

static bool take_order(void *into, const char *value) {
    if (cli_top_order_of(value, &((struct wishes *)into)->order)) return true;
    fprintf(stderr, "weft: no order \"%s\": --sort takes", value);
    for (unsigned i = 0; i < CLI_TOP_ORDER_COUNT; i++)
        fprintf(stderr, "%s %s", i > 0 ? "," : "", cli_top_order_name((enum cli_top_order)i));
    fputc('\n', stderr);
    return false;
}

static bool take_once(void *into, const char *value) {
    (void)value;
    ((struct wishes *)into)->once = true;
    return true;
}

static bool take_at(void *into, const char *value) {
    if (cli_parse_duration(value, &((struct wishes *)into)->at)) return true;
    fprintf(stderr, "weft: \"%s\" is no time: --at takes one such as 90s, 1.5m or 250ms\n", value);
    return false;
}

/* After --control further sockets need no option of their own. */
static bool take_file(void *into, const char *path) {
    struct wishes *wishes = into;
    if (wishes->sockets_count > 0) return take_control(into, path);
    return cli_take_trace(&wishes->file, path);
}

static const struct cli_option options[] = {
    {"--control", "SOCKET...", "of the daemons with these control sockets", take_control},
    {"--sort", "ORDER", "nodes by mailbox, restarts, memory, procs or lookups [node]", take_order},
    {"--at", "T", "of a trace: as it was at T, and not later", take_at},
    {"--once", NULL, "print one frame, and end", take_once},
    {NULL, NULL, NULL, NULL},
};

void cli_top_usage(FILE *out) {
    fputs("usage: weft top FILE [options]\n       weft top --control SOCKET... [options]\n\n"
          "Show what a run is up to, by its trace FILE while it grows, or what daemons are.\n"
          "Keys: q ends, s sorts the nodes by something else.\n\n",
          out);
    cli_print_options(out, options);
}

/* --- a run --- */

/* What has come by now, up to `at`; a bounded part of it. True: there is more to read. */
static bool read_some(struct ana_trace_reader *reader, struct cli_top_run *run, weft_time at,
                      int *status) {
    struct ana_trace_record record;
    int rv = WEFT_OK;
    ana_trace_want(reader, WEFT_TRACE_ALL, 0, at);
    for (uint32_t i = 0; i < EVENTS_A_FRAME; i++) {
        rv = ana_trace_next(reader, &record);
        if (rv != WEFT_OK) break;
        if (record.event.kind != WEFT_TRACE_KIND_COUNT) cli_top_run_event(run, &record.event);
    }
    if (rv != WEFT_OK && rv != WEFT_ERR_CLOSED) *status = CLI_INTERNAL;
    return rv == WEFT_OK;
}

static enum cli_top_order next_order(enum cli_top_order order) {
    return (enum cli_top_order)((order + 1u) % CLI_TOP_ORDER_COUNT);
}

static int follow(struct wishes *wishes, struct ana_trace_reader *reader, struct cli_top_run *run,
                  struct cli_screen *screen) {
    int status = CLI_HOLDS;
    for (int key = 0; key != 'q' && status == CLI_HOLDS;) {
        bool more = read_some(reader, run, wishes->at, &status);
        if (key == 's') wishes->order = next_order(wishes->order);
        cli_top_run_draw(run, wishes->order, screen);
        key = cli_screen_wait(screen, -1, more ? 0 : FRAME_MS);
    }
    return status;
}

static int show_run(struct wishes *wishes, struct ana_trace_reader *reader,
                    struct cli_top_run *run) {
    struct cli_screen screen;
    int status = CLI_HOLDS;
    if (!wishes->once && cli_screen_open(&screen)) {
        status = follow(wishes, reader, run, &screen);
        cli_screen_close(&screen);
        return status;
    }
    while (read_some(reader, run, wishes->at, &status)) {
    }
    cli_screen_plain(&screen);
    cli_top_run_draw(run, wishes->order, &screen);
    return status;
}

static int top_of_file(struct wishes *wishes) {
    struct ana_trace_reader *reader;
    const char *why;
    int rv = ana_trace_open(wishes->file, &reader, &why);
    if (rv != WEFT_OK) {
        fprintf(stderr, "weft: %s: %s\n", wishes->file, why);
        return rv == WEFT_ERR_NOMEM ? CLI_INTERNAL : CLI_BAD_INPUT;
    }
    struct cli_top_run *run = cli_top_run_new(ana_trace_head(reader));
    int status = run != NULL ? show_run(wishes, reader, run) : CLI_INTERNAL;
    cli_top_run_free(run);
    ana_trace_free(reader);
    return status;
}

/* --- daemons --- */

static int top_of_daemons(const struct wishes *wishes) {
    struct cli_top_daemons *daemons = cli_top_daemons_new(wishes->sockets, wishes->sockets_count);
    struct cli_screen screen;
    if (daemons == NULL) return CLI_INTERNAL;
    uint32_t answered = cli_top_daemons_ask(daemons);
    if (!wishes->once && cli_screen_open(&screen)) {
        do {
            answered = cli_top_daemons_ask(daemons);
            cli_top_daemons_draw(daemons, &screen);
        } while (cli_screen_wait(&screen, -1, 2 * FRAME_MS) != 'q');
        cli_screen_close(&screen);
    } else {
        cli_screen_plain(&screen);
        (void)cli_screen_wait(&screen, -1, FRAME_MS); /* rates are of two answers */
        answered = cli_top_daemons_ask(daemons);
        cli_top_daemons_draw(daemons, &screen);
    }
    cli_top_daemons_free(daemons);
    return answered > 0 ? CLI_HOLDS : CLI_FAILS;
}

int cli_top(struct cli_args args) {
    struct wishes wishes = {.at = WEFT_TIME_NEVER};
    if (!cli_parse(options, args, take_file, &wishes)) return CLI_BAD_INPUT;
    if ((wishes.file == NULL) == (wishes.sockets_count == 0)) {
        if (wishes.file != NULL)
            fputs("weft: a trace or --control, not both\n", stderr);
        else
            cli_top_usage(stderr);
        return CLI_BAD_INPUT;
    }
    return wishes.file != NULL ? top_of_file(&wishes) : top_of_daemons(&wishes);
}
