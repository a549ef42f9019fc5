/* A table from 64-bit keys to 64-bit values, for what is met a million times a second: packets
 * under way, contacts. Open addressing with linear probing; what is taken out leaves no mark. */
#ifndef ANALYSIS_MAP_H
#define ANALYSIS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ana__map_entry {
    uint64_t key, value;
};

/* I1  room is 0 or a power of two, and less than three quarters of it are used.
 * I2  an entry stands at its key's home or behind it with no free one between.
 * I3  a free entry has key ANA__MAP_FREE. */
struct ana__map {
    struct ana__map_entry *entries;
    size_t room, count;
    unsigned shift; /* of a key's hash, to its home */
};

#define ANA__MAP_FREE UINT64_MAX /* never a key */

void ana__map_free(struct ana__map *map);

/* The value of `key`, valid until something is added or removed; NULL: it is not there. */
uint64_t *ana__map_get(const struct ana__map *map, uint64_t key);

/* Set it, whether it was there or not. False without memory: the map is as it was. */
bool ana__map_put(struct ana__map *map, uint64_t key, uint64_t value);

/* Remove it. False: it was not there. `value` may be NULL. */
bool ana__map_take(struct ana__map *map, uint64_t key, uint64_t *value);

/* Remove all that `drop` says. */
void ana__map_sweep(struct ana__map *map,
                    bool (*drop)(void *ctx, const struct ana__map_entry *entry), void *ctx);

#endif
