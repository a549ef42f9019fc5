/* Jobs beyond the contract: threads that compute, do not let go, and outlive nobody. */
#define _GNU_SOURCE
#include "core/base/error.h"
#include "core/base/limits.h"
#include "core/posix/guard_internal.h"
#include "core/posix/loop.h"
#include "core/posix/watchdog.h"
#include "tests/harness/harness.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__) /* keeps signals back from a loop that calls nothing */
#define CAN_INTERRUPT 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAN_INTERRUPT 0
#endif
#endif
#ifndef CAN_INTERRUPT
#define CAN_INTERRUPT 1
#endif

static int gate; /* jobs wait for it */
static unsigned turns;

struct got {
    unsigned count;
    uint64_t last;
    int error;
    char text[200];
};

static void deliver(void *ctx, const struct weft_event *event) {
    struct got *got = ctx;
    if (event->kind != WEFT_EVENT_JOB) return;
    size_t size = event->size < sizeof got->text - 1 ? event->size : sizeof got->text - 1;
    got->count++;
    got->last = event->socket;
    got->error = event->error;
    if (size > 0) memcpy(got->text, event->data, size);
    got->text[size] = '\0';
}

static bool run(void *ctx) {
    (void)ctx;
    return false;
}

static weft_time never(void *ctx) {
    (void)ctx;
    return WEFT_TIME_NEVER;
}

static struct weft_posix *open_pool(uint32_t threads) {
    struct weft_posix *posix = NULL;
    struct weft_posix_config config = {.job_threads = threads};
    __atomic_store_n(&gate, 0, __ATOMIC_SEQ_CST);
    if (!CHECK_EQ_INT(weft_posix_new(&config, &posix), WEFT_OK)) return NULL;
    return posix;
}

static void wait_for(struct weft_posix *posix, struct got *got, unsigned count) {
    struct weft_posix_driver driver = {
        .ctx = got, .deliver = deliver, .run = run, .next_at = never, .done = run};
    for (int i = 0; i < 100 && got->count < count; i++)
        CHECK_EQ_INT(weft_posix_turn(posix, &driver, WEFT_MS(100)), WEFT_OK);
    CHECK_EQ_UINT(got->count, count);
}

static int submit(struct weft_posix *posix, uint64_t id, weft_job_fn fn) {
    struct weft_env *env = weft_posix_env(posix);
    struct weft_job_request request = {.owner = 1, .id = id, .fn = fn, .result_max = 64};
    return env->job->submit(env, &request);
}

static void cancel(struct weft_posix *posix, uint64_t id) {
    struct weft_env *env = weft_posix_env(posix);
    env->job->cancel(env, 1, id);
}

static int returns(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    return WEFT_OK;
}

static int waits(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    while (__atomic_load_n(&gate, __ATOMIC_SEQ_CST) == 0) usleep(1000);
    return WEFT_OK;
}

static int loops(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    while (__atomic_load_n(&gate, __ATOMIC_RELAXED) == 0)
        __atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
    return WEFT_OK;
}

__attribute__((no_sanitize("undefined"), noinline)) static int
writes_to_null(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    volatile int *volatile nowhere = NULL;
    *nowhere = 1;
    return WEFT_OK;
}

static void a_crash_names_function_file_and_line(void) {
    struct weft_posix *posix = open_pool(1);
    struct got got = {.count = 0};
    CHECK_EQ_INT(submit(posix, 1, writes_to_null), WEFT_OK);
    wait_for(posix, &got, 1);
    CHECK_EQ_INT(got.error, WEFT_ERR_FAULT);
    CHECK(strncmp(got.text, "bad memory access in writes_to_null (", 37) == 0);
    CHECK(strstr(got.text, "test_job.c:") != NULL);
    weft_posix_free(posix);
}

static void a_job_that_is_given_up_does_not_hold_up_the_next(void) {
    struct weft_posix *posix = open_pool(1);
    struct got got = {.count = 0};
    CHECK_EQ_INT(submit(posix, 1, waits), WEFT_OK);
    usleep(20000); /* it runs, most likely; if not yet, it is dropped from the queue */
    CHECK_EQ_INT(submit(posix, 2, returns), WEFT_OK);
    cancel(posix, 1);
    wait_for(posix, &got, 1);
    CHECK_EQ_UINT(got.last, 2);
    __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
    weft_posix_free(posix);
}

/* For 100 ms, within a minute: on a busy machine the thread may come late to its own end. */
static bool turns_no_more(void) {
    unsigned before = __atomic_load_n(&turns, __ATOMIC_RELAXED), quiet = 0;
    for (int i = 0; i < 6000 && quiet < 10; i++) {
        usleep(10000);
        unsigned now = __atomic_load_n(&turns, __ATOMIC_RELAXED);
        quiet = now == before ? quiet + 1 : 0;
        before = now;
    }
    return quiet == 10;
}

static void a_job_that_never_returns_is_ended_when_it_is_given_up(void) {
    if (!CAN_INTERRUPT) return;
    struct weft_posix *posix = open_pool(1);
    struct got got = {.count = 0};
    CHECK_EQ_INT(submit(posix, 1, loops), WEFT_OK);
    usleep(20000);
    cancel(posix, 1);
    CHECK(turns_no_more());
    CHECK_EQ_INT(submit(posix, 2, returns), WEFT_OK);
    wait_for(posix, &got, 1);
    weft_posix_free(posix);
}

static void loops_for_a_while(void *arg) {
    struct timespec from, to;
    (void)arg;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        clock_gettime(CLOCK_MONOTONIC, &to);
        for (unsigned i = 0; i < 1000; i++) __atomic_fetch_add(&turns, 1, __ATOMIC_RELAXED);
    } while (to.tv_sec - from.tv_sec < 5);
}

/* The thread has taken the job, and lost the processor before it entered the guard. */
static void a_job_given_up_before_its_guard_is_entered_is_ended_in_it(void) {
    if (!CAN_INTERRUPT) return;
    struct weft_watch watch = {.limit = 1};
    struct weft_fault fault = {.kind = WEFT_FAULT_NONE};
    volatile int depth = 0;
    if (!CHECK_EQ_INT(weft_posix__watchdog_on_call(&watch), WEFT_OK)) return;
    weft_posix__watchdog_call(pthread_self());
    usleep(20000);
    CHECK(!weft_posix_guard.run(NULL, loops_for_a_while, NULL, &depth, &fault));
    CHECK_EQ_INT(fault.kind, WEFT_FAULT_HANG);
    weft_posix_watchdog_stop();
}

static void a_node_that_ends_does_not_wait_for_its_jobs(void) {
    if (!CAN_INTERRUPT) return;
    struct weft_posix *posix = open_pool(2);
    struct timespec from, to;
    for (uint64_t id = 1; id <= 3; id++) CHECK_EQ_INT(submit(posix, id, loops), WEFT_OK);
    usleep(20000);
    clock_gettime(CLOCK_MONOTONIC, &from);
    weft_posix_free(posix);
    clock_gettime(CLOCK_MONOTONIC, &to);
    CHECK(to.tv_sec - from.tv_sec < 2);
}

static int opens(struct weft_bytes arg, struct weft_job_out *out) {
    (void)arg;
    (void)out;
    __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
    return WEFT_OK;
}

/* The first of two wakes the one thread that waits; the second needs one of its own. */
static void a_job_does_not_wait_behind_another_while_threads_are_left(void) {
    struct weft_posix *posix = open_pool(4);
    struct got got = {.count = 0};
    for (unsigned round = 0; round < 20; round++) {
        CHECK_EQ_INT(submit(posix, 1, returns), WEFT_OK);
        wait_for(posix, &got, 1);
        usleep(1000); /* now a thread waits */
        got.count = 0;
        __atomic_store_n(&gate, 0, __ATOMIC_SEQ_CST);
        CHECK_EQ_INT(submit(posix, 2, waits), WEFT_OK);
        CHECK_EQ_INT(submit(posix, 3, opens), WEFT_OK);
        wait_for(posix, &got, 2);
        if (got.count < 2) break;
        got.count = 0;
        weft_posix_free(posix);
        posix = open_pool(4);
    }
    __atomic_store_n(&gate, 1, __ATOMIC_SEQ_CST);
    weft_posix_free(posix);
}

static void a_thousand_jobs_answer_once_each(void) {
    struct weft_posix *posix = open_pool(4);
    struct got got = {.count = 0};
    unsigned asked = 0;
    for (uint64_t id = 1; id <= 1000; id++) {
        while (submit(posix, id, returns) == WEFT_ERR_FULL) wait_for(posix, &got, asked);
        asked++;
        if (id % 7 == 0) {
            cancel(posix, id);
            asked--;
        }
    }
    wait_for(posix, &got, asked);
    weft_posix_free(posix);
}

static const struct test_case cases[] = {
    TEST(a_crash_names_function_file_and_line),
    TEST(a_job_that_is_given_up_does_not_hold_up_the_next),
    TEST(a_job_that_never_returns_is_ended_when_it_is_given_up),
    TEST(a_job_given_up_before_its_guard_is_entered_is_ended_in_it),
    TEST(a_node_that_ends_does_not_wait_for_its_jobs),
    TEST(a_job_does_not_wait_behind_another_while_threads_are_left),
    TEST(a_thousand_jobs_answer_once_each),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    return test_main("posix/job", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
