/* find_node (BEP 5, `want`: BEP 32). */
#include "core/dht/internal.h"

bool weft_dht__find_node_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                             const weft_id *target) {
    WEFT_ASSERT(target != NULL);
    struct weft_krpc msg = {.method = WEFT_KRPC_FIND_NODE, .target = target};
    if (dht->config->v4 && dht->config->v6) msg.want = WEFT_WANT_N4 | WEFT_WANT_N6;
    return weft_dht__query_send(dht, query, &msg);
}

void weft_dht__find_node_answer(struct weft_dht *dht, const struct weft_dht__request *request) {
    WEFT_ASSERT(request->msg->target != NULL);
    struct weft_dht__nodes nodes;
    struct weft_krpc reply = weft_dht__answer(dht, request);
    (void)weft_dht__answer_nodes(dht, request, &nodes, &reply,
                                 WEFT_KRPC_SIZE_MAX - DHT_REPLY_OVERHEAD);
    weft_dht__answer_send(dht, request, &reply, NULL);
}
