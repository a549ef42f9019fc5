/* One file of a simulated disk: what the node sees, how to get back what is durable, and where the
 * disk is damaged.
 *
 * The durable image is the current one with the saved pages put back and cut to `durable_size`: a
 * page is saved when it is first overwritten after a sync. So what was only appended costs nothing.
 *
 * I1  data[size .. capacity) is zero, so that a gap reads as zeros.
 * I2  pages are sorted by index and below durable_size; each holds what the durable image has
 *     there. A page not saved is the same in both images, where both have it.
 * I3  durable bytes from `size` on are in saved pages.
 * I4  damage lies below `size`. */
#ifndef SIM_DISK_FILE_H
#define SIM_DISK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_DISK_PAGE 4096
#define SIM_DISK_SECTOR 512 /* what a loss of power leaves whole */

struct sim_page {
    uint64_t index;
    uint32_t size; /* SIM_DISK_PAGE, or fewer at the end of the durable image */
    bool stays;    /* a sync of what hides it has failed: the next one does not reach it */
    unsigned char *bytes;
};

struct sim_trouble;

/* A place where the disk gives back something else than was written. Writing there mends it. */
struct sim_damage {
    uint64_t at;
    unsigned char
        mask; /* flipped in the byte `at`; 0: the sector that begins there is unreadable */
    struct sim_trouble *by; /* who is told when it is read; NULL: nobody */
};

struct sim_file {
    uint32_t refs; /* names in either image, and handles */
    uint32_t pages_count, pages_max;
    unsigned char *data;
    uint64_t size, capacity, durable_size;
    struct sim_page *pages;
    struct sim_damage *damage;
    uint32_t damage_count, damage_max;
    struct sim_trouble *lied; /* said that this was synced; NULL: nobody did */
};

/* What a loss of power does to writes that were not synced. */
enum sim_unsynced {
    SIM_UNSYNCED_LOST = 0,
    SIM_UNSYNCED_KEPT,
    SIM_UNSYNCED_TORN, /* each sector and each name, by a draw */
    SIM_UNSYNCED_WIPED /* nothing is left at all: another disk */
};

/* An empty file with one reference. `account` is added to and taken from as memory is. NULL when
 * out of memory. */
struct sim_file *sim_disk__file_new(size_t *account);

/* Give one reference back; the last frees the file. */
void sim_disk__file_unref(struct sim_file *file, size_t *account);

/* WEFT_ERR_NO_SPACE: nothing has changed. */
int sim_disk__file_write(struct sim_file *file, uint64_t offset, const void *data, size_t size,
                         size_t *account);
int sim_disk__file_resize(struct sim_file *file, uint64_t size, size_t *account);

/* Forget the current image's bytes from `size` on, without a thought for the durable one. */
void sim_disk__file_cut(struct sim_file *file, uint64_t size);

/* Make the current image the durable one, but for what a failed sync left behind. Needs no memory.
 */
void sim_disk__file_sync(struct sim_file *file, size_t *account);

/* A sync failed, as fsync does on Linux: what was not durable stays so, and a later sync, which
 * reports nothing, does not reach it either unless it is written again. */
void sim_disk__file_sync_failed(struct sim_file *file, size_t *account);

/* Loss of power: LOST, KEPT or TORN. Whether it changed what the node saw. Needs no memory. */
bool sim_disk__file_crash(struct sim_file *file, enum sim_unsynced unsynced, uint64_t seed,
                          size_t *account);

/* Damage the byte (mask) or sector (0) at `at`, which is below size. False: out of memory. */
bool sim_disk__file_damage(struct sim_file *file, struct sim_damage damage, size_t *account);

/* Change what was read from [offset, offset + size) into what the damaged disk gives. WEFT_ERR_IO
 */
int sim_disk__file_suffer(const struct sim_file *file, uint64_t offset, void *data, size_t size);

/* Nobody is told any more of what `by` did. */
void sim_disk__file_forget(struct sim_file *file, const struct sim_trouble *by);

/* Whether the images differ. */
bool sim_disk__file_dirty(const struct sim_file *file);

#endif
