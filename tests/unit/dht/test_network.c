/* Many machines together, in virtual time. */
#include "tests/unit/dht/network.h"

#define NODES 200

static const struct weft_dht_config normal = {.k = 8};

/* All nodes, one new one every 100 ms, each knowing one earlier one. */
static struct net joined_network(uint32_t count, uint64_t seed) {
    struct net net = net_new(count, seed);
    for (uint32_t i = 0; i < count; i++) {
        net_boot(&net, i, &normal);
        if (i > 0) net_add(&net, i, (uint32_t)weft_rand_below(&net.rand, i));
        net_run(&net, net.now + WEFT_MS(100));
    }
    net_run(&net, net.now + WEFT_S(120));
    return net;
}

static void look_up_everywhere(struct net *net, uint32_t lookups) {
    uint32_t perfect = 0, asked = 0, live = 0;
    for (uint32_t i = 0; i < net->count; i++) live += net->nodes[i].alive;
    uint32_t expected = live - 1 < 8 ? live - 1 : 8;
    for (uint32_t i = 0; i < lookups; i++) {
        uint32_t asker = (uint32_t)weft_rand_below(&net->rand, net->count);
        if (!net->nodes[asker].alive) continue;
        struct weft_dht_event event = {.kind = WEFT_DHT_FIND_NODES, .op = i + 1};
        weft_rand_bytes(&net->rand, &event.target, sizeof event.target);
        REQUIRE(net_operate(net, asker, event));
        perfect += net_recall(net, asker, 8) == expected &&
                   net->nodes[asker].result.closest_count == expected;
        asked++;
    }
    CHECK(asked > 0);
    CHECK_EQ_UINT(perfect, asked);
}

static void two_hundred_nodes_join_and_every_lookup_is_exact(void) {
    struct net net = joined_network(NODES, 1);
    for (uint32_t i = 0; i < NODES; i++) CHECK(net.nodes[i].joined);
    look_up_everywhere(&net, 400);
    net_free(&net);
}

static void a_chain_of_leaves_reaches_min_k_contacts(void) {
    struct net net = net_new(40, 2);
    for (uint32_t i = 0; i < net.count; i++) net_boot(&net, i, &normal);
    for (uint32_t i = 1; i < net.count; i++) net_add(&net, i, i - 1);
    net_run(&net, WEFT_S(120));
    for (uint32_t i = 0; i < net.count; i++) CHECK(net_contacts(&net, i) >= 8);
    look_up_everywhere(&net, 80);
    net_free(&net);
}

static void five_nodes_know_all_four_others(void) {
    struct net net = net_new(5, 3);
    for (uint32_t i = 0; i < net.count; i++) net_boot(&net, i, &normal);
    for (uint32_t i = 1; i < net.count; i++) net_add(&net, i, i - 1);
    net_run(&net, WEFT_S(60));
    for (uint32_t i = 0; i < net.count; i++) CHECK_EQ_UINT(net_contacts(&net, i), 4);
    look_up_everywhere(&net, 10);
    net_free(&net);
}

struct census {
    const struct net *net;
    uint32_t dead, unproven, spare; /* contacts, newcomers and cache entries that are dead */
};

static void count_dead(void *ctx, const struct weft_contact_info *info) {
    struct census *census = ctx;
    uint32_t index = net_index(census->net, &info->contact.addr);
    uint32_t dead = !census->net->nodes[index].alive;
    if (info->in_cache) {
        census->spare += dead;
    } else if (info->verified) {
        census->dead += dead;
    } else {
        census->unproven += dead;
    }
}

static struct census take_census(const struct net *net) {
    struct census census = {.net = net};
    for (uint32_t i = 0; i < net->count; i++) {
        if (net->nodes[i].alive) weft_dht_each(net->nodes[i].dht, net->now, count_dead, &census);
    }
    return census;
}

static uint32_t dead_contacts(const struct net *net) { return take_census(net).dead; }

static void dead_nodes_are_in_no_table_after_sixty_seconds(void) {
    struct net net = joined_network(NODES, 4);
    for (uint32_t i = 0; i < NODES; i += 3) net_kill(&net, i);
    CHECK(dead_contacts(&net) > 0);
    net_run(&net, net.now + WEFT_S(60));
    CHECK_EQ_UINT(dead_contacts(&net), 0);
    look_up_everywhere(&net, 100);
    net_free(&net);
}

/* Ten nodes fill a bucket of eight now and then, so that the one that dies is in a cache. */
static void of_ten_nodes_a_dead_one_stays_in_a_cache_alone(void) {
    uint32_t spare = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct net net = net_new(10, seed);
        for (uint32_t i = 0; i < net.count; i++) {
            net_boot(&net, i, &normal);
            if (i > 0) net_add(&net, i, 0);
        }
        net_run(&net, WEFT_S(4) + (weft_duration)weft_rand_below(&net.rand, WEFT_S(6)));
        net_kill(&net, 4);
        struct weft_dht_event get = {.kind = WEFT_DHT_GET, .op = 1, .target = {{7}}};
        CHECK(net_operate(&net, 0, get));
        net_run(&net, net.now + WEFT_S(60));
        struct census census = take_census(&net);
        CHECK_EQ_UINT(census.dead, 0);
        CHECK_EQ_UINT(census.unproven, 0);
        spare += census.spare;
        net_free(&net);
    }
#ifndef WEFT_HOSTILE /* its few newcomers leave nobody over for a cache */
    CHECK(spare > 0);
#endif
}

static void an_announced_peer_is_found_by_others(void) {
    struct net net = joined_network(60, 5);
    struct weft_dht_event announce = {
        .kind = WEFT_DHT_ANNOUNCE, .op = 1, .target = {{7}}, .port = 4711};
    REQUIRE(net_operate(&net, 3, announce));
    CHECK_EQ_INT(net.nodes[3].result.status, WEFT_OK);
    CHECK_EQ_UINT(net.nodes[3].result.stored, 8);
    CHECK(net.nodes[3].result.stores);
    struct weft_dht_event get = {.kind = WEFT_DHT_GET_PEERS, .op = 2, .target = {{7}}};
    REQUIRE(net_operate(&net, 50, get));
    CHECK_EQ_INT(net.nodes[50].result.status, WEFT_OK);
    REQUIRE(net.nodes[50].result.peers_count == 1);
    struct weft_addr expected = net.nodes[3].addr;
    expected.port = 4711;
    CHECK(weft_addr_equal(&net.nodes[50].peers[0], &expected));
    net_free(&net);
}

static void an_item_put_is_read_by_others(void) {
    struct net net = joined_network(60, 6);
    struct weft_dht_event put = {.kind = WEFT_DHT_PUT, .op = 1, .data = weft_bytes_text("5:hello")};
    REQUIRE(net_operate(&net, 3, put));
    CHECK_EQ_INT(net.nodes[3].result.status, WEFT_OK);
    CHECK_EQ_UINT(net.nodes[3].result.stored, 8);
    struct weft_dht_event get = {
        .kind = WEFT_DHT_GET, .op = 2, .target = net.nodes[3].result.target};
    for (uint32_t i = 0; i < 60; i += 7) {
        REQUIRE(net_operate(&net, i, get));
        CHECK_EQ_INT(net.nodes[i].result.status, WEFT_OK);
        CHECK(weft_bytes_equal(net.nodes[i].result.value, put.data));
    }
    net_free(&net);
}

static void a_repeated_put_survives_the_death_of_all_who_stored_it(void) {
    struct net net = joined_network(60, 7);
    struct weft_dht_event put = {
        .kind = WEFT_DHT_PUT, .op = 1, .data = weft_bytes_text("5:hello"), .repeat = true};
    REQUIRE(net_operate(&net, 0, put));
    struct weft_dht_event get = {
        .kind = WEFT_DHT_GET, .op = 2, .target = net.nodes[0].result.target};
    REQUIRE(net.nodes[0].result.closest_count == 8);
    for (size_t i = 0; i < 8; i++) {
        net_kill(&net, net_index(&net, &net.nodes[0].closest[i].addr));
    }
    uint32_t asker = 1;
    while (!net.nodes[asker].alive) asker++;
    net_run(&net, net.now + WEFT_S(60));
    REQUIRE(net_operate(&net, asker, get));
    CHECK_EQ_INT(net.nodes[asker].result.status, WEFT_ERR_NOT_FOUND);
    net_run(&net, net.now + WEFT_MIN(25));
    REQUIRE(net_operate(&net, asker, get));
    CHECK_EQ_INT(net.nodes[asker].result.status, WEFT_OK);
    net_free(&net);
}

static void halves_parted_for_two_minutes_find_each_other_again(void) {
    struct net net = joined_network(NODES, 8);
    for (uint32_t i = 0; i < NODES; i++) net.nodes[i].side = i % 2;
    net_run(&net, net.now + WEFT_S(120));
    for (uint32_t i = 0; i < NODES; i++) net.nodes[i].side = 0;
    net_run(&net, net.now + WEFT_S(60));
    look_up_everywhere(&net, 200);
    net_free(&net);
}

static void one_packet_in_ten_lost_loses_no_live_contact(void) {
    struct net net = joined_network(60, 9);
    net.loss_ppm = 100000;
    net_run(&net, net.now + WEFT_MIN(5));
    uint32_t least = UINT32_MAX;
    for (uint32_t i = 0; i < net.count; i++) {
        if (net_contacts(&net, i) < least) least = net_contacts(&net, i);
    }
    CHECK(least >= 8);
    net.loss_ppm = 0;
    look_up_everywhere(&net, 50);
    net_free(&net);
}

static void the_same_seed_gives_the_same_packets(void) {
    uint64_t packets[2];
    for (size_t i = 0; i < 2; i++) {
        struct net net = joined_network(50, 10);
        packets[i] = net.packets;
        net_free(&net);
    }
    CHECK_EQ_UINT(packets[0], packets[1]);
}

TEST_MAIN("dht/network", TEST(two_hundred_nodes_join_and_every_lookup_is_exact),
          TEST(a_chain_of_leaves_reaches_min_k_contacts), TEST(five_nodes_know_all_four_others),
          TEST(dead_nodes_are_in_no_table_after_sixty_seconds),
          TEST(of_ten_nodes_a_dead_one_stays_in_a_cache_alone),
          TEST(an_announced_peer_is_found_by_others), TEST(an_item_put_is_read_by_others),
          TEST(a_repeated_put_survives_the_death_of_all_who_stored_it),
          TEST(halves_parted_for_two_minutes_find_each_other_again),
          TEST(one_packet_in_ten_lost_loses_no_live_contact),
          TEST(the_same_seed_gives_the_same_packets))
