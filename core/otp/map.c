/* A hash table for lookups. Its order is never seen: there is no way to walk it. */
#include "core/otp/internal.h"

#define BUCKETS_MIN 4

void weft_otp__map_init(struct map *map, struct weft_mem *mem) {
    WEFT_ASSERT(map != NULL);
    WEFT_ASSERT(mem != NULL);
    *map = (struct map){.mem = mem};
}

void weft_otp__map_deinit(struct map *map) {
    WEFT_ASSERT(map->count == 0);
    weft_mem_free(map->mem, map->buckets, map->buckets_count * sizeof *map->buckets);
    map->buckets = NULL;
    map->buckets_count = 0;
}

static struct map_node **bucket_of(const struct map *map, uint64_t hash) {
    WEFT_ASSERT(map->buckets_count > 0);
    return &map->buckets[weft_hash_place(hash) & (map->buckets_count - 1)];
}

static void move_all(struct map *map, const struct map *old) {
    for (uint32_t i = 0; i < old->buckets_count; i++) {
        struct map_node *node = old->buckets[i];
        while (node != NULL) {
            struct map_node *next = node->next;
            struct map_node **bucket = bucket_of(map, node->hash);
            node->next = *bucket;
            *bucket = node;
            node = next;
        }
    }
}

static int grow(struct map *map) {
    struct map old = *map;
    uint32_t count = old.buckets_count == 0 ? BUCKETS_MIN : old.buckets_count * 2;
    WEFT_ASSERT(count > old.buckets_count);
    struct map_node **buckets = weft_mem_zalloc(map->mem, count * sizeof *buckets);
    if (buckets == NULL) return WEFT_ERR_NOMEM;
    map->buckets = buckets;
    map->buckets_count = count;
    move_all(map, &old);
    weft_mem_free(map->mem, old.buckets, old.buckets_count * sizeof *old.buckets);
    return WEFT_OK;
}

int weft_otp__map_insert(struct map *map, struct map_node *node, uint64_t hash) {
    WEFT_ASSERT(node != NULL);
    /* A table that cannot grow goes on with longer chains. */
    if (map->count >= map->buckets_count && grow(map) != WEFT_OK && map->buckets_count == 0)
        return WEFT_ERR_NOMEM;
    struct map_node **bucket = bucket_of(map, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    map->count++;
    return WEFT_OK;
}

void weft_otp__map_remove(struct map *map, struct map_node *node) {
    WEFT_ASSERT(map->count > 0);
    struct map_node **at = bucket_of(map, node->hash);
    while (*at != node) {
        WEFT_ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    map->count--;
}

static struct map_node *same_hash(struct map_node *node, uint64_t hash) {
    while (node != NULL && node->hash != hash) node = node->next;
    return node;
}

struct map_node *weft_otp__map_first(const struct map *map, uint64_t hash) {
    if (map->buckets_count == 0) return NULL;
    return same_hash(*bucket_of(map, hash), hash);
}

struct map_node *weft_otp__map_next(const struct map_node *node) {
    WEFT_ASSERT(node != NULL);
    return same_hash(node->next, node->hash);
}
