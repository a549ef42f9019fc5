/* What the KRPC decoder takes from deployed peers, and what it refuses. */
#include "core/wire/krpc.h"
#include "tests/harness/harness.h"

#define A "abcdefghij0123456789"
#define B "mnopqrstuvwxyz123456"
#define ID_A "2:id20:" A
#define TARGET_B "6:target20:" B
#define HASH_B "9:info_hash20:" B
#define NODE "0123456789abcdefghij\x7f\0\0\1\x1a\xe1"
#define QUERY(args, name) "d1:ad" args "e1:q" name "1:t2:aa1:y1:qe"
#define RESPONSE(values) "d1:rd" values "e1:t2:aa1:y1:re"
#define ERROR_OF(list) "d1:e" list "1:t2:aa1:y1:ee"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ROW(literal)                                                                               \
    { (literal), sizeof(literal) - 1 }

struct row {
    const char *text;
    size_t size;
};

static struct weft_krpc msg;

static int decode(const char *text, size_t size) {
    memset(&msg, 0x55, sizeof msg);
    return weft_krpc_decode(weft_bytes(text, size), &msg);
}

#define DECODE(literal) decode((literal), sizeof(literal) - 1)

/* A packet built piece by piece, for what literals cannot say. */
struct packet {
    char text[4096];
    size_t size;
};

static void add(struct packet *packet, const char *text) {
    size_t size = strlen(text);
    memcpy(packet->text + packet->size, text, size);
    packet->size += size;
}

static void add_fill(struct packet *packet, size_t size) {
    memset(packet->text + packet->size, 'x', size);
    packet->size += size;
}

/* Of a copy that lasts: `msg` points into it. */
static int decode_packet(const struct packet *packet) {
    static struct packet last;
    last = *packet;
    return decode(last.text, last.size);
}

/* Refused, with all that answering 203 needs and nothing else. */
static void check_refused_rows(const struct row *rows, size_t count, enum weft_krpc_type type) {
    for (size_t i = 0; i < count; i++) {
        if (decode(rows[i].text, rows[i].size) != WEFT_ERR_MALFORMED) {
            CHECK_EQ_TEXT(rows[i].text, "accepted");
            continue;
        }
        if (msg.type != type) CHECK_EQ_TEXT(rows[i].text, "has the wrong type");
        CHECK(weft_bytes_equal(msg.tid, weft_bytes_text("aa")));
        CHECK(msg.id == NULL);
        CHECK(msg.target == NULL);
        CHECK_EQ_UINT(msg.nodes.size + msg.token.size + msg.version.size, 0);
    }
}

static void keys_nobody_here_knows_are_skipped(void) {
    static const struct row rows[] = {
        ROW(QUERY("2:bsi1e" ID_A TARGET_B "4:wantl2:n42:n6e", "9:find_node")),
        ROW(QUERY(ID_A HASH_B "6:noseedi1e6:scrapei1e", "9:get_peers")),
        ROW(QUERY(ID_A "12:implied_porti1e" HASH_B "4:name5:x.iso4:porti0e4:seedi1e5:token1:t",
                  "13:announce_peer")),
        ROW("d1:ad" ID_A "e2:csl4:LT01e1:q4:ping2:sv4:asdf1:t2:aa1:v4:LT011:xd1:yi1ee1:y1:qe"),
        ROW(QUERY(ID_A "1:xllllleeeee", "4:ping")),
        ROW(RESPONSE(ID_A "1:pi6881e6:nodes2l2:xxe8:intervali3e")),
        ROW("d1:y1:q1:v1:x1:t2:aa1:q4:ping1:ad0:0:2:id20:" A "ee"),
        ROW("d1:y1:q1:t2:aa1:q9:find_node1:ad" TARGET_B ID_A "ee"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (decode(rows[i].text, rows[i].size) != WEFT_OK) CHECK_EQ_TEXT(rows[i].text, "refused");
        REQUIRE(msg.id != NULL);
        CHECK_EQ_BYTES(msg.id, A, 20);
    }
}

static void wanted_families_are_bits_and_strangers_are_ignored(void) {
    CHECK_EQ_INT(DECODE(QUERY(ID_A TARGET_B "4:wantl2:n4e", "9:find_node")), WEFT_OK);
    CHECK_EQ_UINT(msg.want, WEFT_WANT_N4);
    CHECK_EQ_INT(DECODE(QUERY(ID_A TARGET_B "4:wantl2:n62:n92:n63:n44e", "9:find_node")), WEFT_OK);
    CHECK_EQ_UINT(msg.want, WEFT_WANT_N6);
    CHECK_EQ_INT(DECODE(QUERY(ID_A TARGET_B "4:wantle", "9:find_node")), WEFT_OK);
    CHECK_EQ_UINT(msg.want, 0);
}

static void ip_of_another_length_is_ignored(void) {
    CHECK_EQ_INT(DECODE("d2:ip4:abcd1:rd" ID_A "e1:t2:aa1:y1:re"), WEFT_OK);
    CHECK_EQ_UINT(msg.ip.size, 0);
    CHECK_EQ_INT(DECODE("d2:ip6:abcdef1:rd" ID_A "e1:t2:aa1:y1:re"), WEFT_OK);
    CHECK_EQ_UINT(msg.ip.size, 6);
    CHECK_EQ_INT(DECODE("d1:ad" ID_A "e2:ip6:abcdef1:q4:ping1:t2:aa1:y1:qe"), WEFT_OK);
    CHECK_EQ_UINT(msg.ip.size, 0); /* a query says nothing of it */
}

static void read_only_is_any_number_but_zero(void) {
    CHECK_EQ_INT(DECODE("d1:ad" ID_A "e1:q4:ping2:roi1e1:t2:aa1:y1:qe"), WEFT_OK);
    CHECK(msg.read_only);
    CHECK_EQ_INT(DECODE("d1:ad" ID_A "e1:q4:ping2:roi0e1:t2:aa1:y1:qe"), WEFT_OK);
    CHECK(!msg.read_only);
}

static void values_of_both_sizes_are_kept(void) {
    struct weft_addr peer;
    size_t cursor = 0;
    CHECK_EQ_INT(DECODE(RESPONSE(ID_A "6:valuesl6:\1\2\3\4\0\5"
                                      "18:0123456789abcdef\0\6"
                                      "e")),
                 WEFT_OK);
    REQUIRE(weft_krpc_next_peer(msg.values, &cursor, &peer));
    CHECK_EQ_UINT(peer.family, WEFT_FAMILY_V4);
    CHECK_EQ_UINT(peer.port, 5);
    REQUIRE(weft_krpc_next_peer(msg.values, &cursor, &peer));
    CHECK_EQ_UINT(peer.family, WEFT_FAMILY_V6);
    CHECK_EQ_UINT(peer.port, 6);
    CHECK(!weft_krpc_next_peer(msg.values, &cursor, &peer));
}

static void an_error_may_lack_its_text_or_say_more(void) {
    CHECK_EQ_INT(DECODE(ERROR_OF("li202ee")), WEFT_OK);
    CHECK_EQ_INT(msg.error_code, 202);
    CHECK_EQ_UINT(msg.error_text.size, 0);
    CHECK_EQ_INT(DECODE(ERROR_OF("li203e3:bad4:moree")), WEFT_OK);
    CHECK_EQ_INT(msg.error_code, 203);
    CHECK(weft_bytes_equal(msg.error_text, weft_bytes_text("bad")));
    CHECK_EQ_INT(DECODE(ERROR_OF("li2147483647e0:e")), WEFT_OK);
    CHECK_EQ_INT(msg.error_code, 2147483647);
}

static void an_unknown_method_is_no_mistake(void) {
    static const struct row rows[] = {
        ROW(QUERY(ID_A TARGET_B, "17:sample_infohashes")),
        ROW(QUERY(ID_A HASH_B, "4:vote")),
        ROW(QUERY(ID_A "5:tokeni1e4:porti-1e6:target1:x", "4:PING")),
        ROW(QUERY(ID_A, "8:find_nod")),
        ROW(QUERY(ID_A, "10:find_nodes")),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_EQ_INT(decode(rows[i].text, rows[i].size), WEFT_OK);
        CHECK_EQ_INT(msg.method, WEFT_KRPC_UNKNOWN);
        REQUIRE(msg.id != NULL);
        CHECK_EQ_BYTES(msg.id, A, 20);
        CHECK(msg.target == NULL);
    }
}

static void an_unknown_method_may_lack_its_id(void) {
    static const struct row rows[] = {
        ROW(QUERY("", "4:vote")),
        ROW(QUERY("2:id3:abc", "4:vote")),
        ROW(QUERY("2:idi1e" TARGET_B, "4:vote")),
        ROW("d1:q4:vote1:t2:aa1:y1:qe"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_EQ_INT(decode(rows[i].text, rows[i].size), WEFT_OK);
        CHECK_EQ_INT(msg.method, WEFT_KRPC_UNKNOWN);
        CHECK(msg.id == NULL); /* I3 */
    }
}

static void a_put_of_a_mutable_item_is_marked(void) {
    CHECK_EQ_INT(DECODE(QUERY(ID_A "5:token1:t1:vi1e", "3:put")), WEFT_OK);
    CHECK(!msg.has_mutable);
    CHECK_EQ_INT(DECODE(QUERY(ID_A "1:k1:x5:token1:t1:vi1e", "3:put")), WEFT_OK);
    CHECK(msg.has_mutable);
    CHECK_EQ_INT(DECODE(QUERY(ID_A "3:seqi1e5:token1:t1:vi1e", "3:put")), WEFT_OK);
    CHECK(msg.has_mutable);
    CHECK_EQ_INT(DECODE(QUERY(ID_A "3:sig1:x5:token1:t1:vi1e", "3:put")), WEFT_OK);
    CHECK(msg.has_mutable);
}

static void what_is_not_a_packet_is_refused_whole(void) {
    static const struct row rows[] = {
        ROW(""),
        ROW("d"),
        ROW("de"
            "x"),
        ROW("le"),
        ROW("i1e"),
        ROW("0:"),
        ROW("GET / HTTP/1.1"),
        ROW(QUERY(ID_A, "4:ping") "e"),
        ROW(QUERY(ID_A, "4:ping") "\0"),
        ROW(QUERY(ID_A "1:xi03e", "4:ping")),
        ROW(QUERY(ID_A "1:xi-0e", "4:ping")),
        ROW(QUERY(ID_A "1:xi9223372036854775808e", "4:ping")),
        ROW(QUERY(ID_A "1:x18446744073709551617:x", "4:ping")),
        ROW(QUERY(ID_A "1:x01:x", "4:ping")),
        ROW(QUERY(ID_A "1:xlllllll"
                       "eeeeeee",
                  "4:ping")),
        ROW(QUERY(ID_A "i1ei1e", "4:ping")),
        ROW("d1:ad" ID_A "e1:q4:ping1:t2:aa1:t2:aa1:y1:qe"),
        ROW("d1:ad" ID_A "e1:ad" ID_A "e1:q4:ping1:t2:aa1:y1:qe"),
        ROW("d1:ad" ID_A "e1:q4:ping1:rd" ID_A "e1:t2:aa1:y1:qe"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (decode(rows[i].text, rows[i].size) != WEFT_ERR_MALFORMED) {
            CHECK_EQ_TEXT(rows[i].text, "accepted");
        }
        CHECK_EQ_INT(msg.type, 0);
        CHECK_EQ_UINT(msg.tid.size, 0);
    }
}

static void a_malformed_query_can_be_answered(void) {
    static const struct row rows[] = {
        ROW("d1:q4:ping1:t2:aa1:y1:qe"),
        ROW("d1:ai1e1:q4:ping1:t2:aa1:y1:qe"),
        ROW("d1:ale1:q4:vote1:t2:aa1:y1:qe"),
        ROW("d1:ad" ID_A "e1:t2:aa1:y1:qe"),
        ROW(QUERY(ID_A, "0:")),
        ROW(QUERY(ID_A, "i1e")),
        ROW("d1:q4:ping1:rd" ID_A "e1:t2:aa1:y1:qe"),
        ROW(QUERY("", "4:ping")),
        ROW(QUERY("2:id19:bcdefghij0123456789", "4:ping")),
        ROW(QUERY("2:id21:" A "x", "4:ping")),
        ROW(QUERY("2:idi1e", "4:ping")),
        ROW(QUERY("2:idl20:" A "e", "4:ping")),
        ROW(QUERY(ID_A ID_A, "4:ping")),
        ROW("d1:ad" ID_A "e1:q4:ping2:ro1:11:t2:aa1:y1:qe"),
        ROW("d1:ad" ID_A "e1:q4:ping2:roi-1e1:t2:aa1:y1:qe"),
        ROW("d1:ad" ID_A "e1:q4:ping1:t2:aa1:vi1e1:y1:qe"),
        ROW("d1:ad" ID_A "e2:ipi1e1:q4:ping1:t2:aa1:y1:qe"),
        ROW(QUERY(ID_A, "9:find_node")),
        ROW(QUERY(TARGET_B, "9:find_node")),
        ROW(QUERY(ID_A HASH_B, "9:find_node")),
        ROW(QUERY(ID_A "6:target19:bcdefghij0123456789", "9:find_node")),
        ROW(QUERY(ID_A TARGET_B "4:want2:n4", "9:find_node")),
        ROW(QUERY(ID_A TARGET_B "4:wantli4ee", "9:find_node")),
        ROW(QUERY(ID_A TARGET_B, "9:get_peers")),
        ROW(QUERY(ID_A "9:info_hash0:", "9:get_peers")),
        ROW(QUERY(ID_A, "3:get")),
        ROW(QUERY(HASH_B "4:porti1e5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A "4:porti1e5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "4:porti1e", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "4:porti1e5:token0:", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "4:porti1e5:tokeni1e", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "4:porti0e5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A "12:implied_porti0e" HASH_B "4:porti0e5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "4:porti65536e5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "4:porti-1e5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A HASH_B "4:port4:68815:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A "12:implied_porti1e" HASH_B "4:porti65536e5:token1:t", "13:announce_peer")),
        ROW(QUERY(ID_A "12:implied_port1:1" HASH_B "4:porti1e5:token1:t", "13:announce_peer")),
        ROW(QUERY("5:token1:t1:vi1e", "3:put")),
        ROW(QUERY(ID_A "1:vi1e", "3:put")),
        ROW(QUERY(ID_A "5:token0:1:vi1e", "3:put")),
        ROW(QUERY(ID_A "5:token1:t", "3:put")),
    };
    check_refused_rows(rows, COUNT(rows), WEFT_KRPC_QUERY);
}

static void an_announce_with_implied_port_needs_no_port(void) {
    CHECK_EQ_INT(DECODE(QUERY(ID_A "12:implied_porti1e" HASH_B "5:token1:t", "13:announce_peer")),
                 WEFT_OK);
    CHECK(msg.implied_port);
    CHECK_EQ_UINT(msg.port, 0);
}

static void a_malformed_response_is_refused(void) {
    static const struct row rows[] = {
        ROW("d1:t2:aa1:y1:re"),
        ROW("d1:ad" ID_A "e1:t2:aa1:y1:re"),
        ROW("d1:rle1:t2:aa1:y1:re"),
        ROW(RESPONSE("")),
        ROW(RESPONSE("2:id4:abcd")),
        ROW(RESPONSE(ID_A "5:nodes9:def456...")),
        ROW(RESPONSE(ID_A "5:nodes25:0123456789abcdefghijabcde")),
        ROW(RESPONSE(ID_A "5:nodes27:" NODE "x")),
        ROW(RESPONSE(ID_A "5:nodesle")),
        ROW(RESPONSE(ID_A "6:nodes626:" NODE)),
        ROW(RESPONSE(ID_A "6:nodes637:" NODE "0123456789a")),
        ROW(RESPONSE(ID_A "6:nodes639:" NODE "0123456789abc")),
        ROW(RESPONSE(ID_A "6:nodes6i0e")),
        ROW(RESPONSE(ID_A "5:nodes0:5:nodes0:")),
        ROW(RESPONSE(ID_A "5:tokeni1e")),
        ROW(RESPONSE(ID_A "6:values6:abcdef")),
        ROW(RESPONSE(ID_A "6:valuesli1ee")),
        ROW(RESPONSE(ID_A "6:valuesd1:a1:be")),
    };
    check_refused_rows(rows, COUNT(rows), WEFT_KRPC_RESPONSE);
}

static void a_malformed_error_is_refused(void) {
    static const struct row rows[] = {
        ROW("d1:t2:aa1:y1:ee"),
        ROW(ERROR_OF("le")),
        ROW(ERROR_OF("i201e")),
        ROW(ERROR_OF("3:201")),
        ROW(ERROR_OF("l3:bade")),
        ROW(ERROR_OF("li-1e3:bade")),
        ROW(ERROR_OF("li2147483648e0:e")),
        ROW(ERROR_OF("li201ei1ee")),
    };
    check_refused_rows(rows, COUNT(rows), WEFT_KRPC_ERROR);
}

static void a_packet_of_no_type_keeps_only_its_tid(void) {
    static const struct row rows[] = {
        ROW("d1:ad" ID_A "e1:q4:ping1:t2:aae"),      ROW("d1:ad" ID_A "e1:q4:ping1:t2:aa1:y1:xe"),
        ROW("d1:ad" ID_A "e1:q4:ping1:t2:aa1:y0:e"), ROW("d1:ad" ID_A "e1:q4:ping1:t2:aa1:y2:qqe"),
        ROW("d1:eli201e0:e1:t2:aa1:yi0ee"),
    };
    check_refused_rows(rows, COUNT(rows), (enum weft_krpc_type)0);
}

static void a_packet_without_a_good_tid_keeps_only_its_type(void) {
    static const struct row rows[] = {
        ROW("d1:ad" ID_A "e1:q4:ping1:y1:qe"),
        ROW("d1:ad" ID_A "e1:q4:ping1:t0:1:y1:qe"),
        ROW("d1:ad" ID_A "e1:q4:ping1:ti7e1:y1:qe"),
        ROW("d1:ad" ID_A "e1:q4:ping1:t33:0123456789abcdef0123456789abcdefx1:y1:qe"),
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_EQ_INT(decode(rows[i].text, rows[i].size), WEFT_ERR_MALFORMED);
        CHECK_EQ_INT(msg.type, WEFT_KRPC_QUERY);
        CHECK_EQ_UINT(msg.tid.size, 0);
    }
}

static void a_tid_may_be_as_long_as_its_limit(void) {
    CHECK_EQ_INT(WEFT_KRPC_TID_MAX, 32);
    CHECK_EQ_INT(DECODE("d1:ad" ID_A "e1:q4:ping1:t32:0123456789abcdef0123456789abcdef1:y1:qe"),
                 WEFT_OK);
    CHECK_EQ_UINT(msg.tid.size, 32);
}

static int decode_token(size_t size) {
    struct packet packet = {.size = 0};
    char length[] = {(char)('0' + size / 10), (char)('0' + size % 10), ':', '\0'};
    add(&packet, "d1:rd" ID_A "5:token");
    add(&packet, length);
    add_fill(&packet, size);
    add(&packet, "e1:t2:aa1:y1:re");
    return decode_packet(&packet);
}

static void a_token_may_be_as_long_as_its_limit(void) {
    CHECK_EQ_INT(decode_token(WEFT_KRPC_TOKEN_MAX), WEFT_OK);
    CHECK_EQ_UINT(msg.token.size, WEFT_KRPC_TOKEN_MAX);
    CHECK_EQ_INT(decode_token(WEFT_KRPC_TOKEN_MAX + 1), WEFT_ERR_MALFORMED);
}

/* A put of a string whose bencoded form is 4 bytes longer than `size`, 100 <= size <= 999. */
static int decode_put(size_t size) {
    struct packet packet = {.size = 0};
    char length[] = {(char)('0' + size / 100), (char)('0' + size / 10 % 10),
                     (char)('0' + size % 10), ':', '\0'};
    add(&packet, "d1:ad" ID_A "5:token1:t1:v");
    add(&packet, length);
    add_fill(&packet, size);
    add(&packet, "e1:q3:put1:t2:aa1:y1:qe");
    return decode_packet(&packet);
}

static void a_value_above_its_limit_can_be_answered_with_205(void) {
    CHECK_EQ_INT(decode_put(WEFT_ITEM_SIZE_MAX - 4), WEFT_OK);
    CHECK_EQ_UINT(msg.value.size, WEFT_ITEM_SIZE_MAX);
    CHECK_EQ_INT(decode_put(WEFT_ITEM_SIZE_MAX - 3), WEFT_ERR_TOO_BIG);
    CHECK_EQ_INT(msg.type, WEFT_KRPC_QUERY);
    CHECK(weft_bytes_equal(msg.tid, weft_bytes_text("aa")));
    CHECK_EQ_UINT(msg.value.size, 0);
}

/* A ping padded to `size` bytes by an unknown key. */
static int decode_padded(size_t size) {
    struct packet packet = {.size = 0};
    size_t fill = size - strlen("d1:ad" ID_A "e1:q4:ping1:t2:aa1:x1234:1:y1:qe");
    char length[] = {(char)('0' + fill / 1000),
                     (char)('0' + fill / 100 % 10),
                     (char)('0' + fill / 10 % 10),
                     (char)('0' + fill % 10),
                     ':',
                     '\0'};
    add(&packet, "d1:ad" ID_A "e1:q4:ping1:t2:aa1:x");
    add(&packet, length);
    add_fill(&packet, fill);
    add(&packet, "1:y1:qe");
    CHECK_EQ_UINT(packet.size, size);
    return decode_packet(&packet);
}

static void a_packet_above_the_receive_limit_is_not_read(void) {
    CHECK_EQ_INT(decode_padded(WEFT_KRPC_RECEIVE_MAX), WEFT_OK);
    CHECK_EQ_INT(msg.method, WEFT_KRPC_PING);
    CHECK_EQ_INT(decode_padded(WEFT_KRPC_RECEIVE_MAX + 1), WEFT_ERR_TOO_BIG);
    CHECK_EQ_INT(msg.type, 0);
    CHECK_EQ_UINT(msg.tid.size, 0);
}

static void nesting_is_taken_to_the_limit_and_no_deeper(void) {
    /* The packet and `a` are two levels; six more make WEFT_BENCODE_DEPTH_MAX. */
    CHECK_EQ_INT(WEFT_BENCODE_DEPTH_MAX, 8);
    CHECK_EQ_INT(DECODE(QUERY(ID_A "1:xlllllleeeeee", "4:ping")), WEFT_OK);
    CHECK_EQ_INT(DECODE(QUERY(ID_A "1:xllllllleeeeeee", "4:ping")), WEFT_ERR_MALFORMED);
}

TEST_MAIN("wire/krpc_decode", TEST(keys_nobody_here_knows_are_skipped),
          TEST(wanted_families_are_bits_and_strangers_are_ignored),
          TEST(ip_of_another_length_is_ignored), TEST(read_only_is_any_number_but_zero),
          TEST(values_of_both_sizes_are_kept), TEST(an_error_may_lack_its_text_or_say_more),
          TEST(an_unknown_method_is_no_mistake), TEST(an_unknown_method_may_lack_its_id),
          TEST(a_put_of_a_mutable_item_is_marked), TEST(what_is_not_a_packet_is_refused_whole),
          TEST(a_malformed_query_can_be_answered),
          TEST(an_announce_with_implied_port_needs_no_port), TEST(a_malformed_response_is_refused),
          TEST(a_malformed_error_is_refused), TEST(a_packet_of_no_type_keeps_only_its_tid),
          TEST(a_packet_without_a_good_tid_keeps_only_its_type),
          TEST(a_tid_may_be_as_long_as_its_limit), TEST(a_token_may_be_as_long_as_its_limit),
          TEST(a_value_above_its_limit_can_be_answered_with_205),
          TEST(a_packet_above_the_receive_limit_is_not_read),
          TEST(nesting_is_taken_to_the_limit_and_no_deeper))
