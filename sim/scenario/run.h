/* Run: one plan, one seed, one verdict. */
#ifndef SIM_SCENARIO_RUN_H
#define SIM_SCENARIO_RUN_H

#include "sim/scenario/plan.h"

/* Where a run is: for whoever reports a panic in the midst of it. */
struct sim_run_where {
    struct sim_world *world; /* NULL: no run */
    uint32_t node;           /* of the event traced last; WEFT_TRACE_NODE_NONE: none yet */
};

/* One call that fails, or all of them counted: sim/world/points.h */
struct sim_points;

struct sim_run_options {
    uint64_t seed;
    weft_time until;      /* TIME_NEVER: the plan's stop */
    struct sim_host host; /* its team is left out when the plan runs alone, or points are counted */
    /* Events for a trace file, of kinds in trace_mask; NULL: none. Does not change the run. */
    void (*trace)(void *ctx, const struct weft_trace_event *event);
    uint64_t trace_mask;
    const char *repeat; /* for the trace: the line that repeats the run; NULL: "" */
    /* Called from time to time with where the run is; NULL: not. */
    void (*progress)(void *ctx, weft_time now, weft_time stop, uint64_t events);
    void *ctx;
    struct sim_points *points;         /* counted, or one of them refused; NULL: not */
    const struct sim_witness *witness; /* told of all that is done; NULL: nobody */
    struct sim_run_where *where;       /* kept up to date while the run goes on; NULL: not wanted */
};

enum sim_verdict { SIM_HOLDS = 0, SIM_FAILS };

struct sim_fault_report {
    enum sim_fault_kind kind;
    struct sim_fault_count count;
    uint32_t line;
};

struct sim_work_report {
    enum sim_work_kind kind;
    struct sim_work_count count;
    uint32_t line;
};

struct sim_check_report {
    enum sim_check_kind kind;
    struct sim_check_result result;
    uint32_t line;
};

/* What became of the core. */
struct sim_liveness_report {
    bool judged;         /* there is a core, and the run went on until it had to have converged */
    uint32_t core, down; /* its nodes; those that were not up then */
    uint32_t first_down; /* of `down` > 0 */
    struct sim_check_report checks[SIM_CHECKS_MAX]; /* those that are of a core, judged of it */
    uint32_t checks_count;
};

#define SIM_REASONS_MAX 64
#define SIM_REASON_TEXT_MAX 256

/* Everything a run's page says, but for what the machine adds (wall time, memory). */
struct sim_run_report {
    uint64_t seed, events;
    struct sim_hash hash;
    weft_time ended_at;
    uint32_t nodes;
    struct sim_fault_report faults[SIM_FAULTS_MAX];
    uint32_t faults_count;
    uint64_t claims[SIM_CLAIMS_MAX]; /* how often each of the plan's bit */
    uint32_t claims_count;
    struct sim_work_report works[SIM_WORKLOADS_MAX];
    uint32_t works_count;
    struct sim_check_report checks[SIM_CHECKS_MAX];
    uint32_t checks_count;
    struct sim_liveness_report liveness;
    struct sim_world_stats world;
    const struct sim_points *points; /* of the options: NULL, or what became of them */
    size_t node_bytes_peak;          /* memory of all nodes together, at its greatest sample */
    size_t node_bytes_last;          /* the same, at the last one */
    enum sim_verdict verdict;
    char reasons[SIM_REASONS_MAX][SIM_REASON_TEXT_MAX]; /* why it fails, one line each */
    uint32_t reasons_count;
};

/* How often a check of the report was evaluated: of all nodes, or of the core. */
uint64_t sim_run_evaluated(const struct sim_run_report *report, uint32_t check);

/* Run to the end: boot, workload, faults, checks; at the stop heal everything, stop all nodes in
 * order, judge. Nothing is kept between runs: two runs in one process are equal.
 *   WEFT_ERR_NOMEM, or what booting a node returned (an internal error: exit 3) */
int sim_run(const struct sim_plan *plan, const struct sim_run_options *options,
            struct sim_run_report *report);

/* How often the trace of a run of the plan up to `until` (as in the options) is told RUN_SAMPLE and
 * NODE_SAMPLE: sim/scenario/run_parts.h. */
struct sim_run_samples {
    weft_duration of_run, of_nodes;
};

struct sim_run_samples sim_run_samples(const struct sim_plan *plan, weft_time until);

#endif
