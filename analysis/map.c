/* Open addressing, linear probing. */
#include "analysis/map.h"

#include "core/base/assert.h"

#include <stdlib.h>

#define ROOM_MIN 64u
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15) /* Knuth, TAOCP 6.4: multiplicative hashing */

static size_t home_of(const struct ana__map *map, uint64_t key) {
    uint64_t mixed = key ^ key >> 32;
    return (size_t)(mixed * GOLDEN >> map->shift);
}

void ana__map_free(struct ana__map *map) {
    free(map->entries);
    *map = (struct ana__map){NULL, 0, 0, 0};
}

/* Where `key` is, or the free entry it would go to. The map has room (I1). */
static struct ana__map_entry *find(const struct ana__map *map, uint64_t key) {
    size_t at = home_of(map, key);
    while (map->entries[at].key != key && map->entries[at].key != ANA__MAP_FREE)
        at = (at + 1) & (map->room - 1);
    return &map->entries[at];
}

static bool resize(struct ana__map *map, size_t room) {
    struct ana__map larger = {malloc(room * sizeof *larger.entries), room, map->count, 64};
    if (larger.entries == NULL) return false;
    for (size_t size = room; size > 1; size >>= 1) larger.shift--;
    for (size_t i = 0; i < room; i++) larger.entries[i].key = ANA__MAP_FREE;
    for (size_t i = 0; i < map->room; i++) {
        if (map->entries[i].key != ANA__MAP_FREE)
            *find(&larger, map->entries[i].key) = map->entries[i];
    }
    free(map->entries);
    *map = larger;
    return true;
}

uint64_t *ana__map_get(const struct ana__map *map, uint64_t key) {
    if (map->count == 0) return NULL;
    struct ana__map_entry *entry = find(map, key);
    return entry->key == key ? &entry->value : NULL;
}

bool ana__map_put(struct ana__map *map, uint64_t key, uint64_t value) {
    WEFT_ASSERT(key != ANA__MAP_FREE);
    if ((map->count + 1) * 4 > map->room * 3 && !resize(map, map->room ? map->room * 2 : ROOM_MIN))
        return false;
    struct ana__map_entry *entry = find(map, key);
    if (entry->key != key) map->count++;
    *entry = (struct ana__map_entry){key, value};
    return true;
}

/* Free entry `hole`, and move back those behind it that would no longer be found (I2). */
static void close_hole(struct ana__map *map, size_t hole) {
    size_t mask = map->room - 1;
    for (size_t at = (hole + 1) & mask; map->entries[at].key != ANA__MAP_FREE;
         at = (at + 1) & mask) {
        size_t home = home_of(map, map->entries[at].key);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        map->entries[hole] = map->entries[at];
        hole = at;
    }
    map->entries[hole].key = ANA__MAP_FREE;
}

bool ana__map_take(struct ana__map *map, uint64_t key, uint64_t *value) {
    if (map->count == 0) return false;
    struct ana__map_entry *entry = find(map, key);
    if (entry->key != key) return false;
    if (value != NULL) *value = entry->value;
    close_hole(map, (size_t)(entry - map->entries));
    map->count--;
    return true;
}

void ana__map_sweep(struct ana__map *map,
                    bool (*drop)(void *ctx, const struct ana__map_entry *entry), void *ctx) {
    for (size_t i = 0; i < map->room;) {
        struct ana__map_entry *entry = &map->entries[i];
        if (entry->key == ANA__MAP_FREE || !drop(ctx, entry)) {
            i++;
            continue;
        }
        close_hole(map, i); /* what moves here is looked at next */
        map->count--;
    }
}
