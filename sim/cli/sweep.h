/* Sweep: every call of a run that may fail is made to, one in each of many runs.
 *
 * A first run counts the points. Then each of them is refused in a run of its own, in a process of
 * its own. A run that holds has survived; one that fails a check, panics or does not end is a
 * finding. Findings that look alike (the call, the process, the first reason without its numbers)
 * are one, with the first of them to repeat. */
#ifndef SIM_CLI_SWEEP_H
#define SIM_CLI_SWEEP_H

#include "sim/cli/wishes.h"

#define SWEEP_REASON_MAX 400
#define SWEEP_FINDINGS_MAX 64 /* unlike ones that are kept; of the rest only the number is told */

/* What became of one run. */
enum sweep_end { SWEEP_HOLDS = 0, SWEEP_FAILS, SWEEP_PANICS, SWEEP_HANGS, SWEEP_BROKEN };

struct sweep_outcome {
    enum sweep_end end;
    struct sim_points points;
    char reason[SWEEP_REASON_MAX]; /* the first; "" when it holds */
};

struct sweep_finding {
    struct sweep_outcome first;
    uint64_t count; /* of all like it */
};

/* Of one kind of point. */
struct sweep_sum {
    uint64_t count, tried, held;
};

struct sweep {
    struct cli_wishes wishes; /* its `fail` is each one's */
    const struct sim_plan *plan;
    bool wanted[SIM_POINT_KIND_COUNT];
    uint32_t node;        /* ALL_NODES: any */
    uint64_t every, most; /* each so manieth point; at most so many of a kind */
    uint32_t jobs;        /* processes at once */
    unsigned seconds_max; /* that a run may take */
    struct sweep_sum sums[SIM_POINT_KIND_COUNT];
    struct sweep_finding findings[SWEEP_FINDINGS_MAX];
    uint32_t findings_count;
    uint64_t found; /* in all */
    uint64_t wall_ns;
};

/* Run the plan once with `points`, in this process; when one of them is refused, a process that is
 * confined from then on. */
void sweep_run(const struct sweep *sweep, const struct sim_points *points,
               struct sweep_outcome *out);

/* Run every point that is wanted, `jobs` at once. False: no process could be started. */
bool sweep_all(struct sweep *sweep);

/* Whether two look alike. */
bool sweep_alike(const struct sweep_outcome *a, const struct sweep_outcome *b);

void sweep_page(FILE *out, const struct sweep *sweep);
void sweep_json(FILE *out, const struct sweep *sweep);

#endif
