/* Datagrams between machines, and the limits of a machine's sockets. Links take 10 ms. */
#include "tests/unit/sim/bare.h"

#include "sim/world/internal.h"

#include <stdlib.h>

static weft_socket open_at(struct bare *bare, uint32_t node, uint16_t port) {
    struct weft_env *env = bare_env(bare, node);
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = port};
    weft_socket socket = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(env->net->datagram_open(env, &local, node, &socket), WEFT_OK);
    return socket;
}

static void send_to(struct bare *bare, weft_socket socket, struct weft_addr to, size_t size) {
    static const unsigned char zeros[WEFT_DATAGRAM_MAX];
    struct weft_env *env = bare_env(bare, 0);
    CHECK_EQ_INT(env->net->datagram_send(env, socket, &to, zeros, size), WEFT_OK);
}

static void add_element(struct bare *bare, struct sim_element element) {
    struct sim_chain *chain = &bare->spec.rules[0].chain;
    chain->elements[chain->count++] = element;
}

static void datagrams_of_one_instant_arrive_a_nanosecond_apart(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    for (size_t i = 0; i < 5; i++) send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), i);
    bare_run(bare, WEFT_S(1));
    REQUIRE(bare->count == 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ_UINT(bare->events[i].size, i);
        CHECK_EQ_INT(bare->events[i].at, WEFT_MS(10) + (weft_time)i);
    }
    bare_close(bare);
    free(bare);
}

static void the_trace_has_each_datagram_as_it_was_sent_and_no_streams(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    add_element(bare, (struct sim_element){.kind = SIM_ELEMENT_CORRUPT, .ppm = 1000000, .bits = 8});
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 60);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 0);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), WEFT_DATAGRAM_MAX);
    bare_run(bare, WEFT_S(1));
    static const unsigned char zeros[64];
    CHECK(bare_find(bare, 1, WEFT_EVENT_DATAGRAM, 0)->bits > 0);
    REQUIRE(bare->packets_count == 3);
    CHECK_EQ_BYTES(bare->packets[0].data, zeros, 60);
    CHECK_EQ_UINT(bare->packets[0].size, 60);
    CHECK_EQ_UINT(bare->packets[1].size, 0);
    CHECK_EQ_UINT(bare->packets[1].number, 2);
    CHECK_EQ_UINT(bare->packets[2].size, WEFT_DATAGRAM_MAX);
    bare->spec.rules[0].chain.count = 1;
    bare_connect(bare);
    CHECK_EQ_UINT(bare->packets_count, 3);
    bare_close(bare);
    free(bare);
}

static void a_doubled_datagram_is_delivered_twice(void) {
    struct bare *bare = malloc(sizeof *bare);
    struct sim_fabric_stats stats;
    bare_open(bare);
    add_element(bare, (struct sim_element){.kind = SIM_ELEMENT_DUPLICATE,
                                           .ppm = 1000000,
                                           .delay = {.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(3)}});
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 2000);
    bare_run(bare, WEFT_S(1));
    REQUIRE(bare->count == 2);
    CHECK_EQ_INT(bare->events[0].at, WEFT_MS(10));
    CHECK_EQ_INT(bare->events[1].at, WEFT_MS(13));
    sim_fabric_stats(bare->fabric, &stats);
    CHECK_EQ_UINT(stats.packets_sent, 1);
    CHECK_EQ_UINT(stats.packets_received, 2);
    bare_close(bare);
    free(bare);
}

/* Each copy is damaged by itself, and what was sent stays as it was. */
static void a_damaged_datagram_has_bits_flipped_and_its_copy_others(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    add_element(bare, (struct sim_element){.kind = SIM_ELEMENT_DUPLICATE,
                                           .ppm = 1000000,
                                           .delay = {.kind = SIM_DELAY_CONSTANT, .a = WEFT_MS(3)}});
    add_element(bare, (struct sim_element){.kind = SIM_ELEMENT_CORRUPT, .ppm = 500000, .bits = 1});
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    uint32_t both = 0, one = 0;
    for (uint32_t i = 0; i < 400; i++)
        send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 50);
    bare_run(bare, WEFT_S(1));
    REQUIRE(bare->count == 800);
    for (uint32_t i = 0; i < 400; i++) {
        CHECK(bare->events[i].bits <= 1 && bare->events[i + 400].bits <= 1);
        one += bare->events[i].bits;
        both += bare->events[i].bits + bare->events[i + 400].bits == 2;
    }
    CHECK(one > 150 && one < 250);
    CHECK(both > 65 && both < 135);
    bare_close(bare);
    free(bare);
}

/* 1,000 bytes with headers at 1 MB a second: 1 ms each, from whomever. */
static void datagrams_queue_before_the_receivers_downlink(void) {
    struct bare *bare = malloc(sizeof *bare);
    struct sim_chain chain = {.count = 1};
    uint8_t side[BARE_NODES] = {0, SIM_SIDE_EITHER};
    struct sim_layer_spec spec = {.kind = SIM_LAYER_CHAIN, .side = side, .chain = &chain};
    struct sim_fabric_stats stats;
    sim_layer layer;
    chain.elements[0] = (struct sim_element){.kind = SIM_ELEMENT_RATE,
                                             .rate = {1000000, 3500, 0, SIM_RATE_DOWNLINK}};
    bare_open(bare);
    REQUIRE(sim_net_layer_on(bare->net, &spec, &layer) == WEFT_OK);
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    for (int i = 0; i < 5; i++) send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 972);
    bare_run(bare, WEFT_S(1));
    REQUIRE(bare->count == 3);
    for (int i = 0; i < 3; i++) CHECK_EQ_INT(bare->events[i].at, WEFT_MS(11 + i));
    sim_fabric_stats(bare->fabric, &stats);
    CHECK_EQ_UINT(stats.packets_lost, 2);
    CHECK_EQ_UINT(sim_net_layer_bites(bare->net, layer), 5);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 1); /* still queued at the end */
    bare_run(bare, WEFT_S(1) + BARE_DELAY);
    bare_close(bare);
    free(bare);
}

static void what_finds_no_socket_or_no_machine_is_lost(void) {
    struct bare *bare = malloc(sizeof *bare);
    struct sim_fabric_stats stats;
    bare_open(bare);
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    bare_down(bare, 2, SIM_END_CRASHED);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 10), 1);
    send_to(bare, socket, sim_world_addr(2, WEFT_FAMILY_V4, 9), 1);
    send_to(bare, socket, sim_world_addr(BARE_NODES, WEFT_FAMILY_V4, 9), 1);
    send_to(bare, socket, weft_addr_v4(192, 0, 2, 1, 9), 1);
    bare_run(bare, WEFT_S(1));
    CHECK_EQ_UINT(bare->count, 0);
    sim_fabric_stats(bare->fabric, &stats);
    CHECK_EQ_UINT(stats.packets_sent, 4);
    CHECK_EQ_UINT(stats.packets_lost, 4);
    bare_close(bare);
    free(bare);
}

static void a_datagram_on_its_way_reaches_the_next_life(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 1);
    bare_run(bare, WEFT_MS(5));
    bare_down(bare, 1, SIM_END_CRASHED);
    bare_up(bare, 1);
    weft_socket next = open_at(bare, 1, 9);
    bare_run(bare, WEFT_MS(20));
    REQUIRE(bare->count == 1);
    CHECK_EQ_UINT(bare->events[0].socket, next);
    bare_close(bare);
    free(bare);
}

static void entropy_repeats_with_the_life_and_not_beyond(void) {
    struct bare *bare = malloc(sizeof *bare), *other = malloc(sizeof *other);
    unsigned char first[16], again[16];
    bare_open(bare);
    bare_open(other);
    struct weft_env *env = bare_env(bare, 1), *same = bare_env(other, 1);
    env->entropy->fill(env, first, sizeof first);
    same->entropy->fill(same, again, sizeof again);
    CHECK_EQ_BYTES(first, again, sizeof first);
    bare_down(bare, 1, SIM_END_CRASHED);
    bare_up(bare, 1);
    env = bare_env(bare, 1);
    env->entropy->fill(env, again, sizeof again);
    CHECK(memcmp(first, again, sizeof first) != 0);
    bare_close(bare);
    bare_close(other);
    free(bare);
    free(other);
}

static void a_machine_has_so_many_sockets_and_no_more(void) {
    struct bare *bare = malloc(sizeof *bare);
    struct weft_addr to = sim_world_addr(1, WEFT_FAMILY_V4, 80);
    weft_socket socket = WEFT_SOCKET_NONE, last = WEFT_SOCKET_NONE;
    bare_open(bare);
    struct weft_env *env = bare_env(bare, 0);
    for (uint32_t i = 0; i < SIM_SOCKETS_MAX; i++) {
        if (env->net->stream_connect(env, &to, 1, &last) != WEFT_OK) break;
    }
    CHECK_EQ_UINT(sim_fabric_sockets(bare->fabric, 0), SIM_SOCKETS_MAX);
    CHECK_EQ_INT(env->net->stream_connect(env, &to, 1, &socket), WEFT_ERR_FULL);
    env->net->close(env, last);
    CHECK_EQ_INT(env->net->stream_connect(env, &to, 1, &socket), WEFT_OK);
    CHECK(socket != last);
    bare_close(bare);
    free(bare);
}

/* It was sent when nobody had moved yet, and says so little as such datagrams do. */
static void a_datagram_under_way_finds_nobody_where_its_receiver_has_moved(void) {
    struct bare *bare = malloc(sizeof *bare);
    struct sim_fabric_stats stats;
    bare_open(bare);
    weft_socket socket = open_at(bare, 0, 9);
    open_at(bare, 1, 9);
    open_at(bare, 2, 9);
    send_to(bare, socket, sim_world_addr(1, WEFT_FAMILY_V4, 9), 8);
    send_to(bare, socket, sim_world_addr(2, WEFT_FAMILY_V4, 9), 8);
    CHECK(sim_fabric_move(bare->fabric, 1));
    bare_run(bare, WEFT_S(1));
    CHECK(bare_find(bare, 1, WEFT_EVENT_DATAGRAM, 0) == NULL);
    CHECK(bare_find(bare, 2, WEFT_EVENT_DATAGRAM, 0) != NULL);
    sim_fabric_stats(bare->fabric, &stats);
    CHECK_EQ_UINT(stats.packets_lost, 1);
    CHECK_EQ_UINT(stats.packets_received, 1);
    bare_close(bare);
    free(bare);
}

static void ports_run_out_and_come_back(void) {
    struct bare *bare = malloc(sizeof *bare);
    weft_socket socket = WEFT_SOCKET_NONE;
    bare_open(bare);
    struct weft_env *env = bare_env(bare, 0);
    struct sim_machine *machine = sim_fabric__machine(env);
    weft_socket first = open_at(bare, 0, 0);
    struct weft_addr local = {.family = WEFT_FAMILY_V4};
    for (uint32_t i = 1; i < 400; i++) open_at(bare, 0, 0);
    CHECK_EQ_INT(machine->port_next, SIM_PORT_EPHEMERAL + 400);
    machine->port_next = UINT16_MAX;
    CHECK_EQ_INT(env->net->datagram_open(env, &local, 1, &socket), WEFT_OK);
    CHECK_EQ_INT(local.port, UINT16_MAX);
    local.port = 0;
    CHECK_EQ_INT(env->net->datagram_open(env, &local, 1, &socket), WEFT_OK);
    CHECK_EQ_INT(local.port, SIM_PORT_EPHEMERAL + 400); /* around, past those in use */
    env->net->close(env, first);
    machine->port_next = SIM_PORT_EPHEMERAL;
    local.port = 0;
    CHECK_EQ_INT(env->net->datagram_open(env, &local, 1, &socket), WEFT_OK);
    CHECK_EQ_INT(local.port, SIM_PORT_EPHEMERAL);
    bare_close(bare);
    free(bare);
}

static void a_byte_queue_keeps_bytes_in_order_around_its_end(void) {
    struct sim_queue queue = {0};
    unsigned char block[300], out[300];
    unsigned char in_next = 0, out_next = 0;
    bool held = true;
    for (int round = 0; round < 200; round++) {
        uint32_t size = 1 + (uint32_t)round * 7 % 300;
        for (uint32_t i = 0; i < size; i++) block[i] = in_next++;
        CHECK_EQ_INT(sim_queue_push(&queue, block, size), WEFT_OK);
        uint32_t take = round % 3 == 0 ? queue.size : queue.size / 2;
        take = take < sizeof out ? take : sizeof out;
        sim_queue_peek(&queue, 0, out, take);
        for (uint32_t i = 0; i < take; i++) held = held && out[i] == out_next++;
        sim_queue_drop(&queue, take);
    }
    CHECK(held);
    sim_queue_drop(&queue, queue.size);
    CHECK(queue.data == NULL);
    CHECK_EQ_UINT(queue.capacity, 0);
}

TEST_MAIN("sim/datagrams", TEST(datagrams_of_one_instant_arrive_a_nanosecond_apart),
          TEST(the_trace_has_each_datagram_as_it_was_sent_and_no_streams),
          TEST(a_doubled_datagram_is_delivered_twice),
          TEST(a_damaged_datagram_has_bits_flipped_and_its_copy_others),
          TEST(datagrams_queue_before_the_receivers_downlink),
          TEST(what_finds_no_socket_or_no_machine_is_lost),
          TEST(a_datagram_on_its_way_reaches_the_next_life),
          TEST(entropy_repeats_with_the_life_and_not_beyond),
          TEST(a_machine_has_so_many_sockets_and_no_more),
          TEST(a_datagram_under_way_finds_nobody_where_its_receiver_has_moved),
          TEST(ports_run_out_and_come_back), TEST(a_byte_queue_keeps_bytes_in_order_around_its_end))
