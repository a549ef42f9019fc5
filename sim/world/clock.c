/* Clocks that are off. */
#include "sim/world/clock.h"

#include "core/base/assert.h"

#include <stdbool.h>

#define MILLION UINT64_C(1000000)

void sim_clock_init(struct sim_clock *clock) { *clock = (struct sim_clock){.at = 0}; }

/* Nanoseconds shown while a million of true time pass. */
static uint64_t rate_of(const struct sim_clock *clock) {
    int64_t drift = clock->drift_ppm; /* I1 */
    if (drift < SIM_DRIFT_LEAST) drift = SIM_DRIFT_LEAST;
    if (drift > SIM_DRIFT_MOST) drift = SIM_DRIFT_MOST;
    return MILLION + (uint64_t)drift;
}

/* count * rate / per, rounded down, or up; NEVER when it does not fit. Both are below 2^24. */
static weft_time scale(weft_duration count, uint64_t rate, uint64_t per, bool up) {
    uint64_t whole = (uint64_t)count / per, rest = (uint64_t)count % per * rate;
    if (whole >= (uint64_t)WEFT_TIME_NEVER / rate) return WEFT_TIME_NEVER;
    return (weft_time)(whole * rate + (rest + (up ? per - 1 : 0)) / per);
}

void sim_clock_change(struct sim_clock *clock, weft_time now,
                      const struct sim_clock_change *change) {
    WEFT_ASSERT(now >= clock->at);
    WEFT_ASSERT(change->drift_ppm >= -SIM_DRIFT_MAX && change->drift_ppm <= SIM_DRIFT_MAX);
    clock->shown = sim_clock_monotonic(clock, now);
    clock->at = now;
    clock->wall += change->wall;
    clock->drift_ppm += change->drift_ppm;
}

weft_time sim_clock_monotonic(const struct sim_clock *clock, weft_time now) {
    WEFT_ASSERT(now >= clock->at);
    weft_duration passed = scale(now - clock->at, rate_of(clock), MILLION, false);
    return weft_time_min(weft_time_add(clock->shown, passed), WEFT_TIME_NEVER - 1);
}

weft_duration sim_clock_wall(const struct sim_clock *clock, weft_time now) {
    return sim_clock_monotonic(clock, now) + clock->wall;
}

weft_time sim_clock_true(const struct sim_clock *clock, weft_time shown) {
    if (shown == WEFT_TIME_NEVER) return WEFT_TIME_NEVER;
    if (shown <= clock->shown) return clock->at;
    return weft_time_add(clock->at, scale(shown - clock->shown, MILLION, rate_of(clock), true));
}
