/* The disk of a simulated machine, made when it is first used. It outlives the machine. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

#include <string.h>

static struct sim_disk *own_disk(struct weft_env *env) {
    const struct sim_machine *machine = sim_fabric__machine(env);
    return sim_fabric_disk(machine->fabric, machine->node);
}

/* What is asked of a disk, and what it answers, goes into the run's hash. */
static struct sim_engine *engine_of(struct weft_env *env) {
    return sim_fabric__machine(env)->fabric->config.engine;
}

static void fold_path(struct weft_env *env, const char *path) {
    sim_engine_fold_bytes(engine_of(env), path, strlen(path));
}

static void fold_place(struct weft_env *env, weft_file file, uint64_t offset) {
    sim_engine_fold(engine_of(env), file);
    sim_engine_fold(engine_of(env), offset);
}

/* For a call that may be refused. */
static struct sim_disk *disk_of(struct weft_env *env, const char *call) {
    struct sim_machine *machine = sim_fabric__machine(env);
    fold_path(env, call);
    if (sim_fabric__refused(machine, SIM_POINT_DISK, call, 0)) return NULL;
    return own_disk(env);
}

/* What a call returned, once the node has waited for as long as it took. */
static int64_t waited(struct weft_env *env, struct sim_disk *disk, int64_t rv) {
    weft_duration took = sim_disk_took(disk);
    sim_engine_fold(engine_of(env), (uint64_t)rv);
    if (took > 0) sim_fabric__busy(sim_fabric__machine(env), took);
    return rv;
}

static int open_file(struct weft_env *env, const char *path, int mode, weft_file *out) {
    struct sim_disk *disk = disk_of(env, "open");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_path(env, path);
    return (int)waited(env, disk, sim_disk_open(disk, path, mode, out));
}

static int64_t read_file(struct weft_env *env, weft_file file, uint64_t offset, void *data,
                         size_t size) {
    struct sim_disk *disk = disk_of(env, "read");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_place(env, file, offset);
    int64_t got = waited(env, disk, sim_disk_read(disk, file, offset, data, size));
    if (got > 0) sim_engine_fold_bytes(engine_of(env), data, (size_t)got);
    return got;
}

static int write_file(struct weft_env *env, weft_file file, uint64_t offset, const void *data,
                      size_t size) {
    struct sim_disk *disk = disk_of(env, "write");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_place(env, file, offset);
    sim_engine_fold_bytes(engine_of(env), data, size);
    return (int)waited(env, disk, sim_disk_write(disk, file, offset, data, size));
}

static int truncate_file(struct weft_env *env, weft_file file, uint64_t size) {
    struct sim_disk *disk = disk_of(env, "truncate");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_place(env, file, size);
    return (int)waited(env, disk, sim_disk_truncate(disk, file, size));
}

static int64_t size_of_file(struct weft_env *env, weft_file file) {
    struct sim_disk *disk = disk_of(env, "size");
    return disk != NULL ? sim_disk_size(disk, file) : WEFT_ERR_IO;
}

static int sync_file(struct weft_env *env, weft_file file) {
    struct sim_disk *disk = disk_of(env, "sync");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_place(env, file, 0);
    return (int)waited(env, disk, sim_disk_sync(disk, file));
}

static void close_file(struct weft_env *env, weft_file file) {
    struct sim_disk *disk = own_disk(env);
    if (disk != NULL) sim_disk_close(disk, file);
}

static int rename_file(struct weft_env *env, const char *from, const char *to) {
    struct sim_disk *disk = disk_of(env, "rename");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_path(env, from);
    fold_path(env, to);
    return (int)waited(env, disk, sim_disk_rename(disk, from, to));
}

static int remove_file(struct weft_env *env, const char *path) {
    struct sim_disk *disk = disk_of(env, "remove");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_path(env, path);
    return (int)waited(env, disk, sim_disk_remove(disk, path));
}

static int sync_folder(struct weft_env *env, const char *path) {
    struct sim_disk *disk = disk_of(env, "sync_folder");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_path(env, path);
    return (int)waited(env, disk, sim_disk_sync_folder(disk, path));
}

static int access_file(struct weft_env *env, const char *path, int mode) {
    struct sim_disk *disk = disk_of(env, "access");
    if (disk == NULL) return WEFT_ERR_IO;
    fold_path(env, path);
    return (int)waited(env, disk, sim_disk_access(disk, path, mode));
}

static int lock_file(struct weft_env *env, weft_file file, enum weft_disk_lock level) {
    struct sim_disk *disk = own_disk(env);
    return disk != NULL ? sim_disk_lock(disk, file, level) : WEFT_ERR_INVAL;
}

static int locked_file(struct weft_env *env, weft_file file) {
    struct sim_disk *disk = own_disk(env);
    return disk != NULL ? sim_disk_locked(disk, file) : WEFT_ERR_INVAL;
}

/* What core/posix promises, though this disk could promise more: a crash leaves sectors of 512
 * bytes whole. */
static void traits(struct weft_env *env, struct weft_disk_traits *out) {
    WEFT_ASSERT(env->disk == &sim_fabric__disk);
    *out = (struct weft_disk_traits){.sector_size = 4096, .powersafe_overwrite = true};
}

const struct weft_disk_ops sim_fabric__disk = {.open = open_file,
                                               .read = read_file,
                                               .write = write_file,
                                               .truncate = truncate_file,
                                               .size = size_of_file,
                                               .sync = sync_file,
                                               .close = close_file,
                                               .rename = rename_file,
                                               .remove = remove_file,
                                               .sync_folder = sync_folder,
                                               .access = access_file,
                                               .lock = lock_file,
                                               .locked = locked_file,
                                               .traits = traits};
