/* get_peers (BEP 5): peers we know, always with closer nodes and a token. */
#include "core/dht/internal.h"

#include <string.h>

#define VALUES_SHARE 800 /* bytes of a reply kept for peers when there are any */

bool weft_dht__get_peers_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                             const weft_id *target) {
    WEFT_ASSERT(target != NULL);
    struct weft_krpc msg = {.method = WEFT_KRPC_GET_PEERS, .target = target};
    if (dht->config->v4 && dht->config->v6) msg.want = WEFT_WANT_N4 | WEFT_WANT_N6;
    return weft_dht__query_send(dht, query, &msg);
}

/* Bytes of one peer in a bencoded list: "6:" and 6, "18:" and 18. */
static size_t listed_size(size_t peer_size) {
    return peer_size + (peer_size == WEFT_COMPACT_PEER4_SIZE ? 2 : 3);
}

void weft_dht__get_peers_answer(struct weft_dht *dht, const struct weft_dht__request *request) {
    const struct weft_addr *from = request->from;
    unsigned char token[DHT_TOKEN_SIZE], packed[WEFT_KRPC_SIZE_MAX];
    struct weft_dht__nodes nodes;
    struct weft_krpc reply = weft_dht__answer(dht, request);
    WEFT_ASSERT(request->msg->target != NULL);
    weft_dht__token_make(dht, from, token);
    reply.token = weft_bytes(token, sizeof token);
    struct weft_krpc_peers peers = {.peers = packed};
    peers.peer_size =
        from->family == WEFT_FAMILY_V4 ? WEFT_COMPACT_PEER4_SIZE : WEFT_COMPACT_PEER6_SIZE;
    size_t room = WEFT_KRPC_SIZE_MAX - DHT_REPLY_OVERHEAD;
    bool any = weft_dht__storage_find(dht, request->msg->target, WEFT_STORE_PEER) != NULL;
    room -= weft_dht__answer_nodes(dht, request, &nodes, &reply, any ? room - VALUES_SHARE : room);
    if (any) {
        size_t max = room / listed_size(peers.peer_size);
        WEFT_ASSERT(max * peers.peer_size <= sizeof packed);
        peers.count = weft_dht__storage_peers(dht, request->msg->target, from->family, packed, max);
    }
    weft_dht__answer_send(dht, request, &reply, peers.count > 0 ? &peers : NULL);
}

void weft_dht__get_peers_reply(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                               const struct weft_krpc *msg) {
    struct weft_addr peer;
    size_t cursor = 0;
    WEFT_ASSERT(lookup->kind == WEFT_LOOKUP_PEERS);
    while (lookup->peers.count < WEFT_DHT_RESULT_VALUES_MAX &&
           weft_krpc_next_peer(msg->values, &cursor, &peer)) {
        if (peer.port != 0) weft_dht__lookup_peer(dht, lookup, &peer);
    }
}
