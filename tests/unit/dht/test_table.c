/* Buckets, replacement cache, who enters and who stays. */
#include "core/dht/internal.h"
#include "tests/unit/dht/rig.h"

static const struct weft_dht_config normal = {.k = 8};

static void meet_many(struct rig_host *hosts, unsigned count, unsigned bucket) {
    for (unsigned i = 0; i < count; i++) {
        hosts[i] = rig_host(bucket, i + 1);
        rig_meet(&hosts[i]);
    }
}

static void an_empty_machine_takes_less_than_1500_bytes(void) {
    rig_open(&normal);
    CHECK(rig.heap.bytes < 1500);
    CHECK_EQ_UINT(rig_stats().buckets, 1);
    CHECK(weft_dht_next_at(rig.dht) <= rig.now + WEFT_MIN(15));
    rig_close();
}

static void too_large_k_or_alpha_is_refused(void) {
    struct weft_mem_heap heap;
    struct weft_dht *dht = NULL;
    weft_mem_heap_init(&heap, 0);
    struct weft_dht_config config = {.k = WEFT_DHT_K_MAX + 1};
    CHECK_EQ_INT(weft_dht_new(&config, &rig_own, 1, 0, &heap.base, &dht), WEFT_ERR_INVAL);
    config = (struct weft_dht_config){.alpha = WEFT_DHT_ALPHA_MAX + 1};
    CHECK_EQ_INT(weft_dht_new(&config, &rig_own, 1, 0, &heap.base, &dht), WEFT_ERR_INVAL);
    CHECK_EQ_UINT(heap.bytes, 0);
}

static void only_the_bucket_of_the_own_id_is_split(void) {
    rig_open(&normal);
    struct rig_host far[12], near[8];
    meet_many(far, 8, 0);
    CHECK_EQ_UINT(rig_stats().buckets, 1);
    meet_many(near, 8, 3);
    CHECK_EQ_UINT(rig_stats().buckets, 2);
    CHECK_EQ_UINT(rig_stats().contacts4, 16);
    meet_many(far, 12, 0); /* bucket 0 is full and is not split */
    CHECK_EQ_UINT(rig_stats().contacts4, 16);
    CHECK_EQ_UINT(rig_stats().buckets, 2);
    rig_close();
}

static void the_closest_neighbours_always_find_a_place(void) {
    rig_open(&normal);
    struct rig_host hosts[8 * 20];
    for (unsigned bucket = 0; bucket < 20; bucket++) meet_many(hosts + 8 * bucket, 8, bucket);
    CHECK_EQ_UINT(rig_stats().contacts4, 160);
    CHECK_EQ_UINT(rig_stats().buckets, 20);
    for (size_t i = 0; i < 160; i++) CHECK(rig_is_contact(&hosts[i].id));
    rig_close();
}

static void ids_equal_to_the_last_bit_but_one_are_told_apart(void) {
    rig_open(&(struct weft_dht_config){.k = 1});
    struct rig_host first = {rig_id(159, 0), rig_addr(1)}, second = {rig_id(158, 0), rig_addr(2)};
    first.id.bytes[19] = 1;
    second.id.bytes[19] = 2;
    rig_meet(&first);
    rig_meet(&second);
    CHECK_EQ_UINT(rig_stats().contacts4, 2);
    CHECK_EQ_UINT(rig_stats().buckets, 160);
    rig_close();
}

static int order_by_distance(const weft_id *target, const weft_id *a, const weft_id *b) {
    return weft_id_closer(target, a, b);
}

/* Against sorting the whole table. */
static void closest_is_exact_for_every_target(void) {
    rig_open(&normal);
    static struct rig_host hosts[160];
    struct weft_contact found[8];
    for (unsigned i = 0; i < 160; i++) {
        hosts[i] = rig_host(i / 8, i % 8 + 1);
        hosts[i].id.bytes[4] = (unsigned char)(i * 37);
        hosts[i].id.bytes[9] = (unsigned char)(i * 101);
        rig_meet(&hosts[i]);
    }
    struct weft_rand rand;
    weft_rand_init(&rand, 5);
    for (int round = 0; round < 500; round++) {
        weft_id target;
        weft_rand_bytes(&rand, &target, sizeof target);
        unsigned shared = (unsigned)weft_rand_below(&rand, 24);
        for (unsigned b = 0; b < shared; b++) {
            target.bytes[b / 8] &= (unsigned char)~(0x80u >> (b % 8));
        }
        REQUIRE(weft_dht_closest(rig.dht, &target, WEFT_FAMILY_V4, found, 8) == 8);
        for (size_t i = 0; i < 8; i++) {
            size_t closer = 0;
            for (size_t j = 0; j < 160; j++) {
                closer += rig_is_contact(&hosts[j].id) &&
                          order_by_distance(&target, &hosts[j].id, &found[i].id) < 0;
            }
            CHECK_EQ_UINT(closer, i);
        }
    }
    rig_close();
}

static void a_newcomer_to_a_full_bucket_waits_in_the_cache(void) {
    rig_open(&normal);
    struct rig_host hosts[8], near[8], newcomer = rig_host(0, 99);
    struct weft_contact_info info;
    meet_many(hosts, 8, 0);
    meet_many(near, 8, 5);
    rig_meet(&newcomer);
    REQUIRE(rig_find(&newcomer.id, &info));
    CHECK(info.in_cache);
    CHECK(info.verified);
    CHECK_EQ_UINT(info.bucket, 0);
    CHECK_EQ_UINT(rig_stats().contacts4, 16);
    rig_close();
}

/* The contact of `hosts` that has not answered for longest, and for how long. */
static size_t oldest_of(const struct rig_host *hosts, size_t count, weft_duration *silent) {
    struct weft_contact_info info;
    size_t oldest = 0;
    *silent = -1;
    for (size_t i = 0; i < count; i++) {
        if (!rig_find(&hosts[i].id, &info) || info.silent <= *silent) continue;
        oldest = i;
        *silent = info.silent;
    }
    return oldest;
}

static void the_oldest_is_asked_before_eviction_and_stays_if_it_lives(void) {
    rig_open(&(struct weft_dht_config){.stale_after = WEFT_S(500), .forget_after = WEFT_S(2000)});
    struct rig_host hosts[16], newcomer = rig_host(0, 99);
    weft_duration silent;
    meet_many(hosts, 8, 0);
    meet_many(hosts + 8, 8, 5);
    rig_live(hosts, 16, WEFT_S(300));
    size_t oldest = oldest_of(hosts, 8, &silent);
    rig_live(hosts, 16, WEFT_S(400) - WEFT_MS(1) - silent);
    CHECK_EQ_UINT(oldest_of(hosts, 8, &silent), oldest);
    CHECK_EQ_INT(silent, WEFT_S(400) - WEFT_MS(1));
    (void)rig_query(&newcomer.addr, &newcomer.id, WEFT_KRPC_PING, NULL);
    CHECK_EQ_UINT(rig.sent_count - rig.read, 1); /* the answer alone: all answered lately */
    rig_live(hosts, 16, WEFT_MS(1));
    (void)rig_query(&newcomer.addr, &newcomer.id, WEFT_KRPC_PING, NULL);
    (void)rig_next();
    const struct rig_packet *ping = rig_next_query(WEFT_KRPC_PING);
    REQUIRE(ping != NULL);
    CHECK(weft_addr_equal(&ping->to, &hosts[oldest].addr));
    (void)rig_reply(ping, &hosts[oldest].id);
    rig_live(hosts, 16, WEFT_S(60));
    CHECK(rig_is_contact(&hosts[oldest].id));
    CHECK(!rig_is_contact(&newcomer.id));
    rig_close();
}

static void a_dead_contact_gives_its_place_to_the_cache(void) {
    rig_open(&normal);
    struct rig_host hosts[17];
    meet_many(hosts, 8, 0);
    meet_many(hosts + 8, 8, 5);
    hosts[16] = rig_host(0, 99);
    rig_meet(&hosts[16]);
    rig_live(hosts + 1, 16, WEFT_S(60)); /* the first is dead */
    CHECK(!rig_is_contact(&hosts[0].id));
    CHECK(rig_is_contact(&hosts[16].id));
    CHECK_EQ_UINT(rig_stats().contacts4, 16);
    rig_close();
}

static void one_lost_packet_forgets_nobody(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    rig_meet(&peer);
    rig_live(&peer, 1, WEFT_S(10)); /* the join's lookups */
    while (rig_stats().timeouts == 0) rig_pass(WEFT_MS(100));
    CHECK(rig_is_contact(&peer.id));
    rig_skip();
    rig_live(&peer, 1, WEFT_S(60));
    struct weft_contact_info info;
    REQUIRE(rig_find(&peer.id, &info));
    CHECK_EQ_UINT(info.failures, 0);
    rig_close();
}

static void a_spoofed_query_moves_no_verified_contact(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    struct weft_addr elsewhere = rig_addr(666);
    struct weft_contact_info info;
    rig_meet(&peer);
    (void)rig_query(&elsewhere, &peer.id, WEFT_KRPC_PING, NULL);
    rig_live(&peer, 1, WEFT_S(60));
    REQUIRE(rig_find(&peer.id, &info));
    CHECK(weft_addr_equal(&info.contact.addr, &peer.addr));
    CHECK_EQ_UINT(rig_stats().contacts4, 1);
    rig_close();
}

static void another_id_at_the_same_address_replaces_it_once_it_answered(void) {
    rig_open(&normal);
    struct rig_host before = rig_host(0, 1), after = {rig_id(1, 1), before.addr};
    rig_meet(&before);
    (void)rig_query(&after.addr, &after.id, WEFT_KRPC_PING, NULL);
    CHECK(rig_is_contact(&before.id));
    CHECK(!rig_is_contact(&after.id));
    rig_live(&after, 1, WEFT_S(1)); /* it is asked, and answers as the new id */
    CHECK(!rig_is_contact(&before.id));
    CHECK(rig_is_contact(&after.id));
    rig_close();
}

/* The gap that the old id leaves is filled from the cache, where the new id may have been. */
static void an_id_from_the_cache_takes_over_the_address_of_a_contact(void) {
    rig_open(&normal);
    struct rig_host hosts[8], near[8], newcomer = rig_host(0, 99);
    struct weft_contact_info info;
    meet_many(hosts, 8, 0);
    meet_many(near, 8, 5);
    rig_meet(&newcomer);
    REQUIRE(rig_find(&newcomer.id, &info) && info.in_cache);
    rig_meet(&(struct rig_host){newcomer.id, hosts[3].addr});
    CHECK(!rig_is_contact(&hosts[3].id));
    CHECK(rig_is_contact(&newcomer.id));
    CHECK_EQ_UINT(rig_stats().contacts4, 16);
    rig_close();
}

static void a_node_that_moved_is_found_at_its_new_address_when_the_old_is_silent(void) {
    rig_open(&normal);
    struct rig_host before = rig_host(0, 1), after = {before.id, rig_addr(77)};
    struct weft_contact_info info;
    rig_meet(&before);
    rig_skip();
    rig_live(&after, 1, WEFT_S(45));
    (void)rig_query(&after.addr, &after.id, WEFT_KRPC_PING, NULL);
    rig_live(&after, 1, WEFT_S(2));
    REQUIRE(rig_find(&before.id, &info));
    CHECK(weft_addr_equal(&info.contact.addr, &after.addr));
    CHECK(info.verified);
    rig_close();
}

static void newcomers_are_bounded(void) {
    rig_open(&(struct weft_dht_config){.source_burst = 100000, .global_rate = 0});
    for (unsigned i = 0; i < 5000; i++) {
        struct rig_host peer = {rig_id(0, i), rig_addr(i)};
        (void)rig_query(&peer.addr, &peer.id, WEFT_KRPC_PING, NULL);
        rig_skip();
        rig.sent_count = rig.read = 0;
    }
    CHECK_EQ_UINT(rig_stats().candidates, DHT_NEWCOMERS_MAX);
    rig_pass(WEFT_S(1));
    size_t pings = 0;
    while (rig_next() != NULL) pings++;
    CHECK_EQ_UINT(pings, DHT_NEWCOMERS_MAX);
    rig_close();
}

static void a_newcomer_is_asked_twice_and_then_left_alone(void) {
    rig_open(&normal);
    struct rig_host peer = rig_host(0, 1);
    weft_time until = rig.now + WEFT_S(30);
    size_t pings = 0;
    (void)rig_query(&peer.addr, &peer.id, WEFT_KRPC_PING, NULL);
    CHECK(rig_find(&peer.id, NULL)); /* it is being asked */
    while (rig.now < until) {
        (void)rig_query(&peer.addr, &peer.id, WEFT_KRPC_PING, NULL);
        rig_pass(WEFT_S(1));
    }
    CHECK(!rig_find(&peer.id, NULL));
    for (const struct rig_packet *packet; (packet = rig_next()) != NULL;) {
        pings += packet->msg.type == WEFT_KRPC_QUERY;
    }
    CHECK_EQ_UINT(pings, 2);
    rig_close();
}

static void the_own_id_and_useless_addresses_never_enter(void) {
    rig_open(&normal);
    struct weft_addr from = rig_addr(1), no_port = rig_addr(2);
    weft_id id = rig_id(0, 1);
    no_port.port = 0;
    (void)rig_query(&from, &rig_own, WEFT_KRPC_PING, NULL);
    CHECK_EQ_UINT(rig_stats().candidates, 0);
    CHECK_EQ_INT(rig_query(&no_port, &id, WEFT_KRPC_PING, NULL), WEFT_ERR_DENIED);
    CHECK_EQ_INT(rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = no_port}),
                 WEFT_ERR_INVAL);
    struct weft_addr six = rig_addr6(1);
    CHECK_EQ_INT(rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = six}),
                 WEFT_ERR_INVAL); /* a family that is not served */
    CHECK_EQ_INT(rig_query(&six, &id, WEFT_KRPC_PING, NULL), WEFT_ERR_DENIED);
    rig_close();
}

static void two_families_have_a_table_each(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true});
    struct rig_host v4 = rig_host(0, 1), v6 = {v4.id, rig_addr6(1)};
    struct weft_contact found[8];
    rig_meet(&v4);
    rig_meet(&v6); /* the same id: a node on both families */
    CHECK_EQ_UINT(rig_stats().contacts4, 1);
    CHECK_EQ_UINT(rig_stats().contacts6, 1);
    REQUIRE(weft_dht_closest(rig.dht, &v4.id, WEFT_FAMILY_V6, found, 8) == 1);
    CHECK(weft_addr_equal(&found[0].addr, &v6.addr));
    rig_close();
}

/* --- what the trace is told --- */

static void check_told(bool on, const weft_id *id, size_t count) {
    const struct rig_fact *fact = rig_fact(WEFT_TRACE_DHT_CONTACT);
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_CONTACT), count);
    REQUIRE(fact != NULL);
    CHECK_EQ_UINT(fact->number[0], on);
    REQUIRE(fact->size == sizeof *id);
    CHECK_EQ_BYTES(fact->bytes, id, sizeof *id);
}

static void a_contact_is_told_when_it_enters_and_when_it_goes(void) {
    rig_open(&normal);
    struct rig_host host = rig_host(0, 1);
    rig_meet(&host);
    check_told(true, &host.id, 1);
    rig_live(&host, 1, WEFT_S(30)); /* it answers: nothing is new */
    check_told(true, &host.id, 1);
    rig_pass(WEFT_S(60));
    CHECK(!rig_is_contact(&host.id));
    check_told(false, &host.id, 2);
    rig_close();
}

static void moves_and_caches_are_not_told(void) {
    rig_open(&normal);
    struct rig_host far[8], near[8], newcomer = rig_host(0, 99);
    meet_many(far, 8, 0);
    meet_many(near, 8, 3); /* a split moves nobody out of the table */
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_CONTACT), 16);
    rig_meet(&newcomer); /* into the cache */
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_CONTACT), 16);
    rig_close();
}

static void who_takes_the_place_of_a_dead_contact_is_told(void) {
    rig_open(&normal);
    struct rig_host hosts[16], newcomer = rig_host(0, 99);
    meet_many(hosts, 8, 0);
    meet_many(hosts + 8, 8, 5);
    rig_meet(&newcomer);
    rig.facts_count = 0;
    struct rig_host alive[16];
    for (int i = 0; i < 15; i++) alive[i] = hosts[i + 1];
    alive[15] = newcomer;
    rig_live(alive, 16, WEFT_S(60));
    CHECK(rig_is_contact(&newcomer.id));
    check_told(true, &newcomer.id, 2); /* after the other had gone */
    rig_close();
}

static void a_node_on_both_families_is_one_contact(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true});
    struct rig_host v4 = rig_host(0, 1), v6 = {v4.id, rig_addr6(1)};
    rig_meet(&v4);
    rig_meet(&v6);
    check_told(true, &v4.id, 1);
    rig_live(&v6, 1, WEFT_S(90)); /* silent by IPv4 */
    CHECK_EQ_UINT(rig_stats().contacts4, 0);
    check_told(true, &v4.id, 1);
    rig_pass(WEFT_S(90));
    CHECK_EQ_UINT(rig_stats().contacts6, 0);
    check_told(false, &v4.id, 2);
    rig_close();
}

/* 16 bytes of a contact, 40 of its entry in the book, in pages of 16; rooms of buckets are two
 * contacts larger than needed at most. */
static void a_full_table_is_compact(void) {
    rig_open(&normal);
    size_t empty = rig.heap.bytes;
    struct rig_host hosts[8 * 14];
    for (unsigned bucket = 0; bucket < 14; bucket++) meet_many(hosts + 8 * bucket, 8, bucket);
    rig_live(hosts, 112, WEFT_S(120));
    CHECK_EQ_UINT(rig_stats().contacts4, 112);
    CHECK_EQ_UINT(rig_stats().lookups, 0);
    CHECK(rig.heap.bytes - empty < 112 * (16 + 40) + 14 * 16 + 14 * 32 + 16 * 40 + 600);
    rig_close();
}

TEST_MAIN("dht/table", TEST(an_empty_machine_takes_less_than_1500_bytes),
          TEST(too_large_k_or_alpha_is_refused), TEST(only_the_bucket_of_the_own_id_is_split),
          TEST(the_closest_neighbours_always_find_a_place),
          TEST(ids_equal_to_the_last_bit_but_one_are_told_apart),
          TEST(closest_is_exact_for_every_target),
          TEST(a_newcomer_to_a_full_bucket_waits_in_the_cache),
          TEST(the_oldest_is_asked_before_eviction_and_stays_if_it_lives),
          TEST(a_dead_contact_gives_its_place_to_the_cache), TEST(one_lost_packet_forgets_nobody),
          TEST(a_spoofed_query_moves_no_verified_contact),
          TEST(another_id_at_the_same_address_replaces_it_once_it_answered),
          TEST(an_id_from_the_cache_takes_over_the_address_of_a_contact),
          TEST(a_node_that_moved_is_found_at_its_new_address_when_the_old_is_silent),
          TEST(newcomers_are_bounded), TEST(a_newcomer_is_asked_twice_and_then_left_alone),
          TEST(the_own_id_and_useless_addresses_never_enter), TEST(two_families_have_a_table_each),
          TEST(a_contact_is_told_when_it_enters_and_when_it_goes),
          TEST(moves_and_caches_are_not_told), TEST(who_takes_the_place_of_a_dead_contact_is_told),
          TEST(a_node_on_both_families_is_one_contact), TEST(a_full_table_is_compact))
