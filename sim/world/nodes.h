/* Inside the world: its nodes. Private to sim/world. */
#ifndef SIM_WORLD_NODES_H
#define SIM_WORLD_NODES_H

#include "core/base/assert.h"
#include "sim/engine/lanes.h"
#include "sim/world/internal.h"

/* Kinds of engine events beside the fabric's. */
enum sim_world_kind {
    SIM_EVENT_WAKE = SIM_FABRIC_KINDS, /* entity: node; arg: scheduler */
    SIM_EVENT_CALL,                    /* data: struct sim_call; arg: the caller's */
    SIM_EVENT_CROSSING                 /* entity: node; arg: life << 16 | from << 8 | to */
};

struct sim_call {
    void (*fn)(void *ctx, uint64_t arg);
    void *ctx;
};

/* What happened to a node, as it is folded into the run's hash. */
enum sim_happening {
    SIM_HAPPENED_BOOT = 1,
    SIM_HAPPENED_DOWN,
    SIM_HAPPENED_STOP,
    SIM_HAPPENED_PAUSE,
    SIM_HAPPENED_RESUME,
    SIM_HAPPENED_ASK,
    SIM_HAPPENED_POISON,
    SIM_HAPPENED_UPGRADE,
    SIM_HAPPENED_CLOCK,
    SIM_HAPPENED_BUSY,
    SIM_HAPPENED_WIPE,
    SIM_HAPPENED_MOVE,
    SIM_HAPPENED_REBIND,
    SIM_HAPPENED_RESET,
    SIM_HAPPENED_FORGET,
    SIM_HAPPENED_SLOW,
    SIM_HAPPENED_LIMIT,
    SIM_HAPPENED_FLOOD
};

/* A scheduler of a node, with what runs on it.
 * I1  wake != 0  if and only if  an event SIM_EVENT_WAKE is queued, at wake_at */
struct sim_world_part {
    struct weft_node *node;
    sim_handle wake;
    weft_time wake_at;
};

/* What a node has that has several schedulers, or talks to others: for one life. */
struct sim_world_hub {
    struct sim_world *world;
    struct weft_env *env;
    struct weft_hub *hub;
    uint32_t node, count;
    uint64_t ended;                       /* bit k: the root of scheduler k has */
    bool gave_up;                         /* one of them ended without being told to */
    struct weft_reason why;               /* of that one */
    uint64_t turns, crossings, upgrades;  /* so far */
    uint64_t on_way[WEFT_SCHEDULERS_MAX]; /* [from] bit k: something is on its way to k */
    struct weft_node_config config[WEFT_SCHEDULERS_MAX];
    struct sim_world_part parts[WEFT_SCHEDULERS_MAX]; /* from 1 on */
};

/* I2  first.node != NULL  if and only if  state != DOWN
 * I3  a node that is DOWN or PAUSED has no wake
 * I4  hub NULL: one scheduler, alone */
struct sim_world_node {
    struct sim_world_part first; /* scheduler 0 */
    struct sim_world_hub *hub;
    uint32_t life;
    uint8_t state; /* enum sim_node_state */
};

/* What a lane traced in a window, until all have come to its end. */
struct sim_world_log {
    struct sim_world_record {
        struct sim_mark mark;
        struct weft_trace_event event; /* bytes.data: NULL while they may move */
        size_t offset;                 /* of its bytes */
    } * records;
    size_t count, max, next;
    unsigned char *bytes;
    size_t size, bytes_max;
};

/* One for a run; or one for each lane and, over them, the scenario's, which has no nodes. */
struct sim_world {
    struct sim_world_config config;
    struct sim_engine *engine;
    struct sim_net *net;
    struct sim_fabric *fabric;
    struct sim_world_node *nodes;
    struct sim_slow **slow; /* by node: what makes it slow; NULL: none ever was */
    uint32_t *felt;         /* by node: pauses that put something off; NULL: none ever was */
    void (*on_exit)(void *ctx, const struct weft_trace_event *event);
    void *on_exit_ctx;
    uint32_t count[SIM_NODE_STOPPING + 1]; /* nodes by state */
    uint64_t boots;
    uint32_t told;            /* node that something was delivered to; UINT32_MAX: none */
    uint64_t told_parts;      /* bit k: to its scheduler k */
    struct sim_world **lanes; /* of the scenario's; NULL: there are none */
    struct sim_world *home;   /* of a lane: the scenario's */
    weft_duration lookahead;
    bool window;            /* lanes run: what they trace waits in their logs */
    uint64_t window_events; /* of the last one */
    struct sim_world_log log;
};

struct sim_world_node *sim_world__node(struct sim_world *world, uint32_t node);

/* The world in which a node lives: whoever acts on a node from outside begins with that. */
static inline struct sim_world *sim_world__of(struct sim_world *world, uint32_t node) {
    WEFT_ASSERT(node < world->config.nodes);
    return world->lanes == NULL ? world : world->lanes[sim_engine_lane_of(world->engine, node)];
}

/* --- lanes.c --- */

/* Make a lane for each thread of the team. False: out of memory; sim_world_free takes them away. */
bool sim_world__make_lanes(struct sim_world *world);
void sim_world__free_lanes(struct sim_world *world);
bool sim_world__run_lanes(struct sim_world *world, weft_time until, uint64_t events_max);
/* sim_world_node_bytes, on all threads of the team. */
size_t sim_world__bytes_on_lanes(const struct sim_world *world);
/* Of a lane: now, or when the window is over. */
void sim_world__log(struct sim_world *lane, const struct weft_trace_event *event);

/* --- world.c --- */

void sim_world__act(struct sim_world *world, const struct sim_event *event);
/* Tell the scenario. */
void sim_world__trace(struct sim_world *world, const struct weft_trace_event *event);
void sim_world__deliver(void *ctx, uint32_t node, const struct weft_event *event);

void sim_world__set_state(struct sim_world *world, uint32_t node, enum sim_node_state state);
void sim_world__fold(struct sim_world *world, enum sim_happening what, uint32_t node,
                     uint64_t detail);

/* sim_world_node_bytes, of the nodes first .. end - 1. */
size_t sim_world__bytes_between(const struct sim_world *world, uint32_t first, uint32_t end);

/* Scheduler `part` of the node, which it has. */
struct sim_world_part *sim_world__part(struct sim_world *world, uint32_t node, uint32_t part);
uint32_t sim_world__parts(const struct sim_world *world, uint32_t node);

/* When it next wants to run, in true time. */
weft_time sim_world__next_at(struct sim_world *world, uint32_t node, uint32_t part);

/* Wake scheduler `part` of the node at `at` at the latest. */
void sim_world__wake(struct sim_world *world, uint32_t node, uint32_t part, weft_time at);
/* Of all its schedulers. */
void sim_world__wake_cancel(struct sim_world *world, uint32_t node);

/* Run what is runnable on those schedulers of a node that is up; it may be down afterwards. */
void sim_world__run_parts(struct sim_world *world, uint32_t node, uint64_t parts);
#define SIM_WORLD__ALL_PARTS UINT64_MAX

/* --- slow.c --- */

static inline bool sim_world__is_slow(const struct sim_world *world, uint32_t node) {
    return world->slow != NULL && world->slow[node] != NULL;
}

/* One message of scheduler `part`, which takes its time. True: there is more to do at once. */
bool sim_world__run_slowly(struct sim_world *world, uint32_t node, uint32_t part);
void sim_world__slow_free(struct sim_world *world);

/* --- life.c --- */

/* The node's root, or every one of its schedulers, has ended. */
void sim_world__ended(struct sim_world *world, uint32_t node, const struct weft_reason *why);

/* --- hub.c: nodes with several schedulers, and those that talk to others --- */

/* Start node `node` in `env` as `config` says, on each of its schedulers. Errors as
 * weft_node_new. */
int sim_world__start(struct sim_world *world, uint32_t node, struct weft_env *env,
                     const struct weft_node_config *config, struct weft_reason *why);
/* Free what runs; `stats`, when given, are of all schedulers together. */
void sim_world__free_node(struct sim_world *world, uint32_t node, struct weft_sched_stats *stats);
/* Tell the node to end in order. */
void sim_world__stop_node(struct sim_world *world, uint32_t node);
/* A bounded number of messages on one scheduler of several. */
void sim_world__run_one(struct sim_world *world, uint32_t node, uint32_t part);
/* The event SIM_EVENT_CROSSING. */
void sim_world__crossing(struct sim_world *world, uint32_t node, uint64_t arg);

#endif
