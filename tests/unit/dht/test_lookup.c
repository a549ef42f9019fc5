/* Lookups of one machine, with peers made up by the test. */
#include "tests/unit/dht/rig.h"

static const struct weft_dht_config normal = {.k = 8, .alpha = 3};

/* `count` contacts in bucket 0, and the join's own lookups over. */
static void settle(struct rig_host *hosts, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        hosts[i] = rig_host(0, i + 1);
        rig_meet(&hosts[i]);
    }
    rig_live(hosts, count, WEFT_S(12));
    rig_skip();
}

static void find(uint64_t op, const weft_id *target) {
    CHECK_EQ_INT(
        rig_step((struct weft_dht_event){.kind = WEFT_DHT_FIND_NODES, .op = op, .target = *target}),
        WEFT_OK);
}

/* The find_node queries not yet read; `out` holds them. */
static size_t asked(const struct rig_packet **out, size_t max) {
    size_t count = 0;
    for (const struct rig_packet *packet; (packet = rig_next()) != NULL;) {
        if (packet->msg.type == WEFT_KRPC_QUERY && packet->msg.method != WEFT_KRPC_PING &&
            count < max) {
            out[count++] = packet;
        }
    }
    return count;
}

static const struct rig_host *host_at(const struct rig_host *hosts, size_t count,
                                      const struct weft_addr *addr) {
    for (size_t i = 0; i < count; i++) {
        if (weft_addr_equal(&hosts[i].addr, addr)) return &hosts[i];
    }
    return NULL;
}

static void a_lookup_with_nobody_to_ask_ends_before_the_call_returns(void) {
    rig_open(&normal);
    weft_id target = rig_id(3, 3);
    find(7, &target);
    CHECK_EQ_UINT(rig.done_count, 1);
    CHECK_EQ_UINT(rig.result.op, 7);
    CHECK_EQ_INT(rig.result.status, WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(rig.result.kind, WEFT_LOOKUP_NODES);
    CHECK_EQ_UINT(rig.result.queries, 0);
    CHECK_EQ_UINT(rig_stats().lookups, 0);
    rig_close();
}

static void alpha_queries_go_out_to_the_closest(void) {
    rig_open(&normal);
    struct rig_host hosts[8];
    const struct rig_packet *queries[16];
    settle(hosts, 8);
    weft_id target = rig_id(0, 5);
    find(1, &target);
    REQUIRE(asked(queries, 16) == 3);
    const unsigned expected[] = {5, 4, 7}; /* distances 0, 1, 2 */
    for (size_t i = 0; i < 3; i++) {
        CHECK(weft_addr_equal(&queries[i]->to, &hosts[expected[i] - 1].addr));
        CHECK(weft_id_equal(queries[i]->msg.target, &target));
        CHECK_EQ_UINT(queries[i]->msg.tid.size, 4);
        CHECK(weft_bytes_equal(queries[i]->msg.version, weft_bytes("WF\0\1", 4)));
    }
    rig_close();
}

static void a_lookup_ends_when_the_k_closest_answered(void) {
    rig_open(&normal);
    struct rig_host hosts[8];
    settle(hosts, 8);
    weft_id target = rig_id(0, 5);
    find(1, &target);
    rig_answer_all(hosts, 8);
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_INT(rig.result.status, WEFT_OK);
    CHECK_EQ_UINT(rig.result.queries, 8);
    CHECK_EQ_UINT(rig.result.replies, 8);
    CHECK_EQ_UINT(rig.result.depth, 1);
    REQUIRE(rig.result.closest_count == 8);
    for (size_t i = 1; i < 8; i++) {
        CHECK(weft_id_closer(&target, &rig.closest[i - 1].id, &rig.closest[i].id) < 0);
    }
    rig_close();
}

static void a_slow_query_frees_its_slot_after_one_second_and_fails_after_two(void) {
    rig_open(&(struct weft_dht_config){.k = 8, .alpha = 3, .pending_max = 16});
    struct rig_host hosts[8];
    const struct rig_packet *queries[16];
    settle(hosts, 8);
    weft_id target = rig_id(0, 5);
    weft_time start = rig.now;
    find(1, &target);
    CHECK_EQ_UINT(asked(queries, 16), 3);
    rig_until(start + WEFT_S(1) - 1);
    CHECK_EQ_UINT(asked(queries, 16), 0);
    rig_until(start + WEFT_S(1));
    REQUIRE(asked(queries, 16) == 3);
    CHECK_EQ_INT(queries[0]->at, start + WEFT_S(1));
    rig_until(start + WEFT_S(2) - 1);
    uint64_t timeouts = rig_stats().timeouts;
    rig_until(start + WEFT_S(2));
    CHECK_EQ_UINT(rig_stats().timeouts - timeouts, 3);
    CHECK_EQ_UINT(asked(queries, 16), 2); /* six of eight were asked */
    rig_until(start + WEFT_S(5));
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_INT(rig.result.status, WEFT_ERR_NOT_FOUND);
    CHECK_EQ_UINT(rig.result.queries, 8);
    CHECK_EQ_UINT(rig.result.replies, 0);
    CHECK_EQ_INT(rig.result.took, WEFT_S(4));
    rig_close();
}

static void a_slow_answer_still_counts(void) {
    rig_open(&normal);
    struct rig_host hosts[3];
    settle(hosts, 3);
    weft_id target = rig_id(0, 1);
    find(1, &target);
    rig_until(rig.now + WEFT_MS(1999));
    rig_answer_all(hosts, 3);
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_UINT(rig.result.replies, 3);
    rig_close();
}

static void depth_counts_hops_from_the_own_table(void) {
    rig_open(&(struct weft_dht_config){.k = 8, .alpha = 1});
    struct rig_host host;
    settle(&host, 1);
    weft_id target = rig_id(0, 0x100);
    find(1, &target);
    for (unsigned hop = 0; hop < 4; hop++) {
        const struct rig_packet *queries[4];
        REQUIRE(asked(queries, 4) == 1);
        struct weft_contact next = {rig_id(0, 0x180 >> hop), rig_addr(500 + hop)};
        weft_id id = hop == 0 ? host.id : rig_id(0, 0x180 >> (hop - 1));
        (void)rig_reply_nodes(queries[0], &id, &next, hop < 3);
    }
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_UINT(rig.result.closest_count, 4);
    CHECK_EQ_UINT(rig.result.depth, 2); /* 0x180 is closest: named by our contact */
    rig_close();
}

static void what_is_learned_is_asked_and_the_closest_are_returned(void) {
    rig_open(&normal);
    struct rig_host hosts[3], near[20];
    struct weft_contact named[20];
    settle(hosts, 3);
    weft_id target = rig_id(2, 0x200);
    for (unsigned i = 0; i < 20; i++) {
        near[i] = (struct rig_host){rig_id(2, 0x200 + i), rig_addr(700 + i)};
        named[i] = (struct weft_contact){near[i].id, near[i].addr};
    }
    find(1, &target);
    const struct rig_packet *queries[3];
    REQUIRE(asked(queries, 3) == 3);
    (void)rig_reply_nodes(queries[0], &host_at(hosts, 3, &queries[0]->to)->id, named, 20);
    rig_answer_all(near, 20);
    REQUIRE(rig.done_count == 1); /* the two others are farther than the 8 closest */
    CHECK_EQ_UINT(rig.result.closest_count, 8);
    for (size_t i = 0; i < 8; i++) CHECK(weft_id_equal(&rig.closest[i].id, &near[i].id));
    CHECK_EQ_UINT(rig.result.depth, 2);
    rig_close();
}

static void candidates_are_bounded_to_eight_times_k(void) {
    rig_open(&(struct weft_dht_config){.k = 2, .alpha = 1});
    struct rig_host host;
    settle(&host, 1);
    weft_id target = rig_id(2, 0);
    find(1, &target);
    size_t queries_total = 0;
    weft_id id = host.id;
    for (unsigned round = 0; round < 40 && rig.done_count == 0; round++) {
        const struct rig_packet *queries[1];
        struct weft_contact named[32];
        for (unsigned i = 0; i < 32; i++) {
            unsigned tail = 0x4000 - 32 * round - i;
            named[i] = (struct weft_contact){rig_id(2, tail), rig_addr(tail)};
        }
        REQUIRE(asked(queries, 1) == 1);
        queries_total++;
        id = round == 0 ? host.id
                        : rig_id(2, (unsigned)(queries[0]->to.ip[2] << 8 | queries[0]->to.ip[3]));
        (void)rig_reply_nodes(queries[0], &id, named, 32);
    }
    CHECK_EQ_UINT(queries_total, 40);
    CHECK(rig.heap.bytes < 8000);
    rig_close();
}

/* A liar with many addresses names a node that is closer than itself in every answer. */
static void a_lookup_led_on_for_ever_ends_after_32_k_queries(void) {
    rig_open(&(struct weft_dht_config){.k = 2, .alpha = 1});
    struct rig_host host;
    settle(&host, 1);
    weft_id target = rig_id(2, 0), id = host.id;
    find(1, &target);
    size_t queries_total = 0;
    for (unsigned round = 0; round < 200 && rig.done_count == 0; round++) {
        const struct rig_packet *queries[1];
        struct weft_contact closer = {rig_id(2, 0x4000 - round), rig_addr(0x4000 - round)};
        REQUIRE(asked(queries, 1) == 1);
        queries_total++;
        (void)rig_reply_nodes(queries[0], &id, &closer, 1);
        id = closer.id;
    }
    CHECK_EQ_UINT(queries_total, 64);
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_INT(rig.result.status, WEFT_OK);
    CHECK_EQ_UINT(rig.result.queries, 64);
    CHECK_EQ_UINT(rig.result.closest_count, 2);
    CHECK_EQ_UINT(rig_stats().lookups, 0);
    rig_close();
}

static void an_impostor_fails_as_a_candidate(void) {
    rig_open(&normal);
    struct rig_host hosts[2];
    settle(hosts, 2);
    weft_id target = rig_id(0, 1), other = rig_id(0, 1000);
    find(1, &target);
    const struct rig_packet *queries[2];
    REQUIRE(asked(queries, 2) == 2);
    (void)rig_reply(queries[0], &other);
    (void)rig_reply(queries[1], &host_at(hosts, 2, &queries[1]->to)->id);
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_UINT(rig.result.closest_count, 1);
    CHECK_EQ_UINT(rig.result.replies, 1);
    rig_close();
}

static void an_error_answer_fails_a_candidate(void) {
    rig_open(&normal);
    struct rig_host host;
    settle(&host, 1);
    weft_id target = rig_id(0, 1);
    find(1, &target);
    const struct rig_packet *queries[1];
    REQUIRE(asked(queries, 1) == 1);
    const struct weft_krpc error = {.type = WEFT_KRPC_ERROR,
                                    .tid = queries[0]->msg.tid,
                                    .error_code = 202,
                                    .error_text = weft_bytes_text("no")};
    CHECK_EQ_INT(rig_receive_msg(&host.addr, &error, NULL), WEFT_OK);
    CHECK_EQ_UINT(rig.done_count, 1);
    CHECK_EQ_INT(rig.result.status, WEFT_ERR_NOT_FOUND);
    CHECK_EQ_UINT(rig.sent_count, rig.read); /* and no error is answered */
    rig_close();
}

static void one_address_under_many_ids_is_asked_once(void) {
    rig_open(&normal);
    struct rig_host host;
    settle(&host, 1);
    weft_id target = rig_id(2, 0);
    struct weft_contact named[8];
    for (unsigned i = 0; i < 8; i++) {
        named[i] = (struct weft_contact){rig_id(2, i), rig_addr(900)};
    }
    find(1, &target);
    const struct rig_packet *queries[8];
    REQUIRE(asked(queries, 8) == 1);
    (void)rig_reply_nodes(queries[0], &host.id, named, 8);
    CHECK_EQ_UINT(asked(queries, 8), 1);
    rig_close();
}

static void lookups_are_bounded_and_say_so(void) {
    rig_open(&normal);
    struct rig_host host;
    settle(&host, 1);
    weft_id target = rig_id(0, 1);
    size_t before = rig_stats().lookups;
    for (uint64_t op = 1; op <= WEFT_DHT_LOOKUPS_MAX - before; op++) find(op, &target);
    CHECK_EQ_UINT(rig.done_count, 0);
    find(9999, &target);
    CHECK_EQ_UINT(rig.done_count, 1);
    CHECK_EQ_UINT(rig.result.op, 9999);
    CHECK_EQ_INT(rig.result.status, WEFT_ERR_FULL);
    rig_pass(WEFT_S(10));
    CHECK_EQ_UINT(rig_stats().lookups, 0);
    CHECK_EQ_UINT(rig.done_count, WEFT_DHT_LOOKUPS_MAX - before + 1);
    rig_close();
}

static void lookups_wait_for_room_among_the_pending(void) {
    rig_open(&(struct weft_dht_config){.pending_max = 2});
    struct rig_host hosts[8];
    settle(hosts, 8);
    weft_id target = rig_id(0, 1);
    for (uint64_t op = 1; op <= 5; op++) find(op, &target);
    CHECK(rig_stats().pending <= 2);
    for (int i = 0; i < 60 && rig.done_count < 5; i++) {
        rig_answer_all(hosts, 8);
        rig_live(hosts, 8, WEFT_MS(100));
    }
    CHECK_EQ_UINT(rig.done_count, 5);
    CHECK_EQ_UINT(rig.result.replies, 8);
    rig_close();
}

static void the_trace_tells_start_and_end(void) {
    rig_open(&normal);
    struct rig_host hosts[2];
    settle(hosts, 2);
    weft_id target = rig_id(0, 1);
    find(5, &target);
    const struct rig_fact *fact = rig_fact(WEFT_TRACE_LOOKUP_START);
    REQUIRE(fact != NULL);
    CHECK_EQ_UINT(fact->number[0], 5);
    CHECK_EQ_UINT(fact->number[1], WEFT_LOOKUP_NODES);
    CHECK_EQ_UINT(fact->size, 20);
    rig_pass(WEFT_MS(7));
    rig_answer_all(hosts, 2);
    fact = rig_fact(WEFT_TRACE_LOOKUP_DONE);
    REQUIRE(fact != NULL);
    const uint64_t expected[8] = {5, WEFT_LOOKUP_NODES, 0, 0, 2, 2, 1, (uint64_t)WEFT_MS(7)};
    for (size_t i = 0; i < 8; i++) CHECK_EQ_UINT(fact->number[i], expected[i]);
    REQUIRE(fact->size == 60);
    CHECK_EQ_BYTES(fact->bytes, &target, 20);
    CHECK_EQ_BYTES(fact->bytes + 20, &hosts[0].id, 20);
    CHECK_EQ_BYTES(fact->bytes + 40, &hosts[1].id, 20);
    rig_close();
}

static void both_families_are_asked_for_and_both_end_a_lookup(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true});
    struct rig_host hosts[2] = {{rig_id(0, 1), rig_addr(1)}, {rig_id(0, 1), rig_addr6(1)}};
    rig_meet(&hosts[0]);
    rig_meet(&hosts[1]);
    rig_live(hosts, 2, WEFT_S(12));
    rig_skip();
    weft_id target = rig_id(0, 9);
    find(1, &target);
    const struct rig_packet *queries[4];
    REQUIRE(asked(queries, 4) == 2);
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQ_UINT(queries[i]->msg.want, WEFT_WANT_N4 | WEFT_WANT_N6);
        (void)rig_reply(queries[i], &hosts[0].id);
    }
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_UINT(rig.result.closest_count, 2); /* the node once for each family, v4 first */
    CHECK(weft_addr_equal(&rig.closest[0].addr, &hosts[0].addr));
    CHECK(weft_addr_equal(&rig.closest[1].addr, &hosts[1].addr));
    rig_close();
}

/* --- peers and items --- */

static void get_peers_collects_each_peer_once(void) {
    rig_open(&normal);
    struct rig_host hosts[2];
    settle(hosts, 2);
    weft_id target = rig_id(0, 1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_GET_PEERS, .op = 3, .target = target});
    const unsigned char packed[18] = {1, 2, 3, 4, 0, 80, 1, 2, 3, 5, 0, 80, 1, 2, 3, 4, 0, 80};
    const struct weft_krpc_peers peers = {packed, 6, 3};
    for (int i = 0; i < 2; i++) {
        struct rig_packet *query = rig_next_query(WEFT_KRPC_GET_PEERS);
        REQUIRE(query != NULL);
        const struct weft_krpc reply = {.type = WEFT_KRPC_RESPONSE,
                                        .tid = query->msg.tid,
                                        .id = &host_at(hosts, 2, &query->to)->id,
                                        .token = weft_bytes("t", 1)};
        struct weft_addr from = query->to;
        (void)rig_receive_msg(&from, &reply, &peers);
    }
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_INT(rig.result.status, WEFT_OK);
    REQUIRE(rig.result.peers_count == 2);
    CHECK_EQ_UINT(rig.peers[0].port, 80);
    rig_close();
}

static void an_announce_gives_back_the_token_of_each(void) {
    rig_open(&normal);
    struct rig_host hosts[2];
    settle(hosts, 2);
    weft_id target = rig_id(0, 1);
    (void)rig_step(
        (struct weft_dht_event){.kind = WEFT_DHT_ANNOUNCE, .op = 4, .target = target, .port = 99});
    for (int i = 0; i < 2; i++) {
        struct rig_packet *query = rig_next_query(WEFT_KRPC_GET_PEERS);
        REQUIRE(query != NULL);
        const struct rig_host *host = host_at(hosts, 2, &query->to);
        const struct weft_krpc reply = {.type = WEFT_KRPC_RESPONSE,
                                        .tid = query->msg.tid,
                                        .id = &host->id,
                                        .token = weft_bytes(&host->addr.ip[3], 1)};
        struct weft_addr from = query->to;
        (void)rig_receive_msg(&from, &reply, NULL);
    }
    for (int i = 0; i < 2; i++) {
        struct rig_packet *query = rig_next_query(WEFT_KRPC_ANNOUNCE_PEER);
        REQUIRE(query != NULL);
        CHECK(weft_bytes_equal(query->msg.token, weft_bytes(&query->to.ip[3], 1)));
        CHECK_EQ_UINT(query->msg.port, 99);
        CHECK(!query->msg.implied_port);
        CHECK(weft_id_equal(query->msg.target, &target));
        if (i == 0) (void)rig_reply(query, &host_at(hosts, 2, &query->to)->id);
    }
    CHECK_EQ_UINT(rig.done_count, 0);
    rig_pass(WEFT_S(2)); /* the second never answers */
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_INT(rig.result.status, WEFT_OK);
    CHECK_EQ_UINT(rig.result.stored, 1);
    const struct rig_fact *fact = rig_fact(WEFT_TRACE_STORE_DONE);
    REQUIRE(fact != NULL);
    const uint64_t expected[5] = {4, WEFT_STORE_PEER, 0, 1, (uint64_t)WEFT_S(2)};
    for (size_t i = 0; i < 5; i++) CHECK_EQ_UINT(fact->number[i], expected[i]);
    rig_close();
}

static void an_announce_nobody_accepts_times_out(void) {
    rig_open(&normal);
    weft_id target = rig_id(0, 1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ANNOUNCE, .op = 4, .target = target});
    CHECK_EQ_UINT(rig.done_count, 1);
    CHECK_EQ_INT(rig.result.status, WEFT_ERR_TIMEOUT);
    CHECK(rig.result.stores);
    rig_close();
}

static void get_ignores_a_value_that_is_not_the_keys(void) {
    rig_open(&normal);
    struct rig_host hosts[2];
    settle(hosts, 2);
    weft_id target;
    weft_item_key(weft_bytes_text("5:right"), &target);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_GET, .op = 3, .target = target});
    const char *values[] = {"5:wrong", "5:right"};
    for (int i = 0; i < 2; i++) {
        struct rig_packet *query = rig_next_query(WEFT_KRPC_GET);
        REQUIRE(query != NULL);
        CHECK_EQ_UINT(rig.done_count, 0);
        const struct weft_krpc reply = {.type = WEFT_KRPC_RESPONSE,
                                        .tid = query->msg.tid,
                                        .id = &host_at(hosts, 2, &query->to)->id,
                                        .value = weft_bytes_text(values[i])};
        struct weft_addr from = query->to;
        (void)rig_receive_msg(&from, &reply, NULL);
    }
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_INT(rig.result.status, WEFT_OK);
    CHECK(weft_bytes_equal(rig.result.value, weft_bytes_text("5:right")));
    rig_close();
}

static void a_put_that_is_no_item_is_refused_at_once(void) {
    static char big[1200] = "1100:";
    rig_open(&normal);
    memset(big + 5, 'x', 1100);
    const struct {
        struct weft_bytes data;
        int status;
    } cases[] = {{weft_bytes_text("junk"), WEFT_ERR_MALFORMED},
                 {{NULL, 0}, WEFT_ERR_MALFORMED},
                 {weft_bytes(big, 1105), WEFT_ERR_TOO_BIG}};
    for (size_t i = 0; i < 3; i++) {
        (void)rig_step(
            (struct weft_dht_event){.kind = WEFT_DHT_PUT, .op = i, .data = cases[i].data});
        CHECK_EQ_UINT(rig.done_count, i + 1);
        CHECK_EQ_INT(rig.result.status, cases[i].status);
    }
    rig_close();
}

/* Fail the 1st, 2nd, 3rd ... allocation until none fails: nothing leaks, every operation ends. */
static void no_memory_leaks_nothing_and_every_operation_ends(void) {
    bool clean = false;
    for (size_t limit = 0; limit < 40000 && !clean; limit += 97) {
        rig_open(&normal);
        struct rig_host hosts[8];
        for (unsigned i = 0; i < 8; i++) hosts[i] = rig_host(0, i + 1);
        for (unsigned i = 0; i < 4; i++) rig_meet(&hosts[i]);
        rig.heap.bytes_max = rig.heap.bytes + limit;
        for (unsigned i = 4; i < 8; i++) rig_meet(&hosts[i]);
        int found = rig_step(
            (struct weft_dht_event){.kind = WEFT_DHT_FIND_NODES, .op = 1, .target = rig_id(0, 5)});
        CHECK(found == WEFT_OK || found == WEFT_ERR_NOMEM);
        int put = rig_step((struct weft_dht_event){
            .kind = WEFT_DHT_PUT, .op = 2, .data = weft_bytes_text("1:x"), .repeat = true});
        CHECK(put == WEFT_OK || put == WEFT_ERR_NOMEM);
        rig_live(hosts, 8, WEFT_S(30));
        CHECK_EQ_UINT(rig.done_count, 2);
        clean = limit > 30000;
        rig_close();
    }
    CHECK(clean);
}

TEST_MAIN("dht/lookup", TEST(a_lookup_with_nobody_to_ask_ends_before_the_call_returns),
          TEST(alpha_queries_go_out_to_the_closest),
          TEST(a_lookup_ends_when_the_k_closest_answered),
          TEST(a_slow_query_frees_its_slot_after_one_second_and_fails_after_two),
          TEST(a_slow_answer_still_counts), TEST(depth_counts_hops_from_the_own_table),
          TEST(what_is_learned_is_asked_and_the_closest_are_returned),
          TEST(candidates_are_bounded_to_eight_times_k),
          TEST(a_lookup_led_on_for_ever_ends_after_32_k_queries),
          TEST(an_impostor_fails_as_a_candidate), TEST(an_error_answer_fails_a_candidate),
          TEST(one_address_under_many_ids_is_asked_once), TEST(lookups_are_bounded_and_say_so),
          TEST(lookups_wait_for_room_among_the_pending), TEST(the_trace_tells_start_and_end),
          TEST(both_families_are_asked_for_and_both_end_a_lookup),
          TEST(get_peers_collects_each_peer_once), TEST(an_announce_gives_back_the_token_of_each),
          TEST(an_announce_nobody_accepts_times_out),
          TEST(get_ignores_a_value_that_is_not_the_keys),
          TEST(a_put_that_is_no_item_is_refused_at_once),
          TEST(no_memory_leaks_nothing_and_every_operation_ends))
