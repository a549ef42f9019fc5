/* The inside of the guard: what its files share. Private to core/posix. */
#ifndef WEFT_POSIX_GUARD_INTERNAL_H
#define WEFT_POSIX_GUARD_INTERNAL_H

#include "core/posix/guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

/* Where a walk up the stack starts, and where it ends. */
struct weft_posix__walk {
    bool is_signal;
    uintptr_t code;        /* signal: the instruction that faulted */
    uintptr_t stack, base; /* signal: its stack pointer and frame pointer */
    uintptr_t above;       /* no signal: skip the frames up to this address */
    uintptr_t stop;        /* start of the function that ends the walk; 0: none does */
    uintptr_t low, high;   /* the thread's stack */
};

/* Fill `frames`, at most WEFT_FAULT_FRAMES_MAX; how many. May itself fault on a broken stack: the
 * caller has somewhere to go then. What was found until then stands in *count. */
void weft_posix__walk(const struct weft_posix__walk *walk, uintptr_t *frames,
                      volatile uint32_t *count);

/* places.c: as weft_guard_ops.describe. */
void weft_posix__describe(struct weft_env *env, uintptr_t code, struct weft_place *place);

/* guard.c: end what this thread's innermost guard runs, or panic. `context`: of the signal; NULL:
 * called by the code that faults, and `above` is the frame of what it called. Never returns. */
_Noreturn void weft_posix__raise(struct weft_fault *fault, const ucontext_t *context,
                                 uintptr_t above);

uintptr_t weft_posix__context_code(const ucontext_t *context);

enum weft_posix__where {
    WEFT_POSIX_UNGUARDED, /* no guard of this thread runs anything */
    WEFT_POSIX_IN_RUNTIME,
    WEFT_POSIX_IN_HANDLER
};
enum weft_posix__where weft_posix__where(void);

/* The way up from where `context` stands to the guard: at *frames until the next fault; how many.
 */
uint32_t weft_posix__capture(const ucontext_t *context, const uintptr_t **frames);

_Noreturn void weft_posix__panic(const struct weft_fault *fault, const ucontext_t *context);

/* start.c: a thread that runs fn(arg). Faults, stray calls and its watchdog's calls are its own;
 * every other signal goes to the threads that there were. WEFT_ERR_NOMEM, WEFT_ERR_FULL (threads)
 */
int weft_posix__start(pthread_t *thread, void *(*fn)(void *arg), void *arg);

/* confine.c: when the program is confined, so is this thread, which was there before. Whether it
 * is. */
bool weft_posix__confine_thread(void);
/* confine.c: panics if the fault is a clock that a confined program reads. */
void weft_posix__check_stray(const siginfo_t *info, const ucontext_t *context);
/* A panic may read clocks; a call that is still stopped fails for it. */
void weft_posix__unconfine(void);

/* watchdog.c: a watchdog of this thread that looks when it is called from another one: then what
 * runs under watch->limit > 0 is ended as soon as it can be left. WEFT_ERR_FULL */
int weft_posix__watchdog_on_call(const struct weft_watch *watch);
void weft_posix__watchdog_call(pthread_t thread);
int weft_posix__watch_signal(void);

/* Leave the handler that this signal interrupted, as a fault. Never returns. */
_Noreturn void weft_posix__leave(struct weft_fault *fault, const ucontext_t *context);

#endif
