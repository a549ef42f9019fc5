/* The watchdog: real handlers that do not return, in real processes of a real scheduler. */
#define _GNU_SOURCE
#include "core/posix/guard.h"
#include "core/posix/watchdog.h"
#include "tests/unit/otp/fake_env.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ThreadSanitizer keeps signals back until the program calls something: a loop is never left. */
#if defined(__SANITIZE_THREAD__)
#define CAN_INTERRUPT 0
#else
#define CAN_INTERRUPT 1
#endif

/* A handler that is ended between an allocation and writing down its address loses it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:loops_in_malloc"; }

#define LIMIT WEFT_MS(100)
#define TICK WEFT_MS(10)

static weft_pid a, b;
static volatile int forever = 1;
static volatile unsigned sum;
static char *volatile text;
static void *volatile held; /* what the end of a handler leaves behind is found by tools */

static void loops(weft_self *self) {
    (void)self;
    while (forever) sum++;
}

static void loops_in_calls(weft_self *self) {
    while (forever) (void)weft_alive(self, a);
}

static void loops_in_libc(weft_self *self) {
    (void)self;
    while (forever) sum += (unsigned)strlen(text);
}

static void loops_in_malloc(weft_self *self) {
    (void)self;
    while (forever) {
        held = malloc(100);
        free(held);
    }
}

/* libc's name for it only jumps to what takes the lock. */
static void loops_in_setenv(weft_self *self) {
    (void)self;
    while (forever) {
        setenv("WEFT_TEST", "x", 1);
        for (int i = 0; i < 100; i++) sum++; /* or it would be too seldom where it can be left */
    }
}

static void sleeps(weft_self *self) {
    (void)self;
    while (forever) sleep(100); /* a tick wakes it */
}

static void reads_a_silent_pipe(weft_self *self) {
    int ends[2];
    char byte;
    (void)self;
    if (pipe(ends) == 0 && read(ends[0], &byte, 1) == 1) sum++;
}

static void link_b(weft_self *self) { weft_link(self, b); }

static weft_time machine_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return WEFT_S(time.tv_sec) + time.tv_nsec;
}

static void open_watched(weft_duration handler_max) {
    world_handler_max = handler_max;
    world_open();
    CHECK_EQ_INT(weft_posix_watchdog_start(weft_sched_watch(world.sched), TICK), WEFT_OK);
    a = probe("a", PROBE_TRAP), b = probe("b", 0);
    in(a, link_b);
}

static void close_watched(void) {
    weft_posix_watchdog_stop();
    world_close();
}

static void ends_hanging(void (*hang)(weft_self *self)) {
    if (!CAN_INTERRUPT) return;
    open_watched(LIMIT);
    weft_time start = machine_time();
    in(b, hang);
    weft_duration took = machine_time() - start;
    CHECK(!alive(b));
    CHECK(alive(a));
    CHECK(took >= LIMIT - TICK);
    CHECK_LOG("a exit b fault/7");
    const struct fake_trace *trace = traced_last(WEFT_TRACE_PROC_EXIT);
    CHECK_EQ_UINT(trace->number[2], WEFT_FAULT_HANG);
    CHECK(strncmp(trace->text, "handler ran for 0.", 18) == 0);
    close_watched();
}

static void a_handler_that_never_returns_ends_its_process(void) { ends_hanging(loops); }

static void a_handler_that_keeps_the_runtime_busy_is_ended(void) { ends_hanging(loops_in_calls); }

static void a_handler_that_hangs_in_a_string_function_is_ended(void) {
    text = malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    ends_hanging(loops_in_libc);
    free(text);
}

static void a_handler_that_allocates_for_ever_is_ended_outside_malloc(void) {
    ends_hanging(loops_in_malloc);
    for (int i = 0; i < 1000; i++) free(malloc((size_t)i + 1)); /* its locks are free */
}

static void a_handler_is_not_left_where_libc_holds_a_lock(void) {
    alarm(60); /* a lock that is held makes the next call wait for ever */
    for (int i = 0; i < 5; i++) {
        ends_hanging(loops_in_setenv);
        setenv("WEFT_TEST", "y", 1);
    }
    alarm(0);
}

static void a_handler_that_waits_is_ended(void) {
    ends_hanging(sleeps);
    ends_hanging(reads_a_silent_pipe);
}

static void the_log_names_where_it_hung(void) {
    if (!CAN_INTERRUPT) return;
    open_watched(LIMIT);
    in(b, loops);
    bool named = false;
    for (size_t i = 0; i < world.traces_count; i++)
        named = named || strncmp(world.traces[i].text, "    at loops (", 14) == 0;
    CHECK(named);
    CHECK_LOG("a exit b fault/7");
    close_watched();
}

static void works_for(weft_duration time) {
    weft_time end = machine_time() + time;
    while (machine_time() < end) sum++;
}

static void works_a_little(weft_self *self) {
    (void)self;
    works_for(LIMIT / 4);
}

static void handlers_that_return_in_time_are_left_alone(void) {
    open_watched(LIMIT);
    for (int i = 0; i < 12; i++) in_later(b, works_a_little); /* a turn longer than the limit */
    settle();
    CHECK(alive(b));
    CHECK_EQ_UINT(stats().faulted, 0);
    close_watched();
}

static void works_long(weft_self *self) {
    (void)self;
    works_for(3 * LIMIT);
}

static void without_a_limit_a_handler_may_take_its_time(void) {
    open_watched(0);
    in(b, works_long);
    CHECK(alive(b));
    close_watched();
}

static void handle_long(weft_self *self, const struct weft_msg *msg) {
    (void)msg;
    works_long(self);
}

static const struct weft_behaviour patient = {
    .name = "patient", .version = 1, .handle = handle_long, .handler_max = WEFT_TIME_NEVER};
static const struct weft_behaviour hasty = {
    .name = "hasty", .version = 1, .handle = handle_long, .handler_max = LIMIT};

static weft_pid born;
static const struct weft_behaviour *kind;

static void bear(weft_self *self) {
    struct weft_spawn spawn = {.behaviour = kind};
    CHECK_EQ_INT(weft_spawn(self, &spawn, &born), WEFT_OK);
    CHECK_EQ_INT(weft_send(self, born, 0, weft_bytes(NULL, 0)), WEFT_OK);
}

static void a_behaviour_has_a_limit_of_its_own(void) {
    if (!CAN_INTERRUPT) return;
    open_watched(LIMIT);
    kind = &patient;
    in(a, bear);
    CHECK(alive(born));
    close_watched();
    open_watched(0);
    kind = &hasty;
    in(a, bear);
    CHECK(!alive(born));
    close_watched();
}

static int init_loops(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    loops(self);
    return WEFT_OK;
}

static const struct weft_behaviour stuck = {
    .name = "stuck", .version = 1, .handle = handle_long, .init = init_loops};
static int rv;

static void bear_stuck(weft_self *self) {
    rv = weft_spawn(self, &(struct weft_spawn){.behaviour = &stuck}, &born);
}

static void an_init_that_hangs_fails_the_start_and_spares_the_parent(void) {
    if (!CAN_INTERRUPT) return;
    open_watched(LIMIT);
    in(b, bear_stuck);
    CHECK_EQ_INT(rv, WEFT_ERR_FAULT);
    CHECK(alive(b));
    close_watched();
}

static void hang_in_the_runtime(void *arg) {
    ++*(volatile int *)arg;
    while (forever) sum++;
}

static void hang_inside(void) {
    static struct weft_watch watch = {.beat = 1, .limit = WEFT_MS(20)};
    static volatile int depth;
    struct weft_fault fault;
    weft_posix_watchdog_start(&watch, WEFT_MS(2));
    weft_posix_guard.run(NULL, hang_in_the_runtime, (void *)(uintptr_t)&depth, &depth, &fault);
}

static void a_runtime_that_never_returns_is_a_panic(void) {
    char said[4096] = "";
    int ends[2], status = 0;
    if (!CAN_INTERRUPT || !CHECK_EQ_INT(pipe(ends), 0)) return;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        hang_inside();
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; used < sizeof said - 1; used += (size_t)got)
        if ((got = read(ends[0], said + used, sizeof said - 1 - used)) <= 0) break;
    waitpid(child, &status, 0);
    close(ends[0]);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(said, "panic: a handler does not return, and cannot be left") == said);
    CHECK(strstr(said, "    at hang_in_the_runtime (") != NULL);
}

static const struct test_case cases[] = {
    TEST(a_handler_that_never_returns_ends_its_process),
    TEST(a_handler_that_keeps_the_runtime_busy_is_ended),
    TEST(a_handler_that_hangs_in_a_string_function_is_ended),
    TEST(a_handler_that_allocates_for_ever_is_ended_outside_malloc),
    TEST(a_handler_is_not_left_where_libc_holds_a_lock),
    TEST(a_handler_that_waits_is_ended),
    TEST(the_log_names_where_it_hung),
    TEST(handlers_that_return_in_time_are_left_alone),
    TEST(without_a_limit_a_handler_may_take_its_time),
    TEST(a_behaviour_has_a_limit_of_its_own),
    TEST(an_init_that_hangs_fails_the_start_and_spares_the_parent),
    TEST(a_runtime_that_never_returns_is_a_panic),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    return test_main("otp/isolation_watchdog", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
