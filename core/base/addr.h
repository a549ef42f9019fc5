/* Endpoints: an IPv4 or IPv6 address and a port. */
#ifndef WEFT_BASE_ADDR_H
#define WEFT_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum weft_family { WEFT_FAMILY_NONE = 0, WEFT_FAMILY_V4 = 4, WEFT_FAMILY_V6 = 6 };

/* "[" 45 characters "]:" 5 digits NUL, rounded up. */
#define WEFT_ADDR_TEXT_SIZE 56

/* I1  bytes of `ip` that the family does not use are 0, so memcmp compares endpoints.
 * I2  an IPv4-mapped IPv6 address is never stored: it is family V4. */
struct weft_addr {
    unsigned char ip[16]; /* network order; 4 bytes used by V4 */
    uint16_t port;        /* host order */
    uint8_t family;       /* enum weft_family */
    uint8_t zero;
};

_Static_assert(sizeof(struct weft_addr) == 20, "no padding, so that memcmp compares");

static inline bool weft_addr_equal(const struct weft_addr *a, const struct weft_addr *b) {
    return memcmp(a, b, sizeof *a) == 0; /* I1 */
}

/* The same host: family and ip, whatever the port. */
static inline bool weft_addr_same_host(const struct weft_addr *a, const struct weft_addr *b) {
    uint64_t x[2], y[2];
    memcpy(x, a->ip, sizeof x);
    memcpy(y, b->ip, sizeof y);
    return a->family == b->family && ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* No host in particular: all of ip is 0. */
static inline bool weft_addr_is_any(const struct weft_addr *addr) {
    uint64_t x[2];
    memcpy(x, addr->ip, sizeof x);
    return (x[0] | x[1]) == 0;
}

/* Bytes of ip that the family uses: 4, 16, or 0 for NONE. */
static inline size_t weft_addr_ip_size(const struct weft_addr *addr) {
    if (addr->family == WEFT_FAMILY_V4) return 4;
    return addr->family == WEFT_FAMILY_V6 ? 16 : 0;
}

static inline struct weft_addr weft_addr_v4(unsigned char a, unsigned char b, unsigned char c,
                                            unsigned char d, uint16_t port) {
    return (struct weft_addr){.ip = {a, b, c, d}, .port = port, .family = WEFT_FAMILY_V4};
}

/* From 16 bytes in network order; an IPv4-mapped address becomes V4 (I2). */
struct weft_addr weft_addr_v6(const unsigned char ip[16], uint16_t port);

/* "192.0.2.1:6881", "[2001:db8::1]:6881"; "-" for NONE. RFC 5952 form for IPv6. Returns text. */
char *weft_addr_format(const struct weft_addr *addr, char text[WEFT_ADDR_TEXT_SIZE]);

/* Reads what weft_addr_format writes, "-" included. Without ":port" the port is 0; a bare IPv6
 * address needs no brackets then. Any RFC 4291 text is read, a dotted quad at the end too; numbers
 * with leading zeros and zones ("%eth0") are refused, so that nobody reads them differently.
 *   WEFT_ERR_MALFORMED  not an address (a host name, say); *addr is untouched. */
int weft_addr_parse(struct weft_addr *addr, const char *text);

#endif
