/* Fetch: bring memory into the cache before it is needed. Changes nothing and never faults,
 * whatever the address. */
#ifndef WEFT_BASE_FETCH_H
#define WEFT_BASE_FETCH_H

#include <stddef.h>

#define WEFT_CACHE_LINE 64

/* Inlined by force, as gcc takes functions that only prefetch for ones without effect. */
__attribute__((always_inline)) static inline void weft_fetch(const void *at, size_t size) {
    for (size_t i = 0; i < size; i += WEFT_CACHE_LINE) __builtin_prefetch((const char *)at + i, 1);
}

#endif
