/* Files below one folder. Paths are walked a component at a time without following links, so no
 * path leads out. */
#define _GNU_SOURCE
#include "core/posix/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SLOT_BITS 10
#define FILE_SLOT_MASK ((1u << FILE_SLOT_BITS) - 1)
#define FILE_SERIAL_MAX ((1u << (32 - FILE_SLOT_BITS)) - 1)
#define MODE_ALL (WEFT_DISK_READ | WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE)

_Static_assert(POSIX_FILES_MAX <= 1u << FILE_SLOT_BITS, "slots fit a weft_file");

static int disk_error(int number) {
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return WEFT_ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
    case ELOOP: /* a link: it may lead out */
        return WEFT_ERR_DENIED;
    case EISDIR:
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTEMPTY:
        return WEFT_ERR_INVAL;
    case EMFILE:
    case ENFILE:
        return WEFT_ERR_FULL;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return WEFT_ERR_NO_SPACE;
    default:
        return WEFT_ERR_IO;
    }
}

/* The component at `at` is size bytes long and means a name, not a place. */
static bool component_valid(const char *at, size_t size) {
    if (size == 0 || size > NAME_MAX) return false;
    if (at[0] != '.') return true;
    return size != 1 && !(size == 2 && at[1] == '.');
}

/* WEFT_OK, or why `path` is not the name of a file of a node. */
static int path_check(const char *path) {
    WEFT_ASSERT(path != NULL);
    size_t size = strnlen(path, WEFT_PATH_MAX);
    if (size == WEFT_PATH_MAX) return WEFT_ERR_INVAL;
    for (const char *at = path;; at++) {
        size_t part = strcspn(at, "/");
        if (!component_valid(at, part)) return WEFT_ERR_INVAL;
        at += part;
        if (*at == '\0') return WEFT_OK;
    }
}

static int step_into(int folder, const char *name, bool create) {
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder, name, flags);
    if (fd >= 0 || errno != ENOENT || !create) return fd;
    if (mkdirat(folder, name, 0700) != 0 && errno != EEXIST) return -1;
    return openat(folder, name, flags);
}

/* The folder that holds the last component of `path`, and that component. `visit`, if any, is
 * called with every folder on the way, the node's own included; non-zero ends the walk. */
struct walk {
    const char *path;
    bool create;
    int (*visit)(int fd);
    const char *name;
    int fd; /* the caller closes it */
};

static int walk_start(const struct weft_posix *posix, struct walk *walk) {
    if (posix->folder_fd < 0) return WEFT_ERR_DENIED;
    int rv = path_check(walk->path);
    if (rv != WEFT_OK) return rv;
    walk->name = walk->path;
    walk->fd = fcntl(posix->folder_fd, F_DUPFD_CLOEXEC, 0);
    return walk->fd < 0 ? disk_error(errno) : WEFT_OK;
}

static int walk_folders(const struct weft_posix *posix, struct walk *walk) {
    char name[NAME_MAX + 1];
    int rv = walk_start(posix, walk);
    while (rv == WEFT_OK) {
        if (walk->visit != NULL && walk->visit(walk->fd) != 0) rv = disk_error(errno);
        const char *slash = strchr(walk->name, '/');
        if (rv != WEFT_OK || slash == NULL) break;
        size_t size = (size_t)(slash - walk->name);
        WEFT_ASSERT(size < sizeof name);
        memcpy(name, walk->name, size);
        name[size] = '\0';
        int next = step_into(walk->fd, name, walk->create);
        if (next < 0) rv = disk_error(errno);
        if (next < 0) break;
        close(walk->fd);
        walk->fd = next;
        walk->name = slash + 1;
    }
    if (rv != WEFT_OK && walk->fd >= 0) close(walk->fd);
    return rv;
}

static struct weft_posix__file *file_get(struct weft_env *env, weft_file handle) {
    struct weft_posix *posix = weft_posix__of(env);
    uint32_t slot = handle & FILE_SLOT_MASK;
    if (slot >= POSIX_FILES_MAX) return NULL;
    struct weft_posix__file *file = &posix->files[slot];
    return file->fd >= 0 && file->serial == handle >> FILE_SLOT_BITS ? file : NULL;
}

/* WEFT_FILE_NONE when all slots are taken. `file` has no serial yet. */
static weft_file file_add(struct weft_posix *posix, const struct weft_posix__file *file) {
    WEFT_ASSERT(file->fd >= 0);
    for (uint32_t slot = 0; slot < POSIX_FILES_MAX; slot++) {
        if (posix->files[slot].fd >= 0) continue;
        posix->file_serial = posix->file_serial % FILE_SERIAL_MAX + 1;
        posix->files[slot] = *file;
        posix->files[slot].serial = posix->file_serial;
        posix->stats.files++;
        return posix->file_serial << FILE_SLOT_BITS | slot;
    }
    return WEFT_FILE_NONE;
}

static bool mode_valid(int mode) {
    if ((mode & ~MODE_ALL) != 0) return false;
    if (mode & WEFT_DISK_WRITE) return true;
    return mode == WEFT_DISK_READ;
}

/* A regular file, or nothing: a pipe would block, a device is not the node's. */
static int open_regular(int folder, const char *name, int mode, struct weft_posix__file *out) {
    int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    flags |= mode & WEFT_DISK_WRITE ? O_RDWR : O_RDONLY;
    if (mode & WEFT_DISK_CREATE) flags |= O_CREAT;
    struct stat stat;
    int fd = openat(folder, name, flags, 0600);
    if (fd < 0) return errno == ENXIO ? WEFT_ERR_INVAL : disk_error(errno);
    int rv = fstat(fd, &stat) == 0 ? WEFT_OK : disk_error(errno);
    if (rv == WEFT_OK && !S_ISREG(stat.st_mode)) rv = WEFT_ERR_INVAL;
    if (rv == WEFT_OK && (mode & WEFT_DISK_TRUNCATE) && ftruncate(fd, 0) != 0) {
        rv = disk_error(errno);
    }
    if (rv != WEFT_OK) close(fd);
    *out = (struct weft_posix__file){.fd = fd,
                                     .writable = (mode & WEFT_DISK_WRITE) != 0,
                                     .device = stat.st_dev,
                                     .inode = stat.st_ino};
    return rv;
}

static int disk_open(struct weft_env *env, const char *path, int mode, weft_file *out) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__file file = {.fd = -1};
    WEFT_ASSERT(out != NULL);
    if (!mode_valid(mode)) return WEFT_ERR_INVAL;
    if (posix->stats.files == POSIX_FILES_MAX) return WEFT_ERR_FULL;
    struct walk walk = {.path = path, .create = (mode & WEFT_DISK_CREATE) != 0, .fd = -1};
    int rv = walk_folders(posix, &walk);
    if (rv != WEFT_OK) return rv;
    rv = open_regular(walk.fd, walk.name, mode, &file);
    close(walk.fd);
    if (rv != WEFT_OK) return rv;
    *out = file_add(posix, &file);
    WEFT_ASSERT(*out != WEFT_FILE_NONE);
    return WEFT_OK;
}

static bool range_valid(uint64_t offset, size_t size) {
    return offset <= INT64_MAX && size <= (uint64_t)INT64_MAX - offset;
}

static int64_t disk_read(struct weft_env *env, weft_file handle, uint64_t offset, void *data,
                         size_t size) {
    struct weft_posix__file *file = file_get(env, handle);
    unsigned char *at = data;
    size_t done = 0;
    if (file == NULL || !range_valid(offset, size)) return WEFT_ERR_INVAL;
    while (done < size) {
        ssize_t got = pread(file->fd, at + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return WEFT_ERR_IO;
        if (got == 0) break;
        done += (size_t)got;
    }
    WEFT_ASSERT(done <= size);
    return (int64_t)done;
}

static int disk_write(struct weft_env *env, weft_file handle, uint64_t offset, const void *data,
                      size_t size) {
    struct weft_posix__file *file = file_get(env, handle);
    const unsigned char *at = data;
    if (file == NULL || !file->writable) return WEFT_ERR_INVAL;
    if (!range_valid(offset, size)) return WEFT_ERR_INVAL;
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(file->fd, at + done, size - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR) continue;
        if (put < 0)
            return disk_error(errno) == WEFT_ERR_NO_SPACE ? WEFT_ERR_NO_SPACE : WEFT_ERR_IO;
        WEFT_ASSERT(put > 0);
        done += (size_t)put;
    }
    return WEFT_OK;
}

static int disk_truncate(struct weft_env *env, weft_file handle, uint64_t size) {
    struct weft_posix__file *file = file_get(env, handle);
    if (file == NULL || !file->writable || !range_valid(size, 0)) return WEFT_ERR_INVAL;
    return ftruncate(file->fd, (off_t)size) == 0 ? WEFT_OK : disk_error(errno);
}

static int64_t disk_size(struct weft_env *env, weft_file handle) {
    struct weft_posix__file *file = file_get(env, handle);
    struct stat stat;
    if (file == NULL) return WEFT_ERR_INVAL;
    if (fstat(file->fd, &stat) != 0) return WEFT_ERR_IO;
    WEFT_ASSERT(stat.st_size >= 0);
    return stat.st_size;
}

static int disk_sync(struct weft_env *env, weft_file handle) {
    struct weft_posix__file *file = file_get(env, handle);
    if (file == NULL) return WEFT_ERR_INVAL;
    return fdatasync(file->fd) == 0 ? WEFT_OK : WEFT_ERR_IO;
}

static void disk_close(struct weft_env *env, weft_file handle) {
    struct weft_posix *posix = weft_posix__of(env);
    struct weft_posix__file *file = file_get(env, handle);
    if (file == NULL) return;
    WEFT_ASSERT(posix->stats.files > 0);
    close(file->fd);
    file->fd = -1;
    posix->stats.files--;
}

/* WEFT_OK when there is something by that name that is no folder. */
static int check_no_folder(const struct walk *walk) {
    struct stat stat;
    if (fstatat(walk->fd, walk->name, &stat, AT_SYMLINK_NOFOLLOW) != 0) return disk_error(errno);
    return S_ISDIR(stat.st_mode) ? WEFT_ERR_INVAL : WEFT_OK;
}

static int disk_rename(struct weft_env *env, const char *from, const char *to) {
    struct weft_posix *posix = weft_posix__of(env);
    struct walk source = {.path = from, .fd = -1}, target = {.path = to, .create = true, .fd = -1};
    int rv = walk_folders(posix, &source);
    if (rv != WEFT_OK) return rv;
    rv = check_no_folder(&source);
    if (rv == WEFT_OK) rv = walk_folders(posix, &target);
    if (rv != WEFT_OK) goto err_after_source;
    if (renameat(source.fd, source.name, target.fd, target.name) != 0) rv = disk_error(errno);
    close(target.fd);

err_after_source:
    close(source.fd);
    return rv;
}

static int disk_remove(struct weft_env *env, const char *path) {
    struct walk walk = {.path = path, .fd = -1};
    int rv = walk_folders(weft_posix__of(env), &walk);
    if (rv != WEFT_OK) return rv;
    if (unlinkat(walk.fd, walk.name, 0) != 0) rv = disk_error(errno);
    close(walk.fd);
    return rv;
}

static int disk_access(struct weft_env *env, const char *path, int mode) {
    struct walk walk = {.path = path, .fd = -1};
    struct stat stat;
    if (mode != WEFT_DISK_READ && mode != WEFT_DISK_WRITE) return WEFT_ERR_INVAL;
    int rv = walk_folders(weft_posix__of(env), &walk);
    if (rv != WEFT_OK) return rv;
    int wanted = mode == WEFT_DISK_READ ? R_OK : R_OK | W_OK;
    if (fstatat(walk.fd, walk.name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
        rv = disk_error(errno);
    } else if (!S_ISREG(stat.st_mode)) {
        rv = S_ISLNK(stat.st_mode) ? WEFT_ERR_DENIED : WEFT_ERR_INVAL;
    } else if (faccessat(walk.fd, walk.name, wanted, AT_EACCESS) != 0) {
        rv = disk_error(errno);
    }
    close(walk.fd);
    return rv;
}

/* The most that a handle other than `but` (NULL: any) holds of the file of `of`. */
static enum weft_disk_lock lock_of_others(const struct weft_posix *posix,
                                          const struct weft_posix__file *of,
                                          const struct weft_posix__file *but) {
    enum weft_disk_lock most = WEFT_LOCK_NONE;
    for (size_t slot = 0; slot < POSIX_FILES_MAX; slot++) {
        const struct weft_posix__file *file = &posix->files[slot];
        if (file->fd < 0 || file == but || file->lock <= most) continue;
        if (file->device == of->device && file->inode == of->inode) most = file->lock;
    }
    return most;
}

static int disk_lock(struct weft_env *env, weft_file handle, enum weft_disk_lock level) {
    struct weft_posix__file *file = file_get(env, handle);
    if (file == NULL) return WEFT_ERR_INVAL;
    enum weft_disk_lock others = lock_of_others(weft_posix__of(env), file, file);
    return weft_disk_lock_step(&file->lock, level, others);
}

static int disk_locked(struct weft_env *env, weft_file handle) {
    const struct weft_posix__file *file = file_get(env, handle);
    if (file == NULL) return WEFT_ERR_INVAL;
    return (int)lock_of_others(weft_posix__of(env), file, NULL);
}

/* What any disk and file system under Linux can be trusted with: no write is atomic, and writes go
 * out as the kernel pleases. */
static void disk_traits(struct weft_env *env, struct weft_disk_traits *out) {
    WEFT_ASSERT(env->disk != NULL);
    *out = (struct weft_disk_traits){.sector_size = 4096, .powersafe_overwrite = true};
}

static int sync_one(int fd) { return fsync(fd); }

/* Folders on the way too: a new one is itself a name in the folder above. */
static int disk_sync_folder(struct weft_env *env, const char *path) {
    struct walk walk = {.path = path[0] == '\0' ? "-" : path, .visit = sync_one, .fd = -1};
    WEFT_ASSERT(path != NULL);
    int rv = walk_folders(weft_posix__of(env), &walk);
    if (rv == WEFT_OK) close(walk.fd);
    return rv;
}

const struct weft_disk_ops weft_posix__disk = {
    .open = disk_open,
    .read = disk_read,
    .write = disk_write,
    .truncate = disk_truncate,
    .size = disk_size,
    .sync = disk_sync,
    .close = disk_close,
    .rename = disk_rename,
    .remove = disk_remove,
    .sync_folder = disk_sync_folder,
    .access = disk_access,
    .lock = disk_lock,
    .locked = disk_locked,
    .traits = disk_traits,
};

/* mkdir -p. What exists already is checked by the open that follows. */
static void make_folders(const char *folder) {
    char path[PATH_MAX];
    size_t size = strlen(folder);
    if (size >= sizeof path) return;
    memcpy(path, folder, size + 1);
    for (size_t i = 1; i < size; i++) {
        if (path[i] != '/') continue;
        path[i] = '\0';
        mkdir(path, 0777);
        path[i] = '/';
    }
    mkdir(path, 0700);
}

int weft_posix__disk_init(struct weft_posix *posix, const char *folder) {
    for (size_t slot = 0; slot < POSIX_FILES_MAX; slot++) posix->files[slot].fd = -1;
    posix->folder_fd = -1;
    if (folder == NULL) return WEFT_OK;
    make_folders(folder);
    posix->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (posix->folder_fd >= 0) return WEFT_OK;
    return errno == ENOTDIR || errno == ENOENT ? WEFT_ERR_INVAL : disk_error(errno);
}

void weft_posix__disk_deinit(struct weft_posix *posix) {
    for (size_t slot = 0; slot < POSIX_FILES_MAX; slot++) {
        if (posix->files[slot].fd >= 0) close(posix->files[slot].fd);
    }
    if (posix->folder_fd >= 0) close(posix->folder_fd);
}
