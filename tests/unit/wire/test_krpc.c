/* KRPC both ways: BEP 5's packets byte for byte, and a round trip of every method. */
#include "core/wire/krpc.h"
#include "tests/harness/harness.h"

#define BYTES(literal)                                                                             \
    { (const unsigned char *)(literal), sizeof(literal) - 1 }
#define ID(text) ((const weft_id *)(const void *)(text))

#define A "abcdefghij0123456789"
#define B "mnopqrstuvwxyz123456"
#define NODE "0123456789abcdefghij\x7f\0\0\1\x1a\xe1"
#define NODE6 "0123456789abcdefghij0123456789abcdef\x1a\xe1"

/* A packet and what it means. `peers` are those of `values`. */
struct example {
    struct weft_bytes packet;
    struct weft_krpc msg;
    struct weft_krpc_peers peers;
};

static const struct example BEP5[] = {
    {BYTES("d1:ad2:id20:" A "e1:q4:ping1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY, .method = WEFT_KRPC_PING, .tid = BYTES("aa"), .id = ID(A)},
     {0}},
    {BYTES("d1:rd2:id20:" B "e1:t2:aa1:y1:re"),
     {.type = WEFT_KRPC_RESPONSE, .tid = BYTES("aa"), .id = ID(B)},
     {0}},
    {BYTES("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"),
     {.type = WEFT_KRPC_ERROR,
      .tid = BYTES("aa"),
      .error_code = WEFT_KRPC_ERROR_GENERIC,
      .error_text = BYTES("A Generic Error Ocurred")},
     {0}},
    {BYTES("d1:ad2:id20:" A "6:target20:" B "e1:q9:find_node1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_FIND_NODE,
      .tid = BYTES("aa"),
      .id = ID(A),
      .target = ID(B)},
     {0}},
    {BYTES("d1:ad2:id20:" A "9:info_hash20:" B "e1:q9:get_peers1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_GET_PEERS,
      .tid = BYTES("aa"),
      .id = ID(A),
      .target = ID(B)},
     {0}},
    {BYTES("d1:rd2:id20:" A "5:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re"),
     {.type = WEFT_KRPC_RESPONSE, .tid = BYTES("aa"), .id = ID(A), .token = BYTES("aoeusnth")},
     {(const unsigned char *)"axje.uidhtnm", 6, 2}},
    {BYTES("d1:ad2:id20:" A "12:implied_porti1e9:info_hash20:" B
           "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_ANNOUNCE_PEER,
      .tid = BYTES("aa"),
      .id = ID(A),
      .target = ID(B),
      .token = BYTES("aoeusnth"),
      .port = 6881,
      .implied_port = true},
     {0}},
};

/* BEP 5 writes find_node's and get_peers' nodes as "def456...", which is not a multiple of 26
 * bytes; here they are whole. And what the later BEPs add. */
static const struct example OTHERS[] = {
    {BYTES("d1:rd2:id20:" A "5:nodes26:" NODE "e1:t2:aa1:y1:re"),
     {.type = WEFT_KRPC_RESPONSE, .tid = BYTES("aa"), .id = ID(A), .nodes = BYTES(NODE)},
     {0}},
    {BYTES("d1:rd2:id20:" A "5:nodes0:6:nodes60:e1:t2:aa1:y1:re"),
     {.type = WEFT_KRPC_RESPONSE,
      .tid = BYTES("aa"),
      .id = ID(A),
      .nodes = BYTES(""),
      .nodes6 = BYTES("")},
     {0}},
    {BYTES("d2:ip6:\x7f\0\0\1\x1a\xe1"
           "1:rd2:id20:" A "5:nodes52:" NODE NODE "6:nodes638:" NODE6
           "5:token3:tok1:vl1:xi1ee6:valuesl18:0123456789abcdef\x1a\xe1"
           "ee1:t1:x1:v4:WF\0\1"
           "1:y1:re"),
     {.type = WEFT_KRPC_RESPONSE,
      .tid = BYTES("x"),
      .version = BYTES("WF\0\1"),
      .id = ID(A),
      .token = BYTES("tok"),
      .nodes = BYTES(NODE NODE),
      .nodes6 = BYTES(NODE6),
      .value = BYTES("l1:xi1ee"),
      .ip = BYTES("\x7f\0\0\1\x1a\xe1")},
     {(const unsigned char *)"0123456789abcdef\x1a\xe1", 18, 1}},
    {BYTES("d1:ad2:id20:" A "6:target20:" B "4:wantl2:n42:n6ee1:q9:find_node2:roi1e1:t4:\0\1\2\x03"
           "1:v4:WF\0\1"
           "1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_FIND_NODE,
      .tid = BYTES("\0\1\2\x03"),
      .version = BYTES("WF\0\1"),
      .read_only = true,
      .id = ID(A),
      .target = ID(B),
      .want = WEFT_WANT_N4 | WEFT_WANT_N6},
     {0}},
    {BYTES("d1:ad2:id20:" A "9:info_hash20:" B "4:wantl2:n6ee1:q9:get_peers1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_GET_PEERS,
      .tid = BYTES("aa"),
      .id = ID(A),
      .target = ID(B),
      .want = WEFT_WANT_N6},
     {0}},
    {BYTES("d1:ad2:id20:" A "9:info_hash20:" B
           "4:porti65535e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_ANNOUNCE_PEER,
      .tid = BYTES("aa"),
      .id = ID(A),
      .target = ID(B),
      .token = BYTES("x"),
      .port = 65535},
     {0}},
    {BYTES("d1:ad2:id20:" A "12:implied_porti1e9:info_hash20:" B
           "4:porti0e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_ANNOUNCE_PEER,
      .tid = BYTES("aa"),
      .id = ID(A),
      .target = ID(B),
      .token = BYTES("x"),
      .implied_port = true},
     {0}},
    {BYTES("d1:ad2:id20:" A "6:target20:" B "e1:q3:get1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_GET,
      .tid = BYTES("aa"),
      .id = ID(A),
      .target = ID(B)},
     {0}},
    {BYTES("d1:ad2:id20:" A "5:token3:tok1:v12:Hello World!e1:q3:put1:t2:aa1:y1:qe"),
     {.type = WEFT_KRPC_QUERY,
      .method = WEFT_KRPC_PUT,
      .tid = BYTES("aa"),
      .id = ID(A),
      .token = BYTES("tok"),
      .value = BYTES("12:Hello World!")},
     {0}},
    {BYTES("d1:eli204e14:Method Unknowne2:ip18:0123456789abcdef\x1a\xe1"
           "1:t2:aa1:v4:WF\0\1"
           "1:y1:ee"),
     {.type = WEFT_KRPC_ERROR,
      .tid = BYTES("aa"),
      .version = BYTES("WF\0\1"),
      .ip = BYTES("0123456789abcdef\x1a\xe1"),
      .error_code = WEFT_KRPC_ERROR_METHOD,
      .error_text = BYTES("Method Unknown")},
     {0}},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void check_id(const weft_id *id, const weft_id *expected) {
    CHECK_EQ_INT(id == NULL, expected == NULL);
    if (id != NULL && expected != NULL) CHECK_EQ_BYTES(id, expected, WEFT_ID_SIZE);
}

static void check_peers(struct weft_bytes values, const struct weft_krpc_peers *expected) {
    struct weft_addr peer, wanted;
    size_t cursor = 0;
    for (size_t i = 0; i < expected->count; i++) {
        const unsigned char *at = expected->peers + i * expected->peer_size;
        REQUIRE(weft_compact_peer_read(&wanted, at, expected->peer_size));
        REQUIRE(weft_krpc_next_peer(values, &cursor, &peer));
        CHECK(weft_addr_equal(&peer, &wanted));
    }
    CHECK(!weft_krpc_next_peer(values, &cursor, &peer));
}

static void check_msg(const struct weft_krpc *msg, const struct weft_krpc *expected) {
    CHECK_EQ_INT(msg->type, expected->type);
    CHECK_EQ_INT(msg->method, expected->method);
    CHECK_EQ_INT(msg->read_only, expected->read_only);
    CHECK_EQ_INT(msg->port, expected->port);
    CHECK_EQ_INT(msg->implied_port, expected->implied_port);
    CHECK_EQ_INT(msg->want, expected->want);
    CHECK_EQ_INT(msg->has_mutable, expected->has_mutable);
    CHECK_EQ_INT(msg->error_code, expected->error_code);
    check_id(msg->id, expected->id);
    check_id(msg->target, expected->target);
    CHECK(weft_bytes_equal(msg->tid, expected->tid));
    CHECK(weft_bytes_equal(msg->version, expected->version));
    CHECK(weft_bytes_equal(msg->token, expected->token));
    CHECK(weft_bytes_equal(msg->nodes, expected->nodes));
    CHECK(weft_bytes_equal(msg->nodes6, expected->nodes6));
    CHECK_EQ_INT(msg->nodes.data == NULL, expected->nodes.data == NULL);   /* I4 */
    CHECK_EQ_INT(msg->nodes6.data == NULL, expected->nodes6.data == NULL); /* I4 */
    CHECK(weft_bytes_equal(msg->value, expected->value));
    CHECK(weft_bytes_equal(msg->ip, expected->ip));
    CHECK(weft_bytes_equal(msg->error_text, expected->error_text));
}

static void check_decodes(const struct example *example) {
    struct weft_krpc msg;
    CHECK_EQ_INT(weft_krpc_decode(example->packet, &msg), WEFT_OK);
    check_msg(&msg, &example->msg);
    check_peers(msg.values, &example->peers);
}

static void check_encodes(const struct example *example) {
    unsigned char out[WEFT_KRPC_SIZE_MAX];
    size_t size = 0;
    const struct weft_krpc_peers *peers = example->peers.count > 0 ? &example->peers : NULL;
    CHECK_EQ_INT(weft_krpc_encode(&example->msg, peers, out, sizeof out, &size), WEFT_OK);
    CHECK_EQ_UINT(size, example->packet.size);
    CHECK_EQ_BYTES(out, example->packet.data, example->packet.size);
}

static void bep5_packets_are_read(void) {
    for (size_t i = 0; i < COUNT(BEP5); i++) check_decodes(&BEP5[i]);
}

static void bep5_packets_are_written_byte_for_byte(void) {
    for (size_t i = 0; i < COUNT(BEP5); i++) check_encodes(&BEP5[i]);
}

static void every_other_packet_round_trips(void) {
    for (size_t i = 0; i < COUNT(OTHERS); i++) {
        check_decodes(&OTHERS[i]);
        check_encodes(&OTHERS[i]);
    }
}

static void check_no_prefix_decodes(struct weft_bytes packet) {
    struct weft_krpc msg;
    for (size_t size = 0; size < packet.size; size++) {
        CHECK_EQ_INT(weft_krpc_decode(weft_bytes(packet.data, size), &msg), WEFT_ERR_MALFORMED);
        CHECK_EQ_INT(msg.type, 0);
        CHECK_EQ_UINT(msg.tid.size, 0);
    }
}

static void a_packet_cut_at_any_byte_is_refused(void) {
    for (size_t i = 0; i < COUNT(BEP5); i++) check_no_prefix_decodes(BEP5[i].packet);
    for (size_t i = 0; i < COUNT(OTHERS); i++) check_no_prefix_decodes(OTHERS[i].packet);
}

static void check_capacity(const struct example *example) {
    unsigned char out[WEFT_KRPC_SIZE_MAX];
    size_t needed = example->packet.size, size = 0;
    for (size_t capacity = 0; capacity < needed; capacity++) {
        memset(out, 0x55, sizeof out);
        CHECK_EQ_INT(weft_krpc_encode(&example->msg, &example->peers, out, capacity, &size),
                     WEFT_ERR_TOO_BIG);
        CHECK_EQ_UINT(out[capacity], 0x55);
    }
    CHECK_EQ_INT(weft_krpc_encode(&example->msg, &example->peers, out, needed, &size), WEFT_OK);
    CHECK_EQ_UINT(size, needed);
}

static void a_packet_is_written_only_into_room_for_all_of_it(void) {
    for (size_t i = 0; i < COUNT(BEP5); i++) check_capacity(&BEP5[i]);
    for (size_t i = 0; i < COUNT(OTHERS); i++) check_capacity(&OTHERS[i]);
}

static void a_value_that_is_no_item_is_not_sent(void) {
    struct weft_krpc msg = {
        .type = WEFT_KRPC_RESPONSE, .tid = BYTES("aa"), .id = ID(A), .value = BYTES("not bencode")};
    unsigned char out[WEFT_KRPC_SIZE_MAX];
    size_t size = 77;
    CHECK_EQ_INT(weft_krpc_encode(&msg, NULL, out, sizeof out, &size), WEFT_ERR_MALFORMED);
    CHECK_EQ_UINT(size, 77);
}

TEST_MAIN("wire/krpc", TEST(bep5_packets_are_read), TEST(bep5_packets_are_written_byte_for_byte),
          TEST(every_other_packet_round_trips), TEST(a_packet_cut_at_any_byte_is_refused),
          TEST(a_packet_is_written_only_into_room_for_all_of_it),
          TEST(a_value_that_is_no_item_is_not_sent))
