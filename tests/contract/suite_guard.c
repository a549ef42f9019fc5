/* Claims about the guard. Faults are real in every world, so these use the machine directly.
 *
 * Functions that fault on purpose are not instrumented: UBSan's own checks (division by zero, NULL)
 * end the program before the machine faults, and no guard can turn that back. */
#define _GNU_SOURCE
#include "core/base/assert.h"
#include "tests/contract/contract.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define AS_WRITTEN __attribute__((no_sanitize("undefined"), no_sanitize("thread"), noinline))

static volatile int depth, zero, sink;

static void returns(void *arg) { ++*(int *)arg; }

static void asserts(void *arg) {
    (void)arg;
    WEFT_ASSERT(sink == 1234567);
}

AS_WRITTEN static void writes_to_null(void *arg) {
    (void)arg;
    volatile int *nowhere = (volatile int *)(uintptr_t)(16 * (zero + 1));
    *nowhere = 1;
}

AS_WRITTEN static void divides(void *arg) {
    (void)arg;
    sink = 7 / zero;
}

AS_WRITTEN static void traps(void *arg) {
    (void)arg;
#if defined(__x86_64__)
    __asm__ volatile(".byte 0x06"); /* push es: none in 64 bits */
#else
    raise(SIGILL);
#endif
}

AS_WRITTEN static int recurse(int level) {
    volatile char frame[512];
    frame[level & 511] = (char)level;
    if (level == INT32_MAX) return 0;
    return recurse(level + 1) + frame[level & 255];
}

static void overflows(void *arg) {
    (void)arg;
    sink = recurse(0);
}

static bool run(void (*fn)(void *arg), void *arg, struct weft_fault *fault) {
    struct weft_env *env = contract_env(CONTRACT_A);
    *fault = (struct weft_fault){.kind = WEFT_FAULT_NONE};
    return env->guard->run(env, fn, arg, &depth, fault);
}

static bool ends_by(void (*fn)(void *arg), enum weft_fault_kind kind, const char *what) {
    struct weft_fault fault;
    if (!contract_begin()) return false;
    bool held = CHECK(!run(fn, NULL, &fault)) && CHECK_EQ_INT(fault.kind, kind) &&
                CHECK_EQ_TEXT(fault.what, what) && CHECK(fault.code != 0);
    contract_end();
    return held;
}

void a_function_without_fault_returns(void) {
    struct weft_fault fault;
    int count = 0;
    if (!contract_begin()) return;
    CHECK(run(returns, &count, &fault));
    CHECK_EQ_INT(count, 1);
    CHECK_EQ_INT(fault.kind, WEFT_FAULT_NONE);
    contract_end();
}

void an_assert_ends_the_function_with_its_text(void) {
    struct weft_fault fault;
    if (!contract_begin()) return;
    CHECK(!run(asserts, NULL, &fault));
    CHECK_EQ_INT(fault.kind, WEFT_FAULT_ASSERT);
    CHECK_EQ_TEXT(fault.what, "sink == 1234567");
    CHECK(fault.file != NULL && strstr(fault.file, "suite_guard.c") != NULL);
    CHECK(fault.line > 0);
    CHECK_EQ_UINT(fault.code, 0);
    contract_end();
}

void a_bad_access_ends_the_function(void) {
    struct weft_fault fault;
    ends_by(writes_to_null, WEFT_FAULT_SEGV, "bad memory access");
    if (!contract_begin()) return;
    CHECK(!run(writes_to_null, NULL, &fault));
    CHECK_EQ_UINT(fault.address, 16);
    contract_end();
}

void a_division_by_zero_ends_the_function(void) {
#if defined(__x86_64__) || defined(__i386__)
    ends_by(divides, WEFT_FAULT_FPE, "arithmetic fault (division by zero)");
#else
    (void)divides; /* not every machine faults */
#endif
}

void an_illegal_instruction_ends_the_function(void) {
    ends_by(traps, WEFT_FAULT_ILL, "illegal instruction");
}

void a_stack_overflow_ends_the_function(void) {
    ends_by(overflows, WEFT_FAULT_STACK, "stack overflow");
    ends_by(overflows, WEFT_FAULT_STACK, "stack overflow"); /* once more: nothing was used up */
}

static void guards_a_fault(void *arg) {
    struct weft_fault inner;
    if (run(writes_to_null, NULL, &inner)) return;
    *(int *)arg = (int)inner.kind;
    asserts(NULL);
}

void guards_nest(void) {
    struct weft_fault outer;
    int inner = 0, count = 0;
    if (!contract_begin()) return;
    CHECK(!run(guards_a_fault, &inner, &outer));
    CHECK_EQ_INT(inner, WEFT_FAULT_SEGV);
    CHECK_EQ_INT(outer.kind, WEFT_FAULT_ASSERT);
    CHECK(run(returns, &count, &outer));
    CHECK_EQ_INT(count, 1);
    contract_end();
}

void a_guard_works_a_thousand_times(void) {
    struct weft_fault fault;
    int ended = 0, count = 0;
    if (!contract_begin()) return;
    for (int i = 0; i < 1000; i++) {
        ended += !run(i % 2 == 0 ? writes_to_null : asserts, NULL, &fault);
        run(returns, &count, &fault);
    }
    CHECK_EQ_INT(ended, 1000);
    CHECK_EQ_INT(count, 1000);
    contract_end();
}

/* Run `fn` in a child: the signal that ended it, and what it printed. */
static int dies(void (*fn)(void), char *text, size_t size) {
    int ends[2], status = 0;
    if (pipe(ends) != 0) return -1;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; used < size - 1; used += (size_t)got) {
        got = read(ends[0], text + used, size - 1 - used);
        if (got <= 0) break;
    }
    text[used] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void deep_assert(void *arg) {
    depth++;
    asserts(arg);
}

static void fault_in_the_runtime(void) {
    struct weft_fault fault;
    run(deep_assert, NULL, &fault);
}

static void fault_outside(void) { asserts(NULL); }

void a_fault_in_the_runtime_is_a_panic(void) {
    char text[4096];
    if (!contract_begin()) return;
    CHECK_EQ_INT(dies(fault_in_the_runtime, text, sizeof text), SIGABRT);
    CHECK(strstr(text, "panic: ") == text);
    CHECK(strstr(text, "suite_guard.c:") != NULL);
    CHECK(strstr(text, ": sink == 1234567\n") != NULL);
    contract_end();
}

void a_fault_outside_a_guard_is_a_panic(void) {
    char text[4096];
    if (!contract_begin()) return;
    CHECK_EQ_INT(dies(fault_outside, text, sizeof text), SIGABRT);
    CHECK(strstr(text, ": sink == 1234567\n") != NULL);
    contract_end();
}
