/* A run in a test: events by hand, one check that judges them. */
#ifndef TESTS_SIM_CHECK_EVENTS_H
#define TESTS_SIM_CHECK_EVENTS_H

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/env/trace.h"
#include "sim/check/check.h"
#include "sim/fault/fault.h"
#include "tests/harness/harness.h"

#define RUN_NODES 64

struct run {
    struct sim_checks *checks;
    weft_time now;
    uint32_t k; /* of every DHT */
};

/* An id whose first byte is `first` and whose others are 0. */
static inline weft_id id_of(unsigned char first) {
    weft_id id = {{first}};
    return id;
}

static inline struct run run_of(struct sim_check_spec spec, uint32_t k) {
    struct sim_check_setup setup = {
        .nodes = RUN_NODES, .item_lifetime = WEFT_HOUR(2), .peer_lifetime = WEFT_HOUR(1)};
    return (struct run){.checks = sim_checks_new(&spec, 1, &setup), .k = k};
}

/* Nodes 0 to 3 are the core, healed at 100 s, 30 s to converge. */
static inline struct run run_of_core(struct sim_check_spec spec, uint32_t k) {
    static const bool core[RUN_NODES] = {true, true, true, true};
    struct sim_check_setup setup = {.nodes = RUN_NODES,
                                    .item_lifetime = WEFT_HOUR(2),
                                    .peer_lifetime = WEFT_HOUR(1),
                                    .core = core,
                                    .core_at = WEFT_S(100),
                                    .core_within = WEFT_S(30)};
    return (struct run){.checks = sim_checks_new(&spec, 1, &setup), .k = k};
}

static inline void tell(struct run *run, uint32_t node, struct weft_trace_event event) {
    event.at = run->now;
    event.node = node;
    sim_checks_trace(run->checks, &event);
}

/* A node comes up, its DHT too, and knows `contacts` others; with contacts > 0 it has joined. */
static inline void up_as(struct run *run, uint32_t node, weft_id id, uint64_t contacts) {
    struct weft_bytes bytes = weft_bytes(id.bytes, WEFT_ID_SIZE);
    tell(run, node, (struct weft_trace_event){.kind = WEFT_TRACE_NODE_UP, .number = {1}});
    tell(run, node,
         (struct weft_trace_event){
             .kind = WEFT_TRACE_DHT_UP, .number = {0, 0, run->k}, .bytes = bytes});
    tell(run, node,
         (struct weft_trace_event){.kind = WEFT_TRACE_DHT_TABLE, .number = {contacts, 0, 1}});
}

/* Node n with id n, joined. */
static inline void up(struct run *run, uint32_t node) {
    up_as(run, node, id_of((unsigned char)node), 1);
}

static inline void down(struct run *run, uint32_t node, enum weft_node_down_cause cause) {
    tell(run, node,
         (struct weft_trace_event){.kind = WEFT_TRACE_NODE_DOWN,
                                   .number = {1, cause == WEFT_NODE_STOPPED, cause}});
}

static inline void fault(struct run *run, enum weft_trace_kind kind, enum sim_fault_kind fault) {
    tell(run, WEFT_TRACE_NODE_NONE, (struct weft_trace_event){.kind = kind, .number = {0, fault}});
}

static inline void look_up(struct run *run, uint32_t node, uint64_t op, uint64_t kind,
                           weft_id target) {
    tell(run, node,
         (struct weft_trace_event){.kind = WEFT_TRACE_LOOKUP_START,
                                   .number = {op, kind},
                                   .bytes = weft_bytes(target.bytes, WEFT_ID_SIZE)});
}

/* What a lookup ended with; `ids` are the target and those found. */
struct found {
    uint64_t op, kind, values;
    int status;
    weft_duration took;
    weft_id ids[10];
    size_t count;
};

static inline void end_look_up(struct run *run, uint32_t node, struct found found) {
    struct weft_trace_event event = {.kind = WEFT_TRACE_LOOKUP_DONE,
                                     .number = {found.op, found.kind,
                                                (uint64_t)(int64_t)found.status, found.values, 0, 0,
                                                0, (uint64_t)found.took},
                                     .bytes = weft_bytes(found.ids, found.count * WEFT_ID_SIZE)};
    tell(run, node, event);
}

static inline void stored(struct run *run, uint32_t node, enum weft_store_kind kind, weft_id key) {
    tell(run, node,
         (struct weft_trace_event){.kind = WEFT_TRACE_STORE_DONE,
                                   .number = {99, kind, WEFT_OK, 8, 0},
                                   .bytes = weft_bytes(key.bytes, WEFT_ID_SIZE)});
}

/* Ends the run and tells how it went. */
static inline struct sim_check_result result_of(struct run *run) {
    struct sim_check_result result;
    sim_checks_finish(run->checks, run->now);
    sim_checks_result(run->checks, 0, &result);
    sim_checks_free(run->checks);
    run->checks = NULL;
    return result;
}

#define CHECK_RESULT(result_, evaluated_, failed_, holds_)                                         \
    do {                                                                                           \
        struct sim_check_result seen_ = (result_);                                                 \
        CHECK_EQ_UINT(seen_.evaluated, (evaluated_));                                              \
        CHECK_EQ_UINT(seen_.failed, (failed_));                                                    \
        CHECK_EQ_INT(seen_.holds, (holds_));                                                       \
    } while (0)

#endif
