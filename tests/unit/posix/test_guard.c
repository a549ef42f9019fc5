/* The guard beyond the contract: what a panic prints, signals from outside, threads. */
#define _GNU_SOURCE
#include "core/base/assert.h"
#include "core/posix/guard.h"
#include "tests/harness/harness.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not instrumented: a sanitizer's own checks would end the program first. */
#define AS_WRITTEN __attribute__((no_sanitize("undefined"), no_sanitize("thread"), noinline))

static volatile int depth, zero, sink;

static void counts(void *arg) { ++*(int *)arg; }

static void asserts(void *arg) {
    (void)arg;
    WEFT_ASSERT(sink == 1234567);
}

AS_WRITTEN static void writes_to_null(void *arg) {
    (void)arg;
    *(volatile int *)(uintptr_t)(16 * (zero + 1)) = 1;
}

AS_WRITTEN static int recurse(int level) {
    volatile char frame[512];
    frame[level & 511] = (char)level;
    if (level == INT32_MAX) return 0;
    return recurse(level + 1) + frame[level & 255];
}

/* Frames larger than the distance at which an access is near the stack pointer, touched far above
 * it: nine in ten overflows are there. */
AS_WRITTEN static int recurse_wide(int level) {
    volatile char frame[1000000];
    frame[100000 + (level & 255)] = (char)level;
    if (level == INT32_MAX) return 0;
    return recurse_wide(level + 1) + frame[100000];
}

/* The same from elsewhere: `levels` small frames first. */
AS_WRITTEN static int recurse_from(int levels) {
    volatile char frame[2000];
    frame[levels & 255] = (char)levels;
    if (levels == 0) return recurse_wide(0);
    return recurse_from(levels - 1) + frame[0];
}

static void overflows(void *arg) {
    (void)arg;
    sink = recurse(0);
}

static void overflows_wide(void *arg) { sink = recurse_from(*(int *)arg); }

static bool run(void (*fn)(void *arg), void *arg, struct weft_fault *fault) {
    return weft_posix_guard.run(NULL, fn, arg, &depth, fault);
}

struct death {
    int signo;
    char text[8192];
};

static struct death dies(void (*fn)(void)) {
    struct death death = {.signo = -1};
    int ends[2], status = 0;
    size_t used = 0;
    if (pipe(ends) != 0) return death;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; used < sizeof death.text - 1; used += (size_t)got) {
        got = read(ends[0], death.text + used, sizeof death.text - 1 - used);
        if (got <= 0) break;
    }
    close(ends[0]);
    waitpid(child, &status, 0);
    death.signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return death;
}

static void print_context(void *ctx, int fd) {
    char text[64];
    int size = snprintf(text, sizeof text, "seed %d node 7\n", *(int *)ctx);
    if (write(fd, text, (size_t)size) != size) _exit(1);
}

static void panic_with_context(void) {
    static int seed = 4711;
    weft_posix_panic_context(print_context, &seed);
    weft_panic("some/file.c", 12, "the words");
}

static void a_panic_prints_place_context_and_backtrace(void) {
    struct death death = dies(panic_with_context);
    CHECK_EQ_INT(death.signo, SIGABRT);
    static const char head[] = "panic: some/file.c:12: the words\nseed 4711 node 7\n";
    CHECK(strncmp(death.text, head, strlen(head)) == 0);
    CHECK(strstr(death.text, "[0x") != NULL);
}

static void fault_outside(void) { writes_to_null(NULL); }

static void a_fault_outside_a_guard_is_a_panic_that_tells_the_address(void) {
    struct death death = dies(fault_outside);
    CHECK_EQ_INT(death.signo, SIGABRT);
    CHECK(strncmp(death.text, "panic: bad memory access, address 0x10, code 0x", 47) == 0);
}

static void overflow_outside(void) { overflows(NULL); }

static void a_stack_overflow_outside_a_guard_is_told(void) {
    struct death death = dies(overflow_outside);
    CHECK_EQ_INT(death.signo, SIGABRT);
    CHECK(strncmp(death.text, "panic: stack overflow, address 0x", 33) == 0);
}

static void assert_then_fault(void *ctx, int fd) {
    (void)ctx;
    (void)fd;
    writes_to_null(NULL);
}

static void panic_in_panic(void) {
    weft_posix_panic_context(assert_then_fault, NULL);
    weft_panic("some/file.c", 12, "the words");
}

static void a_fault_while_panicking_ends_the_program(void) {
    struct death death = dies(panic_in_panic);
    CHECK_EQ_INT(death.signo, SIGABRT);
    CHECK_EQ_TEXT(death.text, "panic: some/file.c:12: the words\n");
}

static void ignore_abort(void) {
    signal(SIGABRT, SIG_IGN);
    weft_panic("some/file.c", 12, "the words");
}

static void a_panic_cannot_be_ignored(void) { CHECK_EQ_INT(dies(ignore_abort).signo, SIGABRT); }

static void kills_itself(void *arg) {
    (void)arg;
    kill(getpid(), SIGSEGV);
    sleep(1);
}

static void signalled(void) {
    struct weft_fault fault;
    run(kills_itself, NULL, &fault);
}

static void a_signal_sent_from_outside_is_no_fault_of_the_function(void) {
    struct death death = dies(signalled);
    CHECK_EQ_INT(death.signo, SIGABRT);
    CHECK(strncmp(death.text, "panic: a fault's signal was sent from outside", 45) == 0);
}

static void deeper_fault(void *arg) {
    ++*(volatile int *)arg;
    writes_to_null(NULL);
}

static void runtime_fault(void) {
    struct weft_fault fault;
    run(deeper_fault, (void *)(uintptr_t)&depth, &fault);
}

static void a_signal_while_the_runtime_works_is_a_panic(void) {
    struct death death = dies(runtime_fault);
    CHECK_EQ_INT(death.signo, SIGABRT);
    CHECK(strncmp(death.text, "panic: bad memory access", 24) == 0);
}

static void guard_in_runtime(void *arg) {
    struct weft_fault fault;
    depth++;
    *(bool *)arg = run(asserts, NULL, &fault);
    depth--;
}

static void the_depth_that_counts_is_the_one_at_entry(void) {
    struct weft_fault fault;
    bool inner = true;
    CHECK(run(guard_in_runtime, &inner, &fault));
    CHECK(!inner);
    CHECK_EQ_INT(depth, 0);
}

static void a_stack_overflow_with_wide_frames_is_one(void) {
    for (int levels = 0; levels < 500; levels += 61) {
        struct weft_fault fault;
        CHECK(!run(overflows_wide, &levels, &fault));
        CHECK_EQ_INT(fault.kind, WEFT_FAULT_STACK);
        CHECK(fault.address != 0);
    }
}

/* In a thread: its own stack, its own guards. */
struct thread_result {
    bool returned, overflowed, asserted;
    struct weft_fault overflow, assertion;
    int count;
};

static void *in_a_thread(void *arg) {
    struct thread_result *result = arg;
    weft_posix_guard_install();
    weft_posix_guard_install();
    result->overflowed = !run(overflows, NULL, &result->overflow);
    result->asserted = !run(asserts, NULL, &result->assertion);
    result->returned = run(counts, &result->count, &result->assertion);
    weft_posix_guard_remove();
    weft_posix_guard_remove();
    return NULL;
}

static void every_thread_has_guards_of_its_own(void) {
    struct thread_result result = {.count = 0};
    pthread_t thread;
    pthread_attr_t attr;
    REQUIRE(pthread_attr_init(&attr) == 0);
    pthread_attr_setstacksize(&attr, 1 << 20);
    REQUIRE(pthread_create(&thread, &attr, in_a_thread, &result) == 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    CHECK(result.overflowed);
    CHECK_EQ_INT(result.overflow.kind, WEFT_FAULT_STACK);
    CHECK(result.asserted);
    CHECK(result.returned);
    CHECK_EQ_INT(result.count, 1);
}

static void run_without_install(void) {
    struct weft_fault fault;
    weft_posix_guard_remove();
    run(counts, &(int){0}, &fault);
}

static void a_guard_without_install_is_a_panic(void) {
    struct death death = dies(run_without_install);
    CHECK_EQ_INT(death.signo, SIGABRT);
    CHECK(strstr(death.text, "alternate != NULL") != NULL);
}

/* Where the fault is found, whether the debug information is being read or not. */
static void places_are_the_same_while_they_are_read_ahead(void) {
    struct weft_place first, place;
    uintptr_t code = (uintptr_t)writes_to_null + 1;
    weft_posix_guard.describe(NULL, code, &first);
    for (int i = 0; i < 8; i++) {
        weft_posix_places_read();
        weft_posix_guard.describe(NULL, code, &place);
        CHECK_EQ_TEXT(place.function, "writes_to_null");
        CHECK_EQ_TEXT(place.file, first.file);
        CHECK_EQ_INT(place.line, first.line);
    }
}

static const struct test_case cases[] = {
    TEST(a_panic_prints_place_context_and_backtrace),
    TEST(a_fault_outside_a_guard_is_a_panic_that_tells_the_address),
    TEST(a_stack_overflow_outside_a_guard_is_told),
    TEST(a_fault_while_panicking_ends_the_program),
    TEST(a_panic_cannot_be_ignored),
    TEST(a_signal_sent_from_outside_is_no_fault_of_the_function),
    TEST(a_signal_while_the_runtime_works_is_a_panic),
    TEST(the_depth_that_counts_is_the_one_at_entry),
    TEST(a_stack_overflow_with_wide_frames_is_one),
    TEST(every_thread_has_guards_of_its_own),
    TEST(a_guard_without_install_is_a_panic),
    TEST(places_are_the_same_while_they_are_read_ahead),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    return test_main("posix/guard", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
