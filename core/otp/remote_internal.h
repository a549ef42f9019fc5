/* Inside the remote layer: what a scheduler keeps about processes elsewhere. Nothing outside
 * core/otp includes it.
 *
 * Between two processes that do not share a scheduler each side keeps a record of its own:
 *
 *     watcher's side                      watched side
 *     struct monitor, tie in route.ties   struct far_tie, tie in the process's ties
 *     struct call, tie in route.ties      struct far_tie, likewise
 *     struct far_link, one at each end: tie[0] in the process's ties, tie[1] in route.ties
 *
 * When a process ends, its ties turn into signals. When a node is lost, the ties of its route are
 * told NOCONNECTION, and its far_ties are forgotten. */
#ifndef WEFT_OTP_REMOTE_INTERNAL_H
#define WEFT_OTP_REMOTE_INTERNAL_H

#include "core/otp/hub_internal.h"
#include "core/otp/remote.h"
#include "core/wire/signal_stream.h"

/* Another scheduler of this node, or an index of a node. */
struct route {
    struct map_node node;
    struct weft_link ties; /* struct tie: local monitors, calls and links of processes there */
    struct weft_link fars; /* struct far_tie: of processes there that wait for local ones */
    struct weft_link all;
    uint32_t place; /* raw >> PID_SCHEDULER_SHIFT of node 0; else (index << 6) */
};

/* Somebody elsewhere monitors a process here, or waits for its answer. */
struct far_tie {
    struct map_node node;  /* by place and ref */
    struct tie tie;        /* TIE_FAR, in the ties of the process */
    struct weft_link link; /* route->fars */
    struct weft_process *local;
    uint64_t far;
    uint64_t ref;
    bool of_call;
};

/* A link to a process elsewhere. link.end[0] is the local one, link.end[1] is NULL.
 * I1  not linked only while an UNLINK of ours is not acknowledged
 * I2  what comes from there before that (LINK, EXIT) was sent without knowing, and does not count
 */
struct far_link {
    struct peer_link link;
    struct map_node node; /* by both pids */
    uint64_t far;
    uint32_t unlinks; /* not acknowledged yet */
    bool linked;
};

/* One who wants to know about nodes. */
struct node_watch {
    struct tie tie;        /* TIE_WATCH, in the ties of the process */
    struct weft_link link; /* remote->watches */
    struct weft_process *proc;
    struct peer *peer;     /* NULL: any */
    struct weft_link kept; /* struct letter: a NODE_DOWN each, so that it needs no memory then */
};

/* remote_nodes.c */
/* The NODE_DOWN of `peer` is kept. False: no memory. */
bool weft_otp__watch_keep(struct node_watch *watch, const struct peer *peer);
/* Tell of `peer`. Who cannot be told ends. */
void weft_otp__watch_tell(struct node_watch *watch, const struct peer *peer, uint32_t tag);
void weft_otp__watch_free(struct weft_sched *sched, struct node_watch *watch);

/* The carrier's connection to a node. */
struct far_node {
    struct weft_link dirty; /* remote->dirty_nodes: something waits to be written */
    struct peer *peer;
    struct weft_signal_writer writer;
    struct weft_signal_reader reader;
    weft_socket socket;     /* while UP */
    bool blocked;           /* the socket said AGAIN */
    bool failed;            /* no memory, or nonsense came: to be closed */
    uint64_t written, read; /* bytes, ever: for ticks */
};

struct sibling {
    struct weft_signal_writer writer;
    struct weft_signal_reader reader;
    struct route *route;
};

struct remote {
    struct weft_sched *sched;
    struct weft_hub *hub;
    uint32_t index;
    struct map routes, fars, links;
    struct weft_link routes_all, watches, dirty_nodes;
    uint64_t dirty; /* bit k: something waits to go to sibling k */
    weft_pid dist;  /* carrier: the process that connects; NONE: none runs */
    struct sibling siblings[];
};

/* remote.c */
int weft_otp__remote_new(struct weft_sched *sched, struct weft_hub *hub, uint32_t index);
void weft_otp__remote_free(struct weft_sched *sched);
/* What came from other schedulers. */
void weft_otp__remote_receive(struct weft_sched *sched);
/* Send what waits. */
void weft_otp__remote_flush(struct weft_sched *sched);
/* Whether a run would send or find something; if not, others wake this scheduler. */
bool weft_otp__remote_busy(const struct weft_sched *sched);

/* The route to where `far` is, made when first asked for. NULL: no memory. */
struct route *weft_otp__route(struct remote *remote, uint64_t far);
/* NULL: nobody waits for anything of there. */
struct route *weft_otp__route_find(struct remote *remote, uint64_t far);
/* Till weft_otp__tie_drop. */
void weft_otp__route_tie(struct route *route, struct tie *tie, enum tie_kind kind);

/* Send a signal on its way, or act on it when it is for a process here. `must`: whatever waits
 * already. WEFT_ERR_FULL and WEFT_ERR_NOMEM only without `must`. */
int weft_otp__remote_put(struct remote *remote, const struct weft_signal *signal, bool must);

/* Whether as much as may waits for the scheduler of `to` already. */
bool weft_otp__remote_full(const struct remote *remote, uint64_t to);

/* Whether a signal to `far` can be sent: OK, NO_PROC (a place that is not, or a life that is over),
 * NO_CONNECTION (this node is alone). */
int weft_otp__remote_check(const struct remote *remote, uint64_t far);

/* remote_receive.c */
struct cause weft_otp__signal_cause(struct weft_sched *sched, const struct weft_signal *signal);
/* Its text points into `cause`. */
void weft_otp__signal_reason(struct weft_signal *signal, const struct cause *cause);
void weft_otp__far_tie_free(struct remote *remote, struct far_tie *tie);
void weft_otp__far_tie_down(struct remote *remote, struct far_tie *tie, const struct cause *cause);
void weft_otp__far_tie_answered(struct remote *remote, uint64_t far, uint64_t ref);
/* What came from elsewhere goes on to another scheduler; when too much waits for that one, a
 * message is dropped and a call answered FULL, as they would be by a mailbox at its bound. */
void weft_otp__remote_forward(struct remote *remote, const struct weft_signal *signal);
/* A signal for a process, or for the runtime, of this scheduler. */
void weft_otp__remote_act(struct remote *remote, const struct weft_signal *signal);
/* Tell the sender that there is no such process, or no connection. */
void weft_otp__remote_bounce(struct remote *remote, const struct weft_signal *signal,
                             enum weft_reason_kind why);

/* remote_node.c */
void weft_otp__remote_to_node(struct remote *remote, const struct weft_signal *signal, bool must);
/* A node is lost: told to those here who wait for something of it. */
void weft_otp__remote_lost(struct remote *remote, uint32_t index);
void weft_otp__act_node_cut(struct remote *remote, const struct weft_signal *signal);
void weft_otp__remote_watchers(struct remote *remote, struct peer *peer, uint32_t tag,
                               bool named_only);
void weft_otp__remote_flush_nodes(struct remote *remote);
void weft_otp__node_free(struct remote *remote, struct far_node *far);

/* call.c: ask somebody elsewhere; `signal` lacks from and ref. WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_otp__far_ask(weft_self *self, struct weft_signal *signal, weft_duration timeout,
                      weft_ref *ref);
/* remote_api.c: where a node's scheduler is. WEFT_ERR_INVAL, NO_CONNECTION, FULL, NOMEM */
int weft_otp__far_place(weft_self *self, const char *node, uint32_t scheduler, uint64_t *to);

/* remote_spawn.c */
void weft_otp__act_spawn(struct remote *remote, const struct weft_signal *signal);
void weft_otp__act_spawn_reply(struct remote *remote, const struct weft_signal *signal);

/* remote_link.c */
struct far_link *weft_otp__far_link_new(struct remote *remote, struct weft_process *local,
                                        uint64_t far, uint32_t tag);
struct far_link *weft_otp__far_link_find(const struct remote *remote, weft_pid local, uint64_t far);
void weft_otp__far_link_free(struct remote *remote, struct far_link *link);
void weft_otp__far_link_down(struct remote *remote, struct far_link *link,
                             const struct cause *cause);
/* The other end is gone: as an exit signal. The node is lost: likewise, or just forgotten. */
void weft_otp__far_link_exit(struct remote *remote, struct far_link *link, struct cause cause);
void weft_otp__far_link_lost(struct remote *remote, struct far_link *link, struct cause cause);
void weft_otp__act_link(struct remote *remote, const struct weft_signal *signal);
void weft_otp__act_unlink(struct remote *remote, const struct weft_signal *signal);
void weft_otp__act_unlink_ack(struct remote *remote, const struct weft_signal *signal);
void weft_otp__act_exit_link(struct remote *remote, const struct weft_signal *signal);

/* --- what dist.c does to the carrier --- */

/* This process connects from now on. EXISTS */
int weft_otp__dist_begin(weft_self *self);
struct far_node *weft_otp__dist_node(weft_self *self, struct peer *peer);
/* A handshake is done: `socket` carries signals of the life `creation` of `peer`. FULL, NOMEM */
int weft_otp__dist_up(weft_self *self, struct peer *peer, uint32_t creation, weft_socket socket);
/* The connection is over, or never came to be. */
void weft_otp__dist_down(weft_self *self, struct peer *peer);
/* Bytes came. Errors as weft_signal_reader_feed. */
int weft_otp__dist_feed(weft_self *self, struct peer *peer, struct weft_bytes bytes);
/* There is room again. */
void weft_otp__dist_writable(weft_self *self, struct peer *peer);
/* Send one that keeps the connection alive. */
void weft_otp__dist_tick(weft_self *self, struct peer *peer);
/* The process that connects has ended: so have its connections. */
void weft_otp__dist_ended(struct remote *remote);

/* Tags of what the runtime tells that process. */
#define DIST_CONNECT UINT32_C(0xffffff10)    /* data: struct peer * */
#define DIST_DISCONNECT UINT32_C(0xffffff11) /* likewise */

#endif
