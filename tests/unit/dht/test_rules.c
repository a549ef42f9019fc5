/* R1 to R8 of core/dht/dht.h, each by name. */
#include "core/dht/internal.h"
#include "tests/unit/dht/rig.h"

static const struct weft_dht_config normal = {.k = 8};

static size_t handed_out(void) {
    struct weft_contact found[8];
    weft_id target = rig_id(0, 0);
    return weft_dht_closest(rig.dht, &target, WEFT_FAMILY_V4, found, 8);
}

static void r1_a_contact_that_only_queried_is_not_handed_out(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    CHECK_EQ_INT(rig_query(&peer.addr, &peer.id, WEFT_KRPC_PING, NULL), WEFT_OK);
    CHECK_EQ_INT(rig_query(&peer.addr, &peer.id, WEFT_KRPC_PING, NULL), WEFT_OK);
    CHECK_EQ_UINT(handed_out(), 0);
    rig_live(&peer, 1, WEFT_S(1));
    CHECK_EQ_UINT(handed_out(), 1);
    rig_close();
}

static void r1_a_node_named_by_a_peer_is_not_handed_out_before_it_answers(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    struct weft_contact named = {rig_id(1, 1), rig_addr(99)};
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = peer.addr});
    CHECK_EQ_INT(rig_reply_nodes(rig_next(), &peer.id, &named, 1), WEFT_OK);
    CHECK_EQ_UINT(handed_out(), 1);
    CHECK(!rig_is_contact(&named.id));
    rig_close();
}

static void r2_a_reply_without_a_query_changes_nothing(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    const struct weft_krpc reply = {
        .type = WEFT_KRPC_RESPONSE, .tid = weft_bytes("abcd", 4), .id = &peer.id};
    size_t bytes = rig.heap.bytes;
    CHECK_EQ_INT(rig_receive_msg(&peer.addr, &reply, NULL), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_UINT(rig_stats().unsolicited, 1);
    CHECK_EQ_UINT(rig.sent_count, 0);
    CHECK_EQ_UINT(rig.heap.bytes, bytes);
    REQUIRE(rig_fact(WEFT_TRACE_DHT_DROPPED) != NULL);
    CHECK_EQ_INT(-(int64_t)rig_fact(WEFT_TRACE_DHT_DROPPED)->number[0], WEFT_ERR_NOT_FOUND);
    CHECK_EQ_BYTES(rig_fact(WEFT_TRACE_DHT_DROPPED)->bytes, &peer.addr, sizeof peer.addr);
    rig_close();
}

static void r2_a_reply_from_another_address_changes_nothing(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = peer.addr});
    struct rig_packet forged = *rig_next();
    const struct weft_krpc reply = {
        .type = WEFT_KRPC_RESPONSE, .tid = forged.msg.tid, .id = &peer.id};
    struct weft_addr elsewhere = rig_addr(77), other_port = peer.addr;
    other_port.port = 6882;
    CHECK_EQ_INT(rig_receive_msg(&elsewhere, &reply, NULL), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(rig_receive_msg(&other_port, &reply, NULL), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_UINT(rig_stats().contacts4, 0);
    CHECK_EQ_UINT(rig_stats().pending, 1);
    CHECK_EQ_INT(rig_receive_msg(&peer.addr, &reply, NULL), WEFT_OK);
    CHECK_EQ_UINT(rig_stats().contacts4, 1);
    CHECK_EQ_INT(rig_receive_msg(&peer.addr, &reply, NULL), WEFT_ERR_NOT_FOUND); /* once */
    rig_close();
}

static void r2_a_wrong_transaction_id_changes_nothing(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = peer.addr});
    const struct rig_packet *query = rig_next();
    for (size_t i = 0; i < query->msg.tid.size; i++) {
        unsigned char tid[4];
        memcpy(tid, query->msg.tid.data, sizeof tid);
        tid[i] ^= 1;
        const struct weft_krpc reply = {
            .type = WEFT_KRPC_RESPONSE, .tid = weft_bytes(tid, 4), .id = &peer.id};
        CHECK_EQ_INT(rig_receive_msg(&peer.addr, &reply, NULL), WEFT_ERR_NOT_FOUND);
    }
    const struct weft_krpc longer = {
        .type = WEFT_KRPC_RESPONSE, .tid = weft_bytes("abcde", 5), .id = &peer.id};
    CHECK_EQ_INT(rig_receive_msg(&peer.addr, &longer, NULL), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_UINT(rig_stats().unsolicited, 5);
    CHECK_EQ_UINT(rig_stats().contacts4, 0);
    rig_close();
}

static void r3_a_new_contact_is_asked_within_verify_after(void) {
    rig_open(&normal);
    unsigned count = DHT_NEWCOMERS_MAX < 20 ? DHT_NEWCOMERS_MAX : 20;
    for (unsigned i = 1; i <= count; i++) {
        struct rig_host peer = rig_host(0, i);
        (void)rig_query(&peer.addr, &peer.id, WEFT_KRPC_PING, NULL);
    }
    rig_skip();
    weft_time seen = rig.now;
    rig_until(seen + WEFT_S(1));
    size_t asked = 0;
    weft_time first = WEFT_TIME_NEVER, last = 0;
    for (const struct rig_packet *packet; (packet = rig_next()) != NULL; asked++) {
        CHECK_EQ_INT(packet->msg.method, WEFT_KRPC_FIND_NODE); /* of the last bucket */
        first = weft_time_min(first, packet->at);
        last = weft_time_max(last, packet->at);
    }
    CHECK_EQ_UINT(asked, count);
    CHECK(last - first > WEFT_MS(count < 20 ? 1 : 500)); /* spread, not a burst */
    rig_close();
}

static void r3_a_contact_that_falls_silent_is_forgotten_within_sixty_seconds(void) {
    rig_open(&normal);
    struct rig_host peers[5];
    for (unsigned i = 0; i < 5; i++) peers[i] = rig_host(0, i + 1);
    for (unsigned i = 0; i < 5; i++) rig_meet(&peers[i]);
    rig_live(peers, 5, WEFT_MIN(3));
    CHECK_EQ_UINT(rig_stats().contacts4, 5);
    rig_pass(WEFT_S(60));
    CHECK_EQ_UINT(rig_stats().contacts4, 0);
    CHECK_EQ_UINT(handed_out(), 0);
    rig_close();
}

static void r4_a_flood_from_one_host_starves_no_other(void) {
    rig_open(&normal);
    struct weft_addr flooder = rig_addr(1);
    weft_id id = rig_id(0, 1);
    int dropped = 0;
    for (int i = 0; i < 1000; i++) {
        flooder.port = (uint16_t)(1000 + i); /* the host counts, not the port */
        dropped += rig_query(&flooder, &id, WEFT_KRPC_PING, NULL) == WEFT_ERR_RATE;
    }
    CHECK_EQ_INT(dropped, 800);
    CHECK_EQ_UINT(rig.sent_count, 200);
    CHECK_EQ_UINT(rig_stats().rate_limited, 800);
    for (unsigned i = 2; i < 12; i++) {
        struct weft_addr other = rig_addr(i);
        CHECK_EQ_INT(rig_query(&other, &id, WEFT_KRPC_PING, NULL), WEFT_OK);
    }
    CHECK_EQ_UINT(rig.sent_count, 210);
    rig_close();
}

static void r4_the_global_limit_holds_over_all_hosts(void) {
    rig_open(&(struct weft_dht_config){.global_rate = 100});
    weft_id id = rig_id(0, 1);
    for (unsigned i = 0; i < 500; i++) {
        struct weft_addr from = rig_addr(i);
        int expected = i < 200 ? WEFT_OK : WEFT_ERR_RATE; /* burst 2 * 100 */
        CHECK_EQ_INT(rig_query(&from, &id, WEFT_KRPC_PING, NULL), expected);
    }
    rig_close();
}

static const char *const malformed[] = {
    "",
    "d",
    "de",
    "x",
    "i1e",
    "d1:t2:aa1:y1:qe",
    "d1:q4:ping1:t2:aa1:y1:qe",
    "d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe",
    "d1:rd2:id2:xye1:t4:abcd1:y1:re",
    "d1:eli201e1:xe1:t4:abcd1:y1:qe",
    "d1:t2:aa1:y1:ze",
    "d1:ad2:id20:abcdefghij01234567896:target1:xe1:q9:find_node1:t2:aa1:y1:qe"};

static void r5_a_malformed_packet_changes_no_table(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    rig_meet(&peer);
    rig_live(&peer, 1, WEFT_S(3));
    struct weft_dht_stats before = rig_stats();
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        struct weft_addr from = rig_addr(200);
        CHECK_EQ_INT(rig_receive(&from, malformed[i], strlen(malformed[i])), WEFT_ERR_MALFORMED);
    }
    struct weft_dht_stats after = rig_stats();
    CHECK_EQ_UINT(after.malformed - before.malformed, sizeof malformed / sizeof malformed[0]);
    CHECK_EQ_UINT(after.contacts4, before.contacts4);
    CHECK_EQ_UINT(after.candidates, before.candidates);
    CHECK_EQ_UINT(after.keys, before.keys);
    rig_close();
}

static void r5_a_malformed_query_is_answered_with_203_and_nothing_else_is(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(200);
    const char *query = "d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe";
    CHECK_EQ_INT(rig_receive(&from, query, strlen(query)), WEFT_ERR_MALFORMED);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.type, WEFT_KRPC_ERROR);
    CHECK_EQ_INT(answer->msg.error_code, 203);
    const char *others[] = {"d1:rd2:id3:abce1:t4:abcd1:y1:re", "d1:e1:x1:t4:abcd1:y1:ee",
                            "garbage"};
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ_INT(rig_receive(&from, others[i], strlen(others[i])), WEFT_ERR_MALFORMED);
    }
    CHECK_EQ_UINT(rig.sent_count, 1);
    rig_close();
}

static void r5_a_packet_over_the_limit_is_refused_unread(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(200);
    static unsigned char big[WEFT_KRPC_RECEIVE_MAX + 1] = "d1:ad2:id20:";
    CHECK_EQ_INT(rig_receive(&from, big, sizeof big), WEFT_ERR_TOO_BIG);
    CHECK_EQ_UINT(rig.sent_count, 0);
    CHECK_EQ_UINT(rig_stats().malformed, 1);
    rig_close();
}

static void r6_an_unknown_method_is_answered_with_204(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(200);
    const char *query = "d1:ad2:id20:abcdefghij0123456789e1:q4:vote1:t2:aa1:y1:qe";
    CHECK_EQ_INT(rig_receive(&from, query, strlen(query)), WEFT_OK);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.type, WEFT_KRPC_ERROR);
    CHECK_EQ_INT(answer->msg.error_code, 204);
    CHECK(weft_bytes_equal(answer->msg.tid, weft_bytes("aa", 2)));
    rig_close();
}

static void r7_every_answer_carries_the_address_it_goes_to(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true});
    struct weft_addr v4 = rig_addr(7), v6 = rig_addr6(7);
    weft_id id = rig_id(0, 1);
    (void)rig_query(&v4, &id, WEFT_KRPC_PING, NULL);
    (void)rig_query(&v6, &id, WEFT_KRPC_GET_PEERS, &id);
    const unsigned char four[6] = {10, 0, 0, 7, 6881 >> 8, 6881 & 255};
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL && answer->msg.ip.size == 6);
    CHECK_EQ_BYTES(answer->msg.ip.data, four, 6);
    answer = rig_next();
    REQUIRE(answer != NULL && answer->msg.ip.size == 18);
    CHECK_EQ_BYTES(answer->msg.ip.data, v6.ip, 16);
    rig_close();
}

/* rig_on_send checks the size of everything sent. */
static void r7_the_fullest_answer_fits_a_packet(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true, .k = 32});
    struct rig_host hosts[80];
    for (unsigned i = 0; i < 40; i++) {
        hosts[i] = rig_host(0, i + 1);
        hosts[i + 40] = (struct rig_host){rig_id(0, i + 300), rig_addr6(i + 1)};
        rig_meet(&hosts[i]);
        rig_meet(&hosts[i + 40]);
    }
    rig_live(hosts, 80, WEFT_S(10));
    CHECK_EQ_UINT(rig_stats().contacts4, 32);
    CHECK_EQ_UINT(rig_stats().contacts6, 32);
    rig_skip();
    struct weft_addr from = rig_addr6(99);
    weft_id id = rig_id(0, 999);
    const struct weft_krpc query = {.type = WEFT_KRPC_QUERY,
                                    .method = WEFT_KRPC_FIND_NODE,
                                    .tid = weft_bytes("0123456789abcdef0123456789abcdef", 32),
                                    .id = &id,
                                    .target = &id,
                                    .want = WEFT_WANT_N4 | WEFT_WANT_N6};
    CHECK_EQ_INT(rig_receive_msg(&from, &query, NULL), WEFT_OK);
    const struct rig_packet *answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK(answer->size <= WEFT_KRPC_SIZE_MAX);
    CHECK(answer->msg.nodes.size + answer->msg.nodes6.size > 1200);
    rig_close();
}

static void r8_a_read_only_sender_is_answered_and_enters_no_table(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(9);
    weft_id id = rig_id(0, 1);
    const struct weft_krpc query = {.type = WEFT_KRPC_QUERY,
                                    .method = WEFT_KRPC_PING,
                                    .tid = weft_bytes("aa", 2),
                                    .id = &id,
                                    .read_only = true};
    CHECK_EQ_INT(rig_receive_msg(&from, &query, NULL), WEFT_OK);
    CHECK_EQ_UINT(rig.sent_count, 1);
    rig_pass(WEFT_S(10));
    CHECK_EQ_UINT(rig.sent_count, 1);
    CHECK_EQ_UINT(rig_stats().candidates, 0);
    rig_close();
}

static void a_read_only_machine_asks_with_ro_and_answers_nobody(void) {
    rig_open(&(struct weft_dht_config){.read_only = true});
    struct rig_host peer = rig_host(0, 1);
    CHECK_EQ_INT(rig_query(&peer.addr, &peer.id, WEFT_KRPC_PING, NULL), WEFT_OK);
    CHECK_EQ_UINT(rig.sent_count, 0);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = peer.addr});
    const struct rig_packet *query = rig_next_query(WEFT_KRPC_FIND_NODE);
    REQUIRE(query != NULL);
    CHECK(query->msg.read_only);
    rig_close();
}

static void martians_are_refused_when_told_so_and_only_then(void) {
    const struct weft_addr martians[] = {weft_addr_v4(127, 0, 0, 1, 6881),
                                         weft_addr_v4(224, 0, 0, 1, 6881),
                                         weft_addr_v4(0, 0, 0, 0, 6881)};
    weft_id id = rig_id(0, 1);
    rig_open(&(struct weft_dht_config){.refuse_martians = true});
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ_INT(rig_query(&martians[i], &id, WEFT_KRPC_PING, NULL), WEFT_ERR_DENIED);
    }
    CHECK_EQ_UINT(rig.sent_count, 0);
    rig_close();
    rig_open(&normal);
    CHECK_EQ_INT(rig_query(&martians[0], &id, WEFT_KRPC_PING, NULL), WEFT_OK);
    CHECK_EQ_UINT(rig.sent_count, 1);
    rig_close();
}

TEST_MAIN("dht/rules", TEST(r1_a_contact_that_only_queried_is_not_handed_out),
          TEST(r1_a_node_named_by_a_peer_is_not_handed_out_before_it_answers),
          TEST(r2_a_reply_without_a_query_changes_nothing),
          TEST(r2_a_reply_from_another_address_changes_nothing),
          TEST(r2_a_wrong_transaction_id_changes_nothing),
          TEST(r3_a_new_contact_is_asked_within_verify_after),
          TEST(r3_a_contact_that_falls_silent_is_forgotten_within_sixty_seconds),
          TEST(r4_a_flood_from_one_host_starves_no_other),
          TEST(r4_the_global_limit_holds_over_all_hosts),
          TEST(r5_a_malformed_packet_changes_no_table),
          TEST(r5_a_malformed_query_is_answered_with_203_and_nothing_else_is),
          TEST(r5_a_packet_over_the_limit_is_refused_unread),
          TEST(r6_an_unknown_method_is_answered_with_204),
          TEST(r7_every_answer_carries_the_address_it_goes_to),
          TEST(r7_the_fullest_answer_fits_a_packet),
          TEST(r8_a_read_only_sender_is_answered_and_enters_no_table),
          TEST(a_read_only_machine_asks_with_ro_and_answers_nobody),
          TEST(martians_are_refused_when_told_so_and_only_then))
