/* put (BEP 44), immutable items only. */
#include "core/dht/internal.h"

bool weft_dht__item_put_ask(struct weft_dht *dht, const struct weft_dht__query *query,
                            const struct weft_dht__lookup *lookup, struct weft_bytes token) {
    WEFT_ASSERT(lookup->store == WEFT_STORE_VALUE);
    WEFT_ASSERT(lookup->value_size > 0);
    struct weft_krpc msg = {.method = WEFT_KRPC_PUT,
                            .token = token,
                            .value = weft_bytes(lookup->value, lookup->value_size)};
    return weft_dht__query_send(dht, query, &msg);
}

static const char *refusal(const struct weft_dht *dht, const struct weft_dht__request *request,
                           enum weft_krpc_error *code) {
    const struct weft_krpc *msg = request->msg;
    WEFT_ASSERT(msg->method == WEFT_KRPC_PUT);
    *code = WEFT_KRPC_ERROR_PROTOCOL;
    if (!weft_dht__token_valid(dht, request->from, msg->token)) return "bad token";
    if (msg->has_mutable) {
        *code = WEFT_KRPC_ERROR_METHOD;
        return "mutable items are not stored here";
    }
    if (msg->value.size > WEFT_ITEM_SIZE_MAX) {
        *code = WEFT_KRPC_ERROR_TOO_BIG;
        return "value too big";
    }
    return msg->value.size == 0 ? "no value" : NULL;
}

void weft_dht__item_put_answer(struct weft_dht *dht, const struct weft_dht__request *request) {
    enum weft_krpc_error code;
    weft_id key;
    uint64_t kind = WEFT_STORE_VALUE;
    const char *why = refusal(dht, request, &code);
    if (why != NULL) {
        weft_dht__answer_error(dht, request, code, why);
        return;
    }
    weft_item_key(request->msg->value, &key);
    if (weft_dht__storage_item(dht, &key, request->msg->value) != WEFT_OK) {
        weft_dht__answer_error(dht, request, WEFT_KRPC_ERROR_SERVER, "storage full");
        return;
    }
    weft_dht__fact(dht, WEFT_TRACE_DHT_STORED, &kind, 1, weft_bytes(&key, sizeof key));
    struct weft_krpc reply = weft_dht__answer(dht, request);
    weft_dht__answer_send(dht, request, &reply, NULL);
}
