/* Inside of the workload: what is known to ask for, and what was asked and has not ended. */
#ifndef SIM_WORKLOAD_INTERNAL_H
#define SIM_WORKLOAD_INTERNAL_H

#include "sim/workload/workload.h"

/* Keys that gets and peers draw from, in the order in which they became known. */
struct sim_work__keys {
    weft_id *list;
    size_t count, capacity;
};

struct sim_work__pending {
    weft_id key;
    weft_time asked_at;
    uint32_t node, spec;
    bool open;
};

/* I1  operation n (from 1) is pending[n - 1 - dropped]: ops count up, so a table needs no search.
 * I2  everything before pending[head] has ended. */
struct sim_works {
    struct sim_world *world;
    const struct sim_work_spec *specs;
    const struct sim_group *groups;
    uint32_t count;
    struct sim_work_count *counts;
    struct sim_work__keys items, hashes;
    struct sim_work__pending *pending;
    size_t head, pending_count, pending_capacity;
    uint64_t dropped;
    weft_id *ids; /* of each node's DHT, as told last */
    bool *id_known;
    uint32_t *drawn; /* room for a set */
    bool ended;
};

/* --- who (who.c) --- */

/* One of the nodes up in the spec's set; UINT32_MAX when none is. Keyed by the operation. */
uint32_t sim_work__draw_node(struct sim_works *works, uint32_t spec, uint64_t counter);

/* What draws of a workload are keyed by: apart from faults, which share some purposes. */
uint64_t sim_work__entity(uint32_t spec);

/* --- asking (ask.c) --- */

/* One operation of `spec`. Asks nothing when nobody is up, or nothing is known to ask for. */
void sim_work__ask(struct sim_works *works, uint32_t spec, uint64_t counter);

/* --- ending (follow.c) --- */

void sim_work__pending_add(struct sim_works *works, const struct sim_work__pending *pending,
                           uint64_t *op);
struct sim_work__ending {
    uint32_t node;
    uint64_t op;
    int status;
};

/* Kinds as bits: a put looks up before it stores, and only the store is its end. */
#define SIM_WORK__STORES (1u << SIM_WORK_PUT | 1u << SIM_WORK_ANNOUNCE)
#define SIM_WORK__LOOKUPS (1u << SIM_WORK_LOOKUP | 1u << SIM_WORK_GET | 1u << SIM_WORK_PEERS)

/* An operation ended, if it is one of `kinds`. A number we did not give is ignored. */
void sim_work__end(struct sim_works *works, const struct sim_work__ending *ending, unsigned kinds);
/* Everything of `node` under way is lost. */
void sim_work__lose(struct sim_works *works, uint32_t node);

/* Make room for one more of `size` bytes; a panic when memory runs out. */
void *sim_work__grow(void *array, size_t count, size_t *capacity, size_t size);
void sim_work__keys_add(struct sim_work__keys *keys, const weft_id *key);

#endif
