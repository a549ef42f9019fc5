/* The 128-bit chain: bytes, and its text. */
#include "sim/engine/hash.h"

#include "core/base/assert.h"

#include <stdio.h>

/* Up to eight bytes, least significant first, on every machine. */
static uint64_t load(const unsigned char *at, size_t size) {
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) word |= (uint64_t)at[i] << (8 * i);
    return word;
}

/* The same of eight, in a form that compilers make one load. */
static inline uint64_t load_word(const unsigned char *at) {
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

struct sim_hash sim_hash_fold_bytes(struct sim_hash hash, const void *data, size_t size) {
    WEFT_ASSERT(data != NULL || size == 0);
    if (!SIM_HASHES) return hash;
    const unsigned char *at = data;
    size_t left = size;
    for (; left >= 16; left -= 16, at += 16)
        hash = sim_hash_fold(hash, load_word(at), load_word(at + 8));
    if (left == 0) return sim_hash_fold(sim_hash_fold(hash, 0, 0), size, 0);
    size_t first = left < 8 ? left : 8;
    uint64_t low = load(at, first), high = load(at + first, left - first);
    hash = sim_hash_fold(hash, low, high);
    return sim_hash_fold(hash, size, 0);
}

void sim_hash_text(struct sim_hash hash, char text[SIM_HASH_TEXT_SIZE]) {
    snprintf(text, SIM_HASH_TEXT_SIZE, "%016llx%016llx", (unsigned long long)hash.high,
             (unsigned long long)hash.low);
}
