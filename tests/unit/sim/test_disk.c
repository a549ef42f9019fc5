/* The disk: each promise of core/env/disk.h across a crash and a kill, and a model of whole copies
 * that random operations must agree with. */
#include "core/base/error.h"
#include "core/base/rand.h"
#include "sim/disk/disk.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define WRITE_NEW (WEFT_DISK_WRITE | WEFT_DISK_CREATE)

static weft_file open_as(struct sim_disk *disk, const char *path, int mode) {
    weft_file file = WEFT_FILE_NONE;
    CHECK_EQ_INT(sim_disk_open(disk, path, mode, &file), WEFT_OK);
    CHECK(file != WEFT_FILE_NONE);
    return file;
}

static void write_text(struct sim_disk *disk, weft_file file, uint64_t offset, const char *text) {
    CHECK_EQ_INT(sim_disk_write(disk, file, offset, text, strlen(text)), WEFT_OK);
}

/* Write a whole file; `synced` says whether its bytes are made durable. */
static void put(struct sim_disk *disk, const char *path, const char *text, bool synced) {
    weft_file file = open_as(disk, path, WRITE_NEW | WEFT_DISK_TRUNCATE);
    write_text(disk, file, 0, text);
    if (synced) CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    sim_disk_close(disk, file);
}

/* What is in a file, or "(absent)". */
static const char *get(struct sim_disk *disk, const char *path) {
    static char text[256];
    weft_file file;
    if (sim_disk_open(disk, path, WEFT_DISK_READ, &file) != WEFT_OK) return "(absent)";
    int64_t size = sim_disk_read(disk, file, 0, text, sizeof text - 1);
    CHECK_EQ_INT(size, sim_disk_size(disk, file));
    text[size] = '\0';
    sim_disk_close(disk, file);
    return text;
}

/* --- seeing --- */

static void what_is_written_is_read(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file = open_as(disk, "a", WRITE_NEW);
    char out[16] = {0};
    CHECK_EQ_INT(sim_disk_size(disk, file), 0);
    CHECK_EQ_INT(sim_disk_read(disk, file, 0, out, 4), 0);
    write_text(disk, file, 0, "hello");
    write_text(disk, file, 3, "p!!");
    CHECK_EQ_INT(sim_disk_size(disk, file), 6);
    CHECK_EQ_INT(sim_disk_read(disk, file, 1, out, 3), 3);
    CHECK_EQ_BYTES(out, "elp", 3);
    CHECK_EQ_INT(sim_disk_read(disk, file, 4, out, 10), 2); /* short only at the end */
    CHECK_EQ_INT(sim_disk_read(disk, file, 6, out, 10), 0);
    CHECK_EQ_INT(sim_disk_read(disk, file, UINT64_MAX, out, 10), 0);
    sim_disk_free(disk);
}

static void a_gap_reads_as_zeros_also_over_what_was_cut_off(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file = open_as(disk, "a", WRITE_NEW);
    write_text(disk, file, 0, "abcdef");
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 2), WEFT_OK);
    CHECK_EQ_INT(sim_disk_size(disk, file), 2);
    write_text(disk, file, 5, "z");
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 8), WEFT_OK);
    char out[8];
    CHECK_EQ_INT(sim_disk_read(disk, file, 0, out, 8), 8);
    CHECK_EQ_BYTES(out, "ab\0\0\0z\0\0", 8);
    sim_disk_free(disk);
}

static void open_truncates_and_creates_as_asked(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "long text", false);
    sim_disk_close(disk, open_as(disk, "a", WRITE_NEW));
    CHECK_EQ_TEXT(get(disk, "a"), "long text");
    sim_disk_close(disk, open_as(disk, "a", WEFT_DISK_WRITE | WEFT_DISK_TRUNCATE));
    CHECK_EQ_TEXT(get(disk, "a"), "");
    sim_disk_free(disk);
}

static void open_refuses_what_it_should(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file = 77;
    CHECK_EQ_INT(sim_disk_open(disk, "a", WEFT_DISK_READ, &file), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(sim_disk_open(disk, "a", WEFT_DISK_WRITE, &file), WEFT_ERR_NOT_FOUND);
    static const int modes[] = {0,
                                WEFT_DISK_CREATE,
                                WEFT_DISK_READ | WEFT_DISK_CREATE,
                                WEFT_DISK_READ | WEFT_DISK_TRUNCATE,
                                16 | WEFT_DISK_READ,
                                -1};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        CHECK_EQ_INT(sim_disk_open(disk, "a", modes[i], &file), WEFT_ERR_INVAL);
    }
    CHECK_EQ_UINT(file, 77);
    CHECK_EQ_UINT(sim_disk_handles(disk), 0);
    sim_disk_free(disk);
}

static void paths_are_relative_and_lead_nowhere_else(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file;
    char longest[WEFT_PATH_MAX + 1];
    memset(longest, 'x', sizeof longest);
    longest[WEFT_PATH_MAX] = '\0';
    const char *bad[] = {"", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/./b", longest};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ_INT(sim_disk_open(disk, bad[i], WRITE_NEW, &file), WEFT_ERR_INVAL);
        CHECK_EQ_INT(sim_disk_remove(disk, bad[i]), WEFT_ERR_INVAL);
        CHECK_EQ_INT(sim_disk_rename(disk, bad[i], "b"), WEFT_ERR_INVAL);
        CHECK_EQ_INT(sim_disk_rename(disk, "b", bad[i]), WEFT_ERR_INVAL);
        if (i > 0) CHECK_EQ_INT(sim_disk_sync_folder(disk, bad[i]), WEFT_ERR_INVAL);
    }
    longest[WEFT_PATH_MAX - 1] = '\0';
    const char *good[] = {"...", ".a", "a.", "a/b/c", "x y", longest};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK_EQ_INT(sim_disk_open(disk, good[i], WRITE_NEW, &file), WEFT_OK);
    }
    sim_disk_free(disk);
}

static void folders_are_made_as_needed_and_are_not_files(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file;
    CHECK_EQ_INT(sim_disk_open(disk, "d/e/f", WEFT_DISK_WRITE, &file), WEFT_ERR_NOT_FOUND);
    put(disk, "d/e/f", "x", false);
    CHECK_EQ_TEXT(get(disk, "d/e/f"), "x");
    CHECK_EQ_INT(sim_disk_open(disk, "d/e", WRITE_NEW, &file), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_remove(disk, "d"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_rename(disk, "d/e/f", "d"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_rename(disk, "d", "g"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_open(disk, "d/e/f/g", WRITE_NEW, &file), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "nowhere/a"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(sim_disk_rename(disk, "d/e/f", "new/f"), WEFT_OK);
    CHECK_EQ_TEXT(get(disk, "new/f"), "x");
    sim_disk_free(disk);
}

static void reading_handles_do_not_write_and_dead_ones_do_nothing(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "text", false);
    weft_file file = open_as(disk, "a", WEFT_DISK_READ);
    char out[8];
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "x", 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 0), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(get(disk, "a"), "text");
    sim_disk_close(disk, file);
    sim_disk_close(disk, file);
    CHECK_EQ_INT(sim_disk_read(disk, file, 0, out, 4), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_size(disk, file), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_ERR_INVAL);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "x", 1), WEFT_ERR_INVAL);
    CHECK(open_as(disk, "a", WEFT_DISK_READ) != file);
    sim_disk_free(disk);
}

static void handles_and_file_sizes_are_bounded(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file = WEFT_FILE_NONE, one_more;
    for (int i = 0; i < SIM_DISK_HANDLES_MAX; i++) file = open_as(disk, "a", WRITE_NEW);
    CHECK_EQ_INT(sim_disk_open(disk, "b", WRITE_NEW, &one_more), WEFT_ERR_FULL);
    CHECK_EQ_UINT(sim_disk_handles(disk), SIM_DISK_HANDLES_MAX);
    sim_disk_close(disk, file);
    CHECK_EQ_TEXT(get(disk, "b"), "(absent)"); /* nothing was made on the way */
    file = open_as(disk, "a", WRITE_NEW);
    CHECK_EQ_INT(sim_disk_write(disk, file, SIM_DISK_FILE_MAX, "x", 1), WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(sim_disk_write(disk, file, UINT64_MAX, "x", 1), WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, SIM_DISK_FILE_MAX + 1), WEFT_ERR_NO_SPACE);
    CHECK_EQ_INT(sim_disk_size(disk, file), 0);
    sim_disk_free(disk);
}

static void open_handles_outlive_remove_and_rename(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file a = open_as(disk, "a", WRITE_NEW), b = open_as(disk, "b", WRITE_NEW);
    write_text(disk, a, 0, "aa");
    write_text(disk, b, 0, "bbb");
    CHECK_EQ_INT(sim_disk_rename(disk, "a", "b"), WEFT_OK);
    CHECK_EQ_TEXT(get(disk, "b"), "aa");
    CHECK_EQ_TEXT(get(disk, "a"), "(absent)");
    CHECK_EQ_INT(sim_disk_size(disk, b), 3); /* replaced, not gone */
    CHECK_EQ_INT(sim_disk_remove(disk, "b"), WEFT_OK);
    write_text(disk, a, 2, "!");
    CHECK_EQ_INT(sim_disk_size(disk, a), 3);
    CHECK_EQ_INT(sim_disk_remove(disk, "b"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(sim_disk_rename(disk, "b", "c"), WEFT_ERR_NOT_FOUND);
    put(disk, "b", "new", false);
    CHECK_EQ_INT(sim_disk_size(disk, a), 3); /* another file of that name */
    CHECK_EQ_INT(sim_disk_rename(disk, "b", "b"), WEFT_OK);
    CHECK_EQ_TEXT(get(disk, "b"), "new");
    sim_disk_free(disk);
}

/* --- what survives --- */

static void what_is_not_synced_is_names_sizes_and_bytes_that_differ(void) {
    struct sim_disk *disk = sim_disk_new();
    CHECK(!sim_disk_is_unsynced(disk));
    put(disk, "a", "durable", true);
    CHECK(sim_disk_is_unsynced(disk)); /* the name */
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    CHECK(!sim_disk_is_unsynced(disk));
    weft_file file = open_as(disk, "a", WEFT_DISK_WRITE);
    write_text(disk, file, 0, "dur"); /* the same bytes again */
    CHECK(!sim_disk_is_unsynced(disk));
    write_text(disk, file, 0, "X");
    CHECK(sim_disk_is_unsynced(disk));
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK(!sim_disk_is_unsynced(disk));
    write_text(disk, file, 7, "+");
    CHECK(sim_disk_is_unsynced(disk));
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0);
    CHECK(!sim_disk_is_unsynced(disk));
    CHECK_EQ_INT(sim_disk_remove(disk, "a"), WEFT_OK);
    CHECK(sim_disk_is_unsynced(disk));
    sim_disk_free(disk);
}

static void a_crash_keeps_bytes_and_size_as_of_the_last_sync(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "durable", true);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    weft_file file = open_as(disk, "a", WEFT_DISK_WRITE);
    write_text(disk, file, 0, "XX");
    write_text(disk, file, 7, " and more");
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 1);
    CHECK_EQ_TEXT(get(disk, "a"), "durable");
    file = open_as(disk, "a", WEFT_DISK_WRITE);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 3), WEFT_OK);
    write_text(disk, file, 5, "tail");
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 1);
    CHECK_EQ_TEXT(get(disk, "a"), "durable");
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 0);
    sim_disk_free(disk);
}

static void a_second_sync_moves_what_a_crash_keeps(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "one", true);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, ""), WEFT_OK);
    put(disk, "a", "second", true);
    put(disk, "a", "3", false);
    sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0);
    CHECK_EQ_TEXT(get(disk, "a"), "second");
    sim_disk_free(disk);
}

static void a_name_that_was_not_synced_is_gone_bytes_or_not(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "bytes are synced", true);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 1);
    CHECK_EQ_TEXT(get(disk, "a"), "(absent)");
    sim_disk_free(disk);
}

static void a_name_that_was_synced_without_its_bytes_is_an_empty_file(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "bytes are not", false);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 1);
    CHECK_EQ_TEXT(get(disk, "a"), "");
    sim_disk_free(disk);
}

static void a_removed_name_comes_back_unless_its_folder_was_synced(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "old", true);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    CHECK_EQ_INT(sim_disk_remove(disk, "a"), WEFT_OK);
    put(disk, "a", "another file", true);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 1);
    CHECK_EQ_TEXT(get(disk, "a"), "old");
    CHECK_EQ_INT(sim_disk_remove(disk, "a"), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 0);
    CHECK_EQ_TEXT(get(disk, "a"), "(absent)");
    sim_disk_free(disk);
}

static void sync_folder_is_for_that_folder_only(void) {
    struct sim_disk *disk = sim_disk_new();
    static const char *const paths[] = {"a", "d/a", "d/e/a", "de/a"};
    for (size_t i = 0; i < 4; i++) put(disk, paths[i], paths[i], true);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "d/anything"), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 3);
    CHECK_EQ_TEXT(get(disk, "d/a"), "d/a");
    CHECK_EQ_TEXT(get(disk, "a"), "(absent)");
    CHECK_EQ_TEXT(get(disk, "d/e/a"), "(absent)");
    CHECK_EQ_TEXT(get(disk, "de/a"), "(absent)");
    sim_disk_free(disk);
}

/* The way to replace a file safely; a crash after each of its steps. */
static void replacing_by_rename_shows_the_old_file_or_the_new_one(void) {
    static const char *const want[] = {"old", "old", "old", "old", "new"};
    for (int steps = 0; steps < 5; steps++) {
        struct sim_disk *disk = sim_disk_new();
        put(disk, "f", "old", true);
        CHECK_EQ_INT(sim_disk_sync_folder(disk, "f"), WEFT_OK);
        weft_file file = WEFT_FILE_NONE;
        if (steps > 0) file = open_as(disk, "f.new", WRITE_NEW);
        if (steps > 0) write_text(disk, file, 0, "new");
        if (steps > 1) CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
        if (steps > 2) CHECK_EQ_INT(sim_disk_rename(disk, "f.new", "f"), WEFT_OK);
        if (steps > 3) CHECK_EQ_INT(sim_disk_sync_folder(disk, "f"), WEFT_OK);
        sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0);
        CHECK_EQ_TEXT(get(disk, "f"), want[steps]);
        CHECK_EQ_TEXT(get(disk, "f.new"), "(absent)");
        sim_disk_free(disk);
    }
}

/* Whichever folder is synced, the file is in exactly one of them after a crash. */
static void a_rename_between_folders_is_durable_whole(void) {
    static const char *const synced[] = {"tmp/x", "data/x"};
    for (int i = 0; i < 2; i++) {
        struct sim_disk *disk = sim_disk_new();
        put(disk, "tmp/f", "new", true);
        put(disk, "data/f", "old", true);
        CHECK_EQ_INT(sim_disk_sync_folder(disk, "tmp/f"), WEFT_OK);
        CHECK_EQ_INT(sim_disk_sync_folder(disk, "data/f"), WEFT_OK);
        CHECK_EQ_INT(sim_disk_rename(disk, "tmp/f", "data/f"), WEFT_OK);
        CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 2);
        CHECK_EQ_TEXT(get(disk, "tmp/f"), "new");
        CHECK_EQ_TEXT(get(disk, "data/f"), "old");
        CHECK_EQ_INT(sim_disk_rename(disk, "tmp/f", "data/f"), WEFT_OK);
        CHECK_EQ_INT(sim_disk_sync_folder(disk, synced[i]), WEFT_OK);
        CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 0);
        CHECK_EQ_TEXT(get(disk, "tmp/f"), "(absent)");
        CHECK_EQ_TEXT(get(disk, "data/f"), "new");
        sim_disk_free(disk);
    }
}

/* x goes a -> b -> c, y goes d -> b: syncing any of the four must not split either. */
static void renames_through_several_folders_are_tied_together(void) {
    static const char *const synced[] = {"a/-", "b/-", "c/-", "d/-"};
    for (int i = 0; i < 4; i++) {
        struct sim_disk *disk = sim_disk_new();
        put(disk, "a/x", "x", true);
        put(disk, "d/y", "y", true);
        for (int j = 0; j < 4; j++) {
            put(disk, (const char *[]){"a/-", "b/-", "c/-", "d/-"}[j], "", true);
            CHECK_EQ_INT(sim_disk_sync_folder(disk, synced[j]), WEFT_OK);
        }
        CHECK_EQ_INT(sim_disk_rename(disk, "a/x", "b/x"), WEFT_OK);
        CHECK_EQ_INT(sim_disk_rename(disk, "d/y", "b/y"), WEFT_OK);
        CHECK_EQ_INT(sim_disk_rename(disk, "b/x", "c/x"), WEFT_OK);
        CHECK_EQ_INT(sim_disk_sync_folder(disk, synced[i]), WEFT_OK);
        sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0);
        CHECK_EQ_TEXT(get(disk, "a/x"), "(absent)");
        CHECK_EQ_TEXT(get(disk, "b/x"), "(absent)");
        CHECK_EQ_TEXT(get(disk, "c/x"), "x");
        sim_disk_free(disk);
    }
}

/* x goes a -> b -> d over y, which came from c: two ties become one. */
static void ties_that_meet_are_one(void) {
    struct sim_disk *disk = sim_disk_new();
    static const char *const paths[] = {"a/x", "b/-", "c/y", "d/-"};
    for (int i = 0; i < 4; i++) {
        put(disk, paths[i], paths[i], true);
        CHECK_EQ_INT(sim_disk_sync_folder(disk, paths[i]), WEFT_OK);
    }
    CHECK_EQ_INT(sim_disk_rename(disk, "a/x", "b/x"), WEFT_OK);
    CHECK_EQ_INT(sim_disk_rename(disk, "c/y", "d/y"), WEFT_OK);
    CHECK_EQ_INT(sim_disk_rename(disk, "b/x", "d/y"), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "c/-"), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 0);
    CHECK_EQ_TEXT(get(disk, "d/y"), "a/x");
    CHECK_EQ_TEXT(get(disk, "a/x"), "(absent)");
    CHECK_EQ_TEXT(get(disk, "c/y"), "(absent)");
    sim_disk_free(disk);
}

static void a_kill_keeps_the_page_cache_and_a_later_crash_does_not(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "durable", true);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    put(disk, "a", "cached", false);
    weft_file file = open_as(disk, "b", WRITE_NEW);
    sim_disk_kill(disk);
    CHECK_EQ_UINT(sim_disk_handles(disk), 0);
    CHECK_EQ_INT(sim_disk_size(disk, file), WEFT_ERR_INVAL);
    CHECK_EQ_TEXT(get(disk, "a"), "cached");
    CHECK_EQ_TEXT(get(disk, "b"), "");
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 2);
    CHECK_EQ_TEXT(get(disk, "a"), "durable");
    CHECK_EQ_TEXT(get(disk, "b"), "(absent)");
    sim_disk_free(disk);
}

static void a_crash_ends_handles_and_their_numbers_stay_dead(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file = open_as(disk, "a", WRITE_NEW);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 0); /* nothing on disk was lost */
    CHECK_EQ_UINT(sim_disk_handles(disk), 0);
    CHECK(open_as(disk, "a", WEFT_DISK_WRITE) != file);
    CHECK_EQ_INT(sim_disk_write(disk, file, 0, "x", 1), WEFT_ERR_INVAL);
    sim_disk_free(disk);
}

static void overwriting_with_the_same_bytes_costs_a_crash_nothing(void) {
    struct sim_disk *disk = sim_disk_new();
    put(disk, "a", "same", true);
    CHECK_EQ_INT(sim_disk_sync_folder(disk, "a"), WEFT_OK);
    put(disk, "a", "same", false);
    CHECK_EQ_UINT(sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0), 0);
    sim_disk_free(disk);
}

/* --- memory --- */

static void an_empty_disk_costs_a_few_dozen_bytes(void) {
    struct sim_disk *disk = sim_disk_new();
    size_t empty = sim_disk_bytes(disk);
    CHECK(empty <= 96);
    weft_file file = open_as(disk, "a", WRITE_NEW);
    for (uint64_t i = 0; i < 1000; i++) CHECK_EQ_INT(sim_disk_write(disk, file, i, "x", 1), 0);
    CHECK(sim_disk_bytes(disk) < empty + 2000);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    size_t synced = sim_disk_bytes(disk);
    write_text(disk, file, 1000, "appended"); /* needs no second copy of what is durable */
    CHECK(sim_disk_bytes(disk) <= synced + 512);
    CHECK_EQ_INT(sim_disk_remove(disk, "a"), WEFT_OK);
    sim_disk_kill(disk);
    CHECK(sim_disk_bytes(disk) <= empty + 4 * 40); /* the table of names keeps its room */
    sim_disk_free(disk);
    sim_disk_free(NULL);
}

static void a_small_change_to_a_large_file_saves_one_page(void) {
    struct sim_disk *disk = sim_disk_new();
    weft_file file = open_as(disk, "a", WRITE_NEW);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, 1 << 20), WEFT_OK);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    size_t before = sim_disk_bytes(disk);
    for (int i = 0; i < 1000; i++) write_text(disk, file, 5000, "same place");
    CHECK(sim_disk_bytes(disk) - before >= 4096);
    CHECK(sim_disk_bytes(disk) - before <= 4096 + 256);
    CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
    CHECK_EQ_UINT(sim_disk_bytes(disk), before);
    sim_disk_free(disk);
}

/* --- a model: every file as two whole copies --- */

#define MODEL_SIZE 20000
#define MODEL_FILES 3

struct image {
    size_t size;
    unsigned char bytes[MODEL_SIZE];
};

struct model {
    struct image now[MODEL_FILES], durable[MODEL_FILES];
};

static const char *const model_paths[MODEL_FILES] = {"a", "b", "c/d"};

static void model_check(struct sim_disk *disk, const struct model *model) {
    static unsigned char bytes[MODEL_SIZE + 1];
    for (int i = 0; i < MODEL_FILES; i++) {
        weft_file file = open_as(disk, model_paths[i], WEFT_DISK_READ);
        int64_t size = sim_disk_read(disk, file, 0, bytes, sizeof bytes);
        CHECK_EQ_INT(size, model->now[i].size);
        CHECK(memcmp(bytes, model->now[i].bytes, model->now[i].size) == 0);
        sim_disk_close(disk, file);
    }
}

static void model_write(struct image *image, struct sim_disk *disk, weft_file file,
                        struct weft_rand *rand) {
    unsigned char data[6000];
    uint64_t offset = weft_rand_below(rand, MODEL_SIZE - sizeof data);
    size_t size = (size_t)weft_rand_below(rand, sizeof data) >> weft_rand_below(rand, 10);
    weft_rand_bytes(rand, data, size);
    CHECK_EQ_INT(sim_disk_write(disk, file, offset, data, size), WEFT_OK);
    if (size == 0) return;
    if (offset > image->size) memset(image->bytes + image->size, 0, offset - image->size);
    memcpy(image->bytes + offset, data, size);
    if (offset + size > image->size) image->size = offset + size;
}

static void model_truncate(struct image *image, struct sim_disk *disk, weft_file file,
                           struct weft_rand *rand) {
    size_t size = (size_t)weft_rand_below(rand, MODEL_SIZE);
    CHECK_EQ_INT(sim_disk_truncate(disk, file, size), WEFT_OK);
    if (size > image->size) memset(image->bytes + image->size, 0, size - image->size);
    image->size = size;
}

static void model_step(struct model *model, struct sim_disk *disk, struct weft_rand *rand) {
    size_t i = (size_t)weft_rand_below(rand, MODEL_FILES);
    weft_file file = open_as(disk, model_paths[i], WRITE_NEW);
    uint64_t act = weft_rand_below(rand, 100);
    if (act < 70) {
        model_write(&model->now[i], disk, file, rand);
    } else if (act < 80) {
        model_truncate(&model->now[i], disk, file, rand);
    } else if (act < 92) {
        CHECK_EQ_INT(sim_disk_sync(disk, file), WEFT_OK);
        model->durable[i] = model->now[i];
    } else {
        sim_disk_crash(disk, SIM_UNSYNCED_LOST, 0);
        memcpy(model->now, model->durable, sizeof model->now);
    }
    sim_disk_close(disk, file);
    model_check(disk, model);
}

static void any_mixture_of_writes_and_crashes_agrees_with_whole_copies(void) {
    struct sim_disk *disk = sim_disk_new();
    struct model *model = calloc(1, sizeof *model);
    struct weft_rand rand;
    weft_rand_init(&rand, 5);
    REQUIRE(disk != NULL && model != NULL);
    for (int i = 0; i < MODEL_FILES; i++) {
        put(disk, model_paths[i], "", true);
        CHECK_EQ_INT(sim_disk_sync_folder(disk, model_paths[i]), WEFT_OK);
    }
    for (int i = 0; i < 4000; i++) model_step(model, disk, &rand);
    sim_disk_free(disk);
    free(model);
}

TEST_MAIN("sim/disk", TEST(what_is_written_is_read),
          TEST(a_gap_reads_as_zeros_also_over_what_was_cut_off),
          TEST(open_truncates_and_creates_as_asked), TEST(open_refuses_what_it_should),
          TEST(paths_are_relative_and_lead_nowhere_else),
          TEST(folders_are_made_as_needed_and_are_not_files),
          TEST(reading_handles_do_not_write_and_dead_ones_do_nothing),
          TEST(handles_and_file_sizes_are_bounded), TEST(open_handles_outlive_remove_and_rename),
          TEST(what_is_not_synced_is_names_sizes_and_bytes_that_differ),
          TEST(a_crash_keeps_bytes_and_size_as_of_the_last_sync),
          TEST(a_second_sync_moves_what_a_crash_keeps),
          TEST(a_name_that_was_not_synced_is_gone_bytes_or_not),
          TEST(a_name_that_was_synced_without_its_bytes_is_an_empty_file),
          TEST(a_removed_name_comes_back_unless_its_folder_was_synced),
          TEST(sync_folder_is_for_that_folder_only),
          TEST(replacing_by_rename_shows_the_old_file_or_the_new_one),
          TEST(a_rename_between_folders_is_durable_whole),
          TEST(renames_through_several_folders_are_tied_together), TEST(ties_that_meet_are_one),
          TEST(a_kill_keeps_the_page_cache_and_a_later_crash_does_not),
          TEST(a_crash_ends_handles_and_their_numbers_stay_dead),
          TEST(overwriting_with_the_same_bytes_costs_a_crash_nothing),
          TEST(an_empty_disk_costs_a_few_dozen_bytes),
          TEST(a_small_change_to_a_large_file_saves_one_page),
          TEST(any_mixture_of_writes_and_crashes_agrees_with_whole_copies))
