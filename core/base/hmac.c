/* HMAC over libmd's SHA-256. */
#include "core/base/hmac.h"

#include "core/base/assert.h"

#include <sha2.h>
#include <stdint.h>

#define BLOCK_SIZE 64

static void hash(const unsigned char pad[BLOCK_SIZE], struct weft_bytes message,
                 unsigned char out[WEFT_HMAC_SIZE]) {
    SHA2_CTX ctx;
    SHA256Init(&ctx);
    SHA256Update(&ctx, pad, BLOCK_SIZE);
    if (message.size > 0) SHA256Update(&ctx, message.data, message.size);
    SHA256Final(out, &ctx);
}

static void block_of(struct weft_bytes key, unsigned char block[BLOCK_SIZE]) {
    memset(block, 0, BLOCK_SIZE);
    if (key.size <= BLOCK_SIZE) {
        if (key.size > 0) memcpy(block, key.data, key.size);
        return;
    }
    SHA2_CTX ctx;
    SHA256Init(&ctx);
    SHA256Update(&ctx, key.data, key.size);
    SHA256Final(block, &ctx);
}

void weft_hmac(struct weft_bytes key, struct weft_bytes message,
               unsigned char out[WEFT_HMAC_SIZE]) {
    unsigned char block[BLOCK_SIZE], pad[BLOCK_SIZE], inner[WEFT_HMAC_SIZE];
    WEFT_ASSERT(out != NULL);
    block_of(key, block);
    for (size_t i = 0; i < BLOCK_SIZE; i++) pad[i] = block[i] ^ 0x36;
    hash(pad, message, inner);
    for (size_t i = 0; i < BLOCK_SIZE; i++) pad[i] = block[i] ^ 0x5c;
    hash(pad, weft_bytes(inner, sizeof inner), out);
}

bool weft_hmac_equal(const unsigned char a[WEFT_HMAC_SIZE], const unsigned char b[WEFT_HMAC_SIZE]) {
    unsigned char differs = 0;
    WEFT_ASSERT(a != NULL);
    WEFT_ASSERT(b != NULL);
    for (size_t i = 0; i < WEFT_HMAC_SIZE; i++) differs |= (unsigned char)(a[i] ^ b[i]);
    return differs == 0;
}
