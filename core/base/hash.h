/* Hashes: a keyed one for tables that strangers can fill, and a rolling one for runs. */
#ifndef WEFT_BASE_HASH_H
#define WEFT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct weft_hash_key {
    uint64_t k0, k1;
};

/* SipHash-2-4 (Aumasson and Bernstein 2012): safe against chosen keys, and short enough for
 * announce tokens (BEP 5). */
uint64_t weft_siphash(const struct weft_hash_key *key, const void *data, size_t size);

/* Fold one word into a rolling hash. Order matters; equal sequences give equal hashes on every
 * machine. Start from any value: zeros folded into 0 count too. Not keyed: for comparing runs,
 * never for tables. */
static inline uint64_t weft_fold(uint64_t hash, uint64_t word) {
    uint64_t x = ((hash ^ word) + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0x9fb21c651e98df25);
    x ^= x >> 29;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

/* What the tables that nobody walks take the place of an entry from. A build with another
 * WEFT_HASH_PERTURB has each entry elsewhere, and no run may tell: ./dev determinism. Not for the
 * rate table of core/dht, where places are few and who loses one is decided by the node's secret.
 */
#ifndef WEFT_HASH_PERTURB
#define WEFT_HASH_PERTURB 0
#endif
static inline uint64_t weft_hash_place(uint64_t hash) {
    return WEFT_HASH_PERTURB == 0 ? hash : weft_fold(WEFT_HASH_PERTURB, hash);
}

/* Fold `size` bytes, read as little-endian words, and their count. */
uint64_t weft_fold_bytes(uint64_t hash, const void *data, size_t size);

#endif
