/* What a guard costs a call that does not fault. */
#define _GNU_SOURCE
#include "core/posix/guard.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

enum { CALLS = 50000000 };

static volatile int depth;
static volatile int count;

static void work(void *arg) {
    (void)arg;
    count++;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(void) {
    struct weft_fault fault;
    void (*volatile fn)(void *arg) = work;
    weft_posix_guard_install();
    double start = now();
    for (int i = 0; i < CALLS; i++) fn(NULL);
    double bare = now() - start;
    start = now();
    for (int i = 0; i < CALLS; i++) weft_posix_guard.run(NULL, fn, NULL, &depth, &fault);
    double guarded = now() - start;
    printf("%.2f ns a call, %.2f ns guarded: %.2f ns for the guard\n", bare / CALLS,
           guarded / CALLS, (guarded - bare) / CALLS);
    return 0;
}
