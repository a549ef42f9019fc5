/* Map of 128-bit keys: open addressing, linear probing, removal by shifting back. */
#include "sim/check/internal.h"

#include "core/base/assert.h"
#include "core/base/hash.h"

#include <stdlib.h>

#define CAPACITY_FIRST 64

static bool key_equal(struct sim_check__key x, struct sim_check__key y) {
    return x.a == y.a && x.b == y.b;
}

static size_t home_of(const struct sim_check__map *map, struct sim_check__key key) {
    return (size_t)weft_hash_place(weft_fold(weft_fold(0, key.a), key.b)) & (map->capacity - 1);
}

/* The key's slot, or the free one where it would go. */
static struct sim_check__slot *slot_of(const struct sim_check__map *map,
                                       struct sim_check__key key) {
    size_t at = home_of(map, key);
    while (map->slots[at].used && !key_equal(map->slots[at].key, key)) {
        at = (at + 1) & (map->capacity - 1);
    }
    return &map->slots[at];
}

static void map_enlarge(struct sim_check__map *map) {
    struct sim_check__map larger = {.capacity = map->capacity ? map->capacity * 2 : CAPACITY_FIRST};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    WEFT_ASSERT(larger.slots != NULL);
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i].used) *slot_of(&larger, map->slots[i].key) = map->slots[i];
    }
    larger.count = map->count;
    free(map->slots);
    *map = larger;
}

void sim_check__map_free(struct sim_check__map *map) {
    free(map->slots);
    *map = (struct sim_check__map){0};
}

uint64_t *sim_check__map_get(const struct sim_check__map *map, struct sim_check__key key) {
    if (map->count == 0) return NULL;
    struct sim_check__slot *slot = slot_of(map, key);
    return slot->used ? &slot->value : NULL;
}

void sim_check__map_put(struct sim_check__map *map, struct sim_check__key key, uint64_t value) {
    if ((map->count + 1) * 4 > map->capacity * 3) map_enlarge(map); /* I1 */
    struct sim_check__slot *slot = slot_of(map, key);
    if (!slot->used) map->count++;
    *slot = (struct sim_check__slot){.key = key, .value = value, .used = true};
}

bool sim_check__map_remove(struct sim_check__map *map, struct sim_check__key key) {
    if (map->count == 0) return false;
    struct sim_check__slot *slot = slot_of(map, key);
    if (!slot->used) return false;
    size_t mask = map->capacity - 1, hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & mask; map->slots[at].used; at = (at + 1) & mask) {
        size_t home = home_of(map, map->slots[at].key);
        if (((at - home) & mask) < ((at - hole) & mask)) continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole].used = false;
    map->count--;
    return true;
}

struct sim_check__key sim_check__key_of_id(const weft_id *id) {
    struct sim_check__key key = {0, 0};
    for (int i = 0; i < 8; i++) {
        key.a = key.a << 8 | id->bytes[i];
        key.b = key.b << 8 | id->bytes[i + 8];
    }
    return key;
}

void *sim_check__grow(void *array, size_t count, size_t *capacity, size_t size) {
    WEFT_ASSERT(count <= *capacity);
    if (count < *capacity) return array;
    *capacity = *capacity ? *capacity * 2 : 16;
    void *grown = realloc(array, *capacity * size);
    WEFT_ASSERT(grown != NULL);
    return grown;
}
