/* Sectors drawn among all files of a disk: where what goes astray lands, and what is damaged.
 * Private to sim/disk. */
#ifndef SIM_DISK_STRAY_H
#define SIM_DISK_STRAY_H

#include "sim/disk/names.h"
#include "sim/disk/trouble.h"

/* A write that goes astray. */
struct sim_stray {
    struct sim_trouble *by;
    struct sim_file *file;
    uint64_t offset;
    const void *data;
    size_t size;
};

/* Write it elsewhere; the file grows as if it had been written, and its bytes are as they were.
 * False: there is no other place, or no memory, and nothing was done. */
bool sim_disk__miswrite(struct sim_names *names, const struct sim_stray *write, size_t *account);

/* Put bytes of elsewhere into `data`, which holds the `size` bytes read. */
void sim_disk__misread(const struct sim_names *names, struct sim_trouble *by,
                       const struct sim_file *file, uint64_t offset, void *data, int64_t size);

/* As sim_disk_damage. */
bool sim_disk__damage(struct sim_names *names, struct sim_trouble *by, bool rots, size_t *account);

#endif
