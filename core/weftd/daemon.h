/* The daemon: one node, its loop, its log and its control socket. */
#ifndef WEFT_WEFTD_DAEMON_H
#define WEFT_WEFTD_DAEMON_H

#include "core/base/limits.h"
#include "core/node/node.h"
#include "core/posix/loop.h"
#include "core/weftd/config.h"
#include "core/weftd/control_socket.h"

#include <stdatomic.h>

#define WATCHDOG_TICKS 10 /* in the time a handler may take */

struct daemon {
    struct weftd_config config;
    struct weft_node_config node_config;
    struct weft_node_module apps[WEFTD_APPS_MAX]; /* of the configuration */
    struct weft_app_env keys[WEFTD_APPS_MAX][WEFTD_APP_KEYS_MAX];
    struct weft_posix *posix;
    struct weft_posix_ports *ports; /* that its schedulers share; NULL: there is one */
    struct weft_node *node;
    struct control_socket *control;       /* NULL: none */
    struct schedulers *schedulers;        /* NULL: one, and no other node */
    struct recorder *recorder;            /* NULL: no trace is written */
    atomic_ullong restarts, lookups_done; /* on all schedulers, so far */
    weft_id dht_id;                       /* as the trace told */
    weft_time started;
    bool stopping;                                  /* in order: scheduler 0, then the others */
    char committed[WEFTD_APPS_MAX][WEFTD_PATH_MAX]; /* paths that go before the configured */
    char modules[WEFTD_APPS_MAX][WEFT_NAME_MAX];    /* by configured application */
    uint64_t upgrades;                              /* begun so far, releases too */
    unsigned stop_signals;                          /* seen: the second one is final */
};

/* Run until the node has ended. The program's exit code. */
int daemon_run(struct daemon *daemon);

/* The kinds of trace events that the daemon wants of each scheduler; and one of them, in whichever
 * thread. */
uint64_t daemon_trace_mask(const struct daemon *daemon);
void daemon_trace(struct daemon *daemon, const struct weft_trace_event *event);

/* Begin the orderly end. */
void daemon_stop(struct daemon *daemon);

/* Start the watchdog of this thread, which drives `node`: the daemon's own or another scheduler's
 * part of it. Who drove it stops it. */
void daemon_watch(const struct daemon *daemon, struct weft_node *node);

#endif
