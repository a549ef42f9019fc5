/* Announce tokens (BEP 5): the host's address under a secret that changes every token_rotation.
 * Secrets are derived from one, so that nothing has to happen when they change. */
#include "core/dht/internal.h"

#include <string.h>

static uint64_t epoch_of(const struct weft_dht *dht) {
    WEFT_ASSERT(dht->config->token_rotation > 0);
    return (uint64_t)((dht->now - dht->start) / dht->config->token_rotation);
}

static void make(const struct weft_dht *dht, const struct weft_addr *host, uint64_t epoch,
                 unsigned char out[DHT_TOKEN_SIZE]) {
    unsigned char text[8 + 16];
    size_t ip_size = weft_addr_ip_size(host);
    WEFT_ASSERT(ip_size > 0);
    for (size_t i = 0; i < 8; i++) text[i] = (unsigned char)(epoch >> (8 * i));
    memcpy(text + 8, host->ip, ip_size);
    uint64_t hash = weft_siphash(&dht->secret, text, 8 + ip_size);
    for (size_t i = 0; i < DHT_TOKEN_SIZE; i++) out[i] = (unsigned char)(hash >> (8 * i));
}

void weft_dht__token_make(const struct weft_dht *dht, const struct weft_addr *host,
                          unsigned char out[DHT_TOKEN_SIZE]) {
    WEFT_ASSERT(host != NULL);
    make(dht, host, epoch_of(dht), out);
}

bool weft_dht__token_valid(const struct weft_dht *dht, const struct weft_addr *host,
                           struct weft_bytes token) {
    unsigned char expected[DHT_TOKEN_SIZE];
    uint64_t epoch = epoch_of(dht);
    WEFT_ASSERT(host != NULL);
    if (token.size != DHT_TOKEN_SIZE) return false;
    make(dht, host, epoch, expected);
    if (memcmp(expected, token.data, sizeof expected) == 0) return true;
    if (epoch == 0) return false;
    make(dht, host, epoch - 1, expected);
    return memcmp(expected, token.data, sizeof expected) == 0;
}
