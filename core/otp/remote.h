/* Processes elsewhere: on other schedulers of this node, and on other nodes.
 *
 * A pid tells where its process is, and every function of core/otp/process.h takes any pid. What
 * differs when it is elsewhere:
 *
 *   - signals travel; those of one process to another arrive in the order sent, if at all
 *   - weft_send says FULL when WEFT_OUTBOX_MAX bytes wait for that place, and NO_PROC only when it
 *     is known (a node's earlier life); a dead process, or a mailbox at its bound, drops the
 *     message there (counted in `dropped` of the scheduler there)
 *   - weft_call is answered FULL by its REPLY when the mailbox there is at its bound, NO_CONNECTION
 *     when the node is or gets lost
 *   - WEFT_OUTBOX_MAX holds for what passes through a scheduler on its way to another, too: there a
 *     message is dropped and a call answered FULL. Replies and exit signals always go; a node that
 *     does not read them is disconnected when four times that and two messages wait
 *   - a lost node ends links with an EXIT and monitors with a DOWN, reason NOCONNECTION; what was
 *     on its way is not sent again
 *   - weft_alive says whether its scheduler, or a connection to its node, is there
 *   - weft_register takes processes of this scheduler only (WEFT_ERR_INVAL); names are unique in
 * the node, and weft_whereis finds those of every scheduler
 *
 * Follows https://www.erlang.org/doc/reference_manual/distributed.html. Nodes are connected when
 * first something is sent to them. There is no memory to come back from: a scheduler without
 * memory for an EXIT, DOWN or REPLY to another scheduler is a panic; to another node, it drops the
 * connection. */
#ifndef WEFT_OTP_REMOTE_H
#define WEFT_OTP_REMOTE_H

#include "core/otp/hub.h"
#include "core/otp/process.h"

/* This process's scheduler, and how many its node has. */
uint32_t weft_self_scheduler(const weft_self *self);
uint32_t weft_self_schedulers(const weft_self *self);

/* This node's name; "" when it has none. Lives as long as the node. */
const char *weft_self_node(const weft_self *self);

/* The name of `pid`'s node, this one's included; NULL: a pid of nowhere. */
const char *weft_node_of(const weft_self *self, weft_pid pid);

/* --- by name, elsewhere. `node` NULL or the own name: this node, any scheduler --- */

/* As weft_send to whoever is registered as `name` at `node`; nobody there: dropped there.
 *   WEFT_ERR_INVAL      `node` or `name` is none
 *   WEFT_ERR_NOT_FOUND  this node, and nobody has the name
 *   WEFT_ERR_NO_CONNECTION  this node has no name, and so talks to no other
 *   WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_send_at(weft_self *self, const char *node, const char *name, uint32_t tag,
                 struct weft_bytes data);

struct weft_call_at {
    const char *node, *name;
    uint32_t tag;
    struct weft_bytes data;
    weft_duration timeout;
};

/* As weft_call; REPLY has WEFT_ERR_NO_PROC when nobody has the name. Errors as weft_send_at. */
int weft_call_at(weft_self *self, const struct weft_call_at *call, weft_ref *ref);

/* As weft_monitor; DOWN is of the pid that had the name, or WEFT_PID_NONE with NOPROC. */
int weft_monitor_at(weft_self *self, const char *node, const char *name, weft_ref *ref);

/* --- starting elsewhere (erlang:spawn_request) --- */

struct weft_spawn_at {
    const char *node;      /* NULL: this one */
    uint32_t scheduler;    /* of that node */
    const char *behaviour; /* by its name; one that is offered there (weft_sched_config), or that
                              of a module loaded there, in its current version */
    struct weft_bytes arg; /* copied */
    const char *name;      /* to register; NULL: none */
    bool link;             /* atomically with the start */
    uint32_t tag;          /* of the EXIT that tells its end */
    uint32_t mailbox_max;
    size_t memory_max;
    weft_duration timeout;
};

/* One REPLY comes: WEFT_OK with the new pid (weft_spawned_pid), WEFT_ERR_NOT_FOUND when no such
 * behaviour is offered there, else what weft_spawn would have returned there, or as weft_call.
 * After a timeout nothing tells whether it was started; a linked one ends with NOPROC then.
 *   WEFT_ERR_INVAL (a name or the scheduler), WEFT_ERR_TOO_BIG, WEFT_ERR_NO_CONNECTION,
 *   WEFT_ERR_FULL, WEFT_ERR_NOMEM */
int weft_spawn_at(weft_self *self, const struct weft_spawn_at *spawn, weft_ref *ref);

/* The pid in the REPLY of weft_spawn_at; NONE unless its status is WEFT_OK. */
weft_pid weft_spawned_pid(const struct weft_msg *reply);

/* --- nodes --- */

/* Messages about nodes: CASTs from WEFT_PID_NONE, the data is the name of the node, no NUL. */
#define WEFT_TAG_NODE_UP UINT32_C(0xffffff01)
#define WEFT_TAG_NODE_DOWN UINT32_C(0xffffff02)

/* Tell this process when `node` (NULL: any) is connected and lost, or no more. Idempotent
 * (net_kernel:monitor_nodes; erlang:monitor_node: a node named here that is not connected is
 * tried, and a NODE_DOWN comes when that fails). What a NODE_DOWN takes is kept from when the node
 * came up, so that it is told without memory. A process without the memory for a NODE_UP, or for
 * a second NODE_DOWN of a node that it names and that did not come up meanwhile, ends with LIMIT.
 *   WEFT_ERR_INVAL, WEFT_ERR_NO_CONNECTION (this node has no name), WEFT_ERR_FULL, WEFT_ERR_NOMEM
 */
int weft_monitor_node(weft_self *self, const char *node, bool on);

/* Whether `node` is connected now. */
bool weft_node_connected(const weft_self *self, const char *node);

/* Call `fn` for every connected node; *name lives as long as the node. */
void weft_nodes_each(const weft_self *self, void (*fn)(void *ctx, const char *name), void *ctx);

/* End the connection, if there is one: everyone hears NODE_DOWN. */
void weft_node_disconnect(weft_self *self, const char *node);

/* --- pids in data: the numbers of nodes differ from node to node --- */

#define WEFT_PID_PACKED_MAX (16 + WEFT_NODE_NAME_MAX)

/* Write `pid` so that any node can read it; how many bytes, 0 for a pid of nowhere. */
size_t weft_pid_pack(const weft_self *self, weft_pid pid, unsigned char out[WEFT_PID_PACKED_MAX]);

/* Read what weft_pid_pack wrote.
 *   WEFT_ERR_MALFORMED, WEFT_ERR_FULL (WEFT_NODES_MAX), WEFT_ERR_NOMEM */
int weft_pid_unpack(weft_self *self, struct weft_bytes packed, weft_pid *pid);

#endif
