/* SipHash-2-4 and byte folding. */
#include "core/base/hash.h"

#include "core/base/assert.h"

static uint64_t rotl(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

/* Eight bytes, least significant first, on every machine: compilers make it one load. */
static inline uint64_t load_word(const unsigned char *at) {
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
           (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
           (uint64_t)at[7] << 56;
}

/* The last 0 to 7 bytes. */
static uint64_t load_rest(const unsigned char *at, size_t size) {
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) word |= (uint64_t)at[i] << (8 * i);
    return word;
}

static void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

uint64_t weft_siphash(const struct weft_hash_key *key, const void *data, size_t size) {
    WEFT_ASSERT(key != NULL);
    WEFT_ASSERT(data != NULL || size == 0);
    const unsigned char *at = data;
    uint64_t v[4] = {key->k0 ^ UINT64_C(0x736f6d6570736575), key->k1 ^ UINT64_C(0x646f72616e646f6d),
                     key->k0 ^ UINT64_C(0x6c7967656e657261),
                     key->k1 ^ UINT64_C(0x7465646279746573)};
    size_t left = size;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = load_word(at);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = ((uint64_t)size << 56) | (left > 0 ? load_rest(at, left) : 0);
    v[3] ^= last;
    sip_round(v);
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t weft_fold_bytes(uint64_t hash, const void *data, size_t size) {
    WEFT_ASSERT(data != NULL || size == 0);
    const unsigned char *at = data;
    size_t left = size;
    for (; left >= 8; left -= 8, at += 8) hash = weft_fold(hash, load_word(at));
    if (left > 0) hash = weft_fold(hash, load_rest(at, left));
    return weft_fold(hash, size);
}
