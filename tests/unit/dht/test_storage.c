/* Peers and items of others: limits, expiry, choice. */
#include "core/dht/internal.h"
#include "tests/unit/dht/rig.h"

/* Storage does not ask for tokens: it is driven here as the RPCs drive it. */
static weft_id key_of(unsigned number) { return rig_id(0, number); }

static int store_peer(unsigned key, unsigned host) {
    weft_id id = key_of(key);
    struct weft_addr peer = rig_addr(host);
    return weft_dht__storage_peer(rig.dht, &id, &peer);
}

static int store_item(const char *text) {
    weft_id key;
    weft_item_key(weft_bytes_text(text), &key);
    return weft_dht__storage_item(rig.dht, &key, weft_bytes_text(text));
}

static void advance(weft_duration duration) {
    rig_pass(duration);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
}

static size_t peers_of(unsigned key) {
    unsigned char out[WEFT_DHT_PEERS_MAX * 6];
    weft_id id = key_of(key);
    return weft_dht__storage_peers(rig.dht, &id, WEFT_FAMILY_V4, out, WEFT_DHT_PEERS_MAX);
}

static void a_key_holds_peers_max_and_refuses_more(void) {
    rig_open(&(struct weft_dht_config){.peers_max = 3});
    for (unsigned i = 1; i <= 3; i++) CHECK_EQ_INT(store_peer(1, i), WEFT_OK);
    CHECK_EQ_INT(store_peer(1, 4), WEFT_ERR_FULL);
    CHECK_EQ_INT(store_peer(1, 2), WEFT_OK); /* known: renewed */
    CHECK_EQ_UINT(rig_stats().values, 3);
    CHECK_EQ_UINT(rig_stats().keys, 1);
    rig_close();
}

static void keys_max_holds_for_peers_and_items_together(void) {
    rig_open(&(struct weft_dht_config){.keys_max = 3});
    CHECK_EQ_INT(store_peer(1, 1), WEFT_OK);
    CHECK_EQ_INT(store_peer(2, 1), WEFT_OK);
    CHECK_EQ_INT(store_item("1:a"), WEFT_OK);
    CHECK_EQ_INT(store_item("1:b"), WEFT_ERR_FULL);
    CHECK_EQ_INT(store_peer(3, 1), WEFT_ERR_FULL);
    CHECK_EQ_INT(store_item("1:a"), WEFT_OK);
    CHECK_EQ_INT(store_peer(2, 2), WEFT_OK);
    CHECK_EQ_UINT(rig_stats().keys, 3);
    CHECK_EQ_UINT(rig_stats().values, 4);
    rig_close();
}

static void a_full_store_is_answered_with_202(void) {
    rig_open(&(struct weft_dht_config){.keys_max = 1});
    CHECK_EQ_INT(store_peer(1, 1), WEFT_OK);
    struct weft_addr from = rig_addr(9);
    weft_id id = rig_id(0, 9), key = key_of(2);
    (void)rig_query(&from, &id, WEFT_KRPC_GET_PEERS, &key);
    const struct rig_packet *answer = rig_next();
    const struct weft_krpc query = {.type = WEFT_KRPC_QUERY,
                                    .method = WEFT_KRPC_ANNOUNCE_PEER,
                                    .tid = weft_bytes("aa", 2),
                                    .id = &id,
                                    .target = &key,
                                    .token = answer->msg.token,
                                    .port = 80};
    (void)rig_receive_msg(&from, &query, NULL);
    answer = rig_next();
    REQUIRE(answer != NULL);
    CHECK_EQ_INT(answer->msg.type, WEFT_KRPC_ERROR);
    CHECK_EQ_INT(answer->msg.error_code, 202);
    rig_close();
}

static void a_peer_expires_after_thirty_minutes_to_the_millisecond(void) {
    rig_open(&(struct weft_dht_config){.k = 8});
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    CHECK_EQ_INT(store_peer(1, 1), WEFT_OK);
    advance(WEFT_MIN(10));
    CHECK_EQ_INT(store_peer(1, 2), WEFT_OK);
    advance(WEFT_MIN(20) - WEFT_MS(1));
    CHECK_EQ_UINT(peers_of(1), 2);
    advance(WEFT_MS(1));
    CHECK_EQ_UINT(peers_of(1), 1);
    advance(WEFT_MIN(10));
    CHECK_EQ_UINT(rig_stats().keys, 0);
    CHECK_EQ_UINT(rig_stats().values, 0);
    rig_close();
}

static void a_peer_announced_again_lives_on(void) {
    rig_open(&(struct weft_dht_config){.k = 8});
    CHECK_EQ_INT(store_peer(1, 1), WEFT_OK);
    CHECK_EQ_INT(store_peer(1, 2), WEFT_OK);
    advance(WEFT_MIN(20));
    CHECK_EQ_INT(store_peer(1, 1), WEFT_OK);
    advance(WEFT_MIN(29));
    CHECK_EQ_UINT(peers_of(1), 1);
    advance(WEFT_MIN(1));
    CHECK_EQ_UINT(rig_stats().keys, 0);
    rig_close();
}

static void an_item_expires_after_two_hours(void) {
    rig_open(&(struct weft_dht_config){.k = 8});
    CHECK_EQ_INT(store_item("1:a"), WEFT_OK);
    advance(WEFT_HOUR(1));
    CHECK_EQ_INT(store_item("1:a"), WEFT_OK);
    advance(WEFT_HOUR(2) - WEFT_MS(1));
    CHECK_EQ_UINT(rig_stats().values, 1);
    advance(WEFT_MS(1));
    CHECK_EQ_UINT(rig_stats().values, 0);
    rig_close();
}

static void an_item_and_peers_share_a_key_without_harm(void) {
    rig_open(&(struct weft_dht_config){.k = 8});
    weft_id key = key_of(1);
    CHECK_EQ_INT(weft_dht__storage_item(rig.dht, &key, weft_bytes_text("1:a")), WEFT_OK);
    CHECK_EQ_INT(store_peer(1, 1), WEFT_OK);
    REQUIRE(weft_dht__storage_find(rig.dht, &key, WEFT_STORE_VALUE) != NULL);
    REQUIRE(weft_dht__storage_find(rig.dht, &key, WEFT_STORE_PEER) != NULL);
    CHECK_EQ_UINT(weft_dht__storage_find(rig.dht, &key, WEFT_STORE_VALUE)->value_size, 3);
    CHECK_EQ_UINT(peers_of(1), 1);
    rig_close();
}

static void many_keys_are_all_found(void) {
    rig_open(&(struct weft_dht_config){.k = 8, .keys_max = 1000});
    for (unsigned i = 0; i < 1000; i++) CHECK_EQ_INT(store_peer(i * 7919 % 1000, 1), WEFT_OK);
    CHECK_EQ_UINT(rig_stats().keys, 1000);
    for (unsigned i = 0; i < 1000; i++) CHECK_EQ_UINT(peers_of(i), 1);
    CHECK_EQ_UINT(peers_of(1001), 0);
    rig_close();
}

/* 300 peers do not fit; what comes is a different choice each time, and in the end everyone. */
static void too_many_peers_are_drawn_at_random_to_fit(void) {
    rig_open(&(struct weft_dht_config){.k = 8, .peers_max = 300});
    static bool seen[301];
    struct weft_addr from = rig_addr(9999);
    weft_id id = rig_id(0, 9), key = key_of(1);
    for (unsigned i = 1; i <= 300; i++) CHECK_EQ_INT(store_peer(1, i), WEFT_OK);
    for (int round = 0; round < 60; round++) {
        size_t cursor = 0, count = 0;
        struct weft_addr peer;
        rig_skip();
        (void)rig_query(&from, &id, WEFT_KRPC_GET_PEERS, &key);
        const struct rig_packet *answer = rig_next();
        REQUIRE(answer != NULL);
        for (; weft_krpc_next_peer(answer->msg.values, &cursor, &peer); count++) {
            seen[peer.ip[2] * 256 + peer.ip[3]] = true;
        }
        CHECK_EQ_UINT(count, 159); /* 1272 bytes of 8 */
    }
    for (unsigned i = 1; i <= 300; i++) CHECK(seen[i]);
    rig_close();
}

static void only_peers_of_the_askers_family_are_given(void) {
    rig_open(&(struct weft_dht_config){.v4 = true, .v6 = true});
    weft_id key = key_of(1);
    struct weft_addr six = rig_addr6(1);
    unsigned char out[100];
    CHECK_EQ_INT(store_peer(1, 1), WEFT_OK);
    CHECK_EQ_INT(weft_dht__storage_peer(rig.dht, &key, &six), WEFT_OK);
    CHECK_EQ_UINT(weft_dht__storage_peers(rig.dht, &key, WEFT_FAMILY_V4, out, 5), 1);
    CHECK_EQ_UINT(weft_dht__storage_peers(rig.dht, &key, WEFT_FAMILY_V6, out, 5), 1);
    CHECK_EQ_BYTES(out, six.ip, 16);
    rig_close();
}

static void no_memory_is_an_error_and_leaves_no_trace(void) {
    rig_open(&(struct weft_dht_config){.k = 8});
    size_t bytes = rig.heap.bytes;
    for (size_t limit = 0; limit < 300; limit++) {
        rig.heap.bytes_max = bytes + limit;
        int error = store_item("1:a");
        CHECK(error == WEFT_OK || error == WEFT_ERR_NOMEM);
        CHECK_EQ_UINT(rig_stats().values, error == WEFT_OK);
        if (error == WEFT_OK) break;
    }
    CHECK_EQ_UINT(rig_stats().values, 1);
    rig_close();
}

TEST_MAIN("dht/storage", TEST(a_key_holds_peers_max_and_refuses_more),
          TEST(keys_max_holds_for_peers_and_items_together),
          TEST(a_full_store_is_answered_with_202),
          TEST(a_peer_expires_after_thirty_minutes_to_the_millisecond),
          TEST(a_peer_announced_again_lives_on), TEST(an_item_expires_after_two_hours),
          TEST(an_item_and_peers_share_a_key_without_harm), TEST(many_keys_are_all_found),
          TEST(too_many_peers_are_drawn_at_random_to_fit),
          TEST(only_peers_of_the_askers_family_are_given),
          TEST(no_memory_is_an_error_and_leaves_no_trace))
