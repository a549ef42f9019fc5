/* Links, rules and layers: rates over many packets, order, and what each layer may touch. */
#include "core/base/error.h"
#include "sim/net/net.h"
#include "tests/harness/harness.h"

#define NODES 8
#define PACKETS 100000

static struct sim_element constant(enum sim_element_kind kind, uint32_t ppm, weft_duration delay) {
    return (struct sim_element){
        .kind = kind, .ppm = ppm, .delay = {.kind = SIM_DELAY_CONSTANT, .a = delay}};
}

static void chain_add(struct sim_chain *chain, struct sim_element element) {
    chain->elements[chain->count++] = element;
}

/* A net of one rule with one element. */
static struct sim_net_spec *spec_of(struct sim_element element) {
    static struct sim_net_spec spec;
    memset(&spec, 0, sizeof spec);
    spec.rules_count = 1;
    spec.rules[0].from_group = spec.rules[0].to_group = SIM_GROUP_ANY;
    if (element.kind != 0) chain_add(&spec.rules[0].chain, element);
    return &spec;
}

static struct sim_fate fate_of(struct sim_net *net, uint32_t from, uint32_t to, uint64_t number) {
    struct sim_packet packet = {.from = from, .to = to, .size = 100, .number = number};
    struct sim_fate fate;
    memset(&fate, 0xee, sizeof fate);
    sim_net_fate(net, &packet, &fate);
    return fate;
}

static struct sim_fate stream_fate_of(struct sim_net *net, uint64_t number) {
    struct sim_packet packet = {.from = 0, .to = 1, .size = 100, .number = number, .stream = true};
    struct sim_fate fate;
    sim_net_fate(net, &packet, &fate);
    return fate;
}

/* --- elements --- */

static void without_elements_a_packet_arrives_once_and_at_once(void) {
    struct sim_net *net = sim_net_new(spec_of((struct sim_element){0}), NODES, NULL, 1);
    struct sim_fate fate = fate_of(net, 0, 1, 0);
    CHECK_EQ_UINT(fate.copies, 1);
    CHECK_EQ_INT(fate.delay[0], 0);
    CHECK_EQ_INT(fate.cause, SIM_LOSS_NONE);
    CHECK_EQ_UINT(fate.cut_by, SIM_LAYER_NONE);
    sim_net_free(net);
}

static void delays_of_a_chain_add_up(void) {
    struct sim_net_spec *spec = spec_of(constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(10)));
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(7)));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    CHECK_EQ_INT(fate_of(net, 0, 1, 0).delay[0], WEFT_MS(17));
    sim_net_free(net);
}

static void delays_stick_at_never(void) {
    struct sim_net_spec *spec = spec_of(constant(SIM_ELEMENT_DELAY, 0, WEFT_TIME_NEVER - 5));
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DELAY, 0, 6));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    CHECK_EQ_INT(fate_of(net, 0, 1, 0).delay[0], WEFT_TIME_NEVER);
    sim_net_free(net);
}

static uint32_t lost_of(uint32_t ppm) {
    struct sim_net *net = sim_net_new(spec_of(constant(SIM_ELEMENT_LOSS, ppm, 0)), NODES, NULL, 1);
    uint32_t lost = 0;
    for (uint64_t i = 0; i < PACKETS; i++) {
        struct sim_fate fate = fate_of(net, 0, 1, i);
        if (fate.copies > 0) continue;
        lost++;
        CHECK_EQ_INT(fate.cause, SIM_LOSS_LINK);
        CHECK_EQ_UINT(fate.cut_by, SIM_LAYER_NONE);
    }
    sim_net_free(net);
    return lost;
}

static void loss_has_the_rate_asked_for(void) {
    CHECK_EQ_UINT(lost_of(0), 0);
    CHECK_EQ_UINT(lost_of(1000000), PACKETS);
    uint32_t lost = lost_of(50000); /* 5,000 expected; 5 sigma are 345 */
    CHECK(lost > 4655 && lost < 5345);
}

static void loss_falls_on_each_pair_and_direction_by_itself(void) {
    struct sim_net *net =
        sim_net_new(spec_of(constant(SIM_ELEMENT_LOSS, 500000, 0)), NODES, NULL, 1);
    uint32_t both = 0, one = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        bool a = fate_of(net, 0, 1, i).copies == 0, b = fate_of(net, 1, 0, i).copies == 0;
        both += a && b;
        one += a;
    }
    CHECK(one > 4750 && one < 5250);
    CHECK(both > 2280 && both < 2720); /* independent: a quarter */
    sim_net_free(net);
}

static void a_duplicate_comes_later_by_a_delay_of_its_own(void) {
    struct sim_net_spec *spec = spec_of(constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(10)));
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DUPLICATE, 20000, WEFT_MS(3)));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    uint32_t doubled = 0;
    for (uint64_t i = 0; i < PACKETS; i++) {
        struct sim_fate fate = fate_of(net, 0, 1, i);
        CHECK_EQ_INT(fate.delay[0], WEFT_MS(10));
        if (fate.copies == 1) continue;
        doubled++;
        CHECK_EQ_UINT(fate.copies, 2);
        CHECK_EQ_INT(fate.delay[1], WEFT_MS(13));
    }
    CHECK(doubled > 1778 && doubled < 2222);
    sim_net_free(net);
}

/* The element before the doubling is shared, the one after it is drawn for each copy. */
static void elements_act_in_the_order_of_the_chain(void) {
    struct sim_element spread = {.kind = SIM_ELEMENT_DELAY,
                                 .delay = {.kind = SIM_DELAY_UNIFORM, .a = 0, .b = WEFT_MS(100)}};
    struct sim_net_spec *spec = spec_of(spread);
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DUPLICATE, 1000000, 0));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    struct sim_fate fate = fate_of(net, 0, 1, 5);
    CHECK_EQ_UINT(fate.copies, 2);
    CHECK_EQ_INT(fate.delay[0], fate.delay[1]);
    sim_net_free(net);

    spec = spec_of(constant(SIM_ELEMENT_DUPLICATE, 1000000, 0));
    chain_add(&spec->rules[0].chain, spread);
    net = sim_net_new(spec, NODES, NULL, 1);
    fate = fate_of(net, 0, 1, 5);
    CHECK_EQ_UINT(fate.copies, 2);
    CHECK(fate.delay[0] != fate.delay[1]);
    sim_net_free(net);
}

static void copies_are_bounded_and_lost_one_by_one(void) {
    struct sim_net_spec *spec = spec_of((struct sim_element){0});
    for (int i = 0; i < 5; i++) {
        chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DUPLICATE, 1000000, WEFT_MS(1)));
    }
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    CHECK_EQ_UINT(fate_of(net, 0, 1, 5).copies, SIM_COPIES_MAX);
    sim_net_free(net);

    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_LOSS, 500000, 0));
    net = sim_net_new(spec, NODES, NULL, 1);
    uint32_t count[SIM_COPIES_MAX + 1] = {0};
    for (uint64_t i = 0; i < 16000; i++) count[fate_of(net, 0, 1, i).copies]++;
    static const uint32_t want[] = {1000, 4000, 6000, 4000, 1000}; /* binomial */
    for (int i = 0; i <= SIM_COPIES_MAX; i++) {
        CHECK(count[i] + 310 > want[i] && count[i] < want[i] + 310);
    }
    sim_net_free(net);
}

static void reorder_holds_some_packets_back(void) {
    struct sim_net *net =
        sim_net_new(spec_of(constant(SIM_ELEMENT_REORDER, 100000, WEFT_MS(5))), NODES, NULL, 1);
    uint32_t held = 0;
    for (uint64_t i = 0; i < PACKETS; i++) {
        weft_duration delay = fate_of(net, 0, 1, i).delay[0];
        CHECK(delay == 0 || delay == WEFT_MS(5));
        held += delay != 0;
    }
    CHECK(held > 9525 && held < 10475);
    sim_net_free(net);
}

static void the_same_element_twice_draws_twice(void) {
    struct sim_net_spec *spec = spec_of(constant(SIM_ELEMENT_LOSS, 500000, 0));
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_LOSS, 500000, 0));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    uint32_t lost = 0;
    for (uint64_t i = 0; i < 10000; i++) lost += fate_of(net, 0, 1, i).copies == 0;
    CHECK(lost > 7280 && lost < 7720);
    sim_net_free(net);
}

/* --- streams --- */

static void a_stream_is_never_lost_by_chance_but_late(void) {
    struct sim_net *net =
        sim_net_new(spec_of(constant(SIM_ELEMENT_LOSS, 500000, 0)), NODES, NULL, 1);
    uint32_t count[9] = {0};
    for (uint64_t i = 0; i < PACKETS; i++) {
        struct sim_fate fate = stream_fate_of(net, i);
        CHECK_EQ_UINT(fate.copies, 1);
        uint32_t tries = 0;
        while (tries < 8 && fate.delay[0] != ((1 << tries) - 1) * WEFT_MS(200)) tries++;
        CHECK_EQ_INT(fate.delay[0], ((1 << tries) - 1) * WEFT_MS(200));
        count[tries]++;
    }
    CHECK(count[0] > 49200 && count[0] < 50800);
    CHECK(count[1] > 24300 && count[1] < 25700);
    CHECK(count[8] > 290 && count[8] < 490); /* 2^-8: given up retrying, it arrives */
    sim_net_free(net);
}

static void a_stream_is_not_doubled(void) {
    struct sim_net *net =
        sim_net_new(spec_of(constant(SIM_ELEMENT_DUPLICATE, 1000000, 0)), NODES, NULL, 1);
    CHECK_EQ_UINT(stream_fate_of(net, 1).copies, 1);
    sim_net_free(net);
}

static void certain_loss_is_a_cut_for_a_stream(void) {
    struct sim_net *net =
        sim_net_new(spec_of(constant(SIM_ELEMENT_LOSS, 1000000, 0)), NODES, NULL, 1);
    CHECK_EQ_UINT(stream_fate_of(net, 1).copies, 0);
    CHECK(sim_net_cut(net, 0, 1));
    sim_net_free(net);
    net = sim_net_new(spec_of(constant(SIM_ELEMENT_LOSS, 999999, 0)), NODES, NULL, 1);
    CHECK(!sim_net_cut(net, 0, 1));
    sim_net_free(net);
}

/* --- elements that know the time --- */

static struct sim_fate fate_at(struct sim_net *net, uint64_t number, weft_time now, uint32_t size) {
    struct sim_packet packet = {.from = 0, .to = 1, .size = size, .number = number, .now = now};
    struct sim_fate fate;
    sim_net_fate(net, &packet, &fate);
    return fate;
}

static struct sim_element burst(weft_duration good, weft_duration bad, uint32_t ppm) {
    return (struct sim_element){.kind = SIM_ELEMENT_BURST, .ppm = ppm, .burst = {good, bad}};
}

/* One packet each millisecond through spells of 180 ms and 20 ms: bursts of 20.5 packets, since
 * those between two packets are not seen. */
static void losses_in_bursts_have_the_share_and_the_lengths_asked_for(void) {
    struct sim_net *net =
        sim_net_new(spec_of(burst(WEFT_MS(180), WEFT_MS(20), 1000000)), NODES, NULL, 1);
    uint32_t lost = 0, bursts = 0, longer = 0, length = 0, packets = 1500000;
    for (uint32_t i = 0; i < packets; i++) {
        bool gone = fate_at(net, i, WEFT_MS(i), 100).copies == 0;
        lost += gone;
        if (!gone && length > 0) {
            bursts++;
            longer += length > 20;
        }
        length = gone ? length + 1 : 0;
    }
    CHECK(lost > packets / 1000 * 96 && lost < packets / 1000 * 104); /* a tenth */
    double mean = (double)lost / bursts;
    CHECK(mean > 19.7 && mean < 21.3);
    double share = (double)longer / bursts; /* exponential: 1/e are above the mean */
    CHECK(share > 0.35 && share < 0.385);
    sim_net_free(net);
}

static void a_burst_falls_on_each_direction_by_itself_and_seeds_differ(void) {
    struct sim_net_spec *spec = spec_of(burst(WEFT_MS(100), WEFT_MS(100), 1000000));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1), *other;
    other = sim_net_new(spec, NODES, NULL, 2);
    uint32_t ways = 0, seeds = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        struct sim_packet packet = {.from = 1, .to = 0, .number = i, .now = WEFT_MS(10) * i};
        struct sim_fate back, there = fate_at(net, i, packet.now, 0);
        sim_net_fate(net, &packet, &back);
        ways += there.copies == back.copies;
        seeds += there.copies == fate_at(other, i, packet.now, 0).copies;
    }
    CHECK(ways > 4500 && ways < 5500);
    CHECK(seeds > 4500 && seeds < 5500);
    CHECK_EQ_UINT(sim_net_links_memory(net), 0);
    sim_net_free(net);
    sim_net_free(other);
}

static void a_stream_gets_through_when_the_bad_spell_is_over(void) {
    struct sim_net *net =
        sim_net_new(spec_of(burst(WEFT_S(5), WEFT_MS(500), 1000000)), NODES, NULL, 1);
    uint32_t late = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        struct sim_packet packet = {.to = 1, .number = i, .now = WEFT_MS(50) * i, .stream = true};
        struct sim_fate fate;
        sim_net_fate(net, &packet, &fate);
        CHECK_EQ_UINT(fate.copies, 1);
        late += fate.delay[0] > 0;
        CHECK(fate.delay[0] < WEFT_S(13));
    }
    CHECK(late > 1200 && late < 2400); /* an eleventh */
    sim_net_free(net);
}

static struct sim_element rate(enum sim_rate_of of, uint64_t bytes, uint32_t queue) {
    return (struct sim_element){.kind = SIM_ELEMENT_RATE, .rate = {bytes, queue, 0, of}};
}

/* 1,000 bytes with headers at 1 MB a second take 1 ms. */
static void a_rate_takes_its_time_queues_and_drops_what_finds_no_room(void) {
    struct sim_net *net = sim_net_new(spec_of(rate(SIM_RATE_LINK, 1000000, 3000)), NODES, NULL, 1);
    CHECK_EQ_INT(fate_at(net, 1, WEFT_S(1), 972).delay[0], WEFT_MS(1));
    CHECK_EQ_INT(fate_at(net, 2, WEFT_S(1), 972).delay[0], WEFT_MS(2));
    CHECK_EQ_INT(fate_at(net, 3, WEFT_S(1), 972).delay[0], WEFT_MS(3));
    CHECK_EQ_UINT(fate_at(net, 4, WEFT_S(1), 972).copies, 0);
    CHECK_EQ_INT(fate_at(net, 4, WEFT_S(1), 972).cause, SIM_LOSS_LINK);
    CHECK_EQ_INT(fate_at(net, 5, WEFT_S(1) + WEFT_US(1500), 972).delay[0], WEFT_US(2500));
    CHECK_EQ_INT(fate_at(net, 6, WEFT_S(2), 472).delay[0], WEFT_US(500)); /* idle again */
    struct sim_packet stream = {.from = 0, .to = 2, .size = 14600, .stream = true};
    struct sim_fate fate;
    for (int i = 0; i < 4; i++) sim_net_fate(net, &stream, &fate); /* waits and is not dropped */
    CHECK_EQ_INT(fate.delay[0], WEFT_MS(60));
    sim_net_free(net);
}

static void a_link_queues_each_pair_an_uplink_each_sender(void) {
    struct sim_packet to_1 = {.from = 0, .to = 1, .size = 972}, to_2 = to_1, from_2 = to_1;
    struct sim_fate fate;
    to_2.to = 2;
    from_2.from = 2;
    struct sim_net *net = sim_net_new(spec_of(rate(SIM_RATE_LINK, 1000000, 9000)), NODES, NULL, 1);
    sim_net_fate(net, &to_1, &fate);
    sim_net_fate(net, &to_2, &fate);
    CHECK_EQ_INT(fate.delay[0], WEFT_MS(1));
    sim_net_free(net);
    net = sim_net_new(spec_of(rate(SIM_RATE_UPLINK, 1000000, 9000)), NODES, NULL, 1);
    sim_net_fate(net, &to_1, &fate);
    sim_net_fate(net, &to_2, &fate);
    CHECK_EQ_INT(fate.delay[0], WEFT_MS(2));
    sim_net_fate(net, &from_2, &fate);
    CHECK_EQ_INT(fate.delay[0], WEFT_MS(1));
    CHECK(!sim_net_has_downlinks(net));
    sim_net_free(net);
}

static void a_downlink_queues_on_arrival(void) {
    struct sim_packet packet = {.from = 0, .to = 1, .size = 972}, other = packet;
    struct sim_fate fate;
    weft_duration wait;
    other.from = 2;
    struct sim_net *net =
        sim_net_new(spec_of(rate(SIM_RATE_DOWNLINK, 1000000, 2500)), NODES, NULL, 1);
    CHECK(sim_net_has_downlinks(net));
    sim_net_fate(net, &packet, &fate);
    CHECK_EQ_INT(fate.delay[0], 0);
    CHECK_EQ_INT(sim_net_arrive(net, &packet, &wait), SIM_LOSS_NONE);
    CHECK_EQ_INT(wait, WEFT_MS(1));
    CHECK_EQ_INT(sim_net_arrive(net, &other, &wait), SIM_LOSS_NONE);
    CHECK_EQ_INT(wait, WEFT_MS(2));
    CHECK_EQ_INT(sim_net_arrive(net, &packet, &wait), SIM_LOSS_LINK);
    packet.to = 3;
    CHECK_EQ_INT(sim_net_arrive(net, &packet, &wait), SIM_LOSS_NONE);
    CHECK_EQ_INT(wait, WEFT_MS(1));
    sim_net_free(net);
}

/* Pairs of 100,000 nodes would be 10^10: what is kept is of those that are active. */
static void queues_take_memory_for_links_that_are_active_only(void) {
    enum { MANY = 100000 };
    struct sim_net *net = sim_net_new(spec_of(rate(SIM_RATE_LINK, 1000000, 100000)), MANY, NULL, 1);
    struct sim_packet packet = {.size = 972};
    struct sim_fate fate;
    for (uint32_t i = 0; i < 1000000; i++) { /* 1,000 pairs a second, each busy for 1 ms */
        packet.from = i % MANY;
        packet.to = (i * 7919u + 1) % MANY;
        packet.now = WEFT_MS(1) * i;
        sim_net_fate(net, &packet, &fate);
        CHECK_EQ_INT(fate.delay[0], WEFT_MS(1));
    }
    CHECK(sim_net_links_memory(net) <= 4096);
    for (uint32_t i = 0; i < MANY; i++) { /* all at once */
        packet.from = i;
        packet.to = (i + 1) % MANY;
        sim_net_fate(net, &packet, &fate);
    }
    CHECK(sim_net_links_memory(net) >= MANY * 24);
    CHECK(sim_net_links_memory(net) <= MANY * 24 * 8);
    packet.now += WEFT_S(1);
    for (uint32_t i = 0; i < 2 * MANY * 8; i++) { /* and given back when they are idle */
        packet.from = i % MANY;
        packet.to = (i * 7919u + 1) % MANY;
        packet.now += WEFT_MS(1);
        sim_net_fate(net, &packet, &fate);
    }
    CHECK(sim_net_links_memory(net) <= 4096);
    sim_net_free(net);
}

static void a_datagram_above_the_mtu_is_lost_and_a_stream_is_not(void) {
    struct sim_net *net = sim_net_new(
        spec_of((struct sim_element){.kind = SIM_ELEMENT_MTU, .mtu = 576}), NODES, NULL, 1);
    CHECK_EQ_UINT(fate_at(net, 1, 0, 548).copies, 1);
    CHECK_EQ_UINT(fate_at(net, 1, 0, 549).copies, 0);
    struct sim_packet stream = {.to = 1, .size = 16384, .stream = true};
    struct sim_fate fate;
    sim_net_fate(net, &stream, &fate);
    CHECK_EQ_UINT(fate.copies, 1);
    sim_net_free(net);
}

/* --- damage --- */

static uint32_t bits_of(const unsigned char *bytes, size_t size) {
    uint32_t count = 0;
    for (size_t i = 0; i < size * 8; i++) count += bytes[i / 8] >> i % 8 & 1;
    return count;
}

static void damage_flips_as_many_bits_as_it_says(void) {
    struct sim_element element = {.kind = SIM_ELEMENT_CORRUPT, .ppm = 100000, .bits = 3};
    struct sim_net *net = sim_net_new(spec_of(element), NODES, NULL, 1);
    uint32_t damaged = 0, seen[4] = {0}, places[160] = {0};
    for (uint64_t i = 0; i < PACKETS; i++) {
        unsigned char bytes[20] = {0};
        struct sim_fate fate = fate_at(net, i, 0, sizeof bytes);
        REQUIRE(fate.copies == 1);
        if (fate.damage[0] == 0) continue;
        damaged++;
        sim_net_damage(fate.damage[0], bytes, sizeof bytes);
        uint32_t count = bits_of(bytes, sizeof bytes);
        REQUIRE(count >= 1 && count <= 3);
        seen[count]++;
        for (uint32_t j = 0; j < 160; j++) places[j] += bytes[j / 8] >> j % 8 & 1;
    }
    CHECK(damaged > 9500 && damaged < 10500);
    for (uint32_t i = 1; i <= 3; i++)
        CHECK(seen[i] > damaged / 3 - 300 && seen[i] < damaged / 3 + 300);
    for (uint32_t j = 0; j < 160; j++) CHECK(places[j] > 60 && places[j] < 190); /* 125 */
    unsigned char byte = 0;
    sim_net_damage(UINT64_MAX, &byte, 1); /* 64 bits of 8 */
    CHECK_EQ_UINT(byte, 255);
    CHECK_EQ_UINT(fate_at(net, 1, 0, 0).damage[0], 0); /* nothing to flip */
    sim_net_free(net);
}

static void a_damaged_stream_packet_is_sent_again(void) {
    struct sim_element element = {.kind = SIM_ELEMENT_CORRUPT, .ppm = 500000, .bits = 1};
    struct sim_net *net = sim_net_new(spec_of(element), NODES, NULL, 1);
    uint32_t late = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct sim_fate fate = stream_fate_of(net, i);
        CHECK_EQ_UINT(fate.copies, 1);
        CHECK_EQ_UINT(fate.damage[0], 0);
        late += fate.delay[0] >= WEFT_MS(200);
    }
    CHECK(late > 420 && late < 580);
    sim_net_free(net);
}

/* --- kinds, holds --- */

static void a_loss_of_kinds_loses_these_only(void) {
    struct sim_element element = {
        .kind = SIM_ELEMENT_LOSS, .ppm = 1000000, .kinds = 1u << 3 | 1u << 31};
    struct sim_net *net = sim_net_new(spec_of(element), NODES, NULL, 1);
    struct sim_packet packet = {.to = 1};
    struct sim_fate fate;
    CHECK(sim_net_asks_kind(net));
    CHECK(!sim_net_cut(net, 0, 1));
    for (packet.kind = 0; packet.kind < 32; packet.kind++) {
        sim_net_fate(net, &packet, &fate);
        CHECK_EQ_UINT(fate.copies, packet.kind == 3 || packet.kind == 31 ? 0 : 1);
    }
    sim_net_free(net);
}

static void what_is_held_comes_at_the_release_in_order(void) {
    struct sim_net_spec *spec = spec_of((struct sim_element){
        .kind = SIM_ELEMENT_DELAY, .delay = {.kind = SIM_DELAY_UNIFORM, .b = WEFT_MS(100)}});
    chain_add(&spec->rules[0].chain,
              (struct sim_element){.kind = SIM_ELEMENT_HOLD, .until = WEFT_S(2)});
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    weft_time last = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        weft_time now = WEFT_S(1) + WEFT_US(999) * i, at = now + fate_at(net, i, now, 10).delay[0];
        CHECK(at > last && at >= WEFT_S(2));
        if (now < WEFT_MS(1899)) CHECK(at < WEFT_S(2) + 1000);
        last = at;
    }
    CHECK(fate_at(net, 1001, WEFT_S(2), 10).delay[0] <= WEFT_MS(100));
    sim_net_free(net);
}

static void the_least_delay_of_a_net_is_that_of_its_fastest_rule(void) {
    struct sim_net_spec *spec = spec_of(constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(10)));
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(7)));
    chain_add(&spec->rules[0].chain, rate(SIM_RATE_LINK, 1, 1));
    CHECK_EQ_INT(sim_net_least(spec), WEFT_MS(17));
    spec->rules[1].from_group = spec->rules[1].to_group = 1;
    spec->rules_count = 2;
    chain_add(&spec->rules[1].chain, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(3)));
    CHECK_EQ_INT(sim_net_least(spec), WEFT_MS(3));
}

/* --- rules and regions --- */

static void the_last_rule_that_matches_counts(void) {
    static const uint32_t groups[NODES] = {0, 1, 2, 2, 0, 0, 0, 0};
    struct sim_net_spec *spec = spec_of(constant(SIM_ELEMENT_DELAY, 0, 1));
    static const uint32_t pairs[][2] = {{SIM_GROUP_ANY, 2}, {1, SIM_GROUP_ANY}, {2, 2}};
    for (uint32_t i = 0; i < 3; i++) {
        struct sim_rule *rule = &spec->rules[spec->rules_count++];
        rule->from_group = pairs[i][0];
        rule->to_group = pairs[i][1];
        chain_add(&rule->chain, constant(SIM_ELEMENT_DELAY, 0, 10 * (i + 1)));
    }
    struct sim_net *net = sim_net_new(spec, NODES, groups, 1);
    CHECK_EQ_INT(fate_of(net, 0, 4, 0).delay[0], 1);
    CHECK_EQ_INT(fate_of(net, 0, 2, 0).delay[0], 10);
    CHECK_EQ_INT(fate_of(net, 1, 2, 0).delay[0], 20); /* both match: the last */
    CHECK_EQ_INT(fate_of(net, 2, 3, 0).delay[0], 30);
    CHECK_EQ_INT(fate_of(net, 2, 0, 0).delay[0], 1); /* rules have a direction */
    sim_net_free(net);
    net = sim_net_new(spec, NODES, NULL, 1); /* without groups all are in 0 */
    CHECK_EQ_INT(fate_of(net, 1, 2, 0).delay[0], 1);
    sim_net_free(net);
}

static void regions_are_drawn_evenly_and_stay(void) {
    static struct sim_regions regions = {.count = 4};
    for (uint32_t i = 0; i < 16; i++) regions.delay[i / 4][i % 4] = WEFT_MS(i + 1);
    struct sim_element element = {
        .kind = SIM_ELEMENT_DELAY,
        .delay = {.kind = SIM_DELAY_REGIONS, .a = WEFT_MS(99), .regions = &regions}};
    struct sim_net_spec *spec = spec_of(element);
    spec->regions = &regions;
    struct sim_net *net = sim_net_new(spec, 4000, NULL, 1), *again = sim_net_new(spec, 10, NULL, 1);
    uint32_t count[4] = {0};
    for (uint32_t i = 0; i < 4000; i++) count[sim_net_region(net, i)]++;
    for (int i = 0; i < 4; i++) CHECK(count[i] > 860 && count[i] < 1140);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t a = sim_net_region(net, i), b = sim_net_region(net, i + 1);
        CHECK_EQ_UINT(a, sim_net_region(again, i)); /* however many nodes there are */
        weft_duration want = a == b ? WEFT_MS(99) : WEFT_MS(a * 4 + b + 1);
        CHECK_EQ_INT(fate_of(net, i, i + 1, 0).delay[0], want);
    }
    sim_net_free(net);
    sim_net_free(again);
}

static void without_regions_all_nodes_are_in_one(void) {
    struct sim_net *net = sim_net_new(spec_of((struct sim_element){0}), NODES, NULL, 1);
    CHECK_EQ_UINT(sim_net_region(net, 7), 0);
    CHECK_EQ_TEXT(sim_net_region_name(net, 0), "");
    sim_net_free(net);
}

/* --- layers --- */

static sim_layer layer_on(struct sim_net *net, enum sim_layer_kind kind, const char *sides,
                          const struct sim_chain *chain) {
    uint8_t side[NODES];
    for (int i = 0; i < NODES; i++) side[i] = (uint8_t)(sides[i] - '0');
    struct sim_layer_spec spec = {.kind = kind, .side = side, .chain = chain};
    sim_layer layer = SIM_LAYER_NONE;
    CHECK_EQ_INT(sim_net_layer_on(net, &spec, &layer), WEFT_OK);
    return layer;
}

static void what_comes_through_late_meets_the_cuts_of_then(void) {
    struct sim_net *net = sim_net_new(spec_of(constant(SIM_ELEMENT_LOSS, 0, 0)), NODES, NULL, 1);
    struct sim_chain chain = {.count = 1, .elements = {constant(SIM_ELEMENT_LOSS, 999999, 0)}};
    CHECK_EQ_INT(sim_net_through(net, 0, 7), SIM_LOSS_NONE);
    sim_layer loses = layer_on(net, SIM_LAYER_CHAIN, "10000000", &chain);
    CHECK_EQ_INT(sim_net_through(net, 0, 7), SIM_LOSS_NONE); /* chances were drawn before */
    CHECK_EQ_UINT(sim_net_layer_bites(net, loses), 0);
    chain.elements[0].ppm = 1000000;
    sim_net_layer_change(net, loses, &chain);
    CHECK_EQ_INT(sim_net_through(net, 0, 7), SIM_LOSS_FAULT);
    CHECK_EQ_INT(sim_net_through(net, 1, 7), SIM_LOSS_NONE);
    sim_layer split = layer_on(net, SIM_LAYER_SPLIT, "00001111", NULL);
    CHECK_EQ_INT(sim_net_through(net, 0, 7), SIM_LOSS_CUT);
    CHECK_EQ_INT(sim_net_through(net, 7, 1), SIM_LOSS_CUT);
    CHECK_EQ_INT(sim_net_through(net, 1, 2), SIM_LOSS_NONE);
    CHECK_EQ_UINT(sim_net_layer_bites(net, loses), 1);
    CHECK_EQ_UINT(sim_net_layer_bites(net, split), 2);
    sim_net_layer_off(net, split);
    CHECK_EQ_INT(sim_net_through(net, 1, 7), SIM_LOSS_NONE);
    sim_net_free(net);
}

static bool passes(struct sim_net *net, uint32_t from, uint32_t to) {
    struct sim_fate fate = fate_of(net, from, to, 1);
    CHECK_EQ_INT(fate.copies == 0, sim_net_cut(net, from, to));
    CHECK_EQ_INT(fate.cause, fate.copies == 0 ? SIM_LOSS_CUT : SIM_LOSS_NONE);
    return fate.copies == 1;
}

static struct sim_net *plain_net(void) {
    return sim_net_new(spec_of((struct sim_element){0}), NODES, NULL, 1);
}

static void a_split_cuts_between_sides_and_not_within(void) {
    struct sim_net *net = plain_net();
    sim_layer layer = layer_on(net, SIM_LAYER_SPLIT, "00112222", NULL);
    CHECK(passes(net, 0, 1));
    CHECK(!passes(net, 1, 2));
    CHECK(!passes(net, 2, 1));
    CHECK(!passes(net, 3, 7));
    CHECK(passes(net, 4, 7));
    CHECK_EQ_UINT(fate_of(net, 0, 2, 1).cut_by, layer);
    CHECK_EQ_UINT(sim_net_layer_bites(net, layer), 4);
    sim_net_layer_off(net, layer);
    CHECK(passes(net, 1, 2));
    CHECK_EQ_UINT(sim_net_layer_bites(net, layer), 4);
    sim_net_free(net);
}

static void one_way_cuts_from_side_0_to_side_1_only(void) {
    struct sim_net *net = plain_net();
    layer_on(net, SIM_LAYER_ONE_WAY, "00112222", NULL);
    CHECK(!passes(net, 0, 2));
    CHECK(passes(net, 2, 0));
    CHECK(passes(net, 2, 3));
    CHECK(passes(net, 0, 4));
    CHECK(passes(net, 4, 2));
    sim_net_free(net);
}

static void the_isolated_reach_nobody_not_even_each_other(void) {
    struct sim_net *net = plain_net();
    layer_on(net, SIM_LAYER_ISOLATE, "00110000", NULL);
    CHECK(!passes(net, 0, 2));
    CHECK(!passes(net, 2, 0));
    CHECK(!passes(net, 2, 3));
    CHECK(passes(net, 0, 1));
    sim_net_free(net);
}

static void a_cut_loses_a_streams_packet(void) {
    struct sim_net *net = plain_net();
    layer_on(net, SIM_LAYER_SPLIT, "01000000", NULL);
    struct sim_fate fate = stream_fate_of(net, 1);
    CHECK_EQ_UINT(fate.copies, 0);
    CHECK_EQ_INT(fate.cause, SIM_LOSS_CUT);
    sim_net_free(net);
}

static void a_chain_layer_comes_on_top_of_the_link(void) {
    struct sim_net *net =
        sim_net_new(spec_of(constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(10))), NODES, NULL, 1);
    struct sim_chain slow = {0};
    chain_add(&slow, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(50)));
    sim_layer layer = layer_on(net, SIM_LAYER_CHAIN, "01000000", &slow);
    CHECK_EQ_INT(fate_of(net, 0, 1, 1).delay[0], WEFT_MS(60));
    CHECK_EQ_INT(fate_of(net, 1, 0, 1).delay[0], WEFT_MS(60));
    CHECK_EQ_INT(fate_of(net, 0, 2, 1).delay[0], WEFT_MS(10));
    CHECK_EQ_UINT(sim_net_layer_bites(net, layer), 2);
    sim_net_free(net);
}

static void a_chain_layer_that_loses_is_the_cause(void) {
    struct sim_net *net = plain_net();
    struct sim_chain lossy = {0};
    chain_add(&lossy, constant(SIM_ELEMENT_LOSS, 300000, 0));
    sim_layer layer = layer_on(net, SIM_LAYER_CHAIN, "01000000", &lossy);
    uint32_t lost = 0;
    for (uint64_t i = 0; i < 10000; i++) {
        struct sim_fate fate = fate_of(net, 0, 1, i);
        if (fate.copies > 0) continue;
        lost++;
        CHECK_EQ_INT(fate.cause, SIM_LOSS_FAULT);
        CHECK_EQ_UINT(fate.cut_by, layer);
    }
    CHECK(lost > 2770 && lost < 3230);
    CHECK_EQ_UINT(sim_net_layer_bites(net, layer), lost); /* what passed was not bitten */
    CHECK(!sim_net_cut(net, 0, 1));
    sim_net_free(net);
}

static void a_chain_layer_that_loses_all_is_a_cut(void) {
    struct sim_net *net = plain_net();
    struct sim_chain dead = {0};
    chain_add(&dead, constant(SIM_ELEMENT_LOSS, 1000000, 0));
    layer_on(net, SIM_LAYER_CHAIN, "01000000", &dead);
    CHECK(sim_net_cut(net, 0, 1));
    CHECK(!sim_net_cut(net, 0, 2));
    CHECK_EQ_UINT(stream_fate_of(net, 1).copies, 0);
    sim_net_free(net);
}

static void layers_compose_and_lift_one_by_one(void) {
    struct sim_net *net = plain_net();
    struct sim_chain slow = {0};
    chain_add(&slow, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(50)));
    sim_layer split = layer_on(net, SIM_LAYER_SPLIT, "00001111", NULL);
    sim_layer isolate = layer_on(net, SIM_LAYER_ISOLATE, "10000000", NULL);
    sim_layer first = layer_on(net, SIM_LAYER_CHAIN, "01100000", &slow);
    sim_layer second = layer_on(net, SIM_LAYER_CHAIN, "00110000", &slow);
    sim_layer third = layer_on(net, SIM_LAYER_SPLIT, "00001111", NULL);
    CHECK(!passes(net, 0, 4)); /* three cuts stand in its way: all bite */
    CHECK_EQ_UINT(sim_net_layer_bites(net, split), 1);
    CHECK_EQ_UINT(sim_net_layer_bites(net, isolate), 1);
    CHECK_EQ_UINT(sim_net_layer_bites(net, third), 1);
    CHECK_EQ_UINT(fate_of(net, 0, 4, 1).cut_by, split);
    sim_net_layer_off(net, third);
    CHECK_EQ_INT(fate_of(net, 1, 2, 1).delay[0], WEFT_MS(100));
    sim_net_layer_off(net, split);
    CHECK(!passes(net, 0, 4));
    CHECK(passes(net, 1, 4));
    sim_net_layer_off(net, first);
    CHECK_EQ_INT(fate_of(net, 1, 2, 1).delay[0], WEFT_MS(50));
    sim_net_layer_off(net, isolate);
    CHECK(passes(net, 0, 4));
    CHECK_EQ_INT(fate_of(net, 1, 2, 1).delay[0], WEFT_MS(50));
    sim_net_layer_off(net, second);
    CHECK_EQ_INT(fate_of(net, 1, 2, 1).delay[0], 0);
    sim_net_free(net);
}

static void a_layer_put_on_again_counts_from_nothing(void) {
    struct sim_net *net = plain_net();
    sim_layer layer = layer_on(net, SIM_LAYER_SPLIT, "01000000", NULL);
    CHECK(!passes(net, 0, 1));
    sim_net_layer_off(net, layer);
    CHECK_EQ_UINT(layer_on(net, SIM_LAYER_SPLIT, "01000000", NULL), layer);
    CHECK_EQ_UINT(sim_net_layer_bites(net, layer), 0);
    sim_net_free(net);
}

static void a_chain_layer_acts_by_direction(void) {
    struct sim_net *net = plain_net();
    struct sim_chain slow = {0};
    chain_add(&slow, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(50)));
    layer_on(net, SIM_LAYER_CHAIN, "02460000", &slow); /* from 1 and 3, to 2 and 3 */
    CHECK_EQ_INT(fate_of(net, 1, 2, 1).delay[0], WEFT_MS(50));
    CHECK_EQ_INT(fate_of(net, 3, 2, 1).delay[0], WEFT_MS(50));
    CHECK_EQ_INT(fate_of(net, 1, 3, 1).delay[0], WEFT_MS(50));
    CHECK_EQ_INT(fate_of(net, 2, 1, 1).delay[0], 0);
    CHECK_EQ_INT(fate_of(net, 0, 2, 1).delay[0], 0);
    CHECK_EQ_INT(fate_of(net, 1, 0, 1).delay[0], 0);
    sim_net_free(net);
}

static void on_a_ring_each_reaches_its_neighbours(void) {
    struct sim_net *net = plain_net();
    uint32_t rank[NODES] = {0, 3, 1, 4, 2, SIM_RANK_NONE, SIM_RANK_NONE, SIM_RANK_NONE};
    struct sim_layer_spec spec = {
        .kind = SIM_LAYER_RING, .rank = rank, .ring_count = 5, .reach = 1};
    sim_layer layer;
    CHECK_EQ_INT(sim_net_layer_on(net, &spec, &layer), WEFT_OK);
    for (uint32_t i = 0; i < 5; i++) {
        for (uint32_t j = 0; j < 5; j++) {
            uint32_t apart = (rank[i] + 5 - rank[j]) % 5;
            CHECK_EQ_INT(passes(net, i, j), apart <= 1 || apart == 4);
        }
        CHECK(passes(net, i, 6) && passes(net, 7, i));
    }
    CHECK_EQ_UINT(sim_net_layer_bites(net, layer), 10);
    sim_net_layer_off(net, layer);
    CHECK(passes(net, 0, 1));
    sim_net_free(net);
}

static void a_layer_that_rests_does_nothing_and_goes_on(void) {
    struct sim_net *net = plain_net();
    sim_layer layer = layer_on(net, SIM_LAYER_SPLIT, "01000000", NULL);
    CHECK(!passes(net, 0, 1));
    sim_net_layer_rest(net, layer, true);
    CHECK(passes(net, 0, 1));
    sim_net_layer_rest(net, layer, true);
    sim_net_layer_rest(net, layer, false);
    CHECK(!passes(net, 0, 1));
    CHECK_EQ_UINT(sim_net_layer_bites(net, layer), 2);
    sim_net_layer_rest(net, layer, true);
    sim_net_layer_off(net, layer);
    CHECK(passes(net, 0, 1));
    sim_net_free(net);
}

static void a_chain_layer_changes_what_it_does(void) {
    struct sim_net *net = plain_net();
    struct sim_chain slow = {0}, choosy = {0};
    chain_add(&slow, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(50)));
    chain_add(&choosy,
              (struct sim_element){.kind = SIM_ELEMENT_LOSS, .ppm = 1000000, .kinds = 1u << 4});
    chain_add(&choosy, rate(SIM_RATE_DOWNLINK, 1000, 1000));
    sim_layer layer = layer_on(net, SIM_LAYER_CHAIN, "01000000", &slow);
    CHECK(!sim_net_asks_kind(net) && !sim_net_has_downlinks(net));
    sim_net_layer_change(net, layer, &choosy);
    CHECK(sim_net_asks_kind(net) && sim_net_has_downlinks(net));
    CHECK_EQ_INT(fate_of(net, 0, 1, 1).delay[0], 0);
    sim_net_layer_rest(net, layer, true);
    CHECK(!sim_net_asks_kind(net) && !sim_net_has_downlinks(net));
    sim_net_layer_change(net, layer, &slow);
    sim_net_layer_rest(net, layer, false);
    CHECK(!sim_net_asks_kind(net) && !sim_net_has_downlinks(net));
    CHECK_EQ_INT(fate_of(net, 0, 1, 1).delay[0], WEFT_MS(50));
    sim_net_layer_off(net, layer);
    sim_net_free(net);
}

/* A queue belongs to its layer: another one, even by the same number, starts empty. */
static void queues_of_layers_are_their_own(void) {
    struct sim_net *net = plain_net();
    struct sim_chain slow = {0};
    chain_add(&slow, rate(SIM_RATE_LINK, 1000, 100000));
    sim_layer layer = layer_on(net, SIM_LAYER_CHAIN, "01000000", &slow);
    layer_on(net, SIM_LAYER_CHAIN, "01000000", &slow);
    CHECK_EQ_INT(fate_of(net, 0, 1, 1).delay[0], WEFT_MS(256)); /* 128 ms twice */
    CHECK_EQ_INT(fate_of(net, 0, 1, 1).delay[0], WEFT_MS(512));
    sim_net_layer_off(net, layer);
    CHECK_EQ_UINT(layer_on(net, SIM_LAYER_CHAIN, "01000000", &slow), layer);
    CHECK_EQ_INT(fate_of(net, 0, 1, 1).delay[0], WEFT_MS(384 + 128));
    sim_net_free(net);
}

static void a_packet_that_is_just_delayed_is_told_from_others(void) {
    struct sim_element uniform = {
        .kind = SIM_ELEMENT_DELAY,
        .delay = {.kind = SIM_DELAY_UNIFORM, .a = WEFT_MS(1), .b = WEFT_MS(90)}};
    struct sim_net *net = sim_net_new(spec_of(uniform), NODES, NULL, 1);
    weft_duration delay = -1;
    for (uint64_t i = 0; i < 100; i++) {
        CHECK(sim_net_just_delays(net, 0, 1, i, &delay));
        CHECK_EQ_INT(delay, fate_of(net, 0, 1, i).delay[0]);
    }
    sim_layer cut = layer_on(net, SIM_LAYER_SPLIT, "01000000", NULL);
    CHECK(!sim_net_just_delays(net, 0, 1, 1, &delay));
    CHECK(sim_net_just_delays(net, 0, 2, 1, &delay));
    CHECK_EQ_UINT(sim_net_layer_bites(net, cut), 0); /* sim_net_fate has it bite */
    sim_net_layer_off(net, cut);
    CHECK(sim_net_just_delays(net, 0, 1, 1, &delay));
    struct sim_chain slow = {0};
    chain_add(&slow, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(1)));
    layer_on(net, SIM_LAYER_CHAIN, "00000001", &slow);
    CHECK(!sim_net_just_delays(net, 0, 1, 1, &delay));
    sim_net_free(net);
}

static void layers_are_bounded(void) {
    struct sim_net *net = plain_net();
    for (uint32_t i = 0; i < SIM_LAYERS_MAX; i++) layer_on(net, SIM_LAYER_SPLIT, "01000000", NULL);
    uint8_t side[NODES] = {0};
    struct sim_layer_spec spec = {.kind = SIM_LAYER_SPLIT, .side = side};
    sim_layer layer = 77;
    CHECK_EQ_INT(sim_net_layer_on(net, &spec, &layer), WEFT_ERR_FULL);
    CHECK_EQ_UINT(layer, 77);
    sim_net_layer_off(net, 100);
    CHECK_EQ_INT(sim_net_layer_on(net, &spec, &layer), WEFT_OK);
    CHECK_EQ_UINT(layer, 100);
    CHECK(!passes(net, 0, 1));
    CHECK_EQ_UINT(fate_of(net, 0, 1, 1).cut_by, 0);
    sim_net_free(net);
}

/* Two lossy layers at once lose by themselves, and a key makes a layer's losses its own whatever
 * else is on. */
static void layers_draw_apart_and_by_their_key(void) {
    struct sim_net *net = plain_net();
    struct sim_chain lossy = {0};
    chain_add(&lossy, constant(SIM_ELEMENT_LOSS, 500000, 0));
    uint8_t side[NODES] = {0, 1};
    struct sim_layer_spec spec = {
        .kind = SIM_LAYER_CHAIN, .side = side, .chain = &lossy, .key = 1234};
    sim_layer alone, beside, other;
    bool lost[1000];
    CHECK_EQ_INT(sim_net_layer_on(net, &spec, &alone), WEFT_OK);
    for (uint64_t i = 0; i < 1000; i++) lost[i] = fate_of(net, 0, 1, i).copies == 0;
    sim_net_layer_off(net, alone);

    spec.key = 0;
    CHECK_EQ_INT(sim_net_layer_on(net, &spec, &other), WEFT_OK);
    spec.key = 1234;
    CHECK_EQ_INT(sim_net_layer_on(net, &spec, &beside), WEFT_OK);
    CHECK(beside != alone);
    uint32_t passed = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct sim_fate fate = fate_of(net, 0, 1, i);
        passed += fate.copies == 1;
        if (fate.copies == 1 || fate.cut_by == beside) CHECK_EQ_INT(fate.copies == 0, lost[i]);
    }
    CHECK(passed > 180 && passed < 320);
    sim_net_free(net);
}

static void layers_without_a_key_draw_apart_from_the_link_and_each_other(void) {
    struct sim_net *net =
        sim_net_new(spec_of(constant(SIM_ELEMENT_LOSS, 500000, 0)), NODES, NULL, 1);
    struct sim_chain lossy = {0};
    chain_add(&lossy, constant(SIM_ELEMENT_LOSS, 500000, 0));
    layer_on(net, SIM_LAYER_CHAIN, "01000000", &lossy);
    layer_on(net, SIM_LAYER_CHAIN, "01000000", &lossy);
    uint32_t passed = 0;
    for (uint64_t i = 0; i < 8000; i++) passed += fate_of(net, 0, 1, i).copies;
    CHECK(passed > 850 && passed < 1150); /* an eighth */
    sim_net_free(net);
}

/* --- claims --- */

static void each_element_counts_what_it_changed_for_its_claim(void) {
    struct sim_element half = constant(SIM_ELEMENT_LOSS, 500000, 0);
    struct sim_element small = {.kind = SIM_ELEMENT_MTU, .mtu = 1500, .claim = 2};
    half.claim = 1;
    struct sim_net_spec *spec = spec_of(half);
    chain_add(&spec->rules[0].chain, small);
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(1)));
    spec->claims_count = 3;
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    struct sim_chain late = {.count = 0};
    chain_add(&late, constant(SIM_ELEMENT_DELAY, 0, WEFT_MS(1)));
    late.elements[0].claim = 3;
    sim_layer layer = layer_on(net, SIM_LAYER_CHAIN, "01000000", &late);
    uint64_t passed = 0;
    for (uint64_t i = 0; i < 1000; i++) passed += fate_of(net, 0, 1, i).copies;
    for (uint64_t i = 0; i < 1000; i++) (void)fate_of(net, 2, 3, i);
    CHECK(passed > 400 && passed < 600);
    CHECK(sim_net_claim_bites(net, 1) > 800 && sim_net_claim_bites(net, 1) < 1200);
    CHECK_EQ_UINT(sim_net_claim_bites(net, 2), 0);
    CHECK_EQ_UINT(sim_net_claim_bites(net, 3), passed);
    late.elements[0].claim = 0;
    sim_net_layer_change(net, layer, &late);
    for (uint64_t i = 1000; i < 2000; i++) (void)fate_of(net, 0, 1, i);
    CHECK_EQ_UINT(sim_net_claim_bites(net, 3), passed);
    sim_net_free(net);
}

static void a_downlink_counts_what_waits_for_its_claim(void) {
    struct sim_element line = {.kind = SIM_ELEMENT_RATE,
                               .rate = {.bytes = 1000, .queue = 10, .of = SIM_RATE_DOWNLINK},
                               .claim = 1};
    struct sim_net_spec *spec = spec_of(line);
    spec->claims_count = 1;
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    struct sim_packet packet = {.from = 0, .to = 1, .size = 100, .now = WEFT_S(1)};
    weft_duration wait;
    CHECK_EQ_UINT(sim_net_claim_bites(net, 1), 0);
    CHECK_EQ_INT(sim_net_arrive(net, &packet, &wait), SIM_LOSS_NONE);
    CHECK_EQ_UINT(sim_net_claim_bites(net, 1), 1);
    CHECK_EQ_INT(sim_net_arrive(net, &packet, &wait), SIM_LOSS_LINK); /* no room */
    CHECK_EQ_UINT(sim_net_claim_bites(net, 1), 2);
    sim_net_free(net);
}

static void fates_are_the_same_on_every_machine(void) {
    struct sim_element element = {
        .kind = SIM_ELEMENT_DELAY,
        .delay = {.kind = SIM_DELAY_LOGNORMAL, .a = WEFT_MS(40), .sigma_milli = 500}};
    struct sim_net_spec *spec = spec_of(element);
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_LOSS, 100000, 0));
    chain_add(&spec->rules[0].chain, constant(SIM_ELEMENT_DUPLICATE, 100000, WEFT_MS(1)));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 42), *again;
    again = sim_net_new(spec, NODES, NULL, 42);
    int64_t sum = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct sim_fate fate = fate_of(net, 3, 4, i), twin = fate_of(again, 3, 4, i);
        CHECK(memcmp(&fate, &twin, sizeof fate) == 0);
        for (uint32_t j = 0; j < fate.copies; j++) sum += fate.delay[j] * (int64_t)(i % 97);
    }
    CHECK_EQ_INT(sum, INT64_C(2126993262660));
    sim_net_free(net);
    sim_net_free(again);
    sim_net_free(NULL);
}

TEST_MAIN("sim/net", TEST(without_elements_a_packet_arrives_once_and_at_once),
          TEST(delays_of_a_chain_add_up), TEST(delays_stick_at_never),
          TEST(loss_has_the_rate_asked_for), TEST(loss_falls_on_each_pair_and_direction_by_itself),
          TEST(a_duplicate_comes_later_by_a_delay_of_its_own),
          TEST(elements_act_in_the_order_of_the_chain),
          TEST(copies_are_bounded_and_lost_one_by_one), TEST(reorder_holds_some_packets_back),
          TEST(the_same_element_twice_draws_twice), TEST(a_stream_is_never_lost_by_chance_but_late),
          TEST(a_stream_is_not_doubled), TEST(certain_loss_is_a_cut_for_a_stream),
          TEST(losses_in_bursts_have_the_share_and_the_lengths_asked_for),
          TEST(a_burst_falls_on_each_direction_by_itself_and_seeds_differ),
          TEST(a_stream_gets_through_when_the_bad_spell_is_over),
          TEST(a_rate_takes_its_time_queues_and_drops_what_finds_no_room),
          TEST(a_link_queues_each_pair_an_uplink_each_sender), TEST(a_downlink_queues_on_arrival),
          TEST(queues_take_memory_for_links_that_are_active_only),
          TEST(a_datagram_above_the_mtu_is_lost_and_a_stream_is_not),
          TEST(damage_flips_as_many_bits_as_it_says), TEST(a_damaged_stream_packet_is_sent_again),
          TEST(a_loss_of_kinds_loses_these_only), TEST(what_is_held_comes_at_the_release_in_order),
          TEST(the_least_delay_of_a_net_is_that_of_its_fastest_rule),
          TEST(a_chain_layer_acts_by_direction), TEST(on_a_ring_each_reaches_its_neighbours),
          TEST(a_layer_that_rests_does_nothing_and_goes_on),
          TEST(a_chain_layer_changes_what_it_does), TEST(queues_of_layers_are_their_own),
          TEST(the_last_rule_that_matches_counts), TEST(regions_are_drawn_evenly_and_stay),
          TEST(without_regions_all_nodes_are_in_one),
          TEST(what_comes_through_late_meets_the_cuts_of_then),
          TEST(a_split_cuts_between_sides_and_not_within),
          TEST(one_way_cuts_from_side_0_to_side_1_only),
          TEST(the_isolated_reach_nobody_not_even_each_other), TEST(a_cut_loses_a_streams_packet),
          TEST(a_chain_layer_comes_on_top_of_the_link), TEST(a_chain_layer_that_loses_is_the_cause),
          TEST(a_chain_layer_that_loses_all_is_a_cut), TEST(layers_compose_and_lift_one_by_one),
          TEST(a_layer_put_on_again_counts_from_nothing),
          TEST(a_packet_that_is_just_delayed_is_told_from_others), TEST(layers_are_bounded),
          TEST(layers_draw_apart_and_by_their_key),
          TEST(layers_without_a_key_draw_apart_from_the_link_and_each_other),
          TEST(each_element_counts_what_it_changed_for_its_claim),
          TEST(a_downlink_counts_what_waits_for_its_claim),
          TEST(fates_are_the_same_on_every_machine))
