/* KRPC: what decode accepts, encode writes, and decode reads back the same. */
#include "core/base/assert.h"
#include "core/wire/krpc_internal.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Packed peers of one size out of a list that may mix both. */
struct packed {
    unsigned char bytes[WEFT_KRPC_RECEIVE_MAX];
    struct weft_krpc_peers peers;
};

static void pack(struct weft_bytes values, size_t peer_size, struct packed *packed) {
    struct weft_addr peer;
    size_t used = 0, cursor = 0;
    while (weft_krpc_next_peer(values, &cursor, &peer)) {
        WEFT_ASSERT(cursor <= values.size);
        if (weft_addr_ip_size(&peer) + 2 != peer_size) continue;
        used += weft_compact_peer_write(&peer, packed->bytes + used);
    }
    WEFT_ASSERT(!weft_krpc_next_peer(values, &cursor, &peer));
    packed->peers = (struct weft_krpc_peers){packed->bytes, peer_size, used / peer_size};
}

static void check_same_id(const weft_id *a, const weft_id *b) {
    WEFT_ASSERT((a == NULL) == (b == NULL));
    if (a != NULL) WEFT_ASSERT(weft_id_equal(a, b));
}

static void check_same_bytes(const struct weft_krpc *a, const struct weft_krpc *b) {
    WEFT_ASSERT(weft_bytes_equal(a->tid, b->tid));
    WEFT_ASSERT(weft_bytes_equal(a->version, b->version));
    WEFT_ASSERT(weft_bytes_equal(a->token, b->token));
    WEFT_ASSERT(weft_bytes_equal(a->nodes, b->nodes));
    WEFT_ASSERT(weft_bytes_equal(a->nodes6, b->nodes6));
    WEFT_ASSERT(weft_bytes_equal(a->value, b->value));
    WEFT_ASSERT(weft_bytes_equal(a->ip, b->ip));
    WEFT_ASSERT(weft_bytes_equal(a->error_text, b->error_text));
    WEFT_ASSERT((a->nodes.data == NULL) == (b->nodes.data == NULL));   /* I4 */
    WEFT_ASSERT((a->nodes6.data == NULL) == (b->nodes6.data == NULL)); /* I4 */
}

static void check_same(const struct weft_krpc *a, const struct weft_krpc *b) {
    WEFT_ASSERT(a->type == b->type);
    WEFT_ASSERT(a->method == b->method);
    WEFT_ASSERT(a->read_only == b->read_only);
    WEFT_ASSERT(a->port == b->port);
    WEFT_ASSERT(a->implied_port == b->implied_port);
    WEFT_ASSERT(a->want == b->want);
    WEFT_ASSERT(a->error_code == b->error_code);
    WEFT_ASSERT(!b->has_mutable);
    check_same_id(a->id, b->id);
    check_same_id(a->target, b->target);
    check_same_bytes(a, b);
}

/* Written whole or in pieces: the same bytes. */
static void check_pieces(const struct weft_krpc *msg, const struct weft_krpc_peers *peers,
                         struct weft_bytes written) {
    unsigned char pieces[2 * WEFT_KRPC_RECEIVE_MAX];
    size_t size = 0;
    WEFT_ASSERT(weft_krpc__encode_any(msg, peers, pieces, sizeof pieces, &size) == WEFT_OK);
    WEFT_ASSERT(weft_bytes_equal(weft_bytes(pieces, size), written));
}

static void check_round_trip(struct weft_krpc *msg, size_t peer_size) {
    unsigned char out[2 * WEFT_KRPC_RECEIVE_MAX];
    struct packed packed, again_packed;
    struct weft_krpc again;
    size_t size = 0, smaller = 0;
    pack(msg->values, peer_size, &packed);
    const struct weft_krpc_peers *peers = packed.peers.count > 0 ? &packed.peers : NULL;
    WEFT_ASSERT(weft_krpc_encode(msg, peers, out, sizeof out, &size) == WEFT_OK);
    check_pieces(msg, peers, weft_bytes(out, size));
    WEFT_ASSERT(weft_krpc_encode(msg, peers, out, size - 1, &smaller) == WEFT_ERR_TOO_BIG);
    WEFT_ASSERT(weft_krpc_encode(msg, peers, out, size, &size) == WEFT_OK);
    int rv = weft_krpc_decode(weft_bytes(out, size), &again);
    if (size > WEFT_KRPC_RECEIVE_MAX) {
        WEFT_ASSERT(rv == WEFT_ERR_TOO_BIG);
        return;
    }
    WEFT_ASSERT(rv == WEFT_OK);
    check_same(msg, &again);
    pack(again.values, peer_size, &again_packed);
    WEFT_ASSERT(packed.peers.count == again_packed.peers.count);
    WEFT_ASSERT(memcmp(packed.bytes, again_packed.bytes, packed.peers.count * peer_size) == 0);
}

static void check_refused(const struct weft_krpc *msg, int rv) {
    WEFT_ASSERT(rv == WEFT_ERR_MALFORMED || rv == WEFT_ERR_TOO_BIG);
    WEFT_ASSERT(msg->tid.size <= WEFT_KRPC_TID_MAX);
    WEFT_ASSERT(msg->id == NULL);
    WEFT_ASSERT(msg->nodes.size == 0);
    WEFT_ASSERT(msg->values.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct weft_krpc msg;
    int rv = weft_krpc_decode(weft_bytes(data, size), &msg);
    if (rv != WEFT_OK) {
        check_refused(&msg, rv);
        return 0;
    }
    WEFT_ASSERT(msg.tid.size > 0);
    if (msg.method == WEFT_KRPC_UNKNOWN) return 0; /* never sent */
    msg.has_mutable = false;                       /* never sent */
    check_round_trip(&msg, WEFT_COMPACT_PEER4_SIZE);
    check_round_trip(&msg, WEFT_COMPACT_PEER6_SIZE);
    return 0;
}
