/* Claims about streams: connecting, ending, owners and names. */
#include "tests/contract/contract.h"

static int64_t read_at(int node, weft_socket socket, void *data, size_t size) {
    struct weft_env *env = contract_env(node);
    return env->net->stream_read(env, socket, data, size);
}

static int64_t write_at(int node, weft_socket socket, const void *data, size_t size) {
    struct weft_env *env = contract_env(node);
    return env->net->stream_write(env, socket, data, size);
}

static int finish_at(int node, weft_socket socket) {
    struct weft_env *env = contract_env(node);
    return env->net->stream_finish(env, socket);
}

static void close_at(int node, weft_socket socket) {
    struct weft_env *env = contract_env(node);
    env->net->close(env, socket);
}

static void abort_at(int node, weft_socket socket) {
    struct weft_env *env = contract_env(node);
    env->net->abort(env, socket);
}

static bool begin_connected(struct contract_pair *pair) {
    return contract_begin() && contract_connect(pair, WEFT_FAMILY_V4);
}

static void connection(enum weft_family family) {
    struct contract_pair pair;
    struct weft_addr local, remote;
    if (!contract_begin() || !contract_connect(&pair, family)) return;
    struct weft_env *a = contract_env(CONTRACT_A);
    a->net->names(a, pair.a, &local, &remote);
    const struct weft_event *accepted =
        contract_find(CONTRACT_B, pair.listener, WEFT_EVENT_ACCEPTED, 0);
    CHECK(weft_addr_equal(&accepted->from, &local));
    CHECK_EQ_INT(local.family, family);
    CHECK_EQ_UINT(accepted->owner, 20);
    CHECK_EQ_UINT(contract_find(CONTRACT_A, pair.a, WEFT_EVENT_CONNECTED, 0)->owner, 10);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, 2);
    contract_end();
}

void a_connection_is_told_on_both_sides(void) { connection(WEFT_FAMILY_V4); }

void a_connection_is_made_over_ipv6(void) {
    if (contract_world->has_v6) connection(WEFT_FAMILY_V6);
}

/* An address of B where nobody listens any more. */
static struct weft_addr deserted(void) {
    struct weft_env *b = contract_env(CONTRACT_B);
    struct weft_addr addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    weft_socket listener = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(b->net->stream_listen(b, &addr, 1, 0, &listener), WEFT_OK);
    b->net->close(b, listener);
    return addr;
}

static void refused(const struct weft_addr *addr) {
    struct weft_env *a = contract_env(CONTRACT_A);
    weft_socket socket;
    REQUIRE(a->net->stream_connect(a, addr, 5, &socket) == WEFT_OK);
    REQUIRE(contract_wait(CONTRACT_A, socket, WEFT_EVENT_FAILED, 1));
    const struct weft_event *failed = contract_find(CONTRACT_A, socket, WEFT_EVENT_FAILED, 0);
    CHECK_EQ_INT(failed->error, WEFT_ERR_REFUSED);
    CHECK_EQ_UINT(failed->owner, 5);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, socket, WEFT_EVENT_CONNECTED), 0);
    a->net->close(a, socket);
}

void connecting_to_nobody_is_refused(void) {
    if (!contract_begin()) return;
    struct weft_addr addr = deserted();
    refused(&addr);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, 1);
    contract_end();
}

void connecting_to_port_0_is_invalid(void) {
    if (!contract_begin()) return;
    struct weft_env *a = contract_env(CONTRACT_A);
    struct weft_addr addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    weft_socket socket = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(a->net->stream_connect(a, &addr, 5, &socket), WEFT_ERR_INVAL);
    addr = (struct weft_addr){.family = WEFT_FAMILY_NONE, .port = 7};
    CHECK_EQ_INT(a->net->stream_connect(a, &addr, 5, &socket), WEFT_ERR_INVAL);
    CHECK_EQ_UINT(socket, WEFT_SOCKET_NONE);
    contract_end();
}

void a_listener_needs_a_backlog(void) {
    if (!contract_begin()) return;
    struct weft_env *b = contract_env(CONTRACT_B);
    struct weft_addr addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    weft_socket listener = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(b->net->stream_listen(b, &addr, 0, 0, &listener), WEFT_ERR_INVAL);
    CHECK_EQ_UINT(listener, WEFT_SOCKET_NONE);
    contract_end();
}

void a_listening_port_is_in_use(void) {
    if (!contract_begin()) return;
    struct weft_env *b = contract_env(CONTRACT_B);
    struct weft_addr addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4), again;
    weft_socket first, second = WEFT_SOCKET_NONE;
    REQUIRE(b->net->stream_listen(b, &addr, 4, 0, &first) == WEFT_OK);
    again = addr;
    CHECK(addr.port != 0);
    CHECK_EQ_INT(b->net->stream_listen(b, &again, 4, 0, &second), WEFT_ERR_IN_USE);
    CHECK_EQ_UINT(second, WEFT_SOCKET_NONE);
    b->net->close(b, first);
    CHECK_EQ_INT(b->net->stream_listen(b, &again, 4, 0, &second), WEFT_OK);
    CHECK(weft_addr_equal(&again, &addr));
    contract_end();
}

void a_stream_is_closed_to_bytes_before_it_is_connected(void) {
    char byte = 'x';
    weft_socket listener, socket;
    if (!contract_begin()) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    struct weft_addr addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    REQUIRE(b->net->stream_listen(b, &addr, 4, 0, &listener) == WEFT_OK);
    REQUIRE(a->net->stream_connect(a, &addr, 5, &socket) == WEFT_OK);
    CHECK_EQ_INT(read_at(CONTRACT_A, socket, &byte, 1), WEFT_ERR_CLOSED);
    CHECK_EQ_INT(write_at(CONTRACT_A, socket, &byte, 1), WEFT_ERR_CLOSED);
    CHECK_EQ_INT(finish_at(CONTRACT_A, socket), WEFT_ERR_CLOSED);
    CHECK(contract_wait(CONTRACT_A, socket, WEFT_EVENT_CONNECTED, 1));
    CHECK_EQ_INT(write_at(CONTRACT_A, socket, &byte, 1), 1);
    CHECK_EQ_INT(read_at(CONTRACT_B, listener, &byte, 1), WEFT_ERR_CLOSED);
    contract_end();
}

void finishing_leaves_the_other_direction_open(void) {
    unsigned char data[100];
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "question", 8), 8);
    CHECK_EQ_INT(finish_at(CONTRACT_A, pair.a), WEFT_OK);
    CHECK(contract_read_all(CONTRACT_B, pair.b, data, 8));
    CHECK_EQ_BYTES(data, "question", 8);
    CHECK_EQ_INT(contract_read_next(CONTRACT_B, pair.b, data, sizeof data), 0);
    CHECK_EQ_INT(write_at(CONTRACT_B, pair.b, "answer", 6), 6);
    CHECK(contract_read_all(CONTRACT_A, pair.a, data, 6));
    CHECK_EQ_BYTES(data, "answer", 6);
    CHECK_EQ_INT(finish_at(CONTRACT_B, pair.b), WEFT_OK);
    CHECK_EQ_INT(contract_read_next(CONTRACT_A, pair.a, data, sizeof data), 0);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_FAILED), 0);
    CHECK_EQ_UINT(contract_count(CONTRACT_B, pair.b, WEFT_EVENT_FAILED), 0);
    contract_end();
}

void the_accepting_side_can_finish_first(void) {
    unsigned char data[100];
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(finish_at(CONTRACT_B, pair.b), WEFT_OK);
    CHECK_EQ_INT(contract_read_next(CONTRACT_A, pair.a, data, sizeof data), 0);
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "still", 5), 5);
    CHECK(contract_read_all(CONTRACT_B, pair.b, data, 5));
    CHECK_EQ_BYTES(data, "still", 5);
    contract_end();
}

void writing_after_finish_is_closed(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(finish_at(CONTRACT_A, pair.a), WEFT_OK);
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "x", 1), WEFT_ERR_CLOSED);
    contract_end();
}

void the_end_is_read_again_and_again(void) {
    char byte;
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    close_at(CONTRACT_A, pair.a);
    CHECK_EQ_INT(contract_read_next(CONTRACT_B, pair.b, &byte, 1), 0);
    CHECK_EQ_INT(read_at(CONTRACT_B, pair.b, &byte, 1), 0);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_INT(read_at(CONTRACT_B, pair.b, &byte, 1), 0);
    CHECK_EQ_UINT(contract_count(CONTRACT_B, pair.b, WEFT_EVENT_READABLE), 1);
    CHECK_EQ_UINT(contract_count(CONTRACT_B, pair.b, WEFT_EVENT_FAILED), 0);
    contract_end();
}

void close_delivers_what_was_written(void) {
    enum { SIZE = 20000 };
    unsigned char sent[SIZE], got[SIZE];
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    contract_fill(sent, 0, SIZE);
    int64_t taken = write_at(CONTRACT_A, pair.a, sent, SIZE);
    CHECK(taken > 0);
    close_at(CONTRACT_A, pair.a);
    if (taken > 0 && contract_read_all(CONTRACT_B, pair.b, got, (size_t)taken)) {
        CHECK_EQ_BYTES(got, sent, (size_t)taken);
    }
    CHECK_EQ_INT(contract_read_next(CONTRACT_B, pair.b, got, SIZE), 0);
    contract_end();
}

/* `node` sees its stream reset, once, and every call says so. */
static void sees_reset(int node, weft_socket socket) {
    char byte = 'x';
    REQUIRE(contract_wait(node, socket, WEFT_EVENT_FAILED, 1));
    CHECK_EQ_INT(contract_find(node, socket, WEFT_EVENT_FAILED, 0)->error, WEFT_ERR_RESET);
    CHECK_EQ_INT(read_at(node, socket, &byte, 1), WEFT_ERR_RESET);
    CHECK_EQ_INT(write_at(node, socket, &byte, 1), WEFT_ERR_RESET);
    CHECK_EQ_INT(read_at(node, socket, &byte, 1), WEFT_ERR_RESET);
    CHECK_EQ_INT(finish_at(node, socket), WEFT_ERR_CLOSED);
    size_t before = contract.count;
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract.count, before);
}

void abort_is_seen_as_reset(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    abort_at(CONTRACT_B, pair.b);
    sees_reset(CONTRACT_A, pair.a);
    contract_end();
}

void close_with_unread_bytes_is_seen_as_reset(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "unread", 6), 6);
    CHECK(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_READABLE, 1));
    close_at(CONTRACT_B, pair.b);
    sees_reset(CONTRACT_A, pair.a);
    contract_end();
}

void failed_is_told_once(void) {
    char byte = 'x';
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(read_at(CONTRACT_A, pair.a, &byte, 1), WEFT_ERR_AGAIN);
    abort_at(CONTRACT_B, pair.b);
    sees_reset(CONTRACT_A, pair.a);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_FAILED), 1);
    close_at(CONTRACT_A, pair.a);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_FAILED), 1);
    contract_end();
}

void a_closed_stream_gets_no_event(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    size_t before = contract.count;
    CHECK_EQ_INT(write_at(CONTRACT_B, pair.b, "on its way", 10), 10);
    close_at(CONTRACT_A, pair.a);
    contract_pass(CONTRACT_QUIET);
    for (size_t i = before; i < contract.count; i++) {
        CHECK_EQ_INT(contract.records[i].node, CONTRACT_B);
    }
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "x", 1), WEFT_ERR_CLOSED);
    contract_end();
}

void a_closed_listener_accepts_nobody(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    struct weft_env *b = contract_env(CONTRACT_B);
    struct weft_addr addr, remote;
    b->net->names(b, pair.listener, &addr, &remote);
    close_at(CONTRACT_B, pair.listener);
    refused(&addr);
    CHECK_EQ_UINT(contract_count(CONTRACT_B, pair.listener, WEFT_EVENT_ACCEPTED), 1);
    unsigned char byte;
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "y", 1), 1); /* what it accepted lives on */
    CHECK(contract_read_all(CONTRACT_B, pair.b, &byte, 1));
    contract_end();
}

void an_accepted_stream_has_the_listeners_owner(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "x", 1), 1);
    REQUIRE(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_READABLE, 1));
    CHECK_EQ_UINT(contract_find(CONTRACT_B, pair.b, WEFT_EVENT_READABLE, 0)->owner, 20);
    contract_end();
}

void a_new_owner_is_in_later_events(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    struct weft_env *b = contract_env(CONTRACT_B);
    b->net->own(b, pair.b, 99);
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "x", 1), 1);
    REQUIRE(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_READABLE, 1));
    CHECK_EQ_UINT(contract_find(CONTRACT_B, pair.b, WEFT_EVENT_READABLE, 0)->owner, 99);
    abort_at(CONTRACT_A, pair.a);
    REQUIRE(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_FAILED, 1));
    CHECK_EQ_UINT(contract_find(CONTRACT_B, pair.b, WEFT_EVENT_FAILED, 0)->owner, 99);
    contract_end();
}

/* B has been told of a byte of A, or of A's end. */
static bool begin_told(struct contract_pair *pair, bool end) {
    if (!begin_connected(pair)) return false;
    if (end)
        CHECK_EQ_INT(finish_at(CONTRACT_A, pair->a), WEFT_OK);
    else
        CHECK_EQ_INT(write_at(CONTRACT_A, pair->a, "x", 1), 1);
    CHECK(contract_wait(CONTRACT_B, pair->b, WEFT_EVENT_READABLE, 1));
    return true;
}

static void own_at_b(const struct contract_pair *pair) {
    struct weft_env *b = contract_env(CONTRACT_B);
    b->net->own(b, pair->b, 99);
}

static void new_owner_is_told(const struct contract_pair *pair) {
    own_at_b(pair);
    CHECK(contract_wait(CONTRACT_B, pair->b, WEFT_EVENT_READABLE, 2));
    CHECK_EQ_UINT(contract_find(CONTRACT_B, pair->b, WEFT_EVENT_READABLE, 1)->owner, 99);
}

void a_new_owner_is_told_what_waits(void) {
    struct contract_pair pair;
    char byte = 0;
    if (!begin_told(&pair, false)) return;
    new_owner_is_told(&pair);
    CHECK_EQ_INT(read_at(CONTRACT_B, pair.b, &byte, 1), 1);
    CHECK_EQ_INT(byte, 'x');
    contract_end();
}

void a_new_owner_is_told_of_the_end(void) {
    struct contract_pair pair;
    char byte;
    if (!begin_told(&pair, true)) return;
    CHECK_EQ_INT(read_at(CONTRACT_B, pair.b, &byte, 1), 0);
    new_owner_is_told(&pair);
    CHECK_EQ_INT(read_at(CONTRACT_B, pair.b, &byte, 1), 0);
    contract_end();
}

void a_new_owner_is_told_of_a_failure(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    abort_at(CONTRACT_A, pair.a);
    CHECK(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_FAILED, 1));
    own_at_b(&pair);
    CHECK(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_FAILED, 2));
    const struct weft_event *failed = contract_find(CONTRACT_B, pair.b, WEFT_EVENT_FAILED, 1);
    CHECK_EQ_UINT(failed->owner, 99);
    CHECK_EQ_INT(failed->error, WEFT_ERR_RESET);
    contract_end();
}

void a_new_owner_is_not_told_of_what_was_read(void) {
    struct contract_pair pair;
    char byte;
    if (!begin_told(&pair, false)) return;
    CHECK_EQ_INT(read_at(CONTRACT_B, pair.b, &byte, 1), 1);
    own_at_b(&pair);
    contract_pass(CONTRACT_QUIET);
    CHECK_EQ_UINT(contract_count(CONTRACT_B, pair.b, WEFT_EVENT_READABLE), 1);
    CHECK_EQ_INT(write_at(CONTRACT_A, pair.a, "y", 1), 1);
    CHECK(contract_wait(CONTRACT_B, pair.b, WEFT_EVENT_READABLE, 2));
    contract_end();
}

void names_of_a_stream_are_each_others(void) {
    struct contract_pair pair;
    struct weft_addr local_a, remote_a, local_b, remote_b;
    if (!begin_connected(&pair)) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    a->net->names(a, pair.a, &local_a, &remote_a);
    b->net->names(b, pair.b, &local_b, &remote_b);
    CHECK(weft_addr_equal(&local_a, &remote_b));
    CHECK(weft_addr_equal(&local_b, &remote_a));
    b->net->names(b, pair.listener, &local_b, &remote_b);
    CHECK(weft_addr_equal(&local_b, &remote_a));
    CHECK_EQ_INT(remote_b.family, WEFT_FAMILY_NONE);
    contract_end();
}

void calls_on_no_socket_are_harmless(void) {
    struct weft_addr local, remote;
    char byte = 'x';
    if (!contract_begin()) return;
    struct weft_env *a = contract_env(CONTRACT_A);
    static const weft_socket none[] = {WEFT_SOCKET_NONE, 1, UINT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ_INT(read_at(CONTRACT_A, none[i], &byte, 1), WEFT_ERR_CLOSED);
        CHECK_EQ_INT(write_at(CONTRACT_A, none[i], &byte, 1), WEFT_ERR_CLOSED);
        CHECK_EQ_INT(finish_at(CONTRACT_A, none[i]), WEFT_ERR_CLOSED);
        a->net->own(a, none[i], 1);
        a->net->names(a, none[i], &local, &remote);
        CHECK_EQ_INT(local.family, WEFT_FAMILY_NONE);
        CHECK_EQ_INT(remote.family, WEFT_FAMILY_NONE);
        close_at(CONTRACT_A, none[i]);
        abort_at(CONTRACT_A, none[i]);
    }
    contract_end();
}
