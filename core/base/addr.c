/* Endpoints as text and back, without the system's help. */
#include "core/base/addr.h"

#include "core/base/assert.h"
#include "core/base/error.h"

#include <string.h>

#define GROUPS 8 /* 16-bit groups of an IPv6 address */

static bool is_mapped(const unsigned char ip[16]) {
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(ip, prefix, sizeof prefix) == 0;
}

static char *put_decimal(char *at, unsigned value) {
    char digits[5];
    size_t count = 0;
    WEFT_ASSERT(value <= UINT16_MAX);
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0) *at++ = digits[--count];
    return at;
}

static char *put_hex(char *at, unsigned value) {
    static const char digits[] = "0123456789abcdef";
    WEFT_ASSERT(value <= UINT16_MAX);
    int shift = 12;
    while (shift > 0 && value >> shift == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) *at++ = digits[(value >> shift) & 15];
    return at;
}

static char *put_v4(char *at, const unsigned char *ip) {
    for (size_t i = 0; i < 4; i++) {
        if (i > 0) *at++ = '.';
        at = put_decimal(at, ip[i]);
    }
    return at;
}

static unsigned group_of(const unsigned char *ip, size_t index) {
    WEFT_ASSERT(index < GROUPS);
    return (unsigned)(ip[2 * index] << 8 | ip[2 * index + 1]);
}

/* The first of the longest runs of zero groups, if it is longer than one (RFC 5952, 4.2). */
static size_t longest_zeros(const unsigned char *ip, size_t *start) {
    size_t best = 1, run = 0;
    for (size_t i = 0; i < GROUPS; i++) {
        run = group_of(ip, i) == 0 ? run + 1 : 0;
        if (run <= best) continue;
        best = run;
        *start = i + 1 - run;
    }
    return best > 1 ? best : 0;
}

static char *put_v6(char *at, const unsigned char *ip) {
    size_t start = GROUPS, zeros = longest_zeros(ip, &start);
    for (size_t i = 0; i < GROUPS; i++) {
        if (i == start) {
            *at++ = ':';
            i += zeros - 1;
            if (i == GROUPS - 1) *at++ = ':';
            continue;
        }
        if (i > 0) *at++ = ':';
        at = put_hex(at, group_of(ip, i));
    }
    return at;
}

/* A number without leading zeros, at most `max`. Moves *text behind it. */
static bool take_decimal(const char **text, unsigned max, unsigned *value) {
    const char *at = *text;
    if (*at < '0' || *at > '9') return false;
    if (at[0] == '0' && at[1] >= '0' && at[1] <= '9') return false;
    unsigned sum = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        sum = sum * 10 + (unsigned)(*at - '0');
        if (sum > max) return false;
    }
    *text = at;
    *value = sum;
    return true;
}

static bool take_v4(const char **text, unsigned char *ip) {
    for (size_t i = 0; i < 4; i++) {
        unsigned value;
        if (i > 0 && *(*text)++ != '.') return false;
        if (!take_decimal(text, 255, &value)) return false;
        ip[i] = (unsigned char)value;
    }
    return true;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static bool take_group(const char **text, unsigned char *out) {
    unsigned value = 0, count = 0;
    for (; hex_value(**text) >= 0; (*text)++) {
        if (++count > 4) return false;
        value = value << 4 | (unsigned)hex_value(**text);
    }
    out[0] = (unsigned char)(value >> 8);
    out[1] = (unsigned char)value;
    return count > 0;
}

static bool dotted_quad_follows(const char *text) {
    while (hex_value(*text) >= 0) text++;
    return *text == '.';
}

/* Groups as they stand in the text, without what "::" stands for. */
struct groups {
    unsigned char bytes[16];
    size_t used; /* bytes read */
    bool has_gap;
    size_t gap; /* bytes before "::" */
};

/* One group or a final dotted quad. */
static bool take_piece(const char **text, struct groups *groups) {
    WEFT_ASSERT(groups->used % 2 == 0);
    size_t size = dotted_quad_follows(*text) ? 4 : 2;
    if (groups->used + size > sizeof groups->bytes) return false;
    unsigned char *out = groups->bytes + groups->used;
    groups->used += size;
    return size == 4 ? take_v4(text, out) && **text != ':' : take_group(text, out);
}

static bool gap_follows(const char *text) { return text[0] == ':' && text[1] == ':'; }

static bool take_gap(const char **text, struct groups *groups) {
    WEFT_ASSERT(gap_follows(*text));
    if (groups->has_gap) return false;
    groups->has_gap = true;
    groups->gap = groups->used;
    *text += 2;
    return true;
}

static bool take_groups(const char **text, struct groups *groups) {
    if (gap_follows(*text) && !take_gap(text, groups)) return false;
    while (hex_value(**text) >= 0) {
        if (!take_piece(text, groups)) return false;
        if (gap_follows(*text)) {
            if (!take_gap(text, groups)) return false;
        } else if (**text == ':') {
            if (hex_value(*++*text) < 0) return false;
        }
    }
    return true;
}

static bool take_v6(const char **text, unsigned char ip[16]) {
    struct groups groups = {.used = 0};
    if (!take_groups(text, &groups)) return false;
    bool whole = groups.used == sizeof groups.bytes;
    if (whole == groups.has_gap) return false; /* "::" stands for one group or more */
    size_t before = groups.has_gap ? groups.gap : groups.used;
    size_t after = groups.used - before;
    memset(ip, 0, 16);
    memcpy(ip, groups.bytes, before);
    memcpy(ip + 16 - after, groups.bytes + before, after);
    return true;
}

/* An optional ":port" and then the end. */
static bool take_port(const char *text, uint16_t *port) {
    unsigned value = 0;
    if (*text == ':') {
        text++;
        if (!take_decimal(&text, UINT16_MAX, &value)) return false;
    }
    *port = (uint16_t)value;
    return *text == '\0';
}

static bool parse_v4(const char *text, struct weft_addr *addr) {
    addr->family = WEFT_FAMILY_V4;
    return take_v4(&text, addr->ip) && take_port(text, &addr->port);
}

static bool parse_v6(const char *text, struct weft_addr *addr) {
    bool bracket = *text == '[';
    unsigned char ip[16];
    uint16_t port = 0;
    if (bracket) text++;
    if (!take_v6(&text, ip)) return false;
    if (bracket && *text++ != ']') return false;
    if (bracket ? !take_port(text, &port) : *text != '\0') return false;
    *addr = weft_addr_v6(ip, port);
    return true;
}

struct weft_addr weft_addr_v6(const unsigned char ip[16], uint16_t port) {
    WEFT_ASSERT(ip != NULL);
    if (is_mapped(ip)) return weft_addr_v4(ip[12], ip[13], ip[14], ip[15], port); /* I2 */
    struct weft_addr addr = {.port = port, .family = WEFT_FAMILY_V6};
    memcpy(addr.ip, ip, sizeof addr.ip);
    return addr;
}

char *weft_addr_format(const struct weft_addr *addr, char text[WEFT_ADDR_TEXT_SIZE]) {
    WEFT_ASSERT(text != NULL);
    char *at = text;
    if (weft_addr_ip_size(addr) == 0) {
        *at++ = '-';
        *at = '\0';
        return text;
    }
    if (addr->family == WEFT_FAMILY_V4) {
        at = put_v4(at, addr->ip);
    } else {
        *at++ = '[';
        at = put_v6(at, addr->ip);
        *at++ = ']';
    }
    *at++ = ':';
    at = put_decimal(at, addr->port);
    *at = '\0';
    WEFT_ASSERT(at < text + WEFT_ADDR_TEXT_SIZE);
    return text;
}

int weft_addr_parse(struct weft_addr *addr, const char *text) {
    WEFT_ASSERT(addr != NULL);
    WEFT_ASSERT(text != NULL);
    struct weft_addr parsed = {.family = WEFT_FAMILY_NONE};
    bool dotted = text[strcspn(text, ".:[")] == '.';
    bool ok =
        strcmp(text, "-") == 0 || (dotted ? parse_v4(text, &parsed) : parse_v6(text, &parsed));
    if (!ok) return WEFT_ERR_MALFORMED;
    *addr = parsed;
    return WEFT_OK;
}
