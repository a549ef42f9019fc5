/* Immutable items: their key and what may be one. */
#include "core/wire/krpc.h"
#include "tests/harness/harness.h"

static void check_key(const char *bencoded, const char *hex) {
    weft_id key;
    char text[WEFT_ID_TEXT_SIZE];
    weft_item_key(weft_bytes_text(bencoded), &key);
    weft_id_format(&key, text);
    CHECK_EQ_TEXT(text, hex);
}

static void a_key_is_the_sha1_of_the_bencoded_value(void) {
    check_key("12:Hello World!", "e5f96f6f38320f0f33959cb4d3d656452117aadb"); /* BEP 44 */
    check_key("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check_key("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"); /* FIPS 180-4 */
}

/* A string item of `size` bytes in all, 100 <= size <= 9999 bytes of text and more. */
static struct weft_bytes string_item(size_t size, unsigned char *out) {
    size_t text = size - 4;
    if (text > 999) text = size - 5;
    size_t head = size - text;
    for (size_t i = head - 1, left = text; i-- > 0; left /= 10) {
        out[i] = (unsigned char)('0' + left % 10);
    }
    out[head - 1] = ':';
    memset(out + head, 'x', text);
    return weft_bytes(out, size);
}

static void an_item_is_refused_one_byte_above_the_limit(void) {
    unsigned char bytes[1100];
    CHECK_EQ_INT(weft_item_check(string_item(WEFT_ITEM_SIZE_MAX, bytes)), WEFT_OK);
    CHECK_EQ_INT(weft_item_check(string_item(WEFT_ITEM_SIZE_MAX + 1, bytes)), WEFT_ERR_TOO_BIG);
}

static void an_item_nests_as_deep_as_a_packet_leaves_room(void) {
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("lllllleeeeee")), WEFT_OK);
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("llllllleeeeeee")), WEFT_ERR_MALFORMED);
}

static void an_item_is_one_bencoded_value(void) {
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("i1e")), WEFT_OK);
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("d1:ali1eee")), WEFT_OK);
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("")), WEFT_ERR_MALFORMED);
    CHECK_EQ_INT(weft_item_check(weft_bytes(NULL, 0)), WEFT_ERR_MALFORMED);
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("hello")), WEFT_ERR_MALFORMED);
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("i1ei2e")), WEFT_ERR_MALFORMED);
    CHECK_EQ_INT(weft_item_check(weft_bytes_text("i1")), WEFT_ERR_MALFORMED);
}

TEST_MAIN("wire/item", TEST(a_key_is_the_sha1_of_the_bencoded_value),
          TEST(an_item_is_refused_one_byte_above_the_limit),
          TEST(an_item_nests_as_deep_as_a_packet_leaves_room), TEST(an_item_is_one_bencoded_value))
