/* SQLite on the disk of an env: a VFS that is nothing but calls of struct weft_disk_ops, which is
 * how the tests know that these are enough. No shared memory: WAL needs locking_mode=EXCLUSIVE. */
#ifndef WEFT_TESTS_SQLITE_VFS_H
#define WEFT_TESTS_SQLITE_VFS_H

#include "core/env/env.h"

#include <sqlite3.h>

struct vfs {
    sqlite3_vfs base;
    struct weft_env *env;
};

/* Register `vfs` as "weft", for databases on the disk of `env`. */
void vfs_register(struct vfs *vfs, struct weft_env *env);
void vfs_unregister(struct vfs *vfs);

#endif
