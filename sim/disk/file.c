/* A file's two images. */
#include "sim/disk/file.h"

#include "core/base/assert.h"
#include "core/base/error.h"
#include "sim/disk/disk.h"
#include "sim/disk/trouble.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64

static uint32_t page_size(const struct sim_file *file, uint64_t index) {
    uint64_t left = file->durable_size - index * SIM_DISK_PAGE;
    return left < SIM_DISK_PAGE ? (uint32_t)left : SIM_DISK_PAGE;
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

/* Room for `size` bytes as page `index`, which is not saved. NULL: out of memory. */
static struct sim_page *page_insert(struct sim_file *file, uint64_t index, uint32_t size,
                                    size_t *account) {
    uint32_t at = page_find(file, index);
    if (file->pages_count == file->pages_max && !pages_grow(file, account)) return NULL;
    unsigned char *bytes = malloc(size);
    if (bytes == NULL) return NULL;
    *account += size;
    memmove(&file->pages[at + 1], &file->pages[at], (file->pages_count - at) * sizeof *file->pages);
    file->pages[at] = (struct sim_page){.index = index, .size = size, .bytes = bytes};
    file->pages_count++;
    return &file->pages[at];
}

static struct sim_page *page_get(const struct sim_file *file, uint64_t index) {
    uint32_t at = page_find(file, index);
    if (at == file->pages_count || file->pages[at].index != index) return NULL;
    return &file->pages[at];
}

/* A page that was saved before the durable image grew beyond it. */
static bool page_grow(const struct sim_file *file, struct sim_page *page, uint32_t size,
                      size_t *account) {
    if (page->size >= size) return true;
    unsigned char *bytes = realloc(page->bytes, size);
    if (bytes == NULL) return false;
    const unsigned char *now = file->data + page->index * SIM_DISK_PAGE;
    memcpy(bytes + page->size, now + page->size, size - page->size);
    *account += size - page->size;
    page->bytes = bytes;
    page->size = size;
    return true;
}

/* Save page `index` unless it is saved. It is about to be written: a sync reaches it again. */
static bool page_save(struct sim_file *file, uint64_t index, size_t *account) {
    struct sim_page *page = page_get(file, index);
    uint32_t size = page_size(file, index);
    if (page != NULL) {
        page->stays = false;
        return page_grow(file, page, size, account);
    }
    WEFT_ASSERT(index * SIM_DISK_PAGE + size <= file->size); /* I3 */
    page = page_insert(file, index, size, account);
    if (page == NULL) return false;
    memcpy(page->bytes, file->data + index * SIM_DISK_PAGE, size);
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

static void page_free(struct sim_page *page, size_t *account) {
    *account -= page->size;
    free(page->bytes);
}

static void pages_drop(struct sim_file *file, size_t *account) {
    for (uint32_t i = 0; i < file->pages_count; i++) page_free(&file->pages[i], account);
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

/* What is written, or cut off, is not damaged any more. */
static void mend(struct sim_file *file, uint64_t from, uint64_t to) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < file->damage_count; i++) {
        const struct sim_damage *damage = &file->damage[i];
        uint64_t end = damage->at + (damage->mask != 0 ? 1 : SIM_DISK_SECTOR);
        if (damage->at < to && end > from) continue;
        file->damage[kept++] = *damage;
    }
    file->damage_count = kept;
}

void sim_disk__file_cut(struct sim_file *file, uint64_t size) {
    WEFT_ASSERT(size <= file->size);
    if (size < file->size) memset(file->data + size, 0, (size_t)(file->size - size)); /* I1 */
    file->size = size;
    if (file->damage_count > 0) mend(file, size, UINT64_MAX); /* I4 */
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
    *account -= (size_t)file->capacity + sizeof *file + file->damage_max * sizeof *file->damage;
    free(file->damage);
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
    if (file->damage_count > 0) mend(file, offset, end);
    return WEFT_OK;
}

int sim_disk__file_resize(struct sim_file *file, uint64_t size, size_t *account) {
    if (size >= file->size) {
        int rv = file_reserve(file, size, account);
        if (rv == WEFT_OK) file->size = size;
        return rv;
    }
    if (!save_range(file, size, file->size, account)) return WEFT_ERR_NO_SPACE;
    sim_disk__file_cut(file, size);
    return WEFT_OK;
}

/* Drop what a sync makes durable; what stays is cut to the new size. */
static void pages_sync(struct sim_file *file, size_t *account) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < file->pages_count; i++) {
        struct sim_page page = file->pages[i];
        uint64_t start = page.index * SIM_DISK_PAGE;
        if (!page.stays || start >= file->size) {
            page_free(&page, account);
            continue;
        }
        uint64_t left = file->size - start;
        if (page.size > left) *account -= page.size - (size_t)left;
        if (page.size > left) page.size = (uint32_t)left;
        file->pages[kept++] = page;
    }
    file->pages_count = kept;
    if (kept == 0) pages_drop(file, account);
}

void sim_disk__file_sync(struct sim_file *file, size_t *account) {
    pages_sync(file, account);
    file->durable_size = file->size;
    file->lied = NULL;
    if (file->size > 0) return;
    *account -= (size_t)file->capacity;
    free(file->data);
    file->data = NULL;
    file->capacity = 0;
}

/* The durable image of page `index`, of `size` bytes: what it has, and zeros. */
static bool page_extend(struct sim_file *file, uint64_t index, uint32_t size, size_t *account) {
    struct sim_page *page = page_get(file, index);
    uint64_t start = index * SIM_DISK_PAGE;
    uint64_t had = file->durable_size > start ? file->durable_size - start : 0;
    if (had > size) had = size;
    if (page == NULL) {
        page = page_insert(file, index, size, account);
        if (page == NULL) return false;
        memcpy(page->bytes, file->data + start, (size_t)had);
        memset(page->bytes + had, 0, size - (size_t)had);
        return true;
    }
    if (page->size >= size) return true;
    unsigned char *bytes = realloc(page->bytes, size);
    if (bytes == NULL) return false;
    memset(bytes + page->size, 0, size - page->size);
    *account += size - page->size;
    page->bytes = bytes;
    page->size = size;
    return true;
}

void sim_disk__file_sync_failed(struct sim_file *file, size_t *account) {
    uint64_t first = file->durable_size / SIM_DISK_PAGE;
    for (uint64_t index = first; index * SIM_DISK_PAGE < file->size; index++) {
        uint64_t left = file->size - index * SIM_DISK_PAGE;
        uint32_t size = left < SIM_DISK_PAGE ? (uint32_t)left : SIM_DISK_PAGE;
        if (!page_extend(file, index, size, account)) return; /* the next sync reaches the rest */
    }
    if (file->size > file->durable_size) file->durable_size = file->size;
    for (uint32_t i = 0; i < file->pages_count; i++) file->pages[i].stays = true;
}

bool sim_disk__file_dirty(const struct sim_file *file) {
    if (file->size != file->durable_size) return true;
    for (uint32_t i = 0; i < file->pages_count; i++) {
        const struct sim_page *page = &file->pages[i];
        const unsigned char *now = file->data + page->index * SIM_DISK_PAGE;
        if (memcmp(now, page->bytes, page->size) != 0) return true;
    }
    return false;
}

bool sim_disk__file_damage(struct sim_file *file, struct sim_damage damage, size_t *account) {
    WEFT_ASSERT(damage.at < file->size); /* I4 */
    if (file->damage_count == file->damage_max) {
        uint32_t max = file->damage_max == 0 ? 4 : file->damage_max * 2;
        struct sim_damage *grown = realloc(file->damage, max * sizeof *grown);
        if (grown == NULL) return false;
        *account += (max - file->damage_max) * sizeof *grown;
        file->damage = grown;
        file->damage_max = max;
    }
    file->damage[file->damage_count++] = damage;
    return true;
}

int sim_disk__file_suffer(const struct sim_file *file, uint64_t offset, void *data, size_t size) {
    unsigned char *bytes = data;
    for (uint32_t i = 0; i < file->damage_count; i++) {
        const struct sim_damage *damage = &file->damage[i];
        uint64_t end = damage->at + (damage->mask != 0 ? 1 : SIM_DISK_SECTOR);
        if (damage->at >= offset + size || end <= offset) continue;
        sim_trouble__bit(damage->by);
        if (damage->mask == 0) return WEFT_ERR_IO;
        bytes[damage->at - offset] ^= damage->mask;
    }
    return WEFT_OK;
}

void sim_disk__file_forget(struct sim_file *file, const struct sim_trouble *by) {
    if (file->lied == by) file->lied = NULL;
    for (uint32_t i = 0; i < file->damage_count; i++) {
        if (file->damage[i].by == by) file->damage[i].by = NULL;
    }
}
