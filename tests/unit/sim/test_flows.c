/* Flows with a model that is easy: a byte takes a millisecond, whoever else sends. What matters is
 * what becomes of one while it is under way. Links take 10 ms one way on top of it. */
#include "tests/unit/sim/bare.h"

#include <stdlib.h>

#define LATENCY WEFT_MS(5)
#define LEAST 1000
#define UNDER_WAY_MAX 64

static struct {
    uint64_t id;
    weft_time done;
} under_way[UNDER_WAY_MAX]; /* in order of start; done 0: free */

static uint32_t model_hosts(void) { return BARE_NODES; }

static weft_duration model_latency(uint32_t from, uint32_t to) {
    CHECK(from != to);
    return LATENCY;
}

static int model_start(weft_time now, uint64_t id, uint32_t from, uint32_t to, uint64_t bytes) {
    CHECK(from != to && bytes >= LEAST);
    uint32_t i = 0;
    while (under_way[i].done > 0) i++;
    under_way[i].id = id;
    under_way[i].done = now + WEFT_MS((weft_duration)bytes);
    return WEFT_OK;
}

static bool model_next(weft_time until, uint64_t *id, weft_time *at) {
    uint32_t first = UNDER_WAY_MAX;
    for (uint32_t i = 0; i < UNDER_WAY_MAX; i++) {
        if (under_way[i].done == 0 || under_way[i].done > until) continue;
        if (first == UNDER_WAY_MAX || under_way[i].done < under_way[first].done) first = i;
    }
    if (first == UNDER_WAY_MAX) return false;
    *id = under_way[first].id;
    *at = under_way[first].done;
    under_way[first].done = 0;
    return true;
}

static const struct sim_flow_ops model = {
    .hosts = model_hosts, .latency = model_latency, .start = model_start, .next = model_next};
static const struct sim_flow_plan plan = {.least = LEAST};

static struct bare *open_flows(void) {
    struct bare *bare = malloc(sizeof *bare);
    memset(under_way, 0, sizeof under_way);
    bare_open_flows(bare, &model, &plan);
    return bare;
}

static void close_flows(struct bare *bare) {
    bare_close(bare);
    free(bare);
}

static weft_socket socket_of(struct bare *bare, uint32_t node) {
    struct weft_env *env = bare_env(bare, node);
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = 7};
    weft_socket socket = WEFT_SOCKET_NONE;
    CHECK_EQ_INT(env->net->datagram_open(env, &local, node, &socket), WEFT_OK);
    return socket;
}

static const unsigned char zeros[4096];

/* A datagram of 2,000 bytes from node 0 to node 1: through after 2 s, there 10 ms later. */
static void send_large(struct bare *bare) {
    struct weft_addr to = sim_world_addr(1, WEFT_FAMILY_V4, 7);
    struct weft_env *env = bare_env(bare, 0);
    weft_socket socket = socket_of(bare, 0);
    (void)socket_of(bare, 1);
    CHECK_EQ_INT(env->net->datagram_send(env, socket, &to, zeros, 2000), WEFT_OK);
}

static void check_lost(const struct bare *bare, enum sim_loss cause) {
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_DATAGRAM), 0);
    REQUIRE(bare->lost_count == 1);
    CHECK_EQ_INT(bare->lost[0].at, WEFT_S(2));
    CHECK_EQ_UINT(bare->lost[0].node, 0);
    CHECK_EQ_UINT(bare->lost[0].number[0], 1);
    CHECK_EQ_UINT(bare->lost[0].number[1], 2000);
    CHECK_EQ_UINT(bare->lost[0].number[3], cause);
    struct sim_fabric_stats stats;
    sim_fabric_stats(bare->fabric, &stats);
    CHECK_EQ_UINT(stats.packets_lost, 1);
}

static void a_large_payload_takes_as_long_as_the_model_says_and_a_small_one_the_latency(void) {
    struct bare *bare = open_flows();
    struct weft_env *env = bare_env(bare, 0);
    struct weft_addr to = sim_world_addr(1, WEFT_FAMILY_V4, 7);
    send_large(bare);
    weft_socket second = WEFT_SOCKET_NONE;
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = 8};
    CHECK_EQ_INT(env->net->datagram_open(env, &local, 0, &second), WEFT_OK);
    CHECK_EQ_INT(env->net->datagram_send(env, second, &to, zeros, LEAST - 1), WEFT_OK);
    bare_run(bare, WEFT_S(5));
    REQUIRE(bare_count(bare, 1, WEFT_EVENT_DATAGRAM) == 2);
    CHECK_EQ_INT(bare_find(bare, 1, WEFT_EVENT_DATAGRAM, 0)->at, LATENCY + BARE_DELAY);
    CHECK_EQ_INT(bare_find(bare, 1, WEFT_EVENT_DATAGRAM, 1)->at, WEFT_S(2) + BARE_DELAY);
    CHECK_EQ_UINT(sim_fabric_flows(bare->fabric).begun, 1);
    close_flows(bare);
}

/* The cut is there when it is through, and not when it was sent. */
static void a_cut_loses_what_is_under_way(void) {
    struct bare *bare = open_flows();
    send_large(bare);
    bare_run(bare, WEFT_MS(1500));
    sim_layer cut = bare_cut(bare, 1);
    bare_run(bare, WEFT_S(5));
    check_lost(bare, SIM_LOSS_CUT);
    CHECK_EQ_UINT(sim_net_layer_bites(bare->net, cut), 1);
    close_flows(bare);
}

static void a_cut_that_is_over_in_time_loses_nothing(void) {
    struct bare *bare = open_flows();
    send_large(bare);
    bare_run(bare, WEFT_S(1));
    sim_layer cut = bare_cut(bare, 1);
    bare_run(bare, WEFT_MS(1999));
    sim_net_layer_off(bare->net, cut);
    bare_run(bare, WEFT_S(5));
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_DATAGRAM), 1);
    CHECK_EQ_UINT(bare->lost_count, 0);
    close_flows(bare);
}

/* Also when it is up again by then: what had come of it is gone. */
static void a_loss_of_power_at_either_end_loses_what_is_under_way(void) {
    for (uint32_t node = 0; node < 2; node++) {
        struct bare *bare = open_flows();
        send_large(bare);
        bare_run(bare, WEFT_MS(500));
        bare_down(bare, node, SIM_END_CRASHED);
        bare_run(bare, WEFT_MS(700));
        bare_up(bare, node);
        (void)socket_of(bare, node);
        bare_run(bare, WEFT_S(5));
        check_lost(bare, SIM_LOSS_NO_NODE);
        close_flows(bare);
    }
}

/* The kernel has it. */
static void a_killed_sender_has_sent(void) {
    struct bare *bare = open_flows();
    send_large(bare);
    bare_run(bare, WEFT_MS(500));
    bare_down(bare, 0, SIM_END_KILLED);
    bare_run(bare, WEFT_S(5));
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_DATAGRAM), 1);
    close_flows(bare);
}

/* 900 bytes take 15 ms, but not before the 1,000 ahead of them, which take 1 s. */
static void bytes_of_a_stream_wait_for_those_before_them(void) {
    static unsigned char sent[1900], got[2000];
    for (size_t i = 0; i < sizeof sent; i++) sent[i] = (unsigned char)(i * 2654435761u >> 13);
    struct bare *bare = open_flows();
    bare_listen(bare, 1, 4);
    weft_socket client = bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_MS(100));
    const struct bare_event *accepted = bare_find(bare, 1, WEFT_EVENT_ACCEPTED, 0);
    REQUIRE(accepted != NULL);
    weft_socket server = accepted->accepted;
    CHECK_EQ_INT(bare_write(bare, 0, client, sent, 1000), 1000);
    CHECK_EQ_INT(bare_write(bare, 0, client, sent + 1000, 900), 900);
    bare_run(bare, WEFT_MS(1100) + BARE_DELAY - 1);
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_READABLE), 0);
    bare_run(bare, WEFT_MS(1100) + BARE_DELAY + LATENCY + 2);
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_READABLE), 1);
    CHECK_EQ_INT(bare_read(bare, 1, server, got, sizeof got), 1900);
    CHECK_EQ_BYTES(got, sent, sizeof sent);
    close_flows(bare);
}

/* As those that were never sent: again, when nothing has come back in time. */
static void a_stream_goes_on_when_the_cut_is_over(void) {
    static unsigned char got[2000];
    struct bare *bare = open_flows();
    bare_listen(bare, 1, 4);
    weft_socket client = bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_MS(100));
    const struct bare_event *accepted = bare_find(bare, 1, WEFT_EVENT_ACCEPTED, 0);
    REQUIRE(accepted != NULL);
    weft_socket server = accepted->accepted;
    CHECK_EQ_INT(bare_write(bare, 0, client, zeros, 1000), 1000);
    CHECK_EQ_INT(bare_write(bare, 0, client, zeros, 900), 900); /* waits behind, and is lost too */
    bare_run(bare, WEFT_MS(600));
    sim_layer cut = bare_cut(bare, 1);
    bare_run(bare, WEFT_S(30));
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_READABLE), 0);
    CHECK(sim_net_layer_bites(bare->net, cut) >= 2);
    REQUIRE(bare->lost_count >= 2);
    CHECK_EQ_INT(bare->lost[0].at, WEFT_MS(1100));
    CHECK_EQ_UINT(bare->lost[0].number[3], SIM_LOSS_CUT);
    CHECK_EQ_INT(bare->lost[1].at, WEFT_MS(1100));
    sim_net_layer_off(bare->net, cut);
    bare_run(bare, WEFT_S(90));
    CHECK_EQ_INT(bare_read(bare, 1, server, got, sizeof got), 1900);
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_FAILED), 0);
    close_flows(bare);
}

TEST_MAIN("sim/flows",
          TEST(a_large_payload_takes_as_long_as_the_model_says_and_a_small_one_the_latency),
          TEST(a_cut_loses_what_is_under_way), TEST(a_cut_that_is_over_in_time_loses_nothing),
          TEST(a_loss_of_power_at_either_end_loses_what_is_under_way),
          TEST(a_killed_sender_has_sent), TEST(bytes_of_a_stream_wait_for_those_before_them),
          TEST(a_stream_goes_on_when_the_cut_is_over))
