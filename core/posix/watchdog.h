/* Watchdog: ends a handler that does not return.
 *
 * A timer of the thread that runs the scheduler looks every `tick` at what handler runs. One that
 * has run for its limit (seen at `limit / tick` ticks in a row) is ended as by a fault, kind HANG,
 * whether it computes or waits in a system call. It is ended between the limit and two ticks more.
 * A program that was stopped and goes on has used up one tick only.
 *
 * Where a handler cannot be left at once (the runtime works for it; it is inside malloc or another
 * part of libc that holds a lock) the watchdog looks again each millisecond. One that is still
 * there after twice its limit and a second is a panic: it would take the node with it.
 * What a handler does with locks of libraries other than libc is not seen: do not take them.
 *
 * Cost: the scheduler stores a number for each handler; ten signals in a handler's limit. */
#ifndef WEFT_POSIX_WATCHDOG_H
#define WEFT_POSIX_WATCHDOG_H

#include "core/env/guard.h"

/* Watch the handlers that this thread runs, until stop; `watch` (of weft_sched_watch) lives as
 * long. A tenth of the usual limit is a good tick. The thread has its guard installed.
 *   WEFT_ERR_FULL  the kernel has no timer left */
int weft_posix_watchdog_start(const struct weft_watch *watch, weft_duration tick);

/* Of this thread. Does nothing when none watches. */
void weft_posix_watchdog_stop(void);

#endif
