/* Packets of the usual shape, byte for byte as weft and most others write them: read without
 * scanning, and written without asking for room at each piece. What differs in the least is left to
 * krpc_decode.c and krpc_encode.c, and what both can read or write they read and write alike
 * (tests/unit/wire/test_krpc_usual.c). */
#include "core/wire/krpc_internal.h"

#include "core/base/assert.h"

/* I1  at <= end. */
struct usual {
    const unsigned char *at, *end;
};

static inline bool eat(struct usual *in, const char *text, size_t size) {
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, text, size) != 0) return false;
    in->at += size;
    return true;
}

#define EAT(in, literal) eat((in), "" literal, sizeof literal - 1)

static inline bool take(struct usual *in, size_t size, struct weft_bytes *out) {
    if ((size_t)(in->end - in->at) < size) return false;
    *out = weft_bytes(in->at, size);
    in->at += size;
    return true;
}

static inline bool take_id(struct usual *in, const weft_id **out) {
    struct weft_bytes bytes;
    if (!take(in, WEFT_ID_SIZE, &bytes)) return false;
    *out = (const weft_id *)(const void *)bytes.data;
    return true;
}

/* "<length>:" of 2 or 3 digits, and as many bytes. */
static bool take_nodes(struct usual *in, struct weft_bytes *out) {
    size_t size = 0, digits = 0;
    if (in->end - in->at < 4 || in->at[0] == '0') return false;
    for (; digits < 3 && in->at[digits] != ':'; digits++) {
        unsigned digit = in->at[digits] - (unsigned)'0';
        if (digit > 9) return false;
        size = 10 * size + digit;
    }
    if (digits < 2 || in->at[digits] != ':' || size % WEFT_COMPACT_NODE4_SIZE != 0) return false;
    in->at += digits + 1;
    return take(in, size, out);
}

/* The rest of every packet: transaction, version, type. */
static bool read_end(struct usual *in, struct weft_krpc *out) {
    if (!EAT(in, "1:t4:") || !take(in, 4, &out->tid)) return false;
    if (EAT(in, "1:v4:") && !take(in, 4, &out->version)) return false;
    if (!EAT(in, "1:y1:") || in->end - in->at != 2 || in->at[1] != 'e') return false;
    return in->at[0] == (out->type == WEFT_KRPC_QUERY ? 'q' : 'r');
}

static bool read_query(struct usual *in, struct weft_krpc *out) {
    out->type = WEFT_KRPC_QUERY;
    if (!take_id(in, &out->id)) return false;
    if (EAT(in, "e1:q4:ping")) {
        out->method = WEFT_KRPC_PING;
    } else if (EAT(in, "6:target20:")) {
        if (!take_id(in, &out->target) || !EAT(in, "e1:q9:find_node")) return false;
        out->method = WEFT_KRPC_FIND_NODE;
    } else {
        return false;
    }
    return read_end(in, out);
}

static bool read_response(struct usual *in, struct weft_krpc *out) {
    out->type = WEFT_KRPC_RESPONSE;
    if (!take(in, WEFT_COMPACT_PEER4_SIZE, &out->ip)) return false;
    if (!EAT(in, "1:rd2:id20:") || !take_id(in, &out->id)) return false;
    if (EAT(in, "5:nodes") && !take_nodes(in, &out->nodes)) return false;
    return EAT(in, "e") && read_end(in, out);
}

bool weft_krpc__decode_usual(struct weft_bytes packet, struct weft_krpc *out) {
    WEFT_ASSERT(out != NULL);
    struct usual in = {packet.data, packet.data + packet.size};
    if (packet.size > WEFT_KRPC_RECEIVE_MAX || WEFT_KRPC_TID_MAX < 4) return false;
    *out = (struct weft_krpc){.read_only = false};
    if (EAT(&in, "d1:ad2:id20:")) return read_query(&in, out);
    if (EAT(&in, "d2:ip6:")) return read_response(&in, out);
    return false;
}

/* --- writing --- */

static inline unsigned char *put(unsigned char *at, const void *data, size_t size) {
    memcpy(at, data, size);
    return at + size;
}

#define PUT(at, literal) put((at), "" literal, sizeof literal - 1)

static inline unsigned char *put_end(unsigned char *at, const struct weft_krpc *msg) {
    at = put(PUT(at, "1:t4:"), msg->tid.data, 4);
    return put(PUT(at, "1:v4:"), msg->version.data, 4);
}

static unsigned char *put_query(unsigned char *at, const struct weft_krpc *msg) {
    bool is_ping = msg->method == WEFT_KRPC_PING;
    if (!is_ping && msg->method != WEFT_KRPC_FIND_NODE) return NULL;
    if (msg->want != 0 || msg->ip.size > 0) return NULL;
    at = put(PUT(at, "d1:ad2:id20:"), msg->id->bytes, WEFT_ID_SIZE);
    if (is_ping) {
        at = PUT(at, "e1:q4:ping");
    } else {
        WEFT_ASSERT(msg->target != NULL);
        at = put(PUT(at, "6:target20:"), msg->target->bytes, WEFT_ID_SIZE);
        at = PUT(at, "e1:q9:find_node");
    }
    return PUT(put_end(at, msg), "1:y1:qe");
}

/* Of 2 or 3 digits. */
static inline unsigned char *put_length(unsigned char *at, size_t size) {
    if (size >= 100) *at++ = (unsigned char)('0' + size / 100);
    *at++ = (unsigned char)('0' + size / 10 % 10);
    *at++ = (unsigned char)('0' + size % 10);
    *at++ = ':';
    return at;
}

static unsigned char *put_response(unsigned char *at, const struct weft_krpc *msg) {
    if (msg->ip.size != WEFT_COMPACT_PEER4_SIZE) return NULL;
    at = put(PUT(at, "d2:ip6:"), msg->ip.data, WEFT_COMPACT_PEER4_SIZE);
    at = put(PUT(at, "1:rd2:id20:"), msg->id->bytes, WEFT_ID_SIZE);
    if (msg->nodes.size > 0) {
        at = put_length(PUT(at, "5:nodes"), msg->nodes.size);
        at = put(at, msg->nodes.data, msg->nodes.size);
    }
    return PUT(put_end(PUT(at, "e"), msg), "1:y1:re");
}

/* Nodes of either family: none, or as many as 2 or 3 digits tell. */
static bool usual_nodes(const struct weft_krpc *msg) {
    if (msg->nodes6.data != NULL) return false;
    if (msg->nodes.size == 0) return msg->nodes.data == NULL;
    return msg->nodes.size < 1000 && msg->nodes.size % WEFT_COMPACT_NODE4_SIZE == 0;
}

size_t weft_krpc__encode_usual(const struct weft_krpc *msg, unsigned char *out, size_t capacity) {
    WEFT_ASSERT(out != NULL);
    const unsigned char *end = NULL;
    if (msg->tid.size != 4 || msg->version.size != 4 || WEFT_KRPC_TID_MAX < 4) return 0;
    if (msg->id == NULL || msg->read_only || msg->has_mutable || msg->value.size > 0) return 0;
    if (msg->token.size > 0 || !usual_nodes(msg)) return 0;
    if (capacity < WEFT_KRPC__USUAL_SIZE + msg->nodes.size) return 0;
    if (msg->type == WEFT_KRPC_QUERY) end = put_query(out, msg);
    if (msg->type == WEFT_KRPC_RESPONSE) end = put_response(out, msg);
    return end == NULL ? 0 : (size_t)(end - out);
}
