/* Top: what a run, or daemons, are up to, as one frame of text after the other. */
#ifndef SIM_CLI_TOP_H
#define SIM_CLI_TOP_H

#include "core/env/trace.h"
#include "sim/cli/feed.h"
#include "sim/cli/screen.h"

/* X(NAME, "name"): by what nodes are sorted, the greatest first; `node` by their numbers. */
#define CLI_TOP_ORDERS(X)                                                                          \
    X(NODE, "node")                                                                                \
    X(MAILBOX, "mailbox")                                                                          \
    X(RESTARTS, "restarts")                                                                        \
    X(MEMORY, "memory")                                                                            \
    X(PROCS, "procs")                                                                              \
    X(LOOKUPS, "lookups")

enum cli_top_order {
#define CLI_TOP_ENUM(NAME, name) CLI_TOP_##NAME,
    CLI_TOP_ORDERS(CLI_TOP_ENUM)
#undef CLI_TOP_ENUM
        CLI_TOP_ORDER_COUNT
};

const char *cli_top_order_name(enum cli_top_order order);
/* False: there is none of that name. */
bool cli_top_order_of(const char *name, enum cli_top_order *out);

/* --- a run, by its events (top_run.c) --- */

struct cli_top_run;

/* `head` is that of a trace. NULL: no memory. */
struct cli_top_run *cli_top_run_new(const char *head);
void cli_top_run_free(struct cli_top_run *run);
/* Every event, in order of time. */
void cli_top_run_event(struct cli_top_run *run, const struct weft_trace_event *event);
bool cli_top_run_ended(const struct cli_top_run *run);
/* A frame: as of the last event. */
void cli_top_run_draw(const struct cli_top_run *run, enum cli_top_order order,
                      struct cli_screen *screen);

/* In a process beside a run, until it has ended and `q` is pressed. False after telling why not. */
bool cli_top_start(struct cli_feed *feed, const char *head);

/* --- daemons, by their control sockets (top_daemons.c) --- */

#define CLI_TOP_DAEMONS_MAX 256

struct cli_top_daemons;

/* Paths are borrowed. NULL: no memory. */
struct cli_top_daemons *cli_top_daemons_new(const char *const *paths, uint32_t count);
void cli_top_daemons_free(struct cli_top_daemons *daemons);
/* Ask each for its status; waits for each CLI_TOP_ANSWER_MS at the most. How many answered. */
#define CLI_TOP_ANSWER_MS 500
uint32_t cli_top_daemons_ask(struct cli_top_daemons *daemons);
void cli_top_daemons_draw(const struct cli_top_daemons *daemons, struct cli_screen *screen);

#endif
