/* The log's overload protection. */
#define _GNU_SOURCE
#include "core/weftd/log.h"

#include "tests/harness/harness.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Standard error into a pipe. */
static int kept, reader;

static void open_pipe(void) {
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    kept = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    reader = ends[0];
    fcntl(reader, F_SETFL, O_NONBLOCK);
}

static size_t read_all(char *text, size_t size) {
    size_t used = 0;
    ssize_t got;
    while (used < size - 1 && (got = read(reader, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    return used;
}

static void close_pipe(void) {
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(reader);
}

/* Just after a second has begun. */
static void wait_for_second(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct timespec rest = {.tv_nsec = 1000000000 - now.tv_nsec};
    if (rest.tv_nsec == 1000000000) rest.tv_nsec = 999999999;
    nanosleep(&rest, NULL);
}

static char text[1 << 20];

static void a_line_has_a_time_a_level_and_a_text(void) {
    open_pipe();
    log_line(WEFT_LOG_WARN, "%s %d", "seven is", 7);
    read_all(text, sizeof text);
    close_pipe();
    CHECK_EQ_INT(strlen(text), strlen("2026-01-31T12:00:00.123Z warn  seven is 7\n"));
    CHECK(strstr(text, "Z warn  seven is 7\n") != NULL);
}

static void a_reader_who_reads_nothing_does_not_stop_the_log(void) {
    char big[400];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    open_pipe();
    wait_for_second();
    for (int i = 0; i < 300; i++) log_line(WEFT_LOG_ERROR, "%s", big); /* over 64 KiB */
    size_t size = read_all(text, sizeof text);
    log_line(WEFT_LOG_ERROR, "after");
    read_all(text, sizeof text);
    close_pipe();
    CHECK(size <= 65536);
    CHECK(strstr(text, "lines left out\n") != NULL);
    CHECK(strstr(text, "error after\n") != NULL);
}

static int lines(void) {
    int count = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) count++;
    return count;
}

static void a_burst_is_cut_and_what_was_left_out_is_counted(void) {
    open_pipe();
    wait_for_second();
    for (int i = 0; i < LOG_BURST_MAX + 7; i++) log_line(WEFT_LOG_ERROR, "line");
    read_all(text, sizeof text);
    int first = lines();
    bool told = strstr(text, "rest of this second is left out\n") != NULL;
    wait_for_second();
    log_line(WEFT_LOG_ERROR, "next");
    read_all(text, sizeof text);
    close_pipe();
    CHECK_EQ_INT(first, LOG_BURST_MAX + 1);
    CHECK(told);
    CHECK(strstr(text, "log: 7 lines left out\n") != NULL);
    CHECK_EQ_INT(lines(), 2);
}

#define WRITERS 4
#define WRITES 50

static void *log_some(void *arg) {
    for (int i = 0; i < WRITES; i++) log_line(WEFT_LOG_ERROR, "%d %d.", *(const int *)arg, i);
    return NULL;
}

/* How many lines of `writer` there are, each where it belongs among them. */
static int in_order(int writer) {
    char wanted[32];
    int count = 0;
    const char *at = text;
    for (; count < WRITES; count++) {
        snprintf(wanted, sizeof wanted, "error %d %d.\n", writer, count);
        if ((at = strstr(at, wanted)) == NULL) break;
    }
    return count;
}

static void lines_that_a_thread_writes_are_whole_and_in_order(void) {
    pthread_t thread[WRITERS];
    int number[WRITERS];
    open_pipe();
    wait_for_second();
    log_start();
    for (int i = 0; i < WRITERS; i++) {
        number[i] = i;
        REQUIRE(pthread_create(&thread[i], NULL, log_some, &number[i]) == 0);
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(thread[i], NULL);
    log_stop();
    log_line(WEFT_LOG_ERROR, "after");
    read_all(text, sizeof text);
    close_pipe();
    CHECK_EQ_INT(lines(), WRITERS * WRITES + 1);
    for (int i = 0; i < WRITERS; i++) CHECK_EQ_INT(in_order(i), WRITES);
    CHECK(strstr(text, "error after\n") == text + strlen(text) - strlen("error after\n"));
}

static void a_reader_who_reads_nothing_does_not_stop_who_logs(void) {
    char big[400];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    open_pipe();
    wait_for_second();
    log_start();
    for (int i = 0; i < 300; i++) log_line(WEFT_LOG_ERROR, "%s", big); /* over 64 KiB */
    log_stop();
    read_all(text, sizeof text);
    log_line(WEFT_LOG_ERROR, "after");
    read_all(text, sizeof text);
    close_pipe();
    CHECK(strstr(text, "lines left out\n") != NULL);
    CHECK(strstr(text, "error after\n") != NULL);
}

TEST_MAIN("weftd/log", TEST(lines_that_a_thread_writes_are_whole_and_in_order),
          TEST(a_reader_who_reads_nothing_does_not_stop_who_logs),
          TEST(a_line_has_a_time_a_level_and_a_text),
          TEST(a_reader_who_reads_nothing_does_not_stop_the_log),
          TEST(a_burst_is_cut_and_what_was_left_out_is_counted))
