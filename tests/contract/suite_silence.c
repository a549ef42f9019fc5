/* Claims about peers from which nothing comes any more. */
#include "tests/contract/contract.h"

#define LONG WEFT_S(100)

static void deafen(int node, weft_socket socket) {
    contract_world->deafen(contract.world, node, socket);
}

static int keep_alive(int node, weft_socket socket, weft_duration idle) {
    struct weft_env *env = contract_env(node);
    return env->net->stream_keep_alive(env, socket, idle);
}

static int64_t write_byte(int node, weft_socket socket) {
    struct weft_env *env = contract_env(node);
    return env->net->stream_write(env, socket, "x", 1);
}

static bool begin_connected(struct contract_pair *pair) {
    return contract_begin() && contract_connect(pair, WEFT_FAMILY_V4);
}

/* A's stream fails with `error`, within `limit`, and calls say so. */
static void fails(const struct contract_pair *pair, int error, weft_duration limit) {
    char byte;
    struct weft_env *a = contract_env(CONTRACT_A);
    REQUIRE(contract_wait_for(CONTRACT_A, pair->a, WEFT_EVENT_FAILED, limit));
    CHECK_EQ_INT(contract_find(CONTRACT_A, pair->a, WEFT_EVENT_FAILED, 0)->error, error);
    CHECK_EQ_INT(a->net->stream_read(a, pair->a, &byte, 1), error);
    CHECK_EQ_INT(write_byte(CONTRACT_A, pair->a), error);
}

void connecting_into_silence_times_out(void) {
    struct contract_pair pair = {0};
    if (!contract_begin()) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    struct weft_addr addr = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    CHECK_EQ_INT(b->net->stream_listen(b, &addr, 8, 20, &pair.listener), WEFT_OK);
    deafen(CONTRACT_B, pair.listener);
    CHECK_EQ_INT(a->net->stream_connect(a, &addr, 10, &pair.a), WEFT_OK);
    REQUIRE(contract_wait_for(CONTRACT_A, pair.a, WEFT_EVENT_FAILED, LONG));
    CHECK_EQ_INT(contract_find(CONTRACT_A, pair.a, WEFT_EVENT_FAILED, 0)->error, WEFT_ERR_TIMEOUT);
    CHECK_EQ_UINT(contract.count, 1);
    contract_end();
}

/* RFC 9293, 3.5.1. */
void a_half_open_stream_is_reset_when_it_is_used(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    if (contract_world->vanish(contract.world, CONTRACT_B, pair.b)) {
        contract_pass(CONTRACT_QUIET);
        CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_FAILED), 0);
        CHECK_EQ_INT(write_byte(CONTRACT_A, pair.a), 1);
        fails(&pair, WEFT_ERR_RESET, CONTRACT_LIMIT);
    }
    contract_end();
}

void keep_alive_leaves_a_living_peer_alone(void) {
    unsigned char byte;
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, WEFT_MS(1)), WEFT_OK); /* a second */
    size_t before = contract.count;
    contract_pass(WEFT_S(6));
    CHECK_EQ_UINT(contract.count, before);
    CHECK_EQ_INT(write_byte(CONTRACT_A, pair.a), 1);
    CHECK(contract_read_all(CONTRACT_B, pair.b, &byte, 1));
    CHECK_EQ_INT(write_byte(CONTRACT_B, pair.b), 1);
    CHECK(contract_read_all(CONTRACT_A, pair.a, &byte, 1));
    contract_end();
}

void keep_alive_finds_a_silent_peer(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, WEFT_S(1)), WEFT_OK);
    deafen(CONTRACT_B, pair.b);
    contract_pass(WEFT_MS(2500));
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_FAILED), 0);
    fails(&pair, WEFT_ERR_TIMEOUT, WEFT_S(3));
    contract_end();
}

void keep_alive_finds_a_half_open_stream(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, WEFT_S(1)), WEFT_OK);
    if (contract_world->vanish(contract.world, CONTRACT_B, pair.b)) {
        fails(&pair, WEFT_ERR_RESET, WEFT_S(2));
    }
    contract_end();
}

void with_keep_alive_bytes_nobody_acknowledges_time_out_early(void) {
    struct contract_pair pair;
    if (!begin_connected(&pair)) return;
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, WEFT_S(1)), WEFT_OK);
    deafen(CONTRACT_B, pair.b);
    CHECK_EQ_INT(write_byte(CONTRACT_A, pair.a), 1);
    contract_pass(WEFT_MS(2500));
    CHECK_EQ_UINT(contract_count(CONTRACT_A, pair.a, WEFT_EVENT_FAILED), 0);
    fails(&pair, WEFT_ERR_TIMEOUT, WEFT_S(5));
    contract_end();
}

void keep_alive_needs_a_connected_stream_and_a_duration(void) {
    struct contract_pair pair;
    weft_socket early;
    if (!begin_connected(&pair)) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    struct weft_addr addr, none;
    b->net->names(b, pair.listener, &addr, &none);
    CHECK_EQ_INT(a->net->stream_connect(a, &addr, 10, &early), WEFT_OK);
    CHECK_EQ_INT(keep_alive(CONTRACT_A, early, WEFT_S(1)), WEFT_ERR_CLOSED);
    CHECK_EQ_INT(keep_alive(CONTRACT_A, WEFT_SOCKET_NONE, WEFT_S(1)), WEFT_ERR_CLOSED);
    CHECK_EQ_INT(keep_alive(CONTRACT_B, pair.listener, WEFT_S(1)), WEFT_ERR_CLOSED);
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, -1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, WEFT_KEEP_ALIVE_MAX + 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, WEFT_KEEP_ALIVE_MAX), WEFT_OK);
    CHECK_EQ_INT(keep_alive(CONTRACT_A, pair.a, 0), WEFT_OK);
    contract_end();
}

void datagrams_to_the_deaf_disturb_nobody(void) {
    struct weft_addr from, to;
    weft_socket source, sink;
    if (!contract_begin()) return;
    struct weft_env *a = contract_env(CONTRACT_A), *b = contract_env(CONTRACT_B);
    from = contract_addr(CONTRACT_A, WEFT_FAMILY_V4);
    to = contract_addr(CONTRACT_B, WEFT_FAMILY_V4);
    CHECK_EQ_INT(a->net->datagram_open(a, &from, 1, &source), WEFT_OK);
    CHECK_EQ_INT(b->net->datagram_open(b, &to, 2, &sink), WEFT_OK);
    deafen(CONTRACT_B, sink);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(a->net->datagram_send(a, source, &to, "x", 1), WEFT_OK);
        contract_pass(CONTRACT_QUIET);
    }
    CHECK_EQ_UINT(contract.count, 0);
    contract_end();
}
