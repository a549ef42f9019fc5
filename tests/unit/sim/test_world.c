/* Nodes of a small world: their lives, their packets and the run's hash. Links take 10 ms. */
#include "sim/world/fabric.h"
#include "tests/unit/sim/small.h"

#include <stdlib.h>

static void addresses_and_numbers_are_each_others(void) {
    struct small *small = small_open(1);
    char text[WEFT_ADDR_TEXT_SIZE];
    struct weft_addr addr = sim_world_addr(0, WEFT_FAMILY_V4, 6881);
    CHECK_EQ_TEXT(weft_addr_format(&addr, text), "10.0.0.1:6881");
    addr = sim_world_addr(65535, WEFT_FAMILY_V4, 1);
    CHECK_EQ_TEXT(weft_addr_format(&addr, text), "10.1.0.0:1");
    addr = sim_world_addr(255, WEFT_FAMILY_V6, 1);
    CHECK_EQ_TEXT(weft_addr_format(&addr, text), "[fd00::100]:1");
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        struct weft_addr v4 = sim_world_addr(i, WEFT_FAMILY_V4, 1);
        struct weft_addr v6 = sim_world_addr(i, WEFT_FAMILY_V6, 1);
        CHECK_EQ_UINT(sim_world_node_at(small->world, &v4), i);
        CHECK_EQ_UINT(sim_world_node_at(small->world, &v6), i);
    }
    addr = sim_world_addr(SMALL_NODES, WEFT_FAMILY_V4, 1);
    CHECK_EQ_UINT(sim_world_node_at(small->world, &addr), UINT32_MAX);
    addr = weft_addr_v4(10, 0, 0, 0, 1);
    CHECK_EQ_UINT(sim_world_node_at(small->world, &addr), UINT32_MAX);
    addr = weft_addr_v4(11, 0, 0, 1, 1);
    CHECK_EQ_UINT(sim_world_node_at(small->world, &addr), UINT32_MAX);
    small_close(small);
}

static void a_datagram_and_its_echo_take_a_round_trip(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){SMALL_PING, WEFT_S(1), 1, false};
    small_boot_all(small);
    small_run(small, WEFT_MS(2500));
    REQUIRE(small_log_count(small, 0, "pong") == 2);
    CHECK_EQ_INT(small_log(small, 0, "pong", 0)->at, WEFT_MS(1020));
    CHECK_EQ_INT(small_log(small, 0, "pong", 1)->at, WEFT_MS(2020));
    const struct small_event *sent = small_find(small, 0, WEFT_TRACE_PACKET_SENT, 0);
    const struct small_event *received = small_find(small, 1, WEFT_TRACE_PACKET_RECEIVED, 0);
    REQUIRE(sent != NULL && received != NULL);
    CHECK_EQ_INT(sent->at, WEFT_S(1));
    CHECK_EQ_UINT(sent->number[0], 1);
    CHECK_EQ_UINT(sent->number[1], 4);
    CHECK_EQ_INT(received->at, WEFT_MS(1010));
    CHECK_EQ_UINT(received->number[0], 0);
    CHECK_EQ_UINT(received->number[2], sent->number[2]);
    small_close(small);
}

static void a_node_reaches_itself_without_a_link(void) {
    struct small *small = small_open(1);
    small->arg[3] = (struct small_arg){SMALL_PING, WEFT_S(1), 3, false};
    small_boot_all(small);
    small_run(small, WEFT_MS(1500));
    REQUIRE(small_log_count(small, 3, "pong") == 1);
    CHECK_EQ_INT(small_log(small, 3, "pong", 0)->at, WEFT_S(1) + 2 * SIM_LOOPBACK_DELAY);
    small_close(small);
}

static void a_stream_through_two_nodes_is_echoed(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){SMALL_STREAM, WEFT_S(1), 1, false};
    small_boot_all(small);
    small_run(small, WEFT_S(3));
    REQUIRE(small_log_count(small, 0, "stream hello") == 1);
    /* 20 ms to connect, 20 ms to and fro; the bytes follow an acknowledgement each way by 1 ns */
    CHECK_EQ_INT(small_log(small, 0, "stream hello", 0)->at, WEFT_MS(1040) + 2);
    small_close(small);
}

static void a_boot_is_traced_with_life_and_address(void) {
    struct small *small = small_open(1);
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_DOWN);
    CHECK(sim_world_node(small->world, 2) == NULL);
    small_run(small, WEFT_S(1));
    CHECK_EQ_INT(sim_world_boot(small->world, 2), WEFT_OK);
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
    CHECK_EQ_UINT(sim_world_life(small->world, 2), 1);
    const struct small_event *up = small_find(small, 2, WEFT_TRACE_NODE_UP, 0);
    REQUIRE(up != NULL);
    CHECK_EQ_INT(up->at, WEFT_S(1));
    CHECK_EQ_UINT(up->number[0], 1);
    struct weft_addr addr = sim_world_addr(2, WEFT_FAMILY_V4, 0);
    CHECK_EQ_BYTES(up->text, &addr, sizeof addr);
    small_close(small);
}

static void a_boot_that_fails_leaves_the_node_down(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){.act = SMALL_LISTEN_TWICE};
    CHECK_EQ_INT(sim_world_boot(small->world, 0), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(sim_world_state(small->world, 0), SIM_NODE_DOWN);
    const struct small_event *log =
        small_find(small, 0, WEFT_TRACE_LOG, small_count(small, 0, WEFT_TRACE_LOG) - 1);
    const struct small_event *down = small_find(small, 0, WEFT_TRACE_NODE_DOWN, 0);
    REQUIRE(log != NULL && down != NULL);
    CHECK(strncmp(log->text, "boot failed: IN_USE ", 20) == 0);
    CHECK_EQ_UINT(down->number[1], 0);
    small->arg[0] = (struct small_arg){.act = SMALL_NOTHING};
    CHECK_EQ_INT(sim_world_boot(small->world, 0), WEFT_OK);
    CHECK_EQ_UINT(sim_world_life(small->world, 0), 2);
    small_run(small, WEFT_S(1));
    small_close(small);
}

static void a_stop_in_order_leaves_nothing(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){SMALL_PING, WEFT_MS(300), 1, false};
    small_boot_all(small);
    small_run(small, WEFT_S(1));
    sim_world_stop(small->world, 0);
    small_run(small, WEFT_S(2));
    CHECK_EQ_INT(sim_world_state(small->world, 0), SIM_NODE_DOWN);
    const struct small_event *left = small_find(small, 0, WEFT_TRACE_NODE_LEFT, 0);
    const struct small_event *down = small_find(small, 0, WEFT_TRACE_NODE_DOWN, 0);
    REQUIRE(left != NULL && down != NULL);
    for (int i = 0; i < 4; i++) CHECK_EQ_UINT(left->number[i], 0);
    CHECK_EQ_INT(down->at, WEFT_S(1));
    CHECK_EQ_UINT(down->number[0], 1);
    CHECK_EQ_UINT(down->number[1], 1);
    CHECK_EQ_UINT(down->number[2], WEFT_NODE_STOPPED);
    small_close(small);
}

static void a_crash_is_silent_and_a_ping_into_it_is_lost(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){SMALL_PING, WEFT_S(1), 1, false};
    small_boot_all(small);
    small_run(small, WEFT_MS(500));
    CHECK(sim_world_crash(small->world, 1));
    CHECK(!sim_world_crash(small->world, 1));
    small_run(small, WEFT_MS(1500));
    CHECK_EQ_UINT(small_log_count(small, 0, "pong"), 0);
    const struct small_event *lost = small_find(small, 0, WEFT_TRACE_PACKET_LOST, 0);
    REQUIRE(lost != NULL);
    CHECK_EQ_INT(lost->at, WEFT_MS(1010));
    CHECK_EQ_UINT(lost->number[3], SIM_LOSS_NO_NODE);
    const struct small_event *down = small_find(small, 1, WEFT_TRACE_NODE_DOWN, 0);
    REQUIRE(down != NULL);
    CHECK_EQ_INT(down->at, WEFT_MS(500));
    CHECK_EQ_UINT(down->number[1], 0);
    CHECK_EQ_UINT(down->number[2], WEFT_NODE_CRASHED);
    CHECK_EQ_INT(sim_world_boot(small->world, 1), WEFT_OK);
    small_run(small, WEFT_MS(2500));
    CHECK_EQ_UINT(small_log_count(small, 0, "pong"), 1);
    small_close(small);
}

static bool file_survives(bool sync, bool kill) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){.act = SMALL_WRITE, .sync = sync};
    sim_world_boot(small->world, 0);
    small_run(small, WEFT_S(1));
    if (kill)
        sim_world_kill(small->world, 0);
    else
        sim_world_crash(small->world, 0);
    sim_world_boot(small->world, 0);
    bool there = small_log_count(small, 0, "file is there") == 1;
    CHECK_EQ_UINT(small_log_count(small, 0, "no file"), there ? 1 : 2);
    small_close(small);
    return there;
}

static void a_crash_keeps_what_was_synced_and_a_kill_everything(void) {
    CHECK(file_survives(true, false));
    CHECK(!file_survives(false, false));
    CHECK(file_survives(false, true));
}

static void a_kill_is_traced_as_one(void) {
    struct small *small = small_open(1);
    small_boot_all(small);
    CHECK(sim_world_kill(small->world, 1));
    CHECK_EQ_UINT(small_find(small, 1, WEFT_TRACE_NODE_DOWN, 0)->number[2], WEFT_NODE_KILLED);
    CHECK(small_find(small, 1, WEFT_TRACE_NODE_LEFT, 0) == NULL);
    small_close(small);
}

static void a_paused_node_is_late_and_loses_nothing(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){SMALL_PING, WEFT_S(1), 1, false};
    small->arg[1] = (struct small_arg){SMALL_TIMER, WEFT_S(2), 0, false};
    small_boot_all(small);
    small_run(small, WEFT_MS(500));
    CHECK(sim_world_pause(small->world, 1));
    CHECK(!sim_world_pause(small->world, 1));
    CHECK_EQ_INT(sim_world_state(small->world, 1), SIM_NODE_PAUSED);
    small_run(small, WEFT_MS(4500));
    CHECK_EQ_UINT(small_log_count(small, 0, "pong"), 0);
    CHECK_EQ_UINT(small_log_count(small, 1, "timer"), 0);
    CHECK(sim_world_resume(small->world, 1));
    CHECK(!sim_world_resume(small->world, 1));
    REQUIRE(small_log_count(small, 1, "timer") == 1);
    CHECK_EQ_INT(small_log(small, 1, "timer", 0)->at, WEFT_MS(4500));
    small_run(small, WEFT_MS(4900));
    CHECK_EQ_UINT(small_log_count(small, 0, "pong"), 4);
    CHECK_EQ_INT(small_log(small, 0, "pong", 0)->at, WEFT_MS(4510));
    small_close(small);
}

static void a_paused_node_keeps_a_buffer_of_datagrams_and_no_more(void) {
    struct small *small = small_open(1);
    uint64_t fits = SIM_RECEIVE_BUFFER / (4 + SIM_DATAGRAM_OVERHEAD);
    small->arg[0] = (struct small_arg){SMALL_PING, WEFT_MS(1), 1, false};
    small_boot_all(small);
    sim_world_pause(small->world, 1);
    small_run(small, WEFT_S(4));
    struct sim_world_stats stats;
    sim_world_stats(small->world, &stats);
    CHECK_EQ_UINT(stats.packets_sent, 4000);
    CHECK_EQ_UINT(stats.packets_received, fits);
    CHECK_EQ_UINT(stats.packets_lost, 4000 - 10 - fits); /* 10 are on their way, one due now */
    CHECK_EQ_UINT(stats.paused, 1);
    CHECK_EQ_UINT(stats.up, SMALL_NODES - 1);
    small_close(small);
}

static void stopping_a_paused_node_resumes_it_first(void) {
    struct small *small = small_open(1);
    small_boot_all(small);
    sim_world_pause(small->world, 1);
    sim_world_stop(small->world, 1);
    small_run(small, WEFT_S(1));
    CHECK_EQ_INT(sim_world_state(small->world, 1), SIM_NODE_DOWN);
    CHECK_EQ_UINT(small_find(small, 1, WEFT_TRACE_NODE_DOWN, 0)->number[1], 1);
    small_close(small);
}

static void a_node_that_is_never_idle_does_not_stop_the_clock(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){SMALL_BUSY, WEFT_S(1), 0, false};
    small->arg[1] = (struct small_arg){SMALL_TIMER, WEFT_S(1) + WEFT_US(10), 0, false};
    small_boot_all(small);
    small_run(small, WEFT_S(1) + WEFT_US(20));
    CHECK_EQ_UINT(small_log_count(small, 1, "timer"), 1);
    CHECK_EQ_INT(small_now(small), WEFT_S(1) + WEFT_US(20));
    small_close(small);
}

static void poison_ends_the_named_process_at_once_and_the_node_lives(void) {
    struct small *small = small_open(1);
    small_boot_all(small);
    small_run(small, WEFT_S(1));
    size_t before = small_count(small, 1, WEFT_TRACE_PROC_EXIT);
    CHECK_EQ_INT(sim_world_poison(small->world, 1, "nobody"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(sim_world_poison(small->world, 1, "echo"), WEFT_OK);
    small_run(small, WEFT_S(2));
    REQUIRE(small_count(small, 1, WEFT_TRACE_PROC_EXIT) == before + 1);
    const struct small_event *exit = small_find(small, 1, WEFT_TRACE_PROC_EXIT, before);
    CHECK_EQ_INT(exit->at, WEFT_S(1));
    CHECK_EQ_UINT(exit->number[3], 1);
    CHECK(strstr(exit->text, "planted fault") != NULL);
    CHECK_EQ_INT(sim_world_state(small->world, 1), SIM_NODE_UP);
    sim_world_crash(small->world, 1);
    CHECK_EQ_INT(sim_world_poison(small->world, 1, "echo"), WEFT_ERR_NO_PROC);
    small_close(small);
}

static void a_node_whose_root_gives_up_is_down_and_not_clean(void) {
    struct small *small = small_open(1);
    small_boot_all(small);
    for (int i = 0; i < 30 && sim_world_state(small->world, 1) == SIM_NODE_UP; i++) {
        sim_world_poison(small->world, 1, "echo");
        small_run(small, small_now(small) + WEFT_MS(1));
    }
    CHECK_EQ_INT(sim_world_state(small->world, 1), SIM_NODE_DOWN);
    const struct small_event *down = small_find(small, 1, WEFT_TRACE_NODE_DOWN, 0);
    REQUIRE(down != NULL);
    CHECK_EQ_UINT(down->number[1], 0);
    CHECK_EQ_UINT(down->number[2], WEFT_NODE_ENDED);
    CHECK(small_find(small, 1, WEFT_TRACE_NODE_LEFT, 0) == NULL);
    small_close(small);
}

static void asking_a_node_that_is_down_says_so(void) {
    struct small *small = small_open(1);
    struct weft_node_ask ask = {.kind = WEFT_NODE_DHT_STATS, .op = 1};
    CHECK_EQ_INT(sim_world_ask(small->world, 1, &ask), WEFT_ERR_NO_PROC);
    small_boot_all(small);
    CHECK_EQ_INT(sim_world_ask(small->world, 1, &ask), WEFT_OK);
    sim_world_pause(small->world, 1);
    CHECK_EQ_INT(sim_world_ask(small->world, 1, &ask), WEFT_ERR_NO_PROC);
    small_run(small, WEFT_S(1));
    small_close(small);
}

static void note(void *ctx, uint64_t arg) { *(uint64_t *)ctx = *(uint64_t *)ctx * 10 + arg; }

static void calls_come_at_their_time(void) {
    struct small *small = small_open(1);
    uint64_t seen = 0;
    CHECK_EQ_INT(sim_world_at(small->world, WEFT_S(2), note, &seen, 2), WEFT_OK);
    CHECK_EQ_INT(sim_world_at(small->world, WEFT_S(1), note, &seen, 1), WEFT_OK);
    CHECK_EQ_INT(sim_world_at(small->world, WEFT_S(9), note, &seen, 9), WEFT_OK);
    small_run(small, WEFT_S(1));
    CHECK_EQ_UINT(seen, 1);
    small_run(small, WEFT_S(3));
    CHECK_EQ_UINT(seen, 12);
    small_close(small); /* the third is still queued: freed, not called */
}

static void a_run_stops_at_its_number_of_events(void) {
    struct small *small = small_open(1);
    small->arg[0] = (struct small_arg){SMALL_PING, WEFT_S(1), 1, false};
    small_boot_all(small);
    uint64_t before = sim_engine_count(sim_world_engine(small->world));
    CHECK(!sim_world_run(small->world, WEFT_S(100), 7));
    CHECK_EQ_UINT(sim_engine_count(sim_world_engine(small->world)), before + 7);
    CHECK(sim_world_run(small->world, WEFT_S(100), 0));
    CHECK_EQ_INT(small_now(small), WEFT_S(100));
    small_close(small);
}

/* A run with a bit of everything. */
static struct sim_hash hash_of(uint64_t seed, bool crash) {
    struct small *small = small_open(seed);
    for (uint32_t i = 0; i < SMALL_NODES; i++) {
        enum small_act act = i % 2 == 0 ? SMALL_PING : SMALL_STREAM;
        small->arg[i] = (struct small_arg){act, WEFT_MS(100), (i + 1) % SMALL_NODES, false};
    }
    small_boot_all(small);
    small_run(small, WEFT_S(1));
    if (crash) sim_world_crash(small->world, 7);
    small_run(small, WEFT_S(2));
    struct sim_hash hash = sim_engine_hash(sim_world_engine(small->world));
    small_close(small);
    return hash;
}

static void the_same_seed_gives_the_same_hash_twice_in_one_process(void) {
    struct sim_hash hash = hash_of(42, true);
    CHECK(sim_hash_equal(hash_of(42, true), hash));
    CHECK(!sim_hash_equal(hash_of(43, true), hash));
    CHECK(!sim_hash_equal(hash_of(42, false), hash));
}

static void the_hash_does_not_depend_on_what_is_traced(void) {
    struct small *loud = small_open(5);
    loud->arg[0] = (struct small_arg){SMALL_PING, WEFT_MS(100), 1, false};
    small_boot_all(loud);
    small_run(loud, WEFT_S(1));
    struct sim_hash hash = sim_engine_hash(sim_world_engine(loud->world));
    small_close(loud);
    struct small *quiet = small_open_quiet(5);
    quiet->arg[0] = (struct small_arg){SMALL_PING, WEFT_MS(100), 1, false};
    small_boot_all(quiet);
    small_run(quiet, WEFT_S(1));
    CHECK_EQ_UINT(quiet->count, 0);
    CHECK(sim_hash_equal(sim_engine_hash(sim_world_engine(quiet->world)), hash));
    small_close(quiet);
}

static void memory_is_counted_for_nodes_that_are_up(void) {
    struct small *small = small_open(1);
    struct sim_world_stats stats;
    sim_world_stats(small->world, &stats);
    CHECK_EQ_UINT(sim_world_node_bytes(small->world), 0);
    CHECK_EQ_UINT(stats.down, SMALL_NODES);
    small_boot_all(small);
    sim_world_stats(small->world, &stats);
    CHECK(sim_world_node_bytes(small->world) > SMALL_NODES * 500u);
    CHECK_EQ_UINT(stats.up, SMALL_NODES);
    CHECK_EQ_UINT(stats.boots, SMALL_NODES);
    small_close(small);
}

TEST_MAIN("sim/world", TEST(addresses_and_numbers_are_each_others),
          TEST(a_datagram_and_its_echo_take_a_round_trip),
          TEST(a_node_reaches_itself_without_a_link), TEST(a_stream_through_two_nodes_is_echoed),
          TEST(a_boot_is_traced_with_life_and_address),
          TEST(a_boot_that_fails_leaves_the_node_down), TEST(a_stop_in_order_leaves_nothing),
          TEST(a_crash_is_silent_and_a_ping_into_it_is_lost),
          TEST(a_crash_keeps_what_was_synced_and_a_kill_everything), TEST(a_kill_is_traced_as_one),
          TEST(a_paused_node_is_late_and_loses_nothing),
          TEST(a_paused_node_keeps_a_buffer_of_datagrams_and_no_more),
          TEST(stopping_a_paused_node_resumes_it_first),
          TEST(a_node_that_is_never_idle_does_not_stop_the_clock),
          TEST(poison_ends_the_named_process_at_once_and_the_node_lives),
          TEST(a_node_whose_root_gives_up_is_down_and_not_clean),
          TEST(asking_a_node_that_is_down_says_so), TEST(calls_come_at_their_time),
          TEST(a_run_stops_at_its_number_of_events),
          TEST(the_same_seed_gives_the_same_hash_twice_in_one_process),
          TEST(the_hash_does_not_depend_on_what_is_traced),
          TEST(memory_is_counted_for_nodes_that_are_up))
