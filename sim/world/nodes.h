/* Inside the world: its nodes. Private to sim/world. */
#ifndef SIM_WORLD_NODES_H
#define SIM_WORLD_NODES_H

#include "sim/world/internal.h"

/* Kinds of engine events beside the fabric's. */
enum sim_world_kind {
    SIM_EVENT_WAKE = SIM_FABRIC_KINDS, /* entity: node */
    SIM_EVENT_CALL                     /* data: struct sim_call; arg: the caller's */
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
    SIM_HAPPENED_UPGRADE
};

/* I1  node != NULL  if and only if  state != DOWN
 * I2  wake != 0  if and only if  an event SIM_EVENT_WAKE is queued, at wake_at
 * I3  a node that is DOWN or PAUSED has no wake */
struct sim_world_node {
    struct weft_node *node;
    sim_handle wake;
    weft_time wake_at;
    uint32_t life;
    uint8_t state; /* enum sim_node_state */
};

struct sim_world {
    struct sim_world_config config;
    struct sim_engine *engine;
    struct sim_net *net;
    struct sim_fabric *fabric;
    struct sim_world_node *nodes;
    void (*on_exit)(void *ctx, const struct weft_trace_event *event);
    void *on_exit_ctx;
    uint32_t count[SIM_NODE_STOPPING + 1]; /* nodes by state */
    uint64_t boots;
    uint32_t told; /* node that something was delivered to; UINT32_MAX: none */
};

struct sim_world_node *sim_world__node(struct sim_world *world, uint32_t node);
void sim_world__set_state(struct sim_world *world, uint32_t node, enum sim_node_state state);
void sim_world__fold(struct sim_world *world, enum sim_happening what, uint32_t node,
                     uint64_t detail);

/* Wake the node at `at` at the latest. */
void sim_world__wake(struct sim_world *world, uint32_t node, weft_time at);
void sim_world__wake_cancel(struct sim_world *world, uint32_t node);

/* Run what is runnable in a node that is up; it may be down afterwards. */
void sim_world__run_node(struct sim_world *world, uint32_t node);

/* life.c: the node's root has ended. */
void sim_world__ended(struct sim_world *world, uint32_t node, const struct weft_reason *why);

#endif
