/* Guard on Linux: signals and long jumps, and the panic everything else ends in.
 *
 * The state is per thread: two threads may drive nodes, each with guards of its own. */
#ifndef WEFT_POSIX_GUARD_H
#define WEFT_POSIX_GUARD_H

#include "core/env/guard.h"

/* The guard of every env in a program, simulated ones included: faults are real everywhere.
 * `env` may be NULL. The thread must have called weft_posix_guard_install. */
extern const struct weft_guard_ops weft_posix_guard;

/* Prepare this thread: an alternate stack, so that a stack overflow can be handled, and handlers
 * of SIGSEGV, SIGBUS, SIGFPE and SIGILL for the whole program. A second call does nothing.
 * Fails only when memory is short, and panics then. */
void weft_posix_guard_install(void);

/* Give back what install took of this thread, outside any guard. For a thread that ends; the
 * handlers stay. */
void weft_posix_guard_remove(void);

/* Read the debug information of the program and of the modules now loaded, in a thread of its own,
 * so that the first fault of each place finds it read: that costs it up to 3 ms otherwise, in which
 * nobody else runs. To be called when a node with applications is up, and after modules have been
 * loaded or purged. Takes memory (a few MiB, mostly pages of the files); without memory for it, or
 * for a thread, it does nothing. */
void weft_posix_places_read(void);

/* What a panic of this thread prints beside its place: seed, time, node, whatever repeats it.
 * `print` may run in a signal handler: it formats into a buffer of its own (snprintf) and writes
 * that to `fd` with write(2); dprintf(3) and stdio allocate. NULL: nothing. */
void weft_posix_panic_context(void (*print)(void *ctx, int fd), void *ctx);

#endif
