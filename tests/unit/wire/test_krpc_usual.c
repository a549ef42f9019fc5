/* What is read without scanning is read as it is with, and what is written whole as in pieces. */
#include "core/base/rand.h"
#include "core/wire/krpc_internal.h"
#include "tests/harness/harness.h"

static unsigned char packet[WEFT_KRPC_SIZE_MAX];
static const weft_id own = {{1, 2, 3}}, wanted = {{200, 7}};
static const unsigned char tid[4] = {0, ':', 'e', 255}, version[4] = {'W', 'F', 0, 1};
static const unsigned char ip[6] = {10, 1, 2, 3, 0x1a, 0xe1}, nodes[8 * WEFT_COMPACT_NODE4_SIZE];

static struct weft_krpc message(enum weft_krpc_type type) {
    return (struct weft_krpc){.type = type,
                              .tid = weft_bytes(tid, sizeof tid),
                              .version = weft_bytes(version, sizeof version),
                              .id = &own};
}

static struct weft_bytes encoded(const struct weft_krpc *msg) {
    size_t size = 0;
    CHECK_EQ_INT(weft_krpc_encode(msg, NULL, packet, sizeof packet, &size), WEFT_OK);
    return weft_bytes(packet, size);
}

static bool same_bytes(struct weft_bytes a, struct weft_bytes b) {
    return a.data == b.data && a.size == b.size;
}

static bool alike(const struct weft_krpc *a, const struct weft_krpc *b) {
    return a->type == b->type && a->method == b->method && same_bytes(a->tid, b->tid) &&
           same_bytes(a->version, b->version) && a->read_only == b->read_only && a->id == b->id &&
           a->target == b->target && same_bytes(a->token, b->token) && a->port == b->port &&
           a->implied_port == b->implied_port && a->want == b->want &&
           same_bytes(a->nodes, b->nodes) && same_bytes(a->nodes6, b->nodes6) &&
           same_bytes(a->values, b->values) && same_bytes(a->value, b->value) &&
           a->has_mutable == b->has_mutable && same_bytes(a->ip, b->ip) &&
           a->error_code == b->error_code && same_bytes(a->error_text, b->error_text);
}

/* Whether it is of the usual shape; then both ways agree. */
static bool usual(struct weft_bytes bytes) {
    struct weft_krpc quick, any;
    if (!weft_krpc__decode_usual(bytes, &quick)) return false;
    CHECK_EQ_INT(weft_krpc__decode_any(bytes, &any), WEFT_OK);
    CHECK(alike(&quick, &any));
    return true;
}

static struct weft_bytes sample(unsigned which) {
    struct weft_krpc msg = message(which < 2 ? WEFT_KRPC_QUERY : WEFT_KRPC_RESPONSE);
    if (which == 0) msg.method = WEFT_KRPC_PING;
    if (which == 1) msg.method = WEFT_KRPC_FIND_NODE;
    if (which == 1) msg.target = &wanted;
    if (which >= 2) msg.ip = weft_bytes(ip, sizeof ip);
    if (which >= 3) msg.nodes = weft_bytes(nodes, (which - 2) * WEFT_COMPACT_NODE4_SIZE);
    return encoded(&msg);
}

#define SAMPLES 11 /* answers with 0 to 8 nodes behind the queries */

static void what_weft_sends_most_is_of_the_usual_shape(void) {
    for (unsigned i = 0; i < SAMPLES; i++) CHECK(usual(sample(i)));
}

static void other_packets_are_left_to_the_long_way(void) {
    struct weft_krpc msg = message(WEFT_KRPC_QUERY);
    msg.method = WEFT_KRPC_FIND_NODE;
    msg.target = &wanted;
    msg.read_only = true;
    CHECK(!usual(encoded(&msg)));
    msg.read_only = false;
    msg.want = WEFT_WANT_N4;
    CHECK(!usual(encoded(&msg)));
    msg.want = 0;
    msg.method = WEFT_KRPC_GET;
    CHECK(!usual(encoded(&msg)));
    msg.method = WEFT_KRPC_FIND_NODE;
    msg.tid.size = 3;
    CHECK(!usual(encoded(&msg)));
    CHECK(!usual(weft_bytes("d", 1)));
}

/* A byte lost, doubled, or another: whatever is still read is read alike. */
static void a_damaged_packet_is_read_alike_or_the_long_way(void) {
    struct weft_rand rand;
    unsigned read = 0;
    weft_rand_init(&rand, 7);
    for (int i = 0; i < 40000; i++) {
        struct weft_bytes whole = sample((unsigned)weft_rand_below(&rand, SAMPLES));
        size_t at = (size_t)weft_rand_below(&rand, whole.size), size = whole.size;
        switch (weft_rand_below(&rand, 4)) {
        case 0:
            packet[at] = (unsigned char)weft_rand_u64(&rand);
            break;
        case 1:
            packet[at] = (unsigned char)"0123456789:deilq"[weft_rand_below(&rand, 16)];
            break;
        case 2:
            memmove(packet + at, packet + at + 1, --size - at);
            break;
        default:
            memmove(packet + at + 1, packet + at, size++ - at);
        }
        read += usual(weft_bytes(packet, size));
    }
    CHECK(read > 10000); /* of bytes that may be any */
}

static void a_packet_cut_short_is_not_read(void) {
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct weft_bytes whole = sample(i);
        for (size_t size = 0; size < whole.size; size++)
            CHECK(!weft_krpc__decode_usual(weft_bytes(whole.data, size), &(struct weft_krpc){0}));
    }
}

/* --- writing --- */

static struct weft_bytes some(struct weft_rand *rand, const void *data, size_t usual, size_t max) {
    size_t size = weft_rand_below(rand, 8) > 0 ? usual : (size_t)weft_rand_below(rand, max + 1);
    return weft_bytes(size > 0 ? data : NULL, size);
}

/* Any message that may be sent, most of them of the usual shape. */
static struct weft_krpc drawn(struct weft_rand *rand, struct weft_krpc_peers *peers) {
    static unsigned char bytes[1000];
    bool odd = weft_rand_below(rand, 4) == 0, asks = weft_rand_below(rand, 2) > 0;
    weft_rand_bytes(rand, bytes, sizeof bytes);
    struct weft_krpc msg = message(asks ? WEFT_KRPC_QUERY : WEFT_KRPC_RESPONSE);
    msg.tid = some(rand, bytes + 40, 4, WEFT_KRPC_TID_MAX - 1);
    msg.tid = weft_bytes(bytes + 40, msg.tid.size == 0 ? 1 : msg.tid.size);
    msg.version = some(rand, bytes + 80, 4, 12);
    msg.id = (const weft_id *)(const void *)bytes;
    msg.target = (const weft_id *)(const void *)(bytes + 20);
    msg.read_only = odd && weft_rand_below(rand, 4) == 0;
    if (asks) {
        msg.method = (enum weft_krpc_method)(1 + weft_rand_below(rand, odd ? 3 : 2));
        msg.want = odd ? (unsigned)weft_rand_below(rand, 4) : 0;
        return msg;
    }
    msg.ip = weft_bytes(bytes + 100, odd && weft_rand_below(rand, 2) > 0 ? 18 : 6);
    msg.nodes = weft_bytes(bytes, weft_rand_below(rand, 39) * WEFT_COMPACT_NODE4_SIZE);
    if (weft_rand_below(rand, 2) > 0) msg.nodes = weft_bytes(NULL, 0);
    if (odd && weft_rand_below(rand, 3) == 0)
        msg.nodes6 = weft_bytes(bytes, weft_rand_below(rand, 9) * WEFT_COMPACT_NODE6_SIZE);
    if (odd && weft_rand_below(rand, 3) == 0) msg.token = weft_bytes(bytes + 200, 8);
    if (odd && weft_rand_below(rand, 3) == 0) msg.value = weft_bytes_text("5:hello");
    if (odd) *peers = (struct weft_krpc_peers){bytes, 6, weft_rand_below(rand, 5)};
    return msg;
}

static void what_is_written_whole_is_what_is_written_in_pieces(void) {
    static unsigned char pieces[2048], whole[2048];
    struct weft_rand rand;
    unsigned usually = 0;
    weft_rand_init(&rand, 11);
    for (int i = 0; i < 40000; i++) {
        struct weft_krpc_peers peers = {NULL, 6, 0};
        const struct weft_krpc msg = drawn(&rand, &peers);
        const struct weft_krpc_peers *with = peers.count > 0 ? &peers : NULL;
        size_t size = 0, any = 0;
        CHECK_EQ_INT(weft_krpc__encode_any(&msg, with, pieces, sizeof pieces, &any), WEFT_OK);
        CHECK_EQ_INT(weft_krpc_encode(&msg, with, whole, sizeof whole, &size), WEFT_OK);
        CHECK_EQ_UINT(size, any);
        CHECK(memcmp(whole, pieces, any) == 0);
        usually += with == NULL && weft_krpc__encode_usual(&msg, whole, sizeof whole) > 0;
    }
    CHECK(usually > 15000);
    CHECK(usually < 35000);
}

/* Room that is too small for it is told by the long way; room that just holds it is enough. */
static void nothing_is_written_beyond_the_room(void) {
    unsigned char room[WEFT_KRPC_SIZE_MAX];
    for (unsigned i = 0; i < SAMPLES; i++) {
        struct weft_krpc msg;
        struct weft_bytes bytes = sample(i);
        CHECK_EQ_INT(weft_krpc_decode(bytes, &msg), WEFT_OK);
        for (size_t capacity = 0; capacity < bytes.size + 200; capacity++) {
            size_t size = 0;
            memset(room, 0xee, sizeof room);
            int rv = weft_krpc_encode(&msg, NULL, room, capacity, &size);
            CHECK_EQ_INT(rv, capacity < bytes.size ? WEFT_ERR_TOO_BIG : WEFT_OK);
            CHECK_EQ_UINT(room[capacity], 0xee);
            if (rv == WEFT_OK) CHECK(memcmp(room, bytes.data, bytes.size) == 0);
        }
    }
}

TEST_MAIN("wire/krpc_usual", TEST(what_weft_sends_most_is_of_the_usual_shape),
          TEST(other_packets_are_left_to_the_long_way),
          TEST(a_damaged_packet_is_read_alike_or_the_long_way),
          TEST(a_packet_cut_short_is_not_read),
          TEST(what_is_written_whole_is_what_is_written_in_pieces),
          TEST(nothing_is_written_beyond_the_room))
