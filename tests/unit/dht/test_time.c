/* When things happen, to the millisecond where it is promised. */
#include "tests/unit/dht/rig.h"

static const struct weft_dht_config normal = {.k = 8};

/* The times of pings to `addr`. */
static size_t pings_to(const struct weft_addr *addr, weft_time *times, size_t max) {
    size_t count = 0;
    for (size_t i = 0; i < rig.sent_count && count < max; i++) {
        const struct rig_packet *packet = &rig.sent[i];
        if (packet->msg.type != WEFT_KRPC_QUERY || packet->msg.method != WEFT_KRPC_PING) continue;
        if (weft_addr_equal(&packet->to, addr)) times[count++] = packet->at;
    }
    return count;
}

/* A machine with one contact and nothing going on but what contacts need. */
static struct rig_host quiet(void) {
    struct rig_host host = rig_host(0, 1);
    rig_open(&normal);
    rig_meet(&host);
    return host;
}

static void an_idle_machine_wants_nothing_but_its_refresh(void) {
    rig_open(&normal);
    CHECK_EQ_INT(weft_dht_next_at(rig.dht), rig.now + WEFT_MIN(15));
    rig_pass(WEFT_HOUR(3));
    CHECK_EQ_UINT(rig.sent_count, 0); /* nobody to ask */
    rig_close();
}

static void a_silent_contact_is_asked_after_twenty_to_twenty_five_seconds(void) {
    for (unsigned round = 0; round < 20; round++) {
        struct rig_host host = rig_host(0, 1);
        weft_time times[4];
        rig_open(&(struct weft_dht_config){.k = 8, .refresh_after = WEFT_HOUR(9)});
        for (unsigned i = 0; i < round; i++) rig_pass(WEFT_MS(37)); /* another draw */
        rig_meet(&host);
        weft_time last = rig.now;
        weft_time until = rig.now + WEFT_S(200); /* the join's lookups become rare */
        while (weft_dht_next_at(rig.dht) <= until) {
            rig.now = weft_dht_next_at(rig.dht);
            (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
            struct rig_packet *packet = rig_next();
            if (packet == NULL) continue;
            if (packet->msg.method == WEFT_KRPC_PING) break;
            (void)rig_reply(packet, &host.id);
            last = rig.now; /* a lookup asked it */
        }
        REQUIRE(pings_to(&host.addr, times, 4) == 1);
        CHECK(times[0] - last >= WEFT_S(20));
        CHECK(times[0] - last <= WEFT_S(25) + WEFT_MS(1));
        rig_close();
    }
}

/* Last answer, ping at most 25 s later, given up 2 s later, retry 5 s after that, given up 2 s
 * later: 34 s at most. */
static void a_dead_contact_is_forgotten_after_thirty_four_seconds_at_most(void) {
    for (unsigned round = 0; round < 30; round++) {
        struct rig_host host = quiet();
        weft_time last = rig.now;
        rig_live(&host, 1, WEFT_S(30) + WEFT_MS(100) * round);
        struct weft_contact_info info;
        REQUIRE(rig_find(&host.id, &info));
        last = rig.now - info.silent;
        while (rig_is_contact(&host.id)) rig_until(weft_dht_next_at(rig.dht));
        CHECK(rig.now - last <= WEFT_S(34) + WEFT_MS(2));
        CHECK(rig.now - last >= WEFT_S(2));
        rig_close();
    }
}

static void the_promise_holds_for_any_settings(void) {
    const struct weft_dht_config configs[] = {
        {.forget_after = WEFT_S(5)},
        {.forget_after = WEFT_S(60), .stale_after = WEFT_S(600)},
        {.forget_after = WEFT_S(10), .query_timeout = WEFT_S(30), .query_slow = WEFT_S(20)},
        {.forget_after = 1},
        {.forget_after = WEFT_MIN(10), .stale_after = WEFT_MIN(9)}};
    for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
        struct rig_host host = rig_host(0, 1);
        weft_duration promise = configs[i].forget_after;
        if (promise < WEFT_MS(100)) promise = WEFT_MS(100);
        rig_open(&configs[i]);
        rig_meet(&host);
        rig_skip();
        rig_pass(promise);
        CHECK_EQ_UINT(rig_stats().contacts4, 0);
        rig_close();
    }
}

static void checks_of_many_contacts_are_spread(void) {
    rig_open(&normal);
    struct rig_host hosts[8];
    weft_time times[32];
    weft_time first = WEFT_TIME_NEVER, last = 0;
    for (unsigned i = 0; i < 8; i++) {
        hosts[i] = rig_host(i, 1);
        rig_meet(&hosts[i]);
    }
    rig_live(hosts, 8, WEFT_MIN(2));
    for (unsigned i = 0; i < 8; i++) {
        size_t count = pings_to(&hosts[i].addr, times, 32);
        REQUIRE(count > 0);
        first = weft_time_min(first, times[count - 1]);
        last = weft_time_max(last, times[count - 1]);
    }
    CHECK(last - first > WEFT_S(1));
    rig_close();
}

static void a_contact_that_lookups_ask_needs_no_ping(void) {
    struct rig_host host = quiet();
    weft_time times[4];
    for (uint64_t op = 1; op < 60; op++) {
        (void)rig_step(
            (struct weft_dht_event){.kind = WEFT_DHT_FIND_NODES, .op = op, .target = rig_id(0, 9)});
        rig_live(&host, 1, WEFT_S(5));
    }
    CHECK_EQ_UINT(pings_to(&host.addr, times, 4), 0);
    rig_close();
}

/* `host` asks us every four seconds, and answers all but pings. When the first ping to it went out,
 * and its last answer before. */
static weft_time ping_to_a_talker(const struct rig_host *host, weft_time *answered) {
    for (int turn = 0; turn < 100; turn++) {
        rig_pass(WEFT_S(4));
        for (const struct rig_packet *packet; (packet = rig_next()) != NULL;) {
            if (packet->msg.type != WEFT_KRPC_QUERY) continue;
            if (packet->msg.method == WEFT_KRPC_PING) return packet->at;
            (void)rig_reply(packet, &host->id);
            *answered = rig.now;
        }
        (void)rig_query(&host->addr, &host->id, WEFT_KRPC_PING, NULL);
    }
    return 0;
}

static void a_contact_that_asks_us_is_asked_later_and_still_forgotten_in_time(void) {
    rig_open(&(struct weft_dht_config){.k = 8, .query_timeout = WEFT_S(5)});
    struct rig_host host = rig_host(0, 1);
    rig_meet(&host);
    weft_time answered = rig.now;
    weft_time pinged = ping_to_a_talker(&host, &answered);
    CHECK(pinged > answered + WEFT_S(25));  /* a silent one is asked by then */
    CHECK(pinged <= answered + WEFT_S(45)); /* 60 - 2 * 5 - 5 */
    while (rig.now < answered + WEFT_S(60)) {
        rig_pass(WEFT_S(1));
        (void)rig_query(&host.addr, &host.id, WEFT_KRPC_PING, NULL);
    }
    CHECK(!rig_is_contact(&host.id)); /* it hears nothing of us */
    rig_close();
}

static void a_query_is_given_up_after_query_timeout_exactly(void) {
    rig_open(&(struct weft_dht_config){.query_timeout = WEFT_MS(700), .query_slow = WEFT_MS(300)});
    struct weft_addr addr = rig_addr(1);
    weft_time start = rig.now;
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_ADD, .addr = addr});
    CHECK_EQ_INT(weft_dht_next_at(rig.dht), start + WEFT_MS(700));
    rig_until(start + WEFT_MS(700) - 1);
    CHECK_EQ_UINT(rig_stats().pending, 1);
    rig_until(start + WEFT_MS(700));
    CHECK_EQ_UINT(rig_stats().pending, 0);
    CHECK_EQ_UINT(rig_stats().timeouts, 1);
    rig_close();
}

/* Ticks wrap after 49.7 days: nobody notices. */
static void a_machine_runs_for_more_than_two_months(void) {
    rig_open(
        &(struct weft_dht_config){.stale_after = WEFT_HOUR(10), .forget_after = WEFT_HOUR(30)});
    struct rig_host host = rig_host(0, 1);
    rig_meet(&host);
    for (int day = 0; day < 70; day++) {
        rig_live(&host, 1, WEFT_HOUR(24));
        rig.sent_count = rig.read = 0;
        REQUIRE(rig_is_contact(&host.id));
    }
    rig_pass(WEFT_HOUR(30));
    CHECK(!rig_is_contact(&host.id));
    rig_close();
}

/* Ticks compare by the sign of their difference: a far one must not seem past. */
static void times_beyond_the_reach_of_ticks_are_shortened_to_it(void) {
    rig_open(&(struct weft_dht_config){.k = 8,
                                       .verify_after = WEFT_HOUR(24 * 60),
                                       .refresh_after = WEFT_HOUR(24 * 60),
                                       .peer_lifetime = WEFT_HOUR(24 * 60),
                                       .item_lifetime = WEFT_HOUR(24 * 60)});
    struct rig_host hosts[12]; /* more than a bucket holds: the last splits and is filled */
    for (unsigned i = 0; i < 12; i++) {
        hosts[i] = rig_host(i % 2, i + 1);
        rig_meet(&hosts[i]);
    }
    CHECK_EQ_UINT(rig_stats().buckets, 2);
    for (uint64_t op = 1; op <= 3; op++) {
        weft_id target = rig_id(1, (unsigned)op);
        (void)rig_step(
            (struct weft_dht_event){.kind = WEFT_DHT_FIND_NODES, .op = op, .target = target});
        rig_live(hosts, 12, WEFT_S(30));
    }
    CHECK_EQ_UINT(rig.done_count, 3);
    CHECK_EQ_UINT(rig_stats().contacts4, 12);
    rig_close();
}

static void a_late_driver_loses_nothing(void) {
    struct rig_host host = quiet();
    rig.now += WEFT_HOUR(1);
    (void)rig_step((struct weft_dht_event){.kind = WEFT_DHT_TIMER});
    rig_live(&host, 1, WEFT_S(60));
    CHECK(rig_is_contact(&host.id));
    rig_close();
}

TEST_MAIN("dht/time", TEST(an_idle_machine_wants_nothing_but_its_refresh),
          TEST(a_silent_contact_is_asked_after_twenty_to_twenty_five_seconds),
          TEST(a_dead_contact_is_forgotten_after_thirty_four_seconds_at_most),
          TEST(the_promise_holds_for_any_settings), TEST(checks_of_many_contacts_are_spread),
          TEST(a_contact_that_lookups_ask_needs_no_ping),
          TEST(a_contact_that_asks_us_is_asked_later_and_still_forgotten_in_time),
          TEST(a_query_is_given_up_after_query_timeout_exactly),
          TEST(a_machine_runs_for_more_than_two_months),
          TEST(times_beyond_the_reach_of_ticks_are_shortened_to_it),
          TEST(a_late_driver_loses_nothing))
