/* pcapng: blocks of draft-ietf-opsawg-pcapng, little-endian; raw IP with UDP inside.
 *
 * A block is built in a struct ana__pcapng and written at once. All texts are UTF-8; an option is
 * cut at 65,535 bytes. */
#ifndef ANALYSIS_PCAPNG_H
#define ANALYSIS_PCAPNG_H

#include "core/base/addr.h"
#include "core/base/bytes.h"
#include "core/base/time.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define ANA__PCAPNG_SECTION 0x0a0d0d0au
#define ANA__PCAPNG_INTERFACE 1u
#define ANA__PCAPNG_PACKET 6u
#define ANA__PCAPNG_LINKTYPE_RAW 101u

#define ANA__PCAPNG_OPTION_COMMENT 1u
#define ANA__PCAPNG_OPTION_USERAPPL 4u    /* of a section */
#define ANA__PCAPNG_OPTION_NAME 2u        /* of an interface */
#define ANA__PCAPNG_OPTION_DESCRIPTION 3u /* of an interface */
#define ANA__PCAPNG_OPTION_TSRESOL 9u     /* of an interface */
#define ANA__PCAPNG_OPTION_FLAGS 2u       /* of a packet */
#define ANA__PCAPNG_OPTION_PACKETID 5u    /* of a packet */

/* Grows as it is filled. `failed`: out of memory, and nothing more is added. */
struct ana__pcapng {
    unsigned char *data;
    size_t size, capacity;
    bool failed;
};

/* Begin a block of this type: what was in it is gone, its memory is used again. */
void ana__pcapng_begin(struct ana__pcapng *block, uint32_t type);
void ana__pcapng_u16(struct ana__pcapng *block, uint16_t value);
void ana__pcapng_u32(struct ana__pcapng *block, uint32_t value);
void ana__pcapng_u64(struct ana__pcapng *block, uint64_t value);
/* Padded with zeroes to four bytes. */
void ana__pcapng_bytes(struct ana__pcapng *block, struct weft_bytes bytes);
void ana__pcapng_option(struct ana__pcapng *block, uint16_t code, struct weft_bytes value);
void ana__pcapng_option_text(struct ana__pcapng *block, uint16_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The end of the options and of the block, then all of it to `file`. */
void ana__pcapng_write(struct ana__pcapng *block, FILE *file);
void ana__pcapng_free(struct ana__pcapng *block);

/* IPv4 or IPv6 and UDP before a payload: what a machine would have sent. */
#define ANA__IP_HEADERS_MAX 48
#define ANA__UDP_PAYLOAD_MAX 65507 /* of IPv4; larger ones are cut */

/* Both of family V4: IPv4. Else IPv6, a V4 address mapped, NONE as "::". The checksums are right.
 * Returns the size of the headers at `out`; *payload is cut to ANA__UDP_PAYLOAD_MAX. */
size_t ana__ip_headers(unsigned char out[ANA__IP_HEADERS_MAX], const struct weft_addr *from,
                       const struct weft_addr *to, struct weft_bytes *payload);

#endif
