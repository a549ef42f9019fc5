/* announce_peer (BEP 5). */
#include "core/dht/internal.h"

bool weft_dht__announce_peer_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                                 const struct weft_dht__lookup *lookup, struct weft_bytes token) {
    WEFT_ASSERT(lookup->store == WEFT_STORE_PEER);
    WEFT_ASSERT(token.size > 0);
    struct weft_krpc msg = {.method = WEFT_KRPC_ANNOUNCE_PEER,
                            .target = &lookup->target,
                            .token = token,
                            .port = lookup->port != 0 ? lookup->port : 1,
                            .implied_port = lookup->port == 0};
    return weft_dht__query_send(dht, query, &msg);
}

static void stored(struct weft_dht *dht, const struct weft_dht__request *request) {
    uint64_t kind = WEFT_STORE_PEER;
    WEFT_ASSERT(request->msg->target != NULL);
    weft_dht__fact(dht, WEFT_TRACE_DHT_STORED, &kind, 1,
                   weft_bytes(request->msg->target, sizeof *request->msg->target));
    struct weft_krpc reply = weft_dht__answer(dht, request);
    weft_dht__answer_send(dht, request, &reply, NULL);
}

void weft_dht__announce_peer_answer(struct weft_dht *dht, const struct weft_dht__request *request) {
    const struct weft_krpc *msg = request->msg;
    struct weft_addr peer = *request->from;
    WEFT_ASSERT(msg->target != NULL);
    if (!weft_dht__token_valid(dht, request->from, msg->token)) {
        weft_dht__answer_error(dht, request, WEFT_KRPC_ERROR_PROTOCOL, "bad token");
        return;
    }
    if (!msg->implied_port) peer.port = msg->port;
    if (peer.port == 0) {
        weft_dht__answer_error(dht, request, WEFT_KRPC_ERROR_PROTOCOL, "bad port");
        return;
    }
    if (weft_dht__storage_peer(dht, msg->target, &peer) != WEFT_OK) {
        weft_dht__answer_error(dht, request, WEFT_KRPC_ERROR_SERVER, "storage full");
        return;
    }
    stored(dht, request);
}
