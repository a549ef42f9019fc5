/* Fail the first allocation, the second, the third ... until none fails: each error is reported,
 * nothing is half done, and what was promised to need no memory needs none. The sources are
 * included so that their allocations can be counted. */
#include "tests/harness/harness.h"

#include <stdlib.h>

static long allocations_left = -1; /* -1: all succeed */
static bool failed;

static bool allowed(void) {
    if (allocations_left < 0) return true;
    if (allocations_left > 0) {
        allocations_left--;
        return true;
    }
    failed = true;
    return false;
}

static void *test_malloc(size_t size) { return allowed() ? malloc(size) : NULL; }
static void *test_calloc(size_t count, size_t size) {
    return allowed() ? calloc(count, size) : NULL;
}
static void *test_realloc(void *ptr, size_t size) { return allowed() ? realloc(ptr, size) : NULL; }
static void *test_aligned_alloc(size_t align, size_t size) {
    return allowed() ? aligned_alloc(align, size) : NULL;
}

#define malloc test_malloc
#define calloc test_calloc
#define realloc test_realloc
#define aligned_alloc test_aligned_alloc
#include "sim/disk/disk.c"
#include "sim/disk/file.c"
#include "sim/disk/names.c"
#include "sim/engine/engine.c"
#include "sim/engine/heap.c"
#include "sim/engine/slab.c"
#include "sim/engine/wheel.c"
#include "sim/net/layer.c"
#include "sim/net/net.c"
#undef NONE
#include "sim/net/nat.c"
#undef malloc
#undef calloc
#undef realloc
#undef aligned_alloc

/* Allocations fail from the nth on. */
static void fail_from(long n) {
    allocations_left = n;
    failed = false;
}

static void fail_none(void) { allocations_left = -1; }

/* --- engine --- */

#define EVENTS 40000

static uint64_t scheduled_sum(struct sim_engine *engine, uint64_t *count) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < EVENTS; i++) {
        struct sim_event event = {.at = (weft_time)(weft_draw(1, 2, 3, i) >> (1 + i % 40)),
                                  .arg = i * i};
        if (sim_engine_schedule(engine, &event) == 0) continue;
        sum += event.arg;
        ++*count;
    }
    return sum;
}

/* From the nth allocation on nothing can be had: what was accepted is popped all the same. */
static void events_once_accepted_are_popped_without_memory(void) {
    long n = 0;
    for (;; n++) {
        fail_from(n);
        struct sim_engine *engine = sim_engine_new(1, 1);
        CHECK_EQ_INT(engine == NULL, n < 2);
        if (engine == NULL) continue;
        uint64_t count = 0, sum = scheduled_sum(engine, &count);
        CHECK_EQ_UINT(sim_engine_pending(engine), count);
        CHECK_EQ_INT(count < EVENTS, failed);
        struct sim_event event = {0};
        for (; sim_engine_next(engine, WEFT_TIME_NEVER, &event); count--) sum -= event.arg;
        CHECK_EQ_UINT(count, 0);
        CHECK_EQ_UINT(sum, 0);
        bool over = !failed;
        fail_none();
        sim_engine_free(engine, NULL);
        if (over) break;
    }
    CHECK(n > 20); /* slab pages, chunks, runs and heaps all had their turn */
}

/* --- net --- */

static void a_net_reports_every_lack_of_memory(void) {
    static struct sim_regions regions = {.count = 2};
    static struct sim_net_spec spec = {.rules_count = 1, .regions = &regions};
    static const uint8_t side[4] = {0, 1, 0, 1};
    struct sim_layer_spec layer = {.kind = SIM_LAYER_SPLIT, .side = side};
    sim_layer out = 55;
    for (long n = 0; n < 2; n++) {
        fail_from(n);
        CHECK(sim_net_new(&spec, 4, NULL, 1) == NULL);
    }
    fail_none();
    struct sim_net *net = sim_net_new(&spec, 4, NULL, 1);
    REQUIRE(net != NULL);
    for (long n = 0; n < 2; n++) {
        fail_from(0);
        CHECK_EQ_INT(sim_net_layer_on(net, &layer, &out), WEFT_ERR_NOMEM);
        fail_from(1);
        CHECK_EQ_INT(sim_net_layer_on(net, &layer, &out), n == 0 ? WEFT_ERR_NOMEM : WEFT_OK);
        fail_none();
    }
    CHECK_EQ_UINT(out, 0);
    CHECK(sim_net_cut(net, 0, 1));
    sim_net_free(net);
}

/* --- disk --- */

static struct sim_disk *disk_with_files(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file;
    CHECK_EQ_INT(sim_disk_open(disk, "d/f", WEFT_DISK_WRITE | WEFT_DISK_CREATE, &file), WEFT_OK);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 10000), WEFT_OK);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "old", 3), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "d/f"), WEFT_OK);
    sim_disk_close(disk, file);
    return disk;
}

/* Returns the first error. */
static int disk_story(struct sim_disk *disk) {
    weft_file file;
    int rv = sim_disk_open(disk, "d/f", WEFT_DISK_WRITE, &file);
    if (rv == WEFT_OK) rv = sim_disk_write(disk, file, 0, "new", 3);
    if (rv == WEFT_OK) rv = sim_disk_write(disk, file, 20000, "more", 4);
    if (rv == WEFT_OK) rv = sim_disk_truncate(disk, file, 5);
    if (rv == WEFT_OK) rv = sim_disk_truncate(disk, file, 100000);
    if (rv == WEFT_OK) rv = sim_disk_open(disk, "e/g/h", WEFT_DISK_WRITE | WEFT_DISK_CREATE, &file);
    if (rv == WEFT_OK) rv = sim_disk_write(disk, file, 0, "x", 1);
    if (rv == WEFT_OK) rv = sim_disk_rename(disk, "e/g/h", "i/j");
    return rv;
}

static void a_disk_without_memory_is_full_and_still_crashes_to_what_was_synced(void) {
    fail_from(0);
    CHECK(sim_disk_new() == NULL);
    long n = 0;
    for (bool over = false; !over; n++) {
        fail_none();
        struct sim_disk *disk = disk_with_files();
        fail_from(n);
        int rv = disk_story(disk);
        CHECK_EQ_INT(rv != WEFT_OK, failed);
        CHECK(rv == WEFT_OK || rv == WEFT_ERR_NO_SPACE || rv == WEFT_ERR_IO);
        over = !failed;
        allocations_left = 0; /* sync, crash and kill need none */
        failed = false;
        CHECK_EQ_INT(sim_disk_sync_folder(disk, ""), WEFT_OK);
        sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0);
        CHECK(!failed);
        fail_none();
        weft_file file;
        char out[4] = {0};
        CHECK_EQ_INT(sim_disk_open(disk, "d/f", WEFT_DISK_READ, &file), WEFT_OK);
        CHECK_EQ_INT(sim_disk_size(disk, file), 10000);
        CHECK_EQ_INT(sim_disk_read(disk, file, 0, out, 3), 3);
        CHECK_EQ_TEXT(out, "old");
        sim_disk_free(disk);
    }
    CHECK(n > 12);
}

static void a_write_that_fails_for_memory_changes_nothing(void) {
    for (long n = 0; n < 3; n++) {
        fail_none();
        struct sim_disk *disk = disk_with_files();
        weft_file file;
        char out[4] = {0};
        CHECK_EQ_INT(sim_disk_open(disk, "d/f", WEFT_DISK_WRITE, &file), WEFT_OK);
        fail_from(n); /* the list of pages, a page, the room */
        int rv = sim_disk_write(disk, file, 0, "new", 3);
        CHECK_EQ_INT(rv, n < 2 ? WEFT_ERR_NO_SPACE : WEFT_OK);
        fail_none();
        CHECK_EQ_INT(sim_disk_read(disk, file, 0, out, 3), 3);
        CHECK_EQ_TEXT(out, n < 2 ? "old" : "new");
        sim_disk_free(disk);
    }
}

/* --- NATs --- */

#define NAT_PACKETS 40

/* Each packet out through a NAT whose memory ends somewhere: dropped, or translated as ever. */
static void a_nat_without_memory_drops_what_is_new(void) {
    struct sim_nat_spec spec = {.type = SIM_NAT_PORT_RESTRICTED,
                                .lifetime = WEFT_S(30),
                                .stream_lifetime = WEFT_S(30),
                                .bindings_max = 100};
    fail_from(0);
    CHECK(sim_nat_new(&spec, 1, 0) == NULL);
    long n = 0;
    for (bool over = false; !over; n++) {
        fail_none();
        struct sim_nat *nat = sim_nat_new(&spec, 1, 0);
        uint32_t through = 0;
        fail_from(n);
        for (uint16_t i = 0; i < NAT_PACKETS; i++) {
            struct sim_nat_packet packet = {.inner = weft_addr_v4(192, 168, 0, 2, 2000),
                                            .remote = weft_addr_v4(10, 0, 0, 1, 80)};
            packet.inner.port = (uint16_t)(2000 + i);
            if (sim_nat_out(nat, &packet) != SIM_LOSS_NONE) continue;
            CHECK_EQ_UINT(packet.port, packet.inner.port);
            CHECK_EQ_INT(sim_nat_in(nat, &packet), SIM_LOSS_NONE);
            through++;
        }
        over = !failed;
        CHECK_EQ_INT(through == NAT_PACKETS, !failed);
        fail_none();
        sim_nat_free(nat);
    }
    CHECK(n > 8);
}

TEST_MAIN("fault/sim_memory", TEST(events_once_accepted_are_popped_without_memory),
          TEST(a_net_reports_every_lack_of_memory),
          TEST(a_disk_without_memory_is_full_and_still_crashes_to_what_was_synced),
          TEST(a_write_that_fails_for_memory_changes_nothing),
          TEST(a_nat_without_memory_drops_what_is_new))
