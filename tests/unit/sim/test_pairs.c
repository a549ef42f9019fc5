/* What is the same for all packets of a pair, or of a node: delays of pairs, regions. */
#include "core/base/error.h"
#include "sim/net/net.h"
#include "tests/harness/harness.h"

#include <stdlib.h>

#define NODES 8

static void chain_add(struct sim_chain *chain, struct sim_element element) {
    chain->elements[chain->count++] = element;
}

static struct sim_net_spec *spec_of(struct sim_element element) {
    static struct sim_net_spec spec;
    spec = (struct sim_net_spec){.rules_count = 1};
    spec.rules[0].from_group = spec.rules[0].to_group = SIM_GROUP_ANY;
    chain_add(&spec.rules[0].chain, element);
    return &spec;
}

/* Odd packets are a stream's: the same way. */
static weft_duration delay_of(struct sim_net *net, uint32_t from, uint32_t to, uint64_t number) {
    struct sim_packet packet = {
        .from = from, .to = to, .size = 100, .number = number, .stream = number % 2 == 1};
    struct sim_fate fate;
    sim_net_fate(net, &packet, &fate);
    CHECK_EQ_UINT(fate.copies, 1);
    return fate.delay[0];
}

static struct sim_element per_pair(uint32_t number) {
    return (struct sim_element){
        .kind = SIM_ELEMENT_DELAY,
        .delay = {
            .kind = SIM_DELAY_LOGNORMAL, .a = WEFT_MS(40), .sigma_milli = 500, .pair = number}};
}

static void a_pair_keeps_its_delay_both_ways_and_jitter_comes_on_top(void) {
    struct sim_net_spec *spec = spec_of(per_pair(1));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1), *other = sim_net_new(spec, 9, NULL, 2);
    weft_duration delay = delay_of(net, 2, 5, 0), just;
    for (uint64_t i = 1; i < 100; i++) {
        CHECK_EQ_INT(delay_of(net, i % 2 ? 5 : 2, i % 2 ? 2 : 5, i), delay);
        CHECK(!sim_net_just_delays(net, 2, 5, i, &just) || just == delay);
    }
    CHECK_EQ_INT(delay_of(net, 1, 0, 3), delay_of(net, 0, 1, 4));
    CHECK(delay_of(net, 2, 6, 0) != delay);
    CHECK(delay_of(other, 2, 5, 0) != delay);
    sim_net_free(other);
    sim_net_free(net);

    /* What stands before and after it in the chain changes nothing of it. */
    struct sim_element jitter = {.kind = SIM_ELEMENT_DELAY,
                                 .delay = {.kind = SIM_DELAY_UNIFORM, .b = WEFT_MS(5)}};
    spec = spec_of((struct sim_element){.kind = SIM_ELEMENT_LOSS});
    chain_add(&spec->rules[0].chain, per_pair(1));
    chain_add(&spec->rules[0].chain, jitter);
    net = sim_net_new(spec, NODES, NULL, 1);
    weft_duration least = WEFT_TIME_NEVER, most = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        weft_duration more = delay_of(net, 5, 2, i) - delay;
        least = more < least ? more : least;
        most = more > most ? more : most;
    }
    CHECK(least >= 0 && least < WEFT_US(50));
    CHECK(most > WEFT_US(4950) && most <= WEFT_MS(5));
    sim_net_free(net);
}

static int by_length(const void *a, const void *b) {
    const weft_duration *one = a, *other = b;
    return (*one > *other) - (*one < *other);
}

static void the_delays_of_all_pairs_have_the_distribution_asked_for(void) {
    static weft_duration delays[120 * 119 / 2];
    struct sim_net_spec *spec = spec_of(per_pair(1));
    struct sim_net *net = sim_net_new(spec, 120, NULL, 7);
    uint32_t count = 0;
    for (uint32_t a = 0; a < 120; a++)
        for (uint32_t b = 0; b < a; b++) delays[count++] = delay_of(net, a, b, 0);
    qsort(delays, count, sizeof *delays, by_length);
    weft_duration median = delays[count / 2], high = delays[(uint64_t)count * 84134 / 100000];
    CHECK(median > WEFT_MS(39) && median < WEFT_MS(41));
    CHECK(high > WEFT_US(63500) && high < WEFT_US(68500)); /* e^0.5: one sigma above it */
    CHECK(delays[0] >= sim_net_least(spec));
    CHECK_EQ_UINT(sim_net_links_memory(net), 0);
    sim_net_free(net);
}

static void delays_of_pairs_draw_apart_by_number_and_by_layer(void) {
    struct sim_net_spec *spec = spec_of(per_pair(1));
    struct sim_net *net = sim_net_new(spec, NODES, NULL, 1);
    weft_duration one = delay_of(net, 0, 1, 0);
    struct sim_chain chain = {.count = 1, .elements = {per_pair(1)}};
    const uint8_t side[NODES] = {SIM_SIDE_EITHER};
    struct sim_layer_spec layer = {
        .kind = SIM_LAYER_CHAIN, .side = side, .chain = &chain, .key = 5};
    sim_layer on;
    REQUIRE(sim_net_layer_on(net, &layer, &on) == WEFT_OK);
    weft_duration both = delay_of(net, 0, 1, 0);
    CHECK(both > one && both - one != one);
    CHECK_EQ_INT(delay_of(net, 1, 0, 9), both);
    CHECK_EQ_INT(delay_of(net, 1, 2, 9), delay_of(net, 2, 1, 0));
    sim_net_free(net);
    chain_add(&spec->rules[0].chain, per_pair(1));
    net = sim_net_new(spec, NODES, NULL, 1);
    CHECK_EQ_INT(delay_of(net, 0, 1, 0), 2 * one);
    spec->rules[0].chain.elements[1].delay.pair = 2;
    CHECK(delay_of(net, 0, 1, 0) != 2 * one);
    sim_net_free(net);
}

/* Dallas twice as likely as Oslo, nobody drawn into Rome; group 1 is in Rome, whatever the shares.
 */
static void regions_have_their_shares_and_groups_their_region(void) {
    static struct sim_regions regions = {
        .count = 3, .share_ppm = {400000, 0, 200000}, .name = {"Dallas", "Rome", "Oslo"}};
    static const uint8_t of_group[] = {SIM_REGION_DRAWN, 1};
    static uint32_t group_of[9000];
    for (uint32_t i = 6000; i < 9000; i++) group_of[i] = 1;
    struct sim_net_spec *spec = spec_of((struct sim_element){.kind = SIM_ELEMENT_LOSS});
    spec->regions = &regions;
    spec->region_of_group = of_group;
    struct sim_net *net = sim_net_new(spec, 9000, group_of, 1);
    uint32_t count[3] = {0};
    for (uint32_t i = 0; i < 6000; i++) count[sim_net_region(net, i)]++;
    CHECK(count[0] > 3800 && count[0] < 4200);
    CHECK_EQ_UINT(count[1], 0);
    for (uint32_t i = 6000; i < 9000; i++) CHECK_EQ_UINT(sim_net_region(net, i), 1);
    CHECK_EQ_TEXT(sim_net_region_name(net, 2), "Oslo");
    sim_net_free(net);
}

TEST_MAIN("sim/pairs", TEST(a_pair_keeps_its_delay_both_ways_and_jitter_comes_on_top),
          TEST(the_delays_of_all_pairs_have_the_distribution_asked_for),
          TEST(delays_of_pairs_draw_apart_by_number_and_by_layer),
          TEST(regions_have_their_shares_and_groups_their_region))
