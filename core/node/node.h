/* Node: the composition root. Builds the supervision tree from {env, config} and is driven.
 *
 *     root (one_for_one)
 *     |-- dht       service process around the Kademlia machine, when configured
 *     |-- control   what scenarios, the admin socket and tests talk to
 *     `-- application  the application controller, when there are applications; each of them has a
 *                      tree of its own below it
 *
 * A node owns no thread and never waits:
 *
 *     weft_node_deliver(node, &event);          something happened outside
 *     more = weft_node_run(node);               run what is runnable, fire due timers
 *     at = weft_node_next_at(node);             when to run again at the latest
 *
 * The daemon drives one with epoll and the machine's clock, the simulator a million with an event
 * queue. */
#ifndef WEFT_NODE_NODE_H
#define WEFT_NODE_NODE_H

#include "core/dht/service.h"
#include "core/otp/application.h"
#include "core/otp/dist.h"
#include "core/otp/sched.h"
#include "core/otp/supervisor.h"

struct weft_node;
struct weft_node_reply;

struct weft_node_module {
    const char *path; /* of a shared object: core/otp/module.h */
    enum weft_restart type;
    bool load_only;
    const struct weft_app_env *env; /* as in struct weft_app_spec */
    size_t env_count;
};

/* Borrowed for as long as the node lives, so that many nodes can share one. */
struct weft_node_config {
    const struct weft_dht_service_config *dht; /* NULL: no DHT */
    /* Loaded, then started in order with the node, which fails to start if one of them does. */
    const struct weft_app_spec *apps;
    size_t apps_count;
    /* Modules, loaded before the rest; an application that one brings is started as `type` says,
     * after `apps`, or only loaded. */
    const struct weft_node_module *modules;
    size_t modules_count;
    bool apps_later; /* run the application controller also when there are none yet */
    /* Several schedulers, or other nodes to talk to: see core/otp/hub.h. A struct weft_node is then
     * the part of the node on one scheduler, with an env of its own. The DHT, the control process
     * and `dist` are on scheduler 0, and applications that do not say `each`
     * (core/otp/application.h). `apps` and `modules` are given to every part.
     *
     * Scheduler 0 is started first, and told to stop first, so that its applications end in order
     * what they have on the others. When it has ended the others are told to stop, while it is
     * still driven: what they have to say to one another goes on until all have ended. One that
     * ends without being told to takes the node with it, in the same order. */
    struct weft_hub *hub;                /* NULL: one scheduler, alone */
    uint32_t scheduler;                  /* which of them this is */
    const struct weft_dist_config *dist; /* NULL: no other nodes; needs a hub with a name */
    const struct weft_child_spec *each;  /* children on every scheduler; no names, as a name is */
    size_t each_count;                   /* one process's of the whole node */
    const struct weft_behaviour *const *offers; /* what weft_spawn_at may start here */
    size_t offers_count;
    bool plain_memory;         /* as in weft_sched_config */
    uint32_t intensity;        /* of the root: restarts ... [10] */
    weft_duration period;      /* ... within this [10 s] */
    weft_duration handler_max; /* as in weft_sched_config; 0: for ever */
    /* Answers to weft_node_ask; called while the node runs; must not call into the node. NULL:
     * answers are dropped (the trace tells them too). */
    void (*reply)(void *ctx, const struct weft_node_reply *reply);
    void *ctx;
};

/* Build and start. On error *why says which child and why; else it means nothing.
 *   WEFT_ERR_NOMEM, WEFT_ERR_INVAL, or what the child's init returned (WEFT_ERR_IN_USE: the port)
 */
int weft_node_new(struct weft_env *env, const struct weft_node_config *config,
                  struct weft_node **out, struct weft_reason *why);

/* Whatever still runs ends without terminate. For an orderly end: weft_node_stop, drive until
 * weft_node_ended, then free. */
void weft_node_free(struct weft_node *node);

void weft_node_deliver(struct weft_node *node, const struct weft_event *event);

/* Something happens to the node very soon: bring into the cache what that will read. Called for
 * step 0, 1 ... up to WEFT_NODE_FETCH_STEPS - 1, at some 100 ns from each other: what one brings
 * tells where the next one looks. Changes nothing; for a driver of many nodes. */
#define WEFT_NODE_FETCH_STEPS 6
void weft_node_fetch(const struct weft_node *node, unsigned step);

/* A bounded amount of work; true when there is more to do at once. */
bool weft_node_run(struct weft_node *node);

weft_time weft_node_next_at(const struct weft_node *node);

/* Shut the tree down in order: children in reverse, each within its time. */
void weft_node_stop(struct weft_node *node);

/* The root has ended: after weft_node_stop, or because it gave up (then *why is not clean). */
bool weft_node_ended(const struct weft_node *node, struct weft_reason *why);

struct weft_sched *weft_node_sched(struct weft_node *node);

enum weft_node_ask_kind {
    WEFT_NODE_FIND_NODES = 1, /* target */
    WEFT_NODE_GET_PEERS,      /* target */
    WEFT_NODE_ANNOUNCE,       /* target, port, repeat */
    WEFT_NODE_GET,            /* target */
    WEFT_NODE_PUT,            /* data: bencoded value; repeat */
    WEFT_NODE_WITHDRAW,       /* target */
    WEFT_NODE_ADD,            /* addr */
    WEFT_NODE_DHT_STATS,
    WEFT_NODE_DHT_TABLE,
    WEFT_NODE_APP_START, /* data: its name; app_type. What it depends on starts first */
    WEFT_NODE_APP_STOP,  /* data: its name */
    WEFT_NODE_SUP_WHICH, /* data: the registered name of a supervisor, or target_pid */
    WEFT_NODE_SUP_COUNT
};

struct weft_node_ask {
    enum weft_node_ask_kind kind;
    uint64_t op; /* comes back in the reply, and stands in the trace; unique, top bit clear */
    weft_id target;
    struct weft_addr addr;
    uint16_t port;
    bool repeat;
    struct weft_bytes data; /* copied */
    enum weft_restart app_type;
    weft_pid target_pid;
};

/* Borrowed for the call. data is that of core/dht/service.h's answer to the same request; of
 * core/otp/application.h's and core/otp/supervisor.h's. */
struct weft_node_reply {
    enum weft_node_ask_kind kind;
    uint64_t op;
    int status; /* as the service's; WEFT_ERR_NOT_FOUND also when the node has no DHT
                   or the name is nobody's,
                   WEFT_ERR_NO_PROC when the DHT process is dead or died meanwhile,
                   WEFT_ERR_FULL (too many asks at once), WEFT_ERR_NOMEM, WEFT_ERR_TIMEOUT,
                   WEFT_ERR_CLOSED (the node is stopping) */
    struct weft_bytes data;
};

/* Ask the node something. One reply follows while the node runs, whatever happens, but for one
 * thing: a fault of the control process itself takes the asks it had with it.
 *   WEFT_ERR_NO_PROC (the control process is being restarted), WEFT_ERR_FULL, WEFT_ERR_NOMEM,
 *   WEFT_ERR_TOO_BIG: no reply follows */
int weft_node_ask(struct weft_node *node, const struct weft_node_ask *ask);

#endif
