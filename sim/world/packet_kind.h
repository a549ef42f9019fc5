/* What a packet is, by what it carries: the kinds that a scenario's filters name. */
#ifndef SIM_WORLD_PACKET_KIND_H
#define SIM_WORLD_PACKET_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(NAME, "word of a scenario") */
#define SIM_PACKET_KINDS(X)                                                                        \
    X(OTHER, "other")   /* a datagram that is none of these */                                     \
    X(STREAM, "stream") /* of a stream: bytes, handshakes, acknowledgements */                     \
    X(PING, "ping")     /* queries of the DHT */                                                   \
    X(FIND_NODE, "find_node")                                                                      \
    X(GET_PEERS, "get_peers")                                                                      \
    X(ANNOUNCE_PEER, "announce_peer")                                                              \
    X(GET, "get")                                                                                  \
    X(PUT, "put")                                                                                  \
    X(REPLY, "reply") /* to any of these */                                                        \
    X(ERROR, "error")

enum sim_packet_kind {
#define SIM_PACKET_ENUM(NAME, word) SIM_PACKET_##NAME,
    SIM_PACKET_KINDS(SIM_PACKET_ENUM)
#undef SIM_PACKET_ENUM
        SIM_PACKET_KIND_COUNT
};

/* enum sim_packet_kind of a packet that is sent. */
uint32_t sim_packet_kind(const unsigned char *bytes, size_t size, bool stream);

#endif
