/* Clocks that are off. */
#include "sim/world/clock.h"

#include "core/base/assert.h"

#define MILLION 1000000

__extension__ typedef unsigned __int128 wide;

void sim_clock_init(struct sim_clock *clock) { *clock = (struct sim_clock){.at = 0}; }

/* Nanoseconds shown while a million of true time pass. */
static uint64_t rate_of(const struct sim_clock *clock) {
    int64_t drift = clock->drift_ppm; /* I1 */
    if (drift < SIM_DRIFT_LEAST) drift = SIM_DRIFT_LEAST;
    if (drift > SIM_DRIFT_MOST) drift = SIM_DRIFT_MOST;
    return (uint64_t)(MILLION + drift);
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
    wide passed = (wide)(uint64_t)(now - clock->at) * rate_of(clock) / MILLION;
    if (passed >= (wide)(WEFT_TIME_NEVER - clock->shown)) return WEFT_TIME_NEVER - 1;
    return clock->shown + (weft_time)passed;
}

weft_duration sim_clock_wall(const struct sim_clock *clock, weft_time now) {
    return sim_clock_monotonic(clock, now) + clock->wall;
}

weft_time sim_clock_true(const struct sim_clock *clock, weft_time shown) {
    if (shown == WEFT_TIME_NEVER) return WEFT_TIME_NEVER;
    if (shown <= clock->shown) return clock->at;
    uint64_t rate = rate_of(clock);
    wide passed = ((wide)(uint64_t)(shown - clock->shown) * MILLION + rate - 1) / rate;
    if (passed >= (wide)(WEFT_TIME_NEVER - clock->at)) return WEFT_TIME_NEVER;
    return clock->at + (weft_time)passed;
}
