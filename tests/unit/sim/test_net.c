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
          TEST(the_last_rule_that_matches_counts), TEST(regions_are_drawn_evenly_and_stay),
          TEST(without_regions_all_nodes_are_in_one),
          TEST(a_split_cuts_between_sides_and_not_within),
          TEST(one_way_cuts_from_side_0_to_side_1_only),
          TEST(the_isolated_reach_nobody_not_even_each_other), TEST(a_cut_loses_a_streams_packet),
          TEST(a_chain_layer_comes_on_top_of_the_link), TEST(a_chain_layer_that_loses_is_the_cause),
          TEST(a_chain_layer_that_loses_all_is_a_cut), TEST(layers_compose_and_lift_one_by_one),
          TEST(a_layer_put_on_again_counts_from_nothing), TEST(layers_are_bounded),
          TEST(layers_draw_apart_and_by_their_key),
          TEST(layers_without_a_key_draw_apart_from_the_link_and_each_other),
          TEST(fates_are_the_same_on_every_machine))
