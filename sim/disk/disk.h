/* Disk: the files of one simulated node, honest about what was synced, unless it is in trouble.
 *
 * Each file has two images: what the node sees, and what a loss of power leaves. Writes reach the
 * second at sync; names reach it at sync_folder. A crash keeps the durable image. Contracts are
 * those of core/env/disk.h. An empty disk costs a few dozen bytes.
 *
 * A rename from one folder to another becomes durable at the sync of either, whole. Folders
 * outlive a crash. A handle that was closed, or from before a crash or kill, is WEFT_ERR_INVAL. */
#ifndef SIM_DISK_DISK_H
#define SIM_DISK_DISK_H

#include "core/env/disk.h"
#include "sim/disk/file.h"
#include "sim/disk/trouble.h"

/* Open handles of a disk, and bytes of a file: beyond, WEFT_ERR_FULL and WEFT_ERR_NO_SPACE. */
#define SIM_DISK_HANDLES_MAX 1024
#define SIM_DISK_FILE_MAX ((uint64_t)1 << 30)

struct sim_disk;

/* NULL when out of memory. */
struct sim_disk *sim_disk_new(void);
void sim_disk_free(struct sim_disk *disk);

/* The functions of struct weft_disk_ops, on one disk. */
int sim_disk_open(struct sim_disk *disk, const char *path, int mode, weft_file *out);
int64_t sim_disk_read(struct sim_disk *disk, weft_file file, uint64_t offset, void *data,
                      size_t size);
int sim_disk_write(struct sim_disk *disk, weft_file file, uint64_t offset, const void *data,
                   size_t size);
int sim_disk_truncate(struct sim_disk *disk, weft_file file, uint64_t size);
int64_t sim_disk_size(struct sim_disk *disk, weft_file file);
int sim_disk_sync(struct sim_disk *disk, weft_file file);
void sim_disk_close(struct sim_disk *disk, weft_file file);
int sim_disk_rename(struct sim_disk *disk, const char *from, const char *to);
int sim_disk_remove(struct sim_disk *disk, const char *path);
int sim_disk_sync_folder(struct sim_disk *disk, const char *path);

int sim_disk_access(struct sim_disk *disk, const char *path, int mode);
int sim_disk_lock(struct sim_disk *disk, weft_file file, enum weft_disk_lock level);
int sim_disk_locked(const struct sim_disk *disk, weft_file file);

/* How long the calls since the last time this was asked have taken: 0 on a disk in no trouble. */
weft_duration sim_disk_took(struct sim_disk *disk);

/* Loss of power: every handle is gone, and of what was not synced is left what `unsynced` says, by
 * draws from `seed` (TORN). Returns how many files (names) changed by it: 0 means the crash cost
 * nothing on disk. */
uint32_t sim_disk_crash(struct sim_disk *disk, enum sim_unsynced unsynced, uint64_t seed);

/* Whether a loss of power now would find a name or bytes that are not durable as the node sees
 * them. */
bool sim_disk_is_unsynced(const struct sim_disk *disk);

/* Put on a trouble, and take it off. What it did stays, and may bite later: the trouble is to be
 * forgotten before its memory goes. */
void sim_disk_trouble_on(struct sim_disk *disk, struct sim_trouble *trouble);
void sim_disk_trouble_off(struct sim_disk *disk, struct sim_trouble *trouble);
void sim_disk_forget(struct sim_disk *disk, const struct sim_trouble *trouble);

/* Damage a drawn sector of a file that `by` concerns: flip one bit (`rots`), or make it unreadable
 * until it is written. `by` bites when it is read. False: there is none. */
bool sim_disk_damage(struct sim_disk *disk, struct sim_trouble *by, bool rots);

/* A process that ends without loss of power (kill): every handle is gone, the page cache stays. */
void sim_disk_kill(struct sim_disk *disk);

/* Bytes of memory that the disk takes, itself included, and open handles: for the leak check and
 * accounting. */
size_t sim_disk_bytes(const struct sim_disk *disk);
uint32_t sim_disk_handles(const struct sim_disk *disk);

#endif
