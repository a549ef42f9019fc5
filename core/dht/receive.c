/* Packets in: refused, answered, or taken as the answer to a query of ours. */
#include "core/dht/internal.h"

static int refuse(struct weft_dht *dht, const struct weft_addr *from, int error) {
    WEFT_ASSERT(error < 0);
    uint64_t cause = (uint64_t)-error;
    weft_dht__fact(dht, WEFT_TRACE_DHT_DROPPED, &cause, 1, weft_bytes(from, sizeof *from));
    return error;
}

static int refuse_malformed(struct weft_dht *dht, const struct weft_addr *from,
                            const struct weft_krpc *msg, int error) {
    WEFT_ASSERT(error == WEFT_ERR_MALFORMED || error == WEFT_ERR_TOO_BIG);
    dht->malformed++;
    /* R5: a query that says so is told; anything else is not, or two nodes could quarrel for ever
     */
    if (msg->type == WEFT_KRPC_QUERY && msg->tid.size > 0 && !dht->config->read_only &&
        weft_dht__rate_allow(dht, from)) {
        const struct weft_dht__request request = {from, msg};
        if (error == WEFT_ERR_TOO_BIG) {
            weft_dht__answer_error(dht, &request, WEFT_KRPC_ERROR_TOO_BIG, "value too big");
        } else {
            weft_dht__answer_error(dht, &request, WEFT_KRPC_ERROR_PROTOCOL, "malformed query");
        }
    }
    return refuse(dht, from, error);
}

static void answer(struct weft_dht *dht, const struct weft_dht__request *request) {
    switch (request->msg->method) {
    case WEFT_KRPC_PING:
        weft_dht__ping_answer(dht, request);
        return;
    case WEFT_KRPC_FIND_NODE:
        weft_dht__find_node_answer(dht, request);
        return;
    case WEFT_KRPC_GET_PEERS:
        weft_dht__get_peers_answer(dht, request);
        return;
    case WEFT_KRPC_ANNOUNCE_PEER:
        weft_dht__announce_peer_answer(dht, request);
        return;
    case WEFT_KRPC_GET:
        weft_dht__item_get_answer(dht, request);
        return;
    case WEFT_KRPC_PUT:
        weft_dht__item_put_answer(dht, request);
        return;
    case WEFT_KRPC_UNKNOWN: /* R6 */
        weft_dht__answer_error(dht, request, WEFT_KRPC_ERROR_METHOD, "method unknown");
        return;
    }
    WEFT_UNREACHABLE("a method that does not exist");
}

static void offer_asker(struct weft_dht *dht, const weft_id *id, const struct weft_addr *from) {
    const struct weft_dht__table *table = weft_dht__table_of(dht, from->family);
    WEFT_ASSERT(table != NULL);
    const struct weft_dht__bucket *bucket = weft_dht__table_bucket(dht, table, id);
    struct weft_dht__contact *known = weft_dht__bucket_contact(dht, table, bucket, id);
    if (known != NULL && weft_dht__contact_at(dht, known, from)) {
        weft_dht__table_heard(dht, known);
        return;
    }
    if (known == NULL && weft_dht__table_is_far(table, bucket) &&
        weft_dht__passed_over(dht, from)) {
        return;
    }
    if (known == NULL) {
        weft_dht__newcomer_unknown(dht, id, from);
    } else {
        weft_dht__newcomer_offer(dht, id, from);
    }
}

static int query(struct weft_dht *dht, const struct weft_dht__request *request) {
    WEFT_ASSERT(request->msg->type == WEFT_KRPC_QUERY);
    if (dht->config->read_only) return WEFT_OK; /* BEP 43: it asks and does not serve */
    if (!weft_dht__rate_allow(dht, request->from)) {
        dht->rate_limited++; /* R4 */
        return refuse(dht, request->from, WEFT_ERR_RATE);
    }
    answer(dht, request);
    if (!request->msg->read_only && request->msg->id != NULL) { /* R8 */
        offer_asker(dht, request->msg->id, request->from);
    }
    return WEFT_OK;
}

/* Nodes named by `msg` in answer to `query`, of one family. */
struct named {
    struct weft_bytes packed;
    size_t each;
    const weft_id *target; /* asked for */
};

/* The bucket of the target that was asked for; NULL: it is in the last. */
static const struct weft_dht__bucket *cluster_of(const struct weft_dht__table *table,
                                                 uint32_t prefix) {
    const struct weft_dht__bucket *bucket = weft_dht__table_at(table, prefix);
    return weft_dht__table_is_far(table, bucket) ? bucket : NULL;
}

/* Nodes named in a reply are newcomers: of those at the same distance from us one, since whoever
 * has just joined names mostly its own neighbours; and of those around the target of a lookup none
 * (weft_dht__table_is_far). */
static void offer(struct weft_dht *dht, const struct named *named) {
    size_t count = named->packed.size / named->each;
    uint64_t taken[WEFT_ID_BITS / 64 + 1] = {0}; /* bits: distances somebody was taken of */
    uint32_t target = (uint32_t)weft_id_prefix(&dht->id, named->target);
    struct weft_contact contact;
    WEFT_ASSERT(named->packed.size % named->each == 0);
    for (size_t i = 0; i < count && i < WEFT_DHT_K_MAX; i++) {
        const unsigned char *at = named->packed.data + i * named->each;
        const weft_id *id = (const weft_id *)(const void *)at;
        uint32_t prefix = (uint32_t)weft_id_prefix(&dht->id, id);
        uint64_t bit = UINT64_C(1) << (prefix % 64);
        if ((taken[prefix / 64] & bit) != 0) continue;
        if (!weft_compact_node_read(&contact.id, &contact.addr, at, named->each)) continue;
        const struct weft_dht__table *table = weft_dht__table_of(dht, contact.addr.family);
        if (table == NULL) continue; /* an IPv6 node whose compact form is an IPv4 one */
        const struct weft_dht__bucket *bucket = weft_dht__table_at(table, prefix);
        if (bucket == cluster_of(table, target)) continue;
        if (weft_dht__bucket_contact(dht, table, bucket, id) != NULL) continue;
        taken[prefix / 64] |= bit;
        weft_dht__newcomer_unknown(dht, &contact.id, &contact.addr);
    }
}

static void offer_named(struct weft_dht *dht, const struct weft_krpc *msg, const weft_id *target) {
    const struct named v4 = {msg->nodes, WEFT_COMPACT_NODE4_SIZE, target};
    const struct named v6 = {msg->nodes6, WEFT_COMPACT_NODE6_SIZE, target};
    WEFT_ASSERT(msg->type == WEFT_KRPC_RESPONSE);
    offer(dht, &v4);
    offer(dht, &v6);
}

/* A lookup gives one contact to the bucket of its target; to the others, and when it is for the own
 * id, all. */
static bool may_enter(struct weft_dht *dht, const struct weft_dht__query *query,
                      struct weft_dht__lookup *lookup, const weft_id *id) {
    if (query->purpose != DHT_ASK_LOOKUP) return query->purpose != DHT_ASK_STORE;
    if (lookup == NULL) return false;
    const struct weft_dht__table *table = weft_dht__table_of(dht, query->to.family);
    WEFT_ASSERT(table != NULL);
    if (!weft_dht__lookup_clusters(dht, table, &lookup->target, id)) return true;
    bool *gave = &lookup->gave[query->to.family == WEFT_FAMILY_V6];
    if (weft_dht__table_find(dht, table, id) != NULL) return false;
    if (*gave) {
        weft_dht__pass_over(dht, &query->to);
        return false;
    }
    *gave = true;
    return true;
}

static void answered(struct weft_dht *dht, const struct weft_dht__query *query,
                     const struct weft_krpc *msg) {
    switch ((enum weft_dht__purpose)query->purpose) {
    case DHT_ASK_CHECK:
        return;
    case DHT_ASK_ADD:
        offer_named(dht, msg, &dht->id);
        weft_dht__join_through(dht, msg);
        return;
    case DHT_ASK_VERIFY: /* names nobody, unless it is a neighbour */
    case DHT_ASK_AROUND:
        offer_named(dht, msg, &dht->id);
        return;
    case DHT_ASK_FILL:
        weft_dht__refresh_filled(dht, query, msg);
        return;
    case DHT_ASK_BESIDE:
        weft_dht__join_beside(dht, query, msg);
        return;
    case DHT_ASK_LOOKUP:
        weft_dht__lookup_reply(dht, query, msg);
        return;
    case DHT_ASK_STORE:
        weft_dht__lookup_stored(dht, query, true);
        return;
    }
    WEFT_UNREACHABLE("a purpose that does not exist");
}

static void accept_response(struct weft_dht *dht, const struct weft_dht__query *query,
                            const struct weft_krpc *msg) {
    struct weft_dht__lookup *lookup = NULL;
    WEFT_ASSERT(msg->id != NULL);
    if (query->purpose == DHT_ASK_LOOKUP) lookup = weft_dht__lookup_of(dht, query);
    const struct weft_dht__answerer answerer = {
        .id = msg->id,
        .addr = &query->to,
        .expected = query->purpose != DHT_ASK_ADD ? &query->id : NULL,
        .may_enter = may_enter(dht, query, lookup, msg->id)};
    weft_dht__table_answered(dht, &answerer);
    if (lookup != NULL) offer_named(dht, msg, &lookup->target);
    answered(dht, query, msg);
}

static int reply(struct weft_dht *dht, const struct weft_addr *from, const struct weft_krpc *msg) {
    struct weft_dht__query query;
    WEFT_ASSERT(msg->type != WEFT_KRPC_QUERY);
    if (!weft_dht__query_take(dht, msg->tid, from, &query)) {
        dht->unsolicited++; /* R2 */
        return refuse(dht, from, WEFT_ERR_NOT_FOUND);
    }
    if (msg->type == WEFT_KRPC_RESPONSE && !weft_id_equal(msg->id, &dht->id)) {
        accept_response(dht, &query, msg);
    } else {
        weft_dht__query_failed(dht, &query);
    }
    return WEFT_OK;
}

int weft_dht__receive(struct weft_dht *dht, const struct weft_addr *from, struct weft_bytes data) {
    struct weft_krpc msg;
    dht->received++;
    if (weft_dht__table_of(dht, from->family) == NULL || from->port == 0 ||
        (dht->config->refuse_martians && weft_dht__addr_martian(from))) {
        return refuse(dht, from, WEFT_ERR_DENIED);
    }
    int error = weft_krpc_decode(data, &msg);
    if (error != WEFT_OK) return refuse_malformed(dht, from, &msg, error);
    const struct weft_dht__request request = {from, &msg};
    if (msg.type == WEFT_KRPC_QUERY) return query(dht, &request);
    return reply(dht, from, &msg);
}
