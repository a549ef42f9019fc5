/* WEFT_ASSERT: always on, one condition each, no side effects.
 *
 * A failing assert calls weft_panic. Inside a process's handler that ends the process with a
 * reason naming file, line and condition; in the runtime itself it ends the program with the
 * same facts. Which of the two it is, the guard decides (core/env/guard.h). */
#ifndef WEFT_BASE_ASSERT_H
#define WEFT_BASE_ASSERT_H

#define WEFT_ASSERT(condition)                                                                     \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) weft_panic(__FILE__, __LINE__, #condition);         \
    } while (0)

/* For a place that control never reaches. `why` says what would have to be wrong. */
#define WEFT_UNREACHABLE(why) weft_panic(__FILE__, __LINE__, "unreachable: " why)

/* Never returns. `what` has static storage. Defined once, by core/posix/guard.c: it is the only
 * function of core/base that needs the outside world. */
_Noreturn void weft_panic(const char *file, int line, const char *what);

#endif
