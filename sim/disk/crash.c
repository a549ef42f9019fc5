/* What a loss of power leaves of one file. */
#include "core/base/assert.h"
#include "core/base/rand.h"
#include "sim/disk/file.h"
#include "sim/disk/trouble.h"

#include <string.h>

enum { DRAW_SIZE = 1, DRAW_SECTOR };

static bool heads(uint64_t seed, uint64_t purpose, uint64_t which) {
    return (weft_draw(seed, purpose, which, 0) & 1) != 0;
}

/* Put back what is durable in [from, to) of the page. */
static bool put_back(struct sim_file *file, const struct sim_page *page, uint32_t from,
                     uint32_t to) {
    unsigned char *now = file->data + page->index * SIM_DISK_PAGE + from;
    if (memcmp(now, page->bytes + from, to - from) == 0) return false;
    memcpy(now, page->bytes + from, to - from);
    return true;
}

/* Each overwritten sector is the old or the new one. */
static bool tear_pages(struct sim_file *file, enum sim_unsynced unsynced, uint64_t seed) {
    bool changed = false;
    for (uint32_t i = 0; i < file->pages_count; i++) {
        const struct sim_page *page = &file->pages[i];
        uint64_t first = page->index * (SIM_DISK_PAGE / SIM_DISK_SECTOR);
        for (uint32_t at = 0; at < page->size; at += SIM_DISK_SECTOR) {
            uint32_t end = at + SIM_DISK_SECTOR < page->size ? at + SIM_DISK_SECTOR : page->size;
            uint64_t sector = first + at / SIM_DISK_SECTOR;
            bool keeps = unsynced == SIM_UNSYNCED_TORN && heads(seed, DRAW_SECTOR, sector);
            if (!keeps && put_back(file, page, at, end)) changed = true;
        }
    }
    return changed;
}

/* Each appended sector is there, or reads as zeros: the size got to the disk before the bytes. */
static bool tear_end(struct sim_file *file, uint64_t size, uint64_t seed) {
    bool changed = false;
    for (uint64_t at = file->durable_size; at < size;) {
        uint64_t sector = at / SIM_DISK_SECTOR, end = (sector + 1) * SIM_DISK_SECTOR;
        if (end > size) end = size;
        if (!heads(seed, DRAW_SECTOR, sector)) {
            memset(file->data + at, 0, (size_t)(end - at));
            changed = true;
        }
        at = end;
    }
    return changed;
}

/* Where the file ends: where it did, where it does now, or on the way from one to the other. */
static uint64_t torn_size(const struct sim_file *file, uint64_t seed) {
    uint64_t raw = weft_draw(seed, DRAW_SIZE, 0, 0);
    if (raw % 3 == 0) return file->size;
    if (raw % 3 == 1 || file->size < file->durable_size) return file->durable_size;
    return file->durable_size + weft_scale(raw, file->size - file->durable_size + 1);
}

bool sim_disk__file_crash(struct sim_file *file, enum sim_unsynced unsynced, uint64_t seed,
                          size_t *account) {
    WEFT_ASSERT(file->durable_size <= file->capacity);
    WEFT_ASSERT(unsynced != SIM_UNSYNCED_WIPED);
    bool changed = false;
    if (unsynced != SIM_UNSYNCED_KEPT) {
        bool torn = unsynced == SIM_UNSYNCED_TORN;
        uint64_t size = torn ? torn_size(file, seed) : file->durable_size;
        changed = size != file->size;
        if (tear_pages(file, unsynced, seed)) changed = true;
        if (torn && size > file->durable_size && tear_end(file, size, seed)) changed = true;
        if (file->size < file->durable_size) file->size = file->durable_size;
        sim_disk__file_cut(file, size);
    }
    if (changed) sim_trouble__bit(file->lied);
    for (uint32_t i = 0; i < file->pages_count; i++) file->pages[i].stays = false;
    sim_disk__file_sync(file, account);
    return changed;
}
