/* The disk: handles over names over files. */
#include "sim/disk/disk.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/disk/names.h"

#include <stdlib.h>
#include <string.h>

#define MODES (WEFT_DISK_READ | WEFT_DISK_WRITE | WEFT_DISK_CREATE | WEFT_DISK_TRUNCATE)

struct handle {
    weft_file number; /* never used twice */
    bool writes;
    struct sim_file *file;
};

struct sim_disk {
    struct sim_names names;
    struct handle *handles;
    uint32_t handles_count, handles_max;
    weft_file opened; /* the last number given out */
    size_t bytes;
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

int sim_disk_open(struct sim_disk *disk, const char *path, int mode, weft_file *out) {
    if (!sim_disk__path_valid(path) || !mode_valid(mode)) return WEFT_ERR_INVAL;
    int rv = handles_reserve(disk);
    if (rv != WEFT_OK) return rv;
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

int64_t sim_disk_read(struct sim_disk *disk, weft_file file, uint64_t offset, void *data,
                      size_t size) {
    const struct handle *handle = handle_find(disk, file);
    if (handle == NULL) return WEFT_ERR_INVAL;
    const struct sim_file *of = handle->file;
    if (offset >= of->size || size == 0) return 0;
    if (size > of->size - offset) size = (size_t)(of->size - offset);
    memcpy(data, of->data + offset, size);
    return (int64_t)size;
}

int sim_disk_write(struct sim_disk *disk, weft_file file, uint64_t offset, const void *data,
                   size_t size) {
    struct sim_file *of;
    int rv = writable(disk, file, &of);
    return rv != WEFT_OK ? rv : sim_disk__file_write(of, offset, data, size, &disk->bytes);
}

int sim_disk_truncate(struct sim_disk *disk, weft_file file, uint64_t size) {
    struct sim_file *of;
    int rv = writable(disk, file, &of);
    return rv != WEFT_OK ? rv : sim_disk__file_resize(of, size, &disk->bytes);
}

int64_t sim_disk_size(struct sim_disk *disk, weft_file file) {
    const struct handle *handle = handle_find(disk, file);
    return handle == NULL ? WEFT_ERR_INVAL : (int64_t)handle->file->size;
}

int sim_disk_sync(struct sim_disk *disk, weft_file file) {
    const struct handle *handle = handle_find(disk, file);
    if (handle == NULL) return WEFT_ERR_INVAL;
    sim_disk__file_sync(handle->file, &disk->bytes);
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
    int rv = sim_disk__folders_make(&disk->names, to, &disk->bytes);
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
    sim_disk__file_unref(name->now, &disk->bytes);
    name->now = NULL;
    sim_disk__names_tidy(&disk->names, &disk->bytes);
    return WEFT_OK;
}

int sim_disk_sync_folder(struct sim_disk *disk, const char *path) {
    if (path[0] != '\0' && !sim_disk__path_valid(path)) return WEFT_ERR_INVAL;
    if (!sim_disk__folder_exists(&disk->names, path)) return WEFT_ERR_NOT_FOUND;
    sim_disk__names_sync(&disk->names, path, &disk->bytes);
    return WEFT_OK;
}

uint32_t sim_disk_crash(struct sim_disk *disk) {
    uint32_t changed = 0;
    for (uint32_t i = 0; i < disk->names.count; i++) {
        const struct sim_name *name = &disk->names.names[i];
        bool same = name->now == name->durable;
        if (!same || (name->now != NULL && sim_disk__file_dirty(name->now))) changed++;
    }
    handles_drop(disk);
    sim_disk__names_revert(&disk->names, &disk->bytes);
    return changed;
}

void sim_disk_kill(struct sim_disk *disk) { handles_drop(disk); }

size_t sim_disk_bytes(const struct sim_disk *disk) { return disk->bytes; }

uint32_t sim_disk_handles(const struct sim_disk *disk) { return disk->handles_count; }
