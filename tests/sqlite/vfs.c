/* sqlite3_vfs and sqlite3_io_methods, each by the env's call of that meaning. */
#include "tests/sqlite/vfs.h"

#include "core/base/error.h"

#include <stdio.h>
#include <string.h>

struct file {
    sqlite3_file base;
    struct weft_env *env;
    weft_file handle;
    bool folder_due; /* it was made, and its name is not durable yet */
    bool delete_on_close;
    char path[WEFT_PATH_MAX];
};

static struct file *file_of(sqlite3_file *base) { return (struct file *)(void *)base; }

static struct weft_env *env_of(sqlite3_vfs *base) { return ((struct vfs *)(void *)base)->env; }

static int sqlite_error(int rv, int io) {
    return rv == WEFT_OK ? SQLITE_OK : rv == WEFT_ERR_NO_SPACE ? SQLITE_FULL : io;
}

/* --- files --- */

static int file_close(sqlite3_file *base) {
    struct file *file = file_of(base);
    file->env->disk->close(file->env, file->handle);
    if (file->delete_on_close) (void)file->env->disk->remove(file->env, file->path);
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset) {
    struct file *file = file_of(base);
    int64_t got =
        file->env->disk->read(file->env, file->handle, (uint64_t)offset, data, (size_t)size);
    if (got < 0) return SQLITE_IOERR_READ;
    if (got == size) return SQLITE_OK;
    memset((unsigned char *)data + got, 0, (size_t)(size - got));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset) {
    struct file *file = file_of(base);
    int rv = file->env->disk->write(file->env, file->handle, (uint64_t)offset, data, (size_t)size);
    return sqlite_error(rv, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size) {
    struct file *file = file_of(base);
    int rv = file->env->disk->truncate(file->env, file->handle, (uint64_t)size);
    return sqlite_error(rv, SQLITE_IOERR_TRUNCATE);
}

static int file_sync(sqlite3_file *base, int flags) {
    struct file *file = file_of(base);
    (void)flags; /* there is one flavour, and it is all of them */
    int rv = file->env->disk->sync(file->env, file->handle);
    if (rv == WEFT_OK && file->folder_due) {
        rv = file->env->disk->sync_folder(file->env, file->path);
        if (rv == WEFT_OK) file->folder_due = false;
    }
    return sqlite_error(rv, SQLITE_IOERR_FSYNC);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *out) {
    struct file *file = file_of(base);
    int64_t size = file->env->disk->size(file->env, file->handle);
    *out = size;
    return size < 0 ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int level) {
    struct file *file = file_of(base);
    int rv = file->env->disk->lock(file->env, file->handle, (enum weft_disk_lock)level);
    return rv == WEFT_OK ? SQLITE_OK : rv == WEFT_ERR_IN_USE ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
}

static int file_check_reserved(sqlite3_file *base, int *out) {
    struct file *file = file_of(base);
    int level = file->env->disk->locked(file->env, file->handle);
    *out = level >= WEFT_LOCK_RESERVED;
    return level < 0 ? SQLITE_IOERR_CHECKRESERVEDLOCK : SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg) {
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *base) {
    struct file *file = file_of(base);
    struct weft_disk_traits traits;
    file->env->disk->traits(file->env, &traits);
    return (int)traits.sector_size;
}

static int file_characteristics(sqlite3_file *base) {
    struct file *file = file_of(base);
    struct weft_disk_traits traits;
    file->env->disk->traits(file->env, &traits);
    int flags = traits.safe_append ? SQLITE_IOCAP_SAFE_APPEND : 0;
    if (traits.in_order) flags |= SQLITE_IOCAP_SEQUENTIAL;
    if (traits.powersafe_overwrite) flags |= SQLITE_IOCAP_POWERSAFE_OVERWRITE;
    for (uint32_t size = 512, bit = SQLITE_IOCAP_ATOMIC512; size <= 65536; size *= 2, bit *= 2) {
        if (traits.atomic_size >= size) flags |= (int)bit;
    }
    return flags;
}

static const sqlite3_io_methods methods = {.iVersion = 1,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_lock,
                                           .xCheckReservedLock = file_check_reserved,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector_size,
                                           .xDeviceCharacteristics = file_characteristics};

/* --- the file system --- */

static void name_temporary(struct weft_env *env, char path[WEFT_PATH_MAX]) {
    uint64_t random;
    env->entropy->fill(env, &random, sizeof random);
    snprintf(path, WEFT_PATH_MAX, "temporary-%016llx", (unsigned long long)random);
}

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *out, int flags, int *got) {
    struct file *file = file_of(out);
    struct weft_env *env = env_of(base);
    *file = (struct file){.env = env, .delete_on_close = flags & SQLITE_OPEN_DELETEONCLOSE};
    if (path == NULL)
        name_temporary(env, file->path);
    else
        snprintf(file->path, sizeof file->path, "%s", path);
    int mode = flags & SQLITE_OPEN_READWRITE ? WEFT_DISK_WRITE : WEFT_DISK_READ;
    if (flags & SQLITE_OPEN_CREATE) {
        mode |= WEFT_DISK_CREATE;
        file->folder_due = env->disk->access(env, file->path, WEFT_DISK_READ) != WEFT_OK;
    }
    int rv = env->disk->open(env, file->path, mode, &file->handle);
    if (rv != WEFT_OK) return SQLITE_CANTOPEN;
    file->base.pMethods = &methods;
    if (got != NULL) *got = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_folder) {
    struct weft_env *env = env_of(base);
    int rv = env->disk->remove(env, path);
    if (rv == WEFT_ERR_NOT_FOUND) return SQLITE_IOERR_DELETE_NOENT;
    if (rv != WEFT_OK) return SQLITE_IOERR_DELETE;
    if (sync_folder) rv = env->disk->sync_folder(env, path);
    return rv == WEFT_OK ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *out) {
    struct weft_env *env = env_of(base);
    int mode = flags == SQLITE_ACCESS_READWRITE ? WEFT_DISK_WRITE : WEFT_DISK_READ;
    int rv = env->disk->access(env, path, mode);
    *out = rv == WEFT_OK;
    return rv == WEFT_ERR_IO ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int vfs_full_pathname(sqlite3_vfs *base, const char *path, int size, char *out) {
    (void)base;
    return snprintf(out, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *base, int size, char *out) {
    struct weft_env *env = env_of(base);
    env->entropy->fill(env, out, (size_t)size);
    return size;
}

static int vfs_sleep(sqlite3_vfs *base, int microseconds) {
    (void)base;
    return microseconds;
}

static int vfs_current_time(sqlite3_vfs *base, double *out) {
    struct weft_env *env = env_of(base);
    *out = 2440587.5 + (double)env->clock->wall(env) / 86400e9;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *base, int size, char *out) {
    (void)base;
    (void)size;
    (void)out;
    return 0;
}

void vfs_register(struct vfs *vfs, struct weft_env *env) {
    *vfs = (struct vfs){.base = {.iVersion = 1,
                                 .szOsFile = sizeof(struct file),
                                 .mxPathname = WEFT_PATH_MAX - 1,
                                 .zName = "weft",
                                 .xOpen = vfs_open,
                                 .xDelete = vfs_delete,
                                 .xAccess = vfs_access,
                                 .xFullPathname = vfs_full_pathname,
                                 .xRandomness = vfs_randomness,
                                 .xSleep = vfs_sleep,
                                 .xCurrentTime = vfs_current_time,
                                 .xGetLastError = vfs_last_error},
                        .env = env};
    sqlite3_vfs_register(&vfs->base, 0);
}

void vfs_unregister(struct vfs *vfs) { sqlite3_vfs_unregister(&vfs->base); }
