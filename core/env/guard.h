/* Guard: run a function so that a fault in it ends the function, not the program.
 *
 * Caught: a failed WEFT_ASSERT, a bad memory access, a division by zero, an illegal instruction,
 * a stack overflow. Not recoverable, and so a panic of the program: a fault while the runtime
 * itself works on behalf of the function (*runtime_depth > 0), and one outside any guard. */
#ifndef WEFT_ENV_GUARD_H
#define WEFT_ENV_GUARD_H

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
    X(STACK, "stack overflow")

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
    const char *what;  /* ASSERT: the condition; else the kind's text. Static. */
    uintptr_t address; /* SEGV, BUS: the address accessed; STACK likewise */
    uintptr_t code;    /* address of the faulting instruction; 0 for ASSERT. Differs from run to
                          run: for logs, never for decisions, traces or hashes. */
};

struct weft_guard_ops {
    /* Call fn(arg). True when it returned; false when a fault ended it, and then *fault tells
     * which. Calls nest: a fault ends the innermost one. *runtime_depth is read at the moment of
     * a fault; it must then hold the value it has now, or the fault is a panic. After false the
     * caller sets it back itself. */
    bool (*run)(struct weft_env *env, void (*fn)(void *arg), void *arg, volatile int *runtime_depth,
                struct weft_fault *fault);
};

#endif
