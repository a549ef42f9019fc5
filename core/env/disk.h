/* Disk: the files of one node, below a folder that is its own.
 *
 * Paths are relative, '/'-separated, without "." or "..", at most WEFT_PATH_MAX bytes with the
 * NUL. A file has one path: no links, no other spelling, so a path is also its full name. Folders
 * are made as needed by open with WEFT_DISK_CREATE.
 *
 * A handle that is not open gives WEFT_ERR_INVAL; closing it does nothing.
 *
 * Calls are synchronous and may be slow: a handler that must not stall its node does big disk
 * work elsewhere. What survives a loss of power, exactly:
 *   - bytes and size of a file: as of its last successful sync; anything later may be there,
 *     absent, or torn in part
 *   - the name of a file after create, rename or remove: as of the last successful sync_folder
 * A rename is atomic: after it a crash shows the old file or the new one, never a mixture.
 *
 * What else a loss of power may do to a write under way, traits say. Neither env promises more than
 * the other, so that what relies on more fails in simulation first. */
#ifndef WEFT_ENV_DISK_H
#define WEFT_ENV_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft_env;

/* An open file of one env. 0 is none. */
typedef uint32_t weft_file;

#define WEFT_FILE_NONE ((weft_file)0)
#define WEFT_PATH_MAX 256

enum weft_disk_mode {
    WEFT_DISK_READ = 1,
    WEFT_DISK_WRITE = 2,   /* implies reading */
    WEFT_DISK_CREATE = 4,  /* with WRITE: create if absent */
    WEFT_DISK_TRUNCATE = 8 /* with WRITE: start empty */
};

/* What a disk promises beyond the above, and what it does not (the words are SQLite's, see
 * SQLITE_IOCAP in sqlite3.h). */
struct weft_disk_traits {
    uint32_t sector_size; /* bytes of the unit that is written; power of two */
    /* An aligned write of this many bytes is there whole or not at all; 0: none is, so a write may
     * be torn anywhere on a sector's border. */
    uint32_t atomic_size;
    bool safe_append; /* a file never has a size that its bytes have not reached */
    bool in_order;    /* writes become durable in the order they were made */
    /* A loss of power changes no bytes but those that were written, not even in their sector. Linux
     * has no call that tells: what core/posix says here is what disks made since 2011 do, and what
     * SQLite assumes. */
    bool powersafe_overwrite;
};

/* What a handle holds of its file, each more than the last. Locks are advice: they bind those who
 * ask, they stop no read and no write. They are among the handles of one env, so among a node's
 * processes on one scheduler; nobody else has business in its folder. */
enum weft_disk_lock {
    WEFT_LOCK_NONE = 0,
    WEFT_LOCK_SHARED,   /* reads: any number at once */
    WEFT_LOCK_RESERVED, /* means to write: one, beside those that read */
    WEFT_LOCK_PENDING,  /* waits for the readers to go, and lets no new one in; not asked for */
    WEFT_LOCK_EXCLUSIVE /* writes: alone */
};

struct weft_disk_ops {
    /* WEFT_ERR_NOT_FOUND, WEFT_ERR_DENIED, WEFT_ERR_INVAL (path or mode), WEFT_ERR_FULL
     * (descriptors), WEFT_ERR_NO_SPACE, WEFT_ERR_IO */
    int (*open)(struct weft_env *env, const char *path, int mode, weft_file *out);

    /* Bytes read from `offset`; fewer than `size` only at the end of the file; negative error:
     * WEFT_ERR_IO. */
    int64_t (*read)(struct weft_env *env, weft_file file, uint64_t offset, void *data, size_t size);

    /* All of `size` bytes or an error; a gap before `offset` reads as zeros.
     *   WEFT_ERR_NO_SPACE, WEFT_ERR_IO (some bytes may have been written),
     *   WEFT_ERR_INVAL (opened for reading) */
    int (*write)(struct weft_env *env, weft_file file, uint64_t offset, const void *data,
                 size_t size);

    int (*truncate)(struct weft_env *env, weft_file file, uint64_t size);

    /* Bytes in the file, or a negative error. */
    int64_t (*size)(struct weft_env *env, weft_file file);

    /* Make bytes and size survive a loss of power, in the disk's own cache too. There is one
     * flavour: it is SQLite's DATAONLY and FULL at once, since what fsync does beyond (times, mode)
     * no call here shows. After WEFT_ERR_IO nothing is known about what was written since the last
     * good sync (as fsync on Linux): write it again elsewhere. A sync after it may well succeed,
     * and says nothing about those bytes. */
    int (*sync)(struct weft_env *env, weft_file file);

    /* Ends the handle; does not sync. */
    void (*close)(struct weft_env *env, weft_file file);

    /* Replaces `to` if it exists. WEFT_ERR_NOT_FOUND, WEFT_ERR_INVAL (a path, or one of them is a
     * folder), WEFT_ERR_IO */
    int (*rename)(struct weft_env *env, const char *from, const char *to);

    /* Open handles of it go on working. WEFT_ERR_NOT_FOUND, WEFT_ERR_INVAL, WEFT_ERR_IO */
    int (*remove)(struct weft_env *env, const char *path);

    /* Make creates, renames and removes in the folder of `path` survive a loss of power ("" or a
     * name without '/' is the node's own folder). */
    int (*sync_folder)(struct weft_env *env, const char *path);

    /* Whether the file `path` is there, and may be opened with `mode` (WEFT_DISK_READ, or
     * WEFT_DISK_WRITE for both). WEFT_ERR_NOT_FOUND, WEFT_ERR_DENIED, WEFT_ERR_INVAL (path, mode,
     * or not a file), WEFT_ERR_IO */
    int (*access)(struct weft_env *env, const char *path, int mode);

    /* Hold `level` of the file: SHARED, RESERVED or EXCLUSIVE to take more, SHARED or NONE to give
     * back. From NONE only to SHARED. Closing gives all back, as does the end of the node.
     *   WEFT_ERR_IN_USE (others hold what excludes it; asked for EXCLUSIVE beside readers, the
     *   handle is PENDING from then on: ask again, or give back), WEFT_ERR_INVAL */
    int (*lock)(struct weft_env *env, weft_file file, enum weft_disk_lock level);

    /* The most that any handle holds of that file, this one included; or WEFT_ERR_INVAL. */
    int (*locked)(struct weft_env *env, weft_file file);

    /* The same for all files, as long as the env lives. */
    void (*traits)(struct weft_env *env, struct weft_disk_traits *out);
};

/* --- for those who implement an env --- */

/* Move `*held` to what a handle holds after asking for `level`, when the most that another handle
 * of the file holds is `others`. Results as of lock. */
int weft_disk_lock_step(enum weft_disk_lock *held, enum weft_disk_lock level,
                        enum weft_disk_lock others);

#endif
