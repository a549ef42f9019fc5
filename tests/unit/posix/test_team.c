/* A team: who does what, how long anybody waits, and what a thread of it may do. */
#define _GNU_SOURCE
#include "core/base/error.h"
#include "core/posix/confine.h"
#include "core/posix/guard.h"
#include "core/posix/team.h"
#include "tests/harness/harness.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMBERS 3
#define ROUNDS 2000u

struct work {
    pthread_t thread[MEMBERS];
    unsigned calls[MEMBERS], strangers, behind;
    unsigned round;
};

/* What the others wrote in the round before is seen; the thread of each index is always the same.
 */
static void do_work(void *arg, uint32_t index) {
    struct work *work = arg;
    if (work->calls[index] == 0) work->thread[index] = pthread_self();
    if (!pthread_equal(work->thread[index], pthread_self()))
        __atomic_fetch_add(&work->strangers, 1, __ATOMIC_RELAXED);
    if (work->calls[index] != work->round) __atomic_fetch_add(&work->behind, 1, __ATOMIC_RELAXED);
    work->calls[index]++;
}

static void everybody_does_each_work_once_on_a_thread_of_its_own(void) {
    struct weft_posix_team *team;
    struct work work = {0};
    CHECK_EQ_INT(weft_posix_team_new(MEMBERS, &team), WEFT_OK);
    for (; work.round < ROUNDS; work.round++) {
        weft_posix_team_run(team, do_work, &work);
        for (unsigned i = 0; i < MEMBERS; i++) CHECK_EQ_UINT(work.calls[i], work.round + 1);
    }
    CHECK_EQ_UINT(work.strangers, 0);
    CHECK_EQ_UINT(work.behind, 0);
    CHECK(pthread_equal(work.thread[0], pthread_self()));
    CHECK(!pthread_equal(work.thread[1], work.thread[0]));
    CHECK(!pthread_equal(work.thread[1], work.thread[2]));
    weft_posix_team_free(team);
}

static void who_sleeps_is_woken(void) {
    struct weft_posix_team *team;
    struct work work = {0};
    CHECK_EQ_INT(weft_posix_team_new(MEMBERS, &team), WEFT_OK);
    for (; work.round < 3; work.round++) {
        usleep(20000); /* longer than anybody waits busily */
        weft_posix_team_run(team, do_work, &work);
    }
    CHECK_EQ_UINT(work.calls[MEMBERS - 1], 3);
    usleep(20000);
    weft_posix_team_free(team);
}

static void late(void *arg, uint32_t index) {
    if (index > 0) usleep(20000);
    __atomic_fetch_add((unsigned *)arg, 1, __ATOMIC_RELAXED);
}

static void the_caller_waits_for_the_slowest(void) {
    struct weft_posix_team *team;
    unsigned count = 0;
    CHECK_EQ_INT(weft_posix_team_new(MEMBERS, &team), WEFT_OK);
    weft_posix_team_run(team, late, &count);
    CHECK_EQ_UINT(count, MEMBERS);
    weft_posix_team_free(team);
}

static void look_at_mask(void *arg, uint32_t index) {
    if (index > 0) pthread_sigmask(SIG_SETMASK, NULL, arg);
}

static void faults_are_a_members_own_and_other_signals_are_not(void) {
    struct weft_posix_team *team;
    sigset_t mask, before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    CHECK_EQ_INT(weft_posix_team_new(2, &team), WEFT_OK);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    weft_posix_team_run(team, look_at_mask, &mask);
    CHECK_EQ_INT(sigismember(&mask, SIGSEGV), 0);
    CHECK_EQ_INT(sigismember(&mask, SIGABRT), 0);
    CHECK_EQ_INT(sigismember(&mask, SIGSYS), 0);
    CHECK_EQ_INT(sigismember(&mask, SIGINT), 1);
    CHECK_EQ_INT(sigismember(&mask, SIGTERM), 1);
    CHECK_EQ_INT(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
    weft_posix_team_free(team);
}

/* --- confined, in a program of its own --- */

#define NOT_CONFINED 77

static void read_tsc(void *arg, uint32_t index) {
#if defined(__x86_64__)
    if (index == *(uint32_t *)arg) (void)*(volatile uint64_t *)&(uint64_t){__builtin_ia32_rdtsc()};
#else
    (void)arg;
    (void)index;
#endif
}

static void nothing(void *arg, uint32_t index) {
    (void)arg;
    (void)index;
}

_Noreturn static void confined_team(uint32_t who) {
    struct weft_posix_team *team;
    if (weft_posix_team_new(2, &team) != WEFT_OK) _exit(1);
    weft_posix_team_run(team, nothing, NULL); /* at work before, too */
    weft_posix_guard_install();
    if (weft_posix_confine() != WEFT_OK) _exit(NOT_CONFINED);
    weft_posix_team_run(team, nothing, NULL);
    weft_posix_team_run(team, read_tsc, &who);
    _exit(0);
}

/* What it says and how it ends. */
static int of_child(uint32_t who, char *text, size_t size) {
    int ends[2], status;
    if (pipe(ends) != 0) abort();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        confined_team(who);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; length + 1 < size; length += (size_t)got) {
        got = read(ends[0], text + length, size - 1 - length);
        if (got <= 0) break;
    }
    text[length] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void in_a_confined_program_no_member_reads_the_time_stamp_counter(void) {
    char text[8192];
    for (uint32_t who = 0; who < 2; who++) {
        int status = of_child(who, text, sizeof text);
        if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_CONFINED) return;
        CHECK(WIFSIGNALED(status));
        CHECK(strstr(text, "stray call: a clock was read (rdtsc)") != NULL);
    }
    CHECK(WIFEXITED(of_child(2, text, sizeof text)));
}

TEST_MAIN("posix/team", TEST(everybody_does_each_work_once_on_a_thread_of_its_own),
          TEST(who_sleeps_is_woken), TEST(the_caller_waits_for_the_slowest),
          TEST(faults_are_a_members_own_and_other_signals_are_not),
          TEST(in_a_confined_program_no_member_reads_the_time_stamp_counter))
