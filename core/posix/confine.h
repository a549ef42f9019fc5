/* Confine: a program that from now on makes no call whose answer differs from run to run.
 *
 * Simulated code has its time, entropy and network from env. A call past it (a clock that is read,
 * a thread that is started, random bytes or a socket of the machine) would give a seed two hashes;
 * here it is a panic that names the call, and, as every panic, node, seed and the way there.
 *
 * Stopped, on x86-64 Linux: seccomp(2) traps the system calls; the vDSO, where clocks are read
 * without one, loses its right to execute; rdtsc is made to fault (prctl(2), PR_SET_TSC). Not
 * stopped: rdrand, and files by name (/dev/urandom): `weft check-app` refuses what opens files. */
#ifndef WEFT_POSIX_CONFINE_H
#define WEFT_POSIX_CONFINE_H

#include <stdint.h>

/* Confine the program: all its threads, until it ends. (That rdtsc faults is said thread by thread:
 * of those that are there already the caller, and those of a team from their next work on.) After
 * weft_posix_guard_install. A second call does nothing. WEFT_ERR_UNSUPPORTED  this machine, kernel
 * or build (sanitizers start threads) has no such traps: nothing is confined */
int weft_posix_confine(void);

/* The machine's monotonic clock in nanoseconds, also in a confined program: how long a run took.
 * The one call that passes. One thread at a time. */
uint64_t weft_posix_wall_ns(void);

#endif
