/* Announce tokens: who may use them, and for how long. */
#include "core/dht/internal.h"
#include "tests/unit/dht/rig.h"

static const struct weft_dht_config normal = {.k = 8};

static bool valid(const struct weft_addr *host, const unsigned char *token) {
    return weft_dht__token_valid(rig.dht, host, weft_bytes(token, DHT_TOKEN_SIZE));
}

static void a_token_is_for_a_host_whatever_its_port(void) {
    rig_open(&normal);
    struct weft_addr host = rig_addr(1), port = host, other = rig_addr(2), six = rig_addr6(1);
    unsigned char token[DHT_TOKEN_SIZE];
    port.port = 1;
    weft_dht__token_make(rig.dht, &host, token);
    CHECK(valid(&host, token));
    CHECK(valid(&port, token));
    CHECK(!valid(&other, token));
    CHECK(!valid(&six, token));
    rig_close();
}

static void a_token_of_another_length_or_with_a_bit_changed_is_bad(void) {
    rig_open(&normal);
    struct weft_addr host = rig_addr(1);
    unsigned char token[DHT_TOKEN_SIZE + 1] = {0};
    weft_dht__token_make(rig.dht, &host, token);
    CHECK(!weft_dht__token_valid(rig.dht, &host, weft_bytes(token, 7)));
    CHECK(!weft_dht__token_valid(rig.dht, &host, weft_bytes(token, 9)));
    CHECK(!weft_dht__token_valid(rig.dht, &host, weft_bytes(NULL, 0)));
    for (size_t i = 0; i < 8 * DHT_TOKEN_SIZE; i++) {
        token[i / 8] ^= (unsigned char)(1u << (i % 8));
        CHECK(!valid(&host, token));
        token[i / 8] ^= (unsigned char)(1u << (i % 8));
    }
    rig_close();
}

static void a_token_is_good_for_five_to_ten_minutes(void) {
    rig_open(&normal);
    struct weft_addr host = rig_addr(1);
    unsigned char early[DHT_TOKEN_SIZE], late[DHT_TOKEN_SIZE];
    weft_time start = rig.now;
    weft_dht__token_make(rig.dht, &host, early);
    rig_until(start + WEFT_MIN(5) - 1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    weft_dht__token_make(rig.dht, &host, late);
    CHECK_EQ_BYTES(early, late, sizeof early); /* the same secret */
    rig_until(start + WEFT_MIN(10) - 1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    CHECK(valid(&host, early));
    rig_until(start + WEFT_MIN(10));
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    CHECK(!valid(&host, early));
    rig_close();
}

static void machines_have_different_secrets(void) {
    unsigned char tokens[2][DHT_TOKEN_SIZE];
    struct weft_addr host = rig_addr(1);
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct weft_mem_heap heap;
        struct weft_dht *dht = NULL;
        weft_mem_heap_init(&heap, 0);
        CHECK_EQ_INT(weft_dht_new(&normal, &rig_own, seed, 0, &heap.base, &dht), WEFT_OK);
        weft_dht__token_make(dht, &host, tokens[seed]);
        weft_dht_free(dht);
    }
    CHECK(memcmp(tokens[0], tokens[1], DHT_TOKEN_SIZE) != 0);
}

TEST_MAIN("dht/token", TEST(a_token_is_for_a_host_whatever_its_port),
          TEST(a_token_of_another_length_or_with_a_bit_changed_is_bad),
          TEST(a_token_is_good_for_five_to_ten_minutes), TEST(machines_have_different_secrets))
