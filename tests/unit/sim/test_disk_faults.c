/* Faults of disks in a world, and nodes that wait for them. Links take 10 ms. */
#include "core/base/error.h"
#include "sim/fault/fault.h"
#include "tests/unit/sim/small.h"

#include <stdio.h>

#define NEW (WEFT_DISK_WRITE | WEFT_DISK_CREATE)
#define NONE WEFT_TRACE_NODE_NONE

static const struct sim_group groups[] = {{"a", 0, 5}, {"rest", 5, 3}};

static struct sim_fault_spec spec_of(enum sim_fault_kind kind, weft_duration lasts) {
    return (struct sim_fault_spec){
        .kind = kind, .at = WEFT_S(1), .until = WEFT_TIME_NEVER, .lasts = lasts};
}

static struct sim_set only(uint32_t node) {
    return (struct sim_set){.kind = SIM_SET_RANGES, .ranges = {{node, node}}, .ranges_count = 1};
}

static void check_count(const struct sim_faults *faults, uint64_t injected, uint64_t bit) {
    struct sim_fault_count count = sim_faults_count(faults, 0);
    CHECK_EQ_UINT(count.injected, injected);
    CHECK_EQ_UINT(count.bit, bit);
}

static void end_world(struct small *small, struct sim_faults *faults) {
    sim_faults_free(faults);
    small_close(small);
}

/* A file of one sector on a node's disk, synced or not. */
static weft_file put(struct small *small, uint32_t node, const char *path, bool sync) {
    struct sim_disk *disk = sim_world_disk(small->world, node);
    char bytes[512];
    weft_file file;
    memset(bytes, 'x', sizeof bytes);
    CHECK_EQ_INT(sim_disk_open(disk, path, NEW, &file), WEFT_OK);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, bytes, sizeof bytes), WEFT_OK);
    if (!sync) return file;
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, path), WEFT_OK);
    return file;
}

/* What reading it gives: 512, fewer 'x', or an error. */
static int64_t look(struct small *small, uint32_t node, const char *path) {
    struct sim_disk *disk = sim_world_disk(small->world, node);
    char bytes[512];
    weft_file file;
    int rv = sim_disk_open(disk, path, WEFT_DISK_READ, &file);
    if (rv != WEFT_OK) return rv;
    int64_t got = sim_disk_read(disk, file, 0, bytes, sizeof bytes), count = 0;
    for (int64_t i = 0; i < got; i++) count += bytes[i] == 'x';
    sim_disk_close(disk, file);
    return got < 0 ? got : count;
}

static void an_io_error_lasts_as_long_as_the_fault(void) {
    struct small *small = small_open(3);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_IO_ERROR, WEFT_S(1));
    spec.nodes = only(2);
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    put(small, 2, "a", true);
    put(small, 3, "a", true);
    small_run(small, WEFT_MS(1500));
    check_count(faults, 1, 0);
    CHECK_EQ_INT(look(small, 3, "a"), 512);
    CHECK_EQ_INT(look(small, 2, "a"), WEFT_ERR_IO);
    CHECK_EQ_INT(look(small, 2, "a"), WEFT_ERR_IO);
    check_count(faults, 1, 1);
    CHECK_EQ_UINT(small_count(small, 2, WEFT_TRACE_FAULT_BIT), 1);
    small_run(small, WEFT_S(3));
    CHECK_EQ_INT(look(small, 2, "a"), 512);
    end_world(small, faults);
}

static void a_lost_fsync_bites_after_the_fault_is_over(void) {
    struct small *small = small_open(3);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_LOST_FSYNC, WEFT_S(1));
    spec.nodes = only(2);
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    CHECK_EQ_INT(sim_world_boot(small->world, 2), WEFT_OK);
    small_run(small, WEFT_MS(1500));
    put(small, 2, "a", true);
    small_run(small, WEFT_S(3));
    check_count(faults, 1, 0);
    CHECK(sim_world_cut_power(small->world, 2, SIM_UNSYNCED_LOST));
    check_count(faults, 1, 1);
    CHECK_EQ_INT(look(small, 2, "a"), WEFT_ERR_NOT_FOUND);
    end_world(small, faults);
}

/* Any number of them, at any times: of each file a majority stays whole. */
static void with_a_quorum_kept_no_file_is_damaged_on_a_majority(void) {
    struct small *small = small_open(3);
    struct sim_fault_spec specs[2] = {spec_of(SIM_FAULT_BIT_ROT, 0),
                                      spec_of(SIM_FAULT_LATENT_ERROR, 0)};
    char path[8];

    for (size_t i = 0; i < 2; i++) {
        specs[i].every = WEFT_S(1);
        specs[i].sectors = 50;
        specs[i].keeps_quorum = true;
    }
    for (uint32_t node = 0; node < SMALL_NODES; node++) {
        for (int i = 0; i < 20; i++) {
            snprintf(path, sizeof path, "f%d", i);
            put(small, node, path, true);
        }
    }
    struct sim_faults *faults = sim_faults_new(small->world, specs, 2, groups);
    small_run(small, WEFT_S(5));
    for (int i = 0; i < 20; i++) {
        uint32_t damaged[2] = {0};
        snprintf(path, sizeof path, "f%d", i);
        for (uint32_t node = 0; node < SMALL_NODES; node++)
            damaged[node >= 5] += look(small, node, path) != 512;
        CHECK_EQ_UINT(damaged[0], 2); /* of 5 */
        CHECK_EQ_UINT(damaged[1], 1); /* of 3 */
    }
    CHECK(sim_faults_count(faults, 0).bit > 0 && sim_faults_count(faults, 1).bit > 0);
    end_world(small, faults);
}

static void without_it_all_are_damaged(void) {
    struct small *small = small_open(3);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_BIT_ROT, 0);
    spec.file[0] = 'a';
    for (uint32_t node = 0; node < SMALL_NODES; node++) put(small, node, "a", true);
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    small_run(small, WEFT_S(2));
    for (uint32_t node = 0; node < SMALL_NODES; node++) CHECK_EQ_INT(look(small, node, "a"), 511);
    end_world(small, faults);
}

static void a_wiped_node_comes_back_with_an_empty_disk(void) {
    struct small *small = small_open(3);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_WIPE, WEFT_S(1));
    spec.nodes = only(2);
    CHECK_EQ_INT(sim_world_boot(small->world, 2), WEFT_OK);
    put(small, 2, "a", true);
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    small_run(small, WEFT_MS(1500));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_DOWN);
    small_run(small, WEFT_S(3));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_UP);
    CHECK_EQ_INT(look(small, 2, "a"), WEFT_ERR_NOT_FOUND);
    check_count(faults, 1, 1);
    end_world(small, faults);
}

static void wiping_a_node_that_is_down_bites_when_there_was_something(void) {
    for (int filled = 0; filled < 2; filled++) {
        struct small *small = small_open(3);
        struct sim_fault_spec spec = spec_of(SIM_FAULT_WIPE, 0);
        spec.nodes = only(2);
        if (filled) put(small, 2, "a", true);
        struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
        small_run(small, WEFT_S(2));
        check_count(faults, 1, (uint64_t)filled);
        CHECK_EQ_INT(look(small, 2, "a"), WEFT_ERR_NOT_FOUND);
        end_world(small, faults);
    }
}

/* What is left of a file that was never synced, over crashes of all nodes at once. */
static uint32_t left(bool given, enum sim_unsynced unsynced) {
    struct small *small = small_open(3);
    struct sim_fault_spec spec = spec_of(SIM_FAULT_CRASH, 0);
    uint32_t count = 0;
    spec.unsynced = unsynced;
    spec.unsynced_given = given;
    small_boot_all(small);
    for (uint32_t node = 0; node < SMALL_NODES; node++) put(small, node, "a", false);
    struct sim_faults *faults = sim_faults_new(small->world, &spec, 1, groups);
    small_run(small, WEFT_S(2));
    for (uint32_t node = 0; node < SMALL_NODES; node++)
        count += look(small, node, "a") != WEFT_ERR_NOT_FOUND;
    end_world(small, faults);
    return count;
}

static void a_crash_leaves_of_unsynced_writes_what_it_is_told_to(void) {
    CHECK_EQ_UINT(left(true, SIM_UNSYNCED_LOST), 0);
    CHECK_EQ_UINT(left(true, SIM_UNSYNCED_KEPT), SMALL_NODES);
    uint32_t torn = left(true, SIM_UNSYNCED_TORN), drawn = left(false, SIM_UNSYNCED_LOST);
    CHECK(torn > 0 && torn < SMALL_NODES);
    CHECK(drawn > 0 && drawn < SMALL_NODES);
}

/* --- a node that waits --- */

/* How often node 1 heard an answer after one time and up to another. */
static size_t pongs(const struct small *small, weft_time after, weft_time until) {
    size_t count = 0;
    const struct small_event *event;
    for (size_t i = 0; (event = small_log(small, 1, "pong", i)) != NULL; i++)
        count += event->at > after && event->at <= until;
    return count;
}

/* Node 1 asks node 2 every 100 ms. */
static struct small *open_pings(void) {
    struct small *small = small_open(3);
    small->arg[1] = (struct small_arg){SMALL_PING, WEFT_MS(100), 2, false};
    small_boot_all(small);
    return small;
}

static void a_busy_node_answers_when_it_has_time(void) {
    struct small *small = open_pings();
    small_run(small, WEFT_MS(1050));
    sim_world_busy(small->world, 2, WEFT_MS(2050));
    small_run(small, WEFT_S(4));
    CHECK_EQ_UINT(pongs(small, WEFT_MS(1050), WEFT_MS(2059)), 0);
    CHECK_EQ_UINT(pongs(small, WEFT_MS(2059), WEFT_MS(2065)), 10); /* all that waited */
    CHECK_EQ_UINT(pongs(small, WEFT_MS(3050), WEFT_MS(3550)), 5);
    small_close(small);
}

static void a_busy_node_may_be_released_early(void) {
    struct small *small = open_pings();
    small_run(small, WEFT_MS(1050));
    sim_world_busy(small->world, 2, WEFT_S(60));
    small_run(small, WEFT_MS(1550));
    CHECK_EQ_UINT(pongs(small, WEFT_MS(1050), WEFT_MS(1550)), 0);
    sim_world_busy(small->world, 2, small_now(small));
    small_run(small, WEFT_MS(1565));
    CHECK_EQ_UINT(pongs(small, WEFT_MS(1550), WEFT_MS(1565)), 5);
    small_close(small);
}

static void a_busy_node_can_be_paused_stopped_and_crashed(void) {
    struct small *small = open_pings();
    small_run(small, WEFT_MS(1050));
    sim_world_busy(small->world, 2, WEFT_S(2));
    CHECK(sim_world_pause(small->world, 2));
    small_run(small, WEFT_S(3));
    CHECK(sim_world_resume(small->world, 2));
    small_run(small, WEFT_MS(3050));
    CHECK(pongs(small, WEFT_S(3), WEFT_MS(3050)) >= 19);
    sim_world_busy(small->world, 2, WEFT_S(5));
    sim_world_stop(small->world, 2);
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_STOPPING);
    small_run(small, WEFT_MS(4990));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_STOPPING);
    small_run(small, WEFT_S(6));
    CHECK_EQ_INT(sim_world_state(small->world, 2), SIM_NODE_DOWN);
    sim_world_busy(small->world, 1, WEFT_S(60));
    CHECK(sim_world_crash(small->world, 1));
    CHECK_EQ_INT(sim_world_boot(small->world, 1), WEFT_OK);
    small_run(small, WEFT_S(70));
    small_close(small);
}

TEST_MAIN("sim/disk_faults", TEST(an_io_error_lasts_as_long_as_the_fault),
          TEST(a_lost_fsync_bites_after_the_fault_is_over),
          TEST(with_a_quorum_kept_no_file_is_damaged_on_a_majority),
          TEST(without_it_all_are_damaged), TEST(a_wiped_node_comes_back_with_an_empty_disk),
          TEST(wiping_a_node_that_is_down_bites_when_there_was_something),
          TEST(a_crash_leaves_of_unsynced_writes_what_it_is_told_to),
          TEST(a_busy_node_answers_when_it_has_time), TEST(a_busy_node_may_be_released_early),
          TEST(a_busy_node_can_be_paused_stopped_and_crashed))
