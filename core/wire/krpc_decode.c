/* KRPC packets to structs. A dictionary is first scanned into raw fields, because `a` comes before
 * `q` on the wire and its meaning depends on it; then each method reads the fields it has. */
#include "core/base/assert.h"
#include "core/wire/bencode.h"
#include "core/wire/krpc_internal.h"

/* Keys of the packet. */
enum top { TOP_A, TOP_E, TOP_IP, TOP_Q, TOP_R, TOP_RO, TOP_T, TOP_V, TOP_Y, TOP_COUNT };

/* Keys of `a` and `r`. */
enum body {
    BODY_ID,
    BODY_IMPLIED_PORT,
    BODY_INFO_HASH,
    BODY_K,
    BODY_NODES,
    BODY_NODES6,
    BODY_PORT,
    BODY_SEQ,
    BODY_SIG,
    BODY_TARGET,
    BODY_TOKEN,
    BODY_V,
    BODY_VALUES,
    BODY_WANT,
    BODY_COUNT
};

#define UNKNOWN_KEY (-1)

#define KEY_IS(key, literal) (memcmp((key).data, (literal), sizeof literal - 1) == 0)

static int top_key_1(unsigned char c) {
    switch (c) {
    case 'a':
        return TOP_A;
    case 'e':
        return TOP_E;
    case 'q':
        return TOP_Q;
    case 'r':
        return TOP_R;
    case 't':
        return TOP_T;
    case 'v':
        return TOP_V;
    case 'y':
        return TOP_Y;
    default:
        return UNKNOWN_KEY;
    }
}

static int top_key(struct weft_bytes key) {
    if (key.size == 1) return top_key_1(key.data[0]);
    if (key.size != 2) return UNKNOWN_KEY;
    if (KEY_IS(key, "ip")) return TOP_IP;
    return KEY_IS(key, "ro") ? TOP_RO : UNKNOWN_KEY;
}

static int body_key_1(unsigned char c) {
    if (c == 'v') return BODY_V;
    return c == 'k' ? BODY_K : UNKNOWN_KEY;
}

static int body_key_3(struct weft_bytes key) {
    if (KEY_IS(key, "seq")) return BODY_SEQ;
    return KEY_IS(key, "sig") ? BODY_SIG : UNKNOWN_KEY;
}

static int body_key_4(struct weft_bytes key) {
    if (KEY_IS(key, "want")) return BODY_WANT;
    return KEY_IS(key, "port") ? BODY_PORT : UNKNOWN_KEY;
}

static int body_key_5(struct weft_bytes key) {
    if (KEY_IS(key, "nodes")) return BODY_NODES;
    return KEY_IS(key, "token") ? BODY_TOKEN : UNKNOWN_KEY;
}

static int body_key_6(struct weft_bytes key) {
    if (KEY_IS(key, "target")) return BODY_TARGET;
    if (KEY_IS(key, "values")) return BODY_VALUES;
    return KEY_IS(key, "nodes6") ? BODY_NODES6 : UNKNOWN_KEY;
}

static int body_key(struct weft_bytes key) {
    switch (key.size) {
    case 1:
        return body_key_1(key.data[0]);
    case 2:
        return KEY_IS(key, "id") ? BODY_ID : UNKNOWN_KEY;
    case 3:
        return body_key_3(key);
    case 4:
        return body_key_4(key);
    case 5:
        return body_key_5(key);
    case 6:
        return body_key_6(key);
    case 9:
        return KEY_IS(key, "info_hash") ? BODY_INFO_HASH : UNKNOWN_KEY;
    case 12:
        return KEY_IS(key, "implied_port") ? BODY_IMPLIED_PORT : UNKNOWN_KEY;
    default:
        return UNKNOWN_KEY;
    }
}

/* A packet's raw values; data NULL where a key is not there.
 * I1  body holds what `a` or `r` held, whichever came; a packet with both is refused. */
struct fields {
    struct weft_bytes top[TOP_COUNT];
    struct weft_bytes body[BODY_COUNT];
    bool body_good; /* `a` or `r` is a dictionary, with no known key twice */
};

static bool place(struct weft_bytes *fields, int index, struct weft_bytes raw) {
    if (index == UNKNOWN_KEY) return true;
    if (fields[index].data != NULL) return false;
    fields[index] = raw;
    return true;
}

/* False only if it is not bencode: a body that breaks other rules is known by body_good, and the
 * packet's tid can still be read. */
static bool scan_body(struct weft_bencode *in, struct fields *fields) {
    struct weft_bytes key, raw;
    if (!weft_bencode_enter(in, 'd')) return weft_bencode_value(in, &raw);
    fields->body_good = true;
    while (!weft_bencode_leave(in)) {
        if (!weft_bencode_string(in, &key) || !weft_bencode_value(in, &raw)) return false;
        if (!place(fields->body, body_key(key), raw)) fields->body_good = false;
    }
    return true;
}

static bool scan_value(struct weft_bencode *in, int index, struct fields *fields) {
    struct weft_bytes raw = {in->at, 0};
    if (index == TOP_A || index == TOP_R) {
        if (fields->top[TOP_A].data != NULL || fields->top[TOP_R].data != NULL)
            return false; /* I1 */
        if (!scan_body(in, fields)) return false;
        raw.size = (size_t)(in->at - raw.data);
    } else if (!weft_bencode_value(in, &raw)) {
        return false;
    }
    return place(fields->top, index, raw);
}

/* False if the packet is not one dictionary, or a known key stands in it twice. */
static bool scan(struct weft_bytes packet, struct fields *fields) {
    struct weft_bencode in = weft_bencode(packet, WEFT_BENCODE_DEPTH_MAX);
    struct weft_bytes key;
    if (!weft_bencode_enter(&in, 'd')) return false;
    while (!weft_bencode_leave(&in)) {
        if (!weft_bencode_string(&in, &key)) return false;
        if (!scan_value(&in, top_key(key), fields)) return false;
    }
    return weft_bencode_left(&in) == 0;
}

/* The readers below take a raw value. One that is absent is no error and leaves *out alone. */

static bool read_string(struct weft_bytes raw, size_t max, struct weft_bytes *out) {
    WEFT_ASSERT(out != NULL);
    if (raw.data == NULL) return true;
    struct weft_bencode in = weft_bencode(raw, 0);
    return weft_bencode_string(&in, out) && out->size <= max;
}

static bool read_int(struct weft_bytes raw, int64_t max, int64_t *out) {
    WEFT_ASSERT(out != NULL);
    if (raw.data == NULL) return true;
    struct weft_bencode in = weft_bencode(raw, 0);
    return weft_bencode_int(&in, out) && *out >= 0 && *out <= max;
}

static bool read_flag(struct weft_bytes raw, bool *out) {
    int64_t value = 0;
    if (!read_int(raw, INT64_MAX, &value)) return false;
    *out = value != 0;
    return true;
}

static bool read_port(struct weft_bytes raw, uint16_t *out) {
    int64_t value = 0;
    if (!read_int(raw, UINT16_MAX, &value)) return false;
    *out = (uint16_t)value;
    return true;
}

/* Here absence is an error. */
static bool read_id(struct weft_bytes raw, const weft_id **out) {
    struct weft_bytes text = {NULL, 0};
    if (!read_string(raw, WEFT_ID_SIZE, &text) || text.size != WEFT_ID_SIZE) return false;
    *out = (const weft_id *)(const void *)text.data;
    return true;
}

static bool read_nodes(struct weft_bytes raw, size_t each, struct weft_bytes *out) {
    WEFT_ASSERT(each > 0);
    return read_string(raw, WEFT_KRPC_RECEIVE_MAX, out) && out->size % each == 0;
}

static bool read_want(struct weft_bytes raw, unsigned *want) {
    if (raw.data == NULL) return true;
    struct weft_bencode in = weft_bencode(raw, 1);
    struct weft_bytes family;
    if (!weft_bencode_enter(&in, 'l')) return false;
    while (!weft_bencode_leave(&in)) {
        if (!weft_bencode_string(&in, &family)) return false;
        if (family.size != 2) continue;
        if (KEY_IS(family, "n4")) *want |= WEFT_WANT_N4;
        if (KEY_IS(family, "n6")) *want |= WEFT_WANT_N6;
    }
    return true;
}

static bool read_values(struct weft_bytes raw, struct weft_bytes *values) {
    if (raw.data == NULL) return true;
    struct weft_bencode in = weft_bencode(raw, 1);
    struct weft_bytes peer;
    if (!weft_bencode_enter(&in, 'l')) return false;
    while (!weft_bencode_leave(&in)) {
        if (!weft_bencode_string(&in, &peer)) return false;
    }
    *values = raw;
    return true;
}

static int read_item(struct weft_bytes raw, struct weft_bytes *value) {
    if (raw.size > WEFT_ITEM_SIZE_MAX) return WEFT_ERR_TOO_BIG;
    *value = raw;
    return WEFT_OK;
}

static bool read_token(struct weft_bytes raw, struct weft_bytes *token) {
    return read_string(raw, WEFT_KRPC_TOKEN_MAX, token);
}

static int malformed_unless(bool good) { return good ? WEFT_OK : WEFT_ERR_MALFORMED; }

static int read_ping(const struct weft_bytes *a, struct weft_krpc *out) {
    return malformed_unless(read_id(a[BODY_ID], &out->id));
}

/* find_node, get_peers and get: a place to look, and the families wanted. */
static int read_find(const struct weft_bytes *a, enum body target, struct weft_krpc *out) {
    WEFT_ASSERT(target == BODY_TARGET || target == BODY_INFO_HASH);
    return malformed_unless(read_id(a[BODY_ID], &out->id) && read_id(a[target], &out->target) &&
                            read_want(a[BODY_WANT], &out->want));
}

static int read_announce_peer(const struct weft_bytes *a, struct weft_krpc *out) {
    bool good = read_id(a[BODY_ID], &out->id) && read_id(a[BODY_INFO_HASH], &out->target) &&
                read_token(a[BODY_TOKEN], &out->token) &&
                read_flag(a[BODY_IMPLIED_PORT], &out->implied_port) &&
                read_port(a[BODY_PORT], &out->port);
    if (!good || out->token.size == 0) return WEFT_ERR_MALFORMED;
    return malformed_unless(out->implied_port || out->port != 0);
}

static int read_put(const struct weft_bytes *a, struct weft_krpc *out) {
    bool good = read_id(a[BODY_ID], &out->id) && read_token(a[BODY_TOKEN], &out->token);
    if (!good || out->token.size == 0 || a[BODY_V].size == 0) return WEFT_ERR_MALFORMED;
    out->has_mutable = a[BODY_K].size > 0 || a[BODY_SIG].size > 0 || a[BODY_SEQ].size > 0;
    return read_item(a[BODY_V], &out->value);
}

/* Nothing is known of its arguments, so that none can be wrong (I3). */
static int read_unknown(const struct weft_bytes *a, struct weft_krpc *out) {
    if (!read_id(a[BODY_ID], &out->id)) out->id = NULL;
    return WEFT_OK;
}

#define NAME_IS(name, literal) ((name).size == sizeof literal - 1 && KEY_IS(name, literal))

static enum weft_krpc_method method_of(struct weft_bytes name) {
    if (NAME_IS(name, "find_node")) return WEFT_KRPC_FIND_NODE;
    if (NAME_IS(name, "get_peers")) return WEFT_KRPC_GET_PEERS;
    if (NAME_IS(name, "ping")) return WEFT_KRPC_PING;
    if (NAME_IS(name, "announce_peer")) return WEFT_KRPC_ANNOUNCE_PEER;
    if (NAME_IS(name, "get")) return WEFT_KRPC_GET;
    return NAME_IS(name, "put") ? WEFT_KRPC_PUT : WEFT_KRPC_UNKNOWN;
}

static int read_query(const struct fields *fields, struct weft_krpc *out) {
    const struct weft_bytes *a = fields->body;
    struct weft_bytes name = {NULL, 0};
    if (fields->top[TOP_R].data != NULL) return WEFT_ERR_MALFORMED;
    if (!read_string(fields->top[TOP_Q], WEFT_KRPC_RECEIVE_MAX, &name)) return WEFT_ERR_MALFORMED;
    if (name.size == 0) return WEFT_ERR_MALFORMED;
    if (fields->top[TOP_A].data != NULL && !fields->body_good) return WEFT_ERR_MALFORMED;
    out->method = method_of(name);
    out->ip = weft_bytes(NULL, 0); /* a responder's word; a query that carries one means nothing */
    switch (out->method) {
    case WEFT_KRPC_PING:
        return read_ping(a, out);
    case WEFT_KRPC_FIND_NODE:
    case WEFT_KRPC_GET:
        return read_find(a, BODY_TARGET, out);
    case WEFT_KRPC_GET_PEERS:
        return read_find(a, BODY_INFO_HASH, out);
    case WEFT_KRPC_ANNOUNCE_PEER:
        return read_announce_peer(a, out);
    case WEFT_KRPC_PUT:
        return read_put(a, out);
    case WEFT_KRPC_UNKNOWN:
        return read_unknown(a, out);
    }
    WEFT_UNREACHABLE("method_of returned none of its methods");
}

static int read_response(const struct fields *fields, struct weft_krpc *out) {
    const struct weft_bytes *r = fields->body;
    bool good = fields->top[TOP_R].data != NULL && fields->body_good &&
                read_id(r[BODY_ID], &out->id) &&
                read_nodes(r[BODY_NODES], WEFT_COMPACT_NODE4_SIZE, &out->nodes) &&
                read_nodes(r[BODY_NODES6], WEFT_COMPACT_NODE6_SIZE, &out->nodes6) &&
                read_token(r[BODY_TOKEN], &out->token) && read_values(r[BODY_VALUES], &out->values);
    return good ? read_item(r[BODY_V], &out->value) : WEFT_ERR_MALFORMED;
}

/* A code and a text; some peers leave the text out, some add to it. */
static int read_error(const struct fields *fields, struct weft_krpc *out) {
    struct weft_bencode in = weft_bencode(fields->top[TOP_E], WEFT_BENCODE_DEPTH_MAX);
    int64_t code;
    if (!weft_bencode_enter(&in, 'l')) return WEFT_ERR_MALFORMED;
    if (!weft_bencode_int(&in, &code)) return WEFT_ERR_MALFORMED;
    if (code < 0 || code > INT32_MAX) return WEFT_ERR_MALFORMED;
    out->error_code = (int)code;
    if (weft_bencode_leave(&in)) return WEFT_OK;
    return malformed_unless(weft_bencode_string(&in, &out->error_text));
}

/* 0 when it is none of the three. */
static enum weft_krpc_type type_of(struct weft_bytes y) {
    if (y.size != sizeof "1:q" - 1 || !KEY_IS(y, "1:")) return (enum weft_krpc_type)0;
    switch (y.data[2]) {
    case 'q':
        return WEFT_KRPC_QUERY;
    case 'r':
        return WEFT_KRPC_RESPONSE;
    case 'e':
        return WEFT_KRPC_ERROR;
    default:
        return (enum weft_krpc_type)0;
    }
}

static bool read_tid(struct weft_bytes raw, struct weft_bytes *out) {
    struct weft_bytes tid = {NULL, 0};
    if (!read_string(raw, WEFT_KRPC_TID_MAX, &tid) || tid.size == 0) return false;
    *out = tid;
    return true;
}

static bool read_ip(struct weft_bytes raw, struct weft_bytes *out) {
    struct weft_bytes ip = {NULL, 0};
    if (!read_string(raw, WEFT_KRPC_RECEIVE_MAX, &ip)) return false;
    if (ip.size == WEFT_COMPACT_PEER4_SIZE || ip.size == WEFT_COMPACT_PEER6_SIZE) *out = ip;
    return true;
}

static int read_message(const struct fields *fields, struct weft_krpc *out) {
    const struct weft_bytes *top = fields->top;
    bool good = out->tid.size > 0 && read_ip(top[TOP_IP], &out->ip) &&
                read_flag(top[TOP_RO], &out->read_only) &&
                read_string(top[TOP_V], WEFT_KRPC_RECEIVE_MAX, &out->version);
    if (!good) return WEFT_ERR_MALFORMED;
    switch (out->type) {
    case WEFT_KRPC_QUERY:
        return read_query(fields, out);
    case WEFT_KRPC_RESPONSE:
        return read_response(fields, out);
    case WEFT_KRPC_ERROR:
        return read_error(fields, out);
    default:
        return WEFT_ERR_MALFORMED;
    }
}

int weft_krpc__decode_any(struct weft_bytes packet, struct weft_krpc *out) {
    WEFT_ASSERT(packet.data != NULL || packet.size == 0);
    WEFT_ASSERT(out != NULL);
    struct fields fields = {.body_good = false};
    *out = (struct weft_krpc){.read_only = false};
    if (packet.size > WEFT_KRPC_RECEIVE_MAX) return WEFT_ERR_TOO_BIG;
    if (!scan(packet, &fields)) return WEFT_ERR_MALFORMED;
    out->type = type_of(fields.top[TOP_Y]);
    if (!read_tid(fields.top[TOP_T], &out->tid)) out->tid = weft_bytes(NULL, 0);
    int rv = read_message(&fields, out);
    if (rv != WEFT_OK) *out = (struct weft_krpc){.type = out->type, .tid = out->tid};
    return rv;
}

int weft_krpc_decode(struct weft_bytes packet, struct weft_krpc *out) {
    WEFT_ASSERT(packet.data != NULL || packet.size == 0);
    if (packet.size > 0 && weft_krpc__decode_usual(packet, out)) return WEFT_OK;
    return weft_krpc__decode_any(packet, out);
}
