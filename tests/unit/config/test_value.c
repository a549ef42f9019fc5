/* What one scalar says, exactly, and what it does not say. */
#include "core/config/suggest.h"
#include "core/config/value.h"
#include "tests/harness/harness.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static void durations_are_exact(void) {
    const struct {
        const char *text;
        weft_duration value;
    } cases[] = {{"0s", 0},
                 {"1ns", 1},
                 {"1.001us", 1001},
                 {"500ms", WEFT_MS(500)},
                 {"0.000001ms", 1},
                 {"1.5s", WEFT_MS(1500)},
                 {"0.000000001s", 1},
                 {"5min", WEFT_S(300)},
                 {"0.5min", WEFT_S(30)},
                 {"1h", WEFT_S(3600)},
                 {"87600h", WEFT_HOUR(87600)},
                 {"315360000s", WEFT_HOUR(87600)}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        weft_duration value = -1;
        CHECK(weft_value_duration(cases[i].text, &value));
        CHECK_EQ_INT(value, cases[i].value);
    }
}

static void what_is_no_duration_changes_nothing(void) {
    const char *const texts[] = {"",
                                 "s",
                                 "5",
                                 "5 s",
                                 "-5s",
                                 "+5s",
                                 "5m",
                                 "5sec",
                                 "1.s",
                                 ".5s",
                                 "1..5s",
                                 "1.5.5s",
                                 "1.5ns",
                                 "1e3s",
                                 "5S",
                                 "0x5s",
                                 "5s ",
                                 "1.0000000001s",
                                 "99999999999999999999s",
                                 "9999999999h",
                                 "18446744073709551615ns"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        weft_duration value = 7;
        if (weft_value_duration(texts[i], &value)) CHECK_EQ_TEXT(texts[i], "no duration");
        CHECK_EQ_INT(value, 7);
    }
}

static void percentages_are_exact_to_a_millionth(void) {
    const struct {
        const char *text;
        uint32_t ppm;
    } cases[] = {{"0%", 0},      {"100%", 1000000},    {"5%", 50000},        {"0.1%", 1000},
                 {"0.0001%", 1}, {"33.3333%", 333333}, {"99.9999%", 999999}, {"100.0000%", 1000000},
                 {"07%", 70000}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t ppm = 7;
        CHECK(weft_value_percent(cases[i].text, &ppm));
        CHECK_EQ_UINT(ppm, cases[i].ppm);
    }
    const char *const wrong[] = {"",     "%",        "5",   "5 %", "-5%", "100.0001%",
                                 "101%", "0.00001%", "1.%", ".5%", "5%%", "99999999999999999999%"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        uint32_t ppm = 7;
        if (weft_value_percent(wrong[i], &ppm)) CHECK_EQ_TEXT(wrong[i], "no percentage");
        CHECK_EQ_UINT(ppm, 7);
    }
}

static void counts_are_digits_of_up_to_64_bits(void) {
    uint64_t value = 7;
    CHECK(weft_value_count("18446744073709551615", &value));
    CHECK_EQ_UINT(value, UINT64_MAX);
    CHECK(weft_value_count("000", &value));
    CHECK_EQ_UINT(value, 0);
    CHECK(!weft_value_count("18446744073709551616", &value));
    CHECK(!weft_value_count("", &value));
    CHECK(!weft_value_count("1 ", &value));
    CHECK(!weft_value_count("-1", &value));
    CHECK_EQ_UINT(value, 0);
}

static void decimals_have_as_many_digits_as_are_asked_for(void) {
    uint64_t value = 7;
    CHECK(weft_value_decimal("0.5", 3, &value));
    CHECK_EQ_UINT(value, 500);
    CHECK(weft_value_decimal("2.125", 3, &value));
    CHECK_EQ_UINT(value, 2125);
    CHECK(!weft_value_decimal("2.1250", 3, &value));
    CHECK(!weft_value_decimal("99999999999999999999", 3, &value));
    CHECK(!weft_value_decimal("18446744073709551615", 3, &value));
    CHECK_EQ_UINT(value, 2125);
}

static void ranges_have_a_first_and_a_last(void) {
    uint32_t first = 9, last = 9;
    CHECK(weft_value_range("5-10", &first, &last));
    CHECK_EQ_UINT(first, 5);
    CHECK_EQ_UINT(last, 10);
    CHECK(weft_value_range("4294967295", &first, &last));
    CHECK_EQ_UINT(first, UINT32_MAX);
    CHECK_EQ_UINT(last, UINT32_MAX);
    CHECK(!weft_value_range("10-5", &first, &last));
    CHECK(!weft_value_range("5-", &first, &last));
    CHECK(!weft_value_range("5-6-7", &first, &last));
    CHECK(!weft_value_range("0-4294967296", &first, &last));
    CHECK_EQ_UINT(last, UINT32_MAX);
}

static void flags_are_true_or_false(void) {
    bool value = false;
    CHECK(weft_value_bool("true", &value));
    CHECK(value);
    CHECK(!weft_value_bool("yes", &value));
    CHECK(value);
    CHECK(weft_value_bool("false", &value));
    CHECK(!value);
}

static void values_are_shown_as_a_scenario_writes_them(void) {
    char text[WEFT_VALUE_TEXT_MAX];
    CHECK_EQ_TEXT(weft_value_show_duration(0, text), "0s");
    CHECK_EQ_TEXT(weft_value_show_duration(WEFT_S(120), text), "120s");
    CHECK_EQ_TEXT(weft_value_show_duration(WEFT_MS(1500), text), "1500ms");
    CHECK_EQ_TEXT(weft_value_show_duration(WEFT_MIN(25), text), "25min");
    CHECK_EQ_TEXT(weft_value_show_duration(WEFT_HOUR(2), text), "2h");
    CHECK_EQ_TEXT(weft_value_show_duration(1, text), "1ns");
    CHECK_EQ_TEXT(weft_value_show_percent(1000000, text), "100%");
    CHECK_EQ_TEXT(weft_value_show_percent(25000, text), "2.5%");
    CHECK_EQ_TEXT(weft_value_show_percent(1, text), "0.0001%");
    CHECK_EQ_TEXT(weft_value_show_percent(0, text), "0%");
}

static void a_swap_of_neighbours_is_one_mistake(void) {
    CHECK_EQ_UINT(weft_suggest_distance("loss", "loss"), 0);
    CHECK_EQ_UINT(weft_suggest_distance("los", "loss"), 1);
    CHECK_EQ_UINT(weft_suggest_distance("lsos", "loss"), 1);
    CHECK_EQ_UINT(weft_suggest_distance("laef", "leaf"), 1);
    CHECK_EQ_UINT(weft_suggest_distance("", "loss"), 4);
    CHECK_EQ_UINT(weft_suggest_distance("kitten", "sitting"), 3);
    CHECK(weft_suggest_distance("a-word-that-is-longer-than-32-letters", "loss") > 32);
}

static void only_a_near_word_is_suggested(void) {
    const char *const words[] = {"delay", "loss", "links", "k"};
    CHECK_EQ_TEXT(weft_suggest("los", words, 4), "loss");
    CHECK_EQ_TEXT(weft_suggest("lniks", words, 4), "links");
    CHECK(weft_suggest("weather", words, 4) == NULL);
    CHECK(weft_suggest("x", words, 4) == NULL); /* every letter of "k" would have to change */
    CHECK(weft_suggest("loss", words, 0) == NULL);
}

TEST_MAIN("config/value", TEST(durations_are_exact), TEST(what_is_no_duration_changes_nothing),
          TEST(percentages_are_exact_to_a_millionth), TEST(counts_are_digits_of_up_to_64_bits),
          TEST(decimals_have_as_many_digits_as_are_asked_for), TEST(ranges_have_a_first_and_a_last),
          TEST(flags_are_true_or_false), TEST(values_are_shown_as_a_scenario_writes_them),
          TEST(a_swap_of_neighbours_is_one_mistake), TEST(only_a_near_word_is_suggested))
