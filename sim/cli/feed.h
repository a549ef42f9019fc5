/* Feed: the events of a run, handed to a process beside it, which shows them. The run is confined
 * and goes on whatever becomes of that process; that one ends when the run's is gone. */
#ifndef SIM_CLI_FEED_H
#define SIM_CLI_FEED_H

#include "core/env/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CLI_FEED_BUFFER 65536u

/* --- the run's side --- */

struct cli_feed {
    int fd;
    pid_t child;
    unsigned char *buffer;
    size_t used;
    bool gone; /* nobody reads any more */
};

/* Start a process that calls child(ctx, fd) and ends with what that returns: `fd` is where it reads
 * what follows. To be called before there are threads. False after telling why not. */
bool cli_feed_start(struct cli_feed *feed, int (*child)(void *ctx, int fd), void *ctx);
/* Waits when the other process is far behind. */
void cli_feed_event(struct cli_feed *feed, const struct weft_trace_event *event);
void cli_feed_flush(struct cli_feed *feed);
/* No event follows. Wait until the other process has ended, or somebody presses Ctrl-C or sends
 * SIGTERM; then it is told to end. `words` (or
 * NULL) are said on stderr meanwhile. */
void cli_feed_wait(struct cli_feed *feed, const char *words);
/* The run could not go on: the other process ends, too. */
void cli_feed_close(struct cli_feed *feed);

/* --- the other side --- */

struct cli_feed_reader {
    int fd;
    unsigned char *buffer;
    size_t start, used, room;
    bool ended; /* the run's process is gone */
};

/* Read what has come by now, at most a buffer full, and call fn(ctx, event) for each event; their
 * bytes are borrowed for the call. False: no memory. Sets `ended` where nothing more can come. */
bool cli_feed_read(struct cli_feed_reader *reader,
                   void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx);
/* The same for so many ms, or until the run's process is gone. */
bool cli_feed_read_all(struct cli_feed_reader *reader,
                       void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx,
                       int ms);
void cli_feed_reader_free(struct cli_feed_reader *reader);

#endif
