/* Time: signed 64-bit nanoseconds, so that a difference is never a surprise.
 *
 * weft_time is a point on a node's monotonic clock; its zero is arbitrary. weft_duration is a
 * distance. Durations are written with the macros below, never as bare arithmetic. */
#ifndef WEFT_BASE_TIME_H
#define WEFT_BASE_TIME_H

#include <stdint.h>

typedef int64_t weft_time;
typedef int64_t weft_duration;

#define WEFT_NS(n) ((weft_duration)(n))
#define WEFT_US(n) ((weft_duration)(n)*INT64_C(1000))
#define WEFT_MS(n) ((weft_duration)(n)*INT64_C(1000000))
#define WEFT_S(n) ((weft_duration)(n)*INT64_C(1000000000))
#define WEFT_MIN(n) (WEFT_S(n) * INT64_C(60))
#define WEFT_HOUR(n) (WEFT_S(n) * INT64_C(3600))

/* Later than every event: "no timer is set", "wait without limit". */
#define WEFT_TIME_NEVER INT64_MAX

/* `time + duration`, sticking at WEFT_TIME_NEVER instead of overflowing. duration >= 0. */
static inline weft_time weft_time_add(weft_time time, weft_duration duration) {
    return time > WEFT_TIME_NEVER - duration ? WEFT_TIME_NEVER : time + duration;
}

static inline weft_time weft_time_min(weft_time a, weft_time b) { return a < b ? a : b; }

static inline weft_time weft_time_max(weft_time a, weft_time b) { return a > b ? a : b; }

#endif
