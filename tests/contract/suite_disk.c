/* Claims about the disk. */
#include "tests/contract/contract.h"

enum { NEW = WEFT_DISK_WRITE | WEFT_DISK_CREATE };

static struct weft_env *begin(void) { return contract_begin() ? contract_env(CONTRACT_A) : NULL; }

static weft_file open_file(struct weft_env *env, const char *path, int mode) {
    weft_file file = WEFT_FILE_NONE;
    CHECK_EQ_INT(env->disk->open(env, path, mode, &file), WEFT_OK);
    CHECK(file != WEFT_FILE_NONE);
    return file;
}

/* A file `path` that holds `text`. */
static weft_file put(struct weft_env *env, const char *path, const char *text) {
    weft_file file = open_file(env, path, NEW | WEFT_DISK_TRUNCATE);
    CHECK_EQ_INT(env->disk->write(env, file, 0, text, strlen(text)), WEFT_OK);
    return file;
}

static void holds(struct weft_env *env, weft_file file, const char *text) {
    char data[256] = "";
    CHECK_EQ_INT(env->disk->read(env, file, 0, data, sizeof data - 1), (int64_t)strlen(text));
    CHECK_EQ_TEXT(data, text);
    CHECK_EQ_INT(env->disk->size(env, file), (int64_t)strlen(text));
}

static void path_holds(struct weft_env *env, const char *path, const char *text) {
    weft_file file = open_file(env, path, WEFT_DISK_READ);
    holds(env, file, text);
    env->disk->close(env, file);
}

static void opens_as(struct weft_env *env, const char *path, int mode, int wanted) {
    weft_file file = WEFT_FILE_NONE;
    CHECK_EQ_INT(env->disk->open(env, path, mode, &file), wanted);
    CHECK_EQ_UINT(file, WEFT_FILE_NONE);
}

void bytes_written_are_read_back(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file file = put(env, "file", "hello disk");
    holds(env, file, "hello disk");
    CHECK_EQ_INT(env->disk->write(env, file, 6, "D", 1), WEFT_OK);
    env->disk->close(env, file);
    path_holds(env, "file", "hello Disk");
    contract_end();
}

void a_read_is_short_only_at_the_end(void) {
    static unsigned char sent[200000], got[200001];
    struct weft_env *env = begin();
    if (env == NULL) return;
    contract_fill(sent, 0, sizeof sent);
    weft_file file = open_file(env, "big", NEW);
    CHECK_EQ_INT(env->disk->write(env, file, 0, sent, sizeof sent), WEFT_OK);
    CHECK_EQ_INT(env->disk->read(env, file, 0, got, sizeof got), (int64_t)sizeof sent);
    CHECK_EQ_BYTES(got, sent, sizeof sent);
    CHECK_EQ_INT(env->disk->read(env, file, 199999, got, 10), 1);
    CHECK_EQ_INT(env->disk->read(env, file, 200000, got, 10), 0);
    CHECK_EQ_INT(env->disk->read(env, file, 999999, got, 10), 0);
    CHECK_EQ_INT(env->disk->read(env, file, 5, got, 0), 0);
    contract_end();
}

void a_gap_reads_as_zeros(void) {
    static unsigned char data[70000], zeros[70000];
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file file = put(env, "sparse", "ab");
    CHECK_EQ_INT(env->disk->write(env, file, 70002, "z", 1), WEFT_OK);
    CHECK_EQ_INT(env->disk->size(env, file), 70003);
    CHECK_EQ_INT(env->disk->read(env, file, 2, data, sizeof data), 70000);
    CHECK_EQ_BYTES(data, zeros, sizeof data);
    CHECK_EQ_INT(env->disk->read(env, file, 70002, data, 10), 1);
    CHECK_EQ_INT(data[0], 'z');
    contract_end();
}

void truncate_cuts_and_grows_with_zeros(void) {
    char data[8];
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file file = put(env, "file", "abcdef");
    CHECK_EQ_INT(env->disk->truncate(env, file, 2), WEFT_OK);
    CHECK_EQ_INT(env->disk->size(env, file), 2);
    CHECK_EQ_INT(env->disk->truncate(env, file, 6), WEFT_OK);
    CHECK_EQ_INT(env->disk->read(env, file, 0, data, 8), 6);
    CHECK_EQ_BYTES(data, "ab\0\0\0\0", 6);
    contract_end();
}

void a_missing_file_is_not_found(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    opens_as(env, "none", WEFT_DISK_READ, WEFT_ERR_NOT_FOUND);
    opens_as(env, "none", WEFT_DISK_WRITE, WEFT_ERR_NOT_FOUND);
    opens_as(env, "no/such/folder", WEFT_DISK_READ, WEFT_ERR_NOT_FOUND);
    contract_end();
}

void paths_that_are_not_names_are_invalid(void) {
    /* Names nobody uses: a broken disk must not hurt what is not the test's. */
    static const char *const paths[] = {
        "",    "/",   ".",    "..", "//",  "/weft-none", "../weft-none", "a/../weft-none",
        "./a", "a/.", "a//b", "a/", "a/.."};
    char longest[WEFT_PATH_MAX + 1];
    struct weft_env *env = begin();
    if (env == NULL) return;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        opens_as(env, paths[i], NEW, WEFT_ERR_INVAL);
        CHECK_EQ_INT(env->disk->remove(env, paths[i]), WEFT_ERR_INVAL);
        CHECK_EQ_INT(env->disk->rename(env, paths[i], "b"), WEFT_ERR_INVAL);
    }
    memset(longest, 'x', sizeof longest);
    longest[WEFT_PATH_MAX] = '\0';
    opens_as(env, longest, NEW, WEFT_ERR_INVAL);
    longest[WEFT_PATH_MAX - 1] = '\0';
    open_file(env, longest, NEW);
    open_file(env, "..a", NEW);
    open_file(env, "...", NEW);
    contract_end();
}

void modes_that_mean_nothing_are_invalid(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    opens_as(env, "file", 0, WEFT_ERR_INVAL);
    opens_as(env, "file", WEFT_DISK_CREATE, WEFT_ERR_INVAL);
    opens_as(env, "file", WEFT_DISK_READ | WEFT_DISK_CREATE, WEFT_ERR_INVAL);
    opens_as(env, "file", WEFT_DISK_READ | WEFT_DISK_TRUNCATE, WEFT_ERR_INVAL);
    opens_as(env, "file", 16 | WEFT_DISK_READ, WEFT_ERR_INVAL);
    contract_end();
}

void a_file_opened_for_reading_is_not_written(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    put(env, "file", "text");
    weft_file file = open_file(env, "file", WEFT_DISK_READ);
    CHECK_EQ_INT(env->disk->write(env, file, 0, "x", 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->truncate(env, file, 0), WEFT_ERR_INVAL);
    holds(env, file, "text");
    contract_end();
}

void folders_are_made_as_needed(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->close(env, put(env, "a/b/c", "deep"));
    env->disk->close(env, put(env, "a/b/d", "deeper"));
    path_holds(env, "a/b/c", "deep");
    path_holds(env, "a/b/d", "deeper");
    contract_end();
}

void truncate_on_open_starts_empty(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->close(env, put(env, "file", "old text"));
    weft_file file = open_file(env, "file", WEFT_DISK_WRITE | WEFT_DISK_TRUNCATE);
    holds(env, file, "");
    env->disk->close(env, file);
    env->disk->close(env, put(env, "file", "new"));
    file = open_file(env, "file", NEW);
    holds(env, file, "new");
    contract_end();
}

void rename_replaces(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->close(env, put(env, "new", "new text"));
    env->disk->close(env, put(env, "old", "old"));
    CHECK_EQ_INT(env->disk->rename(env, "new", "old"), WEFT_OK);
    path_holds(env, "old", "new text");
    opens_as(env, "new", WEFT_DISK_READ, WEFT_ERR_NOT_FOUND);
    contract_end();
}

void rename_of_nothing_is_not_found(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->close(env, put(env, "old", "old"));
    CHECK_EQ_INT(env->disk->rename(env, "new", "old"), WEFT_ERR_NOT_FOUND);
    path_holds(env, "old", "old");
    contract_end();
}

void a_renamed_open_file_goes_on_working(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file moved = put(env, "new", "new");
    weft_file replaced = put(env, "old", "old");
    CHECK_EQ_INT(env->disk->rename(env, "new", "old"), WEFT_OK);
    CHECK_EQ_INT(env->disk->write(env, moved, 3, "er", 2), WEFT_OK);
    holds(env, replaced, "old");
    path_holds(env, "old", "newer");
    contract_end();
}

void a_removed_open_file_goes_on_working(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file file = put(env, "file", "first");
    CHECK_EQ_INT(env->disk->remove(env, "file"), WEFT_OK);
    opens_as(env, "file", WEFT_DISK_READ, WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(env->disk->write(env, file, 5, "!", 1), WEFT_OK);
    weft_file other = put(env, "file", "second");
    holds(env, file, "first!");
    holds(env, other, "second");
    contract_end();
}

void remove_of_nothing_is_not_found(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    CHECK_EQ_INT(env->disk->remove(env, "file"), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(env->disk->remove(env, "no/file"), WEFT_ERR_NOT_FOUND);
    contract_end();
}

void two_handles_see_the_same_bytes(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file one = put(env, "file", "text");
    weft_file two = open_file(env, "file", WEFT_DISK_READ);
    CHECK(one != two);
    CHECK_EQ_INT(env->disk->write(env, one, 0, "n", 1), WEFT_OK);
    holds(env, two, "next");
    contract_end();
}

void the_disks_of_two_nodes_are_two(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->close(env, put(env, "file", "of A"));
    env = contract_env(CONTRACT_B);
    opens_as(env, "file", WEFT_DISK_READ, WEFT_ERR_NOT_FOUND);
    env->disk->close(env, put(env, "file", "of B"));
    path_holds(env, "file", "of B");
    path_holds(contract_env(CONTRACT_A), "file", "of A");
    contract_end();
}

void a_closed_handle_is_refused(void) {
    char byte;
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file file = put(env, "file", "text");
    env->disk->close(env, file);
    CHECK_EQ_INT(env->disk->read(env, file, 0, &byte, 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->write(env, file, 0, "x", 1), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->size(env, file), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->sync(env, file), WEFT_ERR_INVAL);
    env->disk->close(env, file);
    env->disk->close(env, WEFT_FILE_NONE);
    path_holds(env, "file", "text");
    contract_end();
}

void sync_of_file_and_folder_succeeds(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file file = put(env, "a/file", "text");
    CHECK_EQ_INT(env->disk->sync(env, file), WEFT_OK);
    CHECK_EQ_INT(env->disk->sync_folder(env, "a/file"), WEFT_OK);
    CHECK_EQ_INT(env->disk->sync_folder(env, "file"), WEFT_OK);
    CHECK_EQ_INT(env->disk->sync_folder(env, ""), WEFT_OK);
    contract_end();
}

void synced_bytes_survive_a_crash(void) {
    if (contract_world->crash == NULL) return;
    struct weft_env *env = begin();
    if (env == NULL) return;
    weft_file file = put(env, "a/file", "kept");
    CHECK_EQ_INT(env->disk->sync(env, file), WEFT_OK);
    env->disk->close(env, put(env, "old", "old"));
    weft_file new = put(env, "new", "new");
    CHECK_EQ_INT(env->disk->sync(env, new), WEFT_OK);
    CHECK_EQ_INT(env->disk->rename(env, "new", "old"), WEFT_OK);
    CHECK_EQ_INT(env->disk->sync_folder(env, "a/file"), WEFT_OK);
    CHECK_EQ_INT(env->disk->sync_folder(env, ""), WEFT_OK);
    contract_world->crash(contract.world, CONTRACT_A);
    env = contract_env(CONTRACT_A);
    path_holds(env, "a/file", "kept");
    path_holds(env, "old", "new");
    opens_as(env, "new", WEFT_DISK_READ, WEFT_ERR_NOT_FOUND);
    contract_end();
}

void access_tells_of_files_only(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->close(env, put(env, "a/file", "text"));
    CHECK_EQ_INT(env->disk->access(env, "a/file", WEFT_DISK_READ), WEFT_OK);
    CHECK_EQ_INT(env->disk->access(env, "a/file", WEFT_DISK_WRITE), WEFT_OK);
    CHECK_EQ_INT(env->disk->access(env, "a/none", WEFT_DISK_READ), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(env->disk->access(env, "none/file", WEFT_DISK_READ), WEFT_ERR_NOT_FOUND);
    CHECK_EQ_INT(env->disk->access(env, "a", WEFT_DISK_READ), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->access(env, "../a", WEFT_DISK_READ), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->access(env, "", WEFT_DISK_READ), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->access(env, "a/file", 0), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->access(env, "a/file", WEFT_DISK_CREATE), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->remove(env, "a/file"), WEFT_OK);
    CHECK_EQ_INT(env->disk->access(env, "a/file", WEFT_DISK_READ), WEFT_ERR_NOT_FOUND);
    contract_end();
}

void readers_share_a_file_and_one_writer_excludes_them(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    const struct weft_disk_ops *disk = env->disk;
    weft_file one = put(env, "file", "text"), two = open_file(env, "file", WEFT_DISK_WRITE);
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_SHARED), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, two, WEFT_LOCK_SHARED), WEFT_OK);
    CHECK_EQ_INT(disk->locked(env, one), WEFT_LOCK_SHARED);
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_RESERVED), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, two, WEFT_LOCK_RESERVED), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(disk->locked(env, two), WEFT_LOCK_RESERVED);
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_EXCLUSIVE), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(disk->locked(env, two), WEFT_LOCK_PENDING);
    CHECK_EQ_INT(disk->lock(env, two, WEFT_LOCK_NONE), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, two, WEFT_LOCK_SHARED), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_EXCLUSIVE), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, two, WEFT_LOCK_SHARED), WEFT_ERR_IN_USE);
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_SHARED), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, two, WEFT_LOCK_SHARED), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_NONE), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, two, WEFT_LOCK_EXCLUSIVE), WEFT_OK);
    contract_end();
}

void locks_go_with_their_handle_and_stop_nobody_who_does_not_ask(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    const struct weft_disk_ops *disk = env->disk;
    weft_file one = put(env, "file", "text"), two = open_file(env, "file", WEFT_DISK_WRITE);
    weft_file other = put(env, "other", "text");
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_SHARED), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, one, WEFT_LOCK_EXCLUSIVE), WEFT_OK);
    CHECK_EQ_INT(disk->locked(env, other), WEFT_LOCK_NONE);
    CHECK_EQ_INT(disk->lock(env, other, WEFT_LOCK_SHARED), WEFT_OK);
    CHECK_EQ_INT(disk->write(env, two, 0, "T", 1), WEFT_OK);
    CHECK_EQ_INT(disk->rename(env, "file", "moved"), WEFT_OK);
    weft_file moved = open_file(env, "moved", WEFT_DISK_READ);
    CHECK_EQ_INT(disk->lock(env, moved, WEFT_LOCK_SHARED), WEFT_ERR_IN_USE);
    disk->close(env, one);
    CHECK_EQ_INT(disk->lock(env, moved, WEFT_LOCK_SHARED), WEFT_OK);
    contract_end();
}

void locks_that_skip_a_step_are_invalid(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    const struct weft_disk_ops *disk = env->disk;
    weft_file file = put(env, "file", "text");
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_NONE), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_RESERVED), WEFT_ERR_INVAL);
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_EXCLUSIVE), WEFT_ERR_INVAL);
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_PENDING), WEFT_ERR_INVAL);
    CHECK_EQ_INT(disk->lock(env, file, (enum weft_disk_lock)7), WEFT_ERR_INVAL);
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_SHARED), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_EXCLUSIVE), WEFT_OK);
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_RESERVED), WEFT_ERR_INVAL);
    CHECK_EQ_INT(disk->locked(env, file), WEFT_LOCK_EXCLUSIVE);
    env->disk->close(env, file);
    CHECK_EQ_INT(disk->lock(env, file, WEFT_LOCK_SHARED), WEFT_ERR_INVAL);
    CHECK_EQ_INT(disk->locked(env, file), WEFT_ERR_INVAL);
    contract_end();
}

/* What sqlite3_io_methods want of xSectorSize and xDeviceCharacteristics. */
void every_disk_promises_the_same(void) {
    struct weft_disk_traits traits;
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->traits(env, &traits);
    CHECK_EQ_UINT(traits.sector_size, 4096);
    CHECK_EQ_UINT(traits.atomic_size, 0);
    CHECK(!traits.safe_append);
    CHECK(!traits.in_order);
    CHECK(traits.powersafe_overwrite);
    contract_end();
}

void folders_are_not_renamed_nor_replaced(void) {
    struct weft_env *env = begin();
    if (env == NULL) return;
    env->disk->close(env, put(env, "a/file", "text"));
    env->disk->close(env, put(env, "b", "other"));
    CHECK_EQ_INT(env->disk->rename(env, "a", "c"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->rename(env, "b", "a"), WEFT_ERR_INVAL);
    CHECK_EQ_INT(env->disk->remove(env, "a"), WEFT_ERR_INVAL);
    path_holds(env, "a/file", "text");
    path_holds(env, "b", "other");
    contract_end();
}
