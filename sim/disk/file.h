/* One file of a simulated disk: what the node sees, and how to get back what is durable.
 *
 * The durable image is the current one with the saved pages put back and cut to `durable_size`: a
 * page is saved when it is first overwritten after a sync. So what was only appended costs nothing.
 *
 * I1  data[size .. capacity) is zero, so that a gap reads as zeros.
 * I2  pages are sorted by index and below durable_size; each holds what the durable image has
 *     there. A page not saved is the same in both images, where both have it.
 * I3  durable bytes from `size` on are in saved pages. */
#ifndef SIM_DISK_FILE_H
#define SIM_DISK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_DISK_PAGE 4096

struct sim_page {
    uint64_t index;
    unsigned char *bytes; /* SIM_DISK_PAGE, or fewer at the end of the durable image */
};

struct sim_file {
    uint32_t refs; /* names in either image, and handles */
    uint32_t pages_count, pages_max;
    unsigned char *data;
    uint64_t size, capacity, durable_size;
    struct sim_page *pages;
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

/* Make the current image the durable one. Needs no memory. */
void sim_disk__file_sync(struct sim_file *file, size_t *account);

/* Make the durable image the current one. Needs no memory. */
void sim_disk__file_revert(struct sim_file *file, size_t *account);

/* Whether the images differ. */
bool sim_disk__file_dirty(const struct sim_file *file);

#endif
