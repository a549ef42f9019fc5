/* KRPC: the DHT's packets, bytes <-> struct.
 *
 * Sources: BEP 5 (DHT protocol), BEP 32 (IPv6), BEP 42 (`ip` echoed), BEP 43 (read-only), BEP 44
 * (immutable items); https://www.bittorrent.org/beps/bep_0005.html and so on.
 *
 * Decoding is strict where it protects (lengths, depth, duplicate keys that matter) and lenient
 * where deployed peers differ (key order, unknown keys are skipped). It allocates nothing: every
 * struct weft_bytes of the result points into the packet. */
#ifndef WEFT_WIRE_KRPC_H
#define WEFT_WIRE_KRPC_H

#include "core/base/addr.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/limits.h"

#include <stdbool.h>

/* Bytes of a compact node: id, address, port (BEP 5, BEP 32), and of a compact peer. */
#define WEFT_COMPACT_NODE4_SIZE 26
#define WEFT_COMPACT_NODE6_SIZE 38
#define WEFT_COMPACT_PEER4_SIZE 6
#define WEFT_COMPACT_PEER6_SIZE 18

enum weft_krpc_type { WEFT_KRPC_QUERY = 1, WEFT_KRPC_RESPONSE, WEFT_KRPC_ERROR };

enum weft_krpc_method {
    WEFT_KRPC_PING = 1,
    WEFT_KRPC_FIND_NODE,
    WEFT_KRPC_GET_PEERS,
    WEFT_KRPC_ANNOUNCE_PEER,
    WEFT_KRPC_GET,
    WEFT_KRPC_PUT,
    WEFT_KRPC_UNKNOWN /* a query of a method we do not know: answer error 204 */
};

/* Error codes of BEP 5 and BEP 44. */
enum weft_krpc_error {
    WEFT_KRPC_ERROR_GENERIC = 201,
    WEFT_KRPC_ERROR_SERVER = 202,
    WEFT_KRPC_ERROR_PROTOCOL = 203,
    WEFT_KRPC_ERROR_METHOD = 204,
    WEFT_KRPC_ERROR_TOO_BIG = 205
};

/* `want` (BEP 32) as bits. */
enum weft_krpc_want { WEFT_WANT_N4 = 1, WEFT_WANT_N6 = 2 };

/* I1  type says which fields mean something: QUERY: method and its arguments; RESPONSE: the return
 *     values; ERROR: error_code, error_text.
 * I2  a field that the packet lacks has size 0, has_... false, or NULL.
 * I3  id is NULL only in an ERROR and in a QUERY of an UNKNOWN method; those two may lack it. Of an
 *     UNKNOWN query no argument but id is read.
 * I4  nodes and nodes6 of size 0 with data not NULL are present and empty, and written so. */
struct weft_krpc {
    enum weft_krpc_type type;
    enum weft_krpc_method method; /* QUERY; a RESPONSE does not say */
    struct weft_bytes tid;        /* t: 1 to WEFT_KRPC_TID_MAX bytes */
    struct weft_bytes version;    /* v: usually 4 bytes */
    bool read_only;               /* ro (BEP 43) */
    const weft_id *id;            /* sender (I3) */
    const weft_id *target;        /* find_node, get: target; get_peers, announce_peer: info_hash */
    struct weft_bytes token;      /* announce_peer, put; RESPONSE */
    uint16_t port;                /* announce_peer */
    bool implied_port;            /* announce_peer */
    unsigned want;                /* enum weft_krpc_want bits; 0: the family it came by */
    struct weft_bytes nodes;      /* RESPONSE: a multiple of 26 bytes */
    struct weft_bytes nodes6;     /* RESPONSE: a multiple of 38 bytes */
    struct weft_bytes values;     /* RESPONSE: the bencoded list of compact peers, walked with
                                     weft_krpc_next_peer; encode: likewise (see below) */
    struct weft_bytes value;      /* put, RESPONSE to get: the bencoded `v` (BEP 44), at most
                                     WEFT_ITEM_SIZE_MAX bytes */
    bool has_mutable;             /* put with k, sig or seq: a mutable item (not stored here) */
    struct weft_bytes ip;         /* compact endpoint the responder saw (BEP 42): 6 or 18 bytes;
                                     other lengths are ignored (old libtorrent sends 4) */
    int error_code;               /* ERROR */
    struct weft_bytes error_text; /* ERROR */
};

/* Read one packet of at most WEFT_KRPC_RECEIVE_MAX bytes.
 *   WEFT_OK             *out is filled, pointing into `packet`
 *   WEFT_ERR_TOO_BIG    longer than the limit; or `v` longer than WEFT_ITEM_SIZE_MAX: then type and
 *                       tid are set, and a query deserves error 205
 *   WEFT_ERR_MALFORMED  not bencode, trailing bytes, a known key twice, a field missing or of the
 *                       wrong type or length
 * On error *out holds what is needed to answer a malformed query with error 203 and nothing else:
 * type and tid, each only if it could be read (0 and size 0 otherwise). Both need a packet that is
 * bencode throughout. */
int weft_krpc_decode(struct weft_bytes packet, struct weft_krpc *out);

/* Write one packet, keys in sorted order.
 * msg->values is not read: the peers of a RESPONSE come packed, or `peers` is NULL.
 * What the other side would refuse is a broken invariant here (a token too long, port 0 without
 * implied_port, UNKNOWN, has_mutable), except `value`, which users supply.
 *   WEFT_ERR_TOO_BIG    it needs more than `capacity` bytes; nothing useful was written
 *   WEFT_ERR_MALFORMED  `value` is not an item (weft_item_check); nothing was written */
struct weft_krpc_peers {
    const unsigned char *peers;
    size_t peer_size; /* WEFT_COMPACT_PEER4_SIZE or WEFT_COMPACT_PEER6_SIZE */
    size_t count;
};

int weft_krpc_encode(const struct weft_krpc *msg, const struct weft_krpc_peers *peers,
                     unsigned char *out, size_t capacity, size_t *size);

/* Walk msg->values of a decoded RESPONSE: start with *cursor 0; false at the end. Entries that are
 * neither 6 nor 18 bytes are skipped. */
bool weft_krpc_next_peer(struct weft_bytes values, size_t *cursor, struct weft_addr *peer);

/* Compact forms. `out` has room for the family's size, which is returned (0 for family NONE). */
size_t weft_compact_peer_write(const struct weft_addr *addr, unsigned char *out);
/* `size` is 6 or 18, else false. */
bool weft_compact_peer_read(struct weft_addr *addr, const unsigned char *data, size_t size);
size_t weft_compact_node_write(const weft_id *id, const struct weft_addr *addr, unsigned char *out);
/* The same of any size. */
bool weft_compact__node_read(weft_id *id, struct weft_addr *addr, const unsigned char *data,
                             size_t size);
/* `size` is 26 or 38, else false. */
static inline bool weft_compact_node_read(weft_id *id, struct weft_addr *addr,
                                          const unsigned char *data, size_t size) {
    if (size != WEFT_COMPACT_NODE4_SIZE) return weft_compact__node_read(id, addr, data, size);
    const unsigned char *peer = data + WEFT_ID_SIZE;
    memcpy(id->bytes, data, WEFT_ID_SIZE);
    *addr = weft_addr_v4(peer[0], peer[1], peer[2], peer[3], (uint16_t)(peer[4] << 8 | peer[5]));
    return true;
}

/* Whether `bencoded` can travel as an item: one bencoded value and nothing after it.
 *   WEFT_ERR_TOO_BIG    more than WEFT_ITEM_SIZE_MAX bytes
 *   WEFT_ERR_MALFORMED  not bencode, or nested deeper than fits a packet */
int weft_item_check(struct weft_bytes bencoded);

/* The key of an immutable item: SHA-1 of its bencoded value (BEP 44). */
void weft_item_key(struct weft_bytes bencoded, weft_id *key);

#endif
