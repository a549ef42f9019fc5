/* Sockets beyond the contract: running out of descriptors, many sockets, batches, forks. */
#define _GNU_SOURCE
#include "core/posix/internal.h"
#include "tests/unit/posix/node.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct weft_posix_config plain = {.folder = NULL};

static struct weft_addr loopback(void) { return weft_addr_v4(127, 0, 0, 1, 0); }

static weft_socket listen_on(struct node *node, struct weft_addr *addr) {
    weft_socket listener = WEFT_SOCKET_NONE;
    *addr = loopback();
    CHECK_EQ_INT(node->env->net->stream_listen(node->env, addr, 64, 1, &listener), WEFT_OK);
    return listener;
}

static weft_socket connect_to(struct node *node, const struct weft_addr *addr) {
    weft_socket socket = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(node->env->net->stream_connect(node->env, addr, 2, &socket), WEFT_OK);
    return socket;
}

static void limit_descriptors(struct rlimit *old, rlim_t room) {
    getrlimit(RLIMIT_NOFILE, old);
    int next = dup(0);
    close(next);
    struct rlimit low = {(rlim_t)next + room, old->rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
}

static void a_listener_without_descriptors_waits_for_one(void) {
    struct node *node = node_new(&plain);
    struct rlimit old;
    struct weft_posix_stats stats;
    struct weft_addr addr;
    listen_on(node, &addr);
    weft_socket first = connect_to(node, &addr), second = connect_to(node, &addr);
    limit_descriptors(&old, 0);
    CHECK(node_wait(node, WEFT_EVENT_CONNECTED, 2)); /* by the kernel: the backlog holds them */
    for (int i = 0; i < 5; i++) node_turn(node, WEFT_MS(1));
    CHECK_EQ_UINT(node_count(node, WEFT_EVENT_ACCEPTED), 0);
    weft_posix_stats(node->posix, &stats);
    CHECK_EQ_UINT(stats.accepts_paused, 1);  /* it does not spin */
    node->env->net->close(node->env, first); /* its descriptor is what the next accept gets */
    node_turn(node, 0);
    CHECK_EQ_UINT(node_count(node, WEFT_EVENT_ACCEPTED), 1); /* at once */
    setrlimit(RLIMIT_NOFILE, &old); /* nobody here closes: time brings it back */
    CHECK(node_wait(node, WEFT_EVENT_ACCEPTED, 2));
    CHECK(second != first);
    node_free(node);
}

static void opening_without_descriptors_is_full(void) {
    struct node *node = node_new(&plain);
    struct weft_addr addr = loopback(), target = weft_addr_v4(127, 0, 0, 1, 9);
    struct rlimit old;
    weft_socket socket = WEFT_SOCKET_NONE;
    limit_descriptors(&old, 0);
    CHECK_EQ_INT(node->env->net->datagram_open(node->env, &addr, 0, &socket), WEFT_ERR_FULL);
    CHECK_EQ_INT(node->env->net->stream_listen(node->env, &addr, 4, 0, &socket), WEFT_ERR_FULL);
    CHECK_EQ_INT(node->env->net->stream_connect(node->env, &target, 0, &socket), WEFT_ERR_FULL);
    setrlimit(RLIMIT_NOFILE, &old);
    CHECK_EQ_UINT(socket, WEFT_SOCKET_NONE);
    CHECK_EQ_INT(addr.port, 0);
    node_free(node);
}

static void sockets_of_a_node_are_bounded(void) {
    struct weft_posix_config config = {.sockets_max = 20};
    struct node *node = node_new(&config);
    weft_socket sockets[21];
    struct weft_posix_stats stats;
    for (int i = 0; i < 21; i++) {
        struct weft_addr addr = loopback();
        CHECK_EQ_INT(node->env->net->datagram_open(node->env, &addr, 0, &sockets[i]),
                     i < 20 ? WEFT_OK : WEFT_ERR_FULL);
    }
    weft_posix_stats(node->posix, &stats);
    CHECK_EQ_UINT(stats.sockets, 20);
    node->env->net->close(node->env, sockets[7]);
    struct weft_addr addr = loopback();
    CHECK_EQ_INT(node->env->net->datagram_open(node->env, &addr, 0, &sockets[7]), WEFT_OK);
    node_free(node);
}

/* An accepted stream that finds the table full is closed; the listener lives on. */
static void a_table_of_sockets_that_cannot_grow_goes_on_later(void) {
    struct node *node = node_new(&(struct weft_posix_config){.node = 1});
    struct weft_mem_heap *own = &node->posix->own;
    weft_socket socket;
    for (int i = 0; i < 17; i++) {
        struct weft_addr local = weft_addr_v4(127, 0, 0, 1, 0);
        if (i % 16 == 0) { /* room for the stack of slots, not for the table */
            own->bytes_max = own->bytes + (i == 0 ? 64 : 65);
            CHECK_EQ_INT(node->env->net->datagram_open(node->env, &local, 7, &socket),
                         WEFT_ERR_NOMEM);
            own->bytes_max = 0;
        }
        CHECK_EQ_INT(node->env->net->datagram_open(node->env, &local, 7, &socket), WEFT_OK);
    }
    node_free(node); /* which checks that nothing of ours is left */
}

static void a_full_table_turns_new_streams_away(void) {
    struct weft_posix_config config = {.sockets_max = 2};
    struct node *server = node_new(&config), *client = node_new(&plain);
    struct weft_addr addr;
    weft_socket listener = listen_on(server, &addr);
    weft_socket first = connect_to(client, &addr), second = connect_to(client, &addr);
    CHECK(node_wait(server, WEFT_EVENT_ACCEPTED, 1));
    CHECK(node_wait(client, WEFT_EVENT_CONNECTED, 2));
    for (int i = 0; i < 5; i++) node_turn(server, WEFT_MS(1));
    CHECK_EQ_UINT(node_count(server, WEFT_EVENT_ACCEPTED), 1);
    CHECK(node_wait(client, WEFT_EVENT_READABLE, 1));
    char byte;
    weft_socket ended = client->events[client->count - 1].socket;
    CHECK(ended == first || ended == second);
    CHECK_EQ_INT(client->env->net->stream_read(client->env, ended, &byte, 1), 0);
    server->env->net->close(server->env, server->events[0].accepted);
    connect_to(client, &addr);
    CHECK(node_wait(server, WEFT_EVENT_ACCEPTED, 2));
    CHECK_EQ_UINT(server->events[server->count - 1].socket, listener);
    node_free(client);
    node_free(server);
}

static void hundreds_of_streams_are_all_served(void) {
    enum { COUNT = 120 };
    struct node *server = node_new(&plain), *client = node_new(&plain);
    static weft_socket sockets[COUNT];
    struct weft_addr addr;
    listen_on(server, &addr);
    for (size_t i = 0; i < COUNT; i++) {
        sockets[i] = connect_to(client, &addr);
        if (i % 32 == 31) CHECK(node_wait(server, WEFT_EVENT_ACCEPTED, i + 1));
    }
    CHECK(node_wait(server, WEFT_EVENT_ACCEPTED, COUNT));
    CHECK(node_wait(client, WEFT_EVENT_CONNECTED, COUNT));
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_EQ_INT(client->env->net->stream_write(client->env, sockets[i], "x", 1), 1);
    }
    CHECK(node_wait(server, WEFT_EVENT_READABLE, COUNT));
    CHECK_EQ_UINT(node_count(server, WEFT_EVENT_READABLE), COUNT);
    node_free(client);
    node_free(server);
}

/* Deliveries that close every socket of their batch. */
static weft_socket victims[8];

static void close_all(struct node *node, const struct weft_event *event) {
    if (event->kind != WEFT_EVENT_DATAGRAM) return;
    for (size_t i = 0; i < 8; i++) node->env->net->close(node->env, victims[i]);
}

static void events_fetched_already_are_not_delivered_after_close(void) {
    struct node *node = node_new(&plain);
    for (size_t i = 0; i < 8; i++) {
        struct weft_addr addr = loopback();
        REQUIRE(node->env->net->datagram_open(node->env, &addr, 0, &victims[i]) == WEFT_OK);
        for (int k = 0; k < 3; k++) {
            node->env->net->datagram_send(node->env, victims[i], &addr, "x", 1);
        }
    }
    weft_posix_flush(node->posix);
    node->on_event = close_all;
    for (int i = 0; i < 4; i++) node_turn(node, WEFT_MS(1));
    CHECK_EQ_UINT(node->count, 1);
    node_free(node);
}

static void a_closed_socket_of_a_forked_program_is_quiet(void) {
    struct node *node = node_new(&plain);
    struct weft_addr addr = loopback();
    weft_socket socket;
    int ends[2];
    char byte;
    REQUIRE(pipe(ends) == 0);
    REQUIRE(node->env->net->datagram_open(node->env, &addr, 0, &socket) == WEFT_OK);
    pid_t child = fork();
    if (child == 0) { /* holds the descriptor until told */
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[0]);
    node->env->net->datagram_send(node->env, socket, &addr, "x", 1);
    node->env->net->close(node->env, socket);
    weft_time before = weft_env_now(node->env);
    node_turn(node, WEFT_MS(5)); /* would end at once, for ever, were it still in epoll */
    CHECK(weft_env_now(node->env) - before >= WEFT_MS(5));
    CHECK_EQ_UINT(node->count, 0);
    close(ends[1]);
    waitpid(child, NULL, 0);
    node_free(node);
}

/* More than one batch of sizes and endpoints in one run: joined or not, each arrives once. */
static void batches_are_split_and_counted(void) {
    enum { COUNT = 300, TARGETS = 3 };
    struct node *node = node_new(&plain);
    struct weft_addr source = loopback(), target[TARGETS];
    weft_socket from, to[TARGETS];
    struct weft_posix_stats stats;
    static unsigned char data[1400];
    REQUIRE(node->env->net->datagram_open(node->env, &source, 0, &from) == WEFT_OK);
    for (size_t i = 0; i < TARGETS; i++) {
        target[i] = loopback();
        REQUIRE(node->env->net->datagram_open(node->env, &target[i], i, &to[i]) == WEFT_OK);
    }
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 50 == 49 ? 7 : i % 70 == 0 ? 1400 : 120;
        data[0] = (unsigned char)i;
        CHECK_EQ_INT(
            node->env->net->datagram_send(node->env, from, &target[i / 10 % TARGETS], data, size),
            WEFT_OK);
    }
    CHECK(node_wait(node, WEFT_EVENT_DATAGRAM, COUNT));
    weft_posix_stats(node->posix, &stats);
    CHECK_EQ_UINT(stats.datagrams_sent, COUNT);
    CHECK_EQ_UINT(stats.datagrams_received, COUNT);
    CHECK_EQ_UINT(stats.datagrams_dropped, 0);
    node_free(node);
}

static void unreachable_endpoints_do_not_stop_the_others(void) {
    struct node *node = node_new(&plain);
    struct weft_addr addr = loopback(), bad = weft_addr_v4(255, 255, 255, 255, 9);
    struct weft_posix_stats stats;
    weft_socket socket;
    REQUIRE(node->env->net->datagram_open(node->env, &addr, 0, &socket) == WEFT_OK);
    for (int i = 0; i < 6; i++) { /* broadcast is not allowed: the kernel refuses it */
        const struct weft_addr *to = i % 3 == 0 ? &addr : &bad;
        CHECK_EQ_INT(node->env->net->datagram_send(node->env, socket, to, "abc", 3), WEFT_OK);
    }
    CHECK(node_wait(node, WEFT_EVENT_DATAGRAM, 2));
    weft_posix_stats(node->posix, &stats);
    CHECK_EQ_UINT(stats.datagrams_sent, 2);
    CHECK_EQ_UINT(stats.datagrams_dropped, 4);
    node_free(node);
}

static void a_connect_that_fails_at_once_is_told_later(void) {
    struct node *node = node_new(&plain);
    struct weft_addr nowhere = {.family = WEFT_FAMILY_V4, .port = 9};
    weft_socket socket;
    nowhere.ip[0] = 255; /* no route: broadcast is not for streams */
    nowhere.ip[1] = nowhere.ip[2] = nowhere.ip[3] = 255;
    REQUIRE(node->env->net->stream_connect(node->env, &nowhere, 4, &socket) == WEFT_OK);
    CHECK_EQ_UINT(node->count, 0);
    node_turn(node, WEFT_TIME_NEVER);
    REQUIRE(node->count == 1);
    CHECK_EQ_INT(node->events[0].kind, WEFT_EVENT_FAILED);
    CHECK_EQ_INT(node->events[0].error, WEFT_ERR_UNREACHABLE);
    CHECK_EQ_UINT(node->events[0].owner, 4);
    node_turn(node, 0);
    CHECK_EQ_UINT(node->count, 1);
    char byte = 'x';
    CHECK_EQ_INT(node->env->net->stream_write(node->env, socket, &byte, 1), WEFT_ERR_UNREACHABLE);
    node_free(node);
}

static void closing_before_the_failure_is_told_leaves_it_untold(void) {
    struct node *node = node_new(&plain);
    struct weft_addr nowhere = weft_addr_v4(255, 255, 255, 255, 9);
    weft_socket socket;
    REQUIRE(node->env->net->stream_connect(node->env, &nowhere, 4, &socket) == WEFT_OK);
    node->env->net->close(node->env, socket);
    node_turn(node, WEFT_MS(5));
    CHECK_EQ_UINT(node->count, 0);
    node_free(node);
}

/* Two streams become readable in one batch; the first delivery reads both empty. */
static weft_socket both[2];

static void read_both(struct node *node, const struct weft_event *event) {
    char data[16];
    if (event->kind == WEFT_EVENT_ACCEPTED) both[both[0] != 0] = event->accepted;
    if (event->kind != WEFT_EVENT_READABLE) return;
    for (size_t i = 0; i < 2; i++) {
        int64_t got = 1;
        while (got > 0) got = node->env->net->stream_read(node->env, both[i], data, sizeof data);
        CHECK_EQ_INT(got, WEFT_ERR_AGAIN);
    }
}

static void an_edge_older_than_a_read_is_not_told(void) {
    struct node *server = node_new(&plain), *client = node_new(&plain);
    struct weft_addr addr;
    both[0] = both[1] = WEFT_SOCKET_NONE;
    server->on_event = read_both;
    listen_on(server, &addr);
    weft_socket one = connect_to(client, &addr), two = connect_to(client, &addr);
    CHECK(node_wait(client, WEFT_EVENT_CONNECTED, 2));
    CHECK(node_wait(server, WEFT_EVENT_ACCEPTED, 2));
    for (size_t i = 1; i <= 3; i++) {
        CHECK_EQ_INT(client->env->net->stream_write(client->env, one, "x", 1), 1);
        CHECK_EQ_INT(client->env->net->stream_write(client->env, two, "x", 1), 1);
        for (int k = 0; k < 3; k++) node_turn(server, WEFT_MS(2));
        CHECK_EQ_UINT(node_count(server, WEFT_EVENT_READABLE), i);
    }
    node_free(client);
    node_free(server);
}

/* What the kernel still holds after a reset is not lost: first the bytes, then the error. */
static void bytes_before_a_reset_can_still_be_read(void) {
    struct node *server = node_new(&plain), *client = node_new(&plain);
    struct weft_addr addr;
    char data[16];
    listen_on(server, &addr);
    weft_socket socket = connect_to(client, &addr);
    CHECK(node_wait(client, WEFT_EVENT_CONNECTED, 1));
    CHECK(node_wait(server, WEFT_EVENT_ACCEPTED, 1));
    CHECK_EQ_INT(client->env->net->stream_write(client->env, socket, "last words", 10), 10);
    CHECK(node_wait(server, WEFT_EVENT_READABLE, 1));
    client->env->net->abort(client->env, socket);
    CHECK(node_wait(server, WEFT_EVENT_FAILED, 1));
    weft_socket stream = server->events[0].accepted;
    CHECK_EQ_INT(server->env->net->stream_read(server->env, stream, data, sizeof data), 10);
    CHECK_EQ_BYTES(data, "last words", 10);
    CHECK_EQ_INT(server->env->net->stream_read(server->env, stream, data, 1), WEFT_ERR_RESET);
    CHECK_EQ_INT(server->env->net->stream_read(server->env, stream, data, 1), WEFT_ERR_RESET);
    node_free(client);
    node_free(server);
}

static void the_nodes_memory_is_its_own(void) {
    struct weft_posix_config config = {.memory_max = 1000};
    struct node *node = node_new(&config);
    struct weft_addr addr = loopback();
    weft_socket socket;
    REQUIRE(node->env->net->datagram_open(node->env, &addr, 0, &socket) == WEFT_OK);
    void *some = weft_mem_alloc(node->env->mem, 1000); /* sockets take none of it */
    CHECK(some != NULL);
    CHECK(weft_mem_alloc(node->env->mem, 1) == NULL);
    weft_mem_free(node->env->mem, some, 1000);
    node_free(node);
}

static const struct test_case cases[] = {
    TEST(a_listener_without_descriptors_waits_for_one),
    TEST(opening_without_descriptors_is_full),
    TEST(sockets_of_a_node_are_bounded),
    TEST(a_table_of_sockets_that_cannot_grow_goes_on_later),
    TEST(a_full_table_turns_new_streams_away),
    TEST(hundreds_of_streams_are_all_served),
    TEST(events_fetched_already_are_not_delivered_after_close),
    TEST(a_closed_socket_of_a_forked_program_is_quiet),
    TEST(batches_are_split_and_counted),
    TEST(unreachable_endpoints_do_not_stop_the_others),
    TEST(a_connect_that_fails_at_once_is_told_later),
    TEST(closing_before_the_failure_is_told_leaves_it_untold),
    TEST(an_edge_older_than_a_read_is_not_told),
    TEST(bytes_before_a_reset_can_still_be_read),
    TEST(the_nodes_memory_is_its_own),
};

int main(int argc, char **argv) {
    weft_posix_guard_install();
    return test_main("posix/net", cases, sizeof cases / sizeof cases[0],
                     (struct test_args){argc, argv});
}
