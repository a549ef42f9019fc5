/* The saved table: what is read back, and what is refused. */
#include "core/base/hash.h"
#include "tests/unit/dht/rig.h"

static const struct weft_dht_config both = {.v4 = true, .v6 = true};

static unsigned char saved[64 * 1024];

static size_t save(void) {
    size_t size = weft_dht_save(rig.dht, saved, sizeof saved);
    CHECK(size <= sizeof saved);
    return size;
}

/* Give damaged bytes a good checksum again. */
static void sign(size_t size) {
    static const struct weft_hash_key key = {UINT64_C(0x5745465444485421), 1};
    uint64_t hash = weft_siphash(&key, saved, size - 8);
    for (size_t i = 0; i < 8; i++) saved[size - 8 + i] = (unsigned char)(hash >> (56 - 8 * i));
}

static size_t save_three(struct rig_host hosts[3]) {
    hosts[0] = rig_host(0, 1);
    hosts[1] = rig_host(3, 2);
    hosts[2] = (struct rig_host){rig_id(5, 3), rig_addr6(3)};
    for (int i = 0; i < 3; i++) rig_meet(&hosts[i]);
    return save();
}

static void an_empty_table_is_44_bytes(void) {
    rig_open(&both);
    CHECK_EQ_UINT(save(), 44);
    CHECK_EQ_BYTES(saved, "WFDT\0\0\0\1", 8);
    CHECK_EQ_BYTES(saved + 8, &rig_own, 20);
    rig_close();
}

static void nothing_is_written_when_there_is_no_room(void) {
    rig_open(&both);
    unsigned char small[43];
    memset(small, 0xaa, sizeof small);
    CHECK_EQ_UINT(weft_dht_save(rig.dht, small, sizeof small), 44);
    CHECK_EQ_UINT(weft_dht_save(rig.dht, NULL, 0), 44);
    for (size_t i = 0; i < sizeof small; i++) CHECK_EQ_UINT(small[i], 0xaa);
    rig_close();
}

static void saved_contacts_come_back_once_they_answer(void) {
    struct rig_host hosts[3];
    weft_id id = {{1}};
    rig_open(&both);
    size_t size = save_three(hosts);
    CHECK_EQ_UINT(size, 44 + 2 * 26 + 38);
    rig_close();
    rig_open(&both);
    CHECK_EQ_INT(weft_dht_saved_id(weft_bytes(saved, size), &id), WEFT_OK);
    CHECK(weft_id_equal(&id, &rig_own));
    CHECK_EQ_INT(weft_dht_load(rig.dht, weft_bytes(saved, size), rig.now), WEFT_OK);
    CHECK_EQ_UINT(rig_stats().contacts4 + rig_stats().contacts6, 0);
    CHECK_EQ_UINT(rig_stats().candidates, 3);
    rig_live(hosts, 3, WEFT_S(1));
    for (int i = 0; i < 3; i++) CHECK(rig_is_contact(&hosts[i].id));
    CHECK_EQ_UINT(rig_facts(WEFT_TRACE_DHT_JOINED), 1);
    rig_close();
}

static void a_lookup_right_after_loading_asks_the_saved(void) {
    struct rig_host hosts[3];
    rig_open(&both);
    size_t size = save_three(hosts);
    rig_close();
    rig_open(&both);
    CHECK_EQ_INT(weft_dht_load(rig.dht, weft_bytes(saved, size), rig.now), WEFT_OK);
    (void)rig_step(
        (struct weft_dht_event){.kind = WEFT_DHT_FIND_NODES, .op = 1, .target = rig_id(2, 2)});
    rig_answer_all(hosts, 3);
    REQUIRE(rig.done_count == 1);
    CHECK_EQ_UINT(rig.result.closest_count, 3);
    rig_close();
}

static void every_flipped_bit_and_every_cut_is_refused(void) {
    struct rig_host hosts[3];
    weft_id id;
    rig_open(&both);
    size_t size = save_three(hosts);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        saved[bit / 8] ^= (unsigned char)(1u << (bit % 8));
        CHECK_EQ_INT(weft_dht_saved_id(weft_bytes(saved, size), &id), WEFT_ERR_CORRUPT);
        CHECK_EQ_INT(weft_dht_load(rig.dht, weft_bytes(saved, size), rig.now), WEFT_ERR_CORRUPT);
        saved[bit / 8] ^= (unsigned char)(1u << (bit % 8));
    }
    for (size_t cut = 0; cut < size; cut++) {
        CHECK_EQ_INT(weft_dht_saved_id(weft_bytes(saved, cut), &id), WEFT_ERR_CORRUPT);
    }
    CHECK_EQ_INT(weft_dht_saved_id(weft_bytes(saved, size), &id), WEFT_OK);
    rig_close();
}

static void a_version_from_the_future_is_unsupported(void) {
    weft_id id;
    rig_open(&both);
    size_t size = save();
    saved[7] = 2;
    sign(size);
    CHECK_EQ_INT(weft_dht_saved_id(weft_bytes(saved, size), &id), WEFT_ERR_UNSUPPORTED);
    saved[7] = 0;
    sign(size);
    CHECK_EQ_INT(weft_dht_saved_id(weft_bytes(saved, size), &id), WEFT_ERR_CORRUPT);
    rig_close();
}

static void counts_that_do_not_fit_the_size_are_corrupt(void) {
    struct rig_host hosts[3];
    weft_id id;
    rig_open(&both);
    size_t size = save_three(hosts);
    for (size_t at = 28; at < 36; at++) {
        unsigned char before = saved[at];
        saved[at] = (unsigned char)(before + 1);
        sign(size);
        CHECK_EQ_INT(weft_dht_saved_id(weft_bytes(saved, size), &id), WEFT_ERR_CORRUPT);
        saved[at] = before;
    }
    rig_close();
}

static void a_contact_that_only_asked_is_not_saved(void) {
    rig_open(&both);
    struct rig_host host = rig_host(0, 1);
    (void)rig_query(&host.addr, &host.id, WEFT_KRPC_PING, NULL);
    CHECK_EQ_UINT(save(), 44);
    rig_close();
}

TEST_MAIN("dht/save", TEST(an_empty_table_is_44_bytes),
          TEST(nothing_is_written_when_there_is_no_room),
          TEST(saved_contacts_come_back_once_they_answer),
          TEST(a_lookup_right_after_loading_asks_the_saved),
          TEST(every_flipped_bit_and_every_cut_is_refused),
          TEST(a_version_from_the_future_is_unsupported),
          TEST(counts_that_do_not_fit_the_size_are_corrupt),
          TEST(a_contact_that_only_asked_is_not_saved))
