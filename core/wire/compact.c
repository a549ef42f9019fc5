/* Compact endpoints and nodes: BEP 5, and BEP 32 for IPv6. */
#include "core/base/assert.h"
#include "core/wire/bencode.h"
#include "core/wire/krpc.h"

_Static_assert(WEFT_COMPACT_NODE4_SIZE == WEFT_ID_SIZE + WEFT_COMPACT_PEER4_SIZE, "BEP 5");
_Static_assert(WEFT_COMPACT_NODE6_SIZE == WEFT_ID_SIZE + WEFT_COMPACT_PEER6_SIZE, "BEP 32");

size_t weft_compact_peer_write(const struct weft_addr *addr, unsigned char *out) {
    WEFT_ASSERT(out != NULL);
    size_t size = weft_addr_ip_size(addr);
    if (size == 0) return 0;
    memcpy(out, addr->ip, size);
    out[size] = (unsigned char)(addr->port >> 8);
    out[size + 1] = (unsigned char)addr->port;
    return size + 2;
}

bool weft_compact_peer_read(struct weft_addr *addr, const unsigned char *data, size_t size) {
    WEFT_ASSERT(addr != NULL);
    WEFT_ASSERT(data != NULL || size == 0);
    if (size != WEFT_COMPACT_PEER4_SIZE && size != WEFT_COMPACT_PEER6_SIZE) return false;
    uint16_t port = (uint16_t)(data[size - 2] << 8 | data[size - 1]);
    *addr = size == WEFT_COMPACT_PEER4_SIZE ? weft_addr_v4(data[0], data[1], data[2], data[3], port)
                                            : weft_addr_v6(data, port);
    return true;
}

size_t weft_compact_node_write(const weft_id *id, const struct weft_addr *addr,
                               unsigned char *out) {
    WEFT_ASSERT(id != NULL);
    size_t size = weft_compact_peer_write(addr, out + WEFT_ID_SIZE);
    if (size == 0) return 0;
    memcpy(out, id->bytes, WEFT_ID_SIZE);
    return WEFT_ID_SIZE + size;
}

bool weft_compact__node_read(weft_id *id, struct weft_addr *addr, const unsigned char *data,
                             size_t size) {
    WEFT_ASSERT(id != NULL);
    WEFT_ASSERT(data != NULL || size == 0);
    if (size < WEFT_ID_SIZE) return false;
    if (!weft_compact_peer_read(addr, data + WEFT_ID_SIZE, size - WEFT_ID_SIZE)) return false;
    memcpy(id->bytes, data, WEFT_ID_SIZE);
    return true;
}

bool weft_krpc_next_peer(struct weft_bytes values, size_t *cursor, struct weft_addr *peer) {
    WEFT_ASSERT(cursor != NULL);
    WEFT_ASSERT(*cursor <= values.size);
    if (values.size == 0) return false;
    size_t start = *cursor == 0 ? 1 : *cursor; /* behind the list's 'l' */
    struct weft_bencode in = weft_bencode(weft_bytes(values.data + start, values.size - start), 0);
    struct weft_bytes entry;
    while (weft_bencode_string(&in, &entry)) {
        if (!weft_compact_peer_read(peer, entry.data, entry.size)) continue;
        *cursor = (size_t)(in.at - values.data);
        return true;
    }
    *cursor = values.size;
    return false;
}
