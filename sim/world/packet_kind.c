/* Kinds of packets, as the DHT's protocol tells them. */
#include "sim/world/packet_kind.h"

#include "core/wire/krpc.h"
#include "sim/net/net.h"

_Static_assert(SIM_PACKET_KIND_COUNT <= SIM_PACKET_KINDS_MAX, "one bit of a filter each");

static uint32_t kind_of_query(enum weft_krpc_method method) {
    switch (method) {
    case WEFT_KRPC_PING:
        return SIM_PACKET_PING;
    case WEFT_KRPC_FIND_NODE:
        return SIM_PACKET_FIND_NODE;
    case WEFT_KRPC_GET_PEERS:
        return SIM_PACKET_GET_PEERS;
    case WEFT_KRPC_ANNOUNCE_PEER:
        return SIM_PACKET_ANNOUNCE_PEER;
    case WEFT_KRPC_GET:
        return SIM_PACKET_GET;
    case WEFT_KRPC_PUT:
        return SIM_PACKET_PUT;
    case WEFT_KRPC_UNKNOWN:
        break;
    }
    return SIM_PACKET_OTHER;
}

uint32_t sim_packet_kind(const unsigned char *bytes, size_t size, bool stream) {
    struct weft_krpc message;
    if (stream) return SIM_PACKET_STREAM;
    if (weft_krpc_decode(weft_bytes(bytes, size), &message) != WEFT_OK) return SIM_PACKET_OTHER;
    if (message.type == WEFT_KRPC_RESPONSE) return SIM_PACKET_REPLY;
    if (message.type == WEFT_KRPC_ERROR) return SIM_PACKET_ERROR;
    return kind_of_query(message.method);
}
