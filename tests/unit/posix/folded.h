/* Mistakes that a compiler sees through, and would otherwise fold into anything: each must end the
 * function that makes it, at every level of optimisation. */
#ifndef WEFT_TESTS_POSIX_FOLDED_H
#define WEFT_TESTS_POSIX_FOLDED_H

#include <limits.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdiv-by-zero"
#pragma GCC diagnostic ignored "-Woverflow"
#pragma GCC diagnostic ignored "-Wnull-dereference"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Wdivision-by-zero"
#pragma GCC diagnostic ignored "-Winteger-overflow"
#endif

static volatile int folded_sink, folded_zero;

static void divide_constants(void *arg) {
    (void)arg;
    folded_sink = 7 / 0;
}

static void divide_by_known_zero(void *arg) {
    int zero = 0;
    folded_sink = *(int *)arg / zero;
}

static void divide_and_drop(void *arg) {
    int zero = folded_zero;
    (void)(*(int *)arg / zero);
}

static void divide_one(void *arg) { /* compiled to a comparison where nothing checks */
    (void)arg;
    folded_sink = 1 / folded_zero;
}

static void remainder_of_zero(void *arg) { folded_sink = *(int *)arg % 0; }

static void divide_unsigned(void *arg) {
    (void)arg;
    unsigned zero = (unsigned)folded_zero;
    folded_sink = (int)(8u / zero);
}

static void divide_smallest(void *arg) {
    (void)arg;
    folded_sink = INT_MIN / -1;
}

static void remainder_of_smallest(void *arg) {
    int least = INT_MIN, minus = -1;
    (void)arg;
    folded_sink = least % minus;
}

static void divide_smallest_by_constant(void *arg) {
    (void)arg;
    int least = INT_MIN + folded_zero;
    folded_sink = least / -1;
}

static void reach_the_unreachable(void *arg) {
    (void)arg;
    if (folded_zero == 0) __builtin_unreachable();
    folded_sink = 1;
}

static void write_to_null(void *arg) {
    (void)arg;
    *(int *)0 = 1;
}

static void read_known_null(void *arg) {
    (void)arg;
    int *nowhere = 0;
    folded_sink = *nowhere;
}

static void check_after_use(void *arg) { /* the check must not vanish because of the use */
    int *nowhere = (int *)(long)folded_zero;
    (void)arg;
    int value = *nowhere;
    folded_sink = nowhere == 0 ? value : 2;
}

/* X(function, is it a bad access) */
#define FOLDED(X)                                                                                  \
    X(divide_constants, 0)                                                                         \
    X(divide_by_known_zero, 0)                                                                     \
    X(divide_and_drop, 0)                                                                          \
    X(divide_one, 0)                                                                               \
    X(remainder_of_zero, 0)                                                                        \
    X(divide_unsigned, 0)                                                                          \
    X(divide_smallest, 0)                                                                          \
    X(remainder_of_smallest, 0)                                                                    \
    X(divide_smallest_by_constant, 0)                                                              \
    X(reach_the_unreachable, 0)                                                                    \
    X(write_to_null, 1)                                                                            \
    X(read_known_null, 1)                                                                          \
    X(check_after_use, 1)

#pragma GCC diagnostic pop

#endif
