/* The run's hash knows what a node does, also where nothing comes of it. */
#include "tests/unit/sim/bare.h"

#include <stdlib.h>

static struct sim_hash after(void (*act)(struct bare *bare, int which), int which) {
    struct bare *bare = malloc(sizeof *bare);
    bare_open(bare);
    act(bare, which);
    bare_run(bare, WEFT_S(1));
    struct sim_hash hash = sim_engine_hash(bare->engine);
    bare_close(bare);
    free(bare);
    return hash;
}

/* The same twice, and something else when `which` is another. */
static void check_tells(void (*act)(struct bare *bare, int which), int count) {
    for (int i = 0; i < count; i++) {
        CHECK(sim_hash_equal(after(act, i), after(act, i)));
        for (int j = 0; j < i; j++) CHECK(!sim_hash_equal(after(act, i), after(act, j)));
    }
}

/* --- packets --- */

static void send_byte(struct bare *bare, struct weft_addr to, int byte) {
    struct weft_env *env = bare_env(bare, 0);
    struct weft_addr local = {.family = WEFT_FAMILY_V4, .port = 9};
    weft_socket socket = WEFT_SOCKET_NONE;
    char data = (char)byte;
    CHECK_EQ_INT(env->net->datagram_open(env, &local, 0, &socket), WEFT_OK);
    CHECK_EQ_INT(env->net->datagram_send(env, socket, &to, &data, 1), WEFT_OK);
    env->net->close(env, socket);
}

static void send_into_a_cut(struct bare *bare, int which) {
    bare_cut(bare, 1);
    send_byte(bare, sim_world_addr(1, WEFT_FAMILY_V4, 9), which);
}

static void send_to_a_closed_port(struct bare *bare, int which) {
    send_byte(bare, sim_world_addr(1, WEFT_FAMILY_V4, 9), which);
}

static void send_to_a_machine_that_is_down(struct bare *bare, int which) {
    bare_down(bare, 1, SIM_END_CRASHED);
    send_byte(bare, sim_world_addr(1, WEFT_FAMILY_V4, 9), which);
}

static void send_to_nobody(struct bare *bare, int which) {
    send_byte(bare, weft_addr_v4(192, 0, 2, 1, 9), which);
}

static void bytes_that_are_lost_count(void) {
    check_tells(send_into_a_cut, 2);
    check_tells(send_to_a_closed_port, 2);
    check_tells(send_to_a_machine_that_is_down, 2);
    check_tells(send_to_nobody, 2);
}

/* --- events --- */

static void schedule_and_cancel(struct bare *bare, int which) {
    struct sim_event event = {.at = WEFT_MS(10 + (which & 1)), .kind = 99, .entity = 1};
    sim_handle handle = sim_engine_schedule(bare->engine, &event);
    struct sim_event other = {.at = WEFT_MS(5), .kind = 99, .entity = 2};
    sim_handle earlier = sim_engine_schedule(bare->engine, &other);
    CHECK(sim_engine_cancel(bare->engine, which < 2 ? handle : earlier, &event));
    CHECK(sim_engine_cancel(bare->engine, which < 2 ? earlier : handle, &event));
}

static void events_that_never_happen_count(void) { check_tells(schedule_and_cancel, 4); }

/* --- disks --- */

enum { WRITE_A, WRITE_B, WRITE_ELSEWHERE, CUT_SHORT, SYNC, READ, READ_ELSEWHERE, RENAME, WAYS };

static void use_the_disk(struct bare *bare, int which) {
    struct weft_env *env = bare_env(bare, 0);
    weft_file file = WEFT_FILE_NONE;
    char byte = which == WRITE_B ? 'b' : 'a', got[4] = {0};
    int mode = WEFT_DISK_READ | WEFT_DISK_WRITE | WEFT_DISK_CREATE;
    CHECK_EQ_INT(env->disk->open(env, "f", mode, &file), WEFT_OK);
    uint64_t at = which == WRITE_ELSEWHERE ? 1 : 0;
    CHECK_EQ_INT(env->disk->write(env, file, at, &byte, 1), WEFT_OK);
    if (which == CUT_SHORT) CHECK_EQ_INT(env->disk->truncate(env, file, 0), WEFT_OK);
    if (which == SYNC) CHECK_EQ_INT(env->disk->sync(env, file), WEFT_OK);
    if (which == READ) CHECK_EQ_INT(env->disk->read(env, file, 0, got, 4), 1);
    if (which == READ_ELSEWHERE) CHECK_EQ_INT(env->disk->read(env, file, 9, got, 4), 0);
    env->disk->close(env, file);
    if (which == RENAME) CHECK_EQ_INT(env->disk->rename(env, "f", "g"), WEFT_OK);
}

static void what_is_asked_of_a_disk_counts(void) { check_tells(use_the_disk, WAYS); }

TEST_MAIN("sim/run_hash", TEST(bytes_that_are_lost_count), TEST(events_that_never_happen_count),
          TEST(what_is_asked_of_a_disk_counts))
