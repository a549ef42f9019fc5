/* Immutable items (BEP 44). */
#include "core/base/assert.h"
#include "core/wire/bencode.h"
#include "core/wire/internal.h"
#include "core/wire/krpc.h"

#include <sha1.h>

_Static_assert(SHA1_DIGEST_LENGTH == WEFT_ID_SIZE, "an item's key is a SHA-1");

int weft_item_check(struct weft_bytes bencoded) {
    WEFT_ASSERT(bencoded.data != NULL || bencoded.size == 0);
    if (bencoded.size > WEFT_ITEM_SIZE_MAX) return WEFT_ERR_TOO_BIG;
    struct weft_bencode in = weft_bencode(bencoded, WEFT_WIRE__ITEM_DEPTH_MAX);
    struct weft_bytes raw;
    if (!weft_bencode_value(&in, &raw)) return WEFT_ERR_MALFORMED;
    return weft_bencode_left(&in) == 0 ? WEFT_OK : WEFT_ERR_MALFORMED;
}

void weft_item_key(struct weft_bytes bencoded, weft_id *key) {
    WEFT_ASSERT(bencoded.data != NULL || bencoded.size == 0);
    WEFT_ASSERT(key != NULL);
    SHA1_CTX ctx;
    SHA1Init(&ctx);
    if (bencoded.size > 0) SHA1Update(&ctx, bencoded.data, bencoded.size);
    SHA1Final(key->bytes, &ctx);
}
