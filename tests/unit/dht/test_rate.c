/* Allowances of sources and of all. */
#include "core/dht/internal.h"
#include "tests/unit/dht/rig.h"

static void at(weft_time now) {
    rig_until(now);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
}

static unsigned allowed_of(unsigned host, unsigned tries) {
    struct weft_addr from = rig_addr(host);
    unsigned allowed = 0;
    for (unsigned i = 0; i < tries; i++) allowed += weft_dht__rate_allow(rig.dht, &from);
    return allowed;
}

static void a_source_has_its_burst_and_then_its_rate(void) {
    rig_open(&(struct weft_dht_config){.source_rate = 50, .source_burst = 200});
    weft_time start = rig.now;
    CHECK_EQ_UINT(allowed_of(1, 1000), 200);
    at(start + WEFT_MS(19));
    CHECK_EQ_UINT(allowed_of(1, 10), 0);
    at(start + WEFT_MS(20));
    CHECK_EQ_UINT(allowed_of(1, 10), 1); /* one each 20 ms */
    at(start + WEFT_MS(1020));
    CHECK_EQ_UINT(allowed_of(1, 1000), 50);
    at(start + WEFT_S(100));
    CHECK_EQ_UINT(allowed_of(1, 1000), 200); /* no more than the burst is saved up */
    rig_close();
}

static void the_table_is_empty_grows_and_is_bounded(void) {
    rig_open(&(struct weft_dht_config){.sources_max = 64});
    CHECK_EQ_UINT(rig.dht->rate.capacity, 0);
    CHECK_EQ_UINT(allowed_of(1, 1), 1);
    CHECK_EQ_UINT(rig.dht->rate.capacity, 2);
    for (unsigned host = 0; host < 1000; host++) CHECK_EQ_UINT(allowed_of(host, 1), 1);
    CHECK_EQ_UINT(rig.dht->rate.capacity, 64);
    CHECK(rig_stats().sources <= 64);
    rig_close();
}

static void a_flooder_is_not_forgotten_for_a_thousand_others(void) {
    rig_open(&(struct weft_dht_config){.sources_max = 64});
    CHECK_EQ_UINT(allowed_of(7777, 300), 200);
    for (unsigned host = 0; host < 1000; host++) {
        (void)allowed_of(host, 1);
        CHECK_EQ_UINT(allowed_of(7777, 1), 0);
    }
    rig_close();
}

static void whole_sources_need_no_entry(void) {
    rig_open(&(struct weft_dht_config){.sources_max = 1024});
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned host = 0; host < 100; host++) (void)allowed_of(round * 100 + host, 1);
        at(rig.now + WEFT_S(1));
    }
    CHECK(rig.dht->rate.capacity <= 512); /* 2,000 hosts passed by */
    rig_close();
}

static void the_global_allowance_comes_back_by_the_millisecond(void) {
    rig_open(&(struct weft_dht_config){.global_rate = 100, .global_burst = 10});
    weft_time start = rig.now;
    unsigned allowed = 0;
    for (unsigned host = 0; host < 50; host++) allowed += allowed_of(host, 1);
    CHECK_EQ_UINT(allowed, 10);
    at(start + WEFT_MS(10));
    CHECK_EQ_UINT(allowed_of(99, 1), 1);
    CHECK_EQ_UINT(allowed_of(98, 1), 0);
    rig_close();
}

static void a_source_at_its_limit_takes_nothing_from_the_others(void) {
    rig_open(&(struct weft_dht_config){.source_burst = 5, .global_rate = 100, .global_burst = 20});
    CHECK_EQ_UINT(allowed_of(1, 1000), 5);
    CHECK_EQ_UINT(allowed_of(2, 5), 5);
    CHECK_EQ_UINT(allowed_of(3, 5), 5);
    rig_close();
}

static void no_memory_to_watch_a_source_still_answers_it(void) {
    rig_open(&(struct weft_dht_config){.k = 8});
    rig.heap.bytes_max = rig.heap.bytes;
    CHECK_EQ_UINT(allowed_of(1, 10), 10);
    rig_close();
}

TEST_MAIN("dht/rate", TEST(a_source_has_its_burst_and_then_its_rate),
          TEST(the_table_is_empty_grows_and_is_bounded),
          TEST(a_flooder_is_not_forgotten_for_a_thousand_others), TEST(whole_sources_need_no_entry),
          TEST(the_global_allowance_comes_back_by_the_millisecond),
          TEST(a_source_at_its_limit_takes_nothing_from_the_others),
          TEST(no_memory_to_watch_a_source_still_answers_it))
