/* SQLite on the env's disk, on both: as fit as its documentation of sqlite3_vfs asks. A machine is
 * stopped at each call that changes something on its disk, one run for each, and what was committed
 * has to be there, and sound, when it comes back: after a kill on posix, after a loss of power with
 * all it may do to unsynced writes in the simulator. */
#define _GNU_SOURCE
#include "core/base/error.h"
#include "core/base/list.h"
#include "core/posix/guard.h"
#include "core/posix/posix.h"
#include "sim/world/fabric.h"
#include "tests/harness/harness.h"
#include "tests/sqlite/vfs.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TRANSACTIONS 6
#define SWEEP_MAX 2000

/* --- a machine: the env of one of the two worlds, which can be stopped --- */

struct machine {
    struct weft_env env; /* its disk counts, and is dead once `left` is 0 */
    struct weft_env *inner;
    uint32_t left, calls; /* calls that change something: until it stops; so far */
    /* sim */
    struct sim_net_spec spec;
    struct sim_engine *engine;
    struct sim_net *net;
    struct sim_fabric *fabric;
    uint32_t life;
    /* posix */
    struct weft_posix *posix;
    char folder[64];
};

static struct machine *machine_of(struct weft_env *env) {
    return WEFT_CONTAINER(env, struct machine, env);
}

static bool is_dead(const struct machine *machine) { return machine->left == 0; }

/* One more call that changes something; true: the machine stops before it does. */
static bool stops(struct machine *machine) {
    if (is_dead(machine)) return true;
    machine->calls++;
    return --machine->left == 0;
}

static int on_open(struct weft_env *env, const char *path, int mode, weft_file *out) {
    struct machine *machine = machine_of(env);
    bool changes = (mode & WEFT_DISK_CREATE) != 0;
    if (changes ? stops(machine) : is_dead(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->open(machine->inner, path, mode, out);
}

static int64_t on_read(struct weft_env *env, weft_file file, uint64_t offset, void *data,
                       size_t size) {
    struct machine *machine = machine_of(env);
    if (is_dead(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->read(machine->inner, file, offset, data, size);
}

static int on_write(struct weft_env *env, weft_file file, uint64_t offset, const void *data,
                    size_t size) {
    struct machine *machine = machine_of(env);
    if (stops(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->write(machine->inner, file, offset, data, size);
}

static int on_truncate(struct weft_env *env, weft_file file, uint64_t size) {
    struct machine *machine = machine_of(env);
    if (stops(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->truncate(machine->inner, file, size);
}

static int64_t on_size(struct weft_env *env, weft_file file) {
    struct machine *machine = machine_of(env);
    if (is_dead(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->size(machine->inner, file);
}

static int on_sync(struct weft_env *env, weft_file file) {
    struct machine *machine = machine_of(env);
    if (stops(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->sync(machine->inner, file);
}

static void on_close(struct weft_env *env, weft_file file) {
    struct machine *machine = machine_of(env);
    if (!is_dead(machine)) machine->inner->disk->close(machine->inner, file);
}

static int on_rename(struct weft_env *env, const char *from, const char *to) {
    struct machine *machine = machine_of(env);
    if (stops(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->rename(machine->inner, from, to);
}

static int on_remove(struct weft_env *env, const char *path) {
    struct machine *machine = machine_of(env);
    if (stops(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->remove(machine->inner, path);
}

static int on_sync_folder(struct weft_env *env, const char *path) {
    struct machine *machine = machine_of(env);
    if (stops(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->sync_folder(machine->inner, path);
}

static int on_access(struct weft_env *env, const char *path, int mode) {
    struct machine *machine = machine_of(env);
    if (is_dead(machine)) return WEFT_ERR_IO;
    return machine->inner->disk->access(machine->inner, path, mode);
}

static int on_lock(struct weft_env *env, weft_file file, enum weft_disk_lock level) {
    struct machine *machine = machine_of(env);
    if (is_dead(machine)) return WEFT_ERR_INVAL;
    return machine->inner->disk->lock(machine->inner, file, level);
}

static int on_locked(struct weft_env *env, weft_file file) {
    struct machine *machine = machine_of(env);
    if (is_dead(machine)) return WEFT_ERR_INVAL;
    return machine->inner->disk->locked(machine->inner, file);
}

static void on_traits(struct weft_env *env, struct weft_disk_traits *out) {
    struct machine *machine = machine_of(env);
    machine->inner->disk->traits(machine->inner, out);
}

static int64_t on_wall(struct weft_env *env) {
    struct machine *machine = machine_of(env);
    return machine->inner->clock->wall(machine->inner);
}

static void on_fill(struct weft_env *env, void *out, size_t size) {
    struct machine *machine = machine_of(env);
    machine->inner->entropy->fill(machine->inner, out, size);
}

static const struct weft_disk_ops disk_ops = {.open = on_open,
                                              .read = on_read,
                                              .write = on_write,
                                              .truncate = on_truncate,
                                              .size = on_size,
                                              .sync = on_sync,
                                              .close = on_close,
                                              .rename = on_rename,
                                              .remove = on_remove,
                                              .sync_folder = on_sync_folder,
                                              .access = on_access,
                                              .lock = on_lock,
                                              .locked = on_locked,
                                              .traits = on_traits};
static const struct weft_clock_ops clock_ops = {.wall = on_wall};
static const struct weft_entropy_ops entropy_ops = {.fill = on_fill};

static void machine_init(struct machine *machine) {
    memset(machine, 0, sizeof *machine);
    machine->env =
        (struct weft_env){.clock = &clock_ops, .entropy = &entropy_ops, .disk = &disk_ops};
    machine->left = UINT32_MAX;
}

/* --- of the simulator --- */

static void on_deliver(void *ctx, uint32_t node, const struct weft_event *event) {
    (void)ctx;
    (void)node;
    (void)event;
}

static void sim_up(struct machine *machine) {
    machine->inner = sim_fabric_up(machine->fabric, 0, ++machine->life);
    machine->left = UINT32_MAX;
    if (machine->inner == NULL) abort();
}

static void sim_open(struct machine *machine) {
    machine_init(machine);
    machine->spec.rules_count = 1;
    machine->spec.rules[0].from_group = machine->spec.rules[0].to_group = SIM_GROUP_ANY;
    machine->engine = sim_engine_new(1, 1);
    machine->net = sim_net_new(&machine->spec, 1, NULL, 1);
    struct sim_fabric_config config = {.engine = machine->engine,
                                       .net = machine->net,
                                       .nodes = 1,
                                       .host = {.guard = &weft_posix_guard},
                                       .deliver = on_deliver};
    machine->fabric = sim_fabric_new(&config);
    if (machine->fabric == NULL) abort();
    sim_up(machine);
}

static void sim_close(struct machine *machine) {
    sim_engine_free(machine->engine, sim_fabric_drop);
    sim_fabric_free(machine->fabric);
    sim_net_free(machine->net);
}

static void sim_power_off_and_on(struct machine *machine, enum sim_unsynced unsynced,
                                 uint64_t seed) {
    sim_fabric_crash(machine->fabric, 0, unsynced, seed);
    sim_fabric_down(machine->fabric, 0);
    sim_up(machine);
}

/* --- of posix --- */

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw) {
    (void)stat;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void posix_up(struct machine *machine) {
    struct weft_posix_config config = {.folder = machine->folder};
    if (weft_posix_new(&config, &machine->posix) != WEFT_OK) abort();
    machine->inner = weft_posix_env(machine->posix);
    machine->left = UINT32_MAX;
}

static void posix_open(struct machine *machine) {
    machine_init(machine);
    const char *quick = "/dev/shm"; /* a kill does not ask what reached the disk */
    snprintf(machine->folder, sizeof machine->folder, "%s/weft-sqlite-XXXXXX",
             access(quick, W_OK) == 0 ? quick : "/tmp");
    if (mkdtemp(machine->folder) == NULL) abort();
    posix_up(machine);
}

static void posix_close(struct machine *machine) {
    weft_posix_free(machine->posix);
    nftw(machine->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The process is killed, and another begins: its files are closed, and what it wrote is there. */
static void posix_kill_and_start(struct machine *machine) {
    weft_posix_free(machine->posix);
    posix_up(machine);
}

/* --- the database --- */

/* How SQLite makes a commit durable. EXTRA: the journal's name is gone for good, too. */
static const char *const journals[] = {
    "PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA;",
    "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=FULL;",
    "PRAGMA journal_mode=PERSIST; PRAGMA synchronous=FULL;",
    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=8;"};

#define JOURNALS (sizeof journals / sizeof journals[0])

static sqlite3 *db_open(const char *journal) {
    sqlite3 *db = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2("data/base.db", &db, flags, "weft") == SQLITE_OK &&
        sqlite3_exec(db, journal, NULL, NULL, NULL) == SQLITE_OK) {
        return db;
    }
    sqlite3_close(db);
    return NULL;
}

/* The first column of the first row as a number; -1: none. */
static int64_t ask(sqlite3 *db, const char *sql) {
    sqlite3_stmt *query = NULL;
    int64_t answer = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW) {
        answer = sqlite3_column_int64(query, 0);
    }
    sqlite3_finalize(query);
    return answer;
}

static bool is_sound(sqlite3 *db) {
    sqlite3_stmt *query = NULL;
    bool sound = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &query, NULL) == SQLITE_OK &&
                 sqlite3_step(query) == SQLITE_ROW &&
                 strcmp((const char *)sqlite3_column_text(query, 0), "ok") == 0;
    sqlite3_finalize(query);
    return sound;
}

/* Rows of several pages, and a sum that is wrong unless a transaction is there whole. Returns how
 * many were committed. */
static int write_rows(const char *journal) {
    sqlite3 *db = db_open(journal);
    int done = 0;
    bool ok = db != NULL && sqlite3_exec(db,
                                         "CREATE TABLE IF NOT EXISTS sums(n INTEGER);"
                                         "CREATE TABLE IF NOT EXISTS rows(n INTEGER, data BLOB);",
                                         NULL, NULL, NULL) == SQLITE_OK;
    for (int i = 1; ok && i <= TRANSACTIONS; i++) {
        char sql[256];
        snprintf(sql, sizeof sql,
                 "BEGIN; INSERT INTO rows VALUES(%d, zeroblob(3000));"
                 "INSERT INTO rows VALUES(%d, zeroblob(100)); INSERT INTO sums VALUES(%d); COMMIT;",
                 i, i, 2 * i);
        ok = sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
        if (ok) done = i;
    }
    sqlite3_close(db);
    return done;
}

struct found {
    bool sound;
    int64_t rows, sum, sums;
};

static struct found read_rows(const char *journal) {
    struct found found = {.rows = -1};
    sqlite3 *db = db_open(journal);
    if (db == NULL) return found;
    found.sound = is_sound(db);
    found.rows = ask(db, "SELECT count(*) FROM rows");
    found.sum = ask(db, "SELECT coalesce(sum(n), 0) FROM rows");
    found.sums = ask(db, "SELECT coalesce(sum(n), 0) FROM sums");
    sqlite3_close(db);
    return found;
}

/* What was committed is there, and what was under way whole or not at all. */
static bool is_right(const struct found *found, int committed) {
    if (!found->sound) return false;
    if (committed == 0 && found->rows < 0) return true; /* the tables were not made */
    if (found->sum != found->sums) return false;
    return found->rows == 2 * committed || found->rows == 2 * (committed + 1);
}

/* --- sweeps: stop at the first call, the second, the third ... --- */

enum how { KILLED, LOST, KEPT, TORN };

static void come_back(struct machine *machine, enum how how, uint64_t seed) {
    static const enum sim_unsynced unsynced[] = {
        [LOST] = SIM_UNSYNCED_LOST, [KEPT] = SIM_UNSYNCED_KEPT, [TORN] = SIM_UNSYNCED_TORN};
    if (how == KILLED)
        posix_kill_and_start(machine);
    else
        sim_power_off_and_on(machine, unsynced[how], seed);
}

/* One run that stops at call `at`. False: it did not come so far. */
static bool run_to(const char *journal, enum how how, uint32_t at, uint64_t seed, bool *right) {
    struct machine machine;
    struct vfs vfs;
    (how == KILLED ? posix_open : sim_open)(&machine);
    vfs_register(&vfs, &machine.env);
    machine.left = at;
    int committed = write_rows(journal);
    bool stopped = is_dead(&machine);
    come_back(&machine, how, seed);
    struct found found = read_rows(journal);
    *right = is_right(&found, committed);
    vfs_unregister(&vfs);
    (how == KILLED ? posix_close : sim_close)(&machine);
    return stopped;
}

/* Returns at how many calls a run was stopped; each was right. */
static uint32_t sweep(const char *journal, enum how how, uint64_t seed) {
    uint32_t at = 1;
    bool right = true;
    while (at < SWEEP_MAX && run_to(journal, how, at, seed, &right)) {
        if (!CHECK(right))
            printf("stopped at call %u, seed %llu: %s\n", at, (unsigned long long)seed, journal);
        if (!right) return at;
        at++;
    }
    CHECK(right);
    CHECK(at < SWEEP_MAX);
    return at - 1;
}

static void sweep_all(enum how how, uint64_t seeds) {
    for (size_t i = 0; i < JOURNALS; i++) {
        for (uint64_t seed = 1; seed <= seeds; seed++) CHECK(sweep(journals[i], how, seed) > 30);
    }
}

static void rows_are_read_back_on_posix(void) {
    struct machine machine;
    struct vfs vfs;
    posix_open(&machine);
    vfs_register(&vfs, &machine.env);
    for (size_t i = 0; i < JOURNALS; i++) {
        CHECK_EQ_INT(write_rows(journals[i]), TRANSACTIONS);
        struct found found = read_rows(journals[i]);
        CHECK(found.sound);
        CHECK_EQ_INT(found.rows, 2 * TRANSACTIONS * (int64_t)(i + 1));
        CHECK_EQ_INT(found.sum, found.sums);
    }
    vfs_unregister(&vfs);
    posix_close(&machine);
}

static void two_connections_take_turns(void) {
    struct machine machine;
    struct vfs vfs;
    sim_open(&machine);
    vfs_register(&vfs, &machine.env);
    CHECK_EQ_INT(write_rows(journals[0]), TRANSACTIONS);
    sqlite3 *one = db_open(journals[0]), *two = db_open(journals[0]);
    REQUIRE(one != NULL && two != NULL);
    CHECK_EQ_INT(sqlite3_exec(one, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ_INT(sqlite3_exec(two, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    CHECK_EQ_INT(ask(two, "SELECT count(*) FROM rows"), 2 * TRANSACTIONS);
    CHECK_EQ_INT(sqlite3_exec(one, "DELETE FROM rows; COMMIT", NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ_INT(ask(two, "SELECT count(*) FROM rows"), 0);
    CHECK_EQ_INT(sqlite3_exec(two, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    CHECK_EQ_INT(ask(one, "SELECT count(*) FROM rows"), -1);
    sqlite3_close(one);
    sqlite3_close(two);
    vfs_unregister(&vfs);
    sim_close(&machine);
}

static void a_process_that_is_killed_at_any_call_leaves_what_was_committed(void) {
    for (size_t i = 0; i < JOURNALS; i++) CHECK(sweep(journals[i], KILLED, 1) > 30);
}

static void a_power_loss_at_any_call_that_loses_all_leaves_what_was_committed(void) {
    sweep_all(LOST, 1);
}

static void a_power_loss_at_any_call_that_keeps_all_leaves_what_was_committed(void) {
    sweep_all(KEPT, 1);
}

static void a_power_loss_at_any_call_that_tears_leaves_what_was_committed(void) {
    sweep_all(TORN, 4);
}

/* --- a disk that lies: the sweeps above can fail --- */

static int right_runs(enum sim_trouble_kind kind, const char *journal, int *runs) {
    int right_count = 0;
    *runs = 0;
    for (uint32_t at = 20; at < 60; at += 2) {
        struct machine machine;
        struct vfs vfs;
        struct sim_trouble trouble = {
            .kind = kind, .ops = SIM_DISK_OPS_ALL, .ppm = 1000000, .seed = at};
        sim_open(&machine);
        vfs_register(&vfs, &machine.env);
        struct sim_disk *disk = sim_fabric_disk(machine.fabric, 0);
        sim_disk_trouble_on(disk, &trouble);
        machine.left = at;
        int committed = write_rows(journal);
        sim_power_off_and_on(&machine, SIM_UNSYNCED_LOST, at);
        sim_disk_trouble_off(disk, &trouble);
        sim_disk_forget(disk, &trouble);
        struct found found = read_rows(journal);
        right_count += is_right(&found, committed);
        ++*runs;
        vfs_unregister(&vfs);
        sim_close(&machine);
    }
    return right_count;
}

static void a_disk_that_loses_its_syncs_loses_what_was_committed(void) {
    int runs;
    CHECK(right_runs(SIM_TROUBLE_LOST_FSYNC, journals[0], &runs) < runs);
    CHECK(right_runs(SIM_TROUBLE_LOST_FSYNC, journals[3], &runs) < runs);
}

TEST_MAIN("sqlite", TEST(rows_are_read_back_on_posix), TEST(two_connections_take_turns),
          TEST(a_process_that_is_killed_at_any_call_leaves_what_was_committed),
          TEST(a_power_loss_at_any_call_that_loses_all_leaves_what_was_committed),
          TEST(a_power_loss_at_any_call_that_keeps_all_leaves_what_was_committed),
          TEST(a_power_loss_at_any_call_that_tears_leaves_what_was_committed),
          TEST(a_disk_that_loses_its_syncs_loses_what_was_committed))
