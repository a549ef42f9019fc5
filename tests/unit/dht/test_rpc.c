/* Each RPC's answer, byte for byte where it is fixed. The machine's id is 20 zero bytes. */
#include "tests/unit/dht/rig.h"

#define ID "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define PEER "abcdefghij0123456789"
#define IP "2:ip6:\x0a\0\0\x09\x1a\xe1"
#define TAIL "1:t2:aa1:v4:WF\0\1"

static const struct weft_dht_config normal = {.k = 8};
static const weft_id peer_id = {PEER};

/* Send `query` from 10.0.0.9:6881; the answer must be `expected`. */
static void exchange(const char *query, size_t query_size, const char *expected,
                     size_t expected_size) {
    struct weft_addr from = rig_addr(9);
    rig_skip();
    (void)rig_receive(&from, query, query_size);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK(weft_addr_equal(&answer->to, &from));
    REQUIRE(answer->size == expected_size);
    CHECK_EQ_BYTES(answer->data, expected, expected_size);
}

#define EXCHANGE(query, expected) exchange(query, sizeof query - 1, expected, sizeof expected - 1)

static void ping(void) {
    rig_open(&normal);
    EXCHANGE("d1:ad2:id20:" PEER "e1:q4:ping1:t2:aa1:y1:qe",
             "d" IP "1:rd2:id20:" ID "e" TAIL "1:y1:re");
    rig_close();
}

static void find_node_with_an_empty_table(void) {
    rig_open(&normal);
    EXCHANGE("d1:ad2:id20:" PEER "6:target20:" PEER "e1:q9:find_node1:t2:aa1:y1:qe",
             "d" IP "1:rd2:id20:" ID "5:nodes0:e" TAIL "1:y1:re");
    rig_close();
}

static void find_node_with_one_contact(void) {
    rig_open(&normal);
    struct rig_host host = {{"AAAAAAAAAAAAAAAAAAAA"}, weft_addr_v4(1, 2, 3, 4, 0x5050)};
    rig_meet(&host);
    EXCHANGE("d1:ad2:id20:" PEER "6:target20:" PEER "e1:q9:find_node1:t2:aa1:y1:qe",
             "d" IP "1:rd2:id20:" ID "5:nodes26:AAAAAAAAAAAAAAAAAAAA\x01\x02\x03\x04\x50\x50"
             "e" TAIL "1:y1:re");
    rig_close();
}

static void the_asker_is_not_named_to_itself(void) {
    rig_open(&normal);
    struct rig_host host = {peer_id, rig_addr(9)};
    rig_meet(&host);
    EXCHANGE("d1:ad2:id20:" PEER "6:target20:" PEER "e1:q9:find_node1:t2:aa1:y1:qe",
             "d" IP "1:rd2:id20:" ID "5:nodes0:e" TAIL "1:y1:re");
    rig_close();
}

static void find_node_gives_the_k_closest_in_order(void) {
    rig_open(&normal);
    struct rig_host hosts[8];
    for (unsigned i = 0; i < 8; i++) {
        hosts[i] = rig_host(0, i + 1);
        rig_meet(&hosts[i]);
    }
    rig_skip();
    struct weft_addr from = rig_addr(9);
    weft_id target = rig_id(0, 6);
    (void)rig_query(&from, &peer_id, WEFT_KRPC_FIND_NODE, &target);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL && answer->msg.nodes.size == 8 * 26);
    CHECK(answer->msg.nodes6.data == NULL);
    const unsigned char order[8] = {6, 7, 4, 5, 2, 3, 1, 8};
    for (size_t i = 0; i < 8; i++) CHECK_EQ_UINT(answer->msg.nodes.data[26 * i + 19], order[i]);
    rig_close();
}

static void want_names_the_families(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true});
    struct rig_host four = {rig_id(0, 1), rig_addr(1)}, six = {rig_id(0, 2), rig_addr6(2)};
    rig_meet(&four);
    rig_meet(&six);
    struct weft_addr from = rig_addr6(9);
    const struct {
        unsigned want;
        size_t size4, size6;
    } cases[] = {{0, 0, 38}, {WEFT_WANT_N4, 26, 0}, {WEFT_WANT_N6, 0, 38}, {3, 26, 38}};
    for (size_t i = 0; i < 4; i++) {
        const struct weft_krpc query = {.type = WEFT_KRPC_QUERY,
                                        .method = WEFT_KRPC_FIND_NODE,
                                        .tid = weft_bytes("aa", 2),
                                        .id = &peer_id,
                                        .target = &peer_id,
                                        .want = cases[i].want};
        rig_skip();
        (void)rig_receive_msg(&from, &query, NULL);
        const struct rig_packet *answer = rig_next();
        REQUIRE(answer != NULL);
        CHECK_EQ_UINT(answer->msg.nodes.size, cases[i].size4);
        CHECK_EQ_UINT(answer->msg.nodes6.size, cases[i].size6);
    }
    rig_close();
}

/* The token of the last answer, for the next query. */
static struct weft_bytes ask_token(const struct weft_addr *from, enum weft_krpc_method method) {
    static unsigned char token[WEFT_KRPC_TOKEN_MAX];
    rig_skip();
    (void)rig_query(from, &peer_id, method, &peer_id);
    const struct rig_packet *answer = rig_next();
    if (answer == NULL || answer->msg.token.size == 0) return weft_bytes("none", 4);
    memcpy(token, answer->msg.token.data, answer->msg.token.size);
    return weft_bytes(token, answer->msg.token.size);
}

static const struct rig_packet *announce(const struct weft_addr *from, struct weft_bytes token,
                                         uint16_t port) {
    const struct weft_krpc query = {.type = WEFT_KRPC_QUERY,
                                    .method = WEFT_KRPC_ANNOUNCE_PEER,
                                    .tid = weft_bytes("aa", 2),
                                    .id = &peer_id,
                                    .target = &peer_id,
                                    .token = token,
                                    .port = port,
                                    .implied_port = port == 0};
    rig_skip();
    (void)rig_receive_msg(from, &query, NULL);
    return rig_next();
}

static void get_peers_without_peers_gives_a_token_and_nodes(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9);
    (void)rig_query(&from, &peer_id, WEFT_KRPC_GET_PEERS, &peer_id);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK_EQ_UINT(answer->msg.token.size, 8);
    CHECK_EQ_UINT(answer->msg.values.size, 0);
    CHECK(answer->msg.nodes.data != NULL);
    rig_close();
}

static void announce_peer_stores_and_get_peers_returns(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9), peer;
    size_t cursor = 0;
    const struct rig_packet *answer = announce(&from, ask_token(&from, WEFT_KRPC_GET_PEERS), 80);
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.type, WEFT_KRPC_RESPONSE);
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_STORED), 1);
    CHECK_EQ_UINT(rig_fact(WEFT_TRACE_DHT_STORED)->number[0], WEFT_STORE_PEER);
    CHECK_EQ_BYTES(rig_fact(WEFT_TRACE_DHT_STORED)->bytes, &peer_id, 20);
    rig_skip();
    (void)rig_query(&from, &peer_id, WEFT_KRPC_GET_PEERS, &peer_id);
    answer = rig_next();
    REQUIRE(weft_krpc_next_peer(answer->msg.values, &cursor, &peer));
    CHECK_EQ_UINT(peer.port, 80);
    CHECK(weft_addr_same_host(&peer, &from));
    CHECK(!weft_krpc_next_peer(answer->msg.values, &cursor, &peer));
    rig_close();
}

static void implied_port_is_the_port_of_the_packet(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9), peer;
    size_t cursor = 0;
    from.port = 4242;
    struct weft_bytes token = ask_token(&from, WEFT_KRPC_GET_PEERS);
    CHECK_EQ_INT(announce(&from, token, 0)->msg.type, WEFT_KRPC_RESPONSE);
    rig_skip();
    (void)rig_query(&from, &peer_id, WEFT_KRPC_GET_PEERS, &peer_id);
    REQUIRE(weft_krpc_next_peer(rig_next()->msg.values, &cursor, &peer));
    CHECK_EQ_UINT(peer.port, 4242);
    rig_close();
}

static void a_bad_token_is_answered_with_203_and_stores_nothing(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9), other = rig_addr(10);
    struct weft_bytes token = ask_token(&other, WEFT_KRPC_GET_PEERS);
    const struct rig_packet *answer = announce(&from, token, 80); /* another host's */
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.type, WEFT_KRPC_ERROR);
    CHECK_EQ_INT(answer->msg.error_code, 203);
    CHECK_EQ_INT(announce(&from, weft_bytes("12345678", 8), 80)->msg.error_code, 203);
    CHECK_EQ_UINT(rig_stats().keys, 0);
    rig_close();
}

static const struct rig_packet *put(const struct weft_addr *from, struct weft_bytes token,
                                    struct weft_bytes value) {
    const struct weft_krpc query = {.type = WEFT_KRPC_QUERY,
                                    .method = WEFT_KRPC_PUT,
                                    .tid = weft_bytes("aa", 2),
                                    .id = &peer_id,
                                    .token = token,
                                    .value = value};
    rig_skip();
    (void)rig_receive_msg(from, &query, NULL);
    return rig_next();
}

static void put_stores_and_get_returns_the_item(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9);
    struct weft_bytes value = weft_bytes_text("12:Hello World!");
    weft_id key, expected;
    weft_item_key(value, &key);
    /* BEP 44's test vector */
    CHECK_EQ_INT(weft_id_parse(&expected, "e5f96f6f38320f0f33959cb4d3d656452117aadb"), WEFT_OK);
    CHECK(weft_id_equal(&key, &expected));
    const struct rig_packet *answer = put(&from, ask_token(&from, WEFT_KRPC_GET), value);
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.type, WEFT_KRPC_RESPONSE);
    CHECK_EQ_UINT(rig_fact(WEFT_TRACE_DHT_STORED)->number[0], WEFT_STORE_VALUE);
    rig_skip();
    (void)rig_query(&from, &peer_id, WEFT_KRPC_GET, &key);
    answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK(weft_bytes_equal(answer->msg.value, value));
    CHECK_EQ_UINT(answer->msg.token.size, 8);
    CHECK_EQ_INT(put(&from, weft_bytes("12345678", 8), value)->msg.error_code, 203);
    rig_close();
}

static void a_put_too_big_is_answered_with_205(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9);
    static char packet[1400];
    const char head[] = "d1:ad2:id20:" PEER "5:token1:x1:v1100:",
               tail[] = "e1:q3:put1:t2:aa1:y1:qe";
    memcpy(packet, head, sizeof head - 1);
    memset(packet + sizeof head - 1, 'x', 1100);
    memcpy(packet + sizeof head - 1 + 1100, tail, sizeof tail - 1);
    CHECK_EQ_INT(rig_receive(&from, packet, sizeof head - 1 + 1100 + sizeof tail - 1),
                 WEFT_ERR_TOO_BIG);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.error_code, 205);
    rig_close();
}

static void a_mutable_put_is_refused_with_204(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9);
    struct weft_bytes token = ask_token(&from, WEFT_KRPC_GET);
    char packet[256];
    const char head[] = "d1:ad2:id20:" PEER "3:seqi1e5:token8:",
               tail[] = "1:v1:xe1:q3:put1:t2:aa1:y1:qe";
    memcpy(packet, head, sizeof head - 1);
    memcpy(packet + sizeof head - 1, token.data, 8);
    memcpy(packet + sizeof head - 1 + 8, tail, sizeof tail - 1);
    rig_skip();
    CHECK_EQ_INT(rig_receive(&from, packet, sizeof head - 1 + 8 + sizeof tail - 1), WEFT_OK);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.error_code, 204);
    CHECK_EQ_UINT(rig_stats().keys, 0);
    rig_close();
}

static void an_unknown_method_without_an_id_is_answered_and_enters_nothing(void) {
    rig_open(&normal);
    EXCHANGE("d1:q4:vote1:t2:aa1:y1:qe", "d1:eli204e14:method unknowne" IP TAIL "1:y1:ee");
    CHECK_EQ_UINT(rig_stats().candidates, 0);
    rig_close();
}

static void a_get_with_the_largest_item_fits_a_packet(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true, .k = 16});
    for (unsigned i = 0; i < 16; i++) {
        struct rig_host four = {rig_id(0, i + 1), rig_addr(i + 1)};
        struct rig_host six = {rig_id(0, i + 1), rig_addr6(i + 1)};
        rig_meet(&four);
        rig_meet(&six);
    }
    static char item[WEFT_ITEM_SIZE_MAX] = "996:";
    memset(item + 4, 'x', sizeof item - 4);
    struct weft_bytes value = weft_bytes(item, sizeof item);
    struct weft_addr from = rig_addr6(9);
    weft_id key;
    weft_item_key(value, &key);
    CHECK_EQ_INT(put(&from, ask_token(&from, WEFT_KRPC_GET), value)->msg.type, WEFT_KRPC_RESPONSE);
    const struct weft_krpc query = {.type = WEFT_KRPC_QUERY,
                                    .method = WEFT_KRPC_GET,
                                    .tid = weft_bytes("0123456789abcdef0123456789abcdef", 32),
                                    .id = &peer_id,
                                    .target = &key,
                                    .want = 3};
    rig_skip();
    (void)rig_receive_msg(&from, &query, NULL);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK_EQ_UINT(answer->msg.value.size, 1000);
    CHECK(answer->msg.nodes.size > 0);
    CHECK(answer->msg.nodes6.size > 0);
    rig_close();
}

TEST_MAIN("dht/rpc", TEST(ping), TEST(find_node_with_an_empty_table),
          TEST(find_node_with_one_contact), TEST(the_asker_is_not_named_to_itself),
          TEST(find_node_gives_the_k_closest_in_order), TEST(want_names_the_families),
          TEST(get_peers_without_peers_gives_a_token_and_nodes),
          TEST(announce_peer_stores_and_get_peers_returns),
          TEST(implied_port_is_the_port_of_the_packet),
          TEST(a_bad_token_is_answered_with_203_and_stores_nothing),
          TEST(put_stores_and_get_returns_the_item), TEST(a_put_too_big_is_answered_with_205),
          TEST(a_mutable_put_is_refused_with_204),
          TEST(an_unknown_method_without_an_id_is_answered_and_enters_nothing),
          TEST(a_get_with_the_largest_item_fits_a_packet))
