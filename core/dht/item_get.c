/* get (BEP 44): an immutable item, with closer nodes and a token. */
#include "core/dht/internal.h"

bool weft_dht__item_get_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                            const weft_id *target) {
    WEFT_ASSERT(target != NULL);
    struct weft_krpc msg = {.method = WEFT_KRPC_GET, .target = target};
    if (dht->config->v4 && dht->config->v6) msg.want = WEFT_WANT_N4 | WEFT_WANT_N6;
    return weft_dht__query_send(dht, query, &msg);
}

void weft_dht__item_get_answer(struct weft_dht *dht, const struct weft_dht__request *request) {
    unsigned char token[DHT_TOKEN_SIZE];
    struct weft_dht__nodes nodes;
    struct weft_krpc reply = weft_dht__answer(dht, request);
    WEFT_ASSERT(request->msg->target != NULL);
    weft_dht__token_make(dht, request->from, token);
    reply.token = weft_bytes(token, sizeof token);
    const struct weft_dht__stored *item =
        weft_dht__storage_find(dht, request->msg->target, WEFT_STORE_VALUE);
    if (item != NULL) reply.value = weft_bytes(item->value, item->value_size);
    WEFT_ASSERT(reply.value.size <= WEFT_ITEM_SIZE_MAX);
    (void)weft_dht__answer_nodes(dht, request, &nodes, &reply,
                                 WEFT_KRPC_SIZE_MAX - DHT_REPLY_OVERHEAD - reply.value.size);
    weft_dht__answer_send(dht, request, &reply, NULL);
}

void weft_dht__item_get_reply(struct weft_dht *dht, struct weft_dht__lookup *lookup,
                              const struct weft_krpc *msg) {
    weft_id key;
    WEFT_ASSERT(lookup->kind == WEFT_LOOKUP_VALUE);
    if (msg->value.size == 0 || msg->value.size > WEFT_ITEM_SIZE_MAX) return;
    weft_item_key(msg->value, &key);
    if (weft_id_equal(&key, &lookup->target)) weft_dht__lookup_value(dht, lookup, msg->value);
}
