/* Structs to KRPC packets, keys in sorted order at every level. */
#include "core/base/assert.h"
#include "core/wire/bencode.h"
#include "core/wire/krpc_internal.h"

#define PUT WEFT_BENCODE_WRITE

/* What decode would refuse on the other side. */
static void assert_sendable(const struct weft_krpc *msg) {
    WEFT_ASSERT(msg->tid.size > 0);
    WEFT_ASSERT(msg->tid.size <= WEFT_KRPC_TID_MAX);
    WEFT_ASSERT(msg->token.size <= WEFT_KRPC_TOKEN_MAX);
    WEFT_ASSERT(msg->nodes.size % WEFT_COMPACT_NODE4_SIZE == 0);
    WEFT_ASSERT(msg->nodes6.size % WEFT_COMPACT_NODE6_SIZE == 0);
    WEFT_ASSERT(msg->ip.size == 0 || msg->ip.size == WEFT_COMPACT_PEER4_SIZE ||
                msg->ip.size == WEFT_COMPACT_PEER6_SIZE);
    WEFT_ASSERT(!msg->has_mutable);
}

static void put_id(struct weft_bencode_out *out, const weft_id *id) {
    WEFT_ASSERT(id != NULL); /* I3 */
    PUT(out, "20:");
    weft_bencode_write(out, id->bytes, WEFT_ID_SIZE);
}

static void put_want(struct weft_bencode_out *out, unsigned want) {
    WEFT_ASSERT(want <= (WEFT_WANT_N4 | WEFT_WANT_N6));
    if (want == 0) return;
    PUT(out, "4:wantl");
    if (want & WEFT_WANT_N4) PUT(out, "2:n4");
    if (want & WEFT_WANT_N6) PUT(out, "2:n6");
    PUT(out, "e");
}

static void put_item(struct weft_bencode_out *out, struct weft_bytes value) {
    PUT(out, "1:v");
    weft_bencode_write(out, value.data, value.size);
}

static void put_ping(struct weft_bencode_out *out) { PUT(out, "e1:q4:ping"); }

static void put_find_node(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    PUT(out, "6:target");
    put_id(out, msg->target);
    put_want(out, msg->want);
    PUT(out, "e1:q9:find_node");
}

static void put_get_peers(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    PUT(out, "9:info_hash");
    put_id(out, msg->target);
    put_want(out, msg->want);
    PUT(out, "e1:q9:get_peers");
}

static void put_announce_peer(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    WEFT_ASSERT(msg->token.size > 0);
    WEFT_ASSERT(msg->implied_port || msg->port != 0);
    if (msg->implied_port) PUT(out, "12:implied_porti1e");
    PUT(out, "9:info_hash");
    put_id(out, msg->target);
    PUT(out, "4:port");
    weft_bencode_write_int(out, msg->port);
    PUT(out, "5:token");
    weft_bencode_write_string(out, msg->token);
    PUT(out, "e1:q13:announce_peer");
}

static void put_get(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    PUT(out, "6:target");
    put_id(out, msg->target);
    put_want(out, msg->want);
    PUT(out, "e1:q3:get");
}

static void put_put(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    WEFT_ASSERT(msg->token.size > 0);
    WEFT_ASSERT(msg->value.size > 0);
    PUT(out, "5:token");
    weft_bencode_write_string(out, msg->token);
    put_item(out, msg->value);
    PUT(out, "e1:q3:put");
}

static void put_query(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    PUT(out, "1:ad2:id");
    put_id(out, msg->id);
    switch (msg->method) {
    case WEFT_KRPC_PING:
        put_ping(out);
        return;
    case WEFT_KRPC_FIND_NODE:
        put_find_node(out, msg);
        return;
    case WEFT_KRPC_GET_PEERS:
        put_get_peers(out, msg);
        return;
    case WEFT_KRPC_ANNOUNCE_PEER:
        put_announce_peer(out, msg);
        return;
    case WEFT_KRPC_GET:
        put_get(out, msg);
        return;
    case WEFT_KRPC_PUT:
        put_put(out, msg);
        return;
    case WEFT_KRPC_UNKNOWN:
        break;
    }
    WEFT_UNREACHABLE("a query without a method has no name to send");
}

static void put_peers(struct weft_bencode_out *out, const struct weft_krpc_peers *peers) {
    if (peers == NULL || peers->count == 0) return;
    WEFT_ASSERT(peers->peers != NULL);
    WEFT_ASSERT(peers->peer_size == WEFT_COMPACT_PEER4_SIZE ||
                peers->peer_size == WEFT_COMPACT_PEER6_SIZE);
    PUT(out, "6:valuesl");
    for (size_t i = 0; i < peers->count; i++) {
        weft_bencode_write_string(
            out, weft_bytes(peers->peers + i * peers->peer_size, peers->peer_size));
    }
    PUT(out, "e");
}

static void put_response(struct weft_bencode_out *out, const struct weft_krpc *msg,
                         const struct weft_krpc_peers *peers) {
    PUT(out, "1:rd2:id");
    put_id(out, msg->id);
    if (msg->nodes.data != NULL) { /* I4 */
        PUT(out, "5:nodes");
        weft_bencode_write_string(out, msg->nodes);
    }
    if (msg->nodes6.data != NULL) { /* I4 */
        PUT(out, "6:nodes6");
        weft_bencode_write_string(out, msg->nodes6);
    }
    if (msg->token.size > 0) {
        PUT(out, "5:token");
        weft_bencode_write_string(out, msg->token);
    }
    if (msg->value.size > 0) put_item(out, msg->value);
    put_peers(out, peers);
    PUT(out, "e");
}

static void put_error(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    WEFT_ASSERT(msg->error_code >= 0);
    PUT(out, "1:el");
    weft_bencode_write_int(out, msg->error_code);
    weft_bencode_write_string(out, msg->error_text);
    PUT(out, "e");
}

static void put_ip(struct weft_bencode_out *out, const struct weft_krpc *msg) {
    if (msg->ip.size == 0) return;
    PUT(out, "2:ip");
    weft_bencode_write_string(out, msg->ip);
}

/* `a` and `q`, `e`, or `r`: with `ip` at its place among them. */
static void put_message(struct weft_bencode_out *out, const struct weft_krpc *msg,
                        const struct weft_krpc_peers *peers) {
    switch (msg->type) {
    case WEFT_KRPC_QUERY:
        put_query(out, msg);
        return;
    case WEFT_KRPC_RESPONSE:
        put_ip(out, msg);
        put_response(out, msg, peers);
        return;
    case WEFT_KRPC_ERROR:
        put_error(out, msg);
        put_ip(out, msg);
        return;
    }
    WEFT_UNREACHABLE("a message of no type");
}

int weft_krpc__encode_any(const struct weft_krpc *msg, const struct weft_krpc_peers *peers,
                          unsigned char *out, size_t capacity, size_t *size) {
    WEFT_ASSERT(out != NULL);
    WEFT_ASSERT(size != NULL);
    static const char letters[] = "?qre";
    struct weft_bencode_out to = {out, out + capacity, false};
    assert_sendable(msg);
    if (msg->value.size > 0 && weft_item_check(msg->value) != WEFT_OK) return WEFT_ERR_MALFORMED;
    PUT(&to, "d");
    put_message(&to, msg, peers);
    if (msg->read_only) PUT(&to, "2:roi1e");
    PUT(&to, "1:t");
    weft_bencode_write_string(&to, msg->tid);
    if (msg->version.size > 0) {
        PUT(&to, "1:v");
        weft_bencode_write_string(&to, msg->version);
    }
    PUT(&to, "1:y1:");
    weft_bencode_write(&to, &letters[msg->type], 1);
    PUT(&to, "e");
    if (to.full) return WEFT_ERR_TOO_BIG;
    *size = (size_t)(to.at - out);
    return WEFT_OK;
}

int weft_krpc_encode(const struct weft_krpc *msg, const struct weft_krpc_peers *peers,
                     unsigned char *out, size_t capacity, size_t *size) {
    WEFT_ASSERT(out != NULL);
    WEFT_ASSERT(size != NULL);
    size_t usual = peers == NULL ? weft_krpc__encode_usual(msg, out, capacity) : 0;
    if (usual == 0) return weft_krpc__encode_any(msg, peers, out, capacity, size);
    *size = usual;
    return WEFT_OK;
}
