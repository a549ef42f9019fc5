/* Places on a disk that an operation did not mean. */
#include "sim/disk/stray.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <string.h>

#define TRIES 32

struct place {
    struct sim_file *file;
    uint64_t at; /* where its sector begins */
};

static uint64_t sectors_of(const struct sim_file *file) {
    return (file->size + SIM_DISK_SECTOR - 1) / SIM_DISK_SECTOR;
}

static bool is_open_to(const struct sim_trouble *by, const char *path, bool named) {
    if (named && by->file != NULL && strcmp(by->file, path) != 0) return false;
    return by->may == NULL || by->may(by, path);
}

/* The sector of that number among all that may be hit; false: there are fewer. `*count` of them. */
static bool find(const struct sim_names *names, const struct sim_trouble *by, bool named,
                 uint64_t number, struct place *out, uint64_t *count) {
    bool found = false;
    *count = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        const struct sim_name *name = &names->names[i];
        if (name->now == NULL || !is_open_to(by, name->path, named)) continue;
        uint64_t sectors = sectors_of(name->now);
        if (!found && number < *count + sectors) {
            *out = (struct place){name->now, (number - *count) * SIM_DISK_SECTOR};
            found = true;
        }
        *count += sectors;
    }
    return found;
}

/* A drawn sector, of the files that `by` names or of any. */
static bool draw(const struct sim_names *names, const struct sim_trouble *by, bool named,
                 uint64_t which, struct place *out) {
    uint64_t count;
    (void)find(names, by, named, 0, out, &count);
    if (count == 0) return false;
    return find(names, by, named, sim_trouble__below(by, which, count), out, &count);
}

/* Elsewhere than `offset` of `file`. */
static bool draw_other(const struct sim_names *names, const struct sim_trouble *by,
                       const struct place *meant, struct place *out) {
    for (uint64_t i = 0; i < TRIES; i++) {
        if (!draw(names, by, false, i, out)) return false;
        if (out->file != meant->file || out->at != meant->at) return true;
    }
    return false;
}

static struct place place_of(struct sim_file *file, uint64_t offset) {
    return (struct place){file, offset / SIM_DISK_SECTOR * SIM_DISK_SECTOR};
}

bool sim_disk__miswrite(struct sim_names *names, const struct sim_stray *write, size_t *account) {
    struct place meant = place_of(write->file, write->offset), other;
    uint64_t end = write->offset + write->size;
    WEFT_ASSERT(write->size > 0);
    if (!draw_other(names, write->by, &meant, &other)) return false;
    if (end > write->file->size && sim_disk__file_resize(write->file, end, account) != WEFT_OK) {
        return false;
    }
    uint64_t room = other.file->size - other.at;
    size_t size = write->size < room ? write->size : (size_t)room;
    int rv = sim_disk__file_write(other.file, other.at, write->data, size, account);
    if (rv == WEFT_OK) sim_trouble__bit(write->by);
    return rv == WEFT_OK;
}

void sim_disk__misread(const struct sim_names *names, struct sim_trouble *by,
                       const struct sim_file *file, uint64_t offset, void *data, int64_t size) {
    unsigned char *bytes = data;
    bool changed = false;
    struct place other, meant = {NULL, offset / SIM_DISK_SECTOR * SIM_DISK_SECTOR};
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->names[i].now == file) meant.file = names->names[i].now;
    }
    if (!draw_other(names, by, &meant, &other)) return;
    for (uint64_t i = 0; i < (uint64_t)size; i++) {
        uint64_t at = other.at + i;
        unsigned char byte = at < other.file->size ? other.file->data[at] : 0;
        changed = changed || bytes[i] != byte;
        bytes[i] = byte;
    }
    if (changed) sim_trouble__bit(by);
}

bool sim_disk__damage(struct sim_names *names, struct sim_trouble *by, bool rots, size_t *account) {
    struct place place;
    by->met++;
    if (!draw(names, by, true, 0, &place)) return false;
    struct sim_damage damage = {.at = place.at, .by = by};
    if (rots) {
        uint64_t left = place.file->size - place.at;
        uint64_t bytes = left < SIM_DISK_SECTOR ? left : SIM_DISK_SECTOR;
        damage.at += sim_trouble__below(by, 1, bytes);
        damage.mask = (unsigned char)(1u << sim_trouble__below(by, 2, 8));
    }
    return sim_disk__file_damage(place.file, damage, account);
}
