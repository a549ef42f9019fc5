/* Guard on Linux. A run saves a jump point and links it into the thread's chain; a signal handler
 * on the alternate stack, or weft_panic, jumps to the innermost one. */
#define _GNU_SOURCE
#include "core/posix/guard.h"

#include "core/base/assert.h"
#include "core/posix/guard_internal.h"

#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* Room for a handler, the unwinder, a sanitizer's larger frames, and a panic that looks up names.
 */
#define ALTERNATE_SIZE ((size_t)256 * 1024)

/* How far from the stack pointer, or from the end of the stack, an access is still the stack's.
 * Live stack around the pointer is mapped, so a fault this near can only be its end. */
#define STACK_NEAR ((uintptr_t)64 * 1024)

#define PLACE_MAX 1024  /* bytes of a line of a panic */
#define PANIC_SECONDS 5 /* for what may wait for ever: names, what the driver prints */

/* One run in progress, innermost first. */
struct guard_frame {
    sigjmp_buf jump;
    struct guard_frame *outer;
    volatile int *runtime_depth;
    int depth; /* *runtime_depth at entry */
    struct weft_fault *fault;
};

struct guard_thread {
    struct guard_frame *top;
    void *alternate; /* NULL: not installed */
    stack_t before;
    uintptr_t stack_low, stack_high;         /* what the stack may ever use; 0: unknown */
    uintptr_t frames[WEFT_FAULT_FRAMES_MAX]; /* of the last fault */
    volatile uint32_t frames_count;
    sigjmp_buf broken; /* where a fault of the walk goes */
    volatile bool walking;
    void (*print)(void *ctx, int fd);
    void *print_ctx;
    bool panicking;
};

static _Thread_local struct guard_thread guard_thread;

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
/* The faults are ours to handle; the fake stack would hide where the real one is. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allow_user_segv_handler=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
           "handle_sigill=0:handle_abort=0:detect_stack_use_after_return=0";
}
#endif

/* ThreadSanitizer forgets the jump points below one that is set on the alternate stack. */
#if defined(__SANITIZE_THREAD__)
#define WALK_UNPROTECTED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WALK_UNPROTECTED 1
#endif
#endif

static const char *fault_text(enum weft_fault_kind kind) {
    static const char *const texts[] = {"no fault",
#define FAULT_TEXT(name, text) text,
                                        WEFT_FAULTS(FAULT_TEXT)
#undef FAULT_TEXT
    };
    return texts[kind];
}

static void say(const char *text, int size) {
    size_t count = size < 0 ? 0 : (size_t)size;
    if (count >= PLACE_MAX) count = PLACE_MAX - 1;
    ssize_t written = write(STDERR_FILENO, text, count);
    (void)written; /* nowhere left to complain */
}

/* Not dprintf: it allocates, and the fault may be in the allocator. */
static void panic_place(const struct weft_fault *fault) {
    char text[PLACE_MAX];
    int size;
    if (fault->file != NULL) {
        size = snprintf(text, sizeof text, "panic: %s:%d: %s\n", fault->file, fault->line,
                        fault->what);
    } else {
        size = snprintf(text, sizeof text, "panic: %s, address 0x%lx, code 0x%lx\n", fault->what,
                        (unsigned long)fault->address, (unsigned long)fault->code);
    }
    say(text, size);
}

/* A fault while panicking must not panic again: the facts that are out stand. */
static _Noreturn void die(void) { abort(); }

static void on_alarm(int signo) {
    (void)signo;
    die();
}

/* What follows may allocate where the fault was in the allocator: it has so many seconds. */
static void panic_by_alarm(void) {
    struct sigaction action = {.sa_handler = on_alarm};
    sigset_t set;
    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(PANIC_SECONDS);
}

static void panic_frame(uintptr_t code) {
    char text[PLACE_MAX];
    struct weft_place place;
    weft_posix__describe(NULL, code, &place);
    int size = snprintf(text, sizeof text, "    at %s (%s:%d)\n",
                        place.function[0] != '\0' ? place.function : "?",
                        place.file[0] != '\0' ? place.file : "?", place.line);
    say(text, size);
}

static uintptr_t context_stack(const ucontext_t *context) {
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.sp;
#else
    (void)context;
    return 0;
#endif
}

static uintptr_t context_base(const ucontext_t *context) {
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.regs[29];
#else
    (void)context;
    return 0;
#endif
}

static bool guard_run(struct weft_env *env, void (*fn)(void *arg), void *arg,
                      volatile int *runtime_depth, struct weft_fault *fault);

/* A stack that is broken itself ends the walk, not the program. */
static void walk(const ucontext_t *context, uintptr_t above, bool to_guard) {
    struct weft_posix__walk from = {.above = above,
                                    .stop = to_guard ? (uintptr_t)guard_run : 0,
                                    .low = guard_thread.stack_low,
                                    .high = guard_thread.stack_high};
    if (context != NULL) {
        from.is_signal = true;
        from.code = weft_posix__context_code(context);
        from.stack = context_stack(context);
        from.base = context_base(context);
    }
    guard_thread.frames_count = 0;
#ifdef WALK_UNPROTECTED
    weft_posix__walk(&from, guard_thread.frames, &guard_thread.frames_count);
#else
    guard_thread.walking = true;
    if (sigsetjmp(guard_thread.broken, 0) == 0)
        weft_posix__walk(&from, guard_thread.frames, &guard_thread.frames_count);
    guard_thread.walking = false;
#endif
}

static _Noreturn void panic(const struct weft_fault *fault, const ucontext_t *context,
                            uintptr_t above) {
    if (guard_thread.panicking) die();
    guard_thread.panicking = true;
    weft_posix__unconfine();
    panic_place(fault);
    panic_by_alarm();
    if (guard_thread.print != NULL) guard_thread.print(guard_thread.print_ctx, STDERR_FILENO);
    walk(context, above, false);
    void *frames[WEFT_FAULT_FRAMES_MAX];
    int count = (int)guard_thread.frames_count;
    for (int i = 0; i < count; i++) frames[i] = (void *)guard_thread.frames[i];
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    for (int i = 0; i < count; i++) panic_frame(guard_thread.frames[i]);
    die();
}

/* The one decision: whose fault is it? */
_Noreturn void weft_posix__raise(struct weft_fault *fault, const ucontext_t *context,
                                 uintptr_t above) {
    struct guard_frame *frame = guard_thread.top;
    if (frame == NULL || guard_thread.panicking) panic(fault, context, above);
    if (*frame->runtime_depth != frame->depth) panic(fault, context, above);
    walk(context, above, true);
    fault->frames = guard_thread.frames;
    fault->frames_count = guard_thread.frames_count;
    *frame->fault = *fault;
    guard_thread.top = frame->outer;
    siglongjmp(frame->jump, 1);
}

_Noreturn void weft_panic(const char *file, int line, const char *what) {
    struct weft_fault fault = {.kind = WEFT_FAULT_ASSERT, .line = line, .file = file, .what = what};
    weft_posix__raise(&fault, NULL, (uintptr_t)__builtin_frame_address(0));
}

uintptr_t weft_posix__context_code(const ucontext_t *context) {
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return 0;
#endif
}

/* Near the stack pointer; or, in a frame larger than that, beyond the end of the stack while the
 * pointer is there too. */
static bool is_stack_overflow(uintptr_t address, uintptr_t stack) {
    if (stack == 0 || address < stack - STACK_NEAR) return false;
    if (address < stack + STACK_NEAR) return true;
    uintptr_t end = guard_thread.stack_low + STACK_NEAR;
    return guard_thread.stack_low != 0 && stack < end && address < end;
}

/* The traps that gcc and clang put where a check fails. */
static bool is_check(uintptr_t code) {
#if defined(__x86_64__)
    const unsigned char *at = (const unsigned char *)code;
    if (at[0] == 0x67) at++; /* clang: ud1 with the number of the check */
    return at[0] == 0x0f && (at[1] == 0x0b || at[1] == 0xb9);
#else
    (void)code;
    return false;
#endif
}

static enum weft_fault_kind kind_of(int signo, uintptr_t address, const ucontext_t *context) {
    switch (signo) {
    case SIGFPE:
    case SIGTRAP:
        return WEFT_FAULT_FPE;
    case SIGILL:
        return is_check(weft_posix__context_code(context)) ? WEFT_FAULT_FPE : WEFT_FAULT_ILL;
    case SIGBUS:
        return WEFT_FAULT_BUS;
    default:
        return is_stack_overflow(address, context_stack(context)) ? WEFT_FAULT_STACK
                                                                  : WEFT_FAULT_SEGV;
    }
}

static struct weft_fault fault_of(int signo, const siginfo_t *info, const ucontext_t *context) {
    bool has_address = signo == SIGSEGV || signo == SIGBUS;
    uintptr_t address = has_address ? (uintptr_t)info->si_addr : 0;
    struct weft_fault fault = {.kind = kind_of(signo, address, context),
                               .address = address,
                               .code = weft_posix__context_code(context)};
    fault.what = fault_text(fault.kind);
    if (fault.kind == WEFT_FAULT_FPE && signo != SIGFPE)
        fault.what = "division by zero or unreachable code";
    return fault;
}

_Noreturn void weft_posix__leave(struct weft_fault *fault, const ucontext_t *context) {
    /* The handler is left by a jump: what a sanitizer blocked around it must not stay blocked. */
    pthread_sigmask(SIG_SETMASK, &context->uc_sigmask, NULL);
    weft_posix__raise(fault, context, 0);
}

static void on_signal(int signo, siginfo_t *info, void *ucontext) {
    const ucontext_t *context = ucontext;
    if (guard_thread.walking) {
        pthread_sigmask(SIG_SETMASK, &context->uc_sigmask, NULL);
        siglongjmp(guard_thread.broken, 1);
    }
    weft_posix__check_stray(info, context);
    struct weft_fault fault = fault_of(signo, info, context);
    if (info->si_code <= 0) { /* sent by somebody: not the running function's doing */
        fault.what = "a fault's signal was sent from outside";
        fault.address = 0;
        panic(&fault, context, 0);
    }
    weft_posix__leave(&fault, context);
}

uint32_t weft_posix__capture(const ucontext_t *context, const uintptr_t **frames) {
    walk(context, 0, true);
    *frames = guard_thread.frames;
    return guard_thread.frames_count;
}

_Noreturn void weft_posix__panic(const struct weft_fault *fault, const ucontext_t *context) {
    panic(fault, context, 0);
}

enum weft_posix__where weft_posix__where(void) {
    const struct guard_frame *frame = guard_thread.top;
    if (frame == NULL || guard_thread.walking) return WEFT_POSIX_UNGUARDED;
    return *frame->runtime_depth == frame->depth ? WEFT_POSIX_IN_HANDLER : WEFT_POSIX_IN_RUNTIME;
}

static bool guard_run(struct weft_env *env, void (*fn)(void *arg), void *arg,
                      volatile int *runtime_depth, struct weft_fault *fault) {
    (void)env;
    WEFT_ASSERT(guard_thread.alternate != NULL);
    WEFT_ASSERT(runtime_depth != NULL);
    struct guard_frame frame;
    frame.outer = guard_thread.top;
    frame.runtime_depth = runtime_depth;
    frame.depth = *runtime_depth;
    frame.fault = fault;
    if (sigsetjmp(frame.jump, 0) != 0) return false;
    guard_thread.top = &frame;
    fn(arg);
    WEFT_ASSERT(guard_thread.top == &frame);
    guard_thread.top = frame.outer;
    return true;
}

const struct weft_guard_ops weft_posix_guard = {.run = guard_run, .describe = weft_posix__describe};

static void learn_stack(void) {
    pthread_attr_t attr;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attr) != 0) return;
    if (pthread_attr_getstack(&attr, &low, &size) == 0) {
        guard_thread.stack_low = (uintptr_t)low;
        guard_thread.stack_high = (uintptr_t)low + size;
    }
    pthread_attr_destroy(&attr);
}

/* A page without access below it, so that an overflow of the alternate stack ends the program
 * instead of writing over something. */
static void *alternate_map(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *map = mmap(NULL, ALTERNATE_SIZE + page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WEFT_ASSERT(map != MAP_FAILED);
    int rv = mprotect(map, page, PROT_NONE);
    WEFT_ASSERT(rv == 0);
    return map + page;
}

void weft_posix_guard_install(void) {
    if (guard_thread.alternate != NULL) return;
    void *stack = alternate_map();
    stack_t wanted = {.ss_sp = stack, .ss_size = ALTERNATE_SIZE};
    int rv = sigaltstack(&wanted, &guard_thread.before);
    WEFT_ASSERT(rv == 0);
    guard_thread.alternate = stack;
    learn_stack();
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        rv = sigaction(signals[i], &action, NULL);
        WEFT_ASSERT(rv == 0);
    }
    void *frame;
    (void)backtrace(&frame, 1); /* loads the unwinder now: a handler must not */
}

void weft_posix_guard_remove(void) {
    if (guard_thread.alternate == NULL) return;
    WEFT_ASSERT(guard_thread.top == NULL);
    int rv = sigaltstack(&guard_thread.before, NULL);
    WEFT_ASSERT(rv == 0);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap((unsigned char *)guard_thread.alternate - page, ALTERNATE_SIZE + page);
    guard_thread.alternate = NULL;
}

void weft_posix_panic_context(void (*print)(void *ctx, int fd), void *ctx) {
    guard_thread.print = print;
    guard_thread.print_ctx = ctx;
}
