/* Compact peers and nodes. */
#include "core/wire/krpc.h"
#include "tests/harness/harness.h"

static const unsigned char V4[6] = {192, 0, 2, 1, 0x1a, 0xe1};
static const unsigned char V6[18] = {0x20, 1, 0x0d, 0xb8, [15] = 1, 0x1a, 0xe1};
static const unsigned char MAPPED[18] = {[10] = 0xff, 0xff, 192, 0, 2, 1, 0x1a, 0xe1};

static void a_v4_peer_is_six_bytes_with_the_port_big_endian(void) {
    struct weft_addr addr, expected = weft_addr_v4(192, 0, 2, 1, 6881);
    unsigned char out[18];
    REQUIRE(weft_compact_peer_read(&addr, V4, 6));
    CHECK(weft_addr_equal(&addr, &expected));
    CHECK_EQ_UINT(weft_compact_peer_write(&addr, out), 6);
    CHECK_EQ_BYTES(out, V4, 6);
}

static void a_v6_peer_is_eighteen_bytes(void) {
    struct weft_addr addr, expected = weft_addr_v6(V6, 6881);
    unsigned char out[18];
    REQUIRE(weft_compact_peer_read(&addr, V6, 18));
    CHECK(weft_addr_equal(&addr, &expected));
    CHECK_EQ_UINT(weft_compact_peer_write(&addr, out), 18);
    CHECK_EQ_BYTES(out, V6, 18);
}

static void a_mapped_peer_becomes_v4(void) {
    struct weft_addr addr, expected = weft_addr_v4(192, 0, 2, 1, 6881);
    unsigned char out[18];
    REQUIRE(weft_compact_peer_read(&addr, MAPPED, 18));
    CHECK(weft_addr_equal(&addr, &expected));
    CHECK_EQ_UINT(weft_compact_peer_write(&addr, out), 6);
    CHECK_EQ_BYTES(out, V4, 6);
}

static void no_other_size_is_a_peer_or_a_node(void) {
    unsigned char data[64] = {0};
    struct weft_addr before = weft_addr_v4(1, 2, 3, 4, 5), addr = before;
    weft_id id = {{7}}, id_before = id;
    for (size_t size = 0; size <= sizeof data; size++) {
        if (size != 6 && size != 18) CHECK(!weft_compact_peer_read(&addr, data, size));
        if (size != 26 && size != 38) CHECK(!weft_compact_node_read(&id, &addr, data, size));
    }
    CHECK(weft_addr_equal(&addr, &before));
    CHECK(weft_id_equal(&id, &id_before));
}

static void check_node(const struct weft_addr *addr, size_t size) {
    weft_id id, back_id;
    struct weft_addr back;
    unsigned char out[38];
    memcpy(id.bytes, "mnopqrstuvwxyz123456", 20);
    CHECK_EQ_UINT(weft_compact_node_write(&id, addr, out), size);
    CHECK_EQ_BYTES(out, id.bytes, 20);
    REQUIRE(weft_compact_node_read(&back_id, &back, out, size));
    CHECK(weft_id_equal(&id, &back_id));
    CHECK(weft_addr_equal(addr, &back));
}

static void a_node_is_its_id_and_its_peer(void) {
    struct weft_addr v4 = weft_addr_v4(192, 0, 2, 1, 65535), v6 = weft_addr_v6(V6, 0);
    check_node(&v4, 26);
    check_node(&v6, 38);
}

static void no_address_has_no_compact_form(void) {
    struct weft_addr none = {.family = WEFT_FAMILY_NONE};
    weft_id id = {{7}};
    unsigned char out[38] = {9};
    CHECK_EQ_UINT(weft_compact_peer_write(&none, out), 0);
    CHECK_EQ_UINT(weft_compact_node_write(&id, &none, out), 0);
    CHECK_EQ_UINT(out[0], 9);
}

static void values_are_walked_and_odd_entries_skipped(void) {
    static const char text[] = "l6:\xc0\0\2\1\x1a\xe1"
                               "0:5:abcde"
                               "18:\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\2\x1a\xe1"
                               "7:abcdefg"
                               "6:\xc0\0\2\3\0\1e";
    struct weft_bytes values = weft_bytes(text, sizeof text - 1);
    struct weft_addr peer,
        expected[] = {weft_addr_v4(192, 0, 2, 1, 6881), weft_addr_v4(192, 0, 2, 2, 6881),
                      weft_addr_v4(192, 0, 2, 3, 1)};
    size_t cursor = 0;
    for (size_t i = 0; i < 3; i++) {
        REQUIRE(weft_krpc_next_peer(values, &cursor, &peer));
        CHECK(weft_addr_equal(&peer, &expected[i]));
    }
    CHECK(!weft_krpc_next_peer(values, &cursor, &peer));
    CHECK(!weft_krpc_next_peer(values, &cursor, &peer));
}

static void no_values_have_no_peers(void) {
    struct weft_addr peer;
    size_t cursor = 0;
    CHECK(!weft_krpc_next_peer(weft_bytes(NULL, 0), &cursor, &peer));
    CHECK(!weft_krpc_next_peer(weft_bytes_text("le"), &cursor, &peer));
    cursor = 0;
    CHECK(!weft_krpc_next_peer(weft_bytes_text("l3:abce"), &cursor, &peer));
}

TEST_MAIN("wire/compact", TEST(a_v4_peer_is_six_bytes_with_the_port_big_endian),
          TEST(a_v6_peer_is_eighteen_bytes), TEST(a_mapped_peer_becomes_v4),
          TEST(no_other_size_is_a_peer_or_a_node), TEST(a_node_is_its_id_and_its_peer),
          TEST(no_address_has_no_compact_form), TEST(values_are_walked_and_odd_entries_skipped),
          TEST(no_values_have_no_peers))
