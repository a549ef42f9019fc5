/* Parts of a run: who comes up when and knows whom; what the verdict says. */
#ifndef SIM_SCENARIO_RUN_PARTS_H
#define SIM_SCENARIO_RUN_PARTS_H

#include "sim/scenario/run.h"

#define SIM_RUN_DHT_PORT 6881

/* --- boot (boot.c) --- */

/* A node's configuration when no other node's is equal to it. */
struct sim_run__own;

struct sim_run__boot {
    const struct sim_plan *plan;
    uint64_t seed;
    uint32_t seeds; /* nodes that come up at time 0 */
    uint32_t *group_of;
    struct sim_run__own **own;  /* by node; NULL until it needs one */
    struct weft_dht_book *book; /* of all nodes */
    struct weft_addr seed_addr[WEFT_DHT_BOOTSTRAP_MAX];
    struct weft_dht_service_config dht[SIM_GROUPS_MAX];
    struct weft_node_config node[SIM_GROUPS_MAX];
    struct weft_dist_config dist[SIM_GROUPS_MAX];
    char (*names)[WEFT_NODE_NAME_MAX]; /* of nodes with `dist`, in order */
    const char **names_of;             /* the same, as a list */
};

/* WEFT_ERR_NOMEM. `plan` is borrowed; deinit also after an error. */
int sim_run__boot_init(struct sim_run__boot *boot, const struct sim_plan *plan, uint64_t seed);
/* All nodes take each record from the env, keep none and share none: so that each is a point. */
void sim_run__boot_plainly(struct sim_run__boot *boot);
void sim_run__boot_deinit(struct sim_run__boot *boot);

/* When a node first comes up. */
weft_time sim_run__boot_at(const struct sim_run__boot *boot, uint32_t node);

/* Valid until the node's next boot. NULL: out of memory. */
const struct weft_node_config *sim_run__boot_config(struct sim_run__boot *boot, uint32_t node);

/* --- liveness (liveness.c) --- */

struct sim_run__liveness {
    const struct sim_plan *plan; /* the first four are given */
    struct sim_world *world;
    struct sim_faults *faults;
    struct sim_checks *of_all; /* of all nodes; they yield to `checks` */
    bool *core;                /* by node; NULL: the plan has no liveness */
    uint32_t count;
    struct sim_check_spec specs[SIM_CHECKS_MAX];
    uint32_t specs_count;
    struct sim_checks *checks; /* of the core; they want the same events; NULL: none */
    bool over, noted;
    uint32_t down, first_down; /* when noted */
};

/* Before anything runs. WEFT_ERR_NOMEM; deinit also after an error. */
int sim_run__liveness_init(struct sim_run__liveness *live, const struct sim_check_setup *setup);
/* When the faults are freed. */
void sim_run__liveness_deinit(struct sim_run__liveness *live);
/* The scenario is over. */
void sim_run__liveness_stopping(struct sim_run__liveness *live, weft_time now);
void sim_run__liveness_report(const struct sim_run__liveness *live,
                              struct sim_liveness_report *report);

/* --- claims (claims.c) --- */

/* How often the plan's claim of that index bit so far. */
uint64_t sim_run__claim_bites(const struct sim_plan *plan, uint32_t index, struct sim_world *world,
                              const struct sim_faults *faults);

/* --- what the trace is told beside events (tell.c) --- */

/* I1  next, nodes_next: NEVER when nobody wants such samples. */
struct sim_run__teller {
    const struct sim_run_options *options; /* these two are given */
    struct sim_world *world;
    weft_duration every, nodes_every;
    weft_time next, nodes_next;
};

/* How often RUN_SAMPLE and NODE_SAMPLE are told in a run up to `stop`: each second; 100 times if it
 * is short; less often, in steps of 1, 2, 5, 10 and so on, if that would be more than 20 million
 * looks at a node, or more than a million NODE_SAMPLE. NODE_SAMPLE's is a multiple of the other. */
weft_duration sim_run__sample_every(weft_time stop, uint32_t nodes);
weft_duration sim_run__node_sample_every(weft_time stop, uint32_t nodes);

void sim_run__tell_init(struct sim_run__teller *teller, weft_time stop);
/* When the next sample is due; NEVER: none is wanted. */
weft_time sim_run__sample_at(const struct sim_run__teller *teller);
/* Tell what is due by now. All events up to now have happened, none after it. */
void sim_run__sample(struct sim_run__teller *teller);

void sim_run__tell_failed(const struct sim_run__teller *teller, uint32_t check,
                          const struct sim_check_failure *failure);
/* The run is over, and judged. */
void sim_run__tell_page(const struct sim_run__teller *teller, const struct sim_plan *plan,
                        const struct sim_run_report *report);

/* --- verdict (verdict.c) --- */

/* Add a reason and fail the report. Beyond SIM_REASONS_MAX they are only counted as failing. */
void sim_run__reason(struct sim_run_report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Judge the counts of a filled report; `end` is when the run was stopped: what was not due by then
 * is not missed. */
void sim_run__judge(const struct sim_plan *plan, weft_time end, struct sim_run_report *report);

#endif
