/* Ids: the XOR metric and their text. */
#include "core/base/error.h"
#include "core/base/id.h"
#include "tests/harness/harness.h"

#define HEX "0123456789abcdef0123456789abcdefDEADBEEF"

static weft_id id_with(size_t index, unsigned char byte) {
    weft_id id = {{0}};
    id.bytes[index] = byte;
    return id;
}

static void text_round_trips_in_lower_case(void) {
    weft_id id;
    char text[WEFT_ID_TEXT_SIZE];
    REQUIRE(weft_id_parse(&id, HEX) == WEFT_OK);
    CHECK_EQ_UINT(id.bytes[0], 0x01);
    CHECK_EQ_UINT(id.bytes[19], 0xef);
    weft_id_format(&id, text);
    CHECK_EQ_TEXT(text, "0123456789abcdef0123456789abcdefdeadbeef");
}

static void other_text_is_refused_and_changes_nothing(void) {
    static const char *const texts[] = {"",
                                        "0",
                                        HEX "0",
                                        "0123456789abcdef0123456789abcdefdeadbee",
                                        "0123456789abcdef0123456789abcdefdeadbeeg",
                                        " 123456789abcdef0123456789abcdefdeadbeef"};
    weft_id before = id_with(3, 7);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        weft_id id = before;
        CHECK_EQ_INT(weft_id_parse(&id, texts[i]), WEFT_ERR_MALFORMED);
        CHECK(weft_id_equal(&id, &before));
    }
}

static void compare_orders_by_the_first_differing_byte(void) {
    weft_id low = id_with(19, 255), high = id_with(0, 1);
    CHECK(weft_id_compare(&low, &high) < 0);
    CHECK(weft_id_compare(&high, &low) > 0);
    CHECK_EQ_INT(weft_id_compare(&low, &low), 0);
    CHECK(!weft_id_equal(&low, &high));
}

static void closer_is_by_xor_and_not_by_difference(void) {
    /* From 8, 7 is at distance 15 and 12 at distance 4. */
    weft_id target = id_with(19, 8), seven = id_with(19, 7), twelve = id_with(19, 12);
    CHECK(weft_id_closer(&target, &twelve, &seven) < 0);
    CHECK(weft_id_closer(&target, &seven, &twelve) > 0);
    CHECK_EQ_INT(weft_id_closer(&target, &seven, &seven), 0);
    weft_id far = id_with(0, 1);
    CHECK(weft_id_closer(&target, &seven, &far) < 0);
}

static void prefix_counts_shared_leading_bits(void) {
    weft_id zero = {{0}};
    for (size_t bit = 0; bit < WEFT_ID_BITS; bit++) {
        weft_id one = id_with(bit / 8, (unsigned char)(0x80u >> bit % 8));
        CHECK_EQ_INT(weft_id_prefix(&zero, &one), bit);
        CHECK(weft_id_bit(&one, (int)bit));
        CHECK(!weft_id_bit(&zero, (int)bit));
    }
    CHECK_EQ_INT(weft_id_prefix(&zero, &zero), 160);
}

TEST_MAIN("base/id", TEST(text_round_trips_in_lower_case),
          TEST(other_text_is_refused_and_changes_nothing),
          TEST(compare_orders_by_the_first_differing_byte),
          TEST(closer_is_by_xor_and_not_by_difference), TEST(prefix_counts_shared_leading_bits))
