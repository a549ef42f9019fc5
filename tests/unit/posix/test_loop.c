/* The loop: time, signals, watched descriptors, fairness. */
#define _GNU_SOURCE
#include "tests/unit/posix/node.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static const struct weft_posix_config plain = {.folder = NULL};

static void a_turn_never_wakes_before_next_at(void) {
    struct node *node = node_new(&plain);
    static const weft_duration waits[] = {WEFT_NS(1), WEFT_US(1), WEFT_US(999), WEFT_MS(1) + 1,
                                          WEFT_MS(7)};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        node->next_at = weft_env_now(node->env) + waits[i];
        CHECK_EQ_INT(node_turn(node, WEFT_TIME_NEVER), WEFT_OK);
        CHECK(weft_env_now(node->env) >= node->next_at);
    }
    CHECK_EQ_UINT(node->runs, 5);
    node_free(node);
}

static void a_turn_waits_no_longer_than_it_may(void) {
    struct node *node = node_new(&plain);
    weft_time before = weft_env_now(node->env);
    node_turn(node, WEFT_MS(2));
    CHECK(weft_env_now(node->env) - before >= WEFT_MS(2));
    node_turn(node, 0);
    node->next_at = 0; /* long ago */
    node_turn(node, WEFT_TIME_NEVER);
    node->next_at = WEFT_TIME_NEVER;
    node->more = true; /* not even NEVER makes it wait then */
    node_turn(node, WEFT_TIME_NEVER);
    CHECK(weft_env_now(node->env) - before < WEFT_S(60));
    node_free(node);
}

static void stop(void *ctx, int signo) {
    struct node *node = ctx;
    node->runs = 1000 + (size_t)signo;
    node->done = true;
}

static void a_signal_ends_the_loop(void) {
    struct node *node = node_new(&plain);
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGTERM, stop, node), WEFT_OK);
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGUSR1, stop, node), WEFT_OK);
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGUSR1, stop, node), WEFT_OK);
    kill(getpid(), SIGUSR1);
    CHECK_EQ_INT(weft_posix_loop(node->posix, &node->driver), WEFT_OK);
    CHECK_EQ_UINT(node->runs, 1000 + SIGUSR1);
    node->done = false;
    kill(getpid(), SIGTERM);
    CHECK_EQ_INT(weft_posix_loop(node->posix, &node->driver), WEFT_OK);
    CHECK_EQ_UINT(node->runs, 1000 + SIGTERM);
    node_free(node);
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    CHECK_EQ_INT(sigismember(&set, SIGTERM), 0);
}

static void signals_that_cannot_be_had_are_refused(void) {
    struct node *node = node_new(&plain);
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGKILL, stop, node), WEFT_ERR_INVAL);
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGSTOP, stop, node), WEFT_ERR_INVAL);
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, 4000, stop, node), WEFT_ERR_INVAL);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGRTMIN + i, stop, node), WEFT_OK);
    }
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGRTMIN + 8, stop, node), WEFT_ERR_FULL);
    node_free(node);
}

struct watcher {
    struct weft_posix *posix;
    int calls, last_fd, last_events, unwatch;
};

static void on_ready(void *ctx, int fd, int events) {
    struct watcher *watcher = ctx;
    watcher->calls++;
    watcher->last_fd = fd;
    watcher->last_events = events;
    if (watcher->unwatch >= 0) weft_posix_unwatch(watcher->posix, watcher->unwatch);
}

static void a_watched_descriptor_is_told_while_it_is_ready(void) {
    struct node *node = node_new(&plain);
    struct watcher watcher = {.posix = node->posix, .unwatch = -1};
    int ends[2];
    char byte;
    REQUIRE(pipe(ends) == 0);
    CHECK_EQ_INT(weft_posix_watch(node->posix, ends[0], WEFT_WATCH_READ, on_ready, &watcher), 0);
    node_turn(node, 0);
    CHECK_EQ_INT(watcher.calls, 0);
    CHECK_EQ_INT(write(ends[1], "x", 1), 1);
    node_turn(node, WEFT_S(5));
    node_turn(node, WEFT_S(5));
    CHECK_EQ_INT(watcher.calls, 2);
    CHECK_EQ_INT(watcher.last_fd, ends[0]);
    CHECK_EQ_INT(watcher.last_events, WEFT_WATCH_READ);
    CHECK_EQ_INT(read(ends[0], &byte, 1), 1);
    node_turn(node, 0);
    CHECK_EQ_INT(watcher.calls, 2);
    CHECK_EQ_INT(weft_posix_watch(node->posix, ends[1], WEFT_WATCH_WRITE, on_ready, &watcher), 0);
    node_turn(node, WEFT_S(5));
    CHECK_EQ_INT(watcher.last_events, WEFT_WATCH_WRITE);
    CHECK_EQ_INT(weft_posix_watch(node->posix, ends[1], 0, on_ready, &watcher), 0);
    node_turn(node, 0);
    CHECK_EQ_INT(watcher.calls, 3);
    weft_posix_unwatch(node->posix, ends[1]);
    weft_posix_unwatch(node->posix, ends[0]);
    weft_posix_unwatch(node->posix, ends[0]);
    close(ends[0]);
    close(ends[1]);
    node_free(node);
}

static void an_unwatched_descriptor_is_not_told_even_if_it_was_ready(void) {
    struct node *node = node_new(&plain);
    struct watcher one = {.posix = node->posix}, two = {.posix = node->posix};
    int first[2], second[2];
    REQUIRE(pipe(first) == 0 && pipe(second) == 0);
    CHECK_EQ_INT(weft_posix_watch(node->posix, first[0], WEFT_WATCH_READ, on_ready, &one), 0);
    CHECK_EQ_INT(weft_posix_watch(node->posix, second[0], WEFT_WATCH_READ, on_ready, &two), 0);
    one.unwatch = second[0];
    two.unwatch = first[0];
    CHECK_EQ_INT(write(first[1], "x", 1), 1);
    CHECK_EQ_INT(write(second[1], "x", 1), 1);
    node_turn(node, WEFT_S(5));
    CHECK_EQ_INT(one.calls + two.calls, 1);
    node_free(node);
    for (int i = 0; i < 2; i++) close(first[i]), close(second[i]);
}

/* A callback that puts another descriptor where a ready one was. */
struct replacer {
    struct weft_posix *posix;
    int first, second, third, calls, wrong;
};

static void on_third(void *ctx, int fd, int events) {
    struct replacer *replacer = ctx;
    (void)events;
    replacer->wrong += fd == replacer->third;
}

static void replace(void *ctx, int fd, int events) {
    struct replacer *replacer = ctx;
    (void)events;
    int other = fd == replacer->first ? replacer->second : replacer->first;
    replacer->calls++;
    weft_posix_unwatch(replacer->posix, other);
    CHECK_EQ_INT(
        weft_posix_watch(replacer->posix, replacer->third, WEFT_WATCH_READ, on_third, replacer),
        WEFT_OK);
}

static void a_new_watch_does_not_get_the_events_of_an_old_one(void) {
    struct node *node = node_new(&plain);
    int first[2], second[2], third[2];
    REQUIRE(pipe(first) == 0 && pipe(second) == 0 && pipe(third) == 0);
    struct replacer replacer = {.posix = node->posix};
    replacer.first = first[0];
    replacer.second = second[0];
    replacer.third = third[0];
    CHECK_EQ_INT(weft_posix_watch(node->posix, first[0], WEFT_WATCH_READ, replace, &replacer), 0);
    CHECK_EQ_INT(weft_posix_watch(node->posix, second[0], WEFT_WATCH_READ, replace, &replacer), 0);
    CHECK_EQ_INT(write(first[1], "x", 1), 1);
    CHECK_EQ_INT(write(second[1], "x", 1), 1);
    node_turn(node, WEFT_S(5));
    CHECK_EQ_INT(replacer.calls, 1);
    CHECK_EQ_INT(replacer.wrong, 0);
    node_free(node);
    for (int i = 0; i < 2; i++) close(first[i]), close(second[i]), close(third[i]);
}

static void watches_are_bounded_and_need_a_descriptor_that_waits(void) {
    struct node *node = node_new(&plain);
    struct watcher watcher = {.posix = node->posix, .unwatch = -1};
    int ends[2], copies[65], file = open("/proc/self/exe", O_RDONLY);
    REQUIRE(pipe(ends) == 0);
    CHECK_EQ_INT(weft_posix_watch(node->posix, file, 1, on_ready, &watcher), WEFT_ERR_INVAL);
    CHECK_EQ_INT(weft_posix_watch(node->posix, 9999, 1, on_ready, &watcher), WEFT_ERR_INVAL);
    for (int i = 0; i < 65; i++) {
        copies[i] = dup(ends[0]);
        CHECK_EQ_INT(weft_posix_watch(node->posix, copies[i], 1, on_ready, &watcher),
                     i < 64 ? WEFT_OK : WEFT_ERR_FULL);
    }
    node_free(node);
    for (int i = 0; i < 65; i++) close(copies[i]);
    close(ends[0]);
    close(ends[1]);
    close(file);
}

static void the_descriptor_of_the_loop_polls_ready(void) {
    struct node *node = node_new(&plain);
    struct node *other = node_new(&plain);
    struct watcher watcher = {.posix = other->posix, .unwatch = -1};
    struct weft_addr local = weft_addr_v4(127, 0, 0, 1, 0);
    weft_socket socket;
    REQUIRE(node->env->net->datagram_open(node->env, &local, 0, &socket) == WEFT_OK);
    int inner = weft_posix_fd(node->posix);
    CHECK_EQ_INT(weft_posix_watch(other->posix, inner, WEFT_WATCH_READ, on_ready, &watcher), 0);
    node_turn(other, 0);
    CHECK_EQ_INT(watcher.calls, 0);
    node->env->net->datagram_send(node->env, socket, &local, "x", 1);
    weft_posix_flush(node->posix);
    node_turn(other, WEFT_S(5));
    CHECK_EQ_INT(watcher.calls, 1);
    weft_posix_unwatch(other->posix, inner);
    node_free(node);
    node_free(other);
}

/* Send to itself for ever: the loop still sees the signal, and runs between. */
static weft_socket echo_socket;

static void echo(struct node *node, const struct weft_event *event) {
    node->count = 0;
    node->env->net->datagram_send(node->env, echo_socket, &event->from, event->data, event->size);
    if (node->runs == 50) kill(getpid(), SIGUSR1);
}

static void a_flood_does_not_starve_signals(void) {
    struct node *node = node_new(&plain);
    struct weft_addr local = weft_addr_v4(127, 0, 0, 1, 0);
    REQUIRE(node->env->net->datagram_open(node->env, &local, 0, &echo_socket) == WEFT_OK);
    CHECK_EQ_INT(weft_posix_on_signal(node->posix, SIGUSR1, stop, node), WEFT_OK);
    node->on_event = echo;
    for (int i = 0; i < 200; i++) {
        node->env->net->datagram_send(node->env, echo_socket, &local, "ping", 4);
    }
    CHECK_EQ_INT(weft_posix_loop(node->posix, &node->driver), WEFT_OK);
    CHECK_EQ_UINT(node->runs, 1000 + SIGUSR1);
    node_free(node);
}

static const struct test_case cases[] = {
    TEST(a_turn_never_wakes_before_next_at),
    TEST(a_turn_waits_no_longer_than_it_may),
    TEST(a_signal_ends_the_loop),
    TEST(signals_that_cannot_be_had_are_refused),
    TEST(a_watched_descriptor_is_told_while_it_is_ready),
    TEST(an_unwatched_descriptor_is_not_told_even_if_it_was_ready),
    TEST(a_new_watch_does_not_get_the_events_of_an_old_one),
    TEST(watches_are_bounded_and_need_a_descriptor_that_waits),
    TEST(the_descriptor_of_the_loop_polls_ready),
    TEST(a_flood_does_not_starve_signals),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    return test_main("posix/loop", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
