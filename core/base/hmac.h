/* HMAC-SHA256 (RFC 2104, FIPS 180-4): that whoever sends a message knows a secret. */
#ifndef WEFT_BASE_HMAC_H
#define WEFT_BASE_HMAC_H

#include "core/base/bytes.h"

#define WEFT_HMAC_SIZE 32

/* The code of `message` under `key`, which may have any size. */
void weft_hmac(struct weft_bytes key, struct weft_bytes message, unsigned char out[WEFT_HMAC_SIZE]);

/* Whether two codes are the same, in a time that does not tell where they differ. */
bool weft_hmac_equal(const unsigned char a[WEFT_HMAC_SIZE], const unsigned char b[WEFT_HMAC_SIZE]);

#endif
