/* A file's two images. */
#include "sim/disk/file.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/disk/disk.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64

static size_t page_size(const struct sim_file *file, uint64_t index) {
    uint64_t left = file->durable_size - index * SIM_DISK_PAGE;
    return left < SIM_DISK_PAGE ? (size_t)left : SIM_DISK_PAGE;
}

/* Where page `index` is, or would be put. */
static uint32_t page_find(const struct sim_file *file, uint64_t index) {
    uint32_t low = 0, high = file->pages_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (file->pages[middle].index < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool pages_grow(struct sim_file *file, size_t *account) {
    uint32_t max = file->pages_max == 0 ? 4 : file->pages_max * 2;
    struct sim_page *pages = realloc(file->pages, max * sizeof *pages);
    if (pages == NULL) return false;
    *account += (max - file->pages_max) * sizeof *pages;
    file->pages = pages;
    file->pages_max = max;
    return true;
}

/* Save page `index` unless it is saved. */
static bool page_save(struct sim_file *file, uint64_t index, size_t *account) {
    uint32_t at = page_find(file, index);
    if (at < file->pages_count && file->pages[at].index == index) return true;
    if (file->pages_count == file->pages_max && !pages_grow(file, account)) return false;
    size_t size = page_size(file, index);
    unsigned char *bytes = malloc(size);
    if (bytes == NULL) return false;
    *account += size;
    WEFT_ASSERT(index * SIM_DISK_PAGE + size <= file->size); /* I3 */
    memcpy(bytes, file->data + index * SIM_DISK_PAGE, size);
    memmove(&file->pages[at + 1], &file->pages[at], (file->pages_count - at) * sizeof *file->pages);
    file->pages[at] = (struct sim_page){index, bytes};
    file->pages_count++;
    return true;
}

/* Save what of the durable image lies in [from, to). */
static bool save_range(struct sim_file *file, uint64_t from, uint64_t to, size_t *account) {
    if (to > file->durable_size) to = file->durable_size;
    if (from >= to) return true;
    for (uint64_t index = from / SIM_DISK_PAGE; index * SIM_DISK_PAGE < to; index++) {
        if (!page_save(file, index, account)) return false;
    }
    return true;
}

static void pages_drop(struct sim_file *file, size_t *account) {
    for (uint32_t i = 0; i < file->pages_count; i++) {
        *account -= page_size(file, file->pages[i].index);
        free(file->pages[i].bytes);
    }
    *account -= file->pages_max * sizeof *file->pages;
    free(file->pages);
    file->pages = NULL;
    file->pages_count = file->pages_max = 0;
}

/* Room for `size` bytes, I1. */
static int file_reserve(struct sim_file *file, uint64_t size, size_t *account) {
    if (size <= file->capacity) return WEFT_OK;
    if (size > SIM_DISK_FILE_MAX) return WEFT_ERR_NO_SPACE;
    uint64_t capacity = file->capacity + file->capacity / 2;
    if (capacity < size) capacity = size;
    capacity = (capacity + CAPACITY_MIN - 1) / CAPACITY_MIN * CAPACITY_MIN;
    unsigned char *data = realloc(file->data, (size_t)capacity);
    if (data == NULL) return WEFT_ERR_NO_SPACE;
    memset(data + file->capacity, 0, (size_t)(capacity - file->capacity));
    *account += (size_t)(capacity - file->capacity);
    file->data = data;
    file->capacity = capacity;
    return WEFT_OK;
}

static void file_cut(struct sim_file *file, uint64_t size) {
    if (size < file->size) memset(file->data + size, 0, (size_t)(file->size - size)); /* I1 */
    file->size = size;
}

struct sim_file *sim_disk__file_new(size_t *account) {
    struct sim_file *file = calloc(1, sizeof *file);
    if (file == NULL) return NULL;
    file->refs = 1;
    *account += sizeof *file;
    return file;
}

void sim_disk__file_unref(struct sim_file *file, size_t *account) {
    WEFT_ASSERT(file->refs > 0);
    if (--file->refs > 0) return;
    pages_drop(file, account);
    *account -= (size_t)file->capacity + sizeof *file;
    free(file->data);
    free(file);
}

int sim_disk__file_write(struct sim_file *file, uint64_t offset, const void *data, size_t size,
                         size_t *account) {
    if (offset > SIM_DISK_FILE_MAX || size > SIM_DISK_FILE_MAX - offset) return WEFT_ERR_NO_SPACE;
    if (size == 0) return WEFT_OK;
    uint64_t end = offset + size;
    if (!save_range(file, offset, end, account)) return WEFT_ERR_NO_SPACE;
    int rv = file_reserve(file, end, account);
    if (rv != WEFT_OK) return rv;
    memcpy(file->data + offset, data, size);
    if (end > file->size) file->size = end;
    return WEFT_OK;
}

int sim_disk__file_resize(struct sim_file *file, uint64_t size, size_t *account) {
    if (size >= file->size) {
        int rv = file_reserve(file, size, account);
        if (rv == WEFT_OK) file->size = size;
        return rv;
    }
    if (!save_range(file, size, file->size, account)) return WEFT_ERR_NO_SPACE;
    file_cut(file, size);
    return WEFT_OK;
}

void sim_disk__file_sync(struct sim_file *file, size_t *account) {
    pages_drop(file, account);
    file->durable_size = file->size;
    if (file->size > 0) return;
    *account -= (size_t)file->capacity;
    free(file->data);
    file->data = NULL;
    file->capacity = 0;
}

void sim_disk__file_revert(struct sim_file *file, size_t *account) {
    WEFT_ASSERT(file->durable_size <= file->capacity);
    file_cut(file, file->durable_size);
    for (uint32_t i = 0; i < file->pages_count; i++) {
        uint64_t index = file->pages[i].index;
        memcpy(file->data + index * SIM_DISK_PAGE, file->pages[i].bytes, page_size(file, index));
    }
    pages_drop(file, account);
}

bool sim_disk__file_dirty(const struct sim_file *file) {
    if (file->size != file->durable_size) return true;
    for (uint32_t i = 0; i < file->pages_count; i++) {
        uint64_t index = file->pages[i].index;
        const unsigned char *now = file->data + index * SIM_DISK_PAGE;
        if (memcmp(now, file->pages[i].bytes, page_size(file, index)) != 0) return true;
    }
    return false;
}
