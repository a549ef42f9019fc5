/* The disk of a simulated machine, made when it is first used. It outlives the machine. */
#include "core/base/assert.h"
#include "sim/world/internal.h"

static struct sim_disk *disk_of(struct weft_env *env, const char *call) {
    struct sim_machine *machine = sim_fabric__machine(env);
    if (sim_fabric__refused(machine, SIM_POINT_DISK, call, 0)) return NULL;
    struct sim_berth *berth = &machine->fabric->berths[machine->node];
    if (berth->disk == NULL) berth->disk = sim_disk_new();
    return berth->disk;
}

static int open_file(struct weft_env *env, const char *path, int mode, weft_file *out) {
    struct sim_disk *disk = disk_of(env, "open");
    return disk != NULL ? sim_disk_open(disk, path, mode, out) : WEFT_ERR_IO;
}

static int64_t read_file(struct weft_env *env, weft_file file, uint64_t offset, void *data,
                         size_t size) {
    struct sim_disk *disk = disk_of(env, "read");
    return disk != NULL ? sim_disk_read(disk, file, offset, data, size) : WEFT_ERR_IO;
}

static int write_file(struct weft_env *env, weft_file file, uint64_t offset, const void *data,
                      size_t size) {
    struct sim_disk *disk = disk_of(env, "write");
    return disk != NULL ? sim_disk_write(disk, file, offset, data, size) : WEFT_ERR_IO;
}

static int truncate_file(struct weft_env *env, weft_file file, uint64_t size) {
    struct sim_disk *disk = disk_of(env, "truncate");
    return disk != NULL ? sim_disk_truncate(disk, file, size) : WEFT_ERR_IO;
}

static int64_t size_of_file(struct weft_env *env, weft_file file) {
    struct sim_disk *disk = disk_of(env, "size");
    return disk != NULL ? sim_disk_size(disk, file) : WEFT_ERR_IO;
}

static int sync_file(struct weft_env *env, weft_file file) {
    struct sim_disk *disk = disk_of(env, "sync");
    return disk != NULL ? sim_disk_sync(disk, file) : WEFT_ERR_IO;
}

static void close_file(struct weft_env *env, weft_file file) {
    struct sim_machine *machine = sim_fabric__machine(env);
    struct sim_disk *disk = machine->fabric->berths[machine->node].disk;
    if (disk != NULL) sim_disk_close(disk, file);
}

static int rename_file(struct weft_env *env, const char *from, const char *to) {
    struct sim_disk *disk = disk_of(env, "rename");
    return disk != NULL ? sim_disk_rename(disk, from, to) : WEFT_ERR_IO;
}

static int remove_file(struct weft_env *env, const char *path) {
    struct sim_disk *disk = disk_of(env, "remove");
    return disk != NULL ? sim_disk_remove(disk, path) : WEFT_ERR_IO;
}

static int sync_folder(struct weft_env *env, const char *path) {
    struct sim_disk *disk = disk_of(env, "sync_folder");
    return disk != NULL ? sim_disk_sync_folder(disk, path) : WEFT_ERR_IO;
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
                                               .sync_folder = sync_folder};
