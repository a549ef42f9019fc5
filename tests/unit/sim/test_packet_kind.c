/* What a packet is, as filters name it. */
#include "sim/world/packet_kind.h"

#include "tests/harness/harness.h"

static uint32_t kind_of(const char *packet, bool stream) {
    return sim_packet_kind((const unsigned char *)packet, strlen(packet), stream);
}

#define ID "2:id20:abcdefghij0123456789"
#define TAIL "1:t2:aa1:y1:qe"

static void queries_are_told_by_their_method_and_replies_are_replies(void) {
    CHECK_EQ_UINT(kind_of("d1:ad" ID "e1:q4:ping" TAIL, false), SIM_PACKET_PING);
    CHECK_EQ_UINT(kind_of("d1:ad" ID "6:target20:mnopqrstuvwxyz123456e1:q9:find_node" TAIL, false),
                  SIM_PACKET_FIND_NODE);
    CHECK_EQ_UINT(
        kind_of("d1:ad" ID "9:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers" TAIL, false),
        SIM_PACKET_GET_PEERS);
    CHECK_EQ_UINT(kind_of("d1:ad" ID "6:target20:mnopqrstuvwxyz123456e1:q3:get" TAIL, false),
                  SIM_PACKET_GET);
    CHECK_EQ_UINT(kind_of("d1:rd" ID "e1:t2:aa1:y1:re", false), SIM_PACKET_REPLY);
    CHECK_EQ_UINT(kind_of("d1:eli201e5:oops!e1:t2:aa1:y1:ee", false), SIM_PACKET_ERROR);
}

static void the_rest_is_a_stream_or_other(void) {
    CHECK_EQ_UINT(kind_of("d1:ad" ID "e1:q4:ping" TAIL, true), SIM_PACKET_STREAM);
    CHECK_EQ_UINT(kind_of("d1:ad" ID "e1:q4:vote" TAIL, false), SIM_PACKET_OTHER);
    CHECK_EQ_UINT(kind_of("hello", false), SIM_PACKET_OTHER);
    CHECK_EQ_UINT(kind_of("", false), SIM_PACKET_OTHER);
}

TEST_MAIN("sim/packet_kind", TEST(queries_are_told_by_their_method_and_replies_are_replies),
          TEST(the_rest_is_a_stream_or_other))
