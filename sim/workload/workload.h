/* Workload: what the users of the mesh ask of it while it suffers.
 *
 * Each kind counts what was asked and what was done. Asked and not done because the asker or the
 * mesh was broken is for a check to judge; asked nothing at all is a hollow run and fails. */
#ifndef SIM_WORKLOAD_WORKLOAD_H
#define SIM_WORKLOAD_WORKLOAD_H

#include "sim/world/set.h"
#include "sim/world/world.h"

/* X(NAME, "key") */
#define SIM_WORKS(X)                                                                               \
    X(LOOKUP, "lookup")     /* find_node of a random target, or of a random live node's id */      \
    X(PUT, "put")           /* store an item; its key becomes known to later gets */               \
    X(GET, "get")           /* get a key that some put has stored */                               \
    X(ANNOUNCE, "announce") /* announce a port under a drawn info-hash, which becomes known */     \
    X(PEERS, "peers")       /* get_peers of an info-hash that was announced */

enum sim_work_kind {
    SIM_WORK_NONE = 0,
#define SIM_WORK_ENUM(NAME, key) SIM_WORK_##NAME,
    SIM_WORKS(SIM_WORK_ENUM)
#undef SIM_WORK_ENUM
        SIM_WORK_KIND_COUNT
};

const char *sim_work_name(enum sim_work_kind kind);

struct sim_work_spec {
    enum sim_work_kind kind;
    uint32_t line;
    weft_time at, until; /* first and last occurrence */
    weft_duration every; /* 0: once */
    uint32_t times;      /* at most this many occurrences; 0: no limit */
    uint32_t burst;      /* operations at each occurrence; 0: 1 */
    weft_duration jitter;
    struct sim_set nodes; /* who asks: one drawn among those up, for each operation */
    uint32_t size;        /* PUT: bytes of the item; 0: 64 */
    bool repeat;          /* PUT, ANNOUNCE: republish */
};

struct sim_works;

struct sim_works *sim_works_new(struct sim_world *world, const struct sim_work_spec *specs,
                                uint32_t count, const struct sim_group *groups);
void sim_works_free(struct sim_works *works);

/* To be called with every trace event: how a workload learns that an operation ended. */
void sim_works_trace(struct sim_works *works, const struct weft_trace_event *event);

/* The scenario is over: nothing more is asked. What is under way may still end. */
void sim_works_end(struct sim_works *works);

struct sim_work_count {
    uint64_t asked, done;  /* done: ended with WEFT_OK */
    uint64_t failed, lost; /* ended otherwise; asker died before it ended */
};

struct sim_work_count sim_works_count(const struct sim_works *works, uint32_t spec);

#endif
