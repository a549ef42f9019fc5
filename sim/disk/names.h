/* The names of a simulated disk: one table with two columns, what the node sees and what is
 * durable.
 *
 * I1  names are sorted by path, none twice; each has a file in one of the columns, is a folder or
 *     is tied.
 * I2  a folder has no file in either column, and is never removed.
 * I3  a file stands under at most one name in each column. */
#ifndef SIM_DISK_NAMES_H
#define SIM_DISK_NAMES_H

#include "sim/disk/file.h"

struct sim_name {
    char *path;
    struct sim_file *now, *durable; /* NULL: no such name; each holds a reference */
    uint32_t tie;                   /* names with the same one were exchanged by renames; 0: none */
    bool folder;
    bool due; /* to be synced by the call in progress */
};

struct sim_names {
    struct sim_name *names;
    uint32_t count, max;
    uint32_t ties; /* given out so far */
};

/* Relative, '/'-separated, no part empty, "." or "..", and less than WEFT_PATH_MAX long. */
bool sim_disk__path_valid(const char *path);

/* NULL when absent. Valid until a name is added or removed. */
struct sim_name *sim_disk__name_find(const struct sim_names *names, const char *path);

/* As find, but makes the name when absent. NULL: out of memory. */
struct sim_name *sim_disk__name_add(struct sim_names *names, const char *path, size_t *account);

/* Whether the folder that `path` is in exists. */
bool sim_disk__folder_exists(const struct sim_names *names, const char *path);

/* Make the folders that `path` is in.
 *   WEFT_ERR_NOT_FOUND (a file is in the way), WEFT_ERR_NO_SPACE */
int sim_disk__folders_make(struct sim_names *names, const char *path, size_t *account);

/* Note that a rename moved a file from one to the other: they become durable together. */
void sim_disk__names_tie(struct sim_names *names, struct sim_name *a, struct sim_name *b);

/* Make the names in the folder of `path`, and those tied to them, durable. */
void sim_disk__names_sync(struct sim_names *names, const char *path, size_t *account);

/* Loss of power, LOST, KEPT or TORN: one column is left, and each of its files has crashed. Returns
 * how many names stand for something else than before; `*renamed`: whether any is for that. */
uint32_t sim_disk__names_crash(struct sim_names *names, enum sim_unsynced unsynced, uint64_t seed,
                               size_t *account, bool *renamed);

/* The path under which the node sees `file`; "": it was removed. */
const char *sim_disk__path_of(const struct sim_names *names, const struct sim_file *file);

/* Remove the names that stand for nothing any more, I1. */
void sim_disk__names_tidy(struct sim_names *names, size_t *account);

void sim_disk__names_deinit(struct sim_names *names, size_t *account);

#endif
