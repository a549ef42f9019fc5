/* "wal", an application: a small store on a write-ahead log, and writers that use it. It says in
 * the trace (app.claim) what was tried, acknowledged and found again, which the check `durable`
 * judges.
 *
 *   wal/table   all keys as of `last`, one block, replaced by rename: the checkpoint
 *   wal/log     batches after it. Each is written and synced before its writers are answered, and
 *               before the next one: so only the last can be torn, and a whole batch behind one
 * that is not is proof of damage
 *
 * Version 2 has a bug: it answers before it has synced. Version 3 has another: when a sync fails it
 * tries once more, and takes the second answer for the truth.
 *
 * After a failed sync nothing is known of what the log holds, and syncing it again proves nothing:
 * the store writes a new table, which holds what was acknowledged, before it goes on. */
#include "core/base/assert.h"
#include "core/base/hash.h"
#include "core/otp/application.h"
#include "core/otp/gen_server.h"
#include "core/otp/module.h"

#include <string.h>

#define BLOCK 1024u /* two sectors: a batch may be torn */
#define KEYS 16u
#define BATCH_MAX 60u /* puts in one: they fit a block */
#define LOG_MAX (16u * BLOCK)
#define WRITERS 2u
#define FLUSH_AFTER WEFT_MS(5)
#define WRITE_EVERY WEFT_MS(20)
#define RETRY_AFTER WEFT_MS(500)
#define RETRIES_MAX 3u /* of reading: then what cannot be read counts as damaged */

enum { TABLE_MAGIC = 0x7761746c, BATCH_MAGIC = 0x77616c62 };
enum { TAG_PUT = 1, TAG_FLUSH, TAG_RECOVER, TAG_WRITE };

struct put {
    uint32_t key, pad;
    uint64_t value;
};

/* One block each, with no byte unset, as it stands on the disk of the node that wrote it. */
struct table {
    uint32_t magic, pad;
    uint64_t last; /* number of the last batch that is in it */
    uint64_t values[KEYS];
    unsigned char fill[BLOCK - 16 - 8 * KEYS - 8];
    uint64_t sum;
};

struct batch {
    uint32_t magic, count;
    uint64_t number;
    struct put puts[BATCH_MAX];
    unsigned char fill[BLOCK - 16 - 16 * BATCH_MAX - 8];
    uint64_t sum;
};

_Static_assert(sizeof(struct table) == BLOCK, "one block");
_Static_assert(sizeof(struct batch) == BLOCK, "one block");

struct store {
    bool serves;   /* the table on disk and the log are known to hold what was acknowledged */
    bool is_read;  /* what the disk had is in memory */
    bool flushing; /* a timer will */
    uint32_t retries;
    weft_file log;
    uint64_t log_size;
    uint64_t last; /* batches so far */
    uint64_t values[KEYS];
    uint32_t waiting_count;
    struct put puts[BATCH_MAX];
    struct weft_call waiting[BATCH_MAX];
};

static uint64_t sum_of(const void *block) {
    static const struct weft_hash_key key = {UINT64_C(0x77616c), 1};
    return weft_siphash(&key, block, BLOCK - sizeof(uint64_t));
}

static void claim(weft_self *self, enum weft_claim what, uint32_t key, uint64_t value) {
    char name[] = "k00";
    name[1] = (char)('0' + key / 10);
    name[2] = (char)('0' + key % 10);
    weft_trace(weft_self_env(self), WEFT_TRACE_APP_CLAIM, weft_bytes_text(name), what, value);
}

static void claim_damage(weft_self *self) {
    weft_trace(weft_self_env(self), WEFT_TRACE_APP_CLAIM, weft_bytes(NULL, 0), WEFT_CLAIM_DAMAGED,
               0);
}

static void later(weft_self *self, weft_duration delay, uint32_t tag) {
    weft_ref ref;
    int rv = weft_timer_start(self, delay, tag, weft_bytes(NULL, 0), &ref);
    WEFT_ASSERT(rv == WEFT_OK);
}

/* --- reading what is there --- */

/* A whole block, WEFT_ERR_NOT_FOUND behind the end, WEFT_ERR_CORRUPT or WEFT_ERR_IO. */
static int read_block(struct weft_env *env, weft_file file, uint64_t at, void *block) {
    memset(block, 0, BLOCK);
    int64_t got = env->disk->read(env, file, at, block, BLOCK);
    if (got < 0) return (int)got;
    if (got == 0) return WEFT_ERR_NOT_FOUND;
    uint64_t sum;
    memcpy(&sum, (unsigned char *)block + BLOCK - sizeof sum, sizeof sum);
    return got == BLOCK && sum == sum_of(block) ? WEFT_OK : WEFT_ERR_CORRUPT;
}

static int read_table(struct weft_env *env, struct store *store) {
    struct table table;
    weft_file file;
    int rv = env->disk->open(env, "wal/table", WEFT_DISK_READ, &file);
    if (rv != WEFT_OK) return rv;
    rv = read_block(env, file, 0, &table);
    env->disk->close(env, file);
    if (rv == WEFT_ERR_NOT_FOUND || (rv == WEFT_OK && table.magic != TABLE_MAGIC))
        rv = WEFT_ERR_CORRUPT; /* a table is never empty */
    if (rv != WEFT_OK) return rv;
    store->last = table.last;
    memcpy(store->values, table.values, sizeof store->values);
    return WEFT_OK;
}

static void apply(struct store *store, const struct batch *batch) {
    for (uint32_t i = 0; i < batch->count && i < BATCH_MAX; i++) {
        if (batch->puts[i].key < KEYS) store->values[batch->puts[i].key] = batch->puts[i].value;
    }
    store->last = batch->number;
}

/* A batch that is not whole is the last one, which nobody was answered for: unless one behind it
 * is, or the disk says that it cannot be read. */
static int read_log(struct weft_env *env, weft_file log, struct store *store) {
    struct batch batch;
    bool hole = false;
    for (uint64_t at = 0;; at += BLOCK) {
        int rv = read_block(env, log, at, &batch);
        if (rv == WEFT_ERR_NOT_FOUND) return WEFT_OK;
        if (rv == WEFT_ERR_IO) return rv;
        bool whole = rv == WEFT_OK && batch.magic == BATCH_MAGIC;
        if (whole && batch.number <= store->last) continue; /* the table has it */
        if (whole && (hole || batch.number != store->last + 1)) return WEFT_ERR_CORRUPT;
        hole = hole || !whole;
        if (whole) apply(store, &batch);
    }
}

/* What the disk holds. WEFT_ERR_CORRUPT: some of what it held is gone. */
static int read_all(struct weft_env *env, struct store *store) {
    weft_file log;
    memset(store->values, 0, sizeof store->values);
    store->last = 0;
    int table = read_table(env, store);
    if (table == WEFT_ERR_NOT_FOUND) table = WEFT_OK; /* the first life */
    int rv = env->disk->open(env, "wal/log", WEFT_DISK_READ, &log);
    if (rv == WEFT_ERR_NOT_FOUND) return table;
    if (rv != WEFT_OK) return rv;
    rv = read_log(env, log, store);
    env->disk->close(env, log);
    return table != WEFT_OK ? table : rv;
}

/* --- the checkpoint --- */

static int write_table(struct weft_env *env, const struct store *store) {
    struct table table;
    weft_file file;
    memset(&table, 0, sizeof table);
    table.magic = TABLE_MAGIC;
    table.last = store->last;
    memcpy(table.values, store->values, sizeof table.values);
    table.sum = sum_of(&table);
    int mode = WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE;
    int rv = env->disk->open(env, "wal/table.new", mode, &file);
    if (rv != WEFT_OK) return rv;
    rv = env->disk->write(env, file, 0, &table, sizeof table);
    if (rv == WEFT_OK) rv = env->disk->sync(env, file);
    env->disk->close(env, file);
    if (rv == WEFT_OK) rv = env->disk->rename(env, "wal/table.new", "wal/table");
    return rv;
}

/* The log is empty and its name durable, and so is the table's. */
static int new_log(struct weft_env *env, struct store *store) {
    if (store->log != WEFT_FILE_NONE) env->disk->close(env, store->log);
    store->log = WEFT_FILE_NONE;
    int mode = WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE;
    int rv = env->disk->open(env, "wal/log", mode, &store->log);
    if (rv == WEFT_OK) rv = env->disk->sync(env, store->log);
    if (rv == WEFT_OK) rv = env->disk->sync_folder(env, "wal/log");
    store->log_size = 0;
    return rv;
}

/* The table must be durable before the log is cut. */
static int checkpoint(weft_self *self, struct store *store) {
    struct weft_env *env = weft_self_env(self);
    int rv = write_table(env, store);
    if (rv == WEFT_OK) rv = env->disk->sync_folder(env, "wal/table");
    if (rv == WEFT_OK) rv = new_log(env, store);
    return rv;
}

static void recover(weft_self *self) {
    struct store *store = weft_state(self);
    if (!store->is_read) {
        int rv = read_all(weft_self_env(self), store);
        bool again = rv != WEFT_OK && rv != WEFT_ERR_CORRUPT && store->retries < RETRIES_MAX;
        if (again) store->retries++;
        if (again) {
            later(self, RETRY_AFTER, TAG_RECOVER);
            return;
        }
        if (rv != WEFT_OK) claim_damage(self);
        store->is_read = true;
        for (uint32_t key = 0; key < KEYS; key++)
            claim(self, WEFT_CLAIM_FOUND, key, store->values[key]);
    }
    store->serves = checkpoint(self, store) == WEFT_OK;
    if (!store->serves) later(self, RETRY_AFTER, TAG_RECOVER);
}

/* --- puts: several in one sync --- */

static int write_batch(struct weft_env *env, struct store *store) {
    struct batch batch;
    memset(&batch, 0, sizeof batch);
    batch.magic = BATCH_MAGIC;
    batch.count = store->waiting_count;
    batch.number = ++store->last; /* never used again, whatever becomes of it */
    memcpy(batch.puts, store->puts, store->waiting_count * sizeof batch.puts[0]);
    batch.sum = sum_of(&batch);
    int rv = env->disk->write(env, store->log, store->log_size, &batch, sizeof batch);
    if (rv == WEFT_OK && WAL_VERSION != 2) rv = env->disk->sync(env, store->log);
    if (rv == WEFT_ERR_IO && WAL_VERSION == 3) rv = env->disk->sync(env, store->log);
    store->log_size += BLOCK;
    return rv;
}

static void flush(weft_self *self) {
    struct store *store = weft_state(self);
    store->flushing = false;
    if (store->waiting_count == 0) return;
    int rv = store->serves ? write_batch(weft_self_env(self), store) : WEFT_ERR_AGAIN;
    for (uint32_t i = 0; i < store->waiting_count; i++) {
        const struct put *put = &store->puts[i];
        if (rv == WEFT_OK) store->values[put->key] = put->value;
        weft_reply(self, &store->waiting[i], rv, weft_bytes(NULL, 0));
    }
    store->waiting_count = 0;
    if (rv == WEFT_ERR_AGAIN) return;
    if (rv != WEFT_OK || store->log_size >= LOG_MAX) {
        store->serves = false;
        recover(self);
    }
}

static int store_init(weft_self *self, struct weft_bytes arg) {
    (void)arg;
    later(self, 0, TAG_RECOVER);
    return WEFT_OK;
}

static void store_call(weft_self *self, const struct weft_msg *call) {
    struct store *store = weft_state(self);
    struct put put;
    WEFT_ASSERT(call->tag == TAG_PUT && call->data.size == sizeof put);
    memcpy(&put, call->data.data, sizeof put);
    WEFT_ASSERT(put.key < KEYS);
    if (!store->serves || store->waiting_count == BATCH_MAX) {
        weft_reply_error(self, call, WEFT_ERR_AGAIN);
        return;
    }
    store->puts[store->waiting_count] = put;
    store->waiting[store->waiting_count++] = weft_call_of(call);
    if (!store->flushing) later(self, FLUSH_AFTER, TAG_FLUSH);
    store->flushing = true;
}

static void store_info(weft_self *self, const struct weft_msg *msg) {
    if (msg->kind != WEFT_MSG_TIMER) return;
    if (msg->tag == TAG_RECOVER) recover(self);
    if (msg->tag == TAG_FLUSH) flush(self);
}

static void store_end(weft_self *self, const struct weft_reason *reason) {
    struct weft_env *env = weft_self_env(self);
    struct store *store = weft_state(self);
    (void)reason;
    if (store->log != WEFT_FILE_NONE) env->disk->close(env, store->log);
}

static WEFT_GEN_SERVER(store_server, .name = "store", .version = WAL_VERSION,
                       .state_size = sizeof(struct store), .init = store_init,
                       .handle_call = store_call, .handle_info = store_info,
                       .terminate = store_end);

/* --- a writer: one put at a time, each of a new value --- */

struct writer {
    uint32_t number, next;
    struct put put; /* key KEYS: none is under way */
};

static int writer_init(weft_self *self, struct weft_bytes arg) {
    struct writer *writer = weft_state(self);
    WEFT_ASSERT(arg.size == 1);
    writer->number = arg.data[0];
    writer->put.key = KEYS;
    later(self, WRITE_EVERY, TAG_WRITE);
    return WEFT_OK;
}

static void write_next(weft_self *self) {
    struct weft_env *env = weft_self_env(self);
    struct writer *writer = weft_state(self);
    weft_ref ref;
    later(self, WRITE_EVERY, TAG_WRITE);
    if (writer->put.key != KEYS) return;
    struct put put = {.key = writer->next++ % (KEYS / WRITERS) * WRITERS + writer->number};
    env->entropy->fill(env, &put.value, sizeof put.value);
    put.value |= 1; /* 0: none */
    claim(self, WEFT_CLAIM_TRIED, put.key, put.value);
    int rv = weft_call(self, weft_whereis(self, "wal"), TAG_PUT, weft_bytes(&put, sizeof put),
                       WEFT_S(60), &ref);
    if (rv == WEFT_OK) writer->put = put;
}

static void writer_info(weft_self *self, const struct weft_msg *msg) {
    struct writer *writer = weft_state(self);
    if (msg->kind == WEFT_MSG_TIMER) write_next(self);
    if (msg->kind != WEFT_MSG_REPLY) return;
    if (msg->status == WEFT_OK) claim(self, WEFT_CLAIM_ACKED, writer->put.key, writer->put.value);
    writer->put.key = KEYS;
}

static WEFT_GEN_SERVER(writer_server, .name = "writer", .version = WAL_VERSION,
                       .state_size = sizeof(struct writer), .init = writer_init,
                       .handle_info = writer_info);

static const struct weft_behaviour *const behaviours[] = {&store_server, &writer_server};
static const unsigned char numbers[WRITERS] = {0, 1};

static WEFT_APPLICATION(
    wal, .version = "1",
    .children = {{.id = "store", .name = "wal", .behaviour = &store_server},
                 {.id = "writer0", .behaviour = &writer_server, .arg = {&numbers[0], 1}},
                 {.id = "writer1", .behaviour = &writer_server, .arg = {&numbers[1], 1}}});

WEFT_MODULE(.name = "wal", .version = WAL_VERSION, WEFT_BEHAVIOURS(behaviours),
            .application = &wal);
