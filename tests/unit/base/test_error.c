/* The error list. */
#include "core/base/error.h"
#include "tests/harness/harness.h"

static const int CODES[] = {
#define CODE(code, name, text) WEFT_ERR_##name,
    WEFT_ERRORS(CODE)
#undef CODE
};
#define COUNT ((int)(sizeof CODES / sizeof CODES[0]))

static void codes_are_minus_one_to_minus_count_in_order(void) {
    for (int i = 0; i < COUNT; i++) CHECK_EQ_INT(CODES[i], -1 - i);
}

static void every_error_has_a_name_and_a_text_of_its_own(void) {
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(weft_error_name(CODES[i]), weft_error_name(CODES[j])) != 0);
            CHECK(strcmp(weft_error_text(CODES[i]), weft_error_text(CODES[j])) != 0);
        }
        CHECK(strcmp(weft_error_name(CODES[i]), "?") != 0);
        CHECK(strcmp(weft_error_text(CODES[i]), "unknown error") != 0);
    }
    CHECK_EQ_TEXT(weft_error_name(WEFT_ERR_MALFORMED), "MALFORMED");
    CHECK_EQ_TEXT(weft_error_text(WEFT_ERR_MALFORMED), "malformed input");
}

static void ok_and_strangers_have_texts_too(void) {
    CHECK_EQ_TEXT(weft_error_name(WEFT_OK), "OK");
    CHECK_EQ_TEXT(weft_error_text(WEFT_OK), "ok");
    CHECK_EQ_TEXT(weft_error_name(1), "?");
    CHECK_EQ_TEXT(weft_error_text(-1 - COUNT), "unknown error");
}

TEST_MAIN("base/error", TEST(codes_are_minus_one_to_minus_count_in_order),
          TEST(every_error_has_a_name_and_a_text_of_its_own), TEST(ok_and_strangers_have_texts_too))
