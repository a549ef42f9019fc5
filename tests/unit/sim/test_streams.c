/* Streams as TCP behaves, at exact times. Links take 10 ms one way. */
#include "tests/unit/sim/bare.h"

#include <stdlib.h>

static void a_handshake_takes_a_round_trip(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    bare_listen(bare, 1, 4);
    bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_S(5));
    REQUIRE(bare_count(bare, 0, WEFT_EVENT_CONNECTED) == 1);
    REQUIRE(bare_count(bare, 1, WEFT_EVENT_ACCEPTED) == 1);
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_CONNECTED, 0)->at, WEFT_MS(20));
    CHECK_EQ_INT(bare_find(bare, 1, WEFT_EVENT_ACCEPTED, 0)->at, WEFT_MS(30));
    CHECK_EQ_UINT(bare->count, 2);
    bare_close(bare);
    free(bare);
}

static void a_syn_is_sent_again_after_1_and_2_more_seconds(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    sim_layer cut = bare_cut(bare, 1);
    bare_listen(bare, 1, 4);
    bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_S(2));
    sim_net_layer_off(bare->net, cut);
    bare_run(bare, WEFT_S(10));
    REQUIRE(bare_count(bare, 0, WEFT_EVENT_CONNECTED) == 1);
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_CONNECTED, 0)->at, WEFT_S(3) + WEFT_MS(20));
    bare_close(bare);
    free(bare);
}

static void connecting_into_silence_times_out_after_63_seconds(void) {
    struct bare *bare = malloc(sizeof *bare);
    struct sim_fabric_stats stats;
    bare_open(bare);
    bare_down(bare, 1, SIM_END_CRASHED);
    bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_S(200));
    REQUIRE(bare->count == 1);
    CHECK_EQ_INT(bare->events[0].kind, WEFT_EVENT_FAILED);
    CHECK_EQ_INT(bare->events[0].error, WEFT_ERR_TIMEOUT);
    CHECK_EQ_INT(bare->events[0].at, WEFT_S(63));
    sim_fabric_stats(bare->fabric, &stats);
    CHECK_EQ_UINT(stats.packets_sent, 6); /* at 0, 1, 3, 7, 15, 31 s */
    CHECK_EQ_UINT(stats.packets_lost, 6);
    bare_close(bare);
    free(bare);
}

static void connecting_to_an_address_of_nobody_times_out(void) {
    struct bare *bare = malloc(sizeof *bare);
    weft_socket socket;
    bare_open(bare);
    struct weft_env *env = bare_env(bare, 0);
    struct weft_addr nobody = weft_addr_v4(192, 0, 2, 1, 80);
    CHECK_EQ_INT(env->net->stream_connect(env, &nobody, 1, &socket), WEFT_OK);
    bare_run(bare, WEFT_S(64));
    REQUIRE(bare->count == 1);
    CHECK_EQ_INT(bare->events[0].error, WEFT_ERR_TIMEOUT);
    bare_close(bare);
    free(bare);
}

static void a_port_without_listener_refuses_in_a_round_trip(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_S(1));
    REQUIRE(bare->count == 1);
    CHECK_EQ_INT(bare->events[0].error, WEFT_ERR_REFUSED);
    CHECK_EQ_INT(bare->events[0].at, WEFT_MS(20));
    bare_close(bare);
    free(bare);
}

static void a_full_backlog_makes_the_next_one_wait(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    bare_listen(bare, 1, 1);
    sim_fabric_pause(bare->fabric, 1);
    bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_MS(100));
    bare_dial(bare, 2, 1);
    bare_run(bare, WEFT_MS(500));
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_CONNECTED), 1);
    CHECK_EQ_UINT(bare_count(bare, 2, WEFT_EVENT_CONNECTED), 0);
    sim_fabric_resume(bare->fabric, 1);
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_ACCEPTED), 1);
    bare_run(bare, WEFT_S(3));
    REQUIRE(bare_count(bare, 2, WEFT_EVENT_CONNECTED) == 1);
    CHECK_EQ_INT(bare_find(bare, 2, WEFT_EVENT_CONNECTED, 0)->at, WEFT_MS(1120));
    bare_close(bare);
    free(bare);
}

static void bytes_take_one_way(void) {
    struct bare *bare = malloc(sizeof *bare);
    char data[8];
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    weft_time start = bare_now(bare);
    CHECK_EQ_INT(bare_write(bare, 0, pair.client, "hello", 5), 5);
    bare_run(bare, WEFT_S(5));
    REQUIRE(bare_count(bare, 1, WEFT_EVENT_READABLE) == 1);
    CHECK_EQ_INT(bare_find(bare, 1, WEFT_EVENT_READABLE, 0)->at, start + WEFT_MS(10));
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, data, sizeof data), 5);
    CHECK_EQ_BYTES(data, "hello", 5);
    bare_close(bare);
    free(bare);
}

static void a_writer_stops_at_the_buffers_and_goes_on_when_there_is_room(void) {
    static char block[SIM_STREAM_BUFFER];
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    CHECK_EQ_INT(bare_write(bare, 0, pair.client, block, sizeof block), SIM_STREAM_BUFFER);
    CHECK_EQ_INT(bare_write(bare, 0, pair.client, block, 1), WEFT_ERR_AGAIN);
    bare_run(bare, bare_now(bare) + WEFT_MS(30));
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_WRITABLE), 1);
    CHECK_EQ_INT(bare_write(bare, 0, pair.client, block, sizeof block), SIM_STREAM_BUFFER);
    CHECK_EQ_INT(bare_write(bare, 0, pair.client, block, 1), WEFT_ERR_AGAIN);
    bare_run(bare, bare_now(bare) + WEFT_S(300)); /* nobody reads: no timeout, no room */
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_WRITABLE), 1);
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_FAILED), 0);
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, block, sizeof block), SIM_STREAM_BUFFER);
    bare_run(bare, bare_now(bare) + WEFT_MS(50));
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_WRITABLE), 2);
    bare_close(bare);
    free(bare);
}

static void a_lost_window_update_is_asked_for(void) {
    static char block[SIM_STREAM_BUFFER];
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    bare_write(bare, 0, pair.client, block, sizeof block);
    bare_run(bare, bare_now(bare) + WEFT_MS(100));
    bare_write(bare, 0, pair.client, block, 100);
    bare_run(bare, bare_now(bare) + WEFT_MS(100));
    sim_layer cut = bare_cut(bare, 1);
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, block, sizeof block), SIM_STREAM_BUFFER);
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, block, 1), WEFT_ERR_AGAIN);
    sim_net_layer_off(bare->net, cut);
    bare_run(bare, bare_now(bare) + WEFT_S(2));
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, block, sizeof block), 100);
    bare_close(bare);
    free(bare);
}

static void a_stream_stalls_in_a_partition_and_resumes_by_its_timer(void) {
    struct bare *bare = malloc(sizeof *bare);
    char data[8];
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    sim_layer cut = bare_cut(bare, 1);
    weft_time start = bare_now(bare);
    bare_write(bare, 0, pair.client, "stalled", 7);
    bare_run(bare, start + WEFT_S(30));
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_READABLE), 0);
    sim_net_layer_off(bare->net, cut);
    bare_run(bare, start + WEFT_S(60));
    REQUIRE(bare_count(bare, 1, WEFT_EVENT_READABLE) == 1);
    /* sent again after 1, 3, 7, 15, 31 s */
    CHECK_EQ_INT(bare_find(bare, 1, WEFT_EVENT_READABLE, 0)->at, start + WEFT_MS(31010));
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, data, sizeof data), 7);
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_FAILED), 0);
    bare_close(bare);
    free(bare);
}

static void a_megabyte_survives_cuts_in_the_middle(void) {
    enum { SIZE = 1 << 20 };
    struct bare *bare = malloc(sizeof *bare);
    static unsigned char got[SIZE], sent[SIZE];
    size_t written = 0, read = 0;
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    for (size_t i = 0; i < SIZE; i++) sent[i] = (unsigned char)(i * 2654435761u >> 13);
    for (int step = 0; step < 4000 && read < SIZE; step++) {
        sim_layer cut = step % 50 == 49 ? bare_cut(bare, 1) : SIM_LAYER_NONE;
        int64_t rv =
            written < SIZE ? bare_write(bare, 0, pair.client, sent + written, SIZE - written) : 0;
        if (rv > 0) written += (size_t)rv;
        bare_run(bare, bare_now(bare) + WEFT_MS(15));
        rv = bare_read(bare, 1, pair.server, got + read, SIZE - read);
        if (rv > 0) read += (size_t)rv;
        if (cut != SIM_LAYER_NONE) sim_net_layer_off(bare->net, cut);
    }
    CHECK_EQ_UINT(read, SIZE);
    CHECK_EQ_BYTES(got, sent, SIZE);
    bare_close(bare);
    free(bare);
}

static void unacknowledged_bytes_time_out_after_two_minutes(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    bare_down(bare, 1, SIM_END_CRASHED);
    weft_time start = bare_now(bare);
    bare_write(bare, 0, pair.client, "x", 1);
    bare_run(bare, start + WEFT_S(300));
    REQUIRE(bare_count(bare, 0, WEFT_EVENT_FAILED) == 1);
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_FAILED, 0)->at, start + WEFT_S(120));
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_FAILED, 0)->error, WEFT_ERR_TIMEOUT);
    bare_close(bare);
    free(bare);
}

static void a_peer_in_its_next_life_resets_at_the_first_bytes(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    bare_down(bare, 1, SIM_END_CRASHED);
    bare_up(bare, 1);
    bare_listen(bare, 1, 4);
    bare_run(bare, WEFT_S(10));
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_FAILED), 0); /* idle: it cannot know */
    bare_write(bare, 0, pair.client, "x", 1);
    bare_run(bare, WEFT_S(20));
    REQUIRE(bare_count(bare, 0, WEFT_EVENT_FAILED) == 1);
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_FAILED, 0)->at, WEFT_S(10) + WEFT_MS(20));
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_FAILED, 0)->error, WEFT_ERR_RESET);
    bare_close(bare);
    free(bare);
}

static void a_killed_peer_resets_one_way_later(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    bare_connect(bare);
    weft_time start = bare_now(bare);
    bare_down(bare, 1, SIM_END_KILLED);
    bare_run(bare, start + WEFT_S(1));
    REQUIRE(bare_count(bare, 0, WEFT_EVENT_FAILED) == 1);
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_FAILED, 0)->at, start + WEFT_MS(10));
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_FAILED, 0)->error, WEFT_ERR_RESET);
    bare_close(bare);
    free(bare);
}

static void what_was_written_arrives_after_an_orderly_end(void) {
    struct bare *bare = malloc(sizeof *bare);
    char data[32];
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    bare_write(bare, 0, pair.client, "last words", 10);
    bare_down(bare, 0, SIM_END_ORDERLY);
    bare_run(bare, WEFT_S(1));
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, data, sizeof data), 10);
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, data, sizeof data), 0);
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_FAILED), 0);
    bare_close(bare);
    free(bare);
}

static void a_machine_boots_while_streams_of_its_last_life_finish(void) {
    struct bare *bare = malloc(sizeof *bare);
    char data[32];
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    sim_layer cut = bare_cut(bare, 0);
    bare_write(bare, 0, pair.client, "last words", 10);
    bare_down(bare, 0, SIM_END_ORDERLY);
    bare_up(bare, 0);
    CHECK_EQ_UINT(sim_fabric_sockets(bare->fabric, 0), 0);
    sim_net_layer_off(bare->net, cut);
    bare_run(bare, WEFT_S(5));
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, data, sizeof data), 10);
    CHECK_EQ_INT(bare_read(bare, 1, pair.server, data, sizeof data), 0);
    bare_close(bare);
    free(bare);
}

static void bytes_for_a_stream_that_was_closed_are_reset(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    struct weft_env *env = bare_env(bare, 0);
    env->net->close(env, pair.client);
    bare_run(bare, bare_now(bare) + WEFT_MS(100));
    CHECK_EQ_INT(bare_write(bare, 1, pair.server, "late", 4), 4);
    bare_run(bare, bare_now(bare) + WEFT_MS(100));
    REQUIRE(bare_count(bare, 1, WEFT_EVENT_FAILED) == 1);
    CHECK_EQ_INT(bare_find(bare, 1, WEFT_EVENT_FAILED, 0)->error, WEFT_ERR_RESET);
    bare_close(bare);
    free(bare);
}

static void closing_both_ends_leaves_nothing(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    struct weft_env *client = bare_env(bare, 0), *server = bare_env(bare, 1);
    size_t before = sim_fabric_overhead(bare->fabric, 0);
    client->net->close(client, pair.client);
    bare_run(bare, bare_now(bare) + WEFT_MS(100));
    server->net->close(server, pair.server);
    bare_run(bare, bare_now(bare) + WEFT_S(2));
    CHECK_EQ_UINT(sim_fabric_sockets(bare->fabric, 0), 0);
    CHECK_EQ_UINT(sim_fabric_sockets(bare->fabric, 1), 1);
    CHECK(sim_fabric_overhead(bare->fabric, 0) < before);
    CHECK_EQ_UINT(sim_engine_pending(bare->engine), 0);
    bare_close(bare);
    free(bare);
}

static void a_closing_listener_resets_who_waits(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    weft_socket listener = bare_listen(bare, 1, 4);
    sim_fabric_pause(bare->fabric, 1);
    bare_dial(bare, 0, 1);
    bare_run(bare, WEFT_MS(100));
    struct weft_env *env = bare_env(bare, 1);
    env->net->close(env, listener);
    sim_fabric_resume(bare->fabric, 1);
    bare_run(bare, WEFT_MS(200));
    CHECK_EQ_UINT(bare_count(bare, 1, WEFT_EVENT_ACCEPTED), 0);
    REQUIRE(bare_count(bare, 0, WEFT_EVENT_FAILED) == 1);
    CHECK_EQ_INT(bare_find(bare, 0, WEFT_EVENT_FAILED, 0)->error, WEFT_ERR_RESET);
    bare_close(bare);
    free(bare);
}

static void a_paused_owner_hears_everything_in_order_when_resumed(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    struct weft_env *env = bare_env(bare, 0);
    sim_fabric_pause(bare->fabric, 1);
    size_t before = bare->count;
    bare_write(bare, 0, pair.client, "x", 1);
    bare_run(bare, bare_now(bare) + WEFT_MS(50));
    env->net->abort(env, pair.client);
    bare_run(bare, bare_now(bare) + WEFT_MS(50));
    CHECK_EQ_UINT(bare->count, before);
    sim_fabric_resume(bare->fabric, 1);
    REQUIRE(bare->count == before + 2);
    CHECK_EQ_INT(bare->events[before].kind, WEFT_EVENT_READABLE);
    CHECK_EQ_INT(bare->events[before + 1].kind, WEFT_EVENT_FAILED);
    bare_close(bare);
    free(bare);
}

/* --- keep-alive --- */

static void keep_alive(struct bare *bare, uint32_t node, weft_socket socket, weft_duration idle) {
    struct weft_env *env = bare_env(bare, node);
    CHECK_EQ_INT(env->net->stream_keep_alive(env, socket, idle), WEFT_OK);
}

static uint64_t packets_sent(const struct bare *bare) {
    struct sim_fabric_stats stats;
    sim_fabric_stats(bare->fabric, &stats);
    return stats.packets_sent;
}

static void keep_alive_asks_three_times_and_then_gives_up(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    weft_time start = bare_now(bare);
    keep_alive(bare, 0, pair.client, WEFT_S(10));
    bare_down(bare, 1, SIM_END_CRASHED);
    uint64_t sent = packets_sent(bare);
    bare_run(bare, start + WEFT_S(100));
    CHECK_EQ_UINT(packets_sent(bare), sent + 3);
    const struct bare_event *failed = bare_find(bare, 0, WEFT_EVENT_FAILED, 0);
    REQUIRE(failed != NULL);
    CHECK_EQ_INT(failed->error, WEFT_ERR_TIMEOUT);
    CHECK_EQ_INT(failed->at, start + WEFT_S(40));
    bare_close(bare);
    free(bare);
}

/* Its machine answers: a node that stands still is no dead one. */
static void a_paused_peer_is_alive(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    keep_alive(bare, 0, pair.client, WEFT_S(10));
    sim_fabric_pause(bare->fabric, 1);
    uint64_t sent = packets_sent(bare);
    bare_run(bare, bare_now(bare) + WEFT_S(101));
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_FAILED), 0);
    CHECK_EQ_UINT(packets_sent(bare), sent + 20);
    bare_close(bare);
    free(bare);
}

static void keep_alive_counts_from_the_last_word_and_can_be_taken_back(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    weft_time start = bare_now(bare);
    keep_alive(bare, 0, pair.client, WEFT_S(10));
    bare_run(bare, start + WEFT_S(9));
    CHECK_EQ_INT(bare_write(bare, 1, pair.server, "x", 1), 1);
    uint64_t sent = packets_sent(bare);
    bare_run(bare, start + WEFT_S(18));
    CHECK_EQ_UINT(packets_sent(bare), sent + 1); /* its acknowledgement */
    bare_run(bare, start + WEFT_S(20));
    CHECK_EQ_UINT(packets_sent(bare), sent + 3); /* asked, answered */
    keep_alive(bare, 0, pair.client, 0);
    bare_down(bare, 1, SIM_END_CRASHED);
    bare_run(bare, start + WEFT_S(1000));
    CHECK_EQ_UINT(packets_sent(bare), sent + 3);
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_FAILED), 0);
    bare_close(bare);
    free(bare);
}

/* Fills what the peer will not read; then waits. */
static weft_time stalled_until(weft_duration idle) {
    static char data[65536];
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    if (idle > 0) keep_alive(bare, 0, pair.client, idle);
    bare_write(bare, 0, pair.client, data, sizeof data);
    bare_run(bare, WEFT_S(1));
    CHECK(bare_write(bare, 0, pair.client, data, sizeof data) > 0);
    bare_run(bare, WEFT_S(1000));
    const struct bare_event *failed = bare_find(bare, 0, WEFT_EVENT_FAILED, 0);
    weft_time at = failed != NULL ? failed->at : WEFT_TIME_NEVER;
    bare_close(bare);
    free(bare);
    return at;
}

static void a_reader_that_stops_is_waited_for_unless_kept_alive(void) {
    CHECK_EQ_INT(stalled_until(0), WEFT_TIME_NEVER);
    CHECK_EQ_INT(stalled_until(WEFT_S(10)), WEFT_S(41));
}

/* --- ended from outside --- */

static void a_reset_is_told_at_both_ends(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    bare_connect(bare);
    CHECK_EQ_UINT(sim_fabric_reset_streams(bare->fabric, 0), 1);
    CHECK_EQ_UINT(sim_fabric_reset_streams(bare->fabric, 0), 0);
    CHECK_EQ_UINT(sim_fabric_reset_streams(bare->fabric, 2), 0);
    bare_run(bare, WEFT_S(1));
    for (uint32_t i = 0; i < 2; i++) {
        const struct bare_event *failed = bare_find(bare, i, WEFT_EVENT_FAILED, 0);
        REQUIRE(failed != NULL);
        CHECK_EQ_INT(failed->error, WEFT_ERR_RESET);
        CHECK_EQ_INT(failed->at, WEFT_MS(i == 0 ? 35 : 45));
    }
    bare_close(bare);
    free(bare);
}

static void a_forgotten_stream_is_half_open_until_it_is_used(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    CHECK_EQ_UINT(sim_fabric_forget_streams(bare->fabric, 1), 1);
    const struct bare_event *failed = bare_find(bare, 1, WEFT_EVENT_FAILED, 0);
    REQUIRE(failed != NULL);
    CHECK_EQ_INT(failed->error, WEFT_ERR_TIMEOUT);
    bare_run(bare, WEFT_S(1000));
    CHECK_EQ_UINT(bare_count(bare, 0, WEFT_EVENT_FAILED), 0);
    CHECK_EQ_INT(bare_write(bare, 0, pair.client, "x", 1), 1);
    bare_run(bare, WEFT_S(1001));
    failed = bare_find(bare, 0, WEFT_EVENT_FAILED, 0);
    REQUIRE(failed != NULL);
    CHECK_EQ_INT(failed->error, WEFT_ERR_RESET);
    CHECK_EQ_INT(failed->at, WEFT_S(1000) + WEFT_MS(20));
    bare_close(bare);
    free(bare);
}

/* The end of a stream that gave up is no end: who finishes has to hear it. */
static void finishing_a_forgotten_stream_is_answered_by_a_reset(void) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    struct bare_pair pair = bare_connect(bare);
    struct weft_env *env = bare_env(bare, 0);
    sim_fabric_forget_streams(bare->fabric, 1);
    CHECK_EQ_INT(env->net->stream_finish(env, pair.client), WEFT_OK);
    bare_run(bare, WEFT_S(1));
    const struct bare_event *failed = bare_find(bare, 0, WEFT_EVENT_FAILED, 0);
    REQUIRE(failed != NULL);
    CHECK_EQ_INT(failed->error, WEFT_ERR_RESET);
    bare_close(bare);
    free(bare);
}

TEST_MAIN("sim/streams", TEST(a_handshake_takes_a_round_trip),
          TEST(a_syn_is_sent_again_after_1_and_2_more_seconds),
          TEST(connecting_into_silence_times_out_after_63_seconds),
          TEST(connecting_to_an_address_of_nobody_times_out),
          TEST(a_port_without_listener_refuses_in_a_round_trip),
          TEST(a_full_backlog_makes_the_next_one_wait), TEST(bytes_take_one_way),
          TEST(a_writer_stops_at_the_buffers_and_goes_on_when_there_is_room),
          TEST(a_lost_window_update_is_asked_for),
          TEST(a_stream_stalls_in_a_partition_and_resumes_by_its_timer),
          TEST(a_megabyte_survives_cuts_in_the_middle),
          TEST(unacknowledged_bytes_time_out_after_two_minutes),
          TEST(a_peer_in_its_next_life_resets_at_the_first_bytes),
          TEST(a_killed_peer_resets_one_way_later),
          TEST(what_was_written_arrives_after_an_orderly_end),
          TEST(a_machine_boots_while_streams_of_its_last_life_finish),
          TEST(bytes_for_a_stream_that_was_closed_are_reset),
          TEST(closing_both_ends_leaves_nothing), TEST(a_closing_listener_resets_who_waits),
          TEST(a_paused_owner_hears_everything_in_order_when_resumed),
          TEST(a_reset_is_told_at_both_ends),
          TEST(a_forgotten_stream_is_half_open_until_it_is_used),
          TEST(finishing_a_forgotten_stream_is_answered_by_a_reset),
          TEST(keep_alive_asks_three_times_and_then_gives_up), TEST(a_paused_peer_is_alive),
          TEST(keep_alive_counts_from_the_last_word_and_can_be_taken_back),
          TEST(a_reader_that_stops_is_waited_for_unless_kept_alive))
