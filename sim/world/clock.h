/* Clock: the clocks of a machine that are off. One oscillator drives both: with a drift of d ppm,
 * while 1,000,000 ns of true time pass they count 1,000,000 + d. The wall clock can be set beside
 * that, either way; the monotonic one never goes back and never jumps.
 *
 * Integers, exact: from one change to the next a clock is a linear function of true time, rounded
 * down. Changes add up and are undone by their negation, so that faults never clobber each other;
 * what a clock gained or lost by drifting it keeps. */
#ifndef SIM_WORLD_CLOCK_H
#define SIM_WORLD_CLOCK_H

#include "core/base/time.h"

#define SIM_DRIFT_MAX INT64_C(500000)      /* ppm, either way, of one change */
#define SIM_DRIFT_LEAST (-INT64_C(900000)) /* what a sum of them can come to */
#define SIM_DRIFT_MOST INT64_C(9000000)

/* I1  drift_ppm is the sum of all changes; what counts of it is in [LEAST, MOST] */
struct sim_clock {
    weft_time at;       /* true time of the last change */
    weft_time shown;    /* what the monotonic clock showed then */
    weft_duration wall; /* how far the wall clock was set ahead of the monotonic one */
    int64_t drift_ppm;
    uint64_t wall_reads;   /* of a wall clock that was off */
    uint64_t timers_moved; /* times of a node that were not the true ones, when they were turned
                              into those */
};

struct sim_clock_change {
    weft_duration wall; /* the wall clock is set ahead by it, or back */
    int64_t drift_ppm;  /* both run faster by it, or slower; +-SIM_DRIFT_MAX */
};

/* One that tells the true time. */
void sim_clock_init(struct sim_clock *clock);

/* `now` is true time, not before that of the last change. */
void sim_clock_change(struct sim_clock *clock, weft_time now,
                      const struct sim_clock_change *change);

/* What they show at true time `now`; the wall clock beside its epoch. */
weft_time sim_clock_monotonic(const struct sim_clock *clock, weft_time now);
weft_duration sim_clock_wall(const struct sim_clock *clock, weft_time now);

/* The first true time, from the last change on, at which the monotonic clock shows `shown` or
 * more, if nothing changes. NEVER for NEVER. */
weft_time sim_clock_true(const struct sim_clock *clock, weft_time shown);

#endif
