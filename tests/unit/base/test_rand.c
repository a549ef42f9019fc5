/* Draws and streams, pinned: a change here changes every recorded seed. The expected values come
 * from a second implementation. */
#include "core/base/rand.h"
#include "tests/harness/harness.h"

static void draws_are_pinned_and_depend_on_every_word(void) {
    CHECK_EQ_UINT(weft_draw(0, 0, 0, 0), UINT64_C(0x2130748aaac80268));
    CHECK_EQ_UINT(weft_draw(1, 2, 3, 4), UINT64_C(0xd55ccd4aeb3ccafb));
    CHECK_EQ_UINT(weft_draw(1, 2, 4, 3), UINT64_C(0xd8f5e458589a7c89));
    CHECK_EQ_UINT(weft_draw(UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX),
                  UINT64_C(0x9c666618c8f279d7));
    CHECK(weft_draw(2, 2, 3, 4) != weft_draw(1, 2, 3, 4));
    CHECK(weft_draw(1, 3, 3, 4) != weft_draw(1, 2, 3, 4));
}

static void a_stream_is_seeded_by_splitmix64(void) {
    struct weft_rand rand;
    weft_rand_init(&rand, 0);
    CHECK_EQ_UINT(rand.s[0], UINT64_C(0xe220a8397b1dcdaf));
    CHECK_EQ_UINT(rand.s[1], UINT64_C(0x6e789e6aa1b965f4));
    CHECK_EQ_UINT(rand.s[2], UINT64_C(0x06c45d188009454f));
    CHECK_EQ_UINT(rand.s[3], UINT64_C(0xf88bb8a8724c81ec));
}

static void a_stream_is_pinned(void) {
    static const uint64_t of_0[] = {UINT64_C(0x99ec5f36cb75f2b4), UINT64_C(0xbf6e1f784956452a),
                                    UINT64_C(0x1a5f849d4933e6e0), UINT64_C(0x6aa594f1262d2d2c)};
    static const uint64_t of_42[] = {UINT64_C(0x15780b2e0c2ec716), UINT64_C(0x6104d9866d113a7e),
                                     UINT64_C(0xae17533239e499a1), UINT64_C(0xecb8ad4703b360a1)};
    struct weft_rand zero, answer;
    weft_rand_init(&zero, 0);
    weft_rand_init(&answer, 42);
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ_UINT(weft_rand_u64(&zero), of_0[i]);
        CHECK_EQ_UINT(weft_rand_u64(&answer), of_42[i]);
    }
}

static void below_is_pinned_and_stays_below(void) {
    static const uint64_t of_7[] = {7, 2, 8, 9, 9, 8, 0, 1, 4, 1, 5, 7};
    struct weft_rand rand;
    weft_rand_init(&rand, 7);
    for (size_t i = 0; i < 12; i++) CHECK_EQ_UINT(weft_rand_below(&rand, 10), of_7[i]);
    for (int i = 0; i < 100; i++) CHECK_EQ_UINT(weft_rand_below(&rand, 1), 0);
}

static void below_draws_again_where_a_remainder_would_be_biased(void) {
    /* Nearly half of all words are refused at this bound. */
    uint64_t bound = (UINT64_C(1) << 63) + 1;
    struct weft_rand rand;
    weft_rand_init(&rand, 7);
    CHECK_EQ_UINT(weft_rand_below(&rand, bound), UINT64_C(0x59ac7d7ba77cbb2d));
    CHECK_EQ_UINT(weft_rand_below(&rand, bound), UINT64_C(0x6b78e9a4ca963ccb));
    CHECK_EQ_UINT(weft_rand_below(&rand, bound), UINT64_C(0x7d949c398f403920));
    CHECK_EQ_UINT(weft_rand_below(&rand, bound), UINT64_C(0x7ed482763f2a018c));
    CHECK_EQ_UINT(weft_rand_u64(&rand), UINT64_C(0xdf6e1ce3b6218c49));
}

static void bytes_are_little_endian_words_cut_to_size(void) {
    static const unsigned char expected[] = {0xc5, 0x10, 0xc7, 0x0f, 0x6d, 0xaf,
                                             0xf2, 0xb3, 0xea, 0x4c, 0x36, 0x77};
    unsigned char bytes[12];
    struct weft_rand rand;
    memset(bytes, 0x77, sizeof bytes);
    weft_rand_init(&rand, 1);
    weft_rand_bytes(&rand, bytes, 11);
    CHECK_EQ_BYTES(bytes, expected, 12);
    weft_rand_bytes(&rand, NULL, 0);
}

static void scale_maps_the_ends_to_the_ends(void) {
    CHECK_EQ_UINT(weft_scale(0, 10), 0);
    CHECK_EQ_UINT(weft_scale(UINT64_MAX, 10), 9);
    CHECK_EQ_UINT(weft_scale(UINT64_C(1) << 63, 10), 5);
    CHECK_EQ_UINT(weft_scale(UINT64_MAX, 1), 0);
    CHECK_EQ_UINT(weft_scale(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
}

static void a_chance_of_zero_is_never_and_of_a_million_always(void) {
    CHECK(!weft_chance_ppm(0, 0));
    CHECK(!weft_chance_ppm(UINT64_MAX, 999999));
    CHECK(weft_chance_ppm(UINT64_MAX, 1000000));
    CHECK(weft_chance_ppm(0, 1));
    CHECK(!weft_chance_ppm(UINT64_C(1) << 63, 500000));
    CHECK(weft_chance_ppm((UINT64_C(1) << 63) - 1, 500000));
}

TEST_MAIN("base/rand", TEST(draws_are_pinned_and_depend_on_every_word),
          TEST(a_stream_is_seeded_by_splitmix64), TEST(a_stream_is_pinned),
          TEST(below_is_pinned_and_stays_below),
          TEST(below_draws_again_where_a_remainder_would_be_biased),
          TEST(bytes_are_little_endian_words_cut_to_size), TEST(scale_maps_the_ends_to_the_ends),
          TEST(a_chance_of_zero_is_never_and_of_a_million_always))
