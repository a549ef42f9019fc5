/* Bencode: what the reader takes, what it refuses, what the writer writes. */
#include "core/wire/bencode.h"
#include "tests/harness/harness.h"

#define DEPTH 3
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Whether `text` is one value of at most DEPTH levels and nothing else. */
static bool is_value(const char *text, size_t size) {
    struct weft_bencode in = weft_bencode(weft_bytes(text, size), DEPTH);
    struct weft_bytes raw;
    if (!weft_bencode_value(&in, &raw)) return false;
    return raw.size == size && weft_bencode_left(&in) == 0;
}

static void every_kind_of_value_is_read(void) {
    static const char *const texts[] = {
        "i0e",
        "i7e",
        "i-1e",
        "0:",
        "1:x",
        "10:0123456789",
        "le",
        "de",
        "li1e1:xe",
        "d1:xi1ee",
        "d1:bi1e1:ai2ee",
        "llleee",
        "d1:ad1:bd1:ci1eeee",
        "i9223372036854775807e",
        "i-9223372036854775808e",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (!is_value(texts[i], strlen(texts[i]))) CHECK_EQ_TEXT(texts[i], "refused");
    }
    CHECK(is_value("4:\0\0\0\0", 6));
}

static void everything_else_is_refused(void) {
    static const char *const texts[] = {
        "",
        "e",
        "x",
        "-",
        ":",
        "i",
        "ie",
        "i-e",
        "i+1e",
        "i 1e",
        "i1",
        "i1x",
        "i1.0e",
        "ixe",
        /* no second form of a number */
        "i03e",
        "i00e",
        "i-0e",
        "i-03e",
        "01:x",
        "00:",
        "000:",
        "0001:x",
        /* over-long */
        "i9223372036854775808e",
        "i-9223372036854775809e",
        "i18446744073709551616e",
        "i99999999999999999999999999999999e",
        "2:x",
        "9:",
        "99:x",
        "100:x",
        "18446744073709551615:x",
        "18446744073709551616:x",
        "99999999999999999999999999:x",
        /* cut off */
        "1",
        "1:",
        "10",
        "10:",
        "100",
        "l",
        "d",
        "li1e",
        "d1:x",
        "d1:xi1e",
        "lle",
        /* keys are strings and have values */
        "di1ei1ee",
        "dlei1ee",
        "d1:xe",
        "d1:xi1e1:ye",
        /* trailing */
        "i1ee",
        "lee",
        "1:xx",
        "i1ei2e",
        /* too deep */
        "lllleeee",
        "d1:ad1:bd1:cleeee",
        "-1:x",
        "+1:x",
        "1x:",
        " 1:x",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (is_value(texts[i], strlen(texts[i]))) CHECK_EQ_TEXT(texts[i], "accepted");
    }
}

static void a_length_is_checked_against_what_is_left(void) {
    char text[1100] = "1000:";
    struct weft_bytes out;
    struct weft_bencode in = weft_bencode(weft_bytes(text, 5 + 1000), 0);
    REQUIRE(weft_bencode_string(&in, &out));
    CHECK_EQ_UINT(out.size, 1000);
    CHECK(out.data == (const unsigned char *)text + 5);
    in = weft_bencode(weft_bytes(text, 5 + 999), 0);
    CHECK(!weft_bencode_string(&in, &out));
    memcpy(text, "99:", 3);
    in = weft_bencode(weft_bytes(text, 3 + 99), 0);
    REQUIRE(weft_bencode_string(&in, &out));
    CHECK_EQ_UINT(out.size, 99);
    in = weft_bencode(weft_bytes(text, 3 + 98), 0);
    CHECK(!weft_bencode_string(&in, &out));
}

static void integers_have_their_value(void) {
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"i0e", 0},
                {"i-1e", -1},
                {"i6881e", 6881},
                {"i9223372036854775807e", INT64_MAX},
                {"i-9223372036854775808e", INT64_MIN}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct weft_bencode in = weft_bencode(weft_bytes_text(rows[i].text), 0);
        int64_t value = 77;
        CHECK(weft_bencode_int(&in, &value));
        CHECK_EQ_INT(value, rows[i].value);
    }
}

static void nesting_is_refused_one_above_the_limit(void) {
    for (unsigned depth = 0; depth < 20; depth++) {
        char text[64];
        memset(text, 'l', depth + 1);
        memset(text + depth + 1, 'e', depth + 1);
        struct weft_bytes raw, bytes = weft_bytes(text, 2 * (size_t)depth + 2);
        struct weft_bencode at_limit = weft_bencode(bytes, depth + 1);
        struct weft_bencode above = weft_bencode(bytes, depth);
        CHECK(weft_bencode_value(&at_limit, &raw));
        CHECK(!weft_bencode_value(&above, &raw));
    }
}

static void siblings_do_not_use_up_depth(void) {
    static const char text[] = "llelelededee";
    struct weft_bencode in = weft_bencode(weft_bytes_text(text), 2);
    struct weft_bytes raw;
    REQUIRE(weft_bencode_value(&in, &raw));
    CHECK_EQ_UINT(raw.size, sizeof text - 1);
    CHECK_EQ_UINT(in.depth_left, 2);
}

static void a_dictionary_is_walked_in_the_order_it_came(void) {
    struct weft_bencode in = weft_bencode(weft_bytes_text("d1:bi2e1:al1:xee"), 2);
    struct weft_bytes key, raw;
    REQUIRE(weft_bencode_enter(&in, 'd'));
    CHECK(!weft_bencode_leave(&in));
    REQUIRE(weft_bencode_string(&in, &key) && weft_bencode_value(&in, &raw));
    CHECK(weft_bytes_equal(key, weft_bytes_text("b")));
    CHECK(weft_bytes_equal(raw, weft_bytes_text("i2e")));
    REQUIRE(weft_bencode_string(&in, &key) && weft_bencode_value(&in, &raw));
    CHECK(weft_bytes_equal(key, weft_bytes_text("a")));
    CHECK(weft_bytes_equal(raw, weft_bytes_text("l1:xe")));
    CHECK(weft_bencode_leave(&in));
    CHECK_EQ_UINT(weft_bencode_left(&in), 0);
}

static void the_wrong_kind_is_refused(void) {
    struct weft_bytes out;
    int64_t number;
    struct weft_bencode in = weft_bencode(weft_bytes_text("i1e"), 1);
    CHECK(!weft_bencode_string(&in, &out));
    in = weft_bencode(weft_bytes_text("1:x"), 1);
    CHECK(!weft_bencode_int(&in, &number));
    in = weft_bencode(weft_bytes_text("le"), 1);
    CHECK(!weft_bencode_enter(&in, 'd'));
    in = weft_bencode(weft_bytes_text("de"), 1);
    CHECK(!weft_bencode_enter(&in, 'l'));
    in = weft_bencode(weft_bytes(NULL, 0), 1);
    CHECK(!weft_bencode_value(&in, &out));
    CHECK(!weft_bencode_leave(&in));
}

static void check_written_int(int64_t value, const char *text) {
    unsigned char bytes[32];
    struct weft_bencode_out out = {bytes, bytes + sizeof bytes, false};
    weft_bencode_write_int(&out, value);
    CHECK(!out.full);
    CHECK_EQ_UINT(out.at - bytes, strlen(text));
    CHECK_EQ_BYTES(bytes, text, strlen(text));
}

static void integers_are_written_without_zeros_in_front(void) {
    check_written_int(0, "i0e");
    check_written_int(-1, "i-1e");
    check_written_int(10, "i10e");
    check_written_int(INT64_MAX, "i9223372036854775807e");
    check_written_int(INT64_MIN, "i-9223372036854775808e");
}

static void strings_of_every_length_read_back(void) {
    static unsigned char text[1200], bytes[1300];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (unsigned char)i;
    for (size_t size = 0; size < sizeof text; size++) {
        struct weft_bencode_out out = {bytes, bytes + sizeof bytes, false};
        struct weft_bytes back;
        weft_bencode_write_string(&out, weft_bytes(text, size));
        struct weft_bencode in = weft_bencode(weft_bytes(bytes, (size_t)(out.at - bytes)), 0);
        REQUIRE(weft_bencode_string(&in, &back));
        REQUIRE(back.size == size && memcmp(back.data, text, size) == 0);
        REQUIRE(weft_bencode_left(&in) == 0);
    }
}

static void a_full_writer_stays_full_and_writes_no_further(void) {
    unsigned char bytes[6] = {1, 2, 3, 4, 5, 6};
    struct weft_bencode_out out = {bytes, bytes + 5, false};
    WEFT_BENCODE_WRITE(&out, "abc");
    CHECK(!out.full);
    WEFT_BENCODE_WRITE(&out, "def");
    CHECK(out.full);
    WEFT_BENCODE_WRITE(&out, "g");
    weft_bencode_write_string(&out, weft_bytes_text(""));
    weft_bencode_write_int(&out, 1);
    CHECK(out.full);
    CHECK_EQ_BYTES(bytes, "abc\4\5\6", 6);
    out = (struct weft_bencode_out){bytes, bytes + 5, false};
    WEFT_BENCODE_WRITE(&out, "vwxyz");
    CHECK(!out.full); /* exactly full */
    CHECK_EQ_BYTES(bytes, "vwxyz\6", 6);
}

TEST_MAIN("wire/bencode", TEST(every_kind_of_value_is_read), TEST(everything_else_is_refused),
          TEST(a_length_is_checked_against_what_is_left), TEST(integers_have_their_value),
          TEST(nesting_is_refused_one_above_the_limit), TEST(siblings_do_not_use_up_depth),
          TEST(a_dictionary_is_walked_in_the_order_it_came), TEST(the_wrong_kind_is_refused),
          TEST(integers_are_written_without_zeros_in_front),
          TEST(strings_of_every_length_read_back),
          TEST(a_full_writer_stays_full_and_writes_no_further))
