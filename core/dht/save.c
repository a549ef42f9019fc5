/* The table as bytes: "WFDT", version (4 bytes), own id, counts of v4 and v6 (4 each), compact
 * nodes, SipHash of all before it (8). Numbers are big-endian. */
#include "core/dht/internal.h"

#include <string.h>

#define VERSION 1u
#define HEAD_SIZE (4 + 4 + WEFT_ID_SIZE + 4 + 4)
#define SUM_SIZE 8

static const unsigned char magic[4] = {'W', 'F', 'D', 'T'};

static void put_u32(unsigned char *out, uint32_t value) {
    for (size_t i = 0; i < 4; i++) out[i] = (unsigned char)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const unsigned char *in) {
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* Not a secret: it tells damage, not forgery. */
static void sum(const unsigned char *data, size_t size, unsigned char out[SUM_SIZE]) {
    static const struct weft_hash_key key = {UINT64_C(0x5745465444485421), 1};
    WEFT_ASSERT(size >= HEAD_SIZE);
    uint64_t hash = weft_siphash(&key, data, size);
    for (size_t i = 0; i < SUM_SIZE; i++) out[i] = (unsigned char)(hash >> (56 - 8 * i));
}

static size_t node_size(const struct weft_dht__table *table) {
    return table->family == WEFT_FAMILY_V6 ? WEFT_COMPACT_NODE6_SIZE : WEFT_COMPACT_NODE4_SIZE;
}

/* The deepest buckets first: the neighbours matter most when they are read again. */
static unsigned char *put_table(const struct weft_dht *dht, const struct weft_dht__table *table,
                                unsigned char *at) {
    WEFT_ASSERT(table->contacts == 0 || table->family != WEFT_FAMILY_NONE);
    if (table->family == WEFT_FAMILY_NONE) return at;
    for (uint32_t b = table->bucket_count; b-- > 0;) {
        const struct weft_dht__bucket *bucket = &table->buckets[b];
        for (uint32_t i = 0; i < bucket->count; i++) {
            const struct weft_contact *who =
                weft_dht__who(dht, weft_dht__bucket_at(table, bucket, i));
            at += weft_compact_node_write(&who->id, &who->addr, at);
        }
    }
    return at;
}

size_t weft_dht_save(const struct weft_dht *dht, unsigned char *out, size_t capacity) {
    const struct weft_dht__table *v4 = &dht->tables[0], *v6 = &dht->tables[1];
    size_t need =
        HEAD_SIZE + v4->contacts * node_size(v4) + v6->contacts * node_size(v6) + SUM_SIZE;
    WEFT_ASSERT(out != NULL || capacity == 0);
    if (need > capacity) return need;
    memcpy(out, magic, sizeof magic);
    put_u32(out + 4, VERSION);
    memcpy(out + 8, &dht->id, WEFT_ID_SIZE);
    put_u32(out + 8 + WEFT_ID_SIZE, v4->contacts);
    put_u32(out + 12 + WEFT_ID_SIZE, v6->contacts);
    unsigned char *at = put_table(dht, v6, put_table(dht, v4, out + HEAD_SIZE));
    WEFT_ASSERT((size_t)(at - out) + SUM_SIZE == need);
    sum(out, (size_t)(at - out), at);
    return need;
}

static int check(struct weft_bytes saved) {
    unsigned char expected[SUM_SIZE];
    WEFT_ASSERT(saved.data != NULL || saved.size == 0);
    if (saved.size < HEAD_SIZE + SUM_SIZE) return WEFT_ERR_CORRUPT;
    if (memcmp(saved.data, magic, sizeof magic) != 0) return WEFT_ERR_CORRUPT;
    size_t body = saved.size - SUM_SIZE;
    sum(saved.data, body, expected);
    if (memcmp(expected, saved.data + body, SUM_SIZE) != 0) return WEFT_ERR_CORRUPT;
    if (get_u32(saved.data + 4) > VERSION) return WEFT_ERR_UNSUPPORTED;
    if (get_u32(saved.data + 4) != VERSION) return WEFT_ERR_CORRUPT;
    uint64_t need = (uint64_t)get_u32(saved.data + 8 + WEFT_ID_SIZE) * WEFT_COMPACT_NODE4_SIZE +
                    (uint64_t)get_u32(saved.data + 12 + WEFT_ID_SIZE) * WEFT_COMPACT_NODE6_SIZE;
    return need == body - HEAD_SIZE ? WEFT_OK : WEFT_ERR_CORRUPT;
}

int weft_dht_saved_id(struct weft_bytes saved, weft_id *id) {
    WEFT_ASSERT(id != NULL);
    int error = check(saved);
    if (error != WEFT_OK) return error;
    memcpy(id, saved.data + 8, sizeof *id);
    return WEFT_OK;
}

static const unsigned char *load_nodes(struct weft_dht *dht, const unsigned char *at, size_t each,
                                       uint32_t count) {
    struct weft_contact contact;
    WEFT_ASSERT(each == WEFT_COMPACT_NODE4_SIZE || each == WEFT_COMPACT_NODE6_SIZE);
    for (uint32_t i = 0; i < count; i++, at += each) {
        if (!weft_compact_node_read(&contact.id, &contact.addr, at, each)) continue;
        (void)weft_dht__newcomer_load(dht, &contact.id, &contact.addr); /* full: enough to begin */
    }
    return at;
}

int weft_dht_load(struct weft_dht *dht, struct weft_bytes saved, weft_time now) {
    WEFT_ASSERT(now >= dht->now);
    WEFT_ASSERT(dht->sink == NULL);
    int error = check(saved);
    if (error != WEFT_OK) return error;
    weft_dht__now_set(dht, now);
    const unsigned char *at = saved.data + HEAD_SIZE;
    at = load_nodes(dht, at, WEFT_COMPACT_NODE4_SIZE, get_u32(saved.data + 8 + WEFT_ID_SIZE));
    at = load_nodes(dht, at, WEFT_COMPACT_NODE6_SIZE, get_u32(saved.data + 12 + WEFT_ID_SIZE));
    WEFT_ASSERT(at == saved.data + saved.size - SUM_SIZE);
    weft_dht__next_set(dht);
    return WEFT_OK;
}
