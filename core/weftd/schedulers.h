/* The other schedulers of the daemon's node, each in a thread, and what it shares with other nodes.
 */
#ifndef WEFT_WEFTD_SCHEDULERS_H
#define WEFT_WEFTD_SCHEDULERS_H

#include "core/weftd/daemon.h"

struct schedulers;

/* Before the daemon's node is started: its hub, when it needs one, and the parts of `node_config`
 * that are about it. *out NULL: nothing is needed. False after a complaint in the log. */
bool schedulers_open(struct daemon *daemon, struct schedulers **out);

/* After it: start the others. False after a complaint. */
bool schedulers_start(struct schedulers *all);

/* Stop them in order: when scheduler 0 has ended. From the daemon's thread, any number of times. */
void schedulers_stop(struct schedulers *all);

/* They have all ended, whether told to or not; NULL has. */
bool schedulers_ended(const struct schedulers *all);

/* One of them ended without being told to: *why tells what with. */
bool schedulers_gave_up(const struct schedulers *all, struct weft_reason *why);

/* One of them cannot wait for events any more, and what is on it is stuck: nobody should wait for
 * it either. */
bool schedulers_failed(const struct schedulers *all);

/* After the daemon's node is freed. NULL is ignored. */
void schedulers_close(struct schedulers *all);

#endif
