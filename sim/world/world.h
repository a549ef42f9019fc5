/* World: simulated nodes. Gives each an env of virtual time, modelled network and simulated disk;
 * boots, stops, crashes, kills, pauses and restarts node i; runs the event queue.
 *
 * Node i lives at 10.a.b.c and fd00::a:b.c, where a.b.c is i + 1: any node finds any other by
 * address, without a table. Behind a NAT it is at an address of 192.168.0.0/16, and the NAT outside
 * at the 10.a.b.c of the first node behind it; those of the others are nobody's.
 *
 * Virtual time is what a node's monotonic clock shows, unless it drifts (sim_world_clock_change):
 * then "true time" is the virtual one.
 *
 * Handlers take no virtual time. So that a node that always has something to run cannot stop the
 * clock for everybody, it runs at most SIM_WORLD_TURNS_MAX times at one instant and goes on
 * SIM_WORLD_TICK later. */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include "core/node/node.h"
#include "sim/disk/disk.h"
#include "sim/engine/engine.h"
#include "sim/net/flow.h"
#include "sim/net/nat.h"
#include "sim/net/net.h"
#include "sim/world/order.h"

#define SIM_WORLD_TURNS_MAX 64
#define SIM_WORLD_TICK WEFT_US(1)
/* A node with several schedulers: each of them is stepped on its own, a drawn number of messages,
 * up to this, at a time, and goes on with what is left a drawn time up to SIM_WORLD_TICK later.
 * Those that have something to do at one instant take turns in drawn order. */
#define SIM_WORLD_STEP_MAX 32u
/* What one sends to another is seen after a drawn time below the first; one in SIM_CROSSING_RARE,
 * as if the machine had other things to do, below the second. */
#define SIM_CROSSING_USUAL WEFT_US(3)
#define SIM_CROSSING_RARE 32u
#define SIM_CROSSING_LATE WEFT_MS(1)
#define SIM_WORLD_DIST_PORT 4370      /* where nodes talk to each other */
#define SIM_WORLD_NODES_MAX 16777215u /* what 10.0.0.0/8 holds */

struct sim_world;
struct sim_points; /* sim/world/points.h */

/* What a world needs of the machine it runs on: given by the program, since only it may know
 * core/posix. */
struct sim_host {
    const struct weft_guard_ops *guard;
    const struct weft_loader_ops *loader; /* NULL: nothing can be loaded */
    struct weft_env *loader_env;          /* what they are called with; NULL: the node's env */
    const struct sim_flow_ops *flow;      /* open; NULL: no model of bandwidth */
    const struct sim_team *team;          /* NULL: one thread */
};

/* Payloads of `least` bytes or more go through host.flow: sim/world/flows.h. */
struct sim_flow_plan {
    struct sim_flow_setup setup;
    uint32_t least;
};

/* Threads that work together. */
struct sim_team {
    uint32_t count; /* 2 .. SIM_LANES_MAX */
    /* Call fn(arg, 0) .. fn(arg, count - 1), each on a thread of its own, always the same for one
     * index; come back when all have. Nodes run under the host's guard on each of them. */
    void (*run)(void *ctx, void (*fn)(void *arg, uint32_t index), void *arg);
    void (*rest)(void *ctx); /* one of them waits for another: for a moment */
    void *ctx;
};

/* Nodes [first, first + count) are behind NATs of one kind, `nodes` behind each (the last may have
 * fewer). */
#define SIM_NAT_NODES_MAX 250
struct sim_nat_range {
    uint32_t first, count, nodes;
    struct sim_nat_spec spec;
};

/* With a team the world's nodes run on all its threads, in windows of time shorter than the least
 * delay of the network, which is > 0 then (sim_net_least): the same run, event by event, and what
 * is traced comes in the same order. Not for a network that has queues (SIM_ELEMENT_RATE, HOLD, in
 * rules or layers), NATs, nodes that move, modules, or points. */
struct sim_world_config {
    uint64_t seed;
    uint32_t nodes;
    const struct sim_nat_range *nats; /* borrowed; ascending, apart */
    uint32_t nats_count;
    const struct sim_flow_plan *flow; /* borrowed; NULL: links alone */
    const struct sim_net_spec *net;   /* borrowed */
    const uint32_t *group_of;         /* borrowed; NULL: all in group 0 */
    struct sim_host host;
    const struct sim_order_spec *order; /* of every node's processes; borrowed; NULL: FIFO */
    /* The node's configuration at boot, and its DHT's. Called at every boot; the answer is
     * borrowed until the node is down. */
    const struct weft_node_config *(*config_of)(void *ctx, uint32_t node, uint32_t life);
    /* How many schedulers it has, 1 .. WEFT_SCHEDULERS_MAX; NULL: 1 each. A configuration names no
     * hub: a node that has several schedulers or `dist` is given one, and with `dist` the name
     * sim_world_node_name. */
    uint32_t (*schedulers_of)(void *ctx, uint32_t node);
    /* How many bytes it may hold, from each boot on; 0, or NULL: no limit. */
    size_t (*memory_of)(void *ctx, uint32_t node);
    /* Every trace event, with `at` in virtual time. */
    void (*trace)(void *ctx, const struct weft_trace_event *event);
    /* Answers to weft_node_ask are in the trace; nothing else is told. */
    void *ctx;
    uint64_t trace_mask;
    struct sim_points *points; /* borrowed; NULL: none are counted */
};

/* NULL when out of memory. */
struct sim_world *sim_world_new(const struct sim_world_config *config);
void sim_world_free(struct sim_world *world);

struct sim_engine *sim_world_engine(struct sim_world *world);
struct sim_net *sim_world_net(struct sim_world *world);
uint32_t sim_world_nodes(const struct sim_world *world);

/* The endpoint of a node that has not moved and is behind no NAT: 10.x.y.z or fd00::, `port`. And
 * back, whatever happened: whose it is now, seen from outside every NAT; UINT32_MAX: nobody's. */
struct weft_addr sim_world_addr(uint32_t node, enum weft_family family, uint16_t port);
uint32_t sim_world_node_at(const struct sim_world *world, const struct weft_addr *addr);

/* Its name for other nodes: "nI@10.a.b.c:4370". */
void sim_world_node_name(uint32_t node, char name[WEFT_NODE_NAME_MAX]);

/* --- the life of a node. Each traces NODE_UP or NODE_DOWN. --- */

enum sim_node_state { SIM_NODE_DOWN = 0, SIM_NODE_UP, SIM_NODE_PAUSED, SIM_NODE_STOPPING };

enum sim_node_state sim_world_state(const struct sim_world *world, uint32_t node);
uint32_t sim_world_life(const struct sim_world *world, uint32_t node); /* boots so far */
/* What is on its scheduler 0; NULL when down. */
struct weft_node *sim_world_node(struct sim_world *world, uint32_t node);

/* Start a node that is down. Its disk is as its last life left it. What weft_node_new returns
 * (then a LOG says why, and a NODE_DOWN follows the NODE_UP), or WEFT_ERR_NOMEM; when the node ends
 * by itself later (its root gave up), that is a NODE_DOWN that is not clean. */
int sim_world_boot(struct sim_world *world, uint32_t node);

/* Ask the tree to shut down in order; NODE_LEFT with what leaked and NODE_DOWN (clean) follow. A
 * node that is paused is resumed first; one that is down or stopping is left alone. */
void sim_world_stop(struct sim_world *world, uint32_t node);

/* Loss of power: gone at once; unsynced writes are lost; peers learn it from silence, and a stream
 * is reset when the peer sends to the node's next life. Returns whether it changed anything. */
bool sim_world_crash(struct sim_world *world, uint32_t node);

/* As crash, but of what was not synced is left what `unsynced` says: TORN by draws of the node and
 * its life; WIPED: the next life has an empty disk. */
bool sim_world_cut_power(struct sim_world *world, uint32_t node, enum sim_unsynced unsynced);

/* Another, empty disk in place of a node's: of one that runs, after cut_power. Returns whether it
 * changed anything. */
bool sim_world_wipe(struct sim_world *world, uint32_t node);

/* Killed by its system: as crash, but the disk keeps everything written and streams are reset. */
bool sim_world_kill(struct sim_world *world, uint32_t node);

/* As SIGSTOP and SIGCONT: the node does not run and its timers are late; what arrives meanwhile
 * waits (datagrams up to a socket buffer's worth, the rest is lost). */
bool sim_world_pause(struct sim_world *world, uint32_t node);
bool sim_world_resume(struct sim_world *world, uint32_t node);

/* How many pauses of the node have put something off so far, the one that is on counted: something
 * arrived, a timer or a job was due, and had to wait until it went on, or was lost with the node.
 */
uint32_t sim_world_pauses_felt(struct sim_world *world, uint32_t node);

/* A node that is up and not paused has no time before `until`: it makes a call that does not return
 * sooner. It does not run, what it has sent since leaves then, and what arrives waits as for a
 * paused node. A time that is not after now ends what was so. */
void sim_world_busy(struct sim_world *world, uint32_t node, weft_time until);

/* The disk of a node, up or down. NULL when out of memory. */
struct sim_disk *sim_world_disk(struct sim_world *world, uint32_t node);

/* --- its place in the network --- */

/* Another address, in the same network; the node is not told. What is on its way to the old one is
 * lost. Sockets that are bound to no address send from the new one; streams keep the old one, and
 * nothing of theirs passes any more. False when out of memory. */
bool sim_world_move(struct sim_world *world, uint32_t node);
/* Packets so far from a new address of the node, and from or to an old one. */
uint64_t sim_world_move_bites(const struct sim_world *world, uint32_t node);

/* The NAT in front of a node, by its number; UINT32_MAX: none. */
uint32_t sim_world_nat(const struct sim_world *world, uint32_t node);
/* As when a router is restarted: sim_nat_rebind. */
void sim_world_rebind(struct sim_world *world, uint32_t nat);
uint64_t sim_world_nat_bites(const struct sim_world *world, uint32_t nat);
/* Packets that the NAT was given so far, from either side. */
uint64_t sim_world_nat_packets(const struct sim_world *world, uint32_t nat);

/* Streams of a node that are open. Reset: at both ends, as by somebody between them. Forgotten: at
 * this end, FAILED with TIMEOUT and nothing sent, so that the other end is half-open (RFC 9293,
 * 3.5.1): it learns it from the reset that answers what it sends. Returns how many. */
uint32_t sim_world_reset_streams(struct sim_world *world, uint32_t node);
uint32_t sim_world_forget_streams(struct sim_world *world, uint32_t node);

/* --- clocks --- */

struct sim_clock_change; /* sim/world/clock.h */

/* Change the clocks of a node, whatever its state: timers of one that is up move with them. Undone
 * by the negation. */
void sim_world_clock_change(struct sim_world *world, uint32_t node,
                            const struct sim_clock_change *change);

/* How often the node has read a wall clock that was off, and timers were due at another time than
 * the true one, in all its lives. */
struct sim_clock_use {
    uint64_t wall_reads, timers_moved;
};

struct sim_clock_use sim_world_clock_use(const struct sim_world *world, uint32_t node);

/* --- memory --- */

struct sim_memory {
    size_t bytes;     /* that the node holds; 0: it is down */
    uint64_t refused; /* allocations, by its limit, in this life */
    size_t limit;     /* 0: none */
};

struct sim_memory sim_world_memory(const struct sim_world *world, uint32_t node);
/* A node that is up may hold no more than this while it lives; 0: no limit. */
void sim_world_limit_memory(struct sim_world *world, uint32_t node, size_t bytes_max);

/* What a node has to carry now, over all its schedulers. */
struct sim_load {
    uint64_t procs, mailbox; /* processes; messages that wait in their mailboxes */
    uint64_t timers, bytes;  /* bytes: what it holds and what holds it */
};

/* False: it is down. */
bool sim_world_load(struct sim_world *world, uint32_t node, struct sim_load *load);

/* --- acting on nodes --- */

/* Send messages of SIM_FLOOD_TAG to a process until its mailbox takes no more. WEFT_ERR_FULL: one
 * was refused or dropped, or the process ended by it; WEFT_ERR_NO_PROC, WEFT_ERR_NOMEM, or WEFT_OK
 * when there is no end to it. */
#define SIM_FLOOD_TAG UINT32_C(0xfffffe0f)
int sim_world_flood(struct sim_world *world, uint32_t node, weft_pid pid);

/* Ask a node that is up. WEFT_ERR_NO_PROC when it is not. */
int sim_world_ask(struct sim_world *world, uint32_t node, const struct weft_node_ask *ask);

/* End the registered process `name` inside a node as by a failed assert in its handler.
 *   WEFT_ERR_NO_PROC (node down), WEFT_ERR_NOT_FOUND (no such name now) */
int sim_world_poison(struct sim_world *world, uint32_t node, const char *name);

/* Load the module at `path` into a node that is up, unless it is, on each scheduler, and begin
 * `upgrade` with the module and version that it is (whatever `upgrade` says of these). *module is
 * its name, which lives as long as it is loaded. What one scheduler refuses is undone on all, and
 * what one rolls back all do. WEFT_ERR_NO_PROC (node down), and the errors of weft_code_load and
 * weft_code_upgrade, which a LOG tells. */
struct weft_code_upgrade;
int sim_world_upgrade(struct sim_world *world, uint32_t node, const char *path,
                      const struct weft_code_upgrade *upgrade, const char **module);

/* weft_code_status over all schedulers of a node that is up: sums, and ROLLED_BACK when one of them
 * is. Each decides by itself whether to roll back. */
struct weft_code_status;
int sim_world_code_status(struct sim_world *world, uint32_t node, const char *module,
                          struct weft_code_status *out);

/* Plant any fault of weft_sched_plant in a process of a node. Errors as these. */
int sim_world_plant(struct sim_world *world, uint32_t node, weft_pid pid,
                    const struct weft_planted *planted);

/* Send the exit signal KILL to a process of a node. WEFT_ERR_NO_PROC (node down) */
int sim_world_kill_process(struct sim_world *world, uint32_t node, weft_pid pid);

/* Told of every process that ends, in any node, after the trace was (PROC_EXIT): how a fault learns
 * that it bit. At most one; must not act on the world, but may write to the trace. */
void sim_world_on_exit(struct sim_world *world,
                       void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx);

/* Call fn(ctx, arg) at a virtual time: how faults, workloads and checks act. Not before now. `arg`
 * goes into the run's hash, so it is no pointer. WEFT_ERR_NOMEM */
int sim_world_at(struct sim_world *world, weft_time at, void (*fn)(void *ctx, uint64_t arg),
                 void *ctx, uint64_t arg);

/* The same as sim_world_at(world, at, fn, ctx, node), for what acts on that node only, and reads
 * nothing that other nodes or the scenario change: with a team it is done on the node's thread. */
int sim_world_at_node(struct sim_world *world, weft_time at, void (*fn)(void *ctx, uint64_t node),
                      void *ctx, uint32_t node);

/* Write an event that belongs to the scenario or to `node` to the trace. */
void sim_world_trace(struct sim_world *world, uint32_t node, enum weft_trace_kind kind,
                     const uint64_t *numbers, size_t count, struct weft_bytes bytes);

/* --- running --- */

/* Run events up to `until` (inclusive), at most `events_max` of them (0: no limit). True when time
 * `until` was reached. */
bool sim_world_run(struct sim_world *world, weft_time until, uint64_t events_max);

/* Payloads that went through a model of bandwidth: so far, at most under way at once, and whether
 * those were so many that the model gets slow, more than a third of its hosts. */
struct sim_flows_stats {
    uint64_t begun;
    uint32_t peak;
    bool crowded;
};

/* What an event of the engine is, such as "wake" or "packet". */
const char *sim_world_event_name(uint32_t kind);

struct sim_world_stats {
    struct sim_flows_stats flows;
    uint64_t events, packets_sent, packets_received, packets_lost, stream_bytes;
    uint32_t up, down, paused;
    uint64_t boots;
};

void sim_world_stats(const struct sim_world *world, struct sim_world_stats *stats);

/* Memory of all nodes that are up: what they hold and what holds them. A look at every node. */
size_t sim_world_node_bytes(const struct sim_world *world);

#endif
