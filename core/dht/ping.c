/* ping (BEP 5). */
#include "core/dht/internal.h"

bool weft_dht__ping_ask(struct weft_dht *dht, const struct weft_dht__query *query) {
    WEFT_ASSERT(query->purpose == DHT_ASK_CHECK || query->purpose == DHT_ASK_VERIFY);
    struct weft_krpc msg = {.method = WEFT_KRPC_PING};
    return weft_dht__query_send(dht, query, &msg);
}

void weft_dht__ping_answer(struct weft_dht *dht, const struct weft_dht__request *request) {
    WEFT_ASSERT(request->msg->method == WEFT_KRPC_PING);
    struct weft_krpc reply = weft_dht__answer(dht, request);
    weft_dht__answer_send(dht, request, &reply, NULL);
}
