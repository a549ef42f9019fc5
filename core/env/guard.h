/* Guard: run a function so that a fault in it ends the function, not the program.
 *
 * Caught: a failed WEFT_ASSERT, a bad memory access, a division by zero, an illegal instruction,
 * a stack overflow, and not returning when a watchdog looks on. Not recoverable, and so a panic of
 * the program: a fault while the runtime itself works on behalf of the function
 * (*runtime_depth > 0), and one outside any guard.
 *
 * Division by zero, INT_MIN / -1 and __builtin_unreachable fault whatever the compiler folded, when
 * code is compiled with the flags of this build, which are those of `pkg-config --cflags weft`. The
 * compiler's checks are traps; all of them count as FPE, since gcc does not say which it was. */
#ifndef WEFT_ENV_GUARD_H
#define WEFT_ENV_GUARD_H

#include "core/base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct weft_env;

/* X(NAME, text) */
#define WEFT_FAULTS(X)                                                                             \
    X(ASSERT, "assertion failed")                                                                  \
    X(SEGV, "bad memory access")                                                                   \
    X(BUS, "bus error")                                                                            \
    X(FPE, "arithmetic fault (division by zero)")                                                  \
    X(ILL, "illegal instruction")                                                                  \
    X(STACK, "stack overflow")                                                                     \
    X(HANG, "handler did not return")

enum weft_fault_kind {
    WEFT_FAULT_NONE = 0,
#define WEFT_FAULT_ENUM(name, text) WEFT_FAULT_##name,
    WEFT_FAULTS(WEFT_FAULT_ENUM)
#undef WEFT_FAULT_ENUM
};

struct weft_fault {
    enum weft_fault_kind kind;
    int line;          /* ASSERT: where; else 0 */
    const char *file;  /* ASSERT: static text; else NULL */
    const char *what;  /* ASSERT: the condition; else the kind's text, or a closer one. Static. */
    uintptr_t address; /* SEGV, BUS: the address accessed; STACK likewise */
    uintptr_t code;    /* address of the faulting instruction; 0 for ASSERT. Differs from run to
                          run: for logs, never for decisions, traces or hashes. */
    weft_duration ran; /* HANG: how long, at least */

    /* Where it stood, innermost first, up to the guard: addresses for `describe`. They are the
     * thread's, and stand until its next fault. NULL: a fault that was planted. */
    const uintptr_t *frames;
    uint32_t frames_count; /* <= WEFT_FAULT_FRAMES_MAX */
};

#define WEFT_FAULT_FRAMES_MAX 32

/* A place in the source. What is not known is "" or 0. */
struct weft_place {
    char function[64]; /* cut to fit; an inlined function counts as a function */
    char file[64];     /* as the compiler was told it; a long path keeps its end */
    int line;
};

/* What a watchdog looks at. The scheduler writes, the watchdog of the same thread reads, in a
 * signal handler. The scheduler's cost is a store for each handler. */
struct weft_watch {
    volatile uint64_t beat;       /* another one with each handler that is called */
    volatile weft_duration limit; /* of the handler that runs; 0: none */
};

struct weft_guard_ops {
    /* Call fn(arg). True when it returned; false when a fault ended it, and then *fault tells
     * which. Calls nest: a fault ends the innermost one. *runtime_depth is read at the moment of
     * a fault; it must then hold the value it has now, or the fault is a panic. After false the
     * caller sets it back itself. */
    bool (*run)(struct weft_env *env, void (*fn)(void *arg), void *arg, volatile int *runtime_depth,
                struct weft_fault *fault);

    /* Where `code`, one of a fault's frames, stands in the source: of any loaded object, modules
     * included. Call it outside the guard. Reads debug information the first time (some
     * milliseconds for an object), remembers afterwards. NULL: cannot. */
    void (*describe)(struct weft_env *env, uintptr_t code, struct weft_place *place);
};

#endif
