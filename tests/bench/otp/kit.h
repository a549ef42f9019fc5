/* For measurements of the runtime: a node on the posix env, guarded and driven by its loop as weftd
 * drives one. A case is an app of the node that ends the run with bench_done; each runs in a
 * program of its own, so that none finds memory or caches as another left them.
 *
 * Results are lines "case=NAME key=value ...", read by tests/bench/otp_rates.py. */
#ifndef WEFT_TESTS_BENCH_OTP_KIT_H
#define WEFT_TESTS_BENCH_OTP_KIT_H

#include "core/otp/gen_server.h"
#include "core/otp/sched.h"
#include "core/otp/supervisor.h"

#include <stdint.h>

/* What follows the name of the case on the command line; what is absent is 0. */
#define BENCH_ARGS 4
struct bench_args {
    uint64_t n[BENCH_ARGS];
};

/* n[index], or `otherwise` where nothing was given. */
uint64_t bench_arg(const struct bench_args *args, int index, uint64_t otherwise);

/* A node whose only app is `root`; it gets a cast with tag 0, and the node runs until bench_done.
 */
void bench_run(const struct weft_behaviour *root);
void bench_done(void);

/* The app. */
weft_pid bench_root(void);

/* CLOCK_MONOTONIC, ns. */
int64_t bench_ns(void);

/* Resident memory of this program and memory that the machine still has, KiB. */
uint64_t bench_resident_kib(void);
uint64_t bench_available_kib(void);

/* A number below `bound`, the same series in every run. */
uint64_t bench_random(uint64_t bound);

/* Sorts `values`. `permille` 500 is the median; the value at the nearest rank above. */
int64_t bench_quantile(int64_t *values, size_t count, unsigned permille);

/* Stop the program when something did not work that has to: what was measured is worth nothing. */
#define BENCH_CHECK(condition) bench_check((condition), #condition, __FILE__, __LINE__)
void bench_check(bool held, const char *text, const char *file, int line);

void *bench_calloc(size_t count, size_t size);

/* The cases. */
void bench_spawn_init(const struct bench_args *args);
void bench_spawn_turn(const struct bench_args *args);
void bench_memory(const struct bench_args *args);
void bench_call(const struct bench_args *args);
void bench_pingpong(const struct bench_args *args);
void bench_fan_in(const struct bench_args *args);
void bench_fan_out(const struct bench_args *args);
void bench_timers(const struct bench_args *args);
void bench_restarts(const struct bench_args *args);
void bench_intensity(const struct bench_args *args);
void bench_shutdown(const struct bench_args *args);
void bench_cascade(const struct bench_args *args);
void bench_tick(const struct bench_args *args);
void bench_tick_high(const struct bench_args *args);
void bench_tick_bare(const struct bench_args *args);

#endif
