/* Keyed draws and a seeded stream. */
#include "core/base/rand.h"

#include "core/base/assert.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide;

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t rotl(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

uint64_t weft_draw_base(uint64_t seed, uint64_t purpose) {
    return weft_draw__mix(weft_draw__mix(seed) ^ purpose);
}

uint64_t weft_draw(uint64_t seed, uint64_t purpose, uint64_t entity, uint64_t counter) {
    return weft_draw_from(weft_draw_base(seed, purpose), entity, counter);
}

void weft_rand_init(struct weft_rand *rand, uint64_t seed) {
    WEFT_ASSERT(rand != NULL);
    for (size_t i = 0; i < 4; i++, seed += GOLDEN) rand->s[i] = weft_draw__mix(seed);
    WEFT_ASSERT((rand->s[0] | rand->s[1] | rand->s[2] | rand->s[3]) != 0);
}

uint64_t weft_rand_u64(struct weft_rand *rand) {
    uint64_t *s = rand->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t weft_rand_below(struct weft_rand *rand, uint64_t bound) {
    WEFT_ASSERT(bound > 0);
    for (;;) {
        wide product = (wide)weft_rand_u64(rand) * bound;
        uint64_t low = (uint64_t)product; /* divided by only when it may be too low */
        if (low >= bound || low >= (0 - bound) % bound) return (uint64_t)(product >> 64);
    }
}

void weft_rand_bytes(struct weft_rand *rand, void *out, size_t size) {
    WEFT_ASSERT(out != NULL || size == 0);
    unsigned char *at = out;
    for (size_t left = size; left > 0;) {
        uint64_t word = weft_rand_u64(rand);
        size_t part = left < 8 ? left : 8;
        for (size_t j = 0; j < part; j++) at[j] = (unsigned char)(word >> (8 * j));
        at += part;
        left -= part;
    }
}

bool weft_chance_ppm(uint64_t raw, uint32_t ppm) {
    WEFT_ASSERT(ppm <= 1000000);
    return weft_scale(raw, 1000000) < ppm;
}
