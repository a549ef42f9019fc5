/* The disk: handles over names over files. */
#include "sim/disk/disk.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/disk/names.h"
#include "sim/disk/stray.h"

#include <stdlib.h>
#include <string.h>

#define MODES (WEFT_DISK_READ | WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE)

struct handle {
    weft_file number; /* never used twice */
    bool writes;
    enum weft_disk_lock lock;
    struct sim_file *file;
};

struct sim_disk {
    struct sim_names names;
    struct handle *handles;
    uint32_t handles_count, handles_max;
    weft_file opened; /* the last number given out */
    size_t bytes;
    struct sim_trouble *troubles;
    struct sim_trouble *names_lied; /* said that names were synced; NULL: nobody did */
    weft_duration took;
};

static struct handle *handle_find(const struct sim_disk *disk, weft_file file) {
    for (uint32_t i = 0; i < disk->handles_count; i++) {
        if (disk->handles[i].number == file) return &disk->handles[i];
    }
    return NULL;
}

/* Room for one handle more. */
static int handles_reserve(struct sim_disk *disk) {
    if (disk->handles_count == SIM_DISK_HANDLES_MAX) return WEFT_ERR_FULL;
    if (disk->handles_count < disk->handles_max) return WEFT_OK;
    uint32_t max = disk->handles_max == 0 ? 2 : disk->handles_max * 2;
    struct handle *handles = realloc(disk->handles, max * sizeof *handles);
    if (handles == NULL) return WEFT_ERR_NO_SPACE;
    disk->bytes += (max - disk->handles_max) * sizeof *handles;
    disk->handles = handles;
    disk->handles_max = max;
    return WEFT_OK;
}

static void handles_drop(struct sim_disk *disk) {
    for (uint32_t i = 0; i < disk->handles_count; i++) {
        sim_disk__file_unref(disk->handles[i].file, &disk->bytes);
    }
    disk->bytes -= disk->handles_max * sizeof *disk->handles;
    free(disk->handles);
    disk->handles = NULL;
    disk->handles_count = disk->handles_max = 0;
}

static bool mode_valid(int mode) {
    if ((mode & ~MODES) != 0) return false;
    if ((mode & (WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE)) != 0) return (mode & WEFT_DISK_WRITE) != 0;
    return (mode & (WEFT_DISK_READ | WEFT_DISK_WRITE)) != 0;
}

/* The name of a file to open, made when `mode` says so. */
static int name_open(struct sim_disk *disk, const char *path, int mode, struct sim_name **out) {
    struct sim_name *name = sim_disk__name_find(&disk->names, path);
    *out = name;
    if (name != NULL && name->folder) return WEFT_ERR_INVAL;
    if (name != NULL && name->now != NULL) return WEFT_OK;
    if ((mode & WEFT_DISK_CREATE) == 0) return WEFT_ERR_NOT_FOUND;
    int rv = sim_disk__folders_make(&disk->names, path, &disk->bytes);
    if (rv != WEFT_OK) return rv;
    struct sim_file *file = sim_disk__file_new(&disk->bytes);
    if (file == NULL) return WEFT_ERR_NO_SPACE;
    *out = sim_disk__name_add(&disk->names, path, &disk->bytes);
    if (*out == NULL) {
        sim_disk__file_unref(file, &disk->bytes);
        return WEFT_ERR_NO_SPACE;
    }
    (*out)->now = file;
    return WEFT_OK;
}

static int writable(const struct sim_disk *disk, weft_file file, struct sim_file **out) {
    const struct handle *handle = handle_find(disk, file);
    if (handle == NULL || !handle->writes) return WEFT_ERR_INVAL;
    *out = handle->file;
    return WEFT_OK;
}

struct sim_disk *sim_disk_new(void) {
    struct sim_disk *disk = calloc(1, sizeof *disk);
    if (disk != NULL) disk->bytes = sizeof *disk;
    return disk;
}

void sim_disk_free(struct sim_disk *disk) {
    if (disk == NULL) return;
    handles_drop(disk);
    sim_disk__names_deinit(&disk->names, &disk->bytes);
    WEFT_ASSERT(disk->bytes == sizeof *disk);
    free(disk);
}

/* WEFT_OK, or the error that some trouble makes of an operation on `path`. */
static int meet(struct sim_disk *disk, enum sim_disk_op op, const char *path) {
    if (disk->troubles == NULL) return WEFT_OK;
    disk->took = weft_time_add(disk->took, sim_trouble__takes(disk->troubles, op, path));
    struct sim_trouble *by = sim_trouble__hit(disk->troubles, SIM_TROUBLE_IO_ERROR, op, path);
    sim_trouble__bit(by);
    return by != NULL ? WEFT_ERR_IO : WEFT_OK;
}

static int meet_file(struct sim_disk *disk, enum sim_disk_op op, const struct sim_file *file) {
    if (disk->troubles == NULL) return WEFT_OK;
    return meet(disk, op, sim_disk__path_of(&disk->names, file));
}

/* Whether some trouble of `kind` hits; it is NULL where there is none, without a search. */
static struct sim_trouble *hit(const struct sim_disk *disk, enum sim_trouble_kind kind,
                               enum sim_disk_op op, const struct sim_file *file) {
    if (disk->troubles == NULL) return NULL;
    return sim_trouble__hit(disk->troubles, kind, op, sim_disk__path_of(&disk->names, file));
}

static bool is_full(const struct sim_disk *disk, enum sim_disk_op op, const char *path) {
    if (disk->troubles == NULL) return false;
    struct sim_trouble *by = sim_trouble__hit(disk->troubles, SIM_TROUBLE_FULL, op, path);
    sim_trouble__bit(by);
    return by != NULL;
}

/* Whether a file that is to have `size` finds no room for what it has not yet. */
static bool grows_full(const struct sim_disk *disk, const struct sim_file *file, uint64_t size) {
    if (disk->troubles == NULL || size <= file->size) return false;
    return is_full(disk, SIM_DISK_WRITE, sim_disk__path_of(&disk->names, file));
}

static bool is_new(const struct sim_disk *disk, const char *path) {
    const struct sim_name *name = sim_disk__name_find(&disk->names, path);
    return name == NULL || (name->now == NULL && !name->folder);
}

int sim_disk_open(struct sim_disk *disk, const char *path, int mode, weft_file *out) {
    if (!sim_disk__path_valid(path) || !mode_valid(mode)) return WEFT_ERR_INVAL;
    int rv = meet(disk, SIM_DISK_OPEN, path);
    if (rv == WEFT_OK) rv = handles_reserve(disk);
    if (rv != WEFT_OK) return rv;
    bool makes = (mode & WEFT_DISK_CREATE) != 0 && is_new(disk, path);
    if (makes && is_full(disk, SIM_DISK_OPEN, path)) return WEFT_ERR_NO_SPACE;
    struct sim_name *name;
    rv = name_open(disk, path, mode, &name);
    if (rv != WEFT_OK) return rv;
    if ((mode & WEFT_DISK_TRUNCATE) != 0) {
        rv = sim_disk__file_resize(name->now, 0, &disk->bytes);
        if (rv != WEFT_OK) return rv;
    }
    name->now->refs++;
    WEFT_ASSERT(disk->opened < UINT32_MAX);
    disk->handles[disk->handles_count++] = (struct handle){
        .number = ++disk->opened, .writes = (mode & WEFT_DISK_WRITE) != 0, .file = name->now};
    *out = disk->opened;
    return WEFT_OK;
}

/* Bytes of `file` there, as the disk gives them. */
static int64_t take(const struct sim_file *file, uint64_t offset, void *data, size_t size) {
    if (offset >= file->size || size == 0) return 0;
    if (size > file->size - offset) size = (size_t)(file->size - offset);
    memcpy(data, file->data + offset, size);
    int rv = file->damage_count > 0 ? sim_disk__file_suffer(file, offset, data, size) : WEFT_OK;
    return rv != WEFT_OK ? rv : (int64_t)size;
}

int64_t sim_disk_read(struct sim_disk *disk, weft_file file, uint64_t offset, void *data,
                      size_t size) {
    const struct handle *handle = handle_find(disk, file);
    if (handle == NULL) return WEFT_ERR_INVAL;
    int rv = meet_file(disk, SIM_DISK_READ, handle->file);
    if (rv != WEFT_OK) return rv;
    int64_t got = take(handle->file, offset, data, size);
    struct sim_trouble *astray =
        got > 0 ? hit(disk, SIM_TROUBLE_MISDIRECTED, SIM_DISK_READ, handle->file) : NULL;
    if (astray != NULL) sim_disk__misread(&disk->names, astray, handle->file, offset, data, got);
    return got;
}

int sim_disk_write(struct sim_disk *disk, weft_file file, uint64_t offset, const void *data,
                   size_t size) {
    struct sim_file *of;
    int rv = writable(disk, file, &of);
    if (rv == WEFT_OK) rv = meet_file(disk, SIM_DISK_WRITE, of);
    if (rv != WEFT_OK) return rv;
    if (size > 0 && offset <= SIM_DISK_FILE_MAX && grows_full(disk, of, offset + size)) {
        return WEFT_ERR_NO_SPACE;
    }
    struct sim_trouble *astray =
        size > 0 ? hit(disk, SIM_TROUBLE_MISDIRECTED, SIM_DISK_WRITE, of) : NULL;
    if (astray != NULL) {
        struct sim_stray write = {astray, of, offset, data, size};
        if (sim_disk__miswrite(&disk->names, &write, &disk->bytes)) return WEFT_OK;
    }
    return sim_disk__file_write(of, offset, data, size, &disk->bytes);
}

int sim_disk_truncate(struct sim_disk *disk, weft_file file, uint64_t size) {
    struct sim_file *of;
    int rv = writable(disk, file, &of);
    if (rv == WEFT_OK) rv = meet_file(disk, SIM_DISK_WRITE, of);
    if (rv != WEFT_OK) return rv;
    if (grows_full(disk, of, size)) return WEFT_ERR_NO_SPACE;
    return sim_disk__file_resize(of, size, &disk->bytes);
}

int64_t sim_disk_size(struct sim_disk *disk, weft_file file) {
    const struct handle *handle = handle_find(disk, file);
    return handle == NULL ? WEFT_ERR_INVAL : (int64_t)handle->file->size;
}

int sim_disk_sync(struct sim_disk *disk, weft_file file) {
    const struct handle *handle = handle_find(disk, file);
    if (handle == NULL) return WEFT_ERR_INVAL;
    struct sim_file *of = handle->file;
    int rv = meet_file(disk, SIM_DISK_SYNC, of);
    if (rv != WEFT_OK) {
        sim_disk__file_sync_failed(of, &disk->bytes);
        return rv;
    }
    struct sim_trouble *liar = hit(disk, SIM_TROUBLE_LOST_FSYNC, SIM_DISK_SYNC, of);
    if (liar == NULL) {
        sim_disk__file_sync(of, &disk->bytes);
    } else if (sim_disk__file_dirty(of)) {
        of->lied = liar;
    }
    return WEFT_OK;
}

void sim_disk_close(struct sim_disk *disk, weft_file file) {
    struct handle *handle = handle_find(disk, file);
    if (handle == NULL) return;
    sim_disk__file_unref(handle->file, &disk->bytes);
    *handle = disk->handles[--disk->handles_count];
}

int sim_disk_rename(struct sim_disk *disk, const char *from, const char *to) {
    if (!sim_disk__path_valid(from) || !sim_disk__path_valid(to)) return WEFT_ERR_INVAL;
    const struct sim_name *source = sim_disk__name_find(&disk->names, from);
    const struct sim_name *target = sim_disk__name_find(&disk->names, to);
    if ((source != NULL && source->folder) || (target != NULL && target->folder)) {
        return WEFT_ERR_INVAL;
    }
    if (source == NULL || source->now == NULL) return WEFT_ERR_NOT_FOUND;
    if (strcmp(from, to) == 0) return WEFT_OK;
    int rv = meet(disk, SIM_DISK_NAME, to);
    if (rv != WEFT_OK) return rv;
    rv = sim_disk__folders_make(&disk->names, to, &disk->bytes);
    if (rv != WEFT_OK) return rv == WEFT_ERR_NO_SPACE ? WEFT_ERR_IO : rv;
    struct sim_name *after = sim_disk__name_add(&disk->names, to, &disk->bytes);
    if (after == NULL) return WEFT_ERR_IO;
    struct sim_name *before = sim_disk__name_find(&disk->names, from); /* it may have moved */
    WEFT_ASSERT(before != NULL);
    if (after->now != NULL) sim_disk__file_unref(after->now, &disk->bytes);
    after->now = before->now;
    before->now = NULL;
    sim_disk__names_tie(&disk->names, before, after);
    sim_disk__names_tidy(&disk->names, &disk->bytes);
    return WEFT_OK;
}

int sim_disk_remove(struct sim_disk *disk, const char *path) {
    if (!sim_disk__path_valid(path)) return WEFT_ERR_INVAL;
    struct sim_name *name = sim_disk__name_find(&disk->names, path);
    if (name != NULL && name->folder) return WEFT_ERR_INVAL;
    if (name == NULL || name->now == NULL) return WEFT_ERR_NOT_FOUND;
    int rv = meet(disk, SIM_DISK_NAME, path);
    if (rv != WEFT_OK) return rv;
    sim_disk__file_unref(name->now, &disk->bytes);
    name->now = NULL;
    sim_disk__names_tidy(&disk->names, &disk->bytes);
    return WEFT_OK;
}

int sim_disk_sync_folder(struct sim_disk *disk, const char *path) {
    if (path[0] != '\0' && !sim_disk__path_valid(path)) return WEFT_ERR_INVAL;
    if (!sim_disk__folder_exists(&disk->names, path)) return WEFT_ERR_NOT_FOUND;
    int rv = meet(disk, SIM_DISK_SYNC, path);
    if (rv != WEFT_OK) return rv;
    struct sim_trouble *liar =
        sim_trouble__hit(disk->troubles, SIM_TROUBLE_LOST_FSYNC, SIM_DISK_SYNC, path);
    disk->names_lied = liar;
    if (liar == NULL) sim_disk__names_sync(&disk->names, path, &disk->bytes);
    return WEFT_OK;
}

int sim_disk_access(struct sim_disk *disk, const char *path, int mode) {
    if (mode != WEFT_DISK_READ && mode != WEFT_DISK_WRITE) return WEFT_ERR_INVAL;
    if (!sim_disk__path_valid(path)) return WEFT_ERR_INVAL;
    const struct sim_name *name = sim_disk__name_find(&disk->names, path);
    if (name != NULL && name->folder) return WEFT_ERR_INVAL;
    int rv = meet(disk, SIM_DISK_OPEN, path);
    if (rv != WEFT_OK) return rv;
    return name != NULL && name->now != NULL ? WEFT_OK : WEFT_ERR_NOT_FOUND;
}

static enum weft_disk_lock most_held(const struct sim_disk *disk, const struct handle *of,
                                     const struct handle *but) {
    enum weft_disk_lock most = WEFT_LOCK_NONE;
    for (uint32_t i = 0; i < disk->handles_count; i++) {
        const struct handle *handle = &disk->handles[i];
        if (handle == but || handle->file != of->file) continue;
        if (handle->lock > most) most = handle->lock;
    }
    return most;
}

int sim_disk_lock(struct sim_disk *disk, weft_file file, enum weft_disk_lock level) {
    struct handle *handle = handle_find(disk, file);
    if (handle == NULL) return WEFT_ERR_INVAL;
    return weft_disk_lock_step(&handle->lock, level, most_held(disk, handle, handle));
}

int sim_disk_locked(const struct sim_disk *disk, weft_file file) {
    const struct handle *handle = handle_find(disk, file);
    return handle == NULL ? WEFT_ERR_INVAL : (int)most_held(disk, handle, NULL);
}

weft_duration sim_disk_took(struct sim_disk *disk) {
    weft_duration took = disk->took;
    disk->took = 0;
    return took;
}

/* Another disk in its place; what is wrong with the place stays. */
static uint32_t wipe(struct sim_disk *disk) {
    uint32_t files = 0;
    for (uint32_t i = 0; i < disk->names.count; i++) files += disk->names.names[i].now != NULL;
    sim_disk__names_deinit(&disk->names, &disk->bytes);
    return files;
}

uint32_t sim_disk_crash(struct sim_disk *disk, enum sim_unsynced unsynced, uint64_t seed) {
    struct sim_trouble *liar = disk->names_lied;
    bool renamed = false;
    handles_drop(disk);
    disk->names_lied = NULL;
    disk->took = 0;
    if (unsynced == SIM_UNSYNCED_WIPED) return wipe(disk);
    uint32_t changed = sim_disk__names_crash(&disk->names, unsynced, seed, &disk->bytes, &renamed);
    if (renamed) sim_trouble__bit(liar);
    return changed;
}

bool sim_disk_is_unsynced(const struct sim_disk *disk) {
    for (uint32_t i = 0; i < disk->names.count; i++) {
        const struct sim_name *name = &disk->names.names[i];
        if (name->now != name->durable) return true;
        if (name->now != NULL && sim_disk__file_dirty(name->now)) return true;
    }
    return false;
}

void sim_disk_trouble_on(struct sim_disk *disk, struct sim_trouble *trouble) {
    struct sim_trouble **at = &disk->troubles; /* the oldest first */
    while (*at != NULL) at = &(*at)->next;
    WEFT_ASSERT(trouble->next == NULL);
    *at = trouble;
}

void sim_disk_trouble_off(struct sim_disk *disk, struct sim_trouble *trouble) {
    struct sim_trouble **at = &disk->troubles;
    while (*at != NULL && *at != trouble) at = &(*at)->next;
    if (*at != NULL) *at = trouble->next;
    trouble->next = NULL;
}

void sim_disk_forget(struct sim_disk *disk, const struct sim_trouble *trouble) {
    if (disk->names_lied == trouble) disk->names_lied = NULL;
    for (uint32_t i = 0; i < disk->names.count; i++) {
        const struct sim_name *name = &disk->names.names[i];
        if (name->now != NULL) sim_disk__file_forget(name->now, trouble);
        if (name->durable != NULL) sim_disk__file_forget(name->durable, trouble);
    }
    for (uint32_t i = 0; i < disk->handles_count; i++) {
        sim_disk__file_forget(disk->handles[i].file, trouble);
    }
}

bool sim_disk_damage(struct sim_disk *disk, struct sim_trouble *by, bool rots) {
    return sim_disk__damage(&disk->names, by, rots, &disk->bytes);
}

void sim_disk_kill(struct sim_disk *disk) { handles_drop(disk); }

size_t sim_disk_bytes(const struct sim_disk *disk) { return disk->bytes; }

uint32_t sim_disk_handles(const struct sim_disk *disk) { return disk->handles_count; }
