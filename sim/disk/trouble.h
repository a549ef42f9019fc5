/* Trouble: what is wrong with a disk, while it lasts. Any number at once; each draws for itself, so
 * one more changes nothing of what the others do.
 *
 * A trouble is the caller's memory and stays in place until it is taken off. */
#ifndef SIM_DISK_TROUBLE_H
#define SIM_DISK_TROUBLE_H

#include "core/base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a node does with its disk, as bits of a mask. */
enum sim_disk_op {
    SIM_DISK_OPEN = 1, /* and access */
    SIM_DISK_READ = 2,
    SIM_DISK_WRITE = 4, /* and truncate */
    SIM_DISK_SYNC = 8,  /* of a file or a folder */
    SIM_DISK_NAME = 16, /* rename, remove */
    SIM_DISK_OPS_ALL = 31
};

enum sim_trouble_kind {
    SIM_TROUBLE_LOST_FSYNC = 1, /* SYNC: says OK and does nothing */
    SIM_TROUBLE_MISDIRECTED,    /* READ, WRITE: of another sector, of this file or another */
    SIM_TROUBLE_IO_ERROR,       /* any: WEFT_ERR_IO */
    SIM_TROUBLE_FULL,           /* what makes a file or lets one grow: WEFT_ERR_NO_SPACE */
    SIM_TROUBLE_SLOW,           /* any: takes as long as `takes` says */
    SIM_TROUBLE_DAMAGE          /* bites where sim_disk_damage did it */
};

struct sim_trouble {
    struct sim_trouble *next; /* of the disk's */
    enum sim_trouble_kind kind;
    uint32_t ops;     /* mask; others are left alone */
    uint32_t ppm;     /* of them; or: */
    uint64_t nth;     /* only this one, from 1; 0: by ppm */
    const char *file; /* only at this path; NULL: at any */
    uint64_t seed;    /* of its draws */
    uint64_t met;     /* operations it could have hit, so far */
    /* Whether the file at `path` may be damaged on this node; NULL: any. What is refused is as if
     * it had not been met. */
    bool (*may)(const struct sim_trouble *trouble, const char *path);
    weft_duration (*takes)(const struct sim_trouble *trouble, uint64_t raw); /* SLOW */
    void (*bit)(struct sim_trouble *trouble); /* it changed what an operation did */
    void *ctx;                                /* the functions' */
    uint32_t node;                            /* theirs, too */
};

/* Tell that it bit. NULL: nobody is to be told. */
void sim_trouble__bit(struct sim_trouble *trouble);

/* The first of the list, of this kind, that hits an operation `op` on the file at `path`; NULL:
 * none does. Each that could have hit has met it. */
struct sim_trouble *sim_trouble__hit(struct sim_trouble *list, enum sim_trouble_kind kind,
                                     enum sim_disk_op op, const char *path);

/* What they add to the time it takes. */
weft_duration sim_trouble__takes(struct sim_trouble *list, enum sim_disk_op op, const char *path);

/* Draw `which` of the last operation that `trouble` met: below `bound`. */
uint64_t sim_trouble__below(const struct sim_trouble *trouble, uint64_t which, uint64_t bound);

#endif
