/* A disk in trouble: what a node sees, and what a loss of power leaves. */
#include "core/base/error.h"
#include "sim/disk/disk.h"
#include "tests/harness/harness.h"

#define NEW (WEFT_DISK_WRITE | WEFT_DISK_CREATE)
#define ALL 1000000u

static uint32_t bites;

static void on_bit(struct sim_trouble *trouble) {
    (void)trouble;
    bites++;
}

static struct sim_trouble trouble_of(enum sim_trouble_kind kind, uint64_t seed) {
    bites = 0;
    return (struct sim_trouble){
        .kind = kind, .ops = SIM_DISK_OPS_ALL, .ppm = ALL, .seed = seed, .bit = on_bit};
}

static weft_file open_file(struct sim_disk *disk, const char *path) {
    weft_file file = WEFT_FILE_NONE;
    CHECK_EQ_INT(sim_disk_open(disk, path, NEW, &file), WEFT_OK);
    return file;
}

/* A synced file of `size` bytes `fill`. */
static weft_file put(struct sim_disk *disk, const char *path, char fill, size_t size) {
    static char bytes[20000];
    memset(bytes, fill, size);
    weft_file file = open_file(disk, path);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, bytes, size), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, path), WEFT_OK);
    return file;
}

/* How many bytes of the file are `fill`; -1: it is not there. */
static int64_t count_of(struct sim_disk *disk, const char *path, char fill) {
    static char bytes[20000];
    weft_file file;
    if (sim_disk_open(disk, path, WEFT_DISK_READ, &file) != WEFT_OK) return -1;
    int64_t size = sim_disk_read(disk, file, 0, bytes, sizeof bytes), count = 0;
    for (int64_t i = 0; i < size; i++) count += bytes[i] == fill;
    sim_disk_close(disk, file);
    return size < 0 ? size : count;
}

static int64_t size_of(struct sim_disk *disk, const char *path) {
    weft_file file = open_file(disk, path);
    int64_t size = sim_disk_size(disk, file);
    sim_disk_close(disk, file);
    return size;
}

/* --- loss of power --- */

static void what_was_kept_is_all_there_and_durable(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file = open_file(disk, "a");
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "text", 4), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_KEPT, 1), 0);
    CHECK_EQ_INT(count_of(disk, "a", 't'), 2);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1), 0);
    CHECK_EQ_INT(count_of(disk, "a", 't'), 2);
    sim_disk_free(disk);
}

static void a_torn_overwrite_leaves_whole_sectors_of_either(void) {
    uint64_t mixed = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_disk *disk = sim_disk_new();
        char bytes[8 * 512];
        weft_file file = put(disk, "a", 'o', sizeof bytes);
        memset(bytes, 'n', sizeof bytes);
        CHECK_EQ_INT(sim_disk_write(disk, file, 0, bytes, sizeof bytes), WEFT_OK);
        sim_disk_crash(disk, SIM_UNSYNCED_TORN, seed);
        int64_t old = count_of(disk, "a", 'o'), new = count_of(disk, "a", 'n');
        CHECK_EQ_INT(old + new, sizeof bytes);
        CHECK_EQ_INT(old % 512, 0);
        mixed += old > 0 && new > 0;
        sim_disk_free(disk);
    }
    CHECK(mixed > 40);
}

static void a_torn_append_may_leave_the_size_without_the_bytes(void) {
    bool zeros = false, shorter = false, whole = false;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct sim_disk *disk = sim_disk_new();
        char bytes[2048];
        weft_file file = put(disk, "a", 'o', 100);
        memset(bytes, 'n', sizeof bytes);
        CHECK_EQ_INT(sim_disk_write(disk, file, 100, bytes, sizeof bytes), WEFT_OK);
        sim_disk_crash(disk, SIM_UNSYNCED_TORN, seed);
        int64_t size = size_of(disk, "a"), new = count_of(disk, "a", 'n');
        CHECK_EQ_INT(count_of(disk, "a", 'o'), 100);
        CHECK(size >= 100 && size <= 2148 && new <= size - 100);
        zeros = zeros || new < size - 100;
        shorter = shorter || size < 2148;
        whole = whole || (size == 2148 && new > 0);
        sim_disk_free(disk);
    }
    CHECK(zeros && shorter && whole);
}

static void of_torn_names_a_rename_is_whole_and_each_other_for_itself(void) {
    uint32_t seen[2][2] = {{0}};
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct sim_disk *disk = sim_disk_new();
        put(disk, "table", 'o', 10);
        put(disk, "log", 'l', 10);
        weft_file file = open_file(disk, "table.new");
        CHECK_EQ_INT(sim_disk_write(disk, file, 0, "nn", 2), WEFT_OK);
        CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
        CHECK_EQ_INT(sim_disk_rename(disk, "table.new", "table"), WEFT_OK);
        CHECK_EQ_INT(sim_disk_remove(disk, "log"), WEFT_OK);
        sim_disk_crash(disk, SIM_UNSYNCED_TORN, seed);
        bool old = count_of(disk, "table", 'o') == 10, new = count_of(disk, "table", 'n') == 2;
        bool log = count_of(disk, "log", 'l') == 10;
        CHECK(old != new);
        CHECK_EQ_INT(count_of(disk, "table.new", 'n'), -1); /* it was never durable */
        seen[new][log]++;
        sim_disk_free(disk);
    }
    CHECK(seen[0][0] > 0 && seen[0][1] > 0 && seen[1][0] > 0 && seen[1][1] > 0);
}

static void a_wiped_disk_is_empty(void) {
    struct sim_disk *disk = sim_disk_new();
    size_t empty = sim_disk_bytes(disk);
    put(disk, "a/b", 'x', 10);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_WIPED, 0), 1);
    CHECK_EQ_UINT(sim_disk_bytes(disk), empty);
    CHECK_EQ_INT(count_of(disk, "a/b", 'x'), -1);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_WIPED, 0), 0);
    sim_disk_free(disk);
}

/* --- operations --- */

static void a_lost_fsync_bites_when_a_crash_shows_it(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_LOST_FSYNC, 1);
    weft_file file = put(disk, "a", 'o', 10);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "nn", 2), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    sim_disk_trouble_off(disk, &trouble);
    CHECK_EQ_UINT(bites, 0);
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1);
    CHECK_EQ_UINT(bites, 1);
    CHECK_EQ_INT(count_of(disk, "a", 'o'), 10);
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1);
    CHECK_EQ_UINT(bites, 1);
    sim_disk_free(disk);
}

static void a_lost_fsync_that_a_true_one_makes_good_does_not_bite(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_LOST_FSYNC, 1);
    trouble.ppm = 0;
    trouble.nth = 1;
    weft_file file = put(disk, "a", 'o', 10);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "nn", 2), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1);
    CHECK_EQ_INT(count_of(disk, "a", 'n'), 2);
    CHECK_EQ_UINT(bites, 0);
    sim_disk_trouble_off(disk, &trouble);
    sim_disk_free(disk);
}

static void a_lost_sync_of_a_folder_loses_names(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_LOST_FSYNC, 1);
    sim_disk_trouble_on(disk, &trouble);
    put(disk, "a", 'x', 10);
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1);
    CHECK_EQ_INT(count_of(disk, "a", 'x'), -1);
    CHECK_EQ_UINT(bites, 1);
    sim_disk_trouble_off(disk, &trouble);
    sim_disk_free(disk);
}

static void what_a_failed_sync_left_a_good_one_does_not_reach(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_IO_ERROR, 1);
    trouble.ops = SIM_DISK_SYNC;
    weft_file file = put(disk, "a", 'o', 5000);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "nn", 2), WEFT_OK);
    CHECK_EQ_INT(sim_disk_write(disk, file, 5000, "mmm", 3), WEFT_OK);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_ERR_IO);
    sim_disk_trouble_off(disk, &trouble);
    CHECK_EQ_UINT(bites, 1);
    CHECK_EQ_INT(count_of(disk, "a", 'n'), 2); /* the page cache has it */
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1);
    CHECK_EQ_INT(count_of(disk, "a", 'n'), 0);
    CHECK_EQ_INT(count_of(disk, "a", 'm'), 0);
    CHECK_EQ_INT(count_of(disk, "a", 'o'), 5000);
    sim_disk_free(disk);
}

static void what_is_written_again_after_a_failed_sync_is_reached(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_IO_ERROR, 1);
    weft_file file = put(disk, "a", 'o', 5000);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "nn", 2), WEFT_OK);
    CHECK_EQ_INT(sim_disk_write(disk, file, 5000, "mmm", 3), WEFT_OK);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_ERR_IO);
    sim_disk_trouble_off(disk, &trouble);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "nn", 2), WEFT_OK);
    CHECK_EQ_INT(sim_disk_write(disk, file, 5000, "mmmm", 4), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1), 0);
    CHECK_EQ_INT(count_of(disk, "a", 'n'), 2);
    CHECK_EQ_INT(count_of(disk, "a", 'm'), 4);
    sim_disk_free(disk);
}

static void the_nth_operation_fails_and_no_other(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_IO_ERROR, 1);
    trouble.ops = SIM_DISK_WRITE;
    trouble.nth = 3;
    weft_file file = put(disk, "a", 'o', 10);
    sim_disk_trouble_on(disk, &trouble);
    for (int i = 1; i <= 6; i++) {
        CHECK_EQ_INT(sim_disk_write(disk, file, 0, "n", 1), i == 3 ? WEFT_ERR_IO : WEFT_OK);
        CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    }
    CHECK_EQ_UINT(bites, 1);
    sim_disk_trouble_off(disk, &trouble);
    sim_disk_free(disk);
}

static void only_the_file_that_is_named_is_in_trouble(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_IO_ERROR, 1);
    trouble.file = "b";
    weft_file a = put(disk, "a", 'o', 10), b = put(disk, "b", 'o', 10);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_write(disk, a, 0, "n", 1), WEFT_OK);
    CHECK_EQ_INT(sim_disk_write(disk, b, 0, "n", 1), WEFT_ERR_IO);
    CHECK_EQ_INT(sim_disk_access(disk, "b", WEFT_DISK_READ), WEFT_ERR_IO);
    CHECK_EQ_INT(sim_disk_rename(disk, "a", "b"), WEFT_ERR_IO);
    CHECK_EQ_INT(sim_disk_remove(disk, "a"), WEFT_OK);
    sim_disk_trouble_off(disk, &trouble);
    sim_disk_free(disk);
}

static void on_a_full_disk_nothing_grows_and_the_rest_works(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_FULL, 1);
    weft_file file = put(disk, "a", 'o', 10), other;
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_write(disk, file, 5, "nnnnn", 5), WEFT_OK);
    CHECK_EQ_UINT(bites, 0);
    CHECK_EQ_INT(sim_disk_write(disk, file, 5, "nnnnnn", 6), WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 11), WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 9), WEFT_OK);
    CHECK_EQ_INT(sim_disk_open(disk, "b", NEW, &other), WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(sim_disk_open(disk, "a", NEW, &other), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_UINT(bites, 3);
    sim_disk_trouble_off(disk, &trouble);
    sim_disk_free(disk);
}

static weft_duration takes(const struct sim_trouble *trouble, uint64_t raw) {
    (void)trouble;
    (void)raw;
    return WEFT_MS(7);
}

static void slow_operations_add_up(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_SLOW, 1);
    trouble.takes = takes;
    trouble.ops = SIM_DISK_SYNC;
    weft_file file = put(disk, "a", 'o', 10);
    CHECK_EQ_INT(sim_disk_took(disk), 0);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "n", 1), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    CHECK_EQ_INT(sim_disk_took(disk), WEFT_MS(14));
    CHECK_EQ_INT(sim_disk_took(disk), 0);
    sim_disk_trouble_off(disk, &trouble);
    sim_disk_free(disk);
}

static void a_misdirected_write_leaves_its_place_and_spoils_another(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_MISDIRECTED, 3);
    char bytes[512];
    weft_file file = put(disk, "a", 'o', 1024);
    put(disk, "b", 'o', 2048);
    memset(bytes, 'n', sizeof bytes);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_write(disk, file, 1024, bytes, sizeof bytes), WEFT_OK);
    sim_disk_trouble_off(disk, &trouble);
    CHECK_EQ_UINT(bites, 1);
    CHECK_EQ_INT(size_of(disk, "a"), 1536);
    CHECK_EQ_INT(count_of(disk, "a", 'n') + count_of(disk, "b", 'n'), 512);
    CHECK_EQ_INT(sim_disk_read(disk, file, 1024, bytes, 512), 512);
    CHECK_EQ_INT(bytes[0], 0);
    sim_disk_free(disk);
}

static void a_write_with_no_other_place_to_go_arrives(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_MISDIRECTED, 3);
    weft_file file = put(disk, "a", 'o', 100);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "n", 1), WEFT_OK);
    CHECK_EQ_INT(count_of(disk, "a", 'n'), 1);
    CHECK_EQ_UINT(bites, 0);
    sim_disk_trouble_off(disk, &trouble);
    sim_disk_free(disk);
}

static void a_misdirected_read_gives_bytes_of_elsewhere(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_MISDIRECTED, 3);
    char bytes[512];
    weft_file file = put(disk, "a", 'a', 512);
    put(disk, "b", 'b', 512);
    sim_disk_trouble_on(disk, &trouble);
    CHECK_EQ_INT(sim_disk_read(disk, file, 0, bytes, sizeof bytes), 512);
    CHECK_EQ_INT(bytes[0], 'b');
    CHECK_EQ_UINT(bites, 1);
    sim_disk_trouble_off(disk, &trouble);
    CHECK_EQ_INT(sim_disk_read(disk, file, 0, bytes, sizeof bytes), 512);
    CHECK_EQ_INT(bytes[0], 'a');
    sim_disk_free(disk);
}

/* --- at rest --- */

static void a_bit_that_rots_is_read_until_it_is_written(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_DAMAGE, 5);
    char bytes[1000];
    weft_file file = put(disk, "a", 'o', sizeof bytes);
    CHECK(sim_disk_damage(disk, &trouble, true));
    CHECK_EQ_UINT(bites, 0);
    CHECK_EQ_INT(count_of(disk, "a", 'o'), sizeof bytes - 1);
    CHECK_EQ_UINT(bites, 1);
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 1);
    CHECK_EQ_INT(count_of(disk, "a", 'o'), sizeof bytes - 1);
    memset(bytes, 'o', sizeof bytes);
    file = open_file(disk, "a");
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, bytes, sizeof bytes), WEFT_OK);
    CHECK_EQ_INT(count_of(disk, "a", 'o'), sizeof bytes);
    sim_disk_free(disk);
}

static void a_latent_error_is_of_one_sector_until_it_is_written(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_DAMAGE, 5);
    char bytes[512];
    int failed = 0, failed_at = 0;
    weft_file file = put(disk, "a", 'o', 2048);
    CHECK(sim_disk_damage(disk, &trouble, false));
    for (int i = 0; i < 4; i++) {
        int64_t got = sim_disk_read(disk, file, (uint64_t)i * 512, bytes, 512);
        CHECK(got == 512 || got == WEFT_ERR_IO);
        failed += got == WEFT_ERR_IO;
        if (got == WEFT_ERR_IO) failed_at = i;
    }
    CHECK_EQ_INT(failed, 1);
    CHECK_EQ_UINT(bites, 1);
    CHECK_EQ_INT(sim_disk_write(disk, file, (uint64_t)failed_at * 512, "n", 1), WEFT_OK);
    CHECK_EQ_INT(count_of(disk, "a", 'o'), 2047);
    sim_disk_free(disk);
}

static void damage_goes_with_what_is_cut_off(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_DAMAGE, 5);
    weft_file file = put(disk, "a", 'o', 512);
    CHECK(sim_disk_damage(disk, &trouble, false));
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 0), WEFT_OK);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 512), WEFT_OK);
    CHECK_EQ_INT(count_of(disk, "a", 0), 512);
    sim_disk_free(disk);
}

static void an_empty_disk_has_nothing_to_damage(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_DAMAGE, 5);
    CHECK(!sim_disk_damage(disk, &trouble, true));
    put(disk, "a", 'o', 10);
    trouble.file = "b";
    CHECK(!sim_disk_damage(disk, &trouble, true));
    sim_disk_free(disk);
}

static void who_is_forgotten_is_not_told(void) {
    struct sim_disk *disk = sim_disk_new();
    struct sim_trouble trouble = trouble_of(SIM_TROUBLE_DAMAGE, 5);
    put(disk, "a", 'o', 10);
    CHECK(sim_disk_damage(disk, &trouble, true));
    sim_disk_forget(disk, &trouble);
    CHECK_EQ_INT(count_of(disk, "a", 'o'), 9);
    CHECK_EQ_UINT(bites, 0);
    sim_disk_free(disk);
}

TEST_MAIN("sim/disk_trouble", TEST(what_was_kept_is_all_there_and_durable),
          TEST(a_torn_overwrite_leaves_whole_sectors_of_either),
          TEST(a_torn_append_may_leave_the_size_without_the_bytes),
          TEST(of_torn_names_a_rename_is_whole_and_each_other_for_itself),
          TEST(a_wiped_disk_is_empty), TEST(a_lost_fsync_bites_when_a_crash_shows_it),
          TEST(a_lost_fsync_that_a_true_one_makes_good_does_not_bite),
          TEST(a_lost_sync_of_a_folder_loses_names),
          TEST(what_a_failed_sync_left_a_good_one_does_not_reach),
          TEST(what_is_written_again_after_a_failed_sync_is_reached),
          TEST(the_nth_operation_fails_and_no_other),
          TEST(only_the_file_that_is_named_is_in_trouble),
          TEST(on_a_full_disk_nothing_grows_and_the_rest_works), TEST(slow_operations_add_up),
          TEST(a_misdirected_write_leaves_its_place_and_spoils_another),
          TEST(a_write_with_no_other_place_to_go_arrives),
          TEST(a_misdirected_read_gives_bytes_of_elsewhere),
          TEST(a_bit_that_rots_is_read_until_it_is_written),
          TEST(a_latent_error_is_of_one_sector_until_it_is_written),
          TEST(damage_goes_with_what_is_cut_off), TEST(an_empty_disk_has_nothing_to_damage),
          TEST(who_is_forgotten_is_not_told))
