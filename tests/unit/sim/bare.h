/* Bare machines for tests: a fabric without nodes, and a record of what its sockets told. */
#ifndef WEFT_TESTS_SIM_BARE_H
#define WEFT_TESTS_SIM_BARE_H

#include "core/base/error.h"
#include "sim/world/fabric.h"
#include "tests/harness/harness.h"

#define BARE_NODES 3
#define BARE_EVENTS_MAX 8192
#define BARE_DELAY WEFT_MS(10) /* of every link, one way */

struct bare_event {
    weft_time at;
    uint32_t node;
    enum weft_event_kind kind;
    int error;
    weft_socket socket, accepted;
    size_t size;
    uint32_t bits; /* of its bytes that are set */
    uint64_t owner;
    struct weft_addr from;
};

#define BARE_PACKETS_MAX 16
struct bare_packet {
    uint64_t number, to;
    uint32_t node;
    struct weft_addr source, target;
    unsigned char data[64];
    size_t size;
};

struct bare {
    struct sim_net_spec spec;
    struct sim_engine *engine;
    struct sim_net *net;
    struct sim_fabric *fabric;
    struct sim_nat_range nat;
    struct bare_packet packets[BARE_PACKETS_MAX]; /* of PACKET_DATA, the last of them */
    size_t packets_count;
    struct weft_trace_event lost[BARE_PACKETS_MAX]; /* of PACKET_LOST, likewise */
    size_t lost_count;
    uint32_t life[BARE_NODES];
    struct bare_event events[BARE_EVENTS_MAX];
    size_t count;
};

/* All machines are up, in life 1. */
void bare_open(struct bare *bare);
/* The same, machines 1 and 2 behind one NAT. */
void bare_open_behind(struct bare *bare, enum sim_nat_type type, bool hairpin);
/* The same as bare_open, with a model of shared bandwidth. */
void bare_open_flows(struct bare *bare, const struct sim_flow_ops *ops,
                     const struct sim_flow_plan *plan);
void bare_close(struct bare *bare);

struct weft_env *bare_env(struct bare *bare, uint32_t node);
void bare_run(struct bare *bare, weft_time until);
weft_time bare_now(const struct bare *bare);

/* Power off; and on again. */
void bare_down(struct bare *bare, uint32_t node, enum sim_fabric_end how);
void bare_up(struct bare *bare, uint32_t node);

/* Cut `node` off from the others, until the layer is taken off. */
sim_layer bare_cut(struct bare *bare, uint32_t node);

/* The `index`th event of `kind` at `node`; NULL: none. */
const struct bare_event *bare_find(const struct bare *bare, uint32_t node,
                                   enum weft_event_kind kind, size_t index);
size_t bare_count(const struct bare *bare, uint32_t node, enum weft_event_kind kind);

/* A stream from node 0 to port 80 of node 1, both ends open; takes 35 ms. */
struct bare_pair {
    weft_socket listener, client, server;
};
struct bare_pair bare_connect(struct bare *bare);

/* Start to listen on port 80 of `node`; to connect from `node` to port 80 of `to`. */
weft_socket bare_listen(struct bare *bare, uint32_t node, int backlog);
weft_socket bare_dial(struct bare *bare, uint32_t node, uint32_t to);

int64_t bare_write(struct bare *bare, uint32_t node, weft_socket socket, const void *data,
                   size_t size);
int64_t bare_read(struct bare *bare, uint32_t node, weft_socket socket, void *data, size_t size);

#endif
