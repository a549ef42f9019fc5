/* Disk: the files of one node, below a folder that is its own.
 *
 * Paths are relative, '/'-separated, without "." or "..", at most WEFT_PATH_MAX bytes with the
 * NUL. Folders are made as needed by open with WEFT_DISK_CREATE.
 *
 * A handle that is not open gives WEFT_ERR_INVAL; closing it does nothing.
 *
 * Calls are synchronous and may be slow: a handler that must not stall its node does big disk
 * work elsewhere. What survives a loss of power, exactly:
 *   - bytes and size of a file: as of its last successful sync; anything later may be there,
 *     absent, or torn in part
 *   - the name of a file after create, rename or remove: as of the last successful sync_folder
 * A rename is atomic: after it a crash shows the old file or the new one, never a mixture. */
#ifndef WEFT_ENV_DISK_H
#define WEFT_ENV_DISK_H

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

    /* Make bytes and size survive a loss of power. After WEFT_ERR_IO nothing is known about what
     * was written since the last good sync (as fsync on Linux): write it again elsewhere. */
    int (*sync)(struct weft_env *env, weft_file file);

    /* Ends the handle; does not sync. */
    void (*close)(struct weft_env *env, weft_file file);

    /* Replaces `to` if it exists. WEFT_ERR_NOT_FOUND, WEFT_ERR_INVAL, WEFT_ERR_IO */
    int (*rename)(struct weft_env *env, const char *from, const char *to);

    /* Open handles of it go on working. WEFT_ERR_NOT_FOUND, WEFT_ERR_INVAL, WEFT_ERR_IO */
    int (*remove)(struct weft_env *env, const char *path);

    /* Make creates, renames and removes in the folder of `path` survive a loss of power ("" or a
     * name without '/' is the node's own folder). */
    int (*sync_folder)(struct weft_env *env, const char *path);
};

#endif
