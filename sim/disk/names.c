/* The table of names. */
#include "sim/disk/names.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "core/base/rand.h"
#include "core/env/disk.h"

#include <stdlib.h>
#include <string.h>

enum { DRAW_NAME = 3, DRAW_FILE };

static uint32_t lower_bound(const struct sim_names *names, const char *path) {
    uint32_t low = 0, high = names->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(names->names[middle].path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool names_grow(struct sim_names *names, size_t *account) {
    uint32_t max = names->max == 0 ? 4 : names->max * 2;
    struct sim_name *grown = realloc(names->names, max * sizeof *grown);
    if (grown == NULL) return false;
    *account += (max - names->max) * sizeof *grown;
    names->names = grown;
    names->max = max;
    return true;
}

/* Bytes of the folder's name at the start of `path`; 0: the node's own folder. */
static size_t folder_size(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool same_folder(const char *a, const char *b) {
    size_t size = folder_size(a);
    return size == folder_size(b) && memcmp(a, b, size) == 0;
}

static void column_set(struct sim_file **column, struct sim_file *file, size_t *account) {
    if (file != NULL) file->refs++;
    if (*column != NULL) sim_disk__file_unref(*column, account);
    *column = file;
}

static bool part_valid(const char *part, size_t size) {
    if (size == 0 || (size == 1 && part[0] == '.')) return false;
    return !(size == 2 && part[0] == '.' && part[1] == '.');
}

bool sim_disk__path_valid(const char *path) {
    if (strlen(path) >= WEFT_PATH_MAX) return false;
    for (;;) {
        size_t size = strcspn(path, "/");
        if (!part_valid(path, size)) return false;
        if (path[size] == '\0') return true;
        path += size + 1;
    }
}

struct sim_name *sim_disk__name_find(const struct sim_names *names, const char *path) {
    uint32_t at = lower_bound(names, path);
    if (at == names->count || strcmp(names->names[at].path, path) != 0) return NULL;
    return &names->names[at];
}

struct sim_name *sim_disk__name_add(struct sim_names *names, const char *path, size_t *account) {
    struct sim_name *found = sim_disk__name_find(names, path);
    if (found != NULL) return found;
    if (names->count == names->max && !names_grow(names, account)) return NULL;
    size_t size = strlen(path) + 1;
    char *copy = malloc(size);
    if (copy == NULL) return NULL;
    *account += size;
    memcpy(copy, path, size);
    uint32_t at = lower_bound(names, path);
    struct sim_name *name = &names->names[at];
    memmove(name + 1, name, (names->count - at) * sizeof *name);
    *name = (struct sim_name){.path = copy};
    names->count++;
    return name;
}

bool sim_disk__folder_exists(const struct sim_names *names, const char *path) {
    char folder[WEFT_PATH_MAX];
    size_t size = folder_size(path);
    if (size == 0) return true;
    WEFT_ASSERT(size < sizeof folder);
    memcpy(folder, path, size);
    folder[size] = '\0';
    const struct sim_name *name = sim_disk__name_find(names, folder);
    return name != NULL && name->folder;
}

int sim_disk__folders_make(struct sim_names *names, const char *path, size_t *account) {
    char folder[WEFT_PATH_MAX];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t size = (size_t)(slash - path);
        WEFT_ASSERT(size < sizeof folder);
        memcpy(folder, path, size);
        folder[size] = '\0';
        struct sim_name *name = sim_disk__name_add(names, folder, account);
        if (name == NULL) return WEFT_ERR_NO_SPACE;
        if (name->now != NULL) return WEFT_ERR_NOT_FOUND;
        column_set(&name->durable, NULL, account); /* I2: a removed file's, if any */
        name->folder = true;
    }
    return WEFT_OK;
}

void sim_disk__names_tie(struct sim_names *names, struct sim_name *a, struct sim_name *b) {
    uint32_t old = b->tie;
    if (a->tie == 0) a->tie = old != 0 ? old : ++names->ties;
    b->tie = a->tie;
    if (old == 0 || old == a->tie) return;
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->names[i].tie == old) names->names[i].tie = a->tie;
    }
}

static void folder_due(struct sim_names *names, const char *path) {
    for (uint32_t i = 0; i < names->count; i++) {
        if (same_folder(names->names[i].path, path)) names->names[i].due = true;
    }
}

/* A folder that is tied to one that is due and is not due itself; NULL: none. */
static const char *tied_folder(const struct sim_names *names) {
    for (uint32_t i = 0; i < names->count; i++) {
        const struct sim_name *name = &names->names[i];
        for (uint32_t j = 0; name->due && name->tie != 0 && j < names->count; j++) {
            const struct sim_name *other = &names->names[j];
            if (other->tie == name->tie && !other->due) return other->path;
        }
    }
    return NULL;
}

void sim_disk__names_sync(struct sim_names *names, const char *path, size_t *account) {
    folder_due(names, path);
    while (names->ties > 0 && (path = tied_folder(names)) != NULL) folder_due(names, path);
    for (uint32_t i = 0; i < names->count; i++) {
        struct sim_name *name = &names->names[i];
        if (!name->due) continue;
        column_set(&name->durable, name->now, account);
        name->tie = 0;
        name->due = false;
    }
    sim_disk__names_tidy(names, account);
}

/* Names that were exchanged are kept, or not, together. */
static bool is_kept(const struct sim_names *names, uint32_t index, enum sim_unsynced unsynced,
                    uint64_t seed) {
    if (unsynced != SIM_UNSYNCED_TORN) return unsynced == SIM_UNSYNCED_KEPT;
    uint32_t tie = names->names[index].tie;
    uint64_t key = tie != 0 ? UINT64_C(1) << 32 | tie : index;
    return (weft_draw(seed, DRAW_NAME, key, 0) & 1) != 0;
}

/* What the disk has of the names: in the durable column. */
static void settle(struct sim_names *names, enum sim_unsynced unsynced, uint64_t seed,
                   size_t *account) {
    for (uint32_t i = 0; i < names->count; i++) {
        struct sim_name *name = &names->names[i];
        if (is_kept(names, i, unsynced, seed)) column_set(&name->durable, name->now, account);
    }
}

uint32_t sim_disk__names_crash(struct sim_names *names, enum sim_unsynced unsynced, uint64_t seed,
                               size_t *account, bool *renamed) {
    uint32_t changed = 0;
    *renamed = false;
    settle(names, unsynced, seed, account);
    for (uint32_t i = 0; i < names->count; i++) {
        struct sim_name *name = &names->names[i];
        uint64_t own = weft_draw(seed, DRAW_FILE, i, 0);
        bool differs = name->now != name->durable;
        *renamed = *renamed || differs;
        column_set(&name->now, name->durable, account);
        name->tie = 0;
        if (name->now != NULL && sim_disk__file_crash(name->now, unsynced, own, account)) {
            differs = true;
        }
        changed += differs;
    }
    sim_disk__names_tidy(names, account);
    return changed;
}

const char *sim_disk__path_of(const struct sim_names *names, const struct sim_file *file) {
    for (uint32_t i = 0; i < names->count; i++) {
        if (names->names[i].now == file) return names->names[i].path;
    }
    return "";
}

void sim_disk__names_tidy(struct sim_names *names, size_t *account) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        struct sim_name *name = &names->names[i];
        if (name->now != NULL || name->durable != NULL || name->folder || name->tie != 0) {
            names->names[kept++] = *name;
        } else {
            *account -= strlen(name->path) + 1;
            free(name->path);
        }
    }
    names->count = kept;
}

void sim_disk__names_deinit(struct sim_names *names, size_t *account) {
    for (uint32_t i = 0; i < names->count; i++) {
        column_set(&names->names[i].now, NULL, account);
        column_set(&names->names[i].durable, NULL, account);
        names->names[i].folder = false;
        names->names[i].tie = 0;
    }
    sim_disk__names_tidy(names, account);
    *account -= names->max * sizeof *names->names;
    free(names->names);
    *names = (struct sim_names){0};
}
