/* Live: the report of a run while it goes on, for a browser on this machine. */
#ifndef SIM_CLI_LIVE_H
#define SIM_CLI_LIVE_H

#include "sim/cli/feed.h"

#include <stdint.h>

#define CLI_LIVE_PORT 8420

/* Serve on 127.0.0.1:port (0: any that is free) in a process of its own, and say where on stderr.
 * `head` is that of the run's trace. False after telling why not. */
bool cli_live_start(struct cli_feed *feed, uint16_t port, const char *head);

#endif
