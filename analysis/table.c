/* A table of uthash, which keeps the order of adding. */
#include "analysis/table.h"

#include "core/base/assert.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(item) (is_full = true)
#include <uthash.h>

struct item {
    UT_hash_handle hh;
    struct ana__key key;
    _Alignas(16) unsigned char entry[];
};

struct ana__table {
    struct item *items;
    size_t entry_size;
};

static struct item *item_of(const void *entry) {
    return (struct item *)((uintptr_t)entry - offsetof(struct item, entry));
}

struct ana__table *ana__table_new(size_t entry_size) {
    struct ana__table *table = calloc(1, sizeof *table);
    if (table != NULL) table->entry_size = entry_size;
    return table;
}

void ana__table_free(struct ana__table *table) {
    if (table == NULL) return;
    struct item *item, *next;
    HASH_ITER(hh, table->items, item, next) {
        HASH_DEL(table->items, item);
        free(item);
    }
    free(table);
}

void *ana__table_find(const struct ana__table *table, struct ana__key key) {
    struct item *item;
    HASH_FIND(hh, table->items, &key, sizeof key, item);
    return item != NULL ? item->entry : NULL;
}

void *ana__table_add(struct ana__table *table, struct ana__key key) {
    bool is_full = false;
    struct item *item = calloc(1, sizeof *item + table->entry_size);
    if (item == NULL) return NULL;
    item->key = key;
    HASH_ADD(hh, table->items, key, sizeof key, item);
    if (!is_full) return item->entry;
    free(item);
    return NULL;
}

void *ana__table_get(struct ana__table *table, struct ana__key key) {
    void *entry = ana__table_find(table, key);
    return entry != NULL ? entry : ana__table_add(table, key);
}

void ana__table_remove(struct ana__table *table, void *entry) {
    struct item *item = item_of(entry);
    HASH_DEL(table->items, item);
    free(item);
}

struct ana__key ana__table_key(const void *entry) {
    return item_of(entry)->key;
}

void *ana__table_next(const struct ana__table *table, const void *entry) {
    const struct item *item = entry == NULL ? table->items : item_of(entry)->hh.next;
    return item != NULL ? (void *)(uintptr_t)item->entry : NULL;
}

size_t ana__table_count(const struct ana__table *table) { return HASH_COUNT(table->items); }
