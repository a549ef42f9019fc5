/* Hash: 128 bits that stand for a run, or for what one of its nodes did. A rolling chain: each fold
 * is a bijection of the 128 bits, so nothing that was folded in is ever lost, and what differs once
 * differs from then on. Not keyed: for comparing runs, never for tables. */
#ifndef SIM_ENGINE_HASH_H
#define SIM_ENGINE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_hash {
    uint64_t low, high;
};

#define SIM_HASH_TEXT_SIZE 33 /* 32 hexadecimal digits and the end */

__extension__ typedef unsigned __int128 sim_wide;

#ifdef WEFT_HASH_OFF /* the build that tells what the hash costs: it stays as it began */
#define SIM_HASHES 0
#else
#define SIM_HASHES 1
#endif

/* Fold two words in. Order matters; zeros folded into 0 count too. */
static inline struct sim_hash sim_hash_fold(struct sim_hash hash, uint64_t a, uint64_t b) {
    if (!SIM_HASHES) return hash;
    sim_wide p =
        (sim_wide)((hash.low ^ a) + UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0x9fb21c651e98df25);
    uint64_t high = (hash.high ^ b) + (uint64_t)(p >> 64);
    sim_wide q = (sim_wide)high * UINT64_C(0xd6e8feb86659fd93);
    return (struct sim_hash){(uint64_t)p + (uint64_t)(q >> 64), (uint64_t)q};
}

/* Fold `size` bytes in, read as little-endian words, and their count. */
struct sim_hash sim_hash_fold_bytes(struct sim_hash hash, const void *data, size_t size);

static inline bool sim_hash_equal(struct sim_hash a, struct sim_hash b) {
    return a.low == b.low && a.high == b.high;
}

/* Both together, whatever the order in which sums are built. */
static inline struct sim_hash sim_hash_add(struct sim_hash a, struct sim_hash b) {
    uint64_t low = a.low + b.low;
    return (struct sim_hash){low, a.high + b.high + (low < a.low)};
}

void sim_hash_text(struct sim_hash hash, char text[SIM_HASH_TEXT_SIZE]);

#endif
