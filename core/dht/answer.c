/* The parts all answers share. */
#include "core/dht/internal.h"

static const unsigned char *ip_of(const struct weft_addr *from, unsigned char out[18],
                                  size_t *size) {
    *size = weft_compact_peer_write(from, out);
    WEFT_ASSERT(*size > 0);
    return out;
}

struct weft_krpc weft_dht__answer(const struct weft_dht *dht,
                                  const struct weft_dht__request *request) {
    WEFT_ASSERT(request->msg->tid.size > 0);
    WEFT_ASSERT(request->msg->tid.size <= WEFT_KRPC_TID_MAX);
    return (struct weft_krpc){
        .type = WEFT_KRPC_RESPONSE,
        .tid = request->msg->tid,
        .version = weft_bytes(dht->config->version, sizeof dht->config->version),
        .id = &dht->id,
    };
}

static size_t pack(const struct weft_dht *dht, const struct weft_dht__table *table,
                   const struct weft_dht__request *request, unsigned char *out) {
    const struct weft_contact *found[WEFT_DHT_K_MAX];
    WEFT_ASSERT(request->msg->target != NULL);
    size_t count = weft_dht__table_closest(dht, table, request->msg->target, request->msg->id,
                                           found, dht->config->k);
    unsigned char *at = out;
    for (size_t i = 0; i < count; i++) at = weft_dht__contact_write(found[i], at);
    return (size_t)(at - out);
}

static unsigned wanted(const struct weft_dht__request *request) {
    if (request->msg->want != 0) return request->msg->want;
    return request->from->family == WEFT_FAMILY_V4 ? WEFT_WANT_N4 : WEFT_WANT_N6;
}

static size_t cut(size_t size, size_t room, size_t unit) {
    WEFT_ASSERT(size % unit == 0);
    return size <= room ? size : room - room % unit;
}

size_t weft_dht__answer_nodes(const struct weft_dht *dht, const struct weft_dht__request *request,
                              struct weft_dht__nodes *nodes, struct weft_krpc *reply, size_t room) {
    unsigned want = wanted(request);
    size_t size4 = 0, size6 = 0;
    bool has4 = (want & WEFT_WANT_N4) && dht->tables[0].family != WEFT_FAMILY_NONE;
    bool has6 = (want & WEFT_WANT_N6) && dht->tables[1].family != WEFT_FAMILY_NONE;
    if (has4) size4 = pack(dht, &dht->tables[0], request, nodes->v4);
    if (has6) size6 = pack(dht, &dht->tables[1], request, nodes->v6);
    if (size4 + size6 > room) { /* a share of the room each, by what each would use */
        size_t share = size4 * room / (size4 + size6);
        size6 = cut(size6, room - share, WEFT_COMPACT_NODE6_SIZE);
        size4 = cut(size4, share, WEFT_COMPACT_NODE4_SIZE);
    }
    WEFT_ASSERT(size4 + size6 <= room);
    if (has4) reply->nodes = weft_bytes(nodes->v4, size4);
    if (has6) reply->nodes6 = weft_bytes(nodes->v6, size6);
    return size4 + size6;
}

static void transmit(struct weft_dht *dht, const struct weft_dht__request *request,
                     struct weft_krpc *reply, const struct weft_krpc_peers *peers) {
    unsigned char packet[WEFT_KRPC_SIZE_MAX], ip[WEFT_COMPACT_PEER6_SIZE];
    size_t size = 0, ip_size = 0;
    const unsigned char *seen = ip_of(request->from, ip, &ip_size);
    reply->ip = weft_bytes(seen, ip_size); /* R7 */
    int error = weft_krpc_encode(reply, peers, packet, sizeof packet, &size);
    WEFT_ASSERT(error == WEFT_OK); /* R7: every answer leaves room */
    WEFT_ASSERT(size <= WEFT_KRPC_SIZE_MAX);
    dht->sink->send(dht->sink->ctx, request->from, weft_bytes(packet, size));
    dht->sent++;
    dht->answered++;
}

void weft_dht__answer_send(struct weft_dht *dht, const struct weft_dht__request *request,
                           struct weft_krpc *reply, const struct weft_krpc_peers *peers) {
    WEFT_ASSERT(reply->type == WEFT_KRPC_RESPONSE);
    WEFT_ASSERT(reply->id == &dht->id);
    transmit(dht, request, reply, peers);
}

void weft_dht__answer_error(struct weft_dht *dht, const struct weft_dht__request *request,
                            enum weft_krpc_error code, const char *text) {
    WEFT_ASSERT(request->msg->type == WEFT_KRPC_QUERY); /* never an error to a reply or an error */
    WEFT_ASSERT(text != NULL);
    struct weft_krpc reply = weft_dht__answer(dht, request);
    reply.type = WEFT_KRPC_ERROR;
    reply.id = NULL;
    reply.error_code = (int)code;
    reply.error_text = weft_bytes_text(text);
    transmit(dht, request, &reply, NULL);
}
