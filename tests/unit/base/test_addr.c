/* Endpoints: text both ways, strictly. */
#include "core/base/addr.h"
#include "core/base/error.h"
#include "tests/harness/harness.h"

static const unsigned char DOC[16] = {0x20, 0x01, 0x0d, 0xb8};

/* `text` reads as an endpoint that writes as `canonical`. */
static void check_reads_as(const char *text, const char *canonical) {
    struct weft_addr addr;
    char out[WEFT_ADDR_TEXT_SIZE];
    if (!CHECK_EQ_INT(weft_addr_parse(&addr, text), WEFT_OK)) {
        CHECK_EQ_TEXT(text, "");
        return;
    }
    CHECK_EQ_TEXT(weft_addr_format(&addr, out), canonical);
    struct weft_addr again;
    CHECK_EQ_INT(weft_addr_parse(&again, out), WEFT_OK);
    CHECK(weft_addr_equal(&addr, &again));
}

static void v4_is_written_and_read(void) {
    char out[WEFT_ADDR_TEXT_SIZE];
    struct weft_addr addr = weft_addr_v4(192, 0, 2, 1, 6881);
    CHECK_EQ_TEXT(weft_addr_format(&addr, out), "192.0.2.1:6881");
    check_reads_as("192.0.2.1:6881", "192.0.2.1:6881");
    check_reads_as("0.0.0.0", "0.0.0.0:0");
    check_reads_as("255.255.255.255:65535", "255.255.255.255:65535");
    check_reads_as("10.0.0.1:0", "10.0.0.1:0");
}

static void v6_is_written_as_rfc_5952_says(void) {
    static const char *const pairs[][2] = {
        {"[2001:db8::1]:6881", "[2001:db8::1]:6881"},
        {"2001:0db8:0:0:0:0:0:1", "[2001:db8::1]:0"},
        {"[2001:DB8::ABCD]:1", "[2001:db8::abcd]:1"},
        {"[::]:7", "[::]:7"},
        {"::1", "[::1]:0"},
        {"1::", "[1::]:0"},
        {"[fe80::]", "[fe80::]:0"},
        /* 4.2.2: one zero group is not shortened. */
        {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:0"},
        {"2001:db8::1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:0"},
        /* 4.2.3: the longest run, and of equals the first. */
        {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:0"},
        {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:0"},
        {"0:0:0:1:0:0:0:0", "[0:0:0:1::]:0"},
        {"0:0:1:0:0:1:0:0", "[::1:0:0:1:0:0]:0"},
        {"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:0"},
        {"::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]:0"},
        {"abcd::1.2.3.4", "[abcd::102:304]:0"},
        {"1:2:3:4:5:6:1.2.3.4", "[1:2:3:4:5:6:102:304]:0"},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        check_reads_as(pairs[i][0], pairs[i][1]);
    }
}

static void a_mapped_address_is_v4(void) {
    check_reads_as("::ffff:192.0.2.1", "192.0.2.1:0");
    check_reads_as("[::ffff:192.0.2.1]:6881", "192.0.2.1:6881");
    check_reads_as("[0:0:0:0:0:FFFF:c000:201]:1", "192.0.2.1:1");
    unsigned char ip[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1};
    struct weft_addr addr = weft_addr_v6(ip, 5), expected = weft_addr_v4(10, 0, 0, 1, 5);
    CHECK_EQ_BYTES(&addr, &expected, sizeof addr);
    ip[10] = 0xfe;
    addr = weft_addr_v6(ip, 5);
    CHECK_EQ_INT(addr.family, WEFT_FAMILY_V6);
    CHECK_EQ_BYTES(addr.ip, ip, 16);
}

static void no_address_is_a_dash(void) {
    struct weft_addr none = {.family = WEFT_FAMILY_NONE}, addr = weft_addr_v4(1, 2, 3, 4, 5);
    char out[WEFT_ADDR_TEXT_SIZE];
    CHECK_EQ_TEXT(weft_addr_format(&none, out), "-");
    CHECK_EQ_INT(weft_addr_parse(&addr, "-"), WEFT_OK);
    CHECK_EQ_BYTES(&addr, &none, sizeof none);
    CHECK_EQ_UINT(weft_addr_ip_size(&addr), 0);
}

static void everything_else_is_refused_and_changes_nothing(void) {
    static const char *const texts[] = {
        "",
        " ",
        "--",
        "localhost",
        "example.org:80",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.",
        ".1.2.3",
        "1..2.3",
        "256.0.0.1",
        "1.2.3.999999999999999999999",
        "01.2.3.4",
        "1.2.3.00",
        "+1.2.3.4",
        "-1.2.3.4",
        "0x1.2.3.4",
        " 1.2.3.4",
        "1.2.3.4 ",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:080",
        "1.2.3.4:+1",
        "1.2.3.4:1x",
        "1.2.3.4:99999999999999999999",
        "[1.2.3.4]:80",
        ":",
        ":::",
        "::1::",
        "1::2::3",
        ":1",
        "1:",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8",
        "12345::",
        "g::",
        "::1%eth0",
        "[::1%1]:5",
        "[::1",
        "::1]",
        "[::1]x",
        "[::1]:",
        "[::1]:65536",
        "[]",
        "[]:1",
        "[[::1]]",
        "::1.2.3",
        "::1.2.3.4:5",
        "::1.2.3.4.5",
        "::1.2.3.256",
        "1.2.3.4::",
        "::1.2.3.4::",
        "1:2:3:4:5:6:7:1.2.3.4",
        "::ffff:01.2.3.4",
        "::a.2.3.4",
        "::1 ",
        "[::1]:1 ",
    };
    struct weft_addr before = weft_addr_v4(9, 8, 7, 6, 5);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct weft_addr addr = before;
        if (weft_addr_parse(&addr, texts[i]) != WEFT_ERR_MALFORMED) CHECK_EQ_TEXT(texts[i], "");
        CHECK(weft_addr_equal(&addr, &before));
    }
}

static void equality_is_of_every_part_and_a_host_is_any_port(void) {
    struct weft_addr a = weft_addr_v4(1, 2, 3, 4, 5), b = weft_addr_v4(1, 2, 3, 4, 6);
    struct weft_addr v6 = weft_addr_v6(DOC, 5);
    struct weft_addr other = weft_addr_v4(0x20, 0x01, 0x0d, 0xb8, 5);
    CHECK(weft_addr_equal(&a, &a));
    CHECK(!weft_addr_equal(&a, &b));
    CHECK(weft_addr_same_host(&a, &b));
    CHECK(!weft_addr_same_host(&v6, &other));
    CHECK(!weft_addr_equal(&v6, &other));
    CHECK_EQ_UINT(weft_addr_ip_size(&a), 4);
    CHECK_EQ_UINT(weft_addr_ip_size(&v6), 16);
}

TEST_MAIN("base/addr", TEST(v4_is_written_and_read), TEST(v6_is_written_as_rfc_5952_says),
          TEST(a_mapped_address_is_v4), TEST(no_address_is_a_dash),
          TEST(everything_else_is_refused_and_changes_nothing),
          TEST(equality_is_of_every_part_and_a_host_is_any_port))
