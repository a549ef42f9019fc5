/* Randomness without state that anyone else can disturb.
 *
 * weft_draw is keyed: the value depends on the four arguments and on nothing else, so adding a
 * node or removing a fault changes no other draw, and a failing run can be shrunk. struct
 * weft_rand is a stream for code that wants "the next one"; it is seeded by a draw.
 *
 * Not for secrets. Keys, tokens' secrets and transaction ids come from the env's entropy. */
#ifndef WEFT_BASE_RAND_H
#define WEFT_BASE_RAND_H

#include "core/base/assert.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One 64-bit draw: four rounds of the SplitMix64 finaliser (Steele et al. 2014), one a word. */
uint64_t weft_draw(uint64_t seed, uint64_t purpose, uint64_t entity, uint64_t counter);

/* The two halves of it, for who draws much for one purpose:
 * weft_draw_from(weft_draw_base(seed, purpose), entity, counter) is the draw. */
uint64_t weft_draw_base(uint64_t seed, uint64_t purpose);

static inline uint64_t weft_draw__mix(uint64_t x) {
    x += UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t weft_draw_from(uint64_t base, uint64_t entity, uint64_t counter) {
    return weft_draw__mix(weft_draw__mix(base ^ entity) ^ counter);
}

/* xoshiro256** (Blackman and Vigna 2018). */
struct weft_rand {
    uint64_t s[4];
};

/* Start a stream. The same seed gives the same stream on every machine. */
void weft_rand_init(struct weft_rand *rand, uint64_t seed);

uint64_t weft_rand_u64(struct weft_rand *rand);

/* Uniform in [0, bound), without bias. bound > 0. */
uint64_t weft_rand_below(struct weft_rand *rand, uint64_t bound);

void weft_rand_bytes(struct weft_rand *rand, void *out, size_t size);

__extension__ typedef unsigned __int128 weft_rand__wide;

/* Uniform in [0, bound) from one raw draw (Lemire's multiply; bias < bound / 2^64). bound > 0. */
static inline uint64_t weft_scale(uint64_t raw, uint64_t bound) {
    WEFT_ASSERT(bound > 0);
    return (uint64_t)(((weft_rand__wide)raw * bound) >> 64);
}

/* Whether a raw draw falls below `ppm` parts per million. 0 is never, 1,000,000 is always. */
bool weft_chance_ppm(uint64_t raw, uint32_t ppm);

#endif
