/* Blocks of pcapng, and headers of IP and UDP. */
#include "analysis/pcapng.h"

#include "core/base/assert.h"

#include <stdarg.h>
#include <stdlib.h>

#define TEXT_MAX 1024
#define OPTION_MAX 65535u
#define HOP_LIMIT 64u
#define PROTOCOL_UDP 17u

/* --- blocks --- */

static unsigned char *room(struct ana__pcapng *block, size_t size) {
    if (block->failed) return NULL;
    if (block->size + size > block->capacity) {
        size_t capacity = (block->size + size) * 2;
        unsigned char *data = realloc(block->data, capacity);
        if (data == NULL) {
            block->failed = true;
            return NULL;
        }
        block->data = data;
        block->capacity = capacity;
    }
    block->size += size;
    return block->data + block->size - size;
}

static void put_little(struct ana__pcapng *block, uint64_t value, size_t size) {
    unsigned char *out = room(block, size);
    for (size_t i = 0; out != NULL && i < size; i++) out[i] = (unsigned char)(value >> 8 * i);
}

void ana__pcapng_u16(struct ana__pcapng *block, uint16_t value) { put_little(block, value, 2); }
void ana__pcapng_u32(struct ana__pcapng *block, uint32_t value) { put_little(block, value, 4); }
void ana__pcapng_u64(struct ana__pcapng *block, uint64_t value) { put_little(block, value, 8); }

void ana__pcapng_begin(struct ana__pcapng *block, uint32_t type) {
    block->size = 0;
    ana__pcapng_u32(block, type);
    ana__pcapng_u32(block, 0); /* its length, known at the end */
}

void ana__pcapng_bytes(struct ana__pcapng *block, struct weft_bytes bytes) {
    size_t padded = (bytes.size + 3) / 4 * 4;
    unsigned char *out = room(block, padded);
    if (out == NULL || padded == 0) return;
    memset(out + padded - 4, 0, 4);
    memcpy(out, bytes.data, bytes.size);
}

void ana__pcapng_option(struct ana__pcapng *block, uint16_t code, struct weft_bytes value) {
    if (value.size > OPTION_MAX) value.size = OPTION_MAX;
    ana__pcapng_u16(block, code);
    ana__pcapng_u16(block, (uint16_t)value.size);
    ana__pcapng_bytes(block, value);
}

void ana__pcapng_option_text(struct ana__pcapng *block, uint16_t code, const char *format, ...) {
    char text[TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ana__pcapng_option(block, code, weft_bytes_text(text));
}

void ana__pcapng_write(struct ana__pcapng *block, FILE *file) {
    ana__pcapng_u32(block, 0); /* opt_endofopt */
    ana__pcapng_u32(block, (uint32_t)block->size + 4);
    if (block->failed) return;
    for (size_t i = 0; i < 4; i++) block->data[4 + i] = (unsigned char)(block->size >> 8 * i);
    fwrite(block->data, 1, block->size, file);
}

void ana__pcapng_free(struct ana__pcapng *block) {
    free(block->data);
    *block = (struct ana__pcapng){NULL, 0, 0, false};
}

/* --- headers --- */

static void put_big(unsigned char *out, uint32_t value, size_t size) {
    for (size_t i = 0; i < size; i++) out[i] = (unsigned char)(value >> 8 * (size - 1 - i));
}

/* RFC 1071: the sum of 16-bit words, not yet folded. */
static uint64_t sum_words(uint64_t sum, const unsigned char *data, size_t size) {
    for (size_t i = 0; i + 1 < size; i += 2) sum += (uint64_t)data[i] << 8 | data[i + 1];
    return size % 2 == 1 ? sum + ((uint64_t)data[size - 1] << 8) : sum;
}

static uint32_t fold(uint64_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return (uint32_t)~sum & 0xffff;
}

/* `ips`: both addresses, one after the other, as they stand in the IP header. */
static void put_udp(unsigned char *out, const uint16_t ports[2], struct weft_bytes ips,
                    struct weft_bytes payload) {
    uint32_t size = (uint32_t)payload.size + 8;
    put_big(out, ports[0], 2);
    put_big(out + 2, ports[1], 2);
    put_big(out + 4, size, 2);
    put_big(out + 6, 0, 2);
    uint64_t sum = sum_words(size + PROTOCOL_UDP, ips.data, ips.size);
    sum = sum_words(sum, out, 8);
    uint32_t checksum = fold(sum_words(sum, payload.data, payload.size));
    put_big(out + 6, checksum == 0 ? 0xffff : checksum, 2); /* RFC 768: 0 says there is none */
}

static size_t ipv4(unsigned char *out, const struct weft_addr *from, const struct weft_addr *to,
                   size_t udp_size) {
    memset(out, 0, 20);
    out[0] = 0x45;
    put_big(out + 2, (uint32_t)udp_size + 20, 2);
    out[6] = 0x40; /* do not fragment */
    out[8] = HOP_LIMIT;
    out[9] = PROTOCOL_UDP;
    memcpy(out + 12, from->ip, 4);
    memcpy(out + 16, to->ip, 4);
    put_big(out + 10, fold(sum_words(0, out, 20)), 2);
    return 20;
}

static void put_ipv6(unsigned char *out, const struct weft_addr *addr) {
    memset(out, 0, 16);
    if (addr->family == WEFT_FAMILY_V6) memcpy(out, addr->ip, 16);
    if (addr->family != WEFT_FAMILY_V4) return;
    out[10] = out[11] = 0xff; /* RFC 4291, 2.5.5.2 */
    memcpy(out + 12, addr->ip, 4);
}

static size_t ipv6(unsigned char *out, const struct weft_addr *from, const struct weft_addr *to,
                   size_t udp_size) {
    memset(out, 0, 8);
    out[0] = 0x60;
    put_big(out + 4, (uint32_t)udp_size, 2);
    out[6] = PROTOCOL_UDP;
    out[7] = HOP_LIMIT;
    put_ipv6(out + 8, from);
    put_ipv6(out + 24, to);
    return 40;
}

size_t ana__ip_headers(unsigned char out[ANA__IP_HEADERS_MAX], const struct weft_addr *from,
                       const struct weft_addr *to, struct weft_bytes *payload) {
    bool is_v4 = from->family == WEFT_FAMILY_V4 && to->family == WEFT_FAMILY_V4;
    if (payload->size > ANA__UDP_PAYLOAD_MAX) payload->size = ANA__UDP_PAYLOAD_MAX;
    size_t udp_size = payload->size + 8;
    size_t size = is_v4 ? ipv4(out, from, to, udp_size) : ipv6(out, from, to, udp_size);
    struct weft_bytes ips = is_v4 ? weft_bytes(out + 12, 8) : weft_bytes(out + 8, 32);
    put_udp(out + size, (uint16_t[2]){from->port, to->port}, ips, *payload);
    WEFT_ASSERT(size + 8 <= ANA__IP_HEADERS_MAX);
    return size + 8;
}
