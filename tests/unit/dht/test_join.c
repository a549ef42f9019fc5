/* Joining, refreshing, finding again what was lost. */
#include "tests/unit/dht/rig.h"

static const struct weft_dht_config normal = {.k = 8};

/* When the self lookups started: find_node of the own id to `host`, read from the packets. */
static size_t self_lookups(weft_time *times, size_t max) {
    size_t count = 0;
    for (const struct rig_packet *packet; (packet = rig_next()) != NULL;) {
        if (packet->msg.type != WEFT_KRPC_QUERY) continue;
        if (packet->msg.method != WEFT_KRPC_FIND_NODE) continue;
        if (!weft_id_equal(packet->msg.target, &rig_own) || count == max) continue;
        times[count++] = packet->at;
    }
    return count;
}

static void add_asks_the_address_for_the_own_id_at_once(void) {
    rig_open(&normal);
    struct weft_addr addr = rig_addr(1);
    CHECK_EQ_INT(rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = addr}), WEFT_OK);
    const struct rig_packet *query = rig_next_query(WEFT_KRPC_FIND_NODE);
    REQUIRE(query != NULL);
    CHECK(weft_addr_equal(&query->to, &addr));
    CHECK(weft_id_equal(query->msg.target, &rig_own));
    CHECK_EQ_INT(rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = addr}), WEFT_OK);
    CHECK(rig_next() == NULL); /* it is being asked already */
    rig_close();
}

static void the_first_contact_starts_the_self_lookup_and_joined_is_told_once(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    rig_pass(WEFT_MS(500));
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = host.addr});
    rig_pass(WEFT_MS(40));
    (void)rig_reply(rig_next(), &host.id);
    CHECK_EQ_UINT(rig_stats().lookups, 1);
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_JOINED), 0);
    rig_pass(WEFT_MS(40));
    rig_answer_all(&host, 1);
    REQUIRE(rig_facts(WEFT_TRACE_DHT_JOINED) == 1);
    CHECK_EQ_UINT(rig_fact(WEFT_TRACE_DHT_JOINED)->number[0], WEFT_MS(580));
    CHECK_EQ_UINT(rig_fact(WEFT_TRACE_DHT_JOINED)->number[1], 1);
    rig_live(&host, 1, WEFT_MIN(10));
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_JOINED), 1);
    rig_close();
}

static void a_small_network_is_looked_at_again_at_growing_intervals(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    weft_time times[32];
    rig_meet(&host);
    rig_live(&host, 1, WEFT_MIN(5));
    rig.read = 0;
    size_t count = self_lookups(times, 32);
    REQUIRE(count >= 8);
    const weft_duration waits[] = {WEFT_S(5), WEFT_S(10), WEFT_S(20), WEFT_S(40), WEFT_S(60)};
    for (size_t i = 0; i < 5; i++) { /* times[0] is the ADD's question, times[1] the join */
        weft_duration wait = times[i + 2] - times[i + 1];
        CHECK(wait <= waits[i]);
        CHECK(wait > waits[i] - waits[i] / 4);
    }
    rig_close();
}

/* Answer as one of `hosts`; one that is asked for its own neighbours names `beside`. */
static void answer_beside(const struct rig_packet *packet, const struct rig_host *hosts,
                          size_t count, const struct rig_host *beside) {
    const struct weft_contact named = {beside->id, beside->addr};
    for (size_t i = 0; i < count; i++) {
        if (!weft_addr_equal(&packet->to, &hosts[i].addr)) continue;
        bool find = packet->msg.method == WEFT_KRPC_FIND_NODE;
        bool own = find && weft_id_equal(packet->msg.target, &hosts[i].id);
        (void)rig_reply_nodes(packet, &hosts[i].id, &named, own ? 1 : 0);
    }
}

static void a_self_lookup_asks_neighbours_of_those_far_away_for_ours(void) {
    rig_open(&normal);
    struct rig_host hosts[16], beside = rig_host(0, 77);
    unsigned asked = 0;
    for (unsigned i = 0; i < 16; i++) {
        hosts[i] = rig_host(i < 8 ? 5 : 0, i + 1); /* near, and a full bucket far away */
        rig_meet(&hosts[i]);
    }
    for (weft_time until = rig.now + WEFT_MIN(10); rig.now < until;) {
        rig_pass(WEFT_MS(50));
        for (struct rig_packet *packet; (packet = rig_next()) != NULL;) {
            if (packet->msg.type != WEFT_KRPC_QUERY) continue;
            answer_beside(packet, hosts, 16, &beside);
            if (!weft_addr_equal(&packet->to, &beside.addr)) continue;
            CHECK_EQ_INT(packet->msg.method, WEFT_KRPC_FIND_NODE);
            CHECK(weft_id_equal(packet->msg.target, &rig_own));
            asked++;
        }
        rig.sent_count = rig.read = 0;
    }
    CHECK(asked >= 3);
    CHECK(asked <= 60); /* three with each self lookup, fewer as those grow seldom */
    rig_close();
}

static void a_neighbour_is_asked_for_ours_and_whom_it_names_is_asked_too(void) {
    rig_open(&normal);
    struct rig_host hosts[9], near = rig_host(9, 1), other = rig_host(11, 2);
    for (unsigned i = 0; i < 9; i++) {
        hosts[i] = rig_host(i < 5 ? 0 : 9, i + 10);
        rig_meet(&hosts[i]);
    }
    rig_live(hosts, 9, WEFT_S(3));
    (void)rig_query(&near.addr, &near.id, WEFT_KRPC_PING, NULL);
    rig_skip();
    const struct weft_contact named = {other.id, other.addr};
    bool found = false;
    for (int i = 0; i < 300; i++) {
        rig_pass(WEFT_MS(10));
        for (struct rig_packet *packet; (packet = rig_next()) != NULL;) {
            answer_beside(packet, hosts, 9, &hosts[0]);
            found = found || weft_addr_equal(&packet->to, &other.addr);
            if (!weft_addr_equal(&packet->to, &near.addr) || rig_is_contact(&near.id)) continue;
            CHECK_EQ_INT(packet->msg.method, WEFT_KRPC_FIND_NODE);
            CHECK(weft_id_equal(packet->msg.target, &rig_own));
            (void)rig_reply_nodes(packet, &near.id, &named, 1);
        }
    }
    CHECK(rig_is_contact(&near.id));
    CHECK(found);
    rig_close();
}

/* All buckets are full, or those named would find a place anyway. */
static void who_is_found_again_is_joined_through_from_what_it_names_alone(void) {
    rig_open(&normal);
    struct rig_host hosts[16], late = rig_host(0, 99), named = rig_host(0, 98);
    const struct weft_contact stranger = {named.id, named.addr};
    for (unsigned i = 0; i < 16; i++) {
        hosts[i] = rig_host(i < 8 ? 5 : 0, i + 1);
        rig_meet(&hosts[i]);
    }
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = late.addr});
    rig_live(hosts, 16, WEFT_S(3)); /* it does not answer */
    unsigned asked = 0;
    for (int i = 0; i < 1000; i++) {
        rig_pass(WEFT_MS(10));
        for (struct rig_packet *packet; (packet = rig_next()) != NULL;) {
            answer_beside(packet, hosts, 16, &hosts[0]);
            asked += weft_addr_equal(&packet->to, &named.addr);
            if (!weft_addr_equal(&packet->to, &late.addr)) continue;
            CHECK(weft_id_equal(packet->msg.target, &rig_own));
            (void)rig_reply_nodes(packet, &late.id, &stranger, 1);
        }
    }
    CHECK(!rig_is_contact(&late.id));
    CHECK_EQ_UINT(asked, 1);
    rig_close();
}

static void a_settled_node_looks_for_itself_ever_more_seldom(void) {
    rig_open(&normal);
    struct rig_host hosts[8];
    weft_time times[64];
    for (unsigned i = 0; i < 8; i++) hosts[i] = rig_host(i, 1);
    for (unsigned i = 0; i < 8; i++) rig_meet(&hosts[i]);
    rig_live(hosts, 8, WEFT_S(60));
    rig_skip();
    rig_live(hosts, 8, WEFT_MIN(10));
    rig.read = 0;
    while (rig.read < rig.sent_count && rig.sent[rig.read].at < rig.now - WEFT_MIN(10)) rig.read++;
    size_t count = self_lookups(times, 64);
    CHECK(count >= 16); /* two lookups at least, each asks all eight ... */
    CHECK(count <= 64); /* ... and no more than eight in ten minutes */
    weft_duration gap_max = 0;
    for (size_t i = 1; i < count; i++) {
        gap_max = weft_time_max(gap_max, times[i] - times[i - 1]);
    }
    CHECK(gap_max > WEFT_S(60));
    CHECK(gap_max <= WEFT_MIN(15) / 8 + WEFT_S(1));
    rig_close();
}

static void a_join_that_fails_is_tried_again(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = host.addr});
    (void)rig_reply(rig_next(), &host.id);
    rig_skip();
    rig_pass(WEFT_S(2)); /* the self lookup gets no answer */
    CHECK_EQ_UINT(rig_stats().lookups, 0);
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_JOINED), 0);
    rig_live(&host, 1, WEFT_S(6));
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_JOINED), 1);
    rig_close();
}

static void every_bucket_is_refreshed_within_fifteen_minutes(void) {
    rig_open(&normal);
    struct rig_host hosts[24];
    bool refreshed[3] = {false};
    for (unsigned i = 0; i < 24; i++) {
        hosts[i] = rig_host(i / 8, i % 8 + 1);
        rig_meet(&hosts[i]);
    }
    rig_live(hosts, 24, WEFT_MIN(2));
    CHECK_EQ_UINT(rig_stats().buckets, 3);
    size_t before = rig.facts_count;
    CHECK(before < RIG_FACTS_MAX - 50);
    for (int i = 0; i < 15; i++) {
        rig_live(hosts, 24, WEFT_MIN(1));
        rig.sent_count = rig.read = 0;
    }
    for (size_t i = before; i < rig.facts_count; i++) {
        const struct rig_fact *fact = &rig.facts[i];
        weft_id target;
        if (fact->kind != WEFT_TRACE_LOOKUP_START) continue;
        /* The bucket around the own id is refreshed by the self lookup. */
        if (fact->number[1] != WEFT_LOOKUP_REFRESH && fact->number[1] != WEFT_LOOKUP_JOIN) continue;
        memcpy(&target, fact->bytes, sizeof target);
        int bucket = weft_id_prefix(&target, &rig_own);
        refreshed[bucket < 2 ? bucket : 2] = true;
    }
    for (size_t i = 0; i < 3; i++) CHECK(refreshed[i]);
    rig_close();
}

static void a_bucket_that_is_not_full_asks_its_contacts_for_others(void) {
    rig_open(&normal);
    struct rig_host hosts[12], found = rig_host(0, 77);
    const struct weft_contact named = {found.id, found.addr};
    for (unsigned i = 0; i < 12; i++) {
        hosts[i] = i < 4 ? rig_host(0, i + 1) : rig_host(3, i);
        rig_meet(&hosts[i]);
    }
    CHECK_EQ_UINT(rig_stats().buckets, 2);
    weft_time until = rig.now + WEFT_S(20);
    bool asked = false;
    while (rig.now < until && !rig_is_contact(&found.id)) {
        rig_pass(WEFT_MS(100));
        for (struct rig_packet *packet; (packet = rig_next()) != NULL;) {
            if (weft_addr_equal(&packet->to, &found.addr)) (void)rig_reply(packet, &found.id);
            bool find = packet->msg.type == WEFT_KRPC_QUERY &&
                        packet->msg.method == WEFT_KRPC_FIND_NODE &&
                        (packet->msg.target->bytes[0] & 0x80);
            for (size_t i = 0; i < 12; i++) {
                if (!weft_addr_equal(&packet->to, &hosts[i].addr)) continue;
                if (find && i < 4) {
                    (void)rig_reply_nodes(packet, &hosts[i].id, &named, 1);
                    asked = true;
                } else if (packet->msg.type == WEFT_KRPC_QUERY) {
                    (void)rig_reply(packet, &hosts[i].id);
                }
            }
        }
    }
    CHECK(asked);
    CHECK(rig_is_contact(&found.id));
    rig_close();
}

static void a_lost_contact_is_found_again_when_it_comes_back(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    rig_meet(&host);
    rig_live(&host, 1, WEFT_S(20));
    rig_pass(WEFT_S(60));
    CHECK_EQ_UINT(rig_stats().contacts4, 0);
    rig_skip();
    rig_live(&host, 1, WEFT_S(60)); /* retries at about 10, 20 and 40 s */
    CHECK(rig_is_contact(&host.id));
    rig_close();
}

static void a_lost_contact_is_given_up_in_the_end(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    rig_meet(&host);
    rig_live(&host, 1, WEFT_S(20));
    rig_pass(WEFT_S(60));
    rig_skip();
    rig_pass(WEFT_HOUR(6));
    size_t tries = 0;
    while (rig_next() != NULL) tries++;
    CHECK(tries >= 5); /* nine in all, some of them in the first minute */
    CHECK(tries <= 9);
    rig_pass(WEFT_HOUR(6));
    CHECK(rig_next() == NULL);
    rig_close();
}

static void a_repeated_announce_is_made_again_until_withdrawn(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    weft_id key = rig_id(2, 2);
    rig_meet(&host);
    rig_live(&host, 1, WEFT_S(30));
    (void)rig_step((struct weft_dht_event){
        .kind = WEFT_DHT_ANNOUNCE, .op = 1, .target = key, .port = 5, .repeat = true});
    for (int round = 0; round < 3; round++) {
        bool asked = false;
        for (int i = 0; i < 26 && !asked; i++) {
            rig_live(&host, 1, WEFT_MIN(round == 0 ? 0 : 1));
            for (size_t p = 0; p < rig.sent_count; p++) {
                asked = asked || rig.sent[p].msg.method == WEFT_KRPC_GET_PEERS;
            }
            rig.sent_count = rig.read = 0;
        }
        CHECK(asked);
    }
    CHECK_EQ_UINT(rig.done_count, 1); /* once, for the first time it was made */
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_WITHDRAW, .target = key});
    for (int i = 0; i < 60; i++) {
        rig_live(&host, 1, WEFT_MIN(1));
        for (size_t p = 0; p < rig.sent_count; p++) {
            CHECK(rig.sent[p].msg.method != WEFT_KRPC_GET_PEERS);
        }
        rig.sent_count = rig.read = 0;
    }
    rig_close();
}

static void an_announce_refused_for_now_stays_repeated_if_it_was(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    weft_id key = rig_id(2, 2), other = rig_id(2, 3);
    rig_meet(&host);
    rig_live(&host, 1, WEFT_S(30));
    struct weft_dht_event announce = {
        .kind = WEFT_DHT_ANNOUNCE, .op = 1, .target = key, .port = 5, .repeat = true};
    (void)rig_step(announce);
    rig_live(&host, 1, WEFT_S(1));
    CHECK_EQ_UINT(rig.done_count, 1);
    for (uint64_t op = 2; rig.result.status != WEFT_ERR_FULL; op++) {
        (void)rig_step(
            (struct weft_dht_event){.kind = WEFT_DHT_FIND_NODES, .op = op, .target = key});
    }
    announce.op = 1000;
    (void)rig_step(announce);
    CHECK_EQ_UINT(rig.result.op, 1000);
    CHECK_EQ_INT(rig.result.status, WEFT_ERR_FULL);
    announce.target = other; /* new: refused, and not made later */
    (void)rig_step(announce);
    CHECK_EQ_INT(rig.result.status, WEFT_ERR_FULL);
    rig_live(&host, 1, WEFT_S(5));
    size_t again[2] = {0, 0};
    for (int i = 0; i < 26; i++) {
        rig.sent_count = rig.read = 0;
        rig_live(&host, 1, WEFT_MIN(1));
        for (size_t p = 0; p < rig.sent_count; p++) {
            const struct weft_krpc *msg = &rig.sent[p].msg;
            if (msg->method != WEFT_KRPC_GET_PEERS) continue;
            again[weft_id_equal(msg->target, &other)]++;
        }
    }
    CHECK(again[0] > 0); /* its first repeat, and those after it that nobody accepted */
    CHECK_EQ_UINT(again[1], 0);
    rig_close();
}

TEST_MAIN("dht/join", TEST(add_asks_the_address_for_the_own_id_at_once),
          TEST(the_first_contact_starts_the_self_lookup_and_joined_is_told_once),
          TEST(a_small_network_is_looked_at_again_at_growing_intervals),
          TEST(a_self_lookup_asks_neighbours_of_those_far_away_for_ours),
          TEST(a_neighbour_is_asked_for_ours_and_whom_it_names_is_asked_too),
          TEST(who_is_found_again_is_joined_through_from_what_it_names_alone),
          TEST(a_settled_node_looks_for_itself_ever_more_seldom),
          TEST(a_join_that_fails_is_tried_again),
          TEST(every_bucket_is_refreshed_within_fifteen_minutes),
          TEST(a_bucket_that_is_not_full_asks_its_contacts_for_others),
          TEST(a_lost_contact_is_found_again_when_it_comes_back),
          TEST(a_lost_contact_is_given_up_in_the_end),
          TEST(a_repeated_announce_is_made_again_until_withdrawn),
          TEST(an_announce_refused_for_now_stays_repeated_if_it_was))
