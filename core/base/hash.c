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

/* By value, so that all four stay in registers. */
struct sip {
    uint64_t a, b, c, d;
};

static inline struct sip sip_round(struct sip v) {
    v.a += v.b;
    v.b = rotl(v.b, 13) ^ v.a;
    v.a = rotl(v.a, 32);
    v.c += v.d;
    v.d = rotl(v.d, 16) ^ v.c;
    v.a += v.d;
    v.d = rotl(v.d, 21) ^ v.a;
    v.c += v.b;
    v.b = rotl(v.b, 17) ^ v.c;
    v.c = rotl(v.c, 32);
    return v;
}

static inline struct sip sip_word(struct sip v, uint64_t word) {
    v.d ^= word;
    v = sip_round(sip_round(v));
    v.a ^= word;
    return v;
}

uint64_t weft_siphash(const struct weft_hash_key *key, const void *data, size_t size) {
    WEFT_ASSERT(key != NULL);
    WEFT_ASSERT(data != NULL || size == 0);
    const unsigned char *at = data;
    struct sip v = {key->k0 ^ UINT64_C(0x736f6d6570736575), key->k1 ^ UINT64_C(0x646f72616e646f6d),
                    key->k0 ^ UINT64_C(0x6c7967656e657261), key->k1 ^ UINT64_C(0x7465646279746573)};
    size_t left = size;
    for (; left >= 8; left -= 8, at += 8) v = sip_word(v, load_word(at));
    v = sip_word(v, ((uint64_t)size << 56) | (left > 0 ? load_rest(at, left) : 0));
    v.c ^= 0xff;
    v = sip_round(sip_round(sip_round(sip_round(v))));
    return v.a ^ v.b ^ v.c ^ v.d;
}

uint64_t weft_fold_bytes(uint64_t hash, const void *data, size_t size) {
    WEFT_ASSERT(data != NULL || size == 0);
    const unsigned char *at = data;
    size_t left = size;
    for (; left >= 8; left -= 8, at += 8) hash = weft_fold(hash, load_word(at));
    if (left > 0) hash = weft_fold(hash, load_rest(at, left));
    return weft_fold(hash, size);
}
