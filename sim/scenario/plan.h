/* Plan: a scenario file, read and validated. docs/scenarios.md is its reference.
 *
 *     name: first-partition
 *     about: Half the network loses the other half for thirty seconds.
 *     population: 1000
 *     groups:                         # optional; the rest is group "rest"
 *       leaf: {count: 5%, join: chain}
 *     join: {over: 10s, from: seeds, seeds: 3}
 *     dht: {k: 8, alpha: 3}
 *     apps: [{module: kv.so}]         # optional; beside the scenario
 *     schedulers: 4                   # of a node; optional
 *     dist: {connect: all}            # optional; nodes talk to each other
 *     network:
 *       delay: {lognormal: {median: 40ms, sigma: 0.5}}
 *       loss: 1%
 *       links:
 *         - {from: leaf, to: any, delay: 200ms, loss: 10%}
 *     workload:
 *       - put: {every: 200ms, from: 15s}
 *       - get: {every: 100ms, from: 20s}
 *     faults:
 *       - partition: {at: 30s, for: 30s, sides: [50%, 50%]}
 *       - crash: {at: 40s, every: 1s, until: 60s, nodes: 2, for: 10s}
 *     checks:
 *       - stored_found: {within: 20s}
 *       - no_leak
 *     liveness: {at: 80s, core: 60%, within: 30s} # optional; faults stop, a core converges
 *     stop: 120s
 *
 * With `swarm:` values are drawn by the seed (sim/scenario/swarm.h).
 *
 * Every mistake is one line "file:line:column: what is wrong, what was expected", with the nearest
 * valid key where a key is unknown. All mistakes of a file are reported, not only the first.
 * Nothing is silently ignored. */
#ifndef SIM_SCENARIO_PLAN_H
#define SIM_SCENARIO_PLAN_H

#include "sim/check/check.h"
#include "sim/fault/fault.h"
#include "sim/net/net.h"
#include "sim/workload/workload.h"
#include "sim/world/set.h"

#define SIM_FAULTS_MAX 64
#define SIM_WORKLOADS_MAX 32
#define SIM_CHECKS_MAX 16
#define SIM_POPULATION_MAX 10000000u

/* Whom a node knows when it first comes up. */
enum sim_join_from {
    SIM_JOIN_SEEDS = 0, /* the first `seeds` nodes of the population, which come up at time 0 */
    SIM_JOIN_RANDOM,    /* `contacts` nodes with a smaller number, drawn */
    SIM_JOIN_CHAIN      /* only the node before it: degree one */
};

struct sim_join {
    weft_duration over; /* nodes come up spread over this, each at a drawn time */
    weft_time at;       /* the first may come up then */
    enum sim_join_from from;
    uint32_t seeds;    /* SEEDS [3] */
    uint32_t contacts; /* SEEDS, RANDOM: how many each knows [3] */
};

/* Bytes of a payload that is a flow, unless the scenario says other. */
#define SIM_FLOWS_FROM 4096

#define SIM_APPS_MAX 8    /* of a group */
#define SIM_TEXTS_MAX 256 /* paths of a scenario, and what its apps' env say */
#define SIM_ENV_MAX 16    /* keys of an app's env */

struct sim_apps {
    struct weft_node_module modules[SIM_APPS_MAX];
    uint32_t count;
};

/* Whether nodes talk to each other by core/otp/remote.h, as "nI@10.a.b.c:4370". */
struct sim_dist {
    bool on;
    char cookie[64];  /* nodes with another one do not talk to this one */
    uint32_t connect; /* from the start, to the first so many nodes that are on; UINT32_MAX: all */
    weft_duration tick; /* 0: that of core/otp/dist.h */
};

/* How far the clocks of each node are off from the start, drawn between minus this and this. */
struct sim_clocks {
    weft_duration offset; /* of the wall clock */
    int64_t drift_ppm;    /* of both */
};

#define SIM_SAMPLES_MAX 16 /* files of samples */

/* What the seed drew: the value of a path of the file, or a fault by its name. */
struct sim_draw {
    char *name, *value; /* of a fault its keys; "off": it is not there */
    bool is_fault;
};

/* A fault of the swarm, on or off. */
struct sim_swarm_fault {
    enum sim_fault_kind kind;
    uint32_t line;
};

#define SIM_DRAWS_MAX 512

/* At `at` faults stop and a core is healed: it has to converge within `within`, whatever the others
 * are. See sim_faults_heal_core. */
struct sim_liveness {
    bool on;
    uint32_t line;
    weft_time at;
    weft_duration within;
    struct sim_set core;
};

/* What the file writes that has to show beside its faults as such: a part of a link, what becomes
 * of unsynced writes, clocks that are off, NATs. One that changed nothing in a whole run is dead.
 * No claim is a network's delay, nor what says that nothing is to happen (0 %, an MTU that is
 * none): but it is one of a fault, unless a step takes back by it what was before. */
enum sim_claim_kind {
    SIM_CLAIM_LINK = 1, /* bit: packets that it changed */
    SIM_CLAIM_UNSYNCED, /* losses of power that found something not synced */
    SIM_CLAIM_OFFSET,   /* reads of a wall clock that was off */
    SIM_CLAIM_DRIFT,    /* timers that were due at another time */
    SIM_CLAIM_NAT       /* packets that went to, or came from, what is behind it */
};

#define SIM_CLAIM_NAME_MAX 64
#define SIM_LINK_PARTS 9 /* that a link can have */
#define SIM_CLAIMS_MAX                                                                             \
    ((SIM_RULES_MAX + SIM_FAULTS_MAX * (1 + SIM_STEPS_MAX)) * SIM_LINK_PARTS + SIM_FAULTS_MAX +    \
     SIM_GROUPS_MAX + 2)

struct sim_claim {
    enum sim_claim_kind kind;
    uint32_t line;
    uint32_t fault;                /* 1 + whose part it is; 0: it holds from the start */
    uint32_t nats;                 /* NAT: which of the plan's */
    char name[SIM_CLAIM_NAME_MAX]; /* its keys, within the fault or the file: "schedule.1.loss" */
};

struct sim_plan {
    char *texts[SIM_TEXTS_MAX]; /* paths of modules; what is in env */
    uint32_t texts_count;
    struct sim_apps apps_of[SIM_GROUPS_MAX];
    char *name, *about;
    char *file;      /* as given */
    uint64_t digest; /* of the scenario's bytes, of every --set and of the matrix */
    uint32_t population;
    uint32_t groups_count;
    struct sim_group groups[SIM_GROUPS_MAX]; /* the last is "rest" (may be empty) */
    struct sim_join join_of[SIM_GROUPS_MAX]; /* by group */
    struct weft_dht_config dht_of[SIM_GROUPS_MAX];
    uint32_t schedulers_of[SIM_GROUPS_MAX];
    uint32_t memory_of[SIM_GROUPS_MAX]; /* bytes that each of its nodes may hold; 0: no limit */
    struct sim_dist dist_of[SIM_GROUPS_MAX];
    uint8_t region_of[SIM_GROUPS_MAX];         /* SIM_REGION_DRAWN, or which of net.regions */
    struct sim_nat_range nats[SIM_GROUPS_MAX]; /* of groups that are behind some, ascending */
    uint32_t nats_count;
    struct sim_clocks clocks;
    struct sim_domains domains; /* regions 0: those of the network, if any */
    bool dht_on;
    bool v6;                     /* nodes speak IPv6 instead of IPv4 */
    bool save_table;             /* nodes keep their routing table on disk */
    struct sim_order_spec order; /* in which processes take turns */
    struct sim_net_spec net;
    struct sim_samples *samples[SIM_SAMPLES_MAX];
    uint32_t samples_count;
    struct sim_flow_plan flow; /* platform NULL: links alone; else a path and a word of `texts` */
    struct sim_work_spec works[SIM_WORKLOADS_MAX];
    uint32_t works_count;
    struct sim_fault_spec faults[SIM_FAULTS_MAX];
    uint32_t faults_count;
    struct sim_check_spec checks[SIM_CHECKS_MAX];
    uint32_t checks_count;
    struct sim_claim *claims; /* the claim of a chain's element is 1 + its index here */
    uint32_t claims_count, claims_max;
    struct sim_liveness liveness;
    bool has_swarm; /* another seed is another plan */
    struct sim_draw draws[SIM_DRAWS_MAX];
    uint32_t draws_count;
    struct sim_swarm_fault swarm[SIM_FAULTS_MAX]; /* spec.swarm of faults is 1 + their index here */
    uint32_t swarm_count;
    char *plain;    /* the file without swarm, as drawn; only when wanted */
    weft_time stop; /* the run ends; nodes are then stopped in order */
    uint64_t seed;  /* of the file; 1 when it names none */
};

struct sim_plan_report {
    void (*mistake)(void *ctx, const char *line); /* for each; without a newline */
    void *ctx;
    /* Where modules are looked for that are not beside the scenario, in this order. */
    const char *const *folders;
    uint32_t folders_count;
};

/* Overrides from the command line, "population=500" or "faults.0.at=5s": any scalar of the file by
 * its path of keys and indices; the key must be one the scenario language knows. */
struct sim_plan_sets {
    const char *const *sets;
    uint32_t count;
    /* What swarm draws by, and nothing else is looked at. NULL: the seed of the file, after the
     * ends of its ranges, its choices and some seeds have been found without mistake. */
    const uint64_t *seed;
    bool plain; /* plan->plain is wanted */
};

/* Read, override, validate. *out only when there was no mistake.
 *   WEFT_ERR_NOT_FOUND, WEFT_ERR_IO  the file (also reported as a mistake)
 *   WEFT_ERR_MALFORMED               one or more mistakes were reported
 *   WEFT_ERR_NOMEM */
int sim_plan_read(const char *path, const struct sim_plan_sets *sets,
                  const struct sim_plan_report *report, struct sim_plan **out);

/* The same from memory; `path` is what messages name. For tests and the fuzzer. Files the
 * scenario names (region matrices) are looked for beside `path`. */
int sim_plan_parse(const char *path, struct weft_bytes text, const struct sim_plan_sets *sets,
                   const struct sim_plan_report *report, struct sim_plan **out);

void sim_plan_free(struct sim_plan *plan);

/* Why the plan runs on one thread only; NULL: it runs on several as well, and is the same run. */
const char *sim_plan_alone(const struct sim_plan *plan);

#endif
