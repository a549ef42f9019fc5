/* Events of a run through a pipe. Both ends are this program, so a record is a struct. */
#define _GNU_SOURCE
#include "sim/cli/feed.h"

#include "core/base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIPE_SIZE (1 << 20)
#define ROOM_LEAST (2 * CLI_FEED_BUFFER)

struct record {
    weft_time at;
    uint64_t number[WEFT_TRACE_NUMBERS];
    uint32_t node, kind, size;
    uint32_t zero;
};

/* --- the run's side --- */

static int run_child(int fd, int (*child)(void *ctx, int fd), void *ctx) {
    signal(SIGPIPE, SIG_IGN); /* a browser may go away */
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return 1;
    return child(ctx, fd);
}

bool cli_feed_start(struct cli_feed *feed, int (*child)(void *ctx, int fd), void *ctx) {
    int ends[2];
    *feed = (struct cli_feed){.fd = -1, .buffer = malloc(CLI_FEED_BUFFER)};
    if (feed->buffer == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        fputs("weft: no pipe to show the run by\n", stderr);
        free(feed->buffer);
        return false;
    }
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* else it is smaller */
    signal(SIGPIPE, SIG_IGN);
    feed->child = fork();
    if (feed->child == 0) {
        close(ends[1]);
        _exit(run_child(ends[0], child, ctx));
    }
    close(ends[0]);
    feed->fd = ends[1];
    if (feed->child > 0) return true;
    fputs("weft: no process to show the run by\n", stderr);
    close(feed->fd);
    free(feed->buffer);
    return false;
}

static void write_all(struct cli_feed *feed, const void *data, size_t size) {
    const unsigned char *at = data;
    while (size > 0 && !feed->gone) {
        ssize_t done = write(feed->fd, at, size);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) {
            feed->gone = true;
            return;
        }
        at += done;
        size -= (size_t)done;
    }
}

void cli_feed_flush(struct cli_feed *feed) {
    write_all(feed, feed->buffer, feed->used);
    feed->used = 0;
}

static void put(struct cli_feed *feed, const void *data, size_t size) {
    if (size > CLI_FEED_BUFFER - feed->used) cli_feed_flush(feed);
    if (size > CLI_FEED_BUFFER) {
        write_all(feed, data, size);
        return;
    }
    if (size > 0) memcpy(feed->buffer + feed->used, data, size);
    feed->used += size;
}

void cli_feed_event(struct cli_feed *feed, const struct weft_trace_event *event) {
    WEFT_ASSERT(event->bytes.size <= UINT32_MAX);
    if (feed->gone) return;
    struct record record = {.at = event->at,
                            .node = event->node,
                            .kind = (uint32_t)event->kind,
                            .size = (uint32_t)event->bytes.size};
    memcpy(record.number, event->number, sizeof record.number);
    put(feed, &record, sizeof record);
    put(feed, event->bytes.data, event->bytes.size);
}

/* The signals are blocked before anybody is told to send them: none comes between two looks. */
void cli_feed_wait(struct cli_feed *feed, const char *words) {
    sigset_t ends;
    int status, signo = SIGCHLD;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    cli_feed_flush(feed);
    if (words != NULL) fprintf(stderr, "%s\n", words);
    while (signo == SIGCHLD && feed->child > 0) {
        if (waitpid(feed->child, &status, WNOHANG) == feed->child)
            feed->child = 0;
        else if (sigwait(&ends, &signo) != 0)
            break;
    }
    cli_feed_close(feed);
}

void cli_feed_close(struct cli_feed *feed) {
    int status;
    close(feed->fd);
    while (feed->child > 0 && waitpid(feed->child, &status, 0) < 0 && errno == EINTR) {
    }
    free(feed->buffer);
}

/* --- the other side --- */

/* What is left of the last read moves to the front; room for a buffer's worth is made behind it. */
static bool make_room(struct cli_feed_reader *reader) {
    if (reader->start > 0) {
        memmove(reader->buffer, reader->buffer + reader->start, reader->used - reader->start);
        reader->used -= reader->start;
        reader->start = 0;
    }
    if (reader->room - reader->used >= CLI_FEED_BUFFER) return true;
    size_t room = reader->room == 0 ? ROOM_LEAST : reader->room * 2;
    unsigned char *buffer = realloc(reader->buffer, room);
    if (buffer == NULL) return false;
    reader->buffer = buffer;
    reader->room = room;
    return true;
}

static bool tell_one(struct cli_feed_reader *reader,
                     void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx) {
    struct record record;
    size_t left = reader->used - reader->start;
    if (left < sizeof record) return false;
    memcpy(&record, reader->buffer + reader->start, sizeof record);
    if (left - sizeof record < record.size) return false;
    struct weft_trace_event event = {
        .at = record.at,
        .node = record.node,
        .kind = (enum weft_trace_kind)record.kind,
        .bytes = weft_bytes(reader->buffer + reader->start + sizeof record, record.size)};
    memcpy(event.number, record.number, sizeof event.number);
    fn(ctx, &event);
    reader->start += sizeof record + record.size;
    return true;
}

bool cli_feed_read(struct cli_feed_reader *reader,
                   void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx) {
    if (reader->ended) return true;
    if (!make_room(reader)) return false;
    ssize_t got = read(reader->fd, reader->buffer + reader->used, reader->room - reader->used);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) reader->ended = true;
    if (got > 0) reader->used += (size_t)got;
    while (tell_one(reader, fn, ctx)) {
    }
    return true;
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool cli_feed_read_all(struct cli_feed_reader *reader,
                       void (*fn)(void *ctx, const struct weft_trace_event *event), void *ctx,
                       int ms) {
    int64_t until = now_ms() + ms;
    for (int64_t left = ms; left > 0 && !reader->ended; left = until - now_ms()) {
        struct pollfd polled = {.fd = reader->fd, .events = POLLIN};
        if (poll(&polled, 1, (int)left) <= 0) return true;
        if (!cli_feed_read(reader, fn, ctx)) return false;
    }
    return true;
}

void cli_feed_reader_free(struct cli_feed_reader *reader) { free(reader->buffer); }
